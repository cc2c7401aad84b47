/*
 * acs_life.c - servers' lives: start, readiness, death, return.
 *
 * The only thing that says that a server is dead is the kernel (a dead-name notification on its task port); whoever wants it dead,
 * ACS included, terminates the task and leaves the rest to died(). What shall come after is decided there, once.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs.h"

#include <mach.h>
#include <string.h>

#define END_TIME_NS	2000000000ull	/* a task that was ended is gone by then */
#define READY_WAIT_NS	10000000000ull	/* how long a command waits for a server to be up */

struct acs_server acs_servers[ACS_SERVERS_MAX];
struct mx_mutex acs_lock;
struct mx_cond acs_changed;
static uint32_t last_id = ACS_SELF;

static void server_died(void *arg, mach_port_t task);
static void server_return(void *arg);

/* ---- Looking at servers ---- */

static struct acs_server *
acs_server_find(const char *name)
{
	for (unsigned int i = 0; i < ACS_SERVERS_MAX; i++)
		if (acs_servers[i].sv_state != ACS_FREE && strcmp(acs_servers[i].sv_spec.sp_name, name) == 0)
			return &acs_servers[i];
	return NULL;
}

struct acs_server *
acs_server_by_id(uint32_t id)
{
	for (unsigned int i = 0; i < ACS_SERVERS_MAX; i++)
		if (acs_servers[i].sv_state != ACS_FREE && acs_servers[i].sv_id == id)
			return &acs_servers[i];
	return NULL;
}

bool
acs_server_alive(const struct acs_server *sv)
{
	return sv->sv_task != MACH_PORT_NULL;
}

const char *
acs_state_name(const struct acs_server *sv)
{
	static const char *const name[] = { "free", "down", "starting", "running", "ended", "failed" };

	return name[sv->sv_state];
}

bool
acs_name_declared(const char *name, uint64_t *deadline_ns)
{
	bool found = false;

	*deadline_ns = 0;
	for (unsigned int i = 0; i < ACS_SERVERS_MAX; i++) {
		const struct acs_server *sv = &acs_servers[i];
		uint64_t deadline = sv->sv_state == ACS_RUNNING ? sv->sv_ready_ns + ACS_NAME_WAIT_NS : UINT64_MAX;

		if ((sv->sv_state == ACS_DOWN || sv->sv_state == ACS_STARTING || sv->sv_state == ACS_RUNNING) &&
		    acs_words_has(&sv->sv_spec.sp_registers, name)) {
			found = true;
			if (deadline > *deadline_ns)
				*deadline_ns = deadline;
		}
	}
	return found;
}

static void
state_set(struct acs_server *sv, enum acs_state state)
{
	sv->sv_state = state;
	mx_cond_broadcast(&acs_changed);
}

/* ---- Start ---- */

static kern_return_t
image_find(const struct acs_server *sv, const char **data, size_t *size, struct acs_error *err)
{
	const char *path = sv->sv_spec.sp_image;

	if (sv->sv_forgotten) {
		(void)acs_error_set(err, "its image was removed");
		return MX_ENOENT;
	}
	if (sv->sv_wired) {		/* to look into the archive may need a page that is on the very disk */
		*data = sv->sv_wired;
		*size = sv->sv_wired_size;
		return KERN_SUCCESS;
	}
	if (sv->sv_image) {
		*data = sv->sv_image;
		*size = sv->sv_image_size;
		return KERN_SUCCESS;
	}
	if (acs_boot_find(path, strlen(path), data, size) != KERN_SUCCESS) {
		(void)acs_error_set(err, "there is no image %s in the boot archive", path);
		return MX_ENOENT;
	}
	return KERN_SUCCESS;
}

static void
image_wire(struct acs_server *sv, const char *data, size_t size)
{
	if (sv->sv_wired)
		return;
	if (acs_boot_wire(data, size) != KERN_SUCCESS) {
		mx_log(MX_LOG_WARNING, "%s: its image does not stay in memory", sv->sv_spec.sp_name);
		return;
	}
	sv->sv_wired = data;
	sv->sv_wired_size = size;
}

