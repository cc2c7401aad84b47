/*
 * pfs_main.c - the main program of a server of one type of volumes that needs nothing else.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <masix/pfs.h>

static const char *type_service;
static const struct pfs_ops *type_ops;

static kern_return_t
type_fresh(int argc, char **argv)
{
	kern_return_t kr = pfs_server_register(type_service, type_ops);

	(void)argc, (void)argv;
	if (kr == KERN_SUCCESS)
		mx_server_ready();
	return kr;
}

void
pfs_server_main(const char *name, const char *service, const struct pfs_ops *ops, int argc, char **argv)
{
	static struct mx_server server = { .ms_fresh = type_fresh };

	server.ms_name = name;
	type_service = service;
	type_ops = ops;
	mx_server_main(&server, argc, argv);
}
