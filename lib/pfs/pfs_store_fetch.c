/*
 * pfs_store_fetch.c - a stored file's pages go to the kernel and come back: its pager.
 *
 * The kernel asks for one page; a cluster from it on is fetched and moved to the kernel, larger while somebody reads on. It may drop
 * a page unseen, and a request may be older than the answer that it has got with another one, so a page that the kernel was given
 * (PS_KERNEL) and is asked for is one of two things. To answer an old request with what the disk has would be wrong if the page was
 * changed since and is on its way back. So the kernel is first told to give up what it has there: when that is done, all that came back
 * has been taken in and the page can only come from here. Read-ahead takes only pages that the kernel cannot have.
 *
 * A page in a hole may be read but not written until room was found for it: it is supplied locked.
 *
 * The functions named store_begin, _request, _return, _unlock, _unsupplied and _terminated run on the pager's thread.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "pager_impl.h"
#include "pfs_store_impl.h"

#define CLUSTER_FIRST	16u
#define CLUSTER_LOW	2u	/* when memory is short */
#define NEAR		256u	/* pages: who goes further at random gets less each time, down to one page */
#define AHEAD_FROM	32u	/* clusters of this size are followed by another one at once */
#define ZEROS		16u	/* pages */

static uint8_t zeros[ZEROS * MX_PAGE] __attribute__((aligned(MX_PAGE)));

/* ---- Supplying ---- */

void
store_supply_pending(struct pfs_store *ps, uint32_t *slot, uint32_t page)
{
	*slot |= PS_KERNEL;
	(void)mx_pager_supply(store_pager(ps), page, store_address(*slot), 1, false, false);	/* object gone: nobody waits */
}

/* The claims (if any) of N pages from PAGE on end as pages that the kernel has, those behind the end of the file as errors. Answers how
 * many are inside. Locks: ps_lock */
static uint32_t
claims_pass(struct pfs_store *ps, uint32_t page, uint32_t n)
{
	uint32_t inside = page >= ps->ps_npages ? 0 : ps->ps_npages - page < n ? ps->ps_npages - page : n;
	uint32_t i, *slot;

	for (i = 0; i < n; i++) {
		slot = store_slot_find(ps, page + i);
		if (i >= inside && (*slot & PS_WANTED))
			mx_pager_error(store_pager(ps), page + i);
		*slot &= ~(PS_CLAIMED | PS_WANTED);
		if (i < inside)
			*slot |= PS_KERNEL;
	}
	return inside;
}

static void
pages_free(uint8_t *addr, uint32_t n)
{
	for (; n > 0; n--, addr += MX_PAGE)
		mx_page_free(addr);
}

void
store_supply_move(struct pfs_store *ps, uint32_t page, uint8_t *addr, uint32_t n)
{
	uint8_t *back = addr;
	uint32_t inside;

	mx_spin_lock(&ps->ps_lock);
	inside = claims_pass(ps, page, n);
	if (inside > 0)
		back = mx_pager_supply(store_pager(ps), page, addr, inside, true, false);
	mx_spin_unlock(&ps->ps_lock);
	if (back != addr)
		mx_page_gone(addr, inside);
	if (back != NULL)
		pages_free(back, inside);	/* the object went: it has none of them, and says so soon */
	pages_free(addr + inside * MX_PAGE, n - inside);
	mx_cond_broadcast(&ps->ps_changed);
}

/* N pages of a hole, all to be locked or (writing to it needs no room) none. */
static void
zeros_supply(struct pfs_store *ps, uint32_t page, uint32_t n, bool locked)
{
	uint32_t inside, i;

	mx_spin_lock(&ps->ps_lock);
	inside = claims_pass(ps, page, n);
	if (locked && inside > 0)
		(void)mx_pager_supply_locked(store_pager(ps), page, zeros, inside);	/* object gone: nobody waits */
	for (i = 0; !locked && i < inside; i++)
		mx_pager_zero(store_pager(ps), page + i);
	mx_spin_unlock(&ps->ps_lock);
	mx_cond_broadcast(&ps->ps_changed);
}

