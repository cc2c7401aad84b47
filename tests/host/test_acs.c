/*
 * test_acs - the parts of ACS that make no Mach call, on the host, under ASan and UBSan.
 *
 * Inputs that come from outside (manifest, commands, archive, image) are also fuzzed: changed at random places from good ones, in
 * memory of exactly their size, so that the sanitizer sees every byte read too far. An argument gives the number of rounds.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "acs_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tests, failures;

static void
ok(bool cond, const char *what)
{
	printf("%s %d - %s\n", cond ? "ok" : "not ok", ++tests, what);
	failures += !cond;
}

static uint32_t random_state = 12345;

static uint32_t
random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

/* A copy of DATA of exactly SIZE bytes, some of them changed, perhaps cut. The caller frees it. */
static char *
mutate(const void *data, size_t size, size_t *new_size)
{
	char *copy;

	*new_size = random_below(4) == 0 ? random_below((uint32_t)size + 1) : size;
	copy = malloc(*new_size + (*new_size == 0));
	memcpy(copy, data, *new_size);
	for (uint32_t i = random_below(8); i > 0 && *new_size > 0; i--) {
		size_t at = random_below((uint32_t)*new_size);

		switch (random_below(3)) {
		case 0:
			copy[at] ^= (char)(1 << random_below(8));
			break;
		case 1:
			copy[at] = (char)random_below(256);
			break;
		default:
			copy[at] = "\n #*.,=\0" "f0"[random_below(10)];
			break;
		}
	}
	return copy;
}

/* ---- Manifest ---- */

static const char good_manifest[] =
	"# two servers\n"
	"group clock\n"
	"\n"
	"server hw\n"
	"\timage /masix/servers/hw\n"
	"\tclass essential\t# the only one\n"
	"\tregisters hw\n"
	"\trights host device\n"
	"server tty\n"
	"\timage /masix/servers/tty\n"
	"\targs --console 1\n"
	"\tregisters tty dev.5 dev.*\n"
	"\tuses hw\n"
	"\tpublic tty\n"
	"\tmode run\n"
	"\trestarts 0\n"
	"\tpriority 12";

static struct acs_manifest m;

static bool
parses(const char *text)
{
	struct acs_error err;

	return acs_manifest_parse(&m, "t", text, strlen(text), &err);
}

static bool
fails(const char *text, const char *message)
{
	struct acs_error err;
	bool failed = !acs_manifest_parse(&m, "t", text, strlen(text), &err);

	if (failed && strcmp(err.er_text, message) == 0)
		return true;
	printf("# %s\n", failed ? err.er_text : "(it was accepted)");
	return false;
}

static void
test_manifest(void)
{
	const struct acs_spec *tty = &m.ma_spec[1];
	char long_name[200];

	ok(parses(good_manifest) && m.ma_count == 2, "a good manifest");
	ok(m.ma_spec[0].sp_class == ACS_ESSENTIAL && m.ma_spec[0].sp_rights == (ACS_RIGHT_HOST | ACS_RIGHT_DEVICE),
		"class and rights");
	ok(tty->sp_restarts == 0 && tty->sp_priority == 12 && tty->sp_line == 9, "numbers");
	ok(strcmp(acs_words_next(&tty->sp_args, NULL), "--console") == 0 && tty->sp_args.wo_count == 2, "arguments");
	ok(acs_spec_in_mode(tty, "run") && !acs_spec_in_mode(tty, "exec") && acs_spec_in_mode(&m.ma_spec[0], "exec"), "modes");
	ok(acs_words_match(&tty->sp_registers, "dev.7") && !acs_words_has(&tty->sp_registers, "dev.7") &&
		!acs_words_match(&tty->sp_registers, "de"), "patterns");
	ok(acs_words_has(&m.ma_groups, "clock"), "groups");
	ok(parses("") && m.ma_count == 0, "an empty manifest");
	ok(fails("server a\nimage /a\nfoo bar\n", "t:3: unknown word 'foo'"), "an unknown word");
	ok(fails("image /a\n", "t:1: 'image' before the first server"), "a directive before the first server");
	ok(fails("server a\n", "t:1: server a has no image"), "no image");
	ok(fails("server a\nimage /a\nserver a\n", "t:3: server a is already there (line 1)"), "the same name twice");
	ok(fails("server a b\n", "t:1: server needs one name"), "two names");
	ok(fails("server a/b\n", "t:1: 'a/b' is not a name (letters, digits, '.', '-', '_'; at most 63)"), "a bad name");
	ok(fails("server a\nrights host root\n", "t:2: there is no right 'root' (host, device, bootfs, addfs, lookup)"),
		"an unknown right");
	ok(fails("server a\nclass none\n", "t:2: class must be essential, restart or once"), "an unknown class");
	ok(fails("server a\nrestarts 1x\n", "t:2: restarts needs a number from 0 to 1000"), "a bad number");
	ok(fails("server a\npriority 64\n", "t:2: priority needs a number from 0 to 63"), "a number too large");
	ok(fails("server a\nuses *x\n", "t:2: '*x' is not a name (letters, digits, '.', '-', '_'; at most 63)"), "a bad pattern");
	memset(long_name, 'x', sizeof long_name);
	memcpy(long_name, "server ", 7);
	long_name[sizeof long_name - 1] = '\0';
	ok(!parses(long_name), "a name too long");
}

