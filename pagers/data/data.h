/*
 * data.h - the core of the data pager: where pages are that the kernel had no room for.
 *
 * No Mach call and no waiting in it, so it is tested on the host. What it needs of the world is declared at the end.
 *
 * For each page there is one word. Its low bits say what kind it is; the rest is an address of the store, or a number of a slot on
 * a swap area.
 *
 * Locks: none; the server has one thread, and none of these functions parks.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef DATA_H
#define DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATA_PAGE	4096u

typedef uint32_t data_word;

#define DATA_KIND	0x03u
#define DATA_NONE	0x00u		/* never came here, or it is the kernel's */
#define DATA_PACKED	0x01u		/* in the store, compressed */
#define DATA_RAW	0x02u		/* in the store as it is */
#define DATA_SLOT	0x03u		/* on swap */
#define DATA_SAVING	0x04u		/* of the store: being written to swap */
#define DATA_COMING	0x08u		/* of swap: being read */
#define DATA_WANTED	0x10u		/* ... and asked for meanwhile */
#define DATA_VALUE	0xffffffc0u
#define DATA_VALUE_SHIFT 6
#define DATA_ZEROS	DATA_PACKED	/* without an address */

/* ---- The store (store.c): compressed pages in memory, up to a limit ---- */

struct data_store_stats {
	uint32_t	ss_pages;	/* that are in it */
	uint32_t	ss_bytes;	/* of memory that it has */
	uint32_t	ss_live;	/* ... in use for pages */
	uint32_t	ss_limit;
	uint32_t	ss_raw;		/* pages that could not be compressed */
};
extern struct data_store_stats data_store_stats;

/* Errors: false, no memory. */
bool data_store_init(uint32_t limit);
/* Copy PAGE in. Errors: false, the store is full. */
bool data_store_put(const void *page, data_word *word);
void data_store_get(data_word word, void *page);
void data_store_drop(data_word word);

/* ---- Swap areas and their slots (slots.c) ---- */

#define DATA_AREAS	4u
#define DATA_AREA_SLOTS	(1u << 24)	/* at most, each */
#define DATA_PATH_MAX	255u

struct data_area {
	uint32_t	*ar_map;	/* a bit for each slot: in use; NULL: no such area */
	uint32_t	ar_slots, ar_used;
	uint32_t	ar_bad;		/* among those in use: of no use */
	uint32_t	ar_next;	/* where to look first */
	uint32_t	ar_busy;	/* requests to the disk that are under way */
	uint32_t	ar_errors;
	int32_t		ar_priority;
	bool		ar_closing;	/* nothing more is to be written to it */
	void		*ar_disk;	/* the server's */
	char		ar_path[DATA_PATH_MAX + 1], ar_source[32];
};
extern struct data_area data_areas[DATA_AREAS];

/* What the first page of a swap area says, as mkswap wrote it. DISK_PAGES is how large the disk is. Returns why it cannot be used,
 * or NULL and the number of slots. */
const char *data_area_check(const void *header, uint64_t disk_pages, uint32_t *slots);
/* A new area with HEADER, which was checked. Errors: NULL, there are enough, or no memory. */
struct data_area *data_area_add(const void *header, uint32_t slots, int32_t priority);
void data_area_remove(struct data_area *ar);
/* Up to N slots in a row on one area; *FIRST is the word of the first. Returns how many, 0: there is none. */
uint32_t data_slots_take(uint32_t n, data_word *first);
void data_slot_free(data_word word);
/* It cannot be written: never use it again. */
void data_slot_spoil(data_word word);
struct data_area *data_slot_area(data_word word);
uint64_t data_slot_offset(data_word word);	/* in bytes, on its disk */
data_word data_slot_next(data_word word, uint32_t n);
/* Slots of all areas, and those that are free. */
void data_slots_count(uint64_t *all, uint64_t *left);

/* ---- Objects and their pages (pages.c) ---- */

