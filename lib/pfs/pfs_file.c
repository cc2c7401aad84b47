/*
 * pfs_file.c - open files: the operations of io.defs on a node.
 *
 * An open file is an io object that knows its node and how it was opened. Its offset is the client's business, except that a
 * read or write without an offset (-1) goes on where the last one ended. Text files are printed when they are read from the
 * beginning.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <masix/mach.h>
#include <masix/pager.h>
#include "pfs_lib.h"

struct pfs_file {
	struct mx_io	pf_io;		/* first */
	struct pfs_node	*pf_node;	/* a reference */
	uint32_t	pf_flags;	/* MX_O_* */
	uint32_t	pf_uid;		/* who opened it */
	uint64_t	pf_next;	/* for transfers without an offset */
	uint32_t	pf_store_errors;	/* of the node, that its fsync has told of */
	struct pfs_text	pf_text;
	struct pfs_quiet pf_quiet;
	struct pfs_claim pf_claim;
	struct pfs_lease *pf_lease;
};

static struct mx_class file_class;

static struct pfs_file *
file_of(struct mx_io *io)
{
	return (struct pfs_file *)io;
}

static const struct pfs_ops *
ops_of(const struct pfs_file *pf)
{
	return pf->pf_node->pn_volume->pv_ops;
}

static bool
may_read(const struct pfs_file *pf)
{
	return (pf->pf_flags & MX_O_ACCMODE) != MX_O_WRONLY;
}

static bool
may_write(const struct pfs_file *pf)
{
	return (pf->pf_flags & MX_O_ACCMODE) != MX_O_RDONLY && !(pf->pf_flags & MX_OPEN_EXEC);
}

/* ---- Data ---- */

static kern_return_t
text_read(struct pfs_file *pf, uint64_t offset, char *data, size_t *count)
{
	kern_return_t kr;

	if (offset == 0 || pf->pf_text.tx_buf == NULL) {
		pfs_text_reset(&pf->pf_text);
		kr = ops_of(pf)->po_text(pf->pf_node, &pf->pf_text);
		if (kr == KERN_SUCCESS && pf->pf_text.tx_failed)
			kr = MX_ENOMEM;
		if (kr != KERN_SUCCESS) {
			pfs_text_reset(&pf->pf_text);
			return kr;
		}
	}
	*count = pfs_text_read(&pf->pf_text, offset, data, *count);
	return KERN_SUCCESS;
}

static kern_return_t
file_read(struct mx_io *io, const struct mx_io_call *call, int64_t offset, char *data, size_t *count)
{
	struct pfs_file *pf = file_of(io);
	uint64_t at = offset >= 0 ? (uint64_t)offset : pf->pf_next;
	kern_return_t kr;

	(void)call;
	if (!may_read(pf))
		return MX_EBADF;
	if (ops_of(pf)->po_text != NULL)
		kr = text_read(pf, at, data, count);
	else
		kr = pfs_node_read(pf->pf_node, at, data, *count, count);
	if (kr == KERN_SUCCESS && offset < 0)
		pf->pf_next = at + *count;
	return kr;
}

/* Make PF's file durable. A page that could not be stored, then or since it was opened, is told of once. */
static kern_return_t
file_store(struct pfs_file *pf, bool data_only)
{
	kern_return_t kr;

	pfs_lease_look(pf->pf_node);
	kr = pfs_node_fsync(pf->pf_node, data_only);
	if (pf->pf_store_errors == pf->pf_node->pn_store_errors)
		return kr;
	pf->pf_store_errors = pf->pf_node->pn_store_errors;
	return MX_EIO;
}

/* Write to the end, which comes back in *AT, or at *AT. Between looking at the size and having written may be waits: who makes the file
 * longer meanwhile would write to the same place. */
static kern_return_t
contents_write(struct pfs_node *node, bool append, uint64_t *at, const char *data, size_t *count)
{
	bool grows = append || *at + *count > node->pn_attr.at_size;
	kern_return_t kr;

	if (grows)
		mx_mutex_lock(&node->pn_growing);
	if (append) {
		pfs_lease_end(node);
		*at = node->pn_attr.at_size;
	}
	kr = pfs_node_write(node, *at, data, *count, count);
	if (grows)
		mx_mutex_unlock(&node->pn_growing);
	return kr;
}

/* What PF has written is on the disk, but need not last. */
static kern_return_t
file_write_back(struct pfs_file *pf)
{
	uint32_t errors = pf->pf_node->pn_store_errors;

	ops_of(pf)->po_write_back(pf->pf_node);
	return pf->pf_node->pn_store_errors == errors ? KERN_SUCCESS : MX_EIO;
}

