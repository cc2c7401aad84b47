/*
 * fat_scan.c - reading directories.
 *
 * A directory is an array of slots of 32 bytes. A file has one, behind the pieces of its long name, last piece first. Pieces without
 * a file that their sum agrees with are left alone.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "fat.h"

#define PIECE		13u		/* units of a long name in one slot */
#define PIECE_LAST	0x40u		/* in its number: the name ends with it */

kern_return_t
fat_slot_pos(struct fat_volume *fv, struct fat_chain *dir, uint32_t index, uint64_t *pos)
{
	uint64_t offset = (uint64_t)index * FAT_SLOT;
	uint32_t cluster, count;
	kern_return_t kr;

	if (dir->fc_first == 0 && fv->fv_root_bytes != 0) {
		*pos = fv->fv_root + offset;
		return offset < fv->fv_root_bytes ? KERN_SUCCESS : MX_ENOENT;
	}
	if (index >= FAT_SLOTS_MAX)
		return MX_ENOENT;
	kr = fat_chain_find(fv, dir, (uint32_t)(offset / fv->fv_cluster), &cluster, &count);
	if (kr == KERN_SUCCESS)
		*pos = fat_cluster_pos(fv, cluster) + offset % fv->fv_cluster;
	return kr;
}

void
fat_scan_begin(struct fat_scan *sc, struct fat_volume *fv, struct fat_chain *dir, uint32_t index)
{
	sc->sc_volume = fv;
	sc->sc_chain = dir;
	sc->sc_index = index;
	sc->sc_pos = 0;
	sc->sc_left = 0;
	sc->sc_complete = false;
	sc->sc_long.na_len = 0;
}

kern_return_t
fat_scan_slot(struct fat_scan *sc, const uint8_t **slot, uint64_t *pos)
{
	uint32_t in = sc->sc_index % (FAT_SECTOR / FAT_SLOT) * FAT_SLOT;
	kern_return_t kr;

	if (sc->sc_pos == 0 || in == 0) {
		kr = fat_slot_pos(sc->sc_volume, sc->sc_chain, sc->sc_index, pos);
		if (kr != KERN_SUCCESS)
			return kr;
		sc->sc_pos = *pos - in;
		kr = od_read(sc->sc_volume->fv_cache, sc->sc_pos, sc->sc_buf, FAT_SECTOR);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	*slot = sc->sc_buf + in;
	*pos = sc->sc_pos + in;
	sc->sc_index++;
	return KERN_SUCCESS;
}

/* ---- Long names ---- */

static void
long_forget(struct fat_scan *sc)
{
	sc->sc_left = 0;
	sc->sc_complete = false;
	sc->sc_long.na_len = 0;
}

/* Unit I of a piece. */
static uint16_t
piece_unit(const uint8_t *slot, unsigned int i)
{
	return od_le16(slot + (i < 5 ? 1 + 2 * i : i < 11 ? 14 + 2 * (i - 5) : 28 + 2 * (i - 11)));
}

/* SLOT is a piece of a name. */
static void
long_collect(struct fat_scan *sc, const uint8_t *slot)
{
	unsigned int number = slot[0] & 0x3f, i;
	size_t at = (number - 1) * (size_t)PIECE;
	uint16_t c;

	if (slot[0] & PIECE_LAST) {
		long_forget(sc);
		sc->sc_left = number;
		sc->sc_sum = slot[13];
		sc->sc_first = sc->sc_index - 1;
	}
	if (number == 0 || number > (FAT_LONG_MAX + PIECE - 1) / PIECE || number != sc->sc_left || slot[13] != sc->sc_sum) {
		long_forget(sc);
		return;
	}
	for (i = 0; i < PIECE; i++) {
		c = piece_unit(slot, i);
		if (c == 0 && (slot[0] & PIECE_LAST))
			break;
		if (c == 0 || at + i >= FAT_LONG_MAX) {
			long_forget(sc);
			return;
		}
		sc->sc_long.na_unit[at + i] = c;
		if (slot[0] & PIECE_LAST)
			sc->sc_long.na_len = at + i + 1;
	}
	sc->sc_left--;
	sc->sc_complete = sc->sc_left == 0 && sc->sc_long.na_len > 0;
}

/* ---- Entries ---- */

static void
entry_make(struct fat_scan *sc, const uint8_t *slot, uint64_t pos, struct fat_entry *en)
{
	en->en_slot = en->en_first = sc->sc_index - 1;
	en->en_pos = pos;
	memcpy(en->en_raw, slot, FAT_SLOT);
	if (sc->sc_volume->fv_bits != 32)
		od_le16_put(en->en_raw + FAT_FIRST_HIGH, 0);
	en->en_long.na_len = 0;
	if (sc->sc_complete && fat_short_sum(slot) == sc->sc_sum) {
		en->en_long = sc->sc_long;
		en->en_first = sc->sc_first;
	}
	long_forget(sc);
}

kern_return_t
fat_scan_next(struct fat_scan *sc, struct fat_entry *en)
{
	const uint8_t *slot;
	uint64_t pos;
	kern_return_t kr;

	for (;;) {
		kr = fat_scan_slot(sc, &slot, &pos);
		if (kr != KERN_SUCCESS)
			return kr;
		if (slot[0] == 0) {
			sc->sc_index--;
			return MX_ENOENT;		/* nothing was ever used behind it */
		}
		if (slot[0] != FAT_DELETED && (slot[FAT_ATTR] & 0x3f) == FAT_LONG) {
			long_collect(sc, slot);
		} else if (slot[0] == FAT_DELETED || slot[0] == '.' || (slot[FAT_ATTR] & FAT_VOLUME_ID) != 0) {
			long_forget(sc);
		} else {
			entry_make(sc, slot, pos, en);
			return KERN_SUCCESS;
		}
	}
}

static bool
name_is_usable(const char *name, size_t len)
{
	if (len == 0 || memchr(name, '/', len) != NULL)
		return false;
	return name[0] != '.' || (len > 1 && !(len == 2 && name[1] == '.'));
}

size_t
fat_entry_name(const struct fat_entry *en, char out[MX_NAME_MAX])
{
	struct fat_name na;
	size_t len;

	len = od_utf8_from(en->en_long.na_unit, en->en_long.na_len, out, MX_NAME_MAX);
	if (len != OD_BAD_NAME && name_is_usable(out, len))
		return len;
	fat_short_decode(en->en_raw, &na);
	len = od_utf8_from(na.na_unit, na.na_len, out, MX_NAME_MAX);
	if (len == OD_BAD_NAME || !name_is_usable(out, len)) {
		out[0] = '_';
		return 1;
	}
	return len;
}

kern_return_t
fat_dir_find(struct fat_volume *fv, struct fat_chain *dir, const struct fat_name *na, struct fat_entry *en)
{
	struct fat_scan sc;
	struct fat_name name;
	kern_return_t kr;

	fat_scan_begin(&sc, fv, dir, 0);
	while ((kr = fat_scan_next(&sc, en)) == KERN_SUCCESS) {
		if (fat_name_equal(&en->en_long, na))
			return KERN_SUCCESS;
		fat_short_decode(en->en_raw, &name);
		if (fat_name_equal(&name, na))
			return KERN_SUCCESS;
	}
	return kr;
}
