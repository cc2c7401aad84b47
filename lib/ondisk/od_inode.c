/*
 * od_inode.c - files as inodes with addresses of blocks: some direct ones, then a tree of one, two and three levels of indirect blocks.
 *
 * An address counts units (struct od_blocks), of which a block is made of one or several; 0 is a hole.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/ondisk.h>
#include <masix/pfs_store.h>

#define LEVELS	3u

/* ---- Blocks ---- */

/* Number INDEX in the indirect block at ADDRESS. */
static kern_return_t
indirect_get(struct od_volume *ov, uint64_t address, uint64_t index, uint64_t *out)
{
	const struct od_blocks *ob = &ov->ov_blocks;
	uint8_t b[8];
	kern_return_t kr;

	if (address >= ob->ob_units)
		return MX_EIO;
	kr = od_read(ov->ov_cache, address * ob->ob_unit + index * ob->ob_address, b, ob->ob_address);
	*out = kr != KERN_SUCCESS ? 0 : ob->ob_address == 8 ? od_u64(ov, b) : od_u32(ov, b);
	return kr;
}

/* The address of block LBN of the file; 0: a hole. */
static kern_return_t
block_find(struct od_volume *ov, const struct od_inode *oi, uint64_t lbn, uint64_t *address)
{
	const struct od_blocks *ob = &ov->ov_blocks;
	uint64_t per = ob->ob_block / ob->ob_address, span = 1;
	unsigned int level;
	kern_return_t kr = KERN_SUCCESS;

	if (lbn < ob->ob_direct) {
		*address = oi->oi_addresses[lbn];
		return KERN_SUCCESS;
	}
	lbn -= ob->ob_direct;
	for (level = 0; level < LEVELS && lbn >= span * per; level++) {	/* which tree? */
		span *= per;
		lbn -= span;
	}
	if (level == LEVELS)
		return MX_EIO;
	*address = oi->oi_addresses[ob->ob_direct + level];
	for (; *address != 0 && kr == KERN_SUCCESS; span /= per) {
		kr = indirect_get(ov, *address, lbn / span % per, address);
		if (span == 1)
			break;
	}
	return kr;
}

/* od_map_t */
static kern_return_t
inode_map(struct pfs_node *node, uint64_t offset, uint64_t max, uint64_t *disk, uint64_t *bytes)
{
	struct od_volume *ov = od_volume_of(node);
	const struct od_blocks *ob = &ov->ov_blocks;
	const struct od_inode *oi = (struct od_inode *)node;
	uint64_t lbn = offset / ob->ob_block, in = offset % ob->ob_block, first, next, expected;
	kern_return_t kr = block_find(ov, oi, lbn, &first);

	if (kr != KERN_SUCCESS)
		return kr;
	if (first >= ob->ob_units)
		return MX_EIO;
	*bytes = ob->ob_block - in;
	for (expected = first; *bytes < max; *bytes += ob->ob_block) {	/* do the next ones follow it? */
		expected += first != 0 ? ob->ob_block / ob->ob_unit : 0;
		if (block_find(ov, oi, ++lbn, &next) != KERN_SUCCESS || next != expected)
			break;
	}
	if (*bytes > max)
		*bytes = max;
	*disk = first == 0 ? 0 : first * ob->ob_unit + in;
	return *disk + *bytes > ob->ob_units * ob->ob_unit ? MX_EIO : KERN_SUCCESS;
}

kern_return_t
od_inode_copy(struct pfs_node *node, uint64_t offset, void *buf, size_t n)
{
	uint8_t *to = buf;
	uint64_t disk, k;
	kern_return_t kr;

	for (; n > 0; offset += k, to += k, n -= (size_t)k) {
		kr = inode_map(node, offset, n, &disk, &k);
		if (kr == KERN_SUCCESS && disk != 0)
			kr = od_read(od_volume_of(node)->ov_cache, disk, to, (size_t)k);
		else if (kr == KERN_SUCCESS)
			memset(to, 0, (size_t)k);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	return KERN_SUCCESS;
}

kern_return_t
od_inode_readlink(struct pfs_node *node, int32_t who, char *buf, size_t size, size_t *len)
{
	(void)who;
	if (node->pn_attr.at_size >= MX_PATH_MAX)
		return MX_EIO;
	*len = node->pn_attr.at_size < size ? (size_t)node->pn_attr.at_size : size;
	return od_inode_copy(node, 0, buf, *len);
}

static kern_return_t
inode_fetch(struct pfs_node *node, uint32_t page, uint32_t npages, void **pages, uint32_t *got)
{
	return od_fetch(od_volume_of(node)->ov_disk, node, inode_map, node->pn_attr.at_size, page, npages, pages, got);
}

static const struct pfs_store_ops store_ops = { .st_fetch = inode_fetch };

/* ---- Inodes ---- */

static bool
type_is_known(uint32_t type)
{
	return type == MX_S_IFREG || type == MX_S_IFDIR || type == MX_S_IFLNK || type == MX_S_IFCHR || type == MX_S_IFBLK ||
		type == MX_S_IFIFO || type == MX_S_IFSOCK;
}

/* A node of what was read of inode INO, which nobody has. */
static kern_return_t
inode_make(struct od_volume *ov, uint64_t ino, const uint8_t *b, struct od_node **out)
{
	struct od_inode *oi = calloc(1, od_format_of(ov)->of_node_size);
	const struct mx_attr *at;
	kern_return_t kr;

	if (oi == NULL)
		return MX_ENOMEM;
	at = &oi->oi_node.on_node.pn_attr;
	od_node_init(ov, &oi->oi_node, ino, 0);
	kr = od_format_of(ov)->of_inode_decode(ov, b, oi);
	if (kr == KERN_SUCCESS && (!type_is_known(at->at_mode & MX_S_IFMT) || at->at_nlink == 0))
		kr = MX_EIO;
	if (kr == KERN_SUCCESS)
		kr = od_node_add(&oi->oi_node, (at->at_mode & MX_S_IFMT) == MX_S_IFREG ? &store_ops : NULL);
	if (kr != KERN_SUCCESS) {
		free(oi);
		return kr;
	}
	*out = &oi->oi_node;
	return KERN_SUCCESS;
}

kern_return_t
od_inode_get(struct od_volume *ov, uint64_t ino, struct od_node **out)
{
	uint8_t b[OD_INODE_MAX];
	kern_return_t kr = od_format_of(ov)->of_inode_read(ov, ino, b);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = od_node_find(ov, ino, out);	/* after the read, which may have parked */
	return kr == MX_ENOENT ? inode_make(ov, ino, b, out) : kr;
}

kern_return_t
od_inode_of_entry(struct od_volume *ov, struct od_entry *en, struct od_node **out)
{
	return od_inode_get(ov, en->en_ino, out);
}
