/*
 * pager.c - the thread that answers the kernel for this task's memory objects, and the life of an object.
 *
 * A message's protected payload is the pager it is for. The thread does what an owner's pg_ functions do and nothing that could
 * wait. When the kernel gives an object up (terminate), answers that crossed with that message are still in the queue of the
 * control port that comes with it: they are taken out again, so that pages that were moved are not lost.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <mach/memory_object.h>
#include <mach/notify.h>
#include <mach/thread_switch.h>
#include <masix/mach.h>
#include "pager_impl.h"
#include "mach.h"
#include "mach4.h"
#include "mach_port.h"
#include "memory_object_S.h"

#define STACK_BYTES	32768
#define PROXY_LENGTH	0xfffff000u	/* a proxy as long as an object can be: the pager knows where the file ends */

extern boolean_t memory_object_server(mach_msg_header_t *in, mach_msg_header_t *out);

mach_port_t pager_set;

/* ---- Spin locks ---- */

void
mx_spin_lock(struct mx_spin *s)
{
	while (__atomic_exchange_n(&s->sp_word, 1, __ATOMIC_ACQUIRE) != 0)
		(void)thread_switch(MACH_PORT_NULL, SWITCH_OPTION_DEPRESS, 1);
}

void
mx_spin_unlock(struct mx_spin *s)
{
	__atomic_store_n(&s->sp_word, 0, __ATOMIC_RELEASE);
}

/* ---- What the kernel says: on the pager's thread ---- */

static struct mx_pager *
pager_of(mach_port_t object)
{
	return (struct mx_pager *)object;	/* the payload */
}

static void
reference_drop(mach_port_t control)
{
	(void)syscall_mach_port_deallocate(mx_task, control);	/* each message brings one */
}

kern_return_t
memory_object_init(mach_port_t object, mach_port_t control, mach_port_t name, vm_size_t page_size)
{
	struct mx_pager *pg = pager_of(object);
	bool may_cache;

	mx_assert(page_size == MX_PAGE);
	mx_spin_lock(&pg->pg_lock);
	pg->pg_control = control;
	pg->pg_name = name;
	may_cache = !pg->pg_retired;
	mx_spin_unlock(&pg->pg_lock);
	(void)memory_object_ready(control, may_cache, MEMORY_OBJECT_COPY_DELAY);	/* gone already: terminate follows */
	if (pg->pg_ops->pg_begin != NULL)
		pg->pg_ops->pg_begin(pg);
	return KERN_SUCCESS;
}

kern_return_t
memory_object_data_request(mach_port_t object, mach_port_t control, vm_offset_t offset, vm_size_t length, vm_prot_t access)
{
	struct mx_pager *pg = pager_of(object);

	if (control == pg->pg_control && length == MX_PAGE)
		pg->pg_ops->pg_request(pg, (uint32_t)(offset >> MX_PAGE_SHIFT), access);
	reference_drop(control);
	return KERN_SUCCESS;
}

kern_return_t
memory_object_data_return(mach_port_t object, mach_port_t control, vm_offset_t offset, vm_offset_t data,
	mach_msg_type_number_t size, boolean_t dirty, boolean_t kernel_copy)
{
	struct mx_pager *pg = pager_of(object);

	pg->pg_ops->pg_return(pg, (uint32_t)(offset >> MX_PAGE_SHIFT), (void *)data, size >> MX_PAGE_SHIFT, dirty != 0,
		kernel_copy != 0);
	reference_drop(control);
	return KERN_SUCCESS;
}

/* Take back what was supplied to an object that had gone. */
static void
supplies_take_back(struct mx_pager *pg, mach_port_t control)
{
	static char space[256] __attribute__((aligned(16)));
	mach_msg_header_t *msg = (mach_msg_header_t *)space;
	vm_offset_t offset;
	vm_address_t addr;
	vm_size_t size;

	while (mach_msg_trap(msg, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(space), control, 0, MACH_PORT_NULL) ==
	    MACH_MSG_SUCCESS) {
		if (!pager_msg_is_supply(msg, &offset, &addr, &size))
			mx_message_destroy(msg, true);
		else if (pg->pg_ops->pg_unsupplied != NULL)
			pg->pg_ops->pg_unsupplied(pg, (uint32_t)(offset >> MX_PAGE_SHIFT), (void *)addr,
				size >> MX_PAGE_SHIFT);
		else
			pg->pg_ops->pg_return(pg, (uint32_t)(offset >> MX_PAGE_SHIFT), (void *)addr,
				size >> MX_PAGE_SHIFT, true, false);
	}
}

