/*
 * server.h - the half of the data pager that knows Mach.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef DATA_SERVER_H
#define DATA_SERVER_H

#include <masix/server.h>
#include "data.h"

/* A memory object of the kernel's. */
struct data_port {
	struct mx_object dp_object;	/* one reference until the kernel gives it up, one for each fibril at work on it */
	struct data_object dp_pages;
	mach_port_t	dp_control, dp_name;
	bool		dp_is_gone;
};

/* ---- What the kernel says (memory.c) ---- */

/* Become the default memory manager. Errors: the kernel's */
kern_return_t data_memory_start(mach_port_t host);
/* The kernel waits for PAGE: answer it, now or when it was read; at most MAX pages with it. */
void data_answer(struct data_port *dp, uint32_t page, uint32_t max);
/* Give the kernel the page at ADDR. MOVE: it is gone then, or freed if the kernel does not want it. */
void data_supply(struct data_port *dp, uint32_t page, void *addr, bool move, bool precious);
/* PAGE cannot be had: who waits for it gets SIGBUS. */
void data_fail(struct data_port *dp, uint32_t page);
/* There may be room for pages that wait. */
void data_room_made(void);
/* Pages that wait for room. */
uint32_t data_waiting(void);

/* ---- Swap (swap.c) ---- */

kern_return_t data_swap_start(void);
/* PAGE is on swap: have it read and answered, with at most MAX pages. */
void data_swap_read(struct data_port *dp, uint32_t page, uint32_t max);
/* The store has changed: write something to swap if it is nearly full. */
void data_swap_balance(void);
/* Requests to disks that are not answered yet. */
uint32_t data_swap_busy(void);
kern_return_t data_swap_add(const char *source, size_t length, const char *path, size_t path_length, int32_t priority);
kern_return_t data_swap_remove(const char *source, size_t length);

/* ---- A word that liblz4 looks at (canary.c) ---- */

kern_return_t data_canary_start(void);

/* ---- For proc (data_rpc.c) ---- */

kern_return_t data_control_start(void);

#endif /* DATA_SERVER_H */
