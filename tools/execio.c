/*
 * execio - run one command in a guest: start QEMU, carry the command's streams, exit as the command did.
 *
 * The guest has one virtio console whose host end is a socket made here. Both ways it carries records, each with an eight-byte
 * header: type, three zero bytes, length of the payload (32 bits, little endian). One ordered byte stream is enough for
 * everything because nothing on it can block: standard input is sent only as far as the guest has said it can take, and
 * output that the host does not take stops the reading of the socket, hence QEMU, hence the guest's writer.
 *
 *   host to guest   1  data of standard input      2  its end          3  the command: argc (32 bits), then cwd and argv,
 *                                                                         each ended by a NUL
 *   guest to host  17  standard output            18  standard error  19  ended: status as wait4 gives it (32 bits)
 *                  20  a line for the report that the host makes when the system does not come up
 *                  21  ready for the command      22  may take N more bytes of standard input (32 bits)
 *
 * usage: execio [-t SECONDS] [-b SECONDS] [-w SECONDS] [-k FILE] [-d DIR] CMD [ARG]... -- QEMU [ARG]...
 *     -t  limit for the whole run     -b  limit until the guest is ready (default 60)
 *     -w  when the command has ended let the system end by itself, so long at most: it has disks to leave in order
 *     -k  file that receives the kernel's console: a panic found there ends the run, and its end is shown
 *     -d  working directory of the command (default /)
 * In QEMU's arguments the word FD=% stands for the number of the socket's file descriptor ("-chardev socket,id=x,fd=%").
 * Exits with the command's status, 128+N when signal N ended it, 124 on time-out, 125 when the system did not come up or died.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum record_type {
	REC_STDIN = 1, REC_STDIN_END = 2, REC_COMMAND = 3,
	REC_STDOUT = 17, REC_STDERR = 18, REC_EXIT = 19, REC_LOG = 20, REC_READY = 21, REC_CREDIT = 22,
};

#define HEADER_SIZE	8u
#define STDIN_MAX	32768u		/* bytes of one record of standard input */
#define RECORD_MAX	(1u << 20)	/* a longer record means that the stream is broken */
#define EXIT_TIMEOUT	124
#define EXIT_NO_SYSTEM	125

/* Bytes on their way: [start, end) of data. */
struct buffer {
	uint8_t	*b_data;
	size_t	 b_start;
	size_t	 b_end;
	size_t	 b_size;
};

static pid_t qemu_pid = -1;
static int channel = -1;		/* the host's end of the guest's console */
static struct buffer to_guest;
static struct buffer from_guest;
static struct buffer to_out[2];		/* standard output, standard error */
static struct buffer report;		/* the guest's log lines */

static bool is_ready;			/* the guest has taken the command */
static bool has_status;
static uint32_t status;
static bool stdin_open = true;
static uint64_t stdin_credit;

static const char *kernel_log;
static FILE *qemu_messages;		/* QEMU's standard error */
static volatile sig_atomic_t caught_signal;

static void fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));

/* --- ending --- */

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
qemu_kill(void)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	if (qemu_pid <= 0)
		return;
	kill(qemu_pid, SIGTERM);
	for (int i = 0; i < 400; i++) {
		if (waitpid(qemu_pid, NULL, WNOHANG) != 0)
			return;
		nanosleep(&pause, NULL);
	}
	kill(qemu_pid, SIGKILL);
	waitpid(qemu_pid, NULL, 0);
}

/* Let the system end by itself. Errors: false, it did not within LIMIT seconds, or a signal says not to wait. */
static bool
qemu_wait(double limit)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	for (double end = now() + limit; now() < end && !caught_signal; nanosleep(&pause, NULL)) {
		if (waitpid(qemu_pid, NULL, WNOHANG) != 0) {
			qemu_pid = -1;
			return true;
		}
	}
	return false;
}

/* Show the end of what is in FD, if anything is. */
static void
tail_show(const char *title, int fd)
{
	char text[2048];
	ssize_t len;

	if (lseek(fd, -(off_t)sizeof text, SEEK_END) < 0)
		(void)lseek(fd, 0, SEEK_SET);
	len = read(fd, text, sizeof text);
	if (len > 0)
		fprintf(stderr, "--- %s ---\n%.*s\n", title, (int)len, text);
}

