# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_libs += pagers/tmpfs
pagers/tmpfs_SOURCES := tmpfs_core.c tmpfs_pages.c tmpfs_archive.c

host_tests += tests/host/test_tmpfs
tests/host/test_tmpfs_SOURCES := tests/host/test_tmpfs.c tests/host/pfs_world.c pagers/tmpfs/tmpfs_core.c \
	pagers/tmpfs/tmpfs_pages.c lib/pfs/page_pool.c pagers/tmpfs/tmpfs_archive.c lib/pfs/pfs_node.c
tests/host/test_tmpfs_CPPFLAGS := -idirafter $(mach_inc) -I$(srcdir)/pagers/tmpfs -I$(srcdir)/lib/pfs -I$(srcdir)/tests/host \
	-include pfs_world.h
