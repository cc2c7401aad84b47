/*
 * fat_core.c - the file system's table of operations.
 *
 * One lock, fv_mutex, is held over every operation on names, and over what it reads and writes of metadata; contents of files go past
 * it (fat_file.c).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "fat.h"

#define FAT_MAGIC	0x4d44u
#define CACHE_MAX	1024u		/* clean sectors */
#define CACHE_AHEAD	8u

/* ---- Volumes ---- */

static kern_return_t
options_decode(struct fat_volume *fv, const struct pfs_mount_args *args)
{
	uint32_t umask;
	kern_return_t kr = od_option_number(args, "uid", 10, 0, &fv->fv_uid);

	if (kr == KERN_SUCCESS)
		kr = od_option_number(args, "gid", 10, 0, &fv->fv_gid);
	if (kr == KERN_SUCCESS)
		kr = od_option_number(args, "umask", 8, 022, &umask);
	if (kr == KERN_SUCCESS)
		kr = od_option_number(args, "dmask", 8, umask, &fv->fv_dmask);
	if (kr == KERN_SUCCESS)
		kr = od_option_number(args, "fmask", 8, umask, &fv->fv_fmask);
	return kr;
}

/* For writing if it can be, as that may be asked for later. */
static kern_return_t
disk_open(struct fat_volume *fv, const struct pfs_mount_args *args)
{
	kern_return_t kr = blk_disk_open(args->ma_source, args->ma_source_len, true, &fv->fv_disk);

	fv->fv_is_writable = kr == KERN_SUCCESS;
	if (fv->fv_readonly && (kr == MX_EROFS || kr == MX_EBUSY))
		kr = blk_disk_open(args->ma_source, args->ma_source_len, false, &fv->fv_disk);
	return kr;
}

static void
volume_free(struct fat_volume *fv)
{
	if (fv->fv_cache != NULL)
		od_cache_destroy(fv->fv_cache);
	blk_disk_close(fv->fv_disk);
	free(fv);
}

static kern_return_t
core_mount(struct pfs_volume *vol, const struct pfs_mount_args *args)
{
	struct fat_volume *fv = calloc(1, sizeof(*fv));
	struct fat_node *root;
	kern_return_t kr;

	if (fv == NULL)
		return MX_ENOMEM;
	fv->fv_volume = vol;
	fv->fv_readonly = (vol->pv_flags & PFS_RDONLY) != 0;
	fv->fv_next_ino = UINT32_MAX;
	fv->fv_epoch = 1;
	kr = options_decode(fv, args);
	if (kr == KERN_SUCCESS)
		kr = disk_open(fv, args);
	if (kr != KERN_SUCCESS) {
		free(fv);
		return kr;
	}
	fv->fv_cache = od_cache_create(fv->fv_disk, FAT_SECTOR, CACHE_AHEAD, CACHE_MAX);
	kr = fv->fv_cache != NULL ? fat_boot_load(fv) : MX_ENOMEM;
	if (kr == KERN_SUCCESS)
		kr = fat_node_root(fv, &root);
	if (kr != KERN_SUCCESS) {
		volume_free(fv);
		return kr;
	}
	vol->pv_root = &root->fn_node;
	vol->pv_private = fv;
	fat_volume_add(fv);
	return KERN_SUCCESS;
}

static void
core_unmount(struct pfs_volume *vol)
{
	struct fat_volume *fv = vol->pv_private;
	kern_return_t kr = fat_volume_sync(fv), kr2;

	fat_volume_remove(fv);
	fat_nodes_end(fv);
	pfs_node_release(vol->pv_root);
	kr2 = fat_volume_finish(fv);
	if (kr != KERN_SUCCESS || kr2 != KERN_SUCCESS)
		mx_log(MX_LOG_ERROR, "fat: the volume was not written completely: error %d", MX_ERRNO(kr != KERN_SUCCESS ? kr : kr2));
	volume_free(fv);
}

