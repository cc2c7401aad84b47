/*
 * vfs_perm.c - who may do what: the rules of Unix permissions.
 *
 * Only here are modes and ids compared. Pure functions of attributes and credentials.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "vfs.h"

bool
vfs_in_group(const struct vfs_who *who, uint32_t gid)
{
	uint32_t i;

	if (gid == who->wh_cred.cr_fsgid)
		return true;
	for (i = 0; i < who->wh_ngroups; i++)
		if (who->wh_groups[i] == gid)
			return true;
	return false;
}

kern_return_t
vfs_perm(const struct vfs_who *who, const struct mx_attr *at, unsigned int want)
{
	bool is_dir = (at->at_mode & MX_S_IFMT) == MX_S_IFDIR;
	uint32_t bits = at->at_mode;

	if (who->wh_cred.cr_fsuid == 0)		/* all but the execution of what nobody can execute */
		return (want & VFS_X) == 0 || is_dir || (bits & 0111) != 0 ? KERN_SUCCESS : MX_EACCES;
	if (who->wh_cred.cr_fsuid == at->at_uid)
		bits >>= 6;
	else if (vfs_in_group(who, at->at_gid))
		bits >>= 3;
	return (want & ~bits & 7) == 0 ? KERN_SUCCESS : MX_EACCES;
}

kern_return_t
vfs_perm_sticky(const struct vfs_who *who, const struct mx_attr *dir, const struct mx_attr *at)
{
	uint32_t uid = who->wh_cred.cr_fsuid;

	if ((dir->at_mode & MX_S_ISVTX) == 0 || uid == 0 || uid == dir->at_uid || uid == at->at_uid)
		return KERN_SUCCESS;
	return MX_EPERM;
}

static kern_return_t
setattr_ids(const struct vfs_who *who, const struct mx_attr *at, struct mx_setattr *set)
{
	uint32_t uid = who->wh_cred.cr_fsuid;
	bool is_owner = uid == at->at_uid;

	if ((set->sa_valid & (MX_SET_UID | MX_SET_GID)) == 0)
		return KERN_SUCCESS;
	if (uid != 0) {
		if ((set->sa_valid & MX_SET_UID) && (!is_owner || set->sa_uid != at->at_uid))
			return MX_EPERM;
		if ((set->sa_valid & MX_SET_GID) && (!is_owner ||
		    (set->sa_gid != at->at_gid && !vfs_in_group(who, set->sa_gid))))
			return MX_EPERM;
	}
	/* A program must not keep its owner's power when it changes hands. */
	if ((at->at_mode & MX_S_IFMT) != MX_S_IFDIR && (set->sa_valid & MX_SET_MODE) == 0 &&
	    (at->at_mode & (MX_S_ISUID | MX_S_ISGID)) != 0) {
		bool is_sgid = (at->at_mode & 010) != 0 || (uid != 0 && !vfs_in_group(who, at->at_gid));
		uint32_t gone = MX_S_ISUID | (is_sgid ? MX_S_ISGID : 0);

		set->sa_valid |= MX_SET_MODE;
		set->sa_mode = at->at_mode & 07777 & ~gone;
	}
	return KERN_SUCCESS;
}

static kern_return_t
setattr_times(const struct vfs_who *who, const struct mx_attr *at, const struct mx_setattr *set)
{
	uint32_t uid = who->wh_cred.cr_fsuid;

	if (uid == 0 || uid == at->at_uid)
		return KERN_SUCCESS;
	if (set->sa_valid & (MX_SET_ATIME | MX_SET_MTIME))
		return MX_EPERM;
	return set->sa_valid & (MX_SET_ATIME_NOW | MX_SET_MTIME_NOW) ? vfs_perm(who, at, VFS_W) : KERN_SUCCESS;
}

kern_return_t
vfs_perm_setattr(const struct vfs_who *who, const struct mx_attr *at, struct mx_setattr *set)
{
	uint32_t uid = who->wh_cred.cr_fsuid;
	kern_return_t kr;

	if (set->sa_valid & MX_SET_MODE) {
		if (uid != 0 && uid != at->at_uid)
			return MX_EPERM;
		if (uid != 0 && !vfs_in_group(who, at->at_gid))
			set->sa_mode &= ~MX_S_ISGID;
	}
	kr = setattr_ids(who, at, set);
	if (kr == KERN_SUCCESS)
		kr = setattr_times(who, at, set);
	if (kr == KERN_SUCCESS && (set->sa_valid & MX_SET_SIZE))
		kr = vfs_perm(who, at, VFS_W);
	return kr;
}
