/*
 * export.c - memory of this server that others may map.
 *
 * The kernel gives no memory object for ordinary memory as long as there is no default pager (it waits for one), so this is a
 * pager of its own: the pages that are exported become a memory object which a kernel thread of this library serves,
 * and which the server maps where its pages were. Pages that nobody has written are zero pages of the kernel. The others
 * are kept here, one address each, until the kernel asks for them; then they are moved to it, marked precious, so
 * that it gives them back when it needs the frame. So a page is either here or in the kernel, and nothing is copied.
 *
 * What is handed out is a proxy, limited to the protection and range asked for; nobody but the kernel can send to the object.
 *
 * Locks: none. A struct export belongs to the thread from its creation until the thread puts it on the list of the dead.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <mach/memory_object.h>
#include <mach/mig_support.h>
#include <mach/notify.h>
#include <mach/vm_param.h>
#include <masix/mach.h>
#include "impl.h"
#include "mach.h"
#include "mach4.h"
#include "mach_port.h"

#define IN_KERNEL_TOO	1u	/* low bit of a kept page's address: the kernel has it as well */

/* Message numbers of memory_object.defs. */
enum { MO_INIT = 2200, MO_TERMINATE, MO_COPY, MO_DATA_REQUEST, MO_DATA_UNLOCK, MO_DATA_RETURN = 2208 };

struct export {
	struct export	*ex_next;	/* among the living (fibril thread), or the dead */
	vm_address_t	ex_base;	/* where the server has it mapped; 0: given up */
	vm_size_t	ex_size;
	mach_port_t	ex_port;	/* receive right: the memory object */
	uint32_t	ex_npages;
	vm_address_t	ex_pages[];	/* those that are kept here; 0: zeros, or in the kernel */
};

static mach_port_t set;			/* the memory objects */
static struct export *living;
static struct export *dead;		/* pushed by the thread, taken by the fibril thread; both atomically */

/* ---- The thread ---- */

/* The fields of a message, decoded one after the other. */
struct fields { const char *fi_next, *fi_end; };

static vm_offset_t
field(struct fields *fi, mach_msg_type_number_t *count)
{
	mach_msg_type_number_t n;
	vm_offset_t value;
	size_t head = mx_item_size(fi->fi_next, fi->fi_end, &n);

	if (head == 0 || (size_t)(fi->fi_end - fi->fi_next) < head + sizeof(value))
		return 0;
	memcpy(&value, fi->fi_next + head, sizeof(value));
	fi->fi_next += head + sizeof(value);
	if (count != NULL)
		*count = n;
	return value;
}

static void
data_request(struct export *ex, mach_port_t control, vm_offset_t offset)
{
	uint32_t page = offset / PAGE_SIZE;
	vm_address_t kept;

	if (page >= ex->ex_npages) {
		(void)memory_object_data_error(control, offset, PAGE_SIZE, KERN_INVALID_ADDRESS);
		return;
	}
	kept = ex->ex_pages[page] & ~(vm_address_t)IN_KERNEL_TOO;
	ex->ex_pages[page] = 0;
	/* If the kernel is gone there is nobody to tell. */
	if (kept == 0)
		(void)memory_object_data_unavailable(control, offset, PAGE_SIZE);
	else
		(void)memory_object_data_supply(control, offset, kept, PAGE_SIZE, TRUE, VM_PROT_NONE, TRUE, MACH_PORT_NULL);
}

static void
data_return(struct export *ex, vm_offset_t offset, vm_address_t data, vm_size_t size, bool kernel_copy)
{
	uint32_t page = offset / PAGE_SIZE;
	vm_address_t old;

	for (; size >= PAGE_SIZE; size -= PAGE_SIZE, data += PAGE_SIZE, page++) {
		if (page >= ex->ex_npages) {
			mig_deallocate(data, PAGE_SIZE);
			continue;
		}
		old = ex->ex_pages[page] & ~(vm_address_t)IN_KERNEL_TOO;
		if (old != 0)
			mig_deallocate(old, PAGE_SIZE);
		ex->ex_pages[page] = data | (kernel_copy ? IN_KERNEL_TOO : 0);
	}
}

