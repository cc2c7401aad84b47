/*
 * vfs_rpc.c - the routines of vfs.defs that look and open: decode and check, then call the core.
 *
 * A request comes to a context: its object is who asks. DIR, when it is not null, is a right that the client holds: it is looked
 * up among vfs's own objects and those of file systems in this task; any other port is no place in the tree.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/mach.h>
#include "vfs_S.h"
#include "vfs_rpc.h"

/* ---- Decoding ---- */

static bool
may_walk_from(mach_port_t dir, const char *path, mach_msg_type_number_t len)
{
	return MACH_PORT_VALID(dir) && (len == 0 || path[0] != '/');
}

/* The path of a request. LEN is bounded here: MIG has not done it. */
kern_return_t
vfs_path_decode(const struct vfs_who *who, int32_t pid, mach_port_t dir, const char *path, mach_msg_type_number_t len,
	struct vfs_path *out)
{
	if (len >= MX_PATH_MAX)
		return MX_ENAMETOOLONG;
	*out = (struct vfs_path){ who->wh_cwd, path, len, pid, NULL };
	if (!may_walk_from(dir, path, len))
		return KERN_SUCCESS;
	out->pa_start = vfs_dir_name(dir);
	if (out->pa_start == NULL)
		return pfs_file_node(dir) != NULL || vfs_fifo_vnode(dir) != NULL ? MX_ENOTDIR : MX_EBADF;
	return KERN_SUCCESS;
}

/* The mount that a volume of this task lies on. */
static struct vfs_mount *
mount_of_volume(const struct pfs_volume *vol)
{
	struct vfs_mount *mn;

	for (mn = vfs_mount_first; mn != NULL && mn->mn_volume != vol; mn = mn->mn_next)
		;
	return mn;
}

/* The vnode behind an open object; a reference. Errors: MX_EBADF */
static kern_return_t
port_vnode(mach_port_t io, struct vfs_vnode **out)
{
	struct vfs_name *na = vfs_dir_name(io);
	struct pfs_node *node = pfs_file_node(io);
	struct vfs_mount *mn;

	if (na != NULL) {
		*out = na->na_vnode;
	} else if (node != NULL) {
		mn = mount_of_volume(node->pn_volume);
		if (mn == NULL)
			return MX_EBADF;
		pfs_node_hold(node);
		*out = vfs_vnode_local(mn, node);	/* takes that reference */
		return *out != NULL ? KERN_SUCCESS : MX_ENOMEM;
	} else {
		*out = vfs_fifo_vnode(io);
		if (*out == NULL)
			*out = vfs_device_identify(io);
		if (*out == NULL)
			return vfs_remote_identify(io, out);
	}
	vfs_vnode_hold(*out);
	return KERN_SUCCESS;
}

kern_return_t
vfs_target_find(const struct vfs_who *who, int32_t pid, mach_port_t dir, const char *path, mach_msg_type_number_t len,
	uint32_t flags, bool follow, bool *steady, struct vfs_vnode **out)
{
	struct vfs_path pa;
	struct vfs_name *na;
	kern_return_t kr;

	if (len == 0 && (flags & MX_AT_EMPTY_PATH) && MACH_PORT_VALID(dir))
		return port_vnode(dir, out);
	kr = vfs_path_decode(who, pid, dir, path, len, &pa);
	if (kr != KERN_SUCCESS)
		return kr;
	pa.pa_steady = steady;
	kr = vfs_walk(who, &pa, (follow ? VFS_FOLLOW : 0) | (flags & MX_AT_EMPTY_PATH ? VFS_EMPTY_OK : 0), &na);
	if (kr != KERN_SUCCESS)
		return kr;
	*out = na->na_vnode;
	vfs_vnode_hold(*out);
	vfs_name_release(na);
	return KERN_SUCCESS;
}

struct vfs_who *
vfs_who_of(mx_object_ptr_t ctx)
{
	return &vfs_ctx_of(ctx)->cx_who;
}

/* DIR was the client's, and is the routine's after success. */
kern_return_t
vfs_done(kern_return_t kr, mach_port_t dir)
{
	if (kr == KERN_SUCCESS)
		mx_port_release(dir);
	return kr;
}

/* ---- Opening ---- */

/* May a client use what it opened with FLAGS again, after it closed it? What somebody mounted must not be kept busy by that. */
static bool
is_repeatable(const struct vfs_vnode *vn, uint32_t flags, uint32_t kind)
{
	return kind == MX_KIND_FILE && (flags & ~MX_O_LARGEFILE) == MX_O_RDONLY && vn->vn_mount->mn_stays;
}

