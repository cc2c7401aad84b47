/*
 * proc_port.c - the ports that stand for processes and sessions.
 *
 * A process's port and the process have different lives: a zombie's port may have no right left, and a right may be kept after
 * the process was waited for. So the port is an object of its own, that ends when both are over.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "proc_act.h"
#include "server.h"
#include "proc_S.h"
#include "proc_session_S.h"

extern mx_demux_t proc_server, proc_session_server;

static void proc_port_no_senders(struct mx_object *obj);
static void session_port_no_senders(struct mx_object *obj);

static mx_demux_t *const proc_demux[] = { proc_server, NULL };
static mx_demux_t *const session_demux[] = { proc_session_server, NULL };

static struct mx_class proc_class = {
	.mc_name = "process", .mc_size = sizeof(struct proc_port), .mc_demux = proc_demux,
	.mc_no_senders = proc_port_no_senders,
};
static struct mx_class session_class = {
	.mc_name = "session", .mc_size = sizeof(struct session_port), .mc_demux = session_demux,
	.mc_no_senders = session_port_no_senders,
};

static void
proc_port_no_senders(struct mx_object *obj)
{
	struct proc_port *pp = mx_object_cast(obj, &proc_class);

	pp->pp_has_senders = false;
	if (pp->pp_proc == NULL)
		mx_object_release(obj);
}

static void
session_port_no_senders(struct mx_object *obj)
{
	(void)obj;			/* tty died or forgot the terminal; the session keeps its object */
}

kern_return_t
proc_port_create(struct proc *p)
{
	struct proc_port *pp = mx_object_create(&proc_class);

	if (pp == NULL)
		return MX_EAGAIN;
	pp->pp_proc = p;
	p->p_port = pp;
	return KERN_SUCCESS;
}

mach_port_t
proc_port_send_right(struct proc *p, mach_msg_type_name_t *disposition)
{
	struct proc_port *pp = p->p_port;
	mach_port_t right = mx_object_make_send(&pp->pp_object, disposition);

	if (right != MACH_PORT_NULL)
		pp->pp_has_senders = true;
	return right;
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

void
proc_act_forget(struct proc *p)
{
	struct proc_port *pp = p->p_port;

	if (pp == NULL)
		return;
	pp->pp_proc = NULL;
	mx_cond_broadcast(&pp->pp_waiters);
	if (!pp->pp_has_senders)
		mx_object_release(&pp->pp_object);
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
