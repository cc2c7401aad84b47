/*
 * misc.c - facts about the system and the process: names, limits, usage, scheduling, prctl, segment descriptors.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "core_calls.h"
#include "mach.h"
#include "proc.h"
#include <mach/mach_types.h>
#include <mach/vm_statistics.h>
#include <mach/policy.h>

#define E(name)		(-MX_ERRNO(MX_##name))

/* ---- Names ---- */

#define UTS_LEN		65

static void
uts_put(char *to, const volatile char *from)
{
	for (unsigned int i = 0; i < UTS_LEN - 1 && from[i] != '\0'; i++)
		to[i] = from[i];
}

static const char uts_sysname[] = "Linux", uts_machine[] = "i686";

int32_t
sys_uname(uint32_t to, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	char u[6][UTS_LEN];

	(void)b, (void)c, (void)d, (void)e, (void)f;
	memset(u, 0, sizeof(u));
	uts_put(u[0], uts_sysname);
	uts_put(u[1], MX_SYS->sy_nodename);
	uts_put(u[2], MX_SYS->sy_release);
	uts_put(u[3], MX_SYS->sy_osversion);
	uts_put(u[4], uts_machine);
	uts_put(u[5], MX_SYS->sy_domain);
	return em_copyout(to, u, sizeof(u));
}

int32_t
sys_olduname(uint32_t to, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	char u[5][UTS_LEN];

	(void)b, (void)c, (void)d, (void)e, (void)f;
	memset(u, 0, sizeof(u));
	uts_put(u[0], uts_sysname);
	uts_put(u[1], MX_SYS->sy_nodename);
	uts_put(u[2], MX_SYS->sy_release);
	uts_put(u[3], MX_SYS->sy_osversion);
	uts_put(u[4], uts_machine);
	return em_copyout(to, u, sizeof(u));
}

int32_t
sys_oldolduname(uint32_t to, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	char wide[UTS_LEN], u[5][9];
	const volatile char *from[5] = { uts_sysname, MX_SYS->sy_nodename, MX_SYS->sy_release, MX_SYS->sy_osversion, uts_machine };

	(void)b, (void)c, (void)d, (void)e, (void)f;
	memset(u, 0, sizeof(u));
	for (unsigned int i = 0; i < 5; i++) {
		memset(wide, 0, sizeof(wide));
		uts_put(wide, from[i]);
		memcpy(u[i], wide, 8);
	}
	return em_copyout(to, u, sizeof(u));
}

static int32_t
misc_call(uint32_t op, uint32_t arg, const char *in, uint32_t n, char out[MX_BLOB_MAX], uint32_t *nout)
{
	mach_msg_type_number_t got = MX_BLOB_MAX;
	int32_t result = 0, err;

	err = em_errno(proc_misc(em_proc()->p_port, op, arg, (char *)in, n, out, &got, &result));
	if (nout != NULL)
		*nout = err == 0 ? got : 0;
	return err < 0 ? err : result;
}

static int32_t
name_set(uint32_t op, uint32_t from, uint32_t n)
{
	char name[64], out[MX_BLOB_MAX];

	if ((int32_t)n < 0 || n > sizeof(name))
		return E(EINVAL);
	if (em_copyin(name, from, n) < 0)
		return E(EFAULT);
	return misc_call(op, 0, name, n, out, NULL);
}

int32_t
sys_sethostname(uint32_t from, uint32_t n, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	return name_set(MX_MISC_SETHOSTNAME, from, n);
}

int32_t
sys_setdomainname(uint32_t from, uint32_t n, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	return name_set(MX_MISC_SETDOMAINNAME, from, n);
}

/* ---- Memory, load, usage ---- */

/* Swap, in KB, in units that 32 bits suffice for; as Linux, bytes if they do. */
static void
sysinfo_scale(const uint32_t kb[2], uint32_t *unit, uint32_t *total, uint32_t *free_units)
{
	uint32_t all = kb[0] + MX_SYS->sy_mem_kb;

	*unit = all >= 4u << 20 ? EM_PAGE : 1;
	*total = *unit == 1 ? kb[0] * 1024u : kb[0] / 4;
	*free_units = *unit == 1 ? kb[1] * 1024u : kb[1] / 4;
}

