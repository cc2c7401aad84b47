/*
 * proc_table.c - the numbers of processes, groups, sessions and users.
 *
 * A number can name a process, a group and a session at once, and is free only when it names none of them: so one table
 * indexed by number holds all three, which makes every look-up an array access. Pages of the table that were never used cost nothing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdlib.h>
#include <string.h>
#include "proc.h"
#include "proc_act.h"
#include "proc_table.h"

#define USER_HASH	64

static struct number {
	struct proc	*n_proc;
	struct group	*n_group;
	struct session	*n_session;
} numbers[PROC_PID_MAX];

static uint32_t slots[MX_PROC_SLOTS / 32];	/* a bit per slot of the system area in use */
static struct user *users[USER_HASH];
static int32_t last_pid;

struct list proc_all = { &proc_all, &proc_all };
uint32_t proc_count;
uint64_t proc_forks;

static bool
number_is_valid(int32_t n)
{
	return n > 0 && n < PROC_PID_MAX;
}

static bool
number_is_free(int32_t n)
{
	return numbers[n].n_proc == NULL && numbers[n].n_group == NULL && numbers[n].n_session == NULL;
}

/* The next free number after the last one given; 0: none. */
static int32_t
number_alloc(void)
{
	int32_t n = last_pid;

	for (int32_t tries = 0; tries < PROC_PID_MAX; tries++) {
		n++;
		if (n >= PROC_PID_MAX)
			n = PROC_PID_RESERVED;
		if (number_is_free(n)) {
			last_pid = n;
			return n;
		}
	}
	return 0;
}

/* The lowest free slot, so that the system area stays dense; -1: none. */
static int32_t
slot_alloc(void)
{
	for (uint32_t i = 0; i < MX_PROC_SLOTS / 32; i++) {
		if (slots[i] == ~0u)
			continue;
		int bit = __builtin_ctz(~slots[i]);

		slots[i] |= 1u << bit;
		return (int32_t)(i * 32) + bit;
	}
	return -1;
}

static void
slot_free(uint32_t slot)
{
	slots[slot / 32] &= ~(1u << (slot % 32));
}

struct user *
user_get(uint32_t uid)
{
	struct user **head = &users[uid % USER_HASH];
	struct user *u;

	for (u = *head; u != NULL; u = u->u_next) {
		if (u->u_uid == uid) {
			u->u_refs++;
			return u;
		}
	}
	u = calloc(1, sizeof(*u));
	if (u == NULL)
		return NULL;
	u->u_uid = uid;
	u->u_refs = 1;
	u->u_next = *head;
	*head = u;
	return u;
}

void
user_put(struct user *u)
{
	struct user **at = &users[u->u_uid % USER_HASH];

	if (--u->u_refs > 0)
		return;
	while (*at != u)
		at = &(*at)->u_next;
	*at = u->u_next;
	free(u);
}

kern_return_t
proc_set_user(struct proc *p, uint32_t uid)
{
	struct user *u;

	if (p->p_user != NULL && p->p_user->u_uid == uid)
		return KERN_SUCCESS;
	u = user_get(uid);
	if (u == NULL)
		return MX_EAGAIN;
	if (p->p_user != NULL) {
		p->p_user->u_procs--;
		user_put(p->p_user);
	}
	u->u_procs++;
	p->p_user = u;
	return KERN_SUCCESS;
}

struct proc *
proc_create(const struct cred *cred)
{
	struct proc *p;
	int32_t slot;

	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	list_init(&p->p_all);
	list_init(&p->p_sibling);
	list_init(&p->p_children);
	list_init(&p->p_in_group);
	list_init(&p->p_queue);
	list_init(&p->p_in_retry);
	p->p_cred = *cred;
	p->p_login_uid = UINT32_MAX;
	if (proc_set_user(p, cred->c_ids.cr_ruid) != KERN_SUCCESS)
		goto out_free;
	slot = slot_alloc();
	if (slot < 0)
		goto out_user;
	p->p_pid = number_alloc();
	if (p->p_pid == 0)
		goto out_slot;
	p->p_slot = (uint32_t)slot;
	p->p_start_ns = proc_act_now_ns();
	numbers[p->p_pid].n_proc = p;
	list_append(&proc_all, &p->p_all);
	proc_count++;
	proc_forks++;
	return p;

out_slot:
	slot_free((uint32_t)slot);
out_user:
	p->p_user->u_procs--;
	user_put(p->p_user);
out_free:
	free(p);
	return NULL;
}

void
proc_free(struct proc *p)
{
	proc_signal_flush(p);
	proc_act_unpublish(p);
	proc_act_forget(p);
	slot_free(p->p_slot);
	numbers[p->p_pid].n_proc = NULL;
	list_remove(&p->p_all);
	proc_count--;
	p->p_user->u_procs--;
	user_put(p->p_user);
	free(p->p_exe);
	free(p);
}

int32_t
proc_last_pid(void)
{
	return last_pid;
}

struct proc *
proc_find(int32_t pid)
{
	return number_is_valid(pid) ? numbers[pid].n_proc : NULL;
}

struct group *
group_find(int32_t id)
{
	return number_is_valid(id) ? numbers[id].n_group : NULL;
}

struct session *
session_find(int32_t sid)
{
	return number_is_valid(sid) ? numbers[sid].n_session : NULL;
}

struct session *
session_create(int32_t sid, struct proc *leader)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->s_sid = sid;
	s->s_leader = leader;
	list_init(&s->s_groups);
	numbers[sid].n_session = s;
	return s;
}

void
session_free(struct session *s)
{
	proc_act_session_free(s);
	numbers[s->s_sid].n_session = NULL;
	free(s);
}

struct group *
group_create(int32_t id, struct session *s)
{
	struct group *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->g_id = id;
	g->g_session = s;
	list_init(&g->g_members);
	list_init(&g->g_in_session);
	list_append(&s->s_groups, &g->g_in_session);
	numbers[id].n_group = g;
	return g;
}

void
group_free(struct group *g)
{
	struct session *s = g->g_session;

	numbers[g->g_id].n_group = NULL;
	list_remove(&g->g_in_session);
	free(g);
	if (list_empty(&s->s_groups))
		session_free(s);
}

void
proc_set_comm(struct proc *p, const char *name, size_t size)
{
	size_t n = 0;

	while (n < size && n < PROC_COMM_MAX - 1 && name[n] != '\0')
		n++;
	memcpy(p->p_comm, name, n);
	p->p_comm[n] = '\0';
}
