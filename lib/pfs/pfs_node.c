/*
 * pfs_node.c - nodes: what is the same for every file system.
 *
 * The attributes of a node live in the node and are the truth while it is in use; a file system stores them when it likes. So a
 * vfs in the same task reads them without a call, and size and times have one owner whoever changes the file. Everything
 * here is pure C and is tested on the host.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/pfs.h>
#include <masix/server.h>
#include "pfs_lib.h"

#define NSEC	1000000000ull
#define DAY	86400

struct mx_changes *pfs_changes;

/* ---- Nodes ---- */

void
pfs_node_init(struct pfs_node *node, struct pfs_volume *vol, uint64_t ino, uint32_t mode)
{
	node->pn_volume = vol;
	node->pn_refs = 1;
	node->pn_attr.at_ino = ino;
	node->pn_attr.at_mode = mode;
	node->pn_attr.at_nlink = 1;
	node->pn_attr.at_blksize = 4096;
	node->pn_attr.at_dev_major = vol->pv_dev_major;
	node->pn_attr.at_dev_minor = vol->pv_dev_minor;
	pfs_node_touch(node, PFS_ATIME | PFS_MTIME | PFS_CTIME);
	node->pn_attr.at_btime = node->pn_attr.at_mtime;
	node->pn_attr.at_btime_ns = node->pn_attr.at_mtime_ns;
}

void
pfs_node_hold(struct pfs_node *node)
{
	node->pn_refs++;
}

void
pfs_node_release(struct pfs_node *node)
{
	mx_assert(node->pn_refs > 0);
	if (--node->pn_refs > 0)
		return;
	mx_assert(node->pn_locks.lk_first == NULL && node->pn_opens == 0);
	pfs_inode_detach(node);
	node->pn_volume->pv_ops->po_release(node);
}

bool
pfs_node_is_dir(const struct pfs_node *node)
{
	return (node->pn_attr.at_mode & MX_S_IFMT) == MX_S_IFDIR;
}

void
pfs_node_touch(struct pfs_node *node, unsigned int which)
{
	struct mx_attr *at = &node->pn_attr;
	uint64_t now = mx_real_ns();
	int64_t sec = (int64_t)(now / NSEC);
	uint32_t ns = (uint32_t)(now % NSEC);

	if (which & PFS_ATIME) {
		at->at_atime = sec;
		at->at_atime_ns = ns;
	}
	if (which & PFS_MTIME) {
		at->at_mtime = sec;
		at->at_mtime_ns = ns;
		at->at_generation++;
	}
	if (which & PFS_CTIME) {
		at->at_ctime = sec;
		at->at_ctime_ns = ns;
	}
	pfs_node_changed(node);
}

/* Who writes through memory tells later; meanwhile the times may have been set, which must last. A clock that was put back makes all
 * that lies ahead of it void. */
void
pfs_node_written(struct pfs_node *node, int64_t sec, uint32_t ns)
{
	struct mx_attr *at = &node->pn_attr;
	int64_t now = (int64_t)mx_real_ns(), changed = at->at_ctime * (int64_t)NSEC + at->at_ctime_ns, when = now;

	if (sec >= 0 && sec <= now / (int64_t)NSEC && ns < NSEC)
		when = sec * (int64_t)NSEC + ns;
	if (when > now)
		when = now;
	at->at_generation++;
	if (when > changed || changed > now) {
		at->at_mtime = at->at_ctime = when / (int64_t)NSEC;
		at->at_mtime_ns = at->at_ctime_ns = (uint32_t)(when % (int64_t)NSEC);
	}
	pfs_node_changed(node);
}

static bool
is_later(int64_t sec, uint32_t ns, int64_t than_sec, uint32_t than_ns)
{
	return sec > than_sec || (sec == than_sec && ns > than_ns);
}

