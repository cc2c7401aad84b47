/*
 * test_ext2.c - ext2 and ext3 volumes: random operations, compared with a model of a tree, and what e2fsck says of the result.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <string.h>
#include "ext2_world.h"

/* ---- The model: a tree in memory ---- */

#define NODES		160u
#define SIZE_MAX_	300000u
#define FALLOC_PUNCH	3u

struct model {
	bool		used;
	uint32_t	mode, nlink, uid;
	uint32_t	size;
	uint8_t		*data;		/* a file's contents, a link's target */
	struct pfs_node	*held;		/* open, perhaps without a name */
	int64_t		mtime;
};

struct name { int dir, node; char text[40]; };	/* one entry */

static struct model nodes[NODES];	/* 0 is the root */
static struct name *names;
static unsigned int nnames, names_room;

static bool is_dir(int n) { return (nodes[n].mode & MX_S_IFMT) == MX_S_IFDIR; }
static bool is_file(int n) { return (nodes[n].mode & MX_S_IFMT) == MX_S_IFREG; }

static int
model_new(uint32_t mode)
{
	int i;

	for (i = 1; i < (int)NODES && nodes[i].used; i++)
		;
	if (i == (int)NODES)
		return -1;
	nodes[i] = (struct model){ .used = true, .mode = mode, .nlink = (mode & MX_S_IFMT) == MX_S_IFDIR ? 2 : 1 };
	if ((mode & MX_S_IFMT) == MX_S_IFREG)
		nodes[i].data = calloc(1, SIZE_MAX_ + 1);
	return i;
}

static void
model_gone(int n)
{
	if (nodes[n].nlink == 0 && nodes[n].held == NULL) {
		free(nodes[n].data);
		nodes[n] = (struct model){ .used = false };
	}
}

static int
name_find(int dir, const char *text)
{
	unsigned int i;

	for (i = 0; i < nnames; i++)
		if (names[i].dir == dir && strcmp(names[i].text, text) == 0)
			return (int)i;
	return -1;
}

static void
name_add(int dir, const char *text, int node)
{
	if (nnames == names_room) {
		names_room = names_room * 2 + 64;
		names = realloc(names, names_room * sizeof(*names));
	}
	names[nnames].dir = dir;
	names[nnames].node = node;
	snprintf(names[nnames++].text, sizeof(names[0].text), "%s", text);
	if (is_dir(node))
		nodes[dir].nlink++;
}

static void
name_remove(int i)
{
	if (is_dir(names[i].node))
		nodes[names[i].dir].nlink--;
	names[i] = names[--nnames];
}

static bool
dir_has_names(int dir)
{
	unsigned int i;

	for (i = 0; i < nnames; i++)
		if (names[i].dir == dir)
			return true;
	return false;
}

static int
parent_of(int dir)
{
	unsigned int i;

	for (i = 0; i < nnames; i++)
		if (names[i].node == dir)
			return names[i].dir;
	return -1;
}

static bool
is_below(int node, int dir)
{
	for (; node >= 0; node = parent_of(node))
		if (node == dir)
			return true;
	return false;
}

/* ---- Reaching the real ones ---- */

static struct pfs_node *
real_dir(int dir)
{
	struct pfs_node *parent, *node = NULL;
	unsigned int i;

	if (dir == 0) {
		pfs_node_hold(vol->pv_root);
		return vol->pv_root;
	}
	for (i = 0; i < nnames && names[i].node != dir; i++)
		;
	mx_assert(i < nnames);
	parent = real_dir(names[i].dir);
	CHECK(pfs_node_lookup(parent, 0, names[i].text, strlen(names[i].text), &node) == KERN_SUCCESS);
	pfs_node_release(parent);
	return node;
}

