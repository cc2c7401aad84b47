/*
 * ext2_inode.c - nodes in memory, inodes on the disk, and how one becomes the other.
 *
 * pn_attr is the truth while a node is in memory, and many change it without asking (times above all); so what is to be written is
 * found by comparing it with what was written last (en_stored), at every commit. A change that must be in a transaction with others is
 * marked with ext2_node_changed, and the commit writes it, too.
 *
 * A node that nobody has any more comes to rest on ev_idle: ext2_nodes_rest, on a fibril that may park, deletes or forgets it. Files
 * that are deleted while they are open, and those whose truncation takes more than one transaction, are on the disk's list of
 * orphans: what the power interrupts is finished at the next mount.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "ext2.h"

#define DELETE_CREDITS 24u

/* ---- The table of nodes ---- */

static struct ext2_node **
chain_of(struct ext2_volume *ev, uint32_t ino)
{
	return &ev->ev_nodes[ino % EXT2_HASH_SIZE];
}

static struct ext2_node *
node_find(struct ext2_volume *ev, uint32_t ino)
{
	struct ext2_node *en;

	for (en = *chain_of(ev, ino); en != NULL && en->en_ino != ino; en = en->en_hash)
		;
	return en;
}

static void
node_insert(struct ext2_volume *ev, struct ext2_node *en)
{
	struct ext2_node **chain = chain_of(ev, en->en_ino);

	en->en_hash = *chain;
	*chain = en;
	ev->ev_nnodes++;
}

static void
node_free(struct ext2_node *en)
{
	struct ext2_volume *ev = en->en_volume;
	struct ext2_node **p = chain_of(ev, en->en_ino);

	while (*p != en)
		p = &(*p)->en_hash;
	*p = en->en_hash;
	ev->ev_nnodes--;
	ev->ev_nchanged -= en->en_changed;
	if (en->en_orphan_prev != NULL)
		en->en_orphan_prev->en_orphan_next = en->en_orphan_next;
	else if (ev->ev_orphans == en)
		ev->ev_orphans = en->en_orphan_next;
	if (en->en_orphan_next != NULL)
		en->en_orphan_next->en_orphan_prev = en->en_orphan_prev;
	free(en->en_delayed);
	free(en);
	mx_cond_broadcast(&ev->ev_changed);
}

/* ---- Decoding ---- */

static bool
has_extra(const struct ext2_volume *ev, const struct ext2_raw *raw, size_t end)
{
	return ev->ev_inode_size > EXT2_RAW_MIN && raw->i_extra_isize % 4 == 0 &&
		raw->i_extra_isize <= ev->ev_inode_size - EXT2_RAW_MIN && EXT2_RAW_MIN + raw->i_extra_isize >= end;
}

#define HAS_EXTRA(ev, raw, field) \
	has_extra(ev, raw, offsetof(struct ext2_raw, field) + sizeof((raw)->field))

/* Seconds have 32 bits and two more in EXTRA, whose rest is nanoseconds. */
static void
time_decode(uint32_t seconds, uint32_t extra, int64_t *sec, uint32_t *ns)
{
	*sec = (int64_t)(int32_t)seconds + ((int64_t)(extra & 3) << 32);
	*ns = extra >> 2 < 1000000000 ? extra >> 2 : 0;
}

static uint32_t
time_extra(int64_t sec, uint32_t ns)
{
	return (uint32_t)((sec - (int32_t)sec) >> 32 & 3) | ns << 2;
}

static void
times_decode(const struct ext2_volume *ev, const struct ext2_raw *raw, struct mx_attr *at)
{
	time_decode(raw->i_atime, HAS_EXTRA(ev, raw, i_atime_extra) ? raw->i_atime_extra : 0, &at->at_atime, &at->at_atime_ns);
	time_decode(raw->i_mtime, HAS_EXTRA(ev, raw, i_mtime_extra) ? raw->i_mtime_extra : 0, &at->at_mtime, &at->at_mtime_ns);
	time_decode(raw->i_ctime, HAS_EXTRA(ev, raw, i_ctime_extra) ? raw->i_ctime_extra : 0, &at->at_ctime, &at->at_ctime_ns);
	if (HAS_EXTRA(ev, raw, i_crtime_extra)) {
		time_decode(raw->i_crtime, raw->i_crtime_extra, &at->at_btime, &at->at_btime_ns);
	} else {
		at->at_btime = at->at_ctime;
		at->at_btime_ns = at->at_ctime_ns;
	}
}

