/*
 * proc.h - processes, groups, sessions: what the pure core knows.
 *
 * The core is plain C without a Mach call, so that it runs on the host under the sanitizers. What it must do to the world - post
 * a message, suspend a task, wake who waits - it does through the functions of proc_act.h. Nothing of it parks the fibril except
 * where a comment says so, hence no locks: between two such points the tables are consistent.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef PROC_H
#define PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <masix/types.h>
#include <masix/abi.h>
#include "list.h"

#define PROC_PID_MAX		32768		/* pids are below */
#define PROC_PID_RESERVED	300		/* after the numbers went round once, they begin here */
#define PROC_GROUPS_MAX		MX_IDS_MAX
#define PROC_COMM_MAX		16		/* with the NUL */
#define PROC_EXE_MAX		1024
#define PROC_STOPS		((1ull << (MX_SIGSTOP - 1)) | (1ull << (MX_SIGTSTP - 1)) | \
				 (1ull << (MX_SIGTTIN - 1)) | (1ull << (MX_SIGTTOU - 1)))
#define PROC_SIGBIT(n)		(1ull << ((n) - 1))

enum proc_state { PROC_RUNNING, PROC_STOPPED, PROC_ZOMBIE };

/* What counts per real user id. */
struct user {
	struct user	*u_next;
	uint32_t	u_uid;
	uint32_t	u_refs;		/* processes, queued signals, tasks that end */
	uint32_t	u_stuck;	/* tasks that should have ended and did not yet */
	uint32_t	u_procs;
	uint32_t	u_signals;	/* queued here for processes of the user */
};

struct session {
	int32_t		s_sid;
	struct proc	*s_leader;	/* NULL after its end */
	struct list	s_groups;	/* group.g_in_session */
	/* The controlling terminal. */
	mach_port_t	s_tty;		/* io right, or MACH_PORT_NULL */
	uint32_t	s_tty_major, s_tty_minor;
	int32_t		s_tty_pgrp;	/* foreground group */
	void		*s_port;	/* the object tty speaks to */
};

struct group {
	int32_t		g_id;
	struct session	*g_session;
	struct list	g_in_session;
	struct list	g_members;	/* proc.p_in_group; zombies too, until they are waited for */
};

struct sigqueue {
	struct list	q_link;
	struct user	*q_user;
	int32_t		q_tid;
	struct mx_siginfo q_info;
};

struct rlimit {
	uint64_t	rl_cur, rl_max;
};

struct cred {
	struct mx_cred	c_ids;
	uint32_t	c_ngroups;
	uint32_t	c_groups[PROC_GROUPS_MAX];
};

struct proc {
	int32_t		p_pid;
	uint32_t	p_slot;		/* in the system area */
	enum proc_state	p_state;
	struct list	p_all;		/* of proc_all, in the order of birth */

	/* Family */
	struct proc	*p_parent;	/* NULL: process 1, or born by proc */
	struct list	p_sibling;	/* in p_parent->p_children */
	struct list	p_children;
	struct group	*p_group;
	struct list	p_in_group;
	bool		p_has_execed;
	bool		p_is_subreaper;
	int32_t		p_vforked_by;	/* who waits until it execs or ends; 0: nobody */
	bool		p_gave_up_tty;	/* TIOCNOTTY without being the leader */
	uint32_t	p_exit_signal;
	uint32_t	p_death_signal;	/* when the parent ends */

	/* End and stops, until they are waited for */
	int32_t		p_wstatus;
	uint32_t	p_stop_signal;	/* 0: no stop to report */
	bool		p_continue_event;
	struct mx_rusage p_usage;	/* of a zombie */
	struct mx_rusage p_child_usage;	/* of the children that were waited for */
	struct mx_rusage p_past_usage;	/* of a task that it had before */

	/* Signals */
	uint64_t	p_ignored;
	uint32_t	p_sigchld;	/* MX_CHLD_* */
	uint32_t	p_conts;	/* SIGCONTs sent, or to be sent */
	struct list	p_queue;	/* sigqueue: the signal port was full */
	struct list	p_in_retry;	/* in proc_retry while p_queue is not empty */
	bool		p_holds_signals; /* it is about to change its task: they wait in p_queue */

