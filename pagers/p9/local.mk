# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += pagers/p9
pagers/p9_SOURCES := main.c p9_channel.c p9_client.c p9_file.c p9_msg.c p9_node.c p9_recover.c
pagers/p9_MIG := hw_notify
pagers/p9_WITH := lib/pfs

host_tests += tests/host/test_p9
tests/host/test_p9_SOURCES := tests/host/test_p9.c pagers/p9/p9_msg.c pagers/p9/p9_client.c
tests/host/test_p9_CPPFLAGS := -idirafter $(mach_inc) -I$(srcdir)/pagers/p9
