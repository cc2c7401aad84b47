/*
 * ext2_journal.c - transactions.
 *
 * What is changed under one hold of ev_lock belongs to one transaction, the running one: the blocks of metadata that are dirty. A commit
 * (1) waits until contents that go to newly allocated blocks are on the disk (ordered mode), (2) writes all those blocks to the log, (3)
 * flushes the disk, (4) writes the commit block durably. After (4) the transaction happens even if the power is cut; before it, it has not
 * happened at all. The blocks go to their places at a checkpoint, which follows a commit at once, so that nothing is dirty then,
 * when half of the log or of the cache is used up.
 *
 * A block of metadata that is freed is revoked: replaying older transactions must not write it over the contents that it may have by then.
 *
 * The lock is held during a commit, which is a few writes in a row; who wants its own changes to be durable finds them so when it gets it.
 *
 * Without journal the same functions write what is dirty in an order that e2fsck repairs best: bitmaps, maps, inodes, names.
 *
 * Source: the format of JBD, version 2 superblock, no checksums.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "ext2.h"

#define PLAIN_MAX	384u		/* blocks that may be dirty without journal: about, as the cache may grow */

/* ---- The log as blocks ---- */

uint64_t
ext2_journal_block(const struct ext2_journal *jo, uint32_t n)
{
	uint32_t low = 0, high = jo->jo_nruns, mid;

	while (high - low > 1) {
		mid = (low + high) / 2;
		if (jo->jo_runs[mid].ru_first <= n)
			low = mid;
		else
			high = mid;
	}
	return jo->jo_runs[low].ru_block + (n - jo->jo_runs[low].ru_first);
}

/* Blocks from N on that lie together on the disk and before the log's end. */
static uint32_t
together(const struct ext2_journal *jo, uint32_t n)
{
	uint32_t i = 1;

	while (n + i < jo->jo_len && ext2_journal_block(jo, n + i) == ext2_journal_block(jo, n) + i && i < EXT2_OUT)
		i++;
	return i;
}

static uint32_t
log_next(const struct ext2_journal *jo, uint32_t n, uint32_t by)
{
	return n + by < jo->jo_len ? n + by : n + by - jo->jo_len + jo->jo_first;
}

static uint32_t
log_free(const struct ext2_journal *jo)
{
	uint32_t size = jo->jo_len - jo->jo_first;

	return size - (jo->jo_head + size - jo->jo_tail) % size - 1;
}

static kern_return_t
out_write(struct ext2_volume *ev)
{
	struct ext2_journal *jo = ev->ev_journal;
	uint32_t i, n;
	kern_return_t kr;

	for (i = 0; i < jo->jo_nout; i += n) {
		n = together(jo, jo->jo_at);
		if (n > jo->jo_nout - i)
			n = jo->jo_nout - i;
		kr = blk_write(ev->ev_disk, ext2_journal_block(jo, jo->jo_at) << ev->ev_block_shift,
			jo->jo_out + (i << ev->ev_block_shift), n << ev->ev_block_shift);
		if (kr != KERN_SUCCESS)
			return kr;
		jo->jo_at = log_next(jo, jo->jo_at, n);
	}
	jo->jo_nout = 0;
	return KERN_SUCCESS;
}

/* A zeroed block that goes next to the log. */
static kern_return_t
out_block(struct ext2_volume *ev, void **out)
{
	struct ext2_journal *jo = ev->ev_journal;
	kern_return_t kr = jo->jo_nout == EXT2_OUT ? out_write(ev) : KERN_SUCCESS;

	if (kr != KERN_SUCCESS)
		return kr;
	*out = memset(jo->jo_out + (jo->jo_nout++ << ev->ev_block_shift), 0, ev->ev_block_size);
	return KERN_SUCCESS;
}

static void
header_set(const struct ext2_journal *jo, struct jbd_header *h, uint32_t type)
{
	h->h_magic = be32(JBD_MAGIC);
	h->h_blocktype = be32(type);
	h->h_sequence = be32(jo->jo_tid);
}

