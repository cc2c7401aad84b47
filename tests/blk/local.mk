# tests/blk: a client of disks, for tests/areas/blk.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += tests/blk
tests/blk_SOURCES := main.c
tests/blk_ARCHIVE := no
tests/blk_WITH := lib/blk
linux_programs += tests/blk/ioctls
