/*
 * procfs_masix.c - /proc/masix: what Linux does not have.
 *
 *	counts		how much of everything there is, so that a test can see what is not given back: a name and a number a line
 *	objects		what each server has: a line per class of objects with how many live and how many dead ones wait to be used again
 *	rpc		a line per process: how its system calls were answered; from emulib's own counters (struct em_public)
 *	unimplemented	system calls that emulib does not have: number and how often, of living processes and reported by ended ones
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdlib.h>
#include <string.h>
#include <mach/task_info.h>
#include <mach/vm_statistics.h>
#include <mach_debug/mach_debug_types.h>
#include <masix/mach.h>
#include "proc_act.h"
#include "procfs.h"
#include "worker.h"
#include "../../emulib/emulib.h"
#include "mach.h"
#include "mach_debug.h"
#include "mach_host.h"
#include "mach_port.h"

#define PUBLIC_MAGIC	0x42555045u
#define CALLS_MAX	512		/* system call numbers are below */
#define PAGE_KB		4ul

/* ---- All tasks ---- */

void
pf_all_tasks(void (*fn)(mach_port_t task))
{
	task_array_t tasks;
	mach_msg_type_number_t n;
	mach_port_t set = proc_processor_set();

	if (set == MACH_PORT_NULL || processor_set_tasks(set, &tasks, &n) != KERN_SUCCESS)
		return;
	for (mach_msg_type_number_t i = 0; i < n; i++) {
		fn(tasks[i]);
		mx_port_release(tasks[i]);
	}
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)tasks, n * sizeof(tasks[0]));	/* ours: cannot fail */
}

/* ---- counts ---- */

static struct pfs_text *counts_text;		/* of the text being made, which does not park */
static uint32_t ntasks, nthreads;

struct port_counts {
	uint32_t	pc_all, pc_receive, pc_send_once, pc_dead;
};

static void
task_count_ports(mach_port_t task, struct port_counts *counts)
{
	mach_port_array_t names;
	mach_port_type_array_t types;
	mach_msg_type_number_t n, ntypes;

	memset(counts, 0, sizeof(*counts));
	if (mach_port_names(task, &names, &n, &types, &ntypes) != KERN_SUCCESS)
		return;
	counts->pc_all = n;
	for (mach_msg_type_number_t i = 0; i < ntypes; i++) {
		counts->pc_receive += (types[i] & MACH_PORT_TYPE_RECEIVE) != 0;
		counts->pc_send_once += (types[i] & MACH_PORT_TYPE_SEND_ONCE) != 0;
		counts->pc_dead += (types[i] & MACH_PORT_TYPE_DEAD_NAME) != 0;
	}
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)names, n * sizeof(names[0]));	/* ours: cannot fail */
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)types, ntypes * sizeof(types[0]));
}

static uint32_t
task_count_threads(mach_port_t task)
{
	thread_array_t threads;
	mach_msg_type_number_t n;

	if (task_threads(task, &threads, &n) != KERN_SUCCESS)
		return 0;
	for (mach_msg_type_number_t i = 0; i < n; i++)
		mx_port_release(threads[i]);
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)threads, n * sizeof(threads[0]));
	return n;
}

static void
task_count(mach_port_t task)
{
	struct task_basic_info info;
	mach_msg_type_number_t count = TASK_BASIC_INFO_COUNT;
	uint32_t threads = task_count_threads(task);
	struct port_counts ports;

	ntasks++;
	nthreads += threads;
	if (proc_task_is_process(task))
		return;
	if (task_info(task, TASK_BASIC_INFO, (task_info_t)&info, &count) != KERN_SUCCESS)
		return;
	task_count_ports(task, &ports);
	pfs_text_printf(counts_text, "server %u ports %u threads %u virtual_kb %lu resident_kb %lu receive %u send_once %u dead %u\n",
		(unsigned int)ntasks, (unsigned int)ports.pc_all, (unsigned int)threads, (unsigned long)info.virtual_size / 1024,
		(unsigned long)info.resident_size / 1024, (unsigned int)ports.pc_receive, (unsigned int)ports.pc_send_once,
		(unsigned int)ports.pc_dead);
}