kern_return_t
ext2_journal_super_write(struct ext2_volume *ev, uint32_t start, uint32_t sequence)
{
	struct ext2_journal *jo = ev->ev_journal;
	struct jbd_super *js = (struct jbd_super *)jo->jo_super;

	js->s_start = be32(start);
	js->s_sequence = be32(sequence);
	return blk_write(ev->ev_disk, ext2_journal_block(jo, 0) << ev->ev_block_shift, jo->jo_super, ev->ev_block_size);
}

/* ---- Revoked blocks ---- */

void
ext2_journal_revoke(struct ext2_volume *ev, uint64_t block)
{
	struct ext2_journal *jo = ev->ev_journal;
	uint64_t *more;

	if (jo == NULL)
		return;
	if (jo->jo_nrevoke == jo->jo_revoke_room) {
		more = realloc(jo->jo_revoke, (jo->jo_revoke_room * 2 + 64) * sizeof(*more));
		if (more == NULL) {
			ext2_break(ev, "no memory");	/* going on would not be safe */
			return;
		}
		jo->jo_revoke = more;
		jo->jo_revoke_room = jo->jo_revoke_room * 2 + 64;
	}
	jo->jo_revoke[jo->jo_nrevoke++] = block;
}

void
ext2_journal_unrevoke(struct ext2_volume *ev, uint64_t block)
{
	struct ext2_journal *jo = ev->ev_journal;
	uint32_t i;

	if (jo == NULL)
		return;
	for (i = 0; i < jo->jo_nrevoke; i++)
		if (jo->jo_revoke[i] == block)
			jo->jo_revoke[i--] = jo->jo_revoke[--jo->jo_nrevoke];
}

static uint32_t
revokes_per_block(const struct ext2_volume *ev)
{
	return (ev->ev_block_size - (uint32_t)sizeof(struct jbd_revoke)) / 4;
}

static kern_return_t
revokes_write(struct ext2_volume *ev)
{
	struct ext2_journal *jo = ev->ev_journal;
	uint32_t i, k, n;
	struct jbd_revoke *r;
	void *block;
	kern_return_t kr;

	for (i = 0; i < jo->jo_nrevoke; i += n) {
		kr = out_block(ev, &block);
		if (kr != KERN_SUCCESS)
			return kr;
		n = jo->jo_nrevoke - i < revokes_per_block(ev) ? jo->jo_nrevoke - i : revokes_per_block(ev);
		r = block;
		header_set(jo, &r->r_header, JBD_REVOKE);
		r->r_count = be32((uint32_t)sizeof(*r) + n * 4);
		for (k = 0; k < n; k++)
			((uint32_t *)(r + 1))[k] = be32((uint32_t)jo->jo_revoke[i + k]);
	}
	return KERN_SUCCESS;
}

/* ---- Commit ---- */

static uint32_t
tags_per_block(const struct ext2_volume *ev)
{
	return (ev->ev_block_size - (uint32_t)sizeof(struct jbd_header) - 16) / JBD_TAG_SIZE;
}

/* A descriptor for the N dirty blocks from BU on: their numbers. */
static kern_return_t
descriptor_write(struct ext2_volume *ev, const struct ext2_buf *bu, uint32_t n)
{
	struct ext2_journal *jo = ev->ev_journal;
	uint32_t i, flags;
	uint8_t *p;
	void *block;
	kern_return_t kr = out_block(ev, &block);

	if (kr != KERN_SUCCESS)
		return kr;
	header_set(jo, block, JBD_DESCRIPTOR);
	p = (uint8_t *)block + sizeof(struct jbd_header);
	for (i = 0; i < n; i++, bu = bu->bu_dirty) {
		flags = (i > 0 ? JBD_TAG_SAME_UUID : 0) | (i + 1 == n ? JBD_TAG_LAST : 0) |
			(*(const uint32_t *)bu->bu_data == be32(JBD_MAGIC) ? JBD_TAG_ESCAPE : 0);
		((uint32_t *)p)[0] = be32((uint32_t)bu->bu_block);
		((uint32_t *)p)[1] = be32(flags);
		p += JBD_TAG_SIZE;
		if (i == 0) {
			memcpy(p, ((struct jbd_super *)jo->jo_super)->s_uuid, 16);
			p += 16;
		}
	}
	return KERN_SUCCESS;
}

