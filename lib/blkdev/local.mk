# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_libs += lib/blkdev
lib/blkdev_SOURCES := disk.c node.c parts.c rpc.c
lib/blkdev_MIG := blk

host_tests += tests/host/test_parts
tests/host/test_parts_SOURCES := tests/host/test_parts.c lib/blkdev/parts.c
tests/host/test_parts_CPPFLAGS := -I$(srcdir)/lib/blkdev -idirafter $(mach_inc)
