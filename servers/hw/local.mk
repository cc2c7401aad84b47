# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += servers/hw
servers/hw_SOURCES := main.c hw_core.c hw_irq.c hw_pci.c hw_recover.c hw_rpc.c
servers/hw_MIG := hw

host_tests += tests/host/test_hw
tests/host/test_hw_SOURCES := tests/host/test_hw.c servers/hw/hw_core.c lib/virtio/vq.c
tests/host/test_hw_CPPFLAGS := -I$(srcdir)/servers/hw -isystem $(mach_inc)
