/*
 * time.c - what time it is.
 *
 * The kernel's clock has ticks of 10 ms and loses some when the host is busy; the time stamp counter is exact, but nobody says
 * how fast it is. So its rate is measured against the kernel's: coarsely after the first 100 ms, during which
 * the kernel's own time is used, then better over longer spans. As the kernel's clock can only lose time, the lowest
 * rate that was ever measured is nearest to the truth.
 *
 * proc does this better, and publishes its clock for processes. As soon as it is there servers take their time from it as
 * well (clock.c): a file's time must not be later than what a process then reads from its own clock.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <masix/mach.h>
#include "impl.h"
#include "mach_host.h"

#define NS		1000000000ull
#define TICK_NS		10000000ull
#define FIRST_SPAN_NS	100000000ull	/* the shortest that a rate is taken from */
#define SPAN_NS		(20 * NS)	/* long enough for 0.05 % */

static mach_port_t host;
static uint64_t span_tsc, span_ns;	/* where the present measurement began */
static uint64_t base_tsc, base_ns;	/* our time was BASE_NS at BASE_TSC */
static uint64_t hz, bound_hz;		/* rate; what it cannot exceed */
static uint32_t mult;			/* ns = ticks * mult >> 31 */
static uint64_t last_ns;		/* never go back */
static uint64_t real_offset;
static const volatile struct mx_sys_clock *shared;	/* NULL: not yet */
static uint64_t floor_ns;		/* our own time when it took over: it is not to go back */

static uint64_t
tsc(void)
{
	return __builtin_ia32_rdtsc();
}

static uint64_t
uptime_ns(void)
{
	time_value64_t t;

	if (host_get_uptime64(host, &t) != KERN_SUCCESS)
		return 0;
	return (uint64_t)t.seconds * NS + (uint64_t)t.nanoseconds;
}

/* TICKS * NS / RATE without overflow. */
static uint64_t
scale(uint64_t ticks, uint64_t rate)
{
	return ticks / rate * NS + ticks % rate * NS / rate;
}

static void
rate_set(uint64_t rate)
{
	hz = rate;
	mult = (uint32_t)((NS << 31) / rate);	/* rates over 500 MHz only: else 0, and slow */
	if (rate <= NS / 2)
		mult = 0;
}

/* Look at the kernel's clock again, at time stamp T. */
static void
calibrate(uint64_t t)
{
	uint64_t up = uptime_ns(), span = up - span_ns, ticks = t - span_tsc, bound;

	if (span < FIRST_SPAN_NS)
		return;
	bound = ticks * 1000 / ((span - TICK_NS) / 1000000);	/* at most this, by the granularity of the kernel's clock */
	if (bound_hz == 0 || bound < bound_hz)
		bound_hz = bound;
	rate_set(span < NS ? ticks * 1000 / (span / 1000000) : bound_hz);
	if (span > SPAN_NS) {
		span_tsc = t;
		span_ns = up;
	}
}

/* Begin a new base at T, so that products stay small; returns the time. */
static uint64_t
rebase(uint64_t t)
{
	uint64_t now;

	if (hz == 0) {
		now = uptime_ns();
		calibrate(t);
	} else {
		now = base_ns + scale(t - base_tsc, hz);
		calibrate(t);
	}
	if (now < last_ns)
		now = last_ns;
	base_tsc = t;
	base_ns = last_ns = now;
	return now;
}

/* The shared clock's time and its distance to the real one. */
static uint64_t
shared_read(uint64_t *offset)
{
	uint64_t ns;
	uint32_t seq;

	do {
		seq = shared->ck_seq;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		ns = shared->ck_mono_ns + ((tsc() - shared->ck_tsc) * shared->ck_mult >> shared->ck_shift);
		*offset = shared->ck_real_ns;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((seq & 1) != 0 || seq != shared->ck_seq);
	return ns > floor_ns ? ns : floor_ns;
}

void
mx_clock_use(const volatile struct mx_sys_clock *clock)
{
	floor_ns = mx_now_ns();
	shared = clock;
}

bool
mx_clock_is_shared(void)
{
	return shared != NULL;
}

uint64_t
mx_now_ns(void)
{
	uint64_t t, ticks, ignored;

	if (shared != NULL)
		return shared_read(&ignored);
	t = tsc();
	ticks = t - base_tsc;
	if (mult == 0 || ticks >> 32 != 0)
		return mx_thread_reply_port() == NULL ? rebase(t) : hz == 0 ? uptime_ns() : base_ns + scale(ticks, hz);
	return base_ns + (ticks * mult >> 31);
}

uint64_t
mx_real_ns(void)
{
	uint64_t ns, offset;

	if (shared == NULL)
		return mx_now_ns() + real_offset;
	ns = shared_read(&offset);
	return ns + offset;
}

uint64_t
mx_tsc_hz(void)
{
	if (shared != NULL)
		return shared->ck_tsc_hz;
	(void)mx_now_ns();
	return hz;
}

void
mx_time_init(void)
{
	time_value64_t real;

	host = mach_host_self();
	span_tsc = base_tsc = tsc();
	span_ns = base_ns = uptime_ns();
	if (host_get_time64(host, &real) == KERN_SUCCESS)
		real_offset = (uint64_t)real.seconds * NS + (uint64_t)real.nanoseconds - span_ns;
}
