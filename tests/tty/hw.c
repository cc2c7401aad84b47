/*
 * hw.c - the server hw as a driver sees it, with virtio entropy devices: the simplest drivers there are.
 *
 * Two of them share an interrupt line (-device virtio-rng-pci twice), so that one can misbehave and the other must not notice.
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
#define BYTES		64

extern mx_demux_t hw_notify_server;

struct rng {
	struct mx_object rn_object;
	struct virtio_dev rn_dev;
	struct virtq	rn_queue;
	unsigned int	rn_interrupts;
	bool		rn_is_deaf;	/* never says that it is done */
	struct mx_cond	rn_interrupted;
	void		*rn_mem;
	uint64_t	rn_phys;
};

kern_return_t
S_hw_interrupt(mx_object_ptr_t obj, uint32_t count)
{
	struct rng *r = (struct rng *)obj;

	(void)count;
	r->rn_interrupts++;
	if (r->rn_is_deaf)
		return KERN_SUCCESS;
	(void)virtio_isr(&r->rn_dev);
	mx_cond_broadcast(&r->rn_interrupted);
	return hw_interrupt_done(r->rn_dev.vd_hw);
}

static mx_demux_t *const rng_demuxes[] = { hw_notify_server, NULL };
static struct mx_class rng_class = { .mc_name = "rng", .mc_size = sizeof(struct rng), .mc_demux = rng_demuxes };

static kern_return_t
rng_open(struct rng *r, mach_port_t hw, unsigned int index)
{
	kern_return_t kr = virtio_open(&r->rn_dev, hw, TYPE_RNG, index);

	if (kr == KERN_SUCCESS)
		kr = virtio_negotiate(&r->rn_dev, 0);
	if (kr == KERN_SUCCESS)
		kr = virtio_queue_make(&r->rn_dev, &r->rn_queue, 0, 16);
	if (kr == KERN_SUCCESS)
		kr = virtio_memory(&r->rn_dev, 4096, &r->rn_mem, &r->rn_phys);
	if (kr == KERN_SUCCESS)
		kr = hw_interrupt_register(r->rn_dev.vd_hw, mx_object_port(&r->rn_object));
	if (kr == KERN_SUCCESS)
		virtio_start(&r->rn_dev);
	return kr;
}

static bool
rng_ask(struct rng *r)
{
	struct virtq_buf b = { r->rn_phys, BYTES };

	memset(r->rn_mem, 0, BYTES);
	if (!virtq_add(&r->rn_queue, &b, 0, 1, r->rn_mem))
		return false;
	virtq_kick(&r->rn_queue);
	return true;
}

/* Random bytes, by interrupt. */
static bool
rng_read(struct rng *r)
{
	uint64_t deadline = mx_now_ns() + 2000000000u;
	uint32_t n = 0;
	uint8_t sum = 0;

	if (!rng_ask(r))
		return false;
	while (virtq_take(&r->rn_queue, &n) == NULL)
		if (mx_cond_wait_until(&r->rn_interrupted, deadline) == MX_ETIMEDOUT)
			return false;
	for (uint32_t i = 0; i < n && i < BYTES; i++)	/* a device may give less than was asked for */
		sum |= ((uint8_t *)r->rn_mem)[i];
	return n > 0 && n <= BYTES && (sum != 0 || n < 4);
}

static unsigned int
rng_read_many(struct rng *r, unsigned int times)
{
	unsigned int good = 0;

	while (times-- > 0)
		good += rng_read(r);
	return good;
}

static void
test_refusals(mach_port_t hw, struct rng *r)
{
	mach_port_t dev = MACH_PORT_NULL;
	vm_address_t va;
	uint64_t phys;
	uint32_t value = 0, slot;

	ok(hw_claim(hw, 0x1af4, 0xffff, 99, &dev, &slot) == MX_ENODEV, "no hundredth device");
	ok(hw_claim(hw, 0x8086, 0xffff, 0, &dev, &slot) == MX_EPERM, "no bridge");
	ok(hw_config_read(r->rn_dev.vd_hw, 0, 2, &value) == KERN_SUCCESS && value == 0x1af4, "the configuration is read");
	ok(hw_config_write(r->rn_dev.vd_hw, 0x10, 4, 0) == MX_EPERM && hw_config_write(r->rn_dev.vd_hw, 3, 4, 0) == MX_EINVAL,
		"addresses are not written");
	ok(hw_dma_alloc(r->rn_dev.vd_hw, mx_task, 5u << 20, &va, &phys) == MX_EINVAL &&
		hw_dma_alloc(r->rn_dev.vd_hw, mx_task, 0, &va, &phys) == MX_EINVAL, "no memory that would stop the kernel");
	ok(hw_power(hw, 0) == MX_EPERM && hw_config_read(hw, 0, 2, &value) == MX_EINVAL, "the ports are not interchangeable");
}

static void
test_sharing(mach_port_t hw, struct rng *a, struct rng *b)
{
	uint32_t line_a = 0, line_b = 1;

	(void)hw_config_read(a->rn_dev.vd_hw, 0x3c, 1, &line_a);
	ok(rng_open(b, hw, 1) == KERN_SUCCESS && hw_config_read(b->rn_dev.vd_hw, 0x3c, 1, &line_b) == KERN_SUCCESS && line_a == line_b,
		"two devices on one line");
	ok(rng_read_many(b, 50) == 50 && rng_read_many(a, 50) == 50, "both work");
	b->rn_is_deaf = true;
	b->rn_interrupts = 0;
	(void)rng_ask(b);
	mx_sleep_ns(20000000);
	ok(b->rn_interrupts == 1 && rng_read_many(a, 50) == 50, "one that never says done does not stop the other");
	mx_port_release(b->rn_dev.vd_hw);	/* dies without a word, its interrupt pending */
	mx_sleep_ns(50000000);
	ok(b->rn_interrupts == 1 && rng_read_many(a, 50) == 50, "nor one that dies then");
	b->rn_is_deaf = false;
	ok(rng_open(b, hw, 1) == KERN_SUCCESS && rng_read_many(b, 50) == 50, "and its next driver finds it working");
	virtio_close(&b->rn_dev);
}

void
test_hw(void)
{
	struct rng *a = mx_object_create(&rng_class), *b = mx_object_create(&rng_class);
	mach_port_t hw;

	if (mx_lookup("hw", &hw) != KERN_SUCCESS || rng_open(a, hw, 0) != KERN_SUCCESS) {
		ok(false, "a virtio entropy device");
		return;
	}
	ok(rng_read_many(a, 100) == 100, "a hundred reads");
	mx_sleep_ns(50000000);		/* a fast device answers before one waits; its interrupt is still to be received */
	ok(a->rn_interrupts > 0, "interrupts came");
	test_refusals(hw, a);
	ok(virtio_open(&b->rn_dev, hw, TYPE_RNG, 0) == MX_EBUSY, "a claimed device is busy");
	test_sharing(hw, a, b);
	virtio_close(&a->rn_dev);
	mx_sleep_ns(50000000);
	ok(rng_open(a, hw, 0) == KERN_SUCCESS && rng_read(a), "after its driver's end it is free, and works");
	virtio_close(&a->rn_dev);
}