/* What is behind DIR, opened anew: it may have no name any more, and the way to one is not asked for. */
static kern_return_t
object_open(const struct vfs_who *wh, mach_port_t dir, uint32_t flags, char *data, struct vfs_opened *od)
{
	struct vfs_vnode *vn;
	kern_return_t kr = port_vnode(dir, &vn);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_open_again(wh, vn, flags, data, od);
	vfs_vnode_release(vn);
	return kr;
}

/* PATH, or what it is opened as. *STEADY: STAMP may say how long it is the same. */
static kern_return_t
path_open(const struct vfs_who *wh, const struct vfs_path *pa, uint32_t tag, uint32_t flags, uint32_t mode, mx_stamp_t *stamp,
	const bool *steady, char *data, struct vfs_opened *od)
{
	struct vfs_name *na;
	bool created;
	kern_return_t kr = vfs_op_open(wh, pa, flags, mode, &na, &created);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_open_name(wh, pa, na, flags, tag, created, data, od);
	if (kr == KERN_SUCCESS && *steady && is_repeatable(na->na_vnode, flags, od->od_kind))
		vfs_stamp_end(stamp, na->na_vnode);
	vfs_name_release(na);
	return kr;
}

kern_return_t
S_vfs_open(mx_object_ptr_t ctx, uint32_t tag, int32_t who, mach_port_t dir, const mx_path_t path,
	mach_msg_type_number_t path_len, uint32_t flags, uint32_t mode, uint32_t *kind, mach_port_t *io,
	mach_msg_type_name_t *io_type, mx_attr_t *attr, mx_stamp_t *stamp, mx_blob_t data, mach_msg_type_number_t *data_len)
{
	const struct vfs_who *wh = vfs_who_of(ctx);
	struct vfs_opened od;
	struct vfs_path pa;
	bool steady = false;
	kern_return_t kr;

	*stamp = vfs_stamp_begin();
	if (path_len == 0 && MACH_PORT_VALID(dir)) {
		kr = object_open(wh, dir, flags, data, &od);
	} else {
		kr = vfs_path_decode(wh, who, dir, path, path_len, &pa);
		pa.pa_steady = &steady;
		if (kr == KERN_SUCCESS)
			kr = path_open(wh, &pa, tag, flags, mode, stamp, &steady, data, &od);
	}
	if (kr != KERN_SUCCESS)
		return kr;
	*kind = od.od_kind;
	*io = od.od_io;
	*io_type = MACH_MSG_TYPE_MOVE_SEND;
	*attr = od.od_attr;
	*data_len = od.od_data_len;
	return vfs_done(KERN_SUCCESS, dir);
}

/* A name of VN that can be reached, or NULL. */
static struct vfs_name *
name_of(const struct vfs_vnode *vn)
{
	struct vfs_name *na;

	for (na = vn->vn_names; na != NULL; na = na->na_alias)
		if (na->na_hashed || vn->vn_mount->mn_root == na)
			return na;
	return NULL;
}

/* What is to be executed, and its path, if it has one, in EXE. *OUT a reference. */
static kern_return_t
program_find(const struct vfs_who *wh, int32_t who, mach_port_t dir, const char *path, mach_msg_type_number_t path_len,
	struct mx_exe *exe, struct vfs_vnode **out)
{
	struct vfs_name *na = NULL;
	struct vfs_path pa;
	size_t len = 0;
	bool created;
	kern_return_t kr;

	if (path_len == 0) {
		kr = vfs_target_find(wh, who, dir, path, 0, MX_AT_EMPTY_PATH, true, NULL, out);
		if (kr != KERN_SUCCESS)
			return kr;
		kr = vfs_open_check(wh, *out, MX_O_RDONLY | MX_OPEN_EXEC, false);
		na = name_of(*out);
		if (kr != KERN_SUCCESS)
			vfs_vnode_release(*out);
		else if (na != NULL)
			vfs_name_hold(na);
	} else {
		kr = vfs_path_decode(wh, who, dir, path, path_len, &pa);
		if (kr == KERN_SUCCESS)
			kr = vfs_op_open(wh, &pa, MX_O_RDONLY | MX_OPEN_EXEC, 0, &na, &created);
		if (kr == KERN_SUCCESS) {
			*out = na->na_vnode;
			vfs_vnode_hold(*out);
		}
	}
	if (kr != KERN_SUCCESS)
		return kr;
	memset(exe, 0, sizeof(*exe));
	if (na == NULL || vfs_name_path(na, wh->wh_root, exe->ex_path, sizeof(exe->ex_path) - 1, &len) != KERN_SUCCESS)
		len = 0;
	memset(exe->ex_path + len, 0, sizeof(exe->ex_path) - len);	/* what was written on the way */
	if (na != NULL)
		vfs_name_release(na);
	return KERN_SUCCESS;
}

