/*
 * core_thread.c - threads, thread-local storage, futexes, and what processes with threads do.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "core.h"

enum { FUTEX_WAKE = 1, FUTEX_WAIT_PRIVATE = 128, FUTEX_WAKE_PRIVATE, FUTEX_CMP_REQUEUE_PRIVATE = 132, FUTEX_WAKE_OP_PRIVATE,
	FUTEX_WAIT_BITSET_PRIVATE = 137, FUTEX_WAKE_BITSET_PRIVATE };
#define ADD_4_IF_3	(1 << 28 | 0 << 24 | 4 << 12 | 3)	/* FUTEX_OP(FUTEX_OP_ADD, 4, FUTEX_OP_CMP_EQ, 3) */

static __thread int own = 5;
static volatile int shared;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static long
futex(volatile void *word, int op, int value, const struct timespec *ts, volatile void *word2, int value3)
{
	return syscall(SYS_futex, word, op, value, ts, word2, value3);
}

static void *
add(void *arg)
{
	int i;

	own += (int)(intptr_t)arg;
	for (i = 0; i < 10000; i++) {
		pthread_mutex_lock(&mutex);
		shared++;
		pthread_mutex_unlock(&mutex);
	}
	return (void *)(intptr_t)own;
}

static void
test_threads(void)
{
	pthread_t t[8];
	void *result;
	long sum = 0;
	int i;

	for (i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, add, (void *)(intptr_t)i);
	for (i = 0; i < 8; i++) {
		pthread_join(t[i], &result);
		sum += (intptr_t)result;
	}
	is(shared, 80000, "eight threads under a mutex");
	is(sum, 8 * 5 + 28, "each with storage of its own");
	is(own, 5, "and the first one's is untouched");
	for (i = 0; i < 200; i++) {
		pthread_create(&t[0], NULL, add, NULL);
		pthread_join(t[0], NULL);
	}
	ok(1, "200 threads in turn");
}

static void *
waiter(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&mutex);
	shared++;
	pthread_cond_broadcast(&cond);
	while (shared < 100)
		pthread_cond_wait(&cond, &mutex);
	shared++;
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void
test_cond(void)
{
	pthread_t t[5];
	struct timespec ts;
	int i;

	shared = 0;
	for (i = 0; i < 5; i++)
		pthread_create(&t[i], NULL, waiter, NULL);
	pthread_mutex_lock(&mutex);
	while (shared < 5)
		pthread_cond_wait(&cond, &mutex);
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += 30000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	is(pthread_cond_timedwait(&cond, &mutex, &ts), ETIMEDOUT, "pthread_cond_timedwait");
	shared = 100;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	for (i = 0; i < 5; i++)
		pthread_join(t[i], NULL);
	is(shared, 105, "a broadcast wakes all");
}

static volatile int words[2] __attribute__((aligned(64)));
static volatile int woken;

