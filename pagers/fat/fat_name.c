/*
 * fat_name.c - names: long ones in UTF-16, short ones of eight and three bytes, and what makes two of them equal.
 *
 * Bytes of short names above 127 are read as code page 437, as Linux does by default; short names that are made here have none.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "fat.h"

static const uint16_t page_437[128] = {
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
	0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192,
	0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
	0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
	0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567,
	0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
	0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229,
	0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

kern_return_t
fat_name_decode(const char *name, size_t len, struct fat_name *out)
{
	while (len > 0 && name[len - 1] == '.')
		len--;
	out->na_len = 0;
	if (len == 0)
		return MX_EINVAL;
	out->na_len = od_utf16_from(name, len, out->na_unit, FAT_LONG_MAX);
	if (out->na_len != OD_BAD_NAME)
		return KERN_SUCCESS;
	out->na_len = 0;
	return len > FAT_LONG_MAX ? MX_ENAMETOOLONG : MX_EINVAL;
}

kern_return_t
fat_name_check(const struct fat_name *na)
{
	size_t i;

	for (i = 0; i < na->na_len; i++) {
		uint16_t c = na->na_unit[i];

		if (c < 0x20 || c == 0x7f || (c < 0x80 && strchr("\"*/:<>?\\|", c) != NULL))
			return MX_EINVAL;
	}
	for (i = 0; i < na->na_len && na->na_unit[i] == ' '; i++)
		;
	return i < na->na_len && na->na_unit[na->na_len - 1] != ' ' ? KERN_SUCCESS : MX_EINVAL;
}

bool
fat_name_equal(const struct fat_name *a, const struct fat_name *b)
{
	size_t i;

	if (a->na_len != b->na_len)
		return false;
	for (i = 0; i < a->na_len; i++)
		if (a->na_unit[i] != b->na_unit[i] && od_upper(a->na_unit[i]) != od_upper(b->na_unit[i]))
			return false;
	return true;
}

/* ---- Short names ---- */

#define CASE_BASE	0x08u		/* in FAT_CASE: it is meant in small letters */
#define CASE_EXT	0x10u

static void
short_part(const uint8_t *b, size_t n, bool is_small, struct fat_name *out)
{
	size_t i;
	uint16_t c;

	while (n > 0 && b[n - 1] == ' ')
		n--;
	for (i = 0; i < n; i++) {
		c = b[i] < 0x80 ? b[i] : page_437[b[i] - 0x80];
		if (c < 0x20 || c == '/' || c == 0x7f)
			c = '_';			/* damaged */
		if (is_small && c >= 'A' && c <= 'Z')
			c += 32;
		out->na_unit[out->na_len++] = c;
	}
}

void
fat_short_decode(const uint8_t slot[FAT_SLOT], struct fat_name *out)
{
	uint8_t name[11];

	memcpy(name, slot, sizeof(name));
	if (name[0] == 0x05)
		name[0] = FAT_DELETED;			/* the letter, not the mark */
	out->na_len = 0;
	short_part(name, 8, (slot[FAT_CASE] & CASE_BASE) != 0, out);
	if (name[8] == ' ' && name[9] == ' ' && name[10] == ' ')
		return;
	out->na_unit[out->na_len++] = '.';
	short_part(name + 8, 3, (slot[FAT_CASE] & CASE_EXT) != 0, out);
}

uint8_t
fat_short_sum(const uint8_t name[11])
{
	uint8_t sum = 0;
	int i;

	for (i = 0; i < 11; i++)
		sum = (uint8_t)((sum & 1 ? 0x80 : 0) + (sum >> 1) + name[i]);
	return sum;
}

/* What of [FROM, END) of NA can be in a short name, at most MAX bytes; *EXACT: it is the same. */
static size_t
short_letters(const struct fat_name *na, size_t from, size_t end, uint8_t *out, size_t max, bool *fits, bool *exact)
{
	size_t n = 0;
	uint16_t c;

	for (; from < end; from++) {
		c = na->na_unit[from];
		if (c == ' ' || c == '.') {
			*fits = *exact = false;
			continue;
		}
		if (n == max) {
			*fits = *exact = false;
			break;
		}
		if (c >= 'a' && c <= 'z') {
			*exact = false;
			c -= 32;
		} else if (c >= 0x80 || strchr("+,;=[]", c) != NULL) {
			*fits = *exact = false;
			c = '_';
		}
		out[n++] = (uint8_t)c;
	}
	return n;
}

/* BASE of N bytes with TAIL behind. */
static void
short_tail(uint8_t out[11], const uint8_t *base, size_t n, const uint8_t *ext, const char *tail)
{
	size_t len = strlen(tail);

	memset(out, ' ', 8);
	memcpy(out + 8, ext, 3);
	if (n > 8 - len)
		n = 8 - len;
	memcpy(out, base, n);
	memcpy(out + n, tail, len);
}

static uint32_t
name_hash(const struct fat_name *na, uint32_t salt)
{
	uint32_t h = 2166136261u ^ salt * 2654435761u;
	size_t i;

	for (i = 0; i < na->na_len; i++)
		h = (h ^ na->na_unit[i]) * 16777619u;
	return h ^ h >> 16;
}

unsigned int
fat_short_make(const struct fat_name *na, uint32_t salt, uint8_t names[FAT_CANDIDATES][11], bool *plain)
{
	static const char hex[] = "0123456789ABCDEF";
	uint8_t base[8], ext[3] = { ' ', ' ', ' ' };
	size_t start = 0, dot = na->na_len, end, n, i;
	bool fits = true, exact = true;
	unsigned int k = 0;
	uint32_t h = name_hash(na, salt);
	char tail[8] = "~1";

	while (start < na->na_len && na->na_unit[start] == '.')
		start++;
	for (end = na->na_len; end > start && dot == na->na_len; end--)
		if (na->na_unit[end - 1] == '.')
			dot = end - 1;
	fits = exact = start == 0;
	n = short_letters(na, start, dot, base, 8, &fits, &exact);
	(void)short_letters(na, dot < na->na_len ? dot + 1 : dot, na->na_len, ext, 3, &fits, &exact);
	if (n == 0) {
		fits = exact = false;
		base[n++] = '_';
	}
	*plain = exact;
	if (fits)
		short_tail(names[k++], base, n, ext, "");
	for (i = 1; i <= 4 && salt == 0; i++) {
		tail[1] = (char)('0' + i);
		short_tail(names[k++], base, n, ext, tail);
	}
	for (i = 0; i < 4; i++)
		tail[i] = hex[h >> (4 * i) & 15];
	tail[4] = '~';
	for (i = 1; i <= 9; i++) {
		tail[5] = (char)('0' + i);
		short_tail(names[k++], base, n > 2 ? 2 : n, ext, tail);
	}
	return k;
}
