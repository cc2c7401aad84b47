/*
 * pfs_lock.c - advisory locks: flock and fcntl.
 *
 * One list per file holds both kinds, which do not see each other. flock locks belong to an open description and cover the
 * file; POSIX locks belong to a process, cover bytes, and are split and joined as ranges are set again. Who waits looks again whenever
 * a lock of the file goes; before it waits for a POSIX lock, the chain of who waits for whom is followed, so that a circle
 * is refused.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <masix/pfs.h>

#define LOCKS_MAX	1024u		/* of one file */
#define END		((uint64_t)INT64_MAX)

struct pfs_lock {
	struct pfs_lock	*pl_next;
	uint32_t	pl_kind;
	int32_t		pl_owner;	/* pid, of POSIX locks; 0: the description owns it */
	const void	*pl_file;	/* the description through which it was made */
	int32_t		pl_type;
	uint64_t	pl_first, pl_last;	/* bytes, both included */
};

struct waiter {				/* of a POSIX lock */
	struct waiter	*wa_next;
	int32_t		wa_owner, wa_holder;
};

static struct waiter *waiters;		/* of all files */

/* ---- Conflicts ---- */

static bool
is_own(const struct pfs_lock *pl, const struct pfs_lock *want)
{
	if (want->pl_kind == MX_LOCK_POSIX && want->pl_owner != 0)
		return pl->pl_owner == want->pl_owner;
	return pl->pl_file == want->pl_file && (want->pl_kind == MX_LOCK_FLOCK || pl->pl_owner == 0);
}

static bool
is_overlap(const struct pfs_lock *a, const struct pfs_lock *b)
{
	return a->pl_first <= b->pl_last && b->pl_first <= a->pl_last;
}

/* A lock that stands in WANT's way, or NULL. */
static const struct pfs_lock *
conflict_find(const struct pfs_locks *list, const struct pfs_lock *want)
{
	const struct pfs_lock *pl;

	for (pl = list->lk_first; pl != NULL; pl = pl->pl_next)
		if (pl->pl_kind == want->pl_kind && !is_own(pl, want) && is_overlap(pl, want) &&
		    (pl->pl_type == MX_F_WRLCK || want->pl_type == MX_F_WRLCK))
			return pl;
	return NULL;
}

/* Does HOLDER wait, through others perhaps, for OWNER? */
static bool
is_deadlock(int32_t owner, int32_t holder)
{
	const struct waiter *wa;
	unsigned int steps;

	for (steps = 0; steps < LOCKS_MAX; steps++) {
		if (holder == owner)
			return true;
		for (wa = waiters; wa != NULL && wa->wa_owner != holder; wa = wa->wa_next)
			;
		if (wa == NULL)
			return false;
		holder = wa->wa_holder;
	}
	return false;
}

/* ---- Setting ---- */

static unsigned int
list_count(const struct pfs_locks *list)
{
	const struct pfs_lock *pl;
	unsigned int n = 0;

	for (pl = list->lk_first; pl != NULL; pl = pl->pl_next)
		n++;
	return n;
}

/* Take WANT's range out of its owner's locks. SPARE is used when one has to be split; answers what is left of it. */
static struct pfs_lock *
range_clear(struct pfs_locks *list, const struct pfs_lock *want, struct pfs_lock *spare)
{
	struct pfs_lock **p = &list->lk_first, *pl;

	while ((pl = *p) != NULL) {
		if (pl->pl_kind != want->pl_kind || !is_own(pl, want) || !is_overlap(pl, want)) {
			p = &pl->pl_next;
		} else if (pl->pl_first < want->pl_first && pl->pl_last > want->pl_last) {
			*spare = *pl;			/* only one can enclose the range */
			spare->pl_first = want->pl_last + 1;
			pl->pl_last = want->pl_first - 1;
			pl->pl_next = spare;
			return NULL;
		} else if (pl->pl_first < want->pl_first) {
			pl->pl_last = want->pl_first - 1;
			p = &pl->pl_next;
		} else if (pl->pl_last > want->pl_last) {
			pl->pl_first = want->pl_last + 1;
			p = &pl->pl_next;
		} else {
			*p = pl->pl_next;
			free(pl);
		}
	}
	return spare;
}

