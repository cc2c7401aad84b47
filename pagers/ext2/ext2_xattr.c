/*
 * ext2_xattr.c - extended attributes: behind the inode, and in a block that inodes may share.
 *
 * An attribute is put behind the inode if there is room, else into the inode's block. What is changed is laid out anew as a whole, in
 * memory; only then are blocks allocated and anything changed, all in one transaction. A block that others use, too, is left to them and a
 * copy made; one with the same contents as another that was written a short time ago is not written, but shared.
 *
 * Source: the on-disk format of ext2, ext3 and ext4. Names are sorted in blocks, and have hashes, which are not used to find anything.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "ext2.h"

#define CREDITS		16u
#define SHARE_MAX	1024u		/* inodes that share a block */
#define FL_EA_INODE	0x00200000u
#define LAST		4u		/* bytes of zeros behind the last entry */

/* ---- Places with attributes ---- */

struct area {
	uint8_t		*ar_base;	/* where offsets of values count from; NULL: there is no such place */
	uint8_t		*ar_first;	/* the first entry */
	uint8_t		*ar_end;
	bool		ar_none;	/* a place, but nothing in it yet */
};

struct places {				/* of a node */
	struct ext2_buf	*ps_inode_buf, *ps_block_buf;	/* references, or NULL */
	struct area	ps_inode, ps_block;
};

static void
places_put(struct places *ps)
{
	ext2_buf_put(ps->ps_inode_buf);
	ext2_buf_put(ps->ps_block_buf);
	ps->ps_inode_buf = ps->ps_block_buf = NULL;
}

static struct ext2_xattr_entry *
entry_at(uint8_t *p)
{
	return (struct ext2_xattr_entry *)p;
}

static bool
is_last(const uint8_t *p)
{
	return *(const uint32_t *)p == 0;
}

static uint8_t *
entry_next(uint8_t *p)
{
	return p + EXT2_XATTR_LEN(entry_at(p)->e_name_len);
}

/* The first entry that is there; NULL: none. Then entry_next until is_last. */
static uint8_t *
area_begin(const struct area *ar)
{
	return ar->ar_base == NULL || ar->ar_none || is_last(ar->ar_first) ? NULL : ar->ar_first;
}

static bool
entry_is_ok(const struct ext2_volume *ev, const struct area *ar, uint8_t *p, const uint8_t *names_end)
{
	const struct ext2_xattr_entry *e = entry_at(p);
	size_t all = (size_t)(ar->ar_end - ar->ar_base);

	if (e->e_value_inum != 0)
		return ext2_has_incompat(ev, EXT2_IN_EA_INODE);
	if (e->e_value_size == 0)
		return true;
	return e->e_value_size <= all && e->e_value_offs <= all - e->e_value_size && ar->ar_base + e->e_value_offs >= names_end;
}

/* Everything in AR lies in AR. */
static bool
area_is_ok(const struct ext2_volume *ev, const struct area *ar)
{
	const uint8_t *names_end;
	uint8_t *p;

	for (p = ar->ar_first; ; p = entry_next(p)) {
		if ((size_t)(ar->ar_end - p) < LAST)
			return false;
		if (is_last(p))
			break;
		if ((size_t)(ar->ar_end - p) < sizeof(struct ext2_xattr_entry) ||
		    (size_t)(ar->ar_end - p) < EXT2_XATTR_LEN(entry_at(p)->e_name_len) + LAST)
			return false;
	}
	names_end = p + LAST;
	for (p = ar->ar_first; !is_last(p); p = entry_next(p))
		if (!entry_is_ok(ev, ar, p, names_end))
			return false;
	return true;
}

static kern_return_t
wrong(const struct ext2_node *en)
{
	return ext2_error(en->en_volume, "inode %u's attributes cannot be right", en->en_ino);
}

