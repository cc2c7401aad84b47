/*
 * init_added.h - the files of `masix exec --add`, when the root directory is on a disk.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef INIT_ADDED_H
#define INIT_ADDED_H

/* Copy the tree in WHERE, if there is one, to the root directory, and unmount it. Errors are said. */
void added_copy(const char *where);

#endif
