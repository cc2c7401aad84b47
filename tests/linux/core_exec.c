/*
 * core_exec.c - execve, fork, vfork, clone, posix_spawn, wait: how programs begin and end on Linux/i386.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "core.h"

extern char **environ;
static char self[200];

static int
status_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

/* Run the program with ARGV in a child; its wait status. */
static int
run(const char *path, char *const argv[], char *const envp[])
{
	pid_t pid = fork();

	if (pid == 0) {
		execve(path, argv, envp);
		_exit(errno);
	}
	return status_of(pid);
}

static void
write_file(const char *name, const char *text, int mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	write(fd, text, strlen(text));
	fchmod(fd, (mode_t)mode);
	close(fd);
}

/* ---- What the executed program looks at: exit status 0 when all is well ---- */

static int
look(int argc, char **argv)
{
	struct sigaction sa;
	sigset_t set;

	if (strcmp(argv[1], "args") == 0) {
		if (argc != 4 || strcmp(argv[2], "") != 0 || strcmp(argv[3], "two words") != 0 || argv[4] != NULL)
			return 1;
		return environ[0] == NULL || strcmp(environ[0], "A=1") != 0 || environ[1] != NULL ? 2 : 0;
	}
	if (strcmp(argv[1], "auxv") == 0) {
		const unsigned char *r = (const unsigned char *)getauxval(AT_RANDOM);

		if (getauxval(AT_PAGESZ) != 4096 || getauxval(AT_PHDR) == 0 || getauxval(AT_PHENT) != 32 || getauxval(AT_CLKTCK) != 100)
			return 1;
		if (getauxval(AT_UID) != getuid() || getauxval(AT_EGID) != getegid() || getauxval(AT_SECURE) != 0)
			return 2;
		if (r == NULL || (r[0] == r[1] && r[1] == r[2] && r[2] == r[3]))
			return 3;
		if (strcmp((const char *)getauxval(AT_PLATFORM), "i686") != 0 && strcmp((const char *)getauxval(AT_PLATFORM), "x86_64") != 0)
			return 4;
		if (strcmp((const char *)getauxval(AT_EXECFN), self) != 0)
			return 5;
		return getauxval(AT_SYSINFO_EHDR) == 0 || ((uintptr_t)__builtin_frame_address(0) & 3) != 0 ? 6 : 0;
	}
	if (strcmp(argv[1], "signals") == 0) {
		sigaction(SIGUSR1, NULL, &sa);
		if (sa.sa_handler != SIG_DFL)
			return 1;
		sigaction(SIGUSR2, NULL, &sa);
		if (sa.sa_handler != SIG_IGN)
			return 2;
		sigprocmask(SIG_BLOCK, NULL, &set);
		return !sigismember(&set, SIGHUP) || sigismember(&set, SIGINT) ? 3 : 0;
	}
	if (strcmp(argv[1], "fds") == 0)
		return fcntl(7, F_GETFD) != 0 || fcntl(8, F_GETFD) != -1;
	if (strcmp(argv[1], "count") == 0)
		return argc & 0xff;
	if (strcmp(argv[1], "pid") == 0)
		return getpid() != atoi(argv[2]);
	return 99;
}

static void
test_exec(void)
{
	char *args[] = { "x", "args", "", "two words", NULL }, *env[] = { "A=1", NULL };
	char *aux[] = { "x", "auxv", NULL }, *sig[] = { "x", "signals", NULL }, *fds[] = { "x", "fds", NULL }, pid_text[16];
	char *pid_args[] = { "x", "pid", pid_text, NULL };
	struct sigaction sa = { .sa_handler = SIG_IGN };
	sigset_t set;
	pid_t pid;

	is(run(self, args, env), 0, "arguments and environment arrive");
	is(run(self, aux, env), 0, "the auxiliary vector");
	pid = fork();
	if (pid == 0) {
		sigaction(SIGUSR2, &sa, NULL);
		sa.sa_handler = (void (*)(int))(uintptr_t)look;
		sigaction(SIGUSR1, &sa, NULL);
		sigemptyset(&set);
		sigaddset(&set, SIGHUP);
		sigprocmask(SIG_SETMASK, &set, NULL);
		execve(self, sig, env);
		_exit(98);
	}
	is(status_of(pid), 0, "signal dispositions and mask");
	pid = fork();
	if (pid == 0) {
		dup2(1, 7);
		dup3(1, 8, O_CLOEXEC);
		execve(self, fds, env);
		_exit(98);
	}
	is(status_of(pid), 0, "close on exec");
	pid = fork();
	if (pid == 0) {
		snprintf(pid_text, sizeof(pid_text), "%d", getpid());
		execve(self, pid_args, env);
		_exit(98);
	}
	is(status_of(pid), 0, "the pid stays");
}

