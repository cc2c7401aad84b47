/*
 * tty_recover.c - how the server tty comes up.
 *
 * There is no restart: open terminals are ports of this task, and what was typed or half written is in its memory.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "pty.h"

static kern_return_t
tty_fresh(int argc, char **argv)
{
	kern_return_t kr;

	(void)argc;
	(void)argv;
	kr = console_start();
	if (kr == KERN_SUCCESS)
		kr = tty_register_all();
	if (kr == KERN_SUCCESS)
		kr = devpts_start();
	if (kr == KERN_SUCCESS)
		mx_server_ready();
	return kr;
}

const struct mx_server tty_server_description = { "tty", tty_fresh, NULL };
