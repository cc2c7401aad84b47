/*
 * file_tty.c - terminals from the program's side: pseudo-terminals, modes, controlling terminal, job control.
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

static int master;
static char slave_name[64];

static void
test_pair(void)
{
	struct winsize ws = { 33, 77, 1, 2 };
	struct termios t;
	char buf[100];
	struct stat st;
	int s, n;

	master = posix_openpt(O_RDWR | O_NOCTTY);
	ok(master >= 0, "posix_openpt");
	returns(grantpt(master), 0);
	returns(unlockpt(master), 0);
	ok(ptsname_r(master, slave_name, sizeof slave_name) == 0, "ptsname");
	s = open(slave_name, O_RDWR | O_NOCTTY);
	ok(s >= 0, "open the slave");
	ok(isatty(s) && isatty(master), "both are terminals");
	fstat(s, &st);
	ok(S_ISCHR(st.st_mode), "a character device");
	returns(ioctl(master, TIOCSWINSZ, &ws), 0);
	memset(&ws, 0, sizeof ws);
	returns(ioctl(s, TIOCGWINSZ, &ws), 0);
	ok(ws.ws_row == 33 && ws.ws_col == 77, "the window's size");
	returns(tcgetattr(s, &t), 0);
	ok(t.c_lflag & ICANON && t.c_lflag & ECHO, "canonical and echoing at first");
	returns(write(master, "line\n", 5), 5);
	returns(read(s, buf, sizeof buf), 5);
	ok(memcmp(buf, "line\n", 5) == 0, "a line goes through");
	returns(read(master, buf, sizeof buf), 6);
	ok(memcmp(buf, "line\r\n", 6) == 0, "and is echoed");
	returns(write(s, "out\n", 4), 4);
	returns(read(master, buf, sizeof buf), 5);
	cfmakeraw(&t);
	returns(tcsetattr(s, TCSADRAIN, &t), 0);
	write(master, "\003x", 2);
	struct pollfd p = { s, POLLIN, 0 };
	returns(poll(&p, 1, 1000), 1);
	usleep(20000);
	returns(ioctl(s, FIONREAD, &n), 0);
	ok(n == 2, "raw: two bytes are there");
	returns(read(s, buf, sizeof buf), 2);
	fcntl(s, F_SETFL, O_NONBLOCK);
	fails(read(s, buf, 1), EAGAIN);
	p.events = POLLIN | POLLOUT;
	returns(poll(&p, 1, 0), 1);
	ok(p.revents == POLLOUT, "writable, nothing to read");
	write(master, "q", 1);
	returns(poll(&p, 1, 1000), 1);
	ok(p.revents & POLLIN, "readable");
	fails(lseek(s, 0, SEEK_SET), ESPIPE);
	fails(ioctl(s, 0x54ff, 0), ENOTTY);
	n = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	ok(n >= 0, "TIOCGPTPEER");
	close(n);
	close(s);
	fails(read(master, buf, 1), EIO);
}

static int
in_session(void)
{
	int s, status, tty;
	pid_t pid;
	char c;

	if (setsid() < 0)
		return 1;
	if (open("/dev/tty", O_RDWR) >= 0 || errno != ENXIO)
		return 2;
	s = open(slave_name, O_RDWR);		/* becomes the controlling terminal */
	if (s < 0 || tcgetpgrp(s) != getpgrp() || tcgetsid(s) != getsid(0))
		return 3;
	tty = open("/dev/tty", O_RDWR);
	if (tty < 0 || !isatty(tty))
		return 4;
	/* A background child that reads is stopped; in the foreground it goes on. */
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		_exit(read(s, &c, 1) == 1 && c == 'r' ? 0 : 1);
	}
	setpgid(pid, pid);
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTTIN)
		return 5;
	signal(SIGTTOU, SIG_IGN);
	if (tcsetpgrp(s, pid) < 0 || tcgetpgrp(s) != pid)
		return 6;
	kill(-pid, SIGCONT);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return 7;
	/* With SIGTTIN ignored the read fails. */
	signal(SIGTTIN, SIG_IGN);
	if (read(s, &c, 1) != -1 || errno != EIO)
		return 8;
	if (tcsetpgrp(s, getpgrp()) < 0)
		return 9;
	/* tcsetpgrp from the background stops, too. */
	signal(SIGTTOU, SIG_DFL);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		tcsetpgrp(s, getpid());
		_exit(0);
	}
	setpgid(pid, pid);
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTTOU)
		return 10;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (ioctl(s, TIOCNOTTY) < 0)
		return 11;
	return 0;
}

static void
test_session(void)
{
	struct termios t;
	int status, s = open(slave_name, O_RDWR | O_NOCTTY);
	pid_t pid;

	tcgetattr(s, &t);
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(s, TCSANOW, &t);
	tcflush(s, TCIOFLUSH);
	write(master, "r", 1);
	pid = fork();
	if (pid == 0)
		_exit(in_session());
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a session with its terminal, foreground and background");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		printf("# status %#x\n", status);
	close(s);
}

static volatile int signals;
static void on_signal(int s) { signals = s; }

static void
test_keys(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		signal(SIGINT, on_signal);
		int s = open(slave_name, O_RDWR);
		struct termios t;

		tcgetattr(s, &t);
		t.c_lflag |= ISIG;
		t.c_cc[VINTR] = 3;
		tcsetattr(s, TCSANOW, &t);
		write(master, "\003", 1);
		for (int i = 0; i < 100 && signals == 0; i++)
			usleep(10000);
		_exit(signals == SIGINT ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	ok(status == 0, "^C is SIGINT to the foreground");
}

int
main(void)
{
	tap_begin();
	signal(SIGHUP, SIG_IGN);
	test_pair();
	test_session();
	test_keys();
	return tap_end();
}