static kern_return_t
instance_create(struct acs_server *sv, const char *data, size_t size, mach_port_t *thread, struct acs_error *err)
{
	mach_port_t task;
	kern_return_t kr;

	if (!sv->sv_guard)
		sv->sv_guard = acs_guard_create(sv);
	sv->sv_door = acs_door_create(sv, false);
	if (!sv->sv_guard || !sv->sv_door) {
		(void)acs_error_set(err, "no memory");
		return KERN_RESOURCE_SHORTAGE;
	}
	kr = acs_task_create(&sv->sv_spec, data, size, sv->sv_door, sv->sv_guard, &task, thread, err);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = mx_on_dead_name(task, server_died, sv);
	if (kr == KERN_SUCCESS) {
		sv->sv_task = task;
		return KERN_SUCCESS;
	}
	(void)acs_error_set(err, "its death could not be watched");
	(void)syscall_task_terminate(task);
	mx_port_release(task);
	mx_port_release(*thread);
	return kr;
}

static void
door_close(struct acs_server *sv)
{
	if (!sv->sv_door)
		return;
	sv->sv_door->do_server = NULL;
	mx_object_release(&sv->sv_door->do_object);
	sv->sv_door = NULL;
}

/* Bring up an instance of SV, which has none. Locks: acs_lock. Errors: SV is as before */
static kern_return_t
server_start(struct acs_server *sv, struct acs_error *err)
{
	const char *data;
	size_t size;
	mach_port_t thread;
	kern_return_t kr;

	sv->sv_id = ++last_id;
	sv->sv_intent = ACS_KEEP;
	sv->sv_done = false;
	kr = image_find(sv, &data, &size, err);
	if (kr == KERN_SUCCESS && sv->sv_spec.sp_wired)
		image_wire(sv, data, size);
	if (kr == KERN_SUCCESS)
		kr = instance_create(sv, data, size, &thread, err);
	if (kr != KERN_SUCCESS) {
		door_close(sv);
		return kr;
	}
	sv->sv_started_ns = mx_now_ns();
	state_set(sv, ACS_STARTING);
	(void)thread_resume(thread);
	mx_port_release(thread);
	return KERN_SUCCESS;
}

/* What follows when essential SV is lost. One that never was up would be lost again after each reboot, for ever. */
static enum acs_end
end_choose(const struct acs_server *sv)
{
	return sv->sv_ready_ns == 0 || strcmp(acs_option("failure"), "halt") == 0 ? ACS_HALT : ACS_REBOOT;
}

/* SV will not be there any more. */
static void
server_give_up(struct acs_server *sv, const char *why)
{
	(void)acs_error_set(&sv->sv_error, "%s", why);
	mx_log(MX_LOG_ERROR, "%s: given up: %s", sv->sv_spec.sp_name, why);
	state_set(sv, ACS_FAILED);
	if (sv->sv_spec.sp_class == ACS_ESSENTIAL)
		acs_stop(end_choose(sv), "an essential server is lost");
}

void
acs_life_start_all(const struct acs_manifest *m)
{
	const char *mode = acs_option("mode");
	struct acs_error err;
	unsigned int n = 0;

	for (unsigned int i = 0; i < m->ma_count; i++) {
		if (!acs_spec_in_mode(&m->ma_spec[i], mode))
			continue;
		acs_servers[n].sv_spec = m->ma_spec[i];
		acs_servers[n++].sv_state = ACS_DOWN;
	}
	mx_mutex_lock(&acs_lock);
	for (unsigned int i = 0; i < n; i++)
		if (server_start(&acs_servers[i], &err) != KERN_SUCCESS)
			server_give_up(&acs_servers[i], err.er_text);
	mx_mutex_unlock(&acs_lock);
}