void
store_claim_end(struct pfs_store *ps, uint32_t page)
{
	uint32_t *slot;
	bool is_wanted;

	mx_spin_lock(&ps->ps_lock);
	slot = store_slot_find(ps, page);
	is_wanted = (*slot & PS_WANTED) != 0;
	*slot &= ~(PS_CLAIMED | PS_WANTED);
	if (is_wanted && page < ps->ps_npages && store_address(*slot) != NULL && (*slot & PS_KERNEL) == 0) {
		store_supply_pending(ps, slot, page);
		is_wanted = false;
	}
	mx_spin_unlock(&ps->ps_lock);
	if (is_wanted)
		mx_pager_defer(store_pager(ps), page, VM_PROT_READ);
	mx_cond_broadcast(&ps->ps_changed);
}

/* PAGE, which was claimed, cannot be had. */
static void
claim_fail(struct pfs_store *ps, uint32_t page)
{
	mx_spin_lock(&ps->ps_lock);
	*store_slot_find(ps, page) &= ~(PS_CLAIMED | PS_WANTED);
	mx_spin_unlock(&ps->ps_lock);
	mx_pager_error(store_pager(ps), page);
	mx_cond_broadcast(&ps->ps_changed);
}

/* ---- Fetching ---- */

/* What lies behind the end of the file in the last of N pages at ADDR is not its contents. */
static void
tail_clear(const struct pfs_store *ps, uint32_t page, uint8_t *addr, uint32_t n)
{
	uint64_t size = ps->ps_node->pn_attr.at_size, end = (uint64_t)(page + n) << MX_PAGE_SHIFT;
	size_t tail;

	if (end <= size)
		return;
	tail = end - size < MX_PAGE ? (size_t)(end - size) : MX_PAGE;
	memset(addr + n * MX_PAGE - tail, 0, tail);
}

kern_return_t
store_fetch_one(struct pfs_store *ps, uint32_t page, uint8_t **out)
{
	uint32_t got = 0;
	void *pages = NULL;
	kern_return_t kr = ps->ps_ops->st_fetch(ps->ps_node, page, 1, &pages, &got);

	if (kr != KERN_SUCCESS)
		return kr;
	*out = pages;
	if (pages != NULL)
		tail_clear(ps, page, pages, 1);
	return KERN_SUCCESS;
}

static kern_return_t
reserve_page(struct pfs_store *ps, uint32_t page)
{
	uint64_t offset = (uint64_t)page << MX_PAGE_SHIFT, size = ps->ps_node->pn_attr.at_size;
	bool fresh = false;

	if (ps->ps_ops->st_reserve == NULL || offset >= size)
		return KERN_SUCCESS;
	return ps->ps_ops->st_reserve(ps->ps_node, offset, size - offset < MX_PAGE ? size - offset : MX_PAGE, &fresh);
}

/* N claimed pages from PAGE on are a hole. Answers how many were dealt with. */
static uint32_t
hole_supply(struct pfs_store *ps, uint32_t page, uint32_t n, vm_prot_t access)
{
	bool is_free = ps->ps_ops->st_reserve == NULL;

	if (n > ZEROS)
		n = ZEROS;
	if (!is_free && (access & VM_PROT_WRITE) != 0) {
		n = 1;
		if (reserve_page(ps, page) != KERN_SUCCESS) {
			claim_fail(ps, page);
			return 1;
		}
		is_free = true;
	}
	zeros_supply(ps, page, n, !is_free);
	return n;
}

