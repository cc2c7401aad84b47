/*
 * pfs_node.c - nodes and volumes: what is the same for every file system.
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
	if (which & PFS_MTIME)
		pfs_node_changed(node);
}

/* As Linux's relatime: who reads sets the time only when it was not later than the last change, or is a day old. */
static void
node_read_touch(struct pfs_node *node)
{
	struct mx_attr *at = &node->pn_attr;

	if (at->at_atime > at->at_mtime && at->at_atime > at->at_ctime &&
	    at->at_atime + DAY > (int64_t)(mx_real_ns() / NSEC))
		return;
	pfs_node_touch(node, PFS_ATIME);
}

static bool
node_is_readonly(const struct pfs_node *node)
{
	return (node->pn_volume->pv_flags & PFS_RDONLY) != 0;
}

/* ---- Volumes ---- */

uint32_t
pfs_device_number(void)
{
	static uint32_t last;

	return ++last;
}

bool
pfs_option_get(const struct pfs_mount_args *args, const char *key, char *value, size_t size)
{
	const char *p = args->ma_options, *end = p + args->ma_options_len, *comma;
	size_t klen = strlen(key), n;

	for (; p < end; p = comma + 1) {
		comma = memchr(p, ',', (size_t)(end - p));
		if (comma == NULL)
			comma = end;
		n = (size_t)(comma - p);
		if (n <= klen || memcmp(p, key, klen) != 0 || p[klen] != '=' || n - klen - 1 >= size)
			continue;
		memcpy(value, p + klen + 1, n - klen - 1);
		value[n - klen - 1] = '\0';
		return true;
	}
	return false;
}

kern_return_t
pfs_volume_mount(const struct pfs_ops *ops, uint32_t flags, const struct pfs_mount_args *args, struct pfs_volume **out)
{
	struct pfs_volume *vol = calloc(1, sizeof(*vol));
	kern_return_t kr;

	if (vol == NULL)
		return MX_ENOMEM;
	vol->pv_ops = ops;
	vol->pv_flags = flags;
	vol->pv_dev_minor = args->ma_dev_minor != 0 ? args->ma_dev_minor : pfs_device_number();
	kr = ops->po_mount(vol, args);
	if (kr != KERN_SUCCESS) {
		free(vol);
		return kr;
	}
	mx_assert(vol->pv_root != NULL);
	*out = vol;
	return KERN_SUCCESS;
}

static void
volume_end(struct pfs_volume *vol)
{
	if (vol->pv_ops->po_unmount != NULL)
		vol->pv_ops->po_unmount(vol);
	else
		pfs_node_release(vol->pv_root);
	free(vol);
}

void
pfs_volume_unmount(struct pfs_volume *vol)
{
	if (vol->pv_opens == 0)
		volume_end(vol);
	else
		vol->pv_dying = true;
}

void
pfs_volume_opened(struct pfs_volume *vol)
{
	vol->pv_opens++;
}

void
pfs_volume_closed(struct pfs_volume *vol)
{
	if (--vol->pv_opens == 0 && vol->pv_dying)
		volume_end(vol);
}

kern_return_t
pfs_volume_statfs(struct pfs_volume *vol, struct mx_statfs *st)
{
	memset(st, 0, sizeof(*st));
	st->sf_type = vol->pv_ops->po_magic;
	st->sf_bsize = 4096;
	st->sf_namelen = MX_NAME_MAX;
	st->sf_fsid[0] = vol->pv_dev_major;
	st->sf_fsid[1] = vol->pv_dev_minor;
	st->sf_flags = vol->pv_flags;
	return vol->pv_ops->po_statfs != NULL ? vol->pv_ops->po_statfs(vol, st) : KERN_SUCCESS;
}

kern_return_t
pfs_volume_sync(struct pfs_volume *vol)
{
	return vol->pv_ops->po_sync != NULL ? vol->pv_ops->po_sync(vol) : KERN_SUCCESS;
}

/* ---- Names ---- */

/* The checks that every operation that changes a directory begins with. */
static kern_return_t
dir_check(const struct pfs_node *dir, const void *operation)
{
	if (!pfs_node_is_dir(dir))
		return MX_ENOTDIR;
	if (node_is_readonly(dir))
		return MX_EROFS;
	return operation != NULL ? KERN_SUCCESS : MX_EPERM;
}

kern_return_t
pfs_node_lookup(struct pfs_node *dir, int32_t who, const char *name, size_t len, struct pfs_node **out)
{
	if (!pfs_node_is_dir(dir))
		return MX_ENOTDIR;
	return dir->pn_volume->pv_ops->po_lookup(dir, name, len, who, out);
}

kern_return_t
pfs_node_create(struct pfs_node *dir, const char *name, size_t len, const struct pfs_new *what, struct pfs_node **out)
{
	const struct pfs_ops *ops = dir->pn_volume->pv_ops;
	kern_return_t kr = dir_check(dir, ops->po_create);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = ops->po_create(dir, name, len, what, out);
	if (kr == KERN_SUCCESS)
		pfs_node_touch(dir, PFS_MTIME | PFS_CTIME);
	return kr;
}

