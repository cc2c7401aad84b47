/*
 * ext2_dir.c - directories: blocks full of entries.
 *
 * A block's entries are checked once, when it comes into memory: they fill it exactly, each holds its name, and no number is beyond
 * the inode table. The entries of an indexed directory's own blocks (ext2_htree.c) are in this form, too, so that every directory
 * can be searched block by block.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "ext2.h"

static struct ext2_dirent *
entry_at(const struct ext2_buf *bu, uint32_t offset)
{
	return (struct ext2_dirent *)(uintptr_t)(bu->bu_data + offset);
}

uint32_t
ext2_dirent_name_len(const struct ext2_volume *ev, const struct ext2_dirent *de)
{
	return ext2_has_incompat(ev, EXT2_IN_FILETYPE) ? de->de_name_len : de->de_name_len | (uint32_t)de->de_file_type << 8;
}

uint8_t
ext2_file_type(const struct ext2_volume *ev, uint32_t mode)
{
	if (!ext2_has_incompat(ev, EXT2_IN_FILETYPE))
		return 0;
	switch (mode & MX_S_IFMT) {
	case MX_S_IFREG: return 1;
	case MX_S_IFDIR: return 2;
	case MX_S_IFCHR: return 3;
	case MX_S_IFBLK: return 4;
	case MX_S_IFIFO: return 5;
	case MX_S_IFSOCK: return 6;
	case MX_S_IFLNK: return 7;
	}
	return 0;
}

static uint32_t
mode_of(const struct ext2_volume *ev, const struct ext2_dirent *de)
{
	static const uint32_t modes[8] = { 0, MX_S_IFREG, MX_S_IFDIR, MX_S_IFCHR, MX_S_IFBLK, MX_S_IFIFO, MX_S_IFSOCK, MX_S_IFLNK };

	return ext2_has_incompat(ev, EXT2_IN_FILETYPE) ? modes[de->de_file_type & 7] : 0;
}

/* ---- Blocks ---- */

uint32_t
ext2_dir_blocks(const struct ext2_node *dir)
{
	return (uint32_t)(dir->en_node.pn_attr.at_size >> dir->en_volume->ev_block_shift);
}

static bool
entries_are_ok(const struct ext2_volume *ev, const struct ext2_buf *bu)
{
	uint32_t at, len;
	const struct ext2_dirent *de;

	for (at = 0; at < ev->ev_block_size; at += de->de_rec_len) {
		de = entry_at(bu, at);
		if (ev->ev_block_size - at < EXT2_DIRENT_HEAD)
			return false;
		len = ext2_dirent_name_len(ev, de);
		if (de->de_rec_len % 4 != 0 || de->de_rec_len < EXT2_DIRENT_LEN(1) || de->de_rec_len > ev->ev_block_size - at)
			return false;
		if (de->de_inode != 0 && (len == 0 || EXT2_DIRENT_LEN(len) > de->de_rec_len || len > MX_NAME_MAX))
			return false;
		if (de->de_inode > ev->ev_inodes)
			return false;
	}
	return true;
}

kern_return_t
ext2_dir_block(struct ext2_node *dir, uint32_t n, struct ext2_buf **out)
{
	struct ext2_volume *ev = dir->en_volume;
	uint64_t block;
	uint32_t count;
	kern_return_t kr = ext2_map(dir, n, 1, &block, &count);

	*out = NULL;
	if (kr != KERN_SUCCESS || block == 0)
		return kr;
	kr = ext2_buf_read(ev, block, out);
	if (kr != KERN_SUCCESS || ((*out)->bu_flags & EXT2_BUF_DIR))
		return kr;
	if (!entries_are_ok(ev, *out)) {
		ext2_buf_put(*out);
		*out = NULL;
		return ext2_error(ev, "directory %u's block %u cannot be right", dir->en_ino, n);
	}
	(*out)->bu_flags |= EXT2_BUF_DIR;
	return KERN_SUCCESS;
}

