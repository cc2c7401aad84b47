/*
 * xattr.c - extended attributes: no file has any, and none can be set.
 *
 * That is what a file system without them answers on Linux, after it looked whether the file is there: listing gives nothing,
 * reading gives ENODATA, writing EOPNOTSUPP.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include "vfs.h"

#define XATTR_CREATE_REPLACE 3u

/* Is there such a file? */
static int32_t
xattr_path(uint32_t path, bool follow)
{
	uint32_t flags = follow ? 0 : MX_AT_SYMLINK_NOFOLLOW;
	struct mx_attr at;
	mx_stamp_t stamp;
	struct em_path p;
	int32_t err = em_path_get_object(&p, MX_AT_FDCWD, path, flags);

	if (err < 0)
		return err;
	if (p.p_flags == 0)
		err = EM_VFS(vfs_stat(em_vfs(), em_proc()->p_pid, p.p_dir, p.p_name, p.p_len, flags, &at, &stamp));
	em_path_done(&p);
	return err;
}

static int32_t
xattr_fd(uint32_t fd)
{
	struct em_file *f = em_fd_get_io((int32_t)fd);

	if (f == NULL)
		return EM_E(EBADF);
	em_file_release(f);
	return 0;
}

/* The attribute's name must be a readable one. Errors: -EFAULT, -ERANGE */
static int32_t
xattr_name(uint32_t name)
{
	char text[MX_NAME_MAX + 1];
	int32_t n = em_copyin_str(text, name, sizeof text);

	return n == EM_E(ENAMETOOLONG) || n == 0 ? EM_E(ERANGE) : n < 0 ? n : 0;
}

static int32_t
xattr_get(int32_t err, uint32_t name)
{
	if (err == 0)
		err = xattr_name(name);
	return err < 0 ? err : EM_E(ENODATA);
}

static int32_t
xattr_set(int32_t err, uint32_t name, uint32_t flags)
{
	if (flags & ~XATTR_CREATE_REPLACE)
		return EM_E(EINVAL);
	if (err == 0)
		err = xattr_name(name);
	return err < 0 ? err : EM_E(EOPNOTSUPP);
}

int32_t
sys_setxattr(uint32_t file, uint32_t name, uint32_t value, uint32_t size, uint32_t flags, uint32_t x)
{
	(void)value, (void)size, (void)x;
	return xattr_set(xattr_path(file, true), name, flags);
}

int32_t
sys_getxattr(uint32_t file, uint32_t name, uint32_t value, uint32_t size, uint32_t e, uint32_t x)
{
	(void)value, (void)size, (void)e, (void)x;
	return xattr_get(xattr_path(file, true), name);
}

int32_t
sys_listxattr(uint32_t file, uint32_t list, uint32_t size, uint32_t d, uint32_t e, uint32_t x)
{
	(void)list, (void)size, (void)d, (void)e, (void)x;
	return xattr_path(file, true);
}

int32_t
sys_removexattr(uint32_t file, uint32_t name, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return xattr_set(xattr_path(file, true), name, 0);
}

int32_t
sys_lsetxattr(uint32_t file, uint32_t name, uint32_t value, uint32_t size, uint32_t flags, uint32_t x)
{
	(void)value, (void)size, (void)x;
	return xattr_set(xattr_path(file, false), name, flags);
}

int32_t
sys_lgetxattr(uint32_t file, uint32_t name, uint32_t value, uint32_t size, uint32_t e, uint32_t x)
{
	(void)value, (void)size, (void)e, (void)x;
	return xattr_get(xattr_path(file, false), name);
}

int32_t
sys_llistxattr(uint32_t file, uint32_t list, uint32_t size, uint32_t d, uint32_t e, uint32_t x)
{
	(void)list, (void)size, (void)d, (void)e, (void)x;
	return xattr_path(file, false);
}

int32_t
sys_lremovexattr(uint32_t file, uint32_t name, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return xattr_set(xattr_path(file, false), name, 0);
}

int32_t
sys_fsetxattr(uint32_t file, uint32_t name, uint32_t value, uint32_t size, uint32_t flags, uint32_t x)
{
	(void)value, (void)size, (void)x;
	return xattr_set(xattr_fd(file), name, flags);
}

int32_t
sys_fgetxattr(uint32_t file, uint32_t name, uint32_t value, uint32_t size, uint32_t e, uint32_t x)
{
	(void)value, (void)size, (void)e, (void)x;
	return xattr_get(xattr_fd(file), name);
}

int32_t
sys_flistxattr(uint32_t file, uint32_t list, uint32_t size, uint32_t d, uint32_t e, uint32_t x)
{
	(void)list, (void)size, (void)d, (void)e, (void)x;
	return xattr_fd(file);
}

int32_t
sys_fremovexattr(uint32_t file, uint32_t name, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return xattr_set(xattr_fd(file), name, 0);
}
