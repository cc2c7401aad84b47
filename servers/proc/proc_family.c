/*
 * proc_family.c - birth, process groups, sessions, and the end of a process.
 *
 * The rules are those of POSIX as Linux reads them. Ends are the difficult part, because one end touches children, the
 * groups they are in, the terminal and the parent; proc_end does it in numbered steps whose order matters: what a
 * parent learns must already be true when it learns it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdlib.h>
#include <string.h>
#include "proc.h"
#include "proc_act.h"
#include "proc_table.h"

#define PROC_STUCK_MAX	16	/* tasks of a user that do not end; each keeps a worker (worker.h) */
#define PROC_FOR_ROOT	32	/* the last processes are root's, so that a fork bomb can be stopped */

/* ---- Groups ---- */

static void
group_join(struct proc *p, struct group *g)
{
	p->p_group = g;
	list_append(&g->g_members, &p->p_in_group);
}

static void
group_leave(struct proc *p)
{
	struct group *g = p->p_group;

	p->p_group = NULL;
	list_remove(&p->p_in_group);
	if (list_empty(&g->g_members))
		group_free(g);
}

/* A member that still lives has a parent outside the group, in its session: nobody else could continue it. */
static bool
proc_holds_group(const struct proc *p, const struct group *g)
{
	const struct proc *parent = p->p_parent;

	return p->p_state != PROC_ZOMBIE && parent != NULL && parent->p_pid != 1 && parent->p_group != g &&
	       parent->p_group != NULL && parent->p_group->g_session == g->g_session;
}

bool
group_is_orphaned(const struct group *g)
{
	struct proc *p;

	LIST_EACH(p, next, &g->g_members, struct proc, p_in_group) {
		if (proc_holds_group(p, g))
			return false;
	}
	return true;
}

static bool
group_has_stopped(const struct group *g)
{
	struct proc *p;

	LIST_EACH(p, next, &g->g_members, struct proc, p_in_group) {
		if (p->p_state == PROC_STOPPED)
			return true;
	}
	return false;
}

/* The group that P's parent, through P, keeps from being orphaned. */
static struct group *
held_by(const struct proc *p)
{
	return proc_holds_group(p, p->p_group) ? p->p_group : NULL;
}

/* Group G lost somebody who held it. When that was the last one, its stopped jobs would stop for ever. */
static void
group_orphan_check(struct group *g)
{
	if (g != NULL && group_is_orphaned(g) && group_has_stopped(g)) {
		group_signal_kernel(g, MX_SIGHUP);
		group_signal_kernel(g, MX_SIGCONT);
	}
}

/* ---- Sessions ---- */

void
session_set_tty_pgrp(struct session *s, int32_t pgrp)
{
	struct group *g;
	struct proc *p;

	s->s_tty_pgrp = pgrp;
	LIST_EACH(g, next_g, &s->s_groups, struct group, g_in_session) {
		LIST_EACH(p, next_p, &g->g_members, struct proc, p_in_group)
			proc_act_publish(p);
	}
}

void
session_drop_tty(struct session *s)
{
	if (s->s_tty == MACH_PORT_NULL)
		return;
	proc_act_drop_tty(s);
	s->s_tty = MACH_PORT_NULL;
	session_set_tty_pgrp(s, 0);
}

void
session_leave_tty(struct session *s)
{
	struct group *front = group_find(s->s_tty_pgrp);

	if (s->s_tty == MACH_PORT_NULL)
		return;
	if (front != NULL && front->g_session == s) {
		group_signal_kernel(front, MX_SIGHUP);
		group_signal_kernel(front, MX_SIGCONT);
	}
	session_drop_tty(s);
}

/* P as the leader of a new session and group. Errors: MX_EAGAIN */
static kern_return_t
session_begin(struct proc *p)
{
	struct session *s;
	struct group *g;

	s = session_create(p->p_pid, p);
	if (s == NULL)
		return MX_EAGAIN;
	g = group_create(p->p_pid, s);
	if (g == NULL) {
		session_free(s);
		return MX_EAGAIN;
	}
	if (p->p_group != NULL)
		group_leave(p);
	group_join(p, g);
	p->p_gave_up_tty = false;
	proc_act_publish(p);
	return KERN_SUCCESS;
}