static kern_return_t
blocks_write(struct ext2_volume *ev)
{
	const struct ext2_buf *bu = ev->ev_cache.ca_dirty;
	uint32_t left = ev->ev_cache.ca_ndirty, n;
	void *block;
	kern_return_t kr = KERN_SUCCESS;

	while (left > 0 && kr == KERN_SUCCESS) {
		n = left < tags_per_block(ev) ? left : tags_per_block(ev);
		left -= n;
		kr = descriptor_write(ev, bu, n);
		for (; n > 0 && kr == KERN_SUCCESS; n--, bu = bu->bu_dirty) {
			kr = out_block(ev, &block);
			if (kr != KERN_SUCCESS)
				break;
			memcpy(block, bu->bu_data, ev->ev_block_size);
			if (*(uint32_t *)block == be32(JBD_MAGIC))
				*(uint32_t *)block = 0;
		}
	}
	return kr;
}

/* (3) and (4) */
static kern_return_t
commit_write(struct ext2_volume *ev)
{
	struct ext2_journal *jo = ev->ev_journal;
	struct jbd_commit *jc = (struct jbd_commit *)jo->jo_out;
	uint64_t now = mx_real_ns();
	kern_return_t kr = out_write(ev);

	if (kr == KERN_SUCCESS)
		kr = blk_flush(ev->ev_disk);
	if (kr != KERN_SUCCESS)
		return kr;
	memset(jc, 0, ev->ev_block_size);
	header_set(jo, &jc->c_header, JBD_COMMIT);
	jc->c_sec_hi = be32((uint32_t)(now / 1000000000u >> 32));
	jc->c_sec = be32((uint32_t)(now / 1000000000u));
	jc->c_nsec = be32((uint32_t)(now % 1000000000u));
	kr = blk_write_durable(ev->ev_disk, ext2_journal_block(jo, jo->jo_at) << ev->ev_block_shift, jc, ev->ev_block_size);
	jo->jo_at = log_next(jo, jo->jo_at, 1);
	return kr;
}

/* How much of the log the running transaction would take. */
static uint32_t
transaction_size(const struct ext2_volume *ev, uint32_t blocks)
{
	return blocks + blocks / tags_per_block(ev) + 1 + ev->ev_journal->jo_nrevoke / revokes_per_block(ev) + 1 + 1;
}

static kern_return_t
checkpoint(struct ext2_volume *ev)
{
	struct ext2_journal *jo = ev->ev_journal;
	kern_return_t kr = ext2_cache_checkpoint(ev, jo->jo_out);

	if (kr == KERN_SUCCESS)
		kr = blk_flush(ev->ev_disk);
	if (kr == KERN_SUCCESS)
		kr = ext2_journal_super_write(ev, jo->jo_head, jo->jo_tid);	/* the next commit's flush makes it last */
	if (kr != KERN_SUCCESS)
		return kr;
	jo->jo_tail = jo->jo_head;
	ext2_cache_trim(ev);
	return KERN_SUCCESS;
}

