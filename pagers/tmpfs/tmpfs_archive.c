/*
 * tmpfs_archive.c - a tree from a cpio archive in memory.
 *
 * Format: cpio "newc": a header of 110 bytes (magic "070701", then thirteen numbers of eight hexadecimal digits), the name with
 * its NUL, padding, the data, padding to 4 bytes. The archives of MASIX place each regular file's data on a page boundary
 * (tools/mkbootfs); others are taken as well, but their data are copied. Source: cpio(5).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "tmpfs.h"

#define HEADER	110u
#define TRAILER	"TRAILER!!!"
#define LINKS_MAX	8u	/* symbolic links to directories, one behind the other */

enum { F_INO, F_MODE, F_UID, F_GID, F_NLINK, F_MTIME, F_FILESIZE, F_DEVMAJOR, F_DEVMINOR, F_RDEVMAJOR, F_RDEVMINOR,
	F_NAMESIZE, F_CHECK, FIELDS };

struct member {
	uint32_t	me_field[FIELDS];
	const char	*me_name;	/* without leading "./" and "/" */
	size_t		me_len;
	const uint8_t	*me_data;
};

struct unpack {
	const uint8_t	*un_base, *un_end, *un_at;
	struct tmpfs_node *un_root;
	bool		un_move;
	/* hard links: the node of an inode number whose other names are still to come */
	struct link { uint32_t ln_ino, ln_dev; struct tmpfs_node *ln_node; } *un_links;
	size_t		un_nlinks;
};

/* ---- Reading ---- */

static bool
number_read(const uint8_t *p, uint32_t *out)
{
	unsigned int i, c;

	*out = 0;
	for (i = 0; i < 8; i++) {
		c = p[i];
		if (c >= '0' && c <= '9')
			c -= '0';
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			c = (c | 32) - 'a' + 10;
		else
			return false;
		*out = *out << 4 | c;
	}
	return true;
}

static void
name_strip(struct member *me)
{
	for (;;) {
		if (me->me_len > 0 && me->me_name[0] == '/') {
			me->me_name++;
			me->me_len--;
		} else if (me->me_len > 1 && me->me_name[0] == '.' && me->me_name[1] == '/') {
			me->me_name += 2;
			me->me_len -= 2;
		} else {
			break;
		}
	}
	while (me->me_len > 0 && me->me_name[me->me_len - 1] == '/')
		me->me_len--;
	if (me->me_len == 1 && me->me_name[0] == '.')
		me->me_len = 0;
}

/* The member at un_at; un_at goes on to the next. Errors: MX_EINVAL; MX_ENOENT the end */
static kern_return_t
member_read(struct unpack *un, struct member *me)
{
	size_t left = (size_t)(un->un_end - un->un_at), n;
	unsigned int i;

	if (left < HEADER || memcmp(un->un_at, "07070", 5) != 0 || (un->un_at[5] != '1' && un->un_at[5] != '2'))
		return MX_EINVAL;
	for (i = 0; i < FIELDS; i++)
		if (!number_read(un->un_at + 6 + 8 * i, &me->me_field[i]))
			return MX_EINVAL;
	n = me->me_field[F_NAMESIZE];
	if (n == 0 || n > MX_PATH_MAX * 2 || left - HEADER < n)
		return MX_EINVAL;
	me->me_name = (const char *)un->un_at + HEADER;
	me->me_len = strnlen(me->me_name, n);	/* mkbootfs pads with NULs */
	if (me->me_len == strlen(TRAILER) && memcmp(me->me_name, TRAILER, me->me_len) == 0)
		return MX_ENOENT;
	n = (HEADER + n + 3) & ~(size_t)3;
	if (left < n || left - n < me->me_field[F_FILESIZE])
		return MX_EINVAL;
	me->me_data = un->un_at + n;
	n += ((size_t)me->me_field[F_FILESIZE] + 3) & ~(size_t)3;
	un->un_at += n < left ? n : left;
	name_strip(me);
	return KERN_SUCCESS;
}

/* ---- Making ---- */

static kern_return_t dir_walk(struct unpack *un, struct tmpfs_node *dir, const char *path, size_t len, unsigned int depth,
	struct tmpfs_node **out);

