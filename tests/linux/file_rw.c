/*
 * file_rw.c - reading, writing and seeking in regular files; devices that are always there.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "tap.h"

static char big[500000], back[500000];

static void
test_simple(void)
{
	int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
	char buf[20];

	returns(read(fd, buf, 5), 0);
	returns(write(fd, "hello world", 11), 11);
	returns(read(fd, buf, 5), 0);
	returns(lseek(fd, 6, SEEK_SET), 6);
	returns(read(fd, buf, 20), 5);
	ok(memcmp(buf, "world", 5) == 0, "what was written");
	returns(lseek(fd, -3, SEEK_END), 8);
	returns(read(fd, buf, 20), 3);
	returns(lseek(fd, 5, SEEK_CUR), 16);
	returns(read(fd, buf, 20), 0);
	returns(write(fd, "!", 1), 1);
	returns(pread(fd, buf, 20, 9), 8);
	ok(memcmp(buf, "ld\0\0\0\0\0!", 8) == 0, "a hole reads as zeros");
	fails(lseek(fd, -1, SEEK_SET), EINVAL);
	fails(lseek(fd, 0, 77), EINVAL);
	fails(pread(fd, buf, 1, -1), EINVAL);
	returns(lseek(fd, 0, SEEK_CUR), 17);
	returns(pwrite(fd, "J", 1, 0), 1);
	returns(lseek(fd, 0, SEEK_CUR), 17);
	returns(write(fd, "", 0), 0);
	returns(lseek(fd, 0, SEEK_SET), 0);
	fails(read(fd, tap_bad, 5), EFAULT);
	fails(write(fd, tap_bad, 5), EFAULT);
	close(fd);
	fd = open("f", O_WRONLY);
	fails(read(fd, buf, 1), EBADF);
	close(fd);
	fd = open("f", O_RDONLY);
	fails(write(fd, buf, 1), EBADF);
	fails(ftruncate(fd, 0), EINVAL);
	close(fd);
	fd = open(".", O_RDONLY);
	fails(read(fd, buf, 1), EISDIR);
	close(fd);
	fails(open(".", O_WRONLY), EISDIR);
}

static void
test_large(void)
{
	struct iovec iov[4] = { { back, 1 }, { back + 1, 0 }, { back + 1, 99999 }, { back + 100000, 400000 } };
	int fd = open("big", O_RDWR | O_CREAT | O_TRUNC, 0644), good = 1;
	char buf[16];

	for (unsigned int i = 0; i < sizeof big; i++)
		big[i] = (char)(i * 31 + i / 255);
	returns(write(fd, big, sizeof big), (long)sizeof big);
	returns(lseek(fd, 0, SEEK_SET), 0);
	returns(read(fd, back, sizeof back), (long)sizeof back);
	ok(memcmp(big, back, sizeof big) == 0, "500,000 bytes come back");
	for (int i = 0; i < 1000; i++)
		good &= pread(fd, buf, 16, i * 499) == 16 && memcmp(buf, big + i * 499, 16) == 0;
	ok(good, "a thousand small reads anywhere");
	memset(back, 0, sizeof back);
	returns(lseek(fd, 0, SEEK_SET), 0);
	returns(readv(fd, iov, 4), (long)sizeof back);
	ok(memcmp(big, back, sizeof big) == 0, "readv puts it together");
	returns(pwritev(fd, iov, 4, 3), (long)sizeof back);
	returns(pread(fd, back, 10, 3), 10);
	ok(memcmp(big, back, 10) == 0, "pwritev at a position");
	fails(readv(fd, iov, tap_many), EINVAL);
	fails(readv(fd, iov, -tap_many), EINVAL);
	returns(readv(fd, iov, 0), 0);
	returns(ftruncate(fd, 100), 0);
	returns(lseek(fd, 0, SEEK_END), 100);
	returns(pread(fd, back, 200, 50), 50);
	returns(ftruncate(fd, 8192), 0);
	returns(pread(fd, back, 8192, 0), 8192);
	good = 1;
	for (int i = 100; i < 8192; i++)
		good &= back[i] == 0;
	ok(good && memcmp(back + 13, big + 10, 80) == 0, "zeros where the file was cut and grew");
	close(fd);
}

/* read() and mmap are one memory. */
static void
test_mapped(void)
{
	int fd = open("map", O_RDWR | O_CREAT | O_TRUNC, 0644);
	char buf[16], *p;

	returns(ftruncate(fd, 10000), 0);
	p = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ok(p != MAP_FAILED, "mmap shared");
	if (p == MAP_FAILED)
		return;
	strcpy(p + 5000, "by memory");
	for (int i = 0; i < 4; i++) {
		memset(buf, 0, sizeof buf);
		returns(pread(fd, buf, 9, 5000), 9);
		ok(memcmp(buf, "by memory", 9) == 0, "a store is seen by read");
	}
	returns(pwrite(fd, "by write!", 9, 5000), 9);
	ok(memcmp(p + 5000, "by write!", 9) == 0, "a write is seen in memory");
	munmap(p, 10000);
	fails(mmap(NULL, 100, PROT_READ, MAP_SHARED, 77, 0) == MAP_FAILED ? -1 : 0, EBADF);
	close(fd);
	fd = open("map", O_RDONLY);
	fails(mmap(NULL, 100, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0, EACCES);
	close(fd);
}

static void
test_faults(void)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("big", O_RDWR);

	munmap(p + 4096, 4096);
	memset(p, 'x', 4096);
	returns(pwrite(fd, p + 4000, 500, 0), 96);
	returns(pread(fd, p + 4090, 500, 0), 6);
	for (int i = 0; i < 4; i++)
		returns(pread(fd, p + 4090, 5000, 0), 6);
	fails(pread(fd, p + 4096, 500, 0), EFAULT);
	munmap(p, 4096);
	close(fd);
}

