/*
 * acs_cpio.c - read the boot archive.
 *
 * Format: cpio "newc": a header of 110 hexadecimal digits, the name, the data, each padded to 4 bytes (tools/mkbootfs pads the name
 * more, so that data begin on pages). It is not trusted: `--add' puts a user's files into one, and a wrong offset would read other
 * memory of ACS.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs_core.h"

#include <string.h>

#define HEADER_SIZE	110u
#define FIELD_MODE	1
#define FIELD_FILESIZE	6
#define FIELD_NAMESIZE	11
#define TYPE_MASK	0170000u
#define TYPE_REGULAR	0100000u

static bool
field_get(const char *header, unsigned int field, uint32_t *value)
{
	const char *digit = header + 6 + 8 * field;
	uint32_t v = 0;

	for (int i = 0; i < 8; i++) {
		char c = digit[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if (c >= 'A' && c <= 'F')
			v = v << 4 | (uint32_t)(c - 'A' + 10);
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint32_t)(c - 'a' + 10);
		else
			return false;
	}
	*value = v;
	return true;
}

static size_t
round4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

bool
acs_cpio_next(const void *archive, size_t size, size_t *offset, struct acs_file *file)
{
	const char *header = (const char *)archive + *offset;
	uint32_t name_size, file_size;
	size_t left, data;

	if (*offset > size || size - *offset < HEADER_SIZE)
		return false;
	left = size - *offset;
	if (memcmp(header, "070701", 6) != 0 || !field_get(header, FIELD_MODE, &file->fi_mode) ||
	    !field_get(header, FIELD_FILESIZE, &file_size) || !field_get(header, FIELD_NAMESIZE, &name_size))
		return false;
	if (name_size == 0 || name_size > left - HEADER_SIZE)
		return false;
	data = round4(HEADER_SIZE + name_size);
	if (data > left || file_size > left - data)
		return false;
	file->fi_name = header + HEADER_SIZE;
	file->fi_name_len = strnlen(file->fi_name, name_size);
	file->fi_offset = *offset + data;
	file->fi_size = file_size;
	if (file->fi_name_len == 10 && memcmp(file->fi_name, "TRAILER!!!", 10) == 0)
		return false;
	data = round4(data + file_size);
	*offset = data < left ? *offset + data : size;
	return true;
}

bool
acs_cpio_find(const void *archive, size_t size, const char *path, size_t path_len, struct acs_file *file)
{
	struct acs_file f;
	size_t offset = 0;
	bool found = false;

	while (path_len > 0 && *path == '/') {
		path++;
		path_len--;
	}
	while (acs_cpio_next(archive, size, &offset, &f)) {
		if ((f.fi_mode & TYPE_MASK) == TYPE_REGULAR && f.fi_name_len == path_len && memcmp(f.fi_name, path, path_len) == 0) {
			*file = f;
			found = true;
		}
	}
	return found;
}
