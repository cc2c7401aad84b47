/*
 * ext2_cache.c - blocks of metadata in memory.
 *
 * Only metadata: contents of files are in the kernel's page cache and nowhere else. The number of blocks is bounded; those that must
 * stay because of a transaction are bounded by the transaction's size and by checkpoints. When nothing can go, a little more is taken:
 * an operation in its middle must not fail for that.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "ext2.h"

#define ORDERS 4u

static struct ext2_buf **
chain_of(struct ext2_cache *ca, uint64_t block)
{
	return &ca->ca_hash[(uint32_t)(block ^ block >> 9) % EXT2_HASH_SIZE];
}

/* ---- By use ---- */

static void
use_remove(struct ext2_cache *ca, struct ext2_buf *bu)
{
	if (bu->bu_newer != NULL)
		bu->bu_newer->bu_older = bu->bu_older;
	else
		ca->ca_newest = bu->bu_older;
	if (bu->bu_older != NULL)
		bu->bu_older->bu_newer = bu->bu_newer;
	else
		ca->ca_oldest = bu->bu_newer;
}

static void
use_insert(struct ext2_cache *ca, struct ext2_buf *bu)
{
	bu->bu_newer = NULL;
	bu->bu_older = ca->ca_newest;
	if (ca->ca_newest != NULL)
		ca->ca_newest->bu_newer = bu;
	else
		ca->ca_oldest = bu;
	ca->ca_newest = bu;
}

/* BU's memory stays the caller's. */
static void
buf_take_out(struct ext2_cache *ca, struct ext2_buf *bu)
{
	struct ext2_buf **p = chain_of(ca, bu->bu_block);

	while (*p != bu)
		p = &(*p)->bu_hash;
	*p = bu->bu_hash;
	use_remove(ca, bu);
	ca->ca_count--;
}

static bool
may_go(const struct ext2_buf *bu)
{
	return bu->bu_refs == 0 && (bu->bu_flags & (EXT2_BUF_DIRTY | EXT2_BUF_CKPT)) == 0;
}

/* The buffer that was not used for the longest time and may go, to be used for something else. */
static struct ext2_buf *
buf_recycle(struct ext2_cache *ca)
{
	struct ext2_buf *bu;
	unsigned int looks = 0;

	for (bu = ca->ca_oldest; bu != NULL && looks < 64; bu = bu->bu_newer, looks++) {
		if (may_go(bu)) {
			buf_take_out(ca, bu);
			return bu;
		}
	}
	return NULL;
}

static struct ext2_buf *
buf_new(struct ext2_volume *ev, uint64_t block)
{
	struct ext2_cache *ca = &ev->ev_cache;
	struct ext2_buf *bu = ca->ca_count >= ca->ca_max ? buf_recycle(ca) : NULL, **chain = chain_of(ca, block);

	if (bu == NULL)
		bu = malloc(sizeof(*bu) + ev->ev_block_size);
	if (bu == NULL)
		bu = buf_recycle(ca);
	if (bu == NULL)
		return NULL;
	memset(bu, 0, sizeof(*bu));
	bu->bu_block = block;
	bu->bu_refs = 1;
	bu->bu_hash = *chain;
	*chain = bu;
	use_insert(ca, bu);
	ca->ca_count++;
	return bu;
}

static struct ext2_buf *
buf_find(struct ext2_cache *ca, uint64_t block)
{
	struct ext2_buf *bu;

	for (bu = *chain_of(ca, block); bu != NULL; bu = bu->bu_hash)
		if (bu->bu_block == block)
			return bu;
	return NULL;
}

/* The block, if it is in memory, with a reference. */
static struct ext2_buf *
buf_use(struct ext2_cache *ca, uint64_t block)
{
	struct ext2_buf *bu = buf_find(ca, block);

	if (bu == NULL)
		return NULL;
	bu->bu_refs++;
	use_remove(ca, bu);
	use_insert(ca, bu);
	return bu;
}

/* ---- Reading and making ---- */

kern_return_t
ext2_buf_read(struct ext2_volume *ev, uint64_t block, struct ext2_buf **out)
{
	struct ext2_buf *bu = buf_use(&ev->ev_cache, block);
	kern_return_t kr;

	*out = bu;
	if (bu != NULL)
		return KERN_SUCCESS;
	if (block >= ev->ev_blocks)
		return ext2_error(ev, "block %llu is outside the volume", (unsigned long long)block);
	bu = buf_new(ev, block);
	if (bu == NULL)
		return MX_ENOMEM;
	kr = blk_read(ev->ev_disk, block << ev->ev_block_shift, bu->bu_data, ev->ev_block_size);
	if (kr != KERN_SUCCESS) {
		buf_take_out(&ev->ev_cache, bu);
		free(bu);
		return ext2_error(ev, "block %llu cannot be read", (unsigned long long)block);
	}
	*out = bu;
	return KERN_SUCCESS;
}

