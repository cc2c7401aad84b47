/*
 * ldisc.c - the line discipline, as Linux's terminals behave.
 *
 * "As Linux" to the byte, because shells, editors and test suites know its habits: which echoes are erased how, what a full
 * queue does, what a change of mode does to half a line. tests/host/test_tty_linux.c feeds the same random input and settings
 * to this file and to a pseudo-terminal of the host's kernel and compares everything that comes out.
 *
 * Echoes do not go straight to the line. The line may be full, and what an echo looks like (a tab, an erased tab) depends on
 * the column at the time it is sent; so echoes are queued as operations, and turned into bytes when there is room.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ldisc.h"

#include <string.h>
#include <masix/abi.h>

#define INPUT_MASK	(LDISC_INPUT - 1)
#define ECHO_MASK	(LDISC_ECHO - 1)
#define ECHO_BATCH	256u	/* echoes are sent when so many wait, or at the end of what arrived */
#define ECHO_RESERVE	1024u	/* of the queue, for echoes of one batch: older ones are dropped for it */

/* What is done with an echo's character. */
enum {
	ECHO_PLAIN = 0,		/* send it, with output processing */
	ECHO_CONTROL = 1 << 8,	/* send it as ^X */
	ECHO_LITERAL = 2 << 8,	/* send it without output processing */
	ECHO_ERASE_TAB = 3 << 8,	/* go back over a tab; the character says how many columns came before it */
	ECHO_LINE_BEGIN = 4 << 8,	/* the line being typed begins in this column */
	ECHO_BACK = 5 << 8,	/* the column is one less than the bytes sent say */
};
#define ERASE_AFTER_TAB	0x80	/* those columns count from another tab */

#define ESCAPE_0376	0xff	/* Linux's echo queue marks its operations with this character and echoes it literally */

static bool
iflag(const struct ldisc *ld, uint32_t flag)
{
	return ld->ld_termios.tt_iflag & flag;
}

static bool
oflag(const struct ldisc *ld, uint32_t flag)
{
	return ld->ld_termios.tt_oflag & flag;
}

static bool
lflag(const struct ldisc *ld, uint32_t flag)
{
	return ld->ld_termios.tt_lflag & flag;
}

static uint8_t
cc(const struct ldisc *ld, int which)
{
	return ld->ld_termios.tt_cc[which];
}

/* ---- Characters: the kernel's idea of them is Latin-1 ---- */

static bool
is_control(uint8_t c)
{
	return c < 32 || c == 127;
}

static bool
is_upper(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 192 && c <= 222 && c != 215);
}

static bool
is_lower(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 223 && c != 247);
}

static bool
is_word(uint8_t c)
{
	return is_upper(c) || is_lower(c) || (c >= '0' && c <= '9') || c == '_';
}

static bool
is_continuation(const struct ldisc *ld, uint8_t c)
{
	return iflag(ld, T_IUTF8) && (c & 0xc0) == 0x80;
}

/* ---- The input queue ---- */

static uint8_t
input_at(const struct ldisc *ld, uint32_t position)
{
	return ld->ld_input[position & INPUT_MASK];
}

static bool
line_end_at(const struct ldisc *ld, uint32_t position)
{
	return ld->ld_line_end[(position & INPUT_MASK) / 32] >> (position & 31) & 1;
}

static void
line_end_set(struct ldisc *ld, uint32_t position, bool on)
{
	uint32_t bit = 1u << (position & 31), *word = &ld->ld_line_end[(position & INPUT_MASK) / 32];

	*word = on ? *word | bit : *word & ~bit;
}

static void
input_put(struct ldisc *ld, uint8_t c)
{
	ld->ld_input[ld->ld_head++ & INPUT_MASK] = c;
}

static uint32_t
input_used(const struct ldisc *ld)
{
	return ld->ld_head - ld->ld_tail;
}

/* ---- Output ---- */

static size_t
output_room(const struct ldisc *ld)
{
	return ld->ld_stopped ? 0 : ld->ld_ops->lo_room(ld->ld_arg);
}

static void
output_put(struct ldisc *ld, const void *bytes, size_t n)
{
	ld->ld_ops->lo_put(ld->ld_arg, bytes, n);
}

