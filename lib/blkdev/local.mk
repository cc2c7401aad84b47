# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_libs += lib/blkdev
lib/blkdev_SOURCES := disk.c node.c parts.c rpc.c
lib/blkdev_MIG := blk