/* Grow WANT over its owner's locks of the same type that touch it, which go. */
static void
range_join(struct pfs_locks *list, struct pfs_lock *want)
{
	struct pfs_lock **p = &list->lk_first, *pl;

	while ((pl = *p) != NULL) {
		if (pl->pl_kind != want->pl_kind || !is_own(pl, want) || pl->pl_type != want->pl_type ||
		    (pl->pl_last + 1 != want->pl_first && want->pl_last + 1 != pl->pl_first)) {
			p = &pl->pl_next;
			continue;
		}
		if (pl->pl_first < want->pl_first)
			want->pl_first = pl->pl_first;
		if (pl->pl_last > want->pl_last)
			want->pl_last = pl->pl_last;
		*p = pl->pl_next;
		free(pl);
		p = &list->lk_first;
	}
}

/* Nothing is in WANT's way: make it so. */
static kern_return_t
lock_set(struct pfs_locks *list, const struct pfs_lock *want)
{
	struct pfs_lock *spare, *pl = NULL;

	if (want->pl_type != MX_F_UNLCK && list_count(list) >= LOCKS_MAX)
		return MX_ENOLCK;
	spare = malloc(sizeof(*spare));
	if (want->pl_type != MX_F_UNLCK)
		pl = malloc(sizeof(*pl));
	if (spare == NULL || (want->pl_type != MX_F_UNLCK && pl == NULL)) {
		free(spare);
		free(pl);
		return MX_ENOLCK;
	}
	free(range_clear(list, want, spare));
	if (pl != NULL) {
		*pl = *want;
		range_join(list, pl);
		pl->pl_next = list->lk_first;
		list->lk_first = pl;
	}
	mx_cond_broadcast(&list->lk_changed);
	return KERN_SUCCESS;
}

/* Wait until WANT may have become possible. */
static kern_return_t
conflict_wait(struct pfs_locks *list, const struct pfs_lock *want, const struct pfs_lock *conflict, uint32_t tag)
{
	struct waiter self = { waiters, want->pl_owner, conflict->pl_owner }, **p;
	kern_return_t kr;

	if (want->pl_kind == MX_LOCK_FLOCK || want->pl_owner == 0)
		return mx_cond_wait_cancellable(&list->lk_changed, tag);
	if (is_deadlock(want->pl_owner, conflict->pl_owner))
		return MX_EDEADLOCK;
	waiters = &self;
	kr = mx_cond_wait_cancellable(&list->lk_changed, tag);
	for (p = &waiters; *p != &self; p = &(*p)->wa_next)
		;
	*p = self.wa_next;
	return kr;
}

static void
lock_get(const struct pfs_lock *conflict, struct mx_lock_request *r)
{
	if (conflict == NULL) {
		r->lr_type = MX_F_UNLCK;
		return;
	}
	r->lr_type = conflict->pl_type;
	r->lr_start = conflict->pl_first;
	r->lr_length = conflict->pl_last == END ? 0 : conflict->pl_last - conflict->pl_first + 1;
	r->lr_pid = conflict->pl_owner;
}

kern_return_t
pfs_lock(struct pfs_locks *list, const void *file, uint32_t tag, struct mx_lock_request *r)
{
	struct pfs_lock want = {
		.pl_kind = r->lr_kind, .pl_owner = r->lr_owner, .pl_file = file, .pl_type = r->lr_type,
		.pl_first = r->lr_start, .pl_last = r->lr_length == 0 ? END : r->lr_start + r->lr_length - 1,
	};
	const struct pfs_lock *conflict;
	kern_return_t kr;

	if (r->lr_kind == MX_LOCK_FLOCK) {
		want.pl_first = 0;
		want.pl_last = END;
	}
	for (;;) {
		conflict = want.pl_type != MX_F_UNLCK ? conflict_find(list, &want) : NULL;
		if (r->lr_cmd == MX_LOCK_GET) {
			lock_get(conflict, r);
			return KERN_SUCCESS;
		}
		if (conflict == NULL)
			return lock_set(list, &want);
		if (r->lr_cmd == MX_LOCK_SET)
			return MX_EAGAIN;
		kr = conflict_wait(list, &want, conflict, tag);
		if (kr != KERN_SUCCESS)
			return kr;
	}
}

void
pfs_lock_closed(struct pfs_locks *list, const void *file)
{
	struct pfs_lock **p = &list->lk_first, *pl;
	bool is_changed = false;

	while ((pl = *p) != NULL) {
		if (pl->pl_file != file) {
			p = &pl->pl_next;
			continue;
		}
		*p = pl->pl_next;
		free(pl);
		is_changed = true;
	}
	if (is_changed)
		mx_cond_broadcast(&list->lk_changed);
}
