/*
 * fat_sync.c - the order in which things are written, so that a power cut does no harm.
 *
 *	(1) The dirty bit, before anything else.
 *	(2) Contents of files, and new directories' clusters.
 *	(3) The tables: the clusters that were taken, as chains that nobody owns; then what they follow.
 *	(4) The directories: new sizes and first clusters.
 *	(5) The tables: new ends of chains that were cut; then what is free.
 *
 * Between them the disk is flushed. What a cut between two of them leaves is clusters that belong to nobody, or to the end of a
 * chain that is longer than its file, and the dirty bit. A rename whose two slots lie in different sectors is flushed in between: a
 * cut there leaves two names for one chain, rather than none.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "fat.h"

#define INFO_FREE	488u		/* in FSInfo */
#define INFO_NEXT	492u

static struct fat_volume *volumes;

/* ---- The dirty bit and FSInfo ---- */

/* Change byte or word AT of the sector at POS. */
static kern_return_t
sector_patch(struct fat_volume *fv, uint64_t pos, void (*patch)(struct fat_volume *fv, uint8_t *sector))
{
	uint8_t buf[FAT_SECTOR];
	kern_return_t kr = od_read(fv->fv_cache, pos, buf, sizeof(buf));

	if (kr != KERN_SUCCESS)
		return kr;
	patch(fv, buf);
	return od_write_through(fv->fv_cache, pos, buf, sizeof(buf));
}

static void
state_set(struct fat_volume *fv, uint8_t *sector)
{
	sector[fv->fv_state] |= 1;
}

static void
state_clear(struct fat_volume *fv, uint8_t *sector)
{
	sector[fv->fv_state] &= (uint8_t)~1u;
}

static void
info_set(struct fat_volume *fv, uint8_t *sector)
{
	od_le32_put(sector + INFO_FREE, fv->fv_free);
	od_le32_put(sector + INFO_NEXT, fv->fv_hint);
}

kern_return_t
fat_mark(struct fat_volume *fv)
{
	kern_return_t kr;

	if (fv->fv_is_marked)
		return KERN_SUCCESS;
	if (fv->fv_readonly)
		return MX_EROFS;
	kr = sector_patch(fv, 0, state_set);
	if (kr == KERN_SUCCESS)
		kr = blk_flush(fv->fv_disk);
	fv->fv_is_marked = kr == KERN_SUCCESS;
	return kr;
}

/* ---- Metadata ---- */

static kern_return_t
tables_flush(struct fat_volume *fv)
{
	return od_flush(fv->fv_cache, FAT_CLASS_TABLE, fat_table_write, fv);
}

/* What STEP does to the tables comes after all that was written so far. */
static kern_return_t
tables_step(struct fat_volume *fv, kern_return_t (*step)(struct fat_volume *fv))
{
	kern_return_t kr = blk_flush(fv->fv_disk);

	if (kr == KERN_SUCCESS)
		kr = step(fv);
	return kr == KERN_SUCCESS ? tables_flush(fv) : kr;
}

static kern_return_t
dirs_flush(struct fat_volume *fv)
{
	kern_return_t kr;

	if (od_dirty(fv->fv_cache, FAT_CLASS_DIR) == 0)
		return KERN_SUCCESS;
	kr = blk_flush(fv->fv_disk);
	if (kr == KERN_SUCCESS)
		kr = od_flush(fv->fv_cache, FAT_CLASS_DIR, NULL, NULL);
	return kr;
}

static bool
has_ends(const struct fat_volume *fv)
{
	uint32_t i;

	for (i = 0; i < fv->fv_npending && fv->fv_pending[i].fp_keep == 0; i++)
		;
	return i < fv->fv_npending;
}

kern_return_t
fat_meta_flush(struct fat_volume *fv)
{
	kern_return_t kr = KERN_SUCCESS;

	fv->fv_epoch++;
	if (fv->fv_barrier)
		kr = blk_flush(fv->fv_disk);
	if (kr != KERN_SUCCESS)
		return kr;
	fv->fv_barrier = false;
	kr = tables_flush(fv);
	if (kr == KERN_SUCCESS && fv->fv_nlinks > 0)
		kr = tables_step(fv, fat_table_link_now);
	if (kr == KERN_SUCCESS)
		kr = dirs_flush(fv);
	if (kr == KERN_SUCCESS && has_ends(fv))
		kr = tables_step(fv, fat_table_end_now);
	if (kr == KERN_SUCCESS && fv->fv_npending > 0)
		kr = tables_step(fv, fat_table_give_now);
	return kr;
}

kern_return_t
fat_slot_update(struct fat_node *fn, uint64_t size)
{
	struct fat_volume *fv = fn->fn_volume;
	uint8_t raw[FAT_SLOT];
	kern_return_t kr;

	if (fn->fn_pos == 0)
		return KERN_SUCCESS;
	if (size > fn->fn_valid)
		size = fn->fn_valid;
	if (size > fn->fn_node.pn_attr.at_size)
		size = fn->fn_node.pn_attr.at_size;
	kr = fat_mark(fv);
	if (kr == KERN_SUCCESS)
		kr = od_read(fv->fv_cache, fn->fn_pos, raw, sizeof(raw));
	if (kr != KERN_SUCCESS)
		return kr;
	fn->fn_disk_size = (uint32_t)size;
	fn->fn_disk_mtime = fn->fn_node.pn_attr.at_mtime & ~INT64_C(1);
	fat_node_encode(fn, raw);
	return od_write(fv->fv_cache, fn->fn_pos, raw, sizeof(raw), FAT_CLASS_DIR);
}

