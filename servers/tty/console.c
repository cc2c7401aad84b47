/*
 * console.c - which line is what: the terminal of /dev/console, or the channel of "masix exec".
 *
 * The boot option mode=exec gives the virtio console to the exec channel, and then there is no terminal at start. Otherwise the
 * virtio console is the terminal hvc0, and without one the kernel's serial port is ttyS0; that one is /dev/console.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tty.h"
#include "exec.h"
#include "serial.h"
#include "vcon.h"

#include <stdlib.h>
#include <string.h>

#define TERMINAL_BUFFER	4096u
#define CHANNEL_BUFFER	65536u

static struct tty hvc;
static struct vcon *hvc_device;
static struct tty *console;		/* NULL: none */

/* ---- hvc0 ---- */

static size_t
hvc_room(struct tty *tty)
{
	(void)tty;
	return hvc_device == NULL ? 0 : vcon_room(hvc_device);
}

static void
hvc_put(struct tty *tty, const uint8_t *bytes, size_t n)
{
	(void)tty;
	vcon_put(hvc_device, bytes, n);
}

static void
hvc_send(struct tty *tty)
{
	(void)tty;
	if (hvc_device != NULL)
		vcon_send(hvc_device);
}

static void
hvc_want_room(struct tty *tty)
{
	(void)tty;
	if (hvc_device != NULL)
		vcon_want_room(hvc_device);
}

static size_t
hvc_pending(struct tty *tty)
{
	(void)tty;
	return hvc_device == NULL ? 0 : vcon_pending(hvc_device);
}

static void
hvc_discard(struct tty *tty)
{
	(void)tty;
	if (hvc_device != NULL)
		vcon_discard(hvc_device);
}

static void
hvc_resume(struct tty *tty)
{
	(void)tty;
	if (hvc_device != NULL)
		vcon_resume(hvc_device);
}

static const struct tty_line_ops hvc_line = {
	.li_room = hvc_room, .li_put = hvc_put, .li_send = hvc_send, .li_want_room = hvc_want_room,
	.li_pending = hvc_pending, .li_discard = hvc_discard, .li_resume = hvc_resume,
};

static size_t
hvc_receive(void *arg, const uint8_t *bytes, size_t n)
{
	return tty_receive(arg, bytes, n);
}

static void
hvc_has_room(void *arg)
{
	tty_line_has_room(arg);
}

static void
hvc_size(void *arg, uint16_t rows, uint16_t columns)
{
	const struct tty_winsize size = { rows, columns, 0, 0 };

	tty_set_size(arg, &size);
}

static const struct vcon_ops hvc_ops = { hvc_receive, hvc_has_room, hvc_size };

/* ---- Start ---- */

/* Rows and columns that the host told. */
static void
size_from_options(struct tty *tty)
{
	int rows = atoi(mx_boot_option("tty-rows")), columns = atoi(mx_boot_option("tty-cols"));

	if (rows > 0 && rows < 10000)
		tty->t_size.ws_row = (uint16_t)rows;
	if (columns > 0 && columns < 10000)
		tty->t_size.ws_col = (uint16_t)columns;
}

static struct tty *
terminal_start(mach_port_t hw)
{
	kern_return_t kr = MX_ENODEV;
	struct tty *tty;

	tty_init(&hvc, "hvc0", &hvc_line, NULL, TTY_MAJOR_HVC, 0);
	if (hw != MACH_PORT_NULL)
		hvc_device = vcon_start(hw, 0, TERMINAL_BUFFER, &hvc_ops, &hvc, &kr);
	if (hvc_device != NULL)
		return &hvc;
	mx_log(kr == MX_ENODEV ? MX_LOG_INFO : MX_LOG_WARNING, "no virtio console (0x%x), trying the serial port", kr);
	tty = serial_start(&kr);
	if (tty == NULL)
		mx_log(MX_LOG_WARNING, "no serial port (0x%x): there is no console", kr);
	return tty;
}

kern_return_t
console_start(void)
{
	mach_port_t hw;
	kern_return_t kr = mx_lookup("hw", &hw);

	if (kr != KERN_SUCCESS) {
		mx_log(MX_LOG_WARNING, "the server hw is not there: 0x%x", kr);
		hw = MACH_PORT_NULL;
	}
	if (strcmp(mx_boot_option("mode"), "exec") == 0)
		return hw == MACH_PORT_NULL ? kr : exec_start(hw, CHANNEL_BUFFER);
	console = terminal_start(hw);
	if (console != NULL)
		size_from_options(console);
	return KERN_SUCCESS;
}

struct tty *
console_tty(void)
{
	return console;
}
