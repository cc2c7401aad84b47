/*
 * acs_control.c - /dev/acs and /dev/acslog: how programs reach ACS.
 *
 * ACS is a character device driver (dev.241) like any other, so that who may command it is the mode of a file, and the command
 * (acsctl) an ordinary program. /dev/acs is opened, a command line written (for `add', the image after it), the answer read.
 * Every open has a command and an answer of its own.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs.h"

#include <masix/io.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES	(384u * 1024)
#define MINOR_CONTROL	0
#define MINOR_LOG	1

struct control {
	struct mx_io	ct_io;
	struct mx_mutex	ct_lock;	/* guards all below: a command may take seconds */
	size_t		ct_line_len;
	bool		ct_has_image;	/* the line is complete, its image comes */
	size_t		ct_image_len;
	void		*ct_image;	/* own pages */
	char		*ct_answer;	/* own pages, ANSWER_BYTES; NULL: no command was given yet */
	size_t		ct_answer_len;
	size_t		ct_answer_read;
	struct acs_command ct_command;
	char		ct_line[ACS_LINE_MAX];
};

struct log_reader {
	struct mx_io	lo_io;
	struct acs_log_cursor lo_cursor;
	size_t		lo_len;		/* of the line that is being read */
	size_t		lo_read;
	char		lo_text[ACS_LOG_TEXT + 200];
};

static size_t
pages(size_t bytes)
{
	return (bytes + ACS_PAGE - 1) & ~(size_t)(ACS_PAGE - 1);
}

static void
attr_fill(struct mx_attr *attr, uint32_t minor, uint32_t mode)
{
	attr->at_mode = MX_S_IFCHR | mode;
	attr->at_nlink = 1;
	attr->at_rdev_major = MX_MAJOR_ACS;
	attr->at_rdev_minor = minor;
	attr->at_blksize = ACS_PAGE;
}

/* ---- Commands ---- */

static size_t
log_print(char *text, size_t size)
{
	static struct acs_log_line line;	/* too large for a fibril's stack; nothing parks here */
	struct acs_log_cursor c = { 0 };
	size_t n = 0;

	while (n + 1 < size && acs_log_get(&acs_ring, &c, &line))
		n += acs_log_format(&line, text + n, size - n);
	return n;
}

/* Do a command that is complete. TEXT gets what follows the line "ok". */
static kern_return_t
command_run(struct control *ct, char *text, size_t size, size_t *len, struct acs_error *err)
{
	const struct acs_command *cmd = &ct->ct_command;

	switch (cmd->cm_verb) {
	case ACS_CMD_LIST:
		*len = acs_list_servers(text, size);
		return KERN_SUCCESS;
	case ACS_CMD_NAMES:
		*len = acs_list_names(text, size);
		return KERN_SUCCESS;
	case ACS_CMD_STATS:
		*len = acs_stats_list(text, size);
		return KERN_SUCCESS;
	case ACS_CMD_LOG:
		*len = log_print(text, size);
		return KERN_SUCCESS;
	case ACS_CMD_ADD:
		return acs_life_add(&cmd->cm_spec, &ct->ct_image, cmd->cm_size, err);
	case ACS_CMD_REMOVE:
		return acs_life_remove(cmd->cm_name, err);
	case ACS_CMD_RESTART:
		return acs_life_restart(cmd->cm_name, err);
	case ACS_CMD_KILL:
		return acs_life_kill(cmd->cm_name, err);
	case ACS_CMD_FORGET:
		return acs_life_forget(cmd->cm_name, err);
	case ACS_CMD_HALT:
		acs_stop(ACS_HALT, "halt was ordered");
		return KERN_SUCCESS;
	case ACS_CMD_REBOOT:
		acs_stop(ACS_REBOOT, "reboot was ordered");
		return KERN_SUCCESS;
	}
	return MX_EINVAL;
}

static void
image_drop(struct control *ct)
{
	if (ct->ct_image)
		mx_pages_free(ct->ct_image, pages(ct->ct_command.cm_size));
	ct->ct_image = NULL;
	ct->ct_image_len = 0;
	ct->ct_has_image = false;
}

