/*
 * remote.c - file systems in another task than vfs: this one.
 *
 * "remote" is tmpfs again, so that everything that works in vfs's task must work by messages too, mapped files included; "words" is
 * the smallest file system of text files, as /proc is one.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <masix/abi.h>
#include <masix/mach.h>
#include <masix/pager.h>
#include <masix/pfs.h>
#include <masix/server.h>
#include "io.h"
#include "test.h"
#include "tmpfs.h"
#include "vfs.h"

/* ---- A file system of two text files ---- */

static char word[64] = "nothing";
static unsigned int prints;

#define SLOW_NS	50000000ull
static bool has_root, is_syncing;
static unsigned int slow_lookups, slow_without_root;

static kern_return_t
words_mount(struct pfs_volume *vol, const struct pfs_mount_args *args)
{
	struct pfs_node *root = calloc(1, sizeof(*root));

	(void)args;
	if (root == NULL)
		return MX_ENOMEM;
	pfs_node_init(root, vol, 1, MX_S_IFDIR | 0555);
	vol->pv_root = root;
	has_root = true;
	return KERN_SUCCESS;
}

/* Long enough that somebody comes meanwhile. */
static kern_return_t
words_sync(struct pfs_volume *vol)
{
	(void)vol;
	is_syncing = true;
	mx_sleep_ns(SLOW_NS / 2);
	is_syncing = false;
	return KERN_SUCCESS;
}

static kern_return_t
words_lookup(struct pfs_node *dir, const char *name, size_t len, int32_t who, struct pfs_node **out)
{
	bool is_word = len == 4 && memcmp(name, "word", 4) == 0, is_self = len == 4 && memcmp(name, "self", 4) == 0;

	if (len == 4 && memcmp(name, "slow", 4) == 0) {
		mx_sleep_ns(SLOW_NS);
		slow_lookups++;
		slow_without_root += !has_root;
	}
	if (!is_word && !is_self)
		return MX_ENOENT;
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return MX_ENOMEM;
	pfs_node_init(*out, dir->pn_volume, is_word ? 2 : 3 + (uint64_t)who, is_word ? MX_S_IFREG | 0644 : MX_S_IFLNK | 0777);
	return KERN_SUCCESS;
}

static kern_return_t
words_readdir(struct pfs_node *dir, uint64_t cookie, int32_t who, struct pfs_dirents *out)
{
	(void)dir;
	(void)who;
	if (cookie < 1 && !pfs_dirent_add(out, 2, 1, MX_S_IFREG, "word", 4))
		return KERN_SUCCESS;
	if (cookie < 2)
		(void)pfs_dirent_add(out, 3, 2, MX_S_IFLNK, "self", 4);	/* if it does not fit, the next call has it */
	return KERN_SUCCESS;
}

static kern_return_t
words_readlink(struct pfs_node *node, int32_t who, char *buf, size_t size, size_t *len)
{
	(void)node;
	*len = (size_t)snprintf(buf, size, "%d", (int)who);
	return KERN_SUCCESS;
}

static kern_return_t
words_text(struct pfs_node *node, struct pfs_text *text)
{
	(void)node;
	pfs_text_printf(text, "%s %u\n", word, ++prints);
	return KERN_SUCCESS;
}

static kern_return_t
words_write(struct pfs_node *node, uint32_t uid, const char *data, size_t len)
{
	(void)node;
	if (uid != 0 || len >= sizeof(word))
		return MX_EINVAL;
	memcpy(word, data, len);
	word[len] = '\0';
	return KERN_SUCCESS;
}

static void
words_release(struct pfs_node *node)
{
	has_root &= node != node->pn_volume->pv_root;
	free(node);
}

static const struct pfs_ops words_ops = {
	.po_name = "words", .po_cache = MX_CACHE_NONE, .po_mount = words_mount, .po_lookup = words_lookup,
	.po_readdir = words_readdir, .po_readlink = words_readlink, .po_text = words_text, .po_text_write = words_write,
	.po_release = words_release, .po_sync = words_sync,
};

