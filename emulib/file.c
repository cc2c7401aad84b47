/*
 * file.c - reading and writing by kind of file.
 *
 * Regular files are read and, within their size, written through windows; otherwise by message at an explicit position: the server
 * makes such a write atomic, extends the file and keeps its times. Streams (terminals, devices, pseudo-files) are always asked. Null
 * devices are answered here.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "poll.h"
#include "io.h"

#define FILE_OOL_MIN	(32u << 10)		/* smaller writes go inline */
#define FILE_ATTR_NS	1000000u		/* how long attributes from the open are believed */
#define DIRECT_ALIGN	512u			/* of O_DIRECT: sectors */
#define FILE_STATS	8			/* fstats by message before the inode page is mapped */

static uint32_t file_changes;			/* counts what this process changed */

void
em_file_changed(void)
{
	file_changes++;
}

uint32_t
em_file_changes(void)
{
	return file_changes;
}

/* ---- Regular files ---- */

uint32_t
em_file_io_flags(const struct em_file *f)
{
	uint32_t flags = em_file_flags(f);

	return (flags & MX_O_NONBLOCK ? MX_IO_NONBLOCK : 0) | (flags & MX_O_APPEND ? MX_IO_APPEND : 0) |
	    (flags & MX_O_DSYNC ? MX_IO_SYNC : 0) | (flags & MX_O_DIRECT ? MX_IO_DIRECT : 0);
}

/* With O_DIRECT memory, length and place are whole sectors, though nothing here needs it: what works here is to work elsewhere. */
static int32_t
file_direct_check(struct em_file *f, const struct em_uio *u, int64_t pos)
{
	const struct em_segment *seg = u->u_seg;
	uint32_t left = u->u_left, bits = (uint32_t)pos, n;

	if (!(em_file_flags(f) & MX_O_DIRECT) || u->u_is_own)
		return 0;
	for (; left > 0; left -= n, seg++) {
		n = em_min(seg->s_len, left);
		bits |= seg->s_base | seg->s_len;
	}
	return bits % DIRECT_ALIGN != 0 ? EM_E(EINVAL) : 0;
}

/* Bytes, 0 at the end, -errno. */
static int32_t
file_read_message(struct em_file *f, struct em_uio *u, int64_t pos)
{
	char data[MX_DATA_MAX];
	mach_msg_type_number_t n = sizeof data;
	int32_t err;

	err = EM_IO(io_read(f->f_port, 0, 0, 0, pos, em_min(u->u_left, MX_DATA_MAX), data, &n));
	if (err < 0)
		return err;
	if (n > u->u_left)
		return EM_E(EIO);
	f->f_nreads++;
	err = em_uio_out(u, data, n);
	return err < 0 ? err : (int32_t)n;
}

static int32_t
file_read(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	uint32_t before, asked;
	int32_t n = file_direct_check(f, u, *pos);

	while (u->u_left > 0 && n >= 0) {
		before = u->u_done;
		asked = u->u_left;
		n = EM_E(ENODEV);
		if (em_window_is_wanted(f, (uint64_t)*pos, u->u_left))
			n = em_window_read(f, u, (uint64_t)*pos);
		if (n == EM_E(ENODEV))
			n = file_read_message(f, u, *pos);
		*pos += u->u_done - before;
		if (n <= 0 || (n < (int32_t)em_min(asked, MX_DATA_MAX) && f->f_window.w_inode == NULL))
			break;		/* the end, or an error; a short message says the end, too */
	}
	return em_uio_result(u, n < 0 ? n : 0);
}

/* How much of N bytes may be written at POS under RLIMIT_FSIZE? -EFBIG (and SIGXFSZ): nothing. */
static int32_t
file_limit(struct em_file *f, int64_t pos, uint32_t *n)
{
	uint64_t limit = em_proc()->p_rlimit_fsize;
	struct mx_attr attr;

	if (limit >= INT64_MAX)
		return 0;
	if (em_file_flags(f) & MX_O_APPEND) {
		int32_t err = em_file_stat(f, &attr);

		if (err < 0)
			return err;
		pos = (int64_t)attr.at_size;
	}
	if ((uint64_t)pos >= limit) {
		(void)em_signal_self(MX_SIGXFSZ, MX_SI_USER, 0);
		return EM_E(EFBIG);
	}
	if (*n > limit - (uint64_t)pos)
		*n = (uint32_t)(limit - (uint64_t)pos);
	return 0;
}

