#!/bin/sh
# Use every busybox applet that needs neither network nor hardware, and print what it said.
#
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
#
# Run by busybox's own shell in an empty directory, on Linux and on MASIX; both outputs must be the same, byte for byte. So nothing
# here may print a date of today, a process id, a device number or anything else that differs between two runs on Linux.
# Each section begins with "== NAME" and ends with its exit status.

PATH=${APPLETS:-/bin:/sbin:/usr/bin:/usr/sbin}
LC_ALL=C
TZ=UTC
HOME=/nonexistent
umask 022
export PATH LC_ALL TZ HOME
exec 2>&1

section() { echo "== $1"; }
result() { echo "-- $?"; }

section files
mkdir -p a/b/c; echo hello >a/one; printf 'two\nlines\n' >a/b/two; : >a/b/c/empty
ln a/one a/hard; ln -s b/two a/soft; ln -s nowhere a/dangling
ls a; ls -1 a/b; ls -F a; ls -d a a/b; ls -R a; readlink a/soft; readlink a/dangling; readlink -f a/soft | sed 's,.*/a/,a/,'
cat a/one a/soft; cat a/dangling; result
cat -n a/b/two; cat -A a/b/two; stat -c '%F %s %h %a' a/one a/soft a/b a/b/c/empty; result
chmod 640 a/one; stat -c %a a/hard; chmod u+x,go-r a/one; stat -c '%A' a/one; chmod 755 a/b; ls -l a | awk '{print $1, $2, $NF}'
cp a/one copy; cmp a/one copy; result
cp -r a acopy; diff -r a acopy; result
cp -a a acopy2; ls -l acopy2 | awk '{print $1, $NF}'
mv copy moved; ls; rm moved; rm nosuch; result
rm -r acopy; ls; rmdir a/b; result; rm -rf acopy2 a/b/c; rmdir nosuch; result
touch -d '2001-02-03 04:05:06' stamp; stat -c '%Y' stamp; ls -l --full-time stamp | awk '{print $6, $7}'
touch -r stamp stamp2; stat -c %Y stamp2; date -r stamp; [ stamp -nt a/one ]; result; [ a/one -nt stamp ]; result
mkfifo fifo; stat -c %F fifo; (echo through >fifo &) ; cat fifo; rm fifo
truncate -s 10000 big; wc -c big; truncate -s 5 big; wc -c <big; fallocate -l 4096 fall; wc -c fall; result
du a/b | awk '{print $2}'; basename /x/y/z.c .c; dirname /x/y/z.c; realpath . | sed 's,.*/,/,' >/dev/null; result
mktemp -u XXXXXX | wc -c; link a/one linked; unlink linked; result; mknod p p; stat -c %F p; rm p; result
install -m 711 a/one installed; stat -c %a installed; ln -sf b x1; ln -sfn c x1; readlink x1; pwd | wc -l; result
shred -u installed; ls installed; result
test -f a/one -a -d a; result; [ -s a/one ] && [ ! -e none ] && [ -L a/soft ] && [ -h a/dangling ]; result
find a | sort; find a -type f -name 'o*' | sort; find a -type l -exec echo link {} \; | sort; find . -newer stamp -name one
find a -maxdepth 1 -type d; find a -size +0c -type f | sort; find a -perm 640; result

section text
seq 1 20 >n; head -n 3 n; head -c 5 n; tail -n 2 n; tail -n +19 n; tac n | head -n 2; rev n | tail -n 2; wc n; wc -l <n
sort -r n | head -n 3; sort -n -r n | head -n 2; sort -u n n | wc -l; printf 'b 2\na 1\nc 3\n' | sort -k2; printf 'x:3\ny:1\n' | sort -t: -k2n; result
printf 'a\na\nb\n' | uniq -c; printf 'a\na\nb\n' | uniq -d; printf 'a\na\nb\n' | uniq -u; cut -c1 n | head -n 2; echo a:b:c | cut -d: -f2-; result
echo abc | tr a-c A-C; echo aabbcc | tr -s a-c; echo hello | tr -d l; echo hello | tr -c a-z '\n'; paste n n | head -n 2; paste -s -d, n; result
grep 1 n | wc -l; grep -c 2 n; grep -v 1 n | head -n 2; grep -n '^1$' n; grep -E '^(3|4)$' n; egrep -o '[0-9]{2}' n | head -n 1; fgrep 5 n; grep -q 99 n; result
echo 'x=1;y=2' | sed 's/[0-9]/N/g;s/;/\n/'; sed -n '2,4p' n; sed '1d;$d' n | wc -l; sed -e '5q' n; sed 's/\(.\)\(.\)/\2\1/' n | tail -n 1; cp n n2; sed -i 's/^1/one/' n2; head -n 1 n2; result
awk '{s += $1} END {print s, NR}' n; awk -F: '{print $2}' <<X
a:b:c
X
awk 'BEGIN { printf "%5.2f|%-5s|%05d\n", 3.14159, "ab", 42; split("a b c", q, " "); print q[2], length("hello"), substr("hello", 2, 3), toupper("x"), index("abc", "c") }'
awk 'BEGIN { while (("echo a; echo b" | getline x) > 0) print "got", x; print 2^10, 7%3, int(-2.5) }'; awk 'gsub(/1/, "#")' n | head -n 2; result
expand <<X | cat -A
	tab
