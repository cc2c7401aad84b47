/*
 * procfs_disks.c - the files of /proc that are about disks.
 *
 * Their drivers are in the group "dev.disks" of ACS; each answers with a list at once. They call nobody above them, so asking is safe while
 * vfs waits for the text.
 *
 * Source of the formats: proc(5).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <string.h>
#include "procfs.h"
#include "acs.h"
#include "dev.h"

#define GROUP	"dev.disks"

/* A line of a list: "MAJOR MINOR KIBIBYTES NAME". */
struct disk_line {
	uint64_t	dl_major, dl_minor, dl_kib;
	const char	*dl_name;
	int		dl_length;
};

static uint64_t
number_take(const char **at, const char *end)
{
	uint64_t n = 0;

	while (*at < end && **at >= '0' && **at <= '9')
		n = n * 10 + (uint64_t)(*(*at)++ - '0');
	if (*at < end && **at == ' ')
		(*at)++;
	return n;
}

/* The line at *AT, which moves behind it. False: there is no more. */
static bool
line_take(const char **at, const char *end, struct disk_line *dl)
{
	const char *eol = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;

	if (eol == NULL)
		return false;
	dl->dl_major = number_take(at, eol);
	dl->dl_minor = number_take(at, eol);
	dl->dl_kib = number_take(at, eol);
	dl->dl_name = *at;
	dl->dl_length = eol - *at < 32 ? (int)(eol - *at) : 32;
	*at = eol + 1;
	return true;
}

/* Call FN for the lines of the list that DRIVER answers. A driver that died just now has none. */
static void
driver_lines(mach_port_t driver, void (*fn)(struct pfs_text *text, const struct disk_line *dl), struct pfs_text *text)
{
	mach_msg_type_number_t length = 0;
	vm_offset_t data = 0;
	uint32_t number;
	struct disk_line dl;
	const char *at;

	if (dev_list(driver, 0, 0, &number, &data, &length) != KERN_SUCCESS)
		return;
	at = (const char *)data;
	while (line_take(&at, (const char *)data + length, &dl))
		fn(text, &dl);
	if (length > 0)
		mx_pages_free((void *)data, length);
}

static void
all_lines(void (*fn)(struct pfs_text *text, const struct disk_line *dl), struct pfs_text *text)
{
	mach_msg_type_number_t count = 0;
	mach_port_t *ports = NULL;

	if (acs_lookup_all(mx_acs, GROUP, sizeof GROUP - 1, &ports, &count) != KERN_SUCCESS)
		return;
	for (mach_msg_type_number_t i = 0; i < count; i++) {
		driver_lines(ports[i], fn, text);
		mx_port_release(ports[i]);
	}
	mx_pages_free(ports, count * sizeof *ports);
}

static void
partition_write(struct pfs_text *text, const struct disk_line *dl)
{
	pfs_text_printf(text, "%4u  %7u %10llu %.*s\n", (unsigned int)dl->dl_major, (unsigned int)dl->dl_minor,
		(unsigned long long)dl->dl_kib, dl->dl_length, dl->dl_name);
}

kern_return_t
pf_text_partitions(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	pfs_text_printf(text, "major minor  #blocks  name\n\n");
	all_lines(partition_write, text);
	return KERN_SUCCESS;
}
