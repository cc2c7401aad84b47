/*
 * vfs_remote.c - file systems in other tasks, by pfs.defs.
 *
 * What a server elsewhere answers is checked as far as vfs relies on it: lengths, the type of the root. Attributes are kept
 * while nobody can change them without vfs: the volume says so at mount time, and pfs_getattr's WRITERS afterwards.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>
#include "pfs.h"
#include "vfs_rpc.h"

void
vfs_remote_forget(mach_port_t port)
{
	mx_port_release(port);
}

/* A server that died, or speaks nonsense, is an input/output error for who asked. */
static kern_return_t
result(kern_return_t kr)
{
	return kr == KERN_SUCCESS || (MX_IS_ERR(kr) && kr != MX_ESERVERDIED) ? kr : MX_EIO;
}

/* PORT and ATTR came back from an operation on DIR. */
static kern_return_t
node_result(struct vfs_vnode *dir, kern_return_t kr, mach_port_t port, const struct mx_attr *attr, struct vfs_vnode **out)
{
	if (kr != KERN_SUCCESS)
		return result(kr);
	if (!MACH_PORT_VALID(port))
		return MX_EIO;
	*out = vfs_vnode_remote(dir->vn_mount, port, attr);
	return *out != NULL ? KERN_SUCCESS : MX_ENOMEM;
}

kern_return_t
vfs_remote_lookup(struct vfs_vnode *dir, int32_t pid, const char *name, size_t len, struct vfs_vnode **out)
{
	struct mx_attr attr;
	mach_port_t port;
	kern_return_t kr = pfs_lookup(dir->vn_port, pid, name, len, &port, &attr);

	return node_result(dir, kr, port, &attr, out);
}

kern_return_t
vfs_remote_create(struct vfs_vnode *dir, const char *name, size_t len, const struct pfs_new *what, struct vfs_vnode **out)
{
	struct mx_attr attr;
	mach_port_t port;
	kern_return_t kr;

	dir->vn_attr_valid = false;
	if ((what->nw_mode & MX_S_IFMT) == MX_S_IFLNK)
		kr = pfs_symlink(dir->vn_port, name, len, what->nw_target, what->nw_target_len, what->nw_uid, what->nw_gid,
			&port, &attr);
	else
		kr = pfs_create(dir->vn_port, name, len, what->nw_mode, what->nw_uid, what->nw_gid, what->nw_rdev_major,
			what->nw_rdev_minor, &port, &attr);
	return node_result(dir, kr, port, &attr, out);
}

kern_return_t
vfs_remote_link(struct vfs_vnode *dir, const char *name, size_t len, struct vfs_vnode *vn)
{
	dir->vn_attr_valid = false;
	return result(pfs_link(dir->vn_port, name, len, vn->vn_port, &vn->vn_attr));
}

kern_return_t
vfs_remote_unlink(struct vfs_vnode *dir, const char *name, size_t len, bool rmdir)
{
	dir->vn_attr_valid = false;
	return result(pfs_unlink(dir->vn_port, name, len, rmdir));
}

kern_return_t
vfs_remote_rename(struct vfs_vnode *dir1, const char *name1, size_t len1, struct vfs_vnode *dir2, const char *name2,
	size_t len2, uint32_t flags)
{
	dir1->vn_attr_valid = dir2->vn_attr_valid = false;
	return result(pfs_rename(dir1->vn_port, name1, len1, dir2->vn_port, name2, len2, flags));
}

kern_return_t
vfs_remote_readdir(struct vfs_vnode *dir, uint64_t cookie, int32_t pid, char *buf, size_t *len)
{
	char data[MX_DATA_MAX];
	mach_msg_type_number_t n = sizeof(data);
	kern_return_t kr;

	(void)pid;
	kr = pfs_readdir(dir->vn_port, cookie, *len < MX_DATA_MAX ? *len : MX_DATA_MAX, data, &n);
	if (kr != KERN_SUCCESS)
		return result(kr);
	if (n > *len)
		return MX_EIO;
	memcpy(buf, data, n);
	*len = n;
	return KERN_SUCCESS;
}

kern_return_t
vfs_remote_getattr(struct vfs_vnode *vn, struct mx_attr *out)
{
	boolean_t writers = TRUE;
	kern_return_t kr = pfs_getattr(vn->vn_port, out, &writers);

	if (kr != KERN_SUCCESS)
		return result(kr);
	vn->vn_attr = *out;
	vn->vn_attr_valid = !writers && vn->vn_mount->mn_cache == MX_CACHE_FOREVER;
	return KERN_SUCCESS;
}