/* Device numbers: 8 bits each in the first word, or 12 and 20 in the second. */
static void
device_decode(const struct ext2_raw *raw, struct mx_attr *at)
{
	uint32_t old = raw->i_block[0], new = raw->i_block[1];

	at->at_rdev_major = old != 0 ? old >> 8 & 0xff : new >> 8 & 0xfff;
	at->at_rdev_minor = old != 0 ? old & 0xff : (new & 0xff) | (new >> 12 & 0xfff00);
}

static bool
is_device(uint32_t mode)
{
	return (mode & MX_S_IFMT) == MX_S_IFCHR || (mode & MX_S_IFMT) == MX_S_IFBLK;
}

static void
device_encode(const struct mx_attr *at, uint32_t block[EXT2_NBLOCKS])
{
	if (at->at_rdev_major < 256 && at->at_rdev_minor < 256)
		block[0] = at->at_rdev_major << 8 | at->at_rdev_minor;
	else
		block[1] = (at->at_rdev_minor & 0xff) | at->at_rdev_major << 8 | (at->at_rdev_minor & 0xfff00) << 12;
}

static uint64_t
blocks_decode(const struct ext2_volume *ev, const struct ext2_raw *raw)
{
	uint64_t blocks = raw->i_blocks;

	if (ev->ev_super->s_feature_ro_compat & EXT2_RO_HUGE_FILE) {
		blocks |= (uint64_t)raw->i_blocks_hi << 32;
		if (raw->i_flags & EXT2_FL_HUGE_FILE)
			blocks <<= ev->ev_block_shift - 9;
	}
	return blocks;
}

static void
raw_decode(struct ext2_node *en, const struct ext2_raw *raw)
{
	const struct ext2_volume *ev = en->en_volume;
	struct mx_attr *at = &en->en_node.pn_attr;
	bool is_dir = (raw->i_mode & MX_S_IFMT) == MX_S_IFDIR;

	at->at_mode = raw->i_mode;
	at->at_uid = raw->i_uid | (uint32_t)raw->i_uid_hi << 16;
	at->at_gid = raw->i_gid | (uint32_t)raw->i_gid_hi << 16;
	at->at_nlink = raw->i_links;
	at->at_size = raw->i_size;
	if (!is_dir || ext2_has_incompat(ev, EXT2_IN_LARGEDIR))
		at->at_size |= (uint64_t)raw->i_size_high << 32;
	times_decode(ev, raw, at);
	if (is_device(raw->i_mode))
		device_decode(raw, at);
	memcpy(en->en_block, raw->i_block, sizeof(en->en_block));
	en->en_flags = raw->i_flags;
	en->en_generation = at->at_generation = raw->i_generation;
	en->en_file_acl = raw->i_file_acl;
	if (ext2_has_incompat(ev, EXT2_IN_64BIT))
		en->en_file_acl |= (uint64_t)raw->i_file_acl_hi << 32;
	en->en_disk_size = at->at_size;
	en->en_blocks = at->at_blocks = blocks_decode(ev, raw);
	en->en_dtime = raw->i_dtime;
}

static bool
type_is_known(uint32_t mode)
{
	switch (mode & MX_S_IFMT) {
	case MX_S_IFREG: case MX_S_IFDIR: case MX_S_IFLNK: case MX_S_IFCHR: case MX_S_IFBLK: case MX_S_IFIFO: case MX_S_IFSOCK:
		return true;
	}
	return false;
}

/* What was read can be an inode. */
static kern_return_t
node_check(const struct ext2_node *en)
{
	struct ext2_volume *ev = en->en_volume;
	const struct mx_attr *at = &en->en_node.pn_attr;
	bool is_inline = (en->en_flags & EXT2_FL_INLINE_DATA) != 0;

	if (!type_is_known(at->at_mode))
		return ext2_error(ev, "inode %u has no known type", en->en_ino);
	if (at->at_size > INT64_MAX || at->at_size >> ev->ev_block_shift > UINT32_MAX)
		return ext2_error(ev, "inode %u's size cannot be right", en->en_ino);
	if ((en->en_flags & EXT2_FL_EXTENTS) && !ext2_has_incompat(ev, EXT2_IN_EXTENTS))
		return ext2_error(ev, "inode %u has extents, which the volume has not", en->en_ino);
	if (is_inline && !ext2_has_incompat(ev, EXT2_IN_INLINE_DATA))
		return ext2_error(ev, "inode %u has inline data, which the volume has not", en->en_ino);
	if (pfs_node_is_dir(&en->en_node) && !is_inline &&
	    (at->at_size % ev->ev_block_size != 0 || at->at_size >> ev->ev_block_shift > ev->ev_blocks))
		return ext2_error(ev, "directory %u's size cannot be right", en->en_ino);
	if ((at->at_mode & MX_S_IFMT) == MX_S_IFLNK && at->at_size >= MX_PATH_MAX)
		return ext2_error(ev, "symbolic link %u is too long", en->en_ino);
	return KERN_SUCCESS;
}