static void
test_manifest_limits(void)
{
	char *text = calloc(1, 200000), *p = text;
	struct acs_error err;

	for (int i = 0; i <= ACS_SERVERS_MAX; i++)
		p += sprintf(p, "server s%d\nimage /x\n", i);
	ok(!acs_manifest_parse(&m, "t", text, (size_t)(p - text), &err), "too many servers");
	p = text + sprintf(text, "server a\nimage /x\n");
	for (int i = 0; i < 200; i++)
		p += sprintf(p, "uses name%d\n", i);
	ok(!acs_manifest_parse(&m, "t", text, (size_t)(p - text), &err), "too many words in a list");
	p = text + sprintf(text, "server a\nargs");
	for (int i = 0; i < 100; i++)
		p += sprintf(p, " %d", i);
	ok(!acs_manifest_parse(&m, "t", text, (size_t)(p - text), &err), "too many words in a line");
	memset(text, 'a', 3000);
	ok(!acs_manifest_parse(&m, "t", text, 3000, &err), "a line too long");
	free(text);
}

static void
fuzz_manifest(unsigned int rounds)
{
	struct acs_error err;
	size_t size;

	for (unsigned int i = 0; i < rounds; i++) {
		char *text = mutate(good_manifest, sizeof good_manifest - 1, &size);

		if (!acs_manifest_parse(&m, "t", text, size, &err) && strnlen(err.er_text, sizeof err.er_text) == sizeof err.er_text)
			abort();
		free(text);
	}
	ok(true, "manifests at random");
}

/* ---- Names ---- */

static void
test_names(void)
{
	static struct acs_names t;
	struct acs_name *a, *b;
	char name[20];
	int n = 0;

	ok(acs_names_insert(&t, "vfs", 7, 1, false) == ACS_NAMES_OK, "insert");
	ok(acs_names_find(&t, "vfs")->na_service == 7, "find");
	ok(!acs_names_find(&t, "none"), "absent");
	ok(acs_names_insert(&t, "vfs", 8, 2, false) == ACS_NAMES_EXISTS, "the same name again");
	ok(acs_names_insert(&t, "g", 9, 1, true) == ACS_NAMES_OK && acs_names_insert(&t, "g", 10, 2, true) == ACS_NAMES_OK,
		"two members of a group");
	ok(acs_names_insert(&t, "g", 11, 2, true) == ACS_NAMES_EXISTS, "one member twice");
	a = acs_names_find(&t, "g");
	b = acs_names_find(&t, "g");
	ok(a != b && acs_names_find(&t, "g") == a, "members take turns");
	ok(acs_names_find_owned(&t, "g", 2)->na_service == 10, "find by owner");
	ok(acs_names_has_service(&t, 9) && !acs_names_has_service(&t, 11), "find by service");
	acs_names_free(acs_names_find_owned(&t, "g", 2));
	ok(!acs_names_find_owned(&t, "g", 2) && acs_names_find(&t, "g"), "free one of a group");
	do
		sprintf(name, "n%d", n++);
	while (acs_names_insert(&t, name, 1, 1, false) == ACS_NAMES_OK);
	ok(acs_names_insert(&t, name, 1, 1, false) == ACS_NAMES_FULL && n == ACS_NAMES_MAX - 1, "a full table");
	ok(!acs_name_valid("", 0) && !acs_name_valid("a b", 3) && !acs_name_valid("a\0b", 3) && acs_name_valid("a.b-c_9", 7),
		"valid names");
}

/* ---- Back-off ---- */

