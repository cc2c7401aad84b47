/*
 * blk_file.c - see blk_file.h.
 *
 * A disk is a file, or memory behind a descriptor, so that the programs that make and check file systems can open it meanwhile
 * (blk_file_path). A record keeps a copy of the image as it was and the data of each write: a cut puts them together again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <masix/blk.h>
#include <masix/pager.h>
#include <masix/server.h>
#include "blk_file.h"
#include "pfs_world.h"
#undef malloc
#undef calloc
#undef realloc
#undef free

unsigned int blk_file_fail_read, blk_file_fail_write, blk_file_fail_flush;
bool blk_file_fail_sticky;
unsigned int blk_file_reads, blk_file_writes, blk_file_flushes;

enum event_kind { WRITE, DURABLE, FLUSH };

struct event {
	enum event_kind	ev_kind;
	uint64_t	ev_offset;
	size_t		ev_bytes;
	uint8_t		*ev_data;
};

struct blk_disk {
	bool		bd_used, bd_recording, bd_readonly, bd_written;
	unsigned int	bd_opened;	/* one may write beside those who read */
	int		bd_fd, bd_base;	/* the image; as it was when the record began, or -1 */
	uint64_t	bd_bytes;
	char		bd_path[40];
	struct event	*bd_events;
	unsigned int	bd_nevents, bd_room;
};

static struct blk_disk disks[BLK_FILE_DISKS];

static void
die(const char *what, const char *which)
{
	perror(which);
	printf("not ok - %s\n", what);
	exit(1);
}

/* ---- Images ---- */

static int
memory_make(uint64_t bytes)
{
	int fd = memfd_create("disk", 0);

	if (fd < 0 || ftruncate64(fd, (off64_t)bytes) != 0)
		die("memory for a disk", "memfd_create");
	return fd;
}

void
blk_file_open(unsigned int n, const char *path, uint64_t size, bool readonly)
{
	struct blk_disk *bd = &disks[n];
	struct stat64 st;

	mx_assert(n < BLK_FILE_DISKS && !bd->bd_used);
	memset(bd, 0, sizeof(*bd));
	bd->bd_fd = path != NULL ? open64(path, O_RDWR) : memory_make(size);
	if (bd->bd_fd < 0 || fstat64(bd->bd_fd, &st) != 0)
		die("disk image", path);
	bd->bd_bytes = (uint64_t)st.st_size & ~(uint64_t)(BLK_SECTOR - 1);
	bd->bd_base = -1;
	bd->bd_readonly = readonly;
	bd->bd_used = true;
	snprintf(bd->bd_path, sizeof(bd->bd_path), "/proc/%d/fd/%d", (int)getpid(), bd->bd_fd);
}

void
blk_file_close(unsigned int n)
{
	mx_assert(disks[n].bd_used && !disks[n].bd_opened);
	blk_file_record_stop(n);
	close(disks[n].bd_fd);
	disks[n].bd_used = false;
}

const char *
blk_file_path(unsigned int n)
{
	return disks[n].bd_path;
}

int
blk_file_fd(unsigned int n)
{
	return disks[n].bd_fd;
}

static void
image_read(int fd, uint64_t offset, void *buf, size_t bytes)
{
	ssize_t n;

	for (; bytes > 0; offset += (size_t)n, buf = (char *)buf + n, bytes -= (size_t)n) {
		n = pread64(fd, buf, bytes, (off64_t)offset);
		if (n <= 0)
			die("reading a disk", "pread");
	}
}

static void
image_write(int fd, uint64_t offset, const void *buf, size_t bytes)
{
	ssize_t n;

	for (; bytes > 0; offset += (size_t)n, buf = (const char *)buf + n, bytes -= (size_t)n) {
		n = pwrite64(fd, buf, bytes, (off64_t)offset);
		if (n <= 0)
			die("writing a disk", "pwrite");
	}
}

/* Holes stay holes, as far as they can be seen. */
static void
image_copy(int from, int to, uint64_t bytes)
{
	static uint8_t buf[1u << 16];
	uint64_t at;
	size_t n;

	if (ftruncate64(to, 0) != 0 || ftruncate64(to, (off64_t)bytes) != 0)
		die("copying a disk", "ftruncate");
	for (at = 0; at < bytes; at += n) {
		off64_t data = lseek64(from, (off64_t)at, SEEK_DATA);

		if (data < 0 || (uint64_t)data >= bytes)
			break;
		at = (uint64_t)data & ~(uint64_t)(BLK_SECTOR - 1);
		n = bytes - at < sizeof(buf) ? (size_t)(bytes - at) : sizeof(buf);
		image_read(from, at, buf, n);
		image_write(to, at, buf, n);
	}
}

