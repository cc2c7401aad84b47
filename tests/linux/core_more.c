/*
 * core_more.c - calls that C libraries make seldom or with newer numbers: old signal masks, robust lists, thread areas, times of 64 bits,
 * clone3, epoll_pwait2, and what a local socket without a network says.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "core.h"

#define CALL_CLOCK_GETRES64	406
#define CALL_CLOCK_NANOSLEEP64	407
#define CALL_SIGTIMEDWAIT64	421
#define CALL_FUTEX64		422
#define CALL_CLONE3		435
#define CALL_EPOLL_PWAIT2	441

struct time64 { long long sec, nsec; };

static volatile int got, got_value;

static void
on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	got = sig;
	got_value = info->si_value.sival_int;
}

static void
test_masks(void)
{
	sigset_t now;

	returns(syscall(SYS_ssetmask, 1 << (SIGUSR1 - 1)), 0);
	returns(syscall(SYS_sgetmask), 1 << (SIGUSR1 - 1));
	sigprocmask(SIG_BLOCK, NULL, &now);
	ok(sigismember(&now, SIGUSR1) == 1 && sigismember(&now, SIGUSR2) == 0, "sigprocmask sees it");
	returns(syscall(SYS_ssetmask, 1 << (SIGKILL - 1)), 1 << (SIGUSR1 - 1));
	returns(syscall(SYS_sgetmask), 0);
}

static void
test_queue(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	siginfo_t info;
	sigset_t set;
	struct time64 soon = { 0, 1000000 };

	sigaction(SIGRTMIN + 1, &sa, NULL);
	memset(&info, 0, sizeof info);
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_value.sival_int = 99;
	returns(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGRTMIN + 1, &info), 0);
	ok(got == SIGRTMIN + 1 && got_value == 99, "rt_tgsigqueueinfo to oneself");
	fails(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0, SIGRTMIN + 1, &info), EINVAL);
	fails(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0x3fffffff, SIGRTMIN + 1, &info), ESRCH);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fails(syscall(CALL_SIGTIMEDWAIT64, &set, &info, &soon, 8), EAGAIN);
	raise(SIGUSR2);
	returns(syscall(CALL_SIGTIMEDWAIT64, &set, &info, &soon, 8), SIGUSR2);
	soon.nsec = 1000000000;
	fails(syscall(CALL_SIGTIMEDWAIT64, &set, &info, &soon, 8), EINVAL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void
test_threads(void)
{
	struct { unsigned int entry, base, limit, flags; } area = { 9, 1, 1, 0 };
	struct { long next, offset, pending; } head = { 0, 0, 0 }, *there = NULL;
	size_t len = 0;
	unsigned int cpu = 99, node = 99;

	head.next = (long)&head;
	returns(syscall(SYS_set_robust_list, &head, sizeof head), 0);
	fails(syscall(SYS_set_robust_list, &head, sizeof head - 1), EINVAL);
	returns(syscall(SYS_get_robust_list, 0, &there, &len), 0);
	ok(there == (void *)&head && len == sizeof head, "get_robust_list");
	fails(syscall(SYS_get_robust_list, 0x3fffffff, &there, &len), ESRCH);
	returns(syscall(SYS_set_robust_list, NULL, sizeof head), 0);
	returns(syscall(SYS_getcpu, &cpu, &node, NULL), 0);
	ok(cpu < 1024 && node < 64, "getcpu");
	returns(syscall(SYS_getcpu, NULL, NULL, NULL), 0);
	fails(syscall(SYS_get_thread_area, tap_bad), EFAULT);
	area.entry = 99;
	fails(syscall(SYS_get_thread_area, &area), EINVAL);
}

static void
test_time(void)
{
	struct time64 t = { -1, -1 }, soon = { 0, 1000000 };
	int word = 1;

	returns(syscall(CALL_CLOCK_GETRES64, CLOCK_MONOTONIC, &t), 0);
	ok(t.sec == 0 && t.nsec > 0 && t.nsec <= 10000000, "clock_getres_time64");
	fails(syscall(CALL_CLOCK_GETRES64, 77, &t), EINVAL);
	returns(syscall(CALL_CLOCK_NANOSLEEP64, CLOCK_MONOTONIC, 0, &soon, NULL), 0);
	soon.nsec = -1;
	fails(syscall(CALL_CLOCK_NANOSLEEP64, CLOCK_MONOTONIC, 0, &soon, NULL), EINVAL);
	soon.nsec = 1000000;
	fails(syscall(CALL_FUTEX64, &word, 0, 1, &soon, NULL, 0), ETIMEDOUT);
	fails(syscall(CALL_FUTEX64, &word, 0, 2, &soon, NULL, 0), EAGAIN);
	returns(syscall(CALL_FUTEX64, &word, 1, 1, NULL, NULL, 0), 0);
}

static void
test_epoll(void)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = 5 }, out;
	struct time64 soon = { 0, 1000000 };
	int ep = epoll_create1(0), fds[2];

	(void)!pipe(fds);
	epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &e);
	returns(syscall(CALL_EPOLL_PWAIT2, ep, &out, 1, &soon, NULL, 8), 0);
	(void)!write(fds[1], "x", 1);
	returns(syscall(CALL_EPOLL_PWAIT2, ep, &out, 1, NULL, NULL, 8), 1);
	ok(out.events == EPOLLIN && out.data.u32 == 5, "what epoll_pwait2 tells");
	soon.nsec = 1000000000;
	fails(syscall(CALL_EPOLL_PWAIT2, ep, &out, 1, &soon, NULL, 8), EINVAL);
	fails(syscall(CALL_EPOLL_PWAIT2, ep, &out, 0, NULL, NULL, 8), EINVAL);
	close(ep);
	close(fds[0]);
	close(fds[1]);
}

struct clone_args { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup; };

static void
test_clone3(void)
{
	volatile int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct clone_args a = { .exit_signal = SIGCHLD };
	int parent_tid = 0, status = -1;
	long pid;

	pid = syscall(CALL_CLONE3, &a, 64);
	if (pid == 0) {
		shared[0] = 7;
		_exit(9);
	}
	ok(pid > 0 && waitpid((pid_t)pid, &status, 0) == pid && WEXITSTATUS(status) == 9 && shared[0] == 7, "clone3 as fork");
	a.flags = CLONE_PARENT_SETTID;
	a.parent_tid = (uint64_t)(unsigned long)&parent_tid;
	pid = syscall(CALL_CLONE3, &a, sizeof a);
	if (pid == 0)
		_exit(0);
	waitpid((pid_t)pid, &status, 0);
	ok(pid > 0 && parent_tid == pid, "clone3 tells the parent");
	fails(syscall(CALL_CLONE3, &a, 8), EINVAL);
	a.exit_signal = 1000;
	fails(syscall(CALL_CLONE3, &a, sizeof a), EINVAL);
	fails(syscall(CALL_CLONE3, tap_bad, sizeof a), EFAULT);
}

static void
test_sockets(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "s" }, who;
	socklen_t len = sizeof who;
	int s = socket(AF_UNIX, SOCK_STREAM, 0), fds[2], one = 1, type = 0;
	char data[4] = "abc", back[8] = "";
	struct iovec v = { data, 3 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	returns(getsockname(s, (struct sockaddr *)&who, &len), 0);
	ok(len == 2 && who.sun_family == AF_UNIX, "a socket without a name");
	fails(accept4(s, NULL, NULL, 0), EINVAL);
	fails(bind(-1, (struct sockaddr *)&name, sizeof name), EBADF);
	fails(bind(s, (struct sockaddr *)&name, 1), EINVAL);
	fails(listen(-1, 1), EBADF);
	returns(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
	fails(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, 1), EINVAL);
	fails(setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), EBADF);
	fails(sendmsg(s, &m, 0), ENOTCONN);
	fails(sendmsg(-1, &m, 0), EBADF);
	close(s);
	returns(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	returns(sendmsg(fds[0], &m, 0), 3);
	ok(recv(fds[1], back, sizeof back, 0) == 3 && memcmp(back, "abc", 3) == 0, "sendmsg");
	len = sizeof type;
	ok(getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM, "its type");
	len = sizeof who;
	ok(getsockname(fds[0], (struct sockaddr *)&who, &len) == 0 && len == 2, "a pair has no names");
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	tap_begin();
	test_masks();
	test_queue();
	test_threads();
	test_time();
	test_epoll();
	test_clone3();
	test_sockets();
	return tap_end();
}
