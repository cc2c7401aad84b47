/*
 * test_proc.c - the core of proc: families, waiting, signals, credentials, limits, without Mach.
 *
 * What the core does to the world is recorded here instead: posted signals, suspended and terminated tasks.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proc.h"
#include "proc_act.h"

static int checks, failures;

#define CHECK(x) check((x), #x, __func__, __LINE__)
static void
check(bool ok, const char *what, const char *where, int line)
{
	checks++;
	if (!ok) {
		failures++;
		printf("not ok - %s:%d %s\n", where, line, what);
	}
}

/* ---- The world ---- */

#define POSTS_MAX 64

static struct { int32_t pid, tid; struct mx_siginfo info; } posts[POSTS_MAX];
static int nposts, nwakes, nretries, nterminated, ninit_died, ndrops;
static struct list waiters = { &waiters, &waiters };	/* of whoever is the parent */
static const struct proc *suspended;	/* the last one */
static bool port_is_full;
static uint64_t now;

bool
proc_act_post(struct proc *p, int32_t tid, const struct mx_siginfo *info)
{
	if (port_is_full)
		return false;
	if (nposts < POSTS_MAX) {
		posts[nposts].pid = p->p_pid;
		posts[nposts].tid = tid;
		posts[nposts].info = *info;
		nposts++;
	}
	return true;
}

void proc_act_suspend(struct proc *p) { suspended = p; }
void proc_act_resume(struct proc *p) { suspended = suspended == p ? NULL : suspended; }
void proc_act_usage(struct proc *p, struct mx_rusage *u) { (void)p; u->ru_utime_us = 1000000; u->ru_maxrss_kb = 7; }
void proc_act_terminate(struct proc *p) { (void)p; nterminated++; }
void proc_act_nice(struct proc *p) { (void)p; }
void proc_act_publish(struct proc *p) { (void)p; }
void proc_act_unpublish(struct proc *p) { (void)p; }
void proc_act_wake_waiters(struct proc *p) { (void)p; nwakes++; }
bool proc_act_hand_over(struct proc *parent, struct proc *child) { return proc_wait_hand_over(&waiters, parent, child); }
void proc_act_retry_later(void) { nretries++; }
void proc_act_drop_tty(struct session *s) { (void)s; ndrops++; }
void proc_act_session_free(struct session *s) { (void)s; }
void proc_act_forget(struct proc *p) { (void)p; }
void proc_act_init_died(int32_t wstatus) { (void)wstatus; ninit_died++; }
uint64_t proc_act_now_ns(void) { return now; }

/* Signals SIGNO posted to PID; all are forgotten by forget(). */
static int
posted(const struct proc *p, uint32_t signo)
{
	int n = 0;

	for (int i = 0; i < nposts; i++)
		n += posts[i].pid == p->p_pid && posts[i].info.si_signo == signo;
	return n;
}

static void
forget(void)
{
	nposts = nwakes = nretries = nterminated = ndrops = 0;
}

/* ---- Makers ---- */

static struct proc *init;

static struct proc *
born(struct proc *parent)
{
	const struct proc_birth b = { .b_exit_signal = MX_SIGCHLD };
	struct proc *p = NULL;
	kern_return_t kr = proc_born(parent, &b, &p);

	CHECK(kr == KERN_SUCCESS);
	if (kr != KERN_SUCCESS)
		abort();
	return p;
}

static void
become(struct proc *p, uint32_t uid)
{
	p->p_cred.c_ids = (struct mx_cred){ uid, uid, uid, uid, uid, uid, uid, uid };
	CHECK(proc_set_user(p, uid) == KERN_SUCCESS);
}

static enum proc_wait_result
wait_any(struct proc *p, uint32_t options, struct proc_waited *w)
{
	memset(w, 0, sizeof(*w));
	return proc_wait_poll(p, MX_P_ALL, 0, options, w);
}

static kern_return_t
kill_(struct proc *p, int32_t pid, uint32_t signo)
{
	struct mx_siginfo info = { .si_signo = signo };

	return proc_kill(p, pid, 0, &info);
}

/* All but init, waited for by init. */
static void
clean(void)
{
	struct proc_waited w;

	port_is_full = false;
	CHECK(kill_(init, -1, MX_SIGKILL) == KERN_SUCCESS || proc_count == 1);
	while (wait_any(init, MX_WEXITED | MX_WALL, &w) == PROC_WAIT_FOUND)
		;
	CHECK(proc_count == 1);
	forget();
}

static void
start(void)
{
	static const struct cred root;

	init = proc_create(&root);
	CHECK(init != NULL && init->p_pid == 1 && init->p_slot == 0);
	limits_init(init->p_limit);
	CHECK(proc_adam(init) == KERN_SUCCESS);
}

/* ---- Tests ---- */

