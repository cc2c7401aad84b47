/*
 * target_tty.c - the server tty: terminals for processes, controlling terminals for proc, interrupts from hw.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <masix/io.h>
#include "client.h"
#include "message.h"

extern boolean_t io_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t dev_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t mx_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t tty_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t hw_notify_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t pfs_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern const struct mx_server tty_server_description;

const char *const fuzz_words[] = { "pts", "0", "1", "ptmx", "x", "\003", "\004", "\n", "hello", "", NULL };
const uint32_t fuzz_numbers[] = {
	0x5401, 0x5402, 0x5403, 0x5404, 0x5405, 0x5406, 0x5409, 0x540a, 0x540b, 0x540c, 0x540d, 0x540e, 0x540f, 0x5410, 0x5411,
	0x5412, 0x5413, 0x5414, 0x541b, 0x5420, 0x5422, 0x5424, 0x5429, 0x5440, 0x80045430, 0x40045431, 0x80045432, 0x5441,
	MX_POLLIN, MX_POLLOUT, MX_IO_NONBLOCK, 1, 2, 64,
};
const unsigned int fuzz_nnumbers = sizeof(fuzz_numbers) / sizeof(fuzz_numbers[0]);

static const struct fuzz_subsystem subsystems[] = {
	{ "io", io_server }, { "dev", dev_server }, { "mx", mx_server }, { "tty", tty_server }, { "hw_notify", hw_notify_server },
	{ "pfs", pfs_server },
	{ NULL, NULL },
};

const struct fuzz_target fuzz_target = {
	.ta_server = &tty_server_description, .ta_subsystems = subsystems,
};