/* Behind the inode, where it is long enough. */
static kern_return_t
inode_area_get(struct ext2_node *en, struct places *ps)
{
	struct ext2_volume *ev = en->en_volume;
	uint32_t offset, extra;
	uint8_t *raw;
	kern_return_t kr;

	if (ev->ev_inode_size <= EXT2_RAW_MIN)
		return KERN_SUCCESS;
	kr = ext2_inode_locate(ev, en->en_ino, &ps->ps_inode_buf, &offset);
	if (kr != KERN_SUCCESS)
		return kr;
	raw = ps->ps_inode_buf->bu_data + offset;
	extra = ((struct ext2_raw *)raw)->i_extra_isize;
	if (extra == 0 || extra % 4 != 0 || EXT2_RAW_MIN + extra + sizeof(uint32_t) + LAST > ev->ev_inode_size)
		return KERN_SUCCESS;
	ps->ps_inode.ar_base = ps->ps_inode.ar_first = raw + EXT2_RAW_MIN + extra + sizeof(uint32_t);
	ps->ps_inode.ar_end = raw + ev->ev_inode_size;
	ps->ps_inode.ar_none = *(uint32_t *)(raw + EXT2_RAW_MIN + extra) != EXT2_XATTR_MAGIC;
	return ps->ps_inode.ar_none || area_is_ok(ev, &ps->ps_inode) ? KERN_SUCCESS : wrong(en);
}

static kern_return_t
block_area_get(struct ext2_node *en, struct places *ps)
{
	struct ext2_volume *ev = en->en_volume;
	const struct ext2_xattr_header *h;
	kern_return_t kr;

	if (en->en_file_acl == 0)
		return KERN_SUCCESS;
	if (!ext2_block_is_ok(ev, en->en_file_acl, 1))
		return ext2_error(ev, "inode %u's attributes are outside", en->en_ino);
	kr = ext2_buf_read(ev, en->en_file_acl, &ps->ps_block_buf);
	if (kr != KERN_SUCCESS)
		return kr;
	h = (struct ext2_xattr_header *)ps->ps_block_buf->bu_data;
	ps->ps_block = (struct area){ ps->ps_block_buf->bu_data, ps->ps_block_buf->bu_data + sizeof(*h),
		ps->ps_block_buf->bu_data + ev->ev_block_size, false };
	if (h->h_magic != EXT2_XATTR_MAGIC || h->h_refcount == 0 || h->h_blocks != 1 || !area_is_ok(ev, &ps->ps_block))
		return wrong(en);
	return KERN_SUCCESS;
}

/* places_put afterwards in any case. */
static kern_return_t
places_get(struct ext2_node *en, struct places *ps)
{
	kern_return_t kr;

	memset(ps, 0, sizeof(*ps));
	kr = inode_area_get(en, ps);
	return kr == KERN_SUCCESS ? block_area_get(en, ps) : kr;
}

/* The order of entries in a block. */
static int
name_compare(const struct pfs_xattr *xa, const struct ext2_xattr_entry *e)
{
	if (xa->xa_space != e->e_name_index)
		return xa->xa_space < e->e_name_index ? -1 : 1;
	if (xa->xa_len != e->e_name_len)
		return xa->xa_len < e->e_name_len ? -1 : 1;
	return memcmp(xa->xa_name, e->e_name, xa->xa_len);
}

static struct ext2_xattr_entry *
area_find(const struct area *ar, const struct pfs_xattr *xa)
{
	uint8_t *p = area_begin(ar);

	for (; p != NULL && !is_last(p); p = entry_next(p))
		if (name_compare(xa, entry_at(p)) == 0)
			return entry_at(p);
	return NULL;
}

/* ---- Reading ---- */

/* ext4 may keep a long value in an inode of its own. */
static kern_return_t
inode_value_read(struct ext2_volume *ev, const struct ext2_xattr_entry *e, uint8_t *value)
{
	struct ext2_node *en;
	struct ext2_buf *bu;
	uint64_t block;
	uint32_t at, n, count;
	kern_return_t kr = ext2_node_get(ev, e->e_value_inum, &en);

	if (kr != KERN_SUCCESS)
		return kr;
	if (!(en->en_flags & FL_EA_INODE) || en->en_node.pn_attr.at_size != e->e_value_size)
		kr = wrong(en);
	for (at = 0; kr == KERN_SUCCESS && at < e->e_value_size; at += n) {
		n = e->e_value_size - at < ev->ev_block_size ? e->e_value_size - at : ev->ev_block_size;
		kr = ext2_map(en, at >> ev->ev_block_shift, 1, &block, &count);
		if (kr == KERN_SUCCESS && block == 0)
			kr = wrong(en);
		if (kr == KERN_SUCCESS)
			kr = ext2_buf_read(ev, block, &bu);
		if (kr == KERN_SUCCESS) {
			memcpy(value + at, bu->bu_data, n);
			ext2_buf_put(bu);
		}
	}
	pfs_node_release(&en->en_node);
	return kr;
}

