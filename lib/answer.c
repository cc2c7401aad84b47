/*
 * answer.c - what a server answered to numbered requests (masix/service.h), so that it does not do them twice.
 *
 * The number lies behind the request's last argument, and a bit of the message's id says that it is there; both are taken off before MIG
 * sees the message. A number means something only together with the client's name, which is made of random bits, and the object. The
 * answers that were used longest ago are forgotten. Only classes with mc_remembers keep answers: a client of those could
 * push out another's, so they should be objects that servers have, not processes.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "impl.h"
#include "answer.h"

#define ANSWERS		64u

static struct mx_answer answers[ANSWERS];
static uint64_t uses;

bool
mx_number_take(mach_msg_header_t *in, struct mx_number *number)
{
	if ((in->msgh_id & MX_ID_NUMBERED) == 0)
		return false;
	in->msgh_id &= ~MX_ID_NUMBERED;
	if (in->msgh_size < sizeof(*in) + sizeof(*number))
		return false;
	in->msgh_size -= sizeof(*number);
	memcpy(number, (const char *)in + in->msgh_size, sizeof(*number));
	return true;
}

void
mx_number_put(mach_msg_header_t *msg, const struct mx_number *number)
{
	memcpy((char *)msg + msg->msgh_size, number, sizeof(*number));
	msg->msgh_size += sizeof(*number);
	msg->msgh_id |= MX_ID_NUMBERED;
}

static bool
answer_is_for(const struct mx_answer *a, const struct mx_object *obj, const struct mx_number *number)
{
	return a->an_state != MX_ANSWER_FREE && a->an_object == obj && memcmp(&a->an_number, number, sizeof(*number)) == 0;
}

struct mx_answer *
mx_answer_begin(const struct mx_object *obj, const struct mx_number *number)
{
	struct mx_answer *a, *oldest = NULL;

	for (a = answers; a < answers + ANSWERS; a++) {
		if (answer_is_for(a, obj, number)) {
			a->an_used = ++uses;
			return a;
		}
		if (a->an_state != MX_ANSWER_BUSY && (oldest == NULL || a->an_used < oldest->an_used))
			oldest = a;
	}
	if (oldest == NULL)
		return NULL;
	oldest->an_state = MX_ANSWER_NEW;
	oldest->an_object = obj;
	oldest->an_number = *number;
	oldest->an_used = ++uses;
	return oldest;
}

void
mx_answer_keep(struct mx_answer *a, const mach_msg_header_t *out, size_t size)
{
	bool fits = size >= sizeof(*out) && size <= sizeof(a->an_message) && (out->msgh_bits & MACH_MSGH_BITS_COMPLEX) == 0;

	a->an_state = fits ? MX_ANSWER_DONE : MX_ANSWER_FREE;
	if (fits) {
		memcpy(&a->an_message, out, size);
		a->an_size = size;
	} else {
		a->an_used = 0;
	}
	mx_cond_broadcast(&a->an_done);
}

bool
mx_answer_give(struct mx_answer *a, const struct mx_object *obj, const struct mx_number *number, const mach_msg_header_t *in,
	mach_msg_header_t *out)
{
	while (answer_is_for(a, obj, number) && a->an_state == MX_ANSWER_BUSY)
		mx_cond_wait(&a->an_done);
	if (!answer_is_for(a, obj, number) || a->an_state != MX_ANSWER_DONE)
		return false;
	memcpy(out, &a->an_message, a->an_size);
	out->msgh_bits = MACH_MSGH_BITS(MACH_MSGH_BITS_REMOTE(in->msgh_bits), 0);
	out->msgh_remote_port = in->msgh_remote_port;
	out->msgh_local_port = MACH_PORT_NULL;
	return true;
}

void
mx_answers_forget(const struct mx_object *obj)
{
	for (struct mx_answer *a = answers; a < answers + ANSWERS; a++)
		if (a->an_object == obj && a->an_state == MX_ANSWER_DONE) {
			a->an_state = MX_ANSWER_FREE;
			a->an_used = 0;
		}
}
