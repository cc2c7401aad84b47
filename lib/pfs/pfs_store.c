/*
 * pfs_store.c - stored files: read, write, change of size, fsync, and the end.
 *
 * A page of a file is on the disk; in the kernel's cache; or here, waiting to be stored. What the kernel may have is read and written
 * through it, so that mappings and calls see the same bytes. Other pages are filled here by write(), which costs no fault, and move to
 * the kernel when they were stored.
 *
 * Locks: ps_mutex, held by who changes contents or size, over everything. A page that is claimed (PS_CLAIMED) is waited for.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "pfs_store_impl.h"

#define SIZE_MAX_FILE	((uint64_t)PS_PAGES_MAX << MX_PAGE_SHIFT)

static struct pfs_store *
store_of(const struct pfs_node *node)
{
	return node->pn_store;
}

static uint64_t
size_of(const struct pfs_store *ps)
{
	return ps->ps_node->pn_attr.at_size;
}

static void
size_set(struct pfs_store *ps, uint64_t size)
{
	mx_spin_lock(&ps->ps_lock);
	ps->ps_node->pn_attr.at_size = size;
	ps->ps_npages = store_pages_of(size);
	mx_spin_unlock(&ps->ps_lock);
	if (ps->ps_ops->st_dirty != NULL)
		ps->ps_ops->st_dirty(ps->ps_node);
}

kern_return_t
pfs_store_attach(struct pfs_node *node, struct pfs_store **place, const struct pfs_store_ops *ops)
{
	struct pfs_store *ps;
	kern_return_t kr;

	if (node->pn_store != NULL)
		return KERN_SUCCESS;
	kr = store_start();
	if (kr != KERN_SUCCESS)
		return kr;
	ps = calloc(1, sizeof(*ps));
	if (ps == NULL)
		return MX_ENOMEM;
	ps->ps_node = node;
	ps->ps_ops = ops;
	ps->ps_place = place;
	ps->ps_npages = store_pages_of(node->pn_attr.at_size);
	*place = node->pn_store = ps;
	store_enlist(ps);
	return KERN_SUCCESS;
}

kern_return_t
pfs_store_pager(struct pfs_node *node, struct mx_pager **out)
{
	kern_return_t kr = KERN_SUCCESS;

	if (node->pn_pager == NULL) {
		kr = mx_pager_create(&store_pager_ops, store_of(node), &node->pn_pager);
		if (kr == KERN_SUCCESS)
			pfs_volume_opened(node->pn_volume);	/* it does not end while the kernel may have pages */
	}
	*out = node->pn_pager;
	return kr;
}

/* ---- Reading ---- */

/* Copy what lies here of the page at OFFSET. False: it does not. */
static bool
pending_read(struct pfs_store *ps, uint64_t offset, void *buf, size_t count)
{
	uint32_t slot;
	bool is_here;

	if (ps->ps_pending == 0)
		return false;
	mx_spin_lock(&ps->ps_lock);
	slot = store_slot_get(ps, (uint32_t)(offset >> MX_PAGE_SHIFT));
	is_here = store_address(slot) != NULL && (slot & PS_KERNEL) == 0;
	if (is_here)
		memcpy(buf, store_address(slot) + offset % MX_PAGE, count);
	mx_spin_unlock(&ps->ps_lock);
	return is_here;
}

static size_t
in_page(uint64_t offset, size_t count)
{
	size_t n = MX_PAGE - (size_t)(offset % MX_PAGE);

	return n < count ? n : count;
}

/* How many of COUNT bytes at OFFSET can be read through the kernel in one go? */
static size_t
kernel_run(struct pfs_store *ps, uint64_t offset, size_t count)
{
	size_t n = in_page(offset, count);
	uint32_t slot;

	if (ps->ps_pending == 0)
		return count;
	for (; n < count; n += in_page(offset + n, count - n)) {
		slot = store_slot_get(ps, (uint32_t)((offset + n) >> MX_PAGE_SHIFT));
		if (store_address(slot) != NULL && (slot & PS_KERNEL) == 0)
			break;
	}
	return n;
}

