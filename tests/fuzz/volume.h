/*
 * volume.h - what volume.c has to know of a file system.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef VOLUME_H
#define VOLUME_H

#include <masix/pfs.h>

#define VOLUME_IMAGES 3

struct volume_kind {
	const struct pfs_ops *vk_ops;
	const char	*vk_needs;		/* a program of the host */
	const char	*vk_make[VOLUME_IMAGES];	/* commands that make an image $I of the tree $T; our own tools are in $TOOLS */
};

extern const struct volume_kind volume_kind;

#endif
