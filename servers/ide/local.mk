# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += servers/ide
servers/ide_SOURCES := main.c disk.c recover.c
servers/ide_WITH := lib/blkdev
