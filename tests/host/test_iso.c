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
#include "readonly.h"

/* In the descriptors, or in the directories behind them. */
static uint32_t
place(unsigned int image)
{
	(void)image;
	return 32768 + rnd(rnd(2) ? 6000 : 120000);
}

static struct readonly ro = {
	.ro_ops = &iso_format.of_pfs,
	.ro_make = "$O -o $I $T",
	.ro_options = { "genisoimage -quiet -R", "genisoimage -quiet -J -joliet-long", "genisoimage -quiet" },
	.ro_place = place,
};

/* Names as they are on a plain volume: eight and three letters. */
static void
test_plain(void)
{
	struct pfs_volume *vol;
	struct pfs_node *node;
	uint8_t *data;
	size_t size = 0;
	kern_return_t kr;

	if (!readonly_open(&ro, "genisoimage -quiet -iso-level 1"))
		return;
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
	CHECK(world_live == 0);
	tap("plain names, options");
}

/* A file of several extents: the first of two is marked as being continued by the second. */
static void
test_extents(void)
{
	static uint8_t dir[2048];
	const char *keep = ro.ro_tree;
	struct pfs_volume *vol;
	struct pfs_node *node;
	uint8_t *data;
	size_t size = 0, i;
	off_t at;
	kern_return_t kr;

	ro.ro_tree = tree_temp();
	CHECK(tree_run(NULL, 0, "cd %s && head -c 10240 /dev/zero | tr '\\0' a >aa && head -c 3000 /dev/zero | tr '\\0' b >ab && echo c >ac", ro.ro_tree) == 0);
	if (!readonly_open(&ro, "genisoimage -quiet"))
		return;
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
	ro.ro_tree = keep;
	CHECK(world_live == 0);
	tap("a file of several extents");
}

int
main(void)
{
	if (!tree_has("genisoimage")) {
		printf("ok 1 - iso9660 # SKIP no genisoimage on this machine\n1..1\n");
		return 0;
	}
	ro.ro_tree = tree_make(true);
	CHECK(tree_run(NULL, 0, "cd %s && mkdir -p d1/d2/d3/d4/d5/d6/d7/d8/d9/d10 && echo deep >d1/d2/d3/d4/d5/d6/d7/d8/d9/d10/file && "
		"mkfifo fifo && chmod 4755 UPPER.TXT", ro.ro_tree) == 0);
	/* Where genisoimage keeps directories that are too deep can be seen, on Linux as well. */
	CHECK(tree_run(NULL, 0, "mkdir -m 555 %s/rr_moved", ro.ro_tree) == 0);
	readonly_test_tree(&ro, "Rock Ridge", "genisoimage -quiet -R", TREE_MODE | TREE_MTIME | TREE_OWNER);
	readonly_test_tree(&ro, "Rock Ridge and Joliet", "genisoimage -quiet -R -J -joliet-long", TREE_MODE | TREE_MTIME | TREE_OWNER);
	readonly_test_tree(&ro, "Rock Ridge, deep directories in place", "genisoimage -quiet -R -D", TREE_MODE | TREE_MTIME | TREE_OWNER);
	CHECK(tree_run(NULL, 0, "cd %s && rm dir/longlink", ro.ro_tree) == 0);
	if (tree_has("xorriso"))
		readonly_test_tree(&ro, "Rock Ridge of xorriso", "xorriso -as mkisofs -quiet -R", TREE_MODE | TREE_MTIME | TREE_OWNER);
	CHECK(tree_run(NULL, 0, "cd %s && rm -rf link dir/path 'with blank/up' fifo n* 0* d1", ro.ro_tree) == 0);
	readonly_test_tree(&ro, "Joliet", "genisoimage -quiet -J -joliet-long -input-charset utf-8", TREE_MTIME);
	test_plain();
	test_extents();
	readonly_test_memory(&ro, "genisoimage -quiet -R", 400);
	readonly_test_damage(&ro, readonly_rounds());
	return tap_end();
}
