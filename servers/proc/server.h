/*
 * server.h - the half of proc that knows Mach: ports, tasks, the system area.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef PROC_SERVER_H
#define PROC_SERVER_H

#include <masix/server.h>
#include "proc.h"

/* ---- Ports (proc_port.c) ---- */

/* What MX_PORT_PROC names. It outlives the process while somebody keeps a right to it. */
struct proc_port {
	struct mx_object pp_object;
	struct proc	*pp_proc;	/* NULL: waited for and gone */
	struct mx_cond	pp_waiters;	/* fibrils in proc_wait and proc_vfork_wait */
	struct list	pp_waits;	/* struct proc_waiter: fibrils in proc_wait */
	struct list	pp_retired;	/* while pp_proc is NULL */
};

/* What tty has of a session. */
struct session_port {
	struct mx_object sp_object;
	struct session	*sp_session;	/* NULL: gone */
};

/* P's port, with no right to it yet. Errors: MX_EAGAIN */
kern_return_t proc_port_create(struct proc *p);
/* A port that stands for no process yet. Errors: NULL */
struct proc_port *proc_port_spare(void);
void proc_port_discard(struct proc_port *pp);
/* PP is P's from now on; who holds a right to the one before holds nothing. */
void proc_port_replace(struct proc *p, struct proc_port *pp);
/* A right to P's port for a reply; MACH_PORT_NULL without memory. */
mach_port_t proc_port_send_right(struct proc *p, mach_msg_type_name_t *disposition);
/* The live process that sent a request to OBJ. Errors: MX_ESTALEPROC */
kern_return_t proc_port_caller(struct mx_object *obj, struct proc **p);
/* The object that tty speaks to about S. Errors: NULL */
struct session_port *session_port_get(struct session *s);

/* ---- Tasks (proc_task.c) ---- */

kern_return_t proc_task_init(void);

/* Make P of TASK, a task that never ran: its signal port, exception port, death notice.
 * Errors: MX_EINVAL not such a task, MX_EAGAIN.  Rights: TASK is P's on success. */
kern_return_t proc_task_adopt(struct proc *p, mach_port_t task);
/* Give TASK, of which nothing is known, a receive right under MX_PORT_SIGNAL and its send right; keep another as *SIGNAL.
 * Errors: MX_EINVAL not a task, or the name is taken; MX_EAGAIN */
kern_return_t proc_task_signal_port(mach_port_t task, mach_port_t *signal);
/* TASK with its SIGNAL port is P's from now on; one that it had before ends. Errors: MX_EAGAIN, nothing has changed.
 * Rights: both are P's on success. */
kern_return_t proc_task_own(struct proc *p, mach_port_t task, mach_port_t signal);
void proc_task_usage(struct proc *p, struct mx_rusage *usage);
bool proc_task_is_process(mach_port_t task);
/* P ends by itself, and has tidied up. */
void proc_task_exits(struct proc *p);
/* When P ends, free its memory before its threads: they may wait for memory. */
void proc_task_free_first(struct proc *p);
/* Has proc_act_suspend been done? */
bool proc_task_is_suspended(const struct proc *p);

/* ---- Tasks that nobody will start (proc_orphan.c) ---- */

/* Before process 1. Errors: MX_ENOMEM */
kern_return_t proc_orphan_init(void);

/* ---- Fresh tasks (proc_fresh.c) ---- */

struct proc_fresh {
	mach_port_t	f_task, f_signal, f_thread;
};

/* What emulib is to begin with: a program's name and strings, or the state of a process and rights for it (emulib/carry.h). */
struct boot_words {
	const char	*bw_path;
	uint32_t	bw_argc, bw_envc;
	const char	*const *bw_argv, *const *bw_envp;
	const void	*bw_state;		/* whole pages */
	uint32_t	bw_state_size, bw_nports;
};
/* An empty task. Errors: what the kernel says */
kern_return_t proc_fresh_empty(mach_port_t *task);
/* One with OLD's descriptions (memory that fork shares) and nothing else of it. Blocks: a second at most, OLD may be an enemy.
 * Errors: MX_EAGAIN it takes longer; MX_EINVAL OLD has what a fresh task must not inherit */
kern_return_t proc_fresh_inherit(mach_port_t old, mach_port_t *task);
/* Put into TASK, empty or nearly so, emulib, the system area, a signal port, a right to PP, and CTX, for the process P, which does not
 * know of it yet. Errors: MX_E2BIG, MX_EAGAIN, what the kernel says; nothing is left. Rights: TASK is F's, in any case. */