static void
counts_kernel(struct pfs_text *text)
{
	cache_info_array_t info;
	mach_msg_type_number_t n;

	if (host_slab_info(mach_host_self(), &info, &n) != KERN_SUCCESS)
		return;
	for (mach_msg_type_number_t i = 0; i < n; i++)
		pfs_text_printf(text, "kernel.%.*s %lu\n", CACHE_NAME_MAX_LEN, info[i].name, (unsigned long)info[i].nr_objs);
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)info, n * sizeof(info[0]));	/* ours: cannot fail */
}

static uint32_t
count_zombies(void)
{
	struct proc *p;
	uint32_t n = 0;

	LIST_EACH(p, next, &proc_all, struct proc, p_all)
		n += p->p_state == PROC_ZOMBIE;
	return n;
}

static kern_return_t
text_counts(struct proc *p, int32_t n, struct pfs_text *text)
{
	struct vm_statistics s;
	uint32_t workers, busy;

	(void)p, (void)n;
	worker_collect();
	ntasks = nthreads = 0;
	counts_text = text;
	pf_all_tasks(task_count);
	worker_counts(&workers, &busy);
	pfs_text_printf(text, "tasks %u\nthreads %u\nprocesses %u\nzombies %u\nworkers %u\nworkers_busy %u\n", (unsigned int)ntasks,
		(unsigned int)nthreads, (unsigned int)proc_count, (unsigned int)count_zombies(), (unsigned int)workers,
		(unsigned int)busy);
	pfs_text_printf(text, "proc.objects %u\nproc.fibrils %u\n", (unsigned int)mx_stats.st_objects,
		(unsigned int)mx_stats.st_fibrils);
	if (vm_statistics(mx_task, &s) == KERN_SUCCESS)
		pfs_text_printf(text, "free_kb %lu\nwired_kb %lu\n", (unsigned long)s.free_count * PAGE_KB,
			(unsigned long)s.wire_count * PAGE_KB);
	counts_kernel(text);
	return KERN_SUCCESS;
}

/* ---- objects ---- */

static void
report_print(const struct mx_report *re, struct pfs_text *text)
{
	uint32_t n = re->re_nclasses;

	if (n > sizeof(re->re_classes) / sizeof(re->re_classes[0]))
		n = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct mx_report_class *rc = &re->re_classes[i];

		pfs_text_printf(text, "%.*s.%.*s %u %u\n", MX_REPORT_NAME, re->re_name, MX_REPORT_NAME, rc->rc_name,
			(unsigned int)rc->rc_live, (unsigned int)rc->rc_spare);
	}
}

/* Print what TASK says, if it is a server that says something. Blocks: a worker */
static void
task_report(mach_port_t task, struct pfs_text *text)
{
	struct mx_report *re;

	if (proc_task_is_process(task) || (re = malloc(sizeof(*re))) == NULL)
		return;
	if (task_memory_read(task, MX_REPORT_ADDRESS, re, sizeof(*re)) == sizeof(*re) && re->re_magic == MX_REPORT_MAGIC)
		report_print(re, text);
	free(re);
}

static kern_return_t
text_objects(struct proc *p, int32_t n, struct pfs_text *text)
{
	mach_port_t set = proc_processor_set();
	task_array_t tasks;
	mach_msg_type_number_t count;

	(void)p, (void)n;
	if (set == MACH_PORT_NULL || processor_set_tasks(set, &tasks, &count) != KERN_SUCCESS)
		return MX_EIO;
	for (mach_msg_type_number_t i = 0; i < count; i++) {
		task_report(tasks[i], text);
		mx_port_release(tasks[i]);
	}
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)tasks, count * sizeof(tasks[0]));	/* ours: cannot fail */
	return KERN_SUCCESS;
}

/* ---- emulib's counters ---- */

static uint32_t ended_calls[CALLS_MAX];		/* reported by processes before they ended */

