/*
 * test_emfile.c - the file half of emulib against a small file server in this process.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "emfile_world.h"	/* before <signal.h>, which has macros like our field names */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int checks, failures;

#define CHECK(x) check((x), #x, __func__, __LINE__)
#define IS(x, v) is((x), (v), #x, __func__, __LINE__)
#define P(p) ((uint32_t)(uintptr_t)(p))

static void
check(bool ok, const char *what, const char *where, int line)
{
	checks++;
	if (!ok) {
		failures++;
		printf("not ok - %s:%d %s\n", where, line, what);
	}
}

static void
is(int32_t got, int32_t want, const char *what, const char *where, int line)
{
	check(got == want, what, where, line);
	if (got != want)
		printf("# got %d, not %d\n", got, want);
}

/* ---- Calls ---- */

static int32_t xopen(const char *path, uint32_t flags) { return sys_open(P(path), flags, 0666, 0, 0, 0); }
static int32_t xclose(int32_t fd) { return sys_close((uint32_t)fd, 0, 0, 0, 0, 0); }
static int32_t xread(int32_t fd, void *buf, uint32_t n) { return sys_read((uint32_t)fd, P(buf), n, 0, 0, 0); }
static int32_t xwrite(int32_t fd, const void *buf, uint32_t n) { return sys_write((uint32_t)fd, P(buf), n, 0, 0, 0); }
static int32_t xseek(int32_t fd, int32_t off, uint32_t whence) { return sys_lseek((uint32_t)fd, (uint32_t)off, whence, 0, 0, 0); }
static int32_t xfcntl(int32_t fd, uint32_t cmd, uint32_t arg) { return sys_fcntl64((uint32_t)fd, cmd, arg, 0, 0, 0); }
static int32_t xdup2(int32_t a, int32_t b) { return sys_dup2((uint32_t)a, (uint32_t)b, 0, 0, 0, 0); }

/* ---- Descriptors ---- */

static void
test_descriptors(void)
{
	unsigned int rights = world_rights();
	int32_t fds[80], n;

	world_file("/d", "0123456789", 10);
	IS(xclose(0), EM_E(EBADF));
	IS(xopen("/d", MX_O_RDWR), 0);
	IS(xopen("/d", MX_O_RDONLY), 1);
	IS(sys_dup(0, 0, 0, 0, 0, 0), 2);
	IS(xclose(1), 0);
	IS(xfcntl(0, 0, 0), 1);			/* F_DUPFD: lowest free */
	IS(xfcntl(0, 0, 10), 10);
	IS(xfcntl(0, 1030, 10), 11);		/* F_DUPFD_CLOEXEC */
	IS(xfcntl(11, 1, 0), 1);
	IS(xfcntl(10, 1, 0), 0);
	IS(xfcntl(0, 0, 64), EM_E(EINVAL));
	IS(xdup2(0, 5), 5);
	IS(xdup2(5, 5), 5);
	IS(xdup2(7, 7), EM_E(EBADF));
	IS(xdup2(0, 64), EM_E(EBADF));
	IS(sys_dup3(0, 0, 0, 0, 0, 0), EM_E(EINVAL));
	IS(sys_dup3(0, 6, MX_O_CLOEXEC, 0, 0, 0), 6);
	IS(xfcntl(6, 1, 0), 1);
	/* One description behind all of them. */
	IS(xseek(0, 4, 0), 4);
	IS(xseek(10, 0, 1), 4);
	em_file_exec(&world_process);
	IS(xfcntl(6, 1, 0), EM_E(EBADF));
	IS(xfcntl(11, 1, 0), EM_E(EBADF));
	IS(xfcntl(10, 1, 0), 0);
	IS(sys_close_range(0, ~0u, 0, 0, 0, 0), 0);
	IS(xfcntl(0, 1, 0), EM_E(EBADF));
	for (n = 0; n < 70; n++)
		if ((fds[n] = xopen("/d", MX_O_RDONLY)) < 0)
			break;
	IS(n, 64);
	IS(fds[64], EM_E(EMFILE));
	IS(sys_close_range(10, 20, 0, 0, 0, 0), 0);
	IS(xopen("/d", 0), 10);
	IS(sys_close_range(0, 63, 4, 0, 0, 0), 0);	/* CLOSE_RANGE_CLOEXEC */
	em_file_exec(&world_process);
	IS(xopen("/d", 0), 0);
	IS(xclose(0), 0);
	CHECK(world_rights() == rights);
}

/* ---- Regular files ---- */

static char big[300000], back[300000];

static void
test_files(void)
{
	unsigned int rights = world_rights(), rpcs;
	struct em_segment iov[3];
	char buf[64];
	int32_t fd;

	for (unsigned int i = 0; i < sizeof big; i++)
		big[i] = (char)(i * 7 + i / 251);
	fd = xopen("/f", MX_O_RDWR | MX_O_CREAT);
	IS(fd, 0);
	IS(xread(fd, buf, 10), 0);
	IS(xwrite(fd, "hello world", 11), 11);
	IS(xseek(fd, 0, 0), 0);
	IS(xread(fd, buf, 5), 5);
	CHECK(memcmp(buf, "hello", 5) == 0);
	IS(xread(fd, buf, 60), 6);
	IS(xread(fd, buf, 60), 0);
	IS(xread(fd, buf, 0), 0);
	IS(xread(99, buf, 0), EM_E(EBADF));
	/* Large: out of line writes, reads through the window. */
	IS(xseek(fd, 0, 0), 0);
	IS(xwrite(fd, big, sizeof big), sizeof big);
	CHECK(world_size("/f") == sizeof big);
	IS(xseek(fd, 0, 0), 0);
	IS(xread(fd, back, sizeof back), sizeof back);
	CHECK(memcmp(big, back, sizeof big) == 0);
	rpcs = world_rpcs;
	for (unsigned int i = 0; i < 100; i++) {
		IS(sys_pread64((uint32_t)fd, P(buf), 16, i * 2999, 0, 0), 16);
		CHECK(memcmp(buf, big + i * 2999, 16) == 0);
	}
	IS((int32_t)(world_rpcs - rpcs), 0);
	IS(xseek(fd, 0, 2), sizeof big);
	IS((int32_t)(world_rpcs - rpcs), 0);
	IS(xread(fd, buf, 10), 0);
	/* Writes within the size go through the window, and the server is told once. */
	for (unsigned int i = 0; i < 100; i++)
		IS(sys_pwrite64((uint32_t)fd, P(big + i * 2999), 16, i * 2999, 0, 0), 16);
	IS((int32_t)(world_rpcs - rpcs), 0);
	IS((int32_t)world_touches, 1);
	IS(sys_fsync((uint32_t)fd, 0, 0, 0, 0, 0), 0);
	IS((int32_t)world_touches, 2);
	/* Growth is seen through the inode page. */
	IS(xwrite(fd, "tail", 4), 4);
	IS(sys_pread64((uint32_t)fd, P(buf), 10, sizeof big, 0, 0), 4);
	IS(sys_pread64((uint32_t)fd, P(buf), 10, 0, 0x80000000u, 0), EM_E(EINVAL));
	/* Vectors */
	iov[0] = (struct em_segment){ P(back), 3 };
	iov[1] = (struct em_segment){ P(back + 100), 0 };
	iov[2] = (struct em_segment){ P(back + 200), 20000 };
	IS(xseek(fd, 0, 0), 0);
	IS(sys_readv((uint32_t)fd, P(iov), 3, 0, 0, 0), 20003);
	CHECK(memcmp(back, big, 3) == 0 && memcmp(back + 200, big + 3, 20000) == 0);
	IS(sys_readv((uint32_t)fd, P(iov), 1025, 0, 0, 0), EM_E(EINVAL));
	iov[1].s_len = 0x80000000u;
	IS(sys_readv((uint32_t)fd, P(iov), 3, 0, 0, 0), EM_E(EINVAL));
	iov[1].s_len = 5;
	IS(sys_pwritev((uint32_t)fd, P(iov), 3, 1, 0, 0), 20008);
	IS(sys_pread64((uint32_t)fd, P(buf), 8, 1, 0, 0), 8);
	CHECK(memcmp(buf, back, 3) == 0 && memcmp(buf + 3, back + 100, 5) == 0);
	IS(xclose(fd), 0);
	CHECK(world_rights() == rights);
}

