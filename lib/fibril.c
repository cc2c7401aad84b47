/*
 * fibril.c - many flows of control on one kernel thread.
 *
 * A fibril runs until it parks. There is no scheduler with a stack of its own: who parks takes the next ready fibril and
 * switches to it, and when none is ready waits for a message itself (loop.c), on behalf of all. So a request that finds its
 * fibril waiting for it costs no switch at all. Nothing here calls Mach: the host tests run this file as it is.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include "impl.h"

#undef mx_mutex_lock		/* debug builds: the functions themselves */
#undef mx_mutex_unlock
#undef mx_rwlock_rdlock
#undef mx_rwlock_wrlock
#undef mx_rwlock_unlock

#define SWITCHES_BEFORE_POLL 128	/* fibrils that keep each other busy still let messages in */
#define IDLE_MAX 32			/* more than that are given back */

struct mx_fibril *mx_current;
struct mx_queue mx_ready;
struct mx_stats mx_stats;

static struct mx_fibril *pool;		/* idle fibrils, by fb_next; the last used is the first */
static unsigned int idle, switches;

/* ---- Queues ---- */

void
mx_queue_append(struct mx_queue *q, struct mx_fibril *f)
{
	f->fb_queue = q;
	f->fb_next = NULL;
	f->fb_prev = q->mq_last;
	if (q->mq_last != NULL)
		q->mq_last->fb_next = f;
	else
		q->mq_first = f;
	q->mq_last = f;
}

void
mx_queue_remove(struct mx_fibril *f)
{
	struct mx_queue *q = f->fb_queue;

	if (f->fb_prev != NULL)
		f->fb_prev->fb_next = f->fb_next;
	else
		q->mq_first = f->fb_next;
	if (f->fb_next != NULL)
		f->fb_next->fb_prev = f->fb_prev;
	else
		q->mq_last = f->fb_prev;
	f->fb_queue = NULL;
}

struct mx_fibril *
mx_queue_take(struct mx_queue *q)
{
	struct mx_fibril *f = q->mq_first;

	if (f != NULL)
		mx_queue_remove(f);
	return f;
}

/* ---- Switching ---- */

void
mx_fibril_switch(struct mx_fibril *f)
{
	struct mx_fibril *self = mx_current;

	mx_stats.st_switches++;
	mx_current = f;
	mx_switch(&self->fb_sp, f->fb_sp);
}

void
mx_fibril_ready(struct mx_fibril *f)
{
	mx_queue_append(&mx_ready, f);
}

void
mx_fibril_park(void)
{
	struct mx_fibril *self = mx_current, *next, *taker;

	if (++switches > SWITCHES_BEFORE_POLL) {
		switches = 0;
		mx_loop_poll();
	}
	next = mx_queue_take(&mx_ready);
	if (next == NULL) {
		taker = mx_fibril_take();
		next = mx_loop_wait(taker, 0, NULL);
		if (next != taker && taker != NULL)
			mx_fibril_put(taker);
		switches = 0;
	}
	if (next != self)
		mx_fibril_switch(next);
}

void
mx_fibril_yield(void)
{
	mx_loop_poll();
	mx_fibril_ready(mx_current);
	mx_fibril_park();
}

/* ---- The pool ---- */

/* Finished: answer, and take on what comes next. */
static void
fibril_next(struct mx_fibril *self, mach_msg_size_t reply)
{
	struct mx_fibril *next;

	if (mx_ready.mq_first == NULL) {
		next = mx_loop_reply_wait(self, reply);
		switches = 0;
		if (next == self)
			return;
	} else {
		if (reply != 0)
			mx_loop_reply(self, reply);
		if (++switches > SWITCHES_BEFORE_POLL) {
			switches = 0;
			mx_loop_poll();
		}
		next = mx_queue_take(&mx_ready);
	}
	mx_fibril_put(self);
	mx_fibril_switch(next);
}

static void
fibril_main(void)
{
	struct mx_fibril *self = mx_current;
	void (*fn)(void *);
	mach_msg_size_t reply;

	for (;;) {
		reply = 0;
		fn = self->fb_fn;
		if (fn != NULL) {
			self->fb_fn = NULL;
			fn(self->fb_arg);
			self->fb_name = "idle";
		} else {
			reply = mx_loop_serve(self);
		}
		fibril_next(self, reply);
	}
}