X
printf 'a       b\n' | unexpand -a | cat -A; fold -w 5 <<X
abcdefghijkl
X
nl n | head -n 2; od -c n | head -n 2; od -An -tx1 a/one; hexdump -C a/one; hd a/one 2>/dev/null | head -n 1; xxd a/one; xxd -p a/one; xxd -r -p <<X
68690a
X
strings a/one; printf 'x\r\n' | dos2unix | od -c; printf 'x\n' | unix2dos | od -c; printf '%s %d %x %o %c %5.1f %%\n' str 10 255 8 c 2.25; printf 'a\tb\\n\n'; echo -n x; echo -e 'a\nb'; result
expr 2 + 3 \* 4; expr abc : 'a\(.*\)'; expr length hello; expr 5 \> 3; result; factor 12 97 1001; bc <<X
scale=5
10/3
2^64
obase=16
255
X
echo '2 3 + p 5 * p 3 k 2 v p' | dc; seq 3 -1 1; seq -s, 5; seq -w 8 10; seq 0 .5 1; cal 2 2000; shuf -i 1-5 | sort; result
diff n n2; result; diff -u a/one a/b/two | sed 1,2d; printf 'hello\n' >p1; printf 'world\n' >p2; diff -u p1 p2 | sed '1,2s/\t.*//' >pp; cat pp; patch p1 pp; cat p1; result
ed a/one <<X
a
appended
.
1,\$p
w
q
X
result
comm 2>/dev/null; tsort 2>/dev/null; split 2>/dev/null; result
yes | head -n 2; yes no | head -n 1; echo a b c | xargs -n 1 echo item; printf 'a\0b\0' | xargs -0 echo; echo 1 2 3 | xargs -I% echo "<%>"; seq 3 | xargs; result
tee t1 t2 <a/one; cmp t1 t2; result; more a/one | cat; less a/one | cat; ascii | head -n 3; ts '%%' </dev/null; result

section sums
md5sum n; sha1sum n; sha256sum n; sha512sum n; sha3sum n; crc32 n; sum n 2>/dev/null; cksum n 2>/dev/null; md5sum n >sums; md5sum -c sums; result
base64 n | head -n 1; base64 n | base64 -d | cmp - n; result; uuencode n remote | head -n 2; uuencode n out | uudecode; cmp n out; result; mkpasswd -m sha512 -S saltsalt secret; mkpasswd -m md5 -S saltsalt x; result

section archives
tar cf t.tar a n; tar tf t.tar | sort; mkdir x; tar xf t.tar -C x; diff -r a x/a; result; tar czf t.tgz a; tar tzf t.tgz | sort; tar cjf t.tbz a 2>/dev/null; result
gzip -k n; gunzip -c n.gz | cmp - n; result; zcat n.gz | wc -l; bzip2 -k n; bunzip2 -c n.bz2 | cmp - n; bzcat n.bz2 | head -n 1; result; lzop -c n >n.lzo 2>/dev/null; result
find a | sort | cpio -o -H newc 2>/dev/null | cpio -t 2>/dev/null; (cd x && rm -rf a && cd .. && find a | cpio -o -H newc 2>/dev/null) | (cd x && cpio -id 2>/dev/null); diff -r a x/a; result
ar t nosuch.a; result; unzip -l nosuch.zip; result; xzcat nosuch.xz; result; printf '\375' | unxz; result

