# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += servers/blk
servers/blk_SOURCES := main.c device.c memory.c recover.c
servers/blk_MIG := hw_notify
servers/blk_WITH := lib/blkdev
