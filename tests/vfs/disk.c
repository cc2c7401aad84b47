/*
 * disk.c - files on a disk (masix/pfs_store.h), where the disk is memory that is slow, full or bad when a test wants it so.
 *
 * A page of it that is NULL is a hole. The file system has two files and counts what it is asked for. What the kernel does under
 * pressure is done here by having it return pages (mx_pager_clean); who has a file mapped is played by mx_pager_write, which changes the
 * kernel's pages behind the layer's back.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/abi.h>
#include <masix/mach.h>
#include <masix/pager.h>
#include <masix/pfs.h>
#include <masix/pfs_store.h>
#include <masix/server.h>
#include "io.h"
#include "test.h"
#include "vfs.h"

#define PAGES	320u
#define BAD	7u		/* the page of "file" that cannot be read */
#define DELAY	2000000ull	/* ns */

struct disk_file {
	struct pfs_node	df_node;	/* first */
	struct pfs_store *df_store;
	uint8_t		*df_page[PAGES];
	bool		df_reserved[PAGES];
};

static struct disk_file *files[2];	/* "file", "other" */
static bool is_slow, is_bad, is_broken;
static uint32_t room;			/* pages that may be reserved still */
static unsigned int fetches, stores, commits, released;

static struct disk_file *
disk_of(struct pfs_node *node)
{
	return (struct disk_file *)node;
}

/* ---- Where the bytes are ---- */

static kern_return_t
disk_fetch(struct pfs_node *node, uint32_t page, uint32_t npages, void **pages, uint32_t *got)
{
	struct disk_file *df = disk_of(node);
	bool is_hole = page >= PAGES || df->df_page[page] == NULL;
	uint32_t i, n;

	fetches++;
	if (is_slow)
		mx_sleep_ns(DELAY);
	for (n = 1; n < npages && page + n < PAGES && (df->df_page[page + n] == NULL) == is_hole; n++)
		;
	if (is_bad && node == &files[0]->df_node && page <= BAD && BAD < page + n)
		return MX_EIO;
	*got = n;
	*pages = NULL;
	if (is_hole)
		return KERN_SUCCESS;
	*pages = mx_pages_alloc(n * MX_PAGE);
	if (*pages == NULL)
		return MX_ENOMEM;
	for (i = 0; i < n; i++)
		memcpy((uint8_t *)*pages + i * MX_PAGE, df->df_page[page + i], MX_PAGE);
	return KERN_SUCCESS;
}

static kern_return_t
disk_store(struct pfs_node *node, uint32_t page, const void *data, uint32_t npages)
{
	struct disk_file *df = disk_of(node);
	uint32_t i;

	stores++;
	if (is_slow)
		mx_sleep_ns(DELAY);
	if (is_broken)
		return MX_EIO;
	for (i = 0; i < npages; i++) {
		if (page + i >= PAGES || (df->df_page[page + i] == NULL && !df->df_reserved[page + i]))
			return MX_ENOSPC;
		if (df->df_page[page + i] == NULL)
			df->df_page[page + i] = malloc(MX_PAGE);
		df->df_reserved[page + i] = false;
		memcpy(df->df_page[page + i], (const uint8_t *)data + i * MX_PAGE, MX_PAGE);
	}
	return KERN_SUCCESS;
}

static kern_return_t
disk_reserve(struct pfs_node *node, uint64_t offset, uint64_t length, bool *fresh)
{
	struct disk_file *df = disk_of(node);
	uint32_t first = (uint32_t)(offset / MX_PAGE), end = (uint32_t)((offset + length + MX_PAGE - 1) / MX_PAGE), i, n = 0;

	if (end > PAGES)
		return MX_EFBIG;
	for (i = first; i < end; i++)
		n += df->df_page[i] == NULL && !df->df_reserved[i];
	if (n > room)
		return MX_ENOSPC;
	room -= n;
	for (i = first; i < end; i++)
		df->df_reserved[i] |= df->df_page[i] == NULL;
	*fresh = n > 0;
	return KERN_SUCCESS;
}

static kern_return_t
disk_trim(struct pfs_node *node, uint64_t size)
{
	struct disk_file *df = disk_of(node);
	uint32_t i;

	for (i = (uint32_t)((size + MX_PAGE - 1) / MX_PAGE); i < PAGES; i++) {
		room += df->df_page[i] != NULL || df->df_reserved[i];
		free(df->df_page[i]);
		df->df_page[i] = NULL;
		df->df_reserved[i] = false;
	}
	return KERN_SUCCESS;
}

