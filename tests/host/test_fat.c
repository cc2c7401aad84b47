/*
 * test_fat.c - FAT volumes that mkfs.fat and mtools made; random operations that fsck.fat judges; power cuts; damage.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "fat.h"
#include "blk_file.h"
#include "disk_tree.h"
#include "pfs_store_host.h"

static char said[4096];

static const struct { const char *name, *options; unsigned int kb; } kinds[] = {
	{ "FAT12 floppy", "-F 12", 1440 },
	{ "FAT12", "-F 12 -s 4", 6000 },
	{ "FAT16", "-F 16 -s 2", 20000 },
	{ "FAT16, one table, sectors of 1 KiB", "-F 16 -s 1 -f 1 -S 1024", 12000 },
	{ "FAT32", "-F 32 -s 1", 40000 },
	{ "FAT32, large clusters", "-F 32 -s 64", 40000 },
};
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

static void
disk_make(unsigned int n, unsigned int kind)
{
	blk_file_open(n, NULL, (uint64_t)kinds[kind].kb << 10, false);
	CHECK(tree_run(said, sizeof(said), "mkfs.fat %s %s", kinds[kind].options, blk_file_path(n)) == 0);
}

static bool
disk_is_clean(unsigned int n)
{
	int status = tree_run(said, sizeof(said), "fsck.fat -n %s", blk_file_path(n));

	if (status != 0)
		printf("# %s\n", said);
	return status == 0;
}

static struct pfs_volume *
mount(unsigned int n, uint32_t flags)
{
	kern_return_t kr;
	struct pfs_volume *vol = tree_mount(&fat_ops, n, flags, "", &kr);

	CHECK(vol != NULL);
	if (vol == NULL) {
		printf("# mount: %d\n", MX_ERRNO(kr));
		exit(1);
	}
	return vol;
}

/* ---- What others wrote ---- */

static void
test_read(void)
{
	const char *tree = tree_make(false);
	struct pfs_volume *vol;
	char what[80];
	unsigned int i;

	CHECK(tree_run(NULL, 0, "rm %s/n*", tree) == 0);	/* mtools writes it with other letters */
	for (i = 1; i < NKINDS - 1; i++) {			/* nor does it like so few clusters on FAT32 */
		disk_make(0, i);
		CHECK(tree_run(said, sizeof(said), "cd %s && MTOOLS_SKIP_CHECK=1 TZ=UTC mcopy -s -m -i %s * ::", tree, blk_file_path(0)) == 0);
		vol = mount(0, PFS_RDONLY);
		CHECK(tree_compare(vol->pv_root, tree, TREE_MTIME) > 215);
		pfs_volume_unmount(vol);
		CHECK(world_live == 0);
		CHECK(disk_is_clean(0));
		blk_file_close(0);
		snprintf(what, sizeof(what), "a tree of mtools on %s", kinds[i].name);
		tap(what);
	}
}

/* ---- A model ---- */

#define FILES	48
#define SIZE_MAX_	40000u

struct file {				/* of the model; the first is the root */
	bool		used, is_dir;
	unsigned int	parent;
	char		name[80];
	uint8_t		*data;
	uint32_t	size;
	struct pfs_node	*open;		/* kept in use, sometimes also without a name */
};

static struct file files[FILES];
static struct pfs_volume *vol_now;

static const char *const names[] = {
	"a", "FILE.TXT", "file.txt", "Long file name number one.text", "Long file name number two.text", "long file name number THREE.text",
	"\xc3\xa4\xc3\xb6\xc3\xbc", "\xe6\x97\xa5\xe6\x9c\xac.txt", "\xf0\x9f\x98\x80", ".hidden", "x.y.z", "noext", "b.c", "name with blanks",
	"a-name-that-is-exactly-seventy-characters-long-so-that-it-takes-6-slots", "UPPER", "+plus", "tilde~1.txt",
};
#define NNAMES (sizeof(names) / sizeof(names[0]))

static bool
same_name(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0;
}

static struct file *
model_find(unsigned int dir, const char *name)
{
	unsigned int i;

	for (i = 1; i < FILES; i++)
		if (files[i].used && files[i].parent == dir && same_name(files[i].name, name))
			return &files[i];
	return NULL;
}

static bool
model_is_empty(unsigned int dir)
{
	unsigned int i;

	for (i = 1; i < FILES; i++)
		if (files[i].used && files[i].parent == dir)
			return false;
	return true;
}

