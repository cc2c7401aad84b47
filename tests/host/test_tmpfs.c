/*
 * test_tmpfs.c - the contents of files: random operations, compared with a plain array of bytes.
 *
 * The kernel of pfs_world.c maps the file, writes to it, evicts, cleans and forgets pages at random, so that each page goes
 * through all the places where it can be.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <string.h>
#include "tmpfs.h"

#define SIZE_LIMIT (40u * MX_PAGE)

static struct pfs_volume *vol;

static void
volume_make(const char *options)
{
	const struct pfs_mount_args args = { "", 0, options, strlen(options), 0 };

	CHECK(pfs_volume_mount(&tmpfs_ops, 0, &args, &vol) == KERN_SUCCESS);
}

/* Unmount, and see that nothing is left. */
static void
volume_end(unsigned int live)
{
	uint32_t pool_chunks, free_pages, others;

	pfs_volume_unmount(vol);
	world_run();
	mx_page_stats(&pool_chunks, &free_pages, &others);
	CHECK(pool_chunks == world_chunks() && free_pages == pool_chunks * 64);
	CHECK(world_pages() == others);
	CHECK(world_live == live);
}

static struct pfs_node *
file_make(const char *name)
{
	const struct pfs_new what = { .nw_mode = MX_S_IFREG | 0644 };
	struct pfs_node *node = NULL;

	CHECK(pfs_node_create(vol->pv_root, name, strlen(name), &what, &node) == KERN_SUCCESS);
	return node;
}

/* ---- The model ---- */

static uint8_t model[SIZE_LIMIT + MX_PAGE];
static uint32_t model_size;

static void
model_write(uint32_t at, const uint8_t *data, uint32_t n)
{
	memcpy(model + at, data, n);
	if (at + n > model_size)
		model_size = at + n;
}

static void
model_resize(uint32_t size)
{
	if (size < model_size)
		memset(model + size, 0, model_size - size);
	model_size = size;
}

static void
compare(struct pfs_node *node)
{
	static uint8_t data[SIZE_LIMIT + MX_PAGE];
	size_t done;

	CHECK(node->pn_attr.at_size == model_size);
	CHECK(pfs_node_read(node, 0, data, sizeof(data), &done) == KERN_SUCCESS);
	CHECK(done == model_size && memcmp(data, model, model_size) == 0);
}

/* ---- Operations ---- */

static void
data_fill(uint8_t *data, uint32_t n)
{
	uint8_t byte = (uint8_t)(1 + rnd(255));

	while (n-- > 0)
		*data++ = byte++;
}

static void
op_write(struct pfs_node *node)
{
	static uint8_t data[5 * MX_PAGE];
	uint32_t at = rnd(2) ? rnd(SIZE_LIMIT - sizeof(data)) : rnd(3000), n = 1 + rnd(rnd(2) ? sizeof(data) - 1 : 600);
	size_t done;

	data_fill(data, n);
	CHECK(pfs_node_write(node, at, data, n, &done) == KERN_SUCCESS && done == n);
	model_write(at, data, n);
}

static void
op_truncate(struct pfs_node *node)
{
	uint32_t size = rnd(3) ? rnd(SIZE_LIMIT) : rnd(8000);

	if (rnd(10) == 0)
		size = 0;
	CHECK(pfs_node_truncate(node, size) == KERN_SUCCESS);
	model_resize(size);
}

static void
op_map(struct pfs_node *node)
{
	if (node->pn_pager == NULL)
		CHECK(tmpfs_ops.po_pager(node, &node->pn_pager) == KERN_SUCCESS);
}

/* A client's access through a mapping: what is past the end but in the last page may be written, and must not last. */
static void
op_touch(struct pfs_node *node)
{
	static uint8_t data[3 * MX_PAGE];
	uint32_t end = (model_size + MX_PAGE - 1) & ~(MX_PAGE - 1), at, n;
	bool write = rnd(2);

	if (node->pn_pager == NULL)
		return;
	CHECK(!world_touch(node->pn_pager, end + rnd(4) * MX_PAGE, data, 1, write));
	if (end == 0)
		return;
	at = rnd(end);
	n = 1 + rnd(end - at < sizeof(data) ? end - at : sizeof(data));
	data_fill(data, n);
	CHECK(world_touch(node->pn_pager, at, data, n, write));
	if (at >= model_size)
		return;
	if (n > model_size - at)
		n = model_size - at;
	if (write)
		memcpy(model + at, data, n);
	else
		CHECK(memcmp(model + at, data, n) == 0);
}

