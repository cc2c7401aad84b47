/*
 * ext2_core.c - mounting, unmounting, and the table of operations.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "ext2.h"

#define CACHE_BYTES	(4u << 20)

void (*ext2_volume_begun)(struct ext2_volume *ev);
void (*ext2_volume_ends)(struct ext2_volume *ev);

/* ---- Mounting ---- */

static bool
option_is(const struct pfs_mount_args *args, const char *key, const char *value)
{
	char found[32];

	return pfs_option_get(args, key, found, sizeof(found)) && strcmp(found, value) == 0;
}

static bool
option_has(const struct pfs_mount_args *args, const char *word)
{
	const char *p = args->ma_options, *end = p + args->ma_options_len, *comma;
	size_t len = strlen(word);

	for (; p < end; p = comma + 1) {
		comma = memchr(p, ',', (size_t)(end - p));
		if (comma == NULL)
			comma = end;
		if ((size_t)(comma - p) == len && memcmp(p, word, len) == 0)
			return true;
	}
	return false;
}

static void
options_decode(struct ext2_volume *ev, const struct pfs_mount_args *args)
{
	if (option_is(args, "errors", "continue"))
		ev->ev_errors = EXT2_ERRORS_CONTINUE;
	else if (option_is(args, "errors", "remount-ro"))
		ev->ev_errors = EXT2_ERRORS_RO;
	else if (option_is(args, "errors", "panic"))
		ev->ev_errors = EXT2_ERRORS_PANIC;
	ev->ev_no_user_xattr = option_has(args, "nouser_xattr");
}

/* The volume was not unmounted: replay its journal, and read everything again. */
static kern_return_t
volume_recover(struct ext2_volume *ev, bool write)
{
	kern_return_t kr = ext2_journal_replay(ev);

	if (kr != KERN_SUCCESS)
		return kr;
	ext2_nodes_rest(ev);			/* the journal's node */
	ext2_journal_free(ev);
	ext2_super_unload(ev);
	kr = ext2_super_load(ev, write);
	if (kr != KERN_SUCCESS)
		return kr;
	ev->ev_super->s_feature_incompat &= ~EXT2_IN_RECOVER;
	kr = ext2_super_write(ev);
	if (kr == KERN_SUCCESS)
		kr = blk_flush(ev->ev_disk);
	return kr == KERN_SUCCESS ? ext2_journal_load(ev, write) : kr;
}

/* Say on the disk that the volume is in use: by the journal, or by the state. */
static kern_return_t
volume_mark(struct ext2_volume *ev)
{
	struct ext2_super *sb = ev->ev_super;
	struct ext2_journal *jo = ev->ev_journal;
	kern_return_t kr = KERN_SUCCESS;

	if (!(sb->s_state & EXT2_VALID_FS) || (sb->s_state & EXT2_ERROR_FS))
		mx_log(MX_LOG_WARNING, "ext2: the volume was not unmounted, or has errors: run e2fsck on it");
	sb->s_mtime = sb->s_wtime = (uint32_t)(mx_real_ns() / 1000000000u);
	if (sb->s_mnt_count < UINT16_MAX)
		sb->s_mnt_count++;
	if (jo != NULL) {
		((struct jbd_super *)jo->jo_super)->s_feature_incompat |= be32(JBD_IN_REVOKE);
		sb->s_feature_incompat |= EXT2_IN_RECOVER;
		kr = ext2_journal_super_write(ev, jo->jo_first, jo->jo_tid);
		if (kr == KERN_SUCCESS)
			kr = blk_flush(ev->ev_disk);
	} else {
		sb->s_state &= (uint16_t)~EXT2_VALID_FS;
	}
	if (kr == KERN_SUCCESS)
		kr = ext2_super_write(ev);
	return kr == KERN_SUCCESS ? blk_flush(ev->ev_disk) : kr;
}

