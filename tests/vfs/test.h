/*
 * test.h - the guest test of vfs.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef VFS_TEST_H
#define VFS_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masix/types.h>

struct t_file {
	mach_port_t	io;
	uint32_t	kind;
	struct mx_attr	attr;
	mx_stamp_t	stamp;
	char		data[MX_BLOB_MAX];
	size_t		n;
};

extern mach_port_t ctx_root, ctx_user;

void tap_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void tap_ok(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void tap_is(kern_return_t got, kern_return_t want, const char *what);

kern_return_t t_open(mach_port_t ctx, const char *path, uint32_t flags, uint32_t mode, struct t_file *f);
kern_return_t t_stat(mach_port_t ctx, const char *path, uint32_t flags, struct mx_attr *attr);
kern_return_t t_write(mach_port_t io, int64_t offset, const void *data, size_t len);
int t_read(mach_port_t io, int64_t offset, void *buf, size_t size);

void test_data(void);		/* data.c */
void test_mapping(const char *path);
void test_remote(void);		/* remote.c */
extern const struct pfs_ops disk_ops;
void test_disk(void);		/* disk.c */
void test_pipes(void);
void test_leaks(void);
void test_speed(void);

#endif
