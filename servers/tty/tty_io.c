/*
 * tty_io.c - reading, writing and polling an open terminal.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tty.h"

#include <string.h>

#define TENTH_NS	100000000ull	/* the unit of VTIME */
#define MODE		(MX_S_IFCHR | 0620)

static struct tty_file *
file_of(struct mx_io *io)
{
	return (struct tty_file *)io;
}

/* ---- Reading ---- */

/* How long a read may go on. */
struct patience {
	size_t		pa_minimum;	/* enough */
	uint64_t	pa_between_ns;	/* wait no longer than this for the next byte; 0: for ever */
	uint64_t	pa_deadline;	/* 0: none */
};

static struct patience
read_patience(const struct ldisc *ld)
{
	uint64_t time = ld->ld_termios.tt_cc[T_VTIME] * TENTH_NS;
	size_t minimum = ld->ld_termios.tt_cc[T_VMIN];

	if (ld->ld_termios.tt_lflag & T_ICANON)
		return (struct patience){ 0, 0, 0 };
	if (minimum > 0)
		return (struct patience){ minimum, time, 0 };
	return (struct patience){ 1, 0, mx_now_ns() + time };
}

/* Wait for input. Errors: MX_ETIMEDOUT, MX_EAGAIN, MX_EIO the other side of the pair is gone; tty_wait's */
static kern_return_t
read_wait(struct tty_file *file, const struct mx_io_call *call, uint64_t deadline)
{
	struct tty *tty = file->tf_tty;

	if (tty->t_other_closed)
		return MX_EIO;
	if (file->tf_is_hung || (deadline != 0 && mx_now_ns() >= deadline))
		return MX_ETIMEDOUT;
	if (call->ic_flags & MX_IO_NONBLOCK)
		return MX_EAGAIN;
	return tty_wait(tty, &tty->t_input, call, deadline);
}

static kern_return_t
read_some(struct tty_file *file, const struct mx_io_call *call, char *data, size_t *count)
{
	struct tty *tty = file->tf_tty;
	struct patience p = read_patience(&tty->t_ldisc);
	kern_return_t kr = KERN_SUCCESS;
	size_t got = 0;

	while (got < *count) {
		if (!ldisc_readable(&tty->t_ldisc, false)) {
			kr = read_wait(file, call, p.pa_deadline);
			if (kr == KERN_SUCCESS)
				continue;
			if (!ldisc_readable(&tty->t_ldisc, false))
				break;		/* else it came just in time */
		}
		kr = KERN_SUCCESS;
		got += ldisc_read(&tty->t_ldisc, (uint8_t *)data + got, *count - got);
		tty->t_line->li_resume(tty);
		if (got >= p.pa_minimum)
			break;
		if (p.pa_between_ns != 0)
			p.pa_deadline = mx_now_ns() + p.pa_between_ns;
	}
	*count = got;
	return got > 0 || kr == MX_ETIMEDOUT ? KERN_SUCCESS : kr;
}