static bool
model_is_below(unsigned int dir, unsigned int above)
{
	for (; dir != 0; dir = files[dir].parent)
		if (dir == above)
			return true;
	return dir == above;
}

/* A used one of the kind, or FILES. */
static unsigned int
model_pick(bool is_dir)
{
	unsigned int i = rnd(FILES), n;

	for (n = 0; n < FILES; n++, i = (i + 1) % FILES)
		if (files[i].used && files[i].is_dir == is_dir)
			return i;
	return FILES;
}

static struct pfs_node *
node_of(unsigned int i)
{
	struct pfs_node *dir, *node;

	if (i == 0) {
		pfs_node_hold(vol_now->pv_root);
		return vol_now->pv_root;
	}
	dir = node_of(files[i].parent);
	if (dir == NULL)
		return NULL;
	node = NULL;
	CHECK(pfs_node_lookup(dir, 0, files[i].name, strlen(files[i].name), &node) == KERN_SUCCESS);
	pfs_node_release(dir);
	if (node == NULL)
		printf("# %u %s in %u\n", i, files[i].name, files[i].parent);
	return node;
}

static void
model_init(void)
{
	unsigned int i;

	for (i = 0; i < FILES; i++)
		free(files[i].data);
	memset(files, 0, sizeof(files));
	files[0].used = files[0].is_dir = true;
}

static void
file_close(struct file *f)
{
	if (f->open != NULL)
		pfs_node_release(f->open);
	f->open = NULL;
}

/* ---- Operations ---- */

static void
op_create(bool is_dir)
{
	unsigned int parent = model_pick(true), i;
	const char *name = names[rnd(NNAMES)];
	struct pfs_new what = { .nw_mode = is_dir ? MX_S_IFDIR | 0755 : MX_S_IFREG | 0644 };
	struct file *there = model_find(parent, name);
	struct pfs_node *dir = node_of(parent), *node;
	kern_return_t kr = pfs_node_create(dir, name, strlen(name), &what, &node);

	pfs_node_release(dir);
	for (i = 1; i < FILES && files[i].used; i++)
		;
	if (kr == KERN_SUCCESS && i == FILES) {
		dir = node_of(parent);
		CHECK(pfs_node_unlink(dir, name, strlen(name), is_dir) == KERN_SUCCESS);
		pfs_node_release(dir);
		pfs_node_release(node);
		return;
	}
	if (there != NULL) {
		CHECK(kr == MX_EEXIST);
		return;
	}
	if (kr == MX_EEXIST || kr == MX_ENOSPC)		/* the short name of another one; a full disk */
		return;
	CHECK(kr == KERN_SUCCESS);
	if (kr != KERN_SUCCESS)
		return;
	free(files[i].data);
	memset(&files[i], 0, sizeof(files[i]));
	files[i].used = true;
	files[i].is_dir = is_dir;
	files[i].parent = parent;
	strcpy(files[i].name, name);
	files[i].data = is_dir ? NULL : calloc(1, SIZE_MAX_ * 2);
	if (!is_dir && rnd(3) == 0)
		files[i].open = node;
	else
		pfs_node_release(node);
}

static void
op_write(void)
{
	static uint8_t buf[20000];
	unsigned int i = model_pick(false);
	struct pfs_node *node;
	size_t n = 1 + rnd(rnd(2) ? 600 : sizeof(buf)), done = 0, k;
	uint32_t at;
	kern_return_t kr;

	if (i == FILES)
		return;
	at = rnd(2) ? rnd(SIZE_MAX_) : files[i].size;
	node = node_of(i);
	for (k = 0; k < n; k++)
		buf[k] = (uint8_t)rnd(256);
	if (at + n > SIZE_MAX_ * 2)
		n = SIZE_MAX_ * 2 - at;
	if (n > 0) {
		kr = pfs_node_write(node, at, buf, n, &done);
		CHECK(kr == KERN_SUCCESS || kr == MX_ENOSPC);
		memcpy(files[i].data + at, buf, done);
		if (done > 0 && files[i].size < at + done)
			files[i].size = (uint32_t)(at + done);
	}
	CHECK(node->pn_attr.at_size == files[i].size);
	pfs_node_release(node);
}

