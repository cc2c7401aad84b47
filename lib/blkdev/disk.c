/*
 * disk.c - the disks of a driver and their partitions.
 *
 * A partition table may be read again while disks are in use: a partition that is not what it was gets another number, and who
 * had the old one open gets MX_EIO from then on.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "blkdev_lib.h"

#include <stdio.h>
#include <string.h>
#include "parts.h"

#define LINE_MAX_	64u	/* of the list */
#define PAGE_BYTES	4096u

static struct blkdev_disk *disks, **disks_end = &disks;
static uint32_t list_number = 1;
static struct mx_cond list_changed;

/* ---- Partitions ---- */

static kern_return_t
sector_read(void *arg, uint64_t sector, void *buf)
{
	struct blkdev_disk *disk = arg;

	return disk->bd_ops->bo_read(disk, sector, 1, buf);
}

static void
part_set(struct blkdev_part *part, uint64_t start, uint64_t sectors)
{
	if (part->bp_start == start && part->bp_sectors == sectors)
		return;
	part->bp_start = start;
	part->bp_sectors = sectors;
	part->bp_number++;
	part->bp_clients = part->bp_writers = part->bp_exclusive = 0;	/* they were another partition's */
}

static kern_return_t
table_read(struct blkdev_disk *disk)
{
	struct parts_disk from = { sector_read, disk, disk->bd_sectors, disk->bd_block };
	struct parts_entry entry[PARTS_MAX + 1];
	kern_return_t kr = parts_read(&from, entry);

	if (kr != KERN_SUCCESS)
		return kr;
	for (unsigned int i = 1; i < BLKDEV_PARTS; i++)
		part_set(&disk->bd_part[i], entry[i].pt_start, entry[i].pt_sectors);
	list_number++;
	mx_cond_broadcast(&list_changed);
	return KERN_SUCCESS;
}

kern_return_t
blkdev_reread(struct blkdev_disk *disk)
{
	for (unsigned int i = 1; i < BLKDEV_PARTS; i++)
		if (disk->bd_part[i].bp_clients > 0 || disk->bd_part[i].bp_exclusive > 0)
			return MX_EBUSY;
	return table_read(disk);
}

void
blkdev_add(struct blkdev_disk *disk)
{
	kern_return_t kr;

	disk->bd_part[0].bp_sectors = disk->bd_sectors;
	kr = table_read(disk);
	if (kr != KERN_SUCCESS)
		mx_log(MX_LOG_WARNING, "%s: its partition table cannot be read: error 0x%x", disk->bd_name, kr);
	*disks_end = disk;
	disks_end = &disk->bd_next;
	list_number++;
	mx_cond_broadcast(&list_changed);
}

void
blkdev_resize(struct blkdev_disk *disk, uint64_t sectors)
{
	disk->bd_sectors = disk->bd_part[0].bp_sectors = sectors;
	list_number++;
	mx_cond_broadcast(&list_changed);
}

/* ---- Views ---- */

kern_return_t
blkdev_view_open(uint32_t major, uint32_t minor, struct blkdev_view *vi)
{
	uint32_t index = minor % BLKDEV_PARTS;

	for (struct blkdev_disk *disk = disks; disk != NULL; disk = disk->bd_next) {
		if (disk->bd_major != major || disk->bd_minor != minor - index)
			continue;
		if (disk->bd_part[index].bp_sectors == 0)
			return MX_ENXIO;
		*vi = (struct blkdev_view){ disk, index, disk->bd_part[index].bp_number };
		return KERN_SUCCESS;
	}
	return MX_ENXIO;
}

struct blkdev_part *
blkdev_view_part(const struct blkdev_view *vi)
{
	struct blkdev_part *part = &vi->vi_disk->bd_part[vi->vi_index];

	return part->bp_number == vi->vi_number ? part : NULL;
}

static void
name_write(const struct blkdev_disk *disk, uint32_t index, char name[16])
{
	size_t len = strnlen(disk->bd_name, 12);	/* room for "p15" */

	memset(name, 0, 16);
	memcpy(name, disk->bd_name, len);
	if (index == 0)
		return;
	if (len > 0 && name[len - 1] >= '0' && name[len - 1] <= '9')
		name[len++] = 'p';
	if (index >= 10)
		name[len++] = (char)('0' + index / 10);
	name[len] = (char)('0' + index % 10);
}