/* Claimed pages of [PAGE, END) that are here go to the kernel as copies. Answers how many; 0: the first is not here. */
static uint32_t
pending_supply(struct pfs_store *ps, uint32_t page, uint32_t end)
{
	uint32_t n, *slot;

	mx_spin_lock(&ps->ps_lock);
	for (n = 0; page + n < end; n++) {
		slot = store_slot_find(ps, page + n);
		if (store_address(*slot) == NULL || page + n >= ps->ps_npages)
			break;
		*slot &= ~(PS_CLAIMED | PS_WANTED);
		store_supply_pending(ps, slot, page + n);
	}
	mx_spin_unlock(&ps->ps_lock);
	if (n > 0)
		mx_cond_broadcast(&ps->ps_changed);
	return n;
}

/* Fetch claimed pages from PAGE on, at most up to END and up to one that is here. Answers how many were dealt with. */
static uint32_t
run_fetch(struct pfs_store *ps, uint32_t page, uint32_t end, vm_prot_t access)
{
	uint32_t want, got = 0;
	void *pages = NULL;
	kern_return_t kr;

	for (want = 1; page + want < end && store_address(store_slot_get(ps, page + want)) == NULL; want++)
		;
	kr = ps->ps_ops->st_fetch(ps->ps_node, page, want, &pages, &got);
	if (kr != KERN_SUCCESS && want > 1)		/* perhaps only one of them is bad */
		kr = ps->ps_ops->st_fetch(ps->ps_node, page, want = 1, &pages, &got);
	if (kr != KERN_SUCCESS) {
		mx_log(MX_LOG_WARNING, "file %llu: page %u cannot be read (%#x)", (unsigned long long)ps->ps_node->pn_attr.at_ino,
			page, kr);
		claim_fail(ps, page);
		return 1;
	}
	mx_assert(got >= 1 && got <= want);
	if (pages == NULL)
		return hole_supply(ps, page, got, access);
	tail_clear(ps, page, pages, got);
	store_supply_move(ps, page, pages, got);
	return got;
}

/* Answer for all claimed pages of [FIRST, END). ACCESS is what the first is wanted for. */
static void
claims_fetch(struct pfs_store *ps, uint32_t first, uint32_t end, vm_prot_t access)
{
	uint32_t at, n;

	for (at = first; at < end; at += n) {
		n = pending_supply(ps, at, end);
		if (n == 0)
			n = run_fetch(ps, at, end, at == first ? access : VM_PROT_READ);
	}
}

/* ---- Claiming ---- */

enum claim { CLAIM_PAST, CLAIM_ANSWERED, CLAIM_FRESH, CLAIM_SUSPECT };

/* Claim PAGE and, up to *END, those after it that are like it. *END becomes the end of what was claimed. */
static enum claim
claim(struct pfs_store *ps, uint32_t page, uint32_t *end)
{
	uint32_t at, *slot = NULL;
	enum claim result = CLAIM_ANSWERED;
	bool is_suspect;

	mx_spin_lock(&ps->ps_lock);
	if (page >= ps->ps_npages || (slot = store_slot_find(ps, page)) == NULL) {
		result = CLAIM_PAST;
	} else if (*slot & PS_CLAIMED) {
		*slot |= PS_WANTED;
	} else if (store_address(*slot) != NULL && (*slot & PS_KERNEL) == 0) {
		store_supply_pending(ps, slot, page);
	} else {
		is_suspect = (*slot & PS_KERNEL) != 0;
		result = is_suspect ? CLAIM_SUSPECT : CLAIM_FRESH;
		for (at = page; at < *end && at < ps->ps_npages && (slot = store_slot_find(ps, at)) != NULL; at++) {
			if (is_suspect ? (*slot & (PS_KERNEL | PS_CLAIMED)) != PS_KERNEL : *slot != 0)
				break;
			*slot |= PS_CLAIMED;
		}
		*end = at;
	}
	mx_spin_unlock(&ps->ps_lock);
	return result;
}

