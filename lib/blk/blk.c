/*
 * blk.c - disks, as a client sees them: a driver that dies is not seen.
 *
 * Every request is one RPC that can be repeated. When the driver dies, the first fibril that notices waits for the next instance (ACS
 * lets a look-up of a declared name wait), opens the disk there and checks that it is the same size at the same place; the others wait
 * for it and all send again what was not answered. What a driver answers is checked: it may crash its client's file system, but not
 * its memory.
 *
 * No fibril can park between taking the port out of the structure and sending to it, so a port that is replaced is not used by anybody.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <masix/blk.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <masix/mach.h>
#include <masix/server.h>
#include "blk.h"

#define SMALL		(MX_DATA_MAX / BLK_SECTOR * BLK_SECTOR)
#define TRIES		1000	/* of a driver that takes the request and dies, again and again */
#define RETRY_NS	20000000u
#define SECTORS_MAX	(1ull << 54)	/* bytes fit in 63 bits */

struct blk_disk {
	uint32_t	dk_major, dk_minor;
	bool		dk_write;
	bool		dk_is_lost;	/* it is not what was opened any more */
	mach_port_t	dk_port;	/* MACH_PORT_NULL: nobody serves it now */
	struct mx_mutex	dk_reopen;
	uint64_t	dk_written;	/* writes that were answered */
	uint64_t	dk_flushed;	/* so many of them are durable */
	struct mx_blk_info dk_info;
};

/* ---- Open, and open again ---- */

static bool
is_dead(kern_return_t kr)
{
	return kr == MX_ESERVERDIED || kr == MACH_SEND_INVALID_DEST;
}

static kern_return_t
info_check(const struct mx_blk_info *info)
{
	if (info->bi_sectors == 0 || info->bi_sectors > SECTORS_MAX || info->bi_start > SECTORS_MAX || info->bi_max < 1)
		return MX_EIO;
	return KERN_SUCCESS;
}

/* Ask the driver that is up now, or will be. Errors: MX_ENXIO no such driver; blk_open's */
static kern_return_t
port_open(const struct blk_disk *dk, mach_port_t *port, struct mx_blk_info *info)
{
	mach_port_t driver;
	char name[24];
	kern_return_t kr = MX_EIO;

	(void)snprintf(name, sizeof name, "blk.%u", (unsigned int)dk->dk_major);
	for (int i = 0; i < TRIES; i++) {
		if (mx_lookup(name, &driver) != KERN_SUCCESS)
			return MX_ENXIO;
		*port = MACH_PORT_NULL;
		kr = rpc_blk_open(driver, dk->dk_minor, dk->dk_write, port, info);
		mx_port_release(driver);
		if (!is_dead(kr))
			break;
		mx_sleep_ns(RETRY_NS);		/* ACS may not know yet that it is dead */
	}
	if (kr == KERN_SUCCESS && (!MACH_PORT_VALID(*port) || info_check(info) != KERN_SUCCESS)) {
		mx_port_release(*port);
		kr = MX_EIO;
	}
	return is_dead(kr) ? MX_EIO : kr;
}

/* Is what comes back as NOW the disk that was BEFORE, and takes the requests that are to be sent again? */
static bool
info_same(const struct mx_blk_info *now, const struct mx_blk_info *before)
{
	return now->bi_sectors == before->bi_sectors && now->bi_start == before->bi_start && now->bi_max >= before->bi_max;
}

/* DEAD, which was the disk's port, answers no more. Errors: MX_EIO it is lost */
static kern_return_t
reopen(struct blk_disk *dk, mach_port_t dead)
{
	struct mx_blk_info info;
	mach_port_t port;
	kern_return_t kr = KERN_SUCCESS;

	mx_mutex_lock(&dk->dk_reopen);
	if (!dk->dk_is_lost && dk->dk_port == dead) {
		dk->dk_port = MACH_PORT_NULL;
		mx_port_release(dead);
		kr = port_open(dk, &port, &info);
		if (kr == KERN_SUCCESS && !info_same(&info, &dk->dk_info)) {
			mx_port_release(port);
			kr = MX_EIO;
		}
		if (kr == KERN_SUCCESS) {
			dk->dk_port = port;
			dk->dk_info = info;
		} else {
			mx_log(MX_LOG_ERROR, "%.16s is lost: error 0x%x", dk->dk_info.bi_name, kr);
			dk->dk_is_lost = true;
		}
	}
	kr = dk->dk_is_lost ? MX_EIO : KERN_SUCCESS;
	mx_mutex_unlock(&dk->dk_reopen);
	return kr;
}

static bool
number_take(const char **at, const char *end, uint32_t *number)
{
	const char *p = *at;
	uint64_t n = 0;

	while (p < end && *p >= '0' && *p <= '9' && n <= UINT32_MAX)
		n = n * 10 + (uint64_t)(*p++ - '0');
	if (p == *at || n > UINT32_MAX)
		return false;
	*at = p;
	*number = (uint32_t)n;
	return true;
}

