/*
 * proc_orphan.c - tasks that were to become processes, and processes that were never started.
 *
 * fork is made by the parent's emulib: a task, which proc is asked to make a process, which is given a thread. A parent that is killed
 * in between leaves a task that no table knows, or a process in which nothing runs; and with it all rights that it was given, such as
 * a pipe's end whose other side waits for the last one to be closed. The kernel does not say that a task was made, so now and then
 * all tasks without a thread are looked at. Nobody will give it one when its maker is gone: emulib's memory, which was copied first,
 * names the maker. (A program that makes tasks itself can write a living one there. It gains nothing: it can as well give the task a
 * thread.) A task without that memory is ended when it has had no thread for long.
 *
 * What was there before proc is none of this: the boot archive is in such a task.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdlib.h>
#include <masix/mach.h>
#include "proc_act.h"
#include "server.h"
#include "worker.h"
#include "../../emulib/emulib.h"
#include "mach.h"
#include "mach_host.h"
#include "mach_port.h"

#define PUBLIC_MAGIC	0x42555045u
#define LOOK_NS		2000000000ull
#define STRANGER_NS	30000000000ull	/* tasks that are not emulib's */
#define OLDER_MAX	64u
#define ORPHANS_MAX	64u		/* looked at together; there will be another time */

struct orphan {
	mach_port_t	o_task;		/* a send right */
	uint64_t	o_since;	/* without a thread; 0: this place is free */
	bool		o_is_there;	/* at the present look */
};

struct end_job {
	struct job	ej_job;
	mach_port_t	ej_task;
};

static mach_port_t older[OLDER_MAX];	/* tasks that were there before proc; send rights, so that the names stay theirs */
static uint32_t nolder;
static struct orphan orphans[ORPHANS_MAX];
static struct mx_timer *look_timer;

/* ---- Tasks ---- */

/* Call FN for each task but our own. Rights: FN gets one. */
static void
tasks_each(void (*fn)(mach_port_t task))
{
	task_array_t tasks;
	mach_msg_type_number_t n;
	mach_port_t set = proc_processor_set();

	if (set == MACH_PORT_NULL || processor_set_tasks(set, &tasks, &n) != KERN_SUCCESS)
		return;
	for (mach_msg_type_number_t i = 0; i < n; i++) {
		if (tasks[i] == mx_task)
			mx_port_release(tasks[i]);
		else
			fn(tasks[i]);
	}
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)tasks, n * sizeof(tasks[0]));	/* ours: cannot fail */
}

/* Errors: false; not when the task is dead */
static bool
task_is_still(mach_port_t task)
{
	thread_array_t threads;
	mach_msg_type_number_t n;

	if (task_threads(task, &threads, &n) != KERN_SUCCESS)
		return false;
	for (mach_msg_type_number_t i = 0; i < n; i++)
		mx_port_release(threads[i]);
	if (n != 0)
		(void)syscall_vm_deallocate(mx_task, (vm_address_t)threads, n * sizeof(threads[0]));	/* ours: cannot fail */
	return n == 0;
}

static void
end_run(struct job *job)
{
	(void)syscall_task_terminate(((struct end_job *)job)->ej_task);		/* it may be dead */
}

static void
end_done(struct job *job)
{
	mx_port_release(((struct end_job *)job)->ej_task);
	free(job);
}

/* Rights: TASK is consumed. */
static void
task_end(mach_port_t task)
{
	struct end_job *ej = calloc(1, sizeof(*ej));

	if (ej == NULL) {
		mx_port_release(task);		/* it is found again */
		return;
	}
	ej->ej_job = (struct job){ .jb_run = end_run, .jb_done = end_done };
	ej->ej_task = task;
	worker_submit(&ej->ej_job);
}

/* ---- Tasks that nobody knows ---- */

static bool
task_is_older(mach_port_t task)
{
	for (uint32_t i = 0; i < nolder; i++) {
		if (older[i] == task)
			return true;
	}
	return false;
}

