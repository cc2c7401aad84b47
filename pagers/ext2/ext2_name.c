/*
 * ext2_name.c - making, linking, removing and renaming.
 *
 * Each operation first finds and checks everything, then changes; what may still fail after that (no space for a name) comes
 * before what cannot be undone. All of it is one transaction.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "ext2.h"

#define CREDITS		40u
#define LINK_MAX	32000u

#define NOREPLACE	1u
#define EXCHANGE	2u

static void
place_put(struct ext2_place *pl)
{
	ext2_buf_put(pl->pl_buf);
	*pl = (struct ext2_place){ NULL, NULL, NULL };
}

static void
links_add(struct ext2_node *en, int by)
{
	en->en_node.pn_attr.at_nlink = (uint32_t)((int)en->en_node.pn_attr.at_nlink + by);
	ext2_node_changed(en);
	pfs_node_changed(&en->en_node);
}

/* A name of EN went. */
static void
node_unnamed(struct ext2_node *en)
{
	uint32_t nlink = en->en_node.pn_attr.at_nlink;

	links_add(en, pfs_node_is_dir(&en->en_node) ? -(int)nlink : -(int)(nlink > 0));
	pfs_node_touch(&en->en_node, PFS_CTIME);
	if (en->en_node.pn_attr.at_nlink == 0)
		ext2_orphan_add(en);
}

bool
ext2_space_was_made(struct ext2_volume *ev, kern_return_t kr, bool *tried)
{
	if (kr != MX_ENOSPC || *tried || (ev->ev_idle == NULL && !ev->ev_has_freed))
		return false;
	*tried = true;
	ext2_nodes_rest(ev);
	return ext2_commit(ev) == KERN_SUCCESS;
}

/* ---- Looking up ---- */

/* A directory has one parent: a damaged volume does not lead round in circles. */
static kern_return_t
parent_check(struct ext2_node *en, const struct ext2_node *dir)
{
	struct ext2_place pl = { NULL, NULL, NULL };
	uint32_t parent;
	kern_return_t kr;

	if (!pfs_node_is_dir(&en->en_node) || (en->en_flags & EXT2_FL_INLINE_DATA))
		return KERN_SUCCESS;
	kr = ext2_dir_dotdot(en, &pl);
	if (kr != KERN_SUCCESS)
		return kr;
	parent = pl.pl_entry->de_inode;
	place_put(&pl);
	if (parent != dir->en_ino || en->en_ino == EXT2_ROOT_INO || en == dir)
		return ext2_error(en->en_volume, "directory %u is in %u, but has %u as its parent", en->en_ino, dir->en_ino, parent);
	return KERN_SUCCESS;
}

/* The node behind PL, an entry of DIR. */
static kern_return_t
place_node(struct ext2_node *dir, const struct ext2_place *pl, struct ext2_node **out)
{
	return ext2_node_get(dir->en_volume, pl->pl_entry->de_inode, out);
}

kern_return_t
ext2_lookup(struct pfs_node *dir, const char *name, size_t len, int32_t who, struct pfs_node **out)
{
	struct ext2_node *ed = ext2_node_of(dir), *en = NULL;
	struct ext2_place pl;
	kern_return_t kr;

	(void)who;
	ext2_lock(ed->en_volume);
	kr = ext2_dir_find(ed, name, len, &pl);
	if (kr == KERN_SUCCESS) {
		kr = place_node(ed, &pl, &en);
		place_put(&pl);
	}
	if (kr == KERN_SUCCESS)
		kr = parent_check(en, ed);
	ext2_unlock(ed->en_volume);
	if (kr != KERN_SUCCESS && en != NULL)
		pfs_node_release(&en->en_node);
	if (kr == KERN_SUCCESS)
		*out = &en->en_node;
	return kr;
}