int32_t
sys_sysinfo(uint32_t to, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct {
		int32_t uptime;
		uint32_t loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
		uint16_t procs, pad;
		uint32_t totalhigh, freehigh, mem_unit;
		char room[8];
	} s;
	char out[MX_BLOB_MAX];
	vm_statistics_data_t vm;
	uint32_t n, swap[2];
	int32_t procs;

	(void)b, (void)c, (void)d, (void)e, (void)f;
	memset(&s, 0, sizeof(s));
	s.uptime = (int32_t)(em_now_ns() / 1000000000u);
	s.totalram = MX_SYS->sy_mem_kb * 1024u;
	if (vm_statistics(em_task, &vm) == KERN_SUCCESS)
		s.freeram = (uint32_t)vm.free_count * EM_PAGE;
	s.mem_unit = 1;
	procs = misc_call(MX_MISC_NPROCS, 0, NULL, 0, out, NULL);
	s.procs = procs > 0 ? (uint16_t)procs : 0;
	if (misc_call(MX_MISC_LOADAVG, 0, NULL, 0, out, &n) >= 0 && n >= sizeof(s.loads))
		memcpy(s.loads, out, sizeof(s.loads));
	if (misc_call(MX_MISC_SWAPINFO, 0, NULL, 0, out, &n) >= 0 && n >= sizeof(swap)) {
		memcpy(swap, out, sizeof(swap));
		sysinfo_scale(swap, &s.mem_unit, &s.totalswap, &s.freeswap);
		s.totalram /= s.mem_unit;
		s.freeram /= s.mem_unit;
	}
	return em_copyout(to, &s, sizeof(s));
}

int32_t
sys_getrusage(uint32_t who, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct mx_rusage u;
	int32_t err;

	(void)c, (void)d, (void)e, (void)f;
	if (who == 1) {			/* RUSAGE_THREAD: what is known without asking */
		memset(&u, 0, sizeof(u));
		u.ru_utime_us = em_cpu_ns(em_self()->t_port) / 1000u;
	} else if ((int32_t)who == 0 || (int32_t)who == -1) {
		err = em_errno(proc_getrusage(em_proc()->p_port, (int32_t)who, &u));
		if (err < 0)
			return err;
	} else {
		return E(EINVAL);
	}
	return em_rusage_out(to, &u);
}

int32_t
sys_times(uint32_t to, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct mx_rusage self, children;
	uint32_t out[4];
	int32_t err;

	(void)b, (void)c, (void)d, (void)e, (void)f;
	if (to != 0) {
		err = em_errno(proc_getrusage(em_proc()->p_port, 0, &self));
		if (err == 0)
			err = em_errno(proc_getrusage(em_proc()->p_port, -1, &children));
		if (err < 0)
			return err;
		out[0] = (uint32_t)(self.ru_utime_us / 10000u);
		out[1] = (uint32_t)(self.ru_stime_us / 10000u);
		out[2] = (uint32_t)(children.ru_utime_us / 10000u);
		out[3] = (uint32_t)(children.ru_stime_us / 10000u);
		if (em_copyout(to, out, sizeof(out)) < 0)
			return E(EFAULT);
	}
	return (int32_t)(em_now_ns() / 10000000u);
}

/* ---- Limits: proc's, with copies of those that emulib enforces ---- */

static uint64_t *
limit_copy(struct em_process *p, uint32_t resource)
{
	switch (resource) {
	case MX_RLIMIT_NOFILE:
		return &p->p_rlimit_nofile;
	case MX_RLIMIT_STACK:
		return &p->p_rlimit_stack;
	case MX_RLIMIT_AS:
		return &p->p_rlimit_as;
	case MX_RLIMIT_DATA:
		return &p->p_rlimit_data;
	case MX_RLIMIT_FSIZE:
		return &p->p_rlimit_fsize;
	default:
		return NULL;
	}
}

static int32_t
limit_call(int32_t pid, uint32_t resource, bool set, uint64_t *cur, uint64_t *max)
{
	struct em_process *p = em_proc();
	uint64_t *copy = limit_copy(p, resource), want = *cur;
	int32_t err;

	if (resource >= MX_RLIM_NLIMITS)
		return E(EINVAL);
	if (set && *cur > *max)
		return E(EINVAL);
	err = em_errno(proc_rlimit(p->p_port, pid, resource, set, cur, max));
	if (err == 0 && copy != NULL && (pid == 0 || pid == p->p_pid))
		*copy = set ? want : *cur;
	return err;
}

