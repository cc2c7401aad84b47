/*
 * sim.c - ports, rights, messages and traps of the kernel that the fuzzer plays.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <sanitizer/common_interface_defs.h>
#include <mach/notify.h>
#include <masix/mach.h>
#include "client.h"
#include "impl.h"
#include "mach_port.h"
#include "message.h"

#define NAMES_MAX	65536u
#define PAGE		4096u

struct entry {
	struct sim_port	*en_port;	/* NULL: free, or a dead name, or a set */
	bool		en_receive, en_send_once, en_dead, en_set;
	unsigned int	en_sends;	/* references to send rights or to a dead name */
	struct sim_port	*en_dead_name;	/* send-once right to tell */
	uint32_t	en_next;	/* free list */
};

static struct entry names[NAMES_MAX];
static uint32_t free_first, free_last, never_used = 3;
static struct sim_port *pending[4096];	/* ports with messages, of any set */
static unsigned int npending;

unsigned int sim_names, sim_pages;
mach_port_t sim_watched;
bool sim_verbose;

void
sim_fail(const char *fmt, ...)
{
	va_list ap;

	printf("not ok - ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	__sanitizer_print_stack_trace();
	_exit(1);
}

/* ---- Memory ---- */

void *
sim_map(size_t bytes)
{
	size_t size = (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		sim_fail("the host has no memory for %zu bytes (%u pages are mapped)", bytes, sim_pages);
	sim_pages += size / PAGE;
	return p;
}

bool
sim_map_at(uintptr_t at, size_t bytes)
{
	size_t size = (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);

	if (mmap((void *)at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
		return false;
	sim_pages += size / PAGE;
	return true;
}

void
sim_unmap(void *at, size_t bytes)
{
	uintptr_t begin = (uintptr_t)at & ~(uintptr_t)(PAGE - 1), end = ((uintptr_t)at + bytes + PAGE - 1) & ~(uintptr_t)(PAGE - 1);

	if (bytes == 0)
		return;
	if (munmap((void *)begin, end - begin) != 0)
		sim_fail("unmapped %p, %zu bytes", at, bytes);
	sim_pages -= (end - begin) / PAGE;
}

/* ---- Names ---- */

/* Names are used again as late as possible, so that one that is out of date is noticed. */
static mach_port_t
name_new(void)
{
	uint32_t n;

	if (never_used < NAMES_MAX) {
		n = never_used++;
	} else {
		n = free_first;
		if (n == 0)
			sim_fail("the server has %u names", sim_names);
		free_first = names[n].en_next;
	}
	memset(&names[n], 0, sizeof(names[n]));
	sim_names++;
	if (sim_watched == n) {
		printf("# name %u comes into being\n", n);
		__sanitizer_print_stack_trace();
	}
	return n;
}

static void
name_free(mach_port_t n)
{
	memset(&names[n], 0, sizeof(names[n]));
	if (free_first == 0)
		free_first = n;
	else
		names[free_last].en_next = n;
	free_last = n;
	sim_names--;
}

static struct entry *
entry_of(mach_port_t n)
{
	if (n >= NAMES_MAX || (names[n].en_port == NULL && !names[n].en_dead && !names[n].en_set))
		return NULL;
	return &names[n];
}

struct sim_port *
sim_port_named(mach_port_t n)
{
	struct entry *e = entry_of(n);

	return e == NULL ? NULL : e->en_port;
}

static void
name_free_if_empty(mach_port_t n)
{
	struct entry *e = &names[n];
	struct sim_port *tell = e->en_dead_name;

	if (e->en_receive || e->en_send_once || e->en_sends != 0)
		return;
	if (e->en_port != NULL && e->en_port->po_name == n)
		e->en_port->po_name = MACH_PORT_NULL;
	name_free(n);
	if (tell != NULL) {			/* port-deleted */
		struct { mach_msg_type_t type; uint32_t name; } body = {
			{ .msgt_name = MACH_MSG_TYPE_PORT_NAME, .msgt_size = 32, .msgt_number = 1, .msgt_inline = 1 }, n };

		tell->po_sorights--;
		sim_send(tell, NULL, MACH_NOTIFY_PORT_DELETED, &body, sizeof(body), false);
	}
}

/* The name under which the server has (or gets) send rights to P. */
static mach_port_t
name_for_send(struct sim_port *p)
{
	mach_port_t n = p->po_name;

	if (n == MACH_PORT_NULL) {
		n = name_new();
		names[n].en_port = p;
		p->po_name = n;
	}
	return n;
}

/* ---- Ports ---- */

struct sim_port *
sim_port_new(enum sim_owner owner)
{
	struct sim_port *p = calloc(1, sizeof(*p));

	p->po_owner = owner;
	return p;
}

void
sim_right_make(struct sim_port *p, mach_msg_type_name_t type)
{
	if (type == MACH_MSG_TYPE_MOVE_SEND)
		p->po_srights++;
	else if (type == MACH_MSG_TYPE_MOVE_SEND_ONCE)
		p->po_sorights++;
}

static void
no_senders_check(struct sim_port *p)
{
	struct { mach_msg_type_t type; uint32_t count; } body = {
		{ .msgt_name = MACH_MSG_TYPE_INTEGER_32, .msgt_size = 32, .msgt_number = 1, .msgt_inline = 1 }, p->po_mscount };
	struct sim_port *tell = p->po_no_senders;

	if (p->po_srights != 0 || tell == NULL || p->po_owner == SIM_DEAD)
		return;
	p->po_no_senders = NULL;
	tell->po_sorights--;
	sim_send(tell, NULL, MACH_NOTIFY_NO_SENDERS, &body, sizeof(body), false);
}

void
sim_right_drop(struct sim_port *p, mach_msg_type_name_t type)
{
	if (type == MACH_MSG_TYPE_MOVE_SEND) {
		if (p->po_srights-- == 0)
			sim_fail("a send right that was never made");
		no_senders_check(p);
	} else if (type == MACH_MSG_TYPE_MOVE_SEND_ONCE) {
		if (p->po_sorights-- == 0)
			sim_fail("a send-once right that was never made");
		sim_send(p, NULL, MACH_NOTIFY_SEND_ONCE, NULL, 0, false);
	} else {
		sim_port_die(p);
	}
}

static void
message_free(struct sim_message *msg)
{
	if (msg->me_complex)
		sim_body_drop(msg->me_body, msg->me_size);
	if (msg->me_reply != NULL)
		sim_right_drop(msg->me_reply, msg->me_reply_type);
	free(msg->me_body);
	free(msg);
}

/* The names of the server that mean P become dead names. */
static void
names_die(struct sim_port *p)
{
	struct { mach_msg_type_t type; uint32_t name; } body = {
		{ .msgt_name = MACH_MSG_TYPE_PORT_NAME, .msgt_size = 32, .msgt_number = 1, .msgt_inline = 1 }, 0 };
	struct sim_port *tell;
	struct entry *e;
	uint32_t n;

	for (n = 1; n < never_used; n++) {
		e = &names[n];
		if (e->en_port != p)
			continue;
		e->en_port = NULL;
		e->en_receive = false;
		if (e->en_send_once)
			e->en_sends++;
		e->en_send_once = false;
		if (e->en_sends == 0) {
			name_free(n);
			continue;
		}
		e->en_dead = true;
		tell = e->en_dead_name;
		if (tell != NULL) {
			e->en_dead_name = NULL;
			e->en_sends++;
			body.name = n;
			tell->po_sorights--;
			sim_send(tell, NULL, MACH_NOTIFY_DEAD_NAME, &body, sizeof(body), false);
		}
	}
}

void
sim_port_die(struct sim_port *p)
{
	struct sim_message *msg;
	struct sim_port *tell = p->po_no_senders;

	if (p->po_owner == SIM_DEAD)
		return;
	p->po_owner = SIM_DEAD;
	p->po_no_senders = NULL;
	if (tell != NULL && tell != p)
		sim_right_drop(tell, MACH_MSG_TYPE_MOVE_SEND_ONCE);
	names_die(p);
	while ((msg = p->po_first) != NULL) {
		p->po_first = msg->me_next;
		message_free(msg);
	}
	p->po_messages = 0;
}

mach_port_t
sim_give_send(struct sim_port *p)
{
	mach_port_t n = name_for_send(p);

	p->po_srights++;
	names[n].en_sends++;
	return n;
}

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
		message_free(msg);
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
static struct sim_port *
right_in(mach_port_t n, mach_msg_type_name_t type, mach_msg_type_name_t *arrives)
{
	struct entry *e;
	struct sim_port *p;

	*arrives = MACH_MSG_TYPE_MOVE_SEND;
	if (n == MACH_PORT_NULL || n == MACH_PORT_DEAD)
		return NULL;
	e = entry_of(n);
	if (e == NULL || e->en_set)
		sim_fail("the server sent the name %u, which means nothing, as type %u", n, type);
	if (e->en_dead) {			/* arrives as dead */
		if (type == MACH_MSG_TYPE_MOVE_SEND || type == MACH_MSG_TYPE_MOVE_SEND_ONCE) {
			e->en_sends--;
			if (e->en_sends == 0)
				name_free(n);
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
	name_free_if_empty(n);
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
				ports[i] = (mach_port_t)right_in(ports[i], name, &arrives);
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
	struct entry *e = entry_of(h->msgh_remote_port);

	if (remote == MACH_MSG_TYPE_COPY_SEND) {
		e->en_sends++;
		e->en_port->po_srights++;
		remote = MACH_MSG_TYPE_MOVE_SEND;
	}
	h->msgh_bits = (h->msgh_bits & ~MACH_MSGH_BITS_REMOTE_MASK) | remote;
	return MACH_SEND_TIMED_OUT;
}

static mach_msg_return_t
server_send(mach_msg_header_t *h, size_t size, bool can_time_out)
{
	mach_msg_type_name_t reply_type = 0, ignored;
	struct sim_port *to, *reply;
	struct entry *e = entry_of(h->msgh_remote_port);
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
	to = right_in(h->msgh_remote_port, MACH_MSGH_BITS_REMOTE(h->msgh_bits), &ignored);
	reply = NULL;
	if (MACH_MSGH_BITS_LOCAL(h->msgh_bits) != 0)
		reply = right_in(h->msgh_local_port, MACH_MSGH_BITS_LOCAL(h->msgh_bits), &reply_type);
	body = malloc(size);
	memcpy(body, h + 1, size - sizeof(*h));
	if (is_complex)
		body_in(body, size - sizeof(*h));
	/* The right to the destination is used up. */
	if (ignored == MACH_MSG_TYPE_MOVE_SEND_ONCE) {
		to->po_sorights--;
	} else {
		to->po_srights--;
		no_senders_check(to);
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

static void
right_out(struct sim_port **where, mach_msg_type_name_t type)
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
		n = name_new();
		names[n].en_port = p;
		names[n].en_send_once = true;
	} else {
		n = name_for_send(p);
		names[n].en_sends++;
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

static bool
dequeue(mach_msg_header_t *h, size_t room, mach_port_t from, mach_msg_return_t *result)
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
			message_free(msg);
			*result = MACH_RCV_TOO_LARGE;
			return true;
		}
		memset(h, 0, sizeof(*h));
		if (msg->me_complex)
			sim_body_walk(msg->me_body, msg->me_size, right_out, NULL);
		if (msg->me_reply != NULL)
			right_out(&msg->me_reply, msg->me_reply_type);
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

/* ---- Kernel threads of the server: they run while its first one waits, one at a time ---- */

#define THREADS_MAX	40u
#define THREAD_STACK	262144u

struct thread {
	void		*th_sp;
	mach_port_t	th_reply_port;
	mach_port_t	th_waits_for;		/* a port or set; MACH_PORT_NULL: it can run */
	bool		th_is_over;
	void		(*th_fn)(void *arg);
	void		*th_arg;
};

static struct thread threads[THREADS_MAX];	/* the first is the fibril thread */
static unsigned int nthreads = 1;
static struct thread *running = &threads[0];

static bool
message_waits(mach_port_t from)
{
	unsigned int i;

	for (i = 0; i < npending; i++)
		if (pending[i]->po_owner != SIM_DEAD && (pending[i]->po_name == from || pending[i]->po_set == from))
			return true;
	return false;
}

static void
thread_run(struct thread *t)
{
	struct thread *self = running;

	running = t;
	mx_switch(&self->th_sp, t->th_sp);
}

static void
thread_main(void)
{
	running->th_fn(running->th_arg);
	running->th_is_over = true;
	thread_run(&threads[0]);
}

/* Let one thread that can do something do it. Returns false if none can. */
static bool
threads_step(void)
{
	unsigned int i, start = fuzz_random(nthreads);
	struct thread *t;

	for (i = 0; i < nthreads; i++) {
		t = &threads[(start + i) % nthreads];
		if (t == &threads[0] || t->th_is_over || (t->th_waits_for != MACH_PORT_NULL && !message_waits(t->th_waits_for)))
			continue;
		thread_run(t);
		return true;
	}
	return false;
}

kern_return_t
mx_thread_start(void (*fn)(void *), void *arg, size_t stack_bytes)
{
	struct thread *t = &threads[nthreads];
	void **sp;

	(void)stack_bytes;
	if (nthreads == THREADS_MAX)
		return KERN_RESOURCE_SHORTAGE;
	nthreads++;
	t->th_fn = fn;
	t->th_arg = arg;
	sp = (void **)((char *)calloc(1, THREAD_STACK) + THREAD_STACK - 16);
	*--sp = NULL;
	*--sp = (void *)(uintptr_t)thread_main;
	t->th_sp = sp - 4;
	return KERN_SUCCESS;
}

mach_port_t *
mx_thread_reply_port(void)
{
	return running == &threads[0] ? NULL : &running->th_reply_port;
}

mach_msg_return_t
mach_msg_trap(mach_msg_header_t *h, mach_msg_option_t option, mach_msg_size_t send_size, mach_msg_size_t room,
	mach_port_t from, mach_msg_timeout_t timeout, mach_port_t notify)
{
	mach_msg_return_t kr = MACH_MSG_SUCCESS;

	(void)notify;
	if (option & MACH_SEND_MSG) {
		kr = server_send(h, send_size, (option & MACH_SEND_TIMEOUT) != 0);
		if (kr != MACH_MSG_SUCCESS)
			return kr;
	}
	if ((option & MACH_RCV_MSG) == 0)
		return kr;
	if (entry_of(from) == NULL)
		return MACH_RCV_INVALID_NAME;
	for (;;) {
		if (dequeue(h, room, from, &kr)) {
			if (kr != MACH_RCV_TOO_LARGE)
				return kr;
			continue;
		}
		if ((option & MACH_RCV_TIMEOUT) && timeout == 0)
			return MACH_RCV_TIMED_OUT;
		if (running != &threads[0]) {
			running->th_waits_for = from;
			thread_run(&threads[0]);
			running->th_waits_for = MACH_PORT_NULL;
			if ((option & MACH_RCV_TIMEOUT) && !message_waits(from))
				return MACH_RCV_TIMED_OUT;
		} else if (!threads_step() && !client_step((option & MACH_RCV_TIMEOUT) != 0)) {
			sim_now += timeout * 1000000ull;
			return MACH_RCV_TIMED_OUT;
		}
	}
}

bool
sim_is_task(mach_port_t task)
{
	struct sim_port *p = sim_port_named(task);

	return p != NULL && p->po_owner == SIM_KERNEL && p->po_is_task;
}

/* ---- What is left ---- */

unsigned int
sim_names_live(void)
{
	unsigned int count = 0;
	uintptr_t payload;
	struct sim_port *p;
	uint32_t n;

	for (n = 1; n < never_used; n++) {
		if (entry_of(n) == NULL)
			continue;
		p = names[n].en_port;
		payload = p != NULL && names[n].en_receive && p->po_has_payload ? p->po_payload : 0;
		if (payload != 0 && (payload & MX_PAYLOAD_MASK) == MX_PAYLOAD_FIBRIL)
			continue;
		if (payload != 0 && (payload & MX_PAYLOAD_MASK) == MX_PAYLOAD_OBJECT &&
		    ((struct mx_object *)payload)->mo_refs == 0)
			continue;		/* kept for reuse */
		count++;
	}
	return count;
}

void
sim_names_print(void)
{
	struct mx_object *obj;
	struct sim_port *p;
	uint32_t n;

	for (n = 1; n < never_used; n++) {
		if (entry_of(n) == NULL)
			continue;
		p = names[n].en_port;
		obj = p != NULL && p->po_has_payload && (p->po_payload & MX_PAYLOAD_MASK) == MX_PAYLOAD_OBJECT &&
			names[n].en_receive ? (struct mx_object *)p->po_payload : NULL;
		if (obj != NULL && obj->mo_refs == 0)
			continue;
		if (p != NULL && names[n].en_receive && (p->po_payload & MX_PAYLOAD_MASK) == MX_PAYLOAD_FIBRIL)
			continue;
		printf("# name %u:%s%s%s %u sends, owner %d%s%s, %u references\n", n, names[n].en_receive ? " receive" : "",
			names[n].en_send_once ? " send-once" : "", names[n].en_dead ? " dead" : "", names[n].en_sends,
			p != NULL ? (int)p->po_owner : -1, obj != NULL ? ", object " : "",
			obj != NULL ? obj->mo_class->mc_name : "", obj != NULL ? obj->mo_refs : 0);
	}
}

/* ---- Port calls ---- */

mach_port_t
mach_reply_port(void)
{
	mach_port_t n = name_new();
	struct sim_port *p = sim_port_new(SIM_SERVER);

	p->po_name = n;
	names[n].en_port = p;
	names[n].en_receive = true;
	return n;
}

kern_return_t
syscall_mach_port_allocate(mach_port_t task, mach_port_right_t right, mach_port_t *name)
{
	(void)task;
	if (right == MACH_PORT_RIGHT_PORT_SET) {
		*name = name_new();
		names[*name].en_set = true;
		names[*name].en_sends = 1;
	} else {
		*name = mach_reply_port();
	}
	return KERN_SUCCESS;
}

kern_return_t
syscall_mach_port_deallocate(mach_port_t task, mach_port_t n)
{
	struct entry *e = entry_of(n);
	struct sim_port *p;

	(void)task;
	if (e == NULL || e->en_set || (!e->en_send_once && e->en_sends == 0))
		sim_fail("the server released the name %u, which is no send right", n);
	p = e->en_port;
	if (e->en_dead) {
		if (--e->en_sends == 0)
			name_free(n);
		return KERN_SUCCESS;
	}
	if (e->en_send_once) {
		e->en_send_once = false;
		name_free_if_empty(n);
		sim_right_drop(p, MACH_MSG_TYPE_MOVE_SEND_ONCE);
		return KERN_SUCCESS;
	}
	e->en_sends--;
	name_free_if_empty(n);
	sim_right_drop(p, MACH_MSG_TYPE_MOVE_SEND);
	return KERN_SUCCESS;
}

kern_return_t
syscall_mach_port_insert_right(mach_port_t task, mach_port_t name, mach_port_t right, mach_msg_type_name_t type)
{
	mach_msg_type_name_t arrives;
	struct sim_port *p;

	if (task != mx_task && !sim_is_task(task))
		return KERN_INVALID_ARGUMENT;
	if (task != mx_task) {			/* into a client */
		p = right_in(right, type, &arrives);
		if (p != NULL)
			client_right(p, arrives);
		return KERN_SUCCESS;
	}
	if (entry_of(right) == NULL)
		return KERN_INVALID_NAME;
	if (name != right)
		sim_fail("the server gave a port another name");
	p = right_in(right, type, &arrives);
	if (p != NULL && p->po_name == name)
		names[name].en_sends++;
	return KERN_SUCCESS;
}

kern_return_t
mach_port_mod_refs(mach_port_t task, mach_port_t n, mach_port_right_t right, int delta)
{
	struct entry *e = entry_of(n);

	if (right == MACH_PORT_RIGHT_SEND && delta > 0) {
		if (e == NULL || e->en_set)
			return KERN_INVALID_NAME;
		if (e->en_dead || e->en_sends == 0)
			return KERN_INVALID_RIGHT;
		e->en_sends += (unsigned int)delta;
		e->en_port->po_srights += (unsigned int)delta;
		return KERN_SUCCESS;
	}
	if (right != MACH_PORT_RIGHT_RECEIVE) {
		while (delta++ < 0)
			(void)syscall_mach_port_deallocate(task, n);
		return KERN_SUCCESS;
	}
	if (e == NULL || !e->en_receive)
		sim_fail("the server destroyed the name %u, which is no receive right", n);
	/* Our own send rights become a dead name, if there are any. */
	sim_port_die(e->en_port);
	return KERN_SUCCESS;
}

kern_return_t
mach_port_set_protected_payload(mach_port_t task, mach_port_t n, uintptr_t payload)
{
	struct sim_port *p = sim_port_named(n);

	(void)task;
	p->po_has_payload = true;
	p->po_payload = payload;
	return KERN_SUCCESS;
}

kern_return_t
mach_port_move_member(mach_port_t task, mach_port_t n, mach_port_t set)
{
	(void)task;
	sim_port_named(n)->po_set = set;
	return KERN_SUCCESS;
}

kern_return_t
mach_port_request_notification(mach_port_t task, mach_port_t n, int id, mach_port_mscount_t sync, mach_port_t notify,
	mach_msg_type_name_t type, mach_port_t *previous)
{
	struct entry *e = entry_of(n);
	struct sim_port *old = NULL, *tell;
	mach_msg_type_name_t arrives;

	(void)task;
	*previous = MACH_PORT_NULL;
	if (e == NULL || e->en_set)
		return KERN_INVALID_NAME;
	if (e->en_dead && (id != MACH_NOTIFY_DEAD_NAME || sync == 0))
		return KERN_INVALID_ARGUMENT;
	tell = right_in(notify, type, &arrives);
	if (id == MACH_NOTIFY_NO_SENDERS) {
		old = e->en_port->po_no_senders;
		e->en_port->po_no_senders = tell;
		if (sync <= e->en_port->po_mscount)
			no_senders_check(e->en_port);
	} else if (id == MACH_NOTIFY_DEAD_NAME && e->en_dead) {
		struct { mach_msg_type_t t; uint32_t name; } body = {
			{ .msgt_name = MACH_MSG_TYPE_PORT_NAME, .msgt_size = 32, .msgt_number = 1, .msgt_inline = 1 }, n };

		e->en_sends++;
		tell->po_sorights--;
		sim_send(tell, NULL, MACH_NOTIFY_DEAD_NAME, &body, sizeof(body), false);
	} else if (id == MACH_NOTIFY_DEAD_NAME) {
		old = e->en_dead_name;
		e->en_dead_name = tell;
	} else {
		if (tell != NULL)
			sim_right_drop(tell, arrives);
		return KERN_SUCCESS;		/* port-destroyed: nothing here dies with the server */
	}
	if (old != NULL) {
		right_out(&old, MACH_MSG_TYPE_MOVE_SEND_ONCE);
		*previous = (mach_port_t)old;
	}
	return KERN_SUCCESS;
}

kern_return_t
mach_port_get_receive_status(mach_port_t task, mach_port_t n, mach_port_status_t *status)
{
	struct sim_port *p = sim_port_named(n);

	(void)task;
	memset(status, 0, sizeof(*status));
	status->mps_mscount = p->po_mscount;
	status->mps_msgcount = p->po_messages;
	status->mps_srights = p->po_srights != 0;
	status->mps_sorights = p->po_sorights;
	return KERN_SUCCESS;
}
