/*
 * p9_recover.c - the server p9 when it starts. After its death volumes are gone; they are mounted again.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <masix/pager.h>
#include "p9.h"

static kern_return_t
p9_fresh(int argc, char **argv)
{
	kern_return_t kr = mx_pager_start();

	(void)argc;
	(void)argv;
	if (kr == KERN_SUCCESS)
		kr = p9_channels_start();
	if (kr == KERN_SUCCESS)
		kr = pfs_server_register("pfs.9p", &p9_ops);
	if (kr == KERN_SUCCESS)
		mx_server_ready();
	return kr;
}

const struct mx_server p9_description = { "p9", p9_fresh, NULL };