static void
op_kernel(struct pfs_node *node)
{
	if (node->pn_pager == NULL)
		return;
	switch (rnd(8)) {
	case 0:
		world_terminate(node->pn_pager);
		break;
	case 1: case 2:
		world_clean(node->pn_pager, rnd(SIZE_LIMIT / MX_PAGE));
		break;
	default:
		world_evict(node->pn_pager, rnd(SIZE_LIMIT / MX_PAGE));
	}
}

static void
op_allocate(struct pfs_node *node)
{
	uint32_t at = rnd(SIZE_LIMIT - MX_PAGE), n = 1 + rnd(SIZE_LIMIT - at - 1);
	bool punch = rnd(2);

	CHECK(tmpfs_ops.po_allocate(node, punch ? 3 : 1, at, n) == KERN_SUCCESS);
	if (punch && at < model_size)
		memset(model + at, 0, at + n < model_size ? n : model_size - at);
}

static void
op_seek(struct pfs_node *node)
{
	uint64_t at = model_size != 0 ? rnd(model_size) : 0, found = at, i;
	bool data = rnd(2);

	if (model_size == 0)
		return;
	if (tmpfs_ops.po_seek(node, data, &found) != KERN_SUCCESS)
		found = model_size;
	CHECK(found >= at && found <= model_size);
	if (data)				/* nothing but zeros is skipped */
		for (i = at; i < found; i++)
			CHECK(model[i] == 0);
}

static void
op_random(struct pfs_node *node)
{
	switch (rnd(16)) {
	case 0: case 1: case 2: case 3:
		op_write(node);
		break;
	case 4:
		op_truncate(node);
		break;
	case 5:
		op_map(node);
		break;
	case 6:
		op_allocate(node);
		break;
	case 7:
		op_seek(node);
		break;
	case 8: case 9: case 10: case 11:
		op_kernel(node);
		break;
	default:
		op_touch(node);
	}
}

static void
blocks_check(const struct pfs_node *node)
{
	const struct tmpfs_node *tn = (const struct tmpfs_node *)node;

	if (tn->u.reg.tp_archive == NULL && tn->u.reg.tp_small == NULL)
		CHECK(node->pn_attr.at_blocks == (uint64_t)tn->u.reg.tp_used * 8);
}

static void
run_file(struct pfs_node *node, unsigned int steps)
{
	unsigned int i;

	for (i = 0; i < steps; i++) {
		op_random(node);
		blocks_check(node);
		if (rnd(8) == 0)
			compare(node);
	}
	compare(node);
}

static void
test_random(void)
{
	unsigned int live = world_live, round;

	for (round = 0; round < 60; round++) {
		struct pfs_node *node;

		volume_make("mode=0755");
		node = file_make("f");
		memset(model, 0, sizeof(model));
		model_size = 0;
		run_file(node, 200);
		if (rnd(2))
			CHECK(pfs_node_unlink(vol->pv_root, "f", 1, false) == KERN_SUCCESS);
		if (rnd(2))
			run_file(node, 20);
		pfs_node_release(node);
		volume_end(live);
	}
	tap("random operations agree with an array of bytes, and leave nothing");
}

/* ---- An archive ---- */

static size_t
member_put(uint8_t *to, size_t at, const char *name, uint32_t mode, uint32_t ino, uint32_t nlink, const void *data,
	uint32_t size, bool align)
{
	size_t start = at, name_size = strlen(name) + 1, head;

	if (align)
		while ((start + 110 + name_size) % MX_PAGE != 0)
			name_size++;
	head = 110 + name_size;
	head = (head + 3) & ~(size_t)3;
	memset(to + at, 0, head);
	(void)sprintf((char *)to + at, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", (unsigned)ino,
		(unsigned)mode, 0u, 0u, (unsigned)nlink, 1000000000u, (unsigned)size, 0u, 0u, 0u, 0u, (unsigned)name_size, 0u);
	strcpy((char *)to + at + 110, name);
	memcpy(to + at + head, data, size);
	return (at + head + size + 3) & ~(size_t)3;
}

static uint8_t archive[64 * MX_PAGE] __attribute__((aligned(4096)));

