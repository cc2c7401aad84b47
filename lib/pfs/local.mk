# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_libs += lib/pfs
lib/pfs_SOURCES := pfs_node.c pfs_dir.c pfs_volume.c pfs_quiet.c pfs_quota.c pfs_text.c pfs_types.c pfs_file.c pfs_lease.c pfs_lock.c pfs_inode.c pfs_rpc.c pager.c pager_bell.c pager_copy.c pfs_store.c pfs_store_slots.c \
	pfs_store_fetch.c pfs_store_flush.c pager_helper.c pager_msg.c pager_fault.c pager_bytes.S page_pool.c page_memory.c
lib/pfs_MIG := pfs memory_object

host_tests += tests/host/test_pfs_lock
tests/host/test_pfs_lock_SOURCES := tests/host/test_pfs_lock.c tests/host/pfs_world.c lib/pfs/pfs_lock.c lib/pfs/page_pool.c
tests/host/test_pfs_lock_CPPFLAGS := -idirafter $(mach_inc) -I$(srcdir)/pagers/tmpfs -I$(srcdir)/lib/pfs -I$(srcdir)/tests/host \
	-include pfs_world.h
