/*
 * fd.c - the descriptor table, and the life of open files.
 *
 * A table may be shared by threads and CLONE_FILES; files are shared by the descriptors that dup made, also across tables of one
 * address space (a vfork child's table holds its parent's files: closing there lets go of a reference and nothing else). When the last
 * reference in this address space goes, the rights go, and the object's server hears of it when the last process has let go.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "poll.h"

#define FD_FIRST_SIZE	32u
#define FD_LIMIT_DEFAULT 1024u
#define FD_LIMIT_MAX	65536u
#define CLOSE_RANGE_UNSHARE 2u
#define CLOSE_RANGE_CLOEXEC 4u

volatile uint32_t em_file_lock;
static struct em_file *fd_all_files;

/* ---- Files ---- */

uint32_t
em_file_serial(void)
{
	static uint32_t serial;

	return __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
}

/* The file of D, which is there. Locks: em_file_lock */
static void
fd_file_init(struct em_file *f, uint32_t kind, const struct em_class *cls, struct em_desc *d, const struct mx_attr *attr)
{
	f->f_next = fd_all_files;
	if (fd_all_files != NULL)
		fd_all_files->f_prev = f;
	fd_all_files = f;
	f->f_desc = d;
	f->f_class = cls;
	f->f_kind = kind;
	f->f_refs = 1;
	f->f_serial = em_file_serial();
	f->f_is_seekable = cls->c_flags & EM_CLASS_SEEK;
	if (attr != NULL)
		f->f_attr = *attr;
}

struct em_file *
em_file_create(uint32_t kind, const struct em_class *cls, mach_port_t port, uint32_t flags, const struct mx_attr *attr)
{
	struct em_file *f = em_alloc(sizeof *f);
	struct em_desc *d;

	if (f == NULL)
		return NULL;
	em_lock(&em_file_lock);
	d = em_desc_alloc();
	if (d != NULL)
		fd_file_init(f, kind, cls, d, attr);
	em_unlock(&em_file_lock);
	if (d == NULL) {
		em_free(f, sizeof *f);
		return NULL;
	}
	f->f_port = port;
	d->d_flags = flags;
	d->d_kind = kind;
	return f;
}

struct em_file *
em_file_adopt(uint32_t kind, const struct em_class *cls, uint32_t desc, const struct mx_attr *attr)
{
	struct em_file *f = em_alloc(sizeof *f);
	struct em_desc *d;

	if (f == NULL)
		return NULL;
	em_lock(&em_file_lock);
	d = em_desc_adopt(desc);
	if (d != NULL)
		fd_file_init(f, kind, cls, d, attr);
	em_unlock(&em_file_lock);
	if (d == NULL) {
		em_free(f, sizeof *f);
		return NULL;
	}
	return f;
}

void
em_file_hold(struct em_file *f)
{
	(void)__atomic_add_fetch(&f->f_refs, 1, __ATOMIC_RELAXED);
}

/* Take F out of the list and give back what it holds; its rights too if there are any in this task. */
static void
fd_file_destroy(struct em_file *f, bool has_rights)
{
	bool is_kept;

	em_epoll_forget(f);
	if (f->f_class->c_release != NULL)
		f->f_class->c_release(f);
	em_window_flush(f);
	em_window_release(f);
	is_kept = has_rights && em_kept_close(f);
	em_lock(&em_file_lock);
	if (f->f_prev != NULL)
		f->f_prev->f_next = f->f_next;
	else
		fd_all_files = f->f_next;
	if (f->f_next != NULL)
		f->f_next->f_prev = f->f_prev;
	em_desc_free(f->f_desc);
	em_unlock(&em_file_lock);
	if (has_rights) {
		if (!is_kept)
			em_port_release(f->f_port);
		em_port_release(f->f_port2);
	}
	em_free(f, sizeof *f);
}

void
em_file_release(struct em_file *f)
{
	if (__atomic_sub_fetch(&f->f_refs, 1, __ATOMIC_ACQ_REL) == 0)
		fd_file_destroy(f, true);
}

