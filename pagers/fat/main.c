/*
 * main.c - the server of FAT volumes: all of them, in one task.
 *
 * Contents go to the disk a few seconds after they were written (lib/pfs); what describes them follows here, so that a volume
 * whose power is cut, or whose medium is taken out, has lost little.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "fat.h"

#define PERIOD_NS	5000000000ull

static void
period_main(void *arg)
{
	(void)arg;
	for (;;) {
		mx_sleep_ns(PERIOD_NS);
		fat_sync_all(false);
	}
}

static void
fat_stop(void)
{
	fat_sync_all(true);
}

static kern_return_t
fat_fresh(int argc, char **argv)
{
	kern_return_t kr;

	(void)argc, (void)argv;
	kr = mx_fibril_start(period_main, NULL, "write back");
	if (kr == KERN_SUCCESS)
		kr = mx_on_stop(fat_stop);
	if (kr == KERN_SUCCESS)
		kr = pfs_server_register("pfs.vfat", &fat_ops);
	if (kr == KERN_SUCCESS)
		kr = pfs_server_register("pfs.msdos", &fat_msdos_ops);
	if (kr == KERN_SUCCESS)
		mx_server_ready();
	return kr;
}

int
main(int argc, char **argv)
{
	static const struct mx_server fat = { .ms_name = "fat", .ms_fresh = fat_fresh };

	mx_server_main(&fat, argc, argv);
}
