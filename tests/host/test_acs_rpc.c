/*
 * test_acs_rpc - random messages to ACS's demultiplexer, on the host, under ASan and UBSan.
 *
 * MIG's code and the handlers are the real ones; libmasix and the kernel are a few functions below. Every message is in memory of
 * exactly its size, so that a count that was not checked is seen. Half of the messages have the form that a routine expects, with
 * names, lengths and ports at random, and come in at the door of a server, of a dead one, or of Unix processes. An
 * argument gives the number of messages.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "acs.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wsign-compare"
#include "acs_server.c"
#pragma GCC diagnostic pop

#include <mach.h>

#define OUT_BYTES	(5 * 4096)	/* as libmasix's buffers, or more */
#define PAGES_MAX	8

static uint32_t random_state = 88172645;

static uint32_t
random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

/* ---- What libmasix and the kernel do for ACS ---- */

mach_port_t mx_task = 1;
struct mx_stats mx_stats;
struct acs_server acs_servers[ACS_SERVERS_MAX];
struct mx_cond acs_changed;
bool acs_stopping;
mach_port_t acs_host_priv = 11, acs_device_master = 12, acs_bootfs_task = 13, acs_addfs_task;

static void *pages[PAGES_MAX];
static unsigned int page_count, notices, ports_live;
static jmp_buf parked;

static kern_return_t
pages_get(vm_address_t *address, vm_size_t size)
{
	void *p = calloc(1, size);

	if (!p || page_count == PAGES_MAX)
		abort();
	pages[page_count++] = p;
	*address = (vm_address_t)p;
	return KERN_SUCCESS;
}

kern_return_t
vm_allocate(mach_port_t task, vm_address_t *address, vm_size_t size, boolean_t anywhere)
{
	(void)task;
	(void)anywhere;
	return pages_get(address, size);
}

/* Only the end of a piece is ever given back; the piece goes whole when the call is over. */
kern_return_t
vm_deallocate(mach_port_t task, vm_address_t address, vm_size_t size)
{
	(void)task;
	memset((void *)address, 0x5a, size);
	return KERN_SUCCESS;
}

kern_return_t
vm_read(mach_port_t task, vm_address_t address, vm_size_t size, vm_offset_t *data, mach_msg_type_number_t *count)
{
	(void)task;
	*count = size;
	(void)pages_get(data, size);
	memcpy((void *)*data, (const void *)address, size);
	return KERN_SUCCESS;
}

/* Only notifications are sent: is what is sent one? */
mach_msg_return_t
mach_msg_trap(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size, mach_msg_size_t rcv_size,
	mach_port_t rcv_name, mach_msg_timeout_t timeout, mach_port_t notify)
{
	const mach_msg_type_t *type = (const mach_msg_type_t *)(msg + 1);

	(void)rcv_size;
	(void)rcv_name;
	(void)notify;
	if (option != (MACH_SEND_MSG | MACH_SEND_TIMEOUT) || timeout != 0 || msg->msgh_size != send_size ||
	    send_size != sizeof *msg + 12 + ((type->msgt_number + 3u) & ~3u) ||
	    !acs_name_valid((const char *)(type + 1), type->msgt_number))
		abort();
	notices++;
	return random_below(4) ? MACH_MSG_SUCCESS : random_below(2) ? MACH_SEND_TIMED_OUT : MACH_SEND_INVALID_DEST;
}

void
mx_message_destroy(mach_msg_header_t *msg, bool received)
{
	(void)msg;
	(void)received;
}

struct mx_timer *
mx_timer_create(void (*fn)(void *arg), void *arg)
{
	static char timer;

	(void)fn;
	(void)arg;
	return (struct mx_timer *)(void *)&timer;
}

void
mx_timer_set(struct mx_timer *t, uint64_t deadline_ns)
{
	(void)t;
	(void)deadline_ns;
}

void *
mx_object_create(struct mx_class *cls)
{
	struct mx_object *obj = calloc(1, cls->mc_size);

	obj->mo_class = cls;
	return obj;
}

void *
mx_object_cast(struct mx_object *obj, struct mx_class *cls)
{
	return obj && obj->mo_class == cls ? obj : NULL;
}

mach_port_t
mx_object_send_right(struct mx_object *obj)
{
	(void)obj;
	return 99;
}

mx_object_ptr_t
mx_object_intran(mach_port_t port)
{
	(void)port;
	abort();
}

