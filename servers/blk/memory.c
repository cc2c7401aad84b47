/*
 * memory.c - memory that devices read and write.
 *
 * Small transfers, and all writes, go through buffers that are made once. Big reads go into memory made for them, which becomes the
 * client's: it is contiguous when the kernel has such, else it is taken page by page. Nothing else is kept, so there is nothing to give
 * back when memory is short.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "blk.h"

#include <gnumach.h>
#include <mach.h>
#include <mach4.h>
#include <mach_host.h>

#define PAGE		4096u
#define LIMIT		0xfffff000u	/* physical addresses below it; for 2^32 the kernel uses its 16 MiB for ISA DMA */
#define SMALL_COUNT	64u
#define LARGE_COUNT	16u
#define BATCH		(256u << 10)	/* of one allocation */
#define FEW		8u
#define AGAIN_NS	100000000u

struct dma_pool {
	const size_t	po_bytes;	/* of a buffer */
	struct dma_buffer *const po_buffers;
	const unsigned int po_count;
	unsigned int	po_made;	/* how many there are; all of them, but when memory is short */
	uint64_t	po_tried_ns;	/* when the last of them was asked for in vain */
	struct dma_buffer *po_free;
	struct mx_cond	po_some;
};

static mach_port_t host_port;
static struct dma_buffer small_buffers[SMALL_COUNT], large_buffers[LARGE_COUNT];
static struct dma_pool small = { .po_bytes = DMA_SMALL, .po_buffers = small_buffers, .po_count = SMALL_COUNT };
static struct dma_pool large = { .po_bytes = DMA_LARGE, .po_buffers = large_buffers, .po_count = LARGE_COUNT };

static kern_return_t
contiguous_make(size_t bytes, vm_address_t *va, uint64_t *phys)
{
	return mx_contiguous_alloc(host_port, mx_task, bytes, LIMIT, va, phys);
}

/* ---- Buffers ---- */

static void
buffer_add(struct dma_pool *po, vm_address_t va, uint64_t phys, size_t bytes)
{
	struct dma_buffer *db = &po->po_buffers[po->po_made++];

	*db = (struct dma_buffer){ (char *)va, phys, bytes, po, NULL };
	dma_give(db);
}

/* All that are missing. Errors: KERN_RESOURCE_SHORTAGE there is no memory for all of them now; the kernel's */
static kern_return_t
pool_fill(struct dma_pool *po)
{
	while (po->po_made < po->po_count) {
		vm_address_t va;
		uint64_t phys;
		kern_return_t kr = contiguous_make(BATCH, &va, &phys);

		if (kr != KERN_SUCCESS) {
			po->po_tried_ns = mx_now_ns();
			return kr;
		}
		for (size_t at = 0; at + po->po_bytes <= BATCH && po->po_made < po->po_count; at += po->po_bytes)
			buffer_add(po, va + at, phys + at, po->po_bytes);
	}
	return KERN_SUCCESS;
}

/*
 * When memory is short while the driver comes back, a few buffers of one page each: all that is needed for who makes memory free by
 * writing to the disk. Errors: the kernel's
 */
static kern_return_t
pool_begin(struct dma_pool *po)
{
	kern_return_t kr = KERN_SUCCESS;

	for (unsigned int i = 0; i < FEW && kr == KERN_SUCCESS; i++) {
		vm_address_t va;
		uint64_t phys;

		kr = contiguous_make(PAGE, &va, &phys);
		if (kr == KERN_SUCCESS)
			buffer_add(po, va, phys, PAGE);
	}
	return kr;
}

kern_return_t
dma_start(mach_port_t host)
{
	kern_return_t kr;

	host_port = host;
	kr = pool_fill(&small);
	if (kr == KERN_RESOURCE_SHORTAGE && small.po_made == 0)
		kr = pool_begin(&small);
	if (kr == KERN_SUCCESS || kr == KERN_RESOURCE_SHORTAGE)
		kr = pool_fill(&large);
	return kr == KERN_RESOURCE_SHORTAGE ? KERN_SUCCESS : kr;
}

/* The pool for BYTES. What was missing when the driver started is made when there is memory again. */
static struct dma_pool *
pool_of(size_t bytes)
{
	struct dma_pool *po = bytes <= DMA_SMALL ? &small : &large;

	if (po->po_made < po->po_count && mx_now_ns() - po->po_tried_ns > AGAIN_NS)
		(void)pool_fill(po);
	return po->po_made > 0 ? po : &small;
}

struct dma_buffer *
dma_take(size_t bytes)
{
	struct dma_pool *po = pool_of(bytes);
	struct dma_buffer *db;

	while ((db = po->po_free) == NULL)
		mx_cond_wait(&po->po_some);
	po->po_free = db->db_next;
	return db;
}

bool
dma_is_there(size_t bytes)
{
	return pool_of(bytes)->po_free != NULL;
}

void
dma_give(struct dma_buffer *db)
{
	struct dma_pool *po = db->db_pool;

	db->db_next = po->po_free;
	po->po_free = db;
	mx_cond_signal(&po->po_some);
}

/* ---- Pages to be moved away ---- */

/* The pieces that the pages at VA are, whose addresses are ADDRESS. Errors: MX_EIO one has none */
static kern_return_t
pieces_join(const rpc_phys_addr_t *address, unsigned int pages, struct virtq_buf *piece, unsigned int *count)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < pages; i++) {
		if (address[i] == 0)
			return MX_EIO;
		if (n > 0 && piece[n - 1].vb_phys + piece[n - 1].vb_len == address[i])
			piece[n - 1].vb_len += PAGE;
		else
			piece[n++] = (struct virtq_buf){ address[i], PAGE };
	}
	*count = n;
	return KERN_SUCCESS;
}

/* Errors: MX_ENOMEM */
static kern_return_t
scattered_make(size_t size, void **pages, struct virtq_buf *piece, unsigned int *count)
{
	rpc_phys_addr_t *address = NULL;
	mach_msg_type_number_t n = 0;
	kern_return_t kr;

	*pages = mx_pages_alloc(size);
	if (*pages == NULL)
		return MX_ENOMEM;
	kr = vm_wire(host_port, mx_task, (vm_address_t)*pages, size, VM_PROT_READ | VM_PROT_WRITE);
	if (kr == KERN_SUCCESS)
		kr = vm_pages_phys(host_port, mx_task, (vm_address_t)*pages, size, &address, &n);
	if (kr == KERN_SUCCESS) {
		kr = n == size / PAGE ? pieces_join(address, n, piece, count) : MX_EIO;
		mx_pages_free(address, n * sizeof *address);
	}
	if (kr == KERN_SUCCESS)
		return kr;
	mx_pages_free(*pages, size);
	return MX_ENOMEM;
}

kern_return_t
dma_pages_make(size_t bytes, void **pages, struct virtq_buf *piece, unsigned int *count)
{
	size_t size = (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);
	vm_address_t va;
	uint64_t phys;

	if (contiguous_make(size, &va, &phys) != KERN_SUCCESS)
		return scattered_make(size, pages, piece, count);
	*pages = (void *)va;
	*piece = (struct virtq_buf){ phys, (uint32_t)size };
	*count = 1;
	return KERN_SUCCESS;
}

void
dma_pages_release(void *pages, size_t bytes)
{
	size_t size = (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);

	(void)vm_wire(host_port, mx_task, (vm_address_t)pages, size, VM_PROT_NONE);	/* it is wired memory of ours: cannot fail */
}