kern_return_t
vfs_remote_setattr(struct vfs_vnode *vn, const struct mx_setattr *set)
{
	struct mx_attr attr;
	kern_return_t kr = pfs_setattr(vn->vn_port, *set, &attr);

	if (kr == KERN_SUCCESS)
		vn->vn_attr = attr;
	return result(kr);
}

kern_return_t
vfs_remote_readlink(struct vfs_vnode *vn, int32_t pid, char *buf, size_t size, size_t *len)
{
	char target[MX_PATH_MAX];
	mach_msg_type_number_t n = sizeof(target);
	kern_return_t kr = pfs_readlink(vn->vn_port, pid, target, &n);

	if (kr != KERN_SUCCESS)
		return result(kr);
	if (n > sizeof(target))
		return MX_EIO;
	*len = n < size ? n : size;
	memcpy(buf, target, *len);
	return KERN_SUCCESS;
}

kern_return_t
vfs_remote_statfs(struct vfs_vnode *vn, struct mx_statfs *st)
{
	return result(pfs_statfs(vn->vn_port, st));
}

kern_return_t
vfs_remote_fsync(struct vfs_vnode *vn, bool data_only)
{
	return result(pfs_fsync(vn->vn_port, data_only));
}

kern_return_t
vfs_remote_getxattr(struct vfs_vnode *vn, const char *name, size_t len, char *value, size_t *size)
{
	mach_msg_type_number_t n = MX_DATA_MAX;
	kern_return_t kr = pfs_getxattr(vn->vn_port, name, len, value, &n);

	*size = n;
	return kr == KERN_SUCCESS && n > MX_DATA_MAX ? MX_EIO : result(kr);
}

kern_return_t
vfs_remote_setxattr(struct vfs_vnode *vn, const char *name, size_t len, const char *value, size_t size, uint32_t how)
{
	struct mx_attr attr;
	kern_return_t kr = pfs_setxattr(vn->vn_port, name, len, value, size, how, &attr);

	if (kr == KERN_SUCCESS)
		vn->vn_attr = attr;
	return result(kr);
}

kern_return_t
vfs_remote_listxattr(struct vfs_vnode *vn, char *names, size_t *size)
{
	mach_msg_type_number_t n = MX_DATA_MAX;
	kern_return_t kr = pfs_listxattr(vn->vn_port, names, &n);

	*size = n;
	return kr == KERN_SUCCESS && n > MX_DATA_MAX ? MX_EIO : result(kr);
}

kern_return_t
vfs_remote_sync(struct vfs_mount *mn)
{
	return result(pfs_sync(mn->mn_port));
}

kern_return_t
vfs_remote_open(struct vfs_vnode *vn, uint32_t flags, uint32_t uid, uint32_t want, char *data, struct vfs_opened *od)
{
	mach_msg_type_number_t n = MX_BLOB_MAX;
	kern_return_t kr;

	vn->vn_attr_valid = false;		/* who has it open changes at least its times */
	kr = pfs_open(vn->vn_port, flags, uid, want, &od->od_io, &od->od_kind, &od->od_attr, data, &n);
	if (kr != KERN_SUCCESS)
		return result(kr);
	od->od_data_len = n < MX_BLOB_MAX ? n : MX_BLOB_MAX;
	return KERN_SUCCESS;
}

kern_return_t
vfs_remote_identify(mach_port_t io, struct vfs_vnode **out)
{
	struct vfs_mount *mn;
	struct mx_attr attr;
	boolean_t writers;
	mach_port_t port;
	kern_return_t kr;

	for (mn = vfs_mount_first; mn != NULL; mn = mn->mn_next) {
		if (mn->mn_volume != NULL || pfs_identify(mn->mn_port, io, &port) != KERN_SUCCESS)
			continue;
		kr = pfs_getattr(port, &attr, &writers);
		if (kr != KERN_SUCCESS) {
			mx_port_release(port);
			return result(kr);
		}
		*out = vfs_vnode_remote(mn, port, &attr);	/* a file without a name may have had none */
		return *out != NULL ? KERN_SUCCESS : MX_ENOMEM;
	}
	return MX_EBADF;
}

/* ---- Mounting ---- */

/* Ask SERVER for a volume. The number that its files have as their device comes from here, with the options. */
static kern_return_t
volume_ask(mach_port_t server, const char *source, uint32_t flags, const char *options, size_t options_len, mach_port_t *root,
	struct mx_attr *attr, uint32_t *cache)
{
	char text[MX_BLOB_MAX];
	int n;

	n = snprintf(text, sizeof(text), "%.*s%sdev=%u", (int)options_len, options, options_len > 0 ? "," : "",
		(unsigned int)pfs_device_number());
	if (n < 0 || n >= (int)sizeof(text))
		return MX_EINVAL;
	return pfs_mount(server, source, strlen(source), flags, text, (mach_msg_type_number_t)n, root, attr, cache);
}

