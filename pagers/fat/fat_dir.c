/*
 * fat_dir.c - changing directories.
 *
 * Slots never move: a slot's place on the disk is what an open file is known by. New entries go where enough free slots lie
 * together, else the directory gets another cluster of zeros, which is on the disk before the table says that it is a part of it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "fat.h"

#define PIECE	13u

/* A cluster of zeros, with N bytes of SLOTS at its beginning. */
static kern_return_t
cluster_init(struct fat_volume *fv, uint32_t cl, const uint8_t *slots, size_t n)
{
	uint8_t *buf = calloc(1, fv->fv_cluster);
	kern_return_t kr;

	if (buf == NULL)
		return MX_ENOMEM;
	if (n > 0)
		memcpy(buf, slots, n);
	kr = fat_mark(fv);
	if (kr == KERN_SUCCESS)
		kr = od_write_through(fv->fv_cache, fat_cluster_pos(fv, cl), buf, fv->fv_cluster);
	fv->fv_barrier = true;
	free(buf);
	return kr;
}

/* One cluster more. */
static kern_return_t
dir_grow(struct fat_volume *fv, struct fat_chain *dir)
{
	uint32_t length, cl, count;
	kern_return_t kr;

	if (dir->fc_first == 0)
		return MX_ENOSPC;			/* the root of FAT12 and FAT16 */
	kr = fat_chain_length(fv, dir, FAT_SLOTS_MAX * FAT_SLOT / fv->fv_cluster, &length);
	if (kr != KERN_SUCCESS)
		return kr;
	if ((length + 1) * (uint64_t)fv->fv_cluster > (uint64_t)FAT_SLOTS_MAX * FAT_SLOT)
		return MX_ENOSPC;
	kr = fat_chain_extend(fv, dir, length + 1);
	if (kr == KERN_SUCCESS)
		kr = fat_chain_find(fv, dir, length, &cl, &count);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = cluster_init(fv, cl, NULL, 0);
	if (kr == KERN_SUCCESS)
		kr = fat_meta_flush(fv);
	if (kr != KERN_SUCCESS)
		(void)fat_chain_cut(fv, dir, length);
	return kr;
}

/* The first of NEED free slots that follow each other, at or after FROM, and whether nothing was ever used behind them.
 * Errors: MX_ENOENT, *FIRST is where the directory would have to grow */
static kern_return_t
slots_find(struct fat_volume *fv, struct fat_chain *dir, uint32_t from, uint32_t need, uint32_t *first)
{
	struct fat_scan sc;
	const uint8_t *slot;
	uint64_t pos;
	uint32_t run = 0;
	bool is_end = false;
	kern_return_t kr;

	fat_scan_begin(&sc, fv, dir, from);
	while ((kr = fat_scan_slot(&sc, &slot, &pos)) == KERN_SUCCESS) {
		is_end |= slot[0] == 0;
		run = is_end || slot[0] == FAT_DELETED ? run + 1 : 0;
		*first = sc.sc_index - run;
		if (run == need)
			return KERN_SUCCESS;
	}
	if (kr == MX_ENOENT)
		*first = sc.sc_index - run;
	return kr;
}

static kern_return_t
slots_get(struct fat_volume *fv, struct fat_chain *dir, uint32_t near, uint32_t need, uint32_t *first)
{
	kern_return_t kr = MX_ENOENT;

	if (near != 0)
		kr = slots_find(fv, dir, near, need, first);
	if (kr == MX_ENOENT)
		kr = slots_find(fv, dir, 0, need, first);
	while (kr == MX_ENOENT) {
		kr = dir_grow(fv, dir);
		if (kr == KERN_SUCCESS)
			kr = slots_find(fv, dir, *first, need, first);
	}
	return kr;
}

static kern_return_t
slot_write(struct fat_volume *fv, struct fat_chain *dir, uint32_t index, const uint8_t *raw, uint64_t *pos)
{
	kern_return_t kr = fat_slot_pos(fv, dir, index, pos);

	if (kr == KERN_SUCCESS)
		kr = fat_mark(fv);
	return kr == KERN_SUCCESS ? od_write(fv->fv_cache, *pos, raw, FAT_SLOT, FAT_CLASS_DIR) : kr;
}

/* ---- Short names that nobody has ---- */

/* Which of the N names are taken: a bit for each. */
static kern_return_t
names_taken(struct fat_volume *fv, struct fat_chain *dir, uint8_t names[][11], unsigned int n, uint32_t *taken)
{
	struct fat_scan sc;
	struct fat_entry en;
	unsigned int i;
	kern_return_t kr;

	*taken = 0;
	fat_scan_begin(&sc, fv, dir, 0);
	while ((kr = fat_scan_next(&sc, &en)) == KERN_SUCCESS)
		for (i = 0; i < n; i++)
			if (memcmp(names[i], en.en_raw, 11) == 0)
				*taken |= 1u << i;
	return kr == MX_ENOENT ? KERN_SUCCESS : kr;
}