static void
op_truncate(void)
{
	unsigned int i = model_pick(false);
	uint32_t size = rnd(SIZE_MAX_);
	struct pfs_node *node;
	kern_return_t kr;

	if (i == FILES)
		return;
	if (rnd(3) == 0)
		size = 0;
	node = node_of(i);
	kr = pfs_node_truncate(node, size);
	CHECK(kr == KERN_SUCCESS || (kr == MX_ENOSPC && size > files[i].size));
	pfs_node_release(node);
	if (kr != KERN_SUCCESS)
		return;
	if (size < files[i].size)
		memset(files[i].data + size, 0, files[i].size - size);
	files[i].size = size;
}

static void
op_unlink(void)
{
	bool is_dir = rnd(3) == 0, ask_dir = rnd(20) == 0 ? !is_dir : is_dir;
	unsigned int i = model_pick(is_dir);
	struct pfs_node *dir;
	kern_return_t kr;

	if (i == 0 || i == FILES)
		return;
	dir = node_of(files[i].parent);
	kr = pfs_node_unlink(dir, files[i].name, strlen(files[i].name), ask_dir);
	pfs_node_release(dir);
	if (ask_dir != is_dir) {
		CHECK(kr == (is_dir ? MX_EISDIR : MX_ENOTDIR));
	} else if (is_dir && !model_is_empty(i)) {
		CHECK(kr == MX_ENOTEMPTY);
	} else {
		CHECK(kr == KERN_SUCCESS);
		files[i].used = false;
		if (files[i].open != NULL && rnd(2)) {	/* it is still what it was */
			size_t size;
			uint8_t *data = tree_read(files[i].open, &size);

			CHECK(data != NULL && size == files[i].size && memcmp(data, files[i].data, size) == 0);
			free(data);
		}
		file_close(&files[i]);
	}
}

static kern_return_t
rename_expect(unsigned int i, unsigned int to, struct file *there)
{
	if (files[i].is_dir && model_is_below(to, i))
		return MX_EINVAL;
	if (there == NULL || there == &files[i])
		return KERN_SUCCESS;
	if (files[i].is_dir != there->is_dir)
		return files[i].is_dir ? MX_ENOTDIR : MX_EISDIR;
	return there->is_dir && !model_is_empty((unsigned int)(there - files)) ? MX_ENOTEMPTY : KERN_SUCCESS;
}

static void
op_rename(void)
{
	unsigned int i = model_pick(rnd(3) == 0), to = model_pick(true);
	const char *name = names[rnd(NNAMES)];
	struct file *there = model_find(to, name);
	struct pfs_node *dir1, *dir2;
	kern_return_t kr, expect;

	if (i == 0 || i == FILES)
		return;
	expect = rename_expect(i, to, there);
	dir1 = node_of(files[i].parent);
	dir2 = node_of(to);
	kr = pfs_node_rename(dir1, files[i].name, strlen(files[i].name), dir2, name, strlen(name), 0);
	pfs_node_release(dir1);
	pfs_node_release(dir2);
	if (kr == MX_ENOSPC)
		return;
	CHECK(kr == expect);
	if (kr != expect)
		printf("# rename %u %s to %u %s: %d, expected %d\n", i, files[i].name, to, name, MX_ERRNO(kr), MX_ERRNO(expect));
	if (kr != KERN_SUCCESS)
		return;
	if (there != NULL && there != &files[i]) {
		there->used = false;
		file_close(there);
	}
	files[i].parent = to;
	strcpy(files[i].name, name);
}

static void
file_verify(unsigned int i)
{
	struct pfs_node *node = node_of(i);
	size_t size = 0;
	uint8_t *data;

	if (node == NULL)
		return;
	data = tree_read(node, &size);
	CHECK(data != NULL && size == files[i].size && memcmp(data, files[i].data, size) == 0);
	free(data);
	CHECK(files[i].open == NULL || files[i].open == node);
	pfs_node_release(node);
}

static void
all_verify(void)
{
	unsigned int i;

	for (i = 1; i < FILES; i++)
		if (files[i].used && !files[i].is_dir)
			file_verify(i);
}

static void
op_sync(void)
{
	unsigned int i = model_pick(false);
	struct pfs_node *node;

	if (rnd(3) == 0 || i == FILES) {
		CHECK(pfs_volume_sync(vol_now) == KERN_SUCCESS);
		return;
	}
	node = node_of(i);
	CHECK(node->pn_volume->pv_ops->po_fsync(node, false) == KERN_SUCCESS);
	pfs_node_release(node);
}

