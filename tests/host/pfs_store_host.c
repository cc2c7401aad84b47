/*
 * pfs_store_host.c - see pfs_store_host.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <string.h>
#include <masix/pfs_store.h>
#include <masix/server.h>
#include "pfs_store_host.h"
#include "pfs_world.h"

struct page {				/* a changed page */
	struct page	*pg_next;	/* of all, the one that was changed first at the head */
	struct pfs_store *pg_store;
	uint32_t	pg_number;
	uint8_t		pg_data[MX_PAGE];
};

struct pfs_store {
	const struct pfs_store_ops *ps_ops;
	struct pfs_node	*ps_node;
	struct pfs_store **ps_place, *ps_next;
};

static struct page *changed, **changed_end = &changed;
static unsigned int nchanged;
static struct pfs_store *stores;

unsigned int pfs_store_lazy = 64, pfs_store_cluster = 16;

unsigned int
pfs_store_changed(void)
{
	return nchanged;
}

static struct pfs_store *
store_of(const struct pfs_node *node)
{
	struct pfs_store *ps;

	for (ps = stores; ps != NULL && ps->ps_node != node; ps = ps->ps_next)
		;
	return ps;
}

kern_return_t
pfs_store_attach(struct pfs_node *node, struct pfs_store **place, const struct pfs_store_ops *ops)
{
	struct pfs_store *ps;

	if (*place != NULL)
		return KERN_SUCCESS;
	ps = calloc(1, sizeof(*ps));
	if (ps == NULL)
		return MX_ENOMEM;
	*ps = (struct pfs_store){ ops, node, place, stores };
	stores = *place = ps;
	return KERN_SUCCESS;
}

/* ---- Pages ---- */

static struct page *
page_find(struct pfs_store *ps, uint32_t number)
{
	struct page *pg;

	for (pg = changed; pg != NULL; pg = pg->pg_next)
		if (pg->pg_store == ps && pg->pg_number == number)
			return pg;
	return NULL;
}

static void
page_remove(struct page *gone)
{
	struct page **p;

	for (p = &changed; *p != gone; p = &(*p)->pg_next)
		;
	*p = gone->pg_next;
	if (changed_end == &gone->pg_next)
		changed_end = p;
	nchanged--;
	free(gone);
}

/* Store the run of changed pages that begins with PG. */
static kern_return_t
page_store(struct page *pg)
{
	static uint8_t data[64 * MX_PAGE];
	struct pfs_store *ps = pg->pg_store;
	uint32_t first = pg->pg_number, n;
	kern_return_t kr;

	for (n = 0; n < pfs_store_cluster && n < 64 && (pg = page_find(ps, first + n)) != NULL; n++)
		memcpy(data + n * MX_PAGE, pg->pg_data, MX_PAGE);
	kr = ps->ps_ops->st_store(ps->ps_node, first, data, n);
	while (kr == KERN_SUCCESS && n-- > 0)
		page_remove(page_find(ps, first + n));
	return kr;
}

/* Store what is changed of PS (NULL: of everything); of several errors the first, and those pages go. */
static kern_return_t
store_all(struct pfs_store *ps)
{
	kern_return_t kr, result = KERN_SUCCESS;
	struct page *pg, *prev;

	for (;;) {
		for (pg = changed; pg != NULL && ps != NULL && pg->pg_store != ps; pg = pg->pg_next)
			;
		if (pg == NULL)
			return result;
		/* From the beginning of its run. */
		while (pg->pg_number > 0 && (prev = page_find(pg->pg_store, pg->pg_number - 1)) != NULL)
			pg = prev;
		kr = page_store(pg);
		if (kr == KERN_SUCCESS)
			continue;
		page_remove(pg);
		if (result == KERN_SUCCESS)
			result = kr;
	}
}

