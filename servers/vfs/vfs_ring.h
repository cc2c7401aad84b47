/*
 * vfs_ring.h - the memory of a pipe.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef VFS_RING_H
#define VFS_RING_H

#include <masix/pager.h>
#include <masix/ring.h>

struct vfs_ring;

/* A ring of zeros, mapped here at *MEM. Errors: MX_ENOMEM */
kern_return_t vfs_ring_make(struct vfs_ring **out, struct mx_ring **mem);
/* A right to map it. Rights: MEMORY is the caller's. */
kern_return_t vfs_ring_memory(struct vfs_ring *ri, mach_port_t *memory);
/* vfs is done with it; it lasts as long as somebody has it mapped or could map it. */
void vfs_ring_release(struct vfs_ring *ri, struct mx_ring *mem);

#endif
