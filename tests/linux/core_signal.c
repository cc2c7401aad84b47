/*
 * core_signal.c - handlers, masks, queues, frames, restarts: what signals do on Linux/i386.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include "core.h"

static volatile int count, last, order[16];
static volatile siginfo_t seen;
static volatile uintptr_t handler_esp;

static void
on_signal(int signo)
{
	order[count++ & 15] = signo;
	last = signo;
}

static void
on_info(int signo, siginfo_t *info, void *context)
{
	(void)context;
	order[count++ & 15] = signo;
	last = signo;
	memcpy((void *)&seen, info, sizeof(seen));
	handler_esp = (uintptr_t)__builtin_frame_address(0);
}

static void
handle(int signo, void *fn, int flags)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_flags = flags;
	if (flags & SA_SIGINFO)
		sa.sa_sigaction = (void (*)(int, siginfo_t *, void *))fn;
	else
		sa.sa_handler = (void (*)(int))fn;
	sigaction(signo, &sa, NULL);
}

static void
mask_only(int how, int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(how, &set, NULL);
}

static void
test_basic(void)
{
	struct sigaction sa;
	sigset_t set;

	handle(SIGUSR1, on_signal, 0);
	count = 0;
	kill(getpid(), SIGUSR1);
	is(count, 1, "a signal to oneself is taken before kill returns");
	handle(SIGUSR1, on_info, SA_SIGINFO);
	kill(getpid(), SIGUSR1);
	is(count, 2, "an SA_SIGINFO handler runs");
	is(seen.si_code, SI_USER, "si_code of kill");
	is(seen.si_pid, getpid(), "si_pid of kill");
	is(seen.si_uid, (long)getuid(), "si_uid of kill");
	raise(SIGUSR1);
	is(seen.si_code, SI_TKILL, "si_code of raise");

	mask_only(SIG_BLOCK, SIGUSR1);
	count = 0;
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	is(count, 0, "a blocked signal waits");
	sigpending(&set);
	is(sigismember(&set, SIGUSR1), 1, "it is pending");
	mask_only(SIG_UNBLOCK, SIGUSR1);
	is(count, 1, "it comes once when unblocked");

	handle(SIGUSR1, on_signal, SA_RESETHAND);
	kill(getpid(), SIGUSR1);
	sigaction(SIGUSR1, NULL, &sa);
	ok(sa.sa_handler == SIG_DFL, "SA_RESETHAND resets");
	handle(SIGUSR1, SIG_IGN, 0);
	count = 0;
	mask_only(SIG_BLOCK, SIGUSR1);
	kill(getpid(), SIGUSR1);
	handle(SIGUSR1, on_signal, 0);
	mask_only(SIG_UNBLOCK, SIGUSR1);
	is(count, 1, "an ignored signal is kept while it is blocked");
	sa.sa_handler = SIG_IGN;
	is(sigaction(SIGKILL, &sa, NULL), -1, "SIGKILL cannot be ignored");
	is(errno, EINVAL, "... EINVAL");
	is(syscall(SYS_kill, getpid(), 65), -1, "no signal 65");
	is(errno, EINVAL, "... EINVAL");
	is(kill(getpid(), 0), 0, "signal 0 to oneself");
	is(kill(999999, 0), -1, "signal 0 to nobody");
	is(errno, ESRCH, "... ESRCH");
}

static void
on_nested(int signo)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	order[count++ & 15] = signo | sigismember(&set, SIGUSR1) << 8 | sigismember(&set, SIGUSR2) << 9;
	if (signo == SIGUSR1 && count == 1)
		kill(getpid(), SIGUSR2);
}

static void
test_masks(void)
{
	struct sigaction sa;
	sigset_t set;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_nested;
	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&sa.sa_mask);
	sigaction(SIGUSR2, &sa, NULL);
	count = 0;
	kill(getpid(), SIGUSR1);
	is(count, 2, "sa_mask puts the second off");
	is(order[0], SIGUSR1 | 3 << 8, "mask in the first handler");
	is(order[1], SIGUSR2 | 2 << 8, "mask in the second handler");
	sigprocmask(SIG_BLOCK, NULL, &set);
	ok(!sigismember(&set, SIGUSR1) && !sigismember(&set, SIGUSR2), "the mask is restored");
	handle(SIGUSR1, on_nested, SA_NODEFER);
	count = 1;
	kill(getpid(), SIGUSR1);
	is(order[1], SIGUSR1, "SA_NODEFER leaves the signal free");
}

static void
test_queue(void)
{
	union sigval v;
	int i;

	handle(SIGRTMIN + 1, on_info, SA_SIGINFO);
	handle(SIGRTMIN + 2, on_info, SA_SIGINFO);
	handle(SIGUSR1, on_info, SA_SIGINFO);
	mask_only(SIG_BLOCK, SIGRTMIN + 1);
	mask_only(SIG_BLOCK, SIGRTMIN + 2);
	mask_only(SIG_BLOCK, SIGUSR1);
	for (i = 0; i < 3; i++) {
		v.sival_int = 100 + i;
		sigqueue(getpid(), SIGRTMIN + 2, v);
	}
	sigqueue(getpid(), SIGRTMIN + 1, v);
	sigqueue(getpid(), SIGUSR1, v);
	count = 0;
	mask_only(SIG_UNBLOCK, SIGRTMIN + 2);
	is(count, 3, "three queued signals come three times");
	is(seen.si_value.sival_int, 102, "with their values, in order");
	is(seen.si_code, SI_QUEUE, "si_code of sigqueue");
	mask_only(SIG_UNBLOCK, SIGRTMIN + 1);
	mask_only(SIG_UNBLOCK, SIGUSR1);
	is(count, 5, "and the others");
	is(seen.si_value.sival_int, 102, "a value with a standard signal");
}

static void
test_wait(void)
{
	struct timespec none = { 0, 0 }, some = { 0, 20000000 };
	siginfo_t info;
	sigset_t set, old;
	union sigval v = { .sival_int = 7 };

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, &old);
	is(sigtimedwait(&set, &info, &none), -1, "sigtimedwait without a signal");
	is(errno, EAGAIN, "... EAGAIN");
	sigqueue(getpid(), SIGUSR2, v);
	is(sigtimedwait(&set, &info, &some), SIGUSR2, "sigtimedwait takes a pending one");
	is(info.si_value.sival_int, 7, "with its value");
	is(sigtimedwait(&set, &info, &some), -1, "and once only");
	handle(SIGALRM, on_signal, 0);
	count = 0;
	ualarm(30000, 0);
	sigemptyset(&set);
	sigsuspend(&set);
	is(errno, EINTR, "sigsuspend ends with EINTR");
	is(count, 1, "after the handler");
	sigprocmask(SIG_SETMASK, NULL, &set);
	is(sigismember(&set, SIGUSR2), 1, "and the mask is back");
	sigprocmask(SIG_SETMASK, &old, NULL);
	ualarm(30000, 0);
	is(pause(), -1, "pause");
	is(count, 2, "... ended by the handler");
}

static void
test_restart(void)
{
	struct timespec req = { 0, 200000000 }, rem = { 0, 0 };
	int p[2];
	char c = 0;
	pid_t pid;

	pipe(p);
	pid = fork();
	if (pid == 0) {
		usleep(80000);
		write(p[1], "x", 1);
		_exit(0);
	}
	handle(SIGALRM, on_signal, SA_RESTART);
	count = 0;
	ualarm(30000, 0);
	is(read(p[0], &c, 1), 1, "read is restarted with SA_RESTART");
	is(count, 1, "... after the handler");
	waitpid(pid, NULL, 0);
	handle(SIGALRM, on_signal, 0);
	ualarm(30000, 0);
	is(read(p[0], &c, 1), -1, "read is interrupted without SA_RESTART");
	is(errno, EINTR, "... EINTR");
	ualarm(50000, 0);
	is(nanosleep(&req, &rem), -1, "nanosleep is interrupted");
	is(errno, EINTR, "... EINTR");
	ok(rem.tv_sec == 0 && rem.tv_nsec > 50000000 && rem.tv_nsec < 180000000, "it tells what is left");
	handle(SIGALRM, on_signal, SA_RESTART);
	pid = fork();
	if (pid == 0) {
		usleep(100000);
		_exit(5);
	}
	ualarm(30000, 0);
	is(waitpid(pid, NULL, 0), pid, "waitpid is restarted");
	close(p[0]);
	close(p[1]);
}

static sigjmp_buf jump;
static volatile siginfo_t fault;
static volatile int fault_wanted, fault_came;
static volatile greg_t regs[NGREG];

static void
on_fault(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)signo;
	if (!fault_wanted)
		_exit(100);
	fault_came = 1;
	memcpy((void *)&fault, info, sizeof(fault));
	memcpy((void *)regs, uc->uc_mcontext.gregs, sizeof(regs));
	siglongjmp(jump, 1);
}

#define FAULTS(statement) (fault_wanted = 1, fault_came = 0, sigsetjmp(jump, 1) == 0 ? ({ statement; 0; }) : 0, fault_wanted = 0, fault_came)

static void
test_faults(void)
{
	volatile char *null = tap_bad, *text = (char *)(uintptr_t)test_basic;
	volatile int zero = 0;

	handle(SIGSEGV, on_fault, SA_SIGINFO);
	handle(SIGILL, on_fault, SA_SIGINFO);
	handle(SIGFPE, on_fault, SA_SIGINFO);
	handle(SIGTRAP, on_fault, SA_SIGINFO);
	is(FAULTS(*null = 1), 1, "a null pointer faults");
	is(fault.si_signo, SIGSEGV, "SIGSEGV");
	is(fault.si_code, SEGV_MAPERR, "SEGV_MAPERR");
	is((long)fault.si_addr, 16, "si_addr");
	is(regs[REG_TRAPNO], 14, "trapno");
	is(FAULTS(*text = 1), 1, "writing to text faults");
	is(fault.si_code, SEGV_ACCERR, "SEGV_ACCERR");
	is((long)fault.si_addr, (long)text, "si_addr");
	is(FAULTS(__asm__ volatile("1: ud2")), 1, "ud2");
	is(fault.si_signo, SIGILL, "SIGILL");
	is(fault.si_code, ILL_ILLOPN, "ILL_ILLOPN");
	is((long)fault.si_addr, (long)regs[REG_EIP], "si_addr is the instruction");
	is(FAULTS(zero = 1000 / zero), 1, "division by zero");
	is(fault.si_signo, SIGFPE, "SIGFPE");
	is(fault.si_code, FPE_INTDIV, "FPE_INTDIV");
	is(FAULTS(__asm__ volatile("int3")), 1, "int3");
	is(fault.si_signo, SIGTRAP, "SIGTRAP");
	is(FAULTS(__asm__ volatile("hlt")), 1, "a privileged instruction");
	is(fault.si_signo, SIGSEGV, "SIGSEGV");
	is(fault.si_code, SI_KERNEL, "SI_KERNEL");
	is(regs[REG_TRAPNO], 13, "trapno 13");
	handle(SIGSEGV, SIG_DFL, 0);
	handle(SIGILL, SIG_DFL, 0);
	handle(SIGFPE, SIG_DFL, 0);
	handle(SIGTRAP, SIG_DFL, 0);
}

static void
on_change(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)signo;
	(void)info;
	uc->uc_mcontext.gregs[REG_EBX] = 0x1234567;
	uc->uc_mcontext.gregs[REG_EIP] += 2;	/* over the ud2 */
	last = uc->uc_mcontext.fpregs != NULL && (uc->uc_mcontext.fpregs->cw & 0xffff) == 0x37f;
}

