/*
 * hw_rpc.c - the routines of hw.defs, and the life of a device port.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw.h"

#include "gnumach.h"
#include "hw_S.h"

extern mx_demux_t hw_server;	/* MIG's */

static void hw_device_no_senders(struct mx_object *obj);

static mx_demux_t *const hw_demuxes[] = { hw_server, NULL };
struct mx_class hw_service_class = {
	.mc_name = "hw", .mc_size = sizeof(struct hw_service), .mc_demux = hw_demuxes,
};
struct mx_class hw_clock_class = {
	.mc_name = "clock", .mc_size = sizeof(struct hw_clock), .mc_demux = hw_demuxes,
};
struct mx_class hw_device_class = {
	.mc_name = "device", .mc_size = sizeof(struct hw_device), .mc_demux = hw_demuxes,
	.mc_no_senders = hw_device_no_senders,
};

static struct hw_device *hw_devices;	/* all, by hd_all */

/* Stop the device, for good: the driver is gone, or will be. What parks is done with the function alone, which nobody can claim yet. */
static void
hw_device_stop(struct hw_device *dev)
{
	struct hw_function *f = dev->hd_function;
	uint32_t physical;
	kern_return_t kr;

	hw_line_remove(dev);
	dev->hd_function = NULL;
	if (hw_function_status_register(&hw_machine, f, &physical)) {
		kr = hw_function_memory_enable(&hw_machine, f) ? hw_register_clear(physical) : KERN_SUCCESS;
		if (kr != KERN_SUCCESS)
			mx_log(MX_LOG_WARNING, "device %x is not reset: error 0x%x", f->hf_bdf, kr);
	}
	hw_function_release(&hw_machine, f);
}

/* The driver is gone. */
static void
hw_device_no_senders(struct mx_object *obj)
{
	struct hw_device *dev = (struct hw_device *)obj, **at;

	for (at = &hw_devices; *at != dev; at = &(*at)->hd_all)
		;
	*at = dev->hd_all;
	mx_port_release(dev->hd_task);		/* perhaps a dead name by now */
	dev->hd_task = MACH_PORT_NULL;
	if (dev->hd_function != NULL)
		hw_device_stop(dev);
	mx_object_release(obj);
}

/* The device that a request is for; NULL: not a device port, or one whose last holder went while the request was queued. */
static struct hw_device *
hw_device_of(mx_object_ptr_t obj)
{
	struct hw_device *dev = mx_object_cast(obj, &hw_device_class);

	return dev != NULL && dev->hd_function != NULL ? dev : NULL;
}

kern_return_t
S_hw_claim(mx_object_ptr_t hw, uint32_t vendor, uint32_t device, uint32_t index, mach_port_t *port,
	mach_msg_type_name_t *disposition, uint32_t *slot)
{
	struct hw_function *f;
	struct hw_device *dev;
	kern_return_t kr;

	if (mx_object_cast(hw, &hw_service_class) == NULL)
		return MX_EINVAL;
	kr = hw_function_find(&hw_machine, vendor, device, index, &f);
	if (kr != KERN_SUCCESS)
		return kr;
	dev = mx_object_create(&hw_device_class);
	if (dev == NULL)
		return KERN_RESOURCE_SHORTAGE;
	*port = mx_object_make_send(&dev->hd_object, disposition);
	if (*port == MACH_PORT_NULL) {
		mx_object_release(&dev->hd_object);
		return KERN_RESOURCE_SHORTAGE;
	}
	hw_function_claim(&hw_machine, f);
	dev->hd_function = f;
	dev->hd_all = hw_devices;
	hw_devices = dev;
	*slot = f->hf_bdf;
	return KERN_SUCCESS;
}

kern_return_t
S_hw_config_read(mx_object_ptr_t obj, uint32_t offset, uint32_t width, uint32_t *value)
{
	struct hw_device *dev = hw_device_of(obj);

	return dev == NULL ? MX_EINVAL : hw_function_config_read(&hw_machine, dev->hd_function, offset, width, value);
}

kern_return_t
S_hw_config_write(mx_object_ptr_t obj, uint32_t offset, uint32_t width, uint32_t value)
{
	struct hw_device *dev = hw_device_of(obj);

	return dev == NULL ? MX_EINVAL : hw_function_config_write(&hw_machine, dev->hd_function, offset, width, value);
}

