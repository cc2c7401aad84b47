# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
linux_programs += tests/mount/direct tests/mount/full tests/mount/held
