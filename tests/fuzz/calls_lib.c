/*
 * calls_lib.c - the parts of libmasix that cannot be used on the host: memory, time, log.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "client.h"
#include "impl.h"
#include "gnumach.h"

void *
mx_pages_alloc(size_t bytes)
{
	return sim_map(bytes);
}

void
mx_pages_free(void *p, size_t bytes)
{
	if (p != NULL)
		sim_unmap(p, bytes);
}

void *
mx_stack_alloc(size_t size)
{
	return calloc(1, size);
}

void
mx_stack_free(void *stack, size_t size)
{
	(void)size;
	free(stack);
}

kern_return_t
mx_memory_export(void *pages, size_t bytes, vm_prot_t prot, mach_port_t *memory)
{
	(void)pages;
	(void)bytes;
	(void)prot;
	return sim_kernel_right(memory, false);
}

kern_return_t
mx_privilege(mach_port_t host_priv)
{
	(void)host_priv;
	return KERN_SUCCESS;
}

kern_return_t
mx_wire_own(mach_port_t host_priv, size_t more)
{
	(void)more;
	return mx_privilege(host_priv);
}

kern_return_t
mx_wire_all(mach_port_t host_priv)
{
	(void)host_priv;
	return KERN_SUCCESS;
}

bool
mx_memory_is_short(unsigned int percent)
{
	return (unsigned int)rand() % 100 < percent;
}

kern_return_t
mx_contiguous_alloc(mach_port_t host_priv, mach_port_t task, vm_size_t size, uint64_t limit, vm_address_t *address, uint64_t *physical)
{
	rpc_phys_addr_t where = 0;
	kern_return_t kr = vm_allocate_contiguous(host_priv, task, address, &where, size, 0, limit, 4096);

	*physical = where;
	return kr;
}

uint64_t
mx_now_ns(void)
{
	return sim_now += 1000;
}

uint64_t
mx_real_ns(void)
{
	return mx_now_ns();
}

uint64_t
mx_tsc_hz(void)
{
	return 1000000000;
}

void
mx_time_init(void)
{
}

void
mx_clock_use(const volatile struct mx_sys_clock *clock)
{
	(void)clock;
}

void
mx_clock_start(void)
{
}

void (*mx_log_sink)(unsigned int level, const char *line);
void (*mx_panic_end)(void);
void (*mx_before_end)(void);

void
mx_log(enum mx_level level, const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (sim_verbose)
		printf("# log %d: %s\n", level, line);
}

void
mx_backtrace(void)
{
}

void
mx_panic(const char *file, int line, const char *what)
{
	sim_fail("panic: %s:%d: %s", file, line, what);
}

void
mx_task_end(void)
{
	sim_fail("the server ended itself");
}

bool
mx_alarm_set(uint64_t deadline_ns)
{
	(void)deadline_ns;
	return false;				/* so that it is client.c that decides when time passes */
}

void
mx_alarm_tick(void)
{
}
