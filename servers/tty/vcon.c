/*
 * vcon.c - the driver of virtio consoles: one port of a device, in and out.
 *
 * Output is copied into buffers that the device reads, up to sixteen under way. The device nearly always has sent a buffer
 * when the write to its notification register returns, so no interrupt is asked for until somebody waits for room. Input
 * that finds no room stays in its buffer, which the device does not get back: so the host's side waits, and nothing is lost.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.0, section 5.3.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "vcon.h"

#include <string.h>
#include <masix/abi.h>
#include "hw.h"
#include "hw_notify_S.h"

#define TYPE_CONSOLE	3
#define RETRY_NS	200000000u	/* between attempts to get the device back */

extern mx_demux_t hw_notify_server;	/* MIG's */

static mx_demux_t *const vcon_demuxes[] = { hw_notify_server, NULL };
static struct mx_class vcon_class = {
	.mc_name = "virtio console", .mc_size = sizeof(struct vcon), .mc_demux = vcon_demuxes,
};

/* ---- Output ---- */

static void
tx_free(struct vcon *vc, struct vcon_buffer *b)
{
	b->vb_used = 0;
	b->vb_next = vc->vc_free;
	vc->vc_free = b;
	vc->vc_nfree++;
}

/* Take back what the device has sent. */
static void
tx_reclaim(struct vcon *vc)
{
	struct vcon_buffer *b;

	while ((b = virtq_take(&vc->vc_tx, NULL)) != NULL) {
		vc->vc_in_flight -= b->vb_used;
		tx_free(vc, b);
	}
}

size_t
vcon_room(struct vcon *vc)
{
	size_t room = vc->vc_is_up ? vc->vc_nfree * vc->vc_buffer_bytes : 0;

	if (vc->vc_open != NULL)
		room += vc->vc_buffer_bytes - vc->vc_open->vb_used;
	return room;
}

/* Give the open buffer to the device. */
static void
tx_submit(struct vcon *vc)
{
	struct vcon_buffer *b = vc->vc_open;
	struct virtq_buf piece = { b->vb_at, b->vb_used };

	if (!vc->vc_is_up)
		return;			/* it stays open until the device is back */
	vc->vc_open = NULL;
	if (!virtq_add(&vc->vc_tx, &piece, 1, 0, b)) {
		tx_free(vc, b);		/* the device is broken: output goes nowhere */
		return;
	}
	vc->vc_in_flight += b->vb_used;
	virtq_kick(&vc->vc_tx);
	tx_reclaim(vc);
}

void
vcon_put(struct vcon *vc, const uint8_t *bytes, size_t n)
{
	while (n > 0) {
		struct vcon_buffer *b = vc->vc_open;
		size_t part;

		if (b == NULL) {
			mx_assert(vc->vc_free != NULL);	/* the caller asked for the room */
			b = vc->vc_open = vc->vc_free;
			vc->vc_free = b->vb_next;
			vc->vc_nfree--;
		}
		part = vc->vc_buffer_bytes - b->vb_used;
		if (part > n)
			part = n;
		memcpy(b->vb_bytes + b->vb_used, bytes, part);
		b->vb_used += part;
		bytes += part;
		n -= part;
		if (b->vb_used == vc->vc_buffer_bytes)
			tx_submit(vc);
	}
}

void
vcon_send(struct vcon *vc)
{
	if (vc->vc_open != NULL)
		tx_submit(vc);
}

void
vcon_want_room(struct vcon *vc)
{
	vcon_send(vc);
	if (!vc->vc_is_up)
		return;			/* vo_room is called when the device is back */
	virtq_interrupts(&vc->vc_tx, true);
	tx_reclaim(vc);
	vc->vc_want_room = vc->vc_in_flight > 0;
	if (!vc->vc_want_room)
		virtq_interrupts(&vc->vc_tx, false);	/* all was sent: there is nothing to wait for */
}

size_t
vcon_pending(struct vcon *vc)
{
	if (vc->vc_is_up)
		tx_reclaim(vc);
	return vc->vc_in_flight + (vc->vc_open != NULL ? vc->vc_open->vb_used : 0);
}

