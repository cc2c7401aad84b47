/*
 * hw.h - what the parts of the server hw share: the machine as found on the PCI bus, and the objects that stand for it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_H
#define HW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masix/types.h>

/* ---- hw_core.c: the machine; no Mach call ---- */

#define HW_FUNCTIONS_MAX	96
#define HW_ANY			0xffff
#define HW_BARS			6

/* The configuration space, as aligned words. A test gives its own. */
struct hw_config_ops {
	uint32_t (*co_read)(void *arg, uint32_t bdf, uint32_t offset);
	void	(*co_write)(void *arg, uint32_t bdf, uint32_t offset, uint32_t value);
	void	*co_arg;
};

struct hw_bar {
	uint32_t	hb_size;	/* bytes; 0: no such register, or the upper half of one */
	uint32_t	hb_base;	/* physical; 0: the firmware gave it none */
	bool		hb_is_io, hb_is_wide;
};

struct hw_function {
	uint32_t	hf_bdf;		/* bus << 8 | device << 3 | function */
	uint16_t	hf_vendor, hf_device;
	uint32_t	hf_class;	/* class << 16 | subclass << 8 | interface */
	uint8_t		hf_line;	/* interrupt line as the firmware routed it; 0 or 255: none */
	bool		hf_is_bridge;
	bool		hf_is_claimed;
	bool		hf_can_disable;	/* the interrupt-disable bit sticks */
	struct hw_bar	hf_bar[HW_BARS];	/* known once claimed */
};

struct hw_machine {
	struct hw_config_ops hm_ops;
	unsigned int	hm_nfunctions;
	struct hw_function hm_function[HW_FUNCTIONS_MAX];
};

/* Find every function behind the host bridge. */
void hw_machine_scan(struct hw_machine *m);

/* The INDEX-th function that matches. Errors: MX_ENODEV, MX_EBUSY, MX_EPERM */
kern_return_t hw_function_find(struct hw_machine *m, uint32_t vendor, uint32_t device, uint32_t index,
	struct hw_function **found);

/* Make F the caller's: stopped, its interrupt disabled, its base address registers measured. */
void hw_function_claim(struct hw_machine *m, struct hw_function *f);

/* Stop F: no decoding, no bus mastering, no interrupt; it can be claimed again. */
void hw_function_release(struct hw_machine *m, struct hw_function *f);

/* Configuration space as a driver may see and change it. Errors: MX_EINVAL, MX_EPERM */
kern_return_t hw_function_config_read(struct hw_machine *m, const struct hw_function *f, uint32_t offset, uint32_t width,
	uint32_t *value);
kern_return_t hw_function_config_write(struct hw_machine *m, const struct hw_function *f, uint32_t offset, uint32_t width,
	uint32_t value);

/* Make sure that base address register BAR is memory at an address below 4 GiB. Errors: MX_EINVAL, MX_EOPNOTSUPP, MX_ENOSPC */
kern_return_t hw_function_bar_place(struct hw_machine *m, struct hw_function *f, uint32_t bar);

/* Let F answer at its memory, in order to be stopped. False: it does not master the bus either, and need not be. */
bool hw_function_memory_enable(struct hw_machine *m, const struct hw_function *f);

/* Where F, a virtio 1.0 device, has its status register: writing 0 there resets it. False: it is none, or has no address. */
bool hw_function_status_register(struct hw_machine *m, const struct hw_function *f, uint32_t *physical);

/* The interrupt of one function: whether its line is asserted, and whether it may assert it. */
bool hw_function_interrupt_pending(struct hw_machine *m, const struct hw_function *f);
void hw_function_interrupt_enable(struct hw_machine *m, const struct hw_function *f, bool enable);

/* The ports that switch the machine off: the base of the ACPI power management registers of a chipset that hw knows, 0 without. */
uint32_t hw_machine_power_ports(struct hw_machine *m);

#ifndef MASIX_HOST_TEST

#include <masix/server.h>

/* ---- objects ---- */

#define HW_PAGE		4096u
#define HW_DMA_MAX	(4u << 20)	/* of one request */
#define HW_DMA_SHARE	(64u << 20)	/* of one device */
#define HW_DMA_LIMIT	0xfffff000u	/* physical addresses below it */

/* The port "hw" or "hw.power". */
struct hw_service {
	struct mx_object hs_object;
	bool		hs_may_power;
};

/* The port "hw.clock". */
struct hw_clock {
	struct mx_object hc_object;
};

/* A claimed function. */
struct hw_device {
	struct mx_object hd_object;
	struct hw_function *hd_function;	/* NULL: the driver is gone */
	struct hw_line	*hd_line;	/* NULL: not registered */
	struct hw_device *hd_next;	/* of the same line */
	struct hw_device *hd_all;	/* next of all */
	mach_port_t	hd_task;	/* send right: the driver, as far as it is known */
	mach_port_t	hd_notify;	/* send right */
	bool		hd_is_masked;	/* told the driver, which has not said done */
	bool		hd_want_tell;	/* masked, and the driver not told yet */
	uint32_t	hd_count;	/* interrupts so far */
	uint32_t	hd_dma_bytes;	/* of memory given so far */
};

extern struct hw_machine hw_machine;
extern mach_port_t hw_host_port;	/* host-privileged */
extern mach_port_t hw_device_port;	/* device master */
extern struct mx_class hw_service_class, hw_clock_class, hw_device_class;

/* hw_irq.c: interrupt lines */
kern_return_t hw_line_add(struct hw_device *dev, mach_port_t notify);
void hw_line_done(struct hw_device *dev);
void hw_line_remove(struct hw_device *dev);

/* hw_pci.c: the machine's registers */
kern_return_t hw_pci_start(void);
kern_return_t hw_memory_object(uint32_t physical, uint32_t size, mach_port_t *memory);
/* Write 0 to the byte at PHYSICAL, a device's register, and wait until it reads as 0. Errors: MX_ETIMEDOUT; the kernel's */
kern_return_t hw_register_clear(uint32_t physical);
/* The processor's counter and the machine's timer at the same moment, to about a microsecond. Errors: MX_ENODEV */
kern_return_t hw_timer_read(uint64_t *tsc, uint32_t *ticks);
kern_return_t hw_power_off(void);
kern_return_t hw_power_reset(void);

/* hw_recover.c */
kern_return_t hw_fresh(int argc, char **argv);

extern const struct mx_server hw_server_description;

#endif /* MASIX_HOST_TEST */
#endif /* HW_H */
