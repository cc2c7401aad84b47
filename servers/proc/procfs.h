/*
 * procfs.h - /proc: a tree of tables.
 *
 * A directory is an array of struct pf_entry; a process's directory is one such array for all processes. Whatever comes from a
 * process's own memory is shown, never believed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef PROCFS_H
#define PROCFS_H

#include <masix/pfs.h>
#include "server.h"

/* What lies in a directory beside its table. */
enum pf_more { PF_NOTHING, PF_PROCESSES, PF_TASKS, PF_FDS };

struct pf_entry {
	const char	*e_name;
	uint32_t	e_mode;		/* type and permissions */
	/* Of files and links. P is the live or zombie process, NULL outside of a process's directory; N the number of the thread
	 * or descriptor below whose name the entry lies. */
	kern_return_t	(*e_text)(struct proc *p, int32_t n, struct pfs_text *text);
	kern_return_t	(*e_write)(struct proc *p, uint32_t uid, const char *data, size_t size);
	kern_return_t	(*e_link)(struct proc *p, int32_t n, int32_t who, char *buf, size_t size, size_t *length);
	/* Of directories. */
	struct pf_entry	*e_entries;	/* ends with a NULL name */
	enum pf_more	e_more;
	uint32_t	e_id;		/* private to procfs.c: its part of the inode number */
};

extern struct pf_entry pf_process_entries[];	/* procfs_process.c: below /proc/PID and /proc/PID/task/TID */
/* procfs_maps.c */
kern_return_t pf_text_maps(struct proc *p, int32_t n, struct pfs_text *text);
kern_return_t pf_text_smaps(struct proc *p, int32_t n, struct pfs_text *text);
kern_return_t pf_text_smaps_rollup(struct proc *p, int32_t n, struct pfs_text *text);
kern_return_t pf_text_partitions(struct proc *p, int32_t n, struct pfs_text *text);	/* procfs_disks.c */
extern struct pf_entry pf_root_entries[];	/* procfs_system.c */
extern struct pf_entry pf_sys_entries[];	/* procfs_sys.c */
extern struct pf_entry pf_masix_entries[];	/* procfs_masix.c */

/* Register "pfs.proc". */
kern_return_t procfs_start(void);

/* Copies of P's memory for a text; how much it was. P may be gone afterwards. Blocks: a worker */
size_t pf_memory(struct proc *p, uint32_t address, uint32_t end, struct pfs_text *text);
/* The mounts as vfs tells them; WHICH as in vfs_mounts. Blocks: vfs */
kern_return_t pf_mounts(uint32_t which, struct pfs_text *text);

/* May WHO, as vfs says, see where P's links lead? It is not more than a name, so the word of vfs's client will do. */
bool pf_may_look(const struct proc *p, int32_t who);

/* ---- What emulib keeps in a process's memory (procfs_emulib.c); all block: a worker ---- */

#define PF_NUMBERS_MAX	4096
/* The numbers of P's threads or open descriptors, at most PF_NUMBERS_MAX, in NUMBERS; how many. */
uint32_t pf_thread_numbers(struct proc *p, int32_t *numbers);
uint32_t pf_fd_numbers(struct proc *p, int32_t *numbers);
kern_return_t pf_link_fd(struct proc *p, int32_t n, int32_t who, char *buf, size_t size, size_t *length);
kern_return_t pf_link_cwd(struct proc *p, int32_t n, int32_t who, char *buf, size_t size, size_t *length);
/* The signals that P ignores and catches, that thread N blocks and has pending, P's pending ones, the umask; zeros without. */
struct pf_signals {
	uint64_t	s_ignored, s_caught, s_blocked, s_thread_pending, s_pending;
	uint32_t	s_umask;
};
void pf_signals(struct proc *p, int32_t n, struct pf_signals *s);
/* The name of thread N, terminated. False: it has none of its own. */
bool pf_thread_name(struct proc *p, int32_t n, char name[PROC_COMM_MAX]);

/* Call FN for every task of the machine, proc's own and the kernel's too. FN does not park. */
void pf_all_tasks(void (*fn)(mach_port_t task));
/* DATA is the struct em_public of P, which ends. */
void procfs_report(const struct proc *p, const char *data, size_t size);

/* The kernel's sum of idle time since it started. */
uint64_t pf_idle_ns(void);
/* Threads of a task and how many of them run; the service thread of a process is not counted. */
struct pf_threads {
	uint32_t	t_count, t_running, t_uninterruptible;
};
void pf_threads(const struct proc *p, struct pf_threads *t);
/* The letter that ps shows. */
char pf_state(const struct proc *p, const struct pf_threads *t);

#define PF_FILE		MX_S_IFREG
#define PF_DIR		(MX_S_IFDIR | 0555)
#define PF_LINK		(MX_S_IFLNK | 0777)

#endif /* PROCFS_H */
