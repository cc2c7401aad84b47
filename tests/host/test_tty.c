/*
 * test_tty - the parts of the server tty that make no Mach call, on the host: the line discipline by examples, the exec channel's
 * records, and both with random bytes. test_tty_linux compares the line discipline with the host's kernel.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "exec_core.h"
#include "ldisc.h"

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

/* ---- A terminal ---- */

static struct ldisc ld;
static char out[65536];
static size_t out_n, out_room;
static int last_signal;

static size_t
line_room(void *arg)
{
	(void)arg;
	return out_room - out_n;
}

static void
line_put(void *arg, const uint8_t *bytes, size_t n)
{
	(void)arg;
	if (n > out_room - out_n)
		abort();
	memcpy(out + out_n, bytes, n);
	out_n += n;
}

static void
line_signal(void *arg, int signo)
{
	(void)arg;
	last_signal = signo;
}

static void
line_flow(void *arg, bool stopped)
{
	(void)arg;
	(void)stopped;
}

static void
line_nothing(void *arg)
{
	(void)arg;
}

static const struct ldisc_ops ops = { line_room, line_put, line_signal, line_flow, line_nothing, line_nothing };

static void
start(uint32_t iflag_xor, uint32_t oflag_xor, uint32_t lflag_xor)
{
	struct tty_termios t;

	tty_termios_default(&t);
	t.tt_iflag ^= iflag_xor;
	t.tt_oflag ^= oflag_xor;
	t.tt_lflag ^= lflag_xor;
	out_n = 0;
	out_room = sizeof out;
	last_signal = 0;
	ldisc_init(&ld, &ops, NULL, &t);
}

static void
type(const char *text)
{
	(void)ldisc_receive(&ld, (const uint8_t *)text, strlen(text));
}

static bool
shown(const char *text)
{
	bool same = out_n == strlen(text) && memcmp(out, text, out_n) == 0;

	if (!same)
		printf("# shown '%.*s'\n", (int)out_n, out);
	out_n = 0;
	return same;
}

static bool
reads(const char *text)
{
	uint8_t bytes[8192];
	size_t n = ldisc_readable(&ld, false) ? ldisc_read(&ld, bytes, sizeof bytes) : 0;
	bool same = n == strlen(text) && memcmp(bytes, text, n) == 0;

	if (!same)
		printf("# read '%.*s'\n", (int)n, bytes);
	return same;
}

static void
test_lines(void)
{
	start(0, 0, 0);
	type("hello");
	ok(!ldisc_readable(&ld, false) && shown("hello"), "a line is echoed, and not read before it ends");
	type("\r");
	ok(reads("hello\n") && shown("\r\n"), "return ends it");
	type("ab\177c\n");
	ok(reads("ac\n") && shown("ab\b \bc\r\n"), "erase");
	type("two words\027x\n");
	ok(reads("two x\n"), "word erase");
	type("line\025next\n");
	ok(reads("next\n"), "kill");
	type("a\026\003b\n");
	ok(reads("a\003b\n") && last_signal == 0, "the next character is literal");
	out_n = 0;
	type("ab\004");
	ok(reads("ab") && !ldisc_readable(&ld, false), "end of file after characters gives them");
	type("\004");
	ok(ldisc_readable(&ld, false) && reads("") && !ldisc_readable(&ld, false), "and alone nothing, once");
	type("one\ntwo\n");
	ok(ldisc_input_count(&ld) == 8 && reads("one\n") && reads("two\n"), "lines are read one by one");
	out_n = 0;
	type("\t\177");
	ok(shown("\t\b\b\b\b\b\b\b\b"), "a tab is erased as wide as it was");
	type("a\022");
	ok(shown("a^R\r\na"), "reprint");
}

static void
test_utf8(void)
{
	start(T_IUTF8, 0, 0);
	type("x\303\251\177\n");
	ok(reads("x\n") && shown("x\303\251\b \b\r\n"), "a character of two bytes is erased whole");
	start(0, 0, 0);
	type("x\303\251\177\n");
	ok(reads("x\303\n"), "and byte by byte without IUTF8");
}

static void
test_signals(void)
{
	start(0, 0, 0);
	type("typed\003");
	ok(last_signal == 2 && shown("^C"), "interrupt, in one batch with what it throws away");
	type("more\n");
	ok(reads("more\n"), "the line before it is gone");
	type("\034");
	ok(last_signal == 3, "quit");
	type("\032");
	ok(last_signal == 20, "suspend");
	start(0, 0, T_NOFLSH);
	type("a\003b\n");
	ok(last_signal == 2 && reads("ab\n"), "NOFLSH keeps what was typed");
	start(0, 0, T_ISIG);
	last_signal = 0;
	type("\003\n");
	ok(last_signal == 0 && reads("\003\n"), "without ISIG it is a character");
}

