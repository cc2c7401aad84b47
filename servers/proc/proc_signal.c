/*
 * proc_signal.c - who may signal whom, and what becomes of a signal.
 *
 * A signal is a message to the process's emulib, which knows handlers and masks. What must work against a dead or hostile
 * emulib - SIGKILL, SIGSTOP, SIGCONT - is done to the task. proc never waits for a process: when its port is full the signal
 * is kept here and sent again by a timer. Standard signals are kept once, real-time ones each, up to the receiver's
 * RLIMIT_SIGPENDING.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdlib.h>
#include <string.h>
#include "proc.h"
#include "proc_act.h"

static struct list retry = { &retry, &retry };		/* proc.p_in_retry: those with a queue */
static int32_t targets[MX_PROC_SLOTS];			/* of one proc_kill, which does not park */

/* ---- The queue of a process whose port is full ---- */

static void
queue_remove(struct sigqueue *q)
{
	list_remove(&q->q_link);
	q->q_user->u_signals--;
	user_put(q->q_user);
	free(q);
}

/* Forget the queued signals of SET. */
static void
queue_drop(struct proc *p, uint64_t set)
{
	struct sigqueue *q;

	LIST_EACH(q, next, &p->p_queue, struct sigqueue, q_link) {
		if (PROC_SIGBIT(q->q_info.si_signo) & set) {
			if (q->q_info.si_signo == MX_SIGCONT)
				p->p_conts--;
			queue_remove(q);
		}
	}
	if (list_empty(&p->p_queue))
		list_remove(&p->p_in_retry);
}

static bool
queue_has(const struct proc *p, uint32_t signo, int32_t tid)
{
	struct sigqueue *q;

	LIST_EACH(q, next, &p->p_queue, struct sigqueue, q_link) {
		if (q->q_info.si_signo == signo && q->q_tid == tid)
			return true;
	}
	return false;
}

/* Errors: MX_EAGAIN */
static kern_return_t
queue_add(struct proc *p, int32_t tid, const struct mx_siginfo *info)
{
	struct user *u = p->p_user;
	struct sigqueue *q;

	if (info->si_signo >= MX_SIGRTMIN && u->u_signals >= p->p_limit[MX_RLIMIT_SIGPENDING].rl_cur)
		return MX_EAGAIN;
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return MX_EAGAIN;
	q->q_user = u;
	u->u_refs++;
	u->u_signals++;
	q->q_tid = tid;
	q->q_info = *info;
	if (list_empty(&p->p_queue))
		list_append(&retry, &p->p_in_retry);
	list_append(&p->p_queue, &q->q_link);
	proc_act_retry_later();
	return KERN_SUCCESS;
}

void
proc_signal_flush(struct proc *p)
{
	queue_drop(p, ~0ull);
}

bool
proc_signal_retry(void)
{
	bool is_left = false;
	struct proc *p;
	struct sigqueue *q;

	LIST_EACH(p, next_p, &retry, struct proc, p_in_retry) {
		if (p->p_state == PROC_STOPPED)
			continue;		/* signal_continue comes back */
		is_left = true;
		LIST_EACH(q, next_q, &p->p_queue, struct sigqueue, q_link) {
			if (!proc_act_post(p, q->q_tid, &q->q_info))
				break;
			queue_remove(q);
		}
		if (list_empty(&p->p_queue))
			list_remove(&p->p_in_retry);
	}
	return is_left && !list_empty(&retry);
}

/* ---- Sending ---- */

static kern_return_t
signal_post(struct proc *p, int32_t tid, const struct mx_siginfo *info)
{
	uint32_t signo = info->si_signo;
	kern_return_t kr;

	if (signo < MX_SIGRTMIN && queue_has(p, signo, tid))
		return KERN_SUCCESS;
	if (signo == MX_SIGCONT)
		p->p_conts++;
	if (list_empty(&p->p_queue) && proc_act_post(p, tid, info))
		return KERN_SUCCESS;
	kr = queue_add(p, tid, info);
	if (kr != KERN_SUCCESS && signo == MX_SIGCONT)
		p->p_conts--;
	return kr;
}

static void
signal_stop(struct proc *p, uint32_t signo)
{
	if (p->p_state != PROC_RUNNING)
		return;
	proc_act_suspend(p);
	p->p_state = PROC_STOPPED;
	p->p_stop_signal = signo;
	p->p_continue_event = false;
	proc_tell_change(p, MX_CLD_STOPPED, (int32_t)signo);
}

