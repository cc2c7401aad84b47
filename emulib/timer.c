/*
 * timer.c - interval timers, alarm, and POSIX timers.
 *
 * All live in the process: the service thread waits for its messages until the next of them is due (em_timers_run). So their
 * resolution is that of the kernel's time-outs, 10 ms. Timers of processor time are looked at once per tick while they are armed.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "core_calls.h"

#define E(name)		(-MX_ERRNO(MX_##name))
#define NS		1000000000u
#define TICK_NS		10000000u
#define TIMER_ABSTIME	1
#define TIMERS_MAX	1024

enum { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };
enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 4 };

struct em_timer {			/* guarded by p_lock */
	struct em_timer	*tm_next;
	int32_t		tm_id;
	uint32_t	tm_clock;
	uint32_t	tm_notify, tm_signo, tm_value;
	int32_t		tm_tid;
	uint64_t	tm_deadline;	/* of its own clock; 0: not armed */
	uint64_t	tm_interval;
	uint32_t	tm_overrun;
};

/* ---- The service thread's part ---- */

static bool
clock_is_cpu(uint32_t clock)
{
	return clock == 2 || clock == 3 || (int32_t)clock < 0;
}

/* Time of a timer's clock when the monotonic time is NOW. */
static uint64_t
timer_now(const struct em_timer *tm, uint64_t now)
{
	uint64_t ns;

	if (tm->tm_clock == 1)
		return now;
	return em_clock_read(tm->tm_clock, &ns) < 0 ? now : ns;
}

