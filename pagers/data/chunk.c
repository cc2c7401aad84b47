/*
 * chunk.c - memory for the store.
 *
 * All of this task's memory is wired, so a chunk has its pages from the moment it is mapped. The kernel would merge neighbours into one
 * object, which then is freed only as a whole: alternating maximum protections prevent it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <masix/mach.h>
#include "server.h"
#include "mach.h"

#define RESERVE		1u		/* percent of the memory that others, on the way to the disk, must find free */
#define REGION		0x40000000u	/* beside lib/memory.c's heap and lib/thread.c's stacks */
#define REGION_END	0xa0000000u

char *
data_region(void)
{
	return (char *)REGION;
}

uint32_t
data_region_size(void)
{
	return REGION_END - REGION;
}

bool
data_chunk_map(void *chunk)
{
	vm_address_t at = (vm_address_t)chunk;
	vm_prot_t max = VM_PROT_READ | VM_PROT_WRITE | (at / DATA_CHUNK % 2 != 0 ? VM_PROT_EXECUTE : 0);

	return !mx_memory_is_short(RESERVE) && syscall_vm_map(mx_task, &at, DATA_CHUNK, 0, FALSE, MACH_PORT_NULL, 0, FALSE,
		VM_PROT_READ | VM_PROT_WRITE, max, VM_INHERIT_NONE) == KERN_SUCCESS;
}

void
data_chunk_unmap(void *chunk)
{
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)chunk, DATA_CHUNK);	/* ours: cannot fail */
}
