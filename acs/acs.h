/*
 * acs.h - what the Mach side of ACS shares.
 *
 * Life-cycle changes (start, death, commands) are made under acs_lock, because they park in kernel RPCs half-way. The table of
 * names is consistent at every point where a fibril may park and needs no lock.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ACS_H
#define ACS_H

#include "acs_core.h"

#include <masix/mach.h>
#include <masix/server.h>

#define ACS_SELF	1u		/* the id under which ACS registers its own names */
#define ACS_WATCHES_MAX	128
#define ACS_NAME_WAIT_NS 10000000000ull	/* how long a look-up waits for a name after its server was ready */
#define ACS_STOP_NAME	"acs.shutdown"	/* who watches it is told before the system stops */

enum acs_state {
	ACS_FREE,		/* the slot is not used */
	ACS_DOWN,		/* not started yet, or between two lives */
	ACS_STARTING,		/* its task runs, it is not ready yet */
	ACS_RUNNING,
	ACS_ENDED,		/* class once: it ended */
	ACS_FAILED		/* given up */
};

/* What its death shall lead to when somebody ordered it. */
enum acs_intent { ACS_KEEP, ACS_WANT_RESTART, ACS_WANT_REMOVE };

struct acs_server {
	struct acs_spec	sv_spec;
	enum acs_state	sv_state;
	enum acs_intent	sv_intent;
	uint32_t	sv_id;			/* of the present or last instance; never used twice */
	uint32_t	sv_restarts;		/* how often it was brought back */
	const char	*sv_wired;		/* where its image stays in memory; NULL: it may go */
	size_t		sv_wired_size;
	uint64_t	sv_started_ns;
	uint64_t	sv_ready_ns;
	struct acs_backoff sv_backoff;
	struct mx_timer	*sv_timer;		/* brings it back */
	mach_port_t	sv_task;		/* send right while an instance lives */
	struct acs_door	*sv_door;		/* its bootstrap port */
	struct acs_guard *sv_guard;		/* its exception port */
	void		*sv_image;		/* of `acsctl add', own pages; NULL: the boot archive's */
	size_t		sv_image_size;
	bool		sv_forgotten;		/* the image was taken away */
	bool		sv_done;		/* it said that it has nothing to do */
	struct acs_error sv_error;		/* why it could not be started */
};

/* A bootstrap port: its holder is the instance it was made for, or with do_server NULL and do_public a Unix process. */
struct acs_door {
	struct mx_object do_object;
	struct acs_server *do_server;		/* NULL once the instance is dead */
	uint32_t	do_id;
	bool		do_public;
};

struct acs_guard {
	struct mx_object gu_object;
	struct acs_server *gu_server;
};

/* ---- acs_boot.c: what the boot loader gave ---- */

extern mach_port_t acs_host_priv, acs_device_master, acs_bootfs_task, acs_addfs_task;

kern_return_t acs_boot_take(int argc, char **argv);
const char *acs_option(const char *key);
/* A file of the archives, in memory that stays. An added file replaces one of the system's. Errors: MX_ENOENT */
kern_return_t acs_boot_find(const char *path, size_t len, const char **data, size_t *size);
/* Keep the SIZE bytes at DATA, an image, in memory. */
kern_return_t acs_boot_wire(const char *data, size_t size);

/* ---- acs_task.c: a server's task ---- */

extern mach_port_t acs_processor_set;	/* control port of the one that everything runs in */
kern_return_t acs_task_setup(void);
/* Make a task from a checked image. Rights: TASK is the caller's.
 * Errors: what the kernel said; nothing is left behind */
kern_return_t acs_task_create(const struct acs_spec *spec, const char *data, size_t size, struct acs_door *door,
	struct acs_guard *guard, mach_port_t *task, mach_port_t *thread, struct acs_error *err);
