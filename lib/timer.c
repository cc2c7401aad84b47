/*
 * timer.c - doing things later.
 *
 * The kernel is asked to wake us no earlier than the first deadline; it counts in ticks of 10 ms and may be early by one, so
 * what is due is decided by our own clock.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include "impl.h"

#define TICK_MS 10u
#define LONGEST_MS 60000u

struct mx_timer {
	struct mx_timer_node ti_node;
	void		(*ti_fn)(void *arg);
	void		*ti_arg;
	struct mx_fibril *ti_fibril;	/* will call FN, but has not begun */
};

struct mx_heap mx_timers;

void
mx_timer_node_set(struct mx_timer_node *node, uint64_t deadline_ns)
{
	mx_heap_remove(&mx_timers, node);
	node->tn_deadline = deadline_ns;
	if (!mx_heap_insert(&mx_timers, node)) {
		mx_log(MX_LOG_ERROR, "no memory for a timer");
		node->tn_fire(node);
	}
}

void
mx_timer_node_stop(struct mx_timer_node *node)
{
	mx_heap_remove(&mx_timers, node);
}

void
mx_timers_run(void)
{
	uint64_t now = mx_now_ns();
	struct mx_timer_node *node;

	while (mx_timers.hp_count != 0 && (node = mx_timers.hp_nodes[1])->tn_deadline <= now) {
		mx_heap_remove(&mx_timers, node);
		node->tn_fire(node);
	}
}

uint64_t
mx_timers_wait(void)
{
	uint64_t now = mx_now_ns(), deadline = mx_timers.hp_nodes[1]->tn_deadline;

	return deadline > now ? deadline - now : 0;
}

mach_msg_timeout_t
mx_timer_ms(uint64_t ns)
{
	if (ns > LONGEST_MS * 1000000ull)
		return LONGEST_MS;
	return ns < 1000000 ? 1 : (mach_msg_timeout_t)(((uint32_t)(ns >> 6) + 15624) / 15625);	/* 10^6 = 2^6 * 15625 */
}

static void
timer_run(void *arg)
{
	struct mx_timer *t = arg;

	t->ti_fibril = NULL;
	t->ti_fn(t->ti_arg);			/* which may destroy T */
}

static void
timer_fire(struct mx_timer_node *node)
{
	struct mx_timer *t = mx_container(node, struct mx_timer, ti_node);

	t->ti_fibril = mx_fibril_launch(timer_run, t, "timer");
	if (t->ti_fibril == NULL)		/* all are busy: soon again */
		mx_timer_node_set(node, mx_now_ns() + TICK_MS * 1000000);
}

static void
timer_stop(struct mx_timer *t)
{
	mx_timer_node_stop(&t->ti_node);
	if (t->ti_fibril != NULL)
		mx_fibril_unlaunch(t->ti_fibril);
	t->ti_fibril = NULL;
}

struct mx_timer *
mx_timer_create(void (*fn)(void *), void *arg)
{
	struct mx_timer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->ti_node.tn_fire = timer_fire;
	t->ti_fn = fn;
	t->ti_arg = arg;
	return t;
}

void
mx_timer_set(struct mx_timer *t, uint64_t deadline_ns)
{
	timer_stop(t);
	if (deadline_ns != 0)
		mx_timer_node_set(&t->ti_node, deadline_ns);
}

void
mx_timer_destroy(struct mx_timer *t)
{
	if (t == NULL)
		return;
	timer_stop(t);
	free(t);
}
