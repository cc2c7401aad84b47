/*
 * main.c - the server of ext2, ext3 and ext4 volumes: all of them, in one task.
 *
 * Each volume has a fibril: it deletes what has no name any more, and commits what changed every five seconds. When the system ends all
 * volumes are brought to rest, so that the next boot finds nothing to replay.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <masix/pager.h>
#include <masix/server.h>
#include "ext2.h"

#define PERIOD_NS	5000000000ull

struct worker {
	struct worker	*wk_next;
	struct ext2_volume *wk_volume;
	struct mx_cond	wk_wanted;
	bool		wk_is_wanted, wk_ending, wk_ended;
};

static struct worker *workers;

static void
worker_main(void *arg)
{
	struct worker *wk = arg;
	uint64_t next = mx_now_ns() + PERIOD_NS;
	bool is_time;

	while (!wk->wk_ending) {
		if (!wk->wk_is_wanted)
			(void)mx_cond_wait_until(&wk->wk_wanted, next);	/* either is a reason to look */
		wk->wk_is_wanted = false;
		is_time = mx_now_ns() >= next;
		if (wk->wk_ending)
			break;
		ext2_volume_work(wk->wk_volume, is_time);
		if (is_time)
			next = mx_now_ns() + PERIOD_NS;
	}
	wk->wk_ended = true;
	mx_cond_broadcast(&wk->wk_wanted);
}

static void
volume_wake(struct ext2_volume *ev)
{
	struct worker *wk = ev->ev_worker;

	wk->wk_is_wanted = true;
	mx_cond_broadcast(&wk->wk_wanted);
}

/* Without memory for a worker the volume is served all the same: its users' operations do the work. */
static void
volume_begun(struct ext2_volume *ev)
{
	struct worker *wk = calloc(1, sizeof(*wk));

	if (wk == NULL)
		return;
	wk->wk_volume = ev;
	if (mx_fibril_start(worker_main, wk, "ext2") != KERN_SUCCESS) {
		free(wk);
		return;
	}
	wk->wk_next = workers;
	workers = wk;
	ev->ev_worker = wk;
	ev->ev_wake = volume_wake;
}

static void
volume_ends(struct ext2_volume *ev)
{
	struct worker *wk = ev->ev_worker, **p;

	if (wk == NULL)
		return;
	ev->ev_wake = NULL;
	wk->wk_ending = true;
	mx_cond_broadcast(&wk->wk_wanted);
	while (!wk->wk_ended)
		mx_cond_wait(&wk->wk_wanted);
	for (p = &workers; *p != wk; p = &(*p)->wk_next)
		;
	*p = wk->wk_next;
	free(wk);
	ev->ev_worker = NULL;
}

/* The system ends. vfs has unmounted what it could; what is left is at least consistent on the disk. */
static void
ext2_stop(void)
{
	struct worker *wk;

	for (wk = workers; wk != NULL; wk = wk->wk_next)
		(void)pfs_volume_sync(wk->wk_volume->ev_volume);
}

static kern_return_t
ext2_fresh(int argc, char **argv)
{
	kern_return_t kr = mx_pager_start();

	(void)argc;
	(void)argv;
	ext2_volume_begun = volume_begun;
	ext2_volume_ends = volume_ends;
	if (kr == KERN_SUCCESS)
		kr = mx_on_stop(ext2_stop);
	if (kr == KERN_SUCCESS)
		kr = pfs_server_register("pfs.ext2", &ext2_ops);
	if (kr == KERN_SUCCESS)
		kr = pfs_server_register("pfs.ext3", &ext3_ops);
	if (kr == KERN_SUCCESS)
		kr = pfs_server_register("pfs.ext4", &ext4_ops);
	if (kr == KERN_SUCCESS)
		mx_server_ready();
	return kr;
}

static const struct mx_server description = { .ms_name = "ext2", .ms_fresh = ext2_fresh };

int
main(int argc, char **argv)
{
	mx_server_main(&description, argc, argv);
}
