/*
 * main.c - the server of ISO 9660 volumes: all of them, in one task.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "iso.h"

int
main(int argc, char **argv)
{
	pfs_server_main("iso9660", "pfs.iso9660", &iso_format.of_pfs, argc, argv);
}