/* ---- Encoding ---- */

static void
times_encode(const struct ext2_volume *ev, const struct mx_attr *at, struct ext2_raw *raw)
{
	raw->i_atime = (uint32_t)at->at_atime;
	raw->i_mtime = (uint32_t)at->at_mtime;
	raw->i_ctime = (uint32_t)at->at_ctime;
	if (HAS_EXTRA(ev, raw, i_ctime_extra))
		raw->i_ctime_extra = time_extra(at->at_ctime, at->at_ctime_ns);
	if (HAS_EXTRA(ev, raw, i_mtime_extra))
		raw->i_mtime_extra = time_extra(at->at_mtime, at->at_mtime_ns);
	if (HAS_EXTRA(ev, raw, i_atime_extra))
		raw->i_atime_extra = time_extra(at->at_atime, at->at_atime_ns);
	if (HAS_EXTRA(ev, raw, i_crtime_extra)) {
		raw->i_crtime = (uint32_t)at->at_btime;
		raw->i_crtime_extra = time_extra(at->at_btime, at->at_btime_ns);
	}
}

/* Contents that were never stored are not behind the end that the disk knows. */
static uint64_t
size_to_store(struct ext2_node *en)
{
	uint64_t size = en->en_node.pn_attr.at_size;

	/* It may be larger for a moment: who writes tells the new size last. Promises behind the end are somebody's who will write there. */
	if (en->en_disk_size < size && (en->en_ndelayed == 0 || en->en_delayed[0].ra_first >= ext2_blocks_of(en->en_volume, size)))
		en->en_disk_size = size;
	return en->en_disk_size;
}

static void
raw_encode(struct ext2_node *en, struct ext2_raw *raw)
{
	const struct ext2_volume *ev = en->en_volume;
	const struct mx_attr *at = &en->en_node.pn_attr;
	uint64_t size = size_to_store(en);

	raw->i_mode = (uint16_t)at->at_mode;
	raw->i_uid = (uint16_t)at->at_uid;
	raw->i_uid_hi = (uint16_t)(at->at_uid >> 16);
	raw->i_gid = (uint16_t)at->at_gid;
	raw->i_gid_hi = (uint16_t)(at->at_gid >> 16);
	raw->i_links = (uint16_t)at->at_nlink;
	raw->i_size = (uint32_t)size;
	if (!pfs_node_is_dir(&en->en_node))
		raw->i_size_high = (uint32_t)(size >> 32);
	times_encode(ev, at, raw);
	memcpy(raw->i_block, en->en_block, sizeof(raw->i_block));
	raw->i_flags = en->en_flags;
	raw->i_generation = en->en_generation;
	raw->i_file_acl = (uint32_t)en->en_file_acl;
	raw->i_blocks = (uint32_t)en->en_blocks;
	raw->i_dtime = en->en_dtime;
	if (en->en_orphan)
		raw->i_dtime = en->en_orphan_next != NULL ? en->en_orphan_next->en_ino : 0;
	else if (at->at_nlink > 0)
		raw->i_dtime = 0;
	else if (en->en_dtime == 0)
		raw->i_dtime = (uint32_t)at->at_ctime;
}

/* The first file of 2 GiB or more makes the volume one that has such files. */
static void
large_file_check(struct ext2_node *en)
{
	struct ext2_volume *ev = en->en_volume;

	if (en->en_disk_size <= INT32_MAX || pfs_node_is_dir(&en->en_node) || ev->ev_super->s_rev_level == 0 ||
	    (ev->ev_super->s_feature_ro_compat & EXT2_RO_LARGE_FILE))
		return;
	ev->ev_super->s_feature_ro_compat |= EXT2_RO_LARGE_FILE;
	ext2_super_changed(ev);
}

