/*
 * core_mm.c - brk, mmap, mprotect, mremap, madvise, mincore, msync: what memory calls do on Linux/i386.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "core.h"

#define PAGE 4096

static sigjmp_buf jump;
static volatile int fault_signo, fault_code, fault_wanted;

static void
on_fault(int signo, siginfo_t *info, void *context)
{
	(void)context;
	if (!fault_wanted)
		_exit(100);
	fault_signo = signo;
	fault_code = info->si_code;
	siglongjmp(jump, 1);
}

#define FAULTS(statement) (fault_wanted = 1, fault_signo = 0, sigsetjmp(jump, 1) == 0 ? ({ statement; }) : 0, fault_wanted = 0, fault_signo)

static char *
anon(void *at, size_t size, int prot, int flags)
{
	return mmap(at, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static void
test_brk(void)
{
	char *was = (char *)syscall(SYS_brk, 0), *now;

	now = (char *)syscall(SYS_brk, was + 3 * PAGE + 5);
	ok(now == was + 3 * PAGE + 5, "brk grows to the byte");
	is(now[-1], 0, "with zeros");
	memset(was, 1, (size_t)(now - was));
	ok((char *)syscall(SYS_brk, was + PAGE) == was + PAGE, "it shrinks");
	ok((char *)syscall(SYS_brk, was + 2 * PAGE) == was + 2 * PAGE, "it grows again");
	is(was[PAGE + PAGE / 2], 0, "and has zeros again");
	ok((char *)syscall(SYS_brk, 0x1000) == was + 2 * PAGE, "a bad address changes nothing");
	ok((char *)syscall(SYS_brk, was + 20 * 1048576) == was + 20 * 1048576, "20 MB");
	was[20 * 1048576 - 1] = 1;
	ok((char *)syscall(SYS_brk, was) == was, "back");
	is(FAULTS(was[20 * 1048576 - 1] = 1), SIGSEGV, "what was given back faults");
}

static void
test_mmap(void)
{
	char *p = anon(NULL, 10 * PAGE, PROT_READ | PROT_WRITE, 0), *q;

	ok(p != MAP_FAILED && ((uintptr_t)p & (PAGE - 1)) == 0, "mmap");
	is(p[5 * PAGE], 0, "zeros");
	memset(p, 7, 10 * PAGE);
	is(munmap(p + 2 * PAGE, PAGE), 0, "a hole");
	is(FAULTS(p[2 * PAGE] = 1), SIGSEGV, "faults");
	is(fault_code, SEGV_MAPERR, "SEGV_MAPERR");
	is(p[PAGE], 7, "the page before stays");
	is(p[3 * PAGE], 7, "the page after stays");
	q = anon(p + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_FIXED);
	ok(q == p + 2 * PAGE && *q == 0, "MAP_FIXED fills it");
	q = anon(p + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE, 0);
	ok(q != MAP_FAILED && q != p + 2 * PAGE, "a hint that is taken is not followed");
	munmap(q, PAGE);
	munmap(p + 2 * PAGE, PAGE);
	q = anon(p + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE, 0);
	ok(q == p + 2 * PAGE, "a hint that is free is followed");
	q = anon(p + PAGE, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_FIXED);
	ok(q == p + PAGE && q[0] == 0 && q[PAGE] == 0 && p[0] == 7 && p[3 * PAGE] == 7, "MAP_FIXED replaces");
	fails((long)mmap(p + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EINVAL);
	fails((long)anon(NULL, 0, PROT_READ, 0), EINVAL);
	fails((long)mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
	fails((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
	fails((long)anon(p, PAGE, PROT_READ, MAP_FIXED_NOREPLACE), EEXIST);
	fails(munmap(p + 1, PAGE), EINVAL);
	returns(munmap(p, 10 * PAGE), 0);
	returns(munmap(p, 10 * PAGE), 0);
	p = anon(NULL, 3 * 1048576, PROT_READ | PROT_WRITE, 0);
	for (int i = 0; i < 3 * 1048576; i += PAGE)
		p[i] = (char)(i / PAGE);
	munmap(p + 1048576, 1048576);
	ok(p[PAGE * 3] == 3 && p[2 * 1048576 + PAGE] == (char)(2 * 256 + 1), "around a large hole");
	munmap(p, 3 * 1048576);
	for (int i = 0; i < 100; i++) {
		p = anon(NULL, 3 * 1048576, PROT_READ | PROT_WRITE, 0);
		memset(p, 1, 3 * 1048576);
		munmap(p, 1048576 + PAGE);
		munmap(p + 1048576 + PAGE, 2 * 1048576 - PAGE);
	}
	ok(1, "memory comes back: 300 MB in turn");
}

static void
test_protect(void)
{
	char *p = anon(NULL, 8 * PAGE, PROT_NONE, 0);

	is(FAULTS(p[0] = 1), SIGSEGV, "PROT_NONE faults");
	is(fault_code, SEGV_ACCERR, "SEGV_ACCERR");
	returns(mprotect(p + PAGE, 2 * PAGE, PROT_READ | PROT_WRITE), 0);
	p[PAGE] = 5;
	is(FAULTS(p[3 * PAGE] = 1), SIGSEGV, "the rest still faults");
	returns(mprotect(p + PAGE, PAGE, PROT_READ), 0);
	is(p[PAGE], 5, "readable");
	is(FAULTS(p[PAGE] = 1), SIGSEGV, "not writable");
	is(fault_code, SEGV_ACCERR, "SEGV_ACCERR");
	returns(mprotect(p + PAGE, PAGE, PROT_NONE), 0);
	is(FAULTS(fault_code = p[PAGE]), SIGSEGV, "not readable");
	returns(mprotect(p, 8 * PAGE, PROT_READ | PROT_WRITE), 0);
	is(p[PAGE], 5, "the contents were kept");
	munmap(p + 4 * PAGE, PAGE);
	fails(mprotect(p, 8 * PAGE, PROT_READ), ENOMEM);
	fails(syscall(SYS_mprotect, p + 1, PAGE, PROT_READ), EINVAL);
	munmap(p, 8 * PAGE);
	p = anon(NULL, PAGE, PROT_READ | PROT_WRITE, 0);
	memcpy(p, "\xb8\x2a\x00\x00\x00\xc3", 6);
	returns(mprotect(p, PAGE, PROT_READ | PROT_EXEC), 0);
	is(((int (*)(void))(uintptr_t)p)(), 42, "code that was written runs");
	munmap(p, PAGE);
}

static void
test_shared(void)
{
	volatile int *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile int *q = (volatile int *)anon(NULL, PAGE, PROT_READ | PROT_WRITE, 0);
	pid_t pid;

	p[0] = q[0] = 1;
	pid = fork();
	if (pid == 0) {
		p[0] = 2;
		q[0] = 2;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	is(p[0], 2, "shared memory is shared with a child");
	is(q[0], 1, "private memory is not");
	munmap((void *)p, PAGE);
	munmap((void *)q, PAGE);
}

static void
test_file(void)
{
	int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0600), ro;
	char *p, *q, buf[16];

	ftruncate(fd, 3 * PAGE + 100);
	pwrite(fd, "hello", 5, PAGE);
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	q = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, PAGE);
	ok(p != MAP_FAILED && q != MAP_FAILED, "a file is mapped");
	ok(memcmp(q, "hello", 5) == 0, "private at an offset");
	ok(memcmp(p + PAGE, "hello", 5) == 0, "shared");
	q[0] = 'J';
	is(p[PAGE], 'h', "a private change is private");
	p[PAGE + 1] = 'u';
	pread(fd, buf, 5, PAGE);
	ok(memcmp(buf, "hullo", 5) == 0, "read sees a shared change");
	pwrite(fd, "w", 1, PAGE + 2);
	is(p[PAGE + 2], 'w', "a shared mapping sees write");
	is(p[3 * PAGE + 200], 0, "behind the end of the file: zeros");
	returns(msync(p, 4 * PAGE, MS_SYNC), 0);
	munmap(p + PAGE, PAGE);
	p[2 * PAGE] = 9;
	pread(fd, buf, 1, 2 * PAGE);
	is(buf[0], 9, "after a partial munmap");
	ftruncate(fd, PAGE);
	is(FAULTS(p[2 * PAGE] = 1), SIGBUS, "behind the end: SIGBUS");
	is(fault_code, BUS_ADRERR, "BUS_ADRERR");
	munmap(p, 4 * PAGE);
	ro = open("f", O_RDONLY);
	fails((long)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0), EACCES);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0);
	fails(mprotect(p, PAGE, PROT_READ | PROT_WRITE), EACCES);
	munmap(p, PAGE);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, ro, 0);
	p[0] = 1;
	is(p[0], 1, "private and writable of a file open for reading");
	close(ro);
	close(fd);
	unlink("f");
	is(p[0], 1, "it survives close and unlink");
	munmap(p, PAGE);
	munmap(q, PAGE);
}

static void
test_madvise(void)
{
	char *p = anon(NULL, 300 * PAGE, PROT_READ | PROT_WRITE, 0);
	pid_t pid;
	int status;

	memset(p, 3, 300 * PAGE);
	returns(madvise(p + PAGE, PAGE, MADV_DONTNEED), 0);
	is(p[PAGE], 0, "MADV_DONTNEED gives zeros");
	is(p[0], 3, "... only there");
	is(p[2 * PAGE], 3, "... only there");
	pid = fork();
	if (pid == 0) {
		madvise(p, 300 * PAGE, MADV_DONTNEED);
		_exit(p[0] == 0 && p[299 * PAGE] == 0 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	is(status, 0, "MADV_DONTNEED in a child");
	is(p[299 * PAGE], 3, "does not reach the parent");
	returns(madvise(p, 300 * PAGE, MADV_DONTNEED), 0);
	is(p[150 * PAGE], 0, "the parent's after fork");
	returns(madvise(p, PAGE, MADV_WILLNEED), 0);
	fails(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
	fails(madvise(p, PAGE, 9999), EINVAL);
	munmap(p, 300 * PAGE);
	fails(madvise(p, PAGE, MADV_DONTNEED), ENOMEM);
}

static void
test_mremap(void)
{
	char *p = anon(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, 0), *q, *wall;

	memset(p, 8, 4 * PAGE);
	q = mremap(p, 4 * PAGE, 2 * PAGE, 0);
	ok(q == p, "mremap shrinks in place");
	is(FAULTS(p[2 * PAGE] = 1), SIGSEGV, "the rest is gone");
	q = mremap(p, 2 * PAGE, 4 * PAGE, 0);
	ok(q == p && p[PAGE] == 8 && p[3 * PAGE] == 0, "it grows in place");
	wall = anon(p + 4 * PAGE, PAGE, PROT_NONE, MAP_FIXED);
	fails((long)mremap(p, 4 * PAGE, 8 * PAGE, 0), ENOMEM);
	q = mremap(p, 4 * PAGE, 1000 * PAGE, MREMAP_MAYMOVE);
	ok(q != MAP_FAILED && q != p, "it moves");
	is(q[PAGE], 8, "with the contents");
	is(q[999 * PAGE], 0, "and zeros");
	q[PAGE + 1] = 4;
	is(q[PAGE + 1], 4, "writable");
	is(FAULTS(p[0] = 1), SIGSEGV, "the old place is gone");
	munmap(wall, PAGE);
	munmap(q, 1000 * PAGE);
	fails((long)mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
	fails((long)mremap(p + 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EINVAL);
}

/* A mapping of PAGES moves that has another one beside it. */
static bool
moves_whole(size_t pages)
{
	size_t size = pages * PAGE;
	char *p = anon(NULL, size, PROT_READ | PROT_WRITE, 0), *beside = anon(NULL, 33 * PAGE, PROT_READ | PROT_WRITE, 0), *q;
	bool good = true;

	for (size_t i = 0; i < pages; i++)
		p[i * PAGE] = (char)(i * 7 + 1);
	memset(beside, 5, 33 * PAGE);
	q = mremap(p, size, 2 * size, MREMAP_MAYMOVE);
	if (q == MAP_FAILED)
		return false;
	for (size_t i = 0; i < 2 * pages; i++)
		good = good && q[i * PAGE] == (char)(i < pages ? i * 7 + 1 : 0);
	good = good && beside[0] == 5 && beside[33 * PAGE - 1] == 5;
	munmap(q, 2 * size);
	munmap(beside, 33 * PAGE);
	return good;
}

