/*
 * tmpfs_core.c - a file system in memory: its table of operations, and how much it may take.
 *
 * Nothing here parks, except for the contents of files (tmpfs_pages.c).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "tmpfs.h"

#define TMPFS_MAGIC	0x01021994
#define LINK_MAX	65000u
#define NODES_MIN	1024u

static uint32_t global_limit = UINT32_MAX, global_used;	/* pages; guarded by global_lock */
static struct mx_spin global_lock;

/* ---- Room ---- */

void
tmpfs_init(uint32_t limit)
{
	global_limit = limit;
}

/* Look at the machine's memory now and then: it is a call of the kernel. */
static bool
memory_is_low(void)
{
	static volatile bool is_low;
	static volatile uint32_t calls;

	if (calls++ % (is_low ? 8 : 64) == 0)
		is_low = mx_memory_is_low();
	return is_low;
}

bool
tmpfs_charge(struct tmpfs_volume *tv, uint32_t n, bool must)
{
	bool is_ok;

	if (!must && memory_is_low())
		return false;
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

/* As many files as pages, as Linux has it; twice as many names. */
static uint32_t
nodes_max(const struct tmpfs_volume *tv)
{
	return tv->tv_limit > NODES_MIN ? tv->tv_limit : NODES_MIN;
}

bool
tmpfs_may_grow(const struct tmpfs_volume *tv, bool node)
{
	if (memory_is_low() || tv->tv_entries / 2 >= nodes_max(tv))
		return false;
	return !node || tv->tv_nodes < nodes_max(tv);
}

void
tmpfs_uncharge(struct tmpfs_volume *tv, uint32_t n)
{
	mx_spin_lock(&global_lock);
	tv->tv_used -= n;
	global_used -= n;
	mx_spin_unlock(&global_lock);
}

/* ---- The table ---- */

static void
core_release(struct pfs_node *node)
{
	struct tmpfs_node *tn = tmpfs_node_of(node);

	mx_assert(!tmpfs_is_dir(tn) || tn->u.dir.first == NULL);
	if (node->pn_pager != NULL)
		mx_pager_retire(node->pn_pager);	/* pg_unused frees */
	else
		tmpfs_node_free(tn);
}

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
	root = tmpfs_node_alloc(tv, &what);
	if (root == NULL)
		goto out_volume;
	vol->pv_private = tv;
	vol->pv_root = &root->tn_node;
	return KERN_SUCCESS;
out_volume:
	tmpfs_volume_free(tv);
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
		} else if (tmpfs_is_dir(te->te_node) && te->te_node->u.dir.first != NULL) {
			dir = te->te_node;
			continue;
		}
		tn = te->te_node;
		tmpfs_entry_remove(te);
		free(te);
		tmpfs_node_unlinked(tn);
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
	st->sf_files = nodes_max(tv);
	st->sf_ffree = st->sf_files > tv->tv_nodes ? st->sf_files - tv->tv_nodes : 0;
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
	if (!tmpfs_may_grow(td->tn_volume, false))
		return MX_ENOSPC;
	te = tmpfs_entry_alloc(name, len);
	if (te == NULL)
		return MX_ENOSPC;
	pfs_node_hold(node);
	node->pn_attr.at_nlink++;
	tmpfs_entry_insert(td, te, tmpfs_node_of(node));
	return KERN_SUCCESS;
}

/* May the node behind an entry be removed as what RMDIR says it is? */
static kern_return_t
remove_check(const struct tmpfs_node *tn, bool rmdir)
{
	if (rmdir && !tmpfs_is_dir(tn))
		return MX_ENOTDIR;
	if (!rmdir && tmpfs_is_dir(tn))
		return MX_EISDIR;
	return tmpfs_is_dir(tn) && tn->u.dir.first != NULL ? MX_ENOTEMPTY : KERN_SUCCESS;
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
	tmpfs_entry_remove(te);
	free(te);
	tmpfs_node_unlinked(tn);
	return KERN_SUCCESS;
}

/* The entries TE1 and TE2 get each other's nodes. */
static void
entries_exchange(struct tmpfs_entry *te1, struct tmpfs_entry *te2)
{
	struct tmpfs_node *tn1 = te1->te_node, *tn2 = te2->te_node;

	if (tmpfs_is_dir(tn1)) {
		te1->te_dir->tn_node.pn_attr.at_nlink--;
		te2->te_dir->tn_node.pn_attr.at_nlink++;
		tn1->u.dir.parent = te2->te_dir;
	}
	if (tmpfs_is_dir(tn2)) {
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
	if (tmpfs_is_dir(te1->te_node) && !tmpfs_is_dir(te2->te_node))
		return MX_ENOTDIR;
	return remove_check(te2->te_node, tmpfs_is_dir(te1->te_node));
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
	te = tmpfs_entry_alloc(name2, len2);
	if (te == NULL)
		return MX_ENOSPC;
	if (te2 != NULL) {
		replaced = te2->te_node;
		tmpfs_entry_remove(te2);
		free(te2);
	}
	tn = te1->te_node;
	tmpfs_entry_remove(te1);
	free(te1);
	tmpfs_entry_insert(td2, te, tn);
	pfs_node_touch(&tn->tn_node, PFS_CTIME);
	if (replaced != NULL)
		tmpfs_node_unlinked(replaced);
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

static kern_return_t
core_reserve(struct pfs_node *node, uint64_t offset, uint64_t length)
{
	return tmpfs_pages_reserve(tmpfs_node_of(node), offset, length);
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
	.po_getxattr = tmpfs_getxattr,
	.po_setxattr = tmpfs_setxattr,
	.po_listxattr = tmpfs_listxattr,
	.po_read = core_read,
	.po_write = core_write,
	.po_truncate = core_truncate,
	.po_pager = core_pager,
	.po_seek = core_seek,
	.po_allocate = core_allocate,
	.po_reserve = core_reserve,
};
