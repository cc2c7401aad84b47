/*
 * fat_file.c - contents of files: between pages and clusters.
 *
 * FAT knows no holes: a file has clusters for all of its size. They are taken when bytes are promised (st_reserve) and not written
 * before somebody stores them: fn_valid says how far the disk has the file's bytes. Behind it pages read as zeros without a look at
 * the disk, and before anything is stored behind it, or the directory says that the file is longer, the zeros are written.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "fat.h"

#define ZEROS	(64u << 10)		/* bytes of zeros written at once */

static kern_return_t
map_locked(struct pfs_node *node, uint64_t offset, uint64_t max, uint64_t *disk, uint64_t *bytes)
{
	struct fat_volume *fv = fat_volume_of(node);
	struct fat_chain *fc = &fat_node_of(node)->fn_chain;
	uint32_t first = (uint32_t)(offset / fv->fv_cluster), last = (uint32_t)((offset + max - 1) / fv->fv_cluster), cluster, count;
	uint64_t in = offset % fv->fv_cluster;
	kern_return_t kr;

	(void)fat_chain_find(fv, fc, last, &cluster, &count);	/* walk as far as is asked, so that the run is known */
	kr = fat_chain_find(fv, fc, first, &cluster, &count);
	if (kr != KERN_SUCCESS)
		return kr == MX_ENOENT ? MX_EIO : kr;	/* the chain is shorter than the file */
	*disk = fat_cluster_pos(fv, cluster) + in;
	*bytes = (uint64_t)count * fv->fv_cluster - in;
	if (*bytes > max)
		*bytes = max;
	return KERN_SUCCESS;
}

static kern_return_t
file_map(struct pfs_node *node, uint64_t offset, uint64_t max, uint64_t *disk, uint64_t *bytes)
{
	struct fat_volume *fv = fat_volume_of(node);
	kern_return_t kr;

	mx_mutex_lock(&fv->fv_mutex);
	kr = map_locked(node, offset, max, disk, bytes);
	mx_mutex_unlock(&fv->fv_mutex);
	return kr;
}

static kern_return_t
file_fetch(struct pfs_node *node, uint32_t page, uint32_t npages, void **pages, uint32_t *got)
{
	struct fat_node *fn = fat_node_of(node);

	return od_fetch(fn->fn_volume->fv_disk, node, file_map, fn->fn_valid, page, npages, pages, got);
}

/* ---- Zeros ---- */

/* The rest of the sector that the valid bytes end in. */
static kern_return_t
sector_fill(struct fat_node *fn)
{
	uint8_t buf[BLK_SECTOR];
	uint64_t disk, bytes, start = fn->fn_valid & ~(uint64_t)(BLK_SECTOR - 1);
	size_t in = (size_t)(fn->fn_valid - start);
	kern_return_t kr;

	if (in == 0)
		return KERN_SUCCESS;
	kr = file_map(&fn->fn_node, start, BLK_SECTOR, &disk, &bytes);
	if (kr == KERN_SUCCESS)
		kr = blk_read(fn->fn_volume->fv_disk, disk, buf, BLK_SECTOR);
	if (kr != KERN_SUCCESS)
		return kr;
	memset(buf + in, 0, BLK_SECTOR - in);
	return blk_write(fn->fn_volume->fv_disk, disk, buf, BLK_SECTOR);
}

/* Bytes up to END are on the disk. Locks: fn_mutex held */
static kern_return_t
zeros_write(struct fat_node *fn, uint64_t end)
{
	uint64_t at = (fn->fn_valid + BLK_SECTOR - 1) & ~(uint64_t)(BLK_SECTOR - 1), n;
	uint8_t *zeros;
	kern_return_t kr;

	if (fn->fn_valid >= end)
		return KERN_SUCCESS;
	kr = sector_fill(fn);
	if (kr != KERN_SUCCESS || at >= end) {
		fn->fn_valid = kr == KERN_SUCCESS ? end : fn->fn_valid;
		return kr;
	}
	zeros = calloc(1, ZEROS);
	if (zeros == NULL)
		return MX_ENOMEM;
	for (; at < end && kr == KERN_SUCCESS; at += n) {
		n = end - at < ZEROS ? end - at : ZEROS;
		kr = od_store(fn->fn_volume->fv_disk, &fn->fn_node, file_map, at, zeros, (size_t)n);
		if (kr == KERN_SUCCESS)
			fn->fn_valid = at + n;
	}
	free(zeros);
	return kr;
}