kern_return_t
S_vfs_exec(mx_object_ptr_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t path_len, mach_port_t *io,
	mach_msg_type_name_t *io_type, mach_port_t *memory, mach_msg_type_name_t *memory_type, mx_attr_t *attr, mx_exe_t *exe,
	mx_blob_t data, mach_msg_type_number_t *data_len)
{
	const struct vfs_who *wh = vfs_who_of(ctx);
	struct vfs_opened od;
	struct vfs_vnode *vn;
	kern_return_t kr;

	kr = program_find(wh, who, dir, path, path_len, exe, &vn);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_open_program(wh, vn, data, &od);
	vfs_vnode_release(vn);
	if (kr != KERN_SUCCESS)
		return kr;
	if (od.od_kind != MX_KIND_FILE) {
		mx_port_release(od.od_io);
		return MX_EACCES;
	}
	*io = od.od_io;
	*io_type = *memory_type = MACH_MSG_TYPE_MOVE_SEND;
	if (pfs_file_memory(od.od_io, memory) != KERN_SUCCESS)
		*memory = MACH_PORT_NULL;	/* of another server; or io_map will say why */
	*attr = od.od_attr;
	*data_len = od.od_data_len;
	return vfs_done(KERN_SUCCESS, dir);
}

kern_return_t
S_vfs_pipe(mx_object_ptr_t ctx, uint32_t flags, mach_port_t *reader, mach_msg_type_name_t *reader_type,
	mach_port_t *writer, mach_msg_type_name_t *writer_type, mach_port_t *ring, mach_msg_type_name_t *ring_type,
	uint64_t *ino)
{
	const struct vfs_who *wh = vfs_who_of(ctx);
	struct mx_object *r, *w;
	kern_return_t kr;

	(void)flags;
	kr = vfs_pipe_make(wh->wh_cred.cr_fsuid, wh->wh_cred.cr_fsgid, &r, &w, ring, ino);
	if (kr != KERN_SUCCESS)
		return kr;
	*ring_type = MACH_MSG_TYPE_MOVE_SEND;
	*reader = mx_object_make_send(r, reader_type);
	*writer = mx_object_make_send(w, writer_type);
	if (*reader != MACH_PORT_NULL && *writer != MACH_PORT_NULL)
		return KERN_SUCCESS;
	mx_port_release(*reader);
	mx_port_release(*writer);
	mx_port_release(*ring);
	if (*reader == MACH_PORT_NULL)
		mx_object_release(r);		/* the other goes with its right */
	if (*writer == MACH_PORT_NULL)
		mx_object_release(w);
	return MX_ENFILE;
}

/* ---- Questions ---- */

kern_return_t
S_vfs_stat(mx_object_ptr_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t path_len,
	uint32_t flags, mx_attr_t *attr, mx_stamp_t *stamp)
{
	bool steady = false;
	struct vfs_vnode *vn;
	kern_return_t kr;

	*stamp = vfs_stamp_begin();
	kr = vfs_target_find(vfs_who_of(ctx), who, dir, path, path_len, flags, !(flags & MX_AT_SYMLINK_NOFOLLOW), &steady, &vn);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_vnode_attr(vn, attr);
	if (steady)
		vfs_stamp_end(stamp, vn);
	vfs_vnode_release(vn);
	return vfs_done(kr, dir);
}

kern_return_t
S_vfs_access(mx_object_ptr_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t path_len,
	uint32_t mode, uint32_t flags)
{
	const struct vfs_who *wh = vfs_who_of(ctx);
	struct vfs_path pa;
	struct vfs_vnode *vn;
	unsigned int follow = flags & MX_AT_SYMLINK_NOFOLLOW ? 0 : VFS_FOLLOW;
	kern_return_t kr;

	if (path_len == 0 && (flags & MX_AT_EMPTY_PATH) && MACH_PORT_VALID(dir)) {
		kr = port_vnode(dir, &vn);
		if (kr != KERN_SUCCESS)
			return kr;
		kr = vfs_op_access_vnode(wh, vn, mode, (flags & MX_AT_EACCESS) != 0);
		vfs_vnode_release(vn);
		return vfs_done(kr, dir);
	}
	kr = vfs_path_decode(wh, who, dir, path, path_len, &pa);
	if (flags & MX_AT_EMPTY_PATH)
		follow |= VFS_EMPTY_OK;
	if (kr == KERN_SUCCESS)
		kr = vfs_op_access(wh, &pa, mode, (flags & MX_AT_EACCESS) != 0, follow);
	return vfs_done(kr, dir);
}