static kern_return_t
core_statfs(struct pfs_volume *vol, struct mx_statfs *st)
{
	struct fat_volume *fv = vol->pv_private;

	mx_mutex_lock(&fv->fv_mutex);
	if (fv->fv_npending > 0)
		(void)fat_meta_flush(fv);		/* what was deleted counts as free */
	st->sf_bsize = fv->fv_cluster;
	st->sf_blocks = fv->fv_clusters;
	st->sf_bfree = st->sf_bavail = fv->fv_free;
	mx_mutex_unlock(&fv->fv_mutex);
	return KERN_SUCCESS;
}

static kern_return_t
core_sync(struct pfs_volume *vol)
{
	return fat_volume_sync(vol->pv_private);
}

static kern_return_t
core_remount(struct pfs_volume *vol, uint32_t flags)
{
	struct fat_volume *fv = vol->pv_private;
	kern_return_t kr;

	if (flags & PFS_RDONLY)
		kr = fat_volume_finish(fv);
	else
		kr = fv->fv_is_writable ? KERN_SUCCESS : MX_EROFS;
	if (kr == KERN_SUCCESS)
		fv->fv_readonly = (flags & PFS_RDONLY) != 0;
	return kr;
}

/* ---- Directories ---- */

/* What ".." of directories in DIR says. */
static uint32_t
dir_first(const struct fat_node *dir)
{
	return dir->fn_is_root ? 0 : dir->fn_chain.fc_first;
}

static kern_return_t
core_lookup(struct pfs_node *dir, const char *name, size_t len, int32_t who, struct pfs_node **out)
{
	struct fat_volume *fv = fat_volume_of(dir);
	struct fat_name na;
	struct fat_entry en;
	struct fat_node *fn;
	kern_return_t kr = fat_name_decode(name, len, &na);

	(void)who;
	if (kr != KERN_SUCCESS)
		return kr == MX_EINVAL ? MX_ENOENT : kr;	/* there can be no such name */
	for (;;) {
		mx_mutex_lock(&fv->fv_mutex);
		kr = dir->pn_attr.at_nlink != 0 ? fat_dir_find(fv, &fat_node_of(dir)->fn_chain, &na, &en) : MX_ENOENT;
		if (kr == KERN_SUCCESS)
			kr = fat_node_get(fv, &en, &fn);
		mx_mutex_unlock(&fv->fv_mutex);
		if (kr != MX_EAGAIN)
			break;
		mx_cond_wait(&fv->fv_gone);
	}
	if (kr == KERN_SUCCESS)
		*out = &fn->fn_node;
	return kr;
}

/* The slot of a new file or directory (FIRST), made now. */
static void
raw_make(uint8_t raw[FAT_SLOT], uint8_t attr, const struct pfs_volume *vol)
{
	struct fat_node fn;

	memset(&fn, 0, sizeof(fn));
	pfs_node_init(&fn.fn_node, (struct pfs_volume *)vol, 0, MX_S_IFREG);
	fn.fn_attr = attr;
	memset(raw, 0, FAT_SLOT);
	fat_node_encode(&fn, raw);
}

static void
raw_first_set(uint8_t raw[FAT_SLOT], uint32_t first)
{
	od_le16_put(raw + FAT_FIRST_LOW, (uint16_t)first);
	od_le16_put(raw + FAT_FIRST_HIGH, (uint16_t)(first >> 16));
}

/* Locks: fv_mutex held */
static kern_return_t
entry_create(struct fat_node *dir, const struct fat_name *na, bool is_dir, struct fat_node **out)
{
	struct fat_volume *fv = dir->fn_volume;
	uint8_t raw[FAT_SLOT];
	struct fat_entry en;
	uint32_t first = 0;
	kern_return_t kr;

	kr = fat_dir_find(fv, &dir->fn_chain, na, &en);
	if (kr != MX_ENOENT)
		return kr == KERN_SUCCESS ? MX_EEXIST : kr;
	raw_make(raw, is_dir ? FAT_DIRECTORY : FAT_ARCHIVE, fv->fv_volume);
	if (is_dir) {
		kr = fat_dir_make(fv, dir_first(dir), raw, &first);
		if (kr != KERN_SUCCESS)
			return kr;
		raw_first_set(raw, first);
	}
	kr = fat_dir_add(fv, &dir->fn_chain, na, raw, 0, &en);
	if (kr == KERN_SUCCESS) {
		kr = fat_node_get(fv, &en, out);
		if (kr == KERN_SUCCESS)
			return kr;
		(void)fat_dir_remove(fv, &dir->fn_chain, &en);
	}
	if (first != 0)
		(void)fat_table_give(fv, 0, first);
	return kr;
}

