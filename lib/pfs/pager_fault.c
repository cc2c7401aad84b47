/*
 * pager_fault.c - when the copier touches a page that cannot be had.
 *
 * The copier's exceptions come to the pager's thread. One in the copying loop goes on at its error exit; any other is passed on to
 * whoever handles the task's exceptions, as a bug of ours.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <mach/exception.h>
#include <mach/machine/thread_status.h>
#include <mach/mig_errors.h>
#include <mach/thread_special_ports.h>
#include <masix/mach.h>
#include "mach.h"
#include "mach_port.h"
#include "pager_impl.h"

#define ID_EXCEPTION	2400

struct exception_msg {
	mach_msg_header_t head;
	mach_msg_type_t	thread_type;
	mach_port_t	thread;
	mach_msg_type_t	task_type;
	mach_port_t	task;
	mach_msg_type_t	exception_type;
	integer_t	exception;
	mach_msg_type_t	code_type;
	integer_t	code;
	mach_msg_type_t	subcode_type;
	integer_t	subcode;
};

extern char pager_bytes_begin[], pager_bytes_end[], pager_bytes_failed[];

static mach_port_t exception_port;	/* receive and send right, in pager_set */

kern_return_t
pager_fault_start(void)
{
	kern_return_t kr = syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_RECEIVE, &exception_port);

	if (kr == KERN_SUCCESS)
		kr = syscall_mach_port_insert_right(mx_task, exception_port, exception_port, MACH_MSG_TYPE_MAKE_SEND);
	if (kr == KERN_SUCCESS)
		kr = mach_port_move_member(mx_task, exception_port, pager_set);
	return kr;
}

kern_return_t
pager_fault_catch(void)
{
	return thread_set_special_port(mach_thread_self(), THREAD_EXCEPTION_PORT, exception_port);
}

/* Let THREAD go on at the error exit, if it was copying. */
static kern_return_t
thread_redirect(mach_port_t thread)
{
	struct i386_thread_state state;
	mach_msg_type_number_t n = i386_THREAD_STATE_COUNT;
	kern_return_t kr = thread_get_state(thread, i386_REGS_SEGS_STATE, (thread_state_t)&state, &n);

	if (kr != KERN_SUCCESS)
		return kr;
	if (state.eip < (uintptr_t)pager_bytes_begin || state.eip >= (uintptr_t)pager_bytes_end)
		return KERN_FAILURE;
	state.eip = (uintptr_t)pager_bytes_failed;
	return thread_set_state(thread, i386_REGS_SEGS_STATE, (thread_state_t)&state, i386_THREAD_STATE_COUNT);
}

static void
reply(const mach_msg_header_t *in, kern_return_t kr)
{
	mig_reply_header_t out = {
		.Head = {
			.msgh_bits = MACH_MSGH_BITS(MACH_MSGH_BITS_REMOTE(in->msgh_bits), 0), .msgh_size = sizeof(out),
			.msgh_remote_port = in->msgh_remote_port, .msgh_id = ID_EXCEPTION + 100,
		},
		.RetCodeType = {
			.msgt_name = MACH_MSG_TYPE_INTEGER_32, .msgt_size = 32, .msgt_number = 1, .msgt_inline = TRUE,
		},
		.RetCode = kr,
	};

	(void)mach_msg_trap(&out.Head, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof(out), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

bool
pager_fault_message(const mach_msg_header_t *in)
{
	const struct exception_msg *msg = (const struct exception_msg *)in;
	kern_return_t kr = KERN_FAILURE;

	if (in->msgh_id != ID_EXCEPTION || in->msgh_size != sizeof(*msg))
		return false;
	if (msg->exception == EXC_BAD_ACCESS)
		kr = thread_redirect(msg->thread);
	mx_port_release(msg->thread);
	mx_port_release(msg->task);
	reply(in, kr);
	return true;
}
