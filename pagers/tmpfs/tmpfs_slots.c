/*
 * tmpfs_slots.c - where each page of a file is, and the compact forms that need no slots.
 *
 * A file has a word, its slot, for each page: an address in this task and who else has the page. Files of the boot archive have no slots
 * until they are mapped or written, small files a few bytes of heap instead.
 *
 * Locks: a slot changes under tp_lock; tables grow on fibrils only, so that the pager's thread never allocates.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "tmpfs.h"

/* ---- Slots ---- */

uint32_t *
tmpfs_slot_find(struct tmpfs_pages *tp, uint32_t page)
{
	uint32_t leaf = page / TP_LEAF;

	if (leaf >= tp->tp_nleaves || tp->tp_leaf[leaf] == NULL)
		return NULL;
	return &tp->tp_leaf[leaf][page % TP_LEAF];
}

uint32_t
tmpfs_slot_get(struct tmpfs_pages *tp, uint32_t page)
{
	uint32_t *slot = tmpfs_slot_find(tp, page);

	return slot != NULL ? *slot : 0;
}

/* Room for leaf number LEAF - 1 in the table. Fibrils only. */
static bool
leaves_reserve(struct tmpfs_pages *tp, uint32_t leaves)
{
	uint32_t size = tp->tp_nleaves != 0 ? tp->tp_nleaves : 1;
	uint32_t **table, **old;

	if (leaves <= tp->tp_nleaves)
		return true;
	while (size < leaves)
		size *= 2;
	table = calloc(size, sizeof(*table));
	if (table == NULL)
		return false;
	old = tp->tp_leaf;
	if (old != NULL)
		memcpy(table, old, tp->tp_nleaves * sizeof(*table));
	mx_spin_lock(&tp->tp_lock);
	tp->tp_leaf = table;
	tp->tp_nleaves = size;
	mx_spin_unlock(&tp->tp_lock);
	free(old);
	return true;
}

/* The slot of PAGE, made when it is not there. NULL: no memory. Fibrils only. */
uint32_t *
tmpfs_slot_make(struct tmpfs_pages *tp, uint32_t page)
{
	uint32_t leaf = page / TP_LEAF;
	uint32_t *slots;

	if (!leaves_reserve(tp, leaf + 1))
		return NULL;
	if (tp->tp_leaf[leaf] == NULL) {
		slots = calloc(TP_LEAF, sizeof(*slots));
		if (slots == NULL)
			return NULL;
		mx_spin_lock(&tp->tp_lock);
		tp->tp_leaf[leaf] = slots;
		mx_spin_unlock(&tp->tp_lock);
	}
	return &tp->tp_leaf[leaf][page % TP_LEAF];
}

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
			page |= TP_LEAF - 1;	/* the whole leaf is missing */
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

	if (n > 0 && tmpfs_slot_make(tp, n - 1) == NULL)
		return MX_ENOMEM;
	for (i = 0; i < n; i += TP_LEAF)
		if (tmpfs_slot_make(tp, i) == NULL)
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
	uint32_t *slot;

	if (tmpfs_size(tn) == 0) {
		tn->tn_node.pn_attr.at_blocks = 0;
		goto empty;
	}
	slot = tmpfs_slot_make(tp, 0);
	if (slot == NULL)
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
	tmpfs_slot_fill(tn, slot, (uint32_t)(uintptr_t)page);
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
	uint32_t page;

	for (page = 0; kr == KERN_SUCCESS && page < tmpfs_pages_of(tmpfs_size(tn)); page += TP_LEAF)
		if (tmpfs_slot_make(tp, page) == NULL)
			return MX_ENOMEM;
	return kr;
}
