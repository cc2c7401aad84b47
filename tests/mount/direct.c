/*
 * direct.c - O_DIRECT on the volume that the first argument is a directory of; with a second, its disk: what was written is there at once.
 *
 * It prints TAP. tests/areas/mount runs it on Linux first, then on volumes here.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "../linux/tap.h"

#define BLOCK	4096

static char data[4 * BLOCK] __attribute__((aligned(BLOCK))), back[4 * BLOCK] __attribute__((aligned(BLOCK)));

static void
test_moving(void)
{
	struct iovec iov[2] = { { data, BLOCK }, { data + 2 * BLOCK, 512 } };
	int fd = open("direct", O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0644), plain = open("direct", O_RDWR);
	char *map;

	memset(data, 'd', sizeof data);
	returns(fd < 0 ? 0 : fcntl(fd, F_GETFL) & O_DIRECT, O_DIRECT);
	returns(write(fd, data, 3 * BLOCK), 3 * BLOCK);
	returns(pread(plain, back, sizeof back, 0), 3 * BLOCK);
	returns(memcmp(data, back, 3 * BLOCK), 0);
	fails(write(fd, data + 1, BLOCK), EINVAL);
	fails(write(fd, data, 100), EINVAL);
	fails(pwrite(fd, data, BLOCK, 100), EINVAL);
	fails(pread(fd, data + 1, BLOCK, 0), EINVAL);
	fails(pread(fd, data, 100, 0), EINVAL);
	fails(pread(fd, data, BLOCK, 100), EINVAL);
	returns(pwrite(plain, "plain", 5, BLOCK), 5);
	returns(pread(fd, back, BLOCK, BLOCK) == BLOCK && memcmp(back, "plaind", 6) == 0, 1);
	map = mmap(NULL, BLOCK, PROT_READ, MAP_SHARED, plain, 0);
	memset(data, 'e', sizeof data);
	returns(pwrite(fd, data, BLOCK, 0) == BLOCK && map[0] == 'e' && map[BLOCK - 1] == 'e', 1);
	munmap(map, BLOCK);
	returns(pread(fd, back, BLOCK, 3 * BLOCK), 0);
	returns(pwritev(fd, iov, 2, 3 * BLOCK), BLOCK + 512);
	returns(ftruncate(plain, 5000), 0);
	returns(pread(fd, back, BLOCK, BLOCK), 5000 - BLOCK);
	returns(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_DIRECT), 0);
	returns(pwrite(fd, data + 1, 100, 4900), 100);	/* as dd does with what is left */
	close(fd);
	close(plain);
}

/* Is a sector that is all C on the disk? */
static int
is_on(const char *disk, char c)
{
	int fd = open(disk, O_RDONLY);
	char want[512];
	ssize_t n = 0, at = 0;

	memset(want, c, sizeof want);
	while (at >= n && (n = read(fd, back, sizeof back)) > 0)
		for (at = 0; at < n && memcmp(back + at, want, sizeof want) != 0; at += (ssize_t)sizeof want)
			;
	close(fd);
	return n > 0;
}

static void
test_disk(const char *disk)
{
	int fd = open("there", O_RDWR | O_CREAT | O_DIRECT, 0644);

	memset(data, 'T', sizeof data);
	returns(is_on(disk, 'T'), 0);
	returns(write(fd, data, BLOCK), BLOCK);
	returns(is_on(disk, 'T'), 1);
	close(fd);
}

int
main(int argc, char **argv)
{
	if (argc < 2 || chdir(argv[1]) < 0)
		return 1;
	test_moving();
	if (argc > 2)
		test_disk(argv[2]);
	unlink("direct");
	unlink("there");
	return tap_end();
}
