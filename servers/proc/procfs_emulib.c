/*
 * procfs_emulib.c - what only emulib knows of its process: descriptors, threads, masks, the file context.
 *
 * proc reads it out of the process's memory, following pointers that the process may have set to anything. Every piece is
 * copied once, by a worker, and bounded; nothing that is found there is used for more than to be shown - or as the name of
 * a right in the process, which vfs looks at: it recognizes its own ports and answers nothing about others.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <masix/mach.h>
#include "proc_act.h"
#include "procfs.h"
#include "worker.h"
#include "../../emulib/emulib.h"
#include "../../emulib/file.h"
#include "mach.h"
#include "mach_port.h"
#include "vfs.h"
#include "vfs_admin.h"

#define PUBLIC_MAGIC	0x42555045u
#define THREADS_MAX	1024u

/* A process while its memory is read: reading parks, and it may end. */
struct about {
	int32_t		a_pid;
	uint64_t	a_birth;
};

static struct about
about(const struct proc *p)
{
	return (struct about){ p->p_pid, p->p_start_ns };
}

static struct proc *
about_proc(const struct about *a)
{
	struct proc *p = proc_find(a->a_pid);

	return p != NULL && p->p_start_ns == a->a_birth ? p : NULL;
}

static bool
peek(const struct about *a, const void *address, void *to, size_t size)
{
	const struct proc *p = about_proc(a);

	return p != NULL && address != NULL && task_memory_read(p->p_task, (uint32_t)address, to, size) == size;
}

static bool
process_peek(const struct about *a, struct em_process *ep)
{
	struct em_public pu;

	return peek(a, (const void *)proc_load_public(), &pu, sizeof(pu)) && pu.pu_magic == PUBLIC_MAGIC &&
		peek(a, pu.pu_process, ep, sizeof(*ep));
}

/* ---- Threads ---- */

/* Thread N of EP into T. */
static bool
thread_peek(const struct about *a, const struct em_process *ep, int32_t n, struct em_thread *t)
{
	const struct em_thread *at = ep->p_threads;

	for (uint32_t i = 0; i < THREADS_MAX && peek(a, at, t, sizeof(*t)); i++) {
		if (t->t_tid == n)
			return true;
		at = t->t_next;
	}
	return false;
}

uint32_t
pf_thread_numbers(struct proc *p, int32_t *numbers)
{
	const struct about a = about(p);
	const struct em_thread *at;
	struct em_process ep;
	struct em_thread t;
	uint32_t n = 0;

	numbers[0] = a.a_pid;
	if (p->p_state == PROC_ZOMBIE || !process_peek(&a, &ep))
		return 1;
	for (at = ep.p_threads; n < THREADS_MAX && peek(&a, at, &t, sizeof(t)); at = t.t_next)
		numbers[n++] = t.t_tid;
	return n != 0 ? n : 1;
}

bool
pf_thread_name(struct proc *p, int32_t n, char name[PROC_COMM_MAX])
{
	const struct about a = about(p);
	struct em_process ep;
	struct em_thread t;

	if (n == p->p_pid || !process_peek(&a, &ep) || !thread_peek(&a, &ep, n, &t) || t.t_comm[0] == '\0')
		return false;
	memcpy(name, t.t_comm, PROC_COMM_MAX - 1);
	name[PROC_COMM_MAX - 1] = '\0';
	return true;
}

void
pf_signals(struct proc *p, int32_t n, struct pf_signals *s)
{
	const struct about a = about(p);
	struct em_process ep;
	struct em_thread t;

	memset(s, 0, sizeof(*s));
	if (p->p_state == PROC_ZOMBIE || !process_peek(&a, &ep))
		return;
	for (uint32_t i = 0; i < 64; i++) {
		if (ep.p_action[i].sa_handler == 1)
			s->s_ignored |= 1ull << i;
		else if (ep.p_action[i].sa_handler != 0)
			s->s_caught |= 1ull << i;
	}
	s->s_pending = ep.p_pending;
	s->s_umask = ep.p_umask & 0777;
	if (thread_peek(&a, &ep, n, &t)) {
		s->s_blocked = t.t_mask;
		s->s_thread_pending = t.t_pending;
	}
}