kern_return_t
ext2_node_write(struct ext2_node *en)
{
	struct ext2_volume *ev = en->en_volume;
	struct ext2_buf *bu;
	uint32_t offset;
	kern_return_t kr = ext2_inode_locate(ev, en->en_ino, &bu, &offset);

	if (kr != KERN_SUCCESS)
		return kr;
	raw_encode(en, (struct ext2_raw *)(bu->bu_data + offset));
	large_file_check(en);
	ext2_buf_dirty(ev, bu, EXT2_BUF_INODE);
	ext2_buf_put(bu);
	ev->ev_nchanged -= en->en_changed;
	en->en_changed = false;
	en->en_stored = en->en_node.pn_attr;
	en->en_tid = ext2_tid(ev);
	return KERN_SUCCESS;
}

void
ext2_node_changed(struct ext2_node *en)
{
	en->en_volume->ev_nchanged += !en->en_changed;
	en->en_changed = true;
}

static bool
is_stale(struct ext2_node *en)
{
	struct mx_attr now = en->en_node.pn_attr;

	if (en->en_state == EN_DELETED)
		return false;
	now.at_generation = en->en_stored.at_generation;
	now.at_blocks = en->en_stored.at_blocks;
	return memcmp(&now, &en->en_stored, sizeof(now)) != 0;
}

kern_return_t
ext2_nodes_write(struct ext2_volume *ev, bool all)
{
	uint32_t i, most = ev->ev_journal != NULL ? ev->ev_journal->jo_max : UINT32_MAX;
	struct ext2_node *en;
	kern_return_t kr = KERN_SUCCESS, one;

	for (i = 0; i < EXT2_HASH_SIZE; i++) {
		for (en = ev->ev_nodes[i]; en != NULL; en = en->en_hash) {
			if (!en->en_changed && (!all || ev->ev_cache.ca_ndirty + ev->ev_nchanged + 8 > most || !is_stale(en)))
				continue;
			one = ext2_node_write(en);
			if (one != KERN_SUCCESS)
				kr = one;
		}
	}
	return kr;
}

/* ---- Coming into memory ---- */

static struct ext2_node *
node_new(struct ext2_volume *ev, uint32_t ino, uint32_t mode)
{
	struct ext2_node *en = calloc(1, sizeof(*en));

	if (en == NULL)
		return NULL;
	en->en_volume = ev;
	en->en_ino = ino;
	pfs_node_init(&en->en_node, ev->ev_volume, ino, mode);
	return en;
}

static kern_return_t
store_attach(struct ext2_node *en)
{
	if ((en->en_node.pn_attr.at_mode & MX_S_IFMT) != MX_S_IFREG)
		return KERN_SUCCESS;
	return pfs_store_attach(&en->en_node, &en->en_store, &ext2_store_ops);
}

/* DELETED: it may be an inode without names. */
static kern_return_t
node_load(struct ext2_volume *ev, uint32_t ino, bool deleted, struct ext2_node **out)
{
	struct ext2_node *en;
	struct ext2_buf *bu;
	uint32_t offset;
	kern_return_t kr = ext2_inode_locate(ev, ino, &bu, &offset);

	if (kr != KERN_SUCCESS)
		return kr;
	en = node_new(ev, ino, 0);
	if (en == NULL) {
		ext2_buf_put(bu);
		return MX_ENOMEM;
	}
	raw_decode(en, (struct ext2_raw *)(bu->bu_data + offset));
	ext2_buf_put(bu);
	kr = node_check(en);
	if (kr == KERN_SUCCESS && en->en_node.pn_attr.at_nlink == 0 && !deleted)
		kr = ext2_error(ev, "inode %u has names, but was deleted", ino);
	if (kr == KERN_SUCCESS)
		kr = store_attach(en);
	if (kr != KERN_SUCCESS) {
		free(en);
		return kr;
	}
	en->en_stored = en->en_node.pn_attr;
	node_insert(ev, en);
	*out = en;
	return KERN_SUCCESS;
}

