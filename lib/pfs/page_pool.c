/*
 * page_pool.c - pages that can be moved to the kernel, from chunks of memory that can be given back.
 *
 * The kernel frees no page of a region before the whole region goes, and it merges neighbouring regions. So memory comes in
 * chunks of 64 pages that it cannot merge, aligned to their size: a page's address names its chunk. A page leaves a chunk for good
 * when it is moved to the kernel's cache; a chunk whose pages are all free or gone is given back. Pages are handed out in
 * ascending order, because only neighbours can be moved together. Some of the pages that came back from the kernel, and so belong to no
 * chunk, are kept and used first: they need not be made. The pager's thread frees pages, too: a spin lock, and no malloc.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "page_pool.h"

#define CHUNK_SHIFT	18
#define CHUNK_SIZE	(1u << CHUNK_SHIFT)
#define CHUNK_PAGES	64
#define CHUNK_ALL	(~0ull)
#define SPARE_MAX	4	/* empty chunks that are kept */
#define OTHERS_MAX	64	/* pages of no chunk that are kept */

struct chunk {
	uint64_t	ch_free;	/* pages that nobody uses */
	uint64_t	ch_gone;	/* pages that left */
	struct chunk	*ch_next, *ch_prev;	/* chunks with free pages */
	bool		ch_used;
};

static struct chunk chunks[1u << (32 - CHUNK_SHIFT)];
static struct chunk *partial;		/* with free pages */
static unsigned int nspare;		/* of these, with free pages only */
static uint32_t nchunks, nfree;
static struct mx_spin pool_lock;

static struct other { struct other *ot_next; } *others, **others_end = &others;	/* pages of no chunk, oldest first */
static uint32_t nothers;

static void *
chunk_base(const struct chunk *ch)
{
	return (void *)((uintptr_t)(ch - chunks) << CHUNK_SHIFT);
}

static bool
chunk_is_empty(const struct chunk *ch)
{
	return (ch->ch_free | ch->ch_gone) == CHUNK_ALL;
}

static void
partial_add(struct chunk *ch)
{
	ch->ch_next = partial;
	ch->ch_prev = NULL;
	if (partial != NULL)
		partial->ch_prev = ch;
	partial = ch;
}

static void
partial_remove(struct chunk *ch)
{
	if (ch->ch_prev != NULL)
		ch->ch_prev->ch_next = ch->ch_next;
	else
		partial = ch->ch_next;
	if (ch->ch_next != NULL)
		ch->ch_next->ch_prev = ch->ch_prev;
}

/* Give the pages of an empty chunk back, in runs around those that are gone: their addresses may be somebody else's by now. */
static void
chunk_unmap(struct chunk *ch, uint64_t present)
{
	uint8_t *base = chunk_base(ch);
	unsigned int i, n;

	for (i = 0; i < CHUNK_PAGES; i += n) {
		bool is_present = (present >> i & 1) != 0;

		for (n = 1; i + n < CHUNK_PAGES && ((present >> (i + n) & 1) != 0) == is_present; n++)
			;
		if (is_present)
			mx_page_unmap(base + i * MX_PAGE, n * MX_PAGE);
	}
}

/* CH has become empty: keep it as a spare, or take it out and answer the pages to be given back. Locks: pool_lock held. */
static uint64_t
chunk_retire(struct chunk *ch)
{
	uint64_t present = ch->ch_free;

	if (ch->ch_gone == 0 && nspare < SPARE_MAX) {
		nspare++;
		return 0;
	}
	if (present != 0) {
		partial_remove(ch);
		nfree -= (uint32_t)__builtin_popcountll(present);
	}
	ch->ch_used = false;
	nchunks--;
	return present;
}

static bool
chunk_add(void)
{
	void *base = mx_page_chunk_map(CHUNK_SIZE);
	struct chunk *ch;

	if (base == NULL)
		return false;
	ch = &chunks[(uintptr_t)base >> CHUNK_SHIFT];
	mx_spin_lock(&pool_lock);
	mx_assert(!ch->ch_used);
	ch->ch_used = true;
	ch->ch_free = CHUNK_ALL;
	ch->ch_gone = 0;
	partial_add(ch);
	nspare++;
	nchunks++;
	nfree += CHUNK_PAGES;
	mx_spin_unlock(&pool_lock);
	return true;
}

void *
mx_page_alloc(void)
{
	struct chunk *ch;
	struct other *ot;
	unsigned int i;

	mx_spin_lock(&pool_lock);
	ot = others;
	if (ot != NULL) {
		others = ot->ot_next;
		if (others == NULL)
			others_end = &others;
		nothers--;
		mx_spin_unlock(&pool_lock);
		return ot;
	}
	while (partial == NULL) {
		mx_spin_unlock(&pool_lock);
		if (!chunk_add())
			return NULL;
		mx_spin_lock(&pool_lock);
	}
	ch = partial;
	if (chunk_is_empty(ch) && ch->ch_gone == 0)
		nspare--;
	i = (unsigned int)__builtin_ctzll(ch->ch_free);
	ch->ch_free &= ~(1ull << i);
	nfree--;
	if (ch->ch_free == 0)
		partial_remove(ch);
	mx_spin_unlock(&pool_lock);
	return (uint8_t *)chunk_base(ch) + i * MX_PAGE;
}

/* PAGE is of no chunk. Locks: pool_lock held, released here */
static void
other_free(void *page)
{
	struct other *ot = page;
	bool is_kept = nothers < OTHERS_MAX;

	if (is_kept) {
		ot->ot_next = NULL;
		*others_end = ot;
		others_end = &ot->ot_next;
		nothers++;
	}
	mx_spin_unlock(&pool_lock);
	if (!is_kept)
		mx_page_unmap(page, MX_PAGE);
}

void
mx_page_free(void *page)
{
	uintptr_t a = (uintptr_t)page;
	struct chunk *ch = &chunks[a >> CHUNK_SHIFT];
	uint64_t bit = 1ull << (a >> MX_PAGE_SHIFT & (CHUNK_PAGES - 1));
	uint64_t unmap = 0;

	mx_spin_lock(&pool_lock);
	if (!ch->ch_used || (ch->ch_gone & bit) != 0) {
		other_free(page);
		return;
	}
	mx_assert((ch->ch_free & bit) == 0);
	if (ch->ch_free == 0)
		partial_add(ch);
	ch->ch_free |= bit;
	nfree++;
	if (chunk_is_empty(ch))
		unmap = chunk_retire(ch);
	mx_spin_unlock(&pool_lock);
	if (unmap != 0)
		chunk_unmap(ch, unmap);
}

static void
page_gone(uintptr_t a)
{
	struct chunk *ch = &chunks[a >> CHUNK_SHIFT];
	uint64_t bit = 1ull << (a >> MX_PAGE_SHIFT & (CHUNK_PAGES - 1));
	uint64_t unmap = 0;

	mx_spin_lock(&pool_lock);
	if (ch->ch_used && (ch->ch_gone & bit) == 0) {
		ch->ch_gone |= bit;
		if (chunk_is_empty(ch))
			unmap = chunk_retire(ch);
	}
	mx_spin_unlock(&pool_lock);
	if (unmap != 0)
		chunk_unmap(ch, unmap);
}

void
mx_page_gone(void *page, uint32_t n)
{
	uintptr_t a;

	for (a = (uintptr_t)page; n > 0; n--, a += MX_PAGE)
		page_gone(a);
}

void
mx_page_stats(uint32_t *chunk_count, uint32_t *free_pages, uint32_t *other_pages)
{
	*chunk_count = nchunks;
	*free_pages = nfree;
	*other_pages = nothers;
}
