# lib/test: libmasix tested on the kernel, without any other server.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += lib/test
lib/test_SOURCES := main.c tap.c tobj.c server.c client.c
lib/test_ARCHIVE := no
lib/test_CPPFLAGS := -I$(srcdir)/lib