static void
test_faults(void)
{
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int32_t fd = xopen("/f", MX_O_RDWR);
	char buf[16];

	munmap(edge + 4096, 4096);
	memcpy(edge + 4090, "abcdef", 6);
	IS(xread(fd, (void *)WORLD_BAD, 10), EM_E(EFAULT));
	IS(xwrite(fd, (void *)WORLD_BAD, 10), EM_E(EFAULT));
	IS(xseek(fd, 0, 1), 0);
	/* The part before the fault counts. */
	IS(xread(fd, edge + 4000, 5000), 96);
	IS(xseek(fd, 0, 1), 96);
	memcpy(edge + 4090, "abcdef", 6);
	IS(xseek(fd, 0, 0), 0);
	IS(xwrite(fd, edge + 4090, 1000), 6);
	IS(sys_pread64((uint32_t)fd, P(buf), 7, 0, 0, 0), 7);
	CHECK(memcmp(buf, "abcdef", 6) == 0);
	/* Through the window, too. */
	for (int i = 0; i < 5; i++)
		IS(sys_pread64((uint32_t)fd, P(buf), 7, 0, 0, 0), 7);
	IS(sys_pread64((uint32_t)fd, P(edge + 4000), 5000, 0, 0, 0), 96);
	IS(sys_pread64((uint32_t)fd, WORLD_BAD, 5000, 0, 0, 0), EM_E(EFAULT));
	IS(xopen((char *)WORLD_BAD, 0), EM_E(EFAULT));
	IS(xclose(fd), 0);
	munmap(edge, 4096);
}

/* With O_DIRECT memory, length and place are whole sectors. */
static void
test_direct(void)
{
	static char sectors[1024] __attribute__((aligned(512)));
	int32_t fd = xopen("/m", MX_O_RDWR | MX_O_DIRECT);

	IS(xseek(fd, 0, 0), 0);
	IS(xwrite(fd, sectors, 1024), 1024);
	IS(xwrite(fd, sectors + 1, 512), EM_E(EINVAL));
	IS(xwrite(fd, sectors, 100), EM_E(EINVAL));
	IS(xseek(fd, 3, 0), 3);
	IS(xread(fd, sectors, 512), EM_E(EINVAL));
	IS(xseek(fd, 512, 0), 512);
	IS(xread(fd, sectors, 1024), 512);
	IS(xclose(fd), 0);
}

static void
test_modes(void)
{
	int32_t fd, other;
	char buf[16];

	world_file("/m", "abc", 3);
	fd = xopen("/m", MX_O_WRONLY | MX_O_APPEND);
	IS(xread(fd, buf, 1), EM_E(EBADF));
	other = xopen("/m", MX_O_RDONLY);
	IS(xwrite(other, "x", 1), EM_E(EBADF));
	IS(xwrite(fd, "de", 2), 2);
	IS(xseek(fd, 0, 1), 5);
	IS(xfcntl(fd, 3, 0), MX_O_WRONLY | MX_O_APPEND);
	IS(xfcntl(fd, 4, MX_O_NONBLOCK), 0);
	IS(xfcntl(fd, 3, 0), MX_O_WRONLY | MX_O_NONBLOCK);
	IS(xseek(fd, 0, 0), 0);
	IS(xwrite(fd, "Z", 1), 1);
	IS(xread(other, buf, 16), 5);
	CHECK(memcmp(buf, "Zbcde", 5) == 0);
	IS(xseek(other, -1, 0), EM_E(EINVAL));
	IS(xseek(other, 0, 9), EM_E(EINVAL));
	IS(xseek(other, 0, 3), 0);
	IS(xseek(other, 0, 4), 5);
	IS(xseek(other, 9, 3), EM_E(ENXIO));
	world_process.p_rlimit_fsize = 6;
	IS(xseek(fd, 4, 0), 4);
	IS(xwrite(fd, "12345", 5), 2);
	world_last_signal = 0;
	IS(xwrite(fd, "12345", 5), EM_E(EFBIG));
	IS(world_last_signal, MX_SIGXFSZ);
	world_process.p_rlimit_fsize = MX_RLIM_INFINITY;
	IS(sys_ftruncate64((uint32_t)fd, 2, 0, 0, 0, 0), 0);
	IS((int32_t)world_size("/m"), 2);
	IS(sys_ftruncate64((uint32_t)other, 2, 0, 0, 0, 0), EM_E(EINVAL));
	IS(sys_fallocate((uint32_t)fd, 0, 0, 0, 100, 0), 0);
	IS((int32_t)world_size("/m"), 100);
	test_direct();
	IS(xopen("/", 020200000 | MX_O_RDWR), EM_E(EOPNOTSUPP));
	IS(xopen("/nothing", 0), EM_E(ENOENT));
	IS(xopen("", 0), EM_E(ENOENT));
	world_fail_next = MX_EIO;
	IS(xread(other, buf, 16), EM_E(EIO));
	IS(xclose(fd), 0);
	IS(xclose(other), 0);
}

/* ---- Devices that the library is ---- */

