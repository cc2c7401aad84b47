/*
 * disk.c - big transfers of disks (block devices): out of line, in pieces that a driver does at once.
 *
 * A disk is a stream that can seek; smaller transfers go as those of any stream do. What is read arrives as pages that the device wrote into,
 * somewhere in the process's memory that is free at this moment (the lowest pages are never: mm.c), and is copied from there.
 *
 * A driver that dies is brought back; its disks are opened again by their numbers, in /dev/block, as the process may open them now.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include <mach/mig_support.h>
#include "io.h"
#include "vfs.h"

#define DISK_MIN	(16u << 10)	/* less goes inline */
#define DISK_PIECE	(256u << 10)

static bool
is_disk(const struct em_file *f)
{
	return f->f_kind == MX_KIND_STREAM && f->f_is_seekable && (f->f_attr.at_mode & MX_S_IFMT) == MX_S_IFBLK;
}

bool
em_disk_is_wanted(const struct em_file *f, uint32_t count)
{
	return count >= DISK_MIN && is_disk(f);
}

/* ---- A driver that died ---- */

static char *
text_put(char *p, const char *text)
{
	while (*text != '\0')
		*p++ = *text++;
	return p;
}

static char *
number_put(char *p, uint32_t n)
{
	char digits[12];
	uint32_t k = 0;

	do
		digits[k++] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	while (k > 0)
		*p++ = digits[--k];
	return p;
}

/* F's disk once more. MACH_PORT_NULL: it cannot be had. Rights: the caller's */
static mach_port_t
disk_open(const struct em_file *f)
{
	mach_msg_type_number_t n = MX_BLOB_MAX;
	mach_port_t io = MACH_PORT_NULL;
	char path[48], data[MX_BLOB_MAX], *p;
	struct mx_attr attr;
	mx_stamp_t stamp;
	uint32_t kind;

	p = number_put(text_put(path, "/dev/block/"), f->f_attr.at_rdev_major);
	p = number_put(text_put(p, ":"), f->f_attr.at_rdev_minor);
	if (vfs_open(em_vfs(), 0, em_proc()->p_pid, MACH_PORT_NULL, path, (mach_msg_type_number_t)(p - path),
	    em_file_flags(f) & MX_O_ACCMODE, 0, &kind, &io, &attr, &stamp, data, &n) != KERN_SUCCESS)
		return MACH_PORT_NULL;
	if (kind == MX_KIND_STREAM && (attr.at_mode & MX_S_IFMT) == MX_S_IFBLK &&
	    attr.at_rdev_major == f->f_attr.at_rdev_major && attr.at_rdev_minor == f->f_attr.at_rdev_minor)
		return io;
	em_port_release(io);
	return MACH_PORT_NULL;
}

bool
em_disk_again(struct em_file *f, mach_port_t was)
{
	struct mx_attr attr;
	mach_port_t io;

	if (!is_disk(f))
		return false;
	if (f->f_port != was)
		return true;			/* another thread did it */
	if (em_errno(io_stat(was, &attr)) == 0)
		return false;			/* it lives: the disk has an error */
	io = disk_open(f);
	if (io == MACH_PORT_NULL)
		return false;
	/* The dead name stays: another thread may be about to send to it, and must not find something else there. */
	if (!__atomic_compare_exchange_n(&f->f_port, &was, io, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		em_port_release(io);
	return true;
}

/* ---- Big transfers ---- */

int32_t
em_disk_read(struct em_file *f, struct em_uio *u, int64_t pos)
{
	uint32_t k = em_min(u->u_left, DISK_PIECE);
	mach_msg_type_number_t n = 0;
	vm_offset_t data = 0;
	int32_t err = EM_IO(io_read_ool(f->f_port, 0, 0, em_file_io_flags(f), pos, k, &data, &n));

	if (err < 0 || n == 0)
		return err;
	err = n > k ? EM_E(EIO) : em_uio_out(u, (const void *)data, n);
	mig_deallocate(data, n);
	return err < 0 ? err : (int32_t)n;
}

int32_t
em_disk_write(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	uint32_t addr = 0, k = em_min(em_uio_next(u, &addr), DISK_PIECE), written = 0;
	int64_t at = *pos;
	int32_t err = EM_IO(io_write_ool(f->f_port, 0, 0, em_file_io_flags(f), &at, addr, k, &written));

	if (err < 0)
		return err;
	if (written > k)
		return EM_E(EIO);
	*pos = at + written;
	em_uio_advance(u, written);
	return 0;
}
