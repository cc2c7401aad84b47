# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
ext2_core := ext2_alloc.c ext2_cache.c ext2_core.c ext2_dir.c ext2_extent.c ext2_hash.c ext2_htree.c ext2_inode.c ext2_journal.c ext2_map.c \
	ext2_name.c ext2_replay.c ext2_store.c ext2_super.c ext2_xattr.c

masix_servers += pagers/ext2
pagers/ext2_SOURCES := main.c $(ext2_core)
pagers/ext2_WITH := lib/pfs lib/blk

# Programs of the host, all made of the same.
ext2_host := $(addprefix tests/host/,ext2_world.c blk_file.c pfs_store_host.c pfs_world.c) $(addprefix pagers/ext2/,$(ext2_core)) \
	$(addprefix lib/pfs/,page_pool.c pfs_dir.c pfs_node.c pfs_volume.c pfs_xattr.c)
ext2_host_flags := -idirafter $(mach_inc) -I$(srcdir)/pagers/ext2 -I$(srcdir)/pagers/tmpfs -I$(srcdir)/lib/pfs \
	-I$(srcdir)/tests/host -include pfs_world.h

host_tests += tests/host/test_ext2 tests/host/test_ext2_cut
tests/host/test_ext2_SOURCES := tests/host/test_ext2.c $(ext2_host)
tests/host/test_ext2_CPPFLAGS := $(ext2_host_flags)
tests/host/test_ext2_cut_SOURCES := tests/host/test_ext2_cut.c $(ext2_host)
tests/host/test_ext2_cut_CPPFLAGS := $(ext2_host_flags)

host_tests += tests/host/test_ext2_fuzz
tests/host/test_ext2_fuzz_SOURCES := tests/host/test_ext2_fuzz.c $(ext2_host)
tests/host/test_ext2_fuzz_CPPFLAGS := $(ext2_host_flags)

host_tests += tests/host/test_ext2_xattr
tests/host/test_ext2_xattr_SOURCES := tests/host/test_ext2_xattr.c $(ext2_host)
tests/host/test_ext2_xattr_CPPFLAGS := $(ext2_host_flags)

host_tests += tests/host/test_ext2_more
tests/host/test_ext2_more_SOURCES := tests/host/test_ext2_more.c $(ext2_host)
tests/host/test_ext2_more_CPPFLAGS := $(ext2_host_flags)
