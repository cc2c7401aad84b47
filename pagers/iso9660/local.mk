# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
iso_core := iso_core.c iso_dir.c iso_rock.c
masix_servers += pagers/iso9660
pagers/iso9660_SOURCES := main.c $(iso_core)
pagers/iso9660_WITH := lib/pfs lib/ondisk lib/blk

host_tests += tests/host/test_iso
tests/host/test_iso_SOURCES = tests/host/test_iso.c $(readonly_host) $(addprefix pagers/iso9660/,$(iso_core))
tests/host/test_iso_CPPFLAGS = -I$(srcdir)/pagers/iso9660 $(disk_host_cppflags)
