/*
 * test_data.c - the core of the data pager: random page-outs and page-ins, compared with what each page should hold.
 *
 * The kernel is an array of pages that are resident or not, the disk another. Reads and writes are under way while everything else goes
 * on, fail now and then, and objects end in the middle of them. The store is small, and its memory sometimes cannot be had.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "data.h"

#define OBJECTS		6u
#define PAGES		300u
#define DISK_PAGES	900u
#define AREAS		2u
#define READS		6u
#define AHEADS		4u
#define REGION		(8u << 20)

static unsigned int failures, tests;
static uint64_t seed = 1;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

static void
check(bool ok, const char *what, int line)
{
	if (!ok && failures++ < 20)
		printf("# line %d: %s\n", line, what);
}
#define CHECK(x) check((x), #x, __LINE__)

static void
tap(const char *what)
{
	static unsigned int before;

	printf("%s %u - %s\n", failures == before ? "ok" : "not ok", ++tests, what);
	before = failures;
}

/* ---- Memory for the store ---- */

static char *region;
static uint32_t mapped, map_limit = UINT32_MAX;

char *
data_region(void)
{
	return region;
}

uint32_t
data_region_size(void)
{
	return REGION;
}

bool
data_chunk_map(void *at)
{
	if (mapped >= map_limit || rnd(50) == 0)
		return false;
	CHECK(mprotect(at, DATA_CHUNK, PROT_READ | PROT_WRITE) == 0);
	mapped++;
	return true;
}

void
data_chunk_unmap(void *at)
{
	CHECK(madvise(at, DATA_CHUNK, MADV_DONTNEED) == 0 && mprotect(at, DATA_CHUNK, PROT_NONE) == 0);
	mapped--;
}

/* ---- Disks ---- */

static char disk[AREAS][DISK_PAGES][DATA_PAGE];
static struct data_area *area[AREAS];

static char *
disk_at(data_word slot)
{
	return disk[data_slot_area(slot)->ar_disk == disk[0] ? 0 : 1][data_slot_offset(slot) / DATA_PAGE];
}

static void
header_make(char *page, uint32_t last, uint32_t bad)
{
	const uint32_t words[3] = { 1, last, bad };

	memset(page, 0, DATA_PAGE);
	memcpy(page + 1024, words, sizeof(words));
	for (uint32_t i = 0; i < bad && i < 500; i++)
		memcpy(page + 1536 + 4 * i, &(uint32_t){ 5 + 7 * i }, 4);
	memcpy(page + 4086, "SWAPSPACE2", 10);
}

static void
area_on(unsigned int i)
{
	uint32_t slots = 0;

	header_make(disk[i][0], DISK_PAGES - 1, 10);
	CHECK(data_area_check(disk[i][0], DISK_PAGES, &slots) == NULL && slots == DISK_PAGES);
	area[i] = data_area_add(disk[i][0], slots, (int32_t)i);
	CHECK(area[i] != NULL);
	if (area[i] != NULL)
		area[i]->ar_disk = disk[i];
}

/* ---- The kernel ---- */

struct page {
	uint32_t	version;	/* of what it should hold; 0: it was never written */
	bool		is_resident, is_dirty, is_waited_for;
};

static struct object {
	struct data_object ob;
	unsigned int	refs;
	struct page	pages[PAGES];
	bool		is_alive;
} *objects[OBJECTS];

static uint32_t next_version;

/* Some versions are zeros, some pack well, some do not. */
static void
page_make(char *to, uint32_t version)
{
	uint32_t x = version * 2654435761u | 1, *w = (uint32_t *)(void *)to;

	for (uint32_t i = 0; i < DATA_PAGE / 4; i++) {
		x = x * 1664525u + 1013904223u;
		w[i] = version % 5 == 0 ? 0 : version % 5 == 1 ? x : version % 5 == 2 && i % 2 ? x >> 16 : version;
	}
}

static bool
page_is(const void *data, uint32_t version)
{
	char want[DATA_PAGE] __attribute__((aligned(4)));

	page_make(want, version);
	return memcmp(data, want, DATA_PAGE) == 0;
}

static struct object *
object_of(struct data_object *ob)
{
	return (struct object *)((char *)ob - offsetof(struct object, ob));
}

