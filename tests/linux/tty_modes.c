/*
 * tty_modes.c - what reading, writing and waiting do in the modes of a terminal.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include "tap.h"

static int m, s;
static char buf[70000];

static void
pair_open(void)
{
	char name[64];

	m = posix_openpt(O_RDWR | O_NOCTTY);
	if (m < 0 || grantpt(m) < 0 || unlockpt(m) < 0 || ptsname_r(m, name, sizeof name) != 0 ||
	    (s = open(name, O_RDWR | O_NOCTTY)) < 0) {
		printf("Bail out! no pseudo-terminal: %s\n", strerror(errno));
		exit(1);
	}
}

static void
pair_close(void)
{
	close(s);
	close(m);
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
mode(tcflag_t clear, tcflag_t set, int min, int time)
{
	struct termios t;

	tcgetattr(s, &t);
	t.c_lflag = (t.c_lflag & ~clear) | set;
	t.c_cc[VMIN] = (cc_t)min;
	t.c_cc[VTIME] = (cc_t)time;
	tcsetattr(s, TCSANOW, &t);
}

/* Wait until N bytes of input are there. */
static void
arrived(int n)
{
	int have = 0;

	for (int i = 0; i < 200 && ioctl(s, FIONREAD, &have) == 0 && have < n; i++)
		usleep(1000);
}

static int
reads(const char *text)
{
	ssize_t n = read(s, buf, sizeof buf);

	if (n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0)
		return 1;
	printf("# read %zd '%.*s'\n", n, n > 0 ? (int)n : 0, buf);
	return 0;
}

/* What the master reads, all that comes soon. */
static int
shown(const char *text)
{
	size_t have = 0, want = strlen(text);
	struct pollfd p = { m, POLLIN, 0 };

	while (have < sizeof buf && poll(&p, 1, have < want ? 1000 : 30) > 0 && p.revents & POLLIN) {
		ssize_t n = read(m, buf + have, sizeof buf - have);

		if (n <= 0)
			break;
		have += (size_t)n;
	}
	if (have == want && memcmp(buf, text, want) == 0)
		return 1;
	printf("# shown %zu '%.*s'\n", have, (int)have, buf);
	return 0;
}

static void
type(const char *text)
{
	ssize_t n = write(m, text, strlen(text));

	if (n != (ssize_t)strlen(text))
		printf("# typed %zd of '%s'\n", n, text);
}

static void
test_canonical(void)
{
	struct termios t;
	int n;

	pair_open();
	type("one\ntwo\n");
	arrived(8);
	ok(reads("one\n") && reads("two\n"), "a read gives one line");
	ok(shown("one\r\ntwo\r\n"), "both were echoed");
	type("abcdef\n");
	arrived(7);
	returns(read(s, buf, 3), 3);
	ok(memcmp(buf, "abc", 3) == 0 && reads("def\n"), "a short read leaves the rest of the line");
	type("abc\004");
	arrived(3);
	returns(read(s, buf, 3), 3);
	fcntl(s, F_SETFL, O_NONBLOCK);
	fails(read(s, buf, 3), EAGAIN);
	fcntl(s, F_SETFL, 0);
	type("\004");
	usleep(20000);
	returns(read(s, buf, 10), 0);
	type("x\004");
	usleep(20000);
	ok(reads("x"), "an end of file behind characters ends the line");
	(void)shown("abcdef\r\nabcx");
	type("kill me\025ok\n");
	arrived(3);
	ok(reads("ok\n"), "the kill character");
	(void)shown("kill me\b \b\b \b\b \b\b \b\b \b\b \b\b \bok\r\n");
	type("a \026\003b\n");
	arrived(5);
	ok(reads("a \003b\n"), "a literal control character");
	ok(shown("a ^\b^Cb\r\n"), "and its echo");
	tcgetattr(s, &t);
	t.c_iflag &= ~(tcflag_t)ICRNL;
	t.c_iflag |= INLCR | IGNCR;
	t.c_cc[VEOL] = ';';
	tcsetattr(s, TCSANOW, &t);
	type("a\rb;");
	arrived(3);
	ok(reads("ab;"), "IGNCR and another end of line");
	returns(tcflush(s, TCIOFLUSH), 0);
	(void)shown("ab;");
	type("lost");
	usleep(20000);
	returns(tcflush(s, TCIFLUSH), 0);
	type(";");
	arrived(1);
	ok(reads(";"), "flushed input is gone");
	returns(ioctl(s, TIOCOUTQ, &n), 0);
	ok(n == 0, "nothing waits in the output");
	pair_close();
}

