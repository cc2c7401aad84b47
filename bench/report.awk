# Turn lines "SYSTEM NAME NANOSECONDS RPC_PER_100" into the table of docs/bench.md.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
{
	key = $1 SUBSEP $2
	if (!(key in best) || $3 < best[key])
		best[key] = $3
	if ($1 == "masix")
		rpc[$2] = $4
	if (!($2 in seen)) {
		seen[$2] = 1
		order[++n] = $2
	}
}
function us(ns) { return sprintf(ns < 10000 ? "%.2f" : "%.0f", ns / 1000) }
END {
	print (what == "" ? "# What system calls cost\n" : "# What files on a disk cost\n")
	print "The same static program on MASIX and on Debian's Linux 6.1 (i386), in the same QEMU configuration (" accel ", 512 MiB, one CPU);"
	print "the least of " rounds " rounds. Below 1 MASIX is faster. " \
		(what == "" ? "Made by `./masix bench`; the operations are in `bench/bench.c`.\n" : \
		"The disk is " what ", fresh for each run.\nMade by `./masix bench " what "`; the steps are in `bench/storage.c`.\n")
	print "| operation | MASIX us | Linux us | MASIX / Linux | RPCs |"
	print "|---|--:|--:|--:|--:|"
	for (i = 1; i <= n; i++) {
		name = order[i]
		m = best["masix", name]
		l = best["linux", name]
		if (m == "" || l == "" || l == 0) {
			printf "| %s | %s | %s | - | |\n", name, m == "" ? "failed" : us(m), l == "" ? "failed" : us(l)
			continue
		}
		printf "| %s | %s | %s | %.2f | %s |\n", name, us(m), us(l), m / l, rpc[name] < 0 ? "" : sprintf("%.2f", rpc[name] / 100)
		sum += log(m / l)
		count++
	}
	if (count > 0)
		printf "\nGeometric mean of the ratios: %.2f.\n", exp(sum / count)
	while (notes != "" && (getline line <notes) > 0)
		print line
}
