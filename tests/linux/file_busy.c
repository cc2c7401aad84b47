/*
 * file_busy.c - ETXTBSY: a program that runs is not written to, and what is written to is not run.
 *
 * The program copies itself and runs the copies. Who has ended must not keep anything busy: after wait() a file can be written,
 * or run, at once, whatever way its user ended; a compiler followed by its program, followed by the compiler, depends on that.
 * With an argument it works in that directory.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "tap.h"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH	0x1000
#endif

#define ROUNDS	30

extern char **environ;
static char here[100];		/* absolute: the directory */

/* ---- What the copies do ---- */

/* Tell who waits on descriptor 4 that this runs, and wait for the end of what 3 gives. */
static int
role_stay(void)
{
	char c;

	if (write(4, "x", 1) != 1)
		return 1;
	while (read(3, &c, 1) > 0)
		;
	return 0;
}

static int
role_run(char **argv)
{
	if (strcmp(argv[1], "stay") == 0)
		return role_stay();
	if (strcmp(argv[1], "leave") == 0)
		return 7;
	if (strcmp(argv[1], "fork") == 0) {		/* the child stays, the parent becomes another program */
		if (fork() == 0)
			_exit(role_stay());
		execl(argv[2], argv[2], "leave", NULL);
	}
	if (strcmp(argv[1], "become") == 0)
		execl(argv[2], argv[2], "stay", NULL);
	if (strcmp(argv[1], "write") == 0) {		/* ends with ARGV[2] open for writing */
		int fd = open(argv[2], O_WRONLY);

		return fd >= 0 && write(fd, "\177ELF", 4) == 4 ? 7 : 1;
	}
	return 2;
}

/* ---- Starting them ---- */

static int stop_pipe[2], ready_pipe[2];

static void
child_descriptors(void)
{
	int stop = fcntl(stop_pipe[0], F_DUPFD, 10), ready = fcntl(ready_pipe[1], F_DUPFD, 10);

	close(stop_pipe[1]);
	close(ready_pipe[0]);
	dup2(stop, 3);
	dup2(ready, 4);
	for (int fd = 5; fd < 20; fd++)
		close(fd);
}

/* Run FILE in ROLE with ARG; wait until something in it stays. -1: it did not. */
static pid_t
start(const char *file, const char *role, const char *arg)
{
	pid_t pid;
	char c;

	if (pipe(stop_pipe) < 0 || pipe(ready_pipe) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		child_descriptors();
		execl(file, file, role, arg, NULL);
		_exit(127);
	}
	close(stop_pipe[0]);
	close(ready_pipe[1]);
	if (read(ready_pipe[0], &c, 1) != 1)
		pid = -1;
	close(ready_pipe[0]);
	return pid;
}

static int
end(pid_t pid)
{
	int status = -1;

	close(stop_pipe[1]);
	waitpid(pid, &status, 0);
	return status;
}

/* Run FILE in ROLE to its end: its exit status, or 1000 + the error of execve. */
static int
run(const char *file, const char *role, const char *arg)
{
	char *const argv[] = { (char *)file, (char *)role, (char *)arg, NULL };
	int status = -1, err = 0, report[2];
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		execve(file, argv, environ);
		err = errno;
		_exit(write(report[1], &err, sizeof err) == sizeof err ? 127 : 126);
	}
	close(report[1]);
	if (read(report[0], &err, sizeof err) < 0)
		err = 999;
	close(report[0]);
	waitpid(pid, &status, 0);
	return err != 0 ? 1000 + err : WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define BUSY	(1000 + ETXTBSY)

static int
copy(const char *from, const char *to)
{
	static char buf[65536];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ssize_t n = -1;

	while (in >= 0 && out >= 0 && (n = read(in, buf, sizeof buf)) > 0)
		if (write(out, buf, n) != n)
			break;
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return n == 0 ? 0 : -1;
}

