/*
 * canary.c - what Debian's liblz4 expects of a C library.
 *
 * It was compiled with stack protectors, for Linux: functions with arrays keep a copy of the word at %gs:20 on their stack and call
 * __stack_chk_fail_local when it has changed. So %gs gets a segment with such a word.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <masix/mach.h>
#include "server.h"
#include "mach_i386.h"

#define CANARY_WORD	5		/* 20 bytes */

static uint32_t block[16];

void __stack_chk_fail_local(void) __attribute__((noreturn));

void
__stack_chk_fail_local(void)
{
	mx_panic(__FILE__, __LINE__, "a stack was overwritten");
}

kern_return_t
data_canary_start(void)
{
	uintptr_t base = (uintptr_t)block;
	struct descriptor d = {
		/* A data segment of user programs, writable, counted in bytes. */
		.low_word = (uint32_t)(base << 16 | (sizeof(block) - 1)),
		.high_word = (uint32_t)((base & 0xff000000u) | (base >> 16 & 0xff) | 0x0040f200u),
	};
	int selector = -1;
	kern_return_t kr;

	block[CANARY_WORD] = (uint32_t)mx_now_ns() << 8;
	kr = i386_set_gdt(mach_thread_self(), &selector, d);
	if (kr == KERN_SUCCESS)
		__asm__ volatile("movw %w0, %%gs" : : "r" (selector));
	return kr;
}
