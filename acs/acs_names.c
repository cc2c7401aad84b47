/*
 * acs_names.c - the table of registered names.
 *
 * Linear search on purpose: there are tens of names, and clients ask once and keep the right.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs_core.h"

#include <string.h>

enum acs_names_result
acs_names_insert(struct acs_names *t, const char *name, uint32_t service, uint32_t owner, bool group)
{
	struct acs_name *free_slot = NULL;

	for (unsigned int i = 0; i < ACS_NAMES_MAX; i++) {
		struct acs_name *e = &t->nt_name[i];

		if (e->na_name[0] == '\0') {
			if (!free_slot)
				free_slot = e;
		} else if (strcmp(e->na_name, name) == 0 && (!group || e->na_owner == owner)) {
			return ACS_NAMES_EXISTS;
		}
	}
	if (!free_slot)
		return ACS_NAMES_FULL;
	strncpy(free_slot->na_name, name, sizeof free_slot->na_name - 1);
	free_slot->na_service = service;
	free_slot->na_owner = owner;
	free_slot->na_served = 0;
	return ACS_NAMES_OK;
}

struct acs_name *
acs_names_find(struct acs_names *t, const char *name)
{
	struct acs_name *best = NULL;

	for (struct acs_name *e = acs_names_next(t, NULL); e; e = acs_names_next(t, e))
		if (strcmp(e->na_name, name) == 0 && (!best || e->na_served < best->na_served))
			best = e;
	if (best)
		best->na_served = ++t->nt_clock;
	return best;
}

struct acs_name *
acs_names_find_owned(struct acs_names *t, const char *name, uint32_t owner)
{
	for (struct acs_name *e = acs_names_next(t, NULL); e; e = acs_names_next(t, e))
		if (e->na_owner == owner && strcmp(e->na_name, name) == 0)
			return e;
	return NULL;
}

struct acs_name *
acs_names_next(struct acs_names *t, const struct acs_name *previous)
{
	for (size_t i = previous ? (size_t)(previous - t->nt_name) + 1 : 0; i < ACS_NAMES_MAX; i++)
		if (t->nt_name[i].na_name[0] != '\0')
			return &t->nt_name[i];
	return NULL;
}

bool
acs_names_has_service(struct acs_names *t, uint32_t service)
{
	for (struct acs_name *e = acs_names_next(t, NULL); e; e = acs_names_next(t, e))
		if (e->na_service == service)
			return true;
	return false;
}

void
acs_names_free(struct acs_name *entry)
{
	memset(entry, 0, sizeof *entry);
}
