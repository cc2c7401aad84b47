/*
 * start.c - from the first instruction to main, and from main to the loop.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mach/task_special_ports.h>
#include <masix/mach.h>
#include "impl.h"
#include "acs.h"
#include "mach.h"

mach_port_t mx_acs, mx_task;

extern int main(int argc, char **argv);

void
mx_start(int *stack)
{
	mx_task = mach_task_self();
	if (task_get_bootstrap_port(mx_task, &mx_acs) != KERN_SUCCESS)
		mx_acs = MACH_PORT_NULL;	/* the first task has none */
	mx_time_init();
	if (mx_loop_init() != KERN_SUCCESS || mx_notify_init() != KERN_SUCCESS)
		mx_panic(__FILE__, __LINE__, "no ports");
	mx_report_init(stack[0] > 0 ? ((char **)(stack + 1))[0] : "?");
	exit(main(stack[0], (char **)(stack + 1)));
}

/* ---- Servers ---- */

static struct launch {			/* the server's first fibril */
	const struct mx_server *la_server;
	int		la_argc;
	char		**la_argv;
} launch;

static void
launch_run(void *arg)
{
	const struct launch *la = arg;
	kern_return_t kr = la->la_server->ms_fresh(la->la_argc, la->la_argv);

	if (kr != KERN_SUCCESS)
		mx_server_fail("%s: cannot start: error %#x", la->la_server->ms_name, kr);
}

const char *mx_server_name = "";

void
mx_server_main(const struct mx_server *server, int argc, char **argv)
{
	mx_server_name = server->ms_name;
	launch = (struct launch){ server, argc, argv };
	mx_fibril_begin(launch_run, &launch);
}

/* ---- What ACS does for a server ---- */

kern_return_t
mx_register(const char *name, struct mx_object *obj)
{
	return acs_register(mx_acs, name, strlen(name), mx_object_port(obj), 0);
}

kern_return_t
mx_lookup(const char *name, mach_port_t *service)
{
	return acs_lookup(mx_acs, name, strlen(name), service);
}

kern_return_t
mx_right(const char *name, mach_port_t *right)
{
	return acs_right(mx_acs, name, strlen(name), right);
}

const char *
mx_boot_option(const char *key)
{
	static char value[MX_BLOB_MAX + 1];
	mach_msg_type_number_t len = MX_BLOB_MAX;

	if (acs_boot_option(mx_acs, key, strlen(key), value, &len) != KERN_SUCCESS || len > MX_BLOB_MAX)
		len = 0;
	value[len] = '\0';
	return value;
}

void
mx_server_ready(void)
{
	kern_return_t kr = acs_ready(mx_acs, TRUE, "", 0);

	mx_clock_start();
	if (kr != KERN_SUCCESS && mx_acs != MACH_PORT_NULL)
		mx_log(MX_LOG_ERROR, "acs_ready: error %#x", kr);
}

void
mx_server_done(const char *why)
{
	(void)acs_ready(mx_acs, TRUE, why, strlen(why));
	exit(0);
}

void
mx_server_fail(const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsniprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	mx_log(MX_LOG_ERROR, "%s", text);
	(void)acs_ready(mx_acs, FALSE, text, strlen(text));	/* ACS sees the task's death in any case */
	exit(1);
}