static bool
source_take(const char *source, size_t len, uint32_t *major, uint32_t *minor)
{
	const char *end = source + len, *p = source + sizeof BLK_SOURCE - 1;

	return len >= sizeof BLK_SOURCE - 1 && memcmp(source, BLK_SOURCE, sizeof BLK_SOURCE - 1) == 0 &&
		number_take(&p, end, major) && p < end && *p++ == ':' && number_take(&p, end, minor) && p == end;
}

kern_return_t
blk_disk_open(const char *source, size_t len, bool write, struct blk_disk **out)
{
	struct blk_disk *dk;
	uint32_t major, minor;
	kern_return_t kr;

	if (!source_take(source, len, &major, &minor))
		return MX_ENOTBLK;
	dk = calloc(1, sizeof *dk);
	if (dk == NULL)
		return MX_ENOMEM;
	dk->dk_major = major;
	dk->dk_minor = minor;
	dk->dk_write = write;
	dk->dk_written = 1;			/* somebody else may have */
	kr = port_open(dk, &dk->dk_port, &dk->dk_info);
	if (kr != KERN_SUCCESS) {
		free(dk);
		return kr;
	}
	dk->dk_info.bi_name[sizeof dk->dk_info.bi_name - 1] = '\0';
	*out = dk;
	return KERN_SUCCESS;
}

void
blk_disk_close(struct blk_disk *dk)
{
	mx_port_release(dk->dk_port);
	free(dk);
}

uint64_t
blk_disk_bytes(const struct blk_disk *dk)
{
	return dk->dk_info.bi_sectors * BLK_SECTOR;
}

bool
blk_disk_is_readonly(const struct blk_disk *dk)
{
	return (dk->dk_info.bi_flags & BLK_RDONLY) != 0 || !dk->dk_write;
}

/* ---- Requests ---- */

/* One request: what is sent, and what came. */
struct request {
	enum { READ, READ_SMALL, WRITE, WRITE_SMALL, FLUSH, DISCARD } rq_what;
	uint64_t	rq_sector, rq_count;	/* sectors */
	uint32_t	rq_flags;
	void		*rq_buf;		/* READ_SMALL, WRITE*: the caller's; READ: becomes new pages */
};

/* Errors: MX_EIO, the driver answered something else than what was asked */
static kern_return_t
pages_check(struct request *rq, vm_offset_t data, mach_msg_type_number_t count)
{
	if (count == rq->rq_count * BLK_SECTOR && data % 4096 == 0) {
		rq->rq_buf = (void *)data;
		return KERN_SUCCESS;
	}
	mx_pages_free((void *)(data & ~4095ul), (data % 4096) + count);
	return MX_EIO;
}

static kern_return_t
ask_read(mach_port_t port, struct request *rq)
{
	mach_msg_type_number_t count = 0;
	vm_offset_t data = 0;
	kern_return_t kr = rpc_blk_read(port, rq->rq_sector, (uint32_t)rq->rq_count, &data, &count);

	return kr == KERN_SUCCESS ? pages_check(rq, data, count) : kr;
}

static kern_return_t
ask_read_small(mach_port_t port, struct request *rq)
{
	mach_msg_type_number_t count = (mach_msg_type_number_t)(rq->rq_count * BLK_SECTOR), room = count;
	kern_return_t kr = rpc_blk_read_small(port, rq->rq_sector, (uint32_t)rq->rq_count, rq->rq_buf, &count);

	return kr == KERN_SUCCESS && count != room ? MX_EIO : kr;
}

static kern_return_t
ask(mach_port_t port, struct request *rq)
{
	mach_msg_type_number_t bytes = (mach_msg_type_number_t)(rq->rq_count * BLK_SECTOR);

	switch (rq->rq_what) {
	case READ:
		return ask_read(port, rq);
	case READ_SMALL:
		return ask_read_small(port, rq);
	case WRITE:
		return rpc_blk_write(port, rq->rq_sector, rq->rq_flags, (vm_offset_t)rq->rq_buf, bytes);
	case WRITE_SMALL:
		return rpc_blk_write_small(port, rq->rq_sector, rq->rq_flags, rq->rq_buf, bytes);
	case FLUSH:
		return rpc_blk_flush(port);
	default:
		return rpc_blk_discard(port, rq->rq_sector, rq->rq_count);
	}
}

/* Send RQ until somebody has answered. */
static kern_return_t
request_do(struct blk_disk *dk, struct request *rq)
{
	kern_return_t kr = MX_EIO;

	for (int i = 0; i < TRIES; i++) {
		mach_port_t port = dk->dk_port;

		kr = port == MACH_PORT_NULL ? MX_ESERVERDIED : ask(port, rq);
		if (kr == MX_EAGAIN)
			mx_sleep_ns(RETRY_NS);		/* it has too much to do */
		else if (!is_dead(kr))
			return kr;
		else if ((kr = reopen(dk, port)) != KERN_SUCCESS)
			return kr;
	}
	return MX_EIO;
}

