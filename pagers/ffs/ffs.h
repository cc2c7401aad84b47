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

extern const struct pfs_ops ffs_ops;

#define FFS_ROOT	2u		/* its inode */
#define FFS_DIRECT	12u		/* block numbers in an inode, before the three of indirect blocks */
#define FFS_POINTERS	(FFS_DIRECT + 3)
#define FFS_INLINE_MAX	(FFS_POINTERS * 8)	/* bytes of a symbolic link that is kept in their place */

struct ffs_volume {
	struct od_volume fv_volume;	/* first */
	bool		fv_big;		/* numbers have their most significant byte first */
	bool		fv_wide;	/* UFS2 */
	bool		fv_old_dirs;	/* entries without a type */
	uint32_t	fv_block, fv_frag;	/* bytes; all addresses count the latter */
	uint32_t	fv_groups, fv_group_frags, fv_group_inodes;
	uint32_t	fv_inodes_at;	/* in a group, in fragments */
	uint32_t	fv_group_offset, fv_group_mask;	/* groups of UFS1 may begin later */
	uint64_t	fv_frags;	/* of the volume */
	uint64_t	fv_data_frags, fv_free_frags, fv_free_inodes;
};

struct ffs_node {
	struct od_node	fn_node;	/* first */
	uint64_t	fn_pointers[FFS_POINTERS];
	uint8_t		fn_inline[FFS_INLINE_MAX];
	bool		fn_is_inline;	/* a symbolic link that has no block */
};

static inline struct ffs_node *
ffs_node_of(struct pfs_node *node)
{
	return (struct ffs_node *)node;
}

static inline struct ffs_volume *
ffs_volume_of(const struct pfs_node *node)
{
	return (struct ffs_volume *)od_volume_of(node);
}

/* ---- The disk (ffs_disk.c) ---- */

uint16_t ffs_u16(const struct ffs_volume *fv, const void *p);
uint32_t ffs_u32(const struct ffs_volume *fv, const void *p);
uint64_t ffs_u64(const struct ffs_volume *fv, const void *p);
/* Errors: MX_EINVAL this is no such volume */
kern_return_t ffs_super_load(struct ffs_volume *fv);
/* The node of inode INO, with a reference. Errors: MX_EIO */
kern_return_t ffs_node_get(struct ffs_volume *fv, uint64_t ino, struct pfs_node **out);
void ffs_node_free(struct od_node *on);
/* od_map_t */
kern_return_t ffs_map(struct pfs_node *node, uint64_t offset, uint64_t max, uint64_t *disk, uint64_t *bytes);
/* Copy N bytes of NODE, at OFFSET, through the cache of metadata: directories, symbolic links. */
kern_return_t ffs_read(struct pfs_node *node, uint64_t offset, void *buf, size_t n);

#endif /* FFS_H */
