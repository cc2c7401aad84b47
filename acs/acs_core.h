/*
 * acs_core.h - the parts of ACS that make no Mach call: they are tested on the host.
 *
 * Every structure here has a fixed size: ACS is the one task that must not run out of memory when others misbehave.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ACS_CORE_H
#define ACS_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACS_NAME_MAX	64	/* bytes of a name, with its NUL */
#define ACS_PATH_MAX	256	/* bytes of an image's path, with its NUL */
#define ACS_SERVERS_MAX	64
#define ACS_NAMES_MAX	256
#define ACS_WORDS_BYTES	768
#define ACS_ERROR_MAX	160

/* Is TEXT[0..LEN) a name: 1 to 63 of letters, digits, '.', '-', '_'? */
bool acs_name_valid(const char *text, size_t len);

/* ---- A list of words in one piece of memory ---- */

struct acs_words {
	uint16_t	wo_count;
	uint16_t	wo_used;
	char		wo_text[ACS_WORDS_BYTES];	/* each word with its NUL */
};

/* Errors: false, no room. */
bool acs_words_add(struct acs_words *w, const char *word, size_t len);
/* The word after WORD, the first for NULL; NULL after the last. */
const char *acs_words_next(const struct acs_words *w, const char *word);
bool acs_words_has(const struct acs_words *w, const char *word);
/* Is NAME one of the words, or the beginning of one that ends in '*'? */
bool acs_words_match(const struct acs_words *w, const char *name);

/* ---- The manifest: what ACS is told about each server (acs.conf, and `acsctl add') ---- */

enum acs_class { ACS_ESSENTIAL, ACS_RESTART, ACS_ONCE };

#define ACS_RIGHT_HOST		0x01	/* the host's privileged port */
#define ACS_RIGHT_DEVICE	0x02	/* the device master port */
#define ACS_RIGHT_BOOTFS	0x04	/* the task that holds the boot archive */
#define ACS_RIGHT_ADDFS		0x08	/* the one that holds the archive of added files */
#define ACS_RIGHT_LOOKUP	0x10	/* the bootstrap port for Unix processes */

#define ACS_RESTARTS_DEFAULT	5
#define ACS_PRIORITY_DEFAULT	10

struct acs_spec {
	char		sp_name[ACS_NAME_MAX];
	char		sp_image[ACS_PATH_MAX];
	enum acs_class	sp_class;
	uint32_t	sp_rights;		/* ACS_RIGHT_* */
	uint32_t	sp_restarts;		/* failures in a row after which it is given up */
	uint32_t	sp_priority;		/* of its threads: 0 (first) to 63 */
	bool		sp_wired;		/* others wait for it when memory is short: its image and its task stay in memory */
	uint32_t	sp_line;		/* of the manifest; 0: added later */
	struct acs_words sp_args;		/* argv[1]... */
	struct acs_words sp_registers;		/* names it may register; those without '*' are declared */
	struct acs_words sp_uses;		/* names it may look up */
	struct acs_words sp_public;		/* names it registers that Unix processes may look up */
	struct acs_words sp_modes;		/* boot modes it is started in; none: all */
};

struct acs_manifest {
	unsigned int	ma_count;
	struct acs_words ma_groups;		/* names that several servers may register */
	struct acs_spec	ma_spec[ACS_SERVERS_MAX];
};

/* What is wrong and where: "acs.conf:12: ...". */
struct acs_error { char er_text[ACS_ERROR_MAX]; };

