/*
 * readonly.c - what is tested alike of file systems that are only read.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <unistd.h>
#include "blk_file.h"
#include "disk_tree.h"
#include "readonly.h"

#define FILES_MIN	210u		/* of tree_make, or the comparison has not seen them */
#define DAMAGE_MAX	300u		/* bytes of a volume */

bool
readonly_open(const struct readonly *ro, const char *options)
{
	static char said[2000], image[100];
	int status;

	if (image[0] == '\0')
		snprintf(image, sizeof(image), "%s/image", tree_temp());
	status = tree_run(said, sizeof(said), "T=%s I=%s O='%s' TOOLS=$(dirname $(readlink /proc/%d/exe))/../tools; %s", ro->ro_tree, image,
		options, (int)getpid(), ro->ro_make);
	CHECK(status == 0);
	if (status != 0) {
		printf("# %s: %s\n", options, said);
		return false;
	}
	blk_file_open(0, image, 0, false);
	return true;
}

void
readonly_test_tree(const struct readonly *ro, const char *name, const char *options, unsigned int what)
{
	struct pfs_volume *vol;
	struct mx_statfs st;
	kern_return_t kr;

	if (readonly_open(ro, options)) {
		CHECK(tree_mount(ro->ro_ops, 0, 0, "", &kr) == NULL && kr == MX_EROFS);
		vol = tree_mount(ro->ro_ops, 0, PFS_RDONLY, "", &kr);
		CHECK(vol != NULL);
		if (vol != NULL) {
			CHECK(tree_compare(vol->pv_root, ro->ro_tree, what) > FILES_MIN);
			CHECK(pfs_volume_statfs(vol, &st) == KERN_SUCCESS && st.sf_type == ro->ro_ops->po_magic && st.sf_bfree < st.sf_blocks &&
				st.sf_ffree <= st.sf_files);
			pfs_volume_unmount(vol);
		}
		blk_file_close(0);
	}
	CHECK(world_live == 0);
	tap(name);
}

/* Mount disk 0, look at up to LIMIT nodes, unmount: nothing may be left. */
static void
visit(const struct readonly *ro, unsigned int limit)
{
	kern_return_t kr;
	struct pfs_volume *vol = tree_mount(ro->ro_ops, 0, PFS_RDONLY, "", &kr);

	if (vol != NULL) {
		tree_visit(vol->pv_root, limit);
		pfs_volume_unmount(vol);
	}
	world_fail_at = 0;
	CHECK(world_live == 0);
}

void
readonly_test_damage(const struct readonly *ro, unsigned int rounds)
{
	unsigned int image, i, k;

	for (image = 0; image < READONLY_IMAGES; image++) {
		if (!readonly_open(ro, ro->ro_options[image]))
			continue;
		blk_file_open(1, NULL, 4u << 20, false);
		blk_file_copy(0, 1);
		blk_file_close(0);
		for (i = 0; i < rounds / READONLY_IMAGES; i++) {
			blk_file_open(0, NULL, 4u << 20, false);
			blk_file_copy(1, 0);
			for (k = 1 + rnd(DAMAGE_MAX); k > 0; k--) {
				uint8_t byte = (uint8_t)(rnd(3) == 0 ? 0xff : rnd(2) ? rnd(16) : rnd(256));

				CHECK(pwrite(blk_file_fd(0), &byte, 1, (off_t)ro->ro_place(image)) == 1);
			}
			visit(ro, 2000);
			blk_file_close(0);
		}
		blk_file_close(1);
	}
	tap("damaged volumes");
}

void
readonly_test_memory(const struct readonly *ro, const char *options, unsigned int limit)
{
	unsigned int i;
	kern_return_t kr;

	if (readonly_open(ro, options)) {
		for (i = 1; i < limit; i++) {
			world_fail_at = i;
			visit(ro, 20);
		}
		blk_file_close(0);
	}
	blk_file_open(0, NULL, 1u << 20, false);
	CHECK(tree_mount(ro->ro_ops, 0, PFS_RDONLY, "", &kr) == NULL && kr == MX_EINVAL);
	blk_file_close(0);
	tap("memory that fails");
}

unsigned int
readonly_rounds(void)
{
	const char *is_long = getenv("MASIX_LONG");

	return is_long != NULL && *is_long != '\0' ? 3000 : 150;
}