/* Bytes that the kernel cannot have, as its offsets are too short: from the disk, each time. */
static kern_return_t
far_read(struct pfs_store *ps, uint64_t offset, void *buf, size_t count)
{
	uint64_t page = offset >> MX_PAGE_SHIFT;
	uint8_t *data;
	kern_return_t kr;

	if (page > UINT32_MAX)
		return MX_EFBIG;
	kr = store_fetch_one(ps, (uint32_t)page, &data);
	if (kr != KERN_SUCCESS)
		return kr;
	if (data == NULL) {
		memset(buf, 0, count);
		return KERN_SUCCESS;
	}
	memcpy(buf, data + offset % MX_PAGE, count);
	mx_page_free(data);
	return KERN_SUCCESS;
}

/* Read some of COUNT bytes at OFFSET; *N: how many. */
static kern_return_t
read_some(struct pfs_store *ps, uint64_t offset, void *buf, size_t count, size_t *n)
{
	struct mx_pager *pg;
	kern_return_t kr;

	*n = in_page(offset, count);
	if (offset >= SIZE_MAX_FILE)
		return far_read(ps, offset, buf, *n);
	if (pending_read(ps, offset, buf, *n))
		return KERN_SUCCESS;
	kr = pfs_store_pager(ps->ps_node, &pg);
	if (kr != KERN_SUCCESS)
		return kr;
	if (count > SIZE_MAX_FILE - offset)
		count = (size_t)(SIZE_MAX_FILE - offset);
	*n = kernel_run(ps, offset, count);
	kr = mx_pager_read(pg, offset, buf, *n);
	if (kr != KERN_SUCCESS && *n > in_page(offset, count)) {	/* what comes before the bad page */
		*n = in_page(offset, count);
		kr = mx_pager_read(pg, offset, buf, *n);
	}
	return kr;
}

kern_return_t
pfs_store_read(struct pfs_node *node, uint64_t offset, void *buf, size_t count, size_t *done)
{
	struct pfs_store *ps = store_of(node);
	kern_return_t kr = KERN_SUCCESS;
	size_t n;

	for (*done = 0; *done < count; *done += n) {
		kr = read_some(ps, offset + *done, (uint8_t *)buf + *done, count - *done, &n);
		if (kr != KERN_SUCCESS)
			break;
	}
	if (offset + *done > size_of(ps)) {		/* cut meanwhile */
		*done = offset < size_of(ps) ? (size_t)(size_of(ps) - offset) : 0;
		return KERN_SUCCESS;
	}
	return *done > 0 || offset >= size_of(ps) ? KERN_SUCCESS : kr;
}

/* ---- Writing ---- */

static void
bytes_set(uint8_t *to, const void *buf, size_t n)
{
	if (buf != NULL)
		memcpy(to, buf, n);
	else
		memset(to, 0, n);
}

enum page_place { PLACE_KERNEL, PLACE_WAIT, PLACE_DONE, PLACE_CLAIMED };

/* Write to PAGE where it lies here, or claim it; *COPY: its contents so far, if they are here. */
static enum page_place
page_begin(struct pfs_store *ps, uint32_t page, size_t in, const void *buf, size_t n, uint8_t *copy, bool *is_copied)
{
	enum page_place place = PLACE_CLAIMED;
	uint32_t *slot;

	*is_copied = false;
	mx_spin_lock(&ps->ps_lock);
	slot = store_slot_find(ps, page);
	if (*slot & PS_CLAIMED) {
		place = PLACE_WAIT;
	} else if (*slot & PS_KERNEL) {
		place = PLACE_KERNEL;
	} else if (store_address(*slot) != NULL && (*slot & (PS_STORING | PS_RENEWED)) != PS_STORING) {
		bytes_set(store_address(*slot) + in, buf, n);
		place = PLACE_DONE;
	} else {
		*is_copied = store_address(*slot) != NULL;
		if (*is_copied)
			memcpy(copy, store_address(*slot), MX_PAGE);
		*slot |= PS_CLAIMED;
	}
	mx_spin_unlock(&ps->ps_lock);
	return place;
}

