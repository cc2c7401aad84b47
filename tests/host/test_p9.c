/*
 * test_p9.c - 9P messages and requests, against a device that plays answers: right ones, cut ones, and noise.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "p9.h"

#define MESSAGE	8192u

static unsigned int checks, failures;
static uint8_t *out_memory, *in_memory;
static struct p9_call call;
static uint8_t answer[MESSAGE];		/* what the device will say */
static uint32_t answer_bytes;
static bool is_taken;

static void
is(const char *what, bool ok)
{
	printf("%sok %u - %s\n", ok ? "" : "not ", ++checks, what);
	failures += !ok;
}

/* ---- The device ---- */

static struct p9_call *
take(struct p9_client *cl)
{
	(void)cl;
	if (is_taken)
		abort();
	is_taken = true;
	call.pc_out = (struct p9_msg){ .pm_data = out_memory, .pm_size = MESSAGE };
	call.pc_in = (struct p9_msg){ .pm_data = in_memory, .pm_size = MESSAGE };
	return &call;
}

static void
give(struct p9_client *cl, struct p9_call *c)
{
	(void)cl;
	if (!is_taken || c != &call)
		abort();
	is_taken = false;
}

static kern_return_t
carry(struct p9_client *cl, struct p9_call *c, uint32_t *bytes)
{
	(void)cl;
	memcpy(c->pc_in.pm_data, answer, answer_bytes < MESSAGE ? answer_bytes : MESSAGE);
	*bytes = answer_bytes;
	return KERN_SUCCESS;
}

static struct p9_client client = { .cl_take = take, .cl_give = give, .cl_carry = carry, .cl_msize = MESSAGE };

/* Play the answer TYPE with BODY. */
static void
play(uint8_t type, const void *body, size_t len)
{
	answer_bytes = (uint32_t)(P9_HEADER + len);
	memset(answer, 0, P9_HEADER);
	answer[0] = (uint8_t)answer_bytes;
	answer[1] = (uint8_t)(answer_bytes >> 8);
	answer[4] = type;
	memcpy(answer + P9_HEADER, body, len);
}

/* ---- Right answers ---- */

static void
test_requests(void)
{
	static const uint8_t walk[] = { 27, 0, 0, 0, 110, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 1, 0, 8, 0, 'w', 'h', 'a', 't', 'e', 'v', 'e', 'r' };
	static const uint8_t one_qid[2 + 13] = { 1 };
	static const uint8_t error[] = { 13, 0, 0, 0 };
	struct pfs_new what = { .nw_mode = MX_S_IFREG | 0640, .nw_gid = 7 };
	char buf[16];
	size_t done;
	uint32_t fid;

	client.cl_next_fid = 1;
	play(111, one_qid, sizeof one_qid);
	is("walk: succeeds with a new fid", p9_walk(&client, 5, "whatever", 8, &fid) == KERN_SUCCESS && fid == 1);
	is("walk: the message", memcmp(out_memory, walk, sizeof walk) == 0);
	play(7, error, sizeof error);
	is("an error of the host", p9_mknod(&client, 5, "x", 1, &what) == MX_EACCES);
	play(117, "\5\0\0\0hello", 9);
	is("read: the contents", p9_read(&client, 1, 0, buf, sizeof buf, &done) == KERN_SUCCESS && done == 5 && memcmp(buf, "hello", 5) == 0);
	is("read: more than asked for is refused", p9_read(&client, 1, 0, buf, 4, &done) == MX_EIO && done == 0);
	play(117, "\5\0\0\0hel", 7);
	is("read: less than announced is refused", p9_read(&client, 1, 0, buf, sizeof buf, &done) == MX_EIO);
	play(119, "\0\0\0\0", 4);
	is("write: a device that takes nothing is an error", p9_write(&client, 1, 0, "abc", 3, &done) == MX_EIO);
	play(119, "\2\0\0\0", 4);
	is("write: a part", p9_write(&client, 1, 0, "abc", 3, &done) == KERN_SUCCESS && done == 2);
	play(121, "", 0);
	p9_clunk(&client, 1);
	play(111, one_qid, sizeof one_qid);
	is("a fid is used again", p9_walk(&client, 5, "x", 1, &fid) == KERN_SUCCESS && fid == 1);
}

