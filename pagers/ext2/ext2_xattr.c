/*
 * ext2_xattr.c - extended attributes.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "ext2.h"

kern_return_t
ext2_xattr_release(struct ext2_node *en)
{
	struct ext2_volume *ev = en->en_volume;
	uint64_t block = en->en_file_acl;
	struct ext2_xattr_header *h;
	struct ext2_buf *bu;
	kern_return_t kr;

	if (block == 0)
		return KERN_SUCCESS;
	if (!ext2_block_is_ok(ev, block, 1))
		return ext2_error(ev, "inode %u's attributes are outside", en->en_ino);
	kr = ext2_buf_read(ev, block, &bu);
	if (kr != KERN_SUCCESS)
		return kr;
	h = (struct ext2_xattr_header *)bu->bu_data;
	en->en_file_acl = 0;
	ext2_node_blocks_set(en, -1);
	if (h->h_magic != EXT2_XATTR_MAGIC || h->h_refcount == 0) {
		ext2_buf_put(bu);
		return ext2_error(ev, "inode %u's attributes cannot be right", en->en_ino);
	}
	if (h->h_refcount > 1) {
		h->h_refcount--;
		ext2_buf_dirty(ev, bu, EXT2_BUF_MAP);
		ext2_buf_put(bu);
		return KERN_SUCCESS;
	}
	ext2_buf_put(bu);
	return ext2_blocks_free(ev, block, 1, true);
}
