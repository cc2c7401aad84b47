/*
 * procfs_process.c - what /proc/PID holds.
 *
 * Source: proc(5) and the kernel's Documentation/filesystems/proc.rst, for the formats. Figures that this system does not have
 * are 0, as they are on Linux kernels built without the feature.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mach/task_info.h>
#include <mach/thread_info.h>
#include <masix/mach.h>
#include "proc_act.h"
#include "procfs.h"
#include "../../emulib/emulib.h"
#include "mach.h"

#define PAGE		4096u
#define NS_PER_TICK	10000000ull
#define US_PER_TICK	10000ull
#define THREADS_MAX	4096u
#define ALL_CAPS	0x1ffffffffffull	/* up to cap_last_cap */

/* ---- What the kernel knows of the task ---- */

struct sizes {
	uint64_t	virtual_bytes, resident_bytes;
};

static void
sizes_get(const struct proc *p, struct sizes *s)
{
	struct task_basic_info basic;
	mach_msg_type_number_t count = TASK_BASIC_INFO_COUNT;

	memset(s, 0, sizeof(*s));
	if (p->p_task == MACH_PORT_NULL ||
	    task_info(p->p_task, TASK_BASIC_INFO, (task_info_t)&basic, &count) != KERN_SUCCESS)
		return;
	s->virtual_bytes = basic.virtual_size;
	s->resident_bytes = basic.resident_size;
}

static void
thread_count(mach_port_t thread, struct pf_threads *t)
{
	struct thread_basic_info info;
	mach_msg_type_number_t count = THREAD_BASIC_INFO_COUNT;

	if (thread_info(thread, THREAD_BASIC_INFO, (thread_info_t)&info, &count) != KERN_SUCCESS)
		return;
	t->t_running += info.run_state == TH_STATE_RUNNING;
	t->t_uninterruptible += info.run_state == TH_STATE_UNINTERRUPTIBLE;
}

void
pf_threads(const struct proc *p, struct pf_threads *t)
{
	thread_array_t threads;
	mach_msg_type_number_t n;

	memset(t, 0, sizeof(*t));
	if (p->p_task == MACH_PORT_NULL || task_threads(p->p_task, &threads, &n) != KERN_SUCCESS)
		return;
	t->t_count = n > 1 ? n - 1 : n;			/* without emulib's service thread */
	for (mach_msg_type_number_t i = 0; i < n; i++) {
		if (i < THREADS_MAX)
			thread_count(threads[i], t);
		mx_port_release(threads[i]);
	}
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)threads, n * sizeof(threads[0]));	/* ours: cannot fail */
}

char
pf_state(const struct proc *p, const struct pf_threads *t)
{
	if (p->p_state == PROC_ZOMBIE)
		return 'Z';
	if (p->p_state == PROC_STOPPED)
		return 'T';
	return t->t_running > 0 ? 'R' : t->t_uninterruptible > 0 ? 'D' : 'S';
}

static void
usage_get(struct proc *p, struct mx_rusage *u)
{
	*u = p->p_usage;
	proc_task_usage(p, u);
}

/* ---- stat, statm, status ---- */

/* Of the controlling terminal, as stat has it. */
static uint32_t
tty_number(const struct proc *p)
{
	const struct session *s = proc_session(p);

	if (s->s_tty == MACH_PORT_NULL || p->p_gave_up_tty)
		return 0;
	return (s->s_tty_minor & 0xff) | s->s_tty_major << 8 | (s->s_tty_minor & ~0xffu) << 12;
}

static unsigned long
ticks(uint64_t us)
{
	return (unsigned long)(us / US_PER_TICK);
}

