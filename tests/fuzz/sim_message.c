/*
 * sim_message.c - messages of the played kernel: what becomes of rights and memory in them.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim_impl.h"

static struct sim_port *pending[4096];	/* ports with messages, of any set */
static unsigned int npending;

/* ---- Messages ---- */

void
sim_body_walk(void *body, size_t size, void (*right)(struct sim_port **where, mach_msg_type_name_t type),
	void (*memory)(void *at, size_t bytes))
{
	char *p = body, *end = p + size;
	mach_msg_type_long_t l;
	struct sim_port **ports;
	mach_msg_type_t t;
	unsigned int name, bits, number, i;
	size_t bytes, inline_bytes;

	while (end - p >= (ptrdiff_t)sizeof(t)) {
		memcpy(&t, p, sizeof(t));
		memset(&l, 0, sizeof(l));
		if (t.msgt_longform) {
			if (end - p < (ptrdiff_t)sizeof(l))
				sim_fail("a message ends in a type");
			memcpy(&l, p, sizeof(l));
		}
		name = t.msgt_longform ? l.msgtl_name : t.msgt_name;
		bits = t.msgt_longform ? l.msgtl_size : t.msgt_size;
		number = t.msgt_longform ? l.msgtl_number : t.msgt_number;
		p += t.msgt_longform ? sizeof(l) : sizeof(t);
		bytes = ((size_t)number * bits + 7) / 8;
		inline_bytes = t.msgt_inline ? (bytes + 3) & ~(size_t)3 : sizeof(void *);
		if (inline_bytes > (size_t)(end - p))
			sim_fail("a message is shorter than it says: type %u, %u elements", name, number);
		ports = t.msgt_inline ? (struct sim_port **)p : *(struct sim_port ***)p;
		if (MACH_MSG_TYPE_PORT_ANY(name))
			for (i = 0; i < number; i++)
				right(&ports[i], name);
		if (!t.msgt_inline && memory != NULL)
			memory(ports, bytes);
		p += inline_bytes;
	}
}

static void
drop_right(struct sim_port **where, mach_msg_type_name_t type)
{
	if (*where != NULL && *where != (void *)MACH_PORT_DEAD)
		sim_right_drop(*where, type);
}

void
sim_body_drop(void *body, size_t size)
{
	sim_body_walk(body, size, drop_right, sim_unmap);
}

void
sim_message_free(struct sim_message *msg)
{
	if (msg->me_complex)
		sim_body_drop(msg->me_body, msg->me_size);
	if (msg->me_reply != NULL)
		sim_right_drop(msg->me_reply, msg->me_reply_type);
	free(msg->me_body);
	free(msg);
}

void
sim_send(struct sim_port *to, struct sim_port *reply, int id, const void *body, size_t size, bool is_complex)
{
	struct sim_message *msg = calloc(1, sizeof(*msg));

	msg->me_reply = reply;
	msg->me_reply_type = MACH_MSG_TYPE_MOVE_SEND_ONCE;
	msg->me_id = id;
	msg->me_complex = is_complex;
	msg->me_size = size;
	msg->me_body = malloc(size + 4);
	if (size != 0)
		memcpy(msg->me_body, body, size);
	switch (to->po_owner) {
	case SIM_DEAD:
	case SIM_KERNEL:
		sim_message_free(msg);
		return;
	case SIM_CLIENT:
	case SIM_PEER:
		client_message(to, msg);
		return;
	case SIM_SERVER:
		break;
	}
	if (to->po_messages++ == 0) {
		if (npending == sizeof(pending) / sizeof(pending[0]))
			sim_fail("messages wait in %u ports", npending);
		pending[npending++] = to;
		to->po_first = msg;
	} else {
		to->po_last->me_next = msg;
	}
	to->po_last = msg;
}

/* ---- Sending by the server ---- */


