/*
 * test_tty_linux - the line discipline against that of the host's kernel.
 *
 * Random settings, typing, writing and reading are done to a pseudo-terminal of Linux and to ldisc.c; after every step all that
 * can be seen must be the same: what the master reads, what the slave reads, how much input waits, which signals came. Skipped
 * where there is no /dev/ptmx. Arguments: rounds, seed of the first.
 *
 * The kernel handles what the master writes in a worker of its own, so each comparison waits for agreement before it fails.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "ldisc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEPS		150
#define OUT_MAX		65536u
#define PATIENCE_US	1000000L

/* ---- The model: ldisc.c with a line that takes everything ---- */

static struct ldisc ld;
static uint8_t out[OUT_MAX];
static size_t out_n;
static unsigned int signals;		/* bit: signal number */

static size_t
line_room(void *arg)
{
	(void)arg;
	return OUT_MAX - out_n;
}

static void
line_put(void *arg, const uint8_t *bytes, size_t n)
{
	(void)arg;
	memcpy(out + out_n, bytes, n);
	out_n += n;
}

static void
line_signal(void *arg, int signo)
{
	(void)arg;
	signals |= 1u << signo;
}

static void
line_flow(void *arg, bool stopped)
{
	(void)arg;
	(void)stopped;
}

static void
line_nothing(void *arg)
{
	(void)arg;
}

/* The kernel has not given the master what it put in the same step. */
static void
line_flush_output(void *arg)
{
	(void)arg;
	out_n = 0;
}

static const struct ldisc_ops line_ops = { line_room, line_put, line_signal, line_flow, line_flush_output, line_nothing };

/* ---- Linux ---- */

static int master, slave;
static uint8_t got[OUT_MAX];		/* what the master has read in this step */
static size_t got_n;
static unsigned int got_signals;

static void
linux_drain(void)
{
	struct timespec now = { 0, 0 };
	siginfo_t info;
	sigset_t set;
	ssize_t n;

	while (got_n < OUT_MAX && (n = read(master, got + got_n, OUT_MAX - got_n)) > 0)
		got_n += (size_t)n;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTSTP);
	while (sigtimedwait(&set, &info, &now) > 0)
		got_signals |= 1u << info.si_signo;
}

static int
linux_input_count(void)
{
	int n = -1;

	(void)ioctl(slave, FIONREAD, &n);
	return n;
}

/* Open a new pair as this process's controlling terminal. */
static int
linux_open(void)
{
	char name[64];
	int unlock = 0, number;

	master = open("/dev/ptmx", O_RDWR | O_NONBLOCK | O_NOCTTY);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0 || ioctl(master, TIOCGPTN, &number) < 0)
		return -1;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NONBLOCK | O_NOCTTY);
	if (slave < 0) {
		snprintf(name, sizeof name, "/dev/pts/%d", number);
		slave = open(name, O_RDWR | O_NONBLOCK | O_NOCTTY);
	}
	if (slave < 0)
		return -1;
	return setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0 ? -1 : 0;
}

/* ---- Random choices ---- */

static uint32_t random_state;

static uint32_t
below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

static bool
one_in(uint32_t n)
{
	return below(n) == 0;
}

/* Characters that the line discipline may know, mostly. */
static uint8_t
random_char(void)
{
	static const uint8_t special[] = "\r\n\t\b\b\tab c_D\004\025\027\026\022\177\177\177\021\023#@!\303\251\344\270\255\033\001\0";

	switch (below(8)) {
	case 0:
		return (uint8_t)below(256);
	case 1:
	case 2:
		return (uint8_t)('a' + below(26));
	default:
		return special[below(sizeof special)];
	}
}

static void
random_termios(struct tty_termios *t)
{
	static const uint32_t iflags[] = { T_ISTRIP, T_INLCR, T_IGNCR, T_ICRNL, T_IUCLC, T_IXON, T_IXANY, T_IUTF8, T_PARMRK };
	static const uint32_t oflags[] = { T_OPOST, T_OLCUC, T_ONLCR, T_OCRNL, T_ONOCR, T_ONLRET, T_XTABS };
	static const uint32_t lflags[] = { T_ISIG, T_ICANON, T_ECHO, T_ECHOE, T_ECHOK, T_ECHONL, T_NOFLSH, T_ECHOCTL, T_ECHOPRT,
		T_ECHOKE, T_IEXTEN, T_EXTPROC };

	tty_termios_default(t);
	if (one_in(4))
		return;
	for (unsigned int i = 0; i < sizeof iflags / sizeof *iflags; i++)
		if (one_in(4))
			t->tt_iflag ^= iflags[i];
	for (unsigned int i = 0; i < sizeof oflags / sizeof *oflags; i++)
		if (one_in(4))
			t->tt_oflag ^= oflags[i];
	for (unsigned int i = 0; i < sizeof lflags / sizeof *lflags; i++)
		if (one_in(lflags[i] == T_EXTPROC ? 20 : 4))
			t->tt_lflag ^= lflags[i];
	if (one_in(3))
		t->tt_cc[T_VEOL] = '#';
	if (one_in(3))
		t->tt_cc[T_VEOL2] = '@';
	if (one_in(6))
		t->tt_cc[T_VERASE] = '\b';
	if (one_in(6))
		t->tt_cc[below(17)] = 0;
	t->tt_cc[T_VMIN] = (uint8_t)below(3);
	t->tt_cc[T_VTIME] = (uint8_t)below(2);
}

