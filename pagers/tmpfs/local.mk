# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_libs += pagers/tmpfs
pagers/tmpfs_SOURCES := tmpfs_core.c tmpfs_pages.c tmpfs_pool.c tmpfs_archive.c tmpfs_memory.c
