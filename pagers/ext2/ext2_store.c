/*
 * ext2_store.c - contents of files: what lib/pfs's layer for stored files asks for.
 *
 * A written page is given blocks when it is stored, not when it is written (delayed allocation): the blocks are counted as taken until
 * then (en_delayed says which, ev_delayed how many for all files, with what their maps may need). So files that are written at once lie
 * together, and files that are deleted soon are never written.
 *
 * The lock is given up while contents are read and written. A transaction that gave blocks to a file is not committed before these
 * contents are on the disk (ev_writers); blocks are not freed while contents are under way (en_io).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "ext2.h"

#define STORE_CREDITS	32u
#define RUN_MAX		1024u		/* blocks of one piece */

static uint32_t
block_of(const struct ext2_volume *ev, uint64_t offset)
{
	return (uint32_t)(offset >> ev->ev_block_shift);
}

/* ---- Blocks that are promised ---- */

/* The range that holds block N, or the first behind it. */
static uint32_t
range_find(const struct ext2_node *en, uint64_t n)
{
	uint32_t low = 0, high = en->en_ndelayed, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if ((uint64_t)en->en_delayed[mid].ra_first + en->en_delayed[mid].ra_count <= n)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* What the node's promises cost, beside the blocks themselves. */
static void
promise_update(struct ext2_node *en)
{
	struct ext2_volume *ev = en->en_volume;
	uint64_t promised = en->en_waiting + en->en_waiting / ev->ev_apb + 4ull * en->en_ndelayed;

	ev->ev_delayed += promised - en->en_promised;
	en->en_promised = promised;
	ext2_node_blocks_set(en, 0);
}

static kern_return_t
range_insert(struct ext2_node *en, uint32_t at, uint32_t first, uint32_t count)
{
	struct ext2_range *ra, *more;

	ra = at > 0 ? &en->en_delayed[at - 1] : NULL;
	if (ra != NULL && ra->ra_first + ra->ra_count == first) {
		ra->ra_count += count;
		goto out;
	}
	if (at < en->en_ndelayed && en->en_delayed[at].ra_first == first + count) {
		en->en_delayed[at].ra_first = first;
		en->en_delayed[at].ra_count += count;
		goto out;
	}
	if (en->en_ndelayed == en->en_delayed_room) {
		more = realloc(en->en_delayed, (en->en_delayed_room * 2 + 4) * sizeof(*more));
		if (more == NULL)
			return MX_ENOMEM;
		en->en_delayed = more;
		en->en_delayed_room = en->en_delayed_room * 2 + 4;
	}
	memmove(&en->en_delayed[at + 1], &en->en_delayed[at], (en->en_ndelayed - at) * sizeof(*ra));
	en->en_delayed[at] = (struct ext2_range){ first, count };
	en->en_ndelayed++;
out:
	en->en_waiting += count;
	return KERN_SUCCESS;
}

void
ext2_delayed_drop(struct ext2_node *en, uint64_t first, uint64_t end)
{
	uint32_t i = range_find(en, first), tail;
	struct ext2_range *ra;
	uint64_t from, to;

	if (i == en->en_ndelayed)
		return;
	while (i < en->en_ndelayed && en->en_delayed[i].ra_first < end) {
		ra = &en->en_delayed[i];
		from = first > ra->ra_first ? first : ra->ra_first;
		to = (uint64_t)ra->ra_first + ra->ra_count < end ? (uint64_t)ra->ra_first + ra->ra_count : end;
		tail = (uint32_t)((uint64_t)ra->ra_first + ra->ra_count - to);
		en->en_waiting -= (uint32_t)(to - from);
		ra->ra_count = (uint32_t)(from - ra->ra_first);
		if (tail > 0) {
			if (ra->ra_count > 0) {
				/* A hole in its middle. Without memory for two ranges more is promised than needed. */
				en->en_waiting -= tail;
				if (range_insert(en, i + 1, (uint32_t)to, tail) != KERN_SUCCESS) {
					en->en_waiting += (uint32_t)(to - from) + tail;
					ra->ra_count += (uint32_t)(to - from) + tail;
				}
				break;
			}
			*ra = (struct ext2_range){ (uint32_t)to, tail };
			break;
		}
		if (ra->ra_count == 0)
			memmove(ra, ra + 1, (--en->en_ndelayed - i) * sizeof(*ra));
		else
			i++;
	}
	promise_update(en);
}

/* Go through blocks [FIRST, END) of EN that neither exist nor are promised: count them, or (INSERT) promise them. */
static kern_return_t
holes_walk(struct ext2_node *en, uint32_t first, uint32_t end, bool insert, uint32_t *holes, uint32_t *ranges)
{
	uint32_t n, i, limit, count;
	uint64_t block;
	kern_return_t kr;

	for (n = first; n < end; n += count) {
		i = range_find(en, n);
		if (i < en->en_ndelayed && en->en_delayed[i].ra_first <= n) {
			count = en->en_delayed[i].ra_first + en->en_delayed[i].ra_count - n;
			continue;
		}
		limit = i < en->en_ndelayed && en->en_delayed[i].ra_first < end ? en->en_delayed[i].ra_first : end;
		kr = ext2_map(en, n, limit - n, &block, &count);
		if (kr != KERN_SUCCESS)
			return kr;
		if (block != 0)
			continue;
		*holes += count;
		++*ranges;
		kr = insert ? range_insert(en, i, n, count) : KERN_SUCCESS;
		if (kr != KERN_SUCCESS)
			return kr;
	}
	return KERN_SUCCESS;
}

/* Are so many blocks free that nobody was promised, for who owns the file? */
static bool
has_space(const struct ext2_node *en, uint64_t blocks)
{
	const struct ext2_volume *ev = en->en_volume;
	uint32_t uid = en->en_node.pn_attr.at_uid;
	uint64_t kept = ev->ev_delayed + (uid != 0 && uid != ev->ev_super->s_def_resuid ? ev->ev_reserved_blocks : 0);

	return ev->ev_free_blocks >= kept && ev->ev_free_blocks - kept >= blocks;
}

static kern_return_t
reserve(struct ext2_node *en, uint32_t first, uint32_t end, bool *fresh)
{
	struct ext2_volume *ev = en->en_volume;
	uint32_t holes = 0, ranges = 0;
	uint64_t cost;
	kern_return_t kr = holes_walk(en, first, end, false, &holes, &ranges);

	*fresh = holes > 0;
	if (kr != KERN_SUCCESS || holes == 0)
		return kr;
	cost = holes + holes / ev->ev_apb + 1 + 4ull * ranges;
	if (!has_space(en, cost) && (ev->ev_idle != NULL || ev->ev_has_freed)) {
		ext2_nodes_rest(ev);		/* what is being deleted may give some */
		(void)ext2_commit(ev);
	}
	if (!has_space(en, cost))
		return MX_ENOSPC;
	kr = holes_walk(en, first, end, true, &holes, &ranges);
	promise_update(en);
	return kr;
}

static kern_return_t
store_reserve(struct pfs_node *node, uint64_t offset, uint64_t length, bool *fresh)
{
	struct ext2_node *en = ext2_node_of(node);
	struct ext2_volume *ev = en->en_volume;
	uint64_t max = ev->ev_super->s_rev_level == 0 ? INT32_MAX : ev->ev_max_size;
	kern_return_t kr;

	*fresh = false;
	if (ev->ev_readonly || ev->ev_broken)
		return MX_EROFS;
	if (length == 0)
		return KERN_SUCCESS;
	if (offset + length > max || offset + length < offset)
		return MX_EFBIG;
	ext2_lock(ev);
	kr = reserve(en, block_of(ev, offset), block_of(ev, offset + length - 1) + 1, fresh);
	ext2_unlock(ev);
	return kr;
}

/* ---- Reading ---- */

/* Page PAGE, made of pieces that are not together. */
static kern_return_t
page_assemble(struct ext2_node *en, uint32_t page, uint8_t *data)
{
	struct ext2_volume *ev = en->en_volume;
	uint32_t per_page = MX_PAGE >> ev->ev_block_shift, i, count;
	uint64_t block;
	kern_return_t kr;

	memset(data, 0, MX_PAGE);
	for (i = 0; i < per_page; i += count) {
		ext2_lock(ev);
		kr = ext2_map(en, page * per_page + i, per_page - i, &block, &count);
		ext2_unlock(ev);
		if (kr == KERN_SUCCESS && block != 0)
			kr = blk_read(ev->ev_disk, block << ev->ev_block_shift, data + (i << ev->ev_block_shift),
				count << ev->ev_block_shift);
		if (kr != KERN_SUCCESS)
			return kr == MX_EFBIG ? KERN_SUCCESS : kr;
	}
	return KERN_SUCCESS;
}

static kern_return_t
page_fetch(struct ext2_node *en, uint32_t page, void **pages)
{
	void *data = mx_page_alloc();
	kern_return_t kr;

	if (data == NULL)
		return MX_ENOMEM;
	if (en->en_flags & EXT2_FL_INLINE_DATA) {
		memset(data, 0, MX_PAGE);
		if (page == 0)
			memcpy(data, en->en_block, sizeof(en->en_block));
		kr = en->en_node.pn_attr.at_size <= sizeof(en->en_block) ? KERN_SUCCESS : MX_EOPNOTSUPP;
	} else {
		kr = page_assemble(en, page, data);
	}
	if (kr != KERN_SUCCESS) {
		mx_page_free(data);
		return kr;
	}
	*pages = data;
	return KERN_SUCCESS;
}

/* The run from PAGE on: of a hole or of blocks in one piece, at most up to the file's end. *COUNT blocks. */
static kern_return_t
run_find(struct ext2_node *en, uint32_t page, uint32_t npages, uint64_t *block, uint32_t *count)
{
	struct ext2_volume *ev = en->en_volume;
	uint32_t per_page = MX_PAGE >> ev->ev_block_shift, first = page * per_page, max = npages * per_page;
	uint64_t end = ext2_blocks_of(ev, en->en_node.pn_attr.at_size), last;
	kern_return_t kr;

	if (en->en_flags & EXT2_FL_INLINE_DATA) {
		*block = *count = 1;			/* page_fetch */
		return KERN_SUCCESS;
	}
	last = end > first ? end - first : per_page;
	if (max > last)
		max = (uint32_t)last;
	kr = ext2_map(en, first, max, block, count);
	if (kr == KERN_SUCCESS && *count == max && max % per_page != 0 && *block == 0)
		*count += per_page - max % per_page;	/* what lies behind the end is a hole, too */
	return kr;
}

static kern_return_t
fetch(struct ext2_node *en, uint32_t page, uint32_t npages, void **pages, uint32_t *got)
{
	struct ext2_volume *ev = en->en_volume;
	uint32_t shift = MX_PAGE_SHIFT - ev->ev_block_shift, count, bytes;
	uint64_t block, end = ext2_blocks_of(ev, en->en_node.pn_attr.at_size);
	bool to_end;
	kern_return_t kr;

	*pages = NULL;
	*got = 1;
	ext2_lock(ev);
	kr = run_find(en, page, npages, &block, &count);
	to_end = kr == KERN_SUCCESS && ((uint64_t)page << shift) + count >= end;
	ext2_unlock(ev);
	if (kr == MX_EFBIG)
		return KERN_SUCCESS;			/* behind every file's end */
	if (kr != KERN_SUCCESS)
		return kr;
	if (block != 0 && to_end && count % (1u << shift) != 0 && !(en->en_flags & EXT2_FL_INLINE_DATA)) {
		bytes = count << ev->ev_block_shift;	/* the last page is not full */
		*got = (count >> shift) + 1;
	} else {
		*got = count >> shift;
		bytes = *got << MX_PAGE_SHIFT;
	}
	if (*got > 0 && block == 0)
		return KERN_SUCCESS;
	if (*got == 0 || (en->en_flags & EXT2_FL_INLINE_DATA)) {
		*got = 1;
		return page_fetch(en, page, pages);
	}
	kr = blk_read_pages(ev->ev_disk, block << ev->ev_block_shift, bytes, pages);
	if (kr == KERN_SUCCESS && bytes % MX_PAGE != 0)
		memset((uint8_t *)*pages + bytes, 0, MX_PAGE - bytes % MX_PAGE);
	return kr;
}

static void
io_end(struct ext2_node *en)
{
	if (--en->en_io == 0)
		mx_cond_broadcast(&en->en_volume->ev_changed);
}

static kern_return_t
store_fetch(struct pfs_node *node, uint32_t page, uint32_t npages, void **pages, uint32_t *got)
{
	struct ext2_node *en = ext2_node_of(node);
	kern_return_t kr;

	if (npages > BLK_PAGES_MAX / MX_PAGE)
		npages = BLK_PAGES_MAX / MX_PAGE;
	en->en_io++;
	kr = fetch(en, page, npages, pages, got);
	io_end(en);
	return kr;
}

/* ---- Writing ---- */

/* Contents of EN up to block N have been stored, or will be before the next commit. */
static void
disk_size_grow(struct ext2_node *en, uint64_t n)
{
	uint64_t size = pfs_store_size(&en->en_node), end = n << en->en_volume->ev_block_shift;

	if (end > size)
		end = size;
	if (end <= en->en_disk_size)
		return;
	en->en_disk_size = end;
	ext2_node_changed(en);
}

/* Find blocks for the file's blocks from N on, up to MAX, in one piece. *IS_NEW: they are newly allocated, and ev_writers counts us. */
static kern_return_t
run_allocate(struct ext2_node *en, uint32_t n, uint32_t max, uint64_t *block, uint32_t *count, bool *is_new)
{
	struct ext2_volume *ev = en->en_volume;
	uint32_t holes;
	kern_return_t kr = ext2_begin(ev, STORE_CREDITS);

	*is_new = false;
	if (kr != KERN_SUCCESS)
		return kr;
	while (ev->ev_draining > 0)
		ext2_wait(ev);
	kr = ext2_map(en, n, max, block, count);
	if (kr == KERN_SUCCESS && *block == 0) {
		holes = *count;
		kr = ext2_map_alloc(en, n, holes, block, count);
		if (kr == KERN_SUCCESS) {
			*is_new = true;
			ev->ev_writers++;
			disk_size_grow(en, (uint64_t)n + *count);
			ext2_delayed_drop(en, n, (uint64_t)n + *count);
		}
	}
	ext2_end(ev);
	return kr;
}

static kern_return_t
run_store(struct ext2_node *en, uint32_t n, uint32_t max, const uint8_t *data, uint32_t *count)
{
	struct ext2_volume *ev = en->en_volume;
	uint64_t block;
	bool is_new;
	kern_return_t kr = run_allocate(en, n, max, &block, count, &is_new);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = blk_write(ev->ev_disk, block << ev->ev_block_shift, data, *count << ev->ev_block_shift);
	ext2_lock(ev);
	if (is_new)
		ev->ev_writers--;
	if (kr == KERN_SUCCESS)
		disk_size_grow(en, (uint64_t)n + *count);
	mx_cond_broadcast(&ev->ev_changed);
	ext2_unlock(ev);
	return kr;
}

/* The layer has made zeros of what lies behind the file's end in its last page. */
static kern_return_t
store_store(struct pfs_node *node, uint32_t page, const void *data, uint32_t npages)
{
	struct ext2_node *en = ext2_node_of(node);
	const struct ext2_volume *ev = en->en_volume;
	uint32_t shift = MX_PAGE_SHIFT - ev->ev_block_shift, first = page << shift, n, count;
	uint64_t end = (uint64_t)first + (npages << shift), size = ext2_blocks_of(ev, pfs_store_size(node));
	kern_return_t kr = KERN_SUCCESS;

	if (end > size)
		end = size;
	en->en_io++;
	for (n = first; n < end && kr == KERN_SUCCESS; n += count)
		kr = run_store(en, n, end - n < RUN_MAX ? (uint32_t)end - n : RUN_MAX,
			(const uint8_t *)data + ((n - first) << ev->ev_block_shift), &count);
	io_end(en);
	return kr;
}

/* ---- The rest ---- */

static kern_return_t
store_trim(struct pfs_node *node, uint64_t size)
{
	struct ext2_node *en = ext2_node_of(node);
	struct ext2_volume *ev = en->en_volume;
	kern_return_t kr = ext2_begin(ev, STORE_CREDITS);

	if (kr != KERN_SUCCESS)
		return kr;
	ext2_node_quiet(en);
	ext2_delayed_drop(en, ext2_blocks_of(ev, size), UINT64_MAX);
	kr = ext2_extend(ev, STORE_CREDITS);	/* others may have used what there was while we waited */
	if (kr == KERN_SUCCESS && en->en_disk_size > size)
		kr = ext2_node_trim(en, size);
	ext2_end(ev);
	return kr;
}

kern_return_t
ext2_fsync(struct pfs_node *node, bool dataonly)
{
	struct ext2_node *en = ext2_node_of(node);
	struct ext2_volume *ev = en->en_volume;
	kern_return_t kr;
	bool needed;

	pfs_store_clean(node);
	needed = !dataonly || en->en_changed || node->pn_attr.at_size != en->en_stored.at_size;
	ext2_lock(ev);
	if (needed)
		kr = ext2_commit_node(en);
	else
		kr = ext2_commit_tid(ev, en->en_tid);
	ext2_unlock(ev);
	return kr;
}

const struct pfs_store_ops ext2_store_ops = {
	.st_fetch = store_fetch,
	.st_store = store_store,
	.st_reserve = store_reserve,
	.st_trim = store_trim,
};

/* ---- Holes ---- */

kern_return_t
ext2_seek(struct pfs_node *node, bool data, uint64_t *offset)
{
	struct ext2_node *en = ext2_node_of(node);
	struct ext2_volume *ev = en->en_volume;
	uint64_t end = ext2_blocks_of(ev, node->pn_attr.at_size), n = *offset >> ev->ev_block_shift, block;
	uint32_t count, i, max;
	bool is_data;
	kern_return_t kr = KERN_SUCCESS;

	/* Pages that were written through memory have no block and no promise before they are stored. */
	if (node->pn_pager != NULL && !ev->ev_readonly)
		pfs_store_clean(node);
	ext2_lock(ev);
	for (; n < end; n += count) {
		i = range_find(en, n);
		is_data = (en->en_flags & EXT2_FL_INLINE_DATA) || (i < en->en_ndelayed && en->en_delayed[i].ra_first <= n);
		count = 1;
		max = end - n < RUN_MAX * 64 ? (uint32_t)(end - n) : RUN_MAX * 64;
		if (i < en->en_ndelayed && !is_data && en->en_delayed[i].ra_first - n < max)
			max = (uint32_t)(en->en_delayed[i].ra_first - n);
		if (!is_data) {
			kr = ext2_map(en, (uint32_t)n, max, &block, &count);
			if (kr != KERN_SUCCESS)
				break;
			is_data = block != 0;
		}
		if (is_data == data)
			break;
	}
	ext2_unlock(ev);
	if (kr != KERN_SUCCESS)
		return kr;
	if (n >= end && data)
		return MX_ENXIO;
	if (n >= end)
		*offset = node->pn_attr.at_size;
	else if (n << ev->ev_block_shift > *offset)
		*offset = n << ev->ev_block_shift;
	return KERN_SUCCESS;
}

/* ---- Allocating and punching ---- */

#define FALLOC_KEEP_SIZE	0x01u
#define FALLOC_PUNCH_HOLE	0x02u
#define FALLOC_ZERO_RANGE	0x10u
#define ZEROS			65536u

/* Blocks [N, END) of EN exist, as zeros where they did not. There is no way on the disk to say "zeros": they are written. */
static kern_return_t
blocks_fill(struct ext2_node *en, uint32_t n, uint32_t end)
{
	struct ext2_volume *ev = en->en_volume;
	uint32_t count, max = ZEROS >> ev->ev_block_shift;
	uint8_t *zeros = calloc(1, ZEROS);
	uint64_t block;
	bool is_new;
	kern_return_t kr = zeros != NULL ? KERN_SUCCESS : MX_ENOMEM;

	for (; n < end && kr == KERN_SUCCESS; n += count) {
		ext2_lock(ev);
		kr = has_space(en, ext2_map_cost(ev, max) + max) ? KERN_SUCCESS : MX_ENOSPC;
		ext2_unlock(ev);
		if (kr == KERN_SUCCESS)
			kr = run_allocate(en, n, end - n < max ? end - n : max, &block, &count, &is_new);
		if (kr != KERN_SUCCESS || !is_new)
			continue;
		kr = blk_write(ev->ev_disk, block << ev->ev_block_shift, zeros, count << ev->ev_block_shift);
		ext2_lock(ev);
		ev->ev_writers--;
		mx_cond_broadcast(&ev->ev_changed);
		ext2_unlock(ev);
	}
	free(zeros);
	return kr;
}

static kern_return_t
range_allocate(struct pfs_node *node, bool keep_size, uint64_t offset, uint64_t length)
{
	struct ext2_node *en = ext2_node_of(node);
	struct ext2_volume *ev = en->en_volume;
	uint64_t size = node->pn_attr.at_size, end = offset + length;
	kern_return_t kr = KERN_SUCCESS;

	if (end > ev->ev_max_size || end < offset)
		return MX_EFBIG;
	if (keep_size && ext2_blocks_of(ev, end) > ext2_blocks_of(ev, size))
		return MX_EOPNOTSUPP;		/* a file has no blocks behind its end */
	if (keep_size && end > size)
		end = size;
	if (end <= offset)
		return KERN_SUCCESS;
	if (end > size)
		kr = node->pn_volume->pv_ops->po_truncate(node, end);
	if (kr == KERN_SUCCESS)
		kr = blocks_fill(en, block_of(ev, offset), (uint32_t)ext2_blocks_of(ev, end));
	if (kr != KERN_SUCCESS && end > size)
		(void)node->pn_volume->pv_ops->po_truncate(node, size);
	return kr;
}

static kern_return_t
zeros_write(struct pfs_node *node, uint64_t offset, uint64_t end)
{
	static const uint8_t zeros[512];
	size_t n, done;
	kern_return_t kr;

	for (; offset < end; offset += done) {
		n = end - offset < sizeof(zeros) ? (size_t)(end - offset) : sizeof(zeros);
		kr = pfs_store_write(node, offset, zeros, n, &done);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	return KERN_SUCCESS;
}

/* [OFFSET, END) reads as zeros; whole pages of it lose their blocks. */
static kern_return_t
range_punch(struct pfs_node *node, uint64_t offset, uint64_t end)
{
	struct ext2_node *en = ext2_node_of(node);
	struct ext2_volume *ev = en->en_volume;
	uint64_t first, last, size = node->pn_attr.at_size;
	kern_return_t kr;

	if (offset >= size || end <= offset)
		return KERN_SUCCESS;
	if (end > size)
		end = size;
	first = (offset + MX_PAGE - 1) & ~(uint64_t)(MX_PAGE - 1);
	last = end == size ? (end + MX_PAGE - 1) & ~(uint64_t)(MX_PAGE - 1) : end & ~(uint64_t)(MX_PAGE - 1);
	if (first >= last)
		return zeros_write(node, offset, end);
	kr = zeros_write(node, offset, first < end ? first : end);
	if (kr == KERN_SUCCESS && last < end)
		kr = zeros_write(node, last, end);
	if (kr != KERN_SUCCESS)
		return kr;
	pfs_store_drop(node, first, last - first);
	kr = ext2_begin(ev, STORE_CREDITS);
	if (kr != KERN_SUCCESS)
		return kr;
	ext2_node_quiet(en);
	ext2_delayed_drop(en, first >> ev->ev_block_shift, last >> ev->ev_block_shift);
	kr = ext2_map_free(en, first >> ev->ev_block_shift, last >> ev->ev_block_shift);
	ext2_end(ev);
	return kr;
}

kern_return_t
ext2_allocate(struct pfs_node *node, uint32_t mode, uint64_t offset, uint64_t length)
{
	const struct ext2_volume *ev = ext2_volume_of(node);
	kern_return_t kr;

	if (ev->ev_readonly || ev->ev_broken)
		return MX_EROFS;
	switch (mode & ~FALLOC_KEEP_SIZE) {
	case 0:
		return range_allocate(node, (mode & FALLOC_KEEP_SIZE) != 0, offset, length);
	case FALLOC_PUNCH_HOLE:
		return mode & FALLOC_KEEP_SIZE ? range_punch(node, offset, offset + length) : MX_EOPNOTSUPP;
	case FALLOC_ZERO_RANGE:
		kr = range_punch(node, offset, offset + length);
		return kr == KERN_SUCCESS ? range_allocate(node, (mode & FALLOC_KEEP_SIZE) != 0, offset, length) : kr;
	default:
		return MX_EOPNOTSUPP;
	}
}
