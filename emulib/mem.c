/*
 * mem.c - memory and string functions: emulib has no C library.
 *
 * The compiler calls some of them by itself. None is used on the program's memory: see em_copyin.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"

void *
memcpy(void *restrict to, const void *restrict from, size_t n)
{
	void *d = to;
	const void *s = from;
	size_t words = n / 4, rest = n % 4;

	__asm__ volatile("rep movsl" : "+D"(d), "+S"(s), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(rest) : : "memory");
	return to;
}

void *
memset(void *p, int c, size_t n)
{
	void *d = p;
	size_t words = n / 4, rest = n % 4;
	uint32_t v = (uint8_t)c * 0x01010101u;

	__asm__ volatile("rep stosl" : "+D"(d), "+c"(words) : "a"(v) : "memory");
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(rest) : "a"(v) : "memory");
	return p;
}

void *
memmove(void *to, const void *from, size_t n)
{
	char *d = to;
	const char *s = from;

	if (d <= s || d >= s + n)
		return memcpy(to, from, n);
	while (n-- > 0)
		d[n] = s[n];
	return to;
}

int
memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (; n > 0; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t
strlen(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0')
		n++;
	return n;
}

size_t
strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n] != '\0')
		n++;
	return n;
}

int
strcmp(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return (uint8_t)*a - (uint8_t)*b;
}

int32_t
em_copyin(void *to, uint32_t from, size_t n)
{
	if (n > EM_USER_END || from > EM_USER_END - n)
		return -MX_ERRNO(MX_EFAULT);
	return em_touch_copy(to, (const void *)from, n);
}

int32_t
em_copyout(uint32_t to, const void *from, size_t n)
{
	if (n > EM_USER_END || to > EM_USER_END - n)
		return -MX_ERRNO(MX_EFAULT);
	return em_touch_copy((void *)to, from, n);
}

int32_t
em_copyin_str(char *to, uint32_t from, size_t size)
{
	size_t room = from < EM_USER_END ? EM_USER_END - from : 0;
	int32_t n;

	if (room == 0)
		return -MX_ERRNO(MX_EFAULT);
	n = em_touch_str(to, (const char *)from, size < room ? size : room);
	if (n < 0 || (size_t)n < (size < room ? size : room))
		return n;
	return size <= room ? -MX_ERRNO(MX_ENAMETOOLONG) : -MX_ERRNO(MX_EFAULT);
}
