/*
 * pty.c - pseudo-terminals as a client sees them: pairs, blocking, cancelling, polling, job control.
 *
 * This test is proc here too: it holds tty.control, and its own object is the session that hears of signals.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "test.h"

#include <string.h>

#include "io.h"
#include "io_notify_S.h"
#include "mx.h"
#include "pfs.h"
#include "proc_session_S.h"
#include "tty.h"

#define TIOCGPTN	0x80045430
#define TIOCSPTLCK	0x40045431
#define TIOCPKT		0x5420
#define TIOCSWINSZ	0x5414
#define TIOCGWINSZ	0x5413
#define TCGETS		0x5401
#define TCSETS		0x5402
#define FIONREAD	0x541b
#define TIOCSTI		0x5412
#define ICANON		2u
#define TOSTOP		0400u
#define VMIN		6
#define VTIME		5
#define SESSION		4711
#define FRONT		4711

extern mx_demux_t io_notify_server, proc_session_server;

static mach_port_t master, slave;
static uint32_t number;

/* ---- Calls with fewer words ---- */

static kern_return_t
ioctl_int(mach_port_t io, uint32_t cmd, int32_t *value)
{
	char out[MX_BLOB_MAX];
	mach_msg_type_number_t n = sizeof out;
	int32_t result;
	kern_return_t kr = io_ioctl(io, 0, 0, cmd, 0, (const char *)value, 4, out, &n, &result);

	if (kr == KERN_SUCCESS && n == 4)
		memcpy(value, out, 4);
	return kr;
}

static kern_return_t
write_to(mach_port_t io, const char *text, uint32_t flags, uint32_t *written)
{
	int64_t offset = -1;

	*written = 0;
	return io_write(io, 9, 0, flags, &offset, text, (uint32_t)strlen(text), written);
}

static bool
wrote(mach_port_t io, const char *text)
{
	uint32_t written;

	return write_to(io, text, 0, &written) == KERN_SUCCESS && written == strlen(text);
}

static kern_return_t
read_flags(mach_port_t io, uint32_t flags, int32_t pgrp, char *data, mach_msg_type_number_t *n)
{
	*n = MX_DATA_MAX;
	return io_read(io, 7, pgrp, flags, -1, MX_DATA_MAX, data, n);
}

static bool
reads(mach_port_t io, const char *text)
{
	static char data[MX_DATA_MAX];
	mach_msg_type_number_t n;
	kern_return_t kr = read_flags(io, MX_IO_NONBLOCK, 0, data, &n);

	if (kr == KERN_SUCCESS && n == strlen(text) && memcmp(data, text, n) == 0)
		return true;
	say("# read 0x%x '%.*s'\n", kr, kr == KERN_SUCCESS ? (int)n : 0, data);
	return false;
}

static kern_return_t
pair_open(void)
{
	int32_t unlock = 0, n = -1;
	kern_return_t kr = dev_get("dev.5", 2, &master);

	if (kr == KERN_SUCCESS)
		kr = ioctl_int(master, TIOCGPTN, &n);
	if (kr == KERN_SUCCESS)
		kr = ioctl_int(master, TIOCSPTLCK, &unlock);
	number = (uint32_t)n;
	return kr == KERN_SUCCESS ? dev_get("dev.136", number, &slave) : kr;
}

static void
pair_close(void)
{
	mx_port_release(slave);
	mx_port_release(master);
	mx_sleep_ns(20000000);		/* the server hears of it a little later */
}

/* The settings of IO with MASK of the local flags changed, and VMIN and VTIME. */
static kern_return_t
settings(mach_port_t io, uint32_t lflag_mask, uint32_t lflag, int min, int time)
{
	static char t[MX_BLOB_MAX], none[MX_BLOB_MAX];
	mach_msg_type_number_t n = sizeof t, m = sizeof none;
	uint32_t l;
	int32_t result;
	kern_return_t kr = io_ioctl(io, 0, 0, TCGETS, 0, none, 0, t, &n, &result);

	if (kr != KERN_SUCCESS || n != 36)
		return kr;
	memcpy(&l, t + 12, 4);
	l = (l & ~lflag_mask) | lflag;
	memcpy(t + 12, &l, 4);
	t[17 + VMIN] = (char)min;
	t[17 + VTIME] = (char)time;
	return io_ioctl(io, 0, 0, TCSETS, 0, t, n, none, &m, &result);
}

