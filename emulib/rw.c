/*
 * rw.c - read, write, seek: the calls.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include "io.h"

#define SEEK_SET	0
#define SEEK_CUR	1
#define SEEK_END	2
#define SEEK_DATA	3
#define SEEK_HOLE	4
#define RWF_HIPRI	1u
#define RWF_DSYNC	2u
#define RWF_SYNC	4u

typedef int32_t rw_mover(struct em_file *f, struct em_uio *u, int64_t *pos);

static int32_t
rw_plain(uint32_t fd, uint32_t buf, uint32_t n, rw_mover *move)
{
	struct em_file *f = em_fd_get((int32_t)fd);
	struct em_segment seg;
	struct em_uio u;
	int32_t result;

	if (f == NULL)
		return EM_E(EBADF);
	em_uio_one(&u, &seg, buf, n);
	result = move(f, &u, NULL);
	em_file_release(f);
	return result;
}

static int32_t
rw_vector(uint32_t fd, uint32_t iov, uint32_t n, int64_t *pos, rw_mover *move)
{
	struct em_segment segs[EM_IOV_MAX];
	struct em_file *f = em_fd_get((int32_t)fd);
	struct em_uio u;
	int32_t result;

	if (f == NULL)
		return EM_E(EBADF);
	if (pos != NULL && (!f->f_is_seekable || em_file_flags(f) & MX_O_PATH))
		result = em_file_flags(f) & MX_O_PATH ? EM_E(EBADF) : EM_E(ESPIPE);
	else
		result = em_uio_vector(&u, segs, iov, n);
	if (result == 0)
		result = move(f, &u, pos);
	em_file_release(f);
	return result;
}

static int32_t
rw_at(uint32_t fd, uint32_t buf, uint32_t n, int64_t pos, rw_mover *move)
{
	struct em_file *f = em_fd_get_io((int32_t)fd);
	struct em_segment seg;
	struct em_uio u;
	int32_t result;

	if (pos < 0) {
		if (f != NULL)
			em_file_release(f);
		return EM_E(EINVAL);
	}
	if (f == NULL)
		return EM_E(EBADF);
	em_uio_one(&u, &seg, buf, n);
	result = f->f_is_seekable ? move(f, &u, &pos) : EM_E(ESPIPE);
	em_file_release(f);
	return result;
}

int32_t
sys_read(uint32_t fd, uint32_t buf, uint32_t n, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return rw_plain(fd, buf, n, em_file_read);
}

int32_t
sys_write(uint32_t fd, uint32_t buf, uint32_t n, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return rw_plain(fd, buf, n, em_file_write);
}

int32_t
sys_readv(uint32_t fd, uint32_t iov, uint32_t n, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return rw_vector(fd, iov, n, NULL, em_file_read);
}

int32_t
sys_writev(uint32_t fd, uint32_t iov, uint32_t n, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return rw_vector(fd, iov, n, NULL, em_file_write);
}

int32_t
sys_pread64(uint32_t fd, uint32_t buf, uint32_t n, uint32_t lo, uint32_t hi, uint32_t x)
{
	(void)x;
	return rw_at(fd, buf, n, (int64_t)em_u64(lo, hi), em_file_read);
}

int32_t
sys_pwrite64(uint32_t fd, uint32_t buf, uint32_t n, uint32_t lo, uint32_t hi, uint32_t x)
{
	(void)x;
	return rw_at(fd, buf, n, (int64_t)em_u64(lo, hi), em_file_write);
}

int32_t
sys_preadv(uint32_t fd, uint32_t iov, uint32_t n, uint32_t lo, uint32_t hi, uint32_t x)
{
	int64_t pos = (int64_t)em_u64(lo, hi);

	(void)x;
	return pos < 0 ? EM_E(EINVAL) : rw_vector(fd, iov, n, &pos, em_file_read);
}

int32_t
sys_pwritev(uint32_t fd, uint32_t iov, uint32_t n, uint32_t lo, uint32_t hi, uint32_t x)
{
	int64_t pos = (int64_t)em_u64(lo, hi);

	(void)x;
	return pos < 0 ? EM_E(EINVAL) : rw_vector(fd, iov, n, &pos, em_file_write);
}

/* Position -1: as readv. Flags but RWF_HIPRI are refused. */
int32_t
sys_preadv2(uint32_t fd, uint32_t iov, uint32_t n, uint32_t lo, uint32_t hi, uint32_t flags)
{
	if (flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC))
		return EM_E(EOPNOTSUPP);
	if ((lo & hi) == UINT32_MAX)
		return sys_readv(fd, iov, n, 0, 0, 0);
	return sys_preadv(fd, iov, n, lo, hi, 0);
}

