/*
 * ffs_core.c - directories, and the format as lib/ondisk wants it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "ffs.h"

#define FFS_MAGIC	0x00011954u
#define DIR_BLOCK	512u		/* an entry does not cross one */
#define DIR_MAX		(1u << 28)	/* bytes of a directory that are looked at */

static kern_return_t
entry_read(struct od_node *dir, uint64_t *offset, struct od_entry *en)
{
	const struct od_volume *ov = dir->on_volume;
	bool is_old = ((const struct ffs_volume *)ov)->fv_old_dirs;
	uint8_t b[8];
	size_t length;
	kern_return_t kr;

	if (*offset >= dir->on_node.pn_attr.at_size || *offset >= DIR_MAX)
		return MX_ENOENT;
	kr = *offset % 4 == 0 ? od_inode_copy(&dir->on_node, *offset, b, sizeof(b)) : MX_EINVAL;
	if (kr != KERN_SUCCESS)
		return kr;
	length = od_u16(ov, b + 4);
	en->en_ino = od_u32(ov, b);
	en->en_name_len = is_old ? od_u16(ov, b + 6) : b[7];
	en->en_mode = is_old ? 0 : (uint32_t)(b[6] & 15) << 12;
	if (length < 8 || length % 4 != 0 || length > DIR_BLOCK - *offset % DIR_BLOCK)
		return MX_EIO;
	if (en->en_ino == 0 || en->en_name_len > MX_NAME_MAX || en->en_name_len + 8 > length)
		en->en_name_len = 0;
	kr = od_inode_copy(&dir->on_node, *offset + 8, en->en_name, en->en_name_len);
	*offset += length;
	return kr;
}

static kern_return_t
root_get(struct od_volume *ov, struct od_node **out)
{
	return od_inode_get(ov, FFS_ROOT, out);
}

static kern_return_t
core_readlink(struct pfs_node *node, int32_t who, char *buf, size_t size, size_t *len)
{
	const struct ffs_node *fn = (struct ffs_node *)node;

	if (!fn->fn_is_inline)
		return od_inode_readlink(node, who, buf, size, len);
	*len = node->pn_attr.at_size < size ? (size_t)node->pn_attr.at_size : size;
	memcpy(buf, fn->fn_inline, *len);
	return KERN_SUCCESS;
}

static kern_return_t
core_statfs(struct pfs_volume *vol, struct mx_statfs *st)
{
	struct ffs_volume *fv = vol->pv_private;

	st->sf_bsize = fv->fv_volume.ov_blocks.ob_unit;
	st->sf_blocks = fv->fv_data_frags;
	st->sf_bfree = st->sf_bavail = fv->fv_free_frags;
	st->sf_files = (uint64_t)fv->fv_groups * fv->fv_group_inodes - 2;
	st->sf_ffree = fv->fv_free_inodes;
	return KERN_SUCCESS;
}

const struct od_format ffs_format = {
	.of_pfs = {
		OD_PFS_OPS,
		.po_name = "ufs",
		.po_magic = FFS_MAGIC,
		.po_statfs = core_statfs,
		.po_readlink = core_readlink,
	},
	.of_volume_size = sizeof(struct ffs_volume),
	.of_entry_size = sizeof(struct od_entry),
	.of_node_size = sizeof(struct ffs_node),
	.of_cache_unit = 2048,
	.of_cache_ahead = 4,
	.of_cache_max = 256,
	.of_load = ffs_super_load,
	.of_root = root_get,
	.of_entry = entry_read,
	.of_entry_node = od_inode_of_entry,
	.of_inode_read = ffs_inode_read,
	.of_inode_decode = ffs_inode_decode,
};
