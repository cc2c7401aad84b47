# acs/test: ACS tested on the kernel, by servers that it starts; tests/areas/acs runs it.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += acs/test
acs/test_SOURCES := main.c names.c control.c hostile.c mortal.c
acs/test_ARCHIVE := no
acs/test_CPPFLAGS := -I$(srcdir)/lib
acs/test_MIG := acs_notify
linux_programs += acs/test/findname
