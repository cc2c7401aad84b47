/*
 * file_stress.c - files under many threads and processes at once, some of which are killed.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "tap.h"

#define THREADS	6
#define ROUNDS	300

extern char **environ;
static int errors;

#define CHECK(x) do { \
	if (!(x)) { \
		__atomic_add_fetch(&errors, 1, __ATOMIC_RELAXED); \
		printf("# line %d: %s (errno %d)\n", __LINE__, #x, errno); \
	} } while (0)

/* Each thread has a file of its own and a descriptor number that others may get next. */
static void *
own_files(void *arg)
{
	int id = (int)(intptr_t)arg, fd, dupfd;
	char name[32], data[3000], back[3000];

	snprintf(name, sizeof name, "own%d", id);
	for (int i = 0; i < ROUNDS; i++) {
		size_t n = (size_t)(id * 37 + i * 13) % sizeof data + 1;

		memset(data, id * 31 + i, n);
		fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
		CHECK(fd >= 0);
		CHECK(write(fd, data, n) == (ssize_t)n);
		dupfd = dup(fd);
		CHECK(lseek(dupfd, 0, SEEK_SET) == 0);
		CHECK(read(fd, back, sizeof back) == (ssize_t)n && memcmp(data, back, n) == 0);
		CHECK(close(dupfd) == 0);
		CHECK(close(fd) == 0);
		if (i % 16 == 0)
			CHECK(unlink(name) == 0);
	}
	return NULL;
}

static void
test_threads(void)
{
	pthread_t t[THREADS];

	errors = 0;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, own_files, (void *)(intptr_t)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	ok(errors == 0, "threads with files of their own");
}

/* All threads read one description: every record goes to exactly one of them. */
static int shared_fd;
static unsigned char taken[4000];

static void *
share_reads(void *arg)
{
	uint32_t rec;

	(void)arg;
	while (read(shared_fd, &rec, sizeof rec) == sizeof rec)
		__atomic_add_fetch(&taken[rec % sizeof taken], 1, __ATOMIC_RELAXED);
	return NULL;
}

