/*
 * main.c - the server of ext2, ext3 and ext4 volumes.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <masix/pager.h>
#include <masix/server.h>
#include "ext2.h"

static kern_return_t
ext2_fresh(int argc, char **argv)
{
	kern_return_t kr = mx_pager_start();

	(void)argc;
	(void)argv;
	if (kr == KERN_SUCCESS)
		kr = pfs_server_register("pfs.ext2", &ext2_ops);
	if (kr == KERN_SUCCESS)
		kr = pfs_server_register("pfs.ext3", &ext3_ops);
	if (kr == KERN_SUCCESS)
		kr = pfs_server_register("pfs.ext4", &ext4_ops);
	if (kr == KERN_SUCCESS)
		mx_server_ready();
	return kr;
}

static const struct mx_server description = { .ms_name = "ext2", .ms_fresh = ext2_fresh };

int
main(int argc, char **argv)
{
	mx_server_main(&description, argc, argv);
}
