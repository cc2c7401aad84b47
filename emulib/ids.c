/*
 * ids.c - credentials: who the process is, and becoming someone else.
 *
 * Reading is a look into the system area, which proc keeps; changing is proc's decision, and gives a new file context, since the
 * credentials that vfs checks are attached to that.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "core_calls.h"
#include "proc.h"

#define E(name)		(-MX_ERRNO(MX_##name))
#define NOBODY16	65534		/* what an id too large for 16 bits looks like */

/* A consistent copy of the caller's entry in the system area. */
static void
ids_read(uint32_t ids[6])
{
	const volatile struct mx_sys_proc *s = &MX_SYS->sy_proc[em_proc()->p_slot];
	uint32_t seq;

	do {
		seq = s->sp_seq;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		ids[0] = s->sp_ruid;
		ids[1] = s->sp_euid;
		ids[2] = s->sp_suid;
		ids[3] = s->sp_rgid;
		ids[4] = s->sp_egid;
		ids[5] = s->sp_sgid;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((seq & 1) || seq != s->sp_seq);
}

static int32_t
id_read(unsigned int which, bool wide)
{
	uint32_t ids[6];

	ids_read(ids);
	return wide || ids[which] <= 0xffff ? (int32_t)ids[which] : NOBODY16;
}

#define GETTER(name, which, wide) \
	int32_t \
	name(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f) \
	{ \
		(void)a, (void)b, (void)c, (void)d, (void)e, (void)f; \
		return id_read(which, wide); \
	}

GETTER(sys_getuid, 0, false)
GETTER(sys_geteuid, 1, false)
GETTER(sys_getgid, 3, false)
GETTER(sys_getegid, 4, false)
GETTER(sys_getuid32, 0, true)
GETTER(sys_geteuid32, 1, true)
GETTER(sys_getgid32, 3, true)
GETTER(sys_getegid32, 4, true)

static int32_t
ids_out(unsigned int first, const uint32_t to[3], bool wide)
{
	uint32_t ids[6];
	uint16_t narrow;

	ids_read(ids);
	for (unsigned int i = 0; i < 3; i++) {
		narrow = ids[first + i] <= 0xffff ? (uint16_t)ids[first + i] : NOBODY16;
		if ((wide ? em_copyout(to[i], &ids[first + i], 4) : em_copyout(to[i], &narrow, 2)) < 0)
			return E(EFAULT);
	}
	return 0;
}

int32_t
sys_getresuid32(uint32_t r, uint32_t e, uint32_t s, uint32_t d, uint32_t g, uint32_t f)
{
	(void)d, (void)g, (void)f;
	return ids_out(0, (const uint32_t[3]){ r, e, s }, true);
}

int32_t
sys_getresgid32(uint32_t r, uint32_t e, uint32_t s, uint32_t d, uint32_t g, uint32_t f)
{
	(void)d, (void)g, (void)f;
	return ids_out(3, (const uint32_t[3]){ r, e, s }, true);
}

int32_t
sys_getresuid(uint32_t r, uint32_t e, uint32_t s, uint32_t d, uint32_t g, uint32_t f)
{
	(void)d, (void)g, (void)f;
	return ids_out(0, (const uint32_t[3]){ r, e, s }, false);
}

int32_t
sys_getresgid(uint32_t r, uint32_t e, uint32_t s, uint32_t d, uint32_t g, uint32_t f)
{
	(void)d, (void)g, (void)f;
	return ids_out(3, (const uint32_t[3]){ r, e, s }, false);
}

/* ---- Changing ---- */

static int32_t
cred_set(uint32_t op, uint32_t a, uint32_t b, uint32_t c, const uint32_t *groups, uint32_t ngroups, struct mx_cred *cred)
{
	struct em_process *p = em_proc();
	mach_port_t ctx = MACH_PORT_NULL;
	int32_t err;

	err = em_errno(proc_setcred(p->p_port, op, a, b, c, (uint32_t *)groups, ngroups, p->p_vfs, &ctx, cred));
	if (err == 0 && ctx != MACH_PORT_NULL)
		em_vfs_replace(p, ctx);
	return err;
}

static int32_t
cred_change(uint32_t op, uint32_t a, uint32_t b, uint32_t c)
{
	struct mx_cred cred;

	return cred_set(op, a, b, c, NULL, 0, &cred);
}

/* A 16-bit id as an argument: -1 stays -1. */
static uint32_t
wide_of(uint32_t id)
{
	return (id & 0xffff) == 0xffff ? 0xffffffffu : id & 0xffff;
}

#define SETTER(name, op, x, y, z) \
	int32_t \
	name(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f) \
	{ \
		(void)a, (void)b, (void)c, (void)d, (void)e, (void)f; \
		return cred_change(op, x, y, z); \
	}

SETTER(sys_setuid32, MX_SETUID, a, 0, 0)
SETTER(sys_setgid32, MX_SETGID, a, 0, 0)
SETTER(sys_setreuid32, MX_SETREUID, a, b, 0)
SETTER(sys_setregid32, MX_SETREGID, a, b, 0)
SETTER(sys_setresuid32, MX_SETRESUID, a, b, c)
SETTER(sys_setresgid32, MX_SETRESGID, a, b, c)
SETTER(sys_setuid, MX_SETUID, a & 0xffff, 0, 0)
SETTER(sys_setgid, MX_SETGID, a & 0xffff, 0, 0)
SETTER(sys_setreuid, MX_SETREUID, wide_of(a), wide_of(b), 0)
SETTER(sys_setregid, MX_SETREGID, wide_of(a), wide_of(b), 0)
SETTER(sys_setresuid, MX_SETRESUID, wide_of(a), wide_of(b), wide_of(c))
SETTER(sys_setresgid, MX_SETRESGID, wide_of(a), wide_of(b), wide_of(c))

/* These two answer the id before, and never an error. */
static int32_t
fsid_set(uint32_t op, uint32_t id)
{
	struct mx_cred cred, was;
	uint32_t groups[MX_IDS_MAX], *g = groups;
	mach_msg_type_number_t n = MX_IDS_MAX;

	if (proc_getgroups(em_proc()->p_port, &was, g, &n) != KERN_SUCCESS)
		return id_read(op == MX_SETFSUID ? 1 : 4, true);
	(void)cred_set(op, id, 0, 0, NULL, 0, &cred);
	return (int32_t)(op == MX_SETFSUID ? was.cr_fsuid : was.cr_fsgid);
}

int32_t
sys_setfsuid32(uint32_t id, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)b, (void)c, (void)d, (void)e, (void)f;
	return fsid_set(MX_SETFSUID, id);
}