static void
kernel_log_show(void)
{
	int fd = kernel_log ? open(kernel_log, O_RDONLY) : -1;

	if (fd < 0)
		return;
	tail_show("the end of the kernel's console", fd);
	close(fd);
}

/* The system is of no more use: end QEMU, say why, show what is known, exit with CODE. */
static void
fail(int code, const char *fmt, ...)
{
	va_list ap;

	qemu_kill();
	fputs("masix: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (code == EXIT_NO_SYSTEM) {
		if (report.b_end > 0)
			fprintf(stderr, "--- the system's log ---\n%.*s\n", (int)report.b_end, (char *)report.b_data);
		if (qemu_messages)
			tail_show("QEMU", fileno(qemu_messages));
		kernel_log_show();
	}
	exit(code);
}

/* --- buffers --- */

static void
buffer_reserve(struct buffer *b, size_t more)
{
	if (b->b_start > 0) {
		memmove(b->b_data, b->b_data + b->b_start, b->b_end - b->b_start);
		b->b_end -= b->b_start;
		b->b_start = 0;
	}
	if (b->b_size - b->b_end >= more)
		return;
	b->b_size = b->b_end + more;
	b->b_data = realloc(b->b_data, b->b_size);
	if (!b->b_data)
		fail(EXIT_NO_SYSTEM, "out of memory on the host");
}

static void
buffer_put(struct buffer *b, const void *data, size_t len)
{
	buffer_reserve(b, len);
	memcpy(b->b_data + b->b_end, data, len);
	b->b_end += len;
}

static bool
buffer_is_empty(const struct buffer *b)
{
	return b->b_start == b->b_end;
}

/*
 * Write at most MOST bytes. Returns false when there is nobody to write to.
 * Blocks: not on a non-blocking descriptor, nor when MOST is PIPE_BUF and poll has said that the descriptor is writable.
 */