/* No program can be started any more, nor what init needs be read. Every right to a file is dead, so a new instance of the server would help
 * nobody. ACS ends the system in order; the other volumes are unmounted before, and the journal of this one is replayed at the next start. */
static void
root_lost(void *arg)
{
	(void)arg;
	vfs_remote_stop();
	mx_server_fail("the file system of the root directory is gone");
}

/* The server of MN's volume is gone. Who uses it gets errors; the names that nobody uses are forgotten. */
static void
server_died(void *arg, mach_port_t port)
{
	struct vfs_mount *mn = arg;

	(void)port;				/* the root vnode's */
	mx_log(MX_LOG_ERROR, "vfs: the server of %s (%s) is gone: its files are lost until it is mounted again", mn->mn_source,
		mn->mn_type);
	mn->mn_lost = true;
	vfs_name_purge(mn);
	if (mn->mn_on_lost != NULL)
		mn->mn_on_lost(mn);
	if (mn->mn_root == vfs_root && mx_fibril_start(root_lost, NULL, "root lost") != KERN_SUCCESS)
		mx_server_fail("the file system of the root directory is gone");
}

kern_return_t
vfs_remote_mount(struct vfs_name *on, const char *type, const char *source, const char *disk, uint32_t flags,
	const char *options, size_t options_len, struct vfs_mount **out)
{
	char service[40];
	mach_port_t server, root;
	struct vfs_mount *mn;
	struct mx_attr attr;
	uint32_t cache;
	kern_return_t kr;

	(void)snprintf(service, sizeof(service), "pfs.%s", type);
	if (mx_lookup(service, &server) != KERN_SUCCESS)
		return MX_ENODEV;
	kr = volume_ask(server, disk, flags, options, options_len, &root, &attr, &cache);
	mx_port_release(server);
	if (kr != KERN_SUCCESS)
		return result(kr);
	if (!MACH_PORT_VALID(root) || (attr.at_mode & MX_S_IFMT) != MX_S_IFDIR) {
		mx_port_release(root);
		return MX_EIO;
	}
	kr = vfs_mount_remote(on, type, source, flags, root, &attr, cache, &mn);
	if (kr != KERN_SUCCESS)
		return kr;
	if (mx_on_dead_name(root, server_died, mn) != KERN_SUCCESS)
		mx_log(MX_LOG_WARNING, "vfs: the end of the server of a %s volume will not be noticed", type);
	if (out != NULL)
		*out = mn;
	return KERN_SUCCESS;
}

kern_return_t
vfs_remote_end(struct vfs_mount *mn)
{
	kern_return_t kr = pfs_unmount(mn->mn_port, 0);

	return kr == MX_EBUSY ? MX_EBUSY : KERN_SUCCESS;	/* a server that is gone has nothing to unmount */
}

kern_return_t
vfs_remote_remount(struct vfs_mount *mn, uint32_t flags)
{
	return result(pfs_remount(mn->mn_port, flags));
}

void
vfs_remote_stop(void)
{
	struct vfs_mount *mn, *last;

	do {
		last = NULL;
		for (mn = vfs_mount_first; mn != NULL; mn = mn->mn_next)
			if (mn->mn_volume == NULL && !mn->mn_lost && mn->mn_on_lost == NULL)	/* /proc comes and goes by itself */
				last = mn;
		if (last == NULL)
			return;
		last->mn_lost = true;		/* as far as this loop is concerned */
		vfs_name_hold(last->mn_root);	/* and it stays */
		vfs_name_purge(last);
		if (pfs_unmount(last->mn_port, MX_UNMOUNT_SOON) == MX_EBUSY &&
		    pfs_remount(last->mn_port, last->mn_flags | PFS_RDONLY | MX_REMOUNT_FORCE) != KERN_SUCCESS)
			mx_log(MX_LOG_ERROR, "vfs: %s (%s) could not be unmounted", last->mn_source, last->mn_type);
	} while (true);
}

static void
unmount_run(void *arg)
{
	mach_port_t port = (mach_port_t)(uintptr_t)arg;

	(void)pfs_unmount(port, MX_UNMOUNT_LAZY);	/* a server that is gone, or was told already, has nothing to unmount */
	mx_port_release(port);
}

void
vfs_remote_unmount(mach_port_t port)
{
	mx_forget_dead_name(port);
	if (mx_fibril_start(unmount_run, (void *)(uintptr_t)port, "unmount") != KERN_SUCCESS)
		mx_port_release(port);
}
