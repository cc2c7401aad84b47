/*
 * main.c - one image, many servers: the first argument says which one it is.
 *
 *	main     does the tests, prints TAP on the kernel's console, and powers off
 *	late     registers after half a second          member   one of a group
 *	sick     uses a null pointer as soon as it is up hostile  sends ACS messages at random
 *	mortal   dies when asked to (mortal.c)           added    what the tests add
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "test.h"

#include <masix/mach.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static unsigned int count, failed;

void
tap_ok(bool ok, const char *fmt, ...)
{
	char line[300];
	int n = sniprintf(line, sizeof line, "%sok %u - ", ok ? "" : "not ", ++count);
	va_list ap;

	va_start(ap, fmt);
	(void)vsniprintf(line + n, sizeof line - (size_t)n, fmt, ap);
	va_end(ap);
	mach_print(line);
	mach_print("\n");
	failed += !ok;
}

struct mx_class test_class = { .mc_name = "test", .mc_size = sizeof(struct mx_object) };

static void
tests_run(void *arg)
{
	char line[80];

	names_test(arg);
	service_test();
	control_test();
	(void)sniprintf(line, sizeof line, "1..%u\n# %u failed\n", count, failed);
	mach_print(line);
}

static void
fault(void *arg)
{
	mx_sleep_ns(20000000);
	*(volatile int *)arg = 1;
}

static kern_return_t
test_fresh(int argc, char **argv)
{
	const char *role = argc > 1 ? argv[1] : "";
	struct mx_object *service = mx_object_create(&test_class);

	if (strcmp(role, "broken") == 0)
		mx_server_fail("broken by order");
	if (strcmp(role, "mortal") == 0) {
		if (mortal_run(argv[0]) != KERN_SUCCESS)
			return MX_EIO;
		mx_server_ready();
		return KERN_SUCCESS;
	}
	if (strcmp(role, "late") == 0)
		mx_sleep_ns(500000000);
	if (mx_register(argv[0], service) != KERN_SUCCESS && strcmp(role, "member") != 0)
		return MX_EIO;
	if (strcmp(role, "late") == 0 || strcmp(role, "member") == 0)
		(void)mx_register("crowd", service);
	mx_server_ready();
	if (strcmp(role, "main") == 0)
		return mx_fibril_start(tests_run, service, "tests");
	if (strcmp(role, "sick") == 0)
		return mx_fibril_start(fault, NULL, "fault");
	if (strcmp(role, "hostile") == 0)
		hostile_run();
	return KERN_SUCCESS;
}

int
main(int argc, char **argv)
{
	static const struct mx_server test = { .ms_name = "test", .ms_fresh = test_fresh };

	mx_server_main(&test, argc, argv);
}
