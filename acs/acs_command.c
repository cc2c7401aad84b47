/*
 * acs_command.c - the commands of /dev/acs, one line each.
 *
 *	list | names | stats | log | halt | reboot
 *	remove NAME | restart NAME | kill NAME | forget NAME
 *	add NAME CLASS SIZE [KEY=VALUE,...]... [-- ARG...]	SIZE bytes of the image follow the newline
 *
 * KEY=VALUE,... are the manifest's words: `uses=hw,vfs'. A server that is added may register its own name, names below it, and
 * every name that nobody is declared for, and its own names are public, unless the line says otherwise.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND_WORDS_MAX 128

static const struct { const char *word; enum acs_verb verb; bool has_name; } verbs[] = {
	{ "list", ACS_CMD_LIST, false },
	{ "names", ACS_CMD_NAMES, false },
	{ "stats", ACS_CMD_STATS, false },
	{ "log", ACS_CMD_LOG, false },
	{ "halt", ACS_CMD_HALT, false },
	{ "reboot", ACS_CMD_REBOOT, false },
	{ "remove", ACS_CMD_REMOVE, true },
	{ "restart", ACS_CMD_RESTART, true },
	{ "kill", ACS_CMD_KILL, true },
	{ "forget", ACS_CMD_FORGET, true },
};

/* KEY=VALUE,VALUE... */
static bool
option_parse(char *option, struct acs_spec *spec, struct acs_error *err)
{
	char *equals = strchr(option, '='), *word[COMMAND_WORDS_MAX], *save;
	unsigned int count = 0;

	if (!equals)
		return acs_error_set(err, "'%.40s' is no KEY=VALUE", option);
	*equals = '\0';
	if (strcmp(option, "image") == 0 || strcmp(option, "class") == 0 || strcmp(option, "args") == 0)
		return acs_error_set(err, "'%s' cannot be given like this", option);
	for (char *w = strtok_r(equals + 1, ",", &save); w && count < COMMAND_WORDS_MAX; w = strtok_r(NULL, ",", &save))
		word[count++] = w;
	return acs_spec_set(spec, option, word, count, err);
}

static bool
name_take(struct acs_command *cmd, const char *name, struct acs_error *err)
{
	if (!acs_name_valid(name, strlen(name)))
		return acs_error_set(err, "'%.70s' is not a name (letters, digits, '.', '-', '_'; at most %d)", name,
			ACS_NAME_MAX - 1);
	strcpy(cmd->cm_name, name);
	return true;
}

/* What a server that is added may do when nobody says more. */
static bool
added_defaults(struct acs_spec *spec, struct acs_error *err)
{
	char below[ACS_NAME_MAX + 2];
	bool ok = true;

	(void)snprintf(below, sizeof below, "%s.*", spec->sp_name);
	if (spec->sp_registers.wo_count == 0)
		ok = acs_words_add(&spec->sp_registers, spec->sp_name, strlen(spec->sp_name)) &&
			acs_words_add(&spec->sp_registers, "*", 1);
	if (spec->sp_public.wo_count == 0)
		ok = ok && acs_words_add(&spec->sp_public, spec->sp_name, strlen(spec->sp_name)) &&
			acs_words_add(&spec->sp_public, below, strlen(below));
	return ok || acs_error_set(err, "too many words");
}

static bool
add_parse(char **word, unsigned int count, struct acs_command *cmd, struct acs_error *err)
{
	struct acs_spec *spec = &cmd->cm_spec;
	char *end;
	unsigned int i;

	if (count < 3)
		return acs_error_set(err, "usage: add NAME CLASS SIZE [KEY=VALUE,...]... [-- ARG...]");
	if (!name_take(cmd, word[0], err))
		return false;
	acs_spec_init(spec, cmd->cm_name);
	if (!acs_spec_set(spec, "class", &word[1], 1, err))
		return false;
	if (word[2][0] < '0' || word[2][0] > '9')
		return acs_error_set(err, "'%.40s' is no size", word[2]);
	cmd->cm_size = (uint32_t)strtoul(word[2], &end, 10);
	if (*end != '\0' || strlen(word[2]) > 9 || cmd->cm_size == 0 || cmd->cm_size > ACS_IMAGE_MAX)
		return acs_error_set(err, "an image has 1 to %u bytes", ACS_IMAGE_MAX);
	for (i = 3; i < count && strcmp(word[i], "--") != 0; i++)
		if (!option_parse(word[i], spec, err))
			return false;
	if (i < count && !acs_spec_set(spec, "args", &word[i + 1], count - i - 1, err))
		return false;
	return added_defaults(spec, err);
}

bool
acs_command_parse(char *line, struct acs_command *cmd, struct acs_error *err)
{
	char *word[COMMAND_WORDS_MAX], *save;
	unsigned int count = 0;

	memset(cmd, 0, sizeof *cmd);
	for (char *w = strtok_r(line, " \t\r", &save); w; w = strtok_r(NULL, " \t\r", &save)) {
		if (count == COMMAND_WORDS_MAX)
			return acs_error_set(err, "more than %d words", COMMAND_WORDS_MAX);
		word[count++] = w;
	}
	if (count == 0)
		return acs_error_set(err, "no command");
	if (strcmp(word[0], "add") == 0) {
		cmd->cm_verb = ACS_CMD_ADD;
		return add_parse(word + 1, count - 1, cmd, err);
	}
	for (unsigned int i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(word[0], verbs[i].word) != 0)
			continue;
		cmd->cm_verb = verbs[i].verb;
		if (count != (verbs[i].has_name ? 2 : 1))
			return acs_error_set(err, "usage: %s%s", verbs[i].word, verbs[i].has_name ? " NAME" : "");
		return !verbs[i].has_name || name_take(cmd, word[1], err);
	}
	return acs_error_set(err, "unknown command '%.40s'", word[0]);
}
