/*
 * hw_core.c - the PCI bus: what is there, who has it, and what a driver may do to its own device.
 *
 * A driver is trusted with its device (which can read and write all memory, there being no IOMMU here) and with no other.
 * What it writes to its configuration space is therefore filtered: addresses that a device answers at, and how it
 * interrupts, are the business of all devices together. Everything goes through two functions that read and write aligned
 * words, so that tests can put any bus behind them.
 *
 * Source: PCI Local Bus Specification 3.0, chapter 6.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw.h"

#include <string.h>

#define CFG_ID		0x00
#define CFG_COMMAND	0x04	/* status in the upper half */
#define CFG_CLASS	0x08
#define CFG_HEADER	0x0c	/* header type in bits 16..23 */
#define CFG_BAR		0x10
#define CFG_BUSES	0x18	/* of a bridge: secondary bus in bits 8..15 */
#define CFG_ROM		0x30
#define CFG_CAPABILITIES 0x34
#define CFG_LINE	0x3c

#define COMMAND_IO	0x0001u
#define COMMAND_MEMORY	0x0002u
#define COMMAND_MASTER	0x0004u
#define COMMAND_NO_INTX	0x0400u
#define STATUS_INTX	0x00080000u	/* of the command and status word */
#define STATUS_CAPS	0x00100000u

#define VIRTIO		0x1af4
#define VIRTIO_COMMON	1	/* type of the capability that leads to the common structure */
#define VIRTIO_STATUS	0x14	/* in that structure */

#define CAP_VENDOR	0x09
#define CAP_MSI		0x05
#define CAP_MSIX	0x11

/* Where unplaced memory registers go: above what firmware uses on PCs, below the interrupt controllers. */
#define PLACE_LOW	0xe0000000u
#define PLACE_HIGH	0xfec00000u

static uint32_t
cfg_read(const struct hw_machine *m, uint32_t bdf, uint32_t offset)
{
	return m->hm_ops.co_read(m->hm_ops.co_arg, bdf, offset);
}

static void
cfg_write(const struct hw_machine *m, uint32_t bdf, uint32_t offset, uint32_t value)
{
	m->hm_ops.co_write(m->hm_ops.co_arg, bdf, offset, value);
}

/* The command register; the status half is written as 0, which clears nothing there. */
static void
command_write(const struct hw_machine *m, const struct hw_function *f, uint32_t command)
{
	cfg_write(m, f->hf_bdf, CFG_COMMAND, command & 0xffff);
}

static uint32_t
command_read(const struct hw_machine *m, const struct hw_function *f)
{
	return cfg_read(m, f->hf_bdf, CFG_COMMAND) & 0xffff;
}

/* ---- Finding functions ---- */

static void
function_found(struct hw_machine *m, uint32_t bdf, uint32_t id, uint32_t header)
{
	struct hw_function *f;

	if (m->hm_nfunctions == HW_FUNCTIONS_MAX)
		return;
	f = &m->hm_function[m->hm_nfunctions++];
	memset(f, 0, sizeof *f);
	f->hf_bdf = bdf;
	f->hf_vendor = (uint16_t)id;
	f->hf_device = (uint16_t)(id >> 16);
	f->hf_class = cfg_read(m, bdf, CFG_CLASS) >> 8;
	f->hf_line = (uint8_t)cfg_read(m, bdf, CFG_LINE);
	f->hf_is_bridge = (header & 0x7f) != 0 || f->hf_class >> 16 == 0x06;
}

/* The functions of every device of BUS; marks in SEEN the buses behind its bridges. */
static void
bus_scan(struct hw_machine *m, uint32_t bus, uint8_t seen[256])
{
	for (uint32_t device = 0; device < 32; device++) {
		for (uint32_t function = 0; function < 8; function++) {
			uint32_t bdf = bus << 8 | device << 3 | function;
			uint32_t id = cfg_read(m, bdf, CFG_ID), header;

			if ((id & 0xffff) == 0xffff || id == 0) {
				if (function == 0)
					break;
				continue;
			}
			header = cfg_read(m, bdf, CFG_HEADER) >> 16 & 0xff;
			function_found(m, bdf, id, header);
			if ((header & 0x7f) == 1)
				seen[cfg_read(m, bdf, CFG_BUSES) >> 8 & 0xff] |= 1;
			if (function == 0 && !(header & 0x80))
				break;
		}
	}
}

void
hw_machine_scan(struct hw_machine *m)
{
	uint8_t seen[256] = { 1 };	/* 1: there; 2: scanned */
	bool again = true;

	m->hm_nfunctions = 0;
	while (again) {
		again = false;
		for (uint32_t bus = 0; bus < 256; bus++) {
			if (seen[bus] != 1)
				continue;
			seen[bus] = 2;
			bus_scan(m, bus, seen);
			again = true;
		}
	}
}

