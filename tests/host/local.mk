# tests/host: the doubles of libraries that host tests share, tested themselves.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
host_tests += tests/host/test_blk_file
tests/host/test_blk_file_SOURCES := $(addprefix tests/host/,test_blk_file.c blk_file.c pfs_store_host.c pfs_world.c) lib/pfs/page_pool.c
tests/host/test_blk_file_CPPFLAGS := -idirafter $(mach_inc) -I$(srcdir)/pagers/tmpfs -I$(srcdir)/lib/pfs -I$(srcdir)/tests/host \
	-include pfs_world.h
