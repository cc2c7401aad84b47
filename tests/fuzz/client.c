/*
 * client.c - everybody that the server under test deals with, all of them hostile or forgetful.
 *
 * Whenever the server waits for a message, something happens: a client sends a request with a right that it has, drops a right,
 * or dies; a task dies; a server that was called answers, with an error, with anything that has the right form, or not at all;
 * time passes. Rights in replies are kept and used in later requests, numbers and names, too. In the end all clients die,
 * and then the server should hold no more than it did in the beginning.
 *
 * usage: fuzz_NAME [STEPS [SEED]]      with FUZZ_VERBOSE in the environment every message is shown, with FUZZ_NAME=N
 * where the server's name N came from
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mach/mig_errors.h>
#include <mach/notify.h>
#include <masix/mach.h>
#include "client.h"
#include "impl.h"
#include "message.h"

#define CLIENTS		4
#define HANDLES_MAX	300u
#define ANSWERS_MAX	100u
#define TASKS_MAX	40u
#define QUIET_ROUNDS	300
#define ACS_WATCH	410005
#define ACS_READY	410006

struct handle { struct sim_port *ha_port; };
struct answer { struct sim_port *an_to; int an_id; };

static struct sim_port *clients[CLIENTS];
static struct handle handles[HANDLES_MAX];
static unsigned int nhandles;
static struct answer answers[ANSWERS_MAX];	/* that peers owe */
static unsigned int nanswers;
static struct sim_port *tasks[TASKS_MAX];
static unsigned int ntasks;
static long steps = 20000;
static unsigned int names_before, pages_before;
static bool is_ready, started, ending;	/* said acs_ready; hostilities have begun; have ended */
static int quiet;
static unsigned long nrequests, nsuccess, nerrors, ndestroyed;

/* ---- Rights ---- */

static void
task_die(unsigned int i)
{
	struct sim_port *p = tasks[i];

	tasks[i] = tasks[--ntasks];
	sim_port_die(p);
}

/* P is mortal from now on; when there are too many, another one goes. */
static void
task_enter(struct sim_port *p)
{
	if (ntasks == TASKS_MAX)
		task_die(fuzz_target.ta_immortal + fuzz_random(TASKS_MAX - fuzz_target.ta_immortal));
	tasks[ntasks++] = p;
}

void
client_right(struct sim_port *p, mach_msg_type_name_t type)
{
	if (type == MACH_MSG_TYPE_MOVE_RECEIVE && !ending)
		task_enter(p);			/* dies some time */
	else if (type != MACH_MSG_TYPE_MOVE_SEND || p->po_owner != SIM_SERVER || nhandles == HANDLES_MAX || ending)
		sim_right_drop(p, type);
	else
		handles[nhandles++].ha_port = p;
}

static void
keep_right(struct sim_port **where, mach_msg_type_name_t type)
{
	if (*where != NULL && *where != (void *)MACH_PORT_DEAD)
		client_right(*where, type);
}

static void
handle_drop(unsigned int i)
{
	struct sim_port *p = handles[i].ha_port;

	handles[i] = handles[--nhandles];
	sim_right_drop(p, MACH_MSG_TYPE_MOVE_SEND);
}

struct sim_port *
client_kernel_port(bool is_task)
{
	struct sim_port *p = sim_port_new(SIM_KERNEL);

	p->po_is_task = is_task;
	if (is_task)
		task_enter(p);
	return p;
}

/* A right for an argument. */
static struct sim_port *
argument_right(char letter)
{
	struct sim_port *p;
	mach_msg_type_name_t type = letter == 'O' ? MACH_MSG_TYPE_MOVE_SEND_ONCE : MACH_MSG_TYPE_MOVE_SEND;

	if (letter == 'O') {
		p = fuzz_chance(20) ? NULL : clients[fuzz_random(CLIENTS)];
	} else {
		switch (fuzz_random(8)) {
		case 0:
			return NULL;
		case 1:
			p = sim_port_new(SIM_PEER);
			break;
		case 2:
			p = client_kernel_port(true);
			break;
		case 3:
			p = ntasks != 0 ? tasks[fuzz_random(ntasks)] : NULL;
			break;
		default:
			p = nhandles != 0 ? handles[fuzz_random(nhandles)].ha_port : NULL;
		}
	}
	if (p == NULL || p->po_owner == SIM_DEAD)
		return NULL;
	sim_right_make(p, type);
	return p;
}

