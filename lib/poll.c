/*
 * poll.c - who waits for an object to become readable or writable.
 *
 * Each waiter is a send-once right: telling it never blocks, cannot be repeated, and frees its place. Who polls again and again
 * without an event would fill the list, so the oldest is told early, with no event, when there are too many.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/io.h>
#include "io_notify.h"

static void
waiter_tell(const struct mx_poll_waiter *w, uint32_t revents)
{
	if (io_poll_ready(w->pw_notify, w->pw_cookie, revents) != KERN_SUCCESS)
		mx_port_release(w->pw_notify);	/* it died: a dead name */
}

kern_return_t
mx_poll_add(struct mx_poll *p, mach_port_t notify, uint32_t cookie, uint32_t events)
{
	struct mx_poll_waiter *bigger;
	unsigned int size;

	if (p->po_count == MX_POLL_MAX) {
		waiter_tell(&p->po_waiters[0], 0);
		p->po_count--;
		memmove(&p->po_waiters[0], &p->po_waiters[1], p->po_count * sizeof(*p->po_waiters));
	}
	if (p->po_count == p->po_size) {
		size = p->po_size == 0 ? 4 : 2 * p->po_size;
		bigger = realloc(p->po_waiters, size * sizeof(*bigger));
		if (bigger == NULL)
			return MX_ENOMEM;
		p->po_waiters = bigger;
		p->po_size = size;
	}
	p->po_waiters[p->po_count++] = (struct mx_poll_waiter){ notify, cookie, events };
	return KERN_SUCCESS;
}

void
mx_poll_wake(struct mx_poll *p, uint32_t revents)
{
	unsigned int i, kept = 0;
	uint32_t theirs;

	for (i = 0; i < p->po_count; i++) {
		theirs = revents & (p->po_waiters[i].pw_events | MX_POLLERR | MX_POLLHUP);
		if (theirs != 0)
			waiter_tell(&p->po_waiters[i], theirs);
		else
			p->po_waiters[kept++] = p->po_waiters[i];
	}
	p->po_count = kept;
}

void
mx_poll_destroy(struct mx_poll *p)
{
	unsigned int i;

	for (i = 0; i < p->po_count; i++)
		mx_port_release(p->po_waiters[i].pw_notify);
	free(p->po_waiters);
	memset(p, 0, sizeof(*p));
}
