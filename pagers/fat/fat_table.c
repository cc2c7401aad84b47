/*
 * fat_table.c - the file allocation table: which cluster follows which, and which are free.
 *
 * Entries are read and written through the cache; all copies of the table are written alike. A cluster that a file gives up is not
 * free at once: its old owner's directory entry may still be on the disk. It waits in fv_pending, still chained, until that has been
 * written (fat_sync.c); so a cluster never has two owners on the disk.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "fat.h"

/* Where the entry of CL is, and its bytes. */
static uint64_t
entry_pos(const struct fat_volume *fv, uint32_t cl, size_t *n)
{
	*n = fv->fv_bits == 32 ? 4 : 2;
	return fv->fv_table + (fv->fv_bits == 12 ? cl + cl / 2 : (uint64_t)cl * *n);
}

/* An entry as of FAT32. */
static uint32_t
entry_widen(const struct fat_volume *fv, uint32_t v)
{
	uint32_t top = fv->fv_bits == 12 ? 0xff0u : 0xfff0u;

	if (fv->fv_bits != 32)
		v = v >= top ? v - top + 0x0ffffff0u : v;
	return v >= 0x0ffffff8u ? FAT_END : v;
}

/* What will follow CL, which is the end of a chain. */
static uint32_t
link_find(const struct fat_volume *fv, uint32_t cl)
{
	uint32_t i;

	for (i = 0; i < fv->fv_nlinks; i++)
		if (fv->fv_links[i].fp_keep == cl)
			return fv->fv_links[i].fp_head;
	return FAT_END;
}

kern_return_t
fat_table_get(struct fat_volume *fv, uint32_t cl, uint32_t *next)
{
	uint8_t b[4] = { 0 };
	size_t n;
	uint64_t pos = entry_pos(fv, cl, &n);
	kern_return_t kr;

	if (!fat_cluster_ok(fv, cl))
		return MX_EIO;
	kr = od_read(fv->fv_cache, pos, b, n);
	if (kr != KERN_SUCCESS)
		return kr;
	*next = od_le32(b) & 0x0fffffffu;
	if (fv->fv_bits == 12)
		*next = cl & 1 ? *next >> 4 : *next & 0xfff;
	*next = entry_widen(fv, *next);
	if (*next == FAT_END)
		*next = link_find(fv, cl);
	if (*next == FAT_FREE || *next == FAT_BAD || *next == FAT_END || fat_cluster_ok(fv, *next))
		return KERN_SUCCESS;
	mx_log(MX_LOG_WARNING, "fat: cluster %u is followed by %u, which there is not", (unsigned int)cl, (unsigned int)*next);
	return MX_EIO;
}

kern_return_t
fat_table_set(struct fat_volume *fv, uint32_t cl, uint32_t next)
{
	uint8_t b[4] = { 0 };
	size_t n;
	uint64_t pos = entry_pos(fv, cl, &n);
	uint32_t old;
	kern_return_t kr;

	mx_assert(fat_cluster_ok(fv, cl));
	kr = fat_mark(fv);
	if (kr == KERN_SUCCESS)
		kr = od_read(fv->fv_cache, pos, b, n);
	if (kr != KERN_SUCCESS)
		return kr;
	old = od_le32(b);
	if (fv->fv_bits == 12 && (cl & 1) != 0)
		next = next << 4 | (old & 0xf);
	else if (fv->fv_bits == 12)
		next = (next & 0xfff) | (old & 0xf000);
	else if (fv->fv_bits == 32)
		next = (next & 0x0fffffffu) | (old & 0xf0000000u);
	od_le32_put(b, next);
	return od_write(fv->fv_cache, pos, b, n, FAT_CLASS_TABLE);
}

/* ---- Taking ---- */

static kern_return_t
is_free(struct fat_volume *fv, uint32_t cl, bool *yes)
{
	uint32_t next;
	kern_return_t kr = fat_table_get(fv, cl, &next);

	*yes = kr == KERN_SUCCESS && next == FAT_FREE;
	return kr == MX_EIO ? KERN_SUCCESS : kr;	/* nonsense, or cannot be read: not free */
}

