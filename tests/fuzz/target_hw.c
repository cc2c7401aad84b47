/*
 * target_hw.c - the server hw: drivers that may be hostile, and a machine that interrupts at any time.
 *
 * hw_pci.c, which talks to ports of the machine, is replaced by a bus that is played here.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "client.h"
#include "message.h"
#include "../../servers/hw/hw.h"
#include "device.h"
#include "gnumach.h"
#include <device/notify.h>

extern boolean_t hw_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t mx_server(mach_msg_header_t *in, mach_msg_header_t *out);

const char *const fuzz_words[] = { "", NULL };
const uint32_t fuzz_numbers[] = { 0x1af4, 0x1003, 0x8086, 0xffff, 0, 1, 2, 4, 0x10, 0x20, 0x3c, 0x40, 0x50, 4096, 65536, 4u << 20 };
const unsigned int fuzz_nnumbers = sizeof(fuzz_numbers) / sizeof(fuzz_numbers[0]);

static const struct fuzz_subsystem subsystems[] = {
	{ "hw", hw_server }, { "mx", mx_server }, { NULL, NULL },
};

/* ---- The machine ---- */

#define DEVICES	6
#define LINES	24

static uint32_t space[DEVICES][64];
static mach_port_t line_port[LINES];	/* what the server registered */
static bool line_masked[LINES];

struct hw_machine hw_machine;

static uint32_t
bus_read(void *arg, uint32_t bdf, uint32_t offset)
{
	(void)arg;
	return (bdf & 7) == 0 && bdf >> 3 < DEVICES && offset < 256 ? space[bdf >> 3][offset / 4] : 0xffffffff;
}

static void
bus_write(void *arg, uint32_t bdf, uint32_t offset, uint32_t value)
{
	uint32_t *w;

	(void)arg;
	if ((bdf & 7) != 0 || bdf >> 3 >= DEVICES || offset >= 256 || offset % 4 != 0)
		sim_fail("configuration write to %x, %x", bdf, offset);
	w = &space[bdf >> 3][offset / 4];
	if (offset == 4)
		*w = (*w & 0xffff0000) | (value & 0xffff);
	else if (offset >= 0x10 && offset < 0x28)
		*w = value & 0xfffff000;
	else if (offset < 0x40)
		sim_fail("configuration write of %x to %x", value, offset);
}

kern_return_t
hw_pci_start(void)
{
	unsigned int i;

	for (i = 0; i < DEVICES; i++) {
		space[i][0] = i == 0 ? 0x12378086 : 0x10031af4;
		space[i][1] = 0x00100000;
		space[i][2] = i == 0 ? 0x06000000 : 0x07800000;
		space[i][13] = 0x40;
		space[i][15] = 9 + i / 2;
		space[i][16] = 0x01005009;	/* where the status register is (BAR 0), then MSI-X */
		space[i][20] = 0x00000011;
	}
	hw_machine.hm_ops = (struct hw_config_ops){ bus_read, bus_write, NULL };
	hw_machine_scan(&hw_machine);
	return KERN_SUCCESS;
}

kern_return_t
hw_memory_object(uint32_t physical, uint32_t size, mach_port_t *memory)
{
	if (physical == 0 || size < 4096)
		sim_fail("memory %x, %x is mapped", physical, size);
	*memory = sim_give_send(client_kernel_port(false));
	return KERN_SUCCESS;
}

kern_return_t
hw_register_clear(uint32_t physical)
{
	if (physical < 4096)
		sim_fail("the register at %x is cleared", physical);
	return KERN_SUCCESS;
}

kern_return_t
hw_timer_read(uint64_t *tsc, uint32_t *ticks)
{
	*tsc = *ticks = 1;
	return KERN_SUCCESS;
}

kern_return_t
hw_power_off(void)
{
	return KERN_SUCCESS;
}

kern_return_t
hw_power_reset(void)
{
	return KERN_SUCCESS;
}

/* ---- The kernel's part ---- */

kern_return_t
vm_allocate_contiguous(mach_port_t host, mach_port_t task, vm_address_t *address, rpc_phys_addr_t *physical, vm_size_t size,
	rpc_phys_addr_t pmin, rpc_phys_addr_t pmax, rpc_phys_addr_t align)
{
	(void)host;
	(void)task;
	(void)pmin;
	(void)align;
	if (size == 0 || size % 4096 != 0 || size > 4u << 20 || pmax >= 0x100000000ull)
		sim_fail("the kernel panics: %u contiguous bytes below %llx", size, (unsigned long long)pmax);
	*address = 0x40000000;
	*physical = 0x1000000;
	return rand() % 8 == 0 ? KERN_RESOURCE_SHORTAGE : KERN_SUCCESS;
}

kern_return_t
device_open(mach_port_t master, dev_mode_t device_mode, const_dev_name_t name, mach_port_t *device)
{
	(void)master;
	(void)device_mode;
	(void)name;
	*device = sim_give_send(client_kernel_port(false));
	return KERN_SUCCESS;
}

kern_return_t
device_intr_register(mach_port_t device, int id, int flags, mach_port_t port, mach_msg_type_name_t type)
{
	struct sim_port *p = sim_port_named(port);

	(void)device;
	(void)flags;
	if (id <= 0 || id >= LINES || p == NULL || type != MACH_MSG_TYPE_MAKE_SEND)
		sim_fail("line %d is registered for %u", id, port);
	sim_right_make(p, MACH_MSG_TYPE_MOVE_SEND);	/* the kernel keeps it */
	line_port[id] = port;
	return KERN_SUCCESS;
}

kern_return_t
device_intr_ack(mach_port_t device, mach_port_t port, mach_msg_type_name_t type)
{
	int id;

	(void)device;
	(void)type;
	for (id = 0; id < LINES && line_port[id] != port; id++)
		;
	if (id == LINES || !line_masked[id])
		sim_fail("a line that did not interrupt is acknowledged");
	line_masked[id] = false;
	return KERN_SUCCESS;
}

/* A device asserts its line, or none does; the kernel tells when the line is not masked. */
static void
interrupt(void)
{
	device_intr_notification_t n;
	unsigned int i = (unsigned int)rand() % DEVICES, id = space[i][15];

	space[i][1] ^= (uint32_t)(rand() % 4 != 0) << 19;
	if (line_port[id] == MACH_PORT_NULL || line_masked[id])
		return;
	memset(&n, 0, sizeof(n));
	n.intr_type.msgt_name = MACH_MSG_TYPE_INTEGER_32;
	n.intr_type.msgt_size = 32;
	n.intr_type.msgt_number = 1;
	n.intr_type.msgt_inline = TRUE;
	n.id = (int)id;
	line_masked[id] = true;
	sim_send(sim_port_named(line_port[id]), NULL, DEVICE_INTR_NOTIFY, &n.intr_type, sizeof(n) - sizeof(n.intr_header), false);
}

static void
meanwhile(void)
{
	if (rand() % 4 == 0)
		interrupt();
}

const struct fuzz_target fuzz_target = {
	.ta_server = &hw_server_description, .ta_subsystems = subsystems, .ta_meanwhile = meanwhile,
	.ta_names_slack = 4,			/* the device "irq", and three lines */
};
