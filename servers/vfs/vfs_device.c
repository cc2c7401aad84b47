/*
 * vfs_device.c - devices: which server drives a node, or which kind emulib answers by itself.
 *
 * The driver of a major number is the ACS name "dev.MAJOR", looked up when a node of it is first opened and kept until the
 * driver dies.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include "dev.h"
#include "vfs_rpc.h"

#define MAJORS	256u

static mach_port_t drivers[MAJORS];

/* Memory devices, which need no server. False: there is none. */
static bool
memory_kind(uint32_t minor, uint32_t *kind)
{
	switch (minor) {
	case 3:
		*kind = MX_KIND_NULL;
		return true;
	case 5:
		*kind = MX_KIND_ZERO;
		return true;
	case 7:
		*kind = MX_KIND_FULL;
		return true;
	case 8:
	case 9:
		*kind = MX_KIND_RANDOM;
		return true;
	default:
		return false;
	}
}

/* Names of drivers do not say of which kind their devices are: these are disks, everything else is not. */
static bool
is_disk_major(uint32_t major)
{
	return major == 3 || major == 8 || major == 22 || major == 254;
}

static kern_return_t
driver_find(uint32_t major, mach_port_t *port)
{
	char name[16];
	kern_return_t kr;

	if (major >= MAJORS)
		return MX_ENXIO;
	if (drivers[major] == MACH_PORT_NULL) {
		(void)snprintf(name, sizeof(name), "dev.%u", (unsigned int)major);
		kr = mx_lookup(name, port);
		if (kr != KERN_SUCCESS)
			return MX_ENXIO;
		if (drivers[major] == MACH_PORT_NULL)
			drivers[major] = *port;
		else
			mx_port_release(*port);		/* somebody else asked meanwhile: the same right once more */
	}
	*port = drivers[major];
	return KERN_SUCCESS;
}

static bool
is_dead(kern_return_t kr)
{
	return kr == MX_ESERVERDIED || kr == MACH_SEND_INVALID_DEST;
}

static void
driver_forget(uint32_t major, mach_port_t port)
{
	if (drivers[major] != port)
		return;
	drivers[major] = MACH_PORT_NULL;
	mx_port_release(port);
}

struct vfs_vnode *
vfs_device_identify(mach_port_t io)
{
	uint32_t i, major, minor;

	for (i = 0; i < MAJORS; i++)
		if (drivers[i] != MACH_PORT_NULL && dev_identify(drivers[i], io, &major, &minor) == KERN_SUCCESS)
			return vfs_vnode_device_find(major, minor);
	return NULL;
}

kern_return_t
vfs_device_open(const struct vfs_who *who, struct vfs_vnode *vn, uint32_t flags, mach_port_t *io, uint32_t *kind)
{
	const struct mx_attr *at = vfs_vnode_facts(vn);
	uint32_t major = at->at_rdev_major, minor = at->at_rdev_minor;
	mach_port_t driver;
	kern_return_t kr;
	int tries;

	*io = MACH_PORT_NULL;
	if ((at->at_mode & MX_S_IFMT) == MX_S_IFBLK) {
		if (!is_disk_major(major))
			return MX_ENXIO;
	} else {
		if (is_disk_major(major))
			return MX_ENXIO;
		if (major == 1)
			return memory_kind(minor, kind) ? KERN_SUCCESS : MX_ENXIO;
		if (major == 5 && minor == 0) {
			*kind = MX_KIND_CTTY;
			return KERN_SUCCESS;
		}
	}
	for (tries = 0; tries < 2; tries++) {
		kr = driver_find(major, &driver);
		if (kr != KERN_SUCCESS)
			return kr;
		vfs_vnode_device_note(vn);
		kr = dev_open(driver, minor, flags, who->wh_cred.cr_fsuid, who->wh_cred.cr_fsgid, io, kind);
		if (!is_dead(kr))
			return kr;
		driver_forget(major, driver);
	}
	return MX_EIO;
}
