/*
 * desc.c - pages of open file descriptions, and locks in shared memory.
 *
 * A description (position, flags) must stay one thing when fork copies its descriptors, so it lies in a page that fork shares. A page in
 * which both sides of a fork allocated would need an allocator that trusts the other side; instead the pages are frozen at fork:
 * nobody allocates in a frozen page, each side takes a fresh one, and a page goes back when the last description in it goes.
 * So only who holds a description by inheritance can touch it.
 *
 * A lock in shared memory holds its owner's pid. Its owner may have been killed, or be an enemy: who waits looks from time to time
 * whether the owner still lives, takes the lock over from the dead, and gives up being polite after a minute: the worst
 * that a broken lock does is to mix up positions or data among processes that share them anyway.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "file.h"

#define DESC_PAGE	4096u
#define DESC_PAGES	((EM_DESCS_END - EM_DESCS) / DESC_PAGE)
#define DESC_PER_PAGE	(DESC_PAGE / sizeof(struct em_desc))

struct desc_page {
	uint16_t	dp_live;	/* descriptions of this address space in it */
	bool		dp_is_mapped;
	bool		dp_is_frozen;
};

static struct desc_page desc_pages[DESC_PAGES];
static uint32_t desc_current;		/* the page to allocate in, if it is mapped and not frozen */

static struct em_desc *
desc_page_addr(uint32_t page)
{
	return (struct em_desc *)(uintptr_t)(EM_DESCS + page * DESC_PAGE);
}

static uint32_t
desc_page_of(const struct em_desc *d)
{
	return ((uint32_t)(uintptr_t)d - EM_DESCS) / DESC_PAGE;
}

/* A page with room: the current one, another that is not full, a new one. Answers its number, or DESC_PAGES. */
static uint32_t
desc_page_find(void)
{
	uint32_t unmapped = DESC_PAGES;

	for (uint32_t i = 0; i < DESC_PAGES; i++) {
		uint32_t n = (desc_current + i) % DESC_PAGES;
		struct desc_page *dp = &desc_pages[n];

		if (dp->dp_is_mapped && !dp->dp_is_frozen && dp->dp_live < DESC_PER_PAGE)
			return n;
		if (!dp->dp_is_mapped && unmapped == DESC_PAGES)
			unmapped = n;
		if (unmapped != DESC_PAGES && i > 8)
			break;			/* do not look through all pages each time */
	}
	if (unmapped == DESC_PAGES ||
	    em_space_map(desc_page_addr(unmapped), DESC_PAGE, MACH_PORT_NULL, 0, VM_PROT_READ | VM_PROT_WRITE) < 0)
		return DESC_PAGES;
	desc_pages[unmapped] = (struct desc_page){ .dp_is_mapped = true };
	return unmapped;
}

static void
desc_page_drop(uint32_t page)
{
	em_space_unmap(desc_page_addr(page), DESC_PAGE);
	desc_pages[page] = (struct desc_page){ 0 };
}

struct em_desc *
em_desc_alloc(void)
{
	uint32_t page = desc_page_find();
	struct em_desc *d;

	if (page == DESC_PAGES)
		return NULL;
	desc_current = page;
	for (d = desc_page_addr(page); d->d_used; d++)
		;
	*d = (struct em_desc){ .d_used = 1 };
	desc_pages[page].dp_live++;
	return d;
}

void
em_desc_free(struct em_desc *d)
{
	uint32_t page = desc_page_of(d);
	struct desc_page *dp = &desc_pages[page];

	dp->dp_live--;
	if (!dp->dp_is_frozen)
		d->d_used = 0;
	else if (dp->dp_live == 0)
		desc_page_drop(page);
}

void
em_desc_freeze(void)
{
	for (uint32_t i = 0; i < DESC_PAGES; i++) {
		if (!desc_pages[i].dp_is_mapped)
			continue;
		if (!desc_pages[i].dp_is_frozen)
			desc_pages[i].dp_is_frozen = true;
		if (desc_pages[i].dp_live == 0)
			desc_page_drop(i);
	}
}

