/*
 * elf.h - the parts of an i386 ELF file that executing it needs.
 *
 * Source: Tool Interface Standard, ELF specification 1.2.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EMULIB_ELF_H
#define EMULIB_ELF_H

#include "core.h"

struct elf_header {
	uint8_t	 e_ident[16];
	uint16_t e_type, e_machine;
	uint32_t e_version, e_entry, e_phoff, e_shoff, e_flags;
	uint16_t e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx;
};

struct elf_segment {
	uint32_t p_type, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_flags, p_align;
};

enum { ET_EXEC = 2, ET_DYN = 3 };
enum { PT_LOAD = 1, PT_INTERP = 3, PT_PHDR = 6 };
enum { PF_X = 1, PF_W = 2, PF_R = 4 };

#define ELF_SEGMENTS	36u		/* more than any linker makes */
#define ELF_HEAD	2048u		/* bytes of the file that come with opening it */

/* A file to execute: what is known of it before anything is changed. */
struct em_image {
	mach_port_t	im_io, im_memory;
	struct mx_attr	im_attr;
	uint8_t		im_head[ELF_HEAD];
	uint32_t	im_nhead;
	struct elf_header im_elf;
	uint32_t	im_low, im_high;	/* of the segments' addresses, page-aligned */
	uint32_t	im_bias;		/* added to all addresses */
	uint32_t	im_brk;			/* end of the highest segment, biased */
	uint32_t	im_phdr;		/* where the program sees its headers */
	struct elf_segment im_seg[ELF_SEGMENTS];
};

/* Check the headers in im_head and get the rest. Errors: -ENOEXEC, -EIO, ... */
int32_t em_image_parse(struct em_image *im);
/* The name of the interpreter, "" when there is none. SIZE at least 1. Errors: -ENOEXEC */
int32_t em_image_interp(const struct em_image *im, char *name, uint32_t size);
/* Decide where an image that may lie anywhere goes: BASE is its lowest page. */
void em_image_place(struct em_image *im, uint32_t base);
/* Get the memory object, unless it came with the opening. Errors: -EACCES, -ENODEV... */
int32_t em_image_memory(struct em_image *im);
/* Map it. The point of no return has passed: an error kills. */
int32_t em_image_map(struct em_image *im);
void em_image_release(struct em_image *im);
/* The same for the last time: IM itself is not written to. */
void em_image_drop(const struct em_image *im);

#endif /* EMULIB_ELF_H */
