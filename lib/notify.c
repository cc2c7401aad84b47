/*
 * notify.c - what the kernel tells us about ports of others.
 *
 * Dead-name notifications come to one port that no other task has a send right to, so they cannot be forged. They name the port
 * that died; who waits for it is in a table. The thread that watches the clock sends there, too.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <mach/notify.h>
#include <masix/mach.h>
#include "impl.h"
#include "mach_port.h"

static mach_port_t notify_port;
static struct mx_hash watches;

kern_return_t
mx_notify_init(void)
{
	kern_return_t kr;

	kr = syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_RECEIVE, &notify_port);
	if (kr == KERN_SUCCESS)
		kr = mx_port_adopt(notify_port, MX_PAYLOAD_NOTIFY);
	return kr;
}

mach_port_t
mx_notify_send_right(void)
{
	kern_return_t kr;

	kr = syscall_mach_port_insert_right(mx_task, notify_port, notify_port, MACH_MSG_TYPE_MAKE_SEND);
	return kr == KERN_SUCCESS ? notify_port : MACH_PORT_NULL;
}

kern_return_t
mx_watch_start(struct mx_watch *watch, mach_port_t port)
{
	mach_port_t previous;
	kern_return_t kr;

	if (mx_hash_find(&watches, port) != NULL)
		return KERN_NAME_EXISTS;
	watch->wa_entry.he_key = port;
	if (!mx_hash_insert(&watches, &watch->wa_entry))
		return KERN_RESOURCE_SHORTAGE;
	kr = mach_port_request_notification(mx_task, port, MACH_NOTIFY_DEAD_NAME, 1, notify_port,
		MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous);
	if (kr == KERN_SUCCESS)
		mx_port_release(previous);
	else
		mx_hash_remove(&watches, &watch->wa_entry);
	return kr;
}

void
mx_watch_stop(struct mx_watch *watch)
{
	mx_hash_remove(&watches, &watch->wa_entry);
}

void
mx_notify_message(mach_msg_header_t *msg)
{
	const mach_dead_name_notification_t *n = (const mach_dead_name_notification_t *)msg;
	struct mx_hash_entry *e;
	struct mx_watch *watch;

	if (msg->msgh_id == MX_ID_TICK) {
		mx_alarm_tick();
		return;
	}
	if (msg->msgh_id != MACH_NOTIFY_DEAD_NAME || msg->msgh_size < sizeof(*n)) {
		mx_message_destroy(msg, true);	/* port-deleted: a reply that we watched was sent */
		return;
	}
	e = mx_hash_find(&watches, n->not_port);
	if (e == NULL) {
		mx_port_release(n->not_port);
		return;
	}
	watch = mx_container(e, struct mx_watch, wa_entry);
	mx_hash_remove(&watches, e);
	watch->wa_dead(watch, n->not_port);
}

/* ---- mx_on_dead_name ---- */

struct dead_name {
	struct mx_watch	dn_watch;
	void		(*dn_fn)(void *arg, mach_port_t port);
	void		*dn_arg;
	mach_port_t	dn_port;
};

static void
dead_name_run(void *arg)
{
	struct dead_name dn = *(struct dead_name *)arg;

	free(arg);
	dn.dn_fn(dn.dn_arg, dn.dn_port);
}

static void
dead_name_died(struct mx_watch *watch, mach_port_t port)
{
	struct dead_name *dn = mx_container(watch, struct dead_name, dn_watch);

	mx_port_release(port);			/* the notification's reference; the server's own stays */
	dn->dn_port = port;
	if (mx_fibril_start(dead_name_run, dn, "dead name") != KERN_SUCCESS)
		mx_panic(__FILE__, __LINE__, "no fibril for a dead-name notification");
}

kern_return_t
mx_on_dead_name(mach_port_t port, void (*fn)(void *arg, mach_port_t port), void *arg)
{
	struct dead_name *dn = malloc(sizeof(*dn));
	kern_return_t kr;

	if (dn == NULL)
		return KERN_RESOURCE_SHORTAGE;
	dn->dn_watch.wa_dead = dead_name_died;
	dn->dn_fn = fn;
	dn->dn_arg = arg;
	kr = mx_watch_start(&dn->dn_watch, port);
	if (kr != KERN_SUCCESS)
		free(dn);
	return kr;
}

void
mx_forget_dead_name(mach_port_t port)
{
	struct mx_hash_entry *e = mx_hash_find(&watches, port);
	mach_port_t previous;

	if (e == NULL)
		return;
	mx_hash_remove(&watches, e);
	if (mach_port_request_notification(mx_task, port, MACH_NOTIFY_DEAD_NAME, 0, MACH_PORT_NULL,
	    MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous) == KERN_SUCCESS)
		mx_port_release(previous);	/* comes back as a send-once notification, which is dropped */
	free(mx_container(e, struct dead_name, dn_watch.wa_entry));
}
