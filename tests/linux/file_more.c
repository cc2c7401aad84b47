/*
 * file_more.c - file calls that few programs make: old forms of stat, times, owners, extended attributes, advice, memfd, openat2.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include "tap.h"

#define CALL_PREADV2	378
#define CALL_PWRITEV2	379
#define CALL_OPENAT2	437
#define CALL_FACCESSAT2	439
#define CALL_FCHMODAT2	452
#define CALL_EXECVEAT	358

/* Linux's struct __old_kernel_stat. */
struct old_stat { uint16_t dev, ino, mode, nlink, uid, gid, rdev; uint32_t size, atime, mtime, ctime; };

struct how { uint64_t flags, mode, resolve; };

static void
file_make(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	(void)!write(fd, text, strlen(text));
	close(fd);
}

static mode_t
mode_of(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void
test_stat(void)
{
	struct old_stat st;
	struct stat now;

	file_make("f", "hello");
	(void)!symlink("f", "l");
	stat("f", &now);
	memset(&st, 0, sizeof st);
	/* An inode number of more than 16 bits cannot be told. */
	ok(syscall(18, "f", &st) == 0 ? st.size == 5 && (st.mode & S_IFMT) == S_IFREG && st.nlink == 1 &&
		st.mtime == (uint32_t)now.st_mtime : errno == EOVERFLOW && now.st_ino > 65535, "oldstat");
	ok(syscall(84, "l", &st) == 0 ? (st.mode & S_IFMT) == S_IFLNK && st.size == 1 : errno == EOVERFLOW, "oldlstat does not follow");
	int fd = open("f", O_RDONLY);
	ok(syscall(28, fd, &st) == 0 ? st.size == 5 : errno == EOVERFLOW && now.st_ino > 65535, "oldfstat");
	close(fd);
	fails(syscall(18, "none", &st), ENOENT);
	fails(syscall(28, -1, &st), EBADF);
	fails(syscall(84, tap_bad, &st), EFAULT);
}

static void
test_owners(void)
{
	struct stat st;
	int fd = open("f", O_RDONLY);

	returns(syscall(SYS_lchown, "l", 1, 2), 0);
	ok(lstat("l", &st) == 0 && st.st_uid == 1 && st.st_gid == 2 && stat("f", &st) == 0 && st.st_uid == getuid(), "lchown changes the link");
	returns(syscall(SYS_lchown32, "l", 70000, -1), 0);
	ok(lstat("l", &st) == 0 && st.st_uid == 70000 && st.st_gid == 2, "lchown32, and -1 leaves an id");
	returns(syscall(SYS_fchown, fd, 3, 0xffff), 0);
	ok(fstat(fd, &st) == 0 && st.st_uid == 3 && st.st_gid == getgid(), "fchown with 16 bits");
	returns(syscall(SYS_fchown32, fd, 80000, 80001), 0);
	ok(fstat(fd, &st) == 0 && st.st_uid == 80000 && st.st_gid == 80001, "fchown32");
	returns(fchownat(AT_FDCWD, "l", 5, 6, AT_SYMLINK_NOFOLLOW), 0);
	ok(lstat("l", &st) == 0 && st.st_uid == 5 && st.st_gid == 6, "fchownat");
	returns(fchownat(fd, "", 0, 0, AT_EMPTY_PATH), 0);
	fails(fchownat(AT_FDCWD, "f", 0, 0, 0x40000000), EINVAL);
	fails(fchownat(AT_FDCWD, "none", 0, 0, 0), ENOENT);
	fails(syscall(SYS_fchown32, -1, 0, 0), EBADF);
	close(fd);
}

static void
test_times(void)
{
	long ut[2] = { 1000, 2000 };
	struct { long sec, usec; } tv[2] = { { 3000, 500000 }, { 4000, 250000 } };
	struct stat st;

	returns(syscall(SYS_utime, "f", ut), 0);
	ok(stat("f", &st) == 0 && st.st_atime == 1000 && st.st_mtime == 2000, "utime");
	returns(syscall(SYS_futimesat, AT_FDCWD, "f", tv), 0);
	ok(stat("f", &st) == 0 && st.st_atime == 3000 && st.st_mtim.tv_nsec == 250000000, "futimesat");
	returns(syscall(SYS_utime, "f", NULL), 0);
	ok(stat("f", &st) == 0 && st.st_mtime > 1000000, "utime: now");
	tv[0].usec = 1000000;
	fails(syscall(SYS_futimesat, AT_FDCWD, "f", tv), EINVAL);
	fails(syscall(SYS_utime, "none", ut), ENOENT);
}

static void
test_modes(void)
{
	int fd = open("f", O_RDONLY);

	returns(syscall(CALL_FACCESSAT2, AT_FDCWD, "f", R_OK, AT_EACCESS), 0);
	returns(syscall(CALL_FACCESSAT2, AT_FDCWD, "l", F_OK, AT_SYMLINK_NOFOLLOW), 0);
	fails(syscall(CALL_FACCESSAT2, AT_FDCWD, "f", R_OK, 0x40000000), EINVAL);
	fails(syscall(CALL_FACCESSAT2, AT_FDCWD, "f", 8, 0), EINVAL);
	fails(syscall(CALL_FACCESSAT2, AT_FDCWD, "none", F_OK, 0), ENOENT);
	if (syscall(CALL_FCHMODAT2, AT_FDCWD, "f", 0640, 0) == 0) {	/* Linux 6.6 and later */
		ok(mode_of("f") == 0640, "fchmodat2");
		returns(syscall(CALL_FCHMODAT2, fd, "", 0600, AT_EMPTY_PATH), 0);
		ok(mode_of("f") == 0600, "fchmodat2 of a descriptor");
	} else {
		ok(errno == ENOSYS, "fchmodat2 is not there");
		ok(1, "fchmodat2 of a descriptor");
		ok(1, "fchmodat2 of a descriptor: mode");
	}
	close(fd);
}

static void
test_open(void)
{
	struct how how = { .flags = O_RDONLY };
	int fd = (int)syscall(CALL_OPENAT2, AT_FDCWD, "f", &how, sizeof how);
	char c = 0;

	ok(fd >= 0 && read(fd, &c, 1) == 1 && c == 'h', "openat2");
	close(fd);
	how = (struct how){ .flags = O_WRONLY | O_CREAT | O_EXCL, .mode = 0604 };
	fd = (int)syscall(CALL_OPENAT2, AT_FDCWD, "new", &how, sizeof how);
	ok(fd >= 0 && mode_of("new") == 0604, "openat2 makes a file");
	close(fd);
	fails(syscall(CALL_OPENAT2, AT_FDCWD, "new", &how, sizeof how), EEXIST);
	how = (struct how){ .flags = O_RDONLY, .mode = 0600 };
	fails(syscall(CALL_OPENAT2, AT_FDCWD, "f", &how, sizeof how), EINVAL);
	how = (struct how){ .flags = O_RDONLY };
	fails(syscall(CALL_OPENAT2, AT_FDCWD, "f", &how, 8), EINVAL);
	fails(syscall(CALL_OPENAT2, AT_FDCWD, "f", tap_bad, sizeof how), EFAULT);
}

static void
test_vectors(void)
{
	char a[4] = "", b[4] = "";
	struct iovec v[2] = { { a, 2 }, { b, 3 } };
	int fd = open("v", O_RDWR | O_CREAT, 0644);

	(void)!write(fd, "0123456789", 10);
	returns(syscall(CALL_PREADV2, fd, v, 2, 4, 0, 0), 5);
	ok(memcmp(a, "45", 2) == 0 && memcmp(b, "678", 3) == 0 && lseek(fd, 0, SEEK_CUR) == 10, "preadv2 at a position");
	lseek(fd, 1, SEEK_SET);
	returns(syscall(CALL_PREADV2, fd, v, 2, -1, -1, 0), 5);
	ok(memcmp(a, "12", 2) == 0 && lseek(fd, 0, SEEK_CUR) == 6, "preadv2 at -1: the file's own");
	returns(syscall(CALL_PWRITEV2, fd, v, 2, 8, 0, 0), 5);
	ok(lseek(fd, 0, SEEK_END) == 13, "pwritev2");
	fails(syscall(CALL_PREADV2, fd, v, 2, 0, 0, 0x4000), EOPNOTSUPP);
	close(fd);
}

static void
test_advice(void)
{
	int fd = open("v", O_RDWR), fds[2];

	(void)!pipe(fds);
	returns(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
	returns(syscall(SYS_fadvise64, fd, 0, 0, 100, POSIX_FADV_WILLNEED), 0);
	fails(syscall(SYS_fadvise64, fd, 0, 0, 100, 77), EINVAL);
	fails(syscall(SYS_fadvise64, -1, 0, 0, 100, 0), EBADF);
	fails(syscall(SYS_fadvise64, fds[0], 0, 0, 100, 0), ESPIPE);
	returns(syscall(SYS_readahead, fd, 0, 0, 4096), 0);
	fails(syscall(SYS_readahead, -1, 0, 0, 4096), EBADF);
	returns(syscall(SYS_sync_file_range, fd, 0, 0, 0, 0, 2), 0);
	fails(syscall(SYS_sync_file_range, fd, 0, 0, 0, 0, 64), EINVAL);
	fails(syscall(SYS_sync_file_range, fds[0], 0, 0, 0, 0, 0), ESPIPE);
	returns(syncfs(fd), 0);
	fails(syncfs(-1), EBADF);
	close(fd);
	close(fds[0]);
	close(fds[1]);
}

/* What a name without attributes says, and what is refused everywhere. */
static void
test_attributes(void)
{
	char value[16];
	int fd = open("f", O_RDWR);

	fails(getxattr("none", "user.x", value, sizeof value), ENOENT);
	fails(lgetxattr("none", "user.x", value, sizeof value), ENOENT);
	fails(setxattr("none", "user.x", "v", 1, 0), ENOENT);
	fails(lsetxattr("none", "user.x", "v", 1, 0), ENOENT);
	fails(removexattr("none", "user.x"), ENOENT);
	fails(lremovexattr("none", "user.x"), ENOENT);
	fails(fgetxattr(-1, "user.x", value, sizeof value), EBADF);
	fails(fsetxattr(-1, "user.x", "v", 1, 0), EBADF);
	fails(fremovexattr(-1, "user.x"), EBADF);
	fails(flistxattr(-1, value, sizeof value), EBADF);
	fails(llistxattr("none", value, sizeof value), ENOENT);
	returns(flistxattr(fd, NULL, 0) >= 0 || errno == ENOTSUP, 1);
	returns(getxattr("f", "user.x", value, sizeof value) == -1 && (errno == ENODATA || errno == ENOTSUP), 1);
	returns(fgetxattr(fd, "user.x", value, sizeof value) == -1 && (errno == ENODATA || errno == ENOTSUP), 1);
	returns(fremovexattr(fd, "user.x") == -1 && (errno == ENODATA || errno == ENOTSUP), 1);
	fails(setxattr("f", "user.x", "v", 1, 64), EINVAL);
	close(fd);
}

static void
test_memfd(void)
{
	int fd = (int)syscall(SYS_memfd_create, "name", 1), copy;
	char c = 0;

	ok(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC), "memfd_create, close on exec");
	returns(ftruncate(fd, 8192), 0);
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ok(p != MAP_FAILED, "it can be mapped");
	if (p != MAP_FAILED)
		p[5000] = 'm';
	ok(pread(fd, &c, 1, 5000) == 1 && c == 'm', "memory and file are one");
	copy = dup(fd);
	ok(lseek(copy, 0, SEEK_END) == 8192, "its size");
	fails(syscall(SYS_memfd_create, "name", 0x8000), EINVAL);
	fails(syscall(SYS_memfd_create, tap_bad, 0), EFAULT);
	close(fd);
	close(copy);
}

static void
test_execveat(void)
{
	int dir = open("/", O_RDONLY | O_DIRECTORY), fd, status = -1;
	char *argv[] = { "sh", "-c", "exit 7", NULL };

	fd = open("/bin/sh", O_RDONLY);
	if (fork() == 0) {
		syscall(CALL_EXECVEAT, fd, "", argv, NULL, AT_EMPTY_PATH);
		_exit(1);
	}
	wait(&status);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "execveat of a descriptor");
	if (fork() == 0) {
		syscall(CALL_EXECVEAT, dir, "bin/sh", argv, NULL, 0);
		_exit(1);
	}
	wait(&status);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "execveat below a directory");
	fails(syscall(CALL_EXECVEAT, dir, "none", argv, NULL, 0), ENOENT);
	fails(syscall(CALL_EXECVEAT, dir, "", argv, NULL, 0), ENOENT);
	fails(syscall(CALL_EXECVEAT, dir, "bin/sh", argv, NULL, 0x40000000), EINVAL);
	close(dir);
	close(fd);
}