static void
signal_continue(struct proc *p)
{
	if (p->p_state != PROC_STOPPED)
		return;
	p->p_state = PROC_RUNNING;
	p->p_stop_signal = 0;
	p->p_continue_event = true;
	proc_act_resume(p);
	if (!list_empty(&p->p_queue))
		proc_act_retry_later();
	proc_tell_change(p, MX_CLD_CONTINUED, MX_SIGCONT);
}

kern_return_t
proc_signal(struct proc *p, int32_t tid, const struct mx_siginfo *info)
{
	uint32_t signo = info->si_signo;

	if (signo == 0 || p->p_state == PROC_ZOMBIE)
		return KERN_SUCCESS;
	if (p->p_pid == 1 && (signo == MX_SIGKILL || signo == MX_SIGSTOP))
		return KERN_SUCCESS;
	switch (signo) {
	case MX_SIGKILL:
		proc_end(p, MX_SIGKILL);
		return KERN_SUCCESS;
	case MX_SIGSTOP:
		queue_drop(p, PROC_SIGBIT(MX_SIGCONT));
		signal_stop(p, signo);
		return KERN_SUCCESS;
	case MX_SIGCONT:
		queue_drop(p, PROC_STOPS);
		signal_continue(p);
		return signal_post(p, tid, info);
	case MX_SIGTSTP:
	case MX_SIGTTIN:
	case MX_SIGTTOU:
		queue_drop(p, PROC_SIGBIT(MX_SIGCONT));
		break;
	}
	if (p->p_ignored & PROC_SIGBIT(signo))
		return KERN_SUCCESS;
	return signal_post(p, tid, info);
}

void
proc_signal_kernel(struct proc *p, uint32_t signo)
{
	struct mx_siginfo info = { .si_signo = signo, .si_code = MX_SI_KERNEL };

	(void)proc_signal(p, 0, &info);		/* a standard signal is lost only without memory */
}

void
group_signal_kernel(struct group *g, uint32_t signo)
{
	struct proc *p;

	/* Signals other than SIGKILL free no process. */
	LIST_EACH(p, next, &g->g_members, struct proc, p_in_group)
		proc_signal_kernel(p, signo);
}

kern_return_t
proc_stopped(struct proc *p, uint32_t signo, uint32_t conts)
{
	if (signo == 0 || signo >= MX_NSIG || (PROC_SIGBIT(signo) & PROC_STOPS) == 0)
		return MX_EINVAL;
	if (p->p_pid == 1)
		return KERN_SUCCESS;
	if ((int32_t)(p->p_conts - conts) > 0)
		return KERN_SUCCESS;
	if (signo != MX_SIGSTOP && group_is_orphaned(p->p_group))
		return KERN_SUCCESS;
	signal_stop(p, signo);
	return KERN_SUCCESS;
}

/* ---- SIGCHLD ---- */

static uint32_t
us_to_ticks(uint64_t us)
{
	return (uint32_t)(us / 10000);
}

static void
tell(struct proc *p, uint32_t signo, int32_t code, int32_t status)
{
	struct mx_siginfo info = {
		.si_signo = signo, .si_code = code, .si_pid = p->p_pid, .si_uid = p->p_cred.c_ids.cr_ruid,
		.si_value = (uint32_t)status,
		.si_utime = us_to_ticks(p->p_usage.ru_utime_us), .si_stime = us_to_ticks(p->p_usage.ru_stime_us),
	};

	(void)proc_signal(p->p_parent, 0, &info);	/* a standard signal is lost only without memory */
}

void
proc_tell_change(struct proc *p, int32_t code, int32_t status)
{
	struct proc *parent = p->p_parent;

	if (parent == NULL)
		return;
	if ((parent->p_sigchld & MX_CHLD_NOSTOP) == 0)
		tell(p, MX_SIGCHLD, code, status);
	proc_act_wake_waiters(parent);
}

void
proc_tell_end(struct proc *p)
{
	struct proc *parent = p->p_parent;
	bool is_plain = p->p_exit_signal == MX_SIGCHLD;
	int32_t status = p->p_wstatus, pid = p->p_pid;

	if (parent == NULL) {
		proc_reap(p);
		return;
	}
	if (is_plain && !(parent->p_sigchld & MX_CHLD_NOWAIT) && proc_act_hand_over(parent, p))
		return;
	if (p->p_exit_signal != 0) {
		if ((status & 0x7f) == 0)
			tell(p, p->p_exit_signal, MX_CLD_EXITED, (status >> 8) & 0xff);
		else
			tell(p, p->p_exit_signal, MX_CLD_KILLED, status & 0x7f);
	}
	if (proc_find(pid) != p || p->p_parent != parent)
		return;			/* a signal that was the parent's end */
	if (is_plain && (parent->p_sigchld & MX_CHLD_NOWAIT))
		proc_reap(p);
	proc_act_wake_waiters(parent);
}

