/*
 * service.c - requests to named servers, sent again when the server dies (masix/service.h).
 *
 * No fibril can park between taking the port out of the handle and sending to it, so a port that is replaced is not used by anybody.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <masix/mach.h>
#include <masix/service.h>
#include "impl.h"
#include "mach_port.h"

#define LOOK_AGAIN_NS	20000000ull	/* ACS does not know of a death as soon as its clients do */
#define LOOKS_MAX	250

static bool
is_death(kern_return_t kr)
{
	return kr == MX_ESERVERDIED || kr == MACH_SEND_INVALID_DEST;
}

static bool
port_is_alive(mach_port_t port)
{
	mach_port_type_t type;

	return MACH_PORT_VALID(port) && mach_port_type(mx_task, port, &type) == KERN_SUCCESS && (type & MACH_PORT_TYPE_SEND) != 0;
}

/* Several fibrils may look at once: the first one's right stays, the others are the same right once more. */
static kern_return_t
service_find(struct mx_service *sv)
{
	mach_port_t port;
	kern_return_t kr;

	for (int i = 0; i < LOOKS_MAX && sv->sv_port == MACH_PORT_NULL; i++) {
		kr = mx_lookup(sv->sv_name, &port);
		if (kr != KERN_SUCCESS)
			return kr;
		if (sv->sv_port == MACH_PORT_NULL && port_is_alive(port)) {
			sv->sv_port = port;
		} else {
			mx_port_release(port);
			if (sv->sv_port == MACH_PORT_NULL)
				mx_sleep_ns(LOOK_AGAIN_NS);
		}
	}
	return sv->sv_port != MACH_PORT_NULL ? KERN_SUCCESS : MX_ESERVERDIED;
}

void
mx_attempt_begin(struct mx_attempt *a, struct mx_service *sv, bool once)
{
	static uint32_t last;

	*a = (struct mx_attempt){ .at_service = sv };
	if (!once)
		return;
	if (++last == 0)
		last = 1;
	a->at_number = last;
}

kern_return_t
mx_attempt_port(struct mx_attempt *a, mach_port_t *port)
{
	kern_return_t kr = service_find(a->at_service);

	a->at_port = kr == KERN_SUCCESS ? a->at_service->sv_port : MACH_PORT_NULL;
	*port = a->at_port;
	if (kr == KERN_SUCCESS)
		mx_current->fb_attempt = a;
	return kr;
}

bool
mx_attempt_again(struct mx_attempt *a, kern_return_t *kr)
{
	struct mx_service *sv = a->at_service;

	mx_current->fb_attempt = NULL;
	if (a->at_port == MACH_PORT_NULL || !is_death(*kr))
		return false;
	/* A lost answer is no death: the same instance gets the request again, and knows its number. */
	if (sv->sv_port == a->at_port && !port_is_alive(a->at_port)) {
		sv->sv_port = MACH_PORT_NULL;
		mx_port_release(a->at_port);
	}
	if (++a->at_deaths < MX_CALL_DEATHS)
		return true;
	*kr = MX_ESERVERDIED;
	return false;
}
