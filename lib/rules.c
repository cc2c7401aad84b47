/*
 * rules.c - who may call whom: the table of docs/architecture.md, asserted in debug builds wherever a message is sent.
 *
 * Servers call down, never up, so no circle of servers can wait for each other. What goes up is one-way. A server that is not in
 * the table (a test, one that is new) is not looked at; ACS's grants hold for it as for all.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "impl.h"

#define IDS		100	/* of one interface */
#define IO_MAP		411008	/* the clock, which proc has for all: asked for once, on a fibril that nobody waits for (clock.c) */

static const struct { const char *name; int first; } interfaces[] = {
	{ "acs", 410000 }, { "acs_notify", 410500 }, { "io", 411000 }, { "io_notify", 411500 }, { "vfs", 412000 },
	{ "vfs_admin", 412200 }, { "pfs", 413000 }, { "proc", 414000 }, { "proc_session", 414200 }, { "emul", 415000 },
	{ "dev", 416000 }, { "hw", 417000 }, { "hw_notify", 417500 }, { "mx", 418000 }, { "tty", 419000 }, { "blk", 420000 },
	{ "data", 421000 },
};

/* Interfaces, as words. What may be called may be notified, and "mx" is everybody's. */
static const struct { const char *server, *calls, *notifies; } rules[] = {
	{ "acs",	"hw",					"acs_notify" },
	{ "hw",		"acs",					"hw_notify" },
	{ "tty",	"acs hw",				"proc_session io_notify" },
	{ "blk",	"acs hw",				"io_notify" },
	{ "ide",	"acs hw",				"io_notify" },
	{ "p9",		"acs hw",				"io_notify" },
	{ "data",	"acs blk",				"" },
	{ "ext2",	"acs blk",				"io_notify" },
	{ "fat",	"acs blk",				"io_notify" },
	{ "iso9660",	"acs blk",				"io_notify" },
	{ "ffs",	"acs blk",				"io_notify" },
	{ "sysv",	"acs blk",				"io_notify" },
	{ "vfs",	"acs pfs dev",				"io_notify" },
	{ "proc",	"acs hw vfs vfs_admin tty dev data","emul io_notify" },
};

static bool
words_have(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; (p = strstr(p, word)) != NULL; p += n)
		if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

const char *
mx_rule_broken(const char *server, int id, bool is_call)
{
	const char *name = NULL;

	for (unsigned int i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++)
		if (id >= interfaces[i].first && id < interfaces[i].first + IDS)
			name = interfaces[i].name;
	if (name == NULL || strcmp(name, "mx") == 0 || id == IO_MAP)
		return NULL;
	for (unsigned int i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(rules[i].server, server) == 0)
			return words_have(rules[i].calls, name) || (!is_call && words_have(rules[i].notifies, name)) ? NULL : name;
	return NULL;
}