static struct pfs_node *
real_name(int i)
{
	struct pfs_node *dir = real_dir(names[i].dir), *node = NULL;
	kern_return_t kr;

	kr = pfs_node_lookup(dir, 0, names[i].text, strlen(names[i].text), &node);
	if (kr != KERN_SUCCESS)
		printf("# looking up %s: error %d\n", names[i].text, MX_ERRNO(kr));
	CHECK(kr == KERN_SUCCESS);
	pfs_node_release(dir);
	return node;
}

/* Some file that can be reached, by a name or because it is held; a reference. -1: none. */
static int
some_file(struct pfs_node **out)
{
	unsigned int tries;
	int i, n;

	for (tries = 0; tries < 20; tries++) {
		n = (int)rnd(NODES);
		if (nodes[n].used && nodes[n].held != NULL) {
			pfs_node_hold(*out = nodes[n].held);
			return n;
		}
		i = nnames > 0 ? (int)rnd(nnames) : -1;
		if (i >= 0 && is_file(names[i].node)) {
			*out = real_name(i);
			return *out != NULL ? names[i].node : -1;
		}
	}
	return -1;
}

static int
some_dir(void)
{
	unsigned int i = nnames > 0 ? rnd(nnames) : 0;

	return nnames > 0 && is_dir(names[i].node) ? names[i].node : 0;
}

static void
some_name(char *text)
{
	unsigned int n = rnd(60);

	snprintf(text, 40, n % 7 == 0 ? "a-rather-long-name-of-a-file-%03u" : "n%u", n);
}

/* ---- Operations ---- */

static void
op_make(void)
{
	static const uint32_t modes[] = { MX_S_IFREG | 0644, MX_S_IFREG | 0600, MX_S_IFDIR | 0755, MX_S_IFLNK | 0777, MX_S_IFCHR | 0600,
		MX_S_IFIFO | 0600, MX_S_IFREG | 0644 };
	char text[40], target[200];
	uint32_t mode = modes[rnd(sizeof(modes) / sizeof(modes[0]))], len = rnd(3) ? rnd(50) + 1 : rnd(190) + 1;
	struct pfs_new what = { .nw_mode = mode, .nw_uid = rnd(3) * 70000 };
	int dir = some_dir(), n;
	struct pfs_node *rd = real_dir(dir), *node = NULL;
	kern_return_t kr;

	some_name(text);
	memset(target, 't', sizeof(target));
	if ((mode & MX_S_IFMT) == MX_S_IFLNK) {
		what.nw_target = target;
		what.nw_target_len = len;
	}
	if ((mode & MX_S_IFMT) == MX_S_IFCHR) {
		what.nw_rdev_major = rnd(2) ? 5 : 700;
		what.nw_rdev_minor = rnd(2) ? 7 : 70000;
	}
	kr = name_find(dir, text) >= 0 ? MX_EEXIST : KERN_SUCCESS;
	n = kr == KERN_SUCCESS ? model_new(mode) : -1;
	if (kr != KERN_SUCCESS || n >= 0) {
		CHECK(pfs_node_create(rd, text, strlen(text), &what, &node) == kr);
		if (kr == KERN_SUCCESS) {
			nodes[n].uid = what.nw_uid;
			if (what.nw_target != NULL) {
				nodes[n].size = len;
				nodes[n].data = malloc(len);
				memcpy(nodes[n].data, target, len);
			}
			name_add(dir, text, n);
			CHECK(node->pn_attr.at_rdev_major == what.nw_rdev_major && node->pn_attr.at_rdev_minor == what.nw_rdev_minor);
			pfs_node_release(node);
		}
	}
	pfs_node_release(rd);
}

static void
op_link(void)
{
	struct pfs_node *node, *rd;
	char text[40];
	int dir = some_dir(), i = nnames > 0 ? (int)rnd(nnames) : -1;
	kern_return_t kr;

	if (i < 0 || is_dir(names[i].node))
		return;
	some_name(text);
	node = real_name(i);
	rd = real_dir(dir);
	kr = name_find(dir, text) >= 0 ? MX_EEXIST : KERN_SUCCESS;
	CHECK(pfs_node_link(rd, text, strlen(text), node) == kr);
	if (kr == KERN_SUCCESS) {
		name_add(dir, text, names[i].node);
		nodes[names[i].node].nlink++;
	}
	pfs_node_release(node);
	pfs_node_release(rd);
}

