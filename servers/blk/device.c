/*
 * device.c - one virtio disk: requests to it, and what it answers.
 *
 * A fibril puts its request into the queue and parks until it is done; as many as there is room for are under way together. No interrupt
 * is asked for before somebody parks: a lone request is looked for a moment, because it is often done before an interrupt could come
 * (two messages and four switches of address space), and everything that is done is taken before anybody sleeps.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.0, section 5.2; 1.1 for DISCARD and WRITE_ZEROES.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "blk.h"

#include <string.h>
#include "hw.h"
#include "hw_notify_S.h"

#define TYPE_BLOCK	2
#define QUEUE_SIZE	256
#define GATHER		4u	/* large buffers of one request */
#define SPIN_NS		60000u	/* how long a lone request is looked for */

#define F_SEG_MAX	(1ull << 2)
#define F_RO		(1ull << 5)
#define F_BLK_SIZE	(1ull << 6)
#define F_FLUSH		(1ull << 9)
#define F_DISCARD	(1ull << 13)
#define F_WRITE_ZEROES	(1ull << 14)

/* The configuration: offsets. */
#define CONFIG_CAPACITY	0
#define CONFIG_SEG_MAX	12
#define CONFIG_BLK_SIZE	20
#define CONFIG_DISCARD_MAX 36
#define CONFIG_ZERO_MAX	48

#define T_IN		0
#define T_OUT		1
#define T_FLUSH		4
#define T_DISCARD	11
#define T_WRITE_ZEROES	13

#define STATUS_OK	0

/* What a request has in the device's memory. */
struct request_memory {
	uint32_t	rm_type, rm_reserved;
	uint64_t	rm_sector;
	uint64_t	rm_range_sector;	/* of DISCARD */
	uint32_t	rm_range_count, rm_range_flags;
	uint8_t		rm_status;
	uint8_t		rm_pad[31];
};

extern mx_demux_t hw_notify_server;	/* MIG's */

static mx_demux_t *const vblk_demuxes[] = { hw_notify_server, NULL };
static struct mx_class vblk_class = {
	.mc_name = "virtio disk", .mc_size = sizeof(struct vblk), .mc_demux = vblk_demuxes,
};
static struct vblk *vblks[VBLK_DISKS_MAX];
static unsigned int nvblks;

static struct vblk *
vblk_of(struct blkdev_disk *disk)
{
	return (struct vblk *)((char *)disk - offsetof(struct vblk, vb_disk));
}

/* ---- Requests ---- */

/* Take everything that the device has done. */
static void
vblk_reclaim(struct vblk *vb)
{
	struct vblk_request *vr;
	bool any = false;

	while ((vr = virtq_take(&vb->vb_queue, NULL)) != NULL) {
		vr->vr_is_done = any = true;
		vb->vb_in_flight--;
		mx_cond_signal(&vr->vr_done);
	}
	if (any)
		mx_cond_broadcast(&vb->vb_room);
	if (vb->vb_in_flight == 0)
		virtq_interrupts(&vb->vb_queue, false);
	if (vb->vb_queue.vq_broken) {
		vblk_stop_all();	/* the next instance resets it, and clients repeat what was not answered */
		mx_server_fail("%s answers nonsense", vb->vb_disk.bd_name);
	}
}

static struct vblk_request *
request_take(struct vblk *vb)
{
	struct vblk_request *vr;

	while ((vr = vb->vb_free) == NULL)
		mx_cond_wait(&vb->vb_room);
	vb->vb_free = vr->vr_next;
	return vr;
}

static void
request_give(struct vblk *vb, struct vblk_request *vr)
{
	vr->vr_next = vb->vb_free;
	vb->vb_free = vr;
	mx_cond_signal(&vb->vb_room);
}

