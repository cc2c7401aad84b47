/*
 * ext2_replay.c - what the journal holds goes to its place: the volume was not unmounted.
 *
 * The log is read three times: (1) how far do complete transactions reach, (2) which blocks were revoked, and up to which transaction,
 * (3) write each block that was not revoked later. Repeating it does no harm, so that the power may be cut in its middle.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "ext2.h"

struct revoked { uint64_t block; uint32_t tid; };

enum pass { SCAN, REVOKE, WRITE };

struct replay {
	struct ext2_volume *rp_volume;
	enum pass	rp_pass;
	uint8_t		*rp_head, *rp_data;	/* a block each */
	uint32_t	rp_at, rp_tid, rp_steps;
	uint32_t	rp_end;		/* the first transaction that is not complete */
	uint32_t	rp_written;
	bool		rp_is_64bit;
	struct revoked	*rp_revoked;
	uint32_t	rp_nrevoked, rp_room;
};

static kern_return_t
log_read(struct replay *rp, uint8_t *buf)
{
	struct ext2_volume *ev = rp->rp_volume;
	struct ext2_journal *jo = ev->ev_journal;
	uint64_t block = ext2_journal_block(jo, rp->rp_at);

	rp->rp_at = rp->rp_at + 1 < jo->jo_len ? rp->rp_at + 1 : jo->jo_first;
	rp->rp_steps++;
	return blk_read(ev->ev_disk, block << ev->ev_block_shift, buf, ev->ev_block_size);
}

/* ---- Revoked blocks ---- */

static int
by_block(const void *a, const void *b)
{
	const struct revoked *x = a, *y = b;

	if (x->block != y->block)
		return x->block < y->block ? -1 : 1;
	return (int32_t)(x->tid - y->tid) < 0 ? -1 : x->tid != y->tid;
}

static kern_return_t
revoke_add(struct replay *rp, uint64_t block)
{
	struct revoked *more;

	if (rp->rp_nrevoked == rp->rp_room) {
		more = realloc(rp->rp_revoked, (rp->rp_room * 2 + 64) * sizeof(*more));
		if (more == NULL)
			return MX_ENOMEM;
		rp->rp_revoked = more;
		rp->rp_room = rp->rp_room * 2 + 64;
	}
	rp->rp_revoked[rp->rp_nrevoked++] = (struct revoked){ block, rp->rp_tid };
	return KERN_SUCCESS;
}

/* Was BLOCK revoked by this transaction or a later one? */
static bool
is_revoked(const struct replay *rp, uint64_t block)
{
	uint32_t low = 0, high = rp->rp_nrevoked, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (rp->rp_revoked[mid].block <= block)
			low = mid + 1;
		else
			high = mid;
	}
	/* The last one with this number is the latest. */
	return low > 0 && rp->rp_revoked[low - 1].block == block && (int32_t)(rp->rp_revoked[low - 1].tid - rp->rp_tid) >= 0;
}

static kern_return_t
revoke_decode(struct replay *rp)
{
	const struct ext2_volume *ev = rp->rp_volume;
	uint32_t used = be32(((struct jbd_revoke *)rp->rp_head)->r_count), at, size = rp->rp_is_64bit ? 8 : 4;
	uint64_t block;
	kern_return_t kr = KERN_SUCCESS;

	if (rp->rp_pass != REVOKE)
		return KERN_SUCCESS;
	if (used > ev->ev_block_size)
		used = ev->ev_block_size;
	for (at = sizeof(struct jbd_revoke); at + size <= used && kr == KERN_SUCCESS; at += size) {
		block = be32(*(uint32_t *)(rp->rp_head + at));
		if (rp->rp_is_64bit)
			block = block << 32 | be32(*(uint32_t *)(rp->rp_head + at + 4));
		kr = revoke_add(rp, block);
	}
	return kr;
}

/* ---- Blocks ---- */

static kern_return_t
block_replay(struct replay *rp, uint64_t block, uint32_t flags)
{
	struct ext2_volume *ev = rp->rp_volume;
	kern_return_t kr;

	if (rp->rp_pass != WRITE || is_revoked(rp, block)) {
		rp->rp_at = rp->rp_at + 1 < ev->ev_journal->jo_len ? rp->rp_at + 1 : ev->ev_journal->jo_first;
		rp->rp_steps++;
		return KERN_SUCCESS;
	}
	kr = log_read(rp, rp->rp_data);
	if (kr != KERN_SUCCESS)
		return kr;
	if (block >= ev->ev_blocks)
		return ext2_error(ev, "the journal has a block %llu, which is outside", (unsigned long long)block);
	if (flags & JBD_TAG_ESCAPE)
		*(uint32_t *)rp->rp_data = be32(JBD_MAGIC);
	rp->rp_written++;
	return blk_write(ev->ev_disk, block << ev->ev_block_shift, rp->rp_data, ev->ev_block_size);
}