/* ---- Descriptors ---- */

/* The table of descriptors, to be freed; *SIZE entries. */
static struct em_fd *
fds_peek(const struct about *a, uint32_t *size)
{
	struct em_process ep;
	struct em_files fs;
	struct em_fd *fds;

	if (!process_peek(a, &ep) || !peek(a, ep.p_files, &fs, sizeof(fs)) || fs.fs_size == 0)
		return NULL;
	*size = fs.fs_size < PF_NUMBERS_MAX ? fs.fs_size : PF_NUMBERS_MAX;
	fds = calloc(*size, sizeof(*fds));
	if (fds != NULL && !peek(a, fs.fs_fd, fds, *size * sizeof(*fds))) {
		free(fds);
		return NULL;
	}
	return fds;
}

uint32_t
pf_fd_numbers(struct proc *p, int32_t *numbers)
{
	const struct about a = about(p);
	struct em_fd *fds;
	uint32_t n = 0, size;

	if (p->p_state == PROC_ZOMBIE)
		return 0;
	fds = fds_peek(&a, &size);
	for (uint32_t i = 0; fds != NULL && i < size; i++) {
		if (fds[i].fd_file != NULL)
			numbers[n++] = (int32_t)i;
	}
	free(fds);
	return n;
}

static bool
file_peek(const struct about *a, int32_t n, struct em_file *file)
{
	uint32_t size;
	struct em_fd *fds = fds_peek(a, &size);
	const struct em_file *at = NULL;

	if (fds != NULL && n >= 0 && (uint32_t)n < size)
		at = fds[n].fd_file;
	free(fds);
	return peek(a, at, file, sizeof(*file));
}

/* A copy of the send right that the process calls NAME, or MACH_PORT_NULL. */
static mach_port_t
right_copy(const struct about *a, mach_port_t name)
{
	const struct proc *p = about_proc(a);
	mach_msg_type_name_t type;
	mach_port_t right;

	if (p == NULL || p->p_task == MACH_PORT_NULL || !MACH_PORT_VALID(name) ||
	    mach_port_extract_right(p->p_task, name, MACH_MSG_TYPE_COPY_SEND, &right, &type) != KERN_SUCCESS)
		return MACH_PORT_NULL;
	return right;
}

/* A file context of proc's own: the system's root, as root. */
static mach_port_t
context_get(void)
{
	static const struct mx_cred root;
	static mach_port_t ctx;

	if (ctx == MACH_PORT_NULL && vfs_context_create(proc_vfs_admin, MACH_PORT_NULL, root, NULL, 0, &ctx) != KERN_SUCCESS)
		ctx = MACH_PORT_NULL;
	return ctx;
}

/* ---- Names ---- */

static kern_return_t
answer(const char *s, size_t length, char *buf, size_t size, size_t *out)
{
	*out = length < size ? length : size;
	memcpy(buf, s, *out);
	return KERN_SUCCESS;
}

/* The names of devices that are not found by their port. */
static size_t
device_name(const struct mx_attr *at, char *buf, size_t size)
{
	static const struct { uint32_t major, minor; const char *name; } devices[] = {
		{ 1, 3, "null" }, { 1, 5, "zero" }, { 1, 7, "full" }, { 1, 8, "random" }, { 1, 9, "urandom" }, { 5, 0, "tty" },
		{ 5, 1, "console" }, { 5, 2, "ptmx" }, { MX_MAJOR_EXEC, 0, "exec/stdin" }, { MX_MAJOR_EXEC, 1, "exec/stdout" },
		{ MX_MAJOR_EXEC, 2, "exec/stderr" }, { MX_MAJOR_EXEC, 3, "exec/control" }, { MX_MAJOR_ACS, 0, "acs" },
		{ MX_MAJOR_ACS, 1, "acslog" },
	};

	if (at->at_rdev_major == 136)
		return (size_t)snprintf(buf, size, "/dev/pts/%u", (unsigned int)at->at_rdev_minor);
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		if (devices[i].major == at->at_rdev_major && devices[i].minor == at->at_rdev_minor)
			return (size_t)snprintf(buf, size, "/dev/%s", devices[i].name);
	}
	return (size_t)snprintf(buf, size, "/dev/char/%u:%u", (unsigned int)at->at_rdev_major, (unsigned int)at->at_rdev_minor);
}

