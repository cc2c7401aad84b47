/*
 * vcon_control.c - which port of a virtio console device is ours.
 *
 * A device with the multiport feature has queues for control messages and a pair for each port; a host's "virtserialport" is a
 * port from 1 on. One without has port 0 only, a host's "virtconsole". Prefer the former: QEMU drops the output of a
 * virtconsole whose reader is slow, and makes the guest wait on a virtserialport. The first of ports 0 and 1 that the device
 * has is taken.
 *
 * A port may have a name. One that ends in ".ROWSxCOLUMNS" tells the size of the host's terminal, which nothing else in this
 * version of the device does.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.0, section 5.3.6.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "vcon.h"

#include <string.h>
#include <masix/abi.h>

#define QUEUE_SIZE	64
#define F_MULTIPORT	(1ull << 1)
#define CONFIG_MAX_PORTS 4		/* offset in the device's configuration */
#define PORTS		2		/* that are looked at */
#define QUEUE_CONTROL_RX 2
#define QUEUE_CONTROL_TX 3
#define FIND_NS		1000000000ull

enum { DEVICE_READY, PORT_ADD, PORT_REMOVE, PORT_READY, CONSOLE_PORT, RESIZE, PORT_OPEN, PORT_NAME };

struct message {
	uint32_t	me_port;
	uint16_t	me_event, me_value;
};

static const unsigned int queue_rx[PORTS] = { 0, 4 };

/* ---- Messages ---- */

static void
messages_reclaim(struct vcon *vc)
{
	struct vcon_buffer *b;

	while ((b = virtq_take(&vc->vc_control_tx, NULL)) != NULL) {
		b->vb_next = vc->vc_message_free;
		vc->vc_message_free = b;
	}
}

static void
message_send(struct vcon *vc, uint32_t port, uint16_t event, uint16_t value)
{
	struct message m = { port, event, value };
	struct vcon_buffer *b;
	struct virtq_buf piece;

	messages_reclaim(vc);
	b = vc->vc_message_free;
	if (b == NULL) {
		mx_log(MX_LOG_WARNING, "the virtio console takes no control messages");
		return;
	}
	vc->vc_message_free = b->vb_next;
	memcpy(b->vb_bytes, &m, sizeof m);
	piece = (struct virtq_buf){ b->vb_at, sizeof m };
	(void)virtq_add(&vc->vc_control_tx, &piece, 1, 0, b);	/* fails on a broken queue only */
	virtq_kick(&vc->vc_control_tx);
}

static void
message_give(struct vcon *vc, struct vcon_buffer *b)
{
	struct virtq_buf piece = { b->vb_at, VCON_MESSAGE_BYTES };

	(void)virtq_add(&vc->vc_control_rx, &piece, 0, 1, b);
}

/* The size in NAME, N bytes. */
static void
name_handle(struct vcon *vc, const char *name, size_t n)
{
	uint32_t number[2] = { 0, 0 };
	unsigned int which = 0;
	size_t end = n;

	while (n > 0 && name[n - 1] != '.')
		n--;
	if (n == 0 || vc->vc_ops->vo_size == NULL)
		return;
	for (; n < end; n++) {
		if (name[n] == 'x' && which == 0)
			which = 1;
		else if (name[n] >= '0' && name[n] <= '9' && number[which] < 1000)
			number[which] = number[which] * 10 + (uint32_t)(name[n] - '0');
		else if (name[n] != '\0')
			return;
	}
	if (number[0] > 0 && number[1] > 0)
		vc->vc_ops->vo_size(vc->vc_arg, (uint16_t)number[0], (uint16_t)number[1]);
}

static void
port_handle(struct vcon *vc, const struct message *m)
{
	if (vc->vc_port == VCON_NO_PORT && m->me_port < PORTS) {
		vc->vc_port = m->me_port;
		mx_cond_broadcast(&vc->vc_port_found);
	}
	message_send(vc, m->me_port, PORT_READY, vc->vc_port == m->me_port);
	if (vc->vc_port == m->me_port)
		message_send(vc, m->me_port, PORT_OPEN, 1);
}

