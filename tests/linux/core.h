/*
 * core.h - for the oracle programs about processes, signals, threads, memory and time.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef TESTS_LINUX_CORE_H
#define TESTS_LINUX_CORE_H

#include <stdint.h>
#include "tap.h"

/* GOT and WANT are compared; both are shown when they differ. */
static inline void
is(long got, long want, const char *what)
{
	ok(got == want, "%s", what);
	if (got != want) {
		printf("# got %ld (0x%lx), wanted %ld (0x%lx)\n", got, (unsigned long)got, want, (unsigned long)want);
		fflush(stdout);
	}
}

#endif /* TESTS_LINUX_CORE_H */
