/*
 * procfs_system.c - the files of /proc that are about the machine.
 *
 * Source of the formats: proc(5).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <cpuid.h>
#include <stdio.h>
#include <string.h>
#include <mach/thread_info.h>
#include <mach/vm_statistics.h>
#include <masix/mach.h>
#include "proc_act.h"
#include "procfs.h"
#include "gnumach.h"
#include "mach.h"
#include "mach_host.h"

#define NS		1000000000ull
#define TICK_NS		10000000ull
#define PAGE_KB		4ul

/* ---- Idle time ---- */

static mach_port_t idle_thread;		/* of the only processor; found once */

static bool
thread_is_idle(mach_port_t thread)
{
	struct thread_basic_info info;
	mach_msg_type_number_t count = THREAD_BASIC_INFO_COUNT;

	return thread_info(thread, THREAD_BASIC_INFO, (thread_info_t)&info, &count) == KERN_SUCCESS &&
		(info.flags & TH_FLAGS_IDLE) != 0;
}

/* Among all threads of the kernel's own task. */
static void
idle_thread_find(mach_port_t task)
{
	thread_array_t threads;
	mach_msg_type_number_t n;

	if (task_threads(task, &threads, &n) != KERN_SUCCESS)
		return;
	for (mach_msg_type_number_t i = 0; i < n; i++) {
		if (idle_thread == MACH_PORT_NULL && thread_is_idle(threads[i]))
			idle_thread = threads[i];
		else
			mx_port_release(threads[i]);
	}
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)threads, n * sizeof(threads[0]));	/* ours: cannot fail */
}

uint64_t
pf_idle_ns(void)
{
	struct thread_basic_info info;
	mach_msg_type_number_t count = THREAD_BASIC_INFO_COUNT;

	if (idle_thread == MACH_PORT_NULL)
		pf_all_tasks(idle_thread_find);
	if (idle_thread == MACH_PORT_NULL ||
	    thread_info(idle_thread, THREAD_BASIC_INFO, (thread_info_t)&info, &count) != KERN_SUCCESS)
		return 0;
	return (uint64_t)info.system_time.seconds * NS + (uint64_t)info.system_time.microseconds * 1000;
}

/* ---- Time and load ---- */

/* Idle and busy time; together the uptime. */
static void
times_get(uint64_t *idle, uint64_t *busy)
{
	uint64_t up = proc_clock_ns();

	*idle = pf_idle_ns();
	if (*idle > up)
		*idle = up;
	*busy = up - *idle;
}

static kern_return_t
text_uptime(struct proc *p, int32_t n, struct pfs_text *text)
{
	uint64_t idle, busy, up;

	(void)p, (void)n;
	times_get(&idle, &busy);
	up = idle + busy;
	pfs_text_printf(text, "%llu.%02u %llu.%02u\n", (unsigned long long)(up / NS), (unsigned int)(up % NS / TICK_NS),
		(unsigned long long)(idle / NS), (unsigned int)(idle % NS / TICK_NS));
	return KERN_SUCCESS;
}

/* Who asks runs, too, though it waits for the answer. */
static uint32_t
count_running(void)
{
	struct proc *p;
	uint32_t n = 0;

	LIST_EACH(p, next, &proc_all, struct proc, p_all) {
		struct pf_threads t;

		pf_threads(p, &t);
		n += pf_state(p, &t) == 'R';
	}
	return n + 1;
}

static kern_return_t
text_loadavg(struct proc *p, int32_t n, struct pfs_text *text)
{
	uint32_t loads[3];

	(void)p, (void)n;
	proc_sys_load(loads);
	for (int i = 0; i < 3; i++)
		pfs_text_printf(text, "%u.%02u ", (unsigned int)(loads[i] >> 16), (unsigned int)((loads[i] & 0xffff) * 100 >> 16));
	pfs_text_printf(text, "%u/%u %d\n", (unsigned int)count_running(), (unsigned int)proc_count, (int)proc_last_pid());
	return KERN_SUCCESS;
}

