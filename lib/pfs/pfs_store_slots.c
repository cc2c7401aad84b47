/*
 * pfs_store_slots.c - what is known of each page of a stored file.
 *
 * Locks: a slot changes under ps_lock; tables grow on fibrils only, so that the pager's thread never allocates.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "pfs_store_impl.h"

volatile uint32_t store_pending_all;

uint32_t *
store_slot_find(struct pfs_store *ps, uint32_t page)
{
	uint32_t leaf = page / PS_LEAF;

	if (leaf >= ps->ps_nleaves || ps->ps_leaf[leaf] == NULL)
		return NULL;
	return &ps->ps_leaf[leaf][page % PS_LEAF];
}

uint32_t
store_slot_get(struct pfs_store *ps, uint32_t page)
{
	uint32_t *slot = store_slot_find(ps, page);

	return slot != NULL ? *slot : 0;
}

/* Room for leaf number LEAVES - 1 in the table. */
static bool
leaves_reserve(struct pfs_store *ps, uint32_t leaves)
{
	uint32_t size = ps->ps_nleaves != 0 ? ps->ps_nleaves : 1;
	uint32_t **table, **old = ps->ps_leaf;

	if (leaves <= ps->ps_nleaves)
		return true;
	while (size < leaves)
		size *= 2;
	table = calloc(size, sizeof(*table));
	if (table == NULL)
		return false;
	if (old != NULL)
		memcpy(table, old, ps->ps_nleaves * sizeof(*table));
	mx_spin_lock(&ps->ps_lock);
	ps->ps_leaf = table;
	ps->ps_nleaves = size;
	mx_spin_unlock(&ps->ps_lock);
	free(old);
	return true;
}

bool
store_slots_make(struct pfs_store *ps, uint32_t first, uint32_t end)
{
	uint32_t leaf, *slots;

	if (first >= end)
		return true;
	if (!leaves_reserve(ps, (end - 1) / PS_LEAF + 1))
		return false;
	for (leaf = first / PS_LEAF; leaf <= (end - 1) / PS_LEAF; leaf++) {
		if (ps->ps_leaf[leaf] != NULL)
			continue;
		slots = calloc(PS_LEAF, sizeof(*slots));
		if (slots == NULL)
			return false;
		mx_spin_lock(&ps->ps_lock);
		ps->ps_leaf[leaf] = slots;
		mx_spin_unlock(&ps->ps_lock);
	}
	return true;
}

void
store_slots_free(struct pfs_store *ps)
{
	uint32_t i;

	store_slots_clear(ps, 0, ps->ps_nleaves * PS_LEAF);
	for (i = 0; i < ps->ps_nleaves; i++)
		free(ps->ps_leaf[i]);
	free(ps->ps_leaf);
	ps->ps_leaf = NULL;
	ps->ps_nleaves = 0;
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
			page |= PS_LEAF - 1;	/* the whole leaf is missing */
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

	if (end > ps->ps_nleaves * PS_LEAF)
		end = ps->ps_nleaves * PS_LEAF;
	for (page = first; page < end; page++) {
		slot = store_slot_find(ps, page);
		if (slot == NULL)
			page |= PS_LEAF - 1;
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