/* ---- Pairs ---- */

static void
test_pair(void)
{
	mach_port_t locked = MACH_PORT_NULL;
	int32_t unlock = 0, n = -1;

	ok(dev_get("dev.5", 2, &master) == KERN_SUCCESS && ioctl_int(master, TIOCGPTN, &n) == KERN_SUCCESS && n >= 0,
		"ptmx makes a pair");
	ok(dev_get("dev.136", (uint32_t)n, &locked) == MX_EIO, "its terminal is locked at first");
	ok(ioctl_int(master, TIOCSPTLCK, &unlock) == KERN_SUCCESS && dev_get("dev.136", (uint32_t)n, &slave) == KERN_SUCCESS,
		"and then not");
	ok(dev_get("dev.136", 200, &locked) == MX_EIO, "there is no other");
	ok(wrote(master, "abc\n") && reads(slave, "abc\n") && reads(master, "abc\r\n"), "what the master writes is input, and echoed");
	ok(wrote(slave, "out\n") && reads(master, "out\r\n"), "output goes to the master");
	n = -1;
	ok(wrote(master, "12\n34\n") && ioctl_int(slave, FIONREAD, &n) == KERN_SUCCESS && n == 6, "FIONREAD counts");
	ok(reads(slave, "12\n") && reads(slave, "34\n") && reads(master, "12\r\n34\r\n"), "lines come one by one");
	pair_close();
}

static void
test_close(void)
{
	static char data[MX_DATA_MAX];
	mach_msg_type_number_t n;
	uint32_t written;

	ok(pair_open() == KERN_SUCCESS && wrote(slave, "last\n"), "a pair");
	mx_port_release(slave);
	mx_sleep_ns(20000000);
	ok(reads(master, "last\r\n") && read_flags(master, MX_IO_NONBLOCK, 0, data, &n) == MX_EIO,
		"the master reads what was left, then that the terminal is closed");
	ok(dev_get("dev.136", number, &slave) == KERN_SUCCESS && read_flags(master, MX_IO_NONBLOCK, 0, data, &n) == MX_EAGAIN,
		"it may be opened again");
	mx_port_release(master);
	mx_sleep_ns(20000000);
	ok(read_flags(slave, 0, 0, data, &n) == KERN_SUCCESS && n == 0, "without master the terminal reads the end");
	ok(write_to(slave, "x", 0, &written) == MX_EIO, "and writes in vain");
	mx_port_release(slave);
	mx_sleep_ns(20000000);
}

static void
test_full(void)
{
	static char many[MX_DATA_MAX];
	uint32_t written, total = 0;
	int64_t offset;
	kern_return_t kr = KERN_SUCCESS;

	memset(many, 'm', sizeof many);
	ok(pair_open() == KERN_SUCCESS && settings(slave, ICANON, 0, 1, 0) == KERN_SUCCESS, "a pair, not canonical");
	for (int i = 0; i < 10 && kr == KERN_SUCCESS; i++) {
		offset = -1;
		kr = io_write(slave, 1, 0, MX_IO_NONBLOCK, &offset, many, sizeof many, &written);
		total += kr == KERN_SUCCESS ? written : 0;
	}
	ok(kr == MX_EAGAIN && total >= 4096 && total < 65536, "output is bounded while the master does not read");
	total = 0;
	kr = KERN_SUCCESS;
	for (int i = 0; i < 10 && kr == KERN_SUCCESS; i++) {
		offset = -1;
		kr = io_write(master, 1, 0, MX_IO_NONBLOCK, &offset, many, sizeof many, &written);
		total += kr == KERN_SUCCESS ? written : 0;
	}
	ok(kr == MX_EAGAIN && total >= 4096 && total < 65536, "and so is input while nobody reads");
	pair_close();
}

