/*
 * test_ext2_cut.c - the power goes: at every so manieth write of a load of random changes and fsyncs.
 *
 * After each cut the volume is mounted, which replays the journal, and unmounted: then e2fsck must find nothing at all, and e2fsck's own
 * replay of another copy must give a volume that it finds clean, too. What an fsync or a sync had acknowledged before the cut must be there,
 * and no file may have contents that are not its own: each byte is what was once written there, or zero.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <string.h>
#include "ext2_world.h"

#define CUT	1u			/* disks: what is left; the same for e2fsck */
#define COPY	2u
#define LOGS	5u
#define NOTES	4000u

/* ---- What was promised ---- */

struct note { unsigned int events; unsigned int log; uint32_t size; };	/* from so many events on, log has so many bytes; log LOGS: dir */

static struct note notes[NOTES];
static unsigned int nnotes;
static uint32_t log_size[LOGS];
static struct pfs_node *logs[LOGS];

static void
note(unsigned int log, uint32_t size)
{
	mx_assert(nnotes < NOTES);
	notes[nnotes++] = (struct note){ blk_file_events(DISK), log, size };
}

/* The byte at AT of every file that was made with ID (its owner's number). */
static uint8_t
pattern(uint32_t id, uint32_t at)
{
	uint32_t v = (id * 2654435761u) ^ (at / 7 * 40503u) ^ at;

	return (uint8_t)(1 + (v >> 5) % 255);
}

static void
pattern_fill(uint8_t *data, uint32_t id, uint32_t at, uint32_t n)
{
	while (n-- > 0)
		*data++ = pattern(id, at++);
}

/* ---- The load ---- */

static uint32_t next_id = 1000;
static struct pfs_node *dirs[6];	/* a few directories, with references */

static void
some_text(char *text)
{
	snprintf(text, 60, "%s-%u", rnd(3) ? "f" : "a-name-long-enough-that-blocks-of-directories-fill-up", rnd(40));
}

static void
load_create(void)
{
	static uint8_t data[80000];
	struct pfs_new what = { .nw_mode = MX_S_IFREG | 0644, .nw_uid = next_id++ };
	struct pfs_node *node;
	char text[60];
	uint32_t n = rnd(6) ? rnd(3000) : rnd(sizeof(data)), at = rnd(6) == 0 ? rnd(100000) : 0;
	size_t done;

	some_text(text);
	if (pfs_node_create(dirs[rnd(6)], text, strlen(text), &what, &node) != KERN_SUCCESS)
		return;
	pattern_fill(data, what.nw_uid, at, n);
	(void)pfs_node_write(node, at, data, n, &done);		/* the volume may be full */
	if (rnd(8) == 0)
		CHECK(pfs_node_truncate(node, rnd(at + n + 5000)) == KERN_SUCCESS);
	pfs_node_release(node);
}

static void
load_names(void)
{
	char text1[60], text2[60];
	struct pfs_node *node, *dir1 = dirs[rnd(6)], *dir2 = dirs[rnd(6)];
	struct pfs_new link = { .nw_mode = MX_S_IFLNK | 0777, .nw_target = "this-is-a-symbolic-link-that-does-not-fit-into-an-inode-as-it-is-long",
		.nw_target_len = 66 };

	some_text(text1);
	some_text(text2);
	switch (rnd(6)) {
	case 0: case 1:
		(void)pfs_node_unlink(dir1, text1, strlen(text1), false);
		break;
	case 2: case 3:
		(void)pfs_node_rename(dir1, text1, strlen(text1), dir2, text2, strlen(text2), rnd(3));
		break;
	case 4:
		if (pfs_node_lookup(dir1, 0, text1, strlen(text1), &node) != KERN_SUCCESS)
			break;
		(void)pfs_node_link(dir2, text2, strlen(text2), node);
		pfs_node_release(node);
		break;
	default:
		if (pfs_node_create(dir1, text1, strlen(text1), &link, &node) == KERN_SUCCESS)
			pfs_node_release(node);
	}
}

/* An attribute with bytes of its own, of a file somewhere; some are in blocks that files share. */
static void
load_attribute(void)
{
	static uint8_t value[600];
	struct pfs_node *node, *dir = dirs[rnd(6)];
	char text[60];

	some_text(text);
	if (pfs_node_lookup(dir, 0, text, strlen(text), &node) != KERN_SUCCESS)
		return;
	memset(value, (int)rnd(3), sizeof(value));
	(void)pfs_node_setxattr(node, "user.a", 6, value, rnd(3) ? 300 + rnd(3) * 100 : rnd(20), rnd(4) ? 0 : MX_XATTR_REMOVE);
	pfs_node_release(node);
}

