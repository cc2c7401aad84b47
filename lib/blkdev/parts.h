/*
 * parts.h - partition tables.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLKDEV_PARTS_H
#define BLKDEV_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <masix/types.h>

#define PARTS_MAX	15	/* numbers 1..15: what a disk's sixteen minors have room for */
#define PARTS_SECTOR	512u

/* Where the table is read from. */
struct parts_disk {
	/* The 512 bytes at SECTOR, which lies inside the disk. */
	kern_return_t	(*pd_read)(void *arg, uint64_t sector, void *buf);
	void		*pd_arg;
	uint64_t	pd_sectors;	/* of 512 bytes */
	uint32_t	pd_block;	/* bytes that the addresses in the table count in: 512 to 4096 */
};

struct parts_entry {		/* in sectors of 512 bytes; pt_sectors 0: there is no such partition */
	uint64_t	pt_start, pt_sectors;
};

/* Fill in ENTRY[N] for partition N (entry 0 is not used), as Linux numbers them. All lie inside the disk. A disk without a table that makes
 * sense has none. Errors: the disk's */
kern_return_t parts_read(const struct parts_disk *disk, struct parts_entry entry[PARTS_MAX + 1]);

#endif /* BLKDEV_PARTS_H */
