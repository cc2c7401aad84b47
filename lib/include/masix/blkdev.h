/*
 * masix/blkdev.h - what drivers of disks share: partitions, the ports of blk.defs, nodes in /dev (lib/blkdev).
 *
 * A driver describes each of its disks with a table of operations and adds it; everything that clients see is done here. Operations
 * run on fibrils, many at once, and may park. What they are given is checked: sectors lie inside the disk, memory is the driver's.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MASIX_BLKDEV_H
#define MASIX_BLKDEV_H

#include <masix/server.h>

#define BLKDEV_SECTOR	512u
#define BLKDEV_PARTS	16u	/* minors of a disk: itself and 15 partitions */
#define BLKDEV_READ_MAX	512u	/* sectors of one bo_read_pages */

struct blkdev_disk;

struct blkdev_ops {
	/* COUNT sectors into new whole pages *PAGES, which can be moved away; what lies behind them in the last page may be anything. */
	kern_return_t	(*bo_read_pages)(struct blkdev_disk *disk, uint64_t sector, uint32_t count, void **pages);
	/* The same to BUF; and from it. */
	kern_return_t	(*bo_read)(struct blkdev_disk *disk, uint64_t sector, uint32_t count, void *buf);
	kern_return_t	(*bo_write)(struct blkdev_disk *disk, uint64_t sector, uint32_t count, const void *buf);
	/* What was written before is durable. NULL: it always is */
	kern_return_t	(*bo_flush)(struct blkdev_disk *disk);
	/* NULL: MX_EOPNOTSUPP */
	kern_return_t	(*bo_discard)(struct blkdev_disk *disk, uint64_t sector, uint64_t count);
	/* These sectors are zeros now. NULL: zeros are written */
	kern_return_t	(*bo_zero)(struct blkdev_disk *disk, uint64_t sector, uint64_t count);
};

struct blkdev_part {
	uint64_t	bp_start, bp_sectors;	/* bp_sectors 0: there is none */
	uint32_t	bp_number;		/* of this partition among all there ever were here: old rights are not to it */
	uint32_t	bp_clients;		/* who have it open by blk_open */
	uint32_t	bp_writers;		/* of these, for writing */
	uint32_t	bp_exclusive;		/* who have the node open with O_EXCL */
};

struct blkdev_disk {
	/* The driver's to fill in. */
	char		bd_name[16];		/* "vda" */
	uint32_t	bd_major, bd_minor;	/* the disk's own, a multiple of BLKDEV_PARTS */
	uint64_t	bd_sectors;		/* of 512 bytes */
	uint32_t	bd_block;		/* bytes that the device writes as one: 512 to 4096 */
	bool		bd_is_readonly;
	const struct blkdev_ops *bd_ops;
	/* lib/blkdev's. */
	struct blkdev_part bd_part[BLKDEV_PARTS];	/* 0: all of it */
	struct mx_rwlock bd_edge;		/* who writes part of a sector has it alone */
	struct blkdev_disk *bd_next;
};

/* DISK is there from now on; it stays for ever. Blocks: reads its partition table */
void blkdev_add(struct blkdev_disk *disk);
/* It has another size: what is open stays open, to its own size. */
void blkdev_resize(struct blkdev_disk *disk, uint64_t sectors);
/* Register the names "blk.MAJOR" and "dev.MAJOR", and in the group "dev.disks". */
kern_return_t blkdev_register(uint32_t major);
/* Make what was written to any disk durable. */
void blkdev_flush_all(void);

#endif /* MASIX_BLKDEV_H */
