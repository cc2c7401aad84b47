/*
 * main.c - the server blk: virtio disks.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "blk.h"

int
main(int argc, char **argv)
{
	mx_server_main(&blk_server_description, argc, argv);
}
