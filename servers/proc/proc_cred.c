/*
 * proc_cred.c - what setuid(2) and its relations make of credentials.
 *
 * There are no capabilities: an effective user id of 0 is every privilege. The ids for files follow the effective ones.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <string.h>
#include "proc.h"

#define KEEP	0xffffffffu		/* -1: leave as it is */

/* The three ids of one kind, and the one for files. */
struct ids {
	uint32_t	r, e, s, fs;
};

static bool
ids_have(const struct ids *i, uint32_t id, bool or_saved)
{
	return id == i->r || id == i->e || (or_saved && id == i->s);
}

/* Errors: MX_EPERM, MX_EINVAL */
static kern_return_t
ids_set(struct ids *i, bool is_root, uint32_t id)
{
	if (id == KEEP)
		return MX_EINVAL;
	if (is_root)
		i->r = i->s = id;
	else if (id != i->r && id != i->s)
		return MX_EPERM;
	i->e = i->fs = id;
	return KERN_SUCCESS;
}

/* Errors: MX_EPERM */
static kern_return_t
ids_setre(struct ids *i, bool is_root, uint32_t r, uint32_t e)
{
	struct ids old = *i;

	if (r != KEEP) {
		if (!is_root && !ids_have(&old, r, false))
			return MX_EPERM;
		i->r = r;
	}
	if (e != KEEP) {
		if (!is_root && !ids_have(&old, e, true))
			return MX_EPERM;
		i->e = e;
	}
	if (r != KEEP || (e != KEEP && e != old.r))
		i->s = i->e;
	i->fs = i->e;
	return KERN_SUCCESS;
}

/* Errors: MX_EPERM */
static kern_return_t
ids_setres(struct ids *i, bool is_root, uint32_t r, uint32_t e, uint32_t s)
{
	struct ids old = *i;

	if (!is_root) {
		if ((r != KEEP && !ids_have(&old, r, true)) || (e != KEEP && !ids_have(&old, e, true)) ||
		    (s != KEEP && !ids_have(&old, s, true)))
			return MX_EPERM;
	}
	if (r != KEEP)
		i->r = r;
	if (e != KEEP)
		i->e = e;
	if (s != KEEP)
		i->s = s;
	i->fs = i->e;
	return KERN_SUCCESS;
}

/* setfsuid(2) never fails: what is not allowed changes nothing. */
static kern_return_t
ids_setfs(struct ids *i, bool is_root, uint32_t id)
{
	if (id != KEEP && (is_root || ids_have(i, id, true) || id == i->fs))
		i->fs = id;
	return KERN_SUCCESS;
}

static kern_return_t
ids_apply(struct ids *i, bool is_root, const struct cred_change *c)
{
	switch (c->cc_op) {
	case MX_SETUID:
	case MX_SETGID:
		return ids_set(i, is_root, c->cc_a);
	case MX_SETREUID:
	case MX_SETREGID:
		return ids_setre(i, is_root, c->cc_a, c->cc_b);
	case MX_SETRESUID:
	case MX_SETRESGID:
		return ids_setres(i, is_root, c->cc_a, c->cc_b, c->cc_c);
	case MX_SETFSUID:
	case MX_SETFSGID:
		return ids_setfs(i, is_root, c->cc_a);
	}
	return MX_EINVAL;
}

static kern_return_t
groups_apply(const struct cred *cred, const struct cred_change *c, struct cred *to)
{
	if (!cred_is_root(cred))
		return MX_EPERM;
	if (c->cc_ngroups > PROC_GROUPS_MAX)
		return MX_EINVAL;
	/* In order, as getgroups shows them on Linux. */
	for (uint32_t i = 0, at; i < c->cc_ngroups; i++) {
		for (at = i; at > 0 && to->c_groups[at - 1] > c->cc_groups[i]; at--)
			to->c_groups[at] = to->c_groups[at - 1];
		to->c_groups[at] = c->cc_groups[i];
	}
	to->c_ngroups = c->cc_ngroups;
	return KERN_SUCCESS;
}

kern_return_t
cred_apply(const struct cred *cred, const struct cred_change *change, struct cred *to)
{
	const struct mx_cred *m = &cred->c_ids;
	struct ids uids = { m->cr_ruid, m->cr_euid, m->cr_suid, m->cr_fsuid };
	struct ids gids = { m->cr_rgid, m->cr_egid, m->cr_sgid, m->cr_fsgid };
	kern_return_t kr;

	*to = *cred;
	switch (change->cc_op) {
	case MX_SETGROUPS:
		return groups_apply(cred, change, to);
	case MX_SETUID:
	case MX_SETREUID:
	case MX_SETRESUID:
	case MX_SETFSUID:
		kr = ids_apply(&uids, cred_is_root(cred), change);
		break;
	default:
		kr = ids_apply(&gids, cred_is_root(cred), change);
		break;
	}
	to->c_ids = (struct mx_cred){ uids.r, uids.e, uids.s, uids.fs, gids.r, gids.e, gids.s, gids.fs };
	return kr;
}

bool
cred_is_same(const struct cred *a, const struct cred *b)
{
	return memcmp(&a->c_ids, &b->c_ids, sizeof(a->c_ids)) == 0 && a->c_ngroups == b->c_ngroups &&
	       memcmp(a->c_groups, b->c_groups, a->c_ngroups * sizeof(uint32_t)) == 0;
}

bool
cred_has_group(const struct cred *cred, uint32_t gid)
{
	if (cred->c_ids.cr_egid == gid)
		return true;
	for (uint32_t i = 0; i < cred->c_ngroups; i++) {
		if (cred->c_groups[i] == gid)
			return true;
	}
	return false;
}

bool
cred_exec(const struct cred *cred, const struct mx_attr *at, struct cred *to)
{
	struct mx_cred *c = &to->c_ids;

	*to = *cred;
	if (at != NULL && (at->at_mode & MX_S_ISUID))
		c->cr_euid = at->at_uid;
	if (at != NULL && (at->at_mode & (MX_S_ISGID | 010)) == (MX_S_ISGID | 010))
		c->cr_egid = at->at_gid;	/* without the group's x bit it means something else */
	c->cr_suid = c->cr_fsuid = c->cr_euid;
	c->cr_sgid = c->cr_fsgid = c->cr_egid;
	return c->cr_euid != cred->c_ids.cr_euid || c->cr_egid != cred->c_ids.cr_egid;
}

bool
cred_may_exec(const struct cred *cred, const struct mx_attr *at)
{
	if ((at->at_mode & MX_S_IFMT) != MX_S_IFREG)
		return false;
	if (cred_is_root(cred))
		return (at->at_mode & 0111) != 0;
	if (cred->c_ids.cr_fsuid == at->at_uid)
		return (at->at_mode & 0100) != 0;
	return (at->at_mode & (cred_has_group(cred, at->at_gid) ? 010 : 001)) != 0;
}
