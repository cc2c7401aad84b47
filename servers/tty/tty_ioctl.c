/*
 * tty_ioctl.c - ioctls of terminals.
 *
 * Arguments come as bytes that a client chose, of a length that a client chose; each is copied into a structure of its own
 * after its length was looked at. What the controlling terminal is to a process is proc's business: TIOCSCTTY, TIOCNOTTY and
 * TIOCSPGRP are refused here and come by tty.defs.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tty.h"

#include <string.h>

/* An ioctl under way. */
struct request {
	struct tty	*rq_tty;
	struct tty_file	*rq_file;	/* NULL: by the master */
	const struct mx_io_call *rq_call;
	uint32_t	rq_cmd, rq_arg;
	const char	*rq_in;
	size_t		rq_in_count;
	char		*rq_out;
	size_t		rq_out_room;
	size_t		*rq_out_count;		/* what was answered so far: nothing */
};

static kern_return_t
argument(const struct request *rq, void *value, size_t size)
{
	if (rq->rq_in_count < size)
		return MX_EFAULT;
	memcpy(value, rq->rq_in, size);
	return KERN_SUCCESS;
}

static kern_return_t
answer(const struct request *rq, const void *value, size_t size)
{
	if (rq->rq_out_room < size)
		return MX_EINVAL;
	memcpy(rq->rq_out, value, size);
	*rq->rq_out_count = size;
	return KERN_SUCCESS;
}

static kern_return_t
answer_int(const struct request *rq, int32_t value)
{
	return answer(rq, &value, sizeof value);
}

/* Changing the terminal from the background stops the process, when it is not the master's doing. */
static kern_return_t
change_check(const struct request *rq)
{
	return rq->rq_file != NULL && tty_is_background(rq->rq_tty, rq->rq_call) ? MX_EBACKGROUND : KERN_SUCCESS;
}

static kern_return_t
drain(const struct request *rq)
{
	return rq->rq_file == NULL ? KERN_SUCCESS : tty_drain(rq->rq_file, rq->rq_call);
}

/* ---- Settings ---- */

static kern_return_t
settings_get(const struct request *rq)
{
	const struct tty_termios *t = &rq->rq_tty->t_ldisc.ld_termios;
	struct tty_termio small;

	if (rq->rq_cmd == T_TCGETS2)
		return answer(rq, t, TTY_TERMIOS2_BYTES);
	if (rq->rq_cmd == T_TCGETS)
		return answer(rq, t, TTY_TERMIOS_BYTES);
	tty_termio_get(t, &small);
	return answer(rq, &small, sizeof small);
}

/* The settings that RQ asks for, into T. */
static kern_return_t
settings_decode(const struct request *rq, struct tty_termios *t)
{
	struct tty_termio small;
	kern_return_t kr;

	*t = rq->rq_tty->t_ldisc.ld_termios;
	if (rq->rq_cmd >= T_TCSETS2 && rq->rq_cmd <= T_TCSETSF2) {
		kr = argument(rq, t, TTY_TERMIOS2_BYTES);
	} else if (rq->rq_cmd >= T_TCSETS && rq->rq_cmd <= T_TCSETSF) {
		kr = argument(rq, t, TTY_TERMIOS_BYTES);
	} else {
		kr = argument(rq, &small, sizeof small);
		if (kr == KERN_SUCCESS)
			tty_termio_set(t, &small);
	}
	tty_termios_speeds(t);
	t->tt_cflag = (t->tt_cflag & ~(T_CSIZE | T_PARENB)) | T_CS8 | T_CREAD;
	return kr;
}

/* 0: at once, 1: when output is sent, 2: and input thrown away */
static int
settings_when(uint32_t cmd)
{
	switch (cmd) {
	case T_TCSETSF:
	case T_TCSETSF2:
	case T_TCSETAF:
		return 2;
	case T_TCSETSW:
	case T_TCSETSW2:
	case T_TCSETAW:
		return 1;
	default:
		return 0;
	}
}

/* Tell a master in packet mode what it cares about. */
static void
settings_packet(struct tty *tty, const struct tty_termios *old, const struct tty_termios *new)
{
	bool had = (old->tt_iflag & T_IXON) && old->tt_cc[T_VSTOP] == 19 && old->tt_cc[T_VSTART] == 17;
	bool has = (new->tt_iflag & T_IXON) && new->tt_cc[T_VSTOP] == 19 && new->tt_cc[T_VSTART] == 17;
	unsigned int status = 0;

	if (had != has)
		status |= has ? T_PKT_DOSTOP : T_PKT_NOSTOP;
	if ((old->tt_lflag | new->tt_lflag) & T_EXTPROC)
		status |= T_PKT_IOCTL;
	if (status != 0 && tty->t_line->li_packet != NULL)
		tty->t_line->li_packet(tty, status);
}

