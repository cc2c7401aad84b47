/*
 * elf.c - reading, checking and mapping ELF files.
 *
 * Everything that can be wrong with a file is found before the old program is gone (em_image_parse, em_image_memory); mapping fails only
 * for lack of memory.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "elf.h"
#include "io.h"

#define E(name)		(-MX_ERRNO(MX_##name))
#define DOWN(a)		((a) & ~(EM_PAGE - 1))

/* Not inlined: the head is enough for most, and this frame is pages of stack. */
static int32_t __attribute__((noinline))
image_read_more(const struct em_image *im, uint32_t offset, void *to, uint32_t n)
{
	char part[MX_DATA_MAX], *p = part, *at = to;
	mach_msg_type_number_t got;
	int32_t err;

	while (n > 0) {
		got = sizeof(part);
		err = em_errno(io_read(im->im_io, 0, 0, 0, offset, n < sizeof(part) ? n : sizeof(part), p, &got));
		if (err < 0)
			return err;
		if (got == 0 || got > n)
			return E(EIO);
		memcpy(at, p, got);
		at += got;
		offset += got;
		n -= got;
	}
	return 0;
}

/* Read N bytes at OFFSET. Errors: -EIO when there are fewer */
static int32_t
em_image_read(const struct em_image *im, uint32_t offset, void *to, uint32_t n)
{
	if (offset >= im->im_nhead || n > im->im_nhead - offset)
		return image_read_more(im, offset, to, n);
	memcpy(to, im->im_head + offset, n);
	return 0;
}

static int32_t
header_check(const struct elf_header *e)
{
	static const uint8_t ident[7] = { 0x7f, 'E', 'L', 'F', 1, 1, 1 };

	if (memcmp(e->e_ident, ident, sizeof(ident)) != 0 || e->e_machine != 3 ||
	    (e->e_type != ET_EXEC && e->e_type != ET_DYN) || e->e_phentsize != sizeof(struct elf_segment) ||
	    e->e_phnum == 0 || e->e_phnum > ELF_SEGMENTS)
		return E(ENOEXEC);
	return 0;
}

/* The loadable segments must lie in order, apart, inside the program's part of the address space, and fit their file offsets. */
static int32_t
segments_check(struct em_image *im)
{
	uint64_t end = 0;
	bool any = false;

	for (uint32_t i = 0; i < im->im_elf.e_phnum; i++) {
		const struct elf_segment *s = &im->im_seg[i];

		if (s->p_type != PT_LOAD || s->p_memsz == 0)
			continue;
		if (s->p_filesz > s->p_memsz || (s->p_vaddr - s->p_offset) % EM_PAGE != 0 ||
		    (uint64_t)s->p_vaddr + s->p_memsz > EM_STACK_TOP - EM_STACK_MAX || (any && DOWN(s->p_vaddr) < end) ||
		    (uint64_t)s->p_offset + s->p_filesz > im->im_attr.at_size)
			return E(ENOEXEC);
		if (!any)
			im->im_low = DOWN(s->p_vaddr);
		any = true;
		end = EM_PAGE_ALIGN((uint64_t)s->p_vaddr + s->p_memsz);
		im->im_brk = s->p_vaddr + s->p_memsz;
	}
	im->im_high = (uint32_t)end;
	if (!any || (im->im_elf.e_type == ET_EXEC && im->im_low < 0x10000))
		return E(ENOEXEC);
	return 0;
}

int32_t
em_image_parse(struct em_image *im)
{
	int32_t err;

	if (im->im_nhead < sizeof(im->im_elf))
		return E(ENOEXEC);
	memcpy(&im->im_elf, im->im_head, sizeof(im->im_elf));
	err = header_check(&im->im_elf);
	if (err < 0)
		return err;
	err = em_image_read(im, im->im_elf.e_phoff, im->im_seg, im->im_elf.e_phnum * sizeof(struct elf_segment));
	if (err < 0)
		return err == E(EIO) ? E(ENOEXEC) : err;
	im->im_bias = 0;
	return segments_check(im);
}