static void
timer_fire(struct em_process *p, struct em_timer *tm, uint64_t now)
{
	struct mx_siginfo info = { .si_signo = tm->tm_signo, .si_code = MX_SI_TIMER, .si_pid = tm->tm_id,
		.si_value = tm->tm_value };
	struct em_thread *t = NULL;
	uint64_t missed = 0;

	if (tm->tm_interval != 0)
		missed = (now - tm->tm_deadline) / tm->tm_interval;
	tm->tm_overrun = missed > 0x7fffffff ? 0x7fffffff : (uint32_t)missed;
	tm->tm_deadline = tm->tm_interval != 0 ? tm->tm_deadline + (missed + 1) * tm->tm_interval : 0;
	if (tm->tm_notify == SIGEV_NONE)
		return;
	info.si_uid = tm->tm_overrun;
	if (tm->tm_notify == SIGEV_THREAD_ID) {
		for (t = p->p_threads; t != NULL && t->t_tid != tm->tm_tid; t = t->t_next)
			;
		if (t == NULL)
			return;
	}
	em_signal_post(p, t, &info);
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* When, on the monotonic clock, to look at a timer again. */
static uint64_t
timer_look(const struct em_timer *tm, uint64_t now, uint64_t own_now)
{
	if (tm->tm_deadline == 0)
		return 0;
	if (clock_is_cpu(tm->tm_clock))
		return now + TICK_NS;
	return now + (tm->tm_deadline - own_now);
}

static uint64_t
itimer_cpu_run(struct em_process *p, unsigned int which, uint64_t cpu, int signo, uint64_t now)
{
	struct mx_siginfo info = { .si_signo = (uint32_t)signo, .si_code = MX_SI_KERNEL };

	if (p->p_virtual_ns[which] == 0)
		return 0;
	if (cpu >= p->p_virtual_ns[which]) {
		p->p_virtual_ns[which] = p->p_virtual_interval_ns[which] != 0 ? cpu + p->p_virtual_interval_ns[which] : 0;
		em_signal_post(p, NULL, &info);
	}
	return p->p_virtual_ns[which] != 0 ? now + TICK_NS : 0;
}

uint64_t
em_timers_run(struct em_process *p, uint64_t now)
{
	struct mx_siginfo alarm = { .si_signo = MX_SIGALRM, .si_code = MX_SI_KERNEL };
	uint64_t next, cpu, own;

	if (p->p_alarm_ns != 0 && now >= p->p_alarm_ns) {
		p->p_alarm_ns = p->p_alarm_interval_ns == 0 ? 0 : p->p_alarm_ns +
			((now - p->p_alarm_ns) / p->p_alarm_interval_ns + 1) * p->p_alarm_interval_ns;
		em_signal_post(p, NULL, &alarm);
	}
	next = p->p_alarm_ns;
	if (p->p_virtual_ns[0] != 0 || p->p_virtual_ns[1] != 0) {
		cpu = em_cpu_ns(MACH_PORT_NULL);
		next = earlier(next, itimer_cpu_run(p, 0, cpu, MX_SIGVTALRM, now));
		next = earlier(next, itimer_cpu_run(p, 1, cpu, MX_SIGPROF, now));
	}
	for (struct em_timer *tm = p->p_timers; tm != NULL; tm = tm->tm_next) {
		if (tm->tm_deadline == 0)
			continue;
		own = timer_now(tm, now);
		if (own >= tm->tm_deadline)
			timer_fire(p, tm, own);
		next = earlier(next, timer_look(tm, now, own));
	}
	return next;
}

/* A new program has no POSIX timers; interval timers go on. */
void
em_timers_exec(struct em_process *p)
{
	struct em_timer *tm;

	em_lock(&p->p_lock);
	while ((tm = p->p_timers) != NULL) {
		p->p_timers = tm->tm_next;
		em_free(tm, sizeof(*tm));
	}
	em_unlock(&p->p_lock);
}

/* A fork child has no timers at all. */
void
em_timers_forked(struct em_process *p)
{
	p->p_alarm_ns = p->p_alarm_interval_ns = 0;
	memset(p->p_virtual_ns, 0, sizeof(p->p_virtual_ns));
	memset(p->p_virtual_interval_ns, 0, sizeof(p->p_virtual_interval_ns));
	em_timers_exec(p);
}

/* ---- Interval timers ---- */

struct itimer { uint64_t value, interval; };	/* nanoseconds */

static int32_t
itimer_read(struct em_process *p, uint32_t which, struct itimer *it)
{
	uint64_t now = which == ITIMER_REAL ? em_now_ns() : em_cpu_ns(MACH_PORT_NULL), at;

	if (which > ITIMER_PROF)
		return E(EINVAL);
	at = which == ITIMER_REAL ? p->p_alarm_ns : p->p_virtual_ns[which - 1];
	it->value = at == 0 ? 0 : at > now ? at - now : 1000;
	it->interval = which == ITIMER_REAL ? p->p_alarm_interval_ns : p->p_virtual_interval_ns[which - 1];
	return 0;
}

static void
itimer_write(struct em_process *p, uint32_t which, const struct itimer *it)
{
	uint64_t now = which == ITIMER_REAL ? em_now_ns() : em_cpu_ns(MACH_PORT_NULL);
	uint64_t at = it->value != 0 ? now + it->value : 0;

	em_lock(&p->p_lock);
	if (which == ITIMER_REAL) {
		p->p_alarm_ns = at;
		p->p_alarm_interval_ns = it->interval;
	} else {
		p->p_virtual_ns[which - 1] = at;
		p->p_virtual_interval_ns[which - 1] = it->interval;
	}
	em_unlock(&p->p_lock);
	if (at != 0)
		em_service_poke();
}

static int32_t
itimer_copyin(struct itimer *it, uint32_t from)
{
	int32_t in[4];

	if (em_copyin(in, from, sizeof(in)) < 0)
		return E(EFAULT);
	if (in[0] < 0 || in[2] < 0 || in[1] < 0 || in[1] >= 1000000 || in[3] < 0 || in[3] >= 1000000)
		return E(EINVAL);
	it->interval = (uint64_t)in[0] * NS + (uint32_t)in[1] * 1000u;
	it->value = (uint64_t)in[2] * NS + (uint32_t)in[3] * 1000u;
	return 0;
}

static int32_t
itimer_copyout(uint32_t to, const struct itimer *it)
{
	uint32_t out[4];

	out[0] = (uint32_t)(it->interval / NS);
	out[1] = (uint32_t)(it->interval % NS) / 1000u;
	out[2] = (uint32_t)(it->value / NS);
	out[3] = (uint32_t)(it->value % NS) / 1000u;
	return em_copyout(to, out, sizeof(out));
}

int32_t
sys_getitimer(uint32_t which, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct itimer it;
	int32_t err = itimer_read(em_proc(), which, &it);

	(void)c, (void)d, (void)e, (void)f;
	return err < 0 ? err : itimer_copyout(to, &it);
}

int32_t
sys_setitimer(uint32_t which, uint32_t from, uint32_t to, uint32_t d, uint32_t e, uint32_t f)
{
	struct itimer it = { 0, 0 }, old;
	int32_t err = itimer_read(em_proc(), which, &old);

	(void)d, (void)e, (void)f;
	if (err == 0 && from != 0)
		err = itimer_copyin(&it, from);
	if (err < 0)
		return err;
	itimer_write(em_proc(), which, &it);
	return to != 0 ? itimer_copyout(to, &old) : 0;
}

int32_t
sys_alarm(uint32_t seconds, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct itimer it = { (uint64_t)seconds * NS, 0 }, old;
	uint32_t left;

	(void)b, (void)c, (void)d, (void)e, (void)f;
	(void)itimer_read(em_proc(), ITIMER_REAL, &old);	/* cannot fail */
	itimer_write(em_proc(), ITIMER_REAL, &it);
	left = (uint32_t)(old.value / NS);
	return (int32_t)(left + ((uint32_t)(old.value % NS) >= NS / 2 || (left == 0 && old.value != 0)));
}

/* ---- POSIX timers ---- */

static struct em_timer *
timer_find(struct em_process *p, uint32_t id)
{
	struct em_timer *tm = p->p_timers;

	while (tm != NULL && tm->tm_id != (int32_t)id)
		tm = tm->tm_next;
	return tm;
}

int32_t
sys_timer_create(uint32_t clock, uint32_t event, uint32_t to, uint32_t d, uint32_t e, uint32_t f)
{
	struct { uint32_t value, signo, notify; int32_t tid; } ev = { 0, MX_SIGALRM, SIGEV_SIGNAL, 0 };
	struct em_process *p = em_proc();
	struct em_timer *tm;
	uint64_t ns;
	int32_t id = 0;

	(void)d, (void)e, (void)f;
	if (em_clock_read(clock, &ns) < 0)
		return E(EINVAL);
	if (event != 0 && em_copyin(&ev, event, sizeof(ev)) < 0)
		return E(EFAULT);
	if ((ev.notify != SIGEV_NONE && (ev.signo == 0 || ev.signo >= MX_NSIG)) ||
	    (ev.notify != SIGEV_SIGNAL && ev.notify != SIGEV_NONE && ev.notify != SIGEV_THREAD_ID))
		return E(EINVAL);
	tm = em_alloc(sizeof(*tm));
	if (tm == NULL)
		return E(EAGAIN);
	*tm = (struct em_timer){ .tm_clock = clock, .tm_notify = ev.notify, .tm_signo = ev.signo, .tm_value = ev.value,
		.tm_tid = ev.tid };
	em_lock(&p->p_lock);
	while (id < TIMERS_MAX && timer_find(p, (uint32_t)id) != NULL)
		id++;
	tm->tm_id = id;
	if (event == 0)
		tm->tm_value = (uint32_t)id;
	if (id < TIMERS_MAX) {
		tm->tm_next = p->p_timers;
		p->p_timers = tm;
	}
	em_unlock(&p->p_lock);
	if (id == TIMERS_MAX) {
		em_free(tm, sizeof(*tm));
		return E(EAGAIN);
	}
	if (em_copyout(to, &id, sizeof(id)) < 0) {
		(void)sys_timer_delete((uint32_t)id, 0, 0, 0, 0, 0);
		return E(EFAULT);
	}
	return 0;
}

int32_t
sys_timer_delete(uint32_t id, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_process *p = em_proc();
	struct em_timer **at, *tm;

	(void)b, (void)c, (void)d, (void)e, (void)f;
	em_lock(&p->p_lock);
	for (at = &p->p_timers; (tm = *at) != NULL && tm->tm_id != (int32_t)id; at = &tm->tm_next)
		;
	if (tm != NULL)
		*at = tm->tm_next;
	em_unlock(&p->p_lock);
	em_free(tm, sizeof(*tm));
	return tm != NULL ? 0 : E(EINVAL);
}

static int32_t
timer_read(uint32_t id, struct itimer *it)
{
	struct em_process *p = em_proc();
	struct em_timer *tm;
	uint64_t now;

	em_lock(&p->p_lock);
	tm = timer_find(p, id);
	if (tm != NULL) {
		now = timer_now(tm, em_now_ns());
		it->interval = tm->tm_interval;
		it->value = tm->tm_deadline == 0 ? 0 : tm->tm_deadline > now ? tm->tm_deadline - now : 1;
	}
	em_unlock(&p->p_lock);
	return tm != NULL ? 0 : E(EINVAL);
}

static int32_t
timer_write(uint32_t id, uint32_t flags, const struct itimer *it)
{
	struct em_process *p = em_proc();
	struct em_timer *tm;

	em_lock(&p->p_lock);
	tm = timer_find(p, id);
	if (tm != NULL) {
		tm->tm_interval = it->interval;
		tm->tm_overrun = 0;
		tm->tm_deadline = it->value == 0 ? 0 : (flags & TIMER_ABSTIME) ? it->value :
			timer_now(tm, em_now_ns()) + it->value;
	}
	em_unlock(&p->p_lock);
	if (tm == NULL)
		return E(EINVAL);
	em_service_poke();
	return 0;
}

typedef int32_t timespec_in(uint64_t *ns, uint32_t from);
typedef int32_t timespec_out(uint32_t to, uint64_t ns);

static int32_t
timer_settime(uint32_t id, uint32_t flags, uint32_t from, uint32_t to, timespec_in *in, timespec_out *out, uint32_t size)
{
	struct itimer it, old;
	int32_t err = in(&it.interval, from);

	if (err == 0)
		err = in(&it.value, from + size);
	if (err == 0)
		err = timer_read(id, &old);
	if (err == 0)
		err = timer_write(id, flags, &it);
	if (err == 0 && to != 0 && (out(to, old.interval) < 0 || out(to + size, old.value) < 0))
		err = E(EFAULT);
	return err;
}

int32_t
sys_timer_settime(uint32_t id, uint32_t flags, uint32_t from, uint32_t to, uint32_t e, uint32_t f)
{
	(void)e, (void)f;
	return timer_settime(id, flags, from, to, em_timespec_in, em_timespec_out, 8);
}

int32_t
sys_timer_settime64(uint32_t id, uint32_t flags, uint32_t from, uint32_t to, uint32_t e, uint32_t f)
{
	(void)e, (void)f;
	return timer_settime(id, flags, from, to, em_timespec64_in, em_timespec64_out, 16);
}

static int32_t
timer_gettime(uint32_t id, uint32_t to, timespec_out *out, uint32_t size)
{
	struct itimer it;
	int32_t err = timer_read(id, &it);

	if (err == 0)
		err = out(to, it.interval);
	return err < 0 ? err : out(to + size, it.value);
}

int32_t
sys_timer_gettime(uint32_t id, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	return timer_gettime(id, to, em_timespec_out, 8);
}

int32_t
sys_timer_gettime64(uint32_t id, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	return timer_gettime(id, to, em_timespec64_out, 16);
}

int32_t
sys_timer_getoverrun(uint32_t id, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_process *p = em_proc();
	struct em_timer *tm;
	int32_t n = E(EINVAL);

	(void)b, (void)c, (void)d, (void)e, (void)f;
	em_lock(&p->p_lock);
	tm = timer_find(p, id);
	if (tm != NULL)
		n = (int32_t)tm->tm_overrun;
	em_unlock(&p->p_lock);
	return n;
}