kern_return_t
ext2_readlink(struct pfs_node *node, int32_t who, char *buf, size_t size, size_t *len)
{
	struct ext2_node *en = ext2_node_of(node);
	struct ext2_volume *ev = en->en_volume;
	size_t n = (size_t)node->pn_attr.at_size;
	uint64_t block;
	uint32_t count;
	struct ext2_buf *bu;
	kern_return_t kr = KERN_SUCCESS;

	(void)who;
	*len = n < size ? n : size;
	ext2_lock(ev);
	if (ext2_is_fast_link(en) || (en->en_flags & EXT2_FL_INLINE_DATA)) {
		if (*len > sizeof(en->en_block))
			*len = sizeof(en->en_block);
		memcpy(buf, en->en_block, *len);
	} else {
		kr = ext2_map(en, 0, 1, &block, &count);
		if (kr == KERN_SUCCESS && (block == 0 || n > ev->ev_block_size))
			kr = ext2_error(ev, "symbolic link %u has no contents", en->en_ino);
		if (kr == KERN_SUCCESS)
			kr = ext2_buf_read(ev, block, &bu);
		if (kr == KERN_SUCCESS) {
			memcpy(buf, bu->bu_data, *len);
			ext2_buf_put(bu);
		}
	}
	ext2_unlock(ev);
	return kr;
}

/* ---- Making ---- */

static kern_return_t
link_fill(struct ext2_node *en, const struct pfs_new *what)
{
	struct ext2_volume *ev = en->en_volume;
	struct ext2_buf *bu;
	uint64_t block;
	uint32_t count;
	kern_return_t kr;

	if (what->nw_target_len < sizeof(en->en_block)) {
		memcpy(en->en_block, what->nw_target, what->nw_target_len);
	} else {
		kr = ext2_map_alloc(en, 0, 1, &block, &count);
		if (kr == KERN_SUCCESS)
			kr = ext2_buf_make(ev, block, &bu);
		if (kr != KERN_SUCCESS)
			return kr;
		memcpy(bu->bu_data, what->nw_target, what->nw_target_len);
		ext2_buf_dirty(ev, bu, EXT2_BUF_MAP);
		ext2_buf_put(bu);
	}
	en->en_node.pn_attr.at_size = what->nw_target_len;
	return KERN_SUCCESS;
}

bool
ext2_has_space(const struct ext2_volume *ev, uint32_t uid)
{
	uint64_t kept = ev->ev_delayed + (uid != 0 && uid != ev->ev_super->s_def_resuid ? ev->ev_reserved_blocks : 0);

	return ev->ev_free_blocks > kept + 2;
}

/* The new node and its name. */
static kern_return_t
node_create(struct ext2_node *dir, const char *name, size_t len, const struct pfs_new *what, struct ext2_node **out)
{
	bool is_dir = (what->nw_mode & MX_S_IFMT) == MX_S_IFDIR;
	struct ext2_node *en;
	kern_return_t kr;

	*out = NULL;
	if ((is_dir || what->nw_target_len >= sizeof(en->en_block)) && !ext2_has_space(dir->en_volume, what->nw_uid))
		return MX_ENOSPC;
	kr = ext2_node_make(dir, what, &en);
	if (kr != KERN_SUCCESS)
		return kr;
	*out = en;
	if (is_dir)
		kr = ext2_dir_init(en, dir->en_ino);
	else if ((what->nw_mode & MX_S_IFMT) == MX_S_IFLNK)
		kr = link_fill(en, what);
	if (kr == KERN_SUCCESS)
		kr = ext2_dir_add(dir, name, len, en->en_ino, what->nw_mode);
	if (kr != KERN_SUCCESS) {
		node_unnamed(en);
		return kr;
	}
	if (is_dir)
		links_add(dir, 1);
	return KERN_SUCCESS;
}

