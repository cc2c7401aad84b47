/*
 * core_int80.c - int 0x80 from everywhere, again and again: results, registers, and the addresses that signal frames show.
 *
 * MASIX rewrites such instructions after a few times; nothing may tell, so everything is done ten times.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include "core.h"

/* Two shapes of site, each with a label at and behind its int. */
long site_imm(long a, long b);
long site_loads(long number, long a, long b, long c, long d, long e, long f);
long site_jump(long number);
extern char imm_at[], imm_behind[], loads_at[], loads_behind[];

__asm__(
	".text\n"
	".globl site_imm, imm_at, imm_behind\n"
	"site_imm:\n"			/* read(a, b, 1): mov $3,%eax; int $0x80 */
	"	pushl	%ebx\n"
	"	movl	8(%esp), %ebx\n"
	"	movl	12(%esp), %ecx\n"
	"	movl	$1, %edx\n"
	"	movl	$3, %eax\n"
	"imm_at:	int	$0x80\n"
	"imm_behind:\n"
	"	popl	%ebx\n"
	"	ret\n"
	".globl site_loads, loads_at, loads_behind\n"
	"site_loads:\n"			/* as libraries do it: the last two registers are loaded from the stack */
	"	pushl	%ebp\n	pushl	%edi\n	pushl	%esi\n	pushl	%ebx\n"
	"	movl	20(%esp), %eax\n"
	"	movl	24(%esp), %ebx\n"
	"	movl	28(%esp), %ecx\n"
	"	movl	32(%esp), %edx\n"
	"	movl	36(%esp), %esi\n"
	"	movl	40(%esp), %edi\n"
	"	movl	44(%esp), %ebp\n"
	"loads_at:	int	$0x80\n"
	"loads_behind:\n"
	"	popl	%ebx\n	popl	%esi\n	popl	%edi\n	popl	%ebp\n"
	"	ret\n"
	".globl site_jump\n"
	"site_jump:\n"			/* into the middle: straight to an int that others reach from above */
	"	pushl	%ebx\n"
	"	movl	8(%esp), %eax\n"
	"	jmp	imm_at\n");

static volatile uintptr_t seen_eip;
static volatile greg_t seen_eax;
static volatile int count;

static void
on_signal(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)signo;
	(void)info;
	seen_eip = (uintptr_t)uc->uc_mcontext.gregs[REG_EIP];
	seen_eax = uc->uc_mcontext.gregs[REG_EAX];
	count++;
}

static void
handle(int flags)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags };

	sigaction(SIGALRM, &sa, NULL);
}

