/*
 * main.c - the server of System V volumes: all of them, in one task.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "sysv.h"

int
main(int argc, char **argv)
{
	pfs_server_main("sysv", "pfs.sysv", &sysv_format.of_pfs, argc, argv);
}
