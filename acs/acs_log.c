/*
 * acs_log.c - the log of all servers.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs.h"

#include <string.h>

struct acs_log_ring acs_ring;
/* What also goes to the kernel's console, the only one before there is a tty server and after there was one. */
static uint32_t console_level = MX_LOG_WARNING;

void
acs_log_line(uint32_t level, const char *from, const char *text, size_t len)
{
	static struct acs_log_line line;	/* too large for a fibril's stack; nothing parks here */
	static char console[ACS_LOG_TEXT + 200];

	if (level > MX_LOG_DEBUG)
		level = MX_LOG_DEBUG;
	acs_log_make(&line, mx_now_ns() / 1000000, level, from, text, len);
	acs_log_put(&acs_ring, &line);
	if (level > console_level)
		return;
	(void)acs_log_format(&line, console, sizeof console);
	mach_print(console);
}

static void
own_line(unsigned int level, const char *text)
{
	acs_log_line(level, "acs", text, strlen(text));
}

void
acs_log_setup(void)
{
	const char *debug = acs_option("debug");

	if (debug[0] != '\0' && strcmp(debug, "0") != 0)
		console_level = MX_LOG_DEBUG;
	mx_log_sink = own_line;
}