/* What a new process inherits: asked once. */
void
em_limits_load(struct em_process *p)
{
	static const uint8_t which[] = { MX_RLIMIT_NOFILE, MX_RLIMIT_STACK, MX_RLIMIT_AS, MX_RLIMIT_DATA, MX_RLIMIT_FSIZE };
	uint64_t cur, max;

	for (unsigned int i = 0; i < ARRAY_LEN(which); i++) {
		cur = max = 0;
		if (proc_rlimit(p->p_port, 0, which[i], FALSE, &cur, &max) != KERN_SUCCESS)
			cur = which[i] == MX_RLIMIT_NOFILE ? 1024 : which[i] == MX_RLIMIT_STACK ? EM_STACK_MAX : MX_RLIM_INFINITY;
		*limit_copy(p, which[i]) = cur;
	}
}

static uint64_t
limit_widen(uint32_t v)
{
	return v == 0xffffffffu ? MX_RLIM_INFINITY : v;
}

static uint32_t
limit_narrow(uint64_t v, uint32_t infinity)
{
	return v >= infinity ? infinity : (uint32_t)v;
}

static int32_t
limit_get(uint32_t resource, uint32_t to, uint32_t infinity)
{
	uint64_t cur = 0, max = 0;
	uint32_t out[2];
	int32_t err = limit_call(0, resource, false, &cur, &max);

	if (err < 0)
		return err;
	out[0] = limit_narrow(cur, infinity);
	out[1] = limit_narrow(max, infinity);
	return em_copyout(to, out, sizeof(out));
}

int32_t
sys_ugetrlimit(uint32_t resource, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	return limit_get(resource, to, 0xffffffffu);
}

int32_t
sys_getrlimit(uint32_t resource, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	return limit_get(resource, to, 0x7fffffffu);
}

int32_t
sys_setrlimit(uint32_t resource, uint32_t from, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint64_t cur, max;
	uint32_t in[2];

	(void)c, (void)d, (void)e, (void)f;
	if (em_copyin(in, from, sizeof(in)) < 0)
		return E(EFAULT);
	cur = limit_widen(in[0]);
	max = limit_widen(in[1]);
	return limit_call(0, resource, true, &cur, &max);
}

int32_t
sys_prlimit64(uint32_t pid, uint32_t resource, uint32_t from, uint32_t to, uint32_t e, uint32_t f)
{
	uint64_t new[2], old[2] = { 0, 0 };
	int32_t err;

	(void)e, (void)f;
	if (from != 0 && em_copyin(new, from, sizeof(new)) < 0)
		return E(EFAULT);
	err = limit_call((int32_t)pid, resource, false, &old[0], &old[1]);
	if (err == 0 && from != 0)
		err = limit_call((int32_t)pid, resource, true, &new[0], &new[1]);
	if (err == 0 && to != 0)
		err = em_copyout(to, old, sizeof(old));
	return err;
}

/* ---- prctl and personality ---- */

enum { PR_SET_PDEATHSIG = 1, PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_GET_KEEPCAPS = 7, PR_SET_KEEPCAPS,
	PR_SET_NAME = 15, PR_GET_NAME, PR_CAPBSET_READ = 23, PR_CAPBSET_DROP, PR_GET_SECUREBITS = 27, PR_SET_TIMERSLACK = 29,
	PR_GET_TIMERSLACK, PR_SET_CHILD_SUBREAPER = 36, PR_GET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS,
	PR_CAP_AMBIENT = 47 };
#define CAP_LAST	40u

static int32_t
prctl_name_set(struct em_thread *t, uint32_t from)
{
	char name[16], out[MX_BLOB_MAX];
	int32_t n;

	memset(name, 0, sizeof(name));
	n = em_copyin_str(name, from, sizeof(name));
	if (n == E(EFAULT))
		return n;
	name[15] = '\0';
	memcpy(t->t_comm, name, sizeof(name));
	if (t->t_tid != t->t_process->p_pid)
		return 0;
	memcpy(t->t_process->p_comm, name, sizeof(name));
	return misc_call(MX_MISC_SETCOMM, 0, name, (uint32_t)strlen(name), out, NULL);
}

static int32_t
prctl_flag(uint32_t *flag, uint32_t value, uint32_t most)
{
	if (value > most)
		return E(EINVAL);
	*flag = value;
	return 0;
}

