/*
 * masix/pager.h - memory objects served by this task: the external pager protocol, tamed.
 *
 * One kernel thread receives everything that the kernel says about the task's memory objects. It never waits and never
 * touches memory that it serves itself, so fibrils may touch their own objects through mx_pager_read and mx_pager_write
 * (and only through them). An owner answers a request at once when it can, or defers it to a fibril when it needs
 * input/output. Facts about the kernel that this rests on are in docs/kernel.md.
 *
 * A pager's life: mx_pager_create; clients map it through mx_pager_memory; mx_pager_retire when the file is gone; pg_unused when
 * no mapping and no right is left; mx_pager_destroy.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MASIX_PAGER_H
#define MASIX_PAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <mach/mach_types.h>
#include <masix/types.h>

#define MX_PAGE		4096u
#define MX_PAGE_SHIFT	12

/* A lock between kernel threads, for a few instructions; nothing may park, and no served memory be touched, under it. */
struct mx_spin { volatile uint32_t sp_word; };
void mx_spin_lock(struct mx_spin *s);
void mx_spin_unlock(struct mx_spin *s);

/* ---- Pages that can be moved to the kernel: 4 KiB each, alone in their memory ---- */

/* Not zeroed. NULL: no memory. Fibrils only. */
void *mx_page_alloc(void);
/* A page of mx_page_alloc, or one that came back from the kernel, or of any other memory that the owner gives up. Any thread. */
void mx_page_free(void *page);
/* N pages from PAGE on have left the address space. Any thread. */
void mx_page_gone(void *page, uint32_t n);
/* CHUNKS of 64 pages that the pool has, how many of their pages are free, how many others it keeps. */
void mx_page_stats(uint32_t *chunks, uint32_t *free_pages, uint32_t *others);

/* ---- A word, its slot, for each page of a file (page_slots.c): in leaves that are made when they are needed ---- */

#define MX_SLOTS_LEAF	64u	/* slots in a leaf */

struct mx_slots {			/* zeros: no leaf */
	uint32_t	**sl_leaf;
	uint32_t	sl_nleaves;
};

/* The slot of PAGE, or NULL: it is not there, and neither is any other of its leaf; its contents, 0 without. Locks: the owner's */
uint32_t *mx_slots_find(const struct mx_slots *sl, uint32_t page);
uint32_t mx_slots_get(const struct mx_slots *sl, uint32_t page);
/* Have slots, zeros, for [FIRST, END); LOCK is taken when SL changes. False: no memory. Fibrils only. */
bool mx_slots_make(struct mx_slots *sl, struct mx_spin *lock, uint32_t first, uint32_t end);
/* Forget all slots. */
void mx_slots_free(struct mx_slots *sl);

/* No page from there on has a slot. */
static inline uint32_t
mx_slots_end(const struct mx_slots *sl)
{
	return sl->sl_nleaves * MX_SLOTS_LEAF;
}

/* Is the machine so short of memory that nothing should be taken that can be refused? Any thread. */
bool mx_memory_is_low(void);

/* ---- Memory objects ---- */

struct mx_pager;

struct mx_pager_ops {
	/* ---- On the pager's thread: no parking, no malloc, no served memory. ---- */
	/* The kernel has the object from now on (again): pages may be supplied before they are asked for. NULL: none are. */
	void	(*pg_begin)(struct mx_pager *pg);
	/* PAGE (a page number) is missing in the kernel, which waits for it: answer it with one of mx_pager_supply (from PAGE on,
	 * as many as are at hand), _zero, _error, or _defer - or not at all when it was answered with an earlier supply. */
	void	(*pg_request)(struct mx_pager *pg, uint32_t page, vm_prot_t access);
	/* The kernel gives pages back; DATA (page aligned) becomes the owner's memory. DIRTY: they were changed. KERNEL_COPY: it keeps
	 * its own copy, too. */
	void	(*pg_return)(struct mx_pager *pg, uint32_t page, void *data, uint32_t npages, bool dirty, bool kernel_copy);
	/* Pages that were supplied, but the object had gone by then. NULL: they come to pg_return, as dirty. */
	void	(*pg_unsupplied)(struct mx_pager *pg, uint32_t page, void *data, uint32_t npages);
	/* Somebody wants to write to PAGE, which was supplied locked: answer with mx_pager_unlock, or have the page leave the kernel
	 * (it is asked for again). NULL: it is unlocked. */
	void	(*pg_unlock)(struct mx_pager *pg, uint32_t page);
	/* The kernel has no page of it any more. */
	void	(*pg_terminated)(struct mx_pager *pg);
	/* ---- On fibrils. ---- */
	void	(*pg_deferred)(struct mx_pager *pg, uint32_t page, vm_prot_t access);	/* as pg_request; may park */
	void	(*pg_unused)(struct mx_pager *pg);	/* retired, and nobody can map it any more */
};

