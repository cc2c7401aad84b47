# The boot archive: boot/rootfs.list, busybox's links, and what the other directories put on bootfs_lists.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.

# First, so that another directory's entry replaces one of theirs (busybox has an init too).
bootfs_lists := $(srcdir)/boot/rootfs.list gen/busybox.list gen/servers.list $(bootfs_lists)

busybox := deps/busybox-static/usr/bin/busybox

# A link for every program that busybox can be, where busybox says it belongs.
gen/busybox.list: $(deps_rootfs) $(srcdir)/boot/local.mk
	@mkdir -p $(@D)
	$(call say,GEN,$@)$(busybox) --list-full >$@.new && \
		sed '/^bin\/busybox$$/d; /^linuxrc$$/d; s,^s*bin/,usr/&,; s,.*,link /& /usr/bin/busybox,' $@.new >$@ && rm $@.new