/* ---- kill(2) ---- */

static bool
proc_may_signal(const struct proc *sender, const struct proc *target, uint32_t signo)
{
	const struct mx_cred *s = &sender->p_cred.c_ids, *t = &target->p_cred.c_ids;

	if (sender == target || s->cr_euid == 0)
		return true;
	if (s->cr_euid == t->cr_suid || s->cr_euid == t->cr_ruid || s->cr_ruid == t->cr_suid || s->cr_ruid == t->cr_ruid)
		return true;
	return signo == MX_SIGCONT && proc_session(sender) == proc_session(target);
}

/* The pids of group G, or of everybody but process 1 and SENDER when G is NULL. */
static uint32_t
kill_collect(const struct proc *sender, const struct group *g)
{
	struct proc *p;
	uint32_t n = 0;

	if (g != NULL) {
		LIST_EACH(p, next, &g->g_members, struct proc, p_in_group)
			targets[n++] = p->p_pid;
		return n;
	}
	LIST_EACH(p, next, &proc_all, struct proc, p_all) {
		if (p->p_pid != 1 && p != sender)
			targets[n++] = p->p_pid;
	}
	return n;
}

static kern_return_t
kill_one(struct proc *sender, struct proc *target, int32_t tid, const struct mx_siginfo *info)
{
	if (target == NULL)
		return MX_ESRCH;
	if (!proc_may_signal(sender, target, info->si_signo))
		return MX_EPERM;
	return proc_signal(target, tid, info);
}

/* The first N pids of targets[]. One success is success; as on Linux kill(-1) forgives EPERM. */
static kern_return_t
kill_many(struct proc *sender, uint32_t n, bool is_all, const struct mx_siginfo *info)
{
	int32_t sender_pid = sender->p_pid;
	bool is_killing_self = false, is_done = false;
	kern_return_t kr, result = n > 0 && is_all ? KERN_SUCCESS : MX_ESRCH;

	for (uint32_t i = 0; i < n; i++) {
		struct proc *target = proc_find(targets[i]);

		if (target == NULL)
			continue;
		if (targets[i] == sender_pid && info->si_signo == MX_SIGKILL) {
			is_killing_self = true;		/* last, because the others need SENDER's rights */
			continue;
		}
		kr = kill_one(sender, target, 0, info);
		is_done |= kr == KERN_SUCCESS;
		if (!is_all || kr != MX_EPERM)
			result = kr;
	}
	if (is_killing_self)
		return proc_signal(sender, 0, info);
	return is_done ? KERN_SUCCESS : result;
}

/* What a process may say of a signal. Errors: MX_EINVAL, MX_EPERM */
static kern_return_t
kill_decode(const struct proc *sender, int32_t pid, int32_t tid, const struct mx_siginfo *in, struct mx_siginfo *out)
{
	if (in->si_signo >= MX_NSIG || tid < 0 || (tid != 0 && pid <= 0))
		return MX_EINVAL;
	*out = *in;
	if (in->si_code != MX_SI_USER && in->si_code != MX_SI_TKILL && in->si_code >= 0 && pid != sender->p_pid)
		return MX_EPERM;
	if (in->si_code <= 0) {
		out->si_pid = sender->p_pid;
		out->si_uid = sender->p_cred.c_ids.cr_ruid;
	}
	return KERN_SUCCESS;
}

kern_return_t
proc_kill(struct proc *sender, int32_t pid, int32_t tid, const struct mx_siginfo *in)
{
	struct mx_siginfo info;
	struct group *g;
	kern_return_t kr;

	kr = kill_decode(sender, pid, tid, in, &info);
	if (kr != KERN_SUCCESS)
		return kr;
	if (pid > 0)
		return kill_one(sender, proc_find(pid), tid, &info);
	if (pid == -1)
		return kill_many(sender, kill_collect(sender, NULL), true, &info);
	if (pid == INT32_MIN)
		return MX_ESRCH;
	g = pid == 0 ? sender->p_group : group_find(-pid);
	if (g == NULL)
		return MX_ESRCH;
	return kill_many(sender, kill_collect(sender, g), false, &info);
}
