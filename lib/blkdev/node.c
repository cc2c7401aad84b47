/*
 * node.c - disks as files: the nodes /dev/vda, /dev/vda1...
 *
 * Nothing is kept: a read asks the device, a write is in the device when it is answered. What is not whole sectors is read, changed and
 * written back, alone on that disk (bd_edge).
 *
 * Source of the requests: ioctl_list(2), Linux's include/uapi/linux/fs.h and hdreg.h.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "blkdev_lib.h"

#include <string.h>
#include <masix/io.h>

#define SECTOR		((uint64_t)BLKDEV_SECTOR)
#define PAGE		4096u
#define PIECE		(BLKDEV_READ_MAX * BLKDEV_SECTOR)

struct file {
	struct mx_io	fi_io;
	struct blkdev_view fi_view;
	uint32_t	fi_flags;	/* of open */
};

struct driver {
	struct mx_dev	dr_dev;
	uint32_t	dr_major;
};

static void file_no_senders(struct mx_object *obj);

static struct mx_class file_class = {
	.mc_name = "disk file", .mc_size = sizeof(struct file), .mc_demux = mx_io_demux, .mc_no_senders = file_no_senders,
};
static struct mx_class driver_class = {
	.mc_name = "disk driver", .mc_size = sizeof(struct driver), .mc_demux = mx_dev_demux,
};

static struct file *
file_of(struct mx_io *io)
{
	return (struct file *)io;
}

static bool
is_exclusive(const struct file *fi)
{
	return (fi->fi_flags & MX_O_EXCL) != 0;
}

static void
file_no_senders(struct mx_object *obj)
{
	struct file *fi = (struct file *)obj;
	struct blkdev_part *part = blkdev_view_part(&fi->fi_view);

	if (part != NULL && is_exclusive(fi))
		part->bp_exclusive--;
	mx_object_release(obj);
}

/* ---- Reading and writing ---- */

/* N bytes of the sector that AT, a byte of DISK, lies in: read them, or change them. Locks: bd_edge alone, to change */
static kern_return_t
edge_do(struct blkdev_disk *disk, uint64_t at, char *data, size_t n, bool write)
{
	char sector[BLKDEV_SECTOR];
	kern_return_t kr = disk->bd_ops->bo_read(disk, at / SECTOR, 1, sector);

	if (kr != KERN_SUCCESS)
		return kr;
	if (!write) {
		memcpy(data, sector + at % SECTOR, n);
		return KERN_SUCCESS;
	}
	memcpy(sector + at % SECTOR, data, n);
	return disk->bd_ops->bo_write(disk, at / SECTOR, 1, sector);
}

/* How many of the N bytes at AT are done at once: part of a sector, or many whole ones. */
static size_t
step_bytes(uint64_t at, size_t n)
{
	size_t rest = (size_t)(SECTOR - at % SECTOR);

	if (at % SECTOR != 0 || n < SECTOR)
		return n < rest ? n : rest;
	n -= n % SECTOR;
	return n < PIECE ? n : PIECE;
}

static kern_return_t
step_do(struct blkdev_disk *disk, uint64_t at, char *data, size_t n, bool write)
{
	if (at % SECTOR != 0 || n % SECTOR != 0)
		return edge_do(disk, at, data, n, write);
	return write ? disk->bd_ops->bo_write(disk, at / SECTOR, n / SECTOR, data) :
		disk->bd_ops->bo_read(disk, at / SECTOR, n / SECTOR, data);
}

/* *COUNT bytes at AT of DISK; *COUNT becomes how many were done, and when it is some there is no error. */
static kern_return_t
transfer(struct blkdev_disk *disk, uint64_t at, char *data, size_t *count, bool write)
{
	size_t done = 0, n;
	kern_return_t kr = KERN_SUCCESS;

	while (done < *count && kr == KERN_SUCCESS) {
		n = step_bytes(at + done, *count - done);
		kr = step_do(disk, at + done, data + done, n, write);
		if (kr == KERN_SUCCESS)
			done += n;
	}
	*count = done;
	return done > 0 ? KERN_SUCCESS : kr;
}

/* Cut *COUNT bytes at OFFSET to what there is. Errors: MX_EIO the partition is gone; MX_EINVAL no such offset */
static kern_return_t
range_cut(const struct file *fi, int64_t offset, size_t *count, uint64_t *at)
{
	const struct blkdev_part *part = blkdev_view_part(&fi->fi_view);
	uint64_t bytes;

	if (part == NULL)
		return MX_EIO;
	if (offset < 0)
		return MX_EINVAL;
	bytes = part->bp_sectors * SECTOR;
	if ((uint64_t)offset >= bytes)
		*count = 0;
	else if (*count > bytes - (uint64_t)offset)
		*count = (size_t)(bytes - (uint64_t)offset);
	*at = part->bp_start * SECTOR + (uint64_t)offset;
	return KERN_SUCCESS;
}

