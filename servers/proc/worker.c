/*
 * worker.c - kernel threads that may be kept waiting (worker.h says why).
 *
 * A worker waits for a message on its own port; the message is the address of a job. When the job is done the worker puts it on a
 * list, and tells an object of the server when somebody waits for that: for the job itself, or for a worker. The fibril
 * thread takes the list and calls jb_done. Faults of a worker come to another object and are resolved there, so that memory
 * that a client takes away in mid-copy does no harm.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <mach/mig_errors.h>
#include <mach/thread_special_ports.h>
#include <mach/thread_switch.h>
#include <mach/i386/thread_status.h>
#include <masix/mach.h>
#include "worker.h"
#include "mach.h"
#include "mach_host.h"
#include "mach_port.h"

#define WORKERS_MAX	256		/* PROC_STUCK_MAX (proc_family.c) of some users */
#define WORKERS_KEPT	8		/* others end when they had nothing to do for a while */
#define IDLE_NS		2000000000ull
#define WORKER_STACK	16384
#define WORKER_PRIORITY	12		/* behind the fibrils, before all users */
#define TURNS		8		/* that a lazy job gets at once: the kernel lets others run while it ends a task */
#define ID_JOB		414901		/* to a worker, and back: private to proc */
#define ID_EXCEPTION	2400

struct worker {
	volatile mach_port_t wk_port;	/* receive right and send right; NULL, set by the worker: none has this place */
	struct job	*volatile wk_job; /* set by the fibril thread; NULL, set by the worker: idle */
	bool		wk_used;	/* since the last look for those that are too many */
	volatile mach_port_t wk_thread;	/* set by the worker */
	bool		wk_raised;	/* an exception: the kernel keeps a port for the thread, which only thread_abort frees */
};

struct job_message {
	mach_msg_header_t head;
	mach_msg_type_t	type;
	uint32_t	job;
};

/* Source: gnumach exc.defs; 64 bytes */
struct exception_message {
	mach_msg_header_t head;
	mach_msg_type_t	thread_type;
	mach_port_t	thread;
	mach_msg_type_t	task_type;
	mach_port_t	task;
	mach_msg_type_t	exception_type;
	integer_t	exception;
	mach_msg_type_t	code_type;
	integer_t	code;
	mach_msg_type_t	subcode_type;
	integer_t	subcode;
};

extern char worker_copy_insn[], worker_copy_fault[];

static struct worker workers[WORKERS_MAX];
static uint32_t nplaces;			/* in use, or used before */
static struct job ending;			/* the last job of a worker */
static struct mx_timer *idle_timer;
static bool is_idle_timer_set;
static struct job *waiting, **waiting_end = &waiting;	/* no worker was idle */
static volatile bool is_waiting;			/* the same, for workers to see */
static struct job *volatile done_list;			/* workers push, the fibril thread takes all */
static mach_port_t done_port, exception_port, processor_set;

static boolean_t done_demux(mach_msg_header_t *in, mach_msg_header_t *out);
static boolean_t exception_demux(mach_msg_header_t *in, mach_msg_header_t *out);
static mx_demux_t *const done_table[] = { done_demux, NULL };
static mx_demux_t *const exception_table[] = { exception_demux, NULL };
static struct mx_class done_class = {
	.mc_name = "worker done", .mc_size = sizeof(struct mx_object), .mc_demux = done_table,
};
static struct mx_class exception_class = {
	.mc_name = "worker fault", .mc_size = sizeof(struct mx_object), .mc_demux = exception_table,
};

