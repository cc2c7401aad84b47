/*
 * tmpfs_pages.c - the contents of a file: where each page is, and who has it.
 *
 * There is one copy of a file's page, and it moves. It lies in this task (a page of the pool, of the boot archive, or one that
 * the kernel gave back) until somebody maps the file and touches it; then it moves to the kernel's page cache, and comes back when the
 * kernel needs room. A page is supplied "precious", so that the kernel returns it even unchanged: TP_KERNEL is exact, and a request for
 * a page that the kernel has already is an old one, overtaken by a supply, to be ignored. Only pages that the kernel made itself
 * (zeros for a hole) may vanish: TP_LOSABLE.
 *
 * read() and write() use this task's copy under the lock where there is one, and else the kernel's, through the pager's window.
 * Files of the boot archive have no slots until they are mapped or written, small files a few bytes of heap instead.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "tmpfs.h"

#define SMALL_MAX	2048u
#define SUPPLY_MAX	64u	/* pages in one answer */
#define SIZE_MAX_FILE	(UINT64_C(0xfffff000))	/* page numbers and the kernel's offsets have 32 bits */

static uint32_t
pages_of(uint64_t size)
{
	return (uint32_t)((size + MX_PAGE - 1) >> MX_PAGE_SHIFT);
}

static uint64_t
node_size(const struct tmpfs_node *tn)
{
	return tn->tn_node.pn_attr.at_size;
}

static void *
slot_address(uint32_t slot)
{
	return (void *)(uintptr_t)(slot & ~TP_FLAGS);
}

/* ---- Slots ---- */

static uint32_t *
slot_find(struct tmpfs_pages *tp, uint32_t page)
{
	uint32_t leaf = page / TP_LEAF;

	if (leaf >= tp->tp_nleaves || tp->tp_leaf[leaf] == NULL)
		return NULL;
	return &tp->tp_leaf[leaf][page % TP_LEAF];
}

static uint32_t
slot_get(struct tmpfs_pages *tp, uint32_t page)
{
	uint32_t *slot = slot_find(tp, page);

	return slot != NULL ? *slot : 0;
}

/* Room for leaf number LEAF - 1 in the table. Fibrils only. */
static bool
leaves_reserve(struct tmpfs_pages *tp, uint32_t leaves)
{
	uint32_t size = tp->tp_nleaves != 0 ? tp->tp_nleaves : 1;
	uint32_t **table, **old;

	if (leaves <= tp->tp_nleaves)
		return true;
	while (size < leaves)
		size *= 2;
	table = calloc(size, sizeof(*table));
	if (table == NULL)
		return false;
	old = tp->tp_leaf;
	if (old != NULL)
		memcpy(table, old, tp->tp_nleaves * sizeof(*table));
	mx_spin_lock(&tp->tp_lock);
	tp->tp_leaf = table;
	tp->tp_nleaves = size;
	mx_spin_unlock(&tp->tp_lock);
	free(old);
	return true;
}

/* The slot of PAGE, made when it is not there. NULL: no memory. Fibrils only. */
static uint32_t *
slot_make(struct tmpfs_pages *tp, uint32_t page)
{
	uint32_t leaf = page / TP_LEAF;
	uint32_t *slots;

	if (!leaves_reserve(tp, leaf + 1))
		return NULL;
	if (tp->tp_leaf[leaf] == NULL) {
		slots = calloc(TP_LEAF, sizeof(*slots));
		if (slots == NULL)
			return NULL;
		mx_spin_lock(&tp->tp_lock);
		tp->tp_leaf[leaf] = slots;
		mx_spin_unlock(&tp->tp_lock);
	}
	return &tp->tp_leaf[leaf][page % TP_LEAF];
}

/* PAGE gets SLOT's contents for the first time. Locks: tp_lock held. */
static void
slot_fill(struct tmpfs_node *tn, uint32_t *slot, uint32_t value)
{
	*slot = value;
	tn->u.reg.tp_used++;
	tn->tn_node.pn_attr.at_blocks += MX_PAGE / 512;
}

