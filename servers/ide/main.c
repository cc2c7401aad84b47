/*
 * main.c - the server ide: the disks that the kernel drives.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ide.h"

int
main(int argc, char **argv)
{
	mx_server_main(&ide_server_description, argc, argv);
}
