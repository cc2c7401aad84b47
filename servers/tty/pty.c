/*
 * pty.c - pseudo-terminals.
 *
 * The terminal's line is the master: what the terminal sends the master reads, what the master writes the terminal receives.
 * The pair lives until both are closed; its number is free again then.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "pty.h"

#include <stdlib.h>
#include <string.h>

#define TTY_GROUP	5	/* owns terminals, so that write(1) may be let in by their owners; Debian's number */

static struct pty *pairs[PTY_MAX];

struct pty *
pty_number(uint32_t n)
{
	return n < PTY_MAX ? pairs[n] : NULL;
}

struct tty *
pty_find(uint32_t n)
{
	struct pty *py = pty_number(n);

	return py == NULL ? NULL : &py->py_tty;
}

static void
pair_free_if_unused(struct pty *py)
{
	if (py->py_master != NULL || py->py_tty.t_holds > 0)
		return;
	tty_session_clear(&py->py_tty);
	devpts_pair_gone(py);
	mx_poll_destroy(&py->py_tty.t_poll);
	pairs[py->py_number] = NULL;
	free(py);
}

/* ---- The terminal's line ---- */

static struct pty *
pty_of(struct tty *tty)
{
	return tty->t_line_data;
}

static uint32_t
out_used(const struct pty *py)
{
	return py->py_out_head - py->py_out_tail;
}

static uint32_t
in_used(const struct pty *py)
{
	return py->py_in_head - py->py_in_tail;
}

static void
master_wake_reader(struct pty *py, uint32_t events)
{
	if (py->py_master == NULL)
		return;
	mx_cond_broadcast(&py->py_master->pm_readable);
	mx_poll_wake(&py->py_master->pm_poll, events);
}

static size_t
line_room(struct tty *tty)
{
	return PTY_OUTPUT - out_used(pty_of(tty));
}

static void
line_put(struct tty *tty, const uint8_t *bytes, size_t n)
{
	struct pty *py = pty_of(tty);

	while (n-- > 0)
		py->py_out[py->py_out_head++ % PTY_OUTPUT] = *bytes++;
}

static void
line_send(struct tty *tty)
{
	struct pty *py = pty_of(tty);

	if (out_used(py) > 0)
		master_wake_reader(py, MX_POLLIN | MX_POLLRDNORM);
}

/* The master makes room by reading and says so by itself. */
static void
line_want_room(struct tty *tty)
{
	line_send(tty);
}

/* What is on its way to the master counts as sent, as on Linux: waiting for the output never waits for the master. */
static size_t
line_pending(struct tty *tty)
{
	(void)tty;
	return 0;
}

static void
line_discard(struct tty *tty)
{
	struct pty *py = pty_of(tty);

	if (out_used(py) > PTY_KEPT)
		py->py_out_head = py->py_out_tail + PTY_KEPT;
}

/* Feed the terminal what the master wrote and it had no room for. */
static void
line_resume(struct tty *tty)
{
	struct pty *py = pty_of(tty);

	if (py->py_is_feeding)
		return;			/* the loop below goes on */
	py->py_is_feeding = true;
	while (in_used(py) > 0) {
		uint32_t at = py->py_in_tail % PTY_INPUT, n = PTY_INPUT - at;

		if (n > in_used(py))
			n = in_used(py);
		at = (uint32_t)tty_receive(tty, py->py_in + at, n);
		py->py_in_tail += at;
		if (at < n)
			break;
	}
	py->py_is_feeding = false;
	if (py->py_master != NULL && in_used(py) < PTY_INPUT) {
		mx_cond_broadcast(&py->py_master->pm_writable);
		mx_poll_wake(&py->py_master->pm_poll, MX_POLLOUT | MX_POLLWRNORM);
	}
}

static void
line_packet(struct tty *tty, unsigned int status)
{
	struct pty *py = pty_of(tty);

	if (!py->py_is_packet)
		return;
	if (status & (T_PKT_STOP | T_PKT_START))
		py->py_status &= ~(unsigned int)(T_PKT_STOP | T_PKT_START);
	if (status & (T_PKT_DOSTOP | T_PKT_NOSTOP))
		py->py_status &= ~(unsigned int)(T_PKT_DOSTOP | T_PKT_NOSTOP);
	py->py_status |= status;
	master_wake_reader(py, MX_POLLIN | MX_POLLRDNORM | MX_POLLPRI);
}

static kern_return_t
line_open(struct tty *tty)
{
	struct pty *py = pty_of(tty);

	if (py->py_master == NULL || py->py_is_locked)
		return MX_EIO;
	py->py_was_open = false;
	return KERN_SUCCESS;
}

static void
line_close(struct tty *tty)
{
	struct pty *py = pty_of(tty);

	if (tty->t_holds == 0) {
		py->py_was_open = true;
		master_wake_reader(py, MX_POLLHUP | MX_POLLIN | MX_POLLRDNORM);
	}
	pair_free_if_unused(py);
}

