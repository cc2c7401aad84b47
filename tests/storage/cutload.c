/*
 * cutload.c - work on files until the power goes, and what must be there afterwards.
 *
 * cutload DIR FIRST	makes records, numbered from FIRST on, in DIR without end. A record is a new file, a line of a log, or a new
 *			version of a file put into the old one's place; between them names are made, moved and removed that nobody
 *			waits for. When fsync, or the write itself with O_SYNC or O_DSYNC (every other record of a kind), has said that a
 *			record is safe, "file N", "log N" or "swap N" is printed.
 * cutload -v DIR	reads these lines and looks whether DIR has what they promise. Torn records are differences, too.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_LINE	100u	/* bytes of a record in the log */
#define SIZE_MAX_	30000u
#define SWAPS		4u	/* files whose versions are exchanged */

static uint8_t data[SIZE_MAX_], found[SIZE_MAX_ + 1];
static unsigned int differences;

static void
die(const char *what)
{
	fprintf(stderr, "cutload: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- Records ---- */

static size_t
record_size(unsigned int n)
{
	return n % 7 == 0 ? SIZE_MAX_ - n % 1000 : 50 + n * 37 % 3000;
}

static size_t
record_make(unsigned int n)
{
	size_t size = record_size(n);

	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(n * 31 + i * 7 + i / 256);
	memcpy(data, &n, sizeof n);
	return size;
}

static void
log_line(unsigned int n, char *line)
{
	int len = sprintf(line, "record %010u ", n);

	memset(line + len, 'a' + (int)(n % 26), LOG_LINE);
	line[LOG_LINE - 1] = '\n';
	line[LOG_LINE] = '\0';
}

/* ---- Working ---- */

static void
said(const char *what, unsigned int n)
{
	char line[40];
	int len = sprintf(line, "%s %u\n", what, n);

	if (write(1, line, (size_t)len) != len)
		die("standard output");
}

static void
directory_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY);

	if (fd < 0 || fsync(fd) < 0)
		die(path);
	close(fd);
}

/* Does the write of record N say by itself that it is safe? */
static bool
is_synchronous(unsigned int n)
{
	return n / 3 % 2 == 0;
}

static void
file_write(const char *path, unsigned int n)
{
	size_t size = record_make(n);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | (is_synchronous(n) ? O_SYNC : 0), 0644);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || (!is_synchronous(n) && fsync(fd) < 0))
		die(path);
	close(fd);
}

static void
work_file(unsigned int n)
{
	char dir[32], path[64];

	sprintf(dir, "files-%02u", n % 10);
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		die(dir);
	sprintf(path, "%s/record-%u", dir, n);
	file_write(path, n);
	directory_sync(dir);
	directory_sync(".");
	said("file", n);
}

static void
work_log(unsigned int n)
{
	char line[LOG_LINE + 40];
	int fd = open("log", O_WRONLY | O_CREAT | O_APPEND | (is_synchronous(n) ? O_DSYNC : 0), 0644);

	log_line(n, line);
	if (fd < 0 || write(fd, line, LOG_LINE) != LOG_LINE || (!is_synchronous(n) && fdatasync(fd) < 0))
		die("log");
	close(fd);
	directory_sync(".");
	said("log", n);
}

static void
work_swap(unsigned int n)
{
	char path[32];

	sprintf(path, "swap-%u", n % SWAPS);
	file_write("new-version", n);
	if (rename("new-version", path) < 0)
		die(path);
	directory_sync(".");
	said("swap", n);
}

/* Names and blocks come and go; the errors are those of names that a cut has left. */
static void
work_unsafe(unsigned int n)
{
	char a[32], b[32];
	int fd;

	sprintf(a, "churn-%u", n % 50);
	sprintf(b, "moved-%u", n * 7 % 50);
	switch (n % 8) {
	case 0:
		(void)mkdir(b, 0755);
		break;
	case 1:
		(void)rename(a, b);
		break;
	case 2:
		(void)unlink(b);
		break;
	case 3:
		(void)link(a, b);
		break;
	case 4:
		(void)!symlink("somewhere", b);
		break;
	case 5:
		(void)!truncate(a, (off_t)(n * 1000 % 90000));
		break;
	case 6:
		(void)rmdir(b);
		break;
	}
	fd = open(a, O_WRONLY | O_CREAT, 0600);
	if (fd >= 0) {
		(void)!pwrite(fd, data, n % SIZE_MAX_, (off_t)(n * 997 % 200000));
		close(fd);
	}
}