/* Look up "slow" while the volume is being stored because it is unmounted. */
static void
slow_main(void *arg)
{
	struct mx_attr at;

	(void)arg;
	while (!is_syncing)
		mx_sleep_ns(1000000);
	(void)t_stat(ctx_root, "/mnt/slow", 0, &at);	/* it is not there; what counts is that its directory is */
}

static void
test_words(void)
{
	char buf[100];
	struct t_file f;
	struct mx_attr at;
	mach_msg_type_number_t n = sizeof(buf);

	tap_is(vfs_mount(ctx_root, 0, "/mnt", 4, "words", 5, "words", 5, 0, "", 0), KERN_SUCCESS, "words: mounted");
	tap_is(t_open(ctx_root, "/mnt/word", MX_O_RDWR, 0, &f), KERN_SUCCESS, "words: a text file opens");
	tap_ok(f.kind == MX_KIND_STREAM && (f.attr.at_mode & MX_S_IFMT) == MX_S_IFREG, "words: it is a stream that can seek");
	tap_ok(t_read(f.io, 0, buf, 7) == 7 && memcmp(buf, "nothing", 7) == 0, "words: it is printed");
	tap_ok(t_read(f.io, 8, buf, 10) == 2 && buf[0] == '1', "words: the rest is of the same printing");
	tap_is(t_write(f.io, 0, "hello", 5), KERN_SUCCESS, "words: it can be written");
	tap_ok(t_read(f.io, 0, buf, 20) == 8 && memcmp(buf, "hello 2\n", 8) == 0, "words: the beginning is printed anew");
	mx_port_release(f.io);
	tap_is(t_open(ctx_user, "/mnt/word", MX_O_RDWR, 0, &f), MX_EACCES, "words: permissions are vfs's");
	tap_ok(vfs_readlink(ctx_root, 42, MACH_PORT_NULL, "/mnt/self", 9, buf, &n) == KERN_SUCCESS && n == 2 &&
		memcmp(buf, "42", 2) == 0, "words: a link depends on who asks");
	tap_is(t_stat(ctx_root, "/mnt/none", 0, &at), MX_ENOENT, "words: other names are not there");
	tap_is(t_open(ctx_root, "/mnt/new", MX_O_CREAT | MX_O_RDWR, 0644, &f), MX_EPERM, "words: and cannot be made");
	mx_sleep_ns(50000000);
	tap_is(mx_fibril_start(slow_main, NULL, "slow"), KERN_SUCCESS, "words: somebody comes");
	tap_is(vfs_umount(ctx_root, 0, "/mnt", 4, 0), KERN_SUCCESS, "words: unmounted");
	tap_ok(slow_lookups == 1 && slow_without_root == 0 && !has_root, "words: after who was looking up there (%u, %u)", slow_lookups,
		slow_without_root);
}

/* ---- tmpfs by messages ---- */

