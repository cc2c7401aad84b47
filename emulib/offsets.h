/*
 * offsets.h - what the assembler code knows of the C structures; thread.c asserts that it is true.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EMULIB_OFFSETS_H
#define EMULIB_OFFSETS_H

#define T_SELF		0
#define T_STACK		8
#define T_ATTENTION	12
#define T_EAX		16
#define T_EBX		20
#define T_ECX		24
#define T_EDX		28
#define T_ESI		32
#define T_EDI		36
#define T_EBP		40
#define T_ESP		44
#define T_EIP		48
#define T_EFLAGS	52
#define T_ENTRY		68
#define T_FAULT_RESUME	72
#define T_FAULT_STACK	76

/* enum em_entry */
#define EM_BY_CALL	0	/* call *%gs:0x10: r_eip is the return address, r_esp lies above it */
#define EM_BY_INT80	1	/* int $0x80, rewritten or not: r_eip is behind the instruction */
#define EM_BY_FORCE	2	/* taken out of the program's code: a fault or an asynchronous signal */

/* Selectors (RPL 3) of the two descriptors a thread has. */
#define EM_SEL_TLS	0x4b	/* the program's: set_thread_area entry 9 */
#define EM_SEL_SELF	0x53	/* struct em_thread */

#define EM_CALLS	512	/* size of the dispatch table */

#endif /* EMULIB_OFFSETS_H */
