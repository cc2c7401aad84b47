/*
 * masix/ring.h - the memory that the two ends of a pipe share.
 *
 * One page of control and MX_RING_BYTES of data, made by vfs (vfs_pipe, or io_map of a FIFO's end) and mapped shared and inherited.
 * Positions only grow (modulo 2^32); a process never trusts them: POS differences over MX_RING_BYTES mean that the
 * other end is broken, and the call answers EIO. Writes of at most PIPE_BUF are atomic: rg_lock is held over a
 * write's copy; it is a word for gsync (0 free, else the owner's pid) and is taken over from a dead owner by vfs.
 *
 * Sleeping and waking: a reader that finds nothing sets rg_readers_wait, looks again, and gsync_waits (shared) on rg_tail; a
 * writer that moved rg_tail and sees rg_readers_wait clears it and gsync_wakes rg_tail, all of them. The same with rg_head for writers. vfs
 * sets rg_pollers when somebody polls an end; who then changes the ring calls io_kick on the end it has. vfs sets rg_no_writers and rg_no_readers
 * when the last right to that end goes, and wakes both words.
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
