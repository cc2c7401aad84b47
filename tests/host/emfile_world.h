/*
 * emfile_world.h - a world for the file half of emulib on the host: a small file server, ports, memory, one process.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef EMFILE_WORLD_H
#define EMFILE_WORLD_H

#include "file.h"

struct node;				/* of the file server */

void world_begin(void);
/* Make a file; CONTENT may be NULL. */
struct node *world_file(const char *path, const void *content, size_t size);
void world_dir(const char *path);
void world_special(const char *path, uint32_t kind);
size_t world_size(const char *path);
/* A terminal's input, or what was written to it. */
void world_tty_type(const char *text);
const char *world_tty_output(void);
extern bool world_tty_is_background;
/* Refuse windows, fail the next request with KR, count requests. */
extern bool world_no_map;
extern kern_return_t world_fail_next;
extern unsigned int world_rpcs;
/* io_touch messages. */
extern unsigned int world_touches;
/* Messages that lie at poll ports. */
extern unsigned int world_messages;
/* A signal is waiting for the caller; the last one sent. */
extern volatile bool world_signal;
extern int world_last_signal;
void world_ignore(int signo, bool ignored);
/* Rights in use; right of the task that a fork makes. */
unsigned int world_rights(void);
extern unsigned int world_given;
/* em_alloc fails from the Nth call on; -1: never. */
extern int world_alloc_fails;
extern struct em_process world_process;
/* An address that faults. */
#define WORLD_BAD 0x10u

#endif
