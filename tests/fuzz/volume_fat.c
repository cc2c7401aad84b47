/*
 * volume_fat.c - fuzzed: FAT volumes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "fat.h"
#include "volume.h"

const struct volume_kind volume_kind = {
	.vk_ops = &fat_ops,
	.vk_needs = "mkfs.fat",
	.vk_make = {
		"mkfs.fat -F 12 -C $I 360 && mcopy -s -i $I $T/a $T/d ::; true",
		"mkfs.fat -F 32 -s 1 -C $I 1000 && mcopy -s -i $I $T/a $T/d ::; true",
		"mkfs.fat -F 16 -s 1 -C $I 3000",
	},
};
