/*
 * vfs_xattr.c - extended attributes: who may see and change which.
 *
 * "user." is as the file's contents, of regular files and directories only (else anybody could fill a disk behind a device that all may
 * write); "trusted." is root's; "security." anybody may read. What the file system keeps is its own matter. Source: xattr(7).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "vfs_S.h"
#include "vfs_rpc.h"

#define HOW_ALL	(MX_XATTR_CREATE | MX_XATTR_REPLACE | MX_XATTR_REMOVE)

static bool
begins(const char *name, size_t len, const char *prefix)
{
	return len >= strlen(prefix) && memcmp(name, prefix, strlen(prefix)) == 0;
}

static bool
is_root(const struct vfs_who *who)
{
	return who->wh_cred.cr_euid == 0;
}

/* "user." of VN. */
static kern_return_t
user_check(const struct vfs_who *who, const struct vfs_vnode *vn, bool write)
{
	const struct mx_attr *at = vfs_vnode_facts(vn);
	uint32_t uid = who->wh_cred.cr_fsuid;

	if (vfs_vnode_type(vn) != MX_S_IFREG && !vfs_vnode_is_dir(vn))
		return write ? MX_EPERM : MX_ENODATA;
	if (write && vfs_vnode_is_dir(vn) && (at->at_mode & MX_S_ISVTX) && uid != 0 && uid != at->at_uid)
		return MX_EPERM;
	return vfs_perm(who, at, write ? VFS_W : VFS_R);
}

static kern_return_t
xattr_check(const struct vfs_who *who, const struct vfs_vnode *vn, const char *name, size_t len, bool write)
{
	if (begins(name, len, "security."))
		return write && !is_root(who) ? MX_EPERM : KERN_SUCCESS;
	if (begins(name, len, "system."))
		return KERN_SUCCESS;
	if (begins(name, len, "trusted."))
		return is_root(who) ? KERN_SUCCESS : write ? MX_EPERM : MX_ENODATA;
	if (begins(name, len, "user."))
		return user_check(who, vn, write);
	return vfs_perm(who, vfs_vnode_facts(vn), write ? VFS_W : VFS_R);
}

static kern_return_t
name_check(const char *name, mach_msg_type_number_t len)
{
	return len == 0 || len > MX_NAME_MAX || memchr(name, '\0', len) != NULL ? MX_ERANGE : KERN_SUCCESS;
}

static kern_return_t
target_find(mx_object_ptr_t ctx, int32_t who, mach_port_t dir, const char *path, mach_msg_type_number_t path_len, uint32_t flags,
	struct vfs_vnode **out)
{
	return vfs_target_find(vfs_who_of(ctx), who, dir, path, path_len, flags, !(flags & MX_AT_SYMLINK_NOFOLLOW), NULL, out);
}

kern_return_t
S_vfs_getxattr(mx_object_ptr_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t path_len,
	uint32_t flags, const mx_name_t name, mach_msg_type_number_t len, mx_data_t value, mach_msg_type_number_t *value_len)
{
	struct vfs_vnode *vn;
	size_t size = 0;
	kern_return_t kr = name_check(name, len);

	if (kr == KERN_SUCCESS)
		kr = target_find(ctx, who, dir, path, path_len, flags, &vn);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = xattr_check(vfs_who_of(ctx), vn, name, len, false);
	if (kr == KERN_SUCCESS)
		kr = vn->vn_node != NULL ? pfs_node_getxattr(vn->vn_node, name, len, value, &size) :
			vfs_remote_getxattr(vn, name, len, value, &size);
	*value_len = size;
	vfs_vnode_release(vn);
	return vfs_done(kr, dir);
}

kern_return_t
S_vfs_setxattr(mx_object_ptr_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t path_len,
	uint32_t flags, const mx_name_t name, mach_msg_type_number_t len, const mx_data_t value, mach_msg_type_number_t value_len,
	uint32_t how)
{
	struct vfs_vnode *vn;
	kern_return_t kr = name_check(name, len);

	if ((how & ~HOW_ALL) != 0 || value_len > MX_DATA_MAX)
		return MX_EINVAL;
	if (kr == KERN_SUCCESS)
		kr = target_find(ctx, who, dir, path, path_len, flags, &vn);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_is_readonly(vn) ? MX_EROFS : xattr_check(vfs_who_of(ctx), vn, name, len, true);
	if (kr == KERN_SUCCESS)
		kr = vn->vn_node != NULL ? pfs_node_setxattr(vn->vn_node, name, len, value, value_len, how) :
			vfs_remote_setxattr(vn, name, len, value, value_len, how);
	vfs_vnode_release(vn);
	return vfs_done(kr, dir);
}

/* Names that not everybody may see are taken out. */
static size_t
names_filter(char *names, size_t size)
{
	size_t at, n, left = 0;

	for (at = 0; at < size; at += n) {
		n = strnlen(names + at, size - at);
		n += at + n < size;		/* its NUL */
		if (begins(names + at, n, "trusted."))
			continue;
		memmove(names + left, names + at, n);
		left += n;
	}
	return left;
}

kern_return_t
S_vfs_listxattr(mx_object_ptr_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t path_len,
	uint32_t flags, mx_data_t names, mach_msg_type_number_t *names_len)
{
	struct vfs_vnode *vn;
	size_t size = 0;
	kern_return_t kr = target_find(ctx, who, dir, path, path_len, flags, &vn);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = vn->vn_node != NULL ? pfs_node_listxattr(vn->vn_node, names, &size) : vfs_remote_listxattr(vn, names, &size);
	if (kr == KERN_SUCCESS && !is_root(vfs_who_of(ctx)))
		size = names_filter(names, size);
	*names_len = size;
	vfs_vnode_release(vn);
	return vfs_done(kr, dir);
}
