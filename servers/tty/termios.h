/*
 * termios.h - the terminal settings and ioctl numbers of Linux/i386.
 *
 * Programs' requests arrive as they were made, so these are Linux's numbers and layouts; names have the prefix T_ because
 * a host test includes the C library's own header beside this one.
 *
 * Source: Linux's include/uapi/asm-generic/termbits.h and ioctls.h.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TTY_TERMIOS_H
#define TTY_TERMIOS_H

#include <stddef.h>
#include <stdint.h>

#define T_NCCS	19

/* struct termios2; struct termios is the same without the speeds. */
struct tty_termios {
	uint32_t	tt_iflag, tt_oflag, tt_cflag, tt_lflag;
	uint8_t		tt_line;
	uint8_t		tt_cc[T_NCCS];
	uint32_t	tt_ispeed, tt_ospeed;
};
#define TTY_TERMIOS_BYTES	36
#define TTY_TERMIOS2_BYTES	44

struct tty_termio {		/* System V's */
	uint16_t	ti_iflag, ti_oflag, ti_cflag, ti_lflag;
	uint8_t		ti_line;
	uint8_t		ti_cc[8];
	uint8_t		ti_pad;
};

struct tty_winsize {
	uint16_t	ws_row, ws_col, ws_xpixel, ws_ypixel;
};

enum { T_VINTR, T_VQUIT, T_VERASE, T_VKILL, T_VEOF, T_VTIME, T_VMIN, T_VSWTC, T_VSTART, T_VSTOP, T_VSUSP, T_VEOL, T_VREPRINT,
	T_VDISCARD, T_VWERASE, T_VLNEXT, T_VEOL2 };

#define T_DISABLED	0	/* a control character that is off */

/* c_iflag */
#define T_IGNBRK	0000001u
#define T_BRKINT	0000002u
#define T_IGNPAR	0000004u
#define T_PARMRK	0000010u
#define T_INPCK		0000020u
#define T_ISTRIP	0000040u
#define T_INLCR		0000100u
#define T_IGNCR		0000200u
#define T_ICRNL		0000400u
#define T_IUCLC		0001000u
#define T_IXON		0002000u
#define T_IXANY		0004000u
#define T_IXOFF		0010000u
#define T_IMAXBEL	0020000u
#define T_IUTF8		0040000u

/* c_oflag */
#define T_OPOST		0000001u
#define T_OLCUC		0000002u
#define T_ONLCR		0000004u
#define T_OCRNL		0000010u
#define T_ONOCR		0000020u
#define T_ONLRET	0000040u
#define T_TABDLY	0014000u
#define T_XTABS		0014000u

/* c_cflag */
#define T_CBAUD		0010017u
#define T_CBAUDEX	0010000u
#define T_BOTHER	0010000u
#define T_CSIZE		0000060u
#define T_CS8		0000060u
#define T_CREAD		0000200u
#define T_PARENB	0000400u
#define T_HUPCL		0002000u
#define T_CLOCAL	0004000u
#define T_B38400	0000017u
#define T_CIBAUD	002003600000u
#define T_IBSHIFT	16

/* c_lflag */
#define T_ISIG		0000001u
#define T_ICANON	0000002u
#define T_ECHO		0000010u
#define T_ECHOE		0000020u
#define T_ECHOK		0000040u
#define T_ECHONL	0000100u
#define T_NOFLSH	0000200u
#define T_TOSTOP	0000400u
#define T_ECHOCTL	0001000u
#define T_ECHOPRT	0002000u
#define T_ECHOKE	0004000u
#define T_IEXTEN	0100000u
#define T_EXTPROC	0200000u

/* ioctls */
#define T_TCGETS	0x5401
#define T_TCSETS	0x5402
#define T_TCSETSW	0x5403
#define T_TCSETSF	0x5404
#define T_TCGETA	0x5405
#define T_TCSETA	0x5406
#define T_TCSETAW	0x5407
#define T_TCSETAF	0x5408
#define T_TCSBRK	0x5409
#define T_TCXONC	0x540a
#define T_TCFLSH	0x540b
#define T_TIOCEXCL	0x540c
#define T_TIOCNXCL	0x540d
#define T_TIOCSCTTY	0x540e
#define T_TIOCGPGRP	0x540f
#define T_TIOCSPGRP	0x5410
#define T_TIOCOUTQ	0x5411
#define T_TIOCSTI	0x5412
#define T_TIOCGWINSZ	0x5413
#define T_TIOCSWINSZ	0x5414
#define T_TIOCMGET	0x5415
#define T_TIOCMSET	0x5418
#define T_TIOCGSOFTCAR	0x5419
#define T_TIOCSSOFTCAR	0x541a
#define T_FIONREAD	0x541b
#define T_TIOCLINUX	0x541c
#define T_TIOCCONS	0x541d
#define T_TIOCPKT	0x5420
#define T_FIONBIO	0x5421
#define T_TIOCNOTTY	0x5422
#define T_TIOCSETD	0x5423
#define T_TIOCGETD	0x5424
#define T_TCSBRKP	0x5425
#define T_TIOCSBRK	0x5427
#define T_TIOCCBRK	0x5428
#define T_TIOCGSID	0x5429
#define T_TCGETS2	0x802c542a
#define T_TCSETS2	0x402c542b
#define T_TCSETSW2	0x402c542c
#define T_TCSETSF2	0x402c542d
#define T_TIOCGPTN	0x80045430
#define T_TIOCSPTLCK	0x40045431
#define T_TIOCGDEV	0x80045432
#define T_TIOCSIG	0x40045436
#define T_TIOCVHANGUP	0x5437
#define T_TIOCGPKT	0x80045438
#define T_TIOCGPTLCK	0x80045439
#define T_TIOCGEXCL	0x80045440
#define T_TIOCGPTPEER	0x5441

/* TCFLSH and TCXONC arguments */
enum { T_TCIFLUSH, T_TCOFLUSH, T_TCIOFLUSH };
enum { T_TCOOFF, T_TCOON, T_TCIOFF, T_TCION };

/* what a master in packet mode reads in its first byte */
#define T_PKT_DATA	0
#define T_PKT_FLUSHREAD	1
#define T_PKT_FLUSHWRITE 2
#define T_PKT_STOP	4
#define T_PKT_START	8
#define T_PKT_NOSTOP	16
#define T_PKT_DOSTOP	32
#define T_PKT_IOCTL	64

/* The settings of a terminal that was just opened for the first time. */
void tty_termios_default(struct tty_termios *t);

/* Bits per second that the flags ask for; with BOTHER the fields hold. */
void tty_termios_speeds(struct tty_termios *t);

/* System V's structure from and into ours (which keeps what the small one does not have). */
void tty_termio_get(const struct tty_termios *t, struct tty_termio *out);
void tty_termio_set(struct tty_termios *t, const struct tty_termio *in);

#endif /* TTY_TERMIOS_H */