int32_t
sys_prctl(uint32_t op, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t f)
{
	struct em_thread *t = em_self();
	struct em_process *p = t->t_process;
	char out[MX_BLOB_MAX];
	int32_t result;

	(void)f;
	switch (op) {
	case PR_SET_PDEATHSIG:
		if (a >= MX_NSIG)
			return E(EINVAL);
		result = misc_call(MX_MISC_PDEATHSIG, a, NULL, 0, out, NULL);
		if (result >= 0)
			p->p_pdeathsig = a;
		return result;
	case PR_GET_PDEATHSIG:
		return em_copyout(a, &p->p_pdeathsig, 4);
	case PR_GET_DUMPABLE:
		return (int32_t)p->p_dumpable;
	case PR_SET_DUMPABLE:
		return prctl_flag(&p->p_dumpable, a, 1);
	case PR_GET_KEEPCAPS:
		return (int32_t)p->p_keepcaps;
	case PR_SET_KEEPCAPS:
		return prctl_flag(&p->p_keepcaps, a, 1);
	case PR_SET_NAME:
		return prctl_name_set(t, a);
	case PR_GET_NAME:
		return em_copyout(a, t->t_comm, sizeof(t->t_comm));
	case PR_CAPBSET_READ:
		return a <= CAP_LAST ? 1 : E(EINVAL);
	case PR_GET_SECUREBITS:
		return 0;
	case PR_SET_TIMERSLACK:
		return 0;		/* the kernel's tick is larger than any slack */
	case PR_GET_TIMERSLACK:
		return 50000;
	case PR_SET_CHILD_SUBREAPER:
		return misc_call(MX_MISC_SUBREAPER, a != 0, NULL, 0, out, NULL);
	case PR_SET_NO_NEW_PRIVS:
		if (a != 1 || b != 0 || c != 0 || d != 0)
			return E(EINVAL);
		result = misc_call(MX_MISC_NO_NEW_PRIVS, 0, NULL, 0, out, NULL);
		if (result >= 0)
			p->p_no_new_privs = 1;
		return result < 0 ? result : 0;
	case PR_GET_NO_NEW_PRIVS:
		return (int32_t)p->p_no_new_privs;
	case PR_CAP_AMBIENT:
		return a == 1 && b <= CAP_LAST ? 0 : a == 4 ? 0 : E(EPERM);	/* IS_SET, CLEAR_ALL; the set is empty */
	default:
		return E(EINVAL);
	}
}

int32_t
sys_personality(uint32_t persona, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_process *p = em_proc();
	uint32_t was = p->p_personality;

	(void)b, (void)c, (void)d, (void)e, (void)f;
	if (persona != 0xffffffffu)
		p->p_personality = persona;
	return (int32_t)was;
}

/* ---- Capabilities: root has all, others none ---- */

static int32_t
cap_version(uint32_t header, uint32_t *words, int32_t *pid)
{
	uint32_t h[2], mine = 0x20080522;

	if (em_copyin(h, header, sizeof(h)) < 0)
		return E(EFAULT);
	*pid = (int32_t)h[1];
	*words = h[0] == 0x19980330 ? 1 : h[0] == 0x20071026 || h[0] == mine ? 2 : 0;
	if (*words != 0)
		return 0;
	return em_copyout(header, &mine, sizeof(mine)) < 0 ? E(EFAULT) : E(EINVAL);
}

static void
cap_own(uint32_t caps[6])
{
	bool root = MX_SYS->sy_proc[em_proc()->p_slot].sp_euid == 0;

	memset(caps, 0, 24);
	if (root) {
		caps[0] = caps[1] = 0xffffffffu;			/* effective, permitted: capabilities 0 to 31 */
		caps[3] = caps[4] = (1u << (CAP_LAST + 1 - 32)) - 1;	/* and 32 to CAP_LAST */
	}
}

int32_t
sys_capget(uint32_t header, uint32_t data, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint32_t caps[6], words;
	int32_t pid, err = cap_version(header, &words, &pid);

	(void)c, (void)d, (void)e, (void)f;
	if (err < 0)
		return data == 0 && err == E(EINVAL) ? 0 : err;
	if (pid != 0 && pid != em_proc()->p_pid)
		return E(ESRCH);
	cap_own(caps);
	return em_copyout(data, caps, words * 12);
}

/* Capabilities cannot be given away one by one here: only what changes nothing is accepted. */
int32_t
sys_capset(uint32_t header, uint32_t data, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint32_t caps[6], new[6], words;
	int32_t pid, err = cap_version(header, &words, &pid);

	(void)c, (void)d, (void)e, (void)f;
	if (err < 0)
		return err;
	if (pid != 0 && pid != em_proc()->p_pid)
		return E(EPERM);
	memset(new, 0, sizeof(new));
	if (em_copyin(new, data, words * 12) < 0)
		return E(EFAULT);
	cap_own(caps);
	for (unsigned int i = 0; i < 6; i++)
		if (i % 3 != 2 && (new[i] & ~caps[i]))
			return E(EPERM);
	return 0;
}

