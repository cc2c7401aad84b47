/*
 * trap.S - the kernel's traps that emulib uses, as C functions.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
	.macro	trap name, number
	.section .text.\name, "ax", @progbits
	.globl	\name
\name:
	movl	$\number, %eax
	lcall	$7, $0
	ret
	.endm

	trap	mach_msg_trap, -25
	trap	mach_reply_port, -26
	trap	mach_thread_self, -27
	trap	mach_task_self, -28
	trap	mach_host_self, -29
	trap	mach_print, -30
	trap	swtch_pri, -59
	trap	syscall_vm_map, -64
	trap	syscall_vm_allocate, -65
	trap	syscall_vm_deallocate, -66
	trap	syscall_task_create, -68
	trap	syscall_task_terminate, -69
	trap	syscall_mach_port_allocate, -72
	trap	syscall_mach_port_deallocate, -73
	trap	syscall_mach_port_insert_right, -74

	.section .note.GNU-stack, "", @progbits