kern_return_t
ext2_buf_make(struct ext2_volume *ev, uint64_t block, struct ext2_buf **out)
{
	struct ext2_buf *bu = buf_use(&ev->ev_cache, block);

	if (bu == NULL)
		bu = buf_new(ev, block);
	if (bu == NULL)
		return MX_ENOMEM;
	memset(bu->bu_data, 0, ev->ev_block_size);
	bu->bu_flags &= ~EXT2_BUF_DIR;
	*out = bu;
	return KERN_SUCCESS;
}

void
ext2_buf_put(struct ext2_buf *bu)
{
	if (bu == NULL)
		return;
	mx_assert(bu->bu_refs > 0);
	bu->bu_refs--;
}

/* ---- Changing ---- */

void
ext2_buf_dirty(struct ext2_volume *ev, struct ext2_buf *bu, uint32_t order)
{
	if (bu->bu_flags & EXT2_BUF_DIRTY)
		return;
	bu->bu_flags = (bu->bu_flags & ~EXT2_BUF_ORDER) | order | EXT2_BUF_DIRTY;
	bu->bu_dirty = ev->ev_cache.ca_dirty;
	ev->ev_cache.ca_dirty = bu;
	ev->ev_cache.ca_ndirty++;
	ext2_journal_unrevoke(ev, bu->bu_block);
}

static void
dirty_remove(struct ext2_cache *ca, struct ext2_buf *bu)
{
	struct ext2_buf **p = &ca->ca_dirty;

	while (*p != bu)
		p = &(*p)->bu_dirty;
	*p = bu->bu_dirty;
	bu->bu_flags &= ~EXT2_BUF_DIRTY;
	ca->ca_ndirty--;
}

void
ext2_buf_forget(struct ext2_volume *ev, uint64_t block)
{
	struct ext2_buf *bu = buf_find(&ev->ev_cache, block);

	if (bu == NULL)
		return;
	if (bu->bu_flags & EXT2_BUF_DIRTY)
		dirty_remove(&ev->ev_cache, bu);
	if (bu->bu_flags & EXT2_BUF_CKPT)
		ev->ev_cache.ca_nckpt--;
	bu->bu_flags &= ~(EXT2_BUF_CKPT | EXT2_BUF_DIR);
	if (bu->bu_refs == 0) {
		buf_take_out(&ev->ev_cache, bu);
		free(bu);
	}
}

kern_return_t
ext2_buf_write(struct ext2_volume *ev, struct ext2_buf *bu)
{
	return blk_write(ev->ev_disk, bu->bu_block << ev->ev_block_shift, bu->bu_data, ev->ev_block_size);
}

static int
by_order(const void *a, const void *b)
{
	const struct ext2_buf *x = *(struct ext2_buf *const *)a, *y = *(struct ext2_buf *const *)b;
	uint32_t ox = x->bu_flags & EXT2_BUF_ORDER, oy = y->bu_flags & EXT2_BUF_ORDER;

	if (ox != oy)
		return ox < oy ? -1 : 1;
	return x->bu_block < y->bu_block ? -1 : x->bu_block > y->bu_block;
}

/* A run of LIST that lies together on the disk, from I on: written at once. */
static kern_return_t
run_write(struct ext2_volume *ev, struct ext2_buf **list, uint32_t n, uint8_t *out, uint32_t *written)
{
	uint32_t i;

	for (i = 0; i < n && i < EXT2_OUT && list[i]->bu_block == list[0]->bu_block + i; i++)
		memcpy(out + (i << ev->ev_block_shift), list[i]->bu_data, ev->ev_block_size);
	*written = i;
	return blk_write(ev->ev_disk, list[0]->bu_block << ev->ev_block_shift, out, i << ev->ev_block_shift);
}

static bool
is_name(const struct ext2_buf *bu)
{
	return (bu->bu_flags & EXT2_BUF_ORDER) == EXT2_BUF_NAME;
}

