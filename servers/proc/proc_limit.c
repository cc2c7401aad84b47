/*
 * proc_limit.c - resource limits and nice values.
 *
 * proc keeps all limits and enforces those that protect the system: processes and queued signals. The others are about a
 * process's own memory and descriptors, and emulib enforces them there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "proc.h"
#include "proc_act.h"

#define NICE_MIN	(-20)
#define NICE_MAX	19
#define INF		MX_RLIM_INFINITY

/* As Linux gives them to process 1, with the numbers that this system can bear. */
static const struct rlimit limits_default[MX_RLIM_NLIMITS] = {
	[MX_RLIMIT_CPU] = { INF, INF },
	[MX_RLIMIT_FSIZE] = { INF, INF },
	[MX_RLIMIT_DATA] = { INF, INF },
	[MX_RLIMIT_STACK] = { 8u << 20, INF },
	[MX_RLIMIT_CORE] = { 0, INF },
	[MX_RLIMIT_RSS] = { INF, INF },
	[MX_RLIMIT_NPROC] = { 1024, 1024 },
	[MX_RLIMIT_NOFILE] = { 1024, 4096 },
	[MX_RLIMIT_MEMLOCK] = { 8u << 20, 8u << 20 },
	[MX_RLIMIT_AS] = { INF, INF },
	[MX_RLIMIT_LOCKS] = { INF, INF },
	[MX_RLIMIT_SIGPENDING] = { 1024, 1024 },
	[MX_RLIMIT_MSGQUEUE] = { 819200, 819200 },
	[MX_RLIMIT_NICE] = { 0, 0 },
	[MX_RLIMIT_RTPRIO] = { 0, 0 },
	[MX_RLIMIT_RTTIME] = { INF, INF },
};

void
limits_init(struct rlimit *limits)
{
	for (uint32_t i = 0; i < MX_RLIM_NLIMITS; i++)
		limits[i] = limits_default[i];
}

/* May CALLER look at or change TARGET's limits? */
static bool
proc_may_limit(const struct proc *caller, const struct proc *target)
{
	const struct mx_cred *c = &caller->p_cred.c_ids, *t = &target->p_cred.c_ids;

	if (caller == target || cred_is_root(&caller->p_cred))
		return true;
	return c->cr_ruid == t->cr_ruid && c->cr_ruid == t->cr_euid && c->cr_ruid == t->cr_suid &&
	       c->cr_rgid == t->cr_rgid && c->cr_rgid == t->cr_egid && c->cr_rgid == t->cr_sgid;
}

kern_return_t
proc_limit(struct proc *caller, struct proc *target, uint32_t resource, const struct rlimit *set, struct rlimit *old)
{
	struct rlimit *l;

	if (resource >= MX_RLIM_NLIMITS)
		return MX_EINVAL;
	if (!proc_may_limit(caller, target))
		return MX_EPERM;
	l = &target->p_limit[resource];
	*old = *l;
	if (set == NULL)
		return KERN_SUCCESS;
	if (set->rl_cur > set->rl_max)
		return MX_EINVAL;
	if (set->rl_max > l->rl_max && !cred_is_root(&caller->p_cred))
		return MX_EPERM;
	*l = *set;
	return KERN_SUCCESS;
}

/* The lowest nice value that TARGET's limit allows. */
static int32_t
nice_floor(const struct proc *target)
{
	uint64_t limit = target->p_limit[MX_RLIMIT_NICE].rl_cur;

	return limit >= 40 ? NICE_MIN : 20 - (int32_t)limit;
}

/* setpriority(2) of one process. Errors: MX_EPERM, MX_EACCES */
static kern_return_t
proc_set_nice(struct proc *caller, struct proc *target, int32_t nice)
{
	const struct mx_cred *c = &caller->p_cred.c_ids, *t = &target->p_cred.c_ids;

	nice = nice < NICE_MIN ? NICE_MIN : nice > NICE_MAX ? NICE_MAX : nice;
	if (!cred_is_root(&caller->p_cred)) {
		if (c->cr_euid != t->cr_ruid && c->cr_euid != t->cr_euid)
			return MX_EPERM;
		if (nice < target->p_nice && nice < nice_floor(target))
			return MX_EACCES;
	}
	if (target->p_nice != nice) {
		target->p_nice = nice;
		proc_act_nice(target);
	}
	return KERN_SUCCESS;
}

enum { WHICH_PROCESS, WHICH_GROUP, WHICH_USER };

static bool
priority_is_meant(const struct proc *caller, const struct proc *p, uint32_t which, int32_t id)
{
	switch (which) {
	case WHICH_PROCESS:
		return p->p_pid == (id != 0 ? id : caller->p_pid);
	case WHICH_GROUP:
		return p->p_group->g_id == (id != 0 ? id : caller->p_group->g_id);
	default:
		return p->p_cred.c_ids.cr_ruid == (id != 0 ? (uint32_t)id : caller->p_cred.c_ids.cr_ruid);
	}
}

kern_return_t
proc_priority(struct proc *caller, uint32_t which, int32_t id, bool set, int32_t *nice)
{
	kern_return_t result = MX_ESRCH;
	int32_t best = NICE_MAX + 1;
	struct proc *p;

	if (which > WHICH_USER)
		return MX_EINVAL;
	LIST_EACH(p, next, &proc_all, struct proc, p_all) {
		if (p->p_state == PROC_ZOMBIE || !priority_is_meant(caller, p, which, id))
			continue;
		if (!set) {
			best = p->p_nice < best ? p->p_nice : best;
			result = KERN_SUCCESS;
		} else {
			kern_return_t kr = proc_set_nice(caller, p, *nice);

			if (result == MX_ESRCH || kr != KERN_SUCCESS)
				result = kr;
		}
	}
	if (!set)
		*nice = best;
	return result;
}
