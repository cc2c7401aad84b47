/*
 * rpc.c - calling another server: the request goes out, the fibril parks, the reply finds it.
 *
 * Every fibril that ever made an RPC has a reply port in the port set, whose payload is the fibril's address. One request has
 * one send-once right and is waited for until that right is used or destroyed, so a reply can never be that of an older
 * request.
 *
 * A server that dies ends the RPC with a send-once notification. This is the place where the request will be sent
 * again, with the same number, when ACS has the next instance up; until then the caller gets MX_ESERVERDIED.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <mach/notify.h>
#include <masix/mach.h>
#include "impl.h"
#include "mach_port.h"

static mach_msg_return_t
reply_port_make(struct mx_fibril *f)
{
	mach_port_t port;

	if (f->fb_reply_port != MACH_PORT_NULL)
		return MACH_MSG_SUCCESS;
	if (syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_RECEIVE, &port) != KERN_SUCCESS)
		return MACH_SEND_NO_BUFFER;
	if (mx_port_adopt(port, (uintptr_t)f | MX_PAYLOAD_FIBRIL) != KERN_SUCCESS) {
		(void)mach_port_mod_refs(mx_task, port, MACH_PORT_RIGHT_RECEIVE, -1);	/* it is ours: cannot fail */
		return MACH_SEND_NO_BUFFER;
	}
	f->fb_reply_port = port;
	return MACH_MSG_SUCCESS;
}

void
mx_rpc_forget(struct mx_fibril *f)
{
	if (f->fb_reply_port != MACH_PORT_NULL)
		(void)mach_port_mod_refs(mx_task, f->fb_reply_port, MACH_PORT_RIGHT_RECEIVE, -1);	/* ours: cannot fail */
	f->fb_reply_port = MACH_PORT_NULL;
}

/* Send MSG and run something else until the reply is there. */
static mach_msg_return_t
send_and_park(struct mx_fibril *self, mach_msg_header_t *msg, mach_msg_size_t size)
{
	struct mx_fibril *taker = NULL, *next;
	mach_msg_return_t kr;

	if (mx_ready.mq_first == NULL && size <= MX_RPC_COPY_MAX)
		taker = mx_fibril_take();
	if (taker == NULL) {
		kr = mach_msg_trap(msg, MACH_SEND_MSG, size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
		if (kr == MACH_MSG_SUCCESS)
			mx_fibril_park();
		return kr;
	}
	memcpy(taker->fb_in, msg, size);
	next = mx_loop_wait(taker, size, &kr);
	if (next != taker)
		mx_fibril_put(taker);
	if (next == NULL)
		return kr;
	if (next != self)
		mx_fibril_switch(next);
	return MACH_MSG_SUCCESS;
}

mach_msg_return_t
mx_rpc(mach_msg_header_t *msg, mach_msg_size_t send_size, mach_msg_size_t rcv_size)
{
	struct mx_fibril *self = mx_current;
	mach_msg_return_t kr;

	kr = reply_port_make(self);
	if (kr != MACH_MSG_SUCCESS)
		return kr;
	mx_stats.st_rpcs++;
	msg->msgh_bits = (msg->msgh_bits & ~MACH_MSGH_BITS_LOCAL_MASK) | MACH_MSGH_BITS(0, MACH_MSG_TYPE_MAKE_SEND_ONCE);
	msg->msgh_local_port = self->fb_reply_port;
	self->fb_rpc = msg;
	self->fb_rpc_size = rcv_size;
	self->fb_rpc_result = MACH_MSG_SUCCESS;
	kr = send_and_park(self, msg, send_size);
	self->fb_rpc = NULL;
	if (kr == MACH_MSG_SUCCESS)
		kr = self->fb_rpc_result;
	else if (kr == MACH_SEND_INVALID_DEST)
		kr = MX_ESERVERDIED;
	return kr;
}

void
mx_rpc_reply(struct mx_fibril *f, mach_msg_header_t *msg)
{
	if (msg->msgh_id == MACH_NOTIFY_SEND_ONCE) {
		f->fb_rpc_result = MX_ESERVERDIED;
	} else if (msg->msgh_size > f->fb_rpc_size) {
		mx_message_destroy(msg, true);
		f->fb_rpc_result = MACH_RCV_TOO_LARGE;
	} else {
		memcpy(f->fb_rpc, msg, msg->msgh_size);
		f->fb_rpc->msgh_bits &= ~MACH_MSGH_BITS_LOCAL_MASK;
		f->fb_rpc->msgh_local_port = f->fb_reply_port;
	}
	f->fb_rpc = NULL;
}