void
blk_file_copy(unsigned int from, unsigned int to)
{
	image_copy(disks[from].bd_fd, disks[to].bd_fd, disks[from].bd_bytes);
	disks[to].bd_bytes = disks[from].bd_bytes;
}

/* ---- The record ---- */

void
blk_file_record(unsigned int n)
{
	struct blk_disk *bd = &disks[n];

	blk_file_record_stop(n);
	bd->bd_base = memory_make(bd->bd_bytes);
	image_copy(bd->bd_fd, bd->bd_base, bd->bd_bytes);
	bd->bd_recording = true;
}

void
blk_file_record_stop(unsigned int n)
{
	struct blk_disk *bd = &disks[n];
	unsigned int i;

	for (i = 0; i < bd->bd_nevents; i++)
		free(bd->bd_events[i].ev_data);
	free(bd->bd_events);
	bd->bd_events = NULL;
	bd->bd_nevents = bd->bd_room = 0;
	if (bd->bd_base >= 0)
		close(bd->bd_base);
	bd->bd_base = -1;
	bd->bd_recording = false;
}

unsigned int
blk_file_events(unsigned int n)
{
	return disks[n].bd_nevents;
}

static void
event_add(struct blk_disk *bd, enum event_kind kind, uint64_t offset, const void *data, size_t bytes)
{
	struct event *ev;

	if (!bd->bd_recording)
		return;
	if (bd->bd_nevents == bd->bd_room) {
		bd->bd_room = bd->bd_room * 2 + 64;
		bd->bd_events = realloc(bd->bd_events, bd->bd_room * sizeof(*ev));
		mx_assert(bd->bd_events != NULL);
	}
	ev = &bd->bd_events[bd->bd_nevents++];
	*ev = (struct event){ kind, offset, bytes, NULL };
	if (bytes > 0) {
		ev->ev_data = malloc(bytes);
		mx_assert(ev->ev_data != NULL);
		memcpy(ev->ev_data, data, bytes);
	}
}

/* ---- Power cuts ---- */

static bool
coin(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (*seed >> 40 & 1) != 0;
}

/* The write EV was under way when the power went. */
static void
event_perhaps(const struct event *ev, enum blk_file_loss loss, uint64_t *seed, int to)
{
	size_t at;

	if (loss == BLK_FILE_KEEP || (loss == BLK_FILE_ANY && coin(seed)))
		image_write(to, ev->ev_offset, ev->ev_data, ev->ev_bytes);
	for (at = 0; loss == BLK_FILE_TORN && at < ev->ev_bytes; at += BLK_SECTOR)
		if (coin(seed))
			image_write(to, ev->ev_offset + at, ev->ev_data + at, BLK_SECTOR);
}

void
blk_file_cut(unsigned int n, unsigned int events, enum blk_file_loss loss, uint64_t seed, unsigned int to)
{
	struct blk_disk *bd = &disks[n];
	unsigned int i, flushed = 0;

	mx_assert(bd->bd_recording && events <= bd->bd_nevents);
	image_copy(bd->bd_base, disks[to].bd_fd, bd->bd_bytes);
	for (i = 0; i < events; i++)
		if (bd->bd_events[i].ev_kind == FLUSH)
			flushed = i;
	for (i = 0; i < events; i++) {
		const struct event *ev = &bd->bd_events[i];

		if (ev->ev_kind == FLUSH)
			continue;
		/* Two writes of one place are not reordered if the first had returned: what is kept is kept in order. */
		if (i < flushed || ev->ev_kind == DURABLE)
			image_write(disks[to].bd_fd, ev->ev_offset, ev->ev_data, ev->ev_bytes);
		else
			event_perhaps(ev, loss, &seed, disks[to].bd_fd);
	}
}

/* ---- masix/blk.h ---- */

static bool
fails(unsigned int *countdown)
{
	if (*countdown == 0 || --*countdown > 0)
		return false;
	if (blk_file_fail_sticky)
		*countdown = 1;
	return true;
}

