/*
 * control.c - /dev/acs without a vfs: commands, servers that are added, die and come back.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "test.h"

#include <masix/abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "acs.h"
#include "dev.h"
#include "io.h"
#include "mach.h"

static mach_port_t device, control;
static char answer[40000];

static kern_return_t
send(const char *data, size_t size)
{
	int64_t offset = -1;
	uint32_t written;
	kern_return_t kr;

	if (size <= MX_DATA_MAX)
		return io_write(control, 0, 0, 0, &offset, data, size, &written);
	kr = io_write_ool(control, 0, 0, 0, &offset, (vm_offset_t)data, size, &written);
	return kr == KERN_SUCCESS && written != size ? MX_EIO : kr;
}

/* Everything that there is to read, in ANSWER. */
static void
receive(void)
{
	mach_msg_type_number_t n;
	size_t len = 0;

	do {
		n = MX_DATA_MAX;
		if (io_read(control, 0, 0, 0, -1, MX_DATA_MAX, answer + len, &n) != KERN_SUCCESS)
			n = 0;
		len += n;
	} while (n > 0 && len + MX_DATA_MAX < sizeof answer);
	answer[len] = '\0';
}

/* Does the answer to COMMAND begin with EXPECT? */
static bool
command(const char *text, const char *expect)
{
	if (send(text, strlen(text)) != KERN_SUCCESS)
		return false;
	receive();
	if (strncmp(answer, expect, strlen(expect)) == 0)
		return true;
	mx_log(MX_LOG_ERROR, "%s -> %.100s", text, answer);
	return false;
}

/* Add this very image as NAME with more words. */
static bool
add(const char *name, const char *words, const char *expect)
{
	vm_offset_t image;
	mach_msg_type_number_t size;
	char line[200];

	if (acs_boot_file(mx_acs, "/masix/servers/test", 19, &image, &size) != KERN_SUCCESS)
		return false;
	(void)sniprintf(line, sizeof line, "add %s restart %u %s\n", name, (unsigned int)size, words);
	if (send(line, strlen(line)) != KERN_SUCCESS || send((const char *)image, size) != KERN_SUCCESS)
		return false;
	(void)vm_deallocate(mx_task, image, size);
	receive();
	return strncmp(answer, expect, strlen(expect)) == 0;
}

static bool
found(const char *name)
{
	mach_port_t service;
	kern_return_t kr = mx_lookup(name, &service);

	if (kr == KERN_SUCCESS)
		mx_port_release(service);
	return kr == KERN_SUCCESS;
}

static void
open_test(void)
{
	uint32_t kind = 0;
	mach_port_t io = MACH_PORT_NULL;

	tap_ok(mx_lookup("dev.241", &device) == KERN_SUCCESS, "the device driver");
	tap_ok(dev_open(device, 0, MX_O_RDWR, 1000, 1000, &io, &kind) == MX_EACCES, "only root may open it");
	tap_ok(dev_open(device, 2, MX_O_RDWR, 0, 0, &io, &kind) == MX_ENXIO, "no such minor");
	tap_ok(dev_open(device, 0, MX_O_RDWR, 0, 0, &control, &kind) == KERN_SUCCESS && kind == MX_KIND_STREAM, "open");
}

static void
command_test(void)
{
	tap_ok(command("list\n", "ok\nSERVER") && strstr(answer, "\nmain "), "list");
	tap_ok(command("names\n", "ok\nNAME") && strstr(answer, "\ndev.241 "), "names");
	tap_ok(command("log\n", "ok\n["), "log");
	tap_ok(command("", ""), "the end of an answer");
	tap_ok(command("jump\n", "error: unknown command 'jump'\n"), "an unknown command");
	tap_ok(command("kill nobody\n", "error: there is no server 'nobody'\n"), "an unknown server");
	tap_ok(command("li", "") && command("st\nnames\n", "ok\nNAME"), "a line in pieces, two lines in one piece");
	memset(answer, 'x', 5000);
	(void)send(answer, 5000);
	receive();
	tap_ok(strcmp(answer, "error: the line is too long\n") == 0, "a line too long");
}

static void
add_test(void)
{
	tap_ok(add("added1", "-- added", "ok\n"), "add");
	tap_ok(found("added1"), "what was added is found by name");
	tap_ok(add("added1", "-- added", "error: there is a server 'added1' already"), "add it again");
	tap_ok(command("kill added1\n", "ok\n") && found("added1"), "killed, it comes back");
	tap_ok(command("restart added1\n", "ok\n") && found("added1"), "restart");
	tap_ok(command("list\n", "ok\n") && strstr(answer, "\nadded1           running   restart "), "its state");
	tap_ok(command("remove added1\n", "ok\n") && !found("added1"), "remove");
	tap_ok(add("added2", "-- broken", "error: it died before it was ready: broken by order"), "add one that cannot start");
	tap_ok(command("remove added2\n", "error: there is no server"), "... leaves nothing behind");
	tap_ok(command("add added3 restart 4\nabcd", "error: the image cannot be used: it is too short"), "add what is no image");
	tap_ok(command("remove added3\n", "error: there is no server"), "... leaves nothing behind");
	tap_ok(add("added4", "restarts=0 -- added", "ok\n") && command("kill added4\n", "ok\n") && !found("added4"),
		"one that may not come back");
	tap_ok(command("restart added4\n", "ok\n") && found("added4"), "... but by order");
	tap_ok(command("forget added4\n", "ok\n") && command("restart added4\n", "error: ") && !found("added4"), "without image");
	tap_ok(command("remove added4\n", "ok\n"), "remove what failed");
}

/* How many ports ACS has. */
static unsigned long
acs_ports(void)
{
	return command("stats\n", "ok\nSERVER") ? strtoul(strstr(answer, "\nacs ") + 5, NULL, 10) : 0;
}

static bool
round_trip(void)
{
	return add("added5", "-- added", "ok\n") && found("added5") && command("kill added5\n", "ok\n") && found("added5") &&
		command("restart added5\n", "ok\n") && command("remove added5\n", "ok\n");
}

/* A few times first: libmasix keeps some ports and fibrils to use them again. */
static void
leak_test(void)
{
	unsigned long before, after;
	bool ok = true;

	for (int i = 0; i < 5; i++)
		ok = ok && round_trip();
	before = acs_ports();
	for (int i = 0; i < 20; i++)
		ok = ok && round_trip();
	mx_sleep_ns(100000000);
	after = acs_ports();
	tap_ok(ok, "add, kill, restart, remove, again and again");
	tap_ok(before > 10 && after <= before, "... leaks no port (%lu before, %lu after)", before, after);
}

static void
death_test(void)
{
	mx_sleep_ns(1000000000);
	tap_ok(command("log\n", "ok\n") && strstr(answer, "sick: error: exception 1, code 1, subcode 0x0 at eip"),
		"a fault is in the log");
	tap_ok(strstr(answer, "acs: error: sick: given up: it died 3 times in a row") != NULL, "it was given up");
	tap_ok(!found("sick"), "its name is not waited for");
	tap_ok(found("hostile"), "ACS has survived random messages");
}

void
control_test(void)
{
	open_test();
	command_test();
	add_test();
	leak_test();
	death_test();
	tap_ok(command("halt\n", "ok\n"), "halt");
}
