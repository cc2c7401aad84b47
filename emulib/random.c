/*
 * random.c - random numbers: ChaCha20 with a key of the process, replaced after each use.
 *
 * The key comes from proc when the process is made (a fork child gets bits of its own), so nobody is asked later. What was given
 * out cannot be computed from the state afterwards.
 * Source: RFC 8439 (the block function).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "core_calls.h"

#define E(name)		(-MX_ERRNO(MX_##name))
#define GRND_ALL	7u	/* NONBLOCK, RANDOM, INSECURE */

static volatile uint32_t random_lock;

static inline uint32_t
rotate(uint32_t v, unsigned int n)
{
	return v << n | v >> (32 - n);
}

static void
quarter(uint32_t *x, unsigned int a, unsigned int b, unsigned int c, unsigned int d)
{
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 7);
}

/* One block of the stream that KEY (8 words) and NONCE (counter and 3 words) name. */
static void
block(const uint32_t key[8], const uint32_t nonce[4], uint32_t out[16])
{
	static const uint32_t constant[4] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
	uint32_t in[16];

	memcpy(in, constant, 16);
	memcpy(in + 4, key, 32);
	memcpy(in + 12, nonce, 16);
	memcpy(out, in, 64);
	for (int i = 0; i < 10; i++) {
		for (unsigned int k = 0; k < 4; k++)
			quarter(out, k, k + 4, k + 8, k + 12);
		for (unsigned int k = 0; k < 4; k++)
			quarter(out, k, (k + 1) % 4 + 4, (k + 2) % 4 + 8, (k + 3) % 4 + 12);
	}
	for (int i = 0; i < 16; i++)
		out[i] += in[i];
}

/* Mix N words into the process's key: the next output, which replaces the key, depends on all of it. */
void
em_random_seed(struct em_process *p, const uint32_t *words, uint32_t n)
{
	em_lock(&random_lock);
	for (uint32_t i = 0; i < n; i++)
		p->p_seed[i % 8] ^= words[i];
	em_unlock(&random_lock);
}

void
em_random(void *to, size_t n)
{
	struct em_process *p = em_proc();
	uint32_t out[16], key[8], part;
	uint8_t *at = to;

	em_lock(&random_lock);
	p->p_seed[8]++;
	block(p->p_seed, p->p_seed + 8, out);
	memcpy(key, p->p_seed, sizeof(key));
	memcpy(p->p_seed, out, 32);		/* the next key */
	part = n < 32 ? n : 32;
	memcpy(at, out + 8, part);
	for (at += part, n -= part; n > 0; at += part, n -= part) {
		p->p_seed[8]++;
		block(key, p->p_seed + 8, out);
		part = n < 64 ? n : 64;
		memcpy(at, out, part);
	}
	em_unlock(&random_lock);
}

int32_t
sys_getrandom(uint32_t to, uint32_t n, uint32_t flags, uint32_t d, uint32_t e, uint32_t f)
{
	uint8_t part[256];
	uint32_t done = 0, size;

	(void)d, (void)e, (void)f;
	if ((flags & ~GRND_ALL) || (flags & 6) == 6)
		return E(EINVAL);
	if (n > 0x7fffffff)
		n = 0x7fffffff;
	while (done < n) {
		if (done > 0 && em_self()->t_attention && em_signal_waiting())
			break;
		size = n - done < sizeof(part) ? n - done : sizeof(part);
		em_random(part, size);
		if (em_copyout(to + done, part, size) < 0)
			return done > 0 ? (int32_t)done : E(EFAULT);
		done += size;
	}
	return (int32_t)done;
}