static kern_return_t
text_stat(struct proc *p, int32_t n, struct pfs_text *text)
{
	const struct session *s = proc_session(p);
	const struct mx_rusage *c = &p->p_child_usage;
	struct mx_rusage u;
	struct pf_threads t;
	struct sizes z;

	usage_get(p, &u);
	pf_threads(p, &t);
	sizes_get(p, &z);
	pfs_text_printf(text, "%d (%s) %c %d %d %d %u %d 0 %u %u %u %u %lu %lu %lu %lu ", (int)n, p->p_comm, pf_state(p, &t),
		p->p_parent != NULL ? (int)p->p_parent->p_pid : 0, (int)p->p_group->g_id, (int)s->s_sid,
		(unsigned int)tty_number(p), s->s_tty_pgrp != 0 ? (int)s->s_tty_pgrp : -1,
		(unsigned int)u.ru_minflt, (unsigned int)c->ru_minflt, (unsigned int)u.ru_majflt, (unsigned int)c->ru_majflt,
		ticks(u.ru_utime_us), ticks(u.ru_stime_us), ticks(c->ru_utime_us), ticks(c->ru_stime_us));
	/* priority nice num_threads itrealvalue starttime vsize rss rsslim startcode endcode startstack kstkesp kstkeip */
	pfs_text_printf(text, "%d %d %u 0 %llu %llu %llu %llu 0 0 %u 0 0 ", 20 + (int)p->p_nice, (int)p->p_nice,
		(unsigned int)(t.t_count != 0 ? t.t_count : 1), (unsigned long long)(p->p_start_ns / NS_PER_TICK),
		(unsigned long long)z.virtual_bytes, (unsigned long long)(z.resident_bytes / PAGE),
		(unsigned long long)p->p_limit[MX_RLIMIT_RSS].rl_cur, (unsigned int)p->p_stack);
	/* signal blocked sigignore sigcatch wchan nswap cnswap exit_signal processor rt_priority policy delayacct guest cguest */
	pfs_text_printf(text, "0 0 %u 0 0 0 0 %u 0 0 0 0 0 0 ", (unsigned int)p->p_ignored & 0x7fffffffu,
		(unsigned int)p->p_exit_signal);
	/* start_data end_data start_brk arg_start arg_end env_start env_end exit_code */
	pfs_text_printf(text, "0 0 %u %u %u %u %u %d\n", (unsigned int)p->p_brk_start, (unsigned int)p->p_arg_start,
		(unsigned int)p->p_arg_end, (unsigned int)p->p_env_start, (unsigned int)p->p_env_end, (int)p->p_wstatus);
	return KERN_SUCCESS;
}

static kern_return_t
text_statm(struct proc *p, int32_t n, struct pfs_text *text)
{
	struct sizes z;

	(void)n;
	sizes_get(p, &z);
	pfs_text_printf(text, "%llu %llu 0 0 0 %llu 0\n", (unsigned long long)(z.virtual_bytes / PAGE),
		(unsigned long long)(z.resident_bytes / PAGE), (unsigned long long)(z.virtual_bytes / PAGE));
	return KERN_SUCCESS;
}

static const char *
state_name(char c)
{
	switch (c) {
	case 'R':
		return "running";
	case 'D':
		return "disk sleep";
	case 'T':
		return "stopped";
	case 'Z':
		return "zombie";
	default:
		return "sleeping";
	}
}

static void
status_ids(const struct proc *p, struct pfs_text *text)
{
	const struct mx_cred *c = &p->p_cred.c_ids;

	pfs_text_printf(text, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t64\nGroups:\t", (unsigned int)c->cr_ruid,
		(unsigned int)c->cr_euid, (unsigned int)c->cr_suid, (unsigned int)c->cr_fsuid, (unsigned int)c->cr_rgid,
		(unsigned int)c->cr_egid, (unsigned int)c->cr_sgid, (unsigned int)c->cr_fsgid);
	for (uint32_t i = 0; i < p->p_cred.c_ngroups; i++)
		pfs_text_printf(text, "%u ", (unsigned int)p->p_cred.c_groups[i]);
	pfs_text_putc(text, '\n');
}

