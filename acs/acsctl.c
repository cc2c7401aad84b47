/*
 * acsctl - the administrator's command: what servers are there, add, remove and restart them, end the system.
 *
 * It speaks to ACS through /dev/acs: a command line is written, the answer read; the first line of the answer is "ok" or
 * "error: ..." (acs/README.md). Who may do that is the mode of /dev/acs: an ordinary Linux program needs no more than a file.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPTIONS_MAX	16
#define LINE_MAX_BYTES	2000	/* ACS takes no longer line */

static const char *device = "/dev/acs";

static void
usage(FILE *f)
{
	fputs("usage: acsctl COMMAND\n"
		"  list                     the servers: state, class, id, restarts, seconds, registered names\n"
		"  names                    the names: who registered them, and those that are awaited\n"
		"  stats                    what servers and system hold: ports, threads, memory\n"
		"  log                      what ACS and the servers said since the system came up\n"
		"  restart NAME             end a server and start it anew\n"
		"  kill NAME                end a server as if it had crashed: its class says what follows\n"
		"  add NAME IMAGE [OPTION]... [--] [ARG]...\n"
		"                           start the server NAME from the file IMAGE\n"
		"     --class CLASS         essential, restart (brought back when it dies) or once; restart if not given\n"
		"     --registers NAME,...  names it may register; NAME and all that nobody is declared for if not given\n"
		"     --uses NAME,...       names it may look up besides public ones\n"
		"     --public NAME,...     names of its own that processes may look up; NAME and NAME.* if not given\n"
		"     --rights RIGHT,...    host, device, bootfs, addfs, lookup\n"
		"     --restarts N          failures in a row after which it is given up\n"
		"     --priority N          0 (first) to 63; servers have 10, processes 25\n"
		"  remove NAME              end a server for good and forget it\n"
		"  forget NAME              take away a server's image: it cannot be brought back any more\n"
		"  halt                     end all servers, then power off\n"
		"  reboot                   end all servers, then start again\n", f);
}

static void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

static void
fail(const char *fmt, ...)
{
	va_list ap;

	fputs("acsctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void misuse(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

static void
misuse(const char *fmt, ...)
{
	va_list ap;

	fputs("acsctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("; see acsctl help\n", stderr);
	exit(2);
}

/* ---- The line ---- */

static char line[LINE_MAX_BYTES + 2];
static size_t line_len;

/* Append PREFIX and WORD; the first word gets no blank before it. */
static void
word_add(const char *prefix, const char *word)
{
	int n;

	if (word[0] == '\0' || strpbrk(word, " \t\r\n"))
		misuse("'%s' is empty or has blanks in it, which ACS cannot take", word);
	n = snprintf(line + line_len, LINE_MAX_BYTES - line_len, "%s%s%s", line_len > 0 ? " " : "", prefix, word);
	if (n < 0 || (size_t)n >= LINE_MAX_BYTES - line_len)
		misuse("the command is longer than %d bytes", LINE_MAX_BYTES);
	line_len += (size_t)n;
}

/* ---- Talking ---- */

static void
write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail("%s: %s", device, strerror(errno));
		data += n;
		size -= (size_t)n;
	}
}

static char *
read_all(int fd, const char *name, size_t *size)
{
	size_t room = 0;
	char *data = NULL;

	for (*size = 0;;) {
		ssize_t n;

		if (*size + 1 >= room) {
			room = room ? 2 * room : 65536;
			data = realloc(data, room);
			if (!data)
				fail("out of memory");
		}
		n = read(fd, data + *size, room - *size - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail("%s: %s", name, strerror(errno));
		if (n == 0)
			break;
		*size += (size_t)n;
	}
	data[*size] = '\0';
	return data;
}

/* Send the line and SIZE bytes of IMAGE; show the answer. The exit status of acsctl. */
static int
command_run(const char *image, size_t size)
{
	int fd = open(device, O_RDWR | O_CLOEXEC);
	size_t answer_size;
	char *answer, *rest;

	if (fd < 0)
		fail("%s: %s", device, strerror(errno));
	line[line_len++] = '\n';
	write_all(fd, line, line_len);
	write_all(fd, image, size);
	answer = read_all(fd, device, &answer_size);
	rest = strchr(answer, '\n');
	if (strncmp(answer, "error: ", 7) == 0)
		fail("%.*s", (int)strcspn(answer + 7, "\n"), answer + 7);
	if (!rest || strncmp(answer, "ok", 2) != 0)
		fail("%s gave no answer", device);
	rest++;
	if (fwrite(rest, 1, answer_size - (size_t)(rest - answer), stdout) != answer_size - (size_t)(rest - answer) ||
	    fflush(stdout) != 0)
		fail("standard output: %s", strerror(errno));
	return 0;
}

/* ---- add ---- */

static char *
image_read(const char *name, size_t *size)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *data;

	if (fd < 0 || fstat(fd, &st) < 0)
		fail("%s: %s", name, strerror(errno));
	if (!S_ISREG(st.st_mode))
		fail("%s: not a regular file", name);
	data = read_all(fd, name, size);
	close(fd);
	if (*size < 4 || memcmp(data, "\177ELF", 4) != 0)
		fail("%s: not an ELF image", name);
	return data;
}

/* The options before the arguments: "--KEY VALUE" pairs, up to "--" or a word that is none. */
struct options {
	const char	*op_class;
	const char	*op_key[OPTIONS_MAX];
	const char	*op_value[OPTIONS_MAX];
	int		 op_count;
};

static bool
option_known(const char *key)
{
	static const char *const known[] = { "registers", "uses", "public", "rights", "restarts", "priority" };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(key, known[i]) == 0)
			return true;
	return false;
}