static void
test_flow(void)
{
	start(0, 0, 0);
	type("\023");
	ok(ldisc_write(&ld, (const uint8_t *)"x", 1) == 0, "STOP stops output");
	type("a\021");
	ok(shown("a") && ldisc_write(&ld, (const uint8_t *)"x", 1) == 1, "START lets waiting echoes go, and output");
	out_n = 0;
	type("\023");
	type("z");
	ok(shown(""), "echoes wait too");
	ldisc_program_flow(&ld, true);
	type("\021");
	ok(ldisc_write(&ld, (const uint8_t *)"x", 1) == 0, "a key does not start what a program stopped");
	ldisc_program_flow(&ld, false);
	ok(ldisc_write(&ld, (const uint8_t *)"x", 1) == 1 && shown("zx"), "the program does");
}

static void
test_output(void)
{
	start(0, 0, 0);
	ok(ldisc_write(&ld, (const uint8_t *)"a\nb\tc", 5) == 5 && shown("a\r\nb\tc"), "newlines become two characters");
	start(0, T_XTABS, 0);
	ok(ldisc_write(&ld, (const uint8_t *)"ab\tc", 4) == 4 && shown("ab      c"), "tabs become spaces");
	out_room = 3;
	ok(ldisc_write(&ld, (const uint8_t *)"ab\nc", 4) == 2 && shown("ab"), "what finds no room whole waits");
	start(0, T_OPOST, 0);
	ok(ldisc_write(&ld, (const uint8_t *)"a\n", 2) == 2 && shown("a\n"), "without OPOST nothing changes");
}

static void
test_raw(void)
{
	struct tty_termios t;

	start(T_ICRNL | T_IXON, 0, T_ICANON | T_ECHO | T_ISIG | T_IEXTEN);
	type("\003a");
	ok(reads("\003a") && last_signal == 0 && shown(""), "raw: every character counts");
	ld.ld_termios.tt_cc[T_VMIN] = 3;
	type("ab");
	ok(ldisc_readable(&ld, false) && !ldisc_readable(&ld, true), "poll waits for VMIN characters");
	tty_termios_default(&t);
	ldisc_set_termios(&ld, &t);
	ok(reads("ab"), "half a line is readable when canonical mode begins");
}

static void
test_full(void)
{
	static uint8_t many[5000], back[8192];
	size_t n;

	memset(many, 'm', sizeof many);
	start(0, 0, T_ECHO);
	ok(ldisc_receive(&ld, many, sizeof many) == sizeof many, "a line too long is swallowed");
	type("\n");
	n = ldisc_read(&ld, back, sizeof back);
	ok(n == 4096 && back[4095] == '\n', "and ends where it is full");
	start(T_ICRNL | T_IXON, 0, T_ICANON | T_ECHO | T_ISIG | T_IEXTEN);
	ok(ldisc_receive(&ld, many, sizeof many) == 4095 && ldisc_receive(&ld, many, 1) == 0, "raw input waits outside when it is full");
	ok(ldisc_read(&ld, back, 95) == 95 && ldisc_receive(&ld, many, 200) == 95, "and comes in as it is read");
}

static void
test_ldisc_random(void)
{
	static uint8_t bytes[6000];
	struct tty_termios t;

	start(0, 0, 0);
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)rand() % (rand() % 50 == 0 ? sizeof bytes : 30);

		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)(rand() % 3 == 0 ? rand() : rand() % 33);
		if (rand() % 3 == 0)
			out_n = 0;
		out_room = rand() % 5 ? sizeof out : out_n + (size_t)rand() % 20;
		if (out_room > sizeof out)
			out_room = sizeof out;
		switch (rand() % 6) {
		case 0:
			(void)ldisc_write(&ld, bytes, n);
			break;
		case 1:
			(void)ldisc_read(&ld, bytes, n);
			break;
		case 2:
			tty_termios_default(&t);
			t.tt_iflag = (uint32_t)rand();
			t.tt_oflag = (uint32_t)rand();
			t.tt_lflag ^= rand() % 2 ? 0 : (uint32_t)rand();
			for (int i = 0; i < T_NCCS; i++)
				t.tt_cc[i] = (uint8_t)(rand() % 4 ? t.tt_cc[i] : rand());
			ldisc_set_termios(&ld, &t);
			break;
		default:
			(void)ldisc_receive(&ld, bytes, n);
		}
		if (ldisc_input_count(&ld) > LDISC_INPUT + 1)
			abort();
	}
	ok(true, "random settings and bytes do no harm");
}

static void
test_termios(void)
{
	struct tty_termios t, u;
	struct tty_termio small;

	ok(sizeof t == TTY_TERMIOS2_BYTES && offsetof(struct tty_termios, tt_ispeed) == TTY_TERMIOS_BYTES && sizeof small == 18,
		"structures have Linux's sizes");
	tty_termios_default(&t);
	u = t;
	t.tt_cflag = (t.tt_cflag & ~T_CBAUD) | 010002;
	tty_termios_speeds(&t);
	ok(t.tt_ospeed == 115200 && t.tt_ispeed == 115200, "speeds follow the flags");
	tty_termio_get(&u, &small);
	small.ti_lflag = 0;
	tty_termio_set(&u, &small);
	ok(u.tt_lflag == 0 && u.tt_cc[T_VSTART] == 17, "the small structure changes what it has");
}

