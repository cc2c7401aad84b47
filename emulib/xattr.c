/*
 * xattr.c - extended attributes.
 *
 * vfs says who may see or change which, and the file system keeps them; here their bytes come from and go to the program. At most
 * MX_DATA_MAX bytes of a value fit into a message: no file system here keeps more, so a larger value is ENOSPC.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include "vfs.h"

#define XATTR_SIZE_MAX	65536u

struct xattr_call {
	struct em_path	xc_path;
	uint32_t	xc_flags;	/* for vfs */
	uint32_t	xc_len;
	char		xc_name[MX_NAME_MAX + 1];
	char		xc_data[MX_DATA_MAX];
};

/* ---- Which file ---- */

static int32_t
xattr_path(struct xattr_call *xc, uint32_t path, bool follow)
{
	xc->xc_flags = follow ? 0 : MX_AT_SYMLINK_NOFOLLOW;
	return em_path_get_object(&xc->xc_path, MX_AT_FDCWD, path, xc->xc_flags);
}

static int32_t
xattr_fd(struct xattr_call *xc, uint32_t fd)
{
	struct em_path *p = &xc->xc_path;

	p->p_file = em_fd_get_io((int32_t)fd);
	if (p->p_file == NULL)
		return EM_E(EBADF);
	p->p_dir = p->p_file->f_port;
	p->p_flags = MX_AT_EMPTY_PATH;
	p->p_len = 0;
	xc->xc_flags = 0;
	return 0;
}

static int32_t
xattr_done(struct xattr_call *xc, int32_t result)
{
	em_path_done(&xc->xc_path);
	return result;
}

static bool
xattr_is_user(const struct xattr_call *xc)
{
	static const char user[] = "user.";
	uint32_t i = 0;

	while (i < sizeof user - 1 && i < xc->xc_len && xc->xc_name[i] == user[i])
		i++;
	return i == sizeof user - 1;
}

/* Descriptors of what is no file, as pipes and sockets, have no attributes: vfs does not know them. ERR is its answer, USER the one for
 * "user." of such. */
static int32_t
xattr_error(const struct xattr_call *xc, int32_t err, int32_t user)
{
	if (err != EM_E(EBADF) || xc->xc_path.p_flags == 0)
		return err;
	return xattr_is_user(xc) ? user : EM_E(EOPNOTSUPP);
}

/* A descriptor that no server knows at all: a path without a start would be the current directory's. */
static bool
xattr_is_none(const struct xattr_call *xc)
{
	return xc->xc_path.p_flags != 0 && xc->xc_path.p_dir == MACH_PORT_NULL;
}

/* ---- Arguments ---- */

static int32_t
xattr_name(struct xattr_call *xc, uint32_t name)
{
	int32_t n = em_copyin_str(xc->xc_name, name, sizeof xc->xc_name);

	if (n == EM_E(ENAMETOOLONG) || n == 0)
		return EM_E(ERANGE);
	xc->xc_len = (uint32_t)n;
	return n < 0 ? n : 0;
}

/* SIZE bytes at VALUE. Errors: -E2BIG, -EFAULT, -ENOSPC */
static int32_t
xattr_value(struct xattr_call *xc, uint32_t value, uint32_t size)
{
	uint32_t at, n;

	if (size > XATTR_SIZE_MAX)
		return EM_E(E2BIG);
	for (at = 0; at < size; at += n) {
		n = em_min(size - at, sizeof xc->xc_data);
		if (em_copyin(xc->xc_data, value + at, n) < 0)
			return EM_E(EFAULT);
	}
	return size > sizeof xc->xc_data ? EM_E(ENOSPC) : 0;
}

/* The N bytes that came, into SIZE bytes at BUF; 0: only how many. */
static int32_t
xattr_give(const struct xattr_call *xc, uint32_t n, uint32_t buf, uint32_t size)
{
	if (n > sizeof xc->xc_data)
		return EM_E(EIO);
	if (size == 0)
		return (int32_t)n;
	if (size < n)
		return EM_E(ERANGE);
	return n > 0 && em_copyout(buf, xc->xc_data, n) < 0 ? EM_E(EFAULT) : (int32_t)n;
}

/* ---- The calls ---- */

static int32_t
xattr_get(struct xattr_call *xc, uint32_t name, uint32_t value, uint32_t size)
{
	const struct em_path *p = &xc->xc_path;
	mach_msg_type_number_t n = sizeof xc->xc_data;
	int32_t err = xattr_name(xc, name);

	if (err < 0)
		return err;
	if (xattr_is_none(xc))
		return xattr_error(xc, EM_E(EBADF), EM_E(ENODATA));
	err = EM_VFS(vfs_getxattr(em_vfs(), em_proc()->p_pid, p->p_dir, p->p_name, p->p_len, xc->xc_flags | p->p_flags, xc->xc_name,
	    xc->xc_len, xc->xc_data, &n));
	return err < 0 ? xattr_error(xc, err, EM_E(ENODATA)) : xattr_give(xc, n, value, size);
}

static int32_t
xattr_list(struct xattr_call *xc, uint32_t list, uint32_t size)
{
	const struct em_path *p = &xc->xc_path;
	mach_msg_type_number_t n = sizeof xc->xc_data;
	int32_t err;

	if (xattr_is_none(xc))
		return 0;
	err = EM_VFS(vfs_listxattr(em_vfs(), em_proc()->p_pid, p->p_dir, p->p_name, p->p_len, xc->xc_flags | p->p_flags, xc->xc_data,
	    &n));
	if (err == EM_E(EBADF) && p->p_flags != 0)
		return 0;
	return err < 0 ? err : xattr_give(xc, n, list, size);
}

