# acs/: the first server, its manifest, and the two Linux programs that belong to it.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
acs_core := acs_words.c acs_manifest.c acs_names.c acs_backoff.c acs_cpio.c acs_elf.c acs_ring.c acs_command.c

masix_servers += acs
acs_SOURCES := main.c $(acs_core) acs_boot.c acs_task.c acs_life.c acs_rpc.c acs_stop.c acs_crash.c acs_log.c acs_control.c acs_stats.c
acs_MIG := acs exc
acs_ARCHIVE := no

linux_programs += acs/acsctl acs/init
acs/init_SOURCES := init.c init_added.c
bootfs_lists += $(srcdir)/acs/acs.list
bootfs_deps += out/linux/acs/acsctl out/linux/acs/init

host_tests += tests/host/test_acs
tests/host/test_acs_SOURCES := tests/host/test_acs.c $(acs_core:%=acs/%)
tests/host/test_acs_CPPFLAGS := -I$(srcdir)/acs

host_tests += tests/host/test_acs_rpc
tests/host/test_acs_rpc_SOURCES := tests/host/test_acs_rpc.c acs/acs_rpc.c $(acs_core:%=acs/%)
tests/host/test_acs_rpc_CPPFLAGS := -I$(srcdir)/acs -Igen/mig -idirafter $(mach_inc)