static int
is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

/* A file of 20000 bytes that has been rewritten often enough for any cache. */
static int
rewritten(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (write(fd, big, 20000) != 20000)
		return -1;
	for (int i = 0; i < 100; i++)
		if (pwrite(fd, "rewrite", 7, i * 199) != 7)
			return -1;
	return fd;
}

static void
test_rewrite(void)
{
	int fd = rewritten("re"), other = open("re", O_RDONLY), good = 1;
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), buf[16];

	for (int i = 0; i < 100; i++)
		good &= pread(other, buf, 8, i * 199) == 8 && memcmp(buf, "rewrite", 7) == 0 && buf[7] == big[i * 199 + 7];
	ok(good, "every rewrite is seen by others");
	fails(pwrite(fd, tap_bad, 5, 100), EFAULT);
	munmap(edge + 4096, 4096);
	memcpy(edge + 4090, "abcdef", 6);
	returns(pwrite(fd, edge + 4090, 1000, 300), 6);
	returns(pread(other, buf, 6, 300), 6);
	ok(memcmp(buf, "abcdef", 6) == 0, "what was before the fault is written");
	if (fork() == 0)
		_exit(pwrite(fd, "child", 5, 400) != 5);
	wait(NULL);
	returns(pread(fd, buf, 5, 400), 5);
	ok(memcmp(buf, "child", 5) == 0, "a child writes through what it inherited");
	returns(pwrite(fd, "over the end", 12, 19995), 12);
	returns(lseek(other, 0, SEEK_END), 20007);
	truncate("re", 100);
	returns(pwrite(fd, "y", 1, 5000), 1);
	returns(lseek(other, 0, SEEK_END), 5001);
	returns(pread(other, buf, 2, 4999), 2);
	ok(buf[0] == 0 && buf[1] == 'y', "what was cut is zeros");
	returns(fcntl(fd, F_SETFL, O_APPEND), 0);
	returns(pwrite(fd, "z", 1, 0), 1);
	returns(lseek(other, 0, SEEK_END), 5002);
	returns(fsync(fd), 0);
	close(fd);
	close(other);
	munmap(edge, 4096);
}

