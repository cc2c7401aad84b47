/*
 * pfs_xattr.c - extended attributes: what is the same for every file system.
 *
 * A file system keeps bytes under names in namespaces. Who may do what is vfs's matter. Of "system." nothing is kept: access control
 * lists are not obeyed here, and one that is stored and not obeyed would be a lie.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <masix/pfs.h>
#include "pfs_lib.h"

struct pfs_xattrs {
	char	*xs_buf;
	size_t	xs_len;
	bool	xs_full;
};

const char *
pfs_xattr_prefix(unsigned int space)
{
	switch (space) {
	case PFS_XATTR_USER:
		return "user.";
	case PFS_XATTR_TRUSTED:
		return "trusted.";
	case PFS_XATTR_SECURITY:
		return "security.";
	default:
		return NULL;
	}
}

/* Errors: MX_EOPNOTSUPP no such namespace, MX_EINVAL nothing behind it */
static kern_return_t
xattr_parse(const char *name, size_t len, struct pfs_xattr *xa)
{
	static const unsigned int spaces[] = { PFS_XATTR_USER, PFS_XATTR_TRUSTED, PFS_XATTR_SECURITY };
	size_t i, n;

	for (i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		n = strlen(pfs_xattr_prefix(spaces[i]));
		if (len < n || memcmp(name, pfs_xattr_prefix(spaces[i]), n) != 0)
			continue;
		*xa = (struct pfs_xattr){ spaces[i], name + n, len - n };
		return len > n ? KERN_SUCCESS : MX_EINVAL;
	}
	return MX_EOPNOTSUPP;
}

kern_return_t
pfs_xattr_how(uint32_t how, bool is)
{
	if (is)
		return how & MX_XATTR_CREATE ? MX_EEXIST : KERN_SUCCESS;
	return how & (MX_XATTR_REPLACE | MX_XATTR_REMOVE) ? MX_ENODATA : KERN_SUCCESS;
}

kern_return_t
pfs_node_getxattr(struct pfs_node *node, const char *name, size_t len, void *value, size_t *size)
{
	const struct pfs_ops *ops = node->pn_volume->pv_ops;
	struct pfs_xattr xa;
	kern_return_t kr = ops->po_getxattr != NULL ? xattr_parse(name, len, &xa) : MX_EOPNOTSUPP;

	*size = 0;
	return kr == KERN_SUCCESS ? ops->po_getxattr(node, &xa, value, size) : kr;
}

kern_return_t
pfs_node_setxattr(struct pfs_node *node, const char *name, size_t len, const void *value, size_t size, uint32_t how)
{
	const struct pfs_ops *ops = node->pn_volume->pv_ops;
	struct pfs_xattr xa;
	kern_return_t kr;

	if (pfs_node_is_readonly(node))
		return MX_EROFS;
	kr = ops->po_setxattr != NULL ? xattr_parse(name, len, &xa) : MX_EOPNOTSUPP;
	if (kr == KERN_SUCCESS)
		kr = ops->po_setxattr(node, &xa, value, size, how);
	if (kr == KERN_SUCCESS)
		pfs_node_touch(node, PFS_CTIME);
	return kr;
}

void
pfs_xattrs_add(struct pfs_xattrs *out, const struct pfs_xattr *xa)
{
	const char *prefix = pfs_xattr_prefix(xa->xa_space);
	size_t n;

	if (prefix == NULL || xa->xa_len == 0 || memchr(xa->xa_name, '\0', xa->xa_len) != NULL)
		return;				/* another system's: no program could ask for it here */
	n = strlen(prefix);
	if (n + xa->xa_len + 1 > MX_DATA_MAX - out->xs_len) {
		out->xs_full = true;
		return;
	}
	memcpy(out->xs_buf + out->xs_len, prefix, n);
	memcpy(out->xs_buf + out->xs_len + n, xa->xa_name, xa->xa_len);
	out->xs_len += n + xa->xa_len + 1;
	out->xs_buf[out->xs_len - 1] = '\0';
}

kern_return_t
pfs_node_listxattr(struct pfs_node *node, char *names, size_t *size)
{
	const struct pfs_ops *ops = node->pn_volume->pv_ops;
	struct pfs_xattrs xs = { names, 0, false };
	kern_return_t kr = ops->po_listxattr != NULL ? ops->po_listxattr(node, &xs) : KERN_SUCCESS;

	*size = xs.xs_len;
	return kr == KERN_SUCCESS && xs.xs_full ? MX_E2BIG : kr;
}
