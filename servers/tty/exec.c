/*
 * exec.c - the devices below /dev/exec: one command's standard streams over the virtio console.
 *
 * "masix exec" needs the command's output unmixed and binary-clean, its input with an end, and its status; a terminal can do
 * none of that. So the console carries records, and each device is one kind of record. A write becomes one record or more and
 * is sent before the writer goes on, in order with all other writes: the status, sent last, is behind all output.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "exec.h"
#include "exec_core.h"
#include "tty.h"
#include "vcon.h"

#include <string.h>

enum { MINOR_STDIN, MINOR_STDOUT, MINOR_STDERR, MINOR_CONTROL, MINORS };

#define LOG_LINE	240u
#define WAITERS_MAX	256u	/* each has a fibril */

static struct {
	struct vcon	*ex_vcon;	/* NULL: not mode=exec */
	struct exec_input ex_in;
	bool		ex_is_ready;	/* told the host so */
	bool		ex_was_broken;	/* told the log so */
	uint32_t	ex_command_at;	/* bytes of the command that were read */
	struct mx_cond	ex_input, ex_output;
	struct mx_poll	ex_poll;
	size_t		ex_payload_max;	/* of one output record */
} channel;

/* One open. */
struct exec_file {
	struct mx_io	ef_io;
	uint32_t	ef_minor;
	uint32_t	ef_line_bytes;	/* of the log: an unfinished line */
	char		ef_line[LOG_LINE + 1];
};

/* Wait for COND. Errors: MX_EAGAIN MX_IO_NONBLOCK, MX_EINTR, MX_ENOMEM too many wait */
static kern_return_t
channel_wait(struct mx_cond *cond, const struct mx_io_call *call)
{
	static unsigned int waiters;
	kern_return_t kr;

	if (call->ic_flags & MX_IO_NONBLOCK)
		return MX_EAGAIN;
	if (waiters >= WAITERS_MAX)
		return MX_ENOMEM;
	waiters++;
	kr = mx_cond_wait_cancellable(cond, call->ic_tag);
	waiters--;
	return kr;
}

/* ---- Records out ---- */

/* Put one record; the caller has looked for the room. */
static void
record_put(enum exec_record type, const void *payload, size_t n)
{
	uint8_t header[EXEC_HEADER];

	exec_header_make(header, type, (uint32_t)n);
	vcon_put(channel.ex_vcon, header, EXEC_HEADER);
	vcon_put(channel.ex_vcon, payload, n);
	vcon_send(channel.ex_vcon);
}

/* How many bytes of payload can be sent now: what fits into a buffer, as long as one more is left for records that cannot wait. */
static size_t
record_room(void)
{
	return vcon_room(channel.ex_vcon) >= 2 * (channel.ex_payload_max + EXEC_HEADER) ? channel.ex_payload_max : 0;
}

