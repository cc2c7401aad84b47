/*
 * main.c - boots as two modules without any other server:
 *	test a HOST TASK-B    and    test b    (suspended; A starts it)
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "test.h"

static const struct mx_server server_a = { "test a", server_fresh, NULL };
static const struct mx_server server_b = { "test b", client_fresh, NULL };

int
main(int argc, char **argv)
{
	mx_server_main(argc > 1 && argv[1][0] == 'a' ? &server_a : &server_b, argc, argv);
}
