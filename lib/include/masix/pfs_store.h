/*
 * masix/pfs_store.h - files whose contents lie on a disk (or at another machine): everything between a file's pages and its blocks.
 *
 * The kernel's page cache is the only cache of file contents. A file system that uses this layer says where a file's bytes lie
 * (struct pfs_store_ops); the layer is its pager and its read, write, truncate, fsync and mmap: it fetches in clusters with
 * read-ahead, keeps the number of changed pages bounded and writes them back in clusters, supplies pages by moving them, and keeps
 * read(), write(), windows and mappings coherent. In its struct pfs_ops a file system names pfs_store_read, _write, _fsync, _pager (and
 * calls pfs_store_truncate from its po_truncate).
 *
 * All operations run on fibrils and may park. The layer calls them for one node from several fibrils at once, but never two whose pages
 * overlap, and st_trim alone.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MASIX_PFS_STORE_H
#define MASIX_PFS_STORE_H

#include <masix/pager.h>
#include <masix/pfs.h>

struct pfs_store_ops {
	/* Read up to NPAGES pages of NODE from PAGE on into new memory *PAGES (see blk_read_pages; one run, page aligned) and say in *GOT
	 * how many (at least 1). A hole: *PAGES = NULL, and *GOT pages of it. The layer zeroes what lies behind the end of the file.
	 * Errors: MX_EIO, MX_ENOMEM */
	kern_return_t	(*st_fetch)(struct pfs_node *node, uint32_t page, uint32_t npages, void **pages, uint32_t *got);
	/* Write NPAGES pages back; DATA stays the layer's. The space was reserved; what lies behind the end of the file is not stored.
	 * Errors: MX_EIO, MX_ENOSPC (must not happen after st_reserve) */
	kern_return_t	(*st_store)(struct pfs_node *node, uint32_t page, const void *data, uint32_t npages);
	/* From now on [OFFSET, OFFSET + LENGTH) can be stored without running out of space: blocks are found, or counted as taken until
	 * they are. *FRESH: some of it was a hole. Errors: MX_ENOSPC, MX_EDQUOT, MX_EFBIG, MX_EROFS. NULL: never needed */
	kern_return_t	(*st_reserve)(struct pfs_node *node, uint64_t offset, uint64_t length, bool *fresh);
	/* NODE ends at SIZE from now on: free what lies behind it, reservations included. No page of that is in the cache any more.
	 * at_size is set by the layer. NULL: sizes never change */
	kern_return_t	(*st_trim)(struct pfs_node *node, uint64_t size);
	/* The size has changed in memory; make it part of what the next sync stores (po_dirty tells of everything else, and of this again).
	 * NULL: nothing */
	void		(*st_dirty)(struct pfs_node *node);
};

struct pfs_store;	/* the layer's part of one node */

/* PLACE is a member of the file system's node structure, struct pfs_store *xx_store, or &node->pn_store; once per node, before the other
 * functions (also for nodes that are only read). Not needed: a node that was never read nor written. Errors: MX_ENOMEM */
kern_return_t pfs_store_attach(struct pfs_node *node, struct pfs_store **place, const struct pfs_store_ops *ops);

/* For struct pfs_ops. */
kern_return_t pfs_store_read(struct pfs_node *node, uint64_t offset, void *buf, size_t count, size_t *done);
kern_return_t pfs_store_write(struct pfs_node *node, uint64_t offset, const void *buf, size_t count, size_t *done);
kern_return_t pfs_store_truncate(struct pfs_node *node, uint64_t size);
kern_return_t pfs_store_pager(struct pfs_node *node, struct mx_pager **out);
/* po_reserve: with it, who appends needs no message for each write. */
kern_return_t pfs_store_reserve(struct pfs_node *node, uint64_t offset, uint64_t length);

/* NODE's size, or what the write that is under way will make it: st_store is asked to store what lies before that. */
uint64_t pfs_store_size(const struct pfs_node *node);
/* What is changed of NODE now has been stored when it returns, also what was written through memory (and so has its blocks). */
void pfs_store_clean(struct pfs_node *node);
/* All changed pages of all files of VOL have been stored when it returns (po_sync calls it, then makes its own structures last). */
kern_return_t pfs_store_sync(struct pfs_volume *vol);
/* Pages [OFFSET, OFFSET + LENGTH), page aligned, leave the cache without being stored (punched holes: before the blocks are freed, and again
 * after, as they may have been fetched meanwhile). */
void pfs_store_drop(struct pfs_node *node, uint64_t offset, uint64_t length);
/* Somebody else has changed the file, which has SIZE bytes now: nothing that the cache has of it is true any more. Blocks. */
void pfs_store_replaced(struct pfs_node *node, uint64_t size);
/* po_release: the node's last reference went. STORE: write changed pages back first (false: the file is deleted). DONE frees the node
 * when the kernel has forgotten it, which may be long after (somebody has the deleted file mapped); on a fibril, which may park. Until
 * then there must be no second node for the same file: a look-up that finds one being released revives it, or else waits for DONE.
 * Does not park. */
void pfs_store_release(struct pfs_node *node, bool store, void (*done)(struct pfs_node *node));
/* NODE, which is being released, is wanted again: who has the file mapped may look it up, and would wait for himself. True: DONE is not
 * called. False: it is, in a moment. Does not park. */
bool pfs_store_revive(struct pfs_node *node);

#endif /* MASIX_PFS_STORE_H */
