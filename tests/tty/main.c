/*
 * tests/tty/main.c - the servers hw and tty tested in a guest, without vfs, proc and programs.
 *
 * Not part of the system: tests/areas/tty boots it with a manifest of three servers, types at the console (or plays the host of the
 * exec channel) and compares. Commands come by the console, a line each: "test" runs the numbered tests, "flood BYTES PIECE"
 * writes, "kill hw" has ACS kill that server, "off" powers off, anything else is said again.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "hw.h"
#include "io.h"

#define PIECE	(64u * 1024)

static mach_port_t console;
static int tests;

kern_return_t
dev_get(const char *name, uint32_t minor, mach_port_t *io)
{
	mach_port_t driver;
	uint32_t kind;
	kern_return_t kr = mx_lookup(name, &driver);

	return kr == KERN_SUCCESS ? dev_open(driver, minor, MX_O_RDWR, 0, 0, io, &kind) : kr;
}

void
say(const char *fmt, ...)
{
	char line[200];
	int64_t offset = -1;
	uint32_t written;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsniprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	(void)io_write(console, 0, 0, 0, &offset, line, (uint32_t)n, &written);
}

void
ok(bool cond, const char *what)
{
	say("%s %d - %s\n", cond ? "ok" : "not ok", ++tests, what);
}

/* N bytes to IO in pieces of SIZE. */
static void
flood(mach_port_t io, uint32_t n, uint32_t size)
{
	char *data = mx_pages_alloc(PIECE);
	uint64_t begin = mx_now_ns(), us;
	uint32_t done = 0, written;
	int64_t offset;
	kern_return_t kr;

	memset(data, 'x', PIECE);
	while (done < n) {
		offset = -1;
		if (size > MX_DATA_MAX)
			kr = io_write_ool(io, 1, 0, 0, &offset, (vm_offset_t)data, size, &written);
		else
			kr = io_write(io, 1, 0, 0, &offset, data, size, &written);
		if (kr != KERN_SUCCESS) {
			mx_log(MX_LOG_ERROR, "write: 0x%x", kr);
			return;
		}
		done += written;
	}
	us = (mx_now_ns() - begin) / 1000 + 1;
	mx_log(MX_LOG_INFO, "%u bytes in pieces of %u: %lu us, %lu KB/s", done, size, (unsigned long)us,
		(unsigned long)((uint64_t)done * 1000 / us));
	mx_pages_free(data, PIECE);
}

static void
power_off(void)
{
	mach_port_t power;

	if (mx_lookup("hw.power", &power) == KERN_SUCCESS)
		mx_log(MX_LOG_ERROR, "hw_power: 0x%x", hw_power(power, 0));
}

/* COMMAND to /dev/acs. */
static void
kill_server(const char *command)
{
	char line[80], text[200];
	mach_msg_type_number_t n = sizeof text;
	mach_port_t acs = MACH_PORT_NULL;
	uint32_t written;
	int64_t offset = -1;
	int len = sniprintf(line, sizeof line, "%s\n", command);
	kern_return_t kr = dev_get("dev.241", 0, &acs);

	if (kr == KERN_SUCCESS)
		kr = io_write(acs, 1, 0, 0, &offset, line, (uint32_t)len, &written);
	if (kr == KERN_SUCCESS)
		kr = io_read(acs, 1, 0, 0, -1, sizeof text, text, &n);
	mx_log(MX_LOG_INFO, "%s: 0x%x %.*s", command, kr, (int)n, text);
	mx_port_release(acs);
	mx_sleep_ns(500000000);
}

/* mode=run: commands by the terminal. */
static void
terminal_serve(void)
{
	char line[MX_DATA_MAX + 1];
	mach_msg_type_number_t n;
	unsigned long a, b;
	kern_return_t kr;

	for (;;) {
		say("test> ");
		n = MX_DATA_MAX;
		kr = io_read(console, 2, 0, 0, -1, MX_DATA_MAX, line, &n);
		if (kr != KERN_SUCCESS) {
			mx_log(MX_LOG_ERROR, "read: 0x%x", kr);
			return;
		}
		line[n] = '\0';
		if (n > 0 && line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (strcmp(line, "test") == 0) {
			tests = 0;
			test_hw();
			test_pty();
			test_session();
			say("1..%d\n", tests);
		} else if (strncmp(line, "flood ", 6) == 0 && siscanf(line, "flood %lu %lu", &a, &b) == 2 && b > 0 && b <= PIECE) {
			flood(console, a, b);
			say("\nflooded\n");
		} else if (strncmp(line, "kill ", 5) == 0) {
			kill_server(line);
		} else if (strcmp(line, "off") == 0) {
			power_off();
		} else {
			say("%lu bytes: '%s'\n", (unsigned long)n, line);
		}
	}
}

/* mode=exec: copy standard input to standard output, or flood it; the command says which. */
static void
channel_serve(void)
{
	mach_port_t in, out, control;
	char command[MX_DATA_MAX + 1], status[4] = { 0, 7, 0, 0 };
	mach_msg_type_number_t n = MX_DATA_MAX;
	int64_t offset = -1;
	uint32_t written;
	vm_offset_t data;
	kern_return_t kr;

	if (dev_get("dev.240", 0, &in) != KERN_SUCCESS || dev_get("dev.240", 1, &out) != KERN_SUCCESS ||
	    dev_get("dev.240", 3, &control) != KERN_SUCCESS) {
		mx_log(MX_LOG_ERROR, "no exec channel");
		return;
	}
	kr = io_read(control, 1, 0, 0, -1, MX_DATA_MAX, command, &n);
	mx_log(MX_LOG_INFO, "command: 0x%x, %u bytes, '%s' '%s'", kr, n, command + 4, command + 5 + strlen(command + 4));
	if (strcmp(command + 5 + strlen(command + 4), "flood") == 0)
		flood(out, 50u << 20, PIECE);
	else
		for (;;) {
			kr = io_read_ool(in, 1, 0, 0, -1, PIECE, &data, &n);
			if (kr != KERN_SUCCESS || n == 0)
				break;
			for (uint32_t done = 0; done < n; done += written) {
				offset = -1;
				if (io_write_ool(out, 1, 0, 0, &offset, data + done, n - done, &written) != KERN_SUCCESS)
					break;
			}
			mx_pages_free((void *)data, n);
		}
	(void)io_write(control, 1, 0, 0, &offset, status, 4, &written);
}

static kern_return_t
test_fresh(int argc, char **argv)
{
	kern_return_t kr;

	(void)argc;
	(void)argv;
	mx_server_ready();
	if (strcmp(mx_boot_option("mode"), "exec") == 0) {
		channel_serve();
		return KERN_SUCCESS;
	}
	kr = dev_get("dev.5", 1, &console);
	if (kr != KERN_SUCCESS) {
		mx_log(MX_LOG_ERROR, "no console: 0x%x", kr);
		return kr;
	}
	say("MASIX terminal test\n");
	terminal_serve();
	return KERN_SUCCESS;
}

static const struct mx_server test_server = { "smoke", test_fresh, NULL };

int
main(int argc, char **argv)
{
	mx_server_main(&test_server, argc, argv);
}
