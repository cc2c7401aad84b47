/*
 * tty.h - what the parts of the server tty share: terminals, open terminals, lines.
 *
 * A terminal (struct tty) is a line discipline between the programs that have it open (struct tty_file) and a line (struct
 * tty_line_ops): a virtio console, the kernel's serial port, or the master of a pseudo-terminal. There is one kernel thread; a
 * terminal is consistent whenever a fibril waits, so it has no lock.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TTY_H
#define TTY_H

#include <masix/io.h>
#include "ldisc.h"

#define TTY_MAJOR_SERIAL	4
#define TTY_MAJOR_MISC		5
#define TTY_MAJOR_PTS		136
#define TTY_MAJOR_HVC		229
#define TTY_MINOR_SERIAL	64
#define TTY_MINOR_CONSOLE	1
#define TTY_MINOR_PTMX		2

struct tty;

/* A line. All may be called whenever the terminal is consistent; none parks. */
struct tty_line_ops {
	/* How many bytes it takes now; take them. */
	size_t	(*li_room)(struct tty *tty);
	void	(*li_put)(struct tty *tty, const uint8_t *bytes, size_t n);
	/* All of one piece of output has been put: send it. */
	void	(*li_send)(struct tty *tty);
	/* Somebody waits for room, or for all to be sent: call tty_line_has_room when more was sent. May send at once. */
	void	(*li_want_room)(struct tty *tty);
	/* Bytes taken and not sent yet; throw them away. */
	size_t	(*li_pending)(struct tty *tty);
	void	(*li_discard)(struct tty *tty);
	/* The terminal has room for input again. */
	void	(*li_resume)(struct tty *tty);
	/* What a master in packet mode wants to know; NULL for others. STATUS is T_PKT_*. */
	void	(*li_packet)(struct tty *tty, unsigned int status);
	/* Opened the first time, closed the last time; NULL for others than pseudo-terminals. */
	kern_return_t (*li_open)(struct tty *tty);
	void	(*li_close)(struct tty *tty);
};

struct tty {
	struct ldisc	t_ldisc;
	const struct tty_line_ops *t_line;
	void		*t_line_data;
	const char	*t_name;
	uint32_t	t_major, t_minor;
	struct tty_winsize t_size;
	struct tty_file	*t_files;		/* open and not hung up */
	bool		t_is_exclusive;		/* TIOCEXCL */
	bool		t_other_closed;		/* the master of this pseudo-terminal is gone */
	unsigned int	t_holds;		/* open files, hung up ones too: not to be freed */

	/* The session whose controlling terminal it is. */
	int32_t		t_sid;			/* 0: none */
	int32_t		t_pgrp;			/* foreground */
	mach_port_t	t_session;		/* send right to proc */

	bool		t_is_reading;		/* one reader at a time */
	unsigned int	t_waiters;		/* requests that wait */
	struct mx_cond	t_input;		/* there may be something to read, or the reader is done */
	struct mx_cond	t_output;		/* there may be room, or less pending */
	struct mx_poll	t_poll;
};

/* One open. */
struct tty_file {
	struct mx_io	tf_io;
	struct tty	*tf_tty;
	struct tty_file	*tf_next;
	bool		tf_is_hung;		/* the line went down after the open */
	uint32_t	tf_flags;		/* of open */
	uint32_t	tf_uid;			/* who opened it */
	uint32_t	tf_rdev_major, tf_rdev_minor;	/* as what it was opened */
};

extern struct mx_class tty_file_class;

/* ---- tty_line.c: terminals ---- */

void tty_init(struct tty *tty, const char *name, const struct tty_line_ops *line, void *line_data, uint32_t major,
	uint32_t minor);
/* N bytes came in on the line; answers how many were used. The rest is to be offered again when li_resume is called. */
size_t tty_receive(struct tty *tty, const uint8_t *bytes, size_t n);
void tty_line_has_room(struct tty *tty);
/* The line is gone for everybody who has it open, and for the session. */
void tty_hangup(struct tty *tty);
/* Something changed that waiting readers, writers and pollers should look at. */
void tty_input_wake(struct tty *tty);
void tty_output_wake(struct tty *tty);
void tty_set_size(struct tty *tty, const struct tty_winsize *size);
/* Wait for COND of TTY, until DEADLINE (0: for ever). The caller holds TTY. Errors: MX_EINTR, MX_ETIMEDOUT, MX_ENOMEM too many wait */
kern_return_t tty_wait(struct tty *tty, struct mx_cond *cond, const struct mx_io_call *call, uint64_t deadline);
/* Wait until everything written has been sent. Errors: MX_EINTR, MX_EIO */
kern_return_t tty_drain(struct tty_file *file, const struct mx_io_call *call);
/* Whether a process of the caller's group is in the background here. */
bool tty_is_background(const struct tty *tty, const struct mx_io_call *call);

/* ---- tty_session.c: job control ---- */

kern_return_t tty_session_attach(struct tty *tty, int32_t sid, int32_t pgrp, bool steal, mach_port_t session);
void tty_session_clear(struct tty *tty);
void tty_session_signal(struct tty *tty, int signo);
void tty_session_hangup(struct tty *tty);

/* ---- tty_io.c: open terminals ---- */

/* Errors: MX_EIO hung up or no master, MX_EBUSY exclusive, MX_ENOMEM */
kern_return_t tty_open(struct tty *tty, uint32_t flags, uint32_t uid, uint32_t major, uint32_t minor, mach_port_t *io,
	mach_msg_type_name_t *type, uint32_t *kind);
kern_return_t tty_ioctl(struct mx_io *io, const struct mx_io_call *call, uint32_t cmd, uint32_t arg, const char *in,
	size_t in_count, char *out, size_t *out_count, int32_t *result);
/* An ioctl of TTY by a file of it, or of its master (FILE NULL). Errors: MX_ENOTTY not one that both have */
kern_return_t tty_common_ioctl(struct tty *tty, struct tty_file *file, const struct mx_io_call *call, uint32_t cmd,
	uint32_t arg, const char *in, size_t in_count, char *out, size_t *out_count);
/* Answer an ioctl that counts something. Errors: MX_EINVAL no room for it */
kern_return_t tty_count_ioctl(size_t count, char *out, size_t *out_count);
kern_return_t tty_stat_fill(struct mx_attr *attr, uint32_t major, uint32_t minor, uint32_t mode);

/* ---- pty.c ---- */

kern_return_t pty_open_master(uint32_t flags, uint32_t uid, mach_port_t *io, mach_msg_type_name_t *type, uint32_t *kind);
/* The terminal of pair N, NULL when there is none. */
struct tty *pty_find(uint32_t n);
/* The terminal whose master PORT is, NULL when it is not one. */
struct tty *pty_of_master(mach_port_t port);

/* ---- console.c: which line is the console ---- */

kern_return_t console_start(void);
struct tty *console_tty(void);		/* NULL when there is none */

/* ---- tty_rpc.c ---- */

kern_return_t tty_register_all(void);

extern const struct mx_server tty_server_description;

#endif /* TTY_H */
