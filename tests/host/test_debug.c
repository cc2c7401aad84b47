/*
 * test_debug.c - what debug builds assert: the order of locks, and who may call whom.
 *
 * Compiled with MX_DEBUG. The locks themselves are played: they are always free.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "impl.h"

#undef mx_mutex_lock
#undef mx_mutex_unlock
#undef mx_rwlock_rdlock
#undef mx_rwlock_wrlock
#undef mx_rwlock_unlock

static unsigned int count, failed, panics, lines;
static struct mx_fibril one, two;
static jmp_buf out;
struct mx_fibril *mx_current = &one;

static void
ok(bool good, const char *what)
{
	printf("%sok %u - %s\n", good ? "" : "not ", ++count, what);
	failed += !good;
}

/* ---- In the place of libmasix ---- */

void
mx_mutex_lock(struct mx_mutex *m)
{
	m->mm_owner = mx_current;
}

void
mx_mutex_unlock(struct mx_mutex *m)
{
	m->mm_owner = NULL;
}

void
mx_rwlock_rdlock(struct mx_rwlock *l)
{
	l->rw_readers++;
}

void
mx_rwlock_wrlock(struct mx_rwlock *l)
{
	l->rw_writer = mx_current;
}

void
mx_rwlock_unlock(struct mx_rwlock *l)
{
	l->rw_readers = 0;
}

void
mx_log(enum mx_level level, const char *fmt, ...)
{
	(void)level;
	lines += strstr(fmt, "%08x") != NULL || strstr(fmt, "lock order") != NULL;
}

void
mx_panic(const char *file, int line, const char *what)
{
	(void)file, (void)line, (void)what;
	panics++;
	longjmp(out, 1);
}

#define mx_mutex_lock(m) MX_DEBUG_TAKE((mx_mutex_lock), m)
#define mx_mutex_unlock(m) do { mx_debug_unlock(m); (mx_mutex_unlock)(m); } while (0)
#define mx_rwlock_rdlock(l) MX_DEBUG_TAKE((mx_rwlock_rdlock), l)
#define mx_rwlock_unlock(l) do { mx_debug_unlock(l); (mx_rwlock_unlock)(l); } while (0)

/* ---- Locks ---- */

static struct thing {
	struct mx_mutex	th_mutex, th_other;
	struct mx_rwlock th_rwlock;
} a, b;
static struct mx_mutex table_lock;

static void
test_order(void)
{
	mx_mutex_lock(&a.th_mutex);
	mx_mutex_lock(&a.th_other);
	ok(one.fb_nheld == 2, "two locks are held");
	mx_mutex_unlock(&a.th_mutex);
	mx_mutex_unlock(&a.th_other);
	ok(one.fb_nheld == 0, "they are given up in any order");
	mx_current = &two;
	mx_mutex_lock(&b.th_mutex);
	mx_mutex_lock(&b.th_other);
	mx_mutex_unlock(&b.th_other);
	mx_mutex_unlock(&b.th_mutex);
	ok(panics == 0, "another fibril, other locks of the same classes, the same order");
	mx_mutex_lock(&a.th_mutex);
	mx_mutex_lock(&b.th_mutex);
	mx_mutex_unlock(&b.th_mutex);
	mx_mutex_unlock(&a.th_mutex);
	ok(panics == 0, "two of one class");
	if (setjmp(out) == 0) {
		mx_mutex_lock(&b.th_other);
		mx_mutex_lock(&b.th_mutex);
	}
	ok(panics == 1 && lines > 1, "the other order ends the server, with the stack of the first");
	mx_debug_unlock(&b.th_other);
	ok(two.fb_nheld == 0, "the lock was not taken");
}

/* mutex, then the table's; the table's, then rwlock: rwlock and then mutex would be a circle of three. */
static void
test_circle(void)
{
	mx_mutex_lock(&a.th_mutex);
	mx_mutex_lock(&table_lock);
	mx_mutex_unlock(&table_lock);
	mx_mutex_unlock(&a.th_mutex);
	mx_mutex_lock(&table_lock);
	mx_rwlock_rdlock(&b.th_rwlock);
	mx_rwlock_unlock(&b.th_rwlock);
	mx_mutex_unlock(&table_lock);
	ok(panics == 1, "an order by way of a third");
	if (setjmp(out) == 0) {
		mx_rwlock_rdlock(&a.th_rwlock);
		mx_mutex_lock(&a.th_mutex);
	}
	ok(panics == 2, "a circle of three classes is found");
	mx_debug_unlock(&a.th_rwlock);
}

/* ---- Who may call whom ---- */

static void
test_rules(void)
{
	const char *broken;

	ok(mx_rule_broken("vfs", 413000, true) == NULL && mx_rule_broken("proc", 412200, true) == NULL, "servers call down");
	broken = mx_rule_broken("vfs", 414003, true);
	ok(broken != NULL && strcmp(broken, "proc") == 0, "not up");
	ok(mx_rule_broken("tty", 414200, false) == NULL && mx_rule_broken("tty", 414200, true) != NULL, "what goes up is one-way");
	ok(mx_rule_broken("ext2", 420001, true) == NULL && mx_rule_broken("ext2", 413001, true) != NULL, "a file system and its disk");
	ok(mx_rule_broken("proc", 412001, true) == NULL && mx_rule_broken("hw", 412001, true) != NULL, "whole words are compared");
	ok(mx_rule_broken("vfs", 2017, true) == NULL && mx_rule_broken("hw", 418001, true) == NULL, "the kernel, and mx_cancel");
	ok(mx_rule_broken("test", 414000, true) == NULL, "a server that the table does not know");
}

int
main(void)
{
	test_order();
	test_circle();
	test_rules();
	printf("1..%u\n", count);
	return failed != 0;
}