/* As Linux's relatime: who reads sets the time only when it was not later than the last change, or is a day old. */
void
pfs_node_read_touch(struct pfs_node *node)
{
	const struct mx_attr *at = &node->pn_attr;
	uint32_t flags = node->pn_volume->pv_flags;

	if ((flags & (PFS_NOATIME | PFS_RDONLY)) || ((flags & PFS_NODIRATIME) && pfs_node_is_dir(node)))
		return;
	if (!(flags & PFS_STRICTATIME) && is_later(at->at_atime, at->at_atime_ns, at->at_mtime, at->at_mtime_ns) &&
	    is_later(at->at_atime, at->at_atime_ns, at->at_ctime, at->at_ctime_ns) &&
	    at->at_atime + DAY > (int64_t)(mx_real_ns() / NSEC))
		return;
	pfs_node_touch(node, PFS_ATIME);
}

bool
pfs_node_is_readonly(const struct pfs_node *node)
{
	return (node->pn_volume->pv_flags & PFS_RDONLY) != 0;
}

/* ---- Attributes ---- */

kern_return_t
pfs_node_getattr(struct pfs_node *node)
{
	const struct pfs_ops *ops = node->pn_volume->pv_ops;

	pfs_lease_look(node);
	return ops->po_getattr != NULL ? ops->po_getattr(node) : KERN_SUCCESS;
}

static void
setattr_times(struct mx_attr *at, const struct mx_setattr *set)
{
	if (set->sa_valid & MX_SET_ATIME) {
		at->at_atime = set->sa_atime;
		at->at_atime_ns = set->sa_atime_ns;
	}
	if (set->sa_valid & MX_SET_MTIME) {
		at->at_mtime = set->sa_mtime;
		at->at_mtime_ns = set->sa_mtime_ns;
	}
}

static kern_return_t
setattr_check(const struct pfs_node *node, const struct mx_setattr *set)
{
	if (pfs_node_is_readonly(node))
		return MX_EROFS;
	if ((set->sa_valid & MX_SET_ATIME) && set->sa_atime_ns >= NSEC)
		return MX_EINVAL;
	if ((set->sa_valid & MX_SET_MTIME) && set->sa_mtime_ns >= NSEC)
		return MX_EINVAL;
	return KERN_SUCCESS;
}

