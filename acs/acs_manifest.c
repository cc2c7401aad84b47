/*
 * acs_manifest.c - read acs.conf: which servers there are and what each may do.
 *
 * One directive a line, a stanza begins with `server NAME'. An unknown word is an error and not a warning: a right that was
 * misspelt must not be found missing by a server at three in the morning.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs_core.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_WORDS_MAX	64
#define LINE_BYTES_MAX	1024

bool
acs_error_set(struct acs_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err->er_text, sizeof err->er_text, fmt, ap);	/* cut when too long */
	va_end(ap);
	return false;
}

/* ---- Directives ---- */

static const char *const class_names[] = { "essential", "restart", "once" };

const char *
acs_class_name(enum acs_class cls)
{
	return class_names[cls];
}

static const struct { const char *name; uint32_t right; } rights[] = {
	{ "host", ACS_RIGHT_HOST }, { "device", ACS_RIGHT_DEVICE }, { "bootfs", ACS_RIGHT_BOOTFS },
	{ "addfs", ACS_RIGHT_ADDFS }, { "lookup", ACS_RIGHT_LOOKUP },
};

uint32_t
acs_right_bit(const char *name)
{
	for (unsigned int i = 0; i < sizeof rights / sizeof *rights; i++)
		if (strcmp(name, rights[i].name) == 0)
			return rights[i].right;
	return 0;
}

static bool
class_set(struct acs_spec *spec, char *const *word, unsigned int count, struct acs_error *err)
{
	for (unsigned int i = 0; count == 1 && i < sizeof class_names / sizeof *class_names; i++) {
		if (strcmp(word[0], class_names[i]) == 0) {
			spec->sp_class = (enum acs_class)i;
			return true;
		}
	}
	return acs_error_set(err, "class must be essential, restart or once");
}

static bool
rights_set(struct acs_spec *spec, char *const *word, unsigned int count, struct acs_error *err)
{
	for (unsigned int i = 0; i < count; i++) {
		uint32_t bit = acs_right_bit(word[i]);

		if (bit == 0)
			return acs_error_set(err, "there is no right '%.40s' (host, device, bootfs, addfs, lookup)", word[i]);
		spec->sp_rights |= bit;
	}
	return true;
}

static bool
image_set(struct acs_spec *spec, char *const *word, unsigned int count, struct acs_error *err)
{
	if (count != 1 || word[0][0] != '/')
		return acs_error_set(err, "image needs one absolute path of the boot archive");
	if (strlen(word[0]) >= sizeof spec->sp_image)
		return acs_error_set(err, "the image's path is longer than %d bytes", ACS_PATH_MAX - 1);
	strcpy(spec->sp_image, word[0]);
	return true;
}

static bool
number_set(uint32_t *value, char *const *word, unsigned int count, uint32_t max, const char *key, struct acs_error *err)
{
	char *end;
	unsigned long n;

	if (count == 1 && word[0][0] >= '0' && word[0][0] <= '9') {
		n = strtoul(word[0], &end, 10);
		if (*end == '\0' && n <= max) {
			*value = (uint32_t)n;
			return true;
		}
	}
	return acs_error_set(err, "%s needs a number from 0 to %u", key, (unsigned int)max);
}

static bool
words_set(struct acs_words *w, char *const *word, unsigned int count, const char *key, struct acs_error *err)
{
	for (unsigned int i = 0; i < count; i++)
		if (!acs_words_add(w, word[i], strlen(word[i])))
			return acs_error_set(err, "too many words for %s", key);
	return true;
}

/* A name, or with PATTERN the beginning of names and a '*'. */
static bool
name_check(const char *word, bool pattern, struct acs_error *err)
{
	size_t len = strlen(word);

	if (pattern && len > 0 && len < ACS_NAME_MAX && word[len - 1] == '*' && (len == 1 || acs_name_valid(word, len - 1)))
		return true;
	if (!acs_name_valid(word, len))
		return acs_error_set(err, "'%.70s' is not a name (letters, digits, '.', '-', '_'; at most %d)", word,
			ACS_NAME_MAX - 1);
	return true;
}

static bool
names_set(struct acs_words *w, char *const *word, unsigned int count, bool pattern, const char *key, struct acs_error *err)
{
	if (count == 0)
		return acs_error_set(err, "%s needs at least one name", key);
	for (unsigned int i = 0; i < count; i++)
		if (!name_check(word[i], pattern, err))
			return false;
	return words_set(w, word, count, key, err);
}

static bool
memory_set(struct acs_spec *spec, char *const *word, unsigned int count, struct acs_error *err)
{
	if (count != 1 || strcmp(word[0], "wired") != 0)
		return acs_error_set(err, "memory must be wired");
	spec->sp_wired = true;
	return true;
}

void
acs_spec_init(struct acs_spec *spec, const char *name)
{
	memset(spec, 0, sizeof *spec);
	strncpy(spec->sp_name, name, sizeof spec->sp_name - 1);
	spec->sp_class = ACS_RESTART;
	spec->sp_restarts = ACS_RESTARTS_DEFAULT;
	spec->sp_priority = ACS_PRIORITY_DEFAULT;
}

