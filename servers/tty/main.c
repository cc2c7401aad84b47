/*
 * main.c - the server tty: terminals, pseudo-terminals, the exec channel, and the driver of their virtio console.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tty.h"

int
main(int argc, char **argv)
{
	mx_server_main(&tty_server_description, argc, argv);
}