/* Steps (2) to (4), and a checkpoint if it is time. */
static kern_return_t
transaction_write(struct ext2_volume *ev)
{
	struct ext2_journal *jo = ev->ev_journal;
	kern_return_t kr;

	if (transaction_size(ev, ev->ev_cache.ca_ndirty) > log_free(jo)) {
		ext2_break(ev, "a transaction is larger than the journal");
		return MX_EIO;
	}
	jo->jo_at = jo->jo_head;
	jo->jo_nout = 0;
	kr = blocks_write(ev);
	if (kr == KERN_SUCCESS)
		kr = revokes_write(ev);
	if (kr == KERN_SUCCESS)
		kr = commit_write(ev);
	if (kr == KERN_SUCCESS) {
		jo->jo_head = jo->jo_at;
		jo->jo_tid++;
		jo->jo_nrevoke = 0;
		ext2_freed_clear(ev);
		ext2_cache_committed(ev);
		if (log_free(jo) < 2 * jo->jo_max || ev->ev_cache.ca_nckpt > ev->ev_cache.ca_max / 2)
			kr = checkpoint(ev);
	}
	if (kr != KERN_SUCCESS)
		ext2_break(ev, "the journal cannot be written");
	return kr;
}

/* (1) */
static void
writers_drain(struct ext2_volume *ev)
{
	ev->ev_draining++;
	while (ev->ev_writers > 0)
		ext2_wait(ev);
	ev->ev_draining--;
	mx_cond_broadcast(&ev->ev_changed);
}

static kern_return_t
journal_commit(struct ext2_volume *ev, bool all)
{
	kern_return_t kr;

	writers_drain(ev);
	kr = ext2_nodes_write(ev, all);
	if (kr != KERN_SUCCESS || ev->ev_broken)
		return kr != KERN_SUCCESS ? kr : MX_EIO;
	if (ev->ev_cache.ca_ndirty == 0 && ev->ev_journal->jo_nrevoke == 0)
		return blk_flush(ev->ev_disk);		/* contents alone */
	return transaction_write(ev);
}

/* ALL: not only what files need to be found and read; bitmaps and counts e2fsck makes from that. */
static kern_return_t
plain_commit(struct ext2_volume *ev, bool all)
{
	kern_return_t kr = ext2_nodes_write(ev, all);

	if (kr == KERN_SUCCESS)
		kr = ext2_cache_write(ev, all);
	if (kr == KERN_SUCCESS)
		kr = blk_flush(ev->ev_disk);
	ext2_cache_trim(ev);
	return kr;
}

static kern_return_t
commit(struct ext2_volume *ev, bool all)
{
	if (ev->ev_readonly)
		return KERN_SUCCESS;
	if (ev->ev_broken)
		return MX_EIO;
	return ev->ev_journal != NULL ? journal_commit(ev, all) : plain_commit(ev, all);
}

kern_return_t
ext2_commit(struct ext2_volume *ev)
{
	return commit(ev, true);
}

kern_return_t
ext2_commit_node(struct ext2_node *en)
{
	ext2_node_changed(en);
	return commit(en->en_volume, false);
}

kern_return_t
ext2_commit_changes(struct ext2_volume *ev)
{
	kern_return_t kr;

	if (ev->ev_readonly || ev->ev_broken)
		return KERN_SUCCESS;
	kr = ext2_nodes_write(ev, true);
	if (kr != KERN_SUCCESS || (ev->ev_cache.ca_ndirty == 0 && (ev->ev_journal == NULL || ev->ev_journal->jo_nrevoke == 0)))
		return kr;
	return ext2_commit(ev);
}

uint32_t
ext2_tid(const struct ext2_volume *ev)
{
	return ev->ev_journal != NULL ? ev->ev_journal->jo_tid : 0;
}

kern_return_t
ext2_commit_tid(struct ext2_volume *ev, uint32_t tid)
{
	if (ev->ev_journal != NULL && tid != ev->ev_journal->jo_tid && !ev->ev_readonly && !ev->ev_broken)
		return blk_flush(ev->ev_disk);
	return commit(ev, false);
}

/* ---- Operations ---- */

void
ext2_lock(struct ext2_volume *ev)
{
	mx_mutex_lock(&ev->ev_lock);
}

void
ext2_unlock(struct ext2_volume *ev)
{
	mx_mutex_unlock(&ev->ev_lock);
}

