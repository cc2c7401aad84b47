/*
 * vfs_open.c - from a name to an open object: the one place where rights to data are handed out.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "vfs_rpc.h"

/* Give OBJ, whose only reference it is, to the client. */
static kern_return_t
object_give(struct mx_object *obj, uint32_t kind, struct vfs_opened *od)
{
	if (obj == NULL)
		return MX_ENFILE;
	od->od_kind = kind;
	od->od_io = mx_object_send_right(obj);
	if (od->od_io != MACH_PORT_NULL)
		return KERN_SUCCESS;
	mx_object_release(obj);
	return MX_ENFILE;
}

static kern_return_t
dir_open(const struct vfs_who *who, const struct vfs_path *path, struct vfs_name *na, uint32_t flags, struct vfs_opened *od)
{
	od->od_kind = flags & MX_O_PATH ? MX_KIND_PATH : MX_KIND_DIR;
	od->od_io = vfs_dir_open(na, flags, path->pa_pid, who->wh_cred.cr_fsuid);
	return od->od_io != MACH_PORT_NULL ? KERN_SUCCESS : MX_ENFILE;
}

static kern_return_t
local_open(struct vfs_vnode *vn, uint32_t flags, uint32_t uid, char *data, struct vfs_opened *od)
{
	struct pfs_node *node = vn->vn_node;
	struct pfs_file *pf;
	uint32_t kind;
	kern_return_t kr = pfs_file_open(node, flags, uid, &pf, &kind);

	if (kr != KERN_SUCCESS)
		return kr;
	if ((flags & MX_OPEN_EXEC) && kind == MX_KIND_FILE)
		(void)pfs_node_read(node, 0, data, MX_BLOB_MAX, &od->od_data_len);	/* only a help */
	od->od_attr = node->pn_attr;
	od->od_kind = kind;
	od->od_io = pfs_file_right(pf);
	if (od->od_io != MACH_PORT_NULL)
		return KERN_SUCCESS;
	mx_object_release(pfs_file_object(pf));
	return MX_ENFILE;
}

static kern_return_t
regular_open(const struct vfs_who *who, struct vfs_vnode *vn, uint32_t flags, char *data, struct vfs_opened *od)
{
	uint32_t uid = who->wh_cred.cr_fsuid;

	if (vn->vn_node != NULL)
		return local_open(vn, flags, uid, data, od);
	return vfs_remote_open(vn, flags, uid, flags & MX_OPEN_EXEC ? MX_BLOB_MAX : 0, data, od);
}

kern_return_t
vfs_open_again(const struct vfs_who *who, struct vfs_vnode *vn, uint32_t flags, char *data, struct vfs_opened *od)
{
	kern_return_t kr = vfs_vnode_type(vn) == MX_S_IFREG ? vfs_open_check(who, vn, flags, false) : MX_ENOENT;

	od->od_data_len = 0;
	return kr == KERN_SUCCESS ? regular_open(who, vn, flags & ~(uint32_t)MX_OPEN_EXEC, data, od) : kr;
}

static kern_return_t
fifo_open(const struct vfs_who *who, struct vfs_vnode *vn, uint32_t flags, uint32_t tag, struct vfs_opened *od)
{
	struct mx_object *end;
	kern_return_t kr = vfs_fifo_open(vn, flags, who->wh_cred.cr_fsuid, tag, &end);

	return kr == KERN_SUCCESS ? object_give(end, MX_KIND_FIFO, od) : kr;
}

kern_return_t
vfs_open_name(const struct vfs_who *who, const struct vfs_path *path, struct vfs_name *na, uint32_t flags, uint32_t tag,
	bool created, char *data, struct vfs_opened *od)
{
	struct vfs_vnode *vn = na->na_vnode;
	kern_return_t kr;

	od->od_io = MACH_PORT_NULL;
	od->od_data_len = 0;
	if (created)
		flags &= ~MX_O_TRUNC;
	if (!(flags & MX_O_PATH) && vfs_vnode_type(vn) == MX_S_IFREG)
		return regular_open(who, vn, flags, data, od);
	kr = vfs_vnode_attr(vn, &od->od_attr);
	if (kr != KERN_SUCCESS)
		return kr;
	if (flags & MX_O_PATH)
		return dir_open(who, path, na, flags, od);
	switch (vfs_vnode_type(vn)) {
	case MX_S_IFDIR:
		return dir_open(who, path, na, flags, od);
	case MX_S_IFIFO:
		return fifo_open(who, vn, flags, tag, od);
	case MX_S_IFCHR:
	case MX_S_IFBLK:
		return vfs_device_open(who, vn, flags, &od->od_io, &od->od_kind);
	default:
		return MX_ENXIO;
	}
}

kern_return_t
vfs_open_program(const struct vfs_who *who, struct vfs_vnode *vn, char *data, struct vfs_opened *od)
{
	od->od_io = MACH_PORT_NULL;
	od->od_data_len = 0;
	return regular_open(who, vn, MX_O_RDONLY | MX_OPEN_EXEC, data, od);
}