static void
op_any(void)
{
	unsigned int k = rnd(100), i;

	if (k < 14)
		op_create(false);
	else if (k < 20)
		op_create(true);
	else if (k < 50)
		op_write();
	else if (k < 62)
		op_truncate();
	else if (k < 74)
		op_unlink();
	else if (k < 86)
		op_rename();
	else if (k < 95 && (i = model_pick(false)) != FILES)
		file_verify(i);
	else if (k < 98)
		op_sync();
}

static void
files_close(void)
{
	unsigned int i;

	for (i = 0; i < FILES; i++)
		file_close(&files[i]);
}

static void
remount(unsigned int n)
{
	files_close();
	pfs_volume_unmount(vol_now);
	vol_now = NULL;
	CHECK(disk_is_clean(n));
	vol_now = mount(n, 0);
}

static void
test_random(unsigned int kind, unsigned int rounds, unsigned int steps)
{
	unsigned int round, step, before = failures;
	char what[80];

	disk_make(0, kind);
	model_init();
	vol_now = mount(0, 0);
	for (round = 0; round < rounds; round++) {
		pfs_store_lazy = rnd(3) == 0 ? 0 : rnd(100);
		pfs_store_cluster = 1 + rnd(20);
		for (step = 0; step < steps && failures == before; step++)
			op_any();
		all_verify();
		remount(0);
		all_verify();
		if (failures != before)
			break;
	}
	files_close();
	pfs_volume_unmount(vol_now);
	model_init();
	free(files[0].data);
	CHECK(world_live == 0);
	if (world_live != 0)
		printf("# %u blocks left\n", world_live);
	blk_file_close(0);
	snprintf(what, sizeof(what), "random operations on %s", kinds[kind].name);
	tap(what);
}

/* ---- Power cuts ---- */

/* What fsck.fat may say of a volume whose power was cut: clusters without an owner, a chain that is longer than its file, the dirty
 * bit and its copy, how much is free; one name too many of a file that was being renamed, and the ".." of such a directory; pieces of a
 * long name that lies in two sectors; a removed name, beside the same one made anew in another sector. */
static bool
cut_is_harmless(char *text)
{
	static const char *const fine[] = {
		"fsck.fat ", "Dirty bit is set", " Automatically removing dirty bit", "Leaving filesystem unchanged", "There are differences between boot",
		"This is mostly harmless", "  65:01/00", "  Not automatically fixing this", "FATs differ but appear to be intact", "  Using first FAT",
		"Reclaimed ", "Reclaiming unconnected clusters", "Free cluster summary wrong", "  Auto-correcting", "/",
		"  Truncating file to ", "  share clusters", "  Truncating second to ", "Warning: Filesystem is FAT32", "  but has only ", "  This may lead to",
		"Orphaned long file name part", "  Auto-deleting", "Long filename fragment", "  (Maybe the start bit", "  Not auto-correcting",
		"  Invalid '..' entry in the second slot", "A new long file name starts", "  Duplicate directory entry", "  First  ", "  Second  ", "  Auto-renaming", "  Renamed to",
	};
	bool was_shared = strstr(text, "  share clusters") != NULL;	/* one of the two is cut off then */
	char *line, *save = NULL;
	unsigned int i;

	for (line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		bool ok = line[0] == '\0' || strstr(line, " bytes, cluster chain length is > ") != NULL ||
			(was_shared && strstr(line, " bytes, cluster chain length is 0 bytes.") != NULL);

		for (i = 0; i < sizeof(fine) / sizeof(fine[0]) && !ok; i++)
			ok = strncmp(line, fine[i], strlen(fine[i])) == 0;
		if (!ok) {
			printf("# fsck.fat: %s\n", line);
			return false;
		}
	}
	return true;
}

/* Files that are as they were at the last sync, and have not been touched since, are there. */
static void
cut_check(unsigned int n, const char *marker)
{
	struct pfs_node *node;
	size_t size = 0;
	uint8_t *data;
	kern_return_t kr;
	struct pfs_volume *vol = tree_mount(&fat_ops, n, PFS_RDONLY, "", &kr);

	CHECK(vol != NULL);
	if (vol == NULL)
		return;
	node = tree_walk(vol->pv_root, "kept.file");
	CHECK(node != NULL);
	data = node != NULL ? tree_read(node, &size) : NULL;
	CHECK(data != NULL && size == strlen(marker) && memcmp(data, marker, size) == 0);
	free(data);
	if (node != NULL)
		pfs_node_release(node);
	tree_visit(vol->pv_root, 300);
	pfs_volume_unmount(vol);
}

