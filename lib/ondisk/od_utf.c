/*
 * od_utf.c - names in UTF-16, as VFAT and Joliet keep them.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <masix/ondisk.h>

/* One character of the LEN bytes at S into *C; how many bytes it takes, 0: malformed. */
static size_t
utf8_get(const char *s, size_t len, uint32_t *c)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t *b = (const uint8_t *)s;
	size_t n = b[0] < 0x80 ? 1 : b[0] < 0xc0 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf8 ? 4 : 0, i;

	if (n == 0 || n > len)
		return 0;
	*c = n == 1 ? b[0] : b[0] & (0xffu >> (n + 1));
	for (i = 1; i < n; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (b[i] & 0x3f);
	}
	return *c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000) ? 0 : n;
}

size_t
od_utf16_from(const char *s, size_t len, uint16_t *out, size_t max)
{
	size_t n = 0, k;
	uint32_t c;

	for (; len > 0; s += k, len -= k) {
		k = utf8_get(s, len, &c);
		if (k == 0 || n + (c >= 0x10000) >= max)
			return OD_BAD_NAME;
		if (c >= 0x10000) {
			out[n++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		out[n++] = (uint16_t)c;
	}
	return n;
}

static size_t
utf8_put(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

size_t
od_utf8_from(const uint16_t *s, size_t n, char *out, size_t max)
{
	size_t len = 0, i, k, j;
	char buf[4];
	uint32_t c;

	for (i = 0; i < n; i++) {
		c = s[i];
		if (c >= 0xdc00 && c < 0xe000)
			return OD_BAD_NAME;
		if (c >= 0xd800 && c < 0xdc00) {
			if (i + 1 == n || s[i + 1] < 0xdc00 || s[i + 1] >= 0xe000)
				return OD_BAD_NAME;
			c = 0x10000 + ((c - 0xd800) << 10) + (s[++i] - 0xdc00u);
		}
		k = utf8_put(c, buf);
		if (k > max - len)
			return OD_BAD_NAME;
		for (j = 0; j < k; j++)
			out[len++] = buf[j];
	}
	return len;
}

uint16_t
od_upper(uint16_t c)
{
	if (c < 0x80)
		return c >= 'a' && c <= 'z' ? (uint16_t)(c - 32) : c;
	if (c >= 0xe0 && c <= 0xfe && c != 0xf7)
		return (uint16_t)(c - 32);
	if (c == 0xff)
		return 0x178;
	if ((c >= 0x100 && c <= 0x137 && c != 0x131) || (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x481) ||
	    (c >= 0x48a && c <= 0x4bf) || (c >= 0x4d0 && c <= 0x52f) || (c >= 0x1e00 && c <= 0x1e95) ||
	    (c >= 0x1ea0 && c <= 0x1eff))
		return (uint16_t)(c & ~1u);		/* the small one comes after its capital */
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
		return (c & 1) == 0 ? (uint16_t)(c - 1) : c;
	if (c == 0x3ac)
		return 0x386;
	if (c >= 0x3ad && c <= 0x3af)
		return (uint16_t)(c - 37);
	if (c >= 0x3b1 && c <= 0x3cb && c != 0x3c2)
		return (uint16_t)(c - 32);
	if (c >= 0x430 && c <= 0x44f)
		return (uint16_t)(c - 32);
	if (c >= 0x450 && c <= 0x45f)
		return (uint16_t)(c - 80);
	if (c >= 0x561 && c <= 0x586)
		return (uint16_t)(c - 48);
	return c;
}
