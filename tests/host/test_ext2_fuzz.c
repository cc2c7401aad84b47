/*
 * test_ext2_fuzz.c - damaged volumes: bytes of their structures are changed, then they are mounted and used.
 *
 * Nothing is expected of the results, only that every operation ends, with a result or an error, and that the sanitizers see nothing.
 * Arguments: how many volumes, the first seed; a failure says the seed of its volume.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "ext2_world.h"

#define GOOD	1u			/* disks: as it was made; DISK is the damaged copy */
#define VISITS	400u

static uint8_t image[4u << 20];
static uint32_t used[4096], nused;	/* KiB of it that are not zeros */
static uint64_t seed_now;

/* ---- A volume with something of everything in it ---- */

static void
fill(void)
{
	static const struct pfs_new fifo = { .nw_mode = MX_S_IFIFO | 0600 };
	struct pfs_node *dir = node_make(vol->pv_root, "dir", MX_S_IFDIR | 0755, NULL), *node;
	static uint8_t data[300000];
	static const char value[400] = "a value";
	char text[64];
	unsigned int i;

	for (i = 0; i < 120; i++) {
		snprintf(text, sizeof(text), "a-file-whose-name-makes-the-directory-large-%u", i);
		node = node_make(dir, text, MX_S_IFREG | 0644, NULL);
		if (i % 10 == 0)
			file_write(node, i * 1000, data, 3000);
		if (i % 6 == 0)			/* behind the inode, in blocks that some share */
			CHECK(pfs_node_setxattr(node, "user.name", 9, value, i % 12 == 0 ? 10 + i : 300 + i % 5, 0) == KERN_SUCCESS);
		if (i % 18 == 0)
			CHECK(pfs_node_setxattr(node, "security.other", 14, value, 8, 0) == KERN_SUCCESS);
		pfs_node_release(node);
	}
	node = node_make(vol->pv_root, "large", MX_S_IFREG | 0644, NULL);
	memset(data, 1, sizeof(data));
	file_write(node, 0, data, sizeof(data));
	file_write(node, 70000000, data, 5000);
	pfs_node_release(node);
	pfs_node_release(node_make(vol->pv_root, "link", MX_S_IFLNK | 0777, "target"));
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	pfs_node_release(node_make(vol->pv_root, "longlink", MX_S_IFLNK | 0777, text));
	if (pfs_node_create(dir, "fifo", 4, &fifo, &node) == KERN_SUCCESS)
		pfs_node_release(node);
	node = node_make(dir, "sub", MX_S_IFDIR | 0755, NULL);
	pfs_node_release(node_make(node, "leaf", MX_S_IFREG | 0644, NULL));
	pfs_node_release(node);
	pfs_node_release(dir);
}

static void
image_note(void)
{
	uint32_t i, k;

	CHECK(pread(blk_file_fd(GOOD), image, sizeof(image), 0) == (ssize_t)sizeof(image));
	nused = 0;
	for (i = 0; i < sizeof(image) / 1024; i++) {
		for (k = 0; k < 1024 && (image[i * 1024 + k] == 0 || image[i * 1024 + k] == 1); k++)
			;
		if (k < 1024)
			used[nused++] = i;
	}
}

/* ---- Damage ---- */

static void
damage(void)
{
	static const uint32_t values[] = { 0, 1, 2, 8, 12, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff };
	unsigned int n = 1 + rnd(rnd(3) ? 4 : 40);
	uint32_t at, value;
	uint8_t byte;

	blk_file_copy(GOOD, DISK);
	while (n-- > 0) {
		switch (rnd(8)) {
		case 0:
			at = 1024 + rnd(400);			/* the superblock */
			break;
		case 1:
			at = 2048 + rnd(64);			/* group descriptors */
			break;
		default:
			at = used[rnd(nused)] * 1024 + rnd(1024);
		}
		value = rnd(3) ? values[rnd(sizeof(values) / sizeof(values[0]))] : rnd(4096);
		byte = (uint8_t)rnd(256);
		if (rnd(2))
			CHECK(pwrite(blk_file_fd(DISK), &byte, 1, (off_t)at) == 1);
		else
			CHECK(pwrite(blk_file_fd(DISK), &value, 4, (off_t)(at & ~3u)) == 4);
	}
}

/* ---- Use ---- */

static unsigned int visits, mounted, visited;

static void visit_dir(struct pfs_node *dir, unsigned int depth);

struct visited { struct pfs_node *dir; unsigned int depth; char (*names)[256]; unsigned int n; };

static void
collect(const struct mx_dirent *de, struct visited *vi)
{
	if (vi->n >= 60 || de->de_namelen == 0)
		return;
	memcpy(vi->names[vi->n], de->de_name, de->de_namelen);
	vi->names[vi->n++][de->de_namelen] = '\0';
}

static void
use_file(struct pfs_node *node)
{
	static uint8_t data[20000];
	uint64_t at = node->pn_attr.at_size;
	size_t done;

	(void)pfs_node_read(node, 0, data, sizeof(data), &done);
	(void)pfs_node_read(node, at > 5000 ? at - 5000 : 0, data, 5000, &done);
	at = 0;
	(void)ext2_ops.po_seek(node, rnd(2) != 0, &at);
	if (rnd(3) == 0)
		(void)pfs_node_write(node, rnd(4) ? rnd(400000) : (uint64_t)rnd(1000) << 22, data, 1 + rnd(sizeof(data) - 1), &done);
	if (rnd(6) == 0)
		(void)pfs_node_truncate(node, rnd(400000));
	if (rnd(8) == 0)
		(void)ext2_ops.po_allocate(node, 3, rnd(100000), 1 + rnd(100000));
	if (rnd(8) == 0)
		(void)ext2_ops.po_fsync(node, false);
}

