/*
 * proc_act.h - what the core does to the world.
 *
 * In the server these are Mach calls (proc_task.c, proc_sys.c, proc_rpc.c); the host test has its own. None of them parks the fibril.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef PROC_ACT_H
#define PROC_ACT_H

#include "proc.h"

/* Post a signal to the process; false: its port is full now. */
bool proc_act_post(struct proc *p, int32_t tid, const struct mx_siginfo *info);
void proc_act_suspend(struct proc *p);
void proc_act_resume(struct proc *p);
/* Resources that the process used so far. */
void proc_act_usage(struct proc *p, struct mx_rusage *usage);
/* Destroy the task and forget its rights. */
void proc_act_terminate(struct proc *p);
void proc_act_nice(struct proc *p);
/* P's identity changed: its slot of the system area. A reaped process's slot becomes free. */
void proc_act_publish(struct proc *p);
void proc_act_unpublish(struct proc *p);
/* What P may wait for changed: its children, a vforked process, its own life. */
void proc_act_wake_waiters(struct proc *p);
/* If PARENT sleeps in a wait for the zombie CHILD, end that wait with it (proc_wait_hand_over): CHILD is freed then. */
bool proc_act_hand_over(struct proc *parent, struct proc *child);
/* Call proc_signal_retry soon. */
void proc_act_retry_later(void);
/* The session loses its terminal, because its leader ended or the line went down; s_tty is still set. */
void proc_act_drop_tty(struct session *s);
/* S is about to be freed. */
void proc_act_session_free(struct session *s);
/* P is about to be freed: nobody can name it any more. */
void proc_act_forget(struct proc *p);
/* Process 1 ended. */
void proc_act_init_died(int32_t wstatus);
uint64_t proc_act_now_ns(void);

#endif /* PROC_ACT_H */
