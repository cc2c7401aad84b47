/*
 * proc_session_rpc.c - what tty tells proc about a session's terminal.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdlib.h>
#include "proc_act.h"
#include "server.h"
#include "proc_session_S.h"
#include "tty.h"

/* What a terminal may send. */
#define TTY_SIGNALS	(PROC_SIGBIT(MX_SIGINT) | PROC_SIGBIT(MX_SIGQUIT) | PROC_SIGBIT(MX_SIGTSTP) | \
			 PROC_SIGBIT(MX_SIGWINCH) | PROC_SIGBIT(MX_SIGTTIN) | PROC_SIGBIT(MX_SIGTTOU) | \
			 PROC_SIGBIT(MX_SIGHUP) | PROC_SIGBIT(MX_SIGCONT))

kern_return_t
S_proc_session_signal(struct mx_object *obj, int32_t pgrp, uint32_t signo)
{
	struct session *s = ((struct session_port *)obj)->sp_session;
	struct group *g = group_find(pgrp);

	if (signo == 0 || signo >= MX_NSIG || (PROC_SIGBIT(signo) & TTY_SIGNALS) == 0)
		return MX_EINVAL;
	if (s == NULL || g == NULL || g->g_session != s)
		return MX_ESRCH;
	group_signal_kernel(g, signo);
	return KERN_SUCCESS;
}

kern_return_t
S_proc_session_hangup(struct mx_object *obj)
{
	struct session *s = ((struct session_port *)obj)->sp_session;
	struct group *front;

	if (s == NULL || s->s_tty == MACH_PORT_NULL)
		return KERN_SUCCESS;
	front = group_find(s->s_tty_pgrp);
	if (s->s_leader != NULL) {
		proc_signal_kernel(s->s_leader, MX_SIGHUP);
		proc_signal_kernel(s->s_leader, MX_SIGCONT);
	}
	if (front != NULL && front->g_session == s) {
		group_signal_kernel(front, MX_SIGHUP);
		group_signal_kernel(front, MX_SIGCONT);
	}
	session_drop_tty(s);
	return KERN_SUCCESS;
}

/* ---- The session loses its terminal: tty hears of it from a fibril of its own, because the core does not park ---- */

struct detachment {
	mach_port_t	dt_tty;
	int32_t		dt_sid;
};

static void
detach_run(void *arg)
{
	struct detachment d = *(struct detachment *)arg;
	mach_port_t control;

	free(arg);
	if (proc_tty_control(&control) == KERN_SUCCESS)
		(void)tty_detach(control, d.dt_tty, d.dt_sid);	/* a terminal that is gone is detached */
	mx_port_release(d.dt_tty);
}

void
proc_act_drop_tty(struct session *s)
{
	struct detachment *d = malloc(sizeof(*d));

	if (d == NULL) {
		mx_port_release(s->s_tty);	/* tty keeps a session that nobody speaks for, until it is stolen */
		return;
	}
	d->dt_tty = s->s_tty;
	d->dt_sid = s->s_sid;
	if (mx_fibril_start(detach_run, d, "tty detach") != KERN_SUCCESS) {
		mx_port_release(d->dt_tty);
		free(d);
	}
}
