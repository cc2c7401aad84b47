/*
 * test_ext2_xattr.c - extended attributes of ext2: against a model and e2fsck, shared blocks, and those that e2fsprogs makes and reads.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <string.h>
#include "ext2_world.h"

#define FILES	10u
#define NAMES	9u
#define VALUE_MAX_ 3000u

static char names[NAMES][256] = { "user.a", "user.b", "user.somewhat-longer", "trusted.t", "security.s", "user.z", "user.of-sixteen-byte" };
static struct { int size; uint8_t byte; } model[FILES][NAMES];	/* size -1: none */
static struct pfs_node *files[FILES];

static void
names_init(void)
{
	snprintf(names[7], sizeof(names[7]), "user.%0250d", 7);
	snprintf(names[8], sizeof(names[8]), "trusted.%040d", 8);
}

static kern_return_t
xset(struct pfs_node *node, const char *name, const void *value, size_t size, uint32_t how)
{
	return pfs_node_setxattr(node, name, strlen(name), value, size, how);
}

/* Has NODE the attribute with SIZE bytes that count from BYTE on? SIZE -1: not at all. */
static void
expect(struct pfs_node *node, const char *name, int size, uint8_t byte)
{
	static uint8_t value[MX_DATA_MAX];
	size_t n = 0, i;
	kern_return_t kr = pfs_node_getxattr(node, name, strlen(name), value, &n);

	CHECK(kr == (size < 0 ? MX_ENODATA : KERN_SUCCESS));
	if (kr != KERN_SUCCESS)
		return;
	CHECK(n == (size_t)size);
	for (i = 0; i < n && value[i] == (uint8_t)(byte + i); i++)
		;
	CHECK(i == n);
}

static kern_return_t
give(struct pfs_node *node, const char *name, size_t size, uint8_t byte, uint32_t how)
{
	static uint8_t value[VALUE_MAX_];
	size_t i;

	for (i = 0; i < size; i++)
		value[i] = (uint8_t)(byte + i);
	return xset(node, name, value, size, how);
}

/* ---- Against a model ---- */

static void
compare(void)
{
	static char list[MX_DATA_MAX];
	unsigned int f, n, is, want;
	size_t len, at;

	for (f = 0; f < FILES; f++) {
		for (n = want = 0; n < NAMES; n++) {
			expect(files[f], names[n], model[f][n].size, model[f][n].byte);
			want += model[f][n].size >= 0;
		}
		CHECK(pfs_node_listxattr(files[f], list, &len) == KERN_SUCCESS);
		for (at = is = 0; at < len; at += strlen(list + at) + 1, is++) {
			for (n = 0; n < NAMES && strcmp(names[n], list + at) != 0; n++)
				;
			CHECK(n < NAMES && model[f][n].size >= 0);
		}
		CHECK(is == want);
	}
}

static void
op_set(unsigned int f)
{
	unsigned int n = rnd(NAMES), size = rnd(3) ? rnd(40) : rnd(VALUE_MAX_);
	uint32_t how = rnd(5) ? 0 : 1 + rnd(2);
	uint8_t byte = (uint8_t)rnd(3);
	bool is = model[f][n].size >= 0;
	kern_return_t kr = give(files[f], names[n], size, byte, how);

	if (how == MX_XATTR_CREATE && is)
		CHECK(kr == MX_EEXIST);
	else if (how == MX_XATTR_REPLACE && !is)
		CHECK(kr == MX_ENODATA);
	else
		CHECK(kr == KERN_SUCCESS || kr == MX_ENOSPC);
	if (kr == KERN_SUCCESS) {
		model[f][n].size = (int)size;
		model[f][n].byte = byte;
	}
}

static void
op_remove(unsigned int f)
{
	unsigned int n = rnd(NAMES);

	CHECK(xset(files[f], names[n], NULL, 0, MX_XATTR_REMOVE) == (model[f][n].size >= 0 ? KERN_SUCCESS : MX_ENODATA));
	model[f][n].size = -1;
}

static void
file_name(char *text, unsigned int f)
{
	snprintf(text, 16, "f%u", f);
}

