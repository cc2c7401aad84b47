/*
 * fakeqemu - stands in for QEMU and a guest, to test execio without either.
 *
 * It speaks the guest's side of the exec channel and takes the command as an order what to do:
 *     cat            standard input to standard output, credit given in odd portions
 *     both           "out\n" and "err\n", to be told apart
 *     exit N         exit status N            kill N         as if ended by signal N
 *     args ...       print cwd and argv, one a line
 *     flood N        N records of output      hang           never end
 *     die            close the channel as a crashed emulator does
 * With FAKEQEMU=mute in the environment it never gets ready; with FAKEQEMU=log it sends a log line and dies.
 *
 * usage: fakeqemu ... fd=N ...
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int channel = -1;

static void
bytes_read(void *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t got = read(channel, (char *)data + done, len - done);

		if (got <= 0)
			exit(0);
		done += (size_t)got;
	}
}

static void
record_send(uint8_t type, const void *data, uint32_t len)
{
	uint8_t header[8] = { type, 0, 0, 0, (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16), (uint8_t)(len >> 24) };

	/* In two pieces, so that execio sees incomplete records. */
	if (write(channel, header, 5) != 5 || write(channel, header + 5, 3) != 3 ||
	    (len > 0 && write(channel, data, len) != (ssize_t)len))
		exit(0);
}

static void
word_send(uint8_t type, uint32_t value)
{
	record_send(type, &value, sizeof value);	/* the host of the test is little endian */
}

/* Receive a record of at most SIZE bytes; returns its type. */
static uint8_t
record_receive(void *data, uint32_t size, uint32_t *len)
{
	uint8_t header[8];

	bytes_read(header, sizeof header);
	memcpy(len, header + 4, sizeof *len);
	if (*len > size)
		exit(3);
	bytes_read(data, *len);
	return header[0];
}

static void
cat(void)
{
	static char data[1 << 16];
	uint32_t len, credit = 0, total = 1;

	for (;;) {
		if (credit == 0) {
			credit = total % 40000 + 1;
			word_send(22, credit);
		}
		if (record_receive(data, sizeof data, &len) == 2)
			break;
		if (len > credit || len > 32768)
			word_send(19, 77 << 8);		/* more than was allowed */
		credit -= len;
		total += len;
		record_send(17, data, len);
	}
	word_send(19, 0);
}

static void
flood(int count)
{
	static char data[30000];

	for (int i = 0; i < count; i++) {
		memset(data, 'a' + i % 26, sizeof data);
		record_send(17, data, sizeof data);
	}
	word_send(19, 0);
}

static void
args(uint32_t argc, const char *strings, uint32_t len)
{
	char text[64];

	snprintf(text, sizeof text, "%u\n", argc);
	record_send(17, text, (uint32_t)strlen(text));
	for (const char *s = strings; s < strings + len; s += strlen(s) + 1) {
		record_send(17, s, (uint32_t)strlen(s));
		record_send(17, "\n", 1);
	}
	word_send(19, 0);
}

int
main(int argc, char **argv)
{
	static char command[1 << 16];
	const char *how = getenv("FAKEQEMU"), *word, *next;
	uint32_t len, count;

	for (int i = 1; i < argc; i++)
		if (strstr(argv[i], "fd="))
			channel = atoi(strstr(argv[i], "fd=") + 3);
	if (channel < 0)
		return 2;
	if (how && strcmp(how, "mute") == 0)
		pause();
	if (how && strcmp(how, "log") == 0) {
		record_send(20, "acs: no manifest\n", 17);
		return 0;
	}
	word_send(21, 0);
	if (record_receive(command, sizeof command, &len) != 3)
		return 3;
	memcpy(&count, command, sizeof count);
	word = command + 4 + strlen(command + 4) + 1;
	next = word + strlen(word) + 1;
	if (strcmp(word, "cat") == 0) {
		cat();
	} else if (strcmp(word, "both") == 0) {
		record_send(17, "out\n", 4);
		record_send(18, "err\n", 4);
		word_send(19, 0);
	} else if (strcmp(word, "exit") == 0) {
		word_send(19, (uint32_t)atoi(next) << 8);
	} else if (strcmp(word, "kill") == 0) {
		word_send(19, (uint32_t)atoi(next));
	} else if (strcmp(word, "args") == 0) {
		args(count, command + 4, len - 4);
	} else if (strcmp(word, "flood") == 0) {
		flood(atoi(next));
	} else if (strcmp(word, "die") == 0) {
		return 1;
	}
	pause();
	return 0;
}