bool
acs_spec_set(struct acs_spec *spec, const char *key, char *const *word, unsigned int count, struct acs_error *err)
{
	if (strcmp(key, "image") == 0)
		return image_set(spec, word, count, err);
	if (strcmp(key, "args") == 0)
		return words_set(&spec->sp_args, word, count, key, err);
	if (strcmp(key, "class") == 0)
		return class_set(spec, word, count, err);
	if (strcmp(key, "registers") == 0)
		return names_set(&spec->sp_registers, word, count, true, key, err);
	if (strcmp(key, "uses") == 0)
		return names_set(&spec->sp_uses, word, count, true, key, err);
	if (strcmp(key, "public") == 0)
		return names_set(&spec->sp_public, word, count, true, key, err);
	if (strcmp(key, "mode") == 0)
		return names_set(&spec->sp_modes, word, count, false, key, err);
	if (strcmp(key, "rights") == 0)
		return rights_set(spec, word, count, err);
	if (strcmp(key, "memory") == 0)
		return memory_set(spec, word, count, err);
	if (strcmp(key, "restarts") == 0)
		return number_set(&spec->sp_restarts, word, count, 1000, key, err);
	if (strcmp(key, "priority") == 0)
		return number_set(&spec->sp_priority, word, count, 63, key, err);
	return acs_error_set(err, "unknown word '%.40s'", key);
}

bool
acs_spec_in_mode(const struct acs_spec *spec, const char *mode)
{
	return spec->sp_modes.wo_count == 0 || acs_words_has(&spec->sp_modes, mode);
}

/* ---- The file ---- */

struct parser {
	struct acs_manifest	*pa_manifest;
	struct acs_spec		*pa_spec;	/* of the stanza; NULL before the first */
	unsigned int		 pa_line;
};

static bool
spec_finish(const struct acs_spec *spec, struct acs_error *err)
{
	if (spec && spec->sp_image[0] == '\0')
		return acs_error_set(err, "server %s has no image", spec->sp_name);
	return true;
}

static bool
server_begin(struct parser *p, char *const *word, unsigned int count, struct acs_error *err)
{
	struct acs_manifest *m = p->pa_manifest;

	if (!spec_finish(p->pa_spec, err))
		return false;
	if (count != 1)
		return acs_error_set(err, "server needs one name");
	if (!name_check(word[0], false, err))
		return false;
	for (unsigned int i = 0; i < m->ma_count; i++)
		if (strcmp(m->ma_spec[i].sp_name, word[0]) == 0)
			return acs_error_set(err, "server %s is already there (line %u)", word[0], (unsigned int)m->ma_spec[i].sp_line);
	if (m->ma_count == ACS_SERVERS_MAX)
		return acs_error_set(err, "more than %d servers", ACS_SERVERS_MAX);
	p->pa_spec = &m->ma_spec[m->ma_count++];
	acs_spec_init(p->pa_spec, word[0]);
	p->pa_spec->sp_line = p->pa_line;
	return true;
}

static bool
line_parse(struct parser *p, char *const *word, unsigned int count, struct acs_error *err)
{
	if (strcmp(word[0], "server") == 0)
		return server_begin(p, word + 1, count - 1, err);
	if (strcmp(word[0], "group") == 0)
		return names_set(&p->pa_manifest->ma_groups, word + 1, count - 1, true, "group", err);
	if (!p->pa_spec)
		return acs_error_set(err, "'%.40s' before the first server", word[0]);
	return acs_spec_set(p->pa_spec, word[0], word + 1, count - 1, err);
}

/* Cut LINE into words in place; '#' ends it. Answers how many, LINE_WORDS_MAX + 1 for too many. */
static unsigned int
line_split(char *line, char **word)
{
	unsigned int count = 0;
	char *s = line;

	for (;;) {
		s += strspn(s, " \t\r");
		if (*s == '\0' || *s == '#')
			return count;
		if (count == LINE_WORDS_MAX)
			return LINE_WORDS_MAX + 1;
		word[count++] = s;
		s += strcspn(s, " \t\r");
		if (*s != '\0')
			*s++ = '\0';
	}
}

static bool
line_take(struct parser *p, const char *text, size_t len, struct acs_error *err)
{
	char line[LINE_BYTES_MAX], *word[LINE_WORDS_MAX];
	unsigned int count;

	if (len >= sizeof line)
		return acs_error_set(err, "the line is longer than %d bytes", LINE_BYTES_MAX - 1);
	if (memchr(text, '\0', len))
		return acs_error_set(err, "there is a NUL byte in the line");
	memcpy(line, text, len);
	line[len] = '\0';
	count = line_split(line, word);
	if (count > LINE_WORDS_MAX)
		return acs_error_set(err, "more than %d words in the line", LINE_WORDS_MAX);
	return count == 0 || line_parse(p, word, count, err);
}

/* Put "SOURCE:LINE: " before the message. */
static bool
error_locate(struct acs_error *err, const char *source, unsigned int line)
{
	struct acs_error inner = *err;

	return acs_error_set(err, "%.40s:%u: %.100s", source, line, inner.er_text);
}

bool
acs_manifest_parse(struct acs_manifest *m, const char *source, const char *text, size_t size, struct acs_error *err)
{
	struct parser p = { .pa_manifest = m };
	size_t begin = 0;

	memset(m, 0, sizeof *m);
	while (begin < size) {
		const char *end = memchr(text + begin, '\n', size - begin);
		size_t len = end ? (size_t)(end - (text + begin)) : size - begin;

		p.pa_line++;
		if (!line_take(&p, text + begin, len, err))
			return error_locate(err, source, p.pa_line);
		begin += len + 1;
	}
	if (!spec_finish(p.pa_spec, err))
		return error_locate(err, source, p.pa_line);
	return true;
}