kern_return_t
blk_disk_open(const char *source, size_t len, bool write, struct blk_disk **out)
{
	static const char prefix[] = BLK_SOURCE "254:";
	struct blk_disk *bd;
	unsigned int n;

	if (len != sizeof(prefix) || memcmp(source, prefix, sizeof(prefix) - 1) != 0)
		return MX_ENOTBLK;
	n = (unsigned int)(source[len - 1] - '0');
	if (n >= BLK_FILE_DISKS || !disks[n].bd_used)
		return MX_ENXIO;
	bd = &disks[n];
	if (write && bd->bd_readonly)
		return MX_EROFS;
	if (write && bd->bd_written)
		return MX_EBUSY;
	bd->bd_opened++;
	bd->bd_written |= write;
	*out = bd;
	return KERN_SUCCESS;
}

void
blk_disk_close(struct blk_disk *disk)
{
	mx_assert(disk->bd_opened > 0);
	if (--disk->bd_opened == 0)
		disk->bd_written = false;
}

uint64_t
blk_disk_bytes(const struct blk_disk *disk)
{
	return disk->bd_bytes;
}

bool
blk_disk_is_readonly(const struct blk_disk *disk)
{
	return disk->bd_readonly;
}

static kern_return_t
range_check(const struct blk_disk *disk, uint64_t offset, size_t bytes)
{
	mx_assert(disk->bd_opened);
	if (offset % BLK_SECTOR != 0 || bytes % BLK_SECTOR != 0 || bytes == 0)
		return MX_EINVAL;
	return offset > disk->bd_bytes || bytes > disk->bd_bytes - offset ? MX_EINVAL : KERN_SUCCESS;
}

kern_return_t
blk_read(struct blk_disk *disk, uint64_t offset, void *buf, size_t bytes)
{
	kern_return_t kr = range_check(disk, offset, bytes);

	blk_file_reads++;
	if (kr == KERN_SUCCESS && fails(&blk_file_fail_read))
		kr = MX_EIO;
	if (kr == KERN_SUCCESS)
		image_read(disk->bd_fd, offset, buf, bytes);
	return kr;
}

static kern_return_t
disk_write(struct blk_disk *disk, uint64_t offset, const void *buf, size_t bytes, enum event_kind kind)
{
	kern_return_t kr = range_check(disk, offset, bytes);

	blk_file_writes++;
	if (kr == KERN_SUCCESS && disk->bd_readonly)
		kr = MX_EROFS;
	if (kr == KERN_SUCCESS && fails(&blk_file_fail_write))
		kr = MX_EIO;
	if (kr != KERN_SUCCESS)
		return kr;
	image_write(disk->bd_fd, offset, buf, bytes);
	event_add(disk, kind, offset, buf, bytes);
	return KERN_SUCCESS;
}

kern_return_t
blk_write(struct blk_disk *disk, uint64_t offset, const void *buf, size_t bytes)
{
	return disk_write(disk, offset, buf, bytes, WRITE);
}

kern_return_t
blk_write_durable(struct blk_disk *disk, uint64_t offset, const void *buf, size_t bytes)
{
	return disk_write(disk, offset, buf, bytes, DURABLE);
}

kern_return_t
blk_read_pages(struct blk_disk *disk, uint64_t offset, size_t bytes, void **pages)
{
	size_t n = (bytes + MX_PAGE - 1) / MX_PAGE, i;
	uint8_t *p;
	kern_return_t kr;

	if (bytes > BLK_PAGES_MAX)
		return MX_EINVAL;
	p = world_pages_new(n);
	if (p == NULL)
		return MX_ENOMEM;
	memset(p, 0xa5, n * MX_PAGE);		/* nobody zeroes it */
	kr = blk_read(disk, offset, p, bytes);
	if (kr != KERN_SUCCESS) {
		for (i = 0; i < n; i++)
			mx_page_free(p + i * MX_PAGE);
		return kr;
	}
	*pages = p;
	return KERN_SUCCESS;
}

kern_return_t
blk_flush(struct blk_disk *disk)
{
	mx_assert(disk->bd_opened);
	blk_file_flushes++;
	if (fails(&blk_file_fail_flush))
		return MX_EIO;
	event_add(disk, FLUSH, 0, NULL, 0);
	return KERN_SUCCESS;
}

void
blk_discard(struct blk_disk *disk, uint64_t offset, uint64_t bytes)
{
	(void)disk;
	(void)offset;
	(void)bytes;
}
