/*
 * pfs_store_host.h - masix/pfs_store.h on the host: a page cache that a test can look at.
 *
 * Pages that were written stay changed in memory until they are synced, or there are more than pfs_store_lazy of them (then the one
 * that was changed first goes): so delayed allocation is seen at work. Pages that were read are not kept: every read fetches.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef PFS_STORE_HOST_H
#define PFS_STORE_HOST_H

extern unsigned int pfs_store_lazy;	/* changed pages that may wait; 0: none, each write is stored at once */
extern unsigned int pfs_store_cluster;	/* pages of one fetch or store, at most */
unsigned int pfs_store_changed(void);	/* pages that wait now */

#endif
