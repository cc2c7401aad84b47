/*
 * p9_msg.c - messages of 9P: numbers are little endian, strings carry their length.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "p9.h"

#define RLERROR	7

/* ---- Making ---- */

static uint8_t *
room(struct p9_msg *m, size_t bytes)
{
	uint8_t *p = m->pm_data + m->pm_at;

	if (m->pm_bad || bytes > m->pm_size - m->pm_at) {
		m->pm_bad = true;
		return NULL;
	}
	m->pm_at += (uint32_t)bytes;
	return p;
}

static void
number_write(uint8_t *p, unsigned int bytes, uint64_t value)
{
	for (unsigned int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

void
p9_begin(struct p9_msg *m, uint8_t type)
{
	m->pm_at = 0;
	m->pm_bad = m->pm_size < P9_HEADER;
	if (!m->pm_bad)
		m->pm_data[4] = type;
	m->pm_at = P9_HEADER;
}

void
p9_put(struct p9_msg *m, unsigned int bytes, uint64_t value)
{
	uint8_t *p = room(m, bytes);

	if (p != NULL)
		number_write(p, bytes, value);
}

void
p9_put_bytes(struct p9_msg *m, const void *data, size_t len)
{
	uint8_t *p = room(m, len);

	if (p != NULL)
		memcpy(p, data, len);
}

void
p9_put_string(struct p9_msg *m, const char *s, size_t len)
{
	if (len > UINT16_MAX)
		m->pm_bad = true;
	p9_put(m, 2, len);
	p9_put_bytes(m, s, len);
}

bool
p9_end(struct p9_msg *m, uint16_t tag)
{
	if (m->pm_bad)
		return false;
	number_write(m->pm_data, 4, m->pm_at);
	number_write(m->pm_data + 5, 2, tag);
	return true;
}

/* ---- Reading ---- */

uint64_t
p9_get(struct p9_msg *m, unsigned int bytes)
{
	const uint8_t *p = room(m, bytes);
	uint64_t value = 0;

	for (unsigned int i = 0; p != NULL && i < bytes; i++)
		value |= (uint64_t)p[i] << 8 * i;
	return value;
}

const void *
p9_get_bytes(struct p9_msg *m, uint32_t len)
{
	return room(m, len);
}

const char *
p9_get_string(struct p9_msg *m, uint16_t *len)
{
	const char *s;

	*len = (uint16_t)p9_get(m, 2);
	s = p9_get_bytes(m, *len);
	if (s == NULL)
		*len = 0;
	return s;
}

kern_return_t
p9_check(struct p9_msg *m, uint32_t bytes, uint8_t type)
{
	uint32_t memory = m->pm_size, size, error;
	uint8_t answer;

	m->pm_at = 0;
	m->pm_bad = false;
	m->pm_size = bytes < memory ? bytes : memory;
	size = (uint32_t)p9_get(m, 4);
	answer = (uint8_t)p9_get(m, 1);
	(void)p9_get(m, 2);
	if (m->pm_bad || size < P9_HEADER || size > m->pm_size)
		return MX_EIO;
	m->pm_size = size;
	if (answer == RLERROR) {
		error = (uint32_t)p9_get(m, 4);
		return m->pm_bad || error == 0 || error > 4095 ? MX_EIO : MX_ERR(error);
	}
	return answer == type + 1 ? KERN_SUCCESS : MX_EIO;
}