static void
test_null(void)
{
	char buf[5000];
	int32_t fd;

	world_special("/dev/null", MX_KIND_NULL);
	world_special("/dev/zero", MX_KIND_ZERO);
	world_special("/dev/full", MX_KIND_FULL);
	world_special("/dev/urandom", MX_KIND_RANDOM);
	fd = xopen("/dev/null", MX_O_RDWR);
	IS(xwrite(fd, "abc", 3), 3);
	IS(xread(fd, buf, 3), 0);
	IS(xseek(fd, 100, 0), 0);
	IS(sys_ioctl((uint32_t)fd, 0x5401, P(buf), 0, 0, 0), EM_E(ENOTTY));
	IS(sys_fstat64((uint32_t)fd, P(buf), 0, 0, 0, 0), 0);
	IS(xclose(fd), 0);
	fd = xopen("/dev/zero", MX_O_RDWR);
	memset(buf, 1, sizeof buf);
	IS(xread(fd, buf, sizeof buf), sizeof buf);
	CHECK(buf[0] == 0 && memcmp(buf, buf + 1, sizeof buf - 1) == 0);
	IS(xread(fd, (void *)WORLD_BAD, 10), EM_E(EFAULT));
	IS(xclose(fd), 0);
	fd = xopen("/dev/full", MX_O_RDWR);
	IS(xwrite(fd, "abc", 3), EM_E(ENOSPC));
	IS(xclose(fd), 0);
	fd = xopen("/dev/urandom", 0);
	IS(xread(fd, buf, sizeof buf), sizeof buf);
	CHECK(memcmp(buf, buf + 1000, 1000) != 0);
	IS(xclose(fd), 0);
}

/* ---- Terminals ---- */

static void
test_tty(void)
{
	char buf[64];
	int32_t fd;

	world_special("/dev/console", MX_KIND_TTY);
	fd = xopen("/dev/console", MX_O_RDWR);
	world_tty_type("line\n");
	IS(xread(fd, buf, 64), 5);
	IS(xread(fd, buf, 64), EM_RESTARTSYS);
	IS(xfcntl(fd, 4, MX_O_NONBLOCK), 0);
	IS(xread(fd, buf, 64), EM_E(EAGAIN));
	IS(xwrite(fd, "out", 3), 3);
	CHECK(strcmp(world_tty_output(), "out") == 0);
	IS(xseek(fd, 0, 1), EM_E(ESPIPE));
	IS(sys_pread64((uint32_t)fd, P(buf), 1, 0, 0, 0), EM_E(ESPIPE));
	IS(sys_ioctl((uint32_t)fd, 0x5413, P(buf), 0, 0, 0), 0);
	CHECK(buf[0] == 7 && buf[7] == 7);
	IS(sys_ioctl((uint32_t)fd, 0x5401, P(buf), 0, 0, 0), EM_E(ENOTTY));
	/* Background */
	world_tty_is_background = true;
	world_last_signal = 0;
	IS(xread(fd, buf, 64), EM_RESTARTSYS);
	IS(world_last_signal, MX_SIGTTIN);
	IS(xwrite(fd, "x", 1), EM_RESTARTSYS);
	IS(world_last_signal, MX_SIGTTOU);
	world_ignore(MX_SIGTTOU, 1);
	world_ignore(MX_SIGTTIN, 1);
	IS(xread(fd, buf, 64), EM_E(EIO));
	IS(xwrite(fd, "x", 1), 1);
	CHECK(strcmp(world_tty_output(), "x") == 0);
	world_ignore(MX_SIGTTOU, 0);
	world_ignore(MX_SIGTTIN, 0);
	((struct mx_sys *)MX_SYS_BASE)->sy_proc[4].sp_sid = 39;	/* nobody can continue the group */
	IS(xread(fd, buf, 64), EM_E(EIO));
	((struct mx_sys *)MX_SYS_BASE)->sy_proc[4].sp_sid = 40;
	world_tty_is_background = false;
	IS(xclose(fd), 0);
}

/* ---- Pipes ---- */

static void
test_pipe(void)
{
	unsigned int rights = world_rights();
	int32_t fd[2], n;
	char buf[64];

	IS(sys_pipe2(P(fd), MX_O_NONBLOCK | MX_O_CLOEXEC, 0, 0, 0, 0), 0);
	IS(xfcntl(fd[0], 1, 0), 1);
	IS(xread(fd[0], buf, 10), EM_E(EAGAIN));
	IS(xwrite(fd[1], "hello", 5), 5);
	IS(sys_ioctl((uint32_t)fd[0], 0x541b, P(&n), 0, 0, 0), 0);
	IS(n, 5);
	IS(xread(fd[0], buf, 3), 3);
	IS(xread(fd[0], buf, 30), 2);
	IS(xread(fd[1], buf, 1), EM_E(EBADF));
	IS(xseek(fd[0], 0, 1), EM_E(ESPIPE));
	/* Full; atomic writes all or nothing, larger ones in part. */
	IS(xwrite(fd[1], big, 70000), 65536);
	IS(xwrite(fd[1], big, 1), EM_E(EAGAIN));
	IS(xread(fd[0], back, 100), 100);
	IS(xwrite(fd[1], big, 101), EM_E(EAGAIN));
	IS(xwrite(fd[1], big, 5000), 100);
	IS(xread(fd[0], back, 70000), 65536);
	CHECK(memcmp(back, big + 100, 65436) == 0 && memcmp(back + 65436, big, 100) == 0);
	IS(xfcntl(fd[0], 1032, 0), 65536);
	IS(xfcntl(fd[0], 1031, 4096), 65536);
	IS(xfcntl(fd[0], 1031, 1 << 20), EM_E(EPERM));
	/* Ends */
	IS(xwrite(fd[1], "z", 1), 1);
	IS(xclose(fd[1]), 0);
	IS(xread(fd[0], buf, 30), 1);
	IS(xread(fd[0], buf, 30), 0);
	IS(xclose(fd[0]), 0);
	IS(sys_pipe2(P(fd), 0, 0, 0, 0, 0), 0);
	IS(xclose(fd[0]), 0);
	world_last_signal = 0;
	IS(xwrite(fd[1], "z", 1), EM_E(EPIPE));
	IS(world_last_signal, MX_SIGPIPE);
	IS(xclose(fd[1]), 0);
	IS(sys_pipe2(WORLD_BAD, 0, 0, 0, 0, 0), EM_E(EFAULT));
	IS(sys_pipe2(P(fd), 0x40, 0, 0, 0, 0), EM_E(EINVAL));
	CHECK(world_rights() == rights);
}