static size_t
archive_make(const uint8_t *big, uint32_t big_size)
{
	size_t at = 0;

	at = member_put(archive, at, ".", MX_S_IFDIR | 0755, 1, 2, "", 0, false);
	at = member_put(archive, at, "a/b", MX_S_IFDIR | 0700, 2, 2, "", 0, false);
	at = member_put(archive, at, "a/b/big", MX_S_IFREG | 0644, 3, 1, big, big_size, true);
	at = member_put(archive, at, "./a/link", MX_S_IFLNK | 0777, 4, 1, "b/big", 5, false);
	at = member_put(archive, at, "/odd", MX_S_IFREG | 0600, 5, 1, "not aligned", 11, false);
	at = member_put(archive, at, "h1", MX_S_IFREG | 0600, 6, 2, "", 0, false);
	at = member_put(archive, at, "h2", MX_S_IFREG | 0600, 6, 2, "hard", 4, false);
	return member_put(archive, at, "TRAILER!!!", 0, 0, 1, "", 0, false);
}

static struct pfs_node *
find(const char *path)
{
	struct pfs_node *node = vol->pv_root, *next;
	char copy[100], *name;

	pfs_node_hold(node);
	strcpy(copy, path);
	for (name = strtok(copy, "/"); name != NULL; name = strtok(NULL, "/")) {
		kern_return_t kr = pfs_node_lookup(node, 0, name, strlen(name), &next);

		pfs_node_release(node);
		if (kr != KERN_SUCCESS)
			return NULL;
		node = next;
	}
	return node;
}

static void
test_archive(void)
{
	static uint8_t big[20 * MX_PAGE];
	unsigned int live = world_live, round;
	uint32_t big_size = 17 * MX_PAGE + 123;
	struct pfs_node *node, *other;
	char text[20];
	size_t size, n;

	data_fill(big, sizeof(big));
	for (round = 0; round < 40; round++) {
		size = archive_make(big, big_size);
		volume_make("");
		CHECK(tmpfs_unpack(vol->pv_root, archive, size, false) == KERN_SUCCESS);
		node = find("a/b/big");
		CHECK(node != NULL && node->pn_attr.at_mtime == 1000000000 && node->pn_attr.at_blocks == 18 * 8);
		memset(model, 0, sizeof(model));
		model_size = 0;
		model_write(0, big, big_size);
		compare(node);
		run_file(node, 60);
		pfs_node_release(node);
		node = find("a/link");
		CHECK(pfs_node_readlink(node, 0, text, sizeof(text), &n) == KERN_SUCCESS && n == 5 && memcmp(text, "b/big", 5) == 0);
		pfs_node_release(node);
		node = find("h1");
		other = find("h2");
		CHECK(node == other && node->pn_attr.at_nlink == 2);
		CHECK(pfs_node_read(node, 0, text, sizeof(text), &n) == KERN_SUCCESS && n == 4 && memcmp(text, "hard", 4) == 0);
		pfs_node_release(node);
		pfs_node_release(other);
		CHECK(memcmp(archive + 3 * MX_PAGE, archive + 3 * MX_PAGE, MX_PAGE) == 0);
		volume_end(live);
	}
	tap("an archive's files are used in place and never changed");
	for (round = 0; round < 3000; round++) {	/* damaged archives */
		size = archive_make(big, 5000);
		for (n = 0; n < 4; n++)
			archive[rnd((uint32_t)size)] = (uint8_t)rnd(256);
		volume_make("");
		(void)tmpfs_unpack(vol->pv_root, archive, rnd(4) ? size : rnd((uint32_t)size), rnd(2));
		volume_end(live);
	}
	tap("a damaged archive does no harm");
}

/* ---- Limits ---- */

static void
test_full(void)
{
	static uint8_t data[MX_PAGE];
	unsigned int live = world_live, i;
	struct pfs_node *node;
	struct mx_statfs st;
	size_t done;

	volume_make("size=40k,mode=0700");
	CHECK(vol->pv_root->pn_attr.at_mode == (MX_S_IFDIR | 0700));
	node = file_make("f");
	for (i = 0; i < 10; i++)
		CHECK(pfs_node_write(node, i * MX_PAGE, data, MX_PAGE, &done) == KERN_SUCCESS);
	CHECK(pfs_node_write(node, i * MX_PAGE, data, MX_PAGE, &done) == MX_ENOSPC && done == 0);
	CHECK(pfs_volume_statfs(vol, &st) == KERN_SUCCESS && st.sf_blocks == 10 && st.sf_bfree == 0);
	CHECK(pfs_node_truncate(node, 50 * MX_PAGE) == KERN_SUCCESS);
	op_map(node);
	CHECK(!world_touch(node->pn_pager, 20 * MX_PAGE, data, 1, true));
	CHECK(pfs_node_truncate(node, 9 * MX_PAGE + 1) == KERN_SUCCESS);
	CHECK(pfs_node_truncate(node, 9 * MX_PAGE) == KERN_SUCCESS);
	CHECK(pfs_node_truncate(node, 50 * MX_PAGE) == KERN_SUCCESS);
	CHECK(world_touch(node->pn_pager, 20 * MX_PAGE, data, 1, true));
	CHECK(pfs_node_write(node, 30 * MX_PAGE, data, MX_PAGE, &done) == MX_ENOSPC);
	CHECK(pfs_node_write(node, UINT64_C(0xfffff000), data, 1, &done) == MX_EFBIG);
	CHECK(pfs_node_truncate(node, UINT64_C(0x100000000)) == MX_EFBIG);
	pfs_node_release(node);
	volume_end(live);
	tap("a full volume says so, to mappings as well");
}

