# routines.awk - the layout of every message of MASIX, out of mig/*.defs, as a C table for the fuzzer.
#
# Each routine becomes { "name", id, "in", "out", simple }, where "in" and "out" have a letter for each argument:
#	i 32-bit number	l boolean	q 64-bit number		n name	b blob	p path	d data	g ids	o out-of-line bytes
#	P send right	O send-once right	V out-of-line send rights	and, for structures, the number of their words as
#	a letter from A (4) up in steps of 4
# A type that is not known here stops the build: teach it to this file and to message.c.
#
# Copyright (c) 2026 The MASIX authors.
# SPDX-License-Identifier: GPL-2.0-or-later

function letter(type)
{
	if (!(type in kind)) {
		print "routines.awk: " FILENAME ": type " type " is not known" >"/dev/stderr"
		failed = 1
		exit 1
	}
	return kind[type]
}

function strip(line,	begin, end, rest)
{
	for (;;) {
		if (in_comment) {
			end = index(line, "*/")
			if (end == 0)
				return ""
			line = substr(line, end + 2)
			in_comment = 0
		}
		begin = index(line, "/*")
		if (begin == 0)
			return line
		rest = substr(line, begin + 2)
		line = substr(line, 1, begin - 1)
		end = index(rest, "*/")
		if (end == 0) {
			in_comment = 1
			return line
		}
		line = line substr(rest, end + 2)
	}
}

BEGIN {
	n = split("uint32_t i int32_t i vm_address_t i boolean_t l uint64_t q int64_t q mx_name_t n mx_blob_t b mx_path_t p " \
		"mx_data_t d mx_ids_t g mx_ool_t o mach_port_t P mach_port_send_t P mach_port_make_send_t P " \
		"mach_port_make_send_once_t O mach_port_move_send_once_t O mach_port_send_array_t V mx_port_list_t V " \
		"mx_stamp_t A mx_exe_t L mx_siginfo_t B mx_cred_t B mx_seed_t B mx_setattr_t C mx_rusage_t C mx_blk_info_t C mx_statfs_t D mx_data_info_t F mx_attr_t G", w, " ")
	for (i = 1; i < n; i += 2)
		kind[w[i]] = w[i + 1]
	print "#include \"message.h\"\nconst struct fuzz_routine fuzz_routines[] = {"
}

# Comments go, wherever they begin and end.
{
	$0 = strip($0)
}

/^subsystem/ { gsub(/;/, ""); subsystem = $2; id = $3; next }
/^skip/ { id++; next }

/^(simple)?routine/ {
	simple = /^simple/
	name = $2
	sub(/\(.*/, "", name)
	text = $0
	while (text !~ /;[ \t]*$/ || text !~ /\)[ \t]*;/) {
		if ((getline line) <= 0)
			break
		text = text " " strip(line)
	}
	sub(/^[^(]*\(/, "", text)
	sub(/\)[ \t]*;.*/, "", text)
	count = split(text, argument, ";")
	ins = outs = ""
	for (i = 2; i <= count; i++) {
		split(argument[i], part, ":")
		split(part[2], type, /[ \t,]+/)
		t = type[1] == "" ? type[2] : type[1]
		m = split(part[1], word, /[ \t]+/)
		first = word[1] == "" ? word[2] : word[1]
		if (first != "out")
			ins = ins letter(t)
		if (first == "out" || first == "inout")
			outs = outs letter(t)
	}
	printf "\t{ \"%s\", \"%s\", %d, \"%s\", \"%s\", %s },\n", subsystem, name, id++, ins, outs, simple ? "true" : "false"
}

END {
	if (!failed)
		print "\t{ NULL, NULL, 0, NULL, NULL, false }\n};"
}
