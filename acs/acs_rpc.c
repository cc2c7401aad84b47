/*
 * acs_rpc.c - what servers and processes ask of ACS: the routines of acs.defs.
 *
 * Which port a request comes in at says who asks (struct acs_door); nothing in the message does. A Unix process has one right:
 * to look up public names.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs.h"

#include <acs_S.h>
#include <mach.h>
#include <stdio.h>
#include <string.h>

#define NAME_CHANGED_ID	410500		/* acs_notify.defs */
#define RETRY_NS	50000000ull
#define WARN_NS		5000000000ull	/* who waits longer for a name is worth a line in the log */
#define PUBLIC_WAITERS_MAX 64	/* Unix processes that may wait for a name at the same time */

extern boolean_t acs_server(mach_msg_header_t *in, mach_msg_header_t *out);

struct watch {
	char		wa_name[ACS_NAME_MAX];	/* "": the slot is free */
	mach_port_t	wa_notify;
	uint32_t	wa_id;
	bool		wa_late;	/* it could not be told yet */
};

struct acs_names acs_names;
static struct acs_words groups;
static struct watch watches[ACS_WATCHES_MAX];
static unsigned int public_waiters;

static void
door_free(struct mx_object *obj)
{
	(void)obj;		/* it holds nothing */
}

struct mx_class acs_door_class = {
	.mc_name = "bootstrap", .mc_size = sizeof(struct acs_door),
	.mc_demux = (mx_demux_t *const[]){ acs_server, NULL }, .mc_free = door_free,
};

struct acs_door *
acs_door_create(struct acs_server *sv, bool is_public)
{
	struct acs_door *d = mx_object_create(&acs_door_class);

	if (d) {
		d->do_server = sv;
		d->do_id = sv ? sv->sv_id : 0;
		d->do_public = is_public;
	}
	return d;
}

/* ---- Decoding ---- */

/* The door that a request came in at. Errors: NULL, not one, or of an instance that is dead. */
static struct acs_door *
door_of(mx_object_ptr_t obj)
{
	struct acs_door *d = mx_object_cast(obj, &acs_door_class);

	return d && (d->do_server || d->do_public) ? d : NULL;
}

/* The server that asks. Errors: NULL */
static struct acs_server *
caller_of(mx_object_ptr_t obj)
{
	struct acs_door *d = door_of(obj);

	return d ? d->do_server : NULL;
}

static bool
name_take(char name[ACS_NAME_MAX], const char *text, size_t len)
{
	if (len > 0 && len < ACS_NAME_MAX && text[len - 1] == '\0')
		len--;
	if (!acs_name_valid(text, len))
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	return true;
}

void
acs_groups_set(const struct acs_words *names)
{
	groups = *names;
}

/* ---- Changes and who watches them ---- */

