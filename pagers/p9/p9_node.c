/*
 * p9_node.c - nodes, names and attributes: the table of operations.
 *
 * A file of the host is one node while it is in use, found by the identity that the host gives it. Names and attributes are asked
 * for each time (MX_CACHE_NONE): the host changes them without a word.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/pager.h>
#include "p9.h"

#define MAGIC		0x01021997u
#define RENAME_NOREPLACE 1u
#define RENAME_EXCHANGE	2u

static struct p9_node *
node_of(struct pfs_node *node)
{
	return (struct p9_node *)node;
}

static struct p9_volume *
volume_of(const struct pfs_node *node)
{
	return node->pn_volume->pv_private;
}

struct p9_client *
p9_client_of(const struct pfs_node *node)
{
	return volume_of(node)->pv_client;
}

/* ---- Nodes ---- */

static struct p9_node **
chain_of(struct p9_volume *pv, uint64_t path)
{
	return &pv->pv_chain[(path ^ path >> 32 ^ path >> 13) % P9_CHAINS];
}

/* Without a name and not open at the host: what has its identity there now is something else. */
static bool
is_gone(const struct p9_node *nd)
{
	return nd->nd_node.pn_attr.at_nlink == 0 && nd->nd_io == P9_NOFID;
}

static struct p9_node *
node_find(struct p9_volume *pv, uint64_t path)
{
	struct p9_node *nd = *chain_of(pv, path);

	while (nd != NULL && (nd->nd_node.pn_attr.at_ino != path || is_gone(nd)))
		nd = nd->nd_next;
	return nd;
}

static void
node_insert(struct p9_node *nd)
{
	struct p9_volume *pv = volume_of(&nd->nd_node);
	struct p9_node **chain = chain_of(pv, nd->nd_node.pn_attr.at_ino);

	nd->nd_next = *chain;
	*chain = nd;
	pv->pv_nodes++;
}

static void
node_forget(struct p9_node *nd)
{
	struct p9_volume *pv = volume_of(&nd->nd_node);
	struct p9_node **p = chain_of(pv, nd->nd_node.pn_attr.at_ino);

	while (*p != nd)
		p = &(*p)->nd_next;
	*p = nd->nd_next;
	pv->pv_nodes--;
	mx_cond_broadcast(&pv->pv_gone);
}

static bool
is_newer(const struct p9_node *nd, const struct p9_attr *pa)
{
	const struct mx_attr *at = &nd->nd_node.pn_attr;

	return at->at_mtime != pa->pa_mtime || at->at_mtime_ns != pa->pa_mtime_ns;
}

/* Has somebody at the host changed the contents? */
static bool
is_replaced(const struct p9_node *nd, const struct p9_attr *pa)
{
	return nd->nd_node.pn_attr.at_size != pa->pa_size || (is_newer(nd, pa) && !nd->nd_stored);
}

/* ND is as the host says; contents that the cache has are dropped if it has others. */
static void
node_update(struct p9_node *nd, const struct p9_attr *pa)
{
	struct mx_attr *at = &nd->nd_node.pn_attr;
	bool replaced = is_replaced(nd, pa);

	at->at_mode = pa->pa_mode;
	at->at_uid = pa->pa_uid;
	at->at_gid = pa->pa_gid;
	at->at_nlink = pa->pa_nlink;
	at->at_rdev_major = (uint32_t)(pa->pa_rdev >> 8 & 0xfff);
	at->at_rdev_minor = (uint32_t)((pa->pa_rdev & 0xff) | (pa->pa_rdev >> 12 & 0xfff00));
	at->at_blocks = pa->pa_blocks;
	at->at_atime = pa->pa_atime;
	at->at_atime_ns = pa->pa_atime_ns;
	at->at_ctime = at->at_btime = pa->pa_ctime;
	at->at_ctime_ns = at->at_btime_ns = pa->pa_ctime_ns;
	if (nd->nd_node.pn_writers > 0)
		return;				/* size and contents are as the guest's writers have them */
	at->at_generation += replaced || is_newer(nd, pa);
	at->at_mtime = pa->pa_mtime;
	at->at_mtime_ns = pa->pa_mtime_ns;
	nd->nd_stored = false;
	if (replaced && nd->nd_node.pn_store != NULL)
		pfs_store_replaced(&nd->nd_node, pa->pa_size);
	else
		at->at_size = pa->pa_size;
	pfs_node_changed(&nd->nd_node);
}

