/*
 * fileop.c - what is done to open files besides reading and writing: size, durability, space, copies between files, mapping.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include <mach/vm_prot.h>
#include "vfs.h"
#include "io.h"

#define MAP_SHARED	1
#define MAP_TYPE	0xf
#define FALLOC_KNOWN	0x7fu

/* ---- Mapping ---- */

/* MEMORY is MACH_PORT_NULL for /dev/zero: anonymous memory is meant.
 * Errors: -EBADF, -EACCES (open mode), -ENODEV.  Rights: MEMORY is the caller's. */
static int32_t
fileop_memory(struct em_file *f, int prot, int flags, mach_port_t *memory, int *maxprot)
{
	mach_port_t info = MACH_PORT_NULL;
	uint32_t info_offset = 0;
	int32_t most = 0, err;

	if (!em_file_is_readable(f) || ((flags & MAP_TYPE) == MAP_SHARED && prot & VM_PROT_WRITE && !em_file_is_writable(f)))
		return em_file_flags(f) & MX_O_PATH ? EM_E(EBADF) : EM_E(EACCES);
	*memory = MACH_PORT_NULL;
	*maxprot = VM_PROT_ALL;
	if (f->f_kind == MX_KIND_ZERO)
		return 0;
	if (f->f_kind != MX_KIND_FILE && f->f_kind != MX_KIND_STREAM)
		return EM_E(ENODEV);
	err = EM_IO(io_map(f->f_port, memory, &most, &info, &info_offset));
	if (err < 0)
		return err == EM_E(EOPNOTSUPP) ? EM_E(ENODEV) : err;
	em_port_release(info);
	*maxprot = most;
	return 0;
}

int32_t
em_file_memory(int fd, int prot, int flags, mach_port_t *memory, int *maxprot)
{
	struct em_file *f = em_fd_get(fd);
	int32_t err;

	if (f == NULL)
		return EM_E(EBADF);
	err = fileop_memory(f, prot, flags, memory, maxprot);
	em_file_release(f);
	return err;
}

/* ---- Size and space ---- */

static int32_t
fileop_truncate(uint32_t fd, uint64_t size)
{
	struct em_file *f;
	int32_t err;

	if ((int64_t)size < 0)
		return EM_E(EINVAL);
	f = em_fd_get_io((int32_t)fd);
	if (f == NULL)
		return EM_E(EBADF);
	if (f->f_kind != MX_KIND_FILE || !em_file_is_writable(f))
		err = EM_E(EINVAL);
	else if (size > em_proc()->p_rlimit_fsize) {
		(void)em_signal_self(MX_SIGXFSZ, MX_SI_USER, 0);
		err = EM_E(EFBIG);
	} else
		err = EM_IO(io_truncate(f->f_port, size));
	em_file_changed();
	em_file_release(f);
	return err;
}

int32_t
sys_ftruncate64(uint32_t fd, uint32_t lo, uint32_t hi, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return fileop_truncate(fd, em_u64(lo, hi));
}

int32_t
sys_ftruncate(uint32_t fd, uint32_t size, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return fileop_truncate(fd, em_u64(size, (int32_t)size < 0 ? UINT32_MAX : 0));
}

int32_t
sys_fallocate(uint32_t fd, uint32_t mode, uint32_t off_lo, uint32_t off_hi, uint32_t len_lo, uint32_t len_hi)
{
	uint64_t offset = em_u64(off_lo, off_hi), length = em_u64(len_lo, len_hi);
	struct em_file *f;
	int32_t err;

	if ((int64_t)offset < 0 || (int64_t)length <= 0)
		return EM_E(EINVAL);
	f = em_fd_get_io((int32_t)fd);
	if (f == NULL)
		return EM_E(EBADF);
	if (mode & ~FALLOC_KNOWN)
		err = EM_E(EOPNOTSUPP);
	else if (!em_file_is_writable(f))
		err = EM_E(EBADF);
	else if (f->f_kind == EM_KIND_PIPE)
		err = EM_E(ESPIPE);
	else if (f->f_kind != MX_KIND_FILE)
		err = f->f_kind == MX_KIND_DIR ? EM_E(EISDIR) : EM_E(ENODEV);
	else if (offset > INT64_MAX - length || offset + length > em_proc()->p_rlimit_fsize)
		err = EM_E(EFBIG);
	else
		err = EM_IO(io_allocate(f->f_port, mode, offset, length));
	em_file_changed();
	em_file_release(f);
	return err;
}

/* ---- Durability ---- */

static int32_t
fileop_sync(uint32_t fd, bool dataonly)
{
	struct em_file *f = em_fd_get_io((int32_t)fd);
	int32_t err;

	if (f == NULL)
		return EM_E(EBADF);
	em_window_flush(f);
	if (f->f_kind == MX_KIND_FILE || f->f_kind == MX_KIND_DIR || (f->f_kind == MX_KIND_STREAM && f->f_is_seekable)) {
		mach_port_t port;

		do {
			port = f->f_port;
			err = EM_IO(io_sync(port, dataonly));
		} while (err == EM_E(EIO) && em_disk_again(f, port));
	} else {
		err = EM_E(EINVAL);
	}
	em_file_release(f);
	return err;
}

