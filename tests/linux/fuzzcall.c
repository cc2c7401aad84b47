/*
 * fuzzcall.c - random system calls with random arguments, as an unprivileged user.
 *
 * A parent that runs as root starts one child after the other; each becomes user 65534, and calls random numbers with
 * arguments drawn from values that systems get wrong: small numbers, descriptors, addresses of good, read-only, missing and kernel
 * memory, huge sizes. A child ends by its own doing, by a signal, or is killed after half a second. The parent must see every child
 * end and must itself stay well: it opens, reads, forks and counts between them. What is tested is the system: no server may
 * die of it, nothing may leak.
 *
 * usage: fuzzcall SECONDS [SEED]          prints TAP
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALLS_PER_CHILD	2000
#define NUMBERS		460

static uint32_t state;
static char *area;		/* 4 pages: read-write, read-only, none, read-write */

static uint32_t
draw(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

/* An argument that some call will find interesting. */
static long
argument(void)
{
	static const char *const paths[] = { "/", "/tmp", "/dev/null", "/dev/zero", "/etc/passwd", "/proc/self/maps", "/nosuch", "", ".", "/tmp/fuzz" };
	static const long special[] = { 0, 1, -1, 2, 4096, 0x7fffffff, (long)0x80000000, -4096, (long)0xbf000000, (long)0xbf800000, (long)0xc0000000, 65536 };

	switch (draw() % 8) {
	case 0:
		return special[draw() % (sizeof special / sizeof *special)];
	case 1:
		return (long)(draw() % 16);
	case 2:
		return (long)(uintptr_t)paths[draw() % (sizeof paths / sizeof *paths)];
	case 3:
		return (long)(uintptr_t)(area + draw() % 16384);
	case 4:
		return (long)(draw() % 8192);
	case 5:
		return 1L << (draw() % 32);
	case 6:
		return (long)draw();
	default:
		return (long)(uintptr_t)area;
	}
}

/* Calls that would only end the child early, or wait for nothing. */
static int
is_dull(long nr)
{
	return nr == SYS_exit || nr == SYS_exit_group || nr == SYS_pause || nr == SYS_rt_sigreturn || nr == SYS_sigreturn ||
	    nr == SYS_vfork || nr == SYS_reboot;
}

static void
child(void)
{
	if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
		_exit(3);
	if (chdir("/tmp") < 0)
		_exit(4);
	for (int fd = 0; fd < 3; fd++)		/* what it writes is nobody's to read */
		if (close(fd) < 0 || open("/dev/null", O_RDWR) != fd)
			_exit(5);
	ualarm(300000, 0);
	for (int i = 0; i < CALLS_PER_CHILD; i++) {
		long nr = (long)(draw() % NUMBERS);

		if (!is_dull(nr))
			(void)syscall(nr, argument(), argument(), argument(), argument(), argument(), argument());
	}
	_exit(0);
}

/* Wait at most two seconds for PID, then kill it. Answers whether it ended. */
static int
reap(pid_t pid)
{
	int status;

	for (int i = 0; i < 60; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return 1;
		usleep(i < 20 ? 1000 : 10000);
	}
	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid;
}

/* End what the children left: everything of their user. */
static void
sweep(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (setuid(65534) == 0)
			kill(-1, SIGKILL);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
}

/* Is the system still well, from here? */
static int
is_well(void)
{
	char buf[64];
	struct stat st;
	int fd = open("/etc/passwd", O_RDONLY), ok;

	ok = fd >= 0 && read(fd, buf, sizeof buf) > 0 && stat("/tmp", &st) == 0 && S_ISDIR(st.st_mode);
	if (fd >= 0)
		close(fd);
	return ok;
}

int
main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
	unsigned int rounds = 0, bad = 0;
	uint32_t seed = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 12345;

	area = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || mprotect(area + 4096, 4096, PROT_READ) < 0 || mprotect(area + 8192, 4096, PROT_NONE) < 0) {
		printf("Bail out! memory: %s\n", strerror(errno));
		return 1;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	while (time(NULL) < end) {
		pid_t pid;

		state = seed + rounds++ * 2654435761u;
		if (state == 0)
			state = 1;
		pid = fork();
		if (pid == 0)
			child();
		if (pid < 0 || !reap(pid) || !is_well()) {
			printf("# round %u seed %u: %s\n", rounds, seed, strerror(errno));
			bad++;
		}
		sweep();
		if (bad > 10)
			break;
	}
	printf("%s 1 - %u children made random calls\n1..1\n", bad == 0 ? "ok" : "not ok", rounds);
	return bad != 0;
}
