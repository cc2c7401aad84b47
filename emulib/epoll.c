/*
 * epoll.c - sets of files to wait for.
 *
 * A set is a list in this address space; waiting scans it as poll does. What a server has registered is remembered per thread (poll.c), so
 * a scan of many idle files costs no message each.
 *
 * Edge-triggered files are reported when they were not ready before, when something new came (where the kind of file can tell: rings
 * and counters have a version), or when the program has since found the file empty or full. That may be once more than Linux would say
 * it, never once less.
 *
 * A fork child has a copy of the set.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "poll.h"

#define EPOLL_CTL_ADD	1u
#define EPOLL_CTL_DEL	2u
#define EPOLL_CTL_MOD	3u
#define EPOLL_EXCLUSIVE	(1u << 28)
#define EPOLL_WAKEUP	(1u << 29)
#define EPOLL_ONESHOT	(1u << 30)
#define EPOLL_ET	(1u << 31)
#define EPOLL_OPTIONS	(EPOLL_EXCLUSIVE | EPOLL_WAKEUP | EPOLL_ONESHOT | EPOLL_ET)
#define EPOLL_DEPTH	4u		/* of sets in sets */
#define EPOLL_BATCH	64u		/* events of one call */

struct linux_epoll_event { uint32_t events, data[2]; };

struct epoll_item {
	struct epoll_item *ei_next;
	struct em_file	*ei_file;	/* not held: it leaves all sets when it goes */
	int32_t		ei_fd;
	struct linux_epoll_event ei_event;
	bool		ei_is_off;	/* reported once */
	uint32_t	ei_reported;	/* edge-triggered: events that were told */
	uint32_t	ei_drained, ei_version;
};

struct em_epoll {
	volatile uint32_t ep_lock;	/* after the locks of the sets that contain this one */
	struct epoll_item *ep_items;
	struct em_epoll	*ep_next;	/* all sets; em_file_lock */
};

static struct em_epoll *epoll_all;
static const struct em_class epoll_class;

static struct em_epoll *
epoll_of(const struct em_file *f)
{
	return f->f_class == &epoll_class ? f->f_private : NULL;
}

/* ---- Items; ep_lock is held ---- */

static struct epoll_item **
epoll_find(struct em_epoll *ep, const struct em_file *f, int32_t fd)
{
	struct epoll_item **at;

	for (at = &ep->ep_items; *at != NULL; at = &(*at)->ei_next)
		if ((*at)->ei_file == f && (*at)->ei_fd == fd)
			return at;
	return NULL;
}

static void
epoll_remove(struct epoll_item **at)
{
	struct epoll_item *it = *at;

	*at = it->ei_next;
	it->ei_file->f_nepolls--;
	em_free(it, sizeof *it);
}

/* Move the first item to the end: who was served waits until all others were. */
static void
epoll_rotate(struct em_epoll *ep)
{
	struct epoll_item *it = ep->ep_items, **at = &ep->ep_items;

	*at = it->ei_next;
	while (*at != NULL)
		at = &(*at)->ei_next;
	it->ei_next = NULL;
	*at = it;
}

/* F goes: no set has it any more. */
void
em_epoll_forget(struct em_file *f)
{
	struct epoll_item **at;

	if (f->f_nepolls == 0)
		return;
	em_lock(&em_file_lock);
	for (struct em_epoll *ep = epoll_all; ep != NULL; ep = ep->ep_next) {
		em_lock(&ep->ep_lock);
		for (at = &ep->ep_items; *at != NULL; ) {
			if ((*at)->ei_file == f)
				epoll_remove(at);
			else
				at = &(*at)->ei_next;
		}
		em_unlock(&ep->ep_lock);
	}
	em_unlock(&em_file_lock);
}

/* In a fork child: other threads' locks are nobody's. */
void
em_epoll_forked(void)
{
	for (struct em_epoll *ep = epoll_all; ep != NULL; ep = ep->ep_next)
		ep->ep_lock = 0;
}

