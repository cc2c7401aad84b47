/*
 * pfs_store_flush.c - changed pages of stored files are written back.
 *
 * Pages to be stored lie here, in slots: those that write() filled, and those that the kernel returned because it was asked for changed
 * ones or was short of memory. They are stored in clusters of neighbours. A page that was stored moves to the kernel's cache, if it was
 * not there yet and the kernel had not just given it up.
 *
 * The kernel never says that a page was changed: every few seconds it is asked for what changed in files that can be written through
 * memory. Who writes too fast waits until others' pages and his own are stored.
 *
 * A page that cannot be stored is lost as far as the disk is concerned: it stays in the cache as if it had been, the log says so, and
 * fsync answers an error once to each who has the file open.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "pager_impl.h"
#include "pfs_store_impl.h"

#define PERIOD_NS	3000000000ull
#define RETRY_NS	100000000ull
#define ANNOUNCE_NS	50000000ull
#define RETRIES		20		/* when there is no memory for a moment */
#define PENDING_MAX	2048u		/* pages in all; who writes then waits */
#define PENDING_OWN	512u		/* who has so many stores them himself */

static struct pfs_store *stores;
static struct mx_cond flushed;		/* a pass over all stores has ended */
static volatile uint32_t flush_asked;	/* by the pager's thread */
static bool is_flushing;
static uint32_t round_now;

/* ---- One cluster ---- */

struct run {
	uint32_t	ru_page, ru_n;
	uint8_t		*ru_addr[PS_CLUSTER];
	uint8_t		*ru_data;	/* all of them; of its own (staged) when they are no neighbours in memory */
	bool		ru_staged;
};

static bool
is_storable(const uint32_t *slot)
{
	return slot != NULL && store_address(*slot) != NULL && (*slot & PS_STORING) == 0;
}

/* Take the first cluster to be stored in [FIRST, END). False: none. */
static bool
run_take(struct pfs_store *ps, uint32_t first, uint32_t end, struct run *ru)
{
	uint32_t page, *slot;

	if (ps->ps_pending == 0)
		return false;
	ru->ru_n = 0;
	mx_spin_lock(&ps->ps_lock);
	if (end > mx_slots_end(&ps->ps_slots))
		end = mx_slots_end(&ps->ps_slots);
	for (page = first; page < end && !is_storable(slot = store_slot_find(ps, page)); page++)
		if (slot == NULL)
			page |= MX_SLOTS_LEAF - 1;
	ru->ru_page = page;
	for (; page < end && ru->ru_n < PS_CLUSTER && is_storable(slot = store_slot_find(ps, page)); page++) {
		ru->ru_addr[ru->ru_n++] = store_address(*slot);
		*slot |= PS_STORING;
	}
	mx_spin_unlock(&ps->ps_lock);
	return ru->ru_n > 0;
}

/* Give back all of RU but the first N pages. */
static void
run_cut(struct pfs_store *ps, struct run *ru, uint32_t n)
{
	uint32_t i, *slot;
	void *unused;

	for (i = n; i < ru->ru_n; i++) {
		mx_spin_lock(&ps->ps_lock);
		slot = store_slot_find(ps, ru->ru_page + i);
		unused = *slot & PS_RENEWED ? ru->ru_addr[i] : NULL;
		*slot &= ~(PS_STORING | PS_RENEWED);
		mx_spin_unlock(&ps->ps_lock);
		if (unused != NULL)
			mx_page_free(unused);
	}
	ru->ru_n = n;
}

/* Have the pages of RU in one piece. */
static void
run_gather(struct pfs_store *ps, struct run *ru)
{
	uint32_t i, together;

	for (together = 1; together < ru->ru_n && ru->ru_addr[together] == ru->ru_addr[0] + together * MX_PAGE; together++)
		;
	ru->ru_staged = together < ru->ru_n;
	ru->ru_data = ru->ru_staged ? mx_pages_alloc(ru->ru_n * MX_PAGE) : ru->ru_addr[0];
	if (ru->ru_data == NULL) {
		run_cut(ps, ru, together);
		ru->ru_data = ru->ru_addr[0];
		ru->ru_staged = false;
	}
	for (i = 0; ru->ru_staged && i < ru->ru_n; i++)
		memcpy(ru->ru_data + i * MX_PAGE, ru->ru_addr[i], MX_PAGE);
}