void
ext2_wait(struct ext2_volume *ev)
{
	mx_mutex_unlock(&ev->ev_lock);
	mx_cond_wait(&ev->ev_changed);
	mx_mutex_lock(&ev->ev_lock);
}

/* Inodes that are made one after the other share blocks; only a journal has an end that must not be reached. */
static bool
has_room(const struct ext2_volume *ev, uint32_t credits)
{
	uint32_t blocks = ev->ev_cache.ca_ndirty + credits;

	if (ev->ev_journal == NULL)
		return blocks + ev->ev_nchanged / 8 < PLAIN_MAX;
	return transaction_size(ev, blocks + ev->ev_nchanged) <= ev->ev_journal->jo_max;
}

kern_return_t
ext2_extend(struct ext2_volume *ev, uint32_t credits)
{
	kern_return_t kr;

	while (!has_room(ev, credits) && (ev->ev_cache.ca_ndirty > 0 || ev->ev_nchanged > 0) && !ev->ev_broken) {
		kr = ext2_commit(ev);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	return ev->ev_broken ? MX_EROFS : KERN_SUCCESS;
}

kern_return_t
ext2_begin(struct ext2_volume *ev, uint32_t credits)
{
	kern_return_t kr;

	ext2_lock(ev);
	kr = ev->ev_readonly || ev->ev_broken ? MX_EROFS : ext2_extend(ev, credits);
	if (kr != KERN_SUCCESS)
		ext2_unlock(ev);
	return kr;
}

void
ext2_end(struct ext2_volume *ev)
{
	ext2_unlock(ev);
}

/* ---- Beginning and end ---- */

/* Where the journal's blocks are. */
static kern_return_t
runs_load(struct ext2_volume *ev, struct ext2_node *en)
{
	struct ext2_journal *jo = ev->ev_journal;
	uint64_t blocks = en->en_node.pn_attr.at_size >> ev->ev_block_shift, block;
	uint32_t n, count;
	struct ext2_run *more;
	kern_return_t kr;

	if (blocks < 1024 || blocks > ev->ev_blocks)
		return ext2_error(ev, "the journal cannot have %llu blocks", (unsigned long long)blocks);
	for (n = 0; n < blocks; n += count) {
		kr = ext2_map(en, n, (uint32_t)blocks - n, &block, &count);
		if (kr != KERN_SUCCESS)
			return kr;
		if (block == 0)
			return ext2_error(ev, "the journal has no block %u", n);
		more = realloc(jo->jo_runs, (jo->jo_nruns + 1) * sizeof(*more));
		if (more == NULL)
			return MX_ENOMEM;
		jo->jo_runs = more;
		more[jo->jo_nruns++] = (struct ext2_run){ block, n, count };
	}
	jo->jo_len = (uint32_t)blocks;
	return KERN_SUCCESS;
}

static kern_return_t
super_load(struct ext2_volume *ev)
{
	struct ext2_journal *jo = ev->ev_journal;
	const struct jbd_super *js = (struct jbd_super *)jo->jo_super;
	kern_return_t kr = blk_read(ev->ev_disk, ext2_journal_block(jo, 0) << ev->ev_block_shift, jo->jo_super, ev->ev_block_size);
	uint32_t type = be32(js->s_header.h_blocktype);

	if (kr != KERN_SUCCESS)
		return kr;
	if (js->s_header.h_magic != be32(JBD_MAGIC) || (type != JBD_SUPER_V2 && type != JBD_SUPER_V1) ||
	    be32(js->s_blocksize) != ev->ev_block_size || be32(js->s_maxlen) > jo->jo_len || be32(js->s_maxlen) < 1024 ||
	    be32(js->s_first) == 0 || be32(js->s_first) > be32(js->s_maxlen) - 1000 ||
	    (js->s_start != 0 && (be32(js->s_start) < be32(js->s_first) || be32(js->s_start) >= be32(js->s_maxlen))))
		return ext2_error(ev, "the journal's superblock cannot be right");
	jo->jo_first = be32(js->s_first);
	jo->jo_len = be32(js->s_maxlen);
	jo->jo_tid = be32(js->s_sequence);
	return KERN_SUCCESS;
}

/* Can we write such a journal, and (REPLAY) read it? */
static kern_return_t
features_check(struct ext2_volume *ev, bool write, bool replay)
{
	const struct jbd_super *js = (struct jbd_super *)ev->ev_journal->jo_super;
	bool is_v2 = js->s_header.h_blocktype == be32(JBD_SUPER_V2);
	uint32_t in = is_v2 ? be32(js->s_feature_incompat) : 0;

	if (replay && (in & ~(JBD_IN_REVOKE | JBD_IN_64BIT)) != 0) {
		mx_log(MX_LOG_ERROR, "ext2: the volume was not unmounted, and its journal has features (0x%x) that cannot be "
			"replayed here: run e2fsck on it, or mount it where it was used", in);
		return MX_EINVAL;
	}
	if (write && (!is_v2 || (in & ~JBD_IN_REVOKE) != 0 || js->s_feature_compat != 0 || js->s_feature_ro_compat != 0)) {
		mx_log(MX_LOG_WARNING, "ext2: a journal with features (0x%x) or of version 1: mounted read-only only", in);
		return MX_EROFS;
	}
	return KERN_SUCCESS;
}

static kern_return_t
journal_find(struct ext2_volume *ev)
{
	struct ext2_node *en;
	kern_return_t kr;

	if (ev->ev_super->s_journal_inum == 0) {
		mx_log(MX_LOG_ERROR, "ext2: the volume's journal is on another disk, which is not supported");
		return MX_EINVAL;
	}
	kr = ext2_node_get(ev, ev->ev_super->s_journal_inum, &en);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = (en->en_node.pn_attr.at_mode & MX_S_IFMT) == MX_S_IFREG ? runs_load(ev, en) : ext2_error(ev, "the journal is no file");
	pfs_node_release(&en->en_node);
	return kr;
}

kern_return_t
ext2_journal_load(struct ext2_volume *ev, bool write)
{
	bool replay = ext2_has_incompat(ev, EXT2_IN_RECOVER);
	struct ext2_journal *jo = calloc(1, sizeof(*jo));
	kern_return_t kr;

	if (jo == NULL)
		return MX_ENOMEM;
	ev->ev_journal = jo;
	jo->jo_super = malloc(ev->ev_block_size);
	jo->jo_out = malloc(EXT2_OUT << ev->ev_block_shift);
	if (jo->jo_super == NULL || jo->jo_out == NULL)
		return MX_ENOMEM;
	kr = journal_find(ev);
	if (kr == KERN_SUCCESS)
		kr = super_load(ev);
	if (kr == KERN_SUCCESS)
		kr = features_check(ev, write, replay);
	if (kr != KERN_SUCCESS)
		return kr;
	jo->jo_max = (jo->jo_len - jo->jo_first) / 4;
	if (jo->jo_max > ev->ev_cache.ca_max / 2)
		jo->jo_max = ev->ev_cache.ca_max / 2;
	jo->jo_head = jo->jo_tail = jo->jo_first;
	return KERN_SUCCESS;
}

kern_return_t
ext2_journal_end(struct ext2_volume *ev)
{
	kern_return_t kr = checkpoint(ev);

	if (kr == KERN_SUCCESS)
		kr = ext2_journal_super_write(ev, 0, ev->ev_journal->jo_tid);
	return kr == KERN_SUCCESS ? blk_flush(ev->ev_disk) : kr;
}

void
ext2_journal_free(struct ext2_volume *ev)
{
	struct ext2_journal *jo = ev->ev_journal;

	if (jo == NULL)
		return;
	free(jo->jo_runs);
	free(jo->jo_revoke);
	free(jo->jo_super);
	free(jo->jo_out);
	free(jo);
	ev->ev_journal = NULL;
}
