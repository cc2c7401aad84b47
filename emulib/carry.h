/*
 * carry.h - what a process takes with it into a fresh task, when a program changes its identity.
 *
 * The old emulib writes it, proc passes it on without a look (proc_exec_setid), the fresh emulib reads it (carry.c). The writer is in
 * the hands of whoever wants the new identity's powers, so the reader believes nothing that it can check, and what it cannot check -
 * what a port behind a descriptor does, a position, an argument - is as little to be trusted as it ever is.
 *
 * One block: the structure, then ca_nfiles files, ca_nfds descriptors, ca_npages addresses of description pages (which the fresh task
 * inherits), ca_nsignals signals, then the strings, each with its NUL: the program's path, the name that execve was given, the
 * arguments, the environment. Ports are indices from 1 into the array that goes with it, 0 is none.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EMULIB_CARRY_H
#define EMULIB_CARRY_H

#include "emulib.h"

#define EM_CARRY_MAGIC	0x79726163u
#define EM_CARRY_WORDS	8		/* what a kind of file needs beside its port */

struct em_carry {
	uint32_t	ca_magic, ca_size;
	uint32_t	ca_nfiles, ca_nfds, ca_npages, ca_nsignals;
	uint32_t	ca_argc, ca_envc;
	uint32_t	ca_umask, ca_personality, ca_conts;
	uint32_t	ca_has_locks;		/* POSIX locks on files */
	em_sigset	ca_mask, ca_ignored;
	uint64_t	ca_alarm_ns, ca_alarm_interval_ns;
	uint64_t	ca_virtual_left_ns[2], ca_virtual_interval_ns[2];
};

struct em_carry_file {
	uint32_t	cf_kind, cf_desc;	/* the description's address */
	uint32_t	cf_port, cf_port2, cf_is_seekable;
	uint32_t	cf_word[EM_CARRY_WORDS];
	struct mx_attr	cf_attr;
};

struct em_carry_fd {
	uint32_t	cd_fd, cd_file, cd_flags;	/* cd_file: an index from 0 */
};

/* T's process becomes what the open PROGRAM makes of it, if that is somebody else: then this does not return, and a fresh task runs the
 * program with A's strings. Errors: -EPERM nothing of that kind, go on in this task; others: nothing has changed */
struct em_args;
int32_t em_carry_over(struct em_thread *t, mach_port_t program, const char *path, const char *name, const struct em_args *a);

/* In the fresh task: take the SIZE bytes at C, which NPORTS rights came with, for T's process. The strings of the program are in A then,
 * PATH and NAME point into C. Errors: -EINVAL it cannot be so; -ENOMEM */
int32_t em_carry_take(struct em_thread *t, const struct em_carry *c, uint32_t size, uint32_t nports, struct em_args *a,
	const char **path, const char **name);

#endif /* EMULIB_CARRY_H */