/* The first free cluster at or after FROM, once round. Errors: MX_ENOSPC */
static kern_return_t
free_find(struct fat_volume *fv, uint32_t from, uint32_t *out)
{
	uint32_t i, cl;
	bool yes;
	kern_return_t kr;

	if (!fat_cluster_ok(fv, from))
		from = 2;
	for (i = 0, cl = from; i < fv->fv_clusters; i++, cl = cl - 1 == fv->fv_clusters ? 2 : cl + 1) {
		kr = is_free(fv, cl, &yes);
		if (kr != KERN_SUCCESS)
			return kr;
		if (yes) {
			*out = cl;
			return KERN_SUCCESS;
		}
	}
	return MX_ENOSPC;
}

/* A free cluster, the one after NEAR if that is. */
static kern_return_t
place_find(struct fat_volume *fv, uint32_t near, uint32_t *out)
{
	bool yes = false;
	kern_return_t kr = KERN_SUCCESS;

	*out = near + 1;
	if (near != 0 && fat_cluster_ok(fv, near + 1))
		kr = is_free(fv, near + 1, &yes);
	if (kr != KERN_SUCCESS || yes)
		return kr;
	if (fv->fv_is_full)
		return MX_ENOSPC;
	kr = free_find(fv, fv->fv_hint, out);
	fv->fv_is_full = kr == MX_ENOSPC;
	return kr;
}

/* The clusters [FIRST, FIRST + COUNT) become a chain. Done from its end on: what fails leaves a chain that nobody owns. */
static kern_return_t
run_chain(struct fat_volume *fv, uint32_t first, uint32_t count)
{
	uint32_t i, next = FAT_END;
	kern_return_t kr = KERN_SUCCESS;

	for (i = count; i-- > 0 && kr == KERN_SUCCESS; next = first + i)
		kr = fat_table_set(fv, first + i, next);
	return kr;
}

kern_return_t
fat_table_take(struct fat_volume *fv, uint32_t near, uint32_t want, uint32_t *first, uint32_t *count)
{
	bool yes = true;
	kern_return_t kr = place_find(fv, near, first);

	if (kr == MX_ENOSPC && fv->fv_npending > 0) {	/* perhaps there will be some */
		kr = fat_meta_flush(fv);
		if (kr == KERN_SUCCESS)
			kr = place_find(fv, 0, first);
	}
	if (kr != KERN_SUCCESS)
		return kr;
	for (*count = 1; *count < want && fat_cluster_ok(fv, *first + *count); ++*count) {
		kr = is_free(fv, *first + *count, &yes);
		if (kr != KERN_SUCCESS)
			return kr;
		if (!yes)
			break;
	}
	kr = run_chain(fv, *first, *count);
	if (kr != KERN_SUCCESS)
		return kr;
	fv->fv_free -= *count < fv->fv_free ? *count : fv->fv_free;
	fv->fv_hint = *first + *count;
	return KERN_SUCCESS;
}

/* ---- Linking ---- */

kern_return_t
fat_table_link(struct fat_volume *fv, uint32_t tail, uint32_t head)
{
	kern_return_t kr = KERN_SUCCESS;

	if (fv->fv_nlinks == FAT_PENDING_MAX)
		kr = fat_meta_flush(fv);
	if (kr != KERN_SUCCESS)
		return kr;
	fv->fv_links[fv->fv_nlinks++] = (struct fat_pending){ tail, head };
	return KERN_SUCCESS;
}

kern_return_t
fat_table_link_now(struct fat_volume *fv)
{
	kern_return_t kr = KERN_SUCCESS;

	while (fv->fv_nlinks > 0 && kr == KERN_SUCCESS) {
		const struct fat_pending *fp = &fv->fv_links[fv->fv_nlinks - 1];

		kr = fat_table_set(fv, fp->fp_keep, fp->fp_head);
		if (kr == KERN_SUCCESS)
			fv->fv_nlinks--;
	}
	return kr;
}

/* ---- Giving ---- */