void
vcon_discard(struct vcon *vc)
{
	struct vcon_buffer *b = vc->vc_open;

	vc->vc_open = NULL;
	if (b != NULL)
		tx_free(vc, b);
}

/* ---- Input ---- */

static void
rx_give(struct vcon *vc, struct vcon_buffer *b)
{
	struct virtq_buf piece = { b->vb_at, (uint32_t)vc->vc_buffer_bytes };

	(void)virtq_add(&vc->vc_rx, &piece, 0, 1, b);	/* fails on a broken queue only, which takes nothing more */
}

/* Put what the device has received behind what is not used up yet. */
static void
rx_collect(struct vcon *vc)
{
	struct vcon_buffer *b;
	uint32_t n;

	while ((b = virtq_take(&vc->vc_rx, &n)) != NULL) {
		b->vb_used = n < vc->vc_buffer_bytes ? n : (uint32_t)vc->vc_buffer_bytes;
		b->vb_next = NULL;
		if (vc->vc_in_first == NULL)
			vc->vc_in_first = b;
		else
			vc->vc_in_last->vb_next = b;
		vc->vc_in_last = b;
	}
}

/* Deliver the first buffer. Errors: false  not all of it was wanted */
static bool
rx_deliver_one(struct vcon *vc)
{
	struct vcon_buffer *b = vc->vc_in_first;

	if (b->vb_used > vc->vc_in_at)
		vc->vc_in_at += vc->vc_ops->vo_receive(vc->vc_arg, b->vb_bytes + vc->vc_in_at, b->vb_used - vc->vc_in_at);
	if (vc->vc_in_at < b->vb_used)
		return false;
	vc->vc_in_first = b->vb_next;
	vc->vc_in_at = 0;
	rx_give(vc, b);
	return true;
}

void
vcon_resume(struct vcon *vc)
{
	bool any = false;

	if (vc->vc_is_delivering)
		return;			/* called by the receiver: the loop below goes on */
	if (!vc->vc_is_up)
		return;
	vc->vc_is_delivering = true;
	rx_collect(vc);
	while (vc->vc_in_first != NULL && rx_deliver_one(vc)) {
		any = true;
		rx_collect(vc);
	}
	vc->vc_is_delivering = false;
	if (any)
		virtq_kick(&vc->vc_rx);
}

/* ---- Interrupts ---- */

static void
port_interrupt(struct vcon *vc)
{
	vcon_resume(vc);
	tx_reclaim(vc);
	if (vc->vc_want_room) {
		vc->vc_want_room = false;
		virtq_interrupts(&vc->vc_tx, false);
		vc->vc_ops->vo_room(vc->vc_arg);
	}
}

kern_return_t
S_hw_interrupt(mx_object_ptr_t obj, uint32_t count)
{
	struct vcon *vc = mx_object_cast(obj, &vcon_class);

	(void)count;
	if (vc == NULL)
		return MX_EINVAL;
	if (vc->vc_dev.vd_isr == NULL)
		return KERN_SUCCESS;	/* hw died since it sent this */
	(void)virtio_isr(&vc->vc_dev);	/* reading it quiets the line; the queues say the rest */
	vcon_control_interrupt(vc);
	if (vc->vc_is_up)
		port_interrupt(vc);
	return hw_interrupt_done(vc->vc_dev.vd_hw);
}

/* ---- Start, and start again ---- */

static kern_return_t
buffers_make(struct vcon *vc)
{
	uint64_t phys;
	void *mem;
	kern_return_t kr;

	if (vc->vc_buffer[0].vb_bytes != NULL)
		return KERN_SUCCESS;	/* of the time before */
	kr = virtio_memory(&vc->vc_dev, 2 * VCON_BUFFERS * vc->vc_buffer_bytes, &mem, &phys);
	if (kr != KERN_SUCCESS)
		return kr;
	for (unsigned int i = 0; i < 2 * VCON_BUFFERS; i++) {
		vc->vc_buffer[i].vb_bytes = (uint8_t *)mem + i * vc->vc_buffer_bytes;
		vc->vc_buffer[i].vb_at = phys + i * vc->vc_buffer_bytes;
	}
	return KERN_SUCCESS;
}

