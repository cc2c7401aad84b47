/*
 * ldisc.h - the line discipline: what happens between a terminal's line and the programs that use it.
 *
 * Pure C: it keeps no time and wakes nobody. Its owner gives it what arrives, asks it what can be read, and is told through
 * struct ldisc_ops what is to be sent, signalled or thrown away.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TTY_LDISC_H
#define TTY_LDISC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "termios.h"

#define LDISC_INPUT	4096u	/* bytes between arrival and reading; a canonical line is no longer */
#define LDISC_ECHO	4096u	/* echoes that wait for room in the output */

struct ldisc_ops {
	/* How many bytes the line takes now, and take N bytes, not more than that. */
	size_t	(*lo_room)(void *arg);
	void	(*lo_put)(void *arg, const uint8_t *bytes, size_t n);
	/* Signal SIGNO for the foreground process group. */
	void	(*lo_signal)(void *arg, int signo);
	/* Output was stopped or may go on. */
	void	(*lo_flow)(void *arg, bool stopped);
	/* Throw away output that the line has taken and not sent. */
	void	(*lo_flush_output)(void *arg);
	/* Input was thrown away. */
	void	(*lo_flushed_input)(void *arg);
};

struct ldisc {
	const struct ldisc_ops *ld_ops;
	void		*ld_arg;
	struct tty_termios ld_termios;
	bool		ld_special[256];	/* characters that mean something, in the present settings */
	bool		ld_raw;			/* no setting looks at single characters */

	/* Input; positions only grow, modulo 2^32. */
	uint32_t	ld_head;	/* where the next character goes */
	uint32_t	ld_canon;	/* end of the last complete line; canonical reads stop here */
	uint32_t	ld_tail;	/* next character to be read */
	bool		ld_lnext;	/* the next character is literal */
	bool		ld_erasing;	/* between \ and / of ECHOPRT */
	uint8_t		ld_input[LDISC_INPUT];
	uint32_t	ld_line_end[LDISC_INPUT / 32];	/* bit: this character ends a line */

	/* Echoes not yet sent, each an operation and a character. */
	uint32_t	ld_echo_head, ld_echo_tail;
	uint32_t	ld_echo_commit;	/* may be sent up to here */
	uint32_t	ld_echo_mark;	/* end of the last whole echo */
	uint16_t	ld_echo[LDISC_ECHO];

	/* Output */
	uint32_t	ld_column;	/* of the cursor, as far as can be known */
	uint32_t	ld_line_column;	/* where the line being typed began */
	bool		ld_stopped;	/* by STOP or by a program */
	bool		ld_program_stopped;	/* by a program: typing does not start it again */
};

void ldisc_init(struct ldisc *ld, const struct ldisc_ops *ops, void *arg, const struct tty_termios *t);

/* N bytes arrived. Answers how many were used: the rest finds no room until somebody reads. */
size_t ldisc_receive(struct ldisc *ld, const uint8_t *bytes, size_t n);

/* Whether a read would get something; for poll, whether it would get the VMIN characters it asks for. */
bool ldisc_readable(const struct ldisc *ld, bool for_poll);

/* Take up to N bytes, in canonical mode at most a line. 0 with something readable is end of file. */
size_t ldisc_read(struct ldisc *ld, uint8_t *bytes, size_t n);

/* What FIONREAD answers. */
size_t ldisc_input_count(const struct ldisc *ld);

/* A program writes N bytes. Answers how many were used. */
size_t ldisc_write(struct ldisc *ld, const uint8_t *bytes, size_t n);

/* The line has room again: send echoes that waited. */
void ldisc_echo_pending(struct ldisc *ld);

void ldisc_set_termios(struct ldisc *ld, const struct tty_termios *t);
void ldisc_flush_input(struct ldisc *ld);

/* A program stops (TCOOFF) or starts (TCOON) output. */
void ldisc_program_flow(struct ldisc *ld, bool stop);

#endif /* TTY_LDISC_H */