/* EN, which somebody has or had, is wanted again. */
static kern_return_t
node_revive(struct ext2_volume *ev, struct ext2_node *en)
{
	struct ext2_node **p;
	kern_return_t kr;

	if (en->en_node.pn_attr.at_nlink == 0 || en->en_state == EN_DELETED)
		return ext2_error(ev, "inode %u has names, but was deleted", en->en_ino);
	if (en->en_state == EN_USED) {
		pfs_node_hold(&en->en_node);
		return KERN_SUCCESS;
	}
	kr = store_attach(en);
	if (kr != KERN_SUCCESS)
		return kr;
	for (p = &ev->ev_idle; *p != en; p = &(*p)->en_idle_next)
		;
	*p = en->en_idle_next;
	en->en_node.pn_refs = 1;
	en->en_state = EN_USED;
	return KERN_SUCCESS;
}

/* Is EN, whose last reference went, still mapped by somebody? Then it is as if nobody had let it go. */
static bool
node_return(struct ext2_node *en)
{
	if (!pfs_store_revive(&en->en_node))
		return false;
	en->en_state = EN_USED;			/* with no reference yet */
	return true;
}

kern_return_t
ext2_node_get(struct ext2_volume *ev, uint32_t ino, struct ext2_node **out)
{
	struct ext2_node *en;
	kern_return_t kr;

	if (ino == 0 || ino > ev->ev_inodes ||
	    (ino < ev->ev_first_ino && ino != EXT2_ROOT_INO && ino != ev->ev_super->s_journal_inum))
		return ext2_error(ev, "there is no inode %u", ino);
	for (;;) {
		en = node_find(ev, ino);
		if (en == NULL || en->en_state != EN_LEAVING || en->en_node.pn_attr.at_nlink == 0 || node_return(en))
			break;
		ext2_wait(ev);
	}
	if (en == NULL)
		return node_load(ev, ino, false, out);
	kr = node_revive(ev, en);
	if (kr == KERN_SUCCESS)
		*out = en;
	return kr;
}

/* ---- New ones ---- */

static void
attributes_init(struct ext2_node *en, const struct pfs_new *what)
{
	struct mx_attr *at = &en->en_node.pn_attr;

	at->at_uid = what->nw_uid;
	at->at_gid = what->nw_gid;
	at->at_rdev_major = what->nw_rdev_major;
	at->at_rdev_minor = what->nw_rdev_minor;
	at->at_nlink = pfs_node_is_dir(&en->en_node) ? 2 : 1;
	if (is_device(what->nw_mode))
		device_encode(at, en->en_block);
	en->en_generation = at->at_generation = en->en_volume->ev_generation++;
}

/* The inode's place is all zeros, but for how much of it is used. */
static kern_return_t
raw_clear(struct ext2_volume *ev, uint32_t ino)
{
	struct ext2_buf *bu;
	uint32_t offset;
	struct ext2_raw *raw;
	kern_return_t kr = ext2_inode_locate_new(ev, ino, &bu, &offset);

	if (kr != KERN_SUCCESS)
		return kr;
	raw = (struct ext2_raw *)(bu->bu_data + offset);
	memset(raw, 0, ev->ev_inode_size);
	if (ev->ev_inode_size >= EXT2_RAW_MIN + EXT2_RAW_EXTRA)
		raw->i_extra_isize = EXT2_RAW_EXTRA;
	ext2_buf_dirty(ev, bu, EXT2_BUF_INODE);
	ext2_buf_put(bu);
	return KERN_SUCCESS;
}

kern_return_t
ext2_node_make(struct ext2_node *dir, const struct pfs_new *what, struct ext2_node **out)
{
	struct ext2_volume *ev = dir->en_volume;
	bool is_dir = (what->nw_mode & MX_S_IFMT) == MX_S_IFDIR;
	struct ext2_node *en;
	uint32_t ino;
	kern_return_t kr = ext2_inode_alloc(ev, dir, is_dir, &ino);

	if (kr != KERN_SUCCESS)
		return kr;
	if (node_find(ev, ino) != NULL)		/* it stays taken */
		return ext2_error(ev, "inode %u is in use, and its bitmap says that it is free", ino);
	kr = raw_clear(ev, ino);
	en = kr == KERN_SUCCESS ? node_new(ev, ino, what->nw_mode) : NULL;
	if (en == NULL) {
		(void)ext2_inode_free(ev, ino, is_dir);
		return kr != KERN_SUCCESS ? kr : MX_ENOMEM;
	}
	attributes_init(en, what);
	kr = store_attach(en);
	if (kr != KERN_SUCCESS) {
		(void)ext2_inode_free(ev, ino, is_dir);
		free(en);
		return kr;
	}
	node_insert(ev, en);
	ext2_node_changed(en);
	*out = en;
	return KERN_SUCCESS;
}