/* The page that a slot's owner must free when the slot goes, or NULL. */
static void *
slot_owned(uint32_t slot)
{
	return (slot & TP_KEEP) != 0 ? NULL : slot_address(slot);
}

/* Empty [FIRST, END). The kernel's pages among them have been or will be discarded. */
static void
slots_clear(struct tmpfs_node *tn, uint32_t first, uint32_t end)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t page, *slot;

	for (page = first; page < end; page++) {
		void *addr;

		slot = slot_find(tp, page);
		if (slot == NULL) {
			page |= TP_LEAF - 1;	/* the whole leaf is missing */
			continue;
		}
		mx_spin_lock(&tp->tp_lock);
		addr = slot_owned(*slot);
		if (*slot != 0) {
			*slot = 0;
			tp->tp_used--;
			tn->tn_node.pn_attr.at_blocks -= MX_PAGE / 512;
			tmpfs_uncharge(tn->tn_volume, 1);
		}
		mx_spin_unlock(&tp->tp_lock);
		if (addr != NULL)
			mx_page_free(addr);
	}
}

/* The number of pages of the file changed; the pager's thread looks at it. */
static void
npages_set(struct tmpfs_pages *tp, uint64_t size)
{
	mx_spin_lock(&tp->tp_lock);
	tp->tp_npages = pages_of(size);
	mx_spin_unlock(&tp->tp_lock);
}

/* ---- Leaving the compact forms ---- */

static bool
has_pages(const struct tmpfs_pages *tp)
{
	return tp->tp_archive == NULL && tp->tp_small == NULL;
}

/* A page of the pool with LEN bytes of DATA and zeros after them. */
static uint8_t *
page_with(const void *data, size_t len)
{
	uint8_t *page = mx_page_alloc();

	if (page == NULL)
		return NULL;
	if (len > 0)
		memcpy(page, data, len);
	memset(page + len, 0, MX_PAGE - len);
	return page;
}

static void
archive_forget(struct tmpfs_node *tn)
{
	tn->u.reg.tp_archive = NULL;
	tn->tn_node.pn_attr.at_blocks = 0;	/* slot_fill counts again; the charge stays with the slots */
}

/* Give the pages of the archive slots. The last one is copied: what follows the data in it is not ours. */
static kern_return_t
archive_to_pages(struct tmpfs_node *tn)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	const uint8_t *archive = tp->tp_archive;
	uint32_t keep = tp->tp_keep ? TP_KEEP : 0;
	uint32_t i, n = pages_of(node_size(tn)), tail = (uint32_t)(node_size(tn) % MX_PAGE);
	uint8_t *last = NULL;

	if (n > 0 && slot_make(tp, n - 1) == NULL)
		return MX_ENOMEM;
	for (i = 0; i < n; i += TP_LEAF)
		if (slot_make(tp, i) == NULL)
			return MX_ENOMEM;
	if (tail != 0) {
		last = page_with(archive + (size_t)(n - 1) * MX_PAGE, tail);
		if (last == NULL)
			return MX_ENOMEM;
	}
	archive_forget(tn);
	mx_spin_lock(&tp->tp_lock);
	for (i = 0; i < n; i++) {
		if (i == n - 1 && last != NULL)
			slot_fill(tn, slot_find(tp, i), (uint32_t)(uintptr_t)last);
		else
			slot_fill(tn, slot_find(tp, i), (uint32_t)(uintptr_t)(archive + (size_t)i * MX_PAGE) | keep);
	}
	mx_spin_unlock(&tp->tp_lock);
	return KERN_SUCCESS;
}