static void
test_many(void)
{
	static mach_port_t many[300];
	unsigned int n = 0;
	kern_return_t kr;

	while (n < 300 && (kr = dev_get("dev.5", 2, &many[n])) == KERN_SUCCESS)
		n++;
	ok(n >= 250 && n <= 256 && kr == MX_ENOSPC, "there is a limit to pairs");
	while (n > 0)
		mx_port_release(many[--n]);
	mx_sleep_ns(50000000);
	ok(pair_open() == KERN_SUCCESS && number == 0, "and closing them gives the numbers back");
	pair_close();
}

/* ---- Waiting ---- */

static struct {
	bool	done;
	kern_return_t kr;
	char	data[64];
	mach_msg_type_number_t n;
	mach_port_t io;
	int32_t	pgrp;
} waiting;

static void
wait_run(void *arg)
{
	(void)arg;
	waiting.n = sizeof waiting.data;
	waiting.kr = io_read(waiting.io, 77, waiting.pgrp, 0, -1, sizeof waiting.data, waiting.data, &waiting.n);
	waiting.done = true;
}

static void
wait_begin(mach_port_t io)
{
	waiting.done = false;
	waiting.io = io;
	(void)mx_fibril_start(wait_run, NULL, "reader");
	mx_sleep_ns(20000000);
}

static void
test_waiting(void)
{
	static char data[MX_DATA_MAX];
	mach_msg_type_number_t n;
	uint64_t begin;

	ok(pair_open() == KERN_SUCCESS, "a pair");
	ok(read_flags(slave, MX_IO_NONBLOCK, 0, data, &n) == MX_EAGAIN, "nothing to read, not waiting");
	wait_begin(slave);
	ok(!waiting.done && wrote(master, "go\n"), "a read waits");
	mx_sleep_ns(20000000);
	ok(waiting.done && waiting.kr == KERN_SUCCESS && waiting.n == 3, "until there is a line");
	wait_begin(slave);
	ok(!waiting.done && mx_cancel(slave, 77) == KERN_SUCCESS, "a read can be cancelled");
	mx_sleep_ns(20000000);
	ok(waiting.done && waiting.kr == MX_EINTR, "and ends");
	(void)settings(slave, ICANON, 0, 0, 2);
	begin = mx_now_ns();
	ok(read_flags(slave, 0, 0, data, &n) == KERN_SUCCESS && n == 0 && mx_now_ns() - begin > 150000000u, "VTIME without VMIN ends by itself");
	(void)settings(slave, ICANON, 0, 3, 0);
	wait_begin(slave);
	(void)wrote(master, "ab");
	mx_sleep_ns(20000000);
	ok(!waiting.done && wrote(master, "c"), "VMIN waits for so many");
	mx_sleep_ns(20000000);
	ok(waiting.done && waiting.n == 3, "and no longer");
	pair_close();
}

/* ---- Polling ---- */

static uint32_t poll_cookie, poll_events;

kern_return_t
S_io_poll_ready(mach_port_t notify, uint32_t cookie, uint32_t revents)
{
	(void)notify;
	poll_cookie = cookie;
	poll_events = revents;
	return KERN_SUCCESS;
}

static mx_demux_t *const poll_demuxes[] = { io_notify_server, NULL };
static struct mx_class poll_class = { .mc_name = "poller", .mc_size = sizeof(struct mx_object), .mc_demux = poll_demuxes };

static void
test_polling(void)
{
	struct mx_object *poller = mx_object_create(&poll_class);
	uint32_t now = 0;

	ok(pair_open() == KERN_SUCCESS, "a pair");
	ok(io_poll(slave, MX_POLLIN, 5, mx_object_port(poller), &now) == KERN_SUCCESS && now == 0, "nothing to poll");
	ok(io_poll(slave, MX_POLLOUT, 6, mx_object_port(poller), &now) == KERN_SUCCESS && now == MX_POLLOUT, "but room");
	(void)wrote(master, "x");
	mx_sleep_ns(20000000);
	ok(poll_cookie == 0, "half a line wakes nobody");
	(void)wrote(master, "\n");
	mx_sleep_ns(20000000);
	ok(poll_cookie == 5 && poll_events == MX_POLLIN, "a line does");
	(void)reads(slave, "x\n");
	(void)reads(master, "x\r\n");
	poll_cookie = 0;
	(void)io_poll(master, MX_POLLIN, 8, mx_object_port(poller), &now);
	mx_port_release(slave);
	mx_sleep_ns(20000000);
	ok(now == 0 && poll_cookie == 8 && (poll_events & MX_POLLHUP), "closing the terminal wakes the master");
	mx_port_release(master);
	mx_sleep_ns(20000000);
}