/* Errors: MX_EIO the device is broken */
static kern_return_t
request_add(struct vblk *vb, struct vblk_request *vr, const struct virtq_buf *piece, unsigned int nout, unsigned int nin)
{
	while (!virtq_add(&vb->vb_queue, piece, nout, nin, vr)) {
		if (vb->vb_queue.vq_broken || vb->vb_in_flight == 0)
			return MX_EIO;
		virtq_interrupts(&vb->vb_queue, true);
		if (virtq_done(&vb->vb_queue))
			vblk_reclaim(vb);
		else
			mx_cond_wait(&vb->vb_room);
	}
	vr->vr_is_done = false;
	vb->vb_in_flight++;
	virtq_kick(&vb->vb_queue);
	return KERN_SUCCESS;
}

static void
request_wait(struct vblk *vb, struct vblk_request *vr)
{
	uint64_t until = mx_now_ns() + SPIN_NS;

	while (!vr->vr_is_done) {
		if (virtq_done(&vb->vb_queue))
			vblk_reclaim(vb);
		else if (vb->vb_in_flight > 1 || mx_now_ns() >= until)
			break;
	}
	while (!vr->vr_is_done) {
		virtq_interrupts(&vb->vb_queue, true);
		if (virtq_done(&vb->vb_queue))
			vblk_reclaim(vb);
		else
			mx_cond_wait(&vr->vr_done);
	}
}

/* One request: COUNT pieces, of which the device reads, or WRITES. Errors: MX_EIO */
static kern_return_t
request_do(struct vblk *vb, uint32_t type, uint64_t sector, const struct virtq_buf *piece, unsigned int count, bool writes)
{
	struct virtq_buf all[VBLK_PIECES + 2];
	struct vblk_request *vr = request_take(vb);
	volatile struct request_memory *rm = (volatile struct request_memory *)vr->vr_memory;
	kern_return_t kr;

	rm->rm_type = type;
	rm->rm_reserved = 0;
	rm->rm_sector = sector;
	rm->rm_status = 0xff;
	all[0] = vr->vr_header;
	memcpy(all + 1, piece, count * sizeof *piece);
	all[count + 1] = vr->vr_status;
	kr = request_add(vb, vr, all, writes ? 1 : count + 1, writes ? count + 1 : 1);
	if (kr == KERN_SUCCESS) {
		request_wait(vb, vr);
		kr = rm->rm_status == STATUS_OK ? KERN_SUCCESS : MX_EIO;
	}
	request_give(vb, vr);
	return kr;
}

/* ---- The disk's operations ---- */

static kern_return_t vblk_read(struct blkdev_disk *disk, uint64_t sector, uint32_t count, void *buf);

/* *PAGES are in more pieces than the device takes at once. Rights: takes and gives *PAGES */
static kern_return_t
read_pages_copy(struct blkdev_disk *disk, uint64_t sector, uint32_t count, void **pages)
{
	kern_return_t kr;

	dma_pages_release(*pages, count * BLKDEV_SECTOR);
	kr = vblk_read(disk, sector, count, *pages);
	if (kr != KERN_SUCCESS)
		mx_pages_free(*pages, count * BLKDEV_SECTOR);
	return kr;
}

static kern_return_t
vblk_read_pages(struct blkdev_disk *disk, uint64_t sector, uint32_t count, void **pages)
{
	size_t bytes = count * BLKDEV_SECTOR, all = (bytes + 4095) & ~(size_t)4095;
	struct virtq_buf piece[VBLK_PIECES];
	unsigned int n;
	kern_return_t kr = dma_pages_make(bytes, pages, piece, &n);

	if (kr != KERN_SUCCESS)
		return kr;
	if (n > vblk_of(disk)->vb_pieces_max)
		return read_pages_copy(disk, sector, count, pages);
	piece[n - 1].vb_len -= (uint32_t)(all - bytes);
	kr = request_do(vblk_of(disk), T_IN, sector, piece, n, true);
	dma_pages_release(*pages, bytes);
	if (kr != KERN_SUCCESS)
		mx_pages_free(*pages, bytes);
	return kr;
}

/* The buffers of one request. */
struct gather {
	struct dma_buffer *ga_buffer[GATHER];
	unsigned int	ga_count;
};