static mach_msg_return_t
job_send(mach_port_t to, struct job *job)
{
	struct job_message m = {
		.head = { .msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), .msgh_size = sizeof(m),
			.msgh_remote_port = to, .msgh_id = ID_JOB },
		.type = { .msgt_name = MACH_MSG_TYPE_INTEGER_32, .msgt_size = 32, .msgt_number = 1, .msgt_inline = TRUE },
		.job = (uint32_t)job,
	};

	return mach_msg_trap(&m.head, MACH_SEND_MSG, sizeof(m), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

/* ---- On the worker's thread ---- */

static void
done_push(struct job *job)
{
	do {
		job->jb_next = done_list;
	} while (!__sync_bool_compare_and_swap(&done_list, job->jb_next, job));
}

static void
worker_main(void *arg)
{
	struct worker *w = arg;
	mach_port_t self = mach_thread_self();

	w->wk_thread = self;
	(void)thread_set_special_port(self, THREAD_EXCEPTION_PORT, exception_port);	/* our own: cannot fail */
	if (processor_set != MACH_PORT_NULL &&
	    thread_max_priority(self, processor_set, WORKER_PRIORITY) == KERN_SUCCESS)
		(void)thread_priority(self, WORKER_PRIORITY, FALSE);	/* allowed by the call before */
	for (;;) {
		struct job_message m;
		struct job *job;
		bool is_lazy;

		m.head.msgh_size = sizeof(m);
		if (mach_msg_trap(&m.head, MACH_RCV_MSG, 0, sizeof(m), w->wk_port, 0, MACH_PORT_NULL) != MACH_MSG_SUCCESS)
			continue;
		job = (struct job *)m.job;
		if (job == &ending)
			break;
		job->jb_run(job);
		is_lazy = job->jb_is_lazy;
		done_push(job);
		w->wk_job = NULL;
		__sync_synchronize();		/* idle first, then look: worker_submit does it the other way round */
		if (!is_lazy || is_waiting)
			(void)job_send(done_port, NULL);	/* the port lives as long as the server */
	}
	(void)mach_port_destroy(mx_task, w->wk_port);	/* ours: cannot fail */
	mx_port_release(self);
	__sync_synchronize();
	w->wk_port = MACH_PORT_NULL;			/* the place is another's now */
}

/* ---- On the fibril thread ---- */

static struct worker *
place_find(void)
{
	for (uint32_t i = 0; i < nplaces; i++) {
		if (workers[i].wk_port == MACH_PORT_NULL)
			return &workers[i];
	}
	return nplaces < WORKERS_MAX ? &workers[nplaces++] : NULL;
}

/* Errors: NULL */
static struct worker *
worker_create(void)
{
	struct worker *w = place_find();
	mach_port_t port;

	if (w == NULL || syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_RECEIVE, &port) != KERN_SUCCESS)
		return NULL;
	w->wk_job = NULL;
	w->wk_thread = MACH_PORT_NULL;
	w->wk_raised = false;
	w->wk_port = port;
	if (syscall_mach_port_insert_right(mx_task, port, port, MACH_MSG_TYPE_MAKE_SEND) != KERN_SUCCESS ||
	    mx_thread_start(worker_main, w, WORKER_STACK) != KERN_SUCCESS) {
		(void)mach_port_destroy(mx_task, port);		/* ours: cannot fail */
		w->wk_port = MACH_PORT_NULL;
		return NULL;
	}
	if (w >= &workers[WORKERS_KEPT] && !is_idle_timer_set) {
		is_idle_timer_set = true;
		mx_timer_set(idle_timer, mx_now_ns() + IDLE_NS);
	}
	return w;
}

/* The first in the table work most, so that the last are idle when there is little to do. */
static struct worker *
worker_idle(void)
{
	for (uint32_t i = 0; i < nplaces; i++) {
		if (workers[i].wk_port != MACH_PORT_NULL && workers[i].wk_job == NULL)
			return &workers[i];
	}
	return worker_create();
}

static void
worker_end(struct worker *w)
{
	w->wk_job = &ending;
	if (w->wk_raised)
		(void)thread_abort(w->wk_thread);	/* it waits for a message, and goes on doing so */
	if (job_send(w->wk_port, &ending) != MACH_MSG_SUCCESS)
		mx_panic(__FILE__, __LINE__, "cannot send to a worker");
}

/* End the workers that are too many and had nothing to do since the last time. */
static void
idle_end(void *arg)
{
	bool again = mx_thread_collect();

	(void)arg;
	for (uint32_t i = WORKERS_KEPT; i < nplaces; i++) {
		struct worker *w = &workers[i];

		if (w->wk_port == MACH_PORT_NULL)
			continue;
		again = true;
		if (w->wk_job == NULL && !w->wk_used)
			worker_end(w);
		w->wk_used = false;
	}
	is_idle_timer_set = again;
	if (again)
		mx_timer_set(idle_timer, mx_now_ns() + IDLE_NS);
}

