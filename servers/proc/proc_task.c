/*
 * proc_task.c - the Mach task of a process.
 *
 * Rights to tasks come from clients. Whether one really is a task shows in the traps: they look at the port itself and fail
 * when it is not a task's, while an RPC to a port of the client's own making would be answered by the client, or never. So
 * proc_task_adopt uses traps, and everything after it may use RPC.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdlib.h>
#include <string.h>
#include <mach/task_info.h>
#include <mach/task_special_ports.h>
#include <masix/mach.h>
#include "proc_act.h"
#include "server.h"
#include "worker.h"
#include "../../emulib/emulib.h"
#include "emul.h"
#include "mach.h"
#include "mach_host.h"
#include "mach_port.h"

#define USER_PRIORITY	25
#define TASK_HASH	1024
#define REGIONS_MAX	65536u
#define KILL_NS		1000000000ull	/* a task should be gone by then */

/* Processes by the name of their task port, to tell a new task from one that has a process already. */
static struct proc *tasks[TASK_HASH];

static struct proc **
task_bucket(mach_port_t task)
{
	return &tasks[(task ^ task >> 10) % TASK_HASH];
}

static struct proc *
task_find(mach_port_t task)
{
	struct proc *p;

	for (p = *task_bucket(task); p != NULL && p->p_task != task; p = p->p_task_next)
		;
	return p;
}

bool
proc_task_is_process(mach_port_t task)
{
	return task_find(task) != NULL;
}

static void
task_enter(struct proc *p, mach_port_t task)
{
	struct proc **head = task_bucket(task);

	p->p_task = task;
	p->p_task_next = *head;
	*head = p;
}

static void
task_leave(struct proc *p)
{
	struct proc **at = task_bucket(p->p_task);

	while (*at != p)
		at = &(*at)->p_task_next;
	*at = p->p_task_next;
	p->p_task = MACH_PORT_NULL;
}

/* ---- What may block: done by workers (worker.h) ---- */

/* A process's task in the workers' hands. It may outlive the process, until nothing is under way. */
struct task_control {
	struct job	tc_adjust;	/* suspend or resume */
	struct job	tc_kill;
	mach_port_t	tc_task;	/* a send right */
	bool		tc_wants_suspended, tc_is_suspended;
	bool		tc_is_adjusting, tc_is_stuck, tc_is_dead;
	bool		tc_frees_first, tc_is_orderly;
	struct list	tc_in_dying;
	uint64_t	tc_kill_ns;	/* when it was asked for */
	struct user	*tc_user;	/* since then */
};

static struct list dying = { &dying, &dying };	/* task_control.tc_in_dying */

static void
adjust_run(struct job *job)
{
	struct task_control *c = (struct task_control *)job;

	if (c->tc_is_suspended)
		c->tc_is_suspended = task_resume(c->tc_task) != KERN_SUCCESS;
	else
		c->tc_is_suspended = syscall_task_suspend(c->tc_task) == KERN_SUCCESS;
}

static void
control_free_if_over(struct task_control *c)
{
	if (!c->tc_is_dead || c->tc_is_adjusting)
		return;
	list_remove(&c->tc_in_dying);
	if (c->tc_is_stuck)
		c->tc_user->u_stuck--;
	user_put(c->tc_user);
	mx_port_release(c->tc_task);
	free(c);
}

static void
control_adjust(struct task_control *c)
{
	if (c->tc_is_adjusting || c->tc_wants_suspended == c->tc_is_suspended)
		return;
	c->tc_is_adjusting = true;
	worker_submit(&c->tc_adjust);
}

static void
adjust_done(struct job *job)
{
	struct task_control *c = (struct task_control *)job;

	c->tc_is_adjusting = false;
	if (c->tc_is_dead)
		control_free_if_over(c);
	else
		control_adjust(c);
}

/*
 * Give back what memory the program of TASK wrote. A thread that waits for a page cannot be ended before there is one: when
 * memory is out, its own memory has to go first.
 */
static void
memory_free(mach_port_t task)
{
	vm_address_t at = 0;

	for (uint32_t i = 0; i < REGIONS_MAX && at < EM_USER_END; i++) {
		vm_size_t size;
		vm_prot_t prot, max;
		vm_inherit_t inherit;
		boolean_t shared;
		mach_port_t object;
		vm_offset_t offset;

		if (vm_region(task, &at, &size, &prot, &max, &inherit, &shared, &object, &offset) != KERN_SUCCESS)
			break;
		mx_port_release(object);
		if ((prot & VM_PROT_WRITE) && inherit != VM_INHERIT_SHARE)
			(void)vm_deallocate(task, at, size);	/* the task may have been faster */
		at += size;
	}
}

/*
 * Have the kernel free the reply port of each thread that ever raised an exception: it forgets it when the thread ends in any
 * other way. emulib does it itself for a process that ends in order.
 */
static void
threads_abort(mach_port_t task)
{
	thread_array_t threads;
	mach_msg_type_number_t n;

	if (syscall_task_suspend(task) != KERN_SUCCESS || task_threads(task, &threads, &n) != KERN_SUCCESS)
		return;
	for (mach_msg_type_number_t i = 0; i < n; i++) {
		(void)thread_abort(threads[i]);		/* it may have ended */
		mx_port_release(threads[i]);
	}
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)threads, n * sizeof(threads[0]));	/* ours: cannot fail */
}

