# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += servers/proc
servers/proc_SOURCES := main.c proc_table.c proc_family.c proc_wait.c proc_signal.c proc_cred.c proc_limit.c \
	proc_rpc.c proc_ctty.c proc_session_rpc.c proc_port.c proc_random.c proc_task.c proc_fresh.c proc_setid.c proc_load.c proc_sys.c \
	proc_clock_port.c proc_memory.c proc_swap.c proc_start.c proc_orphan.c \
	worker.c worker_copy.S worker_memory.c \
	procfs.c procfs_process.c procfs_maps.c procfs_system.c procfs_disks.c procfs_sys.c procfs_masix.c procfs_emulib.c proc_stop.c
servers/proc_WITH := lib/pfs
servers/proc_MIG := proc proc_session

host_tests += tests/host/test_proc
tests/host/test_proc_SOURCES := tests/host/test_proc.c servers/proc/proc_table.c servers/proc/proc_family.c \
	servers/proc/proc_wait.c servers/proc/proc_signal.c servers/proc/proc_cred.c servers/proc/proc_limit.c
tests/host/test_proc_CPPFLAGS := -idirafter $(mach_inc) -I$(srcdir)/servers/proc
