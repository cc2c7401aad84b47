/*
 * masix/io.h - open objects: files, directories, terminals, pipe ends, devices.
 *
 * A server that has open objects gives each kind a table of operations; libmasix answers the messages of io.defs for
 * all of them (mc_demux: mx_io_demux), checks what can be checked without knowing the object, and calls the table. An
 * operation that is NULL is answered with the error noted beside it.
 *
 *	static struct mx_class x_class = { "x", sizeof(struct x), mx_io_demux, x_no_senders, x_free, NULL, 0, 0 };
 *	struct x { struct mx_io x_io; ... };
 *	struct x *x = mx_object_create(&x_class);
 *	x->x_io.io_ops = &x_ops;
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MASIX_IO_H
#define MASIX_IO_H

#include <masix/server.h>
#include <masix/abi.h>

struct mx_io {
	struct mx_object io_object;
	const struct mx_io_ops *io_ops;
};

/* How a blocking operation was asked for. */
struct mx_io_call {
	uint32_t	ic_tag;		/* for mx_cond_wait_cancellable */
	int32_t		ic_pgrp;	/* the caller's process group; 0: does not matter */
	uint32_t	ic_flags;	/* MX_IO_* */
};

struct mx_lock_request {
	uint32_t	lr_kind;	/* MX_LOCK_FLOCK, MX_LOCK_POSIX */
	uint32_t	lr_cmd;		/* MX_LOCK_GET, _SET, _WAIT */
	int32_t		lr_owner;
	int32_t		lr_type;	/* MX_F_* */
	uint64_t	lr_start, lr_length;	/* checked: their sum does not overflow; length 0: to the end */
	int32_t		lr_pid;		/* GET: who blocks */
};

struct mx_poll;

struct mx_io_ops {
	/* Up to *COUNT bytes (1..MX_OOL_MAX) at OFFSET (>= 0, or -1: a stream) to DATA; *COUNT becomes what was read, 0: end.
	 * NULL: MX_EBADF. A COUNT of 0 does not come here. */
	kern_return_t (*read)(struct mx_io *io, const struct mx_io_call *call, int64_t offset, char *data, size_t *count);
	/* The same into new pages, which become the client's own; what lies behind *COUNT bytes in the last one must be zeroes. NULL, or
	 * MX_EOPNOTSUPP: `read' is called with pages made here */
	kern_return_t (*read_pages)(struct mx_io *io, const struct mx_io_call *call, int64_t offset, size_t *count, void **pages);
	/* *COUNT bytes at *OFFSET (>= 0, or -1), *OFFSET becomes where they went, *COUNT what was taken. NULL: MX_EBADF */
	kern_return_t (*write)(struct mx_io *io, const struct mx_io_call *call, int64_t *offset, const char *data,
		size_t *count);
	/* ATTR is zeroed. Must be there. */
	kern_return_t (*stat)(struct mx_io *io, struct mx_attr *attr);
	/* NULL: MX_EINVAL. SIZE is below 2^63. */
	kern_return_t (*truncate)(struct mx_io *io, uint64_t size);
	/* NULL: MX_EINVAL */
	kern_return_t (*sync)(struct mx_io *io, bool data_only);
	/* Entries into DATA, at most *COUNT bytes; a COUNT too small for the next entry: MX_EINVAL. NULL: MX_ENOTDIR */
	kern_return_t (*getdents)(struct mx_io *io, uint64_t cookie, char *data, size_t *count);
	/* Send rights that become the caller's. NULL: MX_ENODEV */
	kern_return_t (*map)(struct mx_io *io, mach_port_t *memory, vm_prot_t *max_prot, mach_port_t *info,
		uint32_t *info_offset);
	/* Which events hold now (a mask of MX_POLL*, of those asked or more); *QUEUE is where to wait for changes, and the server
	 * calls mx_poll_wake on it. NULL: always readable and writable, as files are. */
	uint32_t (*poll)(struct mx_io *io, uint32_t events, struct mx_poll **queue);
	/* IN has IN_COUNT bytes (<= MX_BLOB_MAX), OUT room for *OUT_COUNT (becomes what is copied back). NULL: MX_ENOTTY */
	kern_return_t (*ioctl)(struct mx_io *io, const struct mx_io_call *call, uint32_t cmd, uint32_t arg, const char *in,
		size_t in_count, char *out, size_t *out_count, int32_t *result);
	/* NULL: MX_ENOLCK */
	kern_return_t (*lock)(struct mx_io *io, const struct mx_io_call *call, struct mx_lock_request *request);
	/* NULL: accepted, nothing to do */
	kern_return_t (*set_flags)(struct mx_io *io, uint32_t flags);
	/* NULL: nothing to do */
	void (*kick)(struct mx_io *io);
	/* What is mapped was written to, last at SEC, NS (hostile as all else). NULL: nothing to do */
	void (*touch)(struct mx_io *io, int64_t sec, uint32_t ns);
	/* A send right that becomes the caller's, unless MAPPED. NULL: MX_EOPNOTSUPP */
	kern_return_t (*lease)(struct mx_io *io, bool mapped, mach_port_t *memory);
	/* WHENCE is 3 (data) or 4 (hole). NULL: MX_EINVAL */
	kern_return_t (*seek)(struct mx_io *io, uint32_t whence, uint64_t *offset);
	/* OFFSET + LENGTH is below 2^63, LENGTH not 0. NULL: MX_ENOTSUP */
	kern_return_t (*allocate)(struct mx_io *io, uint32_t mode, uint64_t offset, uint64_t length);
	/* STAT is zeroed. NULL: MX_ENOSYS */
	kern_return_t (*statfs)(struct mx_io *io, struct mx_statfs *stat);
};