/* SIZE bytes of xc_data under xc_name. */
static int32_t
xattr_send(struct xattr_call *xc, uint32_t size, uint32_t how)
{
	const struct em_path *p = &xc->xc_path;
	int32_t err;

	if (xattr_is_none(xc))
		return xattr_error(xc, EM_E(EBADF), EM_E(EPERM));
	err = EM_VFS(vfs_setxattr(em_vfs(), em_proc()->p_pid, p->p_dir, p->p_name, p->p_len, xc->xc_flags | p->p_flags, xc->xc_name,
	    xc->xc_len, xc->xc_data, size, how));
	return err < 0 ? xattr_error(xc, err, EM_E(EPERM)) : 0;
}

static int32_t
xattr_set(struct xattr_call *xc, uint32_t name, uint32_t value, uint32_t size, uint32_t flags)
{
	int32_t err = flags & ~(MX_XATTR_CREATE | MX_XATTR_REPLACE) ? EM_E(EINVAL) : xattr_name(xc, name);

	if (err == 0)
		err = xattr_value(xc, value, size);
	return err < 0 ? err : xattr_send(xc, size, flags);
}

static int32_t
xattr_remove(struct xattr_call *xc, uint32_t name)
{
	int32_t err = xattr_name(xc, name);

	return err < 0 ? err : xattr_send(xc, 0, MX_XATTR_REMOVE);
}

int32_t
sys_setxattr(uint32_t file, uint32_t name, uint32_t value, uint32_t size, uint32_t flags, uint32_t x)
{
	struct xattr_call xc;
	int32_t err = xattr_path(&xc, file, true);

	(void)x;
	return err < 0 ? err : xattr_done(&xc, xattr_set(&xc, name, value, size, flags));
}

int32_t
sys_getxattr(uint32_t file, uint32_t name, uint32_t value, uint32_t size, uint32_t e, uint32_t x)
{
	struct xattr_call xc;
	int32_t err = xattr_path(&xc, file, true);

	(void)e, (void)x;
	return err < 0 ? err : xattr_done(&xc, xattr_get(&xc, name, value, size));
}

int32_t
sys_listxattr(uint32_t file, uint32_t list, uint32_t size, uint32_t d, uint32_t e, uint32_t x)
{
	struct xattr_call xc;
	int32_t err = xattr_path(&xc, file, true);

	(void)d, (void)e, (void)x;
	return err < 0 ? err : xattr_done(&xc, xattr_list(&xc, list, size));
}

int32_t
sys_removexattr(uint32_t file, uint32_t name, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct xattr_call xc;
	int32_t err = xattr_path(&xc, file, true);

	(void)c, (void)d, (void)e, (void)x;
	return err < 0 ? err : xattr_done(&xc, xattr_remove(&xc, name));
}

int32_t
sys_lsetxattr(uint32_t file, uint32_t name, uint32_t value, uint32_t size, uint32_t flags, uint32_t x)
{
	struct xattr_call xc;
	int32_t err = xattr_path(&xc, file, false);

	(void)x;
	return err < 0 ? err : xattr_done(&xc, xattr_set(&xc, name, value, size, flags));
}

int32_t
sys_lgetxattr(uint32_t file, uint32_t name, uint32_t value, uint32_t size, uint32_t e, uint32_t x)
{
	struct xattr_call xc;
	int32_t err = xattr_path(&xc, file, false);

	(void)e, (void)x;
	return err < 0 ? err : xattr_done(&xc, xattr_get(&xc, name, value, size));
}

int32_t
sys_llistxattr(uint32_t file, uint32_t list, uint32_t size, uint32_t d, uint32_t e, uint32_t x)
{
	struct xattr_call xc;
	int32_t err = xattr_path(&xc, file, false);

	(void)d, (void)e, (void)x;
	return err < 0 ? err : xattr_done(&xc, xattr_list(&xc, list, size));
}

int32_t
sys_lremovexattr(uint32_t file, uint32_t name, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct xattr_call xc;
	int32_t err = xattr_path(&xc, file, false);

	(void)c, (void)d, (void)e, (void)x;
	return err < 0 ? err : xattr_done(&xc, xattr_remove(&xc, name));
}

int32_t
sys_fsetxattr(uint32_t file, uint32_t name, uint32_t value, uint32_t size, uint32_t flags, uint32_t x)
{
	struct xattr_call xc;
	int32_t err = xattr_fd(&xc, file);

	(void)x;
	return err < 0 ? err : xattr_done(&xc, xattr_set(&xc, name, value, size, flags));
}

int32_t
sys_fgetxattr(uint32_t file, uint32_t name, uint32_t value, uint32_t size, uint32_t e, uint32_t x)
{
	struct xattr_call xc;
	int32_t err = xattr_fd(&xc, file);

	(void)e, (void)x;
	return err < 0 ? err : xattr_done(&xc, xattr_get(&xc, name, value, size));
}

int32_t
sys_flistxattr(uint32_t file, uint32_t list, uint32_t size, uint32_t d, uint32_t e, uint32_t x)
{
	struct xattr_call xc;
	int32_t err = xattr_fd(&xc, file);

	(void)d, (void)e, (void)x;
	return err < 0 ? err : xattr_done(&xc, xattr_list(&xc, list, size));
}

int32_t
sys_fremovexattr(uint32_t file, uint32_t name, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct xattr_call xc;
	int32_t err = xattr_fd(&xc, file);

	(void)c, (void)d, (void)e, (void)x;
	return err < 0 ? err : xattr_done(&xc, xattr_remove(&xc, name));
}
