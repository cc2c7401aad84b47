/*
 * masix/blk.h - a disk, for who keeps something on it: PFS servers and the data pager (lib/blk).
 *
 * Offsets and sizes are bytes and multiples of 512. All functions park the fibril that calls them and may be called by many fibrils
 * at once; the requests are then under way together. A driver that dies is waited for and what it had not answered is
 * sent again: callers never see it. On the host, tests/host/blk_file.c implements the same functions with an image file.
 *
 * Durability: a write that returned is seen by every later read; it survives a power cut after the next blk_flush that returned.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MASIX_BLK_H
#define MASIX_BLK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masix/types.h>

#define BLK_SECTOR	512u
#define BLK_SOURCE	"blk:"	/* vfs gives a PFS the source "blk:MAJOR:MINOR" for a block device it was asked to mount */

struct blk_disk;

/* Open the disk that SOURCE ("blk:MAJOR:MINOR") names. Errors: MX_ENOTBLK not such a source, MX_ENXIO no such disk, MX_EROFS,
 * MX_EBUSY written by somebody else. Blocks: until the driver is there */
kern_return_t blk_disk_open(const char *source, size_t len, bool write, struct blk_disk **out);
/* Nothing may be under way. Does not flush. */
void blk_disk_close(struct blk_disk *disk);
uint64_t blk_disk_bytes(const struct blk_disk *disk);
bool blk_disk_is_readonly(const struct blk_disk *disk);

/* Copies, of any number of sectors. Errors: MX_EIO, MX_EINVAL outside the disk, MX_ENOMEM; MX_EROFS */
kern_return_t blk_read(struct blk_disk *disk, uint64_t offset, void *buf, size_t bytes);
kern_return_t blk_write(struct blk_disk *disk, uint64_t offset, const void *buf, size_t bytes);
/* The same, durable when it returns (a journal's commit block). */
kern_return_t blk_write_durable(struct blk_disk *disk, uint64_t offset, const void *buf, size_t bytes);

/* Read BYTES into new memory, without a copy: *PAGES are the bytes rounded up to whole pages, which may be moved to the kernel
 * (mx_pager_supply with MOVE, then mx_page_gone) or freed (mx_page_free), page by page. At most BLK_PAGES_MAX bytes.
 * What lies behind BYTES in the last page is not zeroed. */
#define BLK_PAGES_MAX	(256u << 10)
kern_return_t blk_read_pages(struct blk_disk *disk, uint64_t offset, size_t bytes, void **pages);

kern_return_t blk_flush(struct blk_disk *disk);
/* A hint. */
void blk_discard(struct blk_disk *disk, uint64_t offset, uint64_t bytes);

#endif /* MASIX_BLK_H */
