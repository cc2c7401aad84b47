/*
 * ffs_disk.c - superblock, inodes, where a file's blocks are.
 *
 * A volume is made of cylinder groups, each with a part of the inodes. Addresses count fragments; a file's last block may be a few
 * fragments only, but what a file has follows each other inside a block.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "ffs.h"

#define SUPER_SIZE	1376u
#define MAGIC_NARROW	0x00011954u
#define MAGIC_WIDE	0x19540119u
#define SIZE_MAX_FILE	(UINT64_C(1) << 43)

enum {					/* in the superblock */
	SB_INODES_AT = 16, SB_GROUP_OFFSET = 24, SB_GROUP_MASK = 28, SB_SIZE32 = 36, SB_DATA32 = 40, SB_GROUPS = 44, SB_BLOCK = 48,
	SB_FRAG = 52, SB_GROUP_INODES = 184, SB_GROUP_FRAGS = 188, SB_FREE32 = 192, SB_FREE64 = 1008, SB_SIZE64 = 1080, SB_DATA64 = 1088,
	SB_INODE_FORMAT = 1324, SB_MAGIC = 1372,
};

enum {					/* in an inode of UFS1, of UFS2 */
	I1_BYTES = 128, I1_MODE = 0, I1_NLINK = 2, I1_OLD_UID = 4, I1_OLD_GID = 6, I1_SIZE = 8, I1_ATIME = 16, I1_MTIME = 24,
	I1_CTIME = 32, I1_POINTERS = 40, I1_BLOCKS = 104, I1_UID = 112, I1_GID = 116,
	I2_BYTES = 256, I2_UID = 4, I2_GID = 8, I2_SIZE = 16, I2_BLOCKS = 24, I2_ATIME = 32, I2_MTIME = 40, I2_CTIME = 48, I2_BTIME = 56,
	I2_MTIME_NS = 64, I2_ATIME_NS = 68, I2_CTIME_NS = 72, I2_BTIME_NS = 76, I2_POINTERS = 112,
};

uint16_t
ffs_u16(const struct ffs_volume *fv, const void *p)
{
	return fv->fv_big ? od_be16(p) : od_le16(p);
}

uint32_t
ffs_u32(const struct ffs_volume *fv, const void *p)
{
	return fv->fv_big ? od_be32(p) : od_le32(p);
}

uint64_t
ffs_u64(const struct ffs_volume *fv, const void *p)
{
	return fv->fv_big ? od_be64(p) : od_le64(p);
}

/* ---- The superblock ---- */

