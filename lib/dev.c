/*
 * dev.c - the routines of dev.defs, for all drivers.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <masix/io.h>
#include "dev_S.h"

extern boolean_t dev_server(mach_msg_header_t *in, mach_msg_header_t *out);

mx_demux_t *const mx_dev_demux[] = { dev_server, NULL };

kern_return_t
S_dev_open(mx_object_ptr_t obj, uint32_t minor, uint32_t flags, uint32_t uid, uint32_t gid, mach_port_t *io,
	mach_msg_type_name_t *io_type, uint32_t *kind)
{
	struct mx_dev *dev = (struct mx_dev *)obj;	/* its class answers dev */

	return dev->dv_open(dev, minor, flags, uid, gid, io, io_type, kind);
}

kern_return_t
S_dev_identify(mx_object_ptr_t obj, mach_port_t port, uint32_t *major, uint32_t *minor)
{
	struct mx_io *io = mx_io_from_port(port);
	struct mx_attr attr;

	(void)obj;
	memset(&attr, 0, sizeof(attr));
	if (io == NULL || io->io_ops->stat(io, &attr) != KERN_SUCCESS ||
	    ((attr.at_mode & MX_S_IFMT) != MX_S_IFCHR && (attr.at_mode & MX_S_IFMT) != MX_S_IFBLK))
		return MX_EBADF;
	*major = attr.at_rdev_major;
	*minor = attr.at_rdev_minor;
	mx_port_release(port);
	return KERN_SUCCESS;
}

kern_return_t
S_dev_list(mx_object_ptr_t obj, uint32_t tag, uint32_t seen, uint32_t *number, vm_offset_t *data,
	mach_msg_type_number_t *data_count)
{
	struct mx_dev *dev = (struct mx_dev *)obj;
	size_t length = 0;
	char *text = NULL;
	kern_return_t kr;

	if (dev->dv_list == NULL)
		return MX_EOPNOTSUPP;
	kr = dev->dv_list(dev, tag, seen, number, &text, &length);
	*data = (vm_offset_t)text;
	*data_count = length;
	return kr;
}
