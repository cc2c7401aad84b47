/*
 * cpiocheck - check a boot archive the way a server reads it.
 *
 * Every header must be well-formed, every regular file's data on a page boundary, no name field longer than Linux takes, and the
 * trailer there. Prints the number of regular files with data.
 *
 * usage: cpiocheck FILE.elf
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *data;
static size_t size;

static int
wrong(const char *what, size_t at)
{
	fprintf(stderr, "cpiocheck: %s at offset %zu\n", what, at);
	return 1;
}

static int
file_read(const char *name)
{
	struct stat st;
	FILE *f = fopen(name, "r");

	if (!f || fstat(fileno(f), &st) != 0)
		return wrong("cannot open the file", 0);
	size = (size_t)st.st_size;
	data = malloc(size);
	if (!data || fread(data, 1, size, f) != size)
		return wrong("cannot read the file", 0);
	fclose(f);
	return 0;
}

static uint32_t
field(const char *header, int i)
{
	char text[9] = { 0 };

	memcpy(text, header + 6 + 8 * i, 8);
	return (uint32_t)strtoul(text, NULL, 16);
}

static int
archive_check(const char *a, size_t len)
{
	int files = 0;

	for (size_t at = 0;;) {
		size_t name_size, begin, bytes;

		if (at + 110 > len || memcmp(a + at, "070701", 6) != 0)
			return wrong("no header", at);
		name_size = field(a + at, 11);
		bytes = field(a + at, 6);
		begin = (at + 110 + name_size + 3) & ~(size_t)3;
		if (name_size == 0 || name_size > 4096 || begin + bytes > len || a[at + 110 + name_size - 1] != '\0')
			return wrong("a name or size out of bounds", at);
		if (strcmp(a + at + 110, "TRAILER!!!") == 0)
			break;
		if (S_ISREG(field(a + at, 1)) && bytes > 0) {
			if (begin % 4096 != 0)
				return wrong("data not on a page boundary", begin);
			files++;
		}
		at = (begin + bytes + 3) & ~(size_t)3;
	}
	printf("%d\n", files);
	return 0;
}

int
main(int argc, char **argv)
{
	Elf32_Phdr *ph;

	if (argc != 2 || file_read(argv[1]) != 0)
		return 1;
	ph = (Elf32_Phdr *)(data + sizeof(Elf32_Ehdr));
	if (memcmp(data, ELFMAG, SELFMAG) != 0 || ph->p_type != PT_LOAD || ph->p_offset != 4096 || ph->p_vaddr != 0x10000000 ||
	    ph->p_flags != (PF_R | PF_W) || ph->p_filesz != size - 4096 || ph->p_filesz % 4096 != 0)
		return wrong("the ELF wrapper is not as the loader and ACS expect", 0);
	return archive_check(data + 4096, size - 4096);
}