static bool
is_power(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static bool
super_is_sane(const struct ffs_volume *fv)
{
	uint32_t inode = fv->fv_wide ? I2_BYTES : I1_BYTES;

	return is_power(fv->fv_block) && fv->fv_block >= 4096 && fv->fv_block <= 65536 && is_power(fv->fv_frag) && fv->fv_frag >= 512 &&
		fv->fv_frag <= fv->fv_block && fv->fv_block / fv->fv_frag <= 8 && fv->fv_groups > 0 && fv->fv_group_frags > 0 &&
		fv->fv_group_inodes >= fv->fv_block / inode && fv->fv_frags > 0 &&
		fv->fv_frags <= blk_disk_bytes(fv->fv_volume.ov_disk) / fv->fv_frag &&
		(uint64_t)(fv->fv_groups - 1) * fv->fv_group_frags < fv->fv_frags && fv->fv_inodes_at < fv->fv_group_frags;
}

static void
super_decode(struct ffs_volume *fv, const uint8_t *b)
{
	uint32_t frag;

	fv->fv_block = ffs_u32(fv, b + SB_BLOCK);
	fv->fv_frag = ffs_u32(fv, b + SB_FRAG);
	fv->fv_groups = ffs_u32(fv, b + SB_GROUPS);
	fv->fv_group_frags = ffs_u32(fv, b + SB_GROUP_FRAGS);
	fv->fv_group_inodes = ffs_u32(fv, b + SB_GROUP_INODES);
	fv->fv_inodes_at = ffs_u32(fv, b + SB_INODES_AT);
	fv->fv_group_offset = fv->fv_wide ? 0 : ffs_u32(fv, b + SB_GROUP_OFFSET);
	fv->fv_group_mask = ffs_u32(fv, b + SB_GROUP_MASK);
	fv->fv_frags = fv->fv_wide ? ffs_u64(fv, b + SB_SIZE64) : ffs_u32(fv, b + SB_SIZE32);
	fv->fv_data_frags = fv->fv_wide ? ffs_u64(fv, b + SB_DATA64) : ffs_u32(fv, b + SB_DATA32);
	fv->fv_old_dirs = !fv->fv_wide && (int32_t)ffs_u32(fv, b + SB_INODE_FORMAT) < 2;
	frag = fv->fv_frag != 0 ? fv->fv_block / fv->fv_frag : 0;
	if (fv->fv_wide) {
		fv->fv_free_frags = ffs_u64(fv, b + SB_FREE64 + 8) * frag + ffs_u64(fv, b + SB_FREE64 + 24);
		fv->fv_free_inodes = ffs_u64(fv, b + SB_FREE64 + 16);
	} else {
		fv->fv_free_frags = (uint64_t)ffs_u32(fv, b + SB_FREE32 + 4) * frag + ffs_u32(fv, b + SB_FREE32 + 12);
		fv->fv_free_inodes = ffs_u32(fv, b + SB_FREE32 + 8);
	}
}

kern_return_t
ffs_super_load(struct ffs_volume *fv)
{
	static const uint32_t places[] = { 65536, 8192, 0, 262144 };
	uint8_t b[SUPER_SIZE];
	unsigned int i;
	uint32_t magic;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (od_read(fv->fv_volume.ov_cache, places[i], b, sizeof(b)) != KERN_SUCCESS)
			continue;
		fv->fv_big = od_be32(b + SB_MAGIC) == MAGIC_NARROW || od_be32(b + SB_MAGIC) == MAGIC_WIDE;
		magic = ffs_u32(fv, b + SB_MAGIC);
		if (magic != MAGIC_NARROW && magic != MAGIC_WIDE)
			continue;
		fv->fv_wide = magic == MAGIC_WIDE;
		if (places[i] == 65536 && !fv->fv_wide)
			continue;			/* a copy of UFS1's, when blocks are that large */
		super_decode(fv, b);
		if (super_is_sane(fv))
			return KERN_SUCCESS;
	}
	return MX_EINVAL;
}

/* ---- Inodes ---- */

static kern_return_t
inode_read(struct ffs_volume *fv, uint64_t ino, uint8_t *b)
{
	uint32_t bytes = fv->fv_wide ? I2_BYTES : I1_BYTES, group, in, per_block = fv->fv_block / bytes;
	uint64_t frag;

	if (ino < FFS_ROOT || ino >= (uint64_t)fv->fv_groups * fv->fv_group_inodes)
		return MX_EIO;
	group = (uint32_t)(ino / fv->fv_group_inodes);
	in = (uint32_t)(ino % fv->fv_group_inodes);
	frag = (uint64_t)group * fv->fv_group_frags + (uint64_t)fv->fv_group_offset * (group & ~fv->fv_group_mask) + fv->fv_inodes_at +
		(uint64_t)(in / per_block) * (fv->fv_block / fv->fv_frag);
	return od_read(fv->fv_volume.ov_cache, frag * fv->fv_frag + in % per_block * bytes, b, bytes);
}

static void
attr_decode_narrow(const struct ffs_volume *fv, const uint8_t *b, struct mx_attr *at)
{
	at->at_uid = fv->fv_old_dirs ? ffs_u16(fv, b + I1_OLD_UID) : ffs_u32(fv, b + I1_UID);
	at->at_gid = fv->fv_old_dirs ? ffs_u16(fv, b + I1_OLD_GID) : ffs_u32(fv, b + I1_GID);
	at->at_blocks = ffs_u32(fv, b + I1_BLOCKS);
	at->at_atime = (int32_t)ffs_u32(fv, b + I1_ATIME);
	at->at_atime_ns = ffs_u32(fv, b + I1_ATIME + 4);
	at->at_mtime = (int32_t)ffs_u32(fv, b + I1_MTIME);
	at->at_mtime_ns = ffs_u32(fv, b + I1_MTIME + 4);
	at->at_ctime = (int32_t)ffs_u32(fv, b + I1_CTIME);
	at->at_ctime_ns = ffs_u32(fv, b + I1_CTIME + 4);
	at->at_btime = at->at_ctime;
	at->at_btime_ns = at->at_ctime_ns;
}

