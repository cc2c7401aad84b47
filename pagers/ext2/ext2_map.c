/*
 * ext2_map.c - where a file's blocks are: twelve direct numbers, and trees of one, two and three levels of indirect blocks.
 *
 * Every number found is checked before it is used: a file's block lies in the volume and is none of the file system's own. As trees
 * have at most three levels, a damaged one cannot lead round in a circle.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "ext2.h"

#define FREE_CREDITS 16u

struct leaf {				/* the array in which a block's number stands */
	struct ext2_buf	*le_buf;	/* NULL: in the inode */
	uint32_t	*le_slots;	/* NULL: not there */
	uint32_t	le_index, le_limit;
	uint64_t	le_hole;	/* then: so many blocks are missing with it */
};

/* The path of block N: *DEPTH 1..4; path[0] indexes i_block, the others the blocks below. 0: too large */
static unsigned int
path_find(const struct ext2_volume *ev, uint64_t n, uint32_t path[4])
{
	uint32_t shift = ev->ev_apb_shift, mask = ev->ev_apb - 1;
	unsigned int depth, i;

	if (n < EXT2_NDIR) {
		path[0] = (uint32_t)n;
		return 1;
	}
	n -= EXT2_NDIR;
	for (depth = 2; depth <= 4; depth++) {
		uint64_t span = UINT64_C(1) << (shift * (depth - 1));

		if (n < span) {
			path[0] = EXT2_IND + depth - 2;
			for (i = 1; i < depth; i++)
				path[i] = (uint32_t)(n >> (shift * (depth - 1 - i))) & mask;
			return depth;
		}
		n -= span;
	}
	return 0;
}

static kern_return_t
block_check(struct ext2_node *en, uint64_t block, uint64_t count)
{
	if (ext2_block_is_ok(en->en_volume, block, count))
		return KERN_SUCCESS;
	return ext2_error(en->en_volume, "inode %u has block %llu, which cannot be a file's", en->en_ino, (unsigned long long)block);
}

/* ---- Allocation ---- */

static uint64_t
goal_of(const struct ext2_node *en)
{
	const struct ext2_volume *ev = en->en_volume;

	if (en->en_goal != 0)
		return en->en_goal;
	return ev->ev_first_block + 1 + (uint64_t)((en->en_ino - 1) / ev->ev_inodes_per_group) * ev->ev_blocks_per_group;
}

/* A zeroed block for the file's map or a directory. */
static kern_return_t
indirect_make(struct ext2_node *en, uint32_t *slot, struct ext2_buf **out)
{
	struct ext2_volume *ev = en->en_volume;
	uint32_t count = 1;
	uint64_t block;
	kern_return_t kr = ext2_blocks_alloc(ev, goal_of(en), &count, &block);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = ext2_buf_make(ev, block, out);
	if (kr != KERN_SUCCESS) {
		(void)ext2_blocks_free(ev, block, 1, false);
		return kr;
	}
	ext2_buf_dirty(ev, *out, EXT2_BUF_MAP);
	*slot = (uint32_t)block;
	en->en_goal = (uint32_t)block + 1;
	ext2_node_blocks_set(en, 1);
	return KERN_SUCCESS;
}

