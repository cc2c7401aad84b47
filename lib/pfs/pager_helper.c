/*
 * pager_helper.c - requests to the kernel that may wait: cleaning and dropping pages.
 *
 * memory_object_lock_request blocks its caller while a client has wired one of the pages, so it is made by a thread of its own,
 * and the fibril that wants it parks. A drop is done when the call returns; what a clean returns comes as messages to the
 * pager's thread, and after them the completion.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <mach/memory_object.h>
#include <masix/mach.h>
#include "pager_impl.h"
#include "mach.h"
#include "mach_port.h"

#define STACK_BYTES	16384
#define ID_JOBS		418901		/* private: to the helper's own port */

static struct mx_spin lock;
static struct pager_job *first, **last = &first;	/* guarded by lock: to be done */
static struct pager_job *cleaning;			/* guarded by lock: waits for its completion */
static mach_port_t jobs_port;				/* receive and send right: wakes the helper */
static mach_port_t reply_port;				/* completions; in pager_set */

static struct pager_job *
job_take(void)
{
	struct pager_job *job;

	mx_spin_lock(&lock);
	job = first;
	if (job != NULL) {
		first = job->jb_next;
		if (first == NULL)
			last = &first;
	}
	mx_spin_unlock(&lock);
	return job;
}

/* The control port at this moment, or MACH_PORT_NULL: then the kernel has no pages. */
static mach_port_t
control_of(struct mx_pager *pg)
{
	mach_port_t control;

	mx_spin_lock(&pg->pg_lock);
	control = pg->pg_control;
	mx_spin_unlock(&pg->pg_lock);
	return control;
}

static void
job_do(struct pager_job *job)
{
	mach_port_t control = control_of(job->jb_pager);
	vm_offset_t offset = job->jb_first << MX_PAGE_SHIFT;
	vm_size_t size = (job->jb_end - job->jb_first) << MX_PAGE_SHIFT;
	bool is_clean = job->jb_return;

	if (control != MACH_PORT_NULL && is_clean) {
		mx_spin_lock(&lock);
		cleaning = job;
		mx_spin_unlock(&lock);
	}
	if (control == MACH_PORT_NULL || memory_object_lock_request(control, offset, size,
	    is_clean ? MEMORY_OBJECT_RETURN_DIRTY : MEMORY_OBJECT_RETURN_NONE, job->jb_flush, VM_PROT_NO_CHANGE,
	    is_clean ? reply_port : MACH_PORT_NULL) != KERN_SUCCESS) {
		mx_spin_lock(&lock);
		cleaning = NULL;
		mx_spin_unlock(&lock);
		pager_bell_done(job);
		return;
	}
	if (!is_clean)
		pager_bell_done(job);
}

/* Is the clean that was started last still under way? */
static bool
is_cleaning(void)
{
	bool is;

	mx_spin_lock(&lock);
	is = cleaning != NULL;
	mx_spin_unlock(&lock);
	return is;
}

static void
helper_main(void *arg)
{
	struct pager_job *job;
	mach_msg_header_t msg;

	(void)arg;
	for (;;) {
		job = is_cleaning() ? NULL : job_take();
		if (job != NULL)
			job_do(job);
		else
			(void)mach_msg_trap(&msg, MACH_RCV_MSG, 0, sizeof(msg), jobs_port, 0, MACH_PORT_NULL);
	}
}

static void
helper_wake(void)
{
	mach_msg_header_t msg = {
		.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), .msgh_size = sizeof(msg),
		.msgh_remote_port = jobs_port, .msgh_id = ID_JOBS,
	};

	(void)mach_msg_trap(&msg, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof(msg), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

void
pager_helper_completed(mach_port_t port)
{
	struct pager_job *job;

	(void)port;
	mx_spin_lock(&lock);
	job = cleaning;
	cleaning = NULL;
	mx_spin_unlock(&lock);
	if (job != NULL)
		pager_bell_done(job);
	helper_wake();
}

/* A request for an object that ended at this moment: lock_request has no answer that could say so, but the kernel does not keep the
 * right to the completion's port. */
void
pager_helper_refused(mach_port_t port)
{
	if (port == reply_port)
		pager_helper_completed(port);
}

/* Fibrils: have it done and wait. */
static void
pager_helper_run(struct pager_job *job)
{
	if (job->jb_first >= job->jb_end || control_of(job->jb_pager) == MACH_PORT_NULL)
		return;
	job->jb_next = NULL;
	mx_spin_lock(&lock);
	*last = job;
	last = &job->jb_next;
	mx_spin_unlock(&lock);
	helper_wake();
	while (!job->jb_done)
		mx_cond_wait(&job->jb_cond);
}

kern_return_t
pager_helper_start(void)
{
	kern_return_t kr;

	kr = syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_RECEIVE, &jobs_port);
	if (kr == KERN_SUCCESS)
		kr = syscall_mach_port_insert_right(mx_task, jobs_port, jobs_port, MACH_MSG_TYPE_MAKE_SEND);
	if (kr == KERN_SUCCESS)
		kr = syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_RECEIVE, &reply_port);
	if (kr == KERN_SUCCESS)
		kr = mach_port_move_member(mx_task, reply_port, pager_set);
	if (kr == KERN_SUCCESS)
		kr = mx_thread_start(helper_main, NULL, STACK_BYTES);
	return kr;
}

void
mx_pager_discard(struct mx_pager *pg, uint32_t first_page, uint32_t end)
{
	struct pager_job job = { .jb_pager = pg, .jb_first = first_page, .jb_end = end, .jb_flush = true };

	pager_helper_run(&job);
}

void
mx_pager_clean(struct mx_pager *pg, uint32_t first_page, uint32_t end, bool flush)
{
	struct pager_job job = { .jb_pager = pg, .jb_first = first_page, .jb_end = end, .jb_return = true, .jb_flush = flush };

	pager_helper_run(&job);
}
