# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
masix_servers += servers/tty
servers/tty_SOURCES := main.c console.c devpts.c exec.c exec_core.c ldisc.c pty.c serial.c termios.c tty_io.c tty_ioctl.c tty_line.c \
	tty_recover.c tty_rpc.c tty_session.c vcon.c vcon_control.c
servers/tty_MIG := tty hw_notify
servers/tty_WITH := lib/pfs

host_tests += tests/host/test_tty_linux
tests/host/test_tty_linux_SOURCES := tests/host/test_tty_linux.c servers/tty/ldisc.c servers/tty/termios.c
tests/host/test_tty_linux_CPPFLAGS := -I$(srcdir)/servers/tty

host_tests += tests/host/test_tty
tests/host/test_tty_SOURCES := tests/host/test_tty.c servers/tty/ldisc.c servers/tty/termios.c servers/tty/exec_core.c
tests/host/test_tty_CPPFLAGS := -I$(srcdir)/servers/tty
