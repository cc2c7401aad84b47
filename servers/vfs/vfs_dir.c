/*
 * vfs_dir.c - open directories, and objects opened only as a place in the tree (O_PATH).
 *
 * vfs serves them itself: they hold a name, from which relative paths start. "." and ".." are added here: cookie 0 is before ".",
 * 1 before "..", and the file system's cookies follow, two higher than it gave them.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "vfs_rpc.h"

struct open_dir {
	struct mx_io	op_io;		/* first */
	struct vfs_name	*op_name;	/* a reference */
	uint32_t	op_flags;
	int32_t		op_pid;		/* who opened it */
	uint32_t	op_uid;
	struct pfs_quiet op_quiet;
};

static struct open_dir *
dir_of(struct mx_io *io)
{
	return (struct open_dir *)io;
}

/* ---- Entries ---- */

/* Append one of the two names that every directory has. */
static bool
dot_add(char *data, size_t size, size_t *used, uint64_t ino, uint64_t next, size_t len)
{
	const size_t reclen = 24;		/* MX_DIRENT_NAME, two dots, a NUL, rounded up to 8 */
	struct mx_dirent de = {
		.de_ino = ino, .de_cookie = next, .de_reclen = (uint16_t)reclen, .de_type = MX_DT(MX_S_IFDIR),
		.de_namelen = (uint8_t)len, .de_name = { '.', len == 2 ? '.' : '\0', '\0', '\0' },
	};

	if (size - *used < reclen)
		return false;
	memcpy(data + *used, &de, reclen);
	*used += reclen;
	return true;
}

static uint64_t
parent_ino(const struct vfs_name *na)
{
	while (na->na_vnode->vn_mount->mn_root == na && na->na_vnode->vn_mount->mn_covered != NULL)
		na = na->na_vnode->vn_mount->mn_covered;
	return vfs_vnode_facts((na->na_parent != NULL ? na->na_parent : na)->na_vnode)->at_ino;
}

/* The file system's entries have its cookies: make them ours. */
static void
cookies_shift(char *data, size_t len)
{
	struct mx_dirent *de;
	size_t at;

	for (at = 0; at + MX_DIRENT_NAME < len; at += de->de_reclen) {
		de = (struct mx_dirent *)(data + at);
		if (de->de_reclen < MX_DIRENT_NAME)
			break;				/* what a server elsewhere sent may be anything */
		de->de_cookie += 2;
	}
}

static kern_return_t
dir_getdents(struct mx_io *io, uint64_t cookie, char *data, size_t *count)
{
	struct open_dir *op = dir_of(io);
	struct vfs_vnode *vn = op->op_name->na_vnode;
	size_t size = *count, used = 0, len;
	kern_return_t kr;

	if (!vfs_vnode_is_dir(vn))
		return MX_ENOTDIR;
	if (op->op_flags & MX_O_PATH)
		return MX_EBADF;
	if (cookie == 0 && dot_add(data, size, &used, vfs_vnode_facts(vn)->at_ino, 1, 1))
		cookie = 1;
	if (cookie == 1 && dot_add(data, size, &used, parent_ino(op->op_name), 2, 2))
		cookie = 2;
	if (cookie < 2) {
		*count = used;
		return used > 0 ? KERN_SUCCESS : MX_EINVAL;
	}
	len = size - used;
	kr = vfs_node_readdir(vn, cookie - 2, op->op_pid, data + used, &len);
	if (kr == MX_EINVAL && used > 0) {		/* no room for the next: that is for the next call to say */
		kr = KERN_SUCCESS;
		len = 0;
	}
	if (kr != KERN_SUCCESS)
		return kr;
	cookies_shift(data + used, len);
	*count = used + len;
	return KERN_SUCCESS;
}

/* ---- The rest ---- */

static kern_return_t
dir_stat(struct mx_io *io, struct mx_attr *attr)
{
	return vfs_vnode_attr(dir_of(io)->op_name->na_vnode, attr);
}

static kern_return_t
dir_statfs(struct mx_io *io, struct mx_statfs *st)
{
	return vfs_node_statfs(dir_of(io)->op_name->na_vnode, st);
}

static kern_return_t
dir_sync(struct mx_io *io, bool data_only)
{
	return vfs_node_fsync(dir_of(io)->op_name->na_vnode, data_only);
}

static kern_return_t
dir_read(struct mx_io *io, const struct mx_io_call *call, int64_t offset, char *data, size_t *count)
{
	(void)call;
	(void)offset;
	(void)data;
	(void)count;
	return dir_of(io)->op_flags & MX_O_PATH ? MX_EBADF : MX_EISDIR;
}

static const struct mx_io_ops dir_ops = {
	.read = dir_read,
	.stat = dir_stat,
	.statfs = dir_statfs,
	.sync = dir_sync,
	.getdents = dir_getdents,
};

static void
dir_no_senders(struct mx_object *obj)
{
	mx_object_release(obj);
}

static void
dir_free(struct mx_object *obj)
{
	struct open_dir *op = (struct open_dir *)obj;

	pfs_quota_give(op->op_uid);
	pfs_quiet_forget(&op->op_quiet);
	vfs_name_release(op->op_name);
}

static struct mx_class dir_class = {
	.mc_name = "directory", .mc_size = sizeof(struct open_dir), .mc_demux = mx_io_demux, .mc_no_senders = dir_no_senders,
	.mc_free = dir_free,
};

static struct open_dir *
dir_make(struct vfs_name *na, uint32_t flags, int32_t pid, uint32_t uid)
{
	struct open_dir *op;

	if (!pfs_quota_take(uid)) {
		pfs_quiet_sweep(PFS_QUIET_ALL);
		if (!pfs_quota_take(uid))
			return NULL;
	}
	op = mx_object_create(&dir_class);
	if (op == NULL) {
		pfs_quota_give(uid);
		return NULL;
	}
	op->op_io.io_ops = &dir_ops;
	op->op_name = na;
	op->op_flags = flags;
	op->op_pid = pid;
	op->op_uid = uid;
	vfs_name_hold(na);
	return op;
}

mach_port_t
vfs_dir_open(struct vfs_name *na, uint32_t flags, int32_t pid, uint32_t uid)
{
	struct open_dir *op = dir_make(na, flags, pid, uid);
	mach_port_t right;

	if (op == NULL)
		return MACH_PORT_NULL;
	right = pfs_quiet_give(&op->op_quiet, &op->op_io.io_object, na);
	if (right == MACH_PORT_NULL)
		mx_object_release(&op->op_io.io_object);
	return right;
}

struct vfs_name *
vfs_dir_name(mach_port_t io)
{
	struct open_dir *op = mx_object_from_port(io, &dir_class);

	return op != NULL ? op->op_name : NULL;
}
