/*
 * acs_elf.c - check the image of a server and say what goes where in its task.
 *
 * The image may be anything (`acsctl add' sends what it is given): every number is checked before it is used, all sums are
 * made in 64 bits, and what is accepted maps whole pages that do not overlap.
 *
 * Source: System V ABI, Intel386 supplement.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs_core.h"

#include <string.h>

struct elf_header {
	uint8_t		e_ident[16];
	uint16_t	e_type, e_machine;
	uint32_t	e_version, e_entry, e_phoff, e_shoff, e_flags;
	uint16_t	e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx;
};

struct elf_program {
	uint32_t	p_type, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_flags, p_align;
};

#define ET_EXEC		2
#define EM_386		3
#define PT_LOAD		1
#define PT_DYNAMIC	2
#define PT_INTERP	3
#define PF_X		1
#define PF_W		2
#define PROGRAMS_MAX	32

static const char *
segment_check(const struct elf_program *ph, size_t size, struct acs_segment *seg)
{
	uint32_t in_page = ph->p_vaddr % ACS_PAGE;
	uint64_t end = (uint64_t)ph->p_vaddr + ph->p_memsz;

	if (ph->p_filesz > ph->p_memsz || (uint64_t)ph->p_offset + ph->p_filesz > size)
		return "a segment is larger than the file";
	if (ph->p_offset % ACS_PAGE != in_page)
		return "a segment's offset and address do not agree within the page";
	if (ph->p_vaddr < ACS_USER_LOW || end > ACS_USER_HIGH)
		return "a segment is outside the addresses of a server";
	seg->se_address = ph->p_vaddr - in_page;
	seg->se_pages_size = (uint32_t)((end + ACS_PAGE - 1) / ACS_PAGE * ACS_PAGE) - seg->se_address;
	seg->se_offset = ph->p_offset - in_page;
	seg->se_file_size = ph->p_filesz > 0 ? in_page + ph->p_filesz : 0;
	seg->se_write = (ph->p_flags & PF_W) != 0;
	seg->se_execute = (ph->p_flags & PF_X) != 0;
	return NULL;
}

static bool
segments_overlap(const struct acs_image *image, const struct acs_segment *seg)
{
	for (unsigned int i = 0; i < image->im_count; i++) {
		const struct acs_segment *s = &image->im_segment[i];

		if (seg->se_address < s->se_address + s->se_pages_size && s->se_address < seg->se_address + seg->se_pages_size)
			return true;
	}
	return false;
}

static const char *
program_take(const struct elf_program *ph, size_t size, struct acs_image *image)
{
	struct acs_segment seg;
	const char *wrong;

	if (ph->p_type == PT_DYNAMIC || ph->p_type == PT_INTERP)
		return "it is not statically linked";
	if (ph->p_type != PT_LOAD || ph->p_memsz == 0)
		return NULL;
	wrong = segment_check(ph, size, &seg);
	if (wrong)
		return wrong;
	if (image->im_count == ACS_SEGMENTS_MAX)
		return "it has too many segments";
	if (segments_overlap(image, &seg))
		return "two segments share a page";
	image->im_segment[image->im_count++] = seg;
	return NULL;
}

static bool
entry_valid(const struct acs_image *image)
{
	for (unsigned int i = 0; i < image->im_count; i++) {
		const struct acs_segment *s = &image->im_segment[i];

		if (s->se_execute && image->im_entry >= s->se_address && image->im_entry - s->se_address < s->se_pages_size)
			return true;
	}
	return false;
}

const char *
acs_elf_check(const void *data, size_t size, struct acs_image *image)
{
	struct elf_header eh;
	struct elf_program ph;
	const char *wrong;

	memset(image, 0, sizeof *image);
	if (size < sizeof eh)
		return "it is too short";
	memcpy(&eh, data, sizeof eh);
	if (memcmp(eh.e_ident, "\177ELF\1\1\1", 7) != 0)
		return "it is not a 32-bit little-endian ELF file";
	if (eh.e_type != ET_EXEC || eh.e_machine != EM_386)
		return "it is not an executable for the i386";
	if (eh.e_phentsize != sizeof ph || eh.e_phnum == 0 || eh.e_phnum > PROGRAMS_MAX ||
	    (uint64_t)eh.e_phoff + eh.e_phnum * sizeof ph > size)
		return "its program headers are wrong";
	image->im_entry = eh.e_entry;
	for (unsigned int i = 0; i < eh.e_phnum; i++) {
		memcpy(&ph, (const char *)data + eh.e_phoff + i * sizeof ph, sizeof ph);
		wrong = program_take(&ph, size, image);
		if (wrong)
			return wrong;
	}
	return entry_valid(image) ? NULL : "its entry point is not in its text";
}

/* ---- The stack of its first thread ---- */

/* argc, argv[0] ..., NULL, the NULL of an empty environment: words first, then the strings they point to. */
uint32_t
acs_stack_build(char *buffer, size_t size, uint32_t top, const char *name, const struct acs_words *args)
{
	uint32_t argc = args->wo_count + 1u, pointer, *word;
	size_t words = 4 * (argc + 3), strings = strlen(name) + 1 + args->wo_used, total = (words + strings + 15) & ~(size_t)15;
	char *string;

	if (total > size)
		return 0;
	word = (uint32_t *)(void *)(buffer + size - total);
	string = buffer + size - total + words;
	pointer = top - (uint32_t)total + (uint32_t)words;
	*word++ = argc;
	*word++ = pointer;
	memcpy(string, name, strlen(name) + 1);
	string += strlen(name) + 1;
	pointer += (uint32_t)strlen(name) + 1;
	memcpy(string, args->wo_text, args->wo_used);
	for (const char *s = acs_words_next(args, NULL); s; s = acs_words_next(args, s))
		*word++ = pointer + (uint32_t)(s - args->wo_text);
	*word++ = 0;
	*word = 0;
	return top - (uint32_t)total;
}