/* Answers how many words of ARGV the options are. */
static int
options_take(int argc, char **argv, struct options *op)
{
	int i;

	for (i = 0; i < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		const char *key = argv[i] + 2;

		if (*key == '\0')
			return i + 1;
		if (strcmp(key, "class") != 0 && !option_known(key))
			misuse("unknown option %s", argv[i]);
		if (i + 1 == argc)
			misuse("%s needs a value", argv[i]);
		if (strcmp(key, "class") == 0) {
			op->op_class = argv[i + 1];
			continue;
		}
		if (op->op_count == OPTIONS_MAX)
			misuse("more than %d options", OPTIONS_MAX);
		op->op_key[op->op_count] = key;
		op->op_value[op->op_count++] = argv[i + 1];
	}
	return i;
}

static int
add(int argc, char **argv)
{
	struct options op = { .op_class = "restart" };
	char *image, text[40];
	size_t size;
	int i;

	if (argc < 2)
		misuse("add needs a name and an image");
	i = 2 + options_take(argc - 2, argv + 2, &op);
	image = image_read(argv[1], &size);
	word_add("", "add");
	word_add("", argv[0]);
	word_add("", op.op_class);
	snprintf(text, sizeof text, "%lu", (unsigned long)size);
	word_add("", text);
	for (int o = 0; o < op.op_count; o++) {
		snprintf(text, sizeof text, "%s=", op.op_key[o]);
		word_add(text, op.op_value[o]);
	}
	if (i < argc)
		word_add("", "--");
	for (; i < argc; i++)
		word_add("", argv[i]);
	return command_run(image, size);
}

int
main(int argc, char **argv)
{
	static const struct { const char *name; int args; } command[] = {
		{ "list", 0 }, { "names", 0 }, { "stats", 0 }, { "log", 0 }, { "halt", 0 }, { "reboot", 0 },
		{ "remove", 1 }, { "restart", 1 }, { "kill", 1 }, { "forget", 1 },
	};

	if (argc < 2) {
		usage(stderr);
		return 2;
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "add") == 0)
		return add(argc - 2, argv + 2);
	for (size_t i = 0; i < sizeof command / sizeof *command; i++) {
		if (strcmp(argv[1], command[i].name) != 0)
			continue;
		if (argc - 2 != command[i].args)
			misuse(command[i].args ? "%s needs one name" : "%s takes no argument", argv[1]);
		word_add("", argv[1]);
		if (command[i].args)
			word_add("", argv[2]);
		return command_run("", 0);
	}
	misuse("unknown command '%s'", argv[1]);
}
