/*
 * vq.c - one virtio queue.
 *
 * The three rings lie in memory that the device writes too, so nothing that decides where we read or write is taken from
 * them: the free list and the chains are ours (vq_chain), and an id in the used ring that is not the head of a chain in
 * flight breaks the queue instead of the driver.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <masix/virtio.h>

#define DESC_NEXT	1
#define DESC_WRITE	2
#define AVAIL_NO_INTERRUPT 1
#define USED_NO_NOTIFY	1
#define CHAIN_END	0xffff

/* x86 keeps stores in order; a store followed by a load of what the device writes needs the fence. */
#define barrier()	__asm__ volatile("" ::: "memory")
#define fence()		__asm__ volatile("lock; addl $0,(%%esp)" ::: "memory", "cc")

static size_t
virtq_avail_offset(unsigned int size)
{
	return size * sizeof(struct virtq_desc);
}

static size_t
virtq_used_offset(unsigned int size)
{
	return (virtq_avail_offset(size) + 6 + 2 * size + 3) & ~(size_t)3;
}

size_t
virtq_bytes(unsigned int size)
{
	return virtq_used_offset(size) + 6 + sizeof(struct virtq_used_elem) * size;
}

void
virtq_init(struct virtq *q, void *mem, uint64_t phys, unsigned int size)
{
	uint8_t *base = mem;

	q->vq_size = (uint16_t)size;
	q->vq_free = 0;
	q->vq_nfree = (uint16_t)size;
	q->vq_added = q->vq_seen = 0;
	q->vq_broken = false;
	q->vq_desc = (volatile struct virtq_desc *)base;
	q->vq_avail = (volatile uint16_t *)(base + virtq_avail_offset(size));
	q->vq_used = (volatile uint16_t *)(base + virtq_used_offset(size));
	q->vq_used_ring = (volatile struct virtq_used_elem *)(base + virtq_used_offset(size) + 4);
	q->vq_desc_phys = phys;
	q->vq_avail_phys = phys + virtq_avail_offset(size);
	q->vq_used_phys = phys + virtq_used_offset(size);
	q->vq_notify = NULL;
	for (unsigned int i = 0; i < size; i++) {
		q->vq_chain[i] = (uint16_t)(i + 1 < size ? i + 1 : CHAIN_END);
		q->vq_cookie[i] = NULL;
	}
}

bool
virtq_add(struct virtq *q, const struct virtq_buf *bufs, unsigned int nout, unsigned int nin, void *cookie)
{
	unsigned int n = nout + nin;
	uint16_t head = q->vq_free, at = head, last = head;

	if (q->vq_broken || n == 0 || n > q->vq_nfree)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		volatile struct virtq_desc *d = &q->vq_desc[at];

		d->qd_addr = bufs[i].vb_phys;
		d->qd_len = bufs[i].vb_len;
		d->qd_flags = (uint16_t)((i + 1 < n ? DESC_NEXT : 0) | (i >= nout ? DESC_WRITE : 0));
		d->qd_next = (uint16_t)(i + 1 < n ? q->vq_chain[at] : 0);
		last = at;
		at = q->vq_chain[at];
	}
	q->vq_free = at;
	q->vq_chain[last] = CHAIN_END;
	q->vq_nfree = (uint16_t)(q->vq_nfree - n);
	q->vq_cookie[head] = cookie;

	q->vq_avail[2 + (q->vq_added & (q->vq_size - 1))] = head;
	barrier();
	q->vq_avail[1] = ++q->vq_added;
	return true;
}

bool
virtq_done(const struct virtq *q)
{
	return !q->vq_broken && q->vq_used != NULL && q->vq_used[1] != q->vq_seen;
}

/* Give the chain that starts at HEAD back to the free list. */
static void
virtq_release(struct virtq *q, uint16_t head)
{
	uint16_t at = head;

	q->vq_nfree++;
	while (q->vq_chain[at] != CHAIN_END) {
		at = q->vq_chain[at];
		q->vq_nfree++;
	}
	q->vq_chain[at] = q->vq_free;
	q->vq_free = head;
	q->vq_cookie[head] = NULL;
}

void *
virtq_take(struct virtq *q, uint32_t *written)
{
	uint32_t id, len;
	void *cookie;

	if (!virtq_done(q))
		return NULL;
	barrier();
	id = q->vq_used_ring[q->vq_seen & (q->vq_size - 1)].qu_id;
	len = q->vq_used_ring[q->vq_seen & (q->vq_size - 1)].qu_len;
	if (id >= q->vq_size || q->vq_cookie[id] == NULL) {
		q->vq_broken = true;
		return NULL;
	}
	cookie = q->vq_cookie[id];
	virtq_release(q, (uint16_t)id);
	q->vq_seen++;
	if (written)
		*written = len;
	return cookie;
}

void
virtq_interrupts(struct virtq *q, bool want)
{
	q->vq_avail[0] = want ? 0 : AVAIL_NO_INTERRUPT;
	fence();
}

void
virtq_kick(struct virtq *q)
{
	fence();
	if (q->vq_notify != NULL && !(q->vq_used[0] & USED_NO_NOTIFY))
		*q->vq_notify = q->vq_index;
}
