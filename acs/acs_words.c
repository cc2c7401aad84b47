/*
 * acs_words.c - names, and lists of words in one piece of memory.
 *
 * Manifest entries are copied, compared and kept for ever; lists without pointers make that a structure assignment.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs_core.h"

#include <string.h>

static bool
name_char_valid(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool
acs_name_valid(const char *text, size_t len)
{
	if (len == 0 || len >= ACS_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!name_char_valid(text[i]))
			return false;
	return true;
}

bool
acs_words_add(struct acs_words *w, const char *word, size_t len)
{
	if (len >= sizeof w->wo_text - w->wo_used)
		return false;
	memcpy(w->wo_text + w->wo_used, word, len);
	w->wo_text[w->wo_used + len] = '\0';
	w->wo_used = (uint16_t)(w->wo_used + len + 1);
	w->wo_count++;
	return true;
}

const char *
acs_words_next(const struct acs_words *w, const char *word)
{
	const char *next = word ? word + strlen(word) + 1 : w->wo_text;

	return next < w->wo_text + w->wo_used ? next : NULL;
}

bool
acs_words_has(const struct acs_words *w, const char *word)
{
	for (const char *s = acs_words_next(w, NULL); s; s = acs_words_next(w, s))
		if (strcmp(s, word) == 0)
			return true;
	return false;
}

bool
acs_words_match(const struct acs_words *w, const char *name)
{
	for (const char *s = acs_words_next(w, NULL); s; s = acs_words_next(w, s)) {
		size_t len = strlen(s);

		if (len > 0 && s[len - 1] == '*' ? strncmp(s, name, len - 1) == 0 : strcmp(s, name) == 0)
			return true;
	}
	return false;
}
