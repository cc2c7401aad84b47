/*
 * worker_copy.S - a copy that a fault ends instead of the server.
 *
 * worker.c puts a worker whose copy faulted at worker_copy_fault: the stack is as it was at the instruction.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
	.text
/* bool worker_copy(void *to, const void *from, size_t n) */
	.globl	worker_copy, worker_copy_insn, worker_copy_fault
	.type	worker_copy, @function
worker_copy:
	pushl	%esi
	pushl	%edi
	movl	12(%esp), %edi
	movl	16(%esp), %esi
	movl	20(%esp), %ecx
worker_copy_insn:
	rep movsb
	movl	$1, %eax
	popl	%edi
	popl	%esi
	ret
worker_copy_fault:
	xorl	%eax, %eax
	popl	%edi
	popl	%esi
	ret
	.section .note.GNU-stack,"",@progbits
