/*
 * file_lock.c - advisory locks: ranges by process and by description, flock.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include "tap.h"

static struct flock
range(short type, off_t start, off_t len)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
}

/* What a child gets when it tries: 0, or the errno. */
static int
child_tries(const char *name, short type, off_t start, off_t len, int get)
{
	int fd, status;
	pid_t pid = fork();

	if (pid == 0) {
		struct flock fl = range(type, start, len);

		fd = open(name, O_RDWR);
		if (get && fcntl(fd, F_GETLK, &fl) == 0)
			_exit(fl.l_type == F_UNLCK ? 0 : fl.l_pid == getppid() ? 100 + fl.l_type : 99);
		_exit(fcntl(fd, F_SETLK, &fl) == 0 ? 0 : errno);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void
test_ranges(void)
{
	int fd = open("l", O_RDWR | O_CREAT, 0644), other, ro;
	struct flock fl = range(F_WRLCK, 10, 10);

	write(fd, "0123456789012345678901234567890", 31);
	returns(fcntl(fd, F_SETLK, &fl), 0);
	ok(child_tries("l", F_WRLCK, 0, 10, 0) == 0, "before it");
	ok(child_tries("l", F_WRLCK, 19, 1, 0) == EAGAIN, "its last byte");
	ok(child_tries("l", F_RDLCK, 0, 0, 0) == EAGAIN, "all of it");
	ok(child_tries("l", F_WRLCK, 20, 0, 0) == 0, "behind it");
	ok(child_tries("l", F_RDLCK, 0, 0, 1) == 100 + F_WRLCK, "F_GETLK tells who");
	fl = range(F_RDLCK, 12, 2);
	returns(fcntl(fd, F_SETLK, &fl), 0);
	ok(child_tries("l", F_RDLCK, 12, 2, 0) == 0 && child_tries("l", F_RDLCK, 11, 1, 0) == EAGAIN, "a part became shared");
	fl = range(F_UNLCK, 0, 15);
	returns(fcntl(fd, F_SETLK, &fl), 0);
	ok(child_tries("l", F_WRLCK, 10, 5, 0) == 0 && child_tries("l", F_WRLCK, 15, 5, 0) == EAGAIN, "a part went");
	fl = (struct flock){ .l_type = F_GETLK, .l_whence = 9 };
	fails(fcntl(fd, F_SETLK, &fl), EINVAL);
	fl = range(F_WRLCK, 5, -10);
	fails(fcntl(fd, F_SETLK, &fl), EINVAL);
	/* Closing any descriptor of the file lets go. */
	other = open("l", O_RDONLY);
	close(other);
	ok(child_tries("l", F_WRLCK, 0, 0, 0) == 0, "a close of another descriptor lets go");
	ro = open("l", O_RDONLY);
	fl = range(F_WRLCK, 0, 0);
	fails(fcntl(ro, F_SETLK, &fl), EBADF);
	close(ro);
	close(fd);
}

static volatile int signals;
static void on_signal(int s) { (void)s; signals++; }

static void
test_wait(void)
{
	int fd = open("w", O_RDWR | O_CREAT, 0644), p[2], status;
	struct flock fl = range(F_WRLCK, 0, 0);
	struct sigaction sa = { .sa_handler = on_signal };
	pid_t pid;
	char c;

	pipe(p);
	pid = fork();
	if (pid == 0) {
		fcntl(fd, F_SETLK, &fl);
		write(p[1], "x", 1);
		sleep(2);
		_exit(0);
	}
	read(p[0], &c, 1);
	sigaction(SIGALRM, &sa, NULL);
	alarm(1);
	fails(fcntl(fd, F_SETLKW, &fl), EINTR);
	returns(fcntl(fd, F_SETLKW, &fl), 0);		/* when the child ends, its locks go */
	waitpid(pid, &status, 0);
	/* Two that wait for each other. */
	fl = range(F_UNLCK, 0, 0);
	fcntl(fd, F_SETLK, &fl);
	fl = range(F_WRLCK, 0, 1);
	fcntl(fd, F_SETLK, &fl);
	pid = fork();
	if (pid == 0) {
		fl = range(F_WRLCK, 1, 1);
		fcntl(fd, F_SETLK, &fl);
		write(p[1], "x", 1);
		fl = range(F_WRLCK, 0, 1);
		_exit(fcntl(fd, F_SETLKW, &fl) == 0 ? 0 : errno);
	}
	read(p[0], &c, 1);
	usleep(200000);
	fl = range(F_WRLCK, 1, 1);
	status = fcntl(fd, F_SETLKW, &fl) < 0 ? errno : 0;
	ok(status == EDEADLK, "EDEADLK for the one that closes the circle");
	fl = range(F_UNLCK, 0, 0);
	fcntl(fd, F_SETLK, &fl);
	waitpid(pid, &status, 0);
	ok(status == 0, "and the other gets it");
	close(fd);
}

static void
test_descriptions(void)
{
	int a = open("o", O_RDWR | O_CREAT, 0644), b = open("o", O_RDWR);
	struct flock fl = range(F_WRLCK, 0, 5);

	returns(fcntl(a, F_OFD_SETLK, &fl), 0);
	fails(fcntl(b, F_OFD_SETLK, &fl), EAGAIN);
	returns(fcntl(b, F_OFD_GETLK, &fl), 0);
	ok(fl.l_type == F_WRLCK && fl.l_pid == -1, "F_OFD_GETLK");
	fl = range(F_WRLCK, 5, 5);
	returns(fcntl(b, F_OFD_SETLK, &fl), 0);
	close(a);
	fl = range(F_WRLCK, 0, 10);
	returns(fcntl(b, F_OFD_SETLK, &fl), 0);
	fl.l_pid = 1;
	fails(fcntl(b, F_OFD_SETLK, &fl), EINVAL);
	close(b);
}

static void
test_flock(void)
{
	int a = open("k", O_RDWR | O_CREAT, 0644), b = open("k", O_RDONLY), c, status;
	pid_t pid;

	returns(flock(a, LOCK_SH), 0);
	returns(flock(b, LOCK_SH | LOCK_NB), 0);
	fails(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	returns(flock(a, LOCK_UN), 0);
	returns(flock(b, LOCK_EX | LOCK_NB), 0);
	c = dup(b);
	close(b);
	fails(flock(a, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	pid = fork();
	if (pid == 0) {
		usleep(200000);
		_exit(flock(c, LOCK_UN));
	}
	close(c);
	returns(flock(a, LOCK_EX), 0);		/* the child's unlock is the description's */
	waitpid(pid, &status, 0);
	fails(flock(a, 77), EINVAL);
	fails(flock(777, LOCK_SH), EBADF);
	close(a);
}

int
main(void)
{
	tap_begin();
	test_ranges();
	test_wait();
	test_descriptions();
	test_flock();
	return tap_end();
}