static void
test_shared_position(void)
{
	pthread_t t[THREADS];
	int wrong = 0, status;

	shared_fd = open("records", O_RDWR | O_CREAT | O_TRUNC, 0600);
	for (uint32_t i = 0; i < sizeof taken; i++)
		write(shared_fd, &i, sizeof i);
	lseek(shared_fd, 0, SEEK_SET);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, share_reads, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (size_t i = 0; i < sizeof taken; i++)
		wrong += taken[i] != 1;
	ok(wrong == 0, "threads take turns at one position");
	/* The same with processes, that add up what they got. */
	lseek(shared_fd, 0, SEEK_SET);
	int sums[2];
	long total = 0, part;
	pipe(sums);
	for (int i = 0; i < 4; i++) {
		if (fork() == 0) {
			uint32_t rec;

			part = 0;
			while (read(shared_fd, &rec, sizeof rec) == sizeof rec)
				part += rec;
			write(sums[1], &part, sizeof part);
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++) {
		read(sums[0], &part, sizeof part);
		total += part;
	}
	while (wait(&status) > 0)
		;
	ok(total == (long)sizeof taken * ((long)sizeof taken - 1) / 2, "and processes, too");
	close(sums[0]);
	close(sums[1]);
	close(shared_fd);
}

/* Writers are killed in the middle of what they do; the others, and the reader, go on. */
static void
test_killed_writers(void)
{
	int p[2], fd = open("killed", O_RDWR | O_CREAT | O_TRUNC, 0600), status;
	char buf[4096], rec[64];
	struct pollfd pfd;
	long got = 0;

	pipe(p);
	for (int round = 0; round < 40; round++) {
		pid_t pid = fork();

		if (pid == 0) {
			memset(rec, 'a' + round % 26, sizeof rec);
			for (;;) {
				write(p[1], rec, sizeof rec);
				write(fd, rec, sizeof rec);
			}
		}
		for (int i = 0; i < 20; i++)
			got += read(p[0], buf, sizeof buf) > 0;
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	ok(got == 40 * 20, "a reader outlives forty writers");
	memset(rec, 'Z', sizeof rec);
	pfd = (struct pollfd){ p[0], POLLIN, 0 };
	while (poll(&pfd, 1, 0) == 1)
		read(p[0], buf, sizeof buf);
	returns(write(p[1], rec, sizeof rec), (long)sizeof rec);
	returns(read(p[0], buf, sizeof buf), (long)sizeof rec);
	ok(memcmp(buf, rec, sizeof rec) == 0, "the pipe still works");
	returns(write(fd, rec, sizeof rec), (long)sizeof rec);
	ok(lseek(fd, 0, SEEK_CUR) > 0, "and the shared position");
	close(p[0]);
	close(p[1]);
	close(fd);
}

static void
test_many(void)
{
	int p[200][2], n = 0, bad = 0;
	struct pollfd pfd[200];
	char c;

	for (int i = 0; i < 200; i++) {
		n += pipe(p[i]) == 0;
		pfd[i] = (struct pollfd){ p[i][0], POLLIN, 0 };
	}
	ok(n == 200, "200 pipes at once");
	returns(poll(pfd, 200, 0), 0);
	for (int i = 0; i < 200; i += 3)
		write(p[i][1], "x", 1);
	returns(poll(pfd, 200, 0), 67);
	for (int i = 0; i < 200; i++)
		bad += (pfd[i].revents == POLLIN) != (i % 3 == 0);
	ok(bad == 0, "poll finds which");
	for (int i = 0; i < 200; i += 3)
		read(p[i][0], &c, 1);
	if (fork() == 0) {
		usleep(100000);
		write(p[199][1], "y", 1);
		_exit(0);
	}
	returns(poll(pfd, 200, 5000), 1);
	ok(pfd[199].revents == POLLIN, "poll waits for the last of them");
	wait(NULL);
	for (int i = 0; i < 200; i++) {
		close(p[i][0]);
		close(p[i][1]);
	}
}

/* posix_spawn's child works in its parent's memory, with descriptors and a directory of its own. */
static void
test_spawn(void)
{
	posix_spawn_file_actions_t fa;
	char *argv[] = { "sh", "-c", "read x; echo got $x; pwd", NULL }, buf[200];
	int p[2], in[2], status, n = 0, k;
	char cwd[200], want[300];
	pid_t pid;

	mkdir("spawned", 0755);
	pipe(p);
	pipe(in);
	write(in[1], "line\n", 5);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in[0], 0);
	posix_spawn_file_actions_adddup2(&fa, p[1], 1);
	posix_spawn_file_actions_addclose(&fa, p[0]);
	posix_spawn_file_actions_addchdir_np(&fa, "spawned");
	returns(posix_spawn(&pid, "/bin/sh", &fa, NULL, argv, environ), 0);
	close(p[1]);
	waitpid(pid, &status, 0);
	while ((k = (int)read(p[0], buf + n, sizeof buf - 1 - (size_t)n)) > 0)
		n += k;
	buf[n] = '\0';
	getcwd(cwd, sizeof cwd);
	snprintf(want, sizeof want, "got line\n%s/spawned\n", cwd);
	ok(status == 0 && strcmp(buf, want) == 0, "descriptors and directory of a spawned program");
	ok(fcntl(in[0], F_GETFD) == 0 && access("spawned", F_OK) == 0, "and nothing changed here");
	posix_spawn_file_actions_destroy(&fa);
	returns(posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, environ), ENOENT);
	close(p[0]);
	close(in[0]);
	close(in[1]);
}

/* One thread blocks in read while another closes the descriptor: the read goes on, the number is free. */
static int blocked[2];

static void *
blocks(void *arg)
{
	char c;

	*(int *)arg = (int)read(blocked[0], &c, 1);
	return NULL;
}

static void
test_close_while_reading(void)
{
	int result = -2, fd;
	pthread_t t;

	pipe(blocked);
	pthread_create(&t, NULL, blocks, &result);
	usleep(100000);
	returns(close(blocked[0]), 0);
	fd = open("/dev/null", O_RDONLY);
	ok(fd == blocked[0], "the number is used again");
	returns(write(blocked[1], "x", 1), 1);
	pthread_join(t, NULL);
	ok(result == 1, "the read that was under way ends well");
	close(fd);
	close(blocked[1]);
}

int
main(void)
{
	tap_begin();
	signal(SIGPIPE, SIG_IGN);
	test_threads();
	test_shared_position();
	test_killed_writers();
	test_many();
	test_spawn();
	test_close_while_reading();
	return tap_end();
}