/* acs_name_changed of acs_notify.defs. MIG's own stub would wait while the watcher's queue is full. */
static kern_return_t
change_send(mach_port_t notify, const char *name, mach_port_t service)
{
	struct {
		mach_msg_header_t head;
		mach_msg_type_t	name_type;
		uint32_t	rest[ACS_NAME_MAX / 4 + 2];
	} m = {
		.head = {
			.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
			.msgh_remote_port = notify, .msgh_id = NAME_CHANGED_ID,
		},
		.name_type = {
			.msgt_name = MACH_MSG_TYPE_CHAR, .msgt_size = 8, .msgt_number = strlen(name), .msgt_inline = TRUE,
		},
	};
	static const mach_msg_type_t port_type = {
		.msgt_name = MACH_MSG_TYPE_COPY_SEND, .msgt_size = 32, .msgt_number = 1, .msgt_inline = TRUE,
	};
	size_t words = (strlen(name) + 3) / 4;
	kern_return_t kr;

	memcpy(m.rest, name, strlen(name));
	memcpy(&m.rest[words], &port_type, sizeof port_type);
	m.rest[words + 1] = service;
	m.head.msgh_size = (mach_msg_size_t)(sizeof m.head + sizeof m.name_type + 4 * (words + 2));
	kr = mach_msg_trap(&m.head, MACH_SEND_MSG | MACH_SEND_TIMEOUT, m.head.msgh_size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
	if (kr == MACH_SEND_TIMED_OUT)
		mx_message_destroy(&m.head, false);
	return kr;
}

static void watches_retry(void *arg);

/* Tell how things are now. A watcher that does not read its messages is told later, how things are then. */
static void
watch_tell(struct watch *w)
{
	static struct mx_timer *timer;
	struct acs_name *e = acs_names_find(&acs_names, w->wa_name);
	kern_return_t kr = change_send(w->wa_notify, w->wa_name, e ? e->na_service : MACH_PORT_NULL);

	w->wa_late = kr == MACH_SEND_TIMED_OUT;
	if (kr == MACH_SEND_INVALID_DEST) {
		mx_port_release(w->wa_notify);
		memset(w, 0, sizeof *w);
	}
	if (!w->wa_late)
		return;
	if (!timer)
		timer = mx_timer_create(watches_retry, NULL);
	if (timer)
		mx_timer_set(timer, mx_now_ns() + RETRY_NS);
}

static void
watches_retry(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < ACS_WATCHES_MAX; i++)
		if (watches[i].wa_late)
			watch_tell(&watches[i]);
}

static void
name_changed(const char *name)
{
	mx_cond_broadcast(&acs_changed);
	for (unsigned int i = 0; i < ACS_WATCHES_MAX; i++)
		if (strcmp(watches[i].wa_name, name) == 0)
			watch_tell(&watches[i]);
}

static void name_lose(struct acs_name *e);

/* A registered port died though its server lives. */
static void
service_died(void *arg, mach_port_t service)
{
	(void)arg;
	for (struct acs_name *e = acs_names_next(&acs_names, NULL); e; e = acs_names_next(&acs_names, e))
		if (e->na_service == service)
			name_lose(e);
}

/* Take E out of the table and tell. */
static void
name_lose(struct acs_name *e)
{
	char name[ACS_NAME_MAX];
	mach_port_t service = e->na_service;

	memcpy(name, e->na_name, sizeof name);
	acs_names_free(e);
	if (!acs_names_has_service(&acs_names, service))
		mx_forget_dead_name(service);
	mx_port_release(service);
	name_changed(name);
}

void
acs_names_lose(uint32_t id)
{
	for (unsigned int i = 0; i < ACS_WATCHES_MAX; i++) {
		if (watches[i].wa_name[0] != '\0' && watches[i].wa_id == id) {
			mach_port_t notify = watches[i].wa_notify;

			memset(&watches[i], 0, sizeof watches[i]);
			mx_port_release(notify);
		}
	}
	for (struct acs_name *e = acs_names_next(&acs_names, NULL); e; e = acs_names_next(&acs_names, e))
		if (e->na_owner == id)
			name_lose(e);
}

bool
acs_watch_stop(uint32_t id)
{
	bool told = false;

	for (unsigned int i = 0; i < ACS_WATCHES_MAX; i++) {
		if (watches[i].wa_id == id && strcmp(watches[i].wa_name, ACS_STOP_NAME) == 0) {
			watch_tell(&watches[i]);
			told = true;
		}
	}
	return told;
}

/* ---- Register ---- */

/* Enter NAME; a port that died before it came is refused. Rights: takes SERVICE on success. */
static kern_return_t
name_enter(const char *name, mach_port_t service, uint32_t id)
{
	bool is_known = acs_names_has_service(&acs_names, service);

	switch (acs_names_insert(&acs_names, name, service, id, acs_words_match(&groups, name))) {
	case ACS_NAMES_EXISTS:
		return MX_EEXIST;
	case ACS_NAMES_FULL:
		return MX_ENFILE;
	default:
		break;
	}
	if (!is_known && id != ACS_SELF && mx_on_dead_name(service, service_died, NULL) != KERN_SUCCESS) {
		acs_names_free(acs_names_find_owned(&acs_names, name, id));
		return MX_EINVAL;
	}
	name_changed(name);
	return KERN_SUCCESS;
}

