/*
 * proc_memory.c - when memory ends.
 *
 * When about a sixteenth of the memory is left the kernel lets every unprivileged thread that needs a page wait, until the data pager
 * has taken enough. When that has no room left, in its store and on swap, they would wait for ever: the system would stand still without
 * a word. proc's threads are privileged (thread_wire), so it can do something: it looks at the free memory as often as the fastest
 * program could exhaust it, lets nobody fork when little is left, and when threads wait and pages do not move it kills the
 * process that has most of it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <mach/thread_info.h>
#include <mach/vm_statistics.h>
#include <masix/mach.h>
#include "proc_act.h"
#include "procfs.h"
#include "server.h"
#include "../../emulib/emulib.h"
#include "mach.h"
#include "mach_host.h"

#define PAGES_PER_MS	100u		/* a program gets a zeroed page in 12 us; rounded up */
#define MS		1000000ull
#define LOOK_MIN_MS	20u
#define LOOK_MAX_MS	1000u
/* Looks in a row before somebody is killed: */
#define PATIENCE_FULL	3u		/* ... at a full data pager */
#define PATIENCE_ROOM	50u		/* ... at one that has room, and yet nothing moves */
#define PATIENCE_DISK	1500u		/* ... at one that waits for its disk, whose driver may be on its way back: half a minute */
#define MANY		6u		/* a share of the memory that is so large that nobody waits */
#define STORE_ROOM_KB	64u		/* less room is none */
#define VICTIM_MIN_KB	2048u		/* nobody who has less is to blame */
#define FORK_LOOKS	50u		/* how long a fork waits for memory that nobody makes: a second */
#define FORK_LOOKS_MAX	1500u		/* ... and for what is on its way to disks */
#define REGIONS_MAX	20000u
#define PAGE_KB		4u

#define ZONE_PAGES	4080u		/* of the kernel's lowest zone, of which it keeps more free than of the others */
#define ZONE_LEFT	550u

static uint32_t total_pages;
static bool memory_is_low;
static bool pager_is_full;		/* nobody makes more memory */
static uint32_t nwaiting;		/* of waiting_count */

static uint32_t
free_pages(void)
{
	struct vm_statistics s;

	return vm_statistics(mx_task, &s) == KERN_SUCCESS && s.free_count > 0 ? (uint32_t)s.free_count : 0;
}

/* Is so little LEFT that the kernel is behind with making more? It begins at 6 percent, and at 600 pages in its lowest zone, goes on until a
 * tenth is free, and stops threads at 5 percent and at 500 pages. Between 6 and 10 percent all is well: the rest is contents of files. */
static bool
is_low(uint32_t left)
{
	return left < (total_pages > ZONE_PAGES ? (total_pages - ZONE_PAGES) / 200 * 11 : 0) + ZONE_LEFT;
}

/* Count the threads of TASK that wait so that nothing but what they wait for can wake them. The kernel's own task, which has
 * the idle thread, does not count: its threads do that all the time. */
static void
waiting_count(mach_port_t task)
{
	thread_array_t threads;
	mach_msg_type_number_t n;
	uint32_t waiting = 0;
	bool is_kernel = false;

	if (task_threads(task, &threads, &n) != KERN_SUCCESS)
		return;
	for (mach_msg_type_number_t i = 0; i < n; i++) {
		struct thread_basic_info info;
		mach_msg_type_number_t count = THREAD_BASIC_INFO_COUNT;

		if (thread_info(threads[i], THREAD_BASIC_INFO, (thread_info_t)&info, &count) == KERN_SUCCESS) {
			waiting += info.run_state == TH_STATE_UNINTERRUPTIBLE;
			is_kernel |= (info.flags & TH_FLAGS_IDLE) != 0;
		}
		mx_port_release(threads[i]);
	}
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)threads, n * sizeof(threads[0]));	/* ours: cannot fail */
	if (!is_kernel)
		nwaiting += waiting;
}

/* Does anybody wait for memory? Only a guess, to be made when little is left. */
static bool
somebody_waits(void)
{
	nwaiting = 0;
	pf_all_tasks(waiting_count);
	return nwaiting > 0;
}

/* Writable memory of TASK in KB. What is resident says little when memory is short: the kernel unmaps what it looks at. */
static uint64_t
writable_kb(mach_port_t task)
{
	vm_address_t at = 0;
	uint64_t kb = 0;

	for (uint32_t i = 0; i < REGIONS_MAX && at < EM_USER_END; i++) {
		vm_size_t size;
		vm_prot_t prot, max;
		vm_inherit_t inherit;
		boolean_t shared;
		mach_port_t object;
		vm_offset_t offset;

		if (vm_region(task, &at, &size, &prot, &max, &inherit, &shared, &object, &offset) != KERN_SUCCESS)
			break;
		mx_port_release(object);
		if ((prot & VM_PROT_WRITE) && inherit != VM_INHERIT_SHARE)
			kb += size / 1024;
		at += size;
	}
	return kb;
}

