#!/bin/sh
# Many processes: forks, pipes, a fork bomb under a limit, random system calls; nothing may be left behind.
#
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
#
# usage: stress.sh ROUNDS [FUZZCALL SECONDS]
#
# Runs in the guest (or on Linux) as root under busybox's shell; prints TAP. /proc/masix/counts, where it exists, gives the system's ports,
# tasks and memory. Caches and pools fill at first, so everything is done twice, a little and then as much as is asked
# for, and the counts after the second time must be those after the first: tasks, processes and zombies exactly, others within what
# slack() in compare.awk says. They may take some seconds to come back.

rounds=${1:-2000}
fuzzcall=${2:-}
seconds=${3:-10}
patience=20
dir=$(mktemp -d)
cd "$dir" || exit 1
chmod 755 .

n=0
check()	# NAME: the status of the last command decides
{
	status=$?
	n=$((n + 1))
	if [ $status -eq 0 ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; fi
}

# ---- What is done ----

# N rounds of fork, exec and pipe.
pipes()
{
	i=0 sum=0
	while [ $i -lt "$1" ]; do
		x=$(echo $i | cat)
		sum=$((sum + x))
		i=$((i + 1))
	done
	[ $sum -eq $(($1 * ($1 - 1) / 2)) ]
}

sleepers()
{
	ps -o args | grep -c '[s]leep 1717'
}

# 200 processes at once, which are then killed.
crowd()
{
	i=0 pids=''
	while [ $i -lt 200 ]; do
		sleep 1717 &
		pids="$pids $!"
		i=$((i + 1))
	done
	i=0
	while [ "$(sleepers)" -ne 200 ] && [ $i -lt 10 ]; do sleep 1; i=$((i + 1)); done
	there=$(sleepers)
	kill -9 $pids
	wait $pids 2>/dev/null
	[ "$there" -eq 200 ] && [ "$(sleepers)" -eq 0 ]
}

bombs()
{
	ps -o pid,user | awk '$2 == "nobody" { print $1 }'
}

# A bomb of at most 50 processes, for SECONDS. Others can work meanwhile, and it can be killed: it takes some goes, as it goes on forking.
cat >bomb.sh <<'END'
ulimit -u 50
b() { b | b & }
b 2>/dev/null
sleep 100
END
bomb()
{
	su -s /bin/sh nobody -c "/bin/sh $dir/bomb.sh" >/dev/null 2>&1 &
	sleep "$1"
	alive=$(echo alive | cat)
	i=0
	while [ -n "$(bombs)" ] && [ $i -lt 50 ]; do
		kill -9 $(bombs) 2>/dev/null
		i=$((i + 1))
	done
	wait
	[ "$alive" = alive ] && [ -z "$(bombs)" ]
}

# Random system calls by user 65534; what it makes in /tmp goes.
calls()
{
	[ -n "$fuzzcall" ] || return 0
	"$fuzzcall" "$1" "$2" >said
	status=$?
	grep -v '^1\.\.\|^ok' said
	find /tmp -mindepth 1 -maxdepth 1 ! -path "$dir" -exec rm -rf {} + 2>/dev/null
	return $status
}

# ---- What must come back ----

# NAME NUMBER, and for a server: server N NAME NUMBER NAME NUMBER...; of /proc/masix/objects the objects that live.
counts()
{
	cat /proc/masix/counts
	awk '{ name = $1; for (i = 2; i < NF - 1; i++) name = name "_" $i; print "live." name, $(NF - 1) }' /proc/masix/objects
}

cat >compare.awk <<'AWK'
function slack(name)
{
	if (name ~ /^(tasks|processes|zombies)$/) return 0
	if (name ~ /^(threads|workers|kernel.thread)$/) return 8	# proc keeps as many workers
	if (name ~ /^(workers_busy|kernel.(task|ipc_space|vm_map))$/) return 2
	if (name ~ /^free_kb$/) return 2048
	if (name ~ /^(wired_kb|server.resident_kb)$/) return 1024
	if (name ~ /^live.proc.process$/) return 24	# ports of ended ones are kept
	if (name ~ /^live.vfs.memory_object$/) return 4	# of our own files
	if (name ~ /^live/) return 2
	if (name ~ /^(proc.objects|kernel.memory_object_proxy)$/) return 8
	if (name ~ /^(server.(receive|dead)|kernel.(ipc_port|ipc_entry|vm_object|vm_map_entry))$/) return 24
	return -1		# caches of the kernel itself: not compared
}
function look(name, before, after)
{
	most = slack(name)
	if (name == "free_kb") { t = before; before = after; after = t }
	if (most >= 0 && after > before + most) {
		print "# " name (server != "" ? " of server " server : "") ": " before " and " after ", more than " most " apart"
		bad = 1
	}
}
FNR == NR && $1 == "server" { for (i = 3; i < NF; i += 2) was[$2, $i] = $(i + 1); next }
FNR == NR { was[$1] = $2; next }
$1 == "server" { server = $2; for (i = 3; i < NF; i += 2) look("server." $i, was[$2, $i], $(i + 1)); server = ""; next }
{ look($1, was[$1], $2) }
END { exit bad }
AWK

# Wait until what is collected in the background is.
quiet()
{
	i=0
	while [ $i -lt $patience ] && awk '
		$1 == "zombies" && $2 > 0 { busy = 1 }
		$1 == "workers" && $2 > 8 { busy = 1 }
		$1 == "server" { for (i = 3; i < NF; i += 2) if ($i == "dead" && $(i + 1) > 0) busy = 1 }
		END { exit !busy }' /proc/masix/counts
	do
		sleep 1
		i=$((i + 1))
	done
	sleep 5
}

if [ -r /proc/masix/counts ]; then
	pipes 50
	crowd
	bomb 3
	bomb 3
	calls 3 6
	quiet
	counts >before
fi

pipes "$rounds"
check "$rounds rounds of fork, exec and pipe"
crowd
check "200 processes at once"
bomb 5
check "a fork bomb under a process limit"
if [ -n "$fuzzcall" ]; then
	calls "$seconds" 7
	check "random system calls for $seconds seconds"
fi

if [ -r /proc/masix/counts ]; then
	quiet
	i=0
	while counts >after; ! awk -f compare.awk before after >said && [ $i -lt $patience ]; do
		sleep 1
		i=$((i + 1))
	done
	awk -f compare.awk before after || diff -U0 before after | grep '^[-+][^-+]' | sed 's/^/# /'
	awk -f compare.awk before after >/dev/null
	check "ports, tasks and memory are back"
fi
cd /
rm -rf "$dir"
echo "1..$n"