static void
answer_error(struct control *ct, const char *text)
{
	int n = snprintf(ct->ct_answer, ANSWER_BYTES, "error: %s\n", text);

	ct->ct_answer_len = (size_t)n;
	ct->ct_answer_read = 0;
}

static void
command_finish(struct control *ct)
{
	struct acs_error err = { "it failed" };
	size_t len = 0;

	if (command_run(ct, ct->ct_answer + 3, ANSWER_BYTES - 3, &len, &err) != KERN_SUCCESS) {
		answer_error(ct, err.er_text);
	} else {
		memcpy(ct->ct_answer, "ok\n", 3);
		ct->ct_answer_len = len + 3;
		ct->ct_answer_read = 0;
	}
	image_drop(ct);
}

/* A line is complete. */
static void
line_finish(struct control *ct)
{
	struct acs_error err;

	ct->ct_line[ct->ct_line_len] = '\0';
	ct->ct_line_len = 0;
	ct->ct_answer_len = 0;
	if (!acs_command_parse(ct->ct_line, &ct->ct_command, &err)) {
		ct->ct_command.cm_size = 0;
		answer_error(ct, err.er_text);
	} else if (ct->ct_command.cm_verb != ACS_CMD_ADD) {
		command_finish(ct);
	} else {
		ct->ct_image = mx_pages_alloc(pages(ct->ct_command.cm_size));
		if (ct->ct_image)
			ct->ct_has_image = true;
		else
			answer_error(ct, "no memory for the image");
	}
}

/* ---- /dev/acs ---- */

/* Take some of DATA; answers how much. */
static size_t
image_take(struct control *ct, const char *data, size_t count)
{
	size_t left = ct->ct_command.cm_size - ct->ct_image_len, n = count < left ? count : left;

	memcpy((char *)ct->ct_image + ct->ct_image_len, data, n);
	ct->ct_image_len += n;
	if (ct->ct_image_len == ct->ct_command.cm_size)
		command_finish(ct);
	return n;
}

static size_t
line_take(struct control *ct, const char *data, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (data[i] == '\n') {
			line_finish(ct);
			return i + 1;
		}
		if (ct->ct_line_len == sizeof ct->ct_line - 1) {
			ct->ct_line_len = 0;
			answer_error(ct, "the line is too long");
			return count;
		}
		ct->ct_line[ct->ct_line_len++] = data[i];
	}
	return count;
}

static kern_return_t
control_write(struct mx_io *io, const struct mx_io_call *call, int64_t *offset, const char *data, size_t *count)
{
	struct control *ct = (struct control *)io;
	kern_return_t kr = KERN_SUCCESS;

	(void)call;
	(void)offset;
	mx_mutex_lock(&ct->ct_lock);
	if (!ct->ct_answer)
		ct->ct_answer = mx_pages_alloc(ANSWER_BYTES);
	if (!ct->ct_answer)
		kr = MX_ENOMEM;
	for (size_t done = 0; kr == KERN_SUCCESS && done < *count;)
		done += ct->ct_has_image ? image_take(ct, data + done, *count - done) : line_take(ct, data + done, *count - done);
	mx_mutex_unlock(&ct->ct_lock);
	return kr;
}

static kern_return_t
control_read(struct mx_io *io, const struct mx_io_call *call, int64_t offset, char *data, size_t *count)
{
	struct control *ct = (struct control *)io;
	size_t left;

	(void)call;
	(void)offset;
	mx_mutex_lock(&ct->ct_lock);
	left = ct->ct_answer_len - ct->ct_answer_read;
	if (*count > left)
		*count = left;
	if (*count > 0)
		memcpy(data, ct->ct_answer + ct->ct_answer_read, *count);
	ct->ct_answer_read += *count;
	mx_mutex_unlock(&ct->ct_lock);
	return KERN_SUCCESS;
}

static kern_return_t
control_stat(struct mx_io *io, struct mx_attr *attr)
{
	(void)io;
	attr_fill(attr, MINOR_CONTROL, 0600);
	return KERN_SUCCESS;
}

