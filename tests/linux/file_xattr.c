/*
 * file_xattr.c - extended attributes. An argument is the directory to work in (another file system than /tmp's); with "keep" behind it, only
 * a file "kept" with an attribute is made there, which reads one that the host made.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include "tap.h"

static char value[70000], names[70000];

static void
put(const char *name, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || fchmod(fd, mode) < 0)
		printf("# cannot make %s\n", name);
	close(fd);
}

/* The attribute as text; "-" and the error when there is none. */
static const char *
get(const char *file, const char *name)
{
	static char text[200];
	ssize_t n = lgetxattr(file, name, text, sizeof text - 1);

	if (n < 0)
		snprintf(text, sizeof text, "-%s", strerror(errno));
	else
		text[n] = '\0';
	return text;
}

static int
is(const char *file, const char *name, const char *text)
{
	return strcmp(get(file, name), text) == 0;
}

static int
is_listed(const char *file, const char *name)
{
	ssize_t n = llistxattr(file, names, sizeof names), at;

	for (at = 0; at < n; at += (ssize_t)strlen(names + at) + 1)
		if (strcmp(names + at, name) == 0)
			return 1;
	return 0;
}

static void
test_plain(void)
{
	static const char bytes[4] = { 0, -1, 0, 10 };

	put("f", 0644);
	returns(listxattr("f", NULL, 0), 0);
	fails(getxattr("f", "user.a", value, 10), ENODATA);
	fails(removexattr("f", "user.a"), ENODATA);
	returns(setxattr("f", "user.a", "hello", 5, 0), 0);
	returns(is("f", "user.a", "hello"), 1);
	returns(getxattr("f", "user.a", NULL, 0), 5);
	fails(getxattr("f", "user.a", value, 4), ERANGE);
	returns(getxattr("f", "user.a", value, 5), 5);
	returns(listxattr("f", NULL, 0), 7);
	fails(listxattr("f", names, 6), ERANGE);
	returns(listxattr("f", names, 7), 7);
	returns(memcmp(names, "user.a", 7), 0);
	returns(setxattr("f", "user.a", "other", 5, XATTR_REPLACE), 0);
	fails(setxattr("f", "user.a", "x", 1, XATTR_CREATE), EEXIST);
	fails(setxattr("f", "user.b", "x", 1, XATTR_REPLACE), ENODATA);
	fails(setxattr("f", "user.a", "x", 1, XATTR_CREATE | XATTR_REPLACE), EEXIST);
	fails(setxattr("f", "user.b", "x", 1, XATTR_CREATE | XATTR_REPLACE), ENODATA);
	returns(is("f", "user.a", "other"), 1);
	returns(setxattr("f", "user.empty", NULL, 0, XATTR_CREATE), 0);
	returns(getxattr("f", "user.empty", value, 10), 0);
	returns(is_listed("f", "user.empty"), 1);
	returns(setxattr("f", "user.bytes", bytes, 4, 0), 0);
	returns(getxattr("f", "user.bytes", value, 10) == 4 && memcmp(value, bytes, 4) == 0, 1);
	returns(removexattr("f", "user.a"), 0);
	returns(is("f", "user.a", "-No data available"), 1);
	returns(is_listed("f", "user.a"), 0);
}

static void
test_many(void)
{
	char name[40];
	int i, good = 0;

	put("many", 0644);
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "user.number-%d", i);
		memset(value, i, 30);
		good += setxattr("many", name, value, (size_t)(i % 31), 0) == 0;
	}
	returns(good, 40);
	for (i = good = 0; i < 40; i++) {
		snprintf(name, sizeof name, "user.number-%d", i);
		good += is_listed("many", name) && getxattr("many", name, value, 31) == i % 31 && (i % 31 == 0 || value[0] == i);
	}
	returns(good, 40);
	for (i = good = 0; i < 40; i += 2) {
		snprintf(name, sizeof name, "user.number-%d", i);
		good += removexattr("many", name) == 0;
	}
	returns(good, 20);
	returns(is_listed("many", "user.number-3") && !is_listed("many", "user.number-4"), 1);
	returns(getxattr("many", "user.number-37", value, 31), 6);
	memset(value, 'v', 2000);
	returns(setxattr("many", "user.large", value, 2000, 0), 0);
	memset(value, 0, 2000);
	returns(getxattr("many", "user.large", value, sizeof value) == 2000 && value[1999] == 'v', 1);
}

