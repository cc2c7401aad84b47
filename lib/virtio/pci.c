/*
 * pci.c - virtio 1.0 over PCI, registers mapped: no I/O port, so that a driver's task has no I/O bitmap to be switched.
 *
 * A device describes itself by vendor capabilities in its configuration space: each names a structure (common, notify,
 * isr, device), a base address register, an offset and a length. hw gives the memory behind a base address register; what
 * the capabilities say is checked against that memory's size.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <masix/virtio.h>

#include <string.h>
#include <mach.h>
#include <hw.h>
#include <masix/server.h>

#define PCI_STATUS	0x06
#define PCI_CAPABILITIES 0x34
#define PCI_CAP_VENDOR	9
#define PCI_COMMAND	0x04
#define PCI_COMMAND_MEMORY_MASTER 0x06

/* Modern devices are 0x1040 + type; transitional ones have numbers of their own. */
#define ID_MODERN	0x1040
#define ID_ANY		0xffff
static const uint16_t virtio_transitional[] = { 0, 0x1000, 0x1001, 0x1003, 0x1005, 0x1002, 0, 0, 0x1004, 0x1009 };

enum { CAP_COMMON = 1, CAP_NOTIFY, CAP_ISR, CAP_DEVICE, CAP_KINDS };

/* The common configuration structure: offsets. */
#define C_DEVICE_FEATURE_SELECT	0x00
#define C_DEVICE_FEATURE	0x04
#define C_DRIVER_FEATURE_SELECT	0x08
#define C_DRIVER_FEATURE	0x0c
#define C_STATUS		0x14
#define C_QUEUE_SELECT		0x16
#define C_QUEUE_SIZE		0x18
#define C_QUEUE_ENABLE		0x1c
#define C_QUEUE_NOTIFY_OFF	0x1e
#define C_QUEUE_DESC		0x20
#define C_QUEUE_AVAIL		0x28
#define C_QUEUE_USED		0x30
#define C_BYTES			0x38

#define VIRTIO_PAGE	4096u

#define RESET_TRIES	100000
#define OPEN_MAX	32u

#define S_ACKNOWLEDGE	1
#define S_DRIVER	2
#define S_DRIVER_OK	4
#define S_FEATURES_OK	8

struct cap {
	uint32_t cp_bar, cp_offset, cp_length, cp_extra;
	bool	cp_found;
};

static uint8_t
get8(struct virtio_dev *dev, unsigned int at)
{
	return dev->vd_common[at];
}

static void
put8(struct virtio_dev *dev, unsigned int at, uint8_t v)
{
	dev->vd_common[at] = v;
}

static uint16_t
get16(struct virtio_dev *dev, unsigned int at)
{
	return *(volatile uint16_t *)(dev->vd_common + at);
}

static void
put16(struct virtio_dev *dev, unsigned int at, uint16_t v)
{
	*(volatile uint16_t *)(dev->vd_common + at) = v;
}

static uint32_t
get32(struct virtio_dev *dev, unsigned int at)
{
	return *(volatile uint32_t *)(dev->vd_common + at);
}

static void
put32(struct virtio_dev *dev, unsigned int at, uint32_t v)
{
	*(volatile uint32_t *)(dev->vd_common + at) = v;
}

static void
put64(struct virtio_dev *dev, unsigned int at, uint64_t v)
{
	put32(dev, at, (uint32_t)v);
	put32(dev, at + 4, (uint32_t)(v >> 32));
}

static kern_return_t
config_read(mach_port_t hwdev, uint32_t at, uint32_t width, uint32_t *value)
{
	return hw_config_read(hwdev, at, width, value);
}

