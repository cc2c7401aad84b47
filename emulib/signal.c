/*
 * signal.c - pending signals, who takes them, and what happens then.
 *
 * A signal is put into a thread's or the process's pending set by whoever has it (the service thread, a sibling, the thread itself)
 * under p_lock; a thread that should take it is made to look up (em_thread_kick). Only on its way out of emulib does a thread take
 * signals, so no handler ever runs inside a call.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "clone.h"
#include "proc.h"

#define SIG_DFL		0u
#define SIG_IGN		1u
#define SA_NOCLDSTOP	0x00000001u
#define SA_NOCLDWAIT	0x00000002u
#define SA_RESTART	0x10000000u
#define SA_NODEFER	0x40000000u
#define SA_RESETHAND	0x80000000u

#define UNBLOCKABLE	(EM_BIT(MX_SIGKILL) | EM_BIT(MX_SIGSTOP))
#define STOPS		(EM_BIT(MX_SIGTSTP) | EM_BIT(MX_SIGTTIN) | EM_BIT(MX_SIGTTOU))
#define FAULTS		(EM_BIT(MX_SIGSEGV) | EM_BIT(MX_SIGBUS) | EM_BIT(MX_SIGILL) | EM_BIT(MX_SIGTRAP) | EM_BIT(MX_SIGFPE) | \
			 EM_BIT(MX_SIGSYS))
#define NOTHING		(EM_BIT(MX_SIGCHLD) | EM_BIT(MX_SIGCONT) | EM_BIT(MX_SIGURG) | EM_BIT(MX_SIGWINCH))
#define QUEUE_MAX	1024

/* A pending signal, of the process when q_thread is NULL. */
struct em_queued {
	struct em_queued *q_next;
	struct em_thread *q_thread;
	struct mx_siginfo q_info;
};

static bool
signal_is_ignored(const struct em_process *p, int signo)
{
	uint32_t handler = p->p_action[signo - 1].sa_handler;

	return handler == SIG_IGN || (handler == SIG_DFL && (NOTHING & EM_BIT(signo)));
}

/* What T could take now. */
static em_sigset
signal_ready(const struct em_process *p, const struct em_thread *t)
{
	return (p->p_pending | t->t_pending) & (~t->t_mask | t->t_waitset);
}

bool
em_signal_deliverable(struct em_process *p, struct em_thread *t)
{
	return t->t_fault.si_signo != 0 || t->t_dead || signal_ready(p, t) != 0;
}

bool
em_signal_waiting(void)
{
	struct em_thread *t = em_self();
	struct em_process *p = t->t_process;
	bool yes;

	em_lock(&p->p_lock);
	yes = em_signal_deliverable(p, t);
	if (!yes)
		t->t_attention = 0;
	em_unlock(&p->p_lock);
	return yes;
}

/* ---- Pending sets ---- */

static void
queue_drop(struct em_process *p, em_sigset which)
{
	struct em_queued **at = &p->p_queue, *q;

	while ((q = *at) != NULL) {
		if (which & EM_BIT(q->q_info.si_signo)) {
			*at = q->q_next;
			p->p_nqueued--;
			em_free(q, sizeof(*q));
		} else {
			at = &q->q_next;
		}
	}
}

/* Forget pending signals of the whole process. */
static void
pending_drop(struct em_process *p, em_sigset which)
{
	p->p_pending &= ~which;
	for (struct em_thread *t = p->p_threads; t != NULL; t = t->t_next)
		t->t_pending &= ~which;
	queue_drop(p, which);
}

void
em_signal_discard(struct em_process *p, int signo)
{
	if (signal_is_ignored(p, signo))
		pending_drop(p, EM_BIT(signo));
}

/* What came with a signal is in the queue; of standard signals at most one per set is pending, and is so even when there is no memory
 * for what came with it. */