/* The server gives the right called NAME away as TYPE. Returns the port, NULL for none. */
struct sim_port *
sim_right_in(mach_port_t n, mach_msg_type_name_t type, mach_msg_type_name_t *arrives)
{
	struct sim_entry *e;
	struct sim_port *p;

	*arrives = MACH_MSG_TYPE_MOVE_SEND;
	if (n == MACH_PORT_NULL || n == MACH_PORT_DEAD)
		return NULL;
	e = sim_entry_of(n);
	if (e == NULL || e->en_set)
		sim_fail("the server sent the name %u, which means nothing, as type %u", n, type);
	if (e->en_dead) {			/* arrives as dead */
		if (type == MACH_MSG_TYPE_MOVE_SEND || type == MACH_MSG_TYPE_MOVE_SEND_ONCE) {
			e->en_sends--;
			if (e->en_sends == 0)
				sim_name_free(n);
		}
		return NULL;
	}
	p = e->en_port;
	switch (type) {
	case MACH_MSG_TYPE_MOVE_SEND:
		if (e->en_sends-- == 0)
			sim_fail("the server moved a send right that it has not (name %u)", n);
		break;
	case MACH_MSG_TYPE_COPY_SEND:
		if (e->en_sends == 0)
			sim_fail("the server copied a send right that it has not (name %u)", n);
		p->po_srights++;
		break;
	case MACH_MSG_TYPE_MAKE_SEND:
	case MACH_MSG_TYPE_MAKE_SEND_ONCE:
		if (!e->en_receive)
			sim_fail("the server made a right of a port that it does not receive from (name %u)", n);
		if (type == MACH_MSG_TYPE_MAKE_SEND) {
			p->po_srights++;
			p->po_mscount++;
		} else {
			p->po_sorights++;
			*arrives = MACH_MSG_TYPE_MOVE_SEND_ONCE;
		}
		break;
	case MACH_MSG_TYPE_MOVE_SEND_ONCE:
		if (!e->en_send_once)
			sim_fail("the server moved a send-once right that it has not (name %u)", n);
		e->en_send_once = false;
		*arrives = MACH_MSG_TYPE_MOVE_SEND_ONCE;
		break;
	case MACH_MSG_TYPE_MOVE_RECEIVE:
		if (!e->en_receive)
			sim_fail("the server moved a receive right that it has not (name %u)", n);
		e->en_receive = false;
		p->po_owner = SIM_PEER;
		p->po_has_payload = false;
		p->po_set = MACH_PORT_NULL;
		*arrives = MACH_MSG_TYPE_MOVE_RECEIVE;
		break;
	default:
		sim_fail("the server sent a right as type %u", type);
	}
	sim_name_check(n);
	return p;
}

/* Make a kernel's body out of the server's: names become ports, out-of-line memory is moved or copied. */
static void
body_in(char *body, size_t size)
{
	char *p = body, *end = body + size;
	mach_msg_type_name_t arrives = 0;
	mach_msg_type_long_t *l;
	mach_msg_type_t *t;
	unsigned int name, bits, number, i;
	size_t bytes;
	void *memory, *copy;
	mach_port_t *ports;

	while (end - p >= (ptrdiff_t)sizeof(*t)) {
		t = (mach_msg_type_t *)p;
		l = (mach_msg_type_long_t *)p;
		name = t->msgt_longform ? l->msgtl_name : t->msgt_name;
		bits = t->msgt_longform ? l->msgtl_size : t->msgt_size;
		number = t->msgt_longform ? l->msgtl_number : t->msgt_number;
		p += t->msgt_longform ? sizeof(*l) : sizeof(*t);
		bytes = ((size_t)number * bits + 7) / 8;
		ports = (mach_port_t *)p;
		if ((t->msgt_inline ? (bytes + 3) & ~(size_t)3 : sizeof(void *)) > (size_t)(end - p))
			sim_fail("the server sent a message that is shorter than it says");
		if (!t->msgt_inline) {
			memcpy(&memory, p, sizeof(memory));
			copy = NULL;
			if (bytes != 0) {
				copy = sim_map(bytes);
				memcpy(copy, memory, bytes);
				if (t->msgt_deallocate)
					sim_unmap(memory, bytes);
			}
			memcpy(p, &copy, sizeof(copy));
			ports = copy;
		}
		if (MACH_MSG_TYPE_PORT_ANY(name)) {
			for (i = 0; i < number; i++)
				ports[i] = (mach_port_t)sim_right_in(ports[i], name, &arrives);
			if (number != 0 && t->msgt_longform)
				l->msgtl_name = arrives;
			else if (number != 0)
				t->msgt_name = arrives;
		}
		p += t->msgt_inline ? (bytes + 3) & ~(size_t)3 : sizeof(void *);
	}
}

/* The message goes nowhere: the rights in its header are the sender's again, as a right that was moved. */
static mach_msg_return_t
server_send_back(mach_msg_header_t *h)
{
	unsigned int remote = MACH_MSGH_BITS_REMOTE(h->msgh_bits);
	struct sim_entry *e = sim_entry_of(h->msgh_remote_port);

	if (remote == MACH_MSG_TYPE_COPY_SEND) {
		e->en_sends++;
		e->en_port->po_srights++;
		remote = MACH_MSG_TYPE_MOVE_SEND;
	}
	h->msgh_bits = (h->msgh_bits & ~MACH_MSGH_BITS_REMOTE_MASK) | remote;
	return MACH_SEND_TIMED_OUT;
}

