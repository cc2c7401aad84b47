/*
 * loop.c - where messages come in.
 *
 * There is one place where a server waits: mx_loop_wait, one mach_msg on the port set, called by whichever fibril has nothing
 * else to run. A message is received into the buffer of an idle fibril, the taker. A request is the taker's to serve; a reply
 * is copied to the fibril that asked. The reply of a request, and a small request of our own, go out in the same trap that
 * receives the next message.
 *
 * Each receive right in the set has a protected payload: the address of what it belongs to, and in its low bits what that is.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <mach/mig_errors.h>
#include <mach/notify.h>
#include <masix/mach.h>
#include "answer.h"
#include "impl.h"
#include "mach_port.h"
#include "mx_S.h"

#define MX_IDS		418000		/* mx.defs */
#define IS_RCV_ERROR(kr) (((kr) & 0x4000) != 0)

extern boolean_t mx_server(mach_msg_header_t *in, mach_msg_header_t *out);

mach_port_t mx_set;

/* Takes messages when there is no fibril left to serve them. */
static char last_buffer[MX_BUFFER_SIZE] __attribute__((aligned(16)));
static struct mx_fibril last_resort = { .fb_name = "last resort" };

kern_return_t
mx_loop_init(void)
{
	return syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_PORT_SET, &mx_set);
}

kern_return_t
mx_port_adopt(mach_port_t port, uintptr_t payload)
{
	kern_return_t kr;

	kr = mach_port_set_protected_payload(mx_task, port, payload);
	if (kr == KERN_SUCCESS)
		kr = mach_port_move_member(mx_task, port, mx_set);
	return kr;
}

/* ---- Serving ---- */

static void
reply_make(const mach_msg_header_t *in, mig_reply_header_t *out, kern_return_t kr)
{
	static const mach_msg_type_t code_type = {
		.msgt_name = MACH_MSG_TYPE_INTEGER_32, .msgt_size = 32, .msgt_number = 1, .msgt_inline = TRUE,
	};

	out->Head.msgh_bits = MACH_MSGH_BITS(MACH_MSGH_BITS_REMOTE(in->msgh_bits), 0);
	out->Head.msgh_size = sizeof(*out);
	out->Head.msgh_remote_port = in->msgh_remote_port;
	out->Head.msgh_local_port = MACH_PORT_NULL;
	out->Head.msgh_seqno = 0;
	out->Head.msgh_id = in->msgh_id + 100;
	out->RetCodeType = code_type;
	out->RetCode = kr;
}

/* Call the routine that IN is for. Returns what it returned, in OUT. */
static void
dispatch(struct mx_object *obj, mach_msg_header_t *in, mig_reply_header_t *out)
{
	mx_demux_t *const *d = obj->mo_class->mc_demux;

	if (in->msgh_id == MACH_NOTIFY_NO_SENDERS && obj->mo_class->mc_no_senders != NULL) {
		mx_object_no_senders(obj);
		reply_make(in, out, KERN_SUCCESS);
		return;
	}
	for (; d != NULL && *d != NULL; d++)
		if ((*d)(in, &out->Head))
			return;
	if (!mx_server(in, &out->Head))
		reply_make(in, out, MIG_BAD_ID);
}

/* MIG asks for replies with send-once rights, which never block whoever answers, and which no two requests share. */
static bool
reply_right_is_good(const mach_msg_header_t *in)
{
	return MACH_MSGH_BITS_REMOTE(in->msgh_bits) == MACH_MSG_TYPE_MOVE_SEND_ONCE || in->msgh_remote_port == MACH_PORT_NULL;
}

/* Most fibrils are busy, and OBJ's clients keep several of them so: there must be some left for others. Cancels always pass. */
static bool
is_too_much(const struct mx_object *obj, const mach_msg_header_t *in)
{
	return mx_fibrils_busy() > MX_FIBRILS_MANY && obj->mo_nrequests >= MX_FIBRILS_FEW &&
		(in->msgh_id < MX_IDS || in->msgh_id >= MX_IDS + 100);
}

