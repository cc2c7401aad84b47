/*
 * main.c - the server of System V volumes: all of them, in one task.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "sysv.h"

static kern_return_t
sysv_fresh(int argc, char **argv)
{
	kern_return_t kr = pfs_server_register("pfs.sysv", &sysv_ops);

	(void)argc, (void)argv;
	if (kr == KERN_SUCCESS)
		mx_server_ready();
	return kr;
}

int
main(int argc, char **argv)
{
	static const struct mx_server sysv = { .ms_name = "sysv", .ms_fresh = sysv_fresh };

	mx_server_main(&sysv, argc, argv);
}
