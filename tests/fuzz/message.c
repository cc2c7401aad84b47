/*
 * message.c - random messages that are right in form, mostly.
 *
 * What the kernel guarantees of a message that carries rights or out-of-line memory - that its descriptors fit its size - holds
 * here, too; other messages may be any bytes.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "message.h"

#define MEMORY 64u

static uint32_t seen[MEMORY];		/* numbers that replies had */
static unsigned int nseen;

uint32_t
fuzz_random(uint32_t n)
{
	uint32_t r = (uint32_t)rand() << 16 ^ (uint32_t)rand();

	return n == 0 ? r : r % n;
}

bool
fuzz_chance(unsigned int one_in)
{
	return fuzz_random(one_in) == 0;
}

const struct fuzz_routine *
fuzz_routine_find(int id)
{
	const struct fuzz_routine *r;

	for (r = fuzz_routines; r->ro_name != NULL; r++)
		if (r->ro_id == id)
			return r;
	return NULL;
}

/* ---- Arguments ---- */

static uint32_t
number(void)
{
	static const uint32_t edges[] = { 0, 1, 2, 3, 4, 7, 8, 16, 0x7f, 0xff, 0x100, 0xfff, 0x1000, 0x1001, 0x2000, 0x2001, 0xffff,
		0x10000, 0x400000, 0x400001, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };

	switch (fuzz_random(8)) {
	case 0:
		return edges[fuzz_random(sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return fuzz_random(0);
	case 2:
	case 3:
		return nseen != 0 ? seen[fuzz_random(nseen)] : 0;
	case 4:
	case 5:
		return fuzz_nnumbers != 0 ? fuzz_numbers[fuzz_random(fuzz_nnumbers)] : 0;
	default:
		return fuzz_random(5);
	}
}

static void
put(struct fuzz_body *b, const void *data, size_t size)
{
	memcpy(b->bo_data + b->bo_size, data, size);
	b->bo_size += size;
}

static void
put_type(struct fuzz_body *b, unsigned int name, unsigned int bits, unsigned int count, bool long_form, bool is_inline)
{
	mach_msg_type_long_t l;

	memset(&l, 0, sizeof(l));
	l.msgtl_header.msgt_inline = is_inline;
	l.msgtl_header.msgt_longform = long_form;
	l.msgtl_header.msgt_deallocate = !is_inline;	/* as the kernel marks memory that it delivers */
	if (long_form) {
		l.msgtl_name = (unsigned short)name;
		l.msgtl_size = (unsigned short)bits;
		l.msgtl_number = count;
	} else {
		l.msgtl_header.msgt_name = name & 0xff;
		l.msgtl_header.msgt_size = bits & 0xff;
		l.msgtl_header.msgt_number = count & 0xfff;
	}
	put(b, &l, long_form ? sizeof(l) : sizeof(l.msgtl_header));
}

/* Up to MAX bytes: a name or path made of words, or anything. Returns the length. */
static size_t
text(char *s, size_t max)
{
	unsigned int nwords = 0;
	size_t len = 0, n;
	const char *w;

	if (fuzz_chance(20)) {
		len = fuzz_random((uint32_t)max + 1);
		for (n = 0; n < len; n++)
			s[n] = (char)(fuzz_chance(3) ? fuzz_random(0) : 'a' + fuzz_random(3));
		return len;
	}
	while (fuzz_words[nwords] != NULL)
		nwords++;
	do {
		if (len < max && (len != 0 || fuzz_chance(3)))
			s[len++] = '/';
		w = fuzz_words[fuzz_random(nwords)];
		n = strlen(w);
		if (n > max - len)
			n = max - len;
		memcpy(s + len, w, n);
		len += n;
	} while (fuzz_chance(2) && len < max);
	return len;
}

static void
put_bytes(struct fuzz_body *b, size_t max, bool long_form, bool is_text, bool wild)
{
	static char space[16384];
	size_t count, i;

	if (wild && fuzz_chance(8))
		max += fuzz_random(3000);	/* MIG does not mind */
	if (max > 4095 && !long_form)
		max = 4095;
	if (b->bo_size + max > BODY_MAX)
		max = b->bo_size < BODY_MAX ? BODY_MAX - b->bo_size : 0;
	if (is_text) {
		count = text(space, max);
		if (wild && fuzz_chance(30))	/* as long as it gets */
			while (count < max)
				space[count++] = 'x';
	} else {
		count = fuzz_chance(4) ? max : fuzz_random((uint32_t)(max < 64 ? max : 64) + 1);
		for (i = 0; i < count; i++)
			space[i] = (char)(fuzz_chance(2) ? 0 : fuzz_random(0));
	}
	put_type(b, MACH_MSG_TYPE_CHAR, 8, (unsigned int)count, long_form, true);
	while (count % 4 != 0)
		space[count++] = 0;
	put(b, space, count);
}

static void
put_words(struct fuzz_body *b, unsigned int count)
{
	uint32_t w;

	put_type(b, MACH_MSG_TYPE_INTEGER_32, 32, count, false, true);
	while (count-- > 0) {
		w = number();
		put(b, &w, 4);
	}
}

static void
put_port(struct fuzz_body *b, char letter, fuzz_port_source_t *source)
{
	struct sim_port *p = source(letter);

	put_type(b, letter == 'O' ? MACH_MSG_TYPE_MOVE_SEND_ONCE : MACH_MSG_TYPE_MOVE_SEND, 32, 1, false, true);
	put(b, &p, sizeof(p));
	b->bo_complex = true;
}

static void
put_memory(struct fuzz_body *b, char letter, fuzz_port_source_t *source)
{
	unsigned int count = fuzz_chance(3) ? fuzz_random(20000) : fuzz_random(200), i;
	struct sim_port **ports;
	void *memory = NULL;

	if (letter == 'V')
		count = fuzz_random(10);
	if (count != 0)
		memory = sim_map(count * (letter == 'V' ? sizeof(*ports) : 1));
	if (letter == 'V') {
		ports = memory;
		for (i = 0; i < count; i++)
			ports[i] = source('P');
		put_type(b, MACH_MSG_TYPE_MOVE_SEND, 32, count, true, false);
	} else {
		for (i = 0; i < count; i++)
			((char *)memory)[i] = (char)fuzz_random(0);
		put_type(b, MACH_MSG_TYPE_BYTE, 8, count, true, false);
	}
	put(b, &memory, sizeof(memory));
	b->bo_complex = true;
}

static void
put_argument(struct fuzz_body *b, char letter, fuzz_port_source_t *source, bool wild)
{
	uint64_t q;
	uint32_t i;

	switch (letter) {
	case 'i':
	case 'l':
		i = letter == 'l' ? fuzz_random(2) : number();
		put_type(b, letter == 'l' ? MACH_MSG_TYPE_BOOLEAN : MACH_MSG_TYPE_INTEGER_32, 32, 1, false, true);
		put(b, &i, 4);
		break;
	case 'q':
		q = fuzz_chance(6) ? (uint64_t)number() << 32 | number() : fuzz_chance(6) ? ~0ull : number();
		put_type(b, MACH_MSG_TYPE_INTEGER_64, 64, 1, false, true);
		put(b, &q, 8);
		break;
	case 'n':
		put_bytes(b, 256, false, true, wild);
		break;
	case 'b':
		put_bytes(b, 2048, false, fuzz_chance(2), wild);
		break;
	case 'p':
		put_bytes(b, 4096, true, true, wild);
		break;
	case 'd':
		put_bytes(b, 8192, true, fuzz_chance(2), wild);
		break;
	case 'g':
		put_words(b, fuzz_random(wild && fuzz_chance(10) ? 300 : 65));
		break;
	case 'P':
	case 'O':
		put_port(b, letter, source);
		break;
	case 'o':
	case 'V':
		put_memory(b, letter, source);
		break;
	default:				/* a structure */
		put_words(b, (unsigned int)(letter - 'A' + 1) * 4);
		break;
	}
}

void
fuzz_body_make(struct fuzz_body *b, const char *layout, fuzz_port_source_t *source, bool wild)
{
	static const char any[] = "ilqnbpdgPOoVABCDG";
	const char *l;

	for (l = layout; *l != '\0' && b->bo_size < BODY_MAX; l++) {
		if (wild && fuzz_chance(60))
			continue;		/* one is missing */
		if (wild && fuzz_chance(60))	/* one too many, or another */
			put_argument(b, any[fuzz_random(sizeof(any) - 1)], source, wild);
		if (!wild || !fuzz_chance(60))
			put_argument(b, *l, source, wild);
	}
	if (wild && !b->bo_complex && b->bo_size != 0 && fuzz_chance(20)) {
		unsigned int n = 1 + fuzz_random(8);

		while (n-- > 0)
			b->bo_data[fuzz_random((uint32_t)b->bo_size)] ^= (char)(1u << fuzz_random(8));
		if (fuzz_chance(4))
			b->bo_size = fuzz_random((uint32_t)b->bo_size + 1) & ~3u;
	}
}

void
fuzz_body_memory(struct fuzz_body *b, void *memory, size_t bytes)
{
	put_type(b, MACH_MSG_TYPE_BYTE, 8, (unsigned int)bytes, true, false);
	put(b, &memory, sizeof(memory));
	b->bo_complex = true;
}

void
fuzz_body_code(struct fuzz_body *b, int code)
{
	put_type(b, MACH_MSG_TYPE_INTEGER_32, 32, 1, false, true);
	put(b, &code, 4);
}

/* ---- Replies ---- */

static void
remember(uint32_t n)
{
	if (nseen < MEMORY)
		seen[nseen++] = n;
	else
		seen[fuzz_random(MEMORY)] = n;
}

/* What a letter must look like: type, bits, least and most elements. */
static bool
letter_fits(char letter, unsigned int name, unsigned int bits, unsigned int count, bool is_inline)
{
	switch (letter) {
	case 'i':
		return name == MACH_MSG_TYPE_INTEGER_32 && count == 1 && is_inline;
	case 'l':
		return name == MACH_MSG_TYPE_BOOLEAN && bits == 32 && count == 1 && is_inline;
	case 'q':
		return name == MACH_MSG_TYPE_INTEGER_64 && count == 1 && is_inline;
	case 'n':
		return name == MACH_MSG_TYPE_CHAR && count <= 256 && is_inline;
	case 'b':
		return name == MACH_MSG_TYPE_CHAR && count <= 2048 && is_inline;
	case 'p':
		return name == MACH_MSG_TYPE_CHAR && count <= 4096 && is_inline;
	case 'd':
		return name == MACH_MSG_TYPE_CHAR && count <= 8192 && is_inline;
	case 'g':
		return name == MACH_MSG_TYPE_INTEGER_32 && count <= 64 && is_inline;
	case 'P':
		return name == MACH_MSG_TYPE_MOVE_SEND && count == 1 && is_inline;
	case 'O':
		return name == MACH_MSG_TYPE_MOVE_SEND_ONCE && count == 1 && is_inline;
	case 'o':
		return name == MACH_MSG_TYPE_BYTE && !is_inline;
	case 'V':
		return (name == MACH_MSG_TYPE_MOVE_SEND || count == 0) && !is_inline;
	default:
		return name == MACH_MSG_TYPE_INTEGER_32 && count == (unsigned int)(letter - 'A' + 1) * 4;
	}
}

bool
fuzz_body_check(const char *body, size_t size, const char *layout)
{
	const char *p = body + 8, *end = body + size;
	mach_msg_type_long_t l;
	mach_msg_type_t t;
	unsigned int name, bits, count;
	size_t bytes;
	uint32_t n;

	for (; *layout != '\0'; layout++) {
		if (end - p < (ptrdiff_t)sizeof(t))
			return false;
		memcpy(&t, p, sizeof(t));
		memset(&l, 0, sizeof(l));
		if (t.msgt_longform)
			memcpy(&l, p, sizeof(l));
		name = t.msgt_longform ? l.msgtl_name : t.msgt_name;
		bits = t.msgt_longform ? l.msgtl_size : t.msgt_size;
		count = t.msgt_longform ? l.msgtl_number : t.msgt_number;
		if (!letter_fits(*layout, name, bits, count, t.msgt_inline))
			return false;
		p += t.msgt_longform ? sizeof(l) : sizeof(t);
		bytes = t.msgt_inline ? ((size_t)count * bits / 8 + 3) & ~(size_t)3 : sizeof(void *);
		if (bytes > (size_t)(end - p))
			return false;
		if (*layout == 'i') {
			memcpy(&n, p, 4);
			remember(n);
		}
		p += bytes;
	}
	return p == end;
}
