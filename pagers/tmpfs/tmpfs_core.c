/*
 * tmpfs_core.c - the tree of a file system in memory: names, links, limits.
 *
 * Every entry is in one hash table of its volume (by directory and name) and in the list of its directory, oldest first. An entry's
 * cookie only grows, so that reading a directory while it changes neither repeats nor skips what stays. An entry holds a
 * reference to its node: a node without entries lives as long as somebody uses it. Nothing here parks, except for the contents of
 * files (tmpfs_pages.c).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "tmpfs.h"

#define TMPFS_MAGIC	0x01021994
#define LINK_MAX	65000u

static uint32_t global_limit = UINT32_MAX, global_used;	/* pages; guarded by global_lock */
static struct mx_spin global_lock;

/* ---- Room ---- */

void
tmpfs_init(uint32_t limit)
{
	global_limit = limit;
}

bool
tmpfs_charge(struct tmpfs_volume *tv, uint32_t n, bool must)
{
	bool is_ok;

	mx_spin_lock(&global_lock);
	if (must) {				/* it is there already: beside the limits */
		tv->tv_limit += n;
		global_limit += global_limit > UINT32_MAX - n ? UINT32_MAX - global_limit : n;
	}
	is_ok = tv->tv_limit - tv->tv_used >= n && global_limit - global_used >= n;
	if (is_ok) {
		tv->tv_used += n;
		global_used += n;
	}
	mx_spin_unlock(&global_lock);
	return is_ok;
}

void
tmpfs_uncharge(struct tmpfs_volume *tv, uint32_t n)
{
	mx_spin_lock(&global_lock);
	tv->tv_used -= n;
	global_used -= n;
	mx_spin_unlock(&global_lock);
}

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

static struct tmpfs_entry *
entry_alloc(const char *name, size_t len)
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

static bool
node_is_dir(const struct tmpfs_node *tn)
{
	return pfs_node_is_dir(&tn->tn_node);
}

/* TE becomes the youngest entry of DIR, for NODE, whose reference it takes. A directory's ".." counts as a link of DIR. */
static void
entry_insert(struct tmpfs_node *dir, struct tmpfs_entry *te, struct tmpfs_node *node)
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
	if (node_is_dir(node)) {
		node->u.dir.parent = dir;
		dir->tn_node.pn_attr.at_nlink++;
	}
}

/* Take TE out; its memory and its reference are the caller's. */
static void
entry_remove(struct tmpfs_entry *te)
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
	if (node_is_dir(te->te_node))
		dir->tn_node.pn_attr.at_nlink--;
}

/* ---- Nodes ---- */

static struct tmpfs_node *
node_alloc(struct tmpfs_volume *tv, const struct pfs_new *what)
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
	at->at_nlink = node_is_dir(tn) ? 2 : 1;
	tv->tv_nodes++;
	return tn;
}

static void
volume_free(struct tmpfs_volume *tv)
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
	free(tn);
	if (--tv->tv_nodes == 0)
		volume_free(tv);	/* the root is the last to go, or a file still mapped after it */
}