kern_return_t
acs_names_register_own(const char *name, struct mx_object *obj)
{
	mach_port_t right = mx_object_send_right(obj);

	return right == MACH_PORT_NULL ? KERN_RESOURCE_SHORTAGE : name_enter(name, right, ACS_SELF);
}

/* May SV register NAME? Its manifest says so; a '*' there does not cover names that another server declares. */
static bool
register_allowed(const struct acs_server *sv, const char *name)
{
	uint64_t ignored;

	if (acs_words_has(&sv->sv_spec.sp_registers, name))
		return true;
	return acs_words_match(&sv->sv_spec.sp_registers, name) && !acs_name_declared(name, &ignored) &&
		strncmp(name, "acs.", 4) != 0;
}

kern_return_t
S_acs_register(mx_object_ptr_t acs, const mx_name_t name, mach_msg_type_number_t nameCnt, mach_port_t service, uint32_t flags)
{
	struct acs_server *sv = caller_of(acs);
	char n[ACS_NAME_MAX];

	if (!sv)
		return MX_EPERM;
	if (!name_take(n, name, nameCnt) || !MACH_PORT_VALID(service) || flags != 0)
		return MX_EINVAL;
	if (!register_allowed(sv, n))
		return MX_EPERM;
	return name_enter(n, service, sv->sv_id);
}

kern_return_t
S_acs_unregister(mx_object_ptr_t acs, const mx_name_t name, mach_msg_type_number_t nameCnt)
{
	struct acs_server *sv = caller_of(acs);
	char n[ACS_NAME_MAX];
	struct acs_name *e;

	if (!sv)
		return MX_EPERM;
	if (!name_take(n, name, nameCnt))
		return MX_EINVAL;
	e = acs_names_find_owned(&acs_names, n, sv->sv_id);
	if (!e)
		return MX_ENOENT;
	name_lose(e);
	return KERN_SUCCESS;
}

/* ---- Look up ---- */

/* Did the server that registered or declares NAME make it public? */
static bool
name_public(const char *name)
{
	for (unsigned int i = 0; i < ACS_SERVERS_MAX; i++)
		if (acs_servers[i].sv_state != ACS_FREE && acs_words_match(&acs_servers[i].sv_spec.sp_public, name) &&
		    acs_words_match(&acs_servers[i].sv_spec.sp_registers, name))
			return true;
	return false;
}

/* A server may look up what its manifest says, what it may register itself, and what is public. */
static bool
lookup_allowed(const struct acs_door *d, const char *name)
{
	if (d->do_server && (acs_words_match(&d->do_server->sv_spec.sp_uses, name) ||
	    acs_words_has(&d->do_server->sv_spec.sp_registers, name)))
		return true;
	return name_public(name);
}

/* Wait for a change until DEADLINE. Errors: MX_EAGAIN too many processes wait; MX_EINTR the client is gone; MX_ETIMEDOUT */
static kern_return_t
change_wait(const struct acs_door *d, uint64_t deadline_ns)
{
	kern_return_t kr;

	if (d->do_public && public_waiters >= PUBLIC_WAITERS_MAX)
		return MX_EAGAIN;
	public_waiters += d->do_public;
	kr = mx_cond_wait_cancellable_until(&acs_changed, 0, deadline_ns);
	public_waiters -= d->do_public;
	return kr;
}

/* Errors: MX_ENOENT; as change_wait. Blocks: while NAME is declared and not there. */
static kern_return_t
name_wait(const struct acs_door *d, const char *name, struct acs_name **entry)
{
	uint64_t deadline, warn = mx_now_ns() + WARN_NS;
	kern_return_t kr;

	while ((*entry = acs_names_find(&acs_names, name)) == NULL) {
		if (!acs_name_declared(name, &deadline) || deadline <= mx_now_ns() || acs_stopping)
			return MX_ENOENT;
		kr = change_wait(d, deadline < warn ? deadline : warn);
		if (kr != KERN_SUCCESS && kr != MX_ETIMEDOUT)
			return kr;
		if (mx_now_ns() >= warn) {
			mx_log(MX_LOG_WARNING, "%s still waits for the name %s",
				d->do_server ? d->do_server->sv_spec.sp_name : "a process", name);
			warn = mx_now_ns() + 10 * WARN_NS;
		}
	}
	return KERN_SUCCESS;
}

