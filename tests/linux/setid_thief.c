/*
 * setid_thief.c - somebody who had a process in his hands tries to keep it when it executes a set-user-id program.
 *
 * The process speaks to the kernel itself, behind emulib's back: it makes a bare task, gives it all rights that stand for the process - its
 * process port, signal port, task, thread (a file context never changes, so the old one is worth nothing new) - and a thread, and then executes the program. The thread goes on trying to be
 * the process, to end it, to signal it, to destroy its task. For MASIX only: Linux has no such task.
 *
 * usage: setid_thief          as root; prints TAP
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "tap.h"

#define WHO		1000
#define STACK		16384

/* Rights, as libmasix's types.h calls them, and where the thief has them. */
enum { PORT_PROC = 0x101, PORT_SIGNAL = 0x103, LOOT_PROC = 0x201, LOOT_SIGNAL, LOOT_TASK, LOOT_THREAD };
enum { COPY_SEND = 19, MAKE_SEND_ONCE = 21 };
enum { SEND = 1, RCV = 2, SEND_TIMEOUT = 0x10, RCV_TIMEOUT = 0x100, SEND_TIMED_OUT = 0x10000004 };

#define INTEGER_32(n)	(0x10002002u | (uint32_t)(n) << 16)

struct message { uint32_t bits, size, remote, local, seqno, id, body[60]; };

/* What thief and owner tell each other. */
struct shared {
	volatile uint32_t robbed;	/* the thief has begun */
	volatile uint32_t before;	/* proc_ids while the process is still his */
	volatile uint32_t after;	/* and when it is not */
	volatile uint32_t task, signal;
	volatile uint32_t done;
};

static struct shared *shared;

/* ---- The kernel's traps; they need nothing of emulib ---- */

static inline __attribute__((always_inline)) uint32_t
trap(int number, const uint32_t *args)
{
	uint32_t result;

	/* The kernel takes arguments above a return address. */
	__asm__ volatile("pushl %%ebp; movl %%esp,%%ebp; subl $28,%%esp; movl %%esp,%%edi; movl $7,%%ecx; cld; rep movsl; pushl $0; "
		"lcall $7,$0; movl %%ebp,%%esp; popl %%ebp" : "=a"(result), "+S"(args) : "0"(number) : "ecx", "edx", "edi", "memory", "cc");
	return result;
}

static inline __attribute__((always_inline)) uint32_t
trap_0(int number)
{
	const uint32_t args[7] = { 0 };

	return trap(number, args);
}

static inline __attribute__((always_inline)) uint32_t
trap_message(struct message *m, uint32_t option, uint32_t size, uint32_t port, uint32_t timeout)
{
	const uint32_t args[7] = { (uint32_t)m, option, size, sizeof *m, port, timeout, 0 };

	return trap(-25, args);
}

static inline __attribute__((always_inline)) uint32_t
give(uint32_t task, uint32_t name, uint32_t right)
{
	const uint32_t args[7] = { task, name, right, COPY_SEND };

	return trap(-74, args);
}

/* Send ID with N words of body to PORT and wait for the answer: its return code. */
static inline __attribute__((always_inline)) uint32_t
call(struct message *m, uint32_t port, uint32_t reply, uint32_t id, uint32_t n)
{
	uint32_t err;

	m->bits = COPY_SEND | MAKE_SEND_ONCE << 8;
	m->size = 24 + 4 * n;
	m->remote = port;
	m->local = reply;
	m->seqno = 0;
	m->id = id;
	err = trap_message(m, SEND | RCV | RCV_TIMEOUT, m->size, reply, 2000);
	return err != 0 ? err : m->body[1];
}

#define MOMENT	200		/* waits of 20 ms */

/* ---- The thief: no library, no thread block, nothing but this and its stack ---- */

static void __attribute__((noreturn, noinline))
thief(struct shared *s)
{
	uint32_t reply = trap_0(-26), task, rc;
	struct message m;

	m.body[0] = INTEGER_32(1);
	m.body[1] = 0;
	s->before = call(&m, LOOT_PROC, reply, 414010, 2);
	s->robbed = 1;
	do {
		(void)trap_message(&m, RCV | RCV_TIMEOUT, 0, reply, 20);
		m.body[0] = INTEGER_32(1);
		m.body[1] = 0;
		rc = call(&m, LOOT_PROC, reply, 414010, 2);
	} while (rc == 0);
	s->after = rc;
	/* End it: a one-way message, so that only the process's life says what came of it. */
	m.bits = COPY_SEND;
	m.size = 32;
	m.remote = LOOT_PROC;
	m.local = 0;
	m.id = 414001;
	m.body[0] = INTEGER_32(1);
	m.body[1] = 9;
	(void)trap_message(&m, SEND, m.size, 0, 0);
	/* The old task takes a moment to end. */
	for (int i = 0; i < MOMENT && (s->task = call(&m, LOOT_TASK, reply, 2008, 0)) == 0; i++)
		(void)trap_message(&m, RCV | RCV_TIMEOUT, 0, reply, 20);
	for (int i = 0; i < MOMENT && s->signal == 0; i++) {
		m.bits = COPY_SEND;
		m.size = 24;
		m.remote = LOOT_SIGNAL;
		m.local = 0;
		m.id = 415093;
		s->signal = trap_message(&m, SEND | SEND_TIMEOUT, m.size, 0, 20);
		if (s->signal == SEND_TIMED_OUT)
			s->signal = 0;
		(void)trap_message(&m, RCV | RCV_TIMEOUT, 0, reply, 20);
	}
	s->done = 1;
	task = trap_0(-28);
	for (;;)
		(void)call(&m, task, reply, 2008, 0);
}

