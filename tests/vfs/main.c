/*
 * main.c - the server vfs tested on the kernel, without proc, tty and programs.
 *
 * Not part of the system: tests/areas/vfs boots it with a manifest of two servers. It asks vfs for contexts as proc would and then
 * is a client like a process. Results go to the kernel's console as TAP; at the end it dies, which ends the machine.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <masix/abi.h>
#include <masix/mach.h>
#include <masix/ring.h>
#include <masix/server.h>
#include "acs.h"
#include "io.h"
#include "test.h"
#include "vfs.h"
#include "vfs_admin.h"

static unsigned int count, failed;
static mach_port_t admin;

mach_port_t ctx_root, ctx_user;

void
tap_print(const char *fmt, ...)
{
	char line[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsniprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	mach_print(line);
}

void
tap_ok(bool ok, const char *fmt, ...)
{
	char line[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsniprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	tap_print("%sok %u - %s\n", ok ? "" : "not ", ++count, line);
	failed += !ok;
}

void
tap_is(kern_return_t got, kern_return_t want, const char *what)
{
	tap_ok(got == want, "%s", what);
	if (got != want)
		tap_print("# got %#x, wanted %#x\n", got, want);
}

/* ---- Shorter ways to ask ---- */

kern_return_t
t_open(mach_port_t ctx, const char *path, uint32_t flags, uint32_t mode, struct t_file *f)
{
	mach_msg_type_number_t n = sizeof(f->data);
	kern_return_t kr;

	f->io = MACH_PORT_NULL;
	kr = vfs_open(ctx, 1, 0, MACH_PORT_NULL, path, strlen(path), flags, mode, &f->kind, &f->io, &f->attr, &f->stamp, f->data, &n);
	f->n = n;
	return kr;
}

kern_return_t
t_stat(mach_port_t ctx, const char *path, uint32_t flags, struct mx_attr *attr)
{
	mx_stamp_t stamp;

	return vfs_stat(ctx, 0, MACH_PORT_NULL, path, strlen(path), flags, attr, &stamp);
}

kern_return_t
t_write(mach_port_t io, int64_t offset, const void *data, size_t len)
{
	uint32_t done = 0;
	kern_return_t kr = io_write(io, 1, 0, 0, &offset, data, len, &done);

	return kr == KERN_SUCCESS && done != len ? MX_EIO : kr;
}

int
t_read(mach_port_t io, int64_t offset, void *buf, size_t size)
{
	char data[MX_DATA_MAX];
	mach_msg_type_number_t n = sizeof(data);
	kern_return_t kr = io_read(io, 1, 0, 0, offset, size, data, &n);

	if (kr != KERN_SUCCESS)
		return -1;
	memcpy(buf, data, n);
	return (int)n;
}

/* ---- Tests of names ---- */

static void
test_archive(void)
{
	struct t_file f;
	struct mx_attr at;
	char buf[64];

	tap_is(t_open(ctx_root, "/etc/hostname", MX_O_RDONLY, 0, &f), KERN_SUCCESS, "a file of the archive opens");
	tap_ok(f.kind == MX_KIND_FILE && f.attr.at_size > 0, "it is a file with a size");
	tap_ok(t_read(f.io, 0, buf, sizeof(buf)) == (int)f.attr.at_size, "it can be read");
	mx_port_release(f.io);
	tap_is(t_open(ctx_root, "/bin/sh", MX_O_RDONLY | MX_OPEN_EXEC, 0, &f), KERN_SUCCESS, "a program opens");
	tap_ok(f.n > 4 && memcmp(f.data, "\177ELF", 4) == 0, "its first bytes come with the answer");
	mx_port_release(f.io);
	tap_is(t_stat(ctx_root, "/bin/sh", MX_AT_SYMLINK_NOFOLLOW, &at), KERN_SUCCESS, "a link is there");
	tap_ok((at.at_mode & MX_S_IFMT) == MX_S_IFLNK, "it is a link");
	tap_is(t_open(ctx_root, "/no/such", MX_O_RDONLY, 0, &f), MX_ENOENT, "what is not there is not found");
	tap_is(t_open(ctx_root, "/dev/null", MX_O_RDWR, 0, &f), KERN_SUCCESS, "/dev/null opens");
	tap_ok(f.kind == MX_KIND_NULL && f.io == MACH_PORT_NULL, "it is a kind without a port");
}