static kern_return_t
descriptor_replay(struct replay *rp)
{
	const struct ext2_volume *ev = rp->rp_volume;
	uint32_t at = sizeof(struct jbd_header), size = rp->rp_is_64bit ? 12 : 8, flags;
	uint64_t block;
	kern_return_t kr;

	while (at + size <= ev->ev_block_size) {
		block = be32(*(uint32_t *)(rp->rp_head + at));
		flags = be32(*(uint32_t *)(rp->rp_head + at + 4)) & 0xffff;
		if (rp->rp_is_64bit)
			block |= (uint64_t)be32(*(uint32_t *)(rp->rp_head + at + 8)) << 32;
		at += size + (flags & JBD_TAG_SAME_UUID ? 0 : 16);
		kr = block_replay(rp, block, flags);
		if (kr != KERN_SUCCESS || (flags & JBD_TAG_LAST))
			return kr;
	}
	return KERN_SUCCESS;
}

/* One pass, to the first transaction that is not complete. */
static kern_return_t
pass_run(struct replay *rp, enum pass pass)
{
	struct ext2_journal *jo = rp->rp_volume->ev_journal;
	const struct jbd_super *js = (struct jbd_super *)jo->jo_super;
	const struct jbd_header *h = (struct jbd_header *)rp->rp_head;
	kern_return_t kr = KERN_SUCCESS;

	rp->rp_pass = pass;
	rp->rp_at = be32(js->s_start);
	rp->rp_tid = be32(js->s_sequence);
	rp->rp_steps = 0;
	while (kr == KERN_SUCCESS && rp->rp_steps < jo->jo_len && (pass == SCAN || rp->rp_tid != rp->rp_end)) {
		kr = log_read(rp, rp->rp_head);
		if (kr != KERN_SUCCESS || h->h_magic != be32(JBD_MAGIC) || be32(h->h_sequence) != rp->rp_tid)
			break;
		if (h->h_blocktype == be32(JBD_DESCRIPTOR))
			kr = descriptor_replay(rp);
		else if (h->h_blocktype == be32(JBD_REVOKE))
			kr = revoke_decode(rp);
		else if (h->h_blocktype == be32(JBD_COMMIT))
			rp->rp_tid++;
		else
			break;
	}
	if (pass == SCAN)
		rp->rp_end = rp->rp_tid;
	return kr;
}

static kern_return_t
passes_run(struct replay *rp)
{
	kern_return_t kr = pass_run(rp, SCAN);

	if (kr == KERN_SUCCESS)
		kr = pass_run(rp, REVOKE);
	if (kr != KERN_SUCCESS)
		return kr;
	if (rp->rp_nrevoked > 0)
		qsort(rp->rp_revoked, rp->rp_nrevoked, sizeof(*rp->rp_revoked), by_block);
	return pass_run(rp, WRITE);
}

kern_return_t
ext2_journal_replay(struct ext2_volume *ev)
{
	struct ext2_journal *jo = ev->ev_journal;
	const struct jbd_super *js = (struct jbd_super *)jo->jo_super;
	struct replay rp = { .rp_volume = ev };
	kern_return_t kr = KERN_SUCCESS;

	rp.rp_end = be32(js->s_sequence);
	rp.rp_is_64bit = js->s_header.h_blocktype == be32(JBD_SUPER_V2) && (be32(js->s_feature_incompat) & JBD_IN_64BIT);
	rp.rp_head = malloc(ev->ev_block_size);
	rp.rp_data = malloc(ev->ev_block_size);
	if (rp.rp_head == NULL || rp.rp_data == NULL)
		kr = MX_ENOMEM;
	if (kr == KERN_SUCCESS && js->s_start != 0)
		kr = passes_run(&rp);
	free(rp.rp_head);
	free(rp.rp_data);
	free(rp.rp_revoked);
	if (kr == KERN_SUCCESS)
		kr = blk_flush(ev->ev_disk);
	if (kr != KERN_SUCCESS)
		return kr;
	mx_log(MX_LOG_INFO, "ext2: %u transactions of the journal were replayed, %u blocks", rp.rp_end - be32(js->s_sequence), rp.rp_written);
	jo->jo_tid = rp.rp_end + 1;		/* what is left of an incomplete one is never taken for a new one */
	kr = ext2_journal_super_write(ev, 0, jo->jo_tid);
	return kr == KERN_SUCCESS ? blk_flush(ev->ev_disk) : kr;
}
