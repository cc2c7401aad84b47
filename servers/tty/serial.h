/*
 * serial.h - the kernel's serial port as a terminal.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TTY_SERIAL_H
#define TTY_SERIAL_H

#include <masix/types.h>

struct tty;

/* Open it and begin. Errors: NULL, *KR says why */
struct tty *serial_start(kern_return_t *kr);

#endif /* TTY_SERIAL_H */
