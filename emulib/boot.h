/*
 * boot.h - what proc hands to emulib in a fresh task.
 *
 * A fresh task (process 1, or a program that changes its process's identity) has emulib's image, the system area at MX_SYS_BASE and one piece of
 * stack, and no descriptors. proc puts this structure on that stack and starts a thread at the image's ELF entry with %esp equal
 * to the structure's address; at least EM_BOOT_STACK bytes below it are writable too. The strings follow the structure in the
 * same piece. emulib then executes the program as execve would, and frees the piece with the old address space.
 *
 * What the task must have when the thread starts:
 *	MX_PORT_PROC	send right to its process at proc
 *	MX_PORT_VFS	send right to its file context at vfs
 *	MX_PORT_SIGNAL	receive right, with a send right under the same name; proc keeps a send right for emul_signal
 *	the task's exception port set to MX_PORT_SIGNAL's port
 *	nothing mapped below EM_USER_END but the boot piece (which must end at or below EM_STACK_TOP)
 *
 * proc_fork prepares MX_PORT_SIGNAL and the exception port of the child it is given in the same way; MX_PORT_PROC and MX_PORT_VFS
 * are inserted by the parent.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EMULIB_BOOT_H
#define EMULIB_BOOT_H

#include <stdint.h>
#include <masix/types.h>

#define EM_BOOT_MAGIC	0x746f6f42u
#define EM_BOOT_STACK	8192u		/* bytes that emulib's first code may use below the structure */
#define EM_BOOT_MAX	0x00500000u	/* bytes of the structure with its strings and the state */

/* Rights that come with the state of a process: the program, open for reading, and from EM_PORT_STATE on what the state names by index. */
#define EM_PORT_PROGRAM	0x104u
#define EM_PORT_STATE	0x1000u

struct em_boot {
	uint32_t	eb_magic;	/* EM_BOOT_MAGIC */
	uint32_t	eb_size;	/* bytes of the structure and the strings behind it */
	int32_t		eb_pid;
	uint32_t	eb_slot;	/* in MX_SYS->sy_proc */
	mx_seed_t	eb_seed;	/* of the random generator: never the same twice */
	uint32_t	eb_umask;
	uint32_t	eb_flags;	/* 0 */
	/* Strings: offsets from the structure's first byte; each ends with a NUL. */
	uint32_t	eb_path;	/* the program to execute */
	uint32_t	eb_argc;
	uint32_t	eb_argv;	/* the first of eb_argc strings, one after the other */
	uint32_t	eb_envc;
	uint32_t	eb_envp;	/* the first of eb_envc strings */
	/* A program that changes its process's identity: struct em_carry, in the same piece. It is the word of whoever had the process
	 * before, and not to be believed. */
	uint32_t	eb_state;	/* offset; 0: none, and eb_path is what to execute */
	uint32_t	eb_state_size;
	uint32_t	eb_nports;
	uint32_t	eb_spare[5];	/* 0 */
};

#endif /* EMULIB_BOOT_H */