static void
core_release(struct pfs_node *node)
{
	struct tmpfs_node *tn = tmpfs_node_of(node);

	mx_assert(!node_is_dir(tn) || tn->u.dir.first == NULL);
	if (node->pn_pager != NULL)
		mx_pager_retire(node->pn_pager);	/* pg_unused frees */
	else
		tmpfs_node_free(tn);
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
	te = entry_alloc(name, len);
	if (te == NULL)
		return MX_ENOSPC;
	tn = node_alloc(dir->tn_volume, what);
	if (tn == NULL)
		goto out_entry;
	if ((what->nw_mode & MX_S_IFMT) == MX_S_IFLNK) {
		kr = link_set(tn, what);
		if (kr != KERN_SUCCESS)
			goto out_node;
	}
	entry_insert(dir, te, tn);
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
static void
node_unlinked(struct tmpfs_node *tn)
{
	struct mx_attr *at = &tn->tn_node.pn_attr;

	at->at_nlink = node_is_dir(tn) ? 0 : at->at_nlink - 1;
	if (node_is_dir(tn))
		tn->u.dir.parent = NULL;
	pfs_node_touch(&tn->tn_node, PFS_CTIME);
	pfs_node_changed(&tn->tn_node);
	pfs_node_release(&tn->tn_node);
}

/* ---- The table ---- */

/* "size=10m" in pages; the limit of everything when absent or unreadable. */
static uint32_t
option_limit(const struct pfs_mount_args *args)
{
	char value[32], *end;
	unsigned long long n;

	if (!pfs_option_get(args, "size", value, sizeof(value)))
		return global_limit;
	n = strtoull(value, &end, 10);
	switch (*end) {
	case '%':
		return (uint32_t)((uint64_t)global_limit * 2 * (n > 100 ? 100 : n) / 100);	/* the limit is half of memory */
	case 'g': case 'G':
		n <<= 10;
		/* fall through */
	case 'm': case 'M':
		n <<= 10;
		/* fall through */
	case 'k': case 'K':
		n <<= 10;
	}
	n = (n + MX_PAGE - 1) / MX_PAGE;
	return n == 0 || n > global_limit ? global_limit : (uint32_t)n;
}

static uint32_t
option_number(const struct pfs_mount_args *args, const char *key, int base, uint32_t otherwise)
{
	char value[32];

	return pfs_option_get(args, key, value, sizeof(value)) ? (uint32_t)strtoul(value, NULL, base) : otherwise;
}

static kern_return_t
core_mount(struct pfs_volume *vol, const struct pfs_mount_args *args)
{
	struct tmpfs_volume *tv = calloc(1, sizeof(*tv));
	struct pfs_new what = { 0 };
	struct tmpfs_node *root;

	if (tv == NULL)
		return MX_ENOMEM;
	tv->tv_volume = vol;
	tv->tv_limit = option_limit(args);
	tv->tv_hash_size = 64;
	tv->tv_hash = calloc(tv->tv_hash_size, sizeof(*tv->tv_hash));
	if (tv->tv_hash == NULL)
		goto out_volume;
	what.nw_mode = MX_S_IFDIR | (option_number(args, "mode", 8, 01777) & 07777);
	what.nw_uid = option_number(args, "uid", 10, 0);
	what.nw_gid = option_number(args, "gid", 10, 0);
	root = node_alloc(tv, &what);
	if (root == NULL)
		goto out_volume;
	vol->pv_private = tv;
	vol->pv_root = &root->tn_node;
	return KERN_SUCCESS;
out_volume:
	volume_free(tv);
	return MX_ENOMEM;
}

/* Take DIR's entries out, and those of directories below as they come up (no recursion: trees are deep). */
static void
tree_remove(struct tmpfs_node *root)
{
	struct tmpfs_node *dir = root, *tn;
	struct tmpfs_entry *te;

	for (;;) {
		te = dir->u.dir.first;
		if (te == NULL) {
			if (dir == root)
				return;
			dir = dir->u.dir.parent;
			te = dir->u.dir.first;
		} else if (node_is_dir(te->te_node) && te->te_node->u.dir.first != NULL) {
			dir = te->te_node;
			continue;
		}
		tn = te->te_node;
		entry_remove(te);
		free(te);
		node_unlinked(tn);
	}
}

static void
core_unmount(struct pfs_volume *vol)
{
	tree_remove(tmpfs_node_of(vol->pv_root));
	vol->pv_root->pn_attr.at_nlink = 0;
	pfs_node_release(vol->pv_root);
}

static kern_return_t
core_statfs(struct pfs_volume *vol, struct mx_statfs *st)
{
	struct tmpfs_volume *tv = vol->pv_private;
	uint32_t room = tv->tv_limit - tv->tv_used, all = global_limit - global_used;

	st->sf_bfree = st->sf_bavail = room < all ? room : all;
	st->sf_blocks = tv->tv_used + st->sf_bfree;	/* others may use up what this volume could have */
	st->sf_ffree = st->sf_bfree * 4;
	st->sf_files = st->sf_ffree + tv->tv_nodes;
	return KERN_SUCCESS;
}

static kern_return_t
core_lookup(struct pfs_node *dir, const char *name, size_t len, int32_t who, struct pfs_node **out)
{
	struct tmpfs_entry *te = tmpfs_entry_find(tmpfs_node_of(dir), name, len);

	(void)who;
	if (te == NULL)
		return MX_ENOENT;
	pfs_node_hold(&te->te_node->tn_node);
	*out = &te->te_node->tn_node;
	return KERN_SUCCESS;
}

static kern_return_t
core_create(struct pfs_node *dir, const char *name, size_t len, const struct pfs_new *what, struct pfs_node **out)
{
	struct tmpfs_node *tn;
	kern_return_t kr = tmpfs_node_make(tmpfs_node_of(dir), name, len, what, &tn);

	if (kr == KERN_SUCCESS)
		*out = &tn->tn_node;
	return kr;
}

static kern_return_t
core_link(struct pfs_node *dir, const char *name, size_t len, struct pfs_node *node)
{
	struct tmpfs_node *td = tmpfs_node_of(dir);
	struct tmpfs_entry *te;

	if (tmpfs_entry_find(td, name, len) != NULL)
		return MX_EEXIST;
	if (dir->pn_attr.at_nlink == 0)
		return MX_ENOENT;
	if (node->pn_attr.at_nlink >= LINK_MAX)
		return MX_EMLINK;
	te = entry_alloc(name, len);
	if (te == NULL)
		return MX_ENOSPC;
	pfs_node_hold(node);
	node->pn_attr.at_nlink++;
	entry_insert(td, te, tmpfs_node_of(node));
	return KERN_SUCCESS;
}

/* May the node behind an entry be removed as what RMDIR says it is? */
static kern_return_t
remove_check(const struct tmpfs_node *tn, bool rmdir)
{
	if (rmdir && !node_is_dir(tn))
		return MX_ENOTDIR;
	if (!rmdir && node_is_dir(tn))
		return MX_EISDIR;
	return node_is_dir(tn) && tn->u.dir.first != NULL ? MX_ENOTEMPTY : KERN_SUCCESS;
}

static kern_return_t
core_unlink(struct pfs_node *dir, const char *name, size_t len, bool rmdir)
{
	struct tmpfs_entry *te = tmpfs_entry_find(tmpfs_node_of(dir), name, len);
	struct tmpfs_node *tn;
	kern_return_t kr;

	if (te == NULL)
		return MX_ENOENT;
	tn = te->te_node;
	kr = remove_check(tn, rmdir);
	if (kr != KERN_SUCCESS)
		return kr;
	entry_remove(te);
	free(te);
	node_unlinked(tn);
	return KERN_SUCCESS;
}

/* The entries TE1 and TE2 get each other's nodes. */
static void
entries_exchange(struct tmpfs_entry *te1, struct tmpfs_entry *te2)
{
	struct tmpfs_node *tn1 = te1->te_node, *tn2 = te2->te_node;

	if (node_is_dir(tn1)) {
		te1->te_dir->tn_node.pn_attr.at_nlink--;
		te2->te_dir->tn_node.pn_attr.at_nlink++;
		tn1->u.dir.parent = te2->te_dir;
	}
	if (node_is_dir(tn2)) {
		te2->te_dir->tn_node.pn_attr.at_nlink--;
		te1->te_dir->tn_node.pn_attr.at_nlink++;
		tn2->u.dir.parent = te1->te_dir;
	}
	te1->te_node = tn2;
	te2->te_node = tn1;
	pfs_node_touch(&tn1->tn_node, PFS_CTIME);
	pfs_node_touch(&tn2->tn_node, PFS_CTIME);
}

static kern_return_t
rename_check(const struct tmpfs_entry *te1, const struct tmpfs_entry *te2, uint32_t flags)
{
	if (te1 == NULL)
		return MX_ENOENT;
	if (flags & 2)
		return te2 == NULL ? MX_ENOENT : KERN_SUCCESS;
	if (te2 == NULL || te2->te_node == te1->te_node)
		return te2 != NULL && (flags & 1) ? MX_EEXIST : KERN_SUCCESS;
	if (flags & 1)
		return MX_EEXIST;
	if (node_is_dir(te1->te_node) && !node_is_dir(te2->te_node))
		return MX_ENOTDIR;
	return remove_check(te2->te_node, node_is_dir(te1->te_node));
}

static kern_return_t
core_rename(struct pfs_node *dir1, const char *name1, size_t len1, struct pfs_node *dir2, const char *name2, size_t len2,
	uint32_t flags)
{
	struct tmpfs_node *td2 = tmpfs_node_of(dir2), *tn, *replaced = NULL;
	struct tmpfs_entry *te1 = tmpfs_entry_find(tmpfs_node_of(dir1), name1, len1);
	struct tmpfs_entry *te2 = tmpfs_entry_find(td2, name2, len2), *te;
	kern_return_t kr = rename_check(te1, te2, flags);

	if (kr != KERN_SUCCESS)
		return kr;
	if (te2 != NULL && te2->te_node == te1->te_node)
		return KERN_SUCCESS;			/* two names of one file: nothing happens */
	if (flags & 2) {
		entries_exchange(te1, te2);
		return KERN_SUCCESS;
	}
	if (dir2->pn_attr.at_nlink == 0)
		return MX_ENOENT;
	te = entry_alloc(name2, len2);
	if (te == NULL)
		return MX_ENOSPC;
	if (te2 != NULL) {
		replaced = te2->te_node;
		entry_remove(te2);
		free(te2);
	}
	tn = te1->te_node;
	entry_remove(te1);
	free(te1);
	entry_insert(td2, te, tn);
	pfs_node_touch(&tn->tn_node, PFS_CTIME);
	if (replaced != NULL)
		node_unlinked(replaced);
	return KERN_SUCCESS;
}

/* The first entry younger than COOKIE. */
static struct tmpfs_entry *
entry_after(struct tmpfs_node *dir, uint64_t cookie)
{
	struct tmpfs_entry *te = dir->u.dir.read_at;

	if (te == NULL || te->te_cookie > cookie)
		te = dir->u.dir.first;
	while (te != NULL && te->te_cookie <= cookie)
		te = te->te_next;
	return te;
}

static kern_return_t
core_readdir(struct pfs_node *dir, uint64_t cookie, int32_t who, struct pfs_dirents *out)
{
	struct tmpfs_node *td = tmpfs_node_of(dir);
	struct tmpfs_entry *te;

	(void)who;
	for (te = entry_after(td, cookie); te != NULL; te = te->te_next) {
		const struct mx_attr *at = &te->te_node->tn_node.pn_attr;

		if (!pfs_dirent_add(out, at->at_ino, te->te_cookie, at->at_mode, te->te_name, te->te_len))
			break;
		td->u.dir.read_at = te;
	}
	return KERN_SUCCESS;
}

static kern_return_t
core_readlink(struct pfs_node *node, int32_t who, char *buf, size_t size, size_t *len)
{
	struct tmpfs_node *tn = tmpfs_node_of(node);

	(void)who;
	*len = tn->u.link.len < size ? tn->u.link.len : size;
	memcpy(buf, tn->u.link.target, *len);
	return KERN_SUCCESS;
}

static kern_return_t
core_read(struct pfs_node *node, uint64_t offset, void *buf, size_t count, size_t *done)
{
	kern_return_t kr = tmpfs_pages_read(tmpfs_node_of(node), offset, buf, count);

	*done = kr == KERN_SUCCESS ? count : 0;
	return kr;
}

static kern_return_t
core_write(struct pfs_node *node, uint64_t offset, const void *buf, size_t count, size_t *done)
{
	return tmpfs_pages_write(tmpfs_node_of(node), offset, buf, count, done);
}

static kern_return_t
core_truncate(struct pfs_node *node, uint64_t size)
{
	return tmpfs_pages_truncate(tmpfs_node_of(node), size);
}

static kern_return_t
core_pager(struct pfs_node *node, struct mx_pager **out)
{
	struct tmpfs_node *tn = tmpfs_node_of(node);
	kern_return_t kr = tmpfs_pages_prepare(tn);

	if (kr != KERN_SUCCESS)
		return kr;
	return mx_pager_create(&tmpfs_pager_ops, tn, out);
}

static kern_return_t
core_seek(struct pfs_node *node, bool data, uint64_t *offset)
{
	return tmpfs_pages_seek(tmpfs_node_of(node), data, offset) ? KERN_SUCCESS : MX_ENXIO;
}

#define FALLOC_KEEP_SIZE	1u
#define FALLOC_PUNCH_HOLE	2u

static kern_return_t
core_allocate(struct pfs_node *node, uint32_t mode, uint64_t offset, uint64_t length)
{
	struct tmpfs_node *tn = tmpfs_node_of(node);
	kern_return_t kr;

	if (mode == (FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE))
		return tmpfs_pages_punch(tn, offset, length);
	if (mode != 0 && mode != FALLOC_KEEP_SIZE)
		return MX_EOPNOTSUPP;
	if (offset + length > UINT64_C(0xfffff000))
		return MX_EFBIG;
	if (mode == 0 && offset + length > node->pn_attr.at_size) {
		kr = tmpfs_pages_truncate(tn, offset + length);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	if (offset >= node->pn_attr.at_size)
		return KERN_SUCCESS;		/* pages past the end are not kept */
	if (length > node->pn_attr.at_size - offset)
		length = node->pn_attr.at_size - offset;
	return tmpfs_pages_allocate(tn, offset, length);
}

const struct pfs_ops tmpfs_ops = {
	.po_name = "tmpfs",
	.po_cache = MX_CACHE_FOREVER,
	.po_magic = TMPFS_MAGIC,
	.po_mount = core_mount,
	.po_unmount = core_unmount,
	.po_statfs = core_statfs,
	.po_lookup = core_lookup,
	.po_create = core_create,
	.po_link = core_link,
	.po_unlink = core_unlink,
	.po_rename = core_rename,
	.po_readdir = core_readdir,
	.po_readlink = core_readlink,
	.po_release = core_release,
	.po_read = core_read,
	.po_write = core_write,
	.po_truncate = core_truncate,
	.po_pager = core_pager,
	.po_seek = core_seek,
	.po_allocate = core_allocate,
};
