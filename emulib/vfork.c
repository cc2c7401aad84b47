/*
 * vfork.c - a child that borrows its parent's memory and thread until it executes a program or ends.
 *
 * No address space is copied: the thread that calls vfork goes on as the child, with a process block of its own (descriptors,
 * dispositions, file context are the child's), and becomes the parent again when the child is gone. proc hears of the child only
 * then: when it executes a program, in a new task that gets emulib's memory and nothing of the program's, or when it ends.
 *
 * So the child has no pid while it borrows. A call that needs one, or anything else that must not happen to the parent, first turns
 * it into the child of an ordinary fork, which makes the call again; what it then writes into memory its parent does not see.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "clone.h"
#include "mach.h"
#include "proc.h"

#define E(name)		(-MX_ERRNO(MX_##name))

struct em_borrow {			/* what the parent gets back */
	struct em_process *bo_parent;
	struct em_borrow *bo_next;	/* all of the address space: the service thread looks for their threads */
	struct em_thread *bo_thread;
	struct em_clone	bo_how;
	struct em_regs	bo_regs;
	uint32_t	bo_entry;
	em_sigset	bo_mask, bo_pending;
	uint32_t	bo_alt[3];
	uint32_t	bo_clear_tid, bo_robust;
	struct em_process bo_child;
};

/* Calls that do to the child's own block, to shared memory or to files what they should. */
static const uint16_t allowed[] = {
	1, 252,				/* exit, exit_group */
	11, 358,			/* execve, execveat */
	3, 4, 145, 146, 180, 181,	/* read, write, readv, writev, pread64, pwrite64 */
	5, 8, 295, 437,			/* open, creat, openat, openat2 */
	6, 41, 63, 330, 436,		/* close, dup, dup2, dup3, close_range */
	55, 221, 19, 140,		/* fcntl, fcntl64, lseek, _llseek */
	12, 133, 60, 183,		/* chdir, fchdir, umask, getcwd */
	33, 307, 439, 195, 196, 197, 300, 383, 85, 305,		/* access, stat and readlink in their forms */
	67, 174, 126, 175, 119, 173, 186,	/* sigaction, sigprocmask, sigreturn in their forms, sigaltstack */
	45, 90, 91, 125, 192, 219,	/* brk, mmap, munmap, mprotect, mmap2, madvise */
	24, 47, 49, 50, 199, 200, 201, 202,	/* getuid and its kind: the parent's */
	13, 78, 265, 403, 162, 267, 158,	/* time, gettimeofday, clock_gettime, nanosleep, sched_yield */
	240, 422, 311, 355,		/* futex, set_robust_list, getrandom */
};

bool
em_vfork_allows(uint32_t number)
{
	for (unsigned int i = 0; i < ARRAY_LEN(allowed); i++)
		if (allowed[i] == number)
			return true;
	return false;
}

static struct em_borrow *
borrow_of(struct em_thread *t)
{
	return (struct em_borrow *)((char *)t->t_process - offsetof(struct em_borrow, bo_child));
}

/* The thread of a vfork child whose Mach thread is PORT, NULL. Locks: PARENT's p_lock held. */
struct em_thread *
em_vfork_thread(struct em_process *parent, mach_port_t port)
{
	struct em_borrow *bo = parent->p_borrows;

	while (bo != NULL && bo->bo_thread->t_port != port)
		bo = bo->bo_next;
	return bo != NULL ? bo->bo_thread : NULL;
}

static void
child_block(struct em_process *c, const struct em_process *p, struct em_thread *t)
{
	memcpy(c, p, sizeof(*c));
	c->p_is_vfork = true;
	c->p_vfs_owner = 0;		/* the parent's */
	c->p_lock = 0;
	c->p_threads = t;
	c->p_nthreads = 1;
	c->p_pending = 0;
	c->p_queue = NULL;
	c->p_nqueued = 0;
	c->p_timers = NULL;
	c->p_borrows = NULL;
	c->p_alarm_ns = c->p_alarm_interval_ns = 0;
	memset(c->p_virtual_ns, 0, sizeof(c->p_virtual_ns));
}