static void
test_arguments(void)
{
	char name[300];

	memcpy(name, "user.", 5);
	memset(name + 5, 'n', sizeof name - 5);
	name[255] = '\0';
	returns(setxattr("f", name, "long", 4, 0), 0);
	returns(is("f", name, "long"), 1);
	returns(removexattr("f", name), 0);
	name[255] = 'n';
	name[256] = '\0';
	fails(setxattr("f", name, "x", 1, 0), ERANGE);
	fails(getxattr("f", name, value, 10), ERANGE);
	fails(removexattr("f", name), ERANGE);
	fails(setxattr("f", "", "x", 1, 0), ERANGE);
	fails(setxattr("f", "user.", "x", 1, 0), EINVAL);
	fails(getxattr("f", "user.", value, 10), EINVAL);
	fails(setxattr("f", "user", "x", 1, 0), EOPNOTSUPP);
	fails(setxattr("f", "nothing.x", "x", 1, 0), EOPNOTSUPP);
	fails(getxattr("f", "nothing.x", value, 10), EOPNOTSUPP);
	fails(removexattr("f", "nothing.x"), EOPNOTSUPP);
	fails(setxattr("f", "user.x", "x", 1, 4), EINVAL);
	fails(setxattr("f", "user.x", value, 65537, 0), E2BIG);
	fails(setxattr("f", "user.x", value, 65536, 0), ENOSPC);
	fails(setxattr("f", "user.x", tap_bad, 5, 0), EFAULT);
	fails(setxattr("f", tap_bad, "x", 1, 0), EFAULT);
	fails(getxattr("f", "user.bytes", tap_bad, 5), EFAULT);
	fails(listxattr("f", tap_bad, 500), EFAULT);
	fails(setxattr("f/x", "user.x", "x", 1, 0), ENOTDIR);
}

static void
test_forms(void)
{
	int fd = open("f", O_RDONLY), path = open("f", O_PATH), ends[2];

	returns(fsetxattr(fd, "user.fd", "by descriptor", 13, 0), 0);
	returns(fgetxattr(fd, "user.fd", value, 20), 13);
	returns(is("f", "user.fd", "by descriptor"), 1);
	returns(flistxattr(fd, names, sizeof names) == listxattr("f", NULL, 0), 1);
	returns(fremovexattr(fd, "user.fd"), 0);
	fails(fgetxattr(fd, "user.fd", value, 20), ENODATA);
	fails(fgetxattr(path, "user.fd", value, 20), EBADF);
	fails(fsetxattr(path, "user.fd", "x", 1, 0), EBADF);
	fails(fsetxattr(-1, "user.fd", "x", 1, 0), EBADF);
	close(fd);
	close(path);
	if (pipe(ends) == 0) {
		fails(fgetxattr(ends[0], "user.x", value, 10), ENODATA);
		fails(fsetxattr(ends[1], "user.x", "x", 1, 0), EPERM);
		close(ends[0]);
		close(ends[1]);
	}
	fd = open("gone", O_RDWR | O_CREAT, 0600);
	unlink("gone");
	returns(fsetxattr(fd, "user.x", "without a name", 14, 0), 0);
	returns(fgetxattr(fd, "user.x", value, 20), 14);
	close(fd);
}

static void
test_types(void)
{
	mkdir("d", 0755);
	mkfifo("p", 0666);
	if (symlink("f", "l") < 0 || link("f", "h") < 0)
		printf("# no links\n");
	returns(setxattr("d", "user.x", "directory", 9, 0), 0);
	returns(is("d", "user.x", "directory"), 1);
	returns(setxattr("l", "user.through", "link", 4, 0), 0);
	returns(is("f", "user.through", "link"), 1);
	returns(is("h", "user.through", "link"), 1);
	fails(lsetxattr("l", "user.x", "x", 1, 0), EPERM);
	fails(lgetxattr("l", "user.through", value, 10), ENODATA);
	fails(lremovexattr("l", "user.x"), EPERM);
	fails(setxattr("p", "user.x", "x", 1, 0), EPERM);
	fails(getxattr("p", "user.x", value, 10), ENODATA);
	returns(lsetxattr("l", "trusted.x", "of the link", 11, 0), 0);
	returns(is("l", "trusted.x", "of the link"), 1);
	fails(lgetxattr("f", "trusted.x", value, 10), ENODATA);
	returns(setxattr("p", "trusted.x", "of the fifo", 11, 0), 0);
	returns(is("p", "trusted.x", "of the fifo"), 1);
	returns(lremovexattr("l", "trusted.x"), 0);
	returns(is_listed("l", "trusted.x"), 0);
	returns(is_listed("p", "trusted.x"), 1);
}