/*
 * The same, where the cache may have what the guest wrote through memory and the host has not seen: that goes there first, or it
 * would be dropped with the rest. FID names ND; *PA is what the host said.
 */
static kern_return_t
node_settle(struct p9_node *nd, uint32_t fid, struct p9_attr *pa)
{
	kern_return_t kr = KERN_SUCCESS;

	if (nd->nd_node.pn_store != NULL && nd->nd_node.pn_writers == 0 && is_replaced(nd, pa)) {
		pfs_store_clean(&nd->nd_node);
		kr = p9_getattr(p9_client_of(&nd->nd_node), fid, pa);
	}
	if (kr == KERN_SUCCESS)
		node_update(nd, pa);
	return kr;
}

static struct p9_node *
node_make(struct pfs_volume *vol, uint32_t fid, const struct p9_attr *pa)
{
	struct p9_node *nd = calloc(1, sizeof *nd);

	if (nd == NULL)
		return NULL;
	pfs_node_init(&nd->nd_node, vol, pa->pa_path, pa->pa_mode);
	nd->nd_fid = fid;
	nd->nd_io = P9_NOFID;
	node_update(nd, pa);
	if ((pa->pa_mode & MX_S_IFMT) == MX_S_IFREG &&
	    pfs_store_attach(&nd->nd_node, &nd->nd_node.pn_store, &p9_store_ops) != KERN_SUCCESS) {
		free(nd);
		return NULL;
	}
	node_insert(nd);
	return nd;
}

/* Is ND, whose last reference went, still mapped by somebody? Then it is as if nobody had let it go. */
static bool
node_return(struct p9_node *nd)
{
	if (!pfs_store_revive(&nd->nd_node))
		return false;
	nd->nd_dying = false;			/* with no reference yet */
	return true;
}

/* A reference to the node that FID, the caller's to give up, names. */
static kern_return_t
node_get(struct pfs_volume *vol, uint32_t fid, struct pfs_node **out)
{
	struct p9_volume *pv = vol->pv_private;
	struct p9_node *nd;
	struct p9_attr pa;
	uint32_t stale;
	kern_return_t kr = p9_getattr(pv->pv_client, fid, &pa);

	if (kr != KERN_SUCCESS) {
		p9_clunk(pv->pv_client, fid);
		return kr;
	}
	while ((nd = node_find(pv, pa.pa_path)) != NULL && nd->nd_dying && !node_return(nd))
		mx_cond_wait(&pv->pv_gone);	/* what it has not stored yet is not seen through a second node */
	if (nd == NULL) {
		nd = node_make(vol, fid, &pa);
		if (nd == NULL) {
			p9_clunk(pv->pv_client, fid);
			return MX_ENOMEM;
		}
		*out = &nd->nd_node;
		return KERN_SUCCESS;
	}
	pfs_node_hold(&nd->nd_node);		/* before anything parks */
	kr = node_settle(nd, fid, &pa);
	if (nd->nd_is_lost) {
		stale = nd->nd_fid;
		nd->nd_fid = fid;		/* this name is there */
		nd->nd_is_lost = false;
		fid = stale;
	}
	p9_clunk(pv->pv_client, fid);
	if (kr != KERN_SUCCESS) {
		pfs_node_release(&nd->nd_node);
		return kr;
	}
	*out = &nd->nd_node;
	return KERN_SUCCESS;
}

/* The last of NODE. */
static void
node_done(struct pfs_node *node)
{
	struct p9_node *nd = node_of(node);

	p9_clunk(p9_client_of(node), nd->nd_io);
	p9_clunk(p9_client_of(node), nd->nd_fid);
	node_forget(nd);
	free(nd);
}