static void
test_fork_wait(void)
{
	struct proc_waited w;
	struct proc *a = born(init), *b = born(a);
	int32_t pid = b->p_pid;

	CHECK(b->p_parent == a && b->p_group == init->p_group && proc_find(pid) == b);
	CHECK(wait_any(b, MX_WEXITED, &w) == PROC_WAIT_NO_CHILD);
	CHECK(wait_any(a, MX_WEXITED, &w) == PROC_WAIT_NONE_YET);
	proc_end(b, 3 << 8);
	CHECK(nterminated == 1 && nwakes >= 1 && posted(a, MX_SIGCHLD) == 1);
	CHECK(posts[0].info.si_code == MX_CLD_EXITED && posts[0].info.si_value == 3 && posts[0].info.si_pid == pid);
	CHECK(posts[0].info.si_utime == 100);
	CHECK(proc_wait_poll(a, MX_P_PID, pid + 1, MX_WEXITED, &w) == PROC_WAIT_NO_CHILD);
	CHECK(wait_any(a, MX_WUNTRACED, &w) == PROC_WAIT_NO_CHILD);
	CHECK(wait_any(a, MX_WEXITED | MX_WNOWAIT, &w) == PROC_WAIT_FOUND && w.w_pid == pid && w.w_wstatus == 3 << 8);
	CHECK(proc_find(pid) == b);
	CHECK(proc_wait_poll(a, MX_P_PGID, 0, MX_WEXITED, &w) == PROC_WAIT_FOUND && w.w_usage.ru_utime_us == 1000000);
	CHECK(proc_find(pid) == NULL && a->p_child_usage.ru_utime_us == 1000000 && a->p_child_usage.ru_maxrss_kb == 7);
	CHECK(wait_any(a, MX_WEXITED, &w) == PROC_WAIT_NO_CHILD);
	clean();
}

static void
test_wait_check(void)
{
	CHECK(proc_wait_check(MX_P_ALL, 0, MX_WEXITED) == KERN_SUCCESS);
	CHECK(proc_wait_check(MX_P_ALL, 0, 0) == MX_EINVAL);
	CHECK(proc_wait_check(MX_P_ALL, 0, MX_WNOHANG) == MX_EINVAL);
	CHECK(proc_wait_check(MX_P_PID, 0, MX_WEXITED) == MX_EINVAL);
	CHECK(proc_wait_check(MX_P_PGID, -1, MX_WEXITED) == MX_EINVAL);
	CHECK(proc_wait_check(3, 1, MX_WEXITED) == MX_EINVAL);
	CHECK(proc_wait_check(MX_P_ALL, 0, MX_WEXITED | 0x100) == MX_EINVAL);
	CHECK(proc_wstatus_is_end(0) && proc_wstatus_is_end(255 << 8) && proc_wstatus_is_end(9) && proc_wstatus_is_end(0x8b));
	CHECK(!proc_wstatus_is_end(0x7f) && !proc_wstatus_is_end(0x137f) && !proc_wstatus_is_end(0x10000));
	CHECK(!proc_wstatus_is_end(-1) && !proc_wstatus_is_end(0x80) && !proc_wstatus_is_end(0x109));
}

static void
test_clone_children(void)
{
	const struct proc_birth quiet = { .b_exit_signal = 0 }, bad = { .b_exit_signal = 65 };
	const struct proc_birth sibling = { .b_exit_signal = MX_SIGCHLD, .b_is_sibling = true };
	struct proc_waited w;
	struct proc *a = born(init), *q = NULL, *s = NULL;

	CHECK(proc_born(a, &bad, &q) == MX_EINVAL);
	CHECK(proc_born(init, &sibling, &q) == MX_EINVAL);
	CHECK(proc_born(a, &quiet, &q) == KERN_SUCCESS);
	CHECK(proc_born(a, &sibling, &s) == KERN_SUCCESS && s->p_parent == init);
	proc_end(q, 0);
	CHECK(posted(a, MX_SIGCHLD) == 0);
	CHECK(wait_any(a, MX_WEXITED, &w) == PROC_WAIT_NO_CHILD);
	CHECK(wait_any(a, MX_WEXITED | MX_WCLONE, &w) == PROC_WAIT_FOUND);
	clean();
}

static void
test_orphans(void)
{
	struct proc_waited w;
	struct proc *a = born(init), *b = born(a), *c = born(a), *r;
	int32_t c_pid = c->p_pid;

	b->p_death_signal = MX_SIGUSR1;
	proc_end(c, 0);
	proc_end(a, 0);
	CHECK(b->p_parent == init && posted(b, MX_SIGUSR1) == 1);
	CHECK(proc_wait_poll(init, MX_P_PID, c_pid, MX_WEXITED, &w) == PROC_WAIT_FOUND);
	clean();

	/* a subreaper in between; a death signal that kills */
	r = born(init);
	r->p_is_subreaper = true;
	a = born(r);
	b = born(a);
	c = born(a);
	c->p_death_signal = MX_SIGKILL;
	proc_end(a, 0);
	CHECK(b->p_parent == r && c->p_state == PROC_ZOMBIE && c->p_parent == r);
	clean();
}

