/*
 * target_lib.c - io, dev and mx as libmasix answers them, over the objects of lib/test.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "client.h"
#include "impl.h"
#include "message.h"
#include "test.h"

extern boolean_t io_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t dev_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t mx_server(mach_msg_header_t *in, mach_msg_header_t *out);

const char *const fuzz_words[] = { "x", "tobj", "", NULL };
const uint32_t fuzz_numbers[] = { T_FREED, T_INTERRUPTED, T_WAITING, T_NESTED, T_SLEEP, T_SPARES, T_DEATHS, MX_POLLIN, MX_POLLOUT };
const unsigned int fuzz_nnumbers = sizeof(fuzz_numbers) / sizeof(fuzz_numbers[0]);

static const struct fuzz_subsystem subsystems[] = {
	{ "io", io_server }, { "dev", dev_server }, { "mx", mx_server }, { NULL, NULL },
};

static kern_return_t
fresh(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return mx_register("test", &test_door_make()->dv_object);
}

static const struct mx_server server = { "test", fresh, NULL };

const struct fuzz_target fuzz_target = { .ta_server = &server, .ta_subsystems = subsystems };
