/*
 * pager_bytes.S - int pager_bytes_copy(void *to, const void *from, size_t n): 0, or 1 when memory could not be had.
 *
 * pager_fault.c sends who faults between the two labels to pager_bytes_failed.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
	.text
	.globl	pager_bytes_copy, pager_bytes_begin, pager_bytes_end, pager_bytes_failed
pager_bytes_copy:
	push	%esi
	push	%edi
	mov	12(%esp), %edi
	mov	16(%esp), %esi
	mov	20(%esp), %ecx
	mov	%ecx, %edx
	shr	$2, %ecx
	cld
pager_bytes_begin:
	rep movsl
	mov	%edx, %ecx
	and	$3, %ecx
	rep movsb
pager_bytes_end:
	xor	%eax, %eax
1:	pop	%edi
	pop	%esi
	ret
pager_bytes_failed:
	mov	$1, %eax
	jmp	1b

	.section .note.GNU-stack,"",@progbits
