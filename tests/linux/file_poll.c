/*
 * file_poll.c - poll, select, epoll, eventfd, timerfd, signalfd.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

static volatile int signals;
static void on_signal(int s) { (void)s; signals++; }

static long
ms_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
test_poll(void)
{
	struct timespec ts = { 0, 20000000 };
	struct pollfd p[4];
	int a[2], f = open("f", O_RDWR | O_CREAT, 0644);
	sigset_t set, old;
	long t;

	pipe(a);
	p[0] = (struct pollfd){ a[0], POLLIN, 0 };
	p[1] = (struct pollfd){ a[1], POLLOUT, 0 };
	p[2] = (struct pollfd){ -1, POLLIN, 99 };
	p[3] = (struct pollfd){ f, POLLIN | POLLOUT, 0 };
	returns(poll(p, 4, -1), 2);
	ok(p[0].revents == 0 && p[1].revents == POLLOUT && p[2].revents == 0 && p[3].revents == (POLLIN | POLLOUT), "what is ready");
	t = ms_now();
	returns(poll(p, 1, 60), 0);
	t = ms_now() - t;
	ok(t >= 60 && t < 1000, "60 ms pass");
	returns(poll(p, 1, 0), 0);
	write(a[1], "x", 1);
	returns(poll(p, 1, -1), 1);
	close(a[1]);
	read(a[0], &t, 1);
	returns(poll(p, 1, -1), 1);
	ok(p[0].revents == POLLHUP, "POLLHUP, not asked for");
	p[0].fd = 77;
	returns(poll(p, 1, 0), 1);
	ok(p[0].revents == POLLNVAL, "POLLNVAL");
	fails(poll(tap_bad, 1, 0), EFAULT);
	fails(poll(p, (unsigned int)tap_many << 20, 0), EINVAL);
	returns(poll(NULL, 0, 10), 0);
	returns(ppoll(p, 0, &ts, NULL), 0);
	/* A signal that only the call lets in. */
	signal(SIGUSR1, on_signal);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGUSR1);
	ok(signals == 0, "blocked");
	fails(ppoll(p, 0, NULL, &old), EINTR);
	ok(signals == 1, "ppoll's mask lets it in");
	sigprocmask(SIG_SETMASK, &old, NULL);
	signals = 0;
	signal(SIGALRM, on_signal);
	alarm(1);
	fails(poll(NULL, 0, 5000), EINTR);
	close(a[0]);
	close(f);
}

static void
test_select(void)
{
	struct { long tv_sec, tv_usec; } tv = { 0, 50000 };	/* as the call itself has it; C libraries keep theirs constant */
	fd_set in, out;
	int a[2];

	pipe(a);
	FD_ZERO(&in);
	FD_SET(a[0], &in);
	FD_ZERO(&out);
	FD_SET(a[1], &out);
	returns(select(a[1] + 1, &in, &out, NULL, NULL), 1);
	ok(!FD_ISSET(a[0], &in) && FD_ISSET(a[1], &out), "which is ready");
	FD_SET(a[0], &in);
	returns(syscall(SYS__newselect, a[1] + 1, &in, NULL, NULL, &tv), 0);
	ok(tv.tv_sec == 0 && tv.tv_usec == 0 && !FD_ISSET(a[0], &in), "time is over");
	write(a[1], "x", 1);
	tv.tv_sec = 5;
	FD_SET(a[0], &in);
	returns(syscall(SYS__newselect, a[1] + 1, &in, NULL, NULL, &tv), 1);
	ok(tv.tv_sec == 4 || tv.tv_sec == 5, "what is left of it");
	FD_SET(70, &in);
	fails(select(71, &in, NULL, NULL, NULL), EBADF);
	fails(select(-1, &in, NULL, NULL, NULL), EINVAL);
	tv.tv_usec = -1;
	fails(syscall(SYS__newselect, 0, NULL, NULL, NULL, &tv), EINVAL);
	close(a[0]);
	close(a[1]);
}

