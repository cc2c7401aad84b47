/*
 * procfs.c - nodes of /proc: finding, listing, and handing out what the tables say.
 *
 * A node is an entry of a table and the process it is about. Live nodes are kept in a hash, so that the same file is the
 * same node. Processes come and go under their nodes: each use looks the process up again and compares its time of birth, because
 * its number may be another's by now.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proc_act.h"
#include "procfs.h"
#include "worker.h"
#include "vfs_admin.h"

#define NODE_HASH	64
#define PROC_MAGIC	0x9fa0
#define INO_FD		0x40000000u	/* links below /proc/PID/fd */
#define INO_TASK	0x80000000u	/* below /proc/PID/task/TID of other threads */

struct pf_node {
	struct pfs_node	n_node;
	struct pf_entry	*n_entry;
	int32_t		n_pid;		/* 0: not about a process */
	int32_t		n_number;	/* of a thread or descriptor; else n_pid */
	uint64_t	n_birth;
	struct pf_node	*n_next;	/* same hash */
};

static struct pf_entry root_entry = {
	.e_name = "/", .e_mode = PF_DIR, .e_entries = pf_root_entries, .e_more = PF_PROCESSES,
};
static struct pf_entry process_entry = { .e_name = "PID", .e_mode = PF_DIR, .e_entries = pf_process_entries };
static struct pf_entry thread_entry = { .e_name = "TID", .e_mode = PF_DIR, .e_entries = pf_process_entries };
static struct pf_entry fd_entry = { .e_name = "FD", .e_mode = MX_S_IFLNK | 0700, .e_link = pf_link_fd };
static struct pf_node *nodes[NODE_HASH];

/* ---- Nodes ---- */

/* The process that N is about, NULL when it is about none. Errors: MX_ENOENT it is gone */
static kern_return_t
node_process(const struct pf_node *n, struct proc **p)
{
	*p = NULL;
	if (n->n_pid == 0)
		return KERN_SUCCESS;
	*p = proc_find(n->n_pid);
	return *p != NULL && (*p)->p_start_ns == n->n_birth ? KERN_SUCCESS : MX_ENOENT;
}

static struct pf_node **
node_bucket(const struct pf_entry *e, int32_t pid)
{
	return &nodes[(e->e_id * 31 + (uint32_t)pid) % NODE_HASH];
}

/* Unique while PIDs and numbers stay below 2^21 and 2^19. */
static uint64_t
node_ino(const struct pf_entry *e, int32_t pid, int32_t number)
{
	uint32_t ino = (uint32_t)pid * 256 + e->e_id;

	if (e == &fd_entry)
		return INO_FD | (((uint32_t)pid * PF_NUMBERS_MAX + (uint32_t)number) & (INO_FD - 1));
	return number == pid ? ino : INO_TASK | (((uint32_t)number * 256 + e->e_id) & (INO_FD - 1));
}

/* The node of E for P and NUMBER; a reference for the caller. Errors: NULL */
static struct pf_node *
node_get(struct pfs_volume *vol, struct pf_entry *e, struct proc *p, int32_t number)
{
	int32_t pid = p != NULL ? p->p_pid : 0;
	struct pf_node **head = node_bucket(e, pid), *n;

	for (n = *head; n != NULL; n = n->n_next) {
		if (n->n_entry == e && n->n_pid == pid && n->n_number == number && n->n_node.pn_volume == vol &&
		    (p == NULL || n->n_birth == p->p_start_ns)) {
			pfs_node_hold(&n->n_node);
			return n;
		}
	}
	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return NULL;
	pfs_node_init(&n->n_node, vol, node_ino(e, pid, number), e->e_mode);
	n->n_node.pn_attr.at_nlink = (e->e_mode & MX_S_IFMT) == MX_S_IFDIR ? 2 : 1;
	n->n_entry = e;
	n->n_pid = pid;
	n->n_number = number;
	n->n_birth = p != NULL ? p->p_start_ns : 0;
	n->n_next = *head;
	*head = n;
	return n;
}

static void
pf_release(struct pfs_node *node)
{
	struct pf_node *n = (struct pf_node *)node, **at = node_bucket(n->n_entry, n->n_pid);

	while (*at != n)
		at = &(*at)->n_next;
	*at = n->n_next;
	free(n);
}

static kern_return_t
pf_getattr(struct pfs_node *node)
{
	struct proc *p;
	kern_return_t kr = node_process((struct pf_node *)node, &p);

	if (kr == KERN_SUCCESS && p != NULL) {
		node->pn_attr.at_uid = p->p_cred.c_ids.cr_euid;
		node->pn_attr.at_gid = p->p_cred.c_ids.cr_egid;
	}
	return kr;
}

/* ---- Directories ---- */

/* NAME as a pid: digits without leading zero. 0: it is none. */
static int32_t
pid_parse(const char *name, size_t length)
{
	int32_t pid = 0;

	if (length == 0 || length > 9 || name[0] == '0')
		return 0;
	for (size_t i = 0; i < length; i++) {
		if (name[i] < '0' || name[i] > '9')
			return 0;
		pid = pid * 10 + (name[i] - '0');
	}
	return pid;
}