static kern_return_t
short_choose(struct fat_volume *fv, struct fat_chain *dir, const struct fat_name *na, uint8_t out[11], bool *plain)
{
	uint8_t names[FAT_CANDIDATES][11];
	uint32_t salt, taken;
	unsigned int n, i;
	kern_return_t kr;

	for (salt = 0; salt < 64; salt++) {
		n = fat_short_make(na, salt, names, plain);
		kr = names_taken(fv, dir, names, n, &taken);
		if (kr != KERN_SUCCESS)
			return kr;
		for (i = 0; i < n && (taken & 1u << i) != 0; i++)
			;
		if (i == n)
			continue;
		*plain = *plain && i == 0;
		memcpy(out, names[i], 11);
		return KERN_SUCCESS;
	}
	return MX_ENOSPC;
}

/* ---- Entries ---- */

/* Piece NUMBER of COUNT of the name. */
static void
piece_make(uint8_t slot[FAT_SLOT], const struct fat_name *na, unsigned int number, unsigned int count, uint8_t sum)
{
	size_t at = (number - 1) * (size_t)PIECE;
	unsigned int i;
	uint16_t c;

	memset(slot, 0, FAT_SLOT);
	slot[0] = (uint8_t)(number | (number == count ? 0x40 : 0));
	slot[FAT_ATTR] = FAT_LONG;
	slot[13] = sum;
	for (i = 0; i < PIECE; i++, at++) {
		c = at < na->na_len ? na->na_unit[at] : at == na->na_len ? 0 : 0xffff;
		od_le16_put(slot + (i < 5 ? 1 + 2 * i : i < 11 ? 14 + 2 * (i - 5) : 28 + 2 * (i - 11)), c);
	}
}

/* Slots [FIRST, END) are deleted. */
static kern_return_t
slots_clear(struct fat_volume *fv, struct fat_chain *dir, uint32_t first, uint32_t end)
{
	kern_return_t kr = fat_mark(fv);
	uint8_t mark = FAT_DELETED;
	uint64_t pos;

	while (end-- > first && kr == KERN_SUCCESS) {	/* the file before its name: half of it is no entry */
		kr = fat_slot_pos(fv, dir, end, &pos);
		if (kr == KERN_SUCCESS)
			kr = od_write(fv->fv_cache, pos, &mark, 1, FAT_CLASS_DIR);
	}
	return kr;
}

/* The slots from FIRST on become an entry for NA: COUNT pieces and RAW. */
static kern_return_t
entry_write(struct fat_volume *fv, struct fat_chain *dir, uint32_t first, const struct fat_name *na, unsigned int count,
	const uint8_t *raw, struct fat_entry *en)
{
	uint8_t sum = fat_short_sum(raw), slot[FAT_SLOT];
	unsigned int i;
	uint64_t pos;
	kern_return_t kr = KERN_SUCCESS;

	for (i = 0; i < count && kr == KERN_SUCCESS; i++) {
		piece_make(slot, na, count - i, count, sum);
		kr = slot_write(fv, dir, first + i, slot, &pos);
	}
	if (kr == KERN_SUCCESS)
		kr = slot_write(fv, dir, first + count, raw, &en->en_pos);
	if (kr != KERN_SUCCESS) {
		(void)slots_clear(fv, dir, first, first + i);
		return kr;
	}
	en->en_first = first;
	en->en_slot = first + count;
	memcpy(en->en_raw, raw, FAT_SLOT);
	en->en_long = *na;
	return KERN_SUCCESS;
}

/* The slots [FIRST, END) will be used: what lies behind them is the end if one of them was. */
static kern_return_t
end_move(struct fat_volume *fv, struct fat_chain *dir, uint32_t first, uint32_t end)
{
	static const uint8_t zero[FAT_SLOT];
	uint8_t mark = 1;
	uint64_t pos;
	uint32_t i;
	kern_return_t kr = KERN_SUCCESS;

	for (i = first; i < end && kr == KERN_SUCCESS && mark != 0; i++) {
		kr = fat_slot_pos(fv, dir, i, &pos);
		if (kr == KERN_SUCCESS)
			kr = od_read(fv->fv_cache, pos, &mark, 1);
	}
	if (kr != KERN_SUCCESS || mark != 0)
		return kr;
	kr = fat_slot_pos(fv, dir, end, &pos);
	if (kr == KERN_SUCCESS)
		kr = od_read(fv->fv_cache, pos, &mark, 1);
	if (kr == KERN_SUCCESS && mark != 0)
		kr = slot_write(fv, dir, end, zero, &pos);
	return kr == MX_ENOENT ? KERN_SUCCESS : kr;
}

kern_return_t
fat_dir_add(struct fat_volume *fv, struct fat_chain *dir, const struct fat_name *na, const uint8_t raw[FAT_SLOT], uint32_t near,
	struct fat_entry *en)
{
	uint8_t slot[FAT_SLOT];
	unsigned int count;
	uint32_t first;
	bool plain;
	kern_return_t kr;

