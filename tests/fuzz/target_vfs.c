/*
 * target_vfs.c - the server vfs with tmpfs: names, files, pipes, and the nodes that are vfs's own.
 *
 * Pages of files are never asked for: to the server every mapped file is zero.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>
#include <masix/abi.h>
#include "client.h"
#include "message.h"

extern boolean_t io_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t mx_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t pfs_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t vfs_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t vfs_admin_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern const struct mx_server vfs_description;

const char *const fuzz_words[] = {
	"a", "b", "bin", "tmp", "dev", "proc", "sh", ".", "..", "null", "link", "loop", "fifo", "pts", "self", "tmpfs", "x", "", NULL,
};
const uint32_t fuzz_numbers[] = {
	MX_O_RDONLY, MX_O_WRONLY, MX_O_RDWR, MX_O_CREAT, MX_O_CREAT | MX_O_RDWR, MX_O_CREAT | MX_O_EXCL | MX_O_RDWR,
	MX_O_TRUNC | MX_O_RDWR, MX_O_DIRECTORY, MX_O_PATH, MX_O_NOFOLLOW, MX_O_APPEND | MX_O_WRONLY, MX_O_TMPFILE | MX_O_RDWR,
	MX_OPEN_EXEC, MX_O_NONBLOCK | MX_O_WRONLY, MX_S_IFREG | 0644, MX_S_IFDIR | 0755, MX_S_IFIFO | 0600, MX_S_IFCHR | 0666,
	MX_AT_SYMLINK_NOFOLLOW, MX_AT_REMOVEDIR, MX_AT_EMPTY_PATH, MX_AT_SYMLINK_FOLLOW, 0777, 0755, 4096, 5000, 65536, 1, 2, 3, 5,
};
const unsigned int fuzz_nnumbers = sizeof(fuzz_numbers) / sizeof(fuzz_numbers[0]);

static const struct fuzz_subsystem subsystems[] = {
	{ "io", io_server }, { "mx", mx_server }, { "pfs", pfs_server }, { "vfs", vfs_server }, { "vfs_admin", vfs_admin_server },
	{ NULL, NULL },
};

/* ---- The boot archive: cpio newc ---- */

static char space[16384] __attribute__((aligned(4096)));
static size_t used;

static void
member(const char *name, uint32_t mode, const char *data)
{
	size_t size = strlen(data), len = strlen(name) + 1;

	used += (size_t)sprintf(space + used, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1, mode, 0, 0, 1, 0,
		(unsigned int)size, 0, 0, 0, 0, (unsigned int)len, 0);
	memcpy(space + used, name, len);
	used = (used + len + 3) & ~(size_t)3;
	memcpy(space + used, data, size);
	used = (used + size + 3) & ~(size_t)3;
}

static const void *
archive(size_t *bytes)
{
	if (used == 0) {
		member("bin", MX_S_IFDIR | 0755, "");
		member("bin/sh", MX_S_IFREG | 0755, "#!/bin/sh\n");
		member("tmp", MX_S_IFDIR | 01777, "");
		member("tmp/a", MX_S_IFREG | 0666, "hello");
		member("tmp/link", MX_S_IFLNK | 0777, "a");
		member("tmp/loop", MX_S_IFLNK | 0777, "loop");
		member("tmp/fifo", MX_S_IFIFO | 0666, "");
		member("TRAILER!!!", 0, "");
	}
	*bytes = used;
	return space;
}

const struct fuzz_target fuzz_target = {
	.ta_server = &vfs_description, .ta_subsystems = subsystems, .ta_archive = archive,
	.ta_names_slack = 10, .ta_pages_slack = 200,	/* pages of inodes, windows and the pool are kept */
};