/* A right for a peer's answer. */
static struct sim_port *
answer_right(char letter)
{
	struct sim_port *p;

	if (letter != 'P' || (started && fuzz_chance(10)))
		return NULL;
	p = sim_port_new(SIM_PEER);
	sim_right_make(p, MACH_MSG_TYPE_MOVE_SEND);
	return p;
}

/* ---- Messages from the server ---- */

static void
reply_take(struct sim_message *msg)
{
	const struct fuzz_routine *r = fuzz_routine_find(msg->me_id - 100);
	int code;

	if (msg->me_size < 8)
		sim_fail("a reply of %u bytes to id %d", (unsigned int)msg->me_size, msg->me_id - 100);
	memcpy(&code, msg->me_body + 4, 4);
	if (sim_verbose)
		printf("#   %s: %#x\n", r != NULL ? r->ro_name : "?", (unsigned int)code);
	if (code != KERN_SUCCESS) {
		nerrors++;
		if (msg->me_size != 8 || msg->me_complex)
			sim_fail("an error reply (%#x) with %u bytes to %s", (unsigned int)code, (unsigned int)msg->me_size,
				r != NULL ? r->ro_name : "?");
		return;
	}
	if (r == NULL)
		sim_fail("success for id %d, which no interface has", msg->me_id - 100);
	nsuccess++;
	if (!fuzz_body_check(msg->me_body, msg->me_size, r->ro_out))
		sim_fail("the reply to %s has not the form \"%s\"", r->ro_name, r->ro_out);
}

static void
body_take(struct sim_message *msg)
{
	if (msg->me_complex)
		sim_body_walk(msg->me_body, msg->me_size, keep_right, sim_unmap);
}

static void
answer_owe(struct sim_message *msg)
{
	if (ending || nanswers == ANSWERS_MAX) {
		sim_right_drop(msg->me_reply, msg->me_reply_type);
		return;
	}
	answers[nanswers++] = (struct answer){ msg->me_reply, msg->me_id };
}

void
client_message(struct sim_port *to, struct sim_message *msg)
{
	if (msg->me_id == ACS_READY)
		is_ready = true;
	if (msg->me_id == MACH_NOTIFY_SEND_ONCE)
		ndestroyed++;
	else if (to->po_owner == SIM_CLIENT && msg->me_reply == NULL && fuzz_routine_find(msg->me_id) == NULL)
		reply_take(msg);
	if (msg->me_id == ACS_WATCH && msg->me_complex)
		sim_body_drop(msg->me_body, msg->me_size);	/* ACS is trusted not to lie */
	else
		body_take(msg);
	if (msg->me_reply != NULL)
		answer_owe(msg);
	free(msg->me_body);
	free(msg);
}

/* ---- What peers do ---- */

