/*
 * vfs_disks.c - nodes in /dev for the disks that there are.
 *
 * Drivers of disks are in the group "dev.disks" of ACS. Each is asked for its list (dev_list), and again: the answer comes when
 * the list changes. So nobody has to call vfs. The nodes of a driver that died stay until its next instance has told what is there.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "acs.h"
#include "acs_notify_S.h"
#include "dev.h"
#include "vfs_rpc.h"

#define GROUP		"dev.disks"
#define DISKS_MAX	1024u		/* of one driver: lines that are looked at */
#define NAME_LEN	16u
#define MAJORS		256u
#define MINOR_MAX	0xfffffu

extern boolean_t acs_notify_server(mach_msg_header_t *in, mach_msg_header_t *out);

/* A driver whose list is followed. */
struct driver {
	struct driver	*dr_next;
	mach_port_t	dr_port;
};

struct disk {
	uint32_t	di_major, di_minor;
	char		di_name[NAME_LEN];
};

static struct driver *drivers;
static struct vfs_who disks_who;
static struct vfs_name *disks_dev;	/* /dev */

/* ---- Nodes ---- */

/* The decimal number at *AT, and the blank behind it. */
static uint64_t
number_take(const char **at, const char *end)
{
	uint64_t n = 0;

	while (*at < end && **at >= '0' && **at <= '9' && n < UINT64_MAX / 10 - 1)
		n = n * 10 + (uint64_t)(*(*at)++ - '0');
	if (*at < end && **at == ' ')
		(*at)++;
	return n;
}

static bool
name_is_good(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9'))
			return false;
	return len > 0 && len < NAME_LEN;
}

/* The line at *AT of a list that ends at END. False: there is none that makes sense. */
static bool
line_take(const char **at, const char *end, struct disk *di)
{
	const char *eol = memchr(*at, '\n', (size_t)(end - *at));
	uint64_t major, minor;

	if (eol == NULL)
		return false;
	major = number_take(at, eol);
	minor = number_take(at, eol);
	(void)number_take(at, eol);		/* its size */
	if (major >= MAJORS || minor > MINOR_MAX || !name_is_good(*at, (size_t)(eol - *at)))
		return false;
	memset(di, 0, sizeof *di);
	di->di_major = (uint32_t)major;
	di->di_minor = (uint32_t)minor;
	memcpy(di->di_name, *at, (size_t)(eol - *at));
	*at = eol + 1;
	return true;
}

static void
name_make(const char *path, struct pfs_new *what)
{
	struct vfs_path pa = { disks_dev, path, strlen(path), 0, NULL };
	kern_return_t kr = vfs_op_make(&disks_who, &pa, what);

	if (kr != KERN_SUCCESS && kr != MX_EEXIST)
		mx_log(MX_LOG_WARNING, "/dev/%s cannot be made: error 0x%x", path, kr);
}

static void
name_remove(const char *path)
{
	struct vfs_path pa = { disks_dev, path, strlen(path), 0, NULL };

	(void)vfs_op_unlink(&disks_who, &pa, false);	/* who has removed it before us is welcome */
}

/* Its other name, in /dev/block. */
static void
number_name(const struct disk *di, char path[32])
{
	(void)snprintf(path, 32, "block/%u:%u", (unsigned int)di->di_major, (unsigned int)di->di_minor);
}

static void
node_make(const struct disk *di)
{
	struct pfs_new node = {
		.nw_mode = MX_S_IFBLK | 0660, .nw_rdev_major = di->di_major, .nw_rdev_minor = di->di_minor,
	};
	char path[32], target[NAME_LEN + 4] = "../";
	struct pfs_new link = { .nw_mode = MX_S_IFLNK | 0777, .nw_target = target };

	name_make(di->di_name, &node);
	number_name(di, path);
	memcpy(target + 3, di->di_name, NAME_LEN);
	link.nw_target_len = strlen(target);
	name_make(path, &link);
}

static void
node_remove(const struct disk *di)
{
	char path[32];

	name_remove(di->di_name);
	number_name(di, path);
	name_remove(path);
}

static bool
list_has(const struct disk *list, unsigned int n, const struct disk *di)
{
	for (; n > 0; n--, list++)
		if (list->di_major == di->di_major && list->di_minor == di->di_minor && strcmp(list->di_name, di->di_name) == 0)
			return true;
	return false;
}

/* ---- Drivers ---- */

static unsigned int
list_parse(const char *text, size_t length, struct disk *list, unsigned int max)
{
	const char *end = text + length;
	unsigned int n = 0;

	while (n < max && line_take(&text, end, &list[n]))
		n++;
	return n;
}

