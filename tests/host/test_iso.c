/*
 * test_iso.c - ISO 9660 volumes that genisoimage and xorriso made, and damaged ones.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "iso.h"
#include "blk_file.h"
#include "disk_tree.h"

static char said[2000], image[100];
static const char *tree;

static bool
image_make(const char *options)
{
	int status = tree_run(said, sizeof(said), "%s -o %s %s", options, image, tree);

	CHECK(status == 0);
	if (status != 0)
		printf("# %s: %s\n", options, said);
	return status == 0;
}

static void
test_tree(const char *what, const char *options, unsigned int check_what)
{
	struct pfs_volume *vol;
	struct mx_statfs st;
	kern_return_t kr;

	if (image_make(options)) {
		blk_file_open(0, image, 0, false);
		CHECK(tree_mount(&iso_format.of_pfs, 0, 0, "", &kr) == NULL && kr == MX_EROFS);
		vol = tree_mount(&iso_format.of_pfs, 0, PFS_RDONLY, "", &kr);
		CHECK(vol != NULL);
		if (vol != NULL) {
			CHECK(tree_compare(vol->pv_root, tree, check_what) > 210);
			CHECK(pfs_volume_statfs(vol, &st) == KERN_SUCCESS && st.sf_type == 0x9660 && st.sf_bfree == 0);
			pfs_volume_unmount(vol);
		}
		blk_file_close(0);
	}
	CHECK(world_live == 0);
	tap(what);
}

/* Names as they are on a plain volume: eight and three letters. */
static void
test_plain(void)
{
	struct pfs_volume *vol;
	struct pfs_node *node;
	uint8_t *data;
	size_t size = 0;
	kern_return_t kr;

	if (!image_make("genisoimage -quiet -iso-level 1"))
		return;
	blk_file_open(0, image, 0, false);
	vol = tree_mount(&iso_format.of_pfs, 0, PFS_RDONLY, "uid=3,mode=0444", &kr);
	CHECK(vol != NULL);
	node = tree_walk(vol->pv_root, "hello.txt");
	CHECK(node != NULL);
	data = node != NULL ? tree_read(node, &size) : NULL;
	CHECK(data != NULL && size == 5 && memcmp(data, "hello", 5) == 0);
	CHECK(node->pn_attr.at_uid == 3 && node->pn_attr.at_mode == (MX_S_IFREG | 0444));
	free(data);
	pfs_node_release(node);
	tree_visit(vol->pv_root, 1000);
	pfs_volume_unmount(vol);
	CHECK(tree_mount(&iso_format.of_pfs, 0, PFS_RDONLY, "uid=x", &kr) == NULL && kr == MX_EINVAL);
	blk_file_close(0);
	blk_file_open(0, NULL, 1u << 20, false);
	CHECK(tree_mount(&iso_format.of_pfs, 0, PFS_RDONLY, "", &kr) == NULL && kr == MX_EINVAL);
	blk_file_close(0);
	CHECK(world_live == 0);
	tap("plain names, options");
}

/* A file of several extents: the first of two is marked as being continued by the second. */
static void
test_extents(void)
{
	static uint8_t dir[2048];
	const char *keep = tree;
	struct pfs_volume *vol;
	struct pfs_node *node;
	uint8_t *data;
	size_t size = 0, i;
	off_t at;
	kern_return_t kr;

	tree = tree_temp();
	CHECK(tree_run(NULL, 0, "cd %s && head -c 10240 /dev/zero | tr '\\0' a >aa && head -c 3000 /dev/zero | tr '\\0' b >ab && echo c >ac", tree) == 0);
	if (!image_make("genisoimage -quiet"))
		return;
	blk_file_open(0, image, 0, false);
	CHECK(pread(blk_file_fd(0), dir, 4, 32768 + 156 + 2) == 4);
	at = (off_t)od_le32(dir) * 2048;
	CHECK(pread(blk_file_fd(0), dir, sizeof(dir), at) == (ssize_t)sizeof(dir));
	for (i = 0; memcmp(dir + i, "AA.", 3) != 0; i++)
		;
	dir[i - 33 + 25] |= ISO_FLAG_MORE;
	CHECK(pwrite(blk_file_fd(0), dir, sizeof(dir), at) == (ssize_t)sizeof(dir));
	vol = tree_mount(&iso_format.of_pfs, 0, PFS_RDONLY, "", &kr);
	node = tree_walk(vol->pv_root, "aa");
	data = node != NULL ? tree_read(node, &size) : NULL;
	CHECK(data != NULL && size == 13240 && data[0] == 'a' && data[10239] == 'a' && data[10240] == 'b' && data[13239] == 'b');
	free(data);
	pfs_node_release(node);
	CHECK((node = tree_walk(vol->pv_root, "ab")) == NULL);
	CHECK((node = tree_walk(vol->pv_root, "ac")) != NULL);
	pfs_node_release(node);
	pfs_volume_unmount(vol);
	blk_file_close(0);
	tree = keep;
	CHECK(world_live == 0);
	tap("a file of several extents");
}