/* The contents so far of PAGE, which is claimed, into COPY. *IS_HOLE: it has none. */
static kern_return_t
page_fetch(struct pfs_store *ps, uint32_t page, uint8_t *copy, bool *is_hole)
{
	uint8_t *data = NULL;
	kern_return_t kr = KERN_SUCCESS;

	if (page < ps->ps_npages)
		kr = store_fetch_one(ps, page, &data);
	*is_hole = data == NULL;
	if (kr == KERN_SUCCESS)
		bytes_set(copy, data, MX_PAGE);
	if (data != NULL)
		mx_page_free(data);
	return kr;
}

/* COPY is PAGE from now on. Answers a page to be freed. */
static void *
page_put(struct pfs_store *ps, uint32_t page, uint8_t *copy)
{
	void *old;

	mx_spin_lock(&ps->ps_lock);
	old = store_slot_put(ps, store_slot_find(ps, page), copy);
	mx_spin_unlock(&ps->ps_lock);
	return old;
}

/* Write N bytes at OFFSET, all in one page; BUF NULL: zeros, which a hole has already. Locks: ps_mutex */
static kern_return_t
page_write(struct pfs_store *ps, uint64_t offset, const void *buf, size_t n)
{
	uint32_t page = (uint32_t)(offset >> MX_PAGE_SHIFT);
	size_t in = (size_t)(offset % MX_PAGE);
	enum page_place place;
	kern_return_t kr = KERN_SUCCESS;
	bool is_copied, is_hole = false;
	uint8_t *copy;
	void *old;

	if (!store_slots_make(ps, page, page + 1) || (copy = mx_page_alloc()) == NULL)
		return MX_ENOMEM;
	while ((place = page_begin(ps, page, in, buf, n, copy, &is_copied)) == PLACE_WAIT)
		mx_cond_wait(&ps->ps_changed);
	if (place != PLACE_CLAIMED) {
		mx_page_free(copy);
		if (place == PLACE_DONE)
			return KERN_SUCCESS;
		ps->ps_mapped_dirty = true;
		return mx_pager_write(store_pager(ps), offset, buf, n);
	}
	if (!is_copied && n < MX_PAGE)
		kr = page_fetch(ps, page, copy, &is_hole);
	if (kr == KERN_SUCCESS && !(is_hole && buf == NULL)) {
		bytes_set(copy + in, buf, n);
		old = page_put(ps, page, copy);
	} else {
		old = copy;
	}
	store_claim_end(ps, page);
	if (old != NULL)
		mx_page_free(old);
	return kr;
}

/* Bytes behind the end in the last page, left by who has the file mapped, must not become contents. Locks: ps_mutex */
static kern_return_t
tail_write(struct pfs_store *ps, uint64_t size)
{
	uint32_t slot = store_slot_get(ps, (uint32_t)(size >> MX_PAGE_SHIFT));

	if (size % MX_PAGE == 0 || size >= SIZE_MAX_FILE || (slot & ~PS_EVICTED) == 0)
		return KERN_SUCCESS;
	return page_write(ps, size, NULL, MX_PAGE - (size_t)(size % MX_PAGE));
}

/* Room for COUNT bytes at OFFSET, or for as many as there is; answers how many. */
static kern_return_t
write_reserve(struct pfs_store *ps, uint64_t offset, size_t *count)
{
	bool fresh = false;
	kern_return_t kr;

	if (ps->ps_ops->st_reserve == NULL)
		return KERN_SUCCESS;
	for (;;) {
		kr = ps->ps_ops->st_reserve(ps->ps_node, offset, *count, &fresh);
		if (kr != MX_ENOSPC || in_page(offset, *count) == *count)
			return kr;
		*count = *count / 2 > in_page(offset, *count) ? *count / 2 : in_page(offset, *count);
	}
}