/* Send N bytes in records of TYPE. *DONE is how many were sent. Errors: MX_EAGAIN, MX_EINTR */
static kern_return_t
records_send(const struct mx_io_call *call, enum exec_record type, const char *data, size_t n, size_t *done)
{
	kern_return_t kr;
	size_t part;

	for (*done = 0; *done < n; ) {
		part = record_room();
		if (part > n - *done)
			part = n - *done;
		if (part > 0) {
			record_put(type, data + *done, part);
			*done += part;
			continue;
		}
		vcon_want_room(channel.ex_vcon);
		if (record_room() > 0)
			continue;
		kr = channel_wait(&channel.ex_output, call);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	return KERN_SUCCESS;
}

/* Tell the host how much more it may send; later, when there is no room for that now. */
static void
credit_send(void)
{
	uint8_t payload[4];
	uint32_t credit;

	if (vcon_room(channel.ex_vcon) < EXEC_HEADER + sizeof payload) {
		vcon_want_room(channel.ex_vcon);
		if (vcon_room(channel.ex_vcon) < EXEC_HEADER + sizeof payload)
			return;		/* channel_room tries again */
	}
	credit = exec_input_credit(&channel.ex_in);
	exec_le32_put(payload, credit);
	if (credit > 0)
		record_put(EXEC_REC_CREDIT, payload, sizeof payload);
}

/* ---- What the console tells ---- */

static size_t
channel_receive(void *arg, const uint8_t *bytes, size_t n)
{
	(void)arg;
	exec_input_receive(&channel.ex_in, bytes, n);
	if (channel.ex_in.ei_is_broken && !channel.ex_was_broken) {
		channel.ex_was_broken = true;
		mx_log(MX_LOG_ERROR, "the host sent a record of type %u and %u bytes that may not come: input ends here",
			channel.ex_in.ei_header[0], channel.ex_in.ei_left);
	}
	mx_cond_broadcast(&channel.ex_input);
	mx_poll_wake(&channel.ex_poll, MX_POLLIN | MX_POLLRDNORM | (channel.ex_in.ei_is_ended ? MX_POLLHUP : 0));
	return n;
}

static void
channel_room(void *arg)
{
	(void)arg;
	if (channel.ex_is_ready)
		credit_send();
	mx_cond_broadcast(&channel.ex_output);
	if (record_room() > 0)
		mx_poll_wake(&channel.ex_poll, MX_POLLOUT | MX_POLLWRNORM);
}

static const struct vcon_ops channel_ops = { channel_receive, channel_room, NULL };

/* ---- Reading ---- */

static bool
stdin_has(void)
{
	return channel.ex_in.ei_head != channel.ex_in.ei_tail || channel.ex_in.ei_is_ended;
}

static kern_return_t
stdin_read(const struct mx_io_call *call, char *data, size_t *count)
{
	kern_return_t kr;

	while (!stdin_has()) {
		kr = channel_wait(&channel.ex_input, call);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	*count = exec_input_read(&channel.ex_in, (uint8_t *)data, *count);
	credit_send();
	return KERN_SUCCESS;
}

/* The host is told that the system is up when its command is first asked for. */
static kern_return_t
control_read(const struct mx_io_call *call, char *data, size_t *count)
{
	struct exec_input *in = &channel.ex_in;
	kern_return_t kr;

	if (!channel.ex_is_ready) {
		channel.ex_is_ready = true;
		record_put(EXEC_REC_READY, NULL, 0);
		credit_send();
	}
	while (!exec_input_has_command(in)) {
		if (in->ei_is_broken)
			return MX_EIO;
		kr = channel_wait(&channel.ex_input, call);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	if (*count > in->ei_command_bytes - channel.ex_command_at)
		*count = in->ei_command_bytes - channel.ex_command_at;
	memcpy(data, in->ei_command + channel.ex_command_at, *count);
	channel.ex_command_at += *count;
	return KERN_SUCCESS;
}

static kern_return_t
exec_read(struct mx_io *io, const struct mx_io_call *call, int64_t offset, char *data, size_t *count)
{
	struct exec_file *file = (struct exec_file *)io;

	(void)offset;
	if (file->ef_minor == MINOR_STDIN)
		return stdin_read(call, data, count);
	if (file->ef_minor == MINOR_CONTROL)
		return control_read(call, data, count);
	return MX_EBADF;
}

/* ---- Writing ---- */

static kern_return_t
exec_write(struct mx_io *io, const struct mx_io_call *call, int64_t *offset, const char *data, size_t *count)
{
	struct exec_file *file = (struct exec_file *)io;
	size_t done, n = *count;
	kern_return_t kr;

	(void)offset;
	switch (file->ef_minor) {
	case MINOR_STDOUT:
	case MINOR_STDERR:
		kr = records_send(call, file->ef_minor == MINOR_STDOUT ? EXEC_REC_STDOUT : EXEC_REC_STDERR, data, n, &done);
		*count = done;
		return done > 0 ? KERN_SUCCESS : kr;
	case MINOR_CONTROL:
		return n == 4 ? records_send(call, EXEC_REC_EXIT, data, n, count) : MX_EINVAL;
	default:
		return MX_EBADF;
	}
}

/* ---- The rest of an open object ---- */

static uint32_t
exec_poll(struct mx_io *io, uint32_t events, struct mx_poll **queue)
{
	struct exec_file *file = (struct exec_file *)io;
	const uint32_t in = MX_POLLIN | MX_POLLRDNORM, out = MX_POLLOUT | MX_POLLWRNORM;

	*queue = &channel.ex_poll;
	switch (file->ef_minor) {
	case MINOR_STDIN:
		return (stdin_has() ? in : 0) | (channel.ex_in.ei_is_ended ? MX_POLLHUP : 0);
	case MINOR_CONTROL:
		return (exec_input_has_command(&channel.ex_in) ? in : 0) | out;
	default:
		if (record_room() > 0)
			return out;
		if (events & out)
			vcon_want_room(channel.ex_vcon);
		return record_room() > 0 ? out : 0;
	}
}

static kern_return_t
exec_stat(struct mx_io *io, struct mx_attr *attr)
{
	return tty_stat_fill(attr, MX_MAJOR_EXEC, ((struct exec_file *)io)->ef_minor, MX_S_IFCHR | 0600);
}

static kern_return_t
exec_ioctl(struct mx_io *io, const struct mx_io_call *call, uint32_t cmd, uint32_t arg, const char *in, size_t in_count,
	char *out, size_t *out_count, int32_t *result)
{
	(void)call;
	(void)arg;
	(void)in;
	(void)in_count;
	(void)result;
	if (cmd != T_FIONREAD || ((struct exec_file *)io)->ef_minor != MINOR_STDIN)
		return MX_ENOTTY;
	return tty_count_ioctl(channel.ex_in.ei_head - channel.ex_in.ei_tail, out, out_count);
}

static const struct mx_io_ops exec_io_ops = {
	.read = exec_read, .write = exec_write, .stat = exec_stat, .poll = exec_poll, .ioctl = exec_ioctl,
};

/* ---- The log as /dev/console ---- */

static void
log_line(struct exec_file *file)
{
	mx_log(MX_LOG_INFO, "console: %.*s", (int)file->ef_line_bytes, file->ef_line);
	if (channel.ex_vcon != NULL && record_room() > 0) {
		file->ef_line[file->ef_line_bytes++] = '\n';
		record_put(EXEC_REC_LOG, file->ef_line, file->ef_line_bytes);
	}
	file->ef_line_bytes = 0;
}

static kern_return_t
log_write(struct mx_io *io, const struct mx_io_call *call, int64_t *offset, const char *data, size_t *count)
{
	struct exec_file *file = (struct exec_file *)io;

	(void)call;
	(void)offset;
	for (size_t i = 0; i < *count; i++) {
		if (data[i] != '\n' && data[i] != '\r')
			file->ef_line[file->ef_line_bytes++] = data[i];
		if ((data[i] == '\n' && file->ef_line_bytes > 0) || file->ef_line_bytes == LOG_LINE)
			log_line(file);
	}
	return KERN_SUCCESS;
}

/* Nothing is ever typed here. */
static kern_return_t
log_read(struct mx_io *io, const struct mx_io_call *call, int64_t offset, char *data, size_t *count)
{
	(void)io;
	(void)call;
	(void)offset;
	(void)data;
	*count = 0;
	return KERN_SUCCESS;
}

static kern_return_t
log_stat(struct mx_io *io, struct mx_attr *attr)
{
	(void)io;
	return tty_stat_fill(attr, TTY_MAJOR_MISC, TTY_MINOR_CONSOLE, MX_S_IFCHR | 0600);
}

static const struct mx_io_ops log_io_ops = { .read = log_read, .write = log_write, .stat = log_stat };

/* ---- Opening ---- */

static void
exec_no_senders(struct mx_object *obj)
{
	struct exec_file *file = (struct exec_file *)obj;

	if (file->ef_line_bytes > 0)
		log_line(file);
	mx_object_release(obj);
}

static struct mx_class exec_class = {
	.mc_name = "exec", .mc_size = sizeof(struct exec_file), .mc_demux = mx_io_demux, .mc_no_senders = exec_no_senders,
};

static kern_return_t
file_make(const struct mx_io_ops *ops, uint32_t minor, mach_port_t *io, mach_msg_type_name_t *type, uint32_t *kind)
{
	struct exec_file *file = mx_object_create(&exec_class);

	if (file == NULL)
		return MX_ENOMEM;
	file->ef_io.io_ops = ops;
	file->ef_minor = minor;
	*kind = MX_KIND_STREAM;
	*io = mx_object_make_send(&file->ef_io.io_object, type);
	return KERN_SUCCESS;
}

kern_return_t
exec_open(uint32_t minor, uint32_t flags, mach_port_t *io, mach_msg_type_name_t *type, uint32_t *kind)
{
	(void)flags;
	if (channel.ex_vcon == NULL || minor >= MINORS)
		return MX_ENXIO;
	return file_make(&exec_io_ops, minor, io, type, kind);
}

kern_return_t
exec_open_log(uint32_t flags, mach_port_t *io, mach_msg_type_name_t *type, uint32_t *kind)
{
	(void)flags;
	return file_make(&log_io_ops, 0, io, type, kind);
}

kern_return_t
exec_start(mach_port_t hw, size_t buffer_bytes)
{
	kern_return_t kr;

	exec_input_init(&channel.ex_in);
	channel.ex_payload_max = buffer_bytes - EXEC_HEADER;
	channel.ex_vcon = vcon_start(hw, 0, buffer_bytes, &channel_ops, NULL, &kr);
	return channel.ex_vcon == NULL ? kr : KERN_SUCCESS;
}