static void
test_eventfd(void)
{
	int fd = eventfd(5, EFD_NONBLOCK), sem = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK), status;
	uint64_t v = 0;
	pid_t pid;

	returns(read(fd, &v, 8), 8);
	ok(v == 5, "the first value");
	fails(read(fd, &v, 8), EAGAIN);
	fails(read(fd, &v, 7), EINVAL);
	v = 3;
	returns(write(fd, &v, 8), 8);
	returns(write(fd, &v, 8), 8);
	returns(read(fd, &v, 8), 8);
	ok(v == 6, "they add up");
	v = ~0ull;
	fails(write(fd, &v, 8), EINVAL);
	v--;
	returns(write(fd, &v, 8), 8);
	v = 1;
	fails(write(fd, &v, 8), EAGAIN);
	returns(read(sem, &v, 8), 8);
	ok(v == 1, "a semaphore gives one");
	returns(read(sem, &v, 8), 8);
	fails(read(sem, &v, 8), EAGAIN);
	close(sem);
	close(fd);
	/* Shared over fork, and a sleeping reader. */
	fd = eventfd(0, 0);
	pid = fork();
	if (pid == 0) {
		usleep(100000);
		v = 7;
		_exit(write(fd, &v, 8) == 8 ? 0 : 1);
	}
	returns(read(fd, &v, 8), 8);
	ok(v == 7, "a child's write wakes the reader");
	waitpid(pid, &status, 0);
	pid = fork();
	if (pid == 0) {
		usleep(100000);
		_exit(write(fd, &v, 8) == 8 ? 0 : 1);
	}
	struct pollfd p = { fd, POLLIN, 0 };
	returns(poll(&p, 1, 5000), 1);
	waitpid(pid, &status, 0);
	close(fd);
}

static void
test_timerfd(void)
{
	struct itimerspec ts = { { 0, 20000000 }, { 0, 50000000 } }, was;
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	struct pollfd p = { fd, POLLIN, 0 };
	uint64_t n;
	long t = ms_now();

	returns(timerfd_settime(fd, 0, &ts, NULL), 0);
	returns(poll(&p, 1, 0), 0);
	returns(timerfd_gettime(fd, &was), 0);
	ok(was.it_interval.tv_nsec == 20000000 && was.it_value.tv_nsec > 0 && was.it_value.tv_nsec <= 50000000, "what is left");
	returns(read(fd, &n, 8), 8);
	ok(n >= 1 && ms_now() - t >= 50, "the first after 50 ms");
	usleep(100000);
	returns(read(fd, &n, 8), 8);
	ok(n >= 4 && n < 50, "the others counted");
	memset(&ts, 0, sizeof ts);
	returns(timerfd_settime(fd, 0, &ts, &was), 0);
	returns(poll(&p, 1, 60), 0);
	ts.it_value.tv_sec = 1;
	returns(timerfd_settime(fd, TFD_TIMER_ABSTIME, &ts, NULL), 0);
	returns(poll(&p, 1, 0), 1);
	fails(timerfd_settime(1, 0, &ts, NULL), EINVAL);
	fails(timerfd_create(77, 0), EINVAL);
	close(fd);
}

static void
test_signalfd(void)
{
	struct signalfd_siginfo info;
	sigset_t set, old;
	int fd, status;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, &old);
	fd = signalfd(-1, &set, SFD_NONBLOCK);
	struct pollfd p = { fd, POLLIN, 0 };
	fails(read(fd, &info, sizeof info), EAGAIN);
	fails(read(fd, &info, 10), EINVAL);
	raise(SIGUSR2);
	returns(poll(&p, 1, 0), 1);
	returns(read(fd, &info, sizeof info), (long)sizeof info);
	ok(info.ssi_signo == SIGUSR2 && info.ssi_pid == (uint32_t)getpid(), "which and from whom");
	returns(poll(&p, 1, 0), 0);
	pid = fork();
	if (pid == 0) {
		usleep(100000);
		kill(getppid(), SIGUSR2);
		_exit(0);
	}
	returns(poll(&p, 1, 5000), 1);
	returns(read(fd, &info, sizeof info), (long)sizeof info);
	ok(info.ssi_pid == (uint32_t)pid, "from the child");
	waitpid(pid, &status, 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(fd);
}

static int ep;
static void *
late_add(void *arg)
{
	struct epoll_event ev = { EPOLLIN, { .u32 = 5 } };

	usleep(100000);
	epoll_ctl(ep, EPOLL_CTL_ADD, *(int *)arg, &ev);
	return NULL;
}