kern_return_t
S_acs_lookup(mx_object_ptr_t acs, const mx_name_t name, mach_msg_type_number_t nameCnt, mach_port_t *service,
	mach_msg_type_name_t *servicePoly)
{
	struct acs_door *d = door_of(acs);
	char n[ACS_NAME_MAX];
	struct acs_name *e;
	kern_return_t kr;

	if (!d)
		return MX_EPERM;
	if (!name_take(n, name, nameCnt))
		return MX_EINVAL;
	if (!lookup_allowed(d, n))
		return d->do_server ? MX_EPERM : MX_ENOENT;	/* a process learns nothing of other names */
	kr = name_wait(d, n, &e);
	if (kr != KERN_SUCCESS)
		return kr;
	*service = e->na_service;
	*servicePoly = MACH_MSG_TYPE_COPY_SEND;
	return KERN_SUCCESS;
}

kern_return_t
S_acs_lookup_all(mx_object_ptr_t acs, const mx_name_t name, mach_msg_type_number_t nameCnt, mx_ports_t *services,
	mach_msg_type_name_t *servicesPoly, mach_msg_type_number_t *servicesCnt)
{
	struct acs_door *d = door_of(acs);
	char n[ACS_NAME_MAX];
	vm_address_t memory = 0;
	struct acs_name *e;
	unsigned int count = 0;
	kern_return_t kr;

	if (!d)
		return MX_EPERM;
	if (!name_take(n, name, nameCnt))
		return MX_EINVAL;
	if (!lookup_allowed(d, n))
		return d->do_server ? MX_EPERM : MX_ENOENT;
	kr = name_wait(d, n, &e);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = vm_allocate(mx_task, &memory, ACS_PAGE, TRUE);
	if (kr != KERN_SUCCESS)
		return kr;
	*services = (mx_ports_t)memory;
	for (e = acs_names_next(&acs_names, NULL); e && count < ACS_NAMES_MAX; e = acs_names_next(&acs_names, e))
		if (strcmp(e->na_name, n) == 0)
			(*services)[count++] = e->na_service;
	*servicesPoly = MACH_MSG_TYPE_COPY_SEND;
	*servicesCnt = count;
	return KERN_SUCCESS;
}

kern_return_t
S_acs_watch(mx_object_ptr_t acs, const mx_name_t name, mach_msg_type_number_t nameCnt, mach_port_t notify)
{
	struct acs_server *sv = caller_of(acs);
	struct watch *w = watches;
	char n[ACS_NAME_MAX];

	if (!sv)
		return MX_EPERM;
	if (!name_take(n, name, nameCnt) || !MACH_PORT_VALID(notify))
		return MX_EINVAL;
	if (strcmp(n, ACS_STOP_NAME) != 0 && !lookup_allowed(door_of(acs), n))
		return MX_EPERM;
	while (w < watches + ACS_WATCHES_MAX && w->wa_name[0] != '\0')
		w++;
	if (w == watches + ACS_WATCHES_MAX)
		return MX_ENFILE;
	strcpy(w->wa_name, n);
	w->wa_notify = notify;
	w->wa_id = sv->sv_id;
	if (acs_names_find(&acs_names, n))
		watch_tell(w);
	return KERN_SUCCESS;
}

/* ---- Lists ---- */

static const char *
owner_name(uint32_t id)
{
	struct acs_server *sv = acs_server_by_id(id);

	return id == ACS_SELF ? "acs" : sv ? sv->sv_spec.sp_name : "-";
}