static void
use_attributes(struct pfs_node *node)
{
	static const char *const names[] = { "user.name", "security.other", "trusted.new" };
	static uint8_t value[MX_DATA_MAX];
	const char *name = names[rnd(3)];
	size_t n;

	(void)pfs_node_listxattr(node, (char *)value, &n);
	(void)pfs_node_getxattr(node, name, strlen(name), value, &n);
	if (rnd(3) == 0)
		(void)pfs_node_setxattr(node, name, strlen(name), value, rnd(500), rnd(4) ? 0 : MX_XATTR_REMOVE);
}

static void
change_dir(struct pfs_node *dir, const struct visited *vi)
{
	struct pfs_new what = { .nw_mode = rnd(3) ? MX_S_IFREG | 0644 : MX_S_IFDIR | 0755 };
	struct pfs_node *node;
	char text[40];
	const char *name = vi->n > 0 ? vi->names[rnd(vi->n)] : "nothing";
	unsigned int i;

	for (i = rnd(12); i > 0; i--) {
		snprintf(text, sizeof(text), "new-name-that-is-long-%u", rnd(300));
		if (pfs_node_create(dir, text, strlen(text), &what, &node) == KERN_SUCCESS)
			pfs_node_release(node);
	}
	if (rnd(2))
		(void)pfs_node_unlink(dir, name, strlen(name), rnd(4) == 0);
	if (rnd(2))
		(void)pfs_node_rename(dir, name, strlen(name), rnd(2) ? dir : vol->pv_root, text, strlen(text), rnd(3));
	if (rnd(4) == 0)
		volume_rest(rnd(2) != 0);
}

static void
list_dir(struct visited *vi)
{
	static char buf[8192];
	uint64_t cookie = 0, before;
	size_t len, at;
	unsigned int calls;

	for (calls = 0; calls < 100; calls++) {
		len = rnd(2) ? sizeof(buf) : 600;
		before = cookie;
		if (pfs_node_readdir(vi->dir, cookie, 0, buf, &len) != KERN_SUCCESS || len == 0)
			return;
		for (at = 0; at < len; at += ((struct mx_dirent *)(buf + at))->de_reclen) {
			cookie = ((struct mx_dirent *)(buf + at))->de_cookie;
			collect((struct mx_dirent *)(buf + at), vi);
		}
		CHECK(cookie > before);
	}
}

static void
visit_dir(struct pfs_node *dir, unsigned int depth)
{
	struct visited vi = { dir, depth, calloc(60, 256), 0 };
	struct pfs_node *node;
	unsigned int i;
	char link[4096];
	size_t len;

	list_dir(&vi);
	for (i = 0; i < vi.n && visits < VISITS; i++) {
		if (pfs_node_lookup(dir, 0, vi.names[i], strlen(vi.names[i]), &node) != KERN_SUCCESS)
			continue;
		visits++;
		if (rnd(2))
			use_attributes(node);
		if ((node->pn_attr.at_mode & MX_S_IFMT) == MX_S_IFREG)
			use_file(node);
		else if ((node->pn_attr.at_mode & MX_S_IFMT) == MX_S_IFLNK)
			(void)pfs_node_readlink(node, 0, link, sizeof(link), &len);
		else if (pfs_node_is_dir(node) && depth < 5)
			visit_dir(node, depth + 1);
		pfs_node_release(node);
	}
	change_dir(dir, &vi);
	free(vi.names);
}

static void
use_volume(void)
{
	static const char *const options[] = { "errors=continue", "errors=remount-ro", "" };
	uint32_t flags = rnd(6) == 0 ? PFS_RDONLY : 0;

	if (volume_try(DISK, flags, options[rnd(3)]) != KERN_SUCCESS)
		return;
	visits = 0;
	mounted++;
	visit_dir(vol->pv_root, 0);
	if (rnd(3) == 0)
		(void)pfs_volume_sync(vol);
	if (rnd(4) == 0)
		visit_dir(vol->pv_root, 0);
	visited += visits;
	volume_unmount();
}

static void
test_kind(const char *what, const char *mke2fs, bool dirty, unsigned int rounds, uint64_t seed)
{
	unsigned int i, live = world_live;
	char text[200];

	disk_make(GOOD, sizeof(image) / 1024, mke2fs);
	blk_file_open(DISK, NULL, sizeof(image), false);
	if (strstr(mke2fs, "ext4") == NULL) {
		volume_mount(GOOD);
		fill();
		if (dirty)
			CHECK(pfs_volume_sync(vol) == KERN_SUCCESS);
		dirty ? volume_lose() : volume_unmount();
	}
	image_note();
	for (i = 0; i < rounds && failures == 0; i++) {
		rnd_state = seed_now = seed + i;
		(void)rnd(2);
		alarm(20);
		damage();
		use_volume();
		alarm(0);
		CHECK(world_live == live);
		if (failures > 0)
			printf("# seed %llu\n", (unsigned long long)seed_now);
	}
	blk_file_close(DISK);
	blk_file_close(GOOD);
	snprintf(text, sizeof(text), "%u damaged volumes, %u could be mounted, %u nodes used: %s", rounds, mounted, visited, what);
	mounted = visited = 0;
	tap(text);
}

int
main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 150;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;

	setvbuf(stdout, NULL, _IOLBF, 0);
	test_kind("ext2", "-t ext2 -b 1024 -N 256", false, rounds, seed);
	test_kind("ext3", "-t ext3 -b 1024 -N 256 -J size=1", false, rounds, seed);
	test_kind("ext3, with a journal to replay", "-t ext3 -b 1024 -N 256 -J size=1", true, rounds, seed);
	test_kind("ext2, blocks of 4 KiB, no features", "-t ext2 -O none -b 4096 -N 256", false, rounds, seed);
	return tap_end();
}