static void
attr_decode_wide(const struct ffs_volume *fv, const uint8_t *b, struct mx_attr *at)
{
	at->at_uid = ffs_u32(fv, b + I2_UID);
	at->at_gid = ffs_u32(fv, b + I2_GID);
	at->at_blocks = ffs_u64(fv, b + I2_BLOCKS);
	at->at_atime = (int64_t)ffs_u64(fv, b + I2_ATIME);
	at->at_atime_ns = ffs_u32(fv, b + I2_ATIME_NS);
	at->at_mtime = (int64_t)ffs_u64(fv, b + I2_MTIME);
	at->at_mtime_ns = ffs_u32(fv, b + I2_MTIME_NS);
	at->at_ctime = (int64_t)ffs_u64(fv, b + I2_CTIME);
	at->at_ctime_ns = ffs_u32(fv, b + I2_CTIME_NS);
	at->at_btime = (int64_t)ffs_u64(fv, b + I2_BTIME);
	at->at_btime_ns = ffs_u32(fv, b + I2_BTIME_NS);
}

static void
attr_decode(const struct ffs_volume *fv, const uint8_t *b, struct mx_attr *at)
{
	if (fv->fv_wide)
		attr_decode_wide(fv, b, at);
	else
		attr_decode_narrow(fv, b, at);
	at->at_nlink = ffs_u16(fv, b + I1_NLINK);
	at->at_atime_ns %= 1000000000u;
	at->at_mtime_ns %= 1000000000u;
	at->at_ctime_ns %= 1000000000u;
	at->at_btime_ns %= 1000000000u;
}

/* Block numbers, or a short link in their place, or a device's number in the first. */
static void
pointers_decode(const struct ffs_volume *fv, const uint8_t *b, uint32_t type, struct ffs_node *fn)
{
	const uint8_t *p = b + (fv->fv_wide ? I2_POINTERS : I1_POINTERS);
	size_t size = fv->fv_wide ? 8 : 4, i;
	uint64_t blocks = fv->fv_wide ? ffs_u64(fv, b + I2_BLOCKS) : ffs_u32(fv, b + I1_BLOCKS);
	struct mx_attr *at = &fn->fn_node.on_node.pn_attr;
	uint32_t dev;

	for (i = 0; i < FFS_POINTERS; i++)
		fn->fn_pointers[i] = fv->fv_wide ? ffs_u64(fv, p + 8 * i) : ffs_u32(fv, p + 4 * i);
	if (type == MX_S_IFLNK && blocks == 0 && at->at_size <= FFS_POINTERS * size) {
		memcpy(fn->fn_inline, p, FFS_POINTERS * size);
		fn->fn_is_inline = true;
	}
	if (type == MX_S_IFCHR || type == MX_S_IFBLK) {		/* as NetBSD packs it */
		dev = (uint32_t)fn->fn_pointers[0];
		at->at_rdev_major = dev >> 8 & 0xfff;
		at->at_rdev_minor = (dev >> 12 & 0xfff00) | (dev & 0xff);
	}
}

static const struct pfs_store_ops store_ops;

static bool
type_is_known(uint32_t type)
{
	return type == MX_S_IFREG || type == MX_S_IFDIR || type == MX_S_IFLNK || type == MX_S_IFCHR || type == MX_S_IFBLK ||
		type == MX_S_IFIFO || type == MX_S_IFSOCK;
}

/* A node of what was read of inode INO, which nobody has. */
static kern_return_t
node_make(struct ffs_volume *fv, uint64_t ino, const uint8_t *b, struct pfs_node **out)
{
	uint32_t mode = ffs_u16(fv, b + I1_MODE), type = mode & MX_S_IFMT;
	struct ffs_node *fn;
	struct mx_attr *at;
	kern_return_t kr;

	if (!type_is_known(type) || ffs_u16(fv, b + I1_NLINK) == 0)
		return MX_EIO;
	fn = calloc(1, sizeof(*fn));
	if (fn == NULL)
		return MX_ENOMEM;
	at = &fn->fn_node.on_node.pn_attr;
	at->at_size = ffs_u64(fv, b + (fv->fv_wide ? I2_SIZE : I1_SIZE));
	pointers_decode(fv, b, type, fn);
	kr = at->at_size <= SIZE_MAX_FILE ? KERN_SUCCESS : MX_EIO;
	if (kr == KERN_SUCCESS)
		kr = od_node_add(&fv->fv_volume, &fn->fn_node, ino, mode, type == MX_S_IFREG ? &store_ops : NULL);
	if (kr != KERN_SUCCESS) {
		free(fn);
		return kr;
	}
	attr_decode(fv, b, at);
	*out = &fn->fn_node.on_node;
	return KERN_SUCCESS;
}

