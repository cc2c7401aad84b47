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

struct pool {
	struct dma_buffer *po_free;
	struct mx_cond	po_some;
};

static mach_port_t host_port;
static struct pool small, large;
static struct dma_buffer buffers[SMALL_COUNT + LARGE_COUNT];

static kern_return_t
contiguous_make(size_t bytes, vm_address_t *va, uint64_t *phys)
{
	return mx_contiguous_alloc(host_port, mx_task, bytes, LIMIT, va, phys);
}

/* ---- Buffers ---- */

static kern_return_t
pool_fill(struct pool *po, struct dma_buffer *db, size_t bytes, unsigned int count)
{
	while (count > 0) {
		vm_address_t va;
		uint64_t phys;
		kern_return_t kr = contiguous_make(BATCH, &va, &phys);

		if (kr != KERN_SUCCESS)
			return kr;
		for (size_t at = 0; at + bytes <= BATCH && count > 0; at += bytes, count--, db++) {
			db->db_memory = (char *)va + at;
			db->db_phys = phys + at;
			db->db_next = po->po_free;
			po->po_free = db;
		}
	}
	return KERN_SUCCESS;
}

kern_return_t
dma_start(mach_port_t host)
{
	kern_return_t kr;

	host_port = host;
	kr = pool_fill(&small, buffers, DMA_SMALL, SMALL_COUNT);
	return kr == KERN_SUCCESS ? pool_fill(&large, buffers + SMALL_COUNT, DMA_LARGE, LARGE_COUNT) : kr;
}

static struct pool *
pool_of(size_t bytes)
{
	return bytes <= DMA_SMALL ? &small : &large;
}

struct dma_buffer *
dma_take(size_t bytes)
{
	struct pool *po = pool_of(bytes);
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
dma_give(struct dma_buffer *db, size_t bytes)
{
	struct pool *po = pool_of(bytes);

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