/* How many pages to fetch for a request for PAGE. */
static uint32_t
cluster_choose(struct pfs_store *ps, uint32_t page)
{
	uint32_t away = page > ps->ps_after ? page - ps->ps_after : ps->ps_after - page, n = CLUSTER_FIRST;

	if (mx_memory_is_low())
		return CLUSTER_LOW;
	if (page == ps->ps_after && page != 0)
		n = ps->ps_cluster * 2 < PS_CLUSTER ? ps->ps_cluster * 2 : PS_CLUSTER;
	else if (away > NEAR && ps->ps_cluster != 0)
		n = (ps->ps_cluster < CLUSTER_FIRST ? ps->ps_cluster + 1 : CLUSTER_FIRST) / 2;
	ps->ps_cluster = n;
	return n;
}

/* The kernel has nothing of [FIRST, END) any more, and all that it gave back is here. */
static void
kernel_cleared(struct pfs_store *ps, uint32_t first, uint32_t end)
{
	mx_spin_lock(&ps->ps_lock);
	for (; first < end; first++)
		*store_slot_find(ps, first) &= ~PS_KERNEL;
	mx_spin_unlock(&ps->ps_lock);
}

static uint32_t
end_of(const struct pfs_store *ps, uint32_t page, uint32_t n)
{
	return page >= ps->ps_npages ? page : ps->ps_npages - page < n ? ps->ps_npages : page + n;
}

static void
fetch(struct pfs_store *ps, uint32_t page, vm_prot_t access)
{
	bool is_sequential = page == ps->ps_after;
	uint32_t n = cluster_choose(ps, page), end = end_of(ps, page, n);

	if (!store_slots_make(ps, page, end)) {
		mx_pager_error(store_pager(ps), page);
		return;
	}
	switch (claim(ps, page, &end)) {
	case CLAIM_PAST:
		mx_pager_error(store_pager(ps), page);
		return;
	case CLAIM_ANSWERED:
		return;
	case CLAIM_SUSPECT:
		mx_pager_clean(store_pager(ps), page, end, true);
		kernel_cleared(ps, page, end);
		break;
	case CLAIM_FRESH:
		break;
	}
	ps->ps_after = end;
	claims_fetch(ps, page, end, access);
	if (!is_sequential || n < AHEAD_FROM)
		return;
	page = end;
	end = end_of(ps, page, n);
	if (page >= end || store_slot_get(ps, page) != 0 || !store_slots_make(ps, page, end) ||
	    claim(ps, page, &end) != CLAIM_FRESH)
		return;
	ps->ps_after = end;
	claims_fetch(ps, page, end, VM_PROT_READ);
}

static void
busy_end(struct pfs_store *ps)
{
	if (--ps->ps_busy == 0)
		mx_cond_broadcast(&ps->ps_changed);
}

static void
store_deferred(struct mx_pager *pg, uint32_t page, vm_prot_t access)
{
	struct pfs_store *ps = mx_pager_owner(pg);

	ps->ps_busy++;
	fetch(ps, page, access);
	busy_end(ps);
}

static void
unlock_run(struct mx_pager *pg, uint32_t page, vm_prot_t access)
{
	struct pfs_store *ps = mx_pager_owner(pg);

	(void)access;
	ps->ps_busy++;
	if (reserve_page(ps, page) == KERN_SUCCESS)
		mx_pager_unlock(pg, page);
	else
		mx_pager_clean(pg, page, page + 1, true);	/* it is asked for again, and then refused */
	busy_end(ps);
}

void
store_announce(struct pfs_store *ps)
{
	struct mx_pager *pg = store_pager(ps);

	if (pg == NULL && pfs_store_pager(ps->ps_node, &pg) != KERN_SUCCESS)
		return;
	if (pg->pg_control == MACH_PORT_NULL)
		mx_pager_announce(pg);
}

static void
begun_run(struct mx_pager *pg, uint32_t page, vm_prot_t access)
{
	struct pfs_store *ps = mx_pager_owner(pg);

	(void)page;
	(void)access;
	mx_cond_broadcast(&ps->ps_changed);
}

