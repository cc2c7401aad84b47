/*
 * test_vma.c - the list of mappings against a model: one word per page.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vma.h"

#define PAGE	4096u
#define PAGES	64u
#define BASE	0x10000u
#define ROOM	(PAGES + 4)

static struct em_vma entries[ROOM];
static struct em_vmas list = { entries, 0, ROOM };
static uint32_t model[PAGES];		/* flags, 0: free */
static int failures;

#define CHECK(x) ((x) ? (void)0 : fail(#x, __LINE__))
static void
fail(const char *what, int line)
{
	if (failures++ < 20)
		printf("not ok - line %d: %s\n", line, what);
}

static uint32_t
draw(void)
{
	static uint32_t state = 2463534242u;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static uint32_t
addr_of(uint32_t page)
{
	return BASE + page * PAGE;
}

static void
compare(void)
{
	uint32_t end = 0, total = 0;

	for (uint32_t i = 0; i < list.vl_count; i++) {
		CHECK(entries[i].vm_start < entries[i].vm_end);
		CHECK(entries[i].vm_start >= end);
		end = entries[i].vm_end;
	}
	for (uint32_t p = 0; p < PAGES; p++) {
		struct em_vma *v = em_vma_at(&list, addr_of(p) + 5);

		CHECK((v != NULL) == (model[p] != 0));
		CHECK(v == NULL || v->vm_flags == model[p]);
		total += model[p] != 0;
	}
	CHECK(em_vma_total(&list, 0, 0) == total * PAGE);
}

static bool
range_is_free(uint32_t first, uint32_t n)
{
	for (uint32_t p = first; p < first + n; p++)
		if (p >= PAGES || model[p] != 0)
			return false;
	return true;
}

/* The highest place for N pages, as the model sees it; 0: none. */
static uint32_t
model_find(uint32_t n)
{
	for (uint32_t first = PAGES - n + 1; first-- > 0;)
		if (range_is_free(first, n))
			return addr_of(first);
	return 0;
}

static void
step(void)
{
	uint32_t first = draw() % PAGES, n = 1 + draw() % (PAGES - first), flags = 1 + draw() % 3, used = 0;

	if (n > 12)
		n = 1 + n % 12;
	CHECK(em_vma_find(&list, n * PAGE, BASE, addr_of(PAGES)) == model_find(n));
	for (uint32_t p = first; p < first + n; p++)
		used += model[p] != 0;
	CHECK(em_vma_any(&list, addr_of(first), addr_of(first + n)) == (used > 0));
	CHECK(em_vma_all(&list, addr_of(first), addr_of(first + n)) == (used == n));
	switch (draw() % 3) {
	case 0:
		em_vma_remove(&list, addr_of(first), addr_of(first + n));
		for (uint32_t p = first; p < first + n; p++)
			model[p] = 0;
		break;
	case 1:
		em_vma_remove(&list, addr_of(first), addr_of(first + n));
		em_vma_insert(&list, addr_of(first), addr_of(first + n), flags);
		for (uint32_t p = first; p < first + n; p++)
			model[p] = flags;
		break;
	default:
		em_vma_split(&list, addr_of(first), addr_of(first + n));
		for (uint32_t i = em_vma_above(&list, addr_of(first)); i < list.vl_count &&
		     entries[i].vm_start < addr_of(first + n); i++)
			entries[i].vm_flags = flags;
		em_vma_merge(&list);
		for (uint32_t p = first; p < first + n; p++)
			if (model[p] != 0)
				model[p] = flags;
	}
	compare();
}

int
main(void)
{
	for (int i = 0; i < 200000; i++)
		step();
	printf("%s 1 - 200000 random changes of the list agree with the model\n1..1\n", failures == 0 ? "ok" : "not ok");
	return failures != 0;
}
