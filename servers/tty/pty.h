/*
 * pty.h - pseudo-terminals: pairs of a master and a terminal.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TTY_PTY_H
#define TTY_PTY_H

#include "tty.h"

#define PTY_MAX		256u		/* pairs; PTY numbers are below it */
#define PTY_OUTPUT	12288u		/* bytes from the terminal to the master */
#define PTY_KEPT	4095u		/* of these, what flushing leaves: the master could have read them */
#define PTY_INPUT	8192u		/* bytes from the master that the terminal has no room for yet */

struct devpts_node;

struct pty {
	struct tty	py_tty;
	uint32_t	py_number;
	uint32_t	py_uid, py_gid, py_mode;	/* of the terminal's name: at first who opened the master */
	struct devpts_node *py_nodes;		/* that name, where vfs knows it */
	int64_t		py_time;		/* when that was, seconds since 1970 */
	struct pty_master *py_master;		/* NULL: closed */
	bool		py_is_locked;		/* the terminal cannot be opened yet */
	bool		py_was_open;		/* the terminal was opened, and closed again: the master reads no more */
	bool		py_is_packet;
	unsigned int	py_status;		/* T_PKT_*, not yet read by the master */
	bool		py_is_feeding;

	uint32_t	py_out_head, py_out_tail, py_in_head, py_in_tail;	/* positions only grow */
	uint8_t		py_out[PTY_OUTPUT];
	uint8_t		py_in[PTY_INPUT];
};

/* One open master; dup'ed and inherited descriptors share it. */
struct pty_master {
	struct mx_io	pm_io;
	struct pty	*pm_pty;
	uint32_t	pm_flags;
	struct mx_cond	pm_readable, pm_writable;
	struct mx_poll	pm_poll;
};

/* Pair N, NULL when its number is free. */
struct pty *pty_number(uint32_t n);

/* devpts.c */
void devpts_pair_gone(struct pty *py);
kern_return_t devpts_start(void);

#endif /* TTY_PTY_H */
