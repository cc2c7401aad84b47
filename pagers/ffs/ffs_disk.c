/*
 * ffs_disk.c - the superblock and inodes.
 *
 * A volume is made of cylinder groups, each with a part of the inodes. Addresses count fragments; a file's last block may be a few
 * fragments only, but what a file has follows each other inside a block.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
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

/* ---- The superblock ---- */

static bool
is_power(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static bool
super_is_sane(const struct ffs_volume *fv)
{
	const struct od_blocks *ob = &fv->fv_volume.ov_blocks;
	uint32_t inode = fv->fv_wide ? I2_BYTES : I1_BYTES;

	return is_power(ob->ob_block) && ob->ob_block >= 4096 && ob->ob_block <= 65536 && is_power(ob->ob_unit) && ob->ob_unit >= 512 &&
		ob->ob_unit <= ob->ob_block && ob->ob_block / ob->ob_unit <= 8 && fv->fv_groups > 0 && fv->fv_group_frags > 0 &&
		fv->fv_group_inodes >= ob->ob_block / inode && ob->ob_units > 0 &&
		ob->ob_units <= blk_disk_bytes(fv->fv_volume.ov_disk) / ob->ob_unit &&
		(uint64_t)(fv->fv_groups - 1) * fv->fv_group_frags < ob->ob_units && fv->fv_inodes_at < fv->fv_group_frags;
}

static void
super_decode(struct ffs_volume *fv, const uint8_t *b)
{
	struct od_volume *ov = &fv->fv_volume;
	struct od_blocks *ob = &ov->ov_blocks;
	uint32_t frag;

	ob->ob_block = od_u32(ov, b + SB_BLOCK);
	ob->ob_unit = od_u32(ov, b + SB_FRAG);
	ob->ob_units = fv->fv_wide ? od_u64(ov, b + SB_SIZE64) : od_u32(ov, b + SB_SIZE32);
	ob->ob_direct = FFS_DIRECT;
	ob->ob_address = fv->fv_wide ? 8 : 4;
	fv->fv_groups = od_u32(ov, b + SB_GROUPS);
	fv->fv_group_frags = od_u32(ov, b + SB_GROUP_FRAGS);
	fv->fv_group_inodes = od_u32(ov, b + SB_GROUP_INODES);
	fv->fv_inodes_at = od_u32(ov, b + SB_INODES_AT);
	fv->fv_group_offset = fv->fv_wide ? 0 : od_u32(ov, b + SB_GROUP_OFFSET);
	fv->fv_group_mask = od_u32(ov, b + SB_GROUP_MASK);
	fv->fv_data_frags = fv->fv_wide ? od_u64(ov, b + SB_DATA64) : od_u32(ov, b + SB_DATA32);
	fv->fv_old_dirs = !fv->fv_wide && (int32_t)od_u32(ov, b + SB_INODE_FORMAT) < 2;
	frag = ob->ob_unit != 0 ? ob->ob_block / ob->ob_unit : 0;
	if (fv->fv_wide) {
		fv->fv_free_frags = od_u64(ov, b + SB_FREE64 + 8) * frag + od_u64(ov, b + SB_FREE64 + 24);
		fv->fv_free_inodes = od_u64(ov, b + SB_FREE64 + 16);
	} else {
		fv->fv_free_frags = (uint64_t)od_u32(ov, b + SB_FREE32 + 4) * frag + od_u32(ov, b + SB_FREE32 + 12);
		fv->fv_free_inodes = od_u32(ov, b + SB_FREE32 + 8);
	}
}

kern_return_t
ffs_super_load(struct od_volume *ov)
{
	static const uint32_t places[] = { 65536, 8192, 0, 262144 };
	struct ffs_volume *fv = (struct ffs_volume *)ov;
	uint8_t b[SUPER_SIZE];
	unsigned int i;
	uint32_t magic;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (od_read(ov->ov_cache, places[i], b, sizeof(b)) != KERN_SUCCESS)
			continue;
		ov->ov_is_big = od_be32(b + SB_MAGIC) == MAGIC_NARROW || od_be32(b + SB_MAGIC) == MAGIC_WIDE;
		magic = od_u32(ov, b + SB_MAGIC);
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

kern_return_t
ffs_inode_read(struct od_volume *ov, uint64_t ino, uint8_t *b)
{
	const struct ffs_volume *fv = (struct ffs_volume *)ov;
	const struct od_blocks *ob = &ov->ov_blocks;
	uint32_t bytes = fv->fv_wide ? I2_BYTES : I1_BYTES, group, in, per_block = ob->ob_block / bytes;
	uint64_t frag;

	if (ino < FFS_ROOT || ino >= (uint64_t)fv->fv_groups * fv->fv_group_inodes)
		return MX_EIO;
	group = (uint32_t)(ino / fv->fv_group_inodes);
	in = (uint32_t)(ino % fv->fv_group_inodes);
	frag = (uint64_t)group * fv->fv_group_frags + (uint64_t)fv->fv_group_offset * (group & ~fv->fv_group_mask) + fv->fv_inodes_at +
		(uint64_t)(in / per_block) * (ob->ob_block / ob->ob_unit);
	return od_read(ov->ov_cache, frag * ob->ob_unit + in % per_block * bytes, b, bytes);
}

static void
attr_decode_narrow(const struct ffs_volume *fv, const uint8_t *b, struct mx_attr *at)
{
	const struct od_volume *ov = &fv->fv_volume;

	at->at_uid = fv->fv_old_dirs ? od_u16(ov, b + I1_OLD_UID) : od_u32(ov, b + I1_UID);
	at->at_gid = fv->fv_old_dirs ? od_u16(ov, b + I1_OLD_GID) : od_u32(ov, b + I1_GID);
	at->at_blocks = od_u32(ov, b + I1_BLOCKS);
	at->at_atime = (int32_t)od_u32(ov, b + I1_ATIME);
	at->at_atime_ns = od_u32(ov, b + I1_ATIME + 4);
	at->at_mtime = (int32_t)od_u32(ov, b + I1_MTIME);
	at->at_mtime_ns = od_u32(ov, b + I1_MTIME + 4);
	at->at_ctime = (int32_t)od_u32(ov, b + I1_CTIME);
	at->at_ctime_ns = od_u32(ov, b + I1_CTIME + 4);
	at->at_btime = at->at_ctime;
	at->at_btime_ns = at->at_ctime_ns;
}

static void
attr_decode_wide(const struct od_volume *ov, const uint8_t *b, struct mx_attr *at)
{
	at->at_uid = od_u32(ov, b + I2_UID);
	at->at_gid = od_u32(ov, b + I2_GID);
	at->at_blocks = od_u64(ov, b + I2_BLOCKS);
	at->at_atime = (int64_t)od_u64(ov, b + I2_ATIME);
	at->at_atime_ns = od_u32(ov, b + I2_ATIME_NS);
	at->at_mtime = (int64_t)od_u64(ov, b + I2_MTIME);
	at->at_mtime_ns = od_u32(ov, b + I2_MTIME_NS);
	at->at_ctime = (int64_t)od_u64(ov, b + I2_CTIME);
	at->at_ctime_ns = od_u32(ov, b + I2_CTIME_NS);
	at->at_btime = (int64_t)od_u64(ov, b + I2_BTIME);
	at->at_btime_ns = od_u32(ov, b + I2_BTIME_NS);
}

static void
attr_decode(const struct ffs_volume *fv, const uint8_t *b, struct mx_attr *at)
{
	const struct od_volume *ov = &fv->fv_volume;

	if (fv->fv_wide)
		attr_decode_wide(ov, b, at);
	else
		attr_decode_narrow(fv, b, at);
	at->at_mode = od_u16(ov, b + I1_MODE);
	at->at_nlink = od_u16(ov, b + I1_NLINK);
	at->at_size = od_u64(ov, b + (fv->fv_wide ? I2_SIZE : I1_SIZE));
	at->at_atime_ns %= 1000000000u;
	at->at_mtime_ns %= 1000000000u;
	at->at_ctime_ns %= 1000000000u;
	at->at_btime_ns %= 1000000000u;
}

/* Addresses of blocks, or a short link in their place, or a device's number in the first. */
kern_return_t
ffs_inode_decode(const struct od_volume *ov, const uint8_t *b, struct od_inode *oi)
{
	const struct ffs_volume *fv = (const struct ffs_volume *)ov;
	struct ffs_node *fn = (struct ffs_node *)oi;
	struct mx_attr *at = &oi->oi_node.on_node.pn_attr;
	const uint8_t *p = b + (fv->fv_wide ? I2_POINTERS : I1_POINTERS);
	size_t bytes = (FFS_DIRECT + 3) * ov->ov_blocks.ob_address, i;
	uint32_t type, dev;

	attr_decode(fv, b, at);
	type = at->at_mode & MX_S_IFMT;
	for (i = 0; i < FFS_DIRECT + 3; i++)
		oi->oi_addresses[i] = fv->fv_wide ? od_u64(ov, p + 8 * i) : od_u32(ov, p + 4 * i);
	if (type == MX_S_IFLNK && at->at_blocks == 0 && at->at_size <= bytes) {
		memcpy(fn->fn_inline, p, bytes);
		fn->fn_is_inline = true;
	}
	if (type == MX_S_IFCHR || type == MX_S_IFBLK) {		/* as NetBSD packs it */
		dev = (uint32_t)oi->oi_addresses[0];
		at->at_rdev_major = dev >> 8 & 0xfff;
		at->at_rdev_minor = (dev >> 12 & 0xfff00) | (dev & 0xff);
	}
	return at->at_size <= SIZE_MAX_FILE ? KERN_SUCCESS : MX_EIO;
}
