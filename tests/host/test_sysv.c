/*
 * test_sysv.c - System V volumes that tests/tools/mksysv.c made, and damaged ones.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "sysv.h"
#include "disk_tree.h"
#include "readonly.h"

#define WHAT	(TREE_MODE | TREE_MTIME | TREE_OWNER | TREE_NLINK)

/* From the superblock on: it, what follows it, and the first of the files. */
static uint32_t
place(unsigned int image)
{
	uint32_t area = rnd(3) == 0 ? 1400 : rnd(2) ? 60000 : 3000000;

	(void)image;
	return 512 + rnd(area);
}

int
main(void)
{
	static struct readonly ro = {
		.ro_ops = &sysv_format.of_pfs,
		.ro_make = "$TOOLS/mksysv $O $I $T",
		.ro_options = { "-b 512", "-B -r 2", "-r x" },
		.ro_place = place,
	};

	ro.ro_tree = tree_make(true);
	CHECK(tree_run(NULL, 0, "cd %s && rm -rf 0* dir/sub/a* many n* && truncate -s 30000000 sparse && printf x | dd of=sparse bs=1 seek=20000000 conv=notrunc && "
		"mkfifo fifo && chmod 4755 UPPER.TXT && mkdir many && i=0 && while [ $i -lt 300 ]; do echo $i >many/file-$i; i=$((i + 1)); done && "
		"head -c 9000000 /dev/urandom >indirect", ro.ro_tree) == 0);
	readonly_test_tree(&ro, "release 4, blocks of 1 KiB", "", WHAT);
	readonly_test_tree(&ro, "release 4, blocks of 512 bytes, most significant byte first", "-b 512 -B", WHAT);
	readonly_test_tree(&ro, "release 4, blocks of 2 KiB", "-b 2048", WHAT);
	readonly_test_tree(&ro, "release 2", "-r 2", WHAT);
	readonly_test_tree(&ro, "Xenix", "-r x", WHAT);
	CHECK(tree_run(NULL, 0, "cd %s && rm sparse indirect big", ro.ro_tree) == 0);
	readonly_test_memory(&ro, "", 300);
	readonly_test_damage(&ro, readonly_rounds());
	return tap_end();
}
