/*
 * proc_rpc.c - what a process asks of proc: decode and check, then call the core.
 *
 * After anything that may park - a wait, an RPC to vfs or tty - the process may be gone: it is looked up again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdlib.h>
#include <string.h>
#include "proc_act.h"
#include "procfs.h"
#include "server.h"
#include "proc_S.h"
#include "vfs_admin.h"

/* ---- Birth and end ---- */

kern_return_t
S_proc_fork(struct mx_object *obj, mach_port_t child, uint32_t exit_signal, uint32_t flags, int32_t *pid,
	mach_port_t *childproc, mach_msg_type_name_t *childproc_type, uint32_t *slot, mx_seed_t *seed)
{
	const struct proc_birth birth = {
		.b_exit_signal = exit_signal, .b_is_vfork = (flags & MX_FORK_VFORK) != 0,
		.b_is_sibling = (flags & MX_FORK_PARENT) != 0,
	};
	struct proc *parent, *p;
	kern_return_t kr;

	if (!proc_memory_is_enough())
		return MX_ENOMEM;
	kr = proc_port_caller(obj, &parent);
	if (kr != KERN_SUCCESS)
		return kr;
	if (flags & ~(uint32_t)(MX_FORK_VFORK | MX_FORK_PARENT))
		return MX_EINVAL;
	kr = proc_born(parent, &birth, &p);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = proc_port_create(p);
	if (kr != KERN_SUCCESS)
		goto out_unborn;
	*childproc = proc_port_send_right(p, childproc_type);
	if (*childproc == MACH_PORT_NULL) {
		kr = MX_EAGAIN;
		goto out_unborn;
	}
	kr = proc_task_adopt(p, child);
	if (kr != KERN_SUCCESS)
		goto out_right;
	p->p_maker = parent->p_pid;
	*pid = p->p_pid;
	*slot = p->p_slot;
	proc_random(seed, sizeof(*seed));
	return KERN_SUCCESS;

out_right:
	mx_port_release(*childproc);
out_unborn:
	proc_unborn(p);
	return kr;
}

kern_return_t
S_proc_exit(struct mx_object *obj, int32_t wstatus)
{
	struct proc *p;
	kern_return_t kr = proc_port_caller(obj, &p);

	if (kr != KERN_SUCCESS)
		return kr;
	proc_task_exits(p);
	proc_end(p, proc_wstatus_is_end(wstatus) ? wstatus : MX_SIGKILL);
	return KERN_SUCCESS;
}

/* Sleep until something has changed, or a child that WT waits for is handed over. Errors: MX_EINTR */
static kern_return_t
wait_sleep(struct proc_port *pp, uint32_t tag, struct proc_waiter *wt)
{
	kern_return_t kr;

	list_append(&pp->pp_waits, &wt->wt_link);
	kr = mx_cond_wait_cancellable(&pp->pp_waiters, tag);
	if (wt->wt_is_done)
		return KERN_SUCCESS;	/* cancelled or not: the child is gone */
	list_remove(&wt->wt_link);
	return kr;
}

kern_return_t
S_proc_wait(struct mx_object *obj, uint32_t tag, uint32_t idtype, int32_t id, uint32_t options, int32_t *pid,
	int32_t *wstatus, uint32_t *uid, mx_rusage_t *usage, boolean_t *sigchld)
{
	struct proc_waiter wt = { .wt_idtype = idtype, .wt_id = id, .wt_options = options };
	struct proc *p;
	kern_return_t kr;

	kr = proc_wait_check(idtype, id, options);
	while (kr == KERN_SUCCESS && !wt.wt_is_done) {
		enum proc_wait_result result;

		kr = proc_port_caller(obj, &p);
		if (kr != KERN_SUCCESS)
			return kr;
		result = proc_wait_poll(p, idtype, id, options, &wt.wt_result);
		if (result == PROC_WAIT_NO_CHILD)
			return MX_ECHILD;
		if (result == PROC_WAIT_FOUND || (options & MX_WNOHANG))
			break;
		kr = wait_sleep((struct proc_port *)obj, tag, &wt);
	}
	*pid = wt.wt_result.w_pid;
	*wstatus = wt.wt_result.w_wstatus;
	*uid = wt.wt_result.w_uid;
	*usage = wt.wt_result.w_usage;
	*sigchld = wt.wt_result.w_sigchld;
	return kr;
}

