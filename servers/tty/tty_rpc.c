/*
 * tty_rpc.c - the names that this server has in ACS: drivers' ports for vfs (dev.defs), and tty.control for proc (tty.defs).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tty.h"
#include "exec.h"

#include "tty_S.h"

/* ---- Drivers ---- */

static kern_return_t
misc_open(struct mx_dev *dev, uint32_t minor, uint32_t flags, uint32_t uid, uint32_t gid, mach_port_t *io,
	mach_msg_type_name_t *type, uint32_t *kind)
{
	(void)dev;
	(void)gid;
	if (minor == TTY_MINOR_PTMX)
		return pty_open_master(flags, uid, io, type, kind);
	if (minor != TTY_MINOR_CONSOLE)
		return MX_ENXIO;
	if (console_tty() == NULL)
		return exec_open_log(flags, io, type, kind);
	return tty_open(console_tty(), flags, uid, TTY_MAJOR_MISC, TTY_MINOR_CONSOLE, io, type, kind);
}

/* hvc0 or ttyS0: there is one of them, which is the console. */
static kern_return_t
line_open(uint32_t major, uint32_t minor, uint32_t flags, uint32_t uid, mach_port_t *io, mach_msg_type_name_t *type,
	uint32_t *kind)
{
	struct tty *tty = console_tty();

	if (tty == NULL || tty->t_major != major || tty->t_minor != minor)
		return MX_ENXIO;
	return tty_open(tty, flags, uid, major, minor, io, type, kind);
}

static kern_return_t
serial_open(struct mx_dev *dev, uint32_t minor, uint32_t flags, uint32_t uid, uint32_t gid, mach_port_t *io,
	mach_msg_type_name_t *type, uint32_t *kind)
{
	(void)dev;
	(void)gid;
	return line_open(TTY_MAJOR_SERIAL, minor, flags, uid, io, type, kind);
}

static kern_return_t
hvc_open(struct mx_dev *dev, uint32_t minor, uint32_t flags, uint32_t uid, uint32_t gid, mach_port_t *io,
	mach_msg_type_name_t *type, uint32_t *kind)
{
	(void)dev;
	(void)gid;
	return line_open(TTY_MAJOR_HVC, minor, flags, uid, io, type, kind);
}

static kern_return_t
pts_open(struct mx_dev *dev, uint32_t minor, uint32_t flags, uint32_t uid, uint32_t gid, mach_port_t *io,
	mach_msg_type_name_t *type, uint32_t *kind)
{
	struct tty *tty = pty_find(minor);

	(void)dev;
	(void)gid;
	return tty == NULL ? MX_EIO : tty_open(tty, flags, uid, TTY_MAJOR_PTS, minor, io, type, kind);
}

static kern_return_t
exec_dev_open(struct mx_dev *dev, uint32_t minor, uint32_t flags, uint32_t uid, uint32_t gid, mach_port_t *io,
	mach_msg_type_name_t *type, uint32_t *kind)
{
	(void)dev;
	(void)gid;
	(void)uid;
	return exec_open(minor, flags, io, type, kind);
}

static struct mx_class driver_class = {
	.mc_name = "terminal driver", .mc_size = sizeof(struct mx_dev), .mc_demux = mx_dev_demux,
};

static const struct {
	const char *name;
	kern_return_t (*open)(struct mx_dev *dev, uint32_t minor, uint32_t flags, uint32_t uid, uint32_t gid, mach_port_t *io,
		mach_msg_type_name_t *type, uint32_t *kind);
} drivers[] = {
	{ "dev.4", serial_open }, { "dev.5", misc_open }, { "dev.136", pts_open }, { "dev.229", hvc_open },
	{ "dev.240", exec_dev_open },
};

/* ---- tty.control ---- */

extern mx_demux_t tty_server;	/* MIG's */

static mx_demux_t *const control_demuxes[] = { tty_server, NULL };
static struct mx_class control_class = {
	.mc_name = "tty.control", .mc_size = sizeof(struct mx_object), .mc_demux = control_demuxes,
};

/* The terminal that PORT, an open terminal or the master of a pair, stands for; NULL: neither. */
static struct tty *
terminal_of(mach_port_t port)
{
	struct tty_file *file = mx_object_from_port(port, &tty_file_class);

	if (file != NULL)
		return file->tf_is_hung ? NULL : file->tf_tty;
	return pty_of_master(port);
}

kern_return_t
S_tty_attach(mx_object_ptr_t control, mach_port_t port, int32_t sid, int32_t pgrp, boolean_t steal, mach_port_t session,
	uint32_t *major, uint32_t *minor)
{
	struct tty *tty = terminal_of(port);
	kern_return_t kr;

	(void)control;
	if (tty == NULL)
		return MX_ENOTTY;
	if (sid <= 0 || pgrp <= 0 || !MACH_PORT_VALID(session) || mx_port_is_own(session))
		return MX_EINVAL;
	kr = tty_session_attach(tty, sid, pgrp, steal, session);
	if (kr != KERN_SUCCESS)
		return kr;
	*major = tty->t_major;
	*minor = tty->t_minor;
	mx_port_release(port);
	return KERN_SUCCESS;
}

kern_return_t
S_tty_detach(mx_object_ptr_t control, mach_port_t port, int32_t sid)
{
	struct tty *tty = terminal_of(port);

	(void)control;
	if (tty != NULL && tty->t_sid == sid)
		tty_session_clear(tty);
	mx_port_release(port);
	return KERN_SUCCESS;		/* a terminal that went away is detached too */
}

kern_return_t
S_tty_set_pgrp(mx_object_ptr_t control, mach_port_t port, int32_t sid, int32_t pgrp)
{
	struct tty *tty = terminal_of(port);

	(void)control;
	if (tty == NULL || tty->t_sid != sid)
		return MX_ENOTTY;
	if (pgrp <= 0)
		return MX_EINVAL;
	tty->t_pgrp = pgrp;
	mx_port_release(port);
	return KERN_SUCCESS;
}

kern_return_t
S_tty_reopen(mx_object_ptr_t control, mach_port_t port, uint32_t flags, mach_port_t *io, mach_msg_type_name_t *type)
{
	struct tty *tty = terminal_of(port);
	uint32_t kind;
	kern_return_t kr;

	(void)control;
	if (tty == NULL)
		return MX_ENXIO;
	/* Nobody's uid: what root alone may do is not done through /dev/tty. */
	kr = tty_open(tty, flags, ~0u, TTY_MAJOR_MISC, 0, io, type, &kind);
	if (kr == KERN_SUCCESS)
		mx_port_release(port);
	return kr;
}

kern_return_t
tty_register_all(void)
{
	struct mx_object *control;
	kern_return_t kr = KERN_SUCCESS;

	for (unsigned int i = 0; i < sizeof drivers / sizeof drivers[0] && kr == KERN_SUCCESS; i++) {
		struct mx_dev *dev = mx_object_create(&driver_class);

		if (dev == NULL)
			return KERN_RESOURCE_SHORTAGE;
		dev->dv_open = drivers[i].open;
		kr = mx_register(drivers[i].name, &dev->dv_object);
	}
	control = mx_object_create(&control_class);
	if (control == NULL)
		return KERN_RESOURCE_SHORTAGE;
	return kr == KERN_SUCCESS ? mx_register("tty.control", control) : kr;
}
