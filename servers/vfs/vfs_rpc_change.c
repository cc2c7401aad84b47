/*
 * vfs_rpc_change.c - the routines of vfs.defs that change names, attributes and mounts: decode and check, then call the core.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "vfs_S.h"
#include "vfs_rpc.h"

#define MS_REMOUNT	32u
#define MNT_FORCE	1u
#define MNT_DETACH	2u
#define UMOUNT_NOFOLLOW	8u

static kern_return_t
vfs_root_check(const struct vfs_who *who)
{
	return who->wh_cred.cr_euid == 0 ? KERN_SUCCESS : MX_EPERM;
}

/* ---- Names and attributes ---- */

static kern_return_t
type_check(const struct vfs_who *wh, uint32_t mode)
{
	switch (mode & MX_S_IFMT) {
	case MX_S_IFREG:
	case MX_S_IFDIR:
	case MX_S_IFIFO:
	case MX_S_IFSOCK:
		return KERN_SUCCESS;
	case MX_S_IFCHR:
	case MX_S_IFBLK:
		return vfs_root_check(wh);
	default:
		return MX_EINVAL;
	}
}

kern_return_t
S_vfs_mknod(mx_object_ptr_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t path_len,
	uint32_t mode, uint32_t rdev_major, uint32_t rdev_minor)
{
	const struct vfs_who *wh = vfs_who_of(ctx);
	struct pfs_new what = { .nw_mode = mode, .nw_rdev_major = rdev_major, .nw_rdev_minor = rdev_minor };
	struct vfs_path pa;
	kern_return_t kr = vfs_path_decode(wh, who, dir, path, path_len, &pa);

	if (kr == KERN_SUCCESS)
		kr = type_check(wh, mode);
	if (kr != KERN_SUCCESS)
		return kr;
	what.nw_mode &= MX_S_IFMT | ((mode & MX_S_IFMT) == MX_S_IFDIR ? 01777u : 07777u);
	return vfs_done(vfs_op_make(wh, &pa, &what), dir);
}

kern_return_t
S_vfs_symlink(mx_object_ptr_t ctx, int32_t who, const mx_path_t target, mach_msg_type_number_t target_len,
	mach_port_t dir, const mx_path_t path, mach_msg_type_number_t path_len)
{
	const struct vfs_who *wh = vfs_who_of(ctx);
	struct pfs_new what = { .nw_mode = MX_S_IFLNK | 0777, .nw_target = target, .nw_target_len = target_len };
	struct vfs_path pa;
	kern_return_t kr = vfs_path_decode(wh, who, dir, path, path_len, &pa);

	if (kr != KERN_SUCCESS)
		return kr;
	if (target_len == 0)
		return MX_ENOENT;
	if (target_len >= MX_PATH_MAX)
		return MX_ENAMETOOLONG;
	if (memchr(target, '\0', target_len) != NULL)
		return MX_EINVAL;
	return vfs_done(vfs_op_make(wh, &pa, &what), dir);
}

kern_return_t
S_vfs_link(mx_object_ptr_t ctx, int32_t who, mach_port_t dir1, const mx_path_t path1, mach_msg_type_number_t path1_len,
	mach_port_t dir2, const mx_path_t path2, mach_msg_type_number_t path2_len, uint32_t flags)
{
	const struct vfs_who *wh = vfs_who_of(ctx);
	struct vfs_vnode *vn;
	struct vfs_path pa;
	kern_return_t kr = vfs_path_decode(wh, who, dir2, path2, path2_len, &pa);

	if (kr == KERN_SUCCESS)
		kr = vfs_target_find(wh, who, dir1, path1, path1_len, flags, (flags & MX_AT_SYMLINK_FOLLOW) != 0, NULL, &vn);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_op_link(wh, vn, &pa);
	vfs_vnode_release(vn);
	return vfs_done(vfs_done(kr, dir1), dir2);
}