static void
test_context(void)
{
	double kept = 3.25;
	unsigned int ebx = 0, mxcsr = 0x1f80 | 0x8000, after = 0;

	handle(SIGILL, on_change, SA_SIGINFO);
	__asm__ volatile("fninit; ldmxcsr %3; fldl %2; ud2; fstpl %1; stmxcsr %4"
		: "=b"(ebx), "=m"(kept) : "m"(kept), "m"(mxcsr), "m"(after) : "memory");
	is((long)ebx, 0x1234567, "a handler changes registers");
	ok(kept == 3.25, "the x87 stack survives a handler");
	is((long)after, (long)mxcsr, "mxcsr too");
	is(last, 1, "the frame has the control word");
	mxcsr = 0x1f80;
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
	handle(SIGILL, SIG_DFL, 0);
}

static void
test_altstack(void)
{
	static char space[16384];
	stack_t ss = { .ss_sp = space, .ss_size = sizeof(space) }, old;

	is(sigaltstack(&ss, NULL), 0, "sigaltstack");
	handle(SIGUSR1, on_info, SA_SIGINFO | SA_ONSTACK);
	kill(getpid(), SIGUSR1);
	ok(handler_esp > (uintptr_t)space && handler_esp < (uintptr_t)space + sizeof(space), "the handler runs on it");
	handle(SIGUSR1, on_info, SA_SIGINFO);
	kill(getpid(), SIGUSR1);
	ok(handler_esp < (uintptr_t)space || handler_esp > (uintptr_t)space + sizeof(space), "not without SA_ONSTACK");
	ss.ss_size = 100;
	is(sigaltstack(&ss, NULL), -1, "too small a stack");
	is(errno, ENOMEM, "... ENOMEM");
	ss.ss_flags = SS_DISABLE;
	sigaltstack(&ss, &old);
	ok(old.ss_sp == space && old.ss_flags == 0, "what it was");
	sigaltstack(NULL, &old);
	is(old.ss_flags, SS_DISABLE, "disabled");
}