/* Read one vendor capability at AT. */
static kern_return_t
cap_read(mach_port_t hwdev, uint32_t at, struct cap caps[CAP_KINDS])
{
	uint32_t kind, bar;
	struct cap *c;
	kern_return_t kr;

	kr = config_read(hwdev, at + 3, 1, &kind);
	if (kr != KERN_SUCCESS || kind == 0 || kind >= CAP_KINDS || caps[kind].cp_found)
		return kr;
	c = &caps[kind];
	if ((kr = config_read(hwdev, at + 4, 1, &bar)) != KERN_SUCCESS ||
	    (kr = config_read(hwdev, at + 8, 4, &c->cp_offset)) != KERN_SUCCESS ||
	    (kr = config_read(hwdev, at + 12, 4, &c->cp_length)) != KERN_SUCCESS)
		return kr;
	if (bar > 5)
		return KERN_SUCCESS;	/* reserved: not for us */
	c->cp_bar = bar;
	if (kind == CAP_NOTIFY && (kr = config_read(hwdev, at + 16, 4, &c->cp_extra)) != KERN_SUCCESS)
		return kr;
	c->cp_found = true;
	return KERN_SUCCESS;
}

static kern_return_t
caps_walk(mach_port_t hwdev, struct cap caps[CAP_KINDS])
{
	uint32_t at, id;
	kern_return_t kr;

	memset(caps, 0, sizeof(struct cap) * CAP_KINDS);
	kr = config_read(hwdev, PCI_CAPABILITIES, 1, &at);
	for (int i = 0; i < 48 && kr == KERN_SUCCESS && at >= 0x40; i++) {
		at &= 0xfc;
		kr = config_read(hwdev, at, 1, &id);
		if (kr == KERN_SUCCESS && id == PCI_CAP_VENDOR)
			kr = cap_read(hwdev, at, caps);
		if (kr == KERN_SUCCESS)
			kr = config_read(hwdev, at + 1, 1, &at);
	}
	return kr;
}

static kern_return_t
bar_map(struct virtio_dev *dev, unsigned int bar)
{
	mach_port_t memory;
	vm_address_t va = 0;
	uint32_t size;
	kern_return_t kr;

	if (dev->vd_map[bar] != NULL)
		return KERN_SUCCESS;
	kr = hw_map_bar(dev->vd_hw, bar, &memory, &size);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vm_map(mx_task, &va, size, 0, TRUE, memory, 0, FALSE, VM_PROT_READ | VM_PROT_WRITE, VM_PROT_READ | VM_PROT_WRITE,
		VM_INHERIT_NONE);
	mx_port_release(memory);
	if (kr != KERN_SUCCESS)
		return kr;
	dev->vd_map[bar] = (volatile uint8_t *)va;
	dev->vd_map_bytes[bar] = size;
	return KERN_SUCCESS;
}

/* Map the base address registers that are needed and find the structures in them. */
static kern_return_t
caps_map(struct virtio_dev *dev, struct cap caps[CAP_KINDS], volatile uint8_t *where[CAP_KINDS])
{
	for (int i = CAP_COMMON; i < CAP_KINDS; i++) {
		struct cap *c = &caps[i];
		kern_return_t kr;

		where[i] = NULL;
		if (!c->cp_found)
			continue;
		kr = bar_map(dev, c->cp_bar);
		if (kr != KERN_SUCCESS)
			return kr;
		if (c->cp_offset > dev->vd_map_bytes[c->cp_bar] ||
		    c->cp_length > dev->vd_map_bytes[c->cp_bar] - c->cp_offset)
			return MX_EIO;
		where[i] = dev->vd_map[c->cp_bar] + c->cp_offset;
	}
	return KERN_SUCCESS;
}

static bool
is_of_type(uint32_t device, unsigned int type)
{
	if (device == ID_MODERN + type)
		return true;
	return type < sizeof virtio_transitional / sizeof virtio_transitional[0] && virtio_transitional[type] != 0 &&
		device == virtio_transitional[type];
}

/* The INDEX-th in the order of the bus, of either numbering. */
static kern_return_t
virtio_claim(mach_port_t hw, unsigned int type, unsigned int index, mach_port_t *hwdev)
{
	uint32_t slot, id;
	kern_return_t kr;

	for (uint32_t i = 0; ; i++) {
		kr = hw_find(hw, VIRTIO_VENDOR, ID_ANY, i, &slot, &id);
		if (kr != KERN_SUCCESS && kr != MX_EPERM)
			return kr;
		if (kr == KERN_SUCCESS && is_of_type(id >> 16, type) && index-- == 0)
			return hw_claim(hw, VIRTIO_VENDOR, ID_ANY, i, hwdev, &slot);
	}
}