static bool
output_newline(struct ldisc *ld, size_t *room)
{
	if (oflag(ld, T_ONLRET))
		ld->ld_column = 0;
	if (oflag(ld, T_ONLCR)) {
		if (*room < 2)
			return false;
		ld->ld_line_column = ld->ld_column = 0;
		output_put(ld, "\r\n", 2);
		*room -= 2;
		return true;
	}
	ld->ld_line_column = ld->ld_column;
	output_put(ld, "\n", 1);
	*room -= 1;
	return true;
}

static bool
output_return(struct ldisc *ld, size_t *room)
{
	if (oflag(ld, T_ONOCR) && ld->ld_column == 0)
		return true;
	if (oflag(ld, T_OCRNL)) {
		if (oflag(ld, T_ONLRET))
			ld->ld_line_column = ld->ld_column = 0;
		output_put(ld, "\n", 1);
	} else {
		ld->ld_line_column = ld->ld_column = 0;
		output_put(ld, "\r", 1);
	}
	*room -= 1;
	return true;
}

static bool
output_tab(struct ldisc *ld, size_t *room)
{
	uint32_t spaces = 8 - (ld->ld_column & 7);

	if ((ld->ld_termios.tt_oflag & T_TABDLY) == T_XTABS) {
		if (*room < spaces)
			return false;
		output_put(ld, "        ", spaces);
		*room -= spaces;
	} else {
		output_put(ld, "\t", 1);
		*room -= 1;
	}
	ld->ld_column += spaces;
	return true;
}

/* Send C with output processing. Errors: false  there is no room for what it becomes */
static bool
output_processed(struct ldisc *ld, uint8_t c, size_t *room)
{
	if (*room == 0)
		return false;
	switch (c) {
	case '\n':
		return output_newline(ld, room);
	case '\r':
		return output_return(ld, room);
	case '\t':
		return output_tab(ld, room);
	case '\b':
		if (ld->ld_column > 0)
			ld->ld_column--;
		break;
	default:
		if (is_control(c))
			break;
		if (oflag(ld, T_OLCUC) && is_lower(c))
			c = (uint8_t)(c - 32);
		if (!is_continuation(ld, c))
			ld->ld_column++;
	}
	output_put(ld, &c, 1);
	*room -= 1;
	return true;
}

/* How many bytes from the front of BYTES pass unchanged; moves the column past them. */
static size_t
output_plain_run(struct ldisc *ld, const uint8_t *bytes, size_t n)
{
	size_t i;

	if (oflag(ld, T_OLCUC))
		return 0;
	for (i = 0; i < n && !is_control(bytes[i]); i++)
		if (!is_continuation(ld, bytes[i]))
			ld->ld_column++;
	return i;
}

size_t
ldisc_write(struct ldisc *ld, const uint8_t *bytes, size_t n)
{
	size_t room, done = 0, run;

	ldisc_echo_pending(ld);
	room = output_room(ld);
	if (!oflag(ld, T_OPOST)) {
		done = n < room ? n : room;
		if (done > 0)
			output_put(ld, bytes, done);
		return done;
	}
	while (done < n && room > 0) {
		run = output_plain_run(ld, bytes + done, n - done < room ? n - done : room);
		if (run > 0) {
			output_put(ld, bytes + done, run);
			room -= run;
			done += run;
		} else if (output_processed(ld, bytes[done], &room)) {
			done++;
		} else {
			break;
		}
	}
	return done;
}

/* ---- Echo ---- */

static void echo_process(struct ldisc *ld);

/* When an erased line fills the queue, what is in it goes out first; what cannot is lost, the oldest first. */
static void
echo_add(struct ldisc *ld, unsigned int what)
{
	if (ld->ld_echo_head - ld->ld_echo_tail == LDISC_ECHO) {
		ld->ld_echo_commit = ld->ld_echo_head;
		echo_process(ld);
	}
	ld->ld_echo[ld->ld_echo_head++ & ECHO_MASK] = (uint16_t)what;
}

static void
echo_raw(struct ldisc *ld, uint8_t c)
{
	echo_add(ld, c == ESCAPE_0376 ? ECHO_LITERAL | c : ECHO_PLAIN | c);
}

static void
echo_char(struct ldisc *ld, uint8_t c)
{
	if (lflag(ld, T_ECHOCTL) && is_control(c) && c != '\t')
		echo_add(ld, ECHO_CONTROL | c);
	else
		echo_raw(ld, c);
}

