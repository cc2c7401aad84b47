/*
 * disk.c - big transfers of disks (block devices): out of line, in pieces that a driver does at once.
 *
 * A disk is a stream that can seek; smaller transfers go as those of any stream do. What is read arrives as pages that the device wrote into,
 * somewhere in the process's memory that is free at this moment (the lowest pages are never: mm.c), and is copied from there.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include <mach/mig_support.h>
#include "io.h"

#define DISK_MIN	(16u << 10)	/* less goes inline */
#define DISK_PIECE	(256u << 10)

bool
em_disk_is_wanted(const struct em_file *f, uint32_t count)
{
	return count >= DISK_MIN && f->f_is_seekable && (f->f_attr.at_mode & MX_S_IFMT) == MX_S_IFBLK;
}

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
