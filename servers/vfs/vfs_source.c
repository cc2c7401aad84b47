/*
 * vfs_source.c - what a volume is made of, and which kinds of volumes there are.
 *
 * A file system on a disk is told the disk by number, "blk:MAJOR:MINOR", and gets a right to it from the disk's driver. vfs alone makes
 * such a source, from the node that the user named, after it has looked at the node's permissions; nobody may write one himself.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <masix/blk.h>
#include <masix/mach.h>
#include "acs.h"
#include "vfs_rpc.h"

#define SERVICE		"pfs."

/* The disk behind the node NA, as a source. Errors: MX_ENOTBLK no disk */
static kern_return_t
disk_source(const struct vfs_who *who, const struct vfs_name *na, uint32_t flags, char *out, size_t size)
{
	const struct mx_attr *at = vfs_vnode_facts(na->na_vnode);
	kern_return_t kr;

	if ((at->at_mode & MX_S_IFMT) != MX_S_IFBLK)
		return MX_ENOTBLK;
	if (na->na_vnode->vn_mount->mn_flags & PFS_NODEV)
		return MX_EACCES;
	kr = vfs_perm(who, at, flags & PFS_RDONLY ? VFS_R : VFS_R | VFS_W);
	if (kr != KERN_SUCCESS)
		return kr;
	(void)snprintf(out, size, "%s%u:%u", BLK_SOURCE, (unsigned int)at->at_rdev_major, (unsigned int)at->at_rdev_minor);
	return KERN_SUCCESS;
}

kern_return_t
vfs_source_resolve(const struct vfs_who *who, const char *source, uint32_t flags, char *out, size_t size, kern_return_t *walked)
{
	struct vfs_path pa = { who->wh_cwd, source, strlen(source), 0, NULL };
	struct vfs_name *na;
	kern_return_t kr;

	if (strncmp(source, BLK_SOURCE, strlen(BLK_SOURCE)) == 0)
		return MX_EINVAL;
	(void)snprintf(out, size, "%s", source);
	*walked = source[0] != '\0' ? vfs_walk(who, &pa, VFS_FOLLOW, &na) : MX_ENOENT;
	if (*walked != KERN_SUCCESS)
		return KERN_SUCCESS;		/* a name of the file system's own, as "none" */
	kr = disk_source(who, na, flags, out, size);
	vfs_name_release(na);
	return kr == MX_ENOTBLK ? KERN_SUCCESS : kr;
}

/* ---- Disks by the names they have in /dev, before there is a /dev ---- */

static const struct {
	const char	*prefix;
	unsigned int	major, minors;	/* of a disk */
} disk_names[] = { { "vd", 254, 16 }, { "sd", 8, 16 }, { "hd", 3, 64 } };

bool
vfs_source_boot(const char *path, char *out, size_t size)
{
	const char *name = strncmp(path, "/dev/", 5) == 0 ? path + 5 : path;
	unsigned int i, part;
	char *end;

	for (i = 0; i < sizeof(disk_names) / sizeof(disk_names[0]); i++) {
		if (strncmp(name, disk_names[i].prefix, 2) != 0 || name[2] < 'a' || name[2] > 'p')
			continue;
		part = (unsigned int)strtoul(name + 3, &end, 10);
		if (*end != '\0' || part >= disk_names[i].minors)
			return false;
		(void)snprintf(out, size, "%s%u:%u", BLK_SOURCE, disk_names[i].major,
			(unsigned int)(name[2] - 'a') * disk_names[i].minors + part);
		return true;
	}
	return false;
}

/* ---- /proc/filesystems ---- */

/* Types that need no disk; the name of the service where it differs. */
static const struct { const char *service, *type; } diskless[] = {
	{ "tmpfs", "tmpfs" }, { "devfs", "devtmpfs" }, { "proc", "proc" }, { "devpts", "devpts" }, { "9p", "9p" },
};

static int
type_line(const char *service, size_t len, char *buf, size_t size)
{
	unsigned int i;

	for (i = 0; i < sizeof(diskless) / sizeof(diskless[0]); i++)
		if (strlen(diskless[i].service) == len && memcmp(diskless[i].service, service, len) == 0)
			return snprintf(buf, size, "nodev\t%s\n", diskless[i].type);
	return snprintf(buf, size, "\t%.*s\n", (int)len, service);
}

/* The types among the names of TEXT, a line of ACS each. */
static size_t
types_print(const char *text, size_t len, char *buf, size_t size)
{
	const char *p = text, *end = text + len, *line_end;
	size_t used = 0, n;
	int printed;

	for (; p < end; p = line_end + 1) {
		line_end = memchr(p, '\n', (size_t)(end - p));
		if (line_end == NULL)
			break;
		if ((size_t)(line_end - p) <= strlen(SERVICE) || memcmp(p, SERVICE, strlen(SERVICE)) != 0)
			continue;
		for (n = strlen(SERVICE); p + n < line_end && p[n] != ' ' && p[n] != '\t'; n++)
			;
		if (p[n - 1] == '*')
			continue;
		printed = type_line(p + strlen(SERVICE), n - strlen(SERVICE), buf + used, size - used);
		if (printed < 0 || (size_t)printed >= size - used)
			break;
		used += (size_t)printed;
	}
	return used;
}

kern_return_t
vfs_source_types(char *buf, size_t *len)
{
	vm_offset_t text;
	mach_msg_type_number_t n;
	kern_return_t kr = acs_list(mx_acs, &text, &n);

	if (kr != KERN_SUCCESS)
		return kr;
	*len = types_print((const char *)text, n, buf, *len);
	(void)syscall_vm_deallocate(mx_task, text, n);	/* it came with the answer: cannot fail */
	return KERN_SUCCESS;
}