/* One piece of memory: stack, the fibril's structure at the top of it, and the two message buffers. */
static struct mx_fibril *
fibril_create(void)
{
	struct mx_fibril *f;
	char *base;
	void **sp;

	if (mx_stats.st_fibrils >= MX_FIBRILS_MAX)
		return NULL;
	base = mx_stack_alloc(MX_FIBRIL_STACK + 2 * MX_BUFFER_SIZE);
	if (base == NULL)
		return NULL;
	f = (struct mx_fibril *)(base + MX_FIBRIL_STACK) - 1;
	f->fb_in = (mach_msg_header_t *)(base + MX_FIBRIL_STACK);
	f->fb_out = (mach_msg_header_t *)(base + MX_FIBRIL_STACK + MX_BUFFER_SIZE);
	f->fb_name = "idle";
	sp = (void **)((uintptr_t)f & ~(uintptr_t)15);
	*--sp = NULL;				/* fibril_main's return address, where a call would put it */
	*--sp = (void *)(uintptr_t)fibril_main;
	sp -= 4;				/* ebp, ebx, esi, edi: zero */
	f->fb_sp = sp;
	if (++mx_stats.st_fibrils > mx_stats.st_fibrils_max)
		mx_stats.st_fibrils_max = mx_stats.st_fibrils;
	return f;
}

static void
fibril_destroy(struct mx_fibril *f)
{
	mx_rpc_forget(f);
	mx_stats.st_fibrils--;
	mx_stack_free((char *)(f + 1) - MX_FIBRIL_STACK, MX_FIBRIL_STACK + 2 * MX_BUFFER_SIZE);
}

struct mx_fibril *
mx_fibril_take(void)
{
	struct mx_fibril *f = pool;

	if (f == NULL)
		return fibril_create();
	pool = f->fb_next;
	idle--;
	return f;
}

/* F may be the one that runs: it is not destroyed here. */
void
mx_fibril_put(struct mx_fibril *f)
{
	struct mx_fibril *extra = pool;

	if (idle < IDLE_MAX) {
		idle++;
	} else {
		pool = extra->fb_next;
		fibril_destroy(extra);
	}
	f->fb_next = pool;
	pool = f;
}

unsigned int
mx_fibrils_busy(void)
{
	return mx_stats.st_fibrils - idle;
}

struct mx_fibril *
mx_fibril_launch(void (*fn)(void *), void *arg, const char *name)
{
	struct mx_fibril *f = mx_fibril_take();

	if (f == NULL)
		return NULL;
	f->fb_fn = fn;
	f->fb_arg = arg;
	f->fb_name = name;
	mx_fibril_ready(f);
	return f;
}

void
mx_fibril_unlaunch(struct mx_fibril *f)
{
	mx_queue_remove(f);
	f->fb_fn = NULL;
	mx_fibril_put(f);
}