static void
object_release(struct object *o)
{
	if (--o->refs == 0)
		free(o);
}

static void
object_new(unsigned int i)
{
	struct object *o = calloc(1, sizeof(*o));

	data_object_begin(&o->ob, 1 + rnd(PAGES));
	o->refs = 1;
	o->is_alive = true;
	objects[i] = o;
}

static void
object_end(unsigned int i)
{
	data_object_end(&objects[i]->ob);
	objects[i]->is_alive = false;
	object_release(objects[i]);
	objects[i] = NULL;
}

/* The kernel got PAGE: is it what was given to us? */
static void
page_come(struct object *o, uint32_t page, const void *data, bool precious)
{
	struct page *pg = &o->pages[page];

	CHECK(pg->is_waited_for && !pg->is_resident);
	CHECK(page_is(data, pg->version));
	pg->is_waited_for = false;
	pg->is_resident = true;
	pg->is_dirty = precious;
}

/* ---- What was read ahead (as swap.c keeps it) ---- */

static struct { data_word slot; uint32_t n, left; char (*pages)[DATA_PAGE]; } aheads[AHEADS];

static void
ahead_forget(data_word slot, uint32_t n)
{
	for (unsigned int i = 0; i < AHEADS; i++)
		if (aheads[i].n > 0 && aheads[i].slot < data_slot_next(slot, n) &&
		    slot < data_slot_next(aheads[i].slot, aheads[i].n))
			aheads[i].n = 0;
}

static void *
ahead_take(data_word slot)
{
	for (unsigned int i = 0; i < AHEADS; i++) {
		uint32_t at = (slot - aheads[i].slot) >> DATA_VALUE_SHIFT;

		if (slot >= aheads[i].slot && at < aheads[i].n && (aheads[i].left >> at & 1)) {
			aheads[i].left &= ~(1u << at);
			return aheads[i].pages[at];
		}
	}
	return NULL;
}

/* ---- Requests to the disk that are under way ---- */

static struct read { struct object *o; uint32_t page, n; data_word slot; char pages[DATA_READ_MAX][DATA_PAGE]; bool is_read; } reads[READS];
static struct data_save save;
static bool is_saving;
static char save_buffer[DATA_SAVE_MAX][DATA_PAGE];

static void ask(struct object *o, uint32_t page);

static void
read_begin(struct object *o, uint32_t page)
{
	void *here = ahead_take(data_page_slot(&o->ob, page));
	struct read *r = reads;

	if (here != NULL) {
		page_come(o, page, here, data_page_given(&o->ob, page));
		return;
	}
	while (r < reads + READS && r->o != NULL)
		r++;
	if (r == reads + READS)
		return;			/* the kernel asks again below */
	o->refs++;
	r->o = o;
	r->page = page;
	r->n = data_read_begin(&o->ob, page, 1 + rnd(DATA_READ_MAX), &r->slot);
	r->is_read = false;
}

/* The disk gives the data, which some time later are seen. */
static void
read_data(struct read *r)
{
	if (r->o != NULL && !r->is_read)
		for (uint32_t i = 0; i < r->n; i++)
			memcpy(r->pages[i], disk_at(data_slot_next(r->slot, i)), DATA_PAGE);
	r->is_read = true;
}

static void
read_end(struct read *r, bool ok)
{
	struct object *o = r->o;
	uint32_t good, wanted, k = rnd(AHEADS);

	if (o == NULL)
		return;
	read_data(r);
	r->o = NULL;
	data_read_end(&o->ob, r->page, r->n, r->slot, ok, &good, &wanted);
	CHECK((wanted & ~good) == 0 && (o->is_alive || good == 0));
	for (uint32_t i = 0; i < r->n; i++) {
		if (!(wanted >> i & 1))
			continue;
		if (ok)
			page_come(o, r->page + i, r->pages[i], data_page_given(&o->ob, r->page + i));
		else
			ask(o, r->page + i);
	}
	if (ok) {
		memcpy(aheads[k].pages, r->pages, sizeof(r->pages));
		aheads[k].slot = r->slot;
		aheads[k].n = r->n;
		aheads[k].left = good & ~wanted;
	}
	object_release(o);
}