static void
test_raw(void)
{
	double begin;

	pair_open();
	mode(ICANON | ECHO | ISIG | IEXTEN, 0, 1, 0);
	type("\003\004\177");
	arrived(3);
	ok(reads("\003\004\177"), "control characters are characters");
	mode(0, 0, 0, 0);
	returns(read(s, buf, 10), 0);
	mode(0, 0, 0, 2);
	begin = now();
	returns(read(s, buf, 10), 0);
	ok(now() - begin > 0.15 && now() - begin < 1.5, "VTIME alone: a limit");
	mode(0, 0, 3, 0);
	if (fork() == 0) {
		usleep(100000);
		type("a");
		usleep(100000);
		type("bcd");
		_exit(0);
	}
	begin = now();
	ok(reads("abcd") && now() - begin > 0.15, "VMIN: so many at least");
	wait(NULL);
	mode(0, 0, 5, 1);
	type("xy");
	begin = now();
	ok(reads("xy") && now() - begin < 1.5, "VMIN and VTIME: a pause ends it");
	mode(0, 0, 2, 0);
	type("1");
	arrived(1);
	struct pollfd p = { s, POLLIN, 0 };
	returns(poll(&p, 1, 0), 0);
	type("2");
	returns(poll(&p, 1, 1000), 1);
	returns(read(s, buf, 1), 1);
	tcflush(s, TCIFLUSH);
	pair_close();
}

static void
test_switch(void)
{
	pair_open();
	type("half");
	usleep(20000);
	mode(ICANON, 0, 1, 0);
	ok(reads("half"), "half a line is input when canonical mode ends");
	type("more");
	arrived(4);
	mode(0, ICANON, 1, 0);
	ok(reads("more"), "and when it begins");
	pair_close();
}

static void
test_output(void)
{
	struct termios t;

	pair_open();
	returns(write(s, "a\tb\n", 4), 4);
	ok(shown("a\tb\r\n"), "a newline becomes two characters");
	tcgetattr(s, &t);
	t.c_oflag |= XTABS;
	tcsetattr(s, TCSADRAIN, &t);
	write(s, "ab\tc\n", 5);
	ok(shown("ab      c\r\n"), "tabs become spaces");
	t.c_oflag &= ~(tcflag_t)OPOST;
	tcsetattr(s, TCSAFLUSH, &t);
	write(s, "a\n", 2);
	ok(shown("a\n"), "no processing");
	returns(tcflow(s, TCOOFF), 0);
	fcntl(s, F_SETFL, O_NONBLOCK);
	fails(write(s, "x", 1), EAGAIN);
	returns(tcflow(s, TCOON), 0);
	returns(write(s, "y", 1), 1);
	ok(shown("y"), "output goes on");
	type("\023");
	usleep(30000);
	fails(write(s, "x", 1), EAGAIN);
	type("\021");
	usleep(30000);
	returns(write(s, "z", 1), 1);
	ok(shown("z"), "^S and ^Q");
	returns(tcdrain(s), 0);
	fails(tcflow(s, 77), EINVAL);
	fails(tcflush(s, 77), EINVAL);
	pair_close();
}

static volatile int hits;