/* End TASK, whose death is noticed as any other. */
void acs_task_end(mach_port_t task);
/* The exception port of a server. Errors: NULL */
struct acs_guard *acs_guard_create(struct acs_server *sv);

/* ---- acs_life.c: start, death, return ---- */

extern struct acs_server acs_servers[ACS_SERVERS_MAX];
extern struct mx_mutex acs_lock;
extern struct mx_cond acs_changed;	/* broadcast whenever a state or a name changed */

struct acs_server *acs_server_by_id(uint32_t id);
bool acs_server_alive(const struct acs_server *sv);
const char *acs_state_name(const struct acs_server *sv);
/* Wait until instance ID of SV is dead. Errors: false, it lives after LIMIT_NS */
bool acs_death_wait(const struct acs_server *sv, uint32_t id, uint64_t limit_ns);
/* Is NAME declared by a server that is up or will be? DEADLINE_NS is until when it is worth waiting for: a server that is ready
 * registers what is missing soon or never. */
bool acs_name_declared(const char *name, uint64_t *deadline_ns);
void acs_life_start_all(const struct acs_manifest *m);
void acs_life_ready(struct acs_server *sv, bool ok, const char *text, size_t len);
/* Rights: *IMAGE (mx_pages_alloc) is taken and set to NULL once the server was started, whatever becomes of it.
 * Blocks: until it is ready, dead (then it is not kept) or slow (then it is). */
kern_return_t acs_life_add(const struct acs_spec *spec, void **image, size_t size, struct acs_error *err);
kern_return_t acs_life_remove(const char *name, struct acs_error *err);
kern_return_t acs_life_restart(const char *name, struct acs_error *err);
kern_return_t acs_life_kill(const char *name, struct acs_error *err);
kern_return_t acs_life_forget(const char *name, struct acs_error *err);

/* ---- acs_stop.c: the end ---- */

enum acs_end { ACS_HALT, ACS_REBOOT };

extern bool acs_stopping;
/* Order every server to save and end, end those that do not, then halt or reboot: on a fibril of its own, once. */
void acs_stop(enum acs_end end, const char *why);
/* Now. For when there is no system to stop. */
void acs_power_now(enum acs_end end) __attribute__((noreturn));

/* ---- acs_crash.c ---- */

kern_return_t acs_crash_setup(void);

/* ---- acs_rpc.c: names ---- */

extern struct mx_class acs_door_class;
extern struct acs_names acs_names;

struct acs_door *acs_door_create(struct acs_server *sv, bool is_public);
/* Register a name of ACS itself. */
kern_return_t acs_names_register_own(const char *name, struct mx_object *obj);
/* An instance died: its names and watches go. */
void acs_names_lose(uint32_t id);
void acs_groups_set(const struct acs_words *groups);
/* Tell the watcher of ACS_STOP_NAME of instance ID. Errors: false, it does not watch */
bool acs_watch_stop(uint32_t id);
/* The tables as text; answers the length, which is less than SIZE. */
size_t acs_list_servers(char *text, size_t size);
size_t acs_list_names(char *text, size_t size);

/* Append to the N bytes of TEXT, never more than there is room for. */
#define ACS_APPEND(text, n, size, ...) do { \
	int appended = snprintf((text) + (n), (size) - (n), __VA_ARGS__); \
	(n) += appended < 0 ? 0 : (size_t)appended < (size) - (n) ? (size_t)appended : (size) - (n) - 1; \
} while (0)

/* ---- acs_stats.c ---- */

/* What servers and system hold, as text; answers the length, which is less than SIZE. */
size_t acs_stats_list(char *text, size_t size);

/* ---- acs_log.c ---- */

extern struct acs_log_ring acs_ring;

void acs_log_setup(void);
void acs_log_line(uint32_t level, const char *from, const char *text, size_t len);

/* ---- acs_control.c: /dev/acs and /dev/acslog ---- */

kern_return_t acs_control_setup(void);

#endif /* ACS_H */
