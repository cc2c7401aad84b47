# tests/fuzz: servers on the host, with a kernel and clients that are played.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
#
# fuzz_targets lists names; tests/fuzz/target_NAME.c describes one, fuzz_NAME_SOURCES are the server's files (relative to the top),
# fuzz_NAME_DIR is where they look for their headers, fuzz_NAME_MIG are the interfaces it answers besides libmasix's.

fuzz_targets := lib
fuzz_lib_DIR := lib/test
fuzz_lib_SOURCES := lib/test/tobj.c

fuzz_common := $(addprefix tests/fuzz/,client.c message.c sim.c calls.c) \
	$(addprefix lib/,start.c fibril.c switch.S loop.c rpc.c request.c notify.c object.c hash.c heap.c timer.c msg.c io.c poll.c dev.c)
fuzz_users = $(filter-out %_types,$(notdir $(basename $(wildcard $(srcdir)/mig/*.defs))))
fuzz_kernel := mach mach4 mach_port mach_host gnumach mach_i386 device mach_debug
fuzz_flags = $(TEST_CFLAGS) -Dvsniprintf=vsnprintf -Dsniprintf=snprintf -Dasniprintf=asprintf -Igen/mig -I$(srcdir)/lib/include \
	-I$(srcdir)/lib -I$(srcdir)/mig -idirafter $(mach_inc)

gen/fuzz/routines.c: $(srcdir)/tests/fuzz/routines.awk $(wildcard $(srcdir)/mig/*.defs)
	@mkdir -p $(@D)
	$(call say,GEN,$@)awk -f $< $(filter-out %_types.defs $<,$^) >$@
gen/fuzz/defaults.c: $(srcdir)/tests/fuzz/defaults.awk $(fuzz_kernel:%=gen/mig/%.h)
	@mkdir -p $(@D)
	$(call say,GEN,$@)awk -f $< $(filter-out $<,$^) >$@

obj/fuzz/gen/%.o: gen/%.c | $(guest_ready)
	@mkdir -p $(@D)
	$(call say,CC,gen/$*.c (fuzz))$(CC) $(fuzz_flags) -I$(srcdir)/tests/fuzz -w $(depflags) -c $< -o $@

# $(call fuzz_rules,NAME): objects have a directory for each target, as servers' headers of the same name differ.
define fuzz_rules
obj/fuzz/$(1)/%.o: $(srcdir)/%.c | $$(guest_ready)
	@mkdir -p $$(@D)
	$$(call say,CC,$$*.c (fuzz $(1)))$$(CC) $$(fuzz_flags) $$(warnings) $$(depflags) -I$$(srcdir)/tests/fuzz $(fuzz_$(1)_DIR:%=-I$$(srcdir)/%) \
		-c $$< -o $$@
obj/fuzz/$(1)/%.o: $(srcdir)/%.S
	@mkdir -p $$(@D)
	$$(call say,AS,$$*.S (fuzz $(1)))$$(CC) $$(fuzz_flags) -c $$< -o $$@
out/tests/fuzz/fuzz_$(1): $$(addprefix obj/fuzz/$(1)/,$$(addsuffix .o,$$(basename $$(fuzz_common) tests/fuzz/target_$(1).c \
		$$(fuzz_$(1)_SOURCES)))) \
		$$(patsubst %,obj/fuzz/gen/mig/%_server.o,mx io dev $$(fuzz_$(1)_MIG)) \
		$$(patsubst %,obj/fuzz/gen/mig/%_user.o,$$(fuzz_users)) obj/fuzz/gen/fuzz/routines.o obj/fuzz/gen/fuzz/defaults.o
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC) $$(TEST_LDFLAGS) -no-pie -o $$@ $$^
masix_check += out/tests/fuzz/fuzz_$(1)
endef
$(foreach t,$(fuzz_targets),$(eval $(call fuzz_rules,$(t))))
