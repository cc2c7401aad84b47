/*
 * masix/virtio.h - virtio 1.0 devices: queues, and the PCI transport through mapped registers.
 *
 * A driver claims its device at hw, opens it here, agrees on features, makes its queues in memory from hw_dma_alloc, and
 * starts it. All queue memory is seen by the device: what is read back from it (used rings) is checked like a client's
 * message. The queue half is plain C and is tested on the host; nothing here blocks or starts a thread.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.0, sections 2.4 and 4.1.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MASIX_VIRTIO_H
#define MASIX_VIRTIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Queues ---- */

#define VIRTQ_MAX	256	/* descriptors of one queue */

struct virtq_desc {
	uint64_t	qd_addr;	/* physical */
	uint32_t	qd_len;
	uint16_t	qd_flags;
	uint16_t	qd_next;
};

struct virtq_used_elem {
	uint32_t	qu_id;
	uint32_t	qu_len;
};

/* One piece of a request. */
struct virtq_buf {
	uint64_t	vb_phys;
	uint32_t	vb_len;
};

struct virtq {
	uint16_t	vq_size;	/* descriptors, a power of two */
	uint16_t	vq_free;	/* first free descriptor */
	uint16_t	vq_nfree;
	uint16_t	vq_added;	/* our copy of the available index */
	uint16_t	vq_seen;	/* used entries taken so far */
	bool		vq_broken;	/* the device answered nonsense: take no more from it */
	volatile struct virtq_desc *vq_desc;
	volatile uint16_t *vq_avail;	/* flags, index, ring */
	volatile uint16_t *vq_used;	/* flags, index */
	volatile struct virtq_used_elem *vq_used_ring;
	uint64_t	vq_desc_phys, vq_avail_phys, vq_used_phys;
	volatile uint16_t *vq_notify;	/* register to kick */
	uint16_t	vq_index;
	uint16_t	vq_chain[VIRTQ_MAX];	/* our copy of the links: the device may scribble on its own */
	void		*vq_cookie[VIRTQ_MAX];	/* of the chain that starts at this descriptor */
};

/* Bytes of device memory that a queue of SIZE descriptors needs. */
size_t virtq_bytes(unsigned int size);

/* Lay out a queue in zeroed memory MEM, which the device sees at PHYS. */
void virtq_init(struct virtq *q, void *mem, uint64_t phys, unsigned int size);

/* Queue one request: NOUT pieces that the device reads, then NIN that it writes. COOKIE (not NULL) comes back from
 * virtq_take. Errors: false  no NOUT + NIN descriptors are free */
bool virtq_add(struct virtq *q, const struct virtq_buf *bufs, unsigned int nout, unsigned int nin, void *cookie);

/* The next finished request's cookie and how many bytes the device wrote; NULL when there is none. */
void *virtq_take(struct virtq *q, uint32_t *written);

/* Whether a finished request waits to be taken. */
bool virtq_done(const struct virtq *q);

/* Ask for an interrupt when a request finishes, or for none. After asking, look with virtq_done once more. */
void virtq_interrupts(struct virtq *q, bool want);

/* Tell the device about the requests added, unless it said that it looks by itself. */
void virtq_kick(struct virtq *q);

/* ---- A device behind PCI (needs the server hw) ---- */

#ifndef MASIX_HOST_TEST

#include <mach/mach_types.h>

#define VIRTIO_VENDOR		0x1af4
#define VIRTIO_F_VERSION_1	32

#define VIRTIO_BARS		6

struct virtio_dev {
	mach_port_t	vd_hw;		/* the device's port at hw */
	volatile uint8_t *vd_map[VIRTIO_BARS];	/* base address registers, as far as they are mapped */
	uint32_t	vd_map_bytes[VIRTIO_BARS];
	volatile uint8_t *vd_common;	/* the common configuration structure */
	volatile uint8_t *vd_isr;
	volatile uint8_t *vd_config;	/* the device's own; NULL without one */
	size_t		vd_config_bytes;
	volatile uint8_t *vd_notify;
	size_t		vd_notify_bytes;
	uint32_t	vd_notify_step;
	uint64_t	vd_features;	/* agreed on */
};

/* Claim the INDEX-th device of TYPE (1 net, 2 block, 3 console, ...) at HW, map its registers and reset it.
 * Errors: MX_ENODEV none, MX_EBUSY taken, MX_EIO not a virtio 1.0 device, or the kernel's
 * Rights: the device's port is in vd_hw and stays the caller's. */
kern_return_t virtio_open(struct virtio_dev *dev, mach_port_t hw, unsigned int type, unsigned int index);

/* Reset the device and give it up. */
void virtio_close(struct virtio_dev *dev);

/* Take those of WANT that the device offers. Errors: MX_EIO the device refuses */
kern_return_t virtio_negotiate(struct virtio_dev *dev, uint64_t want);

/* Queue INDEX with at most MAX descriptors. Errors: MX_ENODEV no such queue, MX_EIO, or hw's */
kern_return_t virtio_queue_make(struct virtio_dev *dev, struct virtq *q, unsigned int index, unsigned int max);

/* Free a queue's memory, when the device is closed or reset. A queue that is all zeros has none. */
void virtio_queue_free(struct virtq *q);

/* Queues are ready: the device may work. */
void virtio_start(struct virtio_dev *dev);

/* Why the device interrupted (bit 0 queues, bit 1 configuration); reading quiets its line. */
uint8_t virtio_isr(struct virtio_dev *dev);

/* Wired memory that the device sees at *PHYS, in this task. Errors: hw_dma_alloc's */
kern_return_t virtio_memory(struct virtio_dev *dev, size_t bytes, void **mem, uint64_t *phys);

#endif /* MASIX_HOST_TEST */
#endif /* MASIX_VIRTIO_H */