/* ---- Scanning ---- */

/* Events of IT to report now. */
static uint32_t
epoll_item_poll(struct epoll_item *it, struct em_poll *p)
{
	struct em_file *f = it->ei_file;
	uint32_t wanted = (it->ei_event.events & ~EPOLL_OPTIONS) | EM_POLL_ALWAYS, version, got;

	if (it->ei_is_off)
		return 0;
	if (!(it->ei_event.events & EPOLL_ET))
		return em_file_poll(f, wanted, p);
	version = f->f_class->c_version != NULL ? f->f_class->c_version(f) : 0;
	if (it->ei_drained != f->f_drained)
		it->ei_reported = 0;
	if (version != it->ei_version)
		it->ei_reported &= ~EM_POLL_READ;
	it->ei_drained = f->f_drained;
	it->ei_version = version;
	got = em_file_poll(f, wanted & ~it->ei_reported, p) & ~it->ei_reported;
	it->ei_reported |= got;
	return got;
}

struct epoll_call {
	struct em_epoll	*ec_set;
	uint32_t	ec_max;
	struct linux_epoll_event ec_events[EPOLL_BATCH];
};

static int32_t
epoll_scan(void *arg, struct em_poll *p)
{
	struct epoll_call *ec = arg;
	struct em_epoll *ep = ec->ec_set;
	uint32_t n = 0, items = 0, events;

	em_lock(&ep->ep_lock);
	for (struct epoll_item *it = ep->ep_items; it != NULL; it = it->ei_next)
		items++;
	for (; items > 0 && n < ec->ec_max; items--) {
		struct epoll_item *it = ep->ep_items;

		events = epoll_item_poll(it, n > 0 ? NULL : p);
		epoll_rotate(ep);
		if (events == 0)
			continue;
		it->ei_is_off = it->ei_event.events & EPOLL_ONESHOT;
		ec->ec_events[n] = it->ei_event;
		ec->ec_events[n++].events = events;
	}
	em_unlock(&ep->ep_lock);
	return (int32_t)n;
}

/* A set in a set, or in a poll, is readable when it has something to report. */
static uint32_t
epoll_poll(struct em_file *f, uint32_t events, struct em_poll *p)
{
	struct em_epoll *ep = f->f_private;
	uint32_t ready = 0;

	if (!(events & EM_POLL_READ))
		return 0;
	em_lock(&ep->ep_lock);
	for (struct epoll_item *it = ep->ep_items; it != NULL && ready == 0; it = it->ei_next) {
		struct epoll_item copy = *it;		/* looking is not reporting */

		ready = epoll_item_poll(&copy, p);
	}
	em_unlock(&ep->ep_lock);
	return ready != 0 ? EM_POLL_READ : 0;
}

static void
epoll_release(struct em_file *f)
{
	struct em_epoll *ep = f->f_private, **at;

	if (ep == NULL)
		return;
	em_lock(&em_file_lock);
	for (at = &epoll_all; *at != ep; at = &(*at)->ep_next)
		;
	*at = ep->ep_next;
	while (ep->ep_items != NULL)
		epoll_remove(&ep->ep_items);
	em_unlock(&em_file_lock);
	em_free(ep, sizeof *ep);
}

static const struct em_class epoll_class = { .c_name = "eventpoll", .c_poll = epoll_poll, .c_release = epoll_release };

/* ---- Making ---- */

