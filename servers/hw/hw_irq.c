/*
 * hw_irq.c - interrupt lines, shared by devices.
 *
 * The kernel masks a line when it interrupts, until every port registered for it has acknowledged. So hw alone registers,
 * one port a line, and acknowledges at once; what keeps a device that is not yet served from interrupting again is the
 * interrupt-disable bit of that device (hw.defs, steps 1 to 3). A driver can therefore be slow, dead or hostile without the
 * others on its line noticing.
 *
 * A line that interrupts again and again with nobody here asserting it (a device that nobody claimed) is acknowledged
 * late, so that the machine stays usable.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw.h"

#include <mach.h>
#include <mach/mig_errors.h>
#include <device.h>
#include <device/device_types.h>
#include <device/notify.h>
#include "hw_notify.h"

#define LINES		24
#define SPURIOUS_MANY	100		/* in a row */
#define SPURIOUS_PAUSE_NS 10000000u

struct hw_line {
	struct mx_object hl_object;
	int		hl_irq;
	unsigned int	hl_spurious;	/* interrupts in a row that no device here asserted */
	struct hw_device *hl_devices;
};

static struct hw_line *hw_lines[LINES];
static mach_port_t hw_irq_device;	/* "irq" */

static boolean_t hw_line_demux(mach_msg_header_t *in, mach_msg_header_t *out);
static mx_demux_t *const hw_line_demuxes[] = { hw_line_demux, NULL };
static struct mx_class hw_line_class = {
	.mc_name = "line", .mc_size = sizeof(struct hw_line), .mc_demux = hw_line_demuxes,
};

/* (1) Disable the interrupt of every device of LINE that asserts it. Answers whether there was one. */
static bool
line_devices_mask(struct hw_line *line)
{
	bool any = false;

	for (struct hw_device *dev = line->hl_devices; dev != NULL; dev = dev->hd_next) {
		if (dev->hd_is_masked || !hw_function_interrupt_pending(&hw_machine, dev->hd_function))
			continue;
		hw_function_interrupt_enable(&hw_machine, dev->hd_function, false);
		dev->hd_is_masked = dev->hd_want_tell = any = true;
		dev->hd_count++;
	}
	return any;
}

static void
line_acknowledge(struct hw_line *line)
{
	kern_return_t kr = device_intr_ack(hw_irq_device, line->hl_object.mo_port, MACH_MSG_TYPE_MAKE_SEND);

	if (kr != KERN_SUCCESS)
		mx_log(MX_LOG_WARNING, "acknowledging interrupt line %d failed: 0x%x", line->hl_irq, kr);
}

static void
line_interrupt(struct hw_line *line)
{
	if (line_devices_mask(line)) {
		line->hl_spurious = 0;
	} else if (++line->hl_spurious >= SPURIOUS_MANY) {
		if (line->hl_spurious == SPURIOUS_MANY)
			mx_log(MX_LOG_WARNING, "interrupt line %d is asserted by a device without a driver", line->hl_irq);
		mx_sleep_ns(SPURIOUS_PAUSE_NS);
	}
	line_acknowledge(line);
	for (struct hw_device *dev = line->hl_devices; dev != NULL; dev = dev->hd_next) {
		/* It has at most one message to fetch: if its queue is full that is its own doing. */
		if (dev->hd_want_tell)
			(void)hw_interrupt(dev->hd_notify, dev->hd_count);
		dev->hd_want_tell = false;
	}
}

/* The kernel's interrupt message, which is not MIG's. */
static boolean_t
hw_line_demux(mach_msg_header_t *in, mach_msg_header_t *out)
{
	mig_reply_header_t *reply = (mig_reply_header_t *)out;

	if (in->msgh_id != DEVICE_INTR_NOTIFY || in->msgh_size < sizeof(device_intr_notification_t))
		return FALSE;
	line_interrupt((struct hw_line *)in->msgh_protected_payload);
	reply->Head.msgh_bits = 0;
	reply->Head.msgh_remote_port = MACH_PORT_NULL;
	reply->RetCode = MIG_NO_REPLY;
	return TRUE;
}

static kern_return_t
line_find(int irq, struct hw_line **found)
{
	struct hw_line *line;
	kern_return_t kr;

	if (irq <= 0 || irq >= LINES)
		return MX_ENODEV;
	if ((*found = hw_lines[irq]) != NULL)
		return KERN_SUCCESS;
	if (hw_irq_device == MACH_PORT_NULL) {
		kr = device_open(hw_device_port, D_READ | D_WRITE, "irq", &hw_irq_device);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	line = mx_object_create(&hw_line_class);
	if (line == NULL)
		return KERN_RESOURCE_SHORTAGE;
	line->hl_irq = irq;
	kr = device_intr_register(hw_irq_device, irq, 0, mx_object_port(&line->hl_object), MACH_MSG_TYPE_MAKE_SEND);
	if (kr != KERN_SUCCESS) {
		mx_object_release(&line->hl_object);
		return kr;
	}
	*found = hw_lines[irq] = line;
	return KERN_SUCCESS;
}

/* NOTIFY hears of DEV's interrupts from now on. Rights: takes NOTIFY when it succeeds. */
kern_return_t
hw_line_add(struct hw_device *dev, mach_port_t notify)
{
	struct hw_line *line;
	kern_return_t kr;

	if (!dev->hd_function->hf_can_disable)
		return MX_EOPNOTSUPP;
	kr = line_find(dev->hd_function->hf_line, &line);
	if (kr != KERN_SUCCESS)
		return kr;
	if (dev->hd_function == NULL)
		return MX_ENODEV;	/* the driver died meanwhile */
	if (dev->hd_line == NULL) {
		dev->hd_line = line;
		dev->hd_next = line->hl_devices;
		line->hl_devices = dev;
	} else {
		mx_port_release(dev->hd_notify);	/* registered again: the old right was ours */
	}
	dev->hd_notify = notify;
	hw_line_done(dev);
	return KERN_SUCCESS;
}

/* (3) DEV may interrupt again. */
void
hw_line_done(struct hw_device *dev)
{
	if (dev->hd_line == NULL)
		return;
	dev->hd_is_masked = false;
	hw_function_interrupt_enable(&hw_machine, dev->hd_function, true);
}

void
hw_line_remove(struct hw_device *dev)
{
	struct hw_device **at;

	if (dev->hd_line == NULL)
		return;
	hw_function_interrupt_enable(&hw_machine, dev->hd_function, false);
	for (at = &dev->hd_line->hl_devices; *at != dev; at = &(*at)->hd_next)
		;
	*at = dev->hd_next;
	dev->hd_line = NULL;
	mx_port_release(dev->hd_notify);	/* ours, perhaps a dead name by now */
	dev->hd_notify = MACH_PORT_NULL;
}
