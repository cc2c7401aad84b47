# Turn what the local.mk files say into rules.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.

# --- packages ---------------------------------------------------------------------------------------------------------
deps/.%: $(srcdir)/deps.lock $(srcdir)/tools/fetch-deps
	$(call say,DEPS,$*)$(srcdir)/tools/fetch-deps $* deps
	@touch $@

$(newlib_stamp): $(deps_base) $(srcdir)/tools/build-newlib
	$(call say,NEWLIB,newlib)CC='$(CC)' $(srcdir)/tools/build-newlib deps/newlib-source newlib
	@touch $@

out/gnumach: $(deps_base)
	@mkdir -p $(@D)
	$(call say,KERNEL,$@)gzip -dc deps/gnumach-image-1.8-486-up/boot/gnumach-1.8-486-up.gz >$@

masix_all += out/gnumach

# --- MIG --------------------------------------------------------------------------------------------------------------
# Each interface gives gen/mig/NAME.h and NAME_user.c, and, made with -DMX_SERVER so that a server may see its objects where a
# client sees ports, NAME_S.h and NAME_server.c. The kernel's own come from gnumach-dev: those we call, and those it calls in us.
kernel_calls := mach/mach mach/mach4 mach/mach_port mach/mach_host mach/gnumach mach/i386/mach_i386 device/device \
	mach_debug/mach_debug
