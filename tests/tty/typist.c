/*
 * typist - start QEMU, type at its console, and look at what comes back.
 *
 * usage: typist [-t SECONDS] ACTION... -- QEMU [ARG]...
 *     type:TEXT     type TEXT (\r, \n, \e and control characters, \cX, are one character)
 *     wait:TEXT     until TEXT has come since the last action
 *     show:TEXT     the same, and print what came
 *     keys:N        type N keys, each after the echo of the last; print how long an echo takes
 *     flood:TEXT    count what comes until TEXT does; print bytes and bytes per second
 *     pause:MS      go on reading for so long
 *     end           until QEMU ends
 * In QEMU's arguments fd=% stands for the socket of the console. Exits with 0, or 1 when something did not come within the time
 * (default 20 s for each action).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t qemu;
static int line;
static double limit = 20;
static char *seen;			/* since the last action */
static size_t seen_n, seen_size;

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
finish(int status)
{
	if (qemu > 0) {
		kill(qemu, SIGTERM);
		waitpid(qemu, NULL, 0);
	}
	exit(status);
}

static void
give_up(const char *what, const char *text)
{
	printf("# %s '%s': not within %g s; the last that came:\n# %.*s\n", what, text, limit,
		(int)(seen_n > 300 ? 300 : seen_n), seen + (seen_n > 300 ? seen_n - 300 : 0));
	finish(1);
}

/* Read what is there, waiting until END. Returns how many bytes; 0: the time is over, or QEMU gone. */
static size_t
more(double end)
{
	struct pollfd p = { .fd = line, .events = POLLIN };
	double left = end - now();
	ssize_t n;

	if (left <= 0 || poll(&p, 1, (int)(left * 1000) + 1) <= 0)
		return 0;
	if (seen_size - seen_n < 65536) {
		seen_size = seen_n + (1 << 20);
		seen = realloc(seen, seen_size);
		if (seen == NULL)
			finish(1);
	}
	n = read(line, seen + seen_n, 65536);
	if (n <= 0)
		return 0;
	seen_n += (size_t)n;
	return (size_t)n;
}

/* Wait for TEXT at or after FROM. */
static bool
wait_for(const char *text, size_t from)
{
	double end = now() + limit;
	size_t len = strlen(text);

	while (seen_n < from + len || memmem(seen + from, seen_n - from, text, len) == NULL) {
		if (seen_n > from + 2 * len)
			from = seen_n - len;
		if (more(end) == 0)
			return false;
	}
	return true;
}

static void
type(const char *text)
{
	for (; *text; text++) {
		char c = *text;

		if (c == '\\' && (text[1] == 'r' || text[1] == 'n'))
			c = *++text == 'r' ? '\r' : '\n';
		else if (c == '\\' && text[1] == 'e')
			text++, c = '\033';
		else if (c == '\\' && text[1] == 'c' && text[2] != '\0')
			text += 2, c = *text & 0x1f;
		if (write(line, &c, 1) != 1)
			give_up("type", text);
	}
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
keys(int n)
{
	double *took = calloc((size_t)n, sizeof *took), begin;

	for (int i = 0; i < n; i++) {
		seen_n = 0;
		begin = now();
		type("a");
		if (!wait_for("a", 0))
			give_up("keys", "a");
		took[i] = (now() - begin) * 1e6;
	}
	qsort(took, (size_t)n, sizeof *took, compare);
	printf("# echo of a key: %.0f us at best, %.0f median, %.0f at worst\n", took[0], took[n / 2], took[n - 1]);
	free(took);
}

static void
flood(const char *text)
{
	double begin = now();
	size_t total = seen_n, len = strlen(text);

	while (memmem(seen, seen_n, text, len) == NULL) {
		size_t n;

		if (seen_n > len) {		/* keep only what the text may begin in */
			memmove(seen, seen + seen_n - len, len);
			seen_n = len;
		}
		n = more(now() + limit);
		if (n == 0)
			give_up("flood", text);
		total += n;
	}
	printf("# %zu bytes, %.1f MB/s\n", total, (double)total / (now() - begin) / 1e6);
}

static void
act(const char *action)
{
	const char *text = strchr(action, ':');

	text = text == NULL ? "" : text + 1;
	if (strncmp(action, "type:", 5) == 0) {
		seen_n = 0;
		type(text);
	} else if (strncmp(action, "wait:", 5) == 0 || strncmp(action, "show:", 5) == 0) {
		if (!wait_for(text, 0))
			give_up(action, text);
		if (*action == 's')
			printf("%.*s\n", (int)seen_n, seen);
	} else if (strncmp(action, "keys:", 5) == 0) {
		keys(atoi(text));
	} else if (strncmp(action, "flood:", 6) == 0) {
		flood(text);
	} else if (strncmp(action, "pause:", 6) == 0) {
		double end = now() + atoi(text) / 1e3;

		while (now() < end)
			(void)more(end);
	} else if (strcmp(action, "end") == 0) {
		double end = now() + limit;

		while (waitpid(qemu, NULL, WNOHANG) == 0)
			if (now() > end)
				give_up("end", "");
			else
				(void)more(now() + 0.1);
		qemu = -1;
	} else {
		printf("# unknown action '%s'\n", action);
		finish(1);
	}
	fflush(stdout);
}

static void
qemu_start(char **argv)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		finish(1);
	line = pair[0];
	for (char **a = argv; *a; a++) {
		char *mark = strstr(*a, "fd=%");

		if (mark && asprintf(a, "%.*s%d%s", (int)(mark - *a) + 3, *a, pair[1], mark + 4) < 0)
			finish(1);
	}
	qemu = fork();
	if (qemu == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fcntl(pair[1], F_SETFD, 0);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(pair[1]);
}

int
main(int argc, char **argv)
{
	int first = 1, split;

	if (argc > 2 && strcmp(argv[1], "-t") == 0) {
		limit = atof(argv[2]);
		first = 3;
	}
	for (split = first; split < argc && strcmp(argv[split], "--") != 0; split++)
		;
	if (split + 1 >= argc) {
		fputs("usage: typist [-t SECONDS] ACTION... -- QEMU [ARG]...\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	qemu_start(argv + split + 1);
	for (int i = first; i < split; i++)
		act(argv[i]);
	finish(0);
}