/* Room for more: what was promised may go when it is old, as long as nobody asks for it (the checker is told). */
static void
work_forget(unsigned int n)
{
	char path[64];

	if (n < 400)
		return;
	sprintf(path, "files-%02u/record-%u", (n - 400) % 10, n - 400);
	(void)unlink(path);
}

static void
work(unsigned int n)
{
	for (;; n++) {
		record_make(n);
		work_unsafe(n);
		if (n % 3 == 0)
			work_file(n);
		else if (n % 3 == 1)
			work_log(n);
		else
			work_swap(n);
		work_forget(n);
	}
}

/* ---- Looking ---- */

static void
differs(const char *what, unsigned int n, const char *how)
{
	printf("%s %u: %s\n", what, n, how);
	differences++;
}

/* What is in PATH: the number of a whole record, or -1. */
static long
record_read(const char *path)
{
	unsigned int n;
	ssize_t size;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return -1;
	size = read(fd, found, sizeof found);
	close(fd);
	if (size < (ssize_t)sizeof n)
		return -1;
	memcpy(&n, found, sizeof n);
	if ((size_t)size != record_size(n) || memcmp(found, data, record_make(n)) != 0)
		return -1;
	return (long)n;
}

static unsigned int *log_numbers, log_count;

/* Every line of the log but the last, which may have been cut, must be whole. */
static void
log_read(void)
{
	char line[LOG_LINE + 40], should[LOG_LINE + 40];
	unsigned int n;
	FILE *f = fopen("log", "r");

	log_numbers = calloc(1000000, sizeof *log_numbers);
	while (f != NULL && fread(line, LOG_LINE, 1, f) == 1 && log_count < 1000000) {
		line[LOG_LINE] = '\0';
		if (sscanf(line, "record %u", &n) != 1) {
			differs("log", log_count, "a line is torn");
			break;
		}
		log_line(n, should);
		if (strcmp(line, should) != 0)
			differs("log", n, "a line is torn");
		log_numbers[log_count++] = n;
	}
	if (f != NULL)
		fclose(f);
}

static bool
log_has(unsigned int n)
{
	for (unsigned int i = log_count; i-- > 0;)
		if (log_numbers[i] == n)
			return true;
	return false;
}

static int
look(void)
{
	unsigned int n, last = 0, swap[SWAPS] = { 0 }, lines = 0;
	static unsigned int files[1000000], nfiles;
	char what[16], path[64];

	log_read();
	while (scanf("%15s %u", what, &n) == 2) {
		lines++;
		last = n;
		if (strcmp(what, "swap") == 0)
			swap[n % SWAPS] = n;
		else if (strcmp(what, "log") == 0 && !log_has(n))
			differs("log", n, "is not there");
		else if (strcmp(what, "file") == 0)
			files[nfiles++] = n;
	}
	for (unsigned int i = 0; i < nfiles; i++) {
		if (files[i] + 400 <= last + 10)
			continue;	/* was removed on purpose, or may have been */
		sprintf(path, "files-%02u/record-%u", files[i] % 10, files[i]);
		if (record_read(path) != (long)files[i])
			differs("file", files[i], "is not there as it was");
	}
	for (unsigned int i = 0; i < SWAPS; i++) {
		sprintf(path, "swap-%u", i);
		if (swap[i] != 0 && record_read(path) < (long)swap[i])
			differs("swap", swap[i], "an older version, or a torn one");
	}
	printf("%u records promised, %u differences\n", lines, differences);
	return differences > 0;
}

int
main(int argc, char **argv)
{
	bool is_look = argc == 3 && strcmp(argv[1], "-v") == 0;

	if (argc != 3 || chdir(argv[is_look ? 2 : 1]) < 0) {
		fprintf(stderr, "usage: cutload DIR FIRST | cutload -v DIR\n");
		return 2;
	}
	if (is_look)
		return look();
	work((unsigned int)atoi(argv[2]));
	return 0;
}