/* ---- On the pager's thread ---- */

static void
store_begin(struct mx_pager *pg)
{
	(void)pager_bell_ring(begun_run, pg, 0, 0);	/* no room: who waits does not wait long */
}

static void
store_request(struct mx_pager *pg, uint32_t page, vm_prot_t access)
{
	struct pfs_store *ps = mx_pager_owner(pg);
	bool is_past, is_deferred = false;
	uint32_t *slot;

	mx_spin_lock(&ps->ps_lock);
	is_past = page >= ps->ps_npages;
	slot = store_slot_find(ps, page);
	if (slot == NULL || is_past)
		is_deferred = !is_past;
	else if (*slot & PS_CLAIMED)
		*slot |= PS_WANTED;
	else if (store_address(*slot) != NULL && (*slot & PS_KERNEL) == 0)
		store_supply_pending(ps, slot, page);
	else
		is_deferred = true;
	mx_spin_unlock(&ps->ps_lock);
	if (is_past)
		mx_pager_error(pg, page);
	else if (is_deferred)
		mx_pager_defer(pg, page, access);
}

static void
store_unlock(struct mx_pager *pg, uint32_t page)
{
	if (!pager_bell_ring(unlock_run, pg, page, VM_PROT_WRITE))
		mx_pager_unlock(pg, page);	/* if there is no room for it, it cannot be stored, which is told later */
}

/* One page came back. Answers a page to be freed. Locks: ps_lock */
static void *
page_return(struct pfs_store *ps, uint32_t page, void *data, bool dirty, bool kernel_copy)
{
	uint32_t *slot = page < ps->ps_npages ? store_slot_find(ps, page) : NULL;

	if (slot == NULL || (*slot & PS_KERNEL) == 0)
		return data;				/* truncated meanwhile */
	if (!kernel_copy)
		*slot &= ~PS_KERNEL;
	if (!dirty)
		return data;
	data = store_slot_put(ps, slot, data);
	if (!kernel_copy)
		*slot |= PS_EVICTED;
	return data;
}

static void
store_return(struct mx_pager *pg, uint32_t page, void *data, uint32_t npages, bool dirty, bool kernel_copy)
{
	struct pfs_store *ps = mx_pager_owner(pg);
	uint32_t i;
	void *unused;

	for (i = 0; i < npages; i++) {
		mx_spin_lock(&ps->ps_lock);
		unused = page_return(ps, page + i, (uint8_t *)data + i * MX_PAGE, dirty, kernel_copy);
		mx_spin_unlock(&ps->ps_lock);
		if (unused != NULL)
			mx_page_free(unused);
	}
	if (dirty && !kernel_copy)
		store_flush_soon(pg);
}

static void
store_unsupplied(struct mx_pager *pg, uint32_t page, void *data, uint32_t npages)
{
	(void)pg;
	(void)page;
	pages_free(data, npages);	/* the end of the object follows */
}

static void
store_terminated(struct mx_pager *pg)
{
	struct pfs_store *ps = mx_pager_owner(pg);
	uint32_t page, *slot;

	mx_spin_lock(&ps->ps_lock);
	for (page = 0; page < mx_slots_end(&ps->ps_slots); page++) {
		slot = store_slot_find(ps, page);
		if (slot == NULL)
			page |= MX_SLOTS_LEAF - 1;
		else
			*slot &= ~PS_KERNEL;
	}
	mx_spin_unlock(&ps->ps_lock);
}

const struct mx_pager_ops store_pager_ops = {
	.pg_begin = store_begin,
	.pg_request = store_request,
	.pg_return = store_return,
	.pg_unsupplied = store_unsupplied,
	.pg_unlock = store_unlock,
	.pg_terminated = store_terminated,
	.pg_deferred = store_deferred,
	.pg_unused = store_unused,
};
