/*
 * pfs_quota.c - how many open objects each user has.
 *
 * Whoever holds a right can ask for more of them, and each costs memory of the server and of the kernel. Descriptor limits are
 * emulib's, which a process may have replaced; this one is not.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <masix/pfs.h>

#define BUCKETS		64u
#define OBJECTS_MAX	16384u		/* of one user; root has no limit */

struct user {
	struct user	*us_next;
	uint32_t	us_uid;
	uint32_t	us_count;
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

bool
pfs_quota_take(uint32_t uid)
{
	struct user **p, *us;

	if (uid == 0)
		return true;
	p = user_find(uid);
	us = *p;
	if (us == NULL) {
		us = calloc(1, sizeof(*us));
		if (us == NULL)
			return false;
		us->us_uid = uid;
		*p = us;
	}
	if (us->us_count >= OBJECTS_MAX)
		return false;
	us->us_count++;
	return true;
}

void
pfs_quota_give(uint32_t uid)
{
	struct user **p, *us;

	if (uid == 0)
		return;
	p = user_find(uid);
	us = *p;
	mx_assert(us != NULL && us->us_count > 0);
	if (--us->us_count > 0)
		return;
	*p = us->us_next;
	free(us);
}
