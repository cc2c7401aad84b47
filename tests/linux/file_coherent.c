/*
 * file_coherent.c - what one process changes, another sees at once, however often it has asked before.
 *
 * An emulation library may keep answers about names (emulib/kept.c). Here a process asks the same questions many times, has another
 * one change what they are about, and asks again.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define OFTEN 12

static int ask[2], done[2];
static char readback[64];

/* What the open of NAME shows; "" when it fails. */
static const char *
contents(const char *name)
{
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, readback, sizeof readback - 1);

	readback[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return readback;
}

static void
put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	write(fd, text, strlen(text));
	close(fd);
}

static struct stat
often(const char *name)
{
	struct stat st = { .st_ino = 0 };

	for (int i = 0; i < OFTEN; i++) {
		struct stat link;

		if (stat(name, &st) < 0)
			st.st_ino = 0;
		(void)lstat(name, &link);
		(void)close(open(name, O_RDONLY));	/* and no read: that would change its time */
	}
	return st;
}

/* ---- The other process: does what its letter says when it is asked ---- */

static int held = -1;
static char *mapped;

static void
change(char what)
{
	struct timespec times[2] = { { 1000, 0 }, { 2000, 0 } };

	switch (what) {
	case 'm': chmod("f", 0600); break;
	case 'w': put("f", "longer than before"); break;
	case 't': truncate("f", 1); break;
	case 'u': utimensat(AT_FDCWD, "f", times, 0); break;
	case 'l': link("f", "f2"); break;
	case 'L': unlink("f2"); break;
	case 'r': put("new", "replaced"); rename("new", "f"); break;
	case 'd': unlink("f"); break;
	case 'c': put("f", "again"); break;
	case 's': unlink("s"); symlink("g", "s"); break;
	case 'D': rename("dir", "old"); mkdir("dir", 0755); put("dir/x", "new dir"); break;
	case 'X': chmod("dir", 0); break;
	case 'x': chmod("dir", 0755); break;
	case 'p': chmod("f", 0); break;
	case 'o': held = open("f", O_RDWR); break;
	case 'i': pwrite(held, "IN PLACE", 8, 0); break;
	case 'g': pwrite(held, "+", 1, 100); break;
	case 'k': flock(held, LOCK_EX); break;
	case 'K': flock(held, LOCK_UN); break;
	case 'M': mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, held, 0); mapped[0] = 'Q'; break;
	case 'e': mkdir("made", 0755); break;
	}
}

static void
other_start(void)
{
	char c;

	pipe(ask);
	pipe(done);
	if (fork() == 0) {
		close(ask[1]);
		while (read(ask[0], &c, 1) == 1) {
			change(c);
			write(done[1], &c, 1);
		}
		_exit(0);
	}
}

static void
other(char what)
{
	char c;

	if (write(ask[1], &what, 1) != 1 || read(done[0], &c, 1) != 1)
		_exit(1);
}

/* ---- Tests ---- */

static void
test_attributes(void)
{
	struct stat before, st;

	put("f", "short");
	before = often("f");
	other('m');
	stat("f", &st);
	ok((st.st_mode & 07777) == 0600 && (before.st_mode & 07777) == 0644, "chmod");
	often("f");
	other('w');
	stat("f", &st);
	ok(st.st_size == 18 && strcmp(contents("f"), "longer than before") == 0, "a write and its size");
	often("f");
	other('t');
	stat("f", &st);
	ok(st.st_size == 1 && strcmp(contents("f"), "l") == 0, "truncate");
	often("f");
	other('u');
	stat("f", &st);
	ok(st.st_mtime == 2000 && st.st_atime == 1000, "utimes");
	often("f");
	other('l');
	stat("f", &st);
	ok(st.st_nlink == 2, "link");
	often("f");
	other('L');
	stat("f", &st);
	ok(st.st_nlink == 1, "unlink of another name");
	often(".");
	before = often(".");
	other('e');
	stat(".", &st);
	ok(st.st_nlink == before.st_nlink + 1, "mkdir in a directory");
}

static void
test_open_elsewhere(void)
{
	struct stat st;

	put("f", "before it was");
	other('o');
	often("f");
	other('i');
	ok(strcmp(contents("f"), "IN PLACEt was") == 0, "a write in place: %s", contents("f"));
	often("f");
	for (int i = 0; i < 8; i++)
		other('i');
	ok(strncmp(contents("f"), "IN PLACE", 8) == 0, "and more of them");
	often("f");
	other('g');
	stat("f", &st);
	ok(st.st_size == 101, "a write that makes it longer");
	often("f");
	other('M');
	ok(contents("f")[0] == 'Q', "a write through a mapping");
}