/* Go back over an erased tab: as many columns as it took when it was sent. */
static bool
echo_erase_tab(struct ldisc *ld, uint32_t columns, size_t *room)
{
	uint32_t back;

	if (!(columns & ERASE_AFTER_TAB))
		columns += ld->ld_line_column;
	back = 8 - (columns & 7);
	if (back > *room)
		return false;
	output_put(ld, "\b\b\b\b\b\b\b\b", back);
	*room -= back;
	ld->ld_column -= back < ld->ld_column ? back : ld->ld_column;
	return true;
}

/* Send one echo. Errors: false  no room for all of it */
static bool
echo_send(struct ldisc *ld, unsigned int what, size_t *room)
{
	uint8_t c = (uint8_t)what, pair[2] = { '^', c ^ 0100 };

	switch (what & 0xff00) {
	case ECHO_LINE_BEGIN:
		ld->ld_line_column = ld->ld_column;
		return true;
	case ECHO_BACK:
		if (ld->ld_column > 0)
			ld->ld_column--;
		return true;
	case ECHO_ERASE_TAB:
		return echo_erase_tab(ld, c, room);
	case ECHO_CONTROL:
		if (*room < 2)
			return false;
		output_put(ld, pair, 2);
		ld->ld_column += 2;
		*room -= 2;
		return true;
	case ECHO_PLAIN:
		if (oflag(ld, T_OPOST))
			return output_processed(ld, c, room);
		break;
	default:
		ld->ld_column++;
	}
	if (*room == 0) {
		if ((what & 0xff00) == ECHO_LITERAL)
			ld->ld_column--;
		return false;
	}
	output_put(ld, &c, 1);
	*room -= 1;
	return true;
}

/* Send what is committed; what finds no room for long is dropped, the oldest first. */
static void
echo_process(struct ldisc *ld)
{
	size_t room = output_room(ld);

	while (ld->ld_echo_tail != ld->ld_echo_commit &&
	    echo_send(ld, ld->ld_echo[ld->ld_echo_tail & ECHO_MASK], &room))
		ld->ld_echo_tail++;
	if (ld->ld_echo_commit - ld->ld_echo_tail > LDISC_ECHO - ECHO_RESERVE)
		ld->ld_echo_tail = ld->ld_echo_commit - (LDISC_ECHO - ECHO_RESERVE);
}

/* An echo is whole. Send what waits when a batch is full, and then each time that it has grown by one more. */
static void
echo_commit(struct ldisc *ld)
{
	uint32_t wait = ld->ld_echo_head - ld->ld_echo_tail, before = ld->ld_echo_commit - ld->ld_echo_tail;

	ld->ld_echo_mark = ld->ld_echo_head;
	if (wait < ECHO_BATCH || wait % ECHO_BATCH > before % ECHO_BATCH)
		return;
	ld->ld_echo_commit = ld->ld_echo_head;
	echo_process(ld);
}

/* All that arrived has been looked at. */
static void
echo_flush(struct ldisc *ld)
{
	if (!lflag(ld, T_ECHO | T_ECHONL) || ld->ld_echo_commit == ld->ld_echo_head)
		return;
	ld->ld_echo_commit = ld->ld_echo_head;
	echo_process(ld);
}

void
ldisc_echo_pending(struct ldisc *ld)
{
	if (ld->ld_echo_mark == ld->ld_echo_tail)
		return;
	ld->ld_echo_commit = ld->ld_echo_mark;
	echo_process(ld);
}

/* ---- Flow control ---- */

static void
output_stop(struct ldisc *ld)
{
	if (ld->ld_stopped)
		return;
	ld->ld_stopped = true;
	ld->ld_ops->lo_flow(ld->ld_arg, true);
}

static void
output_start(struct ldisc *ld)
{
	if (!ld->ld_stopped || ld->ld_program_stopped)
		return;
	ld->ld_stopped = false;
	ld->ld_ops->lo_flow(ld->ld_arg, false);
}

void
ldisc_program_flow(struct ldisc *ld, bool stop)
{
	if (stop == ld->ld_program_stopped)
		return;
	ld->ld_program_stopped = stop;
	if (stop)
		output_stop(ld);
	else
		output_start(ld);
}

/* ---- Erasing ---- */

