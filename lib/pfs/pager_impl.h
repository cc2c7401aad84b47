/*
 * pager_impl.h - what the files of the pager know of each other.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef PAGER_IMPL_H
#define PAGER_IMPL_H

#include <masix/pager.h>
#include <masix/server.h>

struct mx_pager {
	const struct mx_pager_ops *pg_ops;
	void		*pg_owner;
	mach_port_t	pg_port;	/* receive right, and a send right until it is retired */
	mach_port_t	pg_proxy[2];	/* rights to map: read-only, writable */
	bool		pg_written;	/* the second was given out */
	/* guarded by pg_lock */
	struct mx_spin	pg_lock;
	mach_port_t	pg_control;	/* while the kernel has the object */
	mach_port_t	pg_name;
	mach_port_mscount_t pg_made;	/* how often a send right was made */
	bool		pg_retired;
	bool		pg_ending;	/* nobody can map it any more, and it cannot be revived */
	struct mx_pager	*pg_ended_next;	/* waiting for pg_unused */
};

/* ---- Messages to the kernel that never wait (pager_msg.c) ---- */

/* The answers to memory_object_data_request. False: not sent; of a supply, *ADDR is where the data are now. LOCKED: the pages may
 * not be written. Never with a port for memory_object_supply_completed: when the kernel does not take all pages it consumes that right
 * twice, and panics. */
bool pager_msg_supply(mach_port_t control, vm_offset_t offset, vm_address_t *addr, vm_size_t size, bool move, bool precious,
	bool locked);
bool pager_msg_unavailable(mach_port_t control, vm_offset_t offset, vm_size_t size);
bool pager_msg_error(mach_port_t control, vm_offset_t offset, vm_size_t size, kern_return_t error);
/* Is MSG a supply that nobody read? Then its data become the caller's. */
bool pager_msg_is_supply(const mach_msg_header_t *msg, vm_offset_t *offset, vm_address_t *addr, vm_size_t *size);

/* ---- From the pager's threads to the fibrils (pager_bell.c) ---- */

struct pager_job {			/* asked by a fibril, done by the helper thread */
	struct pager_job *jb_next;
	struct mx_pager	*jb_pager;
	uint32_t	jb_first, jb_end;
	bool		jb_return, jb_flush;
	bool		jb_done;
	struct mx_cond	jb_cond;
};

kern_return_t pager_bell_start(void);
/* PG is to end: its pg_unused is called on a fibril. As many as there are. */
void pager_bell_end(struct mx_pager *pg);
/* Any thread: have FN run on a fibril. False: no room. */
bool pager_bell_ring(void (*fn)(struct mx_pager *pg, uint32_t page, vm_prot_t access), struct mx_pager *pg, uint32_t page,
	vm_prot_t access);
/* Any thread: JOB is done; wakes its fibril. */
void pager_bell_done(struct pager_job *job);
/* Any thread: have FN(ARG), which does not park, called among the fibrils; waits for room. */
void pager_bell_call(void (*fn)(void *), void *arg);

/* ---- Requests to the kernel that may wait (pager_helper.c) ---- */

kern_return_t pager_helper_start(void);
/* The pager's thread: the kernel has finished what REPLY was given for. */
void pager_helper_completed(mach_port_t port);
/* The kernel has destroyed the right at PORT on which it was to tell of a completion. */
void pager_helper_refused(mach_port_t port);
/* The port that the pager's thread receives from. */
extern mach_port_t pager_set;

/* ---- Windows (pager_copy.c) ---- */

void pager_windows_drop(struct mx_pager *pg);

/* ---- Faults of the copier (pager_fault.c, pager_bytes.S) ---- */

/* Once, before threads that do this: the calling thread's exceptions come to the pager's thread. */
kern_return_t pager_fault_start(void);
kern_return_t pager_fault_catch(void);
/* The pager's thread: handle IN if it is an exception. */
bool pager_fault_message(const mach_msg_header_t *in);
int pager_bytes_copy(void *to, const void *from, size_t n);

#endif
