/*
 * file_fd.c - descriptors: numbers, duplicates, flags, and what fork and exec do to them.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "tap.h"

static void
test_numbers(void)
{
	int a = open("f", O_RDWR | O_CREAT, 0644), b = dup(a), c = dup(a);

	ok(a == 3 && b == 4 && c == 5, "the lowest free numbers");
	close(b);
	returns(dup(a), 4);
	returns(fcntl(a, F_DUPFD, 20), 20);
	returns(fcntl(a, F_DUPFD_CLOEXEC, 20), 21);
	returns(fcntl(21, F_GETFD), FD_CLOEXEC);
	returns(fcntl(20, F_GETFD), 0);
	returns(fcntl(20, F_SETFD, FD_CLOEXEC), 0);
	returns(fcntl(20, F_GETFD), FD_CLOEXEC);
	returns(ioctl(20, FIONCLEX), 0);
	returns(fcntl(20, F_GETFD), 0);
	returns(dup2(a, 9), 9);
	returns(dup2(9, 9), 9);
	fails(dup2(77, 9), EBADF);
	fails(dup2(77, 77), EBADF);
	fails(dup2(a, -1), EBADF);
	fails(dup3(a, a, 0), EINVAL);
	fails(dup3(a, 8, 1), EINVAL);
	returns(dup3(a, 8, O_CLOEXEC), 8);
	returns(fcntl(8, F_GETFD), FD_CLOEXEC);
	fails(close(77), EBADF);
	fails(close(-1), EBADF);
	fails(fcntl(a, 9999, 0), EINVAL);
	fails(fcntl(77, F_GETFL), EBADF);
	for (int fd = 3; fd < 30; fd++)
		close(fd);
}

static void
test_limit(void)
{
	struct rlimit old, low = { 10, 10 };
	int n = 0;

	getrlimit(RLIMIT_NOFILE, &old);
	low.rlim_max = old.rlim_max;
	returns(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (open("f", O_RDONLY) >= 0)
		n++;
	ok(n == 7 && errno == EMFILE, "EMFILE at RLIMIT_NOFILE");
	fails(dup2(3, 10), EBADF);
	fails(fcntl(3, F_DUPFD, 10), EINVAL);
	fails(pipe((int[2]){ 0, 0 }), EMFILE);
	setrlimit(RLIMIT_NOFILE, &old);
	for (int fd = 3; fd < 30; fd++)
		close(fd);
}

static void
test_shared_description(void)
{
	int a = open("f", O_RDWR | O_TRUNC), b = dup(a), c = open("f", O_RDWR), status;
	char buf[10];
	pid_t pid;

	returns(write(a, "0123456789", 10), 10);
	returns(lseek(b, 0, SEEK_CUR), 10);
	returns(lseek(c, 0, SEEK_CUR), 0);
	returns(lseek(b, 2, SEEK_SET), 2);
	pid = fork();
	if (pid == 0) {
		/* a child's reads move its parent's position, and so do its flags */
		if (read(a, buf, 3) != 3 || memcmp(buf, "234", 3) != 0)
			_exit(1);
		fcntl(a, F_SETFL, O_APPEND);
		lseek(c, 7, SEEK_SET);
		close(c);
		c = open("f", O_RDONLY);	/* its own from here on */
		lseek(c, 1, SEEK_SET);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ok(status == 0, "the child read at the shared position");
	returns(lseek(b, 0, SEEK_CUR), 5);
	returns(lseek(c, 0, SEEK_CUR), 7);
	returns(fcntl(b, F_GETFL) & O_APPEND, O_APPEND);
	returns(fcntl(c, F_GETFL) & O_APPEND, 0);
	close(a);
	returns(read(b, buf, 2), 2);
	ok(memcmp(buf, "56", 2) == 0, "closing one descriptor leaves the other");
	close(b);
	close(c);
}

/* The program runs itself: argv "exec N M" says which must be closed and which open. */
static void
test_exec(char *self)
{
	int kept = open("f", O_RDONLY), gone = open("f", O_RDONLY | O_CLOEXEC), status;
	char a[12], b[12];
	pid_t pid;

	lseek(kept, 4, SEEK_SET);
	snprintf(a, sizeof a, "%d", gone);
	snprintf(b, sizeof b, "%d", kept);
	pid = fork();
	if (pid == 0) {
		execl(self, self, "exec", a, b, (char *)NULL);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	ok(status == 0, "exec closes FD_CLOEXEC and keeps the rest");
	pid = vfork();
	if (pid == 0) {
		dup2(kept, 15);
		execl(self, self, "exec", a, "15", (char *)NULL);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	ok(status == 0, "a vfork child's descriptors are its own");
	fails(fcntl(15, F_GETFD), EBADF);
	close(kept);
	close(gone);
}

static int
exec_check(char **argv)
{
	return fcntl(atoi(argv[2]), F_GETFD) == -1 && errno == EBADF && lseek(atoi(argv[3]), 0, SEEK_CUR) == 4 ? 0 : 1;
}

static void
test_close_range(void)
{
	for (int i = 0; i < 10; i++)
		open("f", O_RDONLY);
	returns(syscall(SYS_close_range, 5, 8, 0), 0);
	ok(fcntl(4, F_GETFD) == 0 && fcntl(5, F_GETFD) == -1 && fcntl(8, F_GETFD) == -1 && fcntl(9, F_GETFD) == 0,
	    "close_range closes what it says");
	returns(syscall(SYS_close_range, 9, ~0u, 4), 0);
	returns(fcntl(9, F_GETFD), FD_CLOEXEC);
	fails(syscall(SYS_close_range, 9, 8, 0), EINVAL);
	fails(syscall(SYS_close_range, 9, 10, 64), EINVAL);
	returns(syscall(SYS_close_range, 3, ~0u, 0), 0);
	returns(open("f", O_RDONLY), 3);
	close(3);
}

static void
test_flags(void)
{
	int fd = open("f", O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0644);

	returns(fcntl(fd, F_GETFL) & ~O_LARGEFILE & ~0100000, O_WRONLY | O_APPEND | O_NONBLOCK);
	returns(fcntl(fd, F_SETFL, O_RDONLY), 0);
	returns(fcntl(fd, F_GETFL) & ~O_LARGEFILE & ~0100000, O_WRONLY);
	returns(ioctl(fd, FIONBIO, &(int){ 1 }), 0);
	returns(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	fails(isatty(fd) ? 0 : -1, ENOTTY);
	close(fd);
	fd = open("f", O_PATH);
	fails(read(fd, &fd, 1), EBADF);
	fails(syscall(SYS_fchmod, fd, 0600), EBADF);
	fails(ioctl(fd, FIONREAD, &(int){ 0 }), EBADF);
	returns(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
	close(fd);
}

int
main(int argc, char **argv)
{
	char self[256];

	if (argc == 4 && strcmp(argv[1], "exec") == 0)
		return exec_check(argv);
	if (realpath(argv[0], self) == NULL)
		return 1;
	tap_begin();
	test_numbers();
	test_limit();
	test_shared_description();
	test_exec(self);
	test_close_range();
	test_flags();
	return tap_end();
}
