/*
 * request.c - requests that are being served, and how a client gives one up.
 *
 * A routine that may block has a tag as its first argument, so the tag of every request is known without decoding it. A
 * cancel finds its request among those of the same object that are being served: it cannot overtake it, as both
 * were sent to one port. A request that does not wait at that moment is marked, and its next cancellable wait ends at once.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "impl.h"
#include "mx_S.h"

void
mx_request_begin(struct mx_fibril *f, struct mx_object *obj)
{
	const mach_msg_header_t *in = f->fb_in;

	f->fb_name = obj->mo_class->mc_name;
	f->fb_object = obj;
	f->fb_cancelled = false;
	f->fb_tag = 0;
	if (in->msgh_size >= sizeof(*in) + 8)
		f->fb_tag = ((const uint32_t *)(in + 1))[1];
	f->fb_request_next = obj->mo_requests;
	f->fb_request_prev = &obj->mo_requests;
	if (obj->mo_requests != NULL)
		obj->mo_requests->fb_request_prev = &f->fb_request_next;
	obj->mo_requests = f;
	obj->mo_nrequests++;
}

void
mx_request_end(struct mx_fibril *f)
{
	f->fb_object->mo_nrequests--;
	*f->fb_request_prev = f->fb_request_next;
	if (f->fb_request_next != NULL)
		f->fb_request_next->fb_request_prev = f->fb_request_prev;
	if (f->fb_watching) {
		mx_watch_stop(&f->fb_watch);
		f->fb_watching = false;
	}
	f->fb_object = NULL;
}

static void
request_cancel(struct mx_fibril *f)
{
	f->fb_cancelled = true;
	if (f->fb_cancellable)
		mx_fibril_wake(f, MX_EINTR);
}

static void
client_died(struct mx_watch *watch, mach_port_t port)
{
	struct mx_fibril *f = mx_container(watch, struct mx_fibril, fb_watch);

	f->fb_watching = false;
	request_cancel(f);
	mx_port_release(port);			/* the reference that came with the notification */
}

void
mx_request_watch(struct mx_fibril *f)
{
	mach_port_t client = f->fb_in->msgh_remote_port;

	if (f->fb_watching)
		return;
	if (!MACH_PORT_VALID(client)) {		/* nobody waits for the answer */
		f->fb_cancelled = true;
		return;
	}
	f->fb_watch.wa_dead = client_died;
	f->fb_watching = mx_watch_start(&f->fb_watch, client) == KERN_SUCCESS;
}

kern_return_t
S_mx_cancel(mx_object_ptr_t obj, uint32_t tag)
{
	struct mx_fibril *f;

	for (f = obj->mo_requests; f != NULL; f = f->fb_request_next)
		if (f->fb_tag == tag && f != mx_current)
			request_cancel(f);
	return KERN_SUCCESS;
}

kern_return_t
S_mx_ping(mx_object_ptr_t obj, mx_name_t name, mach_msg_type_number_t *count)
{
	size_t len = strlen(obj->mo_class->mc_name);

	*count = len < MX_NAME_MAX ? len : MX_NAME_MAX;
	memcpy(name, obj->mo_class->mc_name, *count);
	return KERN_SUCCESS;
}