	memcpy(slot, raw, FAT_SLOT);
	slot[FAT_CASE] = 0;
	kr = short_choose(fv, dir, na, slot, &plain);
	if (kr != KERN_SUCCESS)
		return kr;
	count = plain ? 0 : (unsigned int)((na->na_len + PIECE - 1) / PIECE);
	kr = slots_get(fv, dir, near, count + 1, &first);
	if (kr == KERN_SUCCESS)
		kr = end_move(fv, dir, first, first + count + 1);
	return kr == KERN_SUCCESS ? entry_write(fv, dir, first, na, count, slot, en) : kr;
}

kern_return_t
fat_dir_remove(struct fat_volume *fv, struct fat_chain *dir, const struct fat_entry *en)
{
	return slots_clear(fv, dir, en->en_first, en->en_slot + 1);
}

/* ---- Directories as a whole ---- */

kern_return_t
fat_dir_check_empty(struct fat_volume *fv, uint32_t first)
{
	struct fat_chain fc = { .fc_first = first };
	struct fat_scan sc;
	struct fat_entry en;
	kern_return_t kr;

	if (!fat_cluster_ok(fv, first))
		return MX_EIO;
	fat_scan_begin(&sc, fv, &fc, 0);
	kr = fat_scan_next(&sc, &en);
	fat_chain_free(&fc);
	return kr == KERN_SUCCESS ? MX_ENOTEMPTY : kr == MX_ENOENT ? KERN_SUCCESS : kr;
}

static void
dot_make(uint8_t slot[FAT_SLOT], const char *name, const uint8_t *raw, uint32_t first)
{
	memcpy(slot, raw, FAT_SLOT);
	memcpy(slot, name, 11);
	slot[FAT_ATTR] = FAT_DIRECTORY;
	od_le16_put(slot + FAT_FIRST_LOW, (uint16_t)first);
	od_le16_put(slot + FAT_FIRST_HIGH, (uint16_t)(first >> 16));
	od_le32_put(slot + FAT_SIZE, 0);
}

kern_return_t
fat_dir_make(struct fat_volume *fv, uint32_t parent, const uint8_t raw[FAT_SLOT], uint32_t *first)
{
	struct fat_chain fc = { 0 };
	uint8_t dots[2 * FAT_SLOT];
	kern_return_t kr = fat_chain_extend(fv, &fc, 1);

	*first = fc.fc_first;
	if (kr != KERN_SUCCESS)
		return kr;
	dot_make(dots, ".          ", raw, fc.fc_first);
	dot_make(dots + FAT_SLOT, "..         ", raw, parent);
	kr = cluster_init(fv, fc.fc_first, dots, sizeof(dots));
	if (kr != KERN_SUCCESS)
		(void)fat_chain_cut(fv, &fc, 0);
	fat_chain_free(&fc);
	return kr;
}

/* Where the ".." of a directory is, and its slot. Errors: MX_EIO there is none */
static kern_return_t
parent_slot(struct fat_volume *fv, uint32_t first, uint8_t slot[FAT_SLOT], uint64_t *pos)
{
	kern_return_t kr;

	if (!fat_cluster_ok(fv, first))
		return MX_EIO;
	*pos = fat_cluster_pos(fv, first) + FAT_SLOT;
	kr = od_read(fv->fv_cache, *pos, slot, FAT_SLOT);
	return kr == KERN_SUCCESS && memcmp(slot, "..         ", 11) != 0 ? MX_EIO : kr;
}

kern_return_t
fat_dir_parent_set(struct fat_volume *fv, uint32_t first, uint32_t parent)
{
	uint8_t slot[FAT_SLOT];
	uint64_t pos;
	kern_return_t kr = parent_slot(fv, first, slot, &pos);

	if (kr == KERN_SUCCESS)
		kr = fat_mark(fv);
	if (kr != KERN_SUCCESS)
		return kr;
	od_le16_put(slot + FAT_FIRST_LOW, (uint16_t)parent);
	od_le16_put(slot + FAT_FIRST_HIGH, (uint16_t)(parent >> 16));
	return od_write(fv->fv_cache, pos, slot, FAT_SLOT, FAT_CLASS_DIR);
}

kern_return_t
fat_dir_is_below(struct fat_volume *fv, uint32_t first, uint32_t ancestor, bool *is)
{
	uint8_t slot[FAT_SLOT];
	unsigned int depth;
	uint64_t pos;
	kern_return_t kr;

	for (depth = 0; depth < 4096; depth++) {
		*is = first == ancestor;
		if (*is || first == 0)
			return KERN_SUCCESS;
		kr = parent_slot(fv, first, slot, &pos);
		if (kr != KERN_SUCCESS)
			return kr;
		first = od_le16(slot + FAT_FIRST_LOW) | (fv->fv_bits == 32 ? (uint32_t)od_le16(slot + FAT_FIRST_HIGH) << 16 : 0);
	}
	return MX_EIO;
}