int32_t
sys_epoll_create1(uint32_t flags, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_epoll *ep;
	struct em_file *f;
	int32_t fd;

	(void)b, (void)c, (void)d, (void)e, (void)x;
	if (flags & ~(uint32_t)MX_O_CLOEXEC)
		return EM_E(EINVAL);
	ep = em_alloc(sizeof *ep);
	f = em_file_create(EM_KIND_EPOLL, &epoll_class, MACH_PORT_NULL, MX_O_RDWR, NULL);
	if (ep == NULL || f == NULL) {
		if (ep != NULL)
			em_free(ep, sizeof *ep);
		if (f != NULL)
			em_file_release(f);
		return EM_E(ENOMEM);
	}
	em_lock(&em_file_lock);
	ep->ep_next = epoll_all;
	epoll_all = ep;
	f->f_private = ep;
	em_unlock(&em_file_lock);
	f->f_attr.at_mode = 0600;
	fd = em_fd_install(f, em_fd_cloexec(flags), 0);
	if (fd < 0)
		em_file_release(f);
	return fd;
}

int32_t
sys_epoll_create(uint32_t size, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)b, (void)c, (void)d, (void)e, (void)x;
	return (int32_t)size <= 0 ? EM_E(EINVAL) : sys_epoll_create1(0, 0, 0, 0, 0, 0);
}

/* ---- Changing ---- */

/* Would F in a set be a circle with EP, or too deep? */
static bool
epoll_is_loop(const struct em_epoll *ep, const struct em_file *f, uint32_t depth)
{
	struct em_epoll *inner = epoll_of(f);
	bool loop = false;

	if (inner == NULL)
		return false;
	if (inner == ep || depth == EPOLL_DEPTH)
		return true;
	em_lock(&inner->ep_lock);
	for (struct epoll_item *it = inner->ep_items; it != NULL && !loop; it = it->ei_next)
		loop = epoll_is_loop(ep, it->ei_file, depth + 1);
	em_unlock(&inner->ep_lock);
	return loop;
}

static int32_t
epoll_add(struct em_epoll *ep, struct em_file *f, int32_t fd, const struct linux_epoll_event *ev)
{
	struct epoll_item *it = em_alloc(sizeof *it);

	if (it == NULL)
		return EM_E(ENOMEM);
	*it = (struct epoll_item){ .ei_next = ep->ep_items, .ei_file = f, .ei_fd = fd, .ei_event = *ev, .ei_drained = f->f_drained };
	ep->ep_items = it;
	f->f_nepolls++;
	return 0;
}

/* Locks: ep_lock */
static int32_t
epoll_change(struct em_epoll *ep, uint32_t op, struct em_file *f, int32_t fd, const struct linux_epoll_event *ev)
{
	struct epoll_item **at = epoll_find(ep, f, fd);

	if (op == EPOLL_CTL_ADD)
		return at != NULL ? EM_E(EEXIST) : epoll_add(ep, f, fd, ev);
	if (at == NULL)
		return EM_E(ENOENT);
	if (op == EPOLL_CTL_DEL) {
		epoll_remove(at);
		return 0;
	}
	if (((*at)->ei_event.events | ev->events) & EPOLL_EXCLUSIVE)
		return EM_E(EINVAL);
	(*at)->ei_event = *ev;
	(*at)->ei_is_off = false;
	(*at)->ei_reported = 0;
	return 0;
}

static int32_t
epoll_ctl(struct em_file *set, struct em_file *f, uint32_t op, int32_t fd, const struct linux_epoll_event *ev)
{
	struct em_epoll *ep = epoll_of(set);
	int32_t err;

	if (ep == NULL || f == set || op < EPOLL_CTL_ADD || op > EPOLL_CTL_MOD)
		return EM_E(EINVAL);
	if (f->f_class->c_poll == NULL)
		return EM_E(EPERM);
	if (op == EPOLL_CTL_ADD && epoll_is_loop(ep, f, 0))
		return EM_E(ELOOP);
	em_lock(&ep->ep_lock);
	err = epoll_change(ep, op, f, fd, ev);
	em_unlock(&ep->ep_lock);
	if (op != EPOLL_CTL_DEL)
		em_poll_poke();
	return err;
}

