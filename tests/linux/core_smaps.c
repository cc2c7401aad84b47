/*
 * core_smaps.c - /proc/self/smaps and smaps_rollup: what is written is private, what a fork leaves to both and text are shared.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <stdbool.h>
#include "core.h"

#define SIZE	(2u << 20)
#define TOUCHED	40

/* The sum of lines WHAT, in kB, of the mappings in FILE that have an address from LOW to HIGH in them. -1: there was none. */
static long
kb_of(const char *file, const char *what, unsigned long low, unsigned long high)
{
	unsigned long from, to;
	char line[256];
	long sum = -1, kb;
	int inside = 0;
	FILE *f = fopen(file, "r");

	if (f == NULL)
		return -1;
	while (fgets(line, sizeof line, f) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = from <= high && low < to;
		else if (inside && strncmp(line, what, strlen(what)) == 0 && sscanf(line + strlen(what), ": %ld kB", &kb) == 1)
			sum = sum < 0 ? kb : sum + kb;
	}
	fclose(f);
	return sum;
}

static long
all_of(const char *what)
{
	return kb_of("/proc/self/smaps_rollup", what, 0, ~0ul);
}

/* The number is told only when it is wrong: names of tests are the same here and on Linux. */
static void
kb_ok(bool good, long kb, const char *name)
{
	ok(good, "%s", name);
	if (!good)
		printf("# %ld kB\n", kb);
}

static void
test_written(void)
{
	long before = all_of("Private_Dirty"), shared, kb;
	char *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int runs[2];
	pid_t pid;
	char c;

	for (int i = 0; i < TOUCHED; i++)
		at[i * 8192] = 1;
	kb = all_of("Private_Dirty") - before;
	kb_ok(kb >= TOUCHED * 4 && kb < TOUCHED * 4 + 100, kb, "written pages are private and dirty");
	kb = kb_of("/proc/self/smaps", "Rss", (unsigned long)at, (unsigned long)at + SIZE - 1);
	kb_ok(kb >= TOUCHED * 4, kb, "the mapping has them");
	kb = kb_of("/proc/self/smaps", "Size", (unsigned long)at, (unsigned long)at + SIZE - 1);
	kb_ok(kb >= (long)(SIZE / 1024), kb, "and its size");
	kb = kb_of("/proc/self/smaps", "Anonymous", (unsigned long)at, (unsigned long)at + SIZE - 1);
	kb_ok(kb >= TOUCHED * 4, kb, "they are of no file");
	shared = all_of("Shared_Dirty");
	pid = pipe(runs) == 0 ? fork() : -1;
	if (pid == 0)
		_exit(write(runs[1], "x", 1) == 1 ? pause() : 1);
	ok(read(runs[0], &c, 1) == 1, "a child runs");
	kb = all_of("Shared_Dirty") - shared;
	kb_ok(kb >= TOUCHED * 4 - 32, kb, "it shares them");
	kb = kb_of("/proc/self/smaps", "Shared_Clean", (unsigned long)&test_written, (unsigned long)&test_written);
	kb += kb_of("/proc/self/smaps", "Shared_Dirty", (unsigned long)&test_written, (unsigned long)&test_written);
	kb_ok(kb > 0, kb, "and the program's text");
	at[0] = 2;
	shared = kb_of("/proc/self/smaps", "Private_Dirty", (unsigned long)at, (unsigned long)at);
	kb_ok(shared >= 4, shared, "what is written then is private again");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	before = all_of("Rss");
	munmap(at, SIZE);
	kb = before - all_of("Rss");
	kb_ok(kb >= TOUCHED * 4, kb, "unmapped memory is gone");
}

int
main(void)
{
	ok(all_of("Rss") > 0, "there is a sum");
	test_written();
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}