static void
test_hand_over(void)
{
	struct proc_waiter wt = { .wt_idtype = MX_P_ALL, .wt_options = MX_WEXITED };
	struct proc *a = born(init), *b = born(a), *c = born(a), *d = born(a);
	int32_t pid = b->p_pid;

	/* who sleeps gets the child and its SIGCHLD in one */
	list_append(&waiters, &wt.wt_link);
	forget();
	proc_end(b, 3 << 8);
	CHECK(wt.wt_is_done && list_empty(&waiters) && nposts == 0 && proc_find(pid) == NULL);
	CHECK(wt.wt_result.w_pid == pid && wt.wt_result.w_wstatus == 3 << 8 && wt.wt_result.w_sigchld);
	CHECK(a->p_child_usage.ru_utime_us == 1000000);

	/* not who waits for another, or wants to leave it; then it is told as usual */
	wt = (struct proc_waiter){ .wt_idtype = MX_P_PID, .wt_id = d->p_pid, .wt_options = MX_WEXITED };
	list_append(&waiters, &wt.wt_link);
	forget();
	proc_end(c, 0);
	CHECK(!wt.wt_is_done && nposts == 1 && c->p_state == PROC_ZOMBIE);
	wt.wt_options |= MX_WNOWAIT;
	forget();
	proc_end(d, 0);
	CHECK(!wt.wt_is_done && nposts == 1 && d->p_state == PROC_ZOMBIE);
	list_remove(&wt.wt_link);

	/* an ignored signal stays one */
	a->p_ignored = PROC_SIGBIT(MX_SIGCHLD);
	b = born(a);
	wt = (struct proc_waiter){ .wt_idtype = MX_P_ALL, .wt_options = MX_WEXITED };
	list_append(&waiters, &wt.wt_link);
	proc_end(b, 0);
	CHECK(wt.wt_is_done && !wt.wt_result.w_sigchld);
	clean();
}

static void
test_autoreap(void)
{
	struct proc_waited w;
	struct proc *a = born(init), *b = born(a), *c;
	int32_t pid = b->p_pid;

	a->p_sigchld = MX_CHLD_NOWAIT;
	forget();
	proc_end(b, 0);
	CHECK(proc_find(pid) == NULL && nwakes > 0);
	CHECK(wait_any(a, MX_WEXITED, &w) == PROC_WAIT_NO_CHILD);

	/* a child whose end kills its parent */
	b = born(a);
	b->p_exit_signal = MX_SIGKILL;
	c = born(b);
	proc_end(b, 0);
	CHECK(a->p_state == PROC_ZOMBIE && c->p_parent == init);
	clean();

	/* the same when the parent vanishes with it */
	a = born(init);
	b = born(a);
	b->p_exit_signal = MX_SIGKILL;
	init->p_sigchld = MX_CHLD_NOWAIT;
	proc_end(b, 0);
	CHECK(proc_count == 1);
	init->p_sigchld = 0;
	clean();
}

static void
test_stop(void)
{
	struct proc_waited w;
	struct proc *sh = born(init), *job;

	CHECK(proc_setsid(sh) == KERN_SUCCESS);
	job = born(sh);
	CHECK(proc_setpgid(sh, job->p_pid, job->p_pid) == KERN_SUCCESS);
	forget();

	CHECK(proc_stopped(job, MX_SIGTERM, 0) == MX_EINVAL);
	CHECK(proc_stopped(job, MX_SIGTSTP, 0) == KERN_SUCCESS);
	CHECK(job->p_state == PROC_STOPPED && suspended == job && posted(sh, MX_SIGCHLD) == 1);
	CHECK(wait_any(sh, MX_WEXITED, &w) == PROC_WAIT_NONE_YET);
	CHECK(wait_any(sh, MX_WEXITED | MX_WUNTRACED, &w) == PROC_WAIT_FOUND && w.w_wstatus == (MX_SIGTSTP << 8 | 0x7f));
	CHECK(wait_any(sh, MX_WEXITED | MX_WUNTRACED, &w) == PROC_WAIT_NONE_YET);
	CHECK(kill_(sh, job->p_pid, MX_SIGCONT) == KERN_SUCCESS);
	CHECK(job->p_state == PROC_RUNNING && suspended == NULL && posted(job, MX_SIGCONT) == 1 && job->p_conts == 1);
	CHECK(wait_any(sh, MX_WEXITED | MX_WCONTINUED, &w) == PROC_WAIT_FOUND && w.w_wstatus == 0xffff);

	/* a SIGCONT overtakes the stop */
	CHECK(proc_stopped(job, MX_SIGTSTP, 0) == KERN_SUCCESS && job->p_state == PROC_RUNNING);
	CHECK(proc_stopped(job, MX_SIGTSTP, 1) == KERN_SUCCESS && job->p_state == PROC_STOPPED);

	/* SIGSTOP and SIGKILL need no help of the process */
	CHECK(kill_(sh, job->p_pid, MX_SIGCONT) == KERN_SUCCESS);
	job->p_ignored = ~0ull;
	CHECK(kill_(sh, job->p_pid, MX_SIGSTOP) == KERN_SUCCESS && job->p_state == PROC_STOPPED);
	sh->p_sigchld = MX_CHLD_NOSTOP;
	forget();
	CHECK(kill_(sh, job->p_pid, MX_SIGCONT) == KERN_SUCCESS && posted(sh, MX_SIGCHLD) == 0);
	CHECK(kill_(sh, job->p_pid, MX_SIGKILL) == KERN_SUCCESS && job->p_state == PROC_ZOMBIE);
	clean();
}