static void
test_packet(void)
{
	int32_t on = 1;

	ok(pair_open() == KERN_SUCCESS && ioctl_int(master, TIOCPKT, &on) == KERN_SUCCESS, "a pair in packet mode");
	(void)wrote(slave, "data");
	static char data[MX_DATA_MAX];
	mach_msg_type_number_t n;
	ok(read_flags(master, 0, 0, data, &n) == KERN_SUCCESS && n == 5 && data[0] == 0 && memcmp(data + 1, "data", 4) == 0, "data have a zero before them");
	(void)wrote(master, "\023");
	ok(read_flags(master, MX_IO_NONBLOCK, 0, data, &n) == KERN_SUCCESS && n == 1 && data[0] == 4, "stopping is told");
	(void)wrote(master, "\021");
	ok(read_flags(master, MX_IO_NONBLOCK, 0, data, &n) == KERN_SUCCESS && n == 1 && data[0] == 8, "and starting");
	pair_close();
}

/* ---- /dev/pts ---- */

static bool
has_name(mach_port_t dir, const char *name)
{
	static char data[MX_DATA_MAX];
	mach_msg_type_number_t n = sizeof data;
	uint64_t cookie = 0;

	while (pfs_readdir(dir, cookie, sizeof data, data, &n) == KERN_SUCCESS && n > 0) {
		for (uint32_t at = 0; at < n; ) {
			const struct mx_dirent *d = (const struct mx_dirent *)(data + at);

			if (d->de_namelen == strlen(name) && memcmp(d->de_name, name, d->de_namelen) == 0)
				return true;
			cookie = d->de_cookie;
			at += d->de_reclen;
		}
		n = sizeof data;
	}
	return false;
}

static void
test_names(void)
{
	mach_port_t service, root = MACH_PORT_NULL, node = MACH_PORT_NULL, same = MACH_PORT_NULL;
	struct mx_setattr set = { .sa_valid = MX_SET_MODE, .sa_mode = 0600 };
	boolean_t writers;
	mx_attr_t attr;
	uint32_t cache;

	ok(mx_lookup("pfs.devpts", &service) == KERN_SUCCESS &&
		pfs_mount(service, "", 0, 0, "", 0, &root, &attr, &cache) == KERN_SUCCESS && cache == MX_CACHE_NONE, "/dev/pts is a volume");
	ok(pfs_lookup(root, 1, "0", 1, &node, &attr) == MX_ENOENT && !has_name(root, "0") && has_name(root, "ptmx"), "empty at first");
	ok(pair_open() == KERN_SUCCESS && number == 0 && has_name(root, "0"), "a pair has a name");
	ok(pfs_lookup(root, 1, "0", 1, &node, &attr) == KERN_SUCCESS && attr.at_mode == (MX_S_IFCHR | 0620) && attr.at_rdev_major == 136 &&
		attr.at_rdev_minor == 0 && attr.at_gid == 5, "with a device behind it");
	ok(pfs_lookup(root, 1, "00", 2, &same, &attr) == MX_ENOENT && pfs_lookup(root, 1, "1", 1, &same, &attr) == MX_ENOENT &&
		pfs_lookup(root, 1, "99999999999", 11, &same, &attr) == MX_ENOENT, "and only that name");
	ok(pfs_setattr(node, set, &attr) == KERN_SUCCESS && pfs_lookup(root, 1, "0", 1, &same, &attr) == KERN_SUCCESS &&
		(attr.at_mode & 07777) == 0600 && same == node, "permissions can be changed");
	pair_close();
	ok(!has_name(root, "0") && pfs_getattr(node, &attr, &writers) == KERN_SUCCESS && attr.at_nlink == 0, "and it goes with the pair");
	mx_port_release(same);
	mx_port_release(node);
	mx_port_release(root);
}