int32_t
sys_setfsgid32(uint32_t id, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)b, (void)c, (void)d, (void)e, (void)f;
	return fsid_set(MX_SETFSGID, id);
}

int32_t
sys_setfsuid(uint32_t id, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)b, (void)c, (void)d, (void)e, (void)f;
	return fsid_set(MX_SETFSUID, wide_of(id));
}

int32_t
sys_setfsgid(uint32_t id, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)b, (void)c, (void)d, (void)e, (void)f;
	return fsid_set(MX_SETFSGID, wide_of(id));
}

/* ---- Supplementary groups ---- */

static int32_t
groups_get(uint32_t room, uint32_t to, bool wide)
{
	struct mx_cred cred;
	uint32_t groups[MX_IDS_MAX], *g = groups;
	uint16_t narrow[MX_IDS_MAX];
	mach_msg_type_number_t n = MX_IDS_MAX;
	int32_t err;

	if ((int32_t)room < 0)
		return E(EINVAL);
	err = em_errno(proc_getgroups(em_proc()->p_port, &cred, g, &n));
	if (err < 0)
		return err;
	if (room == 0)
		return (int32_t)n;
	if (n > room)
		return E(EINVAL);
	for (uint32_t i = 0; i < n; i++)
		narrow[i] = g[i] <= 0xffff ? (uint16_t)g[i] : NOBODY16;
	if ((wide ? em_copyout(to, g, n * 4) : em_copyout(to, narrow, n * 2)) < 0)
		return E(EFAULT);
	return (int32_t)n;
}

int32_t
sys_getgroups32(uint32_t room, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	return groups_get(room, to, true);
}

int32_t
sys_getgroups(uint32_t room, uint32_t to, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	return groups_get(room, to, false);
}

static int32_t
groups_set(uint32_t n, uint32_t from, bool wide)
{
	struct mx_cred cred;
	uint32_t groups[MX_IDS_MAX];
	uint16_t narrow[MX_IDS_MAX];

	if (n > MX_IDS_MAX)
		return E(EINVAL);	/* Linux allows more; vfs contexts do not */
	if ((wide ? em_copyin(groups, from, n * 4) : em_copyin(narrow, from, n * 2)) < 0)
		return E(EFAULT);
	for (uint32_t i = 0; i < n && !wide; i++)
		groups[i] = narrow[i];
	return cred_set(MX_SETGROUPS, 0, 0, 0, groups, n, &cred);
}

int32_t
sys_setgroups32(uint32_t n, uint32_t from, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	return groups_set(n, from, true);
}

int32_t
sys_setgroups(uint32_t n, uint32_t from, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	return groups_set(n, from, false);
}
