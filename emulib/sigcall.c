/*
 * sigcall.c - the system calls about signals.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "core_calls.h"
#include "proc.h"

#define E(name)		(-MX_ERRNO(MX_##name))
#define UNBLOCKABLE	(EM_BIT(MX_SIGKILL) | EM_BIT(MX_SIGSTOP))

enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };

static int32_t
set_copyin(em_sigset *set, uint32_t from, uint32_t size)
{
	return size != sizeof(*set) ? E(EINVAL) : em_copyin(set, from, sizeof(*set));
}

/* ---- Masks ---- */

/* Change the caller's mask; a signal that becomes free is taken on the way out. */
static void
mask_set(struct em_thread *t, em_sigset mask)
{
	struct em_process *p = t->t_process;
	em_sigset old = t->t_mask;

	mask &= ~UNBLOCKABLE;
	if (mask == old)
		return;
	em_lock(&p->p_lock);
	t->t_mask = mask;
	if (em_signal_deliverable(p, t))
		t->t_attention = 1;
	em_unlock(&p->p_lock);
	if (((mask ^ old) & EM_BIT(MX_SIGCHLD)) && p->p_told_ignored & 1)
		em_signal_tell_ignored(p);
}

static int32_t
mask_change(uint32_t how, em_sigset set)
{
	struct em_thread *t = em_self();

	switch (how) {
	case SIG_BLOCK:
		mask_set(t, t->t_mask | set);
		return 0;
	case SIG_UNBLOCK:
		mask_set(t, t->t_mask & ~set);
		return 0;
	case SIG_SETMASK:
		mask_set(t, set);
		return 0;
	default:
		return E(EINVAL);
	}
}

int32_t
sys_rt_sigprocmask(uint32_t how, uint32_t set, uint32_t old, uint32_t size, uint32_t e, uint32_t f)
{
	em_sigset was = em_self()->t_mask, value;
	int32_t err;

	(void)e, (void)f;
	if (size != sizeof(value))
		return E(EINVAL);
	if (set != 0) {
		err = em_copyin(&value, set, sizeof(value));
		if (err == 0)
			err = mask_change(how, value);
		if (err < 0)
			return err;
	}
	return old != 0 ? em_copyout(old, &was, sizeof(was)) : 0;
}

int32_t
sys_sigprocmask(uint32_t how, uint32_t set, uint32_t old, uint32_t d, uint32_t e, uint32_t f)
{
	em_sigset was = em_self()->t_mask;
	uint32_t value, low = (uint32_t)was;
	int32_t err;

	(void)d, (void)e, (void)f;
	if (set != 0) {
		err = em_copyin(&value, set, sizeof(value));
		if (err == 0)
			err = mask_change(how, how == SIG_SETMASK ? value | (was & ~0xffffffffull) : value);
		if (err < 0)
			return err;
	}
	return old != 0 ? em_copyout(old, &low, sizeof(low)) : 0;
}

int32_t
sys_sgetmask(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	return (int32_t)(uint32_t)em_self()->t_mask;
}

int32_t
sys_ssetmask(uint32_t mask, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_thread *t = em_self();
	uint32_t was = (uint32_t)t->t_mask;

	(void)b, (void)c, (void)d, (void)e, (void)f;
	mask_set(t, mask | (t->t_mask & ~0xffffffffull));
	return (int32_t)was;
}

int32_t
sys_rt_sigpending(uint32_t set, uint32_t size, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_thread *t = em_self();
	em_sigset pending = (t->t_process->p_pending | t->t_pending) & t->t_mask;

	(void)c, (void)d, (void)e, (void)f;
	return size > sizeof(pending) ? E(EINVAL) : em_copyout(set, &pending, size);
}

int32_t
sys_sigpending(uint32_t set, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	return sys_rt_sigpending(set, 4, b | c | d | e | f, 0, 0, 0);
}

/* ---- Dispositions ---- */

