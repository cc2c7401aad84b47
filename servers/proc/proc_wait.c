/*
 * proc_wait.c - wait4 and waitid: which child has something to tell.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <string.h>
#include "proc.h"

#define WAIT_OPTIONS	(MX_WNOHANG | MX_WUNTRACED | MX_WEXITED | MX_WCONTINUED | MX_WNOWAIT | MX_WALL | MX_WCLONE)

kern_return_t
proc_wait_check(uint32_t idtype, int32_t id, uint32_t options)
{
	if (options & ~WAIT_OPTIONS)
		return MX_EINVAL;
	if ((options & (MX_WEXITED | MX_WUNTRACED | MX_WCONTINUED)) == 0)
		return MX_EINVAL;
	if (idtype > MX_P_PGID || (idtype == MX_P_PID && id <= 0) || (idtype == MX_P_PGID && id < 0))
		return MX_EINVAL;
	return KERN_SUCCESS;
}

static bool
child_is_meant(const struct proc *parent, const struct proc *c, uint32_t idtype, int32_t id, uint32_t options)
{
	bool is_clone = c->p_exit_signal != MX_SIGCHLD;

	if (idtype == MX_P_PID && c->p_pid != id)
		return false;
	if (idtype == MX_P_PGID && c->p_group->g_id != (id != 0 ? id : parent->p_group->g_id))
		return false;
	return (options & MX_WALL) || is_clone == ((options & MX_WCLONE) != 0);
}

/* Is there an event of C that OPTIONS ask for? Its status then. */
static bool
child_event(const struct proc *c, uint32_t options, int32_t *wstatus)
{
	if (c->p_state == PROC_ZOMBIE && (options & MX_WEXITED))
		*wstatus = c->p_wstatus;
	else if (c->p_stop_signal != 0 && (options & MX_WUNTRACED))
		*wstatus = (int32_t)(c->p_stop_signal << 8) | 0x7f;
	else if (c->p_continue_event && (options & MX_WCONTINUED))
		*wstatus = 0xffff;
	else
		return false;
	return true;
}

/* The event was told: it is over. */
static void
child_event_take(struct proc *parent, struct proc *c)
{
	if (c->p_state == PROC_ZOMBIE) {
		rusage_add(&parent->p_child_usage, &c->p_usage);
		rusage_add(&parent->p_child_usage, &c->p_child_usage);
		proc_reap(c);
	} else if (c->p_stop_signal != 0) {
		c->p_stop_signal = 0;
	} else {
		c->p_continue_event = false;
	}
}

/* The event WSTATUS of C, which PARENT learns of. */
static void
child_report(struct proc *parent, struct proc *c, uint32_t options, int32_t wstatus, struct proc_waited *out)
{
	out->w_wstatus = wstatus;
	out->w_pid = c->p_pid;
	out->w_uid = c->p_cred.c_ids.cr_ruid;
	out->w_usage = c->p_usage;
	if (c->p_state == PROC_ZOMBIE)
		rusage_add(&out->w_usage, &c->p_child_usage);
	if ((options & MX_WNOWAIT) == 0)
		child_event_take(parent, c);
}

enum proc_wait_result
proc_wait_poll(struct proc *parent, uint32_t idtype, int32_t id, uint32_t options, struct proc_waited *out)
{
	enum proc_wait_result result = PROC_WAIT_NO_CHILD;
	struct proc *c;
	int32_t wstatus;

	LIST_EACH(c, next, &parent->p_children, struct proc, p_sibling) {
		if (!child_is_meant(parent, c, idtype, id, options))
			continue;
		if (c->p_state != PROC_ZOMBIE || (options & MX_WEXITED))
			result = PROC_WAIT_NONE_YET;
		if (!child_event(c, options, &wstatus))
			continue;
		child_report(parent, c, options, wstatus, out);
		return PROC_WAIT_FOUND;
	}
	return result;
}

bool
proc_wait_hand_over(struct list *waiters, struct proc *parent, struct proc *c)
{
	struct proc_waiter *wt;

	LIST_EACH(wt, next, waiters, struct proc_waiter, wt_link) {
		if (!(wt->wt_options & MX_WEXITED) || (wt->wt_options & MX_WNOWAIT) ||
		    !child_is_meant(parent, c, wt->wt_idtype, wt->wt_id, wt->wt_options))
			continue;
		list_remove(&wt->wt_link);
		wt->wt_is_done = true;
		wt->wt_result.w_sigchld = (parent->p_ignored & PROC_SIGBIT(MX_SIGCHLD)) == 0;
		child_report(parent, c, wt->wt_options, c->p_wstatus, &wt->wt_result);
		return true;
	}
	return false;
}

void
rusage_add(struct mx_rusage *to, const struct mx_rusage *u)
{
	to->ru_utime_us += u->ru_utime_us;
	to->ru_stime_us += u->ru_stime_us;
	if (u->ru_maxrss_kb > to->ru_maxrss_kb)
		to->ru_maxrss_kb = u->ru_maxrss_kb;
	to->ru_minflt += u->ru_minflt;
	to->ru_majflt += u->ru_majflt;
	to->ru_inblock += u->ru_inblock;
	to->ru_oublock += u->ru_oublock;
	to->ru_nvcsw += u->ru_nvcsw;
	to->ru_nivcsw += u->ru_nivcsw;
	to->ru_nsignals += u->ru_nsignals;
}
