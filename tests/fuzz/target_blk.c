/*
 * target_blk.c - a driver of disks: all of lib/blkdev, with hostile clients, over a disk that fails now and then and changes its table.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/abi.h>
#include <masix/blkdev.h>
#include "client.h"
#include "message.h"

#define MAJOR		254
#define SECTORS		2048u

extern boolean_t blk_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t dev_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t io_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t mx_server(mach_msg_header_t *in, mach_msg_header_t *out);

const char *const fuzz_words[] = { "", NULL };
/* Sectors, sizes, minors, and the requests of disks. */
const uint32_t fuzz_numbers[] = { 0, 1, 2, 5, 8, 16, 17, 21, 512, 1000, 4096, 65536, SECTORS - 1, SECTORS, SECTORS * 512, 0301, 0x125e, 0x125f,
	0x1260, 0x1261, 0x1268, 0x1277, 0x127f, 0x80041272, 0x80041270, MX_O_RDWR, MX_O_RDWR | MX_O_EXCL };
const unsigned int fuzz_nnumbers = sizeof(fuzz_numbers) / sizeof(fuzz_numbers[0]);

static const struct fuzz_subsystem subsystems[] = {
	{ "blk", blk_server }, { "dev", dev_server }, { "io", io_server }, { "mx", mx_server }, { NULL, NULL },
};

/* ---- The disks ---- */

static uint8_t image[SECTORS * BLKDEV_SECTOR];

static kern_return_t
check(uint64_t sector, uint64_t count)
{
	if (count == 0 || sector >= SECTORS || count > SECTORS - sector)
		sim_fail("%llu sectors from %llu on", (unsigned long long)count, (unsigned long long)sector);
	if (rand() % 4 == 0)
		mx_fibril_yield();
	return rand() % 32 == 0 ? MX_EIO : KERN_SUCCESS;
}

static kern_return_t
disk_read(struct blkdev_disk *disk, uint64_t sector, uint32_t count, void *buf)
{
	kern_return_t kr = check(sector, count);

	(void)disk;
	if (kr == KERN_SUCCESS)
		memcpy(buf, image + sector * BLKDEV_SECTOR, count * BLKDEV_SECTOR);
	return kr;
}

static kern_return_t
disk_read_pages(struct blkdev_disk *disk, uint64_t sector, uint32_t count, void **pages)
{
	kern_return_t kr;

	if (count > BLKDEV_READ_MAX)
		sim_fail("%u sectors at once", count);
	*pages = mx_pages_alloc(count * BLKDEV_SECTOR);
	if (*pages == NULL)
		return MX_ENOMEM;
	kr = disk_read(disk, sector, count, *pages);
	if (kr != KERN_SUCCESS)
		mx_pages_free(*pages, count * BLKDEV_SECTOR);
	return kr;
}

static kern_return_t
disk_write(struct blkdev_disk *disk, uint64_t sector, uint32_t count, const void *buf)
{
	kern_return_t kr = check(sector, count);

	if (disk->bd_is_readonly)
		sim_fail("%s is written", disk->bd_name);
	if (kr == KERN_SUCCESS)
		memcpy(image + sector * BLKDEV_SECTOR, buf, count * BLKDEV_SECTOR);
	return kr;
}

static kern_return_t
disk_flush(struct blkdev_disk *disk)
{
	(void)disk;
	mx_fibril_yield();
	return KERN_SUCCESS;
}

static kern_return_t
disk_discard(struct blkdev_disk *disk, uint64_t sector, uint64_t count)
{
	if (disk->bd_is_readonly)
		sim_fail("%s is discarded", disk->bd_name);
	return check(sector, count);
}

static const struct blkdev_ops ops = { disk_read_pages, disk_read, disk_write, disk_flush, disk_discard, disk_discard };

static struct blkdev_disk disks[2] = {
	{ .bd_name = "vda", .bd_major = MAJOR, .bd_minor = 0, .bd_sectors = SECTORS, .bd_block = 512, .bd_ops = &ops },
	{ .bd_name = "vdb", .bd_major = MAJOR, .bd_minor = 16, .bd_sectors = SECTORS, .bd_block = 512, .bd_is_readonly = true, .bd_ops = &ops },
};

/* A table that makes sense most of the time. */
static void
table_make(void)
{
	uint8_t *p = image + 446;

	memset(p, 0, 64);
	for (unsigned int i = 0; i < 4; i++, p += 16) {
		p[4] = rand() % 3 == 0 ? 5 : 0x83;
		p[9] = (uint8_t)(rand() % 8);
		p[12] = (uint8_t)rand();
	}
	image[510] = 0x55;
	image[511] = 0xaa;
}

static void
meanwhile(void)
{
	if (rand() % 64 == 0)
		table_make();
	if (rand() % 256 == 0)
		blkdev_resize(&disks[1], SECTORS - (uint64_t)(rand() % 8));
}

static kern_return_t
fresh(int argc, char **argv)
{
	kern_return_t kr;

	(void)argc;
	(void)argv;
	table_make();
	blkdev_add(&disks[0]);
	blkdev_add(&disks[1]);
	kr = blkdev_register(MAJOR);
	if (kr == KERN_SUCCESS)
		mx_server_ready();
	return kr;
}

static const struct mx_server server = { "blk", fresh, NULL };

const struct fuzz_target fuzz_target = {
	.ta_server = &server, .ta_subsystems = subsystems, .ta_meanwhile = meanwhile,
};