static void
on_alarm(int signo)
{
	hits += signo == SIGALRM;
}

static void
test_interrupted(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };

	pair_open();
	sigaction(SIGALRM, &sa, NULL);
	alarm(1);
	fails(read(s, buf, 1), EINTR);
	sa.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &sa, NULL);
	if (fork() == 0) {
		sleep(2);
		type("late\n");
		_exit(0);
	}
	alarm(1);
	ok(reads("late\n") && hits == 2, "with SA_RESTART the read goes on");
	wait(NULL);
	pair_close();
}

static void
test_blocking_write(void)
{
	size_t total = 0;
	int status;
	pid_t pid;

	pair_open();
	mode(ICANON | ECHO, 0, 1, 0);
	pid = fork();
	if (pid == 0) {
		memset(buf, 'w', sizeof buf);
		_exit(write(s, buf, 60000) == 60000 ? 0 : 1);
	}
	usleep(100000);
	ok(waitpid(pid, &status, WNOHANG) == 0, "a write waits for room");
	while (total < 60000) {
		ssize_t n = read(m, buf, sizeof buf);

		if (n <= 0)
			break;
		total += (size_t)n;
	}
	waitpid(pid, &status, 0);
	ok(total == 60000 && status == 0, "and is all there");
	pid = fork();
	if (pid == 0) {
		memset(buf, 'm', sizeof buf);
		_exit(write(m, buf, 60000) == 60000 ? 0 : 1);
	}
	for (total = 0; total < 60000; ) {
		ssize_t n = read(s, buf, sizeof buf);

		if (n <= 0)
			break;
		total += (size_t)n;
	}
	waitpid(pid, &status, 0);
	ok(total == 60000 && status == 0, "the other way, too");
	pair_close();
}

static void
test_select(void)
{
	struct timeval tv = { 0, 50000 };
	fd_set in, out;

	pair_open();
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(s, &in);
	FD_SET(m, &in);
	FD_SET(s, &out);
	returns(select(m > s ? m + 1 : s + 1, &in, &out, NULL, &tv), 1);
	ok(FD_ISSET(s, &out), "writable");
	if (fork() == 0) {
		usleep(100000);
		type("x\n");
		_exit(0);
	}
	FD_ZERO(&in);
	FD_SET(s, &in);
	tv.tv_sec = 5;
	returns(select(s + 1, &in, NULL, NULL, &tv), 1);
	ok(FD_ISSET(s, &in) && reads("x\n"), "a line wakes who selects");
	wait(NULL);
	pair_close();
}

static void
test_arguments(void)
{
	struct termios t;

	pair_open();
	fails(ioctl(s, TCGETS, tap_bad), EFAULT);
	fails(ioctl(s, TCSETS, tap_bad), EFAULT);
	fails(ioctl(s, TIOCSWINSZ, tap_bad), EFAULT);
	fails(ioctl(s, FIONREAD, tap_bad), EFAULT);
	fails(read(s, tap_bad, 0) == 0 && ioctl(s, TIOCGSID, &t) == 0 ? 0 : -1, ENOTTY);
	tcgetattr(m, &t);
	ok(t.c_lflag & ICANON, "the master shows the terminal's settings");
	cfsetospeed(&t, B115200);
	cfsetispeed(&t, B115200);
	returns(tcsetattr(s, TCSANOW, &t), 0);
	memset(&t, 0, sizeof t);
	tcgetattr(s, &t);
	ok(cfgetospeed(&t) == B115200, "the speed is kept");
	pair_close();
	fails(tcgetattr(s, &t), EBADF);
	int f = open("/dev/null", O_RDWR);
	fails(tcgetattr(f, &t), ENOTTY);
	close(f);
}

int
main(void)
{
	test_canonical();
	test_raw();
	test_switch();
	test_output();
	test_interrupted();
	test_blocking_write();
	test_select();
	test_arguments();
	return tap_end();
}
