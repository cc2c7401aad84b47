# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_libs += lib/ondisk
lib/ondisk_SOURCES := od_cache.c od_file.c od_format.c od_inode.c od_misc.c od_utf.c od_volume.c