/* Buffers for BYTES, or for less: one is waited for, more are taken only if they are there. Answers for how much. */
static size_t
gather_take(struct vblk *vb, struct gather *ga, size_t bytes)
{
	size_t room;

	ga->ga_buffer[0] = dma_take(bytes);
	ga->ga_count = 1;
	room = ga->ga_buffer[0]->db_bytes;
	while (ga->ga_count < vb->vb_gather_max && room < bytes && dma_is_there(bytes - room)) {
		struct dma_buffer *db = dma_take(bytes - room);

		ga->ga_buffer[ga->ga_count++] = db;
		room += db->db_bytes;
	}
	return bytes < room ? bytes : room;
}

/* Between BUF and the buffers. PIECE becomes where these are. */
static void
gather_copy(const struct gather *ga, char *buf, size_t bytes, bool write, struct virtq_buf *piece)
{
	for (unsigned int i = 0; i < ga->ga_count; i++) {
		const struct dma_buffer *db = ga->ga_buffer[i];
		size_t n = bytes < db->db_bytes ? bytes : db->db_bytes;

		piece[i] = (struct virtq_buf){ db->db_phys, (uint32_t)n };
		if (buf != NULL)
			memcpy(write ? db->db_memory : buf, write ? buf : db->db_memory, n);
		buf = buf != NULL ? buf + n : NULL;
		bytes -= n;
	}
}

/* At most BYTES through buffers; *DONE becomes how many. */
static kern_return_t
piece_do(struct vblk *vb, uint64_t sector, size_t bytes, char *buf, bool write, size_t *done)
{
	struct virtq_buf piece[GATHER];
	struct gather ga;
	size_t size = gather_take(vb, &ga, bytes);
	kern_return_t kr;

	gather_copy(&ga, write ? buf : NULL, size, true, piece);
	kr = request_do(vb, write ? T_OUT : T_IN, sector, piece, ga.ga_count, !write);
	if (!write && kr == KERN_SUCCESS)
		gather_copy(&ga, buf, size, false, piece);
	for (unsigned int i = 0; i < ga.ga_count; i++)
		dma_give(ga.ga_buffer[i]);
	*done = size;
	return kr;
}

static kern_return_t
vblk_transfer(struct blkdev_disk *disk, uint64_t sector, uint32_t count, char *buf, bool write)
{
	size_t bytes = count * BLKDEV_SECTOR, n;
	kern_return_t kr = KERN_SUCCESS;

	while (bytes > 0 && kr == KERN_SUCCESS) {
		kr = piece_do(vblk_of(disk), sector, bytes, buf, write, &n);
		sector += n / BLKDEV_SECTOR;
		bytes -= n;
		buf += n;
	}
	return kr;
}

static kern_return_t
vblk_read(struct blkdev_disk *disk, uint64_t sector, uint32_t count, void *buf)
{
	return vblk_transfer(disk, sector, count, buf, false);
}

static kern_return_t
vblk_write(struct blkdev_disk *disk, uint64_t sector, uint32_t count, const void *buf)
{
	return vblk_transfer(disk, sector, count, (char *)(uintptr_t)buf, true);	/* it is only read */
}

static kern_return_t
vblk_flush(struct blkdev_disk *disk)
{
	struct vblk *vb = vblk_of(disk);

	if (!(vb->vb_dev.vd_features & F_FLUSH))
		return KERN_SUCCESS;	/* each write is durable when it is done */
	return request_do(vb, T_FLUSH, 0, NULL, 0, false);
}

/* DISCARD or WRITE_ZEROES. Not request_do, which has no place for the range: it lies beside the header. */
static kern_return_t
range_one(struct vblk *vb, uint32_t type, uint64_t sector, uint32_t count)
{
	struct vblk_request *vr = request_take(vb);
	volatile struct request_memory *rm = (volatile struct request_memory *)vr->vr_memory;
	const struct virtq_buf all[3] = { vr->vr_header, vr->vr_range, vr->vr_status };
	kern_return_t kr;

	rm->rm_type = type;
	rm->rm_reserved = 0;
	rm->rm_sector = 0;
	rm->rm_range_sector = sector;
	rm->rm_range_count = count;
	rm->rm_range_flags = 0;
	rm->rm_status = 0xff;
	kr = request_add(vb, vr, all, 2, 1);
	if (kr == KERN_SUCCESS) {
		request_wait(vb, vr);
		kr = rm->rm_status == STATUS_OK ? KERN_SUCCESS : MX_EIO;
	}
	request_give(vb, vr);
	return kr;
}