kern_return_t
ext2_dir_grow(struct ext2_node *dir, uint32_t *n, struct ext2_buf **out)
{
	struct ext2_volume *ev = dir->en_volume;
	uint64_t block;
	uint32_t count;
	kern_return_t kr;

	*n = ext2_dir_blocks(dir);
	if (*n >= (uint32_t)INT32_MAX >> ev->ev_block_shift)
		return MX_ENOSPC;
	kr = ext2_map_alloc(dir, *n, 1, &block, &count);
	if (kr == KERN_SUCCESS)
		kr = ext2_buf_make(ev, block, out);
	if (kr != KERN_SUCCESS)
		return kr;
	entry_at(*out, 0)->de_rec_len = (uint16_t)ev->ev_block_size;
	ext2_buf_dirty(ev, *out, EXT2_BUF_MAP);	/* before the block that loses what it gets */
	(*out)->bu_flags |= EXT2_BUF_DIR;
	dir->en_node.pn_attr.at_size += ev->ev_block_size;
	ext2_node_changed(dir);
	return KERN_SUCCESS;
}

/* ---- Finding ---- */

struct ext2_dirent *
ext2_dir_search(struct ext2_volume *ev, struct ext2_buf *bu, const char *name, size_t len, struct ext2_dirent **prev)
{
	struct ext2_dirent *de;
	uint32_t at;

	*prev = NULL;
	for (at = 0; at < ev->ev_block_size; at += de->de_rec_len, *prev = de) {
		de = entry_at(bu, at);
		if (de->de_inode != 0 && ext2_dirent_name_len(ev, de) == len && memcmp(de->de_name, name, len) == 0)
			return de;
	}
	return NULL;
}

static kern_return_t
linear_find(struct ext2_node *dir, const char *name, size_t len, struct ext2_place *out)
{
	uint32_t n, blocks = ext2_dir_blocks(dir);
	kern_return_t kr;

	for (n = 0; n < blocks; n++) {
		kr = ext2_dir_block(dir, n, &out->pl_buf);
		if (kr != KERN_SUCCESS)
			return kr;
		if (out->pl_buf == NULL)
			continue;
		out->pl_entry = ext2_dir_search(dir->en_volume, out->pl_buf, name, len, &out->pl_prev);
		if (out->pl_entry != NULL)
			return KERN_SUCCESS;
		ext2_buf_put(out->pl_buf);
		out->pl_buf = NULL;
	}
	return MX_ENOENT;
}

kern_return_t
ext2_dir_find(struct ext2_node *dir, const char *name, size_t len, struct ext2_place *out)
{
	kern_return_t kr = MX_EINVAL;

	*out = (struct ext2_place){ NULL, NULL, NULL };
	if (dir->en_flags & EXT2_FL_INLINE_DATA)
		return MX_EOPNOTSUPP;
	if (ext2_dir_is_indexed(dir))
		kr = ext2_htree_find(dir, name, len, out);
	return kr == MX_EINVAL ? linear_find(dir, name, len, out) : kr;
}

/* The entry at byte 12 of a directory is its "..". */
kern_return_t
ext2_dir_dotdot(struct ext2_node *dir, struct ext2_place *out)
{
	struct ext2_dirent *de;
	kern_return_t kr = ext2_dir_block(dir, 0, &out->pl_buf);

	if (kr != KERN_SUCCESS)
		return kr;
	if (out->pl_buf != NULL) {
		de = entry_at(out->pl_buf, 0);
		out->pl_prev = de;
		out->pl_entry = de->de_rec_len < dir->en_volume->ev_block_size ? entry_at(out->pl_buf, de->de_rec_len) : NULL;
		if (out->pl_entry != NULL && ext2_dirent_name_len(dir->en_volume, de) == 1 && de->de_name[0] == '.' &&
		    de->de_inode == dir->en_ino && ext2_dirent_name_len(dir->en_volume, out->pl_entry) == 2 &&
		    memcmp(out->pl_entry->de_name, "..", 2) == 0)
			return KERN_SUCCESS;
		ext2_buf_put(out->pl_buf);
	}
	return ext2_error(dir->en_volume, "directory %u does not begin with \".\" and \"..\"", dir->en_ino);
}

/* ---- Changing ---- */

static void
entry_fill(struct ext2_volume *ev, struct ext2_dirent *de, const char *name, size_t len, uint32_t ino, uint32_t mode)
{
	de->de_inode = ino;
	de->de_name_len = (uint8_t)len;
	de->de_file_type = ext2_file_type(ev, mode);
	memcpy(de->de_name, name, len);
}