kern_return_t
S_proc_vfork_wait(struct mx_object *obj, int32_t pid)
{
	struct proc_port *pp = (struct proc_port *)obj;
	struct proc *p, *child;
	kern_return_t kr;

	for (;;) {
		kr = proc_port_caller(obj, &p);
		if (kr != KERN_SUCCESS)
			return kr;
		child = proc_find(pid);
		if (child == NULL || child->p_vforked_by != p->p_pid)
			return KERN_SUCCESS;
		mx_cond_wait(&pp->pp_waiters);
	}
}

kern_return_t
S_proc_exec(struct mx_object *obj, const mx_name_t comm, mach_msg_type_number_t comm_size, const mx_path_t exe,
	mach_msg_type_number_t exe_size, uint32_t arg_start, uint32_t arg_end, uint32_t env_start, uint32_t env_end,
	uint32_t stack, uint32_t brk_start)
{
	struct proc *p;
	kern_return_t kr = proc_port_caller(obj, &p);

	if (kr != KERN_SUCCESS)
		return kr;
	proc_set_comm(p, comm, comm_size);
	free(p->p_exe);
	p->p_exe = exe_size <= PROC_EXE_MAX ? strndup(exe, exe_size) : NULL;
	p->p_arg_start = arg_start;
	p->p_arg_end = arg_end;
	p->p_env_start = env_start;
	p->p_env_end = env_end;
	p->p_stack = stack;
	p->p_brk_start = brk_start;
	proc_execed(p);
	return KERN_SUCCESS;
}

/* ---- Signals ---- */

kern_return_t
S_proc_kill(struct mx_object *obj, int32_t pid, int32_t tid, mx_siginfo_t info)
{
	struct proc *p;
	kern_return_t kr = proc_port_caller(obj, &p);

	return kr != KERN_SUCCESS ? kr : proc_kill(p, pid, tid, &info);
}

kern_return_t
S_proc_stop(struct mx_object *obj, uint32_t signo, uint32_t conts)
{
	struct proc *p;
	kern_return_t kr = proc_port_caller(obj, &p);

	return kr != KERN_SUCCESS ? kr : proc_stopped(p, signo, conts);
}

kern_return_t
S_proc_set_ignored(struct mx_object *obj, uint64_t ignored, uint32_t sigchld)
{
	struct proc *p;
	kern_return_t kr = proc_port_caller(obj, &p);

	if (kr != KERN_SUCCESS)
		return kr;
	p->p_ignored = ignored;
	p->p_sigchld = sigchld & (MX_CHLD_NOWAIT | MX_CHLD_NOSTOP);
	return KERN_SUCCESS;
}

/* ---- Groups and sessions ---- */

kern_return_t
S_proc_setpgid(struct mx_object *obj, int32_t pid, int32_t pgrp)
{
	struct proc *p;
	kern_return_t kr = proc_port_caller(obj, &p);

	return kr != KERN_SUCCESS ? kr : proc_setpgid(p, pid, pgrp);
}

kern_return_t
S_proc_setsid(struct mx_object *obj, int32_t *sid)
{
	struct proc *p;
	kern_return_t kr = proc_port_caller(obj, &p);

	if (kr == KERN_SUCCESS)
		kr = proc_setsid(p);
	if (kr == KERN_SUCCESS)
		*sid = p->p_pid;
	return kr;
}

kern_return_t
S_proc_ids(struct mx_object *obj, int32_t pid, int32_t *ppid, int32_t *pgrp, int32_t *sid)
{
	struct proc *caller, *p;
	kern_return_t kr = proc_port_caller(obj, &caller);

	if (kr != KERN_SUCCESS)
		return kr;
	p = pid == 0 ? caller : proc_find(pid);
	if (p == NULL)
		return MX_ESRCH;
	*ppid = p->p_parent != NULL ? p->p_parent->p_pid : 0;
	*pgrp = p->p_group->g_id;
	*sid = proc_session(p)->s_sid;
	return KERN_SUCCESS;
}

