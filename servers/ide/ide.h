/*
 * ide.h - what the parts of the driver of the kernel's disks share.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef IDE_H
#define IDE_H

#include <masix/blkdev.h>
#include <masix/server.h>

/* A disk that the kernel drives. */
struct kdisk {
	struct blkdev_disk kd_disk;
	mach_port_t	kd_device;
};

/* disk.c: open the kernel's device KERNEL_NAME as NAME. Errors: MX_ENODEV there is none; the kernel's */
kern_return_t kdisk_start(mach_port_t master, const char *kernel_name, const char *name, uint32_t major, uint32_t minor);

/* recover.c */
extern const struct mx_server ide_server_description;

#endif /* IDE_H */
