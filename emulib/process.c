/*
 * process.c - the end of processes and threads, waiting for children, process groups and sessions.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "core_calls.h"
#include "proc.h"

#define E(name)		(-MX_ERRNO(MX_##name))

enum { P_ALL, P_PID, P_PGID };
#define WEXITED_LINUX	4u
#define WNOTHREAD	0x20000000u
#define TICK_US		10000u
#define WAIT4_OPTIONS	(MX_WNOHANG | MX_WUNTRACED | MX_WCONTINUED | WNOTHREAD | MX_WCLONE | (uint32_t)MX_WALL)
#define WAITID_OPTIONS	(MX_WNOHANG | MX_WUNTRACED | MX_WEXITED | MX_WCONTINUED | MX_WNOWAIT | WNOTHREAD | MX_WCLONE | (uint32_t)MX_WALL)

int32_t
sys_exit_group(uint32_t code, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)b, (void)c, (void)d, (void)e, (void)f;
	em_process_die((int)(code & 0xff) << 8);
}

int32_t
sys_exit(uint32_t code, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)b, (void)c, (void)d, (void)e, (void)f;
	em_thread_exit(em_self(), (int)(code & 0xff) << 8);
}

/* ---- Waiting for children ---- */

struct waited {
	int32_t	 pid, wstatus;
	uint32_t uid;
	struct mx_rusage usage;
};

/* si_code and si_status of a wait status. */
static int32_t
status_decode(int32_t wstatus, uint32_t *status)
{
	*status = (uint32_t)wstatus >> 8 & 0xff;
	if ((wstatus & 0x7f) == 0)
		return MX_CLD_EXITED;
	if (wstatus == 0xffff) {
		*status = MX_SIGCONT;
		return MX_CLD_CONTINUED;
	}
	if ((wstatus & 0xff) == 0x7f)
		return MX_CLD_STOPPED;
	*status = (uint32_t)wstatus & 0x7f;
	return wstatus & 0x80 ? MX_CLD_DUMPED : MX_CLD_KILLED;
}

/* The end of child W, which was waited for, is a SIGCHLD, too. */
static void
sigchld_post(const struct waited *w)
{
	struct mx_siginfo info = {
		.si_signo = MX_SIGCHLD, .si_pid = w->pid, .si_uid = w->uid, .si_utime = (uint32_t)(w->usage.ru_utime_us / TICK_US),
		.si_stime = (uint32_t)(w->usage.ru_stime_us / TICK_US),
	};
	struct em_process *p = em_proc();

	info.si_code = status_decode(w->wstatus, &info.si_value);
	em_lock(&p->p_lock);
	em_signal_post(p, NULL, &info);
	em_unlock(&p->p_lock);
}

static int32_t
child_wait(uint32_t idtype, int32_t id, uint32_t options, struct waited *w)
{
	mach_port_t port = em_proc()->p_port;
	boolean_t sigchld = FALSE;
	kern_return_t kr;

	memset(w, 0, sizeof(*w));
	kr = EM_INTERRUPTIBLE(port, tag, proc_wait(port, tag, idtype, id, options, &w->pid, &w->wstatus, &w->uid, &w->usage, &sigchld));
	if (em_errno(kr) == E(EINTR))
		return EM_RESTARTSYS;
	if (kr == KERN_SUCCESS && sigchld)
		sigchld_post(w);
	return em_errno(kr);
}

/* struct rusage of Linux/i386. */
int32_t
em_rusage_out(uint32_t to, const struct mx_rusage *u)
{
	uint32_t out[18];

	memset(out, 0, sizeof(out));
	out[0] = (uint32_t)(u->ru_utime_us / 1000000u);
	out[1] = (uint32_t)(u->ru_utime_us % 1000000u);
	out[2] = (uint32_t)(u->ru_stime_us / 1000000u);
	out[3] = (uint32_t)(u->ru_stime_us % 1000000u);
	out[4] = u->ru_maxrss_kb;
	out[8] = u->ru_minflt;
	out[9] = u->ru_majflt;
	out[11] = u->ru_inblock;
	out[12] = u->ru_oublock;
	out[15] = u->ru_nsignals;
	out[16] = u->ru_nvcsw;
	out[17] = u->ru_nivcsw;
	return em_copyout(to, out, sizeof(out));
}

