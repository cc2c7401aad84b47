# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_libs += pagers/tmpfs
pagers/tmpfs_SOURCES := tmpfs_archive.c tmpfs_core.c tmpfs_dir.c tmpfs_pager.c tmpfs_pages.c tmpfs_slots.c tmpfs_xattr.c

host_tests += tests/host/test_tmpfs
tests/host/test_tmpfs_SOURCES := tests/host/test_tmpfs.c tests/host/pfs_world.c \
	$(addprefix pagers/tmpfs/,$(pagers/tmpfs_SOURCES)) \
	$(addprefix lib/pfs/,page_pool.c page_slots.c pfs_dir.c pfs_node.c pfs_volume.c pfs_xattr.c)
tests/host/test_tmpfs_CPPFLAGS := -idirafter $(mach_inc) -I$(srcdir)/pagers/tmpfs -I$(srcdir)/lib/pfs -I$(srcdir)/tests/host \
	-include pfs_world.h