static void
test_orphaned_group(void)
{
	struct proc *sh = born(init), *job, *mate;

	CHECK(proc_setsid(sh) == KERN_SUCCESS);
	job = born(sh);
	mate = born(sh);
	CHECK(proc_setpgid(job, 0, 0) == KERN_SUCCESS);
	CHECK(proc_setpgid(mate, 0, job->p_pid) == KERN_SUCCESS);
	CHECK(!group_is_orphaned(job->p_group) && group_is_orphaned(sh->p_group));
	CHECK(proc_stopped(job, MX_SIGTSTP, 0) == KERN_SUCCESS && job->p_state == PROC_STOPPED);
	CHECK(proc_stopped(sh, MX_SIGTSTP, 0) == KERN_SUCCESS && sh->p_state == PROC_RUNNING);
	forget();
	proc_end(sh, 0);
	CHECK(group_is_orphaned(job->p_group));
	CHECK(posted(job, MX_SIGHUP) == 1 && posted(mate, MX_SIGHUP) == 1 && posted(job, MX_SIGCONT) == 1);
	CHECK(job->p_state == PROC_RUNNING);
	clean();
}

static void
test_groups(void)
{
	struct proc *a = born(init), *b, *c, *other;

	CHECK(proc_setsid(a) == KERN_SUCCESS && proc_session(a)->s_sid == a->p_pid && a->p_group->g_id == a->p_pid);
	CHECK(proc_setsid(a) == MX_EPERM);
	b = born(a);
	c = born(b);
	CHECK(proc_setpgid(a, 0, 0) == MX_EPERM);			/* session leader */
	CHECK(proc_setpgid(a, b->p_pid, -1) == MX_EINVAL);
	CHECK(proc_setpgid(a, c->p_pid, 0) == MX_ESRCH);		/* grandchild */
	CHECK(proc_setpgid(b, a->p_pid, 0) == MX_ESRCH);		/* parent */
	CHECK(proc_setpgid(a, 12345, 0) == MX_ESRCH);
	CHECK(proc_setpgid(a, b->p_pid, 12345) == MX_EPERM);		/* no such group */
	CHECK(proc_setpgid(a, b->p_pid, 1) == MX_EPERM);		/* group of another session */
	CHECK(proc_setpgid(a, b->p_pid, 0) == KERN_SUCCESS && b->p_group->g_id == b->p_pid);
	CHECK(proc_setsid(b) == MX_EPERM);				/* group leader */
	CHECK(proc_setpgid(a, b->p_pid, a->p_pid) == KERN_SUCCESS && group_find(b->p_pid) == NULL);
	proc_execed(b);
	CHECK(proc_setpgid(a, b->p_pid, 0) == MX_EACCES);
	CHECK(proc_setpgid(b, 0, 0) == KERN_SUCCESS);
	other = born(b);
	CHECK(proc_setsid(other) == KERN_SUCCESS);
	CHECK(proc_setpgid(b, other->p_pid, b->p_pid) == MX_EPERM);	/* another session */

	/* the number of a group is not given to a process */
	CHECK(c->p_group->g_id == a->p_pid);
	proc_end(a, 0);
	{
		struct proc_waited w;
		int32_t gid = c->p_group->g_id;

		CHECK(wait_any(init, MX_WEXITED, &w) == PROC_WAIT_FOUND);
		CHECK(proc_find(gid) == NULL && group_find(gid) == c->p_group && session_find(gid) != NULL);
	}
	clean();
	CHECK(proc_session(init)->s_groups.next == &init->p_group->g_in_session);
}

static void
test_terminal(void)
{
	struct proc *sh = born(init), *job;
	struct session *s;

	CHECK(proc_setsid(sh) == KERN_SUCCESS);
	job = born(sh);
	CHECK(proc_setpgid(job, 0, 0) == KERN_SUCCESS);
	s = proc_session(sh);
	s->s_tty = 77;
	session_set_tty_pgrp(s, job->p_pid);
	forget();
	proc_end(sh, 0);
	CHECK(posted(job, MX_SIGHUP) == 1 && posted(job, MX_SIGCONT) == 1 && ndrops == 1);
	CHECK(s->s_tty == MACH_PORT_NULL && s->s_tty_pgrp == 0 && s->s_leader == NULL);
	clean();
}