static const struct tty_line_ops pty_line = {
	.li_room = line_room, .li_put = line_put, .li_send = line_send, .li_want_room = line_want_room,
	.li_pending = line_pending, .li_discard = line_discard, .li_resume = line_resume, .li_packet = line_packet,
	.li_open = line_open, .li_close = line_close,
};

/* ---- The master: reading ---- */

static struct pty_master *
master_of(struct mx_io *io)
{
	return (struct pty_master *)io;
}

static bool
master_has_input(const struct pty *py)
{
	return out_used(py) > 0 || (py->py_is_packet && py->py_status != 0);
}

/* Errors: MX_EIO the terminal was closed, MX_EAGAIN, MX_EINTR */
static kern_return_t
master_wait(struct pty_master *pm, const struct mx_io_call *call)
{
	struct pty *py = pm->pm_pty;
	kern_return_t kr;

	while (!master_has_input(py)) {
		if (py->py_was_open)
			return MX_EIO;
		if (call->ic_flags & MX_IO_NONBLOCK)
			return MX_EAGAIN;
		kr = tty_wait(&py->py_tty, &pm->pm_readable, call, 0);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	return KERN_SUCCESS;
}

static size_t
out_take(struct pty *py, char *data, size_t n)
{
	if (n > out_used(py))
		n = out_used(py);
	for (size_t i = 0; i < n; i++)
		data[i] = (char)py->py_out[py->py_out_tail++ % PTY_OUTPUT];
	return n;
}

static kern_return_t
master_read(struct mx_io *io, const struct mx_io_call *call, int64_t offset, char *data, size_t *count)
{
	struct pty_master *pm = master_of(io);
	struct pty *py = pm->pm_pty;
	size_t got = 0;
	kern_return_t kr;

	(void)offset;
	kr = master_wait(pm, call);
	if (kr != KERN_SUCCESS)
		return kr;
	if (py->py_is_packet) {
		data[got++] = (char)py->py_status;	/* 0 is "data" */
		if (py->py_status != 0) {
			py->py_status = 0;
			*count = got;
			return KERN_SUCCESS;
		}
	}
	*count = got + out_take(py, data + got, *count - got);
	tty_line_has_room(&py->py_tty);
	return KERN_SUCCESS;
}

/* ---- The master: writing ---- */

static kern_return_t
master_write(struct mx_io *io, const struct mx_io_call *call, int64_t *offset, const char *data, size_t *count)
{
	struct pty_master *pm = master_of(io);
	struct pty *py = pm->pm_pty;
	kern_return_t kr = KERN_SUCCESS;
	size_t done = 0;

	(void)offset;
	while (done < *count) {
		while (done < *count && in_used(py) < PTY_INPUT)
			py->py_in[py->py_in_head++ % PTY_INPUT] = (uint8_t)data[done++];
		line_resume(&py->py_tty);
		if (done == *count || in_used(py) < PTY_INPUT)
			continue;
		if (call->ic_flags & MX_IO_NONBLOCK) {
			kr = MX_EAGAIN;
			break;
		}
		kr = tty_wait(&py->py_tty, &pm->pm_writable, call, 0);
		if (kr != KERN_SUCCESS)
			break;
	}
	*count = done;
	return done > 0 ? KERN_SUCCESS : kr;
}

/* ---- The master: the rest ---- */

static uint32_t
master_poll(struct mx_io *io, uint32_t events, struct mx_poll **queue)
{
	struct pty_master *pm = master_of(io);
	struct pty *py = pm->pm_pty;
	uint32_t now = 0;

	(void)events;
	*queue = &pm->pm_poll;
	if (master_has_input(py))
		now |= MX_POLLIN | MX_POLLRDNORM;
	if (py->py_is_packet && py->py_status != 0)
		now |= MX_POLLPRI;
	if (py->py_was_open)
		now |= MX_POLLHUP;
	if (in_used(py) < PTY_INPUT)
		now |= MX_POLLOUT | MX_POLLWRNORM;
	return now;
}

static kern_return_t
master_stat(struct mx_io *io, struct mx_attr *attr)
{
	(void)io;
	return tty_stat_fill(attr, TTY_MAJOR_MISC, TTY_MINOR_PTMX, MX_S_IFCHR | 0666);
}

static void
packet_set(struct pty *py, bool on)
{
	if (on && !py->py_is_packet)
		py->py_status = 0;
	py->py_is_packet = on;
}

static kern_return_t
signal_send(struct pty *py, int signo)
{
	if (signo != MX_SIGINT && signo != MX_SIGQUIT && signo != MX_SIGTSTP)
		return MX_EINVAL;
	tty_session_signal(&py->py_tty, signo);
	return KERN_SUCCESS;
}

/* What only masters know that takes an int. Errors: MX_ENOTTY */
static kern_return_t
master_set_int(struct pty *py, uint32_t cmd, uint32_t arg, const char *in, size_t in_count)
{
	int32_t value;

	if (cmd == T_TIOCSIG)
		return signal_send(py, (int)arg);
	if (cmd != T_TIOCSPTLCK && cmd != T_TIOCPKT)
		return MX_ENOTTY;
	if (in_count < sizeof value)
		return MX_EFAULT;
	memcpy(&value, in, sizeof value);
	if (cmd == T_TIOCSPTLCK)
		py->py_is_locked = value != 0;
	else
		packet_set(py, value != 0);
	return KERN_SUCCESS;
}

/* Throw away what the master wrote (TCOFLUSH), or what it has not read. */
static kern_return_t
master_flush(struct pty *py, uint32_t which)
{
	if (which > T_TCIOFLUSH)
		return MX_EINVAL;
	if (which != T_TCIFLUSH)
		py->py_in_tail = py->py_in_head;
	if (which != T_TCOFLUSH) {
		py->py_out_tail = py->py_out_head;
		tty_line_has_room(&py->py_tty);
	}
	line_resume(&py->py_tty);
	return KERN_SUCCESS;
}

static kern_return_t
master_ioctl(struct mx_io *io, const struct mx_io_call *call, uint32_t cmd, uint32_t arg, const char *in, size_t in_count,
	char *out, size_t *out_count, int32_t *result)
{
	struct pty *py = master_of(io)->pm_pty;
	kern_return_t kr;

	(void)result;
	switch (cmd) {
	case T_TIOCGPTN:
		return tty_count_ioctl(py->py_number, out, out_count);
	case T_TIOCGPTLCK:
		return tty_count_ioctl(py->py_is_locked, out, out_count);
	case T_TIOCGPKT:
		return tty_count_ioctl(py->py_is_packet, out, out_count);
	case T_FIONREAD:
		return tty_count_ioctl(out_used(py), out, out_count);
	case T_TIOCOUTQ:
		return tty_count_ioctl(0, out, out_count);
	case T_TCFLSH:
		*out_count = 0;
		return master_flush(py, arg);
	}
	kr = master_set_int(py, cmd, arg, in, in_count);
	if (kr == MX_ENOTTY)
		return tty_common_ioctl(&py->py_tty, NULL, call, cmd, arg, in, in_count, out, out_count);
	*out_count = 0;
	return kr;
}

static const struct mx_io_ops master_ops = {
	.read = master_read, .write = master_write, .stat = master_stat, .poll = master_poll, .ioctl = master_ioctl,
};

/* ---- Opening and closing ---- */

static void
master_no_senders(struct mx_object *obj)
{
	mx_object_release(obj);
}

/* The master is gone: the line is down for the terminal. */
static void
master_free(struct mx_object *obj)
{
	struct pty_master *pm = (struct pty_master *)obj;
	struct pty *py = pm->pm_pty;

	mx_poll_destroy(&pm->pm_poll);
	py->py_master = NULL;
	py->py_is_packet = false;
	py->py_tty.t_other_closed = true;
	tty_hangup(&py->py_tty);
	pair_free_if_unused(py);
}

static struct mx_class master_class = {
	.mc_name = "pty master", .mc_size = sizeof(struct pty_master), .mc_demux = mx_io_demux,
	.mc_no_senders = master_no_senders, .mc_free = master_free,
};

struct tty *
pty_of_master(mach_port_t port)
{
	struct pty_master *pm = mx_object_from_port(port, &master_class);

	return pm == NULL ? NULL : &pm->pm_pty->py_tty;
}

static struct pty *
pair_make(uint32_t uid)
{
	uint32_t n;
	struct pty *py;

	for (n = 0; n < PTY_MAX && pairs[n] != NULL; n++)
		;
	if (n == PTY_MAX || (py = calloc(1, sizeof *py)) == NULL)
		return NULL;
	tty_init(&py->py_tty, "pts", &pty_line, py, TTY_MAJOR_PTS, n);
	memset(&py->py_tty.t_size, 0, sizeof py->py_tty.t_size);
	py->py_number = n;
	py->py_uid = uid;
	py->py_gid = TTY_GROUP;
	py->py_mode = 0620;
	py->py_time = (int64_t)(mx_real_ns() / 1000000000u);
	py->py_is_locked = true;
	return py;
}

kern_return_t
pty_open_master(uint32_t flags, uint32_t uid, mach_port_t *io, mach_msg_type_name_t *type, uint32_t *kind)
{
	struct pty_master *pm;
	struct pty *py = pair_make(uid);

	if (py == NULL)
		return MX_ENOSPC;
	pm = mx_object_create(&master_class);
	if (pm == NULL) {
		free(py);
		return MX_ENOMEM;
	}
	pm->pm_io.io_ops = &master_ops;
	pm->pm_pty = py;
	pm->pm_flags = flags;
	py->py_master = pm;
	pairs[py->py_number] = py;
	*kind = MX_KIND_TTY;
	*io = mx_object_make_send(&pm->pm_io.io_object, type);
	return KERN_SUCCESS;
}