kernel_upcalls := mach/exc mach/memory_object mach/memory_object_default mach/notify device/device_reply
mig_own := $(filter-out %_types,$(notdir $(basename $(wildcard $(srcdir)/mig/*.defs))))
mig_kernel := $(notdir $(kernel_calls) $(kernel_upcalls))
mig_headers := $(foreach n,$(mig_own) $(mig_kernel),gen/mig/$(n).h gen/mig/$(n)_S.h)
MIGCPP = $(CC) -m32 -E -x c -undef -ansi -D__i386__ -DTARGET32 -I$(srcdir)/mig -I$(srcdir)/lib/include -I$(mach_inc) \
	-MMD -MP -MF $(@:.h=.d) -MT $@

# $(call mig_rule,NAME,FILE,FILE if make must check that it is there)
define mig_rule
gen/mig/$(1).h: $(3) $(deps_base)
	@mkdir -p gen/mig
	$$(call say,MIG,$(1))$$(MIGCPP) $(2) -o gen/mig/$(1).i && $(migcom) <gen/mig/$(1).i \
		-header $$@ -user gen/mig/$(1)_user.c -server /dev/null -sheader /dev/null
gen/mig/$(1)_S.h: $(3) $(deps_base)
	@mkdir -p gen/mig
	$$(call say,MIG,$(1) (server))$$(MIGCPP) -DMX_SERVER $(2) -o gen/mig/$(1)_S.i && $(migcom) <gen/mig/$(1)_S.i \
		-header /dev/null -user /dev/null -server gen/mig/$(1)_server.c -sheader $$@
gen/mig/$(1)_user.c: gen/mig/$(1).h ;
gen/mig/$(1)_server.c: gen/mig/$(1)_S.h ;
endef
$(foreach n,$(mig_own),$(eval $(call mig_rule,$(n),$(srcdir)/mig/$(n).defs,$(srcdir)/mig/$(n).defs)))
$(foreach n,$(kernel_calls) $(kernel_upcalls),$(eval $(call mig_rule,$(notdir $(n)),$(mach_inc)/$(n).defs)))

# Nothing is compiled for the guest before all generated headers are there; the .d files say what depends on which.
guest_ready := $(mig_headers) $(newlib_stamp)

# --- guest objects and libraries --------------------------------------------------------------------------------------
dir_flags = -I$(srcdir)/$(patsubst %/,%,$(dir $*)) $($(patsubst %/,%,$(dir $*))_CPPFLAGS)

obj/guest/%.o: $(srcdir)/%.c | $(guest_ready)
	@mkdir -p $(@D)
	$(call say,CC,$*.c)$(CC) $(GUEST_CFLAGS) $(warnings) $(depflags) $(dir_flags) -c $< -o $@
obj/guest/%.o: $(srcdir)/%.S | $(guest_ready)
	@mkdir -p $(@D)
	$(call say,AS,$*.S)$(CC) $(GUEST_CFLAGS) $(depflags) $(dir_flags) -c $< -o $@
obj/guest/gen/%.o: gen/%.c | $(guest_ready)
	@mkdir -p $(@D)
	$(call say,CC,gen/$*.c)$(CC) $(GUEST_CFLAGS) -w $(depflags) -c $< -o $@

obj/emulib/%.o: $(srcdir)/%.c | $(guest_ready)
	@mkdir -p $(@D)
	$(call say,CC,$*.c (emulib))$(CC) $(EMULIB_CFLAGS) $(warnings) $(depflags) $(dir_flags) -c $< -o $@
obj/emulib/%.o: $(srcdir)/%.S | $(guest_ready)
	@mkdir -p $(@D)
	$(call say,AS,$*.S (emulib))$(CC) $(EMULIB_CFLAGS) $(depflags) $(dir_flags) -c $< -o $@
obj/emulib/gen/%.o: gen/%.c | $(guest_ready)
	@mkdir -p $(@D)
	$(call say,CC,gen/$*.c (emulib))$(CC) $(EMULIB_CFLAGS) -w $(depflags) -c $< -o $@

# The objects of sources $(3) in directory $(2) for kind $(1); a source that starts with gen/ was generated.
objects = $(foreach s,$(3),obj/$(1)/$(if $(filter gen/%,$(s)),,$(2)/)$(basename $(s)).o)

# The interfaces that a server answers, compiled with that server's own types in view.
define mig_server_rule
obj/guest/$(1)/$(2)_server.o: gen/mig/$(2)_server.c | $(guest_ready)
	@mkdir -p $$(@D)
	$$(call say,CC,$(1)/$(2)_server.c)$$(CC) $$(GUEST_CFLAGS) -w $$(depflags) -I$(srcdir)/$(1) $$($(1)_CPPFLAGS) -c $$< -o $$@
endef

# $(call archive_rule,FILE,OBJECTS)
define archive_rule
$(1): $(2)
	@mkdir -p $$(@D)
	$$(call say,AR,$$@)rm -f $$@ && $$(AR) rcsD $$@ $$^
endef

# libmachstubs.a: calls to the kernel; libmasixstubs.a: calls to our own servers; libmasix.a: lib/.
$(eval $(call archive_rule,out/libmachstubs.a,$(foreach n,$(notdir $(kernel_calls)),obj/guest/gen/mig/$(n)_user.o)))
$(eval $(call archive_rule,out/libmasixstubs.a,$(foreach n,$(mig_own),obj/guest/gen/mig/$(n)_user.o)))
masix_all += out/libmachstubs.a $(if $(mig_own),out/libmasixstubs.a)

guest_start := $(call objects,guest,lib,$(lib_START))
guest_libs := $(if $(lib_SOURCES),out/libmasix.a) $(if $(mig_own),out/libmasixstubs.a) out/libmachstubs.a
ifneq ($(lib_SOURCES),)
$(eval $(call archive_rule,out/libmasix.a,$(call objects,guest,lib,$(lib_SOURCES)) $(lib_MIG:%=obj/guest/lib/%_server.o)))
$(foreach n,$(lib_MIG),$(eval $(call mig_server_rule,lib,$(n))))
masix_all += out/libmasix.a
endif

# --- servers ----------------------------------------------------------------------------------------------------------
# A server is a directory. All its sources but main.c go into its library, so that an image can hold several servers.
# out/DIR/NAME keeps its symbols for gdb, out/DIR/NAME.stripped is what is booted.
server_image = out/$(1)/$(notdir $(1))
server_lib = out/$(1)/lib$(notdir $(1)).a
server_main = $(or $($(1)_MAIN),main.c)

# A library between servers and libmasix, also named by its directory; servers take it with _WITH.
define lib_rules
$(foreach n,$($(1)_MIG),$(eval $(call mig_server_rule,$(1),$(n))))
$(call archive_rule,$(call server_lib,$(1)),$(call objects,guest,$(1),$($(1)_SOURCES)) $($(1)_MIG:%=obj/guest/$(1)/%_server.o))
masix_all += $(call server_lib,$(1))
endef
$(foreach s,$(masix_libs),$(eval $(call lib_rules,$(s))))

# -u: libmasix's __assert_func has to be found before newlib's, which comes with functions that libmasix replaces.
define server_rules
$(foreach n,$($(1)_MIG),$(eval $(call mig_server_rule,$(1),$(n))))
$(call archive_rule,$(call server_lib,$(1)),$(call objects,guest,$(1),$(filter-out $(call server_main,$(1)),$($(1)_SOURCES))) \
	$($(1)_MIG:%=obj/guest/$(1)/%_server.o))
$(call server_image,$(1)): $(if $($(1)_NOLIB),,$(guest_start)) $(call objects,guest,$(1),$(call server_main,$(1))) \
		$(call server_lib,$(1)) $(foreach l,$($(1)_WITH),$(call server_lib,$(l))) $(if $($(1)_NOLIB),,$(guest_libs))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC) $$(GUEST_LDFLAGS) $(if $($(1)_NOLIB),,-Wl,-u,__assert_func) -o $$@ -Wl,--start-group $$^ \
		$(if $($(1)_NOLIB),,$($(1)_LIBS) newlib/lib/libc.a $(if $($(1)_LIBM),newlib/lib/libm.a)) $(libgcc) -Wl,--end-group
masix_all += $(call server_image,$(1)) $(call server_image,$(1)).stripped
endef
$(foreach s,$(masix_servers),$(eval $(call server_rules,$(s))))

%.stripped: %
	$(call say,STRIP,$@)$(STRIP) -o $@ $<

# --- emulib -----------------------------------------------------------------------------------------------------------
ifneq ($(emulib_SOURCES),)
emulib_objects := $(call objects,emulib,emulib,$(emulib_SOURCES)) $(emulib_USER:%=obj/emulib/gen/mig/%_user.o)
out/emulib/emulib.elf: $(emulib_objects) $(srcdir)/emulib/emulib.ld $(srcdir)/emulib/hot.ld
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) -m32 -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--gc-sections \
		$(emulib_LDFLAGS) -Wl,-L,$(srcdir)/emulib -Wl,-T,$(srcdir)/emulib/emulib.ld -o $@ $(emulib_objects) $(libgcc)
masix_all += out/emulib/emulib.elf out/emulib/emulib.elf.stripped
endif

# --- programs for Linux/i386 ------------------------------------------------------------------------------------------
# linux_programs lists DIR/NAME; the sources are DIR/NAME.c unless DIR/NAME_SOURCES (relative to DIR) says more.
obj/linux/%.o: $(srcdir)/%.c | $(deps_base)
	@mkdir -p $(@D)
	$(call say,CC,$*.c (linux))$(CC) $(LINUX_CFLAGS) $(warnings) $(depflags) $(dir_flags) -c $< -o $@
obj/linux/%.o: $(srcdir)/%.S | $(deps_base)
	@mkdir -p $(@D)
	$(call say,AS,$*.S (linux))$(CC) $(LINUX_CFLAGS) $(depflags) $(dir_flags) -c $< -o $@

define linux_rules
out/linux/$(1): $(call objects,linux,$(patsubst %/,%,$(dir $(1))),$(or $($(1)_SOURCES),$(notdir $(1)).c))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC) $$(LINUX_LDFLAGS) -o $$@ $(musl_lib)/crt1.o $(musl_lib)/crti.o $$^ \
		-Wl,--start-group $(musl_lib)/libc.a $(libgcc) -Wl,--end-group $(musl_lib)/crtn.o
masix_all += out/linux/$(1)
endef
$(foreach p,$(linux_programs),$(eval $(call linux_rules,$(p))))

# --- host tools and host tests ----------------------------------------------------------------------------------------
obj/host/%.o: $(srcdir)/%.c
	@mkdir -p $(@D)
	$(call say,CC,$*.c (host))$(CC) $(HOST_CFLAGS) $(warnings) $(depflags) $(dir_flags) -c $< -o $@

define host_tool_rules
out/$(1): $(call objects,host,$(patsubst %/,%,$(dir $(1))),$(or $($(1)_SOURCES),$(notdir $(1)).c))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC) -o $$@ $$^ $($(1)_LIBS)
masix_all += out/$(1)
endef
$(foreach p,$(host_tools),$(eval $(call host_tool_rules,$(p))))

# host_tests lists DIR/NAME; DIR/NAME_SOURCES are relative to the top of the tree (DIR/NAME.c when unset). They are 32-bit, as
# the guest is, and run under ASan and UBSan. DIR/NAME_CPPFLAGS may add flags.
define host_test_rules
$(foreach s,$(filter %.S,$($(1)_SOURCES)),obj/test/$(1)/$(basename $(s)).o): obj/test/$(1)/%.o: $(srcdir)/%.S
	@mkdir -p $$(@D)
	$$(call say,AS,$$*.S (test))$$(CC) $$(TEST_CFLAGS) -c $$< -o $$@
$(foreach s,$(or $(filter %.c,$($(1)_SOURCES)),$(1).c),obj/test/$(1)/$(basename $(s)).o): obj/test/$(1)/%.o: $(srcdir)/%.c | $(guest_ready)
	@mkdir -p $$(@D)
	$$(call say,CC,$$*.c (test))$$(CC) $$(TEST_CFLAGS) $$(warnings) $$(depflags) $$(dir_flags) $($(1)_CPPFLAGS) \
		-I$(srcdir)/lib/include -c $$< -o $$@
out/$(1): $(foreach s,$(or $($(1)_SOURCES),$(1).c),obj/test/$(1)/$(basename $(s)).o)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC) $$(TEST_LDFLAGS) -o $$@ $$^ $($(1)_LIBS)
masix_check += out/$(1)
endef
$(foreach p,$(host_tests),$(eval $(call host_test_rules,$(p))))

# --- the boot archive -------------------------------------------------------------------------------------------------
# Every server's image as /masix/servers/NAME; main file systems come from the lists. mkbootfs says what the archive depends on.
archived := $(foreach s,$(masix_servers),$(if $(filter no,$($(s)_ARCHIVE)),,$(s)))

gen/servers.list: $(masix_local_mk) $(srcdir)/config/rules.mk
	@mkdir -p $(@D)
	$(call say,GEN,$@){ $(foreach s,$(archived),echo 'file /masix/servers/$(notdir $(s)) 0755 $(call server_image,$(s)).stripped';) \
		$(if $(emulib_SOURCES),echo 'file /masix/emulib 0755 out/emulib/emulib.elf.stripped';) :; } >$@

out/bootfs.elf: out/tools/mkbootfs $(bootfs_lists) $(bootfs_deps) $(foreach s,$(archived),$(call server_image,$(s)).stripped) \
		$(if $(emulib_SOURCES),out/emulib/emulib.elf.stripped) | $(deps_rootfs)
	$(call say,BOOTFS,$@)out/tools/mkbootfs -o $@ -M gen/bootfs.d -r . -r $(srcdir) $(bootfs_lists:%=-l %)
masix_all += out/bootfs.elf

# The same tree without its wrapping: the base of a root file system on a disk.
out/base.cpio: out/bootfs.elf
	$(call say,CPIO,$@)out/tools/mkbootfs -c -o $@ -r . -r $(srcdir) $(bootfs_lists:%=-l %)

# The disk that `masix run` boots; on demand only, because it needs GRUB's tools.
out/masix.img: out/gnumach out/acs/acs.stripped out/bootfs.elf $(srcdir)/tools/mkdisk
	$(call say,DISK,$@)$(srcdir)/tools/mkdisk -o $@ -k out/gnumach -a noide \
		out/acs/acs.stripped 'acs $${host-port} $${device-port} $${bootfs-task} - mode=run $$(task-create) $$(task-resume)' \
		out/bootfs.elf 'bootfs $$(bootfs-task=task-create)'

# What `make check` and `masix check` need besides what `make` makes.
out/host-tests.list: $(masix_local_mk)
	@mkdir -p $(@D)
	@printf '%s\n' $(host_tests) >$@
masix_check += out/host-tests.list out/base.cpio

check-programs: $(masix_check)
.PHONY: check-programs

-include $(shell find obj gen -name '*.d' 2>/dev/null)
