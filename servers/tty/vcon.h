/*
 * vcon.h - a virtio console: bytes in, bytes out.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TTY_VCON_H
#define TTY_VCON_H

#include <masix/server.h>
#include <masix/virtio.h>

#define VCON_BUFFERS	16	/* in each direction */
#define VCON_MESSAGES	16	/* control messages in each direction */
#define VCON_MESSAGE_BYTES 128u
#define VCON_NO_PORT	(~0u)

struct vcon_ops {
	/* N bytes came; answers how many were used. The rest is offered again after vcon_resume. */
	size_t	(*vo_receive)(void *arg, const uint8_t *bytes, size_t n);
	/* Output was sent, after vcon_want_room: who still waits asks again. */
	void	(*vo_room)(void *arg);
	/* The host's terminal has this size; NULL: not interested. */
	void	(*vo_size)(void *arg, uint16_t rows, uint16_t columns);
};

struct vcon_buffer {
	uint8_t		*vb_bytes;
	uint64_t	vb_at;		/* as the device sees it */
	uint32_t	vb_used;	/* bytes put into it, or received */
	struct vcon_buffer *vb_next;
};

struct vcon {
	struct mx_object vc_object;	/* hears of interrupts */
	struct virtio_dev vc_dev;
	struct virtq	vc_rx, vc_tx;	/* of our port */
	bool		vc_is_up;	/* our port's queues are in use */
	bool		vc_is_multiport;
	uint32_t	vc_port;	/* VCON_NO_PORT: the device has not said which there are */
	struct virtq	vc_control_rx, vc_control_tx;
	struct vcon_buffer vc_message[2 * VCON_MESSAGES];
	struct vcon_buffer *vc_message_free;
	struct mx_cond	vc_port_found;
	const struct vcon_ops *vc_ops;
	void		*vc_arg;
	unsigned int	vc_index;	/* which of the machine's */
	size_t		vc_buffer_bytes;

	struct vcon_buffer vc_buffer[2 * VCON_BUFFERS];
	struct vcon_buffer *vc_open;	/* being filled; NULL: none */
	struct vcon_buffer *vc_free;	/* for output */
	unsigned int	vc_nfree;
	uint32_t	vc_in_flight;	/* bytes given to the device and not yet sent */
	bool		vc_want_room;

	struct vcon_buffer *vc_in_first, *vc_in_last;	/* received, not yet used up */
	uint32_t	vc_in_at;	/* bytes of the first that are used */
	bool		vc_is_delivering;
};

/* Find and start the INDEX-th virtio console of the machine, with buffers of BUFFER_BYTES (whole pages). Its bytes are delivered
 * from now on. Errors: NULL, *KR says why: MX_ENODEV there is none */
struct vcon *vcon_start(mach_port_t hw, unsigned int index, size_t buffer_bytes, const struct vcon_ops *ops, void *arg,
	kern_return_t *kr);

/* How many bytes vcon_put takes now; take them. They are sent when a buffer is full, and by vcon_send. */
size_t vcon_room(struct vcon *vc);
void vcon_put(struct vcon *vc, const uint8_t *bytes, size_t n);
void vcon_send(struct vcon *vc);
/* Have vo_room called when more output has been sent. Look again before waiting: it may be sent already. */
void vcon_want_room(struct vcon *vc);

/* Bytes that were put and are not sent yet; throw away those that the device does not have. */
size_t vcon_pending(struct vcon *vc);
void vcon_discard(struct vcon *vc);

/* There is room for input again. */
void vcon_resume(struct vcon *vc);

/* ---- between the files of the driver ---- */

/* Start: agree on features and make the queues of all the ports that may be ours. */
kern_return_t vcon_control_prepare(struct vcon *vc);
/* The device runs: find our port. Blocks: up to a second. Errors: MX_ENODEV no port */
kern_return_t vcon_control_start(struct vcon *vc);
/* Look at the device's control messages. */
void vcon_control_interrupt(struct vcon *vc);

#endif /* TTY_VCON_H */
