/*
 * ioctls.c - the requests (ioctl) that programs make of a disk. Arguments: a disk that may be changed, its size in bytes.
 *
 * From 1 MiB on, 8 MiB of it are zeros afterwards. Runs on Linux, too.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* linux/fs.h, hdreg.h */
#define HDIO_GETGEO_	0x0301
#define BLKROGET_	0x125e
#define BLKGETSIZE_	0x1260
#define BLKFLSBUF_	0x1261
#define BLKSSZGET_	0x1268
#define BLKPBSZGET_	0x127b
#define BLKDISCARD_	0x1277
#define BLKZEROOUT_	0x127f
#define BLKBSZGET_	0x80041270u
#define BLKGETSIZE64_	0x80041272u

static int failures;

static void
ok(bool cond, const char *what)
{
	printf("%sok - %s\n", cond ? "" : "not ", what);
	failures += !cond;
}

static int
range(int fd, unsigned int request, uint64_t start, uint64_t bytes)
{
	uint64_t r[2] = { start, bytes };

	return ioctl(fd, (int)request, r);
}

static void
test_sizes(int fd, uint64_t size)
{
	struct { unsigned char heads, sectors; unsigned short cylinders; unsigned long start; } geo = { 0, 0, 0, 1 };
	uint64_t bytes = 0;
	unsigned long sectors = 0;
	unsigned int block = 0;
	int number = 7;

	ok(ioctl(fd, (int)BLKGETSIZE64_, &bytes) == 0 && bytes == size, "its size in bytes");
	ok(ioctl(fd, BLKGETSIZE_, &sectors) == 0 && sectors == size / 512, "... in sectors");
	ok((uint64_t)lseek(fd, 0, SEEK_END) == size, "... as its end");
	ok(ioctl(fd, BLKSSZGET_, &number) == 0 && number == 512 && ioctl(fd, BLKPBSZGET_, &block) == 0 && block >= 512, "its sectors");
	ok(ioctl(fd, (int)BLKBSZGET_, &number) == 0 && number >= 512, "its blocks");
	ok(ioctl(fd, BLKROGET_, &number) == 0 && number == 0, "it can be written");
	ok(ioctl(fd, HDIO_GETGEO_, &geo) == 0 && geo.heads > 0 && geo.sectors > 0 && geo.start == 0, "a geometry");
	ok(ioctl(fd, BLKFLSBUF_, 0) == 0 && fsync(fd) == 0 && fdatasync(fd) == 0, "it is flushed");
	errno = 0;
	ok(ioctl(fd, TIOCGWINSZ, &geo) == -1 && errno == ENOTTY, "it is no terminal");
}

static bool
is_zero(int fd, off_t from, size_t bytes)
{
	char *p = malloc(bytes);
	bool zero = p != NULL && pread(fd, p, bytes, from) == (ssize_t)bytes;

	for (size_t i = 0; zero && i < bytes; i++)
		zero = p[i] == 0;
	free(p);
	return zero;
}

static void
test_ranges(int fd, const char *path, uint64_t size)
{
	int reader = open(path, O_RDONLY);

	ok(range(fd, BLKZEROOUT_, 1 << 20, 8 << 20) == 0 && is_zero(fd, 1 << 20, 8 << 20), "zeros");
	ok(!is_zero(fd, (1 << 20) - 512, 512) && !is_zero(fd, 9 << 20, 512), "... where they should be");
	ok(range(fd, BLKDISCARD_, 2 << 20, 1 << 20) == 0 || errno == EOPNOTSUPP, "discard");
	ok(range(fd, BLKZEROOUT_, 100, 512) == -1 && errno == EINVAL && range(fd, BLKZEROOUT_, 0, 100) == -1 && errno == EINVAL &&
		range(fd, BLKZEROOUT_, size, 512) == -1 && errno == EINVAL && range(fd, BLKZEROOUT_, ~0ull - 511, 1024) == -1 &&
		errno == EINVAL, "what are no sectors of it is refused");
	ok(range(reader, BLKZEROOUT_, 0, 512) == -1 && errno == EBADF, "who may only read may not");
	ok(write(reader, "x", 1) == -1 && errno == EBADF, "... nor write");
	close(reader);
}

static void
test_edges(int fd, const char *path, uint64_t size)
{
	char buf[2048];
	struct stat st;
	int own;

	ok(pread(fd, buf, sizeof buf, (off_t)size - 100) == 100 && pread(fd, buf, 1, (off_t)size) == 0, "it ends");
	ok(pwrite(fd, buf, 1, (off_t)size) == -1 && errno == ENOSPC, "nothing is written behind its end");
	ok(fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) && st.st_size == 0 && stat(path, &st) == 0 && S_ISBLK(st.st_mode) && st.st_size == 0,
		"stat");
	own = open(path, O_RDWR | O_EXCL);
	ok(own >= 0 && open(path, O_RDONLY | O_EXCL) == -1 && errno == EBUSY, "O_EXCL excludes");
	close(own);
	ok(ftruncate(fd, 0) == -1 && errno == EINVAL, "its size is what it is");
}

int
main(int argc, char **argv)
{
	uint64_t size = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
	int fd = argc == 3 ? open(argv[1], O_RDWR) : -1;

	if (fd < 0) {
		perror("ioctls: DISK SIZE");
		return 2;
	}
	test_sizes(fd, size);
	test_ranges(fd, argv[1], size);
	test_edges(fd, argv[1], size);
	return failures != 0;
}
