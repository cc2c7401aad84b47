/*
 * calls.c - calls of the kernel that are not about ports.
 *
 * Calls that nobody here knows do nothing, or fail if they should give something back (generated: defaults.awk).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mach/thread_switch.h>
#include <masix/mach.h>
#include "client.h"
#include "impl.h"
#include "mach.h"
#include "mach4.h"
#include "mach_host.h"
#include "mach_port.h"

#define TICK_NS 10000000u

uint64_t sim_now = 1000000000;

/* A new object of the kernel, as a right for the server. */
kern_return_t
sim_kernel_right(mach_port_t *name, bool is_task)
{
	*name = sim_give_send(client_kernel_port(is_task));
	return KERN_SUCCESS;
}

/* ---- Traps ---- */

mach_port_t
mach_task_self(void)
{
	return mx_task;
}

/* Each call gives one reference more, up to as many as the kernel counts. */
static mach_port_t
self_right(struct sim_port **port)
{
	mach_port_t name;

	if (*port == NULL)
		*port = client_kernel_port(false);
	name = sim_give_send(*port);
	return name;
}

mach_port_t
mach_host_self(void)
{
	static struct sim_port *host;

	return self_right(&host);
}

mach_port_t
mach_thread_self(void)
{
	static struct sim_port *thread;

	return self_right(&thread);
}

void
mach_print(const char *text)
{
	if (sim_verbose)
		printf("# console: %s\n", text);
}

boolean_t
swtch_pri(int priority)
{
	(void)priority;
	return FALSE;
}

kern_return_t
thread_switch(mach_port_t thread, int option, int time)
{
	(void)thread;
	(void)time;
	if (option == SWITCH_OPTION_NONE)
		return KERN_SUCCESS;		/* an offer to a thread of the server, which does not run here */
	sim_fail("the server waits for a lock that nobody will give");
}

kern_return_t
processor_set_default(mach_port_t h, mach_port_t *set)
{
	(void)h;
	return sim_kernel_right(set, false);
}

kern_return_t
host_processor_set_priv(mach_port_t h, mach_port_t name, mach_port_t *set)
{
	(void)h;
	(void)name;
	return sim_kernel_right(set, false);
}

kern_return_t
syscall_task_create(mach_port_t parent, boolean_t inherit, mach_port_t *task)
{
	(void)parent;
	(void)inherit;
	return sim_kernel_right(task, true);
}

kern_return_t
syscall_task_terminate(mach_port_t task)
{
	struct sim_port *p = sim_port_named(task);

	if (task == mx_task)
		sim_fail("the server ended itself");
	if (!sim_is_task(task))
		return KERN_INVALID_ARGUMENT;
	sim_port_die(p);
	return KERN_SUCCESS;
}

kern_return_t
syscall_task_suspend(mach_port_t task)
{
	return sim_is_task(task) ? KERN_SUCCESS : KERN_INVALID_ARGUMENT;
}

kern_return_t
syscall_task_set_special_port(mach_port_t task, int which, mach_port_t port)
{
	struct sim_port *p = sim_port_named(port);

	(void)which;
	if (task == mx_task)
		return KERN_SUCCESS;
	if (!sim_is_task(task))
		return KERN_INVALID_ARGUMENT;
	if (p != NULL) {
		sim_right_make(p, MACH_MSG_TYPE_MOVE_SEND);
		client_right(p, MACH_MSG_TYPE_MOVE_SEND);
	}
	return KERN_SUCCESS;
}

/* ---- Memory ---- */

kern_return_t
syscall_vm_allocate(mach_port_t task, vm_address_t *address, vm_size_t size, boolean_t anywhere)
{
	if (task == mx_task) {
		if (!anywhere)
			return sim_map_at(*address, size) ? KERN_SUCCESS : KERN_NO_SPACE;
		*address = (vm_address_t)sim_map(size);
	}
	return KERN_SUCCESS;
}

kern_return_t
syscall_vm_deallocate(mach_port_t task, vm_address_t address, vm_size_t size)
{
	if (task == mx_task)
		sim_unmap((void *)address, size);
	return KERN_SUCCESS;
}

kern_return_t
syscall_vm_map(mach_port_t task, vm_address_t *address, vm_size_t size, vm_offset_t mask, boolean_t anywhere,
	mach_port_t memory, vm_offset_t offset, boolean_t copy, vm_prot_t prot, vm_prot_t max, vm_inherit_t inheritance)
{
	(void)mask;
	(void)memory;
	(void)offset;
	(void)copy;
	(void)prot;
	(void)max;
	(void)inheritance;
	return syscall_vm_allocate(task, address, size, anywhere);
}

