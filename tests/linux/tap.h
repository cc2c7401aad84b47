/*
 * tap.h - what the oracle programs print: TAP, and a directory of their own to work in.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TAP_H
#define TAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int tap_count, tap_failed;
static char tap_dir[64];

static inline void __attribute__((format(printf, 2, 3)))
ok(int good, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	printf("%s %d - ", good ? "ok" : "not ok", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!good) {
		tap_failed++;
		printf("# errno %d (%s)\n", saved, strerror(saved));
	}
	fflush(stdout);
	errno = saved;
}

/* The call must fail with E. */
#define fails(call, e) do { \
	errno = 0; \
	long r_ = (long)(call); \
	ok(r_ == -1 && errno == (e), "%s: %s", #call, #e); \
	if (r_ != -1) printf("# it returned %ld\n", r_); \
} while (0)

/* The call must return V. */
#define returns(call, v) do { \
	errno = 0; \
	long r_ = (long)(call), v_ = (long)(v); \
	ok(r_ == v_, "%s == %s", #call, #v); \
	if (r_ != v_) printf("# it returned %ld\n", r_); \
} while (0)

/* What a compiler must not know: an address that faults, a number. */
static void *volatile tap_bad = (void *)16;
static volatile int tap_many = 1025;

/* Work in a fresh directory. */
static inline void
tap_begin(void)
{
	strcpy(tap_dir, "/tmp/tap-XXXXXX");
	if (mkdtemp(tap_dir) == NULL || chdir(tap_dir) < 0) {
		printf("Bail out! no directory to work in: %s\n", strerror(errno));
		exit(1);
	}
}

static inline int
tap_end(void)
{
	(void)tap_bad, (void)tap_many;
	char command[100];

	if (chdir("/") == 0 && tap_dir[0] != '\0') {
		snprintf(command, sizeof command, "rm -rf %s", tap_dir);
		if (system(command) != 0)
			printf("# cannot remove %s\n", tap_dir);
	}
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

#endif /* TAP_H */
