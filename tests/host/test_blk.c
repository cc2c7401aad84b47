/*
 * test_blk - lib/blk on the host, with a driver that dies, lies and has too much to do.
 *
 * The stubs of blk.defs are played here: the disk is an array, a port is a number that is good until the driver dies.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <masix/blk.h>
#include <masix/server.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "blk.h"

#define SECTORS		4096u

static uint8_t image[SECTORS * BLK_SECTOR];
static int tests, failures;

/* ---- The driver ---- */

static mach_port_t driver_port = 1000, disk_port;
static uint32_t info_max = 512;
static uint64_t info_sectors = SECTORS, info_start = 100;
static unsigned int die_every, busy_every, requests, opens, flushes, discards, memory;
static bool is_gone, lies;
static int rights;		/* that the client holds */

static void
ok(bool cond, const char *what)
{
	printf("%s %d - %s\n", cond ? "ok" : "not ok", ++tests, what);
	failures += !cond;
}

/* Another instance: what was open is not any more. */
static void
driver_die(void)
{
	driver_port += 2;
	disk_port = MACH_PORT_NULL;
}

/* Whether a request at PORT is served. */
static kern_return_t
arrive(mach_port_t port)
{
	requests++;
	if (port == MACH_PORT_NULL || port != disk_port)
		return MX_ESERVERDIED;
	if (die_every != 0 && requests % die_every == 0) {
		driver_die();
		return MX_ESERVERDIED;
	}
	return busy_every != 0 && requests % busy_every == 0 ? MX_EAGAIN : KERN_SUCCESS;
}

static kern_return_t
range(uint64_t sector, uint64_t count)
{
	if (count > info_max || sector >= SECTORS || count > SECTORS - sector) {
		ok(false, "no request outside of the disk, nor too large a one");
		return MX_EINVAL;
	}
	return KERN_SUCCESS;
}

kern_return_t
rpc_blk_open(mach_port_t driver, uint32_t minor, boolean_t write, mach_port_t *disk, mx_blk_info_t *info)
{
	(void)write;
	if (driver != driver_port)
		return MX_ESERVERDIED;
	if (minor != 5)
		return MX_ENXIO;
	opens++;
	if (die_every != 0 && opens % 5 == 4) {
		driver_die();
		return MX_ESERVERDIED;
	}
	memset(info, 0, sizeof *info);
	info->bi_sectors = info_sectors;
	info->bi_start = info_start;
	info->bi_max = info_max;
	info->bi_flags = BLK_DISCARDS;
	memset(info->bi_name, 'x', sizeof info->bi_name);
	*disk = disk_port = driver_port + 1;
	rights++;
	return KERN_SUCCESS;
}

kern_return_t
rpc_blk_read(mach_port_t port, uint64_t sector, uint32_t count, vm_offset_t *data, mach_msg_type_number_t *bytes)
{
	kern_return_t kr = arrive(port);

	if (kr == KERN_SUCCESS)
		kr = range(sector, count);
	if (kr != KERN_SUCCESS)
		return kr;
	*bytes = (lies ? count / 2 : count) * BLK_SECTOR;
	*data = (vm_offset_t)mx_pages_alloc(*bytes);
	memcpy((void *)*data, image + sector * BLK_SECTOR, *bytes);
	return KERN_SUCCESS;
}

kern_return_t
rpc_blk_read_small(mach_port_t port, uint64_t sector, uint32_t count, mx_data_t data, mach_msg_type_number_t *bytes)
{
	kern_return_t kr = arrive(port);

	if (kr == KERN_SUCCESS)
		kr = range(sector, count);
	if (kr != KERN_SUCCESS)
		return kr;
	if (*bytes < count * BLK_SECTOR)
		ok(false, "there is room for the answer");
	memcpy(data, image + sector * BLK_SECTOR, count * BLK_SECTOR);
	*bytes = count * BLK_SECTOR - (lies ? 1 : 0);
	return KERN_SUCCESS;
}

