/*
 * proc_table.h - groups and sessions are made and freed by proc_family.c alone.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef PROC_TABLE_H
#define PROC_TABLE_H

#include "proc.h"

/* Errors: NULL, no memory */
struct session *session_create(int32_t sid, struct proc *leader);
struct group *group_create(int32_t id, struct session *s);
/* The last group takes its session with it. */
void group_free(struct group *g);
void session_free(struct session *s);

#endif /* PROC_TABLE_H */
