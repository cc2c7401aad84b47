/*
 * clone.c - clone and its relatives: which of fork, vfork and a new thread is meant.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "clone.h"
#include "core_calls.h"
#include "mach.h"

#define E(name)		(-MX_ERRNO(MX_##name))

#define THREAD_FLAGS	(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)

/* ---- Threads ---- */

static int32_t
thread_tls(struct em_thread *new, const struct em_thread *t, const struct em_clone *how)
{
	uint32_t entry;

	memcpy(new->t_tls, t->t_tls, sizeof(new->t_tls));
	if (!(how->flags & CLONE_SETTLS))
		return 0;
	return em_tls_decode(how->tls, new->t_tls, &entry);
}

/* What a thread begins with: the caller's registers but for the stack. */
static void
thread_state(struct i386_thread_state *st, const struct em_thread *t, const struct em_clone *how)
{
	struct em_regs r = t->t_regs;
	uint16_t gs, ds;

	__asm__("movw %%gs,%0" : "=r"(gs));
	__asm__("movw %%ds,%0" : "=r"(ds));
	r.r_eax = 0;
	r.r_gs = gs;
	r.r_ds = r.r_es = ds;
	r.r_eflags &= 0x00000dd5u;
	r.r_eflags |= 0x200u;
	if (how->stack != 0)
		r.r_esp = how->stack;
	em_state_from_regs(st, &r);
}

static int32_t
thread_create_linux(struct em_thread *t, const struct em_clone *how)
{
	struct em_process *p = t->t_process;
	struct em_thread *new = em_thread_alloc(p);
	struct i386_thread_state st;
	int32_t tid, err;

	if (new == NULL)
		return E(EAGAIN);
	tid = new->t_tid = em_thread_number(new);
	new->t_mask = t->t_mask;
	memcpy(new->t_comm, t->t_comm, sizeof(new->t_comm));
	if (how->flags & CLONE_CHILD_CLEARTID)
		new->t_clear_tid = how->ctid;
	err = thread_tls(new, t, how);
	if (err == 0 && (how->flags & CLONE_PARENT_SETTID))
		err = em_copyout(how->ptid, &tid, sizeof(tid));
	if (err == 0 && (how->flags & CLONE_CHILD_SETTID))
		err = em_copyout(how->ctid, &tid, sizeof(tid));
	if (err == 0) {
		thread_state(&st, t, how);
		if (em_thread_make(em_task, new, &st, &new->t_port) != KERN_SUCCESS)
			err = E(EAGAIN);
	}
	if (err < 0) {
		em_thread_free(new);
		return err;
	}
	em_lock(&p->p_lock);
	em_thread_link(p, new);
	em_unlock(&p->p_lock);
	(void)thread_resume(new->t_port);
	return tid;
}

/* ---- Which ---- */

static int32_t
clone(const struct em_clone *how)
{
	struct em_thread *t = em_self();
	uint32_t flags = how->flags;

	if ((flags & (CLONE_THREAD | CLONE_SIGHAND)) == CLONE_THREAD || (flags & (CLONE_SIGHAND | CLONE_VM)) == CLONE_SIGHAND)
		return E(EINVAL);
	if (flags & (CLONE_NEW_SPACES | CLONE_PIDFD))
		return flags & CLONE_NEW_SPACES ? E(EPERM) : E(EINVAL);
	if (how->exit_signal >= MX_NSIG)
		return E(EINVAL);
	if (flags & CLONE_THREAD) {
		if ((flags & (CLONE_VFORK | CLONE_FS | CLONE_FILES)) != (CLONE_FS | CLONE_FILES))
			return E(EINVAL);	/* threads share everything here */
		return thread_create_linux(t, how);
	}
	if ((flags & CLONE_VM) && !(flags & CLONE_VFORK))
		return E(EINVAL);		/* two processes at work in one memory */
	if (!(flags & CLONE_VM) && (flags & (CLONE_FILES | CLONE_FS)))
		return E(EINVAL);
	if ((flags & (CLONE_VM | CLONE_VFORK)) == (CLONE_VM | CLONE_VFORK) &&
	    !(flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_SETTLS | CLONE_FILES | CLONE_FS)))
		return em_vfork(t, how);
	return em_fork(t, how);
}

/* The child's stack pointer is the third argument of C's view: flags, stack, ptid, tls, ctid. */
int32_t
sys_clone(uint32_t flags, uint32_t stack, uint32_t ptid, uint32_t tls, uint32_t ctid, uint32_t f)
{
	struct em_clone how = { .flags = flags & ~0xffu, .exit_signal = flags & 0xff, .stack = stack, .ptid = ptid, .ctid = ctid,
		.tls = tls };

	(void)f;
	return clone(&how);
}

int32_t
sys_clone3(uint32_t args, uint32_t size, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup; } a;
	struct em_clone how;

	(void)c, (void)d, (void)e, (void)f;
	if (size < 64 || size > EM_PAGE)
		return size < 64 ? E(EINVAL) : E(E2BIG);
	memset(&a, 0, sizeof(a));
	if (em_copyin(&a, args, size < sizeof(a) ? size : sizeof(a)) < 0)
		return E(EFAULT);
	if ((a.flags & ~(0xffffffffull | CLONE_CLEAR_SIGHAND)) || (a.flags & (CLONE_DETACHED | 0xffu)) || a.set_tid_size != 0 ||
	    a.exit_signal >= MX_NSIG || (a.stack == 0) != (a.stack_size == 0) ||
	    ((a.flags & (CLONE_THREAD | CLONE_PARENT)) && a.exit_signal != 0) ||
	    (a.flags & (CLONE_SIGHAND | CLONE_CLEAR_SIGHAND)) == (CLONE_SIGHAND | CLONE_CLEAR_SIGHAND) ||
	    a.stack + a.stack_size > EM_USER_END)
		return E(EINVAL);
	how = (struct em_clone){ .flags = (uint32_t)a.flags, .exit_signal = (uint32_t)a.exit_signal,
		.stack = (uint32_t)(a.stack + a.stack_size), .ptid = (uint32_t)a.parent_tid, .ctid = (uint32_t)a.child_tid,
		.tls = (uint32_t)a.tls, .clear_handlers = (a.flags & CLONE_CLEAR_SIGHAND) != 0 };
	return clone(&how);
}

int32_t
sys_fork(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_clone how = { .exit_signal = MX_SIGCHLD };

	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	return clone(&how);
}

int32_t
sys_vfork(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_clone how = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = MX_SIGCHLD };

	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	return clone(&how);
}