size_t
acs_list_names(char *text, size_t size)
{
	size_t n = 0;

	ACS_APPEND(text, n, size, "%-24s %-10s %-16s %5s %8s\n", "NAME", "STATE", "SERVER", "ID", "RESTARTS");
	for (struct acs_name *e = acs_names_next(&acs_names, NULL); e; e = acs_names_next(&acs_names, e)) {
		struct acs_server *sv = acs_server_by_id(e->na_owner);

		ACS_APPEND(text, n, size, "%-24s %-10s %-16s %5u %8u\n", e->na_name, "up", owner_name(e->na_owner),
			(unsigned int)e->na_owner, (unsigned int)(sv ? sv->sv_restarts : 0));
	}
	for (unsigned int i = 0; i < ACS_SERVERS_MAX; i++) {
		const struct acs_server *sv = &acs_servers[i];
		const struct acs_words *w = &sv->sv_spec.sp_registers;

		for (const char *s = acs_words_next(w, NULL); sv->sv_state != ACS_FREE && s; s = acs_words_next(w, s))
			if (s[strlen(s) - 1] != '*' && !acs_names_find_owned(&acs_names, s, sv->sv_id))
				ACS_APPEND(text, n, size, "%-24s %-10s %-16s %5u %8u\n", s, acs_state_name(sv), sv->sv_spec.sp_name,
					(unsigned int)sv->sv_id, (unsigned int)sv->sv_restarts);
	}
	return n;
}

static size_t
list_server(const struct acs_server *sv, char *text, size_t size)
{
	uint64_t seconds = acs_server_alive(sv) ? (mx_now_ns() - sv->sv_started_ns) / 1000000000 : 0;
	size_t n = 0;

	ACS_APPEND(text, n, size, "%-16s %-9s %-9s %5u %8u %7lu ", sv->sv_spec.sp_name, acs_state_name(sv),
		acs_class_name(sv->sv_spec.sp_class), (unsigned int)sv->sv_id, (unsigned int)sv->sv_restarts,
		(unsigned long)seconds);
	for (struct acs_name *e = acs_names_next(&acs_names, NULL); e; e = acs_names_next(&acs_names, e))
		if (e->na_owner == sv->sv_id)
			ACS_APPEND(text, n, size, " %s", e->na_name);
	if (sv->sv_error.er_text[0] != '\0')
		ACS_APPEND(text, n, size, " (%s)", sv->sv_error.er_text);
	ACS_APPEND(text, n, size, "\n");
	return n;
}

size_t
acs_list_servers(char *text, size_t size)
{
	size_t n = 0;

	ACS_APPEND(text, n, size, "%-16s %-9s %-9s %5s %8s %7s  %s\n", "SERVER", "STATE", "CLASS", "ID", "RESTARTS", "SECONDS",
		"NAMES");
	for (unsigned int i = 0; i < ACS_SERVERS_MAX; i++)
		if (acs_servers[i].sv_state != ACS_FREE && n + 1 < size)
			n += list_server(&acs_servers[i], text + n, size - n);
	return n;
}

kern_return_t
S_acs_list(mx_object_ptr_t acs, vm_offset_t *text, mach_msg_type_number_t *textCnt)
{
	vm_address_t memory = 0;
	vm_size_t size = 8 * ACS_PAGE, used;
	kern_return_t kr;

	if (!caller_of(acs))
		return MX_EPERM;
	kr = vm_allocate(mx_task, &memory, size, TRUE);
	if (kr != KERN_SUCCESS)
		return kr;
	*text = memory;
	*textCnt = (mach_msg_type_number_t)acs_list_names((char *)memory, size);
	used = (*textCnt + ACS_PAGE - 1) & ~(vm_size_t)(ACS_PAGE - 1);	/* goes with the reply */
	if (used < size)
		(void)vm_deallocate(mx_task, memory + used, size - used);
	return KERN_SUCCESS;
}

/* ---- The caller's own affairs ---- */

