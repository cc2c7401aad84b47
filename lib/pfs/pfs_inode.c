/*
 * pfs_inode.c - pages that tell who has a file mapped what its attributes are.
 *
 * A page holds 32 struct mx_inode and is exported read-only; a file gets a place in one when it is first mapped and keeps it
 * as long as its node lives. The page is never given back, its places are used again. at_blocks alone may lag: the pager's
 * thread, which fills holes, does not write here; it is true again with the next change or io_touch.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/mach.h>
#include <masix/pager.h>
#include "pfs_lib.h"

#define PLACES (MX_PAGE / sizeof(struct mx_inode))

struct inode_page {
	struct inode_page *ip_next;
	struct mx_inode	*ip_places;
	mach_port_t	ip_memory;	/* to be mapped by clients */
	unsigned int	ip_used;
	bool		ip_taken[PLACES];
};

static struct inode_page *pages;

static struct inode_page *
page_new(void)
{
	struct inode_page *ip = calloc(1, sizeof(*ip));

	if (ip == NULL)
		return NULL;
	ip->ip_places = mx_pages_alloc(MX_PAGE);
	if (ip->ip_places == NULL)
		goto out_page;
	memset(ip->ip_places, 0, MX_PAGE);	/* there before it is exported */
	if (mx_memory_export(ip->ip_places, MX_PAGE, VM_PROT_READ, &ip->ip_memory) != KERN_SUCCESS)
		goto out_places;
	ip->ip_next = pages;
	pages = ip;
	return ip;
out_places:
	mx_pages_free(ip->ip_places, MX_PAGE);
out_page:
	free(ip);
	return NULL;
}

static struct inode_page *
page_of(const struct mx_inode *in)
{
	struct inode_page *ip = pages;

	while (ip->ip_places != (struct mx_inode *)((uintptr_t)in & ~(uintptr_t)(MX_PAGE - 1)))
		ip = ip->ip_next;
	return ip;
}

static struct mx_inode *
place_take(void)
{
	struct inode_page *ip;
	unsigned int i;

	for (ip = pages; ip != NULL && ip->ip_used == PLACES; ip = ip->ip_next)
		;
	if (ip == NULL && (ip = page_new()) == NULL)
		return NULL;
	for (i = 0; ip->ip_taken[i]; i++)
		;
	ip->ip_taken[i] = true;
	ip->ip_used++;
	return &ip->ip_places[i];
}

static void
place_fill(const struct pfs_node *node)
{
	struct mx_inode *in = node->pn_inode;

	in->in_seq++;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	in->in_attr = node->pn_attr;
	in->in_is_lent = node->pn_lease != NULL;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	in->in_seq++;
}

void
pfs_node_changed(struct pfs_node *node)
{
	const struct pfs_ops *ops = node->pn_volume->pv_ops;

	if (node->pn_attr.at_nlink == 0 && node->pn_opens > 0)
		pfs_quiet_watch_all(node);	/* what it stores goes with the last who has it open */
	if (ops->po_dirty != NULL)
		ops->po_dirty(node);
	if (pfs_changes != NULL)
		pfs_changes->ch_nodes[pfs_changes_place(node)]++;
	if (node->pn_inode != NULL)
		place_fill(node);
}

kern_return_t
pfs_inode_attach(struct pfs_node *node, mach_port_t *memory, uint32_t *offset)
{
	struct inode_page *ip;

	if (node->pn_inode == NULL) {
		node->pn_inode = place_take();
		if (node->pn_inode == NULL)
			return MX_ENOMEM;
		place_fill(node);
	}
	ip = page_of(node->pn_inode);
	*offset = (uint32_t)((uintptr_t)node->pn_inode - (uintptr_t)ip->ip_places);
	*memory = ip->ip_memory;
	return syscall_mach_port_insert_right(mx_task, ip->ip_memory, ip->ip_memory, MACH_MSG_TYPE_COPY_SEND);
}

void
pfs_inode_detach(struct pfs_node *node)
{
	struct mx_inode *in = node->pn_inode;
	struct inode_page *ip;

	if (in == NULL)
		return;
	ip = page_of(in);
	ip->ip_taken[in - ip->ip_places] = false;
	ip->ip_used--;
	node->pn_inode = NULL;
}
