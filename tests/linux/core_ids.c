/*
 * core_ids.c - user and group ids in all forms of the calls that set them, supplementary groups, capabilities, priorities, schedulers.
 *
 * Each case runs in a child, which begins as root. Nothing here changes the machine: names and times are set by who may not.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core.h"

/* Run FN in a child; true: it answered true. */
static void
in_child(bool (*fn)(void), const char *name)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn() ? 0 : 1);
	waitpid(pid, &status, 0);
	ok(status == 0, "%s", name);
	if (status != 0)
		printf("# status 0x%x\n", (unsigned int)status);
}

static bool
uids_are(uid_t r, uid_t e, uid_t s)
{
	uid_t a, b, c;

	return getresuid(&a, &b, &c) == 0 && a == r && b == e && c == s;
}

static bool
gids_are(gid_t r, gid_t e, gid_t s)
{
	gid_t a, b, c;

	return getresgid(&a, &b, &c) == 0 && a == r && b == e && c == s;
}

/* What of several conditions does not hold is shown. */
#define T(x) ((x) || (printf("# not so: %s (errno %d)\n", #x, errno), fflush(stdout), false))

static bool
refused(long result, int error)
{
	return result == -1 && errno == error;
}

static bool
uid32(void)
{
	return T(syscall(SYS_setresuid32, 1, 2, 3) == 0) && T(uids_are(1, 2, 3)) &&
		T(syscall(SYS_setresuid32, 3, -1, -1) == 0) && T(uids_are(3, 2, 3)) &&
		T(refused(syscall(SYS_setresuid32, 9, -1, -1), EPERM)) && T(syscall(SYS_setreuid32, -1, 3) == 0) &&
		T(uids_are(3, 3, 3)) && T(refused(syscall(SYS_setuid32, 0), EPERM)) && T(syscall(SYS_setuid32, 3) == 0);
}

static bool
uid16(void)
{
	unsigned short r = 9, e = 9, s = 9;

	return T(syscall(SYS_setresuid, 1, 2, 3) == 0) && T(uids_are(1, 2, 3)) && T(syscall(SYS_getresuid, &r, &e, &s) == 0) &&
		T(r == 1) && T(e == 2) && T(s == 3) && T(syscall(SYS_getuid) == 1) && T(syscall(SYS_geteuid) == 2) &&
		T(syscall(SYS_setreuid, 0xffff, 1) == 0) && T(uids_are(1, 1, 3)) && T(refused(syscall(SYS_setuid, 7), EPERM));
}

static bool
gid32(void)
{
	return T(syscall(SYS_setresgid32, 1, 2, 3) == 0) && T(gids_are(1, 2, 3)) && T(syscall(SYS_setregid32, 4, 5) == 0) &&
		T(gids_are(4, 5, 5)) && T(syscall(SYS_setgid32, 6) == 0) && T(gids_are(6, 6, 6)) &&
		T(syscall(SYS_getgid32) == 6) && T(syscall(SYS_getegid32) == 6) && T(setuid(1000) == 0) &&
		T(refused(syscall(SYS_setgid32, 7), EPERM)) && T(syscall(SYS_setgid32, 6) == 0) &&
		T(refused(syscall(SYS_setregid32, 1, -1), EPERM)) && T(refused(syscall(SYS_setresgid32, 0, -1, -1), EPERM));
}

static bool
gid16(void)
{
	unsigned short r = 9, e = 9, s = 9;

	return T(syscall(SYS_setresgid, 1, 2, 3) == 0) && T(syscall(SYS_getresgid, &r, &e, &s) == 0) && T(r == 1) && T(e == 2) &&
		T(s == 3) && T(syscall(SYS_setregid, 0xffff, 8) == 0) && T(gids_are(1, 8, 8)) &&
		T(syscall(SYS_setgid, 9) == 0) && T(gids_are(9, 9, 9)) && T(syscall(SYS_getgid) == 9) &&
		T(syscall(SYS_getegid) == 9);
}

/* An id of more than 16 bits is 65534 to the old calls. */
static bool
wide(void)
{
	return T(syscall(SYS_setresgid32, 70000, 70000, 70000) == 0) && T(syscall(SYS_getgid) == 65534) &&
		T(syscall(SYS_getgid32) == 70000) && T(syscall(SYS_setresuid32, 70000, 70000, 70000) == 0) &&
		T(syscall(SYS_getuid) == 65534) && T(syscall(SYS_geteuid32) == 70000);
}

