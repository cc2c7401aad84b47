/*
 * switch.S - from one fibril to another.
 *
 * Only the registers that a C function must preserve are saved: a switch is a call. FPU and SSE control words are the
 * same for all fibrils of a server.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
	.text

/* void mx_switch(void **save, void *to) */
	.globl	mx_switch
	.type	mx_switch, @function
mx_switch:
	movl	4(%esp), %eax
	movl	8(%esp), %ecx
	pushl	%ebp
	pushl	%ebx
	pushl	%esi
	pushl	%edi
	movl	%esp, (%eax)
	movl	%ecx, %esp
	popl	%edi
	popl	%esi
	popl	%ebx
	popl	%ebp
	ret

	.section .note.GNU-stack,"",@progbits