static void
answer_make(unsigned int i)
{
	static const int errors[] = { MX_ENOENT, MX_EIO, MX_EINTR, MX_ENOMEM, MX_EINVAL, MX_EPERM, MX_EAGAIN, MX_ENOSPC,
		KERN_INVALID_ARGUMENT, MIG_BAD_ID };
	static struct fuzz_body b;
	struct answer an = answers[i];
	const struct fuzz_routine *r = fuzz_routine_find(an.an_id);
	void *memory;
	size_t bytes;

	answers[i] = answers[--nanswers];
	if (started && fuzz_chance(50)) {
		sim_right_drop(an.an_to, MACH_MSG_TYPE_MOVE_SEND_ONCE);
		return;
	}
	b.bo_size = 0;
	b.bo_complex = false;
	if (r == NULL || (started && fuzz_chance(5))) {
		fuzz_body_code(&b, errors[fuzz_random(sizeof(errors) / sizeof(errors[0]))]);
	} else {
		fuzz_body_code(&b, KERN_SUCCESS);
		memory = fuzz_target.ta_memory != NULL ? fuzz_target.ta_memory(an.an_id, &bytes) : NULL;
		if (memory != NULL)
			fuzz_body_memory(&b, memory, bytes);
		else
			fuzz_body_make(&b, r->ro_out, answer_right, false);
	}
	an.an_to->po_sorights--;
	sim_send(an.an_to, NULL, an.an_id + 100, b.bo_data, b.bo_size, b.bo_complex);
}

/* ---- What clients do ---- */

/* A routine that the object behind P answers, mostly. */
static const struct fuzz_routine *
routine_choose(struct sim_port *p)
{
	const struct mx_object *obj = p->po_has_payload ? (const struct mx_object *)p->po_payload : NULL;
	const struct fuzz_subsystem *su = NULL, *s;
	const struct fuzz_routine *r, *chosen = NULL;
	mx_demux_t *const *d;
	unsigned int n = 0;

	if (obj != NULL && !fuzz_chance(20)) {
		for (d = obj->mo_class->mc_demux; d != NULL && *d != NULL; d++)
			for (s = fuzz_target.ta_subsystems; s->su_name != NULL; s++)
				if (s->su_demux == *d && fuzz_random(++n) == 0)
					su = s;
	}
	n = 0;
	for (r = fuzz_routines; r->ro_name != NULL; r++)
		if (su == NULL || fuzz_chance(50) || strcmp(r->ro_subsystem, su->su_name) == 0)
			if (fuzz_random(++n) == 0)
				chosen = r;
	return chosen;
}

static void
notification_forge(struct sim_port *p)
{
	struct { mach_msg_type_t type; uint32_t value; } body = {
		{ .msgt_name = MACH_MSG_TYPE_INTEGER_32, .msgt_size = 32, .msgt_number = 1, .msgt_inline = 1 }, fuzz_random(5) };

	sim_send(p, NULL, MACH_NOTIFY_FIRST + (int)fuzz_random(14), &body, fuzz_chance(5) ? 0 : sizeof(body), false);
}

static void
request_send(void)
{
	static struct fuzz_body b;
	struct sim_port *p = handles[fuzz_random(nhandles)].ha_port, *client = clients[fuzz_random(CLIENTS)];
	const struct fuzz_routine *r;

	if (p->po_owner != SIM_SERVER || p->po_messages > 16)
		return;
	if (fuzz_chance(100)) {
		notification_forge(p);
		return;
	}
	r = routine_choose(p);
	if (fuzz_target.ta_may_send != NULL && !fuzz_target.ta_may_send(p, r->ro_id))
		return;
	b.bo_size = 0;
	b.bo_complex = false;
	fuzz_body_make(&b, r->ro_in, argument_right, fuzz_chance(6));
	if (r->ro_simple && !fuzz_chance(50))
		client = NULL;
	else
		sim_right_make(client, MACH_MSG_TYPE_MOVE_SEND_ONCE);
	nrequests++;
	if (sim_verbose)
		printf("# client: %s, %zu bytes\n", r->ro_name, b.bo_size);
	sim_send(p, client, fuzz_chance(200) ? (int)fuzz_random(0) & 0x7ffff : r->ro_id, b.bo_data, b.bo_size, b.bo_complex);
}

static void
client_die(unsigned int i)
{
	sim_port_die(clients[i]);
	clients[i] = sim_port_new(SIM_CLIENT);
}

/* ---- The course of the test ---- */

