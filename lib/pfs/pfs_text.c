/*
 * pfs_text.c - text that a pseudo-file prints.
 *
 * A pseudo-file is printed as a whole into memory and read from there, so that a reader who takes it in small pieces sees one
 * moment, as it does on Linux; reading from the beginning prints again.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pfs_lib.h"

/* Make room for N more bytes. */
static bool
text_reserve(struct pfs_text *text, size_t n)
{
	size_t size = text->tx_size != 0 ? text->tx_size : 256;
	char *buf;

	if (text->tx_failed)
		return false;
	while (size - text->tx_len < n && size < PFS_TEXT_MAX)
		size *= 2;
	if (size - text->tx_len < n) {
		text->tx_failed = true;
		return false;
	}
	if (size == text->tx_size)
		return true;
	buf = realloc(text->tx_buf, size);
	if (buf == NULL) {
		text->tx_failed = true;
		return false;
	}
	text->tx_buf = buf;
	text->tx_size = size;
	return true;
}

void
pfs_text_write(struct pfs_text *text, const void *data, size_t len)
{
	if (!text_reserve(text, len))
		return;
	memcpy(text->tx_buf + text->tx_len, data, len);
	text->tx_len += len;
}

void
pfs_text_putc(struct pfs_text *text, char c)
{
	pfs_text_write(text, &c, 1);
}

void
pfs_text_printf(struct pfs_text *text, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !text_reserve(text, (size_t)n + 1))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text->tx_buf + text->tx_len, (size_t)n + 1, fmt, ap);	/* N bytes, as just counted */
	va_end(ap);
	text->tx_len += (size_t)n;
}

size_t
pfs_text_read(const struct pfs_text *text, uint64_t offset, void *buf, size_t count)
{
	if (offset >= text->tx_len)
		return 0;
	if (count > text->tx_len - offset)
		count = (size_t)(text->tx_len - offset);
	memcpy(buf, text->tx_buf + offset, count);
	return count;
}

void
pfs_text_reset(struct pfs_text *text)
{
	free(text->tx_buf);
	memset(text, 0, sizeof(*text));
}