kern_return_t
mx_fibril_start(void (*fn)(void *), void *arg, const char *name)
{
	return mx_fibril_launch(fn, arg, name) != NULL ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

void
mx_fibril_begin(void (*fn)(void *), void *arg)
{
	static struct mx_fibril boot;		/* the stack that we leave for good */

	mx_current = &boot;
	if (mx_fibril_start(fn, arg, "start") != KERN_SUCCESS)
		mx_panic(__FILE__, __LINE__, "no memory for the first fibril");
	mx_fibril_switch(mx_queue_take(&mx_ready));
	abort();
}

/* ---- Waiting ---- */

void
mx_fibril_wake(struct mx_fibril *f, kern_return_t result)
{
	if (f->fb_queue == &mx_ready)
		return;				/* awake already: the first reason counts */
	mx_queue_remove(f);
	f->fb_wait_result = result;
	mx_fibril_ready(f);
}

static kern_return_t
wait_in(struct mx_queue *q)
{
	struct mx_fibril *self = mx_current;

	mx_queue_append(q, self);
	self->fb_wait_result = KERN_SUCCESS;
	mx_fibril_park();
	return self->fb_wait_result;
}

static void
wait_timeout(struct mx_timer_node *node)
{
	mx_fibril_wake(mx_container(node, struct mx_fibril, fb_timer), MX_ETIMEDOUT);
}

static kern_return_t
wait_in_until(struct mx_queue *q, uint64_t deadline_ns)
{
	struct mx_fibril *self = mx_current;
	kern_return_t kr;

	mx_queue_append(q, self);
	self->fb_wait_result = KERN_SUCCESS;
	self->fb_timer.tn_fire = wait_timeout;
	mx_timer_node_set(&self->fb_timer, deadline_ns);
	mx_fibril_park();
	kr = self->fb_wait_result;
	mx_timer_node_stop(&self->fb_timer);
	return kr;
}

void
mx_cond_wait(struct mx_cond *c)
{
	(void)wait_in(&c->co_waiters);		/* nobody interrupts it */
}

kern_return_t
mx_cond_wait_until(struct mx_cond *c, uint64_t deadline_ns)
{
	return wait_in_until(&c->co_waiters, deadline_ns);
}

kern_return_t
mx_cond_wait_cancellable_until(struct mx_cond *c, uint32_t tag, uint64_t deadline_ns)
{
	struct mx_fibril *self = mx_current;
	kern_return_t kr;

	if (self->fb_object != NULL) {
		mx_request_watch(self);
		if (self->fb_cancelled)
			return MX_EINTR;
	}
	self->fb_tag = tag;
	self->fb_cancellable = true;
	kr = deadline_ns == 0 ? wait_in(&c->co_waiters) : wait_in_until(&c->co_waiters, deadline_ns);
	self->fb_cancellable = false;
	return kr;
}

kern_return_t
mx_cond_wait_cancellable(struct mx_cond *c, uint32_t tag)
{
	return mx_cond_wait_cancellable_until(c, tag, 0);
}

void
mx_cond_signal(struct mx_cond *c)
{
	struct mx_fibril *f = c->co_waiters.mq_first;

	if (f != NULL)
		mx_fibril_wake(f, KERN_SUCCESS);
}

void
mx_cond_broadcast(struct mx_cond *c)
{
	while (c->co_waiters.mq_first != NULL)
		mx_cond_signal(c);
}

void
mx_sleep_ns(uint64_t ns)
{
	struct mx_queue nobody = { NULL, NULL };

	(void)wait_in_until(&nobody, mx_now_ns() + ns);	/* always MX_ETIMEDOUT */
}

/* ---- Locks: handed over to the first who waits ---- */

void
mx_mutex_lock(struct mx_mutex *m)
{
	mx_assert(m->mm_owner != mx_current);
	if (m->mm_owner == NULL)
		m->mm_owner = mx_current;
	else
		(void)wait_in(&m->mm_waiters);
}

void
mx_mutex_unlock(struct mx_mutex *m)
{
	mx_assert(m->mm_owner == mx_current);
	m->mm_owner = m->mm_waiters.mq_first;
	if (m->mm_owner != NULL)
		mx_fibril_wake(m->mm_owner, KERN_SUCCESS);
}

void
mx_rwlock_rdlock(struct mx_rwlock *l)
{
	if (l->rw_writer == NULL && l->rw_waiters.mq_first == NULL) {
		l->rw_readers++;
		return;
	}
	mx_assert(l->rw_writer != mx_current);
	mx_current->fb_want_write = false;
	(void)wait_in(&l->rw_waiters);
}

void
mx_rwlock_wrlock(struct mx_rwlock *l)
{
	if (l->rw_writer == NULL && l->rw_readers == 0) {
		l->rw_writer = mx_current;
		return;
	}
	mx_assert(l->rw_writer != mx_current);
	mx_current->fb_want_write = true;
	(void)wait_in(&l->rw_waiters);
}

void
mx_rwlock_unlock(struct mx_rwlock *l)
{
	struct mx_fibril *f;

	if (l->rw_writer != NULL) {
		mx_assert(l->rw_writer == mx_current);
		l->rw_writer = NULL;
	} else {
		mx_assert(l->rw_readers > 0);
		if (--l->rw_readers > 0)
			return;
	}
	while ((f = l->rw_waiters.mq_first) != NULL) {
		if (f->fb_want_write) {
			if (l->rw_readers == 0) {
				l->rw_writer = f;
				mx_fibril_wake(f, KERN_SUCCESS);
			}
			return;
		}
		l->rw_readers++;
		mx_fibril_wake(f, KERN_SUCCESS);
	}
}