kern_return_t
S_acs_ready(mx_object_ptr_t acs, boolean_t ok, const mx_blob_t text, mach_msg_type_number_t textCnt)
{
	struct acs_server *sv = caller_of(acs);

	if (!sv)
		return MX_EPERM;
	if (textCnt > MX_BLOB_MAX)
		return MX_EINVAL;
	acs_life_ready(sv, ok != 0, text, textCnt);
	return KERN_SUCCESS;
}

static kern_return_t
right_find(uint32_t bit, mach_port_t *right)
{
	static struct acs_door *public_door;

	switch (bit) {
	case ACS_RIGHT_HOST:
		*right = acs_host_priv;
		break;
	case ACS_RIGHT_DEVICE:
		*right = acs_device_master;
		break;
	case ACS_RIGHT_BOOTFS:
		*right = acs_bootfs_task;
		break;
	case ACS_RIGHT_ADDFS:
		*right = acs_addfs_task;
		break;
	default:
		if (!public_door)
			public_door = acs_door_create(NULL, true);
		*right = public_door ? mx_object_send_right(&public_door->do_object) : MACH_PORT_NULL;
		return *right != MACH_PORT_NULL ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
	}
	return *right != MACH_PORT_NULL ? KERN_SUCCESS : MX_ENOENT;
}

kern_return_t
S_acs_right(mx_object_ptr_t acs, const mx_name_t name, mach_msg_type_number_t nameCnt, mach_port_t *right,
	mach_msg_type_name_t *rightPoly)
{
	struct acs_server *sv = caller_of(acs);
	char n[ACS_NAME_MAX];
	uint32_t bit;

	if (!sv)
		return MX_EPERM;
	if (!name_take(n, name, nameCnt))
		return MX_EINVAL;
	bit = acs_right_bit(n);
	if (bit == 0)
		return MX_ENOENT;
	if ((sv->sv_spec.sp_rights & bit) == 0)
		return MX_EPERM;
	*rightPoly = bit == ACS_RIGHT_LOOKUP ? MACH_MSG_TYPE_MOVE_SEND : MACH_MSG_TYPE_COPY_SEND;
	return right_find(bit, right);
}

kern_return_t
S_acs_log(mx_object_ptr_t acs, uint32_t level, const mx_blob_t text, mach_msg_type_number_t textCnt)
{
	struct acs_server *sv = caller_of(acs);

	if (!sv)
		return MX_EPERM;
	if (textCnt > MX_BLOB_MAX)
		return MX_EINVAL;
	acs_log_line(level, sv->sv_spec.sp_name, text, textCnt);
	return KERN_SUCCESS;
}

kern_return_t
S_acs_boot_file(mx_object_ptr_t acs, const mx_path_t path, mach_msg_type_number_t pathCnt, vm_offset_t *data,
	mach_msg_type_number_t *dataCnt)
{
	const char *found;
	size_t size;
	vm_offset_t copy;
	kern_return_t kr;

	if (!caller_of(acs))
		return MX_EPERM;
	if (pathCnt == 0 || pathCnt > MX_PATH_MAX)
		return MX_EINVAL;
	kr = acs_boot_find(path, strnlen(path, pathCnt), &found, &size);
	if (kr != KERN_SUCCESS)
		return kr;
	if (size == 0) {
		*data = 0;
		*dataCnt = 0;
		return KERN_SUCCESS;
	}
	kr = vm_read(mx_task, (vm_address_t)found, size, &copy, dataCnt);
	if (kr == KERN_SUCCESS)
		*data = copy;
	return kr;
}

kern_return_t
S_acs_boot_option(mx_object_ptr_t acs, const mx_name_t key, mach_msg_type_number_t keyCnt, mx_blob_t value,
	mach_msg_type_number_t *valueCnt)
{
	char n[ACS_NAME_MAX];
	const char *v;

	if (!caller_of(acs))
		return MX_EPERM;
	if (!name_take(n, key, keyCnt))
		return MX_EINVAL;
	v = acs_option(n);
	*valueCnt = (mach_msg_type_number_t)strnlen(v, MX_BLOB_MAX);
	memcpy(value, v, *valueCnt);
	return KERN_SUCCESS;
}