static int32_t
action_change(uint32_t signo, const struct em_sigaction *new, struct em_sigaction *old)
{
	struct em_process *p = em_proc();
	struct em_sigaction *sa;

	if (signo == 0 || signo >= MX_NSIG || (new != NULL && (signo == MX_SIGKILL || signo == MX_SIGSTOP)))
		return E(EINVAL);
	sa = &p->p_action[signo - 1];
	em_lock(&p->p_lock);
	*old = *sa;
	if (new != NULL) {
		*sa = *new;
		sa->sa_mask &= ~UNBLOCKABLE;
		em_signal_discard(p, (int)signo);
	}
	em_unlock(&p->p_lock);
	if (new != NULL && signo == MX_SIGCHLD && p->p_told_ignored != 0)
		em_signal_tell_ignored(p);
	return 0;
}

int32_t
sys_rt_sigaction(uint32_t signo, uint32_t act, uint32_t oact, uint32_t size, uint32_t e, uint32_t f)
{
	struct em_sigaction new, old;
	int32_t err = 0;

	(void)e, (void)f;
	_Static_assert(sizeof(new) == 20 && offsetof(struct em_sigaction, sa_mask) == 12, "Linux's struct sigaction");
	if (size != sizeof(em_sigset))
		return E(EINVAL);
	if (act != 0)
		err = em_copyin(&new, act, sizeof(new));
	if (err == 0)
		err = action_change(signo, act != 0 ? &new : NULL, &old);
	if (err == 0 && oact != 0)
		err = em_copyout(oact, &old, sizeof(old));
	return err;
}

int32_t
sys_sigaction(uint32_t signo, uint32_t act, uint32_t oact, uint32_t d, uint32_t e, uint32_t f)
{
	struct { uint32_t handler, mask, flags, restorer; } o;
	struct em_sigaction new, old;
	int32_t err = 0;

	(void)d, (void)e, (void)f;
	if (act != 0) {
		err = em_copyin(&o, act, sizeof(o));
		new = (struct em_sigaction){ .sa_handler = o.handler, .sa_flags = o.flags, .sa_restorer = o.restorer,
			.sa_mask = o.mask };
	}
	if (err == 0)
		err = action_change(signo, act != 0 ? &new : NULL, &old);
	if (err == 0 && oact != 0) {
		o.handler = old.sa_handler;
		o.mask = (uint32_t)old.sa_mask;
		o.flags = old.sa_flags;
		o.restorer = old.sa_restorer;
		err = em_copyout(oact, &o, sizeof(o));
	}
	return err;
}

int32_t
sys_signal(uint32_t signo, uint32_t handler, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_sigaction new = { .sa_handler = handler, .sa_flags = 0x80000000u | 0x40000000u }, old;
	int32_t err = action_change(signo, &new, &old);

	(void)c, (void)d, (void)e, (void)f;
	return err < 0 ? err : (int32_t)old.sa_handler;
}

/* ---- The alternate stack ---- */

int32_t
em_alt_stack_set(struct em_thread *t, uint32_t sp, uint32_t flags, uint32_t size, uint32_t esp)
{
	uint32_t mode = flags & ~0x80000000u;

	if (em_alt_stack_flags(t, esp) == 1)
		return E(EPERM);
	if (mode > 2)
		return E(EINVAL);
	if (mode == 2) {
		sp = size = 0;
	} else if (size < 2048) {
		return E(ENOMEM);
	}
	t->t_alt_sp = sp;
	t->t_alt_size = size;
	t->t_alt_flags = flags;
	return 0;
}

int32_t
sys_sigaltstack(uint32_t new, uint32_t old, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_thread *t = em_self();
	struct { uint32_t sp, flags, size; } in, was;
	uint32_t esp = t->t_regs.r_esp;
	int32_t err = 0;

	(void)c, (void)d, (void)e, (void)f;
	was.sp = t->t_alt_sp;
	was.size = t->t_alt_size;
	was.flags = em_alt_stack_flags(t, esp) | (t->t_alt_flags & 0x80000000u);
	if (new != 0) {
		err = em_copyin(&in, new, sizeof(in));
		if (err == 0)
			err = em_alt_stack_set(t, in.sp, in.flags, in.size, esp);
	}
	if (err == 0 && old != 0)
		err = em_copyout(old, &was, sizeof(was));
	return err;
}

/* ---- Waiting ---- */

