/*
 * disk_tree.c - see disk_tree.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "pfs_world.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <masix/server.h>
#include "disk_tree.h"

int
tree_run(char *out, size_t size, const char *fmt, ...)
{
	static const char path[] = "PATH=$PATH:/sbin:/usr/sbin; export PATH; LC_ALL=C.UTF-8; export LC_ALL; exec 2>&1; ";
	char command[8192], rest[512];
	va_list ap;
	size_t n;
	FILE *f;
	int status;

	memcpy(command, path, sizeof(path));
	va_start(ap, fmt);
	vsnprintf(command + sizeof(path) - 1, sizeof(command) - sizeof(path), fmt, ap);
	va_end(ap);
	fflush(stdout);
	f = popen(command, "r");
	mx_assert(f != NULL);
	n = out != NULL ? fread(out, 1, size - 1, f) : 0;
	if (out != NULL)
		out[n] = '\0';
	while (fread(rest, 1, sizeof(rest), f) > 0)
		;
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

bool
tree_has(const char *program)
{
	return tree_run(NULL, 0, "command -v %s", program) == 0;
}

struct pfs_volume *
tree_mount(const struct pfs_ops *ops, unsigned int n, uint32_t flags, const char *options, kern_return_t *kr)
{
	char source[16];
	struct pfs_mount_args args = { source, 0, options, strlen(options), 0 };
	struct pfs_volume *vol = NULL;

	args.ma_source_len = (size_t)snprintf(source, sizeof(source), "blk:254:%u", n);
	*kr = pfs_volume_mount(ops, flags, &args, &vol);
	return *kr == KERN_SUCCESS ? vol : NULL;
}

struct pfs_node *
tree_walk(struct pfs_node *root, const char *path)
{
	struct pfs_node *node = root, *next;
	const char *end;
	kern_return_t kr;

	pfs_node_hold(node);
	for (; *path != '\0'; path = *end == '/' ? end + 1 : end) {
		end = strchr(path, '/');
		if (end == NULL)
			end = path + strlen(path);
		kr = pfs_node_lookup(node, 0, path, (size_t)(end - path), &next);
		pfs_node_release(node);
		if (kr != KERN_SUCCESS)
			return NULL;
		node = next;
	}
	return node;
}

uint8_t *
tree_read(struct pfs_node *node, size_t *size)
{
	uint8_t *buf;
	size_t done, at, n;

	*size = (size_t)node->pn_attr.at_size;
	buf = malloc(*size + 1);
	for (at = 0; at < *size; at += done) {
		n = *size - at < 50000 ? *size - at : 50000;
		if (pfs_node_read(node, at, buf + at, n, &done) != KERN_SUCCESS || done == 0) {
			free(buf);
			return NULL;
		}
	}
	return buf;
}

/* ---- Comparing ---- */

static void
file_compare(struct pfs_node *node, const char *path)
{
	size_t size, n;
	uint8_t *ours = tree_read(node, &size), *theirs = malloc(size + 1);
	FILE *f = fopen(path, "r");

	n = f != NULL ? fread(theirs, 1, size + 1, f) : 0;
	CHECK(f != NULL && ours != NULL && n == size && memcmp(ours, theirs, size) == 0);
	if (failures > 0 && (ours == NULL || n != size || memcmp(ours, theirs, size) != 0))
		printf("# %s\n", path);
	if (f != NULL)
		fclose(f);
	free(ours);
	free(theirs);
}

static void
link_compare(struct pfs_node *node, const char *path)
{
	char ours[4096], theirs[4096];
	size_t len = 0;
	ssize_t n = readlink(path, theirs, sizeof(theirs));

	CHECK(pfs_node_readlink(node, 0, ours, sizeof(ours), &len) == KERN_SUCCESS);
	CHECK(n >= 0 && (size_t)n == len && memcmp(ours, theirs, len) == 0);
}

static void
attr_compare(const struct mx_attr *at, const struct stat *st, unsigned int what, const char *path)
{
	unsigned int before = failures;

	CHECK((at->at_mode & MX_S_IFMT) == (st->st_mode & S_IFMT));
	CHECK(!(what & TREE_MODE) || (at->at_mode & 07777) == (st->st_mode & 07777));
	CHECK(!(what & TREE_OWNER) || (at->at_uid == st->st_uid && at->at_gid == st->st_gid));
	CHECK(!(what & TREE_NLINK) || S_ISDIR(st->st_mode) || at->at_nlink == st->st_nlink);
	CHECK(!(what & TREE_MTIME) || S_ISDIR(st->st_mode) || (at->at_mtime | 1) == (st->st_mtime | 1));
	CHECK(!S_ISREG(st->st_mode) || at->at_size == (uint64_t)st->st_size);
	if (failures != before)
		printf("# %s: mode %o/%o mtime %lld/%lld size %llu/%llu nlink %u/%u\n", path, at->at_mode, st->st_mode,
			(long long)at->at_mtime, (long long)st->st_mtime, (unsigned long long)at->at_size,
			(unsigned long long)st->st_size, at->at_nlink, (unsigned int)st->st_nlink);
}

static unsigned int
host_entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned int n = 0;

	mx_assert(d != NULL);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

/* Call FN for every entry of DIR, which is read with a small buffer, so that cookies are used. */
static unsigned int
entries(struct pfs_node *dir, bool (*fn)(void *arg, const struct mx_dirent *de), void *arg)
{
	uint64_t cookie = 0;
	unsigned int n = 0;
	char buf[700];
	size_t len, at;

	for (;;) {
		len = sizeof(buf);
		if (pfs_node_readdir(dir, cookie, 0, buf, &len) != KERN_SUCCESS || len == 0)
			return n;
		for (at = 0; at < len; n++) {
			const struct mx_dirent *de = (const struct mx_dirent *)(buf + at);

			if (!fn(arg, de))
				return n;
			cookie = de->de_cookie;
			at += de->de_reclen;
		}
	}
}