static bool
pending_add(struct em_process *p, struct em_thread *t, const struct mx_siginfo *info)
{
	em_sigset *set = t != NULL ? &t->t_pending : &p->p_pending;
	bool standard = info->si_signo < MX_SIGRTMIN;
	struct em_queued *q, **at;

	if (standard && (*set & EM_BIT(info->si_signo)))
		return true;
	q = standard || p->p_nqueued < QUEUE_MAX ? em_alloc(sizeof(*q)) : NULL;
	if (q == NULL && !standard)
		return false;
	*set |= EM_BIT(info->si_signo);
	if (q == NULL)
		return true;
	q->q_thread = t;
	q->q_info = *info;
	for (at = &p->p_queue; *at != NULL; at = &(*at)->q_next)
		;
	*at = q;
	p->p_nqueued++;
	return true;
}

/* Take SIGNO out of T's or, T NULL, the process's pending set. */
static void
pending_take(struct em_process *p, struct em_thread *t, int signo, struct mx_siginfo *info)
{
	em_sigset *set = t != NULL ? &t->t_pending : &p->p_pending;
	struct em_queued **at = &p->p_queue, *q, *found = NULL;

	*set &= ~EM_BIT(signo);
	*info = (struct mx_siginfo){ .si_signo = (uint32_t)signo };
	while ((q = *at) != NULL) {
		if (q->q_thread != t || q->q_info.si_signo != (uint32_t)signo) {
			at = &q->q_next;
		} else if (found == NULL) {
			found = q;
			*at = q->q_next;
		} else {
			*set |= EM_BIT(signo);	/* one more of them */
			break;
		}
	}
	if (found != NULL) {
		*info = found->q_info;
		p->p_nqueued--;
		em_free(found, sizeof(*found));
	}
}

/* The next signal in WHICH for T, or 0. Locks: p_lock held. */
int
em_signal_take(struct em_process *p, struct em_thread *t, em_sigset which, struct mx_siginfo *info)
{
	em_sigset ready = (p->p_pending | t->t_pending) & which;
	int signo;

	if (ready == 0)
		return 0;
	if (ready & FAULTS)
		ready &= FAULTS;
	signo = __builtin_ctzll(ready) + 1;
	pending_take(p, t->t_pending & EM_BIT(signo) ? t : NULL, signo, info);
	return signo;
}

static struct em_thread *
thread_for(struct em_process *p, em_sigset bit)
{
	struct em_thread *t;

	for (t = p->p_threads; t != NULL; t = t->t_next)
		if (!t->t_dead && (bit & (~t->t_mask | t->t_waitset)))
			return t;
	return NULL;
}

void
em_signal_post(struct em_process *p, struct em_thread *t, const struct mx_siginfo *info)
{
	em_sigset bit = EM_BIT(info->si_signo);
	struct em_thread *taker = t;

	if (bit & (STOPS | EM_BIT(MX_SIGSTOP)))
		pending_drop(p, EM_BIT(MX_SIGCONT));
	if (info->si_signo == MX_SIGCONT)
		pending_drop(p, STOPS);
	if (t == NULL || !(bit & (~t->t_mask | t->t_waitset)))
		taker = t == NULL ? thread_for(p, bit) : NULL;
	if (taker != NULL && !(bit & taker->t_waitset) && signal_is_ignored(p, (int)info->si_signo))
		return;
	if (pending_add(p, t, info) && taker != NULL)
		em_thread_kick(taker);
}

int32_t
em_signal_self(int signo, int code, uint32_t value)
{
	struct em_thread *t = em_self();
	struct em_process *p = t->t_process;
	struct mx_siginfo info = { .si_signo = (uint32_t)signo, .si_code = code, .si_value = value };
	struct em_thread *to = signo == MX_SIGPIPE ? t : NULL;

	if (code <= 0) {
		info.si_pid = p->p_pid;
		info.si_uid = MX_SYS->sy_proc[p->p_slot].sp_ruid;
	}
	em_lock(&p->p_lock);
	em_signal_post(p, to, &info);
	em_unlock(&p->p_lock);
	return 0;
}

int32_t
em_signal_group(int signo)
{
	struct mx_siginfo info = { .si_signo = (uint32_t)signo, .si_code = MX_SI_USER };

	return em_errno(proc_kill(em_proc()->p_port, 0, 0, info));
}