static bool
is_hidden(const struct ext2_volume *ev, unsigned int space)
{
	return space == PFS_XATTR_USER && ev->ev_no_user_xattr;
}

static kern_return_t
value_get(struct ext2_node *en, const struct places *ps, const struct pfs_xattr *xa, void *value, size_t *size)
{
	const struct area *ar = &ps->ps_inode;
	const struct ext2_xattr_entry *e = area_find(ar, xa);

	if (e == NULL) {
		ar = &ps->ps_block;
		e = area_find(ar, xa);
	}
	if (e == NULL)
		return MX_ENODATA;
	if (e->e_value_size > MX_DATA_MAX)
		return MX_E2BIG;
	*size = e->e_value_size;
	if (e->e_value_inum != 0)
		return inode_value_read(en->en_volume, e, value);
	memcpy(value, ar->ar_base + e->e_value_offs, e->e_value_size);
	return KERN_SUCCESS;
}

kern_return_t
ext2_getxattr(struct pfs_node *node, const struct pfs_xattr *xa, void *value, size_t *size)
{
	struct ext2_node *en = ext2_node_of(node);
	struct places ps;
	kern_return_t kr;

	if (is_hidden(en->en_volume, xa->xa_space))
		return MX_EOPNOTSUPP;
	ext2_lock(en->en_volume);
	kr = places_get(en, &ps);
	if (kr == KERN_SUCCESS)
		kr = value_get(en, &ps, xa, value, size);
	places_put(&ps);
	ext2_unlock(en->en_volume);
	return kr;
}

static void
area_list(const struct ext2_volume *ev, const struct area *ar, struct pfs_xattrs *out)
{
	uint8_t *p = area_begin(ar);

	for (; p != NULL && !is_last(p); p = entry_next(p)) {
		const struct ext2_xattr_entry *e = entry_at(p);

		if (!is_hidden(ev, e->e_name_index))
			pfs_xattrs_add(out, &(struct pfs_xattr){ e->e_name_index, e->e_name, e->e_name_len });
	}
}

kern_return_t
ext2_listxattr(struct pfs_node *node, struct pfs_xattrs *out)
{
	struct ext2_node *en = ext2_node_of(node);
	struct places ps;
	kern_return_t kr;

	ext2_lock(en->en_volume);
	kr = places_get(en, &ps);
	if (kr == KERN_SUCCESS) {
		area_list(en->en_volume, &ps.ps_inode, out);
		area_list(en->en_volume, &ps.ps_block, out);
	}
	places_put(&ps);
	ext2_unlock(en->en_volume);
	return kr;
}

/* ---- Laying out ---- */

struct layout {
	uint8_t		*la_base;	/* zeros to begin with */
	uint8_t		*la_entry;	/* where the next entry goes */
	uint8_t		*la_values;	/* the values so far begin here */
	bool		la_in_block;
};

struct change {
	const struct pfs_xattr *ch_name;
	const uint8_t	*ch_value;	/* NULL: it goes */
	size_t		ch_size;
};

static uint32_t
entry_hash(const struct ext2_xattr_entry *e, const uint8_t *base)
{
	const uint32_t *words = (const uint32_t *)(base + e->e_value_offs);
	uint32_t hash = 0, i;

	for (i = 0; i < e->e_name_len; i++)
		hash = hash << 5 ^ hash >> 27 ^ (uint8_t)e->e_name[i];
	for (i = 0; i < EXT2_XATTR_ROUND(e->e_value_size) / 4; i++)
		hash = hash << 16 ^ hash >> 16 ^ words[i];
	return hash;
}