/* A fixed piece of work, with the N-th allocation failing, for all N. */
static void
work(void)
{
	static uint8_t data[3 * MX_PAGE];
	const struct pfs_new reg = { .nw_mode = MX_S_IFREG | 0644 }, dir = { .nw_mode = MX_S_IFDIR | 0755 };
	const struct pfs_new link = { .nw_mode = MX_S_IFLNK | 0777, .nw_target = "target", .nw_target_len = 6 };
	struct pfs_node *d = NULL, *f = NULL, *l = NULL;
	size_t done;

	if (pfs_node_create(vol->pv_root, "d", 1, &dir, &d) != KERN_SUCCESS)
		return;
	if (pfs_node_create(d, "f", 1, &reg, &f) == KERN_SUCCESS) {
		(void)pfs_node_write(f, 0, data, 100, &done);
		(void)pfs_node_write(f, 1000, data, sizeof(data), &done);
		(void)pfs_node_truncate(f, 5000000);
		if (f->pn_pager == NULL && tmpfs_ops.po_pager(f, &f->pn_pager) == KERN_SUCCESS) {
			(void)world_touch(f->pn_pager, 4096, data, 8192, true);
			(void)pfs_node_write(f, 3000000, data, 5000, &done);
			(void)world_touch(f->pn_pager, 3000000, data, 1, true);
			(void)pfs_node_truncate(f, 6000);
		}
		(void)pfs_node_link(vol->pv_root, "g", 1, f);
		(void)pfs_node_rename(d, "f", 1, vol->pv_root, "e", 1, 0);
		(void)pfs_node_rename(vol->pv_root, "e", 1, d, "x", 1, 0);
		pfs_node_release(f);
	}
	if (pfs_node_create(d, "l", 1, &link, &l) == KERN_SUCCESS)
		pfs_node_release(l);
	pfs_node_release(d);
}

static void
test_memory(void)
{
	unsigned int live = world_live, n;

	for (n = 1; n < 120; n++) {
		world_fail_sticky = n % 2;
		volume_make("");
		world_fail_at = n / 2 + 1;
		work();
		world_fail_at = 0;
		volume_end(live);
	}
	tap("running out of memory at any point leaves a sound tree");
}

static void
test_readdir(void)
{
	unsigned int live = world_live, i, seen[200] = { 0 }, round;
	char name[20], buf[200];
	struct pfs_node *node;
	uint64_t cookie = 0;
	size_t len, at;

	volume_make("");
	for (i = 0; i < 200; i++) {
		(void)sprintf(name, "name%u", i);
		node = file_make(name);
		pfs_node_release(node);
	}
	for (round = 0; round < 1000; round++) {
		len = sizeof(buf);
		CHECK(pfs_node_readdir(vol->pv_root, cookie, 0, buf, &len) == KERN_SUCCESS);
		if (len == 0)
			break;
		for (at = 0; at < len; at += ((struct mx_dirent *)(buf + at))->de_reclen) {
			cookie = ((struct mx_dirent *)(buf + at))->de_cookie;
			CHECK(sscanf(buf + at + MX_DIRENT_NAME, "name%u", &i) == 1 && i < 200);
			seen[i]++;
			if (i % 3 == 0) {		/* removing while reading loses nothing else */
				(void)sprintf(name, "name%u", i);
				CHECK(pfs_node_unlink(vol->pv_root, name, strlen(name), false) == KERN_SUCCESS);
			}
		}
	}
	for (i = 0; i < 200; i++)
		CHECK(seen[i] == 1);
	len = 8;
	CHECK(pfs_node_readdir(vol->pv_root, 0, 0, buf, &len) == MX_EINVAL);
	volume_end(live);
	tap("a directory that changes is read without repeats or gaps");
}

int
main(int argc, char **argv)
{
	rnd_state = argc > 1 ? (uint64_t)atoll(argv[1]) : 1;
	tmpfs_init(4096);
	test_random();
	test_archive();
	test_full();
	test_memory();
	test_readdir();
	return tap_end();
}
