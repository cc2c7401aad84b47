/*
 * pfs_quota.c - how many open objects, and waiting requests, each user has.
 *
 * Whoever holds a right can ask for more of them, and each costs memory of the server and of the kernel; a request that waits holds a
 * fibril. Descriptor limits are emulib's, which a process may have replaced; these are not.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <masix/pfs.h>

#define BUCKETS		64u
#define OBJECTS_MAX	16384u		/* of one user; root has no limit */
#define WAITS_MAX	256u		/* fibrils that may be parked for one user */

struct user {
	struct user	*us_next;
	uint32_t	us_uid;
	uint32_t	us_count, us_waits;
};

static struct user *users[BUCKETS];

static struct user **
user_find(uint32_t uid)
{
	struct user **p = &users[uid % BUCKETS];

	while (*p != NULL && (*p)->us_uid != uid)
		p = &(*p)->us_next;
	return p;
}

/* The place where UID's objects, or waits, are counted; NULL: no memory. */
static uint32_t *
counter(uint32_t uid, bool waits)
{
	struct user **p = user_find(uid), *us = *p;

	if (us == NULL) {
		us = calloc(1, sizeof(*us));
		if (us == NULL)
			return NULL;
		us->us_uid = uid;
		*p = us;
	}
	return waits ? &us->us_waits : &us->us_count;
}

static bool
take(uint32_t uid, bool waits, uint32_t max)
{
	uint32_t *n;

	if (uid == 0)
		return true;
	n = counter(uid, waits);
	if (n == NULL || *n >= max)
		return false;
	(*n)++;
	return true;
}

static void
give(uint32_t uid, bool waits)
{
	struct user **p, *us;
	uint32_t *n;

	if (uid == 0)
		return;
	p = user_find(uid);
	us = *p;
	mx_assert(us != NULL);
	n = waits ? &us->us_waits : &us->us_count;
	mx_assert(*n > 0);
	(*n)--;
	if (us->us_count > 0 || us->us_waits > 0)
		return;
	*p = us->us_next;
	free(us);
}

bool
pfs_quota_take(uint32_t uid)
{
	return take(uid, false, OBJECTS_MAX);
}

void
pfs_quota_give(uint32_t uid)
{
	give(uid, false);
}

bool
pfs_quota_wait(uint32_t uid)
{
	return take(uid, true, WAITS_MAX);
}

void
pfs_quota_waited(uint32_t uid)
{
	give(uid, true);
}