/* Sleep with MASK until a signal comes; the handler's return restores the mask. */
static int32_t
signal_suspend(em_sigset mask)
{
	em_mask_begin(mask);
	(void)em_sleep_until(~0ull);
	return EM_RESTARTNOHAND;
}

/* For the duration of one call: MASK instead of the thread's own, which comes back at the call's exit. */
void
em_mask_begin(em_sigset mask)
{
	struct em_thread *t = em_self();

	if (!t->t_restore_mask)
		t->t_saved_mask = t->t_mask;
	t->t_restore_mask = true;
	mask_set(t, mask);
}

/* The call ends by itself: no handler is to run with the mask of em_mask_begin. */
void
em_mask_end(void)
{
	struct em_thread *t = em_self();

	if (!t->t_restore_mask)
		return;
	t->t_restore_mask = false;
	mask_set(t, t->t_saved_mask);
}

int32_t
sys_rt_sigsuspend(uint32_t set, uint32_t size, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	em_sigset mask;
	int32_t err = set_copyin(&mask, set, size);

	(void)c, (void)d, (void)e, (void)f;
	return err < 0 ? err : signal_suspend(mask);
}

/* The old call: the mask is the third argument. */
int32_t
sys_sigsuspend(uint32_t a, uint32_t b, uint32_t mask, uint32_t d, uint32_t e, uint32_t f)
{
	(void)a, (void)b, (void)d, (void)e, (void)f;
	return signal_suspend(mask);
}

int32_t
sys_pause(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	(void)em_sleep_until(~0ull);
	return EM_RESTARTNOHAND;
}

/* Take a signal of SET, waiting until DEADLINE. Its number, -EAGAIN or -EINTR. */
static int32_t
signal_wait(em_sigset set, uint64_t deadline, struct mx_siginfo *info)
{
	struct em_thread *t = em_self();
	struct em_process *p = t->t_process;
	int32_t signo, slept = 0;

	set &= ~UNBLOCKABLE;
	em_lock(&p->p_lock);
	t->t_waitset = set;
	signo = em_signal_take(p, t, set, info);
	em_unlock(&p->p_lock);
	if (signo == 0)
		slept = em_sleep_until(deadline);
	em_lock(&p->p_lock);
	t->t_waitset = 0;
	if (signo == 0)
		signo = em_signal_take(p, t, set, info);
	em_unlock(&p->p_lock);
	if (signo != 0)
		return signo;
	return slept < 0 ? E(EINTR) : E(EAGAIN);
}

static int32_t
sigtimedwait(uint32_t set, uint32_t info_at, bool timed, uint64_t ns, uint32_t size)
{
	struct mx_siginfo info;
	uint32_t out[32];
	em_sigset value;
	int32_t err = set_copyin(&value, set, size);

	if (err < 0)
		return err;
	err = signal_wait(value, timed ? em_now_ns() + ns : ~0ull, &info);
	if (err > 0 && info_at != 0) {
		em_siginfo_fill(out, &info);
		if (em_copyout(info_at, out, sizeof(out)) < 0)
			return E(EFAULT);
	}
	return err;
}

int32_t
sys_rt_sigtimedwait(uint32_t set, uint32_t info, uint32_t timeout, uint32_t size, uint32_t e, uint32_t f)
{
	uint64_t ns = 0;
	int32_t err = timeout != 0 ? em_timespec_in(&ns, timeout) : 0;

	(void)e, (void)f;
	return err < 0 ? err : sigtimedwait(set, info, timeout != 0, ns, size);
}

int32_t
sys_rt_sigtimedwait_time64(uint32_t set, uint32_t info, uint32_t timeout, uint32_t size, uint32_t e, uint32_t f)
{
	uint64_t ns = 0;
	int32_t err = timeout != 0 ? em_timespec64_in(&ns, timeout) : 0;

	(void)e, (void)f;
	return err < 0 ? err : sigtimedwait(set, info, timeout != 0, ns, size);
}

/* ---- Sending ---- */