kern_return_t
S_vfs_unlink(mx_object_ptr_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t path_len,
	uint32_t flags)
{
	const struct vfs_who *wh = vfs_who_of(ctx);
	struct vfs_path pa;
	kern_return_t kr = vfs_path_decode(wh, who, dir, path, path_len, &pa);

	if (kr != KERN_SUCCESS)
		return kr;
	if (flags & ~(uint32_t)MX_AT_REMOVEDIR)
		return MX_EINVAL;
	return vfs_done(vfs_op_unlink(wh, &pa, (flags & MX_AT_REMOVEDIR) != 0), dir);
}

kern_return_t
S_vfs_rename(mx_object_ptr_t ctx, int32_t who, mach_port_t dir1, const mx_path_t path1, mach_msg_type_number_t path1_len,
	mach_port_t dir2, const mx_path_t path2, mach_msg_type_number_t path2_len, uint32_t flags)
{
	const struct vfs_who *wh = vfs_who_of(ctx);
	struct vfs_path pa1, pa2;
	kern_return_t kr = vfs_path_decode(wh, who, dir1, path1, path1_len, &pa1);

	if (kr == KERN_SUCCESS)
		kr = vfs_path_decode(wh, who, dir2, path2, path2_len, &pa2);
	if (kr == KERN_SUCCESS)
		kr = vfs_op_rename(wh, &pa1, &pa2, flags);
	return vfs_done(vfs_done(kr, dir1), dir2);
}

kern_return_t
S_vfs_setattr(mx_object_ptr_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t path_len,
	uint32_t flags, mx_setattr_t set)
{
	const struct vfs_who *wh = vfs_who_of(ctx);
	struct vfs_vnode *vn;
	kern_return_t kr;

	kr = vfs_target_find(wh, who, dir, path, path_len, flags, !(flags & MX_AT_SYMLINK_NOFOLLOW), NULL, &vn);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_op_setattr(wh, vn, &set);
	vfs_vnode_release(vn);
	return vfs_done(kr, dir);
}

/* ---- Mounts ---- */

static kern_return_t
remount_do(struct vfs_name *on, uint32_t flags)
{
	struct vfs_mount *mn = on->na_vnode->vn_mount;
	kern_return_t kr;

	if (mn->mn_root != on || mn->mn_dead)
		return MX_EINVAL;
	kr = mn->mn_volume != NULL ? pfs_volume_remount(mn->mn_volume, flags, false) : vfs_remote_remount(mn, flags);
	if (kr == KERN_SUCCESS)
		mn->mn_flags = flags;
	return kr;
}

/* Mount a volume of another server on ON. */
static kern_return_t
remote_do(const struct vfs_who *wh, struct vfs_name *on, const struct pfs_mount_args *args, const char *type,
	size_t type_len, uint32_t flags)
{
	char name[32], source[VFS_SOURCE_MAX], disk[VFS_SOURCE_MAX];
	kern_return_t kr, walked;

	memcpy(name, type, type_len);
	name[type_len] = '\0';
	memcpy(source, args->ma_source, args->ma_source_len);
	source[args->ma_source_len] = '\0';
	kr = vfs_source_resolve(wh, source, flags, disk, sizeof(disk), &walked);
	if (kr == KERN_SUCCESS)
		kr = vfs_remote_mount(on, name, source, disk, flags, args->ma_options, args->ma_options_len, NULL);
	return kr == MX_ENOTBLK && walked != KERN_SUCCESS ? walked : kr;
}

static kern_return_t
mount_do(const struct vfs_who *wh, const struct vfs_path *pa, const struct pfs_mount_args *args, const char *type,
	size_t type_len, uint32_t flags)
{
	const struct pfs_ops *ops = pfs_type_find(type, type_len);
	struct vfs_name *on;
	kern_return_t kr = vfs_walk(wh, pa, VFS_FOLLOW, &on);

	if (kr != KERN_SUCCESS)
		return kr;
	if (flags & MS_REMOUNT)
		kr = remount_do(on, flags & PFS_FLAGS);
	else if (ops != NULL)
		kr = vfs_mount_local(on, ops, flags & PFS_FLAGS, args, NULL);
	else
		kr = remote_do(wh, on, args, type, type_len, flags & PFS_FLAGS);
	vfs_name_release(on);
	return kr;
}