static kern_return_t
small_to_pages(struct tmpfs_node *tn)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	uint8_t *small = tp->tp_small, *page;
	uint32_t *slot;

	if (node_size(tn) == 0) {
		tn->tn_node.pn_attr.at_blocks = 0;
		goto empty;
	}
	slot = slot_make(tp, 0);
	if (slot == NULL)
		return MX_ENOMEM;
	if (!tmpfs_charge(tn->tn_volume, 1, false))
		return MX_ENOSPC;
	page = page_with(small, (size_t)node_size(tn) < tp->tp_small_size ? (size_t)node_size(tn) : tp->tp_small_size);
	if (page == NULL) {
		tmpfs_uncharge(tn->tn_volume, 1);
		return MX_ENOMEM;
	}
	tn->tn_node.pn_attr.at_blocks = 0;
	mx_spin_lock(&tp->tp_lock);
	slot_fill(tn, slot, (uint32_t)(uintptr_t)page);
	mx_spin_unlock(&tp->tp_lock);
empty:
	tp->tp_small = NULL;
	tp->tp_small_size = 0;
	free(small);
	return KERN_SUCCESS;
}

static kern_return_t
to_pages(struct tmpfs_node *tn)
{
	struct tmpfs_pages *tp = &tn->u.reg;

	if (tp->tp_archive != NULL)
		return archive_to_pages(tn);
	return tp->tp_small != NULL ? small_to_pages(tn) : KERN_SUCCESS;
}

kern_return_t
tmpfs_pages_prepare(struct tmpfs_node *tn)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	kern_return_t kr = to_pages(tn);
	uint32_t page;

	for (page = 0; kr == KERN_SUCCESS && page < pages_of(node_size(tn)); page += TP_LEAF)
		if (slot_make(tp, page) == NULL)
			return MX_ENOMEM;
	return kr;
}

/* ---- Reading ---- */

/* Copy COUNT bytes at OFFSET, all within one page. */
static kern_return_t
page_read(struct tmpfs_node *tn, uint64_t offset, uint8_t *buf, size_t count)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t slot;

	mx_spin_lock(&tp->tp_lock);
	slot = slot_get(tp, (uint32_t)(offset >> MX_PAGE_SHIFT));
	if (slot & TP_KERNEL) {
		mx_spin_unlock(&tp->tp_lock);
		return mx_pager_read(tn->tn_node.pn_pager, offset, buf, count);
	}
	if (slot == 0)
		memset(buf, 0, count);
	else
		memcpy(buf, (uint8_t *)slot_address(slot) + offset % MX_PAGE, count);
	mx_spin_unlock(&tp->tp_lock);
	return KERN_SUCCESS;
}

/* The bytes at OFFSET of a file in a compact form that has them; what it does not hold is zeros. */
static void
compact_read(const struct tmpfs_pages *tp, uint64_t offset, uint8_t *buf, size_t count)
{
	size_t n = 0;

	if (tp->tp_archive != NULL) {
		memcpy(buf, tp->tp_archive + offset, count);
		return;
	}
	if (offset < tp->tp_small_size) {
		n = tp->tp_small_size - (size_t)offset < count ? tp->tp_small_size - (size_t)offset : count;
		memcpy(buf, tp->tp_small + offset, n);
	}
	memset(buf + n, 0, count - n);
}

kern_return_t
tmpfs_pages_read(struct tmpfs_node *tn, uint64_t offset, uint8_t *buf, size_t count)
{
	kern_return_t kr;
	size_t n;

	if (!has_pages(&tn->u.reg)) {
		compact_read(&tn->u.reg, offset, buf, count);
		return KERN_SUCCESS;
	}
	for (; count > 0; offset += n, buf += n, count -= n) {
		n = MX_PAGE - (size_t)(offset % MX_PAGE) < count ? MX_PAGE - (size_t)(offset % MX_PAGE) : count;
		kr = page_read(tn, offset, buf, n);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	return KERN_SUCCESS;
}

/* ---- Writing ---- */

/* A page of the pool in SLOT that holds what it held; DATA will overwrite WHOLE of it or not. Locks: none held; the slot is not
 * the kernel's. */
static kern_return_t
slot_own(struct tmpfs_node *tn, uint32_t *slot, bool whole)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	bool is_new = *slot == 0;
	uint8_t *page;

	if (is_new && !tmpfs_charge(tn->tn_volume, 1, false))
		return MX_ENOSPC;
	page = mx_page_alloc();
	if (page == NULL) {
		if (is_new)
			tmpfs_uncharge(tn->tn_volume, 1);
		return MX_ENOSPC;
	}
	if (!whole && is_new)
		memset(page, 0, MX_PAGE);
	mx_spin_lock(&tp->tp_lock);
	if ((*slot == 0) != is_new || (*slot & TP_KERNEL) != 0) {	/* the pager's thread was faster */
		mx_spin_unlock(&tp->tp_lock);
		mx_page_free(page);
		if (is_new)
			tmpfs_uncharge(tn->tn_volume, 1);
		return KERN_SUCCESS;
	}
	if (is_new) {
		slot_fill(tn, slot, (uint32_t)(uintptr_t)page);
	} else {
		if (!whole)
			memcpy(page, slot_address(*slot), MX_PAGE);
		*slot = (uint32_t)(uintptr_t)page;
	}
	mx_spin_unlock(&tp->tp_lock);
	return KERN_SUCCESS;
}

