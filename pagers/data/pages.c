/*
 * pages.c - the pages of each object: what is kept of them, what goes to swap and what comes back.
 *
 * A page lives in one place: with the kernel, in the store, or on swap (and then perhaps with the kernel, too, as long as it does not
 * change it there). What the kernel gives back goes into the store. When the store is nearly full the object whose pages have been in it
 * longest gives some to swap, neighbours together, so that they are neighbours on the disk and one request brings them back.
 *
 * Pages are only supplied that the kernel asked for and waits for. What was read with them stays here for a moment (swap.c). To
 * supply them, too, looks tempting, but messages of both directions are under way at the same time: such a page may be in a request
 * that is older than the supply, be changed and come back behind that request, and to answer it from swap would undo the change. The
 * kernel could say what it took and when (memory_object_supply_completed), but when it does not take everything it consumes
 * that message's right twice, and panics.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "data.h"

#define LEAF		128u		/* words in a leaf; emulib's chunks of memory have as many pages */
#define AHEAD_MIN	4u
#define AHEAD_MAX	DATA_READ_MAX

struct data_object *data_objects;
struct data_counts data_counts;
static struct data_object *oldest, *youngest;	/* of those with pages in the store */

/* ---- Words ---- */

static uint32_t
leaf_size(const struct data_object *ob, uint32_t leaf)
{
	uint32_t rest = ob->ob_npages - leaf * LEAF;

	return rest < LEAF ? rest : LEAF;
}

/* The word of PAGE; NULL: there is none. */
static data_word *
word_find(const struct data_object *ob, uint32_t page)
{
	data_word *leaf;

	if (page >= ob->ob_npages || ob->ob_leaves == NULL)
		return NULL;
	leaf = ob->ob_leaves[page / LEAF];
	return leaf != NULL ? &leaf[page % LEAF] : NULL;
}

/* The same, made if need be. Errors: NULL, outside the object, or no memory. */
static data_word *
word_make(struct data_object *ob, uint32_t page)
{
	if (page >= ob->ob_npages)
		return NULL;
	if (ob->ob_leaves == NULL)
		ob->ob_leaves = calloc(ob->ob_nleaves, sizeof(*ob->ob_leaves));
	if (ob->ob_leaves == NULL)
		return NULL;
	if (ob->ob_leaves[page / LEAF] == NULL)
		ob->ob_leaves[page / LEAF] = calloc(leaf_size(ob, page / LEAF), sizeof(data_word));
	return word_find(ob, page);
}

static bool
is_in_store(data_word w)
{
	return ((w & DATA_KIND) == DATA_PACKED || (w & DATA_KIND) == DATA_RAW) && (w & DATA_VALUE) != 0;
}

static bool
is_on_swap(data_word w)
{
	return (w & DATA_KIND) == DATA_SLOT;
}

static bool
is_same_slot(data_word w, data_word slot)
{
	return is_on_swap(w) && (w & DATA_VALUE) == (slot & DATA_VALUE);
}

/* ---- The list of objects by age ---- */

static void
old_append(struct data_object *ob)
{
	if (ob->ob_is_old)
		return;
	ob->ob_is_old = true;
	ob->ob_old_next = NULL;
	ob->ob_old_prev = youngest;
	*(youngest != NULL ? &youngest->ob_old_next : &oldest) = ob;
	youngest = ob;
}

static void
old_remove(struct data_object *ob)
{
	if (!ob->ob_is_old)
		return;
	ob->ob_is_old = false;
	*(ob->ob_old_prev != NULL ? &ob->ob_old_prev->ob_old_next : &oldest) = ob->ob_old_next;
	*(ob->ob_old_next != NULL ? &ob->ob_old_next->ob_old_prev : &youngest) = ob->ob_old_prev;
}

/* What W stands for is not needed any more. */
static void
word_drop(struct data_object *ob, data_word w)
{
	if (is_in_store(w)) {
		data_store_drop(w);
		if (--ob->ob_stored == 0)
			old_remove(ob);
	} else if (is_on_swap(w)) {
		data_slot_free(w);
		ob->ob_slots--;
		data_counts.co_slots--;
	} else if (w == DATA_ZEROS) {
		data_counts.co_zeros--;
	}
}

/* W, made just now, is what stands for a page of OB. */
static void
word_count(struct data_object *ob, data_word w)
{
	if (is_in_store(w)) {
		ob->ob_stored++;
		old_append(ob);
	} else if (is_on_swap(w)) {
		ob->ob_slots++;
		data_counts.co_slots++;
	} else if (w == DATA_ZEROS) {
		data_counts.co_zeros++;
	}
}

/* ---- Objects ---- */