void
ext2_node_blocks_set(struct ext2_node *en, int64_t blocks)
{
	int64_t sectors = blocks * (1 << (en->en_volume->ev_block_shift - 9));

	if (sectors < 0 && en->en_blocks < (uint64_t)-sectors)
		en->en_blocks = 0;		/* it was wrong before */
	else
		en->en_blocks += (uint64_t)sectors;
	en->en_node.pn_attr.at_blocks = en->en_blocks + ((uint64_t)en->en_waiting << (en->en_volume->ev_block_shift - 9));
	ext2_node_changed(en);
}

bool
ext2_is_fast_link(const struct ext2_node *en)
{
	uint64_t acl = en->en_file_acl != 0 ? en->en_volume->ev_block_size >> 9 : 0;

	return (en->en_node.pn_attr.at_mode & MX_S_IFMT) == MX_S_IFLNK && en->en_blocks <= acl &&
		en->en_node.pn_attr.at_size < sizeof(en->en_block);
}

/* ---- Orphans ---- */

void
ext2_orphan_add(struct ext2_node *en)
{
	struct ext2_volume *ev = en->en_volume;

	/* Without journal the list might be half of one time and half of another: then e2fsck finds what has no name. */
	if (en->en_orphan || ev->ev_journal == NULL)
		return;
	en->en_orphan = true;
	en->en_orphan_prev = NULL;
	en->en_orphan_next = ev->ev_orphans;
	if (ev->ev_orphans != NULL)
		ev->ev_orphans->en_orphan_prev = en;
	ev->ev_orphans = en;
	ev->ev_super->s_last_orphan = en->en_ino;
	ext2_super_changed(ev);
	ext2_node_changed(en);
}

void
ext2_orphan_remove(struct ext2_node *en)
{
	struct ext2_volume *ev = en->en_volume;

	if (!en->en_orphan)
		return;
	if (en->en_orphan_next != NULL)
		en->en_orphan_next->en_orphan_prev = en->en_orphan_prev;
	if (en->en_orphan_prev != NULL) {
		en->en_orphan_prev->en_orphan_next = en->en_orphan_next;
		ext2_node_changed(en->en_orphan_prev);
	} else {
		ev->ev_orphans = en->en_orphan_next;
		ev->ev_super->s_last_orphan = ev->ev_orphans != NULL ? ev->ev_orphans->en_ino : 0;
		ext2_super_changed(ev);
	}
	en->en_orphan = false;
	en->en_orphan_next = en->en_orphan_prev = NULL;
	en->en_dtime = 0;
	ext2_node_changed(en);
}

kern_return_t
ext2_node_trim(struct ext2_node *en, uint64_t size)
{
	struct ext2_volume *ev = en->en_volume;
	kern_return_t kr;
	bool was_orphan = en->en_orphan;

	if (en->en_disk_size > size)
		en->en_disk_size = size;
	ext2_orphan_add(en);
	kr = ext2_map_free(en, ext2_blocks_of(ev, size), UINT64_C(1) << 40);
	if (!was_orphan && kr == KERN_SUCCESS)
		ext2_orphan_remove(en);
	return kr;
}

/* Read the disk's list; where it is wrong, it ends. */
static void
orphans_load(struct ext2_volume *ev)
{
	uint32_t ino = ev->ev_super->s_last_orphan, n = 0;
	struct ext2_node *en, *last = NULL;
	bool used;

	while (ino != 0) {
		if (ino > ev->ev_inodes || (ino < ev->ev_first_ino && ino != EXT2_ROOT_INO) || node_find(ev, ino) != NULL ||
		    ext2_inode_is_used(ev, ino, &used) != KERN_SUCCESS || !used || node_load(ev, ino, true, &en) != KERN_SUCCESS) {
			(void)ext2_error(ev, "the list of orphans is wrong at inode %u", ino);
			break;
		}
		en->en_orphan = true;
		en->en_orphan_prev = last;
		if (last != NULL)
			last->en_orphan_next = en;
		else
			ev->ev_orphans = en;
		last = en;
		ino = en->en_dtime;
		n++;
	}
	if (n > 0)
		mx_log(MX_LOG_INFO, "ext2: %u deletions or truncations that were interrupted are finished", n);
	if (ino != 0 && last != NULL)
		ext2_node_changed(last);
	if (last == NULL)
		ev->ev_super->s_last_orphan = 0;
	ext2_super_changed(ev);
}