kern_return_t
hw_function_find(struct hw_machine *m, uint32_t vendor, uint32_t device, uint32_t index, struct hw_function **found)
{
	for (unsigned int i = 0; i < m->hm_nfunctions; i++) {
		struct hw_function *f = &m->hm_function[i];

		if ((vendor != HW_ANY && vendor != f->hf_vendor) || (device != HW_ANY && device != f->hf_device) ||
		    index-- != 0)
			continue;
		if (f->hf_is_bridge)
			return MX_EPERM;
		*found = f;
		return f->hf_is_claimed ? MX_EBUSY : KERN_SUCCESS;
	}
	return MX_ENODEV;
}

/* ---- Base address registers ---- */

/* Measure register I: all ones go in, the bits that stay are the address's. Answers how many registers it takes. */
static unsigned int
bar_measure(struct hw_machine *m, struct hw_function *f, unsigned int i)
{
	struct hw_bar *b = &f->hf_bar[i];
	uint32_t at = CFG_BAR + 4 * i, old = cfg_read(m, f->hf_bdf, at), mask, high = 0;

	cfg_write(m, f->hf_bdf, at, 0xffffffff);
	mask = cfg_read(m, f->hf_bdf, at);
	cfg_write(m, f->hf_bdf, at, old);
	if (mask == 0 || mask == 0xffffffff)
		return 1;
	b->hb_is_io = old & 1;
	b->hb_is_wide = !b->hb_is_io && (old & 6) == 4 && i + 1 < HW_BARS;
	if (b->hb_is_io) {
		b->hb_size = (~(mask & ~3u) + 1) & 0xffff;
		b->hb_base = old & ~3u;
	} else {
		b->hb_size = ~(mask & ~15u) + 1;
		b->hb_base = old & ~15u;
	}
	if (b->hb_is_wide && (high = cfg_read(m, f->hf_bdf, at + 4)) != 0)
		b->hb_base = 0;		/* above 4 GiB: to be placed anew */
	return b->hb_is_wide ? 2 : 1;
}

void
hw_function_claim(struct hw_machine *m, struct hw_function *f)
{
	command_write(m, f, COMMAND_NO_INTX);
	f->hf_can_disable = command_read(m, f) & COMMAND_NO_INTX;
	memset(f->hf_bar, 0, sizeof f->hf_bar);
	for (unsigned int i = 0; i < HW_BARS; )
		i += bar_measure(m, f, i);
	f->hf_is_claimed = true;
}

void
hw_function_release(struct hw_machine *m, struct hw_function *f)
{
	command_write(m, f, COMMAND_NO_INTX);
	f->hf_is_claimed = false;
}

/* Whether [BASE, BASE + SIZE) is some function's: as far as can be told without stopping it, by its base addresses alone. */
static bool
place_taken(struct hw_machine *m, uint32_t base, uint32_t size)
{
	for (unsigned int i = 0; i < m->hm_nfunctions; i++) {
		struct hw_function *f = &m->hm_function[i];

		for (unsigned int j = 0; j < HW_BARS; j++) {
			uint32_t other = cfg_read(m, f->hf_bdf, CFG_BAR + 4 * j) & ~15u, bytes = f->hf_bar[j].hb_size;

			if (bytes == 0)
				bytes = 16u << 20;	/* not measured: be generous */
			if (f->hf_is_bridge || other < PLACE_LOW)
				continue;
			if (base < (uint64_t)other + bytes && other < (uint64_t)base + size)
				return true;
		}
	}
	return false;
}

static uint32_t
place_find(struct hw_machine *m, uint32_t size)
{
	uint32_t step = size < 0x1000 ? 0x1000 : size;

	for (uint64_t base = (PLACE_LOW + step - 1) & ~(uint64_t)(step - 1); base + step <= PLACE_HIGH; base += step)
		if (!place_taken(m, (uint32_t)base, step))
			return (uint32_t)base;
	return 0;
}

kern_return_t
hw_function_bar_place(struct hw_machine *m, struct hw_function *f, uint32_t bar)
{
	struct hw_bar *b;

	if (bar >= HW_BARS || f->hf_bar[bar].hb_size == 0)
		return MX_EINVAL;
	b = &f->hf_bar[bar];
	if (b->hb_is_io || b->hb_size < 0x1000)
		return MX_EOPNOTSUPP;
	if (b->hb_base != 0)
		return KERN_SUCCESS;
	if ((b->hb_base = place_find(m, b->hb_size)) == 0)
		return MX_ENOSPC;
	cfg_write(m, f->hf_bdf, CFG_BAR + 4 * bar, b->hb_base);
	if (b->hb_is_wide)
		cfg_write(m, f->hf_bdf, CFG_BAR + 4 * bar + 4, 0);
	return KERN_SUCCESS;
}

/* ---- Making a device quiet ---- */

/* The memory that base address register BAR has for N bytes at OFFSET, 0 without. */
static uint32_t
bar_address(const struct hw_function *f, uint32_t bar, uint32_t offset, uint32_t n)
{
	const struct hw_bar *b;

	if (bar >= HW_BARS)
		return 0;
	b = &f->hf_bar[bar];
	if (b->hb_is_io || b->hb_base == 0 || n > b->hb_size || offset > b->hb_size - n)
		return 0;
	return b->hb_base + offset;
}