/* Nobody has the object mapped, nor can map it. */
static void
export_end(struct export *ex)
{
	uint32_t i;

	(void)mach_port_mod_refs(mx_task, ex->ex_port, MACH_PORT_RIGHT_RECEIVE, -1);	/* ours: cannot fail */
	for (i = 0; i < ex->ex_npages; i++)
		if (ex->ex_pages[i] != 0)
			mig_deallocate(ex->ex_pages[i] & ~(vm_address_t)IN_KERNEL_TOO, PAGE_SIZE);
	ex->ex_next = __atomic_load_n(&dead, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&dead, &ex->ex_next, ex, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		continue;
}

static void
serve(struct export *ex, const mach_msg_header_t *msg)
{
	struct fields fi = { (const char *)(msg + 1), (const char *)msg + msg->msgh_size };
	mach_port_t control;
	vm_offset_t offset, data;
	mach_msg_type_number_t count = 0;

	if (msg->msgh_id == MACH_NOTIFY_NO_SENDERS) {
		export_end(ex);
		return;
	}
	control = field(&fi, NULL);
	offset = field(&fi, NULL);
	switch (msg->msgh_id) {
	case MO_INIT:				/* OFFSET is the name port */
		(void)memory_object_ready(control, FALSE, MEMORY_OBJECT_COPY_DELAY);
		mx_port_release((mach_port_t)offset);
		break;
	case MO_TERMINATE:			/* both are receive rights */
		(void)mach_port_mod_refs(mx_task, control, MACH_PORT_RIGHT_RECEIVE, -1);
		(void)mach_port_mod_refs(mx_task, (mach_port_t)offset, MACH_PORT_RIGHT_RECEIVE, -1);
		return;
	case MO_DATA_REQUEST:
		data_request(ex, control, offset);
		break;
	case MO_DATA_RETURN:
		data = field(&fi, &count);
		(void)field(&fi, NULL);		/* dirty or not: it was precious */
		data_return(ex, offset, data, count, field(&fi, NULL) != 0);
		break;
	default:
		break;				/* not expected: nothing is copied by memory_object_copy or locked */
	}
	mx_port_release(control);
}

static void
thread_run(void *arg)
{
	char space[1024] __attribute__((aligned(16)));
	mach_msg_header_t *msg = (mach_msg_header_t *)space;

	(void)arg;
	for (;;)
		if (mach_msg_trap(msg, MACH_RCV_MSG, 0, sizeof(space), set, 0, MACH_PORT_NULL) == MACH_MSG_SUCCESS)
			serve((struct export *)msg->msgh_protected_payload, msg);
}

/* ---- The fibril thread ---- */

static kern_return_t
thread_ensure(void)
{
	kern_return_t kr;

	if (set != MACH_PORT_NULL)
		return KERN_SUCCESS;
	kr = syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_PORT_SET, &set);
	if (kr == KERN_SUCCESS)
		kr = mx_thread_start(thread_run, NULL, 16384);
	return kr;
}

static void
reap(void)
{
	struct export *ex = __atomic_exchange_n(&dead, NULL, __ATOMIC_ACQUIRE), *next;

	for (; ex != NULL; ex = next) {
		next = ex->ex_next;
		free(ex);
	}
}

static bool
page_is_zero(const void *page)
{
	const uint32_t *w = page, *end = w + PAGE_SIZE / sizeof(*w);

	while (w < end && *w == 0)
		w++;
	return w == end;
}

/* Move what is at EX's base to other addresses, and note these. */
static kern_return_t
pages_keep(struct export *ex)
{
	vm_address_t kept = 0;
	kern_return_t kr;
	uint32_t i;

	kr = syscall_vm_allocate(mx_task, &kept, ex->ex_size, TRUE);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vm_copy(mx_task, ex->ex_base, ex->ex_size, kept);
	if (kr != KERN_SUCCESS) {
		mig_deallocate(kept, ex->ex_size);
		return kr;
	}
	for (i = 0; i < ex->ex_npages; i++) {
		if (page_is_zero((const void *)(ex->ex_base + i * PAGE_SIZE)))
			mig_deallocate(kept + i * PAGE_SIZE, PAGE_SIZE);
		else
			ex->ex_pages[i] = kept + i * PAGE_SIZE;
	}
	return KERN_SUCCESS;
}