/* Write the next bytes at *POS with one message; *POS becomes where the write ended. */
static int32_t
file_write_message(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	uint32_t addr = 0, k = em_uio_next(u, &addr), written = 0;
	char data[MX_DATA_MAX];
	int64_t at = em_file_flags(f) & MX_O_APPEND ? -1 : *pos;
	bool is_ool = k >= FILE_OOL_MIN || (k > MX_DATA_MAX && at < 0);
	struct em_uio ahead = *u;
	int32_t err;

	if (is_ool) {
		k = em_min(k, MX_OOL_MAX);
		em_uio_skip(&ahead, k);
		err = EM_IO(io_write_ool(f->f_port, 0, 0, em_file_io_flags(f), &at, addr, k, &written));
	} else {
		k = em_min(u->u_left, MX_DATA_MAX);
		if (em_uio_in(&ahead, data, k) < 0) {
			k = ahead.u_done - u->u_done;
			if (k == 0)
				return EM_E(EFAULT);
		}
		err = EM_IO(io_write(f->f_port, 0, 0, em_file_io_flags(f), &at, data, k, &written));
	}
	if (err < 0)
		return err;
	if (written > k)
		return EM_E(EIO);
	if (written == k)
		*u = ahead;
	else
		u->u_left = 0, u->u_done += written;	/* a short write ends the call */
	*pos = at + written;
	if ((uint64_t)*pos <= f->f_attr.at_size)
		f->f_nwrites++;
	else
		f->f_attr.at_size = (uint64_t)*pos, f->f_window.w_grows++;
	return (int32_t)written;
}

/* Write the next bytes at *POS, through memory if that is possible. */
static int32_t
file_write_some(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	int32_t n = em_window_write(f, u, (uint64_t)*pos);

	if (n == EM_E(ENODEV)) {
		n = em_lease_write(f, u, pos);
		if (n != EM_E(ENODEV))
			return n;
		return file_write_message(f, u, pos);
	}
	if (n > 0)
		*pos += n;
	return n;
}

static int32_t
file_write(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	uint32_t n = u->u_left;
	int32_t err = file_direct_check(f, u, em_file_flags(f) & MX_O_APPEND ? 0 : *pos);

	if (err == 0)
		err = file_limit(f, *pos, &n);
	if (err < 0)
		return err;
	u->u_left = n;
	em_file_changed();
	while (u->u_left > 0 && err >= 0)
		err = file_write_some(f, u, pos);
	return em_uio_result(u, err < 0 ? err : 0);
}

const struct em_class em_class_file = {
	.c_name = "file", .c_flags = EM_CLASS_SEEK | EM_CLASS_SERVER, .c_read = file_read, .c_write = file_write,
};

/* ---- Streams and terminals ---- */

static int32_t
stream_pgrp(const struct em_file *f)
{
	return f->f_kind == MX_KIND_TTY ? em_sys_proc()->sp_pgrp : 0;
}

/* One message. Bytes, 0 at the end, -errno, EM_RESTARTSYS. */
static int32_t
stream_read_some(struct em_file *f, struct em_uio *u, int64_t pos)
{
	char data[MX_DATA_MAX];
	mach_msg_type_number_t n = sizeof data;
	kern_return_t kr;
	int32_t err;

	kr = EM_INTERRUPTIBLE(f->f_port, tag, io_read(f->f_port, tag, stream_pgrp(f), em_file_io_flags(f) & MX_IO_NONBLOCK, pos,
	    em_min(u->u_left, MX_DATA_MAX), data, &n));
	if (kr == MX_EBACKGROUND)
		return em_tty_background(false);
	err = em_errno(kr);
	if (err < 0)
		return err == EM_E(EINTR) ? EM_RESTARTSYS : err;
	if (n > u->u_left)
		return EM_E(EIO);
	err = em_uio_out(u, data, n);
	return err < 0 ? err : (int32_t)n;
}

static int32_t
stream_read(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	int32_t n = 0;

	if (pos == NULL)
		return stream_read_some(f, u, -1);
	while (u->u_left > 0) {
		bool is_big = em_disk_is_wanted(f, u->u_left);
		mach_port_t port = f->f_port;

		n = is_big ? em_disk_read(f, u, *pos) : stream_read_some(f, u, *pos);
		if (n == EM_E(EIO) && em_disk_again(f, port))
			continue;
		if (n <= 0)
			break;
		*pos += n;
		if (n < MX_DATA_MAX)
			break;
	}
	return em_uio_result(u, n < 0 ? n : 0);
}

