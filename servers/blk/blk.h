/*
 * blk.h - what the parts of the virtio disk driver share.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLK_DRIVER_H
#define BLK_DRIVER_H

#include <masix/blkdev.h>
#include <masix/server.h>
#include <masix/virtio.h>

#define VBLK_MAJOR	254
#define VBLK_DISKS_MAX	26	/* vda to vdz */
#define VBLK_REQUESTS	64	/* of one disk at a time */
#define VBLK_PIECES	(BLKDEV_READ_MAX * BLKDEV_SECTOR / 4096 + 1)

/* ---- memory.c: memory that devices see ---- */

/* One run of such memory. */
struct dma_buffer {
	char		*db_memory;
	uint64_t	db_phys;
	size_t		db_bytes;
	struct dma_pool	*db_pool;
	struct dma_buffer *db_next;
};

#define DMA_SMALL	8192u
#define DMA_LARGE	65536u

/* Rights: takes HOST. Errors: the kernel's */
kern_return_t dma_start(mach_port_t host);
/* A buffer of DMA_LARGE bytes, or for at most DMA_SMALL of that; and back. It can be smaller while memory is short. Blocks: until there is
 * one. */
struct dma_buffer *dma_take(size_t bytes);
bool dma_is_there(size_t bytes);
void dma_give(struct dma_buffer *db);
/* New memory of whole pages for BYTES, which can be moved away: where a device sees it, in *COUNT pieces (VBLK_PIECES at most). It stays
 * where it is until dma_pages_release, after which it is memory as any other. Errors: MX_ENOMEM */
kern_return_t dma_pages_make(size_t bytes, void **pages, struct virtq_buf *piece, unsigned int *count);
void dma_pages_release(void *pages, size_t bytes);

/* ---- device.c: one disk ---- */

struct vblk_request {
	struct virtq_buf vr_header, vr_status, vr_range;	/* as the device sees them */
	volatile char	*vr_memory;
	bool		vr_is_done;
	struct mx_cond	vr_done;
	struct vblk_request *vr_next;	/* free */
};

struct vblk {
	struct mx_object vb_object;	/* hears of interrupts */
	struct blkdev_disk vb_disk;
	struct virtio_dev vb_dev;
	struct virtq	vb_queue;
	uint32_t	vb_discard_max, vb_zero_max;	/* sectors of one request; 0: the device cannot */
	struct blkdev_ops vb_ops;
	unsigned int	vb_pieces_max, vb_gather_max;	/* pieces of one request; buffers */
	unsigned int	vb_in_flight;
	struct vblk_request vb_request[VBLK_REQUESTS], *vb_free;
	struct mx_cond	vb_room;	/* a request or descriptors became free */
};

/* The INDEX-th virtio disk of the machine. Errors: MX_ENODEV there is none; why it cannot be used */
kern_return_t vblk_start(mach_port_t hw, unsigned int index);
/* Let go of all devices: none of them reads or writes memory any more. */
void vblk_stop_all(void);

/* ---- recover.c ---- */

extern const struct mx_server blk_server_description;

#endif /* BLK_DRIVER_H */