static void
test_permissions(void)
{
	struct t_file f;

	tap_is(t_open(ctx_user, "/etc/hostname", MX_O_RDWR, 0, &f), MX_EACCES, "a user may not write root's file");
	tap_is(t_open(ctx_user, "/x", MX_O_RDWR | MX_O_CREAT, 0644, &f), MX_EACCES, "nor make one in root's directory");
	tap_is(t_open(ctx_user, "/tmp/u", MX_O_RDWR | MX_O_CREAT, 0600, &f), KERN_SUCCESS, "but in /tmp");
	tap_ok(f.attr.at_uid == 1000 && (f.attr.at_mode & 07777) == 0600, "owner and mode are right");
	mx_port_release(f.io);
	tap_is(t_open(ctx_root, "/tmp/r", MX_O_RDWR | MX_O_CREAT, 0666, &f), KERN_SUCCESS, "root makes one there, too");
	mx_port_release(f.io);
	tap_is(vfs_unlink(ctx_user, 0, MACH_PORT_NULL, "/tmp/r", 6, 0), MX_EPERM, "the sticky bit protects it");
	tap_is(vfs_unlink(ctx_user, 0, MACH_PORT_NULL, "/tmp/u", 6, 0), KERN_SUCCESS, "the own file goes");
	tap_is(vfs_unlink(ctx_root, 0, MACH_PORT_NULL, "/tmp/r", 6, 0), KERN_SUCCESS, "root removes its own");
}

static void
test_directory(void)
{
	mach_msg_type_number_t n, at;
	char data[MX_DATA_MAX];
	const struct mx_dirent *de;
	struct t_file f;
	uint64_t cookie = 0;
	unsigned int entries = 0;
	bool dot = false, null = false;

	tap_is(t_open(ctx_root, "/dev", MX_O_RDONLY | MX_O_DIRECTORY, 0, &f), KERN_SUCCESS, "/dev opens as a directory");
	for (;;) {
		n = sizeof(data);
		if (io_getdents(f.io, cookie, 256, data, &n) != KERN_SUCCESS || n == 0)
			break;
		for (at = 0; at < n; at += de->de_reclen, entries++) {
			de = (const struct mx_dirent *)(data + at);
			cookie = de->de_cookie;
			dot |= de->de_namelen == 1 && de->de_name[0] == '.';
			null |= de->de_namelen == 4 && memcmp(de->de_name, "null", 4) == 0;
		}
	}
	tap_ok(dot && null && entries > 15 && entries < 40, "it lists '.', 'null' and %u in all", entries);
	tap_is(vfs_stat(ctx_root, 0, f.io, "zero", 4, 0, &f.attr, &f.stamp), KERN_SUCCESS, "a path relative to it is found");
	mx_port_release(f.io);
}

static void
test_contexts(void)
{
	char path[MX_PATH_MAX];
	mach_msg_type_number_t n = sizeof(path);
	mach_port_t tmp;
	struct t_file f;

	tap_is(vfs_chdir(ctx_root, 0, MACH_PORT_NULL, "/tmp", 4, 0, FALSE, &tmp), KERN_SUCCESS, "a context in /tmp");
	tap_ok(vfs_getcwd(tmp, path, &n) == KERN_SUCCESS && n == 4 && memcmp(path, "/tmp", 4) == 0, "knows its name");
	tap_is(t_open(tmp, "here", MX_O_RDWR | MX_O_CREAT | MX_O_EXCL, 0644, &f), KERN_SUCCESS, "a relative name is made");
	n = sizeof(path);
	tap_ok(vfs_path_of(ctx_root, f.io, path, &n) == KERN_SUCCESS && n == 9 && memcmp(path, "/tmp/here", 9) == 0,
		"an open file has a path");
	tap_is(vfs_rename(tmp, 0, MACH_PORT_NULL, "here", 4, MACH_PORT_NULL, "there", 5, 0), KERN_SUCCESS, "it is renamed");
	tap_is(t_stat(ctx_root, "/tmp/there", 0, &f.attr), KERN_SUCCESS, "and found under the new name");
	tap_is(t_stat(ctx_root, "/tmp/here", 0, &f.attr), MX_ENOENT, "not under the old");
	tap_is(vfs_unlink(tmp, 0, MACH_PORT_NULL, "there", 5, 0), KERN_SUCCESS, "removed while it is open");
	tap_is(t_write(f.io, 0, "still", 5), KERN_SUCCESS, "it can be written still");
	mx_port_release(f.io);
	mx_port_release(tmp);
}

static void
contexts_make(void)
{
	static const struct mx_cred root, user = { 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000 };

	tap_is(vfs_context_create(admin, MACH_PORT_NULL, root, NULL, 0, &ctx_root), KERN_SUCCESS, "a context for root");
	tap_is(vfs_context_create(admin, MACH_PORT_NULL, user, NULL, 0, &ctx_user), KERN_SUCCESS, "a context for a user");
}

static kern_return_t
test_fresh(int argc, char **argv)
{
	kern_return_t kr = mx_lookup("vfs.admin", &admin);

	(void)argc;
	(void)argv;
	if (kr != KERN_SUCCESS)
		return kr;
	mx_server_ready();
	contexts_make();
	test_archive();
	test_permissions();
	test_directory();
	test_contexts();
	test_data();
	test_pipes();
	test_remote();
	test_leaks();
	test_speed();
	tap_print("1..%u\n# %u failed\n", count, failed);
	exit(0);
}

static const struct mx_server description = { .ms_name = "vfs test", .ms_fresh = test_fresh };

int
main(int argc, char **argv)
{
	mx_server_main(&description, argc, argv);
}
