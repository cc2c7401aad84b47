/*
 * page_pool.h - what the pool of pages needs of the system.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef PAGE_POOL_H
#define PAGE_POOL_H

#include <masix/pager.h>
#include <masix/server.h>

/* SIZE bytes, aligned to SIZE; in page_memory.c, and of the test's own on the host. NULL: no memory */
void *mx_page_chunk_map(size_t size);
void mx_page_unmap(void *addr, size_t size);

#endif
