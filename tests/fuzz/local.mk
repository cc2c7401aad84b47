# tests/fuzz: servers on the host, with a kernel and clients that are played.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
#
# fuzz_targets lists names; tests/fuzz/target_NAME.c describes one, fuzz_NAME_DIRS are the servers and libraries it is made of, with
# what their local.mk say; fuzz_NAME_SOURCES replaces their sources (relative to the top),
# fuzz_NAME_MIG the interfaces they answer.

fuzz_targets := acs blk data hw lib proc tty vfs
fuzz_blk_DIRS := lib/blkdev
fuzz_hw_DIRS := servers/hw
fuzz_hw_SOURCES := servers/hw/hw_core.c servers/hw/hw_irq.c servers/hw/hw_recover.c servers/hw/hw_rpc.c
fuzz_acs_DIRS := acs
fuzz_data_DIRS := pagers/data
fuzz_data_SOURCES := pagers/data/data_rpc.c pagers/data/pages.c pagers/data/slots.c pagers/data/swap.c
fuzz_data_MIG := data
fuzz_lib_DIRS := lib/test
fuzz_lib_SOURCES := lib/test/tobj.c
fuzz_proc_DIRS := servers/proc
fuzz_tty_DIRS := servers/tty
fuzz_vfs_DIRS := servers/vfs

# All of libmasix but what calls.c and tsc.c stand in for.
fuzz_common = $(addprefix tests/fuzz/,client.c message.c sim_port.c sim_message.c sim_trap.c calls.c calls_lib.c tsc.c) $(addprefix lib/,$(filter-out memory.c export.c alarm.c thread.c \
	begin.S traps.S log.c newlib.c time.c clock.c virtio/%,$(lib_SOURCES)))
fuzz_users = $(filter-out %_types,$(notdir $(basename $(wildcard $(srcdir)/mig/*.defs))))
fuzz_kernel := mach mach4 mach_port mach_host gnumach mach_i386 device mach_debug
fuzz_flags = $(TEST_CFLAGS) -UMASIX_HOST_TEST -Dvsniprintf=vsnprintf -Dsniprintf=snprintf -Dasniprintf=asprintf -Igen/mig -I$(srcdir)/lib/include \
	-I$(srcdir)/lib -I$(srcdir)/mig -idirafter $(mach_inc)

gen/fuzz/routines.c: $(srcdir)/tests/fuzz/routines.awk $(wildcard $(srcdir)/mig/*.defs)
	@mkdir -p $(@D)
	$(call say,GEN,$@)awk -f $< $(filter-out %_types.defs $<,$^) >$@
gen/fuzz/defaults.c: $(srcdir)/tests/fuzz/defaults.awk | $(fuzz_kernel:%=gen/mig/%.h)
	@mkdir -p $(@D)
	$(call say,GEN,$@)awk -f $< $(fuzz_kernel:%=gen/mig/%.h) >$@

obj/fuzz/gen/%.o: gen/%.c | $(guest_ready)
	@mkdir -p $(@D)
	$(call say,CC,gen/$*.c (fuzz))$(CC) $(fuzz_flags) -I$(srcdir)/tests/fuzz -w $(depflags) -c $< -o $@

# $(call fuzz_rules,NAME): objects have a directory for each target, as servers' headers of the same name differ. What a server's
# local.mk says may be read after this one, so it is expanded a second time.
fuzz_dirs = $(foreach d,$(fuzz_$(1)_DIRS),$(d) $($(d)_WITH))
fuzz_sources = $(or $(fuzz_$(1)_SOURCES),$(foreach d,$(call fuzz_dirs,$(1)),$(patsubst %,$(d)/%,$(filter-out main.c,$($(d)_SOURCES)))))
fuzz_mig = $(sort mx io dev $(or $(fuzz_$(1)_MIG),$(foreach d,$(call fuzz_dirs,$(1)),$($(d)_MIG))))
define fuzz_rules
obj/fuzz/$(1)/%.o: $(srcdir)/%.c | $$(guest_ready)
	@mkdir -p $$(@D)
	$$(call say,CC,$$*.c (fuzz $(1)))$$(CC) $$(fuzz_flags) $$(warnings) $$(depflags) -I$$(srcdir)/tests/fuzz \
		$$(patsubst %,-I$$(srcdir)/%,$$(call fuzz_dirs,$(1))) -c $$< -o $$@
obj/fuzz/$(1)/%.o: $(srcdir)/%.S
	@mkdir -p $$(@D)
	$$(call say,AS,$$*.S (fuzz $(1)))$$(CC) $$(fuzz_flags) -c $$< -o $$@
.SECONDEXPANSION:
out/tests/fuzz/fuzz_$(1): $$$$(addprefix obj/fuzz/$(1)/,$$$$(addsuffix .o,$$$$(basename $$$$(fuzz_common) tests/fuzz/target_$(1).c \
		$$$$(call fuzz_sources,$(1))))) $$$$(patsubst %,obj/fuzz/gen/mig/%_server.o,$$$$(call fuzz_mig,$(1))) \
		obj/fuzz/virtio.a obj/fuzz/users.a obj/fuzz/gen/fuzz/routines.o obj/fuzz/gen/fuzz/defaults.o
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC) $$(TEST_LDFLAGS) -no-pie -o $$@ $$^
masix_check += out/tests/fuzz/fuzz_$(1)
endef
$(foreach t,$(fuzz_targets),$(eval $(call fuzz_rules,$(t))))

obj/fuzz/users.a: $(patsubst %,obj/fuzz/gen/mig/%_user.o,$(fuzz_users))
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
obj/fuzz/virtio.a: $(patsubst $(srcdir)/%.c,obj/fuzz/lib/%.o,$(wildcard $(srcdir)/lib/virtio/*.c))
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

# $(call fuzz_volume_rules,NAME,HOST TEST): damaged volumes of pagers/NAME (volume.c); all but its main is what the host test is made of.
define fuzz_volume_rules
obj/fuzz/volume_$(1)/%.o: $(srcdir)/%.c | $$(guest_ready)
	@mkdir -p $$(@D)
	$$(call say,CC,$$*.c (fuzz $(1)))$$(CC) $$(TEST_CFLAGS) $$(warnings) $$(depflags) -I$$(srcdir)/tests/fuzz \
		$$(tests/host/test_$(2)_CPPFLAGS) -I$$(srcdir)/lib/include -c $$< -o $$@
out/tests/fuzz/fuzz_$(1): $$$$(addprefix obj/fuzz/volume_$(1)/,$$$$(addsuffix .o,$$$$(basename tests/fuzz/volume.c tests/fuzz/volume_$(1).c \
		$$$$(filter-out tests/host/test_%,$$$$(tests/host/test_$(2)_SOURCES)))))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC) $$(TEST_LDFLAGS) -o $$@ $$^
masix_check += out/tests/fuzz/fuzz_$(1)
endef
$(eval $(call fuzz_volume_rules,fat,fat))
$(eval $(call fuzz_volume_rules,iso9660,iso))
$(eval $(call fuzz_volume_rules,ffs,ffs))
$(eval $(call fuzz_volume_rules,sysv,sysv))