void
acs_life_ready(struct acs_server *sv, bool ok, const char *text, size_t len)
{
	if (!ok) {
		(void)acs_error_set(&sv->sv_error, "%.*s", (int)strnlen(text, len), text);
		return;
	}
	sv->sv_error.er_text[0] = '\0';
	sv->sv_done = len > 0;
	if (sv->sv_done)
		mx_log(MX_LOG_DEBUG, "%s: %.*s", sv->sv_spec.sp_name, (int)strnlen(text, len), text);
	mx_log(MX_LOG_DEBUG, "%s: ready after %lu ms", sv->sv_spec.sp_name,
		(unsigned long)((mx_now_ns() - sv->sv_started_ns) / 1000000));
	sv->sv_ready_ns = mx_now_ns();
	if (sv->sv_state == ACS_STARTING)
		state_set(sv, ACS_RUNNING);
}

/* ---- Death ---- */

/* The slot of SV is to be used again. Locks: acs_lock */
static void
server_free(struct acs_server *sv)
{
	if (sv->sv_guard) {
		sv->sv_guard->gu_server = NULL;
		mx_object_release(&sv->sv_guard->gu_object);
	}
	if (sv->sv_timer)
		mx_timer_destroy(sv->sv_timer);
	if (sv->sv_image)
		mx_pages_free(sv->sv_image, (sv->sv_image_size + ACS_PAGE - 1) & ~(size_t)(ACS_PAGE - 1));
	memset(sv, 0, sizeof *sv);
	mx_cond_broadcast(&acs_changed);
}

/* Start it now; what cannot be started is given up. Locks: acs_lock */
static void
server_again(struct acs_server *sv)
{
	struct acs_error err;

	sv->sv_restarts++;
	if (server_start(sv, &err) != KERN_SUCCESS)
		server_give_up(sv, err.er_text);
}

/* Why SV, which died once more than it may, is given up. */
static void
death_explain(const struct acs_server *sv, struct acs_error *why)
{
	if (sv->sv_error.er_text[0] != '\0')
		*why = sv->sv_error;
	else if (sv->sv_spec.sp_restarts == 0)
		(void)acs_error_set(why, "it died, and cannot be brought back");
	else if (sv->sv_backoff.bo_failures >= sv->sv_spec.sp_restarts)
		(void)acs_error_set(why, "it died %u times in a row", (unsigned int)sv->sv_spec.sp_restarts + 1);
	else
		(void)acs_error_set(why, "it died %u times and had no minute of peace", (unsigned int)sv->sv_backoff.bo_deaths + 1);
}

/* Nobody ordered it: what the manifest says. Locks: acs_lock */
static void
server_mourn(struct acs_server *sv)
{
	struct acs_error why;
	uint64_t ran = sv->sv_ready_ns >= sv->sv_started_ns ? mx_now_ns() - sv->sv_ready_ns : 0, delay;

	if (sv->sv_spec.sp_class == ACS_ONCE || sv->sv_done) {
		state_set(sv, sv->sv_error.er_text[0] == '\0' ? ACS_ENDED : ACS_FAILED);
		return;
	}
	if (!acs_backoff_next(&sv->sv_backoff, sv->sv_spec.sp_restarts, ran, &delay)) {
		death_explain(sv, &why);
		server_give_up(sv, why.er_text);
		return;
	}
	mx_log(MX_LOG_WARNING, "%s: died, start it again in %lu ms", sv->sv_spec.sp_name, (unsigned long)(delay / 1000000));
	if (delay > 0 && !sv->sv_timer)
		sv->sv_timer = mx_timer_create(server_return, sv);
	if (delay > 0 && sv->sv_timer)
		mx_timer_set(sv->sv_timer, mx_now_ns() + delay);
	else
		server_again(sv);
}

