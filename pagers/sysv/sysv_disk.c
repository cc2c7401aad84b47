/*
 * sysv_disk.c - superblock, inodes, where a file's blocks are.
 *
 * Block 0 is the boot block, the superblock follows at byte 512 (Xenix: 1024), inodes from block 2 on, then data. Addresses take three
 * bytes in inodes and four in indirect blocks.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "sysv.h"

#define MAGIC		0xfd187e20u
#define MAGIC_XENIX	0x002b5544u
#define YEAR_1980	315532800u

struct layout { uint32_t at, first_data, blocks, time, free_blocks, free_inodes, magic, type, magic_value; };

/* Where things are in the superblocks of release 4, release 2, Xenix. */
static const struct layout layouts[] = {
	{ 512, 0, 4, 420, 432, 436, 504, 508, MAGIC },
	{ 512, 0, 2, 414, 426, 430, 504, 508, MAGIC },
	{ 1024, 0, 2, 614, 618, 622, 1016, 1020, MAGIC_XENIX },
};

uint16_t
sysv_u16(const struct sysv_volume *sv, const void *p)
{
	return sv->sv_big ? od_be16(p) : od_le16(p);
}

uint32_t
sysv_u32(const struct sysv_volume *sv, const void *p)
{
	return sv->sv_big ? od_be32(p) : od_le32(p);
}

/* ---- The superblock ---- */

uint32_t
sysv_inodes(const struct sysv_volume *sv)
{
	return (sv->sv_first_data - SYSV_FIRST) * (sv->sv_block / SYSV_INODE);
}

/* Do the numbers at B, as LA has them, make sense? */
static bool
super_decode(struct sysv_volume *sv, const uint8_t *b, const struct layout *la)
{
	uint32_t type;

	sv->sv_big = od_be32(b + la->magic) == la->magic_value;
	if (sysv_u32(sv, b + la->magic) != la->magic_value || sysv_u32(sv, b + la->time) < YEAR_1980)
		return false;
	type = sysv_u32(sv, b + la->type);
	if (type < 1 || type > 3 || (la->magic_value == MAGIC_XENIX && type != 2))
		return false;
	sv->sv_block = 256u << type;
	sv->sv_first_data = sysv_u16(sv, b + la->first_data);
	sv->sv_blocks = sysv_u32(sv, b + la->blocks);
	sv->sv_free_blocks = sysv_u32(sv, b + la->free_blocks);
	sv->sv_free_inodes = sysv_u16(sv, b + la->free_inodes);
	return sv->sv_first_data > SYSV_FIRST && sv->sv_first_data < sv->sv_blocks &&
		sv->sv_blocks <= blk_disk_bytes(sv->sv_volume.ov_disk) / sv->sv_block;
}

kern_return_t
sysv_super_load(struct sysv_volume *sv)
{
	uint8_t b[1024];
	unsigned int i;
	size_t n;

	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		n = layouts[i].type + 4;
		if (od_read(sv->sv_volume.ov_cache, layouts[i].at, b, n) == KERN_SUCCESS && super_decode(sv, b, &layouts[i]))
			return KERN_SUCCESS;
	}
	return MX_EINVAL;
}

/* ---- Blocks ---- */

/* The address of block LBN of the file; 0: a hole. */
static kern_return_t
block_find(struct sysv_volume *sv, const struct sysv_node *sn, uint64_t lbn, uint32_t *block)
{
	uint64_t per = sv->sv_block / 4, span = 1;
	unsigned int level;
	uint8_t b[4];
	kern_return_t kr;

	if (lbn < SYSV_DIRECT) {
		*block = sn->sn_pointers[lbn];
		return KERN_SUCCESS;
	}
	lbn -= SYSV_DIRECT;
	for (level = 0; level < 3 && lbn >= span * per; level++) {	/* which tree? */
		span *= per;
		lbn -= span;
	}
	if (level == 3)
		return MX_EIO;
	for (*block = sn->sn_pointers[SYSV_DIRECT + level]; *block != 0 && span != 0; span /= per) {
		if (*block >= sv->sv_blocks)
			return MX_EIO;
		kr = od_read(sv->sv_volume.ov_cache, (uint64_t)*block * sv->sv_block + lbn / span % per * 4, b, 4);
		if (kr != KERN_SUCCESS)
			return kr;
		*block = sysv_u32(sv, b);
		if (span == 1)
			break;
	}
	return KERN_SUCCESS;
}

static kern_return_t
disk_map(struct pfs_node *node, uint64_t offset, uint64_t max, uint64_t *disk, uint64_t *bytes)
{
	struct sysv_volume *sv = sysv_volume_of(node);
	const struct sysv_node *sn = sysv_node_of(node);
	uint64_t lbn = offset / sv->sv_block, in = offset % sv->sv_block;
	uint32_t first, next, expected;
	kern_return_t kr = block_find(sv, sn, lbn, &first);

	if (kr != KERN_SUCCESS)
		return kr;
	*bytes = sv->sv_block - in;
	for (expected = first; *bytes < max; *bytes += sv->sv_block) {	/* do the next ones follow it? */
		expected += first != 0;
		if (block_find(sv, sn, ++lbn, &next) != KERN_SUCCESS || next != expected)
			break;
	}
	if (*bytes > max)
		*bytes = max;
	*disk = first == 0 ? 0 : (uint64_t)first * sv->sv_block + in;
	return *disk + *bytes > (uint64_t)sv->sv_blocks * sv->sv_block ? MX_EIO : KERN_SUCCESS;
}

