/*
 * page_memory.c - memory of the system for the pool of pages.
 *
 * Chunks lie in a region of their own, from its end downwards, so that they never stand in the heap's way. The kernel would merge
 * neighbours into one object, which then is freed only as a whole: alternating maximum protections prevent it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <masix/mach.h>
#include "mach.h"
#include "page_pool.h"

#define REGION		0x40000000u
#define REGION_END	0xa0000000u

static vm_address_t next = REGION_END;

static bool
try_map(vm_address_t at, size_t size)
{
	vm_prot_t max = VM_PROT_READ | VM_PROT_WRITE | (at / size % 2 != 0 ? VM_PROT_EXECUTE : 0);

	return syscall_vm_map(mx_task, &at, size, 0, FALSE, MACH_PORT_NULL, 0, FALSE, VM_PROT_READ | VM_PROT_WRITE, max,
		VM_INHERIT_NONE) == KERN_SUCCESS;
}

void *
mx_page_chunk_map(size_t size)
{
	vm_address_t first = next, at;

	do {
		at = next - size;
		next = at > REGION ? at : REGION_END;
		if (try_map(at, size))
			return (void *)at;
	} while (next != first);
	return NULL;
}

void
mx_page_unmap(void *addr, size_t size)
{
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)addr, size);	/* it is ours: cannot fail */
}

/*
 * The kernel lets ordinary threads wait for ever when less than about 5 % of memory is free and nothing can be paged out: what can
 * be refused is refused well before that.
 */
bool
mx_memory_is_low(void)
{
	struct vm_statistics st;

	if (vm_statistics(mx_task, &st) != KERN_SUCCESS)
		return false;
	return (uint32_t)st.free_count < (uint32_t)(st.free_count + st.active_count + st.inactive_count + st.wire_count) / 8;
}
