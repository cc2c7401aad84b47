/*
 * readonly.h - what is tested alike of file systems that are only read.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef READONLY_H
#define READONLY_H

#include <masix/pfs.h>

#define READONLY_IMAGES	3u

struct readonly {
	const struct pfs_ops *ro_ops;
	const char	*ro_make;	/* a command of the shell: the image $I of the tree $T, with $O; our own tools are in $TOOLS */
	const char	*ro_tree;
	const char	*ro_options[READONLY_IMAGES];	/* those of the volumes that are damaged */
	uint32_t	(*ro_place)(unsigned int image);	/* a byte of such a volume that is worth changing */
};

/* Make the image of the tree and open it as disk 0. False: a check has failed. */
bool readonly_open(const struct readonly *ro, const char *options);
/* A volume made with OPTIONS has what the tree has (TREE_...), and cannot be mounted to be written. */
void readonly_test_tree(const struct readonly *ro, const char *name, const char *options, unsigned int what);
/* Volumes of which some bytes have been changed. */
void readonly_test_damage(const struct readonly *ro, unsigned int rounds);
/* The n-th allocation fails, for N below LIMIT; and an empty disk is no volume. */
void readonly_test_memory(const struct readonly *ro, const char *options, unsigned int limit);
/* How many rounds of damage: more for `masix check long`. */
unsigned int readonly_rounds(void);

#endif
