/*
 * sim.h - as much of a Mach kernel as one server needs, on the host.
 *
 * The server under test is the real one, with the real libmasix and MIG's real stubs; it is linked to these traps and kernel
 * calls instead of the kernel's. There is one name space, the server's; its clients, the servers it calls, and the kernel's
 * own objects are played by client.c, which sees ports directly.
 *
 * The kernel is strict: a name that is not there, a right given twice or a reply that cannot be sent for the server's own fault
 * ends the test, as do all rights that are left when every client is gone.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <mach/mach_types.h>
#include <mach/message.h>

enum sim_owner { SIM_DEAD, SIM_SERVER, SIM_CLIENT, SIM_PEER, SIM_KERNEL };

struct sim_message {
	struct sim_message *me_next;
	struct sim_port	*me_reply;	/* NULL: none */
	mach_msg_type_name_t me_reply_type;	/* MOVE_SEND or MOVE_SEND_ONCE */
	int		me_id;
	bool		me_complex;
	uint32_t	me_size;	/* of the body */
	char		*me_body;	/* rights are pointers to struct sim_port, out-of-line memory is mapped */
};

struct sim_port {
	enum sim_owner	po_owner;
	mach_port_t	po_name;	/* in the server; SIM_SERVER only */
	mach_port_t	po_set;
	bool		po_has_payload;
	uintptr_t	po_payload;
	unsigned int	po_srights, po_sorights, po_mscount;
	struct sim_port	*po_no_senders;	/* send-once right to tell */
	struct sim_message *po_first, *po_last;
	unsigned int	po_messages;
	bool		po_is_task;	/* SIM_KERNEL only */
};

extern unsigned int sim_names;		/* in the server's space */
extern unsigned int sim_pages;		/* mapped by the server and not unmapped */
extern uint64_t sim_now;		/* ns */
extern bool sim_verbose;
extern mach_port_t sim_watched;		/* a name whose making is shown */

/* ---- For client.c ---- */

struct sim_port *sim_port_new(enum sim_owner owner);
/* The port's receiver is gone. */
void sim_port_die(struct sim_port *p);
/* A right of the given type (MOVE_SEND, MOVE_SEND_ONCE) comes into being, or goes. */
void sim_right_make(struct sim_port *p, mach_msg_type_name_t type);
void sim_right_drop(struct sim_port *p, mach_msg_type_name_t type);
/* Give the server a send right; returns its name there. */
mach_port_t sim_give_send(struct sim_port *p);
/* The port that a name of the server's means, or NULL. */
struct sim_port *sim_port_named(mach_port_t name);
/* Put a message, whose rights are made already, into the server's queue. BODY is copied. */
void sim_send(struct sim_port *to, struct sim_port *reply, int id, const void *body, size_t size, bool is_complex);
/* Destroy what is in the body of a message that the server sent. */
void sim_body_drop(void *body, size_t size);
/* Call FN for every right in BODY (with where it is and its type) and every piece of out-of-line memory. */
void sim_body_walk(void *body, size_t size, void (*right)(struct sim_port **where, mach_msg_type_name_t type),
	void (*memory)(void *at, size_t bytes));
void *sim_map(size_t bytes);
bool sim_map_at(uintptr_t at, size_t bytes);	/* false: something is there */
void sim_unmap(void *at, size_t bytes);
/* A new object of the kernel, as a right for the server. */
kern_return_t sim_kernel_right(mach_port_t *name, bool is_task);
/* Is the name TASK a task that lives? */
bool sim_is_task(mach_port_t task);
/* Names of the server that are neither a fibril's nor a spare object's; and print all. */
unsigned int sim_names_live(void);
void sim_names_print(void);
/* From now on rdtsc counts SIM_NOW, at 2 GHz (tsc.c). */
void sim_tsc_start(void);
void sim_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* ---- What client.c does ---- */

/* The server sent a message to a port of a client or peer. Takes it. */
void client_message(struct sim_port *to, struct sim_message *msg);
/* The server waits: make something happen and return true; or, if CAN_TIME_OUT, return false to let its time run out. */
bool client_step(bool can_time_out);

#endif /* SIM_H */
