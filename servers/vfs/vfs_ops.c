/*
 * vfs_ops.c - what can be done with names.
 *
 * Each operation resolves its paths, locks the directories it changes, checks permissions, lets the file system act, and then
 * makes the name cache say the same. The file system's act is the only thing that can fail after the checks.
 *
 * Locks: a directory's vn_lock is held over the file system's answer, so that names and cache change together.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "vfs.h"

bool
vfs_is_readonly(const struct vfs_vnode *vn)
{
	return (vn->vn_mount->mn_flags & PFS_RDONLY) != 0;
}

/* ---- Questions ---- */

/* WHO with its real ids for files, in REAL. */
static const struct vfs_who *
who_really(const struct vfs_who *who, struct vfs_who *real)
{
	*real = *who;
	real->wh_cred.cr_fsuid = who->wh_cred.cr_ruid;
	real->wh_cred.cr_fsgid = who->wh_cred.cr_rgid;
	return real;
}

static kern_return_t
access_check(const struct vfs_who *who, struct vfs_vnode *vn, uint32_t mode)
{
	kern_return_t kr = vfs_perm(who, vfs_vnode_facts(vn), mode);

	if (kr == KERN_SUCCESS && (mode & VFS_W) && vfs_is_readonly(vn) && (vfs_vnode_type(vn) == MX_S_IFREG || vfs_vnode_is_dir(vn)))
		kr = MX_EROFS;
	return kr;
}

kern_return_t
vfs_op_access_vnode(const struct vfs_who *who, struct vfs_vnode *vn, uint32_t mode, bool effective)
{
	struct vfs_who real;

	if (mode & ~7u)
		return MX_EINVAL;
	return access_check(effective ? who : who_really(who, &real), vn, mode);
}

kern_return_t
vfs_op_access(const struct vfs_who *who, const struct vfs_path *path, uint32_t mode, bool effective, unsigned int flags)
{
	struct vfs_who real;
	struct vfs_name *na;
	kern_return_t kr;

	if (!effective)
		who = who_really(who, &real);
	if (mode & ~7u)
		return MX_EINVAL;
	kr = vfs_walk(who, path, flags, &na);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = access_check(who, na->na_vnode, mode);
	vfs_name_release(na);
	return kr;
}

kern_return_t
vfs_op_readlink(const struct vfs_who *who, const struct vfs_path *path, char *buf, size_t size, size_t *len)
{
	struct vfs_name *na;
	kern_return_t kr = vfs_walk(who, path, VFS_EMPTY_OK, &na);

	if (kr != KERN_SUCCESS)
		return kr;
	if (vfs_vnode_type(na->na_vnode) != MX_S_IFLNK)
		kr = MX_EINVAL;
	else
		kr = vfs_node_readlink(na->na_vnode, path->pa_pid, buf, size, len);
	vfs_name_release(na);
	return kr;
}

/* ---- Making ---- */

/* May WHO change the names in DIR? */
kern_return_t
vfs_change_check(const struct vfs_who *who, const struct vfs_name *dir)
{
	if (vfs_is_readonly(dir->na_vnode))
		return MX_EROFS;
	return vfs_perm(who, vfs_vnode_facts(dir->na_vnode), VFS_W | VFS_X);
}

/* It is not known, and WHO may make it if it is not there; which its file system finds out, with one message instead of two. */
bool
vfs_is_unseen(const struct vfs_who *who, const struct vfs_last *last)
{
	const struct vfs_vnode *dir = last->la_dir->na_vnode;
	struct vfs_name *na;

	if (dir->vn_node != NULL || dir->vn_mount->mn_cache != MX_CACHE_FOREVER || last->la_slash ||
	    vfs_change_check(who, last->la_dir) != KERN_SUCCESS)
		return false;
	na = vfs_name_find(last->la_dir, last->la_name, last->la_len);
	if (na != NULL)
		vfs_name_release(na);
	return na == NULL;
}