/* Fetch N pages from NUMBER on and copy COUNT bytes, OFFSET from their beginning, to BUF. */
static kern_return_t
fetch(struct pfs_store *ps, uint32_t number, uint32_t n, uint32_t *got, size_t offset, uint8_t *buf, size_t *count)
{
	uint64_t size = ps->ps_node->pn_attr.at_size, base = (uint64_t)number * MX_PAGE;
	void *pages = NULL;
	kern_return_t kr = ps->ps_ops->st_fetch(ps->ps_node, number, n, &pages, got);
	uint32_t i;

	if (kr != KERN_SUCCESS)
		return kr;
	mx_assert(*got >= 1 && *got <= n);
	if (*count > *got * MX_PAGE - offset)
		*count = *got * MX_PAGE - offset;
	if (pages == NULL) {
		memset(buf, 0, *count);
		return KERN_SUCCESS;
	}
	memcpy(buf, (uint8_t *)pages + offset, *count);
	if (base + offset + *count > size)	/* behind the end */
		memset(buf + (size > base + offset ? (size_t)(size - base - offset) : 0), 0,
			size > base + offset ? (size_t)(base + offset + *count - size) : *count);
	for (i = 0; i < *got; i++)
		mx_page_free((uint8_t *)pages + i * MX_PAGE);
	return KERN_SUCCESS;
}

/* The changed page NUMBER, made of what is stored. */
static kern_return_t
page_get(struct pfs_store *ps, uint32_t number, struct page **out)
{
	struct page *pg = page_find(ps, number);
	size_t count = MX_PAGE;
	uint32_t got;
	kern_return_t kr;

	*out = pg;
	if (pg != NULL)
		return KERN_SUCCESS;
	pg = calloc(1, sizeof(*pg));
	if (pg == NULL)
		return MX_ENOMEM;
	kr = fetch(ps, number, 1, &got, 0, pg->pg_data, &count);
	if (kr != KERN_SUCCESS) {
		free(pg);
		return kr;
	}
	pg->pg_store = ps;
	pg->pg_number = number;
	*changed_end = pg;
	changed_end = &pg->pg_next;
	nchanged++;
	*out = pg;
	return KERN_SUCCESS;
}

/* ---- The functions ---- */

kern_return_t
pfs_store_read(struct pfs_node *node, uint64_t offset, void *buf, size_t count, size_t *done)
{
	struct pfs_store *ps = store_of(node);
	uint32_t number, n, got;
	struct page *pg;
	size_t k, in;
	kern_return_t kr;

	for (*done = 0; *done < count; *done += k) {
		number = (uint32_t)((offset + *done) / MX_PAGE);
		in = (size_t)((offset + *done) % MX_PAGE);
		k = count - *done;
		pg = page_find(ps, number);
		if (pg != NULL) {
			k = k < MX_PAGE - in ? k : MX_PAGE - in;
			memcpy((uint8_t *)buf + *done, pg->pg_data + in, k);
			continue;
		}
		for (n = 1; n < pfs_store_cluster && n * MX_PAGE < in + k && page_find(ps, number + n) == NULL; n++)
			;
		kr = fetch(ps, number, n, &got, in, (uint8_t *)buf + *done, &k);
		if (kr != KERN_SUCCESS)
			return *done > 0 ? KERN_SUCCESS : kr;
	}
	return KERN_SUCCESS;
}

