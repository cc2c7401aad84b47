/*
 * io.c - the routines of io.defs, for all servers: decode, check, call the object's table.
 *
 * What is checked here is what MIG does not check (a count against the most that an array may hold) and what means the same for
 * every object (offsets, flags, lock ranges), so that tables can rely on it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <mach/mig_support.h>
#include <mach/vm_param.h>
#include <masix/io.h>
#include "impl.h"
#include "io_S.h"

#define OFFSET_MAX	INT64_MAX
#define IO_FLAGS	(MX_IO_NONBLOCK | MX_IO_APPEND | MX_IO_SYNC | MX_IO_DIRECT)
#define SEEK_DATA_	3u
#define SEEK_HOLE_	4u

extern boolean_t io_server(mach_msg_header_t *in, mach_msg_header_t *out);

mx_demux_t *const mx_io_demux[] = { io_server, NULL };

static struct mx_io *
io_of(mx_object_ptr_t obj)
{
	return (struct mx_io *)obj;		/* its class answers io: it begins with struct mx_io */
}

struct mx_io *
mx_io_from_port(mach_port_t port)
{
	struct mx_object *obj = mx_object_by_name(port);

	return obj != NULL && obj->mo_class->mc_demux == mx_io_demux ? io_of(obj) : NULL;
}

/* What is wrong with a transfer of COUNT bytes, if anything. */
static kern_return_t
transfer_check(uint32_t flags, int64_t offset, size_t count, size_t max)
{
	if (count > max || (flags & ~IO_FLAGS) != 0 || offset < -1)
		return MX_EINVAL;
	if (offset > OFFSET_MAX - (int64_t)MX_OOL_MAX)
		return MX_EINVAL;
	return KERN_SUCCESS;
}

/* ---- Data ---- */

kern_return_t
S_io_read(mx_object_ptr_t obj, uint32_t tag, int32_t pgrp, uint32_t flags, int64_t offset, uint32_t count, mx_data_t data,
	mach_msg_type_number_t *data_count)
{
	struct mx_io *io = io_of(obj);
	const struct mx_io_call call = { tag, pgrp, flags };
	size_t n = count;
	kern_return_t kr;

	kr = transfer_check(flags, offset, count, MX_DATA_MAX);
	if (kr != KERN_SUCCESS)
		return kr;
	if (io->io_ops->read == NULL)
		return MX_EBADF;
	if (n != 0)
		kr = io->io_ops->read(io, &call, offset, data, &n);
	mx_assert(n <= count);
	*data_count = n;
	return kr;
}

kern_return_t
S_io_read_ool(mx_object_ptr_t obj, uint32_t tag, int32_t pgrp, uint32_t flags, int64_t offset, uint32_t count,
	vm_offset_t *data, mach_msg_type_number_t *data_count)
{
	struct mx_io *io = io_of(obj);
	const struct mx_io_call call = { tag, pgrp, flags };
	size_t n = count, room = round_page(count);
	char *pages = NULL;
	kern_return_t kr;

	kr = transfer_check(flags, offset, count, MX_OOL_MAX);
	if (kr != KERN_SUCCESS)
		return kr;
	if (io->io_ops->read == NULL)
		return MX_EBADF;
	if (n != 0 && io->io_ops->read_pages != NULL) {
		kr = io->io_ops->read_pages(io, &call, offset, &n, (void **)&pages);
		mx_assert(n <= count);
		if (kr != MX_EOPNOTSUPP) {
			*data = (vm_offset_t)pages;
			*data_count = n;
			return kr;
		}
		kr = KERN_SUCCESS;
	}
	if (n != 0) {
		pages = mx_pages_alloc(room);
		if (pages == NULL)
			return MX_ENOMEM;
		kr = io->io_ops->read(io, &call, offset, pages, &n);
		if (kr != KERN_SUCCESS)
			n = 0;
		mx_assert(n <= count);
		if (round_page(n) < room)
			mx_pages_free(pages + round_page(n), room - round_page(n));
	}
	*data = (vm_offset_t)pages;
	*data_count = n;
	return kr;
}

static kern_return_t
write_common(struct mx_io *io, const struct mx_io_call *call, int64_t *offset, const char *data, size_t count,
	uint32_t *written)
{
	kern_return_t kr = KERN_SUCCESS;
	size_t n = count;

	if (io->io_ops->write == NULL)
		return MX_EBADF;
	if (n != 0)
		kr = io->io_ops->write(io, call, offset, data, &n);
	mx_assert(n <= count);
	*written = n;
	return kr;
}