/* ---- Credentials, limits ---- */

kern_return_t
proc_context_make(mach_port_t ctx, const struct cred *new, mach_port_t *newctx)
{
	if (!MACH_PORT_VALID(ctx))
		return MX_EINVAL;
	return vfs_context_create(proc_vfs_admin, ctx, new->c_ids, (uint32_t *)new->c_groups, new->c_ngroups, newctx);
}

/* CHANGE for the process behind OBJ, whose file context is CTX; *NEWCTX is MACH_PORT_NULL when nothing changed. */
static kern_return_t
cred_change(struct mx_object *obj, const struct cred_change *change, mach_port_t ctx, struct proc **out, mach_port_t *newctx)
{
	struct cred old, new;
	struct proc *p;
	kern_return_t kr;

	kr = proc_port_caller(obj, &p);
	if (kr != KERN_SUCCESS)
		return kr;
	old = p->p_cred;
	kr = cred_apply(&old, change, &new);
	if (kr != KERN_SUCCESS)
		return kr;
	*newctx = MACH_PORT_NULL;
	if (!cred_is_same(&old, &new)) {
		kr = proc_context_make(ctx, &new, newctx);
		if (kr == KERN_SUCCESS)
			kr = proc_port_caller(obj, &p);
		if (kr == KERN_SUCCESS && !cred_is_same(&old, &p->p_cred))
			kr = MX_EAGAIN;			/* another thread was faster */
		if (kr == KERN_SUCCESS)
			kr = proc_set_user(p, new.c_ids.cr_ruid);
		if (kr != KERN_SUCCESS) {
			mx_port_release(*newctx);
			return kr;
		}
		p->p_cred = new;
		proc_act_publish(p);
	}
	*out = p;
	return KERN_SUCCESS;
}

kern_return_t
S_proc_setcred(struct mx_object *obj, uint32_t op, uint32_t a, uint32_t b, uint32_t c, const mx_ids_t groups,
	mach_msg_type_number_t ngroups, mach_port_t ctx, mach_port_t *newctx, mach_msg_type_name_t *newctx_type, mx_cred_t *cred)
{
	const struct cred_change change = { op, a, b, c, groups, ngroups };
	struct proc *p;
	kern_return_t kr;

	if (ngroups > PROC_GROUPS_MAX)
		return MX_EINVAL;
	kr = cred_change(obj, &change, ctx, &p, newctx);
	if (kr != KERN_SUCCESS)
		return kr;
	mx_port_release(ctx);
	*newctx_type = MACH_MSG_TYPE_MOVE_SEND;
	*cred = p->p_cred.c_ids;
	return KERN_SUCCESS;
}

kern_return_t
S_proc_getgroups(struct mx_object *obj, mx_cred_t *cred, mx_ids_t groups, mach_msg_type_number_t *ngroups)
{
	struct proc *p;
	kern_return_t kr = proc_port_caller(obj, &p);

	if (kr != KERN_SUCCESS)
		return kr;
	*cred = p->p_cred.c_ids;
	*ngroups = p->p_cred.c_ngroups;
	memcpy(groups, p->p_cred.c_groups, p->p_cred.c_ngroups * sizeof(uint32_t));
	return KERN_SUCCESS;
}

kern_return_t
S_proc_rlimit(struct mx_object *obj, int32_t pid, uint32_t resource, boolean_t set, uint64_t *cur, uint64_t *max)
{
	const struct rlimit new = { *cur, *max };
	struct rlimit old;
	struct proc *p, *target;
	kern_return_t kr = proc_port_caller(obj, &p);

	if (kr != KERN_SUCCESS)
		return kr;
	target = pid == 0 ? p : proc_find(pid);
	if (target == NULL)
		return MX_ESRCH;
	kr = proc_limit(p, target, resource, set ? &new : NULL, &old);
	if (kr != KERN_SUCCESS)
		return kr;
	*cur = old.rl_cur;
	*max = old.rl_max;
	return KERN_SUCCESS;
}

