/*
 * vfs_mount.c - which volume lies where.
 *
 * A mount's root is a name without a parent; the name it covers points to it. Walks go down through a covered name and up
 * from a root; nothing else knows about mounts.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vfs.h"

struct vfs_mount *vfs_mount_first;
struct vfs_name *vfs_root;

static void
text_set(char *to, size_t size, const char *from, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(to, from, len);
	to[len] = '\0';
}

/* Put MN, whose root vnode is VN (reference taken), on ON. */
static kern_return_t
mount_attach(struct vfs_mount *mn, struct vfs_vnode *vn, struct vfs_name *on)
{
	struct vfs_mount **p;

	mn->mn_root = vfs_name_root(vn);
	if (mn->mn_root == NULL)
		return MX_ENOMEM;
	if (on != NULL) {
		vfs_name_hold(on);
		mn->mn_covered = on;
		on->na_mounted = mn;
	} else {
		vfs_root = mn->mn_root;
	}
	for (p = &vfs_mount_first; *p != NULL; p = &(*p)->mn_next)
		;
	*p = mn;
	vfs_names_changed();
	return KERN_SUCCESS;
}

static kern_return_t
mount_check(const struct vfs_name *on)
{
	if (on == NULL)
		return vfs_root == NULL ? KERN_SUCCESS : MX_EBUSY;
	if (on->na_mounted != NULL)
		return MX_EBUSY;
	return vfs_vnode_is_dir(on->na_vnode) ? KERN_SUCCESS : MX_ENOTDIR;
}

kern_return_t
vfs_mount_local(struct vfs_name *on, const struct pfs_ops *ops, uint32_t flags, const struct pfs_mount_args *args,
	struct vfs_mount **out)
{
	struct vfs_mount *mn;
	struct vfs_vnode *vn;
	kern_return_t kr = mount_check(on);

	if (kr != KERN_SUCCESS)
		return kr;
	mn = calloc(1, sizeof(*mn));
	if (mn == NULL)
		return MX_ENOMEM;
	kr = pfs_volume_mount(ops, flags, args, &mn->mn_volume);
	if (kr != KERN_SUCCESS)
		goto out_mount;
	mn->mn_flags = flags;
	mn->mn_cache = ops->po_cache;
	text_set(mn->mn_type, sizeof(mn->mn_type), ops->po_name, strlen(ops->po_name));
	text_set(mn->mn_source, sizeof(mn->mn_source), args->ma_source, args->ma_source_len);
	pfs_node_hold(mn->mn_volume->pv_root);
	vn = vfs_vnode_local(mn, mn->mn_volume->pv_root);
	kr = vn != NULL ? mount_attach(mn, vn, on) : MX_ENOMEM;
	if (kr != KERN_SUCCESS)
		goto out_volume;
	if (out != NULL)
		*out = mn;
	return KERN_SUCCESS;
out_volume:
	pfs_volume_unmount(mn->mn_volume);
out_mount:
	free(mn);
	return kr;
}

kern_return_t
vfs_mount_remote(struct vfs_name *on, const char *type, const char *source, uint32_t flags, mach_port_t port,
	const struct mx_attr *attr, uint32_t cache, struct vfs_mount **out)
{
	struct vfs_mount *mn;
	struct vfs_vnode *vn;
	kern_return_t kr = mount_check(on);

	mn = kr == KERN_SUCCESS ? calloc(1, sizeof(*mn)) : NULL;
	if (mn == NULL) {
		vfs_remote_forget(port);
		return kr != KERN_SUCCESS ? kr : MX_ENOMEM;
	}
	mn->mn_flags = flags;
	mn->mn_cache = cache;
	mn->mn_port = port;
	text_set(mn->mn_type, sizeof(mn->mn_type), type, strlen(type));
	text_set(mn->mn_source, sizeof(mn->mn_source), source, strlen(source));
	vn = vfs_vnode_remote(mn, port, attr);
	kr = vn != NULL ? mount_attach(mn, vn, on) : MX_ENOMEM;
	if (kr != KERN_SUCCESS)
		free(mn);
	else if (out != NULL)
		*out = mn;
	return kr;
}

