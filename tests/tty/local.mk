# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
# A server for tests/areas/tty only: it is in no boot archive.
masix_servers += tests/tty
tests/tty_SOURCES := main.c hw.c pty.c
tests/tty_MIG := hw_notify io_notify proc_session
tests/tty_ARCHIVE := no
host_tools += tests/tty/typist