/* False: there is no room. */
static bool
layout_add(struct layout *la, const struct pfs_xattr *xa, const uint8_t *value, size_t size)
{
	struct ext2_xattr_entry *e = entry_at(la->la_entry);
	size_t room = (size_t)(la->la_values - la->la_entry), len = EXT2_XATTR_LEN(xa->xa_len);

	if (size > room || len + LAST + EXT2_XATTR_ROUND(size) > room)
		return false;
	la->la_entry += len;
	la->la_values -= EXT2_XATTR_ROUND(size);
	e->e_name_len = (uint8_t)xa->xa_len;
	e->e_name_index = (uint8_t)xa->xa_space;
	e->e_value_size = (uint32_t)size;
	memcpy(e->e_name, xa->xa_name, xa->xa_len);
	if (size > 0) {
		e->e_value_offs = (uint16_t)(la->la_values - la->la_base);
		memcpy(la->la_values, value, size);
	}
	if (la->la_in_block)
		e->e_hash = entry_hash(e, la->la_base);
	return true;
}

/* What FROM has, with the change; a new one goes where it belongs in a block, else to the end. False: there is no room. */
static bool
layout_fill(struct layout *la, const struct area *from, const struct change *ch)
{
	bool done = ch->ch_value == NULL, is_ok = true;
	uint8_t *p = area_begin(from);

	for (; is_ok && p != NULL && !is_last(p); p = entry_next(p)) {
		const struct ext2_xattr_entry *e = entry_at(p);
		int order = name_compare(ch->ch_name, e);

		if (!done && (order == 0 || (order < 0 && la->la_in_block))) {
			is_ok = layout_add(la, ch->ch_name, ch->ch_value, ch->ch_size);
			done = true;
		}
		if (is_ok && order != 0)
			is_ok = layout_add(la, &(struct pfs_xattr){ e->e_name_index, e->e_name, e->e_name_len },
				from->ar_base + e->e_value_offs, e->e_value_size);
	}
	return is_ok && (done || layout_add(la, ch->ch_name, ch->ch_value, ch->ch_size));
}

/* ---- The block ---- */

static void
hash_set(struct ext2_xattr_header *h)
{
	uint8_t *p;
	uint32_t hash = 0;

	for (p = (uint8_t *)(h + 1); !is_last(p); p = entry_next(p)) {
		if (entry_at(p)->e_hash == 0) {
			hash = 0;		/* it is not shared */
			break;
		}
		hash = hash << 16 ^ hash >> 16 ^ entry_at(p)->e_hash;
	}
	h->h_hash = hash;
}

static void
recent_note(struct ext2_volume *ev, uint32_t hash, uint64_t block)
{
	struct ext2_xattr_recent *re = &ev->ev_xattr_recent[ev->ev_xattr_next++ % EXT2_XATTR_RECENT];

	re->re_hash = hash;
	re->re_block = block;
}

static void
recent_forget(struct ext2_volume *ev, uint64_t block)
{
	uint32_t i;

	for (i = 0; i < EXT2_XATTR_RECENT; i++)
		if (ev->ev_xattr_recent[i].re_block == block)
			ev->ev_xattr_recent[i].re_block = 0;
}

/* A block with the contents of NEW that one more may use: *OUT a reference, or NULL. */
static kern_return_t
same_find(struct ext2_volume *ev, const struct ext2_xattr_header *new, struct ext2_buf **out)
{
	const struct ext2_xattr_header *h;
	uint32_t i;
	kern_return_t kr;

	*out = NULL;
	for (i = 0; i < EXT2_XATTR_RECENT && new->h_hash != 0; i++) {
		const struct ext2_xattr_recent *re = &ev->ev_xattr_recent[i];

		if (re->re_block == 0 || re->re_hash != new->h_hash)
			continue;
		kr = ext2_buf_read(ev, re->re_block, out);
		if (kr != KERN_SUCCESS)
			return kr;
		h = (struct ext2_xattr_header *)(*out)->bu_data;
		if (h->h_magic == EXT2_XATTR_MAGIC && h->h_refcount > 0 && h->h_refcount < SHARE_MAX && h->h_hash == new->h_hash &&
		    memcmp(h + 1, new + 1, ev->ev_block_size - sizeof(*h)) == 0)
			return KERN_SUCCESS;
		ext2_buf_put(*out);
		*out = NULL;
	}
	return KERN_SUCCESS;
}

