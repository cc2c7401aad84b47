/*
 * vfs_device.c - devices: which server drives a node, or which kind emulib answers by itself.
 *
 * The driver of a major number is the ACS name "dev.MAJOR", looked up when a node of it is first opened and kept until the
 * driver dies; an open that it did not answer then goes to the next instance.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <masix/service.h>
#include "dev.h"
#include "vfs_rpc.h"

#define MAJORS	256u

static struct driver {
	struct mx_service dr_service;
	char		dr_name[8];
} drivers[MAJORS];

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

static struct mx_service *
driver_of(uint32_t major)
{
	struct driver *dr = &drivers[major];

	if (dr->dr_service.sv_name == NULL) {
		(void)snprintf(dr->dr_name, sizeof(dr->dr_name), "dev.%u", (unsigned int)major);
		dr->dr_service.sv_name = dr->dr_name;
	}
	return &dr->dr_service;
}

struct vfs_vnode *
vfs_device_identify(mach_port_t io)
{
	uint32_t i, major, minor;

	for (i = 0; i < MAJORS; i++)
		if (mx_service_is_known(&drivers[i].dr_service) &&
		    dev_identify(drivers[i].dr_service.sv_port, io, &major, &minor) == KERN_SUCCESS)
			return vfs_vnode_device_find(major, minor);
	return NULL;
}

kern_return_t
vfs_device_open(const struct vfs_who *who, struct vfs_vnode *vn, uint32_t flags, mach_port_t *io, uint32_t *kind)
{
	const struct mx_attr *at = vfs_vnode_facts(vn);
	uint32_t major = at->at_rdev_major, minor = at->at_rdev_minor;
	kern_return_t kr;

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
	if (major >= MAJORS)
		return MX_ENXIO;
	vfs_vnode_device_note(vn);
	kr = MX_CALL(driver_of(major), driver, dev_open(driver, minor, flags & ~(uint32_t)MX_O_DIRECT, who->wh_cred.cr_fsuid, who->wh_cred.cr_fsgid, io, kind));
	if (!mx_service_is_known(driver_of(major)) && kr != MX_ESERVERDIED)
		return MX_ENXIO;		/* there is no driver */
	return kr == MX_ESERVERDIED ? MX_EIO : kr;
}
