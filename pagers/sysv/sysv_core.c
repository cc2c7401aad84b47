/*
 * sysv_core.c - directories, and the format as lib/ondisk wants it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "sysv.h"

#define SYSV_MAGIC	0x012ff7b4u
#define DIR_MAX		(1u << 28)	/* bytes of a directory that are looked at */

/* Entries do not say of what type they are. */
static kern_return_t
entry_read(struct od_node *dir, uint64_t *offset, struct od_entry *en)
{
	uint64_t size = dir->on_node.pn_attr.at_size;
	uint8_t b[SYSV_ENTRY];
	kern_return_t kr;

	if (*offset % SYSV_ENTRY != 0)
		return MX_EINVAL;
	if (size < SYSV_ENTRY || *offset > size - SYSV_ENTRY || *offset >= DIR_MAX)
		return MX_ENOENT;
	kr = od_inode_copy(&dir->on_node, *offset, b, sizeof(b));
	if (kr != KERN_SUCCESS)
		return kr;
	en->en_ino = od_u16(dir->on_volume, b);
	en->en_mode = 0;
	memcpy(en->en_name, b + 2, SYSV_NAME_MAX);
	en->en_name_len = en->en_ino != 0 ? strnlen(en->en_name, SYSV_NAME_MAX) : 0;
	*offset += SYSV_ENTRY;
	return KERN_SUCCESS;
}

static kern_return_t
root_get(struct od_volume *ov, struct od_node **out)
{
	return od_inode_get(ov, SYSV_ROOT, out);
}

static kern_return_t
core_statfs(struct pfs_volume *vol, struct mx_statfs *st)
{
	struct sysv_volume *sv = vol->pv_private;
	const struct od_blocks *ob = &sv->sv_volume.ov_blocks;

	st->sf_bsize = ob->ob_block;
	st->sf_blocks = ob->ob_units - sv->sv_first_data;
	st->sf_bfree = st->sf_bavail = sv->sv_free_blocks;
	st->sf_files = sysv_inodes(sv);
	st->sf_ffree = sv->sv_free_inodes;
	st->sf_namelen = SYSV_NAME_MAX;
	return KERN_SUCCESS;
}

const struct od_format sysv_format = {
	.of_pfs = {
		OD_PFS_OPS,
		.po_name = "sysv",
		.po_magic = SYSV_MAGIC,
		.po_statfs = core_statfs,
		.po_readlink = od_inode_readlink,
	},
	.of_volume_size = sizeof(struct sysv_volume),
	.of_entry_size = sizeof(struct od_entry),
	.of_node_size = sizeof(struct od_inode),
	.of_cache_unit = 1024,
	.of_cache_ahead = 4,
	.of_cache_max = 256,
	.of_load = sysv_super_load,
	.of_root = root_get,
	.of_entry = entry_read,
	.of_entry_node = od_inode_of_entry,
	.of_inode_read = sysv_inode_read,
	.of_inode_decode = sysv_inode_decode,
};
