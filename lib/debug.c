/*
 * debug.c - what a debug build (configure --enable-debug) asserts while it runs: the order of locks.
 *
 * Nobody declares an order. A lock's class is the name of the structure's field that it is (vn_lock, fv_mutex: names that occur once in the
 * tree), or of the variable. Whenever a lock is taken while others are held, "held before taken" is learned for their classes, with
 * the stack it was seen on. When a lock is taken against what was learned, directly or by way of other classes, two fibrils could wait
 * for each other some day, even if none does today: both stacks go to the log and the server ends. Locks of one class that
 * are held together have an order of their own (by address, by depth), which is not looked at here.
 *
 * A lock that is handed to a function as an argument would have the argument's name: such functions do not exist.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "impl.h"

#define CLASSES		64u
#define DEPTH		10u

struct seen {				/* where one class was held when the other was taken */
	uintptr_t	se_stack[DEPTH];
};

static char classes[CLASSES][32];
static unsigned int nclasses;
static struct seen *before[CLASSES][CLASSES];	/* [held][taken] */

/* "&vn->vn_lock" is vn_lock. */
static unsigned int
class_of(const char *what)
{
	const char *name = what;
	unsigned int i;

	for (const char *p = what; *p != '\0'; p++)
		if (*p == '>' || *p == '.' || *p == '&' || *p == '(')
			name = p + 1;
	for (i = 0; i < nclasses; i++)
		if (strncmp(classes[i], name, sizeof(classes[i]) - 1) == 0)
			return i;
	mx_assert(nclasses < CLASSES);
	(void)strncpy(classes[nclasses], name, sizeof(classes[0]) - 1);
	return nclasses++;
}

static void
stack_note(uintptr_t *stack)
{
	uintptr_t *frame = __builtin_frame_address(0), *next;

	for (unsigned int i = 0; i < DEPTH; i++) {
		stack[i] = frame[1];
		next = (uintptr_t *)frame[0];
		if (next <= frame || next > frame + 0x4000 || ((uintptr_t)next & 3) != 0)
			break;
		frame = next;
	}
}

static void
stack_log(const uintptr_t *stack)
{
	for (unsigned int i = 0; i < DEPTH && stack[i] != 0; i++)
		mx_log(MX_LOG_ERROR, "  #%u %08x", i, (unsigned int)stack[i]);
}

/* Was FROM held before TO, perhaps by way of others? The first step of it. */
static const struct seen *
order_find(unsigned int from, unsigned int to, uint64_t *visited)
{
	*visited |= 1ull << from;
	if (before[from][to] != NULL)
		return before[from][to];
	for (unsigned int i = 0; i < nclasses; i++)
		if (before[from][i] != NULL && (*visited & 1ull << i) == 0 && order_find(i, to, visited) != NULL)
			return before[from][i];
	return NULL;
}

static void
order_learn(unsigned int held, unsigned int taken)
{
	const struct seen *other;
	uint64_t visited = 0;

	if (held == taken || before[held][taken] != NULL)
		return;
	other = order_find(taken, held, &visited);
	if (other != NULL) {
		mx_log(MX_LOG_ERROR, "lock order: %s is taken while %s is held. Elsewhere it was the other way round:", classes[taken],
			classes[held]);
		stack_log(other->se_stack);
		mx_panic(__FILE__, __LINE__, "lock order");	/* logs this stack */
	}
	before[held][taken] = calloc(1, sizeof(struct seen));
	if (before[held][taken] != NULL)	/* else it is learned another time */
		stack_note(before[held][taken]->se_stack);
}

void
mx_debug_lock(const void *lock, const char *what)
{
	const struct mx_fibril *f = mx_current;
	unsigned int class = class_of(what);

	for (unsigned int i = 0; i < f->fb_nheld; i++)
		if (f->fb_held[i].hd_lock != lock)
			order_learn(f->fb_held[i].hd_class, class);
}

void
mx_debug_locked(const void *lock, const char *what)
{
	struct mx_fibril *f = mx_current;

	mx_assert(f->fb_nheld < MX_HELD_MAX);
	f->fb_held[f->fb_nheld++] = (struct mx_held){ lock, class_of(what) };
}

void
mx_debug_unlock(const void *lock)
{
	struct mx_fibril *f = mx_current;
	unsigned int i = f->fb_nheld;

	while (i > 0 && f->fb_held[i - 1].hd_lock != lock)
		i--;
	if (i == 0)
		return;			/* somebody else's: the lock itself asserts that where it can */
	memmove(&f->fb_held[i - 1], &f->fb_held[i], (f->fb_nheld - i) * sizeof(f->fb_held[0]));
	f->fb_nheld--;
}
