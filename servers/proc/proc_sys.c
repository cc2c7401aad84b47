/*
 * proc_sys.c - the system area: what every process reads without asking.
 *
 * One memory object, mapped read-only into each fresh task and inherited by fork. Readers look at a sequence number before and
 * after; proc is the only writer. The clock in it is the processor's time stamp counter, because the kernel's own advances
 * in steps of 10 ms. Its rate is measured against the machine's timer, which hw reads: roughly while the system starts, then better
 * and better by a fibril. On a machine whose timer hw does not know it is measured against the kernel's uptime, which a busy host
 * makes late: ticks are lost, so of several rates measured over a while the lowest is the best guess.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <string.h>
#include <mach/host_info.h>
#include <masix/mach.h>
#include "proc_act.h"
#include "server.h"
#include "hw.h"
#include "mach_host.h"
#include "mach.h"

#define CLOCK_SHIFT	22
#define REBASE_NS	30000000000ull	/* the readers' 64-bit product must not overflow */
#define FIRST_WAIT_NS	100000000ull
#define LATE_NS		20000000ull	/* of a tick */
#define TIMER_HZ	3579545u	/* of the machine's timer, and its bits */
#define TIMER_MASK	0xffffffu
#define RATE_MIN	10000000ull	/* of a processor, per second */
#define RATE_MAX	100000000000ull
#define CLOCK_TRIES	8		/* wake-ups of which the promptest counts */
#define NS		1000000000ull

static struct mx_sys *sys;
static mach_port_t sys_memory;
static mach_port_t host;

/* One moment on both clocks; the second is the kernel's or the machine's timer's. */
struct sample {
	uint64_t	tsc, up_ns;
};
static struct sample first;
static mach_port_t machine;		/* "hw.clock"; MACH_PORT_NULL: hw knows no timer here */

_Static_assert(sizeof(struct mx_sys) <= MX_SYS_SIZE, "the system area does not fit its place");

const struct mx_sys *
proc_sys(void)
{
	return sys;
}

/* ---- Writing under a sequence number ---- */

static void
seq_begin(volatile uint32_t *seq)
{
	*seq += 1;
	__asm__ volatile("" ::: "memory");
}

static void
seq_end(volatile uint32_t *seq)
{
	__asm__ volatile("" ::: "memory");
	*seq += 1;
}

/* ---- The clock ---- */

static uint64_t
tsc_read(void)
{
	uint64_t t;

	__asm__ volatile("rdtsc" : "=A"(t));
	return t;
}

static uint64_t
uptime_read(void)
{
	time_value64_t t = { 0, 0 };

	(void)host_get_uptime64(host, &t);	/* our own host port: cannot fail */
	return (uint64_t)t.seconds * NS + (uint64_t)t.nanoseconds;
}

/* The moment at which the kernel's clock advances; burns up to 10 ms. */
static struct sample
sample_edge(void)
{
	uint64_t before = uptime_read();
	struct sample s;

	do {
		s.up_ns = uptime_read();
		s.tsc = tsc_read();
	} while (s.up_ns == before);
	return s;
}

static uint64_t
clock_ns_at(uint64_t tsc)
{
	const struct mx_sys_clock *c = &sys->sy_clock;

	return c->ck_mono_ns + (((tsc - c->ck_tsc) * c->ck_mult) >> c->ck_shift);
}

uint64_t
proc_clock_ns(void)
{
	return clock_ns_at(tsc_read());
}

uint64_t
proc_clock_real_ns(void)
{
	return proc_clock_ns() + sys->sy_clock.ck_real_ns;
}

uint64_t
proc_act_now_ns(void)
{
	return proc_clock_ns();
}

/* From S on the clock runs at HZ; MONO_NS is the time at S. */
static void
clock_publish(uint64_t tsc, uint64_t mono_ns, uint64_t hz)
{
	struct mx_sys_clock *c = &sys->sy_clock;

	seq_begin(&c->ck_seq);
	c->ck_shift = CLOCK_SHIFT;
	c->ck_mult = (uint32_t)(((NS << CLOCK_SHIFT) + hz / 2) / hz);
	c->ck_tsc = tsc;
	c->ck_mono_ns = mono_ns;
	c->ck_tsc_hz = hz;
	seq_end(&c->ck_seq);
}

void
proc_clock_set_real(uint64_t real_ns)
{
	struct mx_sys_clock *c = &sys->sy_clock;
	uint64_t offset = real_ns - proc_clock_ns();

	seq_begin(&c->ck_seq);
	c->ck_real_ns = offset;
	seq_end(&c->ck_seq);
}

/*
 * Now by the machine's timer, whose 24 bits are over in 4.7 s: how often that was since the last call the counter tells, at about HZ
 * (0: not at all). Errors: as hw_clock
 */
