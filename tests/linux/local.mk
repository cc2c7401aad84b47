# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
# Oracle programs: they pass on Linux, and then on MASIX. One a line, in the order of their names.
linux_programs += tests/linux/fuzzcall