static kern_return_t
write_page(struct pfs_store *ps, uint64_t offset, const uint8_t *buf, size_t count)
{
	struct pfs_node *node = ps->ps_node;
	struct page *pg;
	bool fresh;
	kern_return_t kr;

	if (ps->ps_ops->st_reserve != NULL) {
		kr = ps->ps_ops->st_reserve(node, offset, count, &fresh);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	kr = page_get(ps, (uint32_t)(offset / MX_PAGE), &pg);
	if (kr != KERN_SUCCESS)
		return kr;
	memcpy(pg->pg_data + offset % MX_PAGE, buf, count);
	if (offset + count > node->pn_attr.at_size)
		node->pn_attr.at_size = offset + count;
	if (ps->ps_ops->st_dirty != NULL)
		ps->ps_ops->st_dirty(node);
	while (nchanged > pfs_store_lazy) {
		kr = page_store(changed);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	return KERN_SUCCESS;
}

kern_return_t
pfs_store_write(struct pfs_node *node, uint64_t offset, const void *buf, size_t count, size_t *done)
{
	struct pfs_store *ps = store_of(node);
	kern_return_t kr;
	size_t k;

	for (*done = 0; *done < count; *done += k) {
		k = MX_PAGE - (size_t)((offset + *done) % MX_PAGE);
		k = count - *done < k ? count - *done : k;
		kr = write_page(ps, offset + *done, (const uint8_t *)buf + *done, k);
		if (kr != KERN_SUCCESS)
			return *done > 0 ? KERN_SUCCESS : kr;
	}
	return KERN_SUCCESS;
}

/* The changed pages [FIRST, END) of PS go. */
static void
pages_drop(struct pfs_store *ps, uint32_t first, uint32_t end)
{
	struct page *pg, *next;

	for (pg = changed; pg != NULL; pg = next) {
		next = pg->pg_next;
		if (pg->pg_store == ps && pg->pg_number >= first && pg->pg_number < end)
			page_remove(pg);
	}
}

kern_return_t
pfs_store_truncate(struct pfs_node *node, uint64_t size)
{
	struct pfs_store *ps = store_of(node);
	uint64_t old = node->pn_attr.at_size;
	struct page *pg;
	kern_return_t kr;

	if (size < old && size % MX_PAGE != 0) {	/* what lies behind the end reads as zeros, should the file grow again */
		bool fresh;

		kr = ps->ps_ops->st_reserve != NULL ? ps->ps_ops->st_reserve(node, size - 1, 1, &fresh) : KERN_SUCCESS;
		if (kr == KERN_SUCCESS)
			kr = page_get(ps, (uint32_t)(size / MX_PAGE), &pg);
		if (kr != KERN_SUCCESS)
			return kr;
		memset(pg->pg_data + size % MX_PAGE, 0, MX_PAGE - (size_t)(size % MX_PAGE));
	}
	pages_drop(ps, (uint32_t)((size + MX_PAGE - 1) / MX_PAGE), UINT32_MAX);
	node->pn_attr.at_size = size;
	if (size < old && ps->ps_ops->st_trim != NULL)
		return ps->ps_ops->st_trim(node, size);
	if (ps->ps_ops->st_dirty != NULL)
		ps->ps_ops->st_dirty(node);
	return KERN_SUCCESS;
}

uint64_t
pfs_store_size(const struct pfs_node *node)
{
	return node->pn_attr.at_size;
}

void
pfs_store_clean(struct pfs_node *node)
{
	(void)store_all(store_of(node));
}

kern_return_t
pfs_store_pager(struct pfs_node *node, struct mx_pager **out)
{
	(void)node;
	(void)out;
	return MX_ENODEV;
}

kern_return_t
pfs_store_sync(struct pfs_volume *vol)
{
	(void)vol;
	return store_all(NULL);
}

void
pfs_store_drop(struct pfs_node *node, uint64_t offset, uint64_t length)
{
	mx_assert(offset % MX_PAGE == 0 && length % MX_PAGE == 0);
	pages_drop(store_of(node), (uint32_t)(offset / MX_PAGE), (uint32_t)((offset + length) / MX_PAGE));
}

void
pfs_store_release(struct pfs_node *node, bool store, void (*done)(struct pfs_node *node))
{
	struct pfs_store *ps = store_of(node), **p;

	if (ps != NULL) {
		if (store)
			(void)store_all(ps);
		pages_drop(ps, 0, UINT32_MAX);
		for (p = &stores; *p != ps; p = &(*p)->ps_next)
			;
		*p = ps->ps_next;
		*ps->ps_place = NULL;
		free(ps);
	}
	done(node);
}

bool
pfs_store_revive(struct pfs_node *node)
{
	(void)node;
	return false;			/* what is released is gone at once */
}

kern_return_t
pfs_store_reserve(struct pfs_node *node, uint64_t offset, uint64_t length)
{
	struct pfs_store *ps = store_of(node);
	bool fresh;

	if (length > 0)
		return ps->ps_ops->st_reserve != NULL ? ps->ps_ops->st_reserve(node, offset, length, &fresh) : KERN_SUCCESS;
	return ps->ps_ops->st_trim != NULL ? ps->ps_ops->st_trim(node, node->pn_attr.at_size) : KERN_SUCCESS;
}