kern_return_t
S_vfs_mount(mx_object_ptr_t ctx, int32_t who, const mx_path_t path, mach_msg_type_number_t path_len,
	const mx_path_t source, mach_msg_type_number_t source_len, const mx_name_t fstype,
	mach_msg_type_number_t fstype_len, uint32_t flags, const mx_blob_t options, mach_msg_type_number_t options_len)
{
	const struct vfs_who *wh = vfs_who_of(ctx);
	struct pfs_mount_args args = { source, source_len, options, options_len, 0 };
	struct vfs_path pa;
	kern_return_t kr = vfs_path_decode(wh, who, MACH_PORT_NULL, path, path_len, &pa);

	if (kr == KERN_SUCCESS)
		kr = vfs_root_check(wh);
	if (kr != KERN_SUCCESS)
		return kr;
	if (options_len > MX_BLOB_MAX || source_len > MX_PATH_MAX)
		return MX_EINVAL;
	if (fstype_len > 31 || source_len >= VFS_SOURCE_MAX || memchr(fstype, '\0', fstype_len) != NULL)
		return MX_ENODEV;
	if (fstype_len == 0 && !(flags & MS_REMOUNT))
		return MX_ENODEV;			/* bind and move mounts have no type */
	return mount_do(wh, &pa, &args, fstype, fstype_len, flags);
}

/* A volume of another server is stored and given up there first: only that server knows whether files of it are open. */
static kern_return_t
umount_do(struct vfs_name *na, bool lazy)
{
	struct vfs_mount *mn = na->na_vnode->vn_mount;
	kern_return_t kr = lazy ? KERN_SUCCESS : vfs_umount_check(na);

	if (kr == KERN_SUCCESS && !lazy && mn->mn_volume == NULL) {
		kr = vfs_remote_end(mn);
		lazy = true;			/* what comes to it now finds nothing there */
	}
	return kr == KERN_SUCCESS ? vfs_umount_name(na, lazy) : kr;
}

kern_return_t
S_vfs_umount(mx_object_ptr_t ctx, int32_t who, const mx_path_t path, mach_msg_type_number_t path_len, uint32_t flags)
{
	const struct vfs_who *wh = vfs_who_of(ctx);
	struct vfs_path pa;
	struct vfs_name *na;
	kern_return_t kr = vfs_path_decode(wh, who, MACH_PORT_NULL, path, path_len, &pa);

	if (kr == KERN_SUCCESS)
		kr = vfs_root_check(wh);
	if (kr == KERN_SUCCESS && (flags & ~(MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW)) != 0)
		kr = MX_EINVAL;				/* MNT_EXPIRE, too */
	if (kr == KERN_SUCCESS)
		kr = vfs_walk(wh, &pa, flags & UMOUNT_NOFOLLOW ? 0 : VFS_FOLLOW, &na);
	if (kr != KERN_SUCCESS)
		return kr;
	pfs_quiet_sweep(PFS_QUIET_ALL);			/* a file that was closed keeps nothing busy */
	kr = umount_do(na, (flags & MNT_DETACH) != 0 || na->na_vnode->vn_mount->mn_lost);
	vfs_name_release(na);
	return kr;
}

/* A mount that this ROUND has not come to yet; they may come and go meanwhile. */
static struct vfs_mount *
unsynced_find(uint32_t round)
{
	struct vfs_mount *mn;

	for (mn = vfs_mount_first; mn != NULL && mn->mn_round == round; mn = mn->mn_next)
		;
	return mn;
}

kern_return_t
S_vfs_sync(mx_object_ptr_t ctx)
{
	static uint32_t rounds;
	uint32_t round = ++rounds;
	struct vfs_mount *mn;
	struct vfs_name *root;

	(void)ctx;
	while ((mn = unsynced_find(round)) != NULL) {
		mn->mn_round = round;
		root = mn->mn_root;
		vfs_name_hold(root);			/* the mount stays, too */
		if (mn->mn_volume != NULL)
			(void)pfs_volume_sync(mn->mn_volume);	/* sync(2) reports nothing */
		else if (!mn->mn_lost && mn->mn_on_lost == NULL)
			(void)vfs_remote_sync(mn);
		vfs_name_release(root);
	}
	return KERN_SUCCESS;
}