static bool
buffer_drain(struct buffer *b, int fd, size_t most)
{
	size_t len = b->b_end - b->b_start;
	ssize_t done;

	if (len == 0)
		return true;
	done = write(fd, b->b_data + b->b_start, len < most ? len : most);
	if (done < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
	b->b_start += (size_t)done;
	return true;
}

/* --- records --- */

static uint32_t
le32_get(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void
le32_put(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static void
record_send(enum record_type type, const void *data, size_t len)
{
	uint8_t header[HEADER_SIZE] = { (uint8_t)type };

	le32_put(header + 4, (uint32_t)len);
	buffer_put(&to_guest, header, sizeof header);
	buffer_put(&to_guest, data, len);
}

static void
command_send(const char *cwd, char **argv)
{
	struct buffer b = { 0 };
	uint8_t argc[4];
	uint32_t count = 0;

	while (argv[count])
		count++;
	le32_put(argc, count);
	buffer_put(&b, argc, sizeof argc);
	buffer_put(&b, cwd, strlen(cwd) + 1);
	for (uint32_t i = 0; i < count; i++)
		buffer_put(&b, argv[i], strlen(argv[i]) + 1);
	record_send(REC_COMMAND, b.b_data, b.b_end);
	free(b.b_data);
}

static void
record_handle(uint8_t type, const uint8_t *data, uint32_t len, const char *cwd, char **argv)
{
	switch (type) {
	case REC_STDOUT:
	case REC_STDERR:
		buffer_put(&to_out[type - REC_STDOUT], data, len);
		break;
	case REC_EXIT:
		if (len != 4)
			fail(EXIT_NO_SYSTEM, "the guest sent a malformed exit status");
		status = le32_get(data);
		has_status = true;
		break;
	case REC_LOG:
		buffer_put(&report, data, len);
		break;
	case REC_READY:
		if (!is_ready)
			command_send(cwd, argv);
		is_ready = true;
		break;
	case REC_CREDIT:
		if (len != 4)
			fail(EXIT_NO_SYSTEM, "the guest sent a malformed credit");
		stdin_credit += le32_get(data);
		break;
	default:
		fail(EXIT_NO_SYSTEM, "the guest sent a record of unknown type %u", type);
	}
}

/* Handle every complete record that has arrived. */
static void
records_parse(const char *cwd, char **argv)
{
	struct buffer *b = &from_guest;

	while (!has_status && b->b_end - b->b_start >= HEADER_SIZE) {
		const uint8_t *p = b->b_data + b->b_start;
		uint32_t len = le32_get(p + 4);

		if (len > RECORD_MAX)
			fail(EXIT_NO_SYSTEM, "the guest sent a record of %u bytes: the stream is broken", len);
		if (b->b_end - b->b_start - HEADER_SIZE < len)
			break;
		record_handle(p[0], p + HEADER_SIZE, len, cwd, argv);
		b->b_start += HEADER_SIZE + len;
	}
}

/* --- the streams --- */

static void
stdin_read(void)
{
	static uint8_t data[STDIN_MAX];
	size_t want = stdin_credit < sizeof data ? (size_t)stdin_credit : sizeof data;
	ssize_t got = read(STDIN_FILENO, data, want);

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0) {
		stdin_open = false;
		record_send(REC_STDIN_END, "", 0);
		return;
	}
	stdin_credit -= (uint64_t)got;
	record_send(REC_STDIN, data, (size_t)got);
}

/* Returns false when QEMU has closed its end. */
static bool
channel_read(void)
{
	ssize_t got;

	buffer_reserve(&from_guest, 1 << 16);
	got = read(channel, from_guest.b_data + from_guest.b_end, from_guest.b_size - from_guest.b_end);
	if (got < 0)
		return errno == EINTR || errno == EAGAIN;
	from_guest.b_end += (size_t)got;
	return got > 0;
}

static void
output_write(int i)
{
	if (buffer_drain(&to_out[i], i == 0 ? STDOUT_FILENO : STDERR_FILENO, PIPE_BUF))
		return;
	/* The reader has gone, as with "masix exec -- ... | head": end like a program that is told so. */
	qemu_kill();
	exit(128 + SIGPIPE);
}

/* --- QEMU --- */

static void
qemu_start(char **argv)
{
	int pair[2], nothing;
	char *fd_text = NULL;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		fail(EXIT_NO_SYSTEM, "cannot make a socket: %s", strerror(errno));
	channel = pair[0];
	if (asprintf(&fd_text, "%d", pair[1]) < 0)
		fail(EXIT_NO_SYSTEM, "out of memory on the host");
	for (char **a = argv; *a; a++) {
		char *mark = strstr(*a, "fd=%");

		if (mark && asprintf(a, "%.*s%s%s", (int)(mark - *a) + 3, *a, fd_text, mark + 4) < 0)
			fail(EXIT_NO_SYSTEM, "out of memory on the host");
	}
	qemu_messages = tmpfile();
	qemu_pid = fork();
	if (qemu_pid < 0)
		fail(EXIT_NO_SYSTEM, "cannot start a process: %s", strerror(errno));
	if (qemu_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		fcntl(pair[1], F_SETFD, 0);
		nothing = open("/dev/null", O_RDWR);
		dup2(nothing, STDIN_FILENO);
		dup2(nothing, STDOUT_FILENO);
		dup2(qemu_messages ? fileno(qemu_messages) : nothing, STDERR_FILENO);
		execvp(argv[0], argv);
		fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(pair[1]);
	fcntl(channel, F_SETFL, O_NONBLOCK);
}

/* Has the kernel panicked since the last look? Its words are on its console only, and it does not stop the machine. */
static bool
kernel_has_panicked(void)
{
	static off_t seen;
	char text[4096];
	ssize_t len;
	bool found = false;
	int fd = kernel_log ? open(kernel_log, O_RDONLY) : -1;

	if (fd < 0)
		return false;
	while ((len = pread(fd, text, sizeof text - 1, seen)) > 0) {
		text[len] = '\0';
		for (ssize_t i = 0; i < len; i++)
			if (text[i] == '\0')
				text[i] = ' ';
		if (strstr(text, "panic"))
			found = true;
		seen += len > 8 ? len - 8 : len;	/* the word may lie across two reads */
		if (len <= 8)
			break;
	}
	close(fd);
	return found;
}

static void
signal_note(int sig)
{
	caught_signal = sig;
}

/* Wait for something to do, at most half a second, and do it. Returns false when QEMU has gone. */
static bool
step(const char *cwd, char **argv)
{
	bool out_idle = buffer_is_empty(&to_out[0]) && buffer_is_empty(&to_out[1]);
	struct pollfd fds[4] = {
		{ .fd = channel, .events = (short)((out_idle ? POLLIN : 0) | (buffer_is_empty(&to_guest) ? 0 : POLLOUT)) },
		{ .fd = stdin_open && stdin_credit > 0 && buffer_is_empty(&to_guest) ? STDIN_FILENO : -1, .events = POLLIN },
		{ .fd = !buffer_is_empty(&to_out[0]) ? STDOUT_FILENO : -1, .events = POLLOUT },
		{ .fd = !buffer_is_empty(&to_out[1]) ? STDERR_FILENO : -1, .events = POLLOUT },
	};

	if (poll(fds, 4, 500) <= 0)
		return true;
	for (int i = 0; i < 2; i++)
		if (fds[2 + i].revents)
			output_write(i);
	if (fds[1].revents)
		stdin_read();
	if (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) {
		if (out_idle && !channel_read())
			return false;
		records_parse(cwd, argv);
	}
	(void)buffer_drain(&to_guest, channel, SIZE_MAX);
	return true;
}

static void
outputs_flush(void)
{
	for (int i = 0; i < 2; i++) {
		int fd = i == 0 ? STDOUT_FILENO : STDERR_FILENO;

		while (!buffer_is_empty(&to_out[i])) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			(void)poll(&p, 1, -1);
			output_write(i);
		}
	}
}

static int
status_code(void)
{
	int s = (int)status;

	return WIFSIGNALED(s) ? 128 + WTERMSIG(s) : WEXITSTATUS(s);
}

static void
run(double limit, double boot_limit, double end_limit, const char *cwd, char **argv)
{
	double begin = now(), looked = begin;

	while (!has_status) {
		bool alive = step(cwd, argv);
		double t = now();

		if (caught_signal) {
			qemu_kill();
			exit(128 + caught_signal);
		}
		if (has_status)
			break;
		if (!alive)
			fail(EXIT_NO_SYSTEM, is_ready ? "the system went down before the command ended" : "the system did not come up");
		if (limit > 0 && t - begin > limit) {
			outputs_flush();
			fail(EXIT_TIMEOUT, "the command did not end within %g s", limit);
		}
		if (!is_ready && t - begin > boot_limit)
			fail(EXIT_NO_SYSTEM, "the system did not come up within %g s", boot_limit);
		if (t - looked >= 0.5 && kernel_has_panicked())
			fail(EXIT_NO_SYSTEM, "the kernel panicked");
		if (t - looked >= 0.5)
			looked = t;
	}
	outputs_flush();
	if (end_limit > 0 && !qemu_wait(end_limit))
		fputs("masix: the system did not end by itself: what is on its disks may not be in order\n", stderr);
	qemu_kill();
}

static void
usage(void)
{
	fputs("usage: execio [-t SECONDS] [-b SECONDS] [-w SECONDS] [-k FILE] [-d DIR] CMD [ARG]... -- QEMU [ARG]...\n", stderr);
	exit(EXIT_NO_SYSTEM);
}

int
main(int argc, char **argv)
{
	struct sigaction note = { .sa_handler = signal_note }, ignore = { .sa_handler = SIG_IGN };
	double limit = 0, boot_limit = 60, end_limit = 0;
	const char *cwd = "/";
	int option, split;

	while ((option = getopt(argc, argv, "+t:b:w:k:d:")) != -1) {
		switch (option) {
		case 't':
			limit = strtod(optarg, NULL);
			break;
		case 'b':
			boot_limit = strtod(optarg, NULL);
			break;
		case 'w':
			end_limit = strtod(optarg, NULL);
			break;
		case 'k':
			kernel_log = optarg;
			break;
		case 'd':
			cwd = optarg;
			break;
		default:
			usage();
		}
	}
	/* The command may have a "--" of its own: QEMU's begins after the last one. */
	for (split = argc - 1; split > optind && strcmp(argv[split], "--") != 0; split--)
		;
	if (split <= optind || split + 1 >= argc)
		usage();
	argv[split] = NULL;

	sigaction(SIGINT, &note, NULL);
	sigaction(SIGTERM, &note, NULL);
	sigaction(SIGHUP, &note, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	qemu_start(argv + split + 1);
	run(limit, boot_limit, end_limit, cwd, argv + optind);
	return status_code();
}