static kern_return_t
sample_machine(uint64_t hz, struct sample *s)
{
	static struct sample last;
	static uint32_t last_ticks;
	uint64_t delta, expected;
	uint32_t ticks;
	kern_return_t kr = hw_clock(machine, &s->tsc, &ticks);

	if (kr != KERN_SUCCESS)
		return kr;
	delta = (ticks - last_ticks) & TIMER_MASK;
	if (hz != 0) {
		expected = (s->tsc - last.tsc) / (hz / 1000) * TIMER_HZ / 1000;
		if (expected > delta)
			delta += (expected - delta + TIMER_MASK / 2) / (TIMER_MASK + 1) * (TIMER_MASK + 1);
	}
	s->up_ns = last.up_ns + delta * NS / TIMER_HZ;
	last = *s;
	last_ticks = ticks;
	return KERN_SUCCESS;
}

static uint64_t
rate_between(const struct sample *a, const struct sample *b)
{
	uint64_t ticks = b->tsc - a->tsc, ns = b->up_ns - a->up_ns;

	for (; ns >= 1ull << 34; ns >>= 1)	/* or the product of the remainder, below, does not fit 64 bits: that was 18 s */
		ticks >>= 1;
	return ticks / ns * NS + ticks % ns * NS / ns;
}

/* The same by the machine's timer. Errors: 0, no processor has such a rate */
static uint64_t
machine_rate(const struct sample *from, const struct sample *now)
{
	uint64_t rate = now->up_ns > from->up_ns && now->tsc > from->tsc ? rate_between(from, now) : 0;

	return rate >= RATE_MIN && rate <= RATE_MAX ? rate : 0;
}

/* A sample without burning time: of some wake-ups at clock ticks the one that came soonest after its tick. */
static struct sample
sample_asleep(uint64_t hz)
{
	struct sample best = { 0, 0 };
	uint64_t best_lag = ~0ull;

	for (int i = 0; i < CLOCK_TRIES; i++) {
		struct sample s;
		uint64_t lag;

		mx_sleep_ns(1);
		s.up_ns = uptime_read();
		s.tsc = tsc_read();
		lag = (s.tsc - first.tsc) / (hz / 1000000) * 1000 - (s.up_ns - first.up_ns);
		if ((int64_t)lag < (int64_t)best_lag || i == 0) {
			best_lag = lag;
			best = s;
		}
	}
	return best;
}

/*
 * The rate by FROM and NOW. A sample may be late by two ticks; beyond that the kernel can only have lost ticks, so each
 * measurement gives an upper bound too.
 */
static uint64_t
rate_measure(const struct sample *from, const struct sample *now)
{
	static uint64_t bound = ~0ull;
	uint64_t rate = rate_between(from, now), spans = (now->up_ns - from->up_ns) / LATE_NS;

	if (spans > 0 && rate + rate / spans < bound)
		bound = rate + rate / spans;
	return rate < bound ? rate : bound;
}

/* Another measurement from FROM on; NOW is its end. */
static uint64_t
rate_again(uint64_t hz, const struct sample *from, struct sample *now)
{
	uint64_t rate;

	if (machine == MACH_PORT_NULL) {
		*now = sample_asleep(hz);
		return rate_measure(from, now);
	}
	*now = *from;
	if (sample_machine(hz, now) != KERN_SUCCESS)
		return hz;			/* hw is essential: it ends with the system */
	rate = machine_rate(from, now);
	return rate != 0 ? rate : hz;
}

/* A fibril: measure over a longer and longer time; from then on over spans of the same length, and move the base. */
static void
clock_keep(void *arg)
{
	uint64_t wait_ns = FIRST_WAIT_NS, hz = sys->sy_clock.ck_tsc_hz, tsc;
	struct sample from = first, now;

	(void)arg;
	for (;;) {
		mx_sleep_ns(wait_ns);
		hz = rate_again(hz, &from, &now);
		if (now.up_ns - from.up_ns >= REBASE_NS) {
			from = now;
			wait_ns = REBASE_NS;
		} else {
			wait_ns *= 2;
		}
		tsc = tsc_read();
		clock_publish(tsc, clock_ns_at(tsc), hz);
	}
}

/* There is no timer: begin anew with the kernel's uptime. */
static void
machine_leave(void)
{
	mx_port_release(machine);
	machine = MACH_PORT_NULL;
	first = sample_edge();
}

