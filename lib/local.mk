# lib/: libmasix, the library of every server.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
lib_START := crt0.S
lib_SOURCES := start.c fibril.c switch.S loop.c rpc.c service.c answer.c rules.c debug.c request.c notify.c object.c report.c hash.c heap.c \
	timer.c alarm.c time.c clock.c msg.c memory.c export.c stop.c thread.c begin.S traps.S log.c newlib.c io.c poll.c dev.c
lib_MIG := mx io dev

host_tests += tests/host/test_lib
tests/host/test_lib_SOURCES := tests/host/test_lib.c lib/fibril.c lib/hash.c lib/heap.c lib/timer.c lib/service.c lib/answer.c lib/switch.S
tests/host/test_lib_CPPFLAGS := -Igen/mig -idirafter $(mach_inc) -I$(srcdir)/lib

host_tests += tests/host/test_debug
tests/host/test_debug_SOURCES := tests/host/test_debug.c lib/debug.c lib/rules.c
tests/host/test_debug_CPPFLAGS := -DMX_DEBUG -Igen/mig -idirafter $(mach_inc) -I$(srcdir)/lib
