/*
 * vdso.S - the ELF header that makes emulib's image a vDSO.
 *
 * glibc uses AT_SYSINFO only when AT_SYSINFO_EHDR names a valid shared object, and finds the clock functions there by name and
 * version; musl and Go look for the same. The object is this header at the start of the image; the functions are in time.c and
 * entry.S. It has no relocations: its addresses are offsets from where the image always is.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define BASE	0xbf000000

	.macro	symbol name, value, size
	.long	\name, \value - BASE, \size
	.byte	0x12, 0			/* STB_GLOBAL, STT_FUNC */
	.short	1			/* any section but the undefined one */
	.endm

	.section .vdso, "a", @progbits
ehdr:
	.byte	0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0
	.short	3, 3			/* ET_DYN, EM_386 */
	.long	1, em_entry - BASE, phdrs - ehdr, 0, 0
	.short	52, 32, 3, 40, 0, 0
phdrs:
	.long	1, 0, 0, 0, em_text_end - BASE, em_text_end - BASE, 5, 0x1000		/* PT_LOAD */
	.long	2, dynamic - ehdr, dynamic - ehdr, dynamic - ehdr, dynamic_end - dynamic, dynamic_end - dynamic, 4, 4
	.long	4, note - ehdr, note - ehdr, note - ehdr, note_end - note, note_end - note, 4, 4
dynamic:
	.long	14, soname - strtab	/* DT_SONAME */
	.long	4, hash - ehdr		/* DT_HASH */
	.long	5, strtab - ehdr	/* DT_STRTAB */
	.long	6, symtab - ehdr	/* DT_SYMTAB */
	.long	10, strtab_end - strtab	/* DT_STRSZ */
	.long	11, 16			/* DT_SYMENT */
	.long	0x6ffffffc, verdef - ehdr	/* DT_VERDEF */
	.long	0x6ffffffd, 3		/* DT_VERDEFNUM */
	.long	0x6ffffff0, versym - ehdr	/* DT_VERSYM */
	.long	0, 0
dynamic_end:
/* One bucket: a chain of all symbols. */
hash:
	.long	1, (symtab_end - symtab) / 16
	.long	1
	.long	0, 2, 3, 4, 5, 6, 7, 0
symtab:
	.long	0, 0, 0, 0
	symbol	n1-strtab, em_vdso_clock_gettime, 64
	symbol	n2-strtab, em_vdso_clock_gettime64, 64
	symbol	n3-strtab, em_vdso_gettimeofday, 64
	symbol	n4-strtab, em_vdso_time, 64
	symbol	n5-strtab, em_entry, 16
	symbol	n6-strtab, em_sigreturn_code, 8
	symbol	n7-strtab, em_rt_sigreturn_code, 8
symtab_end:
versym:
	.short	0, 2, 2, 2, 2, 3, 3, 3
verdef:					/* 1 the object itself, 2 LINUX_2.6, 3 LINUX_2.5 */
	.short	1, 1, 1, 1
	.long	0x0fcef091, 20, 28
	.long	soname - strtab, 0
verdef2:
	.short	1, 0, 2, 1
	.long	0x03ae75f6, 20, 28
	.long	version26 - strtab, 0
	.short	1, 0, 3, 1
	.long	0x03ae75f5, 20, 0
	.long	version25 - strtab, 0
strtab:
	.byte	0
soname:	.asciz	"linux-gate.so.1"
version26: .asciz "LINUX_2.6"
version25: .asciz "LINUX_2.5"
n1:	.asciz	"__vdso_clock_gettime"
n2:	.asciz	"__vdso_clock_gettime64"
n3:	.asciz	"__vdso_gettimeofday"
n4:	.asciz	"__vdso_time"
n5:	.asciz	"__kernel_vsyscall"
n6:	.asciz	"__kernel_sigreturn"
n7:	.asciz	"__kernel_rt_sigreturn"
strtab_end:
	.balign	4
note:					/* as Linux has it: the version of the kernel */
	.long	6, 4, 0
	.asciz	"Linux"
	.balign	4
	.long	0x060100
note_end:

	.section .note.GNU-stack, "", @progbits