/* ---- The process ---- */

enum { GS, FS, ES, DS, EDI, ESI, EBP, ESP, EBX, EDX, ECX, EAX, EIP, CS, EFL, UESP, SS, WORDS };

static uint32_t
thread_start(uint32_t task, uint32_t reply, char *stack)
{
	struct message m;
	uint32_t *top = (uint32_t *)(stack + STACK - 64), thread, state[WORDS] = { 0 }, err;
	uint16_t cs, ds;

	err = call(&m, task, reply, 2061, 0);		/* thread_create */
	thread = m.body[3];
	if (err != 0)
		return err;
	__asm__("movw %%cs,%0" : "=r"(cs));
	__asm__("movw %%ds,%0" : "=r"(ds));
	top[1] = (uint32_t)shared;
	state[GS] = state[FS] = state[ES] = state[DS] = state[SS] = ds;
	state[CS] = cs;
	state[EIP] = (uint32_t)thief;
	state[UESP] = (uint32_t)top;
	state[EFL] = 0x202;
	m.body[0] = INTEGER_32(1);
	m.body[1] = 5;					/* i386_REGS_SEGS_STATE */
	m.body[2] = INTEGER_32(WORDS);
	memcpy(m.body + 3, state, sizeof state);
	err = call(&m, thread, reply, 2018, 3 + WORDS);	/* thread_set_state */
	return err != 0 ? err : call(&m, thread, reply, 2063, 0);	/* thread_resume */
}

/* A task that has everything this one has. */
static uint32_t
rob(void)
{
	uint32_t self = trap_0(-28), task = 0, err;
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uint32_t args[7] = { self, 1, (uint32_t)&task };

	memset(stack, 0, STACK);
	((uint32_t *)(stack + STACK - 64))[1] = (uint32_t)shared;
	err = trap(-68, args);				/* task_create, with this memory */
	if (err == 0)
		err = give(task, LOOT_PROC, PORT_PROC);
	if (err == 0)
		err = give(task, LOOT_SIGNAL, PORT_SIGNAL);
	if (err == 0)
		err = give(task, LOOT_TASK, self);
	if (err == 0)
		err = give(task, LOOT_THREAD, trap_0(-27));
	return err != 0 ? err : thread_start(task, trap_0(-26), stack);
}

static int
victim(void)
{
	char *argv[] = { "./suid", "look", NULL };
	uint32_t err;

	if (setresgid(WHO, WHO, WHO) < 0 || setresuid(WHO, WHO, WHO) < 0)
		return 39;
	err = rob();
	if (err != 0) {
		printf("# the robbery fails: 0x%x\n", (unsigned int)err);
		return 40;
	}
	for (int i = 0; i < 500 && !shared->robbed; i++)
		usleep(10000);
	if (!shared->robbed)
		return 41;
	execv("./suid", argv);
	return 42;
}

static void
program_copy(void)
{
	static char block[65536];
	int from = open("/proc/self/exe", O_RDONLY), to = open("suid", O_WRONLY | O_CREAT, 0600);
	ssize_t n;

	while ((n = read(from, block, sizeof block)) > 0)
		(void)!write(to, block, (size_t)n);
	close(from);
	(void)!fchmod(to, 04755);
	close(to);
}

int
main(int argc, char **argv)
{
	uid_t r, e, s;
	int status;
	pid_t pid;

	if (argc > 1 && strcmp(argv[1], "look") == 0) {
		for (int i = 0; i < 30; i++)		/* long enough to be killed */
			usleep(100000);
		getresuid(&r, &e, &s);
		return r == WHO && e == 0 && s == 0 ? 33 : 34;
	}
	tap_begin();
	(void)!chmod(".", 0755);
	program_copy();
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (pid == 0)
		_exit(victim());
	waitpid(pid, &status, 0);
	ok(shared->robbed && shared->before == 0, "before, whoever has the rights is the process");
	if (shared->before != 0)
		printf("# proc_ids answered 0x%x\n", (unsigned int)shared->before);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 33, "the program of root runs to its end");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 33)
		printf("# status 0x%x\n", (unsigned int)status);
	ok(shared->done && shared->after != 0, "after, the process port is nobody's (0x%x)", (unsigned int)shared->after);
	ok(shared->done && shared->task != 0, "the task is gone (0x%x)", (unsigned int)shared->task);
	ok(shared->done && shared->signal != 0, "the signal port is dead (0x%x)", (unsigned int)shared->signal);
	return tap_end();
}