static void
kept_make(const char *marker)
{
	struct pfs_new what = { .nw_mode = MX_S_IFREG | 0644 };
	struct pfs_node *node;
	size_t done;

	CHECK(pfs_node_create(vol_now->pv_root, "kept.file", 9, &what, &node) == KERN_SUCCESS);
	CHECK(pfs_node_write(node, 0, marker, strlen(marker), &done) == KERN_SUCCESS);
	CHECK(vol_now->pv_ops->po_fsync(node, false) == KERN_SUCCESS);
	pfs_node_release(node);
}

static void
test_cut(unsigned int kind, unsigned int cuts)
{
	static const char marker[] = "what was synced stays";
	unsigned int i, before = failures, events;
	char what[80];

	disk_make(0, kind);
	blk_file_open(1, NULL, (uint64_t)kinds[kind].kb << 10, false);
	model_init();
	vol_now = mount(0, 0);
	kept_make(marker);
	blk_file_record(0);
	pfs_store_lazy = 20;
	for (i = 0; i < 400 && failures == before; i++)
		op_any();
	events = blk_file_events(0);
	for (i = 0; i < cuts && failures == before; i++) {
		unsigned int at = rnd(events + 1), loss = rnd(4), seed = rnd(1u << 30);

		blk_file_cut(0, at, loss, seed, 1);
		(void)tree_run(said, sizeof(said), "fsck.fat -n %s", blk_file_path(1));
		CHECK(cut_is_harmless(said));
		if (failures != before) {
			(void)tree_run(said, sizeof(said), "fsck.fat -n %s", blk_file_path(1));
			printf("# cut after %u of %u, loss %u, seed %u:\n%s\n", at, events, loss, seed, said);
		}
		cut_check(1, marker);
	}
	files_close();
	pfs_volume_unmount(vol_now);
	model_init();
	CHECK(disk_is_clean(0));
	blk_file_close(0);
	blk_file_close(1);
	snprintf(what, sizeof(what), "power cuts on %s", kinds[kind].name);
	tap(what);
}

/* ---- One thing at a time ---- */

static struct pfs_node *
make(const char *name, bool is_dir)
{
	struct pfs_new what = { .nw_mode = is_dir ? MX_S_IFDIR | 0755 : MX_S_IFREG | 0644 };
	struct pfs_node *node = NULL;

	CHECK(pfs_node_create(vol_now->pv_root, name, strlen(name), &what, &node) == KERN_SUCCESS);
	mx_assert(node != NULL);
	return node;
}

static bool
exists(const char *path)
{
	struct pfs_node *node = tree_walk(vol_now->pv_root, path);

	if (node != NULL)
		pfs_node_release(node);
	return node != NULL;
}

static void
test_names(void)
{
	static const char *const bad[] = { "a:b", "a?", "x\ty", "...", " ", "tail ", "back\\slash", "bad\xff" };
	struct pfs_new what = { .nw_mode = MX_S_IFREG | 0644 };
	struct pfs_node *node;
	char name[300];
	unsigned int i;

	disk_make(0, 4);
	vol_now = mount(0, 0);
	pfs_node_release(make("Mixed Case Name.html", false));
	CHECK(exists("mixed case name.HTML") && exists("MIXEDC~1.HTM") && exists("Mixed Case Name.html.") && !exists("Mixed Case Name"));
	pfs_node_release(make("\xc3\x84rger", false));		/* capital and small letters beyond ASCII */
	CHECK(exists("\xc3\xa4RGER"));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(pfs_node_create(vol_now->pv_root, bad[i], strlen(bad[i]), &what, &node) == MX_EINVAL);
	what.nw_mode = MX_S_IFLNK | 0777;
	CHECK(pfs_node_create(vol_now->pv_root, "l", 1, &what, &node) == MX_EPERM);
	memset(name, 'n', 255);
	name[255] = '\0';
	pfs_node_release(make(name, false));
	CHECK(exists(name));
	for (i = 0; i < 300; i++) {			/* one short name after the other */
		snprintf(name, sizeof(name), "the same beginning %u", i);
		pfs_node_release(make(name, false));
	}
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "The Same Beginning %u", i);
		CHECK(exists(name));
	}
	CHECK(pfs_node_rename(vol_now->pv_root, "mixed case name.html", 20, vol_now->pv_root, "MIXED CASE NAME.html", 20, 1) == KERN_SUCCESS);
	CHECK(exists("Mixed Case Name.html"));
	remount(0);
	CHECK(exists("\xc3\xa4RGER") && exists("Mixed Case Name.html"));
	pfs_volume_unmount(vol_now);
	blk_file_close(0);
	tap("names");
}