kern_return_t
pfs_node_setattr(struct pfs_node *node, const struct mx_setattr *set)
{
	const struct pfs_ops *ops = node->pn_volume->pv_ops;
	struct mx_attr *at = &node->pn_attr;
	unsigned int touch = PFS_CTIME;
	kern_return_t kr = setattr_check(node, set);

	if (kr != KERN_SUCCESS)
		return kr;
	if (set->sa_valid & MX_SET_SIZE) {
		kr = pfs_node_cut(node, set->sa_size);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	if (set->sa_valid & MX_SET_MODE)
		at->at_mode = (at->at_mode & MX_S_IFMT) | (set->sa_mode & 07777);
	if (set->sa_valid & MX_SET_UID)
		at->at_uid = set->sa_uid;
	if (set->sa_valid & MX_SET_GID)
		at->at_gid = set->sa_gid;
	if (set->sa_valid & MX_SET_ATIME_NOW)
		touch |= PFS_ATIME;
	if (set->sa_valid & MX_SET_MTIME_NOW)
		touch |= PFS_MTIME;
	pfs_node_touch(node, touch);
	setattr_times(at, set);
	pfs_node_changed(node);
	return ops->po_setattr != NULL ? ops->po_setattr(node, set) : KERN_SUCCESS;
}

void
pfs_node_setid_drop(struct pfs_node *node, uint32_t uid)
{
	const struct mx_attr *at = &node->pn_attr;
	uint32_t gone = MX_S_ISUID | ((at->at_mode & 010) != 0 ? MX_S_ISGID : 0);
	struct mx_setattr set = { .sa_valid = MX_SET_MODE };

	if (uid == 0 || (at->at_mode & gone) == 0)
		return;
	set.sa_mode = at->at_mode & 07777 & ~gone;
	(void)pfs_node_setattr(node, &set);	/* a read-only volume: then the write fails, too */
}

kern_return_t
pfs_node_readlink(struct pfs_node *node, int32_t who, char *buf, size_t size, size_t *len)
{
	const struct pfs_ops *ops = node->pn_volume->pv_ops;

	if ((node->pn_attr.at_mode & MX_S_IFMT) != MX_S_IFLNK || ops->po_readlink == NULL)
		return MX_EINVAL;
	return ops->po_readlink(node, who, buf, size, len);
}

/* ---- Contents ---- */

static kern_return_t
regular_check(const struct pfs_node *node)
{
	switch (node->pn_attr.at_mode & MX_S_IFMT) {
	case MX_S_IFREG:
		return KERN_SUCCESS;
	case MX_S_IFDIR:
		return MX_EISDIR;
	default:
		return MX_EINVAL;
	}
}

kern_return_t
pfs_node_read(struct pfs_node *node, uint64_t offset, void *buf, size_t count, size_t *done)
{
	const struct pfs_ops *ops = node->pn_volume->pv_ops;
	kern_return_t kr = regular_check(node);

	*done = 0;
	if (kr != KERN_SUCCESS)
		return kr;
	if (ops->po_read == NULL)
		return MX_EINVAL;
	pfs_node_read_touch(node);
	if (offset + count > node->pn_attr.at_size)
		pfs_lease_look(node);
	if (offset >= node->pn_attr.at_size)
		return KERN_SUCCESS;
	if (count > node->pn_attr.at_size - offset)
		count = (size_t)(node->pn_attr.at_size - offset);
	return ops->po_read(node, offset, buf, count, done);
}

kern_return_t
pfs_node_write(struct pfs_node *node, uint64_t offset, const void *buf, size_t count, size_t *done)
{
	const struct pfs_ops *ops = node->pn_volume->pv_ops;
	kern_return_t kr = regular_check(node);

	*done = 0;
	if (kr != KERN_SUCCESS)
		return kr;
	if (ops->po_write == NULL)
		return MX_EINVAL;
	if (offset + count < offset || offset + count > INT64_MAX)
		return MX_EFBIG;
	if (count == 0)
		return KERN_SUCCESS;
	if (offset + count > node->pn_attr.at_size)
		pfs_lease_end(node);
	kr = ops->po_write(node, offset, buf, count, done);
	if (*done > 0)
		pfs_node_touch(node, PFS_MTIME | PFS_CTIME);
	return *done > 0 ? KERN_SUCCESS : kr;
}

kern_return_t
pfs_node_fsync(struct pfs_node *node, bool data_only)
{
	const struct pfs_ops *ops = node->pn_volume->pv_ops;

	return ops->po_fsync != NULL ? ops->po_fsync(node, data_only) : KERN_SUCCESS;
}

kern_return_t
pfs_node_truncate(struct pfs_node *node, uint64_t size)
{
	const struct pfs_ops *ops = node->pn_volume->pv_ops;
	kern_return_t kr = regular_check(node);

	if (kr != KERN_SUCCESS)
		return kr;
	if (pfs_node_is_readonly(node))
		return MX_EROFS;
	if (ops->po_text != NULL)
		return ops->po_text_write != NULL ? KERN_SUCCESS : MX_EACCES;
	if (ops->po_truncate == NULL)
		return MX_EINVAL;
	if (size > INT64_MAX)
		return MX_EFBIG;
	mx_mutex_lock(&node->pn_growing);
	pfs_lease_end(node);
	kr = ops->po_truncate(node, size);
	mx_mutex_unlock(&node->pn_growing);
	if (kr == KERN_SUCCESS)
		pfs_node_touch(node, PFS_MTIME | PFS_CTIME);
	return kr;
}

kern_return_t
pfs_node_cut(struct pfs_node *node, uint64_t size)
{
	kern_return_t kr = pfs_claim_check(node, false);

	if (kr != KERN_SUCCESS)
		return kr;
	node->pn_cuts++;
	kr = pfs_node_truncate(node, size);
	node->pn_cuts--;
	return kr;
}
