#!/bin/sh
# Many processes: forks, pipes, a fork bomb under a limit; nothing may be left behind.
#
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
#
# Runs in the guest (or on Linux) as root under busybox's shell; prints TAP. /proc/masix/counts, where it exists, gives the system's ports,
# tasks and memory: they must come back to where they were.

n=0
check() # NAME: the status of the last command decides
{
	status=$?
	n=$((n + 1))
	if [ $status -eq 0 ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; fi
}

# Ports, tasks, threads and kilobytes in use, one "NAME VALUE" a line.
counts()
{
	[ ! -r /proc/masix/counts ] || cat /proc/masix/counts
}

loops=${1:-2000}
cd /tmp

# Caches and pools fill on the first use; measure after a warm-up.
i=0
while [ $i -lt 50 ]; do echo $i | cat >/dev/null; i=$((i + 1)); done
sleep 1
counts >before

i=0
sum=0
while [ $i -lt "$loops" ]; do
	x=$(echo $i | cat)
	sum=$((sum + x))
	i=$((i + 1))
done
[ $sum -eq $((loops * (loops - 1) / 2)) ]
check "$loops rounds of fork, exec and pipe"

i=0
while [ $i -lt 200 ]; do
	sleep 4 &
	i=$((i + 1))
done
[ "$(ps | grep -c '[s]leep 4')" -eq 200 ]
check "200 processes at once"
wait
[ "$(ps | grep -c '[s]leep 4')" -eq 0 ]
check "they all end"

cat >bomb <<'X'
ulimit -u 50
b() { b | b & }
b 2>/dev/null
sleep 2
X
chmod 755 bomb
timeout -s KILL 20 su -s /bin/sh nobody -c '/bin/sh /tmp/bomb' >/dev/null 2>&1
kill -9 $(ps -o pid,user | awk '$2 == "nobody" { print $1 }') 2>/dev/null
sleep 1
echo alive | grep -q alive
check "a fork bomb under a process limit"

sleep 2
counts >after
if [ -s before ]; then
	awk '
		FNR == NR { was[$1] = $2; next }
		{
			slack = $1 ~ /kb$/ ? 2048 : 8
			if ($2 > was[$1] + slack) {
				print "# " $1 " was " was[$1] ", is " $2
				bad = 1
			}
		}
		END { exit bad }' before after
	check "ports, tasks and memory are back"
fi
rm -f before after bomb
echo "1..$n"