static void
status_memory(const struct proc *p, struct pfs_text *text)
{
	struct sizes z;
	unsigned long virtual_kb, resident_kb;

	if (p->p_state == PROC_ZOMBIE)
		return;
	sizes_get(p, &z);
	virtual_kb = (unsigned long)(z.virtual_bytes / 1024);
	resident_kb = (unsigned long)(z.resident_bytes / 1024);
	pfs_text_printf(text, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t       0 kB\nVmPin:\t       0 kB\nVmHWM:\t%8lu kB\n"
		"VmRSS:\t%8lu kB\nVmData:\t%8lu kB\nVmStk:\t       0 kB\nVmExe:\t       0 kB\nVmLib:\t       0 kB\n"
		"VmPTE:\t       0 kB\nVmSwap:\t       0 kB\n",
		virtual_kb, virtual_kb, resident_kb, resident_kb, virtual_kb);
}

static void
status_signals(const struct proc *p, const struct pf_signals *g, struct pfs_text *text)
{
	uint64_t caps = cred_is_root(&p->p_cred) ? ALL_CAPS : 0;

	pfs_text_printf(text, "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\n",
		(unsigned long long)g->s_thread_pending, (unsigned long long)g->s_pending, (unsigned long long)g->s_blocked,
		(unsigned long long)g->s_ignored, (unsigned long long)g->s_caught);
	pfs_text_printf(text, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\nCapBnd:\t%016llx\nCapAmb:\t%016llx\n"
		"NoNewPrivs:\t0\nSeccomp:\t0\nCpus_allowed:\t1\nCpus_allowed_list:\t0\nMems_allowed:\t1\n"
		"Mems_allowed_list:\t0\nvoluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n",
		0ull, (unsigned long long)caps, (unsigned long long)caps, ALL_CAPS, 0ull);
}

static kern_return_t
text_status(struct proc *p, int32_t n, struct pfs_text *text)
{
	int32_t pid = p->p_pid;
	struct pf_signals g;
	struct pf_threads t;
	char state;

	pf_signals(p, n, &g);
	p = proc_find(pid);
	if (p == NULL)
		return MX_ESRCH;
	pf_threads(p, &t);
	state = pf_state(p, &t);
	pfs_text_printf(text, "Name:\t%s\nUmask:\t%04o\nState:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\n"
		"TracerPid:\t0\n", p->p_comm, (unsigned int)g.s_umask, state, state_name(state), (int)pid, (int)n,
		p->p_parent != NULL ? (int)p->p_parent->p_pid : 0);
	status_ids(p, text);
	pfs_text_printf(text, "NStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", (int)pid, (int)n,
		(int)p->p_group->g_id, (int)proc_session(p)->s_sid);
	status_memory(p, text);
	pfs_text_printf(text, "Threads:\t%u\nSigQ:\t%u/%llu\n", (unsigned int)(t.t_count != 0 ? t.t_count : 1),
		(unsigned int)p->p_user->u_signals, (unsigned long long)p->p_limit[MX_RLIMIT_SIGPENDING].rl_cur);
	status_signals(p, &g, text);
	return KERN_SUCCESS;
}

/* ---- What is in its memory ---- */

static kern_return_t
text_cmdline(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)n;
	(void)pf_memory(p, p->p_arg_start, p->p_arg_end, text);	/* nothing, when it cannot be read */
	return KERN_SUCCESS;
}

static kern_return_t
text_environ(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)n;
	(void)pf_memory(p, p->p_env_start, p->p_env_end, text);
	return KERN_SUCCESS;
}

/* ---- Small files ---- */

static kern_return_t
text_comm(struct proc *p, int32_t n, struct pfs_text *text)
{
	char name[PROC_COMM_MAX];
	int32_t pid = p->p_pid;

	if (pf_thread_name(p, n, name)) {
		pfs_text_printf(text, "%s\n", name);
		return KERN_SUCCESS;
	}
	p = proc_find(pid);
	if (p == NULL)
		return MX_ESRCH;
	pfs_text_printf(text, "%s\n", p->p_comm);
	return KERN_SUCCESS;
}