/* One of the tasks at the present look. */
static void
orphan_note(mach_port_t task)
{
	struct orphan *o, *free_place = NULL;

	if (proc_task_is_process(task) || task_is_older(task) || !task_is_still(task))
		goto out;
	for (o = orphans; o < &orphans[ORPHANS_MAX]; o++) {
		if (o->o_since != 0 && o->o_task == task) {
			o->o_is_there = true;
			goto out;
		}
		if (o->o_since == 0)
			free_place = o;
	}
	if (free_place == NULL)
		goto out;
	*free_place = (struct orphan){ task, mx_now_ns(), true };
	return;
out:
	mx_port_release(task);
}

/* Will nobody give TASK, which had no thread since SINCE, one? Blocks: a worker */
static bool
task_is_forsaken(mach_port_t task, uint64_t since)
{
	struct em_public pu;
	int32_t pid;
	const struct proc *maker;

	if (task_memory_read(task, proc_load_public(), &pu, sizeof(pu)) != sizeof(pu) || pu.pu_magic != PUBLIC_MAGIC ||
	    task_memory_read(task, (uint32_t)&pu.pu_process->p_pid, &pid, sizeof(pid)) != sizeof(pid))
		return mx_now_ns() - since > STRANGER_NS;
	maker = proc_find(pid);
	return maker == NULL || maker->p_state == PROC_ZOMBIE;
}

static void
orphan_judge(struct orphan *o, uint64_t look_began)
{
	mach_port_t task = o->o_task;

	if (o->o_since == 0 || o->o_since >= look_began)
		return;				/* a maker that ended a moment ago may still be at it */
	if (o->o_is_there && !task_is_forsaken(task, o->o_since))
		return;
	o->o_since = 0;
	if (o->o_is_there && !proc_task_is_process(task))
		task_end(task);
	else
		mx_port_release(task);
}

/* ---- Processes that were never started ---- */

static bool
maker_is_gone(const struct proc *p)
{
	const struct proc *maker = proc_find(p->p_maker);

	return maker == NULL || maker->p_state == PROC_ZOMBIE || maker->p_start_ns > p->p_start_ns;
}

/* A process that had no thread before LOOK_BEGAN either, and will get none. Errors: NULL, there is none */
static struct proc *
still_find(uint64_t look_began)
{
	struct proc *p;

	LIST_EACH(p, next, &proc_all, struct proc, p_all) {
		if (p->p_has_run || p->p_task == MACH_PORT_NULL || p->p_maker == 0 || !maker_is_gone(p))
			continue;
		if (p->p_still_ns == 0) {
			p->p_still_ns = mx_now_ns();
			p->p_has_run = !task_is_still(p->p_task);
		} else if (p->p_still_ns < look_began) {
			p->p_has_run = !task_is_still(p->p_task);
			if (!p->p_has_run)
				return p;
		}
	}
	return NULL;
}

/* ---- The look ---- */

static void
look(void *arg)
{
	uint64_t began = mx_now_ns();
	struct proc *p;

	(void)arg;
	for (uint32_t i = 0; i < ORPHANS_MAX; i++)
		orphans[i].o_is_there = false;
	tasks_each(orphan_note);
	for (uint32_t i = 0; i < ORPHANS_MAX; i++)
		orphan_judge(&orphans[i], began);
	while ((p = still_find(began)) != NULL)
		proc_end(p, MX_SIGKILL);
	mx_timer_set(look_timer, mx_now_ns() + LOOK_NS);
}

static void
look_start(void *arg)
{
	(void)arg;
	if (mx_fibril_start(look, NULL, "orphans") != KERN_SUCCESS)
		mx_timer_set(look_timer, mx_now_ns() + LOOK_NS);
}

static void
older_note(mach_port_t task)
{
	if (nolder < OLDER_MAX)
		older[nolder++] = task;
	else
		mx_port_release(task);
}

kern_return_t
proc_orphan_init(void)
{
	look_timer = mx_timer_create(look_start, NULL);
	if (look_timer == NULL)
		return MX_ENOMEM;
	tasks_each(older_note);
	if (nolder == OLDER_MAX)
		return KERN_SUCCESS;		/* more may be there that must not be ended: nothing is */
	mx_timer_set(look_timer, mx_now_ns() + LOOK_NS);
	return KERN_SUCCESS;
}
