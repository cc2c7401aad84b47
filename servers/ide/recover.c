/*
 * recover.c - how the driver of the kernel's disks comes up: it asks the kernel for every name that it may have a disk under.
 *
 * The kernel finishes what a dead instance had asked for, in memory of its own: there is nothing to make quiet.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ide.h"

#define HEAP		(256u << 10)	/* objects of clients */
#define MAJOR_IDE	3
#define MAJOR_IDE_SECOND 22
#define MAJOR_SCSI	8

static const struct {
	const char	*kernel_name, *name;
	uint32_t	major, minor;
} disks[] = {
	{ "hd0", "hda", MAJOR_IDE, 0 }, { "hd1", "hdb", MAJOR_IDE, 64 },
	{ "hd2", "hdc", MAJOR_IDE_SECOND, 0 }, { "hd3", "hdd", MAJOR_IDE_SECOND, 64 },
	{ "sd0", "sda", MAJOR_SCSI, 0 }, { "sd1", "sdb", MAJOR_SCSI, 16 }, { "sd2", "sdc", MAJOR_SCSI, 32 },
	{ "sd3", "sdd", MAJOR_SCSI, 48 }, { "sd4", "sde", MAJOR_SCSI, 64 }, { "sd5", "sdf", MAJOR_SCSI, 80 },
};

static unsigned int
disks_find(mach_port_t master)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < sizeof disks / sizeof disks[0]; i++) {
		kern_return_t kr = kdisk_start(master, disks[i].kernel_name, disks[i].name, disks[i].major, disks[i].minor);

		if (kr != KERN_SUCCESS && kr != MX_ENODEV)
			mx_log(MX_LOG_ERROR, "%s cannot be used: error 0x%x", disks[i].kernel_name, kr);
		n += kr == KERN_SUCCESS;
	}
	return n;
}

static kern_return_t
ide_fresh(int argc, char **argv)
{
	static const uint32_t majors[] = { MAJOR_IDE, MAJOR_IDE_SECOND, MAJOR_SCSI };
	mach_port_t master, host;
	kern_return_t kr;

	(void)argc;
	(void)argv;
	if ((kr = mx_right("device", &master)) != KERN_SUCCESS || (kr = mx_right("host", &host)) != KERN_SUCCESS)
		return kr;
	kr = mx_wire_own(host, HEAP);	/* first, as in servers/blk */
	if (kr != KERN_SUCCESS)
		return kr;
	if (disks_find(master) == 0)
		mx_server_done("the kernel drives no disk");
	for (unsigned int i = 0; i < sizeof majors / sizeof majors[0] && kr == KERN_SUCCESS; i++)
		kr = blkdev_register(majors[i]);
	if (kr == KERN_SUCCESS)
		mx_server_ready();
	return kr;
}

const struct mx_server ide_server_description = { "ide", ide_fresh, NULL };