void
em_signal_force(struct em_thread *t, int signo, int code, uint32_t addr)
{
	t->t_fault = (struct mx_siginfo){ .si_signo = (uint32_t)signo, .si_code = code, .si_value = addr };
	t->t_attention = 1;
}

/* ---- What proc needs to know: whether SIGCHLD has any effect ---- */

void
em_signal_tell_ignored(struct em_process *p)
{
	const struct em_sigaction *sa = &p->p_action[MX_SIGCHLD - 1];
	uint32_t flags = 0, told;
	em_sigset ignored = 0;

	em_lock(&p->p_lock);
	if (sa->sa_handler == SIG_IGN || (sa->sa_flags & SA_NOCLDWAIT))
		flags |= MX_CHLD_NOWAIT;
	if (sa->sa_flags & SA_NOCLDSTOP)
		flags |= MX_CHLD_NOSTOP;
	if (signal_is_ignored(p, MX_SIGCHLD))
		ignored = EM_BIT(MX_SIGCHLD);
	for (struct em_thread *t = p->p_threads; t != NULL; t = t->t_next)
		ignored &= ~(t->t_mask | t->t_waitset);
	told = 1u << 31 | flags << 1 | (ignored != 0);
	if (told == p->p_told_ignored) {
		em_unlock(&p->p_lock);
		return;
	}
	p->p_told_ignored = told;
	em_unlock(&p->p_lock);
	(void)proc_set_ignored(p->p_port, ignored, flags);	/* a dead proc is noticed by the next call with an answer */
}

/* ---- Taking them ---- */

void
em_process_die(int wstatus)
{
	struct em_process *p = em_proc();
	bool raised = false;

	if (p->p_is_vfork)
		em_vfork_exit(em_self(), wstatus);
	em_call_report(p);
	em_futex_robust_exit(em_self());
	em_file_exit(p);
	em_lock(&p->p_lock);
	for (struct em_thread *t = p->p_threads; t != NULL; t = t->t_next)
		raised |= t->t_raised;
	em_unlock(&p->p_lock);
	if (raised)
		em_service_die(wstatus);
	em_self()->t_is_last = true;
	(void)proc_exit(p->p_port, wstatus);
	for (;;)
		(void)em_sleep_until(~0ull);
}

/* The default action. Returns when the process goes on. */
static void
signal_default(struct em_process *p, int signo)
{
	if (NOTHING & EM_BIT(signo))
		return;
	if (STOPS & EM_BIT(signo)) {
		em_service_sync();	/* a SIGCONT that came before the stop signal has nothing to do with it */
		(void)proc_stop(p->p_port, (uint32_t)signo, p->p_conts);	/* refused (orphaned group): goes on */
		return;
	}
	em_process_die(signo);
}

/* Which signal next: the fault first. 0: none. Locks: p_lock held. */
static int
signal_next(struct em_process *p, struct em_thread *t, struct mx_siginfo *info)
{
	struct em_sigaction *sa;
	int signo = (int)t->t_fault.si_signo;

	if (signo == 0)
		return em_signal_take(p, t, ~t->t_mask, info);
	*info = t->t_fault;
	t->t_fault.si_signo = 0;
	sa = &p->p_action[signo - 1];
	if (sa->sa_handler == SIG_IGN || (t->t_mask & EM_BIT(signo))) {
		sa->sa_handler = SIG_DFL;	/* it cannot be put off */
		t->t_mask &= ~EM_BIT(signo);
	}
	return signo;
}

/* The interrupted call's end as the handler's frame shall show it. */
static void
restart_decide(struct em_thread *t, int32_t restart, const struct em_sigaction *sa)
{
	if (restart == 0)
		return;
	if (restart == EM_RESTARTNOINTR || (restart == EM_RESTARTSYS && (sa->sa_flags & SA_RESTART)))
		em_call_rewind(t, t->t_regs.r_orig_eax);
	else
		t->t_regs.r_eax = (uint32_t)-MX_ERRNO(MX_EINTR);
}

