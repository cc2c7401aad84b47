/*
 * client.c - task B: the tests that cross tasks.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <mach/mig_errors.h>
#include <mach/notify.h>
#include <masix/mach.h>
#include "test.h"
#include "impl.h"
#include "dev.h"
#include "io.h"
#include "mach_port.h"
#include "mx.h"
#include "pfs.h"

static mach_port_t door = DOOR_NAME;

static mach_port_t
open_object(uint32_t minor)
{
	mach_port_t io = MACH_PORT_NULL;
	uint32_t kind;

	if (dev_open(door, minor, 0, 0, 0, &io, &kind) != KERN_SUCCESS)
		return MACH_PORT_NULL;
	return io;
}

static int
ask(mach_port_t io, uint32_t cmd, uint32_t arg)
{
	mach_msg_type_number_t none = 0;
	int32_t result = -1;
	char out[4];

	if (io_ioctl(io, 0, 0, cmd, arg, "", 0, out, &none, &result) != KERN_SUCCESS)
		return -1;
	return result;
}

/* ---- Time ---- */

static void
measure(const char *what, mach_port_t io)
{
	uint64_t ticks[20];
	unsigned int i, j;

	(void)io_set_flags(io, 0);
	for (i = 0; i < 20; i++) {
		ticks[i] = __builtin_ia32_rdtsc();
		for (j = 0; j < 200; j++)
			(void)io_set_flags(io, 0);
		ticks[i] = __builtin_ia32_rdtsc() - ticks[i];
	}
	tap_time(what, ticks, 20, 200);
}

static volatile int thread_done;

static void
measure_thread(void *arg)
{
	measure("null RPC of a plain thread, across tasks", (mach_port_t)(uintptr_t)arg);
	thread_done = 1;
}

static void
measure_open_close(void)
{
	uint64_t ticks[20];
	unsigned int i, j;

	for (i = 0; i < 20; i++) {
		ticks[i] = __builtin_ia32_rdtsc();
		for (j = 0; j < 100; j++)
			mx_port_release(open_object(0));
		ticks[i] = __builtin_ia32_rdtsc() - ticks[i];
	}
	tap_time("open and close an object, across tasks", ticks, 20, 100);
}

static void
test_time(mach_port_t io)
{
	measure("null RPC of a fibril, across tasks", io);
	(void)mx_thread_start(measure_thread, (void *)(uintptr_t)io, 32768);
	while (!thread_done)
		mx_sleep_ns(10000000);
	measure_open_close();
}

/* ---- Requests and errors ---- */

static void
test_basics(mach_port_t io)
{
	char name[MX_NAME_MAX + 1], data[100];
	mach_msg_type_number_t count = sizeof(name);
	struct mx_attr attr;
	uint32_t written = 0;
	int64_t offset = -1;
	mach_port_t node;
	mx_attr_t dummy;
	kern_return_t kr;

	kr = mx_ping(io, name, &count);
	tap_ok(kr == KERN_SUCCESS && count == 4 && memcmp(name, "tobj", 4) == 0, "mx_ping: %#x", kr);
	kr = io_write(io, 0, 0, 0, &offset, "hello", 5, &written);
	tap_ok(kr == KERN_SUCCESS && written == 5, "io_write: %#x", kr);
	kr = io_stat(io, &attr);
	tap_ok(kr == KERN_SUCCESS && attr.at_size == 5, "io_stat: %#x", kr);
	count = sizeof(data);
	kr = io_read(io, 0, 0, 0, -1, sizeof(data), data, &count);
	tap_ok(kr == KERN_SUCCESS && count == 5 && memcmp(data, "hello", 5) == 0, "io_read: %#x", kr);
	count = sizeof(data);
	kr = io_read(io, 0, 0, MX_IO_NONBLOCK, -1, sizeof(data), data, &count);
	tap_ok(kr == MX_EAGAIN, "io_read without data: %#x", kr);
	kr = io_read(io, 0, 0, 0, -2, sizeof(data), data, &count);
	tap_ok(kr == MX_EINVAL, "io_read at -2: %#x", kr);
	kr = io_truncate(io, 0);
	tap_ok(kr == MX_EINVAL, "an absent operation: %#x", kr);
	kr = pfs_lookup(io, 0, "x", 1, &node, &dummy);
	tap_ok(kr == MIG_BAD_ID, "an interface that the object does not answer: %#x", kr);
	kr = dev_open(door, 99, 0, 0, 0, &node, &written);
	tap_ok(kr == MX_ENXIO, "a handler's error: %#x", kr);
	tap_ok(ask(io, T_NESTED, 0) >= 0, "a handler calls an object of its own task");
	kr = io_stat(MACH_PORT_DEAD, &attr);
	tap_ok(kr == MX_ESERVERDIED, "RPC to a dead port: %#x", kr);
}

static volatile int woken_read, sleeper_done;

static void
reader(void *arg)
{
	char data[16];
	mach_msg_type_number_t count = sizeof(data);

	if (io_read((mach_port_t)(uintptr_t)arg, 7, 0, 0, -1, sizeof(data), data, &count) == KERN_SUCCESS)
		woken_read = (int)count;
	else
		woken_read = -1;
}