/* How much P is to blame, in KB; 0: it is not to be killed. */
static uint64_t
badness(struct proc *p)
{
	int64_t kb;

	if (p->p_pid == 1 || p->p_task == MACH_PORT_NULL || p->p_oom_adj == -1000)
		return 0;
	kb = (int64_t)writable_kb(p->p_task);
	if (kb < VICTIM_MIN_KB)
		return 0;
	kb += (int64_t)p->p_oom_adj * (total_pages * PAGE_KB / 1000);
	return kb > 0 ? (uint64_t)kb : 1;
}

/* Kill the process that has most memory. False: there is none to blame. */
static bool
kill_worst(uint32_t left)
{
	struct proc *p, *worst = NULL;
	uint64_t most = 0;
	char comm[PROC_COMM_MAX];
	int32_t pid;

	LIST_EACH(p, next, &proc_all, struct proc, p_all) {
		uint64_t bad = badness(p);

		if (bad > most) {
			most = bad;
			worst = p;
		}
	}
	if (worst == NULL)
		return false;
	pid = worst->p_pid;
	__builtin_memcpy(comm, worst->p_comm, sizeof(comm));
	proc_task_free_first(worst);
	proc_end(worst, MX_SIGKILL);
	mx_log(MX_LOG_WARNING, "out of memory (%u KB free): killed process %d (%s), which had %u KB", (unsigned int)left * PAGE_KB,
		(int)pid, comm, (unsigned int)most);
	return true;
}

/* Pages that have gone through the data pager. */
static uint64_t
pages_moved(const struct mx_data_info *d)
{
	return d->di_kept + d->di_given + d->di_written + d->di_read;
}

/* How much patience is used up: LEFT is so little that threads may wait for more, and nobody makes more. BEFORE is how much it was at the
 * last look, *MOVED what had moved then. Once the kernel has stopped threads they wait until a tenth of each of its zones is free. */
static uint32_t
hunger(uint32_t left, uint32_t before, uint64_t *moved)
{
	struct mx_data_info d;
	uint32_t patience;
	bool is_full, has_moved;

	pager_is_full = false;
	if (left >= total_pages / MANY)
		return 0;
	proc_data_info(&d);
	has_moved = pages_moved(&d) != *moved;
	*moved = pages_moved(&d);
	is_full = d.di_waiting > 0 && d.di_swap_left == 0 && d.di_store_kb + STORE_ROOM_KB > d.di_store_max_kb;
	pager_is_full = is_full;
	/* Full, it may still change pages for others without end. */
	if ((has_moved && !is_full) || !somebody_waits())
		return 0;
	patience = is_full ? PATIENCE_FULL : d.di_busy > 0 ? PATIENCE_DISK : PATIENCE_ROOM;
	return before + PATIENCE_DISK / patience;
}

/* Milliseconds until the free memory should be looked at again. */
static uint32_t
look_again_ms(uint32_t left)
{
	uint32_t low = total_pages / MANY, ms = left > low ? (left - low) / PAGES_PER_MS : 0;

	return ms < LOOK_MIN_MS ? LOOK_MIN_MS : ms > LOOK_MAX_MS ? LOOK_MAX_MS : ms;
}

/* A fibril. */
static void
memory_watch(void *arg)
{
	uint32_t hungry = 0;
	uint64_t moved = 0;
	bool was_told = false;

	(void)arg;
	for (;;) {
		uint32_t left = free_pages();

		memory_is_low = is_low(left);
		hungry = hunger(left, hungry, &moved);
		if (hungry >= PATIENCE_DISK) {
			hungry = 0;
			if (!kill_worst(left) && !was_told) {
				mx_log(MX_LOG_ERROR, "out of memory, and no process has much of it");
				was_told = true;
			}
		}
		mx_sleep_ns(look_again_ms(left) * MS);
	}
}

bool
proc_memory_is_enough(void)
{
	for (uint32_t i = 0; i < FORK_LOOKS_MAX && (i < FORK_LOOKS || !pager_is_full); i++) {
		if (!memory_is_low)
			return true;
		mx_sleep_ns(LOOK_MIN_MS * MS);
	}
	return false;
}

kern_return_t
proc_memory_init(void)
{
	mach_port_t host;
	kern_return_t kr;

	kr = mx_right("host", &host);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = mx_privilege(host);
	mx_port_release(host);
	if (kr != KERN_SUCCESS)
		return kr;
	total_pages = proc_sys()->sy_mem_kb / PAGE_KB;
	return mx_fibril_start(memory_watch, NULL, "memory");
}
