/*
 * hw_dma.c - wired contiguous memory for devices.
 *
 * The memory is allocated in this task and lent to the driver. When a driver dies the kernel frees what the driver had at
 * once, while its device may still be writing received data there; as hw has the same pages mapped they stay allocated
 * until the device has been stopped (hw_rpc.c, hw_device_free).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw.h"

#include <string.h>
#include <mach.h>
#include <mach4.h>
#include <gnumach.h>

#define PAGE		4096u
#define PHYSICAL_MAX	0xfffff000u	/* 2^32 makes the kernel use its 16 MiB for ISA DMA only */

kern_return_t
hw_dma_make(struct hw_device *dev, uint32_t size, mach_port_t *memory, uint64_t *physical)
{
	vm_address_t address = 0;
	rpc_phys_addr_t where;
	kern_return_t kr;

	if (size == 0 || size > HW_DMA_MAX)
		return MX_EINVAL;
	size = (size + PAGE - 1) & ~(PAGE - 1);
	if (size > HW_DMA_SHARE - dev->hd_dma_bytes || dev->hd_ndma == HW_DMA_PIECES)
		return MX_ENOSPC;
	kr = vm_allocate_contiguous(hw_host_port, mx_task, &address, &where, size, 0, PHYSICAL_MAX, PAGE);
	if (kr != KERN_SUCCESS)
		return kr;
	memset((void *)address, 0, size);	/* the kernel does not */
	kr = vm_region_create_proxy(mx_task, address, VM_PROT_READ | VM_PROT_WRITE, size, memory);
	if (kr != KERN_SUCCESS) {
		(void)vm_deallocate(mx_task, address, size);	/* our own region: cannot fail */
		return kr;
	}
	dev->hd_dma[dev->hd_ndma].dm_address = address;
	dev->hd_dma[dev->hd_ndma++].dm_size = size;
	dev->hd_dma_bytes += size;
	*physical = where;
	return KERN_SUCCESS;
}

void
hw_dma_free(struct hw_device *dev)
{
	for (uint32_t i = 0; i < dev->hd_ndma; i++)
		(void)vm_deallocate(mx_task, dev->hd_dma[i].dm_address, dev->hd_dma[i].dm_size);	/* our own regions */
	dev->hd_ndma = dev->hd_dma_bytes = 0;
}