mx_object_ptr_t
mx_object_intran_payload(unsigned long payload)
{
	return (mx_object_ptr_t)payload;
}

void
mx_object_destruct(mx_object_ptr_t obj)
{
	(void)obj;
}

void
mx_port_release(mach_port_t port)
{
	(void)port;
	ports_live--;
}

/* Port 666 is dead already. */
kern_return_t
mx_on_dead_name(mach_port_t port, void (*fn)(void *arg, mach_port_t dead), void *arg)
{
	(void)fn;
	(void)arg;
	return port == 666 ? KERN_INVALID_RIGHT : KERN_SUCCESS;
}

void
mx_forget_dead_name(mach_port_t port)
{
	(void)port;
}

void
mx_cond_broadcast(struct mx_cond *c)
{
	(void)c;
}

/* The fibril parks: here, for ever. */
kern_return_t
mx_cond_wait_cancellable_until(struct mx_cond *c, uint32_t tag, uint64_t deadline_ns)
{
	(void)c;
	(void)tag;
	(void)deadline_ns;
	if (random_below(2))
		return random_below(2) ? MX_EINTR : MX_ETIMEDOUT;
	longjmp(parked, 1);
}

uint64_t
mx_now_ns(void)
{
	static uint64_t now;

	return now += 1000000;
}

void
mx_log(enum mx_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

/* ---- The rest of ACS ---- */

struct acs_server *
acs_server_by_id(uint32_t id)
{
	return id >= 2 && id < 5 ? &acs_servers[id - 2] : NULL;
}

bool
acs_server_alive(const struct acs_server *sv)
{
	return sv->sv_state == ACS_RUNNING;
}

const char *
acs_state_name(const struct acs_server *sv)
{
	(void)sv;
	return "running";
}

bool
acs_name_declared(const char *name, uint64_t *deadline_ns)
{
	*deadline_ns = random_below(3) ? UINT64_MAX : 0;
	return strcmp(name, "awaited") == 0;
}

void
acs_life_ready(struct acs_server *sv, bool ok, const char *text, size_t len)
{
	if (!sv || (!ok && len > 0 && memchr(text, 1, len) == text))
		notices++;
}

void
acs_log_line(uint32_t level, const char *from, const char *text, size_t len)
{
	static struct acs_log_line line;

	acs_log_make(&line, 0, level, from, text, len);
}

const char *
acs_option(const char *key)
{
	return strcmp(key, "mode") == 0 ? "run" : "";
}

kern_return_t
acs_boot_find(const char *path, size_t len, const char **data, size_t *size)
{
	*data = "contents";
	*size = 9;
	return len > 2 && memcmp(path, "/f", 2) == 0 ? KERN_SUCCESS : MX_ENOENT;
}

/* ---- Messages ---- */

struct builder { unsigned char b_data[16384]; size_t b_size; };

static void
words_put(struct builder *b, const void *data, size_t size)
{
	memset(b->b_data + b->b_size, 0, (size + 3) & ~(size_t)3);
	memcpy(b->b_data + b->b_size, data, size);
	b->b_size += (size + 3) & ~(size_t)3;
}

static void
type_put(struct builder *b, unsigned int name, unsigned int bits, unsigned int number)
{
	mach_msg_type_t type = { .msgt_name = (unsigned char)name, .msgt_size = (unsigned char)bits, .msgt_number = number & 0xfff,
		.msgt_inline = TRUE };

	if (random_below(50) == 0)
		type.msgt_number = random_below(4096);
	words_put(b, &type, sizeof type);
}

/* A name or other text: mostly a sensible one, sometimes far too long. */
static void
text_put(struct builder *b)
{
	static const char *const text[] = { "own", "grp", "awaited", "secret", "host", "lookup", "mode", "/file", "a b", "", "acs.x" };
	static char big[4100];
	size_t len = random_below(4100);

	if (random_below(8) == 0) {
		memset(big, random_below(2) ? 'a' : (int)random_below(256), sizeof big);
		type_put(b, MACH_MSG_TYPE_CHAR, 8, (unsigned int)len);
		words_put(b, big, len & 0xfff);
	} else {
		const char *s = text[random_below(sizeof text / sizeof *text)];

		type_put(b, MACH_MSG_TYPE_CHAR, 8, (unsigned int)strlen(s));
		words_put(b, s, strlen(s));
	}
}

static void
integer_put(struct builder *b)
{
	uint32_t value = random_below(3) ? 0 : random_below(0xffffffff);

	type_put(b, MACH_MSG_TYPE_INTEGER_32, 32, 1);
	words_put(b, &value, sizeof value);
}

static void
port_put(struct builder *b)
{
	mach_port_t port = random_below(4) ? 100 + random_below(20) : random_below(2) ? 666 : random_below(2) ? MACH_PORT_NULL : MACH_PORT_DEAD;

	type_put(b, MACH_MSG_TYPE_PORT_SEND, 32, 1);
	words_put(b, &port, sizeof port);
	ports_live++;
}

/* What each routine expects: t text, p port, i integer. */
static const char *const forms[] = { "tpi", "t", "t", "t", "", "tp", "it", "t", "it", "t", "t" };

static void
body_put(struct builder *b, unsigned int routine)
{
	const char *form = routine < sizeof forms / sizeof *forms && random_below(10) ? forms[routine] : forms[random_below(11)];

	for (; *form; form++)
		*form == 't' ? text_put(b) : *form == 'p' ? port_put(b) : integer_put(b);
	if (random_below(10) == 0)
		for (uint32_t i = random_below(6); i > 0; i--)
			integer_put(b);
	if (random_below(6) == 0 && b->b_size > 32)
		b->b_data[24 + random_below((uint32_t)b->b_size - 24)] = (unsigned char)random_below(256);
	if (random_below(20) == 0)
		b->b_size = 24 + (random_below((uint32_t)b->b_size - 20) & ~3u);
}

static void
message_try(struct acs_door *door)
{
	static struct builder b;
	static char out[OUT_BYTES];
	mach_msg_header_t head = { 0 };
	unsigned int routine = random_below(12);
	void *in;

	b.b_size = sizeof head;
	body_put(&b, routine);
	head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, MACH_MSG_TYPE_PROTECTED_PAYLOAD) |
		(random_below(30) ? MACH_MSGH_BITS_COMPLEX : 0);
	head.msgh_size = (mach_msg_size_t)b.b_size;
	head.msgh_protected_payload = (unsigned long)door;
	head.msgh_id = 410000 + (int)routine;
	memcpy(b.b_data, &head, sizeof head);
	in = malloc(b.b_size);
	memcpy(in, b.b_data, b.b_size);
	if (setjmp(parked) == 0)
		(void)acs_server(in, (mach_msg_header_t *)(void *)out);
	free(in);
	while (page_count > 0)
		free(pages[--page_count]);
}