static void
test_epoll(void)
{
	struct epoll_event ev = { EPOLLIN, { .u64 = 0x123456789abcull } }, got[4];
	int a[2], b[2], f = open("f", O_RDWR | O_CREAT, 0644), outer;
	pthread_t t;
	char c;

	ep = epoll_create1(EPOLL_CLOEXEC);
	pipe2(a, O_NONBLOCK);
	pipe2(b, O_NONBLOCK);
	fails(epoll_ctl(ep, EPOLL_CTL_ADD, f, &ev), EPERM);
	fails(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &ev), EINVAL);
	fails(epoll_ctl(ep, EPOLL_CTL_ADD, 77, &ev), EBADF);
	fails(epoll_ctl(a[0], EPOLL_CTL_ADD, a[1], &ev), EINVAL);
	fails(epoll_ctl(ep, EPOLL_CTL_MOD, a[0], &ev), ENOENT);
	returns(epoll_ctl(ep, EPOLL_CTL_ADD, a[0], &ev), 0);
	fails(epoll_ctl(ep, EPOLL_CTL_ADD, a[0], &ev), EEXIST);
	returns(epoll_wait(ep, got, 4, 0), 0);
	returns(epoll_wait(ep, got, 4, 30), 0);
	write(a[1], "x", 1);
	returns(epoll_wait(ep, got, 4, -1), 1);
	ok(got[0].events == EPOLLIN && got[0].data.u64 == 0x123456789abcull, "the event and its data");
	returns(epoll_wait(ep, got, 4, 0), 1);
	ev.events = EPOLLIN | EPOLLET;
	returns(epoll_ctl(ep, EPOLL_CTL_MOD, a[0], &ev), 0);
	returns(epoll_wait(ep, got, 4, 0), 1);
	returns(epoll_wait(ep, got, 4, 0), 0);
	write(a[1], "y", 1);
	returns(epoll_wait(ep, got, 4, 0), 1);
	while (read(a[0], &c, 1) == 1)
		;
	returns(epoll_wait(ep, got, 4, 0), 0);
	write(a[1], "z", 1);
	returns(epoll_wait(ep, got, 4, 1000), 1);
	ev.events = EPOLLIN | EPOLLONESHOT;
	returns(epoll_ctl(ep, EPOLL_CTL_MOD, a[0], &ev), 0);
	returns(epoll_wait(ep, got, 4, 0), 1);
	returns(epoll_wait(ep, got, 4, 0), 0);
	ev.events = EPOLLIN;
	epoll_ctl(ep, EPOLL_CTL_MOD, a[0], &ev);
	outer = epoll_create(1);
	returns(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &ev), 0);
	returns(epoll_wait(outer, got, 4, 0), 1);
	fails(epoll_ctl(ep, EPOLL_CTL_ADD, outer, &ev), ELOOP);
	returns(epoll_ctl(ep, EPOLL_CTL_DEL, a[0], NULL), 0);
	returns(epoll_wait(outer, got, 4, 0), 0);
	fails(epoll_wait(ep, got, 0, 0), EINVAL);
	/* Another thread adds while this one waits. */
	write(b[1], "b", 1);
	pthread_create(&t, NULL, late_add, &b[0]);
	returns(epoll_wait(ep, got, 4, 5000), 1);
	ok(got[0].data.u32 == 5, "added meanwhile");
	pthread_join(t, NULL);
	close(b[0]);
	returns(epoll_wait(ep, got, 4, 0), 0);
	alarm(1);
	fails(epoll_wait(ep, got, 4, 5000), EINTR);
	close(a[0]);
	close(a[1]);
	close(b[1]);
	close(outer);
	close(ep);
	close(f);
}

/* Run shutdown(FD, HOW) in another process that has the socket, after a while. */
static pid_t
shut_later(int fd, int how)
{
	pid_t pid = fork();

	if (pid == 0) {
		usleep(100000);
		_exit(shutdown(fd, how) != 0);
	}
	return pid;
}

/* A socket that another process shuts wakes who waits for it here. */
static void
test_shutdown(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct pollfd p = { .events = POLLIN };
	int s[2], status;
	char c[8];

	returns(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	p.fd = s[1];
	shut_later(s[0], SHUT_WR);
	returns(poll(&p, 1, 5000), 1);
	ok(p.revents == POLLIN, "poll: the peer's other holder shut its side");
	returns(read(s[1], c, sizeof(c)), 0);
	fails(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	returns(write(s[1], "back", 4), 4);
	returns(read(s[0], c, sizeof(c)), 4);
	wait(&status);
	ok(status == 0, "shutdown in a child");
	p.fd = s[0];
	shut_later(s[0], SHUT_RD);
	returns(poll(&p, 1, 5000), 1);
	ok(p.revents == (POLLIN | POLLHUP), "poll: another holder shut the rest");
	wait(&status);
	fails(send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	close(s[0]);
	close(s[1]);
	returns(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	shut_later(s[0], SHUT_RD);
	returns(read(s[0], c, sizeof(c)), 0);
	wait(&status);
	ep = epoll_create1(0);
	returns(epoll_ctl(ep, EPOLL_CTL_ADD, s[1], &ev), 0);
	shut_later(s[0], SHUT_WR);
	returns(epoll_wait(ep, &ev, 1, 5000), 1);
	ok((ev.events & EPOLLIN) != 0, "epoll: the peer's other holder shut its side");
	wait(&status);
	close(ep);
	close(s[0]);
	close(s[1]);
}

int
main(void)
{
	tap_begin();
	test_poll();
	test_select();
	test_eventfd();
	test_timerfd();
	test_signalfd();
	test_epoll();
	test_shutdown();
	return tap_end();
}
