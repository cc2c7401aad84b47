# The file half of the emulation library: sources and the interfaces that they call.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
emulib_SOURCES += uio.c desc.c space.c fd.c file.c window.c rw.c open.c path.c stat.c dir.c fcntl.c lock.c pipe.c ioctl.c names.c fileop.c poll.c
emulib_USER += vfs io proc

host_tests += tests/host/test_emfile
tests/host/test_emfile_SOURCES := tests/host/test_emfile.c tests/host/emfile_world.c \
	$(patsubst %,emulib/%,uio.c desc.c space.c fd.c file.c window.c rw.c open.c path.c stat.c dir.c fcntl.c lock.c pipe.c ioctl.c \
	names.c fileop.c poll.c)
tests/host/test_emfile_CPPFLAGS := -I$(srcdir)/emulib -Igen/mig -idirafter $(mach_inc)
