/*
 * file_pipe.c - pipes, FIFOs and socket pairs.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "tap.h"

static char big[200000], back[200000];
static volatile int signals;
static void on_signal(int s) { (void)s; signals++; }

static void
catch(int signo, int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };

	sigaction(signo, &sa, NULL);
}

static void
test_basic(void)
{
	int p[2], n;
	struct stat st;

	returns(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	ok(p[0] == 3 && p[1] == 4, "reader first");
	fails(read(p[0], back, 1), EAGAIN);
	returns(write(p[1], "abc", 3), 3);
	returns(ioctl(p[0], FIONREAD, &n), 0);
	ok(n == 3, "FIONREAD");
	returns(read(p[0], back, 2), 2);
	returns(read(p[0], back, 2), 1);
	fails(read(p[1], back, 1), EBADF);
	fails(write(p[0], back, 1), EBADF);
	fails(lseek(p[0], 0, SEEK_SET), ESPIPE);
	fails(pread(p[0], back, 1, 0), ESPIPE);
	fstat(p[0], &st);
	ok(S_ISFIFO(st.st_mode), "fstat says FIFO");
	returns(fcntl(p[0], F_GETPIPE_SZ), 65536);
	/* Full */
	n = 0;
	while (write(p[1], big, 4096) == 4096)
		n++;
	ok(n == 16 && errno == EAGAIN, "64 KiB fit");
	returns(read(p[0], back, 4095), 4095);
	fails(write(p[1], big, 4096), EAGAIN);
	returns(read(p[0], back, 1), 1);
	returns(write(p[1], big, 4096), 4096);
	fails(pipe2(p, 1), EINVAL);
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	fails(write(p[1], "x", 1), EPIPE);
	close(p[1]);
	signals = 0;
	catch(SIGPIPE, 0);
	pipe(p);
	close(p[0]);
	fails(write(p[1], "x", 1), EPIPE);
	ok(signals == 1, "SIGPIPE");
	close(p[1]);
	pipe(p);
	write(p[1], "xy", 2);
	close(p[1]);
	returns(read(p[0], back, 9), 2);
	returns(read(p[0], back, 9), 0);
	close(p[0]);
}

static void
test_stream(void)
{
	int p[2], status, sum = 0;
	unsigned int seed = 1;
	long total = 0;
	pid_t pid;

	for (unsigned int i = 0; i < sizeof big; i++)
		big[i] = (char)(i * 13 + i / 250);
	pipe(p);
	pid = fork();
	if (pid == 0) {
		close(p[0]);
		for (int i = 0; i < 10; i++)
			if (write(p[1], big, sizeof big) != (long)sizeof big)
				_exit(1);
		_exit(0);
	}
	close(p[1]);
	for (;;) {
		size_t want = (seed = seed * 1103515245 + 12345) % sizeof back;
		long n = read(p[0], back, want + 1 > sizeof back ? want : want + 1);

		if (n <= 0)
			break;
		for (long i = 0; i < n; i++)
			sum += back[i] != big[(total + i) % (long)sizeof big];
		total += n;
	}
	waitpid(pid, &status, 0);
	ok(status == 0 && total == 10 * (long)sizeof big && sum == 0, "two million bytes through a pipe");
	close(p[0]);
}

static void
test_atomic(void)
{
	int p[2], bad = 0, n = 0;
	char rec[1000];

	pipe(p);
	for (int k = 0; k < 4; k++) {
		if (fork() == 0) {
			memset(rec, 'a' + k, sizeof rec);
			for (int i = 0; i < 100; i++)
				if (write(p[1], rec, sizeof rec) != sizeof rec)
					_exit(1);
			_exit(0);
		}
	}
	close(p[1]);
	for (;;) {
		long have = 0, r;

		while (have < (long)sizeof rec && (r = read(p[0], rec + have, sizeof rec - (size_t)have)) > 0)
			have += r;
		if (have == 0)
			break;
		n++;
		for (size_t i = 1; i < sizeof rec; i++)
			bad += rec[i] != rec[0];
	}
	while (wait(NULL) > 0)
		;
	ok(n == 400 && bad == 0, "writes of at most PIPE_BUF stay whole");
	close(p[0]);
}