kern_return_t
vm_allocate(mach_port_t task, vm_address_t *address, vm_size_t size, boolean_t anywhere)
{
	return syscall_vm_allocate(task, address, size, anywhere);
}

kern_return_t
vm_deallocate(mach_port_t task, vm_address_t address, vm_size_t size)
{
	return syscall_vm_deallocate(task, address, size);
}

kern_return_t
vm_map(mach_port_t task, vm_address_t *address, vm_size_t size, vm_offset_t mask, boolean_t anywhere, mach_port_t memory,
	vm_offset_t offset, boolean_t copy, vm_prot_t prot, vm_prot_t max, vm_inherit_t inheritance)
{
	return syscall_vm_map(task, address, size, mask, anywhere, memory, offset, copy, prot, max, inheritance);
}

kern_return_t
vm_protect(mach_port_t task, vm_address_t address, vm_size_t size, boolean_t set_max, vm_prot_t prot)
{
	(void)task;
	(void)address;
	(void)size;
	(void)set_max;
	(void)prot;
	return KERN_SUCCESS;
}

kern_return_t
vm_write(mach_port_t task, vm_address_t address, vm_offset_t data, mach_msg_type_number_t count)
{
	(void)task;
	(void)address;
	(void)data;
	(void)count;
	return KERN_SUCCESS;
}

kern_return_t
vm_region(mach_port_t task, vm_address_t *address, vm_size_t *size, vm_prot_t *prot, vm_prot_t *max, vm_inherit_t *inherit,
	boolean_t *is_shared, mach_port_t *object, vm_offset_t *offset)
{
	size_t bytes;

	if (task == mx_task || fuzz_target.ta_archive == NULL)
		return KERN_NO_SPACE;
	(void)fuzz_target.ta_archive(&bytes);
	*address = 0x10000000;
	*size = bytes;
	*prot = *max = VM_PROT_ALL;
	*inherit = VM_INHERIT_NONE;
	*is_shared = FALSE;
	*object = MACH_PORT_NULL;
	*offset = 0;
	return KERN_SUCCESS;
}

/* A client's memory: what a hostile client would put there. */
kern_return_t
vm_read(mach_port_t task, vm_address_t address, vm_size_t size, vm_offset_t *data, mach_msg_type_number_t *count)
{
	const void *archive;
	size_t bytes;
	vm_size_t i;

	(void)task;
	if (fuzz_target.ta_archive != NULL) {
		archive = fuzz_target.ta_archive(&bytes);
		*data = (vm_offset_t)sim_map(bytes);
		memcpy((void *)*data, archive, bytes);
		*count = bytes;
		return KERN_SUCCESS;
	}
	if (address % 3 == 0 || size > 1u << 20)
		return KERN_INVALID_ADDRESS;
	*data = (vm_offset_t)sim_map(size);
	for (i = 0; i < size; i++)
		((char *)*data)[i] = (char)rand();
	*count = size;
	return KERN_SUCCESS;
}

/* Now and then memory is about to end. */
kern_return_t
vm_statistics(mach_port_t task, vm_statistics_data_t *stats)
{
	(void)task;
	memset(stats, 0, sizeof(*stats));
	stats->pagesize = 4096;
	stats->free_count = rand() % 50 == 0 ? rand() % 1000 : 100000;
	return KERN_SUCCESS;
}

kern_return_t
memory_object_create_proxy(mach_port_t task, vm_prot_t prot, const memory_object_array_t object, mach_msg_type_name_t type,
	mach_msg_type_number_t nobjects, const rpc_vm_offset_array_t offset, mach_msg_type_number_t noffsets,
	const rpc_vm_offset_array_t start, mach_msg_type_number_t nstarts, const rpc_vm_size_array_t len,
	mach_msg_type_number_t nlens, mach_port_t *proxy)
{
	(void)task;
	(void)prot;
	(void)object;
	(void)type;
	(void)nobjects;
	(void)offset;
	(void)noffsets;
	(void)start;
	(void)nstarts;
	(void)len;
	(void)nlens;
	return sim_kernel_right(proxy, false);
}

/* ---- Tasks, threads, ports ---- */

