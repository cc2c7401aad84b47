# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
# In libmasix.a, so that a server that does not drive a virtio device links none of it.
lib_SOURCES += virtio/vq.c virtio/pci.c