/* ---- Steps; each answers what it did, for the trace ---- */

static char trace[STEPS + 1][160];
static int failed;

static void
hex(char *text, size_t size, const uint8_t *p, size_t n)
{
	size_t at = 0;

	*text = '\0';
	for (size_t i = 0; i < n && at + 4 < size; i++)
		at += (size_t)snprintf(text + at, size - at, p[i] > 32 && p[i] < 127 ? "%c" : "<%02x>", p[i]);
}

static void
differ(const char *what, long here, long there)
{
	if (!failed)
		printf("# %s: %ld here, %ld on Linux\n", what, here, there);
	failed = 1;
}

/* Let the kernel's worker look at what the master wrote. */
static void
settle(void)
{
	struct pollfd p = { slave, POLLIN, 0 };
	struct timespec pause = { 0, 1500000 };

	(void)poll(&p, 1, 0);
	nanosleep(&pause, NULL);
}

static void
step_flush(char *text)
{
	(void)ioctl(slave, T_TCFLSH, T_TCIFLUSH);
	ldisc_flush_input(&ld);
	*text = '\0';
}

static void
step_type(char *text)
{
	uint8_t bytes[6000];
	size_t n = 1 + below(12), used = 0;
	bool large = one_in(25);
	ssize_t w;

	if ((ld.ld_termios.tt_lflag & T_ICANON) && ld.ld_head - ld.ld_canon > 1000) {	/* erasing so much overruns the kernel's queue of echoes */
		step_flush(text);
		return;
	}
	if (ld.ld_stopped)		/* the kernel counts waiting echoes in other units */
		large = false;
	if (large)
		n = 1 + below(sizeof bytes);
	for (size_t i = 0; i < n; i++)
		bytes[i] = large && !one_in(200) ? (uint8_t)('a' + below(26)) : random_char();
	if (large)			/* where the kernel cuts it up would decide which echoes a signal drops */
		for (size_t i = 0; i < n; i++)
			if (bytes[i] < 32 && bytes[i] != '\n')
				bytes[i] = 'x';
	/* What finds no room waits in the kernel, and would come in later: type only what fits. */
	if (n > 4095 - (ld.ld_head - ld.ld_tail) || (ld.ld_termios.tt_iflag & T_PARMRK && n > 1000))
		n = 1;
	if (ld.ld_head - ld.ld_tail > 4000 || ld.ld_echo_head - ld.ld_echo_tail > 100)
		return;
	w = write(master, bytes, n);
	settle();
	used = ldisc_receive(&ld, bytes, n);
	if (w != (ssize_t)used)
		differ("typed", (long)used, w);
	hex(text, 120, bytes, n);
}

static void
step_read(char *text)
{
	static uint8_t here[8192], there[8192];
	size_t want = one_in(3) ? 1 + below(8) : one_in(10) ? sizeof here : 1 + below(300);
	bool canonical = (ld.ld_termios.tt_lflag & T_ICANON) != 0, patient = ld.ld_termios.tt_cc[T_VMIN] > 0 ||
		ld.ld_termios.tt_cc[T_VTIME] > 0;
	bool has = ldisc_readable(&ld, false);
	ssize_t n = read(slave, there, want), mine;

	mine = has ? (ssize_t)ldisc_read(&ld, here, want) : canonical || patient ? -1 : 0;
	if (n < 0 && errno != EAGAIN)
		n = -2;
	if (mine != n)
		differ("read", mine, n);
	else if (n > 0 && memcmp(here, there, (size_t)n) != 0)
		differ("read bytes", here[0], there[0]);
	snprintf(text, 120, "%zu: %zd", want, mine);
}