void
data_object_begin(struct data_object *ob, uint32_t npages)
{
	ob->ob_npages = npages;
	ob->ob_nleaves = (npages + LEAF - 1) / LEAF;
	ob->ob_ahead = AHEAD_MIN;
	ob->ob_next = data_objects;
	ob->ob_prev = &data_objects;
	if (ob->ob_next != NULL)
		ob->ob_next->ob_prev = &ob->ob_next;
	data_objects = ob;
	data_counts.co_objects++;
}

void
data_object_end(struct data_object *ob)
{
	for (uint32_t i = 0; i < ob->ob_nleaves && ob->ob_leaves != NULL; i++) {
		for (uint32_t k = 0; ob->ob_leaves[i] != NULL && k < leaf_size(ob, i); k++)
			word_drop(ob, ob->ob_leaves[i][k]);
		free(ob->ob_leaves[i]);
	}
	free(ob->ob_leaves);
	ob->ob_leaves = NULL;
	ob->ob_npages = ob->ob_nleaves = 0;
	old_remove(ob);
	*ob->ob_prev = ob->ob_next;
	if (ob->ob_next != NULL)
		ob->ob_next->ob_prev = ob->ob_prev;
	data_counts.co_objects--;
}

/* ---- Pages that come and go ---- */

static bool
is_zero(const void *page)
{
	const uint32_t *w = page, *end = w + DATA_PAGE / sizeof(*w);

	while (w < end && *w == 0)
		w++;
	return w == end;
}

bool
data_page_keep(struct data_object *ob, uint32_t page, const void *data)
{
	data_word *w = word_make(ob, page), new = DATA_ZEROS;

	if (w == NULL)
		return false;
	word_drop(ob, *w);
	*w = DATA_NONE;
	if (!is_zero(data) && !data_store_put(data, &new))
		return false;
	*w = new;
	word_count(ob, new);
	data_counts.co_kept++;
	return true;
}

enum data_answer
data_page_ask(struct data_object *ob, uint32_t page, void *buf)
{
	data_word *w = word_find(ob, page);

	if (w == NULL || *w == DATA_NONE)
		return DATA_IS_ABSENT;
	data_counts.co_given++;
	if (*w == DATA_ZEROS) {
		memset(buf, 0, DATA_PAGE);
		return DATA_IS_KEPT;
	}
	if (is_in_store(*w)) {
		data_store_get(*w, buf);
		word_drop(ob, *w);
		*w = DATA_NONE;
		return DATA_IS_GIVEN;
	}
	if (*w & DATA_COMING) {
		*w |= DATA_WANTED;
		return DATA_IS_COMING;
	}
	return DATA_IS_ON_SWAP;
}

/* ---- From swap ---- */

/* Is so much of it in use that what the kernel has must not be there, too? */
static bool
swap_is_tight(void)
{
	uint64_t all, left;

	data_slots_count(&all, &left);
	return left < all / 4;
}

/* How many pages from PAGE on should be read at once: more and more, as long as they are asked for one after the other. */
static uint32_t
ahead_of(struct data_object *ob, uint32_t page)
{
	if (page != ob->ob_end)
		ob->ob_ahead = ob->ob_ahead > AHEAD_MIN ? ob->ob_ahead / 2 : AHEAD_MIN;
	else if (ob->ob_ahead < AHEAD_MAX)
		ob->ob_ahead *= 2;
	return ob->ob_ahead;
}

data_word
data_page_slot(const struct data_object *ob, uint32_t page)
{
	return *word_find(ob, page) & (DATA_VALUE | DATA_KIND);
}

bool
data_page_given(struct data_object *ob, uint32_t page)
{
	data_word *w = word_find(ob, page);

	if (!swap_is_tight())
		return false;
	word_drop(ob, *w);
	*w = DATA_NONE;
	return true;
}

uint32_t
data_read_begin(struct data_object *ob, uint32_t page, uint32_t max, data_word *slot)
{
	data_word *w = word_find(ob, page), *next;
	uint32_t n, ahead = ahead_of(ob, page);

	if (ahead < max)
		max = ahead;
	*slot = data_page_slot(ob, page);
	*w |= DATA_COMING | DATA_WANTED;
	for (n = 1; n < max; n++) {
		next = word_find(ob, page + n);
		if (next == NULL || !is_same_slot(*next, data_slot_next(*slot, n)) || (*next & DATA_COMING))
			break;
		*next |= DATA_COMING;
	}
	ob->ob_end = page + n;
	data_slot_area(*slot)->ar_busy++;
	return n;
}

void
data_read_end(struct data_object *ob, uint32_t page, uint32_t n, data_word slot, bool ok, uint32_t *good, uint32_t *wanted)
{
	data_slot_area(slot)->ar_busy--;
	data_counts.co_read += ok ? n : 0;
	*good = *wanted = 0;
	for (uint32_t i = 0; i < n; i++) {
		data_word *w = word_find(ob, page + i);

		if (w == NULL || !(*w & DATA_COMING) || !is_same_slot(*w, data_slot_next(slot, i)))
			continue;		/* it was given back, or is no more: nobody waits for it */
		*good |= 1u << i;
		*wanted |= *w & DATA_WANTED ? 1u << i : 0;
		*w &= ~(DATA_COMING | DATA_WANTED);
	}
}