/* ---- Scheduling ---- */

int32_t
sys_sched_yield(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	(void)swtch_pri(0);
	return 0;
}

int32_t
sys_sched_getaffinity(uint32_t pid, uint32_t size, uint32_t to, uint32_t d, uint32_t e, uint32_t f)
{
	uint32_t n = MX_SYS->sy_ncpu, mask = n >= 32 ? ~0u : (1u << n) - 1;

	(void)pid, (void)d, (void)e, (void)f;
	if (size < sizeof(mask) || size % 4 != 0)
		return E(EINVAL);
	return em_copyout(to, &mask, sizeof(mask)) < 0 ? E(EFAULT) : (int32_t)sizeof(mask);
}

/* A set is accepted when it holds all there are: threads cannot be bound. */
int32_t
sys_sched_setaffinity(uint32_t pid, uint32_t size, uint32_t from, uint32_t d, uint32_t e, uint32_t f)
{
	uint32_t n = MX_SYS->sy_ncpu, all = n >= 32 ? ~0u : (1u << n) - 1, mask = 0;

	(void)pid, (void)d, (void)e, (void)f;
	if (em_copyin(&mask, from, size < sizeof(mask) ? size : sizeof(mask)) < 0)
		return E(EFAULT);
	return (mask & all) == all ? 0 : E(EINVAL);
}

enum { SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 5 };

static bool
sched_is_known(uint32_t policy)
{
	return policy <= SCHED_BATCH || policy == SCHED_IDLE;
}

int32_t
sys_sched_getscheduler(uint32_t pid, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)b, (void)c, (void)d, (void)e, (void)f;
	return (int32_t)pid < 0 ? E(EINVAL) : SCHED_OTHER;
}

int32_t
sys_sched_setscheduler(uint32_t pid, uint32_t policy, uint32_t param, uint32_t d, uint32_t e, uint32_t f)
{
	int32_t priority;

	(void)d, (void)e, (void)f;
	policy &= ~0x40000000u;		/* SCHED_RESET_ON_FORK */
	if ((int32_t)pid < 0 || !sched_is_known(policy))
		return E(EINVAL);
	if (em_copyin(&priority, param, sizeof(priority)) < 0)
		return E(EFAULT);
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return priority < 1 || priority > 99 ? E(EINVAL) : E(EPERM);	/* no real-time classes */
	return priority != 0 ? E(EINVAL) : policy == SCHED_OTHER ? 0 : E(EPERM);
}

int32_t
sys_sched_getparam(uint32_t pid, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	int32_t priority = 0;

	(void)c, (void)d, (void)e, (void)f;
	return (int32_t)pid < 0 || to == 0 ? E(EINVAL) : em_copyout(to, &priority, sizeof(priority));
}

int32_t
sys_sched_setparam(uint32_t pid, uint32_t from, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	return sys_sched_setscheduler(pid, SCHED_OTHER, from, c | d | e | f, 0, 0);
}

int32_t
sys_sched_get_priority_max(uint32_t policy, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)b, (void)c, (void)d, (void)e, (void)f;
	return !sched_is_known(policy) ? E(EINVAL) : policy == SCHED_FIFO || policy == SCHED_RR ? 99 : 0;
}

int32_t
sys_sched_get_priority_min(uint32_t policy, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)b, (void)c, (void)d, (void)e, (void)f;
	return !sched_is_known(policy) ? E(EINVAL) : policy == SCHED_FIFO || policy == SCHED_RR ? 1 : 0;
}

int32_t
sys_sched_rr_get_interval(uint32_t pid, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	return (int32_t)pid < 0 ? E(EINVAL) : em_timespec_out(to, 30000000u);	/* the kernel's quantum */
}

int32_t
sys_sched_rr_get_interval_time64(uint32_t pid, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	return (int32_t)pid < 0 ? E(EINVAL) : em_timespec64_out(to, 30000000u);
}

int32_t
sys_getcpu(uint32_t cpu, uint32_t node, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	static const uint32_t zero;	/* user threads run on the first processor only */

	(void)c, (void)d, (void)e, (void)f;
	if ((cpu != 0 && em_copyout(cpu, &zero, 4) < 0) || (node != 0 && em_copyout(node, &zero, 4) < 0))
		return E(EFAULT);
	return 0;
}

