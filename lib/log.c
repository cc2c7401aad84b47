/*
 * log.c - lines for people, and the end of a server that found a bug in itself.
 *
 * Lines go to ACS, which keeps them in a ring that outlives every server. Any thread may log: nothing here allocates.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <masix/mach.h>
#include "impl.h"
#include "acs.h"

#define LINE_MAX 400

static void
sink_acs(unsigned int level, const char *line)
{
	size_t len = strlen(line);

	if (mx_acs != MACH_PORT_NULL &&
	    acs_log(mx_acs, level, line, len < MX_BLOB_MAX ? len : MX_BLOB_MAX) == KERN_SUCCESS)
		return;
	mach_print(line);
	mach_print("\n");
}

void (*mx_log_sink)(unsigned int level, const char *line) = sink_acs;

void
mx_log(enum mx_level level, const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsniprintf(line, sizeof(line), fmt, ap);	/* cut if it is long */
	va_end(ap);
	mx_log_sink(level, line);
}

void
mx_backtrace(void)
{
	uintptr_t *frame = __builtin_frame_address(0), *next;
	int depth;

	for (depth = 0; frame != NULL && depth < 32; depth++) {
		mx_log(MX_LOG_ERROR, "  #%d %08x", depth, (unsigned int)frame[1]);
		next = (uintptr_t *)frame[0];
		if (next <= frame || next > frame + 0x40000 || ((uintptr_t)next & 3) != 0)
			break;			/* another stack, or the end of this one */
		frame = next;
	}
}

void (*mx_panic_end)(void);
void (*mx_before_end)(void);

void
mx_task_end(void)
{
	if (mx_before_end != NULL)
		mx_before_end();
	for (;;)
		(void)syscall_task_terminate(mx_task);
}

void
mx_panic(const char *file, int line, const char *what)
{
	static bool again;
	char text[LINE_MAX];

	(void)sniprintf(text, sizeof(text), "panic: %s:%d: %s\n", file, line, what);
	mach_print(text);
	if (!again) {
		again = true;
		mx_log(MX_LOG_ERROR, "panic: %s:%d: %s", file, line, what);
		mx_backtrace();
		if (mx_panic_end != NULL)
			mx_panic_end();
	}
	mx_task_end();
}