/* Names were added to DIR, or taken out. Locks: fv_mutex held */
static void
dir_changed(struct fat_node *dir)
{
	if (dir->fn_chain.fc_first != 0)
		dir->fn_node.pn_attr.at_size = (uint64_t)dir->fn_chain.fc_known * dir->fn_volume->fv_cluster;
	fat_blocks_set(dir);
	fat_node_dirty(dir);
}

static kern_return_t
core_create(struct pfs_node *dir, const char *name, size_t len, const struct pfs_new *what, struct pfs_node **out)
{
	struct fat_volume *fv = fat_volume_of(dir);
	uint32_t type = what->nw_mode & MX_S_IFMT;
	struct fat_name na;
	struct fat_node *fn;
	kern_return_t kr = fat_name_decode(name, len, &na);

	if (type != MX_S_IFREG && type != MX_S_IFDIR)
		return MX_EPERM;
	if (kr == KERN_SUCCESS)
		kr = fat_name_check(&na);
	if (kr != KERN_SUCCESS)
		return kr;
	mx_mutex_lock(&fv->fv_mutex);
	kr = dir->pn_attr.at_nlink != 0 ? entry_create(fat_node_of(dir), &na, type == MX_S_IFDIR, &fn) : MX_ENOENT;
	if (kr == KERN_SUCCESS) {
		dir_changed(fat_node_of(dir));
		*out = &fn->fn_node;
	}
	mx_mutex_unlock(&fv->fv_mutex);
	return kr;
}

/* What EN stood for has no name any more. *IDLE: a reference that the caller gives up when it has no lock, or NULL. Locks: fv_mutex held */
static kern_return_t
entry_gone(struct fat_volume *fv, const struct fat_entry *en, struct fat_node **idle)
{
	struct fat_node *fn = fat_node_at(fv, en->en_pos);
	uint32_t first = fat_raw_first(en->en_raw);

	*idle = NULL;
	if (fn == NULL)
		return fat_cluster_ok(fv, first) ? fat_table_give(fv, 0, first) : KERN_SUCCESS;
	fat_node_clean(fn);
	fat_node_move(fn, 0);
	fn->fn_node.pn_attr.at_nlink = 0;
	if (fn->fn_is_idle) {
		fat_node_hold(fn);
		*idle = fn;
	}
	return KERN_SUCCESS;
}

static void
idle_release(struct fat_node *fn)
{
	if (fn != NULL)
		pfs_node_release(&fn->fn_node);
}

static bool
entry_is_dir(const struct fat_entry *en)
{
	return (en->en_raw[FAT_ATTR] & FAT_DIRECTORY) != 0;
}

static kern_return_t
remove_check(struct fat_volume *fv, const struct fat_entry *en, bool rmdir)
{
	if (rmdir && !entry_is_dir(en))
		return MX_ENOTDIR;
	if (!rmdir && entry_is_dir(en))
		return MX_EISDIR;
	return rmdir ? fat_dir_check_empty(fv, fat_raw_first(en->en_raw)) : KERN_SUCCESS;
}

/* Locks: fv_mutex held */
static kern_return_t
entry_unlink(struct fat_node *dir, const struct fat_name *na, bool rmdir, struct fat_node **idle)
{
	struct fat_volume *fv = dir->fn_volume;
	struct fat_entry en;
	kern_return_t kr = fat_dir_find(fv, &dir->fn_chain, na, &en);

	if (kr == KERN_SUCCESS)
		kr = remove_check(fv, &en, rmdir);
	if (kr == KERN_SUCCESS)
		kr = fat_dir_remove(fv, &dir->fn_chain, &en);
	return kr == KERN_SUCCESS ? entry_gone(fv, &en, idle) : kr;
}

