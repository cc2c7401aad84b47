/*
 * tty_line.c - a terminal between its line discipline and its line, and who is to be woken when something happens on either.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tty.h"

#include <string.h>

#define ROWS_DEFAULT	24
#define COLUMNS_DEFAULT	80
/* Each request that waits has a fibril, and there are 2048: nobody may take them all by reading, and the console has its own. */
#define WAITERS_MAX	64u
#define PTY_WAITERS_MAX	1024u

/* ---- What the line discipline asks for ---- */

static size_t
op_room(void *arg)
{
	struct tty *tty = arg;

	return tty->t_line->li_room(tty);
}

static void
op_put(void *arg, const uint8_t *bytes, size_t n)
{
	struct tty *tty = arg;

	tty->t_line->li_put(tty, bytes, n);
}

static void
op_signal(void *arg, int signo)
{
	tty_session_signal(arg, signo);
}

static void
packet(struct tty *tty, unsigned int status)
{
	if (tty->t_line->li_packet != NULL)
		tty->t_line->li_packet(tty, status);
}

static void
op_flow(void *arg, bool stopped)
{
	struct tty *tty = arg;

	packet(tty, stopped ? T_PKT_STOP : T_PKT_START);
	if (!stopped)
		tty_output_wake(tty);
}

static void
op_flush_output(void *arg)
{
	struct tty *tty = arg;

	tty->t_line->li_discard(tty);
	packet(tty, T_PKT_FLUSHWRITE);
	tty_output_wake(tty);
}

static void
op_flushed_input(void *arg)
{
	struct tty *tty = arg;

	packet(tty, T_PKT_FLUSHREAD);
	tty->t_line->li_resume(tty);
}

static const struct ldisc_ops tty_ldisc_ops = {
	.lo_room = op_room, .lo_put = op_put, .lo_signal = op_signal, .lo_flow = op_flow,
	.lo_flush_output = op_flush_output, .lo_flushed_input = op_flushed_input,
};

void
tty_init(struct tty *tty, const char *name, const struct tty_line_ops *line, void *line_data, uint32_t major,
	uint32_t minor)
{
	struct tty_termios t;

	memset(tty, 0, sizeof *tty);
	tty_termios_default(&t);
	ldisc_init(&tty->t_ldisc, &tty_ldisc_ops, tty, &t);
	tty->t_line = line;
	tty->t_line_data = line_data;
	tty->t_name = name;
	tty->t_major = major;
	tty->t_minor = minor;
	tty->t_size.ws_row = ROWS_DEFAULT;
	tty->t_size.ws_col = COLUMNS_DEFAULT;
}

/* ---- What the line tells ---- */

size_t
tty_receive(struct tty *tty, const uint8_t *bytes, size_t n)
{
	size_t used = ldisc_receive(&tty->t_ldisc, bytes, n);

	tty->t_line->li_send(tty);
	if (ldisc_readable(&tty->t_ldisc, false))
		tty_input_wake(tty);
	return used;
}

void
tty_line_has_room(struct tty *tty)
{
	ldisc_echo_pending(&tty->t_ldisc);
	tty->t_line->li_send(tty);
	tty_output_wake(tty);
}

/* ---- Waking ---- */

void
tty_input_wake(struct tty *tty)
{
	mx_cond_broadcast(&tty->t_input);
	if (ldisc_readable(&tty->t_ldisc, true))
		mx_poll_wake(&tty->t_poll, MX_POLLIN | MX_POLLRDNORM);
}

void
tty_output_wake(struct tty *tty)
{
	mx_cond_broadcast(&tty->t_output);
	if (!tty->t_ldisc.ld_stopped && tty->t_line->li_room(tty) > 0)
		mx_poll_wake(&tty->t_poll, MX_POLLOUT | MX_POLLWRNORM);
}

void
tty_hangup(struct tty *tty)
{
	struct tty_file *file;

	while ((file = tty->t_files) != NULL) {
		tty->t_files = file->tf_next;
		file->tf_next = NULL;
		file->tf_is_hung = true;
	}
	tty->t_is_exclusive = false;
	tty_session_hangup(tty);
	mx_cond_broadcast(&tty->t_input);
	mx_cond_broadcast(&tty->t_output);
	mx_poll_wake(&tty->t_poll,
		MX_POLLHUP | MX_POLLERR | MX_POLLIN | MX_POLLRDNORM | MX_POLLOUT | MX_POLLWRNORM);
}

/* ---- Waiting ---- */

static unsigned int pty_waiters;	/* at all pseudo-terminals together */

kern_return_t
tty_wait(struct tty *tty, struct mx_cond *cond, const struct mx_io_call *call, uint64_t deadline)
{
	bool is_pty = tty->t_major == TTY_MAJOR_PTS;
	kern_return_t kr;

	if (tty->t_waiters >= WAITERS_MAX || (is_pty && pty_waiters >= PTY_WAITERS_MAX))
		return MX_ENOMEM;
	tty->t_waiters++;
	pty_waiters += is_pty;
	if (deadline == 0)
		kr = mx_cond_wait_cancellable(cond, call->ic_tag);
	else
		kr = mx_cond_wait_cancellable_until(cond, call->ic_tag, deadline);
	tty->t_waiters--;
	pty_waiters -= is_pty;
	return kr;
}

/* ---- Size, draining, background ---- */

void
tty_set_size(struct tty *tty, const struct tty_winsize *size)
{
	if (memcmp(&tty->t_size, size, sizeof *size) == 0)
		return;
	tty->t_size = *size;
	tty_session_signal(tty, MX_SIGWINCH);
}

kern_return_t
tty_drain(struct tty_file *file, const struct mx_io_call *call)
{
	struct tty *tty = file->tf_tty;
	kern_return_t kr;

	while (tty->t_line->li_pending(tty) > 0) {
		if (file->tf_is_hung)
			return MX_EIO;
		tty->t_line->li_want_room(tty);
		if (tty->t_line->li_pending(tty) == 0)
			break;
		kr = tty_wait(tty, &tty->t_output, call, 0);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	return KERN_SUCCESS;
}

bool
tty_is_background(const struct tty *tty, const struct mx_io_call *call)
{
	return tty->t_sid != 0 && call->ic_pgrp != 0 && tty->t_pgrp != 0 && call->ic_pgrp != tty->t_pgrp;
}
