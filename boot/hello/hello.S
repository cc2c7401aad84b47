/*
 * The smallest boot module: prove that a kernel boots, loads modules and starts the first task.
 *
 * It has no C and no library, so that when it fails the fault is in the kernel, the emulator or the command line.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */

#define TRAP_MACH_PRINT	-30
#define TRAP_SWTCH_PRI	-59

	.globl	_start
_start:
	pushl	$greeting
	pushl	$0			/* traps expect a return address here */
	movl	$TRAP_MACH_PRINT, %eax
	lcall	$0x7, $0
1:	pushl	$0
	pushl	$0
	movl	$TRAP_SWTCH_PRI, %eax
	lcall	$0x7, $0
	addl	$8, %esp
	jmp	1b

	.section .rodata
greeting:
	.asciz	"MASIX: the first task runs\n"

	.section .note.GNU-stack, "", @progbits
