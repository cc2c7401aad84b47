/*
 * vma.h - the list of what is mapped in the program's part of the address space.
 *
 * Sorted, without overlaps; neighbours that do not differ are one. Pure C: tests/host/test_vma.c runs it on the host.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EMULIB_VMA_H
#define EMULIB_VMA_H

#include <stdbool.h>
#include <stdint.h>

#define EM_VMA_READ	1u		/* = PROT_READ, PROT_WRITE, PROT_EXEC */
#define EM_VMA_WRITE	2u
#define EM_VMA_EXEC	4u
#define EM_VMA_PROT	7u
#define EM_VMA_SHARED	0x10u
#define EM_VMA_FILE	0x20u
#define EM_VMA_STACK	0x40u		/* grows down */
#define EM_VMA_LAZY	0x80u		/* PROT_NONE from the beginning: the kernel knows nothing of it */
#define EM_VMA_FORKED	0x100u		/* its pages may be a child's too: they must not be discarded in place */
#define EM_VMA_HEAP	0x200u
#define EM_VMA_DONTFORK	0x400u		/* a fork child does not get it */

struct em_vma {
	uint32_t	vm_start, vm_end;	/* bytes, page-aligned */
	uint32_t	vm_flags;
};

struct em_vmas {
	struct em_vma	*vl_entry;
	uint32_t	vl_count, vl_room;
};

/* Index of the first entry that ends above ADDR; vl_count when there is none. */
uint32_t em_vma_above(const struct em_vmas *l, uint32_t addr);
/* The entry that holds ADDR, or NULL. */
struct em_vma *em_vma_at(const struct em_vmas *l, uint32_t addr);
/* Is anything mapped in START...END, or is all of it? */
bool em_vma_any(const struct em_vmas *l, uint32_t start, uint32_t end);
bool em_vma_all(const struct em_vmas *l, uint32_t start, uint32_t end);
/* Each of the following needs room for two more entries (em_vma_room). */
void em_vma_remove(struct em_vmas *l, uint32_t start, uint32_t end);
void em_vma_insert(struct em_vmas *l, uint32_t start, uint32_t end, uint32_t flags);	/* the range is free */
/* Cut so that entries begin at START and end at END. */
void em_vma_split(struct em_vmas *l, uint32_t start, uint32_t end);
void em_vma_merge(struct em_vmas *l);
/* The highest free range of SIZE bytes in LOW...HIGH; 0: none. */
uint32_t em_vma_find(const struct em_vmas *l, uint32_t size, uint32_t low, uint32_t high);
/* Bytes mapped. */
uint32_t em_vma_total(const struct em_vmas *l, uint32_t mask, uint32_t flags);

#endif /* EMULIB_VMA_H */
