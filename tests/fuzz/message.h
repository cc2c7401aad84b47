/*
 * message.h - messages for the fuzzer to send: the layouts of all routines, and random arguments.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef FUZZ_MESSAGE_H
#define FUZZ_MESSAGE_H

#include "sim.h"

struct fuzz_routine {
	const char	*ro_subsystem, *ro_name;
	int		ro_id;
	const char	*ro_in, *ro_out;	/* a letter for each argument: see routines.awk */
	bool		ro_simple;
};

extern const struct fuzz_routine fuzz_routines[];	/* generated; ends with a null name */
const struct fuzz_routine *fuzz_routine_find(int id);

#define BODY_MAX	15000u

struct fuzz_body {
	char		bo_data[BODY_MAX + 16384];
	size_t		bo_size;
	bool		bo_complex;
};

/* Where rights in a message come from: a port (with a right made for the message), or NULL. */
typedef struct sim_port *fuzz_port_source_t(char letter);

/* Random arguments as LAYOUT wants them; now and then something else when WILD. */
void fuzz_body_make(struct fuzz_body *b, const char *layout, fuzz_port_source_t *source, bool wild);
/* One out-of-line argument, which is taken. */
void fuzz_body_memory(struct fuzz_body *b, void *memory, size_t bytes);
/* A return code, before the arguments of a reply. */
void fuzz_body_code(struct fuzz_body *b, int code);
/* Is BODY, after its return code, what LAYOUT says? Remembers numbers and names in it for later requests. */
bool fuzz_body_check(const char *body, size_t size, const char *layout);

/* 0 to N - 1; N 0: any number. */
uint32_t fuzz_random(uint32_t n);
bool fuzz_chance(unsigned int one_in);

/* Words that make sense to the server under test: names and numbers. NULL-terminated. */
extern const char *const fuzz_words[];
extern const uint32_t fuzz_numbers[];
extern const unsigned int fuzz_nnumbers;

#endif /* FUZZ_MESSAGE_H */