static struct acs_door *
server_make(unsigned int slot, const char *name, const char *registers)
{
	struct acs_server *sv = &acs_servers[slot];

	acs_spec_init(&sv->sv_spec, name);
	sv->sv_state = ACS_RUNNING;
	sv->sv_id = slot + 2;
	(void)acs_words_add(&sv->sv_spec.sp_registers, registers, strlen(registers));
	(void)acs_words_add(&sv->sv_spec.sp_registers, "grp", 3);
	(void)acs_words_add(&sv->sv_spec.sp_uses, "awaited", 7);
	(void)acs_words_add(&sv->sv_spec.sp_public, "own", 3);
	sv->sv_spec.sp_rights = ACS_RIGHT_HOST | ACS_RIGHT_LOOKUP;
	return acs_door_create(sv, false);
}

int
main(int argc, char **argv)
{
	unsigned int messages = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 300000;
	struct acs_words groups = { 0 };
	struct acs_door *door[4];

	(void)acs_words_add(&groups, "grp", 3);
	acs_groups_set(&groups);
	door[0] = server_make(0, "one", "own");
	door[1] = server_make(1, "two", "*");
	door[2] = server_make(2, "dead", "own");
	door[2]->do_server = NULL;
	door[3] = acs_door_create(NULL, true);
	for (unsigned int i = 0; i < messages; i++) {
		message_try(door[random_below(4)]);
		if (random_below(1000) == 0)
			acs_names_lose(2 + random_below(2));
		for (struct acs_name *e = acs_names_next(&acs_names, NULL); e; e = acs_names_next(&acs_names, e))
			if (e->na_owner == 4 || e->na_service == 666 || !acs_name_valid(e->na_name, strlen(e->na_name)))
				abort();
	}
	for (int i = 0; i < 4; i++)
		free(door[i]);
	printf("ok 1 - %u random messages\n", messages);
	printf("%sok 2 - some of them did something (%u)\n", notices > 100 ? "" : "not ", notices);
	printf("1..2\n");
	return notices > 100 ? 0 : 1;
}