static void
test_attributes(void)
{
	struct mx_setattr set = { .sa_valid = MX_SET_MODE, .sa_mode = 0555 };
	struct pfs_new what = { .nw_mode = MX_S_IFREG | 0644 };
	struct mx_statfs st;
	struct pfs_node *node;
	kern_return_t kr;

	disk_make(0, 2);
	vol_now = tree_mount(&fat_ops, 0, 0, "uid=5,gid=6,dmask=077,fmask=0137", &kr);
	node = make("file", false);
	CHECK(node->pn_attr.at_uid == 5 && node->pn_attr.at_gid == 6 && node->pn_attr.at_mode == (MX_S_IFREG | 0640));
	CHECK(vol_now->pv_root->pn_attr.at_mode == (MX_S_IFDIR | 0700));
	CHECK(pfs_node_setattr(node, &set) == KERN_SUCCESS && node->pn_attr.at_mode == (MX_S_IFREG | 0440));
	set.sa_mode = 0200;
	CHECK(pfs_node_setattr(node, &set) == MX_EPERM && node->pn_attr.at_mode == (MX_S_IFREG | 0440));
	set = (struct mx_setattr){ .sa_valid = MX_SET_UID, .sa_uid = 7 };
	CHECK(pfs_node_setattr(node, &set) == MX_EPERM && node->pn_attr.at_uid == 5);
	set = (struct mx_setattr){ .sa_valid = MX_SET_MTIME, .sa_mtime = 1000000001 };
	CHECK(pfs_node_setattr(node, &set) == KERN_SUCCESS && node->pn_attr.at_mtime == 1000000000);
	pfs_node_release(node);
	CHECK(pfs_volume_statfs(vol_now, &st) == KERN_SUCCESS && st.sf_type == 0x4d44 && st.sf_bsize == 1024 && st.sf_bfree < st.sf_blocks + 1);
	pfs_volume_unmount(vol_now);
	vol_now = mount(0, 0);
	node = tree_walk(vol_now->pv_root, "FILE");
	CHECK(node != NULL && node->pn_attr.at_mtime == 1000000000 && node->pn_attr.at_mode == (MX_S_IFREG | 0555));
	pfs_node_release(node);
	pfs_volume_unmount(vol_now);
	vol_now = mount(0, PFS_RDONLY);
	CHECK(pfs_node_create(vol_now->pv_root, "x", 1, &what, &node) == MX_EROFS);
	CHECK(pfs_volume_remount(vol_now, 0, false) == KERN_SUCCESS);
	pfs_node_release(make("x", false));
	CHECK(pfs_volume_remount(vol_now, PFS_RDONLY, false) == KERN_SUCCESS);
	CHECK(disk_is_clean(0));
	pfs_volume_unmount(vol_now);
	CHECK(tree_mount(&fat_ops, 0, 0, "umask=x", &kr) == NULL && kr == MX_EINVAL);
	blk_file_close(0);
	blk_file_open(0, NULL, 1u << 20, false);
	CHECK(tree_mount(&fat_ops, 0, 0, "", &kr) == NULL && kr == MX_EINVAL);
	blk_file_close(0);
	CHECK(world_live == 0);
	tap("attributes, options");
}

