/*
 * recover.c - how the driver comes up, and ends.
 *
 * There is nothing to restore: a new instance finds the devices as they are, and clients repeat what was not answered (lib/blk).
 * Before it is started the old one's devices were made quiet (hw_quiesce).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "blk.h"

#define HEAP		(256u << 10)	/* objects of clients */
#define BUSY_NS		20000000u
#define BUSY_TRIES	250		/* five seconds */

/* Everything that is there; a device that the last instance has let go of only now is waited for. False: there is none. */
static bool
disks_find(mach_port_t hw)
{
	unsigned int tries = 0, found = 0;
	kern_return_t kr = KERN_SUCCESS;

	for (unsigned int i = 0; i < VBLK_DISKS_MAX && kr != MX_ENODEV; ) {
		kr = vblk_start(hw, i);
		if (kr == MX_EBUSY && tries++ < BUSY_TRIES) {
			mx_sleep_ns(BUSY_NS);
			continue;
		}
		if (kr != KERN_SUCCESS && kr != MX_ENODEV)
			mx_log(MX_LOG_ERROR, "virtio disk %u cannot be used: error 0x%x", i, kr);
		found += kr != MX_ENODEV;
		i++;
	}
	return found > 0;
}

static void
blk_stop(void)
{
	blkdev_flush_all();
	vblk_stop_all();
}

static kern_return_t
blk_fresh(int argc, char **argv)
{
	mach_port_t hw, host;
	kern_return_t kr;

	(void)argc;
	(void)argv;
	/* The privilege first: who waits for this driver may hold all memory but the reserve. */
	if ((kr = mx_right("host", &host)) != KERN_SUCCESS || (kr = mx_wire_own(host, HEAP)) != KERN_SUCCESS ||
	    (kr = mx_lookup("hw", &hw)) != KERN_SUCCESS || (kr = dma_start(host)) != KERN_SUCCESS)
		return kr;
	if (!disks_find(hw))
		mx_server_done("this machine has no virtio disk");
	mx_port_release(hw);
	if ((kr = mx_on_stop(blk_stop)) != KERN_SUCCESS || (kr = blkdev_register(VBLK_MAJOR)) != KERN_SUCCESS)
		return kr;
	mx_server_ready();
	return KERN_SUCCESS;
}

const struct mx_server blk_server_description = { "blk", blk_fresh, NULL };