static void *
sleeper(void *arg)
{
	futex(&words[0], FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, (int)(intptr_t)arg);
	__atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void
test_futex(void)
{
	struct timespec ts = { 0, 20000000 };
	pthread_t t[4];
	long n;
	int i;

	words[0] = 1;
	is(futex(&words[0], FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), -1, "FUTEX_WAIT with another value");
	is(errno, EAGAIN, "... EAGAIN");
	is(futex(&words[0], FUTEX_WAIT_PRIVATE, 1, &ts, NULL, 0), -1, "FUTEX_WAIT until the time-out");
	is(errno, ETIMEDOUT, "... ETIMEDOUT");
	is(futex(&words[0], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0, "FUTEX_WAKE of nobody");
	is(futex((char *)words + 1, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), -1, "an odd address");
	is(errno, EINVAL, "... EINVAL");
	is(futex(tap_bad, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), -1, "a bad address");
	is(errno, EFAULT, "... EFAULT");
	words[0] = 0;
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, sleeper, (void *)(intptr_t)(1 << i));
	usleep(60000);
	is(futex(&words[0], FUTEX_WAKE_BITSET_PRIVATE, 9, NULL, NULL, 4), 1, "FUTEX_WAKE_BITSET wakes the one");
	is(futex(&words[0], FUTEX_WAKE, 9, NULL, NULL, 0), 0, "a shared wake does not find private waiters");
	n = futex(&words[0], FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, &words[1], 0);
	is(n, 2, "FUTEX_CMP_REQUEUE: one woken, one moved");
	is(futex(&words[1], FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0), 1, "the moved one is there");
	is(futex(&words[0], FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0), 1, "and one is left");
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	is(woken, 4, "all awake");
	words[0] = words[1] = 3;
	n = futex(&words[0], FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &words[1], ADD_4_IF_3);
	is(n, 0, "FUTEX_WAKE_OP");
	is(words[1], 7, "... adds");
}

static void
test_shared_futex(void)
{
	sem_t *sem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, i;
	pid_t pid;

	sem_init(sem, 1, 0);
	sem_init(sem + 1, 1, 0);
	pid = fork();
	if (pid == 0) {
		for (i = 0; i < 20; i++) {
			sem_wait(sem);
			sem_post(sem + 1);
		}
		_exit(4);
	}
	for (i = 0; i < 20; i++) {
		usleep(i == 3 ? 20000 : 0);
		sem_post(sem);
		sem_wait(sem + 1);
	}
	waitpid(pid, &status, 0);
	is(status, 4 << 8, "semaphores between processes");
}

/* A process that ends with a robust mutex in its hands leaves it to be recovered. */
static void
test_robust(void)
{
	pthread_mutex_t *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attr;
	pid_t pid;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(m, &attr);
	pid = fork();
	if (pid == 0) {
		pthread_mutex_lock(m);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	is(pthread_mutex_lock(m), EOWNERDEAD, "a robust mutex of a process that ended");
	is(pthread_mutex_consistent(m), 0, "is made consistent");
	is(pthread_mutex_unlock(m), 0, "and unlocked");
}

static volatile pid_t handler_tid;
static volatile int stop;

static void
on_signal(int signo)
{
	(void)signo;
	handler_tid = (pid_t)syscall(SYS_gettid);
}

static volatile pid_t spin_tid;

static void *
spin(void *arg)
{
	volatile int *flag = arg;

	spin_tid = (pid_t)syscall(SYS_gettid);
	while (!*flag)
		;
	return NULL;
}

static void *
block(void *arg)
{
	int *p = arg;
	char c;

	spin_tid = (pid_t)syscall(SYS_gettid);
	return (void *)(intptr_t)(read(p[0], &c, 1) < 0 ? errno : 0);
}

static void
test_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t set;
	pthread_t t;
	void *result;
	int p[2];

	sigaction(SIGUSR1, &sa, NULL);
	pthread_create(&t, NULL, spin, (void *)&stop);
	while (spin_tid == 0)
		usleep(1000);
	ok(spin_tid != getpid(), "a thread has a number of its own");
	pthread_kill(t, SIGUSR1);
	while (handler_tid == 0)
		usleep(1000);
	is(handler_tid, spin_tid, "pthread_kill reaches a computing thread");
	handler_tid = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	while (handler_tid == 0)
		usleep(1000);
	is(handler_tid, spin_tid, "a signal for the process goes to who does not block it");
	stop = 1;
	pthread_join(t, NULL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	pipe(p);
	spin_tid = handler_tid = 0;
	pthread_create(&t, NULL, block, p);
	while (spin_tid == 0)
		usleep(1000);
	usleep(20000);
	pthread_kill(t, SIGUSR1);
	pthread_join(t, &result);
	is((intptr_t)result, EINTR, "pthread_kill interrupts a read");
	is(handler_tid, spin_tid, "... and runs there");
	is(syscall(SYS_tgkill, getpid(), 1, SIGUSR1), -1, "tgkill to a thread of another process");
	is(errno, ESRCH, "... ESRCH");
}

static void *
cancelled(void *arg)
{
	char c;

	spin_tid = 1;
	read(((int *)arg)[0], &c, 1);
	return NULL;
}

static void
test_cancel(void)
{
	pthread_t t;
	void *result;
	int p[2];

	pipe(p);
	spin_tid = 0;
	pthread_create(&t, NULL, cancelled, p);
	while (spin_tid == 0)
		usleep(1000);
	usleep(20000);
	pthread_cancel(t);
	pthread_join(t, &result);
	ok(result == PTHREAD_CANCELED, "pthread_cancel ends a blocked read");
}

static void *
fork_from_thread(void *arg)
{
	int status;
	pid_t pid = fork();

	(void)arg;
	if (pid == 0)
		_exit(own == 5 ? 6 : 7);
	waitpid(pid, &status, 0);
	return (void *)(intptr_t)status;
}

static void *
sleep_long(void *arg)
{
	sleep(100);
	return arg;
}

static void *
exec_from_thread(void *arg)
{
	execl("/proc/self/exe", "core_thread", "executed", (char *)NULL);
	return arg;
}

static void
test_process(void)
{
	pthread_t t, u;
	void *result;
	int status;
	pid_t pid;

	pthread_create(&u, NULL, spin, (void *)&words[0]);
	words[0] = 0;
	pthread_create(&t, NULL, fork_from_thread, NULL);
	pthread_join(t, &result);
	is((intptr_t)result, 6 << 8, "fork by a thread copies that thread");
	words[0] = 1;
	pthread_join(u, NULL);
	pid = fork();
	if (pid == 0) {
		pthread_create(&t, NULL, sleep_long, NULL);
		pthread_create(&t, NULL, sleep_long, NULL);
		exit(8);
	}
	waitpid(pid, &status, 0);
	is(status, 8 << 8, "exit ends all threads");
	pid = fork();
	if (pid == 0) {
		pthread_create(&t, NULL, sleep_long, NULL);
		pthread_create(&t, NULL, exec_from_thread, NULL);
		pause();
	}
	waitpid(pid, &status, 0);
	is(status, 9 << 8, "execve by a thread ends the others");
	pid = fork();
	if (pid == 0) {
		words[0] = 0;
		pthread_create(&t, NULL, spin, (void *)&words[0]);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, &status, 0);
	is(status, SIGKILL, "SIGKILL ends all threads");
}

static void *
detached(void *arg)
{
	__atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void
test_detached(void)
{
	pthread_attr_t attr;
	pthread_t t;
	int i;

	woken = 0;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (i = 0; i < 50; i++)
		pthread_create(&t, &attr, detached, NULL);
	for (i = 0; i < 500 && woken < 50; i++)
		usleep(10000);
	is(woken, 50, "detached threads, which unmap their own stacks");
}

int
main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return 9;
	test_threads();
	test_cond();
	test_futex();
	test_shared_futex();
	test_robust();
	test_signals();
	test_cancel();
	test_process();
	test_detached();
	return tap_end();
}
