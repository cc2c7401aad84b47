/*
 * mksysv.c - make a System V volume from a directory, as Linux has no program for that.
 *
 * usage: mksysv [-b BLOCKSIZE] [-r 2|4|x] [-B] IMAGE DIRECTORY        -r: release, x is Xenix      -B: most significant byte first
 *
 * Everything is laid out in memory first: inodes are numbered as the tree is walked, each file's blocks follow each other, holes of
 * files stay holes, and what is left is the chain of free blocks.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define BYTES_MAX	(64u << 20)
#define INODES		2048u
#define FREE_BLOCKS	300u
#define PER_CHUNK(release) ((release) == 'x' ? 100u : 50u)

static uint8_t *image;
static uint32_t block_size = 1024, next_block, next_inode = 2;
static bool is_big;
static char release = '4';

static struct { dev_t dev; ino_t ino; uint32_t number; } links[INODES];	/* inodes of the host that have several names */
static unsigned int nlinks;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- Numbers ---- */

static void
put(uint8_t *p, uint32_t v, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		p[is_big ? n - 1 - i : i] = (uint8_t)(v >> 8 * i);
}

static uint8_t *
block_at(uint32_t number)
{
	return image + (size_t)number * block_size;
}

static uint32_t
block_new(void)
{
	if ((size_t)(next_block + FREE_BLOCKS + 1) * block_size > BYTES_MAX) {
		fprintf(stderr, "mksysv: the tree is too large\n");
		exit(1);
	}
	return next_block++;
}

static uint8_t *
inode_at(uint32_t number)
{
	return image + 2 * block_size + (number - 1) * 64;
}

/* ---- Files ---- */

static bool
is_zero(const uint8_t *p, size_t n)
{
	while (n > 0 && *p == 0)
		p++, n--;
	return n == 0;
}

/* The tree of indirect blocks of LEVEL over the N block numbers at LIST. */
static uint32_t
indirect_make(const uint32_t *list, uint32_t n, unsigned int level)
{
	uint32_t per = block_size / 4, span = 1, i, k, number;
	unsigned int l;

	if (level == 0)
		return list[0];
	for (l = 1; l < level; l++)
		span *= per;
	number = block_new();
	for (i = 0, k = 0; i < n && k < per; i += span, k++)
		put(block_at(number) + 4 * k, indirect_make(list + i, n - i < span ? n - i : span, level - 1), 4);
	return number;
}

static void
contents_put(uint8_t *inode, const uint8_t *data, size_t size)
{
	uint32_t n = (uint32_t)((size + block_size - 1) / block_size), i, span = 1, at;
	uint32_t *list = calloc(n + 1, sizeof(*list));
	unsigned int level;

	put(inode + 8, (uint32_t)size, 4);
	for (i = 0; i < n; i++) {
		size_t k = size - (size_t)i * block_size < block_size ? size - (size_t)i * block_size : block_size;

		if (is_zero(data + (size_t)i * block_size, k))
			continue;
		list[i] = block_new();
		memcpy(block_at(list[i]), data + (size_t)i * block_size, k);
	}
	for (i = 0; i < 10 && i < n; i++)
		put(inode + 12 + 3 * i, list[i], 3);
	for (at = 10, level = 1; level <= 3 && at < n; level++) {
		span *= block_size / 4;
		put(inode + 12 + 3 * (9 + level), indirect_make(list + at, n - at < span ? n - at : span, level), 3);
		at += span;
	}
	free(list);
}

static uint8_t *
file_read(const char *path, size_t size)
{
	uint8_t *data = malloc(size + 1);
	FILE *f = fopen(path, "r");

	if (f == NULL || fread(data, 1, size, f) != size)
		die(path);
	fclose(f);
	return data;
}

/* ---- The tree ---- */

static uint32_t tree_put(const char *path, uint32_t parent);

static void
entry_put(uint8_t **dir, size_t *n, uint32_t inode, const char *name)
{
	*dir = realloc(*dir, *n + 16);
	memset(*dir + *n, 0, 16);
	put(*dir + *n, inode, 2);
	memcpy(*dir + *n + 2, name, strlen(name) < 14 ? strlen(name) : 14);
	*n += 16;
}