static kern_return_t
range_do(struct vblk *vb, uint32_t type, uint64_t sector, uint64_t count, uint32_t most)
{
	kern_return_t kr = KERN_SUCCESS;

	while (count > 0 && kr == KERN_SUCCESS) {
		uint32_t n = count < most ? (uint32_t)count : most;

		kr = range_one(vb, type, sector, n);
		sector += n;
		count -= n;
	}
	return kr;
}

static kern_return_t
vblk_discard(struct blkdev_disk *disk, uint64_t sector, uint64_t count)
{
	return range_do(vblk_of(disk), T_DISCARD, sector, count, vblk_of(disk)->vb_discard_max);
}

static kern_return_t
vblk_zero(struct blkdev_disk *disk, uint64_t sector, uint64_t count)
{
	return range_do(vblk_of(disk), T_WRITE_ZEROES, sector, count, vblk_of(disk)->vb_zero_max);
}

/* ---- The device ---- */

static uint32_t
config32(const struct vblk *vb, size_t at)
{
	if (vb->vb_dev.vd_config == NULL || vb->vb_dev.vd_config_bytes < at + 4)
		return 0;
	return *(const volatile uint32_t *)(vb->vb_dev.vd_config + at);
}

/* Read in two halves: until it is twice the same. */
static uint64_t
capacity(const struct vblk *vb)
{
	uint64_t now, before;

	now = config32(vb, CONFIG_CAPACITY) | (uint64_t)config32(vb, CONFIG_CAPACITY + 4) << 32;
	do {
		before = now;
		now = config32(vb, CONFIG_CAPACITY) | (uint64_t)config32(vb, CONFIG_CAPACITY + 4) << 32;
	} while (now != before);
	return now > 1ull << 54 ? 1ull << 54 : now;
}

kern_return_t
S_hw_interrupt(mx_object_ptr_t obj, uint32_t count)
{
	struct vblk *vb = mx_object_cast(obj, &vblk_class);
	uint8_t why;

	(void)count;
	if (vb == NULL)
		return MX_EINVAL;
	if (vb->vb_dev.vd_isr == NULL)
		return KERN_SUCCESS;	/* it was stopped */
	why = virtio_isr(&vb->vb_dev);
	vblk_reclaim(vb);
	if ((why & 2) && capacity(vb) != vb->vb_disk.bd_sectors)
		blkdev_resize(&vb->vb_disk, capacity(vb));
	return hw_interrupt_done(vb->vb_dev.vd_hw);
}

static kern_return_t
requests_make(struct vblk *vb)
{
	uint64_t phys;
	void *mem;
	kern_return_t kr = virtio_memory(&vb->vb_dev, VBLK_REQUESTS * sizeof(struct request_memory), &mem, &phys);

	if (kr != KERN_SUCCESS)
		return kr;
	for (unsigned int i = 0; i < VBLK_REQUESTS; i++) {
		struct vblk_request *vr = &vb->vb_request[i];
		uint64_t at = phys + i * sizeof(struct request_memory);

		vr->vr_memory = (volatile char *)mem + i * sizeof(struct request_memory);
		vr->vr_header = (struct virtq_buf){ at, 16 };
		vr->vr_range = (struct virtq_buf){ at + offsetof(struct request_memory, rm_range_sector), 16 };
		vr->vr_status = (struct virtq_buf){ at + offsetof(struct request_memory, rm_status), 1 };
		vr->vr_next = vb->vb_free;
		vb->vb_free = vr;
	}
	return KERN_SUCCESS;
}

/* How many pieces of memory one request may have, beside its header and status. Errors: MX_EIO not as many as the driver's own */
static kern_return_t
pieces_limit(struct vblk *vb)
{
	unsigned int most = vb->vb_queue.vq_size > 2 ? vb->vb_queue.vq_size - 2u : 0;

	if ((vb->vb_dev.vd_features & F_SEG_MAX) && config32(vb, CONFIG_SEG_MAX) < most)
		most = config32(vb, CONFIG_SEG_MAX);
	vb->vb_gather_max = most < GATHER ? most : GATHER;
	vb->vb_pieces_max = most;
	return most > 0 ? KERN_SUCCESS : MX_EIO;
}