kern_return_t
memory_object_terminate(mach_port_t object, mach_port_t control, mach_port_t name)
{
	struct mx_pager *pg = pager_of(object);

	mx_spin_lock(&pg->pg_lock);
	pg->pg_control = pg->pg_name = MACH_PORT_NULL;
	mx_spin_unlock(&pg->pg_lock);
	supplies_take_back(pg, control);
	pg->pg_ops->pg_terminated(pg);
	(void)mach_port_destroy(mx_task, control);	/* receive right and our references; they came with the message */
	(void)mach_port_destroy(mx_task, name);
	return KERN_SUCCESS;
}

kern_return_t
memory_object_data_unlock(mach_port_t object, mach_port_t control, vm_offset_t offset, vm_size_t length, vm_prot_t access)
{
	struct mx_pager *pg = pager_of(object);

	(void)access;
	if (pg->pg_ops->pg_unlock == NULL || length != MX_PAGE)
		(void)memory_object_lock_request(control, offset, length, MEMORY_OBJECT_RETURN_NONE, FALSE, VM_PROT_NONE,
			MACH_PORT_NULL);
	else if (control == pg->pg_control)
		pg->pg_ops->pg_unlock(pg, (uint32_t)(offset >> MX_PAGE_SHIFT));
	reference_drop(control);
	return KERN_SUCCESS;
}

kern_return_t
memory_object_lock_completed(mach_port_t object, mach_port_t control, vm_offset_t offset, vm_size_t length)
{
	(void)offset;
	(void)length;
	pager_helper_completed(object);
	reference_drop(control);
	return KERN_SUCCESS;
}

kern_return_t
memory_object_supply_completed(mach_port_t object, mach_port_t control, vm_offset_t offset, vm_size_t length,
	kern_return_t result, vm_offset_t error_offset)
{
	(void)object;
	(void)offset;
	(void)length;
	(void)result;
	(void)error_offset;
	reference_drop(control);
	return KERN_SUCCESS;
}

kern_return_t
memory_object_change_completed(mach_port_t object, boolean_t may_cache, memory_object_copy_strategy_t strategy)
{
	(void)object;
	(void)may_cache;
	(void)strategy;
	return KERN_SUCCESS;
}

kern_return_t
memory_object_copy(mach_port_t object, mach_port_t control, vm_offset_t offset, vm_size_t length, mach_port_t copy)
{
	(void)object;
	(void)offset;
	(void)length;
	(void)mach_port_destroy(mx_task, copy);		/* only for a strategy that we never ask for */
	reference_drop(control);
	return KERN_SUCCESS;
}

/* Nobody had a right to map it any more, of those that had been made until then: COUNT. */
static void
no_senders(struct mx_pager *pg, mach_port_mscount_t count)
{
	mx_spin_lock(&pg->pg_lock);
	pg->pg_ending = pg->pg_retired && count >= pg->pg_made;
	mx_spin_unlock(&pg->pg_lock);
	if (pg->pg_ending)
		pager_bell_end(pg);
}

static void
pager_main(void *arg)
{
	static char in_space[1024] __attribute__((aligned(16))), out_space[1024] __attribute__((aligned(16)));
	mach_msg_header_t *in = (mach_msg_header_t *)in_space, *out = (mach_msg_header_t *)out_space;

	(void)arg;
	for (;;) {
		if (mach_msg_trap(in, MACH_RCV_MSG, 0, sizeof(in_space), pager_set, 0, MACH_PORT_NULL) != MACH_MSG_SUCCESS)
			continue;
		if (in->msgh_id == MACH_NOTIFY_NO_SENDERS)
			no_senders(pager_of((mach_port_t)in->msgh_protected_payload),
				((const mach_no_senders_notification_t *)(const void *)in)->not_count);
		else if (in->msgh_id == MACH_NOTIFY_SEND_ONCE)
			pager_helper_refused(in->msgh_local_port);
		else if (!memory_object_server(in, out) && !pager_fault_message(in))
			mx_message_destroy(in, true);
	}
}