kern_return_t
proc_adam(struct proc *p)
{
	return session_begin(p);
}

kern_return_t
proc_setsid(struct proc *p)
{
	if (group_find(p->p_pid) != NULL || session_find(p->p_pid) != NULL)
		return MX_EPERM;
	return session_begin(p);
}

/* ---- setpgid ---- */

static kern_return_t
setpgid_decode(struct proc *caller, struct proc *p, int32_t pgrp)
{
	const struct group *g;

	if (p == NULL || p->p_state == PROC_ZOMBIE)
		return MX_ESRCH;
	if (p->p_parent == caller) {
		if (proc_session(p) != proc_session(caller))
			return MX_EPERM;
		if (p->p_has_execed)
			return MX_EACCES;
	} else if (p != caller) {
		return MX_ESRCH;
	}
	if (proc_session(p)->s_leader == p)
		return MX_EPERM;
	if (pgrp != p->p_pid) {
		g = group_find(pgrp);
		if (g == NULL || g->g_session != proc_session(caller))
			return MX_EPERM;
	}
	return KERN_SUCCESS;
}

kern_return_t
proc_setpgid(struct proc *caller, int32_t pid, int32_t pgrp)
{
	struct proc *p;
	struct group *g;
	kern_return_t kr;

	if (pgrp < 0)
		return MX_EINVAL;
	p = pid == 0 ? caller : proc_find(pid);
	if (p != NULL && pgrp == 0)
		pgrp = p->p_pid;
	kr = setpgid_decode(caller, p, pgrp);
	if (kr != KERN_SUCCESS)
		return kr;
	g = group_find(pgrp);
	if (g == p->p_group)
		return KERN_SUCCESS;
	if (g == NULL) {
		g = group_create(pgrp, proc_session(p));
		if (g == NULL)
			return MX_EAGAIN;
	}
	group_leave(p);
	group_join(p, g);
	proc_act_publish(p);
	return KERN_SUCCESS;
}

/* ---- Birth ---- */

/* Errors: MX_EAGAIN */
static kern_return_t
birth_check_limits(const struct proc *parent)
{
	uint32_t most = cred_is_root(&parent->p_cred) ? MX_PROC_SLOTS : MX_PROC_SLOTS - PROC_FOR_ROOT;

	if (proc_count >= most || parent->p_user->u_stuck >= PROC_STUCK_MAX)
		return MX_EAGAIN;
	if (!cred_is_root(&parent->p_cred) && parent->p_user->u_procs >= parent->p_limit[MX_RLIMIT_NPROC].rl_cur)
		return MX_EAGAIN;
	return KERN_SUCCESS;
}

/* What a child has from its parent. */
static void
birth_inherit(struct proc *p, const struct proc *parent)
{
	p->p_ignored = parent->p_ignored;
	p->p_sigchld = parent->p_sigchld;
	memcpy(p->p_limit, parent->p_limit, sizeof(p->p_limit));
	p->p_gave_up_tty = parent->p_gave_up_tty;
	p->p_nice = parent->p_nice;
	p->p_no_new_privs = parent->p_no_new_privs;
	memcpy(p->p_comm, parent->p_comm, sizeof(p->p_comm));
	if (parent->p_exe != NULL)
		p->p_exe = strdup(parent->p_exe);	/* without memory the link in /proc is empty */
	p->p_login_uid = parent->p_login_uid;
	p->p_oom_adj = parent->p_oom_adj;
	p->p_arg_start = parent->p_arg_start;
	p->p_arg_end = parent->p_arg_end;
	p->p_env_start = parent->p_env_start;
	p->p_env_end = parent->p_env_end;
	p->p_stack = parent->p_stack;
	p->p_brk_start = parent->p_brk_start;
}