/* A pipe that nobody needs to know of. */
static void
test_pipe_unmade(void)
{
	unsigned int rpcs = world_rpcs, rights = world_rights();
	int32_t fd[2];

	IS(sys_pipe2(P(fd), MX_O_CLOEXEC, 0, 0, 0, 0), 0);
	IS(xclose(fd[1]), 0);
	IS(xread(fd[0], back, 10), 0);
	IS(xclose(fd[0]), 0);
	CHECK(world_rpcs == rpcs && world_rights() == rights);

	/* only what is inherited needs its right */
	IS(sys_pipe2(P(fd), MX_O_CLOEXEC, 0, 0, 0, 0), 0);
	em_file_fork_begin(&world_process, true);
	em_file_fork_end(&world_process);
	CHECK(world_rpcs == rpcs);
	em_file_fork_begin(&world_process, false);
	em_file_fork_end(&world_process);
	CHECK(world_rpcs == rpcs + 1);
	IS(xwrite(fd[1], "abc", 3), 3);
	IS(xread(fd[0], back, 10), 3);
	IS(xclose(fd[0]), 0);
	IS(xclose(fd[1]), 0);

	/* made when one end is gone: the other hears of it */
	IS(sys_pipe2(P(fd), 0, 0, 0, 0, 0), 0);
	IS(xclose(fd[0]), 0);
	IS(xwrite(fd[1], "abc", 3), EM_E(EPIPE));
	IS(xclose(fd[1]), 0);
	IS(sys_pipe2(P(fd), 0, 0, 0, 0, 0), 0);
	world_fail_next = MX_ENFILE;
	IS(xwrite(fd[1], "abc", 3), EM_E(ENFILE));
	IS(xwrite(fd[1], "abc", 3), 3);
	IS(xread(fd[0], back, 10), 3);
	IS(xclose(fd[0]), 0);
	IS(xclose(fd[1]), 0);
	CHECK(world_rights() == rights);
}

/* A pipe whose other end writes nonsense into the control page. */
static void
test_pipe_hostile(void)
{
	struct mx_ring *ring;
	struct em_file *f;
	int32_t fd[2];

	IS(sys_pipe2(P(fd), 0, 0, 0, 0, 0), 0);
	f = em_fd_get(fd[0]);
	IS(em_pipe_ready(f), 0);
	ring = f->f_ring->r_ring;
	em_file_release(f);
	ring->rg_tail = ring->rg_head + 1000000;
	IS(xread(fd[0], back, 70000), EM_E(EIO));
	IS(xwrite(fd[1], big, 10), EM_E(EIO));
	ring->rg_tail = ring->rg_head - 1;
	IS(xread(fd[0], back, 70000), EM_E(EIO));
	ring->rg_tail = ring->rg_head = 0xfffffff0u;	/* positions wrap */
	IS(xwrite(fd[1], big, 100), 100);
	IS(xread(fd[0], back, 100), 100);
	CHECK(memcmp(big, back, 100) == 0);
	/* A lock whose owner is dead is taken over. */
	ring->rg_read_lock = 9999;
	IS(xwrite(fd[1], big, 100), 100);
	IS(xread(fd[0], back, 100), 100);
	world_signal = true;
	IS(xread(fd[0], back, 100), EM_RESTARTSYS);
	world_signal = false;
	IS(xclose(fd[0]), 0);
	IS(xclose(fd[1]), 0);
}

/* ---- poll ---- */

struct pfd { int32_t fd; int16_t events, revents; };

static void
test_poll(void)
{
	struct pfd p[3];
	int32_t fd[2], tty, file, tv[2];
	uint32_t in[2], out[2];
	unsigned int rpcs;

	IS(sys_pipe2(P(fd), 0, 0, 0, 0, 0), 0);
	tty = xopen("/dev/console", MX_O_RDWR);
	file = xopen("/f", MX_O_RDONLY);
	p[0] = (struct pfd){ fd[0], MX_POLLIN, -1 };
	p[1] = (struct pfd){ tty, MX_POLLIN, -1 };
	p[2] = (struct pfd){ -5, MX_POLLIN, -1 };
	IS(sys_poll(P(p), 3, 0, 0, 0, 0), 0);
	CHECK(p[0].revents == 0 && p[1].revents == 0 && p[2].revents == 0);
	IS(sys_poll(P(p), 3, 20, 0, 0, 0), 0);
	rpcs = world_rpcs;
	IS(sys_poll(P(p), 3, 0, 0, 0, 0), 0);	/* what is registered is not asked again */
	IS(sys_poll(P(p), 3, 5, 0, 0, 0), 0);
	IS((int32_t)(world_rpcs - rpcs), 0);
	xwrite(fd[1], "x", 1);
	IS(sys_poll(P(p), 3, (uint32_t)-1, 0, 0, 0), 1);
	IS(p[0].revents, MX_POLLIN);
	world_tty_type("k");
	IS(sys_poll(P(p), 3, (uint32_t)-1, 0, 0, 0), 2);
	IS(p[1].revents, MX_POLLIN);
	for (int i = 0; i < 100; i++)		/* what is ready leaves no message behind */
		sys_poll(P(p), 3, 10, 0, 0, 0);
	CHECK(world_messages < 2);
	p[2] = (struct pfd){ file, MX_POLLIN | MX_POLLOUT, 0 };
	IS(sys_poll(P(p), 3, 0, 0, 0, 0), 3);
	IS(p[2].revents, MX_POLLIN | MX_POLLOUT);
	p[2].fd = 60;
	IS(sys_poll(P(p), 3, 0, 0, 0, 0), 3);
	IS(p[2].revents, MX_POLLNVAL);
	IS(xclose(fd[1]), 0);
	p[0].events = 0;
	IS(sys_poll(P(p), 1, 0, 0, 0, 0), 1);
	IS(p[0].revents, MX_POLLHUP);
	world_signal = true;
	p[0] = (struct pfd){ -1, 0, 0 };
	IS(sys_poll(P(p), 1, 1000, 0, 0, 0), EM_RESTARTBLOCK);
	world_signal = false;
	IS(sys_poll(WORLD_BAD, 1, 0, 0, 0, 0), EM_E(EFAULT));
	/* select */
	in[0] = 1u << tty | 1u << file;
	out[0] = 1u << tty;
	tv[0] = 5, tv[1] = 0;
	IS(sys_newselect(32, P(in), P(out), 0, P(tv), 0), 3);
	CHECK(in[0] == (1u << tty | 1u << file) && out[0] == 1u << tty && tv[0] == 4);
	in[0] = 1u << 20;
	IS(sys_newselect(32, P(in), 0, 0, P(tv), 0), EM_E(EBADF));
	tv[0] = 0, tv[1] = 10000;
	IS(sys_newselect(0, 0, 0, 0, P(tv), 0), 0);
	CHECK(tv[0] == 0 && tv[1] == 0);
	IS(xclose(fd[0]), 0);
	IS(xclose(tty), 0);
	IS(xclose(file), 0);
}