static void
test_limits(void)
{
	static uint8_t buf[65536];
	struct pfs_node *node, *dir;
	struct mx_statfs st;
	uint64_t at, total;
	size_t done;
	kern_return_t kr;
	char name[32];
	unsigned int i;

	disk_make(0, 0);
	vol_now = mount(0, 0);
	CHECK(pfs_volume_statfs(vol_now, &st) == KERN_SUCCESS);
	total = st.sf_bfree * st.sf_bsize;
	node = make("big", false);
	CHECK(pfs_node_truncate(node, UINT64_C(0x100000000)) == MX_EFBIG && pfs_node_truncate(node, total + 1) == MX_ENOSPC);
	CHECK(pfs_node_write(node, UINT64_C(0xffffffff), "x", 1, &done) == MX_EFBIG);
	CHECK(node->pn_attr.at_size == 0);
	CHECK(pfs_node_truncate(node, total) == KERN_SUCCESS);		/* zeros, all of it */
	CHECK(pfs_node_read(node, total - 10, buf, 10, &done) == KERN_SUCCESS && done == 10 && buf[0] == 0 && buf[9] == 0);
	CHECK(pfs_node_truncate(node, 100) == KERN_SUCCESS);
	memset(buf, 7, sizeof(buf));
	for (at = 0; (kr = pfs_node_write(node, at, buf, sizeof(buf), &done)) == KERN_SUCCESS && done == sizeof(buf); at += done)
		;
	CHECK(kr == KERN_SUCCESS || kr == MX_ENOSPC);
	CHECK(node->pn_attr.at_size > total - 5000 && node->pn_attr.at_size <= total);
	CHECK(pfs_node_unlink(vol_now->pv_root, "big", 3, false) == KERN_SUCCESS);
	CHECK(pfs_node_read(node, 0, buf, 10, &done) == KERN_SUCCESS && buf[5] == 7);
	pfs_node_release(node);
	CHECK(pfs_volume_statfs(vol_now, &st) == KERN_SUCCESS && st.sf_bfree * st.sf_bsize == total);
	for (i = 0, kr = KERN_SUCCESS; i < 300 && kr == KERN_SUCCESS; i++) {	/* the root has room for 224 */
		struct pfs_new what = { .nw_mode = MX_S_IFREG | 0644 };

		snprintf(name, sizeof(name), "F%u", i);
		kr = pfs_node_create(vol_now->pv_root, name, strlen(name), &what, &node);
		if (kr == KERN_SUCCESS)
			pfs_node_release(node);
	}
	CHECK(kr == MX_ENOSPC && i > 200);
	CHECK(pfs_node_unlink(vol_now->pv_root, "F1", 2, false) == KERN_SUCCESS);
	dir = make("DIR", true);
	CHECK(pfs_node_rename(vol_now->pv_root, "DIR", 3, dir, "x", 1, 0) == MX_EINVAL);
	CHECK(pfs_node_rename(vol_now->pv_root, "F2", 2, dir, "a longer name", 13, 0) == KERN_SUCCESS);
	CHECK(pfs_node_unlink(vol_now->pv_root, "DIR", 3, true) == MX_ENOTEMPTY && exists("dir/A Longer Name"));
	pfs_node_release(dir);
	pfs_volume_unmount(vol_now);
	CHECK(disk_is_clean(0));
	blk_file_close(0);
	CHECK(world_live == 0);
	tap("limits");
}

/* ---- What goes wrong ---- */

/* Memory and the disk fail, once or from then on; afterwards the volume has no more damage than a power cut leaves. */
static void
test_errors(unsigned int rounds)
{
	unsigned int i, step;

	for (i = 0; i < rounds; i++) {
		disk_make(0, i % 3 == 2 ? 4 : 1);
		model_init();
		vol_now = mount(0, 0);
		for (step = 0; step < 150; step++) {
			struct pfs_new what = { .nw_mode = MX_S_IFREG | 0644 };
			const char *name = names[rnd(NNAMES)], *name2 = names[rnd(NNAMES)];
			struct pfs_node *node, *root = vol_now->pv_root;
			static uint8_t buf[9000];
			size_t done;

			if (rnd(6) == 0) {
				world_fail_at = rnd(2) ? 1 + rnd(20) : 0;
				world_fail_sticky = rnd(4) == 0;
				blk_file_fail_write = rnd(4) == 0 ? 1 + rnd(10) : 0;
				blk_file_fail_read = rnd(4) == 0 ? 1 + rnd(10) : 0;
				blk_file_fail_flush = rnd(4) == 0 ? 1 + rnd(10) : 0;
			}
			what.nw_mode = rnd(4) == 0 ? MX_S_IFDIR | 0755 : MX_S_IFREG | 0644;
			if (pfs_node_create(root, name, strlen(name), &what, &node) == KERN_SUCCESS ||
			    pfs_node_lookup(root, 0, name, strlen(name), &node) == KERN_SUCCESS) {
				(void)pfs_node_write(node, rnd(30000), buf, sizeof(buf), &done);
				if (rnd(2))
					(void)pfs_node_truncate(node, rnd(30000));
				(void)pfs_node_read(node, 0, buf, sizeof(buf), &done);
				pfs_node_release(node);
			}
			if (rnd(2))
				(void)pfs_node_rename(root, name, strlen(name), root, name2, strlen(name2), 0);
			if (rnd(3) == 0)
				(void)pfs_node_unlink(root, name2, strlen(name2), rnd(3) == 0);
			if (rnd(10) == 0)
				(void)pfs_volume_sync(vol_now);
			if (rnd(3) == 0) {
				world_fail_at = blk_file_fail_write = blk_file_fail_read = blk_file_fail_flush = 0;
				world_fail_sticky = false;
			}
		}
		world_fail_at = blk_file_fail_write = blk_file_fail_read = blk_file_fail_flush = 0;
		world_fail_sticky = false;
		pfs_volume_unmount(vol_now);
		CHECK(world_live == 0);
		(void)tree_run(said, sizeof(said), "fsck.fat -n %s", blk_file_path(0));
		blk_file_close(0);
	}
	tap("memory and disk that fail");
}

