/*
 * tty_jobs.c - sessions: what a terminal does to processes, and what its end does.
 *
 * Each test is a session of its own in a child, which exits with the number of the step that failed.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include "tap.h"

static int m;
static char name[64];
static volatile sig_atomic_t seen[65];

static void
note(int signo)
{
	seen[signo]++;
}

/* Wait until SIGNO was seen. */
static int
got(int signo)
{
	for (int i = 0; i < 300 && seen[signo] == 0; i++)
		usleep(10000);
	return seen[signo] > 0;
}

static int
leader_open(void)
{
	if (setsid() < 0)
		return -1;
	return open(name, O_RDWR);
}

static void
in_session(int (*test)(void), const char *what)
{
	int status;
	pid_t pid;

	m = posix_openpt(O_RDWR | O_NOCTTY);
	if (m < 0 || grantpt(m) < 0 || unlockpt(m) < 0 || ptsname_r(m, name, sizeof name) != 0) {
		ok(0, "a pseudo-terminal");
		return;
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(test());
	waitpid(pid, &status, 0);
	ok(status == 0, "%s", what);
	if (status != 0)
		printf("# step %d, signal %d\n", WEXITSTATUS(status), WTERMSIG(status));
	close(m);
}

/* ---- The tests ---- */

static int
test_keys(void)
{
	int s = leader_open();
	static const struct { char key; int signo; } keys[] = { { 3, SIGINT }, { 28, SIGQUIT }, { 26, SIGTSTP } };

	if (s < 0)
		return 1;
	for (int i = 0; i < 3; i++) {
		signal(keys[i].signo, note);
		if (write(m, &keys[i].key, 1) != 1 || !got(keys[i].signo))
			return 2 + i;
	}
	return 0;
}

static int
test_foreground_only(void)
{
	int s = leader_open(), status;
	pid_t front;

	signal(SIGINT, note);
	signal(SIGTTOU, SIG_IGN);
	front = fork();
	if (front == 0) {
		signal(SIGINT, SIG_DFL);
		setpgid(0, 0);
		pause();
		_exit(0);
	}
	setpgid(front, front);
	if (s < 0 || tcsetpgrp(s, front) < 0)
		return 1;
	usleep(50000);
	if (write(m, "\003", 1) != 1 || waitpid(front, &status, 0) != front)
		return 2;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGINT)
		return 3;
	return seen[SIGINT] == 0 ? 0 : 4;
}

static int
test_stop_and_go(void)
{
	int s = leader_open(), status;
	pid_t job;

	signal(SIGTTOU, SIG_IGN);
	job = fork();
	if (job == 0) {
		signal(SIGTTOU, SIG_DFL);
		setpgid(0, 0);
		for (;;)
			pause();
	}
	setpgid(job, job);
	if (s < 0 || tcsetpgrp(s, job) < 0)
		return 1;
	usleep(50000);
	if (write(m, "\032", 1) != 1 || waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTSTP)
		return 2;
	if (tcsetpgrp(s, getpgrp()) < 0 || kill(-job, SIGCONT) < 0)
		return 3;
	if (waitpid(job, &status, WCONTINUED) != job || !WIFCONTINUED(status))
		return 4;
	kill(job, SIGKILL);
	return waitpid(job, &status, 0) == job ? 0 : 5;
}

static int
test_tostop(void)
{
	int s = leader_open(), status;
	struct termios t;
	pid_t job;

	if (s < 0 || tcgetattr(s, &t) < 0)
		return 1;
	t.c_lflag |= TOSTOP;
	if (tcsetattr(s, TCSANOW, &t) < 0)
		return 2;
	job = fork();
	if (job == 0) {
		setpgid(0, 0);
		_exit(write(s, "x", 1) == 1 ? 0 : 1);
	}
	setpgid(job, job);
	if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTTOU)
		return 3;
	signal(SIGTTOU, SIG_IGN);
	tcsetpgrp(s, job);
	kill(-job, SIGCONT);
	if (waitpid(job, &status, 0) != job || status != 0)
		return 4;
	tcsetpgrp(s, getpgrp());
	/* Ignoring SIGTTOU lets a background process write. */
	job = fork();
	if (job == 0) {
		setpgid(0, 0);
		_exit(write(s, "x", 1) == 1 ? 0 : 1);
	}
	return waitpid(job, &status, 0) == job && status == 0 ? 0 : 5;
}