static void
test_rewrite_times(void)
{
	const struct timespec old[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
	int fd = rewritten("ti");
	struct stat before, now, named;

	fstat(fd, &before);
	usleep(50000);
	returns(pwrite(fd, "a", 1, 0), 1);
	fstat(fd, &now);
	stat("ti", &named);
	ok(is_later(&now.st_mtim, &before.st_mtim) && is_later(&now.st_ctim, &before.st_ctim), "a write sets the times");
	ok(memcmp(&now.st_mtim, &named.st_mtim, sizeof now.st_mtim) == 0, "by name, too");
	returns(pwrite(fd, "b", 1, 0), 1);
	futimens(fd, old);
	fstat(fd, &now);
	ok(now.st_mtime == 1000000000, "times are set after a write");
	returns(pwrite(fd, "c", 1, 0), 1);
	fstat(fd, &now);
	ok(is_later(&now.st_mtim, &before.st_mtim), "and set by the next write");
	returns(pwrite(fd, "d", 1, 0), 1);
	utimensat(AT_FDCWD, "ti", old, 0);
	close(fd);
	stat("ti", &now);
	ok(now.st_mtime == 1000000000, "close leaves them alone");
}

/* Somebody without privileges rewrites a file that runs with its owner's. */
static int
setid_child(void)
{
	struct stat st;
	int fd;

	if (getuid() == 0 && setuid(1000) < 0)
		return 1;
	fd = open("si", O_RDWR);
	for (int i = 0; i < 10; i++)
		if (pwrite(fd, "x", 1, i) != 1)
			return 2;
	if (fstat(fd, &st) < 0 || (st.st_mode & 07777) != 0755)
		return 3;
	if (fchmod(fd, 04755) < 0 || fstat(fd, &st) < 0 || (st.st_mode & 07777) != 04755)
		return 4;
	if (pwrite(fd, "x", 1, 20) != 1)
		return 5;
	return fstat(fd, &st) < 0 || (st.st_mode & 07777) != 0755 ? 6 : 0;
}

static void
test_rewrite_limits(void)
{
	int fd = rewritten("si"), status = 0;
	struct rlimit rl = { 1000, RLIM_INFINITY };

	if (getuid() == 0 && (fchown(fd, 1000, 1000) < 0 || chmod(".", 0755) < 0))
		ok(0, "a file for somebody else");
	returns(fchmod(fd, 04755), 0);
	if (fork() == 0)
		_exit(setid_child());
	wait(&status);
	ok(status == 0, "a rewrite drops set-id bits (%d)", WEXITSTATUS(status));
	if (fork() == 0) {
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &rl);
		_exit(pwrite(fd, "0123456789", 10, 995) == 5 && pwrite(fd, "x", 1, 2000) == -1 && errno == EFBIG ? 0 : 1);
	}
	wait(&status);
	ok(status == 0, "RLIMIT_FSIZE holds within the file");
	close(fd);
}

static void
test_append(void)
{
	int a = open("app", O_WRONLY | O_APPEND | O_CREAT | O_TRUNC, 0644), b = open("app", O_WRONLY | O_APPEND), status, n = 0;
	char line[6] = "", *p;
	pid_t pid[4];

	returns(write(a, "aaa\n", 4), 4);
	returns(write(b, "bbb\n", 4), 4);
	returns(write(a, "ccc\n", 4), 4);
	returns(lseek(a, 0, SEEK_CUR), 12);
	ftruncate(a, 0);
	for (int i = 0; i < 4; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			snprintf(line, sizeof line, "%d%d%d\n", i, i, i);
			for (int k = 0; k < 200; k++)
				if (write(i < 2 ? a : b, line, 4) != 4)
					_exit(1);
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++) {
		waitpid(pid[i], &status, 0);
		n += status != 0;
	}
	close(a);
	a = open("app", O_RDONLY);
	returns(read(a, back, sizeof back), 3200);
	for (p = back; p < back + 3200; p += 4)
		n += p[0] != p[1] || p[1] != p[2] || p[3] != '\n';
	ok(n == 0, "four appending processes lose nothing");
	close(a);
	close(b);
}

