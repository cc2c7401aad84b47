/*
 * od_file.c - pages of a file from and to where its blocks are.
 *
 * A page whose blocks lie together is read where it will stay (blk_read_pages) with as many neighbours as possible; one whose blocks
 * are scattered is put together from pieces.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <masix/ondisk.h>
#include <masix/pager.h>

static uint64_t
min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
sectors_of(uint64_t bytes)
{
	return (bytes + BLK_SECTOR - 1) & ~(uint64_t)(BLK_SECTOR - 1);
}

/* One page from pieces; BYTES of it are on the disk. */
static kern_return_t
page_assemble(struct blk_disk *bd, struct pfs_node *node, od_map_t *map, uint64_t offset, uint64_t bytes, void **out)
{
	uint8_t *page = mx_page_alloc();
	uint64_t disk, n, at;
	kern_return_t kr = KERN_SUCCESS;

	if (page == NULL)
		return MX_ENOMEM;
	memset(page, 0, MX_PAGE);
	for (at = 0; at < bytes && kr == KERN_SUCCESS; at += n) {
		kr = map(node, offset + at, sectors_of(bytes - at), &disk, &n);
		if (kr == KERN_SUCCESS && disk != 0)
			kr = blk_read(bd, disk, page + at, (size_t)n);
	}
	if (kr != KERN_SUCCESS) {
		mx_page_free(page);
		return kr;
	}
	memset(page + bytes, 0, (size_t)(MX_PAGE - bytes));
	*out = page;
	return KERN_SUCCESS;
}

/* The pages that [OFFSET, OFFSET + BYTES) takes, all of it at DISK. */
static kern_return_t
pages_read(struct blk_disk *bd, uint64_t disk, uint64_t bytes, void **pages, uint32_t *got)
{
	uint64_t whole = (bytes + MX_PAGE - 1) & ~(uint64_t)(MX_PAGE - 1);
	kern_return_t kr = blk_read_pages(bd, disk, (size_t)sectors_of(bytes), pages);

	if (kr != KERN_SUCCESS)
		return kr;
	memset((uint8_t *)*pages + bytes, 0, (size_t)(whole - bytes));
	*got = (uint32_t)(whole / MX_PAGE);
	return KERN_SUCCESS;
}

kern_return_t
od_fetch(struct blk_disk *bd, struct pfs_node *node, od_map_t *map, uint64_t end, uint32_t page, uint32_t npages, void **pages,
	uint32_t *got)
{
	uint64_t offset = (uint64_t)page * MX_PAGE, want = min64((uint64_t)npages * MX_PAGE, BLK_PAGES_MAX), disk, n;
	kern_return_t kr;

	*pages = NULL;
	*got = npages;
	if (offset >= end)
		return KERN_SUCCESS;			/* nothing but zeros */
	want = min64(want, end - offset);
	kr = map(node, offset, sectors_of(want), &disk, &n);
	if (kr != KERN_SUCCESS)
		return kr;
	n = min64(n, want);
	if (n < want)
		n &= ~(uint64_t)(MX_PAGE - 1);		/* whole pages, unless it is all there is */
	*got = (uint32_t)((n + MX_PAGE - 1) / MX_PAGE);
	if (n > 0 && disk == 0)
		return KERN_SUCCESS;
	if (n > 0)
		return pages_read(bd, disk, n, pages, got);
	*got = 1;
	return page_assemble(bd, node, map, offset, min64(want, MX_PAGE), pages);
}

kern_return_t
od_store(struct blk_disk *bd, struct pfs_node *node, od_map_t *map, uint64_t offset, const void *data, size_t n)
{
	const uint8_t *from = data;
	uint64_t disk, k, left;
	kern_return_t kr;

	for (left = sectors_of(n); left > 0; left -= k, offset += k, from += k) {
		kr = map(node, offset, left, &disk, &k);
		if (kr == KERN_SUCCESS && disk == 0)
			kr = MX_EIO;
		if (kr == KERN_SUCCESS)
			kr = blk_write(bd, disk, from, (size_t)k);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	return KERN_SUCCESS;
}
