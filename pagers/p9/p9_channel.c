/*
 * p9_channel.c - 9P messages over virtio devices: a question and the place for its answer are one request of the queue.
 *
 * Each device has a few places for requests that are under way together. The device writes into memory of its own, allocated once;
 * contents are copied from and to there.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "p9.h"

#include <string.h>
#include <masix/virtio.h>
#include "hw.h"
#include "hw_notify_S.h"

#define TYPE_9P		9
#define F_MOUNT_TAG	(1ull << 0)
#define TAG_MAX		64u
#define CALLS		8u
#define MESSAGE		(68u << 10)	/* bytes of one: 64 KiB of contents and what is before them */
#define DEVICES		8u
#define SPINS		2000u		/* looks at the queue before waiting for an interrupt: the host is often as quick as that */

struct call {
	struct p9_call	ca_call;	/* first */
	uint64_t	ca_out, ca_in;	/* where the device sees them */
	uint32_t	ca_bytes;	/* of the answer */
	bool		ca_done;
	struct mx_cond	ca_answered;
	struct call	*ca_next;	/* a free one */
};

struct channel {
	struct mx_object ch_object;	/* first; interrupts come here */
	struct p9_client ch_client;
	struct virtio_dev ch_dev;
	struct virtq	ch_queue;
	char		ch_tag[TAG_MAX];
	size_t		ch_tag_len;
	struct call	ch_call[CALLS];
	struct call	*ch_free;
	struct mx_cond	ch_freed;
	struct channel	*ch_next;
};

extern mx_demux_t hw_notify_server;	/* MIG's */

static mx_demux_t *const channel_demuxes[] = { hw_notify_server, NULL };
static struct mx_class channel_class = {
	.mc_name = "9p channel", .mc_size = sizeof(struct channel), .mc_demux = channel_demuxes,
};
static struct channel *channels;

static struct channel *
channel_of(struct p9_client *cl)
{
	return (struct channel *)(void *)((char *)cl - offsetof(struct channel, ch_client));
}

/* ---- Requests ---- */

static struct p9_call *
call_take(struct p9_client *cl)
{
	struct channel *ch = channel_of(cl);
	struct call *ca;

	while (ch->ch_free == NULL)
		mx_cond_wait(&ch->ch_freed);
	ca = ch->ch_free;
	ch->ch_free = ca->ca_next;
	ca->ca_call.pc_out.pm_size = ca->ca_call.pc_in.pm_size = MESSAGE;
	ca->ca_done = false;
	return &ca->ca_call;
}

static void
call_give(struct p9_client *cl, struct p9_call *call)
{
	struct channel *ch = channel_of(cl);
	struct call *ca = (struct call *)call;

	ca->ca_next = ch->ch_free;
	ch->ch_free = ca;
	mx_cond_signal(&ch->ch_freed);
}

/* Wake who waits for what the device has answered. A device that answers nonsense answers nothing any more. */
static void
answers_take(struct channel *ch)
{
	struct call *ca;
	uint32_t bytes;

	while ((ca = virtq_take(&ch->ch_queue, &bytes)) != NULL) {
		ca->ca_bytes = bytes;
		ca->ca_done = true;
		mx_cond_signal(&ca->ca_answered);
	}
	if (!ch->ch_queue.vq_broken)
		return;
	for (ca = ch->ch_call; ca < ch->ch_call + CALLS; ca++) {
		ca->ca_bytes = 0;
		ca->ca_done = true;
		mx_cond_broadcast(&ca->ca_answered);
	}
}

static void
answer_await(struct channel *ch, struct call *ca)
{
	for (unsigned int i = 0; i < SPINS && !virtq_done(&ch->ch_queue); i++)
		__asm__ volatile("pause");
	answers_take(ch);
	while (!ca->ca_done) {
		virtq_interrupts(&ch->ch_queue, true);
		answers_take(ch);		/* it may have come meanwhile */
		if (!ca->ca_done)
			mx_cond_wait(&ca->ca_answered);
	}
}

static kern_return_t
call_carry(struct p9_client *cl, struct p9_call *call, uint32_t *bytes)
{
	struct channel *ch = channel_of(cl);
	struct call *ca = (struct call *)call;
	const struct virtq_buf pieces[2] = { { ca->ca_out, call->pc_out.pm_at }, { ca->ca_in, MESSAGE } };

	if (!virtq_add(&ch->ch_queue, pieces, 1, 1, ca))
		return MX_EIO;			/* it is broken: there is room for all calls */
	virtq_kick(&ch->ch_queue);
	answer_await(ch, ca);
	*bytes = ca->ca_bytes;
	return KERN_SUCCESS;
}