/* What lies behind the end of the file is stored as zeros. */
static void
run_tail(const struct pfs_store *ps, const struct run *ru)
{
	uint64_t size = ps->ps_node->pn_attr.at_size, end = (uint64_t)(ru->ru_page + ru->ru_n) << MX_PAGE_SHIFT;
	size_t tail;

	if (size < ps->ps_writing)
		size = ps->ps_writing;
	if (end <= size)
		return;
	tail = end - size < MX_PAGE ? (size_t)(end - size) : MX_PAGE;
	memset(ru->ru_data + ru->ru_n * MX_PAGE - tail, 0, tail);
}

static kern_return_t
run_store(struct pfs_store *ps, const struct run *ru)
{
	kern_return_t kr;
	int tries;

	for (tries = 0; tries < RETRIES; tries++) {
		kr = ps->ps_ops->st_store(ps->ps_node, ru->ru_page, ru->ru_data, ru->ru_n);
		if (kr != MX_ENOMEM)
			break;
		mx_sleep_ns(RETRY_NS);
	}
	return kr;
}

static void
store_error(struct pfs_store *ps, const struct run *ru, kern_return_t kr)
{
	struct pfs_node *node = ps->ps_node;

	node->pn_store_errors++;
	mx_log(MX_LOG_ERROR, "file %llu: pages %u to %u cannot be stored (%#x): what was written there is lost",
		(unsigned long long)node->pn_attr.at_ino, ru->ru_page, ru->ru_page + ru->ru_n - 1, kr);
}

/* Page I of RU is stored. Answers whether it can go to the kernel; if not, *UNUSED is to be freed. */
static bool
page_stored(struct pfs_store *ps, const struct run *ru, uint32_t i, bool to_kernel, void **unused)
{
	uint32_t page = ru->ru_page + i, *slot;
	bool is_kept = false;

	mx_spin_lock(&ps->ps_lock);
	slot = store_slot_find(ps, page);
	if ((*slot & PS_RENEWED) == 0) {
		is_kept = to_kernel && (*slot & (PS_KERNEL | PS_CLAIMED | PS_EVICTED)) == 0 && page < ps->ps_npages;
		(void)store_slot_take(ps, slot);
	}
	*slot &= ~(PS_STORING | PS_RENEWED);
	mx_spin_unlock(&ps->ps_lock);
	*unused = is_kept ? NULL : ru->ru_addr[i];
	return is_kept;
}

/* Are pages of PS worth being kept in the kernel's cache? */
static bool
is_cached(struct pfs_store *ps)
{
	return ps->ps_done == NULL && ps->ps_node->pn_attr.at_nlink > 0 && !mx_memory_is_low();
}

/* Does the kernel know PS's object, or will it in a moment? */
static bool
is_known(struct pfs_store *ps)
{
	uint64_t deadline = mx_now_ns() + ANNOUNCE_NS;

	if (store_pager(ps) == NULL)
		return false;
	while (store_pager(ps)->pg_control == MACH_PORT_NULL)
		if (mx_cond_wait_until(&ps->ps_changed, deadline) != KERN_SUCCESS)
			return false;
	return true;
}

/* RU is stored: its pages go to the kernel, or are freed. */
static void
run_end(struct pfs_store *ps, const struct run *ru)
{
	bool to_kernel = is_cached(ps) && is_known(ps);
	uint32_t i, first = 0, n = 0;
	void *unused;

	for (i = 0; i < ru->ru_n; i++) {
		bool is_kept = page_stored(ps, ru, i, to_kernel, &unused);

		if (n > 0 && (!is_kept || ru->ru_addr[i] != ru->ru_addr[first] + n * MX_PAGE)) {
			store_supply_move(ps, ru->ru_page + first, ru->ru_addr[first], n);
			n = 0;
		}
		if (is_kept && n++ == 0)
			first = i;
		if (unused != NULL)
			mx_page_free(unused);
	}
	if (n > 0)
		store_supply_move(ps, ru->ru_page + first, ru->ru_addr[first], n);
	mx_cond_broadcast(&ps->ps_changed);
}

/* ---- One file ---- */

static bool
is_storing(struct pfs_store *ps, uint32_t first, uint32_t end)
{
	uint32_t page, *slot;

	if (end > mx_slots_end(&ps->ps_slots))
		end = mx_slots_end(&ps->ps_slots);
	for (page = first; ps->ps_pending > 0 && page < end; page++) {
		slot = store_slot_find(ps, page);
		if (slot == NULL)
			page |= MX_SLOTS_LEAF - 1;
		else if (*slot & PS_STORING)
			return true;
	}
	return false;
}