/* Errors: -EBADF, -EINVAL, -EPERM (a file or directory), -EEXIST, -ENOENT, -ELOOP, -EFAULT, -ENOMEM */
int32_t
sys_epoll_ctl(uint32_t epfd, uint32_t op, uint32_t fd, uint32_t event, uint32_t e, uint32_t x)
{
	struct linux_epoll_event ev = { 0, { 0, 0 } };
	struct em_file *set, *f;
	int32_t err = EM_E(EBADF);

	(void)e, (void)x;
	if (op != EPOLL_CTL_DEL && em_copyin(&ev, event, sizeof ev) < 0)
		return EM_E(EFAULT);
	set = em_fd_get_io((int32_t)epfd);
	f = em_fd_get_io((int32_t)fd);
	if (set != NULL && f != NULL)
		err = epoll_ctl(set, f, op, (int32_t)fd, &ev);
	if (set != NULL)
		em_file_release(set);
	if (f != NULL)
		em_file_release(f);
	return err;
}

/* ---- Waiting ---- */

/* TIMEOUT in nanoseconds, -1: none. Errors: -EBADF, -EINVAL, -EFAULT, -EINTR */
static int32_t
epoll_wait(uint32_t epfd, uint32_t events, uint32_t max, int64_t timeout)
{
	struct em_file *set;
	struct epoll_call ec;
	uint64_t deadline = timeout < 0 ? 0 : em_now_ns() + (uint64_t)timeout + 1;
	int32_t n;

	if ((int32_t)max <= 0)
		return EM_E(EINVAL);
	set = em_fd_get_io((int32_t)epfd);
	if (set == NULL)
		return EM_E(EBADF);
	ec.ec_set = epoll_of(set);
	ec.ec_max = em_min(max, EPOLL_BATCH);
	n = ec.ec_set == NULL ? EM_E(EINVAL) : em_poll_run(epoll_scan, &ec, timeout == 0 ? 1 : deadline);
	em_file_release(set);
	if (n > 0 && em_copyout(events, ec.ec_events, (size_t)n * sizeof ec.ec_events[0]) < 0)
		return EM_E(EFAULT);
	return n;
}

static int32_t
epoll_wait_masked(uint32_t epfd, uint32_t events, uint32_t max, int64_t timeout, uint32_t mask, uint32_t size)
{
	em_sigset set = 0;
	int32_t n;

	if (mask == 0)
		return epoll_wait(epfd, events, max, timeout);
	if (size != sizeof set)
		return EM_E(EINVAL);
	if (em_copyin(&set, mask, sizeof set) < 0)
		return EM_E(EFAULT);
	em_mask_begin(set);
	n = epoll_wait(epfd, events, max, timeout);
	if (n != EM_E(EINTR))
		em_mask_end();
	return n;
}

static int64_t
epoll_timeout(uint32_t ms)
{
	return (int32_t)ms < 0 ? -1 : (int64_t)ms * 1000000;
}

int32_t
sys_epoll_wait(uint32_t epfd, uint32_t events, uint32_t max, uint32_t timeout, uint32_t e, uint32_t x)
{
	(void)e, (void)x;
	return epoll_wait(epfd, events, max, epoll_timeout(timeout));
}

int32_t
sys_epoll_pwait(uint32_t epfd, uint32_t events, uint32_t max, uint32_t timeout, uint32_t mask, uint32_t size)
{
	return epoll_wait_masked(epfd, events, max, epoll_timeout(timeout), mask, size);
}

int32_t
sys_epoll_pwait2(uint32_t epfd, uint32_t events, uint32_t max, uint32_t timeout, uint32_t mask, uint32_t size)
{
	uint64_t ns = 0;
	int32_t err = timeout != 0 ? em_timespec64_in(&ns, timeout) : 0;

	if (err < 0)
		return err;
	if (ns > INT64_MAX / 2)
		ns = INT64_MAX / 2;
	return epoll_wait_masked(epfd, events, max, timeout == 0 ? -1 : (int64_t)ns, mask, size);
}
