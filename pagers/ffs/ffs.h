/*
 * ffs.h - volumes of the BSDs: UFS1 and UFS2, in either byte order.
 *
 * Source: the layout as 4.4BSD's, NetBSD's and FreeBSD's manuals and makefs(8) have it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef FFS_H
#define FFS_H

#include <masix/ondisk.h>
#include <masix/pfs_store.h>

extern const struct od_format ffs_format;

#define FFS_ROOT	2u		/* its inode */
#define FFS_DIRECT	12u		/* addresses in an inode, before the three of indirect blocks */
#define FFS_INLINE_MAX	((FFS_DIRECT + 3) * 8)	/* bytes of a symbolic link that is kept in their place */

struct ffs_volume {
	struct od_volume fv_volume;	/* first */
	bool		fv_wide;	/* UFS2 */
	bool		fv_old_dirs;	/* entries without a type */
	uint32_t	fv_groups, fv_group_frags, fv_group_inodes;
	uint32_t	fv_inodes_at;	/* in a group, in fragments */
	uint32_t	fv_group_offset, fv_group_mask;	/* groups of UFS1 may begin later */
	uint64_t	fv_data_frags, fv_free_frags, fv_free_inodes;
};

struct ffs_node {
	struct od_inode	fn_inode;	/* first */
	uint8_t		fn_inline[FFS_INLINE_MAX];
	bool		fn_is_inline;	/* a symbolic link that has no block */
};

/* ---- The disk (ffs_disk.c): of_load, of_inode_read, of_inode_decode ---- */

kern_return_t ffs_super_load(struct od_volume *ov);
kern_return_t ffs_inode_read(struct od_volume *ov, uint64_t ino, uint8_t *b);
kern_return_t ffs_inode_decode(const struct od_volume *ov, const uint8_t *b, struct od_inode *oi);

#endif /* FFS_H */
