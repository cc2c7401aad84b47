/*
 * pfs_lease.c - who appends to a file, without a message for each write.
 *
 * One opener of a file may borrow its end: room for some more bytes is reserved, and he gets memory that he shares with this
 * server (struct mx_lease), into which he puts what he appends before he says that the file is so much longer. The bytes become contents when
 * somebody looks: reads, asks for the size, syncs; when the lease is full; and when it is taken back, because another opener writes or
 * the file is cut, mapped or closed. So a write of his is one copy, and nobody sees an old size. A file whose memory a client has is not lent:
 * a mapping shows the cache, where appended bytes are not yet.
 *
 * The memory never holds anything but his own bytes, so it may be given to who cannot read the file. What he says there is believed
 * only within the lease. While he copies he says so (MX_LEASE_BUSY), and is waited for, but not long.
 *
 * Locks: ls_draining says that a fibril is at it; the others wait. Who lends, or writes behind the end, holds pn_growing before.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <masix/mach.h>
#include "pfs_lib.h"

#define LEASES_MAX	256u		/* of this task: each may take 64 KiB */
#define BACKOFF		32u		/* writes after a lease was taken from another writer */
#define WAIT_NS		10000000u	/* for who is copying */
#define WAITS		50

struct pfs_lease {
	struct mx_lease	*ls_shared;
	mach_port_t	ls_memory;
	bool		ls_active;
	bool		ls_draining;
	struct mx_cond	ls_changed;	/* the two above */
	uint64_t	ls_base;	/* the file's size when it was lent */
	uint32_t	ls_length;	/* bytes that may be appended */
	uint32_t	ls_done;	/* of them, contents by now */
};

static unsigned int nleases;

/* What the borrower says that he appended, believed as far as it can be. */
static uint32_t
used_of(const struct pfs_lease *ls, uint32_t word)
{
	uint32_t used = word & MX_LEASE_USED;

	return used < ls->ls_done ? ls->ls_done : used > ls->ls_length ? ls->ls_length : used;
}

/* The bytes up to USED become contents. */
static void
lease_write(struct pfs_node *node, struct pfs_lease *ls, uint32_t used)
{
	const char *data = (const char *)ls->ls_shared + MX_LEASE_DATA;
	size_t done = 0;
	kern_return_t kr;

	while (ls->ls_done < used) {
		kr = node->pn_volume->pv_ops->po_write(node, ls->ls_base + ls->ls_done, data + ls->ls_done, used - ls->ls_done,
			&done);
		if (done == 0) {
			node->pn_store_errors++;	/* fsync tells */
			mx_log(MX_LOG_ERROR, "file %llu: %u bytes that were appended are lost (%#x)",
				(unsigned long long)node->pn_attr.at_ino, used - ls->ls_done, kr);
			ls->ls_done = used;
		} else {
			ls->ls_done += (uint32_t)done;
		}
	}
	pfs_node_changed(node);
}

static void
lease_drain(struct pfs_node *node, struct pfs_lease *ls)
{
	uint32_t used = used_of(ls, __atomic_load_n(&ls->ls_shared->le_used, __ATOMIC_ACQUIRE));

	if (used == ls->ls_done)
		return;
	ls->ls_draining = true;
	lease_write(node, ls, used);
	ls->ls_draining = false;
	mx_cond_broadcast(&ls->ls_changed);
}

void
pfs_lease_look(struct pfs_node *node)
{
	struct pfs_lease *ls;

	while ((ls = node->pn_lease) != NULL && ls->ls_draining)
		mx_cond_wait(&ls->ls_changed);
	if (ls != NULL)
		lease_drain(node, ls);
}

/* From now on the borrower cannot append any more. */
static uint32_t
lease_stop(struct pfs_lease *ls, bool wait)
{
	uint32_t word = __atomic_fetch_or(&ls->ls_shared->le_used, MX_LEASE_BACK, __ATOMIC_ACQ_REL);
	int i;

	for (i = 0; wait && i < WAITS && (word & MX_LEASE_BUSY); i++) {
		mx_sleep_ns(WAIT_NS);
		word = __atomic_load_n(&ls->ls_shared->le_used, __ATOMIC_ACQUIRE);
	}
	return used_of(ls, __atomic_exchange_n(&ls->ls_shared->le_used, MX_LEASE_BACK, __ATOMIC_ACQ_REL));
}

static void
lease_take(struct pfs_node *node, bool wait)
{
	struct pfs_lease *ls;

	while ((ls = node->pn_lease) != NULL && ls->ls_draining)
		mx_cond_wait(&ls->ls_changed);
	if (ls == NULL)
		return;
	ls->ls_draining = true;
	lease_write(node, ls, lease_stop(ls, wait));
	ls->ls_draining = ls->ls_active = false;
	node->pn_lease = NULL;
	if (ls->ls_done < ls->ls_length)
		(void)node->pn_volume->pv_ops->po_reserve(node, node->pn_attr.at_size, 0);	/* only gives back */
	pfs_node_changed(node);
	mx_cond_broadcast(&ls->ls_changed);
}

