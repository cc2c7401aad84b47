/*
 * bench.c - what a system call costs, seen from a program.
 *
 * One static Linux/i386 program that runs unchanged on MASIX and on Linux, in the same emulator, so that only ratios matter. Every operation is
 * timed in batches and the least batch counts: the host is never quiet, and noise only adds. A batch takes a few milliseconds at most, so
 * that some meet no other work of the host. Where /proc/masix/rpc is there,
 * the RPCs of the process are counted too.
 *
 * Output: lines "NAME NANOSECONDS RPC_PER_100" (RPC -1: not counted). Arguments: names of operations (default all).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DIR_TEMPLATE "/tmp/bench.XXXXXX"
#define MANY 256		/* files for the operations on many names */

static char dir[64];
static char file_path[96], new_path[96];
static char many_path[96];		/* of one of many, by its last two letters */
static size_t many_digits;
static int file_fd, null_pipe[2];
static char buffer[65536];
static char *self_path;

static void
die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* RPCs of this process so far, -1 when the system does not count them. */
static long
rpc_count(void)
{
	char line[256];
	long pid, vfs, io, proc, other, sum = -1;
	FILE *f = fopen("/proc/masix/rpc", "r");

	if (f == NULL)
		return -1;
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "%ld %*s %*d %*d %*d %*d %*d %ld %ld %ld %ld", &pid, &vfs, &io, &proc, &other) == 5 && pid == getpid())
			sum = vfs + io + proc + other;
	fclose(f);
	return sum;
}

static void op_getppid(void) { (void)syscall(SYS_getppid); }
static void op_lseek(void) { if (lseek(file_fd, 0, SEEK_SET) != 0) die("lseek"); }
static void op_clock(void) { struct timespec ts; clock_gettime(CLOCK_REALTIME, &ts); }

static void
op_read1(void)
{
	if (pread(file_fd, buffer, 1, 0) != 1)
		die("read 1");
}

static void
op_read4k(void)
{
	if (pread(file_fd, buffer, 4096, 4096) != 4096)
		die("read 4k");
}

static void
op_write1(void)
{
	if (pwrite(file_fd, buffer, 1, 0) != 1)
		die("write 1");
}

static void
op_write4k(void)
{
	if (pwrite(file_fd, buffer, 4096, 4096) != 4096)
		die("write 4k");
}

static void op_fstat(void) { struct stat st; if (fstat(file_fd, &st) < 0) die("fstat"); }
static void op_stat(void) { struct stat st; if (stat(file_path, &st) < 0) die("stat"); }

static void
op_open_close(void)
{
	int fd = open(file_path, O_RDONLY);

	if (fd < 0)
		die("open");
	close(fd);
}

/* The same for one of many names, which nobody has asked for lately. */
static const char *
next_of_many(void)
{
	static unsigned int last;
	char *digits = many_path + many_digits;

	last = (last + 1) % MANY;
	digits[0] = (char)('a' + last / 16);
	digits[1] = (char)('a' + last % 16);
	return many_path;
}

static void op_stat_many(void) { struct stat st; if (stat(next_of_many(), &st) < 0) die("stat"); }

static void
op_open_close_many(void)
{
	int fd = open(next_of_many(), O_RDONLY);

	if (fd < 0)
		die("open");
	close(fd);
}

static void
op_create_unlink(void)
{
	int fd = open(new_path, O_RDWR | O_CREAT | O_EXCL, 0600);

	if (fd < 0)
		die("create");
	close(fd);
	if (unlink(new_path) < 0)
		die("unlink");
}

static void
op_mmap_touch(void)
{
	char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	for (int i = 0; i < 65536; i += 4096)
		p[i] = 1;
	munmap(p, 65536);
}

static volatile int signals;

static void
on_signal(int signo)
{
	signals += signo;
}

static void op_signal(void) { raise(SIGUSR1); }

static void
op_sigprocmask(void)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, &old);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void
op_poll(void)
{
	struct pollfd p = { .fd = null_pipe[1], .events = POLLOUT };

	if (poll(&p, 1, 1000) != 1)
		die("poll");
}

static void
wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("child");
}

static void
op_fork_exit(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0)
		_exit(0);
	wait_for(pid);
}

static char nop_arg[] = "--nop";

static void
op_fork_exec(void)
{
	char *argv[] = { self_path, nop_arg, NULL };
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		execv(self_path, argv);
		_exit(1);
	}
	wait_for(pid);
}

extern char **environ;

static void
op_spawn(void)
{
	char *argv[] = { self_path, nop_arg, NULL };
	pid_t pid;

	errno = posix_spawn(&pid, self_path, NULL, NULL, argv, environ);
	if (errno != 0)
		die("posix_spawn");
	wait_for(pid);
}

static void
op_shell(void)
{
	static char sh[] = "/bin/sh", c[] = "-c";
	static char script[] = "i=0; while [ $i -lt 20 ]; do i=$((i+1)); echo $i | cat >/dev/null; done";
	char *argv[] = { sh, c, script, NULL };
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		execv(sh, argv);
		_exit(1);
	}
	wait_for(pid);
}

/* Two processes hand one byte to and fro; an operation is one round trip. */
static int ping[2], pong[2];
static pid_t partner;

