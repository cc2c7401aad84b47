# defaults.awk - for every routine in MIG's headers of the kernel a weak function: one that gives nothing back succeeds, others fail.
# Copyright (c) 2026 The MASIX authors.
# SPDX-License-Identifier: GPL-2.0-or-later
/^kern_return_t / && NF == 2 { name = $2; gives = 0; next }
name != "" && /\*/ { gives = 1 }
/^\);/ && name != "" {
	if (!seen[name]++)
		print "int " name "(void);\n__attribute__((weak)) int\n" name "(void)\n{\n\treturn " (gives ? "5" : "0") ";\n}\n"
	name = ""
}
