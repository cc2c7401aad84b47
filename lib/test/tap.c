/*
 * tap.c - print test results to the kernel's console.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <masix/mach.h>
#include "test.h"

static unsigned int count, failed;

static void
vprint(const char *fmt, va_list ap)
{
	char line[300];

	(void)vsniprintf(line, sizeof(line), fmt, ap);
	mach_print(line);
}

void
tap_print(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
}

void
tap_ok(bool ok, const char *fmt, ...)
{
	va_list ap;

	tap_print("%sok %u - ", ok ? "" : "not ", ++count);
	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
	mach_print("\n");
	failed += !ok;
}

void
tap_done(void)
{
	tap_print("1..%u\n# %u failed\n", count, failed);
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void
tap_time(const char *what, uint64_t *ticks, unsigned int n, unsigned int per)
{
	uint64_t hz = mx_tsc_hz();
	unsigned int least, median;

	if (hz == 0)
		return;
	qsort(ticks, n, sizeof(*ticks), compare);
	least = (unsigned int)(ticks[0] * 1000000 / hz * 100 / per);
	median = (unsigned int)(ticks[n / 2] * 1000000 / hz * 100 / per);
	tap_print("# %s: %u.%02u us, median %u.%02u\n", what, least / 100, least % 100, median / 100, median % 100);
}