static kern_return_t
settings_set(const struct request *rq)
{
	struct tty *tty = rq->rq_tty;
	struct tty_termios old, new;
	int when = settings_when(rq->rq_cmd);
	kern_return_t kr;

	kr = settings_decode(rq, &new);
	if (kr == KERN_SUCCESS)
		kr = change_check(rq);
	if (kr == KERN_SUCCESS && when == 2)
		ldisc_flush_input(&tty->t_ldisc);
	if (kr == KERN_SUCCESS && when > 0)
		kr = drain(rq);
	if (kr != KERN_SUCCESS)
		return kr;
	old = tty->t_ldisc.ld_termios;
	ldisc_set_termios(&tty->t_ldisc, &new);
	settings_packet(tty, &old, &new);
	tty->t_line->li_send(tty);
	tty->t_line->li_resume(tty);
	tty_input_wake(tty);
	tty_output_wake(tty);
	return KERN_SUCCESS;
}

/* ---- Flow, flushing, breaks ---- */

/* Send C now, even when output is stopped. */
static void
send_character(struct tty *tty, uint8_t c)
{
	if (c == T_DISABLED || tty->t_line->li_room(tty) == 0)
		return;
	tty->t_line->li_put(tty, &c, 1);
	tty->t_line->li_send(tty);
}

static kern_return_t
flow(const struct request *rq)
{
	struct tty *tty = rq->rq_tty;
	kern_return_t kr = change_check(rq);

	if (kr != KERN_SUCCESS)
		return kr;
	switch (rq->rq_arg) {
	case T_TCOOFF:
	case T_TCOON:
		ldisc_program_flow(&tty->t_ldisc, rq->rq_arg == T_TCOOFF);
		tty->t_line->li_send(tty);
		return KERN_SUCCESS;
	case T_TCIOFF:
		send_character(tty, tty->t_ldisc.ld_termios.tt_cc[T_VSTOP]);
		return KERN_SUCCESS;
	case T_TCION:
		send_character(tty, tty->t_ldisc.ld_termios.tt_cc[T_VSTART]);
		return KERN_SUCCESS;
	default:
		return MX_EINVAL;
	}
}

static kern_return_t
flush(const struct request *rq)
{
	struct tty *tty = rq->rq_tty;
	kern_return_t kr = change_check(rq);

	if (kr != KERN_SUCCESS)
		return kr;
	if (rq->rq_arg > T_TCIOFLUSH)
		return MX_EINVAL;
	if (rq->rq_arg != T_TCOFLUSH)
		ldisc_flush_input(&tty->t_ldisc);
	if (rq->rq_arg != T_TCIFLUSH)
		tty->t_ldisc.ld_ops->lo_flush_output(tty);
	return KERN_SUCCESS;
}

/* A virtual line has no break condition: what is left is waiting for the output. */
static kern_return_t
send_break(const struct request *rq)
{
	kern_return_t kr = change_check(rq);

	return kr == KERN_SUCCESS ? drain(rq) : kr;
}

/* ---- Size, exclusive use, faked input ---- */

static kern_return_t
size_set(const struct request *rq)
{
	struct tty_winsize size;
	kern_return_t kr = argument(rq, &size, sizeof size);

	if (kr == KERN_SUCCESS)
		tty_set_size(rq->rq_tty, &size);
	return kr;
}

static kern_return_t
exclusive(const struct request *rq)
{
	if (rq->rq_cmd == T_TIOCGEXCL)
		return answer_int(rq, rq->rq_tty->t_is_exclusive);
	rq->rq_tty->t_is_exclusive = rq->rq_cmd == T_TIOCEXCL;
	return KERN_SUCCESS;
}

static bool
is_root(const struct request *rq)
{
	return rq->rq_file != NULL && rq->rq_file->tf_uid == 0;
}

static kern_return_t
fake_input(const struct request *rq)
{
	uint8_t c;
	kern_return_t kr;

	if (!is_root(rq))
		return MX_EPERM;
	kr = argument(rq, &c, 1);
	if (kr == KERN_SUCCESS)
		(void)tty_receive(rq->rq_tty, &c, 1);	/* dropped when there is no room, as typing is */
	return kr;
}

static kern_return_t
hang_up(const struct request *rq)
{
	if (!is_root(rq))
		return MX_EPERM;
	tty_hangup(rq->rq_tty);
	return KERN_SUCCESS;
}

