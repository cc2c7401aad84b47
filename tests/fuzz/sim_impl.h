/*
 * sim_impl.h - what the parts of the played kernel know of each other.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SIM_IMPL_H
#define SIM_IMPL_H

#include "client.h"
#include "impl.h"
#include "message.h"

#define SIM_NAMES_MAX	65536u

struct sim_entry {
	struct sim_port	*en_port;	/* NULL: free, or a dead name, or a set */
	bool		en_receive, en_send_once, en_dead, en_set;
	unsigned int	en_sends;	/* references to send rights or to a dead name */
	struct sim_port	*en_dead_name;	/* send-once right to tell */
	uint32_t	en_next;	/* free list */
};

/* ---- Names and ports (sim_port.c) ---- */

extern struct sim_entry sim_entries[SIM_NAMES_MAX];
mach_port_t sim_name_new(void);
/* What N means in the server, or NULL. */
struct sim_entry *sim_entry_of(mach_port_t n);
void sim_name_free(mach_port_t n);
/* Its last right may have gone. */
void sim_name_check(mach_port_t n);
/* The name under which the server has (or gets) send rights to P. */
mach_port_t sim_name_for_send(struct sim_port *p);
/* The last send right to P may have gone. */
void sim_no_senders_check(struct sim_port *p);

/* ---- Messages (sim_message.c) ---- */

void sim_message_free(struct sim_message *msg);
/* The server gives the right called N away as TYPE. Returns the port, NULL for none or a dead one. */
struct sim_port *sim_right_in(mach_port_t n, mach_msg_type_name_t type, mach_msg_type_name_t *arrives);
/* *WHERE, a port, becomes the server's name for a right of TYPE. */
void sim_right_out(struct sim_port **where, mach_msg_type_name_t type);
mach_msg_return_t sim_server_send(mach_msg_header_t *h, size_t size, bool can_time_out);
/* A message for the port or set FROM, or false. */
bool sim_server_receive(mach_msg_header_t *h, size_t room, mach_port_t from, mach_msg_return_t *result);
bool sim_message_waits(mach_port_t from);

#endif /* SIM_IMPL_H */