static kern_return_t
file_write(struct mx_io *io, const struct mx_io_call *call, int64_t *offset, const char *data, size_t *count)
{
	struct pfs_file *pf = file_of(io);
	uint64_t at = *offset >= 0 ? (uint64_t)*offset : pf->pf_next;
	kern_return_t kr;

	if (!may_write(pf))
		return MX_EBADF;
	if (ops_of(pf)->po_text != NULL) {
		if (ops_of(pf)->po_text_write == NULL)
			return MX_EACCES;
		return ops_of(pf)->po_text_write(pf->pf_node, pf->pf_uid, data, *count);
	}
	pfs_node_setid_drop(pf->pf_node, pf->pf_uid);
	kr = contents_write(pf->pf_node, (call->ic_flags & MX_IO_APPEND) != 0, &at, data, count);
	if (kr == KERN_SUCCESS && ((call->ic_flags & MX_IO_SYNC) || (pf->pf_node->pn_volume->pv_flags & PFS_SYNC)))
		kr = file_store(pf, false);
	else if (kr == KERN_SUCCESS && (call->ic_flags & MX_IO_DIRECT) && ops_of(pf)->po_write_back != NULL)
		kr = file_write_back(pf);
	if (*offset < 0)
		pf->pf_next = at + *count;
	*offset = (int64_t)at;
	return kr;
}

static void
file_touch(struct mx_io *io, int64_t sec, uint32_t ns)
{
	struct pfs_file *pf = file_of(io);

	if (!may_write(pf) || ops_of(pf)->po_text != NULL)
		return;
	pfs_node_setid_drop(pf->pf_node, pf->pf_uid);
	pfs_node_written(pf->pf_node, sec, ns);
}

static kern_return_t
file_truncate(struct mx_io *io, uint64_t size)
{
	struct pfs_file *pf = file_of(io);

	if (!may_write(pf))
		return MX_EINVAL;
	pfs_node_setid_drop(pf->pf_node, pf->pf_uid);
	return pfs_node_truncate(pf->pf_node, size);
}

static kern_return_t
file_sync(struct mx_io *io, bool data_only)
{
	return file_store(file_of(io), data_only);
}

static kern_return_t
file_seek(struct mx_io *io, uint32_t whence, uint64_t *offset)
{
	struct pfs_file *pf = file_of(io);
	bool is_data = whence == 3;

	pfs_lease_look(pf->pf_node);
	if (*offset >= pf->pf_node->pn_attr.at_size)
		return MX_ENXIO;
	if (ops_of(pf)->po_seek != NULL)
		return ops_of(pf)->po_seek(pf->pf_node, is_data, offset);
	if (!is_data)
		*offset = pf->pf_node->pn_attr.at_size;
	return KERN_SUCCESS;
}

static kern_return_t
file_allocate(struct mx_io *io, uint32_t mode, uint64_t offset, uint64_t length)
{
	struct pfs_file *pf = file_of(io);
	kern_return_t kr;

	if (!may_write(pf))
		return MX_EBADF;
	if (ops_of(pf)->po_allocate == NULL)
		return MX_EOPNOTSUPP;
	mx_mutex_lock(&pf->pf_node->pn_growing);
	pfs_lease_end(pf->pf_node);
	kr = ops_of(pf)->po_allocate(pf->pf_node, mode, offset, length);
	mx_mutex_unlock(&pf->pf_node->pn_growing);
	if (kr == KERN_SUCCESS)
		pfs_node_touch(pf->pf_node, PFS_MTIME | PFS_CTIME);
	return kr;
}

/* ---- Mapping ---- */

static kern_return_t
pager_get(struct pfs_file *pf)
{
	struct pfs_node *node = pf->pf_node;
	struct mx_pager *pg;
	kern_return_t kr;

	if (node->pn_pager != NULL)
		return KERN_SUCCESS;
	if (ops_of(pf)->po_pager == NULL || (node->pn_attr.at_mode & MX_S_IFMT) != MX_S_IFREG)
		return MX_ENODEV;
	kr = ops_of(pf)->po_pager(node, &pg);
	if (kr == KERN_SUCCESS)
		node->pn_pager = pg;
	return kr;
}

/* A mapping shows what the cache has: from now on nobody borrows the end of NODE. */
static void
mapped_mark(struct pfs_node *node)
{
	node->pn_mapped = true;
	pfs_lease_end(node);
}

