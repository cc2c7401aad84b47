# lib/: libmasix, the library of every server.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
lib_START := crt0.S
lib_SOURCES := start.c fibril.c switch.S loop.c rpc.c request.c notify.c object.c hash.c heap.c timer.c time.c msg.c memory.c \
	export.c thread.c traps.S log.c newlib.c io.c poll.c dev.c
lib_MIG := mx io dev