/* The delay is over. */
static void
server_return(void *arg)
{
	struct acs_server *sv = arg;

	mx_mutex_lock(&acs_lock);
	if (sv->sv_state == ACS_DOWN && !acs_stopping)
		server_again(sv);
	mx_mutex_unlock(&acs_lock);
}

/* The kernel says that the task is gone. */
static void
server_died(void *arg, mach_port_t task)
{
	struct acs_server *sv = arg;

	mx_mutex_lock(&acs_lock);
	if (sv->sv_task == task) {
		sv->sv_task = MACH_PORT_NULL;
		door_close(sv);
		acs_names_lose(sv->sv_id);
		state_set(sv, ACS_DOWN);
		if (acs_stopping)
			;		/* acs_stop waits for this and nothing else */
		else if (sv->sv_intent == ACS_WANT_REMOVE)
			server_free(sv);
		else if (sv->sv_intent == ACS_WANT_RESTART)
			server_again(sv);
		else
			server_mourn(sv);
	}
	mx_mutex_unlock(&acs_lock);
	mx_port_release(task);
}

bool
acs_death_wait(const struct acs_server *sv, uint32_t id, uint64_t limit_ns)
{
	uint64_t deadline = mx_now_ns() + limit_ns;

	while (acs_server_alive(sv) && sv->sv_id == id)
		if (mx_cond_wait_until(&acs_changed, deadline) != KERN_SUCCESS)
			return !acs_server_alive(sv) || sv->sv_id != id;
	return true;
}

/* ---- Commands ---- */

/* Wait until instance ID of SV (whose slot may be used by another meanwhile) is up. */
static kern_return_t
ready_wait(struct acs_server *sv, uint32_t id, struct acs_error *err)
{
	uint64_t deadline = mx_now_ns() + READY_WAIT_NS;

	for (;;) {
		if (sv->sv_id == id && sv->sv_state == ACS_RUNNING)
			return KERN_SUCCESS;
		if (sv->sv_id == id && sv->sv_state == ACS_ENDED)
			return KERN_SUCCESS;
		if (sv->sv_id != id || sv->sv_state != ACS_STARTING) {
			(void)acs_error_set(err, "it died before it was ready%s%s (see acsctl log)",
				sv->sv_error.er_text[0] ? ": " : "", sv->sv_error.er_text);
			return MX_EIO;
		}
		if (mx_cond_wait_until(&acs_changed, deadline) != KERN_SUCCESS) {
			(void)acs_error_set(err, "it is not ready after %u s; it goes on starting",
				(unsigned int)(READY_WAIT_NS / 1000000000));
			return MX_ETIMEDOUT;
		}
	}
}

static struct acs_server *
named(const char *name, struct acs_error *err)
{
	struct acs_server *sv = acs_server_find(name);

	if (!sv)
		(void)acs_error_set(err, "there is no server '%s'", name);
	return sv;
}

static kern_return_t
add_locked(const struct acs_spec *spec, void *image, size_t size, struct acs_server **added, struct acs_error *err)
{
	struct acs_server *sv = acs_servers;
	kern_return_t kr;

	if (acs_server_find(spec->sp_name)) {
		(void)acs_error_set(err, "there is a server '%s' already", spec->sp_name);
		return MX_EEXIST;
	}
	while (sv < acs_servers + ACS_SERVERS_MAX && sv->sv_state != ACS_FREE)
		sv++;
	if (sv == acs_servers + ACS_SERVERS_MAX) {
		(void)acs_error_set(err, "there are %d servers already", ACS_SERVERS_MAX);
		return MX_ENFILE;
	}
	memset(sv, 0, sizeof *sv);
	sv->sv_spec = *spec;
	sv->sv_state = ACS_DOWN;
	sv->sv_image = image;
	sv->sv_image_size = size;
	kr = server_start(sv, err);
	if (kr != KERN_SUCCESS) {
		sv->sv_image = NULL;		/* stays the caller's */
		server_free(sv);
		return kr;
	}
	*added = sv;
	return KERN_SUCCESS;
}

