/*
 * file_append.c - many small writes at the end of a file, and everybody who looks at it meanwhile.
 *
 * An emulation library may append without asking a server each time. What is tested here: the writer, and others, see the size and the
 * bytes at once in every way there is to ask for them; writes of several processes land whole; what cuts the file cuts it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "tap.h"

#define LINE	32
#define MANY	4000		/* more than 64 KiB of lines */

static char line[LINE + 1];

static const char *
line_of(int who, int number)
{
	snprintf(line, sizeof line, "%d %08d %.*s\n", who, number, LINE - 12, "abcdefghijklmnopqrstuvwxyz");
	return line;
}

static int
lines_write(int fd, int who, int first, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (write(fd, line_of(who, first + i), LINE) != LINE)
			break;
	return i;
}

static off_t
size_by_stat(const char *name)
{
	struct stat st;

	return stat(name, &st) == 0 ? st.st_size : -1;
}

static off_t
size_by_fd(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_size : -1;
}

/* Run FN in a child: its answer. */
static int
in_child(int (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

/* ---- One writer ---- */

static void
test_sees_itself(int flags, const char *how)
{
	int fd = open("f", O_CREAT | O_TRUNC | flags, 0644), other;
	char buf[LINE];

	ok(lines_write(fd, 1, 0, 100) == 100, "%s: a hundred lines", how);
	ok(size_by_fd(fd) == 100 * LINE && size_by_stat("f") == 100 * LINE, "%s: fstat and stat", how);
	lines_write(fd, 1, 100, 10);
	ok(lseek(fd, 0, SEEK_END) == 110 * LINE && lseek(fd, 0, SEEK_CUR) == 110 * LINE, "%s: the end by lseek", how);
	lines_write(fd, 1, 110, 10);
	other = open("f", O_RDONLY);
	ok(pread(other, buf, LINE, 119 * LINE) == LINE && memcmp(buf, line_of(1, 119), LINE) == 0, "%s: another descriptor reads it", how);
	lines_write(fd, 1, 120, 1);
	ok(pread(other, buf, LINE, 120 * LINE) == LINE && memcmp(buf, line_of(1, 120), LINE) == 0, "%s: and the next line", how);
	ok(pread(other, buf, LINE, 121 * LINE) == 0, "%s: and then the end", how);
	if (flags == O_RDWR) {
		lines_write(fd, 1, 121, 1);
		ok(pread(fd, buf, LINE, 121 * LINE) == LINE && memcmp(buf, line_of(1, 121), LINE) == 0, "%s: itself, too", how);
		ok(pwrite(fd, "XY", 2, 121 * LINE) == 2 && pread(other, buf, 2, 121 * LINE) == 2 && memcmp(buf, "XY", 2) == 0,
			"%s: and changes it", how);
	}
	ok(lines_write(fd, 1, 0, MANY) == MANY, "%s: many lines", how);
	close(other);
	close(fd);
}

static void
test_gaps(void)
{
	int fd = open("f", O_CREAT | O_TRUNC | O_RDWR, 0644);
	char buf[LINE];

	lines_write(fd, 1, 0, 50);
	ok(pwrite(fd, "end", 3, 100 * LINE) == 3 && size_by_fd(fd) == 100 * LINE + 3, "a write far behind the end");
	ok(pread(fd, buf, LINE, 60 * LINE) == LINE && buf[0] == 0 && buf[LINE - 1] == 0, "between are zeros");
	ok(lseek(fd, 0, SEEK_CUR) == 50 * LINE && lines_write(fd, 1, 50, 30) == 30 && size_by_fd(fd) == 100 * LINE + 3,
		"which are written over");
	lseek(fd, 0, SEEK_END);
	ok(lines_write(fd, 2, 0, 50) == 50 && size_by_fd(fd) == 150 * LINE + 3, "and at the end again");
	ok(ftruncate(fd, 10) == 0 && size_by_fd(fd) == 10, "cut");
	ok(lines_write(fd, 3, 0, 1) == 1 && size_by_fd(fd) == 151 * LINE + 3, "the offset stays where it was");
	ok(pread(fd, buf, 4, 10) == 4 && memcmp(buf, "\0\0\0\0", 4) == 0, "after a gap of zeros");
	close(fd);
}

static void
test_mapped(void)
{
	int fd = open("f", O_CREAT | O_TRUNC | O_RDWR | O_APPEND, 0644);
	char *p;

	lines_write(fd, 1, 0, 300);
	p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ok(p != MAP_FAILED && memcmp(p + 299 * LINE, line_of(1, 299), LINE) == 0, "a mapping shows what was appended");
	lines_write(fd, 1, 300, 1);
	ok(size_by_fd(fd) == 301 * LINE && memcmp(p + 300 * LINE, line_of(1, 300), LINE) == 0, "and what is appended then");
	p[300 * LINE] = '9';
	lines_write(fd, 1, 301, 10);
	ok(pread(fd, line, 1, 300 * LINE) == 1 && line[0] == '9', "a change through it is read");
	munmap(p, 65536);
	close(fd);
}

static void
test_limit(void)
{
	struct rlimit old, lim;
	int fd = open("f", O_CREAT | O_TRUNC | O_WRONLY, 0644);

	getrlimit(RLIMIT_FSIZE, &old);
	lim = old;
	lim.rlim_cur = 1000 * LINE + 5;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &lim);
	ok(lines_write(fd, 1, 0, 2000) == 1000 && size_by_fd(fd) == 1000 * LINE + 5, "the limit for a file's size is exact");
	ok(write(fd, "x", 1) == -1 && errno == EFBIG, "and nothing more can be written");
	setrlimit(RLIMIT_FSIZE, &old);
	close(fd);
}

static void
test_vector(void)
{
	int fd = open("f", O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0644);
	struct iovec iov[3] = { { "one ", 4 }, { "two ", 4 }, { "three\n", 6 } };
	int i, good = 1;
	char buf[14];

	for (i = 0; i < 100; i++)
		good &= writev(fd, iov, 3) == 14;
	ok(good && size_by_fd(fd) == 1400, "a hundred vectors");
	iov[1].iov_base = (void *)1;
	ok(writev(fd, iov, 3) == 4 && size_by_fd(fd) == 1404, "one with a bad part is short");
	iov[0].iov_base = (void *)1;
	ok(writev(fd, iov, 3) == -1 && errno == EFAULT && size_by_fd(fd) == 1404, "with a bad beginning it is an error");
	close(fd);
	fd = open("f", O_RDONLY);
	ok(pread(fd, buf, 14, 99 * 14) == 14 && memcmp(buf, "one two three\n", 14) == 0, "the last good one is there");
	close(fd);
}

/* ---- Several ---- */

static int shared_fd;

static int
child_append_own(void)
{
	int fd = open("f", O_WRONLY | O_APPEND);

	return lines_write(fd, 2, 0, MANY) == MANY ? 0 : 1;
}

static int
child_append_shared(void)
{
	return lines_write(shared_fd, 3, 0, MANY) == MANY ? 0 : 1;
}

/* Is the file N whole lines, those of each writer in their order and all there? */
static int
file_is_whole(int n)
{
	FILE *f = fopen("f", "r");
	int next[4] = { 0 }, who, number, lines = 0;
	char text[100];

	while (fgets(text, sizeof text, f) != NULL) {
		if (strlen(text) != LINE || sscanf(text, "%d %d", &who, &number) != 2 || who < 0 || who > 3 || number != next[who]++)
			break;
		lines++;
	}
	fclose(f);
	return lines == n && size_by_stat("f") == (off_t)n * LINE;
}

static void
test_several(void)
{
	pid_t pid1, pid2;
	int status1, status2, good;

	shared_fd = open("f", O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0644);
	lines_write(shared_fd, 1, 0, 20);
	pid1 = fork();
	if (pid1 == 0)
		_exit(child_append_own());
	pid2 = fork();
	if (pid2 == 0)
		_exit(child_append_shared());
	good = lines_write(shared_fd, 1, 20, MANY) == MANY;
	waitpid(pid1, &status1, 0);
	waitpid(pid2, &status2, 0);
	ok(good && status1 == 0 && status2 == 0, "three processes append at once");
	ok(file_is_whole(3 * MANY + 20), "no line is lost or torn, and each one's are in order");
	close(shared_fd);
}

static int
child_counts(void)
{
	struct stat st;
	int fd = open("f", O_RDONLY);

	return fstat(fd, &st) == 0 && st.st_size == 200 * LINE && size_by_stat("f") == 200 * LINE &&
	    lseek(fd, 0, SEEK_END) == 200 * LINE && pread(fd, line, LINE, 199 * LINE) == LINE ? 0 : 1;
}

static int
child_cuts(void)
{
	return truncate("f", 5 * LINE);
}

static int
child_dies(void)
{
	lines_write(shared_fd, 3, 0, 1000);
	kill(getpid(), SIGKILL);
	return 0;
}

static int
child_renames(void)
{
	return rename("f", "g") == 0 && size_by_stat("g") == 500 * LINE ? 0 : 1;
}

static void
test_others(void)
{
	shared_fd = open("f", O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0644);
	lines_write(shared_fd, 1, 0, 200);
	ok(in_child(child_counts) == 0, "another process sees it all");
	ok(in_child(child_cuts) == 0 && size_by_fd(shared_fd) == 5 * LINE, "and cuts it");
	ok(lines_write(shared_fd, 1, 5, 495) == 495 && size_by_fd(shared_fd) == 500 * LINE, "what is appended then comes behind the cut");
	ok(in_child(child_renames) == 0, "it is renamed");
	ok(lines_write(shared_fd, 1, 500, 10) == 10 && size_by_stat("g") == 510 * LINE, "and goes on");
	close(shared_fd);
	unlink("g");
	shared_fd = open("f", O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0644);
	ok(in_child(child_dies) == 100 + SIGKILL && file_is_whole(1000), "what a killed process had written is there");
	ok(lines_write(shared_fd, 3, 1000, 100) == 100 && file_is_whole(1100), "and others go on");
	close(shared_fd);
	shared_fd = open("f", O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0644);
	unlink("f");
	ok(lines_write(shared_fd, 1, 0, 300) == 300 && size_by_fd(shared_fd) == 300 * LINE, "a removed file is appended to");
	close(shared_fd);
}

static void
test_times(void)
{
	struct stat st1, st2;
	int fd = open("f", O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0644);

	lines_write(fd, 1, 0, 50);
	fstat(fd, &st1);
	usleep(60000);
	lines_write(fd, 1, 50, 1);
	usleep(60000);
	lines_write(fd, 1, 51, 1);
	close(fd);
	stat("f", &st2);
	ok(st2.st_mtim.tv_sec > st1.st_mtim.tv_sec || st2.st_mtim.tv_nsec - st1.st_mtim.tv_nsec > 50000000,
		"appending changes the modification time");
}

int
main(void)
{
	tap_begin();
	test_sees_itself(O_WRONLY, "written");
	test_sees_itself(O_RDWR, "read and written");
	test_sees_itself(O_WRONLY | O_APPEND, "appended");
	test_gaps();
	test_mapped();
	test_limit();
	test_vector();
	test_several();
	test_others();
	test_times();
	return tap_end();
}
