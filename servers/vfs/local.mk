# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += servers/vfs
servers/vfs_SOURCES := main.c vfs_changes.c vfs_create.c vfs_ctx.c vfs_device.c vfs_dir.c vfs_disks.c vfs_mount.c vfs_source.c vfs_name.c vfs_node.c vfs_open.c vfs_ops.c \
	vfs_perm.c vfs_pipe.c vfs_recover.c vfs_remote.c vfs_rename.c vfs_ring.c vfs_rpc.c vfs_rpc_change.c vfs_walk.c vfs_xattr.c
servers/vfs_MIG := vfs vfs_admin acs_notify
servers/vfs_WITH := lib/pfs pagers/tmpfs
servers/vfs_CPPFLAGS := -I$(srcdir)/pagers/tmpfs

# The cores, with all of tmpfs below them.
host_tests += tests/host/test_vfs
tests/host/test_vfs_SOURCES := tests/host/test_vfs.c tests/host/pfs_world.c \
	$(addprefix servers/vfs/vfs_,create.c mount.c name.c node.c ops.c perm.c rename.c walk.c) \
	$(addprefix pagers/tmpfs/tmpfs_,core.c dir.c pager.c pages.c slots.c xattr.c) \
	$(addprefix lib/pfs/,page_pool.c page_slots.c pfs_dir.c pfs_node.c pfs_volume.c pfs_xattr.c)
tests/host/test_vfs_CPPFLAGS := -idirafter $(mach_inc) -I$(srcdir)/servers/vfs -I$(srcdir)/pagers/tmpfs -I$(srcdir)/lib/pfs \
	-I$(srcdir)/tests/host -include pfs_world.h