static void
file_make(unsigned int f)
{
	static const char target[] = "a-target-that-is-too-long-for-the-inode-and-so-has-a-block-of-its-own";
	char text[16];
	unsigned int n;

	file_name(text, f);
	files[f] = f % 4 == 3 ? node_make(vol->pv_root, text, MX_S_IFLNK | 0777, f % 8 == 3 ? "short" : target) :
		node_make(vol->pv_root, text, f % 4 == 2 ? MX_S_IFDIR | 0755 : MX_S_IFREG | 0644, NULL);
	for (n = 0; n < NAMES; n++)
		model[f][n].size = -1;
}

static void
op_again(unsigned int f)
{
	char text[16];

	file_name(text, f);
	CHECK(pfs_node_unlink(vol->pv_root, text, strlen(text), f % 4 == 2) == KERN_SUCCESS);
	pfs_node_release(files[f]);
	if (rnd(2))
		volume_rest(rnd(2) != 0);
	file_make(f);
}

/* Two files get the same. */
static void
op_same(unsigned int f)
{
	unsigned int g = (f + 1) % FILES, n, k, size = 300 + rnd(500);

	for (k = 0; k < 2; k++, f = g) {
		for (n = 0; n < NAMES; n++) {
			(void)xset(files[f], names[n], NULL, 0, MX_XATTR_REMOVE);
			model[f][n].size = -1;
		}
		CHECK(give(files[f], names[0], size, 9, 0) == KERN_SUCCESS);
		model[f][0].size = (int)size;
		model[f][0].byte = 9;
	}
}

static void
files_get(void)
{
	char text[16];
	unsigned int f;

	for (f = 0; f < FILES; f++) {
		file_name(text, f);
		files[f] = node_at(text);
		CHECK(files[f] != NULL);
	}
}

static void
files_put(void)
{
	unsigned int f;

	for (f = 0; f < FILES; f++)
		pfs_node_release(files[f]);
}

static void
test_random(const char *mke2fs)
{
	unsigned int live = world_live, round, i, f;
	char text[200];

	disk_make(DISK, 24 * 1024, mke2fs);
	volume_mount(DISK);
	for (f = 0; f < FILES; f++)
		file_make(f);
	for (round = 0; round < 12 && failures == 0; round++) {
		for (i = 0; i < 120; i++) {
			static void (*const ops[])(unsigned int) = { op_set, op_set, op_set, op_set, op_set, op_set, op_remove, op_remove,
				op_same, op_again };

			ops[rnd(rnd(3) ? 8 : 10)](rnd(FILES));
			if (rnd(20) == 0)
				volume_rest(true);
		}
		compare();
		files_put();
		volume_unmount();
		disk_check(DISK, mke2fs);
		volume_mount(DISK);
		files_get();
		compare();
	}
	files_put();
	volume_unmount();
	blk_file_close(DISK);
	CHECK(world_live == live);
	snprintf(text, sizeof(text), "attributes against a model, e2fsck finds nothing: %s", mke2fs);
	tap(text);
}

/* ---- Blocks that are shared ---- */

static uint64_t
block_of(unsigned int f)
{
	return ext2_node_of(files[f])->en_file_acl;
}

static void
test_shared(void)
{
	struct mx_statfs before, after;
	unsigned int f;
	char text[16];
	size_t n;

	disk_make(DISK, 8 * 1024, "-t ext3 -b 1024 -J size=1 -I 128");
	volume_mount(DISK);
	for (f = 0; f < 4; f++)
		file_make(f);
	CHECK(pfs_volume_sync(vol) == KERN_SUCCESS && pfs_volume_statfs(vol, &before) == KERN_SUCCESS);
	for (f = 0; f < 4; f++)
		CHECK(give(files[f], "user.a", 500, 1, 0) == KERN_SUCCESS);
	CHECK(block_of(0) != 0 && block_of(1) == block_of(0) && block_of(2) == block_of(0) && block_of(3) == block_of(0));
	CHECK(files[0]->pn_attr.at_blocks == 2);
	CHECK(pfs_node_readlink(files[3], 0, text, sizeof(text), &n) == KERN_SUCCESS && n == 5 && memcmp(text, "short", 5) == 0);
	CHECK(pfs_volume_statfs(vol, &after) == KERN_SUCCESS && after.sf_bfree == before.sf_bfree - 1);
	CHECK(give(files[1], "user.a", 500, 1, 0) == KERN_SUCCESS && block_of(1) == block_of(0));	/* as it was */
	CHECK(give(files[1], "user.a", 500, 2, 0) == KERN_SUCCESS && block_of(1) != block_of(0));
	expect(files[0], "user.a", 500, 1);
	expect(files[1], "user.a", 500, 2);
	CHECK(give(files[0], "user.a", 500, 2, 0) == KERN_SUCCESS && block_of(0) == block_of(1));
	CHECK(xset(files[2], "user.a", NULL, 0, MX_XATTR_REMOVE) == KERN_SUCCESS && block_of(2) == 0);
	CHECK(files[2]->pn_attr.at_blocks == 2);	/* a directory's own block */
	CHECK(xset(files[0], "user.a", NULL, 0, 0x10002) == KERN_SUCCESS && files[0]->pn_attr.at_blocks == 0);
	expect(files[1], "user.a", 500, 2);
	CHECK(pfs_volume_sync(vol) == KERN_SUCCESS);
	for (f = 0; f < 4; f++) {
		file_name(text, f);
		CHECK(pfs_node_unlink(vol->pv_root, text, strlen(text), f == 2) == KERN_SUCCESS);
		pfs_node_release(files[f]);
	}
	volume_rest(true);
	CHECK(pfs_volume_statfs(vol, &after) == KERN_SUCCESS && after.sf_bfree == before.sf_bfree + 1);
	volume_unmount();
	disk_check(DISK, "shared");
	blk_file_close(DISK);
	tap("blocks of attributes are shared, copied and freed");
}