static void
test_results(void)
{
	char c;
	int p[2], good = 0, i;

	pipe(p);
	for (i = 0; i < 10; i++) {
		c = 0;
		write(p[1], "x", 1);
		if (site_imm(p[0], (long)&c) == 1 && c == 'x')
			good++;
	}
	is(good, 10, "mov; int");
	for (i = good = 0; i < 10; i++)
		if (site_imm(-1, (long)&c) == -EBADF)
			good++;
	is(good, 10, "... with an error");
	for (i = good = 0; i < 10; i++)
		if (site_jump(SYS_getpid) == getpid())
			good++;
	is(good, 10, "a jump to the int, with another number");
	for (i = good = 0; i < 10; i++) {
		char *m = (char *)site_loads(SYS_mmap2, 0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if ((unsigned long)m < 0xfffff000u && m[8191] == 0)
			good++;
		munmap(m, 8192);
	}
	is(good, 10, "six arguments, two loaded last");
	for (i = good = 0; i < 10; i++)
		if (site_loads(SYS_getpid, 1, 2, 3, 4, 5, 6) == getpid())
			good++;
	is(good, 10, "... with another number");
	for (i = good = 0; i < 10; i++)
		if (site_loads(9999, 1, 2, 3, 4, 5, 6) == -ENOSYS && site_loads(-1, 1, 2, 3, 4, 5, 6) == -ENOSYS)
			good++;
	is(good, 10, "numbers that do not exist");
	close(p[0]);
	close(p[1]);
}

static void
test_registers(void)
{
	int i, good = 0;

	for (i = 0; i < 10; i++) {
		int a = SYS_getpid, b = 1, c = 2, d = 3, s = 4, t = 5;

		__asm__ volatile("int $0x80" : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(s), "+D"(t) : : "memory");
		if (a == getpid() && b == 1 && c == 2 && d == 3 && s == 4 && t == 5)
			good++;
	}
	is(good, 10, "registers are kept");
	for (i = good = 0; i < 10; i++) {
		int a;

		__asm__ volatile("movl $20, %%eax\n\tint $0x80" : "=a"(a) : : "memory");
		if (a == getpid())
			good++;
	}
	is(good, 10, "a site in a loop");
}

/* A handler that interrupts: the frame is behind the int with EINTR, or at it with the number when the call will be made again. */
static void
test_frames(void)
{
	char c;
	int p[2], i, good = 0;
	pid_t pid;

	pipe(p);
	handle(0);
	for (i = 0; i < 5; i++) {
		ualarm(15000, 0);
		seen_eip = 0;
		if (site_imm(p[0], (long)&c) == -EINTR && seen_eip == (uintptr_t)imm_behind && seen_eax == -EINTR)
			good++;
	}
	is(good, 5, "interrupted: the frame is behind the int");
	for (i = good = 0; i < 5; i++) {
		ualarm(15000, 0);
		seen_eip = 0;
		if (site_loads(SYS_read, p[0], (long)&c, 1, 0, 0, 0) == -EINTR && seen_eip == (uintptr_t)loads_behind)
			good++;
	}
	is(good, 5, "... of the other shape too");
	handle(SA_RESTART);
	pid = fork();
	if (pid == 0) {
		for (i = 0; i < 10; i++) {
			usleep(60000);
			write(p[1], "y", 1);
		}
		_exit(0);
	}
	for (i = good = 0; i < 5; i++) {
		ualarm(20000, 0);
		seen_eip = 0;
		if (site_imm(p[0], (long)&c) == 1 && seen_eip == (uintptr_t)imm_at && seen_eax == SYS_read)
			good++;
	}
	is(good, 5, "restarted: the frame is at the int");
	for (i = good = 0; i < 5; i++) {
		ualarm(20000, 0);
		seen_eip = 0;
		if (site_loads(SYS_read, p[0], (long)&c, 1, 0, 0, 0) == 1 && seen_eip == (uintptr_t)loads_at)
			good++;
	}
	is(good, 5, "... of the other shape too");
	waitpid(pid, NULL, 0);
	close(p[0]);
	close(p[1]);
}

static volatile int stop, rounds[2];

static void *
hammer(void *arg)
{
	volatile int *n = arg;
	pid_t pid = getpid();

	while (!stop) {
		if (site_loads(SYS_getpid, 1, 2, 3, 4, 5, 6) != pid || site_jump(SYS_getpid) != pid)
			return (void *)1;
		(*n)++;
	}
	return NULL;
}

/* Threads at the sites while they are rewritten, and signals all the time. */
static void
test_threads(void)
{
	struct itimerval it = { { 0, 10000 }, { 0, 10000 } }, off = { { 0, 0 }, { 0, 0 } };
	pthread_t t[2];
	void *r[2];
	int i;

	handle(SA_RESTART);
	count = 0;
	for (i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, hammer, (void *)&rounds[i]);
	setitimer(ITIMER_REAL, &it, NULL);
	while (count < 30)
		usleep(10000);
	setitimer(ITIMER_REAL, &off, NULL);
	stop = 1;
	for (i = 0; i < 2; i++)
		pthread_join(t[i], &r[i]);
	ok(r[0] == NULL && r[1] == NULL && rounds[0] > 0 && rounds[1] > 0, "two threads and a timer at the same sites");
}

/* Code that was written a moment ago, in private and in shared memory. */
static void
test_fresh_code(void)
{
	static const unsigned char code[] = { 0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3 };
	int i, k, good = 0;

	for (k = 0; k < 2; k++) {
		char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, (k ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);

		memcpy(p + 100, code, sizeof(code));
		for (i = 0; i < 10; i++)
			if (((int (*)(void))(uintptr_t)(p + 100))() == getpid())
				good++;
		if (k == 1)
			ok(memcmp(p + 100, code, sizeof(code)) == 0, "shared code is left alone");
		munmap(p, 4096);
	}
	is(good, 20, "code made at run time");
}

/* The vDSO, as libraries look at it. */
static void
test_vdso(void)
{
	const unsigned char *e = (const unsigned char *)getauxval(AT_SYSINFO_EHDR);
	uintptr_t entry = getauxval(AT_SYSINFO);
	int i, good = 0;

	ok(e != NULL && memcmp(e, "\177ELF", 4) == 0, "AT_SYSINFO_EHDR is an ELF header");
	ok(entry != 0, "AT_SYSINFO");
	for (i = 0; i < 10 && entry != 0; i++) {
		int a;

		__asm__ volatile("call *%1" : "=a"(a) : "r"(entry), "0"(SYS_getpid) : "memory");
		if (a == getpid())
			good++;
	}
	is(good, 10, "a call to it");
}

int
main(void)
{
	test_results();
	test_registers();
	test_frames();
	test_threads();
	test_fresh_code();
	test_vdso();
	return tap_end();
}
