/*
 * vma.c - the list of what is mapped in the program's part of the address space.
 *
 * emulib keeps it because the kernel's own map answers slowly, cannot say what a fault should mean (a reservation, the stack's
 * growth), and places mappings bottom-up where programs expect the top.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "vma.h"
#include <stddef.h>

uint32_t
em_vma_above(const struct em_vmas *l, uint32_t addr)
{
	uint32_t low = 0, high = l->vl_count, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (l->vl_entry[mid].vm_end > addr)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

struct em_vma *
em_vma_at(const struct em_vmas *l, uint32_t addr)
{
	uint32_t i = em_vma_above(l, addr);

	return i < l->vl_count && l->vl_entry[i].vm_start <= addr ? &l->vl_entry[i] : NULL;
}

bool
em_vma_any(const struct em_vmas *l, uint32_t start, uint32_t end)
{
	uint32_t i = em_vma_above(l, start);

	return i < l->vl_count && l->vl_entry[i].vm_start < end;
}

bool
em_vma_all(const struct em_vmas *l, uint32_t start, uint32_t end)
{
	for (uint32_t i = em_vma_above(l, start); i < l->vl_count && start < end; i++) {
		if (l->vl_entry[i].vm_start > start)
			return false;
		start = l->vl_entry[i].vm_end;
	}
	return start >= end;
}

static void
entry_open(struct em_vmas *l, uint32_t at)
{
	for (uint32_t i = l->vl_count; i > at; i--)
		l->vl_entry[i] = l->vl_entry[i - 1];
	l->vl_count++;
}

static void
entries_close(struct em_vmas *l, uint32_t at, uint32_t n)
{
	if (n == 0)
		return;
	for (uint32_t i = at; i + n < l->vl_count; i++)
		l->vl_entry[i] = l->vl_entry[i + n];
	l->vl_count -= n;
}

/* Make ADDR a border. */
static void
cut(struct em_vmas *l, uint32_t addr)
{
	struct em_vma *v = em_vma_at(l, addr);
	uint32_t i;

	if (v == NULL || v->vm_start == addr)
		return;
	i = (uint32_t)(v - l->vl_entry);
	entry_open(l, i);
	l->vl_entry[i].vm_end = addr;
	l->vl_entry[i + 1].vm_start = addr;
}

void
em_vma_split(struct em_vmas *l, uint32_t start, uint32_t end)
{
	cut(l, start);
	cut(l, end);
}

void
em_vma_remove(struct em_vmas *l, uint32_t start, uint32_t end)
{
	uint32_t first, n = 0;

	em_vma_split(l, start, end);
	first = em_vma_above(l, start);
	while (first + n < l->vl_count && l->vl_entry[first + n].vm_start < end)
		n++;
	entries_close(l, first, n);
}

static bool
can_join(const struct em_vma *a, const struct em_vma *b)
{
	return a->vm_end == b->vm_start && a->vm_flags == b->vm_flags && !(a->vm_flags & EM_VMA_FILE);
}

void
em_vma_insert(struct em_vmas *l, uint32_t start, uint32_t end, uint32_t flags)
{
	struct em_vma new = { start, end, flags };
	uint32_t i = em_vma_above(l, start);
	bool before = i > 0 && can_join(&l->vl_entry[i - 1], &new);
	bool after = i < l->vl_count && can_join(&new, &l->vl_entry[i]);

	if (before && after) {
		l->vl_entry[i - 1].vm_end = l->vl_entry[i].vm_end;
		entries_close(l, i, 1);
	} else if (before) {
		l->vl_entry[i - 1].vm_end = end;
	} else if (after) {
		l->vl_entry[i].vm_start = start;
	} else {
		entry_open(l, i);
		l->vl_entry[i] = new;
	}
}

void
em_vma_merge(struct em_vmas *l)
{
	uint32_t to = 0;

	for (uint32_t i = 1; i < l->vl_count; i++) {
		if (can_join(&l->vl_entry[to], &l->vl_entry[i]))
			l->vl_entry[to].vm_end = l->vl_entry[i].vm_end;
		else
			l->vl_entry[++to] = l->vl_entry[i];
	}
	if (l->vl_count > 0)
		l->vl_count = to + 1;
}

uint32_t
em_vma_find(const struct em_vmas *l, uint32_t size, uint32_t low, uint32_t high)
{
	uint32_t top = high;

	for (uint32_t i = l->vl_count; i > 0; i--) {
		const struct em_vma *v = &l->vl_entry[i - 1];

		if (v->vm_start >= high)
			continue;
		if (v->vm_end < top && top - v->vm_end >= size && top - size >= low)
			return top - size;
		if (v->vm_start < top)
			top = v->vm_start;
		if (top <= low)
			return 0;
	}
	return top > low && top - low >= size ? top - size : 0;
}

uint32_t
em_vma_total(const struct em_vmas *l, uint32_t mask, uint32_t flags)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->vl_count; i++)
		if ((l->vl_entry[i].vm_flags & mask) == flags)
			n += l->vl_entry[i].vm_end - l->vl_entry[i].vm_start;
	return n;
}
