/*
 * pfs_volume.c - volumes, and the options they are mounted with.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/pfs.h>
#include <masix/server.h>

uint32_t
pfs_device_number(void)
{
	static uint32_t last;

	return ++last;
}

bool
pfs_option_get(const struct pfs_mount_args *args, const char *key, char *value, size_t size)
{
	const char *p = args->ma_options, *end = p + args->ma_options_len, *comma;
	size_t klen = strlen(key), n;

	for (; p < end; p = comma + 1) {
		comma = memchr(p, ',', (size_t)(end - p));
		if (comma == NULL)
			comma = end;
		n = (size_t)(comma - p);
		if (n <= klen || memcmp(p, key, klen) != 0 || p[klen] != '=' || n - klen - 1 >= size)
			continue;
		memcpy(value, p + klen + 1, n - klen - 1);
		value[n - klen - 1] = '\0';
		return true;
	}
	return false;
}

kern_return_t
pfs_volume_mount(const struct pfs_ops *ops, uint32_t flags, const struct pfs_mount_args *args, struct pfs_volume **out)
{
	struct pfs_volume *vol = calloc(1, sizeof(*vol));
	kern_return_t kr;

	if (vol == NULL)
		return MX_ENOMEM;
	vol->pv_ops = ops;
	vol->pv_flags = flags;
	vol->pv_dev_minor = args->ma_dev_minor != 0 ? args->ma_dev_minor : pfs_device_number();
	kr = ops->po_mount(vol, args);
	if (kr != KERN_SUCCESS) {
		free(vol);
		return kr;
	}
	mx_assert(vol->pv_root != NULL);
	*out = vol;
	return KERN_SUCCESS;
}

static void
volume_end(struct pfs_volume *vol)
{
	if (vol->pv_ops->po_unmount != NULL)
		vol->pv_ops->po_unmount(vol);
	else
		pfs_node_release(vol->pv_root);
	free(vol);
}

void
pfs_volume_unmount(struct pfs_volume *vol)
{
	if (vol->pv_opens == 0)
		volume_end(vol);
	else
		vol->pv_dying = true;
}

void
pfs_volume_opened(struct pfs_volume *vol)
{
	vol->pv_opens++;
}

void
pfs_volume_closed(struct pfs_volume *vol)
{
	if (--vol->pv_opens == 0 && vol->pv_dying)
		volume_end(vol);
	else
		mx_cond_broadcast(&vol->pv_closed);
}

kern_return_t
pfs_volume_statfs(struct pfs_volume *vol, struct mx_statfs *st)
{
	memset(st, 0, sizeof(*st));
	st->sf_type = vol->pv_ops->po_magic;
	st->sf_bsize = 4096;
	st->sf_namelen = MX_NAME_MAX;
	st->sf_fsid[0] = vol->pv_dev_major;
	st->sf_fsid[1] = vol->pv_dev_minor;
	st->sf_flags = vol->pv_flags;
	return vol->pv_ops->po_statfs != NULL ? vol->pv_ops->po_statfs(vol, st) : KERN_SUCCESS;
}

kern_return_t
pfs_volume_remount(struct pfs_volume *vol, uint32_t flags, bool force)
{
	bool is_change = ((flags ^ vol->pv_flags) & PFS_RDONLY) != 0;
	kern_return_t kr = KERN_SUCCESS;

	if (is_change && (flags & PFS_RDONLY) != 0) {
		if (vol->pv_writers > 0 && !force)
			return MX_EBUSY;
		kr = pfs_volume_sync(vol);
	}
	if (kr == KERN_SUCCESS && is_change && vol->pv_ops->po_remount != NULL)
		kr = vol->pv_ops->po_remount(vol, flags);
	if (kr == KERN_SUCCESS)
		vol->pv_flags = flags;
	return kr;
}

kern_return_t
pfs_volume_sync(struct pfs_volume *vol)
{
	return vol->pv_ops->po_sync != NULL ? vol->pv_ops->po_sync(vol) : KERN_SUCCESS;
}