static kern_return_t
discipline_set(const struct request *rq)
{
	int32_t which;
	kern_return_t kr = argument(rq, &which, sizeof which);

	return kr == KERN_SUCCESS && which != 0 ? MX_EINVAL : kr;	/* there is one */
}

static kern_return_t
carrier(const struct request *rq)
{
	struct tty_termios *t = &rq->rq_tty->t_ldisc.ld_termios;
	int32_t soft;
	kern_return_t kr;

	if (rq->rq_cmd == T_TIOCGSOFTCAR)
		return answer_int(rq, (t->tt_cflag & T_CLOCAL) != 0);
	kr = argument(rq, &soft, sizeof soft);
	if (kr == KERN_SUCCESS)
		t->tt_cflag = soft ? t->tt_cflag | T_CLOCAL : t->tt_cflag & ~T_CLOCAL;
	return kr;
}

/* ---- The table ---- */

static kern_return_t
dispatch_settings(const struct request *rq)
{
	switch (rq->rq_cmd) {
	case T_TCGETS:
	case T_TCGETS2:
	case T_TCGETA:
		return settings_get(rq);
	case T_TCSETS:
	case T_TCSETSW:
	case T_TCSETSF:
	case T_TCSETS2:
	case T_TCSETSW2:
	case T_TCSETSF2:
	case T_TCSETA:
	case T_TCSETAW:
	case T_TCSETAF:
		return settings_set(rq);
	case T_TCXONC:
		return flow(rq);
	case T_TCFLSH:
		return flush(rq);
	case T_TCSBRK:
	case T_TCSBRKP:
		return send_break(rq);
	case T_TIOCSBRK:
	case T_TIOCCBRK:
		return KERN_SUCCESS;
	case T_TIOCGSOFTCAR:
	case T_TIOCSSOFTCAR:
		return carrier(rq);
	default:
		return MX_ENOTTY;
	}
}

static kern_return_t
dispatch_rest(const struct request *rq)
{
	struct tty *tty = rq->rq_tty;

	switch (rq->rq_cmd) {
	case T_TIOCGWINSZ:
		return answer(rq, &tty->t_size, sizeof tty->t_size);
	case T_TIOCSWINSZ:
		return size_set(rq);
	case T_TIOCEXCL:
	case T_TIOCNXCL:
	case T_TIOCGEXCL:
		return exclusive(rq);
	case T_TIOCGPGRP:
		return tty->t_sid == 0 ? MX_ENOTTY : answer_int(rq, tty->t_pgrp);
	case T_TIOCGSID:
		return tty->t_sid == 0 ? MX_ENOTTY : answer_int(rq, tty->t_sid);
	case T_TIOCGDEV:
		return answer_int(rq, (int32_t)(tty->t_major << 8 | (tty->t_minor & 0xff) | (tty->t_minor & ~0xffu) << 12));
	case T_TIOCSTI:
		return fake_input(rq);
	case T_TIOCVHANGUP:
		return hang_up(rq);
	case T_TIOCGETD:
		return answer_int(rq, 0);
	case T_TIOCSETD:
		return discipline_set(rq);
	default:
		return dispatch_settings(rq);
	}
}

kern_return_t
tty_common_ioctl(struct tty *tty, struct tty_file *file, const struct mx_io_call *call, uint32_t cmd, uint32_t arg,
	const char *in, size_t in_count, char *out, size_t *out_count)
{
	struct request rq = { tty, file, call, cmd, arg, in, in_count, out, *out_count, out_count };

	*out_count = 0;
	return dispatch_rest(&rq);
}

kern_return_t
tty_count_ioctl(size_t count, char *out, size_t *out_count)
{
	int32_t value = (int32_t)count;

	if (*out_count < sizeof value)
		return MX_EINVAL;
	memcpy(out, &value, sizeof value);
	*out_count = sizeof value;
	return KERN_SUCCESS;
}

kern_return_t
tty_ioctl(struct mx_io *io, const struct mx_io_call *call, uint32_t cmd, uint32_t arg, const char *in, size_t in_count,
	char *out, size_t *out_count, int32_t *result)
{
	struct tty_file *file = (struct tty_file *)io;
	struct tty *tty = file->tf_tty;

	(void)result;
	if (file->tf_is_hung)
		return MX_EIO;
	if (cmd == T_FIONREAD)
		return tty_count_ioctl(ldisc_input_count(&tty->t_ldisc), out, out_count);
	if (cmd == T_TIOCOUTQ)
		return tty_count_ioctl(tty->t_line->li_pending(tty), out, out_count);
	return tty_common_ioctl(tty, file, call, cmd, arg, in, in_count, out, out_count);
}
