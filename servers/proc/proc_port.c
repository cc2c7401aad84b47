/*
 * proc_port.c - the ports that stand for processes and sessions.
 *
 * A process's port and the process have different lives: a right to the port may be kept when the process was waited for
 * long ago. So the port is an object of its own. When its process is gone it retires, and serves another one as soon as nobody
 * has a right to it: asking that when a port is needed is cheaper than being notified for each.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "proc_act.h"
#include "server.h"
#include "proc_S.h"
#include "mach_port.h"
#include "proc_session_S.h"

extern mx_demux_t proc_server, proc_session_server;

static mx_demux_t *const proc_demux[] = { proc_server, NULL };
static mx_demux_t *const session_demux[] = { proc_session_server, NULL };

static struct mx_class proc_class = {
	.mc_name = "process", .mc_size = sizeof(struct proc_port), .mc_demux = proc_demux,
};
static struct mx_class session_class = {
	.mc_name = "session", .mc_size = sizeof(struct session_port), .mc_demux = session_demux,
};

#define RETIRED_MAX	512		/* ports that somebody may have a right to */
#define RETIRED_KEPT	64		/* those that nobody has one to: what is more is given back */
#define RETIRED_TRIES	4

static struct list retired = { &retired, &retired };
static uint32_t nretired;

/* A retired port that nobody has a right to, or NULL. The longest retired are looked at first. */
static struct proc_port *
retired_take(void)
{
	for (int i = 0; i < RETIRED_TRIES && !list_empty(&retired); i++) {
		struct proc_port *pp = LIST_ENTRY(retired.next, struct proc_port, pp_retired);
		mach_port_status_t status;

		list_remove(&pp->pp_retired);
		if (pp->pp_object.mo_refs == 1 &&
		    mach_port_get_receive_status(mx_task, pp->pp_object.mo_port, &status) == KERN_SUCCESS &&
		    !status.mps_srights && status.mps_msgcount == 0) {
			nretired--;
			return pp;
		}
		list_append(&retired, &pp->pp_retired);
	}
	return NULL;
}

static void
retire(struct proc_port *pp)
{
	list_append(&retired, &pp->pp_retired);
	if (++nretired <= RETIRED_KEPT)
		return;
	pp = retired_take();
	if (pp != NULL) {
		mx_object_release(&pp->pp_object);
		return;
	}
	if (nretired <= RETIRED_MAX)
		return;
	/* Somebody collects them: the oldest becomes a dead name there. */
	pp = LIST_ENTRY(retired.next, struct proc_port, pp_retired);
	list_remove(&pp->pp_retired);
	nretired--;
	mx_object_release(&pp->pp_object);
}

struct proc_port *
proc_port_spare(void)
{
	struct proc_port *pp = retired_take();

	if (pp == NULL) {
		pp = mx_object_create(&proc_class);
		if (pp != NULL)
			list_init(&pp->pp_waits);
	}
	return pp;
}

void
proc_port_discard(struct proc_port *pp)
{
	retire(pp);
}

kern_return_t
proc_port_create(struct proc *p)
{
	struct proc_port *pp = proc_port_spare();

	if (pp == NULL)
		return MX_EAGAIN;
	pp->pp_proc = p;
	p->p_port = pp;
	return KERN_SUCCESS;
}

void
proc_port_replace(struct proc *p, struct proc_port *pp)
{
	proc_act_forget(p);
	pp->pp_proc = p;
	p->p_port = pp;
}

mach_port_t
proc_port_send_right(struct proc *p, mach_msg_type_name_t *disposition)
{
	struct proc_port *pp = p->p_port;
	return mx_object_make_send(&pp->pp_object, disposition);
}

kern_return_t
proc_port_caller(struct mx_object *obj, struct proc **p)
{
	struct proc_port *pp = mx_object_cast(obj, &proc_class);

	if (pp == NULL || pp->pp_proc == NULL || pp->pp_proc->p_state == PROC_ZOMBIE)
		return MX_ESTALEPROC;
	*p = pp->pp_proc;
	return KERN_SUCCESS;
}

struct session_port *
session_port_get(struct session *s)
{
	struct session_port *sp = s->s_port;

	if (sp != NULL)
		return sp;
	sp = mx_object_create(&session_class);
	if (sp == NULL)
		return NULL;
	sp->sp_session = s;
	s->s_port = sp;
	return sp;
}

/* ---- What the core asks for ---- */

void
proc_act_wake_waiters(struct proc *p)
{
	struct proc_port *pp = p->p_port;

	if (pp != NULL)
		mx_cond_broadcast(&pp->pp_waiters);
}

bool
proc_act_hand_over(struct proc *parent, struct proc *child)
{
	struct proc_port *pp = parent->p_port;

	if (pp == NULL || !proc_wait_hand_over(&pp->pp_waits, parent, child))
		return false;
	mx_cond_broadcast(&pp->pp_waiters);
	return true;
}

void
proc_act_forget(struct proc *p)
{
	struct proc_port *pp = p->p_port;

	if (pp == NULL)
		return;
	pp->pp_proc = NULL;
	mx_cond_broadcast(&pp->pp_waiters);
	retire(pp);
}

void
proc_act_session_free(struct session *s)
{
	struct session_port *sp = s->s_port;

	if (sp == NULL)
		return;
	sp->sp_session = NULL;
	mx_object_release(&sp->sp_object);
}
