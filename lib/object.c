/*
 * object.c - objects, their ports and their end.
 *
 * A port is expensive to make (three calls of the kernel), so an object that nobody can reach any more keeps its port: both
 * wait in the class's list of spares for the next mx_object_create. That is safe only when no send right is left and the port's
 * queue is empty, which the kernel is asked for: a no-senders notification alone proves nothing, as it can be sent by any
 * client, or be older than the last right we gave. The memory of an object is never freed while its receive right
 * lives, so the address that comes with a message is always that of an object.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <mach/notify.h>
#include <masix/mach.h>
#include "answer.h"
#include "impl.h"
#include "mach_port.h"

#define SPARES_MAX 64u		/* of a class: what is more is given back */

static struct mx_hash objects;		/* all that live, by port name */

/* ---- Life ---- */

static void
class_report(struct mx_class *cls)
{
	static struct mx_report_class *fibrils;

	if (fibrils != NULL || (fibrils = mx_report_add("fibrils")) != NULL) {
		fibrils->rc_live = mx_fibrils_busy();
		fibrils->rc_spare = mx_stats.st_fibrils - fibrils->rc_live;
	}
	if (cls->mc_report == NULL && (cls->mc_report = mx_report_add(cls->mc_name)) == NULL)
		return;
	cls->mc_report->rc_live = cls->mc_live;
	cls->mc_report->rc_spare = cls->mc_nspare;
}

static struct mx_object *
object_new(struct mx_class *cls)
{
	struct mx_object *obj;

	obj = calloc(1, cls->mc_size);
	if (obj == NULL)
		return NULL;
	if (syscall_mach_port_allocate(mx_task, MACH_PORT_RIGHT_RECEIVE, &obj->mo_port) != KERN_SUCCESS)
		goto out_memory;
	if (mx_port_adopt(obj->mo_port, (uintptr_t)obj | MX_PAYLOAD_OBJECT) != KERN_SUCCESS)
		goto out_port;
	return obj;
out_port:
	(void)mach_port_mod_refs(mx_task, obj->mo_port, MACH_PORT_RIGHT_RECEIVE, -1);	/* ours: cannot fail */
out_memory:
	free(obj);
	return NULL;
}

/* The next spare is where its class's list ends up: in mo_requests, which a dead object does not need. */
static struct mx_object *
object_reuse(struct mx_class *cls)
{
	struct mx_object *obj = cls->mc_spare;
	mach_port_t port = obj->mo_port;
	bool armed = obj->mo_armed;

	cls->mc_spare = (struct mx_object *)obj->mo_requests;
	cls->mc_nspare--;
	memset(obj, 0, cls->mc_size);
	obj->mo_port = port;
	obj->mo_armed = armed;
	return obj;
}

void *
mx_object_create(struct mx_class *cls)
{
	struct mx_object *obj;

	mx_assert(cls->mc_size >= sizeof(*obj));
	obj = cls->mc_spare != NULL ? object_reuse(cls) : object_new(cls);
	if (obj == NULL)
		return NULL;
	obj->mo_class = cls;
	obj->mo_refs = 1;
	obj->mo_entry.he_key = obj->mo_port;
	if (!mx_hash_insert(&objects, &obj->mo_entry)) {
		(void)mach_port_mod_refs(mx_task, obj->mo_port, MACH_PORT_RIGHT_RECEIVE, -1);
		free(obj);
		return NULL;
	}
	cls->mc_live++;
	class_report(cls);
	mx_stats.st_objects++;
	return obj;
}

void *
mx_object_adopt(struct mx_class *cls, mach_port_t port)
{
	struct mx_object *obj = calloc(1, cls->mc_size);

	if (obj == NULL)
		return NULL;
	*obj = (struct mx_object){ .mo_class = cls, .mo_port = port, .mo_refs = 1, .mo_sent = true, .mo_entry.he_key = port };
	if (!mx_hash_insert(&objects, &obj->mo_entry))
		goto out_memory;
	if (mx_port_adopt(port, (uintptr_t)obj | MX_PAYLOAD_OBJECT) != KERN_SUCCESS)
		goto out_hash;
	cls->mc_live++;
	mx_stats.st_objects++;
	return obj;
out_hash:
	mx_hash_remove(&objects, &obj->mo_entry);
out_memory:
	free(obj);
	return NULL;
}

void
mx_object_hold(struct mx_object *obj)
{
	obj->mo_refs++;
}