static kern_return_t
create_check(struct ext2_node *dir, const char *name, size_t len, const struct pfs_new *what)
{
	struct ext2_place pl;
	kern_return_t kr;

	if (dir->en_node.pn_attr.at_nlink == 0)
		return MX_ENOENT;
	if ((what->nw_mode & MX_S_IFMT) == MX_S_IFDIR && dir->en_node.pn_attr.at_nlink >= LINK_MAX)
		return MX_EMLINK;
	if (what->nw_target_len >= dir->en_volume->ev_block_size)
		return MX_ENAMETOOLONG;
	if (what->nw_rdev_major > 0xfff || what->nw_rdev_minor > 0xfffff)
		return MX_EINVAL;
	kr = ext2_dir_find(dir, name, len, &pl);
	if (kr != KERN_SUCCESS)
		return kr == MX_ENOENT ? KERN_SUCCESS : kr;
	place_put(&pl);
	return MX_EEXIST;
}

kern_return_t
ext2_create(struct pfs_node *dir, const char *name, size_t len, const struct pfs_new *what, struct pfs_node **out)
{
	struct ext2_node *ed = ext2_node_of(dir), *en = NULL;
	struct ext2_volume *ev = ed->en_volume;
	bool tried = false;
	kern_return_t kr;

	do {
		if (en != NULL)
			pfs_node_release(&en->en_node);
		en = NULL;
		kr = ext2_begin(ev, CREDITS);
		if (kr != KERN_SUCCESS)
			return kr;
		kr = create_check(ed, name, len, what);
		if (kr == KERN_SUCCESS)
			kr = node_create(ed, name, len, what, &en);
		if (!ext2_space_was_made(ev, kr, &tried)) {
			ext2_end(ev);
			break;
		}
		ext2_end(ev);
	} while (true);
	if (kr == KERN_SUCCESS)
		*out = &en->en_node;
	else if (en != NULL)
		pfs_node_release(&en->en_node);
	return kr;
}

kern_return_t
ext2_link(struct pfs_node *dir, const char *name, size_t len, struct pfs_node *node)
{
	struct ext2_node *ed = ext2_node_of(dir), *en = ext2_node_of(node);
	struct ext2_volume *ev = ed->en_volume;
	const struct pfs_new what = { .nw_mode = node->pn_attr.at_mode };
	kern_return_t kr = ext2_begin(ev, CREDITS);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = create_check(ed, name, len, &what);
	if (kr == KERN_SUCCESS && node->pn_attr.at_nlink >= LINK_MAX)
		kr = MX_EMLINK;
	if (kr == KERN_SUCCESS && node->pn_attr.at_nlink == 0)
		kr = MX_ENOENT;
	if (kr == KERN_SUCCESS)
		kr = ext2_dir_add(ed, name, len, en->en_ino, node->pn_attr.at_mode);
	if (kr == KERN_SUCCESS)
		links_add(en, 1);
	ext2_end(ev);
	return kr;
}

/* ---- Removing ---- */

/* May EN be removed as what RMDIR says it is? */
static kern_return_t
remove_check(struct ext2_node *en, bool rmdir)
{
	bool is_dir = pfs_node_is_dir(&en->en_node), empty = true;
	kern_return_t kr;

	if (rmdir && !is_dir)
		return MX_ENOTDIR;
	if (!rmdir && is_dir)
		return MX_EISDIR;
	kr = is_dir ? ext2_dir_is_empty(en, &empty) : KERN_SUCCESS;
	return kr == KERN_SUCCESS && !empty ? MX_ENOTEMPTY : kr;
}

kern_return_t
ext2_unlink(struct pfs_node *dir, const char *name, size_t len, bool rmdir)
{
	struct ext2_node *ed = ext2_node_of(dir), *en = NULL;
	struct ext2_volume *ev = ed->en_volume;
	struct ext2_place pl;
	kern_return_t kr = ext2_begin(ev, CREDITS);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = ext2_dir_find(ed, name, len, &pl);
	if (kr == KERN_SUCCESS)
		kr = place_node(ed, &pl, &en);
	if (kr == KERN_SUCCESS && en == ed)
		kr = MX_EIO;
	if (kr == KERN_SUCCESS)
		kr = remove_check(en, rmdir);
	if (kr == KERN_SUCCESS) {
		ext2_dir_remove(ed, &pl);
		if (rmdir)
			links_add(ed, -(int)(dir->pn_attr.at_nlink > 2));
		node_unnamed(en);
	}
	place_put(&pl);
	ext2_end(ev);
	if (en != NULL)
		pfs_node_release(&en->en_node);
	return kr;
}