/* The disk is open. RECOVER: the journal may be replayed, though nothing else is to be written. */
static kern_return_t
volume_load(struct ext2_volume *ev, bool write, bool recover)
{
	kern_return_t kr = ext2_super_load(ev, write);

	if (kr != KERN_SUCCESS)
		return kr;
	if (!ext2_has_compat(ev, EXT2_COMPAT_HAS_JOURNAL))
		return ext2_has_incompat(ev, EXT2_IN_RECOVER) ? MX_EINVAL : KERN_SUCCESS;
	if (!write && (!ext2_has_incompat(ev, EXT2_IN_RECOVER) || !recover))
		return KERN_SUCCESS;		/* it is not needed */
	kr = ext2_journal_load(ev, write);
	if (kr == KERN_SUCCESS && ext2_has_incompat(ev, EXT2_IN_RECOVER))
		kr = volume_recover(ev, write);
	return kr;
}

static void
volume_free(struct ext2_volume *ev)
{
	ext2_journal_free(ev);
	ext2_super_unload(ev);
	if (ev->ev_disk != NULL)
		blk_disk_close(ev->ev_disk);
	free(ev);
}

/* Does what is on the disk want its journal replayed? */
static bool
wants_recovery(struct blk_disk *disk)
{
	struct ext2_super *sb = malloc(sizeof(*sb));
	bool wants = sb != NULL && blk_disk_bytes(disk) >= EXT2_SUPER_OFFSET + EXT2_SUPER_SIZE &&
		blk_read(disk, EXT2_SUPER_OFFSET, sb, sizeof(*sb)) == KERN_SUCCESS && sb->s_magic == EXT2_MAGIC &&
		sb->s_rev_level > 0 && (sb->s_feature_incompat & EXT2_IN_RECOVER);

	free(sb);
	return wants;
}

/* Open the disk: for writing also when only the journal is to be replayed. */
static kern_return_t
disk_open(struct ext2_volume *ev, bool write, bool *recover)
{
	kern_return_t kr = blk_disk_open(ev->ev_source, ev->ev_source_len, write, &ev->ev_disk);

	if (kr != KERN_SUCCESS || write)
		return kr;
	*recover = *recover && wants_recovery(ev->ev_disk);
	if (!*recover)
		return KERN_SUCCESS;
	blk_disk_close(ev->ev_disk);
	ev->ev_disk = NULL;
	kr = blk_disk_open(ev->ev_source, ev->ev_source_len, true, &ev->ev_disk);
	if (kr == MX_EROFS)
		mx_log(MX_LOG_ERROR, "ext2: the volume was not unmounted, and its disk cannot be written: mount with -o noload to look at it");
	return kr;
}

static kern_return_t
core_mount(struct pfs_volume *vol, const struct pfs_mount_args *args)
{
	struct ext2_volume *ev = calloc(1, sizeof(*ev));
	bool write = (vol->pv_flags & PFS_RDONLY) == 0, recover = !option_has(args, "noload") && !option_has(args, "norecovery");
	struct ext2_node *root;
	kern_return_t kr;

	if (ev == NULL)
		return MX_ENOMEM;
	if (args->ma_source_len > sizeof(ev->ev_source)) {
		free(ev);
		return MX_ENOTBLK;
	}
	memcpy(ev->ev_source, args->ma_source, args->ma_source_len);
	ev->ev_source_len = args->ma_source_len;
	ev->ev_volume = vol;
	ev->ev_readonly = true;			/* until all is known to be well */
	ev->ev_generation = (uint32_t)mx_real_ns();
	options_decode(ev, args);
	kr = disk_open(ev, write, &recover);
	if (kr != KERN_SUCCESS) {
		free(ev);
		return kr;
	}
	ev->ev_cache.ca_max = CACHE_BYTES / 4096;
	ext2_lock(ev);
	kr = volume_load(ev, write, recover);
	if (kr == KERN_SUCCESS && write)
		kr = volume_mark(ev);
	if (kr == KERN_SUCCESS && write) {
		ev->ev_readonly = false;
		kr = ext2_orphans_finish(ev);
	}
	if (kr == KERN_SUCCESS)
		kr = ext2_node_get(ev, EXT2_ROOT_INO, &root);
	if (kr == KERN_SUCCESS && !pfs_node_is_dir(&root->en_node)) {
		pfs_node_release(&root->en_node);
		kr = ext2_error(ev, "the root is no directory");
	}
	if (kr != KERN_SUCCESS) {
		ev->ev_readonly = true;
		ext2_nodes_rest(ev);
		ext2_unlock(ev);
		volume_free(ev);
		return kr;
	}
	ext2_unlock(ev);
	vol->pv_private = ev;
	vol->pv_root = &root->en_node;
	if (ext2_volume_begun != NULL)
		ext2_volume_begun(ev);
	return KERN_SUCCESS;
}

