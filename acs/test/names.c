/*
 * names.c - names, rights and files, as a server and as a Unix process sees them.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "test.h"

#include <mach/mig_errors.h>
#include <stdlib.h>
#include <string.h>
#include "acs.h"
#include "acs_notify_S.h"
#include "mach.h"
#include "mach_port.h"
#include "mx.h"

extern mx_demux_t acs_notify_server;

static unsigned int changes_up, changes_down;
static mach_port_t changed_service;

static struct mx_class watcher_class = {
	.mc_name = "watcher", .mc_size = sizeof(struct mx_object), .mc_demux = (mx_demux_t *const[]){ acs_notify_server, NULL },
};

kern_return_t
S_acs_name_changed(mx_object_ptr_t notify, const mx_name_t name, mach_msg_type_number_t nameCnt, mach_port_t service)
{
	(void)notify;
	if (nameCnt != 7 || memcmp(name, "watched", 7) != 0)
		return MX_EINVAL;
	changes_up += service != MACH_PORT_NULL;
	changes_down += service == MACH_PORT_NULL;
	changed_service = service;
	return KERN_SUCCESS;
}

static kern_return_t
lookup(mach_port_t acs, const char *name)
{
	mach_port_t service;
	kern_return_t kr = acs_lookup(acs, name, strlen(name), &service);

	if (kr == KERN_SUCCESS)
		mx_port_release(service);
	return kr;
}

static void
register_test(struct mx_object *service)
{
	tap_ok(mx_register("main", service) == MX_EEXIST, "a name that is taken");
	tap_ok(mx_register("late", service) == MX_EPERM, "a name of another server");
	tap_ok(mx_register("new", service) == MX_EPERM, "a name that the manifest does not give");
	tap_ok(mx_register("a b", service) == MX_EINVAL && mx_register("", service) == MX_EINVAL, "names that are none");
	tap_ok(acs_register(mx_acs, "watched", 7, MACH_PORT_NULL, 0) == MX_EINVAL, "no port");
	tap_ok(acs_unregister(mx_acs, "watched", 7) == MX_ENOENT, "unregister what is not there");
}

static void
lookup_test(void)
{
	uint64_t begin = mx_now_ns();
	mach_port_t late;
	char name[MX_NAME_MAX];
	mach_msg_type_number_t len = sizeof name;

	tap_ok(lookup(mx_acs, "nobody") == MX_ENOENT, "a name that nobody declares");
	tap_ok(mx_now_ns() - begin < 300000000, "... without waiting");
	tap_ok(mx_lookup("late", &late) == KERN_SUCCESS, "a look-up waits for a declared name");
	tap_ok(mx_ping(late, name, &len) == KERN_SUCCESS && len == 4 && memcmp(name, "test", 4) == 0, "... and finds its server");
	mx_port_release(late);
	tap_ok(lookup(mx_acs, "dev.9") == MX_EPERM, "a name that the manifest does not grant");
}

static void
group_test(void)
{
	mx_ports_t members;
	mach_msg_type_number_t n = 0;
	mach_port_t first, second;
	kern_return_t kr = acs_lookup_all(mx_acs, "crowd", 5, &members, &n);

	tap_ok(kr == KERN_SUCCESS && n == 2 && members[0] != members[1], "all of a group");
	tap_ok(mx_lookup("crowd", &first) == KERN_SUCCESS && mx_lookup("crowd", &second) == KERN_SUCCESS && first != second,
		"any of a group: they take turns");
}

static void
public_test(struct mx_object *service)
{
	mach_port_t acs = MACH_PORT_NULL, port;

	tap_ok(mx_right("lookup", &acs) == KERN_SUCCESS, "the port of Unix processes");
	tap_ok(lookup(acs, "late") == KERN_SUCCESS, "a process finds a public name");
	tap_ok(lookup(acs, "main") == MX_ENOENT && lookup(acs, "nobody") == MX_ENOENT, "... and no other");
	port = mx_object_send_right(service);
	tap_ok(acs_register(acs, "late", 4, port, 0) == MX_EPERM, "a process cannot register");
	mx_port_release(port);
	tap_ok(acs_right(acs, "host", 4, &port) == MX_EPERM && acs_ready(acs, TRUE, "", 0) == MX_EPERM &&
		acs_unregister(acs, "late", 4) == MX_EPERM, "... nor anything else");
}

static void
rights_test(void)
{
	mach_port_t right = MACH_PORT_NULL;

	tap_ok(mx_right("host", &right) == KERN_SUCCESS && right != MACH_PORT_NULL, "a right that the manifest gives");
	tap_ok(mx_right("device", &right) == MX_EPERM, "one that it does not");
	tap_ok(mx_right("moon", &right) == MX_ENOENT, "one that there is not");
}

static void
files_test(void)
{
	vm_offset_t data;
	mach_msg_type_number_t size;

	tap_ok(acs_boot_file(mx_acs, "/masix/acs.conf", 15, &data, &size) == KERN_SUCCESS && size > 100 &&
		memcmp((const char *)data, "# The manifest for acs/test", 27) == 0, "a file, the added one before the system's");
	(void)vm_deallocate(mx_task, data, size);
	tap_ok(acs_boot_file(mx_acs, "/masix", 6, &data, &size) == MX_ENOENT, "a directory is no file");
	tap_ok(acs_boot_file(mx_acs, "/none", 5, &data, &size) == MX_ENOENT, "no file");
	tap_ok(strcmp(mx_boot_option("mode"), "run") == 0 && mx_boot_option("none")[0] == '\0', "boot options");
	tap_ok(acs_list(mx_acs, &data, &size) == KERN_SUCCESS && size > 40, "the list of names");
	(void)vm_deallocate(mx_task, data, size);
}

/* A port that nobody receives from: its queue is full after a few messages. */
static void
deaf_watch_test(struct mx_object *service)
{
	mach_port_t deaf;
	kern_return_t kr = mach_port_allocate(mx_task, MACH_PORT_RIGHT_RECEIVE, &deaf);

	if (kr == KERN_SUCCESS)
		kr = mach_port_insert_right(mx_task, deaf, deaf, MACH_MSG_TYPE_MAKE_SEND);
	if (kr == KERN_SUCCESS)
		kr = acs_watch(mx_acs, "watched", 7, deaf);
	for (int i = 0; i < 40 && kr == KERN_SUCCESS; i++) {
		kr = mx_register("watched", service);
		if (kr == KERN_SUCCESS)
			kr = acs_unregister(mx_acs, "watched", 7);
	}
	tap_ok(kr == KERN_SUCCESS, "who watches and does not listen stops nobody");
	mx_sleep_ns(200000000);
	(void)mach_port_destroy(mx_task, deaf);
	tap_ok(mx_register("watched", service) == KERN_SUCCESS && acs_unregister(mx_acs, "watched", 7) == KERN_SUCCESS,
		"... nor when its port is gone");
}

static void
watch_test(struct mx_object *service)
{
	struct mx_object *watcher = mx_object_create(&watcher_class);
	mach_port_t port = mx_object_send_right(watcher);

	tap_ok(acs_watch(mx_acs, "watched", 7, port) == KERN_SUCCESS, "watch a name");
	(void)mx_register("watched", service);
	mx_sleep_ns(50000000);
	tap_ok(changes_up == 1 && changes_down == 0 && changed_service == service->mo_port, "it comes");
	(void)acs_unregister(mx_acs, "watched", 7);
	mx_sleep_ns(50000000);
	tap_ok(changes_up == 1 && changes_down == 1, "it goes");
	tap_ok(acs_watch(mx_acs, "dev.9", 5, port) == MX_EPERM, "watch a name that is not granted");
	mx_port_release(port);
	deaf_watch_test(service);
}

void
names_test(struct mx_object *service)
{
	register_test(service);
	lookup_test();
	group_test();
	public_test(service);
	rights_test();
	files_test();
	watch_test(service);
}
