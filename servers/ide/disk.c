/*
 * disk.c - one disk that the kernel drives.
 *
 * The kernel reads into pages of its own and gives them away, so big reads are not copied here either. It offers no means to flush the
 * drive's cache: a write is as durable as the drive makes it when it says that it is done.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ide.h"

#include <stdlib.h>
#include <string.h>
#include <device.h>
#include <device/device_types.h>

#define WRITE_MAX	256u	/* sectors of one request */

static struct kdisk *
kdisk_of(struct blkdev_disk *disk)
{
	return (struct kdisk *)((char *)disk - offsetof(struct kdisk, kd_disk));
}

/* The kernel's errors mean nothing to clients. */
static kern_return_t
result(kern_return_t kr)
{
	if (kr == KERN_SUCCESS || kr == KERN_RESOURCE_SHORTAGE)
		return kr == KERN_SUCCESS ? KERN_SUCCESS : MX_ENOMEM;
	return MX_EIO;
}

static kern_return_t
kdisk_read_pages(struct blkdev_disk *disk, uint64_t sector, uint32_t count, void **pages)
{
	mach_msg_type_number_t bytes = 0;
	io_buf_ptr_t data = NULL;
	kern_return_t kr;

	kr = result(device_read(kdisk_of(disk)->kd_device, 0, (recnum_t)sector, (int)(count * BLKDEV_SECTOR), &data, &bytes));
	if (kr != KERN_SUCCESS)
		return kr;
	if (bytes != count * BLKDEV_SECTOR || (uintptr_t)data % 4096 != 0) {
		mx_pages_free((void *)((uintptr_t)data & ~(uintptr_t)4095), (uintptr_t)data % 4096 + bytes);
		return MX_EIO;
	}
	*pages = data;
	return KERN_SUCCESS;
}

static kern_return_t
kdisk_read(struct blkdev_disk *disk, uint64_t sector, uint32_t count, void *buf)
{
	void *pages;
	kern_return_t kr = KERN_SUCCESS;

	for (uint32_t n; count > 0 && kr == KERN_SUCCESS; count -= n) {
		n = count < BLKDEV_READ_MAX ? count : BLKDEV_READ_MAX;
		kr = kdisk_read_pages(disk, sector, n, &pages);
		if (kr != KERN_SUCCESS)
			break;
		memcpy(buf, pages, n * BLKDEV_SECTOR);
		mx_pages_free(pages, n * BLKDEV_SECTOR);
		sector += n;
		buf = (char *)buf + n * BLKDEV_SECTOR;
	}
	return kr;
}

static kern_return_t
kdisk_write(struct blkdev_disk *disk, uint64_t sector, uint32_t count, const void *buf)
{
	kern_return_t kr = KERN_SUCCESS;

	for (uint32_t n; count > 0 && kr == KERN_SUCCESS; count -= n) {
		int written = 0;

		n = count < WRITE_MAX ? count : WRITE_MAX;
		kr = result(device_write(kdisk_of(disk)->kd_device, 0, (recnum_t)sector, (io_buf_ptr_t)(uintptr_t)buf, n * BLKDEV_SECTOR,
			&written));
		if (kr == KERN_SUCCESS && written != (int)(n * BLKDEV_SECTOR))
			kr = MX_EIO;
		sector += n;
		buf = (const char *)buf + n * BLKDEV_SECTOR;
	}
	return kr;
}

static const struct blkdev_ops ops = {
	.bo_read_pages = kdisk_read_pages, .bo_read = kdisk_read, .bo_write = kdisk_write,
};

/* Its sectors. Errors: MX_ENODEV no disk, or one of other sectors; the kernel's */
static kern_return_t
size_get(mach_port_t device, uint64_t *sectors)
{
	int status[DEV_GET_RECORDS_COUNT] = { 0 };
	mach_msg_type_number_t count = DEV_GET_RECORDS_COUNT;
	kern_return_t kr = device_get_status(device, DEV_GET_RECORDS, status, &count);

	if (kr != KERN_SUCCESS)
		return kr;
	*sectors = (uint32_t)status[DEV_GET_RECORDS_DEVICE_RECORDS];
	return status[DEV_GET_RECORDS_RECORD_SIZE] == (int)BLKDEV_SECTOR && *sectors > 0 ? KERN_SUCCESS : MX_ENODEV;
}

/* For writing, too, if it can be. */
static kern_return_t
device_get(mach_port_t master, const char *name, mach_port_t *device, bool *is_readonly)
{
	kern_return_t kr = device_open(master, D_READ | D_WRITE, name, device);

	*is_readonly = false;
	if (kr == KERN_SUCCESS || kr == D_NO_SUCH_DEVICE)
		return kr;
	*is_readonly = true;
	return device_open(master, D_READ, name, device);
}

kern_return_t
kdisk_start(mach_port_t master, const char *kernel_name, const char *name, uint32_t major, uint32_t minor)
{
	mach_port_t device;
	struct kdisk *kd;
	bool is_readonly;
	uint64_t sectors;
	kern_return_t kr = device_get(master, kernel_name, &device, &is_readonly);

	if (kr != KERN_SUCCESS)
		return MX_ENODEV;
	kr = size_get(device, &sectors);
	kd = kr == KERN_SUCCESS ? calloc(1, sizeof *kd) : NULL;
	if (kd == NULL) {
		(void)device_close(device);
		mx_port_release(device);
		return kr == KERN_SUCCESS ? KERN_RESOURCE_SHORTAGE : kr;
	}
	kd->kd_device = device;
	strcpy(kd->kd_disk.bd_name, name);
	kd->kd_disk.bd_major = major;
	kd->kd_disk.bd_minor = minor;
	kd->kd_disk.bd_sectors = sectors;
	kd->kd_disk.bd_block = BLKDEV_SECTOR;
	kd->kd_disk.bd_is_readonly = is_readonly;
	kd->kd_disk.bd_ops = &ops;
	blkdev_add(&kd->kd_disk);
	return KERN_SUCCESS;
}