static const struct mx_io_ops control_ops = {
	.read = control_read, .write = control_write, .stat = control_stat,
};

static void
control_free(struct mx_object *obj)
{
	struct control *ct = (struct control *)obj;

	image_drop(ct);
	if (ct->ct_answer)
		mx_pages_free(ct->ct_answer, ANSWER_BYTES);
}

static struct mx_class control_class = {
	.mc_name = "acs", .mc_size = sizeof(struct control), .mc_demux = mx_io_demux,
	.mc_no_senders = mx_object_release, .mc_free = control_free,
};

/* ---- /dev/acslog ---- */

/* The next line into lo_text. Errors: false, none yet. */
static bool
log_line_next(struct log_reader *lo)
{
	static struct acs_log_line line;	/* too large for a fibril's stack; nothing parks here */

	if (!acs_log_get(&acs_ring, &lo->lo_cursor, &line))
		return false;
	lo->lo_len = acs_log_format(&line, lo->lo_text, sizeof lo->lo_text);
	lo->lo_read = 0;
	return true;
}

static kern_return_t
log_read(struct mx_io *io, const struct mx_io_call *call, int64_t offset, char *data, size_t *count)
{
	struct log_reader *lo = (struct log_reader *)io;
	size_t done = 0, n;

	(void)call;
	(void)offset;
	while (done < *count && (lo->lo_read < lo->lo_len || log_line_next(lo))) {
		n = lo->lo_len - lo->lo_read;
		if (n > *count - done)
			n = *count - done;
		memcpy(data + done, lo->lo_text + lo->lo_read, n);
		lo->lo_read += n;
		done += n;
	}
	*count = done;
	return KERN_SUCCESS;
}

static kern_return_t
log_stat(struct mx_io *io, struct mx_attr *attr)
{
	(void)io;
	attr_fill(attr, MINOR_LOG, 0400);
	return KERN_SUCCESS;
}

static const struct mx_io_ops log_ops = { .read = log_read, .stat = log_stat };

static void
log_free(struct mx_object *obj)
{
	(void)obj;		/* it holds nothing */
}

static struct mx_class log_class = {
	.mc_name = "acslog", .mc_size = sizeof(struct log_reader), .mc_demux = mx_io_demux,
	.mc_no_senders = mx_object_release, .mc_free = log_free,
};

/* ---- dev.241 ---- */

/* The mode of /dev/acs says the same; this holds when somebody makes another node. */
static kern_return_t
device_open(struct mx_dev *dev, uint32_t minor, uint32_t flags, uint32_t uid, uint32_t gid, mach_port_t *port,
	mach_msg_type_name_t *type, uint32_t *kind)
{
	struct mx_io *io;

	(void)dev;
	(void)flags;
	(void)gid;
	if (minor > MINOR_LOG)
		return MX_ENXIO;
	if (uid != 0)
		return MX_EACCES;
	io = mx_object_create(minor == MINOR_CONTROL ? &control_class : &log_class);
	if (!io)
		return MX_ENOMEM;
	io->io_ops = minor == MINOR_CONTROL ? &control_ops : &log_ops;
	*port = mx_object_make_send(&io->io_object, type);
	if (*port == MACH_PORT_NULL) {
		mx_object_release(&io->io_object);
		return MX_ENOMEM;
	}
	*kind = MX_KIND_STREAM;
	return KERN_SUCCESS;
}

static void
device_free(struct mx_object *obj)
{
	(void)obj;		/* it holds nothing */
}

static struct mx_class device_class = {
	.mc_name = "dev.241", .mc_size = sizeof(struct mx_dev), .mc_demux = mx_dev_demux, .mc_free = device_free,
};

kern_return_t
acs_control_setup(void)
{
	struct mx_dev *dev = mx_object_create(&device_class);

	if (!dev)
		return KERN_RESOURCE_SHORTAGE;
	dev->dv_open = device_open;
	return acs_names_register_own("dev.241", &dev->dv_object);
}