static kern_return_t
text_stat(struct proc *p, int32_t n, struct pfs_text *text)
{
	uint64_t idle, busy, boot;

	(void)p, (void)n;
	times_get(&idle, &busy);
	boot = (proc_clock_real_ns() - proc_clock_ns()) / NS;
	/* The kernel does not say how much of the busy time was its own. */
	pfs_text_printf(text, "cpu  %llu 0 0 %llu 0 0 0 0 0 0\ncpu0 %llu 0 0 %llu 0 0 0 0 0 0\n",
		(unsigned long long)(busy / TICK_NS), (unsigned long long)(idle / TICK_NS),
		(unsigned long long)(busy / TICK_NS), (unsigned long long)(idle / TICK_NS));
	pfs_text_printf(text, "intr 0\nctxt 0\nbtime %llu\nprocesses %llu\nprocs_running %u\nprocs_blocked 0\n",
		(unsigned long long)boot, (unsigned long long)proc_forks, (unsigned int)count_running());
	return KERN_SUCCESS;
}

/* ---- Memory ---- */

static void
kb(struct pfs_text *text, const char *name, unsigned long value)
{
	char label[24];

	(void)snprintf(label, sizeof(label), "%s:", name);
	pfs_text_printf(text, "%-15s %8lu kB\n", label, value);
}

static unsigned long
pages_kb(integer_t pages)
{
	return pages > 0 ? (unsigned long)pages * PAGE_KB : 0;
}

/* What programs could have: the kernel keeps a sixteenth for itself, and not every page of a file can go. */
static unsigned long
available_kb(unsigned long free_kb, unsigned long cached)
{
	unsigned long reserve = proc_sys()->sy_mem_kb / 16;

	free_kb = free_kb > reserve ? free_kb - reserve : 0;
	return free_kb + cached - (cached / 2 < reserve ? cached / 2 : reserve);
}

static kern_return_t
text_meminfo(struct proc *p, int32_t n, struct pfs_text *text)
{
	struct vm_statistics s;
	struct vm_cache_statistics c;
	struct mx_data_info d;
	unsigned long cached, anon;
	kern_return_t kr;

	(void)p, (void)n;
	kr = vm_statistics(mx_task, &s);
	if (kr == KERN_SUCCESS)
		kr = vm_cache_statistics(mx_task, &c);
	if (kr != KERN_SUCCESS)
		return kr;
	proc_data_info(&d);
	cached = pages_kb(c.cache_count);
	/* The kernel does not tell which pages of the queues are files', nor which are dirty. */
	anon = pages_kb(s.active_count) + pages_kb(s.inactive_count);
	anon = anon > cached ? anon - cached : 0;
	kb(text, "MemTotal", proc_sys()->sy_mem_kb);
	kb(text, "MemFree", pages_kb(s.free_count));
	kb(text, "MemAvailable", available_kb(pages_kb(s.free_count), cached));
	kb(text, "Buffers", 0);
	kb(text, "Cached", cached);
	kb(text, "SwapCached", 0);
	kb(text, "Active", pages_kb(s.active_count));
	kb(text, "Inactive", pages_kb(s.inactive_count));
	kb(text, "Unevictable", pages_kb(s.wire_count));
	kb(text, "SwapTotal", d.di_swap * PAGE_KB);
	kb(text, "SwapFree", d.di_swap_left * PAGE_KB);
	kb(text, "Zswap", d.di_store_kb);
	kb(text, "Zswapped", (d.di_pages + d.di_zeros) * PAGE_KB);
	kb(text, "AnonPages", anon);
	kb(text, "Mapped", cached);
	kb(text, "Shmem", 0);
	return KERN_SUCCESS;
}