/* Find the leaf of block N; MAKE: with all that leads to it. */
static kern_return_t
leaf_get(struct ext2_node *en, uint64_t n, bool make, struct leaf *le)
{
	struct ext2_volume *ev = en->en_volume;
	uint32_t path[4], *slot;
	unsigned int depth = path_find(ev, n, path), i;
	struct ext2_buf *parent = NULL, *bu;
	kern_return_t kr;

	*le = (struct leaf){ NULL, NULL, 0, 0, 0 };
	if (depth == 0)
		return MX_EFBIG;
	slot = &en->en_block[path[0]];
	for (i = 1; i < depth; i++, parent = bu, slot = (uint32_t *)bu->bu_data + path[i - 1]) {
		if (*slot == 0 && !make) {
			ext2_buf_put(parent);
			le->le_hole = UINT64_C(1) << (ev->ev_apb_shift * (depth - i));
			for (; i < depth; i++)
				le->le_hole -= (uint64_t)path[i] << (ev->ev_apb_shift * (depth - 1 - i));
			return KERN_SUCCESS;
		}
		if (*slot == 0) {
			kr = indirect_make(en, slot, &bu);
			if (kr == KERN_SUCCESS && parent != NULL)
				ext2_buf_dirty(ev, parent, EXT2_BUF_MAP);
		} else {
			kr = block_check(en, *slot, 1);
			if (kr == KERN_SUCCESS)
				kr = ext2_buf_read(ev, *slot, &bu);
		}
		ext2_buf_put(parent);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	le->le_buf = parent;
	le->le_slots = parent != NULL ? (uint32_t *)parent->bu_data : en->en_block;
	le->le_index = path[depth - 1];
	le->le_limit = parent != NULL ? ev->ev_apb : EXT2_NDIR;
	return KERN_SUCCESS;
}

kern_return_t
ext2_map(struct ext2_node *en, uint32_t n, uint32_t max, uint64_t *block, uint32_t *count)
{
	struct leaf le;
	uint32_t i, first;
	kern_return_t kr;

	if (en->en_flags & EXT2_FL_EXTENTS)
		return ext2_map_extent(en, n, max, block, count);
	kr = leaf_get(en, n, false, &le);
	if (kr != KERN_SUCCESS)
		return kr;
	*block = 0;
	if (le.le_slots == NULL) {
		*count = le.le_hole < max ? (uint32_t)le.le_hole : max;
		return KERN_SUCCESS;
	}
	first = le.le_slots[le.le_index];
	for (i = 1; i < max && le.le_index + i < le.le_limit; i++)
		if (le.le_slots[le.le_index + i] != (first != 0 ? first + i : 0))
			break;
	ext2_buf_put(le.le_buf);
	*block = first;
	*count = i;
	return first != 0 ? block_check(en, first, i) : KERN_SUCCESS;
}

kern_return_t
ext2_map_alloc(struct ext2_node *en, uint32_t n, uint32_t max, uint64_t *block, uint32_t *count)
{
	struct ext2_volume *ev = en->en_volume;
	struct leaf le;
	uint32_t i;
	kern_return_t kr;

	if (en->en_flags & (EXT2_FL_EXTENTS | EXT2_FL_INLINE_DATA))
		return MX_EROFS;
	kr = leaf_get(en, n, true, &le);
	if (kr != KERN_SUCCESS)
		return kr;
	for (*count = 0; *count < max && le.le_index + *count < le.le_limit && le.le_slots[le.le_index + *count] == 0; ++*count)
		;
	if (*count == 0) {		/* it was a hole a moment ago: blocks of the map are used twice */
		ext2_buf_put(le.le_buf);
		return ext2_error(ev, "inode %u's map leads round in a circle", en->en_ino);
	}
	if (en->en_goal == 0 && le.le_index > 0 && le.le_slots[le.le_index - 1] != 0)
		en->en_goal = le.le_slots[le.le_index - 1] + 1;
	kr = ext2_blocks_alloc(ev, goal_of(en), count, block);
	if (kr == KERN_SUCCESS) {
		for (i = 0; i < *count; i++)
			le.le_slots[le.le_index + i] = (uint32_t)*block + i;
		if (le.le_buf != NULL)
			ext2_buf_dirty(ev, le.le_buf, EXT2_BUF_MAP);
		en->en_goal = (uint32_t)*block + *count;
		ext2_node_blocks_set(en, *count);
	}
	ext2_buf_put(le.le_buf);
	return kr;
}

uint32_t
ext2_map_cost(const struct ext2_volume *ev, uint32_t count)
{
	return count / ev->ev_apb + 4;
}

/* ---- Freeing ---- */

struct freeing {
	struct ext2_node *fr_node;
	uint64_t	fr_first, fr_end;	/* blocks of the file */
	bool		fr_meta;		/* its contents are metadata */
};

/* Slots [I, END) of an array lose their blocks. BU: the array's buffer, or NULL: the inode. */
static kern_return_t
slots_free(struct freeing *fr, struct ext2_buf *bu, uint32_t *slots, uint32_t i, uint32_t end)
{
	struct ext2_node *en = fr->fr_node;
	struct ext2_volume *ev = en->en_volume;
	uint32_t n, block;
	kern_return_t kr;

	for (; i < end; i += n) {
		n = 1;
		block = slots[i];
		if (block == 0)
			continue;
		kr = ext2_extend(ev, FREE_CREDITS);
		if (kr == KERN_SUCCESS)
			kr = block_check(en, block, 1);
		if (kr != KERN_SUCCESS)
			return kr;
		while (i + n < end && slots[i + n] == block + n && ext2_block_is_ok(ev, block, n + 1))
			n++;
		memset(&slots[i], 0, n * sizeof(*slots));
		if (bu != NULL)
			ext2_buf_dirty(ev, bu, EXT2_BUF_MAP);
		ext2_node_blocks_set(en, -(int64_t)n);
		kr = ext2_blocks_free(ev, block, n, fr->fr_meta);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	return KERN_SUCCESS;
}

static bool
is_all_zero(const uint32_t *slots, uint32_t n)
{
	while (n > 0 && *slots == 0) {
		slots++;
		n--;
	}
	return n == 0;
}

/* The tree below *SLOT, of LEVEL levels of blocks, begins with the file's block BASE. *SLOT becomes 0 when nothing is left of it; the
 * caller makes that last (*CLEARED). */
static kern_return_t
tree_free(struct freeing *fr, uint32_t *slot, unsigned int level, uint64_t base, bool *cleared)
{
	struct ext2_node *en = fr->fr_node;
	struct ext2_volume *ev = en->en_volume;
	uint64_t span = UINT64_C(1) << (ev->ev_apb_shift * level), each = span >> ev->ev_apb_shift, block = *slot;
	uint64_t first = fr->fr_first > base ? fr->fr_first - base : 0;
	uint64_t end = fr->fr_end - base < span ? fr->fr_end - base : span;
	struct ext2_buf *bu;
	uint32_t *slots, i;
	bool below;
	kern_return_t kr;

	*cleared = false;
	if (block == 0 || fr->fr_first >= base + span || fr->fr_end <= base)
		return KERN_SUCCESS;
	kr = block_check(en, block, 1);
	if (kr == KERN_SUCCESS)
		kr = ext2_buf_read(ev, block, &bu);
	if (kr != KERN_SUCCESS)
		return kr;
	slots = (uint32_t *)bu->bu_data;
	if (level == 1)
		kr = slots_free(fr, bu, slots, (uint32_t)first, (uint32_t)end);
	for (i = (uint32_t)(first / each); level > 1 && kr == KERN_SUCCESS && i * each < end; i++) {
		kr = tree_free(fr, &slots[i], level - 1, base + i * each, &below);
		if (below)
			ext2_buf_dirty(ev, bu, EXT2_BUF_MAP);
	}
	if (kr == KERN_SUCCESS && is_all_zero(slots, ev->ev_apb)) {
		*slot = 0;
		*cleared = true;
	}
	ext2_buf_put(bu);
	if (!*cleared)
		return kr;
	ext2_node_blocks_set(en, -1);
	return ext2_blocks_free(ev, block, 1, true);
}

kern_return_t
ext2_map_free(struct ext2_node *en, uint64_t first, uint64_t end)
{
	struct ext2_volume *ev = en->en_volume;
	struct freeing fr = { en, first, end, (en->en_node.pn_attr.at_mode & MX_S_IFMT) != MX_S_IFREG };
	uint64_t base = EXT2_NDIR;
	unsigned int level;
	bool cleared;
	kern_return_t kr = KERN_SUCCESS;

	if (en->en_flags & (EXT2_FL_EXTENTS | EXT2_FL_INLINE_DATA))
		return MX_EROFS;
	if (first < EXT2_NDIR)
		kr = slots_free(&fr, NULL, en->en_block, (uint32_t)first, end < EXT2_NDIR ? (uint32_t)end : EXT2_NDIR);
	for (level = 1; level <= 3 && kr == KERN_SUCCESS; level++) {
		kr = tree_free(&fr, &en->en_block[EXT2_NDIR + level - 1], level, base, &cleared);
		if (cleared)
			ext2_node_changed(en);
		base += UINT64_C(1) << (ev->ev_apb_shift * level);
	}
	en->en_goal = 0;
	return kr;
}