static kern_return_t
file_map(struct mx_io *io, mach_port_t *memory, vm_prot_t *max_prot, mach_port_t *info, uint32_t *info_offset)
{
	struct pfs_file *pf = file_of(io);
	mach_port_t proxy;
	kern_return_t kr;

	if (!may_read(pf))
		return MX_EACCES;
	mapped_mark(pf->pf_node);
	kr = pager_get(pf);
	if (kr != KERN_SUCCESS)
		return kr;
	*max_prot = VM_PROT_READ | VM_PROT_EXECUTE | (may_write(pf) ? VM_PROT_WRITE : 0);
	kr = mx_pager_memory(pf->pf_node->pn_pager, *max_prot, &proxy);
	if (kr == KERN_SUCCESS)
		kr = syscall_mach_port_insert_right(mx_task, proxy, proxy, MACH_MSG_TYPE_COPY_SEND);
	if (kr != KERN_SUCCESS)
		return kr;
	*memory = proxy;
	kr = pfs_inode_attach(pf->pf_node, info, info_offset);
	if (kr != KERN_SUCCESS)
		mx_port_release(proxy);
	return kr;
}

static kern_return_t
file_lease(struct mx_io *io, bool mapped, mach_port_t *memory)
{
	struct pfs_file *pf = file_of(io);

	if (!may_write(pf) || ops_of(pf)->po_text != NULL)
		return MX_EOPNOTSUPP;
	pfs_node_setid_drop(pf->pf_node, pf->pf_uid);
	return pfs_lease_get(pf->pf_node, &pf->pf_lease, mapped, memory);
}

kern_return_t
pfs_file_memory(mach_port_t io, mach_port_t *memory)
{
	struct pfs_file *pf = mx_object_from_port(io, &file_class);
	kern_return_t kr;

	if (pf == NULL || !may_read(pf))
		return MX_EACCES;
	mapped_mark(pf->pf_node);
	kr = pager_get(pf);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = mx_pager_memory(pf->pf_node->pn_pager, VM_PROT_READ | VM_PROT_EXECUTE, memory);
	if (kr == KERN_SUCCESS)
		kr = syscall_mach_port_insert_right(mx_task, *memory, *memory, MACH_MSG_TYPE_COPY_SEND);
	return kr;
}

/* ---- The rest ---- */

static kern_return_t
file_stat(struct mx_io *io, struct mx_attr *attr)
{
	struct pfs_file *pf = file_of(io);
	kern_return_t kr = pfs_node_getattr(pf->pf_node);

	*attr = pf->pf_node->pn_attr;
	return kr;
}

static kern_return_t
file_statfs(struct mx_io *io, struct mx_statfs *st)
{
	return pfs_volume_statfs(file_of(io)->pf_node->pn_volume, st);
}

static kern_return_t
file_lock(struct mx_io *io, const struct mx_io_call *call, struct mx_lock_request *r)
{
	struct pfs_file *pf = file_of(io);
	kern_return_t kr;

	if (r->lr_kind == MX_LOCK_POSIX && r->lr_cmd != MX_LOCK_GET &&
	    ((r->lr_type == MX_F_RDLCK && !may_read(pf)) || (r->lr_type == MX_F_WRLCK && !may_write(pf))))
		return MX_EBADF;
	if (r->lr_cmd != MX_LOCK_GET)
		pfs_quiet_watch(&pf->pf_quiet);	/* locks go when it is closed */
	if (r->lr_cmd == MX_LOCK_WAIT && !pfs_quota_wait(pf->pf_uid))
		return MX_ENOLCK;
	kr = pfs_lock(&pf->pf_node->pn_locks, pf, call->ic_tag, r);
	if (r->lr_cmd == MX_LOCK_WAIT)
		pfs_quota_waited(pf->pf_uid);
	return kr;
}

static const struct mx_io_ops file_ops = {
	.read = file_read,
	.write = file_write,
	.stat = file_stat,
	.touch = file_touch,
	.truncate = file_truncate,
	.sync = file_sync,
	.map = file_map,
	.lock = file_lock,
	.lease = file_lease,
	.seek = file_seek,
	.allocate = file_allocate,
	.statfs = file_statfs,
};

/* ---- Life ---- */

static void
file_no_senders(struct mx_object *obj)
{
	mx_object_release(obj);
}