int32_t
em_vfork(struct em_thread *t, const struct em_clone *how)
{
	struct em_process *p = t->t_process;
	struct em_borrow *bo = em_alloc(sizeof(*bo));

	if (bo == NULL)
		return E(ENOMEM);
	*bo = (struct em_borrow){ .bo_parent = p, .bo_thread = t, .bo_how = *how, .bo_regs = t->t_regs, .bo_entry = t->t_entry,
		.bo_mask = t->t_mask, .bo_pending = t->t_pending, .bo_alt = { t->t_alt_sp, t->t_alt_size, t->t_alt_flags },
		.bo_clear_tid = t->t_clear_tid, .bo_robust = t->t_robust };
	__asm__("movw %%gs,%0" : "=r"(bo->bo_regs.r_gs));	/* it comes back by a full exit */
	__asm__("movw %%ds,%0" : "=r"(bo->bo_regs.r_ds));
	bo->bo_regs.r_es = bo->bo_regs.r_ds;
	em_lock(&p->p_lock);
	child_block(&bo->bo_child, p, t);
	t->t_pending = 0;
	em_thread_unlink(p, t);
	t->t_next = NULL;
	bo->bo_next = p->p_borrows;
	p->p_borrows = bo;
	t->t_process = &bo->bo_child;
	em_unlock(&p->p_lock);
	bo->bo_child.p_files = em_files_copy(p->p_files);
	if (bo->bo_child.p_files == NULL) {
		em_vfork_return(t, E(ENOMEM));
		return E(ENOMEM);
	}
	em_signal_clear_handlers(&bo->bo_child, how->clear_handlers);
	t->t_clear_tid = t->t_robust = 0;
	if (how->stack != 0)
		t->t_regs.r_esp = how->stack;
	return 0;
}

/* T is the parent again, whose call answers RESULT. */
void
em_vfork_return(struct em_thread *t, int32_t result)
{
	struct em_borrow *bo = borrow_of(t), **at;
	struct em_process *p = bo->bo_parent;

	if (bo->bo_child.p_files != NULL)
		em_file_vfork_done(&bo->bo_child);
	em_signal_forget(&bo->bo_child);
	if (result > 0 && (bo->bo_how.flags & CLONE_PARENT_SETTID))
		(void)em_copyout(bo->bo_how.ptid, &result, sizeof(result));	/* Linux ignores a bad address too */
	t->t_regs = bo->bo_regs;
	t->t_regs.r_eax = (uint32_t)result;
	t->t_entry = bo->bo_entry;
	t->t_alt_sp = bo->bo_alt[0];
	t->t_alt_size = bo->bo_alt[1];
	t->t_alt_flags = bo->bo_alt[2];
	t->t_clear_tid = bo->bo_clear_tid;
	t->t_robust = bo->bo_robust;
	t->t_restore_mask = false;
	em_lock(&p->p_lock);
	for (at = &p->p_borrows; *at != bo; at = &(*at)->bo_next)
		;
	*at = bo->bo_next;
	t->t_process = p;
	t->t_mask = bo->bo_mask;
	t->t_pending = bo->bo_pending;
	em_thread_link(p, t);
	t->t_dead = p->p_ending;
	t->t_attention = 1;		/* signals came for the process perhaps, or a sibling ended it */
	em_unlock(&p->p_lock);
	em_gsync_wake(&p->p_nthreads, true, false);
	em_free(bo, sizeof(*bo));
}

int32_t
em_vfork_part(struct em_thread *t)
{
	struct em_borrow *bo = borrow_of(t);
	mach_port_t port = bo->bo_parent->p_port;
	struct em_clone how = { .flags = bo->bo_how.flags & CLONE_PARENT, .exit_signal = bo->bo_how.exit_signal };
	int32_t pid = em_fork_kind(t, &how, EM_CHILD_REPEAT, NULL);

	if (pid < 0)
		return pid;
	(void)proc_vfork_wait(port, pid);	/* an error: it is gone already */
	em_vfork_return(t, pid);
	return 1;
}

int32_t
em_vfork_exec(struct em_thread *t, struct em_exec *x)
{
	struct em_borrow *bo = borrow_of(t);
	struct em_clone how = { .flags = bo->bo_how.flags & CLONE_PARENT, .exit_signal = bo->bo_how.exit_signal };
	int32_t pid = em_fork_kind(t, &how, EM_CHILD_EXEC, x);

	if (pid < 0)
		return pid;
	em_vfork_return(t, pid);
	return 0;
}

void
em_vfork_exit(struct em_thread *t, int wstatus)
{
	struct em_borrow *bo = borrow_of(t);

	em_vfork_return(t, em_fork_ended(bo->bo_parent, bo->bo_how.exit_signal, wstatus));
	em_enter(t);
}
