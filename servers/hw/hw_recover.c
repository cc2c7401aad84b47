/*
 * hw_recover.c - how the server hw comes up.
 *
 * There is no restart: what hw knows is in the devices themselves. A new instance scans the bus again; drivers of the old
 * one hold dead ports, and start again too (README.md, "what is lost").
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw.h"

mach_port_t hw_host_port, hw_device_port;

const struct mx_server hw_server_description = { "hw", hw_fresh, NULL };

static kern_return_t
service_register(const char *name, bool may_power)
{
	struct hw_service *service = mx_object_create(&hw_service_class);

	if (service == NULL)
		return KERN_RESOURCE_SHORTAGE;
	service->hs_may_power = may_power;
	return mx_register(name, &service->hs_object);
}

static kern_return_t
clock_register(void)
{
	struct hw_clock *clock = mx_object_create(&hw_clock_class);

	return clock != NULL ? mx_register("hw.clock", &clock->hc_object) : KERN_RESOURCE_SHORTAGE;
}

kern_return_t
hw_fresh(int argc, char **argv)
{
	kern_return_t kr;

	(void)argc;
	(void)argv;
	if ((kr = mx_right("host", &hw_host_port)) != KERN_SUCCESS ||
	    (kr = mx_wire_all(hw_host_port)) != KERN_SUCCESS ||	/* who pages to a disk waits for its interrupts */
	    (kr = mx_right("device", &hw_device_port)) != KERN_SUCCESS || (kr = hw_pci_start()) != KERN_SUCCESS ||
	    (kr = service_register("hw", false)) != KERN_SUCCESS ||
	    (kr = service_register("hw.power", true)) != KERN_SUCCESS || (kr = clock_register()) != KERN_SUCCESS)
		return kr;
	mx_log(MX_LOG_INFO, "%u functions on the PCI bus", hw_machine.hm_nfunctions);
	mx_server_ready();
	return KERN_SUCCESS;
}