static kern_return_t
core_unlink(struct pfs_node *dir, const char *name, size_t len, bool rmdir)
{
	struct fat_volume *fv = fat_volume_of(dir);
	struct fat_node *idle = NULL;
	struct fat_name na;
	kern_return_t kr = fat_name_decode(name, len, &na);

	if (kr != KERN_SUCCESS)
		return kr == MX_EINVAL ? MX_ENOENT : kr;
	mx_mutex_lock(&fv->fv_mutex);
	kr = entry_unlink(fat_node_of(dir), &na, rmdir, &idle);
	if (kr == KERN_SUCCESS)
		dir_changed(fat_node_of(dir));
	mx_mutex_unlock(&fv->fv_mutex);
	idle_release(idle);
	return kr;
}

static kern_return_t
core_readdir(struct pfs_node *dir, uint64_t cookie, int32_t who, struct pfs_dirents *out)
{
	struct fat_volume *fv = fat_volume_of(dir);
	char name[MX_NAME_MAX];
	struct fat_scan sc;
	struct fat_entry en;
	size_t len;
	kern_return_t kr;

	(void)who;
	if (cookie > FAT_SLOTS_MAX)
		return KERN_SUCCESS;
	mx_mutex_lock(&fv->fv_mutex);
	fat_scan_begin(&sc, fv, &fat_node_of(dir)->fn_chain, (uint32_t)cookie);
	kr = dir->pn_attr.at_nlink != 0 ? fat_scan_next(&sc, &en) : MX_ENOENT;
	while (kr == KERN_SUCCESS) {
		len = fat_entry_name(&en, name);
		if (!pfs_dirent_add(out, fat_node_ino(fv, &en), en.en_slot + 1u, entry_is_dir(&en) ? MX_S_IFDIR : MX_S_IFREG, name, len))
			break;
		kr = fat_scan_next(&sc, &en);
	}
	mx_mutex_unlock(&fv->fv_mutex);
	return kr == MX_ENOENT ? KERN_SUCCESS : kr;
}

/* ---- Renaming ---- */

struct rename {
	struct fat_node	*dir1, *dir2;
	struct fat_name	na1, na2;
	struct fat_entry en1, en2;		/* what is renamed; what is there already, or what was made */
	bool		is_over, is_same;	/* there is something; and it is the same */
};

static kern_return_t
rename_decode(struct rename *rn, uint32_t flags)
{
	struct fat_volume *fv = rn->dir1->fn_volume;
	bool is_below = false;
	kern_return_t kr = fat_dir_find(fv, &rn->dir1->fn_chain, &rn->na1, &rn->en1);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = rn->dir2->fn_node.pn_attr.at_nlink != 0 ? fat_dir_find(fv, &rn->dir2->fn_chain, &rn->na2, &rn->en2) : MX_ENOENT;
	if (kr != KERN_SUCCESS && kr != MX_ENOENT)
		return kr;
	rn->is_over = kr == KERN_SUCCESS;
	rn->is_same = rn->is_over && rn->en2.en_pos == rn->en1.en_pos;
	if (rn->dir2->fn_node.pn_attr.at_nlink == 0)
		return MX_ENOENT;
	if (flags & ~1u)
		return MX_EINVAL;			/* an exchange could not be made all or nothing */
	if (rn->is_over && !rn->is_same && (flags & 1))
		return MX_EEXIST;
	if (entry_is_dir(&rn->en1) && rn->dir1 != rn->dir2)
		kr = fat_dir_is_below(fv, dir_first(rn->dir2), fat_raw_first(rn->en1.en_raw), &is_below);
	else
		kr = KERN_SUCCESS;
	if (kr != KERN_SUCCESS || is_below)
		return kr != KERN_SUCCESS ? kr : MX_EINVAL;
	if (!rn->is_over || rn->is_same)
		return fat_name_check(&rn->na2);
	return remove_check(fv, &rn->en2, entry_is_dir(&rn->en1));
}

