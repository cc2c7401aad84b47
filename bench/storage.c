/*
 * storage.c - what files on a disk cost: contents, names, and programs that live on both.
 *
 * One static Linux/i386 program that mounts the same disk on MASIX and on Linux and times the same work there. "Cold" is after
 * the volume was unmounted and mounted again (and Linux was told to forget its cache). Every step is done once.
 *
 * usage: storage DEVICE TYPE [STEP...]      Output: lines "NAME NANOSECONDS -1", per operation.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MNT	"/mnt"
#define BIG	(128u << 20)	/* bytes of /big, made on the host */
#define SMALL	(8u << 20)	/* bytes of what is read and written from the cache */
#define NAMES	10000u
#define RANDOM	500u
#define DISK	(64u << 20)	/* bytes of the disk itself */
#define DISK_SYNCS 200u

static const char *device, *type;
static char buffer[65536];
static int small_fd;

static void
die(const char *what)
{
	fprintf(stderr, "storage: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void
volume_mount(void)
{
	if (mount(device, MNT, type, 0, "") < 0)
		die("mount");
}

static void
small_close(void)
{
	if (small_fd > 0)
		close(small_fd);
	small_fd = 0;
}

static void
cache_drop(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	if (fd >= 0) {
		(void)!write(fd, "3", 1);
		close(fd);
	}
}

/* Nothing of the disk is in memory afterwards. */
static void
forget(void)
{
	small_close();
	if (umount(MNT) < 0)
		die("umount");
	cache_drop();
	volume_mount();
}

static int
file_open(const char *path, int flags)
{
	int fd = open(path, flags, 0644);

	if (fd < 0)
		die(path);
	return fd;
}

static void
transfer(int fd, size_t bytes, size_t piece, bool is_write)
{
	if (lseek(fd, 0, SEEK_SET) != 0)
		die("lseek");
	for (size_t done = 0; done < bytes; done += piece)
		if ((is_write ? write(fd, buffer, piece) : read(fd, buffer, piece)) != (ssize_t)piece)
			die(is_write ? "write" : "read");
}

/* Run COMMAND with the disk as its root. */
static void
shell(const char *command)
{
	const char *const argv[] = { "/bin/busybox", "sh", "-c", command, NULL };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (chroot(MNT) < 0 || chdir("/") < 0)
			die("chroot");
		execv(argv[0], (char *const *)(uintptr_t)argv);
		die(argv[0]);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) > 1) {
		errno = ECHILD;
		die(command);
	}
}

/* ---- The steps: each answers how many operations it was ---- */

static unsigned int
sequential_read(void)
{
	int fd = file_open(MNT "/big", O_RDONLY);

	transfer(fd, BIG, sizeof buffer, false);
	close(fd);
	return BIG >> 20;
}

static unsigned int
random_read(void)
{
	int fd = file_open(MNT "/big", O_RDONLY);
	uint32_t x = 12345;

	for (unsigned int i = 0; i < RANDOM; i++) {
		x = x * 1664525u + 1013904223u;
		if (pread(fd, buffer, 4096, (off_t)((x >> 8) % (BIG / 4096) * 4096)) != 4096)
			die("pread");
	}
	close(fd);
	return RANDOM;
}

static unsigned int
sequential_write(void)
{
	int fd = file_open(MNT "/new", O_RDWR | O_CREAT | O_TRUNC);

	transfer(fd, BIG / 2, sizeof buffer, true);
	if (fsync(fd) < 0)
		die("fsync");
	close(fd);
	return BIG >> 21;
}

static void
small_begin(void)
{
	small_close();
	small_fd = file_open(MNT "/small", O_RDWR | O_CREAT);
	transfer(small_fd, SMALL, sizeof buffer, true);
	transfer(small_fd, SMALL, sizeof buffer, false);
}

static unsigned int
cached(size_t piece, bool is_write)
{
	for (unsigned int i = 0; i < 4; i++)
		transfer(small_fd, SMALL, piece, is_write);
	return (unsigned int)(4 * SMALL / piece);
}

static unsigned int cached_read_4k(void) { return cached(4096, false); }
static unsigned int cached_read_64k(void) { return cached(65536, false); }
static unsigned int cached_write_4k(void) { return cached(4096, true); }
static unsigned int cached_write_64k(void) { return cached(65536, true); }

static void
name_of(unsigned int i, char *path)
{
	sprintf(path, MNT "/names/%02u/file%04u", i / 100, i);
}

static void
names_begin(void)
{
	char path[64];

	if (mkdir(MNT "/names", 0755) < 0)
		die("mkdir");
	for (unsigned int i = 0; i < NAMES / 100; i++) {
		sprintf(path, MNT "/names/%02u", i);
		if (mkdir(path, 0755) < 0)
			die(path);
	}
}

static unsigned int
names_create(void)
{
	char path[64];

	for (unsigned int i = 0; i < NAMES; i++) {
		name_of(i, path);
		close(file_open(path, O_WRONLY | O_CREAT | O_EXCL));
	}
	return NAMES;
}

static unsigned int
names_stat(void)
{
	struct stat st;
	char path[64];

	for (unsigned int i = 0; i < NAMES; i++) {
		name_of(i * 7 % NAMES, path);
		if (stat(path, &st) < 0)
			die(path);
	}
	return NAMES;
}