static struct pf_entry *
entry_find(struct pf_entry *table, const char *name, size_t length)
{
	for (; table != NULL && table->e_name != NULL; table++) {
		if (strlen(table->e_name) == length && memcmp(table->e_name, name, length) == 0)
			return table;
	}
	return NULL;
}

/* Has directory D the entry E of its table? A thread has all that a process has, but no threads. */
static bool
entry_is_here(const struct pf_node *d, const struct pf_entry *e)
{
	return d->n_entry != &thread_entry || e->e_more != PF_TASKS;
}

/* Is NUMBER one of P's threads or descriptors? Blocks: a worker */
static bool
number_exists(struct proc *p, enum pf_more more, int32_t number)
{
	int32_t *numbers;
	uint32_t n;
	bool found = false;

	if (more == PF_TASKS && number == p->p_pid)
		return true;
	numbers = malloc(PF_NUMBERS_MAX * sizeof(*numbers));
	if (numbers == NULL)
		return false;
	n = more == PF_TASKS ? pf_thread_numbers(p, numbers) : pf_fd_numbers(p, numbers);
	for (uint32_t i = 0; i < n && !found; i++)
		found = numbers[i] == number;
	free(numbers);
	return found;
}

/* What NAME, which is no entry of a table, is in directory D of process P: the entry, the process, the number. */
static kern_return_t
lookup_number(const struct pf_node *d, const char *name, size_t length, struct pf_entry **e, struct proc **p, int32_t *number)
{
	enum pf_more more = d->n_entry->e_more;
	kern_return_t kr;

	*number = length == 1 && name[0] == '0' ? 0 : pid_parse(name, length);
	if (more == PF_NOTHING || (*number == 0 && (more != PF_FDS || name[0] != '0')))
		return MX_ENOENT;
	if (more == PF_PROCESSES) {
		*p = proc_find(*number);
		*e = &process_entry;
		return *p != NULL ? KERN_SUCCESS : MX_ENOENT;
	}
	*e = more == PF_TASKS ? &thread_entry : &fd_entry;
	if (!number_exists(*p, more, *number))
		return MX_ENOENT;
	kr = node_process(d, p);		/* looking parked */
	return kr;
}

static kern_return_t
pf_lookup(struct pfs_node *dir, const char *name, size_t length, int32_t who, struct pfs_node **out)
{
	struct pf_node *d = (struct pf_node *)dir, *n;
	int32_t number = d->n_number;
	struct pf_entry *e;
	struct proc *p;
	kern_return_t kr;

	(void)who;
	kr = node_process(d, &p);
	if (kr != KERN_SUCCESS)
		return kr;
	e = entry_find(d->n_entry->e_entries, name, length);
	if (e != NULL && !entry_is_here(d, e))
		return MX_ENOENT;
	if (e == NULL)
		kr = lookup_number(d, name, length, &e, &p, &number);
	if (kr != KERN_SUCCESS)
		return kr;
	n = node_get(dir->pn_volume, e, p, number);
	if (n == NULL)
		return MX_ENOMEM;
	(void)pf_getattr(&n->n_node);		/* its process was there just now */
	*out = &n->n_node;
	return KERN_SUCCESS;
}

#define COOKIE_NUMBERS	1000u		/* cookies below: the table */

static bool
list_number(struct pfs_dirents *out, const struct pf_entry *e, int32_t pid, int32_t number)
{
	char name[12];
	int length = snprintf(name, sizeof(name), "%d", (int)number);

	return pfs_dirent_add(out, node_ino(e, pid, number), COOKIE_NUMBERS + (uint32_t)number + 1, e->e_mode, name, (size_t)length);
}

/* All processes from the number in COOKIE on, in the order of their numbers. */
static void
list_processes(struct pfs_dirents *out, int32_t from)
{
	for (int32_t pid = from > 0 ? from : 1; pid < PROC_PID_MAX; pid++) {
		if (proc_find(pid) != NULL && !list_number(out, &process_entry, pid, pid))
			return;
	}
}

static int
number_compare(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return x < y ? -1 : x > y;
}

/* P's threads or descriptors from FROM on, in order. */
static kern_return_t
list_numbers(struct pfs_dirents *out, struct proc *p, enum pf_more more, int32_t from)
{
	int32_t pid = p->p_pid, *numbers = malloc(PF_NUMBERS_MAX * sizeof(*numbers));
	uint32_t n;

	if (numbers == NULL)
		return MX_ENOMEM;
	n = more == PF_TASKS ? pf_thread_numbers(p, numbers) : pf_fd_numbers(p, numbers);
	qsort(numbers, n, sizeof(*numbers), number_compare);
	for (uint32_t i = 0; i < n; i++) {
		if (numbers[i] >= from && !list_number(out, more == PF_TASKS ? &thread_entry : &fd_entry, pid, numbers[i]))
			break;
	}
	free(numbers);
	return KERN_SUCCESS;
}

