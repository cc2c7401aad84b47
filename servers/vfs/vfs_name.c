/*
 * vfs_name.c - the name cache: what is known of the trees.
 *
 * A name is an edge: a directory's name, bytes, and the vnode they lead to, or none (a negative entry). A name that somebody uses, or that
 * has cached names below it, has references; the others wait in a list and are dropped, oldest first, when there are
 * too many. A name that was removed leaves the hash table but keeps its parent, so that ".." still works in a removed directory.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "vfs.h"

#define NAME_HASH	16384u

unsigned int vfs_name_limit = 8192, vfs_name_count;

static struct vfs_name *table[NAME_HASH];
static struct vfs_name lru = { .na_lru_next = &lru, .na_lru_prev = &lru };	/* oldest first */

static struct vfs_name **
chain_of(const struct vfs_name *dir, const char *name, size_t len)
{
	uint32_t h = 2166136261u ^ (uint32_t)((uintptr_t)dir >> 4);

	while (len-- > 0)
		h = (h ^ (uint8_t)*name++) * 16777619u;
	return &table[(h ^ h >> 16) & (NAME_HASH - 1)];
}

/* ---- The list of those that nobody uses ---- */

static void
lru_remove(struct vfs_name *na)
{
	if (na->na_lru_next == NULL)
		return;
	na->na_lru_next->na_lru_prev = na->na_lru_prev;
	na->na_lru_prev->na_lru_next = na->na_lru_next;
	na->na_lru_next = na->na_lru_prev = NULL;
}

static void
lru_append(struct vfs_name *na)
{
	na->na_lru_next = &lru;
	na->na_lru_prev = lru.na_lru_prev;
	lru.na_lru_prev->na_lru_next = na;
	lru.na_lru_prev = na;
}

/* ---- Life ---- */

static char *
bytes_copy(const char *name, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy != NULL) {
		memcpy(copy, name, len);
		copy[len] = '\0';
	}
	return copy;
}

static struct vfs_name *
name_alloc(const char *name, size_t len)
{
	struct vfs_name *na = calloc(1, sizeof(*na));

	if (na == NULL)
		return NULL;
	na->na_name = bytes_copy(name, len);
	if (na->na_name == NULL) {
		free(na);
		return NULL;
	}
	na->na_len = (uint8_t)len;
	na->na_refs = 1;
	vfs_name_count++;
	return na;
}

static void
alias_add(struct vfs_name *na, struct vfs_vnode *vn)
{
	na->na_vnode = vn;
	if (vn != NULL) {
		na->na_alias = vn->vn_names;
		vn->vn_names = na;
	}
}

/* NA leads nowhere any more. Answers the vnode, whose reference is the caller's. */
static struct vfs_vnode *
alias_remove(struct vfs_name *na)
{
	struct vfs_vnode *vn = na->na_vnode;
	struct vfs_name **p;

	if (vn == NULL)
		return NULL;
	for (p = &vn->vn_names; *p != na; p = &(*p)->na_alias)
		;
	*p = na->na_alias;
	na->na_alias = NULL;
	na->na_vnode = NULL;
	return vn;
}

static void
hash_insert(struct vfs_name *na)
{
	struct vfs_name **chain = chain_of(na->na_parent, na->na_name, na->na_len);

	na->na_hash = *chain;
	*chain = na;
	na->na_hashed = true;
}

static void
hash_remove(struct vfs_name *na)
{
	struct vfs_name **p;

	if (!na->na_hashed)
		return;
	for (p = chain_of(na->na_parent, na->na_name, na->na_len); *p != na; p = &(*p)->na_hash)
		;
	*p = na->na_hash;
	na->na_hashed = false;
}

/* Is NA of a volume whose names change by themselves? Then keeping it would only keep the other server's node. */
static bool
is_volatile(const struct vfs_name *na)
{
	return na->na_parent != NULL && na->na_vnode != NULL && na->na_vnode->vn_mount->mn_cache == MX_CACHE_NONE;
}

/* Nobody refers to NA. Its parent may go with it. */
static void
name_free(struct vfs_name *na)
{
	struct vfs_name *parent;
	struct vfs_vnode *vn;

	for (; na != NULL; na = parent) {
		lru_remove(na);
		hash_remove(na);
		vn = alias_remove(na);
		if (vn != NULL)
			vfs_vnode_release(vn);
		parent = na->na_parent;
		free(na->na_name);
		free(na);
		vfs_name_count--;
		if (parent == NULL || --parent->na_refs > 0)
			return;
		if (parent->na_hashed && !is_volatile(parent)) {
			lru_append(parent);
			return;
		}
	}
}

void
vfs_name_hold(struct vfs_name *na)
{
	if (na->na_refs++ == 0)
		lru_remove(na);
}

void
vfs_name_release(struct vfs_name *na)
{
	mx_assert(na->na_refs > 0);
	if (--na->na_refs > 0)
		return;
	if (is_volatile(na))
		hash_remove(na);
	if (!na->na_hashed) {
		name_free(na);
		return;
	}
	lru_append(na);
	if (vfs_name_count > vfs_name_limit)
		name_free(lru.na_lru_next);
}

