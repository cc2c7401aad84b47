/*
 * rpc.c - calling another server: the request goes out, the fibril parks, the reply finds it.
 *
 * Every fibril that ever made an RPC has a reply port in the port set, whose payload is the fibril's address. One request has
 * one send-once right and is waited for until that right is used or destroyed, so a reply can never be that of an older
 * request.
 *
 * A server that dies ends the RPC with a send-once notification: MX_ESERVERDIED. Who knows the server by its name has the request sent
 * again, perhaps with a number (masix/service.h); the number goes on the message here.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <mach/notify.h>
#include <masix/mach.h>
#include <masix/service.h>
#include "answer.h"
#include "impl.h"
#include "mach_port.h"

/* How many fibrils have a port, idle ones too. */
static void
reply_ports_count(int change)
{
	static struct mx_report_class *report;

	if (report != NULL || (report = mx_report_add("reply ports")) != NULL)
		report->rc_spare += (uint32_t)change;
}

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
	reply_ports_count(1);
	return MACH_MSG_SUCCESS;
}

void
mx_rpc_forget(struct mx_fibril *f)
{
	if (f->fb_reply_port == MACH_PORT_NULL)
		return;
	(void)mach_port_mod_refs(mx_task, f->fb_reply_port, MACH_PORT_RIGHT_RECEIVE, -1);	/* ours: cannot fail */
	f->fb_reply_port = MACH_PORT_NULL;
	reply_ports_count(-1);
}

/* What no other client can guess: when, to the tick, this task first made a numbered request. */
static void
client_name(uint32_t words[2])
{
	static uint64_t name;

	if (name == 0)
		name = __builtin_ia32_rdtsc() * 0x9e3779b97f4a7c15ull ^ mx_now_ns();
	words[0] = (uint32_t)name;
	words[1] = (uint32_t)(name >> 32);
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

/* Send a copy of MSG with the attempt's number, and park. */
static mach_msg_return_t
send_numbered(struct mx_fibril *self, mach_msg_header_t *msg, mach_msg_size_t size)
{
	struct mx_number number = {
		.nu_type = { .msgt_name = MACH_MSG_TYPE_INTEGER_32, .msgt_size = 32, .msgt_number = 3, .msgt_inline = TRUE },
		.nu_number = self->fb_attempt->at_number,
	};
	mach_msg_header_t *copy = malloc(size + sizeof(number));
	mach_msg_return_t kr;

	if (copy == NULL)
		return MACH_SEND_NO_BUFFER;
	client_name(number.nu_client);
	memcpy(copy, msg, size);
	copy->msgh_size = size;
	mx_number_put(copy, &number);
	kr = send_and_park(self, copy, size + sizeof(number));
	free(copy);
	return kr;
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
	if (self->fb_attempt != NULL && self->fb_attempt->at_number != 0 && self->fb_attempt->at_port == msg->msgh_remote_port)
		kr = send_numbered(self, msg, send_size);
	else
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