/* May UID change something of P by its files? */
static bool
may_change(const struct proc *p, uint32_t uid)
{
	return uid == 0 || uid == p->p_cred.c_ids.cr_euid;
}

static kern_return_t
write_comm(struct proc *p, uint32_t uid, const char *data, size_t size)
{
	if (!may_change(p, uid))
		return MX_EACCES;
	if (size > 0 && data[size - 1] == '\n')
		size--;
	proc_set_comm(p, data, size);
	return KERN_SUCCESS;
}

static kern_return_t
text_zero(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	pfs_text_printf(text, "0\n");
	return KERN_SUCCESS;
}

static kern_return_t
text_wchan(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	pfs_text_putc(text, '0');
	return KERN_SUCCESS;
}

static kern_return_t
text_cgroup(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	pfs_text_printf(text, "0::/\n");
	return KERN_SUCCESS;
}

static kern_return_t
text_loginuid(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)n;
	pfs_text_printf(text, "%u", (unsigned int)p->p_login_uid);
	return KERN_SUCCESS;
}

/* A number at the beginning of DATA. Errors: MX_EINVAL */
static kern_return_t
number_parse(const char *data, size_t size, long *out)
{
	char buf[24], *end;

	if (size == 0 || size >= sizeof(buf))
		return MX_EINVAL;
	memcpy(buf, data, size);
	buf[size] = '\0';
	*out = (long)strtoll(buf, &end, 10);
	return end != buf && (*end == '\0' || *end == '\n') ? KERN_SUCCESS : MX_EINVAL;
}

static kern_return_t
write_loginuid(struct proc *p, uint32_t uid, const char *data, size_t size)
{
	long n;

	if (uid != 0)
		return MX_EPERM;
	if (number_parse(data, size, &n) != KERN_SUCCESS)
		return MX_EINVAL;
	p->p_login_uid = (uint32_t)n;
	return KERN_SUCCESS;
}

static kern_return_t
text_oom_score_adj(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)n;
	pfs_text_printf(text, "%d\n", (int)p->p_oom_adj);
	return KERN_SUCCESS;
}

static kern_return_t
write_oom_score_adj(struct proc *p, uint32_t uid, const char *data, size_t size)
{
	long n;

	if (!may_change(p, uid))
		return MX_EACCES;
	if (number_parse(data, size, &n) != KERN_SUCCESS || n < -1000 || n > 1000)
		return MX_EINVAL;
	if (n < p->p_oom_adj && uid != 0)
		return MX_EACCES;
	p->p_oom_adj = (int32_t)n;
	return KERN_SUCCESS;
}

static kern_return_t
text_mounts(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return pf_mounts(0, text);
}

static kern_return_t
text_mountinfo(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return pf_mounts(1, text);
}

static const struct { const char *name, *unit; } limit_names[MX_RLIM_NLIMITS] = {
	{ "Max cpu time", "seconds" }, { "Max file size", "bytes" }, { "Max data size", "bytes" }, { "Max stack size", "bytes" },
	{ "Max core file size", "bytes" }, { "Max resident set", "bytes" }, { "Max processes", "processes" },
	{ "Max open files", "files" }, { "Max locked memory", "bytes" }, { "Max address space", "bytes" },
	{ "Max file locks", "locks" }, { "Max pending signals", "signals" }, { "Max msgqueue size", "bytes" },
	{ "Max nice priority", "" }, { "Max realtime priority", "" }, { "Max realtime timeout", "us" },
};

static void
limit_print(struct pfs_text *text, uint64_t value)
{
	if (value == MX_RLIM_INFINITY)
		pfs_text_printf(text, "%-20s ", "unlimited");
	else
		pfs_text_printf(text, "%-20llu ", (unsigned long long)value);
}