/* ---- Unmounting ---- */

/* Everything goes to its place, and the disk says that nobody uses the volume. */
static kern_return_t
volume_finish(struct ext2_volume *ev)
{
	kern_return_t kr;

	ext2_nodes_rest(ev);
	if (ev->ev_readonly)
		return KERN_SUCCESS;
	kr = ext2_commit(ev);
	if (kr == KERN_SUCCESS && ev->ev_journal != NULL)
		kr = ext2_journal_end(ev);
	if (kr != KERN_SUCCESS || ev->ev_broken) {
		mx_log(MX_LOG_ERROR, "ext2: the volume could not be unmounted cleanly");
		return MX_EIO;
	}
	ev->ev_readonly = true;
	ev->ev_super->s_feature_incompat &= ~EXT2_IN_RECOVER;
	if (ev->ev_journal == NULL && !(ev->ev_super->s_state & EXT2_ERROR_FS))
		ev->ev_super->s_state |= EXT2_VALID_FS;
	ev->ev_super->s_wtime = (uint32_t)(mx_real_ns() / 1000000000u);
	kr = ext2_super_write(ev);
	return kr == KERN_SUCCESS ? blk_flush(ev->ev_disk) : kr;
}

static void
core_unmount(struct pfs_volume *vol)
{
	struct ext2_volume *ev = vol->pv_private;

	(void)pfs_store_sync(vol);
	pfs_node_release(vol->pv_root);
	if (ext2_volume_ends != NULL)
		ext2_volume_ends(ev);
	ext2_lock(ev);
	while (ev->ev_nnodes > 0) {		/* all come to rest: nobody can have one any more */
		ext2_nodes_rest(ev);
		if (ev->ev_nnodes > 0)
			ext2_wait(ev);
	}
	(void)volume_finish(ev);
	ext2_unlock(ev);
	volume_free(ev);
}

/* ---- Changing between the two ---- */

/* The disk is opened again, for writing; what is in memory is what is on it. */
static kern_return_t
disk_reopen(struct ext2_volume *ev)
{
	struct blk_disk *disk;
	kern_return_t kr = blk_disk_open(ev->ev_source, ev->ev_source_len, true, &disk);

	if (kr != KERN_SUCCESS)
		return kr == MX_EBUSY ? KERN_SUCCESS : kr;	/* by this volume itself: it was writable before */
	blk_disk_close(ev->ev_disk);
	ev->ev_disk = disk;
	return KERN_SUCCESS;
}

static kern_return_t
volume_writable(struct ext2_volume *ev)
{
	kern_return_t kr = ext2_super_writable(ev);

	if (kr == KERN_SUCCESS && (ev->ev_broken || ext2_has_incompat(ev, EXT2_IN_RECOVER)))
		kr = MX_EROFS;			/* an error, or a journal that was not replayed: unmount it first */
	if (kr == KERN_SUCCESS)
		kr = disk_reopen(ev);
	if (kr == KERN_SUCCESS && ext2_has_compat(ev, EXT2_COMPAT_HAS_JOURNAL)) {
		ext2_journal_free(ev);
		kr = ext2_journal_load(ev, true);
	}
	if (kr == KERN_SUCCESS)
		kr = volume_mark(ev);
	if (kr != KERN_SUCCESS)
		return kr;
	ev->ev_readonly = false;
	return ext2_orphans_finish(ev);
}

static kern_return_t
core_remount(struct pfs_volume *vol, uint32_t flags)
{
	struct ext2_volume *ev = vol->pv_private;
	kern_return_t kr;

	ext2_lock(ev);
	kr = flags & PFS_RDONLY ? volume_finish(ev) : volume_writable(ev);
	ext2_unlock(ev);
	return kr;
}

/* ---- The volume ---- */