static unsigned int
names_unlink(void)
{
	char path[64];

	for (unsigned int i = 0; i < NAMES; i++) {
		name_of(i, path);
		if (unlink(path) < 0)
			die(path);
	}
	return NAMES;
}

static unsigned int
untar(void)
{
	shell("/bin/busybox mkdir /tree && /bin/busybox tar xf /files.tar -C /tree && /bin/busybox sync");
	return 1;
}

static unsigned int
grep(void)
{
	shell("/bin/busybox grep -rl 'no such line anywhere' /tree");
	return 1;
}

static unsigned int
compile(void)
{
	shell("cd /src && for f in */*/*.c; do /usr/bin/tcc -w -c -nostdinc -Iinclude -o /tmp/out.o $f || exit 3; done");
	return 1;
}

static unsigned int
sqlite(void)
{
	shell("/usr/bin/sqlite3 /tmp/db </inserts.sql >/tmp/answer");
	return 200;
}

/* ---- The disk itself, with nothing mounted ---- */

static int disk_fd;
static char *disk_copy;

static void
disk_begin(void)
{
	small_close();
	if (umount(MNT) < 0)
		die("umount");
	cache_drop();
	disk_fd = file_open(device, O_RDWR);
}

static unsigned int
disk_end(unsigned int n)
{
	close(disk_fd);
	volume_mount();
	return n;
}

static unsigned int
disk_read(void)
{
	transfer(disk_fd, DISK, sizeof buffer, false);
	return disk_end(DISK >> 20);
}

static unsigned int
disk_read_random(void)
{
	uint32_t at = 12345;

	for (unsigned int i = 0; i < RANDOM; i++) {
		at = at * 1103515245u + 12345;
		if (pread(disk_fd, buffer, 4096, (off_t)(at >> 8) % (DISK >> 12) << 12) != 4096)
			die("pread");
	}
	return disk_end(RANDOM);
}

/* What is written is what is there. */
static void
disk_write_begin(void)
{
	disk_begin();
	disk_copy = malloc(DISK / 2);
	if (disk_copy == NULL || pread(disk_fd, disk_copy, DISK / 2, 0) != DISK / 2)
		die("pread");
}

static unsigned int
disk_write(void)
{
	for (size_t at = 0; at < DISK / 2; at += sizeof buffer)
		if (pwrite(disk_fd, disk_copy + at, sizeof buffer, (off_t)at) != sizeof buffer)
			die("pwrite");
	if (fsync(disk_fd) < 0)
		die("fsync");
	free(disk_copy);
	return disk_end(DISK >> 21);
}

static unsigned int
disk_write_durable(void)
{
	for (size_t i = 0; i < DISK_SYNCS; i++)
		if (pwrite(disk_fd, disk_copy + i * 8192, 4096, (off_t)(i * 8192)) != 4096 || fdatasync(disk_fd) < 0)
			die("pwrite");
	free(disk_copy);
	return disk_end(DISK_SYNCS);
}

static const struct step {
	const char	*name;
	unsigned int	(*run)(void);
	void		(*begin)(void);
	bool		cold;
} steps[] = {
	{ "seq-read-cold-MiB", sequential_read, NULL, true },
	{ "rand-read-cold-4k", random_read, NULL, true },
	{ "seq-write-fsync-MiB", sequential_write, NULL, true },
	{ "cached-read-4k", cached_read_4k, small_begin, false },
	{ "cached-read-64k", cached_read_64k, small_begin, false },
	{ "cached-write-4k", cached_write_4k, small_begin, false },
	{ "cached-write-64k", cached_write_64k, small_begin, false },
	{ "create", names_create, names_begin, false },
	{ "stat-10000", names_stat, NULL, false },
	{ "unlink", names_unlink, NULL, false },
	{ "untar-10000", untar, NULL, true },
	{ "grep-r", grep, NULL, true },
	{ "compile", compile, NULL, true },
	{ "sqlite-insert-fsync", sqlite, NULL, false },
	{ "disk-read-cold-MiB", disk_read, disk_begin, false },
	{ "disk-read-cold-4k", disk_read_random, disk_begin, false },
	{ "disk-write-fsync-MiB", disk_write, disk_write_begin, false },
	{ "disk-write-fsync-4k", disk_write_durable, disk_write_begin, false },
};

static void
step_run(const struct step *st)
{
	uint64_t begin;
	unsigned int n;

	if (st->cold)
		forget();
	if (st->begin != NULL)
		st->begin();
	begin = now_ns();
	n = st->run();
	printf("%s %llu -1\n", st->name, (unsigned long long)((now_ns() - begin) / n));
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	int wanted;

	if (argc < 3) {
		fprintf(stderr, "usage: storage DEVICE TYPE [STEP...]\n");
		return 2;
	}
	device = argv[1];
	type = argv[2];
	memset(buffer, 'x', sizeof buffer);
	volume_mount();
	for (const struct step *st = steps; st < steps + sizeof steps / sizeof *steps; st++) {
		for (wanted = 3; wanted < argc && strcmp(argv[wanted], st->name) != 0; wanted++)
			;
		if (argc == 3 || wanted < argc)
			step_run(st);
	}
	small_close();
	if (umount(MNT) < 0)
		die("umount");
	return 0;
}