struct em_file *
em_window_oldest(void)
{
	struct em_file *oldest = NULL;

	for (struct em_file *f = fd_all_files; f != NULL; f = f->f_next) {
		const struct em_window *w = &f->f_window;

		if (w->w_addr != NULL && w->w_pins == 0 && (oldest == NULL || w->w_used < oldest->f_window.w_used))
			oldest = f;
	}
	return oldest;
}

/* ---- The table ---- */

static uint32_t
fd_limit(void)
{
	uint64_t limit = em_proc()->p_rlimit_nofile;

	if (limit == 0)
		return FD_LIMIT_DEFAULT;
	return limit < FD_LIMIT_MAX ? (uint32_t)limit : FD_LIMIT_MAX;
}

/* An empty table with one reference. Errors: NULL, no memory. */
struct em_files *
em_files_create(void)
{
	struct em_files *fs = em_alloc(sizeof *fs);

	if (fs != NULL)
		fs->fs_refs = 1;
	return fs;
}

static void
fd_table_free(struct em_files *fs)
{
	if (fs->fs_size > 0)
		em_free(fs->fs_fd, fs->fs_size * sizeof *fs->fs_fd);
}

/* A copy for a process that runs in this address space. Errors: NULL, no memory. */
struct em_files *
em_files_copy(struct em_files *from)
{
	struct em_files *fs = em_files_create();

	if (fs == NULL)
		return NULL;
	em_lock(&from->fs_lock);
	if (from->fs_size > 0)
		fs->fs_fd = em_alloc(from->fs_size * sizeof *fs->fs_fd);
	if (fs->fs_fd == NULL && from->fs_size > 0) {
		em_unlock(&from->fs_lock);
		em_free(fs, sizeof *fs);
		return NULL;
	}
	fs->fs_size = from->fs_size;
	fs->fs_lowest = from->fs_lowest;
	for (uint32_t i = 0; i < from->fs_size; i++) {
		fs->fs_fd[i] = from->fs_fd[i];
		if (fs->fs_fd[i].fd_file != NULL)
			em_file_hold(fs->fs_fd[i].fd_file);
	}
	em_unlock(&from->fs_lock);
	return fs;
}