void
vfs_mount_free(struct vfs_mount *mn, mach_port_t port)
{
	if (mn->mn_volume != NULL)
		pfs_volume_unmount(mn->mn_volume);
	else
		vfs_remote_unmount(port);
	free(mn);
}

/* Take MN out of the tree; it ends with the last vnode that somebody holds. */
static void
mount_detach(struct vfs_mount *mn)
{
	struct vfs_name *covered = mn->mn_covered, *root = mn->mn_root;
	struct vfs_mount **p;

	for (p = &vfs_mount_first; *p != mn; p = &(*p)->mn_next)
		;
	*p = mn->mn_next;
	covered->na_mounted = NULL;
	mn->mn_covered = NULL;
	mn->mn_dead = true;
	vfs_names_changed();
	vfs_name_release(covered);
	vfs_name_release(root);
}

static kern_return_t
umount_check(struct vfs_name *na, bool lazy)
{
	struct vfs_mount *mn = na->na_vnode->vn_mount;

	if (mn->mn_root != na || mn->mn_dead)
		return MX_EINVAL;
	if (mn->mn_covered == NULL)
		return MX_EBUSY;
	vfs_name_purge(mn);
	/* The mount and the caller hold the root. */
	if (!lazy && (mn->mn_vnodes > 1 || na->na_refs > 2 || (mn->mn_volume != NULL && mn->mn_volume->pv_opens > 0)))
		return MX_EBUSY;
	return KERN_SUCCESS;
}

kern_return_t
vfs_umount_check(struct vfs_name *na)
{
	return umount_check(na, false);
}

kern_return_t
vfs_umount_name(struct vfs_name *na, bool lazy)
{
	kern_return_t kr = umount_check(na, lazy);

	if (kr == KERN_SUCCESS)
		mount_detach(na->na_vnode->vn_mount);
	return kr;
}

/* The options that are not the default, as /proc/mounts writes them. */
static const char *
options_text(uint32_t flags)
{
	static const struct { uint32_t flag; const char *text; } words[] = {
		{ PFS_NOSUID, ",nosuid" }, { PFS_NODEV, ",nodev" }, { PFS_NOEXEC, ",noexec" }, { PFS_SYNC, ",sync" },
		{ PFS_NOATIME, ",noatime" }, { PFS_NODIRATIME, ",nodiratime" },
	};
	static char text[64];
	size_t used, i;

	used = (size_t)snprintf(text, sizeof(text), "%s", flags & PFS_RDONLY ? "ro" : "rw");
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (flags & words[i].flag)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", words[i].text);
	return text;
}

static unsigned int
mount_number(const struct vfs_mount *mn)
{
	const struct vfs_mount *m;
	unsigned int n = 1;

	for (m = vfs_mount_first; m != NULL && m != mn; m = m->mn_next)
		n++;
	return n;
}

static int
mount_line(const struct vfs_mount *mn, bool is_info, const char *path, char *buf, size_t size)
{
	const struct mx_attr *at = vfs_vnode_facts(mn->mn_root->na_vnode);
	const char *source = mn->mn_source[0] != '\0' ? mn->mn_source : "none", *options = options_text(mn->mn_flags);
	unsigned int number = mount_number(mn), parent = number;

	if (!is_info)
		return snprintf(buf, size, "%s %s %s %s 0 0\n", source, path, mn->mn_type, options);
	if (mn->mn_covered != NULL)
		parent = mount_number(mn->mn_covered->na_vnode->vn_mount);
	return snprintf(buf, size, "%u %u %u:%u / %s %s - %s %s %s\n", number, parent, (unsigned int)at->at_dev_major,
		(unsigned int)at->at_dev_minor, path, options, mn->mn_type, source, options);
}

size_t
vfs_mount_list(bool is_info, char *buf, size_t size)
{
	const struct vfs_mount *mn;
	char path[512];
	size_t used = 0, len;
	int n;

	for (mn = vfs_mount_first; mn != NULL; mn = mn->mn_next) {
		if (vfs_name_path(mn->mn_root, vfs_root, path, sizeof(path) - 1, &len) != KERN_SUCCESS)
			continue;
		path[len] = '\0';
		n = mount_line(mn, is_info, path, buf + used, size - used);
		if (n < 0 || (size_t)n >= size - used)
			break;
		used += (size_t)n;
	}
	return used;
}