kern_return_t
task_create(mach_port_t parent, boolean_t inherit, mach_port_t *task)
{
	return syscall_task_create(parent, inherit, task);
}

kern_return_t
task_terminate(mach_port_t task)
{
	return syscall_task_terminate(task);
}

kern_return_t
task_suspend(mach_port_t task)
{
	return syscall_task_suspend(task);
}

kern_return_t
task_resume(mach_port_t task)
{
	return syscall_task_suspend(task);
}

kern_return_t
task_priority(mach_port_t task, int priority, boolean_t change_threads)
{
	(void)task;
	(void)priority;
	(void)change_threads;
	return KERN_SUCCESS;
}

kern_return_t
thread_wire(mach_port_t host, mach_port_t thread, boolean_t wire)
{
	(void)host;
	(void)thread;
	(void)wire;
	return KERN_SUCCESS;
}

kern_return_t
task_get_special_port(mach_port_t task, int which, mach_port_t *port)
{
	(void)task;
	(void)which;
	*port = MACH_PORT_NULL;
	return KERN_SUCCESS;
}

kern_return_t
task_info(mach_port_t task, int flavor, task_info_t info, mach_msg_type_number_t *count)
{
	(void)flavor;
	memset(info, 0, *count * sizeof(*info));
	return sim_is_task(task) ? KERN_SUCCESS : KERN_INVALID_ARGUMENT;
}

kern_return_t
thread_create(mach_port_t task, mach_port_t *thread)
{
	if (!sim_is_task(task))
		return KERN_INVALID_ARGUMENT;
	return sim_kernel_right(thread, false);
}

kern_return_t
thread_get_state(mach_port_t thread, int flavor, thread_state_t state, mach_msg_type_number_t *count)
{
	(void)thread;
	(void)flavor;
	memset(state, 0, *count * sizeof(*state));
	return KERN_SUCCESS;
}

kern_return_t
thread_set_state(mach_port_t thread, int flavor, const thread_state_t state, mach_msg_type_number_t count)
{
	(void)thread;
	(void)flavor;
	(void)state;
	(void)count;
	return KERN_SUCCESS;
}

kern_return_t
thread_resume(mach_port_t thread)
{
	(void)thread;
	return KERN_SUCCESS;
}

kern_return_t
host_info(mach_port_t host, int flavor, host_info_t info, mach_msg_type_number_t *count)
{
	(void)host;
	(void)flavor;
	memset(info, 0, *count * sizeof(*info));
	return KERN_SUCCESS;
}

kern_return_t
host_get_uptime64(mach_port_t host, time_value64_t *t)
{
	uint64_t now;

	(void)host;
	sim_now += 100000;			/* who looks at the clock in a loop gets on */
	now = sim_now / TICK_NS * TICK_NS;
	t->seconds = (int64_t)(now / 1000000000);
	t->nanoseconds = (int64_t)(now % 1000000000);
	return KERN_SUCCESS;
}

kern_return_t
host_get_time64(mach_port_t host, time_value64_t *t)
{
	return host_get_uptime64(host, t);
}

kern_return_t
mach_port_allocate(mach_port_t task, mach_port_right_t right, mach_port_t *name)
{
	return syscall_mach_port_allocate(task, right, name);
}

kern_return_t
mach_port_deallocate(mach_port_t task, mach_port_t name)
{
	return syscall_mach_port_deallocate(task, name);
}

kern_return_t
mach_port_destroy(mach_port_t task, mach_port_t name)
{
	return mach_port_mod_refs(task, name, MACH_PORT_RIGHT_RECEIVE, -1);
}

kern_return_t
mach_port_insert_right(mach_port_t task, mach_port_t name, mach_port_t right, mach_msg_type_name_t type)
{
	return syscall_mach_port_insert_right(task, name, right, type);
}

kern_return_t
mach_port_set_qlimit(mach_port_t task, mach_port_t name, mach_port_msgcount_t limit)
{
	(void)task;
	(void)name;
	(void)limit;
	return KERN_SUCCESS;
}

kern_return_t
mach_port_type(mach_port_t task, mach_port_t name, mach_port_type_t *type)
{
	struct sim_port *p = sim_port_named(name);

	(void)task;
	if (p == NULL)
		return KERN_INVALID_NAME;
	*type = p->po_owner == SIM_DEAD ? MACH_PORT_TYPE_DEAD_NAME : MACH_PORT_TYPE_SEND;
	return KERN_SUCCESS;
}
