/*
 * main.c - the server of ISO 9660 volumes: all of them, in one task.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "iso.h"

static kern_return_t
iso_fresh(int argc, char **argv)
{
	kern_return_t kr = pfs_server_register("pfs.iso9660", &iso_ops);

	(void)argc, (void)argv;
	if (kr == KERN_SUCCESS)
		mx_server_ready();
	return kr;
}

int
main(int argc, char **argv)
{
	static const struct mx_server iso = { .ms_name = "iso9660", .ms_fresh = iso_fresh };

	mx_server_main(&iso, argc, argv);
}