/* The directory that TE of DIR is, or that it is a symbolic link to (/bin -> usr/bin). */
static kern_return_t
dir_enter(struct unpack *un, struct tmpfs_node *dir, const struct tmpfs_entry *te, unsigned int depth, struct tmpfs_node **out)
{
	struct tmpfs_node *tn = te->te_node;

	if (pfs_node_is_dir(&tn->tn_node)) {
		*out = tn;
		return KERN_SUCCESS;
	}
	if ((tn->tn_node.pn_attr.at_mode & MX_S_IFMT) != MX_S_IFLNK)
		return MX_ENOTDIR;
	if (depth == LINKS_MAX)
		return MX_ELOOP;
	if (tn->u.link.target[0] == '/')
		dir = un->un_root;
	return dir_walk(un, dir, tn->u.link.target, tn->u.link.len, depth + 1, out);
}

/* The directory that PATH (LEN bytes) names from DIR on, made where it is missing. */
static kern_return_t
dir_walk(struct unpack *un, struct tmpfs_node *dir, const char *path, size_t len, unsigned int depth, struct tmpfs_node **out)
{
	static const struct pfs_new what = { .nw_mode = MX_S_IFDIR | 0755 };
	struct tmpfs_node *made;
	struct tmpfs_entry *te;
	kern_return_t kr;
	size_t n;

	for (; len > 0; path += n, len -= n) {
		const char *slash = memchr(path, '/', len);

		n = slash != NULL ? (size_t)(slash - path) : len;
		if (n == 0) {
			n = 1;
			continue;
		}
		if (n > MX_NAME_MAX || (path[0] == '.' && (n == 1 || (n == 2 && path[1] == '.'))))
			return MX_EINVAL;
		te = tmpfs_entry_find(dir, path, n);
		if (te == NULL) {
			kr = tmpfs_node_make(dir, path, n, &what, &made);
			if (kr != KERN_SUCCESS)
				return kr;
			pfs_node_release(&made->tn_node);
			te = tmpfs_entry_find(dir, path, n);
		}
		kr = dir_enter(un, dir, te, depth, &dir);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	*out = dir;
	return KERN_SUCCESS;
}

static void
attributes_set(struct tmpfs_node *tn, const struct member *me)
{
	struct mx_attr *at = &tn->tn_node.pn_attr;

	at->at_mode = me->me_field[F_MODE];
	at->at_uid = me->me_field[F_UID];
	at->at_gid = me->me_field[F_GID];
	at->at_atime = at->at_mtime = at->at_ctime = at->at_btime = me->me_field[F_MTIME];
	at->at_atime_ns = at->at_mtime_ns = at->at_ctime_ns = at->at_btime_ns = 0;
}

/* The contents of a new regular file: the archive's own pages if they are whole, else a copy. */
static kern_return_t
contents_set(struct unpack *un, struct tmpfs_node *tn, const struct member *me)
{
	struct tmpfs_pages *tp = &tn->u.reg;
	uint32_t size = me->me_field[F_FILESIZE], npages = (size + MX_PAGE - 1) / MX_PAGE;
	size_t done;

	if (size == 0)
		return KERN_SUCCESS;
	if ((uintptr_t)me->me_data % MX_PAGE != 0)
		return tmpfs_pages_write(tn, 0, me->me_data, size, &done);
	(void)tmpfs_charge(tn->tn_volume, npages, true);	/* it is there already: cannot fail */
	tp->tp_archive = me->me_data;
	tp->tp_keep = !un->un_move;
	tp->tp_npages = npages;
	tn->tn_node.pn_attr.at_size = size;
	tn->tn_node.pn_attr.at_blocks = (uint64_t)npages * (MX_PAGE / 512);
	return KERN_SUCCESS;
}

/* Another name of an inode that came before? */
static struct tmpfs_node *
link_find(const struct unpack *un, const struct member *me)
{
	size_t i;

	for (i = 0; i < un->un_nlinks; i++)
		if (un->un_links[i].ln_ino == me->me_field[F_INO] && un->un_links[i].ln_dev == me->me_field[F_DEVMINOR])
			return un->un_links[i].ln_node;
	return NULL;
}

static kern_return_t
link_note(struct unpack *un, const struct member *me, struct tmpfs_node *tn)
{
	struct link *more = realloc(un->un_links, (un->un_nlinks + 1) * sizeof(*more));

	if (more == NULL)
		return MX_ENOMEM;
	un->un_links = more;
	more[un->un_nlinks++] = (struct link){ me->me_field[F_INO], me->me_field[F_DEVMINOR], tn };
	return KERN_SUCCESS;
}

/* A name that was there gives way, as when an archive is unpacked over a tree. */
static kern_return_t
old_remove(struct tmpfs_node *dir, const char *name, size_t len)
{
	struct tmpfs_entry *te = tmpfs_entry_find(dir, name, len);

	if (te == NULL)
		return KERN_SUCCESS;
	return pfs_node_unlink(&dir->tn_node, name, len, pfs_node_is_dir(&te->te_node->tn_node));
}

static kern_return_t
node_add(struct unpack *un, struct tmpfs_node *dir, const char *name, size_t len, const struct member *me)
{
	bool is_reg = (me->me_field[F_MODE] & MX_S_IFMT) == MX_S_IFREG;
	struct pfs_new what = {
		.nw_mode = me->me_field[F_MODE], .nw_uid = me->me_field[F_UID], .nw_gid = me->me_field[F_GID],
		.nw_rdev_major = me->me_field[F_RDEVMAJOR], .nw_rdev_minor = me->me_field[F_RDEVMINOR],
		.nw_target = (const char *)me->me_data, .nw_target_len = me->me_field[F_FILESIZE],
	};
	struct tmpfs_node *tn;
	kern_return_t kr;

	if ((what.nw_mode & MX_S_IFMT) == MX_S_IFLNK && (what.nw_target_len == 0 || what.nw_target_len >= MX_PATH_MAX))
		return MX_EINVAL;
	kr = tmpfs_node_make(dir, name, len, &what, &tn);
	if (kr != KERN_SUCCESS)
		return kr;
	if (is_reg)
		kr = contents_set(un, tn, me);
	attributes_set(tn, me);
	if (kr == KERN_SUCCESS && is_reg && me->me_field[F_NLINK] > 1)
		kr = link_note(un, me, tn);
	pfs_node_release(&tn->tn_node);
	return kr;
}

static kern_return_t
member_add(struct unpack *un, const struct member *me)
{
	uint32_t type = me->me_field[F_MODE] & MX_S_IFMT;
	struct tmpfs_node *dir, *tn, *linked;
	struct tmpfs_entry *te;
	const char *name;
	size_t len = me->me_len, dir_len = 0;
	kern_return_t kr;

	while (dir_len < len && (name = memchr(me->me_name + dir_len, '/', len - dir_len)) != NULL)
		dir_len = (size_t)(name - me->me_name) + 1;
	kr = dir_walk(un, un->un_root, me->me_name, dir_len, 0, &dir);
	if (kr != KERN_SUCCESS)
		return kr;
	name = me->me_name + dir_len;
	len -= dir_len;
	if (len == 0) {					/* the root itself */
		attributes_set(dir, me);
		return KERN_SUCCESS;
	}
	if (len > MX_NAME_MAX || (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))))
		return MX_EINVAL;
	te = tmpfs_entry_find(dir, name, len);
	if (te != NULL && type == MX_S_IFDIR && pfs_node_is_dir(&te->te_node->tn_node)) {
		attributes_set(te->te_node, me);
		return KERN_SUCCESS;
	}
	if (te != NULL && type == MX_S_IFDIR && dir_enter(un, dir, te, 0, &linked) == KERN_SUCCESS)
		return KERN_SUCCESS;			/* the directory behind the link takes what comes */
	kr = old_remove(dir, name, len);
	if (kr != KERN_SUCCESS)
		return kr;
	tn = type == MX_S_IFREG && me->me_field[F_NLINK] > 1 ? link_find(un, me) : NULL;
	if (tn == NULL)
		return node_add(un, dir, name, len, me);
	kr = pfs_node_link(&dir->tn_node, name, len, &tn->tn_node);
	if (kr == KERN_SUCCESS && me->me_field[F_FILESIZE] > 0 && tn->tn_node.pn_attr.at_size == 0)
		kr = contents_set(un, tn, me);	/* newc has the data with the last name */
	return kr;
}

kern_return_t
tmpfs_unpack(struct pfs_node *root, const void *archive, size_t size, bool move)
{
	struct unpack un = {
		.un_base = archive, .un_at = archive, .un_end = (const uint8_t *)archive + size,
		.un_root = tmpfs_node_of(root), .un_move = move,
	};
	struct member me;
	kern_return_t kr;

	for (;;) {
		kr = member_read(&un, &me);
		if (kr == KERN_SUCCESS)
			kr = member_add(&un, &me);
		if (kr != KERN_SUCCESS)
			break;
	}
	free(un.un_links);
	return kr == MX_ENOENT ? KERN_SUCCESS : kr;
}