/* Owner and group of something new in a directory with attributes AT. */
static void
new_owner(const struct vfs_who *who, const struct mx_attr *at, struct pfs_new *what)
{
	what->nw_uid = who->wh_cred.cr_fsuid;
	what->nw_gid = who->wh_cred.cr_fsgid;
	if ((at->at_mode & MX_S_ISGID) == 0)
		return;
	what->nw_gid = at->at_gid;
	if ((what->nw_mode & MX_S_IFMT) == MX_S_IFDIR)
		what->nw_mode |= MX_S_ISGID;
	else if ((what->nw_mode & 02010) == 02010 && what->nw_uid != 0 && !vfs_in_group(who, at->at_gid))
		what->nw_mode &= ~MX_S_ISGID;
}

/* Make WHAT at LAST, which was found not to exist. *OUT a reference. Locks: la_dir's vn_lock held */
kern_return_t
vfs_make_locked(const struct vfs_who *who, const struct vfs_last *last, struct pfs_new *what, struct vfs_name **out)
{
	struct vfs_vnode *dir = last->la_dir->na_vnode, *vn;
	kern_return_t kr;

	if (last->la_slash && (what->nw_mode & MX_S_IFMT) != MX_S_IFDIR)
		return MX_ENOENT;
	kr = vfs_change_check(who, last->la_dir);
	if (kr != KERN_SUCCESS)
		return kr;
	new_owner(who, vfs_vnode_facts(dir), what);
	kr = vfs_node_create(dir, last->la_name, last->la_len, what, &vn);
	if (kr != KERN_SUCCESS) {
		vfs_name_forget(last->la_dir, last->la_name, last->la_len);	/* it may be there all the same */
		return kr;
	}
	*out = vfs_name_enter(last->la_dir, last->la_name, last->la_len, vn);
	return *out != NULL ? KERN_SUCCESS : MX_ENOMEM;
}

/* Look LAST up and answer MX_EEXIST if it is there. Locks: la_dir's vn_lock held */
static kern_return_t
absent_check(const struct vfs_who *who, const struct vfs_last *last, int32_t pid)
{
	struct vfs_name *na;
	bool exists;
	kern_return_t kr = vfs_lookup_last(who, last, pid, &na);

	if (kr != KERN_SUCCESS)
		return kr;
	exists = na->na_vnode != NULL;
	vfs_name_release(na);
	return exists ? MX_EEXIST : KERN_SUCCESS;
}

kern_return_t
vfs_op_make(const struct vfs_who *who, const struct vfs_path *path, struct pfs_new *what)
{
	struct vfs_last last;
	struct vfs_name *na;
	kern_return_t kr = vfs_walk_parent(who, path, &last);

	if (kr != KERN_SUCCESS)
		return kr;
	if (last.la_dots) {
		kr = MX_EEXIST;
		goto out;
	}
	mx_mutex_lock(&last.la_dir->na_vnode->vn_lock);
	if (!vfs_is_unseen(who, &last))
		kr = absent_check(who, &last, path->pa_pid);
	if (kr == KERN_SUCCESS)
		kr = vfs_make_locked(who, &last, what, &na);
	mx_mutex_unlock(&last.la_dir->na_vnode->vn_lock);
	if (kr == KERN_SUCCESS)
		vfs_name_release(na);
out:
	vfs_last_release(&last);
	return kr;
}

/* Locks: la_dir's vn_lock held */
static kern_return_t
link_locked(const struct vfs_who *who, struct vfs_vnode *vn, const struct vfs_last *last, int32_t pid)
{
	struct vfs_name *na;
	kern_return_t kr = absent_check(who, last, pid);

	if (kr == KERN_SUCCESS && last->la_slash)
		kr = MX_ENOENT;
	if (kr == KERN_SUCCESS)
		kr = vfs_change_check(who, last->la_dir);
	if (kr == KERN_SUCCESS && vfs_vnode_is_dir(vn))
		kr = MX_EPERM;
	if (kr == KERN_SUCCESS)
		kr = vfs_node_link(last->la_dir->na_vnode, last->la_name, last->la_len, vn);
	if (kr != KERN_SUCCESS)
		return kr;
	vfs_vnode_hold(vn);
	vn->vn_attr_valid = false;
	na = vfs_name_enter(last->la_dir, last->la_name, last->la_len, vn);
	if (na != NULL)
		vfs_name_release(na);
	return KERN_SUCCESS;
}