/* Write COUNT bytes at OFFSET, all within one page; BUF NULL: zeros. */
static kern_return_t
page_write(struct tmpfs_node *tn, uint64_t offset, const uint8_t *buf, size_t count)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t *slot = slot_make(tp, (uint32_t)(offset >> MX_PAGE_SHIFT));
	uint8_t *to;
	kern_return_t kr;

	if (slot == NULL)
		return MX_ENOMEM;
	for (;;) {
		mx_spin_lock(&tp->tp_lock);
		if (*slot & TP_KERNEL) {
			mx_spin_unlock(&tp->tp_lock);
			return mx_pager_write(tn->tn_node.pn_pager, offset, buf, count);
		}
		if (*slot != 0 && (*slot & TP_KEEP) == 0)
			break;
		mx_spin_unlock(&tp->tp_lock);
		kr = slot_own(tn, slot, buf != NULL && count == MX_PAGE);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	to = (uint8_t *)slot_address(*slot) + offset % MX_PAGE;
	if (buf != NULL)
		memcpy(to, buf, count);
	else
		memset(to, 0, count);
	mx_spin_unlock(&tp->tp_lock);
	return KERN_SUCCESS;
}

/* The bytes of the last page past the file's end are zero in this task's copy; in the kernel's a mapping may have left something. */
static kern_return_t
tail_clear(struct tmpfs_node *tn, uint64_t size)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t tail = (uint32_t)(size % MX_PAGE);

	if (tail == 0 || !has_pages(tp) || slot_get(tp, (uint32_t)(size >> MX_PAGE_SHIFT)) == 0)
		return KERN_SUCCESS;
	return page_write(tn, size, NULL, MX_PAGE - tail);
}

/* The tail must be cleared before the file grows over it, if a mapping may have written there. */
static kern_return_t
grow_prepare(struct tmpfs_node *tn)
{
	struct mx_pager *pg = tn->tn_node.pn_pager;

	if (pg == NULL || !mx_pager_may_be_written(pg))
		return KERN_SUCCESS;
	return tail_clear(tn, node_size(tn));
}

static void
size_set(struct tmpfs_node *tn, uint64_t size)
{
	tn->tn_node.pn_attr.at_size = size;
	npages_set(&tn->u.reg, size);
	pfs_node_changed(&tn->tn_node);
}

/* Make the small block hold SIZE bytes, or give the file pages. */
static kern_return_t
small_reserve(struct tmpfs_node *tn, uint64_t size)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t n = tp->tp_small_size != 0 ? tp->tp_small_size : 64;
	uint8_t *block;

	if (size > SMALL_MAX)
		return to_pages(tn);
	if (size <= tp->tp_small_size)
		return KERN_SUCCESS;
	while (n < size)
		n *= 2;
	block = realloc(tp->tp_small, n);
	if (block == NULL)
		return MX_ENOSPC;
	memset(block + tp->tp_small_size, 0, n - tp->tp_small_size);
	tp->tp_small = block;
	tp->tp_small_size = n;
	tn->tn_node.pn_attr.at_blocks = (n + MX_PAGE - 1) / MX_PAGE * (MX_PAGE / 512);	/* as Linux counts */
	return KERN_SUCCESS;
}

