/*
 * main.c - the server vfs: names, with the volatile file systems (tmpfs, devfs) in the same task.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "vfs_rpc.h"

int
main(int argc, char **argv)
{
	mx_server_main(&vfs_description, argc, argv);
}
