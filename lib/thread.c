/*
 * thread.c - kernel threads beside the one that runs the fibrils.
 *
 * Their stacks lie in a region of their own, in slots of a fixed size, so that a look at the stack pointer tells what kind of
 * code is running and where its reply port is, without a register or a call of the kernel for it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <mach/machine/thread_status.h>
#include <mach/vm_param.h>
#include <masix/mach.h>
#include "impl.h"
#include "gnumach.h"
#include "mach.h"

#define SLOT_SIZE	0x00100000u
#define SLOT_BASE	0xa0000000u
#define SLOT_END	0xb0000000u

struct thread_slot {			/* the top of a slot */
	mach_port_t	ts_reply_port;
	vm_address_t	ts_stack;
	vm_size_t	ts_size;	/* up to the end of the slot */
};

extern void mx_thread_begin(void);

static struct thread_slot *
slot_of(uintptr_t address)
{
	return (struct thread_slot *)((address | (SLOT_SIZE - 1)) + 1) - 1;
}

mach_port_t *
mx_thread_reply_port(void)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);

	if (sp < SLOT_BASE || sp >= SLOT_END)
		return NULL;
	return &slot_of(sp)->ts_reply_port;
}

/* Memory for a stack in a free slot. */
static struct thread_slot *
slot_allocate(vm_size_t size)
{
	vm_address_t slot, address;

	for (slot = SLOT_BASE; slot < SLOT_END; slot += SLOT_SIZE) {
		address = slot + SLOT_SIZE - size;
		if (syscall_vm_allocate(mx_task, &address, size, FALSE) == KERN_SUCCESS) {
			slot_of(slot)->ts_stack = address;
			slot_of(slot)->ts_size = size;
			return slot_of(slot);
		}
	}
	return NULL;
}

static kern_return_t
thread_launch(mach_port_t thread, struct thread_slot *slot, void (*fn)(void *), void *arg)
{
	struct i386_thread_state state;
	mach_msg_type_number_t count = i386_THREAD_STATE_COUNT;
	uintptr_t *sp = (uintptr_t *)((uintptr_t)slot & ~(uintptr_t)15);
	kern_return_t kr;

	kr = thread_get_state(thread, i386_REGS_SEGS_STATE, (thread_state_t)&state, &count);
	if (kr != KERN_SUCCESS)
		return kr;
	sp -= 4;
	sp[0] = (uintptr_t)fn;
	sp[1] = (uintptr_t)arg;
	state.eip = (uintptr_t)mx_thread_begin;
	state.uesp = (uintptr_t)sp;
	kr = thread_set_state(thread, i386_REGS_SEGS_STATE, (thread_state_t)&state, i386_THREAD_STATE_COUNT);
	if (kr == KERN_SUCCESS)
		kr = thread_resume(thread);
	return kr;
}

kern_return_t
mx_thread_start(void (*fn)(void *), void *arg, size_t stack_bytes)
{
	struct thread_slot *slot;
	mach_port_t thread;
	kern_return_t kr;

	if (stack_bytes > SLOT_SIZE - PAGE_SIZE)
		return KERN_INVALID_ARGUMENT;
	slot = slot_allocate(round_page(stack_bytes + sizeof(*slot)));
	if (slot == NULL)
		return KERN_RESOURCE_SHORTAGE;
	kr = thread_create(mx_task, &thread);
	if (kr != KERN_SUCCESS)
		goto out_slot;
	kr = thread_launch(thread, slot, fn, arg);
	if (kr != KERN_SUCCESS)
		goto out_thread;
	mx_port_release(thread);
	return KERN_SUCCESS;
out_thread:
	(void)thread_terminate(thread);		/* it never ran */
	mx_port_release(thread);
out_slot:
	mx_pages_free((void *)slot->ts_stack, slot->ts_size);
	return kr;
}

void
mx_thread_main(void (*fn)(void *), void *arg)
{
	struct thread_slot *slot;
	mach_port_t self;

	fn(arg);
	slot = slot_of((uintptr_t)&slot);
	self = mach_thread_self();		/* one reference, which the kernel takes back */
	(void)thread_terminate_release(self, mx_task, self, slot->ts_reply_port, slot->ts_stack, slot->ts_size);
	for (;;)
		(void)swtch_pri(0);		/* until the kernel has noticed */
}