kern_return_t
fat_file_fill(struct fat_node *fn, uint64_t size)
{
	kern_return_t kr;

	if (fn->fn_valid >= size)
		return KERN_SUCCESS;
	mx_mutex_lock(&fn->fn_mutex);
	kr = zeros_write(fn, size);
	mx_mutex_unlock(&fn->fn_mutex);
	return kr;
}

/* ---- Storing ---- */

static kern_return_t
file_store(struct pfs_node *node, uint32_t page, const void *data, uint32_t npages)
{
	struct fat_node *fn = fat_node_of(node);
	struct blk_disk *bd = fn->fn_volume->fv_disk;
	uint64_t offset = (uint64_t)page * MX_PAGE, end = offset + (uint64_t)npages * MX_PAGE;
	kern_return_t kr;

	if (end > fn->fn_promised)
		end = fn->fn_promised;
	if (end <= offset)
		return KERN_SUCCESS;
	if (end <= fn->fn_valid)
		return od_store(bd, node, file_map, offset, data, (size_t)(end - offset));
	mx_mutex_lock(&fn->fn_mutex);
	kr = zeros_write(fn, offset);
	if (kr == KERN_SUCCESS)
		kr = od_store(bd, node, file_map, offset, data, (size_t)(end - offset));
	if (kr == KERN_SUCCESS && fn->fn_valid < end)
		fn->fn_valid = end;
	mx_mutex_unlock(&fn->fn_mutex);
	if (fn->fn_disk_size != node->pn_attr.at_size)
		fat_node_dirty(fn);
	return kr;
}

static kern_return_t
file_reserve(struct pfs_node *node, uint64_t offset, uint64_t length, bool *fresh)
{
	struct fat_node *fn = fat_node_of(node);
	struct fat_volume *fv = fn->fn_volume;
	uint64_t end = offset + length;
	uint32_t clusters;
	kern_return_t kr = KERN_SUCCESS;

	*fresh = end > fn->fn_valid;
	if (fv->fv_readonly)
		return MX_EROFS;
	if (end > FAT_SIZE_MAX || end < offset)
		return MX_EFBIG;
	clusters = (uint32_t)((end + fv->fv_cluster - 1) / fv->fv_cluster);
	mx_mutex_lock(&fv->fv_mutex);
	if (fn->fn_chain.fc_known < clusters)
		kr = fat_chain_extend(fv, &fn->fn_chain, clusters);
	mx_mutex_unlock(&fv->fv_mutex);
	if (kr != KERN_SUCCESS)
		return kr;
	if (fn->fn_promised < end)
		fn->fn_promised = end;
	fat_node_dirty(fn);
	return KERN_SUCCESS;
}

static kern_return_t
file_trim(struct pfs_node *node, uint64_t size)
{
	struct fat_node *fn = fat_node_of(node);
	struct fat_volume *fv = fn->fn_volume;
	kern_return_t kr = KERN_SUCCESS;

	mx_mutex_lock(&fn->fn_mutex);
	mx_mutex_lock(&fv->fv_mutex);
	fn->fn_promised = size;
	if (fn->fn_valid > size)
		fn->fn_valid = size;
	if (fn->fn_disk_size > size && fn->fn_pos != 0)
		kr = fat_slot_update(fn, size);
	if (kr == KERN_SUCCESS)
		kr = fat_chain_cut(fv, &fn->fn_chain, (uint32_t)((size + fv->fv_cluster - 1) / fv->fv_cluster));
	fat_blocks_set(fn);
	fat_node_dirty(fn);
	mx_mutex_unlock(&fv->fv_mutex);
	mx_mutex_unlock(&fn->fn_mutex);
	return kr;
}

static void
file_dirty(struct pfs_node *node)
{
	fat_blocks_set(fat_node_of(node));
	fat_node_dirty(fat_node_of(node));
}

kern_return_t
fat_file_fsync(struct pfs_node *node, bool dataonly)
{
	(void)dataonly;
	pfs_store_clean(node);
	return fat_node_sync(fat_node_of(node));
}

const struct pfs_store_ops fat_store_ops = {
	.st_fetch = file_fetch,
	.st_store = file_store,
	.st_reserve = file_reserve,
	.st_trim = file_trim,
	.st_dirty = file_dirty,
};

kern_return_t
fat_file_truncate(struct pfs_node *node, uint64_t size)
{
	bool fresh;
	kern_return_t kr = KERN_SUCCESS;

	if (size > FAT_SIZE_MAX)
		return MX_EFBIG;
	if (size > node->pn_attr.at_size)
		kr = file_reserve(node, node->pn_attr.at_size, size - node->pn_attr.at_size, &fresh);
	return kr == KERN_SUCCESS ? pfs_store_truncate(node, size) : kr;
}
