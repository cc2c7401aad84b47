/*
 * p9_file.c - contents of the host's files, a page or a run of pages at a time.
 *
 * Pages are cached like those of any file. A read() or write() of the guest is at the host when it returns; what is written through
 * mapped memory is there after msync, or when the cache is written back. Contents that the host changes are seen when the
 * file's attributes are asked for next, as when it is opened.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <masix/pager.h>
#include "p9.h"

#define RUN_MAX		64u		/* pages of one fetch */

static struct p9_node *
node_of(struct pfs_node *node)
{
	return (struct p9_node *)node;
}

kern_return_t
p9_node_open(struct p9_node *nd, bool writes)
{
	struct p9_client *cl = p9_client_of(&nd->nd_node);
	uint32_t fid;
	kern_return_t kr;

	if (nd->nd_io != P9_NOFID && (nd->nd_io_writes || !writes))
		return KERN_SUCCESS;
	kr = p9_walk(cl, nd->nd_fid, NULL, 0, &fid);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = p9_open(cl, fid, writes ? MX_O_RDWR : MX_O_RDONLY);
	if (kr != KERN_SUCCESS) {
		p9_clunk(cl, fid);
		return kr;
	}
	if (nd->nd_io != P9_NOFID && (nd->nd_io_writes || !writes)) {
		p9_clunk(cl, fid);		/* somebody else was quicker */
		return KERN_SUCCESS;
	}
	if (nd->nd_io != P9_NOFID)
		p9_clunk(cl, nd->nd_io);
	nd->nd_io = fid;
	nd->nd_io_writes = writes;
	return KERN_SUCCESS;
}

/* ---- The cache's side ---- */

/* Fill BYTES at BUF from OFFSET on; zeros where the host's file has ended. */
static kern_return_t
read_all(struct p9_node *nd, uint64_t offset, char *buf, size_t bytes)
{
	size_t done = 0, n;
	kern_return_t kr = p9_node_open(nd, false);

	while (kr == KERN_SUCCESS && done < bytes) {
		kr = p9_read(p9_client_of(&nd->nd_node), nd->nd_io, offset + done, buf + done, bytes - done, &n);
		if (kr == KERN_SUCCESS && n == 0)
			break;
		done += n;
	}
	if (kr == KERN_SUCCESS)
		memset(buf + done, 0, bytes - done);
	return kr;
}

static kern_return_t
p9_fetch(struct pfs_node *node, uint32_t page, uint32_t npages, void **pages, uint32_t *got)
{
	uint32_t n = npages < RUN_MAX ? npages : RUN_MAX;
	char *buf = mx_pages_alloc(n * MX_PAGE);
	kern_return_t kr;

	if (buf == NULL)
		return MX_ENOMEM;
	kr = read_all(node_of(node), (uint64_t)page * MX_PAGE, buf, n * MX_PAGE);
	if (kr != KERN_SUCCESS) {
		mx_pages_free(buf, n * MX_PAGE);
		return kr;
	}
	*pages = buf;
	*got = n;
	return KERN_SUCCESS;
}

static kern_return_t
p9_store(struct pfs_node *node, uint32_t page, const void *data, uint32_t npages)
{
	struct p9_node *nd = node_of(node);
	uint64_t offset = (uint64_t)page * MX_PAGE, size = pfs_store_size(node);
	size_t bytes = npages * MX_PAGE, done = 0, n;
	kern_return_t kr = p9_node_open(nd, true);

	if (offset >= size)
		return KERN_SUCCESS;
	if (bytes > size - offset)
		bytes = (size_t)(size - offset);
	nd->nd_stored = true;
	while (kr == KERN_SUCCESS && done < bytes) {
		kr = p9_write(p9_client_of(node), nd->nd_io, offset + done, (const char *)data + done, bytes - done, &n);
		done += n;
	}
	return kr;
}

static kern_return_t
p9_reserve(struct pfs_node *node, uint64_t offset, uint64_t length, bool *fresh)
{
	(void)offset;
	(void)length;
	node_of(node)->nd_wrote = true;
	*fresh = false;
	return p9_node_open(node_of(node), true);	/* who may write is the host's to say, too */
}

static kern_return_t
p9_trim(struct pfs_node *node, uint64_t size)
{
	const struct mx_setattr set = { .sa_size = size };

	return p9_setattr(p9_client_of(node), node_of(node)->nd_fid, P9_SET_SIZE, &set);
}

kern_return_t
p9_file_fsync(struct pfs_node *node, bool dataonly)
{
	struct p9_client *cl = p9_client_of(node);
	struct p9_node *nd = node_of(node);
	uint32_t fid;
	kern_return_t kr;

	pfs_store_clean(node);
	if (nd->nd_io != P9_NOFID)
		return p9_fsync(cl, nd->nd_io, dataonly);
	if (node->pn_attr.at_nlink == 0)
		return KERN_SUCCESS;		/* a directory that was removed: nothing of it shall last */
	kr = p9_walk(cl, nd->nd_fid, NULL, 0, &fid);	/* a directory, or a file that nobody read: the host wants it open */
	if (kr != KERN_SUCCESS)
		return kr;
	kr = p9_open(cl, fid, MX_O_RDONLY);
	if (kr == KERN_SUCCESS)
		kr = p9_fsync(cl, fid, dataonly);
	p9_clunk(cl, fid);
	return kr;
}

const struct pfs_store_ops p9_store_ops = {
	.st_fetch = p9_fetch, .st_store = p9_store, .st_reserve = p9_reserve, .st_trim = p9_trim,
};
