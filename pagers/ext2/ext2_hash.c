/*
 * ext2_hash.c - hashes of names, by which indexed directories are ordered.
 *
 * Three kinds, each of signed or unsigned bytes (older systems took whatever char was): one of our predecessors' own, half of the
 * MD4 compression function, and the Tiny Encryption Algorithm. Source: the format of indexed directories.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "ext2.h"

#define HASH_EOF	0x7fffffffu	/* no name has this one (times two) */

static int
char_of(const char *p, bool is_unsigned)
{
	return is_unsigned ? (int)*(const unsigned char *)p : (int)*(const signed char *)p;
}

/* N words of the next bytes of a name, padded with its length. */
static void
words_fill(const char *name, size_t len, bool is_unsigned, uint32_t *words, unsigned int n)
{
	uint32_t pad = (uint32_t)len | (uint32_t)len << 8, word;
	size_t i;

	pad |= pad << 16;
	word = pad;
	if (len > n * 4)
		len = n * 4;
	for (i = 0; i < len; i++) {
		word = (uint32_t)char_of(name + i, is_unsigned) + (word << 8);
		if (i % 4 == 3) {
			*words++ = word;
			word = pad;
			n--;
		}
	}
	if (n > 0) {
		*words++ = word;
		n--;
	}
	for (; n > 0; n--)
		*words++ = pad;
}

/* ---- The first one ---- */

static uint32_t
legacy_hash(const char *name, size_t len, bool is_unsigned)
{
	uint32_t hash, hash0 = 0x12a3fe2d, hash1 = 0x37abe8f9;

	for (; len > 0; len--, name++) {
		hash = hash1 + (hash0 ^ (uint32_t)(char_of(name, is_unsigned) * 7152373));
		if (hash & 0x80000000u)
			hash -= 0x7fffffffu;
		hash1 = hash0;
		hash0 = hash;
	}
	return hash0 << 1;
}

/* ---- Half of MD4 ---- */

static uint32_t
rotate(uint32_t v, unsigned int by)
{
	return v << by | v >> (32 - by);
}

static uint32_t
choose(unsigned int round, uint32_t x, uint32_t y, uint32_t z)
{
	switch (round) {
	case 0:
		return z ^ (x & (y ^ z));
	case 1:
		return (x & y) + ((x ^ y) & z);
	default:
		return x ^ y ^ z;
	}
}

static void
half_md4(uint32_t buf[4], const uint32_t in[8])
{
	static const uint32_t added[3] = { 0, 0x5a827999, 0x6ed9eba1 };
	static const uint8_t order[3][8] = { { 0, 1, 2, 3, 4, 5, 6, 7 }, { 1, 3, 5, 7, 0, 2, 4, 6 }, { 3, 7, 2, 6, 1, 5, 0, 4 } };
	static const uint8_t shift[3][4] = { { 3, 7, 11, 19 }, { 3, 5, 9, 13 }, { 3, 9, 11, 15 } };
	uint32_t v[4];
	unsigned int round, i;

	memcpy(v, buf, sizeof(v));
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 8; i++) {
			/* a, d, c, b in turn */
			uint32_t *to = &v[(4 - i % 4) % 4];
			uint32_t x = v[(5 - i % 4) % 4], y = v[(6 - i % 4) % 4], z = v[(7 - i % 4) % 4];

			*to = rotate(*to + choose(round, x, y, z) + in[order[round][i]] + added[round], shift[round][i % 4]);
		}
	}
	for (i = 0; i < 4; i++)
		buf[i] += v[i];
}

/* ---- TEA ---- */

static void
tea(uint32_t buf[4], const uint32_t in[4])
{
	uint32_t sum = 0, b0 = buf[0], b1 = buf[1];
	unsigned int n;

	for (n = 0; n < 16; n++) {
		sum += 0x9e3779b9;
		b0 += ((b1 << 4) + in[0]) ^ (b1 + sum) ^ ((b1 >> 5) + in[1]);
		b1 += ((b0 << 4) + in[2]) ^ (b0 + sum) ^ ((b0 >> 5) + in[3]);
	}
	buf[0] += b0;
	buf[1] += b1;
}

bool
ext2_hash(unsigned int version, const uint32_t seed[4], const char *name, size_t len, uint32_t *major, uint32_t *minor)
{
	uint32_t buf[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 }, in[8];
	bool is_unsigned = version >= EXT2_HASH_UNSIGNED;
	unsigned int kind = is_unsigned ? version - EXT2_HASH_UNSIGNED : version, words = kind == EXT2_HASH_HALF_MD4 ? 8 : 4;

	if (kind > EXT2_HASH_TEA)
		return false;
	if (seed[0] != 0 || seed[1] != 0 || seed[2] != 0 || seed[3] != 0)
		memcpy(buf, seed, sizeof(buf));
	*minor = 0;
	if (kind == EXT2_HASH_LEGACY) {
		*major = legacy_hash(name, len, is_unsigned);
	} else {
		for (;;) {
			words_fill(name, len, is_unsigned, in, words);
			if (kind == EXT2_HASH_HALF_MD4)
				half_md4(buf, in);
			else
				tea(buf, in);
			if (len <= words * 4)
				break;
			len -= words * 4;
			name += words * 4;
		}
		*major = kind == EXT2_HASH_HALF_MD4 ? buf[1] : buf[0];
		*minor = kind == EXT2_HASH_HALF_MD4 ? buf[2] : buf[1];
	}
	*major &= ~1u;
	if (*major == HASH_EOF << 1)
		*major = (HASH_EOF - 1) << 1;
	return true;
}