kern_return_t
acs_life_add(const struct acs_spec *spec, void **image, size_t size, struct acs_error *err)
{
	struct acs_server *sv = NULL;
	struct acs_error ignored;
	uint32_t id = 0;
	kern_return_t kr;

	mx_mutex_lock(&acs_lock);
	kr = add_locked(spec, *image, size, &sv, err);
	if (kr == KERN_SUCCESS) {
		*image = NULL;
		id = sv->sv_id;
	}
	mx_mutex_unlock(&acs_lock);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = ready_wait(sv, id, err);
	if (kr == MX_EIO && sv->sv_spec.sp_class != ACS_ESSENTIAL)
		(void)acs_life_remove(spec->sp_name, &ignored);
	return kr;
}

kern_return_t
acs_life_remove(const char *name, struct acs_error *err)
{
	struct acs_server *sv;
	uint32_t id;

	mx_mutex_lock(&acs_lock);
	sv = named(name, err);
	if (sv && sv->sv_spec.sp_class == ACS_ESSENTIAL) {
		(void)acs_error_set(err, "%s is essential: the system cannot be without it", name);
		sv = NULL;
	}
	if (!sv) {
		mx_mutex_unlock(&acs_lock);
		return MX_EINVAL;
	}
	id = sv->sv_id;
	if (acs_server_alive(sv)) {
		sv->sv_intent = ACS_WANT_REMOVE;
		acs_task_end(sv->sv_task);
	} else {
		server_free(sv);
	}
	mx_mutex_unlock(&acs_lock);
	while (sv->sv_state != ACS_FREE && sv->sv_id == id)
		mx_cond_wait(&acs_changed);
	return KERN_SUCCESS;
}

kern_return_t
acs_life_restart(const char *name, struct acs_error *err)
{
	struct acs_server *sv;
	uint32_t id;

	mx_mutex_lock(&acs_lock);
	sv = named(name, err);
	if (sv && acs_server_alive(sv) && sv->sv_spec.sp_class == ACS_ESSENTIAL && sv->sv_spec.sp_restarts == 0) {
		(void)acs_error_set(err, "%s cannot be brought back: it would end the system (use reboot)", name);
		sv = NULL;
	}
	if (!sv) {
		mx_mutex_unlock(&acs_lock);
		return MX_EINVAL;
	}
	id = sv->sv_id;
	sv->sv_backoff = (struct acs_backoff){ 0 };
	if (acs_server_alive(sv)) {
		sv->sv_intent = ACS_WANT_RESTART;
		acs_task_end(sv->sv_task);
	} else {
		server_again(sv);
	}
	mx_mutex_unlock(&acs_lock);
	while (sv->sv_id == id)
		mx_cond_wait(&acs_changed);
	return ready_wait(sv, sv->sv_id, err);
}

kern_return_t
acs_life_kill(const char *name, struct acs_error *err)
{
	struct acs_server *sv;
	uint32_t id = 0;

	mx_mutex_lock(&acs_lock);
	sv = named(name, err);
	if (sv && !acs_server_alive(sv)) {
		(void)acs_error_set(err, "%s is not running", name);
		sv = NULL;
	}
	if (sv) {
		id = sv->sv_id;
		acs_task_end(sv->sv_task);
	}
	mx_mutex_unlock(&acs_lock);
	if (!sv)
		return MX_EINVAL;
	if (acs_death_wait(sv, id, END_TIME_NS))
		return KERN_SUCCESS;
	(void)acs_error_set(err, "%s does not die", name);
	return MX_ETIMEDOUT;
}

kern_return_t
acs_life_forget(const char *name, struct acs_error *err)
{
	struct acs_server *sv;

	mx_mutex_lock(&acs_lock);
	sv = named(name, err);
	if (sv)
		sv->sv_forgotten = true;
	mx_mutex_unlock(&acs_lock);
	return sv ? KERN_SUCCESS : MX_EINVAL;
}
