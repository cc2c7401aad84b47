/*
 * memory.c - the kernel's messages: memory objects, pages that come and pages that are asked for.
 *
 * The kernel makes a memory object for memory of its own when it first takes a page away from it, and gives us the receive right. It sends
 * few pages at a time, wired, and goes on when they are freed: so a page is copied into the store and given back at once. When there is no
 * room for it the fibril that brought it waits, the kernel stops sending, and proc ends a process if nothing helps.
 *
 * Dirty pages of files come here as well when memory is very short: as objects of one page, which their pagers read later.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <mach/memory_object.h>
#include <masix/mach.h>
#include "server.h"
#include "mach_host.h"
#include "mach.h"
#include "mach_port.h"
#include "memory_object_S.h"
#include "memory_object_default_S.h"
#include "../../lib/pfs/pager_impl.h"

extern boolean_t memory_object_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t memory_object_default_server(mach_msg_header_t *in, mach_msg_header_t *out);

#define RETRY_NS	20000000u
#define SIZE_MAX_PAGES	(0xfffff000u / DATA_PAGE)

struct waiting {			/* a page that there is no room for; on the stack of its fibril */
	struct waiting	*wt_next, **wt_prev;
	struct data_port *wt_port;
	uint32_t	wt_page;
	const void	*wt_data;
	bool		wt_is_done;	/* the kernel has it back, or wants it no more */
};

static struct waiting *waiting;
static uint32_t nwaiting;
static struct mx_cond room;
static char buffer[DATA_PAGE] __attribute__((aligned(DATA_PAGE)));	/* pages on their way to the kernel, which copies them */

static void port_free(struct mx_object *obj);

static struct mx_class manager_class = {
	.mc_name = "default manager", .mc_size = sizeof(struct mx_object),
	.mc_demux = (mx_demux_t *const[]){ memory_object_default_server, NULL },
};
static struct mx_class port_class = {
	.mc_name = "memory", .mc_size = sizeof(struct data_port),
	.mc_demux = (mx_demux_t *const[]){ memory_object_server, NULL }, .mc_free = port_free,
};

/* The payload arrives where MIG thinks the port's name is. */
static struct data_port *
port_of(mach_port_t payload)
{
	struct data_port *dp = mx_object_cast((struct mx_object *)(uintptr_t)payload, &port_class);

	return dp != NULL && !dp->dp_is_gone ? dp : NULL;
}

static void
port_free(struct mx_object *obj)
{
	struct data_port *dp = (struct data_port *)obj;

	mx_port_release(dp->dp_control);
	mx_port_release(dp->dp_name);
}

/* ---- Answers ---- */

void
data_supply(struct data_port *dp, uint32_t page, void *addr, bool move, bool precious)
{
	vm_address_t at = (vm_address_t)addr;

	if (!pager_msg_supply(dp->dp_control, page * DATA_PAGE, &at, DATA_PAGE, move, precious, false) && move)
		(void)syscall_vm_deallocate(mx_task, at, DATA_PAGE);	/* ours: cannot fail */
}

void
data_fail(struct data_port *dp, uint32_t page)
{
	(void)pager_msg_error(dp->dp_control, page * DATA_PAGE, DATA_PAGE, KERN_MEMORY_ERROR);	/* not sent: nobody waits */
}

/* Is PAGE waiting for room? Then the kernel gets it back. */
static bool
waiting_take(struct data_port *dp, uint32_t page)
{
	struct waiting *wt = waiting;

	while (wt != NULL && (wt->wt_is_done || wt->wt_port != dp || wt->wt_page != page))
		wt = wt->wt_next;
	if (wt == NULL)
		return false;
	wt->wt_is_done = true;
	data_supply(dp, page, (void *)(uintptr_t)wt->wt_data, false, true);
	mx_cond_broadcast(&room);
	return true;
}

void
data_answer(struct data_port *dp, uint32_t page, uint32_t max)
{
	enum data_answer answer;

	if (waiting_take(dp, page))
		return;
	answer = data_page_ask(&dp->dp_pages, page, buffer);
	switch (answer) {
	case DATA_IS_ABSENT:
		(void)pager_msg_unavailable(dp->dp_control, page * DATA_PAGE, DATA_PAGE);	/* not sent: nobody waits */
		break;
	case DATA_IS_KEPT:
	case DATA_IS_GIVEN:
		data_supply(dp, page, buffer, false, answer == DATA_IS_GIVEN);
		if (answer == DATA_IS_GIVEN)
			data_room_made();
		break;
	case DATA_IS_ON_SWAP:
		data_swap_read(dp, page, max);
		break;
	case DATA_IS_COMING:
		break;
	}
}

/* ---- Pages that come ---- */

uint32_t
data_waiting(void)
{
	return nwaiting;
}

void
data_room_made(void)
{
	if (waiting != NULL)
		mx_cond_broadcast(&room);
}

/* Keep the page at DATA. Blocks: until there is room. */
static void
page_take(struct data_port *dp, uint32_t page, const void *data)
{
	struct waiting wt = { .wt_port = dp, .wt_page = page, .wt_data = data };

	if (data_page_keep(&dp->dp_pages, page, data))
		return;
	wt.wt_next = waiting;
	wt.wt_prev = &waiting;
	if (waiting != NULL)
		waiting->wt_prev = &wt.wt_next;
	waiting = &wt;
	nwaiting++;
	do {
		data_swap_balance();
		(void)mx_cond_wait_until(&room, mx_now_ns() + RETRY_NS);	/* nobody tells when there is memory again */
	} while (!wt.wt_is_done && !dp->dp_is_gone && !data_page_keep(&dp->dp_pages, page, data));
	nwaiting--;
	*wt.wt_prev = wt.wt_next;
	if (wt.wt_next != NULL)
		wt.wt_next->wt_prev = wt.wt_prev;
}