kern_return_t proc_fresh_make(struct proc_fresh *f, mach_port_t task, const struct proc *p, struct proc_port *pp, mach_port_t ctx,
	const struct boot_words *words);
/* A send right like RIGHT under NAME. Errors: what the kernel says */
kern_return_t proc_fresh_give(const struct proc_fresh *f, mach_port_t name, mach_port_t right);
void proc_fresh_destroy(struct proc_fresh *f);
/* Destroy TASK, of which nothing was made. */
void proc_fresh_forget(mach_port_t task);
/* It is P's task now, and runs. Errors: MX_EAGAIN; F is still there. */
kern_return_t proc_fresh_start(struct proc_fresh *f, struct proc *p);

/* ---- emulib's image (proc_load.c) ---- */

/* Read it from the boot archive. Errors: MX_ENOENT, MX_ENOEXEC, MX_ENOMEM */
kern_return_t proc_load_init(void);
/* Map it into TASK; the address of its first instruction. */
kern_return_t proc_load_into(mach_port_t task, uint32_t *entry);
/* Where struct em_public lies in every process. */
uint32_t proc_load_public(void);

/* ---- The system area (proc_sys.c) ---- */

kern_return_t proc_sys_init(void);
kern_return_t proc_sys_map_into(mach_port_t task);
/* Second and last step of the first calibration; then the clock is kept true by a fibril. */
kern_return_t proc_clock_start(void);
/* Let other servers have it: the name "proc.clock". */
kern_return_t proc_clock_export(void);
uint64_t proc_clock_ns(void);
uint64_t proc_clock_real_ns(void);
void proc_clock_set_real(uint64_t real_ns);
const struct mx_sys *proc_sys(void);
/* Load averages of 1, 5, 15 minutes, times 65536. */
void proc_sys_load(uint32_t loads[3]);
void proc_sys_set_swap(uint32_t kb);
/* At most 64 bytes each. */
void proc_sys_set_nodename(const char *name, size_t size);
void proc_sys_set_domain(const char *name, size_t size);

/* ---- Random bits (proc_random.c) ---- */

void proc_random(void *to, size_t size);

/* ---- Memory (proc_memory.c) ---- */

/* Needs the system area; before the workers. Errors: what the kernel says */
kern_return_t proc_memory_init(void);
/* Is there memory for another process? Blocks: up to a second, while there is not. */
bool proc_memory_is_enough(void);

/* ---- Credentials (proc_rpc.c) ---- */

/* The file context CTX with credentials NEW. Errors: MX_EINVAL, MX_ENOMEM. Blocks: vfs. */
kern_return_t proc_context_make(mach_port_t ctx, const struct cred *new, mach_port_t *newctx);

/* ---- The data pager (proc_swap.c) ---- */

/* Blocks: until there is one. Errors: there will be none */
kern_return_t proc_swap_init(void);
/* swapon and swapoff: DATA is a struct mx_swap_request. Errors: MX_EPERM, MX_EINVAL; data_swap_on's, data_swap_off's */
kern_return_t proc_swap(struct proc *p, bool on, uint32_t flags, const char *data, uint32_t size);
/* All of it, and what is free, in KB. */
void proc_swap_sizes(uint32_t kb[2]);
/* The data pager's numbers; zeros if it does not answer. */
void proc_data_info(struct mx_data_info *info);
/* The INDEX-th swap area; false: there are not so many. */
struct proc_swap_area { char sa_path[256]; uint64_t sa_kb, sa_used_kb; int32_t sa_priority; };
bool proc_swap_area(uint32_t index, struct proc_swap_area *sa);

/* ---- Start (proc_start.c) ---- */

extern const struct mx_server proc_server_main;
extern mach_port_t proc_vfs_admin;
extern mach_port_t proc_lookup_port;	/* ACS, as Unix processes see it */
/* The control port of the set of all processors; MACH_PORT_NULL without the right for it. */
mach_port_t proc_processor_set(void);
/* "tty.control", looked up when first needed. Errors: MX_ENOTTY there is none */
kern_return_t proc_tty_control(mach_port_t *control);

/* ---- The end of the system (proc_stop.c) ---- */

/* End all processes. Blocks: until they have ended, a second at most */
void proc_stop(void);

#endif /* PROC_SERVER_H */