static void
op_unlink(void)
{
	int i = nnames > 0 ? (int)rnd(nnames) : -1, n;
	struct pfs_node *rd;
	bool rmdir = rnd(2) != 0;
	kern_return_t kr = KERN_SUCCESS;

	if (i < 0)
		return;
	n = names[i].node;
	rd = real_dir(names[i].dir);
	if (is_dir(n) != rmdir)
		kr = rmdir ? MX_ENOTDIR : MX_EISDIR;
	else if (rmdir && dir_has_names(n))
		kr = MX_ENOTEMPTY;
	if (is_file(n) && nodes[n].held == NULL && rnd(4) == 0)
		nodes[n].held = real_name(i);
	CHECK(pfs_node_unlink(rd, names[i].text, strlen(names[i].text), rmdir) == kr);
	pfs_node_release(rd);
	if (kr != KERN_SUCCESS)
		return;
	name_remove(i);
	nodes[n].nlink = is_dir(n) ? 0 : nodes[n].nlink - 1;
	model_gone(n);
}

static kern_return_t
rename_expect(int i, int j, int dir, uint32_t flags)
{
	int n1 = names[i].node, n2 = j >= 0 ? names[j].node : -1;

	if (flags == 2)
		return n2 < 0 ? MX_ENOENT : KERN_SUCCESS;
	if (n2 < 0)
		return KERN_SUCCESS;
	(void)dir;
	if (flags == 1)
		return MX_EEXIST;
	if (n1 == n2)
		return KERN_SUCCESS;
	if (is_dir(n1) && !is_dir(n2))
		return MX_ENOTDIR;
	if (!is_dir(n1) && is_dir(n2))
		return MX_EISDIR;
	return is_dir(n2) && dir_has_names(n2) ? MX_ENOTEMPTY : KERN_SUCCESS;
}

static void
op_rename(void)
{
	int i = nnames > 0 ? (int)rnd(nnames) : -1, dir = some_dir(), dir1, j, n1, n2;
	uint32_t flags = rnd(4) == 0 ? 1 + rnd(2) : 0;
	struct pfs_node *rd1, *rd2;
	char text[40], old[40];
	kern_return_t kr, real;

	if (i < 0)
		return;
	some_name(text);
	j = name_find(dir, text);
	n1 = names[i].node;
	dir1 = names[i].dir;
	n2 = j >= 0 ? names[j].node : -1;
	if (is_below(dir, n1) || (n2 >= 0 && is_below(names[i].dir, n2)))
		return;				/* vfs does not let it happen */
	kr = rename_expect(i, j, dir, flags);
	rd1 = real_dir(names[i].dir);
	rd2 = real_dir(dir);
	snprintf(old, sizeof(old), "%s", names[i].text);
	real = pfs_node_rename(rd1, old, strlen(old), rd2, text, strlen(text), flags);
	CHECK(real == kr);
	pfs_node_release(rd1);
	pfs_node_release(rd2);
	if (kr != KERN_SUCCESS || n1 == n2)
		return;
	if (flags == 2) {
		nodes[names[i].dir].nlink += (uint32_t)is_dir(n2) - (uint32_t)is_dir(n1);
		nodes[dir].nlink += (uint32_t)is_dir(n1) - (uint32_t)is_dir(n2);
		names[i].node = n2;
		names[j].node = n1;
		return;
	}
	if (j >= 0) {
		name_remove(j);
		nodes[n2].nlink = is_dir(n2) ? 0 : nodes[n2].nlink - 1;
		model_gone(n2);
	}
	name_remove(name_find(dir1, old));
	name_add(dir, text, n1);
}