/* Locks: ps_mutex */
static kern_return_t
write_locked(struct pfs_store *ps, uint64_t offset, const uint8_t *buf, size_t count, size_t *done)
{
	kern_return_t kr = write_reserve(ps, offset, &count);
	size_t n;

	if (kr == KERN_SUCCESS && offset > size_of(ps))
		kr = tail_write(ps, size_of(ps));
	ps->ps_writing = offset + count;
	for (; kr == KERN_SUCCESS && *done < count; *done += n) {
		n = in_page(offset + *done, count - *done);
		kr = page_write(ps, offset + *done, buf + *done, n);
		if (kr != KERN_SUCCESS)
			break;
	}
	if (*done > 0 && offset + *done > size_of(ps))
		size_set(ps, offset + *done);
	ps->ps_writing = 0;
	return kr;
}

kern_return_t
pfs_store_write(struct pfs_node *node, uint64_t offset, const void *buf, size_t count, size_t *done)
{
	struct pfs_store *ps = store_of(node);
	kern_return_t kr;

	*done = 0;
	if (offset >= SIZE_MAX_FILE)
		return MX_EFBIG;
	if (count > SIZE_MAX_FILE - offset)
		count = (size_t)(SIZE_MAX_FILE - offset);
	store_throttle(ps);
	mx_mutex_lock(&ps->ps_mutex);
	kr = write_locked(ps, offset, buf, count, done);
	mx_mutex_unlock(&ps->ps_mutex);
	return *done > 0 ? KERN_SUCCESS : kr;
}

/* ---- Size ---- */

/* What the kernel and this side have of [FIRST, END) goes. When it returns nothing of it is on its way back either. */
static void
pages_drop(struct pfs_store *ps, uint32_t first, uint32_t end)
{
	struct mx_pager *pg = store_pager(ps);

	store_slots_wait(ps, first, end);
	if (pg != NULL) {
		mx_pager_discard(pg, first, end);
		mx_pager_clean(pg, first, first + 1, true);	/* its completion comes after everything that was sent before */
	}
	store_slots_wait(ps, first, end);
	store_slots_clear(ps, first, end);
}

/* Locks: ps_mutex */
static kern_return_t
shrink(struct pfs_store *ps, uint64_t size)
{
	uint32_t first = store_pages_of(size), end = ps->ps_npages;
	kern_return_t kr = KERN_SUCCESS;

	if (size % MX_PAGE != 0 && size < SIZE_MAX_FILE)	/* on the disk, too: the file may grow again */
		kr = page_write(ps, size, NULL, MX_PAGE - (size_t)(size % MX_PAGE));
	if (kr != KERN_SUCCESS)
		return kr;
	size_set(ps, size);
	if (first < end)
		pages_drop(ps, first, end);
	return ps->ps_ops->st_trim != NULL ? ps->ps_ops->st_trim(ps->ps_node, size) : KERN_SUCCESS;
}

kern_return_t
pfs_store_truncate(struct pfs_node *node, uint64_t size)
{
	struct pfs_store *ps = store_of(node);
	kern_return_t kr = KERN_SUCCESS;

	if (size > SIZE_MAX_FILE)
		return MX_EFBIG;
	mx_mutex_lock(&ps->ps_mutex);
	if (size < size_of(ps)) {
		kr = shrink(ps, size);
	} else if (size > size_of(ps)) {
		kr = tail_write(ps, size_of(ps));
		if (kr == KERN_SUCCESS)
			size_set(ps, size);
	}
	mx_mutex_unlock(&ps->ps_mutex);
	return kr;
}

void
pfs_store_drop(struct pfs_node *node, uint64_t offset, uint64_t length)
{
	struct pfs_store *ps = store_of(node);
	uint32_t first = store_pages_of(offset), end = store_pages_of(offset + length);

	if (ps == NULL || first >= end)
		return;
	mx_mutex_lock(&ps->ps_mutex);
	pages_drop(ps, first, end);
	mx_mutex_unlock(&ps->ps_mutex);
}