static kern_return_t
block_new(struct ext2_node *en, struct ext2_buf **out)
{
	struct ext2_volume *ev = en->en_volume;
	uint64_t goal = ev->ev_groups[(en->en_ino - 1) / ev->ev_inodes_per_group].eg_inode_table, block;
	uint32_t count = 1;
	kern_return_t kr;

	if (!ext2_has_space(ev, en->en_node.pn_attr.at_uid))
		return MX_ENOSPC;
	kr = ext2_blocks_alloc(ev, goal, &count, &block);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = ext2_buf_make(ev, block, out);
	if (kr != KERN_SUCCESS)
		(void)ext2_blocks_free(ev, block, 1, true);
	return kr;
}

/* EN's block of attributes is BU from now on, not the one that it had. */
static kern_return_t
block_set(struct ext2_node *en, struct ext2_buf *bu)
{
	kern_return_t kr = ext2_xattr_release(en);

	en->en_file_acl = bu->bu_block;
	ext2_node_blocks_set(en, 1);
	recent_note(en->en_volume, ((struct ext2_xattr_header *)bu->bu_data)->h_hash, bu->bu_block);
	return kr;
}

/* EN's block, in OLD (NULL: it has none), is to have the contents of NEW, whose header is not filled in yet. */
static kern_return_t
block_replace(struct ext2_node *en, struct ext2_buf *old, struct ext2_xattr_header *new)
{
	struct ext2_volume *ev = en->en_volume;
	struct ext2_xattr_header *h;
	struct ext2_buf *bu;
	kern_return_t kr;

	if (is_last((uint8_t *)(new + 1)))
		return ext2_xattr_release(en);
	*new = (struct ext2_xattr_header){ .h_magic = EXT2_XATTR_MAGIC, .h_refcount = 1, .h_blocks = 1 };
	hash_set(new);
	kr = same_find(ev, new, &bu);
	if (kr != KERN_SUCCESS)
		return kr;
	if (bu != NULL) {
		if (bu != old) {
			h = (struct ext2_xattr_header *)bu->bu_data;
			h->h_refcount++;
			kr = block_set(en, bu);
		}
	} else if (old != NULL && ((struct ext2_xattr_header *)old->bu_data)->h_refcount == 1) {
		(void)ext2_buf_read(ev, old->bu_block, &bu);	/* it is there: one more reference */
		memcpy(bu->bu_data, new, ev->ev_block_size);
		recent_forget(ev, bu->bu_block);
		recent_note(ev, new->h_hash, bu->bu_block);
	} else {
		kr = block_new(en, &bu);
		if (kr != KERN_SUCCESS)
			return kr;
		memcpy(bu->bu_data, new, ev->ev_block_size);
		kr = block_set(en, bu);
	}
	ext2_buf_dirty(ev, bu, EXT2_BUF_MAP);
	ext2_buf_put(bu);
	return kr;
}

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
		return wrong(en);
	}
	if (h->h_refcount > 1) {
		h->h_refcount--;
		ext2_buf_dirty(ev, bu, EXT2_BUF_MAP);
		ext2_buf_put(bu);
		return KERN_SUCCESS;
	}
	ext2_buf_put(bu);
	recent_forget(ev, block);
	return ext2_blocks_free(ev, block, 1, true);
}

/* ---- Changing ---- */

static kern_return_t
block_change(struct ext2_node *en, struct places *ps, const struct change *ch, uint8_t *scratch)
{
	struct ext2_volume *ev = en->en_volume;
	struct layout la = { scratch, scratch + sizeof(struct ext2_xattr_header), scratch + ev->ev_block_size, true };

	memset(scratch, 0, ev->ev_block_size);
	if (!layout_fill(&la, &ps->ps_block, ch))
		return ch->ch_value != NULL ? MX_ENOSPC : wrong(en);
	return block_replace(en, ps->ps_block_buf, (struct ext2_xattr_header *)scratch);
}

