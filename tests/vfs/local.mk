# tests/vfs: vfs tested on the kernel, with a manifest of two servers.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += tests/vfs
tests/vfs_SOURCES := main.c data.c disk.c remote.c
tests/vfs_ARCHIVE := no
tests/vfs_WITH := lib/pfs pagers/tmpfs
tests/vfs_CPPFLAGS := -I$(srcdir)/pagers/tmpfs