static void
test_backoff(void)
{
	struct acs_backoff b = { 0 };
	uint64_t delay = 1;
	bool rising = true;

	ok(acs_backoff_next(&b, 5, 0, &delay) && delay == 0, "the first time at once");
	for (int i = 0; i < 4; i++) {
		uint64_t before = delay;

		rising = rising && acs_backoff_next(&b, 5, 1000, &delay) && delay > before;
	}
	ok(rising, "then later and later");
	ok(!acs_backoff_next(&b, 5, 1000, &delay), "then never");
	ok(acs_backoff_next(&b, 5, ACS_STABLE_NS, &delay) && delay == 0, "who ran long is forgiven");
	rising = true;
	for (int i = 0; i < 200; i++)
		rising = rising && acs_backoff_next(&b, 5, ACS_WORKED_NS, &delay) && delay == 0;
	ok(rising, "who does its work in between is back at once");
	for (int i = 0; i < 49; i++)
		(void)acs_backoff_next(&b, 5, ACS_WORKED_NS, &delay);
	ok(!acs_backoff_next(&b, 5, ACS_WORKED_NS, &delay), "... but not for ever");
	b = (struct acs_backoff){ 0 };
	ok(!acs_backoff_next(&b, 0, ACS_STABLE_NS, &delay), "restarts 0: never");
	for (int i = 0; i < 100; i++)
		(void)acs_backoff_next(&b, 1000, 0, &delay);
	ok(delay == ACS_DELAY_MAX, "the delay is bounded");
}

/* ---- cpio ---- */

static size_t
cpio_entry(char *p, const char *name, uint32_t mode, const char *data, uint32_t pad)
{
	size_t name_size = strlen(name) + 1 + pad, n;

	n = (size_t)sprintf(p, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 1u, (unsigned int)mode, 0u, 0u, 1u, 0u,
		(unsigned int)strlen(data), 0u, 0u, 0u, 0u, (unsigned int)name_size, 0u);
	memset(p + n, 0, name_size);
	strcpy(p + n, name);
	n += name_size;
	while (n % 4)
		p[n++] = '\0';
	memcpy(p + n, data, strlen(data));
	n += strlen(data);
	while (n % 4)
		p[n++] = '\0';
	return n;
}

static size_t
cpio_make(char *buffer)
{
	size_t n = 0;

	n += cpio_entry(buffer + n, ".", 0040755, "", 0);
	n += cpio_entry(buffer + n, "a", 0100644, "first", 17);
	n += cpio_entry(buffer + n, "d", 0040755, "", 0);
	n += cpio_entry(buffer + n, "d/l", 0120777, "a", 0);
	n += cpio_entry(buffer + n, "d/b", 0100644, "old", 0);
	n += cpio_entry(buffer + n, "d/b", 0100644, "newer", 3);
	n += cpio_entry(buffer + n, "TRAILER!!!", 0, "", 0);
	return n;
}

static void
test_cpio(unsigned int rounds)
{
	char archive[4096];
	size_t size = cpio_make(archive), cut, offset;
	struct acs_file f;
	volatile char byte;

	ok(acs_cpio_find(archive, size, "/a", 2, &f) && f.fi_size == 5 && memcmp(archive + f.fi_offset, "first", 5) == 0, "a file");
	ok(acs_cpio_find(archive, size, "d/b", 3, &f) && f.fi_size == 5, "the last one of a name");
	ok(!acs_cpio_find(archive, size, "/d", 2, &f) && !acs_cpio_find(archive, size, "/d/l", 4, &f), "only regular files");
	ok(!acs_cpio_find(archive, size, "/TRAILER!!!", 11, &f) && !acs_cpio_find(NULL, 0, "/a", 2, &f), "absent");
	for (unsigned int i = 0; i < rounds; i++) {
		char *bad = mutate(archive, size, &cut);

		offset = 0;
		while (acs_cpio_next(bad, cut, &offset, &f)) {
			if (f.fi_name_len > 0)
				byte = f.fi_name[f.fi_name_len - 1];
			if (f.fi_size > 0)
				byte = bad[f.fi_offset] + bad[f.fi_offset + f.fi_size - 1];
		}
		(void)byte;
		free(bad);
	}
	ok(true, "archives at random");
}

/* ---- ELF ---- */

/* A small executable: text of one page and a bit, data with bss. */
static size_t
elf_make(char *p)
{
	uint32_t header[13] = { 0x464c457f, 0x00010101, 0, 0, 3u << 16 | 2, 1, 0x08048100, 52, 0, 0, 32u << 16 | 52, 2, 0 };
	uint32_t program[2][8] = {
		{ 1, 0, 0x08048000, 0x08048000, 0x1100, 0x1100, 5, 0x1000 },
		{ 1, 0x1100, 0x0804b100, 0x0804b100, 0x80, 0x2000, 6, 0x1000 },
	};

	memset(p, 0x90, 0x1180);
	memcpy(p, header, sizeof header);
	memcpy(p + 52, program, sizeof program);
	return 0x1180;
}