kern_return_t
S_hw_map_bar(mx_object_ptr_t obj, uint32_t bar, mach_port_t *memory, mach_msg_type_name_t *disposition, uint32_t *size)
{
	struct hw_device *dev = hw_device_of(obj);
	kern_return_t kr;

	if (dev == NULL)
		return MX_EINVAL;
	kr = hw_function_bar_place(&hw_machine, dev->hd_function, bar);
	if (kr != KERN_SUCCESS)
		return kr;
	*size = dev->hd_function->hf_bar[bar].hb_size;
	*disposition = MACH_MSG_TYPE_MOVE_SEND;
	return hw_memory_object(dev->hd_function->hf_bar[bar].hb_base, *size, memory);
}

kern_return_t
S_hw_interrupt_register(mx_object_ptr_t obj, mach_port_t notify)
{
	struct hw_device *dev = hw_device_of(obj);

	if (dev == NULL || !MACH_PORT_VALID(notify) || mx_port_is_own(notify))
		return MX_EINVAL;
	return hw_line_add(dev, notify);
}

kern_return_t
S_hw_interrupt_done(mx_object_ptr_t obj)
{
	struct hw_device *dev = hw_device_of(obj);

	if (dev == NULL)
		return MX_EINVAL;
	hw_line_done(dev);
	return KERN_SUCCESS;
}

/* DEV is driven by TASK. Rights: takes it. */
static void
driver_note(struct hw_device *dev, mach_port_t task)
{
	if (dev->hd_task == MACH_PORT_NULL)
		dev->hd_task = task;
	else
		mx_port_release(task);
}

/* Errors: MX_EINVAL, MX_ENOSPC, the kernel's. It panics above 4 MiB, and for 2^32 as the limit it uses its 16 MiB for ISA DMA. */
kern_return_t
S_hw_dma_alloc(mx_object_ptr_t obj, mach_port_t task, uint32_t size, vm_address_t *address, uint64_t *physical)
{
	struct hw_device *dev = hw_device_of(obj);
	kern_return_t kr;

	if (dev == NULL || size == 0 || size > HW_DMA_MAX)
		return MX_EINVAL;
	size = (size + HW_PAGE - 1) & ~(HW_PAGE - 1);
	if (size > HW_DMA_SHARE - dev->hd_dma_bytes)
		return MX_ENOSPC;
	kr = mx_contiguous_alloc(hw_host_port, task, size, HW_DMA_LIMIT, address, physical);
	if (kr != KERN_SUCCESS)
		return kr;
	dev->hd_dma_bytes += size;
	driver_note(dev, task);
	return KERN_SUCCESS;
}

kern_return_t
S_hw_power(mx_object_ptr_t obj, uint32_t how)
{
	struct hw_service *service = mx_object_cast(obj, &hw_service_class);

	if (service == NULL || !service->hs_may_power)
		return MX_EPERM;
	if (how > 1)
		return MX_EINVAL;
	return how == 0 ? hw_power_off() : hw_power_reset();
}

kern_return_t
S_hw_clock(mx_object_ptr_t obj, uint64_t *tsc, uint32_t *ticks)
{
	return mx_object_cast(obj, &hw_clock_class) != NULL ? hw_timer_read(tsc, ticks) : MX_EPERM;
}

kern_return_t
S_hw_find(mx_object_ptr_t hw, uint32_t vendor, uint32_t device, uint32_t index, uint32_t *slot, uint32_t *id)
{
	struct hw_function *f;
	kern_return_t kr;

	if (mx_object_cast(hw, &hw_service_class) == NULL)
		return MX_EINVAL;
	kr = hw_function_find(&hw_machine, vendor, device, index, &f);
	if (kr != KERN_SUCCESS && kr != MX_EBUSY)
		return kr;
	*slot = f->hf_bdf;
	*id = (uint32_t)f->hf_device << 16 | f->hf_vendor;
	return KERN_SUCCESS;
}

/* A device of TASK that works; NULL: none. */
static struct hw_device *
device_of_task(mach_port_t task)
{
	struct hw_device *dev;

	for (dev = hw_devices; dev != NULL && (dev->hd_function == NULL || dev->hd_task != task); dev = dev->hd_all)
		;
	return dev;
}

kern_return_t
S_hw_quiesce(mx_object_ptr_t hw, mach_port_t task)
{
	struct hw_service *service = mx_object_cast(hw, &hw_service_class);
	struct hw_device *dev;

	if (service == NULL || !service->hs_may_power)
		return MX_EPERM;
	while (MACH_PORT_VALID(task) && (dev = device_of_task(task)) != NULL)
		hw_device_stop(dev);
	mx_port_release(task);
	return KERN_SUCCESS;
}
