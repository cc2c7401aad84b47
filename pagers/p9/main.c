/*
 * main.c - the server p9: directories of the host as volumes.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "p9.h"

int
main(int argc, char **argv)
{
	mx_server_main(&p9_description, argc, argv);
}