int32_t
sys_wait4(uint32_t pid, uint32_t status, uint32_t options, uint32_t usage, uint32_t e, uint32_t f)
{
	uint32_t idtype = P_PID;
	int32_t id = (int32_t)pid, err;
	struct waited w;

	(void)e, (void)f;
	if (options & ~WAIT4_OPTIONS)
		return E(EINVAL);
	if (id == (int32_t)0x80000000)
		return E(ESRCH);
	if (id == -1) {
		idtype = P_ALL;
	} else if (id <= 0) {
		idtype = P_PGID;
		id = -id;
	}
	err = child_wait(idtype, id, (options & ~WNOTHREAD) | MX_WEXITED, &w);
	if (err < 0)
		return err;
	if (w.pid != 0 && status != 0 && em_copyout(status, &w.wstatus, sizeof(w.wstatus)) < 0)
		return E(EFAULT);
	if (w.pid != 0 && usage != 0 && em_rusage_out(usage, &w.usage) < 0)
		return E(EFAULT);
	return w.pid;
}

int32_t
sys_waitpid(uint32_t pid, uint32_t status, uint32_t options, uint32_t d, uint32_t e, uint32_t f)
{
	(void)d, (void)e, (void)f;
	return sys_wait4(pid, status, options, 0, 0, 0);
}

int32_t
sys_waitid(uint32_t which, uint32_t id, uint32_t info_at, uint32_t options, uint32_t usage, uint32_t f)
{
	struct mx_siginfo info = { .si_signo = 0 };
	struct waited w;
	uint32_t out[32];
	int32_t err;

	(void)f;
	if ((options & ~WAITID_OPTIONS) || !(options & (MX_WUNTRACED | MX_WEXITED | MX_WCONTINUED)) || which > P_PGID ||
	    (which == P_PID && (int32_t)id <= 0) || (which == P_PGID && (int32_t)id < 0))
		return E(EINVAL);
	err = child_wait(which, (int32_t)id, options & ~WNOTHREAD, &w);
	if (err < 0)
		return err;
	if (w.pid != 0) {
		info.si_signo = MX_SIGCHLD;
		info.si_pid = w.pid;
		info.si_uid = w.uid;
		info.si_code = status_decode(w.wstatus, &info.si_value);
		if (usage != 0 && em_rusage_out(usage, &w.usage) < 0)
			return E(EFAULT);
	}
	if (info_at == 0)
		return 0;
	em_siginfo_fill(out, &info);
	return em_copyout(info_at, out, 6 * 4);
}

/* ---- Groups and sessions ---- */

static const volatile struct mx_sys_proc *
own_slot(void)
{
	return &MX_SYS->sy_proc[em_proc()->p_slot];
}

int32_t
sys_getpid(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	return em_proc()->p_pid;
}

int32_t
sys_gettid(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	return em_self()->t_tid;
}

int32_t
sys_getppid(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	return own_slot()->sp_ppid;
}

int32_t
sys_getpgrp(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	return own_slot()->sp_pgrp;
}

int32_t
sys_getpgid(uint32_t pid, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	int32_t ppid, pgrp, sid, err;

	(void)b, (void)c, (void)d, (void)e, (void)f;
	if (pid == 0 || (int32_t)pid == em_proc()->p_pid)
		return own_slot()->sp_pgrp;
	if ((int32_t)pid < 0)
		return E(ESRCH);
	err = em_errno(proc_ids(em_proc()->p_port, (int32_t)pid, &ppid, &pgrp, &sid));
	return err < 0 ? err : pgrp;
}

int32_t
sys_getsid(uint32_t pid, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	int32_t ppid, pgrp, sid, err;

	(void)b, (void)c, (void)d, (void)e, (void)f;
	if (pid == 0 || (int32_t)pid == em_proc()->p_pid)
		return own_slot()->sp_sid;
	if ((int32_t)pid < 0)
		return E(ESRCH);
	err = em_errno(proc_ids(em_proc()->p_port, (int32_t)pid, &ppid, &pgrp, &sid));
	return err < 0 ? err : sid;
}

int32_t
sys_setpgid(uint32_t pid, uint32_t pgrp, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	if ((int32_t)pgrp < 0)
		return E(EINVAL);
	if ((int32_t)pid < 0)
		return E(ESRCH);
	return em_errno(proc_setpgid(em_proc()->p_port, (int32_t)pid, (int32_t)pgrp));
}

int32_t
sys_setsid(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	int32_t sid, err = em_errno(proc_setsid(em_proc()->p_port, &sid));

	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	return err < 0 ? err : sid;
}
