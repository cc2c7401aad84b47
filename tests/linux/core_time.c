/*
 * core_time.c - clocks, sleeping, interval and POSIX timers, limits, usage, names, ids.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <time.h>
#include "core.h"

static volatile int count;
static volatile siginfo_t seen;

static void
on_signal(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	count++;
	memcpy((void *)&seen, info, sizeof(seen));
}

static double
now(int clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
test_clocks(void)
{
	struct { int sec, nsec; } t32;
	struct { long long sec, nsec; } t64;
	struct timeval tv;
	double a, b;
	time_t t;
	int i, back = 0;

	a = now(CLOCK_MONOTONIC);
	for (i = 0; i < 10000; i++) {
		b = now(CLOCK_MONOTONIC);
		if (b < a)
			back++;
		a = b;
	}
	is(back, 0, "the monotonic clock never goes back");
	gettimeofday(&tv, NULL);
	t = time(NULL);
	ok(t - tv.tv_sec <= 1 && now(CLOCK_REALTIME) - (double)tv.tv_sec < 3, "time, gettimeofday, CLOCK_REALTIME agree");
	returns(syscall(SYS_clock_gettime32, CLOCK_REALTIME, &t32), 0);
	returns(syscall(403, CLOCK_REALTIME, &t64), 0);
	ok(t64.sec - t32.sec <= 1 && t64.sec >= t32.sec, "32-bit and 64-bit calls agree");
	ok(t64.nsec >= 0 && t64.nsec < 1000000000, "nanoseconds");
	fails(syscall(SYS_clock_gettime32, 77, &t32), EINVAL);
	returns(syscall(SYS_clock_getres_time32, CLOCK_MONOTONIC, &t32), 0);
	a = now(CLOCK_PROCESS_CPUTIME_ID);
	b = now(CLOCK_MONOTONIC);
	while (now(CLOCK_MONOTONIC) - b < 0.2)
		;
	a = now(CLOCK_PROCESS_CPUTIME_ID) - a;
	ok(a > 0.02 && a < 2, "processor time passes");
	a = now(CLOCK_THREAD_CPUTIME_ID);
	ok(a > 0.02, "the thread's too");
}

static void
test_sleep(void)
{
	struct timespec req = { 0, 50000000 }, bad = { 0, 1000000000 };
	double a = now(CLOCK_MONOTONIC), d;

	nanosleep(&req, NULL);
	d = now(CLOCK_MONOTONIC) - a;
	ok(d >= 0.05 && d < 0.5, "nanosleep of 50 ms");
	a = now(CLOCK_MONOTONIC);
	usleep(500);
	d = now(CLOCK_MONOTONIC) - a;
	ok(d >= 0.0005 && d < 0.2, "usleep of 500 us");
	clock_gettime(CLOCK_MONOTONIC, &req);
	req.tv_nsec += 40000000;
	if (req.tv_nsec >= 1000000000) {
		req.tv_sec++;
		req.tv_nsec -= 1000000000;
	}
	is(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &req, NULL), 0, "until a point in time");
	ok(now(CLOCK_MONOTONIC) >= (double)req.tv_sec + (double)req.tv_nsec / 1e9, "not before it");
	is(nanosleep(&bad, NULL), -1, "too many nanoseconds");
	is(errno, EINVAL, "... EINVAL");
	is(clock_nanosleep(77, 0, &req, NULL), EINVAL, "no such clock");
}

static void
test_itimer(void)
{
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } }, off = { { 0, 0 }, { 0, 0 } }, got;
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGVTALRM, &sa, NULL);
	sigaction(SIGPROF, &sa, NULL);
	count = 0;
	setitimer(ITIMER_REAL, &it, NULL);
	while (count < 3)
		pause();
	is(seen.si_code, SI_KERNEL, "si_code of an interval timer");
	is(setitimer(ITIMER_REAL, &off, &got), 0, "off");
	is(got.it_interval.tv_usec, 20000, "what it was");
	alarm(10);
	is((long)alarm(0), 10, "alarm tells what was left");
	count = 0;
	setitimer(ITIMER_VIRTUAL, &it, NULL);
	while (count < 2)
		;
	setitimer(ITIMER_VIRTUAL, &off, NULL);
	is(seen.si_signo, SIGVTALRM, "ITIMER_VIRTUAL");
	setitimer(ITIMER_PROF, &it, NULL);
	count = 0;
	while (count < 2)
		;
	setitimer(ITIMER_PROF, &off, NULL);
	is(seen.si_signo, SIGPROF, "ITIMER_PROF");
	it.it_value.tv_usec = 1000000;
	is(setitimer(ITIMER_REAL, &it, NULL), -1, "too many microseconds");
	is(errno, EINVAL, "... EINVAL");
}

static void
test_timer(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1, .sigev_value.sival_int = 77 };
	struct itimerspec it = { { 0, 0 }, { 0, 30000000 } }, got;
	timer_t id;

	sigaction(SIGRTMIN + 1, &sa, NULL);
	is(timer_create(CLOCK_MONOTONIC, &ev, &id), 0, "timer_create");
	is(timer_settime(id, 0, &it, NULL), 0, "timer_settime");
	timer_gettime(id, &got);
	ok(got.it_value.tv_nsec > 0 && got.it_value.tv_nsec <= 30000000, "timer_gettime");
	count = 0;
	while (count == 0)
		pause();
	is(seen.si_code, SI_TIMER, "si_code");
	is(seen.si_value.sival_int, 77, "its value");
	is(timer_getoverrun(id), 0, "no overrun");
	is(timer_delete(id), 0, "timer_delete");
	is(timer_gettime(id, &got), -1, "it is gone");
	is(errno, EINVAL, "... EINVAL");
}

static void
test_limits(void)
{
	struct rlimit rl, new;
	struct rusage ru;
	struct tms tms;

	returns(getrlimit(RLIMIT_NOFILE, &rl), 0);
	new = rl;
	new.rlim_cur = 64;
	returns(setrlimit(RLIMIT_NOFILE, &new), 0);
	returns(getrlimit(RLIMIT_NOFILE, &new), 0);
	is((long)new.rlim_cur, 64, "a limit is lowered");
	new.rlim_cur = new.rlim_max + 1;
	if (new.rlim_max != RLIM_INFINITY)
		fails(setrlimit(RLIMIT_NOFILE, &new), EINVAL);
	setrlimit(RLIMIT_NOFILE, &rl);
	fails(getrlimit(99, &rl), EINVAL);
	returns(getrusage(RUSAGE_SELF, &ru), 0);
	ok(ru.ru_utime.tv_sec > 0 || ru.ru_utime.tv_usec > 0 || ru.ru_stime.tv_usec > 0, "time was used");
	returns(getrusage(RUSAGE_CHILDREN, &ru), 0);
	fails(getrusage(55, &ru), EINVAL);
	ok(times(&tms) != (clock_t)-1, "times");
	errno = 0;
	ok(getpriority(PRIO_PROCESS, 0) >= -20 && errno == 0, "getpriority");
}

static void
test_names(void)
{
	struct utsname u;
	struct sysinfo si;
	char name[17] = "", buf[64];
	cpu_set_t set;
	gid_t groups[64];
	uid_t r, e, s;

	returns(uname(&u), 0);
	ok(strcmp(u.sysname, "Linux") == 0, "it calls itself Linux");
	ok(atoi(u.release) >= 3, "a release that libraries accept");
	returns(sysinfo(&si), 0);
	ok(si.totalram > 0, "sysinfo");
	returns(prctl(PR_SET_NAME, "a name that is too long"), 0);
	returns(prctl(PR_GET_NAME, name), 0);
	ok(strcmp(name, "a name that is ") == 0, "PR_SET_NAME cuts");
	is(prctl(PR_CAPBSET_READ, 200), -1, "PR_CAPBSET_READ of no capability");
	fails(prctl(12345), EINVAL);
	is(getrandom(buf, sizeof(buf), 0), sizeof(buf), "getrandom");
	fails(getrandom(buf, 1, 0x100), EINVAL);
	ok(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) >= 1, "sched_getaffinity");
	is(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER, "sched_getscheduler");
	is(sched_yield(), 0, "sched_yield");
	ok(getresuid(&r, &e, &s) == 0 && r == getuid() && e == geteuid(), "getresuid");
	ok(getgroups(64, groups) >= 0, "getgroups");
	ok(getpgrp() == getpgid(0) && getsid(0) > 0, "getpgrp, getsid");
	fails(syscall(9999), ENOSYS);
	fails(syscall(-1), ENOSYS);
	is((long)umask(022), (long)umask(022) == 022 ? 022 : -1, "umask");
}

int
main(void)
{
	test_clocks();
	test_sleep();
	test_itimer();
	test_timer();
	test_limits();
	test_names();
	return tap_end();
}