/* It may be done before the driver dies, or half of it. */
static kern_return_t
write_do(mach_port_t port, uint64_t sector, const void *data, size_t bytes)
{
	mach_port_t now = disk_port;
	kern_return_t kr = arrive(port);

	if (range(sector, bytes / BLK_SECTOR) != KERN_SUCCESS)
		return MX_EINVAL;
	if (kr == KERN_SUCCESS)
		memcpy(image + sector * BLK_SECTOR, data, bytes);
	else if (port == now && rand() % 2)
		memcpy(image + sector * BLK_SECTOR, data, (size_t)rand() % (bytes + 1));
	return kr;
}

kern_return_t
rpc_blk_write(mach_port_t port, uint64_t sector, uint32_t flags, vm_offset_t data, mach_msg_type_number_t bytes)
{
	flushes += (flags & BLK_FUA) != 0;
	return write_do(port, sector, (const void *)data, bytes);
}

kern_return_t
rpc_blk_write_small(mach_port_t port, uint64_t sector, uint32_t flags, const mx_data_t data, mach_msg_type_number_t bytes)
{
	flushes += (flags & BLK_FUA) != 0;
	return write_do(port, sector, data, bytes);
}

kern_return_t
rpc_blk_flush(mach_port_t port)
{
	kern_return_t kr = arrive(port);

	flushes += kr == KERN_SUCCESS;
	return kr;
}

kern_return_t
rpc_blk_discard(mach_port_t port, uint64_t sector, uint64_t count)
{
	kern_return_t kr = arrive(port);

	(void)sector;
	(void)count;
	discards += kr == KERN_SUCCESS;
	return kr;
}

/* ---- libmasix ---- */

kern_return_t
mx_lookup(const char *name, mach_port_t *service)
{
	if (is_gone || strcmp(name, "blk.254") != 0)
		return MX_ENOENT;
	*service = driver_port;
	rights++;
	return KERN_SUCCESS;
}

void
mx_port_release(mach_port_t port)
{
	rights -= port != MACH_PORT_NULL;
}

void *
mx_pages_alloc(size_t bytes)
{
	memory += (unsigned int)(bytes + 4095) / 4096;
	return aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);
}

void
mx_pages_free(void *p, size_t bytes)
{
	memory -= (unsigned int)(bytes + 4095) / 4096;
	free(p);
}

void
mx_sleep_ns(uint64_t ns)
{
	(void)ns;
}

void
mx_mutex_lock(struct mx_mutex *m)
{
	(void)m;
}

void
mx_mutex_unlock(struct mx_mutex *m)
{
	(void)m;
}