/* Sectors of BYTES at OFFSET. Errors: MX_EINVAL */
static kern_return_t
range_check(const struct blk_disk *dk, uint64_t offset, uint64_t bytes)
{
	uint64_t all = blk_disk_bytes(dk);

	if ((offset | bytes) % BLK_SECTOR != 0 || bytes > all || offset > all - bytes)
		return MX_EINVAL;
	return KERN_SUCCESS;
}

static size_t
piece_max(const struct blk_disk *dk)
{
	uint32_t most = dk->dk_info.bi_max;

	return (most < BLK_PAGES_MAX / BLK_SECTOR ? most : BLK_PAGES_MAX / BLK_SECTOR) * BLK_SECTOR;
}

static kern_return_t
read_piece(struct blk_disk *dk, uint64_t offset, void *buf, size_t bytes)
{
	struct request rq = { bytes <= SMALL ? READ_SMALL : READ, offset / BLK_SECTOR, bytes / BLK_SECTOR, 0, buf };
	kern_return_t kr = request_do(dk, &rq);

	if (kr != KERN_SUCCESS || bytes <= SMALL)
		return kr;
	memcpy(buf, rq.rq_buf, bytes);
	mx_pages_free(rq.rq_buf, bytes);
	return KERN_SUCCESS;
}

kern_return_t
blk_read(struct blk_disk *dk, uint64_t offset, void *buf, size_t bytes)
{
	kern_return_t kr = range_check(dk, offset, bytes);
	size_t done, n;

	for (done = 0; done < bytes && kr == KERN_SUCCESS; done += n) {
		n = bytes - done < piece_max(dk) ? bytes - done : piece_max(dk);
		kr = read_piece(dk, offset + done, (char *)buf + done, n);
	}
	return kr;
}

static kern_return_t
write_flagged(struct blk_disk *dk, uint64_t offset, const void *buf, size_t bytes, uint32_t flags)
{
	kern_return_t kr = range_check(dk, offset, bytes);
	size_t done, n;

	if (kr == KERN_SUCCESS && blk_disk_is_readonly(dk))
		return MX_EROFS;
	for (done = 0; done < bytes && kr == KERN_SUCCESS; done += n) {
		struct request rq = { WRITE, (offset + done) / BLK_SECTOR, 0, flags, (char *)(uintptr_t)buf + done };

		n = bytes - done < piece_max(dk) ? bytes - done : piece_max(dk);
		rq.rq_count = n / BLK_SECTOR;
		if (n <= SMALL)
			rq.rq_what = WRITE_SMALL;
		kr = request_do(dk, &rq);
		dk->dk_written++;		/* also if it failed: some of it may be there */
	}
	return kr;
}

kern_return_t
blk_write(struct blk_disk *dk, uint64_t offset, const void *buf, size_t bytes)
{
	return write_flagged(dk, offset, buf, bytes, 0);
}

kern_return_t
blk_write_durable(struct blk_disk *dk, uint64_t offset, const void *buf, size_t bytes)
{
	return write_flagged(dk, offset, buf, bytes, BLK_FUA);
}

kern_return_t
blk_read_pages(struct blk_disk *dk, uint64_t offset, size_t bytes, void **pages)
{
	struct request rq = { READ, offset / BLK_SECTOR, bytes / BLK_SECTOR, 0, NULL };
	kern_return_t kr = range_check(dk, offset, bytes);

	if (kr != KERN_SUCCESS)
		return kr;
	if (bytes == 0 || bytes > BLK_PAGES_MAX)
		return MX_EINVAL;
	if (bytes > piece_max(dk)) {		/* a driver of small requests */
		*pages = mx_pages_alloc(bytes);
		if (*pages == NULL)
			return MX_ENOMEM;
		kr = blk_read(dk, offset, *pages, bytes);
		if (kr != KERN_SUCCESS)
			mx_pages_free(*pages, bytes);
		return kr;
	}
	kr = request_do(dk, &rq);
	*pages = rq.rq_buf;
	return kr;
}

kern_return_t
blk_flush(struct blk_disk *dk)
{
	struct request rq = { FLUSH, 0, 0, 0, NULL };
	uint64_t written = dk->dk_written;
	kern_return_t kr;

	if (dk->dk_flushed == written && !dk->dk_is_lost)
		return KERN_SUCCESS;		/* nothing was written since */
	kr = request_do(dk, &rq);
	if (kr == KERN_SUCCESS && dk->dk_flushed < written)
		dk->dk_flushed = written;
	return kr;
}

void
blk_discard(struct blk_disk *dk, uint64_t offset, uint64_t bytes)
{
	struct request rq = { DISCARD, offset / BLK_SECTOR, bytes / BLK_SECTOR, 0, NULL };

	if ((dk->dk_info.bi_flags & BLK_DISCARDS) && range_check(dk, offset, bytes) == KERN_SUCCESS)
		(void)request_do(dk, &rq);	/* a hint */
}