static void
save_step(bool ok)
{
	if (!is_saving) {
		is_saving = data_save_begin(&save, save_buffer, 1 + rnd(DATA_SAVE_MAX));
		if (is_saving) {
			object_of(save.sv_object)->refs++;
			ahead_forget(save.sv_slot, save.sv_n);
		}
		return;
	}
	for (uint32_t i = 0; i < save.sv_n; i++)
		if (ok || rnd(2))
			memcpy(disk_at(data_slot_next(save.sv_slot, i)), save_buffer[i], DATA_PAGE);
	is_saving = false;
	data_save_end(&save, ok);
	object_release(object_of(save.sv_object));
}

/* ---- What happens ---- */

static void
ask(struct object *o, uint32_t page)
{
	static char buf[DATA_PAGE] __attribute__((aligned(4)));
	struct page *pg = &o->pages[page];
	enum data_answer answer = data_page_ask(&o->ob, page, buf);

	pg->is_waited_for = true;
	switch (answer) {
	case DATA_IS_ABSENT:
		CHECK(pg->version == 0);
		pg->is_waited_for = false;
		pg->is_resident = pg->is_dirty = true;
		pg->version = ++next_version;
		break;
	case DATA_IS_KEPT:
	case DATA_IS_GIVEN:
		page_come(o, page, buf, answer == DATA_IS_GIVEN);
		break;
	case DATA_IS_ON_SWAP:
		read_begin(o, page);
		break;
	case DATA_IS_COMING:
		break;
	}
}

static void
evict(struct object *o, uint32_t page)
{
	static char buf[DATA_PAGE] __attribute__((aligned(4)));
	struct page *pg = &o->pages[page];

	if (pg->is_dirty) {
		page_make(buf, pg->version);
		if (!data_page_keep(&o->ob, page, buf))
			return;		/* no room: it stays */
	}
	pg->is_resident = false;
}

static void
touch(struct object *o, uint32_t page)
{
	struct page *pg = &o->pages[page];

	if (pg->is_resident && rnd(3) == 0) {
		pg->is_dirty = true;
		pg->version = ++next_version;
	} else if (pg->is_resident) {
		evict(o, page);
	} else if (!pg->is_waited_for) {
		ask(o, page);
	} else if (data_page_ask(&o->ob, page, disk[0][0]) == DATA_IS_ON_SWAP) {
		read_begin(o, page);	/* there was no reader before */
	}
}

static void
step(bool may_fail)
{
	unsigned int i = rnd(OBJECTS), page;

	if (objects[i] == NULL)
		object_new(i);
	else if (rnd(3000) == 0)
		object_end(i);
	if (objects[i] != NULL) {
		/* Neighbours, so that there is something to read ahead. */
		page = rnd(objects[i]->ob.ob_npages);
		for (unsigned int n = 1 + rnd(12); n > 0 && page < objects[i]->ob.ob_npages; n--, page++)
			touch(objects[i], page);
	}
	if (rnd(3) == 0)
		save_step(!may_fail || rnd(200) != 0);
	if (rnd(2) == 0)
		read_data(&reads[rnd(READS)]);
	if (rnd(2) == 0)
		read_end(&reads[rnd(READS)], !may_fail || rnd(20) != 0);
}

static void
finish_requests(void)
{
	if (is_saving)
		save_step(true);
	for (unsigned int i = 0; i < READS; i++)
		read_end(&reads[i], true);
}

static void
end_all(void)
{
	uint64_t all, left;

	finish_requests();
	for (unsigned int i = 0; i < OBJECTS; i++)
		if (objects[i] != NULL)
			object_end(i);
	finish_requests();
	data_slots_count(&all, &left);
	CHECK(left == all);
	CHECK(data_counts.co_objects == 0 && data_counts.co_slots == 0 && data_counts.co_zeros == 0);
	CHECK(data_store_stats.ss_pages == 0 && data_store_stats.ss_live == 0 && data_objects == NULL);
}