/* For mc_demux of a class of open objects. */
extern mx_demux_t *const mx_io_demux[];
/* The open object of this task that PORT names, or NULL. No reference. */
struct mx_io *mx_io_from_port(mach_port_t port);

/* ---- Who polls ---- */

#define MX_POLL_MAX 64u		/* waiters of one object; the oldest is answered early when there are more */

struct mx_poll {			/* all zero: nobody */
	struct mx_poll_waiter {
		mach_port_t	pw_notify;	/* send-once */
		uint32_t	pw_cookie, pw_events;
	}		*po_waiters;	/* oldest first */
	unsigned int	po_count, po_size;
};

/* Tell NOTIFY once any of EVENTS happens. Rights: NOTIFY is taken. Errors: MX_ENOMEM, NOTIFY is not taken */
kern_return_t mx_poll_add(struct mx_poll *p, mach_port_t notify, uint32_t cookie, uint32_t events);
/* REVENTS hold now: tell those who wait for any of them. MX_POLLERR and MX_POLLHUP concern everybody. */
void mx_poll_wake(struct mx_poll *p, uint32_t revents);
/* Forget the waiters; their rights are destroyed, which they notice. */
void mx_poll_destroy(struct mx_poll *p);

/* ---- Drivers of devices (dev.defs) ---- */

struct mx_dev {
	struct mx_object dv_object;
	/* An open object for MINOR, as a send right for the caller (mx_object_make_send), and its MX_KIND_*.
	 * Errors: MX_ENXIO, MX_EBUSY, MX_EIO */
	kern_return_t (*dv_open)(struct mx_dev *dev, uint32_t minor, uint32_t flags, uint32_t uid, uint32_t gid,
		mach_port_t *io, mach_msg_type_name_t *io_type, uint32_t *kind);
	/* The list of devices, as dev_list has it: its number, and its LENGTH bytes in pages of their own. Waits while it is
	 * the one that was SEEN. NULL: MX_EOPNOTSUPP */
	kern_return_t (*dv_list)(struct mx_dev *dev, uint32_t tag, uint32_t seen, uint32_t *number, char **text, size_t *length);
};

extern mx_demux_t *const mx_dev_demux[];

#endif /* MASIX_IO_H */
