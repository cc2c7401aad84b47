/*
 * pager_copy.c - the server's own view of its files: windows.
 *
 * What the kernel has of a file, read() and write() reach by mapping the object in this task. A fibril that touches a
 * window may fault, and waits, with all fibrils, until the pager's thread has answered. A few windows are kept, the one used
 * longest ago makes room.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <masix/mach.h>
#include "pager_impl.h"

#define WINDOW_SHIFT	18
#define WINDOW_SIZE	(1u << WINDOW_SHIFT)
#define WINDOWS		64

struct window {
	struct mx_pager	*wi_pager;	/* NULL: not in use */
	uint32_t	wi_index;	/* of the file, in windows */
	vm_address_t	wi_address;
	uint32_t	wi_used;	/* when */
};

static struct window windows[WINDOWS];
static uint32_t clock_hand;

static void
window_unmap(struct window *wi)
{
	if (wi->wi_pager != NULL)
		(void)syscall_vm_deallocate(mx_task, wi->wi_address, WINDOW_SIZE);	/* it is ours: cannot fail */
	wi->wi_pager = NULL;
}

void
pager_windows_drop(struct mx_pager *pg)
{
	unsigned int i;

	for (i = 0; i < WINDOWS; i++)
		if (windows[i].wi_pager == pg)
			window_unmap(&windows[i]);
}

static kern_return_t
window_map(struct window *wi, struct mx_pager *pg, uint32_t index)
{
	kern_return_t kr;

	window_unmap(wi);
	wi->wi_address = 0;
	kr = syscall_vm_map(mx_task, &wi->wi_address, WINDOW_SIZE, 0, TRUE, pg->pg_port, index << WINDOW_SHIFT, FALSE,
		VM_PROT_READ | VM_PROT_WRITE, VM_PROT_READ | VM_PROT_WRITE, VM_INHERIT_NONE);
	if (kr != KERN_SUCCESS)
		return kr;
	wi->wi_pager = pg;
	wi->wi_index = index;
	return KERN_SUCCESS;
}

static struct window *
window_get(struct mx_pager *pg, uint32_t index)
{
	struct window *oldest = &windows[0];
	unsigned int i;

	for (i = 0; i < WINDOWS; i++) {
		struct window *wi = &windows[i];

		if (wi->wi_pager == pg && wi->wi_index == index) {
			wi->wi_used = ++clock_hand;
			return wi;
		}
		if (wi->wi_pager == NULL || (oldest->wi_pager != NULL && wi->wi_used < oldest->wi_used))
			oldest = wi;
	}
	if (window_map(oldest, pg, index) != KERN_SUCCESS)
		return NULL;
	oldest->wi_used = ++clock_hand;
	return oldest;
}

/* The memory at OFFSET and how much of COUNT is there. */
static void *
window_at(struct mx_pager *pg, uint64_t offset, size_t count, size_t *n)
{
	struct window *wi = window_get(pg, (uint32_t)(offset >> WINDOW_SHIFT));
	size_t in = (size_t)(offset & (WINDOW_SIZE - 1));

	if (wi == NULL)
		return NULL;
	*n = WINDOW_SIZE - in < count ? WINDOW_SIZE - in : count;
	return (char *)wi->wi_address + in;
}

kern_return_t
mx_pager_read(struct mx_pager *pg, uint64_t offset, void *buf, size_t count)
{
	char *to = buf;
	size_t n;

	for (; count > 0; offset += n, to += n, count -= n) {
		const void *from = window_at(pg, offset, count, &n);

		if (from == NULL)
			return MX_ENOMEM;
		memcpy(to, from, n);
	}
	return KERN_SUCCESS;
}

kern_return_t
mx_pager_write(struct mx_pager *pg, uint64_t offset, const void *buf, size_t count)
{
	const char *from = buf;
	size_t n;

	for (; count > 0; offset += n, count -= n) {
		void *to = window_at(pg, offset, count, &n);

		if (to == NULL)
			return MX_ENOMEM;
		if (from == NULL) {
			memset(to, 0, n);
		} else {
			memcpy(to, from, n);
			from += n;
		}
	}
	return KERN_SUCCESS;
}
