/*
 * ring.h - rings in shared memory (masix/ring.h), as pipes and socket pairs use them.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EMULIB_RING_H
#define EMULIB_RING_H

#include "poll.h"

#define EM_RING_NONBLOCK 1u
#define EM_RING_PEEK	2u	/* leave what is read */
#define EM_RING_RECORDS	4u	/* each write is read as one, or not at all */

/* The ring of an end, mapped. Errors: -errno */
int32_t em_ring_of(mach_port_t io, struct em_ring **out);
/* A new ring, mapped, and the rights to its ends. Errors: -errno */
int32_t em_ring_make(struct em_ring **map, mach_port_t *reader, mach_port_t *writer);
/* Read from RING, whose end PORT is held. *LENGTH of a record is how long it was. Bytes, 0: all writers are gone.
 * Errors: -EAGAIN, EM_RESTARTSYS, -EFAULT, -EIO (broken) */
int32_t em_ring_read(struct mx_ring *ring, mach_port_t port, struct em_uio *u, uint32_t how, uint32_t *length);
/* Errors: the same, -EPIPE (no signal is sent), -EMSGSIZE */
int32_t em_ring_write(struct mx_ring *ring, mach_port_t port, struct em_uio *u, uint32_t how);
/* Bytes in the ring, more than MX_RING_BYTES when it is broken. */
uint32_t em_ring_filled(const struct mx_ring *ring);
bool em_ring_has_room(const struct mx_ring *ring);
/* One side is gone or was shut: nothing more comes in, what is there can be read. */
bool em_ring_has_ended(const struct mx_ring *ring);
/* Nobody will write (or read) any more, whoever still holds that end. */
void em_ring_end_writing(struct mx_ring *ring, mach_port_t port);
void em_ring_end_reading(struct mx_ring *ring, mach_port_t port);

#endif /* EMULIB_RING_H */
