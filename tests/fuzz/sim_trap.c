/*
 * sim_trap.c - mach_msg, kernel threads, and the calls about ports.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <mach/notify.h>
#include <masix/mach.h>
#include "sim_impl.h"
#include "mach_port.h"

/* ---- Kernel threads of the server: they run while its first one waits, one at a time ---- */

#define THREADS_MAX	40u
#define THREAD_STACK	262144u

struct thread {
	void		*th_sp;
	char		*th_stack;
	mach_port_t	th_reply_port;
	mach_port_t	th_waits_for;		/* a port or set; MACH_PORT_NULL: it can run */
	bool		th_is_over;
	void		(*th_fn)(void *arg);
	void		*th_arg;
};

static struct thread threads[THREADS_MAX];	/* the first is the fibril thread */
static unsigned int nthreads = 1;
static struct thread *running = &threads[0];

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
		if (t == &threads[0] || t->th_is_over || (t->th_waits_for != MACH_PORT_NULL && !sim_message_waits(t->th_waits_for)))
			continue;
		thread_run(t);
		return true;
	}
	return false;
}

kern_return_t
mx_thread_start(void (*fn)(void *), void *arg, size_t stack_bytes)
{
	struct thread *t = &threads[1];
	void **sp;

	(void)stack_bytes;
	while (t < &threads[nthreads] && !t->th_is_over)
		t++;
	if (t == &threads[THREADS_MAX])
		return KERN_RESOURCE_SHORTAGE;
	if (t == &threads[nthreads])
		nthreads++;
	t->th_fn = fn;
	t->th_arg = arg;
	t->th_is_over = false;
	if (t->th_stack == NULL)
		t->th_stack = calloc(1, THREAD_STACK);
	sp = (void **)(t->th_stack + THREAD_STACK - 16);
	*--sp = NULL;
	*--sp = (void *)(uintptr_t)thread_main;
	t->th_sp = sp - 4;
	return KERN_SUCCESS;
}

bool
mx_thread_collect(void)
{
	return false;			/* stacks are used again */
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
		kr = sim_server_send(h, send_size, (option & MACH_SEND_TIMEOUT) != 0);
		if (kr != MACH_MSG_SUCCESS)
			return kr;
	}
	if ((option & MACH_RCV_MSG) == 0)
		return kr;
	if (sim_entry_of(from) == NULL)
		return MACH_RCV_INVALID_NAME;
	for (;;) {
		if (sim_server_receive(h, room, from, &kr)) {
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
			if ((option & MACH_RCV_TIMEOUT) && !sim_message_waits(from))
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

/* ---- Port calls ---- */

mach_port_t
mach_reply_port(void)
{
	mach_port_t n = sim_name_new();
	struct sim_port *p = sim_port_new(SIM_SERVER);

	p->po_name = n;
	sim_entries[n].en_port = p;
	sim_entries[n].en_receive = true;
	return n;
}

kern_return_t
syscall_mach_port_allocate(mach_port_t task, mach_port_right_t right, mach_port_t *name)
{
	(void)task;
	if (right == MACH_PORT_RIGHT_PORT_SET) {
		*name = sim_name_new();
		sim_entries[*name].en_set = true;
		sim_entries[*name].en_sends = 1;
	} else {
		*name = mach_reply_port();
	}
	return KERN_SUCCESS;
}

kern_return_t
syscall_mach_port_deallocate(mach_port_t task, mach_port_t n)
{
	struct sim_entry *e = sim_entry_of(n);
	struct sim_port *p;

	(void)task;
	if (e == NULL || e->en_set || (!e->en_send_once && e->en_sends == 0))
		sim_fail("the server released the name %u, which is no send right", n);
	p = e->en_port;
	if (e->en_dead) {
		if (--e->en_sends == 0)
			sim_name_free(n);
		return KERN_SUCCESS;
	}
	if (e->en_send_once) {
		e->en_send_once = false;
		sim_name_check(n);
		sim_right_drop(p, MACH_MSG_TYPE_MOVE_SEND_ONCE);
		return KERN_SUCCESS;
	}
	e->en_sends--;
	sim_name_check(n);
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
		p = sim_right_in(right, type, &arrives);
		if (p != NULL)
			client_right(p, arrives);
		return KERN_SUCCESS;
	}
	if (sim_entry_of(right) == NULL)
		return KERN_INVALID_NAME;
	if (name != right)
		sim_fail("the server gave a port another name");
	p = sim_right_in(right, type, &arrives);
	if (p != NULL && p->po_name == name)
		sim_entries[name].en_sends++;
	return KERN_SUCCESS;
}

kern_return_t
mach_port_mod_refs(mach_port_t task, mach_port_t n, mach_port_right_t right, int delta)
{
	struct sim_entry *e = sim_entry_of(n);

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
	struct sim_entry *e = sim_entry_of(n);
	struct sim_port *old = NULL, *tell;
	mach_msg_type_name_t arrives;

	(void)task;
	*previous = MACH_PORT_NULL;
	if (e == NULL || e->en_set)
		return KERN_INVALID_NAME;
	if (e->en_dead && (id != MACH_NOTIFY_DEAD_NAME || sync == 0))
		return KERN_INVALID_ARGUMENT;
	tell = sim_right_in(notify, type, &arrives);
	if (id == MACH_NOTIFY_NO_SENDERS) {
		old = e->en_port->po_no_senders;
		e->en_port->po_no_senders = tell;
		if (sync <= e->en_port->po_mscount)
			sim_no_senders_check(e->en_port);
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
		sim_right_out(&old, MACH_MSG_TYPE_MOVE_SEND_ONCE);
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