/* A directory fills and goes, so that its blocks become contents of files. */
static void
load_tree(void)
{
	struct pfs_node *dir, *node;
	struct pfs_new what = { .nw_mode = MX_S_IFDIR | 0755 };
	char text[60];
	unsigned int i, n = 20 + rnd(60);

	if (pfs_node_create(vol->pv_root, "tree", 4, &what, &dir) != KERN_SUCCESS)
		return;
	what.nw_mode = MX_S_IFREG | 0600;
	for (i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "one-of-many-files-in-a-tree-that-does-not-stay-%u", i);
		what.nw_uid = next_id++;
		if (pfs_node_create(dir, text, strlen(text), &what, &node) == KERN_SUCCESS)
			pfs_node_release(node);
	}
	if (rnd(2))
		volume_rest(true);
	for (i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "one-of-many-files-in-a-tree-that-does-not-stay-%u", i);
		(void)pfs_node_unlink(dir, text, strlen(text), false);
	}
	CHECK(pfs_node_unlink(vol->pv_root, "tree", 4, true) == KERN_SUCCESS);
	pfs_node_release(dir);
}

static void
load_log(void)
{
	static uint8_t data[6000];
	unsigned int i = rnd(LOGS);
	uint32_t n = 1 + rnd(sizeof(data) - 1);
	size_t done;

	pattern_fill(data, i, log_size[i], n);
	if (pfs_node_write(logs[i], log_size[i], data, n, &done) == KERN_SUCCESS)
		log_size[i] += done;
	if (rnd(3) == 0)
		return;
	CHECK(ext2_ops.po_fsync(logs[i], rnd(2) != 0) == KERN_SUCCESS);
	note(i, log_size[i]);
}

static void
load_sync(void)
{
	static uint32_t n;
	char text[20];

	snprintf(text, sizeof(text), "synced-%u", n);
	pfs_node_release(node_make(vol->pv_root, text, MX_S_IFDIR | 0700, NULL));
	CHECK(pfs_volume_sync(vol) == KERN_SUCCESS);
	note(LOGS, n++);
	for (unsigned int i = 0; i < LOGS; i++)
		note(i, log_size[i]);
}

static void
load_run(unsigned int steps)
{
	unsigned int i;

	for (i = 0; i < steps; i++) {
		switch (rnd(18)) {
		case 0: case 1: case 2: case 3: load_create(); break;
		case 4: case 5: case 6: case 7: case 8: load_names(); break;
		case 9: case 10: case 11: load_log(); break;
		case 12: volume_rest(false); break;
		case 13: volume_rest(rnd(3) == 0); break;
		case 14: if (rnd(3) == 0) load_tree(); break;
		case 15: case 16: load_attribute(); break;
		default: if (rnd(4) == 0) load_sync();
		}
	}
}

static void
load_begin(void)
{
	char text[20];
	unsigned int i;

	nnotes = 0;
	for (i = 0; i < 6; i++) {
		snprintf(text, sizeof(text), "d%u", i);
		dirs[i] = node_make(i > 2 ? dirs[i - 3] : vol->pv_root, text, MX_S_IFDIR | 0755, NULL);
	}
	for (i = 0; i < LOGS; i++) {
		snprintf(text, sizeof(text), "log%u", i);
		logs[i] = node_make(vol->pv_root, text, MX_S_IFREG | 0600, NULL);
		logs[i]->pn_attr.at_uid = i;
		log_size[i] = 0;
	}
	CHECK(pfs_volume_sync(vol) == KERN_SUCCESS);
	for (i = 0; i < LOGS; i++)
		note(i, 0);
}

static void
load_end(void)
{
	unsigned int i;

	for (i = 0; i < 6; i++)
		pfs_node_release(dirs[i]);
	for (i = 0; i < LOGS; i++)
		pfs_node_release(logs[i]);
}

/* ---- After the cut ---- */

static char where[200];
static bool has_journal;

static void
file_check(struct pfs_node *node, uint32_t at_least)
{
	static uint8_t data[1u << 20];
	uint32_t id = node->pn_attr.at_uid, i;
	size_t done = 0;

	if (node->pn_attr.at_size < at_least)
		printf("# %s: a log has %llu bytes, %u were promised\n", where, (unsigned long long)node->pn_attr.at_size, at_least);
	CHECK(node->pn_attr.at_size >= at_least && node->pn_attr.at_size <= sizeof(data));
	CHECK(pfs_node_read(node, 0, data, sizeof(data), &done) == KERN_SUCCESS);
	/* Without a journal a file that was deleted may come back with blocks that are another's. */
	for (i = 0; i < (has_journal ? done : at_least); i++)
		if (data[i] != pattern(id, i) && (data[i] != 0 || i < at_least))
			break;
	if (i < (has_journal ? done : at_least))
		printf("# %s: the file %u of %u has %02x at %u, not %02x\n", where, (unsigned int)node->pn_attr.at_ino, id, data[i], i, pattern(id, i));
	CHECK(i == (has_journal ? done : at_least));
}

