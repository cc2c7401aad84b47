/*
 * thread.c - kernel threads beside the one that runs the fibrils.
 *
 * Their stacks lie in a region of their own, in slots of a fixed size, so that a look at the stack pointer tells what kind of
 * code is running and where its reply port is, without a register or a call of the kernel for it. The kernel may put
 * other memory between the stacks (a fibril's stack, for instance): what belongs to a thread is in a table. A thread cannot give
 * its own stack back: that is used again, or given back by mx_thread_collect, once the thread is dead.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <mach/machine/thread_status.h>
#include <mach/mig_support.h>
#include <mach/vm_param.h>
#include <masix/mach.h>
#include "impl.h"
#include "gnumach.h"
#include "mach.h"
#include "mach_port.h"

#define SLOT_SIZE	0x00100000u
#define SLOT_BASE	0xa0000000u
#define SLOT_END	0xb0000000u

#define SLOTS		((SLOT_END - SLOT_BASE) / SLOT_SIZE)

struct thread_slot {
	mach_port_t	ts_thread;	/* a dead name when it has ended */
	mach_port_t	ts_reply_port;
	vm_address_t	ts_stack;	/* 0: none was ever allocated */
	vm_size_t	ts_size;	/* up to the end of the slot */
};

static struct thread_slot slots[SLOTS];

extern void mx_thread_begin(void);

/* The slot whose stack ADDRESS is in, or NULL. */
static struct thread_slot *
slot_of(uintptr_t address)
{
	struct thread_slot *slot;

	if (address < SLOT_BASE || address >= SLOT_END)
		return NULL;
	slot = &slots[(address - SLOT_BASE) / SLOT_SIZE];
	return slot->ts_stack != 0 && address >= slot->ts_stack ? slot : NULL;
}

mach_port_t *
mx_thread_reply_port(void)
{
	struct thread_slot *slot = slot_of((uintptr_t)__builtin_frame_address(0));

	return slot != NULL ? &slot->ts_reply_port : NULL;
}

/* Has the thread of SLOT ended, so that its stack of at least SIZE can be used again? */
static bool
slot_reusable(struct thread_slot *slot, vm_size_t size)
{
	mach_port_type_t type = 0;

	if (slot->ts_size < size)
		return false;
	if (slot->ts_thread == MACH_PORT_NULL)
		return true;
	if (mach_port_type(mx_task, slot->ts_thread, &type) != KERN_SUCCESS || (type & MACH_PORT_TYPE_DEAD_NAME) == 0)
		return false;
	mx_port_release(slot->ts_thread);
	slot->ts_thread = MACH_PORT_NULL;
	return true;
}

/* A slot with a stack of SIZE and no thread. */
static struct thread_slot *
slot_allocate(vm_size_t size)
{
	struct thread_slot *slot;
	vm_address_t address;

	for (slot = slots; slot < slots + SLOTS; slot++) {
		if (slot->ts_stack != 0 && slot_reusable(slot, size))
			return slot;
		address = SLOT_BASE + (vm_address_t)(slot - slots + 1) * SLOT_SIZE - size;
		if (slot->ts_stack == 0 && syscall_vm_allocate(mx_task, &address, size, FALSE) == KERN_SUCCESS) {
			(void)mx_wire_stack(address, size);	/* at worst its pages come later */
			slot->ts_stack = address;
			slot->ts_size = size;
			return slot;
		}
	}
	return NULL;
}

static kern_return_t
thread_launch(mach_port_t thread, struct thread_slot *slot, void (*fn)(void *), void *arg)
{
	struct i386_thread_state state;
	mach_msg_type_number_t count = i386_THREAD_STATE_COUNT;
	uintptr_t *sp = (uintptr_t *)(slot->ts_stack + slot->ts_size);
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

	if (stack_bytes == 0 || stack_bytes > SLOT_SIZE - PAGE_SIZE)
		return KERN_INVALID_ARGUMENT;
	slot = slot_allocate(round_page(stack_bytes));
	if (slot == NULL)
		return KERN_RESOURCE_SHORTAGE;
	kr = thread_create(mx_task, &thread);
	if (kr != KERN_SUCCESS)
		return kr;
	slot->ts_thread = thread;
	slot->ts_reply_port = MACH_PORT_NULL;
	kr = thread_launch(thread, slot, fn, arg);
	if (kr != KERN_SUCCESS) {
		slot->ts_thread = MACH_PORT_NULL;
		(void)thread_terminate(thread);		/* it never ran */
		mx_port_release(thread);
	}
	return kr;
}

bool
mx_thread_collect(void)
{
	bool is_any = false;

	for (struct thread_slot *slot = slots; slot < slots + SLOTS; slot++) {
		vm_address_t stack = slot->ts_stack;

		if (stack == 0 || !slot_reusable(slot, 0))
			continue;
		slot->ts_stack = 0;
		(void)syscall_vm_deallocate(mx_task, stack, slot->ts_size);	/* ours: cannot fail */
		is_any = true;
	}
	return is_any;
}

void
mx_thread_main(void (*fn)(void *), void *arg)
{
	mach_port_t self;

	(void)mx_privilege_thread();		/* the first one has it: cannot fail */
	fn(arg);
	(void)mig_get_reply_port();		/* it has one now: the kernel takes it back with the thread */
	self = mach_thread_self();		/* one reference, which the kernel takes back too */
	(void)thread_terminate_release(self, mx_task, self, *mx_thread_reply_port(), 0, 0);
	for (;;)
		(void)swtch_pri(0);		/* until the kernel has noticed */
}