/* TAIL will not be followed by anything after all. False: it was not going to be. */
static bool
link_forget(struct fat_volume *fv, uint32_t tail)
{
	uint32_t i;

	for (i = 0; i < fv->fv_nlinks; i++) {
		if (fv->fv_links[i].fp_keep != tail)
			continue;
		fv->fv_links[i] = fv->fv_links[--fv->fv_nlinks];
		return true;
	}
	return false;
}

kern_return_t
fat_table_give(struct fat_volume *fv, uint32_t keep, uint32_t head)
{
	kern_return_t kr = KERN_SUCCESS;

	if (fv->fv_npending == FAT_PENDING_MAX)
		kr = fat_meta_flush(fv);
	if (kr != KERN_SUCCESS)
		return kr;
	if (keep != 0 && link_forget(fv, keep))
		keep = 0;
	fv->fv_pending[fv->fv_npending++] = (struct fat_pending){ keep, head };
	return KERN_SUCCESS;
}

kern_return_t
fat_table_end_now(struct fat_volume *fv)
{
	kern_return_t kr = KERN_SUCCESS;
	uint32_t i;

	for (i = 0; i < fv->fv_npending && kr == KERN_SUCCESS; i++) {
		if (fv->fv_pending[i].fp_keep != 0)
			kr = fat_table_set(fv, fv->fv_pending[i].fp_keep, FAT_END);
		if (kr == KERN_SUCCESS)
			fv->fv_pending[i].fp_keep = 0;
	}
	return kr;
}

static kern_return_t
chain_give(struct fat_volume *fv, uint32_t cl)
{
	uint32_t next;
	kern_return_t kr;

	for (; fat_cluster_ok(fv, cl); cl = next) {
		kr = fat_table_get(fv, cl, &next);
		if (kr == MX_EIO)
			next = FAT_END;			/* damaged: this is all there is */
		else if (kr != KERN_SUCCESS)
			return kr;
		if (next == FAT_FREE || next == FAT_BAD)
			break;				/* a loop, or somebody else's tail, which is gone */
		kr = fat_table_set(fv, cl, FAT_FREE);
		if (kr != KERN_SUCCESS)
			return kr;
		fv->fv_is_full = false;
		if (fv->fv_free < fv->fv_clusters)
			fv->fv_free++;
	}
	return KERN_SUCCESS;
}

kern_return_t
fat_table_give_now(struct fat_volume *fv)
{
	uint32_t i;
	kern_return_t kr = KERN_SUCCESS;

	for (i = 0; i < fv->fv_npending && kr == KERN_SUCCESS; i++)
		kr = chain_give(fv, fv->fv_pending[i].fp_head);
	if (kr != KERN_SUCCESS)
		i--;			/* it stays, with all after it */
	fv->fv_npending -= i;
	memmove(fv->fv_pending, fv->fv_pending + i, fv->fv_npending * sizeof(fv->fv_pending[0]));
	return kr;
}

bool
fat_table_is_kept(const struct fat_volume *fv, uint32_t cl)
{
	uint32_t i;

	for (i = 0; i < fv->fv_npending; i++)
		if (fv->fv_pending[i].fp_keep == cl)
			return true;
	return false;
}

/* ---- All of it ---- */

kern_return_t
fat_table_count(struct fat_volume *fv)
{
	uint32_t cl, n = 0;
	bool yes;
	kern_return_t kr;

	for (cl = 2; fat_cluster_ok(fv, cl); cl++) {
		kr = is_free(fv, cl, &yes);
		if (kr != KERN_SUCCESS)
			return kr;
		n += yes;
	}
	fv->fv_free = n;
	return KERN_SUCCESS;
}

kern_return_t
fat_table_write(void *ctx, uint64_t offset, const void *buf, size_t n)
{
	struct fat_volume *fv = ctx;
	kern_return_t kr = KERN_SUCCESS;
	uint32_t i;

	for (i = 0; i < fv->fv_tables && kr == KERN_SUCCESS; i++)
		kr = blk_write(fv->fv_disk, offset + i * fv->fv_table_bytes, buf, n);
	return kr;
}
