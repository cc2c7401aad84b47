# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
# A server for tests/tty/run only: it is in no boot archive.
masix_servers += tests/tty
tests/tty_SOURCES := main.c
tests/tty_ARCHIVE := no