/* A port that becomes a memory object when it is mapped; the one send right that is made is EX_PORT's. */
static kern_return_t
port_make(struct export *ex)
{
	mach_port_t previous;
	kern_return_t kr;

	kr = syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_RECEIVE, &ex->ex_port);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = syscall_mach_port_insert_right(mx_task, ex->ex_port, ex->ex_port, MACH_MSG_TYPE_MAKE_SEND);
	if (kr == KERN_SUCCESS)
		kr = mach_port_set_protected_payload(mx_task, ex->ex_port, (uintptr_t)ex);
	if (kr == KERN_SUCCESS)
		kr = mach_port_move_member(mx_task, ex->ex_port, set);
	if (kr == KERN_SUCCESS)
		kr = mach_port_request_notification(mx_task, ex->ex_port, MACH_NOTIFY_NO_SENDERS, 0, ex->ex_port,
			MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous);
	return kr;
}

static kern_return_t
export_map(struct export *ex)
{
	vm_address_t at = ex->ex_base;

	mig_deallocate(ex->ex_base, ex->ex_size);
	return syscall_vm_map(mx_task, &at, ex->ex_size, 0, FALSE, ex->ex_port, 0, FALSE, VM_PROT_READ | VM_PROT_WRITE,
		VM_PROT_READ | VM_PROT_WRITE, VM_INHERIT_NONE);
}

/* Make the pages at BASE a memory object. Rights: the send right in EX_PORT stays until mx_pages_free. */
static kern_return_t
export_make(vm_address_t base, vm_size_t size, struct export **out)
{
	uint32_t npages = size / PAGE_SIZE;
	struct export *ex;
	kern_return_t kr;

	ex = calloc(1, sizeof(*ex) + npages * sizeof(ex->ex_pages[0]));
	if (ex == NULL)
		return KERN_RESOURCE_SHORTAGE;
	ex->ex_base = base;
	ex->ex_size = size;
	ex->ex_npages = npages;
	kr = pages_keep(ex);
	if (kr != KERN_SUCCESS)
		goto out_memory;
	kr = port_make(ex);
	if (kr != KERN_SUCCESS)
		goto out_port;
	kr = export_map(ex);
	mx_assert(kr == KERN_SUCCESS);		/* the addresses were ours a moment ago */
	ex->ex_next = living;
	living = ex;
	*out = ex;
	return KERN_SUCCESS;
out_port:
	if (ex->ex_port != MACH_PORT_NULL)
		(void)mach_port_mod_refs(mx_task, ex->ex_port, MACH_PORT_RIGHT_RECEIVE, -1);
out_memory:
	free(ex);
	return kr;
}

kern_return_t
mx_memory_export(void *pages, size_t bytes, vm_prot_t prot, mach_port_t *memory)
{
	vm_address_t base = (vm_address_t)pages;
	vm_size_t size = round_page(bytes);
	rpc_vm_offset_t zero = 0, start;
	rpc_vm_size_t len = size;
	struct export *ex;
	kern_return_t kr;

	reap();
	kr = thread_ensure();
	if (kr != KERN_SUCCESS)
		return kr;
	for (ex = living; ex != NULL; ex = ex->ex_next)
		if (base >= ex->ex_base && base - ex->ex_base < ex->ex_size && size <= ex->ex_base + ex->ex_size - base)
			break;
	if (ex == NULL) {
		kr = export_make(base, size, &ex);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	start = base - ex->ex_base;
	return memory_object_create_proxy(mx_task, prot, &ex->ex_port, MACH_MSG_TYPE_COPY_SEND, 1, &zero, 1, &start, 1,
		&len, 1, memory);
}

void
mx_export_forget(vm_address_t base)
{
	struct export **p, *ex;

	for (p = &living; (ex = *p) != NULL; p = &ex->ex_next) {
		if (ex->ex_base == base) {
			*p = ex->ex_next;
			ex->ex_base = 0;
			mx_port_release(ex->ex_port);	/* the last one, when nobody else has it mapped, ends it */
			return;
		}
	}
}