/* May the file be kept in a small block when it has SIZE bytes? */
static bool
is_small(const struct tmpfs_node *tn)
{
	const struct tmpfs_pages *tp = &tn->u.reg;

	return tp->tp_archive == NULL && tp->tp_used == 0 && tp->tp_leaf == NULL && tn->tn_node.pn_pager == NULL;
}

/* Before [OFFSET, OFFSET + COUNT) is written: leave the archive, choose a form. */
static kern_return_t
write_prepare(struct tmpfs_node *tn, uint64_t end)
{
	kern_return_t kr;

	if (end > node_size(tn)) {
		kr = grow_prepare(tn);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	if (is_small(tn))
		return small_reserve(tn, end);
	return to_pages(tn);
}

/* The leaves that the pager's thread may need for a file of SIZE bytes that is mapped. */
static kern_return_t
grow_leaves(struct tmpfs_node *tn, uint64_t size)
{
	uint32_t page;

	if (tn->tn_node.pn_pager == NULL)
		return KERN_SUCCESS;
	for (page = pages_of(node_size(tn)) & ~(TP_LEAF - 1); page < pages_of(size); page += TP_LEAF)
		if (slot_make(&tn->u.reg, page) == NULL)
			return MX_ENOSPC;
	return KERN_SUCCESS;
}

static kern_return_t
write_pages(struct tmpfs_node *tn, uint64_t offset, const uint8_t *buf, size_t count, size_t *done)
{
	kern_return_t kr = KERN_SUCCESS;
	size_t n;

	for (; count > 0; offset += n, buf += n, count -= n, *done += n) {
		n = MX_PAGE - (size_t)(offset % MX_PAGE) < count ? MX_PAGE - (size_t)(offset % MX_PAGE) : count;
		kr = page_write(tn, offset, buf, n);
		if (kr != KERN_SUCCESS)
			break;
	}
	return kr;
}

/* Locks: tp_mutex held */
static kern_return_t
write_locked(struct tmpfs_node *tn, uint64_t offset, const uint8_t *buf, size_t count, size_t *done)
{
	kern_return_t kr;

	if (offset >= SIZE_MAX_FILE)
		return MX_EFBIG;
	if (count > SIZE_MAX_FILE - offset)
		count = (size_t)(SIZE_MAX_FILE - offset);
	kr = write_prepare(tn, offset + count);
	if (kr == KERN_SUCCESS)
		kr = grow_leaves(tn, offset + count);
	if (kr != KERN_SUCCESS)
		return kr;
	if (tn->u.reg.tp_small != NULL) {
		memcpy(tn->u.reg.tp_small + offset, buf, count);
		*done = count;
	} else {
		kr = write_pages(tn, offset, buf, count, done);
	}
	if (*done > 0 && offset + *done > node_size(tn))
		size_set(tn, offset + *done);
	return kr;
}

kern_return_t
tmpfs_pages_write(struct tmpfs_node *tn, uint64_t offset, const uint8_t *buf, size_t count, size_t *done)
{
	kern_return_t kr;

	*done = 0;
	mx_mutex_lock(&tn->u.reg.tp_mutex);
	kr = write_locked(tn, offset, buf, count, done);
	mx_mutex_unlock(&tn->u.reg.tp_mutex);
	return kr;
}

/* ---- Size ---- */

static kern_return_t
shrink(struct tmpfs_node *tn, uint64_t size)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t first = pages_of(size), end = pages_of(node_size(tn));
	kern_return_t kr;

	if (tp->tp_small != NULL) {
		if (size < tp->tp_small_size)
			memset(tp->tp_small + size, 0, tp->tp_small_size - (size_t)size);
		size_set(tn, size);
		return KERN_SUCCESS;
	}
	if (size == 0 && tn->tn_node.pn_pager == NULL) {
		tmpfs_pages_free(tn);
		size_set(tn, 0);
		return KERN_SUCCESS;
	}
	kr = to_pages(tn);
	if (kr != KERN_SUCCESS)
		return kr;
	size_set(tn, size);
	slots_clear(tn, first, end);
	if (tn->tn_node.pn_pager != NULL && first < end)
		mx_pager_discard(tn->tn_node.pn_pager, first, end);
	return tail_clear(tn, size);
}