static void
test_kill(void)
{
	struct proc *a = born(init), *b = born(init), *u = born(init), *v;
	struct mx_siginfo info = { .si_signo = MX_SIGUSR1, .si_code = MX_SI_QUEUE, .si_value = 42, .si_pid = 9999 };

	become(u, 1000);
	v = born(u);
	forget();
	CHECK(kill_(u, v->p_pid, MX_SIGTERM) == KERN_SUCCESS && posted(v, MX_SIGTERM) == 1);
	CHECK(posts[0].info.si_pid == u->p_pid && posts[0].info.si_uid == 1000 && posts[0].info.si_code == MX_SI_USER);
	CHECK(kill_(u, a->p_pid, MX_SIGTERM) == MX_EPERM && kill_(u, a->p_pid, 0) == MX_EPERM);
	CHECK(kill_(u, v->p_pid, 0) == KERN_SUCCESS);
	CHECK(kill_(u, 20000, MX_SIGTERM) == MX_ESRCH && kill_(u, -20000, MX_SIGTERM) == MX_ESRCH);
	CHECK(kill_(u, INT32_MIN, MX_SIGTERM) == MX_ESRCH);
	CHECK(kill_(u, v->p_pid, 65) == MX_EINVAL && kill_(u, v->p_pid, 0xffffffff) == MX_EINVAL);
	CHECK(kill_(u, a->p_pid, MX_SIGCONT) == KERN_SUCCESS);		/* same session */
	CHECK(proc_setsid(v) == KERN_SUCCESS);
	CHECK(kill_(v, a->p_pid, MX_SIGCONT) == MX_EPERM);

	/* sigqueue: who it was is not for the sender to say, nor that it was the kernel */
	forget();
	CHECK(proc_kill(a, b->p_pid, 0, &info) == KERN_SUCCESS);
	CHECK(posts[0].info.si_pid == a->p_pid && posts[0].info.si_value == 42 && posts[0].info.si_code == MX_SI_QUEUE);
	info.si_code = MX_SI_KERNEL;
	CHECK(proc_kill(a, b->p_pid, 0, &info) == MX_EPERM);
	CHECK(proc_kill(a, a->p_pid, 0, &info) == KERN_SUCCESS);
	CHECK(proc_kill(a, -a->p_pid, 5, &info) == MX_EINVAL);

	/* groups and everybody */
	forget();
	CHECK(kill_(u, 0, MX_SIGUSR2) == KERN_SUCCESS && posted(u, MX_SIGUSR2) == 1 && posted(a, MX_SIGUSR2) == 0);
	forget();
	CHECK(kill_(init, -1, MX_SIGUSR2) == KERN_SUCCESS && nposts == 4 && posted(init, MX_SIGUSR2) == 0);
	forget();
	CHECK(kill_(v, -1, MX_SIGUSR2) == KERN_SUCCESS && nposts == 1 && posted(u, MX_SIGUSR2) == 1);
	CHECK(kill_(u, -1, MX_SIGKILL) == KERN_SUCCESS && v->p_state == PROC_ZOMBIE && u->p_state == PROC_RUNNING);

	/* process 1 is not killed */
	CHECK(kill_(a, 1, MX_SIGKILL) == KERN_SUCCESS && init->p_state == PROC_RUNNING);
	CHECK(kill_(a, 1, MX_SIGSTOP) == KERN_SUCCESS && init->p_state == PROC_RUNNING);

	/* a zombie takes it, and nothing happens */
	CHECK(kill_(u, v->p_pid, MX_SIGTERM) == MX_ESRCH || kill_(u, v->p_pid, MX_SIGTERM) == KERN_SUCCESS);
	clean();
}

static void
test_kill_own_group(void)
{
	struct proc *a = born(init), *b, *c;

	CHECK(proc_setsid(a) == KERN_SUCCESS);
	a->p_sigchld = MX_CHLD_NOWAIT;
	b = born(a);
	c = born(a);
	(void)b, (void)c;
	forget();
	CHECK(kill_(a, 0, MX_SIGKILL) == KERN_SUCCESS);
	CHECK(a->p_state == PROC_ZOMBIE && proc_count == 2);
	clean();
}

