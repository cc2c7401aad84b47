/*
 * pfs_types.c - the file system types that live in this task, for a vfs that lives here too.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <masix/pfs.h>
#include <masix/server.h>

#define TYPES_MAX	8

static const struct pfs_ops *types[TYPES_MAX];
static unsigned int ntypes;

void
pfs_type_add(const struct pfs_ops *ops)
{
	mx_assert(ntypes < TYPES_MAX);
	types[ntypes++] = ops;
}

const struct pfs_ops *
pfs_type_find(const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i < ntypes; i++)
		if (strlen(types[i]->po_name) == len && memcmp(types[i]->po_name, name, len) == 0)
			return types[i];
	return NULL;
}
