/*
 * od_volume.c - the nodes of volumes that are only read.
 *
 * Nothing is ever written, so there is no lock: whoever makes a node looks once more, before he adds it, whether somebody else has.
 *
 * Nodes in use are found by number. A file that nobody uses any more stays for a while, idle, if the kernel may have pages of it: they
 * make opening it again cheap, and somebody may have it mapped. It does not keep the volume from being unmounted. When it is one too many
 * it is released for good; who wants it while that goes on (somebody may have it mapped) makes another one: nothing can differ.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <masix/ondisk.h>
#include <masix/pfs_store.h>

/* ---- Nodes that nobody uses ---- */

static void
idle_remove(struct od_node *on)
{
	struct od_volume *ov = on->on_volume;

	if (on->on_newer != NULL)
		on->on_newer->on_older = on->on_older;
	else
		ov->ov_newest = on->on_older;
	if (on->on_older != NULL)
		on->on_older->on_newer = on->on_newer;
	else
		ov->ov_oldest = on->on_newer;
	on->on_is_idle = false;
	ov->ov_nidle--;
	pfs_volume_opened(ov->ov_volume);		/* by its memory object, again */
}

static void
idle_insert(struct od_node *on)
{
	struct od_volume *ov = on->on_volume;

	on->on_newer = NULL;
	on->on_older = ov->ov_newest;
	if (ov->ov_newest != NULL)
		ov->ov_newest->on_newer = on;
	else
		ov->ov_oldest = on;
	ov->ov_newest = on;
	on->on_is_idle = true;
	ov->ov_nidle++;
	pfs_volume_closed(ov->ov_volume);
}

/* ---- Nodes ---- */

static void
hash_remove(struct od_node *on)
{
	struct od_node **p = &on->on_volume->ov_chain[on->on_node.pn_attr.at_ino % OD_HASH];

	while (*p != on)
		p = &(*p)->on_hash;
	*p = on->on_hash;
	on->on_volume->ov_nnodes--;
}

static void
node_done(struct pfs_node *node)
{
	struct od_node *on = (struct od_node *)node;
	struct od_volume *ov = on->on_volume;

	hash_remove(on);
	if (od_format_of(ov)->of_node_free != NULL)
		od_format_of(ov)->of_node_free(on);
	else
		free(on);
	mx_cond_broadcast(&ov->ov_gone);
}

static void
node_end(struct od_node *on)
{
	if (on->on_is_idle)
		idle_remove(on);
	on->on_is_dying = true;
	pfs_store_release(&on->on_node, false, node_done);
}

void
od_node_release(struct pfs_node *node)
{
	struct od_node *on = (struct od_node *)node;
	struct od_volume *ov = on->on_volume;

	if (node->pn_pager == NULL || ov->ov_is_ending || ov->ov_volume->pv_dying) {
		node_end(on);
		return;
	}
	idle_insert(on);
	if (ov->ov_nidle > OD_IDLE_MAX)
		node_end(ov->ov_oldest);
}

kern_return_t
od_node_find(struct od_volume *ov, uint64_t ino, struct od_node **out)
{
	struct od_node *on;

	for (on = ov->ov_chain[ino % OD_HASH]; on != NULL && (on->on_node.pn_attr.at_ino != ino || on->on_is_dying); on = on->on_hash)
		;
	if (on == NULL)
		return MX_ENOENT;
	if (on->on_is_idle)
		idle_remove(on);
	pfs_node_hold(&on->on_node);
	*out = on;
	return KERN_SUCCESS;
}

void
od_node_init(struct od_volume *ov, struct od_node *on, uint64_t ino, uint32_t mode)
{
	on->on_volume = ov;
	pfs_node_init(&on->on_node, ov->ov_volume, ino, mode);
}

kern_return_t
od_node_add(struct od_node *on, const struct pfs_store_ops *store)
{
	struct od_volume *ov = on->on_volume;
	struct od_node **p = &ov->ov_chain[on->on_node.pn_attr.at_ino % OD_HASH];
	kern_return_t kr = store != NULL ? pfs_store_attach(&on->on_node, &on->on_node.pn_store, store) : KERN_SUCCESS;

	if (kr != KERN_SUCCESS)
		return kr;
	on->on_hash = *p;
	*p = on;
	ov->ov_nnodes++;
	return KERN_SUCCESS;
}

void
od_leave(struct pfs_volume *vol)
{
	struct od_volume *ov = vol->pv_private;

	while (ov->ov_oldest != NULL)
		node_end(ov->ov_oldest);
}

void
od_nodes_end(struct od_volume *ov)
{
	ov->ov_is_ending = true;
	pfs_volume_opened(ov->ov_volume);		/* memory objects, when they go, are not what ends it */
	pfs_node_release(ov->ov_volume->pv_root);
	while (ov->ov_oldest != NULL)
		node_end(ov->ov_oldest);
	while (ov->ov_nnodes > 0)
		mx_cond_wait(&ov->ov_gone);
}
