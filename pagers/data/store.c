/*
 * store.c - compressed pages in memory.
 *
 * A page becomes a blob: two bytes that say how long it is and what LZ4 made of it. Blobs are rounded up to one of 28 sizes, and those
 * of one size share chunks of 32 KiB, so that nothing is ever moved and what is freed can be used again by any page that packs as well.
 * An empty chunk goes back to the kernel. What LZ4 does not make smaller by an eighth is kept as it is.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#define LZ4_STATIC_LINKING_ONLY	/* LZ4_compress_fast_extState_fastReset: without clearing 16 KiB for each page */
#include <lz4.h>
#include "data.h"

#define CLASSES		28u
#define PACKED_MAX	(DATA_PAGE - DATA_PAGE / 8)
#define NOBODY		0xffffffffu
#define SPARES_MAX	4u		/* empty chunks that are kept */
#define TRIES		64u		/* addresses to try: the kernel may have put a message's memory at some */

struct chunk {
	uint32_t	ch_next, ch_prev;	/* of its class, while it has room; or of the spare or unmapped ones: ch_next only */
	uint16_t	ch_class;		/* of its blobs */
	uint16_t	ch_used;
	uint16_t	ch_free;		/* the first blob that was freed + 1, and so on in the blobs; 0: none */
	uint16_t	ch_fresh;		/* blobs from here on were never used */
};

struct data_store_stats data_store_stats;
static struct chunk *chunks;
static uint32_t nchunks;
static uint32_t with_room[CLASSES];		/* first chunk */
static uint32_t spare, nspares;			/* mapped and empty */
static uint32_t unmapped, unmapped_last;
static char state[16384 + 64] __attribute__((aligned(16)));	/* LZ4's, while it compresses */
static char packed[LZ4_COMPRESSBOUND(DATA_PAGE) + 2];

static void
unmapped_append(uint32_t i)
{
	chunks[i].ch_next = NOBODY;
	if (unmapped == NOBODY)
		unmapped = i;
	else
		chunks[unmapped_last].ch_next = i;
	unmapped_last = i;
}

bool
data_store_init(uint32_t limit)
{
	if (limit > data_region_size())
		limit = data_region_size();
	if (LZ4_sizeofState() > (int)sizeof(state) || LZ4_initStream(state, sizeof(state)) == NULL)
		return false;
	limit -= limit % DATA_CHUNK;
	nchunks = limit / DATA_CHUNK + TRIES;
	if (nchunks > data_region_size() / DATA_CHUNK)
		nchunks = data_region_size() / DATA_CHUNK;
	chunks = calloc(nchunks, sizeof(*chunks));
	if (chunks == NULL)
		return false;
	for (uint32_t i = 0; i < CLASSES; i++)
		with_room[i] = NOBODY;
	unmapped = spare = NOBODY;
	for (uint32_t i = 0; i < nchunks; i++)
		unmapped_append(i);
	data_store_stats = (struct data_store_stats){ .ss_limit = limit };
	return true;
}

/* ---- Sizes ---- */

/* Eight of them up to 512 bytes, twelve up to 2048, eight up to a page. */
static uint32_t
class_of(uint32_t size)
{
	if (size <= 512)
		return (size + 63) / 64 - 1;
	return size <= 2048 ? 7 + (size - 512 + 127) / 128 : 19 + (size - 2048 + 255) / 256;
}

static uint32_t
class_size(uint32_t cls)
{
	if (cls < 8)
		return (cls + 1) * 64;
	return cls < 20 ? 512 + (cls - 7) * 128 : 2048 + (cls - 19) * 256;
}

/* ---- Chunks ---- */

static char *
chunk_at(uint32_t i)
{
	return data_region() + (size_t)i * DATA_CHUNK;
}

static uint32_t
chunk_blobs(const struct chunk *ch)
{
	return DATA_CHUNK / class_size(ch->ch_class);
}

static char *
blob_at(uint32_t i, uint32_t blob)
{
	return chunk_at(i) + (size_t)blob * class_size(chunks[i].ch_class);
}

static void
room_link(uint32_t i)
{
	struct chunk *ch = &chunks[i];

	ch->ch_prev = NOBODY;
	ch->ch_next = with_room[ch->ch_class];
	if (ch->ch_next != NOBODY)
		chunks[ch->ch_next].ch_prev = i;
	with_room[ch->ch_class] = i;
}

static void
room_unlink(uint32_t i)
{
	struct chunk *ch = &chunks[i];

	if (ch->ch_next != NOBODY)
		chunks[ch->ch_next].ch_prev = ch->ch_prev;
	if (ch->ch_prev != NOBODY)
		chunks[ch->ch_prev].ch_next = ch->ch_next;
	else
		with_room[ch->ch_class] = ch->ch_next;
}

