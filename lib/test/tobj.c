/*
 * tobj.c - the objects that the tests use: the door, and what opening it gives. The fuzzer uses them, too.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <mach/mig_support.h>
#include <masix/mach.h>
#include "test.h"
#include "impl.h"
#include "io.h"
#include "mach_port.h"

struct tobj {
	struct mx_io	to_io;
	struct mx_cond	to_cond;
	struct mx_poll	to_poll;
	unsigned int	to_waiting;
	char		to_data[64];
	size_t		to_count;
};

unsigned int test_deaths;
static unsigned int freed, interrupted;
static mach_port_t self_port;		/* an object that lives for ever, for calls of our own */

/* ---- The test object ---- */

static void
tobj_no_senders(struct mx_object *obj)
{
	mx_object_release(obj);
}

static void
tobj_free(struct mx_object *obj)
{
	mx_poll_destroy(&((struct tobj *)obj)->to_poll);
	freed++;
}

struct mx_class tobj_class = {
	.mc_name = "tobj", .mc_size = sizeof(struct tobj), .mc_demux = mx_io_demux,
	.mc_no_senders = tobj_no_senders, .mc_free = tobj_free,
};

static kern_return_t
tobj_read(struct mx_io *io, const struct mx_io_call *call, int64_t offset, char *data, size_t *count)
{
	struct tobj *t = (struct tobj *)io;
	kern_return_t kr;

	(void)offset;
	while (t->to_count == 0) {
		if (call->ic_flags & MX_IO_NONBLOCK)
			return MX_EAGAIN;
		t->to_waiting++;
		kr = mx_cond_wait_cancellable(&t->to_cond, call->ic_tag);
		t->to_waiting--;
		if (kr != KERN_SUCCESS) {
			interrupted++;
			return kr;
		}
	}
	if (*count > t->to_count)
		*count = t->to_count;
	memcpy(data, t->to_data, *count);
	t->to_count = 0;
	return KERN_SUCCESS;
}

static kern_return_t
tobj_write(struct mx_io *io, const struct mx_io_call *call, int64_t *offset, const char *data, size_t *count)
{
	struct tobj *t = (struct tobj *)io;

	(void)call;
	(void)offset;
	if (*count > sizeof(t->to_data))
		return MX_EFBIG;
	memcpy(t->to_data, data, *count);
	t->to_count = *count;
	mx_cond_signal(&t->to_cond);
	mx_poll_wake(&t->to_poll, MX_POLLIN);
	return KERN_SUCCESS;
}

static kern_return_t
tobj_stat(struct mx_io *io, struct mx_attr *attr)
{
	attr->at_size = ((struct tobj *)io)->to_count;
	return KERN_SUCCESS;
}

static uint32_t
tobj_poll(struct mx_io *io, uint32_t events, struct mx_poll **queue)
{
	struct tobj *t = (struct tobj *)io;

	(void)events;
	*queue = &t->to_poll;
	return MX_POLLOUT | (t->to_count != 0 ? MX_POLLIN : 0);
}

int
test_names(void)
{
	mach_port_array_t names;
	mach_port_type_array_t types;
	mach_msg_type_number_t n = 0, m = 0;

	if (mach_port_names(mx_task, &names, &n, &types, &m) != KERN_SUCCESS)
		return -1;
	mig_deallocate((vm_address_t)names, n * sizeof(*names));
	mig_deallocate((vm_address_t)types, m * sizeof(*types));
	return (int)n;
}

static kern_return_t
tobj_ioctl(struct mx_io *io, const struct mx_io_call *call, uint32_t cmd, uint32_t arg, const char *in, size_t in_count,
	char *out, size_t *out_count, int32_t *result)
{
	struct tobj *t = (struct tobj *)io;
	mach_msg_type_number_t none = 0;

	(void)call;
	(void)in;
	(void)in_count;
	(void)out;
	*out_count = 0;
	switch (cmd) {
	case T_FREED:
		*result = (int32_t)freed;
		return KERN_SUCCESS;
	case T_INTERRUPTED:
		*result = (int32_t)interrupted;
		return KERN_SUCCESS;
	case T_WAITING:
		*result = (int32_t)t->to_waiting;
		return KERN_SUCCESS;
	case T_SPARES:
		*result = (int32_t)tobj_class.mc_nspare;
		return KERN_SUCCESS;
	case T_PORTS:
		*result = test_names();
		return KERN_SUCCESS;
	case T_DEATHS:
		*result = (int32_t)test_deaths;
		return KERN_SUCCESS;
	case T_SLEEP:
		mx_sleep_ns(arg % 1000 * 1000000ull);
		return KERN_SUCCESS;
	case T_NESTED:
		return io_ioctl(self_port, 0, 0, T_FREED, 0, "", 0, out, &none, result);
	default:
		return MX_ENOTTY;
	}
}

static const struct mx_io_ops tobj_ops = {
	.read = tobj_read, .write = tobj_write, .stat = tobj_stat, .poll = tobj_poll, .ioctl = tobj_ioctl,
};

static struct tobj *
tobj_create(void)
{
	struct tobj *t = mx_object_create(&tobj_class);

	mx_assert(t != NULL);
	t->to_io.io_ops = &tobj_ops;
	return t;
}

static kern_return_t
door_open(struct mx_dev *dev, uint32_t minor, uint32_t flags, uint32_t uid, uint32_t gid, mach_port_t *io,
	mach_msg_type_name_t *io_type, uint32_t *kind)
{
	struct tobj *t;

	(void)dev;
	(void)flags;
	(void)uid;
	(void)gid;
	if (minor > 9)
		return MX_ENXIO;
	t = tobj_create();
	*kind = MX_KIND_STREAM;
	*io = mx_object_make_send(&t->to_io.io_object, io_type);
	if (minor == 9)				/* revoked at once: *IO is a dead name */
		mx_object_release(&t->to_io.io_object);
	return KERN_SUCCESS;
}

struct mx_class door_class = {
	.mc_name = "door", .mc_size = sizeof(struct mx_dev), .mc_demux = mx_dev_demux,
};

struct mx_dev *
test_door_make(void)
{
	struct mx_dev *door = mx_object_create(&door_class);

	mx_assert(door != NULL);
	door->dv_open = door_open;
	self_port = mx_object_send_right(&tobj_create()->to_io.io_object);
	return door;
}

mach_port_t
test_object_port(void)
{
	return self_port;
}

unsigned int
test_interrupted(void)
{
	return interrupted;
}
