# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
sysv_core := sysv_core.c sysv_disk.c
masix_servers += pagers/sysv
pagers/sysv_SOURCES := main.c $(sysv_core)
pagers/sysv_WITH := lib/pfs lib/ondisk lib/blk

host_tests += tests/host/test_sysv
tests/host/test_sysv_SOURCES = tests/host/test_sysv.c $(readonly_host) $(addprefix pagers/sysv/,$(sysv_core))
tests/host/test_sysv_CPPFLAGS = -I$(srcdir)/pagers/sysv $(disk_host_cppflags)
