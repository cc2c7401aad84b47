/*
 * exec_core.h - the records of the exec channel (tools/execio.c is the other end), and standard input between them and readers.
 *
 * A record is a type (one byte), three zero bytes, the length of its payload (32 bits, little endian), and the payload.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TTY_EXEC_CORE_H
#define TTY_EXEC_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXEC_HEADER	8u
#define EXEC_STDIN	262144u		/* bytes of standard input that may wait here: what the host gets as credit */
#define EXEC_CREDIT_STEP (EXEC_STDIN / 4)	/* readers' progress is told in such steps */
#define EXEC_COMMAND_MAX (1u << 20)

enum exec_record {
	EXEC_REC_STDIN = 1, EXEC_REC_STDIN_END = 2, EXEC_REC_COMMAND = 3,
	EXEC_REC_STDOUT = 17, EXEC_REC_STDERR = 18, EXEC_REC_EXIT = 19, EXEC_REC_LOG = 20, EXEC_REC_READY = 21,
	EXEC_REC_CREDIT = 22,
};

struct exec_input {
	/* The record that is coming in. */
	uint8_t		ei_header[EXEC_HEADER];
	uint32_t	ei_header_have;
	uint32_t	ei_left;	/* bytes of its payload still to come */
	bool		ei_is_broken;	/* the host does not keep to the rules: nothing more is understood */

	/* Standard input; positions only grow, modulo 2^32. */
	uint32_t	ei_head, ei_tail;
	uint32_t	ei_credit_owed;	/* read and not told to the host */
	bool		ei_is_ended;
	uint8_t		ei_ring[EXEC_STDIN];

	/* The command. */
	uint8_t		*ei_command;	/* malloc'd; NULL: none yet */
	uint32_t	ei_command_bytes, ei_command_have;
};

void exec_input_init(struct exec_input *in);

/* N bytes came from the host: all are used. */
void exec_input_receive(struct exec_input *in, const uint8_t *bytes, size_t n);

/* Whether the whole command is there. */
bool exec_input_has_command(const struct exec_input *in);

/* Take up to N bytes of standard input. 0: none is there (the end if ei_is_ended). */
size_t exec_input_read(struct exec_input *in, uint8_t *bytes, size_t n);

/* Credit that should be sent to the host now, 0 for none yet. */
uint32_t exec_input_credit(struct exec_input *in);

/* The header of a record of N bytes. */
void exec_header_make(uint8_t header[EXEC_HEADER], enum exec_record type, uint32_t n);

/* Little-endian numbers. */
void exec_le32_put(uint8_t *p, uint32_t value);

#endif /* TTY_EXEC_CORE_H */
