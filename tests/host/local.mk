# tests/host: what host tests share, and the tests of it.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
# What a file system on a disk is tested with on the host.
disk_host = $(addprefix tests/host/,blk_file.c disk_tree.c pfs_store_host.c pfs_world.c) $(addprefix lib/ondisk/,$(lib/ondisk_SOURCES)) \
	$(addprefix lib/pfs/,page_pool.c pfs_dir.c pfs_node.c pfs_volume.c)
disk_host_cppflags = -idirafter $(mach_inc) -I$(srcdir)/pagers/tmpfs -I$(srcdir)/lib/pfs -I$(srcdir)/tests/host -include pfs_world.h
readonly_host = tests/host/readonly.c $(disk_host)

host_tests += tests/host/test_blk_file
tests/host/test_blk_file_SOURCES := $(addprefix tests/host/,test_blk_file.c blk_file.c pfs_store_host.c pfs_world.c) lib/pfs/page_pool.c
tests/host/test_blk_file_CPPFLAGS = $(disk_host_cppflags)