/* The first form of getdents: d_ino, d_off, d_reclen, name, and the type in the last byte. */
static void
test_getdents(void)
{
	char buf[4096];
	int fd, found = 0;
	long n;

	mkdir("d", 0755);
	file_make("d/one", "");
	mkdir("d/two", 0755);
	fd = open("d", O_RDONLY | O_DIRECTORY);
	while ((n = syscall(SYS_getdents, fd, buf, sizeof buf)) > 0)
		for (long at = 0; at < n; ) {
			uint16_t len;

			memcpy(&len, buf + at + 8, 2);
			if (strcmp(buf + at + 10, "one") == 0 && buf[at + len - 1] == 8)
				found++;
			if (strcmp(buf + at + 10, "two") == 0 && buf[at + len - 1] == 4)
				found++;
			at += len;
		}
	ok(n == 0 && found == 2, "getdents gives names and types");
	lseek(fd, 0, SEEK_SET);
	fails(syscall(SYS_getdents, fd, buf, 8), EINVAL);
	fails(syscall(SYS_getdents, -1, buf, sizeof buf), EBADF);
	close(fd);
}

int
main(void)
{
	tap_begin();
	test_stat();
	test_owners();
	test_times();
	test_modes();
	test_open();
	test_vectors();
	test_advice();
	test_attributes();
	test_memfd();
	test_execveat();
	test_getdents();
	return tap_end();
}