static int
test_background_settings(void)
{
	int s = leader_open(), status;
	struct termios t;
	pid_t job;

	if (s < 0 || tcgetattr(s, &t) < 0)
		return 1;
	job = fork();
	if (job == 0) {
		setpgid(0, 0);
		if (tcgetattr(s, &t) < 0)	/* looking is allowed */
			_exit(1);
		tcsetattr(s, TCSANOW, &t);
		_exit(0);
	}
	setpgid(job, job);
	if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTTOU)
		return 2;
	kill(job, SIGKILL);
	waitpid(job, &status, 0);
	return 0;
}

static int
test_master_closed(void)
{
	int s = leader_open(), master = m;
	char c;
	struct pollfd p = { s, POLLIN | POLLOUT, 0 };

	signal(SIGHUP, note);
	signal(SIGCONT, note);
	if (s < 0)
		return 1;
	/* The parent has the master too: it closes its own when this child asks by a byte. */
	(void)master;
	close(m);
	if (write(s, "close", 5) != 5)
		return 2;
	if (!got(SIGHUP) || !got(SIGCONT))
		return 3;
	if (read(s, &c, 1) != 0)
		return 4;
	if (write(s, "x", 1) != -1 || errno != EIO)
		return 5;
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLHUP))
		return 6;
	if (open("/dev/tty", O_RDWR) >= 0)
		return 7;
	return 0;
}

/* As in_session, but closes the master when the child writes. */
static void
hangup_session(void)
{
	int status;
	char c;
	pid_t pid;

	m = posix_openpt(O_RDWR | O_NOCTTY);
	grantpt(m);
	unlockpt(m);
	ptsname_r(m, name, sizeof name);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(test_master_closed());
	if (read(m, &c, 1) != 1)
		printf("# nothing came from the session\n");
	close(m);
	waitpid(pid, &status, 0);
	ok(status == 0, "closing the master hangs up the session");
	if (status != 0)
		printf("# step %d, signal %d\n", WEXITSTATUS(status), WTERMSIG(status));
}

static int
test_leader_exits(void)
{
	int fd[2], status;
	char c;
	pid_t leader;

	if (pipe(fd) < 0)
		return 1;
	leader = fork();
	if (leader == 0) {
		int s = leader_open();

		signal(SIGTTOU, SIG_IGN);
		if (fork() == 0) {
			signal(SIGHUP, note);
			write(fd[1], "r", 1);
			if (got(SIGHUP))
				write(fd[1], "h", 1);
			/* The terminal is not controlling any more. */
			write(fd[1], open("/dev/tty", O_RDWR) < 0 && errno == ENXIO ? "n" : "y", 1);
			_exit(0);
		}
		read(fd[0], &c, 1);
		close(s);
		_exit(0);
	}
	waitpid(leader, &status, 0);
	close(fd[1]);
	if (read(fd[0], &c, 1) != 1 || c != 'h')
		return 2;
	if (read(fd[0], &c, 1) != 1 || c != 'n')
		return 3;
	return 0;
}

static int
test_window(void)
{
	int s = leader_open();
	struct winsize w = { 10, 20, 0, 0 };

	signal(SIGWINCH, note);
	if (s < 0 || ioctl(m, TIOCSWINSZ, &w) < 0 || !got(SIGWINCH))
		return 1;
	seen[SIGWINCH] = 0;
	if (ioctl(s, TIOCSWINSZ, &w) < 0)
		return 2;
	usleep(50000);
	return seen[SIGWINCH] == 0 ? 0 : 3;	/* the same size: no signal */
}