static void
erasing_finish(struct ldisc *ld)
{
	if (ld->ld_erasing)
		echo_raw(ld, '/');
	ld->ld_erasing = false;
}

/* Columns between the last tab (or the line's beginning) and the end of the input; ERASE_AFTER_TAB if it was a tab. */
static unsigned int
erase_tab_columns(const struct ldisc *ld)
{
	unsigned int columns = 0;

	for (uint32_t at = ld->ld_head; at != ld->ld_canon; ) {
		uint8_t c = input_at(ld, --at);

		if (c == '\t')
			return (columns & 7) | ERASE_AFTER_TAB;
		if (is_control(c))
			columns += lflag(ld, T_ECHOCTL) ? 2 : 0;
		else if (!is_continuation(ld, c))
			columns++;
	}
	return columns & 7;
}

static void
erase_echo_blank(struct ldisc *ld)
{
	echo_raw(ld, '\b');
	echo_raw(ld, ' ');
	echo_raw(ld, '\b');
}

/* Echo that the character C of COUNT bytes at POSITION, now behind the end of the input, was erased by KEY. */
static void
erase_echo(struct ldisc *ld, uint8_t key, uint8_t c, uint32_t position, uint32_t count)
{
	if (lflag(ld, T_ECHOPRT)) {
		if (!ld->ld_erasing)
			echo_raw(ld, '\\');
		ld->ld_erasing = true;
		echo_char(ld, c);
		while (--count > 0) {
			echo_raw(ld, input_at(ld, ++position));
			echo_add(ld, ECHO_BACK);
		}
	} else if (key == cc(ld, T_VERASE) && !lflag(ld, T_ECHOE)) {
		echo_char(ld, key);
	} else if (c == '\t') {
		echo_add(ld, ECHO_ERASE_TAB | erase_tab_columns(ld));
	} else {
		if (is_control(c) && lflag(ld, T_ECHOCTL))
			erase_echo_blank(ld);
		if (!is_control(c) || lflag(ld, T_ECHOCTL))
			erase_echo_blank(ld);
	}
}

/* Erase the last character, which may be several bytes. Errors: false  nothing whole is left, or a word ends before it */
static bool
erase_one(struct ldisc *ld, uint8_t key, bool is_word_erase, bool *seen_word)
{
	uint32_t at = ld->ld_head, count;
	uint8_t c;

	do {
		c = input_at(ld, --at);
	} while (is_continuation(ld, c) && at != ld->ld_canon);
	if (is_continuation(ld, c))
		return false;
	if (is_word_erase) {
		if (is_word(c))
			*seen_word = true;
		else if (*seen_word)
			return false;
	}
	count = ld->ld_head - at;
	ld->ld_head = at;
	if (lflag(ld, T_ECHO))
		erase_echo(ld, key, c, at, count);
	return true;
}

/* KILL without erasing what is on the screen. Answers whether that was all there was to do. */
static bool
erase_line_unseen(struct ldisc *ld)
{
	bool can_erase = lflag(ld, T_ECHOK) && lflag(ld, T_ECHOKE) && lflag(ld, T_ECHOE);

	if (lflag(ld, T_ECHO) && can_erase)
		return false;
	ld->ld_head = ld->ld_canon;
	if (lflag(ld, T_ECHO)) {
		erasing_finish(ld);
		echo_char(ld, cc(ld, T_VKILL));
		if (lflag(ld, T_ECHOK))
			echo_raw(ld, '\n');
	}
	return true;
}

static void
erase(struct ldisc *ld, uint8_t key)
{
	bool one = key == cc(ld, T_VERASE), word = !one && key == cc(ld, T_VWERASE), seen_word = false;

	if (ld->ld_head == ld->ld_canon)
		return;
	if (!one && !word && erase_line_unseen(ld))
		return;
	while (ld->ld_head != ld->ld_canon && erase_one(ld, key, word, &seen_word))
		if (one)
			break;
	if (ld->ld_head == ld->ld_canon && lflag(ld, T_ECHO))
		erasing_finish(ld);
}

/* ---- What arrives ---- */

static void
input_reset(struct ldisc *ld)
{
	ld->ld_head = ld->ld_canon = ld->ld_tail = 0;
	ld->ld_erasing = false;
	memset(ld->ld_line_end, 0, sizeof ld->ld_line_end);
}