static kern_return_t
text_vmstat(struct proc *p, int32_t n, struct pfs_text *text)
{
	struct vm_statistics s;
	struct vm_cache_statistics c;
	struct mx_data_info d;
	kern_return_t kr;

	(void)p, (void)n;
	kr = vm_statistics(mx_task, &s);
	if (kr == KERN_SUCCESS)
		kr = vm_cache_statistics(mx_task, &c);
	if (kr != KERN_SUCCESS)
		return kr;
	proc_data_info(&d);
	pfs_text_printf(text, "nr_free_pages %d\nnr_file_pages %d\nnr_unevictable %d\n", (int)s.free_count, (int)c.cache_count,
		(int)s.wire_count);
	pfs_text_printf(text, "pgpgin %lu\npgpgout %lu\npswpin %llu\npswpout %llu\npgfault %d\npgmajfault %d\npgactivate %d\n"
		"zswpin %llu\nzswpout %llu\n", pages_kb(s.pageins), pages_kb(s.pageouts), (unsigned long long)d.di_read,
		(unsigned long long)d.di_written, (int)s.faults, (int)s.pageins, (int)s.reactivations,
		(unsigned long long)d.di_given, (unsigned long long)d.di_kept);
	return KERN_SUCCESS;
}

static kern_return_t
text_swaps(struct proc *p, int32_t n, struct pfs_text *text)
{
	struct proc_swap_area sa;

	(void)p, (void)n;
	pfs_text_printf(text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	for (uint32_t i = 0; proc_swap_area(i, &sa); i++) {
		size_t length = strlen(sa.sa_path);

		/* As Linux: a name of 40 columns, and two tabs after numbers that are short. */
		pfs_text_printf(text, "%s%*s%s\t%llu\t%s%llu\t%s%d\n", sa.sa_path, length < 40 ? (int)(40 - length) : 1, " ",
			"partition", (unsigned long long)sa.sa_kb, sa.sa_kb < 10000000 ? "\t" : "", (unsigned long long)sa.sa_used_kb,
			sa.sa_used_kb < 10000000 ? "\t" : "", (int)sa.sa_priority);
	}
	return KERN_SUCCESS;
}

/* ---- The processor ---- */

/* Linux's names of the feature bits of CPUID 1. */
static const char *const features_edx[32] = {
	"fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", NULL, "sep", "mtrr", "pge", "mca", "cmov", "pat",
	"pse36", "pn", "clflush", NULL, "dts", "acpi", "mmx", "fxsr", "sse", "sse2", "ss", "ht", "tm", "ia64", "pbe",
};
static const char *const features_ecx[32] = {
	"pni", "pclmulqdq", "dtes64", "monitor", "ds_cpl", "vmx", "smx", "est", "tm2", "ssse3", "cid", "sdbg", "fma", "cx16",
	"xtpr", "pdcm", NULL, "pcid", "dca", "sse4_1", "sse4_2", "x2apic", "movbe", "popcnt", "tsc_deadline_timer", "aes", "xsave",
	NULL, "avx", "f16c", "rdrand", "hypervisor",
};

static void
features_print(struct pfs_text *text, uint32_t bits, const char *const *names)
{
	for (int i = 0; i < 32; i++) {
		if ((bits >> i & 1) && names[i] != NULL)
			pfs_text_printf(text, " %s", names[i]);
	}
}

/* The processor's name for itself, or "". */
static void
model_name(char name[49])
{
	uint32_t r[12];

	name[0] = '\0';
	if (__get_cpuid_max(0x80000000u, NULL) < 0x80000004u)
		return;
	for (uint32_t i = 0; i < 3; i++)
		__cpuid(0x80000002u + i, r[4 * i], r[4 * i + 1], r[4 * i + 2], r[4 * i + 3]);
	memcpy(name, r, 48);
	name[48] = '\0';
}

static kern_return_t
text_cpuinfo(struct proc *p, int32_t n, struct pfs_text *text)
{
	uint32_t eax, ebx, ecx, edx, vendor[4] = { 0, 0, 0, 0 }, family, model;
	uint64_t khz = proc_sys()->sy_clock.ck_tsc_hz / 1000;
	char name[49];

	(void)p, (void)n;
	__cpuid(0, eax, vendor[0], vendor[2], vendor[1]);
	__cpuid(1, eax, ebx, ecx, edx);
	(void)ebx;
	family = eax >> 8 & 15;
	model = eax >> 4 & 15;
	if (family == 6 || family == 15)
		model += (eax >> 16 & 15) << 4;
	if (family == 15)
		family += eax >> 20 & 255;
	model_name(name);
	pfs_text_printf(text, "processor\t: 0\nvendor_id\t: %.12s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\nstepping\t: %u\n"
		"cpu MHz\t\t: %llu.%03u\n", (const char *)vendor, (unsigned int)family, (unsigned int)model, name,
		(unsigned int)(eax & 15), (unsigned long long)(khz / 1000), (unsigned int)(khz % 1000));
	pfs_text_printf(text, "physical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\nfpu\t\t: yes\n"
		"fpu_exception\t: yes\nwp\t\t: yes\nflags\t\t:");
	features_print(text, edx, features_edx);
	features_print(text, ecx, features_ecx);
	pfs_text_printf(text, "\nbogomips\t: %llu.%02u\n\n", (unsigned long long)(khz / 500), (unsigned int)(khz % 500 / 5));
	return KERN_SUCCESS;
}

/* ---- The rest ---- */

static kern_return_t
text_version(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	pfs_text_printf(text, "Linux version %s (MASIX) %s\n", proc_sys()->sy_release, proc_sys()->sy_osversion);
	return KERN_SUCCESS;
}

static kern_return_t
text_filesystems(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return pf_mounts(2, text);
}

static kern_return_t
text_devices(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	pfs_text_printf(text, "Character devices:\n  1 mem\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 pts\n"
		"240 exec\n241 acs\n\nBlock devices:\n  3 ide0\n  8 sd\n 22 ide1\n254 virtblk\n");
	return KERN_SUCCESS;
}

static kern_return_t
link_self(struct proc *p, int32_t n, int32_t who, char *buf, size_t size, size_t *length)
{
	(void)p, (void)n;
	if (proc_find(who) == NULL)
		return MX_ENOENT;
	*length = (size_t)snprintf(buf, size, "%d", (int)who);
	return KERN_SUCCESS;
}

static kern_return_t
link_thread_self(struct proc *p, int32_t n, int32_t who, char *buf, size_t size, size_t *length)
{
	(void)p, (void)n;
	if (proc_find(who) == NULL)
		return MX_ENOENT;
	*length = (size_t)snprintf(buf, size, "%d/task/%d", (int)who, (int)who);
	return KERN_SUCCESS;
}

static kern_return_t
link_mounts(struct proc *p, int32_t n, int32_t who, char *buf, size_t size, size_t *length)
{
	(void)p, (void)n;
	(void)who;
	*length = (size_t)snprintf(buf, size, "self/mounts");
	return KERN_SUCCESS;
}

struct pf_entry pf_root_entries[] = {
	{ .e_name = "cpuinfo", .e_mode = PF_FILE | 0444, .e_text = text_cpuinfo },
	{ .e_name = "devices", .e_mode = PF_FILE | 0444, .e_text = text_devices },
	{ .e_name = "filesystems", .e_mode = PF_FILE | 0444, .e_text = text_filesystems },
	{ .e_name = "loadavg", .e_mode = PF_FILE | 0444, .e_text = text_loadavg },
	{ .e_name = "masix", .e_mode = PF_DIR, .e_entries = pf_masix_entries },
	{ .e_name = "meminfo", .e_mode = PF_FILE | 0444, .e_text = text_meminfo },
	{ .e_name = "mounts", .e_mode = PF_LINK, .e_link = link_mounts },
	{ .e_name = "partitions", .e_mode = PF_FILE | 0444, .e_text = pf_text_partitions },
	{ .e_name = "self", .e_mode = PF_LINK, .e_link = link_self },
	{ .e_name = "stat", .e_mode = PF_FILE | 0444, .e_text = text_stat },
	{ .e_name = "swaps", .e_mode = PF_FILE | 0444, .e_text = text_swaps },
	{ .e_name = "sys", .e_mode = PF_DIR, .e_entries = pf_sys_entries },
	{ .e_name = "thread-self", .e_mode = PF_LINK, .e_link = link_thread_self },
	{ .e_name = "uptime", .e_mode = PF_FILE | 0444, .e_text = text_uptime },
	{ .e_name = "version", .e_mode = PF_FILE | 0444, .e_text = text_version },
	{ .e_name = "vmstat", .e_mode = PF_FILE | 0444, .e_text = text_vmstat },
	{ .e_name = NULL }
};
