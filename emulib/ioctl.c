/*
 * ioctl.c - ioctl, and the job control of terminals.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"

/* ---- Background processes ---- */

static const volatile struct mx_sys_proc *
tty_find_process(int32_t pid)
{
	for (uint32_t i = 0; i < MX_PROC_SLOTS; i++)
		if (MX_SYS->sy_proc[i].sp_pid == pid)
			return &MX_SYS->sy_proc[i];
	return NULL;
}

/* Is there nobody outside the caller's process group, but in its session, who could continue it? */
static bool
tty_group_is_orphaned(void)
{
	const volatile struct mx_sys_proc *me = em_sys_proc(), *parent;

	for (uint32_t i = 0; i < MX_PROC_SLOTS; i++) {
		const volatile struct mx_sys_proc *sp = &MX_SYS->sy_proc[i];

		if (sp->sp_pid == 0 || sp->sp_pgrp != me->sp_pgrp || sp->sp_ppid == 1)
			continue;
		parent = tty_find_process(sp->sp_ppid);
		if (parent != NULL && parent->sp_pgrp != me->sp_pgrp && parent->sp_sid == me->sp_sid)
			return false;
	}
	return true;
}

static bool
tty_signal_is_off(int signo)
{
	return em_self()->t_mask >> (signo - 1) & 1 || em_proc()->p_action[signo - 1].sa_handler == 1;
}

int32_t
em_tty_background(bool writing)
{
	int signo = writing ? MX_SIGTTOU : MX_SIGTTIN;

	if (tty_signal_is_off(signo))
		return writing ? 0 : EM_E(EIO);
	if (tty_group_is_orphaned())
		return EM_E(EIO);
	return em_signal_group(signo) < 0 ? EM_E(EIO) : EM_RESTARTSYS;
}
