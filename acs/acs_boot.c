/*
 * acs_boot.c - what the boot script gave ACS: privileged ports, the archives, the words of the boot command.
 *
 * An archive is the memory of a task that never runs (boot/README.md). ACS reads it with vm_read, which copies nothing: the
 * pages stay the archive's until somebody writes them.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs.h"

#include <gnumach.h>
#include <mach.h>
#include <mach_host.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX	32
#define HEAP		(64u << 10)	/* objects: ACS allocates little */

struct archive { const char *ar_data; size_t ar_size; };

mach_port_t acs_host_priv, acs_device_master, acs_bootfs_task, acs_addfs_task;
static struct archive archives[2];		/* the added files first */
static const char *options[OPTIONS_MAX];
static unsigned int option_count;

static bool
port_parse(const char *word, mach_port_t *port)
{
	char *end;
	unsigned long n = strtoul(word, &end, 10);

	*port = (mach_port_t)n;
	return word[0] >= '0' && word[0] <= '9' && *end == '\0';
}

/* The first region of TASK's memory is the archive. */
static kern_return_t
archive_take(mach_port_t task, struct archive *ar)
{
	vm_address_t address = 0;
	vm_size_t size;
	vm_offset_t data, offset;
	mach_msg_type_number_t count;
	vm_prot_t prot, max;
	vm_inherit_t inherit;
	boolean_t shared;
	mach_port_t object;
	kern_return_t kr;

	kr = vm_region(task, &address, &size, &prot, &max, &inherit, &shared, &object, &offset);
	if (kr != KERN_SUCCESS)
		return kr;
	mx_port_release(object);
	kr = vm_read(task, address, size, &data, &count);
	if (kr != KERN_SUCCESS)
		return kr;
	ar->ar_data = (const char *)data;
	ar->ar_size = count;
	return vm_protect(mx_task, data, count, FALSE, VM_PROT_READ);	/* wiring a part of it copies nothing then */
}

static kern_return_t
archives_take(void)
{
	if (acs_addfs_task != MACH_PORT_NULL && archive_take(acs_addfs_task, &archives[0]) != KERN_SUCCESS)
		mx_log(MX_LOG_ERROR, "the archive of added files cannot be read");
	return archive_take(acs_bootfs_task, &archives[1]);
}

/*
 * acs HOST DEVICE BOOTFS-TASK [ADD-TASK or -] KEY=VALUE...: ports by the names that the kernel prints. Words before the
 * first number are names: QEMU puts the module's file before them, GRUB does not.
 * Errors: MX_EINVAL not like that; what the kernel says
 */
kern_return_t
acs_boot_take(int argc, char **argv)
{
	mach_port_t *port[] = { &acs_host_priv, &acs_device_master, &acs_bootfs_task, &acs_addfs_task };
	int i = 0, n = 0;

	while (i < argc && !port_parse(argv[i], port[0]))
		i++;
	for (; i < argc && n < 4 && !strchr(argv[i], '='); i++, n++)
		if (!port_parse(argv[i], port[n]) && !(n == 3 && strcmp(argv[i], "-") == 0))
			return MX_EINVAL;
	if (n < 3)
		return MX_EINVAL;
	for (; i < argc && option_count < OPTIONS_MAX; i++)
		options[option_count++] = argv[i];
	/* Who brings back the disk that memory goes to must not wait for memory. The archives are not its own: they are not wired. */
	if (mx_wire_own(acs_host_priv, HEAP) != KERN_SUCCESS)
		return KERN_RESOURCE_SHORTAGE;
	return archives_take();
}

const char *
acs_option(const char *key)
{
	size_t len = strlen(key);

	for (unsigned int i = option_count; i-- > 0;)
		if (strncmp(options[i], key, len) == 0 && options[i][len] == '=')
			return options[i] + len + 1;
	return "";
}

kern_return_t
acs_boot_find(const char *path, size_t len, const char **data, size_t *size)
{
	struct acs_file file;

	for (unsigned int i = 0; i < 2; i++) {
		if (acs_cpio_find(archives[i].ar_data, archives[i].ar_size, path, len, &file)) {
			*data = archives[i].ar_data + file.fi_offset;
			*size = file.fi_size;
			return KERN_SUCCESS;
		}
	}
	return MX_ENOENT;
}

kern_return_t
acs_boot_wire(const char *data, size_t size)
{
	const vm_address_t mask = ACS_PAGE - 1;
	vm_address_t begin = (vm_address_t)data & ~mask, end = ((vm_address_t)data + size + mask) & ~mask;

	return vm_wire(acs_host_priv, mx_task, begin, end - begin, VM_PROT_READ);
}
