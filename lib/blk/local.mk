# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_libs += lib/blk
lib/blk_SOURCES := blk.c

host_tests += tests/host/test_blk
tests/host/test_blk_SOURCES := tests/host/test_blk.c lib/blk/blk.c
tests/host/test_blk_CPPFLAGS := -Igen/mig -idirafter $(mach_inc)
