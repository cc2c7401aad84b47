/*
 * time.c - clocks and sleeping.
 *
 * Time is the processor's counter, calibrated by proc and published in the system area: reading a clock is no kernel call. The
 * kernel's own time-outs come in ticks of 10 ms and may end a tick early, so every wait looks at the clock again, and the
 * last stretch shorter than what the kernel can wait is passed by giving the processor away in a loop.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "core_calls.h"
#include <mach/task_info.h>
#include <mach/thread_info.h>
#include <mach/mig_support.h>
#include "mach.h"
#include "gnumach.h"
#include "proc.h"

#define E(name)		(-MX_ERRNO(MX_##name))
#define NS		1000000000u
#define TICK_NS		10000000u
#define SHORT_NS	2000000u	/* shorter waits are passed awake */

#define GSYNC_SHARED	1
#define GSYNC_TIMED	4
#define GSYNC_BROADCAST	8

enum { REALTIME, MONOTONIC, PROCESS_CPU, THREAD_CPU, MONOTONIC_RAW, REALTIME_COARSE, MONOTONIC_COARSE, BOOTTIME, REALTIME_ALARM,
	BOOTTIME_ALARM, TAI = 11 };

static inline uint64_t
tsc_read(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* V * MULT >> SHIFT without losing the high bits; SHIFT <= 32. */
static inline uint64_t
scale(uint64_t v, uint32_t mult, uint32_t shift)
{
	uint64_t low = (uint64_t)(uint32_t)v * mult, high = (v >> 32) * mult;

	return (low >> shift) + (high << (32 - shift));
}

static inline uint64_t
clock_read(uint64_t *real_offset)
{
	const volatile struct mx_sys_clock *c = &MX_SYS->sy_clock;
	uint32_t seq;
	uint64_t ns;

	do {
		seq = c->ck_seq;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		ns = c->ck_mono_ns + scale(tsc_read() - c->ck_tsc, c->ck_mult, c->ck_shift);
		*real_offset = c->ck_real_ns;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((seq & 1) || seq != c->ck_seq);
	return ns;
}

uint64_t
em_now_ns(void)
{
	uint64_t offset;

	return clock_read(&offset);
}

uint64_t
em_real_ns(void)
{
	uint64_t offset, ns = clock_read(&offset);

	return ns + offset;
}

/* ---- The vDSO's functions: on the program's stack, in a section of their own. They call nothing that is not inlined. ---- */

#define VDSO	__attribute__((section(".text.vdso"), used))

/* Quotient and remainder by a second; the quotient fits until the year 2106. */
static inline uint32_t
seconds_of(uint64_t ns, uint32_t *rest)
{
	uint32_t q;

	__asm__("divl %4" : "=a"(q), "=d"(*rest) : "a"((uint32_t)ns), "d"((uint32_t)(ns >> 32)), "r"(NS));
	return q;
}

static inline bool
clock_quick(uint32_t clock, uint64_t *ns)
{
	uint64_t offset;

	if (clock == REALTIME || clock == REALTIME_COARSE) {
		*ns = clock_read(&offset);
		*ns += offset;
		return true;
	}
	if (clock == MONOTONIC || clock == MONOTONIC_RAW || clock == MONOTONIC_COARSE || clock == BOOTTIME) {
		*ns = clock_read(&offset);
		return true;
	}
	return false;
}

/* A system call from the vDSO, as a program makes it. */
static inline int
vdso_syscall(uint32_t number, uint32_t a, uint32_t b)
{
	int result;

	__asm__ volatile("call em_entry" : "=a"(result) : "a"(number), "b"(a), "c"(b) : "memory", "cc");
	return result;
}

int em_vdso_clock_gettime(uint32_t clock, uint32_t *ts);
int em_vdso_clock_gettime64(uint32_t clock, uint32_t *ts);
int em_vdso_gettimeofday(uint32_t *tv, uint32_t *tz);
int em_vdso_time(uint32_t *t);

VDSO int
em_vdso_clock_gettime(uint32_t clock, uint32_t *ts)
{
	uint64_t ns;

	if (!clock_quick(clock, &ns))
		return vdso_syscall(265, clock, (uint32_t)ts);
	ts[0] = seconds_of(ns, &ts[1]);
	return 0;
}

VDSO int
em_vdso_clock_gettime64(uint32_t clock, uint32_t *ts)
{
	uint64_t ns;

	if (!clock_quick(clock, &ns))
		return vdso_syscall(403, clock, (uint32_t)ts);
	ts[0] = seconds_of(ns, &ts[2]);
	ts[1] = ts[3] = 0;
	return 0;
}

VDSO int
em_vdso_gettimeofday(uint32_t *tv, uint32_t *tz)
{
	uint64_t ns;
	uint32_t rest;

	(void)clock_quick(REALTIME, &ns);
	if (tv != NULL) {
		tv[0] = seconds_of(ns, &rest);
		tv[1] = rest / 1000u;
	}
	if (tz != NULL)
		tz[0] = tz[1] = 0;
	return 0;
}

VDSO int
em_vdso_time(uint32_t *t)
{
	uint64_t ns;
	uint32_t rest, s;

	(void)clock_quick(REALTIME, &ns);
	s = seconds_of(ns, &rest);
	if (t != NULL)
		*t = s;
	return (int)s;
}

/* ---- struct timespec and timeval of the program ---- */

static int32_t
ns_of(uint64_t *ns, int64_t sec, int64_t nsec)
{
	if (sec < 0 || nsec < 0 || nsec >= NS)
		return E(EINVAL);
	*ns = sec > 0x1ffffffffll ? ~0ull >> 1 : (uint64_t)sec * NS + (uint64_t)nsec;
	return 0;
}

int32_t
em_timespec_in(uint64_t *ns, uint32_t from)
{
	int32_t ts[2];

	if (em_copyin(ts, from, sizeof(ts)) < 0)
		return E(EFAULT);
	return ns_of(ns, ts[0], ts[1]);
}

int32_t
em_timespec64_in(uint64_t *ns, uint32_t from)
{
	int64_t ts[2];

	if (em_copyin(ts, from, sizeof(ts)) < 0)
		return E(EFAULT);
	return ns_of(ns, ts[0], (int32_t)ts[1]);	/* the upper half of tv_nsec is padding */
}

int32_t
em_timespec_out(uint32_t to, uint64_t ns)
{
	uint32_t ts[2];

	ts[0] = (uint32_t)(ns / NS);
	ts[1] = (uint32_t)(ns % NS);
	return em_copyout(to, ts, sizeof(ts));
}

int32_t
em_timespec64_out(uint32_t to, uint64_t ns)
{
	uint64_t ts[2] = { ns / NS, ns % NS };

	return em_copyout(to, ts, sizeof(ts));
}

/* ---- Processor time ---- */

static uint64_t
time_value_ns(time_value_t v)
{
	return (uint64_t)v.seconds * NS + (uint64_t)v.microseconds * 1000u;
}

uint64_t
em_cpu_ns(mach_port_t thread)
{
	struct thread_basic_info ti;
	struct task_thread_times_info live;
	struct task_basic_info gone;
	mach_msg_type_number_t n;
	uint64_t ns = 0;

	if (thread != MACH_PORT_NULL) {
		n = THREAD_BASIC_INFO_COUNT;
		if (thread_info(thread, THREAD_BASIC_INFO, (thread_info_t)&ti, &n) == KERN_SUCCESS)
			ns = time_value_ns(ti.user_time) + time_value_ns(ti.system_time);
		return ns;
	}
	n = TASK_THREAD_TIMES_INFO_COUNT;
	if (task_info(em_task, TASK_THREAD_TIMES_INFO, (task_info_t)&live, &n) == KERN_SUCCESS)
		ns = time_value_ns(live.user_time) + time_value_ns(live.system_time);
	n = TASK_BASIC_INFO_COUNT;
	if (task_info(em_task, TASK_BASIC_INFO, (task_info_t)&gone, &n) == KERN_SUCCESS)
		ns += time_value_ns(gone.user_time) + time_value_ns(gone.system_time);
	return ns;
}

/* ---- Reading clocks ---- */

int32_t
em_clock_read(uint32_t clock, uint64_t *ns)
{
	if (clock_quick(clock, ns))
		return 0;
	switch (clock) {
	case PROCESS_CPU:
		*ns = em_cpu_ns(MACH_PORT_NULL);
		return 0;
	case THREAD_CPU:
		*ns = em_cpu_ns(em_self()->t_port);
		return 0;
	case REALTIME_ALARM:
	case TAI:
		*ns = em_real_ns();
		return 0;
	case BOOTTIME_ALARM:
		*ns = em_now_ns();
		return 0;
	}
	/* The clock of a process or thread: ~id << 3 | 4 for threads | kind. Only one's own can be read. */
	if ((int32_t)clock < 0 && (clock & 3) != 3) {
		int32_t id = (int32_t)~(clock >> 3 | 0xe0000000u);

		if (clock & 4 ? id == 0 || id == em_self()->t_tid : id == 0 || id == em_proc()->p_pid) {
			*ns = em_cpu_ns(clock & 4 ? em_self()->t_port : MACH_PORT_NULL);
			return 0;
		}
	}
	return E(EINVAL);
}

int32_t
sys_clock_gettime(uint32_t clock, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint64_t ns;
	int32_t err = em_clock_read(clock, &ns);

	(void)c, (void)d, (void)e, (void)f;
	return err < 0 ? err : em_timespec_out(to, ns);
}

int32_t
sys_clock_gettime64(uint32_t clock, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint64_t ns;
	int32_t err = em_clock_read(clock, &ns);

	(void)c, (void)d, (void)e, (void)f;
	return err < 0 ? err : em_timespec64_out(to, ns);
}

static uint64_t
clock_resolution(uint32_t clock)
{
	return clock == PROCESS_CPU || clock == THREAD_CPU || (int32_t)clock < 0 ? TICK_NS : 1;
}

int32_t
sys_clock_getres(uint32_t clock, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint64_t ns;
	int32_t err = em_clock_read(clock, &ns);

	(void)c, (void)d, (void)e, (void)f;
	return err < 0 || to == 0 ? err : em_timespec_out(to, clock_resolution(clock));
}

int32_t
sys_clock_getres_time64(uint32_t clock, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint64_t ns;
	int32_t err = em_clock_read(clock, &ns);

	(void)c, (void)d, (void)e, (void)f;
	return err < 0 || to == 0 ? err : em_timespec64_out(to, clock_resolution(clock));
}

int32_t
sys_gettimeofday(uint32_t tv, uint32_t tz, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint64_t ns = em_real_ns();
	uint32_t out[2];

	(void)c, (void)d, (void)e, (void)f;
	out[0] = (uint32_t)(ns / NS);
	out[1] = (uint32_t)(ns % NS) / 1000u;
	if (tv != 0 && em_copyout(tv, out, sizeof(out)) < 0)
		return E(EFAULT);
	out[0] = out[1] = 0;
	return tz != 0 ? em_copyout(tz, out, sizeof(out)) : 0;
}

int32_t
sys_time(uint32_t to, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint32_t s = (uint32_t)(em_real_ns() / NS);

	(void)b, (void)c, (void)d, (void)e, (void)f;
	if (to != 0 && em_copyout(to, &s, sizeof(s)) < 0)
		return E(EFAULT);
	return (int32_t)s;
}

/* ---- Setting ---- */

static int32_t
clock_set(uint64_t ns)
{
	char out[MX_BLOB_MAX], *outp = out;
	mach_msg_type_number_t n = sizeof(out);
	int32_t result;

	return em_errno(proc_misc(em_proc()->p_port, MX_MISC_SETTIME, 0, (const char *)&ns, sizeof(ns), outp, &n, &result));
}

int32_t
sys_clock_settime(uint32_t clock, uint32_t from, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint64_t ns;
	int32_t err = em_timespec_in(&ns, from);

	(void)c, (void)d, (void)e, (void)f;
	return err < 0 ? err : clock != REALTIME ? E(EINVAL) : clock_set(ns);
}

int32_t
sys_clock_settime64(uint32_t clock, uint32_t from, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint64_t ns;
	int32_t err = em_timespec64_in(&ns, from);

	(void)c, (void)d, (void)e, (void)f;
	return err < 0 ? err : clock != REALTIME ? E(EINVAL) : clock_set(ns);
}

int32_t
sys_settimeofday(uint32_t tv, uint32_t tz, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint32_t in[2];

	(void)c, (void)d, (void)e, (void)f;
	if (tv == 0)
		return tz != 0 ? E(EPERM) : 0;	/* the kernel's time zone is not kept */
	if (em_copyin(in, tv, sizeof(in)) < 0)
		return E(EFAULT);
	return in[1] >= 1000000 ? E(EINVAL) : clock_set((uint64_t)in[0] * NS + in[1] * 1000u);
}

int32_t
sys_stime(uint32_t from, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint32_t s;

	(void)b, (void)c, (void)d, (void)e, (void)f;
	return em_copyin(&s, from, sizeof(s)) < 0 ? E(EFAULT) : clock_set((uint64_t)s * NS);
}

/* ---- Sleeping ---- */

/* What to give the kernel for a wait that ends at DEADLINE; 0: it is over. */
static mach_msg_timeout_t
milliseconds_until(uint64_t deadline, uint64_t now)
{
	uint64_t left;

	if (deadline <= now)
		return 0;
	left = deadline - now;
	return left > 3600ull * NS ? 3600 * 1000 : (uint32_t)((left + 999999u) / 1000000u);
}

int32_t
em_sleep_until(uint64_t deadline_ns)
{
	struct { mach_msg_header_t head; char room[64]; } m;
	struct em_thread *t = em_self();
	mach_port_t port = mig_get_reply_port();
	mach_msg_timeout_t ms = 0;
	uint64_t now;

	for (;;) {
		if (t->t_attention && em_signal_waiting())
			return E(EINTR);
		if (deadline_ns != ~0ull) {
			now = em_now_ns();
			ms = milliseconds_until(deadline_ns, now);
			if (ms == 0)
				return 0;
			if (deadline_ns - now < SHORT_NS) {
				(void)swtch_pri(0);
				continue;
			}
		}
		(void)em_msg_intr(&m.head, MACH_RCV_MSG | (ms != 0 ? MACH_RCV_TIMEOUT : 0), 0, sizeof(m), port, ms,
				  MACH_PORT_NULL);	/* nothing comes: interrupted, or time is over */
	}
}

int32_t
em_gsync_wait(volatile uint32_t *word, uint32_t value, uint64_t deadline_ns, bool shared)
{
	struct em_thread *t = em_self();
	int flags = shared ? GSYNC_SHARED : 0;
	mach_msg_timeout_t ms = 0;
	kern_return_t kr;

	for (;;) {
		if (t->t_attention && em_signal_waiting())
			return E(EINTR);
		if (deadline_ns != 0) {
			ms = milliseconds_until(deadline_ns, em_now_ns());
			if (ms == 0)
				return E(ETIMEDOUT);
		}
		t->t_tag = 0;
		t->t_block = em_task;
		kr = gsync_wait(em_task, (vm_address_t)word, value, 0, ms, flags | (ms != 0 ? GSYNC_TIMED : 0));
		t->t_block = MACH_PORT_NULL;
		switch (kr) {
		case KERN_SUCCESS:
			return 0;
		case KERN_INVALID_ARGUMENT:
			return E(EAGAIN);
		case KERN_TIMEDOUT:
		case KERN_INTERRUPTED:
		case MACH_SEND_INTERRUPTED:
			break;		/* the clock, and whether a signal came, are looked at above */
		default:
			return em_errno(kr);
		}
	}
}

void
em_gsync_wake(volatile uint32_t *word, bool all, bool shared)
{
	(void)gsync_wake(em_task, (vm_address_t)word, 0, (shared ? GSYNC_SHARED : 0) | (all ? GSYNC_BROADCAST : 0));
}

int32_t
em_wait_message(mach_port_t port, mach_msg_header_t *msg, size_t size, uint64_t deadline_ns)
{
	struct em_thread *t = em_self();
	mach_msg_timeout_t ms = 0;
	mach_msg_return_t mr;

	for (;;) {
		if (t->t_attention && em_signal_waiting())
			return E(EINTR);
		if (deadline_ns != 0)
			ms = milliseconds_until(deadline_ns, em_now_ns());
		if (deadline_ns != 0 && ms == 0) {	/* what is there already counts */
			mr = mach_msg_trap(msg, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, size, port, 0, MACH_PORT_NULL);
			return mr == MACH_MSG_SUCCESS ? 0 : E(ETIMEDOUT);
		}
		mr = em_msg_intr(msg, MACH_RCV_MSG | (ms != 0 ? MACH_RCV_TIMEOUT : 0), 0, size, port, ms, MACH_PORT_NULL);
		if (mr == MACH_MSG_SUCCESS)
			return 0;
		if (mr != MACH_RCV_TIMED_OUT && mr != MACH_RCV_INTERRUPTED && mr != MACH_SEND_INTERRUPTED)
			return E(EIO);
	}
}

static int32_t
nanosleep(uint64_t ns, uint32_t rem, bool wide)
{
	uint64_t deadline = em_restart_deadline(em_now_ns() + ns), now;
	int32_t err = em_sleep_until(deadline);

	if (err == 0)
		return 0;
	now = em_now_ns();
	ns = deadline > now ? deadline - now : 0;
	if (rem != 0 && (wide ? em_timespec64_out(rem, ns) : em_timespec_out(rem, ns)) < 0)
		return E(EFAULT);
	return EM_RESTARTBLOCK;
}

int32_t
sys_nanosleep(uint32_t req, uint32_t rem, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint64_t ns;
	int32_t err = em_timespec_in(&ns, req);

	(void)c, (void)d, (void)e, (void)f;
	return err < 0 ? err : nanosleep(ns, rem, false);
}

static int32_t
clock_nanosleep(uint32_t clock, uint32_t flags, uint64_t ns, uint32_t rem, bool wide)
{
	uint64_t now, mono = em_now_ns();

	if (clock == THREAD_CPU || em_clock_read(clock, &now) < 0)
		return E(EINVAL);
	if (clock == PROCESS_CPU || (int32_t)clock < 0)
		return E(EOPNOTSUPP);
	if (!(flags & 1))
		return nanosleep(ns, rem, wide);
	return em_sleep_until(ns > now ? mono + (ns - now) : 0) < 0 ? EM_RESTARTNOHAND : 0;
}

int32_t
sys_clock_nanosleep(uint32_t clock, uint32_t flags, uint32_t req, uint32_t rem, uint32_t e, uint32_t f)
{
	uint64_t ns;
	int32_t err = em_timespec_in(&ns, req);

	(void)e, (void)f;
	return err < 0 ? err : clock_nanosleep(clock, flags, ns, rem, false);
}

int32_t
sys_clock_nanosleep_time64(uint32_t clock, uint32_t flags, uint32_t req, uint32_t rem, uint32_t e, uint32_t f)
{
	uint64_t ns;
	int32_t err = em_timespec64_in(&ns, req);

	(void)e, (void)f;
	return err < 0 ? err : clock_nanosleep(clock, flags, ns, rem, true);
}