static void
test_signals(void)
{
	int p[2], status;
	pid_t pid;

	pipe(p);
	signals = 0;
	catch(SIGALRM, 0);
	alarm(1);
	fails(read(p[0], back, 1), EINTR);
	ok(signals == 1, "the handler ran");
	catch(SIGALRM, SA_RESTART);
	pid = fork();
	if (pid == 0) {
		sleep(2);
		write(p[1], "z", 1);
		_exit(0);
	}
	alarm(1);
	returns(read(p[0], back, 1), 1);
	ok(signals == 2, "SA_RESTART");
	waitpid(pid, &status, 0);
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	while (write(p[1], big, 4096) > 0)
		;
	fcntl(p[1], F_SETFL, 0);
	catch(SIGALRM, 0);
	alarm(1);
	fails(write(p[1], big, 4096), EINTR);
	close(p[0]);
	close(p[1]);
	signal(SIGALRM, SIG_DFL);
}

static void
test_fifo(void)
{
	int r, w, status;
	pid_t pid;

	returns(mkfifo("fifo", 0644), 0);
	fails(mkfifo("fifo", 0644), EEXIST);
	fails(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	r = open("fifo", O_RDONLY | O_NONBLOCK);
	ok(r >= 0, "a reader need not wait with O_NONBLOCK");
	returns(read(r, back, 1), 0);
	struct pollfd pfd = { r, POLLIN, 0 };
	returns(poll(&pfd, 1, 0), 0);
	w = open("fifo", O_WRONLY);
	returns(write(w, "through", 7), 7);
	returns(read(r, back, 100), 7);
	fails(read(r, back, 100), EAGAIN);
	close(w);
	returns(read(r, back, 100), 0);
	pfd.revents = 0;
	returns(poll(&pfd, 1, 0), 1);
	ok(pfd.revents & POLLHUP, "POLLHUP after the last writer");
	close(r);
	pid = fork();
	if (pid == 0) {
		w = open("fifo", O_WRONLY);
		_exit(write(w, "late", 4) == 4 ? 0 : 1);
	}
	r = open("fifo", O_RDONLY);
	returns(read(r, back, 100), 4);
	waitpid(pid, &status, 0);
	ok(status == 0, "both ends waited for each other");
	close(r);
	r = open("fifo", O_RDWR);
	returns(write(r, "self", 4), 4);
	returns(read(r, back, 100), 4);
	close(r);
}

static void
test_sockets(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = "nobody" };
	int s[2], fd, v;
	socklen_t len = sizeof v;
	struct iovec iov = { back, 4 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct ucred cred;

	returns(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	returns(send(s[0], "hello", 5, 0), 5);
	returns(recv(s[1], back, 100, MSG_PEEK), 5);
	returns(recv(s[1], back, 100, 0), 5);
	fails(recv(s[1], back, 100, MSG_DONTWAIT), EAGAIN);
	returns(write(s[1], "back", 4), 4);
	returns(read(s[0], back, 100), 4);
	returns(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &v, &len), 0);
	ok(v == SOCK_STREAM && len == 4, "SO_TYPE");
	len = sizeof cred;
	returns(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &cred, &len), 0);
	ok(cred.pid == getpid() && cred.uid == getuid(), "SO_PEERCRED");
	returns(shutdown(s[0], SHUT_WR), 0);
	returns(read(s[1], back, 100), 0);
	returns(write(s[1], "more", 4), 4);
	returns(read(s[0], back, 100), 4);
	fails(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	close(s[0]);
	fails(send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	close(s[1]);
	returns(socketpair(AF_UNIX, SOCK_DGRAM, 0, s), 0);
	returns(send(s[0], "one", 3, 0), 3);
	returns(send(s[0], "longer", 6, 0), 6);
	returns(recv(s[1], back, 100, 0), 3);
	returns(recvmsg(s[1], &m, 0), 4);
	ok(m.msg_flags & MSG_TRUNC, "a packet is cut");
	fails(recv(s[1], back, 100, MSG_DONTWAIT), EAGAIN);
	close(s[0]);
	close(s[1]);
	returns(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	returns(write(s[0], "pack", 4), 4);
	returns(write(s[0], "et", 2), 2);
	returns(read(s[1], back, 100), 4);
	returns(read(s[1], back, 100), 2);
	close(s[0]);
	returns(read(s[1], back, 100), 0);
	close(s[1]);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ok(fd >= 0, "socket");
	fails(connect(fd, (struct sockaddr *)&sa, sizeof sa), ENOENT);
	close(open("nobody", O_CREAT | O_WRONLY, 0666));
	fails(connect(fd, (struct sockaddr *)&sa, sizeof sa), ECONNREFUSED);
	fails(getpeername(fd, (struct sockaddr *)&sa, &len), ENOTCONN);
	close(fd);
	fails(send(1, "x", 1, 0), ENOTSOCK);
	fails(socket(AF_UNIX, 77, 0), EINVAL);
}

int
main(void)
{
	tap_begin();
	test_basic();
	test_stream();
	test_atomic();
	test_signals();
	test_fifo();
	test_sockets();
	return tap_end();
}
