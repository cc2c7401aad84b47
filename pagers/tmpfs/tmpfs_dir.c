/*
 * tmpfs_dir.c - entries of directories, and the life of nodes.
 *
 * Every entry is in one hash table of its volume (by directory and name) and in the list of its directory, oldest first. An entry's
 * cookie only grows, so that reading a directory while it changes neither repeats nor skips what stays. An entry holds a
 * reference to its node: a node without entries lives as long as somebody uses it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "tmpfs.h"

/* ---- Entries ---- */

static uint32_t
entry_hash(const struct tmpfs_node *dir, const char *name, size_t len)
{
	uint32_t h = 2166136261u ^ (uint32_t)((uintptr_t)dir >> 4);

	while (len-- > 0)
		h = (h ^ (uint8_t)*name++) * 16777619u;
	return h ^ h >> 15;
}

static struct tmpfs_entry **
hash_chain(struct tmpfs_volume *tv, const struct tmpfs_node *dir, const char *name, size_t len)
{
	return &tv->tv_hash[entry_hash(dir, name, len) & (tv->tv_hash_size - 1)];
}

/* Twice as many chains, when there are more entries than chains; without memory it stays as it is. */
static void
hash_grow(struct tmpfs_volume *tv)
{
	struct tmpfs_entry **old = tv->tv_hash, *te, *next, **chain;
	uint32_t i, size = tv->tv_hash_size;

	if (tv->tv_entries <= size)
		return;
	tv->tv_hash = calloc(size * 2, sizeof(*old));
	if (tv->tv_hash == NULL) {
		tv->tv_hash = old;
		return;
	}
	tv->tv_hash_size = size * 2;
	for (i = 0; i < size; i++) {
		for (te = old[i]; te != NULL; te = next) {
			next = te->te_hash;
			chain = hash_chain(tv, te->te_dir, te->te_name, te->te_len);
			te->te_hash = *chain;
			*chain = te;
		}
	}
	free(old);
}

struct tmpfs_entry *
tmpfs_entry_find(struct tmpfs_node *dir, const char *name, size_t len)
{
	struct tmpfs_entry *te;

	for (te = *hash_chain(dir->tn_volume, dir, name, len); te != NULL; te = te->te_hash)
		if (te->te_dir == dir && te->te_len == len && memcmp(te->te_name, name, len) == 0)
			return te;
	return NULL;
}

struct tmpfs_entry *
tmpfs_entry_alloc(const char *name, size_t len)
{
	struct tmpfs_entry *te = malloc(sizeof(*te) + len);

	if (te != NULL) {
		memset(te, 0, sizeof(*te));
		te->te_len = (uint8_t)len;
		memcpy(te->te_name, name, len);
	}
	return te;
}

static void
entry_hash_insert(struct tmpfs_volume *tv, struct tmpfs_entry *te)
{
	struct tmpfs_entry **chain = hash_chain(tv, te->te_dir, te->te_name, te->te_len);

	te->te_hash = *chain;
	*chain = te;
	tv->tv_entries++;
	hash_grow(tv);
}

static void
entry_hash_remove(struct tmpfs_volume *tv, struct tmpfs_entry *te)
{
	struct tmpfs_entry **p = hash_chain(tv, te->te_dir, te->te_name, te->te_len);

	while (*p != te)
		p = &(*p)->te_hash;
	*p = te->te_hash;
	tv->tv_entries--;
}

/* TE becomes the youngest entry of DIR, for NODE, whose reference it takes. A directory's ".." counts as a link of DIR. */
void
tmpfs_entry_insert(struct tmpfs_node *dir, struct tmpfs_entry *te, struct tmpfs_node *node)
{
	te->te_dir = dir;
	te->te_node = node;
	te->te_cookie = ++dir->u.dir.next_cookie;
	te->te_prev = dir->u.dir.last;
	te->te_next = NULL;
	if (dir->u.dir.last != NULL)
		dir->u.dir.last->te_next = te;
	else
		dir->u.dir.first = te;
	dir->u.dir.last = te;
	dir->tn_node.pn_attr.at_size += 20;
	entry_hash_insert(dir->tn_volume, te);
	if (tmpfs_is_dir(node)) {
		node->u.dir.parent = dir;
		dir->tn_node.pn_attr.at_nlink++;
	}
}

