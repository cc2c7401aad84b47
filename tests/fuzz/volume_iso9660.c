/*
 * volume_iso9660.c - fuzzed: ISO 9660 volumes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "iso.h"
#include "volume.h"

const struct volume_kind volume_kind = {
	.vk_ops = &iso_format.of_pfs,
	.vk_needs = "genisoimage",
	.vk_make = {
		"genisoimage -quiet -R -o $I $T",
		"genisoimage -quiet -J -o $I $T",
		"genisoimage -quiet -o $I $T",
	},
};
