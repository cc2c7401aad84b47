# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_libs += lib/pfs
lib/pfs_SOURCES := page_memory.c page_pool.c page_slots.c pager.c pager_bell.c pager_bytes.S pager_copy.c pager_fault.c pager_helper.c \
	pager_msg.c pfs_dir.c pfs_file.c pfs_inode.c pfs_lease.c pfs_lock.c pfs_main.c pfs_node.c pfs_program.c pfs_quiet.c pfs_quota.c pfs_rpc.c \
	pfs_store.c pfs_store_fetch.c pfs_store_flush.c pfs_store_slots.c pfs_text.c pfs_types.c pfs_volume.c pfs_xattr.c
lib/pfs_MIG := pfs memory_object

host_tests += tests/host/test_pfs_lock
tests/host/test_pfs_lock_SOURCES := tests/host/test_pfs_lock.c tests/host/pfs_world.c lib/pfs/pfs_lock.c lib/pfs/page_pool.c
tests/host/test_pfs_lock_CPPFLAGS := -idirafter $(mach_inc) -I$(srcdir)/pagers/tmpfs -I$(srcdir)/lib/pfs -I$(srcdir)/tests/host \
	-include pfs_world.h