/* ---- Sockets ---- */

static int32_t
xcall(uint32_t call, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	uint32_t args[6] = { a, b, c, d, 0, 0 };

	return sys_socketcall(call, P(args), 0, 0, 0, 0);
}

static void
test_sockets(void)
{
	struct { uint16_t family; char path[108]; } sa = { 1, "/var/run/nscd/socket" };
	unsigned int rights = world_rights();
	int32_t s[2], fd, value = 0, size = 4;
	struct em_segment iov = { P(back), 3 };
	uint32_t msg[7] = { 0, 0, P(&iov), 1, 0, 0, 0 };
	struct pfd p;
	char buf[64];

	fd = xcall(1, 1, 1 | MX_O_CLOEXEC | MX_O_NONBLOCK, 0, 0);
	IS(fd, 0);
	IS(xcall(3, (uint32_t)fd, P(&sa), sizeof sa, 0), EM_E(ENOENT));
	strcpy(sa.path, "/f");
	IS(xcall(3, (uint32_t)fd, P(&sa), sizeof sa, 0), EM_E(ECONNREFUSED));
	sa.family = 2;
	IS(xcall(3, (uint32_t)fd, P(&sa), sizeof sa, 0), EM_E(EINVAL));
	IS(xread(fd, buf, 1), EM_E(EINVAL));
	IS(xwrite(fd, buf, 1), EM_E(ENOTCONN));
	IS(xclose(fd), 0);
	IS(xcall(1, 2, 1, 0, 0), EM_E(EAFNOSUPPORT));
	IS(xcall(99, 2, 1, 0, 0), EM_E(EINVAL));
	/* Stream */
	IS(xcall(8, 1, 1, 0, P(s)), 0);
	IS(xwrite(s[0], "hello", 5), 5);
	IS(xcall(10, (uint32_t)s[1], P(buf), 64, 2), 5);	/* MSG_PEEK */
	IS(xread(s[1], buf, 3), 3);
	IS(xwrite(s[1], "back", 4), 4);
	IS(xread(s[0], buf, 64), 4);
	p = (struct pfd){ s[1], MX_POLLIN | MX_POLLOUT, 0 };
	IS(sys_poll(P(&p), 1, 0, 0, 0, 0), 1);
	IS(p.revents, MX_POLLIN | MX_POLLOUT);
	IS(xread(s[1], buf, 64), 2);
	IS(xcall(10, (uint32_t)s[1], P(buf), 64, 0x40), EM_E(EAGAIN));
	IS(sys_getsockopt((uint32_t)s[0], 1, 3, P(&value), P(&size), 0), 0);
	IS(value, 1);
	IS(sys_setsockopt((uint32_t)s[0], 1, 20, P(&value), 4, 0), EM_E(ENOPROTOOPT));
	IS(xcall(13, (uint32_t)s[0], 1, 0, 0), 0);		/* SHUT_WR */
	IS(xread(s[1], buf, 64), 0);
	IS(xwrite(s[1], "still", 5), 5);
	IS(xread(s[0], buf, 64), 5);
	world_last_signal = 0;
	IS(xcall(9, (uint32_t)s[0], P(buf), 1, 0x4000), EM_E(EPIPE));
	IS(world_last_signal, 0);
	IS(xclose(s[0]), 0);
	IS(xwrite(s[1], "x", 1), EM_E(EPIPE));
	IS(world_last_signal, MX_SIGPIPE);
	IS(sys_poll(P(&p), 1, 0, 0, 0, 0), 1);
	CHECK(p.revents & MX_POLLHUP);
	IS(xclose(s[1]), 0);
	/* Packets: whole, one by one, empty ones too; too long for the room: cut. */
	IS(sys_socketpair(1, 2, 0, P(s), 0, 0), 0);
	IS(xwrite(s[0], "one", 3), 3);
	IS(xwrite(s[0], big, 60000), 60000);
	IS(xread(s[1], buf, 64), 3);
	memset(back, 0, sizeof back);
	IS(xread(s[1], back, sizeof back), 60000);
	CHECK(memcmp(back, big, 60000) == 0);
	IS(xwrite(s[0], big, 70000), EM_E(EMSGSIZE));
	IS(xwrite(s[0], "abcdef", 6), 6);
	IS(sys_recvmsg((uint32_t)s[1], P(msg), 0, 0, 0, 0), 3);
	CHECK(msg[6] == 0x20 && memcmp(back, "abc", 3) == 0);
	IS(xcall(10, (uint32_t)s[1], P(buf), 64, 0x40), EM_E(EAGAIN));
	msg[5] = 12;
	IS(sys_sendmsg((uint32_t)s[1], P(msg), 0, 0, 0, 0), EM_E(EOPNOTSUPP));
	IS(sys_getsockname((uint32_t)s[0], P(buf), P(&size), 0, 0, 0), 0);
	CHECK(size == 2 && buf[0] == 1);
	IS(xclose(s[0]), 0);
	IS(xclose(s[1]), 0);
	IS(sys_getxattr(P("/f"), P("user.x"), 0, 0, 0, 0), EM_E(ENODATA));
	IS(sys_listxattr(P("/none"), 0, 0, 0, 0, 0), EM_E(ENOENT));
	IS(sys_setxattr(P("/f"), P("user.x"), P("abc"), 3, 0, 0), 0);
	IS(sys_getxattr(P("/f"), P("user.x"), 0, 0, 0, 0), 3);
	IS(sys_getxattr(P("/f"), P("user.x"), P(buf), 2, 0, 0), EM_E(ERANGE));
	IS(sys_getxattr(P("/f"), P("user.x"), P(buf), 3, 0, 0), 3);
	CHECK(memcmp(buf, "abc", 3) == 0);
	IS(sys_listxattr(P("/f"), P(buf), 7, 0, 0, 0), 7);
	IS(sys_setxattr(P("/f"), P("user.x"), 0, 65537, 0, 0), EM_E(E2BIG));
	IS(sys_setxattr(P("/f"), P("user.x"), 0, 5, 0, 0), EM_E(EFAULT));
	IS(sys_removexattr(P("/f"), P("user.x"), 0, 0, 0, 0), 0);
	IS(sys_listxattr(P("/f"), 0, 0, 0, 0, 0), 0);
	IS(sys_fsetxattr(77, P("user.x"), 0, 0, 0, 0), EM_E(EBADF));
	CHECK(world_rights() == rights);
}

/* ---- epoll, eventfd, timerfd, signalfd ---- */

struct eev { uint32_t events, data[2]; };

