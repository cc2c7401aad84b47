/*
 * volume.c - damaged volumes: a file system's core with images whose bytes were changed.
 *
 * Built once for each file system, with its volume_NAME.c. An image is made once; each round a copy of it gets some bytes changed
 * where it is not zero, is mounted, walked, changed if it can be, and unmounted. What fails is a sanitizer, an assertion, memory that
 * is left, or a round that does not end.
 *
 * usage: fuzz_NAME STEPS SEED        a round counts as 500 steps
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <masix/pfs_store.h>
#include <masix/server.h>
#include "blk_file.h"
#include "disk_tree.h"
#include "volume.h"

#define SECTORS_MAX	16384u
#define ROUND_SECONDS	60u

static uint32_t used[SECTORS_MAX], nused;	/* sectors that are not zero */

/* A small tree, so that most of an image describes files. */
static const char *
small_tree(void)
{
	const char *path = tree_temp();

	mx_assert(tree_run(NULL, 0, "set -e; cd %s; mkdir -p a/b/c d; echo 1 >a/one; echo 2 >a/b/two; head -c 30000 /dev/zero | tr '\\0' x >d/big; "
		"i=0; while [ $i -lt 40 ]; do echo $i >d/name-$i; i=$((i + 1)); done; ln -s ../a/one d/link; ln a/one a/b/again", path) == 0);
	return path;
}

static bool
image_make(const char *tree, const char *image, const char *command)
{
	char said[1000];
	int status = tree_run(said, sizeof(said), "T=%s I=%s TOOLS=$(dirname $(readlink /proc/%d/exe))/../tools; rm -f $I; %s",
		tree, image, (int)getpid(), command);

	if (status != 0)
		printf("# cannot make an image: %s\n", said);
	return status == 0;
}

static void
image_scan(unsigned int n)
{
	static uint8_t buf[512], zero[512];
	uint32_t i;

	nused = 0;
	for (i = 0; pread(blk_file_fd(n), buf, sizeof(buf), (off_t)i * 512) == 512 && nused < SECTORS_MAX; i++)
		if (memcmp(buf, zero, sizeof(buf)) != 0)
			used[nused++] = i;
}

static void
bytes_change(unsigned int n)
{
	unsigned int k = 1 + rnd(rnd(4) == 0 ? 200 : 10);
	uint8_t b;

	while (k-- > 0) {
		off_t at = (off_t)used[rnd(nused)] * 512 + rnd(512);

		mx_assert(pread(blk_file_fd(n), &b, 1, at) == 1);
		switch (rnd(5)) {
		case 0: b = 0xff; break;
		case 1: b = 0; break;
		case 2: b ^= (uint8_t)(1u << rnd(8)); break;
		case 3: b = (uint8_t)(b + rnd(5) - 2); break;
		default: b = (uint8_t)rnd(256); break;
		}
		mx_assert(pwrite(blk_file_fd(n), &b, 1, at) == 1);
	}
}

/* Whatever a client may ask for, in the root. */
static void
volume_change(struct pfs_node *root)
{
	static const char *const names[] = { "a", "d", "new", "A long name of a new file", "x", "ONE", "d2" };
	static uint8_t data[9000];
	unsigned int i;

	for (i = 0; i < 30; i++) {
		const char *name = names[rnd(7)], *other = names[rnd(7)];
		struct pfs_new what = { .nw_mode = rnd(3) ? MX_S_IFREG | 0644 : MX_S_IFDIR | 0755 };
		struct pfs_node *node;
		size_t done;

		if (pfs_node_create(root, name, strlen(name), &what, &node) == KERN_SUCCESS ||
		    pfs_node_lookup(root, 0, name, strlen(name), &node) == KERN_SUCCESS) {
			uint64_t size = node->pn_attr.at_size;

			(void)pfs_node_write(node, size < 50000 ? size : rnd(50000), data, 1 + rnd(sizeof(data)), &done);
			(void)pfs_node_truncate(node, rnd(30000));
			if (rnd(4) == 0)
				tree_visit(root, 50);
			pfs_node_release(node);
		}
		(void)pfs_node_rename(root, name, strlen(name), root, other, strlen(other), rnd(3));
		(void)pfs_node_unlink(root, other, strlen(other), rnd(2) != 0);
		if (rnd(8) == 0)
			(void)pfs_volume_sync(root->pn_volume);
	}
}

static void
round_run(void)
{
	struct pfs_volume *vol;
	struct mx_statfs st;
	kern_return_t kr;
	bool write = rnd(2) != 0;

	alarm(ROUND_SECONDS);
	blk_file_copy(1, 0);
	bytes_change(0);
	vol = tree_mount(volume_kind.vk_ops, 0, write ? 0 : PFS_RDONLY, "", &kr);
	if (vol == NULL && kr == MX_EROFS)
		vol = tree_mount(volume_kind.vk_ops, 0, PFS_RDONLY, "", &kr);
	if (vol != NULL) {
		tree_visit(vol->pv_root, 400);
		if (write)
			volume_change(vol->pv_root);
		(void)pfs_volume_statfs(vol, &st);
		pfs_volume_unmount(vol);
	}
	mx_assert(world_live == 0);
}

int
main(int argc, char **argv)
{
	unsigned int steps = argc > 1 ? (unsigned int)atoi(argv[1]) : 1000, i, k, rounds;
	const char *tree;
	char image[100];

	if (!tree_has(volume_kind.vk_needs)) {
		printf("# no %s on this machine\n", volume_kind.vk_needs);
		return 0;
	}
	tree = small_tree();
	snprintf(image, sizeof(image), "%s/image", tree_temp());
	rnd_state = argc > 2 ? (unsigned int)atoi(argv[2]) : 1;
	rounds = steps / 500 / VOLUME_IMAGES + 1;
	for (k = 0; k < VOLUME_IMAGES && volume_kind.vk_make[k] != NULL; k++) {
		if (!image_make(tree, image, volume_kind.vk_make[k]))
			return 1;
		blk_file_open(1, image, 0, true);
		blk_file_open(0, NULL, 512, false);
		image_scan(1);
		for (i = 0; i < rounds; i++)
			round_run();
		blk_file_close(0);
		blk_file_close(1);
	}
	return 0;
}
