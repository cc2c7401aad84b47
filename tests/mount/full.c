/*
 * full.c - fill the volume below the current directory in three ways, and check that what was accepted is there.
 *
 * It says a line for each way. tests/areas/mount runs it on a small volume; it runs on Linux, too.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPARSE	(64u << 20)
#define PAGE	4096u

static sigjmp_buf fault;

static void
on_bus(int sig)
{
	siglongjmp(fault, sig);
}

static int
byte_at(unsigned long at)
{
	return (int)((at * 7 + at / PAGE) & 0xff);
}

/* Append SIZE bytes at a time until there is no room: is all of it there, and nothing else? */
static void
append(const char *how, unsigned int size)
{
	static char buf[65536];
	int fd = open("appended", O_CREAT | O_TRUNC | O_RDWR | O_APPEND, 0644), good = 1;
	unsigned long total = 0, at;
	struct stat st;
	ssize_t n;

	for (;;) {
		for (at = 0; at < size; at++)
			buf[at] = (char)byte_at(total + at);
		n = write(fd, buf, size);
		if (n <= 0)
			break;
		total += (unsigned long)n;
	}
	good &= n == -1 && errno == ENOSPC && total > 100000;
	good &= fsync(fd) == 0 && fstat(fd, &st) == 0 && st.st_size == (off_t)total;
	for (at = 0; good && at < total; at += (unsigned long)n) {
		n = pread(fd, buf, sizeof buf, (off_t)at);
		for (ssize_t i = 0; i < n; i++)
			good &= buf[i] == (char)byte_at(at + (unsigned long)i);
		if (n <= 0)
			break;
	}
	printf("%s %s\n", how, good && at == total ? "good" : "bad");
	close(fd);
	unlink("appended");
}

/* Write to the pages of a sparse file until there is no room: SIGBUS, and what came before is kept. */
static void
mapped(void)
{
	int fd = open("mapped", O_CREAT | O_TRUNC | O_RDWR, 0644), good;
	volatile unsigned long page = 0;
	struct sigaction sa = { .sa_handler = on_bus };
	unsigned long i;
	char *p, c;

	sigaction(SIGBUS, &sa, NULL);
	good = ftruncate(fd, SPARSE) == 0;
	if (!good && errno == ENOSPC) {		/* FAT has no holes */
		printf("mapped no-holes\n");
		close(fd);
		unlink("mapped");
		return;
	}
	p = mmap(NULL, SPARSE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	c = p[SPARSE - 1];			/* a hole can be read */
	if (sigsetjmp(fault, 1) == 0)
		for (; page < SPARSE / PAGE; page++)
			p[page * PAGE + page % PAGE] = (char)(page + 1);
	good &= c == 0 && page > 20 && page < SPARSE / PAGE;
	good &= p[page * PAGE] == 0;		/* and still be read */
	good &= msync(p, SPARSE, MS_SYNC) == 0 && fsync(fd) == 0;
	for (i = 0; i < page; i++)
		good &= pread(fd, &c, 1, (off_t)(i * PAGE + i % PAGE)) == 1 && c == (char)(i + 1);
	munmap(p, SPARSE);
	close(fd);
	unlink("mapped");
	printf("mapped %s\n", good ? "good" : "bad");
}

int
main(void)
{
	append("lines", 100);
	append("blocks", 65536);
	mapped();
	append("again", 1000);
	return 0;
}