	/* Identity */
	struct user	*p_user;	/* of the real uid */
	struct cred	p_cred;
	bool		p_no_new_privs;	/* for ever; children too */
	struct rlimit	p_limit[MX_RLIM_NLIMITS];
	int32_t		p_nice;

	/* What /proc shows; told by the process, so only shown to people */
	char		p_comm[PROC_COMM_MAX];
	char		*p_exe;		/* allocated, or NULL */
	uint32_t	p_login_uid;
	int32_t		p_oom_adj;
	uint32_t	p_arg_start, p_arg_end, p_env_start, p_env_end, p_stack, p_brk_start;
	uint64_t	p_start_ns;	/* monotonic */

	/* Mach (proc_task.c) */
	mach_port_t	p_task;		/* MACH_PORT_NULL: gone; the right is p_control's */
	void		*p_control;	/* struct task_control */
	mach_port_t	p_signal;	/* send right of MX_PORT_SIGNAL */
	void		*p_port;	/* struct proc_port */
	struct proc	*p_task_next;	/* same hash */
	/* Whether it was ever started (proc_orphan.c) */
	int32_t		p_maker;	/* pid of who forked it; 0: proc */
	bool		p_has_run;
	uint64_t	p_still_ns;	/* when it was first seen without a thread; 0: never */
};

/* ---- proc_table.c: numbers ---- */

extern struct list proc_all;		/* proc.p_all */
extern uint32_t proc_count;		/* zombies too */
extern uint64_t proc_forks;		/* since the start */
int32_t proc_last_pid(void);

/* A process with a free pid, in no family yet; counted for the real uid of CRED.
 * Errors: NULL, no pid, slot or memory */
struct proc *proc_create(const struct cred *cred);
void proc_free(struct proc *p);
struct proc *proc_find(int32_t pid);
struct group *group_find(int32_t id);
struct session *session_find(int32_t sid);
/* The counters of UID, with a reference. Errors: NULL */
struct user *user_get(uint32_t uid);
void user_put(struct user *u);
/* Make P count for UID from now on. Errors: MX_EAGAIN no memory */
kern_return_t proc_set_user(struct proc *p, uint32_t uid);
void proc_set_comm(struct proc *p, const char *name, size_t size);

/* ---- proc_family.c: birth, groups, sessions, end ---- */

struct proc_birth {
	uint32_t	b_exit_signal;
	bool		b_is_vfork, b_is_sibling;
};
/* A child of PARENT (with b_is_sibling of PARENT's parent). Errors: MX_EAGAIN a limit, MX_EINVAL */
kern_return_t proc_born(struct proc *parent, const struct proc_birth *b, struct proc **child);
/* Undo proc_born for a child that never ran. */
void proc_unborn(struct proc *p);
/* P's first group and session (process 1). Errors: MX_EAGAIN */
kern_return_t proc_adam(struct proc *p);
kern_return_t proc_setsid(struct proc *p);
kern_return_t proc_setpgid(struct proc *caller, int32_t pid, int32_t pgrp);
/* P ends with WSTATUS: task, children, terminal, parent. P may be freed by this. */
void proc_end(struct proc *p, int32_t wstatus);
/* The last of a zombie. */
void proc_reap(struct proc *p);
bool proc_wstatus_is_end(int32_t wstatus);
/* P executes a program: what exec changes here. */
void proc_execed(struct proc *p);
/* The session gives its terminal up: who is in front of it is told, then nobody of the session has it. */
void session_leave_tty(struct session *s);
/* The same without a word to anybody. */
void session_drop_tty(struct session *s);
void session_set_tty_pgrp(struct session *s, int32_t pgrp);
bool group_is_orphaned(const struct group *g);
static inline struct session *
proc_session(const struct proc *p)
{
	return p->p_group->g_session;
}

/* ---- proc_wait.c ---- */