static kern_return_t
text_limits(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)n;
	pfs_text_printf(text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (uint32_t i = 0; i < MX_RLIM_NLIMITS; i++) {
		pfs_text_printf(text, "%-25s ", limit_names[i].name);
		limit_print(text, p->p_limit[i].rl_cur);
		limit_print(text, p->p_limit[i].rl_max);
		pfs_text_printf(text, "%-10s\n", limit_names[i].unit);
	}
	return KERN_SUCCESS;
}

/* ---- Links ---- */

bool
pf_may_look(const struct proc *p, int32_t who)
{
	const struct proc *caller = proc_find(who);

	return caller != NULL && (cred_is_root(&caller->p_cred) ||
		caller->p_cred.c_ids.cr_ruid == p->p_cred.c_ids.cr_euid);
}

static kern_return_t
link_exe(struct proc *p, int32_t n, int32_t who, char *buf, size_t size, size_t *length)
{
	(void)n;
	if (!pf_may_look(p, who))
		return MX_EACCES;
	if (p->p_exe == NULL)
		return MX_ENOENT;
	*length = strlen(p->p_exe);
	if (*length > size)
		*length = size;
	memcpy(buf, p->p_exe, *length);
	return KERN_SUCCESS;
}

/* ---- The table ---- */

static struct pf_entry no_entries[] = { { .e_name = NULL } };

struct pf_entry pf_process_entries[] = {
	{ .e_name = "cgroup", .e_mode = PF_FILE | 0444, .e_text = text_cgroup },
	{ .e_name = "cmdline", .e_mode = PF_FILE | 0444, .e_text = text_cmdline },
	{ .e_name = "comm", .e_mode = PF_FILE | 0644, .e_text = text_comm, .e_write = write_comm },
	{ .e_name = "cwd", .e_mode = PF_LINK, .e_link = pf_link_cwd },
	{ .e_name = "environ", .e_mode = PF_FILE | 0400, .e_text = text_environ },
	{ .e_name = "exe", .e_mode = PF_LINK, .e_link = link_exe },
	{ .e_name = "fd", .e_mode = MX_S_IFDIR | 0500, .e_entries = no_entries, .e_more = PF_FDS },
	{ .e_name = "limits", .e_mode = PF_FILE | 0444, .e_text = text_limits },
	{ .e_name = "loginuid", .e_mode = PF_FILE | 0644, .e_text = text_loginuid, .e_write = write_loginuid },
	{ .e_name = "maps", .e_mode = PF_FILE | 0400, .e_text = pf_text_maps },
	{ .e_name = "mountinfo", .e_mode = PF_FILE | 0444, .e_text = text_mountinfo },
	{ .e_name = "mounts", .e_mode = PF_FILE | 0444, .e_text = text_mounts },
	{ .e_name = "oom_score", .e_mode = PF_FILE | 0444, .e_text = text_zero },
	{ .e_name = "oom_score_adj", .e_mode = PF_FILE | 0644, .e_text = text_oom_score_adj, .e_write = write_oom_score_adj },
	{ .e_name = "smaps", .e_mode = PF_FILE | 0400, .e_text = pf_text_smaps },
	{ .e_name = "smaps_rollup", .e_mode = PF_FILE | 0400, .e_text = pf_text_smaps_rollup },
	{ .e_name = "stat", .e_mode = PF_FILE | 0444, .e_text = text_stat },
	{ .e_name = "statm", .e_mode = PF_FILE | 0444, .e_text = text_statm },
	{ .e_name = "status", .e_mode = PF_FILE | 0444, .e_text = text_status },
	{ .e_name = "task", .e_mode = PF_DIR, .e_entries = no_entries, .e_more = PF_TASKS },
	{ .e_name = "wchan", .e_mode = PF_FILE | 0444, .e_text = text_wchan },
	{ .e_name = NULL }
};
