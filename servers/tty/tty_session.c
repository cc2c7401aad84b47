/*
 * tty_session.c - job control: which session has the terminal, and telling proc about the keyboard's signals.
 *
 * Messages to proc never wait: proc asks this server things too, and two servers that wait for room in each other's queue wait
 * for ever. What finds the queue full is kept and sent a little later.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tty.h"

#include <stdlib.h>
#include "mach_port.h"
#include "proc_session.h"

#define RETRY_NS	10000000u
#define RETRY_MAX	500		/* a proc that takes nothing for 5 s is not coming back */
#define LATE_MAX	64u		/* messages that wait for room */
#define SIGNAL_HANGUP	0		/* of struct late: not a signal but the line */

/* A message that proc had no room for. */
struct late {
	mach_port_t	la_session;	/* send right */
	int32_t		la_pgrp;
	uint32_t	la_signo;
};

static unsigned int nlate;

static kern_return_t
late_send(const struct late *l)
{
	return l->la_signo == SIGNAL_HANGUP ? proc_session_hangup(l->la_session) :
		proc_session_signal(l->la_session, l->la_pgrp, l->la_signo);
}

static void
late_run(void *arg)
{
	struct late *l = arg;

	for (int i = 0; i < RETRY_MAX && late_send(l) == MACH_SEND_TIMED_OUT; i++)
		mx_sleep_ns(RETRY_NS);
	mx_port_release(l->la_session);
	free(l);
	nlate--;
}

/* Send now, or soon. Rights: SESSION is consumed. */
static void
session_tell(mach_port_t session, int32_t pgrp, uint32_t signo)
{
	struct late now = { session, pgrp, signo }, *l;
	static bool said;

	if (late_send(&now) != MACH_SEND_TIMED_OUT) {
		mx_port_release(session);
		return;
	}
	l = nlate < LATE_MAX ? malloc(sizeof *l) : NULL;
	if (l != NULL)
		*l = now;
	if (l == NULL || mx_fibril_start(late_run, l, "late signal") != KERN_SUCCESS) {
		if (!said)
			mx_log(MX_LOG_WARNING, "proc takes no signals: some are lost");
		said = true;
		mx_port_release(session);
		free(l);
		return;
	}
	nlate++;
}

/* One more reference to TTY's right to its session. */
static mach_port_t
session_right(const struct tty *tty)
{
	if (mach_port_mod_refs(mx_task, tty->t_session, MACH_PORT_RIGHT_SEND, 1) != KERN_SUCCESS)
		return MACH_PORT_NULL;		/* proc, or the session, is gone */
	return tty->t_session;
}

void
tty_session_signal(struct tty *tty, int signo)
{
	mach_port_t session;

	if (tty->t_sid == 0 || tty->t_pgrp == 0)
		return;
	session = session_right(tty);
	if (session != MACH_PORT_NULL)
		session_tell(session, tty->t_pgrp, (uint32_t)signo);
}

void
tty_session_hangup(struct tty *tty)
{
	mach_port_t session;

	if (tty->t_sid == 0)
		return;
	session = session_right(tty);
	if (session != MACH_PORT_NULL)
		session_tell(session, 0, SIGNAL_HANGUP);
	tty_session_clear(tty);
}

void
tty_session_clear(struct tty *tty)
{
	if (tty->t_session != MACH_PORT_NULL) {
		mx_forget_dead_name(tty->t_session);
		mx_port_release(tty->t_session);
	}
	tty->t_session = MACH_PORT_NULL;
	tty->t_sid = tty->t_pgrp = 0;
}

/* The session ended without a word. */
static void
session_died(void *arg, mach_port_t port)
{
	struct tty *tty = arg;

	if (tty->t_session != port)
		return;
	tty->t_session = MACH_PORT_NULL;
	tty->t_sid = tty->t_pgrp = 0;
	mx_port_release(port);
}

/* Rights: takes SESSION when it succeeds. Errors: MX_EPERM another session has the terminal */
kern_return_t
tty_session_attach(struct tty *tty, int32_t sid, int32_t pgrp, bool steal, mach_port_t session)
{
	kern_return_t kr;

	if (tty->t_sid != 0 && tty->t_sid != sid && !steal)
		return MX_EPERM;
	tty_session_clear(tty);
	kr = mx_on_dead_name(session, session_died, tty);
	if (kr != KERN_SUCCESS)
		return kr;
	tty->t_session = session;
	tty->t_sid = sid;
	tty->t_pgrp = pgrp;
	return KERN_SUCCESS;
}
