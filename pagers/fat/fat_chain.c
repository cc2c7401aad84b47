/*
 * fat_chain.c - the clusters of a file or directory, remembered as runs.
 *
 * A chain is walked as far as it is needed and never twice. A chain cannot have more clusters than the volume: a walk that finds
 * more goes round in a circle and ends with an error.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include "fat.h"

/* COUNT clusters from CL on come next. */
static kern_return_t
runs_add(struct fat_chain *fc, uint32_t cl, uint32_t count)
{
	struct fat_run *fr = fc->fc_nruns > 0 ? &fc->fc_runs[fc->fc_nruns - 1] : NULL;

	if (fr != NULL && fr->fr_cluster + fr->fr_count == cl) {
		fr->fr_count += count;
		fc->fc_known += count;
		return KERN_SUCCESS;
	}
	if (fc->fc_nruns == fc->fc_room) {
		uint32_t room = fc->fc_room != 0 ? fc->fc_room * 2 : 4;

		fr = realloc(fc->fc_runs, room * sizeof(*fr));
		if (fr == NULL)
			return MX_ENOMEM;
		fc->fc_runs = fr;
		fc->fc_room = room;
	}
	fc->fc_runs[fc->fc_nruns++] = (struct fat_run){ fc->fc_known, cl, count };
	fc->fc_known += count;
	return KERN_SUCCESS;
}

static uint32_t
last_of(const struct fat_chain *fc)
{
	const struct fat_run *fr = &fc->fc_runs[fc->fc_nruns - 1];

	return fr->fr_cluster + fr->fr_count - 1;
}

/* One step further. */
static kern_return_t
chain_step(struct fat_volume *fv, struct fat_chain *fc)
{
	uint32_t next = fc->fc_first;
	kern_return_t kr = KERN_SUCCESS;

	if (fc->fc_known > 0)
		kr = fat_table_get(fv, last_of(fc), &next);
	if (kr != KERN_SUCCESS)
		return kr;
	if (next == FAT_END || (fc->fc_known == 0 && next == 0)) {
		fc->fc_ended = true;
		return KERN_SUCCESS;
	}
	if (!fat_cluster_ok(fv, next) || fc->fc_known >= fv->fv_clusters)
		return MX_EIO;
	return runs_add(fc, next, 1);
}

kern_return_t
fat_chain_find(struct fat_volume *fv, struct fat_chain *fc, uint32_t index, uint32_t *cluster, uint32_t *count)
{
	uint32_t low = 0, high, mid;
	const struct fat_run *fr;
	kern_return_t kr;

	while (fc->fc_known <= index) {
		if (fc->fc_ended)
			return MX_ENOENT;
		kr = chain_step(fv, fc);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	for (high = fc->fc_nruns; high - low > 1; ) {
		mid = (low + high) / 2;
		if (fc->fc_runs[mid].fr_index <= index)
			low = mid;
		else
			high = mid;
	}
	fr = &fc->fc_runs[low];
	*cluster = fr->fr_cluster + (index - fr->fr_index);
	*count = fr->fr_count - (index - fr->fr_index);
	return KERN_SUCCESS;
}

kern_return_t
fat_chain_length(struct fat_volume *fv, struct fat_chain *fc, uint32_t max, uint32_t *length)
{
	kern_return_t kr;

	while (!fc->fc_ended) {
		if (fc->fc_known > max)
			return MX_EIO;
		kr = chain_step(fv, fc);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	*length = fc->fc_known;
	return KERN_SUCCESS;
}

/* Forget what lies behind LENGTH clusters. */
static void
runs_cut(struct fat_chain *fc, uint32_t length)
{
	struct fat_run *fr;

	while (fc->fc_nruns > 0) {
		fr = &fc->fc_runs[fc->fc_nruns - 1];
		if (fr->fr_index < length) {
			if (fr->fr_index + fr->fr_count > length)
				fr->fr_count = length - fr->fr_index;
			break;
		}
		fc->fc_nruns--;
	}
	if (fc->fc_known > length)
		fc->fc_known = length;
}

/* The chain FIRST, of COUNT clusters, comes after what there is. Where that may be on the disk already, it is linked when these
 * clusters are, too. */
static kern_return_t
chain_append(struct fat_volume *fv, struct fat_chain *fc, uint32_t first, uint32_t count)
{
	uint32_t last = fc->fc_known > 0 ? last_of(fc) : 0;
	kern_return_t kr = runs_add(fc, first, count);

	if (kr == KERN_SUCCESS && last != 0)
		kr = fc->fc_epoch == fv->fv_epoch ? fat_table_set(fv, last, first) : fat_table_link(fv, last, first);
	else if (kr == KERN_SUCCESS)
		fc->fc_first = first;
	if (kr != KERN_SUCCESS) {
		runs_cut(fc, fc->fc_known > count ? fc->fc_known - count : 0);
		(void)fat_table_give(fv, 0, first);
		return kr;
	}
	fc->fc_epoch = fv->fv_epoch;
	return KERN_SUCCESS;
}

kern_return_t
fat_chain_extend(struct fat_volume *fv, struct fat_chain *fc, uint32_t length)
{
	uint32_t before = 0, first, count;
	kern_return_t kr = fat_chain_length(fv, fc, fv->fv_clusters, &before);

	if (kr == KERN_SUCCESS && before > 0 && before < length && fat_table_is_kept(fv, last_of(fc)))
		kr = fat_meta_flush(fv);		/* first its old rest has to go */
	while (kr == KERN_SUCCESS && fc->fc_known < length) {
		kr = fat_table_take(fv, fc->fc_known > 0 ? last_of(fc) : 0, length - fc->fc_known, &first, &count);
		if (kr == KERN_SUCCESS)
			kr = chain_append(fv, fc, first, count);
	}
	if (kr != KERN_SUCCESS && fc->fc_ended && fc->fc_known > before)
		(void)fat_chain_cut(fv, fc, before);	/* what was taken waits to be free again */
	return kr;
}

kern_return_t
fat_chain_cut(struct fat_volume *fv, struct fat_chain *fc, uint32_t length)
{
	uint32_t keep = 0, head = fc->fc_first, count;
	kern_return_t kr = KERN_SUCCESS;

	if (head == 0)
		return KERN_SUCCESS;
	if (length > 0) {
		kr = fat_chain_find(fv, fc, length - 1, &keep, &count);
		if (kr == MX_ENOENT)
			return KERN_SUCCESS;		/* it is shorter */
		if (kr == KERN_SUCCESS)
			kr = fat_table_get(fv, keep, &head);
	}
	if (kr == KERN_SUCCESS && fat_cluster_ok(fv, head))
		kr = fat_table_give(fv, keep, head);
	if (kr != KERN_SUCCESS)
		return kr;
	runs_cut(fc, length);
	fc->fc_ended = true;
	if (length == 0)
		fc->fc_first = 0;
	return KERN_SUCCESS;
}

void
fat_chain_free(struct fat_chain *fc)
{
	free(fc->fc_runs);
	fc->fc_runs = NULL;
	fc->fc_nruns = fc->fc_room = fc->fc_known = 0;
	fc->fc_ended = false;
}
