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

struct em_clone {
	uint32_t	flags;		/* CLONE_* without the signal */
	uint32_t	exit_signal;
	uint32_t	stack;		/* the child's stack pointer, 0: as the parent's */
	uint32_t	ptid, ctid, tls;
	bool		clear_handlers;
};

/* A process with a copy of the memory: the child's pid, in the child 0 (by em_fork_child). */
int32_t em_fork(struct em_thread *t, const struct em_clone *how);

#endif /* EMULIB_CLONE_H */