/* An empty chunk; NOBODY: the limit, or memory, is reached. */
static uint32_t
chunk_take(void)
{
	uint32_t i = spare;

	if (i != NOBODY) {
		spare = chunks[i].ch_next;
		nspares--;
		return i;
	}
	for (uint32_t tries = 0; tries < TRIES && unmapped != NOBODY; tries++) {
		if (data_store_stats.ss_bytes >= data_store_stats.ss_limit)
			break;
		i = unmapped;
		unmapped = chunks[i].ch_next;
		if (data_chunk_map(chunk_at(i))) {
			data_store_stats.ss_bytes += DATA_CHUNK;
			return i;
		}
		unmapped_append(i);
	}
	return NOBODY;
}

static void
chunk_give(uint32_t i)
{
	if (nspares < SPARES_MAX) {
		chunks[i].ch_next = spare;
		spare = i;
		nspares++;
		return;
	}
	data_chunk_unmap(chunk_at(i));
	data_store_stats.ss_bytes -= DATA_CHUNK;
	unmapped_append(i);
}

/* ---- Blobs ---- */

static char *
blob_alloc(uint32_t size)
{
	uint32_t cls = class_of(size), i = with_room[cls];
	struct chunk *ch;
	char *blob;

	if (i == NOBODY) {
		i = chunk_take();
		if (i == NOBODY)
			return NULL;
		chunks[i] = (struct chunk){ .ch_class = (uint16_t)cls };
		room_link(i);
	}
	ch = &chunks[i];
	if (ch->ch_free != 0) {
		blob = blob_at(i, ch->ch_free - 1u);
		memcpy(&ch->ch_free, blob, sizeof(ch->ch_free));
	} else {
		blob = blob_at(i, ch->ch_fresh++);
	}
	ch->ch_used++;
	if (ch->ch_used == chunk_blobs(ch))
		room_unlink(i);
	return blob;
}

static void
blob_free(char *blob)
{
	uint32_t i = (uint32_t)(blob - data_region()) / DATA_CHUNK;
	struct chunk *ch = &chunks[i];

	if (ch->ch_used == chunk_blobs(ch))
		room_link(i);
	memcpy(blob, &ch->ch_free, sizeof(ch->ch_free));
	ch->ch_free = (uint16_t)((uint32_t)(blob - chunk_at(i)) / class_size(ch->ch_class) + 1);
	if (--ch->ch_used == 0) {
		room_unlink(i);
		chunk_give(i);
	}
}

/* Of the blob with what it was rounded up to. */
static uint32_t
blob_size(const char *blob)
{
	return class_size(chunks[(uint32_t)(blob - data_region()) / DATA_CHUNK].ch_class);
}

/* ---- Pages ---- */

bool
data_store_put(const void *page, data_word *word)
{
	uint16_t length = (uint16_t)LZ4_compress_fast_extState_fastReset(state, page, packed + 2, DATA_PAGE, sizeof(packed) - 2, 1);
	bool is_raw = length == 0 || length + 2u > PACKED_MAX;
	char *blob = blob_alloc(is_raw ? DATA_PAGE : length + 2u);

	if (blob == NULL)
		return false;
	if (is_raw) {
		memcpy(blob, page, DATA_PAGE);
	} else {
		memcpy(packed, &length, sizeof(length));
		memcpy(blob, packed, length + 2u);
	}
	data_store_stats.ss_pages++;
	data_store_stats.ss_live += blob_size(blob);
	data_store_stats.ss_raw += is_raw;
	*word = (data_word)(uintptr_t)blob | (is_raw ? DATA_RAW : DATA_PACKED);
	return true;
}

void
data_store_get(data_word word, void *page)
{
	const char *blob = (const char *)(uintptr_t)(word & DATA_VALUE);
	uint16_t length;

	if ((word & DATA_KIND) == DATA_RAW) {
		memcpy(page, blob, DATA_PAGE);
		return;
	}
	memcpy(&length, blob, sizeof(length));
	if (LZ4_decompress_safe(blob + 2, page, length, DATA_PAGE) != (int)DATA_PAGE)
		abort();		/* our own memory is not what we wrote */
}

void
data_store_drop(data_word word)
{
	data_store_stats.ss_pages--;
	data_store_stats.ss_live -= blob_size((const char *)(uintptr_t)(word & DATA_VALUE));
	data_store_stats.ss_raw -= (word & DATA_KIND) == DATA_RAW;
	blob_free((char *)(uintptr_t)(word & DATA_VALUE));
}
