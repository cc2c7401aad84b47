/*
 * ext2_alloc.c - which blocks and inodes are in use.
 *
 * Blocks that a transaction frees stay unused until it is committed: were they written as somebody's contents before, and the power
 * cut, the file that had them would have these contents. eg_freed remembers them.
 *
 * The bitmaps decide; the counts in the descriptors are hints where to look, and wrong in damaged volumes.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "ext2.h"

#define RUN_MIN 8u		/* a run shorter than this is taken only when nothing better is in the group */

static bool
bit_test(const uint8_t *map, uint32_t bit)
{
	return (map[bit >> 3] >> (bit & 7) & 1) != 0;
}

static void
bit_set(uint8_t *map, uint32_t bit, bool value)
{
	if (value)
		map[bit >> 3] = (uint8_t)(map[bit >> 3] | 1u << (bit & 7));
	else
		map[bit >> 3] = (uint8_t)(map[bit >> 3] & ~(1u << (bit & 7)));
}

/* ---- What belongs to the file system itself ---- */

static uint32_t
group_of(const struct ext2_volume *ev, uint64_t block)
{
	return (uint32_t)((block - ev->ev_first_block) / ev->ev_blocks_per_group);
}

static uint64_t
group_start(const struct ext2_volume *ev, uint32_t group)
{
	return ev->ev_first_block + (uint64_t)group * ev->ev_blocks_per_group;
}

static uint32_t
group_blocks(const struct ext2_volume *ev, uint32_t group)
{
	uint64_t left = ev->ev_blocks - group_start(ev, group);

	return left < ev->ev_blocks_per_group ? (uint32_t)left : ev->ev_blocks_per_group;
}

static bool
overlaps(uint64_t block, uint64_t count, uint64_t with, uint64_t n)
{
	return block < with + n && with < block + count;
}

static uint32_t
table_blocks(const struct ext2_volume *ev)
{
	return (uint32_t)ext2_blocks_of(ev, (uint64_t)ev->ev_inodes_per_group * ev->ev_inode_size);
}

/* Does any of [BLOCK, +COUNT), which lies in GROUP, belong to GROUP's structures? */
static bool
group_owns(const struct ext2_volume *ev, uint32_t group, uint64_t block, uint64_t count)
{
	const struct ext2_group *eg = &ev->ev_groups[group];
	uint64_t desc = ext2_blocks_of(ev, (uint64_t)ev->ev_ngroups * ev->ev_desc_size);

	if (overlaps(block, count, eg->eg_block_bitmap, 1) || overlaps(block, count, eg->eg_inode_bitmap, 1) ||
	    overlaps(block, count, eg->eg_inode_table, table_blocks(ev)))
		return true;
	if (ext2_has_incompat(ev, EXT2_IN_META_BG) || !ext2_group_has_super(ev, group))
		return false;
	return overlaps(block, count, group_start(ev, group), 1 + desc);
}

bool
ext2_block_is_ok(const struct ext2_volume *ev, uint64_t block, uint64_t count)
{
	uint32_t first, last;

	if (block <= ev->ev_first_block || block >= ev->ev_blocks || count > ev->ev_blocks - block)
		return false;
	last = group_of(ev, block + count - 1);
	for (first = group_of(ev, block); first <= last; first++)
		if (group_owns(ev, first, block, count))
			return false;
	return true;
}

/* ---- Bitmaps and descriptors ---- */

struct bits {
	struct ext2_buf	*bi_map, *bi_desc;
	struct ext2_group_desc *bi_gd;
};

static void
bits_put(struct bits *bi)
{
	ext2_buf_put(bi->bi_map);
	ext2_buf_put(bi->bi_desc);
}

static kern_return_t
bits_get(struct ext2_volume *ev, uint32_t group, bool inodes, struct bits *bi)
{
	const struct ext2_group *eg = &ev->ev_groups[group];
	uint64_t at = (uint64_t)group * ev->ev_desc_size;
	kern_return_t kr;

	*bi = (struct bits){ NULL, NULL, NULL };
	kr = ext2_buf_read(ev, ev->ev_first_block + 1 + (at >> ev->ev_block_shift), &bi->bi_desc);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = ext2_buf_read(ev, inodes ? eg->eg_inode_bitmap : eg->eg_block_bitmap, &bi->bi_map);
	if (kr != KERN_SUCCESS) {
		bits_put(bi);
		return kr;
	}
	bi->bi_gd = (struct ext2_group_desc *)(bi->bi_desc->bu_data + (at & (ev->ev_block_size - 1)));
	return KERN_SUCCESS;
}

