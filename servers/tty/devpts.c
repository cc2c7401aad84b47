/*
 * devpts.c - /dev/pts: a volume with one name for each pair, and one for making pairs.
 *
 * It is a file system of this server because only this server knows which pairs there are, and a name must belong to who opened
 * the master, from the first moment on. Owners and permissions can be changed (mesg, chown by a login program) and live with
 * the pair.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "pty.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <masix/pfs.h>

#define MAGIC		0x1cd1
#define INO_ROOT	1u
#define INO_PTMX	2u
#define INO_FIRST	3u		/* of pair 0 */
#define MODE_PTMX	(MX_S_IFCHR | 0666)

/* A name in use. */
struct devpts_node {
	struct pfs_node	dn_node;
	struct pty	*dn_pty;	/* NULL: the directory, ptmx, or a pair that is gone */
	struct devpts_node *dn_next;	/* of the same pair, in another volume */
};

static struct devpts_node *
node_make(struct pfs_volume *vol, uint64_t ino, uint32_t mode)
{
	struct devpts_node *dn = calloc(1, sizeof *dn);

	if (dn != NULL)
		pfs_node_init(&dn->dn_node, vol, ino, mode);
	return dn;
}

static kern_return_t
devpts_mount(struct pfs_volume *vol, const struct pfs_mount_args *args)
{
	struct devpts_node *root = node_make(vol, INO_ROOT, MX_S_IFDIR | 0755);

	(void)args;
	if (root == NULL)
		return MX_ENOMEM;
	root->dn_node.pn_attr.at_nlink = 2;
	vol->pv_root = &root->dn_node;
	return KERN_SUCCESS;
}

/* The pair that NAME is the number of, NULL when there is none. Only the number's own spelling is a name. */
static struct pty *
name_pair(const char *name, size_t len)
{
	char spelled[12];
	uint32_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9' || n >= PTY_MAX)
			return NULL;
		n = n * 10 + (uint32_t)(name[i] - '0');
	}
	if ((size_t)sniprintf(spelled, sizeof spelled, "%lu", (unsigned long)n) != len || memcmp(spelled, name, len) != 0)
		return NULL;
	return pty_number(n);
}

static kern_return_t
pair_node(struct pfs_volume *vol, struct pty *py, struct pfs_node **out)
{
	struct devpts_node *dn;
	struct mx_attr *a;

	for (dn = py->py_nodes; dn != NULL; dn = dn->dn_next) {
		if (dn->dn_node.pn_volume != vol)
			continue;
		pfs_node_hold(&dn->dn_node);
		*out = &dn->dn_node;
		return KERN_SUCCESS;
	}
	dn = node_make(vol, INO_FIRST + py->py_number, MX_S_IFCHR | py->py_mode);
	if (dn == NULL)
		return MX_ENOMEM;
	a = &dn->dn_node.pn_attr;
	a->at_nlink = 1;
	a->at_uid = py->py_uid;
	a->at_gid = py->py_gid;
	a->at_rdev_major = TTY_MAJOR_PTS;
	a->at_rdev_minor = py->py_number;
	a->at_blksize = 1024;
	a->at_atime = a->at_mtime = a->at_ctime = py->py_time;
	dn->dn_pty = py;
	dn->dn_next = py->py_nodes;
	py->py_nodes = dn;
	*out = &dn->dn_node;
	return KERN_SUCCESS;
}

static kern_return_t
devpts_lookup(struct pfs_node *dir, const char *name, size_t len, int32_t who, struct pfs_node **out)
{
	struct devpts_node *dn;
	struct pty *py;

	(void)who;
	if (len == 4 && memcmp(name, "ptmx", 4) == 0) {
		dn = node_make(dir->pn_volume, INO_PTMX, MODE_PTMX);
		if (dn == NULL)
			return MX_ENOMEM;
		dn->dn_node.pn_attr.at_nlink = 1;
		dn->dn_node.pn_attr.at_rdev_major = TTY_MAJOR_MISC;
		dn->dn_node.pn_attr.at_rdev_minor = TTY_MINOR_PTMX;
		*out = &dn->dn_node;
		return KERN_SUCCESS;
	}
	py = name_pair(name, len);
	/* Without its master a pair has no name any more, though it lives while it is open. */
	return py == NULL || py->py_master == NULL ? MX_ENOENT : pair_node(dir->pn_volume, py, out);
}

static kern_return_t
devpts_readdir(struct pfs_node *dir, uint64_t cookie, int32_t who, struct pfs_dirents *out)
{
	char name[12];
	int len;

	(void)dir;
	(void)who;
	for (uint32_t n = cookie > PTY_MAX ? PTY_MAX : (uint32_t)cookie; n < PTY_MAX; n++) {
		struct pty *py = pty_number(n);

		if (py == NULL || py->py_master == NULL)
			continue;
		len = sniprintf(name, sizeof name, "%lu", (unsigned long)n);
		if (!pfs_dirent_add(out, INO_FIRST + n, n + 1, MX_S_IFCHR, name, (size_t)len))
			return KERN_SUCCESS;
	}
	if (cookie <= PTY_MAX)
		(void)pfs_dirent_add(out, INO_PTMX, PTY_MAX + 1, MX_S_IFCHR, "ptmx", 4);
	return KERN_SUCCESS;
}

static kern_return_t
devpts_getattr(struct pfs_node *node)
{
	struct devpts_node *dn = (struct devpts_node *)node;

	if (node->pn_attr.at_rdev_major == TTY_MAJOR_PTS && dn->dn_pty == NULL)
		node->pn_attr.at_nlink = 0;
	return KERN_SUCCESS;
}

static kern_return_t
devpts_setattr(struct pfs_node *node, const struct mx_setattr *set)
{
	struct pty *py = ((struct devpts_node *)node)->dn_pty;

	(void)set;
	if (py == NULL)
		return KERN_SUCCESS;	/* the directory, and names that are gone: until the node is forgotten */
	py->py_uid = node->pn_attr.at_uid;
	py->py_gid = node->pn_attr.at_gid;
	py->py_mode = node->pn_attr.at_mode & 07777;
	return KERN_SUCCESS;
}

static void
devpts_release(struct pfs_node *node)
{
	struct devpts_node *dn = (struct devpts_node *)node, **at;

	if (dn->dn_pty != NULL) {
		for (at = &dn->dn_pty->py_nodes; *at != dn; at = &(*at)->dn_next)
			;
		*at = dn->dn_next;
	}
	free(dn);
}

void
devpts_pair_gone(struct pty *py)
{
	struct devpts_node *dn;

	while ((dn = py->py_nodes) != NULL) {
		py->py_nodes = dn->dn_next;
		dn->dn_pty = NULL;
	}
}

static const struct pfs_ops devpts_ops = {
	.po_name = "devpts", .po_cache = MX_CACHE_NONE, .po_magic = MAGIC, .po_mount = devpts_mount, .po_lookup = devpts_lookup,
	.po_readdir = devpts_readdir, .po_getattr = devpts_getattr, .po_setattr = devpts_setattr, .po_release = devpts_release,
};

kern_return_t
devpts_start(void)
{
	return pfs_server_register("pfs.devpts", &devpts_ops);
}
