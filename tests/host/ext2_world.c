/*
 * ext2_world.c - see ext2_world.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <string.h>
#include "ext2_world.h"

struct pfs_volume *vol;
char tool_output[1u << 16];

int
tool_run(unsigned int n, const char *format)
{
	char line[600], command[700];
	size_t got;
	FILE *f;

	snprintf(line, sizeof(line), format, blk_file_path(n), blk_file_path(n));
	snprintf(command, sizeof(command), "PATH=$PATH:/sbin:/usr/sbin MKE2FS_SKIP_PROGRESS=1; export PATH MKE2FS_SKIP_PROGRESS; %s 2>&1", line);
	f = popen(command, "r");
	mx_assert(f != NULL);
	got = fread(tool_output, 1, sizeof(tool_output) - 1, f);
	tool_output[got] = '\0';
	return pclose(f) >> 8 & 0xff;
}

static void
output_show(const char *what)
{
	char *line, *save = NULL;

	printf("# %s\n", what);
	for (line = strtok_r(tool_output, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
		printf("#   %s\n", line);
}

void
disk_make(unsigned int n, uint32_t kib, const char *mke2fs)
{
	char command[300];

	blk_file_open(n, NULL, (uint64_t)kib << 10, false);
	snprintf(command, sizeof(command), "mke2fs -q -F %s %%s", mke2fs);
	if (tool_run(n, command) != 0) {
		output_show(command);
		CHECK(!"mke2fs");
	}
}

void
disk_check(unsigned int n, const char *where)
{
	int status = tool_run(n, "e2fsck -fn %s");

	if (status != 0)
		output_show(where);
	CHECK(status == 0);
}

kern_return_t
volume_try(unsigned int n, uint32_t flags, const char *options)
{
	char source[16];
	struct pfs_mount_args args = { .ma_source = source, .ma_options = options, .ma_options_len = strlen(options) };

	snprintf(source, sizeof(source), "blk:254:%u", n);
	args.ma_source_len = strlen(source);
	return pfs_volume_mount(&ext3_ops, flags, &args, &vol);
}

void
volume_mount(unsigned int n)
{
	kern_return_t kr = volume_try(n, 0, "");

	CHECK(kr == KERN_SUCCESS);
	if (kr != KERN_SUCCESS) {
		printf("# mounting: error %d\n", MX_ERRNO(kr));
		exit(1);
	}
}

void
volume_unmount(void)
{
	pfs_volume_unmount(vol);
	vol = NULL;
}

void
volume_rest(bool commit)
{
	ext2_volume_work(vol->pv_private, commit);
}

void
volume_lose(void)
{
	struct ext2_volume *ev = vol->pv_private;

	ev->ev_broken = true;
	volume_unmount();
}

struct pfs_node *
node_at(const char *path)
{
	struct pfs_node *node = vol->pv_root, *next;
	const char *end;

	pfs_node_hold(node);
	for (; *path != '\0'; path = *end == '/' ? end + 1 : end) {
		end = strchrnul(path, '/');
		if (pfs_node_lookup(node, 0, path, (size_t)(end - path), &next) != KERN_SUCCESS)
			next = NULL;
		pfs_node_release(node);
		node = next;
		if (node == NULL)
			return NULL;
	}
	return node;
}

struct pfs_node *
node_make(struct pfs_node *dir, const char *name, uint32_t mode, const char *target)
{
	struct pfs_new what = { .nw_mode = mode, .nw_target = target, .nw_target_len = target != NULL ? strlen(target) : 0 };
	struct pfs_node *node = NULL;
	kern_return_t kr = pfs_node_create(dir, name, strlen(name), &what, &node);

	if (kr != KERN_SUCCESS)
		printf("# making %s: error %d\n", name, MX_ERRNO(kr));
	CHECK(kr == KERN_SUCCESS);
	return node;
}

void
file_write(struct pfs_node *node, uint64_t at, const void *data, size_t n)
{
	size_t done;
	kern_return_t kr = pfs_node_write(node, at, data, n, &done);

	if (kr != KERN_SUCCESS || done != n)
		printf("# write of %zu at %llu: error %d, %zu done\n", n, (unsigned long long)at, MX_ERRNO(kr), done);
	CHECK(kr == KERN_SUCCESS && done == n);
}

unsigned int
dir_list(struct pfs_node *dir, size_t size, void (*fn)(const struct mx_dirent *de, void *arg), void *arg)
{
	char *buf = malloc(size);
	uint64_t cookie = 0;
	unsigned int n = 0;
	size_t len, at;

	for (;;) {
		len = size;
		CHECK(pfs_node_readdir(dir, cookie, 0, buf, &len) == KERN_SUCCESS);
		if (len == 0)
			break;
		for (at = 0; at < len; at += ((struct mx_dirent *)(buf + at))->de_reclen, n++) {
			cookie = ((struct mx_dirent *)(buf + at))->de_cookie;
			if (fn != NULL)
				fn((struct mx_dirent *)(buf + at), arg);
		}
	}
	free(buf);
	return n;
}
