/*
 * vfs_ring.c - the memory of a pipe: a memory object with nothing behind it.
 *
 * Pages begin as zeros. Those that nearly every pipe uses, the control page and the first of data, are supplied before anybody
 * asks, from pages that other pipes gave back: a page that the kernel has to ask for and make costs five times as much. What the
 * kernel returns is kept until it asks again. The object ends when neither vfs nor any process has it.
 *
 * Locks: ri_lock, between fibrils and the pager's thread.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/mach.h>
#include "vfs_ring.h"
#include "vfs_rpc.h"

#define PAGES		(MX_RING_SIZE / MX_PAGE)
#define AHEAD		2u		/* pages that are supplied at once */

struct vfs_ring {
	struct mx_pager	*ri_pager;
	struct mx_spin	ri_lock;
	void		*ri_page[PAGES];	/* guarded by ri_lock: what is here; NULL: with the kernel, or zeros */
};

/* Take PAGE out of the ring. */
static void *
page_take(struct vfs_ring *ri, uint32_t page)
{
	void *data;

	mx_spin_lock(&ri->ri_lock);
	data = ri->ri_page[page];
	ri->ri_page[page] = NULL;
	mx_spin_unlock(&ri->ri_lock);
	return data;
}

static void
page_keep(struct vfs_ring *ri, uint32_t page, void *data)
{
	void *old;

	mx_spin_lock(&ri->ri_lock);
	old = ri->ri_page[page];
	ri->ri_page[page] = data;
	mx_spin_unlock(&ri->ri_lock);
	if (old != NULL)
		mx_page_free(old);
}

/* Move DATA to the kernel as PAGE. */
static void
page_supply(struct vfs_ring *ri, uint32_t page, void *data)
{
	void *back = mx_pager_supply(ri->ri_pager, page, data, 1, true, true);

	if (back != data)
		mx_page_gone(data, 1);
	if (back != NULL)
		page_keep(ri, page, back);
}

/* ---- On the pager's thread ---- */

static void
ring_begin(struct mx_pager *pg)
{
	struct vfs_ring *ri = mx_pager_owner(pg);
	uint32_t page;
	void *data;

	for (page = 0; page < PAGES; page++) {
		data = page_take(ri, page);
		if (data != NULL)
			page_supply(ri, page, data);
	}
}

static void
ring_request(struct mx_pager *pg, uint32_t page, vm_prot_t access)
{
	struct vfs_ring *ri = mx_pager_owner(pg);
	void *data;

	(void)access;
	if (page >= PAGES) {
		mx_pager_error(pg, page);
		return;
	}
	data = page_take(ri, page);
	if (data != NULL)
		page_supply(ri, page, data);
	else
		mx_pager_zero(pg, page);
}

static void
ring_return(struct mx_pager *pg, uint32_t page, void *data, uint32_t npages, bool dirty, bool kernel_copy)
{
	struct vfs_ring *ri = mx_pager_owner(pg);
	uint32_t i;

	(void)dirty;
	(void)kernel_copy;			/* the newest is the one to keep; a later return replaces it */
	for (i = 0; i < npages; i++) {
		char *p = (char *)data + i * MX_PAGE;

		if (page + i < PAGES)
			page_keep(ri, page + i, p);
		else
			mx_page_free(p);
	}
}

static void
ring_terminated(struct mx_pager *pg)
{
	(void)pg;
}

/* ---- On fibrils ---- */

static void
pages_free(struct vfs_ring *ri)
{
	uint32_t page;

	for (page = 0; page < PAGES; page++)
		if (ri->ri_page[page] != NULL)
			mx_page_free(ri->ri_page[page]);
}

static void
ring_unused(struct mx_pager *pg)
{
	struct vfs_ring *ri = mx_pager_owner(pg);

	mx_pager_destroy(pg);
	pages_free(ri);
	free(ri);
}

static const struct mx_pager_ops ring_ops = {
	.pg_begin = ring_begin,
	.pg_request = ring_request,
	.pg_return = ring_return,
	.pg_terminated = ring_terminated,
	.pg_unused = ring_unused,
};

kern_return_t
vfs_ring_make(struct vfs_ring **out, struct mx_ring **mem)
{
	struct vfs_ring *ri = calloc(1, sizeof(*ri));
	void *at;
	uint32_t page;
	kern_return_t kr;

	if (ri == NULL)
		return MX_ENOMEM;
	for (page = 0; page < AHEAD; page++) {
		ri->ri_page[page] = mx_page_alloc();
		if (ri->ri_page[page] != NULL)
			memset(ri->ri_page[page], 0, MX_PAGE);
	}
	kr = mx_pager_create(&ring_ops, ri, &ri->ri_pager);
	if (kr != KERN_SUCCESS)
		goto out_ring;
	kr = mx_pager_map(ri->ri_pager, MX_RING_SIZE, &at);
	if (kr != KERN_SUCCESS)
		goto out_pager;
	*out = ri;
	*mem = at;
	return KERN_SUCCESS;
out_pager:
	mx_pager_destroy(ri->ri_pager);
out_ring:
	pages_free(ri);
	free(ri);
	return kr;
}

kern_return_t
vfs_ring_memory(struct vfs_ring *ri, mach_port_t *memory)
{
	kern_return_t kr = mx_pager_memory(ri->ri_pager, VM_PROT_READ | VM_PROT_WRITE, memory);

	if (kr != KERN_SUCCESS)
		return kr;
	return syscall_mach_port_insert_right(mx_task, *memory, *memory, MACH_MSG_TYPE_COPY_SEND);
}

void
vfs_ring_release(struct vfs_ring *ri, struct mx_ring *mem)
{
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)mem, MX_RING_SIZE);	/* it is ours: cannot fail */
	mx_pager_retire(ri->ri_pager);
}