void
ldisc_flush_input(struct ldisc *ld)
{
	input_reset(ld);
	ld->ld_ops->lo_flushed_input(ld->ld_arg);
}

/* A key that signals: unless NOFLSH, what was typed and what was being shown is thrown away. */
static void
receive_signal(struct ldisc *ld, int signo, uint8_t c)
{
	ld->ld_ops->lo_signal(ld->ld_arg, signo);
	if (!lflag(ld, T_NOFLSH)) {
		ld->ld_echo_head = ld->ld_echo_tail = ld->ld_echo_commit = ld->ld_echo_mark = 0;
		ld->ld_ops->lo_flush_output(ld->ld_arg);
		ldisc_flush_input(ld);
	}
	if (iflag(ld, T_IXON))
		output_start(ld);
	if (lflag(ld, T_ECHO)) {
		echo_char(ld, c);
		echo_commit(ld);
	} else {
		ldisc_echo_pending(ld);
	}
}

/* IXANY: any key starts stopped output. */
static void
receive_restart(struct ldisc *ld)
{
	if (ld->ld_stopped && !ld->ld_program_stopped && iflag(ld, T_IXON) && iflag(ld, T_IXANY)) {
		output_start(ld);
		ldisc_echo_pending(ld);
	}
}

/* An ordinary character goes into the queue, and is echoed. A newline is shown as one only if it means something (IS_SPECIAL). */
static void
receive_plain(struct ldisc *ld, uint8_t c, bool is_special)
{
	if (lflag(ld, T_ECHO)) {
		erasing_finish(ld);
		if (c == '\n' && is_special) {
			echo_raw(ld, c);
		} else {
			if (ld->ld_canon == ld->ld_head)
				echo_add(ld, ECHO_LINE_BEGIN);
			echo_char(ld, c);
		}
		echo_commit(ld);
	}
	if (c == 0377 && iflag(ld, T_PARMRK))
		input_put(ld, c);
	input_put(ld, c);
}

/* C (T_DISABLED for an EOF character) ends a line. */
static void
receive_line_end(struct ldisc *ld, uint8_t c)
{
	line_end_set(ld, ld->ld_head, true);
	input_put(ld, c);
	ld->ld_canon = ld->ld_head;
}

static void
receive_lnext(struct ldisc *ld)
{
	ld->ld_lnext = true;
	if (!lflag(ld, T_ECHO))
		return;
	erasing_finish(ld);
	if (lflag(ld, T_ECHOCTL)) {
		echo_raw(ld, '^');
		echo_raw(ld, '\b');
		echo_commit(ld);
	}
}

static void
receive_reprint(struct ldisc *ld, uint8_t c)
{
	erasing_finish(ld);
	echo_char(ld, c);
	echo_raw(ld, '\n');
	for (uint32_t at = ld->ld_canon; at != ld->ld_head; at++)
		echo_char(ld, input_at(ld, at));
	echo_commit(ld);
}

static void
receive_eol(struct ldisc *ld, uint8_t c)
{
	if (lflag(ld, T_ECHO)) {
		if (ld->ld_canon == ld->ld_head)
			echo_add(ld, ECHO_LINE_BEGIN);
		echo_char(ld, c);
		echo_commit(ld);
	}
	if (c == 0377 && iflag(ld, T_PARMRK))
		input_put(ld, c);
	receive_line_end(ld, c);
}

/* Editing and line ends of canonical mode. Answers whether C was one of them. */
static bool
receive_canonical(struct ldisc *ld, uint8_t c)
{
	bool extended = lflag(ld, T_IEXTEN);

	if (c == cc(ld, T_VERASE) || c == cc(ld, T_VKILL) || (c == cc(ld, T_VWERASE) && extended)) {
		erase(ld, c);
		echo_commit(ld);
	} else if (c == cc(ld, T_VLNEXT) && extended) {
		receive_lnext(ld);
	} else if (c == cc(ld, T_VREPRINT) && lflag(ld, T_ECHO) && extended) {
		receive_reprint(ld, c);
	} else if (c == '\n') {
		if (lflag(ld, T_ECHO | T_ECHONL)) {
			echo_raw(ld, '\n');
			echo_commit(ld);
		}
		receive_line_end(ld, '\n');
	} else if (c == cc(ld, T_VEOF)) {
		receive_line_end(ld, T_DISABLED);
	} else if (c == cc(ld, T_VEOL) || (c == cc(ld, T_VEOL2) && extended)) {
		receive_eol(ld, c);
	} else {
		return false;
	}
	return true;
}

