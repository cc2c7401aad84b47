# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
emulib_SOURCES := swap.c entry.S vdso.S trap.S mem.c heap.c mig.c thread.c call.c service.c int80.c signal.c sigframe.c sigcall.c \
	start.c carry.c exec.c elf.c fork.c clone.c vfork.c process.c ids.c misc.c mm.c vma.c futex.c time.c timer.c random.c gen/emulib/table.c
emulib_USER := mx mach mach4 mach_port mach_host gnumach mach_i386
include $(srcdir)/emulib/file_sources.mk

gen/emulib/table.c: $(srcdir)/emulib/syscalls.tbl $(srcdir)/emulib/mktable.awk
	@mkdir -p $(@D)
	$(call say,GEN,$@)LC_ALL=C awk -v OUT=c -f $(srcdir)/emulib/mktable.awk $< >$@

# The public page is committed: `make docs-coverage' rewrites it from the table and the handlers that the image has.
.PHONY: docs-coverage
docs-coverage: out/emulib/emulib.elf
	$(call say,GEN,docs/coverage.md)nm $< | awk '$$2 == "T" && $$3 ~ /^sys_/ { print $$3 }' >gen/emulib/defined && \
	LC_ALL=C awk -v OUT=md -v DEFINED=gen/emulib/defined -f $(srcdir)/emulib/mktable.awk $(srcdir)/emulib/syscalls.tbl \
		>$(srcdir)/docs/coverage.md

host_tests += tests/host/test_vma
tests/host/test_vma_SOURCES := tests/host/test_vma.c emulib/vma.c
tests/host/test_vma_CPPFLAGS := -I$(srcdir)/emulib
