/*
 * hw_pci.c - the machine's own registers: the two ports of PCI configuration, physical memory for mapping, power.
 *
 * No other task of MASIX has an I/O port, so none pays for an I/O bitmap at a context switch; here the highest port is
 * 0xcff. The power ports are taken only to switch off.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw.h"

#include <mach.h>
#include <mach4.h>
#include <mach_i386.h>
#include <device.h>
#include <device/device_types.h>

#define PCI_ADDRESS	0xcf8
#define PCI_DATA	0xcfc
#define RESET_CONTROL	0xcf9
#define TIMER		8	/* from the first of the ports of power management */
#define TIMER_TRIES	8
#define CLEAR_TRIES	1000000	/* reads of a register: some seconds */

struct hw_machine hw_machine;
static mach_port_t hw_memory_device;	/* "mem" */

static inline void
outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline void
outw(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void
outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint32_t
inl(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static uint32_t
pci_word_read(void *arg, uint32_t bdf, uint32_t offset)
{
	(void)arg;
	outl(PCI_ADDRESS, 0x80000000u | bdf << 8 | offset);
	return inl(PCI_DATA);
}

static void
pci_word_write(void *arg, uint32_t bdf, uint32_t offset, uint32_t value)
{
	(void)arg;
	outl(PCI_ADDRESS, 0x80000000u | bdf << 8 | offset);
	outl(PCI_DATA, value);
}

static kern_return_t
ports_take(uint16_t from, uint16_t to)
{
	mach_port_t permission;
	kern_return_t kr;

	kr = i386_io_perm_create(hw_device_port, from, to, &permission);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = i386_io_perm_modify(mx_task, permission, TRUE);
	mx_port_release(permission);	/* the task has the ports now */
	return kr;
}

kern_return_t
hw_pci_start(void)
{
	kern_return_t kr;

	kr = ports_take(PCI_ADDRESS, PCI_DATA + 3);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = device_open(hw_device_port, D_READ | D_WRITE, "mem", &hw_memory_device);
	if (kr != KERN_SUCCESS)
		return kr;
	hw_machine.hm_ops.co_read = pci_word_read;
	hw_machine.hm_ops.co_write = pci_word_write;
	hw_machine_scan(&hw_machine);
	return KERN_SUCCESS;
}

/* The kernel's device pager does not look at the end of what was asked for; a proxy does. */
kern_return_t
hw_memory_object(uint32_t physical, uint32_t size, mach_port_t *memory)
{
	rpc_vm_offset_t offset = 0, start = 0;
	rpc_vm_size_t length = size;
	mach_port_t pager;
	kern_return_t kr;

	kr = device_map(hw_memory_device, VM_PROT_READ | VM_PROT_WRITE, physical, size, &pager, 0);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = memory_object_create_proxy(mx_task, VM_PROT_READ | VM_PROT_WRITE, &pager, MACH_MSG_TYPE_COPY_SEND, 1, &offset, 1,
		&start, 1, &length, 1, memory);
	mx_port_release(pager);	/* the proxy holds it */
	return kr;
}

kern_return_t
hw_register_clear(uint32_t physical)
{
	uint32_t page = physical & ~(HW_PAGE - 1);
	volatile uint8_t *reg;
	vm_address_t va = 0;
	mach_port_t memory;
	kern_return_t kr = hw_memory_object(page, HW_PAGE, &memory);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = vm_map(mx_task, &va, HW_PAGE, 0, TRUE, memory, 0, FALSE, VM_PROT_READ | VM_PROT_WRITE, VM_PROT_READ | VM_PROT_WRITE,
		VM_INHERIT_NONE);
	mx_port_release(memory);
	if (kr != KERN_SUCCESS)
		return kr;
	reg = (volatile uint8_t *)va + (physical - page);
	*reg = 0;
	for (int i = 0; *reg != 0 && i < CLEAR_TRIES; i++)
		;
	kr = *reg == 0 ? KERN_SUCCESS : MX_ETIMEDOUT;
	mx_pages_free((void *)va, HW_PAGE);
	return kr;
}

kern_return_t
hw_timer_read(uint64_t *tsc, uint32_t *ticks)
{
	static uint16_t timer;			/* its port */
	uint64_t before, after, best = UINT64_MAX;
	uint32_t base, value;
	kern_return_t kr;

	if (timer == 0) {
		base = hw_machine_power_ports(&hw_machine);
		if (base == 0)
			return MX_ENODEV;
		kr = ports_take((uint16_t)(base + TIMER), (uint16_t)(base + TIMER + 3));
		if (kr != KERN_SUCCESS)
			return kr;
		timer = (uint16_t)(base + TIMER);
	}
	for (int i = 0; i < TIMER_TRIES; i++) {		/* the one that took least: nothing came between */
		before = __builtin_ia32_rdtsc();
		value = inl(timer);
		after = __builtin_ia32_rdtsc();
		if (after - before < best) {
			best = after - before;
			*tsc = before + best / 2;
			*ticks = value & 0xffffff;
		}
	}
	return KERN_SUCCESS;
}

kern_return_t
hw_power_off(void)
{
	uint32_t base = hw_machine_power_ports(&hw_machine);
	kern_return_t kr;

	if (base == 0)
		return MX_ENODEV;
	kr = ports_take((uint16_t)base, (uint16_t)(base + 7));
	if (kr != KERN_SUCCESS)
		return kr;
	outw((uint16_t)(base + 4), 0x2000);	/* PM1a control: sleep now, type 0, which is S5 on these chipsets */
	return KERN_SUCCESS;
}

kern_return_t
hw_power_reset(void)
{
	outb(RESET_CONTROL, 0x02);
	outb(RESET_CONTROL, 0x06);
	return KERN_SUCCESS;
}
