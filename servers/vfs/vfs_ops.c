/*
 * vfs_ops.c - what can be done with names.
 *
 * Each operation resolves its paths, locks the directories it changes, checks permissions, lets the file system act, and then
 * makes the name cache say the same. The file system's act is the only thing that can fail after the checks.
 *
 * Locks: a directory's vn_lock is held over the file system's answer, so that names and cache change together. Two directories are
 * locked in the order of their addresses, under rename_lock, which also keeps the shape of the tree while a directory
 * moves.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "vfs.h"

#define LINKS_MAX	40

static struct mx_mutex rename_lock;

static bool
is_readonly(const struct vfs_vnode *vn)
{
	return (vn->vn_mount->mn_flags & PFS_RDONLY) != 0;
}

/* ---- Questions ---- */

kern_return_t
vfs_op_stat(const struct vfs_who *who, const struct vfs_path *path, unsigned int flags, struct mx_attr *out)
{
	struct vfs_name *na;
	kern_return_t kr = vfs_walk(who, path, flags, &na);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_vnode_attr(na->na_vnode, out);
	vfs_name_release(na);
	return kr;
}

kern_return_t
vfs_op_access(const struct vfs_who *who, const struct vfs_path *path, uint32_t mode, bool effective, unsigned int flags)
{
	struct vfs_who real;
	struct vfs_name *na;
	kern_return_t kr;

	if (!effective) {
		real = *who;
		real.wh_cred.cr_fsuid = who->wh_cred.cr_ruid;
		real.wh_cred.cr_fsgid = who->wh_cred.cr_rgid;
		who = &real;
	}
	if (mode & ~7u)
		return MX_EINVAL;
	kr = vfs_walk(who, path, flags, &na);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_perm(who, vfs_vnode_facts(na->na_vnode), mode);
	if (kr == KERN_SUCCESS && (mode & VFS_W) && is_readonly(na->na_vnode) &&
	    (vfs_vnode_type(na->na_vnode) == MX_S_IFREG || vfs_vnode_is_dir(na->na_vnode)))
		kr = MX_EROFS;
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
static kern_return_t
change_check(const struct vfs_who *who, const struct vfs_name *dir)
{
	if (is_readonly(dir->na_vnode))
		return MX_EROFS;
	return vfs_perm(who, vfs_vnode_facts(dir->na_vnode), VFS_W | VFS_X);
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
static kern_return_t
make_locked(const struct vfs_who *who, const struct vfs_last *last, struct pfs_new *what, struct vfs_name **out)
{
	struct vfs_vnode *dir = last->la_dir->na_vnode, *vn;
	kern_return_t kr;

	if (last->la_slash && (what->nw_mode & MX_S_IFMT) != MX_S_IFDIR)
		return MX_ENOENT;
	kr = change_check(who, last->la_dir);
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
	kr = absent_check(who, &last, path->pa_pid);
	if (kr == KERN_SUCCESS)
		kr = make_locked(who, &last, what, &na);
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
		kr = change_check(who, last->la_dir);
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
static kern_return_t
remove_check(const struct vfs_who *who, const struct vfs_name *dir, const struct vfs_name *na, bool rmdir)
{
	kern_return_t kr;

	if (na->na_vnode == NULL)
		return MX_ENOENT;
	kr = change_check(who, dir);
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
		kr = remove_check(who, last->la_dir, na, rmdir);
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

/* ---- Renaming ---- */

struct rename {
	const struct vfs_who *rn_who;
	struct vfs_last	rn_from, rn_to;
	struct vfs_name	*rn_na1, *rn_na2;	/* references; NA2 may be negative */
	int32_t		rn_pid;
	uint32_t	rn_flags;
};

#define NOREPLACE	1u
#define EXCHANGE	2u

/* Directories that move: not into themselves, and not over a directory that holds them. */
static kern_return_t
rename_loop_check(const struct rename *rn)
{
	if (vfs_name_is_below(rn->rn_to.la_dir, rn->rn_na1))
		return MX_EINVAL;
	if (rn->rn_na2->na_vnode != NULL && vfs_name_is_below(rn->rn_from.la_dir, rn->rn_na2))
		return rn->rn_flags & EXCHANGE ? MX_EINVAL : MX_ENOTEMPTY;
	return KERN_SUCCESS;
}

/* Moving a directory elsewhere changes its "..": that is a write to it. */
static kern_return_t
rename_dotdot_check(const struct rename *rn, const struct vfs_name *na)
{
	if (rn->rn_from.la_dir == rn->rn_to.la_dir || !vfs_vnode_is_dir(na->na_vnode))
		return KERN_SUCCESS;
	return vfs_perm(rn->rn_who, vfs_vnode_facts(na->na_vnode), VFS_W);
}

/* A slash behind a name says that it is a directory. */
static kern_return_t
rename_slash_check(const struct rename *rn)
{
	bool is_exchange = (rn->rn_flags & EXCHANGE) != 0;

	if (is_exchange && rn->rn_to.la_slash && !vfs_vnode_is_dir(rn->rn_na2->na_vnode))
		return MX_ENOTDIR;
	if (!vfs_vnode_is_dir(rn->rn_na1->na_vnode) &&
	    (rn->rn_from.la_slash || (rn->rn_to.la_slash && !is_exchange)))
		return MX_ENOTDIR;
	return KERN_SUCCESS;
}

/* What stands in the way of the new name? */
static kern_return_t
rename_target_check(const struct rename *rn)
{
	struct vfs_vnode *vn2 = rn->rn_na2->na_vnode;
	bool is_dir = vfs_vnode_is_dir((rn->rn_flags & EXCHANGE ? rn->rn_na2 : rn->rn_na1)->na_vnode);

	if (vn2 == NULL)
		return change_check(rn->rn_who, rn->rn_to.la_dir);
	return remove_check(rn->rn_who, rn->rn_to.la_dir, rn->rn_na2, is_dir);
}

/* The checks in the order of Linux. *NOTHING: both are one file already. */
static kern_return_t
rename_check(const struct rename *rn, bool *nothing)
{
	struct vfs_vnode *vn1 = rn->rn_na1->na_vnode, *vn2 = rn->rn_na2->na_vnode;
	kern_return_t kr;

	if (vn1 == NULL || (vn2 == NULL && (rn->rn_flags & EXCHANGE)))
		return MX_ENOENT;
	if (vn2 != NULL && (rn->rn_flags & NOREPLACE))
		return MX_EEXIST;
	kr = rename_slash_check(rn);
	if (kr == KERN_SUCCESS)
		kr = rename_loop_check(rn);
	*nothing = kr == KERN_SUCCESS && vn1 == vn2;
	if (kr != KERN_SUCCESS || *nothing)
		return kr;
	kr = remove_check(rn->rn_who, rn->rn_from.la_dir, rn->rn_na1, vfs_vnode_is_dir(vn1));
	if (kr == KERN_SUCCESS)
		kr = rename_target_check(rn);
	if (kr == KERN_SUCCESS)
		kr = rename_dotdot_check(rn, rn->rn_na1);
	if (kr == KERN_SUCCESS && (rn->rn_flags & EXCHANGE))
		kr = rename_dotdot_check(rn, rn->rn_na2);
	return kr;
}

static kern_return_t
rename_commit(struct rename *rn)
{
	struct vfs_vnode *vn2 = rn->rn_na2->na_vnode;
	kern_return_t kr;

	kr = vfs_node_rename(rn->rn_from.la_dir->na_vnode, rn->rn_from.la_name, rn->rn_from.la_len,
		rn->rn_to.la_dir->na_vnode, rn->rn_to.la_name, rn->rn_to.la_len, rn->rn_flags);
	if (kr != KERN_SUCCESS)
		return kr;
	rn->rn_na1->na_vnode->vn_attr_valid = false;
	if (vn2 != NULL)
		vn2->vn_attr_valid = false;
	if (rn->rn_flags & EXCHANGE)
		vfs_name_exchange(rn->rn_na1, rn->rn_na2);
	else
		(void)vfs_name_move(rn->rn_na1, rn->rn_to.la_dir, rn->rn_to.la_name, rn->rn_to.la_len);
	return KERN_SUCCESS;
}

/* Locks: both directories' vn_lock and rename_lock held */
static kern_return_t
rename_locked(struct rename *rn)
{
	bool nothing = false;
	kern_return_t kr = vfs_lookup_last(rn->rn_who, &rn->rn_from, rn->rn_pid, &rn->rn_na1);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_lookup_last(rn->rn_who, &rn->rn_to, rn->rn_pid, &rn->rn_na2);
	if (kr == KERN_SUCCESS) {
		kr = rename_check(rn, &nothing);
		if (kr == KERN_SUCCESS && !nothing)
			kr = rename_commit(rn);
		vfs_name_release(rn->rn_na2);
	}
	vfs_name_release(rn->rn_na1);
	return kr;
}

static void
lock_two(struct vfs_vnode *a, struct vfs_vnode *b)
{
	struct vfs_vnode *first = a < b ? a : b, *second = a < b ? b : a;

	mx_mutex_lock(&first->vn_lock);
	if (second != first)
		mx_mutex_lock(&second->vn_lock);
}

static void
unlock_two(struct vfs_vnode *a, struct vfs_vnode *b)
{
	mx_mutex_unlock(&a->vn_lock);
	if (a != b)
		mx_mutex_unlock(&b->vn_lock);
}

static kern_return_t
rename_parents(struct rename *rn)
{
	struct vfs_vnode *dir1 = rn->rn_from.la_dir->na_vnode, *dir2 = rn->rn_to.la_dir->na_vnode;
	kern_return_t kr;

	if (dir1->vn_mount != dir2->vn_mount)
		return MX_EXDEV;
	if (rn->rn_from.la_dots)
		return MX_EBUSY;
	if (rn->rn_to.la_dots)
		return rn->rn_flags & NOREPLACE ? MX_EEXIST : MX_EBUSY;
	mx_mutex_lock(&rename_lock);
	lock_two(dir1, dir2);
	kr = rename_locked(rn);
	unlock_two(dir1, dir2);
	mx_mutex_unlock(&rename_lock);
	return kr;
}

kern_return_t
vfs_op_rename(const struct vfs_who *who, const struct vfs_path *path1, const struct vfs_path *path2, uint32_t flags)
{
	struct rename rn = { .rn_who = who, .rn_pid = path1->pa_pid, .rn_flags = flags };
	kern_return_t kr;

	if ((flags & ~(NOREPLACE | EXCHANGE)) != 0 || flags == (NOREPLACE | EXCHANGE))
		return MX_EINVAL;
	kr = vfs_walk_parent(who, path1, &rn.rn_from);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_walk_parent(who, path2, &rn.rn_to);
	if (kr == KERN_SUCCESS) {
		kr = rename_parents(&rn);
		vfs_last_release(&rn.rn_to);
	}
	vfs_last_release(&rn.rn_from);
	return kr;
}

/* ---- Attributes ---- */

kern_return_t
vfs_op_setattr(const struct vfs_who *who, struct vfs_vnode *vn, struct mx_setattr *set)
{
	kern_return_t kr;

	if (is_readonly(vn))
		return MX_EROFS;
	if ((set->sa_valid & MX_SET_SIZE) && vfs_vnode_type(vn) != MX_S_IFREG)
		return vfs_vnode_is_dir(vn) ? MX_EISDIR : MX_EINVAL;
	if ((set->sa_valid & MX_SET_MODE) && vfs_vnode_type(vn) == MX_S_IFLNK)
		return MX_EOPNOTSUPP;
	kr = vfs_perm_setattr(who, vfs_vnode_facts(vn), set);
	return kr == KERN_SUCCESS ? vfs_node_setattr(vn, set) : kr;
}

/* ---- Opening ---- */

/* Locks: la_dir's vn_lock held */
static kern_return_t
open_last_locked(const struct vfs_who *who, const struct vfs_last *last, int32_t pid, uint32_t flags, uint32_t mode,
	struct vfs_name **out, bool *created)
{
	struct pfs_new what = { .nw_mode = MX_S_IFREG | (mode & 07777) };
	kern_return_t kr = vfs_lookup_last(who, last, pid, out);

	*created = false;
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
	return make_locked(who, last, &what, out);
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
	if ((want & VFS_W) && type == MX_S_IFREG && is_readonly(vn))
		return MX_EROFS;
	return KERN_SUCCESS;
}

static kern_return_t
open_check(const struct vfs_who *who, const struct vfs_vnode *vn, uint32_t flags, bool created)
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
	kr = open_check(who, (*out)->na_vnode, flags, *created);
	if (kr != KERN_SUCCESS)
		vfs_name_release(*out);
	return kr;
}