/* Another spelling of the same name: the old slots make room for the new ones. */
static kern_return_t
rename_respell(struct rename *rn)
{
	struct fat_volume *fv = rn->dir1->fn_volume;
	struct fat_entry old = rn->en1;
	struct fat_name na;
	kern_return_t kr;

	kr = fat_dir_remove(fv, &rn->dir1->fn_chain, &rn->en1);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = fat_dir_add(fv, &rn->dir1->fn_chain, &rn->na2, old.en_raw, old.en_first, &rn->en2);
	if (kr == KERN_SUCCESS)
		return kr;
	fat_short_decode(old.en_raw, &na);		/* there was room for the old one */
	if (fat_dir_add(fv, &rn->dir1->fn_chain, old.en_long.na_len != 0 ? &old.en_long : &na, old.en_raw, old.en_first,
	    &rn->en2) == KERN_SUCCESS) {
		struct fat_node *fn = fat_node_at(fv, old.en_pos);

		if (fn != NULL)
			fat_node_move(fn, rn->en2.en_pos);
	}
	return kr;
}

/* The new name is there, too: in a slot of its own, or in that of what was there. */
static kern_return_t
rename_add(struct rename *rn)
{
	struct fat_volume *fv = rn->dir1->fn_volume;
	uint8_t raw[FAT_SLOT];
	kern_return_t kr;

	if (!rn->is_over)
		return fat_dir_add(fv, &rn->dir2->fn_chain, &rn->na2, rn->en1.en_raw, 0, &rn->en2);
	memcpy(raw, rn->en1.en_raw, FAT_SLOT);
	memcpy(raw, rn->en2.en_raw, 11);
	raw[FAT_CASE] = rn->en2.en_raw[FAT_CASE];
	kr = fat_mark(fv);
	return kr == KERN_SUCCESS ? od_write(fv->fv_cache, rn->en2.en_pos, raw, FAT_SLOT, FAT_CLASS_DIR) : kr;
}

static void
rename_undo(struct rename *rn)
{
	struct fat_volume *fv = rn->dir1->fn_volume;

	if (rn->is_over)
		(void)od_write(fv->fv_cache, rn->en2.en_pos, rn->en2.en_raw, FAT_SLOT, FAT_CLASS_DIR);
	else
		(void)fat_dir_remove(fv, &rn->dir2->fn_chain, &rn->en2);
}

/* Locks: fv_mutex held */
static kern_return_t
rename_commit(struct rename *rn, struct fat_node **idle)
{
	struct fat_volume *fv = rn->dir1->fn_volume;
	struct fat_node *fn;
	kern_return_t kr;

	if (rn->is_same) {
		kr = rename_respell(rn);
	} else {
		kr = rename_add(rn);
		if (kr != KERN_SUCCESS)
			return kr;
		if (entry_is_dir(&rn->en1) && rn->dir1 != rn->dir2)
			kr = fat_dir_parent_set(fv, fat_raw_first(rn->en1.en_raw), dir_first(rn->dir2));
		if (kr == KERN_SUCCESS && rn->en1.en_pos / FAT_SECTOR != rn->en2.en_pos / FAT_SECTOR)
			kr = fat_meta_flush(fv);	/* two names for a moment rather than none */
		if (kr == KERN_SUCCESS)
			kr = fat_dir_remove(fv, &rn->dir1->fn_chain, &rn->en1);
		if (kr != KERN_SUCCESS)
			rename_undo(rn);
		else if (rn->is_over)
			kr = entry_gone(fv, &rn->en2, idle);
	}
	fn = fat_node_at(fv, rn->en1.en_pos);
	if (kr == KERN_SUCCESS && fn != NULL)
		fat_node_move(fn, rn->en2.en_pos);
	return kr;
}

