/*
 * pfs_dir.c - names in directories: the checks that every file system needs, and the form of entries.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <masix/pfs.h>
#include "pfs_lib.h"

/* The checks that every operation that changes a directory begins with. */
static kern_return_t
dir_check(const struct pfs_node *dir, const void *operation)
{
	if (!pfs_node_is_dir(dir))
		return MX_ENOTDIR;
	if (pfs_node_is_readonly(dir))
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

size_t
pfs_dirent_mark(const struct pfs_dirents *out)
{
	return out->de_used;
}

void
pfs_dirent_rewind(struct pfs_dirents *out, size_t mark)
{
	out->de_used = mark;
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
	pfs_node_read_touch(dir);
	*len = out.de_used;
	return KERN_SUCCESS;
}
