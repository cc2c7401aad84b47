/*
 * findname - look a name up as a Unix process can: with its bootstrap port, and ask who is there.
 *
 * A Linux program that knows it is on MASIX: it makes the kernel's traps itself. It shows what an ordinary process may ask of ACS,
 * and that a server which was added later is found without anything being restarted.
 *
 * usage: findname NAME...     prints "NAME: found, it is CLASS" or "NAME: error 0x..."; exits with 1 when one was not found
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TASK_GET_SPECIAL_PORT	2058
#define TASK_BOOTSTRAP_PORT	4
#define ACS_LOOKUP		410002
#define MX_PING			418001
#define NAME_MAX_BYTES		255

#define BITS(remote, local)	((remote) | (local) << 8)
#define COPY_SEND		19
#define MAKE_SEND_ONCE		21
#define TYPE_INTEGER		0x10012002u	/* one inline 32-bit integer */
#define TYPE_CHARS(n)		(0x10000808u | (uint32_t)(n) << 16)
#define SEND_AND_RECEIVE	3

struct message {
	uint32_t	bits, size, remote, local, seqno, id;
	uint32_t	body[256];
};

/* A trap of GNU Mach: its number in eax, its arguments above a return address on the stack. */
static uint32_t
trap(int number, const uint32_t *arg, int count)
{
	uint32_t result;

	__asm__ volatile(
		"pushl %%ebp\n\t"
		"movl %%esp, %%ebp\n"
		"1:	testl %%ecx, %%ecx\n\t"
		"jz 2f\n\t"
		"pushl -4(%%edx, %%ecx, 4)\n\t"
		"decl %%ecx\n\t"
		"jmp 1b\n"
		"2:	pushl $0\n\t"
		"lcall $0x7, $0\n\t"
		"movl %%ebp, %%esp\n\t"
		"popl %%ebp"
		: "=a"(result), "+c"(count)
		: "a"(number), "d"(arg)
		: "memory", "cc");
	return result;
}

static uint32_t
rpc(struct message *m, uint32_t port, uint32_t id, uint32_t body_words)
{
	static uint32_t reply;
	uint32_t size = 24 + 4 * body_words;
	uint32_t arg[7] = { (uint32_t)(uintptr_t)m, SEND_AND_RECEIVE, size, sizeof *m, 0, 0, 0 }, result;

	if (reply == 0)
		reply = trap(-26, NULL, 0);
	m->bits = BITS(COPY_SEND, MAKE_SEND_ONCE);
	m->size = size;
	m->remote = port;
	m->local = reply;
	m->id = id;
	arg[4] = reply;
	result = trap(-25, arg, 7);
	return result ? result : m->body[1];	/* RetCode */
}

static uint32_t
bootstrap_port(void)
{
	struct message m = { .body = { TYPE_INTEGER, TASK_BOOTSTRAP_PORT } };

	return rpc(&m, trap(-28, NULL, 0), TASK_GET_SPECIAL_PORT, 2) == 0 ? m.body[3] : 0;
}

static uint32_t
lookup(uint32_t acs, const char *name, uint32_t *port)
{
	size_t len = strlen(name);
	struct message m = { .body = { TYPE_CHARS(len) } };
	uint32_t error;

	if (len > NAME_MAX_BYTES)
		return 1;
	memcpy(&m.body[1], name, len);
	error = rpc(&m, acs, ACS_LOOKUP, 1 + ((uint32_t)len + 3) / 4);
	*port = m.body[3];
	return error;
}

static int
find(uint32_t acs, const char *name)
{
	struct message m;
	uint32_t port, error = lookup(acs, name, &port);

	if (error == 0)
		error = rpc(&m, port, MX_PING, 0);
	if (error != 0) {
		printf("%s: error 0x%x\n", name, (unsigned int)error);
		return 1;
	}
	printf("%s: found, it is %.*s\n", name, (int)(m.body[2] >> 16 & 0xfff), (const char *)&m.body[3]);
	return 0;
}

int
main(int argc, char **argv)
{
	uint32_t acs = bootstrap_port();
	int status = 0;

	for (int i = 1; i < argc; i++)
		status |= find(acs, argv[i]);
	return status;
}