#define STREAM_BACKGROUND	(-1000)

static int32_t
stream_write_some(struct em_file *f, struct em_uio *u, int64_t *pos, int32_t pgrp)
{
	uint32_t k = em_min(u->u_left, MX_DATA_MAX), written = 0;
	struct em_uio ahead = *u;
	char data[MX_DATA_MAX];
	int64_t at = pos != NULL ? *pos : -1;
	kern_return_t kr;
	int32_t err;

	if (em_uio_in(&ahead, data, k) < 0) {
		k = ahead.u_done - u->u_done;
		if (k == 0)
			return EM_E(EFAULT);
	}
	kr = EM_INTERRUPTIBLE(f->f_port, tag, io_write(f->f_port, tag, pgrp, em_file_io_flags(f), &at, data, k, &written));
	if (kr == MX_EBACKGROUND)
		return STREAM_BACKGROUND;
	err = em_errno(kr);
	if (err < 0)
		return err == EM_E(EINTR) ? EM_RESTARTSYS : err;
	if (written > k)
		return EM_E(EIO);
	if (pos != NULL)
		*pos = at + written;
	em_uio_advance(u, written);
	return 0;
}

/* All of it, unless the description does not block, a signal comes, or the other side breaks. */
static int32_t
stream_write(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	int32_t pgrp = stream_pgrp(f), err = 0;
	uint32_t before;

	while (u->u_left > 0) {
		mach_port_t port = f->f_port;

		before = u->u_done;
		if (pos != NULL && em_disk_is_wanted(f, u->u_left))
			err = em_disk_write(f, u, pos);
		else
			err = stream_write_some(f, u, pos, pgrp);
		if (err == EM_E(EIO) && em_disk_again(f, port)) {
			err = 0;
			continue;
		}
		if (err == STREAM_BACKGROUND) {
			pgrp = 0;
			err = em_tty_background(true);
			if (err == 0)
				continue;
		}
		if (err < 0 || u->u_done == before)
			break;
		if (em_file_flags(f) & MX_O_NONBLOCK && u->u_done - before < MX_DATA_MAX)
			break;
	}
	if (err == EM_E(EPIPE))
		(void)em_signal_self(MX_SIGPIPE, MX_SI_USER, 0);
	return em_uio_result(u, err < 0 ? err : 0);
}

static uint32_t
stream_poll(struct em_file *f, uint32_t events, struct em_poll *p)
{
	if (f->f_is_seekable)			/* a pseudo-file or a disk */
		return EM_POLL_READ | EM_POLL_WRITE;
	return em_poll_server(f, f->f_port, events, p, false);
}

const struct em_class em_class_stream = {
	.c_name = "stream", .c_flags = EM_CLASS_SERVER, .c_read = stream_read, .c_write = stream_write, .c_poll = stream_poll,
};

const struct em_class em_class_tty = {
	.c_name = "tty", .c_flags = EM_CLASS_SERVER, .c_read = stream_read, .c_write = stream_write, .c_poll = stream_poll,
};

/* ---- Directories, O_PATH ---- */

static int32_t
dir_read(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	(void)f, (void)u, (void)pos;
	return EM_E(EISDIR);
}

const struct em_class em_class_dir = {
	.c_name = "directory", .c_flags = EM_CLASS_SEEK | EM_CLASS_SERVER, .c_read = dir_read,
};

const struct em_class em_class_path = { .c_name = "path", .c_flags = EM_CLASS_SERVER };

/* ---- Devices that the library is ---- */

static int32_t
null_read(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	(void)f, (void)u, (void)pos;
	return 0;
}

static int32_t
null_write(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	(void)f, (void)pos;
	return (int32_t)u->u_left;
}

static int32_t
zero_read(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	int32_t err = em_uio_zero(u, u->u_left);

	(void)f, (void)pos;
	return em_uio_result(u, err);
}

static int32_t
full_write(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	(void)f, (void)pos;
	return u->u_left == 0 ? 0 : EM_E(ENOSPC);
}

static int32_t
random_read(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	unsigned char data[512];
	int32_t err = 0;

	(void)f, (void)pos;
	while (u->u_left > 0 && err == 0 && !(u->u_done > 0 && em_signal_waiting())) {
		uint32_t n = em_min(u->u_left, sizeof data);

		em_random(data, n);
		err = em_uio_out(u, data, n);
	}
	return em_uio_result(u, err);
}