static bool
image_sound(const struct acs_image *image, size_t size)
{
	for (unsigned int i = 0; i < image->im_count; i++) {
		const struct acs_segment *s = &image->im_segment[i];

		if (s->se_address % ACS_PAGE || s->se_pages_size % ACS_PAGE || s->se_offset % ACS_PAGE || s->se_pages_size == 0)
			return false;
		if ((uint64_t)s->se_offset + s->se_file_size > size || s->se_file_size > s->se_pages_size)
			return false;
		if (s->se_address < ACS_USER_LOW - ACS_PAGE || (uint64_t)s->se_address + s->se_pages_size > ACS_USER_HIGH)
			return false;
	}
	return true;
}

static const char *
elf_changed(size_t offset, uint32_t value)
{
	static struct acs_image image;
	char elf[0x1200];
	size_t size = elf_make(elf);

	memcpy(elf + offset, &value, sizeof value);
	return acs_elf_check(elf, size, &image);
}

static void
test_elf(unsigned int rounds)
{
	struct acs_image image;
	char elf[0x1200];
	size_t size = elf_make(elf), cut;
	bool sound = true;

	ok(!acs_elf_check(elf, size, &image) && image.im_count == 2 && image.im_entry == 0x08048100, "a good image");
	ok(image.im_segment[1].se_address == 0x0804b000 && image.im_segment[1].se_offset == 0x1000 &&
		image.im_segment[1].se_file_size == 0x180 && image.im_segment[1].se_pages_size == 0x3000, "where its data go");
	ok(elf_changed(0, 0), "not ELF");
	ok(elf_changed(16, 3u << 16 | 3), "position-independent");
	ok(elf_changed(24, 0x0804b100), "an entry in the data");
	ok(elf_changed(28, 0xffffffe0), "program headers past the end");
	ok(elf_changed(52, 3), "an interpreter");
	ok(elf_changed(52 + 4, 0xfffff000), "an offset past the end");
	ok(elf_changed(52 + 8, 0xbffff000), "an address too high");
	ok(elf_changed(52 + 8, 0), "an address too low");
	ok(elf_changed(52 + 16, 0xffffffff), "a size too large");
	ok(elf_changed(52 + 20, 0x8000), "segments that overlap");
	ok(elf_changed(84 + 20, 0xffffffff), "a bss that wraps");
	for (unsigned int i = 0; i < rounds; i++) {
		char *bad = mutate(elf, random_below(2) ? 116 : size, &cut);

		if (!acs_elf_check(bad, cut, &image))
			sound = sound && image_sound(&image, cut);
		free(bad);
	}
	ok(sound, "images at random");
}

static void
test_stack(void)
{
	struct acs_words args = { 0 };
	uint32_t page[64], sp, *word;
	char *base = (char *)page;

	acs_words_add(&args, "one", 3);
	acs_words_add(&args, "two", 3);
	sp = acs_stack_build(base, sizeof page, 0xc0000000u, "srv", &args);
	word = (uint32_t *)(void *)(base + sizeof page - (0xc0000000u - sp));
	ok(sp % 16 == 0 && word[0] == 3 && word[4] == 0 && word[5] == 0, "argc and the ends of the lists");
	ok(strcmp(base + sizeof page - (0xc0000000u - word[1]), "srv") == 0 &&
		strcmp(base + sizeof page - (0xc0000000u - word[3]), "two") == 0, "argv");
	ok(acs_stack_build(base, 32, 0xc0000000u, "srv", &args) == 0, "no room");
}

/* ---- Log ---- */

static struct acs_log_ring ring;

static void
put(uint32_t number, size_t len)
{
	static struct acs_log_line line;
	char text[ACS_LOG_TEXT + 100];

	memset(text, 'x', sizeof text);
	(void)snprintf(text, sizeof text, "%u", (unsigned int)number);
	text[strlen(text)] = ' ';
	acs_log_make(&line, number, 2, "server", text, len);
	acs_log_put(&ring, &line);
}

