/*
 * pager_bell.c - how the pager's threads call fibrils.
 *
 * What is to be done is put in a table of a fixed size, because these threads may not allocate; a message without contents
 * then wakes the server's loop. One such message is enough for everything in the table, and it is sent without waiting: a full queue
 * means that others are on their way.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <mach/mig_errors.h>
#include <masix/mach.h>
#include "pager_impl.h"

#define ITEMS	512u
#define ID_BELL	418900		/* private: from this task to itself */

struct item {
	void		(*it_fn)(struct mx_pager *pg, uint32_t page, vm_prot_t access);
	struct mx_pager	*it_pager;
	uint32_t	it_page;
	vm_prot_t	it_access;
};

static struct mx_spin lock;
static struct item items[ITEMS];	/* guarded by lock: a ring */
static uint32_t head, tail;
static struct pager_job *done;		/* guarded by lock */

#define CALLS	16u			/* there are few who call, and each waits for its own */

static struct { void (*fn)(void *); void *arg; } calls[CALLS];	/* guarded by lock */
static unsigned int ncalls;

#define ENDERS	4u

static struct mx_pager *ended;		/* guarded by lock */
static unsigned int enders;		/* fibrils that work on these */

static mach_port_t bell_port;		/* a send right */

static void
bell_send(void)
{
	mach_msg_header_t msg = {
		.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), .msgh_size = sizeof(msg),
		.msgh_remote_port = bell_port, .msgh_id = ID_BELL,
	};

	(void)mach_msg_trap(&msg, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof(msg), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

bool
pager_bell_ring(void (*fn)(struct mx_pager *, uint32_t, vm_prot_t), struct mx_pager *pg, uint32_t page, vm_prot_t access)
{
	bool is_room;

	mx_spin_lock(&lock);
	is_room = tail - head < ITEMS;
	if (is_room)
		items[tail++ % ITEMS] = (struct item){ fn, pg, page, access };
	mx_spin_unlock(&lock);
	if (is_room)
		bell_send();
	return is_room;
}

void
pager_bell_end(struct mx_pager *pg)
{
	mx_spin_lock(&lock);
	pg->pg_ended_next = ended;
	ended = pg;
	mx_spin_unlock(&lock);
	bell_send();
}

void
pager_bell_done(struct pager_job *job)
{
	mx_spin_lock(&lock);
	job->jb_next = done;
	done = job;
	mx_spin_unlock(&lock);
	bell_send();
}

void
pager_bell_call(void (*fn)(void *), void *arg)
{
	bool is_room;

	do {
		mx_spin_lock(&lock);
		is_room = ncalls < CALLS;
		if (is_room) {
			calls[ncalls].fn = fn;
			calls[ncalls++].arg = arg;
		}
		mx_spin_unlock(&lock);
		bell_send();
	} while (!is_room);
}

/* ---- The fibrils' side ---- */

static void
calls_make(void)
{
	void (*fn)(void *);
	void *arg;

	for (;;) {
		mx_spin_lock(&lock);
		if (ncalls == 0) {
			mx_spin_unlock(&lock);
			return;
		}
		ncalls--;
		fn = calls[ncalls].fn;
		arg = calls[ncalls].arg;
		mx_spin_unlock(&lock);
		fn(arg);
	}
}

static void
item_run(void *arg)
{
	struct item it;
	bool is_one;

	(void)arg;
	mx_spin_lock(&lock);
	is_one = head != tail;
	if (is_one)
		it = items[head++ % ITEMS];
	mx_spin_unlock(&lock);
	if (is_one)
		it.it_fn(it.it_pager, it.it_page, it.it_access);
}

static void
jobs_finish(void)
{
	struct pager_job *job, *next;

	mx_spin_lock(&lock);
	job = done;
	done = NULL;
	mx_spin_unlock(&lock);
	for (; job != NULL; job = next) {
		next = job->jb_next;
		job->jb_done = true;
		mx_cond_signal(&job->jb_cond);
	}
}

/* Thousands may end at once, when a volume is unmounted: a few fibrils work through them. */
static void
ends_run(void *arg)
{
	struct mx_pager *pg;

	(void)arg;
	for (;;) {
		mx_spin_lock(&lock);
		pg = ended;
		if (pg != NULL)
			ended = pg->pg_ended_next;
		mx_spin_unlock(&lock);
		if (pg == NULL)
			break;
		pg->pg_ops->pg_unused(pg);
	}
	enders--;
}

static void
ends_start(void)
{
	if (ended == NULL || enders == ENDERS)
		return;
	enders++;
	if (mx_fibril_start(ends_run, NULL, "pager end") != KERN_SUCCESS)
		ends_run(NULL);
}

/* The bell rang: each item gets a fibril, as it may park; the last runs on this one. */
static boolean_t
bell_demux(mach_msg_header_t *in, mach_msg_header_t *out)
{
	uint32_t n = tail - head;

	if (in->msgh_id != ID_BELL)
		return FALSE;
	out->msgh_bits = 0;
	out->msgh_remote_port = MACH_PORT_NULL;
	((mig_reply_header_t *)out)->RetCode = MIG_NO_REPLY;
	jobs_finish();
	calls_make();
	ends_start();
	for (; n > 1; n--)
		if (mx_fibril_start(item_run, NULL, "pager") != KERN_SUCCESS)
			item_run(NULL);
	if (n == 1)
		item_run(NULL);
	return TRUE;
}

static mx_demux_t *const bell_demuxes[] = { bell_demux, NULL };
static struct mx_class bell_class = { .mc_name = "pager", .mc_size = sizeof(struct mx_object), .mc_demux = bell_demuxes };

kern_return_t
pager_bell_start(void)
{
	struct mx_object *bell = mx_object_create(&bell_class);

	if (bell == NULL)
		return MX_ENOMEM;
	bell_port = mx_object_send_right(bell);
	return bell_port != MACH_PORT_NULL ? KERN_SUCCESS : MX_ENOMEM;
}
