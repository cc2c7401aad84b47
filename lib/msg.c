/*
 * msg.c - mach_msg, and what MIG's stubs need beside it.
 *
 * Stubs call mach_msg for everything. From a fibril, an RPC to one of MASIX's interfaces or to a device parks it (rpc.c); calls
 * of the kernel, which answers at once, and everything from other kernel threads, are plain traps with a reply port of the
 * thread.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <mach/mig_support.h>
#include <masix/mach.h>
#include "impl.h"
#include "mach_port.h"

#define DEVICE_IDS	2800		/* device.defs: answered when the device has done it */
#define DEVICE_IDS_END	2900

/* ---- Reply ports of threads ---- */

static mach_port_t fibril_thread_reply_port;

static mach_port_t *
reply_port_place(void)
{
	mach_port_t *place = mx_thread_reply_port();

	return place != NULL ? place : &fibril_thread_reply_port;
}

mach_port_t
mig_get_reply_port(void)
{
	mach_port_t *place = reply_port_place();

	if (*place == MACH_PORT_NULL)
		*place = mach_reply_port();
	return *place;
}

void
mig_dealloc_reply_port(mach_port_t port)
{
	mach_port_t *place = reply_port_place();

	if (port != *place)
		return;			/* a fibril's: no reply can be on its way to it any more */
	*place = MACH_PORT_NULL;
	(void)mach_port_mod_refs(mx_task, port, MACH_PORT_RIGHT_RECEIVE, -1);	/* ours: cannot fail */
}

void
mig_put_reply_port(mach_port_t port)
{
	(void)port;
}

/* ---- mach_msg ---- */

static bool
is_fibril_rpc(const mach_msg_header_t *msg, mach_msg_option_t option)
{
	const mach_msg_option_t both = MACH_SEND_MSG | MACH_RCV_MSG;

	return (option & both) == both && mx_current != NULL && mx_thread_reply_port() == NULL &&
		(msg->msgh_id >= MX_OUR_IDS || (msg->msgh_id >= DEVICE_IDS && msg->msgh_id < DEVICE_IDS_END));
}

/* After a time-out the kernel gives a message back with every right in it, also those that it was only to copy: a reference too
 * many to the destination. */
static void
send_timed_out(mach_msg_header_t *msg, mach_msg_bits_t bits)
{
	if (MACH_MSGH_BITS_REMOTE(bits) == MACH_MSG_TYPE_COPY_SEND) {
		mx_port_release(msg->msgh_remote_port);
		msg->msgh_bits = bits;
	}
}

#ifdef MX_DEBUG
static void
rule_assert(const mach_msg_header_t *msg, mach_msg_option_t option)
{
	bool is_call = (option & MACH_RCV_MSG) != 0;
	const char *name = (option & MACH_SEND_MSG) != 0 ? mx_rule_broken(mx_server_name, msg->msgh_id, is_call) : NULL;

	if (name == NULL)
		return;
	mx_log(MX_LOG_ERROR, "%s may not %s %s (message %d): docs/architecture.md", mx_server_name, is_call ? "call" : "notify", name,
		msg->msgh_id);
	mx_panic(__FILE__, __LINE__, "who may call whom");
}
#endif

mach_msg_return_t
mach_msg(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size, mach_msg_size_t rcv_size,
	mach_port_t rcv_name, mach_msg_timeout_t timeout, mach_port_t notify)
{
	mach_msg_bits_t bits = msg->msgh_bits;
	mach_msg_return_t kr;

#ifdef MX_DEBUG
	rule_assert(msg, option);
#endif
	if (is_fibril_rpc(msg, option))
		return mx_rpc(msg, send_size, rcv_size);
	kr = mach_msg_trap(msg, option, send_size, rcv_size, rcv_name, timeout, notify);
	while (kr == MACH_SEND_INTERRUPTED)
		kr = mach_msg_trap(msg, option, send_size, rcv_size, rcv_name, timeout, notify);
	while (kr == MACH_RCV_INTERRUPTED)
		kr = mach_msg_trap(msg, option & ~MACH_SEND_MSG, 0, rcv_size, rcv_name, timeout, notify);
	if (kr == MACH_SEND_TIMED_OUT)
		send_timed_out(msg, bits);
	return kr == MACH_SEND_INVALID_DEST ? MX_ESERVERDIED : kr;
}

/* ---- Other things that stubs call ---- */

void
mig_allocate(vm_address_t *addr, vm_size_t size)
{
	*addr = 0;
	(void)syscall_vm_allocate(mx_task, addr, size, TRUE);	/* *ADDR stays 0 on failure */
}