/* Do a numbered request, unless it has been done: then answer as the first time. */
static void
dispatch_numbered(struct mx_object *obj, mach_msg_header_t *in, mig_reply_header_t *out, const struct mx_number *number)
{
	struct mx_answer *a = obj->mo_class->mc_remembers ? mx_answer_begin(obj, number) : NULL;

	if (a != NULL && a->an_state != MX_ANSWER_NEW) {
		if (mx_answer_give(a, obj, number, in, &out->Head)) {
			in->msgh_remote_port = MACH_PORT_NULL;		/* that right goes with the reply */
			mx_message_destroy(in, true);
			in->msgh_bits &= ~MACH_MSGH_BITS_COMPLEX;	/* nothing is left in it */
			return;
		}
		a = NULL;
	}
	if (a != NULL)
		a->an_state = MX_ANSWER_BUSY;
	dispatch(obj, in, out);
	if (a != NULL)
		mx_answer_keep(a, &out->Head, out->RetCode == MIG_NO_REPLY ? 0 : out->Head.msgh_size);
}

mach_msg_size_t
mx_loop_serve(struct mx_fibril *self)
{
	mach_msg_header_t *in = self->fb_in;
	mig_reply_header_t *out = (mig_reply_header_t *)self->fb_out;
	struct mx_object *obj = (struct mx_object *)in->msgh_protected_payload;
	bool is_complex, is_numbered;
	struct mx_number number;

	if (!reply_right_is_good(in)) {
		mx_message_destroy(in, true);
		return 0;
	}
	mx_stats.st_requests++;
	is_numbered = mx_number_take(in, &number);
	mx_object_hold(obj);
	mx_request_begin(self, obj);
	if (is_too_much(obj, in))
		reply_make(in, out, MX_EAGAIN);
	else if (is_numbered)
		dispatch_numbered(obj, in, out, &number);
	else
		dispatch(obj, in, out);
	mx_request_end(self);
	mx_object_release(obj);
	is_complex = (out->Head.msgh_bits & MACH_MSGH_BITS_COMPLEX) != 0;
	if (!is_complex && out->RetCode != KERN_SUCCESS) {
		if (out->RetCode == MIG_NO_REPLY)
			return 0;
		in->msgh_remote_port = MACH_PORT_NULL;		/* that right goes with the reply */
		mx_message_destroy(in, true);
	}
	if (!MACH_PORT_VALID(out->Head.msgh_remote_port)) {
		mx_message_destroy(&out->Head, false);		/* nobody takes the rights in it: the client has ended */
		return 0;
	}
	mx_stats.st_replies++;
	return out->Head.msgh_size;
}

/* There is no fibril for the request in IN: refuse it, unless it is one that helps. */
static void
refuse(mach_msg_header_t *in)
{
	static char space[MX_BUFFER_SIZE] __attribute__((aligned(16)));
	mig_reply_header_t *out = (mig_reply_header_t *)space;
	struct mx_number number;

	if (!reply_right_is_good(in)) {
		mx_message_destroy(in, true);
		return;
	}
	(void)mx_number_take(in, &number);
	if (mx_server(in, &out->Head)) {		/* mx_cancel, mx_ping: these do not park */
		if (!MACH_PORT_VALID(out->Head.msgh_remote_port))
			return;
	} else {
		reply_make(in, out, MX_ENOMEM);
		in->msgh_remote_port = MACH_PORT_NULL;
		mx_message_destroy(in, true);
	}
	if (mach_msg_trap(&out->Head, MACH_SEND_MSG, out->Head.msgh_size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL) !=
	    MACH_MSG_SUCCESS)
		mx_message_destroy(&out->Head, false);
}

/* ---- Replies ---- */

/* The reply in MSG was not sent because of KR. */
static void
reply_failed(mach_msg_header_t *msg, mach_msg_return_t kr)
{
	switch (kr & ~MACH_MSG_MASK) {
	case MACH_SEND_INVALID_DEST:		/* the client is dead */
	case MACH_SEND_INTERRUPTED:
		break;
	default:
		/* The kernel has destroyed what it had taken, except the destination. */
		mx_log(MX_LOG_ERROR, "reply %d: %#x", msg->msgh_id, kr);
		msg->msgh_bits &= ~MACH_MSGH_BITS_COMPLEX;
	}
	mx_message_destroy(msg, false);
}