const struct em_class em_class_null = { .c_name = "null", .c_flags = EM_CLASS_SEEK, .c_read = null_read, .c_write = null_write };
const struct em_class em_class_zero = { .c_name = "zero", .c_flags = EM_CLASS_SEEK, .c_read = zero_read, .c_write = null_write };
const struct em_class em_class_full = { .c_name = "full", .c_flags = EM_CLASS_SEEK, .c_read = zero_read, .c_write = full_write };
const struct em_class em_class_random = { .c_name = "random", .c_flags = EM_CLASS_SEEK, .c_read = random_read,
	.c_write = null_write };

const struct em_class *
em_class_of(uint32_t kind)
{
	switch (kind) {
	case MX_KIND_FILE:	return &em_class_file;
	case MX_KIND_DIR:	return &em_class_dir;
	case MX_KIND_STREAM:	return &em_class_stream;
	case MX_KIND_TTY:	return &em_class_tty;
	case MX_KIND_NULL:	return &em_class_null;
	case MX_KIND_ZERO:	return &em_class_zero;
	case MX_KIND_FULL:	return &em_class_full;
	case MX_KIND_RANDOM:	return &em_class_random;
	case MX_KIND_PATH:	return &em_class_path;
	default:		return NULL;
	}
}

/* ---- Any file ---- */

typedef int32_t file_mover(struct em_file *f, struct em_uio *u, int64_t *pos);

/* MOVE with the description's own position, which no other call may see between two of our bytes. */
static int32_t
file_at_position(struct em_file *f, struct em_uio *u, file_mover *move)
{
	int64_t pos;
	int32_t n;

	em_desc_lock(f->f_desc);
	pos = (int64_t)f->f_desc->d_offset;
	n = move(f, u, &pos);
	f->f_desc->d_offset = (uint64_t)pos;
	em_desc_unlock(f->f_desc);
	return n;
}

static int32_t
file_move(struct em_file *f, struct em_uio *u, int64_t *pos, file_mover *move)
{
	if (move == NULL)
		return EM_E(EINVAL);
	if (pos == NULL && f->f_is_seekable)
		return file_at_position(f, u, move);
	return move(f, u, pos);
}

/* ASKED bytes gave N: was that all there is, or all there is room for? */
static int32_t
file_moved(struct em_file *f, uint32_t asked, int32_t n)
{
	if (n < 0 || (uint32_t)n < asked || f->f_kind >= EM_KIND_EVENTFD)
		f->f_drained++;
	return n;
}

int32_t
em_file_read(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	if (!em_file_is_readable(f))
		return EM_E(EBADF);
	if (u->u_left == 0 && f->f_kind != MX_KIND_DIR)
		return 0;
	return file_moved(f, u->u_left, file_move(f, u, pos, f->f_class->c_read));
}

int32_t
em_file_write(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	if (!em_file_is_writable(f))
		return EM_E(EBADF);
	if (u->u_left == 0)
		return 0;
	return file_moved(f, u->u_left, file_move(f, u, pos, f->f_class->c_write));
}

int32_t
em_file_stat(struct em_file *f, struct mx_attr *attr)
{
	int32_t err;

	if (!(f->f_class->c_flags & EM_CLASS_SERVER)) {
		*attr = f->f_attr;
		return 0;
	}
	if (f->f_attr_ns != 0 && f->f_attr_changes == file_changes && em_now_ns() - f->f_attr_ns < FILE_ATTR_NS) {
		f->f_attr_ns = 0;		/* once: the fstat that follows the open */
		*attr = f->f_attr;
		return 0;
	}
	if (f->f_kind == MX_KIND_FILE && f->f_nstats++ == FILE_STATS)
		em_window_inode(f);
	if (em_window_attr(f, attr))
		return 0;
	err = em_pipe_ready(f);
	if (err < 0)
		return err;
	err = EM_IO(io_stat(f->f_port, attr));
	if (err == 0 && attr->at_ino == 0 && f->f_attr.at_ino != 0)
		*attr = f->f_attr;		/* a driver knows its device, not the name that it was opened by */
	return err;
}

void
em_file_stat_fresh(struct em_file *f)
{
	f->f_attr_ns = em_now_ns();
	f->f_attr_changes = file_changes;
}