/* ---- Everything ---- */

/* The slot of FN says SIZE, if the file is still so long. Locks: fv_mutex not held */
static kern_return_t
node_store(struct fat_node *fn, uint64_t size)
{
	struct fat_volume *fv = fn->fn_volume;
	kern_return_t kr = KERN_SUCCESS;

	if (!pfs_node_is_dir(&fn->fn_node))
		kr = fat_file_fill(fn, size);
	if (kr != KERN_SUCCESS)
		return kr;
	mx_mutex_lock(&fv->fv_mutex);
	kr = fat_slot_update(fn, size);
	if (kr == KERN_SUCCESS && (pfs_node_is_dir(&fn->fn_node) || fn->fn_disk_size == fn->fn_node.pn_attr.at_size))
		fat_node_clean(fn);
	mx_mutex_unlock(&fv->fv_mutex);
	return kr;
}

kern_return_t
fat_node_sync(struct fat_node *fn)
{
	struct fat_volume *fv = fn->fn_volume;
	kern_return_t kr = KERN_SUCCESS;

	if (fn->fn_is_dirty)
		kr = node_store(fn, fn->fn_node.pn_attr.at_size);
	mx_mutex_lock(&fv->fv_mutex);
	if (kr == KERN_SUCCESS)
		kr = fat_meta_flush(fv);
	if (kr == KERN_SUCCESS)
		kr = blk_flush(fv->fv_disk);
	mx_mutex_unlock(&fv->fv_mutex);
	return kr;
}

/* A node that was dirty when the sync began, with a reference. NULL: that was all. */
static struct fat_node *
node_next(struct fat_volume *fv)
{
	struct fat_node *fn;

	for (fn = fv->fv_dirty; fn != NULL && (!fn->fn_in_sync || fn->fn_is_dying); fn = fn->fn_dirty_next)
		;
	if (fn != NULL) {
		fn->fn_in_sync = false;
		fat_node_hold(fn);
	}
	return fn;
}

static kern_return_t
nodes_store(struct fat_volume *fv)
{
	kern_return_t kr, result = KERN_SUCCESS;
	struct fat_node *fn;

	for (fn = fv->fv_dirty; fn != NULL; fn = fn->fn_dirty_next) {
		fn->fn_in_sync = true;
		fn->fn_snapshot = fn->fn_node.pn_attr.at_size;
	}
	kr = pfs_store_sync(fv->fv_volume);
	if (kr != KERN_SUCCESS)
		result = kr;
	while ((fn = node_next(fv)) != NULL) {
		kr = node_store(fn, fn->fn_snapshot);
		if (kr != KERN_SUCCESS && result == KERN_SUCCESS)
			result = kr;
		pfs_node_release(&fn->fn_node);
	}
	return result;
}

kern_return_t
fat_volume_sync(struct fat_volume *fv)
{
	kern_return_t kr, kr2;

	if (fv->fv_readonly)
		return KERN_SUCCESS;
	mx_mutex_lock(&fv->fv_sync_mutex);
	kr = nodes_store(fv);
	fat_nodes_uncount(fv);				/* storing makes memory objects */
	mx_mutex_lock(&fv->fv_mutex);
	kr2 = fat_meta_flush(fv);
	if (kr2 == KERN_SUCCESS && fv->fv_is_marked)
		kr2 = blk_flush(fv->fv_disk);
	mx_mutex_unlock(&fv->fv_mutex);
	mx_mutex_unlock(&fv->fv_sync_mutex);
	return kr != KERN_SUCCESS ? kr : kr2;
}

kern_return_t
fat_volume_finish(struct fat_volume *fv)
{
	kern_return_t kr = KERN_SUCCESS;

	mx_mutex_lock(&fv->fv_mutex);
	if (!fv->fv_readonly)
		kr = fat_meta_flush(fv);
	if (kr == KERN_SUCCESS && fv->fv_is_marked) {
		kr = blk_flush(fv->fv_disk);
		if (kr == KERN_SUCCESS && fv->fv_info != 0)
			kr = sector_patch(fv, fv->fv_info, info_set);
		if (kr == KERN_SUCCESS && !fv->fv_was_dirty)
			kr = sector_patch(fv, 0, state_clear);
		if (kr == KERN_SUCCESS)
			kr = blk_flush(fv->fv_disk);
		fv->fv_is_marked = kr != KERN_SUCCESS;
	}
	mx_mutex_unlock(&fv->fv_mutex);
	return kr;
}

/* ---- All volumes ---- */

void
fat_volume_add(struct fat_volume *fv)
{
	fv->fv_next = volumes;
	volumes = fv;
}

void
fat_volume_remove(struct fat_volume *fv)
{
	struct fat_volume **p;

	mx_mutex_lock(&fv->fv_sync_mutex);	/* somebody may be at it */
	for (p = &volumes; *p != fv; p = &(*p)->fv_next)
		;
	*p = fv->fv_next;
	mx_mutex_unlock(&fv->fv_sync_mutex);
}

void
fat_sync_all(bool finish)
{
	struct fat_volume *fv;
	kern_return_t kr;

	for (fv = volumes; fv != NULL; fv = fv->fv_next) {
		kr = fat_volume_sync(fv);
		if (kr == KERN_SUCCESS && finish)
			kr = fat_volume_finish(fv);
		if (kr != KERN_SUCCESS)
			mx_log(MX_LOG_ERROR, "fat: what changed cannot be written: error %d", MX_ERRNO(kr));
	}
}
