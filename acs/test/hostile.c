/*
 * hostile.c - a server that sends ACS what it should not.
 *
 * Well-formed headers, all routines of ACS and some that there are not, bodies at random: a typed one half of the time, so that MIG's
 * checks are passed now and then.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "test.h"

#include <mach/message.h>
#include <masix/mach.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES	20000
#define BODY_WORDS	700

extern mach_msg_return_t mach_msg_trap(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
	mach_msg_size_t rcv_size, mach_port_t rcv_name, mach_msg_timeout_t timeout, mach_port_t notify);

struct random_message {
	mach_msg_header_t rm_head;
	uint32_t	rm_body[BODY_WORDS];
};

static uint32_t state = 2463534242u;

static uint32_t
random_word(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

/* The beginning of a message with a name in it. */
static unsigned int
body_typed(uint32_t *body)
{
	mach_msg_type_t type = { .msgt_name = MACH_MSG_TYPE_CHAR, .msgt_size = 8, .msgt_inline = TRUE };
	unsigned int len = random_word() % 4 == 0 ? random_word() % 2500 : random_word() % 20;

	type.msgt_number = random_word() % 8 == 0 ? random_word() % 4096 : len;
	memcpy(body, &type, sizeof type);
	for (unsigned int i = 0; i < (len + 3) / 4; i++)
		body[1 + i] = random_word() % 4 == 0 ? random_word() : 0x61616161;
	return 1 + (len + 3) / 4;
}

static void
message_send(struct random_message *m)
{
	unsigned int words = random_word() % 2 ? body_typed(m->rm_body) : random_word() % 12;

	for (unsigned int i = 0; words < BODY_WORDS && i < words % 3; i++)
		m->rm_body[words++] = random_word() % 2 ? 0x10012002 : random_word();
	m->rm_head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0);
	m->rm_head.msgh_size = sizeof m->rm_head + 4 * words;
	m->rm_head.msgh_remote_port = mx_acs;
	m->rm_head.msgh_local_port = MACH_PORT_NULL;
	m->rm_head.msgh_id = 410000 + (int)(random_word() % 14);
	/* acs_ready(FALSE) or a fault of the message's own are as likely as anything: errors are expected. */
	(void)mach_msg_trap(&m->rm_head, MACH_SEND_MSG | MACH_SEND_TIMEOUT, m->rm_head.msgh_size, 0, MACH_PORT_NULL, 20, MACH_PORT_NULL);
}

void
hostile_run(void)
{
	struct random_message *m = calloc(1, sizeof *m);

	for (unsigned int i = 0; m && i < MESSAGES; i++)
		message_send(m);
	free(m);
}
