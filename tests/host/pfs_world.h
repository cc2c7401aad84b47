/*
 * pfs_world.h - what vfs, lib/pfs and tmpfs find around them on the host: locks, time, memory that can run out, a kernel.
 *
 * Included before everything else in the files under test (-include), so that their allocations can be made to fail.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef PFS_WORLD_H
#define PFS_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* The N-th allocation from now fails, and all after it when STICKY; 0: none. */
extern unsigned int world_fail_at;
extern bool world_fail_sticky;
extern unsigned int world_live;		/* blocks that are allocated */
void *world_malloc(size_t n);
void *world_calloc(size_t n, size_t size);
void *world_realloc(void *p, size_t n);
void world_free(void *p);

#define malloc world_malloc
#define calloc world_calloc
#define realloc world_realloc
#define free world_free

struct mx_pager;

/* ---- A kernel with a page cache for one or more memory objects ---- */

/* Touch the object as a client that has it mapped. False: SIGBUS. */
bool world_touch(struct mx_pager *pg, uint64_t offset, void *buf, size_t n, bool write);
/* Memory pressure: the kernel gives up page PAGE. */
void world_evict(struct mx_pager *pg, uint32_t page);
/* A client's msync: the kernel returns a copy of PAGE. */
void world_clean(struct mx_pager *pg, uint32_t page);
/* Nobody maps it: the kernel forgets the object. */
void world_terminate(struct mx_pager *pg);
/* Run what fibrils would have been started for. */
void world_run(void);
/* Pages of the kernel, chunks of the pool, and pages that came back and were not freed. */
unsigned int world_pages(void);
unsigned int world_chunks(void);
/* N pages in one run for the task, as a driver gives them. NULL: no memory. */
void *world_pages_new(size_t n);
/* Lines that were logged as errors or warnings; WORLD_LOG=1 in the environment shows all. */
extern unsigned int world_logged;

/* ---- Checks ---- */

extern unsigned int checks, failures;
void check(bool ok, const char *what, const char *where, int line);
#define CHECK(x) check((x), #x, __func__, __LINE__)
uint32_t rnd(uint32_t n);		/* 0..n-1 */
extern uint64_t rnd_state;
void tap(const char *what);		/* a line for the checks since the last one */
int tap_end(void);

#endif