int32_t
sys_getpriority(uint32_t which, uint32_t id, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	int32_t nice = 0, err;

	(void)c, (void)d, (void)e, (void)f;
	if (which > 2)
		return E(EINVAL);
	err = em_errno(proc_priority(em_proc()->p_port, which, (int32_t)id, FALSE, &nice));
	return err < 0 ? err : 20 - nice;
}

int32_t
sys_setpriority(uint32_t which, uint32_t id, uint32_t value, uint32_t d, uint32_t e, uint32_t f)
{
	int32_t nice = (int32_t)value;

	(void)d, (void)e, (void)f;
	if (which > 2)
		return E(EINVAL);
	nice = nice < -20 ? -20 : nice > 19 ? 19 : nice;
	return em_errno(proc_priority(em_proc()->p_port, which, (int32_t)id, TRUE, &nice));
}

int32_t
sys_nice(uint32_t by, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	int32_t nice = 0, err, add = (int32_t)by;

	(void)b, (void)c, (void)d, (void)e, (void)f;
	add = add < -40 ? -40 : add > 40 ? 40 : add;
	err = em_errno(proc_priority(em_proc()->p_port, 0, 0, FALSE, &nice));
	if (err < 0)
		return err;
	err = sys_setpriority(0, 0, (uint32_t)(nice + add), 0, 0, 0);
	return err == E(EACCES) ? E(EPERM) : err;
}

/* ---- Thread-local storage ---- */

struct user_desc {
	uint32_t entry, base, limit;
	uint32_t seg_32bit : 1, contents : 2, read_exec_only : 1, limit_in_pages : 1, not_present : 1, useable : 1;
};

#define TLS_ENTRY	(EM_SEL_TLS >> 3)

/* The descriptor that the program describes at FROM. *ENTRY is -1 to choose. Errors: -EINVAL: the kernel has one slot */
int32_t
em_tls_decode(uint32_t from, uint32_t words[2], uint32_t *entry)
{
	struct user_desc u;

	if (em_copyin(&u, from, sizeof(u)) < 0)
		return E(EFAULT);
	*entry = u.entry;
	if (u.entry != 0xffffffffu && u.entry != TLS_ENTRY)
		return E(EINVAL);
	if (u.base == 0 && u.limit == 0 && u.read_exec_only && u.not_present) {
		words[0] = words[1] = 0;	/* an empty descriptor */
		return 0;
	}
	if (!u.seg_32bit || u.contents > 1 || u.not_present)
		return E(EINVAL);
	em_descriptor_make(words, u.base, u.limit);
	words[1] = (words[1] & ~0x00800e00u) | (u.limit_in_pages ? 0x00800000u : 0) | (u.contents << 10) |
		(u.read_exec_only ? 0 : 0x200u);
	return 0;
}

int32_t
sys_set_thread_area(uint32_t at, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	static const uint32_t chosen = TLS_ENTRY;
	struct em_thread *t = em_self();
	uint32_t words[2], entry;
	int32_t err = em_tls_decode(at, words, &entry);

	(void)b, (void)c, (void)d, (void)e, (void)f;
	if (err < 0)
		return err;
	if (em_set_gdt(t->t_port, EM_SEL_TLS, words) != KERN_SUCCESS)
		return E(EINVAL);
	memcpy(t->t_tls, words, sizeof(words));
	return entry == 0xffffffffu ? em_copyout(at, &chosen, sizeof(chosen)) : 0;
}

int32_t
sys_get_thread_area(uint32_t at, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_thread *t = em_self();
	struct user_desc u;
	const uint32_t *w = t->t_tls;

	(void)b, (void)c, (void)d, (void)e, (void)f;
	if (em_copyin(&u, at, sizeof(u)) < 0)
		return E(EFAULT);
	if (u.entry != TLS_ENTRY)
		return E(EINVAL);
	memset(&u, 0, sizeof(u));
	u.entry = TLS_ENTRY;
	u.base = w[0] >> 16 | (w[1] & 0xff) << 16 | (w[1] & 0xff000000u);
	u.limit = (w[0] & 0xffff) | (w[1] & 0xf0000);
	u.seg_32bit = w[1] >> 22 & 1;
	u.limit_in_pages = w[1] >> 23 & 1;
	u.contents = w[1] >> 10 & 3;
	u.read_exec_only = !(w[1] >> 9 & 1);
	u.not_present = !(w[1] >> 15 & 1);
	u.useable = w[1] >> 20 & 1;
	return em_copyout(at, &u, sizeof(u));
}