static kern_return_t
pf_readdir(struct pfs_node *dir, uint64_t cookie, int32_t who, struct pfs_dirents *out)
{
	struct pf_node *d = (struct pf_node *)dir;
	const struct pf_entry *table = d->n_entry->e_entries;
	int32_t from = cookie > COOKIE_NUMBERS ? (int32_t)(cookie - COOKIE_NUMBERS) : 0;
	struct proc *p;
	kern_return_t kr;

	(void)who;
	kr = node_process(d, &p);
	if (kr != KERN_SUCCESS)
		return kr;
	if (cookie > INT32_MAX)
		return KERN_SUCCESS;
	for (uint32_t i = 0; table != NULL && table[i].e_name != NULL; i++) {
		if (i < cookie || !entry_is_here(d, &table[i]))
			continue;
		if (!pfs_dirent_add(out, node_ino(&table[i], d->n_pid, d->n_number), i + 1, table[i].e_mode,
		    table[i].e_name, strlen(table[i].e_name)))
			return KERN_SUCCESS;
	}
	if (d->n_entry->e_more == PF_PROCESSES)
		list_processes(out, from);
	else if (d->n_entry->e_more != PF_NOTHING && p != NULL)
		kr = list_numbers(out, p, d->n_entry->e_more, from);
	return kr;
}

/* ---- Files and links ---- */

static kern_return_t
pf_text(struct pfs_node *node, struct pfs_text *text)
{
	const struct pf_node *n = (const struct pf_node *)node;
	struct proc *p;
	kern_return_t kr = node_process(n, &p);

	if (kr != KERN_SUCCESS)
		return MX_ESRCH;
	return n->n_entry->e_text != NULL ? n->n_entry->e_text(p, n->n_number, text) : MX_EINVAL;
}

static kern_return_t
pf_text_write(struct pfs_node *node, uint32_t uid, const char *data, size_t size)
{
	const struct pf_node *n = (const struct pf_node *)node;
	struct proc *p;
	kern_return_t kr = node_process(n, &p);

	if (kr != KERN_SUCCESS)
		return MX_ESRCH;
	return n->n_entry->e_write != NULL ? n->n_entry->e_write(p, uid, data, size) : MX_EACCES;
}

static kern_return_t
pf_readlink(struct pfs_node *node, int32_t who, char *buf, size_t size, size_t *length)
{
	const struct pf_node *n = (const struct pf_node *)node;
	struct proc *p;
	kern_return_t kr = node_process(n, &p);

	if (kr != KERN_SUCCESS)
		return kr;
	return n->n_entry->e_link != NULL ? n->n_entry->e_link(p, n->n_number, who, buf, size, length) : MX_EINVAL;
}

/* ---- The volume ---- */

static kern_return_t
pf_mount(struct pfs_volume *vol, const struct pfs_mount_args *args)
{
	struct pf_node *root = node_get(vol, &root_entry, NULL, 0);

	(void)args;
	if (root == NULL)
		return MX_ENOMEM;
	vol->pv_root = &root->n_node;
	return KERN_SUCCESS;
}

static const struct pfs_ops ops = {
	.po_name = "proc", .po_cache = MX_CACHE_NONE, .po_magic = PROC_MAGIC,
	.po_mount = pf_mount, .po_lookup = pf_lookup, .po_readdir = pf_readdir, .po_getattr = pf_getattr,
	.po_readlink = pf_readlink, .po_release = pf_release, .po_text = pf_text, .po_text_write = pf_text_write,
};

/* Number the entries below TABLE; 1 is the root. */
static uint32_t
entries_number(struct pf_entry *table, uint32_t next)
{
	for (; table != NULL && table->e_name != NULL; table++) {
		table->e_id = next++;
		if (table->e_entries != pf_process_entries)
			next = entries_number(table->e_entries, next);
	}
	return next;
}

kern_return_t
procfs_start(void)
{
	uint32_t next;

	root_entry.e_id = 1;
	process_entry.e_id = 2;
	thread_entry.e_id = 3;
	fd_entry.e_id = 4;
	next = entries_number(pf_process_entries, 5);
	next = entries_number(pf_root_entries, next);
	mx_assert(next <= 256);
	return pfs_server_register("pfs.proc", &ops);
}

/* ---- For the tables ---- */

size_t
pf_memory(struct proc *p, uint32_t address, uint32_t end, struct pfs_text *text)
{
	size_t size = end > address ? end - address : 0, got;
	char *buf;

	if (size == 0 || p->p_task == MACH_PORT_NULL)
		return 0;
	if (size > 128 * 1024)
		size = 128 * 1024;
	buf = malloc(size);
	if (buf == NULL)
		return 0;
	got = task_memory_read(p->p_task, address, buf, size);
	pfs_text_write(text, buf, got);
	free(buf);
	return got;
}

kern_return_t
pf_mounts(uint32_t which, struct pfs_text *text)
{
	char buf[MX_DATA_MAX];
	mach_msg_type_number_t size = sizeof(buf);
	kern_return_t kr = vfs_mounts(proc_vfs_admin, which, buf, &size);

	if (kr == KERN_SUCCESS)
		pfs_text_write(text, buf, size);
	return kr;
}