static void
test_full_port(void)
{
	struct proc *a = born(init);
	struct mx_siginfo rt = { .si_signo = MX_SIGRTMIN + 3, .si_code = MX_SI_QUEUE };

	init->p_ignored = PROC_SIGBIT(MX_SIGCHLD);
	forget();
	port_is_full = true;
	CHECK(kill_(init, a->p_pid, MX_SIGTERM) == KERN_SUCCESS && kill_(init, a->p_pid, MX_SIGTERM) == KERN_SUCCESS);
	CHECK(nretries > 0 && proc_signal_retry());
	a->p_limit[MX_RLIMIT_SIGPENDING] = (struct rlimit){ 4, 4 };
	for (int i = 0; i < 3; i++)
		CHECK(proc_kill(init, a->p_pid, 0, &rt) == KERN_SUCCESS);
	CHECK(proc_kill(init, a->p_pid, 0, &rt) == MX_EAGAIN);
	CHECK(kill_(init, a->p_pid, MX_SIGTSTP) == KERN_SUCCESS);
	CHECK(kill_(init, a->p_pid, MX_SIGCONT) == KERN_SUCCESS && a->p_conts == 1);	/* drops the SIGTSTP */
	port_is_full = false;
	CHECK(kill_(init, a->p_pid, MX_SIGHUP) == KERN_SUCCESS && nposts == 0);		/* keeps the order */
	CHECK(!proc_signal_retry());
	CHECK(posted(a, MX_SIGTERM) == 1 && posted(a, MX_SIGRTMIN + 3) == 3 && posted(a, MX_SIGTSTP) == 0);
	CHECK(posted(a, MX_SIGCONT) == 1 && posted(a, MX_SIGHUP) == 1 && posts[nposts - 1].info.si_signo == MX_SIGHUP);
	CHECK(a->p_user->u_signals == 0);

	/* a stop drops a SIGCONT that was never sent; a stopped process does not keep the timer running */
	forget();
	port_is_full = true;
	CHECK(kill_(init, a->p_pid, MX_SIGCONT) == KERN_SUCCESS && a->p_conts == 2);
	CHECK(kill_(init, a->p_pid, MX_SIGSTOP) == KERN_SUCCESS && a->p_conts == 1);
	CHECK(kill_(init, a->p_pid, MX_SIGTERM) == KERN_SUCCESS);
	CHECK(!proc_signal_retry());
	forget();
	CHECK(kill_(init, a->p_pid, MX_SIGCONT) == KERN_SUCCESS && nretries > 0);
	proc_end(a, 0);
	CHECK(!proc_signal_retry());
	clean();
	init->p_ignored = 0;
	CHECK(init->p_user->u_signals == 0 && init->p_user->u_procs == 1);
}

static void
test_ignored(void)
{
	struct proc *a = born(init), *b;

	a->p_ignored = PROC_SIGBIT(MX_SIGTERM) | PROC_SIGBIT(MX_SIGCONT);
	forget();
	CHECK(kill_(init, a->p_pid, MX_SIGTERM) == KERN_SUCCESS && nposts == 0);
	CHECK(kill_(init, a->p_pid, MX_SIGCONT) == KERN_SUCCESS && nposts == 1);
	b = born(a);
	CHECK(b->p_ignored == a->p_ignored);
	clean();
}

static void
test_cred(void)
{
	static const uint32_t groups[3] = { 5, 6, 7 };
	struct cred root = { 0 }, user, to;
	struct cred_change c;

#define APPLY(from, ...) (c = (struct cred_change){ __VA_ARGS__ }, cred_apply(&(from), &c, &to))
	CHECK(APPLY(root, .cc_op = MX_SETUID, .cc_a = 1000) == KERN_SUCCESS);
	CHECK(to.c_ids.cr_ruid == 1000 && to.c_ids.cr_euid == 1000 && to.c_ids.cr_suid == 1000 && to.c_ids.cr_fsuid == 1000);
	user = to;
	CHECK(APPLY(user, .cc_op = MX_SETUID, .cc_a = 0) == MX_EPERM);
	CHECK(APPLY(user, .cc_op = MX_SETUID, .cc_a = 0xffffffff) == MX_EINVAL);
	CHECK(APPLY(user, .cc_op = MX_SETRESUID, .cc_a = 0xffffffff, .cc_b = 0, .cc_c = 0xffffffff) == MX_EPERM);
	CHECK(APPLY(user, .cc_op = MX_SETGROUPS) == MX_EPERM);
	CHECK(APPLY(user, .cc_op = 77) == MX_EINVAL);

	/* seteuid and back */
	CHECK(APPLY(root, .cc_op = MX_SETRESUID, .cc_a = 0xffffffff, .cc_b = 1000, .cc_c = 0xffffffff) == KERN_SUCCESS);
	CHECK(to.c_ids.cr_ruid == 0 && to.c_ids.cr_euid == 1000 && to.c_ids.cr_suid == 0 && to.c_ids.cr_fsuid == 1000);
	user = to;
	CHECK(APPLY(user, .cc_op = MX_SETGID, .cc_a = 5) == MX_EPERM);
	CHECK(APPLY(user, .cc_op = MX_SETRESUID, .cc_a = 0xffffffff, .cc_b = 0, .cc_c = 0xffffffff) == KERN_SUCCESS && to.c_ids.cr_euid == 0);

	/* setreuid sets the saved id when the real one changes, or the effective one becomes another than the real */
	CHECK(APPLY(root, .cc_op = MX_SETREUID, .cc_a = 1000, .cc_b = 2000) == KERN_SUCCESS && to.c_ids.cr_suid == 2000);
	user = to;
	CHECK(APPLY(user, .cc_op = MX_SETREUID, .cc_a = 2000, .cc_b = 1000) == KERN_SUCCESS && to.c_ids.cr_ruid == 2000 && to.c_ids.cr_suid == 1000);
	CHECK(APPLY(user, .cc_op = MX_SETREUID, .cc_a = 0xffffffff, .cc_b = 3000) == MX_EPERM);

	CHECK(APPLY(root, .cc_op = MX_SETGROUPS, .cc_groups = groups, .cc_ngroups = 3) == KERN_SUCCESS && to.c_ngroups == 3);
	CHECK(cred_has_group(&to, 6) && !cred_has_group(&to, 8) && cred_has_group(&to, 0));
	CHECK(APPLY(user, .cc_op = MX_SETFSUID, .cc_a = 0) == KERN_SUCCESS && to.c_ids.cr_fsuid == 2000);
	CHECK(APPLY(root, .cc_op = MX_SETRESGID, .cc_a = 1, .cc_b = 2, .cc_c = 3) == KERN_SUCCESS && to.c_ids.cr_sgid == 3 && to.c_ids.cr_fsgid == 2);
}

