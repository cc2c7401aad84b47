/*
 * tmpfs_pager.c - a file's pages move to the kernel and come back.
 *
 * A page is supplied "precious", so that the kernel returns it even unchanged: TP_KERNEL is exact, and a request for a page that the
 * kernel has already is an old one, overtaken by a supply, to be ignored. Only pages that the kernel made itself (zeros for a
 * hole) may vanish: TP_LOSABLE.
 *
 * All but the last function run on the pager's thread.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "tmpfs.h"

#define SUPPLY_MAX	64u	/* pages in one answer */

/* How many pages from PAGE on lie in this task at consecutive addresses, all to be kept or none. Locks: tp_lock held */
static uint32_t
supply_run(struct tmpfs_pages *tp, uint32_t page)
{
	uint32_t first = tmpfs_slot_get(tp, page), n;

	for (n = 1; n < SUPPLY_MAX && page + n < tp->tp_npages; n++)
		if (tmpfs_slot_get(tp, page + n) != first + n * MX_PAGE)
			break;
	return n;
}

/* Answer a request for a page that lies in this task. Under the lock: read() must find it in one of the two places. Locks: tp_lock
 * held */
static void
request_supply(struct mx_pager *pg, struct tmpfs_pages *tp, uint32_t page)
{
	uint8_t *addr = tmpfs_slot_address(tmpfs_slot_get(tp, page));
	bool move = (tmpfs_slot_get(tp, page) & TP_KEEP) == 0;
	uint8_t *back;
	uint32_t i, n;

	*tmpfs_slot_find(tp, page) &= ~TP_STATE;
	n = supply_run(tp, page);
	for (i = 0; i < n; i++) {
		uint32_t *slot = tmpfs_slot_find(tp, page + i);

		*slot = (move ? 0 : *slot) | TP_KERNEL;
	}
	back = mx_pager_supply(pg, page, addr, n, move, true);
	if (move && back != addr)
		mx_page_gone(addr, n);
	for (i = 0; back != NULL && i < n; i++) {
		uint32_t *slot = tmpfs_slot_find(tp, page + i);

		*slot = move ? (uint32_t)(uintptr_t)(back + i * MX_PAGE) : *slot & ~TP_STATE;
	}
}

/* Answer a request for a hole: the kernel makes the page. Locks: tp_lock held */
static void
request_zero(struct mx_pager *pg, struct tmpfs_node *tn, uint32_t *slot, uint32_t page)
{
	if (!tmpfs_charge(tn->tn_volume, 1, false)) {
		mx_pager_error(pg, page);
		return;
	}
	tmpfs_slot_fill(tn, slot, TP_KERNEL | TP_LOSABLE);
	mx_pager_zero(pg, page);
}

static void
pager_request(struct mx_pager *pg, uint32_t page, vm_prot_t access)
{
	struct tmpfs_node *tn = mx_pager_owner(pg);
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t *slot;

	(void)access;
	mx_spin_lock(&tp->tp_lock);
	slot = page < tp->tp_npages ? tmpfs_slot_find(tp, page) : NULL;
	if (slot == NULL) {
		mx_spin_unlock(&tp->tp_lock);
		mx_pager_error(pg, page);
		return;
	}
	if (*slot == 0)
		request_zero(pg, tn, slot, page);
	else if ((*slot & TP_KERNEL) == 0 || (tmpfs_slot_address(*slot) != NULL && (*slot & TP_LOSABLE)))
		request_supply(pg, tp, page);
	else if (*slot & TP_LOSABLE)
		mx_pager_zero(pg, page);
	mx_spin_unlock(&tp->tp_lock);
}

/* One page came back. Answers a page to be freed. Locks: tp_lock held */
static void *
page_return(struct tmpfs_node *tn, uint32_t page, uint8_t *data, bool dirty, bool kernel_copy)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t *slot = page < tp->tp_npages ? tmpfs_slot_find(tp, page) : NULL;
	void *old;

	if (slot == NULL || (*slot & TP_KERNEL) == 0)
		return data;				/* truncated meanwhile */
	if (kernel_copy && (*slot & TP_LOSABLE) == 0) {	/* it will come again; a copy that stayed here is old now */
		old = tmpfs_slot_owned(*slot);
		*slot = TP_KERNEL;
		if (old != NULL)
			mx_page_free(old);
		return data;
	}
	if (!dirty && !kernel_copy && tmpfs_slot_address(*slot) != NULL) {	/* what this side has is as good */
		*slot &= ~TP_STATE;
		return data;
	}
	old = tmpfs_slot_owned(*slot);
	if (page == tp->tp_npages - 1 && tn->tn_node.pn_attr.at_size % MX_PAGE != 0) {
		size_t tail = (size_t)(tn->tn_node.pn_attr.at_size % MX_PAGE);

		memset(data + tail, 0, MX_PAGE - tail);
	}
	*slot = (uint32_t)(uintptr_t)data | (kernel_copy ? TP_KERNEL | TP_LOSABLE : 0);
	return old;
}

static void
pager_return(struct mx_pager *pg, uint32_t page, void *data, uint32_t npages, bool dirty, bool kernel_copy)
{
	struct tmpfs_node *tn = mx_pager_owner(pg);
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t i;

	for (i = 0; i < npages; i++) {
		void *unused;

		mx_spin_lock(&tp->tp_lock);
		unused = page_return(tn, page + i, (uint8_t *)data + i * MX_PAGE, dirty, kernel_copy);
		mx_spin_unlock(&tp->tp_lock);
		if (unused != NULL)
			mx_page_free(unused);
	}
}

/* What the kernel had and did not return were zeros. */
static void
pager_terminated(struct mx_pager *pg)
{
	struct tmpfs_node *tn = mx_pager_owner(pg);
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t page, *slot;

	mx_spin_lock(&tp->tp_lock);
	for (page = 0; page < tp->tp_npages; page++) {
		slot = tmpfs_slot_find(tp, page);
		if (slot == NULL || (*slot & TP_KERNEL) == 0)
			continue;
		*slot &= ~TP_STATE;
		if (*slot == 0) {
			tp->tp_used--;
			tn->tn_node.pn_attr.at_blocks -= MX_PAGE / 512;
			tmpfs_uncharge(tn->tn_volume, 1);
		}
	}
	mx_spin_unlock(&tp->tp_lock);
}

/* The file was removed, and now nobody can map it any more. */
static void
pager_unused(struct mx_pager *pg)
{
	struct tmpfs_node *tn = mx_pager_owner(pg);

	tn->tn_node.pn_pager = NULL;
	mx_pager_destroy(pg);
	tmpfs_node_free(tn);
}

const struct mx_pager_ops tmpfs_pager_ops = {
	.pg_request = pager_request,
	.pg_return = pager_return,
	.pg_terminated = pager_terminated,
	.pg_unused = pager_unused,
};