/* Stack overflow is taken on the alternate stack. */
static int
recurse(int n)
{
	volatile char room[4096];

	room[0] = (char)n;
	return n < tap_many * 10000 ? recurse(n + 1) + room[0] : 0;
}

static void
test_overflow(void)
{
	static char space[16384];
	stack_t ss = { .ss_sp = space, .ss_size = sizeof(space) };

	sigaltstack(&ss, NULL);
	handle(SIGSEGV, on_fault, SA_SIGINFO | SA_ONSTACK);
	is(FAULTS(recurse(0)), 1, "an endless recursion faults");
	is(fault.si_signo, SIGSEGV, "an endless recursion ends in SIGSEGV");
	handle(SIGSEGV, SIG_DFL, 0);
	ss.ss_flags = SS_DISABLE;
	sigaltstack(&ss, NULL);
}

static int
status_of(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void die_term(void) { kill(getpid(), SIGTERM); }
static void die_segv(void) { *(volatile int *)tap_bad = 1; }
static void die_abort(void) { abort(); }
static void die_kill(void) { kill(getpid(), SIGKILL); pause(); }
static void die_blocked(void) { mask_only(SIG_BLOCK, SIGSEGV); *(volatile int *)tap_bad = 1; }
static void die_rt(void) { kill(getpid(), SIGRTMIN + 3); }
static void live_chld(void) { kill(getpid(), SIGCHLD); kill(getpid(), SIGWINCH); kill(getpid(), SIGCONT); }

static void
test_default(void)
{
	is(status_of(die_term), SIGTERM, "SIGTERM ends");
	is(status_of(die_segv) & 0x7f, SIGSEGV, "a fault ends with SIGSEGV");
	is(status_of(die_abort) & 0x7f, SIGABRT, "abort");
	is(status_of(die_kill), SIGKILL, "SIGKILL");
	is(status_of(die_blocked) & 0x7f, SIGSEGV, "a blocked fault ends");
	is(status_of(die_rt), SIGRTMIN + 3, "a real-time signal ends");
	is(status_of(live_chld), 0, "SIGCHLD, SIGWINCH, SIGCONT do nothing");
}

static void
test_stop(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);		/* a group that is not orphaned: its leader's parent is in another one of the session */
		raise(SIGSTOP);
		usleep(100000);		/* a child that stops again is not seen to continue */
		raise(SIGTSTP);
		_exit(9);
	}
	is(waitpid(pid, &status, WUNTRACED), pid, "a child stops");
	ok(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "with SIGSTOP");
	kill(pid, SIGCONT);
	is(waitpid(pid, &status, WCONTINUED), pid, "it continues");
	ok(WIFCONTINUED(status), "... as waitpid says");
	is(waitpid(pid, &status, WUNTRACED), pid, "it stops again");
	ok(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTSTP, "with SIGTSTP");
	kill(pid, SIGCONT);
	is(waitpid(pid, &status, 0), pid, "it ends");
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 9, "with its status");
}

