/*
 * ffs_core.c - the file system's table of operations.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "ffs.h"

#define FFS_MAGIC	0x00011954u
#define CACHE_UNIT	2048u
#define CACHE_AHEAD	4u
#define CACHE_MAX	256u
#define DIR_BLOCK	512u		/* an entry does not cross one */
#define DIR_MAX		(1u << 28)	/* bytes of a directory that are looked at */

/* ---- Directories ---- */

struct entry { uint64_t ino; uint32_t mode; size_t len; char name[MX_NAME_MAX]; };

/* The entry at *OFFSET of DIR, which is moved behind it; length 0: nothing there. Errors: MX_ENOENT the end */
static kern_return_t
entry_read(struct pfs_node *dir, uint64_t *offset, struct entry *en)
{
	const struct ffs_volume *fv = ffs_volume_of(dir);
	uint8_t b[8];
	size_t length;
	kern_return_t kr;

	if (*offset >= dir->pn_attr.at_size || *offset >= DIR_MAX)
		return MX_ENOENT;
	kr = *offset % 4 == 0 ? ffs_read(dir, *offset, b, sizeof(b)) : MX_EINVAL;
	if (kr != KERN_SUCCESS)
		return kr;
	length = ffs_u16(fv, b + 4);
	en->ino = ffs_u32(fv, b);
	en->len = fv->fv_old_dirs ? ffs_u16(fv, b + 6) : b[7];
	en->mode = fv->fv_old_dirs ? 0 : (uint32_t)(b[6] & 15) << 12;
	if (length < 8 || length % 4 != 0 || length > DIR_BLOCK - *offset % DIR_BLOCK)
		return MX_EIO;
	if (en->ino == 0 || en->len > MX_NAME_MAX || en->len + 8 > length)
		en->len = 0;
	if (en->len > 0)
		kr = ffs_read(dir, *offset + 8, en->name, en->len);
	*offset += length;
	if (memchr(en->name, '/', en->len) != NULL || memchr(en->name, '\0', en->len) != NULL ||
	    (en->len == 1 && en->name[0] == '.') || (en->len == 2 && en->name[0] == '.' && en->name[1] == '.'))
		en->len = 0;
	return kr;
}

static kern_return_t
core_lookup(struct pfs_node *dir, const char *name, size_t len, int32_t who, struct pfs_node **out)
{
	struct entry en;
	uint64_t offset = 0;
	kern_return_t kr;

	(void)who;
	while ((kr = entry_read(dir, &offset, &en)) == KERN_SUCCESS)
		if (en.len == len && memcmp(en.name, name, len) == 0)
			return ffs_node_get(ffs_volume_of(dir), en.ino, out);
	return kr;
}

static kern_return_t
core_readdir(struct pfs_node *dir, uint64_t cookie, int32_t who, struct pfs_dirents *out)
{
	struct entry en;
	uint64_t offset = cookie;
	kern_return_t kr;

	(void)who;
	while ((kr = entry_read(dir, &offset, &en)) == KERN_SUCCESS)
		if (en.len > 0 && !pfs_dirent_add(out, en.ino, offset, en.mode, en.name, en.len))
			return KERN_SUCCESS;
	return kr == MX_ENOENT ? KERN_SUCCESS : kr;
}

static kern_return_t
core_readlink(struct pfs_node *node, int32_t who, char *buf, size_t size, size_t *len)
{
	struct ffs_node *fn = ffs_node_of(node);

	(void)who;
	if (node->pn_attr.at_size >= MX_PATH_MAX)
		return MX_EIO;
	*len = node->pn_attr.at_size < size ? (size_t)node->pn_attr.at_size : size;
	if (!fn->fn_is_inline)
		return ffs_read(node, 0, buf, *len);
	memcpy(buf, fn->fn_inline, *len);
	return KERN_SUCCESS;
}

/* ---- Volumes ---- */

static kern_return_t
volume_load(struct ffs_volume *fv)
{
	struct pfs_node *root;
	kern_return_t kr = ffs_super_load(fv);

	if (kr == KERN_SUCCESS)
		kr = od_volume_check(&fv->fv_volume);
	if (kr == KERN_SUCCESS)
		kr = ffs_node_get(fv, FFS_ROOT, &root);
	if (kr != KERN_SUCCESS)
		return kr;
	if (!pfs_node_is_dir(root)) {
		pfs_node_release(root);
		return MX_EINVAL;
	}
	fv->fv_volume.ov_volume->pv_root = root;
	return KERN_SUCCESS;
}

static kern_return_t
core_mount(struct pfs_volume *vol, const struct pfs_mount_args *args)
{
	struct ffs_volume *fv = calloc(1, sizeof(*fv));
	kern_return_t kr;

	if (fv == NULL)
		return MX_ENOMEM;
	fv->fv_volume.ov_free = ffs_node_free;
	kr = od_volume_open(&fv->fv_volume, vol, args, CACHE_UNIT, CACHE_AHEAD, CACHE_MAX);
	if (kr != KERN_SUCCESS) {
		free(fv);
		return kr;
	}
	kr = volume_load(fv);
	if (kr != KERN_SUCCESS) {
		od_volume_close(&fv->fv_volume);
		free(fv);
		return kr;
	}
	vol->pv_private = fv;
	return KERN_SUCCESS;
}

static void
core_unmount(struct pfs_volume *vol)
{
	struct ffs_volume *fv = vol->pv_private;

	od_volume_end(&fv->fv_volume);
	free(fv);
}

static kern_return_t
core_statfs(struct pfs_volume *vol, struct mx_statfs *st)
{
	struct ffs_volume *fv = vol->pv_private;

	st->sf_bsize = fv->fv_frag;
	st->sf_blocks = fv->fv_data_frags;
	st->sf_bfree = st->sf_bavail = fv->fv_free_frags;
	st->sf_files = (uint64_t)fv->fv_groups * fv->fv_group_inodes - 2;
	st->sf_ffree = fv->fv_free_inodes;
	return KERN_SUCCESS;
}

const struct pfs_ops ffs_ops = {
	.po_name = "ufs",
	.po_cache = MX_CACHE_FOREVER,
	.po_magic = FFS_MAGIC,
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