void
em_files_release(struct em_files *fs)
{
	if (__atomic_sub_fetch(&fs->fs_refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (uint32_t i = 0; i < fs->fs_size; i++)
		if (fs->fs_fd[i].fd_file != NULL)
			em_file_release(fs->fs_fd[i].fd_file);
	fd_table_free(fs);
	em_free(fs, sizeof *fs);
}

/* Make room for descriptor FD; the lock is held. */
static bool
fd_table_grow(struct em_files *fs, uint32_t fd)
{
	uint32_t size = fs->fs_size == 0 ? FD_FIRST_SIZE : fs->fs_size;
	struct em_fd *table;

	while (size <= fd)
		size *= 2;
	if (size == fs->fs_size)
		return true;
	table = em_alloc(size * sizeof *table);
	if (table == NULL)
		return false;
	for (uint32_t i = 0; i < fs->fs_size; i++)
		table[i] = fs->fs_fd[i];
	fd_table_free(fs);
	fs->fs_fd = table;
	fs->fs_size = size;
	return true;
}

/* The lowest free descriptor from MINFD on; the lock is held. */
static uint32_t
fd_table_lowest(struct em_files *fs, uint32_t minfd)
{
	uint32_t fd = minfd < fs->fs_lowest ? fs->fs_lowest : minfd;

	while (fd < fs->fs_size && fs->fs_fd[fd].fd_file != NULL)
		fd++;
	if (minfd <= fs->fs_lowest)
		fs->fs_lowest = fd;
	return fd;
}

static struct em_file *
fd_table_clear(struct em_files *fs, uint32_t fd)
{
	struct em_file *f = fd < fs->fs_size ? fs->fs_fd[fd].fd_file : NULL;

	if (f == NULL)
		return NULL;
	fs->fs_fd[fd] = (struct em_fd){ 0 };
	if (fd < fs->fs_lowest)
		fs->fs_lowest = fd;
	return f;
}

struct em_file *
em_fd_get(int32_t fd)
{
	struct em_files *fs = em_proc()->p_files;
	struct em_file *f = NULL;

	em_lock(&fs->fs_lock);
	if ((uint32_t)fd < fs->fs_size)
		f = fs->fs_fd[fd].fd_file;
	if (f != NULL)
		em_file_hold(f);
	em_unlock(&fs->fs_lock);
	return f;
}

struct em_file *
em_fd_get_io(int32_t fd)
{
	struct em_file *f = em_fd_get(fd);

	if (f != NULL && em_file_flags(f) & MX_O_PATH) {
		em_file_release(f);
		return NULL;
	}
	return f;
}

int32_t
em_fd_install(struct em_file *f, uint32_t fdflags, int32_t minfd)
{
	struct em_files *fs = em_proc()->p_files;
	uint32_t fd;
	int32_t err = 0;

	em_lock(&fs->fs_lock);
	fd = fd_table_lowest(fs, (uint32_t)minfd);
	if (fd >= fd_limit())
		err = EM_E(EMFILE);
	else if (!fd_table_grow(fs, fd))
		err = EM_E(ENOMEM);
	else
		fs->fs_fd[fd] = (struct em_fd){ .fd_file = f, .fd_flags = fdflags };
	em_unlock(&fs->fs_lock);
	return err < 0 ? err : (int32_t)fd;
}

void
em_fd_place(struct em_file *f, uint32_t fd, uint32_t fdflags)
{
	struct em_files *fs = em_proc()->p_files;

	em_lock(&fs->fs_lock);
	if (fd < FD_LIMIT_MAX && fd_table_grow(fs, fd) && fs->fs_fd[fd].fd_file == NULL) {
		em_file_hold(f);
		fs->fs_fd[fd] = (struct em_fd){ .fd_file = f, .fd_flags = fdflags };
	}
	em_unlock(&fs->fs_lock);
}

int32_t
em_fd_room(void)
{
	struct em_files *fs = em_proc()->p_files;
	uint32_t fd;

	em_lock(&fs->fs_lock);
	fd = fd_table_lowest(fs, 0);
	em_unlock(&fs->fs_lock);
	return fd < fd_limit() ? 0 : EM_E(EMFILE);
}

int32_t
em_fd_flags(int32_t fd, bool set, uint32_t flags)
{
	struct em_files *fs = em_proc()->p_files;
	int32_t result = EM_E(EBADF);

	em_lock(&fs->fs_lock);
	if ((uint32_t)fd < fs->fs_size && fs->fs_fd[fd].fd_file != NULL) {
		if (set)
			fs->fs_fd[fd].fd_flags = flags & EM_FD_CLOEXEC;
		result = set ? 0 : (int32_t)fs->fs_fd[fd].fd_flags;
	}
	em_unlock(&fs->fs_lock);
	return result;
}

/* ---- Calls ---- */

int32_t
sys_close(uint32_t fd, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_files *fs = em_proc()->p_files;
	struct em_file *f;

	(void)b, (void)c, (void)d, (void)e, (void)x;
	em_lock(&fs->fs_lock);
	f = fd_table_clear(fs, fd);
	em_unlock(&fs->fs_lock);
	if (f == NULL)
		return EM_E(EBADF);
	em_lock_closed(f);
	em_file_release(f);
	return 0;
}

int32_t
sys_close_range(uint32_t first, uint32_t last, uint32_t flags, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_files *fs = em_proc()->p_files;

	(void)d, (void)e, (void)x;
	if (first > last || flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))
		return EM_E(EINVAL);
	if (flags & CLOSE_RANGE_UNSHARE && fs->fs_refs > 1) {
		fs = em_files_copy(fs);
		if (fs == NULL)
			return EM_E(ENOMEM);
		em_files_release(em_proc()->p_files);
		em_proc()->p_files = fs;
	}
	for (uint32_t fd = first; fd <= last && fd < fs->fs_size; fd++) {
		if (flags & CLOSE_RANGE_CLOEXEC)
			(void)em_fd_flags((int32_t)fd, true, EM_FD_CLOEXEC);
		else
			(void)sys_close(fd, 0, 0, 0, 0, 0);
	}
	return 0;
}

int32_t
sys_dup(uint32_t oldfd, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)b, (void)c, (void)d, (void)e, (void)x;
	return em_fd_dup((int32_t)oldfd, 0, 0);
}