/* What was OLD is NEW from now on. */
static void
nodes_change(const struct disk *old, unsigned int nold, const struct disk *new, unsigned int nnew)
{
	for (unsigned int i = 0; i < nold; i++)
		if (!list_has(new, nnew, &old[i]))
			node_remove(&old[i]);
	for (unsigned int i = 0; i < nnew; i++)
		if (!list_has(old, nold, &new[i]))
			node_make(&new[i]);
}

/* The disks of all drivers that ever were, by major number: a new instance's list replaces the old one's. */
static struct known {
	struct disk	*kn_list;
	unsigned int	kn_count;
} known[MAJORS];

/* Take over LIST, all of it with the same major numbers as the driver had before. Rights: LIST is taken */
static void
known_set(uint32_t major, const struct disk *list, unsigned int count)
{
	struct known *kn = &known[major];
	struct disk *copy = malloc((count + 1) * sizeof *copy);
	unsigned int n = 0;

	if (copy == NULL)
		return;
	for (unsigned int i = 0; i < count; i++)
		if (list[i].di_major == major)
			copy[n++] = list[i];
	nodes_change(kn->kn_list, kn->kn_count, copy, n);
	free(kn->kn_list);
	kn->kn_list = copy;
	kn->kn_count = n;
}

static void
list_take(const char *text, size_t length)
{
	struct disk *list = malloc(DISKS_MAX * sizeof *list);
	unsigned int n;

	if (list == NULL)
		return;
	n = list_parse(text, length, list, DISKS_MAX);
	for (unsigned int i = 0; i < n; i++) {
		bool is_first = true;

		for (unsigned int j = 0; j < i; j++)
			is_first = is_first && list[j].di_major != list[i].di_major;
		if (is_first)
			known_set(list[i].di_major, list, n);
	}
	free(list);
}

static void
driver_forget(struct driver *dr)
{
	struct driver **at;

	for (at = &drivers; *at != dr; at = &(*at)->dr_next)
		;
	*at = dr->dr_next;
	mx_port_release(dr->dr_port);
	free(dr);
}

/* Until it dies. */
static void
driver_follow(void *arg)
{
	struct driver *dr = arg;
	uint32_t number = 0;
	kern_return_t kr;

	do {
		mach_msg_type_number_t length = 0;
		vm_offset_t text = 0;

		kr = dev_list(dr->dr_port, 0, number, &number, &text, &length);
		if (kr != KERN_SUCCESS)
			break;
		list_take((const char *)text, length);
		if (length > 0)
			mx_pages_free((void *)text, length);
	} while (number != 0);
	driver_forget(dr);
}

static bool
is_followed(mach_port_t port)
{
	const struct driver *dr;

	for (dr = drivers; dr != NULL && dr->dr_port != port; dr = dr->dr_next)
		;
	return dr != NULL;
}

/* Rights: takes PORT. */
static void
driver_found(mach_port_t port)
{
	struct driver *dr;

	if (is_followed(port) || (dr = malloc(sizeof *dr)) == NULL) {
		mx_port_release(port);
		return;
	}
	*dr = (struct driver){ drivers, port };
	drivers = dr;
	if (mx_fibril_start(driver_follow, dr, "disks") != KERN_SUCCESS)
		driver_forget(dr);
}

static void
drivers_find(void)
{
	mach_msg_type_number_t count = 0;
	mach_port_t *ports = NULL;

	if (acs_lookup_all(mx_acs, GROUP, sizeof GROUP - 1, &ports, &count) != KERN_SUCCESS)
		return;			/* there is none now */
	for (mach_msg_type_number_t i = 0; i < count; i++)
		driver_found(ports[i]);
	mx_pages_free(ports, count * sizeof *ports);
}

/* ---- ACS tells of drivers ---- */

static mx_demux_t *const watcher_demuxes[] = { acs_notify_server, NULL };
static struct mx_class watcher_class = {
	.mc_name = "disks watcher", .mc_size = sizeof(struct mx_object), .mc_demux = watcher_demuxes,
};

kern_return_t
S_acs_name_changed(mx_object_ptr_t obj, const mx_name_t name, mach_msg_type_number_t name_count, mach_port_t service)
{
	(void)obj;
	(void)name;
	(void)name_count;
	if (!MACH_PORT_VALID(service))
		return KERN_SUCCESS;		/* lost: who follows it notices, too */
	mx_port_release(service);
	drivers_find();
	return KERN_SUCCESS;
}

kern_return_t
vfs_disks_start(const struct vfs_who *who, struct vfs_name *dev)
{
	struct mx_object *watcher = mx_object_create(&watcher_class);
	mach_port_t right;
	kern_return_t kr;

	if (watcher == NULL)
		return KERN_RESOURCE_SHORTAGE;
	disks_who = *who;
	disks_dev = dev;
	vfs_name_hold(dev);
	right = mx_object_send_right(watcher);
	kr = acs_watch(mx_acs, GROUP, sizeof GROUP - 1, right);
	mx_port_release(right);		/* told of those that are there already, too */
	return kr;
}
