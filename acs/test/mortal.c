/*
 * mortal.c - a server that dies in the middle of requests, and what its clients see of that (masix/service.h).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "test.h"

#include <masix/io.h>
#include <masix/mach.h>
#include <masix/service.h>
#include <stdlib.h>
#include "impl.h"
#include "io.h"

/* What it is asked, as an ioctl. */
enum {
	WHO,		/* which instance: another number each time */
	COUNT,		/* add one, and tell */
	LOSE,		/* the same; the first ARG answers of this kind are lost */
	DIE,		/* the instance called ARG dies before it answers, others add one */
	SLOW,		/* add one after a while; the first answer is lost */
};

static uint32_t instance, counter, lost;

/* ---- The server ---- */

/* The client of the running request waits in vain. */
static void
answer_lose(void)
{
	mx_port_release(mx_current->fb_in->msgh_remote_port);
	mx_current->fb_in->msgh_remote_port = MACH_PORT_NULL;
	mx_current->fb_out->msgh_remote_port = MACH_PORT_NULL;
}

static kern_return_t
mortal_ioctl(struct mx_io *io, const struct mx_io_call *call, uint32_t cmd, uint32_t arg, const char *in, size_t in_count,
	char *out, size_t *out_count, int32_t *result)
{
	(void)io, (void)call, (void)in, (void)in_count, (void)out;
	*out_count = 0;
	switch (cmd) {
	case WHO:
		*result = (int32_t)instance;
		return KERN_SUCCESS;
	case DIE:
		if (arg == instance || arg == 0)
			_Exit(1);
		break;
	case LOSE:
		if (lost < arg) {
			lost++;
			answer_lose();
		} else {
			lost = 0;
		}
		break;
	case SLOW:
		if (lost++ == 0)
			answer_lose();
		mx_sleep_ns(50000000);
		break;
	}
	*result = (int32_t)++counter;
	return KERN_SUCCESS;
}

static kern_return_t
mortal_stat(struct mx_io *io, struct mx_attr *attr)
{
	(void)io, (void)attr;
	return KERN_SUCCESS;
}

static const struct mx_io_ops mortal_ops = { .ioctl = mortal_ioctl, .stat = mortal_stat };
static struct mx_class mortal_class = {
	.mc_name = "mortal", .mc_size = sizeof(struct mx_io), .mc_demux = mx_io_demux, .mc_remembers = true,
};

kern_return_t
mortal_run(const char *name)
{
	struct mx_io *io = mx_object_create(&mortal_class);

	if (io == NULL)
		return MX_ENOMEM;
	io->io_ops = &mortal_ops;
	instance = (uint32_t)__builtin_ia32_rdtsc() | 1;
	return mx_register(name, &io->io_object);
}

/* ---- Its client ---- */

static struct mx_service mortal = MX_SERVICE("mortal");

static kern_return_t
ask(bool once, uint32_t cmd, uint32_t arg, int32_t *result)
{
	mach_msg_type_number_t none = 0;
	char out[4];

	*result = -1;
	return MX_CALL_AS(&mortal, once, port, io_ioctl(port, 0, 0, cmd, arg, "", 0, out, &none, result));
}

static unsigned int under_way;

static void
asker(void *arg)
{
	int32_t result, *good = arg;

	*good += ask(false, DIE, (uint32_t)*good, &result) == KERN_SUCCESS;
	under_way--;
}

static void
death_test(void)
{
	int32_t first = 0, second = 0, result = 0, all[8];
	uint64_t begin = mx_now_ns();

	tap_ok(ask(false, WHO, 0, &first) == KERN_SUCCESS && first != 0, "a server by its name");
	tap_ok(ask(false, COUNT, 0, &result) == KERN_SUCCESS && result == 1 &&
		ask(false, COUNT, 0, &result) == KERN_SUCCESS && result == 2,
		"two requests, one instance");
	tap_ok(ask(false, DIE, (uint32_t)first, &result) == KERN_SUCCESS && result == 1,
		"one that kills it is answered by the next instance");
	tap_ok(ask(false, WHO, 0, &second) == KERN_SUCCESS && second != first, "... which is another");
	tap_ok(ask(true, DIE, (uint32_t)second, &result) == KERN_SUCCESS && result == 1, "the same with a number");
	tap_ok(ask(false, WHO, 0, &first) == KERN_SUCCESS && mx_now_ns() - begin < 10000000000ull, "... before long");
	for (unsigned int i = 0; i < 8; i++) {
		all[i] = first;
		under_way++;
		(void)mx_fibril_start(asker, &all[i], "asker");
	}
	while (under_way > 0)
		mx_sleep_ns(10000000);
	result = 0;
	for (unsigned int i = 0; i < 8; i++)
		result += all[i] - first;
	tap_ok(result == 8, "eight fibrils with it: all are answered (%d)", (int)result);
}

static void
lost_answer_test(void)
{
	int32_t before, result;

	tap_ok(ask(false, COUNT, 0, &before) == KERN_SUCCESS && ask(false, LOSE, 1, &result) == KERN_SUCCESS && result == before + 2,
		"an answer is lost: without a number it is done twice");
	tap_ok(ask(false, COUNT, 0, &before) == KERN_SUCCESS && ask(true, LOSE, 1, &result) == KERN_SUCCESS && result == before + 1,
		"... with a number once");
	lost = 0;
	tap_ok(ask(false, COUNT, 0, &before) == KERN_SUCCESS && ask(true, SLOW, 0, &result) == KERN_SUCCESS && result == before + 1,
		"the second request waits for the first to be done");
	tap_ok(ask(true, COUNT, 0, &result) == KERN_SUCCESS && result == before + 2, "another number is another request");
}

static void
end_test(void)
{
	int32_t result;

	tap_ok(ask(false, DIE, 0, &result) == MX_ESERVERDIED, "a request that kills whoever gets it is given up");
	tap_ok(ask(false, WHO, 0, &result) == KERN_SUCCESS, "... and others are not");	/* what comes next counts servers' ports */
	mortal.sv_name = "nobody";
	mortal.sv_port = MACH_PORT_NULL;
	tap_ok(ask(false, WHO, 0, &result) == MX_ENOENT, "a server that there is not");
}

void
service_test(void)
{
	death_test();
	lost_answer_test();
	end_test();
}
