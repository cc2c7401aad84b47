/*
 * exec.h - the exec channel: the streams of one command that the host started.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TTY_EXEC_H
#define TTY_EXEC_H

#include <masix/io.h>

/* Take the machine's virtio console, with buffers of BUFFER_BYTES. Errors: as vcon_start */
kern_return_t exec_start(mach_port_t hw, size_t buffer_bytes);

/* Below /dev/exec: MINOR 0 standard input, 1 output, 2 error, 3 control. Errors: MX_ENXIO no such minor, or not mode=exec */
kern_return_t exec_open(uint32_t minor, uint32_t flags, mach_port_t *io, mach_msg_type_name_t *type, uint32_t *kind);

/* /dev/console where there is no terminal: every line becomes one of the system's log, and of the host's report. */
kern_return_t exec_open_log(uint32_t flags, mach_port_t *io, mach_msg_type_name_t *type, uint32_t *kind);

#endif /* TTY_EXEC_H */
