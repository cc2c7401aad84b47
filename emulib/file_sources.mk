# The file half of the emulation library: sources, the interfaces that they call, their host test.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
emulib_file_SOURCES := uio.c desc.c space.c fd.c file.c window.c lease.c rw.c open.c path.c stat.c dir.c fcntl.c kept.c lock.c pipe.c \
	disk.c ioctl.c names.c fileop.c poll.c epoll.c event.c socket.c xattr.c
emulib_SOURCES += $(emulib_file_SOURCES)
emulib_USER += vfs io proc

host_tests += tests/host/test_emfile
tests/host/test_emfile_SOURCES := tests/host/test_emfile.c tests/host/emfile_world.c $(emulib_file_SOURCES:%=emulib/%)
tests/host/test_emfile_CPPFLAGS := -I$(srcdir)/emulib -Igen/mig -idirafter $(mach_inc)