static void
dir_put(uint8_t *inode, const char *path, uint32_t self, uint32_t parent)
{
	uint8_t *dir = NULL;
	size_t n = 0;
	struct dirent *de;
	DIR *d = opendir(path);
	char below[4096];

	if (d == NULL)
		die(path);
	entry_put(&dir, &n, self, ".");
	entry_put(&dir, &n, parent, "..");
	while ((de = readdir(d)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (strlen(de->d_name) > 14) {
			fprintf(stderr, "mksysv: %s/%s: the name is too long\n", path, de->d_name);
			exit(1);
		}
		entry_put(&dir, &n, 0, "deleted");	/* as directories that were used have */
		snprintf(below, sizeof(below), "%s/%s", path, de->d_name);
		entry_put(&dir, &n, tree_put(below, self), de->d_name);
	}
	closedir(d);
	contents_put(inode, dir, n);
	free(dir);
}

/* An inode for PATH; its number. */
static uint32_t
tree_put(const char *path, uint32_t parent)
{
	uint32_t number = next_inode;
	char target[4096];
	struct stat st;
	uint8_t *inode, *data;
	unsigned int i;

	if (lstat(path, &st) != 0)
		die(path);
	for (i = 0; i < nlinks && st.st_nlink > 1 && !S_ISDIR(st.st_mode); i++)
		if (links[i].dev == st.st_dev && links[i].ino == st.st_ino)
			return links[i].number;
	if (next_inode++ > INODES) {
		fprintf(stderr, "mksysv: too many files\n");
		exit(1);
	}
	if (st.st_nlink > 1 && !S_ISDIR(st.st_mode)) {
		links[nlinks].dev = st.st_dev;
		links[nlinks].ino = st.st_ino;
		links[nlinks++].number = number;
	}
	inode = inode_at(number);
	put(inode, st.st_mode, 2);
	put(inode + 2, (uint32_t)st.st_nlink, 2);
	put(inode + 4, st.st_uid, 2);
	put(inode + 6, st.st_gid, 2);
	put(inode + 52, (uint32_t)st.st_atime, 4);
	put(inode + 56, (uint32_t)st.st_mtime, 4);
	put(inode + 60, (uint32_t)st.st_ctime, 4);
	if (S_ISREG(st.st_mode)) {
		data = file_read(path, (size_t)st.st_size);
		contents_put(inode, data, (size_t)st.st_size);
		free(data);
	} else if (S_ISLNK(st.st_mode)) {
		if (readlink(path, target, sizeof(target)) != st.st_size)
			die(path);
		contents_put(inode, (uint8_t *)target, (size_t)st.st_size);
	} else if (S_ISDIR(st.st_mode)) {
		dir_put(inode, path, number, parent != 0 ? parent : number);
	} else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
		put(inode + 12, major(st.st_rdev) << 8 | minor(st.st_rdev), 3);
	}
	return number;
}

/* ---- The superblock ---- */

/* Chunks of the free list: a count and as many numbers, the first of which is where the next chunk is. */
static void
free_put(uint8_t *count, uint8_t *list, uint32_t first, uint32_t n)
{
	uint32_t per = PER_CHUNK(release), in = 0, i;
	uint32_t numbers[100] = { 0 };

	numbers[in++] = 0;			/* the end of the chain */
	for (i = 0; i < n; i++) {
		if (in == per) {
			uint8_t *b = block_at(first + i);

			put(b, in, 2);
			for (in = 0; in < per; in++)
				put(b + (release == '4' ? 4 : 2) + 4 * in, numbers[in], 4);
			in = 0;
		}
		numbers[in++] = first + i;
	}
	put(count, in, 2);
	for (i = 0; i < in; i++)
		put(list + 4 * i, numbers[i], 4);
}

static void
super_put(uint32_t first_data)
{
	uint8_t *b = image + (release == 'x' ? 1024 : 512);
	uint32_t blocks = next_block + FREE_BLOCKS, type = block_size == 512 ? 1 : block_size == 1024 ? 2 : 3;
	uint32_t free_inodes = INODES - next_inode + 1;

	put(b, first_data, 2);
	put(b + (release == '4' ? 4 : 2), blocks, 4);
	if (release == '4')
		free_put(b + 8, b + 12, next_block, FREE_BLOCKS);
	else
		free_put(b + 6, b + 8, next_block, FREE_BLOCKS);
	put(b + (release == '4' ? 420 : release == '2' ? 414 : 614), 1000000000, 4);
	put(b + (release == '4' ? 432 : release == '2' ? 426 : 618), FREE_BLOCKS, 4);
	put(b + (release == '4' ? 436 : release == '2' ? 430 : 622), free_inodes, 2);
	put(b + (release == 'x' ? 1016 : 504), release == 'x' ? 0x2b5544 : 0xfd187e20, 4);
	put(b + (release == 'x' ? 1020 : 508), type, 4);
}

int
main(int argc, char **argv)
{
	uint32_t first_data;
	FILE *f;
	int c;

	while ((c = getopt(argc, argv, "b:r:B")) != -1) {
		if (c == 'b')
			block_size = (uint32_t)atoi(optarg);
		else if (c == 'r')
			release = optarg[0];
		else if (c == 'B')
			is_big = true;
		else
			return 2;
	}
	if (argc - optind != 2) {
		fprintf(stderr, "usage: mksysv [-b BLOCKSIZE] [-r 2|4|x] [-B] IMAGE DIRECTORY\n");
		return 2;
	}
	image = calloc(1, BYTES_MAX);
	first_data = 2 + INODES * 64 / block_size;
	next_block = first_data;
	(void)tree_put(argv[optind + 1], 0);
	super_put(first_data);
	f = fopen(argv[optind], "w");
	if (f == NULL || fwrite(image, block_size, next_block + FREE_BLOCKS, f) != next_block + FREE_BLOCKS || fclose(f) != 0)
		die(argv[optind]);
	return 0;
}