static int
test_ctty(void)
{
	int s, other;
	char name2[64];

	if (setsid() < 0)
		return 1;
	s = open(name, O_RDWR | O_NOCTTY);
	if (s < 0 || open("/dev/tty", O_RDWR) >= 0)
		return 2;			/* O_NOCTTY: it is not controlling */
	if (tcgetpgrp(s) != -1 || errno != ENOTTY)
		return 3;
	if (ioctl(s, TIOCSCTTY, 0) < 0 || tcgetpgrp(s) != getpgrp() || tcgetsid(s) != getpid())
		return 4;
	other = posix_openpt(O_RDWR | O_NOCTTY);
	if (other < 0 || grantpt(other) < 0 || unlockpt(other) < 0 || ptsname_r(other, name2, sizeof name2) != 0)
		return 5;
	other = open(name2, O_RDWR | O_NOCTTY);
	if (ioctl(other, TIOCSCTTY, 0) != -1 || errno != EPERM)
		return 6;			/* a session has one */
	if (tcsetpgrp(other, getpgrp()) != -1 || errno != ENOTTY)
		return 7;
	if (tcsetpgrp(s, 99999) != -1 || (errno != ESRCH && errno != EPERM))
		return 8;
	if (tcsetpgrp(s, 1) != -1 || errno != EPERM)
		return 9;
	if (ioctl(s, TIOCSPGRP, tap_bad) != -1 || errno != EFAULT)
		return 10;
	signal(SIGHUP, note);
	signal(SIGCONT, note);
	if (ioctl(s, TIOCNOTTY) < 0 || !got(SIGHUP) || !got(SIGCONT))
		return 11;
	return open("/dev/tty", O_RDWR) < 0 ? 0 : 12;
}

static int
test_packet(void)
{
	int s = leader_open(), on = 1;
	char c[10];

	if (s < 0 || ioctl(m, TIOCPKT, &on) < 0)
		return 1;
	if (write(s, "ab", 2) != 2 || read(m, c, sizeof c) != 3 || c[0] != TIOCPKT_DATA || c[1] != 'a')
		return 2;
	if (write(m, "\023", 1) != 1 || read(m, c, sizeof c) != 1 || c[0] != TIOCPKT_STOP)
		return 3;
	if (write(m, "\021", 1) != 1 || read(m, c, sizeof c) != 1 || c[0] != TIOCPKT_START)
		return 4;
	if (tcflush(s, TCIFLUSH) < 0 || read(m, c, sizeof c) != 1 || !(c[0] & TIOCPKT_FLUSHREAD))
		return 5;
	return 0;
}

static int
test_names(void)
{
	struct stat a, b;
	char path[64];
	int s = open(name, O_RDWR | O_NOCTTY);

	if (s < 0 || stat(name, &a) < 0 || fstat(s, &b) < 0)
		return 1;
	if (!S_ISCHR(a.st_mode) || a.st_rdev != b.st_rdev || a.st_ino != b.st_ino || a.st_dev != b.st_dev)
		return 2;
	if (ttyname_r(s, path, sizeof path) != 0 || strcmp(path, name) != 0)
		return 3;
	if (chmod(name, 0600) < 0 || stat(name, &a) < 0 || (a.st_mode & 0777) != 0600)
		return 4;
	close(s);
	close(m);
	return 0;
}

int
main(void)
{
	in_session(test_keys, "keys signal");
	in_session(test_foreground_only, "only the foreground group");
	in_session(test_stop_and_go, "a job is stopped by a key and continued");
	in_session(test_tostop, "TOSTOP");
	in_session(test_background_settings, "changing settings from the background");
	hangup_session();
	in_session(test_leader_exits, "the end of the leader");
	in_session(test_window, "the window's size");
	in_session(test_ctty, "taking and leaving a terminal");
	in_session(test_packet, "packet mode");
	in_session(test_names, "names");
	return tap_end();
}
