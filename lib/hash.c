/*
 * hash.c - find a structure by a port name.
 *
 * Entries are part of the structures that are found, so that insertion allocates nothing but, now and then, a larger array of
 * buckets; when there is no memory for that the table only gets slower.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include "impl.h"

#define FIRST_SIZE 64u

static unsigned int
bucket(const struct mx_hash *h, unsigned int key)
{
	return key * 2654435761u >> 7 & (h->ha_size - 1);
}

static bool
grow(struct mx_hash *h, unsigned int size)
{
	struct mx_hash bigger = { calloc(size, sizeof(*bigger.ha_buckets)), size, h->ha_count };
	struct mx_hash_entry *e, *next;
	unsigned int i;

	if (bigger.ha_buckets == NULL)
		return false;
	for (i = 0; i < h->ha_size; i++) {
		for (e = h->ha_buckets[i]; e != NULL; e = next) {
			next = e->he_next;
			e->he_next = bigger.ha_buckets[bucket(&bigger, e->he_key)];
			bigger.ha_buckets[bucket(&bigger, e->he_key)] = e;
		}
	}
	free(h->ha_buckets);
	*h = bigger;
	return true;
}

bool
mx_hash_insert(struct mx_hash *h, struct mx_hash_entry *e)
{
	struct mx_hash_entry **b;

	if (h->ha_size == 0 && !grow(h, FIRST_SIZE))
		return false;
	if (h->ha_count >= 2 * h->ha_size)
		(void)grow(h, 4 * h->ha_size);	/* else longer chains */
	b = &h->ha_buckets[bucket(h, e->he_key)];
	e->he_next = *b;
	*b = e;
	h->ha_count++;
	return true;
}

void
mx_hash_remove(struct mx_hash *h, struct mx_hash_entry *e)
{
	struct mx_hash_entry **b;

	if (h->ha_size == 0)
		return;
	for (b = &h->ha_buckets[bucket(h, e->he_key)]; *b != NULL; b = &(*b)->he_next) {
		if (*b == e) {
			*b = e->he_next;
			h->ha_count--;
			return;
		}
	}
}

struct mx_hash_entry *
mx_hash_find(const struct mx_hash *h, unsigned int key)
{
	struct mx_hash_entry *e;

	if (h->ha_size == 0)
		return NULL;
	for (e = h->ha_buckets[bucket(h, key)]; e != NULL; e = e->he_next)
		if (e->he_key == key)
			return e;
	return NULL;
}
