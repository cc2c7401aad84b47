/*
 * vfs_node.c - vnodes: nodes of file systems, in this task or in another.
 *
 * A file system in this task is called through its table, without a message, and its attributes are read where they are. One
 * elsewhere is asked by RPC (vfs_remote.c), and what it said is kept as long as the rules of its volume allow.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "vfs.h"

#define PORT_HASH	4096u

static struct vfs_vnode *by_port[PORT_HASH];

static struct vfs_vnode **
port_chain(mach_port_t port)
{
	return &by_port[(port ^ port >> 8) & (PORT_HASH - 1)];
}

struct vfs_vnode *
vfs_vnode_find_port(mach_port_t port)
{
	struct vfs_vnode *vn;

	for (vn = *port_chain(port); vn != NULL; vn = vn->vn_hash)
		if (vn->vn_port == port)
			return vn;
	return NULL;
}

static struct vfs_vnode *
vnode_new(struct vfs_mount *mn)
{
	struct vfs_vnode *vn = calloc(1, sizeof(*vn));

	if (vn != NULL) {
		vn->vn_refs = 1;
		vn->vn_mount = mn;
		mn->mn_vnodes++;
	}
	return vn;
}

struct vfs_vnode *
vfs_vnode_local(struct vfs_mount *mn, struct pfs_node *node)
{
	struct vfs_vnode *vn = node->pn_vnode;

	if (vn != NULL) {
		vn->vn_refs++;
		pfs_node_release(node);
		return vn;
	}
	vn = vnode_new(mn);
	if (vn == NULL) {
		pfs_node_release(node);
		return NULL;
	}
	vn->vn_node = node;
	node->pn_vnode = vn;
	return vn;
}

struct vfs_vnode *
vfs_vnode_remote(struct vfs_mount *mn, mach_port_t port, const struct mx_attr *attr)
{
	struct vfs_vnode *vn = vfs_vnode_find_port(port), **chain = port_chain(port);

	if (vn != NULL) {
		vn->vn_refs++;
		vfs_remote_forget(port);	/* the second reference */
	} else {
		vn = vnode_new(mn);
		if (vn == NULL) {
			vfs_remote_forget(port);
			return NULL;
		}
		vn->vn_port = port;
		vn->vn_hash = *chain;
		*chain = vn;
	}
	vn->vn_attr = *attr;
	return vn;
}

void
vfs_vnode_hold(struct vfs_vnode *vn)
{
	vn->vn_refs++;
}

static void
port_remove(struct vfs_vnode *vn)
{
	struct vfs_vnode **p;

	for (p = port_chain(vn->vn_port); *p != vn; p = &(*p)->vn_hash)
		;
	*p = vn->vn_hash;
}

/* ---- Devices ---- */

static struct vfs_vnode *devices;	/* opened ones, the last first */

static void
device_forget(struct vfs_vnode *vn)
{
	if (vn->vn_device_prev == NULL)
		return;
	*vn->vn_device_prev = vn->vn_device;
	if (vn->vn_device != NULL)
		vn->vn_device->vn_device_prev = vn->vn_device_prev;
	vn->vn_device_prev = NULL;
}

void
vfs_vnode_device_note(struct vfs_vnode *vn)
{
	device_forget(vn);
	vn->vn_device = devices;
	vn->vn_device_prev = &devices;
	if (devices != NULL)
		devices->vn_device_prev = &vn->vn_device;
	devices = vn;
}

struct vfs_vnode *
vfs_vnode_device_find(uint32_t major, uint32_t minor)
{
	struct vfs_vnode *vn;

	for (vn = devices; vn != NULL; vn = vn->vn_device) {
		const struct mx_attr *at = vfs_vnode_facts(vn);

		if (at->at_rdev_major == major && at->at_rdev_minor == minor)
			return vn;
	}
	return NULL;
}

/* ---- The end ---- */

static void
vnode_free(struct vfs_vnode *vn)
{
	struct vfs_mount *mn = vn->vn_mount;
	mach_port_t port = vn->vn_port;
	bool is_last = --mn->mn_vnodes == 0 && mn->mn_dead;

	mx_assert(vn->vn_names == NULL && vn->vn_fifo == NULL);
	device_forget(vn);
	if (vn->vn_node != NULL) {
		vn->vn_node->pn_vnode = NULL;
		pfs_node_release(vn->vn_node);
	} else {
		port_remove(vn);
		if (!is_last)
			vfs_remote_forget(port);
	}
	free(vn);
	if (is_last)
		vfs_mount_free(mn, port);
}

void
vfs_vnode_release(struct vfs_vnode *vn)
{
	mx_assert(vn->vn_refs > 0);
	if (--vn->vn_refs == 0)
		vnode_free(vn);
}

/* ---- Attributes ---- */

const struct mx_attr *
vfs_vnode_facts(const struct vfs_vnode *vn)
{
	return vn->vn_node != NULL ? &vn->vn_node->pn_attr : &vn->vn_attr;
}

uint32_t
vfs_vnode_type(const struct vfs_vnode *vn)
{
	return vfs_vnode_facts(vn)->at_mode & MX_S_IFMT;
}

