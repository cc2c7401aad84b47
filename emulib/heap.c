/*
 * heap.c - emulib's own memory: small blocks, and scratch pages for what is large and short-lived.
 *
 * Never the program's heap: a program may bring its own allocator, be in the middle of it, or have destroyed it. Blocks are powers
 * of two with a free list per size and are never returned to the kernel; a process needs a few pages. Every page that is written is
 * a copy-on-write fault after fork, so blocks are packed.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"

#define HEAP_SMALLEST	5			/* 32 bytes */
#define HEAP_CLASSES	16			/* up to 1 MiB */
#define HEAP_STEP	0x4000u			/* the heap grows by this much */

struct heap_free { struct heap_free *next; };

static volatile uint32_t heap_lock;
static struct heap_free *heap_list[HEAP_CLASSES];
static char heap_first[64] __attribute__((aligned(32)));	/* the first blocks, in a page that every fork copies anyway */
static uint32_t heap_next = (uint32_t)heap_first;	/* never handed out from here on */
static uint32_t heap_mapped = (uint32_t)heap_first + sizeof(heap_first);	/* there is memory up to here */
static uint32_t scratch_used[(EM_SCRATCH_END - EM_SCRATCH) / EM_PAGE / 32];

static unsigned int
heap_class(size_t n)
{
	unsigned int c = 0;

	while (c < HEAP_CLASSES && n > (1u << (HEAP_SMALLEST + c)))
		c++;
	return c;
}

/* Fresh memory, zeroed by the kernel. */
static void *
heap_grow(size_t size)
{
	uint32_t need;
	vm_address_t at;
	vm_size_t step;

	if (heap_next < EM_HEAP && size > heap_mapped - heap_next)
		heap_next = heap_mapped = EM_HEAP;
	need = heap_next + size;
	at = heap_mapped;
	if (need > EM_HEAP_END)
		return NULL;
	if (need > heap_mapped) {
		step = (need - heap_mapped + HEAP_STEP - 1) & ~(HEAP_STEP - 1);
		if (step > EM_HEAP_END - heap_mapped || syscall_vm_allocate(em_task, &at, step, FALSE) != KERN_SUCCESS)
			return NULL;
		heap_mapped += step;
	}
	heap_next = need;
	return (void *)(need - size);
}

void *
em_alloc(size_t n)
{
	unsigned int c = heap_class(n);
	struct heap_free *f;

	if (c >= HEAP_CLASSES)
		return NULL;
	em_lock(&heap_lock);
	f = heap_list[c];
	if (f == NULL) {
		f = heap_grow(1u << (HEAP_SMALLEST + c));
	} else {
		heap_list[c] = f->next;
		memset(f, 0, n);
	}
	em_unlock(&heap_lock);
	return f;
}

void
em_free(void *p, size_t n)
{
	unsigned int c = heap_class(n);
	struct heap_free *f = p;

	if (p == NULL)
		return;
	em_lock(&heap_lock);
	f->next = heap_list[c];
	heap_list[c] = f;
	em_unlock(&heap_lock);
}

static bool
scratch_is_free(uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++)
		if (scratch_used[i / 32] & 1u << i % 32)
			return false;
	return true;
}

static void
scratch_mark(uint32_t first, uint32_t n, bool used)
{
	for (uint32_t i = first; i < first + n; i++) {
		if (used)
			scratch_used[i / 32] |= 1u << i % 32;
		else
			scratch_used[i / 32] &= ~(1u << i % 32);
	}
}

void *
em_pages_alloc(size_t n)
{
	const uint32_t all = (EM_SCRATCH_END - EM_SCRATCH) / EM_PAGE;
	uint32_t pages = EM_PAGE_ALIGN(n) / EM_PAGE, first = 0;
	vm_address_t at;

	if (n == 0 || n > EM_SCRATCH_END - EM_SCRATCH)
		return NULL;
	em_lock(&heap_lock);
	while (first + pages <= all && !scratch_is_free(first, pages))
		first++;
	at = EM_SCRATCH + first * EM_PAGE;
	if (first + pages > all || syscall_vm_allocate(em_task, &at, pages * EM_PAGE, FALSE) != KERN_SUCCESS)
		at = 0;
	else
		scratch_mark(first, pages, true);
	em_unlock(&heap_lock);
	return (void *)at;
}

void
em_pages_free(void *p, size_t n)
{
	uint32_t first = ((uint32_t)p - EM_SCRATCH) / EM_PAGE;

	if (p == NULL)
		return;
	(void)syscall_vm_deallocate(em_task, (vm_address_t)p, EM_PAGE_ALIGN(n));	/* cannot fail: it is ours */
	em_lock(&heap_lock);
	scratch_mark(first, EM_PAGE_ALIGN(n) / EM_PAGE, false);
	em_unlock(&heap_lock);
}

void
em_heap_relock(bool take)
{
	if (take)
		em_lock(&heap_lock);
	else
		em_unlock(&heap_lock);
}