void
mx_loop_reply(struct mx_fibril *self, mach_msg_size_t size)
{
	mach_msg_return_t kr;

	kr = mach_msg_trap(self->fb_out, MACH_SEND_MSG, size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
	if (kr != MACH_MSG_SUCCESS)
		reply_failed(self->fb_out, kr);
}

struct mx_fibril *
mx_loop_reply_wait(struct mx_fibril *self, mach_msg_size_t size)
{
	mach_msg_header_t *out = self->fb_out;
	struct mx_fibril *next;
	mach_msg_return_t kr;

	if (size != 0) {
		self->fb_out = self->fb_in;	/* the request is done with */
		self->fb_in = out;
	}
	next = mx_loop_wait(self, size, &kr);
	if (next == NULL) {
		reply_failed(self->fb_in, kr);
		next = mx_loop_wait(self, 0, NULL);
	}
	return next;
}

/* ---- Receiving ---- */

/* The kernel's short cut for exceptions forgets that a port has a payload and gives the port's name. */
static bool
payload_restore(mach_msg_header_t *msg)
{
	struct mx_object *obj = mx_object_by_name(msg->msgh_local_port);

	if (obj == NULL)
		return false;
	msg->msgh_bits = (msg->msgh_bits & ~MACH_MSGH_BITS_LOCAL_MASK) | MACH_MSGH_BITS(0, MACH_MSG_TYPE_PROTECTED_PAYLOAD);
	msg->msgh_protected_payload = (uintptr_t)obj;
	return true;
}

/* The message in TAKER's buffer: returns the fibril that goes on because of it, or NULL. */
static struct mx_fibril *
route(struct mx_fibril *taker)
{
	mach_msg_header_t *msg = taker->fb_in;
	uintptr_t payload;
	struct mx_fibril *f;

	if (MACH_MSGH_BITS_LOCAL(msg->msgh_bits) != MACH_MSG_TYPE_PROTECTED_PAYLOAD && !payload_restore(msg)) {
		mx_message_destroy(msg, true);	/* not a port of ours */
		return NULL;
	}
	payload = msg->msgh_protected_payload;
	switch (payload & MX_PAYLOAD_MASK) {
	case MX_PAYLOAD_OBJECT:
		if (taker != &last_resort)
			return taker;
		refuse(msg);
		return NULL;
	case MX_PAYLOAD_FIBRIL:
		f = (struct mx_fibril *)(payload - MX_PAYLOAD_FIBRIL);
		if (f->fb_rpc == NULL) {
			mx_message_destroy(msg, true);
			return NULL;
		}
		mx_rpc_reply(f, msg);
		return f;
	default:
		mx_notify_message(msg);
		return NULL;
	}
}

static mach_msg_return_t
receive(struct mx_fibril *taker, mach_msg_size_t send_size)
{
	mach_msg_option_t option = MACH_RCV_MSG;
	mach_msg_timeout_t timeout = 0;

	if (send_size != 0)
		option |= MACH_SEND_MSG;
	if (mx_timers.hp_count != 0 && !mx_alarm_set(mx_timers.hp_nodes[1]->tn_deadline)) {
		option |= MACH_RCV_TIMEOUT;
		timeout = mx_timer_ms(mx_timers_wait());
	}
	return mach_msg_trap(taker->fb_in, option, send_size, MX_BUFFER_SIZE, mx_set, timeout, MACH_PORT_NULL);
}

struct mx_fibril *
mx_loop_wait(struct mx_fibril *taker, mach_msg_size_t send_size, mach_msg_return_t *send_result)
{
	struct mx_fibril *next;
	mach_msg_return_t kr;

	if (taker == NULL) {
		taker = &last_resort;
		taker->fb_in = (mach_msg_header_t *)last_buffer;
	}
	for (;;) {
		kr = receive(taker, send_size);
		if (send_size != 0 && kr != MACH_MSG_SUCCESS && !IS_RCV_ERROR(kr)) {
			*send_result = kr;
			return NULL;
		}
		send_size = 0;
		next = NULL;
		if (kr == MACH_MSG_SUCCESS)
			next = route(taker);
		else if ((kr & ~MACH_MSG_MASK) == MACH_RCV_BODY_ERROR)
			mx_message_destroy(taker->fb_in, true);
		if (mx_timers.hp_count != 0)
			mx_timers_run();
		if (next == NULL)
			next = mx_queue_take(&mx_ready);
		if (next != NULL)
			return next;
	}
}

void
mx_loop_poll(void)
{
	struct mx_fibril *taker = mx_fibril_take(), *next;
	mach_msg_return_t kr;

	if (taker == NULL)
		return;
	kr = mach_msg_trap(taker->fb_in, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, MX_BUFFER_SIZE, mx_set, 0, MACH_PORT_NULL);
	next = kr == MACH_MSG_SUCCESS ? route(taker) : NULL;
	if (next != NULL)
		mx_fibril_ready(next);
	if (next != taker)
		mx_fibril_put(taker);
	if (mx_timers.hp_count != 0)
		mx_timers_run();
}