static int32_t xctl(int32_t ep, uint32_t op, int32_t fd, uint32_t events)
{
	struct eev ev = { events, { (uint32_t)fd, 0 } };

	return sys_epoll_ctl((uint32_t)ep, op, (uint32_t)fd, P(&ev), 0, 0);
}

static int32_t xwait(int32_t ep, struct eev *ev, int32_t timeout)
{
	return sys_epoll_wait((uint32_t)ep, P(ev), 8, (uint32_t)timeout, 0, 0);
}

static void
test_eventfd(void)
{
	int32_t fd = sys_eventfd2(3, MX_O_NONBLOCK, 0, 0, 0, 0), sem;
	uint64_t v = 0;
	struct pfd p = { fd, MX_POLLIN | MX_POLLOUT, 0 };

	IS(xread(fd, &v, 8), 8);
	CHECK(v == 3);
	IS(xread(fd, &v, 8), EM_E(EAGAIN));
	IS(xread(fd, &v, 4), EM_E(EINVAL));
	IS(sys_poll(P(&p), 1, 0, 0, 0, 0), 1);
	IS(p.revents, MX_POLLOUT);
	v = ~0ull;
	IS(xwrite(fd, &v, 8), EM_E(EINVAL));
	v = ~0ull - 1;
	IS(xwrite(fd, &v, 8), 8);
	v = 1;
	IS(xwrite(fd, &v, 8), EM_E(EAGAIN));
	IS(sys_poll(P(&p), 1, 0, 0, 0, 0), 1);
	IS(p.revents, MX_POLLIN);
	IS(xread(fd, &v, 8), 8);
	CHECK(v == ~0ull - 1);
	sem = sys_eventfd2(2, 1 | MX_O_NONBLOCK, 0, 0, 0, 0);
	IS(xread(sem, &v, 8), 8);
	CHECK(v == 1);
	IS(xread(sem, &v, 8), 8);
	IS(xread(sem, &v, 8), EM_E(EAGAIN));
	IS(sys_eventfd2(0, 0x10, 0, 0, 0, 0), EM_E(EINVAL));
	IS(xclose(sem), 0);
	IS(xclose(fd), 0);
}

static void
test_timerfd(void)
{
	int32_t fd = sys_timerfd_create(1, 0, 0, 0, 0, 0), ts[4] = { 0, 3000000, 0, 5000000 }, was[4];
	struct pfd p = { fd, MX_POLLIN, 0 };
	uint64_t n = 0;

	IS(sys_timerfd_settime((uint32_t)fd, 0, P(ts), 0, 0, 0), 0);
	IS(sys_poll(P(&p), 1, 0, 0, 0, 0), 0);
	IS(sys_timerfd_gettime((uint32_t)fd, P(was), 0, 0, 0, 0), 0);
	CHECK(was[1] == 3000000 && was[2] == 0 && was[3] > 0 && was[3] <= 5000000);
	IS(sys_poll(P(&p), 1, 1000, 0, 0, 0), 1);
	IS(xread(fd, &n, 8), 8);
	CHECK(n >= 1);
	IS(xread(fd, &n, 8), 8);		/* waits for the next one */
	CHECK(n >= 1);
	ts[1] = ts[3] = 0;
	IS(sys_timerfd_settime((uint32_t)fd, 0, P(ts), P(was), 0, 0), 0);
	CHECK(was[1] == 3000000);
	IS(sys_poll(P(&p), 1, 10, 0, 0, 0), 0);
	ts[3] = 1;				/* long ago on CLOCK_MONOTONIC */
	IS(sys_timerfd_settime((uint32_t)fd, 1, P(ts), 0, 0, 0), 0);
	IS(xread(fd, &n, 8), 8);
	CHECK(n == 1);
	IS(sys_timerfd_settime(0x1000, 1, P(ts), 0, 0, 0), EM_E(EBADF));
	IS(sys_timerfd_create(5, 0, 0, 0, 0, 0), EM_E(EINVAL));
	IS(xclose(fd), 0);
}

static void
test_signalfd(void)
{
	em_sigset set = 1ull << (MX_SIGUSR1 - 1) | 1ull << (MX_SIGKILL - 1);
	int32_t fd = sys_signalfd4(~0u, P(&set), 8, MX_O_NONBLOCK, 0, 0);
	struct pfd p = { fd, MX_POLLIN, 0 };
	uint32_t info[64];

	IS(xread(fd, info, sizeof info), EM_E(EAGAIN));
	IS(xread(fd, info, 100), EM_E(EINVAL));
	IS(sys_poll(P(&p), 1, 0, 0, 0, 0), 0);
	world_process.p_pending = 1ull << (MX_SIGUSR1 - 1) | 1ull << (MX_SIGUSR2 - 1);
	IS(sys_poll(P(&p), 1, 0, 0, 0, 0), 1);
	IS(xread(fd, info, sizeof info), 128);
	CHECK(info[0] == MX_SIGUSR1 && info[11] == 77);
	set = 1ull << (MX_SIGUSR2 - 1);
	IS(sys_signalfd4((uint32_t)fd, P(&set), 8, 0, 0, 0), fd);
	IS(xread(fd, info, sizeof info), 128);
	CHECK(info[0] == MX_SIGUSR2);
	IS(xclose(fd), 0);
}

