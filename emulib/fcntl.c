/*
 * fcntl.c - fcntl: descriptor and description flags, duplicates; locks are in lock.c.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include "fcntl_cmd.h"

#define SETFL_MASK	(MX_O_APPEND | MX_O_NONBLOCK | MX_O_NOATIME | MX_O_DIRECT)

static int32_t
fcntl_setfl(struct em_file *f, uint32_t flags)
{
	struct em_desc *d = f->f_desc;

	if (flags & MX_O_DIRECT && !(d->d_flags & MX_O_DIRECT))
		return EM_E(EINVAL);
	em_desc_lock(d);
	d->d_flags = (d->d_flags & ~(uint32_t)SETFL_MASK) | (flags & SETFL_MASK);
	em_desc_unlock(d);
	return 0;
}

static int32_t
fcntl_file(struct em_file *f, uint32_t cmd, uint32_t arg)
{
	switch (cmd) {
	case F_GETFL:
		return (int32_t)em_file_flags(f);
	case F_SETFL:
		return fcntl_setfl(f, arg);
	case F_GETLK: case F_SETLK: case F_SETLKW: case F_GETLK64: case F_SETLK64: case F_SETLKW64:
	case F_OFD_GETLK: case F_OFD_SETLK: case F_OFD_SETLKW:
		return em_lock_fcntl(f, cmd, arg);
	case F_SETPIPE_SZ: case F_GETPIPE_SZ:
		return em_pipe_size(f, cmd == F_SETPIPE_SZ, arg);
	case F_SETOWN:
		f->f_desc->d_owner = (int32_t)arg;
		return 0;
	case F_GETOWN:
		return f->f_desc->d_owner;
	case F_SETSIG:
		if (arg >= MX_NSIG)
			return EM_E(EINVAL);
		f->f_desc->d_signal = arg;
		return 0;
	case F_GETSIG:
		return (int32_t)f->f_desc->d_signal;
	default:
		return EM_E(EINVAL);
	}
}

/* Errors: -EBADF, -EINVAL, what locks answer */
int32_t
sys_fcntl64(uint32_t fd, uint32_t cmd, uint32_t arg, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_file *f;
	int32_t result;

	(void)d, (void)e, (void)x;
	switch (cmd) {
	case F_DUPFD: case F_DUPFD_CLOEXEC:
		return em_fd_dup((int32_t)fd, (int32_t)arg, cmd == F_DUPFD_CLOEXEC ? EM_FD_CLOEXEC : 0);
	case F_GETFD: case F_SETFD:
		return em_fd_flags((int32_t)fd, cmd == F_SETFD, arg);
	default:
		break;
	}
	f = em_fd_get((int32_t)fd);
	if (f == NULL)
		return EM_E(EBADF);
	if (em_file_flags(f) & MX_O_PATH && cmd != F_GETFL)
		result = EM_E(EBADF);
	else
		result = fcntl_file(f, cmd, arg);
	em_file_release(f);
	return result;
}

int32_t
sys_fcntl(uint32_t fd, uint32_t cmd, uint32_t arg, uint32_t d, uint32_t e, uint32_t x)
{
	if (cmd == F_GETLK64 || cmd == F_SETLK64 || cmd == F_SETLKW64)
		return EM_E(EINVAL);
	return sys_fcntl64(fd, cmd, arg, d, e, x);
}