void
store_flush(struct pfs_store *ps, uint32_t first, uint32_t end)
{
	struct run ru;
	kern_return_t kr;

	ps->ps_busy++;
	while (run_take(ps, first, end, &ru)) {
		if (is_cached(ps))
			store_announce(ps);
		run_gather(ps, &ru);
		run_tail(ps, &ru);
		kr = run_store(ps, &ru);
		if (kr != KERN_SUCCESS)
			store_error(ps, &ru, kr);
		run_end(ps, &ru);
		if (ru.ru_staged)
			mx_pages_free(ru.ru_data, (ru.ru_n) * MX_PAGE);
		first = ru.ru_page + ru.ru_n;
	}
	while (is_storing(ps, first, end))
		mx_cond_wait(&ps->ps_changed);
	if (--ps->ps_busy == 0)
		mx_cond_broadcast(&ps->ps_changed);
}

void
store_collect(struct pfs_store *ps)
{
	struct mx_pager *pg = store_pager(ps);

	if (pg == NULL || !(ps->ps_mapped_dirty || mx_pager_may_be_written(pg)))
		return;
	ps->ps_mapped_dirty = false;
	ps->ps_busy++;
	mx_pager_clean(pg, 0, ps->ps_npages, false);
	if (--ps->ps_busy == 0)
		mx_cond_broadcast(&ps->ps_changed);
}

/* ---- All files ---- */

void
store_enlist(struct pfs_store *ps)
{
	ps->ps_next = stores;
	ps->ps_link = &stores;
	if (stores != NULL)
		stores->ps_link = &ps->ps_next;
	stores = ps;
}

void
store_delist(struct pfs_store *ps)
{
	*ps->ps_link = ps->ps_next;
	if (ps->ps_next != NULL)
		ps->ps_next->ps_link = ps->ps_link;
}

/* Write back the files of VOL (NULL: all); COLLECT: what the kernel has, too. */
static void
stores_flush(const struct pfs_volume *vol, bool collect)
{
	uint32_t now = ++round_now;
	struct pfs_store *ps = stores;

	while (ps != NULL) {
		if (ps->ps_round == now || (vol != NULL && ps->ps_node->pn_volume != vol) ||
		    (ps->ps_done != NULL && !ps->ps_keep)) {
			ps = ps->ps_next;
			continue;
		}
		ps->ps_round = now;
		ps->ps_busy++;				/* it stays */
		if (collect && ps->ps_done == NULL)
			pfs_lease_look(ps->ps_node);
		if (collect)
			store_collect(ps);
		store_flush(ps, 0, PS_PAGES_MAX);
		if (--ps->ps_busy == 0)
			mx_cond_broadcast(&ps->ps_changed);
		ps = ps->ps_next;			/* nobody runs between the two */
	}
}

kern_return_t
pfs_store_sync(struct pfs_volume *vol)
{
	stores_flush(vol, true);
	return KERN_SUCCESS;
}

static void
flush_main(void *arg)
{
	(void)arg;
	do {
		__atomic_store_n(&flush_asked, 0, __ATOMIC_RELAXED);
		stores_flush(NULL, false);
		mx_cond_broadcast(&flushed);
	} while (__atomic_load_n(&flush_asked, __ATOMIC_RELAXED) != 0);
	is_flushing = false;
}

static void
flush_start(struct mx_pager *pg, uint32_t page, vm_prot_t access)
{
	(void)pg;
	(void)page;
	(void)access;
	if (is_flushing)
		return;				/* it looks again */
	is_flushing = mx_fibril_start(flush_main, NULL, "write back") == KERN_SUCCESS;
}

void
store_flush_soon(struct mx_pager *pg)
{
	if (__atomic_exchange_n(&flush_asked, 1, __ATOMIC_RELAXED) == 0 && !pager_bell_ring(flush_start, pg, 0, 0))
		__atomic_store_n(&flush_asked, 0, __ATOMIC_RELAXED);	/* the next one asks again */
}

void
store_throttle(struct pfs_store *ps)
{
	if (ps->ps_pending >= PENDING_OWN)
		store_flush(ps, 0, PS_PAGES_MAX);
	while (store_pending_all >= PENDING_MAX) {
		flush_asked = 1;
		flush_start(NULL, 0, 0);
		if (!is_flushing)
			stores_flush(NULL, false);
		else
			mx_cond_wait(&flushed);
	}
}

static void
period_main(void *arg)
{
	(void)arg;
	for (;;) {
		mx_sleep_ns(PERIOD_NS);
		stores_flush(NULL, true);
	}
}

kern_return_t
store_start(void)
{
	static bool is_started;
	kern_return_t kr;

	if (is_started)
		return KERN_SUCCESS;
	kr = mx_pager_start();
	if (kr == KERN_SUCCESS)
		kr = mx_fibril_start(period_main, NULL, "write back");
	is_started = kr == KERN_SUCCESS;
	return kr;
}
