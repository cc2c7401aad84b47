/*
 * test_sysv.c - System V volumes that tests/tools/mksysv.c made, and damaged ones.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "sysv.h"
#include "blk_file.h"
#include "disk_tree.h"

static char said[2000], image[100];
static const char *tree;

static void
image_make(const char *options)
{
	int status = tree_run(said, sizeof(said), "$(dirname $(readlink /proc/%d/exe))/../tools/mksysv %s %s %s", (int)getpid(), options, image, tree);

	CHECK(status == 0);
	if (status != 0)
		printf("# %s: %s\n", options, said);
}

static void
test_tree(const char *what, const char *options)
{
	struct pfs_volume *vol;
	struct mx_statfs st;
	kern_return_t kr;

	image_make(options);
	blk_file_open(0, image, 0, false);
	CHECK(tree_mount(&sysv_format.of_pfs, 0, 0, "", &kr) == NULL && kr == MX_EROFS);
	vol = tree_mount(&sysv_format.of_pfs, 0, PFS_RDONLY, "", &kr);
	CHECK(vol != NULL);
	if (vol != NULL) {
		CHECK(tree_compare(vol->pv_root, tree, TREE_MODE | TREE_MTIME | TREE_OWNER | TREE_NLINK) > 210);
		CHECK(pfs_volume_statfs(vol, &st) == KERN_SUCCESS && st.sf_type == 0x12ff7b4 && st.sf_bfree < st.sf_blocks && st.sf_ffree < st.sf_files);
		pfs_volume_unmount(vol);
	}
	blk_file_close(0);
	CHECK(world_live == 0);
	tap(what);
}

static void
test_damage(unsigned int rounds)
{
	static const char *const options[] = { "-b 512", "-B -r 2", "-r x" };
	struct pfs_volume *vol;
	unsigned int i, k;
	kern_return_t kr;

	for (i = 0; i < rounds; i++) {
		if (i % (rounds / 3) == 0 && i / (rounds / 3) < 3)
			image_make(options[i / (rounds / 3)]);
		blk_file_open(1, image, 0, true);
		blk_file_open(0, NULL, 1u << 20, false);
		blk_file_copy(1, 0);
		for (k = 1 + rnd(300); k > 0; k--) {
			uint32_t area = rnd(3) == 0 ? 1400 : rnd(2) ? 60000 : 3000000;
			uint8_t byte = (uint8_t)(rnd(3) == 0 ? 0xff : rnd(2) ? rnd(16) : rnd(256));

			CHECK(pwrite(blk_file_fd(0), &byte, 1, (off_t)(512 + rnd(area))) == 1);
		}
		vol = tree_mount(&sysv_format.of_pfs, 0, PFS_RDONLY, "", &kr);
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

static void
test_memory(void)
{
	struct pfs_volume *vol;
	unsigned int i;
	kern_return_t kr;

	image_make("");
	blk_file_open(0, image, 0, true);
	for (i = 1; i < 300; i++) {
		world_fail_at = i;
		vol = tree_mount(&sysv_format.of_pfs, 0, PFS_RDONLY, "", &kr);
		if (vol != NULL) {
			tree_visit(vol->pv_root, 20);
			pfs_volume_unmount(vol);
		}
		world_fail_at = 0;
		CHECK(world_live == 0);
	}
	blk_file_close(0);
	blk_file_open(0, NULL, 1u << 20, false);
	CHECK(tree_mount(&sysv_format.of_pfs, 0, PFS_RDONLY, "", &kr) == NULL && kr == MX_EINVAL);
	blk_file_close(0);
	tap("memory that fails");
}

int
main(void)
{
	bool is_long = getenv("MASIX_LONG") != NULL && *getenv("MASIX_LONG") != '\0';

	snprintf(image, sizeof(image), "%s/image", tree_temp());
	tree = tree_make(true);
	CHECK(tree_run(NULL, 0, "cd %s && rm -rf 0* dir/sub/a* many n* && truncate -s 30000000 sparse && printf x | dd of=sparse bs=1 seek=20000000 conv=notrunc && "
		"mkfifo fifo && chmod 4755 UPPER.TXT && mkdir many && i=0 && while [ $i -lt 300 ]; do echo $i >many/file-$i; i=$((i + 1)); done && "
		"head -c 9000000 /dev/urandom >indirect", tree) == 0);
	test_tree("release 4, blocks of 1 KiB", "");
	test_tree("release 4, blocks of 512 bytes, most significant byte first", "-b 512 -B");
	test_tree("release 4, blocks of 2 KiB", "-b 2048");
	test_tree("release 2", "-r 2");
	test_tree("Xenix", "-r x");
	CHECK(tree_run(NULL, 0, "cd %s && rm sparse indirect big", tree) == 0);
	test_memory();
	test_damage(is_long ? 3000 : 150);
	return tap_end();
}
