/*
 * proc_load.c - emulib's image, mapped into fresh tasks.
 *
 * Its text is one memory object that all processes share; of its data each fresh task gets a copy. All other processes inherit both
 * by fork.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <string.h>
#include <masix/mach.h>
#include "server.h"
#include "acs.h"
#include "mach.h"

#define PAGE		4096u
#define IMAGE_PATH	"/masix/emulib"
#define IMAGE_LOW	0xbf000000u
#define IMAGE_HIGH	0xbf200000u
#define SEGMENTS_MAX	4

/* The fields of an ELF file that matter here. Source: System V ABI, chapter 4 */
struct elf_header {
	char		e_ident[16];
	uint16_t	e_type, e_machine;
	uint32_t	e_version, e_entry, e_phoff, e_shoff, e_flags;
	uint16_t	e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx;
};
struct elf_segment {
	uint32_t	p_type, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_flags, p_align;
};
#define ELF_EXEC	2
#define ELF_386		3
#define ELF_LOAD	1
#define ELF_X		1
#define ELF_W		2

struct segment {
	uint32_t	at, size;	/* whole pages */
	char		*pages;		/* our copy */
	mach_port_t	memory;		/* of read-only segments */
	vm_prot_t	prot;
};

static struct segment segments[SEGMENTS_MAX];
static uint32_t nsegments;
static uint32_t image_entry;

/* Is there a whole program header table in the SIZE bytes of IMAGE, for this machine? */
static bool
image_is_valid(const char *image, uint32_t size)
{
	const struct elf_header *e = (const void *)image;

	if (size < sizeof(*e) || memcmp(e->e_ident, "\177ELF", 4) != 0)
		return false;
	if (e->e_type != ELF_EXEC || e->e_machine != ELF_386 || e->e_phentsize != sizeof(struct elf_segment))
		return false;
	return e->e_phoff <= size && e->e_phnum <= (size - e->e_phoff) / sizeof(struct elf_segment);
}

/* Errors: MX_ENOEXEC, MX_ENOMEM */
static kern_return_t
segment_load(const char *image, uint32_t size, const struct elf_segment *ph)
{
	struct segment *s = &segments[nsegments];
	uint32_t skip = ph->p_vaddr % PAGE;

	if (nsegments == SEGMENTS_MAX || ph->p_filesz > ph->p_memsz || ph->p_offset > size ||
	    ph->p_filesz > size - ph->p_offset || ph->p_vaddr < IMAGE_LOW || ph->p_vaddr >= IMAGE_HIGH ||
	    ph->p_memsz > IMAGE_HIGH - ph->p_vaddr)
		return MX_ENOEXEC;
	s->at = ph->p_vaddr - skip;
	s->size = (skip + ph->p_memsz + PAGE - 1) / PAGE * PAGE;
	s->pages = mx_pages_alloc(s->size);
	if (s->pages == NULL)
		return MX_ENOMEM;
	memcpy(s->pages + skip, image + ph->p_offset, ph->p_filesz);
	s->prot = VM_PROT_READ | (ph->p_flags & ELF_W ? VM_PROT_WRITE : 0) | (ph->p_flags & ELF_X ? VM_PROT_EXECUTE : 0);
	nsegments++;
	if (s->prot & VM_PROT_WRITE)
		return KERN_SUCCESS;
	return mx_memory_export(s->pages, s->size, s->prot, &s->memory);
}

static kern_return_t
image_load(const char *image, uint32_t size)
{
	const struct elf_header *e = (const void *)image;
	kern_return_t kr;

	if (!image_is_valid(image, size))
		return MX_ENOEXEC;
	for (uint32_t i = 0; i < e->e_phnum; i++) {
		struct elf_segment ph;

		memcpy(&ph, image + e->e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type != ELF_LOAD || ph.p_memsz == 0)
			continue;
		kr = segment_load(image, size, &ph);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	image_entry = e->e_entry;
	return KERN_SUCCESS;
}

kern_return_t
proc_load_init(void)
{
	mx_ool_t image;
	mach_msg_type_number_t size;
	kern_return_t kr;

	kr = acs_boot_file(mx_acs, IMAGE_PATH, sizeof(IMAGE_PATH) - 1, &image, &size);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = image_load((const char *)image, size);
	(void)syscall_vm_deallocate(mx_task, image, size);	/* ours: cannot fail */
	return kr;
}

static kern_return_t
segment_map(mach_port_t task, const struct segment *s)
{
	vm_address_t at = s->at;
	kern_return_t kr;

	if (s->memory != MACH_PORT_NULL)
		return syscall_vm_map(task, &at, s->size, 0, FALSE, s->memory, 0, TRUE, s->prot, s->prot,
			VM_INHERIT_COPY);
	kr = syscall_vm_allocate(task, &at, s->size, FALSE);
	if (kr != KERN_SUCCESS)
		return kr;
	return vm_write(task, at, (vm_offset_t)s->pages, s->size);
}

kern_return_t
proc_load_into(mach_port_t task, uint32_t *entry)
{
	for (uint32_t i = 0; i < nsegments; i++) {
		kern_return_t kr = segment_map(task, &segments[i]);

		if (kr != KERN_SUCCESS)
			return kr;
	}
	*entry = image_entry;
	return KERN_SUCCESS;
}

uint32_t
proc_load_public(void)
{
	for (uint32_t i = 0; i < nsegments; i++) {
		if (segments[i].prot & VM_PROT_WRITE)
			return segments[i].at;
	}
	return 0;
}