static void
step_write(char *text)
{
	uint8_t bytes[1000];
	size_t n = 1 + (one_in(8) ? below(sizeof bytes) : below(20)), done;
	ssize_t w;

	for (size_t i = 0; i < n; i++)
		bytes[i] = random_char();
	w = write(slave, bytes, n);
	done = ldisc_write(&ld, bytes, n);
	if (w < 0)
		w = 0;
	if ((size_t)w != done)
		differ("wrote", (long)done, w);
	hex(text, 120, bytes, n);
}

static void
step_settings(char *text)
{
	struct tty_termios t;

	random_termios(&t);
	if (ioctl(slave, T_TCSETS, &t) < 0)
		differ("TCSETS", 0, errno);
	ldisc_set_termios(&ld, &t);
	snprintf(text, 120, "i %o o %o l %o", t.tt_iflag, t.tt_oflag, t.tt_lflag);
}

static void
step_flow(char *text)
{
	int stop = one_in(2);

	(void)ioctl(slave, T_TCXONC, stop ? T_TCOOFF : T_TCOON);
	ldisc_program_flow(&ld, stop);
	snprintf(text, 120, "%s", stop ? "stop" : "start");
}

static const struct {
	const char *name;
	void (*run)(char *text);
	unsigned int weight;
} steps[] = {
	{ "type", step_type, 50 }, { "read", step_read, 20 }, { "write", step_write, 12 }, { "settings", step_settings, 14 },
	{ "flow", step_flow, 2 }, { "flush", step_flush, 2 },
};

static void
step(char *text)
{
	unsigned int pick = below(100), i = 0;
	int n;

	while (pick >= steps[i].weight)
		pick -= steps[i++].weight;
	n = snprintf(text, sizeof trace[0], "%s ", steps[i].name);
	steps[i].run(text + n);
}

/* ---- Comparing ---- */

static bool
agrees(void)
{
	return got_n == out_n && memcmp(got, out, out_n) == 0 && got_signals == signals &&
		linux_input_count() == (int)ldisc_input_count(&ld);
}

static void
compare(void)
{
	char text[2][400];

	for (long us = 0; us < PATIENCE_US; us += us < 2000 ? 100 : 5000) {
		struct timespec pause = { 0, us < 2000 ? 100000 : 5000000 };

		linux_drain();
		if (agrees())
			break;
		nanosleep(&pause, NULL);
	}
	if (!agrees() && !failed) {
		hex(text[0], sizeof text[0], out, out_n);
		hex(text[1], sizeof text[1], got, got_n);
		printf("# here  %zu '%s' input %zu signals %x\n# Linux %zu '%s' input %d signals %x\n", out_n, text[0],
			ldisc_input_count(&ld), signals, got_n, text[1], linux_input_count(), got_signals);
		failed = 1;
	}
	out_n = got_n = 0;
	signals = got_signals = 0;
}

/* Returns 0 all the same, 1 not, 77 no pseudo-terminals here. */
static int
round_run(uint32_t seed)
{
	struct tty_termios t;
	sigset_t all;
	int i;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	if (linux_open() < 0)
		return 77;
	random_state = seed * 2654435761u + 1;
	tty_termios_default(&t);
	ldisc_init(&ld, &line_ops, NULL, &t);
	if (ioctl(slave, T_TCSETS, &t) < 0)
		return 77;
	for (i = 0; i < STEPS && !failed; i++) {
		step(trace[i]);
		compare();
	}
	for (int j = i > 12 ? i - 12 : 0; failed && j < i; j++)
		printf("#   %s\n", trace[j]);
	return failed;
}

/* Each round in a process of its own, as it takes a controlling terminal. */
static int
round_fork(uint32_t seed)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		status = round_run(seed);
		fflush(stdout);
		_exit(status);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return 77;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

int
main(int argc, char **argv)
{
	uint32_t rounds = argc > 1 ? (uint32_t)atoi(argv[1]) : 25, seed = argc > 2 ? (uint32_t)atoi(argv[2]) : 1;
	int bad = 0;

	printf("1..1\n");
	for (uint32_t i = 0; i < rounds; i++) {
		int result = round_fork(seed + i);

		if (result == 77) {
			printf("ok 1 - the line discipline behaves as Linux's # SKIP no pseudo-terminals here\n");
			return 0;
		}
		if (result != 0)
			printf("# round with seed %u failed (%d)\n", seed + i, result);
		/* A loaded machine may have been late: what is wrong is wrong again. */
		if (result == 2 || (result != 0 && round_fork(seed + i) != 0))
			bad++;
	}
	printf("%s 1 - the line discipline behaves as Linux's in %u rounds of %d steps\n", bad ? "not ok" : "ok", rounds, STEPS);
	return bad != 0;
}
