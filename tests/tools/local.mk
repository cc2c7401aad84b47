# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
host_tools += tests/tools/fakeqemu tests/tools/cpiocheck tests/tools/mksysv