static void
test_mremap_beside(void)
{
	bool good = true;

	for (size_t pages = 1; pages < 500; pages = 2 * pages + 1)
		good = good && moves_whole(pages);
	ok(good, "what is moved away from beside other memory keeps its contents");
}

static void
test_mincore(void)
{
	unsigned char vec[4] = { 0, 0, 0, 0 };
	char *p = anon(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, 0);

	memset(p, 1, 4 * PAGE);
	returns(mincore(p, 4 * PAGE, vec), 0);
	ok((vec[0] & 1) && (vec[3] & 1), "touched pages are in core");
	munmap(p + PAGE, PAGE);
	fails(mincore(p, 4 * PAGE, vec), ENOMEM);
	fails(mincore(p + 1, PAGE, vec), EINVAL);
	returns(mlock(p, PAGE), 0);
	returns(munlock(p, PAGE), 0);
	munmap(p, 4 * PAGE);
}

/* Addresses that no call may fault on. */
static void
test_efault(void)
{
	char *p = anon(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, 0);
	struct rlimit rl;

	munmap(p + PAGE, PAGE);
	fails(syscall(SYS_uname, tap_bad), EFAULT);
	fails(syscall(SYS_uname, 0xc0000000), EFAULT);
	fails(syscall(SYS_uname, 0xfffffffc), EFAULT);
	fails(syscall(SYS_uname, p + PAGE - 10), EFAULT);
	fails(syscall(SYS_clock_gettime32, 0, p + PAGE - 4), EFAULT);
	fails(syscall(SYS_nanosleep, p + PAGE - 4, 0), EFAULT);
	fails(syscall(SYS_rt_sigaction, SIGUSR1, p + PAGE - 4, 0, 8), EFAULT);
	fails(syscall(SYS_rt_sigprocmask, SIG_BLOCK, p + PAGE - 4, 0, 8), EFAULT);
	fails(syscall(SYS_execve, "/proc/self/exe", p + PAGE - 2, 0), EFAULT);
	fails(syscall(SYS_execve, tap_bad, 0, 0), EFAULT);
	getrlimit(RLIMIT_NOFILE, &rl);
	fails(syscall(SYS_getrlimit, RLIMIT_NOFILE, tap_bad), EFAULT);
	fails(syscall(SYS_wait4, -1, 0, 0x12345, 0), EINVAL);
	munmap(p, PAGE);
}

static void
test_stack(void)
{
	volatile char big[1048576];
	struct rlimit rl;

	memset((char *)big, 1, sizeof(big));
	is(big[5], 1, "a megabyte of stack");
	getrlimit(RLIMIT_STACK, &rl);
	ok(rl.rlim_cur >= 1048576, "RLIMIT_STACK");
}

int
main(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	tap_begin();
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	test_brk();
	test_mmap();
	test_protect();
	test_shared();
	test_file();
	test_madvise();
	test_mremap();
	test_mremap_beside();
	test_mincore();
	test_efault();
	test_stack();
	return tap_end();
}