static void
test_epoll(void)
{
	int32_t ep = sys_epoll_create1(MX_O_CLOEXEC, 0, 0, 0, 0, 0), fd[2], file, outer, ev_fd;
	struct eev ev[8];
	uint64_t one = 1;
	char buf[16];

	IS(sys_pipe2(P(fd), MX_O_NONBLOCK, 0, 0, 0, 0), 0);
	file = xopen("/f", 0);
	IS(xctl(ep, 1, file, MX_POLLIN), EM_E(EPERM));
	IS(xctl(ep, 1, ep, MX_POLLIN), EM_E(EINVAL));
	IS(xctl(file, 1, fd[0], MX_POLLIN), EM_E(EINVAL));
	IS(xctl(ep, 3, fd[0], MX_POLLIN), EM_E(ENOENT));
	IS(xctl(ep, 1, fd[0], MX_POLLIN), 0);
	IS(xctl(ep, 1, fd[0], MX_POLLIN), EM_E(EEXIST));
	IS(xwait(ep, ev, 0), 0);
	IS(xwait(ep, ev, 5), 0);
	IS(xwrite(fd[1], "ab", 2), 2);
	IS(xwait(ep, ev, -1), 1);
	CHECK(ev[0].events == MX_POLLIN && ev[0].data[0] == (uint32_t)fd[0]);
	IS(xwait(ep, ev, 0), 1);		/* level */
	/* Edge: once, again with new data, again after the program found it empty and more came. */
	IS(xctl(ep, 3, fd[0], MX_POLLIN | 1u << 31), 0);
	IS(xwait(ep, ev, 0), 1);
	IS(xwait(ep, ev, 0), 0);
	IS(xwrite(fd[1], "c", 1), 1);
	IS(xwait(ep, ev, 0), 1);
	IS(xwait(ep, ev, 0), 0);
	IS(xread(fd[0], buf, 16), 3);
	IS(xwait(ep, ev, 0), 0);
	IS(xwrite(fd[1], "d", 1), 1);
	IS(xwait(ep, ev, -1), 1);
	/* Once */
	IS(xctl(ep, 3, fd[0], MX_POLLIN | 1u << 30), 0);
	IS(xwait(ep, ev, 0), 1);
	IS(xwait(ep, ev, 0), 0);
	IS(xctl(ep, 3, fd[0], MX_POLLIN), 0);
	IS(xwait(ep, ev, 0), 1);
	/* Sets in sets */
	outer = sys_epoll_create1(0, 0, 0, 0, 0, 0);
	IS(xctl(outer, 1, ep, MX_POLLIN), 0);
	IS(xctl(ep, 1, outer, MX_POLLIN), EM_E(ELOOP));
	IS(xwait(outer, ev, 0), 1);
	IS(xread(fd[0], buf, 16), 1);
	IS(xwait(outer, ev, 0), 0);
	/* Turns: two ready files, room for one. */
	ev_fd = sys_eventfd2(0, 0, 0, 0, 0, 0);
	IS(xctl(ep, 1, ev_fd, MX_POLLIN | 1u << 31), 0);
	IS(xwrite(ev_fd, &one, 8), 8);
	IS(xwait(ep, ev, 0), 1);
	IS(xwrite(ev_fd, &one, 8), 8);		/* never read: each write is an edge */
	IS(xwait(ep, ev, 0), 1);
	IS(xwait(ep, ev, 0), 0);
	IS(xctl(ep, 3, ev_fd, MX_POLLIN), 0);
	IS(xwrite(fd[1], "e", 1), 1);
	IS(sys_epoll_wait((uint32_t)ep, P(&ev[0]), 1, 0, 0, 0), 1);
	IS(sys_epoll_wait((uint32_t)ep, P(&ev[1]), 1, 0, 0, 0), 1);
	CHECK(ev[0].data[0] != ev[1].data[0]);
	IS(sys_epoll_wait((uint32_t)ep, P(ev), 0, 0, 0, 0), EM_E(EINVAL));
	/* A closed file leaves the set. */
	IS(xclose(fd[0]), 0);
	IS(xwait(ep, ev, 0), 1);
	IS(xctl(ep, 2, ev_fd, 0), 0);
	IS(xwait(ep, ev, 0), 0);
	IS(sys_close_range(0, ~0u, 0, 0, 0, 0), 0);
}

/* ---- Names ---- */

static void
test_names(void)
{
	unsigned int rights;
	char buf[300];
	int32_t fd, again;

	IS(sys_mkdir(P("/dir"), 0777, 0, 0, 0, 0), 0);
	fd = xopen("/dir", MX_O_RDONLY | MX_O_DIRECTORY);
	rights = world_rights();
	IS(sys_openat((uint32_t)fd, P("file"), MX_O_CREAT | MX_O_RDWR, 0666, 0, 0), fd + 1);
	IS(xwrite(fd + 1, "data", 4), 4);
	IS(xread(fd, buf, 4), EM_E(EISDIR));
	IS(sys_statx((uint32_t)fd, P("file"), 0, 0x7ff, P(buf), 0), 0);
	CHECK(*(uint64_t *)(buf + 40) == 4 && (*(uint16_t *)(buf + 28) & 0777) == 0644);
	IS(sys_fstatat64((uint32_t)fd + 1, P(""), P(buf), MX_AT_EMPTY_PATH, 0, 0), 0);
	IS((int32_t)*(uint64_t *)(buf + 44), 4);
	IS(sys_fstatat64((uint32_t)fd + 1, P("x"), P(buf), 0, 0, 0), EM_E(ENOTDIR));
	IS(sys_fstatat64(77, P("x"), P(buf), 0, 0, 0), EM_E(EBADF));
	IS(sys_access(P("/dir/file"), 4, 0, 0, 0, 0), 0);
	IS(sys_access(P("/dir/file"), 9, 0, 0, 0, 0), EM_E(EINVAL));
	IS(sys_fchmod((uint32_t)fd + 1, 0600, 0, 0, 0, 0), 0);
	IS(sys_fstat64((uint32_t)fd + 1, P(buf), 0, 0, 0, 0), 0);
	IS((int32_t)(*(uint32_t *)(buf + 16) & 0777), 0600);
	/* Descriptors by name */
	snprintf(buf, sizeof buf, "/dev/fd/%d", fd + 1);
	again = xopen(buf, MX_O_RDONLY);
	IS(again, fd + 2);
	IS(xread(again, buf, 10), 4);		/* a description of its own */
	IS(xclose(again), 0);
	snprintf(buf, sizeof buf, "//proc/./self/fd/%d", fd + 1);
	IS(sys_readlink(P(buf), P(buf), 200, 0, 0, 0), 9);
	CHECK(memcmp(buf, "/dir/file", 9) == 0);
	IS(sys_readlink(P("/proc/42/exe"), P(buf), 4, 0, 0, 0), 4);
	CHECK(memcmp(buf, "/bin", 4) == 0);
	IS(xopen("/proc/self/fd/63", 0), EM_E(ENOENT));
	/* Directories */
	IS(sys_getdents64((uint32_t)fd, P(buf), sizeof buf, 0, 0, 0), 24);
	CHECK(strcmp(buf + 19, "file") == 0 && buf[18] == 8);
	IS(sys_getdents64((uint32_t)fd, P(buf), sizeof buf, 0, 0, 0), 0);
	IS(xseek(fd, 0, 0), 0);
	IS(sys_getdents((uint32_t)fd, P(buf), sizeof buf, 0, 0, 0), 16);
	CHECK(strcmp(buf + 10, "file") == 0 && buf[15] == 8);
	IS(xseek(fd, 0, 0), 0);
	IS(sys_getdents64((uint32_t)fd, P(buf), 8, 0, 0, 0), EM_E(EINVAL));
	IS(sys_getdents64((uint32_t)fd + 1, P(buf), 100, 0, 0, 0), EM_E(ENOTDIR));
	/* Current directory */
	IS(sys_chdir(P("/dir"), 0, 0, 0, 0, 0), 0);
	IS(sys_getcwd(P(buf), 5, 0, 0, 0, 0), 5);
	CHECK(strcmp(buf, "/dir") == 0);
	IS(sys_getcwd(P(buf), 4, 0, 0, 0, 0), EM_E(ERANGE));
	IS(sys_access(P("file"), 4, 0, 0, 0, 0), 0);
	IS(sys_rename(P("file"), P("other"), 0, 0, 0, 0), 0);
	IS(sys_symlink(P("other"), P("sym"), 0, 0, 0, 0), 0);
	IS(sys_readlink(P("sym"), P(buf), 100, 0, 0, 0), 5);
	IS(sys_unlink(P("other"), 0, 0, 0, 0, 0), 0);
	IS(sys_fchdir((uint32_t)fd + 1, 0, 0, 0, 0, 0), EM_E(ENOTDIR));
	IS(sys_chdir(P("/"), 0, 0, 0, 0, 0), 0);
	IS(xclose(fd + 1), 0);
	CHECK(world_rights() == rights);
	IS(xclose(fd), 0);
}

