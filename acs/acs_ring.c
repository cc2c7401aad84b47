/*
 * acs_ring.c - the log ring: the last lines that servers said.
 *
 * It lives in ACS, so that it outlives the server whose last words it holds. Records are of different length and never split; a
 * new one pushes out as many of the oldest as it needs. A reader keeps a sequence number and sees by a jump what it missed.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs_core.h"

#include <stdio.h>
#include <string.h>

/* What precedes FROM and TEXT (both with their NUL). rh_size 0: the rest of the ring is empty, go on at its beginning. */
struct record {
	uint32_t	rh_size;	/* of the record, a multiple of 4 */
	uint32_t	rh_level;
	uint64_t	rh_ms;
};

static struct record
record_get(const struct acs_log_ring *r, uint32_t offset)
{
	struct record h = { 0 };

	if (ACS_LOG_BYTES - offset >= sizeof h)
		memcpy(&h, r->lr_bytes + offset, sizeof h);
	return h;
}

/* The offset of the record that is at OFFSET or, after the mark of the end, at the beginning. */
static uint32_t
record_locate(const struct acs_log_ring *r, uint32_t offset)
{
	return record_get(r, offset).rh_size == 0 ? 0 : offset;
}

static void
oldest_drop(struct acs_log_ring *r)
{
	r->lr_tail = record_locate(r, r->lr_tail);
	r->lr_tail += record_get(r, r->lr_tail).rh_size;
	if (++r->lr_first == r->lr_next)
		r->lr_tail = r->lr_head;
}

/* Is there room for SIZE bytes at the head (which is not wrapped yet) without reaching the tail? */
static bool
head_has_room(const struct acs_log_ring *r, uint32_t size)
{
	if (r->lr_first == r->lr_next || r->lr_tail < r->lr_head)
		return ACS_LOG_BYTES - r->lr_head >= size;
	return r->lr_tail - r->lr_head >= size;
}

/* Make room for SIZE bytes at lr_head. */
static void
room_make(struct acs_log_ring *r, uint32_t size)
{
	struct record end = { 0 };

	while (!head_has_room(r, size)) {
		bool empty = r->lr_first == r->lr_next;

		if (!empty && r->lr_tail >= r->lr_head) {
			oldest_drop(r);
			continue;
		}
		/* The piece up to the end of the ring is too short: leave a mark and go on at the beginning. */
		if (ACS_LOG_BYTES - r->lr_head >= sizeof end)
			memcpy(r->lr_bytes + r->lr_head, &end, sizeof end);
		r->lr_head = 0;
		if (empty)
			r->lr_tail = 0;
		else if (r->lr_tail == 0)
			oldest_drop(r);
	}
}

static char
printable(char c)
{
	return (c >= ' ' && c <= '~') || c == '\t' ? c : '?';
}

void
acs_log_make(struct acs_log_line *line, uint64_t ms, uint32_t level, const char *from, const char *text, size_t len)
{
	if (len > ACS_LOG_TEXT)
		len = ACS_LOG_TEXT;
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == '\0'))
		len--;
	line->ll_seq = 0;
	line->ll_level = level & 3;
	line->ll_ms = ms;
	(void)snprintf(line->ll_from, sizeof line->ll_from, "%s", from);	/* a name: it fits */
	for (size_t i = 0; i < len; i++)
		line->ll_text[i] = printable(text[i]);
	line->ll_text[len] = '\0';
}

void
acs_log_put(struct acs_log_ring *r, struct acs_log_line *line)
{
	struct record h = { .rh_level = line->ll_level, .rh_ms = line->ll_ms };
	size_t from_size = strlen(line->ll_from) + 1, text_size = strlen(line->ll_text) + 1;
	unsigned char *p;

	h.rh_size = (uint32_t)((sizeof h + from_size + text_size + 3) & ~(size_t)3);
	room_make(r, h.rh_size);
	p = r->lr_bytes + r->lr_head;
	memcpy(p, &h, sizeof h);
	memcpy(p + sizeof h, line->ll_from, from_size);
	memcpy(p + sizeof h + from_size, line->ll_text, text_size);
	r->lr_head += h.rh_size;
	line->ll_seq = r->lr_next++;
}

bool
acs_log_get(const struct acs_log_ring *r, struct acs_log_cursor *c, struct acs_log_line *line)
{
	struct record h;
	const char *from;

	if (c->lc_seq <= r->lr_first) {
		c->lc_seq = r->lr_first;
		c->lc_offset = r->lr_tail;
	}
	if (c->lc_seq >= r->lr_next)
		return false;
	c->lc_offset = record_locate(r, c->lc_offset);
	h = record_get(r, c->lc_offset);
	from = (const char *)r->lr_bytes + c->lc_offset + sizeof h;
	line->ll_seq = c->lc_seq;
	line->ll_level = h.rh_level;
	line->ll_ms = h.rh_ms;
	(void)snprintf(line->ll_from, sizeof line->ll_from, "%s", from);
	(void)snprintf(line->ll_text, sizeof line->ll_text, "%s", from + strlen(from) + 1);
	c->lc_offset += h.rh_size;
	c->lc_seq++;
	return true;
}

size_t
acs_log_format(const struct acs_log_line *line, char *out, size_t size)
{
	static const char *const level[] = { "error: ", "warning: ", "", "debug: " };
	int n = snprintf(out, size, "[%5lu.%03lu] %s: %s%s\n", (unsigned long)(line->ll_ms / 1000),
		(unsigned long)(line->ll_ms % 1000), line->ll_from, level[line->ll_level & 3], line->ll_text);

	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}