/* Flow control and signals. Answers whether C was one of them. */
static bool
receive_control(struct ldisc *ld, uint8_t c)
{
	if (iflag(ld, T_IXON) && c == cc(ld, T_VSTART)) {
		output_start(ld);
		ldisc_echo_pending(ld);
		return true;
	}
	if (iflag(ld, T_IXON) && c == cc(ld, T_VSTOP)) {
		output_stop(ld);
		return true;
	}
	if (!lflag(ld, T_ISIG))
		return false;
	if (c == cc(ld, T_VINTR))
		receive_signal(ld, MX_SIGINT, c);
	else if (c == cc(ld, T_VQUIT))
		receive_signal(ld, MX_SIGQUIT, c);
	else if (c == cc(ld, T_VSUSP))
		receive_signal(ld, MX_SIGTSTP, c);
	else
		return false;
	return true;
}

static void
receive_special(struct ldisc *ld, uint8_t c)
{
	if (receive_control(ld, c))
		return;
	receive_restart(ld);
	if (c == '\r') {
		if (iflag(ld, T_IGNCR))
			return;
		if (iflag(ld, T_ICRNL))
			c = '\n';
	} else if (c == '\n' && iflag(ld, T_INLCR)) {
		c = '\r';
	}
	if (!lflag(ld, T_ICANON) || !receive_canonical(ld, c))
		receive_plain(ld, c, true);
}

static void
receive_char(struct ldisc *ld, uint8_t c)
{
	bool literal = ld->ld_lnext;

	if (iflag(ld, T_ISTRIP))
		c &= 0x7f;
	if (iflag(ld, T_IUCLC) && lflag(ld, T_IEXTEN) && is_upper(c))
		c = (uint8_t)(c + 32);
	ld->ld_lnext = false;
	if (lflag(ld, T_EXTPROC) && !literal) {
		input_put(ld, c);
	} else if (literal || !ld->ld_special[c]) {
		receive_restart(ld);
		receive_plain(ld, c, false);
	} else {
		receive_special(ld, c);
	}
}

size_t
ldisc_receive(struct ldisc *ld, const uint8_t *bytes, size_t n)
{
	size_t done = 0;

	while (done < n) {
		int room = (int)LDISC_INPUT - (int)input_used(ld);
		size_t batch;

		if (iflag(ld, T_PARMRK))
			room = (room + 2) / 3;	/* each may become three */
		if (--room <= 0) {
			/* Full. A line without an end takes more, so that it can be erased and ended: the last is overwritten. */
			if (!lflag(ld, T_ICANON) || ld->ld_canon != ld->ld_tail)
				break;
			if (room < 0)
				ld->ld_head--;
			room = 1;
		}
		batch = n - done < (size_t)room ? n - done : (size_t)room;
		for (size_t i = 0; i < batch; i++) {
			if (ld->ld_raw)
				input_put(ld, bytes[done + i]);
			else
				receive_char(ld, bytes[done + i]);
		}
		done += batch;
		if (!ld->ld_raw)
			echo_flush(ld);
	}
	return done;
}

/* ---- Reading ---- */

static bool
reads_lines(const struct ldisc *ld)
{
	return lflag(ld, T_ICANON) && !lflag(ld, T_EXTPROC);
}

bool
ldisc_readable(const struct ldisc *ld, bool for_poll)
{
	uint32_t want = 1;

	if (reads_lines(ld))
		return ld->ld_canon != ld->ld_tail;
	if (for_poll && cc(ld, T_VTIME) == 0 && cc(ld, T_VMIN) > 0)
		want = cc(ld, T_VMIN);
	return input_used(ld) >= want;
}

/* A line, or the N first bytes of it. An EOF character ends it and is not part of it, also when it follows the N-th byte. */
static size_t
read_line(struct ldisc *ld, uint8_t *bytes, size_t n)
{
	size_t done = 0;

	while (ld->ld_tail != ld->ld_canon) {
		bool is_end = line_end_at(ld, ld->ld_tail);
		uint8_t c = input_at(ld, ld->ld_tail);

		if (is_end && c == T_DISABLED) {
			line_end_set(ld, ld->ld_tail++, false);
			break;
		}
		if (done == n)
			break;
		bytes[done++] = c;
		line_end_set(ld, ld->ld_tail++, false);
		if (is_end)
			break;
	}
	return done;
}

