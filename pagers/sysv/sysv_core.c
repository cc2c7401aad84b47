/*
 * sysv_core.c - the file system's table of operations.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "sysv.h"

#define SYSV_MAGIC	0x012ff7b4u
#define CACHE_UNIT	1024u
#define CACHE_AHEAD	4u
#define CACHE_MAX	256u
#define DIR_MAX		(1u << 28)	/* bytes of a directory that are looked at */

/* ---- Directories ---- */

struct entry { uint32_t ino; size_t len; char name[SYSV_NAME_MAX]; };

/* The entry at OFFSET of DIR; length 0: nothing there. Errors: MX_ENOENT the end */
static kern_return_t
entry_read(struct pfs_node *dir, uint64_t offset, struct entry *en)
{
	uint8_t b[SYSV_ENTRY];
	kern_return_t kr;

	if (offset % SYSV_ENTRY != 0)
		return MX_EINVAL;
	if (dir->pn_attr.at_size < SYSV_ENTRY || offset > dir->pn_attr.at_size - SYSV_ENTRY || offset >= DIR_MAX)
		return MX_ENOENT;
	kr = sysv_read(dir, offset, b, sizeof(b));
	if (kr != KERN_SUCCESS)
		return kr;
	en->ino = sysv_u16(sysv_volume_of(dir), b);
	memcpy(en->name, b + 2, SYSV_NAME_MAX);
	for (en->len = 0; en->len < SYSV_NAME_MAX && en->name[en->len] != '\0'; en->len++)
		;
	if (en->ino == 0 || memchr(en->name, '/', en->len) != NULL || (en->len == 1 && en->name[0] == '.') ||
	    (en->len == 2 && en->name[0] == '.' && en->name[1] == '.'))
		en->len = 0;
	return KERN_SUCCESS;
}

static kern_return_t
core_lookup(struct pfs_node *dir, const char *name, size_t len, int32_t who, struct pfs_node **out)
{
	struct entry en;
	uint64_t offset;
	kern_return_t kr;

	(void)who;
	if (len > SYSV_NAME_MAX)
		return MX_ENOENT;
	for (offset = 0; (kr = entry_read(dir, offset, &en)) == KERN_SUCCESS; offset += SYSV_ENTRY)
		if (en.len == len && memcmp(en.name, name, len) == 0)
			return sysv_node_get(sysv_volume_of(dir), en.ino, out);
	return kr;
}

/* Entries do not say of what type they are. */
static kern_return_t
core_readdir(struct pfs_node *dir, uint64_t cookie, int32_t who, struct pfs_dirents *out)
{
	struct entry en;
	uint64_t offset;
	kern_return_t kr;

	(void)who;
	for (offset = cookie; (kr = entry_read(dir, offset, &en)) == KERN_SUCCESS; offset += SYSV_ENTRY)
		if (en.len > 0 && !pfs_dirent_add(out, en.ino, offset + SYSV_ENTRY, 0, en.name, en.len))
			return KERN_SUCCESS;
	return kr == MX_ENOENT ? KERN_SUCCESS : kr;
}

static kern_return_t
core_readlink(struct pfs_node *node, int32_t who, char *buf, size_t size, size_t *len)
{
	(void)who;
	if (node->pn_attr.at_size >= MX_PATH_MAX)
		return MX_EIO;
	*len = node->pn_attr.at_size < size ? (size_t)node->pn_attr.at_size : size;
	return sysv_read(node, 0, buf, *len);
}

/* ---- Volumes ---- */

static kern_return_t
volume_load(struct sysv_volume *sv)
{
	struct pfs_node *root;
	kern_return_t kr = sysv_super_load(sv);

	if (kr == KERN_SUCCESS)
		kr = od_volume_check(&sv->sv_volume);
	if (kr == KERN_SUCCESS)
		kr = sysv_node_get(sv, SYSV_ROOT, &root);
	if (kr != KERN_SUCCESS)
		return kr;
	if (!pfs_node_is_dir(root)) {
		pfs_node_release(root);
		return MX_EINVAL;
	}
	sv->sv_volume.ov_volume->pv_root = root;
	return KERN_SUCCESS;
}

static kern_return_t
core_mount(struct pfs_volume *vol, const struct pfs_mount_args *args)
{
	struct sysv_volume *sv = calloc(1, sizeof(*sv));
	kern_return_t kr;

	if (sv == NULL)
		return MX_ENOMEM;
	sv->sv_volume.ov_free = sysv_node_free;
	kr = od_volume_open(&sv->sv_volume, vol, args, CACHE_UNIT, CACHE_AHEAD, CACHE_MAX);
	if (kr != KERN_SUCCESS) {
		free(sv);
		return kr;
	}
	kr = volume_load(sv);
	if (kr != KERN_SUCCESS) {
		od_volume_close(&sv->sv_volume);
		free(sv);
		return kr;
	}
	vol->pv_private = sv;
	return KERN_SUCCESS;
}

static void
core_unmount(struct pfs_volume *vol)
{
	struct sysv_volume *sv = vol->pv_private;

	od_volume_end(&sv->sv_volume);
	free(sv);
}

static kern_return_t
core_statfs(struct pfs_volume *vol, struct mx_statfs *st)
{
	struct sysv_volume *sv = vol->pv_private;

	st->sf_bsize = sv->sv_block;
	st->sf_blocks = sv->sv_blocks - sv->sv_first_data;
	st->sf_bfree = st->sf_bavail = sv->sv_free_blocks;
	st->sf_files = sysv_inodes(sv);
	st->sf_ffree = sv->sv_free_inodes;
	st->sf_namelen = SYSV_NAME_MAX;
	return KERN_SUCCESS;
}

const struct pfs_ops sysv_ops = {
	.po_name = "sysv",
	.po_cache = MX_CACHE_FOREVER,
	.po_magic = SYSV_MAGIC,
	.po_mount = core_mount,
	.po_unmount = core_unmount,
	.po_statfs = core_statfs,
	.po_remount = od_volume_remount,
	.po_lookup = core_lookup,
	.po_readdir = core_readdir,
	.po_readlink = core_readlink,
	.po_release = od_node_release,
	.po_read = pfs_store_read,
	.po_pager = pfs_store_pager,
};
