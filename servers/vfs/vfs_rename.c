/*
 * vfs_rename.c - rename: the one operation on two directories.
 *
 * The checks come in Linux's order, as programs see the first error only.
 *
 * Locks: rename_lock keeps the shape of the tree while a directory moves; under it both directories' vn_lock, in the order of
 * their addresses.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "vfs.h"

static struct mx_mutex rename_lock;

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
		return vfs_change_check(rn->rn_who, rn->rn_to.la_dir);
	return vfs_remove_check(rn->rn_who, rn->rn_to.la_dir, rn->rn_na2, is_dir);
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
	kr = vfs_remove_check(rn->rn_who, rn->rn_from.la_dir, rn->rn_na1, vfs_vnode_is_dir(vn1));
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