bool
hw_function_memory_enable(struct hw_machine *m, const struct hw_function *f)
{
	uint32_t command = command_read(m, f);

	if (!(command & COMMAND_MASTER))
		return false;
	command_write(m, f, command | COMMAND_MEMORY);
	return true;
}

bool
hw_function_status_register(struct hw_machine *m, const struct hw_function *f, uint32_t *physical)
{
	uint32_t at;

	if (f->hf_vendor != VIRTIO || !(cfg_read(m, f->hf_bdf, CFG_COMMAND) & STATUS_CAPS))
		return false;
	at = cfg_read(m, f->hf_bdf, CFG_CAPABILITIES) & 0xfc;
	for (int i = 0; i < 48 && at >= 0x40 && at <= 0xf0; i++) {
		uint32_t word = cfg_read(m, f->hf_bdf, at);

		if ((word & 0xff) == CAP_VENDOR && word >> 24 == VIRTIO_COMMON) {
			uint32_t bar = cfg_read(m, f->hf_bdf, at + 4) & 0xff, offset = cfg_read(m, f->hf_bdf, at + 8);

			*physical = bar_address(f, bar, offset, VIRTIO_STATUS + 1);
			*physical += *physical != 0 ? VIRTIO_STATUS : 0;
			return *physical != 0;
		}
		at = word >> 8 & 0xfc;
	}
	return false;
}

/* ---- What drivers do to the configuration space ---- */

static bool
config_range_ok(uint32_t offset, uint32_t width)
{
	return (width == 1 || width == 2 || width == 4) && offset < 256 && (offset & (width - 1)) == 0;
}

/* The capability that OFFSET is in, 0 without: the one that begins nearest below it. */
static uint32_t
config_capability(struct hw_machine *m, const struct hw_function *f, uint32_t offset)
{
	uint32_t at, best = 0, id = 0;

	if (!(cfg_read(m, f->hf_bdf, CFG_COMMAND) & STATUS_CAPS))
		return 0;
	at = cfg_read(m, f->hf_bdf, CFG_CAPABILITIES) & 0xfc;
	for (int i = 0; i < 48 && at >= 0x40; i++) {
		uint32_t word = cfg_read(m, f->hf_bdf, at);

		if (at <= offset && at > best) {
			best = at;
			id = word & 0xff;
		}
		at = word >> 8 & 0xfc;
	}
	return id;
}

kern_return_t
hw_function_config_read(struct hw_machine *m, const struct hw_function *f, uint32_t offset, uint32_t width, uint32_t *value)
{
	uint32_t word;

	if (!config_range_ok(offset, width))
		return MX_EINVAL;
	word = cfg_read(m, f->hf_bdf, offset & ~3u) >> 8 * (offset & 3);
	*value = width == 4 ? word : word & ((1u << 8 * width) - 1);
	return KERN_SUCCESS;
}

kern_return_t
hw_function_config_write(struct hw_machine *m, const struct hw_function *f, uint32_t offset, uint32_t width, uint32_t value)
{
	uint32_t at = offset & ~3u, shift = 8 * (offset & 3), mask, word, capability;

	if (!config_range_ok(offset, width))
		return MX_EINVAL;
	mask = (width == 4 ? 0xffffffffu : (1u << 8 * width) - 1) << shift;
	if (at == CFG_COMMAND)
		mask &= COMMAND_MEMORY | COMMAND_MASTER;
	else if (at < 0x40 && at != CFG_HEADER)
		return MX_EPERM;	/* identity, base addresses, ROM, interrupt line */
	capability = at >= 0x40 ? config_capability(m, f, at) : 0;
	if (capability == CAP_MSI || capability == CAP_MSIX)
		return MX_EPERM;
	word = cfg_read(m, f->hf_bdf, at);
	if (at == CFG_COMMAND)
		word &= 0xffff;
	cfg_write(m, f->hf_bdf, at, (word & ~mask) | (value << shift & mask));
	return KERN_SUCCESS;
}

/* ---- Interrupts and power ---- */

bool
hw_function_interrupt_pending(struct hw_machine *m, const struct hw_function *f)
{
	return cfg_read(m, f->hf_bdf, CFG_COMMAND) & STATUS_INTX;
}

void
hw_function_interrupt_enable(struct hw_machine *m, const struct hw_function *f, bool enable)
{
	uint32_t command = command_read(m, f);

	command_write(m, f, enable ? command & ~COMMAND_NO_INTX : command | COMMAND_NO_INTX);
}

uint32_t
hw_machine_power_ports(struct hw_machine *m)
{
	for (unsigned int i = 0; i < m->hm_nfunctions; i++) {
		struct hw_function *f = &m->hm_function[i];
		bool is_piix4 = f->hf_vendor == 0x8086 && f->hf_device == 0x7113;
		bool is_ich9 = f->hf_vendor == 0x8086 && f->hf_device == 0x2918;

		if (is_piix4 || is_ich9)	/* both keep it at 0x40; bit 0 says that it is I/O */
			return cfg_read(m, f->hf_bdf, 0x40) & (is_piix4 ? 0xffc0u : 0xff80u);
	}
	return 0;
}