kern_return_t
proc_clock_start(void)
{
	time_value64_t real = { 0, 0 };
	struct sample s;
	uint64_t hz = 0;

	if (machine != MACH_PORT_NULL && sample_machine(0, &s) == KERN_SUCCESS)
		hz = machine_rate(&first, &s);
	if (hz != 0) {
		s.up_ns = uptime_read();
	} else {
		if (machine != MACH_PORT_NULL)
			machine_leave();
		s = sample_edge();
		hz = rate_measure(&first, &s);
	}
	clock_publish(s.tsc, s.up_ns, hz);
	(void)host_get_time64(host, &real);
	proc_clock_set_real((uint64_t)real.seconds * NS + (uint64_t)real.nanoseconds);
	return mx_fibril_start(clock_keep, NULL, "clock");
}

/* ---- Processes' slots ---- */

void
proc_act_publish(struct proc *p)
{
	struct mx_sys_proc *sp = &sys->sy_proc[p->p_slot];
	const struct mx_cred *c = &p->p_cred.c_ids;
	const struct session *s = proc_session(p);

	seq_begin(&sp->sp_seq);
	sp->sp_pid = p->p_pid;
	sp->sp_ppid = p->p_parent != NULL ? p->p_parent->p_pid : 0;
	sp->sp_pgrp = p->p_group->g_id;
	sp->sp_sid = s->s_sid;
	sp->sp_tty_pgrp = p->p_gave_up_tty ? 0 : s->s_tty_pgrp;
	sp->sp_ruid = c->cr_ruid;
	sp->sp_euid = c->cr_euid;
	sp->sp_suid = c->cr_suid;
	sp->sp_rgid = c->cr_rgid;
	sp->sp_egid = c->cr_egid;
	sp->sp_sgid = c->cr_sgid;
	seq_end(&sp->sp_seq);
}

void
proc_act_unpublish(struct proc *p)
{
	struct mx_sys_proc *sp = &sys->sy_proc[p->p_slot];

	seq_begin(&sp->sp_seq);
	sp->sp_pid = 0;
	seq_end(&sp->sp_seq);
}

/* ---- The rest ---- */

static void
name_set(char *to, const char *name, size_t size)
{
	memset(to, 0, 65);
	memcpy(to, name, size < 64 ? size : 64);
}

void
proc_sys_set_nodename(const char *name, size_t size)
{
	name_set(sys->sy_nodename, name, size);
}

void
proc_sys_set_domain(const char *name, size_t size)
{
	name_set(sys->sy_domain, name, size);
}

void
proc_sys_load(uint32_t loads[3])
{
	struct host_load_info info = { { 0, 0, 0 }, { 0, 0, 0 } };
	mach_msg_type_number_t count = HOST_LOAD_INFO_COUNT;

	(void)host_info(host, HOST_LOAD_INFO, (host_info_t)&info, &count);	/* zeros when it fails */
	for (int i = 0; i < 3; i++)
		loads[i] = (uint32_t)((uint64_t)info.avenrun[i] * 65536 / LOAD_SCALE);
}

void
proc_sys_set_swap(uint32_t kb)
{
	sys->sy_swap_kb = kb;
}

static kern_return_t
machine_describe(void)
{
	struct host_basic_info info;
	mach_msg_type_number_t count = HOST_BASIC_INFO_COUNT;
	kern_return_t kr;

	kr = host_info(host, HOST_BASIC_INFO, (host_info_t)&info, &count);
	if (kr != KERN_SUCCESS)
		return kr;
	sys->sy_mem_kb = (uint32_t)(info.memory_size / 1024);
	sys->sy_ncpu = (uint32_t)info.avail_cpus;
	return KERN_SUCCESS;
}

kern_return_t
proc_sys_init(void)
{
	static const char release[] = "6.1.0-masix", version[] = "#1 MASIX on GNU Mach";
	kern_return_t kr;

	host = mach_host_self();
	sys = mx_pages_alloc(MX_SYS_SIZE);
	if (sys == NULL)
		return MX_ENOMEM;
	kr = mx_memory_export(sys, MX_SYS_SIZE, VM_PROT_READ, &sys_memory);
	if (kr != KERN_SUCCESS)
		return kr;
	if (mx_lookup("hw.clock", &machine) != KERN_SUCCESS || sample_machine(0, &first) != KERN_SUCCESS)
		machine_leave();
	sys->sy_version = 1;
	name_set(sys->sy_nodename, "masix", 5);
	name_set(sys->sy_release, release, sizeof(release) - 1);
	name_set(sys->sy_osversion, version, sizeof(version) - 1);
	name_set(sys->sy_domain, "(none)", 6);
	kr = machine_describe();
	if (kr == KERN_SUCCESS)
		sys->sy_magic = MX_SYS_MAGIC;
	return kr;
}

kern_return_t
proc_sys_map_into(mach_port_t task)
{
	vm_address_t at = MX_SYS_BASE;

	return syscall_vm_map(task, &at, MX_SYS_SIZE, 0, FALSE, sys_memory, 0, FALSE, VM_PROT_READ, VM_PROT_READ,
		VM_INHERIT_SHARE);
}
