/*
 * pager_copy.c - the server's own view of its files: windows.
 *
 * What the kernel has of a file, read() and write() reach by mapping the object in this task. A fibril that touches a
 * window may fault, and waits, with all fibrils, until the pager's thread has answered. That thread cannot answer when the owner
 * has to read a disk first, which a fibril does; so for owners that defer, kernel threads of their own (copiers) touch the window, and the
 * fibril that wants the bytes parks. There are a few, for one may wait long for its page. A few windows are kept, the one used longest
 * ago makes room.
 *
 * A copier may touch a page that cannot be read: pager_fault.c turns its exception into an error.
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
#define COPIERS		4
#define ID_COPY		418902		/* private: to the copier's own port */

struct window {
	struct mx_pager	*wi_pager;	/* NULL: not in use */
	unsigned int	wi_busy;	/* copiers are at it */
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
		if (oldest->wi_busy || (!wi->wi_busy && (wi->wi_pager == NULL ||
		    (oldest->wi_pager != NULL && wi->wi_used < oldest->wi_used))))
			oldest = wi;
	}
	if (oldest->wi_busy || window_map(oldest, pg, index) != KERN_SUCCESS)
		return NULL;
	oldest->wi_used = ++clock_hand;
	return oldest;
}

void
mx_pager_announce(struct mx_pager *pg)
{
	(void)window_get(pg, 0);		/* no memory: then it is not known */
}

/* ---- The copier ---- */

struct copy {
	struct copy	*cp_next;
	char		*cp_memory;	/* in a window */
	char		*cp_buf;	/* NULL: zeros are written */
	size_t		cp_count;
	bool		cp_write;
	bool		cp_done;
	kern_return_t	cp_result;
	struct mx_cond	cp_cond;
};

static struct mx_spin copy_lock;
static struct copy *copies, **copies_end = &copies;	/* guarded by copy_lock: to be done */
static mach_port_t copy_port;				/* receive and send right: wakes a copier, a message for each copy */

static void
bytes_move(char *memory, char *buf, size_t count, bool write)
{
	if (!write)
		memcpy(buf, memory, count);
	else if (buf != NULL)
		memcpy(memory, buf, count);
	else
		memset(memory, 0, count);
}

static kern_return_t
copy_do(const struct copy *cp)
{
	static const char zeros[MX_PAGE];
	size_t at, n;

	if (cp->cp_buf != NULL)
		return pager_bytes_copy(cp->cp_write ? cp->cp_memory : cp->cp_buf, cp->cp_write ? cp->cp_buf : cp->cp_memory,
			cp->cp_count) == 0 ? KERN_SUCCESS : MX_EIO;
	for (at = 0; at < cp->cp_count; at += n) {
		n = cp->cp_count - at < sizeof(zeros) ? cp->cp_count - at : sizeof(zeros);
		if (pager_bytes_copy(cp->cp_memory + at, zeros, n) != 0)
			return MX_EIO;
	}
	return KERN_SUCCESS;
}

static struct copy *
copy_take(void)
{
	struct copy *cp;

	mx_spin_lock(&copy_lock);
	cp = copies;
	if (cp != NULL) {
		copies = cp->cp_next;
		if (copies == NULL)
			copies_end = &copies;
	}
	mx_spin_unlock(&copy_lock);
	return cp;
}

static void
copy_finish(void *arg)
{
	struct copy *cp = arg;

	cp->cp_done = true;
	mx_cond_signal(&cp->cp_cond);
}

static void
copier_main(void *arg)
{
	mach_msg_header_t msg;
	struct copy *cp;

	(void)arg;
	if (pager_fault_catch() != KERN_SUCCESS)
		mx_panic(__FILE__, __LINE__, "no exception port for the copier");
	for (;;) {
		cp = copy_take();
		if (cp == NULL) {
			(void)mach_msg_trap(&msg, MACH_RCV_MSG, 0, sizeof(msg), copy_port, 0, MACH_PORT_NULL);
			continue;
		}
		cp->cp_result = copy_do(cp);
		pager_bell_call(copy_finish, cp);
	}
}

static kern_return_t
copier_ensure(void)
{
	kern_return_t kr;
	unsigned int i;

	if (copy_port != MACH_PORT_NULL)
		return KERN_SUCCESS;
	kr = pager_fault_start();
	if (kr == KERN_SUCCESS)
		kr = syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_RECEIVE, &copy_port);
	if (kr == KERN_SUCCESS)
		kr = syscall_mach_port_insert_right(mx_task, copy_port, copy_port, MACH_MSG_TYPE_MAKE_SEND);
	for (i = 0; kr == KERN_SUCCESS && i < COPIERS; i++)
		kr = mx_thread_start(copier_main, NULL, 16384);
	return kr;
}

static kern_return_t
copy_run(struct window *wi, struct copy *cp)
{
	mach_msg_header_t msg = {
		.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), .msgh_size = sizeof(msg), .msgh_id = ID_COPY,
	};
	kern_return_t kr = copier_ensure();

	if (kr != KERN_SUCCESS)
		return kr;
	wi->wi_busy++;
	mx_spin_lock(&copy_lock);
	*copies_end = cp;
	copies_end = &cp->cp_next;
	mx_spin_unlock(&copy_lock);
	msg.msgh_remote_port = copy_port;
	(void)mach_msg_trap(&msg, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof(msg), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
	while (!cp->cp_done)
		mx_cond_wait(&cp->cp_cond);
	wi->wi_busy--;
	return cp->cp_result;
}

/* ---- Copying ---- */

static kern_return_t
window_move(struct mx_pager *pg, struct window *wi, char *memory, char *buf, size_t n, bool write)
{
	struct copy cp = { .cp_memory = memory, .cp_buf = buf, .cp_count = n, .cp_write = write };

	if (pg->pg_ops->pg_deferred != NULL)
		return copy_run(wi, &cp);
	bytes_move(memory, buf, n, write);
	return KERN_SUCCESS;
}

static kern_return_t
move(struct mx_pager *pg, uint64_t offset, char *buf, size_t count, bool write)
{
	kern_return_t kr = KERN_SUCCESS;
	size_t in, n;

	for (; kr == KERN_SUCCESS && count > 0; offset += n, count -= n) {
		struct window *wi = window_get(pg, (uint32_t)(offset >> WINDOW_SHIFT));

		if (wi == NULL)
			return MX_ENOMEM;
		in = (size_t)(offset & (WINDOW_SIZE - 1));
		n = WINDOW_SIZE - in < count ? WINDOW_SIZE - in : count;
		kr = window_move(pg, wi, (char *)wi->wi_address + in, buf, n, write);
		if (buf != NULL)
			buf += n;
	}
	return kr;
}

kern_return_t
mx_pager_read(struct mx_pager *pg, uint64_t offset, void *buf, size_t count)
{
	return move(pg, offset, buf, count, false);
}

kern_return_t
mx_pager_write(struct mx_pager *pg, uint64_t offset, const void *buf, size_t count)
{
	return move(pg, offset, (char *)(uintptr_t)buf, count, true);	/* only read from */
}
