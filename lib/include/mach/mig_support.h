/*
 * mach/mig_support.h - what MIG's generated stubs call besides the kernel.
 *
 * gnumach-dev leaves this header to the C library of the system; libmasix, and emulib for itself, define the functions.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MACH_MIG_SUPPORT_H
#define MACH_MIG_SUPPORT_H

#include <stddef.h>
#include <mach/mach_types.h>
#include <mach/message.h>

/* The reply port of the calling thread or fibril; dealloc after a failed receive, put after a successful one. */
mach_port_t mig_get_reply_port(void);
void mig_dealloc_reply_port(mach_port_t port);
void mig_put_reply_port(mach_port_t port);

/* Memory for replies that do not fit the caller's buffer. */
void mig_allocate(vm_address_t *addr, vm_size_t size);
void mig_deallocate(vm_address_t addr, vm_size_t size);

/* Copy at most LEN - 1 bytes and a NUL; returns the length copied. */
vm_size_t mig_strncpy(char *dst, const char *src, vm_size_t len);

mach_msg_return_t mach_msg(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
	mach_msg_size_t rcv_size, mach_port_t rcv_name, mach_msg_timeout_t timeout, mach_port_t notify);

void *memcpy(void *restrict dst, const void *restrict src, size_t len);
size_t strnlen(const char *s, size_t max);

#endif