/* The N blocks of LIST, in order, through OUT. */
static kern_return_t
list_write(struct ext2_volume *ev, struct ext2_buf **list, uint32_t n, uint8_t *out)
{
	kern_return_t kr = KERN_SUCCESS, one;
	uint32_t i, k, names;

	for (names = 0; names < n && !is_name(list[names]); names++)
		;
	for (i = 0; i < n; i += k) {
		if (i == names && i > 0)
			(void)blk_flush(ev->ev_disk);	/* what names lead to is there before them */
		one = run_write(ev, list + i, (i < names ? names : n) - i, out, &k);
		if (one != KERN_SUCCESS)
			kr = one;
	}
	return kr;
}

/* What is to be written leaves the list of what is dirty for LIST; answers how many. */
static uint32_t
dirty_take(struct ext2_cache *ca, bool all, struct ext2_buf **list)
{
	struct ext2_buf **p = &ca->ca_dirty, *bu;
	uint32_t n = 0;

	while ((bu = *p) != NULL) {
		if (!all && (bu->bu_flags & EXT2_BUF_ORDER) == EXT2_BUF_FIRST) {
			p = &bu->bu_dirty;
			continue;
		}
		*p = bu->bu_dirty;
		list[n++] = bu;
	}
	ca->ca_ndirty -= n;
	return n;
}

kern_return_t
ext2_cache_write(struct ext2_volume *ev, bool all)
{
	struct ext2_cache *ca = &ev->ev_cache;
	struct ext2_buf **list;
	uint32_t n, i;
	uint8_t *out;
	kern_return_t kr;

	if (ca->ca_ndirty == 0)
		return KERN_SUCCESS;
	list = malloc(ca->ca_ndirty * sizeof(*list));
	out = malloc(EXT2_OUT << ev->ev_block_shift);
	if (list == NULL || out == NULL) {
		free(list);
		free(out);
		return MX_ENOMEM;
	}
	n = dirty_take(ca, all, list);
	qsort(list, n, sizeof(*list), by_order);
	kr = list_write(ev, list, n, out);
	for (i = 0; i < n; i++)
		list[i]->bu_flags &= ~EXT2_BUF_DIRTY;
	free(list);
	free(out);
	return kr != KERN_SUCCESS ? ext2_error(ev, "metadata cannot be written") : KERN_SUCCESS;
}

static int
by_block(const void *a, const void *b)
{
	const struct ext2_buf *x = *(struct ext2_buf *const *)a, *y = *(struct ext2_buf *const *)b;

	return x->bu_block < y->bu_block ? -1 : x->bu_block > y->bu_block;
}

kern_return_t
ext2_cache_checkpoint(struct ext2_volume *ev, uint8_t *out)
{
	struct ext2_cache *ca = &ev->ev_cache;
	struct ext2_buf **list = malloc((ca->ca_nckpt + 1) * sizeof(*list)), *bu;
	uint32_t n = 0, i, k;
	kern_return_t kr = KERN_SUCCESS;

	if (list == NULL)
		return MX_ENOMEM;
	for (bu = ca->ca_newest; bu != NULL; bu = bu->bu_older)
		if (bu->bu_flags & EXT2_BUF_CKPT)
			list[n++] = bu;
	qsort(list, n, sizeof(*list), by_block);
	for (i = 0; i < n && kr == KERN_SUCCESS; i += k)
		kr = run_write(ev, list + i, n - i, out, &k);
	for (i = 0; i < n && kr == KERN_SUCCESS; i++)
		list[i]->bu_flags &= ~EXT2_BUF_CKPT;
	if (kr == KERN_SUCCESS)
		ca->ca_nckpt = 0;
	free(list);
	return kr;
}

void
ext2_cache_committed(struct ext2_volume *ev)
{
	struct ext2_cache *ca = &ev->ev_cache;
	struct ext2_buf *bu;

	for (bu = ca->ca_dirty; bu != NULL; bu = bu->bu_dirty) {
		ca->ca_nckpt += (bu->bu_flags & EXT2_BUF_CKPT) == 0;
		bu->bu_flags = (bu->bu_flags & ~EXT2_BUF_DIRTY) | EXT2_BUF_CKPT;
	}
	ca->ca_dirty = NULL;
	ca->ca_ndirty = 0;
}

void
ext2_cache_trim(struct ext2_volume *ev)
{
	struct ext2_cache *ca = &ev->ev_cache;
	struct ext2_buf *bu;

	while (ca->ca_count > ca->ca_max && (bu = buf_recycle(ca)) != NULL)
		free(bu);
}

void
ext2_cache_free(struct ext2_volume *ev)
{
	struct ext2_cache *ca = &ev->ev_cache;
	struct ext2_buf *bu;

	while ((bu = ca->ca_oldest) != NULL) {
		buf_take_out(ca, bu);
		free(bu);
	}
}
