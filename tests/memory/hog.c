/*
 * hog.c - fill memory with what can be recognised, and look whether it stays so.
 *
 *	hog MEGABYTES PASSES [text|random|zero]
 *
 * Memory is taken a megabyte at a time. Every page begins with its number and the pass; the rest is a text, random, or zeros. Each pass
 * reads all pages, compares all bytes and writes every third page anew. Prints a line for each pass; the exit status is 1 when a byte was
 * wrong, 2 when there was no memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE	4096u
#define WORDS	(PAGE / 4)
#define MB	(1u << 20)
#define PAGES	(MB / PAGE)

static char kind;
static uint32_t **piece;
static uint32_t expected[WORDS];

static uint32_t
mix(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	x *= 0x846ca68bu;
	return x ^ x >> 16;
}

/* What page N holds after it was written in pass PASS. */
static void
page_make(uint32_t *to, uint32_t n, uint32_t pass)
{
	uint32_t x = mix(n * 31 + pass) | 1;

	for (uint32_t i = 0; i < WORDS; i++) {
		if (kind == 'r')
			to[i] = x = x * 1664525u + 1013904223u;
		else
			to[i] = kind == 'z' ? 0 : mix(n) % 1000 + i / 8;
	}
	if (kind == 'z')
		return;
	to[0] = n;
	to[1] = pass;
}

/* The last pass before PASS that wrote page N. */
static uint32_t
written_in(uint32_t n, uint32_t pass)
{
	for (; pass > 0; pass--)
		if ((n + pass) % 3 == 0)
			return pass;
	return 0;
}

static double
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint32_t *
page_at(uint32_t n)
{
	return piece[n / PAGES] + (size_t)(n % PAGES) * WORDS;
}

int
main(int argc, char **argv)
{
	uint32_t mb = argc > 1 ? (uint32_t)atoi(argv[1]) : 1, passes = argc > 2 ? (uint32_t)atoi(argv[2]) : 1, wrong = 0;
	double start = now();

	kind = argc > 3 ? argv[3][0] : 't';
	piece = calloc(mb, sizeof(*piece));
	for (uint32_t i = 0; piece != NULL && i < mb; i++) {
		piece[i] = mmap(NULL, MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (piece[i] == MAP_FAILED) {
			printf("no memory after %u MB\n", i);
			return 2;
		}
		for (uint32_t k = 0; k < PAGES; k++)
			page_make(piece[i] + (size_t)k * WORDS, i * PAGES + k, 0);
	}
	if (piece == NULL)
		return 2;
	printf("filled %u MB in %.1f s\n", mb, now() - start);
	for (uint32_t pass = 1; pass <= passes; pass++) {
		start = now();
		for (uint32_t n = 0; n < mb * PAGES; n++) {
			page_make(expected, n, written_in(n, pass - 1));
			wrong += memcmp(page_at(n), expected, PAGE) != 0;
			if ((n + pass) % 3 == 0)
				page_make(page_at(n), n, pass);
		}
		printf("pass %u: %u pages wrong, %.1f s\n", pass, wrong, now() - start);
		fflush(stdout);
	}
	return wrong != 0;
}