static void
op_write(void)
{
	static uint8_t data[50000];
	struct pfs_node *node;
	int n = some_file(&node);
	uint32_t len = 1 + rnd(rnd(3) ? 3000 : sizeof(data) - 1), at;
	uint8_t byte = (uint8_t)(1 + rnd(255));

	if (n < 0)
		return;
	at = rnd(3) ? nodes[n].size : rnd(SIZE_MAX_);
	if (at + len > SIZE_MAX_)
		at = SIZE_MAX_ - len;
	for (uint32_t i = 0; i < len; i++)
		data[i] = byte++;
	if (rnd(4) == 0)		/* somebody will append, perhaps */
		CHECK(ext2_ops.po_reserve(node, nodes[n].size, 1 + rnd(200000)) == KERN_SUCCESS);
	file_write(node, at, data, len);
	if (rnd(8) == 0)
		CHECK(ext2_ops.po_reserve(node, 0, 0) == KERN_SUCCESS);
	memcpy(nodes[n].data + at, data, len);
	if (at + len > nodes[n].size)
		nodes[n].size = at + len;
	pfs_node_release(node);
}

static void
op_truncate(void)
{
	struct pfs_node *node;
	int n = some_file(&node);
	uint32_t size = rnd(3) ? rnd(SIZE_MAX_) : rnd(9000);

	if (n < 0)
		return;
	if (rnd(5) == 0)
		size = 0;
	CHECK(pfs_node_truncate(node, size) == KERN_SUCCESS);
	if (size < nodes[n].size)
		memset(nodes[n].data + size, 0, nodes[n].size - size);
	nodes[n].size = size;
	pfs_node_release(node);
}

static void
op_allocate(void)
{
	struct pfs_node *node;
	int n = some_file(&node);
	uint32_t at = rnd(SIZE_MAX_), len = 1 + rnd(60000), mode = rnd(2) ? FALLOC_PUNCH : (rnd(2) ? 0 : 0x10) | rnd(2);
	kern_return_t kr;

	if (n < 0)
		return;
	if (rnd(3) == 0 && nodes[n].size < SIZE_MAX_)
		at = nodes[n].size - (nodes[n].size > 0);
	if (at + len > SIZE_MAX_)
		len = SIZE_MAX_ - at;
	if (rnd(3) == 0)
		len = 1 + rnd(len < 300 ? len : 300);
	kr = ext2_ops.po_allocate(node, mode, at, len);
	CHECK(kr == KERN_SUCCESS || ((mode & 1) && mode != FALLOC_PUNCH && kr == MX_EOPNOTSUPP && at + len > nodes[n].size));
	if ((mode & 1) == 0 && at + len > nodes[n].size)
		nodes[n].size = at + len;
	if ((mode & ~1u) != 0 && at < nodes[n].size)
		memset(nodes[n].data + at, 0, at + len < nodes[n].size ? len : nodes[n].size - at);
	CHECK(node->pn_attr.at_size == nodes[n].size);
	pfs_node_release(node);
}

static void
op_setattr(void)
{
	struct pfs_node *node;
	int n = some_file(&node);
	struct mx_setattr set = { .sa_valid = MX_SET_MODE | MX_SET_MTIME, .sa_mode = rnd(2) ? 0640 : 04711, .sa_mtime = 1000 + rnd(100000),
		.sa_mtime_ns = 5 };

	if (n < 0)
		return;
	if (rnd(8) == 0)
		set.sa_mtime += INT64_C(0x100000000);
	CHECK(pfs_node_setattr(node, &set) == KERN_SUCCESS);
	nodes[n].mode = MX_S_IFREG | set.sa_mode;
	pfs_node_release(node);
}

