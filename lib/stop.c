/*
 * stop.c - the end of the system, as a server sees it.
 *
 * ACS tells who watches the name "acs.shutdown" (acs/README.md). The message is taken apart here and not by MIG, so that a
 * server may have its own S_acs_name_changed.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <mach/mig_errors.h>
#include <masix/mach.h>
#include "impl.h"
#include "acs.h"

#define STOP_NAME	"acs.shutdown"
#define NAME_CHANGED	410500		/* acs_notify.defs */

static void (*stop_fn)(void);

static void
stop_run(void *arg)
{
	(void)arg;
	stop_fn();
	mx_task_end();
}

static boolean_t
stop_demux(mach_msg_header_t *in, mach_msg_header_t *out)
{
	static bool begun;

	if (in->msgh_id != NAME_CHANGED)
		return FALSE;
	if (!begun && mx_fibril_start(stop_run, NULL, "stop") == KERN_SUCCESS)
		begun = true;		/* else ACS ends the task when its patience does */
	mx_message_destroy(in, true);
	out->msgh_remote_port = MACH_PORT_NULL;
	out->msgh_bits = 0;
	((mig_reply_header_t *)out)->RetCode = MIG_NO_REPLY;
	return TRUE;
}

static struct mx_class stop_class = {
	.mc_name = "stop", .mc_size = sizeof(struct mx_object), .mc_demux = (mx_demux_t *const[]){ stop_demux, NULL },
};

kern_return_t
mx_on_stop(void (*fn)(void))
{
	struct mx_object *obj = mx_object_create(&stop_class);
	mach_port_t right;
	kern_return_t kr;

	if (obj == NULL)
		return KERN_RESOURCE_SHORTAGE;
	stop_fn = fn;
	right = mx_object_send_right(obj);
	kr = acs_watch(mx_acs, STOP_NAME, strlen(STOP_NAME), right);
	mx_port_release(right);
	return kr;
}