static void
test_damage(unsigned int rounds)
{
	static const char *const options[] = { "genisoimage -quiet -R", "genisoimage -quiet -J -joliet-long", "genisoimage -quiet" };
	struct pfs_volume *vol;
	unsigned int i, k;
	kern_return_t kr;

	for (i = 0; i < rounds; i++) {
		if (i % (rounds / 3) == 0 && i / (rounds / 3) < 3)
			(void)image_make(options[i / (rounds / 3)]);
		blk_file_open(1, image, 0, true);
		blk_file_open(0, NULL, 4u << 20, false);
		blk_file_copy(1, 0);
		for (k = 1 + rnd(200); k > 0; k--) {
			uint8_t byte = (uint8_t)(rnd(3) == 0 ? 0xff : rnd(2) ? rnd(16) : rnd(256));

			CHECK(pwrite(blk_file_fd(0), &byte, 1, (off_t)(32768 + rnd(rnd(2) ? 6000 : 120000))) == 1);
		}
		vol = tree_mount(&iso_format.of_pfs, 0, PFS_RDONLY, "", &kr);
		if (vol != NULL) {
			tree_visit(vol->pv_root, 2000);
			pfs_volume_unmount(vol);
		}
		CHECK(world_live == 0);
		blk_file_close(0);
		blk_file_close(1);
	}
	tap("damaged volumes");
}

/* Every allocation fails once. */
static void
test_memory(void)
{
	struct pfs_volume *vol;
	unsigned int i;
	kern_return_t kr;

	(void)image_make("genisoimage -quiet -R");
	blk_file_open(0, image, 0, true);
	for (i = 1; i < 400; i++) {
		world_fail_at = i;
		vol = tree_mount(&iso_format.of_pfs, 0, PFS_RDONLY, "", &kr);
		if (vol != NULL) {
			tree_visit(vol->pv_root, 20);
			pfs_volume_unmount(vol);
		}
		world_fail_at = 0;
		CHECK(world_live == 0);
	}
	blk_file_close(0);
	tap("memory that fails");
}

int
main(void)
{
	bool is_long = getenv("MASIX_LONG") != NULL && *getenv("MASIX_LONG") != '\0';

	if (!tree_has("genisoimage")) {
		printf("ok 1 - iso9660 # SKIP no genisoimage on this machine\n1..1\n");
		return 0;
	}
	snprintf(image, sizeof(image), "%s/image", tree_temp());
	tree = tree_make(true);
	CHECK(tree_run(NULL, 0, "cd %s && mkdir -p d1/d2/d3/d4/d5/d6/d7/d8/d9/d10 && echo deep >d1/d2/d3/d4/d5/d6/d7/d8/d9/d10/file && "
		"mkfifo fifo && chmod 4755 UPPER.TXT", tree) == 0);
	/* Where genisoimage keeps directories that are too deep can be seen, on Linux as well. */
	CHECK(tree_run(NULL, 0, "mkdir -m 555 %s/rr_moved", tree) == 0);
	test_tree("Rock Ridge", "genisoimage -quiet -R", TREE_MODE | TREE_MTIME | TREE_OWNER);
	test_tree("Rock Ridge and Joliet", "genisoimage -quiet -R -J -joliet-long", TREE_MODE | TREE_MTIME | TREE_OWNER);
	test_tree("Rock Ridge, deep directories in place", "genisoimage -quiet -R -D", TREE_MODE | TREE_MTIME | TREE_OWNER);
	CHECK(tree_run(NULL, 0, "cd %s && rm dir/longlink", tree) == 0);
	if (tree_has("xorriso"))
		test_tree("Rock Ridge of xorriso", "xorriso -as mkisofs -quiet -R", TREE_MODE | TREE_MTIME | TREE_OWNER);
	CHECK(tree_run(NULL, 0, "cd %s && rm -rf link dir/path 'with blank/up' fifo n* 0* d1", tree) == 0);
	test_tree("Joliet", "genisoimage -quiet -J -joliet-long -input-charset utf-8", TREE_MTIME);
	test_plain();
	test_extents();
	test_memory();
	test_damage(is_long ? 3000 : 150);
	return tap_end();
}
