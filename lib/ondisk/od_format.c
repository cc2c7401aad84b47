/*
 * od_format.c - the operations of file systems that are only read, over what a format says of its volumes (struct od_format).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/ondisk.h>

/* ---- Volumes ---- */

static kern_return_t
disk_open(struct od_volume *ov, const struct pfs_mount_args *args)
{
	const struct od_format *of = od_format_of(ov);
	kern_return_t kr = blk_disk_open(args->ma_source, args->ma_source_len, false, &ov->ov_disk);

	if (kr != KERN_SUCCESS)
		return kr;
	ov->ov_cache = od_cache_create(ov->ov_disk, of->of_cache_unit, of->of_cache_ahead, of->of_cache_max);
	if (ov->ov_cache != NULL)
		return KERN_SUCCESS;
	blk_disk_close(ov->ov_disk);
	return MX_ENOMEM;
}

static void
disk_close(struct od_volume *ov)
{
	od_cache_destroy(ov->ov_cache);
	blk_disk_close(ov->ov_disk);
}

/* This is a volume of ours; may it be mounted as it was asked? */
static kern_return_t
flags_check(const struct pfs_volume *vol)
{
	if (vol->pv_flags & PFS_RDONLY)
		return KERN_SUCCESS;
	mx_log(MX_LOG_INFO, "%s: such volumes can only be read here: mount it with -r", vol->pv_ops->po_name);
	return MX_EROFS;
}

static kern_return_t
volume_load(struct od_volume *ov)
{
	struct od_node *root;
	kern_return_t kr = od_format_of(ov)->of_load(ov);

	if (kr == KERN_SUCCESS)
		kr = flags_check(ov->ov_volume);
	if (kr == KERN_SUCCESS)
		kr = od_format_of(ov)->of_root(ov, &root);
	if (kr != KERN_SUCCESS)
		return kr;
	if (!pfs_node_is_dir(&root->on_node)) {
		pfs_node_release(&root->on_node);
		return MX_EINVAL;
	}
	ov->ov_volume->pv_root = &root->on_node;
	return KERN_SUCCESS;
}

kern_return_t
od_mount(struct pfs_volume *vol, const struct pfs_mount_args *args)
{
	const struct od_format *of = (const struct od_format *)vol->pv_ops;
	struct od_volume *ov = calloc(1, of->of_volume_size);
	kern_return_t kr = KERN_SUCCESS;

	if (ov == NULL)
		return MX_ENOMEM;
	ov->ov_volume = vol;
	if (of->of_options != NULL)
		kr = of->of_options(ov, args);
	if (kr == KERN_SUCCESS)
		kr = disk_open(ov, args);
	if (kr != KERN_SUCCESS)
		goto out_free;
	kr = volume_load(ov);
	if (kr != KERN_SUCCESS)
		goto out_close;
	vol->pv_private = ov;
	return KERN_SUCCESS;

out_close:
	disk_close(ov);
out_free:
	free(ov);
	return kr;
}

void
od_unmount(struct pfs_volume *vol)
{
	struct od_volume *ov = vol->pv_private;

	od_nodes_end(ov);
	disk_close(ov);
	free(ov);
}

kern_return_t
od_remount(struct pfs_volume *vol, uint32_t flags)
{
	(void)vol;
	return flags & PFS_RDONLY ? KERN_SUCCESS : MX_EROFS;
}

/* ---- Directories ---- */

/* The next entry that is shown. It is to be ended. */
static kern_return_t
entry_next(struct pfs_node *dir, uint64_t *offset, struct od_entry *en)
{
	const struct od_format *of = od_format_of(od_volume_of(dir));
	kern_return_t kr;

	while ((kr = of->of_entry((struct od_node *)dir, offset, en)) == KERN_SUCCESS) {
		const char *name = en->en_name;
		size_t len = en->en_name_len;

		if (len > 0 && memchr(name, '/', len) == NULL && memchr(name, '\0', len) == NULL && !(len == 1 && name[0] == '.') &&
		    !(len == 2 && name[0] == '.' && name[1] == '.'))
			break;
		if (of->of_entry_end != NULL)
			of->of_entry_end(en);
	}
	return kr;
}

kern_return_t
od_lookup(struct pfs_node *dir, const char *name, size_t len, int32_t who, struct pfs_node **out)
{
	struct od_volume *ov = od_volume_of(dir);
	const struct od_format *of = od_format_of(ov);
	struct od_entry *en = malloc(of->of_entry_size);
	struct od_node *on = NULL;
	uint64_t offset = 0;
	bool is_it = false;
	kern_return_t kr;

	(void)who;
	if (en == NULL)
		return MX_ENOMEM;
	while (!is_it && (kr = entry_next(dir, &offset, en)) == KERN_SUCCESS) {
		is_it = en->en_name_len == len && memcmp(en->en_name, name, len) == 0;
		if (is_it)
			kr = of->of_entry_node(ov, en, &on);
		if (of->of_entry_end != NULL)
			of->of_entry_end(en);
	}
	free(en);
	if (kr == KERN_SUCCESS)
		*out = &on->on_node;
	return kr;
}

kern_return_t
od_readdir(struct pfs_node *dir, uint64_t cookie, int32_t who, struct pfs_dirents *out)
{
	const struct od_format *of = od_format_of(od_volume_of(dir));
	struct od_entry *en = malloc(of->of_entry_size);
	uint64_t offset = cookie;
	bool fits = true;
	kern_return_t kr;

	(void)who;
	if (en == NULL)
		return MX_ENOMEM;
	while (fits && (kr = entry_next(dir, &offset, en)) == KERN_SUCCESS) {
		fits = pfs_dirent_add(out, en->en_ino, offset, en->en_mode, en->en_name, en->en_name_len);
		if (of->of_entry_end != NULL)
			of->of_entry_end(en);
	}
	free(en);
	return !fits || kr == MX_ENOENT ? KERN_SUCCESS : kr;
}
