/*
 * target_proc.c - the server proc: processes, sessions, and its /proc.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <masix/abi.h>
#include "client.h"
#include "impl.h"
#include "message.h"

#define ACS_BOOT_FILE	410009
#define PROC_EXIT	414001
#define PROC_WAIT	414002
#define WALL		0x40000000

extern boolean_t mx_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t proc_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t proc_session_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern const struct mx_server proc_server_main;

const char *const fuzz_words[] = { "init", "sh", "bin", "self", "1", "2", "stat", "", NULL };
const uint32_t fuzz_numbers[] = { 1, 2, 3, 4, 5, 6, 9, 15, 17, 18, 19, 20, 64, 65, 0xffffffff, 0x01000000, MX_WNOHANG, 0x7f, 0x137f };
const unsigned int fuzz_nnumbers = sizeof(fuzz_numbers) / sizeof(fuzz_numbers[0]);

static const struct fuzz_subsystem subsystems[] = {
	{ "proc", proc_server }, { "proc_session", proc_session_server }, { "mx", mx_server }, { NULL, NULL },
};

/* The smallest emulib: one read-only segment, one writable. */
static void *
memory(int id, size_t *bytes)
{
	static const uint32_t elf[] = {
		0x464c457f, 0x00010101, 0, 0, 0x00030002, 1, 0xbf000000, 52, 0, 0, 0x00200034, 0x00280002, 0,
		1, 0, 0xbf000000, 0xbf000000, 116, 116, 5, 4096,
		1, 0, 0xbf100000, 0xbf100000, 116, 8192, 6, 4096,
	};
	void *p;

	if (id != ACS_BOOT_FILE)
		return NULL;
	*bytes = sizeof(elf);
	p = sim_map(sizeof(elf));
	memcpy(p, elf, sizeof(elf));
	return p;
}

static struct sim_port *init;

/* Process 1 is there before all others; when it exits, proc does. A right to it is kept for later. */
static bool
may_send(struct sim_port *p, int id)
{
	const struct mx_object *obj = (const struct mx_object *)p->po_payload;

	if (init == NULL && strcmp(obj->mo_class->mc_name, "process") == 0) {
		init = p;
		sim_right_make(p, MACH_MSG_TYPE_MOVE_SEND);
	}
	return p != init || id != PROC_EXIT;
}

/* Init waits for the children that it inherited. */
static void
init_waits(void)
{
	static const uint32_t arguments[] = { 0, 0, 0, MX_WNOHANG | MX_WEXITED | WALL };
	struct { mach_msg_type_t type; uint32_t value; } body[4];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		memset(&body[i], 0, sizeof(body[i]));
		body[i].type.msgt_name = MACH_MSG_TYPE_INTEGER_32;
		body[i].type.msgt_size = 32;
		body[i].type.msgt_number = 1;
		body[i].type.msgt_inline = 1;
		body[i].value = arguments[i];
	}
	if (init != NULL)
		sim_send(init, NULL, PROC_WAIT, body, sizeof(body), false);
}

const struct fuzz_target fuzz_target = {
	.ta_server = &proc_server_main, .ta_subsystems = subsystems, .ta_memory = memory, .ta_may_send = may_send,
	.ta_afterwards = init_waits,
	.ta_immortal = 2,			/* init's task, and its signal port */
	.ta_names_slack = 520,			/* ports of processes that were: kept to be used again */
};