void
test_pty(void)
{
	test_names();
	test_pair();
	test_close();
	test_full();
	test_many();
	test_waiting();
	test_polling();
	test_packet();
}

/* ---- Job control ---- */

static struct {
	int32_t	pgrp;
	uint32_t signo;
	bool	hung;
} heard;

kern_return_t
S_proc_session_signal(mx_object_ptr_t session, int32_t pgrp, uint32_t signo)
{
	(void)session;
	heard.pgrp = pgrp;
	heard.signo = signo;
	return KERN_SUCCESS;
}

kern_return_t
S_proc_session_hangup(mx_object_ptr_t session)
{
	(void)session;
	heard.hung = true;
	return KERN_SUCCESS;
}

static mx_demux_t *const session_demuxes[] = { proc_session_server, NULL };
static struct mx_class session_class = {
	.mc_name = "session", .mc_size = sizeof(struct mx_object), .mc_demux = session_demuxes,
};

void
test_session(void)
{
	struct mx_object *session = mx_object_create(&session_class), *other = mx_object_create(&session_class);
	static char data[MX_DATA_MAX];
	mach_msg_type_number_t n = 8;
	mach_port_t control, again = MACH_PORT_NULL;
	uint32_t major = 0, minor = 0, written;
	char size[8] = { 50, 0, 100, 0, 0, 0, 0, 0 };
	int32_t result, c = 'x';

	ok(mx_lookup("tty.control", &control) == KERN_SUCCESS && pair_open() == KERN_SUCCESS, "a pair, as proc");
	ok(tty_attach(control, slave, SESSION, FRONT, FALSE, mx_object_port(session), &major, &minor) == KERN_SUCCESS && major == 136 &&
		minor == number, "a session takes the terminal");
	ok(tty_attach(control, slave, 1, 1, FALSE, mx_object_port(other), &major, &minor) == MX_EPERM, "another cannot");
	ok(tty_attach(control, control, 1, 1, FALSE, mx_object_port(other), &major, &minor) == MX_ENOTTY, "nor what is no terminal");
	(void)wrote(master, "\003");
	mx_sleep_ns(20000000);
	ok(heard.pgrp == FRONT && heard.signo == MX_SIGINT, "^C signals the foreground group");
	ok(tty_set_pgrp(control, slave, SESSION, 99) == KERN_SUCCESS && wrote(master, "\032"), "another group in front");
	mx_sleep_ns(20000000);
	ok(heard.pgrp == 99 && heard.signo == MX_SIGTSTP, "gets ^Z");
	ok(tty_set_pgrp(control, slave, 1, 98) == MX_ENOTTY, "a foreign session sets nothing");
	ok(io_ioctl(master, 0, 0, TIOCSWINSZ, 0, size, 8, data, &n, &result) == KERN_SUCCESS, "the window changes its size");
	mx_sleep_ns(20000000);
	ok(heard.signo == MX_SIGWINCH, "and the group hears of it");
	ok(read_flags(slave, MX_IO_NONBLOCK, FRONT, data, &n) == MX_EBACKGROUND, "the background does not read");
	ok(read_flags(slave, MX_IO_NONBLOCK, 99, data, &n) == MX_EAGAIN, "the foreground does");
	ok(write_to(slave, "x", 0, &written) == KERN_SUCCESS, "anybody writes");
	(void)settings(slave, 0, TOSTOP, 1, 0);
	int64_t offset = -1;
	ok(io_write(slave, 1, FRONT, 0, &offset, "x", 1, &written) == MX_EBACKGROUND, "but not with TOSTOP");
	ok(tty_reopen(control, slave, MX_O_RDWR, &again) == KERN_SUCCESS, "/dev/tty opens it");
	ok(ioctl_int(slave, TIOCSTI, &c) == KERN_SUCCESS && ioctl_int(again, TIOCSTI, &c) == MX_EPERM, "only root fakes input");
	mx_port_release(again);
	mx_port_release(master);
	mx_sleep_ns(20000000);
	ok(heard.hung, "closing the master hangs up the session");
	mx_port_release(slave);
	mx_sleep_ns(20000000);
}