/* The counters of process PID. Errors: false, it is gone or has none. Blocks: a worker */
static bool
public_read(int32_t pid, struct em_public *pu)
{
	const struct proc *p = proc_find(pid);
	uint32_t address = proc_load_public();

	if (p == NULL || p->p_task == MACH_PORT_NULL || address == 0)
		return false;
	return task_memory_read(p->p_task, address, pu, sizeof(*pu)) == sizeof(*pu) && pu->pu_magic == PUBLIC_MAGIC;
}

/* Call FN for the counters of each process. Processes may come and go meanwhile. Blocks: workers */
static void
public_each(void (*fn)(const struct proc *p, const struct em_public *pu, void *arg), void *arg)
{
	int32_t *pids = malloc(MX_PROC_SLOTS * sizeof(*pids));
	struct em_public pu;
	struct proc *p;
	uint32_t n = 0;

	if (pids == NULL)
		return;
	LIST_EACH(p, next, &proc_all, struct proc, p_all)
		pids[n++] = p->p_pid;
	for (uint32_t i = 0; i < n; i++) {
		if (!public_read(pids[i], &pu))
			continue;
		p = proc_find(pids[i]);
		if (p != NULL)
			fn(p, &pu, arg);
	}
	free(pids);
}

static void
rpc_print(const struct proc *p, const struct em_public *pu, void *arg)
{
	pfs_text_printf(arg, "%d %s %u %u %u %u %u %u %u %u %u\n", (int)p->p_pid, p->p_comm, (unsigned int)pu->pu_calls,
		(unsigned int)pu->pu_calls_local, (unsigned int)pu->pu_int80, (unsigned int)pu->pu_patched,
		(unsigned int)pu->pu_faults, (unsigned int)pu->pu_rpc_vfs, (unsigned int)pu->pu_rpc_io,
		(unsigned int)pu->pu_rpc_proc, (unsigned int)pu->pu_rpc_other);
}

static kern_return_t
text_rpc(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	pfs_text_printf(text, "pid name calls local int80 patched faults rpc_vfs rpc_io rpc_proc rpc_other\n");
	public_each(rpc_print, text);
	return KERN_SUCCESS;
}

static void
calls_add(const struct proc *p, const struct em_public *pu, void *arg)
{
	uint32_t *calls = arg;

	(void)p;
	for (unsigned int i = 0; i < sizeof(pu->pu_unimplemented) / sizeof(pu->pu_unimplemented[0]); i++) {
		uint32_t number = pu->pu_unimplemented[i] >> 16;

		if (pu->pu_unimplemented[i] != 0 && number < CALLS_MAX)
			calls[number] += pu->pu_unimplemented[i] & 0xffff;
	}
}

void
procfs_report(const struct proc *p, const char *data, size_t size)
{
	struct em_public pu;

	if (size < sizeof(pu))
		return;
	memcpy(&pu, data, sizeof(pu));
	calls_add(p, &pu, ended_calls);
}

static kern_return_t
text_unimplemented(struct proc *p, int32_t n, struct pfs_text *text)
{
	uint32_t *calls = malloc(sizeof(ended_calls));

	(void)p, (void)n;
	if (calls == NULL)
		return MX_ENOMEM;
	memcpy(calls, ended_calls, sizeof(ended_calls));
	public_each(calls_add, calls);
	for (uint32_t i = 0; i < CALLS_MAX; i++) {
		if (calls[i] != 0)
			pfs_text_printf(text, "%u %u\n", (unsigned int)i, (unsigned int)calls[i]);
	}
	free(calls);
	return KERN_SUCCESS;
}

struct pf_entry pf_masix_entries[] = {
	{ .e_name = "counts", .e_mode = PF_FILE | 0444, .e_text = text_counts },
	{ .e_name = "objects", .e_mode = PF_FILE | 0444, .e_text = text_objects },
	{ .e_name = "rpc", .e_mode = PF_FILE | 0444, .e_text = text_rpc },
	{ .e_name = "unimplemented", .e_mode = PF_FILE | 0444, .e_text = text_unimplemented },
	{ .e_name = NULL }
};