static void
pingpong_begin(void)
{
	char c;

	if (pipe(ping) < 0 || pipe(pong) < 0)
		die("pipe");
	partner = fork();
	if (partner < 0)
		die("fork");
	if (partner == 0) {
		close(ping[1]);
		close(pong[0]);
		while (read(ping[0], &c, 1) == 1)
			if (write(pong[1], &c, 1) != 1)
				break;
		_exit(0);
	}
	close(ping[0]);
	close(pong[1]);
}

static void
op_pingpong(void)
{
	char c = 'x';

	if (write(ping[1], &c, 1) != 1 || read(pong[0], &c, 1) != 1)
		die("ping-pong");
}

static void
pingpong_end(void)
{
	close(ping[1]);
	close(pong[0]);
	wait_for(partner);
}

/* A child drains the pipe; an operation is one write of 64 KiB. */
static void
bandwidth_begin(void)
{
	if (pipe(ping) < 0)
		die("pipe");
	partner = fork();
	if (partner < 0)
		die("fork");
	if (partner == 0) {
		close(ping[1]);
		while (read(ping[0], buffer, sizeof buffer) > 0)
			;
		_exit(0);
	}
	close(ping[0]);
}

static void
op_bandwidth(void)
{
	if (write(ping[1], buffer, sizeof buffer) != (ssize_t)sizeof buffer)
		die("pipe write");
}

static void
bandwidth_end(void)
{
	close(ping[1]);
	wait_for(partner);
}

static const struct op {
	const char *name;
	void (*run)(void);
	int batches, count;
	void (*begin)(void), (*end)(void);
} ops[] = {
	{ "getppid", op_getppid, 10, 2000, NULL, NULL },
	{ "clock_gettime", op_clock, 10, 2000, NULL, NULL },
	{ "lseek", op_lseek, 10, 2000, NULL, NULL },
	{ "read-1", op_read1, 10, 1000, NULL, NULL },
	{ "read-4k", op_read4k, 10, 1000, NULL, NULL },
	{ "write-1", op_write1, 10, 500, NULL, NULL },
	{ "write-4k", op_write4k, 10, 500, NULL, NULL },
	{ "fstat", op_fstat, 10, 500, NULL, NULL },
	{ "stat", op_stat, 10, 500, NULL, NULL },
	{ "open+close", op_open_close, 10, 300, NULL, NULL },
	{ "stat-many", op_stat_many, 50, 100, NULL, NULL },
	{ "open+close-many", op_open_close_many, 60, 50, NULL, NULL },
	{ "create+unlink", op_create_unlink, 50, 20, NULL, NULL },
	{ "mmap+touch-64k", op_mmap_touch, 50, 20, NULL, NULL },
	{ "signal", op_signal, 10, 500, NULL, NULL },
	{ "sigprocmask-2x", op_sigprocmask, 10, 1000, NULL, NULL },
	{ "poll", op_poll, 10, 500, NULL, NULL },
	{ "pipe-latency", op_pingpong, 50, 40, pingpong_begin, pingpong_end },
	{ "pipe-64k", op_bandwidth, 50, 10, bandwidth_begin, bandwidth_end },
	{ "fork+exit", op_fork_exit, 40, 4, NULL, NULL },
	{ "fork+exec", op_fork_exec, 40, 2, NULL, NULL },
	{ "posix_spawn", op_spawn, 40, 2, NULL, NULL },
	{ "shell-script", op_shell, 5, 1, NULL, NULL },
};

static void
measure(const struct op *op)
{
	uint64_t best = UINT64_MAX, t;
	long before, after;

	if (op->begin != NULL)
		op->begin();
	op->run();		/* warm up */
	before = rpc_count();
	for (int b = 0; b < op->batches; b++) {
		t = now_ns();
		for (int i = 0; i < op->count; i++)
			op->run();
		t = now_ns() - t;
		if (t < best)
			best = t;
	}
	after = rpc_count();
	if (op->end != NULL)
		op->end();
	printf("%s %llu %ld\n", op->name, (unsigned long long)(best / (unsigned int)op->count),
	       before < 0 ? -1 : (after - before) * 100 / (op->batches * op->count));
	fflush(stdout);
}

static void
set_up(void)
{
	strcpy(dir, DIR_TEMPLATE);
	if (mkdtemp(dir) == NULL)
		die(dir);
	snprintf(file_path, sizeof file_path, "%s/file", dir);
	snprintf(new_path, sizeof new_path, "%s/new", dir);
	file_fd = open(file_path, O_RDWR | O_CREAT, 0644);
	if (file_fd < 0 || write(file_fd, buffer, sizeof buffer) != (ssize_t)sizeof buffer || pipe(null_pipe) < 0)
		die(file_path);
	many_digits = (size_t)snprintf(many_path, sizeof many_path, "%s/many", dir);
	for (int i = 0; i < MANY; i++)
		close(open(next_of_many(), O_WRONLY | O_CREAT, 0644));
	signal(SIGUSR1, on_signal);
}

static int
wanted(const char *name, int argc, char **argv)
{
	if (argc < 2)
		return 1;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return 1;
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], nop_arg) == 0)
		return 0;
	self_path = argv[0];
	set_up();
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
		if (wanted(ops[i].name, argc, argv))
			measure(&ops[i]);
	for (int i = 0; i < MANY; i++)
		unlink(next_of_many());
	unlink(file_path);
	rmdir(dir);
	return 0;
}