struct names { unsigned int n; char last[8]; };

static bool
name_count(void *arg, uint64_t path, uint64_t next, uint8_t type, const char *name, size_t len)
{
	struct names *nm = arg;

	(void)path;
	(void)next;
	(void)type;
	snprintf(nm->last, sizeof nm->last, "%.*s", (int)len, name);
	return ++nm->n < 2;
}

static void
test_readdir(void)
{
	uint8_t body[4 + 3 * 25] = { 3 * 25 };
	struct names nm = { 0 };
	bool more;

	for (unsigned int i = 0; i < 3; i++) {
		uint8_t *e = body + 4 + i * 25;

		e[13] = (uint8_t)(i + 1);
		e[22] = 1;
		e[24] = (uint8_t)('a' + i);
	}
	play(41, body, sizeof body);
	is("readdir: stops when told", p9_readdir(&client, 1, 0, name_count, &nm, &more) == KERN_SUCCESS && nm.n == 2 && more &&
		strcmp(nm.last, "b") == 0);
	body[4 + 24] = '/';
	play(41, body, sizeof body);
	is("readdir: a name with a slash is refused", p9_readdir(&client, 1, 0, name_count, &nm, &more) == MX_EIO);
	body[0] = 3 * 25 + 1;
	play(41, body, sizeof body);
	is("readdir: more entries than there are bytes", p9_readdir(&client, 1, 0, name_count, &nm, &more) == MX_EIO);
}

/* ---- Noise ---- */

static uint32_t
rnd(uint32_t n)
{
	static uint64_t state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16) % n;
}

static void
noise(uint8_t type)
{
	for (unsigned int i = 0; i < 256; i++)
		answer[i] = (uint8_t)rnd(rnd(2) ? 256 : 3);
	answer_bytes = rnd(200);
	if (rnd(8) == 0)
		answer_bytes = MESSAGE + rnd(100);
	answer[4] = rnd(8) ? type + 1 : (uint8_t)rnd(256);
	if (rnd(4)) {
		answer[0] = (uint8_t)answer_bytes;
		answer[1] = (uint8_t)(answer_bytes >> 8);
		answer[2] = answer[3] = 0;
	}
}

static void
test_noise(void)
{
	struct p9_attr attr;
	struct mx_statfs st;
	struct names nm;
	char buf[64];
	size_t done;
	uint32_t fid;
	bool more;

	for (unsigned int i = 0; i < 200000; i++) {
		noise(24), (void)p9_getattr(&client, 1, &attr);
		noise(40), nm.n = 0, (void)p9_readdir(&client, 1, 0, name_count, &nm, &more);
		noise(22), (void)p9_readlink(&client, 1, buf, sizeof buf, &done);
		if (done > sizeof buf)
			abort();
		noise(116), (void)p9_read(&client, 1, 0, buf, sizeof buf, &done);
		if (done > sizeof buf)
			abort();
		noise(118), (void)p9_write(&client, 1, 0, buf, sizeof buf, &done);
		noise(110), (void)p9_walk(&client, 1, "a", 1, &fid);
		noise(8), (void)p9_statfs(&client, 1, &st);
		noise(100), (void)p9_version(&client, MESSAGE);
		client.cl_msize = MESSAGE;
	}
	is("noise: no answer does harm", !is_taken);
}

int
main(void)
{
	out_memory = malloc(MESSAGE);
	in_memory = malloc(MESSAGE);
	test_requests();
	test_readdir();
	test_noise();
	free(out_memory);
	free(in_memory);
	printf("1..%u\n", checks);
	return failures != 0;
}