struct vfs_name *
vfs_name_root(struct vfs_vnode *vn)
{
	struct vfs_name *na = name_alloc("", 0);

	if (na == NULL)
		vfs_vnode_release(vn);
	else
		alias_add(na, vn);
	return na;
}

/* ---- Names ---- */

static struct vfs_name *
find(const struct vfs_name *dir, const char *name, size_t len)
{
	struct vfs_name *na;

	for (na = *chain_of(dir, name, len); na != NULL; na = na->na_hash)
		if (na->na_parent == dir && na->na_len == len && memcmp(na->na_name, name, len) == 0)
			return na;
	return NULL;
}

struct vfs_name *
vfs_name_find(struct vfs_name *dir, const char *name, size_t len)
{
	struct vfs_name *na = find(dir, name, len);

	if (na != NULL)
		vfs_name_hold(na);
	return na;
}

void
vfs_name_remove(struct vfs_name *na)
{
	hash_remove(na);
	if (na->na_refs == 0)
		name_free(na);
}

void
vfs_name_forget(struct vfs_name *dir, const char *name, size_t len)
{
	struct vfs_name *na = find(dir, name, len);

	if (na != NULL)
		vfs_name_remove(na);
}

struct vfs_name *
vfs_name_enter(struct vfs_name *dir, const char *name, size_t len, struct vfs_vnode *vn)
{
	struct vfs_name *na = find(dir, name, len);

	if (na != NULL && na->na_vnode == vn) {
		vfs_name_hold(na);
		if (vn != NULL)
			vfs_vnode_release(vn);
		return na;
	}
	if (na != NULL)
		vfs_name_remove(na);
	na = name_alloc(name, len);
	if (na == NULL) {
		if (vn != NULL)
			vfs_vnode_release(vn);
		return NULL;
	}
	vfs_name_hold(dir);
	na->na_parent = dir;
	alias_add(na, vn);
	hash_insert(na);
	return na;
}

/* NA, which is in no chain, gets PARENT (whose reference it takes) and NAME (which it takes). */
static void
place(struct vfs_name *na, struct vfs_name *parent, char *name, uint8_t len)
{
	na->na_parent = parent;
	na->na_name = name;
	na->na_len = len;
	hash_insert(na);
}

kern_return_t
vfs_name_move(struct vfs_name *na, struct vfs_name *dir, const char *name, size_t len)
{
	struct vfs_name *old_parent = na->na_parent, *target = find(dir, name, len);
	char *bytes = bytes_copy(name, len);

	if (target != NULL && target != na)
		vfs_name_remove(target);
	hash_remove(na);
	if (bytes == NULL)
		return MX_ENOMEM;
	free(na->na_name);
	vfs_name_hold(dir);
	place(na, dir, bytes, (uint8_t)len);
	vfs_name_release(old_parent);
	return KERN_SUCCESS;
}

void
vfs_name_exchange(struct vfs_name *na1, struct vfs_name *na2)
{
	struct vfs_name *parent1 = na1->na_parent;
	char *name1 = na1->na_name;
	uint8_t len1 = na1->na_len;

	hash_remove(na1);
	hash_remove(na2);
	place(na1, na2->na_parent, na2->na_name, na2->na_len);
	place(na2, parent1, name1, len1);
}

void
vfs_name_purge(struct vfs_mount *mn)
{
	struct vfs_name *na = lru.na_lru_next, *next;

	while (na != &lru) {
		struct vfs_name *root = na;

		next = na->na_lru_next;
		while (root->na_parent != NULL)
			root = root->na_parent;
		if (mn == NULL || root == mn->mn_root) {
			name_free(na);
			next = lru.na_lru_next;		/* parents may have moved to the end */
		}
		na = next;
	}
}

/* ---- Up ---- */

static bool
is_mount_root(const struct vfs_name *na)
{
	return na->na_vnode != NULL && na->na_vnode->vn_mount->mn_root == na;
}

/* One up, over mounts; NULL at the top of everything. */
static struct vfs_name *
up(struct vfs_name *na)
{
	while (is_mount_root(na)) {
		na = na->na_vnode->vn_mount->mn_covered;
		if (na == NULL)
			return NULL;
	}
	return na->na_parent;
}

bool
vfs_name_is_below(struct vfs_name *na, struct vfs_name *dir)
{
	for (; na != NULL; na = up(na))
		if (na == dir)
			return true;
	return false;
}

kern_return_t
vfs_name_path(struct vfs_name *na, struct vfs_name *root, char *buf, size_t size, size_t *len)
{
	size_t at = size;

	while (na != root) {
		while (na != root && is_mount_root(na) && na->na_vnode->vn_mount->mn_covered != NULL)
			na = na->na_vnode->vn_mount->mn_covered;
		if (na == root)
			break;
		if (!na->na_hashed || na->na_parent == NULL)
			return MX_ENOENT;
		if (at < (size_t)na->na_len + 1)
			return MX_ENAMETOOLONG;
		at -= na->na_len;
		memcpy(buf + at, na->na_name, na->na_len);
		buf[--at] = '/';
		na = na->na_parent;
	}
	if (at == size) {
		if (size == 0)
			return MX_ENAMETOOLONG;
		buf[--at] = '/';
	}
	*len = size - at;
	memmove(buf, buf + at, *len);
	return KERN_SUCCESS;
}
