/*
 * entry.S - the ways into emulib and out of it.
 *
 * A system call comes in by `call *%gs:0x10', through a rewritten int 0x80 site, or, sent here by the service thread, from an
 * int 0x80 that is still an exception. Each saves the program's registers in the thread block and goes to the emulib stack
 * at once: the program may have almost no stack. On the way out everything is loaded from the thread block again, so whoever stops
 * a thread between the look at t_attention and the jump can simply start the exit over (service.c).
 *
 * Where a thread is stopped tells what its registers mean:
 *	outside the text, or in em_user_code...em_user_code_end, or at em_entry, em_entry_patched, em_entry_moves: the program's
 *	em_exit...em_exit_end, em_exit_full...em_exit_full_end: start that exit over
 *	em_msg_intr...em_msg_intr_trapped: about to wait; em_msg_intr_trapped: waiting
 *	anywhere else: at work in a call
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "offsets.h"

/* The program's registers into the thread block, and to the emulib stack. */
	.macro	program_save
	movl	%eax, %fs:T_EAX
	movl	%ebx, %fs:T_EBX
	movl	%ecx, %fs:T_ECX
	movl	%edx, %fs:T_EDX
	movl	%esi, %fs:T_ESI
	movl	%edi, %fs:T_EDI
	movl	%ebp, %fs:T_EBP
	movl	%esp, %fs:T_ESP
	movl	%fs:T_STACK, %esp
	pushfl
	popl	%fs:T_EFLAGS
	cld
	xorl	%ebp, %ebp
	.endm
/* FUNCTION(thread), with an empty emulib stack, which C wants aligned to 16 bytes at a call. */
	.macro	call_c function
	subl	$12, %esp
	pushl	%fs:T_SELF
	call	\function
	.endm

	.section .text.entry, "ax", @progbits

	.globl	em_boot_entry
em_boot_entry:				/* a fresh task: %esp is struct em_boot */
	movl	%esp, %eax
	andl	$-16, %esp
	subl	$12, %esp
	pushl	%eax
	xorl	%ebp, %ebp
	call	em_start
	ud2

	/* ---- Code that runs on the program's stack with the program's registers. ---- */
	.globl	em_user_code, em_user_code_end
em_user_code:

/* Byte for byte as unwinders and debuggers expect them. */
	.balign	16
	.globl	em_sigreturn_code, em_rt_sigreturn_code
em_sigreturn_code:
	.byte	0x58, 0xb8, 0x77, 0x00, 0x00, 0x00, 0xcd, 0x80	/* pop %eax; mov $119,%eax; int $0x80 */
	nop
em_rt_sigreturn_code:
	.byte	0xb8, 0xad, 0x00, 0x00, 0x00, 0xcd, 0x80	/* mov $173,%eax; int $0x80 */
	nop

/* What a rewritten `mov $N,%eax; int $0x80' calls; %eax is set here because the call took the place of the mov. */
	.balign	16
	.globl	em_stubs
em_stubs:
	.set	number, 0
	.rept	EM_CALLS
	.byte	0xb8
	.long	number
	.byte	0xe9
	.long	em_entry_patched - . - 4
	.set	number, number + 1
	.endr

em_user_code_end:

	.balign	16
	.globl	em_entry, em_entry_patched, em_entry_moves
em_entry:				/* call *%gs:0x10 */
	popl	%fs:T_EIP
	movl	$EM_BY_CALL, %fs:T_ENTRY
em_entry_save:
	program_save
	call_c	em_call
em_leave:				/* %eax: registers beyond those a call may change */
	testl	%eax, %eax
	jnz	em_exit_full

	.globl	em_exit, em_exit_end
em_exit:
	cmpl	$0, %fs:T_ATTENTION
	jne	1f
	movl	%fs:T_EAX, %eax
	movl	%fs:T_EBX, %ebx
	movl	%fs:T_ECX, %ecx
	movl	%fs:T_EDX, %edx
	movl	%fs:T_ESI, %esi
	movl	%fs:T_EDI, %edi
	movl	%fs:T_EBP, %ebp
	movl	%fs:T_ESP, %esp
	jmp	*%fs:T_EIP
