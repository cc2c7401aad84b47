/*
 * memory.c - pages, the heap of the C library, fibrils' stacks, memory given to others.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <stdlib.h>
#include <mach/vm_param.h>
#include <mach/vm_statistics.h>
#include <mach/vm_wire.h>
#include <masix/mach.h>
#include "impl.h"
#include "gnumach.h"
#include "mach.h"
#include "mach_host.h"
#include "mach_port.h"

/* The heap grows upwards from here; the kernel places other memory at the lowest address that is free. */
#define HEAP_BASE	0x20000000u
#define HEAP_END	0x80000000u
#define HEAP_STEP	0x10000u

#define CONTIGUOUS_LEFT	8u	/* percent of the memory that must be free; below 6 the kernel begins to make threads wait */
#define PAGE_LEFT	1u	/* for one page, which the kernel has as long as it has any */

static mach_port_t wire_host;		/* stacks are wired with this; MACH_PORT_NULL: as all else, or not */

void *
mx_pages_alloc(size_t bytes)
{
	vm_address_t address = 0;

	if (syscall_vm_allocate(mx_task, &address, round_page(bytes), TRUE) != KERN_SUCCESS)
		return NULL;
	return (void *)address;
}

void
mx_pages_free(void *p, size_t bytes)
{
	if (p == NULL)
		return;
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)p, round_page(bytes));
	mx_export_forget((vm_address_t)p);
}

kern_return_t
mx_wire_stack(vm_address_t base, vm_size_t size)
{
	if (wire_host == MACH_PORT_NULL)
		return KERN_SUCCESS;
	return vm_wire(wire_host, mx_task, base, size, VM_PROT_READ | VM_PROT_WRITE);
}

void *
mx_stack_alloc(size_t size)
{
	char *base = mx_pages_alloc(size + PAGE_SIZE);

	if (base == NULL)
		return NULL;
	if (vm_protect(mx_task, (vm_address_t)base, PAGE_SIZE, FALSE, VM_PROT_NONE) != KERN_SUCCESS ||
	    mx_wire_stack((vm_address_t)base + PAGE_SIZE, size) != KERN_SUCCESS) {
		mx_pages_free(base, size + PAGE_SIZE);
		return NULL;
	}
	return base + PAGE_SIZE;
}

void
mx_stack_free(void *stack, size_t size)
{
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)stack - PAGE_SIZE, size + PAGE_SIZE);	/* ours: cannot fail */
}

void *sbrk(ptrdiff_t increment);

/* For malloc, which asks for more by itself. Memory that it gives back stays ours, for the next time. */
void *
sbrk(ptrdiff_t increment)
{
	static uintptr_t brk = HEAP_BASE, end = HEAP_BASE;
	uintptr_t old = brk;
	vm_address_t address;
	vm_size_t more;

	if (increment < 0 ? (uintptr_t)-increment > brk - HEAP_BASE : (uintptr_t)increment > HEAP_END - brk)
		goto no_memory;
	if (brk + increment > end) {
		more = (brk + increment - end + HEAP_STEP - 1) & ~(HEAP_STEP - 1);
		address = end;
		if (syscall_vm_allocate(mx_task, &address, more, FALSE) != KERN_SUCCESS)
			goto no_memory;
		end += more;
	}
	brk += increment;
	return (void *)old;
no_memory:
	errno = ENOMEM;
	return (void *)-1;
}

/* ---- When memory is short ---- */

static mach_port_t host;		/* for thread_wire; MACH_PORT_NULL: this server's threads have no privilege */

kern_return_t
mx_privilege(mach_port_t host_priv)
{
	kern_return_t kr = mach_port_mod_refs(mx_task, host_priv, MACH_PORT_RIGHT_SEND, 1);

	if (kr != KERN_SUCCESS)
		return kr;
	host = host_priv;
	return mx_privilege_thread();
}

kern_return_t
mx_privilege_thread(void)
{
	mach_port_t self;
	kern_return_t kr;

	if (host == MACH_PORT_NULL)
		return KERN_SUCCESS;
	self = mach_thread_self();
	kr = thread_wire(host, self, TRUE);
	mx_port_release(self);
	return kr;
}

kern_return_t
mx_wire_all(mach_port_t host_priv)
{
	kern_return_t kr = vm_wire_all(host_priv, mx_task, VM_WIRE_ALL);

	return kr == KERN_SUCCESS ? mx_privilege(host_priv) : kr;
}

kern_return_t
mx_wire_own(mach_port_t host_priv, size_t more)
{
	kern_return_t kr = mx_privilege(host_priv);	/* before anything is asked of the kernel */

	free(malloc(more));		/* the heap keeps it */
	if (kr == KERN_SUCCESS)
		kr = vm_wire_all(host_priv, mx_task, VM_WIRE_NONE);	/* ACS may have begun it with all that is to come */
	if (kr == KERN_SUCCESS)
		kr = vm_wire_all(host_priv, mx_task, VM_WIRE_CURRENT);
	wire_host = host_priv;
	return kr;
}

bool
mx_memory_is_short(unsigned int percent)
{
	struct vm_statistics st;
	uint32_t all;

	if (vm_statistics(mx_task, &st) != KERN_SUCCESS)
		return true;
	all = (uint32_t)(st.free_count + st.active_count + st.inactive_count + st.wire_count);
	return (uint32_t)st.free_count < all / 100 * percent;
}

kern_return_t
mx_contiguous_alloc(mach_port_t host_priv, mach_port_t task, vm_size_t size, uint64_t limit, vm_address_t *address, uint64_t *physical)
{
	mach_port_t self;
	rpc_phys_addr_t where = 0;
	kern_return_t kr;

	*address = 0;
	/* A thread that may use the reserve stops the machine when there is no such block (the kernel panics), and one that may not
	 * would wait when there is nothing but the reserve. */
	if (host != MACH_PORT_NULL && mx_memory_is_short(size > PAGE_SIZE ? CONTIGUOUS_LEFT : PAGE_LEFT))
		return KERN_RESOURCE_SHORTAGE;
	self = mach_thread_self();
	kr = host != MACH_PORT_NULL && size > PAGE_SIZE ? thread_wire(host, self, FALSE) : KERN_SUCCESS;
	mx_port_release(self);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vm_allocate_contiguous(host_priv, task, address, &where, size, 0, limit, PAGE_SIZE);
	(void)mx_privilege_thread();		/* it had it: cannot fail */
	*physical = where;
	return kr;
}
