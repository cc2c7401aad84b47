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

# N processes that are killed while they fork, wherever they are in it. They say nothing of that.
halves()
{
	i=0
	while [ $i -lt "$1" ]; do
		sh -c 'while :; do (:); done' 2>>noise &
		usleep 20000
		kill -9 $!
		i=$((i + 1))
	done 2>/dev/null
	wait
	[ ! -s noise ]
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

# A line NAME NUMBER for each thing counted. Ports that wait in pools to be used again are no loss (/proc/masix/objects has them), nor is
# memory in caches that the kernel never empties: slabs, stacks of threads, page tables; what lies in the slabs is counted by itself.
counts()
{
	cat /proc/masix/objects /proc/masix/counts | awk '
		$1 ~ /[.]/ && NF > 2 {
			name = $1
			for (i = 2; i < NF - 1; i++) name = name "_" $i
			if (name ~ /[.]fibrils$/) next			# their ports are a line of their own
			pool += $NF
			if (name == "proc.process") pool += $(NF - 1)
			else print "live." name, $(NF - 1)
			next
		}
		$1 == "server" {
			for (i = 3; i < NF; i += 2) sum[$i] += $(i + 1)
			next
		}
		{ is[$1] = $2 }
		END {
			n = split("tasks threads processes zombies workers workers_busy kernel.task kernel.thread kernel.ipc_space " \
				"kernel.vm_map kernel.vm_object kernel.vm_map_entry kernel.memory_object_proxy kernel.kalloc_32 " \
				"kernel.kalloc_64 kernel.kalloc_128 kernel.kalloc_4096 kernel.rdxtree_node", names)
			for (i = 1; i <= n; i++) print names[i], is[names[i]]
			print "receive_rights", sum["receive"] - pool
			print "dead_names", sum["dead"]
			print "kernel.ipc_port", is["kernel.ipc_port"] - pool
			print "kernel.ipc_entry", is["kernel.ipc_entry"] - pool
			print "kb_used", -is["free_kb"] - 4 * (is["kernel.kmem_slab"] + is["kernel.thread_stack"] + is["kernel.pmap_L1"])
		}'
}

cat >compare.awk <<'AWK'
function slack(name)
{
	if (name ~ /^(tasks|processes|zombies)$/) return 0
	if (name ~ /^(threads|workers|kernel.thread)$/) return 8	# proc keeps as many workers
	if (name ~ /^(workers_busy|kernel.(task|ipc_space|vm_map))$/) return 2
	if (name == "kb_used") return 2048
	if (name == "live.vfs.memory_object") return 4			# of our own files
	if (name ~ /^live[.]/) return 2
	if (name == "kernel.memory_object_proxy") return 8
	return 24
}
FNR == NR { was[$1] = $2; next }
$2 > was[$1] + slack($1) { print "# " $1 ": " was[$1] " and " $2 ", more than " slack($1) " apart"; bad = 1 }
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
	halves 20
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
halves 40
check "processes that are killed while they fork"
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
