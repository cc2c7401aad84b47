/*
 * test.h - what the parts of the terminal test share.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TTYTEST_H
#define TTYTEST_H

#include <stdbool.h>
#include <masix/abi.h>
#include <masix/server.h>

/* One line to the console. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* One test of the numbered list. */
void ok(bool cond, const char *what);
/* Open MINOR of the driver NAME. */
kern_return_t dev_get(const char *name, uint32_t minor, mach_port_t *io);

void test_pty(void);
void test_session(void);
void test_hw(void);

#endif /* TTYTEST_H */
