/*
 * swap.c - pages to and from disks.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "server.h"

kern_return_t
data_swap_start(void)
{
	return KERN_SUCCESS;
}

void
data_swap_read(struct data_port *dp, uint32_t page, uint32_t max)
{
	(void)max;
	data_fail(dp, page);
}

void
data_swap_balance(void)
{
}

kern_return_t
data_swap_add(const char *source, size_t length, const char *path, size_t path_length, int32_t priority)
{
	(void)source, (void)length, (void)path, (void)path_length, (void)priority;
	return MX_EOPNOTSUPP;
}

kern_return_t
data_swap_remove(const char *source, size_t length)
{
	(void)source, (void)length;
	return MX_EINVAL;
}
