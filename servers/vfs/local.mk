# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += servers/vfs
servers/vfs_SOURCES := main.c vfs_boot.c vfs_ctx.c vfs_device.c vfs_dir.c vfs_mount.c vfs_name.c vfs_node.c vfs_open.c vfs_ops.c \
	vfs_perm.c vfs_pipe.c vfs_remote.c vfs_ring.c vfs_rpc.c vfs_walk.c
servers/vfs_MIG := vfs vfs_admin
servers/vfs_WITH := lib/pfs pagers/tmpfs
servers/vfs_CPPFLAGS := -I$(srcdir)/pagers/tmpfs

host_tests += tests/host/test_vfs
tests/host/test_vfs_SOURCES := tests/host/test_vfs.c tests/host/pfs_world.c servers/vfs/vfs_mount.c servers/vfs/vfs_name.c \
	servers/vfs/vfs_node.c servers/vfs/vfs_ops.c servers/vfs/vfs_perm.c servers/vfs/vfs_walk.c pagers/tmpfs/tmpfs_core.c \
	pagers/tmpfs/tmpfs_pages.c lib/pfs/page_pool.c lib/pfs/pfs_node.c
tests/host/test_vfs_CPPFLAGS := -idirafter $(mach_inc) -I$(srcdir)/servers/vfs -I$(srcdir)/pagers/tmpfs -I$(srcdir)/lib/pfs \
	-I$(srcdir)/tests/host -include pfs_world.h