/* ---- Refusals ---- */

static void
test_refused(void)
{
	struct pfs_node *node;
	static uint8_t value[MX_DATA_MAX];
	size_t n;

	disk_make(DISK, 8 * 1024, "-t ext2 -b 1024");
	volume_mount(DISK);
	node = node_make(vol->pv_root, "f", MX_S_IFREG | 0644, NULL);
	CHECK(xset(node, "user.", "v", 1, 0) == MX_EINVAL && xset(node, "user", "v", 1, 0) == MX_EOPNOTSUPP);
	CHECK(xset(node, "system.posix_acl_access", "v", 1, 0) == MX_EOPNOTSUPP);
	CHECK(pfs_node_getxattr(node, "system.posix_acl_access", 23, value, &n) == MX_EOPNOTSUPP);
	CHECK(xset(node, "user.large", value, 1000, 0) == MX_ENOSPC && xset(node, "user.large", value, 8192, 0) == MX_ENOSPC);
	CHECK(xset(node, "user.large", value, 900, 0) == KERN_SUCCESS && xset(node, "user.more", value, 300, 0) == MX_ENOSPC);
	CHECK(xset(node, "user.empty", value, 0, 0) == KERN_SUCCESS);
	pfs_node_release(node);
	volume_unmount();
	disk_check(DISK, "refused");
	CHECK(volume_try(DISK, 0, "nouser_xattr") == KERN_SUCCESS);
	node = node_at("f");
	CHECK(pfs_node_getxattr(node, "user.large", 10, value, &n) == MX_EOPNOTSUPP && xset(node, "user.x", "v", 1, 0) == MX_EOPNOTSUPP);
	CHECK(xset(node, "trusted.x", "v", 1, 0) == KERN_SUCCESS);
	CHECK(pfs_node_listxattr(node, (char *)value, &n) == KERN_SUCCESS && n == 10 && strcmp((char *)value, "trusted.x") == 0);
	pfs_node_release(node);
	volume_unmount();
	CHECK(volume_try(DISK, PFS_RDONLY, "user_xattr") == KERN_SUCCESS);
	node = node_at("f");
	CHECK(xset(node, "user.x", "v", 1, 0) == MX_EROFS);
	CHECK(pfs_node_getxattr(node, "user.large", 10, value, &n) == KERN_SUCCESS && n == 900);
	pfs_node_release(node);
	volume_unmount();
	blk_file_close(DISK);
	disk_make(DISK, 8 * 1024, "-t ext2 -r 0 -b 1024");
	volume_mount(DISK);
	CHECK(xset(vol->pv_root, "user.x", "v", 1, 0) == MX_EOPNOTSUPP);
	volume_unmount();
	blk_file_close(DISK);
	tap("attributes: what is refused");
}

/* ---- Those of e2fsprogs ---- */

static void
text_expect(const char *path, const char *name, const char *text)
{
	struct pfs_node *node = node_at(path);
	char value[MX_DATA_MAX];
	size_t n = 0;

	CHECK(node != NULL);
	if (node == NULL)
		return;
	CHECK(pfs_node_getxattr(node, name, strlen(name), value, &n) == KERN_SUCCESS);
	CHECK(n == strlen(text) && memcmp(value, text, n) == 0);
	pfs_node_release(node);
}