struct proc_waited {
	int32_t		w_pid, w_wstatus;
	uint32_t	w_uid;
	bool		w_sigchld;	/* whoever waited is to be told by this that SIGCHLD came */
	struct mx_rusage w_usage;
};
/* Somebody who sleeps in wait4 or waitid. */
struct proc_waiter {
	struct list	wt_link;
	uint32_t	wt_idtype, wt_options;
	int32_t		wt_id;
	bool		wt_is_done;	/* out of the list, WT_RESULT is the answer */
	struct proc_waited wt_result;
};
enum proc_wait_result { PROC_WAIT_FOUND, PROC_WAIT_NONE_YET, PROC_WAIT_NO_CHILD };
/* Errors: MX_EINVAL */
kern_return_t proc_wait_check(uint32_t idtype, int32_t id, uint32_t options);
/* One event of a child, taken unless MX_WNOWAIT. */
enum proc_wait_result proc_wait_poll(struct proc *parent, uint32_t idtype, int32_t id, uint32_t options,
	struct proc_waited *out);
/* The zombie C goes to one of the WAITERS who wait for it, and is freed. False: none does. */
bool proc_wait_hand_over(struct list *waiters, struct proc *parent, struct proc *c);
void rusage_add(struct mx_rusage *to, const struct mx_rusage *u);

/* ---- proc_signal.c ---- */

/* Send: no question whether the sender may. SIGKILL frees P possibly. Errors: MX_EAGAIN the queue is full */
kern_return_t proc_signal(struct proc *p, int32_t tid, const struct mx_siginfo *info);
/* SIGNO from the kernel (SI_KERNEL). */
void proc_signal_kernel(struct proc *p, uint32_t signo);
void group_signal_kernel(struct group *g, uint32_t signo);
/* kill(2) and its relations. Errors: MX_ESRCH, MX_EPERM, MX_EINVAL, MX_EAGAIN */
kern_return_t proc_kill(struct proc *sender, int32_t pid, int32_t tid, const struct mx_siginfo *info);
/* The process says that it stopped itself by SIGNO, having got CONTS SIGCONTs. Errors: MX_EINVAL */
kern_return_t proc_stopped(struct proc *p, uint32_t signo, uint32_t conts);
/* Tell the parent that P stopped or went on, or ended (then P may be freed by this); wake it if it waits. */
void proc_tell_change(struct proc *p, int32_t code, int32_t status);
void proc_tell_end(struct proc *p);
/* Try the queued signals again; true: some are left somewhere. */
bool proc_signal_retry(void);
void proc_signal_flush(struct proc *p);

/* ---- proc_cred.c ---- */

struct cred_change {
	uint32_t	cc_op;		/* MX_SETUID... */
	uint32_t	cc_a, cc_b, cc_c;
	const uint32_t	*cc_groups;
	uint32_t	cc_ngroups;
};
/* What CRED becomes. Errors: MX_EPERM, MX_EINVAL; then TO is undefined */
kern_return_t cred_apply(const struct cred *cred, const struct cred_change *change, struct cred *to);
bool cred_has_group(const struct cred *cred, uint32_t gid);
bool cred_is_same(const struct cred *a, const struct cred *b);
/* What CRED becomes when a program is executed from a file with attributes AT, or NULL: from one that changes nothing. False: no
 * effective id differs, so that nobody who was trusted with the process before is trusted with more. */
bool cred_exec(const struct cred *cred, const struct mx_attr *at, struct cred *to);
/* May CRED execute a file with attributes AT? */
bool cred_may_exec(const struct cred *cred, const struct mx_attr *at);
static inline bool
cred_is_root(const struct cred *cred)
{
	return cred->c_ids.cr_euid == 0;
}

/* ---- proc_limit.c ---- */

void limits_init(struct rlimit *limits);
/* prlimit(2). Errors: MX_EINVAL, MX_EPERM */
kern_return_t proc_limit(struct proc *caller, struct proc *target, uint32_t resource, const struct rlimit *set,
	struct rlimit *old);
/* getpriority and setpriority. Errors: MX_ESRCH, MX_EINVAL, MX_EPERM, MX_EACCES */
kern_return_t proc_priority(struct proc *caller, uint32_t which, int32_t id, bool set, int32_t *nice);

#endif /* PROC_H */
