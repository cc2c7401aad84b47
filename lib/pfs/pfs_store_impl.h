/*
 * pfs_store_impl.h - what the files of the cache layer of stored files know of each other.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef PFS_STORE_IMPL_H
#define PFS_STORE_IMPL_H

#include <masix/pfs_store.h>
#include <masix/server.h>
#include "pfs_lib.h"

/*
 * A slot per page: the address of a page here that has to be stored (0: none), and these. Without any the page is on the disk
 * alone.
 */
#define PS_KERNEL	1u	/* the kernel has the page, or dropped it unseen; if there is an address, too, that is older */
#define PS_CLAIMED	2u	/* a fibril fetches or replaces it: nobody else supplies it; waiters: ps_changed */
#define PS_STORING	4u	/* a fibril stores the page that was at the address; that page is the fibril's */
#define PS_WANTED	8u	/* the kernel asked for it while it was claimed */
#define PS_EVICTED	16u	/* the kernel gave the page up: not to be pressed on it again */
#define PS_RENEWED	32u	/* the address is not the one that is being stored */
#define PS_FLAGS	(MX_PAGE - 1)

#define PS_CLUSTER	64u	/* pages that are fetched or stored at once */
#define PS_PAGES_MAX	0xfffffu	/* the kernel's offsets have 32 bits */

struct pfs_store {
	/* fibrils only */
	struct pfs_store *ps_next, **ps_link;	/* all of this task */
	struct pfs_node	*ps_node;
	struct pfs_store **ps_place;
	const struct pfs_store_ops *ps_ops;
	struct mx_mutex	ps_mutex;	/* who changes contents or size */
	struct mx_cond	ps_changed;	/* a claim or a store ended, or ps_busy became 0 */
	uint64_t	ps_writing;	/* the size that a write under way will make; 0 */
	unsigned int	ps_busy;	/* fibrils that work for the kernel */
	bool		ps_mapped_dirty;	/* this task changed pages that the kernel has */
	bool		ps_keep;	/* being released: store what is pending */
	void		(*ps_done)(struct pfs_node *node);	/* being released */
	uint32_t	ps_round;	/* of the write-back that visited it */
	uint32_t	ps_after;	/* read-ahead: the page behind the last that was fetched */
	uint32_t	ps_cluster;	/* and how many were */
	/* guarded by ps_lock against the pager's thread */
	struct mx_spin	ps_lock;
	struct mx_slots	ps_slots;
	uint32_t	ps_npages;	/* the end of the file */
	uint32_t	ps_pending;	/* addresses */
};

static inline uint8_t *
store_address(uint32_t slot)
{
	return (uint8_t *)(uintptr_t)(slot & ~PS_FLAGS);
}

static inline uint32_t
store_pages_of(uint64_t size)
{
	return size >= (uint64_t)PS_PAGES_MAX * MX_PAGE ? PS_PAGES_MAX : (uint32_t)((size + MX_PAGE - 1) >> MX_PAGE_SHIFT);
}

static inline struct mx_pager *
store_pager(const struct pfs_store *ps)
{
	return ps->ps_node->pn_pager;
}

/* ---- Slots (pfs_store_slots.c) ---- */

/* NULL: it is 0. Locks: ps_lock, or a fibril that only looks */
static inline uint32_t *
store_slot_find(struct pfs_store *ps, uint32_t page)
{
	return mx_slots_find(&ps->ps_slots, page);
}

static inline uint32_t
store_slot_get(struct pfs_store *ps, uint32_t page)
{
	return mx_slots_get(&ps->ps_slots, page);
}

/* Have slots for [FIRST, END). False: no memory. Fibrils only. */
static inline bool
store_slots_make(struct pfs_store *ps, uint32_t first, uint32_t end)
{
	return mx_slots_make(&ps->ps_slots, &ps->ps_lock, first, end);
}

void store_slots_free(struct pfs_store *ps);
/* SLOT gets the page ADDR, to be stored. Answers the one that it replaces and that has to be freed, or NULL. Locks: ps_lock */
void *store_slot_put(struct pfs_store *ps, uint32_t *slot, void *addr);
/* SLOT's page is stored or dropped: it is the caller's. Locks: ps_lock */
void *store_slot_take(struct pfs_store *ps, uint32_t *slot);
/* Drop everything that is pending in [FIRST, END), and what is known of the kernel there. Nothing is claimed or being stored. */
void store_slots_clear(struct pfs_store *ps, uint32_t first, uint32_t end);
/* Wait until nobody has claimed or stores a page of [FIRST, END). */
void store_slots_wait(struct pfs_store *ps, uint32_t first, uint32_t end);
/* Pages of all files that wait to be stored. */
extern volatile uint32_t store_pending_all;

/* ---- The kernel's pages (pfs_store_fetch.c) ---- */

extern const struct mx_pager_ops store_pager_ops;
void store_unused(struct mx_pager *pg);		/* pfs_store.c: the end */
/* Give the kernel a copy of SLOT's page, which waits to be stored. Locks: ps_lock */
void store_supply_pending(struct pfs_store *ps, uint32_t *slot, uint32_t page);
/* N pages at ADDR, just fetched (and claimed) or stored, go to the kernel, which has them not; what it does not take is freed. */
void store_supply_move(struct pfs_store *ps, uint32_t page, uint8_t *addr, uint32_t n);
/* PAGE as it is on the disk in new memory, a page of the pool's kind; NULL: a hole. */
kern_return_t store_fetch_one(struct pfs_store *ps, uint32_t page, uint8_t **out);
/* The end of a claim of PAGE that was not answered with a supply: who asked meanwhile is answered. */
void store_claim_end(struct pfs_store *ps, uint32_t page);

/* Have the kernel know PS's memory object. It does when this side is told by ps_changed. */
void store_announce(struct pfs_store *ps);

/* ---- Writing back (pfs_store_flush.c) ---- */

/* Store what is pending in [FIRST, END), and wait until nobody stores there. Blocks. */
void store_flush(struct pfs_store *ps, uint32_t first, uint32_t end);
/* Have the kernel return what it has that was changed. Blocks. */
void store_collect(struct pfs_store *ps);
/* Wait, if too many pages are pending, until it is less. Blocks. */
void store_throttle(struct pfs_store *ps);
/* PS is new: it will be written back from time to time. */
void store_enlist(struct pfs_store *ps);
void store_delist(struct pfs_store *ps);
/* Once, before the first file. */
kern_return_t store_start(void);
/* Any thread: pages were evicted. */
void store_flush_soon(struct mx_pager *pg);

#endif