static void
test_errors(void)
{
	char *args[] = { "x", NULL }, *env[] = { NULL };
	static char big[140000];
	char *large[] = { "x", "count", big, NULL };

	is(run("none", args, env), ENOENT << 8, "a missing file: ENOENT");
	is(run("/", args, env), EACCES << 8, "a directory: EACCES");
	write_file("text", "hello\n", 0700);
	is(run("text", args, env), ENOEXEC << 8, "not a program: ENOEXEC");
	write_file("plain", "#!/bin/sh\n", 0600);
	is(run("plain", args, env), EACCES << 8, "not executable: EACCES");
	write_file("empty", "", 0700);
	is(run("empty", args, env), ENOEXEC << 8, "an empty file: ENOEXEC");
	write_file("short", "\177ELF\1\1\1", 0700);
	is(run("short", args, env), ENOEXEC << 8, "a short ELF file: ENOEXEC");
	write_file("lost", "#!/nowhere/at/all\n", 0700);
	is(run("lost", args, env), ENOENT << 8, "a missing interpreter: ENOENT");
	write_file("nothing", "#!\n", 0700);
	is(run("nothing", args, env), ENOEXEC << 8, "no interpreter: ENOEXEC");
	write_file("loop", "#!./loop\n", 0700);
	is(run("./loop", args, env), ELOOP << 8, "its own interpreter: ELOOP");
	memset(big, 'a', sizeof(big) - 1);
	is(run(self, large, env), E2BIG << 8, "a string of 140000 bytes: E2BIG");
	big[131000] = '\0';
	is(run(self, large, env), 3 << 8, "one of 131000 is fine");
	is(run("plain/x", args, env), ENOTDIR << 8, "a file as a directory: ENOTDIR");
}

static void
test_many(void)
{
	enum { MANY = 3000 };
	static char *args[MANY + 1];
	char *env[] = { NULL };
	int i;

	for (i = 0; i < MANY; i++)
		args[i] = i == 1 ? "count" : "an argument";
	is(run(self, args, env), (MANY & 0xff) << 8, "3000 arguments");
}

static void
test_script(void)
{
	char *args[] = { "zero", "a", "b", NULL }, *env[] = { NULL };
	char line[400];

	snprintf(line, sizeof(line), "#! %s count\n", self);
	write_file("script", line, 0700);
	is(run("./script", args, env), 5 << 8, "a script with an argument for its interpreter");
	snprintf(line, sizeof(line), "#!%s \t count  \t \n", self);
	write_file("script", line, 0700);
	is(run("./script", args, env), 5 << 8, "blanks are cut");
	write_file("outer", "#!./script more\n", 0700);
	is(run("./outer", args, env), 7 << 8, "a script whose interpreter is a script");
}

static volatile int vforked;

static int
child_of_vfork(const char *path)
{
	char *args[] = { "x", "count", "c", NULL }, *env[] = { NULL };
	pid_t pid = vfork();

	if (pid == 0) {
		vforked = 1;
		execve(path, args, env);
		vforked = errno;
		_exit(11);
	}
	return pid;
}

