/*
 * termios.c - terminal settings: defaults and conversions.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "termios.h"

#include <string.h>

/* By the four low bits of the speed code, then the same with CBAUDEX. */
static const uint32_t tty_speeds[2][16] = {
	{ 0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400 },
	{ 0, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000,
		3500000, 4000000 },
};

void
tty_termios_default(struct tty_termios *t)
{
	static const uint8_t cc[T_NCCS] = {
		[T_VINTR] = 3, [T_VQUIT] = 28, [T_VERASE] = 127, [T_VKILL] = 21, [T_VEOF] = 4, [T_VTIME] = 0, [T_VMIN] = 1,
		[T_VSTART] = 17, [T_VSTOP] = 19, [T_VSUSP] = 26, [T_VREPRINT] = 18, [T_VDISCARD] = 15, [T_VWERASE] = 23,
		[T_VLNEXT] = 22,
	};

	memset(t, 0, sizeof *t);
	t->tt_iflag = T_ICRNL | T_IXON;
	t->tt_oflag = T_OPOST | T_ONLCR;
	t->tt_cflag = T_B38400 | T_CS8 | T_CREAD;
	t->tt_lflag = T_ISIG | T_ICANON | T_ECHO | T_ECHOE | T_ECHOK | T_ECHOCTL | T_ECHOKE | T_IEXTEN;
	memcpy(t->tt_cc, cc, sizeof cc);
	t->tt_ispeed = t->tt_ospeed = 38400;
}

static uint32_t
speed_of(uint32_t code, uint32_t other)
{
	if (code == T_BOTHER)
		return other;
	return tty_speeds[(code & T_CBAUDEX) != 0][code & 15];
}

void
tty_termios_speeds(struct tty_termios *t)
{
	uint32_t in = t->tt_cflag >> T_IBSHIFT & T_CBAUD;

	t->tt_ospeed = speed_of(t->tt_cflag & T_CBAUD, t->tt_ospeed);
	t->tt_ispeed = in == 0 ? t->tt_ospeed : speed_of(in, t->tt_ispeed);
}

void
tty_termio_get(const struct tty_termios *t, struct tty_termio *out)
{
	memset(out, 0, sizeof *out);
	out->ti_iflag = (uint16_t)t->tt_iflag;
	out->ti_oflag = (uint16_t)t->tt_oflag;
	out->ti_cflag = (uint16_t)t->tt_cflag;
	out->ti_lflag = (uint16_t)t->tt_lflag;
	out->ti_line = t->tt_line;
	memcpy(out->ti_cc, t->tt_cc, sizeof out->ti_cc);
}

void
tty_termio_set(struct tty_termios *t, const struct tty_termio *in)
{
	t->tt_iflag = (t->tt_iflag & 0xffff0000) | in->ti_iflag;
	t->tt_oflag = (t->tt_oflag & 0xffff0000) | in->ti_oflag;
	t->tt_cflag = (t->tt_cflag & 0xffff0000) | in->ti_cflag;
	t->tt_lflag = (t->tt_lflag & 0xffff0000) | in->ti_lflag;
	t->tt_line = in->ti_line;
	memcpy(t->tt_cc, in->ti_cc, sizeof in->ti_cc);
}