/* Can NAME be opened for writing? 0, or the error. */
static int
writable(const char *name)
{
	int fd = open(name, O_WRONLY);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* ---- A program that runs ---- */

static void
test_running(void)
{
	pid_t pid = start("./prog", "stay", NULL);
	struct stat st;

	ok(pid > 0, "a program runs");
	fails(open("prog", O_WRONLY), ETXTBSY);
	fails(open("prog", O_RDWR), ETXTBSY);
	fails(open("prog", O_WRONLY | O_APPEND), ETXTBSY);
	fails(open("prog", O_WRONLY | O_CREAT, 0755), ETXTBSY);
	fails(open("prog", O_WRONLY | O_TRUNC), ETXTBSY);
	fails(open("prog", O_RDONLY | O_TRUNC), ETXTBSY);
	fails(creat("prog", 0755), ETXTBSY);
	fails(truncate("prog", 0), ETXTBSY);
	fails(open("prog", O_WRONLY | O_CREAT | O_EXCL, 0755), EEXIST);
	ok(stat("prog", &st) == 0 && st.st_size > 1000, "it has its contents");
	returns(close(open("prog", O_RDONLY)), 0);
	returns(chmod("prog", 0711), 0);
	returns(chmod("prog", 0755), 0);
	returns(link("prog", "link"), 0);
	fails(open("link", O_WRONLY), ETXTBSY);
	returns(end(pid), 0);
	returns(writable("prog"), 0);
	returns(unlink("link"), 0);
}

static void
test_names(void)
{
	pid_t pid = start("./prog", "stay", NULL);

	returns(copy("prog", "new"), 0);
	returns(rename("new", "prog"), 0);
	returns(writable("prog"), 0);
	returns(end(pid), 0);
	pid = start("./prog", "stay", NULL);
	returns(unlink("prog"), 0);
	returns(copy("base", "prog"), 0);
	returns(writable("prog"), 0);
	returns(end(pid), 0);
}

/* Each way of ending, and at once after it. */
static void
test_ended(void)
{
	int good = 0, status;
	pid_t pid;

	for (int i = 0; i < ROUNDS; i++)
		good += run("./prog", "leave", NULL) == 7 && writable("prog") == 0;
	ok(good == ROUNDS, "a program that ended can be written to (%d of %d)", good, ROUNDS);
	good = 0;
	for (int i = 0; i < ROUNDS; i++) {
		pid = start("./prog", "stay", NULL);
		kill(pid, SIGKILL);
		status = end(pid);
		good += WIFSIGNALED(status) && writable("prog") == 0;
	}
	ok(good == ROUNDS, "one that was killed, too (%d of %d)", good, ROUNDS);
	good = 0;
	for (int i = 0; i < 5; i++)
		good += copy("base", "prog") == 0 && run("./prog", "leave", NULL) == 7;
	ok(good == 5, "write, run, write, run (%d of 5)", good);
	good = 0;
	for (int i = 0; i < ROUNDS; i++)
		good += run("./base", "write", "prog") == 7 && run("./prog", "leave", NULL) == 7;
	ok(good == ROUNDS, "what a process had open for writing when it ended can be run (%d of %d)", good, ROUNDS);
}

/* ---- Who else keeps it ---- */

static void
test_inherited(void)
{
	char *const argv[] = { "./prog", "leave", NULL };
	pid_t pid = start("./prog", "fork", "./base");
	int status;

	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "a program forked and became another");
	returns(writable("prog"), ETXTBSY);
	close(stop_pipe[1]);
	for (int i = 0; i < 100 && writable("prog") != 0; i++)
		usleep(10000);		/* it is not ours to wait for */
	returns(writable("prog"), 0);
	pid = start("./prog", "become", "./other");
	ok(pid > 0, "a program became another");
	returns(writable("prog"), 0);
	returns(writable("other"), ETXTBSY);
	returns(end(pid), 0);
	returns(writable("other"), 0);
	returns(posix_spawn(&pid, "./prog", NULL, NULL, argv, environ), 0);
	waitpid(pid, &status, 0);
	returns(WEXITSTATUS(status), 7);
	returns(writable("prog"), 0);
}

/* What is mapped, and a script, can be written to; the interpreter runs. */
static void
test_others(void)
{
	char line[200];
	void *at;
	pid_t pid;
	int fd = open("prog", O_RDONLY);

	at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	close(fd);
	ok(at != MAP_FAILED, "a file is mapped for execution");
	returns(writable("prog"), 0);
	munmap(at, 4096);
	fd = open("script", O_CREAT | O_WRONLY, 0755);
	snprintf(line, sizeof line, "#!%s/other stay\n", here);
	ok(write(fd, line, strlen(line)) == (ssize_t)strlen(line), "a script");
	returns(run("./script", NULL, NULL), BUSY);
	close(fd);
	pid = start("./script", "", NULL);
	ok(pid > 0, "it runs");
	returns(writable("script"), 0);
	returns(writable("other"), ETXTBSY);
	returns(end(pid), 0);
	returns(writable("other"), 0);
}

