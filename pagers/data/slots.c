/*
 * slots.c - swap areas: which of their slots are in use.
 *
 * A slot is a page of a disk, a bit in the area's map. Slots are taken in rows, beginning where the last row ended, so that pages
 * that leave together lie together. A slot's word has the number of the area in its upper bits.
 *
 * Source: the header is mkswap's, version 1: bytes 4086 to 4095 are SWAPSPACE2, at 1024 are the version, the last page and the number of
 * bad pages, at 1536 their list.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "data.h"

#define SLOT_BITS	24
#define WORD_BITS	32u
#define BAD_MAX		((4086u - 1536u) / 4)

struct data_area data_areas[DATA_AREAS];

/* ---- The header ---- */

static uint32_t
header_word(const void *header, uint32_t at)
{
	const uint8_t *b = (const uint8_t *)header + at;

	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

const char *
data_area_check(const void *header, uint64_t disk_pages, uint32_t *slots)
{
	uint32_t last = header_word(header, 1028), bad = header_word(header, 1032);

	if (memcmp((const char *)header + 4086, "SWAPSPACE2", 10) != 0)
		return "it has no swap signature (mkswap)";
	if (header_word(header, 1024) != 1)
		return "its version is not 1";
	if (last == 0 || last >= disk_pages)
		return "it is larger than its disk";
	if (bad > BAD_MAX)
		return "it has too many bad pages";
	for (uint32_t i = 0; i < bad; i++)
		if (header_word(header, 1536 + 4 * i) == 0 || header_word(header, 1536 + 4 * i) > last)
			return "its list of bad pages is wrong";
	*slots = last < DATA_AREA_SLOTS - 1 ? last + 1 : DATA_AREA_SLOTS;
	return NULL;
}

/* ---- Areas ---- */

static bool
slot_is_used(const struct data_area *ar, uint32_t slot)
{
	return ar->ar_map[slot / WORD_BITS] >> slot % WORD_BITS & 1;
}

static void
slot_use(struct data_area *ar, uint32_t slot)
{
	ar->ar_map[slot / WORD_BITS] |= 1u << slot % WORD_BITS;
	ar->ar_used++;
}

/* It cannot be used: the header's, or one of the bad ones. */
static void
slot_exclude(struct data_area *ar, uint32_t slot)
{
	if (slot < ar->ar_slots && !slot_is_used(ar, slot)) {
		slot_use(ar, slot);
		ar->ar_bad++;
	}
}

struct data_area *
data_area_add(const void *header, uint32_t slots, int32_t priority)
{
	struct data_area *ar = data_areas;
	uint32_t *map;

	while (ar < data_areas + DATA_AREAS && ar->ar_map != NULL)
		ar++;
	if (ar == data_areas + DATA_AREAS)
		return NULL;
	map = calloc((slots + WORD_BITS - 1) / WORD_BITS, sizeof(*map));
	if (map == NULL)
		return NULL;
	*ar = (struct data_area){ .ar_map = map, .ar_slots = slots, .ar_next = 1, .ar_priority = priority };
	slot_exclude(ar, 0);
	for (uint32_t i = 0; i < header_word(header, 1032); i++)
		slot_exclude(ar, header_word(header, 1536 + 4 * i));
	return ar;
}

void
data_area_remove(struct data_area *ar)
{
	free(ar->ar_map);
	ar->ar_map = NULL;
}

/* ---- Slots ---- */

struct data_area *
data_slot_area(data_word word)
{
	return &data_areas[word >> DATA_VALUE_SHIFT >> SLOT_BITS];
}

static uint32_t
slot_number(data_word word)
{
	return word >> DATA_VALUE_SHIFT & ((1u << SLOT_BITS) - 1);
}

uint64_t
data_slot_offset(data_word word)
{
	return (uint64_t)slot_number(word) * DATA_PAGE;
}

data_word
data_slot_next(data_word word, uint32_t n)
{
	return ((word & DATA_VALUE) | DATA_SLOT) + (n << DATA_VALUE_SHIFT);
}

/* How many slots from SLOT on are free, N at most. */
static uint32_t
row_length(const struct data_area *ar, uint32_t slot, uint32_t n)
{
	uint32_t i = 0;

	while (i < n && slot + i < ar->ar_slots && !slot_is_used(ar, slot + i))
		i++;
	return i;
}

/* The first row of N free slots from ar_next on, else the longest there is. */
static uint32_t
row_find(const struct data_area *ar, uint32_t n, uint32_t *first)
{
	uint32_t best = 0, slot = ar->ar_next, seen = 0, length;

	while (seen < ar->ar_slots && best < n) {
		if (slot >= ar->ar_slots)
			slot = 0;
		if (slot % WORD_BITS == 0 && ar->ar_map[slot / WORD_BITS] == 0xffffffffu) {
			slot += WORD_BITS;
			seen += WORD_BITS;
			continue;
		}
		length = row_length(ar, slot, n);
		if (length > best) {
			best = length;
			*first = slot;
		}
		slot += length + 1;
		seen += length + 1;
	}
	return best;
}

/* The area to write to: the one with the highest priority that has room. */
static struct data_area *
area_choose(void)
{
	struct data_area *best = NULL;

	for (struct data_area *ar = data_areas; ar < data_areas + DATA_AREAS; ar++)
		if (ar->ar_map != NULL && !ar->ar_closing && ar->ar_used < ar->ar_slots &&
		    (best == NULL || ar->ar_priority > best->ar_priority))
			best = ar;
	return best;
}

uint32_t
data_slots_take(uint32_t n, data_word *first)
{
	struct data_area *ar = area_choose();
	uint32_t slot = 0;

	if (ar == NULL)
		return 0;
	n = row_find(ar, n, &slot);
	for (uint32_t i = 0; i < n; i++)
		slot_use(ar, slot + i);
	ar->ar_next = slot + n;
	*first = ((uint32_t)(ar - data_areas) << SLOT_BITS | slot) << DATA_VALUE_SHIFT | DATA_SLOT;
	return n;
}

void
data_slot_free(data_word word)
{
	struct data_area *ar = data_slot_area(word);
	uint32_t slot = slot_number(word);

	ar->ar_map[slot / WORD_BITS] &= ~(1u << slot % WORD_BITS);
	ar->ar_used--;
}

void
data_slot_spoil(data_word word)
{
	data_slot_area(word)->ar_bad++;
}

void
data_slots_count(uint64_t *all, uint64_t *left)
{
	*all = *left = 0;
	for (const struct data_area *ar = data_areas; ar < data_areas + DATA_AREAS; ar++) {
		if (ar->ar_map == NULL)
			continue;
		*all += ar->ar_slots - ar->ar_bad;
		if (!ar->ar_closing)
			*left += ar->ar_slots - ar->ar_used;
	}
}