/* ---- Renaming ---- */

struct renaming {
	struct ext2_node *rn_dir1, *rn_dir2;
	const char	*rn_name1, *rn_name2;
	size_t		rn_len1, rn_len2;
	uint32_t	rn_flags;
	struct ext2_place rn_place1, rn_place2;		/* the second: when there is one */
	struct ext2_node *rn_node1, *rn_node2;
	struct ext2_place rn_dotdot1, rn_dotdot2;	/* of directories that get another parent */
};

static bool
moves_dir(const struct renaming *rn, const struct ext2_node *en)
{
	return rn->rn_dir1 != rn->rn_dir2 && pfs_node_is_dir(&en->en_node);
}

/* Find everything. */
static kern_return_t
rename_find(struct renaming *rn)
{
	kern_return_t kr = ext2_dir_find(rn->rn_dir1, rn->rn_name1, rn->rn_len1, &rn->rn_place1);

	if (kr == KERN_SUCCESS)
		kr = place_node(rn->rn_dir1, &rn->rn_place1, &rn->rn_node1);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = ext2_dir_find(rn->rn_dir2, rn->rn_name2, rn->rn_len2, &rn->rn_place2);
	if (kr == KERN_SUCCESS)
		kr = place_node(rn->rn_dir2, &rn->rn_place2, &rn->rn_node2);
	else if (kr == MX_ENOENT)
		kr = KERN_SUCCESS;
	if (kr == KERN_SUCCESS && moves_dir(rn, rn->rn_node1))
		kr = ext2_dir_dotdot(rn->rn_node1, &rn->rn_dotdot1);
	if (kr == KERN_SUCCESS && (rn->rn_flags & EXCHANGE) && rn->rn_node2 != NULL && moves_dir(rn, rn->rn_node2))
		kr = ext2_dir_dotdot(rn->rn_node2, &rn->rn_dotdot2);
	return kr;
}

static kern_return_t
rename_check(struct renaming *rn)
{
	struct ext2_node *en1 = rn->rn_node1, *en2 = rn->rn_node2;

	if (en1 == rn->rn_dir1 || en1 == rn->rn_dir2 || (en2 != NULL && (en2 == rn->rn_dir1 || en2 == rn->rn_dir2)))
		return en2 != NULL && en2 == rn->rn_dir1 ? MX_ENOTEMPTY : MX_EINVAL;
	if (rn->rn_flags & EXCHANGE)
		return en2 == NULL ? MX_ENOENT : KERN_SUCCESS;
	if (rn->rn_dir2->en_node.pn_attr.at_nlink == 0)
		return MX_ENOENT;
	if (moves_dir(rn, en1) && en2 == NULL && rn->rn_dir2->en_node.pn_attr.at_nlink >= LINK_MAX)
		return MX_EMLINK;
	if (en2 == NULL)
		return KERN_SUCCESS;
	if (rn->rn_flags & NOREPLACE)
		return MX_EEXIST;
	if (en1 == en2)
		return KERN_SUCCESS;
	if (pfs_node_is_dir(&en1->en_node) && !pfs_node_is_dir(&en2->en_node))
		return MX_ENOTDIR;
	return remove_check(en2, pfs_node_is_dir(&en1->en_node));
}

/* EN is DIR's now; DOTDOT says whose it was. */
static void
parent_set(struct ext2_node *en, struct ext2_place *dotdot, struct ext2_node *from, struct ext2_node *dir)
{
	if (dotdot->pl_buf == NULL)
		return;
	ext2_dir_set(en, dotdot, dir->en_ino, MX_S_IFDIR);
	links_add(from, -1);
	links_add(dir, 1);
}