static void
kill_run(struct job *job)
{
	struct task_control *c = (struct task_control *)((char *)job - offsetof(struct task_control, tc_kill));

	if (c->tc_frees_first)
		memory_free(c->tc_task);
	if (!c->tc_is_orderly)
		threads_abort(c->tc_task);
	(void)syscall_task_terminate(c->tc_task);	/* fails when it is dead already */
}

static void
kill_done(struct job *job)
{
	struct task_control *c = (struct task_control *)((char *)job - offsetof(struct task_control, tc_kill));

	c->tc_is_dead = true;
	control_free_if_over(c);
}

/*
 * Count the tasks that are dying for too long: each waits in the kernel for a pager that is itself, and nothing can end that
 * wait, since a dying task has no rights any more that could be taken from it. Their user may not have many.
 */
static void
dying_count(void)
{
	struct task_control *c;
	uint64_t now = mx_now_ns();

	LIST_EACH(c, next, &dying, struct task_control, tc_in_dying) {
		if (c->tc_is_stuck || now - c->tc_kill_ns < KILL_NS)
			continue;
		mx_log(MX_LOG_WARNING, "a task of user %u does not end", (unsigned int)c->tc_user->u_uid);
		c->tc_is_stuck = true;
		c->tc_user->u_stuck++;
	}
}

/* The hands for TASK. Errors: NULL.  Rights: TASK is the control's. */
static struct task_control *
control_create(mach_port_t task)
{
	struct task_control *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->tc_adjust = (struct job){ .jb_run = adjust_run, .jb_done = adjust_done };
	c->tc_kill = (struct job){ .jb_run = kill_run, .jb_done = kill_done, .jb_is_lazy = true };
	list_init(&c->tc_in_dying);
	c->tc_task = task;
	return c;
}

void
proc_act_suspend(struct proc *p)
{
	struct task_control *c = p->p_control;

	if (c == NULL)
		return;
	c->tc_wants_suspended = true;
	control_adjust(c);
}

void
proc_act_resume(struct proc *p)
{
	struct task_control *c = p->p_control;

	if (c == NULL)
		return;
	c->tc_wants_suspended = false;
	control_adjust(c);
}

bool
proc_task_is_suspended(const struct proc *p)
{
	const struct task_control *c = p->p_control;

	return c == NULL || c->tc_is_suspended;
}

void
proc_task_free_first(struct proc *p)
{
	struct task_control *c = p->p_control;

	if (c != NULL)
		c->tc_frees_first = true;
}

void
proc_task_exits(struct proc *p)
{
	struct task_control *c = p->p_control;

	if (c != NULL)
		c->tc_is_orderly = true;
}

void
proc_act_terminate(struct proc *p)
{
	struct task_control *c = p->p_control;

	if (c == NULL)
		return;
	task_leave(p);
	p->p_control = NULL;
	mx_port_release(p->p_signal);
	p->p_signal = MACH_PORT_NULL;
	c->tc_kill_ns = mx_now_ns();
	c->tc_user = p->p_user;
	c->tc_user->u_refs++;
	list_append(&dying, &c->tc_in_dying);
	worker_submit(&c->tc_kill);
}

/* ---- Death that nobody asked for ---- */

/*
 * It is rare: emulib ends its process by proc_exit whatever happens, so only a hostile or broken one dies otherwise. A
 * notification for each process would cost 15 us of each fork and exit; looking at all tasks costs 2 us for each, now and then.
 */
#define SWEEP_NS	1000000000ull
#define SWEEP_SOON_NS	20000000ull

static struct mx_timer *sweep_timer;

static bool
task_is_dead(mach_port_t task)
{
	mach_port_type_t type;

	return mach_port_type(mx_task, task, &type) != KERN_SUCCESS || (type & MACH_PORT_TYPE_DEAD_NAME) != 0;
}

static void
task_died(struct proc *p)
{
	mx_log(MX_LOG_INFO, "process %d (%s) lost its task", p->p_pid, p->p_comm);
	proc_end(p, MX_SIGKILL);
}

static void
sweep(void *arg)
{
	struct proc *p;
	int32_t dead[16];
	uint32_t n = 0;

	(void)arg;
	LIST_EACH(p, next, &proc_all, struct proc, p_all) {
		if (p->p_task != MACH_PORT_NULL && n < 16 && task_is_dead(p->p_task))
			dead[n++] = p->p_pid;
	}
	for (uint32_t i = 0; i < n; i++) {
		p = proc_find(dead[i]);
		if (p != NULL && p->p_state != PROC_ZOMBIE)
			task_died(p);
	}
	worker_collect();
	dying_count();
	mx_timer_set(sweep_timer, mx_now_ns() + (n == 16 ? SWEEP_SOON_NS : SWEEP_NS));
}