kern_return_t
S_io_write(mx_object_ptr_t obj, uint32_t tag, int32_t pgrp, uint32_t flags, int64_t *offset, const mx_data_t data,
	mach_msg_type_number_t count, uint32_t *written)
{
	const struct mx_io_call call = { tag, pgrp, flags };
	kern_return_t kr;

	kr = transfer_check(flags, *offset, count, MX_DATA_MAX);
	if (kr != KERN_SUCCESS)
		return kr;
	return write_common(io_of(obj), &call, offset, data, count, written);
}

kern_return_t
S_io_write_ool(mx_object_ptr_t obj, uint32_t tag, int32_t pgrp, uint32_t flags, int64_t *offset, vm_offset_t data,
	mach_msg_type_number_t count, uint32_t *written)
{
	const struct mx_io_call call = { tag, pgrp, flags };
	kern_return_t kr;

	kr = transfer_check(flags, *offset, count, MX_OOL_MAX);
	if (kr == KERN_SUCCESS)
		kr = write_common(io_of(obj), &call, offset, (const char *)data, count, written);
	if (kr == KERN_SUCCESS && count != 0)
		mig_deallocate(data, count);	/* after an error the loop does it */
	return kr;
}

kern_return_t
S_io_getdents(mx_object_ptr_t obj, uint64_t cookie, uint32_t count, mx_data_t data, mach_msg_type_number_t *data_count)
{
	struct mx_io *io = io_of(obj);
	size_t n = count;
	kern_return_t kr;

	if (count > MX_DATA_MAX)
		n = MX_DATA_MAX;
	if (io->io_ops->getdents == NULL)
		return MX_ENOTDIR;
	if (n < sizeof(struct mx_dirent))
		return MX_EINVAL;
	kr = io->io_ops->getdents(io, cookie, data, &n);
	mx_assert(kr != KERN_SUCCESS || n <= MX_DATA_MAX);
	*data_count = n;
	return kr;
}

/* ---- Attributes and the rest ---- */

kern_return_t
S_io_stat(mx_object_ptr_t obj, mx_attr_t *attr)
{
	struct mx_io *io = io_of(obj);

	memset(attr, 0, sizeof(*attr));
	return io->io_ops->stat(io, attr);
}

kern_return_t
S_io_statfs(mx_object_ptr_t obj, mx_statfs_t *stat)
{
	struct mx_io *io = io_of(obj);

	memset(stat, 0, sizeof(*stat));
	return io->io_ops->statfs == NULL ? MX_ENOSYS : io->io_ops->statfs(io, stat);
}

kern_return_t
S_io_truncate(mx_object_ptr_t obj, uint64_t size)
{
	struct mx_io *io = io_of(obj);

	if (size > OFFSET_MAX || io->io_ops->truncate == NULL)
		return MX_EINVAL;
	return io->io_ops->truncate(io, size);
}

kern_return_t
S_io_sync(mx_object_ptr_t obj, boolean_t data_only)
{
	struct mx_io *io = io_of(obj);

	return io->io_ops->sync == NULL ? MX_EINVAL : io->io_ops->sync(io, data_only != 0);
}

kern_return_t
S_io_map(mx_object_ptr_t obj, mach_port_t *memory, mach_msg_type_name_t *memory_type, int32_t *max_prot, mach_port_t *info,
	mach_msg_type_name_t *info_type, uint32_t *info_offset)
{
	struct mx_io *io = io_of(obj);
	vm_prot_t prot = VM_PROT_NONE;
	kern_return_t kr;

	if (io->io_ops->map == NULL)
		return MX_ENODEV;
	*memory = *info = MACH_PORT_NULL;
	*memory_type = *info_type = MACH_MSG_TYPE_MOVE_SEND;
	*info_offset = 0;
	kr = io->io_ops->map(io, memory, &prot, info, info_offset);
	*max_prot = prot;
	return kr;
}

kern_return_t
S_io_poll(mx_object_ptr_t obj, uint32_t events, uint32_t cookie, mach_port_t notify, uint32_t *revents)
{
	struct mx_io *io = io_of(obj);
	struct mx_poll *queue = NULL;
	uint32_t now = MX_POLLIN | MX_POLLOUT | MX_POLLRDNORM | MX_POLLWRNORM;
	kern_return_t kr = KERN_SUCCESS;

	if (io->io_ops->poll != NULL)
		now = io->io_ops->poll(io, events, &queue);
	*revents = now & (events | MX_POLLERR | MX_POLLHUP);
	if (!MACH_PORT_VALID(notify))
		return KERN_SUCCESS;
	if (*revents != 0 || queue == NULL)
		mx_port_release(notify);
	else
		kr = mx_poll_add(queue, notify, cookie, events);
	return kr;
}