static void
rename_exchange(struct renaming *rn)
{
	ext2_dir_set(rn->rn_dir1, &rn->rn_place1, rn->rn_node2->en_ino, rn->rn_node2->en_node.pn_attr.at_mode);
	ext2_dir_set(rn->rn_dir2, &rn->rn_place2, rn->rn_node1->en_ino, rn->rn_node1->en_node.pn_attr.at_mode);
	parent_set(rn->rn_node1, &rn->rn_dotdot1, rn->rn_dir1, rn->rn_dir2);
	parent_set(rn->rn_node2, &rn->rn_dotdot2, rn->rn_dir2, rn->rn_dir1);
	pfs_node_touch(&rn->rn_node2->en_node, PFS_CTIME);
}

/* The second name is another file's, which loses it. */
static void
rename_over(struct renaming *rn)
{
	struct ext2_node *en1 = rn->rn_node1, *en2 = rn->rn_node2;

	ext2_dir_set(rn->rn_dir2, &rn->rn_place2, en1->en_ino, en1->en_node.pn_attr.at_mode);
	ext2_dir_remove(rn->rn_dir1, &rn->rn_place1);
	if (pfs_node_is_dir(&en2->en_node))
		links_add(rn->rn_dir2, -1);
	node_unnamed(en2);
}

/* The second name is new. */
static kern_return_t
rename_new(struct renaming *rn)
{
	struct ext2_node *en = rn->rn_node1;
	kern_return_t kr;

	place_put(&rn->rn_place1);		/* a block of the directory may be split */
	kr = ext2_dir_add(rn->rn_dir2, rn->rn_name2, rn->rn_len2, en->en_ino, en->en_node.pn_attr.at_mode);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = ext2_dir_find(rn->rn_dir1, rn->rn_name1, rn->rn_len1, &rn->rn_place1);
	if (kr == KERN_SUCCESS)
		ext2_dir_remove(rn->rn_dir1, &rn->rn_place1);
	return kr;
}

static kern_return_t
rename_do(struct renaming *rn)
{
	kern_return_t kr = rename_find(rn);

	if (kr == KERN_SUCCESS)
		kr = rename_check(rn);
	if (kr != KERN_SUCCESS || rn->rn_node1 == rn->rn_node2)
		return kr;
	if (rn->rn_flags & EXCHANGE) {
		rename_exchange(rn);
	} else {
		if (rn->rn_node2 != NULL)
			rename_over(rn);
		else
			kr = rename_new(rn);
		if (kr == KERN_SUCCESS)
			parent_set(rn->rn_node1, &rn->rn_dotdot1, rn->rn_dir1, rn->rn_dir2);
	}
	if (kr == KERN_SUCCESS) {
		pfs_node_touch(&rn->rn_node1->en_node, PFS_CTIME);
		ext2_node_changed(rn->rn_node1);
	}
	return kr;
}

kern_return_t
ext2_rename(struct pfs_node *dir1, const char *name1, size_t len1, struct pfs_node *dir2, const char *name2, size_t len2,
	uint32_t flags)
{
	struct ext2_volume *ev = ext2_volume_of(dir1);
	struct renaming rn = {
		.rn_dir1 = ext2_node_of(dir1), .rn_dir2 = ext2_node_of(dir2), .rn_name1 = name1, .rn_name2 = name2,
		.rn_len1 = len1, .rn_len2 = len2, .rn_flags = flags,
	};
	kern_return_t kr = ext2_begin(ev, CREDITS);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = rename_do(&rn);
	place_put(&rn.rn_place1);
	place_put(&rn.rn_place2);
	place_put(&rn.rn_dotdot1);
	place_put(&rn.rn_dotdot2);
	ext2_end(ev);
	if (rn.rn_node1 != NULL)
		pfs_node_release(&rn.rn_node1->en_node);
	if (rn.rn_node2 != NULL)
		pfs_node_release(&rn.rn_node2->en_node);
	return kr;
}
