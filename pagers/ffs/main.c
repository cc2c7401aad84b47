/*
 * main.c - the server of UFS volumes: all of them, in one task.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ffs.h"

static kern_return_t
ffs_fresh(int argc, char **argv)
{
	kern_return_t kr = pfs_server_register("pfs.ufs", &ffs_ops);

	(void)argc, (void)argv;
	if (kr == KERN_SUCCESS)
		mx_server_ready();
	return kr;
}

int
main(int argc, char **argv)
{
	static const struct mx_server ffs = { .ms_name = "ffs", .ms_fresh = ffs_fresh };

	mx_server_main(&ffs, argc, argv);
}
