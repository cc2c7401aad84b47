/*
 * parts.c - partition tables: MBR with extended partitions, and GPT. No Mach call; tested and fuzzed on the host.
 *
 * A table may hold anything: chains are followed a bounded number of times, all arithmetic is in 64 bits, and what lies outside the
 * disk is cut off or left out, as Linux does it. A GPT whose checksums are wrong is not believed; its copy at the end of the disk is
 * tried then. (A disk with only a damaged GPT shows no partition rather than a wrong one.)
 *
 * Sources: Unified Extensible Firmware Interface Specification 2.10, chapter 5; for the MBR the table of any PC.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "parts.h"

#include <stddef.h>
#include <string.h>

#define MBR_TABLE	446
#define MBR_ENTRIES	4
#define MBR_SIGNATURE	510
#define TYPE_GPT	0xee
#define LOGICAL_FIRST	5
#define LINKS_MAX	100	/* of a chain of logical partitions */

#define GPT_HEADER_MIN	92
#define GPT_ENTRY_MIN	128
#define GPT_ENTRY_MAX	4096
#define GPT_ENTRIES_MAX	1024

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t
get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* Sectors in one block of the table's addresses. */
static uint64_t
unit(const struct parts_disk *disk)
{
	return disk->pd_block / PARTS_SECTOR;
}

/* The first sector of BLOCK. Errors: MX_EINVAL outside the disk, or the disk's */
static kern_return_t
block_read(const struct parts_disk *disk, uint64_t block, uint8_t *buf)
{
	if (block >= disk->pd_sectors / unit(disk))
		return MX_EINVAL;
	return disk->pd_read(disk->pd_arg, block * unit(disk), buf);
}

/* Enter partition N: BLOCKS blocks from START on, as far as they are on the disk. */
static void
enter(const struct parts_disk *disk, struct parts_entry *entry, uint32_t n, uint64_t start, uint64_t blocks)
{
	uint64_t all = disk->pd_sectors / unit(disk);

	if (n < 1 || n > PARTS_MAX || start >= all)
		return;
	if (blocks > all - start)
		blocks = all - start;
	entry[n].pt_start = start * unit(disk);
	entry[n].pt_sectors = blocks * unit(disk);
}

/* ---- MBR ---- */

struct mbr_entry {
	uint8_t		me_type;
	uint32_t	me_start, me_blocks;
};

static struct mbr_entry
mbr_entry(const uint8_t *sector, unsigned int i)
{
	const uint8_t *p = sector + MBR_TABLE + 16 * i;

	return (struct mbr_entry){ p[4], get32(p + 8), get32(p + 12) };
}

/* A sector with the signature may also be the first one of a file system; then the flags are most likely not what they are in a table. */
static bool
mbr_is_table(const uint8_t *sector)
{
	if (sector[MBR_SIGNATURE] != 0x55 || sector[MBR_SIGNATURE + 1] != 0xaa)
		return false;
	for (unsigned int i = 0; i < MBR_ENTRIES; i++)
		if (sector[MBR_TABLE + 16 * i] & 0x7f)
			return false;
	return true;
}

static bool
is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

/* The data partition and the link of one table of a chain at BLOCK; entries count from BLOCK, links from FIRST. */
static void
logical_take(const struct parts_disk *disk, const uint8_t *sector, uint64_t block, uint32_t *number, struct parts_entry *entry,
	const struct mbr_entry **link, struct mbr_entry *space)
{
	*link = NULL;
	for (unsigned int i = 0; i < MBR_ENTRIES; i++) {
		struct mbr_entry me = mbr_entry(sector, i);

		if (me.me_blocks == 0)
			continue;
		if (!is_extended(me.me_type)) {
			if (i < 2)		/* the other two have no meaning here */
				enter(disk, entry, (*number)++, block + me.me_start, me.me_blocks);
		} else if (*link == NULL) {
			*space = me;
			*link = space;
		}
	}
}

/* The chain of logical partitions that begins at block FIRST. Errors: the disk's */
static kern_return_t
logical_follow(const struct parts_disk *disk, uint64_t first, uint32_t *number, struct parts_entry *entry)
{
	uint8_t sector[PARTS_SECTOR];
	uint64_t block = first;

	for (int i = 0; i < LINKS_MAX && *number <= PARTS_MAX; i++) {
		const struct mbr_entry *link;
		struct mbr_entry space;
		kern_return_t kr = block_read(disk, block, sector);

		if (kr == MX_EINVAL || (kr == KERN_SUCCESS &&
		    (sector[MBR_SIGNATURE] != 0x55 || sector[MBR_SIGNATURE + 1] != 0xaa)))
			return KERN_SUCCESS;
		if (kr != KERN_SUCCESS)
			return kr;
		logical_take(disk, sector, block, number, entry, &link, &space);
		if (link == NULL)
			return KERN_SUCCESS;
		block = first + link->me_start;
	}
	return KERN_SUCCESS;
}

static kern_return_t
mbr_read(const struct parts_disk *disk, const uint8_t *sector, struct parts_entry *entry)
{
	uint32_t number = LOGICAL_FIRST;
	kern_return_t kr = KERN_SUCCESS;

	for (unsigned int i = 0; i < MBR_ENTRIES && kr == KERN_SUCCESS; i++) {
		struct mbr_entry me = mbr_entry(sector, i);

		if (me.me_blocks == 0 || me.me_start == 0)
			continue;
		if (!is_extended(me.me_type)) {
			enter(disk, entry, i + 1, me.me_start, me.me_blocks);
			continue;
		}
		/* The extended partition itself is there only for its table's sake. */
		enter(disk, entry, i + 1, me.me_start, me.me_blocks < 2 ? me.me_blocks : 2);
		kr = logical_follow(disk, me.me_start, &number, entry);
	}
	return kr;
}