static void
end_begin(void)
{
	unsigned int i;

	ending = true;
	for (i = 0; i < CLIENTS; i++)
		client_die(i);
	while (nhandles != 0)
		handle_drop(nhandles - 1);
	while (nanswers != 0) {
		nanswers--;
		sim_right_drop(answers[nanswers].an_to, MACH_MSG_TYPE_MOVE_SEND_ONCE);
	}
	while (ntasks > fuzz_target.ta_immortal)
		task_die(ntasks - 1);
}

static void
end(void)
{
	unsigned int names = sim_names_live();

	printf("# %lu requests, %lu succeeded, %lu failed, %lu not answered; %u names, then %u; %u pages, then %u\n", nrequests,
		nsuccess, nerrors, ndestroyed, names_before, names, pages_before, sim_pages);
	if (sim_verbose || names > names_before + fuzz_target.ta_names_slack)
		sim_names_print();
	if (names > names_before + fuzz_target.ta_names_slack)
		sim_fail("rights are left when all clients are gone");
	if (sim_pages > pages_before + fuzz_target.ta_pages_slack)
		sim_fail("memory is left when all clients are gone");
	printf("ok - hostile clients\n1..1\n");
	exit(0);
}

/* The server said that it is up, or waits with nobody owing it an answer. */
static void
start_note(void)
{
	started = true;
	names_before = sim_names_live();
	pages_before = sim_pages;
	if (nhandles == 0)
		sim_fail("the server gave no right to anybody");
}

bool
client_step(bool can_time_out)
{
	if (!started && nanswers != 0) {
		answer_make(0);
		return true;
	}
	if (!started && !is_ready && !fuzz_target.ta_is_acs && can_time_out)
		return false;
	if (!started)
		start_note();
	if (!ending && steps-- <= 0) {
		end_begin();
		return true;
	}
	if (ending) {
		if (fuzz_target.ta_afterwards != NULL && quiet % 4 == 0) {
			quiet++;
			fuzz_target.ta_afterwards();
			return true;
		}
		if ((!can_time_out && quiet > QUIET_ROUNDS / 4) || quiet++ > QUIET_ROUNDS)
			end();
		return !can_time_out;
	}
	if (nanswers != 0 && (nanswers > ANSWERS_MAX / 2 || fuzz_chance(2))) {
		answer_make(fuzz_random(nanswers));
		return true;
	}
	if (can_time_out && fuzz_chance(4))
		return false;
	if (fuzz_chance(400))
		client_die(fuzz_random(CLIENTS));
	if (ntasks > fuzz_target.ta_immortal && fuzz_chance(300))
		task_die(fuzz_target.ta_immortal + fuzz_random(ntasks - fuzz_target.ta_immortal));
	if (nhandles > 20 && fuzz_chance(nhandles > HANDLES_MAX / 2 ? 2 : 8))
		handle_drop(fuzz_random(nhandles - 5) + 5);	/* the first ones are hard to get again */
	if (nhandles == 0)
		sim_fail("the clients have no right any more");
	if (fuzz_target.ta_meanwhile != NULL)
		fuzz_target.ta_meanwhile();
	request_send();
	return true;
}

int
main(int argc, char **argv)
{
	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1)
		steps = atol(argv[1]);
	srand(argc > 2 ? (unsigned int)atol(argv[2]) : 1);
	sim_verbose = getenv("FUZZ_VERBOSE") != NULL;
	if (getenv("FUZZ_NAME") != NULL)
		sim_watched = (mach_port_t)atoi(getenv("FUZZ_NAME"));
	for (i = 0; i < CLIENTS; i++)
		clients[i] = sim_port_new(SIM_CLIENT);
	mx_task = sim_give_send(sim_port_new(SIM_KERNEL));
	mx_acs = sim_give_send(sim_port_new(SIM_PEER));
	if (mx_loop_init() != KERN_SUCCESS || mx_notify_init() != KERN_SUCCESS)
		sim_fail("libmasix does not start");
	sim_tsc_start();
	mx_server_main(fuzz_target.ta_server, fuzz_target.ta_argc, fuzz_target.ta_argv);
}
