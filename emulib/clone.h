/*
 * clone.h - what clone, clone3, fork and vfork ask for.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EMULIB_CLONE_H
#define EMULIB_CLONE_H

#include "core.h"

#define CLONE_VM		0x00000100u
#define CLONE_FS		0x00000200u
#define CLONE_FILES		0x00000400u
#define CLONE_SIGHAND		0x00000800u
#define CLONE_PIDFD		0x00001000u
#define CLONE_PTRACE		0x00002000u
#define CLONE_VFORK		0x00004000u
#define CLONE_PARENT		0x00008000u
#define CLONE_THREAD		0x00010000u
#define CLONE_NEWNS		0x00020000u
#define CLONE_SYSVSEM		0x00040000u
#define CLONE_SETTLS		0x00080000u
#define CLONE_PARENT_SETTID	0x00100000u
#define CLONE_CHILD_CLEARTID	0x00200000u
#define CLONE_DETACHED		0x00400000u
#define CLONE_UNTRACED		0x00800000u
#define CLONE_CHILD_SETTID	0x01000000u
#define CLONE_NEW_SPACES	(0x00020000u | 0x02000000u | 0x7c000000u)
#define CLONE_CLEAR_SIGHAND	0x100000000ull

struct em_exec;

struct em_clone {
	uint32_t	flags;		/* CLONE_* without the signal */
	uint32_t	exit_signal;
	uint32_t	stack;		/* the child's stack pointer, 0: as the parent's */
	uint32_t	ptid, ctid, tls;
	bool		clear_handlers;
};

/* What a new task begins with (fork.c). */
enum em_child_kind {
	EM_CHILD_FORK,			/* goes on behind the call, which answers 0 */
	EM_CHILD_REPEAT,		/* a vfork child that gets memory of its own: makes the call under way again */
	EM_CHILD_EXEC,			/* a vfork child that executes a program: without the parent's memory */
};

/* A process with a copy of the memory: the child's pid, in the child 0 (by em_fork_child). */
int32_t em_fork(struct em_thread *t, const struct em_clone *how);
int32_t em_fork_kind(struct em_thread *t, const struct em_clone *how, enum em_child_kind kind, struct em_exec *exec);
/* A child that has ended already, with WSTATUS: its pid, or -errno. */
int32_t em_fork_ended(struct em_process *p, uint32_t exit_signal, int wstatus);

/* ---- vfork.c ---- */
/* 0 in the child, which runs on T in this address space; the parent goes on when that executes a program or ends. */
int32_t em_vfork(struct em_thread *t, const struct em_clone *how);
void em_vfork_return(struct em_thread *t, int32_t result);
/* May T, running a vfork child, make call NUMBER as it is? If not it becomes the child of an ordinary fork. */
bool em_vfork_allows(uint32_t number);
/* 1: T is the parent again. -errno: nothing has changed. (In the child it does not return.) */
int32_t em_vfork_part(struct em_thread *t);
/* The program of X in a task of its own. 0: T is the parent again. -errno */
int32_t em_vfork_exec(struct em_thread *t, struct em_exec *x);
/* The child ends; T is the parent again. */
void em_vfork_exit(struct em_thread *t, int wstatus) __attribute__((noreturn));

#endif /* EMULIB_CLONE_H */