/* ---- GPT ---- */

static uint32_t
crc32(uint32_t crc, const uint8_t *p, size_t n)
{
	for (crc = ~crc; n > 0; n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

struct gpt {
	uint64_t	gp_first, gp_last;	/* blocks that partitions may use */
	uint64_t	gp_table;
	uint32_t	gp_entries, gp_entry_bytes, gp_crc;
};

/* Errors: MX_EINVAL it makes no sense */
static kern_return_t
gpt_header_check(const struct parts_disk *disk, uint8_t *sector, uint64_t block, struct gpt *gp)
{
	uint64_t blocks = disk->pd_sectors / unit(disk);
	uint32_t bytes = get32(sector + 12), crc = get32(sector + 16);

	if (memcmp(sector, "EFI PART", 8) != 0 || bytes < GPT_HEADER_MIN || bytes > PARTS_SECTOR)
		return MX_EINVAL;
	memset(sector + 16, 0, 4);
	if (crc32(0, sector, bytes) != crc || get64(sector + 24) != block)
		return MX_EINVAL;
	gp->gp_first = get64(sector + 40);
	gp->gp_last = get64(sector + 48);
	gp->gp_table = get64(sector + 72);
	gp->gp_entries = get32(sector + 80);
	gp->gp_entry_bytes = get32(sector + 84);
	gp->gp_crc = get32(sector + 88);
	if (gp->gp_first > gp->gp_last || gp->gp_last >= blocks || gp->gp_table >= blocks || gp->gp_entries > GPT_ENTRIES_MAX ||
	    gp->gp_entry_bytes < GPT_ENTRY_MIN || gp->gp_entry_bytes > GPT_ENTRY_MAX ||
	    (gp->gp_entry_bytes & (gp->gp_entry_bytes - 1)) != 0)
		return MX_EINVAL;
	return KERN_SUCCESS;
}

static void
gpt_entry_take(const struct parts_disk *disk, const struct gpt *gp, const uint8_t *p, uint32_t number, struct parts_entry *entry)
{
	static const uint8_t unused[16];
	uint64_t start = get64(p + 32), last = get64(p + 40);

	if (memcmp(p, unused, sizeof unused) == 0 || start < gp->gp_first || last > gp->gp_last || start > last)
		return;
	enter(disk, entry, number, start, last - start + 1);
}

/* Read the table and check its sum; an entry is at least 128 bytes, its first 48 never cross a sector. Errors: MX_EINVAL, the disk's */
static kern_return_t
gpt_table_read(const struct parts_disk *disk, const struct gpt *gp, struct parts_entry *entry)
{
	uint64_t at = gp->gp_table * unit(disk), bytes = (uint64_t)gp->gp_entries * gp->gp_entry_bytes;
	uint8_t sector[PARTS_SECTOR];
	uint32_t crc = 0;

	for (uint64_t done = 0; done < bytes; done += PARTS_SECTOR, at++) {
		size_t n = bytes - done < PARTS_SECTOR ? (size_t)(bytes - done) : PARTS_SECTOR;
		kern_return_t kr = at >= disk->pd_sectors ? MX_EINVAL : disk->pd_read(disk->pd_arg, at, sector);

		if (kr != KERN_SUCCESS)
			return kr;
		crc = crc32(crc, sector, n);
		for (size_t i = 0; i < n; i += GPT_ENTRY_MIN)
			if ((done + i) % gp->gp_entry_bytes == 0)
				gpt_entry_take(disk, gp, sector + i, (uint32_t)((done + i) / gp->gp_entry_bytes) + 1, entry);
	}
	return crc == gp->gp_crc ? KERN_SUCCESS : MX_EINVAL;
}

/* The GPT whose header is at BLOCK. Errors: MX_EINVAL there is none that can be believed; the disk's */
static kern_return_t
gpt_read(const struct parts_disk *disk, uint64_t block, struct parts_entry *entry)
{
	struct parts_entry found[PARTS_MAX + 1] = { { 0, 0 } };
	uint8_t sector[PARTS_SECTOR];
	struct gpt gp;
	kern_return_t kr = block_read(disk, block, sector);

	if (kr == KERN_SUCCESS)
		kr = gpt_header_check(disk, sector, block, &gp);
	if (kr == KERN_SUCCESS)
		kr = gpt_table_read(disk, &gp, found);
	if (kr == KERN_SUCCESS)
		memcpy(entry, found, sizeof found);
	return kr;
}

/* ---- Either ---- */

static bool
mbr_protects_gpt(const uint8_t *sector)
{
	for (unsigned int i = 0; i < MBR_ENTRIES; i++)
		if (mbr_entry(sector, i).me_type == TYPE_GPT)
			return true;
	return false;
}

kern_return_t
parts_read(const struct parts_disk *disk, struct parts_entry entry[PARTS_MAX + 1])
{
	uint64_t blocks = disk->pd_sectors / unit(disk);
	uint8_t sector[PARTS_SECTOR];
	kern_return_t kr;

	memset(entry, 0, (PARTS_MAX + 1) * sizeof entry[0]);
	if (blocks < 2)
		return KERN_SUCCESS;
	kr = block_read(disk, 0, sector);
	if (kr != KERN_SUCCESS || !mbr_is_table(sector))
		return kr;
	if (!mbr_protects_gpt(sector))
		return mbr_read(disk, sector, entry);
	kr = gpt_read(disk, 1, entry);
	if (kr == MX_EINVAL)
		kr = gpt_read(disk, blocks - 1, entry);
	return kr == MX_EINVAL ? KERN_SUCCESS : kr;
}
