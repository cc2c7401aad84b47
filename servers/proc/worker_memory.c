/*
 * worker_memory.c - reading the memory of a process that may not want it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdlib.h>
#include <string.h>
#include <masix/mach.h>
#include "worker.h"
#include "mach.h"
#include "mach_port.h"

#define READ_MAX	(128u * 1024)
#define READ_NS		100000000ull	/* a look; a machine that stands still for seconds takes one of them only */
#define READ_LOOKS	10

struct read_job {
	struct job	rj_job;
	mach_port_t	rj_task;	/* a reference of the job's own */
	uint32_t	rj_address, rj_size, rj_got;
	bool		rj_is_done, rj_is_abandoned;
	struct mx_cond	rj_cond;
	char		rj_data[];
};

static void
read_run(struct job *job)
{
	struct read_job *r = (struct read_job *)job;
	vm_offset_t copy;
	mach_msg_type_number_t size;

	if (vm_read(r->rj_task, r->rj_address, r->rj_size, &copy, &size) != KERN_SUCCESS)
		return;
	if (size >= r->rj_size && worker_copy(r->rj_data, (const void *)copy, r->rj_size))
		r->rj_got = r->rj_size;
	(void)syscall_vm_deallocate(mx_task, copy, size);	/* ours: cannot fail */
}

static void
read_done(struct job *job)
{
	struct read_job *r = (struct read_job *)job;

	if (r->rj_is_abandoned) {
		mx_port_release(r->rj_task);
		free(r);
		return;
	}
	r->rj_is_done = true;
	mx_cond_signal(&r->rj_cond);
}

/* SIZE bytes or nothing. */
static size_t
read_piece(mach_port_t task, uint32_t address, void *to, size_t size)
{
	struct read_job *r = calloc(1, sizeof(*r) + size);
	size_t got;
	int looks = 0;

	if (r == NULL)
		return 0;
	/* The process may end meanwhile, and the name be another's. */
	if (mach_port_mod_refs(mx_task, task, MACH_PORT_RIGHT_SEND, 1) != KERN_SUCCESS) {
		free(r);
		return 0;
	}
	r->rj_job.jb_run = read_run;
	r->rj_job.jb_done = read_done;
	r->rj_task = task;
	r->rj_address = address;
	r->rj_size = size;
	worker_submit(&r->rj_job);
	while (!r->rj_is_done) {
		if (mx_cond_wait_until(&r->rj_cond, mx_now_ns() + READ_NS) == KERN_SUCCESS)
			continue;
		worker_collect();
		if (!r->rj_is_done && ++looks == READ_LOOKS) {
			r->rj_is_abandoned = true;
			return 0;
		}
	}
	got = r->rj_got;
	memcpy(to, r->rj_data, got);
	mx_port_release(task);
	free(r);
	return got;
}

size_t
task_memory_read(mach_port_t task, uint32_t address, void *to, size_t size)
{
	if (task == MACH_PORT_NULL || size == 0 || size > READ_MAX || address > UINT32_MAX - size)
		return 0;
	return read_piece(task, address, to, size);
}