void
mx_log(enum mx_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

/* ---- Tests ---- */

static uint8_t model[SECTORS * BLK_SECTOR], buf[SECTORS * BLK_SECTOR];

static struct blk_disk *
disk_open(void)
{
	struct blk_disk *dk = NULL;

	return blk_disk_open("blk:254:5", 9, true, &dk) == KERN_SUCCESS ? dk : NULL;
}

static void
test_sources(void)
{
	static const char *const wrong[] = { "", "b", "blk:", "blk:254", "blk:254:", "blk:254:5 ", "blk::5", "/dev/vda", "blk:254:5:1",
		"blk:99999999999999999999:1", "blk:254:4294967296" };
	struct blk_disk *dk;
	bool good = true;

	for (unsigned int i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		good = good && blk_disk_open(wrong[i], strlen(wrong[i]), true, &dk) == MX_ENOTBLK;
	ok(good, "what is no source is no disk");
	ok(blk_disk_open("blk:254:6", 9, true, &dk) == MX_ENXIO && blk_disk_open("blk:253:5", 9, true, &dk) == MX_ENXIO,
		"disks and drivers that are not there");
	ok(rights == 0, "no right is left");
}

/* Random requests; answers how many were wrong. */
static unsigned int
exercise(struct blk_disk *dk, int n)
{
	unsigned int wrong = 0;

	for (; n > 0; n--) {
		size_t sectors = (size_t)rand() % (rand() % 4 ? 20 : 700) + 1, bytes = sectors * BLK_SECTOR;
		uint64_t at = (uint64_t)rand() % (SECTORS - sectors + 1) * BLK_SECTOR;
		void *pages;

		switch (rand() % 5) {
		case 0:
			wrong += blk_read(dk, at, buf, bytes) != KERN_SUCCESS || memcmp(buf, model + at, bytes) != 0;
			break;
		case 1:
			if (bytes > BLK_PAGES_MAX)
				bytes = BLK_PAGES_MAX;
			if (blk_read_pages(dk, at, bytes, &pages) != KERN_SUCCESS) {
				wrong++;
				break;
			}
			wrong += memcmp(pages, model + at, bytes) != 0;
			mx_pages_free(pages, bytes);
			break;
		case 2:
			wrong += blk_flush(dk) != KERN_SUCCESS;
			break;
		default:
			for (size_t i = 0; i < bytes; i += 4)
				memcpy(model + at + i, &(uint32_t){ (uint32_t)rand() }, 4);
			wrong += (rand() % 4 ? blk_write : blk_write_durable)(dk, at, model + at, bytes) != KERN_SUCCESS;
		}
	}
	return wrong;
}

static void
test_work(void)
{
	struct blk_disk *dk = disk_open();

	ok(dk != NULL && blk_disk_bytes(dk) == sizeof image && !blk_disk_is_readonly(dk), "open");
	ok(exercise(dk, 1000) == 0, "reads and writes");
	die_every = 7;
	busy_every = 5;
	ok(exercise(dk, 3000) == 0 && opens > 100, "... while the driver dies and is busy");
	die_every = busy_every = 0;
	blk_discard(dk, 0, 4096);
	ok(discards == 1, "discard");
	ok(blk_read(dk, 100, buf, 512) == MX_EINVAL && blk_read(dk, 0, buf, sizeof image + 512) == MX_EINVAL &&
		blk_write(dk, ~0ull - 511, buf, 512) == MX_EINVAL && blk_write(dk, sizeof image, buf, 512) == MX_EINVAL &&
		blk_read_pages(dk, 0, BLK_PAGES_MAX + 512, (void **)buf) == MX_EINVAL, "what is not on the disk");
	blk_disk_close(dk);
	info_max = 16;
	dk = disk_open();
	ok(dk != NULL && exercise(dk, 300) == 0, "a driver of small requests");
	info_max = 8;
	driver_die();
	ok(blk_read(dk, 0, buf, 8192) == MX_EIO, "one that comes back with smaller ones is another");
	info_max = 512;
	blk_disk_close(dk);
	ok(memcmp(image, model, sizeof image) == 0 && rights == 0 && memory == 0, "all is there, and nothing is left over");
}

static void
test_lies(void)
{
	struct blk_disk *dk = disk_open();
	void *pages;

	lies = true;
	ok(blk_read(dk, 0, buf, 512) == MX_EIO && blk_read(dk, 0, buf, 65536) == MX_EIO &&
		blk_read_pages(dk, 0, 8192, &pages) == MX_EIO && memory == 0, "a driver that answers less than was asked");
	lies = false;
	ok(blk_read(dk, 0, buf, 512) == KERN_SUCCESS, "... is asked again next time");
	info_sectors--;
	driver_die();
	ok(blk_read(dk, 0, buf, 512) == MX_EIO, "a disk that comes back smaller is lost");
	info_sectors++;
	driver_die();
	ok(blk_read(dk, 0, buf, 512) == MX_EIO && blk_flush(dk) == MX_EIO, "for ever");
	blk_disk_close(dk);
	dk = disk_open();
	info_start++;
	driver_die();
	ok(dk != NULL && blk_write(dk, 0, buf, 512) == MX_EIO, "and so is one that is elsewhere");
	blk_disk_close(dk);
	dk = disk_open();
	is_gone = true;
	driver_die();
	ok(dk != NULL && blk_flush(dk) == MX_EIO, "a driver that does not come back");
	blk_disk_close(dk);
	is_gone = false;
	info_sectors = 0;
	ok(disk_open() == NULL, "a disk of no sectors");
	info_sectors = 1ull << 60;
	ok(disk_open() == NULL && rights == 0, "a disk of too many");
}

int
main(void)
{
	test_sources();
	test_work();
	test_lies();
	printf("1..%d\n", tests);
	return failures != 0;
}