/* ---- The exec channel ---- */

static struct exec_input in;

static void
send(uint8_t kind, const void *payload, uint32_t n, uint32_t claimed)
{
	uint8_t header[EXEC_HEADER];

	exec_header_make(header, (enum exec_record)kind, claimed);
	exec_input_receive(&in, header, sizeof header);
	exec_input_receive(&in, payload, n);
}

static void
test_exec(void)
{
	static uint8_t big[EXEC_STDIN + 1], back[EXEC_STDIN];
	size_t n;

	exec_input_init(&in);
	ok(exec_input_credit(&in) == EXEC_STDIN && exec_input_credit(&in) == 0, "the whole ring is credit at first");
	send(EXEC_REC_STDIN, "abc", 3, 3);
	ok(exec_input_read(&in, back, 2) == 2 && back[0] == 'a' && exec_input_read(&in, back, 9) == 1 && back[0] == 'c',
		"standard input arrives");
	for (uint32_t i = 0; i < sizeof big; i++)
		big[i] = (uint8_t)(i * 7);
	send(EXEC_REC_STDIN, big, EXEC_STDIN, EXEC_STDIN);
	n = exec_input_read(&in, back, sizeof back);
	ok(n == EXEC_STDIN && memcmp(back, big, n) == 0, "a ring full, across its end");
	ok(exec_input_credit(&in) == EXEC_STDIN + 3, "what was read is credit again");
	send(EXEC_REC_COMMAND, "\1\0\0\0/\0ls", 9, 9);
	ok(exec_input_has_command(&in) && in.ei_command_bytes == 9, "the command arrives");
	send(EXEC_REC_STDIN_END, "", 0, 0);
	ok(in.ei_is_ended && !in.ei_is_broken && exec_input_read(&in, back, 1) == 0, "and the end");
	free(in.ei_command);

	exec_input_init(&in);
	send(EXEC_REC_STDIN, big, 0, EXEC_STDIN + 1);
	ok(in.ei_is_broken && in.ei_is_ended, "more than the credit breaks the channel");
	exec_input_init(&in);
	send(EXEC_REC_COMMAND, "x", 1, 1);
	send(EXEC_REC_COMMAND, "y", 1, 1);
	ok(in.ei_is_broken, "so does a second command");
	free(in.ei_command);
	exec_input_init(&in);
	send(EXEC_REC_COMMAND, "", 0, EXEC_COMMAND_MAX + 1);
	ok(in.ei_is_broken, "or one that is too long");
	exec_input_init(&in);
	send(99, "", 0, 0);
	ok(in.ei_is_broken, "or an unknown record");
}

static void
test_exec_pieces(void)
{
	uint8_t stream[64];
	size_t n = 0;
	uint8_t back[16];
	bool good = true;

	exec_header_make(stream, EXEC_REC_STDIN, 5);
	memcpy(stream + 8, "hello", 5);
	exec_header_make(stream + 13, EXEC_REC_COMMAND, 3);
	memcpy(stream + 21, "abc", 3);
	exec_header_make(stream + 24, EXEC_REC_STDIN_END, 0);
	n = 32;
	for (size_t cut = 1; cut < n; cut++) {
		exec_input_init(&in);
		for (size_t at = 0; at < n; at += cut)
			exec_input_receive(&in, stream + at, n - at < cut ? n - at : cut);
		good = good && exec_input_read(&in, back, sizeof back) == 5 && memcmp(back, "hello", 5) == 0 &&
			exec_input_has_command(&in) && memcmp(in.ei_command, "abc", 3) == 0 && in.ei_is_ended && !in.ei_is_broken;
		free(in.ei_command);
	}
	ok(good, "records may be cut anywhere");
}

static void
test_exec_random(void)
{
	uint8_t bytes[200], back[300];

	for (int round = 0; round < 20000; round++) {
		exec_input_init(&in);
		for (int i = 0; i < 20; i++) {
			size_t n = (size_t)rand() % sizeof bytes;

			for (size_t j = 0; j < n; j++)
				bytes[j] = (uint8_t)(rand() % 4 ? rand() % 4 : rand());
			exec_input_receive(&in, bytes, n);
			(void)exec_input_read(&in, back, (size_t)rand() % sizeof back);
			(void)exec_input_credit(&in);
		}
		free(in.ei_command);
	}
	ok(true, "random records do no harm");
}

int
main(void)
{
	test_lines();
	test_utf8();
	test_signals();
	test_flow();
	test_output();
	test_raw();
	test_full();
	test_ldisc_random();
	test_termios();
	test_exec();
	test_exec_pieces();
	test_exec_random();
	printf("1..%d\n", tests);
	return failures != 0;
}