bool
ext2_dir_put(struct ext2_node *dir, struct ext2_buf *bu, const char *name, size_t len, uint32_t ino, uint32_t mode)
{
	struct ext2_volume *ev = dir->en_volume;
	uint32_t at, need = EXT2_DIRENT_LEN((uint32_t)len), used;
	struct ext2_dirent *de, *rest;

	for (at = 0; at < ev->ev_block_size; at += de->de_rec_len) {
		de = entry_at(bu, at);
		used = de->de_inode != 0 ? EXT2_DIRENT_LEN(ext2_dirent_name_len(ev, de)) : 0;
		if (de->de_rec_len - used < need)
			continue;
		if (used > 0) {
			rest = entry_at(bu, at + used);
			rest->de_rec_len = (uint16_t)(de->de_rec_len - used);
			de->de_rec_len = (uint16_t)used;
			de = rest;
		}
		entry_fill(ev, de, name, len, ino, mode);
		ext2_buf_dirty(ev, bu, EXT2_BUF_NAME);
		return true;
	}
	return false;
}

/* Into any block from the one on where there was room last. */
static kern_return_t
linear_add(struct ext2_node *dir, const char *name, size_t len, uint32_t ino, uint32_t mode)
{
	uint32_t n, i, blocks = ext2_dir_blocks(dir);
	struct ext2_buf *bu;
	bool done;
	kern_return_t kr;

	for (i = 0; i < blocks; i++) {
		n = (dir->en_dir_hint + i) % blocks;
		kr = ext2_dir_block(dir, n, &bu);
		if (kr != KERN_SUCCESS)
			return kr;
		if (bu == NULL)
			continue;
		done = ext2_dir_put(dir, bu, name, len, ino, mode);
		ext2_buf_put(bu);
		if (done) {
			dir->en_dir_hint = n;
			return KERN_SUCCESS;
		}
	}
	if (blocks == 1 && ext2_has_compat(dir->en_volume, EXT2_COMPAT_DIR_INDEX)) {
		kr = ext2_htree_make(dir);
		if (kr != MX_EINVAL)
			return kr == KERN_SUCCESS ? ext2_htree_add(dir, name, len, ino, mode) : kr;
	}
	kr = ext2_dir_grow(dir, &n, &bu);
	if (kr != KERN_SUCCESS)
		return kr;
	dir->en_dir_hint = n;
	(void)ext2_dir_put(dir, bu, name, len, ino, mode);
	ext2_buf_put(bu);
	return KERN_SUCCESS;
}

kern_return_t
ext2_dir_add(struct ext2_node *dir, const char *name, size_t len, uint32_t ino, uint32_t mode)
{
	kern_return_t kr;

	if (ext2_dir_is_indexed(dir)) {
		kr = ext2_htree_add(dir, name, len, ino, mode);
		if (kr != MX_EINVAL)
			return kr;
		dir->en_flags &= ~EXT2_FL_INDEX;	/* it is damaged: without it, the directory is right */
		ext2_node_changed(dir);
	}
	return linear_add(dir, name, len, ino, mode);
}

void
ext2_dir_remove(struct ext2_node *dir, struct ext2_place *place)
{
	if (place->pl_prev != NULL)
		place->pl_prev->de_rec_len = (uint16_t)(place->pl_prev->de_rec_len + place->pl_entry->de_rec_len);
	else
		place->pl_entry->de_inode = 0;
	dir->en_dir_hint = 0;
	ext2_buf_dirty(dir->en_volume, place->pl_buf, EXT2_BUF_NAME);
}

void
ext2_dir_set(struct ext2_node *dir, struct ext2_place *place, uint32_t ino, uint32_t mode)
{
	place->pl_entry->de_inode = ino;
	if (ext2_has_incompat(dir->en_volume, EXT2_IN_FILETYPE))
		place->pl_entry->de_file_type = ext2_file_type(dir->en_volume, mode);
	ext2_buf_dirty(dir->en_volume, place->pl_buf, EXT2_BUF_NAME);
}

