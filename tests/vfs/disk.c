/*
 * disk.c - a file system whose pages have to be fetched: each takes a while, and one cannot be read.
 *
 * It stands for those that keep files on a disk or at another machine: requests of the kernel are deferred to fibrils, read() and write()
 * go through the page cache, changed pages come back when they are cleaned.
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
#include <masix/server.h>
#include "io.h"
#include "test.h"
#include "vfs.h"

#define PAGES	40u
#define BAD	7u		/* the page that cannot be read */
#define DELAY	2000000ull	/* ns */

static uint8_t disk[PAGES][MX_PAGE];
static unsigned int fetched, written;

/* ---- The pager ---- */

static void
disk_request(struct mx_pager *pg, uint32_t page, vm_prot_t access)
{
	mx_pager_defer(pg, page, access);
}

static void
disk_deferred(struct mx_pager *pg, uint32_t page, vm_prot_t access)
{
	void *data;

	(void)access;
	mx_sleep_ns(DELAY);
	data = page < PAGES && page != BAD ? mx_page_alloc() : NULL;
	if (data == NULL) {
		mx_pager_error(pg, page);
		return;
	}
	memcpy(data, disk[page], MX_PAGE);
	fetched++;
	if (mx_pager_supply(pg, page, data, 1, true, false) == NULL)
		mx_page_gone(data, 1);
	else
		mx_page_free(data);
}

static void
disk_return(struct mx_pager *pg, uint32_t page, void *data, uint32_t npages, bool dirty, bool kernel_copy)
{
	uint32_t i;

	(void)pg;
	(void)kernel_copy;
	for (i = 0; i < npages; i++) {
		if (dirty && page + i < PAGES) {
			memcpy(disk[page + i], (char *)data + i * MX_PAGE, MX_PAGE);
			written++;
		}
		mx_page_free((char *)data + i * MX_PAGE);
	}
}

static void
disk_terminated(struct mx_pager *pg)
{
	(void)pg;
}

static void
disk_unused(struct mx_pager *pg)
{
	struct pfs_node *node = mx_pager_owner(pg);

	mx_pager_destroy(pg);
	free(node);
}

static const struct mx_pager_ops pager_ops = {
	.pg_request = disk_request, .pg_deferred = disk_deferred, .pg_return = disk_return,
	.pg_terminated = disk_terminated, .pg_unused = disk_unused,
};

/* ---- The table ---- */

static struct pfs_node *file;

static kern_return_t
disk_mount(struct pfs_volume *vol, const struct pfs_mount_args *args)
{
	(void)args;
	vol->pv_root = calloc(1, sizeof(*vol->pv_root));
	file = calloc(1, sizeof(*file));
	if (vol->pv_root == NULL || file == NULL)
		return MX_ENOMEM;
	pfs_node_init(vol->pv_root, vol, 1, MX_S_IFDIR | 0755);
	pfs_node_init(file, vol, 2, MX_S_IFREG | 0644);
	file->pn_attr.at_size = sizeof(disk);
	return KERN_SUCCESS;
}

static void
disk_unmount(struct pfs_volume *vol)
{
	pfs_node_release(file);
	pfs_node_release(vol->pv_root);
}

static kern_return_t
disk_lookup(struct pfs_node *dir, const char *name, size_t len, int32_t who, struct pfs_node **out)
{
	(void)dir;
	(void)who;
	if (len != 4 || memcmp(name, "file", 4) != 0)
		return MX_ENOENT;
	pfs_node_hold(file);
	*out = file;
	return KERN_SUCCESS;
}

static void
disk_release(struct pfs_node *node)
{
	if (node->pn_pager != NULL)
		mx_pager_retire(node->pn_pager);
	else
		free(node);
}

static kern_return_t
disk_pager(struct pfs_node *node, struct mx_pager **out)
{
	return mx_pager_create(&pager_ops, node, out);
}

