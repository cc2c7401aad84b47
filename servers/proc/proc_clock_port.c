/*
 * proc_clock_port.c - the clock for other servers: their mapping of the system area's first page.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <masix/io.h>
#include "server.h"
#include "mach_port.h"

#define PAGE 4096u

static mach_port_t memory;

static kern_return_t
clock_stat(struct mx_io *io, struct mx_attr *attr)
{
	(void)io;
	attr->at_mode = MX_S_IFREG | 0444;
	attr->at_size = PAGE;
	attr->at_nlink = 1;
	return KERN_SUCCESS;
}

static kern_return_t
clock_map(struct mx_io *io, mach_port_t *to, vm_prot_t *max_prot, mach_port_t *info, uint32_t *info_offset)
{
	kern_return_t kr = mach_port_mod_refs(mx_task, memory, MACH_PORT_RIGHT_SEND, 1);

	(void)io;
	if (kr != KERN_SUCCESS)
		return MX_ENOMEM;
	*to = memory;
	*max_prot = VM_PROT_READ;
	*info = MACH_PORT_NULL;
	*info_offset = 0;
	return KERN_SUCCESS;
}

static const struct mx_io_ops clock_ops = { .stat = clock_stat, .map = clock_map };
static struct mx_class clock_class = { .mc_name = "clock", .mc_size = sizeof(struct mx_io), .mc_demux = mx_io_demux };

kern_return_t
proc_clock_export(void)
{
	struct mx_io *clock = mx_object_create(&clock_class);
	kern_return_t kr;

	if (clock == NULL)
		return MX_ENOMEM;
	clock->io_ops = &clock_ops;
	mx_clock_use(&proc_sys()->sy_clock);
	kr = mx_memory_export((void *)(uintptr_t)proc_sys(), PAGE, VM_PROT_READ, &memory);
	return kr == KERN_SUCCESS ? mx_register("proc.clock", &clock->io_object) : kr;
}