/* ---- Devices that are open ---- */

static struct virtio_dev *open_devices[OPEN_MAX];	/* beyond these, hw does it when it hears of the task's end */

static void
device_reset(struct virtio_dev *dev)
{
	put8(dev, C_STATUS, 0);
	for (int i = 0; i < RESET_TRIES && get8(dev, C_STATUS) != 0; i++)
		;
}

/* The task ends itself: its memory will be somebody else's. */
static void
open_devices_reset(void)
{
	for (unsigned int i = 0; i < OPEN_MAX; i++)
		if (open_devices[i] != NULL && open_devices[i]->vd_common != NULL)
			device_reset(open_devices[i]);
}

/* Put NOW in the place of WAS. */
static void
open_devices_change(const struct virtio_dev *was, struct virtio_dev *now)
{
	unsigned int i;

	for (i = 0; i < OPEN_MAX && open_devices[i] != was; i++)
		;
	if (i < OPEN_MAX)
		open_devices[i] = now;
	mx_before_end = open_devices_reset;
}

kern_return_t
virtio_open(struct virtio_dev *dev, mach_port_t hw, unsigned int type, unsigned int index)
{
	volatile uint8_t *where[CAP_KINDS];
	struct cap caps[CAP_KINDS];
	kern_return_t kr;
	uint32_t command;

	memset(dev, 0, sizeof *dev);
	kr = virtio_claim(hw, type, index, &dev->vd_hw);
	if (kr != KERN_SUCCESS)
		return kr;
	if ((kr = hw_config_read(dev->vd_hw, PCI_COMMAND, 2, &command)) != KERN_SUCCESS ||
	    (kr = hw_config_write(dev->vd_hw, PCI_COMMAND, 2, command | PCI_COMMAND_MEMORY_MASTER)) != KERN_SUCCESS ||
	    (kr = caps_walk(dev->vd_hw, caps)) != KERN_SUCCESS || (kr = caps_map(dev, caps, where)) != KERN_SUCCESS)
		goto out_release;
	if (where[CAP_COMMON] == NULL || caps[CAP_COMMON].cp_length < C_BYTES || where[CAP_NOTIFY] == NULL ||
	    where[CAP_ISR] == NULL || caps[CAP_ISR].cp_length < 1) {
		kr = MX_EIO;
		goto out_release;
	}
	dev->vd_common = where[CAP_COMMON];
	dev->vd_isr = where[CAP_ISR];
	dev->vd_config = where[CAP_DEVICE];
	dev->vd_config_bytes = caps[CAP_DEVICE].cp_length;
	dev->vd_notify = where[CAP_NOTIFY];
	dev->vd_notify_bytes = caps[CAP_NOTIFY].cp_length;
	dev->vd_notify_step = caps[CAP_NOTIFY].cp_extra;
	open_devices_change(dev, NULL);		/* who opens it again may not have closed it */
	open_devices_change(NULL, dev);
	device_reset(dev);
	put8(dev, C_STATUS, S_ACKNOWLEDGE | S_DRIVER);
	return KERN_SUCCESS;

out_release:
	virtio_close(dev);
	return kr;
}

void
virtio_close(struct virtio_dev *dev)
{
	open_devices_change(dev, NULL);
	if (dev->vd_common != NULL)
		device_reset(dev);		/* it lets go of the queues now, not when hw hears of this */
	mx_port_release(dev->vd_hw);
	dev->vd_hw = MACH_PORT_NULL;
	dev->vd_common = dev->vd_isr = dev->vd_config = dev->vd_notify = NULL;
	for (unsigned int i = 0; i < VIRTIO_BARS; i++)
		mx_pages_free((void *)dev->vd_map[i], dev->vd_map_bytes[i]);
	memset(dev->vd_map, 0, sizeof dev->vd_map);
}