/* ---- What is written to ---- */

static void
test_written(void)
{
	char *const argv[] = { "./prog", "leave", NULL };
	int fd = open("prog", O_RDONLY), status, err;
	pid_t pid;

	returns(run("./prog", "leave", NULL), 7);
	close(fd);
	fd = open("prog", O_RDWR);
	returns(run("./prog", "leave", NULL), BUSY);
	err = posix_spawn(&pid, "./prog", NULL, NULL, argv, environ);
	ok(err == ETXTBSY, "posix_spawn says so, too");
	close(fd);
	returns(run("./prog", "leave", NULL), 7);
	pid = fork();
	if (pid == 0) {			/* another has it open */
		fd = open("prog", O_WRONLY);
		_exit(fd >= 0 && run("./prog", "leave", NULL) == BUSY ? 3 : 4);
	}
	waitpid(pid, &status, 0);
	returns(WEXITSTATUS(status), 3);
	returns(run("./prog", "leave", NULL), 7);
	fd = open("prog", O_RDWR | O_CLOEXEC);	/* its own: too late to close it by that */
	returns(run("./prog", "leave", NULL), BUSY);
	close(fd);
	returns(run("./prog", "leave", NULL), 7);
}

/* Execute what FD is: its exit status, or 1000 + the error. */
static int
run_fd(int fd)
{
	char *const argv[] = { "prog", "leave", NULL };
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
		_exit(100 + errno);
	}
	waitpid(pid, &status, 0);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return status > 100 ? status + 900 : status;
}

static void
test_by_descriptor(void)
{
	int fd = open("prog", O_RDONLY), other, path = open("prog", O_PATH), rounds = 0;
	char *const argv[] = { "prog", "stay", NULL };
	pid_t pid;
	char c;

	returns(run_fd(fd), 7);
	returns(run_fd(path), 7);
	close(path);
	returns(writable("prog"), 0);
	other = open("prog", O_WRONLY);
	returns(run_fd(fd), BUSY);
	close(other);
	returns(run_fd(fd), 7);
	ok(pipe(stop_pipe) == 0 && pipe(ready_pipe) == 0, "pipes");
	pid = fork();
	if (pid == 0) {
		int high = fcntl(fd, F_DUPFD, 20);
		int stop = fcntl(stop_pipe[0], F_DUPFD, 20), ready = fcntl(ready_pipe[1], F_DUPFD, 20);

		close(stop_pipe[1]);
		dup2(stop, 3);
		dup2(ready, 4);
		for (int i = 5; i < 20; i++)
			close(i);
		fcntl(high, F_SETFD, FD_CLOEXEC);
		syscall(SYS_execveat, high, "", argv, environ, AT_EMPTY_PATH);
		_exit(1);
	}
	close(stop_pipe[0]);
	close(ready_pipe[1]);
	ok(read(ready_pipe[0], &c, 1) == 1, "a program runs that a descriptor named");
	close(ready_pipe[0]);
	returns(writable("prog"), ETXTBSY);
	returns(end(pid), 0);
	while (writable("prog") != 0 && rounds < 100)
		rounds++;
	returns(rounds, 0);
	unlink("gone");
	returns(copy("base", "gone"), 0);
	other = open("gone", O_RDONLY);
	unlink("gone");
	returns(run_fd(other), 7);
	close(other);
	close(fd);
}

int
main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && argv[1][0] != '/')
		return role_run(argv);
	tap_begin();
	if (argc > 1 && chdir(argv[1]) < 0)
		return 1;
	if (getcwd(here, sizeof here) == NULL || copy("/proc/self/exe", "base") < 0 || copy("base", "prog") < 0 || copy("base", "other") < 0) {
		printf("Bail out! no copies: %s\n", strerror(errno));
		return 1;
	}
	test_running();
	test_names();
	test_ended();
	test_inherited();
	test_others();
	test_written();
	test_by_descriptor();
	return tap_end();
}
