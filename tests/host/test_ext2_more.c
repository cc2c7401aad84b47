/*
 * test_ext2_more.c - large directories, large files, volumes of ext4, what is refused, errors of the disk, no memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "ext2_world.h"


/* ---- Large directories ---- */

static uint8_t seen[20000];

static void
name_of(char *text, unsigned int i)
{
	/* Some with bytes above 127: hashes of signed and unsigned bytes differ. */
	snprintf(text, 100, i % 5 == 0 ? "\xc3\xa9-%u" : i % 3 == 0 ? "a-somewhat-longer-name-so-that-blocks-are-full-soon-%u" : "f%u", i);
}

static void
entry_seen(const struct mx_dirent *de, void *arg)
{
	const char *digits = de->de_name + de->de_namelen;
	unsigned int i;

	(void)arg;
	while (digits > de->de_name && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	i = (unsigned int)strtoul(digits, NULL, 10);
	CHECK(i < sizeof(seen));
	seen[i]++;
}

static void
dir_compare(struct pfs_node *dir, unsigned int from, unsigned int to, size_t buffer)
{
	struct pfs_node *node;
	unsigned int i;
	char text[100];

	memset(seen, 0, sizeof(seen));
	CHECK(dir_list(dir, buffer, entry_seen, NULL) == to - from);
	for (i = 0; i < sizeof(seen); i++)
		if (seen[i] != (i >= from && i < to))
			break;
	CHECK(i == sizeof(seen));
	for (i = 0; i < to + 50; i += 1 + rnd(7)) {
		name_of(text, i);
		node = NULL;
		CHECK((pfs_node_lookup(dir, 0, text, strlen(text), &node) == KERN_SUCCESS) == (i >= from && i < to));
		if (node != NULL)
			pfs_node_release(node);
	}
}

static void
names_make(struct pfs_node *dir, unsigned int from, unsigned int to)
{
	char text[100];
	unsigned int i;

	for (i = from; i < to && failures == 0; i++) {
		name_of(text, i);
		pfs_node_release(node_make(dir, text, MX_S_IFREG | 0600, NULL));
	}
}

static void
names_remove(struct pfs_node *dir, unsigned int from, unsigned int to)
{
	char text[100];
	unsigned int i;

	for (i = from; i < to && failures == 0; i++) {
		name_of(text, i);
		CHECK(pfs_node_unlink(dir, text, strlen(text), false) == KERN_SUCCESS);
	}
}

static void
test_directory(const char *hash, const char *mke2fs, unsigned int n)
{
	struct pfs_node *dir;
	char text[200];

	disk_make(DISK, 24 * 1024, mke2fs);
	snprintf(text, sizeof(text), "tune2fs -E hash_alg=%s %%s", hash);
	CHECK(hash[0] == '\0' || tool_run(DISK, text) == 0);
	volume_mount(DISK);
	dir = node_make(vol->pv_root, "dir", MX_S_IFDIR | 0755, NULL);
	names_make(dir, 0, n);
	dir_compare(dir, 0, n, 8192);
	names_remove(dir, 0, n / 2);
	names_make(dir, n, n + n / 3);
	dir_compare(dir, n / 2, n + n / 3, 700);
	CHECK(pfs_node_unlink(vol->pv_root, "dir", 3, true) == MX_ENOTEMPTY);
	pfs_node_release(dir);
	volume_unmount();
	disk_check(DISK, hash);
	/* e2fsck packs and orders the directory anew. */
	CHECK(tool_run(DISK, "e2fsck -fyD %s") <= 1);
	volume_mount(DISK);
	dir = node_at("dir");
	CHECK(dir != NULL);
	dir_compare(dir, n / 2, n + n / 3, 8192);
	names_remove(dir, n / 2, n + n / 3);
	dir_compare(dir, 0, 0, 8192);
	pfs_node_release(dir);
	CHECK(pfs_node_unlink(vol->pv_root, "dir", 3, true) == KERN_SUCCESS);
	volume_unmount();
	disk_check(DISK, hash);
	blk_file_close(DISK);
	snprintf(text, sizeof(text), "a directory of %u names: %s %s", n, mke2fs, hash);
	tap(text);
}

/* ---- Large files ---- */

static void
test_large(uint32_t block)
{
	static uint8_t data[5000];
	uint64_t size = block == 1024 ? UINT64_C(10) << 30 : UINT64_C(12) << 30, at;
	struct pfs_node *node;
	char text[200];
	size_t done;

	snprintf(text, sizeof(text), "-t ext3 -b %u -J size=4", block);
	disk_make(DISK, 24 * 1024, text);
	volume_mount(DISK);
	node = node_make(vol->pv_root, "large", MX_S_IFREG | 0644, NULL);
	memset(data, 7, sizeof(data));
	file_write(node, size, data, sizeof(data));
	file_write(node, UINT64_C(3) << 30, data, sizeof(data));
	CHECK(node->pn_attr.at_size == size + sizeof(data) && node->pn_attr.at_blocks < 200);
	pfs_node_release(node);
	volume_unmount();
	disk_check(DISK, "large file");
	volume_mount(DISK);
	node = node_at("large");
	CHECK(pfs_node_read(node, size, data, sizeof(data), &done) == KERN_SUCCESS && done == sizeof(data) && data[4999] == 7);
	CHECK(pfs_node_read(node, (UINT64_C(3) << 30) - 1000, data, 1001, &done) == KERN_SUCCESS && data[999] == 0 && data[1000] == 7);
	at = 0;
	CHECK(ext2_ops.po_seek(node, true, &at) == KERN_SUCCESS && at <= UINT64_C(3) << 30 && at > (UINT64_C(3) << 30) - 4096);
	CHECK(ext2_ops.po_seek(node, false, &at) == KERN_SUCCESS && at > UINT64_C(3) << 30);
	CHECK(ext2_ops.po_seek(node, true, &at) == KERN_SUCCESS && at <= size && at > size - 4096);
	CHECK(pfs_node_truncate(node, UINT64_C(1) << 50) == MX_EFBIG);
	CHECK(pfs_node_truncate(node, 100) == KERN_SUCCESS && node->pn_attr.at_blocks <= 8);
	pfs_node_release(node);
	CHECK(pfs_node_unlink(vol->pv_root, "large", 5, false) == KERN_SUCCESS);
	volume_unmount();
	disk_check(DISK, "large file gone");
	blk_file_close(DISK);
	snprintf(text, sizeof(text), "files of more than 4 GiB, blocks of %u", block);
	tap(text);
}

/* ---- Volumes of others ---- */

static void
tree_expect(const char *path, const char *contents)
{
	struct pfs_node *node = node_at(path);
	char data[200];
	size_t done = 0;

	CHECK(node != NULL);
	if (node == NULL)
		return;
	CHECK(pfs_node_read(node, 0, data, sizeof(data), &done) == KERN_SUCCESS);
	CHECK(done == strlen(contents) && memcmp(data, contents, done) == 0);
	pfs_node_release(node);
}

static void
test_ext4(const char *mke2fs)
{
	char text[300];
	struct pfs_node *node;
	unsigned int i;
	static uint8_t data[70000];
	size_t done;

	blk_file_open(DISK, NULL, 32u << 20, false);
	snprintf(text, sizeof(text), "d=$(mktemp -d); cd $d; echo hello >a; mkdir sub; seq 20000 >sub/numbers; ln -s a l; "
		"mkdir many; for i in $(seq 300); do echo $i >many/a-file-of-the-host-$i; done; "
		"mke2fs -q -F -d $d %s %%s; s=$?; rm -rf $d; exit $s", mke2fs);
	i = (unsigned int)tool_run(DISK, text);
	if (i != 0)
		printf("# %s\n", tool_output);
	CHECK(i == 0);
	CHECK(volume_try(DISK, 0, "") == MX_EROFS);
	CHECK(volume_try(DISK, PFS_RDONLY, "") == KERN_SUCCESS);
	tree_expect("a", "hello\n");
	tree_expect("many/a-file-of-the-host-77", "77\n");
	node = node_at("sub/numbers");
	CHECK(node != NULL && pfs_node_read(node, 0, data, sizeof(data), &done) == KERN_SUCCESS && done == sizeof(data));
	for (i = 1, done = 0; done + 8 < sizeof(data); i++) {
		snprintf(text, sizeof(text), "%u\n", i);
		if (memcmp(data + done, text, strlen(text)) != 0)
			break;
		done += strlen(text);
	}
	CHECK(done + 8 >= sizeof(data));
	if (node != NULL)
		pfs_node_release(node);
	node = node_at("many");
	CHECK(node != NULL && dir_list(node, 1000, NULL, NULL) == 300);
	if (node != NULL)
		pfs_node_release(node);
	volume_unmount();
	blk_file_close(DISK);
	snprintf(text, sizeof(text), "read: %s", mke2fs);
	tap(text);
}

static void
test_refused(void)
{
	static const char zeros[4096];
	uint32_t incompat;

	disk_make(DISK, 8192, "-t ext2 -b 1024");
	CHECK(pread(blk_file_fd(DISK), &incompat, 4, 1024 + 96) == 4);
	incompat |= 0x20000;			/* casefold */
	CHECK(pwrite(blk_file_fd(DISK), &incompat, 4, 1024 + 96) == 4);
	CHECK(volume_try(DISK, 0, "") == MX_EINVAL && volume_try(DISK, PFS_RDONLY, "") == MX_EINVAL);
	CHECK(pwrite(blk_file_fd(DISK), zeros, sizeof(zeros), 0) == sizeof(zeros));
	CHECK(volume_try(DISK, 0, "") == MX_EINVAL);
	blk_file_close(DISK);
	CHECK(volume_try(DISK, 0, "") == MX_ENXIO);
	tap("what is not known is refused");
}

/* A volume that was not unmounted: it can be looked at, and is recovered also by who only reads it. */
static void
test_readonly(void)
{
	struct pfs_node *node;
	size_t done;
	char data[8];

	disk_make(DISK, 8192, "-t ext3 -b 1024 -J size=1");
	volume_mount(DISK);
	node = node_make(vol->pv_root, "a", MX_S_IFREG | 0644, NULL);
	file_write(node, 0, "hello", 5);
	CHECK(ext2_ops.po_fsync(node, false) == KERN_SUCCESS);
	pfs_node_release(node);
	volume_lose();
	CHECK(volume_try(DISK, PFS_RDONLY, "noload") == KERN_SUCCESS);
	CHECK(node_at("a") == NULL);
	volume_unmount();
	CHECK(volume_try(DISK, PFS_RDONLY, "") == KERN_SUCCESS);
	tree_expect("a", "hello");
	node = node_at("a");
	CHECK(pfs_node_write(node, 0, "x", 1, &done) == MX_EROFS && pfs_node_truncate(node, 0) == MX_EROFS);
	CHECK(pfs_node_unlink(vol->pv_root, "a", 1, false) == MX_EROFS);
	CHECK(pfs_node_read(node, 0, data, sizeof(data), &done) == KERN_SUCCESS && done == 5);
	CHECK(pfs_volume_remount(vol, 0, false) == KERN_SUCCESS);
	file_write(node, 5, " you", 4);
	CHECK(pfs_volume_remount(vol, PFS_RDONLY, false) == KERN_SUCCESS);
	CHECK(pfs_node_write(node, 0, "x", 1, &done) == MX_EROFS);
	disk_check(DISK, "remounted read-only");
	CHECK(pfs_volume_remount(vol, 0, false) == KERN_SUCCESS);
	file_write(node, 0, "H", 1);
	pfs_node_release(node);
	volume_unmount();
	disk_check(DISK, "remounted");
	volume_mount(DISK);
	tree_expect("a", "Hello you");
	volume_unmount();
	blk_file_close(DISK);
	tap("read-only, recovery, remounting");
}

/* ---- No room, no memory, no disk ---- */

static void
test_full(void)
{
	static uint8_t data[40000];
	struct pfs_node *node, *other;
	struct mx_statfs st;
	size_t done;
	unsigned int i;
	kern_return_t kr = KERN_SUCCESS;
	struct pfs_new what = { .nw_mode = MX_S_IFREG | 0644, .nw_uid = 1000 };

	disk_make(DISK, 8192, "-t ext3 -b 1024 -J size=1 -m 10");
	volume_mount(DISK);
	CHECK(pfs_node_create(vol->pv_root, "user", 4, &what, &node) == KERN_SUCCESS);
	for (i = 0; kr == KERN_SUCCESS && i < 1000; i++)
		kr = pfs_node_write(node, i * sizeof(data), data, sizeof(data), &done);
	CHECK(kr == MX_ENOSPC);
	CHECK(pfs_volume_statfs(vol, &st) == KERN_SUCCESS && st.sf_bavail < 30 && st.sf_bfree > 700);
	other = node_make(vol->pv_root, "root", MX_S_IFREG | 0644, NULL);
	file_write(other, 0, data, sizeof(data));	/* root may */
	CHECK(pfs_volume_sync(vol) == KERN_SUCCESS);
	CHECK(pfs_store_changed() == 0);
	CHECK(pfs_node_unlink(vol->pv_root, "user", 4, false) == KERN_SUCCESS);
	pfs_node_release(node);
	for (i = 0; i < 100; i++)		/* what was deleted just now is room */
		file_write(other, i * sizeof(data), data, sizeof(data));
	pfs_node_release(other);
	volume_unmount();
	disk_check(DISK, "full");
	blk_file_close(DISK);
	tap("a full volume");
}

static void
test_no_memory(void)
{
	unsigned int n, live = world_live;
	struct pfs_node *node, *dir;
	struct pfs_new what = { .nw_mode = MX_S_IFDIR | 0755 };
	static uint8_t data[20000];
	size_t done;

	for (n = 1; n < 160 && failures == 0; n++) {
		disk_make(DISK, 8192, "-t ext3 -b 1024 -J size=1");
		world_fail_at = n;
		if (volume_try(DISK, 0, "") == KERN_SUCCESS) {
			if (pfs_node_create(vol->pv_root, "dir", 3, &what, &dir) == KERN_SUCCESS) {
				what.nw_mode = MX_S_IFREG | 0644;
				if (pfs_node_create(dir, "file", 4, &what, &node) == KERN_SUCCESS) {
					(void)pfs_node_write(node, 0, data, sizeof(data), &done);
					(void)ext2_ops.po_fsync(node, false);
					pfs_node_release(node);
				}
				(void)pfs_node_rename(dir, "file", 4, vol->pv_root, "moved", 5, 0);
				(void)pfs_node_unlink(vol->pv_root, "moved", 5, false);
				what.nw_mode = MX_S_IFDIR | 0755;
				pfs_node_release(dir);
			}
			world_fail_at = 0;
			volume_unmount();
			disk_check(DISK, "no memory");
		}
		world_fail_at = 0;
		CHECK(world_live == live);
		blk_file_close(DISK);
	}
	tap("each allocation fails once");
}

static void
test_disk_errors(void)
{
	unsigned int n, live = world_live, i;
	struct pfs_node *node;
	static uint8_t data[20000];
	struct pfs_new what = { .nw_mode = MX_S_IFREG | 0755 };
	char text[20];
	size_t done;

	for (n = 1; n < 120 && failures == 0; n++) {
		disk_make(DISK, 8192, "-t ext3 -b 1024 -J size=1");
		volume_mount(DISK);
		*(n % 2 ? &blk_file_fail_write : &blk_file_fail_read) = n / 2 + 1;
		for (i = 0; i < 20; i++) {
			snprintf(text, sizeof(text), "f%u", i);
			if (pfs_node_create(vol->pv_root, text, strlen(text), &what, &node) != KERN_SUCCESS)
				continue;
			(void)pfs_node_write(node, 0, data, sizeof(data), &done);
			(void)ext2_ops.po_fsync(node, false);
			pfs_node_release(node);
			if (i % 3 == 0)
				(void)pfs_node_unlink(vol->pv_root, text, strlen(text), false);
		}
		volume_unmount();
		blk_file_fail_write = blk_file_fail_read = 0;
		CHECK(tool_run(DISK, "e2fsck -fy %s") <= 1);
		disk_check(DISK, "disk errors");
		CHECK(world_live == live);
		blk_file_close(DISK);
	}
	tap("each read and write fails once");
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	test_directory("half_md4", "-t ext3 -b 1024 -J size=1 -N 12000", 9000);
	test_directory("tea", "-t ext3 -b 1024 -J size=1 -N 5000", 3000);
	test_directory("legacy", "-t ext2 -b 1024 -N 5000", 3000);
	test_directory("half_md4", "-t ext3 -b 4096 -J size=4 -N 5000", 3000);
	test_directory("", "-t ext2 -b 1024 -N 5000 -O ^dir_index", 1500);
	test_large(1024);
	test_large(4096);
	test_ext4("-t ext4");
	test_ext4("-t ext4 -b 1024 -O ^metadata_csum,^64bit");
	test_ext4("-t ext4 -O meta_bg,^resize_inode -b 1024 -g 1024");
	test_ext4("-t ext4 -O bigalloc");
	test_refused();
	test_readonly();
	test_full();
	test_no_memory();
	test_disk_errors();
	return tap_end();
}
