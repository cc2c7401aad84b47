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

extern const struct od_format sysv_format;

#define SYSV_ROOT	2u		/* its inode */
#define SYSV_ENTRY	16u		/* bytes of a directory entry: inode, name */
#define SYSV_NAME_MAX	14u

struct sysv_volume {
	struct od_volume sv_volume;	/* first */
	uint32_t	sv_first_data;	/* block */
	uint32_t	sv_free_blocks, sv_free_inodes;
};

/* ---- The disk (sysv_disk.c) ---- */

/* of_load, of_inode_read, of_inode_decode */
kern_return_t sysv_super_load(struct od_volume *ov);
kern_return_t sysv_inode_read(struct od_volume *ov, uint64_t ino, uint8_t *b);
kern_return_t sysv_inode_decode(const struct od_volume *ov, const uint8_t *b, struct od_inode *oi);
/* How many inodes there are. */
uint32_t sysv_inodes(const struct sysv_volume *sv);

#endif /* SYSV_H */
