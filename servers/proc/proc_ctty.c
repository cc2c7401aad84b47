/*
 * proc_ctty.c - controlling terminals: which session has which.
 *
 * tty owns the terminals, proc the sessions. A session's terminal is set by proc_ctty, which asks tty; tty answers for
 * whether it is a terminal and is free, and from then on sends the keyboard's signals to the session's port.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "proc_act.h"
#include "server.h"
#include "proc_S.h"
#include "tty.h"

/* Another session had the terminal and was robbed of it. */
static void
others_lose(const struct session *s)
{
	struct proc *p;

	LIST_EACH(p, next, &proc_all, struct proc, p_all) {
		struct session *other = proc_session(p);

		if (other != s && other->s_tty != MACH_PORT_NULL && other->s_tty_major == s->s_tty_major &&
		    other->s_tty_minor == s->s_tty_minor) {
			mx_port_release(other->s_tty);
			other->s_tty = MACH_PORT_NULL;
			session_set_tty_pgrp(other, 0);
		}
	}
}

/* Ask tty; the terminal's number into MAJOR, MINOR. Blocks: tty */
static kern_return_t
attach_ask(struct session *s, int32_t pgrp, mach_port_t tty, bool steal, uint32_t *major, uint32_t *minor)
{
	struct session_port *sp = session_port_get(s);
	mach_port_t control;
	kern_return_t kr;

	if (sp == NULL)
		return MX_EAGAIN;
	kr = proc_tty_control(&control);
	if (kr != KERN_SUCCESS)
		return kr;
	mx_object_hold(&sp->sp_object);
	kr = tty_attach(control, tty, s->s_sid, pgrp, steal, mx_object_port(&sp->sp_object), major, minor);
	mx_object_release(&sp->sp_object);
	return kr;
}

/* TIOCSCTTY. Rights: TTY is the session's on success. */
static kern_return_t
ctty_attach(struct mx_object *obj, struct proc *p, mach_port_t tty, int32_t arg)
{
	struct session *s = proc_session(p);
	uint32_t major, minor;
	kern_return_t kr;

	if (s->s_leader != p)
		return MX_EPERM;
	if (s->s_tty != MACH_PORT_NULL) {
		if (s->s_tty != tty)
			return MX_EPERM;
		mx_port_release(tty);
		return KERN_SUCCESS;
	}
	kr = attach_ask(s, p->p_group->g_id, tty, arg == 1 && cred_is_root(&p->p_cred), &major, &minor);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = proc_port_caller(obj, &p);
	if (kr != KERN_SUCCESS)
		return kr;			/* dead: tty learns it from the session's port */
	s = proc_session(p);
	if (s->s_tty != MACH_PORT_NULL)
		return MX_EPERM;		/* another thread was faster */
	s->s_tty = tty;
	s->s_tty_major = major;
	s->s_tty_minor = minor;
	session_set_tty_pgrp(s, p->p_group->g_id);
	others_lose(s);
	return KERN_SUCCESS;
}

/* TIOCNOTTY */
static kern_return_t
ctty_detach(struct proc *p)
{
	struct session *s = proc_session(p);

	if (s->s_leader == p) {
		session_leave_tty(s);
	} else {
		p->p_gave_up_tty = true;
		proc_act_publish(p);
	}
	return KERN_SUCCESS;
}

/* TIOCSPGRP; TTY may be MACH_PORT_NULL for the session's own. Rights: TTY is consumed on success. */
static kern_return_t
ctty_set_pgrp(struct proc *p, mach_port_t tty, int32_t pgrp)
{
	struct session *s = proc_session(p);
	const struct group *g = group_find(pgrp);
	mach_port_t control;
	int32_t sid = s->s_sid;
	kern_return_t kr;

	if (pgrp <= 0)
		return MX_EINVAL;
	if (g == NULL)
		return MX_ESRCH;
	if (g->g_session != s)
		return MX_EPERM;
	kr = proc_tty_control(&control);
	if (kr == KERN_SUCCESS)
		kr = tty_set_pgrp(control, MACH_PORT_VALID(tty) ? tty : s->s_tty, sid, pgrp);
	if (kr != KERN_SUCCESS)
		return kr;
	s = session_find(sid);
	if (s != NULL && s->s_tty != MACH_PORT_NULL)
		session_set_tty_pgrp(s, pgrp);
	mx_port_release(tty);
	return KERN_SUCCESS;
}

kern_return_t
S_proc_ctty(struct mx_object *obj, uint32_t op, mach_port_t tty, int32_t arg, mach_port_t *io, mach_msg_type_name_t *io_type)
{
	mach_port_t control;
	struct proc *p;
	kern_return_t kr;

	*io = MACH_PORT_NULL;
	*io_type = MACH_MSG_TYPE_MOVE_SEND;
	kr = proc_port_caller(obj, &p);
	if (kr != KERN_SUCCESS)
		return kr;
	if (op == MX_CTTY_ATTACH)
		return MACH_PORT_VALID(tty) ? ctty_attach(obj, p, tty, arg) : MX_ENOTTY;
	if (op < MX_CTTY_ATTACH || op > MX_CTTY_OPEN)
		return MX_EINVAL;
	if (proc_session(p)->s_tty == MACH_PORT_NULL || p->p_gave_up_tty)
		return op == MX_CTTY_OPEN ? MX_ENXIO : MX_ENOTTY;
	if (op == MX_CTTY_SETPGRP)
		return ctty_set_pgrp(p, tty, arg);
	if (op == MX_CTTY_DETACH)
		kr = ctty_detach(p);
	else if ((kr = proc_tty_control(&control)) == KERN_SUCCESS)
		kr = tty_reopen(control, proc_session(p)->s_tty, (uint32_t)arg, io);
	if (kr == KERN_SUCCESS)
		mx_port_release(tty);
	return kr;
}