static void
test_vfork(void)
{
	pid_t pid;

	vforked = 0;
	pid = child_of_vfork(self);
	ok(pid > 0, "vfork");
	is(vforked, 1, "a vfork child's memory is its parent's");
	is(status_of(pid), 3 << 8, "it executes");
	pid = child_of_vfork("./none");
	is(vforked, ENOENT, "a failing execve in it is seen");
	is(status_of(pid), 11 << 8, "it exits");
}

static void
test_spawn(void)
{
	char *args[] = { "x", "count", NULL }, *env[] = { NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t set;
	pid_t pid;

	is(posix_spawn(&pid, self, NULL, NULL, args, env), 0, "posix_spawn");
	is(status_of(pid), 2 << 8, "the spawned program");
	is(posix_spawn(&pid, "./none", NULL, NULL, args, env), ENOENT, "posix_spawn tells why it failed");
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 7, "spawned", O_WRONLY | O_CREAT, 0600);
	posix_spawn_file_actions_adddup2(&fa, 7, 9);
	posix_spawnattr_init(&at);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	posix_spawnattr_setsigmask(&at, &set);
	posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	is(posix_spawn(&pid, self, &fa, &at, args, env), 0, "with actions and attributes");
	is(getpgid(pid), pid, "its group");
	is(status_of(pid), 2 << 8, "it runs");
	is(access("spawned", F_OK), 0, "the file is there");
	is(fcntl(7, F_GETFD), -1, "the parent's descriptors are its own");
	ok(!sigismember(&set, SIGINT), "and its mask");
	is(system("exit 7"), 7 << 8, "system");
}

static void
test_fork(void)
{
	int status, p[2], n = 0, i;
	struct rusage ru;
	pid_t pid, pids[20];
	char c;

	pid = fork();
	if (pid == 0)
		_exit(getppid() == 1 ? 1 : 0);
	is(wait4(pid, &status, 0, &ru), pid, "wait4");
	is(status, 0, "getppid");
	is(waitpid(-1, &status, WNOHANG), -1, "no more children");
	is(errno, ECHILD, "... ECHILD");
	pipe(p);
	for (i = 0; i < 20; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			read(p[0], &c, 1);
			_exit(i);
		}
	}
	is(waitpid(-1, &status, WNOHANG), 0, "WNOHANG while they live");
	write(p[1], "01234567890123456789", 20);
	for (i = 0; i < 20; i++)
		if (waitpid(pids[i], &status, 0) == pids[i] && status == i << 8)
			n++;
	is(n, 20, "20 children at once");
	pid = fork();
	if (pid == 0) {
		if (fork() == 0) {
			usleep(30000);
			c = getppid() != 1 ? '1' : '0';
			write(p[1], &c, 1);
			_exit(0);
		}
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	read(p[0], &c, 1);
	ok(c == '0' || c == '1', "an orphan lives on");
	for (i = n = 0; i < 100; i++) {
		pid = fork();
		if (pid == 0)
			_exit(i);
		if (status_of(pid) == i << 8)
			n++;
	}
	is(n, 100, "100 forks in turn");
	close(p[0]);
	close(p[1]);
}

static void
test_clone(void)
{
	volatile int tid = 0;
	int ptid = 0;
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_CHILD_SETTID | CLONE_PARENT_SETTID | SIGCHLD, 0, &ptid, 0, &tid);

	if (pid == 0)
		_exit(tid == getpid() ? 5 : 6);
	is(ptid, pid, "CLONE_PARENT_SETTID");
	is(status_of(pid), 5 << 8, "CLONE_CHILD_SETTID");
	is(syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0), -1, "CLONE_THREAD alone");
	is(errno, EINVAL, "... EINVAL");
	pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (pid == 0)
		_exit(3);
	is(waitpid(pid, NULL, 0), -1, "a child without a signal is not waited for");
	is(errno, ECHILD, "... ECHILD");
	is(waitpid(pid, NULL, __WCLONE), pid, "but with __WCLONE");
}

int
main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	if (argc > 1)
		return look(argc, argv);
	tap_begin();
	test_exec();
	test_errors();
	test_many();
	test_script();
	test_vfork();
	test_spawn();
	test_fork();
	test_clone();
	return tap_end();
}