int32_t
sys_fsync(uint32_t fd, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)b, (void)c, (void)d, (void)e, (void)x;
	return fileop_sync(fd, false);
}

int32_t
sys_fdatasync(uint32_t fd, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)b, (void)c, (void)d, (void)e, (void)x;
	return fileop_sync(fd, true);
}

/* A range is not written faster than all of the file. */
int32_t
sys_sync_file_range(uint32_t fd, uint32_t off_lo, uint32_t off_hi, uint32_t len_lo, uint32_t len_hi, uint32_t flags)
{
	int32_t err;

	if (flags & ~7u || (int32_t)off_hi < 0 || (int32_t)len_hi < 0)
		return EM_E(EINVAL);
	(void)off_lo, (void)len_lo;
	err = fileop_sync(fd, true);
	return err == EM_E(EINVAL) ? EM_E(ESPIPE) : err;
}

int32_t
sys_sync(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)x;
	(void)EM_VFS(vfs_sync(em_vfs()));	/* sync() cannot fail */
	return 0;
}

int32_t
sys_syncfs(uint32_t fd, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_file *f = em_fd_get_io((int32_t)fd);

	(void)b, (void)c, (void)d, (void)e, (void)x;
	if (f == NULL)
		return EM_E(EBADF);
	em_file_release(f);
	return EM_VFS(vfs_sync(em_vfs()));
}

/* ---- Advice: checked, and not needed ---- */

int32_t
sys_readahead(uint32_t fd, uint32_t lo, uint32_t hi, uint32_t count, uint32_t e, uint32_t x)
{
	struct em_file *f = em_fd_get_io((int32_t)fd);
	int32_t err;

	(void)lo, (void)hi, (void)count, (void)e, (void)x;
	if (f == NULL)
		return EM_E(EBADF);
	err = !em_file_is_readable(f) ? EM_E(EBADF) : f->f_kind != MX_KIND_FILE ? EM_E(EINVAL) : 0;
	em_file_release(f);
	return err;
}

static int32_t
fileop_advise(uint32_t fd, uint32_t len_hi, uint32_t advice)
{
	struct em_file *f = em_fd_get_io((int32_t)fd);
	int32_t err;

	if (f == NULL)
		return EM_E(EBADF);
	err = f->f_kind == EM_KIND_PIPE ? EM_E(ESPIPE) : advice > 5 || (int32_t)len_hi < 0 ? EM_E(EINVAL) : 0;
	em_file_release(f);
	return err;
}

int32_t
sys_fadvise64_64(uint32_t fd, uint32_t off_lo, uint32_t off_hi, uint32_t len_lo, uint32_t len_hi, uint32_t advice)
{
	(void)off_lo, (void)off_hi, (void)len_lo;
	return fileop_advise(fd, len_hi, advice);
}

int32_t
sys_fadvise64(uint32_t fd, uint32_t off_lo, uint32_t off_hi, uint32_t len, uint32_t advice, uint32_t x)
{
	(void)off_lo, (void)off_hi, (void)len, (void)x;
	return fileop_advise(fd, 0, advice);
}

/* ---- Copies between files ---- */

/* One side of a copy. The bytes go through emulib's own memory. */
struct copy_side {
	struct em_file	*cs_file;
	int64_t		cs_pos;
	bool		cs_has_pos;	/* the caller gave the position, and wants it back */
};

static void
copy_desc_moved(struct em_desc *d, uint32_t n)
{
	em_desc_lock(d);
	d->d_offset += n;
	em_desc_unlock(d);
}

/* One piece of at most N bytes. What could not be written is not taken from the source. Bytes, 0 at the end, -errno. */
static int32_t
copy_piece(struct copy_side *in, struct copy_side *out, uint32_t n)
{
	struct em_desc *d = in->cs_file->f_desc;
	int64_t pos = in->cs_has_pos ? in->cs_pos : (int64_t)d->d_offset;
	struct em_segment seg;
	char data[MX_DATA_MAX];
	struct em_uio u;
	int32_t got, put;

	em_uio_own(&u, &seg, data, em_min(n, sizeof data));
	got = em_file_read(in->cs_file, &u, &pos);
	if (got <= 0)
		return got;
	em_uio_own(&u, &seg, data, (uint32_t)got);
	put = em_file_write(out->cs_file, &u, out->cs_has_pos ? &out->cs_pos : NULL);
	if (put < 0)
		return put;
	if (in->cs_has_pos)
		in->cs_pos += put;
	else
		copy_desc_moved(d, (uint32_t)put);
	return put;
}

static int32_t
copy_loop(struct copy_side *in, struct copy_side *out, uint32_t count)
{
	uint32_t done = 0;
	int32_t n = 0;

	while (done < count) {
		n = copy_piece(in, out, count - done);
		if (n <= 0)
			break;
		done += (uint32_t)n;
		if (em_signal_waiting())
			break;
	}
	return done > 0 ? (int32_t)done : n;
}

