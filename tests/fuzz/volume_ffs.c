/*
 * volume_ffs.c - fuzzed: UFS volumes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "ffs.h"
#include "volume.h"

const struct volume_kind volume_kind = {
	.vk_ops = &ffs_format.of_pfs,
	.vk_needs = "makefs",
	.vk_make = {
		"makefs -t ffs -b 50% -o bsize=4096,fsize=512 $I $T",
		"makefs -t ffs -b 50% -B be $I $T",
		"makefs -t ffs -b 50% -o version=2 $I $T",
	},
};
