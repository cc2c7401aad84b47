/*
 * sysv.h - volumes of System V: the file system "s5" of releases 2 and 4, and Xenix's.
 *
 * Source: the layout as fs(4) and inode(4) of System V have it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SYSV_H
#define SYSV_H

#include <masix/ondisk.h>
#include <masix/pfs_store.h>

extern const struct pfs_ops sysv_ops;

#define SYSV_ROOT	2u		/* its inode */
#define SYSV_DIRECT	10u		/* block numbers in an inode, before the three of indirect blocks */
#define SYSV_POINTERS	(SYSV_DIRECT + 3)
#define SYSV_ENTRY	16u		/* bytes of a directory entry: inode, name */
#define SYSV_NAME_MAX	14u
#define SYSV_INODE	64u		/* bytes */
#define SYSV_FIRST	2u		/* block of inodes */

struct sysv_volume {
	struct od_volume sv_volume;	/* first */
	bool		sv_big;		/* numbers have their most significant byte first */
	uint32_t	sv_block;	/* bytes */
	uint32_t	sv_blocks, sv_first_data;
	uint32_t	sv_free_blocks, sv_free_inodes;
};

struct sysv_node {
	struct od_node	sn_node;	/* first */
	uint32_t	sn_pointers[SYSV_POINTERS];
};

static inline struct sysv_node *
sysv_node_of(struct pfs_node *node)
{
	return (struct sysv_node *)node;
}

static inline struct sysv_volume *
sysv_volume_of(const struct pfs_node *node)
{
	return (struct sysv_volume *)od_volume_of(node);
}

/* ---- The disk (sysv_disk.c) ---- */

uint16_t sysv_u16(const struct sysv_volume *sv, const void *p);
uint32_t sysv_u32(const struct sysv_volume *sv, const void *p);
/* Errors: MX_EINVAL this is no such volume */
kern_return_t sysv_super_load(struct sysv_volume *sv);
uint32_t sysv_inodes(const struct sysv_volume *sv);
/* The node of inode INO, with a reference. Errors: MX_EIO */
kern_return_t sysv_node_get(struct sysv_volume *sv, uint32_t ino, struct pfs_node **out);
void sysv_node_free(struct od_node *on);
/* Copy N bytes of NODE, at OFFSET, through the cache of metadata: directories, symbolic links. */
kern_return_t sysv_read(struct pfs_node *node, uint64_t offset, void *buf, size_t n);

#endif /* SYSV_H */