/* Start the pager's thread; once per task, before the first mx_pager_create. */
kern_return_t mx_pager_start(void);

/* OWNER is for mx_pager_owner. Errors: MX_ENOMEM */
kern_return_t mx_pager_create(const struct mx_pager_ops *ops, void *owner, struct mx_pager **out);
void *mx_pager_owner(const struct mx_pager *pg);
/* A right to map the object with at most PROT, not more than asked by anyone later. Rights: stays the pager's. */
kern_return_t mx_pager_memory(struct mx_pager *pg, vm_prot_t prot, mach_port_t *memory);
/* Map the first SIZE bytes in this task, for an owner that knows what it does: touching them may wait for the pager's thread. */
kern_return_t mx_pager_map(struct mx_pager *pg, size_t size, void **out);
/* Was it ever given out for writing? */
bool mx_pager_may_be_written(const struct mx_pager *pg);
/* Have the kernel know the object, by mapping its beginning here for a while: pg_begin follows. On fibrils only. */
void mx_pager_announce(struct mx_pager *pg);
void mx_pager_retire(struct mx_pager *pg);
/* PG, which was retired, is wanted again: somebody may still have it mapped. False: it ends, pg_unused is called in any case. */
bool mx_pager_revive(struct mx_pager *pg);
void mx_pager_destroy(struct mx_pager *pg);	/* after pg_unused */

/* Answers to a request, on either kind of thread. */
/* NPAGES pages at ADDR. MOVE: the pages leave this address space (they must be whole pages of its own); PRECIOUS: they come back
 * by pg_return even if unchanged. Pages that the kernel has are skipped, with all that follow. Returns NULL, or, when the kernel has given
 * the object up at this very moment, where the pages are now. */
void *mx_pager_supply(struct mx_pager *pg, uint32_t page, void *addr, uint32_t npages, bool move, bool precious);
/* The same by a copy of the pages, which may be read but not written until they are unlocked. */
bool mx_pager_supply_locked(struct mx_pager *pg, uint32_t page, const void *addr, uint32_t npages);
void mx_pager_unlock(struct mx_pager *pg, uint32_t page);
void mx_pager_zero(struct mx_pager *pg, uint32_t page);
void mx_pager_error(struct mx_pager *pg, uint32_t page);
void mx_pager_defer(struct mx_pager *pg, uint32_t page, vm_prot_t access);

/* Copy between BUF and the object's memory, faulting in what is missing; the range must lie inside the file (pg_request must not
 * answer an error there). On fibrils only. */
kern_return_t mx_pager_read(struct mx_pager *pg, uint64_t offset, void *buf, size_t count);
kern_return_t mx_pager_write(struct mx_pager *pg, uint64_t offset, const void *buf, size_t count);	/* BUF NULL: zeros */
/* Drop pages [FIRST, END) from the kernel unseen (truncation). Blocks: the fibril. */
void mx_pager_discard(struct mx_pager *pg, uint32_t first, uint32_t end);
/* Have pages that were changed returned; FLUSH: all of them leave the kernel. Blocks: until they came back. */
void mx_pager_clean(struct mx_pager *pg, uint32_t first, uint32_t end, bool flush);

#endif /* MASIX_PAGER_H */
