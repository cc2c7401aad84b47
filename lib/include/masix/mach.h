/*
 * masix/mach.h - the traps of GNU Mach.
 *
 * gnumach-dev has no prototypes for them. The syscall_ traps do what the routine of that name does, faster, but only for
 * tasks of this machine; they fail with MACH_SEND_INTERRUPTED when TASK is not a task.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MASIX_MACH_H
#define MASIX_MACH_H

#include <mach/mach_types.h>
#include <mach/message.h>

mach_port_t mach_task_self(void);
mach_port_t mach_thread_self(void);
mach_port_t mach_host_self(void);
mach_port_t mach_reply_port(void);
void mach_print(const char *text);

boolean_t swtch(void);
boolean_t swtch_pri(int priority);
kern_return_t thread_switch(mach_port_t thread, int option, int time);
kern_return_t thread_set_self_state(int flavor, void *state, unsigned int count);

kern_return_t syscall_vm_map(mach_port_t task, vm_address_t *address, vm_size_t size, vm_offset_t mask,
	boolean_t anywhere, mach_port_t memory, vm_offset_t offset, boolean_t copy, vm_prot_t prot, vm_prot_t max,
	vm_inherit_t inheritance);
kern_return_t syscall_vm_allocate(mach_port_t task, vm_address_t *address, vm_size_t size, boolean_t anywhere);
kern_return_t syscall_vm_deallocate(mach_port_t task, vm_address_t address, vm_size_t size);
kern_return_t syscall_task_create(mach_port_t parent, boolean_t inherit, mach_port_t *task);
kern_return_t syscall_task_terminate(mach_port_t task);
kern_return_t syscall_task_suspend(mach_port_t task);
kern_return_t syscall_task_set_special_port(mach_port_t task, int which, mach_port_t port);
kern_return_t syscall_mach_port_allocate(mach_port_t task, mach_port_right_t right, mach_port_t *name);
kern_return_t syscall_mach_port_deallocate(mach_port_t task, mach_port_t name);
kern_return_t syscall_mach_port_insert_right(mach_port_t task, mach_port_t name, mach_port_t right,
	mach_msg_type_name_t disposition);
kern_return_t syscall_mach_port_allocate_name(mach_port_t task, mach_port_right_t right, mach_port_t name);

#endif /* MASIX_MACH_H */