static void
handler_enter(struct em_process *p, struct em_thread *t, const struct em_sigaction *sa, const struct mx_siginfo *info)
{
	em_sigset mask = t->t_restore_mask ? t->t_saved_mask : t->t_mask;

	t->t_restore_mask = false;
	if (em_frame_build(t, sa, info, mask) < 0) {
		if (info->si_signo == MX_SIGSEGV)
			p->p_action[MX_SIGSEGV - 1].sa_handler = SIG_DFL;
		em_signal_force(t, MX_SIGSEGV, MX_SI_KERNEL, 0);
		return;
	}
	em_lock(&p->p_lock);
	t->t_mask |= sa->sa_mask;
	if (!(sa->sa_flags & SA_NODEFER))
		t->t_mask |= EM_BIT(info->si_signo);
	t->t_mask &= ~UNBLOCKABLE;
	em_unlock(&p->p_lock);
}

bool
em_attend(struct em_thread *t, int32_t restart)
{
	struct em_process *p = t->t_process;
	struct em_sigaction sa;
	struct mx_siginfo info;
	bool entered = false;
	int signo;

	for (;;) {
		em_lock(&p->p_lock);
		t->t_attention = 0;
		if (t->t_dead) {
			em_unlock(&p->p_lock);
			em_thread_exit(t, 0);
		}
		signo = signal_next(p, t, &info);
		if (signo == 0 && t->t_restore_mask && !entered) {
			t->t_mask = t->t_saved_mask;
			t->t_restore_mask = false;
			signo = signal_next(p, t, &info);
		}
		if (signo == 0) {
			em_unlock(&p->p_lock);
			return entered;
		}
		sa = p->p_action[signo - 1];
		if (sa.sa_handler > SIG_IGN && (sa.sa_flags & SA_RESETHAND))
			p->p_action[signo - 1].sa_handler = SIG_DFL;
		em_unlock(&p->p_lock);
		if (sa.sa_handler == SIG_IGN)
			continue;
		if (sa.sa_handler == SIG_DFL) {
			signal_default(p, signo);
			continue;
		}
		if (!entered)
			restart_decide(t, restart, &sa);
		entered = true;
		handler_enter(p, t, &sa, &info);
	}
}

/* ---- Life of a process ---- */

/* A new program: handlers become default, what is ignored or blocked stays so, pending signals stay. */
void
em_signal_exec(struct em_process *p, struct em_thread *t)
{
	em_lock(&p->p_lock);
	for (unsigned int i = 0; i < ARRAY_LEN(p->p_action); i++) {
		if (p->p_action[i].sa_handler > SIG_IGN)
			p->p_action[i].sa_handler = SIG_DFL;
		p->p_action[i].sa_flags = 0;
		p->p_action[i].sa_restorer = 0;
		p->p_action[i].sa_mask = 0;
	}
	t->t_alt_sp = t->t_alt_size = 0;
	t->t_alt_flags = 2;
	t->t_waitset = 0;
	t->t_restore_mask = false;
	em_unlock(&p->p_lock);
}

void
em_signal_clear_handlers(struct em_process *p, bool wanted)
{
	for (unsigned int i = 0; wanted && i < ARRAY_LEN(p->p_action); i++)
		if (p->p_action[i].sa_handler > SIG_IGN)
			p->p_action[i].sa_handler = SIG_DFL;
}

/* T ends: what was for it alone goes. Locks: p_lock held. */
void
em_signal_thread_exit(struct em_process *p, struct em_thread *t)
{
	struct em_queued **at = &p->p_queue, *q;

	while ((q = *at) != NULL) {
		if (q->q_thread != t) {
			at = &q->q_next;
			continue;
		}
		*at = q->q_next;
		p->p_nqueued--;
		em_free(q, sizeof(*q));
	}
}

/* Nothing is pending for P. */
void
em_signal_forget(struct em_process *p)
{
	struct em_queued *q;

	while ((q = p->p_queue) != NULL) {
		p->p_queue = q->q_next;
		em_free(q, sizeof(*q));
	}
	p->p_nqueued = 0;
	p->p_pending = 0;
}

/* In a fork child: nothing is pending, only T is left. */
void
em_signal_forked(struct em_process *p, struct em_thread *t)
{
	em_signal_forget(p);
	p->p_conts = 0;
	t->t_pending = 0;
	t->t_fault.si_signo = 0;
}