static kern_return_t
node_read(struct mx_io *io, const struct mx_io_call *call, int64_t offset, char *data, size_t *count)
{
	struct file *fi = file_of(io);
	uint64_t at;
	kern_return_t kr;

	(void)call;
	if ((fi->fi_flags & MX_O_ACCMODE) == MX_O_WRONLY)
		return MX_EBADF;
	kr = range_cut(fi, offset, count, &at);
	if (kr != KERN_SUCCESS || *count == 0)
		return kr;
	return transfer(fi->fi_view.vi_disk, at, data, count, false);
}

/* A big read of whole sectors: nothing is copied. */
static kern_return_t
node_read_pages(struct mx_io *io, const struct mx_io_call *call, int64_t offset, size_t *count, void **pages)
{
	struct file *fi = file_of(io);
	struct blkdev_disk *disk = fi->fi_view.vi_disk;
	size_t n = *count;
	uint64_t at;
	kern_return_t kr;

	(void)call;
	if ((fi->fi_flags & MX_O_ACCMODE) == MX_O_WRONLY)
		return MX_EBADF;
	kr = range_cut(fi, offset, &n, &at);
	if (kr != KERN_SUCCESS)
		return kr;
	if ((at | n) % PAGE != 0 || n == 0 || n > PIECE)
		return MX_EOPNOTSUPP;
	kr = disk->bd_ops->bo_read_pages(disk, at / SECTOR, n / SECTOR, pages);
	if (kr == KERN_SUCCESS)
		*count = n;
	return kr;
}

static kern_return_t
write_locked(struct file *fi, uint64_t at, const char *data, size_t *count)
{
	struct blkdev_disk *disk = fi->fi_view.vi_disk;
	kern_return_t kr;

	if ((at | *count) % SECTOR != 0)
		mx_rwlock_wrlock(&disk->bd_edge);
	else
		mx_rwlock_rdlock(&disk->bd_edge);
	kr = transfer(disk, at, (char *)(uintptr_t)data, count, true);	/* it is not written to */
	mx_rwlock_unlock(&disk->bd_edge);
	return kr;
}

static kern_return_t
node_write(struct mx_io *io, const struct mx_io_call *call, int64_t *offset, const char *data, size_t *count)
{
	struct file *fi = file_of(io);
	uint64_t at;
	kern_return_t kr;

	if ((fi->fi_flags & MX_O_ACCMODE) == MX_O_RDONLY)
		return MX_EBADF;
	if (fi->fi_view.vi_disk->bd_is_readonly)
		return MX_EPERM;
	if (call->ic_flags & MX_IO_APPEND)
		*offset = INT64_MAX - (int64_t)MX_OOL_MAX;	/* nothing lies behind the end of a disk */
	kr = range_cut(fi, *offset, count, &at);
	if (kr == KERN_SUCCESS && *count == 0)
		kr = MX_ENOSPC;
	if (kr == KERN_SUCCESS)
		kr = write_locked(fi, at, data, count);
	if (kr == KERN_SUCCESS && (call->ic_flags & MX_IO_SYNC))
		kr = blkdev_flush(fi->fi_view.vi_disk);
	return kr;
}

static kern_return_t
node_stat(struct mx_io *io, struct mx_attr *attr)
{
	struct file *fi = file_of(io);
	const struct blkdev_part *part = blkdev_view_part(&fi->fi_view);

	attr->at_mode = MX_S_IFBLK | 0660;
	attr->at_nlink = 1;
	attr->at_rdev_major = fi->fi_view.vi_disk->bd_major;
	attr->at_rdev_minor = fi->fi_view.vi_disk->bd_minor + fi->fi_view.vi_index;
	attr->at_ino = (uint64_t)attr->at_rdev_major << 32 | attr->at_rdev_minor;
	attr->at_blksize = 4096;
	attr->at_size = part == NULL ? 0 : part->bp_sectors * SECTOR;
	return KERN_SUCCESS;
}

static kern_return_t
node_sync(struct mx_io *io, bool data_only)
{
	(void)data_only;
	return blkdev_flush(file_of(io)->fi_view.vi_disk);
}

