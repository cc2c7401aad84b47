/*
 * worker.h - calls of the kernel that may block for as long as a client likes.
 *
 * A process can make itself a pager of its own memory. Reading that memory, or suspending or destroying a task one of whose
 * threads the kernel has waiting for such a pager, blocks the caller until the pager answers: perhaps never. proc's one fibril
 * thread must not do it. It is done by worker threads; a worker that does not come back is replaced, up to a limit.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef PROC_WORKER_H
#define PROC_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masix/server.h>

struct job {
	/* Runs on a worker: plain kernel calls only, no malloc, no log, no fibril call. */
	void		(*jb_run)(struct job *job);
	/* Runs on the fibril thread after jb_run; may free the job. At once, or for a lazy job when the next one is submitted. A lazy
	 * job has usually been done when worker_submit returns. */
	void		(*jb_done)(struct job *job);
	bool		jb_is_lazy;
	struct job	*jb_next;	/* private */
};

/* SET: the control port of the processor set, to give workers a server's priority; MACH_PORT_NULL: they have a user's.
 * Errors: MX_ENOMEM */
kern_return_t worker_init(mach_port_t set);
/* Have a worker do JOB, in the order of submission as far as workers do not block. Does not park. */
void worker_submit(struct job *job);
/* Call jb_done of the lazy jobs that are done. */
void worker_collect(void);
/* On a worker: copy N bytes that may not be there. False: a fault. */
bool worker_copy(void *to, const void *from, size_t n);
/* Workers, and how many of them are doing something now. */
void worker_counts(uint32_t *all, uint32_t *busy);

/* Copy SIZE bytes at ADDRESS of TASK (at most 128 KiB): all of them or none. Blocks: up to a second.
 * Errors: 0 */
size_t task_memory_read(mach_port_t task, uint32_t address, void *to, size_t size);

#endif /* PROC_WORKER_H */