mach_msg_return_t
sim_server_send(mach_msg_header_t *h, size_t size, bool can_time_out)
{
	mach_msg_type_name_t reply_type = 0, ignored;
	struct sim_port *to, *reply;
	struct sim_entry *e = sim_entry_of(h->msgh_remote_port);
	char *body;
	bool is_complex = (h->msgh_bits & MACH_MSGH_BITS_COMPLEX) != 0;

	if (size < sizeof(*h) || size % 4 != 0)
		sim_fail("the server sent %zu bytes (id %d)", size, h->msgh_id);
	if (h->msgh_remote_port == MACH_PORT_NULL || h->msgh_remote_port == MACH_PORT_DEAD || (e != NULL && e->en_dead))
		return MACH_SEND_INVALID_DEST;
	if (e == NULL)
		sim_fail("the server sent id %d to the name %u, which means nothing", h->msgh_id, h->msgh_remote_port);
	if (can_time_out && !is_complex && h->msgh_local_port == MACH_PORT_NULL && fuzz_chance(10) &&
	    MACH_MSGH_BITS_REMOTE(h->msgh_bits) != MACH_MSG_TYPE_MOVE_SEND_ONCE)
		return server_send_back(h);
	to = sim_right_in(h->msgh_remote_port, MACH_MSGH_BITS_REMOTE(h->msgh_bits), &ignored);
	reply = NULL;
	if (MACH_MSGH_BITS_LOCAL(h->msgh_bits) != 0)
		reply = sim_right_in(h->msgh_local_port, MACH_MSGH_BITS_LOCAL(h->msgh_bits), &reply_type);
	body = malloc(size);
	memcpy(body, h + 1, size - sizeof(*h));
	if (is_complex)
		body_in(body, size - sizeof(*h));
	/* The right to the destination is used up. */
	if (ignored == MACH_MSG_TYPE_MOVE_SEND_ONCE) {
		to->po_sorights--;
	} else {
		to->po_srights--;
		sim_no_senders_check(to);
	}
	if (reply != NULL && reply_type != MACH_MSG_TYPE_MOVE_SEND_ONCE)
		sim_fail("the server wants a reply by a send right (id %d)", h->msgh_id);
	if (sim_verbose)
		printf("# server sends id %d, %zu bytes, to %s\n", h->msgh_id, size,
			to->po_owner == SIM_CLIENT ? "a client" : to->po_owner == SIM_PEER ? "a peer" : "itself or the kernel");
	sim_send(to, reply, h->msgh_id, body, size - sizeof(*h), is_complex);
	free(body);
	return MACH_MSG_SUCCESS;
}

/* ---- Receiving by the server ---- */

void
sim_right_out(struct sim_port **where, mach_msg_type_name_t type)
{
	struct sim_port *p = *where;
	mach_port_t n;

	if (p == NULL || p == (void *)MACH_PORT_DEAD)
		return;
	if (p->po_owner == SIM_DEAD) {
		*(mach_port_t *)where = MACH_PORT_DEAD;
		return;
	}
	if (type == MACH_MSG_TYPE_MOVE_SEND_ONCE) {
		n = sim_name_new();
		sim_entries[n].en_port = p;
		sim_entries[n].en_send_once = true;
	} else {
		n = sim_name_for_send(p);
		sim_entries[n].en_sends++;
	}
	*(mach_port_t *)where = n;
}

static struct sim_message *
message_take(unsigned int at)
{
	struct sim_port *p = pending[at];
	struct sim_message *msg = p->po_first;

	p->po_first = msg->me_next;
	if (--p->po_messages == 0)
		pending[at] = pending[--npending];
	return msg;
}

bool
sim_server_receive(mach_msg_header_t *h, size_t room, mach_port_t from, mach_msg_return_t *result)
{
	struct sim_message *msg;
	struct sim_port *p;
	unsigned int i, start = npending != 0 ? (unsigned int)rand() % npending : 0;

	for (i = 0; i < npending;) {
		if (pending[i]->po_owner == SIM_DEAD) {
			pending[i] = pending[--npending];
			start = 0;
		} else {
			i++;
		}
	}
	for (i = 0; i < npending; i++) {
		p = pending[(start + i) % npending];
		if (p->po_name != from && p->po_set != from)
			continue;
		msg = message_take((start + i) % npending);
		if (msg->me_size + sizeof(*h) > room) {
			sim_message_free(msg);
			*result = MACH_RCV_TOO_LARGE;
			return true;
		}
		memset(h, 0, sizeof(*h));
		if (msg->me_complex)
			sim_body_walk(msg->me_body, msg->me_size, sim_right_out, NULL);
		if (msg->me_reply != NULL)
			sim_right_out(&msg->me_reply, msg->me_reply_type);
		h->msgh_bits = MACH_MSGH_BITS(msg->me_reply != NULL ? msg->me_reply_type : 0,
			p->po_has_payload ? MACH_MSG_TYPE_PROTECTED_PAYLOAD : MACH_MSG_TYPE_MOVE_SEND) |
			(msg->me_complex ? MACH_MSGH_BITS_COMPLEX : 0);
		h->msgh_size = sizeof(*h) + msg->me_size;
		h->msgh_remote_port = (mach_port_t)msg->me_reply;
		if (p->po_has_payload)
			h->msgh_protected_payload = p->po_payload;
		else
			h->msgh_local_port = p->po_name;
		h->msgh_id = msg->me_id;
		memcpy(h + 1, msg->me_body, msg->me_size);
		free(msg->me_body);
		free(msg);
		*result = MACH_MSG_SUCCESS;
		return true;
	}
	return false;
}

bool
sim_message_waits(mach_port_t from)
{
	unsigned int i;

	for (i = 0; i < npending; i++)
		if (pending[i]->po_owner != SIM_DEAD && (pending[i]->po_name == from || pending[i]->po_set == from))
			return true;
	return false;
}