/* ---- Requests ---- */

enum {
	HDIO_GETGEO = 0x0301, BLKROGET = 0x125e, BLKRRPART = 0x125f, BLKGETSIZE = 0x1260, BLKFLSBUF = 0x1261, BLKRASET = 0x1262,
	BLKRAGET = 0x1263, BLKSECTGET = 0x1267, BLKSSZGET = 0x1268, BLKDISCARD = 0x1277, BLKIOMIN = 0x1278, BLKIOOPT = 0x1279,
	BLKALIGNOFF = 0x127a, BLKPBSZGET = 0x127b, BLKDISCARDZEROES = 0x127c, BLKROTATIONAL = 0x127e, BLKZEROOUT = 0x127f,
};
#define BLKBSZGET	0x80041270u
#define BLKBSZSET	0x40041271u
#define BLKGETSIZE64	0x80041272u	/* whatever its number says, it is 8 bytes */

#define HEADS		255u
#define TRACK		63u

/* Answer N bytes of P. Errors: MX_EINVAL no room for it */
static kern_return_t
answer(const void *p, size_t n, char *out, size_t *out_count)
{
	if (*out_count < n)
		return MX_EINVAL;
	memcpy(out, p, n);
	*out_count = n;
	return KERN_SUCCESS;
}

static kern_return_t
answer_number(uint32_t value, char *out, size_t *out_count)
{
	return answer(&value, sizeof value, out, out_count);
}

/* The geometry that everybody makes up. */
static kern_return_t
geometry_get(const struct blkdev_disk *disk, const struct blkdev_part *part, char *out, size_t *out_count)
{
	struct { uint8_t heads, sectors; uint16_t cylinders; uint32_t start; } geo = { HEADS, TRACK, 0, (uint32_t)part->bp_start };
	uint64_t cylinders = disk->bd_sectors / (HEADS * TRACK);

	geo.cylinders = cylinders > UINT16_MAX ? UINT16_MAX : (uint16_t)cylinders;
	return answer(&geo, sizeof geo, out, out_count);
}

static kern_return_t
size_get(uint32_t cmd, const struct blkdev_part *part, char *out, size_t *out_count)
{
	uint64_t bytes = part->bp_sectors * SECTOR;

	if (cmd == BLKGETSIZE64)
		return answer(&bytes, sizeof bytes, out, out_count);
	return part->bp_sectors > UINT32_MAX ? MX_EFBIG : answer_number((uint32_t)part->bp_sectors, out, out_count);
}

static kern_return_t
zero_sectors(struct blkdev_disk *disk, uint64_t sector, uint64_t count)
{
	char *zeros = mx_pages_alloc(PIECE);
	kern_return_t kr = zeros == NULL ? MX_ENOMEM : KERN_SUCCESS;

	while (count > 0 && kr == KERN_SUCCESS) {
		uint32_t n = count < BLKDEV_READ_MAX ? (uint32_t)count : BLKDEV_READ_MAX;

		kr = disk->bd_ops->bo_write(disk, sector, n, zeros);
		sector += n;
		count -= n;
	}
	mx_pages_free(zeros, PIECE);
	return kr;
}

/* BLKDISCARD and BLKZEROOUT: IN is where, and how many bytes. */
static kern_return_t
range_clear(struct file *fi, const struct blkdev_part *part, uint32_t cmd, const char *in, size_t in_count)
{
	struct blkdev_disk *disk = fi->fi_view.vi_disk;
	uint64_t range[2], bytes = part->bp_sectors * SECTOR, first, count;
	kern_return_t kr;

	if ((fi->fi_flags & MX_O_ACCMODE) == MX_O_RDONLY)
		return MX_EBADF;
	if (in_count != sizeof range)
		return MX_EINVAL;
	memcpy(range, in, sizeof range);
	if ((range[0] | range[1]) % SECTOR != 0 || range[1] > bytes || range[0] > bytes - range[1])
		return MX_EINVAL;
	if (disk->bd_is_readonly)
		return MX_EPERM;
	if (cmd == BLKDISCARD && disk->bd_ops->bo_discard == NULL)
		return MX_ENOTSUP;
	if (range[1] == 0)
		return KERN_SUCCESS;
	mx_rwlock_rdlock(&disk->bd_edge);
	first = part->bp_start + range[0] / SECTOR;
	count = range[1] / SECTOR;
	if (cmd == BLKDISCARD)
		kr = disk->bd_ops->bo_discard(disk, first, count);
	else
		kr = (disk->bd_ops->bo_zero != NULL ? disk->bd_ops->bo_zero : zero_sectors)(disk, first, count);
	mx_rwlock_unlock(&disk->bd_edge);
	return kr;
}

