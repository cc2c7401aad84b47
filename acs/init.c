/*
 * init - process 1, an ordinary Linux program.
 *
 *	init run	log in: a shell on /dev/console; when it ends, halt
 *	init exec	run the one command that comes from /dev/exec/control, write its wait status back there, halt
 *
 * Both reap whatever is handed to process 1. Signals mean what busybox's halt, poweroff and reboot send: SIGUSR1 and SIGUSR2 halt,
 * SIGTERM reboots. Nothing here is about MASIX but the names of three devices, so it is tested on Linux: MASIX_INIT_DEV says
 * where they are instead of /dev, and process 1 does not look at that.
 *
 * The environment variables share0 to share7 name where the host's shared directories, whose tags are these names, are mounted.
 *
 * The command: argc (32 bits, little endian), working directory, argv, and perhaps environment strings, each ended by a NUL.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "init_added.h"

#define COMMAND_MAX	(2u << 20)	/* bytes of a command */
#define NOT_FOUND	127
#define NOT_EXECUTABLE	126

extern char **environ;

static const char *dev = "/dev";
static volatile sig_atomic_t signal_caught;

static const char *
dev_path(const char *name)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", dev, name);
	return path;
}

/* ---- The end ---- */

/* Tell ACS; COMMAND is "halt\n" or "reboot\n". When there is no ACS (on Linux) this just ends. */
static void
system_end(const char *command)
{
	int fd = open(dev_path("acs"), O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, command, strlen(command)) < 0)
		fprintf(stderr, "init: cannot %.*s the system: %s\n", (int)strcspn(command, "\n"), command, strerror(errno));
	if (getpid() != 1)
		exit(0);
	for (;;)
		pause();
}

static void
signal_catch(int number)
{
	signal_caught = number;
}

static void
signals_setup(void)
{
	static const int caught[] = { SIGUSR1, SIGUSR2, SIGTERM };
	struct sigaction action = { .sa_handler = signal_catch };	/* no SA_RESTART: wait must return */

	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		sigaction(caught[i], &action, NULL);
}

/* Reap until CHILD is dead; its wait status. When that cannot be known any more, the system is about to end. */
static int
child_wait(pid_t child)
{
	int status;

	for (;;) {
		pid_t pid = waitpid(-1, &status, 0);

		if (signal_caught)
			system_end(signal_caught == SIGTERM ? "reboot\n" : "halt\n");
		if (pid == child)
			return status;
		if (pid < 0 && errno != EINTR) {
			fprintf(stderr, "init: wait: %s\n", strerror(errno));
			system_end("halt\n");
		}
	}
}

/* ---- The child ---- */

/* TERM stays what it is. */
static void
environment_setup(void)
{
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("USER", "root", 1);
	setenv("LOGNAME", "root", 1);
	setenv("SHELL", "/bin/sh", 1);
	setenv("TERM", "xterm", 0);
}

static void fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));

