/*
 * treesum.c - a line for each name in a tree: what it is, and a sum of its contents.
 *
 * usage: treesum [-p] DIR      -p: no links, owners or modes (FAT); the names sorted, each directory before what is in it
 *
 * Of a file over 256 MiB only samples are read, unless TREESUM_ALL is in the environment: its beginning, its end, and a piece every
 * 16 MiB.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE	(256ull << 20)
#define STEP	(16ull << 20)

static bool plain;
static uint8_t buffer[65536];

static void
die(const char *path)
{
	fprintf(stderr, "treesum: %s: %s\n", path, strerror(errno));
	exit(1);
}

static uint64_t
sum_bytes(uint64_t sum, const uint8_t *p, size_t n)
{
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t v;

		memcpy(&v, p, 8);
		sum = (sum ^ v) * 0x100000001b3ull;
		sum ^= sum >> 29;
	}
	for (; n > 0; n--)
		sum = (sum ^ *p++) * 0x100000001b3ull;
	return sum;
}

static uint64_t
file_sum(const char *path, uint64_t size)
{
	bool samples = size > LARGE && getenv("TREESUM_ALL") == NULL;
	uint64_t sum = 0xcbf29ce484222325ull, at = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		die(path);
	while ((n = pread(fd, buffer, sizeof buffer, (off_t)at)) > 0) {
		sum = sum_bytes(sum, buffer, (size_t)n);
		at += (uint64_t)n;
		if (samples && at % STEP == sizeof buffer && at + STEP + sizeof buffer < size)
			at += STEP - sizeof buffer;
	}
	if (n < 0)
		die(path);
	close(fd);
	return at == size ? sum : ~sum;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void walk(const char *path);

static void
show(const char *path)
{
	char target[4096];
	struct stat st;
	ssize_t n;

	if (lstat(path, &st) < 0)
		die(path);
	printf("%s", path);
	if (!plain)
		printf(" %o %u:%u %lu", (unsigned int)st.st_mode, (unsigned int)st.st_uid, (unsigned int)st.st_gid,
		       S_ISDIR(st.st_mode) ? 0ul : (unsigned long)st.st_nlink);
	if (S_ISREG(st.st_mode))
		printf(" %llu %016llx", (unsigned long long)st.st_size, (unsigned long long)file_sum(path, (uint64_t)st.st_size));
	if (S_ISLNK(st.st_mode)) {
		n = readlink(path, target, sizeof target - 1);
		if (n < 0)
			die(path);
		printf(" -> %.*s", (int)n, target);
	}
	printf("\n");
	if (S_ISDIR(st.st_mode))
		walk(path);
}

static void
walk(const char *path)
{
	struct dirent **list;
	char *sub;
	int n = scandir(path, &list, NULL, by_name);

	if (n < 0)
		die(path);
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strcmp(name, "lost+found") != 0) {
			if (asprintf(&sub, "%s/%s", path, name) < 0)
				die(path);
			show(sub);
			free(sub);
		}
		free(list[i]);
	}
	free(list);
}

int
main(int argc, char **argv)
{
	plain = argc == 3 && strcmp(argv[1], "-p") == 0;
	if ((argc != 2 && !plain) || chdir(argv[argc - 1]) < 0) {
		fprintf(stderr, "usage: treesum [-p] DIR\n");
		return 2;
	}
	walk(".");
	return 0;
}
