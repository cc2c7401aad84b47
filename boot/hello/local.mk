# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += boot/hello
boot/hello_NOLIB := yes
boot/hello_MAIN := hello.S
boot/hello_SOURCES := hello.S
boot/hello_ARCHIVE := no
