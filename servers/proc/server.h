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
/* A new task with emulib, the system area and P's ports, its first thread about to execute BOOT's program.
 * Errors: what the kernel says; P has no task then. */
struct boot_words {
	const char	*bw_path;
	uint32_t	bw_argc, bw_envc;
	const char	*const *bw_argv, *const *bw_envp;
};
kern_return_t proc_task_fresh(struct proc *p, mach_port_t ctx, const struct boot_words *words);
void proc_task_usage(struct proc *p, struct mx_rusage *usage);
bool proc_task_is_process(mach_port_t task);
/* P ends by itself, and has tidied up. */
void proc_task_exits(struct proc *p);
/* When P ends, free its memory before its threads: they may wait for memory. */
void proc_task_free_first(struct proc *p);

/* ---- Tasks that nobody will start (proc_orphan.c) ---- */

/* Before process 1. Errors: MX_ENOMEM */
kern_return_t proc_orphan_init(void);

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
/* At most 64 bytes each. */
void proc_sys_set_nodename(const char *name, size_t size);
void proc_sys_set_domain(const char *name, size_t size);

/* ---- Random bits (proc_random.c) ---- */

void proc_random_stir(void);
void proc_random(void *to, size_t size);

/* ---- Memory (proc_memory.c) ---- */

/* Needs the system area; before the workers. Errors: what the kernel says */
kern_return_t proc_memory_init(void);
/* Is there memory for another process? Blocks: up to a second, while there is not. */
bool proc_memory_is_enough(void);

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
