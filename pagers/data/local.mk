# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += pagers/data
pagers/data_SOURCES := main.c canary.c chunk.c data_rpc.c memory.c pages.c slots.c store.c swap.c
pagers/data_MIG := data memory_object memory_object_default
pagers/data_WITH := lib/pfs lib/blk
pagers/data_CPPFLAGS := -isystem deps/liblz4-dev/usr/include
pagers/data_LIBS := deps/liblz4-dev/usr/lib/i386-linux-gnu/liblz4.a

host_tests += tests/host/test_data
tests/host/test_data_SOURCES := tests/host/test_data.c $(addprefix pagers/data/,pages.c slots.c store.c)
tests/host/test_data_CPPFLAGS := -I$(srcdir)/pagers/data -isystem deps/liblz4-dev/usr/include
tests/host/test_data_LIBS := deps/liblz4-dev/usr/lib/i386-linux-gnu/liblz4.a