/* ---- Life: on fibrils ---- */

/* Our send right, which the kernel and clients get copies of. */
static kern_return_t
send_right_make(struct mx_pager *pg)
{
	kern_return_t kr = syscall_mach_port_insert_right(mx_task, pg->pg_port, pg->pg_port, MACH_MSG_TYPE_MAKE_SEND);

	pg->pg_made += kr == KERN_SUCCESS;
	return kr;
}

static void
pagers_report(int change)
{
	static struct mx_report_class *report;

	if (report != NULL || (report = mx_report_add("memory object")) != NULL)
		report->rc_live += (uint32_t)change;
}

kern_return_t
mx_pager_start(void)
{
	kern_return_t kr;

	if (pager_set != MACH_PORT_NULL)
		return KERN_SUCCESS;
	kr = syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_PORT_SET, &pager_set);
	if (kr == KERN_SUCCESS)
		kr = pager_bell_start();
	if (kr == KERN_SUCCESS)
		kr = pager_helper_start();
	if (kr == KERN_SUCCESS)
		kr = mx_thread_start(pager_main, NULL, STACK_BYTES);
	return kr;
}

kern_return_t
mx_pager_create(const struct mx_pager_ops *ops, void *owner, struct mx_pager **out)
{
	struct mx_pager *pg = calloc(1, sizeof(*pg));
	kern_return_t kr;

	if (pg == NULL)
		return MX_ENOMEM;
	pg->pg_ops = ops;
	pg->pg_owner = owner;
	kr = syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_RECEIVE, &pg->pg_port);
	if (kr != KERN_SUCCESS)
		goto out_memory;
	kr = send_right_make(pg);
	if (kr == KERN_SUCCESS)
		kr = mach_port_set_protected_payload(mx_task, pg->pg_port, (uintptr_t)pg);
	if (kr == KERN_SUCCESS)
		kr = mach_port_move_member(mx_task, pg->pg_port, pager_set);
	if (kr != KERN_SUCCESS)
		goto out_port;
	pagers_report(1);
	*out = pg;
	return KERN_SUCCESS;
out_port:
	(void)mach_port_destroy(mx_task, pg->pg_port);	/* ours: cannot fail */
out_memory:
	free(pg);
	return MX_ENOMEM;
}

void *
mx_pager_owner(const struct mx_pager *pg)
{
	return pg->pg_owner;
}

bool
mx_pager_may_be_written(const struct mx_pager *pg)
{
	return pg->pg_written;
}

static kern_return_t
proxy_make(struct mx_pager *pg, vm_prot_t prot, mach_port_t *proxy)
{
	mach_port_t object[1] = { pg->pg_port };
	rpc_vm_offset_t zero[1] = { 0 };
	rpc_vm_size_t length[1] = { PROXY_LENGTH };

	return memory_object_create_proxy(mx_task, prot, object, MACH_MSG_TYPE_COPY_SEND, 1, zero, 1, zero, 1, length, 1,
		proxy);
}