/* That attributes are right is test_ext2_xattr's matter; here they are in the way of everything else. */
static void
op_attribute(void)
{
	static const char *const names_[] = { "user.a", "trusted.attribute" };
	static uint8_t value[MX_DATA_MAX], back[MX_DATA_MAX];
	struct pfs_node *node;
	int n = some_file(&node);
	const char *name = names_[rnd(2)];
	size_t size = rnd(2) ? rnd(30) : 100 + rnd(4) * 200, got;
	kern_return_t kr;

	if (n < 0)
		return;
	memset(value, n, size);
	kr = pfs_node_setxattr(node, name, strlen(name), value, size, rnd(5) ? 0 : MX_XATTR_REMOVE);
	CHECK(kr == KERN_SUCCESS || kr == MX_ENODATA || kr == MX_ENOSPC || kr == MX_EOPNOTSUPP);
	if (pfs_node_getxattr(node, name, strlen(name), back, &got) == KERN_SUCCESS && kr == KERN_SUCCESS)
		CHECK(got == size && memcmp(value, back, size) == 0);
	pfs_node_release(node);
}

static void
op_forget(void)
{
	unsigned int n = rnd(NODES);

	if (!nodes[n].used || nodes[n].held == NULL)
		return;
	pfs_node_release(nodes[n].held);
	nodes[n].held = NULL;
	model_gone((int)n);
}

static void
op_sync(void)
{
	struct pfs_node *node;
	int n;

	switch (rnd(4)) {
	case 0:
		CHECK(pfs_volume_sync(vol) == KERN_SUCCESS);
		break;
	case 1:
		volume_rest(true);
		break;
	case 2:
		volume_rest(false);
		break;
	default:
		n = some_file(&node);
		if (n < 0)
			return;
		CHECK(ext2_ops.po_fsync(node, rnd(2) != 0) == KERN_SUCCESS);
		pfs_node_release(node);
	}
}

/* ---- Comparing ---- */

static void
compare_node(int n, struct pfs_node *node)
{
	static uint8_t data[SIZE_MAX_ + 1];
	size_t done = 0;

	CHECK(node->pn_attr.at_mode == nodes[n].mode);
	CHECK(node->pn_attr.at_nlink == nodes[n].nlink);
	CHECK(node->pn_attr.at_uid == nodes[n].uid);
	if (is_file(n)) {
		CHECK(node->pn_attr.at_size == nodes[n].size);
		CHECK(pfs_node_read(node, 0, data, sizeof(data), &done) == KERN_SUCCESS && done == nodes[n].size);
		CHECK(memcmp(data, nodes[n].data, nodes[n].size) == 0);
	} else if ((nodes[n].mode & MX_S_IFMT) == MX_S_IFLNK) {
		CHECK(pfs_node_readlink(node, 0, (char *)data, sizeof(data), &done) == KERN_SUCCESS);
		CHECK(done == nodes[n].size && memcmp(data, nodes[n].data, done) == 0);
	}
}

/* Where there is no data by SEEK_DATA, there are zeros. */
static void
compare_holes(int n, struct pfs_node *node)
{
	uint64_t at = 0, data, i;

	while (at < nodes[n].size) {
		data = at;
		if (ext2_ops.po_seek(node, true, &data) != KERN_SUCCESS)
			data = nodes[n].size;
		for (i = at; i < data; i++)
			if (nodes[n].data[i] != 0)
				break;
		CHECK(i == data);
		if (data >= nodes[n].size)
			return;
		at = data;
		CHECK(ext2_ops.po_seek(node, false, &at) == KERN_SUCCESS && at > data);
	}
}

struct listing { int dir; unsigned int n; };

static void
compare_entry(const struct mx_dirent *de, void *arg)
{
	struct listing *li = arg;
	char text[256];
	int i;

	memcpy(text, de->de_name, de->de_namelen);
	text[de->de_namelen] = '\0';
	i = name_find(li->dir, text);
	if (i < 0 && li->dir == 0 && strcmp(text, "lost+found") == 0)
		return;
	CHECK(i >= 0);
	if (i >= 0)
		CHECK(de->de_type == 0 || de->de_type == MX_DT(nodes[names[i].node].mode));
	li->n++;
}

