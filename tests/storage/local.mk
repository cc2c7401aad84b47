# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
linux_programs += tests/storage/fstorm
linux_programs += tests/storage/cutload
linux_programs += tests/storage/cutreplay
linux_programs += tests/storage/treesum