static void
test_tools(const char *mke2fs)
{
	struct pfs_node *node;
	char text[200];

	disk_make(DISK, 8 * 1024, mke2fs);
	CHECK(tool_run(DISK, "printf 'write /dev/null f\\nea_set f user.one 1\\nea_set f trusted.long \"%0300d\"\\nea_set f security.x abc\\n' 1 |"
		" debugfs -w %s") == 0);
	disk_check(DISK, "debugfs");
	volume_mount(DISK);
	snprintf(text, sizeof(text), "%0190d", 1);
	text_expect("f", "user.one", "1");
	text_expect("f", "security.x", "abc");
	node = node_at("f");
	CHECK(node != NULL && xset(node, "user.one", "another", 7, MX_XATTR_REPLACE) == KERN_SUCCESS);
	CHECK(xset(node, "user.ours", text, 190, 0) == KERN_SUCCESS && xset(node, "user.more", "m", 1, 0) == KERN_SUCCESS);
	CHECK(xset(node, "trusted.long", NULL, 0, MX_XATTR_REMOVE) == KERN_SUCCESS);
	pfs_node_release(node);
	volume_unmount();
	disk_check(DISK, "debugfs and here");
	CHECK(tool_run(DISK, "debugfs -R 'ea_get f user.one' %s") == 0 && strstr(tool_output, "another") != NULL);
	CHECK(tool_run(DISK, "debugfs -R 'ea_get f user.ours' %s") == 0 && strstr(tool_output, text) != NULL);
	CHECK(tool_run(DISK, "debugfs -R 'ea_list f' %s") == 0 && strstr(tool_output, "user.more (1) = \"m\"") != NULL);
	CHECK(strstr(tool_output, "security.x (3) = \"abc\"") != NULL && strstr(tool_output, "trusted.long") == NULL);
	CHECK(tool_run(DISK, "debugfs -w -R 'ea_rm f user.ours' %s") == 0);
	CHECK(tool_run(DISK, "debugfs -w -R 'ea_set f user.theirs again' %s") == 0);
	disk_check(DISK, "debugfs, here, and debugfs");
	volume_mount(DISK);
	text_expect("f", "user.theirs", "again");
	text_expect("f", "user.more", "m");
	volume_unmount();
	blk_file_close(DISK);
	snprintf(text, sizeof(text), "attributes that debugfs makes and reads: %s", mke2fs);
	tap(text);
}

static void
test_ext4(void)
{
	struct pfs_node *node;
	static uint8_t value[MX_DATA_MAX];
	size_t n = 0;

	blk_file_open(DISK, NULL, 16u << 20, false);
	CHECK(tool_run(DISK, "mke2fs -q -F -t ext4 -b 1024 -O ea_inode %s") == 0);
	CHECK(tool_run(DISK, "t=$(mktemp); head -c 1024 /dev/zero | tr '\\0' x >$t; printf 'write /dev/null f\\nea_set f user.one 1\\n"
		"ea_set -f '$t' f user.large\\n' | debugfs -w %s; s=$?; rm $t; exit $s") == 0);
	CHECK(volume_try(DISK, PFS_RDONLY, "") == KERN_SUCCESS);
	text_expect("f", "user.one", "1");
	node = node_at("f");
	CHECK(node != NULL && pfs_node_getxattr(node, "user.large", 10, value, &n) == KERN_SUCCESS && n == 1024);
	CHECK(value[0] == 'x' && value[1023] == 'x');
	if (node != NULL)
		pfs_node_release(node);
	volume_unmount();
	blk_file_close(DISK);
	tap("attributes of ext4, in inodes of their own, too");
}

int
main(int argc, char **argv)
{
	rnd_state = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	names_init();
	test_random("-t ext3 -b 1024 -J size=1");
	test_random("-t ext3 -b 4096 -J size=4 -I 512");
	test_random("-t ext2 -b 1024 -I 128");
	test_random("-t ext2 -b 4096");
	test_shared();
	test_refused();
	test_tools("-t ext3 -b 1024 -J size=1");
	test_tools("-t ext2 -b 4096 -I 128");
	test_ext4();
	return tap_end();
}
