/*
 * test_pfs_lock.c - advisory locks: random ranges of several owners, compared with a table of bytes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <string.h>
#include <masix/pfs.h>

#define BYTES	40
#define OWNERS	4

static struct pfs_locks list;
static int model[OWNERS][BYTES + 1];	/* MX_F_RDLCK, MX_F_WRLCK or MX_F_UNLCK; the last one is all that follows */
static const char files[OWNERS];	/* descriptions: only their addresses count */
static unsigned int broadcasts;

void mx_cond_broadcast(struct mx_cond *c) { (void)c; broadcasts++; }
/* Nobody else runs here: whoever waits would wait for ever. */
kern_return_t mx_cond_wait_cancellable(struct mx_cond *c, uint32_t tag) { (void)c; (void)tag; return MX_EINTR; }

static struct mx_lock_request
request(uint32_t kind, uint32_t cmd, int owner, int type, uint32_t start, uint32_t length)
{
	return (struct mx_lock_request){ .lr_kind = kind, .lr_cmd = cmd, .lr_owner = owner + 1, .lr_type = type, .lr_start = start,
		.lr_length = length };
}

static bool
model_conflict(int owner, int type, uint32_t start, uint32_t end)
{
	uint32_t i;
	int o;

	for (o = 0; o < OWNERS; o++)
		for (i = start; o != owner && i < end; i++)
			if (model[o][i] == MX_F_WRLCK || (model[o][i] == MX_F_RDLCK && type == MX_F_WRLCK))
				return true;
	return false;
}

static void
step_random(void)
{
	int owner = (int)rnd(OWNERS), type = (int)rnd(3);
	uint32_t start = rnd(BYTES), length = rnd(BYTES - start + 1), end = length == 0 ? BYTES + 1 : start + length, i;
	uint32_t cmd = rnd(3);
	struct mx_lock_request r;
	bool conflict;
	kern_return_t kr;

	if (type == MX_F_UNLCK && cmd == MX_LOCK_GET)
		return;
	r = request(MX_LOCK_POSIX, cmd, owner, type, start, length);
	conflict = type != MX_F_UNLCK && model_conflict(owner, type, start, end);
	kr = pfs_lock(&list, &files[owner], 1, &r);
	if (cmd == MX_LOCK_GET) {
		CHECK(kr == KERN_SUCCESS && (r.lr_type == MX_F_UNLCK) == !conflict);
		if (conflict && r.lr_start < BYTES)
			CHECK(model[r.lr_pid - 1][r.lr_start] == r.lr_type);
		return;
	}
	CHECK(kr == (!conflict ? KERN_SUCCESS : cmd == MX_LOCK_SET ? MX_EAGAIN : MX_EINTR));
	for (i = start; !conflict && i < end; i++)
		model[owner][i] = type;
}

/* Every byte of every owner, asked for one by one. */
static void
compare(void)
{
	uint32_t i;
	int o;

	for (o = 0; o < OWNERS; o++) {
		for (i = 0; i < BYTES; i++) {
			struct mx_lock_request r = request(MX_LOCK_POSIX, MX_LOCK_GET, OWNERS, MX_F_WRLCK, i, 1);
			bool any = false;
			int k;

			for (k = 0; k < OWNERS; k++)
				any |= model[k][i] != MX_F_UNLCK;
			CHECK(pfs_lock(&list, "", 1, &r) == KERN_SUCCESS && (r.lr_type != MX_F_UNLCK) == any);
		}
	}
}

static void
test_ranges(void)
{
	unsigned int round, i;
	int o;

	for (round = 0; round < 200; round++) {
		for (o = 0; o < OWNERS; o++)
			for (i = 0; i <= BYTES; i++)
				model[o][i] = MX_F_UNLCK;
		for (i = 0; i < 300; i++)
			step_random();
		compare();
		for (o = 0; o < OWNERS; o++)
			pfs_lock_closed(&list, &files[o]);
		CHECK(list.lk_first == NULL);
	}
	CHECK(world_live == 0);
	tap("ranges are set, split, joined and seen as bytes would be");
}

static void
test_flock(void)
{
	struct mx_lock_request r;

	r = request(MX_LOCK_FLOCK, MX_LOCK_SET, 0, MX_F_RDLCK, 0, 0);
	CHECK(pfs_lock(&list, &files[0], 1, &r) == KERN_SUCCESS && pfs_lock(&list, &files[1], 1, &r) == KERN_SUCCESS);
	r.lr_type = MX_F_WRLCK;
	CHECK(pfs_lock(&list, &files[0], 1, &r) == MX_EAGAIN);
	pfs_lock_closed(&list, &files[1]);
	CHECK(pfs_lock(&list, &files[0], 1, &r) == KERN_SUCCESS);
	r = request(MX_LOCK_POSIX, MX_LOCK_SET, 1, MX_F_WRLCK, 0, 0);
	CHECK(pfs_lock(&list, &files[1], 1, &r) == KERN_SUCCESS);	/* the two kinds do not see each other */
	broadcasts = 0;
	pfs_lock_closed(&list, &files[0]);
	CHECK(broadcasts == 1);
	pfs_lock_closed(&list, &files[1]);
	CHECK(list.lk_first == NULL && world_live == 0);
	tap("flock belongs to descriptions");
}

static void
test_limits(void)
{
	struct mx_lock_request r;
	uint32_t i;

	for (i = 0; i < 1024; i++) {
		r = request(MX_LOCK_POSIX, MX_LOCK_SET, 0, MX_F_WRLCK, 2 * i, 1);
		CHECK(pfs_lock(&list, &files[0], 1, &r) == KERN_SUCCESS);
	}
	r = request(MX_LOCK_POSIX, MX_LOCK_SET, 0, MX_F_WRLCK, 9000, 1);
	CHECK(pfs_lock(&list, &files[0], 1, &r) == MX_ENOLCK);
	world_fail_at = 1;
	r = request(MX_LOCK_POSIX, MX_LOCK_SET, 0, MX_F_UNLCK, 0, 0);
	CHECK(pfs_lock(&list, &files[0], 1, &r) == MX_ENOLCK);
	CHECK(pfs_lock(&list, &files[0], 1, &r) == KERN_SUCCESS && list.lk_first == NULL);
	tap("a file has a bounded number of locks");
}

int
main(int argc, char **argv)
{
	rnd_state = argc > 1 ? (uint64_t)atoll(argv[1]) : 1;
	test_ranges();
	test_flock();
	test_limits();
	return tap_end();
}
