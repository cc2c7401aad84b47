/*
 * disk_tree.h - trees on image files, compared with trees of the host.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef DISK_TREE_H
#define DISK_TREE_H

#include <masix/pfs.h>

/* Run a command of the host's shell, with /sbin in its path; its exit status. OUT (or NULL) gets the first SIZE - 1 bytes of what it says. */
int tree_run(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool tree_has(const char *program);

/* Mount disk N. NULL: *KR says why not. */
struct pfs_volume *tree_mount(const struct pfs_ops *ops, unsigned int n, uint32_t flags, const char *options, kern_return_t *kr);

/* The node at PATH below ROOT (no "." and ".."), with a reference, or NULL. */
struct pfs_node *tree_walk(struct pfs_node *root, const char *path);
/* The whole of NODE, to be freed; NULL: an error. */
uint8_t *tree_read(struct pfs_node *node, size_t *size);

#define TREE_MODE	1u
#define TREE_MTIME	2u
#define TREE_OWNER	4u
#define TREE_NLINK	8u	/* of files */
/* DIR and everything below it is as the host has it in PATH, in contents and in what WHAT says. The number of files. */
unsigned int tree_compare(struct pfs_node *dir, const char *path, unsigned int what);
/* Look at everything below ROOT without expecting anything, at most LIMIT nodes. */
void tree_visit(struct pfs_node *root, unsigned int limit);

/* A directory with files, directories and names of many kinds in a new place; removed at exit. LINKS: symbolic and hard ones, too. */
const char *tree_make(bool links);
const char *tree_temp(void);		/* a directory that is removed at exit */

#endif