static kern_return_t
truncate_locked(struct tmpfs_node *tn, uint64_t size)
{
	kern_return_t kr;

	if (size > SIZE_MAX_FILE)
		return MX_EFBIG;
	if (size < node_size(tn))
		return shrink(tn, size);
	if (size == node_size(tn))
		return KERN_SUCCESS;
	kr = is_small(tn) && size > SMALL_MAX ? to_pages(tn) : write_prepare(tn, size);
	if (kr == KERN_SUCCESS)
		kr = grow_leaves(tn, size);
	if (kr == KERN_SUCCESS)
		size_set(tn, size);
	return kr;
}

kern_return_t
tmpfs_pages_truncate(struct tmpfs_node *tn, uint64_t size)
{
	kern_return_t kr;

	mx_mutex_lock(&tn->u.reg.tp_mutex);
	kr = truncate_locked(tn, size);
	mx_mutex_unlock(&tn->u.reg.tp_mutex);
	return kr;
}

/* Give the holes in [OFFSET, OFFSET + LENGTH) pages. The size stays. */
kern_return_t
tmpfs_pages_allocate(struct tmpfs_node *tn, uint64_t offset, uint64_t length)
{
	uint32_t page = (uint32_t)(offset >> MX_PAGE_SHIFT), end = pages_of(offset + length), *slot;
	kern_return_t kr;

	mx_mutex_lock(&tn->u.reg.tp_mutex);
	kr = to_pages(tn);
	for (; kr == KERN_SUCCESS && page < end; page++) {
		slot = slot_make(&tn->u.reg, page);
		if (slot == NULL)
			kr = MX_ENOSPC;
		else if (*slot == 0)
			kr = slot_own(tn, slot, false);
	}
	mx_mutex_unlock(&tn->u.reg.tp_mutex);
	return kr;
}

/* Locks: tp_mutex held */
static kern_return_t
punch_locked(struct tmpfs_node *tn, uint64_t offset, uint64_t end)
{
	uint64_t first = (offset + MX_PAGE - 1) & ~(uint64_t)(MX_PAGE - 1), last = end & ~(uint64_t)(MX_PAGE - 1);
	kern_return_t kr = to_pages(tn);

	if (kr != KERN_SUCCESS)
		return kr;
	if (first > last) {				/* inside one page */
		return slot_get(&tn->u.reg, (uint32_t)(offset >> MX_PAGE_SHIFT)) != 0 ?
			page_write(tn, offset, NULL, (size_t)(end - offset)) : KERN_SUCCESS;
	}
	if (offset < first && slot_get(&tn->u.reg, (uint32_t)(offset >> MX_PAGE_SHIFT)) != 0)
		kr = page_write(tn, offset, NULL, (size_t)(first - offset));
	if (kr == KERN_SUCCESS && last < end && slot_get(&tn->u.reg, (uint32_t)(last >> MX_PAGE_SHIFT)) != 0)
		kr = page_write(tn, last, NULL, (size_t)(end - last));
	if (kr != KERN_SUCCESS || first == last)
		return kr;
	slots_clear(tn, (uint32_t)(first >> MX_PAGE_SHIFT), (uint32_t)(last >> MX_PAGE_SHIFT));
	if (tn->tn_node.pn_pager != NULL)
		mx_pager_discard(tn->tn_node.pn_pager, (uint32_t)(first >> MX_PAGE_SHIFT),
			(uint32_t)(last >> MX_PAGE_SHIFT));
	return KERN_SUCCESS;
}

