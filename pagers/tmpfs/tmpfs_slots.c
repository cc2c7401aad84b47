/*
 * tmpfs_slots.c - where each page of a file is, and the compact forms that need no slots.
 *
 * A file has a word, its slot, for each page: an address in this task and who else has the page. Files of the boot archive have no slots
 * until they are mapped or written, small files a few bytes of heap instead.
 *
 * Locks: a slot changes under tp_lock.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "tmpfs.h"

/* ---- Slots ---- */

/* PAGE gets SLOT's contents for the first time. Locks: tp_lock held. */
void
tmpfs_slot_fill(struct tmpfs_node *tn, uint32_t *slot, uint32_t value)
{
	*slot = value;
	tn->u.reg.tp_used++;
	tn->tn_node.pn_attr.at_blocks += MX_PAGE / 512;
}

/* Empty [FIRST, END). The kernel's pages among them have been or will be discarded. */
void
tmpfs_slots_clear(struct tmpfs_node *tn, uint32_t first, uint32_t end)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t page, *slot;

	for (page = first; page < end; page++) {
		void *addr;

		slot = tmpfs_slot_find(tp, page);
		if (slot == NULL) {
			page |= MX_SLOTS_LEAF - 1;	/* the whole leaf is missing */
			continue;
		}
		mx_spin_lock(&tp->tp_lock);
		addr = tmpfs_slot_owned(*slot);
		if (*slot != 0) {
			*slot = 0;
			tp->tp_used--;
			tn->tn_node.pn_attr.at_blocks -= MX_PAGE / 512;
			tmpfs_uncharge(tn->tn_volume, 1);
		}
		mx_spin_unlock(&tp->tp_lock);
		if (addr != NULL)
			mx_page_free(addr);
	}
}

/* The number of pages of the file changed; the pager's thread looks at it. */
void
tmpfs_npages_set(struct tmpfs_pages *tp, uint64_t size)
{
	mx_spin_lock(&tp->tp_lock);
	tp->tp_npages = tmpfs_pages_of(size);
	mx_spin_unlock(&tp->tp_lock);
}

/* ---- Leaving the compact forms ---- */

bool
tmpfs_has_pages(const struct tmpfs_pages *tp)
{
	return tp->tp_archive == NULL && tp->tp_small == NULL;
}

/* A page of the pool with LEN bytes of DATA and zeros after them. */
static uint8_t *
page_with(const void *data, size_t len)
{
	uint8_t *page = mx_page_alloc();

	if (page == NULL)
		return NULL;
	if (len > 0)
		memcpy(page, data, len);
	memset(page + len, 0, MX_PAGE - len);
	return page;
}

static void
archive_forget(struct tmpfs_node *tn)
{
	tn->u.reg.tp_archive = NULL;
	tn->tn_node.pn_attr.at_blocks = 0;	/* tmpfs_slot_fill counts again; the charge stays with the slots */
}

/* Give the pages of the archive slots. The last one is copied: what follows the data in it is not ours. */
static kern_return_t
archive_to_pages(struct tmpfs_node *tn)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	const uint8_t *archive = tp->tp_archive;
	uint32_t keep = tp->tp_keep ? TP_KEEP : 0;
	uint32_t i, n = tmpfs_pages_of(tmpfs_size(tn)), tail = (uint32_t)(tmpfs_size(tn) % MX_PAGE);
	uint8_t *last = NULL;

	if (!tmpfs_slots_make(tp, 0, n))
		return MX_ENOMEM;
	if (tail != 0) {
		last = page_with(archive + (size_t)(n - 1) * MX_PAGE, tail);
		if (last == NULL)
			return MX_ENOMEM;
	}
	archive_forget(tn);
	mx_spin_lock(&tp->tp_lock);
	for (i = 0; i < n; i++) {
		if (i == n - 1 && last != NULL)
			tmpfs_slot_fill(tn, tmpfs_slot_find(tp, i), (uint32_t)(uintptr_t)last);
		else
			tmpfs_slot_fill(tn, tmpfs_slot_find(tp, i), (uint32_t)(uintptr_t)(archive + (size_t)i * MX_PAGE) | keep);
	}
	mx_spin_unlock(&tp->tp_lock);
	return KERN_SUCCESS;
}

static kern_return_t
small_to_pages(struct tmpfs_node *tn)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	uint8_t *small = tp->tp_small, *page;

	if (tmpfs_size(tn) == 0) {
		tn->tn_node.pn_attr.at_blocks = 0;
		goto empty;
	}
	if (!tmpfs_slots_make(tp, 0, 1))
		return MX_ENOMEM;
	if (!tmpfs_charge(tn->tn_volume, 1, false))
		return MX_ENOSPC;
	page = page_with(small, (size_t)tmpfs_size(tn) < tp->tp_small_size ? (size_t)tmpfs_size(tn) : tp->tp_small_size);
	if (page == NULL) {
		tmpfs_uncharge(tn->tn_volume, 1);
		return MX_ENOMEM;
	}
	tn->tn_node.pn_attr.at_blocks = 0;
	mx_spin_lock(&tp->tp_lock);
	tmpfs_slot_fill(tn, tmpfs_slot_find(tp, 0), (uint32_t)(uintptr_t)page);
	mx_spin_unlock(&tp->tp_lock);
empty:
	tp->tp_small = NULL;
	tp->tp_small_size = 0;
	free(small);
	return KERN_SUCCESS;
}

kern_return_t
tmpfs_to_pages(struct tmpfs_node *tn)
{
	struct tmpfs_pages *tp = &tn->u.reg;

	if (tp->tp_archive != NULL)
		return archive_to_pages(tn);
	return tp->tp_small != NULL ? small_to_pages(tn) : KERN_SUCCESS;
}

kern_return_t
tmpfs_pages_prepare(struct tmpfs_node *tn)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	kern_return_t kr = tmpfs_to_pages(tn);

	if (kr == KERN_SUCCESS && !tmpfs_slots_make(tp, 0, tmpfs_pages_of(tmpfs_size(tn))))
		return MX_ENOMEM;
	return kr;
}
