/*
 * proc_random.c - random bits for processes' generators.
 *
 * A ChaCha20 generator (RFC 8439's block function) whose key is replaced by its own output after each use, so that what was given
 * out cannot be computed back. The machine has no source of randomness that proc could ask; what goes in is the time stamp
 * counter at moments that depend on the host: each fork, each tick that the clock waits for, the boot.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <string.h>
#include "server.h"

static uint32_t key[8];
static uint32_t counter;
static unsigned int pool_at;

static uint32_t
rotl(uint32_t x, int n)
{
	return x << n | x >> (32 - n);
}

static void
quarter(uint32_t *s, int a, int b, int c, int d)
{
	s[a] += s[b];
	s[d] = rotl(s[d] ^ s[a], 16);
	s[c] += s[d];
	s[b] = rotl(s[b] ^ s[c], 12);
	s[a] += s[b];
	s[d] = rotl(s[d] ^ s[a], 8);
	s[c] += s[d];
	s[b] = rotl(s[b] ^ s[c], 7);
}

/* 64 bytes for the present key and counter. */
static void
block(uint32_t out[16])
{
	uint32_t in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };

	memcpy(in + 4, key, sizeof(key));
	in[12] = counter++;
	memcpy(out, in, sizeof(in));
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 4; i++)
			quarter(out, i, 4 + i, 8 + i, 12 + i);
		for (int i = 0; i < 4; i++)
			quarter(out, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
	}
	for (int i = 0; i < 16; i++)
		out[i] += in[i];
}

static void
proc_random_stir(void)
{
	uint64_t t;

	__asm__ volatile("rdtsc" : "=A"(t));
	key[pool_at % 8] += (uint32_t)t;
	key[(pool_at + 3) % 8] ^= rotl((uint32_t)t, 13) + (uint32_t)(t >> 32);
	pool_at++;
}

void
proc_random(void *to, size_t size)
{
	unsigned char *at = to;
	uint32_t out[16];

	proc_random_stir();
	while (size > 0) {
		size_t n = size < 32 ? size : 32;

		block(out);
		memcpy(key, out, sizeof(key));
		memcpy(at, out + 8, n);
		at += n;
		size -= n;
	}
	memset(out, 0, sizeof(out));
}