/* Always false, so that a check can end with `return acs_error_set(...)'; a message that is too long is cut. */
bool acs_error_set(struct acs_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void acs_spec_init(struct acs_spec *spec, const char *name);
/* One directive of a stanza: KEY and its COUNT words. Errors: false, ERR says what. */
bool acs_spec_set(struct acs_spec *spec, const char *key, char *const *word, unsigned int count, struct acs_error *err);
/* Does MODE (the boot option) start this server? */
bool acs_spec_in_mode(const struct acs_spec *spec, const char *mode);
const char *acs_class_name(enum acs_class cls);
uint32_t acs_right_bit(const char *name);	/* 0: there is no such right */
/* Parse a whole manifest; SOURCE is its name for messages. Errors: false, ERR says what; the manifest is not to be used. */
bool acs_manifest_parse(struct acs_manifest *m, const char *source, const char *text, size_t size, struct acs_error *err);

/* ---- Names and who serves them ---- */

struct acs_name {
	char		na_name[ACS_NAME_MAX];	/* "" when the slot is free */
	uint32_t	na_service;		/* send right, owned by the entry */
	uint32_t	na_owner;		/* id of the server that registered it */
	uint32_t	na_served;		/* when it was last picked from its group */
};

struct acs_names {
	struct acs_name	nt_name[ACS_NAMES_MAX];
	uint32_t	nt_clock;
};

enum acs_names_result { ACS_NAMES_OK, ACS_NAMES_EXISTS, ACS_NAMES_FULL };

/* Enter NAME. With GROUP several owners may have it, each once. Rights: the entry owns SERVICE on success. */
enum acs_names_result acs_names_insert(struct acs_names *t, const char *name, uint32_t service, uint32_t owner, bool group);
/* An entry called NAME, of a group the one that was not picked for longest; NULL without. */
struct acs_name *acs_names_find(struct acs_names *t, const char *name);
/* The entry called NAME of OWNER. */
struct acs_name *acs_names_find_owned(struct acs_names *t, const char *name, uint32_t owner);
/* The next entry after PREVIOUS (NULL: the first) that is in use. */
struct acs_name *acs_names_next(struct acs_names *t, const struct acs_name *previous);
bool acs_names_has_service(struct acs_names *t, uint32_t service);
void acs_names_free(struct acs_name *entry);

/* ---- When to bring a server back ---- */

#define ACS_STABLE_NS	60000000000ull	/* who ran this long has no failures any more */
#define ACS_WORKED_NS	500000000ull	/* who was ready for this long did its work: it is brought back at once, ... */
#define ACS_WORKED_MAX	50u		/* ... but no more than this many times for each failure that it may have */
#define ACS_DELAY_FIRST	100000000ull
#define ACS_DELAY_MAX	10000000000ull

struct acs_backoff {
	uint32_t	bo_failures;	/* in a row, of instances that did not work */
	uint32_t	bo_deaths;	/* all since one was stable */
};

/* A server that was ready for RAN_NS died. Answers whether to start it again, and in how long. */
bool acs_backoff_next(struct acs_backoff *b, uint32_t restarts, uint64_t ran_ns, uint64_t *delay_ns);

/* ---- The boot archive (cpio "newc") ---- */

struct acs_file {
	const char	*fi_name;	/* as in the archive: no leading '/' */
	size_t		fi_name_len;
	size_t		fi_offset;	/* of the data in the archive */
	size_t		fi_size;
	uint32_t	fi_mode;
};

/* The entry at *OFFSET; moves *OFFSET to the next. Errors: false, the end or not an archive from there on. */
bool acs_cpio_next(const void *archive, size_t size, size_t *offset, struct acs_file *file);
/* The last regular file called PATH ("/a/b"). Errors: false */
bool acs_cpio_find(const void *archive, size_t size, const char *path, size_t path_len, struct acs_file *file);

/* ---- ELF images of servers ---- */

#define ACS_SEGMENTS_MAX 8
#define ACS_PAGE	4096u
#define ACS_USER_LOW	0x00010000u	/* servers' images lie between these */
#define ACS_USER_HIGH	0xb0000000u

struct acs_segment {
	uint32_t	se_address;	/* whole pages */
	uint32_t	se_pages_size;	/* bytes of the region, whole pages */
	uint32_t	se_offset;	/* where in the file the region begins, whole pages */
	uint32_t	se_file_size;	/* bytes from there that come from the file; the rest is zero */
	bool		se_write;
	bool		se_execute;
};

struct acs_image {
	uint32_t	im_entry;
	unsigned int	im_count;
	struct acs_segment im_segment[ACS_SEGMENTS_MAX];
};

/* Check an image of SIZE bytes and say what to map where. Errors: NULL when it is good, else what is wrong. */
const char *acs_elf_check(const void *data, size_t size, struct acs_image *image);

/* The first words of a server's stack: argc, argv, an empty environment, and the strings, for a stack that ends at TOP.
 * BUFFER is what the last SIZE bytes of the stack shall be. Answers the stack pointer, 0 when they do not fit. */
uint32_t acs_stack_build(char *buffer, size_t size, uint32_t top, const char *name, const struct acs_words *args);

/* ---- The log ring ---- */

#define ACS_LOG_BYTES	(128 * 1024)
#define ACS_LOG_TEXT	1000		/* longer lines are cut */

struct acs_log_ring {
	uint32_t	lr_head;	/* offset of the next record */
	uint32_t	lr_tail;	/* offset of the oldest record */
	uint32_t	lr_first;	/* sequence number of the oldest record */
	uint32_t	lr_next;	/* of the next one */
	unsigned char	lr_bytes[ACS_LOG_BYTES];
};

struct acs_log_cursor { uint32_t lc_seq, lc_offset; };

struct acs_log_line {
	uint32_t	ll_seq;
	uint32_t	ll_level;
	uint64_t	ll_ms;		/* since the kernel started */
	char		ll_from[ACS_NAME_MAX];
	char		ll_text[ACS_LOG_TEXT + 1];
};

/* Fill LINE from what a server sent: cut to what fits, bytes that are not printable become '?', newlines at the end go. */
void acs_log_make(struct acs_log_line *line, uint64_t ms, uint32_t level, const char *from, const char *text, size_t len);
/* Append LINE, whose number is set. */
void acs_log_put(struct acs_log_ring *r, struct acs_log_line *line);
/* The line at the cursor (a zeroed one is at the oldest), which moves on; lines that are lost are skipped. Errors: false, no
 * more yet. */
bool acs_log_get(const struct acs_log_ring *r, struct acs_log_cursor *c, struct acs_log_line *line);
/* The line as people read it, with a newline; answers its length. */
size_t acs_log_format(const struct acs_log_line *line, char *out, size_t size);

/* ---- Commands of /dev/acs ---- */

#define ACS_LINE_MAX	2048
#define ACS_IMAGE_MAX	(64u << 20)

enum acs_verb {
	ACS_CMD_LIST, ACS_CMD_NAMES, ACS_CMD_STATS, ACS_CMD_LOG, ACS_CMD_ADD, ACS_CMD_REMOVE, ACS_CMD_RESTART, ACS_CMD_KILL,
	ACS_CMD_FORGET, ACS_CMD_HALT, ACS_CMD_REBOOT
};

struct acs_command {
	enum acs_verb	cm_verb;
	char		cm_name[ACS_NAME_MAX];
	uint32_t	cm_size;	/* bytes of the image that follow */
	struct acs_spec	cm_spec;	/* of ADD */
};

/* Take LINE (NUL-terminated, without newline; it is cut into words) apart. Errors: false, ERR says what. */
bool acs_command_parse(char *line, struct acs_command *cmd, struct acs_error *err);

#endif /* ACS_CORE_H */