kern_return_t
S_vfs_readlink(mx_object_ptr_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t path_len,
	mx_path_t target, mach_msg_type_number_t *target_len)
{
	const struct vfs_who *wh = vfs_who_of(ctx);
	struct vfs_path pa;
	size_t len = 0;
	kern_return_t kr = vfs_path_decode(wh, who, dir, path, path_len, &pa);

	if (kr == KERN_SUCCESS)
		kr = vfs_op_readlink(wh, &pa, target, MX_PATH_MAX, &len);
	*target_len = len;
	return vfs_done(kr, dir);
}

kern_return_t
S_vfs_statfs(mx_object_ptr_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t path_len,
	uint32_t flags, mx_statfs_t *st)
{
	struct vfs_vnode *vn;
	kern_return_t kr;

	kr = vfs_target_find(vfs_who_of(ctx), who, dir, path, path_len, flags, !(flags & MX_AT_SYMLINK_NOFOLLOW), NULL, &vn);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_node_statfs(vn, st);
	st->sf_flags = vn->vn_mount->mn_flags;
	vfs_vnode_release(vn);
	return vfs_done(kr, dir);
}

kern_return_t
S_vfs_getcwd(mx_object_ptr_t ctx, mx_path_t path, mach_msg_type_number_t *path_len)
{
	const struct vfs_who *wh = vfs_who_of(ctx);
	size_t len = 0;
	kern_return_t kr = vfs_name_path(wh->wh_cwd, wh->wh_root, path, MX_PATH_MAX - 1, &len);

	*path_len = len;
	return kr;
}

kern_return_t
S_vfs_path_of(mx_object_ptr_t ctx, mach_port_t io, mx_path_t path, mach_msg_type_number_t *path_len)
{
	struct vfs_name *na = vfs_dir_name(io);
	struct vfs_vnode *vn = NULL;
	size_t len = 0;
	kern_return_t kr = KERN_SUCCESS;

	if (na == NULL) {
		kr = port_vnode(io, &vn);
		if (kr != KERN_SUCCESS)
			return MX_ENOENT;
		na = name_of(vn);
	}
	kr = na != NULL ? vfs_name_path(na, vfs_who_of(ctx)->wh_root, path, MX_PATH_MAX - 1, &len) : MX_ENOENT;
	*path_len = len;
	if (vn != NULL)
		vfs_vnode_release(vn);
	return vfs_done(kr, io);
}

/* ---- Contexts ---- */

/* May WHO make NA its directory or root? */
static kern_return_t
chdir_check(const struct vfs_who *who, const struct vfs_name *na, bool root)
{
	if (!vfs_vnode_is_dir(na->na_vnode))
		return MX_ENOTDIR;
	if (root && who->wh_cred.cr_euid != 0)
		return MX_EPERM;
	return vfs_perm(who, vfs_vnode_facts(na->na_vnode), VFS_X);
}

kern_return_t
S_vfs_chdir(mx_object_ptr_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t path_len,
	uint32_t flags, boolean_t root, mach_port_t *newctx, mach_msg_type_name_t *newctx_type)
{
	const struct vfs_who *wh = vfs_who_of(ctx);
	struct vfs_ctx *cx = NULL;
	struct vfs_path pa;
	struct vfs_name *na;
	kern_return_t kr = vfs_path_decode(wh, who, dir, path, path_len, &pa);

	if (kr == KERN_SUCCESS)
		kr = vfs_walk(wh, &pa, VFS_FOLLOW | (flags & MX_AT_EMPTY_PATH ? VFS_EMPTY_OK : 0), &na);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = chdir_check(wh, na, root != 0);
	if (kr == KERN_SUCCESS) {
		cx = vfs_ctx_make(&wh->wh_cred, wh->wh_groups, wh->wh_ngroups, root ? na : wh->wh_root,
			root ? wh->wh_cwd : na);
		kr = cx != NULL ? KERN_SUCCESS : MX_ENOMEM;
	}
	vfs_name_release(na);
	if (kr != KERN_SUCCESS)
		return kr;
	*newctx = mx_object_make_send(&cx->cx_object, newctx_type);
	if (*newctx == MACH_PORT_NULL) {
		mx_object_release(&cx->cx_object);
		return MX_ENOMEM;
	}
	return vfs_done(KERN_SUCCESS, dir);
}