static kern_return_t
device_start(struct vblk *vb)
{
	kern_return_t kr = virtio_negotiate(&vb->vb_dev, F_SEG_MAX | F_RO | F_BLK_SIZE | F_FLUSH | F_DISCARD |
		F_WRITE_ZEROES);

	if (kr == KERN_SUCCESS)
		kr = virtio_queue_make(&vb->vb_dev, &vb->vb_queue, 0, QUEUE_SIZE);
	if (kr == KERN_SUCCESS)
		kr = pieces_limit(vb);
	if (kr == KERN_SUCCESS)
		kr = requests_make(vb);
	if (kr == KERN_SUCCESS)
		kr = hw_interrupt_register(vb->vb_dev.vd_hw, mx_object_port(&vb->vb_object));
	if (kr != KERN_SUCCESS)
		return kr;
	virtq_interrupts(&vb->vb_queue, false);
	virtio_start(&vb->vb_dev);
	return KERN_SUCCESS;
}

static void
disk_describe(struct vblk *vb, unsigned int index)
{
	struct blkdev_disk *disk = &vb->vb_disk;
	uint64_t features = vb->vb_dev.vd_features;
	uint32_t block = features & F_BLK_SIZE ? config32(vb, CONFIG_BLK_SIZE) : BLKDEV_SECTOR;

	memcpy(disk->bd_name, "vd", 2);
	disk->bd_name[2] = (char)('a' + index);
	disk->bd_major = VBLK_MAJOR;
	disk->bd_minor = index * BLKDEV_PARTS;
	disk->bd_sectors = capacity(vb);
	disk->bd_block = block >= 512 && block <= 4096 && (block & (block - 1)) == 0 ? block : BLKDEV_SECTOR;
	disk->bd_is_readonly = (features & F_RO) != 0;
	vb->vb_discard_max = features & F_DISCARD ? config32(vb, CONFIG_DISCARD_MAX) : 0;
	vb->vb_zero_max = features & F_WRITE_ZEROES ? config32(vb, CONFIG_ZERO_MAX) : 0;
	vb->vb_ops = (struct blkdev_ops){
		.bo_read_pages = vblk_read_pages, .bo_read = vblk_read, .bo_write = vblk_write, .bo_flush = vblk_flush,
		.bo_discard = vb->vb_discard_max > 0 ? vblk_discard : NULL, .bo_zero = vb->vb_zero_max > 0 ? vblk_zero : NULL,
	};
	disk->bd_ops = &vb->vb_ops;
}

/* hw died, and a disk without interrupts is none. The next instance begins anew. */
static void
hw_lost(void *arg, mach_port_t port)
{
	(void)arg;
	(void)port;
	vblk_stop_all();
	mx_server_fail("hw is gone");
}

kern_return_t
vblk_start(mach_port_t hw, unsigned int index)
{
	struct vblk *vb = mx_object_create(&vblk_class);
	kern_return_t kr;

	if (vb == NULL)
		return KERN_RESOURCE_SHORTAGE;
	kr = virtio_open(&vb->vb_dev, hw, TYPE_BLOCK, index);
	if (kr == KERN_SUCCESS) {
		kr = device_start(vb);
		if (kr == KERN_SUCCESS)
			kr = mx_on_dead_name(vb->vb_dev.vd_hw, hw_lost, NULL);
		if (kr != KERN_SUCCESS)
			virtio_close(&vb->vb_dev);
	}
	if (kr != KERN_SUCCESS) {
		mx_object_release(&vb->vb_object);
		return kr;
	}
	disk_describe(vb, index);
	vblks[nvblks++] = vb;
	blkdev_add(&vb->vb_disk);
	return KERN_SUCCESS;
}

void
vblk_stop_all(void)
{
	for (unsigned int i = 0; i < nvblks; i++)
		virtio_close(&vblks[i]->vb_dev);
}
