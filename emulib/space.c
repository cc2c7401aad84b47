/*
 * space.c - address space above the program, and port rights: the kernel calls of the file half.
 *
 * Windows of files and rings of pipes lie in a region of their own, where the program can neither map nor unmap. The region is
 * managed here, by a bitmap of pages, because the kernel's "anywhere" may lie anywhere. Everything is mapped to be shared by
 * fork: a ring must be, and a window may be. Traps are used instead of messages where the kernel has them.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"
#include "mach_port.h"
#include <mach/vm_inherit.h>
#include <mach/vm_prot.h>
#include <mach/mig_support.h>

#define SPACE_PAGE	4096u
#define SPACE_PAGES	((EM_WINDOWS_END - EM_WINDOWS) / SPACE_PAGE)

/* Kernel traps (mach/syscall_sw.h). */
kern_return_t syscall_vm_map(mach_port_t task, vm_address_t *addr, vm_size_t size, vm_address_t mask, boolean_t anywhere,
	mach_port_t object, vm_offset_t offset, boolean_t copy, vm_prot_t cur, vm_prot_t max, vm_inherit_t inherit);
kern_return_t syscall_vm_deallocate(mach_port_t task, vm_address_t addr, vm_size_t size);
kern_return_t syscall_mach_port_deallocate(mach_port_t task, mach_port_t name);
kern_return_t syscall_mach_port_insert_right(mach_port_t task, mach_port_t name, mach_port_t right, int type);

static uint32_t space_map[SPACE_PAGES / 32];	/* a set bit: the page is taken */
static uint32_t space_hint;			/* word to look at first */

static bool
space_is_taken(uint32_t page)
{
	return space_map[page / 32] >> page % 32 & 1;
}

static void
space_mark(uint32_t first, uint32_t n, bool taken)
{
	for (uint32_t p = first; p < first + n; p++) {
		if (taken)
			space_map[p / 32] |= 1u << p % 32;
		else
			space_map[p / 32] &= ~(1u << p % 32);
	}
}

/* The first run of N free pages from START on; SPACE_PAGES: none. */
static uint32_t
space_find(uint32_t start, uint32_t n)
{
	uint32_t run = 0;

	for (uint32_t p = start; p < SPACE_PAGES; p++) {
		if (space_map[p / 32] == UINT32_MAX) {
			p |= 31;
			run = 0;
		} else if (space_is_taken(p)) {
			run = 0;
		} else if (++run == n) {
			return p + 1 - n;
		}
	}
	return SPACE_PAGES;
}

void *
em_space_alloc(uint32_t size)
{
	uint32_t n = (size + SPACE_PAGE - 1) / SPACE_PAGE;
	uint32_t page = space_find(space_hint, n);

	if (page == SPACE_PAGES && space_hint != 0)
		page = space_find(0, n);
	if (page == SPACE_PAGES)
		return NULL;
	space_mark(page, n, true);
	space_hint = page / 32 * 32;
	return (void *)(uintptr_t)(EM_WINDOWS + page * SPACE_PAGE);
}

void
em_space_free(void *addr, uint32_t size)
{
	uint32_t page = ((uint32_t)(uintptr_t)addr - EM_WINDOWS) / SPACE_PAGE;

	space_mark(page, (size + SPACE_PAGE - 1) / SPACE_PAGE, false);
	if (page / 32 * 32 < space_hint)
		space_hint = page / 32 * 32;
}

int32_t
em_space_map(void *addr, uint32_t size, mach_port_t object, uint64_t offset, int prot)
{
	vm_address_t a = (vm_address_t)(uintptr_t)addr;

	if (offset > UINT32_MAX)
		return EM_E(EOVERFLOW);
	return em_errno(syscall_vm_map(em_task, &a, size, 0, FALSE, object, (vm_offset_t)offset, FALSE, prot, prot,
	    VM_INHERIT_SHARE));
}

void
em_space_unmap(void *addr, uint32_t size)
{
	(void)syscall_vm_deallocate(em_task, (vm_address_t)(uintptr_t)addr, size);
}

void
em_port_release(mach_port_t port)
{
	if (port != MACH_PORT_NULL && port != MACH_PORT_DEAD)
		(void)syscall_mach_port_deallocate(em_task, port);
}

int32_t
em_port_give(mach_port_t task, mach_port_t port)
{
	kern_return_t kr = syscall_mach_port_insert_right(task, port, port, MACH_MSG_TYPE_COPY_SEND);

	if (kr == KERN_INVALID_CAPABILITY || kr == KERN_INVALID_RIGHT)	/* its server died: it stays as dead there as it is here */
		kr = mach_port_allocate_name(task, MACH_PORT_RIGHT_DEAD_NAME, port);
	return em_errno(kr);
}

void
em_pause(void)
{
	mach_msg_header_t none;
	mach_port_t port = mig_get_reply_port();	/* nothing is on its way to it */

	(void)mach_msg(&none, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof none, port, 10, MACH_PORT_NULL);
}
