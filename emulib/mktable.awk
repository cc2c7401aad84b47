# mktable.awk - make C (OUT=c) or the coverage page (OUT=md) of syscalls.tbl.
#
# The C file holds the dispatch table and the names. Handlers are weak references: one that no file defines yet is a null pointer,
# and the call answers ENOSYS. For the coverage page DEFINED names a file with the handlers that the image really has, one a line.
#
# Copyright (c) 2026 The MASIX authors.
# SPDX-License-Identifier: GPL-2.0-or-later
/^#/ || NF == 0 { next }
NF != 5 { printf "%s:%d: a line has 5 fields\n", FILENAME, FNR > "/dev/stderr"; bad = 1; exit 1 }
{
	number = $1 + 0
	if (number in name || number > 511) {
		printf "%s:%d: number %d again, or too large\n", FILENAME, FNR, number > "/dev/stderr"
		bad = 1
		exit 1
	}
	name[number] = $2
	handler[number] = $3
	class[number] = $4
	test[number] = $5
	if (number > last)
		last = number
}
function table_c(n)
{
	print "/* Generated from emulib/syscalls.tbl; do not edit. */"
	print "typedef int em_handler();"
	for (n = 0; n <= last; n++)
		if ((n in name) && handler[n] != "-" && !(handler[n] in seen)) {
			printf "extern em_handler %s __attribute__((weak));\n", handler[n]
			seen[handler[n]] = 1
		}
	print "em_handler *const em_handlers[512] = {"
	for (n = 0; n <= last; n++)
		if ((n in name) && handler[n] != "-")
			printf "\t[%d] = %s,\n", n, handler[n]
	print "};\nconst char *const em_call_names[512] = {"
	for (n = 0; n <= last; n++)
		if (n in name)
			printf "\t[%d] = \"%s\",\n", n, name[n]
	print "};"
	print "/* 1: answered without an RPC as a rule */"
	print "const unsigned char em_call_local[512] = {"
	for (n = 0; n <= last; n++)
		if ((n in name) && class[n] == "local")
			printf "\t[%d] = 1,\n", n
	print "};"
}
function table_md(n, state, done, line, have)
{
	while ((getline line < DEFINED) > 0)
		have[line] = 1
	print "# System calls\n"
	print "Generated from `emulib/syscalls.tbl` and the image by `make docs/coverage.md`; do not edit.\n"
	print "State: the class of a call that works (`local`: answered in the library; `proc`, `vfs`, `io`: by that server as a rule);"
	print "`ENOSYS`: not implemented, counted in `/proc/masix/unimplemented`.\n"
	print "| number | name | state | test |\n|--:|---|---|---|"
	for (n = 0; n <= last; n++) {
		if (!(n in name))
			continue
		state = "ENOSYS"
		if (handler[n] in have) {
			state = class[n]
			done++
		}
		printf "| %d | %s | %s | %s |\n", n, name[n], state, test[n] == "-" ? "" : test[n]
		total++
	}
	printf "\n%d of %d calls are implemented.\n", done, total
}
END {
	if (bad)
		exit 1
	if (OUT == "c")
		table_c()
	else
		table_md()
}