void
mx_object_release(struct mx_object *obj)
{
	struct mx_class *cls = obj->mo_class;

	mx_assert(obj->mo_refs > 0);
	if (--obj->mo_refs > 0)
		return;
	if (cls->mc_free != NULL) {
		obj->mo_refs = 1;		/* mc_free may hold and release, and park */
		cls->mc_free(obj);
		mx_assert(obj->mo_refs == 1);
		obj->mo_refs = 0;
	}
	if (cls->mc_remembers)
		mx_answers_forget(obj);
	mx_hash_remove(&objects, &obj->mo_entry);
	cls->mc_live--;
	mx_stats.st_objects--;
	if (!obj->mo_sent && cls->mc_nspare < SPARES_MAX) {
		obj->mo_requests = (struct mx_fibril *)cls->mc_spare;
		cls->mc_spare = obj;
		cls->mc_nspare++;
		class_report(cls);
		return;
	}
	class_report(cls);
	(void)mach_port_mod_refs(mx_task, obj->mo_port, MACH_PORT_RIGHT_RECEIVE, -1);	/* ours: cannot fail */
	free(obj);
}

/* ---- Rights ---- */

/* Have the kernel tell when no send right is left; at once if that is so already and MSCOUNT send rights were ever made. */
static void
object_arm(struct mx_object *obj, mach_port_mscount_t mscount)
{
	mach_port_t previous;
	kern_return_t kr;

	kr = mach_port_request_notification(mx_task, obj->mo_port, MACH_NOTIFY_NO_SENDERS, mscount, obj->mo_port,
		MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous);
	obj->mo_armed = kr == KERN_SUCCESS;
	if (kr == KERN_SUCCESS)
		mx_port_release(previous);
}

mach_port_t
mx_object_send_right(struct mx_object *obj)
{
	if (syscall_mach_port_insert_right(mx_task, obj->mo_port, obj->mo_port, MACH_MSG_TYPE_MAKE_SEND) != KERN_SUCCESS)
		return MACH_PORT_NULL;
	obj->mo_sent = true;
	if (!obj->mo_armed && obj->mo_class->mc_no_senders != NULL)
		object_arm(obj, 0);
	return obj->mo_port;
}

mach_port_t
mx_object_send_right_unwatched(struct mx_object *obj)
{
	if (syscall_mach_port_insert_right(mx_task, obj->mo_port, obj->mo_port, MACH_MSG_TYPE_MAKE_SEND) != KERN_SUCCESS)
		return MACH_PORT_NULL;
	obj->mo_sent = true;
	return obj->mo_port;
}

void
mx_object_watch(struct mx_object *obj)
{
	if (obj->mo_sent && !obj->mo_armed)
		object_arm(obj, 0);
}

bool
mx_object_has_users(const struct mx_object *obj)
{
	mach_port_status_t status;

	return mach_port_get_receive_status(mx_task, obj->mo_port, &status) != KERN_SUCCESS || status.mps_srights ||
		status.mps_msgcount != 0;
}

bool
mx_object_is_deserted(struct mx_object *obj)
{
	if (mx_object_has_users(obj))
		return false;
	obj->mo_sent = false;
	return true;
}

mach_port_t
mx_object_port(struct mx_object *obj)
{
	obj->mo_sent = true;
	if (!obj->mo_armed && obj->mo_class->mc_no_senders != NULL)
		object_arm(obj, ~0u);		/* the right is still to be made */
	return obj->mo_port;
}

mach_port_t
mx_object_make_send(struct mx_object *obj, mach_msg_type_name_t *disposition)
{
	*disposition = MACH_MSG_TYPE_MOVE_SEND;
	return mx_object_send_right(obj);
}

void
mx_object_no_senders(struct mx_object *obj)
{
	mach_port_status_t status;

	obj->mo_armed = false;
	if (!obj->mo_sent)
		return;
	if (mach_port_get_receive_status(mx_task, obj->mo_port, &status) != KERN_SUCCESS)
		return;
	if (status.mps_srights || status.mps_msgcount != 0) {
		object_arm(obj, 0);		/* forged, or out of date: the next one comes behind what is queued */
		return;
	}
	obj->mo_sent = false;
	obj->mo_class->mc_no_senders(obj);
}

/* ---- From messages ---- */

void *
mx_object_cast(struct mx_object *obj, struct mx_class *cls)
{
	return obj != NULL && obj->mo_class == cls ? obj : NULL;
}

struct mx_object *
mx_object_by_name(mach_port_t port)
{
	struct mx_hash_entry *e = mx_hash_find(&objects, port);

	return e == NULL ? NULL : mx_container(e, struct mx_object, mo_entry);
}

bool
mx_port_is_own(mach_port_t port)
{
	return mx_object_by_name(port) != NULL;
}

void *
mx_object_from_port(mach_port_t port, struct mx_class *cls)
{
	return mx_object_cast(mx_object_by_name(port), cls);
}

mx_object_ptr_t
mx_object_intran(mach_port_t port)
{
	(void)port;
	mx_panic(__FILE__, __LINE__, "a request came in by a port without payload");
}

mx_object_ptr_t
mx_object_intran_payload(unsigned long payload)
{
	mx_object_hold((struct mx_object *)payload);
	return (struct mx_object *)payload;
}

void
mx_object_destruct(mx_object_ptr_t obj)
{
	mx_object_release(obj);
}