void
pfs_lease_end(struct pfs_node *node)
{
	if (node->pn_lease != NULL)
		lease_take(node, true);
}

static struct pfs_lease *
lease_new(void)
{
	struct pfs_lease *ls = nleases < LEASES_MAX ? calloc(1, sizeof(*ls)) : NULL;

	if (ls == NULL)
		return NULL;
	ls->ls_shared = mx_pages_alloc(MX_LEASE_BYTES);
	if (ls->ls_shared == NULL)
		goto out_lease;
	if (mx_memory_export(ls->ls_shared, MX_LEASE_BYTES, VM_PROT_READ | VM_PROT_WRITE, &ls->ls_memory) != KERN_SUCCESS)
		goto out_pages;
	nleases++;
	return ls;
out_pages:
	mx_pages_free(ls->ls_shared, MX_LEASE_BYTES);
out_lease:
	free(ls);
	return NULL;
}

void
pfs_lease_free(struct pfs_node *node, struct pfs_lease *ls)
{
	if (ls == NULL)
		return;
	while (ls->ls_active || ls->ls_draining)
		lease_take(node, false);	/* nobody has the file any more */
	mx_port_release(ls->ls_memory);
	mx_pages_free(ls->ls_shared, MX_LEASE_BYTES);
	free(ls);
	nleases--;
}

/* May NODE's end be lent at all? */
static kern_return_t
lease_check(const struct pfs_node *node)
{
	const struct pfs_volume *vol = node->pn_volume;

	if (node->pn_mapped || vol->pv_ops->po_reserve == NULL || vol->pv_ops->po_write == NULL || (vol->pv_flags & (PFS_SYNC | PFS_RDONLY)) ||
	    (node->pn_attr.at_mode & MX_S_IFMT) != MX_S_IFREG || (node->pn_attr.at_mode & (MX_S_ISUID | MX_S_ISGID)))
		return MX_EOPNOTSUPP;
	return KERN_SUCCESS;
}

/* Lend what lies behind NODE's end. Locks: nobody drains LS */
static kern_return_t
lease_lend(struct pfs_node *node, struct pfs_lease *ls)
{
	uint32_t length = MX_LEASE_BYTES - MX_LEASE_DATA;
	uint64_t base;
	kern_return_t kr;

	ls->ls_draining = true;				/* the others wait */
	node->pn_lease = ls;
	kr = node->pn_volume->pv_ops->po_reserve(node, node->pn_attr.at_size, length);
	base = node->pn_attr.at_size;
	ls->ls_draining = false;
	ls->ls_active = kr == KERN_SUCCESS;
	if (kr == KERN_SUCCESS) {
		ls->ls_base = ls->ls_shared->le_base = base;
		ls->ls_length = ls->ls_shared->le_length = length;
		ls->ls_done = 0;
		ls->ls_shared->le_serial++;
		__atomic_store_n(&ls->ls_shared->le_used, 0, __ATOMIC_RELEASE);
	} else {
		node->pn_lease = NULL;
	}
	pfs_node_changed(node);
	mx_cond_broadcast(&ls->ls_changed);
	return kr;
}

/* Locks: pn_growing */
static kern_return_t
lease_get(struct pfs_node *node, struct pfs_lease **place, bool mapped, mach_port_t *memory)
{
	kern_return_t kr = lease_check(node);

	if (kr != KERN_SUCCESS)
		return kr;
	if (node->pn_lease != NULL && node->pn_lease != *place)
		node->pn_lease_backoff = BACKOFF;
	pfs_lease_end(node);				/* his own, too: it is full, or he has forgotten it */
	if (node->pn_lease_backoff > 0) {
		node->pn_lease_backoff--;
		return MX_EAGAIN;
	}
	if (*place == NULL)
		*place = lease_new();
	if (*place == NULL || node->pn_lease != NULL || (*place)->ls_draining)
		return MX_EAGAIN;
	if (!mapped) {
		kr = syscall_mach_port_insert_right(mx_task, (*place)->ls_memory, (*place)->ls_memory, MACH_MSG_TYPE_COPY_SEND);
		if (kr != KERN_SUCCESS)
			return MX_EAGAIN;
		*memory = (*place)->ls_memory;
	}
	kr = lease_lend(node, *place);
	if (kr != KERN_SUCCESS && !mapped)
		mx_port_release(*memory);
	return kr;
}

kern_return_t
pfs_lease_get(struct pfs_node *node, struct pfs_lease **place, bool mapped, mach_port_t *memory)
{
	kern_return_t kr;

	mx_mutex_lock(&node->pn_growing);
	kr = lease_get(node, place, mapped, memory);
	mx_mutex_unlock(&node->pn_growing);
	return kr;
}