static const struct pfs_store_ops store_ops = {
	.st_fetch = disk_fetch, .st_store = disk_store, .st_reserve = disk_reserve, .st_trim = disk_trim,
};

/* ---- The table ---- */

static kern_return_t
disk_mount(struct pfs_volume *vol, const struct pfs_mount_args *args)
{
	unsigned int i;

	(void)args;
	vol->pv_root = calloc(1, sizeof(*vol->pv_root));
	if (vol->pv_root == NULL)
		return MX_ENOMEM;
	pfs_node_init(vol->pv_root, vol, 1, MX_S_IFDIR | 0755);
	for (i = 0; i < 2; i++) {
		if (files[i] == NULL)			/* a second mount finds what the first one left */
			files[i] = calloc(1, sizeof(*files[i]));
		if (files[i] == NULL)
			return MX_ENOMEM;
		files[i]->df_node.pn_volume = vol;
		if (files[i]->df_node.pn_attr.at_ino == 0)
			pfs_node_init(&files[i]->df_node, vol, 2 + i, MX_S_IFREG | 0644);
		files[i]->df_node.pn_refs = 0;		/* nobody uses it yet */
	}
	return KERN_SUCCESS;
}

static void
disk_unmount(struct pfs_volume *vol)
{
	pfs_node_release(vol->pv_root);
}

static kern_return_t
disk_sync(struct pfs_volume *vol)
{
	return pfs_store_sync(vol);
}

static kern_return_t
disk_lookup(struct pfs_node *dir, const char *name, size_t len, int32_t who, struct pfs_node **out)
{
	unsigned int i = len == 5 && memcmp(name, "other", 5) == 0;

	(void)dir;
	(void)who;
	if (i == 0 && (len != 4 || memcmp(name, "file", 4) != 0))
		return MX_ENOENT;
	if (pfs_store_attach(&files[i]->df_node, &files[i]->df_store, &store_ops) != KERN_SUCCESS)
		return MX_ENOMEM;
	pfs_node_hold(&files[i]->df_node);
	*out = &files[i]->df_node;
	return KERN_SUCCESS;
}

static void
node_done(struct pfs_node *node)
{
	(void)node;
	released++;
}

static void
disk_release(struct pfs_node *node)
{
	if (pfs_node_is_dir(node))
		free(node);
	else
		pfs_store_release(node, true, node_done);
}

static kern_return_t
disk_fsync(struct pfs_node *node, bool dataonly)
{
	(void)dataonly;
	pfs_store_clean(node);
	commits++;
	return KERN_SUCCESS;
}

const struct pfs_ops disk_ops = {
	.po_name = "disk", .po_cache = MX_CACHE_FOREVER, .po_mount = disk_mount, .po_unmount = disk_unmount,
	.po_sync = disk_sync, .po_lookup = disk_lookup, .po_release = disk_release, .po_read = pfs_store_read,
	.po_write = pfs_store_write, .po_truncate = pfs_store_truncate, .po_fsync = disk_fsync, .po_pager = pfs_store_pager,
	.po_reserve = pfs_store_reserve,
};

/* ---- Tests ---- */

static void
disk_fill(struct disk_file *df, uint32_t pages)
{
	uint32_t i;

	for (i = 0; i < pages * MX_PAGE; i++) {
		if (i % MX_PAGE == 0)
			df->df_page[i / MX_PAGE] = malloc(MX_PAGE);
		df->df_page[i / MX_PAGE][i % MX_PAGE] = (uint8_t)(i * 7 + i / MX_PAGE);
	}
	df->df_node.pn_attr.at_size = pages * MX_PAGE - 1;
}

static bool
disk_has(const struct disk_file *df, uint32_t offset, const void *data, size_t n)
{
	return df->df_page[offset / MX_PAGE] != NULL && memcmp(df->df_page[offset / MX_PAGE] + offset % MX_PAGE, data, n) == 0;
}

static bool
is_zero(const void *data, size_t n)
{
	const char *p = data;

	while (n > 0 && *p == 0)
		p++, n--;
	return n == 0;
}

