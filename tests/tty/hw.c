/*
 * hw.c - the server hw as a driver sees it, with a virtio entropy device: the simplest driver there is.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "test.h"

#include <string.h>
#include <masix/virtio.h>

#include "hw.h"
#include "hw_notify_S.h"

#define TYPE_RNG	4

extern mx_demux_t hw_notify_server;

static struct virtio_dev rng;
static struct virtq queue;
static volatile unsigned int interrupts;
static struct mx_cond interrupted;

kern_return_t
S_hw_interrupt(mx_object_ptr_t obj, uint32_t count)
{
	(void)obj;
	(void)count;
	(void)virtio_isr(&rng);
	interrupts++;
	mx_cond_broadcast(&interrupted);
	return hw_interrupt_done(rng.vd_hw);
}

static mx_demux_t *const driver_demuxes[] = { hw_notify_server, NULL };
static struct mx_class driver_class = {
	.mc_name = "driver", .mc_size = sizeof(struct mx_object), .mc_demux = driver_demuxes,
};

static kern_return_t
rng_open(mach_port_t hw, struct mx_object *driver)
{
	kern_return_t kr = virtio_open(&rng, hw, TYPE_RNG, 0);

	if (kr == KERN_SUCCESS)
		kr = virtio_negotiate(&rng, 0);
	if (kr == KERN_SUCCESS)
		kr = virtio_queue_make(&rng, &queue, 0, 16);
	if (kr == KERN_SUCCESS)
		kr = hw_interrupt_register(rng.vd_hw, mx_object_port(driver));
	if (kr == KERN_SUCCESS)
		virtio_start(&rng);
	return kr;
}

/* 64 random bytes, by interrupt. */
static bool
rng_read(void *mem, uint64_t phys)
{
	struct virtq_buf b = { phys, 64 };
	uint64_t deadline = mx_now_ns() + 2000000000u;
	uint32_t n = 0;
	uint8_t sum = 0;

	memset(mem, 0, 64);
	if (!virtq_add(&queue, &b, 0, 1, mem))
		return false;
	virtq_kick(&queue);
	while (virtq_take(&queue, &n) == NULL)
		if (mx_cond_wait_until(&interrupted, deadline) == MX_ETIMEDOUT)
			return false;
	for (int i = 0; i < 64; i++)
		sum |= ((uint8_t *)mem)[i];
	return n == 64 && sum != 0;
}

static void
test_refusals(mach_port_t hw)
{
	mach_port_t dev = MACH_PORT_NULL;
	vm_address_t va;
	uint64_t phys;
	uint32_t value = 0, slot;

	ok(hw_claim(hw, 0x1af4, 0xffff, 99, &dev, &slot) == MX_ENODEV, "no hundredth device");
	ok(hw_claim(hw, 0x8086, 0xffff, 0, &dev, &slot) == MX_EPERM, "no bridge");
	ok(hw_config_read(rng.vd_hw, 0, 2, &value) == KERN_SUCCESS && value == 0x1af4, "the configuration is read");
	ok(hw_config_write(rng.vd_hw, 0x10, 4, 0) == MX_EPERM && hw_config_write(rng.vd_hw, 3, 4, 0) == MX_EINVAL, "addresses are not written");
	ok(hw_dma_alloc(rng.vd_hw, mx_task, 5u << 20, &va, &phys) == MX_EINVAL && hw_dma_alloc(rng.vd_hw, mx_task, 0, &va, &phys) == MX_EINVAL,
		"no memory that would stop the kernel");
	ok(hw_power(hw, 0) == MX_EPERM && hw_config_read(hw, 0, 2, &value) == MX_EINVAL, "the ports are not interchangeable");
}

void
test_hw(void)
{
	struct mx_object *driver = mx_object_create(&driver_class);
	unsigned int good = 0;
	mach_port_t hw, old;
	uint64_t phys = 0;
	void *mem = NULL;

	if (mx_lookup("hw", &hw) != KERN_SUCCESS || rng_open(hw, driver) != KERN_SUCCESS) {
		ok(false, "a virtio entropy device");
		return;
	}
	ok(virtio_memory(&rng, 4096, &mem, &phys) == KERN_SUCCESS && phys != 0, "memory for the device");
	for (int i = 0; i < 100; i++)
		good += rng_read(mem, phys);
	ok(good == 100 && interrupts >= 90, "a hundred reads by interrupt");
	test_refusals(hw);
	old = rng.vd_hw;
	ok(virtio_open(&rng, hw, TYPE_RNG, 0) == MX_EBUSY, "a claimed device is busy");
	mx_port_release(old);
	mx_sleep_ns(50000000);
	ok(rng_open(hw, driver) == KERN_SUCCESS, "after its driver's end it is free");
	ok(virtio_memory(&rng, 4096, &mem, &phys) == KERN_SUCCESS && rng_read(mem, phys), "and works");
}