size_t
ldisc_read(struct ldisc *ld, uint8_t *bytes, size_t n)
{
	uint32_t used = input_used(ld);

	if (n == 0)
		return 0;
	if (reads_lines(ld))
		return read_line(ld, bytes, n);
	if (n > used)
		n = used;
	for (size_t i = 0; i < n; i++)
		bytes[i] = input_at(ld, ld->ld_tail++);
	if (lflag(ld, T_EXTPROC) && lflag(ld, T_ICANON) && n == 1 && bytes[0] == cc(ld, T_VEOF) && input_used(ld) == 0)
		return 0;
	return n;
}

size_t
ldisc_input_count(const struct ldisc *ld)
{
	size_t count;

	if (!lflag(ld, T_ICANON) || lflag(ld, T_EXTPROC))
		return input_used(ld);
	count = ld->ld_canon - ld->ld_tail;
	for (uint32_t at = ld->ld_tail; at != ld->ld_canon; at++)
		if (line_end_at(ld, at) && input_at(ld, at) == T_DISABLED)
			count--;
	return count;
}

/* ---- Settings ---- */

/* Canonical mode was switched: what was typed so far can be read in either mode. */
static void
mode_switched(struct ldisc *ld)
{
	memset(ld->ld_line_end, 0, sizeof ld->ld_line_end);
	if (lflag(ld, T_ICANON) && input_used(ld) > 0) {
		line_end_set(ld, ld->ld_head - 1, true);
		ld->ld_canon = ld->ld_head;
	} else {
		ld->ld_canon = ld->ld_tail;
	}
	ld->ld_erasing = ld->ld_lnext = false;
}

static void
special_canonical(struct ldisc *ld)
{
	bool *special = ld->ld_special;

	special[cc(ld, T_VERASE)] = special[cc(ld, T_VKILL)] = special[cc(ld, T_VEOF)] = special['\n'] = true;
	special[cc(ld, T_VEOL)] = true;
	if (!lflag(ld, T_IEXTEN))
		return;
	special[cc(ld, T_VWERASE)] = special[cc(ld, T_VLNEXT)] = special[cc(ld, T_VEOL2)] = true;
	if (lflag(ld, T_ECHO))
		special[cc(ld, T_VREPRINT)] = true;
}

static void
special_compute(struct ldisc *ld)
{
	bool *special = ld->ld_special;

	memset(special, 0, sizeof ld->ld_special);
	ld->ld_raw = !iflag(ld, T_ISTRIP | T_IUCLC | T_IGNCR | T_ICRNL | T_INLCR | T_IXON | T_PARMRK) &&
		!lflag(ld, T_ICANON | T_ISIG | T_ECHO);
	special['\r'] = iflag(ld, T_IGNCR | T_ICRNL);
	special['\n'] = iflag(ld, T_INLCR);
	if (lflag(ld, T_ICANON))
		special_canonical(ld);
	if (iflag(ld, T_IXON))
		special[cc(ld, T_VSTART)] = special[cc(ld, T_VSTOP)] = true;
	if (lflag(ld, T_ISIG))
		special[cc(ld, T_VINTR)] = special[cc(ld, T_VQUIT)] = special[cc(ld, T_VSUSP)] = true;
	special[T_DISABLED] = false;
}

void
ldisc_set_termios(struct ldisc *ld, const struct tty_termios *t)
{
	uint32_t changed = ld->ld_termios.tt_lflag ^ t->tt_lflag;
	bool had_flow = iflag(ld, T_IXON);

	ld->ld_termios = *t;
	if (changed & (T_ICANON | T_EXTPROC))
		mode_switched(ld);
	special_compute(ld);
	if (had_flow && !iflag(ld, T_IXON) && !ld->ld_program_stopped) {
		output_start(ld);
		ldisc_echo_pending(ld);
	}
}

void
ldisc_init(struct ldisc *ld, const struct ldisc_ops *ops, void *arg, const struct tty_termios *t)
{
	memset(ld, 0, sizeof *ld);
	ld->ld_ops = ops;
	ld->ld_arg = arg;
	ld->ld_termios = *t;
	special_compute(ld);
}
