/*
 * exec_core.c - taking the host's stream of records apart.
 *
 * The host is believed when it says what to run, but not to count right: a record that is too long, comes twice or exceeds the
 * credit given breaks the channel, not the server.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "exec_core.h"

#include <stdlib.h>
#include <string.h>

void
exec_input_init(struct exec_input *in)
{
	memset(in, 0, offsetof(struct exec_input, ei_ring));
	in->ei_command = NULL;
	in->ei_command_bytes = in->ei_command_have = 0;
	in->ei_credit_owed = EXEC_STDIN;
}

static uint32_t
exec_le32_get(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void
exec_le32_put(uint8_t *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

void
exec_header_make(uint8_t header[EXEC_HEADER], enum exec_record type, uint32_t n)
{
	memset(header, 0, EXEC_HEADER);
	header[0] = (uint8_t)type;
	exec_le32_put(header + 4, n);
}

/* A whole header is there: is it a record that may come now? */
static void
record_begin(struct exec_input *in)
{
	uint32_t n = exec_le32_get(in->ei_header + 4);

	in->ei_left = n;
	switch (in->ei_header[0]) {
	case EXEC_REC_STDIN:
		in->ei_is_broken = in->ei_is_ended || n > EXEC_STDIN - (in->ei_head - in->ei_tail);
		break;
	case EXEC_REC_STDIN_END:
		in->ei_is_broken = n != 0;
		in->ei_is_ended = true;
		break;
	case EXEC_REC_COMMAND:
		in->ei_is_broken = in->ei_command != NULL || n == 0 || n > EXEC_COMMAND_MAX;
		if (in->ei_is_broken)
			break;
		in->ei_command = malloc(n);
		in->ei_is_broken = in->ei_command == NULL;
		in->ei_command_bytes = n;
		break;
	default:
		in->ei_is_broken = true;
	}
}

static size_t
header_receive(struct exec_input *in, const uint8_t *bytes, size_t n)
{
	size_t part = EXEC_HEADER - in->ei_header_have;

	if (part > n)
		part = n;
	memcpy(in->ei_header + in->ei_header_have, bytes, part);
	in->ei_header_have += (uint32_t)part;
	if (in->ei_header_have == EXEC_HEADER)
		record_begin(in);
	return part;
}

static void
stdin_receive(struct exec_input *in, const uint8_t *bytes, size_t n)
{
	uint32_t at = in->ei_head % EXEC_STDIN, first = EXEC_STDIN - at;

	if (first > n)
		first = (uint32_t)n;
	memcpy(in->ei_ring + at, bytes, first);
	memcpy(in->ei_ring, bytes + first, n - first);
	in->ei_head += (uint32_t)n;
}

static size_t
payload_receive(struct exec_input *in, const uint8_t *bytes, size_t n)
{
	if (n > in->ei_left)
		n = in->ei_left;
	if (in->ei_header[0] == EXEC_REC_STDIN) {
		stdin_receive(in, bytes, n);
	} else {
		memcpy(in->ei_command + in->ei_command_have, bytes, n);
		in->ei_command_have += (uint32_t)n;
	}
	in->ei_left -= (uint32_t)n;
	return n;
}

void
exec_input_receive(struct exec_input *in, const uint8_t *bytes, size_t n)
{
	size_t part;

	while (n > 0 && !in->ei_is_broken) {
		if (in->ei_header_have < EXEC_HEADER)
			part = header_receive(in, bytes, n);
		else
			part = payload_receive(in, bytes, n);
		bytes += part;
		n -= part;
		if (in->ei_header_have == EXEC_HEADER && in->ei_left == 0)
			in->ei_header_have = 0;
	}
	if (in->ei_is_broken)
		in->ei_is_ended = true;		/* readers must not wait for what will not come */
}

bool
exec_input_has_command(const struct exec_input *in)
{
	return in->ei_command != NULL && in->ei_command_have == in->ei_command_bytes;
}

size_t
exec_input_read(struct exec_input *in, uint8_t *bytes, size_t n)
{
	uint32_t used = in->ei_head - in->ei_tail, at = in->ei_tail % EXEC_STDIN, first = EXEC_STDIN - at;

	if (n > used)
		n = used;
	if (first > n)
		first = (uint32_t)n;
	memcpy(bytes, in->ei_ring + at, first);
	memcpy(bytes + first, in->ei_ring, n - first);
	in->ei_tail += (uint32_t)n;
	in->ei_credit_owed += (uint32_t)n;
	return n;
}

uint32_t
exec_input_credit(struct exec_input *in)
{
	uint32_t credit = in->ei_credit_owed;

	if (credit < EXEC_CREDIT_STEP || in->ei_is_ended)
		return 0;
	in->ei_credit_owed = 0;
	return credit;
}
