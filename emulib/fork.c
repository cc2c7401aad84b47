/*
 * fork.c - a new process: a copy of this one, made by the parent.
 *
 * (1) All of emulib's locks are taken, so that the copy is consistent. (2) The kernel copies the address space. (3) The child gets
 * rights under the names it knows from the memory: its file context and what its descriptors refer to. (4) proc makes the task a
 * process. (5) The forking thread is made in it and started.
 *
 * The child begins in em_fork_child on the copy of its emulib stack; what it must be told comes in registers. (6) It makes itself
 * at home - ports, locks, and its service thread - before it goes back to the program.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "core_calls.h"
#include "clone.h"
#include "mach.h"
#include "proc.h"

#define E(name)		(-MX_ERRNO(MX_##name))

/* What the child finds in its copy of the memory. */
static struct {
	enum em_child_kind kind;
	struct em_clone	how;
	struct em_exec	*exec;
} fork_child;
static uint8_t fork_fx[512] __attribute__((aligned(16)));	/* floating point state: a thread of another task begins without */
static volatile uint32_t fork_lock;

static void
locks_take(struct em_process *p, bool execs)
{
	em_lock(&fork_lock);
	em_file_fork_begin(p, execs);
	em_futex_relock(true);
	em_mm_lock();
	em_lock(&p->p_lock);
	em_thread_relock(true);
}

static void
locks_release(struct em_process *p)
{
	em_thread_relock(false);
	em_unlock(&p->p_lock);
	em_mm_unlock();
	em_futex_relock(false);
	em_file_fork_end(p);
	em_unlock(&fork_lock);
}

struct child {
	mach_port_t	task, proc, main;
	int32_t		pid;
	uint32_t	slot;
	mx_seed_t	seed;
};

/* (4) and (5). */
static int32_t
child_start(struct em_process *p, struct em_thread *t, uint32_t flags, uint32_t exit_signal, struct child *c)
{
	struct i386_thread_state st;
	kern_return_t kr;
	int32_t err;

	err = em_errno(proc_fork(p->p_port, c->task, exit_signal, flags, &c->pid, &c->proc, &c->slot, &c->seed));
	if (err < 0)
		return err;
	kr = syscall_mach_port_insert_right(c->task, MX_PORT_PROC, c->proc, MACH_MSG_TYPE_COPY_SEND);
	if (kr == KERN_SUCCESS) {
		em_state_init(&st, t, em_entry_child);
		__asm__("movl %%gs,%0" : "=r"(st.gs));
		st.gs &= 0xffff;
		st.ebx = (uint32_t)c->pid;
		st.ecx = c->slot;
		st.edx = c->seed.w[0] ^ c->seed.w[4];
		st.esi = c->seed.w[1] ^ c->seed.w[5];
		st.edi = c->seed.w[2] ^ c->seed.w[6];
		st.ebp = c->seed.w[3] ^ c->seed.w[7];
		kr = em_thread_make(c->task, t, &st, &c->main);
	}
	if (kr != KERN_SUCCESS) {
		(void)proc_exit(c->proc, MX_SIGKILL);
		return E(EAGAIN);
	}
	(void)thread_resume(c->main);
	return 0;
}

static void
child_forget(struct child *c)
{
	const mach_port_t ports[] = { c->main, c->proc, c->task };

	for (unsigned int i = 0; i < ARRAY_LEN(ports); i++)
		if (ports[i] != MACH_PORT_NULL)
			(void)syscall_mach_port_deallocate(em_task, ports[i]);
}

/* Copy the address space, for a child that executes a program only what is emulib's. Locks: all. */
static int32_t
task_copy(struct em_process *p, enum em_child_kind kind, struct child *c)
{
	kern_return_t kr;
	int32_t err;

	if (kind == EM_CHILD_EXEC)
		em_mm_inherit(false);
	else
		em_mm_fork();
	em_heap_relock(true);
	kr = syscall_task_create(em_task, TRUE, &c->task);
	em_heap_relock(false);
	if (kind == EM_CHILD_EXEC)
		em_mm_inherit(true);
	if (kr != KERN_SUCCESS)
		return E(EAGAIN);
	err = em_file_fork(p, c->task, kind == EM_CHILD_EXEC);
	if (err == 0 && fork_child.exec != NULL)
		err = em_exec_give(fork_child.exec, c->task);
	if (err < 0)
		(void)syscall_task_terminate(c->task);
	return err;
}