kern_return_t
S_proc_getrusage(struct mx_object *obj, int32_t who, mx_rusage_t *usage)
{
	struct proc *p;
	kern_return_t kr = proc_port_caller(obj, &p);

	if (kr != KERN_SUCCESS)
		return kr;
	memset(usage, 0, sizeof(*usage));
	if (who == -1)
		*usage = p->p_child_usage;
	else if (who == 0)
		proc_task_usage(p, usage);
	else
		return MX_EINVAL;
	return KERN_SUCCESS;
}

kern_return_t
S_proc_priority(struct mx_object *obj, uint32_t which, int32_t id, boolean_t set, int32_t *nice)
{
	struct proc *p;
	kern_return_t kr = proc_port_caller(obj, &p);

	return kr != KERN_SUCCESS ? kr : proc_priority(p, which, id, set, nice);
}

/* ---- The rest ---- */

kern_return_t
S_proc_seed(struct mx_object *obj, mx_seed_t *seed)
{
	struct proc *p;
	kern_return_t kr = proc_port_caller(obj, &p);

	if (kr == KERN_SUCCESS)
		proc_random(seed, sizeof(*seed));
	return kr;
}

/* Root's operations. Errors: MX_EPERM, MX_EINVAL */
static kern_return_t
misc_system(struct proc *p, uint32_t op, const char *data, uint32_t size)
{
	uint64_t real_ns;

	if (!cred_is_root(&p->p_cred))
		return MX_EPERM;
	if (op == MX_MISC_SETTIME) {
		if (size != sizeof(real_ns))
			return MX_EINVAL;
		memcpy(&real_ns, data, sizeof(real_ns));
		proc_clock_set_real(real_ns);
		return KERN_SUCCESS;
	}
	if (size > 64)
		return MX_EINVAL;
	if (op == MX_MISC_SETHOSTNAME)
		proc_sys_set_nodename(data, size);
	else
		proc_sys_set_domain(data, size);
	return KERN_SUCCESS;
}

kern_return_t
S_proc_misc(struct mx_object *obj, uint32_t op, uint32_t arg, const mx_blob_t data, mach_msg_type_number_t size,
	mx_blob_t out, mach_msg_type_number_t *out_size, int32_t *result)
{
	uint32_t loads[3];
	struct proc *p;
	kern_return_t kr = proc_port_caller(obj, &p);

	if (kr != KERN_SUCCESS)
		return kr;
	*out_size = 0;
	*result = 0;
	switch (op) {
	case MX_MISC_SETHOSTNAME:
	case MX_MISC_SETDOMAINNAME:
	case MX_MISC_SETTIME:
		return misc_system(p, op, data, size);
	case MX_MISC_SWAPON:
	case MX_MISC_SWAPOFF:
		return proc_swap(p, op == MX_MISC_SWAPON, arg, data, size);
	case MX_MISC_SWAPINFO:
		proc_swap_sizes((uint32_t *)(void *)out);
		*out_size = 2 * sizeof(uint32_t);
		return KERN_SUCCESS;
	case MX_MISC_SETCOMM:
		proc_set_comm(p, data, size);
		return KERN_SUCCESS;
	case MX_MISC_PDEATHSIG:
		if (arg >= MX_NSIG)
			return MX_EINVAL;
		p->p_death_signal = arg;
		return KERN_SUCCESS;
	case MX_MISC_SUBREAPER:
		p->p_is_subreaper = arg != 0;
		return KERN_SUCCESS;
	case MX_MISC_HOLD:
		p->p_holds_signals = arg != 0;
		return KERN_SUCCESS;
	case MX_MISC_NO_NEW_PRIVS:
		p->p_no_new_privs = true;
		return KERN_SUCCESS;
	case MX_MISC_LOADAVG:
		proc_sys_load(loads);
		memcpy(out, loads, sizeof(loads));
		*out_size = sizeof(loads);
		return KERN_SUCCESS;
	case MX_MISC_REPORT:
		procfs_report(p, data, size);
		return KERN_SUCCESS;
	case MX_MISC_NPROCS:
		*result = (int32_t)proc_count;
		return KERN_SUCCESS;
	}
	return MX_EINVAL;
}
