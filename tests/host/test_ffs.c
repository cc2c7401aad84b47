/*
 * test_ffs.c - UFS volumes that makefs made, and damaged ones.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include "ffs.h"
#include "disk_tree.h"
#include "readonly.h"

#define WHAT	(TREE_MODE | TREE_MTIME | TREE_OWNER | TREE_NLINK)

/* From the superblock on: it, what follows it, and the first of the files. */
static uint32_t
place(unsigned int image)
{
	uint32_t area = rnd(3) == 0 ? 1400 : rnd(2) ? 60000 : 3000000;

	return (image == 2 ? 65536 : 8192) + rnd(area);		/* UFS2, UFS1 */
}

int
main(void)
{
	static struct readonly ro = {
		.ro_ops = &ffs_format.of_pfs,
		.ro_make = "makefs -t ffs $O $I $T",
		.ro_options = { "-B le -o bsize=4096,fsize=512", "-B be", "-B le -o version=2" },
		.ro_place = place,
	};

	if (!tree_has("makefs")) {
		printf("ok 1 - ffs # SKIP no makefs on this machine\n1..1\n");
		return 0;
	}
	ro.ro_tree = tree_make(true);
	CHECK(tree_run(NULL, 0, "cd %s && truncate -s 30000000 sparse && printf x | dd of=sparse bs=1 seek=20000000 conv=notrunc && mkfifo fifo && "
		"chmod 4755 UPPER.TXT && head -c 9000000 /dev/urandom >indirect", ro.ro_tree) == 0);
	readonly_test_tree(&ro, "UFS1", "", WHAT);
	readonly_test_tree(&ro, "UFS1, most significant byte first", "-B be", WHAT);
	readonly_test_tree(&ro, "UFS1, small blocks", "-B le -o bsize=4096,fsize=512", WHAT);
	readonly_test_tree(&ro, "UFS2", "-B le -o version=2", WHAT);
	readonly_test_tree(&ro, "UFS2, most significant byte first", "-B be -o version=2,bsize=16384,fsize=2048", WHAT);
	CHECK(tree_run(NULL, 0, "cd %s && rm sparse indirect big", ro.ro_tree) == 0);
	readonly_test_memory(&ro, "", 300);
	readonly_test_damage(&ro, readonly_rounds());
	return tap_end();
}