static kern_return_t
core_statfs(struct pfs_volume *vol, struct mx_statfs *st)
{
	const struct ext2_volume *ev = vol->pv_private;
	uint64_t free_blocks = ev->ev_free_blocks > ev->ev_delayed ? ev->ev_free_blocks - ev->ev_delayed : 0;

	st->sf_bsize = ev->ev_block_size;
	st->sf_blocks = ev->ev_blocks - ev->ev_overhead;
	st->sf_bfree = free_blocks;
	st->sf_bavail = free_blocks > ev->ev_reserved_blocks ? free_blocks - ev->ev_reserved_blocks : 0;
	st->sf_files = ev->ev_inodes;
	st->sf_ffree = ev->ev_free_inodes;
	return KERN_SUCCESS;
}

static kern_return_t
core_sync(struct pfs_volume *vol)
{
	struct ext2_volume *ev = vol->pv_private;
	kern_return_t kr = pfs_store_sync(vol), kr2;

	ext2_lock(ev);
	ext2_nodes_rest(ev);
	kr2 = ext2_commit(ev);
	ext2_unlock(ev);
	return kr != KERN_SUCCESS ? kr : kr2;
}

void
ext2_volume_work(struct ext2_volume *ev, bool commit)
{
	ext2_lock(ev);
	ext2_nodes_rest(ev);
	if (commit)
		(void)ext2_commit_changes(ev);
	ext2_unlock(ev);
}

/* ---- Nodes ---- */

static kern_return_t
core_readdir(struct pfs_node *dir, uint64_t cookie, int32_t who, struct pfs_dirents *out)
{
	struct ext2_volume *ev = ext2_volume_of(dir);
	kern_return_t kr;

	(void)who;
	ext2_lock(ev);
	kr = ext2_dir_read(ext2_node_of(dir), cookie, out);
	ext2_unlock(ev);
	return kr;
}

static kern_return_t
core_setattr(struct pfs_node *node, const struct mx_setattr *set)
{
	struct ext2_volume *ev = ext2_volume_of(node);
	kern_return_t kr = ext2_begin(ev, 4);

	(void)set;
	if (kr != KERN_SUCCESS)
		return kr;
	ext2_node_changed(ext2_node_of(node));
	ext2_end(ev);
	return KERN_SUCCESS;
}

static kern_return_t
core_truncate(struct pfs_node *node, uint64_t size)
{
	struct ext2_volume *ev = ext2_volume_of(node);
	uint64_t max = ev->ev_super->s_rev_level == 0 ? INT32_MAX : ev->ev_max_size;

	if (ev->ev_readonly || ev->ev_broken)
		return MX_EROFS;
	return size > max ? MX_EFBIG : pfs_store_truncate(node, size);
}

#define EXT2_OPS(name) { \
	.po_name = name, \
	.po_cache = MX_CACHE_FOREVER, \
	.po_magic = EXT2_MAGIC, \
	.po_mount = core_mount, \
	.po_unmount = core_unmount, \
	.po_statfs = core_statfs, \
	.po_sync = core_sync, \
	.po_remount = core_remount, \
	.po_lookup = ext2_lookup, \
	.po_create = ext2_create, \
	.po_link = ext2_link, \
	.po_unlink = ext2_unlink, \
	.po_rename = ext2_rename, \
	.po_readdir = core_readdir, \
	.po_setattr = core_setattr, \
	.po_readlink = ext2_readlink, \
	.po_getxattr = ext2_getxattr, \
	.po_setxattr = ext2_setxattr, \
	.po_listxattr = ext2_listxattr, \
	.po_release = ext2_node_release, \
	.po_read = pfs_store_read, \
	.po_write = pfs_store_write, \
	.po_truncate = core_truncate, \
	.po_fsync = ext2_fsync, \
	.po_write_back = pfs_store_clean, \
	.po_pager = pfs_store_pager, \
	.po_reserve = pfs_store_reserve, \
	.po_seek = ext2_seek, \
	.po_allocate = ext2_allocate, \
}

const struct pfs_ops ext2_ops = EXT2_OPS("ext2");
const struct pfs_ops ext3_ops = EXT2_OPS("ext3");
const struct pfs_ops ext4_ops = EXT2_OPS("ext4");