int32_t
em_fork_kind(struct em_thread *t, const struct em_clone *how, enum em_child_kind kind, struct em_exec *exec)
{
	struct em_process *p = t->t_process;
	struct child c = { MACH_PORT_NULL, MACH_PORT_NULL, MACH_PORT_NULL, 0, 0, { { 0 } } };
	uint32_t flags = (how->flags & CLONE_VFORK && kind == EM_CHILD_FORK ? MX_FORK_VFORK : 0) |
		(how->flags & CLONE_PARENT ? MX_FORK_PARENT : 0);
	int32_t err;

	if (!p->p_is_vfork)		/* P's port is the parent's then */
		em_signal_tell_ignored(p);
	locks_take(p, kind == EM_CHILD_EXEC);
	__asm__ volatile("fxsave (%0)" : : "r"(fork_fx) : "memory");
	fork_child.kind = kind;
	fork_child.how = *how;
	fork_child.exec = exec;
	err = task_copy(p, kind, &c);
	locks_release(p);
	if (err == 0) {
		err = child_start(p, t, flags, how->exit_signal, &c);
		if (err < 0)
			(void)syscall_task_terminate(c.task);
	}
	child_forget(&c);
	return err < 0 ? err : c.pid;
}

int32_t
em_fork(struct em_thread *t, const struct em_clone *how)
{
	struct em_process *p = t->t_process;
	int32_t pid = em_fork_kind(t, how, EM_CHILD_FORK, NULL);

	if (pid < 0)
		return pid;
	if (how->flags & CLONE_PARENT_SETTID)
		(void)em_copyout(how->ptid, &pid, sizeof(pid));		/* Linux ignores a bad address too */
	if (how->flags & CLONE_VFORK)
		(void)proc_vfork_wait(p->p_port, pid);	/* an error: it is gone already */
	return pid;
}

int32_t
em_fork_ended(struct em_process *p, uint32_t exit_signal, int wstatus)
{
	struct child c = { MACH_PORT_NULL, MACH_PORT_NULL, MACH_PORT_NULL, 0, 0, { { 0 } } };
	int32_t err;

	if (syscall_task_create(em_task, FALSE, &c.task) != KERN_SUCCESS)
		return E(EAGAIN);
	err = em_errno(proc_fork(p->p_port, c.task, exit_signal, 0, &c.pid, &c.proc, &c.slot, &c.seed));
	if (err == 0)
		(void)proc_exit(c.proc, wstatus);
	else
		(void)syscall_task_terminate(c.task);
	child_forget(&c);
	return err < 0 ? err : c.pid;
}

static void
child_options(struct em_process *p, struct em_thread *t, const struct em_clone *how)
{
	t->t_clear_tid = how->flags & CLONE_CHILD_CLEARTID ? how->ctid : 0;
	t->t_robust = 0;
	t->t_regs.r_eax = 0;
	if (how->stack != 0)
		t->t_regs.r_esp = how->stack;
	em_signal_clear_handlers(p, how->clear_handlers);
	if (how->flags & CLONE_CHILD_SETTID)
		(void)em_copyout(how->ctid, &t->t_tid, sizeof(t->t_tid));	/* Linux ignores it too */
}

/* The child's first code: the memory is the parent's at the time of the copy, with all locks held. Answers as em_call. */
uint32_t
em_fork_child(struct em_thread *t, const uint32_t words[6])
{
	struct em_process *p = t->t_process;

	em_task = mach_task_self();
	t->t_port = mach_thread_self();
	t->t_reply = t->t_poll = MACH_PORT_NULL;
	t->t_block = MACH_PORT_NULL;
	t->t_attention = 0;
	t->t_raised = false;
	t->t_tid = p->p_pid = (int32_t)words[0];
	p->p_slot = words[1];
	p->p_port = MX_PORT_PROC;
	em_heap_relock(false);
	em_thread_forked(p, t);
	p->p_lock = 0;
	em_mm_unlock();
	em_futex_forked();
	em_file_forked(p, fork_child.kind == EM_CHILD_EXEC);
	fork_lock = 0;
	em_signal_forked(p, t);
	em_timers_forked(p);
	p->p_borrows = NULL;
	em_service_forked(p);
	em_random_seed(p, words + 2, 4);
	memset(&em_public.pu_calls_local, 0, sizeof(em_public) - offsetof(struct em_public, pu_calls_local));
	em_public.pu_process = p;
	__asm__ volatile("fxrstor (%0)" : : "r"(fork_fx) : "memory");
	p->p_is_vfork = false;
	p->p_vfs_owner = p->p_pid;
	switch (fork_child.kind) {
	case EM_CHILD_REPEAT:
		return em_call(t);
	case EM_CHILD_EXEC:
		em_exec_enter(t, fork_child.exec);
		t->t_full = true;
		return 1;
	default:
		child_options(p, t, &fork_child.how);
		return 0;
	}
}