kern_return_t
tmpfs_pages_punch(struct tmpfs_node *tn, uint64_t offset, uint64_t length)
{
	uint64_t end = offset + length < node_size(tn) ? offset + length : node_size(tn);
	kern_return_t kr;

	if (offset >= end)
		return KERN_SUCCESS;
	mx_mutex_lock(&tn->u.reg.tp_mutex);
	kr = punch_locked(tn, offset, end);
	mx_mutex_unlock(&tn->u.reg.tp_mutex);
	return kr;
}

/* False: there is no more DATA; a hole is at the end at the latest. */
bool
tmpfs_pages_seek(struct tmpfs_node *tn, bool data, uint64_t *offset)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t page = (uint32_t)(*offset >> MX_PAGE_SHIFT);

	if (!has_pages(tp)) {
		if (!data)
			*offset = node_size(tn);
		return true;
	}
	for (; page < pages_of(node_size(tn)); page++) {
		if ((slot_get(tp, page) != 0) != data)
			continue;
		if (((uint64_t)page << MX_PAGE_SHIFT) > *offset)
			*offset = (uint64_t)page << MX_PAGE_SHIFT;
		return true;
	}
	*offset = node_size(tn);
	return !data;
}

void
tmpfs_pages_free(struct tmpfs_node *tn)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t i;

	if (tp->tp_archive != NULL) {
		tmpfs_uncharge(tn->tn_volume, pages_of(node_size(tn)));
		tp->tp_archive = NULL;
	}
	slots_clear(tn, 0, tp->tp_nleaves * TP_LEAF);
	for (i = 0; i < tp->tp_nleaves; i++)
		free(tp->tp_leaf[i]);
	free(tp->tp_leaf);
	tp->tp_leaf = NULL;
	tp->tp_nleaves = 0;
	free(tp->tp_small);
	tp->tp_small = NULL;
	tp->tp_small_size = 0;
	tn->tn_node.pn_attr.at_blocks = 0;
}

/* ---- The pager's side: on its thread ---- */

/* How many pages from PAGE on lie in this task at consecutive addresses, all to be kept or none. Locks: tp_lock held */
static uint32_t
supply_run(struct tmpfs_pages *tp, uint32_t page)
{
	uint32_t first = slot_get(tp, page), n;

	for (n = 1; n < SUPPLY_MAX && page + n < tp->tp_npages; n++)
		if (slot_get(tp, page + n) != first + n * MX_PAGE)
			break;
	return n;
}

/* Answer a request for a page that lies in this task. Under the lock: read() must find it in one of the two places. Locks: tp_lock
 * held */
static void
request_supply(struct mx_pager *pg, struct tmpfs_pages *tp, uint32_t page)
{
	uint8_t *addr = slot_address(slot_get(tp, page));
	bool move = (slot_get(tp, page) & TP_KEEP) == 0;
	uint8_t *back;
	uint32_t i, n;

	*slot_find(tp, page) &= ~TP_STATE;
	n = supply_run(tp, page);
	for (i = 0; i < n; i++) {
		uint32_t *slot = slot_find(tp, page + i);

		*slot = (move ? 0 : *slot) | TP_KERNEL;
	}
	back = mx_pager_supply(pg, page, addr, n, move, true);
	if (move && back != addr)
		mx_page_gone(addr, n);
	for (i = 0; back != NULL && i < n; i++) {
		uint32_t *slot = slot_find(tp, page + i);

		*slot = move ? (uint32_t)(uintptr_t)(back + i * MX_PAGE) : *slot & ~TP_STATE;
	}
}

/* Answer a request for a hole: the kernel makes the page. Locks: tp_lock held */
static void
request_zero(struct mx_pager *pg, struct tmpfs_node *tn, uint32_t *slot, uint32_t page)
{
	if (!tmpfs_charge(tn->tn_volume, 1, false)) {
		mx_pager_error(pg, page);
		return;
	}
	slot_fill(tn, slot, TP_KERNEL | TP_LOSABLE);
	mx_pager_zero(pg, page);
}

