/*
 * fat_boot.c - the boot sector: is this a FAT volume, and where is what?
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "fat.h"

enum {					/* in the boot sector */
	BOOT_JUMP = 0, BOOT_SECTOR = 11, BOOT_CLUSTER = 13, BOOT_RESERVED = 14, BOOT_TABLES = 16, BOOT_ROOT_SLOTS = 17,
	BOOT_SECTORS16 = 19, BOOT_MEDIA = 21, BOOT_TABLE16 = 22, BOOT_SECTORS32 = 32, BOOT_STATE16 = 37,
	BOOT_TABLE32 = 36, BOOT_FLAGS = 40, BOOT_ROOT = 44, BOOT_INFO = 48, BOOT_STATE32 = 65,
};

#define FLAG_ONE_TABLE	0x80u		/* only the table that the low bits name is kept */
#define INFO_FREE	488u
#define INFO_NEXT	492u

static bool
is_power(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

/* Does the sector look like one? Boot code has no signature that all writers agree on: the numbers have to make sense. */
static bool
boot_is_fat(const uint8_t *b)
{
	uint32_t sector = od_le16(b + BOOT_SECTOR);

	return is_power(sector) && sector >= 512 && sector <= 4096 && is_power(b[BOOT_CLUSTER]) && od_le16(b + BOOT_RESERVED) != 0 &&
		b[BOOT_TABLES] >= 1 && b[BOOT_TABLES] <= 4 && (b[BOOT_MEDIA] >= 0xf8 || b[BOOT_MEDIA] == 0xf0) &&
		sector * b[BOOT_CLUSTER] <= 256u << 10;
}

/* Tables, root, data. Errors: MX_EINVAL */
static kern_return_t
layout_decode(struct fat_volume *fv, const uint8_t *b)
{
	uint32_t sector = od_le16(b + BOOT_SECTOR), table = od_le16(b + BOOT_TABLE16);
	uint64_t total = od_le16(b + BOOT_SECTORS16), clusters, entries;
	bool is_wide = table == 0;

	if (is_wide)
		table = od_le32(b + BOOT_TABLE32);
	if (total == 0)
		total = od_le32(b + BOOT_SECTORS32);
	fv->fv_cluster = sector * b[BOOT_CLUSTER];
	fv->fv_table = (uint64_t)od_le16(b + BOOT_RESERVED) * sector;
	fv->fv_tables = b[BOOT_TABLES];
	fv->fv_table_bytes = (uint64_t)table * sector;
	fv->fv_root = fv->fv_table + fv->fv_tables * fv->fv_table_bytes;
	fv->fv_root_bytes = is_wide ? 0 : ((uint64_t)od_le16(b + BOOT_ROOT_SLOTS) * FAT_SLOT + sector - 1) / sector * sector;
	fv->fv_data = fv->fv_root + fv->fv_root_bytes;
	if (table == 0 || (!is_wide && fv->fv_root_bytes == 0) || total * sector <= fv->fv_data ||
	    total * sector > blk_disk_bytes(fv->fv_disk))
		return MX_EINVAL;
	clusters = (total * sector - fv->fv_data) / fv->fv_cluster;
	fv->fv_bits = is_wide ? 32 : clusters < 4085 ? 12 : 16;
	entries = fv->fv_table_bytes * 8 / fv->fv_bits;
	if (clusters > entries - 2)
		clusters = entries - 2;			/* mkfs may round so */
	if (entries <= 2 || clusters == 0 || clusters >= (fv->fv_bits == 12 ? 0xff5u : fv->fv_bits == 16 ? 0xfff5u : 0x0ffffff5u))
		return MX_EINVAL;
	fv->fv_clusters = (uint32_t)clusters;
	return KERN_SUCCESS;
}

/* What only FAT32 has. */
static kern_return_t
wide_decode(struct fat_volume *fv, const uint8_t *b)
{
	uint32_t flags = od_le16(b + BOOT_FLAGS), sector = od_le16(b + BOOT_SECTOR), info = od_le16(b + BOOT_INFO);

	fv->fv_root = od_le32(b + BOOT_ROOT);		/* a cluster */
	if (!fat_cluster_ok(fv, (uint32_t)fv->fv_root))
		return MX_EINVAL;
	if (flags & FLAG_ONE_TABLE) {
		if ((flags & 15) >= fv->fv_tables)
			return MX_EINVAL;
		fv->fv_table += (flags & 15) * fv->fv_table_bytes;
		fv->fv_tables = 1;
	}
	if (info != 0 && info < od_le16(b + BOOT_RESERVED))
		fv->fv_info = (uint64_t)info * sector;
	return KERN_SUCCESS;
}

/* How much is free, as FSInfo has it. False: it must be counted. */
static bool
info_load(struct fat_volume *fv)
{
	uint8_t b[FAT_SECTOR];

	fv->fv_hint = 2;
	if (fv->fv_info == 0)
		return false;
	if (od_read(fv->fv_cache, fv->fv_info, b, sizeof(b)) != KERN_SUCCESS || od_le32(b) != 0x41615252u ||
	    od_le32(b + 484) != 0x61417272u) {
		fv->fv_info = 0;
		return false;
	}
	if (fat_cluster_ok(fv, od_le32(b + INFO_NEXT)))
		fv->fv_hint = od_le32(b + INFO_NEXT);
	fv->fv_free = od_le32(b + INFO_FREE);
	return fv->fv_free <= fv->fv_clusters && !fv->fv_was_dirty;
}

kern_return_t
fat_boot_load(struct fat_volume *fv)
{
	uint8_t b[FAT_SECTOR];
	kern_return_t kr;

	if (blk_disk_bytes(fv->fv_disk) < FAT_SECTOR)
		return MX_EINVAL;
	kr = od_read(fv->fv_cache, 0, b, sizeof(b));
	if (kr != KERN_SUCCESS)
		return kr;
	if (!boot_is_fat(b))
		return MX_EINVAL;
	kr = layout_decode(fv, b);
	if (kr == KERN_SUCCESS && fv->fv_bits == 32)
		kr = wide_decode(fv, b);
	if (kr != KERN_SUCCESS)
		return kr;
	fv->fv_state = fv->fv_bits == 32 ? BOOT_STATE32 : BOOT_STATE16;
	fv->fv_was_dirty = (b[fv->fv_state] & 1) != 0;
	if (fv->fv_was_dirty)
		mx_log(MX_LOG_WARNING, "fat: the volume was not unmounted the last time; fsck.fat should look at it");
	return info_load(fv) ? KERN_SUCCESS : fat_table_count(fv);
}