/* To the caller itself no server is asked: it may always. */
static int32_t
signal_own(int32_t tid, const struct mx_siginfo *info)
{
	struct em_process *p = em_proc();
	struct em_thread *t = NULL;
	struct mx_siginfo mine = *info;

	if (mine.si_code == MX_SI_USER || mine.si_code == MX_SI_TKILL) {
		mine.si_pid = p->p_pid;
		mine.si_uid = MX_SYS->sy_proc[p->p_slot].sp_ruid;
	}
	em_lock(&p->p_lock);
	if (tid != 0) {
		for (t = p->p_threads; t != NULL && t->t_tid != tid; t = t->t_next)
			;
		if (t == NULL) {
			em_unlock(&p->p_lock);
			return E(ESRCH);
		}
	}
	if (mine.si_signo != 0)
		em_signal_post(p, t, &mine);
	em_unlock(&p->p_lock);
	return 0;
}

/* SIGKILL and SIGSTOP are proc's business, whoever sends them. */
static int32_t
signal_send(int32_t pid, int32_t tid, const struct mx_siginfo *info)
{
	struct em_process *p = em_proc();

	if (info->si_signo >= MX_NSIG)
		return E(EINVAL);
	if (pid == p->p_pid && info->si_signo != MX_SIGKILL && info->si_signo != MX_SIGSTOP)
		return signal_own(tid, info);
	return em_errno(proc_kill(p->p_port, pid, tid, *info));
}

int32_t
sys_kill(uint32_t pid, uint32_t signo, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct mx_siginfo info = { .si_signo = signo, .si_code = MX_SI_USER };

	(void)c, (void)d, (void)e, (void)f;
	return signal_send((int32_t)pid, 0, &info);
}

int32_t
sys_tgkill(uint32_t tgid, uint32_t tid, uint32_t signo, uint32_t d, uint32_t e, uint32_t f)
{
	struct mx_siginfo info = { .si_signo = signo, .si_code = MX_SI_TKILL };

	(void)d, (void)e, (void)f;
	if ((int32_t)tgid <= 0 || (int32_t)tid <= 0)
		return E(EINVAL);
	return signal_send((int32_t)tgid, (int32_t)tid, &info);
}

static bool
tid_is_own(int32_t tid)
{
	struct em_process *p = em_proc();
	struct em_thread *t;

	em_lock(&p->p_lock);
	for (t = p->p_threads; t != NULL && t->t_tid != tid; t = t->t_next)
		;
	em_unlock(&p->p_lock);
	return t != NULL;
}

int32_t
sys_tkill(uint32_t tid, uint32_t signo, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct mx_siginfo info = { .si_signo = signo, .si_code = MX_SI_TKILL };
	int32_t pid = tid_is_own((int32_t)tid) ? em_proc()->p_pid : (int32_t)tid;

	(void)c, (void)d, (void)e, (void)f;
	return (int32_t)tid <= 0 ? E(EINVAL) : signal_send(pid, (int32_t)tid, &info);
}

static int32_t
sigqueue(int32_t pid, int32_t tid, uint32_t signo, uint32_t info_at)
{
	uint32_t in[32];
	struct mx_siginfo info;

	if (em_copyin(in, info_at, sizeof(in)) < 0)
		return E(EFAULT);
	info = (struct mx_siginfo){ .si_signo = signo, .si_errno = (int32_t)in[1], .si_code = (int32_t)in[2],
		.si_pid = (int32_t)in[3], .si_uid = in[4], .si_value = in[5] };
	if ((info.si_code >= 0 || info.si_code == MX_SI_TKILL) && pid != em_proc()->p_pid)
		return E(EPERM);
	return signal_send(pid, tid, &info);
}

int32_t
sys_rt_sigqueueinfo(uint32_t pid, uint32_t signo, uint32_t info, uint32_t d, uint32_t e, uint32_t f)
{
	(void)d, (void)e, (void)f;
	return sigqueue((int32_t)pid, 0, signo, info);
}

int32_t
sys_rt_tgsigqueueinfo(uint32_t tgid, uint32_t tid, uint32_t signo, uint32_t info, uint32_t e, uint32_t f)
{
	(void)e, (void)f;
	if ((int32_t)tgid <= 0 || (int32_t)tid <= 0)
		return E(EINVAL);
	return sigqueue((int32_t)tgid, (int32_t)tid, signo, info);
}

int32_t
sys_restart_syscall(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	return E(EINTR);	/* calls go on inside emulib; the program never gets to restart one itself */
}