static void
pager_request(struct mx_pager *pg, uint32_t page, vm_prot_t access)
{
	struct tmpfs_node *tn = mx_pager_owner(pg);
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t *slot;

	(void)access;
	mx_spin_lock(&tp->tp_lock);
	slot = page < tp->tp_npages ? slot_find(tp, page) : NULL;
	if (slot == NULL) {
		mx_spin_unlock(&tp->tp_lock);
		mx_pager_error(pg, page);
		return;
	}
	if (*slot == 0)
		request_zero(pg, tn, slot, page);
	else if ((*slot & TP_KERNEL) == 0 || (slot_address(*slot) != NULL && (*slot & TP_LOSABLE)))
		request_supply(pg, tp, page);
	else if (*slot & TP_LOSABLE)
		mx_pager_zero(pg, page);
	mx_spin_unlock(&tp->tp_lock);
}

/* One page came back. Answers a page to be freed. Locks: tp_lock held */
static void *
page_return(struct tmpfs_node *tn, uint32_t page, uint8_t *data, bool dirty, bool kernel_copy)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t *slot = page < tp->tp_npages ? slot_find(tp, page) : NULL;
	void *old;

	if (slot == NULL || (*slot & TP_KERNEL) == 0)
		return data;				/* truncated meanwhile */
	if (kernel_copy && (*slot & TP_LOSABLE) == 0) {	/* it will come again; a copy that stayed here is old now */
		old = slot_owned(*slot);
		*slot = TP_KERNEL;
		if (old != NULL)
			mx_page_free(old);
		return data;
	}
	if (!dirty && !kernel_copy && slot_address(*slot) != NULL) {	/* what this side has is as good */
		*slot &= ~TP_STATE;
		return data;
	}
	old = slot_owned(*slot);
	if (page == tp->tp_npages - 1 && tn->tn_node.pn_attr.at_size % MX_PAGE != 0) {
		size_t tail = (size_t)(tn->tn_node.pn_attr.at_size % MX_PAGE);

		memset(data + tail, 0, MX_PAGE - tail);
	}
	*slot = (uint32_t)(uintptr_t)data | (kernel_copy ? TP_KERNEL | TP_LOSABLE : 0);
	return old;
}

static void
pager_return(struct mx_pager *pg, uint32_t page, void *data, uint32_t npages, bool dirty, bool kernel_copy)
{
	struct tmpfs_node *tn = mx_pager_owner(pg);
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t i;

	for (i = 0; i < npages; i++) {
		void *unused;

		mx_spin_lock(&tp->tp_lock);
		unused = page_return(tn, page + i, (uint8_t *)data + i * MX_PAGE, dirty, kernel_copy);
		mx_spin_unlock(&tp->tp_lock);
		if (unused != NULL)
			mx_page_free(unused);
	}
}

/* What the kernel had and did not return were zeros. */
static void
pager_terminated(struct mx_pager *pg)
{
	struct tmpfs_node *tn = mx_pager_owner(pg);
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t page, *slot;

	mx_spin_lock(&tp->tp_lock);
	for (page = 0; page < tp->tp_npages; page++) {
		slot = slot_find(tp, page);
		if (slot == NULL || (*slot & TP_KERNEL) == 0)
			continue;
		*slot &= ~TP_STATE;
		if (*slot == 0) {
			tp->tp_used--;
			tn->tn_node.pn_attr.at_blocks -= MX_PAGE / 512;
			tmpfs_uncharge(tn->tn_volume, 1);
		}
	}
	mx_spin_unlock(&tp->tp_lock);
}

/* The file was removed, and now nobody can map it any more. */
static void
pager_unused(struct mx_pager *pg)
{
	struct tmpfs_node *tn = mx_pager_owner(pg);

	tn->tn_node.pn_pager = NULL;
	mx_pager_destroy(pg);
	tmpfs_node_free(tn);
}

const struct mx_pager_ops tmpfs_pager_ops = {
	.pg_request = pager_request,
	.pg_return = pager_return,
	.pg_terminated = pager_terminated,
	.pg_unused = pager_unused,
};
