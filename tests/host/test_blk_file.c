/*
 * test_blk_file.c - the host's disks themselves: what a power cut leaves.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <string.h>
#include <masix/blk.h>
#include <masix/pager.h>
#include "blk_file.h"

#define SIZE (1u << 20)

static struct blk_disk *disk, *other;
static uint8_t buf[4096];

static bool
holds(struct blk_disk *d, uint64_t offset, uint8_t byte)
{
	size_t i;

	CHECK(blk_read(d, offset, buf, 512) == KERN_SUCCESS);
	for (i = 0; i < 512; i++)
		if (buf[i] != byte)
			return false;
	return true;
}

static void
put(uint64_t offset, uint8_t byte)
{
	memset(buf, byte, sizeof(buf));
	CHECK(blk_write(disk, offset, buf, sizeof(buf)) == KERN_SUCCESS);
}

static void
test_cut(void)
{
	unsigned int seed, seen = 0;

	blk_file_record(0);
	put(0, 1);
	CHECK(blk_flush(disk) == KERN_SUCCESS);
	put(4096, 2);
	put(8192, 3);
	memset(buf, 4, sizeof(buf));
	CHECK(blk_write_durable(disk, 12288, buf, 4096) == KERN_SUCCESS);
	CHECK(blk_file_events(0) == 5);

	blk_file_cut(0, 5, BLK_FILE_LOSE, 0, 1);
	CHECK(holds(other, 0, 1) && holds(other, 4096, 0) && holds(other, 8192, 0) && holds(other, 12288, 4));
	blk_file_cut(0, 4, BLK_FILE_KEEP, 0, 1);
	CHECK(holds(other, 0, 1) && holds(other, 4096, 2) && holds(other, 8192, 3) && holds(other, 12288, 0));
	for (seed = 0; seed < 32; seed++) {
		blk_file_cut(0, 5, BLK_FILE_ANY, seed, 1);
		CHECK(holds(other, 0, 1) && holds(other, 12288, 4));
		seen |= 1u << (holds(other, 4096, 2) + 2 * holds(other, 8192, 3));
	}
	CHECK(seen == 15);
	blk_file_record_stop(0);
	tap("a power cut keeps what was durable and any of the rest");
}

static void
test_errors(void)
{
	struct blk_disk *no;
	void *pages;

	CHECK(blk_disk_open("/dev/vda", 8, true, &no) == MX_ENOTBLK);
	CHECK(blk_disk_open("blk:254:7", 9, true, &no) == MX_ENXIO);
	CHECK(blk_disk_open("blk:254:0", 9, true, &no) == MX_EBUSY);
	CHECK(blk_read(disk, SIZE - 512, buf, 1024) == MX_EINVAL);
	CHECK(blk_read_pages(disk, 4096, 4608, &pages) == KERN_SUCCESS);
	CHECK(((uint8_t *)pages)[0] == 2 && ((uint8_t *)pages)[4096] == 3);
	mx_page_free(pages);
	mx_page_free((uint8_t *)pages + 4096);
	blk_file_fail_write = 2;
	put(0, 1);
	CHECK(blk_write(disk, 0, buf, 512) == MX_EIO);
	put(0, 1);
	tap("errors, pages");
}

int
main(void)
{
	blk_file_open(0, NULL, SIZE, false);
	blk_file_open(1, NULL, SIZE, false);
	CHECK(blk_disk_open("blk:254:0", 9, true, &disk) == KERN_SUCCESS);
	CHECK(blk_disk_open("blk:254:1", 9, false, &other) == KERN_SUCCESS);
	test_cut();
	test_errors();
	return tap_end();
}