/* The position at ADDR, WIDTH bytes; none at 0. */
static int32_t
copy_side_get(struct copy_side *cs, int32_t fd, uint32_t addr, uint32_t width)
{
	int32_t narrow = 0;

	*cs = (struct copy_side){ .cs_has_pos = addr != 0 };
	if (addr != 0) {
		if (em_copyin(width == 8 ? (void *)&cs->cs_pos : &narrow, addr, width) < 0)
			return EM_E(EFAULT);
		if (width == 4)
			cs->cs_pos = narrow;
		if (cs->cs_pos < 0)
			return EM_E(EINVAL);
	}
	cs->cs_file = em_fd_get_io(fd);
	return cs->cs_file == NULL ? EM_E(EBADF) : 0;
}

static int32_t
copy_side_put(const struct copy_side *cs, uint32_t addr, uint32_t width)
{
	int32_t narrow = (int32_t)cs->cs_pos;

	if (!cs->cs_has_pos)
		return 0;
	if (width == 4 && narrow != cs->cs_pos)
		return EM_E(EOVERFLOW);
	return em_copyout(addr, width == 8 ? (const void *)&cs->cs_pos : &narrow, width);
}

static int32_t
copy_sendfile(uint32_t outfd, uint32_t infd, uint32_t offset, uint32_t count, uint32_t width)
{
	struct copy_side in, out;
	int32_t result = copy_side_get(&in, (int32_t)infd, offset, width), err;

	if (result < 0)
		return result;
	result = copy_side_get(&out, (int32_t)outfd, 0, 0);
	if (result == 0) {
		if (!em_file_is_readable(in.cs_file) || !em_file_is_writable(out.cs_file))
			result = EM_E(EBADF);
		else if (!in.cs_file->f_is_seekable || em_file_flags(out.cs_file) & MX_O_APPEND)
			result = EM_E(EINVAL);
		else
			result = copy_loop(&in, &out, em_min(count, EM_RW_MAX));
		em_file_release(out.cs_file);
	}
	em_file_release(in.cs_file);
	err = result > 0 ? copy_side_put(&in, offset, width) : 0;
	return err < 0 ? err : result;
}

int32_t
sys_sendfile(uint32_t outfd, uint32_t infd, uint32_t offset, uint32_t count, uint32_t e, uint32_t x)
{
	(void)e, (void)x;
	return copy_sendfile(outfd, infd, offset, count, 4);
}

int32_t
sys_sendfile64(uint32_t outfd, uint32_t infd, uint32_t offset, uint32_t count, uint32_t e, uint32_t x)
{
	(void)e, (void)x;
	return copy_sendfile(outfd, infd, offset, count, 8);
}

static bool
copy_overlaps(const struct copy_side *in, const struct copy_side *out, uint32_t count)
{
	const struct mx_attr *a = &in->cs_file->f_attr, *b = &out->cs_file->f_attr;
	int64_t from = in->cs_has_pos ? in->cs_pos : (int64_t)in->cs_file->f_desc->d_offset;
	int64_t to = out->cs_has_pos ? out->cs_pos : (int64_t)out->cs_file->f_desc->d_offset;

	return a->at_ino == b->at_ino && a->at_dev_major == b->at_dev_major && a->at_dev_minor == b->at_dev_minor &&
	    from < to + (int64_t)count && to < from + (int64_t)count;
}

static int32_t
copy_range_check(const struct copy_side *in, const struct copy_side *out, uint32_t count)
{
	const struct em_file *f = in->cs_file, *g = out->cs_file;

	if (f->f_kind == MX_KIND_DIR || g->f_kind == MX_KIND_DIR)
		return EM_E(EISDIR);
	if (f->f_kind != MX_KIND_FILE || g->f_kind != MX_KIND_FILE)
		return EM_E(EINVAL);
	if (!em_file_is_readable(f) || !em_file_is_writable(g) || em_file_flags(g) & MX_O_APPEND)
		return EM_E(EBADF);
	return copy_overlaps(in, out, count) ? EM_E(EINVAL) : 0;
}

int32_t
sys_copy_file_range(uint32_t infd, uint32_t inoff, uint32_t outfd, uint32_t outoff, uint32_t count, uint32_t flags)
{
	struct copy_side in, out;
	int32_t result, err;

	if (flags != 0)
		return EM_E(EINVAL);
	count = em_min(count, EM_RW_MAX);
	result = copy_side_get(&in, (int32_t)infd, inoff, 8);
	if (result < 0)
		return result;
	result = copy_side_get(&out, (int32_t)outfd, outoff, 8);
	if (result == 0) {
		result = copy_range_check(&in, &out, count);
		if (result == 0)
			result = copy_loop(&in, &out, count);
		em_file_release(out.cs_file);
	}
	em_file_release(in.cs_file);
	err = result > 0 ? copy_side_put(&in, inoff, 8) : 0;
	if (err == 0 && result > 0)
		err = copy_side_put(&out, outoff, 8);
	return err < 0 ? err : result;
}
