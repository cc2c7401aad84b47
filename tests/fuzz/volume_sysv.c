/*
 * volume_sysv.c - fuzzed: System V volumes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "sysv.h"
#include "volume.h"

const struct volume_kind volume_kind = {
	.vk_ops = &sysv_format.of_pfs,
	.vk_needs = "sh",
	.vk_make = {
		"$TOOLS/mksysv -b 512 $I $T",
		"$TOOLS/mksysv -r 2 -B $I $T",
		"$TOOLS/mksysv -r x $I $T",
	},
};
