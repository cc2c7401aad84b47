# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
fat_core := fat_boot.c fat_chain.c fat_core.c fat_dir.c fat_file.c fat_name.c fat_node.c fat_scan.c fat_sync.c fat_table.c
masix_servers += pagers/fat
pagers/fat_SOURCES := main.c $(fat_core)
pagers/fat_WITH := lib/pfs lib/ondisk lib/blk

# What a file system on a disk is tested with on the host.
disk_host := $(addprefix tests/host/,blk_file.c disk_tree.c pfs_store_host.c pfs_world.c) $(addprefix lib/ondisk/,$(lib/ondisk_SOURCES)) \
	$(addprefix lib/pfs/,page_pool.c pfs_dir.c pfs_node.c pfs_volume.c)
disk_host_cppflags = -idirafter $(mach_inc) -I$(srcdir)/pagers/tmpfs -I$(srcdir)/lib/pfs -I$(srcdir)/tests/host -include pfs_world.h
host_tests += tests/host/test_fat
tests/host/test_fat_SOURCES := tests/host/test_fat.c $(disk_host) $(addprefix pagers/fat/,$(fat_core))
tests/host/test_fat_CPPFLAGS = -I$(srcdir)/pagers/fat $(disk_host_cppflags)
