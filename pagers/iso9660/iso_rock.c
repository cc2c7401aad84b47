/*
 * iso_rock.c - Rock Ridge: what a record's system use field says in POSIX's terms.
 *
 * The field is a list of pieces, each with two letters, a length and a version. CE goes on elsewhere on the disk; how often is bounded, so
 * that a damaged volume cannot lead round in a circle.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include "iso.h"

#define CONTINUES_MAX	64u

enum { NM_CONTINUE = 1, NM_CURRENT = 2, NM_PARENT = 4 };
enum { SL_CONTINUE = 1, SL_CURRENT = 2, SL_PARENT = 4, SL_ROOT = 8 };
#define TF_LONG		0x80u

static void
name_add(struct iso_rock *rk, const uint8_t *b, size_t n)
{
	if (n <= 5 || (b[4] & (NM_CURRENT | NM_PARENT)) != 0)
		return;
	n -= 5;
	if (n > ISO_NAME_MAX - rk->rk_name_len)
		n = ISO_NAME_MAX - rk->rk_name_len;
	memcpy(rk->rk_name + rk->rk_name_len, b + 5, n);
	rk->rk_name_len += n;
}

static void
link_put(struct iso_rock *rk, const void *text, size_t n)
{
	if (n > ISO_LINK_MAX - rk->rk_link_len)
		n = ISO_LINK_MAX - rk->rk_link_len;
	memcpy(rk->rk_link + rk->rk_link_len, text, n);
	rk->rk_link_len += n;
}

/* The components of a symbolic link: flags, length, text. */
static void
link_add(struct iso_rock *rk, const uint8_t *b, size_t n)
{
	const uint8_t *c = b + 5, *end = b + n;

	for (; end - c >= 2 && (size_t)(end - c) >= 2u + c[1]; c += 2 + c[1]) {
		if (!rk->rk_link_joins && rk->rk_link_len > 0 && rk->rk_link[rk->rk_link_len - 1] != '/')
			link_put(rk, "/", 1);
		if (c[0] & SL_ROOT)
			link_put(rk, "/", 1);
		else if (c[0] & SL_PARENT)
			link_put(rk, "..", 2);
		else if (c[0] & SL_CURRENT)
			link_put(rk, ".", 1);
		else
			link_put(rk, c + 2, c[1]);
		rk->rk_link_joins = (c[0] & SL_CONTINUE) != 0;
	}
}

static void
times_add(struct iso_rock *rk, const uint8_t *b, size_t n)
{
	size_t size = b[4] & TF_LONG ? 17 : 7, at = 5;
	unsigned int i;

	for (i = 0; i < 4 && at + size <= n; i++) {
		if ((b[4] & 1u << i) == 0)
			continue;
		rk->rk_time[i] = size == 7 ? iso_time_decode(b + at) : iso_time_decode_long(b + at);
		rk->rk_times |= 1u << i;
		at += size;
	}
}

static void
device_add(struct iso_rock *rk, const uint8_t *b)
{
	uint32_t high = od_le32(b + 4), low = od_le32(b + 12);

	rk->rk_has_rdev = true;
	rk->rk_rdev_major = high != 0 ? high : low >> 8;	/* some write all of it into the low half */
	rk->rk_rdev_minor = high != 0 ? low : low & 0xff;
}

static bool
is_piece(const uint8_t *b, const char *name)
{
	return b[0] == (uint8_t)name[0] && b[1] == (uint8_t)name[1];
}

/* One piece of N bytes. */
static void
piece_read(struct iso_rock *rk, const uint8_t *b, size_t n)
{
	if (is_piece(b, "PX") && n >= 36) {
		rk->rk_has_mode = true;
		rk->rk_mode = od_le32(b + 4);
		rk->rk_nlink = od_le32(b + 12);
		rk->rk_uid = od_le32(b + 20);
		rk->rk_gid = od_le32(b + 28);
	} else if (is_piece(b, "PN") && n >= 20) {
		device_add(rk, b);
	} else if (is_piece(b, "NM")) {
		name_add(rk, b, n);
	} else if (is_piece(b, "SL") && n > 5) {
		link_add(rk, b, n);
	} else if (is_piece(b, "TF") && n > 5) {
		times_add(rk, b, n);
	} else if (is_piece(b, "CL") && n >= 12) {
		rk->rk_child = od_le32(b + 4);
	} else if (is_piece(b, "RE")) {
		rk->rk_is_moved = true;
	} else if (is_piece(b, "ZF")) {
		rk->rk_is_compressed = true;
	} else if (is_piece(b, "SP") && n >= 7 && b[4] == 0xbe && b[5] == 0xef) {
		rk->rk_has_skip = true;
		rk->rk_skip = b[6];
	} else if (!is_piece(b, "RR") && !is_piece(b, "ER")) {
		return;
	}
	rk->rk_found = true;
}

struct place { uint64_t disk; uint32_t offset, bytes; };

/* The pieces in N bytes at B; *NEXT: where they go on, bytes 0: nowhere. */
static void
pieces_read(struct iso_volume *iv, const uint8_t *b, size_t n, struct iso_rock *rk, struct place *next)
{
	size_t len;

	next->bytes = 0;
	for (; n >= 4 && b[2] >= 4 && b[2] <= n; b += len, n -= len) {
		len = b[2];
		if (is_piece(b, "ST"))
			return;
		if (is_piece(b, "CE") && len >= 28) {
			next->disk = (uint64_t)od_le32(b + 4) * iv->iv_block;
			next->offset = od_le32(b + 12);
			next->bytes = od_le32(b + 20);
		} else {
			piece_read(rk, b, len);
		}
	}
}

kern_return_t
iso_rock_read(struct iso_volume *iv, const uint8_t *use, size_t n, struct iso_rock *rk)
{
	struct place next;
	unsigned int i;
	uint8_t *buf;
	kern_return_t kr = KERN_SUCCESS;

	memset(rk, 0, offsetof(struct iso_rock, rk_name));
	rk->rk_name_len = rk->rk_link_len = 0;
	rk->rk_link_joins = rk->rk_has_skip = false;
	pieces_read(iv, use, n, rk, &next);
	if (next.bytes == 0)
		return KERN_SUCCESS;
	buf = malloc(ISO_SECTOR);
	if (buf == NULL)
		return MX_ENOMEM;
	for (i = 0; next.bytes != 0 && kr == KERN_SUCCESS; i++) {
		if (i == CONTINUES_MAX || next.offset >= ISO_SECTOR || next.bytes > ISO_SECTOR - next.offset) {
			kr = MX_EIO;
			break;
		}
		n = next.bytes;
		kr = od_read(iv->iv_volume.ov_cache, next.disk + next.offset, buf, n);
		if (kr == KERN_SUCCESS)
			pieces_read(iv, buf, n, rk, &next);
	}
	free(buf);
	return kr;
}