void
vcon_control_interrupt(struct vcon *vc)
{
	struct vcon_buffer *b;
	struct message m;
	uint32_t n;

	if (!vc->vc_is_multiport)
		return;
	while ((b = virtq_take(&vc->vc_control_rx, &n)) != NULL) {
		memcpy(&m, b->vb_bytes, sizeof m);
		if (n >= sizeof m && n <= VCON_MESSAGE_BYTES) {
			if (m.me_event == PORT_ADD)
				port_handle(vc, &m);
			else if (m.me_event == PORT_NAME && m.me_port == vc->vc_port)
				name_handle(vc, (const char *)b->vb_bytes + sizeof m, n - sizeof m);
		}
		message_give(vc, b);
		virtq_kick(&vc->vc_control_rx);
	}
}

/* ---- Start ---- */

static kern_return_t
messages_make(struct vcon *vc)
{
	uint64_t phys;
	void *mem;
	kern_return_t kr;

	if (vc->vc_message[0].vb_bytes != NULL)
		return KERN_SUCCESS;	/* of the time before */
	kr = virtio_memory(&vc->vc_dev, 2 * VCON_MESSAGES * VCON_MESSAGE_BYTES, &mem, &phys);
	if (kr != KERN_SUCCESS)
		return kr;
	for (unsigned int i = 0; i < 2 * VCON_MESSAGES; i++) {
		vc->vc_message[i].vb_bytes = (uint8_t *)mem + i * VCON_MESSAGE_BYTES;
		vc->vc_message[i].vb_at = phys + i * VCON_MESSAGE_BYTES;
	}
	return KERN_SUCCESS;
}

static kern_return_t
control_queues_make(struct vcon *vc)
{
	kern_return_t kr;

	if ((kr = virtio_queue_make(&vc->vc_dev, &vc->vc_control_rx, QUEUE_CONTROL_RX, QUEUE_SIZE)) != KERN_SUCCESS ||
	    (kr = virtio_queue_make(&vc->vc_dev, &vc->vc_control_tx, QUEUE_CONTROL_TX, QUEUE_SIZE)) != KERN_SUCCESS ||
	    (kr = messages_make(vc)) != KERN_SUCCESS)
		return kr;
	virtq_interrupts(&vc->vc_control_tx, false);
	vc->vc_message_free = NULL;
	for (unsigned int i = 0; i < 2 * VCON_MESSAGES; i++) {
		struct vcon_buffer *b = &vc->vc_message[i];

		if (i < VCON_MESSAGES) {
			message_give(vc, b);
		} else {
			b->vb_next = vc->vc_message_free;
			vc->vc_message_free = b;
		}
	}
	return KERN_SUCCESS;
}

static kern_return_t
port_queues_make(struct vcon *vc, uint32_t port)
{
	kern_return_t kr;

	kr = virtio_queue_make(&vc->vc_dev, &vc->vc_rx, queue_rx[port], QUEUE_SIZE);
	return kr == KERN_SUCCESS ? virtio_queue_make(&vc->vc_dev, &vc->vc_tx, queue_rx[port] + 1, QUEUE_SIZE) : kr;
}

kern_return_t
vcon_control_prepare(struct vcon *vc)
{
	uint32_t ports = 1;
	kern_return_t kr = virtio_negotiate(&vc->vc_dev, F_MULTIPORT);

	if (kr != KERN_SUCCESS)
		return kr;
	if ((vc->vc_dev.vd_features & F_MULTIPORT) && vc->vc_dev.vd_config_bytes >= CONFIG_MAX_PORTS + 4)
		ports = *(volatile uint32_t *)(vc->vc_dev.vd_config + CONFIG_MAX_PORTS);
	vc->vc_is_multiport = ports > 1;
	vc->vc_port = vc->vc_is_multiport ? VCON_NO_PORT : 0;
	return vc->vc_is_multiport ? control_queues_make(vc) : port_queues_make(vc, 0);
}

kern_return_t
vcon_control_start(struct vcon *vc)
{
	uint64_t deadline = mx_now_ns() + FIND_NS;

	if (!vc->vc_is_multiport)
		return KERN_SUCCESS;
	virtq_kick(&vc->vc_control_rx);
	message_send(vc, 0, DEVICE_READY, 1);
	vcon_control_interrupt(vc);		/* it has mostly answered already */
	while (vc->vc_port == VCON_NO_PORT)
		if (mx_cond_wait_until(&vc->vc_port_found, deadline) == MX_ETIMEDOUT)
			return MX_ENODEV;
	return port_queues_make(vc, vc->vc_port);
}
