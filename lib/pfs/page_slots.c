/*
 * page_slots.c - a word for each page of a file, in leaves that are made when they are needed.
 *
 * The pager's thread looks and changes words, under the owner's lock; tables grow on fibrils only, so that it never allocates.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/pager.h>

uint32_t *
mx_slots_find(const struct mx_slots *sl, uint32_t page)
{
	uint32_t leaf = page / MX_SLOTS_LEAF;

	if (leaf >= sl->sl_nleaves || sl->sl_leaf[leaf] == NULL)
		return NULL;
	return &sl->sl_leaf[leaf][page % MX_SLOTS_LEAF];
}

uint32_t
mx_slots_get(const struct mx_slots *sl, uint32_t page)
{
	const uint32_t *slot = mx_slots_find(sl, page);

	return slot != NULL ? *slot : 0;
}

/* Room for leaf number LEAVES - 1 in the table. */
static bool
leaves_reserve(struct mx_slots *sl, struct mx_spin *lock, uint32_t leaves)
{
	uint32_t size = sl->sl_nleaves != 0 ? sl->sl_nleaves : 1;
	uint32_t **table, **old = sl->sl_leaf;

	if (leaves <= sl->sl_nleaves)
		return true;
	while (size < leaves)
		size *= 2;
	table = calloc(size, sizeof(*table));
	if (table == NULL)
		return false;
	if (old != NULL)
		memcpy(table, old, sl->sl_nleaves * sizeof(*table));
	mx_spin_lock(lock);
	sl->sl_leaf = table;
	sl->sl_nleaves = size;
	mx_spin_unlock(lock);
	free(old);
	return true;
}

bool
mx_slots_make(struct mx_slots *sl, struct mx_spin *lock, uint32_t first, uint32_t end)
{
	uint32_t leaf, *slots;

	if (first >= end)
		return true;
	if (!leaves_reserve(sl, lock, (end - 1) / MX_SLOTS_LEAF + 1))
		return false;
	for (leaf = first / MX_SLOTS_LEAF; leaf <= (end - 1) / MX_SLOTS_LEAF; leaf++) {
		if (sl->sl_leaf[leaf] != NULL)
			continue;
		slots = calloc(MX_SLOTS_LEAF, sizeof(*slots));
		if (slots == NULL)
			return false;
		mx_spin_lock(lock);
		sl->sl_leaf[leaf] = slots;
		mx_spin_unlock(lock);
	}
	return true;
}

void
mx_slots_free(struct mx_slots *sl)
{
	uint32_t i;

	for (i = 0; i < sl->sl_nleaves; i++)
		free(sl->sl_leaf[i]);
	free(sl->sl_leaf);
	sl->sl_leaf = NULL;
	sl->sl_nleaves = 0;
}