static void
file_free(struct mx_object *obj)
{
	struct pfs_file *pf = (struct pfs_file *)obj;
	struct pfs_node *node = pf->pf_node;
	struct pfs_volume *vol = node->pn_volume;

	pfs_claim_drop(&pf->pf_claim, node);
	pfs_lease_free(node, pf->pf_lease);
	pfs_lock_closed(&node->pn_locks, pf);
	pfs_text_reset(&pf->pf_text);
	if (may_write(pf)) {
		node->pn_writers--;
		vol->pv_writers--;
	}
	node->pn_opens--;
	pfs_quota_give(pf->pf_uid);
	pfs_quiet_forget(&pf->pf_quiet);
	pfs_node_release(node);
	vol->pv_files--;
	pfs_volume_closed(vol);
}

static struct mx_class file_class = {
	.mc_name = "file", .mc_size = sizeof(struct pfs_file), .mc_demux = mx_io_demux, .mc_no_senders = file_no_senders,
	.mc_free = file_free,
};

/* An open file of NODE, counted everywhere. NULL: too many, or no memory. */
static struct pfs_file *
file_make(struct pfs_node *node, uint32_t flags, uint32_t uid)
{
	struct pfs_file *pf;

	if (!pfs_quota_take(uid)) {
		pfs_quiet_sweep(PFS_QUIET_ALL);
		if (!pfs_quota_take(uid))
			return NULL;
	}
	pf = mx_object_create(&file_class);
	if (pf == NULL) {
		pfs_quota_give(uid);
		return NULL;
	}
	pf->pf_io.io_ops = &file_ops;
	pf->pf_flags = flags;
	pf->pf_uid = uid;
	pf->pf_node = node;
	pf->pf_store_errors = node->pn_store_errors;
	pfs_node_hold(node);
	node->pn_opens++;
	pfs_volume_opened(node->pn_volume);
	node->pn_volume->pv_files++;
	if (may_write(pf)) {
		node->pn_writers++;
		node->pn_volume->pv_writers++;
	}
	return pf;
}

/* What PF was opened for with FLAGS is allowed, and begins. */
static kern_return_t
file_begin(struct pfs_file *pf, uint32_t flags)
{
	bool is_program = (flags & MX_OPEN_EXEC) != 0;
	kern_return_t kr = KERN_SUCCESS;

	if (ops_of(pf)->po_text == NULL && (is_program || may_write(pf)))
		kr = pfs_claim_make(&pf->pf_claim, pf->pf_node, &pf->pf_io.io_object, is_program);
	if (kr != KERN_SUCCESS || (flags & MX_O_TRUNC) == 0)
		return kr;
	pfs_node_setid_drop(pf->pf_node, pf->pf_uid);
	return pfs_node_cut(pf->pf_node, 0);
}

kern_return_t
pfs_file_open(struct pfs_node *node, uint32_t flags, uint32_t uid, struct pfs_file **out, uint32_t *kind)
{
	struct pfs_file *pf;
	kern_return_t kr;

	if ((node->pn_attr.at_mode & MX_S_IFMT) != MX_S_IFREG)
		return pfs_node_is_dir(node) ? MX_EISDIR : MX_EINVAL;
	if ((flags & MX_O_DIRECT) && node->pn_volume->pv_ops->po_write_back == NULL)
		return MX_EINVAL;
	pf = file_make(node, flags, uid);
	if (pf == NULL)
		return MX_ENFILE;
	kr = file_begin(pf, flags);
	if (kr != KERN_SUCCESS) {
		mx_object_release(&pf->pf_io.io_object);
		return kr;
	}
	pfs_lease_look(node);			/* its size goes with the answer */
	*kind = node->pn_volume->pv_ops->po_text != NULL ? MX_KIND_STREAM : MX_KIND_FILE;
	*out = pf;
	return KERN_SUCCESS;
}

struct mx_object *
pfs_file_object(struct pfs_file *pf)
{
	return &pf->pf_io.io_object;
}

mach_port_t
pfs_file_right(struct pfs_file *pf)
{
	bool is_quiet = !may_write(pf) && ops_of(pf)->po_text == NULL && pf->pf_node->pn_attr.at_nlink > 0;

	pf->pf_claim.cl_is_given = true;
	return is_quiet ? pfs_quiet_give(&pf->pf_quiet, &pf->pf_io.io_object, pf->pf_node) :
		mx_object_send_right(&pf->pf_io.io_object);
}

struct pfs_node *
pfs_file_node(mach_port_t io)
{
	struct pfs_file *pf = mx_object_from_port(io, &file_class);

	return pf != NULL ? pf->pf_node : NULL;
}