void
blkdev_view_info(const struct blkdev_view *vi, struct mx_blk_info *info)
{
	const struct blkdev_disk *disk = vi->vi_disk;

	memset(info, 0, sizeof *info);
	info->bi_sectors = disk->bd_part[vi->vi_index].bp_sectors;
	info->bi_start = disk->bd_part[vi->vi_index].bp_start;
	info->bi_max = BLKDEV_READ_MAX;
	info->bi_block = disk->bd_block;
	info->bi_flags = (disk->bd_is_readonly ? BLK_RDONLY : 0) | (disk->bd_ops->bo_discard != NULL ? BLK_DISCARDS : 0);
	name_write(disk, vi->vi_index, info->bi_name);
}

bool
blkdev_is_busy(const struct blkdev_disk *disk, const struct blkdev_part *part, bool exclusive)
{
	for (unsigned int i = 0; i < BLKDEV_PARTS; i++) {
		const struct blkdev_part *other = &disk->bd_part[i];

		if (other->bp_sectors == 0 || other->bp_start >= part->bp_start + part->bp_sectors ||
		    part->bp_start >= other->bp_start + other->bp_sectors)
			continue;
		if (other->bp_writers > 0 || other->bp_exclusive > 0 || (exclusive && other->bp_clients > 0))
			return true;
	}
	return false;
}

/* ---- The list ---- */

/* The lines into TEXT, of SIZE bytes (0: none is written). Answers how many bytes there are at most. */
static size_t
list_write(char *text, size_t size)
{
	size_t n = 0;

	for (const struct blkdev_disk *disk = disks; disk != NULL; disk = disk->bd_next) {
		for (uint32_t i = 0; i < BLKDEV_PARTS; i++) {
			char name[16];

			if (disk->bd_part[i].bp_sectors == 0)
				continue;
			name_write(disk, i, name);
			if (size == 0)
				n += LINE_MAX_;
			else if (size - n >= LINE_MAX_)
				n += (size_t)sniprintf(text + n, size - n, "%lu %lu %llu %s\n", (unsigned long)disk->bd_major,
					(unsigned long)(disk->bd_minor + i),
					(unsigned long long)disk->bd_part[i].bp_sectors / 2, name);
		}
	}
	return n;
}

kern_return_t
blkdev_list(uint32_t tag, uint32_t seen, uint32_t *number, char **text, size_t *length)
{
	size_t size;

	while (seen == list_number) {
		kern_return_t kr = mx_cond_wait_cancellable(&list_changed, tag);

		if (kr != KERN_SUCCESS)
			return kr;
	}
	*number = list_number;
	size = (list_write(NULL, 0) + PAGE_BYTES) & ~(size_t)(PAGE_BYTES - 1);
	*text = mx_pages_alloc(size);
	if (*text == NULL)
		return MX_ENOMEM;
	*length = list_write(*text, size);
	mx_pages_free(*text + ((*length + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1)),
		size - ((*length + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1)));
	return KERN_SUCCESS;
}

/* ---- All disks ---- */

kern_return_t
blkdev_flush(struct blkdev_disk *disk)
{
	return disk->bd_ops->bo_flush == NULL ? KERN_SUCCESS : disk->bd_ops->bo_flush(disk);
}

void
blkdev_flush_all(void)
{
	for (struct blkdev_disk *disk = disks; disk != NULL; disk = disk->bd_next)
		if (!disk->bd_is_readonly && blkdev_flush(disk) != KERN_SUCCESS)
			mx_log(MX_LOG_ERROR, "%s: what was written last may not be there any more", disk->bd_name);
}

kern_return_t
blkdev_register(uint32_t major)
{
	struct mx_object *service = blkdev_service_make(major), *driver = blkdev_driver_make(major);
	static bool is_listed;		/* one port tells of the disks of all majors */
	char name[16];
	kern_return_t kr;

	if (service == NULL || driver == NULL)
		return KERN_RESOURCE_SHORTAGE;
	(void)snprintf(name, sizeof name, "blk.%u", (unsigned int)major);
	kr = mx_register(name, service);
	if (kr != KERN_SUCCESS)
		return kr;
	(void)snprintf(name, sizeof name, "dev.%u", (unsigned int)major);
	kr = mx_register(name, driver);
	if (kr != KERN_SUCCESS || is_listed)
		return kr;
	is_listed = true;
	return mx_register("dev.disks", driver);
}