/* Flipped bytes, where the metadata is. */
static void
test_damage(unsigned int rounds)
{
	unsigned int i, k, kind;
	kern_return_t kr;

	for (i = 0; i < rounds; i++) {
		kind = rnd(NKINDS);
		disk_make(0, kind);
		model_init();
		vol_now = mount(0, 0);
		for (k = 0; k < 60; k++)
			op_any();
		files_close();
		pfs_volume_unmount(vol_now);
		for (k = 1 + rnd(60); k > 0; k--) {
			uint32_t area = rnd(3) == 0 ? 512 : rnd(2) ? 30000 : 600000;
			uint8_t byte = (uint8_t)(rnd(3) == 0 ? 0xff : rnd(2) ? rnd(16) : rnd(256));

			CHECK(pwrite(blk_file_fd(0), &byte, 1, (off_t)rnd(area)) == 1);
		}
		vol_now = tree_mount(&fat_ops, 0, 0, "", &kr);
		if (vol_now != NULL) {
			unsigned int before = failures;

			(void)before;
			tree_visit(vol_now->pv_root, 2000);
			for (k = 0; k < 40; k++) {
				struct pfs_new what = { .nw_mode = rnd(3) ? MX_S_IFREG | 0644 : MX_S_IFDIR | 0755 };
				const char *name = names[rnd(NNAMES)], *name2 = names[rnd(NNAMES)];
				struct pfs_node *node;
				size_t done;

				if (pfs_node_create(vol_now->pv_root, name, strlen(name), &what, &node) == KERN_SUCCESS ||
				    pfs_node_lookup(vol_now->pv_root, 0, name, strlen(name), &node) == KERN_SUCCESS) {
					(void)pfs_node_write(node, node->pn_attr.at_size < 100000 ? node->pn_attr.at_size : 5, "abc", 3, &done);
					(void)pfs_node_truncate(node, rnd(20000));
					pfs_node_release(node);
				}
				(void)pfs_node_rename(vol_now->pv_root, name, strlen(name), vol_now->pv_root, name2, strlen(name2), 0);
				(void)pfs_node_unlink(vol_now->pv_root, name2, strlen(name2), rnd(2) != 0);
			}
			pfs_volume_unmount(vol_now);
		}
		model_init();
		CHECK(world_live == 0);
		blk_file_close(0);
	}
	tap("damaged volumes");
}

/* ---- Main ---- */

int
main(void)
{
	bool is_long = getenv("MASIX_LONG") != NULL && *getenv("MASIX_LONG") != '\0';
	unsigned int i;

	if (!tree_has("mkfs.fat") || !tree_has("mcopy")) {
		printf("ok 1 - fat # SKIP no mkfs.fat or no mtools on this machine\n1..1\n");
		return 0;
	}
	if (getenv("SEED") != NULL)
		rnd_state = strtoull(getenv("SEED"), NULL, 10);
	test_read();
	test_names();
	test_attributes();
	test_limits();
	for (i = 0; i < NKINDS; i++)
		test_random(i, is_long ? 20 : 3, is_long ? 3000 : 400);
	for (i = 0; i < NKINDS; i++)
		test_cut(i, is_long ? 1000 : 40);
	test_errors(is_long ? 600 : 30);
	test_damage(is_long ? 3000 : 100);
	return tap_end();
}
