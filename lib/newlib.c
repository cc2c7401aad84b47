/*
 * newlib.c - what newlib wants from a system. A server has no files: output goes to the log, the rest fails.
 *
 * malloc and stdio are for the fibril thread only; between two points where a fibril parks nothing else runs there, so
 * newlib's own empty locks do. sbrk is in memory.c.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <masix/mach.h>
#include "impl.h"

int write(int fd, const char *data, int len);
int read(int fd, char *data, int len);
int close(int fd);
long lseek(int fd, long offset, int whence);
int isatty(int fd);
int kill(int pid, int sig);
int getpid(void);
void _exit(int status) __attribute__((noreturn));
void __assert_func(const char *file, int line, const char *fn, const char *what) __attribute__((noreturn));

/* Lines of stdout and stderr are lines of the log. */
int
write(int fd, const char *data, int len)
{
	const char *p = data, *end = data + len, *nl;

	if (fd != 1 && fd != 2) {
		errno = EBADF;
		return -1;
	}
	while (p < end) {
		nl = memchr(p, '\n', end - p);
		if (nl == NULL)
			nl = end;
		mx_log(fd == 1 ? MX_LOG_INFO : MX_LOG_ERROR, "%.*s", (int)(nl - p), p);
		p = nl + 1;
	}
	return len;
}

int
read(int fd, char *data, int len)
{
	(void)fd;
	(void)data;
	(void)len;
	errno = EBADF;
	return -1;
}

int
close(int fd)
{
	(void)fd;
	errno = EBADF;
	return -1;
}

long
lseek(int fd, long offset, int whence)
{
	(void)fd;
	(void)offset;
	(void)whence;
	errno = ESPIPE;
	return -1;
}

int
fstat(int fd, struct stat *st)
{
	if (fd < 0 || fd > 2) {
		errno = EBADF;
		return -1;
	}
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFCHR;			/* so that stdio does not buffer more than a line */
	return 0;
}

int
isatty(int fd)
{
	return fd >= 0 && fd <= 2;
}

int
kill(int pid, int sig)
{
	(void)pid;
	(void)sig;
	errno = EINVAL;				/* abort ends in _exit then */
	return -1;
}

int
getpid(void)
{
	return 1;
}

void
_exit(int status)
{
	(void)status;
	mx_task_end();
}

void
__assert_func(const char *file, int line, const char *fn, const char *what)
{
	(void)fn;
	mx_panic(file, line, what);
}