kern_return_t
virtio_negotiate(struct virtio_dev *dev, uint64_t want)
{
	uint64_t offered;

	put32(dev, C_DEVICE_FEATURE_SELECT, 0);
	offered = get32(dev, C_DEVICE_FEATURE);
	put32(dev, C_DEVICE_FEATURE_SELECT, 1);
	offered |= (uint64_t)get32(dev, C_DEVICE_FEATURE) << 32;
	want |= 1ull << VIRTIO_F_VERSION_1;
	if (!(offered & 1ull << VIRTIO_F_VERSION_1))
		return MX_EIO;
	dev->vd_features = offered & want;
	put32(dev, C_DRIVER_FEATURE_SELECT, 0);
	put32(dev, C_DRIVER_FEATURE, (uint32_t)dev->vd_features);
	put32(dev, C_DRIVER_FEATURE_SELECT, 1);
	put32(dev, C_DRIVER_FEATURE, (uint32_t)(dev->vd_features >> 32));
	put8(dev, C_STATUS, S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK);
	return get8(dev, C_STATUS) & S_FEATURES_OK ? KERN_SUCCESS : MX_EIO;
}

kern_return_t
virtio_memory(struct virtio_dev *dev, size_t bytes, void **mem, uint64_t *phys)
{
	vm_address_t va;
	kern_return_t kr;

	kr = hw_dma_alloc(dev->vd_hw, mx_task, (uint32_t)bytes, &va, phys);
	if (kr != KERN_SUCCESS)
		return kr;
	memset((void *)va, 0, bytes);	/* the kernel does not */
	*mem = (void *)va;
	return KERN_SUCCESS;
}

kern_return_t
virtio_queue_make(struct virtio_dev *dev, struct virtq *q, unsigned int index, unsigned int max)
{
	unsigned int size;
	size_t notify;
	uint64_t phys;
	void *mem;
	kern_return_t kr;

	put16(dev, C_QUEUE_SELECT, (uint16_t)index);
	size = get16(dev, C_QUEUE_SIZE);
	if (size == 0)
		return MX_ENODEV;
	if (size & (size - 1))
		return MX_EIO;
	if (max > VIRTQ_MAX)
		max = VIRTQ_MAX;
	while (size > max)
		size /= 2;
	notify = (size_t)get16(dev, C_QUEUE_NOTIFY_OFF) * dev->vd_notify_step;
	if (dev->vd_notify_bytes < 2 || notify > dev->vd_notify_bytes - 2)
		return MX_EIO;
	/* When memory is short there are single pages only. */
	while ((kr = virtio_memory(dev, virtq_bytes(size), &mem, &phys)) == KERN_RESOURCE_SHORTAGE && virtq_bytes(size) > VIRTIO_PAGE)
		size /= 2;
	if (kr != KERN_SUCCESS)
		return kr;
	virtq_init(q, mem, phys, size);
	q->vq_index = (uint16_t)index;
	q->vq_notify = (volatile uint16_t *)(dev->vd_notify + notify);
	put16(dev, C_QUEUE_SIZE, (uint16_t)size);
	put64(dev, C_QUEUE_DESC, q->vq_desc_phys);
	put64(dev, C_QUEUE_AVAIL, q->vq_avail_phys);
	put64(dev, C_QUEUE_USED, q->vq_used_phys);
	put16(dev, C_QUEUE_ENABLE, 1);
	return KERN_SUCCESS;
}

void
virtio_queue_free(struct virtq *q)
{
	if (q->vq_desc != NULL)
		mx_pages_free((void *)q->vq_desc, virtq_bytes(q->vq_size));
	memset(q, 0, sizeof *q);
}

void
virtio_start(struct virtio_dev *dev)
{
	put8(dev, C_STATUS, S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK);
}

uint8_t
virtio_isr(struct virtio_dev *dev)
{
	return *dev->vd_isr;
}