/* read() and write() use the page cache, as the kernel has it. */
static kern_return_t
pager_ensure(struct pfs_node *node)
{
	return node->pn_pager != NULL ? KERN_SUCCESS : disk_pager(node, &node->pn_pager);
}

static kern_return_t
disk_read(struct pfs_node *node, uint64_t offset, void *buf, size_t count, size_t *done)
{
	kern_return_t kr = pager_ensure(node);

	if (kr == KERN_SUCCESS)
		kr = mx_pager_read(node->pn_pager, offset, buf, count);
	*done = kr == KERN_SUCCESS ? count : 0;
	return kr;
}

static kern_return_t
disk_write(struct pfs_node *node, uint64_t offset, const void *buf, size_t count, size_t *done)
{
	kern_return_t kr = pager_ensure(node);

	*done = 0;
	if (offset + count > sizeof(disk))
		return MX_ENOSPC;
	if (kr == KERN_SUCCESS)
		kr = mx_pager_write(node->pn_pager, offset, buf, count);
	*done = kr == KERN_SUCCESS ? count : 0;
	return kr;
}

static kern_return_t
disk_fsync(struct pfs_node *node, bool dataonly)
{
	(void)dataonly;
	if (node->pn_pager != NULL)
		mx_pager_clean(node->pn_pager, 0, PAGES, false);
	return KERN_SUCCESS;
}

const struct pfs_ops disk_ops = {
	.po_name = "disk", .po_cache = MX_CACHE_FOREVER, .po_mount = disk_mount, .po_unmount = disk_unmount,
	.po_lookup = disk_lookup, .po_release = disk_release, .po_read = disk_read, .po_write = disk_write,
	.po_fsync = disk_fsync, .po_pager = disk_pager,
};

/* ---- Tests ---- */

static void
disk_fill(void)
{
	uint32_t i;

	for (i = 0; i < sizeof(disk); i++)
		((uint8_t *)disk)[i] = (uint8_t)(i * 7 + i / MX_PAGE);
}

void
test_disk(void)
{
	static char buf[MX_DATA_MAX];
	struct t_file f;
	unsigned int before;
	uint64_t start;

	disk_fill();
	tap_is(vfs_mount(ctx_root, 0, "/mnt", 4, "none", 4, "disk", 4, 0, "", 0), KERN_SUCCESS, "disk: mounted");
	tap_is(t_open(ctx_root, "/mnt/file", MX_O_RDWR, 0, &f), KERN_SUCCESS, "disk: its file opens");
	tap_ok(t_read(f.io, 3000, buf, 8000) == 8000 && memcmp(buf, (char *)disk + 3000, 8000) == 0 && fetched == 3,
		"disk: reading fetches three pages");
	start = mx_now_ns();
	tap_ok(t_read(f.io, 4096, buf, 4096) == 4096 && mx_now_ns() - start < DELAY, "disk: the second time they are there");
	tap_ok(t_read(f.io, BAD * MX_PAGE + 5, buf, 10) < 0, "disk: a page that cannot be read is an error");
	tap_ok(t_read(f.io, (BAD + 1) * MX_PAGE, buf, 10) == 10, "disk: the next one can");
	tap_is(t_write(f.io, 10000, "changed", 7), KERN_SUCCESS, "disk: a write");
	tap_ok(memcmp((char *)disk + 10000, "changed", 7) != 0, "disk: stays in the page cache");
	before = written;
	tap_is(io_sync(f.io, FALSE), KERN_SUCCESS, "disk: until fsync");
	tap_ok(memcmp((char *)disk + 10000, "changed", 7) == 0 && written == before + 1, "disk: which writes the one page");
	tap_is(io_sync(f.io, FALSE), KERN_SUCCESS, "disk: fsync again");
	tap_ok(written == before + 1, "disk: writes nothing");
	mx_port_release(f.io);
	mx_sleep_ns(50000000);
	tap_is(vfs_umount(ctx_root, 0, "/mnt", 4, 0), KERN_SUCCESS, "disk: unmounted");
}
