/*
 * begin.S - the first instructions of a new kernel thread.
 *
 * Its function and argument are on the stack, as mx_thread_main wants them. A null frame pointer ends backtraces.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
	.text
	.globl	mx_thread_begin
	.type	mx_thread_begin, @function
mx_thread_begin:
	xorl	%ebp, %ebp
	call	mx_thread_main
	ud2
	.section .note.GNU-stack,"",@progbits