static void
test_remote_names(void)
{
	struct mx_setattr set = { .sa_valid = MX_SET_MODE | MX_SET_SIZE, .sa_mode = 0600, .sa_size = 5 };
	char buf[100], path[MX_PATH_MAX];
	mach_msg_type_number_t n = sizeof(buf);
	struct mx_attr at, at2;
	struct t_file f, d;

	tap_is(vfs_mknod(ctx_root, 0, MACH_PORT_NULL, "/mnt/d", 6, MX_S_IFDIR | 0755, 0, 0), KERN_SUCCESS, "remote: mkdir");
	tap_is(t_open(ctx_root, "/mnt/d/f", MX_O_RDWR | MX_O_CREAT, 0644, &f), KERN_SUCCESS, "remote: create");
	tap_is(t_write(f.io, 0, "0123456789", 10), KERN_SUCCESS, "remote: write");
	tap_ok(t_stat(ctx_root, "/mnt/d/f", 0, &at) == KERN_SUCCESS && at.at_size == 10, "remote: stat sees it while it is open");
	tap_is(vfs_link(ctx_root, 0, MACH_PORT_NULL, "/mnt/d/f", 8, MACH_PORT_NULL, "/mnt/g", 6, 0), KERN_SUCCESS, "remote: link");
	tap_is(vfs_rename(ctx_root, 0, MACH_PORT_NULL, "/mnt/g", 6, MACH_PORT_NULL, "/mnt/d/h", 8, 0), KERN_SUCCESS, "remote: rename");
	tap_ok(t_stat(ctx_root, "/mnt/d/h", 0, &at2) == KERN_SUCCESS && at2.at_ino == at.at_ino && at2.at_nlink == 2,
		"remote: both names are one file");
	tap_is(vfs_symlink(ctx_root, 0, "d/h", 3, MACH_PORT_NULL, "/mnt/s", 6), KERN_SUCCESS, "remote: symlink");
	tap_is(vfs_setattr(ctx_root, 0, MACH_PORT_NULL, "/mnt/s", 6, 0, set), KERN_SUCCESS, "remote: set mode and size");
	tap_ok(t_stat(ctx_root, "/mnt/d/f", 0, &at) == KERN_SUCCESS && at.at_size == 5 && (at.at_mode & 07777) == 0600,
		"remote: both are set");
	tap_is(t_open(ctx_root, "/mnt/d", MX_O_RDONLY | MX_O_DIRECTORY, 0, &d), KERN_SUCCESS, "remote: a directory opens");
	tap_ok(io_getdents(d.io, 0, sizeof(buf), buf, &n) == KERN_SUCCESS && n == 24 * 2 + 24 * 2, "remote: and lists four names");
	mx_port_release(d.io);
	n = sizeof(path);
	tap_ok(vfs_path_of(ctx_root, f.io, path, &n) == KERN_SUCCESS && n == 8 && memcmp(path, "/mnt/d/", 7) == 0,
		"remote: an open file has a path");
	tap_is(vfs_unlink(ctx_root, 0, MACH_PORT_NULL, "/mnt/d", 6, MX_AT_REMOVEDIR), MX_ENOTEMPTY, "remote: rmdir of what is full");
	tap_is(vfs_unlink(ctx_root, 0, MACH_PORT_NULL, "/mnt/d/f", 8, 0), KERN_SUCCESS, "remote: unlink");
	tap_is(vfs_unlink(ctx_root, 0, MACH_PORT_NULL, "/mnt/d/h", 8, 0), KERN_SUCCESS, "remote: unlink the other");
	tap_is(vfs_unlink(ctx_root, 0, MACH_PORT_NULL, "/mnt/d", 6, MX_AT_REMOVEDIR), KERN_SUCCESS, "remote: rmdir");
	tap_is(vfs_rename(ctx_root, 0, MACH_PORT_NULL, "/mnt/s", 6, MACH_PORT_NULL, "/tmp/s", 6, 0), MX_EXDEV, "remote: another volume");
	tap_ok(t_read(f.io, 0, buf, 10) == 5 && memcmp(buf, "01234", 5) == 0, "remote: a removed file is read");
	mx_port_release(f.io);
}

void
test_remote(void)
{
	struct mx_statfs st;

	tap_is(mx_pager_start(), KERN_SUCCESS, "remote: a pager in this task");
	tmpfs_init(2000);
	if (pfs_server_register("pfs.remote", &tmpfs_ops) != KERN_SUCCESS ||
	    pfs_server_register("pfs.words", &words_ops) != KERN_SUCCESS ||
	    pfs_server_register("pfs.disk", &disk_ops) != KERN_SUCCESS) {
		tap_ok(false, "remote: registering");
		return;
	}
	tap_is(vfs_mount(ctx_root, 0, "/mnt", 4, "none", 4, "remote", 6, 0, "mode=0755", 9), KERN_SUCCESS, "remote: mounted");
	tap_ok(vfs_statfs(ctx_root, 0, MACH_PORT_NULL, "/mnt", 4, 0, &st) == KERN_SUCCESS && st.sf_blocks == 2000,
		"remote: statfs");
	test_remote_names();
	test_mapping("/mnt/map");
	mx_sleep_ns(100000000);
	tap_is(vfs_umount(ctx_root, 0, "/mnt", 4, 0), KERN_SUCCESS, "remote: unmounted");
	test_words();
	test_disk();
}