static void
test_reading(mach_port_t io)
{
	static char buf[MX_DATA_MAX];
	struct disk_file *df = files[0];
	unsigned int before;
	uint32_t page;

	is_slow = is_bad = true;
	tap_ok(t_read(io, 12 * MX_PAGE - 100, buf, 8000) == 8000 && disk_has(df, 12 * MX_PAGE, buf + 100, MX_PAGE) && fetches == 1,
		"disk: reading three pages fetches a cluster");
	tap_ok(t_read(io, 15 * MX_PAGE, buf, MX_PAGE) == (int)MX_PAGE && fetches == 1,
		"disk: what comes after is there");
	tap_ok(t_read(io, BAD * MX_PAGE + 5, buf, 10) < 0, "disk: a page that cannot be read is an error");
	tap_ok(t_read(io, (BAD + 1) * MX_PAGE, buf, 10) == 10, "disk: the next one can");
	is_slow = is_bad = false;
	tap_ok(t_read(io, BAD * MX_PAGE + 5, buf, 10) == 10, "disk: and that, too, when it has become good");
	before = fetches;
	for (page = 40; page < 240; page++)
		if (t_read(io, (int64_t)page * MX_PAGE, buf, MX_PAGE) != (int)MX_PAGE)
			break;
	tap_ok(page == 240 && fetches - before <= 8, "disk: reading on fetches large clusters (%u for 200 pages)",
		fetches - before);
}

static void
test_writing(mach_port_t io)
{
	static char buf[MX_DATA_MAX];
	struct disk_file *df = files[0];
	unsigned int before;

	tap_is(t_write(io, 10000, "changed", 7), KERN_SUCCESS, "disk: a write");
	tap_is(t_write(io, 300 * MX_PAGE + 9, "changed", 7), KERN_SUCCESS, "disk: and one of a page that is not in the cache");
	tap_ok(!disk_has(df, 10000, "changed", 7) && !disk_has(df, 300 * MX_PAGE + 9, "changed", 7),
		"disk: they stay in the cache");
	tap_ok(t_read(io, 300 * MX_PAGE, buf, 16) == 16 && memcmp(buf + 9, "changed", 7) == 0 && buf[1] == (char)(7 + 300 % 256),
		"disk: where they can be read");
	before = stores;
	tap_is(io_sync(io, FALSE), KERN_SUCCESS, "disk: until fsync");
	tap_ok(disk_has(df, 10000, "changed", 7) && disk_has(df, 300 * MX_PAGE + 9, "changed", 7) && stores == before + 2,
		"disk: which stores the two pages");
	tap_ok(commits == 1, "disk: and commits");
	tap_is(io_sync(io, FALSE), KERN_SUCCESS, "disk: fsync again");
	tap_ok(stores == before + 2, "disk: stores nothing");
	before = fetches;
	tap_ok(t_read(io, 300 * MX_PAGE + 9, buf, 7) == 7 && memcmp(buf, "changed", 7) == 0 && fetches == before,
		"disk: a page that was stored is in the kernel's cache");
	tap_is(t_write(io, 11000, "later", 5), KERN_SUCCESS, "disk: a write that nobody syncs");
	mx_sleep_ns(4500000000ull);
	tap_ok(disk_has(df, 11000, "later", 5), "disk: is stored after a while");
}

static void
test_size(mach_port_t io)
{
	static char buf[MX_DATA_MAX];
	struct disk_file *df = files[0];
	struct mx_setattr set = { .sa_valid = MX_SET_SIZE, .sa_size = 5 * MX_PAGE + 10 };
	unsigned int before;

	tap_is(vfs_setattr(ctx_root, 0, MACH_PORT_NULL, "/mnt/file", 9, 0, set), KERN_SUCCESS, "disk: cut");
	tap_ok(df->df_page[5] != NULL && df->df_page[6] == NULL, "disk: what lay behind is freed");
	tap_ok(t_read(io, 5 * MX_PAGE, buf, 100) == 10, "disk: and cannot be read");
	set.sa_size = 20 * MX_PAGE;
	tap_is(vfs_setattr(ctx_root, 0, MACH_PORT_NULL, "/mnt/file", 9, 0, set), KERN_SUCCESS, "disk: made longer");
	tap_ok(t_read(io, 5 * MX_PAGE, buf, 8192) == 8192 && is_zero(buf + 10, 8182), "disk: it is zeros there");
	tap_is(io_sync(io, FALSE), KERN_SUCCESS, "disk: stored");
	tap_ok(is_zero(df->df_page[5] + 10, MX_PAGE - 10) && df->df_page[10] == NULL, "disk: zeros on the disk, and a hole");
	room = 1;
	before = stores;
	tap_is(t_write(io, 10 * MX_PAGE - 1, "xy", 2), MX_EIO, "disk: of two bytes on two pages with room for one");
	tap_ok(room == 0 && t_read(io, 10 * MX_PAGE - 1, buf, 2) == 2 && buf[0] == 'x' && buf[1] == 0, "disk: one is written");
	room = 0;
	tap_is(t_write(io, 12 * MX_PAGE, "xy", 2), MX_ENOSPC, "disk: nothing is written without room");
	tap_is(t_write(io, 2 * MX_PAGE, "xy", 2), KERN_SUCCESS, "disk: but where it is not needed");
	tap_is(io_sync(io, FALSE), KERN_SUCCESS, "disk: stored again");
	tap_ok(stores > before && df->df_page[9] != NULL, "disk: the one page is there");
	room = PAGES;
}