static void
sleeper(void *arg)
{
	sleeper_done += ask((mach_port_t)(uintptr_t)arg, T_SLEEP, 100) == 0;
}

static void
test_concurrency(mach_port_t io)
{
	uint64_t before = mx_now_ns();
	uint32_t written;
	int64_t offset = -1;
	int i;

	(void)mx_fibril_start(reader, (void *)(uintptr_t)io, "reader");
	for (i = 0; i < 20; i++)
		(void)mx_fibril_start(sleeper, (void *)(uintptr_t)io, "sleeper");
	mx_sleep_ns(20000000);
	tap_ok(ask(io, T_WAITING, 0) == 1, "a request waits while others are served");
	(void)io_write(io, 0, 0, 0, &offset, "xyz", 3, &written);
	while (sleeper_done < 20 && mx_now_ns() - before < 3000000000u)
		mx_sleep_ns(10000000);
	tap_ok(woken_read == 3, "it ends when it can");
	tap_ok(sleeper_done == 20 && mx_now_ns() - before < 1000000000, "20 requests of 100 ms at once");
}

static void
test_cancel(mach_port_t io)
{
	int before = ask(io, T_INTERRUPTED, 0);

	woken_read = 0;
	(void)mx_fibril_start(reader, (void *)(uintptr_t)io, "reader");
	mx_sleep_ns(20000000);
	(void)mx_cancel(io, 8);
	mx_sleep_ns(20000000);
	tap_ok(woken_read == 0 && ask(io, T_WAITING, 0) == 1, "a cancel with another tag does nothing");
	(void)mx_cancel(io, 7);
	mx_sleep_ns(20000000);
	tap_ok(woken_read == -1 && ask(io, T_INTERRUPTED, 0) == before + 1, "mx_cancel ends a wait");
	(void)mx_cancel(io, 7);
	tap_ok(ask(io, T_WAITING, 0) == 0, "a cancel that comes late does nothing");
}

/* Rights in requests that fail, and objects that are forgotten, must leave nothing behind. */
static void
test_leaks(mach_port_t io)
{
	int before, after, freed, i;
	mach_port_t other, note = mach_reply_port();
	uint32_t revents;

	for (i = 0; i < 10; i++)
		mx_port_release(open_object(0));
	before = ask(io, T_PORTS, 0);
	freed = ask(io, T_FREED, 0);
	for (i = 0; i < 100; i++) {
		other = open_object(0);
		mx_port_release(other);
	}
	mx_sleep_ns(20000000);
	tap_ok(ask(io, T_FREED, 0) == freed + 100, "100 objects were freed when nobody held them: %d",
		ask(io, T_FREED, 0) - freed);
	for (i = 0; i < 100; i++)
		(void)io_poll(io, MX_POLLOUT, 1, note, &revents);
	for (i = 0; i < 100; i++)	/* a right where none belongs: MIG refuses the message */
		(void)pfs_link(io, "x", 1, door, NULL);
	(void)mach_port_mod_refs(mx_task, note, MACH_PORT_RIGHT_RECEIVE, -1);
	after = ask(io, T_PORTS, 0);
	tap_ok(after <= before, "ports of the server: %d, then %d", before, after);
	tap_ok(ask(io, T_SPARES, 0) > 0, "dead objects are kept for reuse: %d", ask(io, T_SPARES, 0));
}

static void
test_forged(mach_port_t io)
{
	mach_no_senders_notification_t n;
	struct mx_attr attr;
	int freed = ask(io, T_FREED, 0), i;

	for (i = 0; i < 4; i++) {
		memset(&n, 0, sizeof(n));
		n.not_header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0);
		n.not_header.msgh_size = sizeof(n);
		n.not_header.msgh_remote_port = io;
		n.not_header.msgh_id = MACH_NOTIFY_NO_SENDERS;
		n.not_type = (mach_msg_type_t){ .msgt_name = MACH_MSG_TYPE_INTEGER_32, .msgt_size = 32, .msgt_number = 1,
			.msgt_inline = TRUE };
		n.not_count = (unsigned int)i;
		(void)mach_msg(&n.not_header, MACH_SEND_MSG, sizeof(n), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
	}
	tap_ok(io_stat(io, &attr) == KERN_SUCCESS && ask(io, T_FREED, 0) == freed, "a forged no-senders does nothing");
}

kern_return_t
client_fresh(int argc, char **argv)
{
	mach_port_t io, other;

	(void)argc;
	(void)argv;
	mx_sleep_ns(150000000);
	io = open_object(0);
	tap_ok(io != MACH_PORT_NULL, "open an object of task A");
	test_basics(io);
	test_concurrency(io);
	test_cancel(io);
	test_forged(io);
	test_leaks(io);
	test_time(io);
	tap_done();
	other = open_object(1);
	(void)mx_fibril_start(reader, (void *)(uintptr_t)other, "reader");
	mx_sleep_ns(50000000);
	(void)syscall_task_terminate(mx_task);
	return KERN_SUCCESS;
}
