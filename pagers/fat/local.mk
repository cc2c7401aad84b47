# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
fat_core := fat_boot.c fat_chain.c fat_core.c fat_dir.c fat_file.c fat_name.c fat_node.c fat_scan.c fat_sync.c fat_table.c
masix_servers += pagers/fat
pagers/fat_SOURCES := main.c $(fat_core)
pagers/fat_WITH := lib/pfs lib/ondisk lib/blk

host_tests += tests/host/test_fat
tests/host/test_fat_SOURCES = tests/host/test_fat.c $(disk_host) $(addprefix pagers/fat/,$(fat_core))
tests/host/test_fat_CPPFLAGS = -I$(srcdir)/pagers/fat $(disk_host_cppflags)
