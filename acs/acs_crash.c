/*
 * acs_crash.c - what happens when ACS itself faults.
 *
 * Nobody is above ACS: without it names are not found, deaths not noticed, the machine not even powered off. So a kernel thread of its
 * own waits for ACS's exceptions, says on the kernel's console where it was, and reboots the machine. A failed assertion
 * ends in the same way.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs.h"

#include <mach.h>
#include <mach/machine/thread_status.h>
#include <mach/task_special_ports.h>
#include <stdio.h>

#define CRASH_STACK	8192
#define EXCEPTION_ID	2400	/* exc.defs: exception_raise */

struct exception_message {
	mach_msg_header_t em_head;
	mach_msg_type_t	em_thread_type;
	mach_port_t	em_thread;
	mach_msg_type_t	em_task_type;
	mach_port_t	em_task;
	mach_msg_type_t	em_exception_type;
	integer_t	em_exception;
	mach_msg_type_t	em_code_type;
	integer_t	em_code;
	mach_msg_type_t	em_subcode_type;
	integer_t	em_subcode;
	char		em_more[64];
};

static mach_port_t crash_port;

static void
crash_print(const struct exception_message *m)
{
	struct i386_thread_state s = { 0 };
	mach_msg_type_number_t count = i386_THREAD_STATE_COUNT;
	static char text[160];

	(void)thread_get_state(m->em_thread, i386_REGS_SEGS_STATE, (thread_state_t)&s, &count);
	(void)sniprintf(text, sizeof text, "acs: exception %d, code %d, subcode 0x%x at eip %08x, ebp %08x, esp %08x\n",
		m->em_exception, m->em_code, m->em_subcode, s.eip, s.ebp, s.uesp);
	mach_print(text);
}

static void
crash_wait(void *arg)
{
	static struct exception_message m;

	(void)arg;
	while (mach_msg_trap(&m.em_head, MACH_RCV_MSG, 0, sizeof m, crash_port, 0, MACH_PORT_NULL) != MACH_MSG_SUCCESS ||
	    m.em_head.msgh_id != EXCEPTION_ID || m.em_task != mx_task)
		;
	crash_print(&m);
	mach_print("acs: the system is lost with me, reboot\n");
	acs_power_now(ACS_REBOOT);
}

static void
panic_end(void)
{
	acs_power_now(ACS_REBOOT);
}

kern_return_t
acs_crash_setup(void)
{
	kern_return_t kr = syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_RECEIVE, &crash_port);

	if (kr == KERN_SUCCESS)
		kr = syscall_mach_port_insert_right(mx_task, crash_port, crash_port, MACH_MSG_TYPE_MAKE_SEND);
	if (kr == KERN_SUCCESS)
		kr = syscall_task_set_special_port(mx_task, TASK_EXCEPTION_PORT, crash_port);
	mx_panic_end = panic_end;
	return kr == KERN_SUCCESS ? mx_thread_start(crash_wait, NULL, CRASH_STACK) : kr;
}
