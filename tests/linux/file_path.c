/*
 * file_path.c - names: making, removing, renaming, links, attributes, directories.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>
#include "tap.h"

static void
put(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	write(fd, "abc", 3);
	close(fd);
}

static mode_t
mode(const char *name)
{
	struct stat st;

	return lstat(name, &st) < 0 ? 0 : st.st_mode & 07777;
}

static void
test_open(void)
{
	fails(open("none", O_RDONLY), ENOENT);
	fails(open("", O_RDONLY), ENOENT);
	fails(open(tap_bad, O_RDONLY), EFAULT);
	put("f");
	fails(open("f", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
	fails(open("f/x", O_RDONLY), ENOTDIR);
	fails(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	char *longname = malloc(5000);
	memset(longname, 'a', 4999);
	longname[4999] = '\0';
	fails(open(longname, O_RDONLY), ENAMETOOLONG);
	longname[300] = '\0';
	fails(open(longname, O_RDONLY), ENAMETOOLONG);
	free(longname);
	umask(027);
	close(open("m", O_WRONLY | O_CREAT, 0777));
	ok(mode("m") == 0750, "umask");
	returns(umask(022), 027);
	symlink("f", "s");
	fails(open("s", O_RDONLY | O_NOFOLLOW), ELOOP);
	symlink("loop", "loop");
	fails(open("loop", O_RDONLY), ELOOP);
	returns(unlink("s"), 0);
	returns(unlink("loop"), 0);
}

static void
test_links(void)
{
	char buf[100];
	struct stat st;

	put("a");
	returns(link("a", "b"), 0);
	stat("b", &st);
	ok(st.st_nlink == 2, "two links");
	fails(link("a", "b"), EEXIST);
	fails(link("none", "c"), ENOENT);
	returns(symlink("a", "l"), 0);
	fails(symlink("a", "l"), EEXIST);
	fails(symlink("", "l2"), ENOENT);
	returns(readlink("l", buf, sizeof buf), 1);
	fails(readlink("a", buf, sizeof buf), EINVAL);
	fails(readlink("none", buf, sizeof buf), ENOENT);
	fails(syscall(SYS_readlink, "l", buf, 0), EINVAL);
	lstat("l", &st);
	ok(S_ISLNK(st.st_mode) && st.st_size == 1, "lstat sees the link");
	stat("l", &st);
	ok(S_ISREG(st.st_mode) && st.st_size == 3, "stat sees the file");
	returns(linkat(AT_FDCWD, "l", AT_FDCWD, "hl", AT_SYMLINK_FOLLOW), 0);
	lstat("hl", &st);
	ok(S_ISREG(st.st_mode) && st.st_nlink == 3, "linkat that follows");
	returns(unlink("b"), 0);
	returns(unlink("hl"), 0);
	fails(unlink("b"), ENOENT);
	fails(unlink("."), EISDIR);
	returns(unlink("l"), 0);
}

static void
test_rename(void)
{
	struct stat st;

	put("r1");
	mkdir("d1", 0755);
	mkdir("d2", 0755);
	returns(rename("r1", "r2"), 0);
	fails(rename("r1", "r2"), ENOENT);
	put("r3");
	returns(rename("r2", "r3"), 0);
	fails(rename("r3", "d1"), EISDIR);
	fails(rename("d1", "r3"), ENOTDIR);
	returns(rename("d1", "d2"), 0);
	put("d2/x");
	mkdir("d1", 0755);
	fails(rename("d1", "d2"), ENOTEMPTY);
	fails(rename("d2", "d2/sub"), EINVAL);
	fails(rmdir("d2"), ENOTEMPTY);
	put("r4");
	fails(syscall(SYS_renameat2, AT_FDCWD, "r4", AT_FDCWD, "r3", 1), EEXIST);
	returns(syscall(SYS_renameat2, AT_FDCWD, "r4", AT_FDCWD, "d1", 2), 0);
	stat("r4", &st);
	ok(S_ISDIR(st.st_mode), "RENAME_EXCHANGE");
	fails(syscall(SYS_renameat2, AT_FDCWD, "r4", AT_FDCWD, "r3", 64), EINVAL);
	returns(rmdir("r4"), 0);
	returns(unlink("d2/x"), 0);
	returns(rmdir("d2"), 0);
	fails(rmdir("d1"), ENOTDIR);
	fails(rmdir("nothere"), ENOENT);
	unlink("d1");
}

static void
test_at(void)
{
	int d, fd;
	struct stat st;
	char buf[300], *cwd;

	mkdir("dir", 0755);
	d = open("dir", O_RDONLY | O_DIRECTORY);
	fd = openat(d, "file", O_RDWR | O_CREAT, 0600);
	ok(fd >= 0, "openat");
	write(fd, "12345", 5);
	returns(fstatat(d, "file", &st, 0), 0);
	ok(st.st_size == 5, "fstatat");
	returns(fstatat(fd, "", &st, AT_EMPTY_PATH), 0);
	ok(st.st_size == 5, "AT_EMPTY_PATH");
	fails(fstatat(fd, "x", &st, 0), ENOTDIR);
	fails(fstatat(777, "x", &st, 0), EBADF);
	fails(fstatat(d, "", &st, 0), ENOENT);
	fails(fstatat(d, "file", &st, 0x4000000), EINVAL);
	returns(mkdirat(d, "sub", 0700), 0);
	fails(mkdirat(d, "sub", 0700), EEXIST);
	returns(symlinkat("file", d, "sl"), 0);
	returns(readlinkat(d, "sl", buf, sizeof buf), 4);
	returns(faccessat(d, "sl", R_OK, 0), 0);
	returns(unlinkat(d, "sl", 0), 0);
	returns(unlinkat(d, "sub", AT_REMOVEDIR), 0);
	returns(fchdir(d), 0);
	cwd = getcwd(buf, sizeof buf);
	ok(cwd != NULL && strcmp(cwd + strlen(cwd) - 4, "/dir") == 0, "fchdir and getcwd");
	fails(syscall(SYS_getcwd, buf, 3), ERANGE);
	returns(access("file", R_OK | W_OK), 0);
	returns(chdir(".."), 0);
	fails(chdir("dir/file"), ENOTDIR);
	fails(fchdir(fd), ENOTDIR);
	returns(unlink("dir/file"), 0);
	fstat(fd, &st);
	ok(st.st_nlink == 0, "an unlinked file lives on");
	returns(pread(fd, buf, 10, 0), 5);
	close(fd);
	returns(rmdir("dir"), 0);
	fails(openat(d, "x", O_CREAT | O_WRONLY, 0600), ENOENT);
	close(d);
}

static void
test_attributes(void)
{
	struct timespec ts[2] = { { 1000, 5 }, { 2000, 7 } };
	struct timeval tv[2] = { { 3000, 1 }, { 4000, 2 } };
	struct stat st;
	struct statx sx;
	int fd = open("at", O_RDWR | O_CREAT, 0644);

	write(fd, "0123456789", 10);
	returns(chmod("at", 0604), 0);
	ok(mode("at") == 0604, "chmod");
	returns(fchmod(fd, 04711), 0);
	ok(mode("at") == 04711, "fchmod");
	returns(chown("at", (uid_t)-1, (gid_t)-1), 0);
	returns(chown("at", getuid(), (gid_t)-1), 0);
	ok(mode("at") == 0711, "chown takes set-uid away");
	returns(utimensat(AT_FDCWD, "at", ts, 0), 0);
	stat("at", &st);
	ok(st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 7, "utimensat");
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_sec = 99;
	returns(futimens(fd, ts), 0);
	fstat(fd, &st);
	ok(st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec == 99, "futimens and UTIME_OMIT");
	ts[1].tv_nsec = 1000000000;
	fails(futimens(fd, ts), EINVAL);
	returns(utimes("at", tv), 0);
	stat("at", &st);
	ok(st.st_mtim.tv_sec == 4000 && st.st_mtim.tv_nsec == 2000, "utimes");
	returns(utimensat(AT_FDCWD, "at", NULL, 0), 0);
	stat("at", &st);
	ok(st.st_mtim.tv_sec > 1000000, "the time now");
	returns(syscall(SYS_statx, AT_FDCWD, "at", 0, 0x7ff, &sx), 0);
	ok(sx.stx_size == 10 && (sx.stx_mode & 07777) == 0711 && sx.stx_ino == st.st_ino && sx.stx_nlink == 1 &&
	    sx.stx_mtime.tv_sec == st.st_mtim.tv_sec, "statx says the same");
	returns(truncate("at", 3), 0);
	stat("at", &st);
	ok(st.st_size == 3, "truncate");
	fails(truncate("at", -1), EINVAL);
	fails(truncate("none", 1), ENOENT);
	fails(truncate(".", 1), EISDIR);
	fails(access("at", 99), EINVAL);
	fails(access("none", F_OK), ENOENT);
	returns(access("at", F_OK), 0);
	returns(listxattr("at", NULL, 0), 0);
	fails(listxattr("none", NULL, 0), ENOENT);
	close(fd);
	fails(fchmod(fd, 0600), EBADF);
}

static int
count(const char *dir, int *dots)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	*dots = 0;
	while ((e = readdir(d)) != NULL) {
		n++;
		*dots += strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	}
	closedir(d);
	return n;
}

static void
test_directories(void)
{
	char name[300], buf[8192], *seen = calloc(1, 600);
	int dots, fd, n, all = 0, wrong = 0;

	mkdir("many", 0755);
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof name, "many/%d-%.*s", i, i % 200, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
		close(open(name, O_CREAT | O_WRONLY, 0600));
	}
	returns(count("many", &dots), 602);
	ok(dots == 2, "dot and dot-dot");
	fd = open("many", O_RDONLY);
	while ((n = (int)syscall(SYS_getdents64, fd, buf, sizeof buf)) > 0) {
		for (int off = 0; off < n; ) {
			struct dirent *e = (struct dirent *)(buf + off);
			int i = atoi(e->d_name);

			if (e->d_name[0] != '.') {
				wrong += seen[i]++;
				wrong += e->d_type != DT_REG;
			}
			all++;
			off += e->d_reclen;
		}
	}
	ok(all == 602 && wrong == 0 && n == 0, "getdents64: each once, with its type");
	returns(syscall(SYS_getdents64, fd, buf, sizeof buf), 0);
	returns(lseek(fd, 0, SEEK_SET), 0);
	ok(syscall(SYS_getdents64, fd, buf, sizeof buf) > 0, "rewound");
	returns(lseek(fd, 0, SEEK_SET), 0);
	fails(syscall(SYS_getdents64, fd, buf, 4), EINVAL);
	close(fd);
	fd = open("f", O_RDONLY);
	fails(syscall(SYS_getdents64, fd, buf, sizeof buf), ENOTDIR);
	close(fd);
	free(seen);
}

/* A file that is open, opened once more by its descriptor: a description of its own, with the rights that one has now. */
static void
test_again(void)
{
	char name[64], buf[20];
	int fd, again;

	put("again");
	fd = open("again", O_RDONLY);
	unlink("again");
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	returns(lseek(fd, 2, SEEK_SET), 2);
	again = open(name, O_RDWR);
	returns(read(again, buf, 10), 3);
	returns(lseek(fd, 0, SEEK_CUR), 2);
	returns(write(again, "more", 4), 4);
	returns(read(fd, buf, 20), 5);
	returns(fcntl(again, F_GETFL) & O_ACCMODE, O_RDWR);
	close(again);
	again = open(name, O_WRONLY | O_APPEND);
	returns(write(again, "end", 3), 3);
	fails(read(again, buf, 1), EBADF);
	close(again);
	returns(pread(fd, buf, 20, 7), 3);
	fails(open(name, O_RDONLY | O_DIRECTORY), ENOTDIR);
	fails(open(name, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	close(open(name, O_WRONLY | O_TRUNC));
	returns(lseek(fd, 0, SEEK_END), 0);
	returns(fchmod(fd, 0444), 0);
	returns(seteuid(1000), 0);
	fails(open(name, O_RDWR), EACCES);
	again = open(name, O_RDONLY);
	returns(read(again, buf, 1), 0);
	close(again);
	returns(seteuid(0), 0);
	close(fd);
}

static void
test_own_descriptors(void)
{
	char name[64], buf[300], want[300];
	struct stat a, b;
	int fd, n;

	put("own");
	fd = open("own", O_RDWR);
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	n = (int)readlink(name, buf, sizeof buf - 1);
	snprintf(want, sizeof want, "%s/own", tap_dir);
	buf[n > 0 ? n : 0] = '\0';
	ok(strcmp(buf, want) == 0, "/proc/self/fd/N is a link to the file");
	returns(stat(name, &a), 0);
	fstat(fd, &b);
	ok(a.st_ino == b.st_ino, "and leads there");
	lseek(fd, 2, SEEK_SET);
	n = open(name, O_RDONLY);
	returns(read(n, buf, 10), 3);
	close(n);
	returns(chmod(name, 0640), 0);
	ok(mode("own") == 0640, "chmod through it");
	snprintf(name, sizeof name, "/dev/fd/%d", fd);
	n = open(name, O_RDONLY);
	ok(n > fd, "/dev/fd/N opens");
	close(n);
	close(fd);
	fails(open(name, O_RDONLY), ENOENT);
	n = (int)readlink("/proc/self/exe", buf, sizeof buf - 1);
	ok(n > 9 && memcmp(buf + n - 9, "file_path", 9) == 0, "/proc/self/exe");
}

static void
test_statfs(void)
{
	struct statfs sf, sg;
	int fd = open(".", O_RDONLY);

	returns(statfs(".", &sf), 0);
	returns(fstatfs(fd, &sg), 0);
	ok(sf.f_type == sg.f_type && sf.f_bsize == sg.f_bsize && sf.f_namelen >= 255 - 112, "statfs and fstatfs agree");
	fails(statfs("none", &sf), ENOENT);
	fails(fstatfs(777, &sf), EBADF);
	close(fd);
}

int
main(void)
{
	tap_begin();
	umask(022);
	test_open();
	test_links();
	test_rename();
	test_at();
	test_attributes();
	test_directories();
	test_again();
	test_own_descriptors();
	test_statfs();
	return tap_end();
}