/* What has no path: as Linux calls it. 0: it should have one. */
static size_t
nameless(const struct em_file *f, char *buf, size_t size)
{
	unsigned long long ino = (unsigned long long)f->f_attr.at_ino;

	switch (f->f_kind) {
	case EM_KIND_PIPE:
		return (size_t)snprintf(buf, size, "pipe:[%llu]", ino);
	case EM_KIND_SOCKET:
		return (size_t)snprintf(buf, size, "socket:[%llu]", ino);
	case EM_KIND_EVENTFD:
		return (size_t)snprintf(buf, size, "anon_inode:[eventfd]");
	case EM_KIND_TIMERFD:
		return (size_t)snprintf(buf, size, "anon_inode:[timerfd]");
	case EM_KIND_SIGNALFD:
		return (size_t)snprintf(buf, size, "anon_inode:[signalfd]");
	case EM_KIND_EPOLL:
		return (size_t)snprintf(buf, size, "anon_inode:[eventpoll]");
	}
	return (f->f_attr.at_mode & MX_S_IFMT) == MX_S_IFCHR ? device_name(&f->f_attr, buf, size) : 0;
}

kern_return_t
pf_link_fd(struct proc *p, int32_t n, int32_t who, char *buf, size_t size, size_t *length)
{
	const struct about a = about(p);
	char path[MX_PATH_MAX];
	mach_msg_type_number_t count = sizeof(path);
	struct em_file f;
	mach_port_t io;
	size_t len;
	kern_return_t kr;

	if (!pf_may_look(p, who))
		return MX_EACCES;
	if (!file_peek(&a, n, &f))
		return MX_ENOENT;
	len = nameless(&f, path, sizeof(path));
	if (len != 0)
		return answer(path, len, buf, size, length);
	io = right_copy(&a, f.f_port);
	if (io == MACH_PORT_NULL)
		return MX_ENOENT;
	kr = vfs_path_of(context_get(), io, path, &count);
	mx_port_release(io);
	return kr == KERN_SUCCESS ? answer(path, count, buf, size, length) : answer("(deleted)", 9, buf, size, length);
}

kern_return_t
pf_link_cwd(struct proc *p, int32_t n, int32_t who, char *buf, size_t size, size_t *length)
{
	static const struct mx_cred root;
	const struct about a = about(p);
	char path[MX_PATH_MAX];
	mach_msg_type_number_t count = sizeof(path);
	mach_port_t theirs, ours;
	struct em_process ep;
	kern_return_t kr;

	(void)n;
	if (!pf_may_look(p, who))
		return MX_EACCES;
	if (!process_peek(&a, &ep))
		return MX_ENOENT;
	theirs = right_copy(&a, ep.p_vfs);
	if (theirs == MACH_PORT_NULL)
		return MX_ENOENT;
	/* Theirs may be any port: vfs says whether it is a context, and makes one of the same directories that we can ask. */
	kr = vfs_context_create(proc_vfs_admin, theirs, root, NULL, 0, &ours);
	mx_port_release(theirs);
	if (kr != KERN_SUCCESS)
		return MX_ENOENT;
	kr = vfs_getcwd(ours, path, &count);
	mx_port_release(ours);
	return kr == KERN_SUCCESS ? answer(path, count, buf, size, length) : kr;
}