kern_return_t
proc_born(struct proc *parent, const struct proc_birth *b, struct proc **child)
{
	struct proc *p;
	kern_return_t kr;

	if (b->b_exit_signal >= MX_NSIG)
		return MX_EINVAL;
	if (b->b_is_sibling && parent->p_parent == NULL)
		return MX_EINVAL;
	kr = birth_check_limits(parent);
	if (kr != KERN_SUCCESS)
		return kr;
	p = proc_create(&parent->p_cred);
	if (p == NULL)
		return MX_EAGAIN;
	birth_inherit(p, parent);
	p->p_exit_signal = b->b_exit_signal;
	p->p_vforked_by = b->b_is_vfork ? parent->p_pid : 0;
	p->p_parent = b->b_is_sibling ? parent->p_parent : parent;
	list_append(&p->p_parent->p_children, &p->p_sibling);
	group_join(p, parent->p_group);
	proc_act_publish(p);
	*child = p;
	return KERN_SUCCESS;
}

void
proc_unborn(struct proc *p)
{
	list_remove(&p->p_sibling);
	group_leave(p);
	proc_free(p);
}

/* ---- exec ---- */

/* Whoever waits for the vforked P need not any more. */
static void
vfork_end(struct proc *p)
{
	struct proc *waiter = proc_find(p->p_vforked_by);

	p->p_vforked_by = 0;
	if (waiter != NULL)
		proc_act_wake_waiters(waiter);
}

void
proc_execed(struct proc *p)
{
	struct cred cred;

	(void)cred_exec(&p->p_cred, NULL, &cred);
	if (memcmp(&cred.c_ids, &p->p_cred.c_ids, sizeof(cred.c_ids)) != 0) {
		p->p_cred = cred;
		proc_act_publish(p);
	}
	p->p_has_execed = true;
	p->p_exit_signal = MX_SIGCHLD;
	vfork_end(p);
}

/* ---- End ---- */

bool
proc_wstatus_is_end(int32_t wstatus)
{
	int32_t sig = wstatus & 0x7f;

	if (wstatus & ~0xffff)
		return false;
	return sig == 0 ? (wstatus & 0x80) == 0 : sig < MX_NSIG && wstatus <= 0xff;
}

/* Who takes the children of P: the next subreaper above, else process 1. */
static struct proc *
proc_foster(const struct proc *p)
{
	struct proc *up;

	for (up = p->p_parent; up != NULL; up = up->p_parent) {
		if (up->p_is_subreaper && up->p_state != PROC_ZOMBIE)
			return up;
	}
	up = proc_find(1);
	return up == p || up == NULL || up->p_state == PROC_ZOMBIE ? NULL : up;
}

/* The child C of P gets the parent FOSTER. */
static void
child_move(struct proc *c, struct proc *foster)
{
	list_remove(&c->p_sibling);
	c->p_parent = foster;
	c->p_exit_signal = MX_SIGCHLD;
	if (foster != NULL)
		list_append(&foster->p_children, &c->p_sibling);
	proc_act_publish(c);
}

static void
children_leave(struct proc *p)
{
	struct proc *foster = proc_foster(p);
	while (!list_empty(&p->p_children)) {
		struct proc *c = LIST_ENTRY(p->p_children.next, struct proc, p_sibling);
		struct group *held = held_by(c);

		child_move(c, foster);
		group_orphan_check(held);
		/* Either may free the child. */
		if (c->p_state == PROC_ZOMBIE)
			proc_tell_end(c);
		else if (c->p_death_signal != 0)
			proc_signal_kernel(c, c->p_death_signal);
	}
}

void
proc_end(struct proc *p, int32_t wstatus)
{
	struct session *s = proc_session(p);
	struct group *held = held_by(p);

	if (p->p_state == PROC_ZOMBIE)
		return;

	/* (1) Nothing of it runs any more; what it used is known. */
	proc_act_usage(p, &p->p_usage);
	p->p_state = PROC_ZOMBIE;
	p->p_wstatus = wstatus;
	p->p_stop_signal = 0;
	p->p_continue_event = false;
	proc_signal_flush(p);
	proc_act_terminate(p);
	proc_act_wake_waiters(p);
	if (p->p_pid == 1) {
		proc_act_init_died(wstatus);
		return;
	}

	/* (2) The terminal, the children, the groups that only it held. */
	if (s->s_leader == p) {
		s->s_leader = NULL;
		session_leave_tty(s);
	}
	children_leave(p);
	group_orphan_check(held);

	/* (3) Who waits. */
	vfork_end(p);
	proc_tell_end(p);
}

void
proc_reap(struct proc *p)
{
	list_remove(&p->p_sibling);
	group_leave(p);
	proc_free(p);
}
