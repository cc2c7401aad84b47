/*
 * acs_stats.c - what each server and the whole system hold: ports, threads, memory.
 *
 * ACS has the task ports, so it can count without anybody's help, a hanging server's too. Tests use it to see that nothing leaks.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs.h"

#include <mach.h>
#include <mach_host.h>
#include <mach_port.h>
#include <mach/task_info.h>
#include <stdio.h>

/* Names in the port space of TASK. */
static unsigned int
ports_count(mach_port_t task)
{
	mach_port_array_t names;
	mach_port_type_array_t types;
	mach_msg_type_number_t count, type_count;

	if (mach_port_names(task, &names, &count, &types, &type_count) != KERN_SUCCESS)
		return 0;
	(void)vm_deallocate(mx_task, (vm_address_t)names, count * sizeof *names);
	(void)vm_deallocate(mx_task, (vm_address_t)types, type_count * sizeof *types);
	return count;
}

static void
ports_release(mach_port_t *port, mach_msg_type_number_t count)
{
	for (mach_msg_type_number_t i = 0; i < count; i++)
		mx_port_release(port[i]);
	(void)vm_deallocate(mx_task, (vm_address_t)port, count * sizeof *port);
}

static unsigned int
threads_count(mach_port_t task)
{
	mach_port_t *threads;
	mach_msg_type_number_t count;

	if (task_threads(task, &threads, &count) != KERN_SUCCESS)
		return 0;
	ports_release(threads, count);
	return count;
}

static unsigned int
tasks_count(void)
{
	mach_port_t *tasks;
	mach_msg_type_number_t count;

	if (processor_set_tasks(acs_processor_set, &tasks, &count) != KERN_SUCCESS)
		return 0;
	ports_release(tasks, count);
	return count;
}

static size_t
task_line(const char *name, mach_port_t task, char *text, size_t size)
{
	struct task_basic_info info = { 0 };
	mach_msg_type_number_t count = TASK_BASIC_INFO_COUNT;
	size_t n = 0;

	(void)task_info(task, TASK_BASIC_INFO, (task_info_t)&info, &count);	/* zeros when it is just dying */
	ACS_APPEND(text, n, size, "%-16s %7u %7u %9lu %9lu\n", name, ports_count(task), threads_count(task),
		(unsigned long)info.virtual_size / 1024, (unsigned long)info.resident_size / 1024);
	return n;
}

size_t
acs_stats_list(char *text, size_t size)
{
	vm_statistics_data_t vm = { 0 };
	size_t n = 0;

	ACS_APPEND(text, n, size, "%-16s %7s %7s %9s %9s\n", "SERVER", "PORTS", "THREADS", "VIRT-KB", "RES-KB");
	n += task_line("acs", mx_task, text + n, size - n);
	for (unsigned int i = 0; i < ACS_SERVERS_MAX; i++)
		if (acs_server_alive(&acs_servers[i]) && n + 1 < size)
			n += task_line(acs_servers[i].sv_spec.sp_name, acs_servers[i].sv_task, text + n, size - n);
	(void)vm_statistics(mx_task, &vm);
	ACS_APPEND(text, n, size, "tasks %u, free memory %lu KB, objects of acs %lu, fibrils of acs %lu\n", tasks_count(),
		(unsigned long)vm.free_count * 4, (unsigned long)mx_stats.st_objects, (unsigned long)mx_stats.st_fibrils);
	return n;
}
