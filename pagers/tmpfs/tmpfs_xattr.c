/*
 * tmpfs_xattr.c - extended attributes in memory.
 *
 * They take heap, which is not counted in pages, so they are bounded: for a node, so that its names can be listed; for a volume, by its
 * size and by what is little for the machine. As everybody may set some, that is a bound for all users together.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "tmpfs.h"

#define NODE_MAX	MX_DATA_MAX	/* bytes for a node, with 16 for each attribute: more than its namespace takes in a list */
#define VOLUME_MAX	(4u << 20)
#define EACH		16u

static size_t
cost(size_t len, size_t size)
{
	return EACH + len + size;
}

/* The attribute, or the end of the list. */
static struct tmpfs_xattr **
xattr_find(struct tmpfs_node *tn, const struct pfs_xattr *xa)
{
	struct tmpfs_xattr **p, *tx;

	for (p = &tn->tn_xattrs; (tx = *p) != NULL; p = &tx->tx_next)
		if (tx->tx_space == xa->xa_space && tx->tx_len == xa->xa_len && memcmp(tx->tx_data, xa->xa_name, xa->xa_len) == 0)
			break;
	return p;
}

kern_return_t
tmpfs_getxattr(struct pfs_node *node, const struct pfs_xattr *xa, void *value, size_t *size)
{
	const struct tmpfs_xattr *tx = *xattr_find(tmpfs_node_of(node), xa);

	if (tx == NULL)
		return MX_ENODATA;
	*size = tx->tx_size;
	memcpy(value, tx->tx_data + tx->tx_len, tx->tx_size);
	return KERN_SUCCESS;
}

/* Is there room for ADD bytes more when GONE go? */
static bool
has_room(const struct tmpfs_node *tn, size_t add, size_t gone)
{
	const struct tmpfs_volume *tv = tn->tn_volume;
	uint32_t most = tv->tv_limit < VOLUME_MAX / MX_PAGE ? tv->tv_limit * MX_PAGE : VOLUME_MAX;
	const struct tmpfs_xattr *tx;
	size_t all = 0;

	for (tx = tn->tn_xattrs; tx != NULL; tx = tx->tx_next)
		all += cost(tx->tx_len, tx->tx_size);
	if (all - gone + add > NODE_MAX || tv->tv_xattr_bytes - gone + add > most)
		return false;
	return add <= gone || tmpfs_may_grow(tv, false);
}

static struct tmpfs_xattr *
xattr_new(const struct pfs_xattr *xa, const void *value, size_t size)
{
	struct tmpfs_xattr *tx = malloc(sizeof(*tx) + xa->xa_len + size);

	if (tx == NULL)
		return NULL;
	tx->tx_next = NULL;
	tx->tx_space = (uint8_t)xa->xa_space;
	tx->tx_len = (uint8_t)xa->xa_len;
	tx->tx_size = (uint16_t)size;
	memcpy(tx->tx_data, xa->xa_name, xa->xa_len);
	if (size > 0)
		memcpy(tx->tx_data + xa->xa_len, value, size);
	return tx;
}

kern_return_t
tmpfs_setxattr(struct pfs_node *node, const struct pfs_xattr *xa, const void *value, size_t size, uint32_t how)
{
	struct tmpfs_node *tn = tmpfs_node_of(node);
	struct tmpfs_xattr **place = xattr_find(tn, xa), *old = *place, *new = NULL;
	size_t gone = old != NULL ? cost(old->tx_len, old->tx_size) : 0, add = 0;
	kern_return_t kr = pfs_xattr_how(how, old != NULL);

	if (kr != KERN_SUCCESS)
		return kr;
	if (!(how & MX_XATTR_REMOVE)) {
		add = cost(xa->xa_len, size);
		new = has_room(tn, add, gone) ? xattr_new(xa, value, size) : NULL;
		if (new == NULL)
			return MX_ENOSPC;
	}
	if (old != NULL)
		*place = old->tx_next;
	if (new != NULL) {
		new->tx_next = *place;
		*place = new;
	}
	free(old);
	tn->tn_volume->tv_xattr_bytes += (uint32_t)(add - gone);
	return KERN_SUCCESS;
}

kern_return_t
tmpfs_listxattr(struct pfs_node *node, struct pfs_xattrs *out)
{
	const struct tmpfs_xattr *tx;

	for (tx = tmpfs_node_of(node)->tn_xattrs; tx != NULL; tx = tx->tx_next)
		pfs_xattrs_add(out, &(struct pfs_xattr){ tx->tx_space, tx->tx_data, tx->tx_len });
	return KERN_SUCCESS;
}

void
tmpfs_xattrs_free(struct tmpfs_node *tn)
{
	struct tmpfs_xattr *tx;

	while ((tx = tn->tn_xattrs) != NULL) {
		tn->tn_xattrs = tx->tx_next;
		tn->tn_volume->tv_xattr_bytes -= (uint32_t)cost(tx->tx_len, tx->tx_size);
		free(tx);
	}
}
