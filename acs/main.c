/*
 * acs - the Administration and Configuration Server: the first task, which starts, names, watches and restarts all others.
 *
 *	acs HOST DEVICE BOOTFS-TASK [ADD-TASK or -] KEY=VALUE...
 *
 * ACS is written like any server (one kernel thread, fibrils) but has no bootstrap port: what libmasix asks of ACS, ACS knows.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs.h"

#include <mach.h>
#include <stdio.h>
#include <string.h>

#define MANIFEST "/masix/acs.conf"

static struct acs_manifest manifest;

/* There is no system yet: say why on the kernel's console and end the machine, so that who started it sees an end. */
static void
give_up(const char *what)
{
	mach_print("acs: ");
	mach_print(what);
	mach_print("; the system cannot start\n");
	acs_power_now(ACS_HALT);
}

static void
manifest_read(void)
{
	struct acs_error err;
	const char *text;
	size_t size;

	if (acs_boot_find(MANIFEST, strlen(MANIFEST), &text, &size) != KERN_SUCCESS)
		give_up("there is no " MANIFEST " in the boot archive");
	if (!acs_manifest_parse(&manifest, "acs.conf", text, size, &err))
		give_up(err.er_text);
	acs_groups_set(&manifest.ma_groups);
}

static kern_return_t
acs_fresh(int argc, char **argv)
{
	if (acs_boot_take(argc, argv) != KERN_SUCCESS)
		give_up("expected `acs HOST DEVICE BOOTFS-TASK [ADD-TASK] KEY=VALUE...' and a boot archive");
	acs_log_setup();
	manifest_read();
	if (acs_task_setup() != KERN_SUCCESS || acs_crash_setup() != KERN_SUCCESS || acs_control_setup() != KERN_SUCCESS)
		give_up("the kernel refuses what ACS needs");
	acs_life_start_all(&manifest);
	return KERN_SUCCESS;
}

int
main(int argc, char **argv)
{
	static const struct mx_server acs = { .ms_name = "acs", .ms_fresh = acs_fresh };

	mx_server_main(&acs, argc, argv);
}