/* What is to be behind the inode is in SCRATCH. False: there is no room. */
static bool
inode_layout(const struct places *ps, const struct change *ch, uint8_t *scratch)
{
	size_t size = (size_t)(ps->ps_inode.ar_end - ps->ps_inode.ar_base);
	struct layout la = { scratch, scratch, scratch + size, false };

	memset(scratch, 0, size);
	return ps->ps_inode.ar_base != NULL && layout_fill(&la, &ps->ps_inode, ch);
}

static void
inode_store(struct ext2_node *en, struct places *ps, const uint8_t *scratch)
{
	memcpy(ps->ps_inode.ar_base, scratch, (size_t)(ps->ps_inode.ar_end - ps->ps_inode.ar_base));
	*(uint32_t *)(ps->ps_inode.ar_base - sizeof(uint32_t)) = is_last(scratch) ? 0 : EXT2_XATTR_MAGIC;
	ext2_buf_dirty(en->en_volume, ps->ps_inode_buf, EXT2_BUF_INODE);
}

/* The volume has attributes from now on. */
static void
feature_set(struct ext2_volume *ev)
{
	if (ext2_has_compat(ev, EXT2_COMPAT_EXT_ATTR))
		return;
	ev->ev_super->s_feature_compat |= EXT2_COMPAT_EXT_ATTR;
	ext2_super_changed(ev);
}

/* SCRATCH: two blocks. The block comes first: only that can fail. */
static kern_return_t
places_change(struct ext2_node *en, struct places *ps, const struct change *ch, uint32_t how, uint8_t *scratch)
{
	uint8_t *for_inode = scratch + en->en_volume->ev_block_size;
	const struct change gone = { ch->ch_name, NULL, 0 };
	bool was_inode = area_find(&ps->ps_inode, ch->ch_name) != NULL, was_block = area_find(&ps->ps_block, ch->ch_name) != NULL;
	bool to_inode, to_block;
	kern_return_t kr = pfs_xattr_how(how, was_inode || was_block);

	if (kr != KERN_SUCCESS)
		return kr;
	to_inode = ch->ch_value != NULL && inode_layout(ps, ch, for_inode);
	to_block = ch->ch_value != NULL && !to_inode;
	if (was_inode && !to_inode && !inode_layout(ps, &gone, for_inode))
		return wrong(en);
	if (was_block || to_block)
		kr = block_change(en, ps, to_block ? ch : &gone, scratch);
	if (kr != KERN_SUCCESS)
		return kr;
	if (was_inode || to_inode)
		inode_store(en, ps, for_inode);
	feature_set(en->en_volume);
	ext2_node_changed(en);
	return KERN_SUCCESS;
}

static kern_return_t
node_change(struct ext2_node *en, const struct change *ch, uint32_t how, uint8_t *scratch)
{
	struct ext2_volume *ev = en->en_volume;
	struct places ps;
	bool tried = false, again;
	kern_return_t kr;

	do {
		kr = ext2_begin(ev, CREDITS);
		if (kr != KERN_SUCCESS)
			return kr;
		kr = places_get(en, &ps);
		if (kr == KERN_SUCCESS)
			kr = places_change(en, &ps, ch, how, scratch);
		places_put(&ps);
		again = ext2_space_was_made(ev, kr, &tried);
		ext2_end(ev);
	} while (again);
	return kr;
}

kern_return_t
ext2_setxattr(struct pfs_node *node, const struct pfs_xattr *xa, const void *value, size_t size, uint32_t how)
{
	struct ext2_node *en = ext2_node_of(node);
	struct ext2_volume *ev = en->en_volume;
	const struct change ch = { xa, how & MX_XATTR_REMOVE ? NULL : value, size };
	uint8_t *scratch;
	kern_return_t kr;

	if (is_hidden(ev, xa->xa_space) || ev->ev_super->s_rev_level == 0)
		return MX_EOPNOTSUPP;
	scratch = malloc(2 * ev->ev_block_size);
	if (scratch == NULL)
		return MX_ENOMEM;
	kr = node_change(en, &ch, how, scratch);
	free(scratch);
	return kr;
}
