/*
 * masix/service.h - requests to a server by its name, sent again when the server dies.
 *
 * A server of class restart comes back under the same name, and ACS lets a look-up wait for it. So whoever knows a server only by its name
 * need not see its death: the request that was not answered goes to the next instance.
 *
 *	static struct mx_service disk = MX_SERVICE("dev.254");
 *
 *	kr = MX_CALL(&disk, port, dev_open(port, minor, flags, uid, gid, &io, &kind));
 *
 * The call is written with PORT for the server's port and is evaluated again for each attempt, so its arguments must be the same each time:
 * out parameters only, no rights that move. Two kinds:
 *
 * MX_CALL: doing it twice is the same as doing it once (reading, opening, setting to a value), or what was done the first time has died
 * with the instance.
 *
 * MX_CALL_ONCE: one instance must not do it twice. The request carries a number, the same in each attempt; an object whose class has
 * mc_remembers keeps its last answers and gives the old one to a number that it knows. (A server can live and its answer get lost all
 * the same: somebody else took its place at the port, or it gave the request up.) Routines that answer with rights or memory are not
 * remembered. What an instance did dies with it, unless the server keeps it elsewhere: then its routines have to be of the first kind.
 *
 * A request that kills each server it reaches is given up after MX_CALL_DEATHS of them.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MASIX_SERVICE_H
#define MASIX_SERVICE_H

#include <stdbool.h>
#include <masix/server.h>

#define MX_CALL_DEATHS	3

struct mx_service {
	const char	*sv_name;	/* as ACS knows it */
	mach_port_t	sv_port;	/* MACH_PORT_NULL: to be looked up */
};
#define MX_SERVICE(name) { (name), MACH_PORT_NULL }

/* One request, private to the macros. */
struct mx_attempt {
	struct mx_service *at_service;
	mach_port_t	at_port;	/* of this attempt */
	uint32_t	at_number;	/* 0: none */
	unsigned int	at_deaths;
};

void mx_attempt_begin(struct mx_attempt *a, struct mx_service *sv, bool once);
/* The port to send to. Errors: acs_lookup's; MX_ESERVERDIED. Blocks: until the server is up */
kern_return_t mx_attempt_port(struct mx_attempt *a, mach_port_t *port);
/* The request ended with *KR. True: send it again. */
bool mx_attempt_again(struct mx_attempt *a, kern_return_t *kr);

/* Only on a fibril. Errors: the call's, acs_lookup's (MX_ENOENT: the server is not coming back), MX_ESERVERDIED.  Blocks */
#define MX_CALL_AS(sv, once, port, call) __extension__ ({ \
	struct mx_attempt attempt_; \
	mach_port_t port; \
	kern_return_t kr_; \
	mx_attempt_begin(&attempt_, (sv), (once)); \
	do { \
		kr_ = mx_attempt_port(&attempt_, &port); \
		if (kr_ == KERN_SUCCESS) \
			kr_ = (call); \
	} while (mx_attempt_again(&attempt_, &kr_)); \
	kr_; })
#define MX_CALL(sv, port, call) MX_CALL_AS(sv, false, port, call)
#define MX_CALL_ONCE(sv, port, call) MX_CALL_AS(sv, true, port, call)

/* Is SV known to be somewhere? No look-up. */
static inline bool
mx_service_is_known(const struct mx_service *sv)
{
	return sv->sv_port != MACH_PORT_NULL;
}

#endif /* MASIX_SERVICE_H */