static bool
is_received(const struct vcon *vc, const struct vcon_buffer *b)
{
	const struct vcon_buffer *in;

	for (in = vc->vc_in_first; in != NULL && in != b; in = in->vb_next)
		;
	return in != NULL;
}

/* Every buffer that holds nothing goes where it belongs: for input to the device, for output to the free ones. */
static void
buffers_place(struct vcon *vc)
{
	vc->vc_free = NULL;
	vc->vc_nfree = 0;
	vc->vc_in_flight = 0;
	for (unsigned int i = 0; i < 2 * VCON_BUFFERS; i++) {
		struct vcon_buffer *b = &vc->vc_buffer[i];

		if (i >= VCON_BUFFERS && b != vc->vc_open)
			tx_free(vc, b);
		else if (i < VCON_BUFFERS && !is_received(vc, b))
			rx_give(vc, b);
	}
}

static kern_return_t
device_start(struct vcon *vc)
{
	kern_return_t kr;

	kr = vcon_control_prepare(vc);
	if (kr == KERN_SUCCESS)
		kr = hw_interrupt_register(vc->vc_dev.vd_hw, mx_object_port(&vc->vc_object));
	if (kr != KERN_SUCCESS)
		return kr;
	virtio_start(&vc->vc_dev);
	kr = vcon_control_start(vc);
	if (kr == KERN_SUCCESS)
		kr = buffers_make(vc);
	if (kr != KERN_SUCCESS)
		return kr;
	buffers_place(vc);
	virtq_interrupts(&vc->vc_tx, false);
	vc->vc_is_up = true;
	virtq_kick(&vc->vc_rx);
	return KERN_SUCCESS;
}

static void
device_stop(struct vcon *vc)
{
	struct virtq *queues[] = { &vc->vc_rx, &vc->vc_tx, &vc->vc_control_rx, &vc->vc_control_tx };

	vc->vc_is_up = false;
	virtio_close(&vc->vc_dev);
	for (unsigned int i = 0; i < sizeof queues / sizeof queues[0]; i++)
		virtio_queue_free(queues[i]);
}

static void vcon_lost(void *arg, mach_port_t port);

/* Errors: those of virtio_open and device_start; nothing is held then but buffers, which the next try uses. */
static kern_return_t
vcon_open(struct vcon *vc, mach_port_t hw)
{
	kern_return_t kr = virtio_open(&vc->vc_dev, hw, TYPE_CONSOLE, vc->vc_index);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = device_start(vc);
	if (kr == KERN_SUCCESS)
		kr = mx_on_dead_name(vc->vc_dev.vd_hw, vcon_lost, vc);
	if (kr != KERN_SUCCESS)
		device_stop(vc);
	return kr;
}

/* hw died. Output that the device had not sent is lost; input that was not used up is not. */
static void
vcon_lost(void *arg, mach_port_t port)
{
	struct vcon *vc = arg;
	mach_port_t hw;
	kern_return_t kr;

	(void)port;			/* vd_hw: virtio_close releases it */
	device_stop(vc);
	do {
		kr = mx_lookup("hw", &hw);
		if (kr == KERN_SUCCESS) {
			kr = vcon_open(vc, hw);
			mx_port_release(hw);
		}
		if (kr != KERN_SUCCESS)
			mx_sleep_ns(RETRY_NS);
	} while (kr != KERN_SUCCESS);
	vcon_send(vc);
	mx_log(MX_LOG_INFO, "the virtio console is back");
	vc->vc_ops->vo_room(vc->vc_arg);
}

struct vcon *
vcon_start(mach_port_t hw, unsigned int index, size_t buffer_bytes, const struct vcon_ops *ops, void *arg,
	kern_return_t *kr)
{
	struct vcon *vc = mx_object_create(&vcon_class);

	if (vc == NULL) {
		*kr = KERN_RESOURCE_SHORTAGE;
		return NULL;
	}
	vc->vc_ops = ops;
	vc->vc_arg = arg;
	vc->vc_index = index;
	vc->vc_buffer_bytes = buffer_bytes;
	*kr = vcon_open(vc, hw);
	if (*kr == KERN_SUCCESS)
		return vc;
	mx_object_release(&vc->vc_object);
	return NULL;
}
