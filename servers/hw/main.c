/*
 * main.c - the server hw: PCI and interrupts. Its own task, because it is the only one with I/O ports and must not die.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw.h"

int
main(int argc, char **argv)
{
	mx_server_main(&hw_server_description, argc, argv);
}
