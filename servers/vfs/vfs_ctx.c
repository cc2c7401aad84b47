/*
 * vfs_ctx.c - contexts, and the port by which proc makes them.
 *
 * A context never changes: a process that changes its directory, root or credentials gets another one. So a right to it is all that
 * fork has to give to a child, and no request can see half a change.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "vfs_S.h"
#include "vfs_admin_S.h"
#include "vfs_rpc.h"

extern boolean_t vfs_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t vfs_admin_server(mach_msg_header_t *in, mach_msg_header_t *out);

/* ---- Contexts ---- */

static void
ctx_no_senders(struct mx_object *obj)
{
	mx_object_release(obj);
}

static void
ctx_free(struct mx_object *obj)
{
	struct vfs_ctx *cx = (struct vfs_ctx *)obj;

	pfs_quota_give(cx->cx_who.wh_cred.cr_fsuid);
	vfs_name_release(cx->cx_who.wh_root);
	vfs_name_release(cx->cx_who.wh_cwd);
}

static mx_demux_t *const ctx_demux[] = { vfs_server, NULL };
static struct mx_class ctx_class = {
	.mc_name = "vfs", .mc_size = sizeof(struct vfs_ctx), .mc_demux = ctx_demux, .mc_no_senders = ctx_no_senders,
	.mc_free = ctx_free,
};

struct vfs_ctx *
vfs_ctx_make(const struct mx_cred *cred, const uint32_t *groups, uint32_t ngroups, struct vfs_name *root,
	struct vfs_name *cwd)
{
	struct vfs_ctx *cx;

	if (!pfs_quota_take(cred->cr_fsuid))
		return NULL;
	cx = mx_object_create(&ctx_class);
	if (cx == NULL) {
		pfs_quota_give(cred->cr_fsuid);
		return NULL;
	}
	cx->cx_who.wh_cred = *cred;
	cx->cx_who.wh_ngroups = ngroups;
	memcpy(cx->cx_who.wh_groups, groups, ngroups * sizeof(*groups));
	cx->cx_who.wh_root = root;
	cx->cx_who.wh_cwd = cwd;
	vfs_name_hold(root);
	vfs_name_hold(cwd);
	return cx;
}

static struct vfs_ctx *
vfs_ctx_from_port(mach_port_t port)
{
	return mx_object_from_port(port, &ctx_class);
}

struct vfs_ctx *
vfs_ctx_of(struct mx_object *obj)
{
	return (struct vfs_ctx *)obj;		/* only contexts answer vfs.defs */
}

/* ---- Administration ---- */

kern_return_t
S_vfs_context_create(mx_object_ptr_t admin, mach_port_t base, mx_cred_t cred, const mx_ids_t groups,
	mach_msg_type_number_t ngroups, mach_port_t *ctx, mach_msg_type_name_t *ctx_type)
{
	struct vfs_name *root = vfs_root, *cwd = vfs_root;
	struct vfs_ctx *from, *cx;

	(void)admin;
	if (ngroups > MX_IDS_MAX)
		return MX_EINVAL;
	if (MACH_PORT_VALID(base)) {
		from = vfs_ctx_from_port(base);
		if (from == NULL)
			return MX_EINVAL;
		root = from->cx_who.wh_root;
		cwd = from->cx_who.wh_cwd;
	}
	cx = vfs_ctx_make(&cred, groups, ngroups, root, cwd);
	if (cx == NULL)
		return MX_ENOMEM;
	*ctx = mx_object_make_send(&cx->cx_object, ctx_type);
	if (*ctx == MACH_PORT_NULL) {
		mx_object_release(&cx->cx_object);
		return MX_ENOMEM;
	}
	mx_port_release(base);
	return KERN_SUCCESS;
}

kern_return_t
S_vfs_identify(mx_object_ptr_t admin, mach_port_t io, mx_attr_t *attr, boolean_t *setid_ok)
{
	struct pfs_node *node = pfs_file_node(io);
	struct vfs_vnode *vn = NULL;
	struct vfs_mount *mn;
	kern_return_t kr;

	(void)admin;
	if (node != NULL) {
		*attr = node->pn_attr;
		for (mn = vfs_mount_first; mn != NULL && mn->mn_volume != node->pn_volume; mn = mn->mn_next)
			;
		*setid_ok = mn != NULL && !(mn->mn_flags & PFS_NOSUID);
		mx_port_release(io);
		return KERN_SUCCESS;
	}
	kr = vfs_remote_identify(io, &vn);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vfs_vnode_attr(vn, attr);
	*setid_ok = !(vn->vn_mount->mn_flags & PFS_NOSUID);
	vfs_vnode_release(vn);
	if (kr == KERN_SUCCESS)
		mx_port_release(io);
	return kr;
}

kern_return_t
S_vfs_mounts(mx_object_ptr_t admin, uint32_t which, mx_data_t text, mach_msg_type_number_t *len)
{
	size_t size = MX_DATA_MAX;
	kern_return_t kr;

	(void)admin;
	if (which > 2)
		return MX_EINVAL;
	if (which == 2) {
		kr = vfs_source_types(text, &size);
		*len = size;
		return kr;
	}
	*len = vfs_mount_list(which == 1, text, MX_DATA_MAX);
	return KERN_SUCCESS;
}

static mx_demux_t *const admin_demux[] = { vfs_admin_server, NULL };
static struct mx_class admin_class = { .mc_name = "vfs.admin", .mc_size = sizeof(struct mx_object), .mc_demux = admin_demux };

struct mx_object *
vfs_admin_make(void)
{
	return mx_object_create(&admin_class);
}