uint32_t
em_desc_page_next(uint32_t addr)
{
	for (uint32_t i = addr == 0 ? 0 : (addr - EM_DESCS) / DESC_PAGE + 1; i < DESC_PAGES; i++)
		if (desc_pages[i].dp_is_mapped)
			return EM_DESCS + i * DESC_PAGE;
	return 0;
}

void
em_desc_page_adopt(uint32_t addr)
{
	uint32_t page = (addr - EM_DESCS) / DESC_PAGE;

	if (addr >= EM_DESCS && page < DESC_PAGES)
		desc_pages[page] = (struct desc_page){ .dp_is_mapped = true, .dp_is_frozen = true };
}

struct em_desc *
em_desc_adopt(uint32_t addr)
{
	uint32_t page = (addr - EM_DESCS) / DESC_PAGE;

	if (addr < EM_DESCS || page >= DESC_PAGES || addr % DESC_PAGE % sizeof(struct em_desc) != 0 ||
	    addr % DESC_PAGE / sizeof(struct em_desc) >= DESC_PER_PAGE || !desc_pages[page].dp_is_mapped ||
	    !desc_pages[page].dp_is_frozen)
		return NULL;
	desc_pages[page].dp_live++;
	return (struct em_desc *)(uintptr_t)addr;
}

bool
em_desc_is_shared(const struct em_desc *d)
{
	return desc_pages[desc_page_of(d)].dp_is_frozen;
}

/* ---- Locks in shared memory ---- */

#define LOCK_WAITERS	0x80000000u
#define LOCK_PATIENCE	600		/* tenths of a second */
#define LOCK_SLICE_NS	100000000u

static bool
lock_pid_is_alive(uint32_t pid)
{
	for (uint32_t i = 0; i < MX_PROC_SLOTS; i++)
		if ((uint32_t)MX_SYS->sy_proc[i].sp_pid == pid)
			return true;
	return false;
}

/* Wait until WORD is not SEEN any more, or for a moment. False: the owner is not worth waiting for. */
static bool
lock_wait(volatile uint32_t *word, uint32_t seen, uint32_t *tries)
{
	uint32_t marked = seen | LOCK_WAITERS;
	int32_t err;

	if (seen != marked && !__atomic_compare_exchange_n(word, &seen, marked, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return true;
	err = em_gsync_wait(word, marked, em_now_ns() + LOCK_SLICE_NS, true);
	if (err == EM_E(EINTR))
		em_pause();		/* the signal waits for the end of this call */
	if (err != EM_E(ETIMEDOUT))
		return true;
	return ++*tries < LOCK_PATIENCE && lock_pid_is_alive(seen & ~LOCK_WAITERS);
}

/* Errors: none.  Blocks: until the owner is through with its call, or dead. */
void
em_shared_lock(volatile uint32_t *word)
{
	uint32_t me = (uint32_t)em_proc()->p_pid, tries = 0, seen = 0;

	if (__atomic_compare_exchange_n(word, &seen, me, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return;
	for (;;) {
		/* From now on others may wait too: the next owner must wake them. */
		if (seen == 0) {
			if (__atomic_compare_exchange_n(word, &seen, me | LOCK_WAITERS, false, __ATOMIC_ACQ_REL,
			    __ATOMIC_ACQUIRE))
				return;
			continue;
		}
		if (!lock_wait(word, seen, &tries)) {
			if (__atomic_compare_exchange_n(word, &seen, me | LOCK_WAITERS, false, __ATOMIC_ACQ_REL,
			    __ATOMIC_ACQUIRE))
				return;
			tries = 0;
		}
		seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);
	}
}

void
em_shared_unlock(volatile uint32_t *word)
{
	if (__atomic_exchange_n(word, 0, __ATOMIC_ACQ_REL) & LOCK_WAITERS)
		em_gsync_wake(word, true, true);
}

void
em_desc_lock(struct em_desc *d)
{
	em_shared_lock(&d->d_lock);
}

void
em_desc_unlock(struct em_desc *d)
{
	em_shared_unlock(&d->d_lock);
}
