/*
 * tmpfs_pages.c - the contents of a file: read, write, change of size.
 *
 * There is one copy of a file's page, and it moves. It lies in this task (a page of the pool, of the boot archive, or one that
 * the kernel gave back) until somebody maps the file and touches it; then it moves to the kernel's page cache (tmpfs_pager.c), and
 * comes back when the kernel needs room. read() and write() use this task's copy under the lock where there is one, and else the
 * kernel's, through the pager's window.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "tmpfs.h"

#define SMALL_MAX	2048u
#define SIZE_MAX_FILE	(UINT64_C(0xfffff000))	/* page numbers and the kernel's offsets have 32 bits */

/* ---- Reading ---- */

/* Copy COUNT bytes at OFFSET, all within one page. */
static kern_return_t
page_read(struct tmpfs_node *tn, uint64_t offset, uint8_t *buf, size_t count)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t slot;

	mx_spin_lock(&tp->tp_lock);
	slot = tmpfs_slot_get(tp, (uint32_t)(offset >> MX_PAGE_SHIFT));
	if (slot & TP_KERNEL) {
		mx_spin_unlock(&tp->tp_lock);
		return mx_pager_read(tn->tn_node.pn_pager, offset, buf, count);
	}
	if (slot == 0)
		memset(buf, 0, count);
	else
		memcpy(buf, (uint8_t *)tmpfs_slot_address(slot) + offset % MX_PAGE, count);
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

	if (!tmpfs_has_pages(&tn->u.reg)) {
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
		tmpfs_slot_fill(tn, slot, (uint32_t)(uintptr_t)page);
	} else {
		if (!whole)
			memcpy(page, tmpfs_slot_address(*slot), MX_PAGE);
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
	uint32_t page = (uint32_t)(offset >> MX_PAGE_SHIFT), *slot;
	uint8_t *to;
	kern_return_t kr;

	if (!tmpfs_slots_make(tp, page, page + 1))
		return MX_ENOMEM;
	slot = tmpfs_slot_find(tp, page);
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
	to = (uint8_t *)tmpfs_slot_address(*slot) + offset % MX_PAGE;
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

	if (tail == 0 || !tmpfs_has_pages(tp) || tmpfs_slot_get(tp, (uint32_t)(size >> MX_PAGE_SHIFT)) == 0)
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
	return tail_clear(tn, tmpfs_size(tn));
}

static void
size_set(struct tmpfs_node *tn, uint64_t size)
{
	tn->tn_node.pn_attr.at_size = size;
	tmpfs_npages_set(&tn->u.reg, size);
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
		return tmpfs_to_pages(tn);
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

	return tp->tp_archive == NULL && tp->tp_used == 0 && tp->tp_slots.sl_leaf == NULL && tn->tn_node.pn_pager == NULL;
}