static void
test_life(void)
{
	struct stat before, after;
	struct timespec ts = { 0, 20000000 };
	FILE *f;

	put("life", 0644);
	returns(setxattr("life", "user.x", "kept", 4, 0), 0);
	returns(rename("life", "moved"), 0);
	f = fopen("moved", "w");
	fputs("contents", f);
	fclose(f);
	returns(is("moved", "user.x", "kept"), 1);
	stat("moved", &before);
	nanosleep(&ts, NULL);
	setxattr("moved", "user.y", "y", 1, 0);
	stat("moved", &after);
	ok(before.st_mtime == after.st_mtime && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec, "setting does not change the time of contents");
	ok(before.st_ctim.tv_nsec != after.st_ctim.tv_nsec || before.st_ctime != after.st_ctime, "but that of the inode");
	unlink("moved");
	put("moved", 0644);
	returns(listxattr("moved", NULL, 0), 0);
}

/* What user 1000 may. */
static void
test_rights(void)
{
	put("open", 0666);
	put("shut", 0600);
	put("read", 0644);
	put("own", 0600);
	if (chown("own", 1000, 1000) < 0)
		printf("# chown\n");
	mkdir("sticky", 0700);
	mkdir("free", 0700);
	chmod("sticky", 01777);
	chmod("free", 0777);
	returns(setxattr("read", "trusted.t", "t", 1, 0) | setxattr("read", "security.s", "s", 1, 0) | setxattr("read", "user.u", "u", 1, 0), 0);
	returns(is_listed("read", "trusted.t") && is_listed("read", "security.s") && is_listed("read", "user.u"), 1);
	returns(seteuid(1000), 0);
	returns(is_listed("read", "trusted.t"), 0);
	returns(is_listed("read", "security.s") && is_listed("read", "user.u"), 1);
	returns(is("read", "user.u", "u"), 1);
	returns(is("read", "security.s", "s"), 1);
	fails(getxattr("read", "trusted.t", value, 10), ENODATA);
	fails(setxattr("read", "trusted.t", "x", 1, 0), EPERM);
	fails(removexattr("read", "trusted.t"), EPERM);
	fails(setxattr("read", "security.s", "x", 1, 0), EPERM);
	fails(removexattr("read", "security.s"), EPERM);
	fails(setxattr("read", "user.u", "x", 1, 0), EACCES);
	fails(removexattr("read", "user.u"), EACCES);
	returns(setxattr("open", "user.u", "x", 1, 0), 0);
	fails(getxattr("shut", "user.u", value, 10), EACCES);
	fails(setxattr("shut", "user.u", "x", 1, 0), EACCES);
	returns(listxattr("shut", NULL, 0), 0);
	returns(setxattr("own", "user.u", "x", 1, 0), 0);
	fails(setxattr("sticky", "user.u", "x", 1, 0), EPERM);
	fails(getxattr("sticky", "user.u", value, 10), ENODATA);
	returns(setxattr("free", "user.u", "x", 1, 0), 0);
	returns(seteuid(0), 0);
	returns(setxattr("sticky", "user.u", "x", 1, 0), 0);
	returns(is("own", "user.u", "x"), 1);
}

/* For who looks at the volume from outside. */
static int
keep(const char *dir)
{
	if (chdir(dir) < 0 || !is("big", "user.host", "made-there"))
		return 1;
	put("kept", 0644);
	return setxattr("kept", "user.kept", "a value", 7, 0) < 0;
}

int
main(int argc, char **argv)
{
	if (argc > 2)
		return keep(argv[1]);
	if (argc > 1) {
		snprintf(tap_dir, sizeof tap_dir, "%.40s/tap-XXXXXX", argv[1]);
		if (mkdtemp(tap_dir) == NULL || chdir(tap_dir) < 0)
			return 1;
	} else {
		tap_begin();
	}
	chmod(".", 0755);
	test_plain();
	test_many();
	test_arguments();
	test_forms();
	test_types();
	test_life();
	test_rights();
	return tap_end();
}