static void
entry_check(const struct mx_dirent *de, void *arg)
{
	struct pfs_node *dir = arg, *node;
	kern_return_t kr = pfs_node_lookup(dir, 0, de->de_name, de->de_namelen, &node);

	if (kr != KERN_SUCCESS)
		printf("# %s: %.*s cannot be looked up\n", where, de->de_namelen, de->de_name);
	CHECK(kr == KERN_SUCCESS);
	if (kr != KERN_SUCCESS)
		return;
	if ((node->pn_attr.at_mode & MX_S_IFMT) == MX_S_IFREG)
		file_check(node, 0);
	if (pfs_node_is_dir(node) && memcmp(de->de_name, "lost", 4) != 0)
		dir_list(node, 8192, entry_check, node);
	pfs_node_release(node);
}

static void
promises_check(unsigned int events)
{
	uint32_t size[LOGS];
	struct pfs_node *node;
	char text[20];
	unsigned int i;

	memset(size, 0, sizeof(size));
	for (i = 0; i < nnotes && notes[i].events <= events; i++) {
		if (notes[i].log < LOGS) {
			size[notes[i].log] = notes[i].size;
			continue;
		}
		snprintf(text, sizeof(text), "synced-%u", notes[i].size);
		node = node_at(text);
		if (node == NULL)
			printf("# %s: %s is not there\n", where, text);
		CHECK(node != NULL);
		if (node != NULL)
			pfs_node_release(node);
	}
	for (i = 0; i < LOGS && nnotes > 0 && notes[LOGS - 1].events <= events; i++) {
		snprintf(text, sizeof(text), "log%u", i);
		node = node_at(text);
		CHECK(node != NULL);
		if (node == NULL)
			continue;
		file_check(node, size[i]);
		pfs_node_release(node);
	}
	dir_list(vol->pv_root, 8192, entry_check, vol->pv_root);
}

static void
cut_check(bool journal, unsigned int events, enum blk_file_loss loss, uint64_t seed, bool other)
{
	int status;

	snprintf(where, sizeof(where), "cut after %u of %u, loss %d, seed %llu", events, blk_file_events(DISK), loss, (unsigned long long)seed);
	blk_file_cut(DISK, events, loss, seed, CUT);
	if (other || !journal) {
		blk_file_copy(CUT, COPY);
		status = tool_run(COPY, "e2fsck -fy %s");
		CHECK(status <= 1);
		disk_check(COPY, where);
	}
	if (!journal)
		blk_file_copy(COPY, CUT);
	volume_mount(CUT);
	promises_check(events);
	volume_unmount();
	disk_check(CUT, where);
}

static void
test_cuts(const char *what, const char *mke2fs, bool journal, unsigned int steps, unsigned int cuts, bool torn)
{
	unsigned int i, n, live = world_live;
	uint64_t seed;
	char text[200];

	has_journal = journal;
	disk_make(DISK, 10 * 1024, mke2fs);
	blk_file_open(CUT, NULL, 10 << 20, false);
	blk_file_open(COPY, NULL, 10 << 20, false);
	volume_mount(DISK);
	blk_file_record(DISK);
	load_begin();
	load_run(steps);
	n = blk_file_events(DISK);
	load_end();
	volume_unmount();
	disk_check(DISK, what);
	for (i = 0; i < cuts && failures == 0; i++) {
		seed = rnd_state;
		cut_check(journal, rnd(n + 1), i % 3 == 0 ? BLK_FILE_KEEP : i % 3 == 1 ? BLK_FILE_LOSE : torn ? BLK_FILE_TORN : BLK_FILE_ANY, seed,
			i % 4 == 0);
		rnd_state = seed;
		(void)rnd(2);
	}
	for (i = 0; i < 3; i++)
		blk_file_close(i);
	CHECK(world_live == live);
	snprintf(text, sizeof(text), "%u power cuts among %u writes: %s", cuts, n, what);
	tap(text);
}

int
main(int argc, char **argv)
{
	unsigned int cuts = argc > 1 ? (unsigned int)atoi(argv[1]) : 120;

	rnd_state = argc > 2 ? strtoull(argv[2], NULL, 0) : 7;
	setvbuf(stdout, NULL, _IOLBF, 0);
	test_cuts("ext3, blocks of 1 KiB", "-t ext3 -b 1024 -J size=1", true, 1500, cuts, true);
	test_cuts("ext3, blocks of 4 KiB", "-t ext3 -b 4096 -J size=4", true, 1500, cuts, false);
	test_cuts("ext3, blocks of 1 KiB, another load", "-t ext3 -b 1024 -J size=1", true, 3000, cuts, false);
	test_cuts("ext2, after e2fsck", "-t ext2 -b 1024", false, 800, cuts / 2, false);
	return tap_end();
}