struct data_object {
	struct data_object *ob_next, **ob_prev;		/* all */
	struct data_object *ob_old_next, *ob_old_prev;	/* those with pages in the store, oldest first */
	uint32_t	ob_npages;
	uint32_t	ob_nleaves;
	data_word	**ob_leaves;
	uint32_t	ob_stored;	/* pages in the store, without zeros */
	uint32_t	ob_slots;	/* pages on swap */
	uint32_t	ob_cursor;	/* where saving goes on */
	uint32_t	ob_end, ob_ahead; /* where the last read ended, and how many pages it was allowed */
	bool		ob_is_old;	/* it is in that list */
};
extern struct data_object *data_objects;

struct data_counts {
	uint64_t	co_kept, co_given;	/* pages from and to the kernel */
	uint64_t	co_written, co_read;	/* pages to and from swap */
	uint32_t	co_objects;
	uint32_t	co_zeros;		/* pages that are zeros */
	uint32_t	co_slots;		/* pages on swap */
};
extern struct data_counts data_counts;

void data_object_begin(struct data_object *ob, uint32_t npages);
void data_object_end(struct data_object *ob);

/* The kernel gives PAGE back; what was known of it is not true any more. Errors: false, there is no room for it. */
bool data_page_keep(struct data_object *ob, uint32_t page, const void *data);

enum data_answer {
	DATA_IS_ABSENT,		/* never came here */
	DATA_IS_KEPT,		/* in BUF, and here, too */
	DATA_IS_GIVEN,		/* in BUF, and not here any more */
	DATA_IS_ON_SWAP,	/* to be read: data_read_begin */
	DATA_IS_COMING,		/* is on its way already; nothing to do */
};
/* The kernel asks for PAGE. */
enum data_answer data_page_ask(struct data_object *ob, uint32_t page, void *buf);

/* PAGE is on swap: the slot's word. */
data_word data_page_slot(const struct data_object *ob, uint32_t page);
/* PAGE, which is on swap, was supplied. True: it is not kept, it must come back even if it does not change. */
bool data_page_given(struct data_object *ob, uint32_t page);

/* Reading from swap: data_read_begin chooses up to MAX pages from PAGE on that lie one after the other; *SLOT is where the first is.
 * data_read_end, when they were read (OK) or not, says which of them are still what they were (a bit each in GOOD), and which of
 * those the kernel waits for (WANTED). */
#define DATA_READ_MAX	32u
uint32_t data_read_begin(struct data_object *ob, uint32_t page, uint32_t max, data_word *slot);
void data_read_end(struct data_object *ob, uint32_t page, uint32_t n, data_word slot, bool ok, uint32_t *good, uint32_t *wanted);

/* Writing to swap: data_save_begin chooses up to MAX pages of one object that have been in the store for long and unpacks them to BUF;
 * data_save_end after they were written (OK), or not. Between the two the object must stay. */
#define DATA_SAVE_MAX	64u
struct data_save {
	struct data_object *sv_object;
	data_word	sv_slot;		/* of the first */
	uint32_t	sv_n;
	uint32_t	sv_page[DATA_SAVE_MAX];
	data_word	sv_word[DATA_SAVE_MAX];
};
/* Errors: false, nothing to save or no slot for it. */
bool data_save_begin(struct data_save *sv, void *buf, uint32_t max);
void data_save_end(struct data_save *sv, bool ok);

/* Emptying an area: data_fetch_begin finds pages on it (false: there is none that could be fetched now), which are read to where the
 * server likes; data_fetch_end puts them into the store. Errors: false, no room. */
struct data_fetch { struct data_object *fe_object; uint32_t fe_page, fe_n; data_word fe_slot; };
bool data_fetch_begin(struct data_fetch *fe, const struct data_area *ar, uint32_t max);
bool data_fetch_end(struct data_fetch *fe, const void *buf);

/* ---- The world ---- */

/* The region of the store: chunks of this size, mapped and unmapped one by one. */
#define DATA_CHUNK	32768u
char *data_region(void);
uint32_t data_region_size(void);
bool data_chunk_map(void *at);
void data_chunk_unmap(void *at);

#endif /* DATA_H */