/* As swap.c empties an area, with all else going on. */
static bool
area_off(unsigned int i)
{
	struct data_fetch fe;
	static char pages[8][DATA_PAGE];
	bool ok = true;

	area[i]->ar_closing = true;
	for (unsigned int tries = 0; ok && (area[i]->ar_used > area[i]->ar_bad || area[i]->ar_busy > 0) && tries < 100000; tries++) {
		if (data_fetch_begin(&fe, area[i], 8)) {
			struct object *o = object_of(fe.fe_object);

			o->refs++;
			for (uint32_t k = 0; k < fe.fe_n; k++)
				memcpy(pages[k], disk_at(data_slot_next(fe.fe_slot, k)), DATA_PAGE);
			for (unsigned int k = rnd(4); k > 0; k--)
				step(false);
			ok = data_fetch_end(&fe, pages) || rnd(4) != 0;
			object_release(o);
		}
		step(false);
	}
	ok = area[i]->ar_used == area[i]->ar_bad && area[i]->ar_busy == 0;
	if (ok) {
		memset(disk[i], 0x55, sizeof(disk[i]));
		for (unsigned int k = 0; k < AHEADS; k++)
			aheads[k].n = 0;
		data_area_remove(area[i]);
		area[i] = NULL;
	} else {
		area[i]->ar_closing = false;
	}
	return ok;
}

/* ---- Headers ---- */

static void
headers(void)
{
	static char page[DATA_PAGE];
	uint32_t slots;

	header_make(page, 99, 0);
	CHECK(data_area_check(page, 100, &slots) == NULL && slots == 100);
	CHECK(data_area_check(page, 99, &slots) != NULL);
	header_make(page, 99, 700);
	CHECK(data_area_check(page, 100, &slots) != NULL);
	header_make(page, 20, 4);
	CHECK(data_area_check(page, 100, &slots) != NULL);	/* a bad page beyond the end */
	header_make(page, 0, 0);
	CHECK(data_area_check(page, 100, &slots) != NULL);
	header_make(page, 99, 0);
	page[4095] = '1';
	CHECK(data_area_check(page, 100, &slots) != NULL);
	for (unsigned int i = 0; i < 100000; i++) {
		header_make(page, rnd(200), rnd(4));
		for (unsigned int k = rnd(6); k > 0; k--)
			page[1024 + rnd(700)] = (char)rnd(256);
		if (data_area_check(page, 100, &slots) == NULL) {
			struct data_area *ar = data_area_add(page, slots, 0);

			CHECK(slots <= 100 && ar != NULL && ar->ar_used >= 1 && ar->ar_used <= slots);
			if (ar != NULL)
				data_area_remove(ar);
		}
	}
	tap("headers, good and bad");
}

int
main(void)
{
	unsigned int offs = 0;

	region = mmap(NULL, REGION + DATA_CHUNK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	region += DATA_CHUNK - (uintptr_t)region % DATA_CHUNK;
	for (unsigned int i = 0; i < AHEADS; i++)
		aheads[i].pages = malloc(DATA_READ_MAX * DATA_PAGE);
	CHECK(data_store_init(1u << 20));
	headers();

	for (unsigned int i = 0; i < 20000; i++)
		step(false);
	end_all();
	tap("a store alone, which is too small");

	area_on(0);
	area_on(1);
	for (unsigned int i = 0; i < 60000; i++)
		step(false);
	CHECK(data_counts.co_written > 1000 && data_counts.co_read > 1000);
	end_all();
	tap("two swap areas");

	for (unsigned int i = 0; i < 60; i++) {
		unsigned int which = rnd(AREAS);

		if (area[which] == NULL)
			area_on(which);
		for (unsigned int k = rnd(3000); k > 0; k--)
			step(false);
		offs += area_off(which);
	}
	CHECK(offs > 5);
	end_all();
	tap("areas that come and go");

	for (unsigned int i = 0; i < AREAS; i++)
		if (area[i] == NULL)
			area_on(i);
	for (unsigned int i = 0; i < 60000; i++) {
		map_limit = rnd(500) == 0 ? rnd(32) : map_limit;
		step(true);
	}
	end_all();
	tap("disks that fail, memory that runs out");
	printf("1..%u\n", tests);
	for (unsigned int i = 0; i < AREAS; i++)
		data_area_remove(area[i]);
	for (unsigned int i = 0; i < AHEADS; i++)
		free(aheads[i].pages);
	return failures != 0;
}