int32_t
sys_pwritev2(uint32_t fd, uint32_t iov, uint32_t n, uint32_t lo, uint32_t hi, uint32_t flags)
{
	int32_t result, err;

	if (flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC))
		return EM_E(EOPNOTSUPP);
	if ((lo & hi) == UINT32_MAX)
		result = sys_writev(fd, iov, n, 0, 0, 0);
	else
		result = sys_pwritev(fd, iov, n, lo, hi, 0);
	if (result > 0 && flags & (RWF_DSYNC | RWF_SYNC)) {
		err = sys_fdatasync(fd, 0, 0, 0, 0, 0);
		if (err < 0)
			return err;
	}
	return result;
}

/* ---- Seeking ---- */

static int32_t
rw_size(struct em_file *f, uint64_t *size)
{
	struct mx_attr attr;
	mach_port_t port;
	int32_t err;

	if (em_lease_size(f, size))
		return 0;
	if (em_window_size(f, size) && !f->f_window.w_inode->in_is_lent)
		return 0;
	do {
		port = f->f_port;
		err = em_file_stat(f, &attr);
	} while (err == EM_E(EIO) && em_disk_again(f, port));
	*size = attr.at_size;
	return err;
}

/* Where WHENCE and OFFSET lead. Locks: the description's. */
static int32_t
rw_seek_target(struct em_file *f, int64_t offset, uint32_t whence, int64_t *target)
{
	uint64_t base = 0;
	int32_t err = 0;

	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		if (f->f_kind != MX_KIND_FILE)
			return EM_E(EINVAL);
		if (offset < 0)
			return EM_E(ENXIO);
		base = (uint64_t)offset;
		err = EM_IO(io_seek(f->f_port, whence, &base));
		*target = (int64_t)base;
		return err;
	}
	if (whence > SEEK_HOLE)
		return EM_E(EINVAL);
	if (whence == SEEK_CUR)
		base = f->f_desc->d_offset;
	else if (whence == SEEK_END)
		err = f->f_kind == MX_KIND_DIR ? EM_E(EINVAL) : rw_size(f, &base);
	if (err < 0)
		return err;
	if (__builtin_add_overflow((int64_t)base, offset, target))
		return EM_E(EOVERFLOW);
	return *target < 0 ? EM_E(EINVAL) : 0;
}

static int32_t
rw_seek(uint32_t fd, int64_t offset, uint32_t whence, int64_t *result)
{
	struct em_file *f = em_fd_get_io((int32_t)fd);
	int32_t err;

	if (f == NULL)
		return EM_E(EBADF);
	if (!f->f_is_seekable) {
		em_file_release(f);
		return EM_E(ESPIPE);
	}
	em_desc_lock(f->f_desc);
	if (f->f_class->c_flags & EM_CLASS_SERVER)
		err = rw_seek_target(f, offset, whence, result);
	else
		err = whence > SEEK_HOLE ? EM_E(EINVAL) : (int32_t)(*result = 0);	/* /dev/null and its like: always at 0 */
	if (err == 0)
		f->f_desc->d_offset = (uint64_t)*result;
	em_desc_unlock(f->f_desc);
	em_file_release(f);
	return err;
}

int32_t
sys_lseek(uint32_t fd, uint32_t offset, uint32_t whence, uint32_t d, uint32_t e, uint32_t x)
{
	int64_t result = 0;
	int32_t err = rw_seek(fd, (int32_t)offset, whence, &result);

	(void)d, (void)e, (void)x;
	if (err < 0)
		return err;
	return result > INT32_MAX ? EM_E(EOVERFLOW) : (int32_t)result;
}

int32_t
sys_llseek(uint32_t fd, uint32_t hi, uint32_t lo, uint32_t result_addr, uint32_t whence, uint32_t x)
{
	int64_t result = 0;
	int32_t err = rw_seek(fd, (int64_t)em_u64(lo, hi), whence, &result);

	(void)x;
	return err < 0 ? err : em_copyout(result_addr, &result, sizeof result);
}