void
pfs_store_replaced(struct pfs_node *node, uint64_t size)
{
	struct pfs_store *ps = store_of(node);
	uint32_t end;

	mx_mutex_lock(&ps->ps_mutex);
	end = ps->ps_npages;
	mx_spin_lock(&ps->ps_lock);
	node->pn_attr.at_size = size;
	ps->ps_npages = store_pages_of(size);
	mx_spin_unlock(&ps->ps_lock);
	if (end < ps->ps_npages)
		end = ps->ps_npages;
	if (end > 0)
		pages_drop(ps, 0, end);
	mx_mutex_unlock(&ps->ps_mutex);
}

kern_return_t
pfs_store_reserve(struct pfs_node *node, uint64_t offset, uint64_t length)
{
	struct pfs_store *ps = store_of(node);
	kern_return_t kr = KERN_SUCCESS;
	bool fresh = false;

	if (length > 0 && (offset >= SIZE_MAX_FILE || length > SIZE_MAX_FILE - offset))
		return MX_EFBIG;
	store_throttle(ps);
	mx_mutex_lock(&ps->ps_mutex);
	if (length > 0 && ps->ps_ops->st_reserve != NULL)
		kr = ps->ps_ops->st_reserve(node, offset, length, &fresh);
	else if (length == 0 && ps->ps_ops->st_trim != NULL)
		kr = ps->ps_ops->st_trim(node, size_of(ps));
	mx_mutex_unlock(&ps->ps_mutex);
	return kr;
}

/* ---- Durability ---- */

uint64_t
pfs_store_size(const struct pfs_node *node)
{
	const struct pfs_store *ps = store_of(node);

	return ps != NULL && ps->ps_writing > size_of(ps) ? ps->ps_writing : node->pn_attr.at_size;
}

void
pfs_store_clean(struct pfs_node *node)
{
	struct pfs_store *ps = store_of(node);

	if (ps == NULL)
		return;
	store_collect(ps);
	store_flush(ps, 0, PS_PAGES_MAX);
}

/* ---- The end ---- */

/* The kernel has nothing of PS any more. */
static void
release_finish(struct pfs_store *ps)
{
	struct pfs_node *node = ps->ps_node;
	struct pfs_volume *vol = node->pn_volume;
	bool had_pager = node->pn_pager != NULL;

	while (ps->ps_busy > 0)
		mx_cond_wait(&ps->ps_changed);
	if (ps->ps_keep)
		store_flush(ps, 0, PS_PAGES_MAX);
	while (ps->ps_busy > 0)
		mx_cond_wait(&ps->ps_changed);
	store_delist(ps);
	if (had_pager)
		mx_pager_destroy(node->pn_pager);
	store_slots_free(ps);
	node->pn_pager = NULL;
	*ps->ps_place = node->pn_store = NULL;
	ps->ps_done(node);
	free(ps);
	if (had_pager)
		pfs_volume_closed(vol);
}

static void
release_run(void *arg)
{
	release_finish(arg);
}

void
store_unused(struct mx_pager *pg)
{
	release_finish(mx_pager_owner(pg));
}

void
pfs_store_release(struct pfs_node *node, bool store, void (*done)(struct pfs_node *node))
{
	struct pfs_store *ps = store_of(node);

	if (ps == NULL) {
		done(node);
		return;
	}
	ps->ps_done = done;
	ps->ps_keep = store;
	if (node->pn_pager != NULL)
		mx_pager_retire(node->pn_pager);
	else if ((ps->ps_pending == 0 && ps->ps_busy == 0) || mx_fibril_start(release_run, ps, "release") != KERN_SUCCESS)
		release_finish(ps);
}

bool
pfs_store_revive(struct pfs_node *node)
{
	struct pfs_store *ps = store_of(node);

	if (ps == NULL || ps->ps_done == NULL || node->pn_pager == NULL || !mx_pager_revive(node->pn_pager))
		return false;
	ps->ps_done = NULL;
	ps->ps_keep = false;
	return true;
}