static kern_return_t
table_reread(struct file *fi)
{
	if (fi->fi_view.vi_index != 0)
		return MX_EINVAL;
	return blkdev_reread(fi->fi_view.vi_disk);
}

static kern_return_t
node_ioctl(struct mx_io *io, const struct mx_io_call *call, uint32_t cmd, uint32_t arg, const char *in, size_t in_count,
	char *out, size_t *out_count, int32_t *result)
{
	struct file *fi = file_of(io);
	struct blkdev_disk *disk = fi->fi_view.vi_disk;
	const struct blkdev_part *part = blkdev_view_part(&fi->fi_view);
	size_t room = *out_count;

	(void)call;
	(void)arg;
	(void)result;
	if (part == NULL)
		return MX_EIO;
	*out_count = 0;
	switch (cmd) {
	case BLKGETSIZE:
	case BLKGETSIZE64:
		*out_count = room;
		return size_get(cmd, part, out, out_count);
	case HDIO_GETGEO:
		*out_count = room;
		return geometry_get(disk, part, out, out_count);
	case BLKDISCARD:
	case BLKZEROOUT:
		return range_clear(fi, part, cmd, in, in_count);
	case BLKRRPART:
		return table_reread(fi);
	case BLKFLSBUF:
		return blkdev_flush(disk);
	case BLKBSZSET:
	case BLKRASET:
		return KERN_SUCCESS;	/* there is no cache whose blocks could have a size */
	default:
		break;
	}
	*out_count = room;
	switch (cmd) {
	case BLKROGET:
		return answer_number(disk->bd_is_readonly, out, out_count);
	case BLKSSZGET:
	case BLKPBSZGET:
	case BLKIOMIN:
		return answer_number(disk->bd_block, out, out_count);
	case BLKBSZGET:
		return answer_number(4096, out, out_count);
	case BLKSECTGET: {
		uint16_t most = BLKDEV_READ_MAX;

		return answer(&most, sizeof most, out, out_count);
	}
	case BLKROTATIONAL: {
		uint16_t no = 0;

		return answer(&no, sizeof no, out, out_count);
	}
	case BLKRAGET:
	case BLKIOOPT:
	case BLKALIGNOFF:
	case BLKDISCARDZEROES:
		return answer_number(0, out, out_count);
	default:
		return MX_ENOTTY;
	}
}

static const struct mx_io_ops node_ops = {
	.read = node_read, .read_pages = node_read_pages, .write = node_write, .stat = node_stat, .sync = node_sync, .ioctl = node_ioctl,
};

/* ---- The driver's port ---- */

static kern_return_t
node_open(struct mx_dev *dev, uint32_t minor, uint32_t flags, uint32_t uid, uint32_t gid, mach_port_t *io,
	mach_msg_type_name_t *type, uint32_t *kind)
{
	struct blkdev_view vi;
	struct blkdev_part *part;
	struct file *fi;
	kern_return_t kr;

	(void)uid;
	(void)gid;
	kr = blkdev_view_open(((struct driver *)dev)->dr_major, minor, &vi);
	if (kr != KERN_SUCCESS)
		return kr;
	part = blkdev_view_part(&vi);
	if ((flags & MX_O_EXCL) && blkdev_is_busy(vi.vi_disk, part, true))
		return MX_EBUSY;
	fi = mx_object_create(&file_class);
	if (fi == NULL)
		return MX_ENOMEM;
	fi->fi_io.io_ops = &node_ops;
	fi->fi_view = vi;
	fi->fi_flags = flags;
	part->bp_exclusive += is_exclusive(fi);
	*io = mx_object_make_send(&fi->fi_io.io_object, type);
	*kind = MX_KIND_STREAM;
	return KERN_SUCCESS;
}

static kern_return_t
driver_list(struct mx_dev *dev, uint32_t tag, uint32_t seen, uint32_t *number, char **text, size_t *length)
{
	(void)dev;
	return blkdev_list(tag, seen, number, text, length);
}

struct mx_object *
blkdev_driver_make(uint32_t major)
{
	struct driver *dr = mx_object_create(&driver_class);

	if (dr == NULL)
		return NULL;
	dr->dr_dev.dv_open = node_open;
	dr->dr_dev.dv_list = driver_list;
	dr->dr_major = major;
	return &dr->dr_dev.dv_object;
}
