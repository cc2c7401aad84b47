/*
 * main.c - the server of UFS volumes: all of them, in one task.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ffs.h"

int
main(int argc, char **argv)
{
	pfs_server_main("ffs", "pfs.ufs", &ffs_format.of_pfs, argc, argv);
}
