# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += servers/hw
servers/hw_SOURCES := main.c hw_core.c hw_irq.c hw_pci.c hw_recover.c hw_rpc.c
servers/hw_MIG := hw