/* The bitmap was changed, and the counts in memory; give it back. */
static void
bits_changed(struct ext2_volume *ev, uint32_t group, struct bits *bi)
{
	const struct ext2_group *eg = &ev->ev_groups[group];

	bi->bi_gd->bg_free_blocks = (uint16_t)eg->eg_free_blocks;
	bi->bi_gd->bg_free_inodes = (uint16_t)eg->eg_free_inodes;
	bi->bi_gd->bg_used_dirs = (uint16_t)eg->eg_used_dirs;
	ext2_buf_dirty(ev, bi->bi_map, EXT2_BUF_FIRST);
	ext2_buf_dirty(ev, bi->bi_desc, EXT2_BUF_FIRST);
	ext2_super_changed(ev);
	bits_put(bi);
}

/* ---- Blocks: allocation ---- */

static bool
block_is_free(const struct ext2_volume *ev, uint32_t group, const uint8_t *map, uint32_t bit)
{
	const struct ext2_group *eg = &ev->ev_groups[group];

	if (bit_test(map, bit))
		return false;
	return eg->eg_freed == NULL || !bit_test(eg->eg_freed, bit);
}

static uint32_t
run_length(const struct ext2_volume *ev, uint32_t group, const uint8_t *map, uint32_t bit, uint32_t max)
{
	uint32_t end = group_blocks(ev, group), n = 0;

	while (n < max && bit + n < end && block_is_free(ev, group, map, bit + n))
		n++;
	return n;
}

/* A run of up to MAX free blocks in [FROM, END) of the group: the first that is as long as wanted, or the longest. 0: none. */
static uint32_t
run_search(const struct ext2_volume *ev, uint32_t group, const uint8_t *map, uint32_t from, uint32_t end, uint32_t max, uint32_t *bit)
{
	uint32_t best = 0, enough = max < RUN_MIN ? max : RUN_MIN, i, n;

	for (i = from; i < end; i += n + 1) {
		if (map[i >> 3] == 0xff) {
			n = 7 - (i & 7);
			continue;
		}
		n = run_length(ev, group, map, i, max);
		if (n > best) {
			best = n;
			*bit = i;
			if (n >= enough)
				break;
		}
	}
	return best;
}

/* Up to *COUNT blocks of GROUP, from bit FROM on or (AT) there or nowhere. *COUNT 0: none. */
static kern_return_t
group_alloc(struct ext2_volume *ev, uint32_t group, uint32_t from, bool at, uint32_t *count, uint64_t *block)
{
	struct ext2_group *eg = &ev->ev_groups[group];
	uint32_t max = *count, bit = from, n, i;
	struct bits bi;
	kern_return_t kr = bits_get(ev, group, false, &bi);

	*count = 0;
	if (kr != KERN_SUCCESS)
		return kr;
	n = run_length(ev, group, bi.bi_map->bu_data, from, max);
	if (n == 0 && !at)
		n = run_search(ev, group, bi.bi_map->bu_data, from, group_blocks(ev, group), max, &bit);
	if (n == 0 && !at)
		n = run_search(ev, group, bi.bi_map->bu_data, 0, from, max, &bit);
	if (n == 0) {
		bits_put(&bi);
		return KERN_SUCCESS;
	}
	*block = group_start(ev, group) + bit;
	if (!ext2_block_is_ok(ev, *block, n)) {
		bits_put(&bi);
		return ext2_error(ev, "group %u's bitmap has its own blocks as free", group);
	}
	for (i = 0; i < n; i++)
		bit_set(bi.bi_map->bu_data, bit + i, true);
	eg->eg_free_blocks -= n < eg->eg_free_blocks ? n : eg->eg_free_blocks;
	ev->ev_free_blocks -= n < ev->ev_free_blocks ? n : ev->ev_free_blocks;
	eg->eg_next = bit + n < group_blocks(ev, group) ? bit + n : 0;
	bits_changed(ev, group, &bi);
	*count = n;
	return KERN_SUCCESS;
}

kern_return_t
ext2_blocks_alloc(struct ext2_volume *ev, uint64_t goal, uint32_t *count, uint64_t *block)
{
	uint32_t group, first, i, max = *count;
	kern_return_t kr = KERN_SUCCESS;

	if (goal <= ev->ev_first_block || goal >= ev->ev_blocks)
		goal = ev->ev_first_block + 1;
	first = group_of(ev, goal);
	kr = group_alloc(ev, first, (uint32_t)(goal - group_start(ev, first)), true, count, block);
	for (i = 0; kr == KERN_SUCCESS && *count == 0 && i < 2 * ev->ev_ngroups; i++) {
		group = (first + i) % ev->ev_ngroups;
		/* The first time round only where there is some room. */
		if (ev->ev_groups[group].eg_free_blocks == 0 || (i < ev->ev_ngroups && ev->ev_groups[group].eg_free_blocks < RUN_MIN))
			continue;
		*count = max;
		kr = group_alloc(ev, group, i == 0 ? (uint32_t)(goal - group_start(ev, first)) : ev->ev_groups[group].eg_next, false,
			count, block);
	}
	return kr == KERN_SUCCESS && *count == 0 ? MX_ENOSPC : kr;
}