kern_return_t
ext2_dir_init(struct ext2_node *dir, uint32_t parent)
{
	struct ext2_volume *ev = dir->en_volume;
	struct ext2_dirent *de, *rest;
	struct ext2_buf *bu;
	uint32_t n;
	kern_return_t kr = ext2_dir_grow(dir, &n, &bu);

	if (kr != KERN_SUCCESS)
		return kr;
	de = entry_at(bu, 0);
	entry_fill(ev, de, ".", 1, dir->en_ino, MX_S_IFDIR);
	de->de_rec_len = EXT2_DIRENT_LEN(1);
	rest = entry_at(bu, EXT2_DIRENT_LEN(1));
	entry_fill(ev, rest, "..", 2, parent, MX_S_IFDIR);
	rest->de_rec_len = (uint16_t)(ev->ev_block_size - EXT2_DIRENT_LEN(1));
	ext2_buf_put(bu);
	return KERN_SUCCESS;
}

/* ---- Reading ---- */

static bool
is_dot(const struct ext2_volume *ev, const struct ext2_dirent *de)
{
	uint32_t len = ext2_dirent_name_len(ev, de);

	return de->de_name[0] == '.' && (len == 1 || (len == 2 && de->de_name[1] == '.'));
}

kern_return_t
ext2_dir_is_empty(struct ext2_node *dir, bool *empty)
{
	struct ext2_volume *ev = dir->en_volume;
	const struct ext2_dirent *de;
	struct ext2_buf *bu;
	uint32_t n, at, blocks = ext2_dir_blocks(dir);
	kern_return_t kr;

	*empty = true;
	for (n = 0; n < blocks && *empty; n++) {
		kr = ext2_dir_block(dir, n, &bu);
		if (kr != KERN_SUCCESS)
			return kr;
		for (at = 0; bu != NULL && at < ev->ev_block_size; at += de->de_rec_len) {
			de = entry_at(bu, at);
			if (de->de_inode != 0 && !is_dot(ev, de))
				*empty = false;
		}
		ext2_buf_put(bu);
	}
	return KERN_SUCCESS;
}

/* A name that vfs would not let anybody make. */
static bool
name_is_ok(const char *name, uint32_t len)
{
	return memchr(name, '/', len) == NULL && memchr(name, '\0', len) == NULL;
}

/* Cookies are byte offsets. */
static kern_return_t
linear_read(struct ext2_node *dir, uint64_t cookie, struct pfs_dirents *out)
{
	struct ext2_volume *ev = dir->en_volume;
	const struct ext2_dirent *de;
	struct ext2_buf *bu;
	uint64_t n, base, blocks = ext2_dir_blocks(dir);
	uint32_t at;
	bool fits = true;
	kern_return_t kr;

	for (n = cookie >> ev->ev_block_shift; n < blocks && fits; n++) {
		kr = ext2_dir_block(dir, (uint32_t)n, &bu);
		if (kr != KERN_SUCCESS)
			return kr;
		base = n << ev->ev_block_shift;
		for (at = 0; bu != NULL && at < ev->ev_block_size && fits; at += de->de_rec_len) {
			de = entry_at(bu, at);
			if (base + at < cookie || de->de_inode == 0 || is_dot(ev, de) ||
			    !name_is_ok(de->de_name, ext2_dirent_name_len(ev, de)))
				continue;
			fits = pfs_dirent_add(out, de->de_inode, base + at + de->de_rec_len, mode_of(ev, de), de->de_name,
				ext2_dirent_name_len(ev, de));
		}
		ext2_buf_put(bu);
	}
	return KERN_SUCCESS;
}

kern_return_t
ext2_dir_read(struct ext2_node *dir, uint64_t cookie, struct pfs_dirents *out)
{
	kern_return_t kr = MX_EINVAL;

	if (dir->en_flags & EXT2_FL_INLINE_DATA)
		return MX_EOPNOTSUPP;
	/* A directory of one block may become indexed while it is read: it is read in the same order before. */
	if (ext2_dir_is_indexed(dir) ||
	    (ext2_has_compat(dir->en_volume, EXT2_COMPAT_DIR_INDEX) && ext2_dir_blocks(dir) == 1))
		kr = ext2_htree_read(dir, cookie, out);
	return kr == MX_EINVAL ? linear_read(dir, cookie, out) : kr;
}
