/*
 * vfs_create.c - what open(2) opens: found, or made; and whether the caller may.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include "vfs.h"

#define LINKS_MAX	40

/* Locks: la_dir's vn_lock held */
static kern_return_t
open_last_locked(const struct vfs_who *who, const struct vfs_last *last, int32_t pid, uint32_t flags, uint32_t mode,
	struct vfs_name **out, bool *created)
{
	struct pfs_new what = { .nw_mode = MX_S_IFREG | (mode & 07777) };
	kern_return_t kr;

	*created = (flags & MX_O_EXCL) != 0 && vfs_is_unseen(who, last);
	if (*created)
		return vfs_make_locked(who, last, &what, out);
	kr = vfs_lookup_last(who, last, pid, out);
	if (kr != KERN_SUCCESS)
		return kr;
	if ((*out)->na_vnode != NULL) {
		if ((flags & MX_O_EXCL) == 0)
			return KERN_SUCCESS;
		vfs_name_release(*out);
		return MX_EEXIST;
	}
	vfs_name_release(*out);
	*created = true;
	return vfs_make_locked(who, last, &what, out);
}

static kern_return_t
open_last(const struct vfs_who *who, const struct vfs_last *last, int32_t pid, uint32_t flags, uint32_t mode,
	struct vfs_name **out, bool *created)
{
	kern_return_t kr;

	if (last->la_dots)
		return flags & MX_O_EXCL ? MX_EEXIST : MX_EISDIR;
	if (last->la_slash)
		return MX_EISDIR;
	if (!vfs_vnode_is_dir(last->la_dir->na_vnode))
		return MX_ENOTDIR;
	mx_mutex_lock(&last->la_dir->na_vnode->vn_lock);
	kr = open_last_locked(who, last, pid, flags, mode, out, created);
	mx_mutex_unlock(&last->la_dir->na_vnode->vn_lock);
	return kr;
}

/* open() with O_CREAT: the last component may be a link to something that does not exist. */
static kern_return_t
open_create(const struct vfs_who *who, const struct vfs_path *path, uint32_t flags, uint32_t mode, struct vfs_name **out,
	bool *created)
{
	struct vfs_path at = *path;
	struct vfs_last last;
	char *target = NULL;
	unsigned int links;
	kern_return_t kr = MX_ELOOP;

	for (links = 0; links <= LINKS_MAX; links++) {
		struct vfs_last before = last;
		size_t len;

		kr = vfs_walk_parent(who, &at, &last);
		if (links > 0)
			vfs_last_release(&before);
		if (kr != KERN_SUCCESS)
			break;
		kr = open_last(who, &last, path->pa_pid, flags, mode, out, created);
		if (kr != KERN_SUCCESS || vfs_vnode_type((*out)->na_vnode) != MX_S_IFLNK || (flags & MX_O_NOFOLLOW)) {
			vfs_last_release(&last);
			break;
		}
		if (target == NULL)
			target = malloc(MX_PATH_MAX);
		kr = target != NULL ? vfs_node_readlink((*out)->na_vnode, path->pa_pid, target, MX_PATH_MAX - 1, &len) :
			MX_ENOMEM;
		vfs_name_release(*out);
		if (kr != KERN_SUCCESS) {
			vfs_last_release(&last);
			break;
		}
		at.pa_start = last.la_dir;
		at.pa_path = target;
		at.pa_len = len;
		kr = MX_ELOOP;
	}
	if (links > LINKS_MAX)
		vfs_last_release(&last);
	free(target);
	return kr;
}

/* Access that FLAGS ask for. */
static unsigned int
open_want(uint32_t flags)
{
	static const unsigned int want[4] = { VFS_R, VFS_W, VFS_R | VFS_W, VFS_R | VFS_W };

	if (flags & MX_OPEN_EXEC)
		return VFS_X;
	return want[flags & MX_O_ACCMODE] | (flags & MX_O_TRUNC ? VFS_W : 0);
}

static kern_return_t
open_type_check(const struct vfs_vnode *vn, uint32_t flags, unsigned int want)
{
	uint32_t type = vfs_vnode_type(vn);

	if ((flags & MX_O_DIRECTORY) && type != MX_S_IFDIR)
		return MX_ENOTDIR;
	if (flags & MX_O_PATH)
		return KERN_SUCCESS;
	if (type == MX_S_IFLNK)
		return MX_ELOOP;
	if (type == MX_S_IFSOCK)
		return MX_ENXIO;
	if (type == MX_S_IFDIR && ((want & VFS_W) || (flags & (MX_O_CREAT))))
		return MX_EISDIR;
	if (flags & MX_OPEN_EXEC)
		return type != MX_S_IFREG || (vn->vn_mount->mn_flags & PFS_NOEXEC) ? MX_EACCES : KERN_SUCCESS;
	if ((type == MX_S_IFCHR || type == MX_S_IFBLK) && (vn->vn_mount->mn_flags & PFS_NODEV))
		return MX_EACCES;
	if ((flags & MX_O_DIRECT) && type != MX_S_IFREG && type != MX_S_IFBLK)
		return MX_EINVAL;
	if ((want & VFS_W) && type == MX_S_IFREG && vfs_is_readonly(vn))
		return MX_EROFS;
	return KERN_SUCCESS;
}

kern_return_t
vfs_open_check(const struct vfs_who *who, const struct vfs_vnode *vn, uint32_t flags, bool created)
{
	unsigned int want = open_want(flags);
	uint32_t uid = who->wh_cred.cr_fsuid;
	kern_return_t kr = open_type_check(vn, flags, want);

	if (kr != KERN_SUCCESS || created || (flags & MX_O_PATH))
		return kr;
	if ((flags & MX_O_NOATIME) && uid != 0 && uid != vfs_vnode_facts(vn)->at_uid)
		return MX_EPERM;
	return vfs_perm(who, vfs_vnode_facts(vn), want);
}

kern_return_t
vfs_op_open(const struct vfs_who *who, const struct vfs_path *path, uint32_t flags, uint32_t mode, struct vfs_name **out,
	bool *created)
{
	unsigned int follow = flags & MX_O_NOFOLLOW ? 0 : VFS_FOLLOW;
	kern_return_t kr;

	*created = false;
	if ((flags & MX_O_TMPFILE) == MX_O_TMPFILE)
		return MX_EOPNOTSUPP;
	if (flags & MX_O_PATH)
		flags &= MX_O_PATH | MX_O_DIRECTORY | MX_O_NOFOLLOW;
	if ((flags & MX_O_CREAT) && (flags & MX_O_DIRECTORY))
		return MX_EINVAL;
	if ((flags & (MX_O_CREAT | MX_O_EXCL)) == (MX_O_CREAT | MX_O_EXCL))
		flags |= MX_O_NOFOLLOW;
	if (flags & MX_O_CREAT)
		kr = open_create(who, path, flags, mode, out, created);
	else
		kr = vfs_walk(who, path, follow, out);
	if (kr != KERN_SUCCESS)
		return kr;
	vfs_cross(out);
	kr = vfs_open_check(who, (*out)->na_vnode, flags, *created);
	if (kr != KERN_SUCCESS)
		vfs_name_release(*out);
	return kr;
}