/* Take TE out; its memory and its reference are the caller's. */
void
tmpfs_entry_remove(struct tmpfs_entry *te)
{
	struct tmpfs_node *dir = te->te_dir;

	entry_hash_remove(dir->tn_volume, te);
	if (te->te_prev != NULL)
		te->te_prev->te_next = te->te_next;
	else
		dir->u.dir.first = te->te_next;
	if (te->te_next != NULL)
		te->te_next->te_prev = te->te_prev;
	else
		dir->u.dir.last = te->te_prev;
	if (dir->u.dir.read_at == te)
		dir->u.dir.read_at = te->te_prev;
	dir->tn_node.pn_attr.at_size -= 20;
	if (tmpfs_is_dir(te->te_node))
		dir->tn_node.pn_attr.at_nlink--;
}

/* ---- Nodes ---- */

struct tmpfs_node *
tmpfs_node_alloc(struct tmpfs_volume *tv, const struct pfs_new *what)
{
	struct tmpfs_node *tn = calloc(1, sizeof(*tn));
	struct mx_attr *at;

	if (tn == NULL)
		return NULL;
	tn->tn_volume = tv;
	pfs_node_init(&tn->tn_node, tv->tv_volume, ++tv->tv_next_ino, what->nw_mode);
	at = &tn->tn_node.pn_attr;
	at->at_uid = what->nw_uid;
	at->at_gid = what->nw_gid;
	at->at_rdev_major = what->nw_rdev_major;
	at->at_rdev_minor = what->nw_rdev_minor;
	at->at_nlink = tmpfs_is_dir(tn) ? 2 : 1;
	at->at_size = tmpfs_is_dir(tn) ? 40 : 0;	/* as Linux's: 20 for each entry, "." and ".." too */
	tv->tv_nodes++;
	return tn;
}

void
tmpfs_volume_free(struct tmpfs_volume *tv)
{
	free(tv->tv_hash);
	free(tv);
}

void
tmpfs_node_free(struct tmpfs_node *tn)
{
	struct tmpfs_volume *tv = tn->tn_volume;

	switch (tn->tn_node.pn_attr.at_mode & MX_S_IFMT) {
	case MX_S_IFREG:
		tmpfs_pages_free(tn);
		break;
	case MX_S_IFLNK:
		free(tn->u.link.target);
		break;
	}
	tmpfs_xattrs_free(tn);
	free(tn);
	if (--tv->tv_nodes == 0)
		tmpfs_volume_free(tv);	/* the root is the last to go, or a file still mapped after it */
}

static kern_return_t
link_set(struct tmpfs_node *tn, const struct pfs_new *what)
{
	tn->u.link.target = malloc(what->nw_target_len + 1);
	if (tn->u.link.target == NULL)
		return MX_ENOSPC;
	memcpy(tn->u.link.target, what->nw_target, what->nw_target_len);
	tn->u.link.target[what->nw_target_len] = '\0';
	tn->u.link.len = what->nw_target_len;
	tn->tn_node.pn_attr.at_size = what->nw_target_len;
	return KERN_SUCCESS;
}

kern_return_t
tmpfs_node_make(struct tmpfs_node *dir, const char *name, size_t len, const struct pfs_new *what, struct tmpfs_node **out)
{
	struct tmpfs_entry *te;
	struct tmpfs_node *tn;
	kern_return_t kr = MX_ENOSPC;

	if (tmpfs_entry_find(dir, name, len) != NULL)
		return MX_EEXIST;
	if (dir->tn_node.pn_attr.at_nlink == 0)
		return MX_ENOENT;
	if (!tmpfs_may_grow(dir->tn_volume, true))
		return MX_ENOSPC;
	te = tmpfs_entry_alloc(name, len);
	if (te == NULL)
		return MX_ENOSPC;
	tn = tmpfs_node_alloc(dir->tn_volume, what);
	if (tn == NULL)
		goto out_entry;
	if ((what->nw_mode & MX_S_IFMT) == MX_S_IFLNK) {
		kr = link_set(tn, what);
		if (kr != KERN_SUCCESS)
			goto out_node;
	}
	tmpfs_entry_insert(dir, te, tn);
	pfs_node_hold(&tn->tn_node);
	*out = tn;
	return KERN_SUCCESS;
out_node:
	pfs_node_release(&tn->tn_node);
out_entry:
	free(te);
	return kr;
}

/* An entry of NODE went; the entry's reference with it. */
void
tmpfs_node_unlinked(struct tmpfs_node *tn)
{
	struct mx_attr *at = &tn->tn_node.pn_attr;

	at->at_nlink = tmpfs_is_dir(tn) ? 0 : at->at_nlink - 1;
	if (tmpfs_is_dir(tn))
		tn->u.dir.parent = NULL;
	pfs_node_touch(&tn->tn_node, PFS_CTIME);
	pfs_node_changed(&tn->tn_node);
	pfs_node_release(&tn->tn_node);
}
