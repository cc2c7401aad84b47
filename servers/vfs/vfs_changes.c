/*
 * vfs_changes.c - counts of changes that clients can read, so that they need not ask twice.
 *
 * An answer about a name carries a stamp: the counts as they were when the request began. A change counts when it is done, and before
 * whoever asked for it hears so. So an answer whose counts have not moved was true after every change that its reader can know of.
 * Only names of volumes that nobody else changes are stamped, and attributes of nodes in this task. The page tells who reads it that
 * something changed, and not what.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "vfs_S.h"
#include "vfs_rpc.h"

static mach_port_t memory;

kern_return_t
vfs_changes_init(void)
{
	struct mx_changes *ch = mx_pages_alloc(sizeof(*ch));
	kern_return_t kr;

	if (ch == NULL)
		return MX_ENOMEM;
	memset(ch, 0, sizeof(*ch));		/* there before it is exported */
	kr = mx_memory_export(ch, sizeof(*ch), VM_PROT_READ, &memory);
	if (kr == KERN_SUCCESS)
		pfs_changes = ch;
	else
		mx_pages_free(ch, sizeof(*ch));
	return kr;
}

struct mx_stamp
vfs_stamp_begin(void)
{
	struct mx_stamp stamp = { 0, 0, 0, 0 };

	if (pfs_changes != NULL)
		stamp.st_names = pfs_changes->ch_names;
	return stamp;
}

void
vfs_stamp_end(struct mx_stamp *stamp, const struct vfs_vnode *vn)
{
	const struct pfs_node *node = vn->vn_node;

	if (pfs_changes == NULL || node == NULL || node->pn_volume->pv_ops->po_getattr != NULL || node->pn_lease != NULL)
		return;				/* who borrowed its end changes the size and tells nobody */
	stamp->st_place = pfs_changes_place(node);
	stamp->st_count = pfs_changes->ch_nodes[stamp->st_place];
}

kern_return_t
S_vfs_changes(mx_object_ptr_t ctx, mach_port_t *page, mach_msg_type_name_t *page_type)
{
	(void)ctx;
	if (memory == MACH_PORT_NULL)
		return MX_ENODEV;
	*page = memory;
	*page_type = MACH_MSG_TYPE_COPY_SEND;
	return KERN_SUCCESS;
}