kern_return_t
memory_object_data_return(mach_port_t object, mach_port_t control, vm_offset_t offset, vm_offset_t data,
	mach_msg_type_number_t count, boolean_t dirty, boolean_t kernel_copy)
{
	struct data_port *dp = port_of(object);

	(void)dirty, (void)kernel_copy;
	if (dp == NULL)
		return KERN_INVALID_ARGUMENT;
	mx_port_release(control);
	for (vm_size_t done = 0; done + DATA_PAGE <= count; done += DATA_PAGE)
		if (!dp->dp_is_gone)
			page_take(dp, (offset + done) / DATA_PAGE, (const void *)(data + done));
	(void)syscall_vm_deallocate(mx_task, data, count);	/* ours: cannot fail */
	data_swap_balance();
	return KERN_SUCCESS;
}

kern_return_t
memory_object_data_request(mach_port_t object, mach_port_t control, vm_offset_t offset, vm_size_t length, vm_prot_t access)
{
	struct data_port *dp = port_of(object);

	(void)access;
	if (dp == NULL)
		return KERN_INVALID_ARGUMENT;
	mx_port_release(control);
	for (vm_size_t done = 0; done < length; done += DATA_PAGE)
		data_answer(dp, (offset + done) / DATA_PAGE, UINT32_MAX);
	return KERN_SUCCESS;
}

/* ---- Objects ---- */

kern_return_t
memory_object_create(mach_port_t manager, mach_port_t object, vm_size_t size, mach_port_t control, mach_port_t name,
	vm_size_t page_size)
{
	struct data_port *dp;

	(void)manager;
	if (page_size != DATA_PAGE)
		return KERN_INVALID_ARGUMENT;
	dp = mx_object_adopt(&port_class, object);
	mx_assert(dp != NULL);		/* the kernel has no second try: its pages would be lost one by one */
	dp->dp_control = control;
	dp->dp_name = name;
	data_object_begin(&dp->dp_pages, size / DATA_PAGE < SIZE_MAX_PAGES ? (size + DATA_PAGE - 1) / DATA_PAGE : SIZE_MAX_PAGES);
	return KERN_SUCCESS;
}

/* CONTROL and NAME are the receive rights; it is not the kernel's object any more. */
kern_return_t
memory_object_terminate(mach_port_t object, mach_port_t control, mach_port_t name)
{
	struct data_port *dp = port_of(object);

	if (dp == NULL)
		return KERN_INVALID_ARGUMENT;
	(void)mach_port_mod_refs(mx_task, control, MACH_PORT_RIGHT_RECEIVE, -1);	/* just given to us: cannot fail */
	(void)mach_port_mod_refs(mx_task, name, MACH_PORT_RIGHT_RECEIVE, -1);
	dp->dp_is_gone = true;
	data_object_end(&dp->dp_pages);
	mx_cond_broadcast(&room);
	mx_object_release(&dp->dp_object);
	return KERN_SUCCESS;
}

/* ---- What the kernel does not send to its default memory manager: refused, and destroyed with what is in it ---- */

kern_return_t
memory_object_init(mach_port_t object, mach_port_t control, mach_port_t name, vm_size_t page_size)
{
	(void)object, (void)control, (void)name, (void)page_size;
	return KERN_INVALID_ARGUMENT;
}

kern_return_t
memory_object_copy(mach_port_t object, mach_port_t control, vm_offset_t offset, vm_size_t length, mach_port_t copy)
{
	(void)object, (void)control, (void)offset, (void)length, (void)copy;
	return KERN_INVALID_ARGUMENT;
}

kern_return_t
memory_object_data_unlock(mach_port_t object, mach_port_t control, vm_offset_t offset, vm_size_t length, vm_prot_t access)
{
	(void)object, (void)control, (void)offset, (void)length, (void)access;
	return KERN_INVALID_ARGUMENT;
}

kern_return_t
memory_object_lock_completed(mach_port_t object, mach_port_t control, vm_offset_t offset, vm_size_t length)
{
	(void)object, (void)control, (void)offset, (void)length;
	return KERN_INVALID_ARGUMENT;
}

kern_return_t
memory_object_supply_completed(mach_port_t object, mach_port_t control, vm_offset_t offset, vm_size_t length, kern_return_t result,
	vm_offset_t failed)
{
	(void)object, (void)control, (void)offset, (void)length, (void)result, (void)failed;
	return KERN_INVALID_ARGUMENT;
}

kern_return_t
memory_object_change_completed(mach_port_t object, boolean_t may_cache, memory_object_copy_strategy_t strategy)
{
	(void)object, (void)may_cache, (void)strategy;
	return KERN_INVALID_ARGUMENT;
}

kern_return_t
memory_object_data_initialize(mach_port_t object, mach_port_t control, vm_offset_t offset, vm_offset_t data,
	mach_msg_type_number_t count)
{
	(void)object, (void)control, (void)offset, (void)data, (void)count;
	return KERN_INVALID_ARGUMENT;
}

/* ---- Start ---- */

kern_return_t
data_memory_start(mach_port_t host)
{
	struct mx_object *manager = mx_object_create(&manager_class);
	mach_port_t port;
	kern_return_t kr;

	if (manager == NULL)
		return MX_ENOMEM;
	port = mx_object_port(manager);
	kr = vm_set_default_memory_manager(host, &port);
	if (kr == KERN_SUCCESS)
		mx_port_release(port);		/* the one before: none */
	return kr;
}
