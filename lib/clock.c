/*
 * clock.c - take the time from where processes take it.
 *
 * proc publishes its clock as "proc.clock": an object whose memory has a struct mx_sys in its first page. Whoever is a server
 * follows it from the moment it is there; who may not look it up, or runs without proc, keeps its own time.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <mach/vm_param.h>
#include <masix/mach.h>
#include "impl.h"
#include "io.h"

static kern_return_t
page_map(mach_port_t memory, const struct mx_sys **page)
{
	vm_address_t at = 0;
	kern_return_t kr;

	kr = syscall_vm_map(mx_task, &at, PAGE_SIZE, 0, TRUE, memory, 0, FALSE, VM_PROT_READ, VM_PROT_READ, VM_INHERIT_NONE);
	*page = (const struct mx_sys *)at;
	return kr;
}

static void
clock_follow(void *arg)
{
	mach_port_t object, memory, info;
	const struct mx_sys *page;
	uint32_t info_offset;
	int32_t prot;
	kern_return_t kr;

	(void)arg;
	if (mx_lookup("proc.clock", &object) != KERN_SUCCESS)
		return;
	kr = io_map(object, &memory, &prot, &info, &info_offset);
	mx_port_release(object);
	if (kr != KERN_SUCCESS)
		return;
	kr = page_map(memory, &page);
	mx_port_release(memory);
	mx_port_release(info);
	if (kr == KERN_SUCCESS && page->sy_magic == MX_SYS_MAGIC)
		mx_clock_use(&page->sy_clock);
}

void
mx_clock_start(void)
{
	static bool is_started;

	if (!is_started && !mx_clock_is_shared() && mx_acs != MACH_PORT_NULL)
		is_started = mx_fibril_start(clock_follow, NULL, "clock") == KERN_SUCCESS;	/* else our own will do */
}
