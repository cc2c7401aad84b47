/*
 * test.h - ACS tested by a server that it started.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ACS_TEST_H
#define ACS_TEST_H

#include <masix/server.h>

extern struct mx_class test_class;

void tap_ok(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void names_test(struct mx_object *service);
void control_test(void);
void service_test(void);
/* Be the server that service_test asks. */
kern_return_t mortal_run(const char *name);
/* Send ACS messages at random; never returns before it has sent them all. */
void hostile_run(void);

#endif /* ACS_TEST_H */
