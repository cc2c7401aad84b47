/*
 * ext2_world.h - for the tests of ext2: volumes made by mke2fs and checked by e2fsck, and short names for operations.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef EXT2_WORLD_H
#define EXT2_WORLD_H

#include "blk_file.h"
#include "ext2.h"
#include "pfs_store_host.h"

#define DISK 0u			/* the disk that volumes are mounted from, unless said otherwise */

extern struct pfs_volume *vol;

/* Disk N: SIZE KiB of zeros, then mke2fs with these arguments. */
void disk_make(unsigned int n, uint32_t kib, const char *mke2fs);
/* Run a program of e2fsprogs: FORMAT's %s is the path of disk N. Its exit status; its output is kept in tool_output. */
int tool_run(unsigned int n, const char *format);
extern char tool_output[1u << 16];
/* e2fsck -fn finds nothing. */
void disk_check(unsigned int n, const char *where);

kern_return_t volume_try(unsigned int n, uint32_t flags, const char *options);
void volume_mount(unsigned int n);
void volume_unmount(void);
/* What a server's worker does now and then. */
void volume_rest(bool commit);
/* The power goes: the volume is forgotten with all that is in memory, and nothing is written. */
void volume_lose(void);

/* The node at PATH ("a/b/c"), with a reference; NULL: not there. */
struct pfs_node *node_at(const char *path);
struct pfs_node *node_make(struct pfs_node *dir, const char *name, uint32_t mode, const char *target);
void file_write(struct pfs_node *node, uint64_t at, const void *data, size_t n);
/* The names in DIR, each read with a buffer of SIZE; calls FN for each. */
unsigned int dir_list(struct pfs_node *dir, size_t size, void (*fn)(const struct mx_dirent *de, void *arg), void *arg);

#endif