/* Give waiting jobs to idle workers. */
static void
jobs_begin(void)
{
	struct worker *w;
	struct job *job;

	is_waiting = true;
	__sync_synchronize();
	while ((job = waiting) != NULL && (w = worker_idle()) != NULL) {
		waiting = job->jb_next;
		if (waiting == NULL)
			waiting_end = &waiting;
		w->wk_job = job;
		w->wk_used = true;
		if (job_send(w->wk_port, job) != MACH_MSG_SUCCESS)
			mx_panic(__FILE__, __LINE__, "cannot send to a worker");
		for (int i = 0; i < TURNS && job->jb_is_lazy && w->wk_job == job; i++)
			(void)thread_switch(w->wk_thread, SWITCH_OPTION_NONE, 0);
	}
	is_waiting = waiting != NULL;
}

void
worker_collect(void)
{
	struct job *job = __sync_lock_test_and_set(&done_list, NULL), *next;

	for (; job != NULL; job = next) {
		next = job->jb_next;
		job->jb_done(job);
	}
}

void
worker_submit(struct job *job)
{
	job->jb_next = NULL;
	*waiting_end = job;
	waiting_end = &job->jb_next;
	jobs_begin();
	worker_collect();
}

static void
reply_none(mach_msg_header_t *out)
{
	mig_reply_header_t *reply = (mig_reply_header_t *)out;

	out->msgh_bits = 0;
	out->msgh_remote_port = MACH_PORT_NULL;
	reply->RetCode = MIG_NO_REPLY;
}

static boolean_t
done_demux(mach_msg_header_t *in, mach_msg_header_t *out)
{
	if (in->msgh_id != ID_JOB)
		return FALSE;
	jobs_begin();
	worker_collect();
	reply_none(out);
	return TRUE;
}

/* The thread faulted in worker_copy: let that return false. Anything else is our own bug. */
static kern_return_t
fault_resolve(mach_port_t thread)
{
	struct i386_thread_state state;
	mach_msg_type_number_t count = i386_THREAD_STATE_COUNT;
	kern_return_t kr;

	for (uint32_t i = 0; i < nplaces; i++) {
		if (workers[i].wk_port != MACH_PORT_NULL && workers[i].wk_thread == thread)
			workers[i].wk_raised = true;
	}
	kr = thread_get_state(thread, i386_REGS_SEGS_STATE, (thread_state_t)&state, &count);
	if (kr != KERN_SUCCESS)
		return kr;
	if (state.eip != (unsigned int)worker_copy_insn)
		mx_panic(__FILE__, __LINE__, "a worker crashed");
	state.eip = (unsigned int)worker_copy_fault;
	return thread_set_state(thread, i386_REGS_SEGS_STATE, (thread_state_t)&state, count);
}

static boolean_t
exception_demux(mach_msg_header_t *in, mach_msg_header_t *out)
{
	const struct exception_message *m = (const struct exception_message *)in;
	mig_reply_header_t *reply = (mig_reply_header_t *)out;

	if (in->msgh_id != ID_EXCEPTION || in->msgh_size < sizeof(*m))
		return FALSE;
	out->msgh_bits = MACH_MSGH_BITS(MACH_MSGH_BITS_REMOTE(in->msgh_bits), 0);
	out->msgh_size = sizeof(*reply);
	out->msgh_remote_port = in->msgh_remote_port;
	out->msgh_local_port = MACH_PORT_NULL;
	out->msgh_seqno = 0;
	out->msgh_id = in->msgh_id + 100;
	reply->RetCodeType = (mach_msg_type_t){ .msgt_name = MACH_MSG_TYPE_INTEGER_32, .msgt_size = 32, .msgt_number = 1,
		.msgt_inline = TRUE };
	reply->RetCode = fault_resolve(m->thread);
	mx_port_release(m->thread);
	mx_port_release(m->task);
	return TRUE;
}

kern_return_t
worker_init(mach_port_t set)
{
	struct mx_object *done = mx_object_create(&done_class), *fault = mx_object_create(&exception_class);

	idle_timer = mx_timer_create(idle_end, NULL);
	if (done == NULL || fault == NULL || idle_timer == NULL)
		return MX_ENOMEM;
	processor_set = set;
	done_port = mx_object_send_right(done);
	exception_port = mx_object_send_right(fault);
	return done_port != MACH_PORT_NULL && exception_port != MACH_PORT_NULL ? KERN_SUCCESS : MX_ENOMEM;
}

void
worker_counts(uint32_t *all, uint32_t *busy)
{
	*all = *busy = 0;
	for (uint32_t i = 0; i < nplaces; i++) {
		*all += workers[i].wk_port != MACH_PORT_NULL;
		*busy += workers[i].wk_port != MACH_PORT_NULL && workers[i].wk_job != NULL;
	}
}
