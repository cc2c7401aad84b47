/*
 * swap.c - swapon and swapoff.
 *
 * vfs says which disk a path names; proc, which checks that the caller may, has the data pager use it. That a process may lie about
 * the disk does no harm: only root is listened to.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "file.h"
#include "proc.h"
#include "vfs.h"

#define S_FMT		0170000u
#define S_BLOCK		0060000u

#define SWAP_KNOWN	0x7ffffu	/* priority, PREFER, and the ways to discard, which are hints */

/* The numbers of the disk that PATH names, and PATH itself. Errors: -ENOENT..., -EINVAL no disk */
static int32_t
disk_find(uint32_t path, struct mx_swap_request *sr)
{
	struct em_path p;
	struct mx_attr at;
	mx_stamp_t stamp;
	int32_t err = em_path_get(&p, MX_AT_FDCWD, path, 0);

	if (err < 0)
		return err;
	err = EM_VFS(vfs_stat(em_vfs(), em_proc()->p_pid, p.p_dir, p.p_name, p.p_len, 0, &at, &stamp));
	if (err == 0 && (at.at_mode & S_FMT) != S_BLOCK)
		err = EM_E(EINVAL);		/* swap on a file is not there */
	if (err == 0) {
		sr->sr_major = at.at_rdev_major;
		sr->sr_minor = at.at_rdev_minor;
		sr->sr_length = em_min(p.p_len, sizeof sr->sr_path);
		memcpy(sr->sr_path, p.p_name, sr->sr_length);
	}
	em_path_done(&p);
	return err;
}

static int32_t
swap_call(uint32_t op, uint32_t path, uint32_t flags)
{
	char out[MX_BLOB_MAX];
	mach_msg_type_number_t n = sizeof out;
	struct mx_swap_request sr;
	int32_t err, result;

	if (em_sys_proc()->sp_euid != 0)
		return EM_E(EPERM);
	err = disk_find(path, &sr);
	if (err < 0)
		return err;
	return em_errno(proc_misc(em_proc()->p_port, op, flags, (const char *)&sr, sizeof sr, out, &n, &result));
}

int32_t
sys_swapon(uint32_t path, uint32_t flags, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	if (flags & ~SWAP_KNOWN)
		return EM_E(EINVAL);
	return swap_call(MX_MISC_SWAPON, path, flags);
}

int32_t
sys_swapoff(uint32_t path, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)b, (void)c, (void)d, (void)e, (void)f;
	return swap_call(MX_MISC_SWAPOFF, path, 0);
}