static bool
fsids(void)
{
	return T(syscall(SYS_setfsuid32, 500) == 0) && T(syscall(SYS_setfsuid32, -1) == 500) &&
		T(syscall(SYS_setfsgid32, 600) == 0) && T(syscall(SYS_setfsgid32, -1) == 600) &&
		T(syscall(SYS_setfsuid, 501) == 500) && T(syscall(SYS_setfsgid, 601) == 600) && T(uids_are(0, 0, 0)) &&
		T(refused(open("/root/core_ids", O_CREAT | O_WRONLY, 0600), EACCES)) && T(setuid(1000) == 0) &&
		T(syscall(SYS_setfsuid32, 7) == 1000) && T(syscall(SYS_setfsuid32, -1) == 1000);
}

static bool
groups(void)
{
	static const gid_t list[] = { 7, 70000, 9 };
	unsigned short narrow[4] = { 0 };
	gid_t got[4] = { 0 };

	return T(syscall(SYS_setgroups32, 3, list) == 0) && T(syscall(SYS_getgroups32, 0, NULL) == 3) &&
		T(syscall(SYS_getgroups32, 4, got) == 3) && T(got[0] == 7) && T(got[1] == 9) && T(got[2] == 70000) &&
		T(refused(syscall(SYS_getgroups32, 2, got), EINVAL)) && T(syscall(SYS_getgroups, 4, narrow) == 3) &&
		T(narrow[2] == 65534) && T(refused(syscall(SYS_setgroups32, 70000, list), EINVAL)) &&
		T(syscall(SYS_setgroups, 1, (unsigned short[]){ 5 }) == 0) && T(syscall(SYS_getgroups32, 4, got) == 1) &&
		T(got[0] == 5) && T(syscall(SYS_setgroups32, 0, NULL) == 0) && T(syscall(SYS_getgroups32, 0, NULL) == 0) &&
		T(setuid(1000) == 0) && T(refused(syscall(SYS_setgroups32, 3, list), EPERM)) &&
		T(refused(syscall(SYS_setgroups, 0, NULL), EPERM));
}

struct cap_header { uint32_t version; int pid; };
struct cap_data { uint32_t effective, permitted, inheritable; };

static bool
capabilities(void)
{
	struct cap_header h = { 0x20080522, 0 };
	struct cap_data d[2];

	memset(d, 0, sizeof d);
	if (setuid(1000) < 0 || syscall(SYS_capget, &h, d) < 0 || d[0].effective != 0 || d[0].permitted != 0)
		return false;
	d[0].effective = d[0].permitted = 1;
	if (!refused(syscall(SYS_capset, &h, d), EPERM))
		return false;
	d[0].effective = d[0].permitted = 0;
	if (syscall(SYS_capset, &h, d) != 0)
		return false;
	h.version = 1;
	return T(refused(syscall(SYS_capget, &h, d), EINVAL)) && T(h.version == 0x20080522);
}

static bool
priorities(void)
{
	return T(setpriority(PRIO_PROCESS, 0, 5) == 0) && T(getpriority(PRIO_PROCESS, 0) == 5) && T(syscall(SYS_nice, 3) == 0) &&
		T(getpriority(PRIO_PROCESS, 0) == 8) && T(syscall(SYS_nice, 100) == 0) &&
		T(getpriority(PRIO_PROCESS, 0) == 19) && T(refused(setpriority(77, 0, 0), EINVAL)) && T(setuid(1000) == 0) &&
		T(refused(setpriority(PRIO_PROCESS, 0, 0), EACCES)) && T(refused(syscall(SYS_nice, -1), EPERM)) &&
		T(refused(setpriority(PRIO_PROCESS, 1, 19), EPERM)) && T(getpriority(PRIO_USER, 1000) == 19);
}

static bool
schedulers(void)
{
	struct sched_param p = { .sched_priority = 3 };
	struct { long sec, nsec; } interval = { -1, -1 };
	struct { long long sec, nsec; } wide_interval = { -1, -1 };
	unsigned long mask[32] = { 0 };

	return T(setuid(1000) == 0) && T(syscall(SYS_sched_getscheduler, 0) == 0) &&
		T(syscall(SYS_sched_getparam, 0, &p) == 0) && T(p.sched_priority == 0) &&
		T(syscall(SYS_sched_setparam, 0, &p) == 0) && T(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &p) == 0) &&
		T(refused(syscall(SYS_sched_setscheduler, 0, 99, &p), EINVAL)) &&
		T(refused(syscall(SYS_sched_getparam, 0, NULL), EINVAL)) &&
		T(syscall(SYS_sched_get_priority_max, SCHED_FIFO) == 99) &&
		T(syscall(SYS_sched_get_priority_min, SCHED_FIFO) == 1) &&
		T(syscall(SYS_sched_get_priority_max, SCHED_OTHER) == 0) &&
		T(refused(syscall(SYS_sched_get_priority_min, 99), EINVAL)) &&
		T(syscall(SYS_sched_rr_get_interval, 0, &interval) == 0) && T(interval.sec == 0) && T(interval.nsec >= 0) &&
		T(syscall(423, 0, &wide_interval) == 0) && T(wide_interval.sec == 0) && T(wide_interval.nsec == interval.nsec) &&
		T(syscall(SYS_sched_getaffinity, 0, sizeof mask, mask) > 0) &&
		T(syscall(SYS_sched_setaffinity, 0, sizeof mask, mask) == 0) &&
		T((memset(mask, 0, sizeof mask), refused(syscall(SYS_sched_setaffinity, 0, sizeof mask, mask), EINVAL)));
}

