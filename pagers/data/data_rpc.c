/*
 * data_rpc.c - what proc asks: the routines of data.defs.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "server.h"
#include "data_S.h"

extern boolean_t data_server(mach_msg_header_t *in, mach_msg_header_t *out);

#define PAGE_KB	(DATA_PAGE / 1024)

static struct mx_class control_class = {
	.mc_name = "control", .mc_size = sizeof(struct mx_object), .mc_demux = (mx_demux_t *const[]){ data_server, NULL },
};

kern_return_t
data_control_start(void)
{
	struct mx_object *control = mx_object_create(&control_class);

	return control != NULL ? mx_register("data.control", control) : MX_ENOMEM;
}

kern_return_t
S_data_swap_on(mx_object_ptr_t obj, const mx_name_t source, mach_msg_type_number_t length, const mx_path_t path,
	mach_msg_type_number_t path_length, int32_t priority)
{
	if (mx_object_cast(obj, &control_class) == NULL || length > MX_NAME_MAX || path_length > MX_PATH_MAX)
		return MX_EINVAL;
	return data_swap_add(source, length, path, path_length, priority);
}

kern_return_t
S_data_swap_off(mx_object_ptr_t obj, const mx_name_t source, mach_msg_type_number_t length)
{
	if (mx_object_cast(obj, &control_class) == NULL || length > MX_NAME_MAX)
		return MX_EINVAL;
	return data_swap_remove(source, length);
}

kern_return_t
S_data_swap_list(mx_object_ptr_t obj, uint32_t index, mx_name_t path, mach_msg_type_number_t *length, uint64_t *kb, uint64_t *used_kb,
	int32_t *priority)
{
	if (mx_object_cast(obj, &control_class) == NULL)
		return MX_EINVAL;
	for (const struct data_area *ar = data_areas; ar < data_areas + DATA_AREAS; ar++) {
		if (ar->ar_map == NULL || index-- > 0)
			continue;
		*length = strlen(ar->ar_path);
		memcpy(path, ar->ar_path, *length);
		*kb = (uint64_t)(ar->ar_slots - ar->ar_bad) * PAGE_KB;
		*used_kb = (uint64_t)(ar->ar_used - ar->ar_bad) * PAGE_KB;
		*priority = ar->ar_priority;
		return KERN_SUCCESS;
	}
	return MX_ENOENT;
}

kern_return_t
S_data_info(mx_object_ptr_t obj, mx_data_info_t *info)
{
	struct mx_data_info di = {
		.di_kept = data_counts.co_kept, .di_given = data_counts.co_given,
		.di_written = data_counts.co_written, .di_read = data_counts.co_read,
		.di_pages = data_store_stats.ss_pages, .di_store_kb = data_store_stats.ss_bytes / 1024,
		.di_store_max_kb = data_store_stats.ss_limit / 1024, .di_zeros = data_counts.co_zeros,
		.di_swapped = data_counts.co_slots, .di_objects = data_counts.co_objects, .di_waiting = data_waiting(),
		.di_busy = data_swap_busy(),
	};

	if (mx_object_cast(obj, &control_class) == NULL)
		return MX_EINVAL;
	data_slots_count(&di.di_swap, &di.di_swap_left);
	for (const struct data_area *ar = data_areas; ar < data_areas + DATA_AREAS; ar++)
		di.di_errors += ar->ar_map != NULL ? ar->ar_errors : 0;
	*info = di;
	return KERN_SUCCESS;
}
