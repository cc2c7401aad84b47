/*
 * proc_stop.c - the end of the system: all processes end before the servers that they use.
 *
 * As init of other systems does it: SIGTERM, a moment, SIGHUP (which interactive shells listen to), a moment, SIGKILL. Process 1 is
 * stopped first: it has nobody to reap for any more, and is not to act on the death of its child.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "proc_act.h"
#include "server.h"

#define POLL_NS		20000000ull
#define TERM_NS		400000000ull
#define KILL_NS		400000000ull

static void
signal_all(struct proc *init, uint32_t signo)
{
	const struct mx_siginfo info = { .si_signo = signo, .si_code = MX_SI_USER };

	(void)proc_kill(init, -1, 0, &info);		/* MX_ESRCH: there is nobody else */
}

static bool
others_live(const struct proc *init)
{
	const struct proc *p;

	LIST_EACH(p, next, &proc_all, struct proc, p_all)
		if (p != init && p->p_state != PROC_ZOMBIE)
			return true;
	return false;
}

static void
others_wait(const struct proc *init, uint64_t ns)
{
	uint64_t deadline = mx_now_ns() + ns;

	while (others_live(init) && mx_now_ns() < deadline)
		mx_sleep_ns(POLL_NS);
}

/* Stop it, and wait until it is: a worker does it. */
static void
init_suspend(struct proc *init)
{
	uint64_t deadline = mx_now_ns() + TERM_NS;

	proc_act_suspend(init);
	while (!proc_task_is_suspended(init) && mx_now_ns() < deadline)
		mx_sleep_ns(POLL_NS / 20);
}

void
proc_stop(void)
{
	struct proc *init = proc_find(1);

	if (init == NULL)
		return;
	init_suspend(init);
	signal_all(init, MX_SIGTERM);
	signal_all(init, MX_SIGCONT);
	others_wait(init, TERM_NS);
	signal_all(init, MX_SIGHUP);
	others_wait(init, TERM_NS);
	signal_all(init, MX_SIGKILL);
	others_wait(init, KILL_NS);
}