em_exit_end:
1:	movl	%fs:T_STACK, %esp
	call_c	em_attend_exit
	jmp	em_leave

em_entry_patched:			/* the site's call returns to where its int $0x80 still is: go behind it */
	popl	%fs:T_EIP
	addl	$2, %fs:T_EIP
	movl	$EM_BY_INT80, %fs:T_ENTRY
	jmp	em_entry_save

em_entry_moves:				/* a site whose call took the place of two loads, which int80.c makes up for */
	popl	%fs:T_EIP
	addl	$5, %fs:T_EIP
	movl	$EM_BY_INT80, %fs:T_ENTRY
	program_save
	call_c	em_call_moves
	jmp	em_leave

/* Sent here by the service thread, registers saved, %esp = t_stack. */
	.globl	em_entry_int80, em_entry_forced, em_entry_child
em_entry_int80:				/* from an int $0x80 */
	cld
	call_c	em_call_exception
	jmp	em_leave

em_entry_forced:			/* from anywhere in the program */
	cld
	call_c	em_forced
	jmp	em_exit_full

em_entry_child:				/* the first thread of a forked task; pid, slot and seed are in registers */
	cld
	pushl	%ebp
	pushl	%edi
	pushl	%esi
	pushl	%edx
	pushl	%ecx
	pushl	%ebx
	movl	%esp, %eax		/* 24 bytes, and two arguments: aligned to 16 */
	pushl	%eax
	pushl	%fs:T_SELF
	call	em_fork_child
	jmp	em_leave

	.globl	em_entry_service, em_exit_full, em_exit_full_end
em_entry_service:
	cld
	xorl	%ebp, %ebp
	call_c	em_service
	ud2

/* Leave with every register, segments and flags too: one trap. */
em_exit_full:
	movl	%fs:T_STACK, %esp
	call_c	em_full_state		/* its answer is the state's address */
	cmpl	$0, %fs:T_ATTENTION
	jne	1f
	pushl	$17			/* i386_THREAD_STATE_COUNT */
	pushl	%eax
	pushl	$5			/* i386_REGS_SEGS_STATE */
	pushl	$0
	movl	$-77, %eax		/* thread_set_self_state: does not return unless a selector is bad */
	lcall	$7, $0
em_exit_full_end:
	movl	%fs:T_STACK, %esp
	call_c	em_full_failed
	jmp	em_exit_full
1:	movl	%fs:T_STACK, %esp
	call_c	em_attend_exit
	jmp	em_exit_full

/* mach_msg_return_t em_msg_intr(seven arguments of mach_msg): not begun when t_attention is set. The answer of 0x10000007
 * (MACH_SEND_INTERRUPTED) with nothing sent is also what a thread gets that is stopped before the trap. */
	.globl	em_msg_intr, em_msg_intr_trapped, em_msg_intr_out
em_msg_intr:
	cmpl	$0, %fs:T_ATTENTION
	jne	em_msg_intr_out
	movl	$-25, %eax
	lcall	$7, $0
em_msg_intr_trapped:
	ret
em_msg_intr_out:
	movl	$0x10000007, %eax
	ret

/* ---- Touching the program's memory: a fault in here continues at em_touch_fault, with the stack as after the pushes. ---- */

	.macro	touch_begin
	pushl	%esi
	pushl	%edi
	pushl	%ebx
	pushl	%ebp
	movl	%esp, %fs:T_FAULT_STACK
	movl	$em_touch_fault, %fs:T_FAULT_RESUME
	.endm
	.macro	touch_end
	movl	$0, %fs:T_FAULT_RESUME
	popl	%ebp
	popl	%ebx
	popl	%edi
	popl	%esi
	ret
	.endm

em_touch_fault:				/* the service thread put t_fault_stack into %esp */
	movl	$-14, %eax
	touch_end