static void
test_child(void)
{
	siginfo_t info;
	pid_t pid;

	handle(SIGCHLD, on_info, SA_SIGINFO);
	count = 0;
	pid = fork();
	if (pid == 0)
		_exit(3);
	while (count == 0)
		usleep(1000);
	is(seen.si_signo, SIGCHLD, "SIGCHLD comes");
	is(seen.si_pid, pid, "si_pid");
	is(seen.si_code, CLD_EXITED, "si_code");
	is(seen.si_status, 3, "si_status");
	memset(&info, 0, sizeof(info));
	is(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0, "waitid, left waitable");
	is(info.si_pid, pid, "si_pid");
	is(waitpid(pid, NULL, 0), pid, "waitpid");
	is(waitpid(pid, NULL, 0), -1, "and no more");
	is(errno, ECHILD, "... ECHILD");
	handle(SIGCHLD, SIG_IGN, 0);
	pid = fork();
	if (pid == 0)
		_exit(3);
	is(waitpid(pid, NULL, 0), -1, "children of who ignores SIGCHLD vanish");
	is(errno, ECHILD, "... ECHILD");
	handle(SIGCHLD, SIG_DFL, 0);
}

/* An interval timer interrupts a program that makes no call. */
static void
test_async(void)
{
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } }, off = { { 0, 0 }, { 0, 0 } };
	volatile unsigned int a = 1, b = 1;
	unsigned int sum = 0;

	handle(SIGALRM, on_signal, 0);
	count = 0;
	setitimer(ITIMER_REAL, &it, NULL);
	while (count < 5) {
		a = a * 3 + 1;
		b = a - a;
		sum += b;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	is((long)sum, 0, "registers survive asynchronous handlers");
	ok(count >= 5, "the timer came");
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	test_basic();
	test_masks();
	test_queue();
	test_wait();
	test_restart();
	test_faults();
	test_context();
	test_altstack();
	test_overflow();
	test_default();
	test_stop();
	test_child();
	test_async();
	return tap_end();
}
