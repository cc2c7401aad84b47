/*
 * blkdev_lib.h - between the files of lib/blkdev.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLKDEV_LIB_H
#define BLKDEV_LIB_H

#include <masix/blkdev.h>

/* A disk or partition that somebody has open. */
struct blkdev_view {
	struct blkdev_disk *vi_disk;
	uint32_t	vi_index;	/* of its bd_part */
	uint32_t	vi_number;	/* its bp_number then */
};

/* Errors: MX_ENXIO */
kern_return_t blkdev_view_open(uint32_t major, uint32_t minor, struct blkdev_view *vi);
/* What it is now; NULL when the partition table was changed and it is not there any more. */
struct blkdev_part *blkdev_view_part(const struct blkdev_view *vi);
void blkdev_view_info(const struct blkdev_view *vi, struct mx_blk_info *info);
/* Has somebody PART of DISK, or some of the same sectors, open: for writing (or EXCLUSIVE: at all)? */
bool blkdev_is_busy(const struct blkdev_disk *disk, const struct blkdev_part *part, bool exclusive);

/* Read the partition table of DISK again. Errors: MX_EBUSY somebody uses a partition; the disk's */
kern_return_t blkdev_reread(struct blkdev_disk *disk);
kern_return_t blkdev_flush(struct blkdev_disk *disk);

/* All that blkdev_register registers for a major number. */
struct mx_object *blkdev_service_make(uint32_t major);	/* rpc.c: blk.MAJOR */
struct mx_object *blkdev_driver_make(uint32_t major);	/* node.c: dev.MAJOR */

/* disk.c: the list, for dev_list */
kern_return_t blkdev_list(uint32_t tag, uint32_t seen, uint32_t *number, char **text, size_t *length);

#endif /* BLKDEV_LIB_H */