/* ---- Blocks: freeing ---- */

/* Until the transaction is committed, BITs N of GROUP are not used again. Without memory for that: not before the next mount. */
static bool
freed_mark(struct ext2_volume *ev, struct ext2_group *eg, uint32_t bit, uint32_t n)
{
	uint8_t **map = &eg->eg_freed;

	if (ev->ev_journal == NULL)
		return true;
	if (*map == NULL)
		*map = calloc(1, ev->ev_block_size);
	if (*map == NULL)
		return false;
	ev->ev_has_freed = true;
	for (; n > 0; n--, bit++)
		bit_set(*map, bit, true);
	return true;
}

void
ext2_freed_clear(struct ext2_volume *ev)
{
	uint32_t g;

	for (g = 0; ev->ev_has_freed && g < ev->ev_ngroups; g++) {
		free(ev->ev_groups[g].eg_freed);
		ev->ev_groups[g].eg_freed = NULL;
	}
	ev->ev_has_freed = false;
}

/* [BLOCK, +COUNT) of one group. */
static kern_return_t
group_free(struct ext2_volume *ev, uint32_t group, uint64_t block, uint32_t count)
{
	struct ext2_group *eg = &ev->ev_groups[group];
	uint32_t bit = (uint32_t)(block - group_start(ev, group)), i, freed = 0;
	struct bits bi;
	kern_return_t kr = bits_get(ev, group, false, &bi);

	if (kr != KERN_SUCCESS)
		return kr;
	if (!freed_mark(ev, eg, bit, count)) {
		bits_put(&bi);
		return MX_ENOMEM;
	}
	for (i = 0; i < count; i++) {
		freed += bit_test(bi.bi_map->bu_data, bit + i);
		bit_set(bi.bi_map->bu_data, bit + i, false);
	}
	eg->eg_free_blocks += freed;
	ev->ev_free_blocks += freed;
	bits_changed(ev, group, &bi);
	return freed == count ? KERN_SUCCESS : ext2_error(ev, "block %llu was free already", (unsigned long long)block);
}

