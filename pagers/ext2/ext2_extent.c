/*
 * ext2_extent.c - ext4's way to say where a file's blocks are: a tree of extents. Read only.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "ext2.h"

struct search {
	uint32_t	n;		/* the block that is looked for */
	uint64_t	next;		/* the first one behind it that may be somewhere else */
	uint64_t	block;		/* 0: a hole */
	uint32_t	length;
};

/* Is there a node of the tree, of DEPTH levels below it, in SIZE bytes at H? */
static bool
header_is_ok(const struct ext2_extent_header *h, uint32_t size, unsigned int depth)
{
	return h->eh_magic == EXT2_EXTENT_MAGIC && h->eh_depth == depth && h->eh_entries <= h->eh_max &&
		h->eh_max <= (size - sizeof(*h)) / sizeof(struct ext2_extent);
}

static void
leaf_search(const struct ext2_extent_header *h, struct search *se)
{
	const struct ext2_extent *ee = (const struct ext2_extent *)(h + 1);
	uint32_t i, len;

	for (i = 0; i < h->eh_entries; i++, ee++) {
		len = ee->ee_len <= EXT2_EXTENT_INIT ? ee->ee_len : ee->ee_len - EXT2_EXTENT_INIT;
		if (ee->ee_block > se->n) {
			if (ee->ee_block < se->next)
				se->next = ee->ee_block;
			return;
		}
		if (se->n - ee->ee_block >= len)
			continue;
		se->length = len - (se->n - ee->ee_block);
		if (ee->ee_len <= EXT2_EXTENT_INIT)
			se->block = ((uint64_t)ee->ee_start_hi << 32 | ee->ee_start) + (se->n - ee->ee_block);
		else
			se->next = (uint64_t)se->n + se->length;	/* not written yet: reads as zeros */
		return;
	}
}

/* The block below H in whose subtree N is; 0: none. */
static uint64_t
index_search(const struct ext2_extent_header *h, struct search *se)
{
	const struct ext2_extent_index *ei = (const struct ext2_extent_index *)(h + 1);
	uint64_t block = 0;
	uint32_t i;

	for (i = 0; i < h->eh_entries; i++, ei++) {
		if (ei->ei_block > se->n) {
			if (ei->ei_block < se->next)
				se->next = ei->ei_block;
			break;
		}
		block = (uint64_t)ei->ei_leaf_hi << 32 | ei->ei_leaf;
	}
	return block;
}

static kern_return_t
tree_search(struct ext2_node *en, struct search *se)
{
	struct ext2_volume *ev = en->en_volume;
	const struct ext2_extent_header *h = (const struct ext2_extent_header *)en->en_block;
	uint32_t size = sizeof(en->en_block);
	unsigned int depth = h->eh_depth;
	struct ext2_buf *bu = NULL;
	uint64_t block;
	kern_return_t kr;

	if (depth > EXT2_EXTENT_DEPTH)
		return ext2_error(ev, "inode %u's extents are too deep", en->en_ino);
	for (;;) {
		if (!header_is_ok(h, size, depth)) {
			ext2_buf_put(bu);
			return ext2_error(ev, "inode %u's extents cannot be right", en->en_ino);
		}
		block = depth > 0 ? index_search(h, se) : 0;
		if (block == 0)
			break;
		ext2_buf_put(bu);
		if (!ext2_block_is_ok(ev, block, 1))
			return ext2_error(ev, "inode %u's extents lead outside", en->en_ino);
		kr = ext2_buf_read(ev, block, &bu);
		if (kr != KERN_SUCCESS)
			return kr;
		h = (const struct ext2_extent_header *)bu->bu_data;
		size = ev->ev_block_size;
		depth--;
	}
	if (depth == 0)
		leaf_search(h, se);
	ext2_buf_put(bu);
	return KERN_SUCCESS;
}

kern_return_t
ext2_map_extent(struct ext2_node *en, uint32_t n, uint32_t max, uint64_t *block, uint32_t *count)
{
	struct search se = { n, UINT64_C(1) << 32, 0, 0 };
	kern_return_t kr = tree_search(en, &se);

	if (kr != KERN_SUCCESS)
		return kr;
	*block = se.block;
	if (se.block == 0) {
		*count = se.next - n < max ? (uint32_t)(se.next - n) : max;
		return KERN_SUCCESS;
	}
	*count = se.length < max ? se.length : max;
	if (!ext2_block_is_ok(en->en_volume, se.block, *count))
		return ext2_error(en->en_volume, "inode %u's extents lead outside", en->en_ino);
	return KERN_SUCCESS;
}