int32_t
em_image_interp(const struct em_image *im, char *name, uint32_t size)
{
	const struct elf_segment *s = im->im_seg;
	int32_t err;

	name[0] = '\0';
	for (uint32_t i = 0; i < im->im_elf.e_phnum; i++, s++) {
		if (s->p_type != PT_INTERP)
			continue;
		if (s->p_filesz < 2 || s->p_filesz > size)
			return E(ENOEXEC);
		err = em_image_read(im, s->p_offset, name, s->p_filesz);
		if (err < 0)
			return err;
		return name[s->p_filesz - 1] == '\0' ? 0 : E(ENOEXEC);
	}
	return 0;
}

void
em_image_place(struct em_image *im, uint32_t base)
{
	const struct elf_segment *s = im->im_seg;

	im->im_bias = im->im_elf.e_type == ET_DYN ? base - im->im_low : 0;
	im->im_brk += im->im_bias;
	for (uint32_t i = 0; i < im->im_elf.e_phnum; i++, s++)	/* the headers are seen where their file offset is mapped */
		if (s->p_type == PT_LOAD && im->im_elf.e_phoff >= s->p_offset && im->im_elf.e_phoff < s->p_offset + s->p_filesz)
			im->im_phdr = im->im_bias + s->p_vaddr + (im->im_elf.e_phoff - s->p_offset);
}

int32_t
em_image_memory(struct em_image *im)
{
	mach_port_t info = MACH_PORT_NULL;
	uint32_t info_offset;
	int maxprot;
	int32_t err;

	if (im->im_memory != MACH_PORT_NULL)
		return 0;
	err = em_errno(io_map(im->im_io, &im->im_memory, &maxprot, &info, &info_offset));
	if (err == 0 && info != MACH_PORT_NULL)
		(void)syscall_mach_port_deallocate(em_task, info);
	return err;
}

static uint32_t
segment_flags(const struct elf_segment *s)
{
	return (s->p_flags & PF_R ? EM_VMA_READ : 0) | (s->p_flags & PF_W ? EM_VMA_WRITE : 0) | (s->p_flags & PF_X ? EM_VMA_EXEC : 0);
}

/* The file's part, then zeros: in the last page of the file's part first. */
static int32_t
segment_map(const struct em_image *im, const struct elf_segment *s)
{
	uint32_t start = im->im_bias + s->p_vaddr, file_end = start + s->p_filesz, end = EM_PAGE_ALIGN(start + s->p_memsz);
	uint32_t flags = segment_flags(s), anon = DOWN(start);
	int32_t err = 0;

	if (s->p_filesz > 0) {
		anon = EM_PAGE_ALIGN(file_end);
		err = em_mm_map_object(DOWN(start), anon - DOWN(start), flags, im->im_memory, DOWN(s->p_offset), VM_PROT_ALL);
		if (err == 0 && s->p_memsz > s->p_filesz && file_end % EM_PAGE != 0 && (flags & EM_VMA_WRITE) &&
		    em_touch_set((void *)file_end, 0, anon - file_end) < 0)
			err = E(EFAULT);
	}
	if (err == 0 && end > anon)
		err = em_mm_map_anon(anon, end - anon, flags);
	return err;
}

int32_t
em_image_map(struct em_image *im)
{
	int32_t err = 0;

	for (uint32_t i = 0; i < im->im_elf.e_phnum && err == 0; i++)
		if (im->im_seg[i].p_type == PT_LOAD && im->im_seg[i].p_memsz > 0)
			err = segment_map(im, &im->im_seg[i]);
	return err;
}

void
em_image_drop(const struct em_image *im)
{
	if (im->im_io != MACH_PORT_NULL)
		(void)syscall_mach_port_deallocate(em_task, im->im_io);
	if (im->im_memory != MACH_PORT_NULL)
		(void)syscall_mach_port_deallocate(em_task, im->im_memory);
}

void
em_image_release(struct em_image *im)
{
	em_image_drop(im);
	im->im_io = im->im_memory = MACH_PORT_NULL;
}
