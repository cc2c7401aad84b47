/*
 * proc_swap.c - the data pager, as proc sees it: swap areas, and how much room there is for pages.
 *
 * proc is the only one that may ask it, and checks who asks proc.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <string.h>
#include <masix/blk.h>
#include "server.h"
#include "data.h"

#define PAGE_KB		4u
#define FLAG_PREFER	0x8000u		/* of swapon(2): the lower bits are the priority */
#define FLAG_PRIORITY	0x7fffu

static mach_port_t control;

kern_return_t
proc_swap_init(void)
{
	return mx_lookup("data.control", &control);
}

void
proc_data_info(struct mx_data_info *info)
{
	if (control == MACH_PORT_NULL || data_info(control, info) != KERN_SUCCESS)
		memset(info, 0, sizeof(*info));
}

static uint32_t
kb_of(uint64_t pages)
{
	return pages < UINT32_MAX / PAGE_KB ? (uint32_t)pages * PAGE_KB : UINT32_MAX;
}

void
proc_swap_sizes(uint32_t kb[2])
{
	struct mx_data_info info;

	proc_data_info(&info);
	kb[0] = kb_of(info.di_swap);
	kb[1] = kb_of(info.di_swap_left);
}

bool
proc_swap_area(uint32_t index, struct proc_swap_area *sa)
{
	mach_msg_type_number_t length = sizeof(sa->sa_path);

	if (data_swap_list(control, index, sa->sa_path, &length, &sa->sa_kb, &sa->sa_used_kb, &sa->sa_priority) != KERN_SUCCESS)
		return false;
	sa->sa_path[length < sizeof(sa->sa_path) ? length : sizeof(sa->sa_path) - 1] = '\0';
	return true;
}

kern_return_t
proc_swap(struct proc *p, bool on, uint32_t flags, const char *data, uint32_t size)
{
	struct mx_swap_request sr;
	char source[32];
	uint32_t kb[2];
	size_t length;
	kern_return_t kr;

	if (!cred_is_root(&p->p_cred))
		return MX_EPERM;
	if (size != sizeof(sr))
		return MX_EINVAL;
	memcpy(&sr, data, sizeof(sr));
	if (sr.sr_length > sizeof(sr.sr_path))
		return MX_EINVAL;
	length = (size_t)snprintf(source, sizeof(source), BLK_SOURCE "%u:%u", (unsigned int)sr.sr_major, (unsigned int)sr.sr_minor);
	if (on)
		kr = data_swap_on(control, source, length, sr.sr_path, sr.sr_length,
			flags & FLAG_PREFER ? (int32_t)(flags & FLAG_PRIORITY) : -1);
	else
		kr = data_swap_off(control, source, length);
	proc_swap_sizes(kb);
	proc_sys_set_swap(kb[0]);
	return kr;
}