kern_return_t
proc_task_init(void)
{
	sweep_timer = mx_timer_create(sweep, NULL);
	if (sweep_timer == NULL)
		return MX_ENOMEM;
	mx_timer_set(sweep_timer, mx_now_ns() + SWEEP_NS);
	return worker_init(proc_processor_set());
}

/* ---- Adoption ---- */

kern_return_t
proc_task_signal_port(mach_port_t task, mach_port_t *signal)
{
	mach_port_t port;

	if (syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_RECEIVE, &port) != KERN_SUCCESS)
		return MX_EAGAIN;
	if (syscall_mach_port_insert_right(mx_task, port, port, MACH_MSG_TYPE_MAKE_SEND) != KERN_SUCCESS)
		goto out_receive;
	if (syscall_mach_port_insert_right(task, MX_PORT_SIGNAL, port, MACH_MSG_TYPE_MOVE_RECEIVE) != KERN_SUCCESS)
		goto out_send;
	/* From here on ours is a send right alone. */
	if (syscall_mach_port_insert_right(task, MX_PORT_SIGNAL, port, MACH_MSG_TYPE_COPY_SEND) != KERN_SUCCESS ||
	    syscall_task_set_special_port(task, TASK_EXCEPTION_PORT, port) != KERN_SUCCESS) {
		mx_port_release(port);
		return MX_EINVAL;
	}
	*signal = port;
	return KERN_SUCCESS;

out_send:
	mx_port_release(port);
out_receive:
	(void)mach_port_mod_refs(mx_task, port, MACH_PORT_RIGHT_RECEIVE, -1);	/* ours: cannot fail */
	return MX_EINVAL;
}

kern_return_t
proc_task_own(struct proc *p, mach_port_t task, mach_port_t signal)
{
	struct task_control *c = control_create(task), *old;

	if (c == NULL)
		return MX_EAGAIN;
	old = p->p_control;
	if (old != NULL) {
		c->tc_wants_suspended = old->tc_wants_suspended;
		struct mx_rusage used = { 0 };

		proc_task_usage(p, &used);
		p->p_past_usage = used;
		proc_act_terminate(p);
	}
	p->p_control = c;
	p->p_signal = signal;
	task_enter(p, task);
	control_adjust(c);
	proc_act_nice(p);
	return KERN_SUCCESS;
}

kern_return_t
proc_task_adopt(struct proc *p, mach_port_t task)
{
	mach_port_t signal;
	kern_return_t kr;

	if (!MACH_PORT_VALID(task) || task == mx_task || task_find(task) != NULL)
		return MX_EINVAL;
	kr = proc_task_signal_port(task, &signal);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = proc_task_own(p, task, signal);
	if (kr != KERN_SUCCESS)
		mx_port_release(signal);
	return kr;
}

/* ---- What the core asks for ---- */

bool
proc_act_post(struct proc *p, int32_t tid, const struct mx_siginfo *info)
{
	mach_msg_return_t kr;

	if (p->p_holds_signals)
		return false;
	if (p->p_signal == MACH_PORT_NULL)
		return true;
	kr = emul_signal(p->p_signal, tid, *info);
	return kr != MACH_SEND_TIMED_OUT;	/* sent, or the port is dead and the process soon too */
}

void
proc_act_nice(struct proc *p)
{
	if (p->p_task == MACH_PORT_NULL)
		return;
	/* Above the users' ordinary priority only the number is kept. */
	(void)task_priority(p->p_task, USER_PRIORITY + (p->p_nice > 0 ? (p->p_nice + 1) / 2 : 0), TRUE);
}

/* The kernels of trixie put the 64-bit times elsewhere than their header says; these do for 68 years. */
static uint64_t
us(const rpc_time_value_t *t)
{
	return (uint64_t)t->seconds * 1000000 + (uint64_t)t->microseconds;
}

void
proc_task_usage(struct proc *p, struct mx_rusage *usage)
{
	struct task_basic_info basic;
	struct task_thread_times_info times;
	struct task_events_info events;
	mach_msg_type_number_t count = TASK_BASIC_INFO_COUNT;

	if (p->p_task == MACH_PORT_NULL || p->p_state == PROC_ZOMBIE)
		return;
	if (task_info(p->p_task, TASK_BASIC_INFO, (task_info_t)&basic, &count) != KERN_SUCCESS)
		return;
	count = TASK_THREAD_TIMES_INFO_COUNT;
	if (task_info(p->p_task, TASK_THREAD_TIMES_INFO, (task_info_t)&times, &count) != KERN_SUCCESS)
		return;
	count = TASK_EVENTS_INFO_COUNT;
	if (task_info(p->p_task, TASK_EVENTS_INFO, (task_info_t)&events, &count) != KERN_SUCCESS)
		return;
	usage->ru_utime_us = us(&basic.user_time) + us(&times.user_time);
	usage->ru_stime_us = us(&basic.system_time) + us(&times.system_time);
	usage->ru_maxrss_kb = basic.resident_size / 1024;
	usage->ru_minflt = events.faults - events.pageins;
	usage->ru_majflt = events.pageins;
	rusage_add(usage, &p->p_past_usage);
}

void
proc_act_usage(struct proc *p, struct mx_rusage *usage)
{
	proc_task_usage(p, usage);
}
