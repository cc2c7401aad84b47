/*
 * test.h - the two tasks of the test of libmasix.
 *
 * Task A is a server; it gives task B a send right to its "door" under a fixed name and starts it. Task B is a server, too,
 * and runs the tests of everything that crosses tasks; A runs those that do not.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef LIB_TEST_H
#define LIB_TEST_H

#include <masix/io.h>

#define DOOR_NAME 0x301			/* the door's name in task B */

/* ioctls of a test object; ARG is a number, the answer is the result. */
enum {
	T_FREED = 1,			/* how many test objects were freed */
	T_INTERRUPTED,			/* how many waits ended by MX_EINTR */
	T_WAITING,			/* how many wait now */
	T_NESTED,			/* call T_FREED of the door from within the handler */
	T_SLEEP,			/* ARG milliseconds */
	T_SPARES,			/* spare objects of the class */
	T_PORTS,			/* how many names the server's task has */
	T_DEATHS,			/* dead names noticed */
};

/* Test results, in the Test Anything Protocol. */
void tap_ok(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void tap_done(void);
void tap_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The least and the median of N batches of PER operations each, timed in TSC ticks. */
void tap_time(const char *what, uint64_t *ticks, unsigned int n, unsigned int per);

/* The objects (tobj.c). */
extern struct mx_class tobj_class, door_class;
extern unsigned int test_deaths;
struct mx_dev *test_door_make(void);
mach_port_t test_object_port(void);	/* to one that lives for ever; stays tobj.c's */
unsigned int test_interrupted(void);
int test_names(void);			/* in this task's name space */

kern_return_t server_fresh(int argc, char **argv);
kern_return_t client_fresh(int argc, char **argv);

#endif /* LIB_TEST_H */