kern_return_t
pfs_node_link(struct pfs_node *dir, const char *name, size_t len, struct pfs_node *node)
{
	const struct pfs_ops *ops = dir->pn_volume->pv_ops;
	kern_return_t kr = dir_check(dir, ops->po_link);

	if (kr != KERN_SUCCESS)
		return kr;
	if (node->pn_volume != dir->pn_volume)
		return MX_EXDEV;
	if (pfs_node_is_dir(node))
		return MX_EPERM;
	if (node->pn_attr.at_nlink == 0)
		return MX_ENOENT;
	kr = ops->po_link(dir, name, len, node);
	if (kr != KERN_SUCCESS)
		return kr;
	pfs_node_touch(dir, PFS_MTIME | PFS_CTIME);
	pfs_node_touch(node, PFS_CTIME);
	pfs_node_changed(node);
	return KERN_SUCCESS;
}

kern_return_t
pfs_node_unlink(struct pfs_node *dir, const char *name, size_t len, bool rmdir)
{
	const struct pfs_ops *ops = dir->pn_volume->pv_ops;
	kern_return_t kr = dir_check(dir, ops->po_unlink);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = ops->po_unlink(dir, name, len, rmdir);
	if (kr == KERN_SUCCESS)
		pfs_node_touch(dir, PFS_MTIME | PFS_CTIME);
	return kr;
}

kern_return_t
pfs_node_rename(struct pfs_node *dir1, const char *name1, size_t len1, struct pfs_node *dir2, const char *name2,
	size_t len2, uint32_t flags)
{
	const struct pfs_ops *ops = dir1->pn_volume->pv_ops;
	kern_return_t kr = dir_check(dir1, ops->po_rename);

	if (kr != KERN_SUCCESS)
		return kr;
	if (dir2->pn_volume != dir1->pn_volume)
		return MX_EXDEV;
	if (!pfs_node_is_dir(dir2))
		return MX_ENOTDIR;
	kr = ops->po_rename(dir1, name1, len1, dir2, name2, len2, flags);
	if (kr != KERN_SUCCESS)
		return kr;
	pfs_node_touch(dir1, PFS_MTIME | PFS_CTIME);
	if (dir2 != dir1)
		pfs_node_touch(dir2, PFS_MTIME | PFS_CTIME);
	return KERN_SUCCESS;
}

struct pfs_dirents {
	char	*de_buf;
	size_t	de_size, de_used;
	bool	de_full;
};

bool
pfs_dirent_add(struct pfs_dirents *out, uint64_t ino, uint64_t next, uint32_t mode, const char *name, size_t len)
{
	size_t reclen = (MX_DIRENT_NAME + len + 1 + 7) & ~(size_t)7;
	struct mx_dirent head;
	char *p = out->de_buf + out->de_used;

	if (len > MX_NAME_MAX || out->de_size - out->de_used < reclen) {
		out->de_full = true;
		return false;
	}
	memset(p, 0, reclen);
	memset(&head, 0, sizeof(head));
	head.de_ino = ino;
	head.de_cookie = next;
	head.de_reclen = (uint16_t)reclen;
	head.de_type = (uint8_t)MX_DT(mode);
	head.de_namelen = (uint8_t)len;
	memcpy(p, &head, MX_DIRENT_NAME);
	memcpy(p + MX_DIRENT_NAME, name, len);
	out->de_used += reclen;
	return true;
}

/* Errors: MX_EINVAL  there is an entry, and the buffer is too small for it */
kern_return_t
pfs_node_readdir(struct pfs_node *dir, uint64_t cookie, int32_t who, char *buf, size_t *len)
{
	const struct pfs_ops *ops = dir->pn_volume->pv_ops;
	struct pfs_dirents out = { buf, *len, 0, false };
	kern_return_t kr;

	*len = 0;
	if (!pfs_node_is_dir(dir))
		return MX_ENOTDIR;
	if (ops->po_readdir == NULL)
		return KERN_SUCCESS;
	kr = ops->po_readdir(dir, cookie, who, &out);
	if (kr != KERN_SUCCESS)
		return kr;
	if (out.de_used == 0 && out.de_full)
		return MX_EINVAL;
	node_read_touch(dir);
	*len = out.de_used;
	return KERN_SUCCESS;
}

/* ---- Attributes ---- */

kern_return_t
pfs_node_getattr(struct pfs_node *node)
{
	const struct pfs_ops *ops = node->pn_volume->pv_ops;

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
	if (node_is_readonly(node))
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
		kr = pfs_node_truncate(node, set->sa_size);
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
	node_read_touch(node);
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
	kr = ops->po_write(node, offset, buf, count, done);
	if (*done > 0)
		pfs_node_touch(node, PFS_MTIME | PFS_CTIME);
	return *done > 0 ? KERN_SUCCESS : kr;
}

kern_return_t
pfs_node_truncate(struct pfs_node *node, uint64_t size)
{
	const struct pfs_ops *ops = node->pn_volume->pv_ops;
	kern_return_t kr = regular_check(node);

	if (kr != KERN_SUCCESS)
		return kr;
	if (node_is_readonly(node))
		return MX_EROFS;
	if (ops->po_text != NULL)
		return ops->po_text_write != NULL ? KERN_SUCCESS : MX_EACCES;
	if (ops->po_truncate == NULL)
		return MX_EINVAL;
	if (size > INT64_MAX)
		return MX_EFBIG;
	kr = ops->po_truncate(node, size);
	if (kr == KERN_SUCCESS)
		pfs_node_touch(node, PFS_MTIME | PFS_CTIME);
	return kr;
}