struct compare { struct pfs_node *dir; const char *path; unsigned int what, files; };

static bool
entry_compare(void *arg, const struct mx_dirent *de)
{
	struct compare *c = arg;
	struct pfs_node *node;
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%.*s", c->path, (int)de->de_namelen, de->de_name);
	CHECK(lstat(path, &st) == 0);
	if (lstat(path, &st) != 0) {
		printf("# %s\n", path);
		return true;
	}
	CHECK(pfs_node_lookup(c->dir, 0, de->de_name, de->de_namelen, &node) == KERN_SUCCESS);
	CHECK(pfs_node_getattr(node) == KERN_SUCCESS);
	CHECK(node->pn_attr.at_ino == de->de_ino && (de->de_type == 0 || de->de_type == MX_DT(node->pn_attr.at_mode)));
	attr_compare(&node->pn_attr, &st, c->what, path);
	c->files++;
	if (S_ISREG(st.st_mode))
		file_compare(node, path);
	else if (S_ISLNK(st.st_mode))
		link_compare(node, path);
	else if (S_ISDIR(st.st_mode))
		c->files += tree_compare(node, path, c->what);
	pfs_node_release(node);
	return true;
}

unsigned int
tree_compare(struct pfs_node *dir, const char *path, unsigned int what)
{
	struct compare c = { dir, path, what, 0 };
	unsigned int n = entries(dir, entry_compare, &c);

	CHECK(n == host_entries(path));
	if (n != host_entries(path))
		printf("# %s has %u entries, not %u\n", path, n, host_entries(path));
	return c.files;
}

/* ---- Looking ---- */

struct visit { struct pfs_node *dir; unsigned int left, depth; };

static bool
entry_visit(void *arg, const struct mx_dirent *de)
{
	struct visit *v = arg, below;
	struct pfs_node *node;
	char buf[4096];
	size_t n;

	if (v->left == 0)
		return false;
	v->left--;
	if (pfs_node_lookup(v->dir, 0, de->de_name, de->de_namelen, &node) != KERN_SUCCESS)
		return true;
	(void)pfs_node_getattr(node);
	switch (node->pn_attr.at_mode & MX_S_IFMT) {
	case MX_S_IFREG:
		(void)pfs_node_read(node, 0, buf, sizeof(buf), &n);
		(void)pfs_node_read(node, node->pn_attr.at_size / 2, buf, sizeof(buf), &n);
		if (node->pn_attr.at_size > 0)
			(void)pfs_node_read(node, node->pn_attr.at_size - 1, buf, sizeof(buf), &n);
		break;
	case MX_S_IFLNK:
		(void)pfs_node_readlink(node, 0, buf, sizeof(buf), &n);
		break;
	case MX_S_IFDIR:
		if (v->depth == 0)
			break;
		below = (struct visit){ node, v->left, v->depth - 1 };
		(void)entries(node, entry_visit, &below);
		v->left = below.left;
		break;
	}
	pfs_node_release(node);
	return true;
}

void
tree_visit(struct pfs_node *root, unsigned int limit)
{
	struct visit v = { root, limit, 12 };

	(void)entries(root, entry_visit, &v);
}

/* ---- Making ---- */

static char made[8][64];
static unsigned int nmade;

static void
made_remove(void)
{
	while (nmade > 0)
		(void)tree_run(NULL, 0, "rm -rf %s", made[--nmade]);
}

const char *
tree_temp(void)
{
	char *path = made[nmade];

	mx_assert(nmade < 8);
	if (nmade == 0)
		atexit(made_remove);
	strcpy(path, "/tmp/masix-tree-XXXXXX");
	mx_assert(mkdtemp(path) != NULL);
	nmade++;
	return path;
}

const char *
tree_make(bool links)
{
	const char *path = tree_temp();
	int status = tree_run(NULL, 0, "set -e; cd %s\n"
		"mkdir -p dir/sub/deeper 'with blank' many empty\n"
		"printf hello >hello.txt; : >zero; printf UP >UPPER.TXT\n"
		"head -c 511 /dev/urandom >dir/b511; head -c 512 /dev/urandom >dir/b512; head -c 513 /dev/urandom >dir/b513\n"
		"head -c 4096 /dev/urandom >dir/sub/page; head -c 300001 /dev/urandom >'dir/sub/a rather long name of a file.data'\n"
		"head -c 1500000 /dev/urandom >big; echo x >'with blank/.hidden'; echo y >'with blank/two.dots.c'\n"
		"printf u >'n\303\244me-\342\202\254-\360\237\230\200.txt'\n"
		"i=0; while [ $i -lt 200 ]; do echo $i >many/file-number-$i.txt; i=$((i + 1)); done\n"
		"printf long >$(printf %%0200d 7); chmod 755 hello.txt; chmod 640 zero\n"
		"touch -d '2001-02-03 04:05:06 UTC' hello.txt", path);

	mx_assert(status == 0);
	if (links)
		mx_assert(tree_run(NULL, 0, "cd %s && ln -s hello.txt link && ln -s $(printf %%0300d 1) dir/longlink && "
			"ln -s /a/../b/./c dir/path && ln big dir/hard && ln -s dir/sub 'with blank/up'", path) == 0);
	return path;
}
