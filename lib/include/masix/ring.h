/*
 * masix/ring.h - the memory that the two ends of a pipe share.
 *
 * One page of control and MX_RING_BYTES of data, made by vfs (vfs_pipe, or io_map of a FIFO's end) and mapped shared and inherited.
 * Positions only grow (modulo 2^32); a process never trusts them: POS differences over MX_RING_BYTES mean that the
 * other end is broken, and the call answers EIO. Writes of at most PIPE_BUF are atomic: rg_write_lock is held over a
 * write's copy. A lock is 0 when free, else its owner's pid, with the top bit when somebody may be waiting for it (gsync, shared); who
 * waits takes it over from an owner that is dead (emulib/desc.c).
 *
 * Sleeping and waking: a reader that finds nothing sets rg_readers_wait to 1, looks again (at the positions and rg_no_writers), and
 * gsync_waits (shared) on rg_readers_wait while it is 1. Who moved rg_tail or set rg_no_writers exchanges rg_readers_wait with 0 and,
 * if it was not 0, gsync_wakes it, all waiters. The same with rg_writers_wait for writers, rg_head and rg_no_readers. (The word waited for
 * is the one that the waker clears: nothing can get lost between the second look and the wait.)
 *
 * vfs sets rg_pollers to 1 before it looks at the ring for a poller; who changes the ring exchanges it with 0 and, if it was not 0, calls
 * io_kick on the end it has: vfs looks again, and sets it again while pollers remain. vfs sets rg_no_writers and rg_no_readers
 * when the last right to that end goes, and wakes as said; a FIFO's are 0 again when an end is opened.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MASIX_RING_H
#define MASIX_RING_H

#include <stdint.h>

#define MX_RING_BYTES	65536u
#define MX_RING_SIZE	(4096u + MX_RING_BYTES)

struct mx_ring {
	volatile uint32_t rg_head;	/* bytes taken so far */
	volatile uint32_t rg_tail;	/* bytes put so far */
	volatile uint32_t rg_readers_wait;
	volatile uint32_t rg_writers_wait;
	volatile uint32_t rg_read_lock;	/* readers exclude each other */
	volatile uint32_t rg_write_lock;
	volatile uint32_t rg_no_writers;
	volatile uint32_t rg_no_readers;
	volatile uint32_t rg_pollers;
	uint32_t	rg_pad[1024 - 9];
	unsigned char	rg_data[MX_RING_BYTES];
};

#endif /* MASIX_RING_H */