/* Before [OFFSET, OFFSET + COUNT) is written: leave the archive, choose a form. */
static kern_return_t
write_prepare(struct tmpfs_node *tn, uint64_t end)
{
	kern_return_t kr;

	if (end > tmpfs_size(tn)) {
		kr = grow_prepare(tn);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	if (is_small(tn))
		return small_reserve(tn, end);
	return tmpfs_to_pages(tn);
}

/* The leaves that the pager's thread may need for a file of SIZE bytes that is mapped. */
static kern_return_t
grow_leaves(struct tmpfs_node *tn, uint64_t size)
{
	if (tn->tn_node.pn_pager == NULL || tmpfs_slots_make(&tn->u.reg, tmpfs_pages_of(tmpfs_size(tn)), tmpfs_pages_of(size)))
		return KERN_SUCCESS;
	return MX_ENOSPC;
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
	if (*done > 0 && offset + *done > tmpfs_size(tn))
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
	uint32_t first = tmpfs_pages_of(size), end = tmpfs_pages_of(tmpfs_size(tn));
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
	kr = tmpfs_to_pages(tn);
	if (kr != KERN_SUCCESS)
		return kr;
	size_set(tn, size);
	tmpfs_slots_clear(tn, first, end);
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
	if (size < tmpfs_size(tn))
		return shrink(tn, size);
	if (size == tmpfs_size(tn))
		return KERN_SUCCESS;
	kr = is_small(tn) && size > SMALL_MAX ? tmpfs_to_pages(tn) : write_prepare(tn, size);
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
	uint32_t page = (uint32_t)(offset >> MX_PAGE_SHIFT), end = tmpfs_pages_of(offset + length), *slot;
	kern_return_t kr;

	mx_mutex_lock(&tn->u.reg.tp_mutex);
	kr = tmpfs_to_pages(tn);
	if (kr == KERN_SUCCESS && !tmpfs_slots_make(&tn->u.reg, page, end))
		kr = MX_ENOSPC;
	for (; kr == KERN_SUCCESS && page < end; page++) {
		slot = tmpfs_slot_find(&tn->u.reg, page);
		if (*slot == 0)
			kr = slot_own(tn, slot, false);
	}
	mx_mutex_unlock(&tn->u.reg.tp_mutex);
	return kr;
}

static void
reserve_forget(struct tmpfs_node *tn)
{
	struct tmpfs_pages *tp = &tn->u.reg;

	mx_mutex_lock(&tp->tp_mutex);
	tmpfs_slots_clear(tn, tmpfs_pages_of(tmpfs_size(tn)), mx_slots_end(&tp->tp_slots));	/* the kernel has none of them */
	mx_mutex_unlock(&tp->tp_mutex);
}

kern_return_t
tmpfs_pages_reserve(struct tmpfs_node *tn, uint64_t offset, uint64_t length)
{
	kern_return_t kr;

	if (length == 0) {
		reserve_forget(tn);
		return KERN_SUCCESS;
	}
	if (offset >= SIZE_MAX_FILE || length > SIZE_MAX_FILE - offset)
		return MX_EFBIG;
	kr = tmpfs_pages_allocate(tn, offset, length);
	if (kr != KERN_SUCCESS)
		reserve_forget(tn);
	return kr;
}

/* Locks: tp_mutex held */
static kern_return_t
punch_locked(struct tmpfs_node *tn, uint64_t offset, uint64_t end)
{
	uint64_t first = (offset + MX_PAGE - 1) & ~(uint64_t)(MX_PAGE - 1), last = end & ~(uint64_t)(MX_PAGE - 1);
	kern_return_t kr = tmpfs_to_pages(tn);

	if (kr != KERN_SUCCESS)
		return kr;
	if (first > last) {				/* inside one page */
		return tmpfs_slot_get(&tn->u.reg, (uint32_t)(offset >> MX_PAGE_SHIFT)) != 0 ?
			page_write(tn, offset, NULL, (size_t)(end - offset)) : KERN_SUCCESS;
	}
	if (offset < first && tmpfs_slot_get(&tn->u.reg, (uint32_t)(offset >> MX_PAGE_SHIFT)) != 0)
		kr = page_write(tn, offset, NULL, (size_t)(first - offset));
	if (kr == KERN_SUCCESS && last < end && tmpfs_slot_get(&tn->u.reg, (uint32_t)(last >> MX_PAGE_SHIFT)) != 0)
		kr = page_write(tn, last, NULL, (size_t)(end - last));
	if (kr != KERN_SUCCESS || first == last)
		return kr;
	tmpfs_slots_clear(tn, (uint32_t)(first >> MX_PAGE_SHIFT), (uint32_t)(last >> MX_PAGE_SHIFT));
	if (tn->tn_node.pn_pager != NULL)
		mx_pager_discard(tn->tn_node.pn_pager, (uint32_t)(first >> MX_PAGE_SHIFT),
			(uint32_t)(last >> MX_PAGE_SHIFT));
	return KERN_SUCCESS;
}

kern_return_t
tmpfs_pages_punch(struct tmpfs_node *tn, uint64_t offset, uint64_t length)
{
	uint64_t end = offset + length < tmpfs_size(tn) ? offset + length : tmpfs_size(tn);
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

	if (!tmpfs_has_pages(tp)) {
		if (!data)
			*offset = tmpfs_size(tn);
		return true;
	}
	for (; page < tmpfs_pages_of(tmpfs_size(tn)); page++) {
		if ((tmpfs_slot_get(tp, page) != 0) != data)
			continue;
		if (((uint64_t)page << MX_PAGE_SHIFT) > *offset)
			*offset = (uint64_t)page << MX_PAGE_SHIFT;
		return true;
	}
	*offset = tmpfs_size(tn);
	return !data;
}

void
tmpfs_pages_free(struct tmpfs_node *tn)
{
	struct tmpfs_pages *tp = &tn->u.reg;

	if (tp->tp_archive != NULL) {
		tmpfs_uncharge(tn->tn_volume, tmpfs_pages_of(tmpfs_size(tn)));
		tp->tp_archive = NULL;
	}
	tmpfs_slots_clear(tn, 0, mx_slots_end(&tp->tp_slots));
	mx_slots_free(&tp->tp_slots);
	free(tp->tp_small);
	tp->tp_small = NULL;
	tp->tp_small_size = 0;
	tn->tn_node.pn_attr.at_blocks = 0;
}