kern_return_t
ffs_node_get(struct ffs_volume *fv, uint64_t ino, struct pfs_node **out)
{
	uint8_t b[I2_BYTES];
	struct od_node *on;
	kern_return_t kr = inode_read(fv, ino, b);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = od_node_find(&fv->fv_volume, ino, &on);	/* after the read, which may have parked */
	if (kr == MX_ENOENT)
		return node_make(fv, ino, b, out);
	if (kr == KERN_SUCCESS)
		*out = &on->on_node;
	return kr;
}

void
ffs_node_free(struct od_node *on)
{
	free(on);
}

/* ---- Blocks ---- */

/* Number INDEX of the indirect block FRAG. */
static kern_return_t
indirect_get(struct ffs_volume *fv, uint64_t frag, uint64_t index, uint64_t *out)
{
	uint8_t b[8];
	size_t size = fv->fv_wide ? 8 : 4;
	kern_return_t kr;

	if (frag >= fv->fv_frags)
		return MX_EIO;
	kr = od_read(fv->fv_volume.ov_cache, frag * fv->fv_frag + index * size, b, size);
	*out = kr != KERN_SUCCESS ? 0 : fv->fv_wide ? ffs_u64(fv, b) : ffs_u32(fv, b);
	return kr;
}

/* The address of block LBN of the file; 0: a hole. */
static kern_return_t
block_find(struct ffs_volume *fv, const struct ffs_node *fn, uint64_t lbn, uint64_t *frag)
{
	uint64_t per = fv->fv_block / (fv->fv_wide ? 8 : 4), span = 1;
	unsigned int level;
	kern_return_t kr = KERN_SUCCESS;

	if (lbn < FFS_DIRECT) {
		*frag = fn->fn_pointers[lbn];
		return KERN_SUCCESS;
	}
	lbn -= FFS_DIRECT;
	for (level = 0; level < 3; level++) {		/* which tree? */
		if (lbn < span * per)
			break;
		span *= per;
		lbn -= span;
	}
	if (level == 3)
		return MX_EIO;
	*frag = fn->fn_pointers[FFS_DIRECT + level];
	for (; *frag != 0 && kr == KERN_SUCCESS; span /= per) {
		kr = indirect_get(fv, *frag, lbn / span % per, frag);
		if (span == 1)
			break;
	}
	return kr;
}

kern_return_t
ffs_map(struct pfs_node *node, uint64_t offset, uint64_t max, uint64_t *disk, uint64_t *bytes)
{
	struct ffs_volume *fv = ffs_volume_of(node);
	const struct ffs_node *fn = ffs_node_of(node);
	uint64_t lbn = offset / fv->fv_block, in = offset % fv->fv_block, per = fv->fv_block / fv->fv_frag, first, next;
	kern_return_t kr = block_find(fv, fn, lbn, &first);

	if (kr != KERN_SUCCESS)
		return kr;
	*bytes = fv->fv_block - in;
	for (next = first; *bytes < max; *bytes += fv->fv_block) {
		uint64_t expected = first != 0 ? next + per : 0;

		if (block_find(fv, fn, ++lbn, &next) != KERN_SUCCESS || next != expected)
			break;
	}
	if (*bytes > max)
		*bytes = max;
	*disk = first == 0 ? 0 : first * fv->fv_frag + in;
	return first >= fv->fv_frags || *disk + *bytes > fv->fv_frags * fv->fv_frag ? MX_EIO : KERN_SUCCESS;
}

kern_return_t
ffs_read(struct pfs_node *node, uint64_t offset, void *buf, size_t n)
{
	struct ffs_volume *fv = ffs_volume_of(node);
	uint8_t *to = buf;
	uint64_t disk, k;
	kern_return_t kr;

	for (; n > 0; offset += k, to += k, n -= (size_t)k) {
		kr = ffs_map(node, offset, n, &disk, &k);
		if (kr == KERN_SUCCESS && disk != 0)
			kr = od_read(fv->fv_volume.ov_cache, disk, to, (size_t)k);
		else if (kr == KERN_SUCCESS)
			memset(to, 0, (size_t)k);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	return KERN_SUCCESS;
}

static kern_return_t
disk_fetch(struct pfs_node *node, uint32_t page, uint32_t npages, void **pages, uint32_t *got)
{
	return od_fetch(od_volume_of(node)->ov_disk, node, ffs_map, node->pn_attr.at_size, page, npages, pages, got);
}

static const struct pfs_store_ops store_ops = { .st_fetch = disk_fetch };
