/*
 * poll.h - waiting for one of many things.
 *
 * A call (poll, select, epoll_wait) scans its files with em_file_poll; a file that is not ready registers with the call's em_poll, so that
 * something comes to the thread's poll port when it may have become ready; then the call sleeps on that port and scans again. What comes
 * may be late, early or for nothing: only a scan tells.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EMULIB_POLL_H
#define EMULIB_POLL_H

#include "file.h"

#define EM_POLL_READ	(MX_POLLIN | MX_POLLRDNORM)
#define EM_POLL_WRITE	(MX_POLLOUT | MX_POLLWRNORM)
#define EM_POLL_ALWAYS	(MX_POLLERR | MX_POLLHUP)	/* reported unasked */

struct em_poll {
	struct em_poll	*pl_next;	/* all sleeping calls of the address space; em_file_lock */
	mach_port_t	pl_port;
	volatile uint32_t pl_poked;
	uint64_t	pl_deadline;	/* scan again then; 0: none */
};

/* Scan: how many files are ready, or -errno. P is NULL when nobody is going to wait. */
typedef int32_t em_poll_scan(void *arg, struct em_poll *p);

/* Scan and sleep until something is ready (its count), DEADLINE passes (0; DEADLINE 0: never), or -EINTR. */
int32_t em_poll_run(em_poll_scan *scan, void *arg, uint64_t deadline);
/* EVENTS of F that hold now. */
uint32_t em_file_poll(struct em_file *f, uint32_t events, struct em_poll *p);
/* The same as F's server says; PORT is the one to ask. IS_IDLE: most likely nothing is ready. */
uint32_t em_poll_server(struct em_file *f, mach_port_t port, uint32_t events, struct em_poll *p, bool is_idle);
/* Scan again at DEADLINE at the latest. */
void em_poll_at(struct em_poll *p, uint64_t deadline);
/* Something that no server knows of changed: all sleeping calls of this address space scan again. */
void em_poll_poke(void);
/* F's state may have changed in a way that its server tells nobody. */
void em_poll_forget(struct em_file *f);
void em_poll_forked(void);

/* epoll.c */
void em_epoll_forget(struct em_file *f);
void em_epoll_forked(void);

#endif /* EMULIB_POLL_H */
