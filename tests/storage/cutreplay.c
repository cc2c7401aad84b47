/*
 * cutreplay.c - what a disk may hold when the power goes: states made from a log of its writes.
 *
 * cutreplay -t LOG		copies lines from standard input to standard output, each followed by the size of LOG when it came
 * cutreplay LOG IMAGE CUTS SEED COMMAND
 *				chooses CUTS places in LOG and for each makes the file "cut": IMAGE with all writes that a flush had
 *				made durable by then, and of the later ones any: whole, in part or not at all. Then it runs COMMAND
 *				(by the shell) with the place's offset in LOG as $1, and stops when that fails.
 *
 * LOG is what QEMU's blklogwrites writes, the format of Linux's dm-log-writes: a block with a header, then for each write, flush or
 * discard a block that describes it and the data. A killed emulator loses nothing that a guest wrote, a disk with a cache does.
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
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_MAGIC	0x6a736677736872ull
#define SECTOR		512u	/* of the disk: written whole or not at all */

enum { LOG_FLUSH = 1, LOG_FUA = 2, LOG_DISCARD = 4 };

struct log_header {
	uint64_t	lh_magic, lh_version, lh_entries;
	uint32_t	lh_block;	/* bytes */
};

struct log_entry {
	uint64_t	le_at, le_count;	/* blocks */
	uint64_t	le_flags;
	uint64_t	le_extra;		/* bytes of a mark */
};

/* A write that no flush has made durable. */
struct pending {
	const uint8_t	*pe_data;	/* NULL: a discard */
	uint64_t	 pe_at, pe_size;	/* bytes */
};

static const uint8_t *logged;
static uint64_t log_size, log_block;
static uint8_t *disk, *copy;
static uint64_t disk_size;
static struct pending pending[65536];
static unsigned int pending_count;

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "cutreplay: %s: %s\n", what, why);
	exit(2);
}

static void *
file_map(const char *path, int prot, uint64_t *size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *at;

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path, strerror(errno));
	*size = (uint64_t)st.st_size;
	at = mmap(NULL, (size_t)st.st_size, prot, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		die(path, strerror(errno));
	close(fd);
	return at;
}

/* ---- Lines and when they came ---- */

static int
lines_tag(const char *log)
{
	char line[256];
	struct stat st;

	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (stat(log, &st) < 0)
			die(log, strerror(errno));
		printf("%s %llu\n", line, (unsigned long long)st.st_size);
		fflush(stdout);
	}
	return 0;
}

/* ---- The log ---- */

/* The entry at offset AT; false: there is no whole one. NEXT is the offset of what follows. */
static bool
entry_read(uint64_t at, struct log_entry *e, uint64_t *next)
{
	if (at + log_block > log_size)
		return false;
	memcpy(e, logged + at, sizeof *e);
	*next = at + log_block;
	if (!(e->le_flags & LOG_DISCARD))
		*next += e->le_count * log_block;
	if (e->le_count > disk_size / log_block || e->le_at > disk_size / log_block - e->le_count)
		die("the log", "a write behind the end of the disk");
	return *next <= log_size;
}

static void
apply(uint8_t *to, const struct pending *p)
{
	if (p->pe_data != NULL)
		memcpy(to + p->pe_at, p->pe_data, p->pe_size);
	else
		memset(to + p->pe_at, 0, p->pe_size);
}

static void
flush(void)
{
	for (unsigned int i = 0; i < pending_count; i++)
		apply(disk, &pending[i]);
	pending_count = 0;
}

static void
entry_take(uint64_t at, const struct log_entry *e)
{
	struct pending p = { .pe_at = e->le_at * log_block, .pe_size = e->le_count * log_block };

	if (e->le_flags & LOG_FLUSH)
		flush();
	if (e->le_count == 0)
		return;
	if (!(e->le_flags & LOG_DISCARD))
		p.pe_data = logged + at + log_block;
	if (e->le_flags & LOG_FUA)
		apply(disk, &p);
	else if (pending_count == sizeof pending / sizeof pending[0])
		die("the log", "too many writes without a flush");
	else
		pending[pending_count++] = p;
}

/* ---- Cuts ---- */

/* What of P reached the disk before the power went: all, nothing, or some of its sectors. */
static void
apply_some(uint8_t *to, const struct pending *p)
{
	int luck = rand() % 8;
	struct pending part = *p;

	if (luck < 3)
		return;
	if (luck < 6) {
		apply(to, p);
		return;
	}
	part.pe_size = SECTOR;
	for (; part.pe_at < p->pe_at + p->pe_size; part.pe_at += SECTOR) {
		if (rand() % 2 == 0)
			apply(to, &part);
		if (part.pe_data != NULL)
			part.pe_data += SECTOR;
	}
}

/* Write the copy; what is zero becomes a hole. */
static void
copy_write(const char *path)
{
	const size_t piece = 65536;
	static const uint8_t zeros[65536];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	uint64_t n;

	if (fd < 0 || ftruncate(fd, (off_t)disk_size) < 0)
		die(path, strerror(errno));
	for (uint64_t at = 0; at < disk_size; at += n) {
		n = disk_size - at < piece ? disk_size - at : piece;
		if (memcmp(copy + at, zeros, n) != 0 && pwrite(fd, copy + at, n, (off_t)at) != (ssize_t)n)
			die(path, strerror(errno));
	}
	close(fd);
}

static bool
cut(uint64_t at, const char *command)
{
	char line[1024];

	memcpy(copy, disk, disk_size);
	for (unsigned int i = 0; i < pending_count; i++)
		apply_some(copy, &pending[i]);
	copy_write("cut");
	snprintf(line, sizeof line, "set -- %llu; %s", (unsigned long long)at, command);
	return system(line) == 0;
}

static int
offset_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int
replay(unsigned int cuts, const char *command)
{
	uint64_t *place = calloc(cuts, sizeof *place), at = log_block, next;
	unsigned int done = 0, entries = 0;
	struct log_entry e;

	for (unsigned int i = 0; i < cuts; i++)
		place[i] = at + ((uint64_t)rand() << 16 ^ (uint64_t)rand()) % (log_size - at);
	qsort(place, cuts, sizeof *place, offset_compare);
	for (; done < cuts && entry_read(at, &e, &next); at = next, entries++) {
		entry_take(at, &e);
		for (; done < cuts && place[done] < next; done++)
			if (!cut(next, command)) {
				printf("cut %u of %u, after %u writes, %u of them pending\n", done + 1, cuts, entries + 1, pending_count);
				return 1;
			}
	}
	printf("%u cuts in %u writes\n", done, entries);
	free(place);
	return done == 0;
}

int
main(int argc, char **argv)
{
	struct log_header header;

	if (argc == 3 && strcmp(argv[1], "-t") == 0)
		return lines_tag(argv[2]);
	if (argc != 6) {
		fprintf(stderr, "usage: cutreplay -t LOG | cutreplay LOG IMAGE CUTS SEED COMMAND\n");
		return 2;
	}
	logged = file_map(argv[1], PROT_READ, &log_size);
	disk = file_map(argv[2], PROT_READ | PROT_WRITE, &disk_size);
	copy = malloc(disk_size);
	memcpy(&header, logged, sizeof header);
	if (copy == NULL || log_size < 2 * SECTOR || header.lh_magic != LOG_MAGIC || header.lh_block % SECTOR != 0 || header.lh_block == 0)
		die(argv[1], "not a log of writes");
	log_block = header.lh_block;
	srand((unsigned int)atoi(argv[4]));
	return replay((unsigned int)atoi(argv[3]), argv[5]);
}