static void
compare_dir(int dir)
{
	struct pfs_node *node = real_dir(dir);
	struct listing li = { dir, 0 };
	unsigned int i, n = 0;

	for (i = 0; i < nnames; i++)
		n += names[i].dir == dir;
	dir_list(node, rnd(2) ? 400 : 8192, compare_entry, &li);
	CHECK(li.n == n);
	CHECK(node->pn_attr.at_nlink == nodes[dir].nlink + (dir == 0));	/* lost+found */
	pfs_node_release(node);
}

static void
compare_all(void)
{
	struct pfs_node *node;
	unsigned int i;

	compare_dir(0);
	for (i = 0; i < nnames; i++) {
		node = real_name((int)i);
		if (node == NULL)
			continue;
		compare_node(names[i].node, node);
		if (is_file(names[i].node))
			compare_holes(names[i].node, node);
		pfs_node_release(node);
		if (is_dir(names[i].node))
			compare_dir(names[i].node);
	}
}

static void
model_begin(void)
{
	memset(nodes, 0, sizeof(nodes));
	nodes[0] = (struct model){ .used = true, .mode = MX_S_IFDIR | 0755, .nlink = 2 };
	nnames = 0;
}

static void
model_end(void)
{
	unsigned int i;

	for (i = 0; i < NODES; i++)
		free(nodes[i].data);
	free(names);
	names = NULL;
	nnames = names_room = 0;
}

static void
held_forget(void)
{
	unsigned int i;

	for (i = 0; i < NODES; i++) {
		if (nodes[i].held == NULL)
			continue;
		pfs_node_release(nodes[i].held);
		nodes[i].held = NULL;
		model_gone((int)i);
	}
}

static void
random_operation(void)
{
	static void (*const ops[])(void) = { op_make, op_make, op_make, op_link, op_unlink, op_unlink, op_rename, op_rename, op_write,
		op_write, op_write, op_truncate, op_allocate, op_setattr, op_attribute, op_forget, op_sync };

	ops[rnd(sizeof(ops) / sizeof(ops[0]))]();
}

static void
test_random(const char *what, const char *mke2fs, unsigned int rounds, unsigned int steps)
{
	unsigned int live = world_live, i, k;
	char text[200];

	disk_make(DISK, 24 * 1024, mke2fs);
	model_begin();
	for (i = 0; i < rounds; i++) {
		pfs_store_lazy = rnd(3) == 0 ? 0 : rnd(200);
		pfs_store_cluster = 1 + rnd(32);
		volume_mount(DISK);
		compare_all();
		for (k = 0; k < steps; k++)
			random_operation();
		compare_all();
		held_forget();
		volume_unmount();
		disk_check(DISK, what);
		if (failures > 0)
			break;
	}
	model_end();
	blk_file_close(DISK);
	CHECK(world_live == live);
	snprintf(text, sizeof(text), "random operations, e2fsck finds nothing: %s", what);
	tap(text);
}

int
main(int argc, char **argv)
{
	static const struct { const char *what, *mke2fs; } kinds[] = {
		{ "ext3, blocks of 1 KiB", "-t ext3 -b 1024 -J size=1" },
		{ "ext3, blocks of 4 KiB", "-t ext3 -b 4096 -J size=4" },
		{ "ext2, blocks of 1 KiB, small inodes", "-t ext2 -b 1024 -I 128" },
		{ "ext2, blocks of 2 KiB", "-t ext2 -b 2048" },
		{ "ext2, blocks of 4 KiB", "-t ext2 -b 4096" },
		{ "ext2, revision 0", "-t ext2 -r 0 -b 1024" },
		{ "ext2, no features", "-t ext2 -O none -b 1024" },
		{ "ext3, small groups", "-t ext3 -b 1024 -g 1024 -J size=1" },
	};
	unsigned int i, steps = argc > 1 ? (unsigned int)atoi(argv[1]) : 400;

	rnd_state = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		test_random(kinds[i].what, kinds[i].mke2fs, 4, steps);
	return tap_end();
}
