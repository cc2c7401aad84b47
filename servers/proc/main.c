/*
 * main.c - proc, the server of processes and signals, alone in its task.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "server.h"

int
main(int argc, char **argv)
{
	mx_server_main(&proc_server_main, argc, argv);
}