kern_return_t
ext2_blocks_free(struct ext2_volume *ev, uint64_t block, uint32_t count, bool meta)
{
	uint32_t group, n, i;
	kern_return_t kr;

	if (!ext2_block_is_ok(ev, block, count))
		return ext2_error(ev, "blocks %llu+%u cannot be a file's", (unsigned long long)block, count);
	for (; count > 0; block += n, count -= n) {
		group = group_of(ev, block);
		n = (uint32_t)(group_start(ev, group) + group_blocks(ev, group) - block);
		if (n > count)
			n = count;
		for (i = 0; i < n && meta; i++) {
			ext2_buf_forget(ev, block + i);
			ext2_journal_revoke(ev, block + i);
		}
		kr = group_free(ev, group, block, n);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	return KERN_SUCCESS;
}

/* ---- Inodes ---- */

/* INO, which exists, is in *BLOCK at *OFFSET. */
static void
inode_place(const struct ext2_volume *ev, uint32_t ino, uint64_t *block, uint32_t *offset)
{
	uint64_t at = (uint64_t)((ino - 1) % ev->ev_inodes_per_group) * ev->ev_inode_size;

	*offset = (uint32_t)(at & (ev->ev_block_size - 1));
	*block = ev->ev_groups[(ino - 1) / ev->ev_inodes_per_group].eg_inode_table + (at >> ev->ev_block_shift);
}

kern_return_t
ext2_inode_locate(struct ext2_volume *ev, uint32_t ino, struct ext2_buf **out, uint32_t *offset)
{
	uint64_t block;

	if (ino == 0 || ino > ev->ev_inodes)
		return ext2_error(ev, "there is no inode %u", ino);
	inode_place(ev, ino, &block, offset);
	return ext2_buf_read(ev, block, out);
}

kern_return_t
ext2_inode_locate_new(struct ext2_volume *ev, uint32_t ino, struct ext2_buf **out, uint32_t *offset)
{
	uint32_t per_block = ev->ev_block_size / ev->ev_inode_size, first = (ino - 1) / per_block * per_block + 1, i;
	uint64_t block;
	bool used = false;
	kern_return_t kr = KERN_SUCCESS;

	for (i = first; i < first + per_block && i <= ev->ev_inodes && !used && kr == KERN_SUCCESS; i++)
		if (i != ino)
			kr = ext2_inode_is_used(ev, i, &used);
	if (kr != KERN_SUCCESS || used || ev->ev_inodes_per_group % per_block != 0)
		return ext2_inode_locate(ev, ino, out, offset);
	inode_place(ev, ino, &block, offset);
	return ext2_buf_make(ev, block, out);
}

kern_return_t
ext2_inode_is_used(struct ext2_volume *ev, uint32_t ino, bool *used)
{
	struct ext2_buf *bu;
	kern_return_t kr = ext2_buf_read(ev, ev->ev_groups[(ino - 1) / ev->ev_inodes_per_group].eg_inode_bitmap, &bu);

	if (kr != KERN_SUCCESS)
		return kr;
	*used = bit_test(bu->bu_data, (ino - 1) % ev->ev_inodes_per_group);
	ext2_buf_put(bu);
	return KERN_SUCCESS;
}

/* The first free inode of GROUP; 0: none. */
static kern_return_t
inode_take(struct ext2_volume *ev, uint32_t group, bool is_dir, uint32_t *ino)
{
	struct ext2_group *eg = &ev->ev_groups[group];
	uint32_t bit, start = 0;
	struct bits bi;
	kern_return_t kr = bits_get(ev, group, true, &bi);

	*ino = 0;
	if (kr != KERN_SUCCESS)
		return kr;
	if (group * ev->ev_inodes_per_group < ev->ev_first_ino - 1)
		start = ev->ev_first_ino - 1 - group * ev->ev_inodes_per_group;
	for (bit = start; bit < ev->ev_inodes_per_group && bit_test(bi.bi_map->bu_data, bit); bit++)
		;
	if (bit >= ev->ev_inodes_per_group) {
		bits_put(&bi);
		return KERN_SUCCESS;
	}
	bit_set(bi.bi_map->bu_data, bit, true);
	eg->eg_free_inodes -= eg->eg_free_inodes > 0;
	ev->ev_free_inodes -= ev->ev_free_inodes > 0;
	eg->eg_used_dirs += is_dir;
	bits_changed(ev, group, &bi);
	*ino = group * ev->ev_inodes_per_group + bit + 1;
	return KERN_SUCCESS;
}

/* Directories of the root are spread: what belongs together is together, and apart from the rest. */
static uint32_t
dir_group(struct ext2_volume *ev, const struct ext2_node *dir)
{
	uint32_t parent = (dir->en_ino - 1) / ev->ev_inodes_per_group, group, i;
	uint32_t inodes = ev->ev_free_inodes / ev->ev_ngroups, blocks = (uint32_t)(ev->ev_free_blocks / ev->ev_ngroups);

	if (dir->en_ino == EXT2_ROOT_INO)
		parent = ev->ev_dirs_next++ % ev->ev_ngroups;
	for (i = 0; i < ev->ev_ngroups; i++) {
		group = (parent + i) % ev->ev_ngroups;
		if (ev->ev_groups[group].eg_free_inodes > 0 && ev->ev_groups[group].eg_free_inodes >= inodes &&
		    ev->ev_groups[group].eg_free_blocks >= blocks)
			return group;
	}
	return parent;
}

kern_return_t
ext2_inode_alloc(struct ext2_volume *ev, const struct ext2_node *dir, bool is_dir, uint32_t *ino)
{
	uint32_t first = is_dir ? dir_group(ev, dir) : (dir->en_ino - 1) / ev->ev_inodes_per_group, i, group;
	kern_return_t kr;

	for (i = 0; i < ev->ev_ngroups; i++) {
		group = (first + i) % ev->ev_ngroups;
		if (ev->ev_groups[group].eg_free_inodes == 0)
			continue;
		kr = inode_take(ev, group, is_dir, ino);
		if (kr != KERN_SUCCESS || *ino != 0)
			return kr;
	}
	return MX_ENOSPC;
}

kern_return_t
ext2_inode_free(struct ext2_volume *ev, uint32_t ino, bool is_dir)
{
	uint32_t group = (ino - 1) / ev->ev_inodes_per_group, bit = (ino - 1) % ev->ev_inodes_per_group;
	struct ext2_group *eg = &ev->ev_groups[group];
	struct bits bi;
	kern_return_t kr = bits_get(ev, group, true, &bi);

	if (kr != KERN_SUCCESS)
		return kr;
	if (!bit_test(bi.bi_map->bu_data, bit)) {
		bits_put(&bi);
		return ext2_error(ev, "inode %u was free already", ino);
	}
	bit_set(bi.bi_map->bu_data, bit, false);
	eg->eg_free_inodes++;
	ev->ev_free_inodes++;
	eg->eg_used_dirs -= is_dir && eg->eg_used_dirs > 0;
	bits_changed(ev, group, &bi);
	return KERN_SUCCESS;
}