static void
test_errors(mach_port_t io)
{
	struct t_file f;

	tap_is(t_open(ctx_root, "/mnt/file", MX_O_RDWR, 0, &f), KERN_SUCCESS, "disk: a second opener");
	is_broken = true;
	tap_is(t_write(io, 100, "lost", 4), KERN_SUCCESS, "disk: a write that will be lost");
	tap_is(io_sync(io, FALSE), MX_EIO, "disk: fsync says so");
	is_broken = false;
	tap_is(io_sync(io, FALSE), KERN_SUCCESS, "disk: once");
	tap_is(io_sync(f.io, FALSE), MX_EIO, "disk: and the other opener, too");
	tap_is(io_sync(f.io, FALSE), KERN_SUCCESS, "disk: once");
	mx_port_release(f.io);
}

/* ---- Anything against a plain array ---- */

#define MODEL	(48 * MX_PAGE)

static uint8_t model[MODEL];
static uint32_t model_size, seed = 1;
static bool is_evicting;

static uint32_t
any(uint32_t n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

/* The kernel gives up pages, again and again, while others work. */
static void
evict_main(void *arg)
{
	struct mx_pager *pg = files[1]->df_node.pn_pager;
	uint32_t first = 3;

	(void)arg;
	while (is_evicting) {
		first = (first * 5 + 1) % 48;
		mx_pager_clean(pg, first, first + 7, true);
		mx_fibril_yield();
	}
	is_evicting = true;
}

static bool
model_write(mach_port_t io, bool is_mapped)
{
	static uint8_t buf[3 * MX_PAGE];
	uint32_t n = 1 + any(any(4) == 0 ? 2 * MX_PAGE : 200), at = any(MODEL - n), i;

	for (i = 0; i < n; i++)
		buf[i] = (uint8_t)any(256);
	if (is_mapped && at + n > model_size)
		return true;
	memcpy(model + at, buf, n);
	if (is_mapped)
		return mx_pager_write(files[1]->df_node.pn_pager, at, buf, n) == KERN_SUCCESS;
	if (at + n > model_size)
		model_size = at + n;
	return t_write(io, at, buf, n) == KERN_SUCCESS;
}

static bool
model_cut(mach_port_t io)
{
	uint32_t size = any(MODEL);

	if (size < model_size)
		memset(model + size, 0, model_size - size);
	model_size = size;
	return io_truncate(io, size) == KERN_SUCCESS;
}

static bool
model_check(mach_port_t io)
{
	static uint8_t buf[MX_DATA_MAX];
	uint32_t n = 1 + any(sizeof(buf) - 1), at = any(MODEL), want;

	want = at >= model_size ? 0 : model_size - at < n ? model_size - at : n;
	return t_read(io, at, buf, n) == (int)want && memcmp(buf, model + at, want) == 0;
}

static bool
model_step(mach_port_t io)
{
	switch (any(16)) {
	case 0:
		return model_cut(io);
	case 1:
		return io_sync(io, FALSE) == KERN_SUCCESS;
	case 2: case 3: case 4: case 5:
		return model_write(io, false);
	case 6: case 7: case 8:
		return model_write(io, true);
	default:
		return model_check(io);
	}
}

static void
test_model(mach_port_t io)
{
	struct disk_file *df = files[1];
	uint32_t i, page;
	bool ok = true;

	tap_is(t_write(io, 0, "x", 1), KERN_SUCCESS, "disk: another file");
	model[0] = 'x';
	model_size = 1;
	is_evicting = true;
	tap_is(mx_fibril_start(evict_main, NULL, "evict"), KERN_SUCCESS, "disk: the kernel gives pages up all the time");
	for (i = 0; ok && i < 3000; i++)
		ok = model_step(io);
	tap_ok(ok, "disk: 3000 random operations as on an array (%u)", i);
	is_evicting = false;
	while (!is_evicting)
		mx_fibril_yield();
	tap_is(io_sync(io, FALSE), KERN_SUCCESS, "disk: all is stored");
	for (page = 0; ok && page * MX_PAGE < model_size; page++)
		ok = df->df_page[page] != NULL ? memcmp(df->df_page[page], model + page * MX_PAGE, MX_PAGE) == 0 :
			is_zero(model + page * MX_PAGE, MX_PAGE);
	tap_ok(ok, "disk: and the disk is the same (page %u)", page);
}

/* Have IO's file mapped for writing once, so that its pages are looked at. */
static bool
map_once(mach_port_t io)
{
	mach_port_t memory = MACH_PORT_NULL, info = MACH_PORT_NULL;
	uint32_t offset;
	int32_t prot;
	bool ok = io_map(io, &memory, &prot, &info, &offset) == KERN_SUCCESS && (prot & VM_PROT_WRITE) != 0;

	mx_port_release(memory);
	mx_port_release(info);
	return ok;
}

static kern_return_t
remount(uint32_t flags)
{
	return vfs_mount(ctx_root, 0, "/mnt", 4, "none", 4, "disk", 4, flags | 32, "", 0);
}

void
test_disk(void)
{
	struct t_file f, g;

	room = PAGES;
	tap_is(vfs_mount(ctx_root, 0, "/mnt", 4, "none", 4, "disk", 4, 0, "", 0), KERN_SUCCESS, "disk: mounted");
	disk_fill(files[0], 310);
	tap_is(t_open(ctx_root, "/mnt/file", MX_O_RDWR, 0, &f), KERN_SUCCESS, "disk: its file opens");
	fetches = 0;
	test_reading(f.io);
	test_writing(f.io);
	test_size(f.io);
	test_errors(f.io);
	tap_is(t_open(ctx_root, "/mnt/other", MX_O_RDWR, 0, &g), KERN_SUCCESS, "disk: the other file opens");
	tap_ok(map_once(g.io), "disk: it can be mapped");
	test_model(g.io);
	tap_is(io_truncate(g.io, 2 * MX_PAGE), KERN_SUCCESS, "disk: and cut");
	tap_is(t_write(g.io, MX_PAGE, "in memory", 9), KERN_SUCCESS, "disk: written");
	tap_is(io_sync(g.io, FALSE), KERN_SUCCESS, "disk: stored");
	tap_is(mx_pager_write(files[1]->df_node.pn_pager, MX_PAGE, "by memory", 9), KERN_SUCCESS, "disk: changed in memory");
	tap_is(vfs_umount(ctx_root, 0, "/mnt", 4, 0), MX_EBUSY, "disk: open files keep it busy");
	tap_is(remount(PFS_RDONLY), MX_EBUSY, "disk: and writable");
	mx_port_release(f.io);
	mx_port_release(g.io);
	mx_sleep_ns(50000000);
	tap_is(remount(PFS_RDONLY), KERN_SUCCESS, "disk: remounted read-only");
	tap_is(t_open(ctx_root, "/mnt/file", MX_O_RDWR, 0, &f), MX_EROFS, "disk: nothing can be written");
	tap_is(remount(PFS_SYNC), KERN_SUCCESS, "disk: and writable again, synchronous");
	tap_is(t_open(ctx_root, "/mnt/file", MX_O_RDWR, 0, &f), KERN_SUCCESS, "disk: it opens");
	tap_ok(t_write(f.io, 3, "at once", 7) == KERN_SUCCESS && disk_has(files[0], 3, "at once", 7), "disk: a write is stored at once");
	mx_port_release(f.io);
	mx_sleep_ns(50000000);
	tap_is(vfs_umount(ctx_root, 0, "/mnt", 4, 0), KERN_SUCCESS, "disk: unmounted");
	tap_ok(disk_has(files[1], MX_PAGE, "by memory", 9), "disk: what was in memory is on the disk then");
	tap_ok(files[0]->df_store == NULL && files[1]->df_store == NULL && released >= 2, "disk: and the kernel has forgotten the files");
}