section shell
x=5; while [ $x -gt 0 ]; do echo $x; x=$((x - 1)); done; for i in a b c; do echo "$i"; done; case foo in f*) echo f;; *) echo other;; esac; result
f() { echo "args $# $1"; return 3; }; f one two; result; (exit 7); result; echo $((7 / 2)) $((7 % 3)) $((1 << 10)) $((0x1f)) $((5 > 3 && 2 < 1)); result
v=/usr/local/lib/x.tar.gz; echo "${v##*/} ${v%.gz} ${v%%.*} ${#v} ${v#/usr} ${nope:-default} ${v:+set}"; set -- a b c; echo $# "$*" "$@"; shift; echo $1; result
cat <<X | tr a-z A-Z
here $((1 + 1)) ${v%%/*}doc
X
echo one >r1; echo two >>r1; cat <r1; { echo grouped; echo error >&2; } >r2 2>&1; cat r2; exec 3>r3; echo three >&3; exec 3>&-; cat r3; result
echo a | cat | cat | cat | wc -c; false | true; result; ! true; result; true && echo and || echo or; false && echo and || echo or; result
trap 'echo trapped' USR1; kill -USR1 $$; trap 'echo bye' EXIT; (trap 'echo sub' EXIT); trap - EXIT; sleep 0.01 & wait; result; sh -c 'exit 42'; result; sh -c 'kill -9 $$'; result
sh -c 'echo $0 $1' zero one; eval 'echo ev$((1+1))'; command -v true >/dev/null; result; nosuchcommand; result; set -e; set +e; unset x; echo "${x-unset}"; read line <<X
read me
X
echo "$line"; IFS=: read p q <<X
left:right
X
echo "$q$p"; type cd; getopts ab: o -b val; echo $o $OPTARG; umask; umask 077; touch um; stat -c %a um; umask 022; result
i=0; while read l; do i=$((i + l)); done <n; echo $i; seq 3 | while read l; do echo "<$l>"; done; echo "$(echo nested $(echo deep))"; echo 'a  b' | { read a b; echo "$b"; }; result
ulimit -n 64; ulimit -n; cd a; pwd | sed 's,.*/,,'; cd -  >/dev/null; cd nosuch; result; exec true 2>/dev/null & wait $!; result; (sleep 5 & kill $!; wait $!); result
printf '#!/bin/sh\necho script "$@"\n' >script; chmod +x script; ./script a 'b c'; result; printf 'echo noshebang\n' >script2; chmod +x script2; ./script2; result; chmod -x script; ./script; result; : | ./a; result

section system
true; result; false; result; sleep 0.01; result; usleep 1000; result; env -i A=b env; env A=c sh -c 'echo $A'; printenv A 2>/dev/null; result; which true >/dev/null; result; nproc >/dev/null; result
timeout 5 echo in time; result; timeout -s KILL 0.1 sleep 5; result; nice echo nice 2>/dev/null; time true 2>&1 | wc -l; result; id -u >/dev/null; result; tty </dev/null; result; arch >/dev/null; result
uname -s; uname >/dev/null; hostname >/dev/null; result; whoami >/dev/null; result; date -u -d @86400 '+%Y-%m-%d %H:%M:%S %a %j'; date -d '2020-02-29 12:00' +%s; date -d 'nonsense'; result
setsid echo session; result; nohup true 2>/dev/null; nologin 2>/dev/null; result; ps >/dev/null; result; pidof nosuchprogram; result; kill -l | head -n 3; kill -0 $$; result; kill 99999999; result; killall nosuchprogram; result
dd if=n of=dd.out bs=7 count=2 2>/dev/null; cat dd.out; echo; dd if=/dev/zero bs=1k count=3 2>/dev/null | wc -c; dd if=n bs=1 skip=3 count=4 2>/dev/null | od -c; result; cat /dev/null; result; head -c 4 /dev/zero | od -c; echo x >/dev/full; result
head -c 8 /dev/urandom | wc -c; free >/dev/null; result; uptime >/dev/null; result; sync; result; fsync n; result; mountpoint / 2>/dev/null; df / >/dev/null 2>&1; [ $? -ne 127 ]; result; logname </dev/null >/dev/null; clear >/dev/null; getopt -o ab: -- -a -b x y; result
run-parts --list . >/dev/null; result; start-stop-daemon -K -q -n nosuchdaemon; result; flock 2>/dev/null; taskset -p $$ >/dev/null; result; renice 5 $$ >/dev/null; result; chrt 2>/dev/null; stty -a </dev/null; result; script 2>/dev/null; ttysize 2>/dev/null; watch 2>/dev/null; result
crontab -l >/dev/null 2>&1; [ $? -ne 127 ]; result; env -i PATH=x env | grep -c PATH; test 1 -eq 1; result; [[ abc == a* ]]; result; tree 2>/dev/null; ipcalc -n 10.1.2.3/8; ipcalc -b 192.168.1.1/24; result; rpm2cpio nosuch; result; getfattr nosuch; result
mke2fs -F fs.img 1024 >/dev/null; result; mkswap -L x fs.img >/dev/null; result; mkdosfs fs.img >/dev/null; result; fdisk -l nosuch; result; fatattr n; result; wall 2>/dev/null </dev/null; chown $(id -u):$(id -g) n; result; chgrp $(id -g) n; result; groups >/dev/null; result
echo end