kern_return_t
vfs_op_link(const struct vfs_who *who, struct vfs_vnode *vn, const struct vfs_path *path)
{
	struct vfs_last last;
	kern_return_t kr;

	kr = vfs_walk_parent(who, path, &last);
	if (kr != KERN_SUCCESS)
		return kr;
	if (last.la_dots) {
		kr = MX_EEXIST;
	} else if (last.la_dir->na_vnode->vn_mount != vn->vn_mount) {
		kr = MX_EXDEV;
	} else {
		mx_mutex_lock(&last.la_dir->na_vnode->vn_lock);
		kr = link_locked(who, vn, &last, path->pa_pid);
		mx_mutex_unlock(&last.la_dir->na_vnode->vn_lock);
	}
	vfs_last_release(&last);
	return kr;
}

/* ---- Removing ---- */

/* May WHO take the existing NA out of DIR, as a directory or not? */
kern_return_t
vfs_remove_check(const struct vfs_who *who, const struct vfs_name *dir, const struct vfs_name *na, bool rmdir)
{
	kern_return_t kr;

	if (na->na_vnode == NULL)
		return MX_ENOENT;
	kr = vfs_change_check(who, dir);
	if (kr == KERN_SUCCESS)
		kr = vfs_perm_sticky(who, vfs_vnode_facts(dir->na_vnode), vfs_vnode_facts(na->na_vnode));
	if (kr != KERN_SUCCESS)
		return kr;
	if (vfs_vnode_is_dir(na->na_vnode) != rmdir)
		return rmdir ? MX_ENOTDIR : MX_EISDIR;
	return na->na_mounted != NULL ? MX_EBUSY : KERN_SUCCESS;
}

/* Locks: la_dir's vn_lock held */
static kern_return_t
unlink_locked(const struct vfs_who *who, const struct vfs_last *last, int32_t pid, bool rmdir)
{
	struct vfs_name *na;
	kern_return_t kr = vfs_lookup_last(who, last, pid, &na);

	if (kr != KERN_SUCCESS)
		return kr;
	if (last->la_slash && !rmdir && na->na_vnode != NULL)
		kr = vfs_vnode_is_dir(na->na_vnode) ? MX_EISDIR : MX_ENOTDIR;
	if (kr == KERN_SUCCESS)
		kr = vfs_remove_check(who, last->la_dir, na, rmdir);
	if (kr == KERN_SUCCESS)
		kr = vfs_node_unlink(last->la_dir->na_vnode, last->la_name, last->la_len, rmdir);
	if (kr == KERN_SUCCESS) {
		na->na_vnode->vn_attr_valid = false;
		vfs_name_remove(na);
	}
	vfs_name_release(na);
	return kr;
}

static kern_return_t
unlink_dots(const struct vfs_last *last, bool rmdir)
{
	if (!rmdir)
		return MX_EISDIR;
	if (last->la_name[0] == '/')
		return MX_EBUSY;
	return last->la_len == 1 ? MX_EINVAL : MX_ENOTEMPTY;
}

kern_return_t
vfs_op_unlink(const struct vfs_who *who, const struct vfs_path *path, bool rmdir)
{
	struct vfs_last last;
	kern_return_t kr = vfs_walk_parent(who, path, &last);

	if (kr != KERN_SUCCESS)
		return kr;
	if (last.la_dots) {
		kr = unlink_dots(&last, rmdir);
	} else {
		mx_mutex_lock(&last.la_dir->na_vnode->vn_lock);
		kr = unlink_locked(who, &last, path->pa_pid, rmdir);
		mx_mutex_unlock(&last.la_dir->na_vnode->vn_lock);
	}
	vfs_last_release(&last);
	return kr;
}

/* ---- Attributes ---- */

kern_return_t
vfs_op_setattr(const struct vfs_who *who, struct vfs_vnode *vn, struct mx_setattr *set)
{
	kern_return_t kr;

	if (vfs_is_readonly(vn))
		return MX_EROFS;
	if ((set->sa_valid & MX_SET_SIZE) && vfs_vnode_type(vn) != MX_S_IFREG)
		return vfs_vnode_is_dir(vn) ? MX_EISDIR : MX_EINVAL;
	if ((set->sa_valid & MX_SET_MODE) && vfs_vnode_type(vn) == MX_S_IFLNK)
		return MX_EOPNOTSUPP;
	kr = vfs_perm_setattr(who, vfs_vnode_facts(vn), set);
	return kr == KERN_SUCCESS ? vfs_node_setattr(vn, set) : kr;
}