kern_return_t
mx_pager_memory(struct mx_pager *pg, vm_prot_t prot, mach_port_t *memory)
{
	bool is_writable = (prot & VM_PROT_WRITE) != 0;
	mach_port_t *proxy = &pg->pg_proxy[is_writable];
	kern_return_t kr;

	if (*proxy == MACH_PORT_NULL) {
		kr = proxy_make(pg, is_writable ? VM_PROT_ALL : VM_PROT_READ | VM_PROT_EXECUTE, proxy);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	if (is_writable)
		pg->pg_written = true;
	*memory = *proxy;
	return KERN_SUCCESS;
}

kern_return_t
mx_pager_map(struct mx_pager *pg, size_t size, void **out)
{
	vm_address_t at = 0;
	kern_return_t kr;

	kr = syscall_vm_map(mx_task, &at, size, 0, TRUE, pg->pg_port, 0, FALSE, VM_PROT_READ | VM_PROT_WRITE,
		VM_PROT_READ | VM_PROT_WRITE, VM_INHERIT_NONE);
	*out = (void *)at;
	return kr;
}

void
mx_pager_retire(struct mx_pager *pg)
{
	mach_port_t previous;

	pager_windows_drop(pg);
	mx_spin_lock(&pg->pg_lock);
	pg->pg_retired = true;
	if (pg->pg_control != MACH_PORT_NULL)
		(void)memory_object_change_attributes(pg->pg_control, FALSE, MEMORY_OBJECT_COPY_DELAY, MACH_PORT_NULL);
	mx_spin_unlock(&pg->pg_lock);
	mx_port_release(pg->pg_proxy[0]);
	mx_port_release(pg->pg_proxy[1]);
	pg->pg_proxy[0] = pg->pg_proxy[1] = MACH_PORT_NULL;
	if (mach_port_request_notification(mx_task, pg->pg_port, MACH_NOTIFY_NO_SENDERS, 0, pg->pg_port,
	    MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous) != KERN_SUCCESS)
		mx_panic(__FILE__, __LINE__, "no notification for a pager");
	mx_port_release(pg->pg_port);		/* our send right: the last but clients' and the kernel's */
}

bool
mx_pager_revive(struct mx_pager *pg)
{
	bool is_alive;

	mx_spin_lock(&pg->pg_lock);
	is_alive = !pg->pg_ending && send_right_make(pg) == KERN_SUCCESS;
	if (is_alive)
		pg->pg_retired = false;
	if (is_alive && pg->pg_control != MACH_PORT_NULL)
		(void)memory_object_change_attributes(pg->pg_control, TRUE, MEMORY_OBJECT_COPY_DELAY, MACH_PORT_NULL);
	mx_spin_unlock(&pg->pg_lock);
	return is_alive;
}

void
mx_pager_destroy(struct mx_pager *pg)
{
	(void)mach_port_mod_refs(mx_task, pg->pg_port, MACH_PORT_RIGHT_RECEIVE, -1);	/* ours: cannot fail */
	free(pg);
	pagers_report(-1);
}

/* ---- Answers ---- */

void *
mx_pager_supply(struct mx_pager *pg, uint32_t page, void *addr, uint32_t npages, bool move, bool precious)
{
	vm_address_t at = (vm_address_t)addr;

	if (pager_msg_supply(pg->pg_control, page << MX_PAGE_SHIFT, &at, npages << MX_PAGE_SHIFT, move, precious,
	    false))
		return NULL;
	return (void *)at;
}

bool
mx_pager_supply_locked(struct mx_pager *pg, uint32_t page, const void *addr, uint32_t npages)
{
	vm_address_t at = (vm_address_t)addr;

	return pager_msg_supply(pg->pg_control, page << MX_PAGE_SHIFT, &at, npages << MX_PAGE_SHIFT, false, false,
	    true);
}

void
mx_pager_unlock(struct mx_pager *pg, uint32_t page)
{
	mx_spin_lock(&pg->pg_lock);
	if (pg->pg_control != MACH_PORT_NULL)
		(void)memory_object_lock_request(pg->pg_control, page << MX_PAGE_SHIFT, MX_PAGE, MEMORY_OBJECT_RETURN_NONE,
			FALSE, VM_PROT_NONE, MACH_PORT_NULL);	/* gone: nobody waits */
	mx_spin_unlock(&pg->pg_lock);
}

void
mx_pager_zero(struct mx_pager *pg, uint32_t page)
{
	(void)pager_msg_unavailable(pg->pg_control, page << MX_PAGE_SHIFT, MX_PAGE);	/* the object went: nobody waits */
}

void
mx_pager_error(struct mx_pager *pg, uint32_t page)
{
	(void)pager_msg_error(pg->pg_control, page << MX_PAGE_SHIFT, MX_PAGE, KERN_MEMORY_ERROR);	/* likewise */
}

static void
deferred_run(struct mx_pager *pg, uint32_t page, vm_prot_t access)
{
	pg->pg_ops->pg_deferred(pg, page, access);
}

void
mx_pager_defer(struct mx_pager *pg, uint32_t page, vm_prot_t access)
{
	if (!pager_bell_ring(deferred_run, pg, page, access))
		mx_pager_error(pg, page);	/* better than a thread that waits for ever */
}
