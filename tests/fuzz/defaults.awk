# defaults.awk - for every routine in MIG's headers of the kernel a weak function that fails.
# Copyright (c) 2026 The MASIX authors.
# SPDX-License-Identifier: GPL-2.0-or-later
/^kern_return_t / && NF == 2 && !seen[$2]++ {
	print "int " $2 "(void);\n__attribute__((weak)) int\n" $2 "(void)\n{\n\treturn 5;\t/* KERN_FAILURE */\n}\n"
}