static void
node_done_run(void *arg)
{
	node_done(arg);
}

static void
p9_release(struct pfs_node *node)
{
	struct p9_node *nd = node_of(node);

	nd->nd_dying = true;
	if (node->pn_store != NULL)
		pfs_store_release(node, node->pn_attr.at_nlink > 0, node_done);
	else if (mx_fibril_start(node_done_run, node, "p9 release") != KERN_SUCCESS) {
		node_forget(nd);		/* the host keeps its fid */
		free(nd);
	}
}

/* ---- Volumes ---- */

static void
p9_unmount(struct pfs_volume *vol)
{
	struct p9_volume *pv = vol->pv_private;

	pfs_node_release(vol->pv_root);
	while (pv->pv_nodes > 0)		/* somebody may still have a file mapped */
		mx_cond_wait(&pv->pv_gone);
	free(pv);
}

static kern_return_t
p9_mount(struct pfs_volume *vol, const struct pfs_mount_args *args)
{
	struct p9_volume *pv = calloc(1, sizeof *pv);
	uint32_t fid;
	kern_return_t kr;

	if (pv == NULL)
		return MX_ENOMEM;
	vol->pv_private = pv;
	kr = p9_channel_find(args->ma_source, args->ma_source_len, &pv->pv_client);
	if (kr == KERN_SUCCESS)
		kr = p9_attach(pv->pv_client, &fid);
	if (kr == KERN_SUCCESS)
		kr = node_get(vol, fid, &vol->pv_root);
	if (kr == KERN_SUCCESS && !pfs_node_is_dir(vol->pv_root)) {
		p9_unmount(vol);
		return MX_ENOTDIR;
	}
	if (kr != KERN_SUCCESS)
		free(pv);
	return kr;
}

static kern_return_t
p9_volume_statfs(struct pfs_volume *vol, struct mx_statfs *st)
{
	return p9_statfs(p9_client_of(vol->pv_root), node_of(vol->pv_root)->nd_fid, st);
}

static kern_return_t
p9_sync(struct pfs_volume *vol)
{
	return pfs_store_sync(vol);
}

/* ---- Names ---- */

static kern_return_t
p9_lookup(struct pfs_node *dir, const char *name, size_t len, int32_t who, struct pfs_node **out)
{
	uint32_t fid;
	kern_return_t kr = p9_walk(p9_client_of(dir), node_of(dir)->nd_fid, name, len, &fid);

	(void)who;
	return kr == KERN_SUCCESS ? node_get(dir->pn_volume, fid, out) : kr;
}

/* The host's process makes files as its own; where it may not give them away they stay that. */
static void
owner_set(struct pfs_node *node, const struct pfs_new *what)
{
	const struct mx_setattr set = { .sa_uid = what->nw_uid, .sa_gid = what->nw_gid };
	struct p9_attr pa;

	if (node->pn_attr.at_uid == what->nw_uid && node->pn_attr.at_gid == what->nw_gid)
		return;
	if (p9_setattr(p9_client_of(node), node_of(node)->nd_fid, P9_SET_UID | P9_SET_GID, &set) == KERN_SUCCESS &&
	    p9_getattr(p9_client_of(node), node_of(node)->nd_fid, &pa) == KERN_SUCCESS)
		node_update(node_of(node), &pa);
}

static kern_return_t
p9_create(struct pfs_node *dir, const char *name, size_t len, const struct pfs_new *what, struct pfs_node **out)
{
	bool is_link = (what->nw_mode & MX_S_IFMT) == MX_S_IFLNK;
	kern_return_t kr;

	kr = (is_link ? p9_symlink : p9_mknod)(p9_client_of(dir), node_of(dir)->nd_fid, name, len, what);
	if (kr == KERN_SUCCESS)
		kr = p9_lookup(dir, name, len, 0, out);
	if (kr == KERN_SUCCESS)
		owner_set(*out, what);
	return kr;
}