static volatile int got_xfsz;
static void on_xfsz(int s) { got_xfsz = s; }

static void
test_limit(void)
{
	int fd = open("lim", O_RDWR | O_CREAT | O_TRUNC, 0644), status;
	struct rlimit rl = { 1000, RLIM_INFINITY };
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGXFSZ, on_xfsz);
		setrlimit(RLIMIT_FSIZE, &rl);
		if (write(fd, big, 900) != 900 || write(fd, big, 900) != 100)
			_exit(1);
		if (write(fd, big, 1) != -1 || errno != EFBIG || got_xfsz != SIGXFSZ)
			_exit(2);
		if (ftruncate(fd, 2000) != -1 || errno != EFBIG)
			_exit(3);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ok(status == 0, "RLIMIT_FSIZE: a part, then EFBIG and SIGXFSZ");
	close(fd);
}

static void
test_copies(void)
{
	int in = open("big2", O_RDWR | O_CREAT | O_TRUNC, 0644), out = open("out", O_RDWR | O_CREAT | O_TRUNC, 0644);
	off_t off = 1000;
	off_t to = 5;

	write(in, big, 100000);
	returns(lseek(in, 0, SEEK_SET), 0);
	returns(sendfile(out, in, &off, 50000), 50000);
	returns(off, 51000);
	returns(lseek(in, 0, SEEK_CUR), 0);
	returns(pread(out, back, 50000, 0), 50000);
	ok(memcmp(back, big + 1000, 50000) == 0, "sendfile's bytes");
	returns(sendfile(out, in, NULL, 1000000), 100000);
	returns(lseek(in, 0, SEEK_CUR), 100000);
	returns(lseek(in, 10, SEEK_SET), 10);
	returns(copy_file_range(in, NULL, out, &to, 20000, 0), 20000);
	returns(to, 20005);
	returns(pread(out, back, 20000, 5), 20000);
	ok(memcmp(back, big + 10, 20000) == 0, "copy_file_range's bytes");
	fails(copy_file_range(in, NULL, out, NULL, 10, 1), EINVAL);
	returns(posix_fadvise(in, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
	returns(fsync(out), 0);
	returns(fdatasync(out), 0);
	sync();
	returns(fallocate(out, 0, 0, 300000), 0);
	returns(lseek(out, 0, SEEK_END), 300000);
	fails(fallocate(out, 0, 0, 0), EINVAL);
	returns(lseek(out, 100, SEEK_DATA), 100);
	fails(lseek(out, 400000, SEEK_DATA), ENXIO);
	close(in);
	close(out);
}

static void
test_devices(void)
{
	int fd = open("/dev/null", O_RDWR);
	struct stat st;

	returns(write(fd, big, 100), 100);
	returns(read(fd, back, 100), 0);
	fstat(fd, &st);
	ok(S_ISCHR(st.st_mode) && st.st_rdev == 0x103, "/dev/null is 1,3");
	close(fd);
	fd = open("/dev/zero", O_RDWR);
	memset(back, 1, 100);
	returns(read(fd, back, 100), 100);
	ok(back[0] == 0 && back[99] == 0, "/dev/zero");
	returns(write(fd, big, 100), 100);
	close(fd);
	fd = open("/dev/full", O_RDWR);
	returns(read(fd, back, 100), 100);
	fails(write(fd, big, 100), ENOSPC);
	close(fd);
	fd = open("/dev/urandom", O_RDONLY);
	returns(read(fd, back, 1000), 1000);
	ok(memcmp(back, back + 500, 500) != 0, "/dev/urandom");
	close(fd);
}

int
main(void)
{
	tap_begin();
	test_simple();
	test_large();
	test_mapped();
	test_faults();
	test_rewrite();
	test_rewrite_times();
	test_rewrite_limits();
	test_append();
	test_limit();
	test_copies();
	test_devices();
	return tap_end();
}