/* int32_t em_touch_copy(void *to, const void *from, size_t n): 0 or -EFAULT.
 * Long copies go in blocks through general registers: rep movsl is slow when source and destination collide in the emulator's
 * TLB, and the SSE registers are the program's. */
	.globl	em_touch_copy, em_touch_set, em_touch_str, em_touch_cmpxchg
em_touch_copy:
	touch_begin
	movl	20(%esp), %edi
	movl	24(%esp), %esi
	movl	28(%esp), %ecx
	cmpl	$64, %ecx
	jb	2f
	movl	%edi, %eax		/* whole words to an aligned destination */
	negl	%eax
	andl	$3, %eax
	subl	%eax, %ecx
	xchgl	%eax, %ecx
	rep	movsb
	movl	%eax, %ecx
	cmpl	$512, %ecx
	jb	2f
1:	movl	(%esi), %eax
	movl	4(%esi), %edx
	movl	8(%esi), %ebx
	movl	12(%esi), %ebp
	movl	%eax, (%edi)
	movl	%edx, 4(%edi)
	movl	%ebx, 8(%edi)
	movl	%ebp, 12(%edi)
	movl	16(%esi), %eax
	movl	20(%esi), %edx
	movl	24(%esi), %ebx
	movl	28(%esi), %ebp
	movl	%eax, 16(%edi)
	movl	%edx, 20(%edi)
	movl	%ebx, 24(%edi)
	movl	%ebp, 28(%edi)
	addl	$32, %esi
	addl	$32, %edi
	subl	$32, %ecx
	cmpl	$32, %ecx
	jae	1b
2:	movl	%ecx, %edx
	shrl	$2, %ecx
	rep	movsl
	movl	%edx, %ecx
	andl	$3, %ecx
	rep	movsb
	xorl	%eax, %eax
	touch_end

/* int32_t em_touch_set(void *to, int byte, size_t n): 0 or -EFAULT */
em_touch_set:
	touch_begin
	movl	20(%esp), %edi
	movzbl	24(%esp), %eax
	imull	$0x01010101, %eax
	movl	28(%esp), %edx
	movl	%edx, %ecx
	shrl	$2, %ecx
	rep	stosl
	movl	%edx, %ecx
	andl	$3, %ecx
	rep	stosb
	xorl	%eax, %eax
	touch_end

/* int32_t em_touch_str(char *to, const char *from, size_t size): the length without NUL, SIZE when there is none, or -EFAULT */
em_touch_str:
	touch_begin
	movl	20(%esp), %edi
	movl	24(%esp), %esi
	movl	28(%esp), %ecx
	xorl	%edx, %edx
1:	cmpl	%ecx, %edx
	je	2f
	movb	(%esi,%edx), %al
	movb	%al, (%edi,%edx)
	incl	%edx
	testb	%al, %al
	jne	1b
	decl	%edx
2:	movl	%edx, %eax
	touch_end

/* int32_t em_touch_cmpxchg(uint32_t *word, uint32_t old, uint32_t new, uint32_t *was): 0 or -EFAULT */
em_touch_cmpxchg:
	touch_begin
	movl	20(%esp), %edi
	movl	24(%esp), %eax
	movl	28(%esp), %edx
	movl	32(%esp), %esi
	lock cmpxchgl %edx, (%edi)
	movl	%eax, (%esi)
	xorl	%eax, %eax
	touch_end

/* int32_t em_touch_store8(void *at, const uint8_t old[8], const uint8_t new[8]): 0, 1 when OLD is not there, or -EFAULT */
	.globl	em_touch_store8
em_touch_store8:
	touch_begin
	movl	20(%esp), %edi
	movl	24(%esp), %esi
	movl	(%esi), %eax
	movl	4(%esi), %edx
	movl	28(%esp), %esi
	movl	(%esi), %ebx
	movl	4(%esi), %ecx
	lock cmpxchg8b (%edi)
	setne	%al
	movzbl	%al, %eax
	touch_end

	.section .note.GNU-stack, "", @progbits
