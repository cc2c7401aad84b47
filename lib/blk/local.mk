# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_libs += lib/blk
lib/blk_SOURCES := blk.c
