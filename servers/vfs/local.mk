# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += servers/vfs
servers/vfs_SOURCES := main.c vfs_boot.c vfs_ctx.c vfs_device.c vfs_dir.c vfs_mount.c vfs_name.c vfs_node.c vfs_open.c vfs_ops.c \
	vfs_perm.c vfs_pipe.c vfs_remote.c vfs_rpc.c vfs_walk.c
servers/vfs_MIG := vfs vfs_admin
servers/vfs_WITH := lib/pfs pagers/tmpfs
servers/vfs_CPPFLAGS := -I$(srcdir)/pagers/tmpfs