static void
test_names(void)
{
	struct stat before, st;

	put("f", "first");
	before = often("f");
	other('r');
	stat("f", &st);
	ok(st.st_ino != before.st_ino && strcmp(contents("f"), "replaced") == 0, "rename over it");
	often("f");
	other('d');
	fails(stat("f", &st), ENOENT);
	fails(open("f", O_RDONLY), ENOENT);
	often("f");
	other('c');
	ok(stat("f", &st) == 0 && strcmp(contents("f"), "again") == 0, "it is there again");
	put("g", "the target");
	symlink("f", "s");
	ok(often("s").st_ino == st.st_ino, "a link");
	other('s');
	ok(strcmp(contents("s"), "the target") == 0, "that leads elsewhere now");
	mkdir("dir", 0755);
	put("dir/x", "old dir");
	often("dir/x");
	other('D');
	ok(strcmp(contents("dir/x"), "new dir") == 0, "another directory in the place of the first");
}

static void
test_permissions(void)
{
	struct stat st;
	int status, to[2], from[2];
	char c = 'g';

	chmod(".", 0755);
	put("f", "open to all");
	put("dir/x", "in a directory");
	pipe(to);
	pipe(from);
	if (fork() == 0) {
		if (setuid(1234) < 0)
			_exit(1);
		often("f");
		often("dir/x");
		write(from[1], &c, 1);
		read(to[0], &c, 1);
		if (contents("f")[0] != '\0' || errno != EACCES)
			_exit(2);
		if (stat("dir/x", &st) == 0 || errno != EACCES || open("dir/x", O_RDONLY) >= 0)
			_exit(3);
		write(from[1], &c, 1);
		read(to[0], &c, 1);
		_exit(stat("dir/x", &st) == 0 ? 0 : 4);
	}
	read(from[0], &c, 1);
	other('p');
	other('X');
	write(to[1], &c, 1);
	read(from[0], &c, 1);
	other('x');
	write(to[1], &c, 1);
	wait(&status);
	ok(status == 0, "who may not any more (%#x)", status);
}

static void
test_own(void)
{
	struct stat st, before;
	struct timespec ms = { 0, 30000000 };
	char name[32];
	int fd, fd2, status;

	put("f", "mine");
	before = often("f");
	nanosleep(&ms, NULL);
	fd = open("f", O_RDWR);
	for (int i = 0; i < 6; i++)
		pwrite(fd, "MINE", 4, 0);
	stat("f", &st);
	ok(st.st_mtim.tv_sec > before.st_mtim.tv_sec || st.st_mtim.tv_nsec > before.st_mtim.tv_nsec, "the time of an own write");
	fchmod(fd, 0640);
	stat("f", &st);
	ok((st.st_mode & 07777) == 0640, "fchmod");
	ftruncate(fd, 2);
	stat("f", &st);
	ok(st.st_size == 2, "ftruncate");
	close(fd);

	put("f", "position");
	often("f");
	fd = open("f", O_RDONLY);
	fd2 = open("f", O_RDONLY);
	lseek(fd, 3, SEEK_SET);
	ok(lseek(fd2, 0, SEEK_CUR) == 0, "two opens have two positions");
	close(fd);
	close(fd2);
	fd = open("f", O_RDONLY);
	ok(lseek(fd, 0, SEEK_CUR) == 0 && fcntl(fd, F_GETFD) == 0, "an open begins at the start");
	fails(write(fd, "x", 1), EBADF);
	close(fd);
	fd = open("f", O_RDONLY | O_CLOEXEC);
	ok(fcntl(fd, F_GETFD) == FD_CLOEXEC, "and with flags of its own");
	close(fd);

	/* a lock goes with its close, and is nobody else's */
	fd = open("f", O_RDONLY);
	flock(fd, LOCK_EX);
	close(fd);
	fd = open("f", O_RDONLY);
	fd2 = open("f", O_RDONLY);
	returns(flock(fd, LOCK_EX | LOCK_NB), 0);
	fails(flock(fd2, LOCK_EX | LOCK_NB), EAGAIN);
	close(fd);
	returns(flock(fd2, LOCK_EX | LOCK_NB), 0);
	close(fd2);

	/* a child has none of it, and its parent keeps it */
	often("f");
	if (fork() == 0) {
		often("f");
		chdir("dir");
		_exit(strcmp(contents("x"), "in a directory") != 0);
	}
	wait(&status);
	ok(status == 0 && strcmp(contents("f"), "position") == 0, "a child and its parent");
	mkdir("d1", 0755);
	mkdir("d2", 0755);
	put("d1/same", "one");
	put("d2/same", "two");
	chdir("d1");
	often("same");
	chdir("../d2");
	ok(strcmp(contents("same"), "two") == 0, "the same name in another directory");
	chdir("..");
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "many%d", i);
		put(name, name);
		often(name);
	}
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "many%d", i);
		if (strcmp(contents(name), name) != 0)
			break;
	}
	ok(strcmp(readback, "many39") == 0, "forty names");
}

int
main(void)
{
	tap_begin();
	other_start();
	test_attributes();
	test_open_elsewhere();
	test_names();
	test_permissions();
	test_own();
	close(ask[1]);
	wait(NULL);
	return tap_end();
}