/* Errors: -EBADF, -EMFILE, -EINVAL (MINFD beyond the limit) */
int32_t
em_fd_dup(int32_t oldfd, int32_t minfd, uint32_t fdflags)
{
	struct em_file *f = em_fd_get(oldfd);
	int32_t fd;

	if (f == NULL)
		return EM_E(EBADF);
	if ((uint32_t)minfd >= fd_limit()) {
		em_file_release(f);
		return EM_E(EINVAL);
	}
	fd = em_fd_install(f, fdflags, minfd);
	if (fd < 0)
		em_file_release(f);
	return fd;
}

/* Put F (a reference that goes to the table) where NEWFD is, at once. */
static int32_t
fd_replace(struct em_file *f, uint32_t newfd, uint32_t fdflags)
{
	struct em_files *fs = em_proc()->p_files;
	struct em_file *old;

	em_lock(&fs->fs_lock);
	if (!fd_table_grow(fs, newfd)) {
		em_unlock(&fs->fs_lock);
		return EM_E(ENOMEM);
	}
	old = fs->fs_fd[newfd].fd_file;
	fs->fs_fd[newfd] = (struct em_fd){ .fd_file = f, .fd_flags = fdflags };
	em_unlock(&fs->fs_lock);
	if (old != NULL) {
		em_lock_closed(old);
		em_file_release(old);
	}
	return (int32_t)newfd;
}

int32_t
sys_dup3(uint32_t oldfd, uint32_t newfd, uint32_t flags, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_file *f;
	int32_t result;

	(void)d, (void)e, (void)x;
	if (flags & ~(uint32_t)MX_O_CLOEXEC || oldfd == newfd)
		return EM_E(EINVAL);
	if (newfd >= fd_limit())
		return EM_E(EBADF);
	f = em_fd_get((int32_t)oldfd);
	if (f == NULL)
		return EM_E(EBADF);
	result = fd_replace(f, newfd, em_fd_cloexec(flags));
	if (result < 0)
		em_file_release(f);
	return result;
}

int32_t
sys_dup2(uint32_t oldfd, uint32_t newfd, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	struct em_file *f;

	(void)c, (void)d, (void)e, (void)x;
	if (oldfd != newfd)
		return sys_dup3(oldfd, newfd, 0, 0, 0, 0);
	f = em_fd_get((int32_t)oldfd);
	if (f == NULL)
		return EM_E(EBADF);
	em_file_release(f);
	return (int32_t)newfd;
}

/* ---- exec and fork ---- */

/* Close what has FD_CLOEXEC: the new program of P starts. */
void
em_file_exec(struct em_process *p)
{
	struct em_files *fs = p->p_files;

	for (uint32_t fd = 0; fd < fs->fs_size; fd++)
		if (fs->fs_fd[fd].fd_file != NULL && fs->fs_fd[fd].fd_flags & EM_FD_CLOEXEC)
			(void)sys_close(fd, 0, 0, 0, 0, 0);
	em_kept_forget();
}

/* Does a fork child keep FD? Not what execve would close, if it EXECS at once. */
static bool
fd_is_inherited(const struct em_files *fs, uint32_t fd, bool execs)
{
	return fs->fs_fd[fd].fd_file != NULL && !(execs && fs->fs_fd[fd].fd_flags & EM_FD_CLOEXEC);
}

/* A file that a fork child is to have and that has no right yet, or NULL. */
static struct em_file *
fd_unready(const struct em_files *fs, bool execs)
{
	for (uint32_t fd = 0; fd < fs->fs_size; fd++)
		if (fd_is_inherited(fs, fd, execs) && !em_pipe_is_ready(fs->fs_fd[fd].fd_file))
			return fs->fs_fd[fd].fd_file;
	return NULL;
}