void
mig_deallocate(vm_address_t addr, vm_size_t size)
{
	(void)syscall_vm_deallocate(mx_task, addr, size);	/* what cannot be unmapped was not mapped */
}

vm_size_t
mig_strncpy(char *dst, const char *src, vm_size_t len)
{
	vm_size_t n;

	if (len == 0)
		return 0;
	n = strnlen(src, len - 1);
	memcpy(dst, src, n);
	dst[n] = '\0';
	return n;
}

/* ---- Destroying ---- */

void
mx_port_release(mach_port_t port)
{
	if (MACH_PORT_VALID(port))
		(void)syscall_mach_port_deallocate(mx_task, port);	/* a right that is not there needs no release */
}

static void
right_destroy(mach_port_t port, mach_msg_type_name_t name)
{
	if (!MACH_PORT_VALID(port))
		return;
	switch (name) {
	case MACH_MSG_TYPE_MOVE_SEND:
	case MACH_MSG_TYPE_MOVE_SEND_ONCE:
		mx_port_release(port);
		break;
	case MACH_MSG_TYPE_MOVE_RECEIVE:
		(void)mach_port_mod_refs(mx_task, port, MACH_PORT_RIGHT_RECEIVE, -1);
		break;
	case MACH_MSG_TYPE_MAKE_SEND:
	case MACH_MSG_TYPE_MAKE_SEND_ONCE:
	case MACH_MSG_TYPE_COPY_SEND:
	default:
		break;				/* nothing was taken from us */
	}
}

/* One descriptor of a message, whatever its form. */
struct item {
	mach_msg_type_name_t	it_name;
	vm_size_t		it_bytes;
	mach_msg_type_number_t	it_number;
	bool			it_inline, it_deallocate;
};

/* Decode the descriptor at P. Returns its size, 0 if it does not lie before END. */
static size_t
item_decode(const char *p, const char *end, struct item *it)
{
	mach_msg_type_long_t l;
	mach_msg_type_t s;
	unsigned int bits;

	if ((size_t)(end - p) < sizeof(s))
		return 0;
	memcpy(&s, p, sizeof(s));
	it->it_inline = s.msgt_inline;
	it->it_deallocate = s.msgt_deallocate;
	if (!s.msgt_longform) {
		it->it_name = s.msgt_name;
		it->it_number = s.msgt_number;
		bits = s.msgt_size;
	} else {
		if ((size_t)(end - p) < sizeof(l))
			return 0;
		memcpy(&l, p, sizeof(l));
		it->it_name = l.msgtl_name;
		it->it_number = l.msgtl_number;
		bits = l.msgtl_size;
	}
	it->it_bytes = ((uint64_t)it->it_number * bits + 7) / 8;
	return s.msgt_longform ? sizeof(l) : sizeof(s);
}

size_t
mx_item_size(const char *p, const char *end, mach_msg_type_number_t *number)
{
	struct item it = { 0 };
	size_t size = item_decode(p, end, &it);

	*number = it.it_number;
	return size;
}

static void
item_destroy(const struct item *it, const char *data, bool received)
{
	vm_address_t address = (vm_address_t)data;
	const mach_port_t *ports = (const mach_port_t *)data;
	mach_msg_type_number_t i;

	if (!it->it_inline) {
		memcpy(&address, data, sizeof(address));
		ports = (const mach_port_t *)address;
	}
	if (MACH_MSG_TYPE_PORT_ANY(it->it_name))
		for (i = 0; i < it->it_number; i++)
			right_destroy(ports[i], it->it_name);
	if (!it->it_inline && it->it_bytes != 0 && (received || it->it_deallocate))
		mig_deallocate(address, it->it_bytes);
}

void
mx_message_destroy(mach_msg_header_t *msg, bool received)
{
	const char *p = (const char *)(msg + 1), *end = (const char *)msg + msg->msgh_size;
	struct item it;
	size_t head, body;

	right_destroy(msg->msgh_remote_port, MACH_MSGH_BITS_REMOTE(msg->msgh_bits));
	if (!received)				/* a received message's destination is our own port */
		right_destroy(msg->msgh_local_port, MACH_MSGH_BITS_LOCAL(msg->msgh_bits));
	if ((msg->msgh_bits & MACH_MSGH_BITS_COMPLEX) == 0)
		return;
	while (p < end && (head = item_decode(p, end, &it)) != 0) {
		p += head;
		body = it.it_inline ? (it.it_bytes + 3) & ~(vm_size_t)3 : sizeof(vm_address_t);
		if (body > (size_t)(end - p))
			break;
		item_destroy(&it, p, received);
		p += body;
	}
}
