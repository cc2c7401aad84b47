/*
 * start.S - where a server's image begins.
 *
 * The kernel's boot loader and ACS leave argc, argv and a null pointer on the stack. A null frame pointer ends backtraces.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
	.text
	.globl	_start
_start:
	movl	%esp, %eax
	xorl	%ebp, %ebp
	andl	$-16, %esp
	subl	$12, %esp
	pushl	%eax
	call	mx_start
	ud2
	.section .note.GNU-stack,"",@progbits
