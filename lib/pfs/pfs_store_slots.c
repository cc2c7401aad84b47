/*
 * pfs_store_slots.c - what is known of each page of a stored file.
 *
 * Locks: a slot changes under ps_lock.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "pfs_store_impl.h"

volatile uint32_t store_pending_all;

void
store_slots_free(struct pfs_store *ps)
{
	store_slots_clear(ps, 0, mx_slots_end(&ps->ps_slots));
	mx_slots_free(&ps->ps_slots);
}

void *
store_slot_put(struct pfs_store *ps, uint32_t *slot, void *addr)
{
	void *old = store_address(*slot);

	if (old == NULL) {
		ps->ps_pending++;
		__atomic_fetch_add(&store_pending_all, 1, __ATOMIC_RELAXED);
	}
	if ((*slot & (PS_STORING | PS_RENEWED)) == PS_STORING) {
		old = NULL;			/* who stores it frees it */
		*slot |= PS_RENEWED;
	}
	*slot = (*slot & PS_FLAGS) | (uint32_t)(uintptr_t)addr;
	return old;
}

void *
store_slot_take(struct pfs_store *ps, uint32_t *slot)
{
	void *addr = store_address(*slot);

	if (addr == NULL)
		return NULL;
	ps->ps_pending--;
	__atomic_fetch_sub(&store_pending_all, 1, __ATOMIC_RELAXED);
	*slot &= PS_FLAGS & ~PS_EVICTED;
	return addr;
}

void
store_slots_clear(struct pfs_store *ps, uint32_t first, uint32_t end)
{
	uint32_t page, *slot;
	void *addr;

	for (page = first; page < end; page++) {
		slot = store_slot_find(ps, page);
		if (slot == NULL) {
			page |= MX_SLOTS_LEAF - 1;	/* the whole leaf is missing */
			continue;
		}
		mx_spin_lock(&ps->ps_lock);
		addr = store_slot_take(ps, slot);
		*slot = 0;
		mx_spin_unlock(&ps->ps_lock);
		if (addr != NULL)
			mx_page_free(addr);
	}
}

/* Has somebody claimed, or does he store, a page of [FIRST, END)? */
static bool
is_busy(struct pfs_store *ps, uint32_t first, uint32_t end)
{
	uint32_t page, *slot;

	if (end > mx_slots_end(&ps->ps_slots))
		end = mx_slots_end(&ps->ps_slots);
	for (page = first; page < end; page++) {
		slot = store_slot_find(ps, page);
		if (slot == NULL)
			page |= MX_SLOTS_LEAF - 1;
		else if (*slot & (PS_CLAIMED | PS_STORING))
			return true;
	}
	return false;
}

void
store_slots_wait(struct pfs_store *ps, uint32_t first, uint32_t end)
{
	while (is_busy(ps, first, end))
		mx_cond_wait(&ps->ps_changed);
}