static void
test_limits(void)
{
	const struct proc_birth plain = { .b_exit_signal = MX_SIGCHLD };
	struct proc *a = born(init), *u = born(init), *child = NULL;
	struct rlimit old, set = { 3, 3 };
	int32_t nice;

	become(u, 1000);
	CHECK(proc_limit(u, u, MX_RLIM_NLIMITS, NULL, &old) == MX_EINVAL);
	CHECK(proc_limit(u, a, MX_RLIMIT_NPROC, NULL, &old) == MX_EPERM);
	CHECK(proc_limit(u, u, MX_RLIMIT_NPROC, &set, &old) == KERN_SUCCESS && old.rl_cur == 1024);
	set = (struct rlimit){ 2, 4 };
	CHECK(proc_limit(u, u, MX_RLIMIT_NPROC, &set, &old) == MX_EPERM);
	CHECK(proc_limit(init, u, MX_RLIMIT_NPROC, &set, &old) == KERN_SUCCESS);
	set = (struct rlimit){ 5, 4 };
	CHECK(proc_limit(u, u, MX_RLIMIT_NPROC, &set, &old) == MX_EINVAL);

	/* a fork bomb */
	CHECK(proc_born(u, &plain, &child) == KERN_SUCCESS);
	CHECK(proc_born(child, &plain, &child) == MX_EAGAIN);
	CHECK(proc_born(a, &plain, &child) == KERN_SUCCESS);
	become(child, 1000);
	CHECK(u->p_user->u_procs == 3);

	/* tasks that do not end */
	u->p_limit[MX_RLIMIT_NPROC].rl_cur = MX_RLIM_INFINITY;
	u->p_user->u_stuck = 16;
	CHECK(proc_born(u, &plain, &child) == MX_EAGAIN);
	u->p_user->u_stuck = 0;

	nice = 5;
	CHECK(proc_priority(u, 0, 0, true, &nice) == KERN_SUCCESS && u->p_nice == 5);
	nice = 0;
	CHECK(proc_priority(u, 0, 0, true, &nice) == MX_EACCES && u->p_nice == 5);
	CHECK(proc_priority(u, 0, a->p_pid, true, &nice) == MX_EPERM);
	CHECK(proc_priority(u, 0, 20000, true, &nice) == MX_ESRCH && proc_priority(u, 3, 0, true, &nice) == MX_EINVAL);
	nice = -100;
	CHECK(proc_priority(init, 2, 1000, true, &nice) == KERN_SUCCESS && u->p_nice == -20 && child->p_nice == -20);
	CHECK(proc_priority(u, 2, 0, false, &nice) == KERN_SUCCESS && nice == -20);
	clean();
}

static void
test_vfork(void)
{
	const struct proc_birth b = { .b_exit_signal = MX_SIGCHLD, .b_is_vfork = true };
	struct proc *a = born(init), *v = NULL;

	CHECK(proc_born(a, &b, &v) == KERN_SUCCESS && v->p_vforked_by == a->p_pid);
	forget();
	proc_execed(v);
	CHECK(v->p_vforked_by == 0 && nwakes == 1);
	CHECK(proc_born(a, &b, &v) == KERN_SUCCESS);
	proc_end(v, 0);
	CHECK(v->p_vforked_by == 0);
	CHECK(proc_born(a, &b, &v) == KERN_SUCCESS);
	proc_unborn(v);
	clean();
}