kern_return_t
sysv_read(struct pfs_node *node, uint64_t offset, void *buf, size_t n)
{
	struct sysv_volume *sv = sysv_volume_of(node);
	uint8_t *to = buf;
	uint64_t disk, k;
	kern_return_t kr;

	for (; n > 0; offset += k, to += k, n -= (size_t)k) {
		kr = disk_map(node, offset, n, &disk, &k);
		if (kr == KERN_SUCCESS && disk != 0)
			kr = od_read(sv->sv_volume.ov_cache, disk, to, (size_t)k);
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
	return od_fetch(od_volume_of(node)->ov_disk, node, disk_map, node->pn_attr.at_size, page, npages, pages, got);
}

static const struct pfs_store_ops store_ops = { .st_fetch = disk_fetch };

/* ---- Inodes ---- */

enum { I_MODE = 0, I_NLINK = 2, I_UID = 4, I_GID = 6, I_SIZE = 8, I_POINTERS = 12, I_ATIME = 52, I_MTIME = 56, I_CTIME = 60 };

static kern_return_t
inode_read(struct sysv_volume *sv, uint32_t ino, uint8_t *b)
{
	if (ino < 1 || ino > sysv_inodes(sv))
		return MX_EIO;
	return od_read(sv->sv_volume.ov_cache, (uint64_t)SYSV_FIRST * sv->sv_block + (uint64_t)(ino - 1) * SYSV_INODE, b, SYSV_INODE);
}

static void
attr_decode(const struct sysv_volume *sv, const uint8_t *b, struct sysv_node *sn)
{
	struct mx_attr *at = &sn->sn_node.on_node.pn_attr;

	at->at_nlink = sysv_u16(sv, b + I_NLINK);
	at->at_uid = sysv_u16(sv, b + I_UID);
	at->at_gid = sysv_u16(sv, b + I_GID);
	at->at_blocks = (at->at_size + sv->sv_block - 1) / sv->sv_block * (sv->sv_block / 512);
	at->at_atime = sysv_u32(sv, b + I_ATIME);
	at->at_mtime = sysv_u32(sv, b + I_MTIME);
	at->at_ctime = at->at_btime = sysv_u32(sv, b + I_CTIME);
	at->at_atime_ns = at->at_mtime_ns = at->at_ctime_ns = at->at_btime_ns = 0;
	if ((at->at_mode & MX_S_IFMT) == MX_S_IFCHR || (at->at_mode & MX_S_IFMT) == MX_S_IFBLK) {
		at->at_rdev_major = sn->sn_pointers[0] >> 8 & 0xff;
		at->at_rdev_minor = sn->sn_pointers[0] & 0xff;
	}
}

static bool
type_is_known(uint32_t type)
{
	return type == MX_S_IFREG || type == MX_S_IFDIR || type == MX_S_IFLNK || type == MX_S_IFCHR || type == MX_S_IFBLK ||
		type == MX_S_IFIFO;
}

/* A node of what was read of inode INO, which nobody has. */
static kern_return_t
node_make(struct sysv_volume *sv, uint32_t ino, const uint8_t *b, struct pfs_node **out)
{
	uint32_t mode = sysv_u16(sv, b + I_MODE), type = mode & MX_S_IFMT;
	const uint8_t *p = b + I_POINTERS;
	struct sysv_node *sn;
	unsigned int i;
	kern_return_t kr;

	if (!type_is_known(type) || sysv_u16(sv, b + I_NLINK) == 0)
		return MX_EIO;
	sn = calloc(1, sizeof(*sn));
	if (sn == NULL)
		return MX_ENOMEM;
	for (i = 0; i < SYSV_POINTERS; i++, p += 3)
		sn->sn_pointers[i] = sv->sv_big ? (uint32_t)p[0] << 16 | od_be16(p + 1) : od_le16(p) | (uint32_t)p[2] << 16;
	sn->sn_node.on_node.pn_attr.at_size = sysv_u32(sv, b + I_SIZE);
	kr = od_node_add(&sv->sv_volume, &sn->sn_node, ino, mode, type == MX_S_IFREG ? &store_ops : NULL);
	if (kr != KERN_SUCCESS) {
		free(sn);
		return kr;
	}
	attr_decode(sv, b, sn);
	*out = &sn->sn_node.on_node;
	return KERN_SUCCESS;
}

kern_return_t
sysv_node_get(struct sysv_volume *sv, uint32_t ino, struct pfs_node **out)
{
	uint8_t b[SYSV_INODE];
	struct od_node *on;
	kern_return_t kr = inode_read(sv, ino, b);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = od_node_find(&sv->sv_volume, ino, &on);	/* after the read, which may have parked */
	if (kr == MX_ENOENT)
		return node_make(sv, ino, b, out);
	if (kr == KERN_SUCCESS)
		*out = &on->on_node;
	return kr;
}

void
sysv_node_free(struct od_node *on)
{
	free(on);
}