static bool
forbidden(void)
{
	struct timeval tv = { 1000000000, 0 };
	struct { long sec, nsec; } ts = { 1000000000, 0 };
	struct { long long sec, nsec; } ts64 = { 1000000000, 0 };
	long t = 1000000000;
	struct utsname u;

	return T(setuid(1000) == 0) && T(uname(&u) == 0) &&
		T(refused(syscall(SYS_sethostname, u.nodename, strlen(u.nodename)), EPERM)) &&
		T(refused(syscall(SYS_setdomainname, u.domainname, strlen(u.domainname)), EPERM)) &&
		T(refused(syscall(SYS_settimeofday_time32, &tv, NULL), EPERM)) &&
		T(refused(syscall(SYS_clock_settime32, 0, &ts), EPERM)) && T(refused(syscall(404, 0, &ts64), EPERM)) &&
		T(refused(syscall(25, &t), EPERM)) && T(refused(syscall(404, 77, &ts64), EINVAL)) &&
		T(refused(chroot("/"), EPERM)) && T(refused(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL), EPERM)) &&
		T(refused(syscall(SYS_umount2, "/tmp", 0), EPERM)) && T(refused(syscall(SYS_umount, "/tmp"), EPERM));
}

static bool
another_root(void)
{
	char cwd[100];

	return T(mkdir("root", 0755) == 0) && T(mkdir("root/inside", 0755) == 0) && T(chroot("root") == 0) &&
		T(chdir("/") == 0) && T(access("/inside", F_OK) == 0) && T(access("/../../inside", F_OK) == 0) &&
		T(refused(access("/etc", F_OK), ENOENT)) && T(getcwd(cwd, sizeof cwd) != NULL) && T(strcmp(cwd, "/") == 0) &&
		T(refused(chroot("/none"), ENOENT));
}

static bool
personalities(void)
{
	return T(syscall(SYS_personality, 0xffffffff) == 0) && T(syscall(SYS_personality, 0x0040000) == 0) &&
		T(syscall(SYS_personality, 0xffffffff) == 0x0040000) && T(syscall(SYS_personality, 0) == 0x0040000);
}

/* The names of the system in the two old forms. */
static bool
old_names(void)
{
	struct { char field[5][9]; } oldold;
	struct { char field[5][65]; } old;
	struct utsname u;

	return T(uname(&u) == 0) && T(syscall(109, &old) == 0) && T(strcmp(old.field[0], u.sysname) == 0) &&
		T(strcmp(old.field[2], u.release) == 0) && T(syscall(59, &oldold) == 0) &&
		T(strcmp(oldold.field[0], "Linux") == 0) && T(strncmp(oldold.field[2], u.release, 8) == 0) &&
		T(oldold.field[2][8] == '\0');
}

static bool
memory_locks(void)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return T(syscall(SYS_mlock2, p, 4096, 0) == 0) && T(refused(syscall(SYS_mlock2, p, 4096, 8), EINVAL)) &&
		T(munlock(p, 4096) == 0) && T(refused(mlockall(0), EINVAL)) && T(refused(mlockall(64), EINVAL)) &&
		T(munlockall() == 0);
}

int
main(void)
{
	tap_begin();
	in_child(uid32, "setresuid32, setreuid32, setuid32");
	in_child(uid16, "setresuid, setreuid, setuid with 16 bits");
	in_child(gid32, "setresgid32, setregid32, setgid32");
	in_child(gid16, "setresgid, setregid, setgid with 16 bits");
	in_child(wide, "ids of more than 16 bits in the old calls");
	in_child(fsids, "setfsuid, setfsgid");
	in_child(groups, "setgroups, getgroups");
	in_child(capabilities, "capget, capset");
	in_child(priorities, "setpriority, nice");
	in_child(schedulers, "sched_*");
	in_child(forbidden, "what only root may do");
	in_child(another_root, "chroot");
	in_child(personalities, "personality");
	in_child(old_names, "the two old forms of uname");
	in_child(memory_locks, "mlock2, mlockall, munlockall");
	return tap_end();
}
