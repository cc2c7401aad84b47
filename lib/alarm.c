/*
 * alarm.c - a kernel thread that watches the clock for the fibrils.
 *
 * A receive with a time-out costs 3 us more than one without, as the kernel has no short way for it, and some servers have a
 * timer set all the time. So this thread waits for the first deadline in their place and then sends a message to the
 * notification port. It is told only of deadlines that are earlier than what it waits for: waits that end before their time-out
 * do not concern it. It is started with the first timer; without it the loop uses time-outs itself.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <mach/mig_support.h>
#include <masix/mach.h>
#include "impl.h"

#define NEVER		UINT64_MAX
#define STACK_BYTES	8192

struct alarm_message {
	mach_msg_header_t al_head;
	mach_msg_type_t	al_type;
	uint64_t	al_deadline;
};

static mach_port_t alarm_port;		/* to the thread */
static mach_port_t tick_port;		/* to the fibrils */
static bool is_tried, is_started;
static uint64_t armed = NEVER;		/* the fibril thread's: what the alarm thread was told last */

static mach_msg_return_t
alarm_send(mach_port_t to, uint64_t deadline)
{
	struct alarm_message m;

	memset(&m, 0, sizeof(m));
	m.al_head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0);
	m.al_head.msgh_remote_port = to;
	m.al_head.msgh_id = MX_ID_TICK;
	m.al_type.msgt_name = MACH_MSG_TYPE_INTEGER_64;
	m.al_type.msgt_size = 64;
	m.al_type.msgt_number = 1;
	m.al_type.msgt_inline = TRUE;
	m.al_deadline = deadline;
	return mach_msg(&m.al_head, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof(m), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

static void
alarm_run(void *arg)
{
	struct alarm_message m;
	uint64_t deadline = NEVER, now;
	mach_msg_option_t option;
	mach_msg_timeout_t ms;

	(void)arg;
	for (;;) {
		option = MACH_RCV_MSG;
		ms = 0;
		if (deadline != NEVER) {
			now = mx_now_ns();
			ms = mx_timer_ms(deadline > now ? deadline - now : 0);
			option |= MACH_RCV_TIMEOUT;
		}
		if (mach_msg_trap(&m.al_head, option, 0, sizeof(m), alarm_port, ms, MACH_PORT_NULL) == MACH_MSG_SUCCESS) {
			deadline = m.al_deadline;
		} else if (deadline <= mx_now_ns() && alarm_send(tick_port, deadline) == MACH_MSG_SUCCESS) {
			deadline = NEVER;	/* else the port is full: again at the next tick */
		}
	}
}

static bool
alarm_start(void)
{
	if (syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_RECEIVE, &alarm_port) != KERN_SUCCESS)
		return false;
	if (syscall_mach_port_insert_right(mx_task, alarm_port, alarm_port, MACH_MSG_TYPE_MAKE_SEND) != KERN_SUCCESS)
		return false;
	tick_port = mx_notify_send_right();
	return tick_port != MACH_PORT_NULL && mx_thread_start(alarm_run, NULL, STACK_BYTES) == KERN_SUCCESS;
}

bool
mx_alarm_set(uint64_t deadline_ns)
{
	if (deadline_ns >= armed)
		return true;
	if (!is_tried) {
		is_tried = true;
		is_started = alarm_start();
	}
	if (!is_started || alarm_send(alarm_port, deadline_ns) != MACH_MSG_SUCCESS)
		return false;
	armed = deadline_ns;
	return true;
}

void
mx_alarm_tick(void)
{
	armed = NEVER;
}
