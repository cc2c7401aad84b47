/*
 * serial.c - the kernel's serial port as a line, for machines without a virtio console.
 *
 * The kernel's driver is slow (a key's echo takes two of its ticks) and loses one of two ESC in a row, but it is on every PC.
 * One fibril reads and one writes; both wait in the kernel's device calls, which park a fibril only.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tty.h"
#include "serial.h"

#include "device.h"
#include <device/device_types.h>

#define RING_BYTES	4096u
#define PIECE		128		/* of an inband transfer */

static struct serial {
	mach_port_t	se_device;
	struct tty	se_tty;
	uint32_t	se_head, se_tail;	/* output: positions only grow */
	uint8_t		se_ring[RING_BYTES];
	struct mx_cond	se_output;		/* there is output */
	struct mx_cond	se_input;		/* there is room for input */
} serial;

static size_t
serial_room(struct tty *tty)
{
	(void)tty;
	return RING_BYTES - (serial.se_head - serial.se_tail);
}

static void
serial_put(struct tty *tty, const uint8_t *bytes, size_t n)
{
	(void)tty;
	while (n-- > 0)
		serial.se_ring[serial.se_head++ % RING_BYTES] = *bytes++;
}

static void
serial_send(struct tty *tty)
{
	(void)tty;
	if (serial.se_head != serial.se_tail)
		mx_cond_signal(&serial.se_output);
}

static size_t
serial_pending(struct tty *tty)
{
	(void)tty;
	return serial.se_head - serial.se_tail;
}

static void
serial_discard(struct tty *tty)
{
	(void)tty;
	serial.se_head = serial.se_tail;
}

static void
serial_resume(struct tty *tty)
{
	(void)tty;
	mx_cond_signal(&serial.se_input);
}

static const struct tty_line_ops serial_line = {
	.li_room = serial_room, .li_put = serial_put, .li_send = serial_send, .li_want_room = serial_send,
	.li_pending = serial_pending, .li_discard = serial_discard, .li_resume = serial_resume,
};

static void
serial_write_loop(void *arg)
{
	io_buf_ptr_inband_t piece;
	int written, n;

	(void)arg;
	for (;;) {
		while (serial.se_head == serial.se_tail)
			mx_cond_wait(&serial.se_output);
		for (n = 0; n < PIECE && serial.se_head != serial.se_tail; n++)
			piece[n] = (char)serial.se_ring[serial.se_tail++ % RING_BYTES];
		for (int done = 0; done < n; done += written) {
			written = 0;
			if (device_write_inband(serial.se_device, 0, 0, piece + done, (unsigned int)(n - done), &written) !=
			    KERN_SUCCESS || written <= 0)
				mx_sleep_ns(10000000);
		}
		tty_line_has_room(&serial.se_tty);
	}
}

static void
serial_read_loop(void *arg)
{
	io_buf_ptr_inband_t piece;
	mach_msg_type_number_t n;
	size_t done;

	(void)arg;
	for (;;) {
		n = PIECE;
		if (device_read_inband(serial.se_device, 0, 0, PIECE, piece, &n) != KERN_SUCCESS) {
			mx_sleep_ns(100000000);
			continue;
		}
		for (done = 0; done < n; ) {
			done += tty_receive(&serial.se_tty, (const uint8_t *)piece + done, n - done);
			if (done < n)
				mx_cond_wait(&serial.se_input);
		}
	}
}

struct tty *
serial_start(kern_return_t *kr)
{
	mach_port_t master;

	if ((*kr = mx_right("device", &master)) != KERN_SUCCESS ||
	    (*kr = device_open(master, D_READ | D_WRITE, "com0", &serial.se_device)) != KERN_SUCCESS)
		return NULL;
	tty_init(&serial.se_tty, "ttyS0", &serial_line, NULL, TTY_MAJOR_SERIAL, TTY_MINOR_SERIAL);
	if ((*kr = mx_fibril_start(serial_write_loop, NULL, "serial output")) != KERN_SUCCESS ||
	    (*kr = mx_fibril_start(serial_read_loop, NULL, "serial input")) != KERN_SUCCESS)
		return NULL;
	return &serial.se_tty;
}