static void
fail(int code, const char *fmt, ...)
{
	va_list ap;

	fputs("masix: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	_exit(code);
}

/* The child's signals are as a login leaves them. */
static void
signals_reset(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

static void
fd_place(int fd, int as)
{
	if (fd == as)
		return;
	if (dup2(fd, as) < 0)
		fail(NOT_EXECUTABLE, "cannot set up descriptor %d: %s", as, strerror(errno));
	close(fd);
}

static void
command_exec(char **argv)
{
	execvp(argv[0], argv);
	if (errno == ENOENT)
		fail(NOT_FOUND, "%s: not found", argv[0]);
	fail(NOT_EXECUTABLE, "%s: %s", argv[0], strerror(errno));
}

/* ---- init run ---- */

/* Make FD the controlling terminal and the three standard descriptors. */
static void
console_take(int fd)
{
	setsid();
	if (ioctl(fd, TIOCSCTTY, 0) < 0)
		fprintf(stderr, "init: no controlling terminal: %s\n", strerror(errno));
	for (int i = 0; i < 3; i++)
		if (dup2(fd, i) < 0)
			_exit(NOT_EXECUTABLE);
	if (fd > 2)
		close(fd);
}

static void
shell_run(void)
{
	char *argv[] = { "-sh", NULL };
	int fd = open(dev_path("console"), O_RDWR | O_NOCTTY);

	if (fd < 0)
		fail(NOT_EXECUTABLE, "cannot open the console: %s", strerror(errno));
	signals_reset();
	console_take(fd);
	if (chdir("/root") < 0 && chdir("/") < 0)
		fail(NOT_EXECUTABLE, "cannot enter /: %s", strerror(errno));
	execv("/bin/sh", argv);
	fail(NOT_FOUND, "/bin/sh: %s", strerror(errno));
}

static void
run(void)
{
	pid_t child = fork();

	if (child == 0)
		shell_run();
	if (child < 0)
		fprintf(stderr, "init: fork: %s\n", strerror(errno));
	else
		child_wait(child);
	system_end("halt\n");
}

/* ---- init exec ---- */

struct command {
	char	 *co_cwd;
	char	**co_argv;
	char	**co_env;	/* what follows argv; may be empty */
	size_t	  co_envc;
};

static uint32_t
argc_of(const char *data)
{
	const unsigned char *b = (const unsigned char *)data;

	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static size_t
strings_count(const char *data, size_t size)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++)
		count += data[i] == '\0';
	return count;
}

/* Is the command in DATA complete, its environment apart? */
static bool
command_complete(const char *data, size_t size)
{
	return size >= 4 && strings_count(data + 4, size - 4) >= (size_t)argc_of(data) + 1;
}

/* Everything up to the end of the file, or to the end of argv. Errors: NULL */
static char *
command_read(int fd, size_t *size)
{
	char *data = malloc(COMMAND_MAX);
	ssize_t n;

	*size = 0;
	while (data && *size < COMMAND_MAX && !command_complete(data, *size)) {
		n = read(fd, data + *size, COMMAND_MAX - *size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		*size += (size_t)n;
	}
	return data;
}

/* Errors: false, it makes no sense. */
static bool
command_parse(char *data, size_t size, struct command *cmd)
{
	size_t count, argc;
	char **string, *s;

	if (!command_complete(data, size) || argc_of(data) == 0)
		return false;
	argc = argc_of(data);
	count = strings_count(data + 4, size - 4);
	string = calloc(count + 2, sizeof *string);
	if (!string)
		return false;
	s = data + 4;
	cmd->co_cwd = s;
	for (size_t i = 0; i < count - 1; i++) {
		s += strlen(s) + 1;
		string[i < argc ? i : i + 1] = s;
	}
	cmd->co_argv = string;
	cmd->co_env = string + argc + 1;
	cmd->co_envc = count - 1 - argc;
	return true;
}

static void
command_run(const struct command *cmd)
{
	static const char *const name[] = { "exec/stdin", "exec/stdout", "exec/stderr" };
	int fd;

	for (int i = 2; i >= 0; i--) {
		fd = open(dev_path(name[i]), i == 0 ? O_RDONLY : O_WRONLY);
		if (fd < 0)
			fail(NOT_EXECUTABLE, "cannot open %s: %s", dev_path(name[i]), strerror(errno));
		fd_place(fd, i);
	}
	signals_reset();
	setsid();
	if (chdir(cmd->co_cwd) < 0)
		fail(NOT_EXECUTABLE, "cannot enter %s: %s", cmd->co_cwd, strerror(errno));
	for (size_t i = 0; i < cmd->co_envc; i++)
		putenv(cmd->co_env[i]);
	command_exec(cmd->co_argv);
}

static void
status_write(int fd, int status)
{
	uint32_t word = (uint32_t)status;

	if (write(fd, &word, sizeof word) != sizeof word)
		fprintf(stderr, "init: cannot report the status: %s\n", strerror(errno));
}

static void
exec(void)
{
	int control = open(dev_path("exec/control"), O_RDWR | O_CLOEXEC), status = NOT_EXECUTABLE << 8;
	struct command cmd;
	size_t size;
	char *data;
	pid_t child;

	if (control < 0) {
		fprintf(stderr, "init: %s: %s\n", dev_path("exec/control"), strerror(errno));
		system_end("halt\n");
	}
	data = command_read(control, &size);
	if (!data || !command_parse(data, size, &cmd)) {
		fprintf(stderr, "init: the command cannot be understood (%lu bytes)\n", (unsigned long)size);
	} else {
		child = fork();
		if (child == 0)
			command_run(&cmd);
		if (child > 0)
			status = child_wait(child);
	}
	status_write(control, status);
	system_end("halt\n");
}

/* ---- Directories of the host ---- */

/* Errors: false, errno */
static bool
directories_make(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0755);
		*slash = '/';
	}
	return mkdir(path, 0755) == 0 || errno == EEXIST;
}

static void
shares_mount(void)
{
	char tag[8], path[256];
	const char *where;

	for (int i = 0; i < 8; i++) {
		snprintf(tag, sizeof tag, "share%d", i);
		where = getenv(tag);
		if (!where || where[0] != '/' || strlen(where) >= sizeof path)
			continue;
		strcpy(path, where);
		unsetenv(tag);
		if (!directories_make(path) || mount(tag, path, "9p", 0, "") < 0)
			fprintf(stderr, "init: cannot mount the host's %s on %s: %s\n", tag, path, strerror(errno));
	}
}

/* Messages of init's own go to the console until somebody opens something better. */
static void
descriptors_setup(void)
{
	int fd;

	do {
		fd = open(dev_path("console"), O_RDWR | O_NOCTTY);
		if (fd < 0)
			fd = open(dev_path("null"), O_RDWR);
	} while (fd >= 0 && fd < 2);
	if (fd > 2)
		close(fd);
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "run", *other = getenv("MASIX_INIT_DEV");

	if (getpid() == 1)
		descriptors_setup();
	else if (other)
		dev = other;
	signals_setup();
	environment_setup();
	if (getpid() == 1) {
		added_copy("/dev/.added");
		shares_mount();
	}
	if (strcmp(mode, "run") == 0)
		run();
	else if (strcmp(mode, "exec") == 0)
		exec();
	fprintf(stderr, "init: unknown mode '%s' (run, exec)\n", mode);
	system_end("halt\n");
}