/* ---- To swap ---- */

/* Note up to MAX pages of OB's that are in the store, from its cursor on. */
static void
save_choose(struct data_save *sv, struct data_object *ob, uint32_t max)
{
	uint32_t page = ob->ob_cursor < ob->ob_npages ? ob->ob_cursor : 0;

	sv->sv_n = 0;
	for (uint32_t seen = 0; seen < ob->ob_npages && sv->sv_n < max; seen++) {
		const data_word *w = word_find(ob, page);

		if (w == NULL) {		/* a leaf without anything */
			seen += LEAF - page % LEAF - 1;
			page += LEAF - page % LEAF - 1;
		} else if (is_in_store(*w) && !(*w & DATA_SAVING)) {
			sv->sv_page[sv->sv_n] = page;
			sv->sv_word[sv->sv_n++] = *w;
		}
		if (++page >= ob->ob_npages) {
			if (sv->sv_n > 0)
				break;		/* not beyond the end and at the beginning in one row */
			page = 0;
		}
	}
}

bool
data_save_begin(struct data_save *sv, void *buf, uint32_t max)
{
	struct data_object *ob = oldest;

	if (ob == NULL)
		return false;
	save_choose(sv, ob, max);
	sv->sv_n = sv->sv_n > 0 ? data_slots_take(sv->sv_n, &sv->sv_slot) : 0;
	if (sv->sv_n == 0)
		return false;
	sv->sv_object = ob;
	for (uint32_t i = 0; i < sv->sv_n; i++) {
		*word_find(ob, sv->sv_page[i]) |= DATA_SAVING;
		data_store_get(sv->sv_word[i], (char *)buf + (size_t)i * DATA_PAGE);
	}
	ob->ob_cursor = sv->sv_page[sv->sv_n - 1] + 1;
	data_slot_area(sv->sv_slot)->ar_busy++;
	return true;
}

void
data_save_end(struct data_save *sv, bool ok)
{
	struct data_object *ob = sv->sv_object;

	data_slot_area(sv->sv_slot)->ar_busy--;
	for (uint32_t i = 0; i < sv->sv_n; i++) {
		data_word slot = data_slot_next(sv->sv_slot, i), *w = word_find(ob, sv->sv_page[i]);
		bool is_there = w != NULL && *w == (sv->sv_word[i] | DATA_SAVING);

		if (is_there)
			*w &= ~DATA_SAVING;
		if (!ok) {
			data_slot_spoil(slot);
		} else if (is_there) {
			word_drop(ob, *w);
			*w = slot;
			word_count(ob, slot);
		} else {
			data_slot_free(slot);
		}
	}
	data_counts.co_written += ok ? sv->sv_n : 0;
}

/* ---- Emptying an area ---- */

/* The first pages of OB on AR that nobody reads. */
static bool
fetch_find(struct data_fetch *fe, struct data_object *ob, const struct data_area *ar, uint32_t max)
{
	for (uint32_t page = 0; page < ob->ob_npages; page++) {
		const data_word *w = word_find(ob, page);

		if (w == NULL) {
			page += LEAF - page % LEAF - 1;
			continue;
		}
		if (!is_on_swap(*w) || (*w & DATA_COMING) || data_slot_area(*w) != ar)
			continue;
		*fe = (struct data_fetch){ ob, page, 1, *w & (DATA_VALUE | DATA_KIND) };
		while (fe->fe_n < max && (w = word_find(ob, page + fe->fe_n)) != NULL &&
		    is_same_slot(*w, data_slot_next(fe->fe_slot, fe->fe_n)))
			fe->fe_n++;
		return true;
	}
	return false;
}

bool
data_fetch_begin(struct data_fetch *fe, const struct data_area *ar, uint32_t max)
{
	for (struct data_object *ob = data_objects; ob != NULL; ob = ob->ob_next)
		if (ob->ob_slots > 0 && fetch_find(fe, ob, ar, max))
			return true;
	return false;
}

bool
data_fetch_end(struct data_fetch *fe, const void *buf)
{
	for (uint32_t i = 0; i < fe->fe_n; i++) {
		const char *page = (const char *)buf + (size_t)i * DATA_PAGE;
		data_word *w = word_find(fe->fe_object, fe->fe_page + i), new = DATA_ZEROS;

		if (w == NULL || (*w & DATA_COMING) || !is_same_slot(*w, data_slot_next(fe->fe_slot, i)))
			continue;
		if (!is_zero(page) && !data_store_put(page, &new))
			return false;
		word_drop(fe->fe_object, *w);
		*w = new;
		word_count(fe->fe_object, new);
	}
	return true;
}