kern_return_t
ext2_orphans_finish(struct ext2_volume *ev)
{
	struct ext2_node *en, *next;
	kern_return_t kr;

	if (ev->ev_super->s_last_orphan == 0)
		return KERN_SUCCESS;
	kr = ext2_extend(ev, DELETE_CREDITS);
	if (kr != KERN_SUCCESS)
		return kr;
	orphans_load(ev);
	for (en = ev->ev_orphans; en != NULL; en = next) {
		next = en->en_orphan_next;
		if (en->en_node.pn_attr.at_nlink > 0 && (en->en_node.pn_attr.at_mode & MX_S_IFMT) == MX_S_IFREG) {
			kr = ext2_node_trim(en, en->en_node.pn_attr.at_size);
			if (kr != KERN_SUCCESS)
				return kr;
		}
		if (en->en_node.pn_attr.at_nlink > 0)
			ext2_orphan_remove(en);
		pfs_node_release(&en->en_node);
	}
	ext2_nodes_rest(ev);
	return KERN_SUCCESS;
}

/* ---- Going ---- */

static void
node_left(struct pfs_node *node)
{
	struct ext2_node *en = ext2_node_of(node);
	struct ext2_volume *ev = en->en_volume;

	en->en_state = EN_IDLE;
	en->en_idle_next = ev->ev_idle;
	ev->ev_idle = en;
	mx_cond_broadcast(&ev->ev_changed);
	if (ev->ev_wake != NULL)
		ev->ev_wake(ev);
}

void
ext2_node_release(struct pfs_node *node)
{
	struct ext2_node *en = ext2_node_of(node);
	bool store = node->pn_attr.at_nlink > 0 && !en->en_volume->ev_readonly;

	en->en_state = EN_LEAVING;
	if (en->en_store != NULL)
		pfs_store_release(node, store, node_left);
	else
		node_left(node);
}

/* Nobody has EN, and nothing names it. */
static void
node_delete(struct ext2_node *en)
{
	struct ext2_volume *ev = en->en_volume;
	bool is_dir = pfs_node_is_dir(&en->en_node), has_map = !is_device(en->en_node.pn_attr.at_mode) && !ext2_is_fast_link(en);
	kern_return_t kr = ext2_extend(ev, DELETE_CREDITS);

	ext2_delayed_drop(en, 0, UINT64_MAX);
	if (kr == KERN_SUCCESS && has_map)
		kr = ext2_map_free(en, 0, UINT64_C(1) << 40);
	if (kr == KERN_SUCCESS)
		kr = ext2_extend(ev, DELETE_CREDITS);
	if (kr == KERN_SUCCESS)
		kr = ext2_xattr_release(en);
	if (kr == KERN_SUCCESS)
		kr = ext2_inode_free(ev, en->en_ino, is_dir);
	if (kr == KERN_SUCCESS) {
		ext2_orphan_remove(en);
		en->en_dtime = (uint32_t)(mx_real_ns() / 1000000000u);
		en->en_node.pn_attr.at_size = en->en_disk_size = 0;
		(void)ext2_node_write(en);
	}
	/* Otherwise it stays on the disk's list of orphans, for e2fsck or the next mount. */
}

static void
node_forget(struct ext2_node *en)
{
	struct ext2_volume *ev = en->en_volume;

	ext2_delayed_drop(en, 0, UINT64_MAX);
	if (ev->ev_readonly || ev->ev_broken || (!en->en_changed && !is_stale(en)))
		return;
	if (ext2_extend(ev, 4) == KERN_SUCCESS)
		(void)ext2_node_write(en);
}

void
ext2_nodes_rest(struct ext2_volume *ev)
{
	struct ext2_node *en;

	while ((en = ev->ev_idle) != NULL) {
		ev->ev_idle = en->en_idle_next;
		en->en_idle_next = NULL;
		if (en->en_node.pn_attr.at_nlink == 0 && !ev->ev_readonly && !ev->ev_broken) {
			en->en_state = EN_DELETED;
			node_delete(en);
		} else {
			en->en_state = EN_LEAVING;
			node_forget(en);
		}
		node_free(en);
	}
}

void
ext2_node_quiet(struct ext2_node *en)
{
	while (en->en_io > 0)
		ext2_wait(en->en_volume);
}
