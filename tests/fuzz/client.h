/*
 * client.h - what a target of the fuzzer describes.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef FUZZ_CLIENT_H
#define FUZZ_CLIENT_H

#include <masix/server.h>
#include "sim.h"

struct fuzz_subsystem { const char *su_name; mx_demux_t *su_demux; };

struct fuzz_target {
	const struct mx_server *ta_server;
	int		ta_argc;
	char		**ta_argv;
	const struct fuzz_subsystem *ta_subsystems;	/* what it answers; ends with a null name */
	/* Memory for an out-of-line answer to the server's own request ID, when a random one will not do: sim_map'ed, or NULL. */
	void		*(*ta_memory)(int id, size_t *bytes);
	/* What lies in the memory of other tasks; NULL: random bytes. */
	const void	*(*ta_archive)(size_t *bytes);
	bool		ta_is_acs;		/* it says to nobody that it is ready */
	unsigned int	ta_immortal;		/* so many of the first tasks do not die: init */
	/* May a client send ID by a right to P? NULL: always. For requests that rightly end the server. */
	bool		(*ta_may_send)(struct sim_port *p, int id);
	/* Called at any time: what happens besides clients and servers. NULL: nothing. */
	void		(*ta_meanwhile)(void);
	/* Called again and again when all clients are dead: what somebody who is left does. NULL: nothing. */
	void		(*ta_afterwards)(void);
	unsigned int	ta_names_slack, ta_pages_slack;	/* what may be left at the end beyond what was there at the beginning */
};

extern const struct fuzz_target fuzz_target;

/* A right that somebody else gets: a client of the server holds it from now on. */
void client_right(struct sim_port *p, mach_msg_type_name_t type);
/* A new object of the kernel (a task, a thread, memory); clients may kill it when it is a task. */
struct sim_port *client_kernel_port(bool is_task);

#endif /* FUZZ_CLIENT_H */
