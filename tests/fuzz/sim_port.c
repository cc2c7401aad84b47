/*
 * sim_port.c - the played kernel's ports, and the server's names for them; its memory.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <sanitizer/common_interface_defs.h>
#include <mach/notify.h>
#include "sim_impl.h"

#define PAGE		4096u

struct sim_entry sim_entries[SIM_NAMES_MAX];
static uint32_t free_first, free_last, never_used = 3;

unsigned int sim_names, sim_pages;
mach_port_t sim_watched;
bool sim_verbose;

void
sim_fail(const char *fmt, ...)
{
	va_list ap;

	printf("not ok - ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	__sanitizer_print_stack_trace();
	_exit(1);
}

/* ---- Memory ---- */

void *
sim_map(size_t bytes)
{
	size_t size = (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		sim_fail("the host has no memory for %zu bytes (%u pages are mapped)", bytes, sim_pages);
	sim_pages += size / PAGE;
	return p;
}

bool
sim_map_at(uintptr_t at, size_t bytes)
{
	size_t size = (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);

	if (mmap((void *)at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
		return false;
	sim_pages += size / PAGE;
	return true;
}

void
sim_unmap(void *at, size_t bytes)
{
	uintptr_t begin = (uintptr_t)at & ~(uintptr_t)(PAGE - 1), end = ((uintptr_t)at + bytes + PAGE - 1) & ~(uintptr_t)(PAGE - 1);

	if (bytes == 0)
		return;
	if (munmap((void *)begin, end - begin) != 0)
		sim_fail("unmapped %p, %zu bytes", at, bytes);
	sim_pages -= (end - begin) / PAGE;
}

/* ---- Names ---- */

/* Names are used again as late as possible, so that one that is out of date is noticed. */
mach_port_t
sim_name_new(void)
{
	uint32_t n;

	if (never_used < SIM_NAMES_MAX) {
		n = never_used++;
	} else {
		n = free_first;
		if (n == 0)
			sim_fail("the server has %u names", sim_names);
		free_first = sim_entries[n].en_next;
	}
	memset(&sim_entries[n], 0, sizeof(sim_entries[n]));
	sim_names++;
	if (sim_watched == n) {
		printf("# name %u comes into being\n", n);
		__sanitizer_print_stack_trace();
	}
	return n;
}

void
sim_name_free(mach_port_t n)
{
	memset(&sim_entries[n], 0, sizeof(sim_entries[n]));
	if (free_first == 0)
		free_first = n;
	else
		sim_entries[free_last].en_next = n;
	free_last = n;
	sim_names--;
}

struct sim_entry *
sim_entry_of(mach_port_t n)
{
	if (n >= SIM_NAMES_MAX || (sim_entries[n].en_port == NULL && !sim_entries[n].en_dead && !sim_entries[n].en_set))
		return NULL;
	return &sim_entries[n];
}

struct sim_port *
sim_port_named(mach_port_t n)
{
	struct sim_entry *e = sim_entry_of(n);

	return e == NULL ? NULL : e->en_port;
}

void
sim_name_check(mach_port_t n)
{
	struct sim_entry *e = &sim_entries[n];
	struct sim_port *tell = e->en_dead_name;

	if (e->en_receive || e->en_send_once || e->en_sends != 0)
		return;
	if (e->en_port != NULL && e->en_port->po_name == n)
		e->en_port->po_name = MACH_PORT_NULL;
	sim_name_free(n);
	if (tell != NULL) {			/* port-deleted */
		struct { mach_msg_type_t type; uint32_t name; } body = {
			{ .msgt_name = MACH_MSG_TYPE_PORT_NAME, .msgt_size = 32, .msgt_number = 1, .msgt_inline = 1 }, n };

		tell->po_sorights--;
		sim_send(tell, NULL, MACH_NOTIFY_PORT_DELETED, &body, sizeof(body), false);
	}
}

/* The name under which the server has (or gets) send rights to P. */
mach_port_t
sim_name_for_send(struct sim_port *p)
{
	mach_port_t n = p->po_name;

	if (n == MACH_PORT_NULL) {
		n = sim_name_new();
		sim_entries[n].en_port = p;
		p->po_name = n;
	}
	return n;
}

/* ---- Ports ---- */

struct sim_port *
sim_port_new(enum sim_owner owner)
{
	struct sim_port *p = calloc(1, sizeof(*p));

	p->po_owner = owner;
	return p;
}

void
sim_right_make(struct sim_port *p, mach_msg_type_name_t type)
{
	if (type == MACH_MSG_TYPE_MOVE_SEND)
		p->po_srights++;
	else if (type == MACH_MSG_TYPE_MOVE_SEND_ONCE)
		p->po_sorights++;
}

void
sim_no_senders_check(struct sim_port *p)
{
	struct { mach_msg_type_t type; uint32_t count; } body = {
		{ .msgt_name = MACH_MSG_TYPE_INTEGER_32, .msgt_size = 32, .msgt_number = 1, .msgt_inline = 1 }, p->po_mscount };
	struct sim_port *tell = p->po_no_senders;

	if (p->po_srights != 0 || tell == NULL || p->po_owner == SIM_DEAD)
		return;
	p->po_no_senders = NULL;
	tell->po_sorights--;
	sim_send(tell, NULL, MACH_NOTIFY_NO_SENDERS, &body, sizeof(body), false);
}

void
sim_right_drop(struct sim_port *p, mach_msg_type_name_t type)
{
	if (type == MACH_MSG_TYPE_MOVE_SEND) {
		if (p->po_srights-- == 0)
			sim_fail("a send right that was never made");
		sim_no_senders_check(p);
	} else if (type == MACH_MSG_TYPE_MOVE_SEND_ONCE) {
		if (p->po_sorights-- == 0)
			sim_fail("a send-once right that was never made");
		sim_send(p, NULL, MACH_NOTIFY_SEND_ONCE, NULL, 0, false);
	} else {
		sim_port_die(p);
	}
}

/* The names of the server that mean P become dead names. */
static void
names_die(struct sim_port *p)
{
	struct { mach_msg_type_t type; uint32_t name; } body = {
		{ .msgt_name = MACH_MSG_TYPE_PORT_NAME, .msgt_size = 32, .msgt_number = 1, .msgt_inline = 1 }, 0 };
	struct sim_port *tell;
	struct sim_entry *e;
	uint32_t n;

	for (n = 1; n < never_used; n++) {
		e = &sim_entries[n];
		if (e->en_port != p)
			continue;
		e->en_port = NULL;
		e->en_receive = false;
		if (e->en_send_once)
			e->en_sends++;
		e->en_send_once = false;
		if (e->en_sends == 0) {
			sim_name_free(n);
			continue;
		}
		e->en_dead = true;
		tell = e->en_dead_name;
		if (tell != NULL) {
			e->en_dead_name = NULL;
			e->en_sends++;
			body.name = n;
			tell->po_sorights--;
			sim_send(tell, NULL, MACH_NOTIFY_DEAD_NAME, &body, sizeof(body), false);
		}
	}
}

void
sim_port_die(struct sim_port *p)
{
	struct sim_message *msg;
	struct sim_port *tell = p->po_no_senders;

	if (p->po_owner == SIM_DEAD)
		return;
	p->po_owner = SIM_DEAD;
	p->po_no_senders = NULL;
	if (tell != NULL && tell != p)
		sim_right_drop(tell, MACH_MSG_TYPE_MOVE_SEND_ONCE);
	names_die(p);
	while ((msg = p->po_first) != NULL) {
		p->po_first = msg->me_next;
		sim_message_free(msg);
	}
	p->po_messages = 0;
}

mach_port_t
sim_give_send(struct sim_port *p)
{
	mach_port_t n = sim_name_for_send(p);

	p->po_srights++;
	sim_entries[n].en_sends++;
	return n;
}

/* ---- What is left ---- */

unsigned int
sim_names_live(void)
{
	unsigned int count = 0;
	uintptr_t payload;
	struct sim_port *p;
	uint32_t n;

	for (n = 1; n < never_used; n++) {
		if (sim_entry_of(n) == NULL)
			continue;
		p = sim_entries[n].en_port;
		payload = p != NULL && sim_entries[n].en_receive && p->po_has_payload ? p->po_payload : 0;
		if (payload != 0 && (payload & MX_PAYLOAD_MASK) == MX_PAYLOAD_FIBRIL)
			continue;
		if (payload != 0 && (payload & MX_PAYLOAD_MASK) == MX_PAYLOAD_OBJECT &&
		    ((struct mx_object *)payload)->mo_refs == 0)
			continue;		/* kept for reuse */
		count++;
	}
	return count;
}

void
sim_names_print(void)
{
	struct mx_object *obj;
	struct sim_port *p;
	uint32_t n;

	for (n = 1; n < never_used; n++) {
		if (sim_entry_of(n) == NULL)
			continue;
		p = sim_entries[n].en_port;
		obj = p != NULL && p->po_has_payload && (p->po_payload & MX_PAYLOAD_MASK) == MX_PAYLOAD_OBJECT &&
			sim_entries[n].en_receive ? (struct mx_object *)p->po_payload : NULL;
		if (obj != NULL && obj->mo_refs == 0)
			continue;
		if (p != NULL && sim_entries[n].en_receive && (p->po_payload & MX_PAYLOAD_MASK) == MX_PAYLOAD_FIBRIL)
			continue;
		printf("# name %u:%s%s%s %u sends, owner %d%s%s, %u references\n", n, sim_entries[n].en_receive ? " receive" : "",
			sim_entries[n].en_send_once ? " send-once" : "", sim_entries[n].en_dead ? " dead" : "", sim_entries[n].en_sends,
			p != NULL ? (int)p->po_owner : -1, obj != NULL ? ", object " : "",
			obj != NULL ? obj->mo_class->mc_name : "", obj != NULL ? obj->mo_refs : 0);
	}
}