kern_return_t
S_io_ioctl(mx_object_ptr_t obj, uint32_t tag, int32_t pgrp, uint32_t cmd, uint32_t arg, const mx_blob_t in,
	mach_msg_type_number_t in_count, mx_blob_t out, mach_msg_type_number_t *out_count, int32_t *result)
{
	struct mx_io *io = io_of(obj);
	const struct mx_io_call call = { tag, pgrp, 0 };
	size_t n = MX_BLOB_MAX;
	kern_return_t kr;

	if (in_count > MX_BLOB_MAX)
		return MX_EINVAL;
	if (io->io_ops->ioctl == NULL)
		return MX_ENOTTY;
	*result = 0;
	kr = io->io_ops->ioctl(io, &call, cmd, arg, in, in_count, out, &n, result);
	mx_assert(kr != KERN_SUCCESS || n <= MX_BLOB_MAX);
	*out_count = n;
	return kr;
}

kern_return_t
S_io_lock(mx_object_ptr_t obj, uint32_t tag, uint32_t kind, uint32_t cmd, int32_t owner, int32_t *ltype, uint64_t *start,
	uint64_t *length, int32_t *pid)
{
	struct mx_io *io = io_of(obj);
	const struct mx_io_call call = { tag, 0, 0 };
	struct mx_lock_request r = { kind, cmd, owner, *ltype, *start, *length, 0 };
	kern_return_t kr;

	if (kind < MX_LOCK_FLOCK || kind > MX_LOCK_POSIX || cmd > MX_LOCK_WAIT || *ltype < MX_F_RDLCK || *ltype > MX_F_UNLCK)
		return MX_EINVAL;
	if (r.lr_start > OFFSET_MAX || r.lr_length > OFFSET_MAX - r.lr_start)
		return MX_EINVAL;
	if (io->io_ops->lock == NULL)
		return MX_ENOLCK;
	kr = io->io_ops->lock(io, &call, &r);
	*ltype = r.lr_type;
	*start = r.lr_start;
	*length = r.lr_length;
	*pid = r.lr_pid;
	return kr;
}

kern_return_t
S_io_set_flags(mx_object_ptr_t obj, uint32_t flags)
{
	struct mx_io *io = io_of(obj);

	return io->io_ops->set_flags == NULL ? KERN_SUCCESS : io->io_ops->set_flags(io, flags);
}

kern_return_t
S_io_kick(mx_object_ptr_t obj)
{
	struct mx_io *io = io_of(obj);

	if (io->io_ops->kick != NULL)
		io->io_ops->kick(io);
	return KERN_SUCCESS;
}

kern_return_t
S_io_touch(mx_object_ptr_t obj, int64_t sec, uint32_t ns)
{
	struct mx_io *io = io_of(obj);

	if (io->io_ops->touch != NULL)
		io->io_ops->touch(io, sec, ns);
	return KERN_SUCCESS;
}

kern_return_t
S_io_lease(mx_object_ptr_t obj, boolean_t mapped, mach_port_t *memory, mach_msg_type_name_t *memory_type)
{
	struct mx_io *io = io_of(obj);

	*memory = MACH_PORT_NULL;
	*memory_type = MACH_MSG_TYPE_MOVE_SEND;
	return io->io_ops->lease != NULL ? io->io_ops->lease(io, mapped != 0, memory) : MX_EOPNOTSUPP;
}

kern_return_t
S_io_seek(mx_object_ptr_t obj, uint32_t whence, uint64_t *offset)
{
	struct mx_io *io = io_of(obj);

	if ((whence != SEEK_DATA_ && whence != SEEK_HOLE_) || io->io_ops->seek == NULL)
		return MX_EINVAL;
	if (*offset > OFFSET_MAX)
		return MX_ENXIO;
	return io->io_ops->seek(io, whence, offset);
}

kern_return_t
S_io_allocate(mx_object_ptr_t obj, uint32_t mode, uint64_t offset, uint64_t length)
{
	struct mx_io *io = io_of(obj);

	if (offset > OFFSET_MAX || length == 0 || length > OFFSET_MAX)
		return MX_EINVAL;
	if (length > OFFSET_MAX - offset)
		return MX_EFBIG;
	return io->io_ops->allocate == NULL ? MX_ENOTSUP : io->io_ops->allocate(io, mode, offset, length);
}
