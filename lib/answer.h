/*
 * answer.h - numbered requests, inside libmasix.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MX_ANSWER_H
#define MX_ANSWER_H

#include <masix/server.h>

#define MX_ID_NUMBERED	0x01000000	/* in msgh_id: the number is behind the message */

/* As it is sent: an argument more, which no routine has. */
struct mx_number {
	mach_msg_type_t	nu_type;
	uint32_t	nu_client[2];	/* random bits of the client's task */
	uint32_t	nu_number;
};

enum { MX_ANSWER_FREE, MX_ANSWER_NEW, MX_ANSWER_BUSY, MX_ANSWER_DONE };

struct mx_answer {
	const struct mx_object *an_object;
	struct mx_number an_number;
	int		an_state;
	uint64_t	an_used;	/* a clock, to find the one not used for longest */
	struct mx_cond	an_done;
	size_t		an_size;
	union {
		mach_msg_header_t head;
		char	room[256];
	} an_message;
};

/* Take the number off the request IN. False: it has none. */
bool mx_number_take(mach_msg_header_t *in, struct mx_number *number);
/* Put NUMBER on MSG, behind which there is room. */
void mx_number_put(mach_msg_header_t *msg, const struct mx_number *number);

/* What is known of request NUMBER to OBJ. MX_ANSWER_NEW: nothing; the caller sets MX_ANSWER_BUSY, does it, and calls mx_answer_keep.
 * Else mx_answer_give. Errors: NULL, all are busy: nothing can be remembered */
struct mx_answer *mx_answer_begin(const struct mx_object *obj, const struct mx_number *number);
/* It was done, and OUT is the reply. */
void mx_answer_keep(struct mx_answer *a, const mach_msg_header_t *out, size_t size);
/* The answer to the request IN, in OUT. False: it could not be kept, do it again. Blocks: while it is being done for the first time */
bool mx_answer_give(struct mx_answer *a, const struct mx_object *obj, const struct mx_number *number, const mach_msg_header_t *in,
	mach_msg_header_t *out);
/* OBJ ends. */
void mx_answers_forget(const struct mx_object *obj);

#endif /* MX_ANSWER_H */