/* Before task_create: nobody changes tables or descriptions until em_file_fork_end. */
void
em_file_fork_begin(struct em_process *p, bool execs)
{
	struct em_file *f;
	int32_t err = 0;

	em_lock(&p->p_files->fs_lock);
	while (err == 0 && (f = fd_unready(p->p_files, execs)) != NULL) {
		em_file_hold(f);
		em_unlock(&p->p_files->fs_lock);
		err = em_pipe_ready(f);		/* if it fails so does em_file_fork */
		em_file_release(f);
		em_lock(&p->p_files->fs_lock);
	}
	em_lock(&em_file_lock);
	em_desc_freeze();
}

void
em_file_fork_end(struct em_process *p)
{
	em_unlock(&em_file_lock);
	em_unlock(&p->p_files->fs_lock);
}

static int32_t
fd_file_give(struct em_file *f, mach_port_t child_task)
{
	int32_t err = em_pipe_is_ready(f) ? 0 : EM_E(EAGAIN);

	if (err == 0 && f->f_port != MACH_PORT_NULL)
		err = em_port_give(child_task, f->f_port);
	if (err == 0 && f->f_port2 != MACH_PORT_NULL)
		err = em_port_give(child_task, f->f_port2);
	return err;
}

/* Is FD the lowest descriptor of its file that a child keeps? Nothing is written to the files for that: their pages would have to be copied. */
static bool
fd_is_first(const struct em_files *fs, uint32_t fd, bool execs)
{
	const struct em_file *f = fs->fs_fd[fd].fd_file;
	uint32_t i = 0;

	if (f->f_refs == 1)
		return true;
	while (fs->fs_fd[i].fd_file != f || !fd_is_inherited(fs, i, execs))
		i++;
	return i == fd;
}

/* Give CHILD_TASK, a copy of this one, the rights of everything that P has open, and P's file context.
 * Errors: -errno; the caller destroys the task. Locks: between em_file_fork_begin and em_file_fork_end. */
int32_t
em_file_fork(struct em_process *p, mach_port_t child_task, bool execs)
{
	struct em_files *fs = p->p_files;
	int32_t err = em_port_give(child_task, p->p_vfs);

	for (uint32_t fd = 0; fd < fs->fs_size && err == 0; fd++)
		if (fd_is_inherited(fs, fd, execs) && fd_is_first(fs, fd, execs))
			err = fd_file_give(fs->fs_fd[fd].fd_file, child_task);
	return err;
}

/* Is every file as the table of a fork child wants it: a reference for each of its descriptors, none for anything else? */
static bool
fd_counts_are_right(const struct em_files *fs)
{
	uint32_t refs = 0, fds = 0;

	for (const struct em_file *f = fd_all_files; f != NULL; f = f->f_next) {
		if (f->f_window.w_pins != 0 || f->f_window.w_wrote_ns != 0)
			return false;
		refs += f->f_refs;
	}
	for (uint32_t fd = 0; fd < fs->fs_size; fd++)
		fds += fs->fs_fd[fd].fd_file != NULL;
	return refs == fds;
}

/* In the child of a fork, before anything else of the file half: only what P has open is left. */
void
em_file_forked(struct em_process *p, bool execs)
{
	struct em_files *fs = p->p_files;
	struct em_file *next;

	em_file_lock = 0;
	fs->fs_lock = 0;
	fs->fs_refs = 1;
	em_lock_forked();
	em_kept_forked();
	em_poll_forked();
	em_epoll_forked();
	for (uint32_t fd = 0; fd < fs->fs_size && execs; fd++)	/* there is no right for it */
		if (fs->fs_fd[fd].fd_file != NULL && !fd_is_inherited(fs, fd, execs))
			(void)fd_table_clear(fs, fd);
	if (fd_counts_are_right(fs))
		return;
	for (struct em_file *f = fd_all_files; f != NULL; f = f->f_next) {
		f->f_refs = 0;
		f->f_window.w_pins = 0;
		f->f_window.w_wrote_ns = 0;	/* the parent tells */
	}
	for (uint32_t fd = 0; fd < fs->fs_size; fd++)
		if (fs->fs_fd[fd].fd_file != NULL)
			fs->fs_fd[fd].fd_file->f_refs++;
	for (struct em_file *f = fd_all_files; f != NULL; f = next) {
		next = f->f_next;
		if (f->f_refs == 0)
			fd_file_destroy(f, false);
	}
}