bool
vfs_vnode_is_dir(const struct vfs_vnode *vn)
{
	return vfs_vnode_type(vn) == MX_S_IFDIR;
}

kern_return_t
vfs_vnode_attr(struct vfs_vnode *vn, struct mx_attr *out)
{
	kern_return_t kr;

	if (vn->vn_node != NULL) {
		kr = pfs_node_getattr(vn->vn_node);
		*out = vn->vn_node->pn_attr;
		return kr;
	}
	if (!vn->vn_attr_valid)
		return vfs_remote_getattr(vn, out);
	*out = vn->vn_attr;
	return KERN_SUCCESS;
}

/* ---- Operations ---- */

/* NODE came from an operation on DIR: its vnode. */
static kern_return_t
local_result(struct vfs_vnode *dir, struct pfs_node *node, struct vfs_vnode **out)
{
	*out = vfs_vnode_local(dir->vn_mount, node);
	return *out != NULL ? KERN_SUCCESS : MX_ENOMEM;
}

kern_return_t
vfs_node_lookup(struct vfs_vnode *dir, int32_t pid, const char *name, size_t len, struct vfs_vnode **out)
{
	struct pfs_node *node;
	kern_return_t kr;

	if (dir->vn_node == NULL)
		return vfs_remote_lookup(dir, pid, name, len, out);
	kr = pfs_node_lookup(dir->vn_node, pid, name, len, &node);
	return kr == KERN_SUCCESS ? local_result(dir, node, out) : kr;
}

/* Names were changed, or tried to be; answers KR. */
static kern_return_t
names_changed(kern_return_t kr)
{
	vfs_names_changed();
	return kr;
}

kern_return_t
vfs_node_create(struct vfs_vnode *dir, const char *name, size_t len, const struct pfs_new *what, struct vfs_vnode **out)
{
	struct pfs_node *node;
	kern_return_t kr;

	if (dir->vn_node == NULL)
		return names_changed(vfs_remote_create(dir, name, len, what, out));
	kr = names_changed(pfs_node_create(dir->vn_node, name, len, what, &node));
	return kr == KERN_SUCCESS ? local_result(dir, node, out) : kr;
}

kern_return_t
vfs_node_link(struct vfs_vnode *dir, const char *name, size_t len, struct vfs_vnode *vn)
{
	if (dir->vn_mount != vn->vn_mount)
		return MX_EXDEV;
	if (dir->vn_node == NULL)
		return names_changed(vfs_remote_link(dir, name, len, vn));
	return names_changed(pfs_node_link(dir->vn_node, name, len, vn->vn_node));
}

kern_return_t
vfs_node_unlink(struct vfs_vnode *dir, const char *name, size_t len, bool rmdir)
{
	if (dir->vn_node == NULL)
		return names_changed(vfs_remote_unlink(dir, name, len, rmdir));
	return names_changed(pfs_node_unlink(dir->vn_node, name, len, rmdir));
}

kern_return_t
vfs_node_rename(struct vfs_vnode *dir1, const char *name1, size_t len1, struct vfs_vnode *dir2, const char *name2,
	size_t len2, uint32_t flags)
{
	if (dir1->vn_mount != dir2->vn_mount)
		return MX_EXDEV;
	if (dir1->vn_node == NULL)
		return names_changed(vfs_remote_rename(dir1, name1, len1, dir2, name2, len2, flags));
	return names_changed(pfs_node_rename(dir1->vn_node, name1, len1, dir2->vn_node, name2, len2, flags));
}

kern_return_t
vfs_node_readdir(struct vfs_vnode *dir, uint64_t cookie, int32_t pid, char *buf, size_t *len)
{
	if (dir->vn_node == NULL)
		return vfs_remote_readdir(dir, cookie, pid, buf, len);
	return pfs_node_readdir(dir->vn_node, cookie, pid, buf, len);
}

kern_return_t
vfs_node_setattr(struct vfs_vnode *vn, const struct mx_setattr *set)
{
	kern_return_t kr = vn->vn_node == NULL ? vfs_remote_setattr(vn, set) : pfs_node_setattr(vn->vn_node, set);

	return vfs_vnode_is_dir(vn) ? names_changed(kr) : kr;	/* who may search it */
}

kern_return_t
vfs_node_readlink(struct vfs_vnode *vn, int32_t pid, char *buf, size_t size, size_t *len)
{
	if (vn->vn_node == NULL)
		return vfs_remote_readlink(vn, pid, buf, size, len);
	return pfs_node_readlink(vn->vn_node, pid, buf, size, len);
}

kern_return_t
vfs_node_statfs(struct vfs_vnode *vn, struct mx_statfs *st)
{
	if (vn->vn_node == NULL)
		return vfs_remote_statfs(vn, st);
	return pfs_volume_statfs(vn->vn_node->pn_volume, st);
}

kern_return_t
vfs_node_fsync(struct vfs_vnode *vn, bool data_only)
{
	return vn->vn_node == NULL ? vfs_remote_fsync(vn, data_only) : pfs_node_fsync(vn->vn_node, data_only);
}
