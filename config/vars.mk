# What every rule needs: directories, flags, and the variables that the local.mk files add to.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
#
# Where things go below the build directory: deps/ unpacked packages, gen/ generated sources, obj/KIND/ objects, out/ results.

SHELL = /bin/sh
.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:

# --- what local.mk files add to (HACKING.md explains each) ---
masix_servers :=
masix_libs :=
masix_mig :=
host_tools :=
host_tests :=
linux_programs :=
bootfs_lists :=
bootfs_deps :=
masix_all :=
masix_check :=

masix_local_mk := $(sort $(wildcard $(srcdir)/*/local.mk $(srcdir)/*/*/local.mk))

# --- the unpacked packages ---
deps_base := deps/.base
deps_rootfs := deps/.rootfs
mach_inc := deps/gnumach-dev/usr/include/i386-linux-gnu
migcom := deps/mig-i686-gnu/usr/lib/mig/i686-gnu-migcom
newlib_stamp := deps/.newlib
musl_inc := deps/musl-dev/usr/include/i386-linux-musl
musl_lib := deps/musl-dev/usr/lib/i386-linux-musl

# --- compilers ---
gcc_inc := $(shell $(CC) -m32 -print-file-name=include)
libgcc := $(shell $(CC) -m32 -print-libgcc-file-name)
warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla $(WERROR)
depflags = -MMD -MP -MF $(@:.o=.d)

# The guest has no 64-bit mode, no host header, no host library, and no idea of Linux. Frame pointers: backtraces.
guest_machine := -m32 -march=i686 -mtune=generic -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none \
	-fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-common \
	-ffunction-sections -fdata-sections
guest_forget := -U__linux__ -U__linux -Ulinux -U__gnu_linux__ -U__unix__ -U__unix -Uunix -D__MASIX__
guest_includes := -nostdinc -I$(srcdir)/lib/include -I$(srcdir)/mig -Igen/mig \
	-isystem newlib/include -isystem $(gcc_inc) -isystem $(mach_inc)
GUEST_CFLAGS := -std=gnu11 -O2 -g $(guest_machine) $(guest_forget) $(guest_includes) $(DEBUG_CPPFLAGS)
GUEST_LDFLAGS := -m32 -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,norelro \
	-Wl,-Ttext-segment=0x08048000 -Wl,--gc-sections -Wl,--fatal-warnings

# The emulation library shares its process with a program it knows nothing about: no libc, its own linker script.
EMULIB_CFLAGS := -std=gnu11 -O2 -g $(guest_machine) $(guest_forget) -ffreestanding $(guest_includes)

# Programs for Linux/i386 against Debian's static musl: they run on the host, on Linux and on MASIX.
LINUX_CFLAGS := -std=gnu11 -O2 -g -m32 -march=i686 -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none \
	-nostdinc -isystem $(musl_inc) -isystem $(gcc_inc) -isystem $(srcdir)/lib/include/linux
LINUX_LDFLAGS := -m32 -static -no-pie -nostdlib -nostartfiles -Wl,--build-id=none

HOST_CFLAGS := -std=gnu11 -O2 -g -D_GNU_SOURCE
TEST_CFLAGS := -std=gnu11 -O1 -g -m32 -D_GNU_SOURCE -DMASIX_HOST_TEST -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -fno-omit-frame-pointer
TEST_LDFLAGS := -m32 -fsanitize=address,undefined

say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' "$(1)" "$(2)";)
