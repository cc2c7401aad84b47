/*
 * pfs_quiet.c - open objects whose end nobody waits for.
 *
 * To be told that the last right to an object went, the kernel has to be asked, and the telling interrupts the client that closed
 * it: a third of the cost of open and close. A file opened for reading needs no punctual end. So these objects are not watched, but looked
 * at: a few at each open, all when the server has been idle for a moment, and whenever somebody wants to know. When their
 * end begins to matter (a lock, a file without a name) they are watched like others.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <masix/pfs.h>

#define LOOKS		2u			/* at each open */
#define SOON_NS		100000000ull
#define LATER_NS	2000000000ull
#define TIMER_LOOKS	256u			/* each time */

static struct pfs_quiet list = { .qu_next = &list, .qu_prev = &list };	/* looked at longest ago first */
static unsigned int count;
static struct mx_timer *timer;

static void
list_append(struct pfs_quiet *qu)
{
	qu->qu_next = &list;
	qu->qu_prev = list.qu_prev;
	list.qu_prev->qu_next = qu;
	list.qu_prev = qu;
	count++;
}

void
pfs_quiet_forget(struct pfs_quiet *qu)
{
	if (qu->qu_next == NULL)
		return;
	qu->qu_next->qu_prev = qu->qu_prev;
	qu->qu_prev->qu_next = qu->qu_next;
	qu->qu_next = qu->qu_prev = NULL;
	count--;
}

void
pfs_quiet_sweep(unsigned int looks)
{
	struct pfs_quiet *qu;

	if (looks > count)
		looks = count;
	while (looks-- > 0 && count > 0) {
		qu = list.qu_next;
		pfs_quiet_forget(qu);
		if (mx_object_is_deserted(qu->qu_object))
			mx_object_release(qu->qu_object);	/* may park, and the list change */
		else
			list_append(qu);
	}
}

static void
timer_fired(void *arg)
{
	(void)arg;
	pfs_quiet_sweep(TIMER_LOOKS);
	if (count > 0)
		mx_timer_set(timer, mx_now_ns() + LATER_NS);
}

mach_port_t
pfs_quiet_give(struct pfs_quiet *qu, struct mx_object *obj, const void *key)
{
	mach_port_t right = mx_object_send_right_unwatched(obj);

	if (right == MACH_PORT_NULL)
		return MACH_PORT_NULL;
	pfs_quiet_sweep(LOOKS);
	qu->qu_object = obj;
	qu->qu_key = key;
	list_append(qu);
	if (timer == NULL)
		timer = mx_timer_create(timer_fired, NULL);
	if (timer == NULL)
		pfs_quiet_watch(qu);		/* nobody would look at it */
	else if (count == 1)
		mx_timer_set(timer, mx_now_ns() + SOON_NS);
	return right;
}

void
pfs_quiet_watch(struct pfs_quiet *qu)
{
	if (qu->qu_next == NULL)
		return;
	pfs_quiet_forget(qu);
	mx_object_watch(qu->qu_object);
}

void
pfs_quiet_watch_all(const void *key)
{
	struct pfs_quiet *qu, *next;

	for (qu = list.qu_next; qu != &list; qu = next) {
		next = qu->qu_next;
		if (key == NULL || qu->qu_key == key)
			pfs_quiet_watch(qu);
	}
}