static kern_return_t
core_rename(struct pfs_node *dir1, const char *name1, size_t len1, struct pfs_node *dir2, const char *name2, size_t len2,
	uint32_t flags)
{
	struct fat_volume *fv = fat_volume_of(dir1);
	struct rename *rn = calloc(1, sizeof(*rn));
	struct fat_node *idle = NULL;
	kern_return_t kr;

	if (rn == NULL)
		return MX_ENOMEM;
	rn->dir1 = fat_node_of(dir1);
	rn->dir2 = fat_node_of(dir2);
	kr = fat_name_decode(name1, len1, &rn->na1);
	if (kr == MX_EINVAL)
		kr = MX_ENOENT;
	if (kr == KERN_SUCCESS)
		kr = fat_name_decode(name2, len2, &rn->na2);
	mx_mutex_lock(&fv->fv_mutex);
	if (kr == KERN_SUCCESS)
		kr = rename_decode(rn, flags);
	if (kr == KERN_SUCCESS)
		kr = rename_commit(rn, &idle);
	if (kr == KERN_SUCCESS) {
		dir_changed(rn->dir1);
		dir_changed(rn->dir2);
	}
	mx_mutex_unlock(&fv->fv_mutex);
	idle_release(idle);
	free(rn);
	return kr;
}

/* ---- Nodes ---- */

static kern_return_t
core_getattr(struct pfs_node *node)
{
	fat_node_times_round(fat_node_of(node));
	return KERN_SUCCESS;
}

/* As Linux: of the permissions only those to write can be taken away, all of them. */
static bool
mode_fits(const struct fat_node *fn, uint32_t mode, uint8_t *attr)
{
	uint32_t full = 0777 & ~(pfs_node_is_dir(&fn->fn_node) ? fn->fn_volume->fv_dmask : fn->fn_volume->fv_fmask);
	uint32_t write = mode & full & 0222;

	if ((mode & 07000) != 0 || (mode & full & 0555) != (full & 0555))
		return false;
	if (write != (full & 0222) && (write != 0 || pfs_node_is_dir(&fn->fn_node)))
		return false;
	*attr = (uint8_t)(write == 0 && (full & 0222) != 0 ? fn->fn_attr | FAT_RDONLY : fn->fn_attr & ~FAT_RDONLY);
	return true;
}

static kern_return_t
core_setattr(struct pfs_node *node, const struct mx_setattr *set)
{
	struct fat_node *fn = fat_node_of(node);
	struct mx_attr *at = &node->pn_attr;
	bool fits = at->at_uid == fn->fn_volume->fv_uid && at->at_gid == fn->fn_volume->fv_gid;

	if (fits && (set->sa_valid & MX_SET_MODE))
		fits = mode_fits(fn, at->at_mode & 07777, &fn->fn_attr);
	fat_node_mode_set(fn);			/* what can be kept, whatever was asked */
	fat_node_times_round(fn);
	pfs_node_changed(node);
	fat_node_dirty(fn);
	return fits ? KERN_SUCCESS : MX_EPERM;
}

/* A time of access alone is not worth a write. */
static void
core_dirty(struct pfs_node *node)
{
	struct fat_node *fn = fat_node_of(node);

	if ((node->pn_attr.at_mtime & ~INT64_C(1)) != fn->fn_disk_mtime)
		fat_node_dirty(fn);
}

#define FAT_OPS(name) { \
	.po_name = name, .po_cache = MX_CACHE_NONE, .po_magic = FAT_MAGIC, \
	.po_mount = core_mount, .po_unmount = core_unmount, .po_statfs = core_statfs, .po_sync = core_sync, \
	.po_remount = core_remount, \
	.po_lookup = core_lookup, .po_create = core_create, .po_unlink = core_unlink, .po_rename = core_rename, \
	.po_readdir = core_readdir, .po_getattr = core_getattr, .po_setattr = core_setattr, .po_dirty = core_dirty, .po_release = fat_node_release, \
	.po_read = pfs_store_read, .po_write = pfs_store_write, .po_truncate = fat_file_truncate, .po_fsync = fat_file_fsync, \
	.po_write_back = pfs_store_clean, .po_pager = pfs_store_pager, .po_reserve = pfs_store_reserve, \
}

/* MX_CACHE_NONE: a name has many spellings, and vfs knows only one of them at a time. */
const struct pfs_ops fat_ops = FAT_OPS("vfat");
const struct pfs_ops fat_msdos_ops = FAT_OPS("msdos");