/* All processes there can be; then none is left over, and pids go round. */
static void
test_many(void)
{
	const struct proc_birth b = { .b_exit_signal = MX_SIGCHLD };
	struct proc *p = NULL, *u = born(init), *kid = NULL;
	uint32_t n = 0;

	become(u, 1);
	u->p_limit[MX_RLIMIT_NPROC] = (struct rlimit){ MX_RLIM_INFINITY, MX_RLIM_INFINITY };
	while (proc_born(u, &b, &kid) == KERN_SUCCESS)
		n++;
	CHECK(n > MX_PROC_SLOTS - 64 && n < MX_PROC_SLOTS - 2);		/* some are left for root */
	while (proc_born(init, &b, &p) == KERN_SUCCESS)
		n++;
	CHECK(proc_count == MX_PROC_SLOTS && n == MX_PROC_SLOTS - 2);
	clean();
	for (int i = 0; i < PROC_PID_MAX; i++) {
		struct proc_waited w;

		p = born(init);
		CHECK(p->p_slot == 1);
		proc_end(p, 0);
		CHECK(wait_any(init, MX_WEXITED, &w) == PROC_WAIT_FOUND);
	}
	forget();
	p = born(init);
	CHECK(p->p_pid >= PROC_PID_RESERVED || p->p_pid > 1);
	clean();
}

/* Random acts of random processes: the sanitizers watch, and the books must balance. */
static void
test_random(unsigned int seed, int steps)
{
	srand(seed);
	for (int i = 0; i < steps; i++) {
		struct proc *p = init, *q = init, *x;
		int skip = rand() % (int)proc_count, skip2 = rand() % (int)proc_count;
		struct proc_waited w;
		struct mx_siginfo info = { .si_signo = (uint32_t)rand() % 66, .si_code = rand() % 4 - 2 };
		struct proc_birth b = { (uint32_t)rand() % 66, rand() % 2, rand() % 4 == 0 };

		LIST_EACH(x, next, &proc_all, struct proc, p_all) {
			if (skip-- == 0)
				p = x;
			if (skip2-- == 0)
				q = x;
		}
		port_is_full = rand() % 3 == 0;
		if (p->p_state == PROC_ZOMBIE)
			p = init;
		switch (rand() % 12) {
		case 0: case 1: case 2:
			if (proc_count < 200)
				(void)proc_born(p, &b, &x);
			break;
		case 3:
			(void)proc_kill(p, rand() % 3 ? q->p_pid : -q->p_pid, 0, &info);
			break;
		case 4:
			(void)proc_setsid(p);
			break;
		case 5:
			(void)proc_setpgid(p, q->p_pid, rand() % 2 ? 0 : p->p_group->g_id);
			break;
		case 6: case 7:
			(void)wait_any(p, (uint32_t)rand() & (MX_WEXITED | MX_WUNTRACED | MX_WNOWAIT | MX_WCONTINUED), &w);
			break;
		case 8:
			if (p != init)
				proc_end(p, rand() % 127);
			break;
		case 9:
			(void)proc_stopped(p, MX_SIGTSTP, p->p_conts);
			break;
		case 10:
			p->p_sigchld = (uint32_t)rand() % 4;
			p->p_death_signal = (uint32_t)rand() % 65;
			p->p_is_subreaper = rand() % 8 == 0;
			p->p_ignored = (uint64_t)rand() << 20;
			if (proc_session(p)->s_leader == p && p != init)
				proc_session(p)->s_tty = 5, session_set_tty_pgrp(proc_session(p), q->p_pid);
			break;
		case 11:
			if (rand() % 8 == 0)
				(void)proc_kill(p, -1, 0, &info);
			(void)proc_signal_retry();
			break;
		}
		nposts = 0;
		if (p == init || q == init)
			init->p_sigchld = 0, init->p_death_signal = 0;
	}
	init->p_ignored = 0;
	clean();
	CHECK(init->p_user->u_procs == 1 && list_empty(&init->p_children));
}

int
main(void)
{
	start();
	test_wait_check();
	test_fork_wait();
	test_clone_children();
	test_orphans();
	test_hand_over();
	test_autoreap();
	test_stop();
	test_orphaned_group();
	test_groups();
	test_terminal();
	test_kill();
	test_kill_own_group();
	test_full_port();
	test_ignored();
	test_cred();
	test_limits();
	test_vfork();
	test_many();
	for (unsigned int seed = 1; seed <= 20; seed++)
		test_random(seed, 5000);
	CHECK(ninit_died == 0);
	proc_end(init, 0);
	CHECK(ninit_died == 1);
	printf("%s - proc core: %d checks, %d failed\n", failures == 0 ? "ok" : "not ok", checks, failures);
	return failures != 0;
}
