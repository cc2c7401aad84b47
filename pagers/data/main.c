/*
 * main.c - the data pager, which is the kernel's default memory manager: where pages go that no file keeps.
 *
 * Without it the kernel stops in silence when memory ends. So it must never wait for a page itself: all of it is wired, its one thread
 * may use the kernel's reserve, and whom it waits for - the block driver, and hw for its interrupts - is wired, too.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <mach/vm_statistics.h>
#include <masix/mach.h>
#include "server.h"
#include "mach.h"
#include "mach_host.h"

#define SHARE_NUM	2u		/* how much of the memory the store may have */
#define SHARE_DEN	5u

static uint32_t
memory_bytes(void)
{
	struct vm_statistics st;

	if (vm_statistics(mx_task, &st) != KERN_SUCCESS)
		return 0;
	return (uint32_t)(st.free_count + st.active_count + st.inactive_count + st.wire_count) * DATA_PAGE;
}

static kern_return_t
data_fresh(int argc, char **argv)
{
	mach_port_t host;
	kern_return_t kr;

	(void)argc, (void)argv;
	kr = mx_right("host", &host);
	if (kr == KERN_SUCCESS)
		kr = mx_wire_all(host);
	if (kr == KERN_SUCCESS)
		kr = data_canary_start();
	if (kr == KERN_SUCCESS && !data_store_init((uint32_t)((uint64_t)memory_bytes() * SHARE_NUM / SHARE_DEN)))
		kr = MX_ENOMEM;
	if (kr == KERN_SUCCESS)
		kr = data_swap_start();
	if (kr == KERN_SUCCESS)
		kr = data_memory_start(host);
	if (kr != KERN_SUCCESS)
		return kr;
	mx_port_release(host);
	kr = data_control_start();
	if (kr == KERN_SUCCESS)
		mx_server_ready();
	return kr;
}

int
main(int argc, char **argv)
{
	static const struct mx_server data = { .ms_name = "data", .ms_fresh = data_fresh };

	mx_server_main(&data, argc, argv);
}