static void
test_copy(void)
{
	int32_t in = xopen("/f", MX_O_RDONLY), out = xopen("/copy", MX_O_CREAT | MX_O_RDWR), fd[2];
	uint32_t off = 10;

	sys_ftruncate((uint32_t)in, 0, 0, 0, 0, 0);
	IS(sys_sendfile((uint32_t)out, (uint32_t)in, P(&off), 20000, 0, 0), 20000);
	IS((int32_t)off, 20010);
	IS(xseek(in, 0, 1), 0);
	IS(sys_pread64((uint32_t)in, P(back), 20000, 10, 0, 0), 20000);
	IS(sys_pread64((uint32_t)out, P(back + 20000), 20000, 0, 0, 0), 20000);
	CHECK(memcmp(back, back + 20000, 20000) == 0);
	IS(sys_copy_file_range((uint32_t)in, 0, (uint32_t)out, 0, 100000, 0), 100000);
	IS(xseek(in, 0, 1), 100000);
	IS((int32_t)world_size("/copy"), 120000);
	IS(sys_copy_file_range((uint32_t)in, 0, (uint32_t)out, 0, 100, 1), EM_E(EINVAL));
	/* Into a pipe that fills: the source moves by what went. */
	IS(sys_pipe2(P(fd), MX_O_NONBLOCK, 0, 0, 0, 0), 0);
	IS(xseek(in, 0, 0), 0);
	IS(sys_sendfile((uint32_t)fd[1], (uint32_t)in, 0, 100000, 0, 0), 65536);
	IS(xseek(in, 0, 1), 65536);
	IS(xread(fd[0], back, 65536), 65536);
	IS(sys_sendfile((uint32_t)out, (uint32_t)fd[0], 0, 1, 0, 0), EM_E(EINVAL));
	for (int i = 0; i < 2; i++)
		xclose(fd[i]);
	xclose(in);
	xclose(out);
}

/* ---- fork ---- */

/* What emulib's fork does, with the host's: pages of descriptions and rings are shared, all else is copied. */
static pid_t
world_fork(void)
{
	pid_t pid;

	em_file_fork_begin(&world_process, false);
	pid = fork();
	if (pid == 0) {
		em_file_forked(&world_process, false);
		return 0;
	}
	IS(em_file_fork(&world_process, 77, false), 0);
	em_file_fork_end(&world_process);
	return pid;
}

static int
world_wait(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_fork(void)
{
	int32_t fd = xopen("/f", MX_O_RDWR), p[2], q[2], own;
	char buf[16];
	pid_t pid;

	IS(sys_dup((uint32_t)fd, 0, 0, 0, 0, 0), fd + 1);
	IS(sys_pipe2(P(p), 0, 0, 0, 0, 0), 0);
	IS(sys_pipe2(P(q), 0, 0, 0, 0, 0), 0);
	world_given = 0;
	pid = world_fork();
	if (pid == 0) {
		/* The position is one; a new description is the child's own, in a page of its own. */
		xseek(fd, 1234, 0);
		own = xopen("/f", MX_O_RDWR);
		xseek(own, 7, 0);
		for (int i = 0; i < 1000; i++)
			if (xread(p[0], back + i * 100, 100) != 100)
				_exit(2);
		if (xwrite(q[1], "done", 4) != 4 || memcmp(back, big, 100000) != 0)
			_exit(3);
		_exit(xclose(fd) == 0 && xclose(fd + 1) == 0 ? 0 : 1);
	}
	IS((int32_t)world_given, 6);		/* the context, one file, four ends */
	own = xopen("/f", MX_O_RDWR);
	IS(xseek(own, 9, 0), 9);
	for (int i = 0; i < 500; i++)
		if (xwrite(p[1], big + i * 200, 200) != 200)
			break;
	IS(xread(q[0], buf, 16), 4);
	IS(world_wait(pid), 0);
	IS(xseek(fd, 0, 1), 1234);
	IS(xseek(own, 0, 1), 9);
	/* Many forks: pages of descriptions do not run out. */
	for (int i = 0; i < 600; i++) {
		em_file_fork_begin(&world_process, false);
		em_file_fork_end(&world_process);
		xclose(own);
		own = xopen("/f", MX_O_RDWR);
	}
	CHECK(own >= 0);
	IS(sys_close_range(0, ~0u, 0, 0, 0, 0), 0);
}

/* Allocation fails at the Nth call, whatever N: an error, and nothing is lost. */
static void
test_no_memory(void)
{
	unsigned int rights = world_rights();
	int32_t fd[2], done = 0;

	for (int n = 0; n < 8; n++) {
		world_alloc_fails = n;
		done = sys_pipe2(P(fd), 0, 0, 0, 0, 0);
		world_alloc_fails = -1;
		if (done == 0)
			sys_close_range(0, ~0u, 0, 0, 0, 0);
		CHECK(done == 0 || done == EM_E(ENOMEM));
		CHECK(world_rights() == rights);
		world_alloc_fails = n;
		done = xopen("/f", 0);
		world_alloc_fails = -1;
		if (done >= 0)
			xclose(done);
		CHECK(world_rights() == rights);
	}
	IS(done, 0);
}

int
main(void)
{
	world_begin();
	test_descriptors();
	test_files();
	test_faults();
	test_modes();
	test_null();
	test_tty();
	test_pipe();
	test_pipe_unmade();
	test_pipe_hostile();
	test_poll();
	test_eventfd();
	test_timerfd();
	test_signalfd();
	test_epoll();
	test_sockets();
	test_names();
	test_copy();
	test_fork();
	test_no_memory();
	em_files_release(world_process.p_files);
	world_process.p_files = NULL;
	printf("%d checks, %d failures\n", checks, failures);
	return failures != 0;
}