static kern_return_t
node_refresh(struct p9_node *nd)
{
	struct p9_client *cl = p9_client_of(&nd->nd_node);
	struct p9_attr pa;
	kern_return_t kr = p9_getattr(cl, nd->nd_fid, &pa);

	return kr == KERN_SUCCESS ? node_settle(nd, nd->nd_fid, &pa) : kr;
}

static kern_return_t
p9_dir_link(struct pfs_node *dir, const char *name, size_t len, struct pfs_node *node)
{
	kern_return_t kr = p9_link(p9_client_of(dir), node_of(dir)->nd_fid, name, len, node_of(node)->nd_fid);

	return kr == KERN_SUCCESS ? node_refresh(node_of(node)) : kr;
}

/* NODE loses a name. What is open goes on: the host needs it open, too, before the name goes. */
static void
name_goes(struct pfs_node *node)
{
	if ((node->pn_attr.at_mode & MX_S_IFMT) == MX_S_IFREG && (node->pn_opens > 0 || node->pn_pager != NULL) &&
	    p9_node_open(node_of(node), true) != KERN_SUCCESS)
		(void)p9_node_open(node_of(node), false);
}

static void
name_gone(struct pfs_node *node)
{
	struct mx_attr *at = &node->pn_attr;

	if (at->at_nlink <= 1 || pfs_node_is_dir(node))
		at->at_nlink = 0;
	else if (node_refresh(node_of(node)) != KERN_SUCCESS)
		at->at_nlink--;
	node_of(node)->nd_is_lost = true;
	pfs_node_changed(node);
}

static kern_return_t
p9_dir_unlink(struct pfs_node *dir, const char *name, size_t len, bool rmdir)
{
	struct pfs_node *node;
	kern_return_t kr = p9_lookup(dir, name, len, 0, &node);

	if (kr != KERN_SUCCESS)
		return kr;
	name_goes(node);
	kr = p9_unlink(p9_client_of(dir), node_of(dir)->nd_fid, name, len, rmdir);
	if (kr == KERN_SUCCESS)
		name_gone(node);
	pfs_node_release(node);
	return kr;
}

static kern_return_t
p9_dir_rename(struct pfs_node *dir1, const char *name1, size_t len1, struct pfs_node *dir2, const char *name2, size_t len2,
	uint32_t flags)
{
	struct pfs_node *over = NULL;
	kern_return_t kr;

	if (flags & RENAME_EXCHANGE)
		return MX_EINVAL;		/* 9P has no such request */
	kr = p9_lookup(dir2, name2, len2, 0, &over);
	if (kr != KERN_SUCCESS && kr != MX_ENOENT)
		return kr;
	if (over != NULL && (flags & RENAME_NOREPLACE)) {
		pfs_node_release(over);
		return MX_EEXIST;
	}
	if (over != NULL)
		name_goes(over);
	kr = p9_rename(p9_client_of(dir1), node_of(dir1)->nd_fid, name1, len1, node_of(dir2)->nd_fid, name2, len2);
	if (over != NULL && kr == KERN_SUCCESS)
		name_gone(over);
	if (over != NULL)
		pfs_node_release(over);
	return kr;
}

struct reading {
	struct pfs_dirents *rd_out;
	uint64_t	rd_next;
	bool		rd_full;
};

static bool
entry_add(void *arg, uint64_t path, uint64_t next, uint8_t type, const char *name, size_t len)
{
	struct reading *rd = arg;
	bool is_dots = name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));

	if (!is_dots && !pfs_dirent_add(rd->rd_out, path, next, (uint32_t)type << 12, name, len)) {
		rd->rd_full = true;
		return false;
	}
	rd->rd_next = next;
	return true;
}

static kern_return_t
p9_dir_read(struct pfs_node *dir, uint64_t cookie, int32_t who, struct pfs_dirents *out)
{
	struct p9_client *cl = p9_client_of(dir);
	struct reading rd = { out, cookie, false };
	bool more = true;
	uint32_t fid;
	kern_return_t kr = p9_walk(cl, node_of(dir)->nd_fid, NULL, 0, &fid);

	(void)who;
	if (kr != KERN_SUCCESS)
		return kr;
	kr = p9_open(cl, fid, MX_O_RDONLY);
	while (kr == KERN_SUCCESS && more && !rd.rd_full)
		kr = p9_readdir(cl, fid, rd.rd_next, entry_add, &rd, &more);
	p9_clunk(cl, fid);
	return kr;
}

