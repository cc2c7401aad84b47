/*
 * sysv_disk.c - the superblock and inodes.
 *
 * Block 0 is the boot block, the superblock follows at byte 512 (Xenix: 1024), inodes from block 2 on, then data. Addresses take three
 * bytes in inodes and four in indirect blocks.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "sysv.h"

#define MAGIC		0xfd187e20u
#define MAGIC_XENIX	0x002b5544u
#define YEAR_1980	315532800u
#define DIRECT		10u		/* addresses in an inode, before the three of indirect blocks */
#define INODE_BYTES	64u
#define INODES_AT	2u		/* the first block of inodes */

struct layout { uint32_t at, first_data, blocks, time, free_blocks, free_inodes, magic, type, magic_value; };

/* Where things are in the superblocks of release 4, release 2, Xenix. */
static const struct layout layouts[] = {
	{ 512, 0, 4, 420, 432, 436, 504, 508, MAGIC },
	{ 512, 0, 2, 414, 426, 430, 504, 508, MAGIC },
	{ 1024, 0, 2, 614, 618, 622, 1016, 1020, MAGIC_XENIX },
};

/* ---- The superblock ---- */

uint32_t
sysv_inodes(const struct sysv_volume *sv)
{
	return (sv->sv_first_data - INODES_AT) * (sv->sv_volume.ov_blocks.ob_block / INODE_BYTES);
}

/* Do the numbers at B, as LA has them, make sense? */
static bool
super_decode(struct sysv_volume *sv, const uint8_t *b, const struct layout *la)
{
	struct od_volume *ov = &sv->sv_volume;
	uint32_t type, block;

	ov->ov_is_big = od_be32(b + la->magic) == la->magic_value;
	if (od_u32(ov, b + la->magic) != la->magic_value || od_u32(ov, b + la->time) < YEAR_1980)
		return false;
	type = od_u32(ov, b + la->type);
	if (type < 1 || type > 3 || (la->magic_value == MAGIC_XENIX && type != 2))
		return false;
	block = 256u << type;
	ov->ov_blocks = (struct od_blocks){
		.ob_block = block, .ob_unit = block, .ob_units = od_u32(ov, b + la->blocks), .ob_direct = DIRECT, .ob_address = 4,
	};
	sv->sv_first_data = od_u16(ov, b + la->first_data);
	sv->sv_free_blocks = od_u32(ov, b + la->free_blocks);
	sv->sv_free_inodes = od_u16(ov, b + la->free_inodes);
	return sv->sv_first_data > INODES_AT && sv->sv_first_data < ov->ov_blocks.ob_units &&
		ov->ov_blocks.ob_units <= blk_disk_bytes(ov->ov_disk) / block;
}

kern_return_t
sysv_super_load(struct od_volume *ov)
{
	uint8_t b[1024];
	unsigned int i;
	size_t n;

	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		n = layouts[i].type + 4;
		if (od_read(ov->ov_cache, layouts[i].at, b, n) == KERN_SUCCESS && super_decode((struct sysv_volume *)ov, b, &layouts[i]))
			return KERN_SUCCESS;
	}
	return MX_EINVAL;
}

/* ---- Inodes ---- */

enum { I_MODE = 0, I_NLINK = 2, I_UID = 4, I_GID = 6, I_SIZE = 8, I_ADDRESSES = 12, I_ATIME = 52, I_MTIME = 56, I_CTIME = 60 };

kern_return_t
sysv_inode_read(struct od_volume *ov, uint64_t ino, uint8_t *b)
{
	if (ino < 1 || ino > sysv_inodes((struct sysv_volume *)ov))
		return MX_EIO;
	return od_read(ov->ov_cache, (uint64_t)INODES_AT * ov->ov_blocks.ob_block + (ino - 1) * INODE_BYTES, b, INODE_BYTES);
}

kern_return_t
sysv_inode_decode(const struct od_volume *ov, const uint8_t *b, struct od_inode *oi)
{
	struct mx_attr *at = &oi->oi_node.on_node.pn_attr;
	const uint8_t *p = b + I_ADDRESSES;
	uint32_t block = ov->ov_blocks.ob_block, type;
	unsigned int i;

	for (i = 0; i < DIRECT + 3; i++, p += 3)
		oi->oi_addresses[i] = ov->ov_is_big ? (uint32_t)p[0] << 16 | od_be16(p + 1) : od_le16(p) | (uint32_t)p[2] << 16;
	at->at_mode = od_u16(ov, b + I_MODE);
	at->at_size = od_u32(ov, b + I_SIZE);
	at->at_nlink = od_u16(ov, b + I_NLINK);
	at->at_uid = od_u16(ov, b + I_UID);
	at->at_gid = od_u16(ov, b + I_GID);
	at->at_blocks = (at->at_size + block - 1) / block * (block / 512);
	at->at_atime = od_u32(ov, b + I_ATIME);
	at->at_mtime = od_u32(ov, b + I_MTIME);
	at->at_ctime = at->at_btime = od_u32(ov, b + I_CTIME);
	at->at_atime_ns = at->at_mtime_ns = at->at_ctime_ns = at->at_btime_ns = 0;
	type = at->at_mode & MX_S_IFMT;
	if (type == MX_S_IFCHR || type == MX_S_IFBLK) {
		at->at_rdev_major = oi->oi_addresses[0] >> 8 & 0xff;
		at->at_rdev_minor = oi->oi_addresses[0] & 0xff;
	}
	return KERN_SUCCESS;
}