/* Read everything from C on; true when the numbers are right and end with the last line put. */
static bool
ring_right(struct acs_log_cursor c, uint32_t last)
{
	static struct acs_log_line line;
	uint32_t expect = c.lc_seq > ring.lr_first ? c.lc_seq : ring.lr_first;

	for (; acs_log_get(&ring, &c, &line); expect++)
		if (line.ll_seq != expect || line.ll_ms != expect || strcmp(line.ll_from, "server") != 0 ||
		    strtoul(line.ll_text, NULL, 10) != expect)
			return false;
	return expect == last + 1;
}

static void
test_log(unsigned int rounds)
{
	static struct acs_log_line line;
	struct acs_log_cursor zero = { 0 }, old = { 0 };
	char text[ACS_LOG_TEXT + 200];
	bool right = true;

	ok(!acs_log_get(&ring, &zero, &line), "an empty log");
	acs_log_make(&line, 12345, 0, "vfs", "bad\x1b[2J\n\n", 9);
	ok(acs_log_format(&line, text, sizeof text) > 0 && strcmp(text, "[   12.345] vfs: error: bad?[2J\n") == 0, "a line as text");
	acs_log_make(&line, 1, 2, "vfs", text, 0);
	ok(line.ll_text[0] == '\0', "an empty line");
	for (uint32_t i = 0; i < rounds; i++) {
		put(i, random_below(3) ? 12 + random_below(60) : 12 + random_below(ACS_LOG_TEXT + 50));
		if (i % 97 == 0 || i < 200)
			right = right && ring_right(zero, i) && ring_right(old, i);
		if (i % 300 == 0) {
			old = zero;
			for (uint32_t n = random_below(50); n > 0 && acs_log_get(&ring, &old, &line); n--)
				;
		}
	}
	ok(right, "every line that is there is right");
	ok(ring.lr_next - ring.lr_first > ACS_LOG_BYTES / 1200, "the ring is used");
}

/* ---- Commands ---- */

static bool
command(const char *text, struct acs_command *cmd, struct acs_error *err)
{
	char *line = strdup(text);
	bool good = acs_command_parse(line, cmd, err);

	free(line);
	return good;
}

static void
test_command(unsigned int rounds)
{
	static const char add[] = "add echo restart 12345 uses=hw,vfs rights=host -- -v 3";
	static struct acs_command cmd;
	struct acs_error err;
	size_t size;

	ok(command("list", &cmd, &err) && cmd.cm_verb == ACS_CMD_LIST, "list");
	ok(command("  restart  tty ", &cmd, &err) && cmd.cm_verb == ACS_CMD_RESTART && strcmp(cmd.cm_name, "tty") == 0, "restart");
	ok(command(add, &cmd, &err) && cmd.cm_size == 12345 && cmd.cm_spec.sp_args.wo_count == 2 &&
		acs_words_has(&cmd.cm_spec.sp_uses, "vfs") && cmd.cm_spec.sp_rights == ACS_RIGHT_HOST, "add");
	ok(acs_words_match(&cmd.cm_spec.sp_registers, "anything") && acs_words_match(&cmd.cm_spec.sp_public, "echo.1") &&
		!acs_words_match(&cmd.cm_spec.sp_public, "echoes"), "what an added server may do");
	ok(!command("", &cmd, &err) && !command("  ", &cmd, &err), "no command");
	ok(!command("list x", &cmd, &err) && !command("restart", &cmd, &err) && !command("restart a b", &cmd, &err) &&
		!command("restart /etc", &cmd, &err), "wrong arguments");
	ok(!command("add e restart 0", &cmd, &err) && !command("add e restart 99999999999", &cmd, &err) &&
		!command("add e restart 12k", &cmd, &err) && !command("add e restart -1", &cmd, &err), "wrong sizes");
	ok(!command("add e restart 12 image=/x", &cmd, &err) && !command("add e restart 12 x", &cmd, &err) &&
		!command("add e sometimes 12", &cmd, &err), "wrong words of add");
	ok(!command("format", &cmd, &err) && strcmp(err.er_text, "unknown command 'format'") == 0, "an unknown command");
	for (unsigned int i = 0; i < rounds; i++) {
		char *bad = mutate(add, sizeof add, &size);

		if (size > 0) {
			bad[size - 1] = '\0';
			(void)acs_command_parse(bad, &cmd, &err);
		}
		free(bad);
	}
	ok(true, "commands at random");
}

int
main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 20000;

	test_manifest();
	test_manifest_limits();
	fuzz_manifest(rounds);
	test_names();
	test_backoff();
	test_cpio(rounds);
	test_elf(rounds);
	test_stack();
	test_log(rounds);
	test_command(rounds);
	printf("1..%d\n", tests);
	return failures != 0;
}
