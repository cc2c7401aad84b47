# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
ffs_core := ffs_core.c ffs_disk.c
masix_servers += pagers/ffs
pagers/ffs_SOURCES := main.c $(ffs_core)
pagers/ffs_WITH := lib/pfs lib/ondisk lib/blk

host_tests += tests/host/test_ffs
tests/host/test_ffs_SOURCES = tests/host/test_ffs.c $(readonly_host) $(addprefix pagers/ffs/,$(ffs_core))
tests/host/test_ffs_CPPFLAGS = -I$(srcdir)/pagers/ffs $(disk_host_cppflags)