static kern_return_t
tty_read(struct mx_io *io, const struct mx_io_call *call, int64_t offset, char *data, size_t *count)
{
	struct tty_file *file = file_of(io);
	struct tty *tty = file->tf_tty;
	kern_return_t kr;

	(void)offset;
	if ((file->tf_flags & MX_O_ACCMODE) == MX_O_WRONLY)
		return MX_EBADF;
	if (!file->tf_is_hung && tty_is_background(tty, call))
		return MX_EBACKGROUND;
	while (tty->t_is_reading && !file->tf_is_hung) {
		if (call->ic_flags & MX_IO_NONBLOCK)
			return MX_EAGAIN;
		kr = tty_wait(tty, &tty->t_input, call, 0);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	if (file->tf_is_hung) {
		*count = 0;
		return KERN_SUCCESS;
	}
	tty->t_is_reading = true;
	kr = read_some(file, call, data, count);
	tty->t_is_reading = false;
	mx_cond_broadcast(&tty->t_input);
	return kr;
}

/* ---- Writing ---- */

static kern_return_t
tty_write(struct mx_io *io, const struct mx_io_call *call, int64_t *offset, const char *data, size_t *count)
{
	struct tty_file *file = file_of(io);
	struct tty *tty = file->tf_tty;
	kern_return_t kr = KERN_SUCCESS;
	size_t done = 0;

	(void)offset;
	if ((file->tf_flags & MX_O_ACCMODE) == MX_O_RDONLY)
		return MX_EBADF;
	if (!file->tf_is_hung && (tty->t_ldisc.ld_termios.tt_lflag & T_TOSTOP) && tty_is_background(tty, call))
		return MX_EBACKGROUND;
	for (;;) {
		if (file->tf_is_hung || tty->t_other_closed) {
			kr = MX_EIO;
			break;
		}
		done += ldisc_write(&tty->t_ldisc, (const uint8_t *)data + done, *count - done);
		tty->t_line->li_send(tty);
		if (done == *count)
			break;
		if (call->ic_flags & MX_IO_NONBLOCK) {
			kr = MX_EAGAIN;
			break;
		}
		tty->t_line->li_want_room(tty);
		if (!tty->t_ldisc.ld_stopped && tty->t_line->li_room(tty) > 0)
			continue;		/* sent meanwhile */
		kr = tty_wait(tty, &tty->t_output, call, 0);
		if (kr != KERN_SUCCESS)
			break;
	}
	*count = done;
	return done > 0 ? KERN_SUCCESS : kr;
}

/* ---- Polling, attributes ---- */

static uint32_t
tty_poll(struct mx_io *io, uint32_t events, struct mx_poll **queue)
{
	struct tty_file *file = file_of(io);
	struct tty *tty = file->tf_tty;
	uint32_t now = 0;

	*queue = &tty->t_poll;
	if (file->tf_is_hung)
		return MX_POLLIN | MX_POLLOUT | MX_POLLERR | MX_POLLHUP | MX_POLLRDNORM | MX_POLLWRNORM;
	if (ldisc_readable(&tty->t_ldisc, true))
		now |= MX_POLLIN | MX_POLLRDNORM;
	if (tty->t_other_closed)
		now |= MX_POLLHUP;
	if (!tty->t_ldisc.ld_stopped && tty->t_line->li_room(tty) > 0)
		now |= MX_POLLOUT | MX_POLLWRNORM;
	else if (events & (MX_POLLOUT | MX_POLLWRNORM))
		tty->t_line->li_want_room(tty);
	return now;
}

kern_return_t
tty_stat_fill(struct mx_attr *attr, uint32_t major, uint32_t minor, uint32_t mode)
{
	uint64_t now = mx_real_ns();

	attr->at_mode = mode;
	attr->at_nlink = 1;
	attr->at_blksize = 1024;
	attr->at_rdev_major = major;
	attr->at_rdev_minor = minor;
	attr->at_atime = attr->at_mtime = attr->at_ctime = (int64_t)(now / 1000000000u);
	return KERN_SUCCESS;
}

static kern_return_t
tty_stat(struct mx_io *io, struct mx_attr *attr)
{
	struct tty_file *file = file_of(io);

	return tty_stat_fill(attr, file->tf_rdev_major, file->tf_rdev_minor, MODE);
}

static const struct mx_io_ops tty_io_ops = {
	.read = tty_read, .write = tty_write, .stat = tty_stat, .poll = tty_poll, .ioctl = tty_ioctl,
};

/* ---- Opening and closing ---- */

static void
tty_file_no_senders(struct mx_object *obj)
{
	mx_object_release(obj);
}

static void
tty_file_free(struct mx_object *obj)
{
	struct tty_file *file = (struct tty_file *)obj, **at;
	struct tty *tty = file->tf_tty;

	for (at = &tty->t_files; *at != NULL; at = &(*at)->tf_next) {
		if (*at == file) {
			*at = file->tf_next;
			break;
		}
	}
	tty->t_holds--;
	if (tty->t_line->li_close != NULL && tty->t_files == NULL)
		tty->t_line->li_close(tty);
}

struct mx_class tty_file_class = {
	.mc_name = "terminal", .mc_size = sizeof(struct tty_file), .mc_demux = mx_io_demux,
	.mc_no_senders = tty_file_no_senders, .mc_free = tty_file_free,
};

kern_return_t
tty_open(struct tty *tty, uint32_t flags, uint32_t uid, uint32_t major, uint32_t minor, mach_port_t *io,
	mach_msg_type_name_t *type, uint32_t *kind)
{
	struct tty_file *file;
	kern_return_t kr;

	if (tty->t_is_exclusive && uid != 0)
		return MX_EBUSY;
	if (tty->t_line->li_open != NULL) {
		kr = tty->t_line->li_open(tty);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	file = mx_object_create(&tty_file_class);
	if (file == NULL)
		return MX_ENOMEM;
	file->tf_io.io_ops = &tty_io_ops;
	file->tf_tty = tty;
	file->tf_flags = flags;
	file->tf_uid = uid;
	file->tf_rdev_major = major;
	file->tf_rdev_minor = minor;
	file->tf_next = tty->t_files;
	tty->t_files = file;
	tty->t_holds++;
	*kind = MX_KIND_TTY;
	*io = mx_object_make_send(&file->tf_io.io_object, type);
	return KERN_SUCCESS;
}