/* ---- Attributes ---- */

static kern_return_t
p9_node_getattr(struct pfs_node *node)
{
	struct p9_node *nd = node_of(node);
	kern_return_t kr;

	if (node->pn_attr.at_nlink == 0)
		return KERN_SUCCESS;		/* the host has no name for it any more; what is known is all there is */
	if (nd->nd_wrote && node->pn_writers == 0) {
		nd->nd_wrote = false;
		kr = p9_file_fsync(node, true);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	return node_refresh(nd);
}

static kern_return_t
p9_node_setattr(struct pfs_node *node, const struct mx_setattr *set)
{
	static const struct { uint32_t mx, p9; } bits[] = {
		{ MX_SET_MODE, P9_SET_MODE }, { MX_SET_UID, P9_SET_UID }, { MX_SET_GID, P9_SET_GID },
		{ MX_SET_ATIME, P9_SET_ATIME | P9_SET_ATIME_TO }, { MX_SET_MTIME, P9_SET_MTIME | P9_SET_MTIME_TO },
		{ MX_SET_ATIME_NOW, P9_SET_ATIME }, { MX_SET_MTIME_NOW, P9_SET_MTIME },
	};
	uint32_t valid = 0;
	kern_return_t kr;

	for (unsigned int i = 0; i < sizeof bits / sizeof bits[0]; i++)
		valid |= set->sa_valid & bits[i].mx ? bits[i].p9 : 0;
	if (valid == 0)
		return KERN_SUCCESS;		/* the size alone: that is done */
	kr = p9_setattr(p9_client_of(node), node_of(node)->nd_fid, valid, set);
	if (kr != KERN_SUCCESS)
		(void)node_refresh(node_of(node));	/* the library has applied it already */
	return kr;
}

static kern_return_t
p9_node_readlink(struct pfs_node *node, int32_t who, char *buf, size_t size, size_t *len)
{
	(void)who;
	return p9_readlink(p9_client_of(node), node_of(node)->nd_fid, buf, size, len);
}

/* The cache layer tells the host of an end that comes nearer only. */
static kern_return_t
p9_node_truncate(struct pfs_node *node, uint64_t size)
{
	const struct mx_setattr set = { .sa_size = size };
	bool grows = size > node->pn_attr.at_size;
	kern_return_t kr = pfs_store_truncate(node, size);

	if (kr == KERN_SUCCESS && grows)
		kr = p9_setattr(p9_client_of(node), node_of(node)->nd_fid, P9_SET_SIZE, &set);
	return kr;
}

/* At the host when it returns. */
static kern_return_t
p9_node_write(struct pfs_node *node, uint64_t offset, const void *buf, size_t count, size_t *done)
{
	kern_return_t kr = pfs_store_write(node, offset, buf, count, done);
	kern_return_t stored = *done > 0 ? p9_file_fsync(node, true) : KERN_SUCCESS;

	return kr != KERN_SUCCESS ? kr : stored;
}

const struct pfs_ops p9_ops = {
	.po_name = "9p", .po_cache = MX_CACHE_NONE, .po_magic = MAGIC,
	.po_mount = p9_mount, .po_unmount = p9_unmount, .po_statfs = p9_volume_statfs, .po_sync = p9_sync,
	.po_lookup = p9_lookup, .po_create = p9_create, .po_link = p9_dir_link, .po_unlink = p9_dir_unlink,
	.po_rename = p9_dir_rename, .po_readdir = p9_dir_read,
	.po_getattr = p9_node_getattr, .po_setattr = p9_node_setattr, .po_readlink = p9_node_readlink,
	.po_release = p9_release,
	.po_read = pfs_store_read, .po_write = p9_node_write, .po_truncate = p9_node_truncate,
	.po_fsync = p9_file_fsync, .po_pager = pfs_store_pager,
};
