/*
 * init_added.c - the files that `masix exec --add` brings, when the root directory is on a disk.
 *
 * vfs shows their archive as a directory of its own. They are copied to where they belong, over what is there, as they would lie
 * over the boot archive: the disk of exec is thrown away anyway. Directories that exist keep their owners and modes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "init_added.h"

static char from[PATH_MAX], to[PATH_MAX];	/* the paths at hand; directories are gone into by making both longer */

static int tree_copy(void);

static int
contents_copy(int in, int out)
{
	static char data[65536];
	ssize_t n;

	while ((n = read(in, data, sizeof data)) > 0)
		for (ssize_t done = 0, m; done < n; done += m) {
			m = write(out, data + done, (size_t)(n - done));
			if (m < 0)
				return -1;
		}
	return (int)n;
}

static int
file_copy(const struct stat *st)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out, result, why;

	if (in < 0)
		return -1;
	(void)unlink(to);		/* what is wrong with it shows in open */
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	result = out < 0 ? -1 : contents_copy(in, out);
	if (result == 0 && (fchown(out, st->st_uid, st->st_gid) < 0 || fchmod(out, st->st_mode & 07777) < 0))
		result = -1;
	why = errno;
	close(in);
	if (out >= 0)
		close(out);
	errno = why;
	return result;
}

static int
link_copy(void)
{
	char target[PATH_MAX];
	ssize_t n = readlink(from, target, sizeof target - 1);

	if (n < 0)
		return -1;
	target[n] = '\0';
	(void)unlink(to);
	return symlink(target, to);
}

static int
directory_copy(const struct stat *st)
{
	struct stat there;

	if (stat(to, &there) < 0) {
		if (mkdir(to, 0700) < 0 || chown(to, st->st_uid, st->st_gid) < 0 || chmod(to, st->st_mode & 07777) < 0)
			return -1;
	} else if (!S_ISDIR(there.st_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	return tree_copy();
}

static int
entry_copy(void)
{
	struct stat st;

	if (lstat(from, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return directory_copy(&st);
	return S_ISLNK(st.st_mode) ? link_copy() : file_copy(&st);
}

/* Copy what is in directory FROM into directory TO. What cannot be copied is said, and the rest goes on. */
static int
tree_copy(void)
{
	size_t from_len = strlen(from), to_len = strlen(to);
	DIR *dir = opendir(from);
	struct dirent *de;

	if (dir == NULL)
		return -1;
	while ((de = readdir(dir)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (from_len + strlen(de->d_name) + 2 > sizeof from)
			continue;	/* no archive has such names */
		sprintf(from + from_len, "/%s", de->d_name);
		sprintf(to + to_len, "/%s", de->d_name);
		if (entry_copy() < 0)
			fprintf(stderr, "init: cannot add %s: %s\n", to, strerror(errno));
		from[from_len] = to[to_len] = '\0';
	}
	closedir(dir);
	return 0;
}

void
added_copy(const char *where)
{
	strcpy(from, where);
	to[0] = '\0';			/* the root directory, without its slash */
	if (access(where, F_OK) < 0)
		return;
	if (tree_copy() < 0)
		fprintf(stderr, "init: cannot add the files of %s: %s\n", where, strerror(errno));
	if (umount(where) < 0 || rmdir(where) < 0)
		fprintf(stderr, "init: %s stays: %s\n", where, strerror(errno));
}