kern_return_t
S_hw_interrupt(mx_object_ptr_t obj, uint32_t count)
{
	struct channel *ch = mx_object_cast(obj, &channel_class);

	(void)count;
	if (ch == NULL || ch->ch_dev.vd_isr == NULL)
		return MX_EINVAL;
	(void)virtio_isr(&ch->ch_dev);		/* reading it quiets the line */
	answers_take(ch);
	return hw_interrupt_done(ch->ch_dev.vd_hw);
}

/* ---- Start ---- */

static kern_return_t
tag_read(struct channel *ch)
{
	volatile uint8_t *config = ch->ch_dev.vd_config;
	size_t len;

	if (!(ch->ch_dev.vd_features & F_MOUNT_TAG) || config == NULL || ch->ch_dev.vd_config_bytes < 2)
		return MX_EIO;
	len = config[0] | (size_t)config[1] << 8;
	if (len == 0 || len > TAG_MAX || len > ch->ch_dev.vd_config_bytes - 2)
		return MX_EIO;
	for (size_t i = 0; i < len; i++)
		ch->ch_tag[i] = (char)config[2 + i];
	ch->ch_tag_len = len;
	return KERN_SUCCESS;
}

static kern_return_t
calls_make(struct channel *ch)
{
	uint64_t phys;
	void *mem;
	kern_return_t kr = virtio_memory(&ch->ch_dev, (size_t)CALLS * 2 * MESSAGE, &mem, &phys);

	for (unsigned int i = 0; kr == KERN_SUCCESS && i < CALLS; i++) {
		struct call *ca = &ch->ch_call[i];

		ca->ca_out = phys + 2 * i * MESSAGE;
		ca->ca_in = ca->ca_out + MESSAGE;
		ca->ca_call.pc_out.pm_data = (uint8_t *)mem + 2 * i * MESSAGE;
		ca->ca_call.pc_in.pm_data = ca->ca_call.pc_out.pm_data + MESSAGE;
		call_give(&ch->ch_client, &ca->ca_call);
	}
	return kr;
}

static kern_return_t
channel_start(struct channel *ch)
{
	kern_return_t kr;

	if ((kr = virtio_negotiate(&ch->ch_dev, F_MOUNT_TAG)) != KERN_SUCCESS ||
	    (kr = tag_read(ch)) != KERN_SUCCESS ||
	    (kr = virtio_queue_make(&ch->ch_dev, &ch->ch_queue, 0, CALLS * 2)) != KERN_SUCCESS ||
	    (kr = hw_interrupt_register(ch->ch_dev.vd_hw, mx_object_port(&ch->ch_object))) != KERN_SUCCESS ||
	    (kr = calls_make(ch)) != KERN_SUCCESS)
		return kr;
	virtio_start(&ch->ch_dev);
	virtq_interrupts(&ch->ch_queue, false);
	return p9_version(&ch->ch_client, MESSAGE);
}

/* The INDEX-th device. Errors: MX_ENODEV there is none, or those of its start */
static kern_return_t
channel_open(mach_port_t hw, unsigned int index)
{
	struct channel *ch = mx_object_create(&channel_class);
	kern_return_t kr;

	if (ch == NULL)
		return MX_ENOMEM;
	ch->ch_client.cl_take = call_take;
	ch->ch_client.cl_give = call_give;
	ch->ch_client.cl_carry = call_carry;
	kr = virtio_open(&ch->ch_dev, hw, TYPE_9P, index);
	if (kr == KERN_SUCCESS && (kr = channel_start(ch)) != KERN_SUCCESS) {
		virtio_close(&ch->ch_dev);
		virtio_queue_free(&ch->ch_queue);
	}
	if (kr != KERN_SUCCESS) {
		mx_object_release(&ch->ch_object);
		return kr;
	}
	ch->ch_next = channels;
	channels = ch;
	return KERN_SUCCESS;
}

kern_return_t
p9_channels_start(void)
{
	mach_port_t hw;
	kern_return_t kr = mx_lookup("hw", &hw);

	if (kr != KERN_SUCCESS)
		return kr;
	for (unsigned int i = 0; i < DEVICES; i++) {
		kr = channel_open(hw, i);
		if (kr == MX_ENODEV)
			break;
		if (kr != KERN_SUCCESS)
			mx_log(MX_LOG_ERROR, "p9: device %u cannot be used: error %#x", i, kr);
	}
	mx_port_release(hw);
	return KERN_SUCCESS;
}

kern_return_t
p9_channel_find(const char *tag, size_t len, struct p9_client **out)
{
	for (struct channel *ch = channels; ch != NULL; ch = ch->ch_next) {
		if (ch->ch_tag_len == len && memcmp(ch->ch_tag, tag, len) == 0) {
			*out = &ch->ch_client;
			return KERN_SUCCESS;
		}
	}
	return MX_ENODEV;
}
